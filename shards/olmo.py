"""OLMo shards: `.npy`, which in spite of its name holds headerless ids, and `.csv.gz` with a line a document.

A line is start and end (in tokens), an id, the file of documents and the row in it.

Source: allenai/dolma, python/dolma/tokenizer/memmap_writer.py and data_types.py.
"""

from __future__ import annotations

import csv
import gzip
import io

import numpy as np

from .build import Shard
from .spec import Content, Files, Given, ShardSpec, Written, expect, ids_of, view


def write(shard: Shard, spec: ShardSpec) -> Files:
    """The files of a shard."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    for start, length, file, row, source, copy in shard.table.tolist():
        if length:
            name = spec.sources[source]
            place = f"{name}/{spec.files[name][file]}" if spec.files else name
            document = (start, start + length, f"{place}/{row}#{copy}", f"documents/{place}.parquet", row)
            writer.writerow(document)
    return {
        f"{spec.name}.npy": ids_of(shard, spec).view(np.uint8).data,
        f"{spec.name}.csv.gz": gzip.compress(lines.getvalue().encode(), mtime=0),
    }


def read(files: Given, spec: ShardSpec) -> Content:
    """What the files of a shard hold."""
    path = f"{spec.name}.csv.gz"
    lines = csv.reader(io.StringIO(gzip.decompress(bytes(files[path])).decode()))
    borders = np.array([(int(start), int(end)) for start, end, *_ in lines], np.int64).reshape(-1, 2)
    expect(np.array_equal(borders[1:, 0], borders[:-1, 1]), path, "its documents do not stand one behind the other")
    tokens = view(files[f"{spec.name}.npy"], spec.dtype, f"{spec.name}.npy")
    return Content(tokens, borders[:, 1] - borders[:, 0])


def arguments(written: Written) -> dict[str, str]:
    """By trainer, how it reads what was written."""
    marks = [f"eos_token_id={written.eos_id}, bos_token_id={written.bos_id}"]
    pad = written.sequence.pad if written.sequence else 0
    return {
        "OLMo-core": f'NumpyFSLDatasetConfig(paths=["shards/olmo/train-*.npy"], expand_glob=True, '
        f"sequence_length={written.length}, dtype=NumpyDatasetDType.{written.dtype.name}, "
        f"tokenizer=TokenizerConfig(vocab_size={written.vocab_size}, {marks[0]}, pad_token_id={pad}))"
    }
