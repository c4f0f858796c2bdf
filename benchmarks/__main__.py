"""Our kernels against peers and plain loops, as ratios within one run, each in a process of its own.

The exit code is 1 when one of them misses its floor.
"""

import subprocess
import sys

MODULES = ("wikitext", "mixing", "pipeline")
failed = []
for name in MODULES:
    print(f"== {name}", flush=True)
    if subprocess.run([sys.executable, "-m", f"corpusmill.benchmarks.{name}"]).returncode:
        failed.append(name)
sys.exit(f"below the floor: {', '.join(failed)}" if failed else 0)
