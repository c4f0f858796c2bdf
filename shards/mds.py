"""MosaicML MDS shards, a row a sample: a folder a shard with an index of its own, joined to one index a split.

The one column is `tokens`: of fixed shape where rows are sequences of one length, which is what LLM-Foundry wants.

Source: mosaicml/streaming, streaming/base/format/mds/writer.py and encodings.py, format/base/writer.py, base/util.py
(merge_index).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from ..errors import ShardError
from .build import Shard
from .spec import PART_BYTES, Content, Files, Given, Rows, ShardSpec, Written, cut_parts, expect, rows_of, view
from .tokens import Ids

INDEX = "index.json"
VERSION = 2
MAX_BYTES = (1 << 32) - 1  # offsets are uint32


def folder_of(spec: ShardSpec) -> str:
    """
    >>> folder_of(ShardSpec("train", 3, 14, 32000, 1, 2, "", ()))
    'train/00003'
    """
    return f"{spec.split}/{spec.number:05d}"


def config(dtype: np.dtype[Any], length: int | None) -> dict[str, Any]:
    """What a shard says of itself; `length` of all its rows, or None where they differ."""
    shape = "" if length is None else f":{length}"
    return {
        "version": VERSION,
        "format": "mds",
        "compression": None,
        "hashes": [],
        "size_limit": PART_BYTES,
        "column_names": ["tokens"],
        "column_encodings": [f"ndarray:{dtype.name}{shape}"],
        "column_sizes": [None if length is None else length * dtype.itemsize],
    }


def encode_sample(ids: Ids, length: int | None) -> bytes:
    """A row. Of fixed length the bare ids; else the size in bytes, number of dimensions and shape before them.

    >>> encode_sample(np.array([5, 6], "<u2"), None).hex()
    '06000000040205000600'
    """
    if length is not None:
        return ids.tobytes()
    width = next(code for code in range(4) if len(ids) < 1 << (8 << code))
    body = bytes([1 << 2 | width]) + len(ids).to_bytes(1 << width, "little") + ids.tobytes()
    return len(body).to_bytes(4, "little") + body


def encode_shard(samples: list[bytes], described: Mapping[str, Any]) -> bytes:
    """A `.mds` file."""
    said = json.dumps(described, sort_keys=True).encode()
    n = len(samples)
    sizes = np.fromiter(map(len, samples), np.int64, n)
    offsets = 4 + 4 * (n + 1) + len(said) + np.concatenate([[0], np.cumsum(sizes)])
    if offsets[-1] > MAX_BYTES:
        raise ShardError(f"MDS: expected at most {MAX_BYTES:,} bytes in a file, got {offsets[-1]:,}")
    return b"".join([n.to_bytes(4, "little"), offsets.astype("<u4").tobytes(), said, *samples])


def write(shard: Shard, spec: ShardSpec) -> Files:
    """The files of a shard."""
    rows, length = rows_of(shard, spec), spec.sequence.length if spec.sequence else None
    described, folder = config(spec.dtype, length), folder_of(spec)
    files: Files = {}
    shards = []
    for number, (basename, data, n) in enumerate(_parts(rows, described, length, spec)):
        raw_data = {"basename": basename, "bytes": len(data), "hashes": {}}
        shards.append({**described, "samples": n, "raw_data": raw_data, "zip_data": None})
        files[f"{folder}/shard.{number:05d}.mds"] = data
    return {**files, f"{folder}/{INDEX}": _index(shards)}


def _parts(
    rows: Rows, described: Mapping[str, Any], length: int | None, spec: ShardSpec
) -> list[tuple[str, bytes, int]]:
    sizes = rows.lengths * spec.dtype.itemsize + 16  # with offsets and shape
    samples = list(rows)
    found = []
    for number, part in enumerate(cut_parts(sizes)):
        data = encode_shard([encode_sample(ids, length) for ids in samples[part]], described)
        found.append((f"shard.{number:05d}.mds", data, part.stop - part.start))
    return found


def _index(shards: list[dict[str, Any]]) -> bytes:
    return json.dumps({"version": VERSION, "shards": shards}, sort_keys=True).encode()


def join(written: Written, pieces: Mapping[str, bytes]) -> Files:
    """`train/index.json` and `val/index.json`: the shards of all folders, each named with its folder."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(pieces):
        split, folder, _ = path.split("/")
        for one in json.loads(pieces[path])["shards"]:
            one["raw_data"]["basename"] = f"{folder}/{one['raw_data']['basename']}"
            found.setdefault(split, []).append(one)
    return {f"{split}/{INDEX}": _index(shards) for split, shards in found.items()}


def read(files: Given, spec: ShardSpec) -> Content:
    """What the files of a shard hold."""
    folder = folder_of(spec)
    path = f"{folder}/{INDEX}"
    tokens: list[Ids] = [np.zeros(0, spec.dtype)]
    lengths: list[int] = []
    for one in json.loads(bytes(files[path]))["shards"]:
        part = f"{folder}/{one['raw_data']['basename']}"
        expect(part in files, path, f"it names {part}, which is not of this shard")
        before = len(lengths)
        for ids in _samples(files, part, spec):
            tokens.append(ids)
            lengths.append(len(ids))
        counted = (one["raw_data"]["bytes"], one["samples"])
        expect(counted == (len(files[part]), len(lengths) - before), path, f"it counts otherwise than {part}")
    return Content(np.concatenate(tokens), np.array(lengths, np.int64))


def _samples(files: Given, path: str, spec: ShardSpec) -> list[Ids]:
    data, length = files[path], spec.sequence.length if spec.sequence else None
    n = int(view(data, "<u4", path, 0, 1)[0])
    offsets = view(data, "<u4", path, 4, n + 1).astype(np.int64).tolist()
    expect(offsets[-1] == len(data) and offsets == sorted(offsets), path, "its offsets are not those of its samples")
    described = json.loads(bytes(data[4 * (n + 2) : offsets[0]]))
    expect(described == config(spec.dtype, length), path, "it describes other samples")
    found = []
    for start, stop in pairwise(offsets):
        if length is None:
            start += 4 + 1 + (1 << (int(data[start + 4]) & 3))
        found.append(view(data[start:stop], spec.dtype, path))
    return found


def arguments(written: Written) -> dict[str, str]:
    """By trainer, how it reads what was written."""
    local = 'StreamingDataset(local="shards/mds", split="train", shuffle=False, batch_size=…)'
    if written.sequence is None:
        return {"mosaicml-streaming": local}
    return {
        "mosaicml-streaming": local,
        "LLM-Foundry": "train_loader: {name: text, dataset: {local: shards/mds, split: train, shuffle: false, "
        f"max_seq_len: {written.length}}}}}   eval_loader: the same with split: val",
    }
