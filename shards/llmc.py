"""llm.c shards: a header of 256 int32 and the ids; the training shards are numbered from 1, those of validation from 0.

llm.c itself puts its one mark before each document: that is BOS here, as the recipe has it. No mark is added or moved.

Source: karpathy/llm.c, dev/data/data_common.py and llmc/dataloader.h (modded-nanogpt reads the same).
"""

from __future__ import annotations

import numpy as np

from ..errors import ShardError
from .build import Shard
from .spec import Content, Files, Given, ShardSpec, Written, expect, ids_of, view

HEADER_INTS = 256
HEADERS = {2: (20240520, 1), 4: (20240801, 7)}  # bytes of an id → magic, version
MAX_TOKENS = (1 << 31) - 1


def path_of(spec: ShardSpec) -> str:
    """
    >>> path_of(ShardSpec("train", 0, 14, 32000, 1, 2, "", ()))
    'corpusmill_train_000001.bin'
    """
    return f"corpusmill_{spec.split}_{spec.number + (spec.split == 'train'):06d}.bin"


def header(n_tokens: int, width: int) -> bytes:
    """
    >>> len(header(7, 2)), header(7, 2)[:12].hex()
    (1024, '88d834010100000007000000')
    """
    values = np.zeros(HEADER_INTS, "<i4")
    values[:3] = (*HEADERS[width], n_tokens)
    return values.tobytes()


def write(shard: Shard, spec: ShardSpec) -> Files:
    """The files of a shard."""
    if len(shard.tokens) > MAX_TOKENS:
        raise ShardError(
            f"{spec.name}: llm.c counts up to {MAX_TOKENS:,} tokens in a shard, got {len(shard.tokens):,}; "
            "set a smaller shards.tokens"
        )
    first = np.frombuffer(header(len(shard.tokens), spec.dtype.itemsize), np.uint8)
    return {path_of(spec): np.concatenate([first, ids_of(shard, spec).view(np.uint8)]).data}


def read(files: Given, spec: ShardSpec) -> Content:
    """What the files of a shard hold."""
    path = path_of(spec)
    start = HEADER_INTS * 4
    tokens = view(files[path], spec.dtype, path, start)
    right = header(len(tokens), spec.dtype.itemsize)
    expect(bytes(files[path][:start]) == right, path, f"its header is not that of {len(tokens):,} tokens")
    return Content(tokens)


def arguments(written: Written) -> dict[str, str]:
    """By trainer, how it reads what was written."""
    return {
        "llm.c": '-i "shards/llmc/corpusmill_train_*.bin" -j "shards/llmc/corpusmill_val_*.bin" '
        f"-t {written.length}   (each shard must hold at least processes * batch * length + 1 tokens)"
    }
