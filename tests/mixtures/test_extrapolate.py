"""Totals from slices with their intervals, and how the kept share goes on falling."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.mixtures.extrapolate import (
    Compared,
    Estimate,
    Fall,
    added,
    exactly,
    fall_of,
    grown,
    left,
    nested,
    t95,
    total_of,
)

AMOUNTS = st.lists(st.tuples(st.floats(0, 1e6), st.floats(0.1, 1e6)), min_size=2, max_size=20)


# --- totals -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0.1, 1e6), min_size=1, max_size=20), st.floats(0, 100), st.floats(1, 1e5))
def test_what_is_proportional_is_found_exactly(sizes: list[float], rate: float, times: float) -> None:
    whole = sum(sizes) * times
    found = total_of([rate * size for size in sizes], sizes, whole)
    assert found.value == pytest.approx(rate * whole)
    if len(sizes) > 1:
        assert found.low == pytest.approx(rate * whole)
        assert found.high == pytest.approx(rate * whole)


@given(AMOUNTS, st.floats(1, 1e4))
def test_an_interval_holds_its_value_and_what_was_measured(pairs: list[tuple[float, float]], times: float) -> None:
    amounts, sizes = zip(*pairs, strict=True)
    found = total_of(amounts, sizes, sum(sizes) * times)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.value <= found.high
    assert found.low >= min(found.value, sum(amounts)) * (1 - 1e-9)


@given(AMOUNTS)
def test_all_of_it_is_no_estimate(pairs: list[tuple[float, float]]) -> None:
    amounts, sizes = zip(*pairs, strict=True)
    found = total_of(amounts, sizes, sum(sizes))
    assert found.low == found.value == found.high == pytest.approx(sum(amounts))


@pytest.mark.parametrize(
    ("amounts", "sizes"),
    [
        pytest.param([1.0], [2.0], id="one slice"),
        pytest.param([1.0, 2.0], [2.0, 0.0], id="all bytes in one slice"),
    ],
)
def test_no_interval_where_slices_cannot_be_compared(amounts: list[float], sizes: list[float]) -> None:
    found = total_of(amounts, sizes, 10.0)
    assert (found.low, found.high) == (None, None)


@pytest.mark.parametrize("n_slices", [5, 10, 40])
@pytest.mark.parametrize("spread", [0.1, 0.5])
def test_the_interval_covers_the_truth_as_often_as_it_says(n_slices: int, spread: float) -> None:
    """Slices of different sizes, each with a rate of its own, a tenth or more of them measured."""
    chance = random.Random(n_slices)
    covered, rounds = 0, 400
    for _ in range(rounds):
        sizes = [chance.uniform(0.5, 1.5) for _ in range(400)]
        amounts = [size * chance.lognormvariate(0, spread) for size in sizes]
        chosen = chance.sample(range(400), n_slices)
        found = total_of([amounts[i] for i in chosen], [sizes[i] for i in chosen], sum(sizes))
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= sum(amounts) <= found.high
    assert covered / rounds >= 0.9


def test_more_slices_narrow_the_interval() -> None:
    amounts = [10.0, 12.0, 9.0, 11.0]
    few, many = (total_of(amounts * n, [1.0] * 4 * n, 1e6) for n in (1, 10))
    assert few.high
    assert many.high
    assert many.high - many.value < (few.high - few.value) / 4


def test_sums() -> None:
    assert added([]) == Estimate(0, 0, 0)
    assert added([exactly(1), Estimate(2, 1, 4, guess=True)]) == Estimate(3, 2, 5, guess=True)
    assert added([Estimate(2, None, None), exactly(1)]) == Estimate(3, None, None)


@given(st.floats(0, 1e6), st.floats(0, 1e9))
def test_what_is_done_once_never_takes_less_than_here(amount: float, times: float) -> None:
    found = grown(amount, times)
    assert found.low is not None
    assert found.high is not None
    assert amount <= found.low * (1 + 1e-12)
    assert found.low <= found.value <= found.high


def test_t_is_that_of_the_tables() -> None:
    assert [round(t95(n), 2) for n in (1, 10, 20, 30, 60, 120)] == pytest.approx(
        [12.71, 2.23, 2.09, 2.04, 2.00, 1.98], abs=0.006
    )


# --- what comparing more takes ----------------------------------------------------------------------------------------


def compared(share: object, n_slices: int, size: float, times: float) -> Compared:
    """Slices of which `share` of the size is kept, exactly, when they are compared in a set of `size`."""
    sides = [{str(i): (i + 1) * share(s) for i in range(n_slices)} for s in (size, size * times)]
    return Compared(times, *sides)


def fall_by(share: object, n_slices: int = 16) -> Fall:
    found = fall_of(compared(share, n_slices // 4, 0.25, 2), compared(share, n_slices // 2, 0.5, 2), 1e9)
    assert found
    return found


@given(st.floats(0.001, 1), st.floats(1, 1e4))
def test_a_power_law_is_recovered(power: float, times: float) -> None:
    found = fall_by(lambda size: size**-power).share(times)
    assert found.value == pytest.approx(times**-power, rel=1e-6)
    assert found.low <= found.value <= found.high == 1


@given(st.floats(0.001, 0.5), st.floats(1, 16))
def test_copies_in_pairs_are_recovered(rate: float, times: float) -> None:
    """Each has a copy somewhere: the chance to be alone falls exponentially with the size of the set."""
    found = fall_by(lambda size: math.exp(-rate * size)).share(times)
    truth = math.exp(-rate * (times - 1))
    assert found.value == pytest.approx(truth, rel=0.02)
    assert found.low <= truth * 1.01


@given(st.floats(0.01, 0.5), st.floats(1.0, 1.99), st.floats(1, 1e3))
def test_a_steeper_fall_leaves_less(slope: float, growth: float, times: float) -> None:
    assert left(slope, growth, times) <= left(slope, 1.0, times) * (1 + 1e-9)
    assert left(slope, growth, times * 2) <= left(slope, growth, times)
    assert left(slope * 1.5, growth, times) <= left(slope, growth, times)


def test_what_was_not_seen_may_still_come() -> None:
    """No copy among a hundred documents does not mean none among a million."""
    nothing = {str(i): 10.0 for i in range(8)}
    found = fall_of(Compared(2, nothing, nothing), Compared(2, nothing, nothing), 100)
    assert found
    share = found.share(1000)
    assert (share.value, share.high) == (1, 1)
    assert share.low is not None
    assert share.low < 0.01
    assert share.guess


def test_noise_pulls_the_growth_to_the_middle() -> None:
    """Two slices of which one loses much say little of how the slope grows."""
    first = Compared(2, {"a": 100.0, "b": 100.0}, {"a": 100.0, "b": 80.0})
    second = Compared(2, {"a": 100.0, "b": 80.0, "c": 90.0}, {"a": 60.0, "b": 80.0, "c": 90.0})
    found = fall_of(first, second, 1e9)
    assert found
    assert 1.35 < found.growth < 1.5
    assert found.steepest > found.slope


def test_nothing_kept_is_no_fall() -> None:
    zero = {"a": 0.0}
    assert fall_of(Compared(2, zero, zero), Compared(2, zero, zero), 0) is None


@given(st.sets(st.text(max_size=3), max_size=30), st.randoms())
def test_parts_are_nested_whatever_the_order_of_names(names: set[str], chance: random.Random) -> None:
    listed = list(names)
    chance.shuffle(listed)
    parts = nested(listed, lambda name: (len(name), name))
    assert parts == nested(sorted(names), lambda name: (len(name), name))
    if len(names) < 3:
        assert parts == []
        return
    assert [len(part) for part in parts] == [-(-len(names) // n) for n in (4, 2, 1)]
    assert set(parts[0]) < set(parts[1]) < set(parts[2]) == names
