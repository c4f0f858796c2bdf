"""Tables as Parquet files, some rows in memory at a time: damage costs the rest of its row group.

A row's offset is its number in the file, from 0: where its bytes stand, column by column, says little to people.
`Damage` words:

    truncated     the file has its beginning, but no footer: without it no row can be told
    bad_parquet   the footer (then no row comes); a row group, from the row on that its offset names

Text comes as the bytes that are stored, whatever they are.
Source: https://parquet.apache.org/docs/file-format/.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Collection, Iterator, Sequence
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ..records import Damage, counted
from .tablerow import TableRow

MAGIC: Final = b"PAR1"
_BUFFER_BYTES: Final = 1 << 20  # of a column, read at a time: else each column of a row group is read whole
_BATCH_BYTES: Final = 8 << 20  # rows of about so many bytes are decoded at once
_BATCH_ROWS: Final = 256  # and no more, as one value may stand for many rows


def open_parquet(file: BinaryIO) -> pq.ParquetFile | Damage:
    """A file that begins with MAGIC, its footer read."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - len(MAGIC)))
    if size < 3 * len(MAGIC) or file.read(len(MAGIC)) != MAGIC:
        return Damage(0, "truncated", "the file ends before its footer, and no row can be told without it")
    try:
        return pq.ParquetFile(
            file,
            buffer_size=_BUFFER_BYTES,
            pre_buffer=False,
            page_checksum_verification=True,
            arrow_extensions_enabled=False,
        )
    except (pa.ArrowException, OSError, ValueError) as error:
        return _damage(0, error, "the footer")


def group_ranges(parquet: pq.ParquetFile, slice_bytes: int) -> list[tuple[int, int]]:
    """Rows [start, stop) of neighbouring row groups, about `slice_bytes` of unpacked columns each; at least one."""
    ranges, start, stop, size = [], 0, 0, 0
    for number in range(parquet.num_row_groups):
        group = parquet.metadata.row_group(number)
        if size and size + group.total_byte_size > slice_bytes:
            ranges.append((start, stop))
            start, size = stop, 0
        stop, size = stop + group.num_rows, size + group.total_byte_size
    return [*ranges, (start, stop)]


def read_parquet(
    parquet: pq.ParquetFile, names: Sequence[str], start: int, stop: int, only: Collection[int] | None = None
) -> Iterator[TableRow | Damage]:
    """The columns `names`, as far as there are such, of the row groups that begin at a row of [start, stop).

    With `only` those rows of them, by their numbers in the file.
    """
    for number, (first, last) in enumerate(row_ranges(parquet)):
        if start <= first < stop:
            yield from read_group(parquet, names, number, first, last, only)


def row_ranges(parquet: pq.ParquetFile) -> list[tuple[int, int]]:
    """The rows [first, last) of each row group."""
    counts = (parquet.metadata.row_group(number).num_rows for number in range(parquet.num_row_groups))
    return list(itertools.pairwise(itertools.accumulate(counts, initial=0)))


def read_group(
    parquet: pq.ParquetFile,
    names: Sequence[str],
    group: int,
    first: int,
    last: int,
    only: Collection[int] | None = None,
) -> Iterator[TableRow | Damage]:
    """As `read_parquet`, of one row group, whose rows are [first, last)."""
    columns = [name for name in parquet.schema_arrow.names if name in names]
    metadata = parquet.metadata.row_group(group)
    row_bytes = max(1, metadata.total_byte_size // max(1, last - first))
    batch_rows = max(1, min(_BATCH_ROWS, _BATCH_BYTES // row_bytes))
    row = first
    if only is not None:
        last_wanted = max((number for number in only if row <= number < last), default=row - 1)
    # Without threads: with a Python file they may outlive the interpreter and abort it (apache/arrow#50482).
    batches = parquet.iter_batches(batch_rows, [group], columns, use_threads=False)
    while row < last:
        if only is not None and row > last_wanted:
            return
        try:
            batch = next(batches, None)
            if batch and only is not None and not any(number in only for number in range(row, row + len(batch))):
                row += len(batch)
                continue
            values = [_values(column) for column in batch.columns] if batch else []
        except (pa.ArrowException, OSError, ValueError) as error:
            yield _damage(row, error, f"row {row:,}, and the {last - row - 1:,} after it in its row group")
            return
        if not batch:
            yield Damage(row, "bad_parquet", f"{counted(last - row, 'row')} fewer in a row group than it says")
            return
        for fields in zip(*values, strict=True):
            if only is None or row in only:
                yield TableRow(row, f"row {row:,}", dict(zip(batch.schema.names, fields, strict=True)))
            row += 1


def _values(column: pa.Array) -> list[Any]:
    """Python values, text as bytes: pyarrow takes it for UTF-8 without a look."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.binary())
    elif pa.types.is_large_string(column.type):
        column = column.cast(pa.large_binary())
    values: list[Any] = column.to_pylist()
    return values


def _damage(row: int, error: Exception, what: str) -> Damage:
    """What pyarrow says of bad bytes. Raises an error that comes from the disk, or the network, instead."""
    if isinstance(error, OSError) and (error.errno is not None or type(error) is not OSError):
        raise error
    return Damage(row, "bad_parquet", f"{what}: {error}".splitlines()[0][:200])
