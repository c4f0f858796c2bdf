"""Our kernels against peers and plain loops, as ratios within one run, each in a process of its own.

    python -m corpusmill.benchmarks [INPUTS]

INPUTS holds real dumps as a run takes them: wikipedia/, commoncrawl/, models/lid.*. Without it, or where it lacks a
folder, all is measured on generated input. Exit code 1 when a floor is missed.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from ..pipelines.sources import SOURCES
from ..samples import write_sample

with tempfile.TemporaryDirectory() as scratch:
    write_sample(scratch)
    given = Path(sys.argv[1]) if sys.argv[1:] else Path(scratch)

    def real(folder: str) -> list[str]:
        """A folder of real dumps as an argument, where there is one."""
        return [str(given / folder)] if sys.argv[1:] and (given / folder).is_dir() else []

    crawl = given if real("commoncrawl") and any(given.glob("models/lid.*")) else Path(scratch)
    modules = {
        "wikitext": real("wikipedia"),
        "lines": real("commoncrawl/crawl-data"),
        "c4": real("commoncrawl/crawl-data"),
        "github": real("github/joined"),
        "language": [str(crawl / "commoncrawl/crawl-data"), str(next(crawl.glob("models/lid.*")))],
        "exchange": [],
        "estimator": [],
        "crawl": [str(crawl)],
        "falls": [str(crawl)],
        "forecasts": [str(given if all(map(real, SOURCES)) else scratch)],
        "tokens": [str(given)] if real("commoncrawl") else [],
        "mixing": [],
        "overlap": [],
        "latex": real("arxiv"),
        "html": real("stackexchange"),
        "pipeline": [],
    }
    failed = []
    for name, arguments in modules.items():
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"corpusmill.benchmarks.{name}", *arguments]).returncode:
            failed.append(name)
sys.exit(f"below the floor: {', '.join(failed)}" if failed else 0)
