"""From a part to the whole: how sure a total is that was measured on some slices, and what comparing more takes.

Most of what a run needs grows with its inputs: a ratio to their bytes, measured on slices chosen by hash, with the
jackknife's interval. What other documents have as well does not: the more there are, the less of each is left. How that
goes on beyond the part measured is an assumption, and `Fall` says which.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

# Student's t for an interval of 95 %, by degrees of freedom from 1.
T95 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
)
NORMAL95 = 1.960
HALVING = (4, 2, 1)  # the part measured is compared within a quarter, a half, and all of it
GROWTH_SPREAD = math.log(2) / 4  # of the logarithm of a slope's growth, before anything is measured
RARE = 3.0  # what was not seen once may still come so often, in 95 of 100 cases
FASTEST = 2.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure for the whole, and its interval of 95 %; ends that nothing is known of are None.

    `guess` says that it rests on how the share kept goes on falling beyond what was compared.
    """

    value: float
    low: float | None = None
    high: float | None = None
    guess: bool = False

    @property
    def is_upper_end(self) -> bool:
        """Whether nothing but the upper end is known."""
        return self.low is None and self.high is not None

    @property
    def figure(self) -> float:
        """What is said of it: the value, or the upper end alone.

        >>> Estimate(2.0, None, 3.0).figure, Estimate(2.0).figure
        (3.0, 2.0)
        """
        return self.high if self.low is None and self.high is not None else self.value

    def times(self, factor: float) -> Estimate:
        """As many times of it, 0 or more.

        >>> Estimate(2.0, 1.0, None).times(3)
        Estimate(value=6.0, low=3.0, high=None, guess=False)
        """
        low, high = (None if end is None else end * factor for end in (self.low, self.high))
        return Estimate(self.value * factor, low, high, self.guess)

    def plus(self, constant: float) -> Estimate:
        """With something that is known.

        >>> Estimate(2.0, 1.0, None).plus(3)
        Estimate(value=5.0, low=4.0, high=None, guess=False)
        """
        low, high = (None if end is None else end + constant for end in (self.low, self.high))
        return Estimate(self.value + constant, low, high, self.guess)

    def shared(self, share: Estimate) -> Estimate:
        """A share of it that is an estimate itself: from the least of the least to the most of the most.

        >>> Estimate(4.0, 2.0, 6.0).shared(Estimate(0.5, 0.25, 1.0, guess=True))
        Estimate(value=2.0, low=0.5, high=6.0, guess=True)
        """
        low = None if self.low is None or share.low is None else self.low * share.low
        high = None if self.high is None or share.high is None else self.high * share.high
        return Estimate(self.value * share.value, low, high, self.guess or share.guess)


def exactly(value: float) -> Estimate:
    """What is known."""
    return Estimate(value, value, value)


def added(parts: Sequence[Estimate]) -> Estimate:
    """The sum of estimates that err independently of one another: their distances add as squares.

    It is the sum of what is said of them. Of an upper end that is all that is known.

    >>> added([Estimate(10, 7, 14), Estimate(20, 16, 23)])
    Estimate(value=30, low=25.0, high=35.0, guess=False)
    >>> added([Estimate(10, None, 12), exactly(1)])
    Estimate(value=13, low=None, high=13.0, guess=False)
    """
    value = sum(one.figure for one in parts)
    low: float | None = value
    high: float | None = value
    lows, highs = [one.low for one in parts], [one.high for one in parts]
    if None not in lows:
        low = value - math.hypot(*(one.value - (one.low or 0.0) for one in parts))
    if None not in highs:
        high = value + math.hypot(*((one.high or 0.0) - one.figure for one in parts))
    guess = any(one.guess for one in parts)
    return Estimate(value, None if None in lows else low, None if None in highs else high, guess)


