"""What the page shows of a sample: thresholds with what would change, examples, and what documents are counted by."""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ...records import STAYS, Reason, Reasons, counted, sized
from ...storage import digest
from ..visible import escaped
from .charts import Axis, axis_of, histogram, short
from .measures import SAME, Measure, facets_of
from .sampling import Row, Sample
from .untrusted import link, shortened

EXAMPLES = 3  # of each kind
TOP = 8  # values that documents are counted by
GROUPS = 5
NEAR = 3  # whole numbers on both sides of a threshold that is one
STEPS = (-8, -4, -2, -1, 0, 1, 2, 4, 8)  # of the axis from the threshold on, that the table has


@dataclass(frozen=True, slots=True)
class Example:
    """A document as the page shows it, with nothing in it that could do harm."""

    id: str
    url: str
    href: str
    facts: str
    head: str
    more: bool


def example(row: Row, value: float | None = None) -> Example:
    facts = [f"{value:.6g}" if value is not None else "", shortened(row.detail)]
    if row.bytes is not None and (row.bytes or not row.reason):
        facts.append(counted(row.bytes, "byte"))
    text = " · ".join(filter(None, facts))
    more = (row.bytes or 0) > len(row.head.encode("utf-8", "surrogatepass"))
    return Example(shortened(row.id), shortened(row.url), link(row.url), text, escaped(row.head), more)


def examples(rows: Iterable[Row], salt: str) -> list[Example]:
    """Some of the documents, chosen by a hash; those with a text before those without."""
    shown = [row for row in rows if row.shown]
    chosen = sorted(shown, key=lambda row: (not row.head, digest(salt, row.id)))[:EXAMPLES]
    return [example(row, row.measure) for row in chosen]


