"""datatrove shards: `.ds` holds the ids, `.ds.index` where each document ends, `.ds.metadata` three lines.

Its readers cut windows of length + 1 tokens themselves, so that nothing is packed here.

Source: huggingface/datatrove, src/datatrove/pipeline/tokens/tokenizer.py and src/datatrove/utils/dataset.py.
"""

from __future__ import annotations

import numpy as np

from .build import Shard
from .spec import Content, Files, Given, ShardSpec, Written, document_lengths, expect, ids_of, view


def readable(n_tokens: int) -> str:
    """
    >>> readable(248_000), readable(1_234_000_000)
    ('248.00 KT', '1.23 GT')
    """
    power = min(4, max(1, (len(str(n_tokens)) - 1) // 3))
    return f"{n_tokens / 1000**power:.2f} {' KMGT'[power]}T"


def write(shard: Shard, spec: ShardSpec) -> Files:
    """The files of a shard."""
    stem, n = f"{spec.split}/{spec.name}.ds", len(shard.tokens)
    lines = (f"tokenizer.model|{spec.dtype.itemsize}", str(n), readable(n))
    return {
        stem: ids_of(shard, spec).view(np.uint8).data,
        f"{stem}.index": np.cumsum(document_lengths(shard), dtype="<u8").tobytes(),
        f"{stem}.metadata": "\n".join(lines).encode(),
    }


def read(files: Given, spec: ShardSpec) -> Content:
    """What the files of a shard hold."""
    path = f"{spec.split}/{spec.name}.ds"
    tokens = view(files[path], spec.dtype, path)
    ends = view(files[f"{path}.index"], "<u8", f"{path}.index").astype(np.int64)
    said = bytes(files[f"{path}.metadata"]).decode().split("\n")
    expect(said[1] == str(len(tokens)), f"{path}.metadata", f"expected {len(tokens)} tokens, got {said[1]}")
    return Content(tokens, np.diff(ends, prepend=0))


def arguments(written: Written) -> dict[str, str]:
    """By trainer, how it reads what was written."""
    folder, width = "shards/datatrove/train", written.dtype.itemsize
    return {
        "datatrove": f'DatatroveFolderDataset("{folder}", seq_len={written.length}, token_size={width})',
        "nanotron": f"data_stages[].data.dataset: {{dataset_folder: [{folder}], vocab_size: {written.vocab_size}, "
        f"token_size_in_bytes: {width}}}   tokens.sequence_length: {written.length}",
    }
