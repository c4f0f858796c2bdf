"""Parquet files of documents, dropped documents and damage: zstd, groups of 1,000 rows, accounts in the footer."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..records import Damage, Document, Dropped
from ..storage import HashingFile, open_read
from .parquet import row_ranges

ROW_GROUP = 1000
GROUP_CHARS = 1 << 26  # a group is closed early when its rows are this long together
FOOTER = "corpusmill"  # key of the JSON in the footer: fingerprint and counts

# meta is a JSON string, so that all sources share one schema and `datasets.load_dataset` opens the folder.
DOCUMENTS = pa.schema({"id": pa.string(), "text": pa.string(), "source": pa.string(), "meta": pa.string()})
# `bytes` are those of the text as it came to the step that dropped it; 0 for what was taken down.
DROPPED = pa.schema({
    "id": pa.string(), "url": pa.string(), "reason": pa.string(), "measure": pa.float64(), "detail": pa.string(),
    "head": pa.string(), "bytes": pa.int64(),
})  # fmt: skip
DAMAGE = pa.schema({"input": pa.string(), "offset": pa.int64(), "error": pa.string(), "detail": pa.string()})


def document_row(document: Document) -> dict[str, Any]:
    meta = json.dumps(dict(document.meta), ensure_ascii=False, sort_keys=True)
    return {"id": document.id, "text": document.text, "source": document.source, "meta": meta}


def document_of(row: Mapping[str, Any]) -> Document:
    """The document of a row; its metadata as JSON keeps it."""
    return Document(row["id"], row["text"], row["source"], json.loads(row["meta"]))


def dropped_row(dropped: Dropped, head_chars: int | None = None) -> dict[str, Any]:
    """The row of a dropped document, whose head still is its whole text, cut to `head_chars`."""
    row = {name: getattr(dropped, name) for name in ("id", "url", "measure", "detail")}
    size = len(dropped.head.encode())
    return {**row, "reason": str(dropped.reason), "head": dropped.head[:head_chars], "bytes": size}


def damage_row(input_name: str, damage: Damage) -> dict[str, Any]:
    return {"input": input_name, "offset": damage.offset, "error": damage.error, "detail": damage.detail}


class RowWriter:
    """Rows into a Parquet file, a row group at a time; `counts` and the fingerprint go into the footer at the end.

    So does `taken_down`: the numbers of rows that are no longer there. Rows are numbered as if they were, in all
    files that name a row.
    """

    def __init__(self, file: HashingFile, schema: pa.Schema, fingerprint: str):
        self.schema, self.fingerprint, self.rows = schema, fingerprint, 0
        self.counts: Mapping[str, int] = {}
        self.taken_down: Sequence[int] = ()
        self._buffer: list[dict[str, Any]] = []
        self._n_chars = 0
        self._writer = pq.ParquetWriter(pa.PythonFile(file, mode="w"), schema, compression="zstd")

    def add(self, row: dict[str, Any]) -> None:
        self._buffer.append(row)
        self.rows += 1
        self._n_chars += sum(len(value) for value in row.values() if isinstance(value, str))
        if len(self._buffer) >= ROW_GROUP or self._n_chars >= GROUP_CHARS:
            self._flush()

    def _flush(self) -> None:
        if self._buffer:
            self._writer.write_table(pa.Table.from_pylist(self._buffer, self.schema))
            self._buffer.clear()
            self._n_chars = 0

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
            footer: dict[str, Any] = {"fingerprint": self.fingerprint, "counts": dict(self.counts)}
            if self.taken_down:
                footer["taken_down"] = sorted(self.taken_down)
            self._writer.add_key_value_metadata({FOOTER: json.dumps(footer, sort_keys=True)})
        self._writer.close()


def read_table(
    url: str, columns: list[str] | None = None, filters: list[tuple[str, str, Any]] | None = None
) -> pa.Table:
    """A Parquet file, or those of its row groups that can fit the filters, as a table."""
    with open_read(url) as file:
        # Without threads: with a Python file they may outlive the interpreter and abort it (apache/arrow#50482). With
        # filters there still is one, where the file is read as a dataset.
        if filters is None:
            with pq.ParquetFile(file) as parquet:
                return parquet.read(columns, use_threads=False)
        return pq.read_table(file, columns=columns, filters=filters, use_threads=False, pre_buffer=False)


def read_rows(url: str, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, a row group in memory at a time."""
    with open_read(url) as file, pq.ParquetFile(file, pre_buffer=False) as parquet:  # see read_table
        for group in range(parquet.num_row_groups):
            yield from parquet.read_row_group(group, columns=columns, use_threads=False).to_pylist()


