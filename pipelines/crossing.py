"""What became of each document in two runs, by its id: kept in both, kept in one and dropped for this in the other.

Ids are compared by 64 bits of a hash, texts by as many: of 31 million ids the chance that two are taken for one is
3 in 100,000. Where there are many, their hashes lie in temporary files, cut by their value into ranges that fit memory.
They are written many at a time: a few would have one of each range, and each write opens a file.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from ..errors import UsageError
from ..formats.documents import read_rows
from ..mixtures.circle import keys_of
from ..records import Reason, sized
from ..storage import join
from .fate import KEPT
from .listing import Listed, Place, Trouble, open_listing
from .searching import reading

DUPLICATE = 2  # the status of a document whose id another one has
ABSENT = "not there"  # neither kept nor dropped
ROWS_AT_ONCE = 1 << 21  # of both runs together; each takes some 100 bytes at the peak
HELD = 1 << 22  # rows that wait to be written, which take some 60 bytes at the peak
BATCH = 1 << 14
SHOWN_CHARS = 120
ROW = np.dtype([("key", "<u8"), ("text", "<u8"), ("file", "<u4"), ("row", "<u4"), ("status", "u1")])
Rows = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Side:
    """The files of documents of one source in one run, and how many rows they have together."""

    output: str
    paths: Sequence[str]
    rows: int


@dataclass(frozen=True, slots=True)
class Example:
    """A document; where its text differs, the first line of each that does."""

    id: str
    url: str
    lines: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """How many ids are the one in A and the other in B."""

    a: str  # kept, a reason, or not there
    b: str
    n: int
    examples: list[Example]


@dataclass(frozen=True, slots=True)
class Crossing:
    """All ids of a source. `kept_in_both` counts those of `other_text`, too; `cells` are those that differ."""

    kept_in_both: int
    other_text: Cell
    cells: list[Cell]


def scratch_bytes(a: Side, b: Side) -> int:
    """The room that comparing two runs takes in the folder for temporary files."""
    return ROW.itemsize * (a.rows + b.rows) if _bits(a, b) else 0


def check_room(needed: int) -> None:
    """Raises UsageError: there is less room for temporary files."""
    folder = tempfile.gettempdir()
    if needed > (free := shutil.disk_usage(folder).free):
        raise UsageError(
            f"{folder}: the hashes of the documents take {sized(needed)} there while they are compared, and "
            f"{sized(free)} are free. Set TMPDIR to a folder with more room."
        )


def _bits(a: Side, b: Side) -> int:
    """By how many bits of their keys rows are cut into ranges."""
    return max(0, ((a.rows + b.rows) // ROWS_AT_ONCE).bit_length())


def cross(a: Side, b: Side, alike: set[str], examples: int) -> Crossing:
    """Compare the documents of two runs; of files that are `alike` in both no text is read."""
    names = [KEPT, ABSENT, str(Reason.DUPLICATE_ID)]  # what a status stands for; reasons are added as they are met
    bits = _bits(a, b)
    n_both, n_other = 0, 0
    cells: dict[tuple[int, int], int] = {}
    shown: dict[tuple[int, int], list[Rows]] = {}  # of A and of B
    with tempfile.TemporaryDirectory() as scratch:
        stores = [_Store(Path(scratch, name), bits) for name in "ab"]
        for side, store in zip((a, b), stores, strict=True):
            for rows in _rows_of(side, alike, names):
                store.add(rows)
            store.flush()
        for part in range(1 << bits):
            left, right = (_one_an_id(store.part(part), names.index(ABSENT)) for store in stores)
            both_a, both_b = _aligned(left, right, names.index(ABSENT))
            kept = (both_a["status"] == 0) & (both_b["status"] == 0)
            other = kept & (both_a["text"] != both_b["text"])
            n_both += int(kept.sum())
            n_other += int(other.sum())
            differ = both_a["status"] != both_b["status"]
            codes = both_a["status"].astype(np.int64) << 8 | both_b["status"]
            for chosen, code in [(other, 0), *((differ & (codes == one), one) for one in np.unique(codes[differ]))]:
                cell = int(code) >> 8, int(code) & 255
                at = np.flatnonzero(chosen)
                cells[cell] = cells.get(cell, 0) + len(at)
                room = examples - sum(len(pair[0]) for pair in shown.setdefault(cell, []))
                if room > 0 and len(at):
                    shown[cell].append(np.stack([both_a[at[:room]], both_b[at[:room]]]))
    found = {
        cell: _examples(a, b, np.concatenate(pairs, axis=1) if pairs else np.zeros((2, 0), ROW), cell, names)
        for cell, pairs in shown.items()
    }
    listed = [Cell(names[x], names[y], n, found[x, y]) for (x, y), n in cells.items() if (x, y) != (0, 0) and n]
    listed.sort(key=lambda cell: (cell.a != KEPT, cell.b != KEPT, -cell.n, cell.a, cell.b))
    return Crossing(n_both, Cell(KEPT, KEPT, n_other, found.get((0, 0), [])), listed)


def _rows_of(side: Side, alike: set[str], names: list[str]) -> Iterator[Rows]:
    """The rows of all files of a run, some at a time."""
    numbers = {name: number for number, name in enumerate(names)}
    for file, path in enumerate(side.paths):
        kept = path.startswith("documents/")
        texts = kept and path not in alike
        columns = ["id", *(["text"] if texts else []), *([] if kept else ["reason"])]
        batch: list[dict[str, Any]] = []
        start = 0
        with reading(side.output, path):
            for row in read_rows(join(side.output, path), columns):
                batch.append(
                    {
                        "id": row["id"],
                        "text": xxhash.xxh3_64_intdigest(row["text"].encode("utf-8", "surrogatepass")) if texts else 0,
                        "status": 0 if kept else numbers.setdefault(row["reason"], len(numbers)),
                    }
                )
                if len(batch) == BATCH:
                    yield _packed(batch, file, start)
                    start, batch = start + len(batch), []
        if batch:
            yield _packed(batch, file, start)
        names[:] = list(numbers)


def _packed(batch: Sequence[Mapping[str, Any]], file: int, start: int) -> Rows:
    rows = np.zeros(len(batch), ROW)
    rows["key"] = keys_of([row["id"] for row in batch])
    rows["text"] = np.array([row["text"] for row in batch], np.uint64)
    rows["status"] = [row["status"] for row in batch]
    rows["file"], rows["row"] = file, np.arange(start, start + len(batch))
    return rows


class _Store:
    """Rows by the first bits of their keys: in memory where that is one range, in a file each where they are more."""

    def __init__(self, folder: Path, bits: int):
        self.folder, self.bits, self._held, self._n_held = folder, bits, list[Rows](), 0
        self._room = min(HELD, BATCH << bits)
        if bits:
            folder.mkdir()

    def add(self, rows: Rows) -> None:
        self._held.append(rows)
        self._n_held += len(rows)
        if self._n_held >= self._room:
            self.flush()

    def flush(self) -> None:
        """Write what is held, where there are files: a piece for each range, one behind the other once sorted."""
        if not (self.bits and self._held):
            return
        rows = np.concatenate(self._held)
        self._held, self._n_held = [], 0
        # Of 16 bits NumPy sorts in linear time.
        parts = (rows["key"] >> np.uint64(64 - self.bits)).astype(np.uint16 if self.bits <= 16 else np.uint64)
        order = np.argsort(parts, kind="stable")
        rows, parts = rows[order], parts[order]
        starts = np.flatnonzero(np.append(True, parts[1:] != parts[:-1]))
        for part, piece in zip(parts[starts].tolist(), np.split(rows, starts[1:]), strict=True):
            with (self.folder / str(part)).open("ab") as file:
                file.write(piece.tobytes())

    def part(self, number: int) -> Rows:
        if not self.bits:
            return np.concatenate(self._held) if self._held else np.zeros(0, ROW)
        with contextlib.suppress(FileNotFoundError):
            return np.fromfile(self.folder / str(number), ROW)
        return np.zeros(0, ROW)


def _one_an_id(rows: Rows, absent: int) -> Rows:
    """Of the rows of each id one, sorted by key: the kept one, or the first reason that was met; that there was another
    document with its id says least."""
    assert absent not in rows["status"], "no file says that a document is not there"
    order = np.where(rows["status"] == DUPLICATE, 255, rows["status"])
    rows = rows[np.lexsort((order, rows["key"]))]
    first = np.ones(len(rows), bool)
    first[1:] = rows["key"][1:] != rows["key"][:-1]
    return rows[first]


def _aligned(a: Rows, b: Rows, absent: int) -> tuple[Rows, Rows]:
    """Both with a row for each id of either."""
    keys = np.union1d(a["key"], b["key"])
    result = []
    for side in (a, b):
        rows = np.zeros(len(keys), ROW)
        rows["key"], rows["status"] = keys, absent
        rows[np.searchsorted(keys, side["key"])] = side
        result.append(rows)
    return result[0], result[1]


def _examples(a: Side, b: Side, rows: Rows, cell: tuple[int, int], names: Sequence[str]) -> list[Example]:
    """The documents of some rows, as the run has them that keeps them; without those that cannot be read."""
    if cell == (0, 0):
        pairs = zip(_read(a, rows[0]), _read(b, rows[1]), strict=True)
        return [Example(x.id, x.url, first_difference(x.text, y.text)) for x, y in pairs if x and y]
    status_a, status_b = (names[number] for number in cell)
    use_b = status_a == ABSENT or (status_a != KEPT and status_b == KEPT)
    return [Example(one.id, one.url) for one in _read(b if use_b else a, rows[int(use_b)]) if one]


def _read(side: Side, rows: Rows) -> Iterator[Listed | None]:
    """The documents of some rows, in their order; None for one that cannot be read."""
    place = Place(side.output, tuple(side.paths), side.output)
    for row in rows:
        listing = open_listing(place, side.paths[row["file"]], Trouble())
        with listing.file:
            yield next(listing.rows(None, {int(row["row"])}), None)


def first_difference(a: str, b: str) -> tuple[str, str]:
    """The first line of each text that the other has not at its place, cut to size.

    >>> first_difference("x\\ny\\nz", "x\\nw")
    ('y', 'w')
    """
    lines_a, lines_b = a.split("\n"), b.split("\n")
    at = next((n for n, (x, y) in enumerate(zip(lines_a, lines_b, strict=False)) if x != y), None)
    if at is None:
        at = min(len(lines_a), len(lines_b))
    cut_a, cut_b = ("\n".join(lines[at : at + 1])[:SHOWN_CHARS] for lines in (lines_a, lines_b))
    return cut_a, cut_b
