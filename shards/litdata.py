"""LitData shards: chunks of ids that TokensLoader cuts into blocks, and one index a split.

A chunk ends with a document, and holds up to 64 MiB. Blocks run over the borders of documents and end with the chunk.

Source: Lightning-AI/litData, src/litdata/streaming/writer.py and item_loader.py (0.2.76).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ShardError
from .build import Shard
from .spec import (
    PART_BYTES,
    Content,
    Files,
    Given,
    ShardSpec,
    Written,
    cut_parts,
    document_lengths,
    expect,
    ids_of,
    view,
)
from .tokens import Ids

INDEX = "index.json"
DTYPE_CODES = {"uint16": 5, "uint32": 6}  # in LitData's list of NumPy types
MAX_BYTES = (1 << 32) - 1  # offsets are uint32
_LEAF = '[1, {"type": null, "context": null, "children_spec": []}]'


def piece_of(spec: ShardSpec) -> str:
    """
    >>> piece_of(ShardSpec("train", 3, 14, 32000, 1, 2, "", ()))
    'train/3.index.json'
    """
    return f"{spec.split}/{spec.number}.{INDEX}"


def encode_chunk(ids: Ids, lengths: Ids) -> bytes:
    """A chunk: the number of documents, where each begins and the last one ends (in bytes of the file), and the ids.

    >>> encode_chunk(np.array([7, 8, 9], "<u2"), np.array([2, 1])).hex()
    '02000000100000001400000016000000070008000900'
    """
    n = len(lengths)
    offsets = 4 * (n + 2) + np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]) * ids.itemsize
    if offsets[-1] > MAX_BYTES:
        raise ShardError(f"LitData: expected at most {MAX_BYTES:,} bytes in a chunk, got {offsets[-1]:,}")
    return b"".join([n.to_bytes(4, "little"), offsets.astype("<u4").tobytes(), ids.tobytes()])


def write(shard: Shard, spec: ShardSpec) -> Files:
    """The files of a shard."""
    ids, lengths = ids_of(shard, spec), document_lengths(shard)
    ends = np.cumsum(lengths)
    files: Files = {}
    chunks = []
    for number, part in enumerate(cut_parts(lengths * ids.itemsize + 4)):
        start, stop = int(ends[part.start] - lengths[part.start]), int(ends[part.stop - 1])
        data, filename = encode_chunk(ids[start:stop], lengths[part]), f"chunk-{spec.number}-{number}.bin"
        size = {"chunk_bytes": len(data), "chunk_size": part.stop - part.start, "dim": stop - start}
        chunks.append({**size, "filename": filename})
        files[f"{spec.split}/{filename}"] = data
    return {**files, piece_of(spec): _index(chunks, spec.dtype)}


def _index(chunks: list[dict[str, Any]], dtype: np.dtype[Any]) -> bytes:
    config = {
        "chunk_bytes": PART_BYTES,
        "chunk_size": None,
        "compression": None,
        "data_format": [f"no_header_numpy:{DTYPE_CODES[dtype.name]}"],
        "data_spec": _LEAF,
        "encryption": None,
        "item_loader": "TokensLoader",
    }
    return json.dumps({"chunks": chunks, "config": config}, sort_keys=True).encode()


def join(written: Written, pieces: Mapping[str, bytes]) -> Files:
    """`train/index.json` and `val/index.json`: the chunks of all shards, in their order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(pieces, key=lambda path: int(path.split("/")[1].split(".")[0])):
        found.setdefault(path.split("/")[0], []).extend(json.loads(pieces[path])["chunks"])
    return {f"{split}/{INDEX}": _index(chunks, written.dtype) for split, chunks in sorted(found.items())}


def read(files: Given, spec: ShardSpec) -> Content:
    """What the files of a shard hold."""
    path = piece_of(spec)
    tokens: list[Ids] = [np.zeros(0, spec.dtype)]
    lengths: list[Ids] = [np.zeros(0, np.int64)]
    for one in json.loads(bytes(files[path]))["chunks"]:
        chunk = f"{spec.split}/{one['filename']}"
        expect(chunk in files, path, f"it names {chunk}, which is not of this shard")
        n = int(view(files[chunk], "<u4", chunk, 0, 1)[0])
        offsets = view(files[chunk], "<u4", chunk, 4, n + 1).astype(np.int64)
        right = offsets[0] == 4 * (n + 2) and offsets[-1] == len(files[chunk])
        expect(bool(right), chunk, "its offsets are not those of its documents")
        tokens.append(view(files[chunk], spec.dtype, chunk, int(offsets[0])))
        lengths.append(np.diff(offsets) // spec.dtype.itemsize)
        counted = (one["chunk_bytes"], one["chunk_size"], one["dim"])
        expect(counted == (len(files[chunk]), n, len(tokens[-1])), path, f"it counts otherwise than {chunk}")
    return Content(np.concatenate(tokens), np.concatenate(lengths))


def arguments(written: Written) -> dict[str, str]:
    """By trainer, how it reads what was written."""
    loader = f"TokensLoader(block_size={written.length} + 1)"
    return {"LitData": f'StreamingDataset("shards/litdata/train", item_loader={loader}, shuffle=False)'}
