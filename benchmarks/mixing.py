"""Building shards against a plain copy of the same bytes, in CPU seconds of one run.

    python -m corpusmill.benchmarks.mixing [MILLIONS_OF_TOKENS]

Three sources with 0.37, 1 and 2.45 epochs, each in four mapped token files; documents of 700 tokens on average, then of
30. Both sides write files to the same folder. The plan is measured too, per document.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..mixtures.circle import SourcePlan, count_tokens, plan_source, split_hash
from ..shards.build import Files, build_shard, documents
from ..shards.raw import write
from ..shards.spec import ShardSpec
from ..shards.tokens import INDEX, TokenFile

EPOCHS = {"arxiv": 0.37, "books": 1, "wikipedia": 2.45}
SHARDS, SEED, VALIDATION, BOS, EOS, VOCAB_SIZE = 8, 0, 0.001, 1, 2, 32_000
ROUNDS = 3


def make_files(folder: Path, n_tokens: int, mean: int) -> Files:
    """Token files of random ids, `n_tokens` in all shards together."""
    rng = np.random.default_rng(0)
    files: dict[str, list[TokenFile]] = {source: [] for source in EPOCHS}
    n = int(n_tokens / sum(EPOCHS.values()) / mean / 4)
    for source, of_source in files.items():
        for f in range(4):
            index = np.zeros(n, INDEX)
            index["key"] = np.sort(rng.integers(0, 2**64, n, np.uint64))
            index["length"] = rng.geometric(1 / mean, n)
            index["start"] = np.cumsum(index["length"], dtype=np.uint64) - index["length"]
            index["split"], index["row"] = split_hash(index["key"]), rng.permutation(n)
            stem = folder / f"{source}-{mean}-{f}"
            index.tofile(f"{stem}.index")
            rng.integers(3, VOCAB_SIZE, int(index["length"].sum()), np.uint16).tofile(f"{stem}.tokens")
            of_source.append(TokenFile.open(stem, "<u2"))
    return files


def plan(files: Files) -> dict[str, SourcePlan]:
    """The plans of all sources."""
    chunks = {source: documents(of_source, VALIDATION, BOS, EOS) for source, of_source in files.items()}
    return {
        source: plan_source(source, found, round(EPOCHS[source] * count_tokens(found)), SHARDS, SEED)
        for source, found in chunks.items()
    }


def build(files: Files, plans: dict[str, SourcePlan], folder: Path) -> None:
    """All shards, as raw files."""
    for k in range(SHARDS):
        spec = ShardSpec("train", k, SHARDS, VOCAB_SIZE, BOS, EOS, "", tuple(sorted(files)))
        shard = build_shard(files, plans, k, SEED, VALIDATION, BOS, EOS)
        for path, data in write(shard, spec).items():
            (folder / path).write_bytes(data)


def copy(folder: Path) -> None:
    """The same bytes once more: each shard mapped, its two halves joined in memory, written."""
    for k in range(SHARDS):
        tokens = np.memmap(folder / f"train-{k:05d}-of-{SHARDS:05d}.bin", "<u2", "r")
        half = len(tokens) // 2
        np.concatenate([tokens[half:], tokens[:half]]).tofile(folder / f"{k}.copy")


def cpu_seconds(work: Callable[[], object]) -> float:
    """The best of some rounds, user and system time."""
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.process_time()
        work()
        best = min(best, time.process_time() - begin)
    return best


def measure(folder: Path, n_tokens: int, mean: int) -> str:
    """One line of the table."""
    files = make_files(folder, n_tokens, mean)
    plans = plan(files)
    millions = sum(plan.tokens for plan in plans.values()) / 1e6
    n_documents = sum(len(file.index) for of_source in files.values() for file in of_source)
    planning = cpu_seconds(lambda: plan(files)) / n_documents * 1e9
    building = cpu_seconds(lambda: build(files, plans, folder))
    copying = cpu_seconds(lambda: copy(folder))
    rates = f"{millions / building:21,.0f} {millions / copying:20,.0f}"
    return f"{mean:15} {planning:17,.0f} {rates} {building / copying:9.1f} : 1"


def main(millions: int = 50) -> None:
    """Print a line for each mean length of documents."""
    print("tokens/document  plan ns/document  build M tokens/CPU s  copy M tokens/CPU s  build : copy")
    for mean in (700, 30):
        with tempfile.TemporaryDirectory() as folder:
            print(measure(Path(folder), millions * 10**6, mean))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
