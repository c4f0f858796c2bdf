"""From what was measured on a part to the whole: core-hours, bytes, documents, tokens and epochs, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from ..mixtures.extrapolate import Estimate, added, exactly, grown, total_of
from ..mixtures.plan import plan
from ..mixtures.sources import CitedRecipe
from ..pipelines.measured import CLASSIFIER, TOKENIZER, Measured, Sampled
from ..pipelines.tokens import GROUP
from . import funnel

HOUR = 3600.0
BUSY = 0.8  # below, work items waited for more than the processor
PREFIXES = (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3))
UNKNOWN_FALL = Estimate(1.0, None, 1.0, guess=True)  # at most what the part keeps
OF_DOCUMENTS = ("documents", "tokens", "disk.documents", "disk.tokens")
ONCE, SHARDS, ALL = "once", "shards", "all"
CUT_OTHERWISE = Estimate(1.0, 0.9, 1.1, guess=True)  # tokens of a text, by a tokenizer that was trained on a part
FEW_EXAMPLES = 10_000  # below, a classifier of cited pages is a poor one, and keeps more than a good one


@dataclass(frozen=True)
class Row:
    """The forecast of one source, of what is done once (models, processes that start), of the shards, or of all.

    What does not apply to it is None.
    """

    name: str
    core_hours: Estimate
    read: Estimate | None = None  # bytes of inputs, each pass over them counted
    moved: Estimate | None = None  # bytes of keys and bits of the exchange
    documents: Estimate | None = None
    tokens: Estimate | None = None  # of one pass, BOS and EOS included, what is held out as well
    disk: Mapping[str, Estimate] = field(default_factory=dict)  # documents, tokens, shards, work

    @property
    def tokens_per_core_hour(self) -> float | None:
        return self.tokens.figure / self.core_hours.value if self.tokens and self.core_hours.value else None


@dataclass(frozen=True)
class Forecast:
    """The whole, from a part."""

    rows: tuple[Row, ...]
    mixture: tuple[dict[str, Any], ...]  # as of `plan`, with epochs at the ends of the interval; empty: not known
    measured: Measured


def forecast(measured: Measured) -> Forecast:
    """The whole, from what was measured."""
    tokens_of_text = CUT_OTHERWISE if _is_of_a_part(measured) else exactly(1.0)
    rows = [_source(name, one, tokens_of_text, _is_untaught(measured, name)) for name, one in measured.sources.items()]
    rows.append(Row(ONCE, added([*_models(measured), *_started(measured)])))
    mixture = _mixture(measured, rows)
    if measured.mixed.get("tokens"):
        rows.append(_shards(measured, rows, mixture))
    return Forecast((*rows, _sum(rows)), tuple(mixture), measured)


def _shards(measured: Measured, rows: Sequence[Row], mixture: Sequence[Mapping[str, Any]]) -> Row:
    """Mixing, and the shards: as large as the budget, or else as sure as the tokens that there will be.

    Where a source gave nothing there is no mixture, and shards grow as the tokens of the other ones do.
    """
    there = added([row.tokens for row in rows if row.tokens])
    read = sum(one.units[unit.name].get("tokens", 0.0) for one in measured.sources.values() for unit in one.part.units)
    wanted = sum(row["wanted"] for row in mixture)
    times = wanted / measured.mixed["tokens"] if mixture else there.value / max(1.0, read)
    hours, size = grown(measured.mixed["cpu"] / HOUR, times), exactly(measured.mixed["disk.shards"] * times)
    if measured.recipe.budget_tokens is None and there.value:
        size = there.times(size.value / there.value)
    return Row(SHARDS, hours, disk={"shards": size})


def _is_untaught(measured: Measured, source: str) -> bool:
    """Whether a classifier that the recipe trains saw too few pages here to keep what it keeps of the whole."""
    crawl = measured.recipe.sources.commoncrawl
    if source != "commoncrawl" or not crawl or not isinstance(crawl.cited, CitedRecipe) or crawl.cited.model:
        return False
    saw = next((one.size for one in measured.learnt if one.name == CLASSIFIER), 0.0)
    return measured.sources[source].grown > 1 and saw < FEW_EXAMPLES


def _is_of_a_part(measured: Measured) -> bool:
    """Whether the tokenizer that was trained here saw less than that of the whole will."""
    trained = next((one for one in measured.learnt if one.name == TOKENIZER), None)
    return trained is not None and _everything(measured) > 1 and trained.size < trained.most


def _everything(measured: Measured) -> float:
    """How many times the parts of all sources their wholes are."""
    sources = measured.sources.values()
    return sum(one.whole for one in sources) / sum(one.part.bytes for one in sources)


def _source(name: str, one: Sampled, tokens_of_text: Estimate, untaught: bool) -> Row:
    sizes = [unit.bytes for unit in one.part.units]
    kept = sum(one.units[unit.name].get("documents", 0.0) for unit in one.part.units)

    def total(what: str) -> Estimate:
        measured = [one.units[unit.name].get(what, 0.0) for unit in one.part.units]
        shared = one.shared.get(what, 0.0)
        return total_of(measured, sizes, one.whole, kept if what in OF_DOCUMENTS else None).plus(shared * one.grown)

    of_documents, of_text = (_share(one, what) for what in ("documents", "text"))
    if untaught:
        of_documents, of_text = (Estimate(share.value, None, share.high, True) for share in (of_documents, of_text))
    tokens_on_disk = total("disk.tokens").shared(of_text).shared(tokens_of_text)
    merges = len(sizes) * one.grown > GROUP  # then they are on disk twice
    hours = _cpu(one, total("cpu")).times(1 / HOUR)
    if one.rest:
        hours = added([hours, total("cpu.posts").times(one.rest / one.whole / HOUR)])
    return Row(
        name,
        hours,
        exactly(one.passes * one.whole + one.rest),
        total("moved"),
        total("documents").shared(of_documents),
        total("tokens").shared(of_text).shared(tokens_of_text),
        {
            "documents": total("disk.documents").shared(of_text),
            "tokens": tokens_on_disk,
            "work": added([total("disk.work"), tokens_on_disk]) if merges else total("disk.work"),
        },
    )


def _cpu(one: Sampled, total: Estimate) -> Estimate:
    """Seconds of CPU. What a unit took that was the first of a process is a guess by the others, and says nothing of
    how units differ: the interval is that of the others."""
    others = [unit for unit in one.part.units if unit.name not in one.first]
    if len(others) == len(one.part.units):
        return total
    if len(others) < 2:
        return Estimate(total.value)
    own = total_of(
        [one.units[unit.name].get("cpu", 0.0) for unit in others], [unit.bytes for unit in others], one.whole
    )
    if own.low is None or own.high is None:
        return Estimate(total.value)
    return Estimate(total.value, max(0.0, total.value + own.low - own.value), total.value + own.high - own.value)


def _share(one: Sampled, what: str) -> Estimate:
    """What is left, of what the part keeps, where it is compared with the whole; of Stack Exchange, as far as a run
    keeps the same sites."""
    if one.part.doubtful:
        return Estimate(1.0, 1 - one.part.doubtful, 1 + one.part.doubtful, guess=True)
    if not one.compares or one.larger <= 1:
        return exactly(1.0)
    return one.falls[what].share(one.larger) if what in one.falls else UNKNOWN_FALL


def _models(measured: Measured) -> list[Estimate]:
    """The core-hours of what is trained once, on no more than the recipe says."""
    found = []
    for model in measured.learnt:
        times = measured.sources[model.of].grown if model.of in measured.sources else _everything(measured)
        found.append(grown(model.cpu / HOUR, min(times, model.most / max(model.size, 1.0))))
    return found


def _started(measured: Measured) -> list[Estimate]:
    return [exactly(sum(one.started for one in measured.sources.values()) / HOUR)]


def _mixture(measured: Measured, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The plan of the recipe, as if there were so many tokens; nothing where a source has none, or none was read."""
    recipe = measured.recipe
    training = 1 - recipe.validation
    tokens = {row.name: row.tokens.times(training) for row in rows if row.tokens}
    if any(not tokens.get(name, exactly(0.0)).figure for name in recipe.active):
        return []
    found = []
    for row in plan(recipe, {name: max(1, round(tokens[name].figure)) for name in recipe.active}):
        one, least, most = tokens[row.source], None, None
        if row.wanted and recipe.active[row.source].weight is not None:
            least = row.wanted / one.high if one.high else None
            most = row.wanted / one.low if one.low and not _is_next_to_nothing(one.low, one) else None
        found.append({**asdict(row), "at_most": one.is_upper_end, "epochs_from": least, "epochs_to": most})
    return found


