"""ArrayRecord shards for Grain: a record a row, a serialised tf.train.Example with the ids as int64 list `text`.

The file is written by the package array-record (extra `arrayrecord`), whose format is not one to write by hand.

Source: google/array_record; MaxText's input pipeline for tokenised data, which reads the feature `text`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from .build import Shard
from .spec import Content, Files, Given, ShardSpec, Written, expect, rows_of
from .tokens import Ids

FEATURE = b"text"
GROUPS = "group_size:1"  # Grain reads single records
_BYTES = 5  # of a varint of 32 bits


def path_of(spec: ShardSpec) -> str:
    """
    >>> path_of(ShardSpec("train", 3, 14, 32000, 1, 2, "", ()))
    'train.array_record-00003-of-00014'
    """
    return f"{spec.split}.array_record-{spec.number:05d}-of-{spec.of:05d}"


def varints(ids: Ids) -> bytes:
    """Numbers as protobuf writes them in a packed field: seven bits a byte, lowest first, the last byte below 128.

    >>> varints(np.array([1, 127, 128, 300])).hex()
    '017f8001ac02'
    """
    shifted = ids.astype(np.uint64)[:, None] >> np.arange(0, 7 * _BYTES, 7, dtype=np.uint64)
    there = shifted > 0
    there[:, 0] = True
    goes_on = np.zeros(there.shape, np.uint64)
    goes_on[:, :-1] = there[:, 1:]
    return bytes(((shifted & np.uint64(127)) | goes_on << np.uint64(7))[there].astype(np.uint8))


def _field(number: int, data: bytes) -> bytes:
    """A field of bytes."""
    return bytes([number << 3 | 2]) + varints(np.array([len(data)])) + data


def encode_example(ids: Ids) -> bytes:
    """A tf.train.Example with one feature.

    >>> encode_example(np.array([1, 300])).hex()
    '0a110a0f0a047465787412071a050a0301ac02'
    """
    feature = _field(3, _field(1, varints(ids)))
    return _field(1, _field(1, _field(1, FEATURE) + _field(2, feature)))


def decode_example(data: bytes) -> Ids:
    """The ids of what `encode_example` wrote.

    >>> decode_example(encode_example(np.array([1, 300, 65535]))).tolist()
    [1, 300, 65535]
    """
    raw = np.frombuffer(data, np.uint8)
    at = data.index(FEATURE) + len(FEATURE)
    for _ in range(3):  # feature, list, field: a tag and a length each
        at += 1
        while raw[at] > 127:
            at += 1
        at += 1
    packed = raw[at:].astype(np.uint64)
    ends = packed < 128
    number: Ids = np.cumsum(ends) - ends
    first = np.concatenate([[0], np.flatnonzero(ends)[:-1] + 1]) if len(packed) else np.zeros(0, np.int64)
    shift = (np.arange(len(packed)) - first[number]).astype(np.uint64) * np.uint64(7)
    values = np.zeros(int(ends.sum()), np.uint64)
    np.add.at(values, number, (packed & np.uint64(127)) << shift)
    return values.astype(np.int64)


def _module() -> Any:
    from array_record.python import array_record_module

    return array_record_module


def write(shard: Shard, spec: ShardSpec) -> Files:
    """The files of a shard."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "shard")
        writer = _module().ArrayRecordWriter(str(path), GROUPS)
        for ids in rows_of(shard, spec):
            writer.write(encode_example(ids))
        writer.close()
        return {path_of(spec): path.read_bytes()}


def read(files: Given, spec: ShardSpec) -> Content:
    """What the files of a shard hold."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "shard")
        path.write_bytes(bytes(files[path_of(spec)]))
        reader = _module().ArrayRecordReader(str(path))
        expect(reader.ok(), path_of(spec), "it cannot be read by array-record")
        records = [decode_example(reader.read([i])[0]) for i in range(reader.num_records())]
        reader.close()
    tokens = np.concatenate([np.zeros(0, np.int64), *records])
    return Content(tokens, np.array([len(ids) for ids in records], np.int64))


def arguments(written: Written) -> dict[str, str]:
    """By trainer, how it reads what was written."""
    files = "shards/arrayrecord/train.array_record-*"
    return {
        "Grain": f'grain.MapDataset.source(grain.sources.ArrayRecordDataSource(sorted(glob("{files}"))))',
        "MaxText": f"dataset_type=grain grain_file_type=arrayrecord grain_train_files={files} "
        f"tokenize_train_data=False train_data_columns=['text'] max_target_length={written.length}",
    }