@dataclass(frozen=True, slots=True)
class Change:
    """What a threshold in the place of the one that holds would change, in documents and in bytes of their text.

    None is not known: what kept documents measure, or how long dropped ones are.
    """

    threshold: float
    documents: float | None
    bytes: float | None

    def told(self, exact: bool) -> str:
        """
        >>> Change(300, 12, 3e5).told(True), Change(300, -1200.4, -2e6).told(False), Change(300, 0, 0).told(True)
        ('up to 12 documents more, 300 kB of text', 'about 1,200 documents fewer, 2.0 MB of text', 'no change')
        """
        if self.documents is None:
            return "how many would go is not recorded"
        n = round(self.documents)
        if not n:
            return "no change" if exact else "no change in the sample"
        text = f", {sized(abs(self.bytes))} of text" if self.bytes is not None else ""
        how = ("up to " if n > 0 else "") + ("" if exact else "about ")
        return f"{how}{counted(abs(n), 'document')} {'more' if n > 0 else 'fewer'}{text}"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A measure on the page. `stops` are what the slider has: place on the chart, value, what it says."""

    name: str
    threshold: float | None
    setting: str
    rule: str
    reasons: Sequence[Reasons]
    chart: Markup
    alt: str
    n_kept: int | None  # None: what kept documents measure is not recorded
    n_dropped: int
    changes: Sequence[Change]
    exact: bool
    stops: str
    start: int  # the stop of the threshold that holds
    n_stops: int
    notes: Sequence[str]
    kept: Sequence[Example]
    dropped: Sequence[Example]


def thresholds(source: str, found: Sequence[Measure], sample: Sample, counts: Mapping[str, int]) -> list[Threshold]:
    """The measures of a source for which the sample has documents."""
    result = []
    for one in found:
        kept = [(row.values[one.name], row) for row in sample.kept.rows if one.name in row.values]
        dropped = [
            (row.measure, row) for row in sample.dropped.rows if row.reason in one.reasons and row.measure is not None
        ]
        if kept or dropped:
            result.append(_threshold(source, one, kept, dropped, sample, counts))
    return result


Measured = Sequence[tuple[float, Row]]


def _threshold(
    source: str, one: Measure, kept: Measured, dropped: Measured, sample: Sample, counts: Mapping[str, int]
) -> Threshold:
    values = [value for value, _ in kept], [value for value, _ in dropped]
    axis = axis_of([*values[0], *values[1]], list(one.thresholds.values()), one.log)
    changes = _changes(one, axis, kept, dropped, sample, counts)
    at = next((place for place, change in enumerate(changes) if change.threshold == one.threshold), 0)
    exact = sample.kept.whole and sample.dropped.whole
    # Kept and dropped documents are sampled apart: each stands for others, or the bars could not be compared.
    n_dropped = sum(counts.get(f"documents.dropped.{reason}", 0) for reason in one.reasons)
    sampled = sum(row.reason in one.reasons for row in sample.dropped.rows)
    scales = (
        max(1.0, counts.get("documents.kept", 0) / max(1, len(sample.kept.rows))),
        max(1.0, n_dropped / max(1, sampled)),
    )
    n_of = [round(len(values) * scale) for values, scale in zip((kept, dropped), scales, strict=True)]
    alt = f"Histogram of {one.name}: {n_of[0]:,} kept and {n_of[1]:,} dropped documents"
    if one.threshold is not None:
        alt += f", threshold {short(one.threshold)}"
    setting = list(one.thresholds)[-1] if one.thresholds else ""
    return Threshold(
        one.name,
        one.threshold,
        f"sources.{source}.{setting}" if setting and not one.set_by else "",
        ""
        if one.threshold is None
        else f"kept: {one.keeps.replace('>=', '≥').replace('<=', '≤')} {short(one.threshold)}",
        [reason for reason in one.reasons if any(row.reason == reason for _, row in dropped)] or [*one.reasons[:1]],
        histogram(axis, *values, one.thresholds, one.keeps, alt, scales),
        alt,
        None if one.kept is None else n_of[0],
        n_of[1],
        [changes[at + step] for step in STEPS if 0 <= at + step < len(changes)] if changes else [],
        exact,
        json.dumps([[round(axis.x(c.threshold), 1), short(c.threshold), c.told(exact)] for c in changes]),
        at,
        len(changes),
        _notes(one, kept, sample),
        _nearest(one, kept),
        _nearest(one, dropped),
    )


def _notes(one: Measure, kept: Measured, sample: Sample) -> list[str]:
    notes = []
    if one.kept is None:
        notes.append("What kept documents measure is not recorded.")
    elif lacking := len(sample.kept.rows) - len(kept):
        notes.append(f"{counted(lacking, 'kept document')} of the sample without this measure.")
    if one.set_by:
        notes.append(f"This threshold follows from the documents of the run. What sets it: {one.set_by}.")
    if one.threshold is None:
        notes.append("No one threshold decides here, so that none is drawn: cutoffs were given, or are several.")
    return notes


def _changes(
    one: Measure, axis: Axis, kept: Measured, dropped: Measured, sample: Sample, counts: Mapping[str, int]
) -> list[Change]:
    """What each threshold on the axis would change, scaled to all documents by the exact counts."""
    if one.threshold is None:
        return []
    threshold = one.threshold
    n_sampled = Counter(row.reason for row in sample.dropped.rows)
    weights: dict[str, float] = {
        reason: counts.get(f"documents.dropped.{reason}", 0) / n_sampled[reason]
        for reason in one.reasons
        if n_sampled[reason]
    }
    of_kept = counts.get("documents.kept", 0) / max(1, len(sample.kept.rows))
    round_ = "{:.2g}" if one.log else "{:.6g}"
    beside = [edge for edge in axis.edges if not math.isclose(edge, threshold)]
    stops = {float(round_.format(edge)) for edge in beside} | {threshold}
    if all(float(value).is_integer() for value in (threshold, *(value for value, _ in (*kept, *dropped)))):
        near = {threshold + step for step in range(-NEAR, NEAR + 1)}
        stops = {stop for stop in stops if float(stop).is_integer()} | {stop for stop in near if stop >= axis.edges[0]}
    stays = STAYS[one.keeps]
    changes = []
    for stop in sorted(stops):
        more = [row for value, row in dropped if stays(value, stop)]
        fewer = [row for value, row in kept if not stays(value, stop)]
        if one.kept is None and stop != threshold and not stays(threshold, stop):
            changes.append(Change(stop, None, None))
            continue
        n = sum(weights[row.reason] for row in more) - of_kept * len(fewer)
        sizes = [weights[row.reason] * row.bytes for row in more if row.bytes is not None]
        n_bytes = sum(sizes) - of_kept * sum(row.bytes or 0 for row in fewer)
        changes.append(Change(stop, n, n_bytes if len(sizes) == len(more) else None))
    return changes


def _nearest(one: Measure, measured: Measured) -> list[Example]:
    """The documents that are nearest to the threshold."""

    def away(value: float) -> float:
        if one.threshold is None:
            return 0.0
        if one.log and value > 0 and one.threshold > 0:
            return abs(math.log(value / one.threshold))
        return abs(value - one.threshold)

    with_text = [(value, row) for value, row in measured if row.head and row.shown]
    chosen = sorted(with_text, key=lambda pair: (away(pair[0]), digest(pair[1].id)))[:EXAMPLES]
    return [example(row, value) for value, row in chosen]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many documents of the sample have which value."""

    name: str
    about: str
    n: int
    top: Sequence[tuple[str, int]]
    n_others: int  # other values,
    others: int  # and the documents with them


