"""Our kernels against peers and plain loops, as ratios within one run, each in a process of its own.

    python -m corpusmill.benchmarks [FOLDER_OF_WIKIPEDIA_DUMPS]

With a folder the markup is measured on its pages, else on generated ones. Exit code 1 when a floor is missed.
"""

import subprocess
import sys

MODULES = {"wikitext": sys.argv[1:], "mixing": [], "pipeline": []}
failed = []
for name, arguments in MODULES.items():
    print(f"== {name}", flush=True)
    if subprocess.run([sys.executable, "-m", f"corpusmill.benchmarks.{name}", *arguments]).returncode:
        failed.append(name)
sys.exit(f"below the floor: {', '.join(failed)}" if failed else 0)
