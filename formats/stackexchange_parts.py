"""The posts of one site in parts, so that a question and its answers lie together: between the passes over a dump.

A file of parts is chunks, each of one part and packed by zstd, in the order in which they were filled; its index says
where the chunks of each part lie. Posts.xml is read once, and each part is then read by itself, by many processes. A
part is read by position, never the whole file, so each chunk has a hash in the index, which ends with one of its own.

    chunk   (question, offset, bytes) of each row, then the bytes of all rows
    index   one record a chunk, and the hash of all of them
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import xxhash

from ..storage import read_bytes, read_range, refuse_damaged
from .stackexchange import Row

__all__ = ["CHUNK", "PartWriter", "copy_parts", "part_of", "read_part"]

CHUNK: Final = np.dtype(
    [("part", "<u4"), ("rows", "<u4"), ("start", "<u8"), ("bytes", "<u8"), ("unpacked", "<u8"), ("hash", "<u8")]
)
_ROW: Final = np.dtype([("question", "<u8"), ("offset", "<u8"), ("bytes", "<u4")])
_BUFFER_BYTES: Final = 256 << 20  # of all parts together: the fullest is written when there is no more room
_ROW_BYTES: Final = 300  # that a row takes in memory beside its data
_MIX: Final = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio


def part_of(question: int, n_parts: int) -> int:
    """The part that a question and its answers lie in.

    >>> [part_of(question, 4) for question in range(1, 9)]
    [2, 0, 3, 1, 0, 2, 1, 3]
    """
    return ((question * _MIX & 0xFFFFFFFFFFFFFFFF) * n_parts) >> 64


class PartWriter:
    """Writes rows, which come in any order, into the chunks of their parts."""

    def __init__(self, file: Any, index: Any, n_parts: int, buffer_bytes: int = _BUFFER_BYTES) -> None:
        self._file, self._index, self._n_parts = file, index, n_parts
        self._rows: list[list[Row]] = [[] for _ in range(n_parts)]
        self._sizes = [0] * n_parts
        self._room = buffer_bytes
        self._start = 0
        self._index_hash = xxhash.xxh3_64()

    def add(self, row: Row) -> None:
        part = part_of(row.question, self._n_parts)
        self._rows[part].append(row)
        self._sizes[part] += len(row.data) + _ROW_BYTES
        self._room -= len(row.data) + _ROW_BYTES
        if self._room < 0:
            self._write(max(range(self._n_parts), key=self._sizes.__getitem__))

    def finish(self) -> None:
        """Write what is left. Call it once, at the end."""
        for part in range(self._n_parts):
            if self._rows[part]:
                self._write(part)
        self._index.write(self._index_hash.digest())

    def _write(self, part: int) -> None:
        self.write_chunk(part, self._rows[part])
        self._room += self._sizes[part]
        self._rows[part], self._sizes[part] = [], 0

    def write_chunk(self, part: int, rows: Sequence[Row]) -> None:
        """Write rows of one part, without waiting for more."""
        table = np.array([(row.question, row.offset, len(row.data)) for row in rows], _ROW)
        data = b"".join((table.tobytes(), *(row.data for row in rows)))
        packed = pa.compress(data, codec="zstd", asbytes=True)
        entry = np.zeros(1, CHUNK)
        entry[0] = (part, len(rows), self._start, len(packed), len(data), xxhash.xxh3_64_intdigest(packed))
        self._file.write(packed)
        self._index.write(entry.tobytes())
        self._index_hash.update(entry.tobytes())
        self._start += len(packed)


def read_part(url: str, index_url: str, part: int) -> Iterator[list[Row]]:
    """The rows of each question of a part, in their order in the dump; questions in the order of their numbers.

    Raises:
        ShardError: one of the files is damaged. It is deleted, so that the next run makes it again.
    """
    index = _read_index(index_url)
    chunks = [_read_chunk(url, entry) for entry in index[index["part"] == part]]
    tables = [table for table, _ in chunks]
    rows = np.concatenate(tables) if tables else np.zeros(0, _ROW)
    # A row is a view into its chunk: the bytes of a part are in memory once.
    views = [view for table, data in chunks for view in _views(table, data)]
    order = np.lexsort((rows["offset"], rows["question"]))
    questions = rows["question"][order]
    starts = np.flatnonzero(np.append(True, questions[1:] != questions[:-1])[: len(questions)])
    for start, stop in zip(starts.tolist(), np.append(starts, len(order))[1:].tolist(), strict=True):
        places = order[start:stop].tolist()
        yield [Row(int(rows["offset"][at]), int(rows["question"][at]), bytes(views[at])) for at in places]


def _read_index(index_url: str) -> Any:
    data = read_bytes(index_url)
    if xxhash.xxh3_64_digest(data[:-8]) != data[-8:]:
        refuse_damaged(index_url)
    return np.frombuffer(data[:-8], CHUNK)


def _read_chunk(url: str, entry: Any) -> tuple[Any, memoryview]:
    start, size = int(entry["start"]), int(entry["bytes"])
    packed = read_range(url, start, start + size)
    if xxhash.xxh3_64_intdigest(packed) != int(entry["hash"]):
        refuse_damaged(url)
    data = pa.decompress(packed, decompressed_size=int(entry["unpacked"]), codec="zstd")
    n_bytes = int(entry["rows"]) * _ROW.itemsize
    view = memoryview(data)
    return np.frombuffer(view[:n_bytes], _ROW), view[n_bytes:]


def _views(table: Any, data: memoryview) -> Sequence[memoryview]:
    ends = np.cumsum(table["bytes"], dtype=np.int64).tolist()
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def copy_parts(url: str, index_url: str, file: Any, index: Any, without: Collection[int]) -> None:
    """The same chunks without the posts of some questions.

    Raises:
        ShardError: one of the files is damaged. It is deleted, so that the next run makes it again.
    """
    writer = PartWriter(file, index, 0)
    for entry in _read_index(index_url):
        table, data = _read_chunk(url, entry)
        rows = zip(table["offset"].tolist(), table["question"].tolist(), _views(table, data), strict=True)
        kept = [Row(offset, question, bytes(view)) for offset, question, view in rows if question not in without]
        if kept:
            writer.write_chunk(int(entry["part"]), kept)
    writer.finish()
