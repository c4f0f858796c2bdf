"""Token shards whose documents are Markov chains: what can be learnt of them is known."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from corpusmill.shards import raw
from corpusmill.shards.build import TABLE, Shard
from corpusmill.shards.reader import ShardSet, index_table
from corpusmill.shards.spec import ShardSpec

VOCAB = 32
SOURCES = ("books", "nothing", "wikipedia")


def write_markov(folder: Path, lengths: Sequence[int], split: str = "train", seed: int = 1) -> ShardSet:
    """Shards of documents of 50 tokens in which 2 tokens (books) or 4 (wikipedia) may follow any one, equally often."""
    rng, after = np.random.default_rng(seed), {0: (5, 11), 2: (1, 3, 7, 13)}
    for suffix in ("raw", "index"):
        (folder / "shards" / suffix).mkdir(parents=True, exist_ok=True)
    for k, n_tokens in enumerate(lengths):
        name = f"{split}-{k:05d}-of-{len(lengths):05d}"
        table = np.zeros(-(-n_tokens // 50), TABLE)
        table["start"] = np.arange(len(table)) * 50
        table["length"] = np.minimum(50, n_tokens - table["start"])
        table["source"] = rng.choice([0, 2], len(table))
        steps = [rng.choice(after[int(row["source"])]) for row in table for _ in range(row["length"])]
        shard = Shard((np.cumsum(steps) % VOCAB).astype(np.uint16), table)
        spec = ShardSpec(split, k, len(lengths), VOCAB, None, None, "ab" * 32, SOURCES)
        for path, data in raw.write(shard, spec).items():
            (folder / "shards" / "raw" / path).write_bytes(data)
        index = index_table(shard, SOURCES, {source: ["file"] for source in SOURCES})
        pq.write_table(index, folder / "shards" / "index" / f"{name}.parquet")
    return ShardSet.open(folder, split)