def _counts(name: str, about: str, values: Iterable[str]) -> Counts:
    """The most frequent values, these by their number; where all are numbers, such as years, in the order of those."""
    found = Counter(values)
    top = sorted(found.items(), key=lambda one: (-one[1], one[0]))[:TOP]
    if all(value.isdecimal() for value in found):
        top.sort(key=lambda one: (len(one[0].lstrip("0")), one[0].lstrip("0")))
    rest = found.total() - sum(n for _, n in top)
    return Counts(
        name, about, found.total(), [(shortened(value, 60), n) for value, n in top], len(found) - len(top), rest
    )


OF_KEPT = "of kept documents"


def facets(source: str, sample: Sample) -> list[Counts]:
    """What the kept documents are counted by."""
    found = []
    for name in facets_of(source):
        values = [row.facets[name] for row in sample.kept.rows if name in row.facets]
        if values:
            lacking = len(sample.kept.rows) - len(values)
            found.append(_counts(name, f"{OF_KEPT}; {lacking:,} without" if lacking else OF_KEPT, values))
    return found


def details(sample: Sample, reasons: Iterable[Reasons] = Reason) -> list[Counts]:
    """What dropped documents say of themselves, by reason: languages, licences, kinds of files."""
    found = []
    for reason in reasons:
        values = [row.detail for row in sample.dropped.rows if row.shown and row.reason == reason and row.detail]
        if len(set(values)) > 1 and reason not in SAME and reason != Reason.TAKEN_DOWN:
            found.append(_counts(str(reason), "of dropped documents", values))
    return found


@dataclass(frozen=True, slots=True)
class Gone:
    """What was dropped for a reason: some of it, and where that is for other documents the largest groups of the same.

    A group is one of its documents, and how many of it were dropped.
    """

    reason: Reasons
    examples: Sequence[Example]
    n_groups: int
    largest: Sequence[tuple[Example, int]]


def gone(source: str, sample: Sample, found: Sequence[Measure], reasons: Iterable[Reasons] = Reason) -> list[Gone]:
    """Of each reason; without examples where charts have them."""
    measured = {reason for one in found for reason in one.reasons}
    shown = []
    for reason in reasons:
        rows = [row for row in sample.dropped.rows if row.reason == reason and row.shown]
        by_key: dict[str, list[Row]] = {}
        for row in rows if reason in SAME else ():
            by_key.setdefault(getattr(row, SAME[reason]), []).append(row)
        largest = sorted(by_key.items(), key=lambda one: (-len(one[1]), one[0]))[:GROUPS]
        pairs = [(example(min(ones, key=lambda row: (row.id, row.url))), len(ones)) for _, ones in largest]
        unmeasured = [row for row in rows if not (reason in measured and row.measure is not None)]
        if unmeasured or pairs:
            shown.append(Gone(reason, examples(unmeasured, source), len(by_key), pairs))
    return shown


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long the kept documents are."""

    chart: Markup
    median: int
    mean: int
    longest: int


def lengths(sample: Sample) -> Lengths | None:
    n_bytes = [row.bytes for row in sample.kept.rows if row.bytes]
    if not n_bytes:
        return None
    alt = f"Histogram of the bytes of {counted(len(n_bytes), 'kept document')}"
    chart = histogram(axis_of(n_bytes, [], log=True), n_bytes, [], {}, ">=", alt)
    return Lengths(chart, round(statistics.median(n_bytes)), round(statistics.mean(n_bytes)), max(n_bytes))