def _sum(rows: Sequence[Row]) -> Row:
    def total(estimates: Sequence[Estimate | None]) -> Estimate:
        return added([one for one in estimates if one is not None])

    kinds = {kind for row in rows for kind in row.disk}
    return Row(
        ALL,
        total([row.core_hours for row in rows]),
        total([row.read for row in rows]),
        total([row.moved for row in rows]),
        total([row.documents for row in rows]),
        total([row.tokens for row in rows]),
        {kind: total([row.disk.get(kind) for row in rows]) for kind in sorted(kinds)},
    )


# --- what is shown ----------------------------------------------------------------------------------------------------


def as_json(found: Forecast, price: float | None) -> list[dict[str, Any]]:
    """An object a row; the last one, of all, has the notes."""
    objects = []
    mixture = {row["source"]: row for row in found.mixture}
    for row in found.rows:
        value = asdict(row) | {"tokens_per_core_hour": row.tokens_per_core_hour}
        if one := found.measured.sources.get(row.name):
            value["measured"] = {
                "slices": len(one.part.units),
                "slices_found": len(one.part.found),
                "bytes": round(one.part.bytes),
                "bytes_found": round(one.part.bytes_found),
                "bytes_whole": round(one.whole),
                "passes": one.passes,
                "compared_times": one.larger if one.compares else None,
                "falls": {what: asdict(fall) for what, fall in one.falls.items()},
            }
            value["mixture"] = mixture.get(row.name)
        if price is not None:
            value["cost"] = asdict(row.core_hours.times(price))
        objects.append(value)
    objects[-1] |= {"notes": found.measured.notes, "busy": found.measured.busy}
    return objects