def total_of(amounts: Sequence[float], sizes: Sequence[float], whole: float, things: float | None = None) -> Estimate:
    """The total over `whole` of what was measured on some slices, in proportion to their sizes.

    The interval is the jackknife's over slices with Student's t: each slice left out once. It takes the slices for a
    random choice, narrows as they become all there is, and never ends below what was measured itself. One slice says
    nothing of how slices differ: no interval. That slices agree makes few `things` (documents that the amounts are of)
    no surer: the interval is at least that of so many by chance, and of none there is no upper end.

    >>> total_of([10.0, 20.0], [1.0, 2.0], 30.0)
    Estimate(value=300.0, low=300.0, high=300.0, guess=False)
    >>> round(total_of([10.0, 20.0], [1.0, 2.0], 300.0, things=4).high)
    5925
    >>> total_of([0.0, 0.0], [1.0, 2.0], 300.0, things=0)
    Estimate(value=0.0, low=0.0, high=None, guess=False)
    >>> total_of([10.0], [1.0], 30.0)
    Estimate(value=300.0, low=None, high=None, guess=False)
    >>> total_of([10.0, 12.0], [1.0, 1.0], 2.0)
    Estimate(value=22.0, low=22.0, high=22.0, guess=False)
    """
    amount, size = math.fsum(amounts), math.fsum(sizes)
    if size <= 0:
        return Estimate(0.0)
    value = amount / size * whole
    if whole <= size * (1 + 1e-9):
        return exactly(amount if math.isclose(whole, size) else value)
    if len(sizes) < 2 or any(size - one <= 0 for one in sizes):
        return Estimate(value)
    left_out = [(amount - a) / (size - s) * whole for a, s in zip(amounts, sizes, strict=True)]
    if things == 0:
        return Estimate(value, value, None)
    half = t95(len(sizes) - 1) * jackknife_error(left_out)
    if things is not None:
        half = max(half, NORMAL95 * value / math.sqrt(things))
    half *= math.sqrt(1 - size / whole)
    return Estimate(value, min(value, max(amount, value - half)), value + half)


def jackknife_error(left_out: Sequence[float]) -> float:
    """The standard error of a figure, from its values with each part of the data left out once.

    >>> round(jackknife_error([1.0, 2.0, 3.0]), 4)
    1.1547
    """
    n = len(left_out)
    mean = math.fsum(left_out) / n
    return math.sqrt((n - 1) / n * math.fsum((one - mean) ** 2 for one in left_out))


def t95(degrees: int) -> float:
    """Student's t for an interval of 95 %, to a hundredth.

    >>> t95(1), t95(30)
    (12.706, 2.04)
    """
    return T95[degrees - 1] if degrees <= len(T95) else NORMAL95 + 2.4 / degrees


def grown(amount: float, times: float) -> Estimate:
    """What is done once takes on `times` as much, where one figure is all that is known: about as many times as much.

    The interval lies between the powers 0.8 and 1.2 of that: an n-gram model of nine times as many tokens took 14 times
    as long, which is the power 1.2.

    >>> grown(2.0, 1.0), round(grown(1.0, 9.0).high or 0)
    (Estimate(value=2.0, low=2.0, high=2.0, guess=True), 14)
    """
    more = max(1.0, times)
    return Estimate(amount * more, amount * more**0.8, amount * more**1.2, guess=True)


# --- what comparing more takes ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Compared:
    """What is kept of the same slices, compared within a smaller and within a larger set, `times` as large."""

    times: float
    smaller: Mapping[str, float]  # slice → kept
    larger: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Fall:
    """How the share that is kept falls as more is compared: `slope` is −d ln(share) / d ln(size), at the last doubling.

    `growth` is how many times steeper it gets with a doubling: 1 is a power law, which boilerplate of all frequencies
    gives (a share of size^−slope); 2 is copies in pairs, of which twice as many meet in a set twice as large. In
    between the slope grows so at first, and levels off where most copies have met: the share is (1 + size / s)^−k.
    `steepest` is the slope that copies in pairs would go on from, at worst.
    """

    slope: float
    growth: float
    steepest: float

    def share(self, times: float) -> Estimate:
        """What is left, of what the part measured keeps, in a set `times` as large: at worst by copies in pairs, at
        best all.

        >>> Fall(0.1, 1.0, 0.1).share(1)
        Estimate(value=1.0, low=1.0, high=1.0, guess=False)
        >>> [round(end, 3) for end in (Fall(0.1, 1.0, 0.1).share(8).value, 8**-0.1)]
        [0.812, 0.812]
        """
        if times <= 1 or not self.steepest:
            return exactly(1.0)
        value, low = left(self.slope, self.growth, times), left(self.steepest, FASTEST, times)
        return Estimate(value, min(value, low), 1.0, guess=True)


