"""What the page says by the manifest alone: exact counts, the mixture, damage, and the time it took."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...formats.documents import read_rows
from ...records import Reason, Reasons
from ...storage import join, sizes
from ..corpus import paper

LAST = (Reason.EMPTY, Reason.DUPLICATE_CONTENT, Reason.DUPLICATE_ID, Reason.TAKEN_DOWN)  # in the order of the funnel
DAMAGE_ROWS = 100_000  # of one list, that are looked at for the files with most of it
DAMAGED_FILES, DAMAGED_PLACES = 15, 3  # that are shown, and of each


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a funnel: what goes, and what is left after it."""

    name: str
    about: str
    n: int
    left: int


@dataclass(frozen=True, slots=True)
class Funnel:
    """Documents, lines or answers: in = kept + dropped."""

    kind: str
    n_in: int
    lines: Sequence[Line]
    n_kept: int


def funnel(kind: str, counts: Mapping[str, int], reasons: Iterable[Reasons] = Reason) -> Funnel | None:
    """What went for each reason, of the accounts of a source; None where it has no such accounts.

    >>> funnel("lines", {"lines.in": 3, "lines.kept": 2, "lines.dropped.c4.line_policy": 1}).lines[0].left
    2
    """
    n_in = counts.get(f"{kind}.in", 0)
    if not n_in:
        return None
    lines, left = [], n_in
    for reason in (*(reason for reason in reasons if reason not in LAST), *LAST):
        if n := counts.get(f"{kind}.dropped.{reason}", 0):
            left -= n
            lines.append(Line(str(reason), reason.description, n, left))
    return Funnel(kind, n_in, lines, counts.get(f"{kind}.kept", 0))


@dataclass(frozen=True, slots=True)
class Share:
    """A source in the mixture: what was made, and what Table 1 of the paper says."""

    source: str
    share: float
    paper_share: float | None
    written: int
    wanted: int
    one_pass: int
    epochs: float
    paper_epochs: float | None
    paper_gb: float | None
    missing: int


def mixture(facts: Mapping[str, Any]) -> list[Share]:
    """The rows of the mixture, none where no shards were made. The paper's numbers are those of the recipe `llama1`."""
    rows = facts["mixture"]["table"] if facts["mixture"] else []
    of_paper = paper().active
    total = sum(row["written"] for row in rows) or 1
    found = []
    for row in rows:
        theirs = of_paper.get(row["source"])
        table1 = theirs.paper if theirs else None
        found.append(
            Share(
                row["source"],
                row["written"] / total,
                theirs.weight / 100 if theirs and theirs.weight else None,
                row["written"],
                row["wanted"],
                row["available"],
                row["epochs"],
                table1.epochs if table1 else None,
                table1.disk_gb if table1 else None,
                row["missing"],
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Damaged:
    """An input and what in it could not be read: how often what, and the first places."""

    name: str
    n: int
    errors: Sequence[tuple[str, int]]
    places: Sequence[Mapping[str, Any]]


def damaged(output: str, paths: Sequence[str]) -> tuple[list[Damaged], bool]:
    """The inputs with most damage, of the lists below `errors/`; and whether a list was too long to be read whole."""
    counts: dict[str, Counter[str]] = {}
    places: dict[str, list[Mapping[str, Any]]] = {}
    cut = False
    there = sizes(join(output, "errors"))  # another run of some sources may have taken away what an earlier one listed
    for path in sorted(path for path in paths if path in there):
        rows = read_rows(join(output, "errors", path))
        for row in itertools.islice(rows, DAMAGE_ROWS):
            counts.setdefault(row["input"], Counter())[row["error"]] += 1
            first = places.setdefault(row["input"], [])
            if len(first) < DAMAGED_PLACES:
                first.append(row)
        cut |= next(rows, None) is not None
    most = sorted(counts, key=lambda name: (-counts[name].total(), name))[:DAMAGED_FILES]
    return [
        Damaged(
            name,
            counts[name].total(),
            sorted(counts[name].items(), key=lambda one: (-one[1], one[0])),
            sorted(places[name], key=lambda row: int(row["offset"])),
        )
        for name in most
    ], cut


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of a source or a stage, in all and by phase; of a source those of CPU by step. The longest come first."""

    name: str
    seconds: float
    phases: Sequence[tuple[str, float]]
    steps: Sequence[tuple[str, float]] = ()


def seconds(facts: Mapping[str, Any]) -> list[Took]:
    """How long a run took. Runs of earlier versions say nothing of steps.

    >>> facts = {"seconds": {"c4/extract": 1.0, "tokens": 2.5, "c4/shared/hash": 1.0}, "sources": {"c4": {}}}
    >>> for took in seconds({**facts, "step_seconds": {"c4": {"keep sentences": 0.5}}}): print(took)
    Took(name='tokenizer, tokens and shards', seconds=2.5, phases=[('tokens', 2.5)], steps=[])
    Took(name='c4', seconds=2.0, phases=[('extract', 1.0), ('shared/hash', 1.0)], steps=[('keep sentences', 0.5)])
    """
    groups: dict[str, dict[str, float]] = {}
    for phase, took in facts["seconds"].items():
        first, _, rest = phase.partition("/")
        known = {"cited": "models", "ngram": "models"}
        group = first if rest and first not in known else known.get(first, "tokenizer, tokens and shards")
        groups.setdefault(group, {})[rest if group == first else phase] = took
    steps = facts.get("step_seconds", {})
    found = [
        Took(group, round(sum(phases.values()), 1), _longest_first(phases), _longest_first(steps.get(group, {})))
        for group, phases in groups.items()
    ]
    return sorted(found, key=lambda one: (-one.seconds, one.name))


def _longest_first(took: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(took.items(), key=lambda one: (-one[1], one[0]))
