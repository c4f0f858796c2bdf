"""Documents as files list them: those of a run, its dropped ones, and anybody's Parquet or JSON lines with a `text`.

Of a Parquet file some rows of some columns are in memory at a time, of JSON lines one line.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, BinaryIO

from ..errors import UsageError
from ..filters.criteria import COUNTED
from ..formats.documents import DROPPED
from ..formats.jsonlines import read_objects
from ..formats.parquet import MAGIC, open_parquet, read_group, row_ranges
from ..manifest import RECIPE, read_facts
from ..records import Damage, Reason
from ..storage import LEFT_ASIDE, absolute, is_file, is_local, join, open_read, sizes
from .fate import KEPT
from .told import called

ENDINGS = tuple(f".{name}{packed}" for name in ("jsonl", "ndjson") for packed in ("", ".gz", ".bz2"))
ENDINGS += (".parquet", ".json.gz")  # the last as allenai/c4 names its files
MOST_TROUBLE = 100_000  # that is told apart; memory must not follow files that are all damage
META = ("meta", "metadata")  # a mapping, or JSON of one
FIELDS = frozenset({"id", "text", "source", "url", *META})
# What the detail of a dropped document is called in the metadata of those that are kept.
DETAILS: Mapping[str, str] = MappingProxyType(
    {
        Reason.CCNET_LANGUAGE: "language",
        Reason.CCNET_LANGUAGE_UNSURE: "language",
        Reason.CCNET_BUCKET: "bucket",
        Reason.C4_OTHER_CRAWL: "timestamp",
        Reason.C4_LANGUAGE: "language",
        Reason.C4_LANGUAGE_UNSURE: "language",
        Reason.GITHUB_LICENSE: "license",
        Reason.STACKEXCHANGE_SITE: "site",
        Reason.BOOKS_LANGUAGE: "language",
        Reason.BOOKS_OVERLAP: "covered_by",
    }
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A document as a file lists it; of one that was dropped `text` is its head."""

    id: str
    url: str
    source: str
    outcome: str  # `kept`, the reason for dropping, or nothing where the file is no run's
    path: str  # from the folder on that was looked at, or from that of the run
    row: int  # of a Parquet file, from 0; of JSON lines the line, from 1
    text: str
    meta: Mapping[str, Any]

    def value(self, name: str) -> Any:
        """What a name of a condition stands for; None where it is not known."""
        if name in COUNTED and self.outcome in ("", KEPT) and name not in self.meta:
            return COUNTED[name](self.text)
        if name in ("id", "url", "source", "text"):
            return getattr(self, name)
        return self.outcome if name in ("reason", "outcome") and self.outcome else self.meta.get(name)


@dataclass(frozen=True)
class Place:
    """What is looked at: a folder or a file, the run that it is of, and the files there."""

    root: str  # that paths begin at: the run's folder, or the one looked at
    paths: tuple[str, ...]
    output: str = ""  # of the run
    facts: Mapping[str, Any] | None = None  # its manifest; None where it is not finished

    @functools.cached_property
    def called(self) -> Mapping[str, str]:
        """What the measure of each reason is called, of the user's own sources, too, as the run wrote it down."""
        return called(self.facts)


@dataclass
class Trouble:
    """What could not be read, counted, and said of the first."""

    first: str = ""
    seen: set[tuple[str, str]] = field(default_factory=set)  # a file may be read more than once

    @property
    def n(self) -> int:
        return len(self.seen)

    def add(self, path: str, what: str) -> None:
        if len(self.seen) < MOST_TROUBLE:
            self.seen.add((path, what))
        self.first = self.first or f"{path}: {what}"


def place_at(path: str, kinds: Collection[str] = ("documents",)) -> Place:
    """The files at a path; where it is a run, those of these kinds: `documents`, `dropped`.

    Raises:
        UsageError: there is nothing to look at.
    """
    whole = absolute(path).rstrip("/") if is_local(path) else path.rstrip("/")
    output = run_of(whole)
    inside = "" if not output else whole[len(output) :].strip("/")
    looked_at = [join(output, kind) for kind in sorted(kinds)] if output and not inside else [whole]
    root = output or whole
    found: list[str] = []
    for folder in looked_at:
        there = sizes(folder)
        start = folder[len(root) :].strip("/")
        if set(there) == {""}:  # a file: it need not be called as such files are
            if not output:
                root, _, start = whole.rpartition("/")
                start = whole[len(root) + 1 :]
            found.append(start)
            continue
        found += ["/".join(filter(None, (start, name))) for name in there if _is_ours(name)]
    if not found:
        raise UsageError(
            f"{path}: nothing to look at. Expected a run, or a file or a folder of .parquet or .jsonl(.gz) with a text."
        )
    return Place(root, tuple(sorted(found)), output, read_facts(output) if output else None)


def _is_ours(name: str) -> bool:
    return name.endswith(ENDINGS) and not LEFT_ASIDE.search(name) and not name.rpartition("/")[2].startswith(".")


def run_of(path: str) -> str:
    """The folder of the run that a path lies in, or nothing."""
    folder = path
    for _ in range(4):  # itself, documents/, its source, a file there
        if is_file(join(folder, RECIPE)):
            return folder
        folder, slash, _ = folder.rpartition("/")
        if not slash or folder.endswith("/"):
            break
    return ""


