"""What the engine costs beside its shard function, and that memory does not follow the size of the input.

    python -m corpusmill.benchmarks.pipeline [SCALE]

Cost: the extract phase with one worker, as a process, against a process that calls the same shard function in a plain
loop over the same work items; CPU seconds of the whole processes, in turn. At scale 1 each takes over a minute.
Memory: the largest resident size of `corpusmill run` on generated dumps of two sizes, one four times the other, once
cut into streams and once in a single one; of the documents alone, whose peak is lower, and of the whole run. The
document files are kept small, so that both sizes fill several.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from ..mixtures.recipe import Recipe, load
from ..pipelines.extract import extract_phase
from ..pipelines.finding import find
from ..pipelines.phase import Phase, perform
from ..pipelines.reading import readings
from ..pipelines.sources import SOURCES
from ..samples.wikipedia import write_dump

PAGES_A_MINUTE = 280_000  # of generated pages, here
ROUNDS = 3
MAX_OVERHEAD = 0.15
MAX_GROWTH = 0.10
SMALL_PARTS = ("sources.wikipedia.slice_mb=1", "sources.wikipedia.part_mb=4", "shards.tokens=500000")


def main(scale: float = 1.0) -> bool:
    """Print both tables; False when a floor is missed."""
    with tempfile.TemporaryDirectory() as scratch:
        return all([measure_cost(Path(scratch), scale), measure_memory(Path(scratch), scale)])


def measure_cost(scratch: Path, scale: float) -> bool:
    folder = scratch / "cost" / "wikipedia"
    write_dump(folder / "enwiki-20220620-pages-articles-multistream.xml.bz2", "en", round(PAGES_A_MINUTE * scale))
    ratios = []
    for number in range(ROUNDS):
        seconds = {}
        for how in ("phase", "loop"):
            output = scratch / f"{how}-{number}"
            seconds[how] = child(__spec__.name, how, str(folder.parent), str(output))[0]
        ratios.append(seconds["phase"] / seconds["loop"])
        print(
            f"extract: phase {seconds['phase']:6.1f} CPU s, plain loop {seconds['loop']:6.1f}, ratio {ratios[-1]:.3f}"
        )
    median = statistics.median(ratios)
    print(
        f"extract: the engine costs {100 * (median - 1):.1f} % (median of {ROUNDS}); at most {100 * MAX_OVERHEAD:.0f} %"
    )
    return median <= 1 + MAX_OVERHEAD


def measure_memory(scratch: Path, scale: float) -> bool:
    passed = True
    for streams, form in ((64, "multistream"), (None, "single stream")):
        peaks: dict[str, list[float]] = {"documents": [], "whole run": []}
        for times in (1, 4):
            folder = scratch / f"memory-{streams}-{times}"
            n_pages = round(8000 * scale * times)
            write_dump(folder / "in/wikipedia/enwiki-20220620-pages-articles.xml.bz2", "en", n_pages, 0, streams)
            for what, sources in (("documents", ["wikipedia"]), ("whole run", [])):
                arguments = ["run", "sample", *sources, "--inputs", str(folder / "in"), "--output", str(folder / what)]
                arguments += [word for setting in SMALL_PARTS for word in ("--set", setting)]
                peaks[what].append(child("corpusmill", *arguments, "--workers", "1", "-q")[1])
                print(f"{what}, {form}: {n_pages:>7,} pages, peak {peaks[what][-1]:6.0f} MiB", flush=True)
        for what, (small, large) in peaks.items():
            growth = large / small - 1
            limit = f"at most {100 * MAX_GROWTH:.0f} %"
            print(f"{what}, {form}: four times the input takes {100 * growth:+.1f} % memory; {limit}", flush=True)
            passed &= growth <= MAX_GROWTH
    return passed


def child(module: str, *arguments: str) -> tuple[float, float]:
    """Run a module as a process: CPU seconds, and MiB of its peak resident size."""
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{module} {' '.join(arguments)}: exit code {process.returncode}")
    per_mib = 1024 * 1024 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, in KiB here
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / per_mib


def extract(inputs: str) -> tuple[Recipe, Phase]:
    recipe = load("sample")
    plan = readings("wikipedia", find(recipe, ["wikipedia"], inputs)["wikipedia"].files, recipe)
    return recipe, extract_phase(SOURCES["wikipedia"], plan, {}, recipe, {})


def run_phase(inputs: str, output: str) -> None:
    from ..pipelines.engine.driver import Driver

    Driver(output, workers=1, quiet=True).run(extract(inputs)[1])


def run_loop(inputs: str, output: str) -> None:
    phase = extract(inputs)[1]
    for item in phase.items:
        perform(item, phase.name, output, phase.function)


if __name__ == "__main__":
    if sys.argv[1:2] == ["phase"]:
        run_phase(*sys.argv[2:])
    elif sys.argv[1:2] == ["loop"]:
        run_loop(*sys.argv[2:])
    else:
        sys.exit(0 if main(*map(float, sys.argv[1:])) else 1)
