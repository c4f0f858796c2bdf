"""What the exchange costs beside Beam's own way, and that memory does not follow the text or the keys.

    python -m corpusmill.benchmarks.exchange [SCALE]

Cost: the keys of eight slices, two fifths of which other slices have too, through the phases `exchange` and `masks`;
against one element a key through Beam's GroupByKey, on the embedded runner, with a sixteenth of the keys, because it
holds them all in memory. Keys per CPU second of one process.
Memory: the largest resident size of `corpusmill run` on generated CommonCrawl dumps of 1 GB of text and of 2 GB, with
8 MB of keys compared at once.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import apache_beam as beam
import numpy as np

from ..manifest import read_receipts
from ..pipelines.answers import COUNT, KEY
from ..pipelines.engine.runner import pipeline_options
from ..pipelines.exchange import Group, exchange_phase, masks_phase
from ..pipelines.phase import Item, Phase, ShardOutput, perform
from ..pipelines.source import Keys
from ..samples import languages
from ..samples.commoncrawl import write_dump
from .pipeline import child

SLICES = 8
KEYS = 1 << 20  # of a slice
MIN_RATIO = 30.0
PAGES_A_GB = 355_000
MAX_GROWTH = 0.10
DUMP = "CC-MAIN-2019-09"


def main(scale: float = 1.0) -> bool:
    """Print both tables; False when a floor is missed."""
    with tempfile.TemporaryDirectory() as scratch:
        return all([measure_cost(Path(scratch)), measure_memory(Path(scratch), scale)])


def measure_cost(scratch: Path) -> bool:
    ours = SLICES * KEYS / time_phases(scratch, KEYS)
    there, back = (SLICES * (KEYS // 16) / time_elements(KEYS // 16, back) for back in (False, True))
    print(f"packed keys by ranges, and the answers:             {ours / 1e6:6.2f} M keys per CPU second")
    print(f"one element a key through one GroupByKey:           {there / 1e6:6.2f} M keys per CPU second")
    print(f"one element a key, and through another for answers: {back / 1e6:6.2f} M keys per CPU second")
    print(f"ratio to the faster {ours / there:.0f}; at least {MIN_RATIO:.0f}", flush=True)
    return ours >= MIN_RATIO * there


def slices_of_keys(n_keys: int) -> list[Keys]:
    """Sorted distinct keys of each slice; two fifths of them come from a common pool."""
    rng = np.random.default_rng(0)
    pool = rng.integers(0, 1 << 64, n_keys, np.uint64)
    own = [rng.integers(0, 1 << 64, n_keys - n_keys * 2 // 5, np.uint64) for _ in range(SLICES)]
    return [np.unique(np.concatenate([keys, rng.choice(pool, n_keys * 2 // 5, replace=False)])) for keys in own]


def write_keys(keys: Keys, out: ShardOutput) -> None:
    """A shard function: the sidecars of a slice, as the phase `hash` writes them."""
    stem = f"work/hash/bench/{out.item.name}"
    for ending, data in ((".documents", np.ones(len(keys), COUNT)), (".keys", keys.astype(KEY))):
        with out.binary(f"{stem}{ending}") as file:
            file.write(data)


def time_phases(scratch: Path, n_keys: int) -> float:
    """CPU seconds of the phases `exchange` and `masks`."""
    output = str(scratch / "phases")
    names = [f"{number}" for number in range(SLICES)]
    items = [Item(name, name, 0, keys) for name, keys in zip(names, slices_of_keys(n_keys), strict=True)]
    make(Phase("bench/hash", items, write_keys), output)
    hashed = read_receipts(output, "bench/hash", names)
    groups = [Group("all", tuple(names))]
    started = time.process_time()
    comparing = exchange_phase("bench", output, groups, hashed, "none", 16)
    make(comparing, output)
    compared = read_receipts(output, comparing.name, [item.name for item in comparing.items])
    make(masks_phase("bench", output, groups, hashed, compared, "none"), output)
    return time.process_time() - started


def make(phase: Phase, output: str) -> None:
    for item in phase.items:
        perform(item, phase.name, output, phase.function)


def time_elements(n_keys: int, back: bool) -> float:
    """CPU seconds of bringing equal keys together as one element each; with `back` of telling the slices, too."""
    pairs = [
        (key, number) for number, keys in enumerate(slices_of_keys(n_keys)) for key in keys.view(np.int64).tolist()
    ]
    started = time.process_time()
    with beam.Pipeline(options=pipeline_options([])) as pipeline:
        grouped = pipeline | beam.Create(pairs, reshuffle=False) | beam.GroupByKey()
        if back:
            grouped | beam.FlatMap(lambda group: [(n, group[0]) for n in group[1]]) | "by slice" >> beam.GroupByKey()
    return time.process_time() - started


def measure_memory(scratch: Path, scale: float) -> bool:
    peaks = []
    for n_files in (8, 16):
        folder = scratch / f"memory-{n_files}"
        files = write_dump(folder / "in", DUMP, n_files, round(PAGES_A_GB * scale / 8))
        languages.write(folder / "in", 0, 1.0)
        packed = sum(path.stat().st_size for path in files)
        arguments = ["run", "sample", "commoncrawl", "--inputs", str(folder / "in"), "--output", str(folder / "out")]
        seconds, peak = child("corpusmill", *arguments, "--set", "exchange_mb=8", "--workers", "1", "-q")
        peaks.append(peak)
        counts = json.loads((folder / "out/manifest.json").read_text())["sources"]["commoncrawl"]
        size = f"{n_files:>3} files, {counts['bytes.in'] / 1e6:,.0f} MB of text ({packed / 1e6:,.0f} packed)"
        print(f"{size}, {counts['lines.in']:,} lines: peak {peak:,.0f} MiB, {seconds:,.0f} CPU s", flush=True)
    growth = peaks[1] / peaks[0] - 1
    print(f"twice the text takes {100 * growth:+.1f} % memory; at most {100 * MAX_GROWTH:.0f} %")
    return growth <= MAX_GROWTH


if __name__ == "__main__":
    sys.exit(0 if main(*map(float, sys.argv[1:])) else 1)