def left(slope: float, growth: float, times: float) -> float:
    """The share that is left in a set `times` as large, where the slope was measured between a half and all of it.

    >>> round(left(0.1, 1.0, 16), 4) == round(16**-0.1, 4)
    True
    """
    middle = 0.5 / math.log(2)  # the slope between a half and all is that of the curve here, for copies in pairs
    growth = min(max(growth, 1.0), FASTEST)
    if growth > FASTEST - 1e-6:  # where the law below ends
        return math.exp(-slope / middle * (times - 1))
    scale = middle * (growth - 1) / (2 - growth)
    power = slope * (scale + middle) / middle
    return float(((scale + times) / (scale + 1)) ** -power)


def fall_of(first: Compared, second: Compared, n_documents: float) -> Fall | None:
    """The fall that two doublings show: a quarter of the slices within half of them, and half of them within all.

    Slopes are those of the same slices in sets of two sizes, so that a slice richer than others counts on both sides.
    How fast the slope grows is measured badly, and drawn towards the middle of 1 and 2 as far as the jackknife over
    slices says that it is noise. None where nothing is kept.
    """
    slices = sorted({*first.larger, *second.larger})

    def slopes(without: str = "") -> tuple[float, float] | None:
        found = [_slope(one, without) for one in (first, second)]
        return None if None in found else (found[0] or 0.0, found[1] or 0.0)

    whole = slopes()
    if whole is None:
        return None
    left_out = [pair for pair in map(slopes, slices) if pair is not None]
    error = _error([pair[1] for pair in left_out], whole[1])
    noise = _error([_growth(pair) for pair in left_out], math.log(2))
    trust = GROWTH_SPREAD**2 / (GROWTH_SPREAD**2 + noise**2)
    growth = math.exp(trust * _growth(whole) + (1 - trust) * math.log(2) / 2)
    margin = max(t95(max(1, len(slices) - 1)) * error, RARE / max(n_documents, RARE) / math.log(2))
    return Fall(whole[1], min(max(growth, 1.0), FASTEST), max(whole) + margin)


def _slope(one: Compared, without: str) -> float | None:
    smaller, larger = (
        math.fsum(kept for name, kept in side.items() if name != without) for side in (one.smaller, one.larger)
    )
    if smaller <= 0 or larger <= 0:
        return None
    return max(0.0, math.log(smaller / larger) / math.log(one.times))


def _growth(slopes: tuple[float, float]) -> float:
    """The logarithm of how many times steeper the second slope is; from −ln 2 to 2 ln 2."""
    first, second = slopes
    if not first and not second:
        return math.log(2) / 2
    ratio = second / first if first > 0 else math.inf
    return math.log(min(max(ratio, 0.5), 4.0))


def _error(left_out: Sequence[float], unknown: float) -> float:
    return jackknife_error(left_out) if len(left_out) > 1 else unknown


def nested(names: Sequence[str], order: Callable[[str], float]) -> list[list[str]]:
    """A quarter, a half and all of the names, each in the next one, chosen by `order`; empty for fewer than three.

    >>> nested(["a", "b", "c", "d", "e"], order=ord)
    [['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd', 'e']]
    >>> nested(["a", "b", "c"], order=ord), nested(["a", "b"], order=ord)
    ([['a'], ['a', 'b'], ['a', 'b', 'c']], [])
    """
    chosen = sorted(names, key=order)
    return [chosen[: -(-len(chosen) // part)] for part in HALVING] if len(chosen) > 2 else []