@dataclass
class ListingFile:
    """One file of documents, open."""

    place: Place
    path: str
    trouble: Trouble
    file: BinaryIO
    is_parquet: bool

    def rows(self, columns: Collection[str] | None = None, only: Collection[int] | None = None) -> Iterator[Listed]:
        """Its documents, or those rows of it; of a Parquet file no other columns are read, of JSON lines all is."""
        if not self.is_parquet:
            yield from self._of_lines(only)
            return
        parquet = self._parquet()
        first, last = (min(only), max(only) + 1) if only else (0, sys.maxsize)
        for group, (start, stop) in enumerate(row_ranges(parquet) if parquet else ()):
            if start < last and first < stop:
                yield from self._of_group(parquet, columns, (group, start, stop), only)

    def rows_that(self, fit: Callable[[Listed], bool], columns: Collection[str]) -> Iterator[Listed]:
        """Its documents that fit, as far as these columns tell: only of those all is read, a row group at a time."""
        if not self.is_parquet:
            yield from filter(fit, self._of_lines(None))
            return
        parquet = self._parquet()
        for group, (start, stop) in enumerate(row_ranges(parquet) if parquet else ()):
            place = group, start, stop
            found = {one.row for one in self._of_group(parquet, columns, place, None) if fit(one)}
            if found:
                yield from self._of_group(parquet, None, place, found)

    def _of_lines(self, only: Collection[int] | None) -> Iterator[Listed]:
        self.file.seek(0)
        last = max(only) if only else None
        for found in read_objects(self.file):
            if isinstance(found, Damage):
                self.trouble.add(self.path, f"{found.error}, {found.detail}")
            elif only is None or found.number in only:
                if isinstance(found.fields.get("text"), str):
                    yield self._listed(found.number, found.fields)
                else:
                    self.trouble.add(self.path, f"line {found.number:,} has no text")
            if last is not None and not isinstance(found, Damage) and found.number >= last:
                return

    def _parquet(self) -> Any:
        """The file, its footer read; None, and it is noted, where it holds no documents."""
        self.file.seek(0)
        if self.file.read(len(MAGIC)) != MAGIC:
            self.trouble.add(self.path, "not a Parquet file")
            return None
        parquet = open_parquet(self.file)
        if isinstance(parquet, Damage):
            self.trouble.add(self.path, f"{parquet.error}, {parquet.detail}")
            return None
        names = parquet.schema_arrow.names
        if "text" not in names and not set(DROPPED.names) <= set(names):
            self.trouble.add(self.path, "no column text")
            return None
        return parquet

    def _of_group(
        self, parquet: Any, columns: Collection[str] | None, place: tuple[int, int, int], only: Collection[int] | None
    ) -> Iterator[Listed]:
        names = parquet.schema_arrow.names
        wanted = names if columns is None else [name for name in names if name in columns]
        for row in read_group(parquet, wanted or names[:1], *place, only):
            if isinstance(row, Damage):
                self.trouble.add(self.path, f"{row.error}, {row.detail}")
            else:
                fields = {name: _plain(value) for name, value in row.fields.items()}
                yield self._dropped(row.offset, fields) if "text" not in names else self._listed(row.offset, fields)

    def _dropped(self, row: int, fields: Mapping[str, Any]) -> Listed:
        """A document that was dropped; what was measured has the name that it has with those that are kept."""
        id_, reason = _said(fields.get("id")), _said(fields.get("reason"))
        meta = {name: fields.get(name) for name in ("measure", "detail")}
        names = {"measure": self.place.called.get(reason), "detail": DETAILS.get(reason)}
        meta |= {name: meta[what] for what, name in names.items() if name}
        parts = self.path.split("/")
        source = parts[1] if self.place.output and len(parts) > 1 else id_.partition(":")[0]
        return Listed(id_, _said(fields.get("url")), source, reason, self.path, row, _said(fields.get("head")), meta)

    def _listed(self, row: int, fields: Mapping[str, Any]) -> Listed:
        meta = dict(next((_mapping(fields[name]) for name in META if name in fields), {}))
        id_ = _said(fields.get("id", meta.get("id"))) or f"{self.path}:{row}"
        url, source = (_said(fields.get(name, meta.get(name))) for name in ("url", "source"))
        meta |= {name: value for name, value in fields.items() if name not in FIELDS}
        outcome = KEPT if self.place.output and self.path.startswith("documents/") else ""
        return Listed(id_, url, source, outcome, self.path, row, _said(fields.get("text")), meta)


def open_listing(place: Place, path: str, trouble: Trouble) -> ListingFile:
    """A file of documents. Raises SourceError: it cannot be opened."""
    file = open_read(join(place.root, path))
    is_parquet = path.endswith(".parquet") or file.read(len(MAGIC)) == MAGIC
    return ListingFile(place, path, trouble, file, is_parquet)


def _plain(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _said(value: Any) -> str:
    return "" if value is None else str(value)


def _mapping(value: Any) -> Mapping[str, Any]:
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}
