"""Raw shards: a headerless `.bin` of token ids that `np.memmap` opens, and a JSON sidecar that says what they are.

Source: karpathy/nanoGPT, data/openwebtext/prepare.py.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from .build import Shard
from .spec import Content, Files, Given, ShardSpec, Written, expect, ids_of, view

FORMAT = "raw"


def sidecar(shard: Shard, spec: ShardSpec) -> dict[str, Any]:
    """What a reader must know: width and order of the bytes, counts, the tokenizer, and the tokens of each source."""
    of_source = np.zeros(len(spec.sources), np.int64)
    np.add.at(of_source, shard.table["source"], shard.table["length"].astype(np.int64))
    return {
        "format": FORMAT,
        "dtype": spec.dtype.name,
        "byte_order": "little",
        "tokens": len(shard.tokens),
        "documents": len(shard.table),
        "vocab_size": spec.vocab_size,
        "bos_id": spec.bos_id,
        "eos_id": spec.eos_id,
        "tokenizer_sha256": spec.tokenizer_sha256,
        "sources": dict(zip(spec.sources, of_source.tolist(), strict=True)),
    }


def write(shard: Shard, spec: ShardSpec) -> Files:
    """The ids, little-endian, and nothing else; and the sidecar."""
    described = json.dumps(sidecar(shard, spec), indent=2, ensure_ascii=False) + "\n"
    return {f"{spec.name}.bin": ids_of(shard, spec).view(np.uint8).data, f"{spec.name}.json": described.encode()}


def read(files: Given, spec: ShardSpec) -> Content:
    """What the files of a shard hold."""
    path = f"{spec.name}.bin"
    tokens, described = view(files[path], spec.dtype, path), json.loads(bytes(files[f"{spec.name}.json"]))
    expect(described["tokens"] == len(tokens), f"{spec.name}.json", f"expected {len(tokens):,} tokens, got other ones")
    return Content(tokens)


def arguments(written: Written) -> dict[str, str]:
    """By trainer, how it reads what was written."""
    first = (written.names("train") or ["…"])[0]
    found = {
        "corpusmill": "corpusmill train .",
        "NumPy": f'np.memmap("shards/raw/{first}.bin", dtype="{written.dtype.name}", mode="r")',
    }
    if written.dtype.itemsize == 2:  # nanoGPT reads nothing else
        found["nanoGPT (in its folder; OUT is the output folder)"] = (
            "mkdir data/corpusmill; cat OUT/shards/raw/train-*.bin > data/corpusmill/train.bin; "
            "cat OUT/shards/raw/val-*.bin > data/corpusmill/val.bin; "
            f"python -c 'import pickle; pickle.dump(dict(vocab_size={written.vocab_size}), "
            'open("data/corpusmill/meta.pkl", "wb"))\'; python train.py --dataset=corpusmill'
        )
    return found
