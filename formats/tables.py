"""Tables as files of Parquet, Avro or JSON lines, told by their first bytes, whatever they are called."""

from __future__ import annotations

import io
import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

import pyarrow.parquet as pq

from ..records import Damage
from . import avro, parquet
from .jsonlines import read_objects
from .tablerow import TableRow

_MAGIC_BYTES: Final = 4
HEAD_ROWS: Final = 100  # of JSON lines, which have no schema, that tell the columns
_MAX_TEXT_BYTES: Final = 16 << 20
_ESCAPED_BYTES: Final = 6  # what a byte of text takes in a line at most: `\u0000`
_OTHER_BYTES: Final = 1 << 20  # of a line, beside the text


@dataclass(frozen=True, slots=True)
class Table:
    """A file as a table. `columns` are those that its schema names, or its first rows; none where damage hides them."""

    file: BinaryIO
    magic: bytes
    columns: tuple[str, ...]
    has_schema: bool
    parquet: pq.ParquetFile | None = None
    damage: Damage | None = None  # nothing of the file can be read

    def ranges(self, slice_bytes: int) -> list[tuple[int, int]]:
        """What can be read by itself: rows [start, stop) of a Parquet file, else all of the bytes as one range."""
        if self.parquet:
            return parquet.group_ranges(self.parquet, slice_bytes)
        return [(0, self.file.seek(0, io.SEEK_END))]

    def rows(
        self,
        names: Sequence[str],
        start: int = 0,
        stop: int = sys.maxsize,
        *,
        max_text_bytes: int = _MAX_TEXT_BYTES,
    ) -> Iterator[TableRow | Damage]:
        """The rows of a range, at least the columns `names` of them as far as there are such, and what is damaged."""
        if self.damage:
            yield self.damage
        elif self.parquet:
            yield from parquet.read_parquet(self.parquet, names, start, stop)
        elif self.magic == avro.MAGIC:
            yield from avro.read_avro(self.file)
        else:
            yield from _read_lines(self.file, max_text_bytes)


def open_table(file: BinaryIO) -> Table:
    """
    >>> open_table(io.BytesIO(b'{"path": "a.c", "size": 7}')).columns
    ('path', 'size')
    """
    file.seek(0)
    magic = file.read(_MAGIC_BYTES)
    if magic == parquet.MAGIC:
        opened = parquet.open_parquet(file)
        if isinstance(opened, Damage):
            return Table(file, magic, (), has_schema=True, damage=opened)
        return Table(file, magic, tuple(opened.schema_arrow.names), has_schema=True, parquet=opened)
    if magic == avro.MAGIC:
        header = avro.read_header(file)
        if isinstance(header, Damage):
            return Table(file, magic, (), has_schema=True, damage=header)
        return Table(file, magic, tuple(header.columns), has_schema=True)
    head = itertools.islice(_read_lines(file, _MAX_TEXT_BYTES), HEAD_ROWS)
    names = dict.fromkeys(name for row in head if isinstance(row, TableRow) for name in row.fields)
    return Table(file, magic, tuple(names), has_schema=False)


def _read_lines(file: BinaryIO, max_text_bytes: int) -> Iterator[TableRow | Damage]:
    file.seek(0)
    for found in read_objects(file, max_line_bytes=_ESCAPED_BYTES * max_text_bytes + _OTHER_BYTES):
        if isinstance(found, Damage):
            yield found
        else:
            yield TableRow(found.offset, f"line {found.number}", found.fields)
