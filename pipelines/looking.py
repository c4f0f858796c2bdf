"""Which documents are shown: by conditions, by a hash of their ids, or those nearest to a threshold."""

from __future__ import annotations

import contextlib
import heapq
import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..errors import CorpusmillError, UsageError, did_you_mean
from ..filters.criteria import COUNTED
from ..mixtures.circle import unit_interval
from ..mixtures.recipe import read_recipe
from ..records import Reason
from .fate import Fate, Origins, shard_of
from .inputs import check_inputs
from .listing import META, Listed, Place, Trouble, open_listing
from .query import Condition, number_of
from .retelling import Retelling

AT_ONCE = 64  # documents whose texts are in memory, where they are not shown in the order of their files
FILES_IN_TURN = 8
NAMES = 1000  # of what is known of documents, for a hint
Ranked = tuple[float, int, Listed]


@dataclass
class Asked:
    """What is asked for. `limit` 0 is all; `sort` is a name, with a minus before it for the largest first."""

    conditions: Sequence[Condition] = ()
    reasons: Collection[str] = ()
    source: str = ""
    share: float = 1.0
    seed: int = 0
    limit: int = 20
    sort: str = ""
    near: tuple[str, float] | None = None
    known: set[str] = field(default_factory=set)  # names that documents were seen to have
    looked_at: int = 0  # documents, and of them
    shown: int = 0

    @property
    def ranks(self) -> bool:
        return bool(self.sort or self.near)

    @property
    def by(self) -> str:
        """What documents are ranked by."""
        return self.near[0] if self.near else self.sort.removeprefix("-")

    @property
    def names(self) -> list[str]:
        """What must be known of documents to choose them."""
        return [*(condition.name for condition in self.conditions), *([self.by] if self.ranks else [])]

    def columns(self) -> set[str] | None:
        """The columns that the choice needs, or None where all documents are taken as they come."""
        if not (self.names or self.reasons or self.source or self.share < 1):
            return None
        with_text = {"text", "head"} if {"text", *COUNTED} & set(self.names) else set()
        return {"id", "url", "source", "reason", "measure", "detail", *META, *self.names, *with_text}

    def fits(self, one: Listed) -> bool:
        self.looked_at += 1
        if self.share < 1 and unit_interval(one.id, "look", self.seed) >= self.share:
            return False
        if len(self.known) < NAMES:
            self.known |= one.meta.keys()
        self.known |= {name for name in self.names if one.value(name) is not None}
        return (
            (not self.reasons or one.outcome in self.reasons)
            and (not self.source or one.source == self.source)
            and all(condition.holds(one.value(condition.name)) for condition in self.conditions)
        )

    def check_names(self) -> None:
        """Raises UsageError: a name that no document has."""
        for name in self.names:
            if name not in self.known:
                has = sorted({*self.known, "id", "url", "source", "text", *COUNTED})
                raise UsageError(
                    f"{name}: no document here has it{did_you_mean(name, has)}; they have {', '.join(has)}."
                )


def reasons_of(place: Place) -> set[str]:
    """The reasons for which documents of a run went: those of the user's own sources, too."""
    counts = (place.facts or {}).get("sources", {}).values()
    start = "documents.dropped."
    return {name.removeprefix(start) for of in counts for name in of if name.startswith(start)}


def reasons_named(given: Sequence[str], own: Iterable[str] = ()) -> frozenset[str]:
    """Reasons by their names, or by those of their families; `own` are those of a run, which may be the user's.

    Raises:
        UsageError: there is no such reason.

    >>> sorted(reasons_named(["c4.brace", "books"]))
    ['books.language', 'books.overlap', 'c4.brace']
    """
    found: set[str] = set()
    all_ = {*map(str, Reason), *own}
    for name in given:
        chosen = {reason for reason in all_ if name in (reason, reason.partition(".")[0])}
        if not chosen:
            families = {reason.partition(".")[0] for reason in all_}
            known = all_ | families
            raise UsageError(
                f"--reason {name}: no such reason{did_you_mean(name, known)}; expected one as in c4.brace, or a family "
                f"of them: {', '.join(sorted(families))}."
            )
        found |= chosen
    return frozenset(found)


def threshold(given: str) -> tuple[str, float]:
    """NAME=VALUE.

    >>> threshold("perplexity=288.2")
    ('perplexity', 288.2)
    """
    name, _, value = given.partition("=")
    number = number_of(value.strip())
    if not name or number is None:
        raise UsageError(f"--near {given}: expected a name and a number, as in perplexity=288.2.")
    return name.strip(), number


def look(place: Place, asked: Asked, trouble: Trouble) -> Iterator[Listed]:
    """The documents asked for, with their texts; sources take turns, so that a few show them all.

    Where a share is asked for, files come in an order of hashes, so that a few documents cost a few files. Documents
    that are ranked come in their order, after all were looked at.

    Raises:
        UsageError: a name that no document has, or one to rank by that is no number, once all were looked at.
    """
    chosen = _chosen(place, asked, trouble)
    if asked.ranks:
        chosen = _with_texts(place, iter(_ranked(chosen, asked)), trouble)
    for one in itertools.islice(chosen, asked.limit or None):
        asked.shown += 1
        yield one
    if not asked.shown:
        asked.check_names()


