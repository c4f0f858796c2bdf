"""A part of a source's inputs: whole slices, chosen by a hash of their names, so that the rest is not read.

`--limit` chooses documents, and reads everything for that; what is measured for a forecast must not.
"""

from __future__ import annotations

import itertools
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import UsageError
from ..formats.stackexchange import Row, cut_rows
from ..mixtures.circle import unit_interval
from ..mixtures.sources import SourceRecipe, StackExchangeRecipe
from ..records import Damage, counted, sized
from ..storage import MIB, Input, open_read
from .sources import source_of

NEAR = 4  # a site so many times as large as another one may still have fewer posts
HEAD_BYTES = 8 << 20  # of a dump of Stack Exchange, in which its posts are counted
SPREAD = 1.25  # by so many times the posts of a dump may be more or fewer than its head has it
_UNITS = {"": 1, **{f"{prefix}B": 1000**n for n, prefix in enumerate(("", "k", "M", "G", "T", "P"))}}
_UNITS |= {f"{prefix}iB": 1024**n for n, prefix in enumerate(("", "K", "M", "G", "T", "P")) if prefix}
_SIZE = re.compile(r"(?:(\d+)x)?(\d+(?:\.\d+)?(?:e\d+)?)\s*(files|[A-Za-z]*)")


@dataclass(frozen=True, slots=True)
class Unit:
    """What is read as one: a slice, or where only a whole input can be read all slices of it."""

    name: str  # of its first slice
    slices: tuple[str, ...]
    input: Input
    bytes: float  # of the input, as they lie there
    kind: str  # of its slices; of Stack Exchange the site
    length: int  # in the slices' own measure: bytes unpacked, or rows


@dataclass(frozen=True)
class Part:
    """The chosen units of a source, and what there is of it in all.

    `beside` are files that hold no documents, but what is to be known of them: they are read whole.
    """

    source: str
    units: tuple[Unit, ...]
    found: tuple[Unit, ...]  # all, the chosen ones included
    files: tuple[Input, ...]
    beside: tuple[Input, ...] = ()
    left_out: float = 0.0  # bytes of sites that no documents are made from, which are read for their number of posts
    doubtful: float = 0.0  # share of the bytes found that may be of other sites, as far as their heads tell
    notes: tuple[str, ...] = ()

    @property
    def bytes(self) -> float:
        """Of what is read."""
        return sum(unit.bytes for unit in self.units)

    @property
    def bytes_found(self) -> float:
        """Of what documents are made from."""
        return sum(unit.bytes for unit in self.found)


@dataclass(frozen=True, slots=True)
class Whole:
    """How much of a source there is, of which only some files are here: `sets` that are compared apart (dumps)."""

    size: float
    files: bool = False  # whether the size is a number of files, as large as those that are here
    sets: int | None = None

    @classmethod
    def parse(cls, text: str) -> Whole:
        """From what a user writes: a size, or a number of files, each so many times.

        >>> Whole.parse("305GB"), Whole.parse("5x72000files")
        (Whole(size=305000000000.0, files=False, sets=None), Whole(size=360000.0, files=True, sets=5))
        """
        match = _SIZE.fullmatch(text.strip())
        if not match or (match[3] != "files" and match[3] not in _UNITS) or not float(match[2]):
            raise UsageError(f"{text!r}: expected a size such as 305GB, 72000files or 5x8.4TB.")
        times = int(match[1] or 1)
        is_files = match[3] == "files"
        size = float(match[2]) * (1 if is_files else _UNITS[match[3]])
        return cls(size * times, is_files, int(match[1]) if match[1] else None)

    def bytes(self, files: Sequence[Input]) -> float:
        """In bytes; files that are not here are as large as those that are, on average."""
        return self.size * (statistics.fmean(one.size for one in files) if self.files else 1)


def choose(source: str, options: SourceRecipe, files: Sequence[Input], share: float) -> Part:
    """Units of about a share of the bytes, one at least where there is one. Files are opened only to cut
    them, and those of Stack Exchange to count posts in their heads."""
    units, beside = _units(source, options, files)
    # All sites are read by those who measure everything, and their posts counted, as in a run.
    kept, doubtful = units, 0.0
    if isinstance(options, StackExchangeRecipe) and not options.sites and share < 1:
        kept, doubtful = _of_largest(units, options)
    left_out = sum(unit.bytes for unit in units) - sum(unit.bytes for unit in kept)
    asked = share * sum(unit.bytes for unit in kept)
    chosen, notes = pick(kept, asked)
    if doubtful:
        notes.append(
            f"posts were counted in the first {HEAD_BYTES >> 20} MiB of dumps; a run counts all, and of the sites here "
            f"{100 * doubtful:.0f} %, by bytes, may be others."
        )
    return Part(
        source,
        tuple(chosen),
        tuple(kept),
        tuple(files),
        tuple(beside),
        left_out,
        doubtful,
        tuple(f"{source}: {n}" for n in notes),
    )


