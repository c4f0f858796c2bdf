"""Parquet shards for Hugging Face's `datasets`: a row a sequence or a document, column `input_ids`.

Padded sequences have `attention_mask`, 1 for tokens of documents and 0 for padding; documents have their `source`.

Source: huggingface/datasets, packaged_modules/parquet; the Hub's advice on row groups.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .build import Shard
from .spec import Content, Files, Given, Rows, ShardSpec, Written, rows_of

ROW_GROUP = 1000


def write(shard: Shard, spec: ShardSpec) -> Files:
    """The files of a shard."""
    rows = rows_of(shard, spec)
    names = np.array(spec.sources, object)
    schema = _schema(spec)
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, schema, compression="zstd", write_page_index=True) as writer:
        for first in range(0, len(rows), ROW_GROUP):
            part = slice(first, first + ROW_GROUP)
            columns = {"input_ids": _lists(rows, part)}
            if "attention_mask" in schema.names:
                columns["attention_mask"] = _masks(rows, part)
            if rows.source is not None:
                columns["source"] = pa.array(names[rows.source[part]], pa.string())
            writer.write_table(pa.table(columns, schema), row_group_size=ROW_GROUP)
    return {f"{spec.name}.parquet": memoryview(sink.getvalue())}


def _schema(spec: ShardSpec) -> pa.Schema:
    fields = [("input_ids", pa.list_(pa.from_numpy_dtype(spec.dtype)))]
    if spec.sequence is None:
        fields.append(("source", pa.string()))
    elif spec.sequence.documents != "cross":
        fields.append(("attention_mask", pa.list_(pa.uint8())))
    return pa.schema(fields)


def _lists(rows: Rows, part: slice) -> pa.Array:
    lengths = rows.lengths[part]
    start = int(rows.lengths[: part.start].sum())
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return pa.ListArray.from_arrays(offsets.astype(np.int32), rows.tokens[start : start + int(offsets[-1])])


def _masks(rows: Rows, part: slice) -> pa.Array:
    filled, length = rows.filled[part], int(rows.lengths[0])
    mask = (np.arange(length) < filled[:, None]).astype(np.uint8)
    return pa.ListArray.from_arrays(np.arange(len(filled) + 1, dtype=np.int32) * length, mask.reshape(-1))


def read(files: Given, spec: ShardSpec) -> Content:
    """What the files of a shard hold."""
    buffer = pa.py_buffer(np.ascontiguousarray(files[f"{spec.name}.parquet"]))
    lists = pq.read_table(pa.BufferReader(buffer), columns=["input_ids"], use_threads=False)["input_ids"]
    lengths = [chunk.value_lengths().to_numpy(zero_copy_only=False) for chunk in lists.chunks]
    tokens = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in lists.chunks]
    return Content(
        np.concatenate([np.zeros(0, spec.dtype), *tokens]), np.concatenate([np.zeros(0, np.int64), *lengths])
    )


def arguments(written: Written) -> dict[str, str]:
    """By trainer, how it reads what was written."""
    splits = {"train": "train", "validation": "val"}
    files = {name: f"shards/parquet/{split}-*.parquet" for name, split in splits.items() if written.names(split)}
    return {"datasets": f'load_dataset("parquet", data_files={files})'.replace("'", '"')}