def show(found: Forecast, console: Console, price: float | None) -> None:
    """Print the forecast as tables, and what is to be said of it."""
    console.print(_measured_table(found.measured))
    console.print(_costs(found, price))
    console.print(_bytes_table(found))
    if found.mixture:
        console.print(funnel.mixture(found.mixture))
    for line in _remarks(found):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _measured_table(measured: Measured) -> Table:
    table = _table("Measured", "slices", "of", "read", "of the", "whole", "compared in sets")
    for name, one in measured.sources.items():
        sets = "–" if not one.compares else "as large" if one.larger <= 1 else f"1/{short(one.larger)} as large"
        part, counts = one.part, (len(one.part.units), len(one.part.found))
        share = f"{100 * part.bytes / one.whole:.3g} %" if one.whole else "–"
        table.add_row(name, *(f"{n:,}" for n in counts), short(part.bytes, "B"), share, short(one.whole, "B"), sets)
    return table


def _costs(found: Forecast, price: float | None) -> Table:
    costs = ["cost"] if price is not None else []
    table = _table("Forecast", "core-hours", *costs, "documents", "tokens, one pass", "a core-hour")
    for row in found.rows:
        money = [shown(row.core_hours.times(price), interval=False)] if price is not None else []
        speed = short(row.tokens_per_core_hour) if row.tokens_per_core_hour else ""
        speed = f"≤ {speed}" if row.tokens and row.tokens.is_upper_end else speed
        _line(table, row.name, shown(row.core_hours), *money, shown(row.documents), shown(row.tokens), speed)
    return table