def _units(source: str, options: SourceRecipe, files: Sequence[Input]) -> tuple[list[Unit], list[Input]]:
    """All units of a source, and the files beside them. A unit has its share of the bytes of its input."""
    units, beside = [], []
    for one in files:
        slices = source_of(source, options).slices(one, options)
        if any(piece.kind in source_of(source, options).beside for piece in slices):
            beside.append(one)
            continue
        length = sum(piece.stop - piece.start for piece in slices)
        groups = [slices] if source == "stackexchange" else [[piece] for piece in slices]
        for group in filter(None, groups):
            own = sum(piece.stop - piece.start for piece in group)
            size = one.size * own / length if length else 0.0
            names = tuple(piece.name for piece in group)
            units.append(Unit(names[0], names, one, size, group[0].kind, own))
    return units, beside


def _of_largest(units: Sequence[Unit], options: StackExchangeRecipe) -> tuple[list[Unit], float]:
    """The dumps of the sites that will be kept, those of the most posts; and the share of their bytes that is in doubt.

    Posts are counted in the heads of dumps, where their lengths leave it open which site has more of them.
    """
    length: dict[str, int] = {}
    for unit in units:
        length[unit.kind] = max(length.get(unit.kind, 0), unit.length)
    by_length = sorted(length, key=lambda site: (-length[site], site))
    if len(by_length) <= options.largest:
        return list(units), 0.0
    last = length[by_length[options.largest - 1]]
    kept = {site for site in by_length if length[site] > NEAR * last}
    near = [unit for unit in units if last / NEAR <= unit.length <= NEAR * last]
    posts: dict[str, tuple[float, float]] = {}  # at least, at most
    for unit in near:
        posts[unit.kind] = max(posts.get(unit.kind, (0.0, 0.0)), _posts(unit, options))
    by_posts = sorted(posts, key=lambda site: (-sum(posts[site]), site))
    n_open = options.largest - len(kept)
    chosen, others = by_posts[:n_open], by_posts[n_open:]
    most = max((posts[site][1] for site in others), default=0.0)
    kept |= set(chosen)
    found = [unit for unit in units if unit.kind in kept]
    close = {site for site in chosen if posts[site][0] < most}
    return found, sum(unit.bytes for unit in found if unit.kind in close) / sum(unit.bytes for unit in found)


class _EnoughError(Exception):
    """The head of a dump was read."""


def _posts(unit: Unit, options: StackExchangeRecipe) -> tuple[float, float]:
    """How many posts a dump has, at least and at most: both the same where its head is all of it."""
    n_rows = n_bytes = 0

    def count(found: Sequence[Row | Damage]) -> None:
        nonlocal n_rows, n_bytes
        for row in found:
            n_rows += 1
            n_bytes = row.offset + (len(row.data) if isinstance(row, Row) else 0)
        if n_bytes >= HEAD_BYTES:
            raise _EnoughError

    try:
        with open_read(unit.input.url) as file:
            all_rows = cut_rows(file, count, options.max_post_mb * MIB)
        return all_rows, all_rows
    except _EnoughError:
        likely = n_rows * unit.length / n_bytes
        return likely / SPREAD, likely * SPREAD


def pick(units: Sequence[Unit], asked: float) -> tuple[list[Unit], list[str]]:
    """Units in the order of a hash of their names, until they have the bytes that are asked for; and what to say of it.

    A unit larger than what is asked for is not read, so that a small part never means a large file; but where the
    others have less together, the first one is that is no larger than the median of such units.
    """
    ordered = sorted(
        (unit for unit in units if unit.bytes > 0), key=lambda unit: (unit_interval(unit.name, "measure"), unit.name)
    )
    usable = [unit for unit in ordered if unit.bytes <= asked * (1 + 1e-9)]
    large = [unit for unit in ordered if unit.bytes > asked * (1 + 1e-9)]
    before = itertools.accumulate((unit.bytes for unit in usable), initial=0.0)
    taken = [unit for unit, read in zip(usable, before, strict=False) if read < asked * (1 - 1e-9)]
    if not large:
        return taken, []
    if sum(unit.bytes for unit in taken) < asked * (1 - 1e-9):
        median = statistics.median_low(unit.bytes for unit in large)
        one = next(unit for unit in large if unit.bytes <= median)
        said = f"{sized(asked)} were asked for; {one.name} is read, a slice of {sized(one.bytes)}."
        return [*taken, one], [said]
    share = sum(unit.bytes for unit in large) / sum(unit.bytes for unit in ordered)
    return taken, [
        f"{counted(len(large), 'slice')} larger than the {sized(asked)} asked for, {100 * share:.0f} % of its "
        f"bytes, not read ({large[0].name}, …): the forecast takes them for like the others."
    ]
