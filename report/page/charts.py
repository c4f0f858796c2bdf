"""Charts as inline SVG: numbers in, markup out. Colours and fonts are the style sheet's, by the classes of elements."""

from __future__ import annotations

import bisect
import itertools
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

WIDTH, HEIGHT = 420, 236
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 26, 30  # around the plot
BINS = 36
TAIL = 0.005  # share of the values at either end that the end bins take
NICE = (1.0, 2.0, 2.5, 5.0, 10.0)


def short(value: float) -> str:
    """A number as an axis has it.

    >>> short(0.25), short(300), short(2000), short(12345), short(2_500_000), short(-3)
    ('0.25', '300', '2,000', '12.3k', '2.5M', '-3')
    """
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):.3g}{unit}"
    return f"{value:,.4g}"


def bar(*parts: tuple[float, str], whole: float = 1.0, marker: float | None = None) -> Markup:
    """A bar in a cell of a table: lengths, of `whole`, and their classes. The cell beside it has the number."""
    shapes, start = [], 0.0
    for length, name in parts:
        width = 0.0 if not whole else max(0.0, min(1000.0 - start, 1000 * length / whole))
        if width:
            shapes.append(f'<rect class="{name}" x="{start:.1f}" y="0" width="{max(width, 2):.1f}" height="10"/>')
        start += width
    if marker is not None and whole:
        at = max(0.0, min(994.0, 1000 * marker / whole))
        shapes.append(f'<rect class="mark" x="{at:.1f}" y="0" width="6" height="10"/>')
    body = "".join(shapes)
    return Markup(f'<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">{body}</svg>')


@dataclass(frozen=True)
class Axis:
    """Where values stand between the two ends of a plot, and the edges of its bins, one of which is the threshold."""

    edges: Sequence[float]
    log: bool
    ticks: Sequence[float]

    def at(self, value: float) -> float:
        """0 at the left end, 1 at the right one, whatever lies beyond."""
        low, high = self.edges[0], self.edges[-1]
        if self.log:
            value, low, high = math.log(max(value, low)), math.log(low), math.log(high)
        return min(1.0, max(0.0, (value - low) / (high - low)))

    def x(self, value: float) -> float:
        return LEFT + self.at(value) * (WIDTH - LEFT - RIGHT)

    def counts(self, values: Sequence[float], right: bool) -> list[int]:
        """Values by bins, those beyond in the end bins; `right` puts what stands on an edge into the bin before it."""
        result = [0] * (len(self.edges) - 1)
        cut = bisect.bisect_left if right else bisect.bisect_right
        for value in values:
            result[min(len(result) - 1, max(0, cut(self.edges, value) - 1))] += 1
        return result


def axis_of(values: Sequence[float], thresholds: Sequence[float], log: bool) -> Axis:
    """An axis for values and thresholds, with round steps from the last threshold on.

    >>> axis_of([1.5, 2, 3, 4, 10], [3], log=False).edges[:5]
    [1.5, 1.75, 2.0, 2.25, 2.5]
    >>> axis_of([0, 2, 3, 4, 10], [3.0], log=False).edges[:5]
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """
    ordered = sorted(value for value in values if value > 0 or not log) or [1.0]
    cut = int(len(ordered) * TAIL)
    lines = [value for value in thresholds if value > 0 or not log]
    ends = [ordered[cut], ordered[len(ordered) - 1 - cut], *lines]
    low, high, origin = min(ends), max(ends), ends[-1]
    if log:
        edges = _log_edges(low, high, origin, sides=bool(lines))
        return Axis(edges, True, _log_ticks(edges[0], edges[-1]))
    whole = all(float(value).is_integer() for value in (*ordered, origin))
    edges = _edges(low, high, origin, sides=bool(lines), whole=whole)
    return Axis(edges, False, _ticks(edges[0], edges[-1]))


def _edges(low: float, high: float, origin: float, sides: bool, whole: bool) -> list[float]:
    """Edges of bins; with `sides` there is room on both sides of the origin."""
    span = max(high - low, 1e-6 * max(abs(low), abs(high))) or 1.0
    margin = span / 8 if sides else 0.0
    least, low, high = min(low, origin), min(low, origin - margin), max(high, origin + margin)
    step = nice_step(max(high - low, span) / BINS)
    while whole and not step.is_integer():
        step = nice_step(max(1.0, step * 1.01))
    first, last = math.floor((low - origin) / step + 1e-9), math.ceil((high - origin) / step - 1e-9)
    numbers = range(first, max(last, first + 1) + 1)
    edges = [float(f"{origin + number * step:.12g}") if number else origin for number in numbers]
    # What is never below zero has no threshold there.
    return edges if least < 0 else sorted({max(0.0, edge) for edge in edges})