def _bytes_table(found: Forecast) -> Table:
    kinds = [kind for kind in ("documents", "tokens", "shards", "work") if kind in found.rows[-1].disk]
    table = _table("Bytes, the last four on disk in the end", "read", "exchanged", *kinds)
    for row in found.rows:
        if row.read or row.disk:
            cells = [shown(row.disk.get(kind), "B", interval=False) for kind in kinds]
            _line(table, row.name, shown(row.read, "B", interval=False), shown(row.moved, "B", interval=False), *cells)
    return table


def _remarks(found: Forecast) -> list[str]:
    measured, disk = found.measured, found.rows[-1].disk
    lines = [
        f"On disk in the end: {shown(added(list(disk.values())), 'B')}; work/ is what only a later run needs.",
        "In brackets: 95 %, by the jackknife over slices. ?: no interval, for there is one slice, or too few "
        "that were not the first of a process; or it is a sum with such a figure.",
    ]
    lines.append(
        "*: beyond what was measured. In larger sets the share kept falls: from no further to as copies in pairs do; "
        "what is done once on n times as much takes n^0.8 to n^1.2 times as long."
    )
    if any(_is_untaught(measured, name) for name in measured.sources):
        lines.append(
            f"commoncrawl: fewer than {FEW_EXAMPLES:,} pages to train the classifier on: it keeps more than one "
            "of the whole crawl does. With a ready one (cited.model) this can be measured."
        )
    if measured.busy < BUSY:
        lines.append(
            f"Work items waited {100 * (1 - measured.busy):.0f} % of their time here, for disks or other programs. "
            "Core-hours count seconds of CPU alone."
        )
    return lines + measured.notes


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("")
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _line(table: Table, name: str, *cells: str) -> None:
    if name == ALL:
        table.add_section()
    table.add_row(name, *cells)


def shown(estimate: Estimate | None, unit: str = "", interval: bool = True) -> str:
    """A figure with its interval, both in one unit.

    >>> shown(Estimate(1234.0, 1100.0, 1400.0)), shown(Estimate(12.0)), shown(Estimate(12.0, None, 15.0, guess=True))
    ('1.23 k (1.1–1.4 k)', '12 (?)', '≤ 15 *')
    >>> shown(None), shown(exactly(2e6), "B"), shown(Estimate(0.0123, 0.01, 0.0567))
    ('', '2 MB', '0.012 (0.01–0.057)')
    """
    if estimate is None:
        return ""
    mark = " *" if estimate.guess else ""
    if estimate.is_upper_end:
        return f"≤ {short(estimate.figure, unit)}{mark}"
    said = short(estimate.value, unit)
    if not interval or estimate.low == estimate.high == estimate.value:
        return f"{said}{mark}"
    if estimate.low is None or estimate.high is None:
        return f"{said} (?){mark}"
    prefix, power = _prefix(estimate.value)
    ends = (
        "0" if _is_next_to_nothing(end, estimate) else _digits(end / power, 2) for end in (estimate.low, estimate.high)
    )
    return f"{said} ({'–'.join(ends)} {prefix}".rstrip() + f"){mark}"


def _is_next_to_nothing(end: float, estimate: Estimate) -> bool:
    """Whether an end of the interval is as good as zero: epochs of so few tokens would be a figure without sense."""
    return end <= estimate.value / 1000


def short(value: float, unit: str = "") -> str:
    """Three digits of a number, two of one below 1.

    >>> short(1234567), short(0.01234), short(999.9), short(0), short(1.4e12)
    ('1.23 M', '0.012', '1 k', '0', '1.4 T')
    """
    prefix, power = _prefix(value)
    return f"{_digits(value / power, 3)} {prefix}{unit}".rstrip()


def _prefix(value: float) -> tuple[str, float]:
    return next((one for one in PREFIXES if abs(value) >= one[1] * 0.9995), ("", 1.0))


def _digits(value: float, n: int) -> str:
    """
    >>> _digits(1234.0, 2), _digits(12.34, 2), _digits(0.1234, 3), _digits(99.7, 2), _digits(99.7, 3)
    ('1,234', '12', '0.12', '100', '99.7')
    """
    return f"{value:,.0f}" if value >= 100 - 0.5 * 10 ** (2 - n) else f"{value:.{n if value >= 1 else 2}g}"
