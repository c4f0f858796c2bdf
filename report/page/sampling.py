"""A bounded sample of the documents of a source, kept and dropped: files and row groups are chosen by hashes.

Few files of many are read, and of them a row group at a time; so the same run gives the same sample, and a run of any
size a page in seconds. Where there are few documents all are read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...pipelines.taken_down import TakenDown
from ...storage import MIB, digest, join, open_read, sizes
from .measures import Measure, facets_of, is_usable

KEPT_ROWS, DROPPED_ROWS = 20_000, 50_000  # of a source
TEXT_BYTES = 128 * MIB  # of documents that are read for it
FILES = 1000
HEAD_CHARS = 500
READ_AT_ONCE = 8  # files


@dataclass(slots=True)
class Row:
    """What the page needs of a document."""

    id: str
    url: str
    head: str  # empty where none is kept
    bytes: int | None  # of its text, None where it is not recorded
    reason: str = ""  # why it was dropped
    detail: str = ""
    measure: float | None = None
    values: Mapping[str, float] = field(default_factory=dict)  # of kept ones, by the name of the measure
    facets: Mapping[str, str] = field(default_factory=dict)
    shown: bool = True  # but not what was taken down


@dataclass
class Drawn:
    """Rows of one kind, kept or dropped, and what they were read from."""

    rows: list[Row] = field(default_factory=list)
    files: int = 0  # that were read,
    of_files: int = 0  # of so many
    n_bytes: int = 0
    all_groups: bool = True  # of these files

    @property
    def whole(self) -> bool:
        """Whether there are no other rows."""
        return self.all_groups and self.files == self.of_files

    def is_full(self, n_rows: int, n_bytes: int = TEXT_BYTES) -> bool:
        return len(self.rows) >= n_rows or self.n_bytes >= n_bytes


@dataclass(frozen=True)
class Sample:
    """Rows of a source."""

    kept: Drawn
    dropped: Drawn


Rows = Callable[[pa.Table], Iterator[Row]]


def draw(output: str, source: str, found: Sequence[Measure]) -> Sample:
    """The sample of a source of the run in `output`."""
    taken_down = TakenDown.read(output)
    kept = _draw(
        join(output, "documents", source),
        ["id", "text", "meta"],
        KEPT_ROWS,
        lambda table: _kept_rows(table, source, found, taken_down),
    )
    dropped = _draw(
        join(output, "dropped", source),
        ["id", "url", "reason", "measure", "detail", "head", "bytes"],
        DROPPED_ROWS,
        lambda table: _dropped_rows(table, taken_down),
    )
    return Sample(kept, dropped)


def _draw(folder: str, columns: Sequence[str], n_rows: int, rows_of: Rows) -> Drawn:
    """Rows of the files of a folder up to a number, or to a size of their text."""
    paths = sorted((name for name in sizes(folder) if name.endswith(".parquet")), key=digest)
    chosen = paths[:FILES]
    quota = math.ceil(n_rows / max(1, len(chosen)))
    result = Drawn(of_files=len(paths))
    with ThreadPoolExecutor(READ_AT_ONCE) as pool:
        for start in range(0, len(chosen), READ_AT_ONCE):
            batch = chosen[start : start + READ_AT_ONCE]
            for one in pool.map(lambda path: _draw_from(folder, path, columns, quota, rows_of), batch):
                if result.is_full(n_rows):
                    return result
                result.rows += one.rows
                result.files += 1
                result.n_bytes += one.n_bytes
                result.all_groups &= one.all_groups
    return result


def _draw_from(folder: str, path: str, columns: Sequence[str], n_rows: int, rows_of: Rows) -> Drawn:
    """Row groups of a file in the order of their hashes, one at least, a group in memory at a time."""
    result = Drawn()
    with open_read(join(folder, path)) as file, pq.ParquetFile(file, pre_buffer=False) as parquet:  # see read_table
        there = [name for name in columns if name in parquet.schema_arrow.names]
        for group in sorted(range(parquet.num_row_groups), key=lambda group: digest(path, group)):
            if result.is_full(n_rows, TEXT_BYTES // READ_AT_ONCE):
                result.all_groups = False
                break
            result.n_bytes += parquet.metadata.row_group(group).total_byte_size
            result.rows += rows_of(parquet.read_row_group(group, columns=there, use_threads=False))
    return result


def _kept_rows(table: pa.Table, source: str, found: Sequence[Measure], taken_down: TakenDown) -> Iterator[Row]:
    counted = {one.name: one.kept for one in found if callable(one.kept)}
    texts = table["text"].to_pylist() if counted else [""] * table.num_rows
    heads = pc.utf8_slice_codeunits(table["text"], 0, HEAD_CHARS).to_pylist()
    n_bytes = pc.binary_length(table["text"]).to_pylist()
    for id_, meta, head, size, text in zip(
        table["id"].to_pylist(), map(json.loads, table["meta"].to_pylist()), heads, n_bytes, texts, strict=True
    ):
        url = str(meta.get("url") or "")
        values = {one.name: meta[one.kept] for one in found if isinstance(one.kept, str) and one.kept in meta}
        values |= {name: measured(text) for name, measured in counted.items()}
        facets = {name: str(value) for name, of in facets_of(source).items() if (value := of(meta)) not in (None, "")}
        shown = not taken_down.holds(id_, url)
        yield Row(id_, url, head, size, values=_usable(values), facets=facets, shown=shown)


def _dropped_rows(table: pa.Table, taken_down: TakenDown) -> Iterator[Row]:
    sized = "bytes" in table.column_names  # runs of earlier versions have none
    for row in table.to_pylist():
        measure = _usable({"measure": row["measure"]}).get("measure")
        size, shown = row["bytes"] if sized else None, not taken_down.holds(row["id"], row["url"])
        head, url, detail = (row[name] or "" for name in ("head", "url", "detail"))
        if detail in taken_down.ids:  # of books: the one that holds this one
            detail = ""
        yield Row(row["id"], url, head[:HEAD_CHARS], size, row["reason"], detail, measure, shown=shown)


def _usable(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if is_usable(value)}
