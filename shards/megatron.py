"""Megatron shards: `.bin` holds the ids back to back, `.idx` lengths and byte offsets; one document is one sequence.

Source: NVIDIA/Megatron-LM, megatron/core/datasets/indexed_dataset.py.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from .build import Shard, ShardSpec
from .tokens import Ids, fit

MAGIC = b"MMIDIDX\0\0"
VERSION = 1
DTYPE_CODES = {np.dtype("<u2"): 8, np.dtype("<i4"): 4}


def dtype_of(vocab_size: int) -> np.dtype[Any]:
    """The width that Megatron's own builder chooses; there is no uint32.

    >>> dtype_of(65499), dtype_of(65500)
    (dtype('uint16'), dtype('int32'))
    """
    return np.dtype("<u2" if vocab_size < 65500 else "<i4")


def encode_index(lengths: Ids, dtype: np.dtype[Any]) -> bytes:
    """The `.idx` of sequences of these lengths (in tokens), one a document: 42 + 20 bytes a sequence.

    >>> len(encode_index(np.array([3, 4]), np.dtype("<u2")))
    82
    """
    n = len(lengths)
    ends = np.cumsum(lengths, dtype="<i8")
    return b"".join(
        [
            struct.pack("<9sQBQQ", MAGIC, VERSION, DTYPE_CODES[dtype], n, n + 1),
            lengths.astype("<i4").tobytes(),
            ((ends - lengths) * dtype.itemsize).tobytes(),
            np.arange(n + 1, dtype="<i8").tobytes(),
        ]
    )


def write(shard: Shard, spec: ShardSpec) -> dict[str, bytes | memoryview]:
    """The files of a shard, by suffix; empty documents are no sequences, because trainers choke on them."""
    dtype = dtype_of(spec.vocab_size)
    lengths = shard.table["length"].astype(np.int64)
    tokens = fit(shard.tokens, spec.vocab_size, dtype, spec.name)
    return {".bin": tokens.view(np.uint8).data, ".idx": encode_index(lengths[lengths > 0], dtype)}