def _chosen(place: Place, asked: Asked, trouble: Trouble) -> Iterator[Listed]:
    groups: dict[str, list[str]] = {}
    for path in place.paths:
        groups.setdefault(_source_of(place, path), []).append(path)
    if asked.source and place.output:
        if asked.source not in groups:
            hint = did_you_mean(asked.source, groups)
            raise UsageError(f"--source {asked.source}: not here{hint}; there are {', '.join(sorted(groups))}.")
        groups = {asked.source: groups[asked.source]}
    if asked.share < 1:
        groups = {
            name: sorted(paths, key=lambda path: unit_interval(path, "look", asked.seed))
            for name, paths in groups.items()
        }
    yield from _in_turn([_of_source(place, paths, asked, trouble) for paths in groups.values()])


def _of_source(place: Place, paths: Sequence[str], asked: Asked, trouble: Trouble) -> Iterator[Listed]:
    """The documents of a source that fit: of a sample some files take turns, as one alone may be odd."""
    if asked.share == 1:
        yield from _of_files(place, paths, asked, trouble)
        return
    for start in range(0, len(paths), FILES_IN_TURN):
        yield from _in_turn([_of_files(place, [path], asked, trouble) for path in paths[start : start + FILES_IN_TURN]])


def _source_of(place: Place, path: str) -> str:
    parts = path.split("/")
    return parts[1] if place.output and len(parts) > 2 else ""


def _in_turn(streams: Sequence[Iterator[Listed]]) -> Iterator[Listed]:
    """One of each until none has more."""
    while streams:
        going = []
        for stream in streams:
            if (one := next(stream, None)) is not None:
                going.append(stream)
                yield one
        streams = going


def _of_files(place: Place, paths: Sequence[str], asked: Asked, trouble: Trouble) -> Iterator[Listed]:
    """The documents of some files that fit: first by what the choice needs, then the rest of those alone."""
    columns = asked.columns()
    for path in paths:
        listing = open_listing(place, path, trouble)
        with listing.file:
            if columns is None:
                yield from listing.rows()
            elif asked.ranks:
                yield from filter(asked.fits, listing.rows(columns))
            else:
                yield from listing.rows_that(asked.fits, columns)


def _whole(place: Place, found: Sequence[Listed], trouble: Trouble) -> Iterator[Listed]:
    """The same documents with their texts, and all that is known of them; in the same order."""
    by_path: dict[str, set[int]] = {}
    for one in found:
        by_path.setdefault(one.path, set()).add(one.row)
    whole: dict[tuple[str, int], Listed] = {}
    for path, rows in by_path.items():
        listing = open_listing(place, path, trouble)
        with listing.file:
            whole |= {(path, one.row): one for one in listing.rows(None, rows)}
    for one in found:
        if (path_row := (one.path, one.row)) in whole:
            yield whole[path_row]


def _with_texts(place: Place, chosen: Iterator[Listed], trouble: Trouble) -> Iterator[Listed]:
    while found := list(itertools.islice(chosen, AT_ONCE)):
        yield from _whole(place, found, trouble)


def _ranked(found: Iterable[Listed], asked: Asked) -> list[Listed]:
    """Those with the smallest or the largest values, or as many on each side of a threshold; without their texts."""
    limit = asked.limit or None
    with_values = _with_values(found, asked.by)
    if asked.near is None:
        sign = -1 if asked.sort.startswith("-") else 1
        every = ((sign * value, number, one) for value, number, one in with_values)
        return [one for _, _, one in (heapq.nsmallest(limit, every) if limit else sorted(every))]
    below: list[Ranked] = []
    above: list[Ranked] = []
    _, border = asked.near
    for value, number, one in with_values:
        side, entry, room = (below, (value, -number, one), limit and limit // 2)
        if value >= border:
            side, entry, room = (above, (-value, -number, one), limit and limit - limit // 2)
        heapq.heappush(side, entry)
        if room is not None and len(side) > room:
            heapq.heappop(side)
    both = [(value, -number, one) for value, number, one in below]
    both += [(-value, -number, one) for value, number, one in above]
    return [one for _, _, one in sorted(both)]


def _with_values(found: Iterable[Listed], name: str) -> Iterator[Ranked]:
    """Raises UsageError: there are values, and none is a number."""
    n, other = 0, None
    for one in found:
        value = one.value(name)
        if isinstance(value, (int, float)) and value == value:
            yield float(value), n, _bare(one)
            n += 1
        elif other is None:
            other = value
    if not n and other is not None:
        raise UsageError(
            f"{name} is no number here, as in {str(other)[:80]!a}; documents are ranked by one, as in --sort chars."
        )


def _bare(one: Listed) -> Listed:
    return Listed(one.id, one.url, one.source, one.outcome, one.path, one.row, "", {})


def retold(place: Place, found: Sequence[Listed], inputs: str) -> Iterator[tuple[Listed, Fate | CorpusmillError]]:
    """Each document with what the steps of the run did to it; a slice of an input is read once for all of them.

    Raises:
        UsageError: what is looked at is no part of a run, or there is no such folder of inputs.
    """
    if not place.output:
        raise UsageError(f"--diff: {place.root} is no part of a run, so that nothing is known of what its texts were.")
    check_inputs(inputs)
    origins = Origins(place.output)

    def input_of(one: Listed) -> str:
        with contextlib.suppress(UsageError):  # which is said where it is told what became of the document
            return origins.of(one.source, shard_of(one.path)).name
        return ""

    fates = [
        Fate(
            one.id, one.url, one.source, one.outcome, one.path, one.row, input_of(one), {**one.meta, "head": one.text},
        )
        for one in found
    ]  # fmt: skip
    told = Retelling(place.output, read_recipe(place.output, code=True), inputs, origins).told(fates)
    return zip(found, told, strict=True)