def _log_edges(low: float, high: float, origin: float, sides: bool) -> list[float]:
    """Edges of bins that are so many to a decade."""
    low, high = max(low, origin / 1e9), min(high, origin * 1e9)
    if sides:
        low, high = min(low, origin / 2), max(high, origin * 2)
    high = max(high, low * 1.5)
    per_decade = max(n for n in (2, 5, 10, 20, 50, 100) if n == 2 or math.log10(high / low) * n <= BINS + 4)
    first = math.floor(math.log10(low / origin) * per_decade + 1e-9)
    last = math.ceil(math.log10(high / origin) * per_decade - 1e-9)
    return [origin * 10 ** (step / per_decade) for step in range(first, max(last, first + 1) + 1)]


def nice_step(least: float) -> float:
    """The smallest round number that is not below another one.

    >>> nice_step(0.3), nice_step(7), nice_step(0.02)
    (0.5, 10.0, 0.02)
    """
    power = 10.0 ** math.floor(math.log10(max(least, sys.float_info.min)))  # what has underflowed has no logarithm
    return float(f"{next(power * nice for nice in NICE if power * nice >= least * (1 - 1e-9)):.12g}")


def _ticks(low: float, high: float) -> list[float]:
    step = nice_step((high - low) / 5)
    first = math.ceil(low / step - 1e-9)
    return [float(f"{number * step:.12g}") for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten, with 2 and 5 between them where they are few."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in (range(1, 10), (1, 2, 5), (1, 3), (1,)):
        ticks = [factor * 10.0**power for power in decades for factor in steps]
        ticks = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
        if len(ticks) <= 7:
            break
    return ticks


def histogram(
    axis: Axis,
    kept: Sequence[float],
    dropped: Sequence[float],
    thresholds: Mapping[str, float],
    keeps: Literal[">=", "<=", "<"],
    title: str,
    scales: tuple[float, float] = (1.0, 1.0),
) -> Markup:
    """Kept and dropped values, stacked, with thresholds drawn in; the last one as the one that decides.

    Args:
        scales: how many documents one of each stands for, where they are samples of different shares.
    """
    counted = (axis.counts(values, keeps == "<=") for values in (kept, dropped))
    bins = list(zip(*([round(n * scale) for n in of] for of, scale in zip(counted, scales, strict=True)), strict=True))
    most = max(1, max(n_kept + n_dropped for n_kept, n_dropped in bins))
    body = "".join([*_grid(most), *_bars(axis, bins, most), *_below(axis), *_lines(axis, thresholds)])
    return Markup(
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{body}</svg>'
    )


def _grid(most: int) -> Iterator[str]:
    step = max(1.0, nice_step(most / 3))
    for number in range(int(most / step) + 1):
        y = _y(number * step, most)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="tick" x="{LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{short(number * step)}</text>'


def _bars(axis: Axis, bins: Sequence[tuple[int, int]], most: int) -> Iterator[str]:
    for (n_kept, n_dropped), (left, right) in zip(bins, itertools.pairwise(axis.edges), strict=True):
        x, width = axis.x(left), max(1.0, axis.x(right) - axis.x(left) - 1)
        low = n_kept
        for name, start, stop in (("kept", 0, n_kept), ("dropped", low, low + n_dropped)):
            if stop > start:
                bottom = _y(start, most)
                top = min(_y(stop, most), bottom - 1.2)  # one of many is seen, too
                place = f'x="{x + 0.5:.1f}" y="{top:.1f}" width="{width:.1f}" height="{bottom - top:.1f}"'
                yield f'<rect class="{name}" {place}/>'


def _below(axis: Axis) -> Iterator[str]:
    base = HEIGHT - BOTTOM
    yield f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}"/>'
    for tick in axis.ticks:
        x = axis.x(tick)
        yield f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{base}" y2="{base + 4}"/>'
        yield f'<text class="tick" x="{x:.1f}" y="{base + 17}" text-anchor="middle">{short(tick)}</text>'


def _lines(axis: Axis, thresholds: Mapping[str, float]) -> Iterator[str]:
    for number, (name, value) in enumerate(thresholds.items(), 1):
        x, decides = axis.x(value), number == len(thresholds)
        side = "end" if axis.at(value) > (0.6 if decides else 0.2) else "start"
        shift = -4 if side == "end" else 4
        kind = "threshold" if decides else "threshold minor"
        label = short(value) if decides else f"{name} {short(value)}"
        yield f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 12}" y2="{HEIGHT - BOTTOM}"/>'
        y = TOP - 4 if decides else TOP + 9
        yield f'<text class="{kind}" x="{x + shift:.1f}" y="{y}" text-anchor="{side}">{escape(label)}</text>'
    if thresholds:
        yield f'<line class="moved" x1="0" x2="0" y1="{TOP - 12}" y2="{HEIGHT - BOTTOM}" visibility="hidden"/>'


def _y(count: float, most: int) -> float:
    base = HEIGHT - BOTTOM
    return base - (base - TOP) * count / most
