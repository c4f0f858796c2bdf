"""Raw shards: a headerless `.bin` of token ids that `np.memmap` opens, and a JSON sidecar that says what they are.

Source: karpathy/nanoGPT, data/openwebtext/prepare.py (the same layout is OLMo's memmap).
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from .build import Shard, ShardSpec
from .tokens import Ids, fit, token_dtype

FORMAT = "raw"


def encode(tokens: Ids, vocab_size: int, where: str = "shard") -> memoryview:
    """The bytes of the ids: little-endian uint16, or uint32 for a vocabulary above 65,536 pieces; nothing else.

    >>> encode(np.array([1, 258]), 32000).hex()
    '01000201'
    """
    return fit(tokens, vocab_size, token_dtype(vocab_size), where).view(np.uint8).data


def sidecar(shard: Shard, spec: ShardSpec) -> dict[str, Any]:
    """What a reader must know: width and order of the bytes, counts, the tokenizer, and the tokens of each source."""
    of_source = np.zeros(len(spec.sources), np.int64)
    np.add.at(of_source, shard.table["source"], shard.table["length"].astype(np.int64))
    return {
        "format": FORMAT,
        "dtype": token_dtype(spec.vocab_size).name,
        "byte_order": "little",
        "tokens": len(shard.tokens),
        "documents": len(shard.table),
        "vocab_size": spec.vocab_size,
        "bos_id": spec.bos_id,
        "eos_id": spec.eos_id,
        "tokenizer_sha256": spec.tokenizer_sha256,
        "sources": dict(zip(spec.sources, of_source.tolist(), strict=True)),
    }


def write(shard: Shard, spec: ShardSpec) -> dict[str, bytes | memoryview]:
    """The files of a shard, by suffix."""
    described = json.dumps(sidecar(shard, spec), indent=2, ensure_ascii=False) + "\n"
    return {".bin": encode(shard.tokens, spec.vocab_size, spec.name), ".json": described.encode()}
