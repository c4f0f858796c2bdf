"""Megatron shards: `.bin` holds the ids back to back, `.idx` lengths and byte offsets; one document is one sequence.

Source: NVIDIA/Megatron-LM, megatron/core/datasets/indexed_dataset.py.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .build import Shard
from .spec import Content, Files, Given, ShardSpec, Written, document_lengths, expect, view
from .tokens import fit

MAGIC = b"MMIDIDX\0\0"
VERSION = 1
DTYPE_CODES = {np.dtype("<u2"): 8, np.dtype("<i4"): 4}
BLEND = "blend.json"
_HEAD = 34


def dtype_of(vocab_size: int) -> np.dtype[Any]:
    """The width that Megatron's own builder chooses; there is no uint32.

    >>> dtype_of(65499), dtype_of(65500)
    (dtype('uint16'), dtype('int32'))
    """
    return np.dtype("<u2" if vocab_size < 65500 else "<i4")


def encode_index(lengths: npt.NDArray[np.integer[Any]], dtype: np.dtype[Any]) -> bytes:
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


def write(shard: Shard, spec: ShardSpec) -> Files:
    """Empty documents are no sequences, because trainers choke on them."""
    dtype = dtype_of(spec.vocab_size)
    tokens = fit(shard.tokens, spec.vocab_size, dtype, spec.name)
    return {
        f"{spec.name}.bin": tokens.view(np.uint8).data,
        f"{spec.name}.idx": encode_index(document_lengths(shard), dtype),
    }


def read(files: Given, spec: ShardSpec) -> Content:
    """What the files of a shard hold."""
    path, dtype = f"{spec.name}.idx", dtype_of(spec.vocab_size)
    n = int(view(files[path], "<u8", path, 18, 1)[0])
    lengths = view(files[path], "<i4", path, _HEAD, n).astype(np.int64)
    right = bytes(files[path]) == encode_index(lengths, dtype)
    expect(right, path, f"it is no index of {n:,} documents, one behind the other")
    return Content(view(files[f"{spec.name}.bin"], dtype, f"{spec.name}.bin"), lengths)


def join(written: Written, pieces: Mapping[str, bytes]) -> Files:
    """The blend for --per-split-data-args-path: every shard, weighted with its tokens."""
    blend = {"train": "train", "valid": "val", "test": ""}
    value = {
        name: [
            word
            for shard, n in zip(written.names(split), filter(None, written.tokens.get(split, ())), strict=True)
            for word in (str(n), f"shards/megatron/{shard}")
        ]
        or None
        for name, split in blend.items()
    }
    return {BLEND: (json.dumps(value, indent=1) + "\n").encode()}


def arguments(written: Written) -> dict[str, str]:
    """By trainer, how it reads what was written."""
    model = "tokenizer/tokenizer.model"
    return {
        "Megatron-LM": f"--per-split-data-args-path shards/megatron/{BLEND} --seq-length {written.length} "
        f"--tokenizer-type Llama2Tokenizer --tokenizer-model {model}",
        "megatron-core": f'IndexedDataset("shards/megatron/{(written.names("train") or ["…"])[0]}")',
    }