def rows_that(
    url: str,
    choosing: Sequence[str],
    fit: Callable[[pa.Table], Any],
    columns: Sequence[str],
    ids: tuple[str, str] | None = None,
) -> list[tuple[int, dict[str, Any]]]:
    """The rows of a file that fit, each with its place in it.

    Args:
        choosing: the columns that `fit` sees, for a mask of their rows; they are read whole.
        columns: what is given of the rows that fit, read of their row groups alone.
        ids: the first and the last id that can fit; row groups without any, by the footer, are passed over.
    """
    found: list[tuple[int, dict[str, Any]]] = []
    with open_read(url, ahead=False) as file, pq.ParquetFile(file, pre_buffer=False) as parquet:  # see read_table
        first = np.cumsum([0, *(parquet.metadata.row_group(n).num_rows for n in range(parquet.num_row_groups))])
        groups = [n for n in range(parquet.num_row_groups) if ids is None or _may_hold(parquet, n, *ids)]
        if not groups:
            return found
        mask = np.asarray(fit(parquet.read_row_groups(groups, [*choosing], use_threads=False)))
        sizes = np.diff(first)[groups]
        for group, fits in zip(groups, np.split(mask, np.cumsum(sizes)[:-1]), strict=True):
            if len(rows := np.flatnonzero(fits)):
                table = parquet.read_row_group(group, [*columns], use_threads=False).take(pa.array(rows))
                found += zip((first[group] + rows).tolist(), table.to_pylist(), strict=True)
    return found


def _may_hold(parquet: pq.ParquetFile, group: int, first: str, last: str) -> bool:
    """Whether a row group can have an id from the first to the last."""
    held = parquet.metadata.row_group(group).column(parquet.schema_arrow.names.index("id")).statistics
    if held is None or not held.has_min_max:
        return True
    return bool(held.min_raw <= last.encode() and first.encode() <= held.max_raw)


def numbered_rows(url: str, columns: list[str] | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a file of documents with the numbers that other files know them by: those taken down count."""
    n_rows, footer = read_footer(url)
    return zip(row_numbers(n_rows, footer.get("taken_down", ())), read_rows(url, columns), strict=True)


def rows_at(
    url: str, numbers: Collection[int], columns: list[str] | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """As `numbered_rows`, the rows of some numbers: their row groups alone are read."""
    with open_read(url, ahead=False) as file, pq.ParquetFile(file, pre_buffer=False) as parquet:  # see read_table
        known = row_numbers(parquet.metadata.num_rows, _footer_of(parquet.metadata).get("taken_down", ()))
        for group, (start, stop) in enumerate(row_ranges(parquet)):
            if here := [place for place in range(start, stop) if known[place] in numbers]:
                table = parquet.read_row_group(group, columns=columns, use_threads=False)
                rows = table.take(pa.array([place - start for place in here])).to_pylist()
                yield from zip([known[place] for place in here], rows, strict=True)


def row_numbers(n_rows: int, taken_down: Sequence[int]) -> list[int]:
    """The numbers of the rows that are there.

    >>> row_numbers(3, [0, 2])
    [1, 3, 4]
    """
    gone = set(taken_down)
    return [number for number in range(n_rows + len(gone)) if number not in gone]


def read_footer(url: str) -> tuple[int, dict[str, Any]]:
    """The number of rows of a file, and its fingerprint and counts (empty when it has none), from its footer alone."""
    with open_read(url) as file:
        metadata = pq.read_metadata(file)  # not read_schema, which leaves out what was added while writing
    return metadata.num_rows, _footer_of(metadata)


def _footer_of(metadata: pq.FileMetaData) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((metadata.metadata or {}).get(FOOTER.encode(), b"{}"))
    return found
