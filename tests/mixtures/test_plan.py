"""Budgets, weights and epochs: what is asked of each source, and what is short."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.errors import ConfigError, MixtureError
from corpusmill.mixtures.plan import plan, share_out
from corpusmill.mixtures.recipe import Recipe, load

LEAVE_OUT = [f"sources.{name}=null" for name in ("commoncrawl", "c4", "github", "stackexchange")]
AVAILABLE = {"wikipedia": 1000, "books": 2000, "arxiv": 500}


def recipe(*settings: str) -> Recipe:
    return load("llama1", [*LEAVE_OUT, *settings])


def mixed(*settings: str, budget: int | None = 10_000, weights: tuple[float | None, ...] = (50, 25, 25)) -> Recipe:
    said = [f"sources.{name}.weight={'null' if w is None else w}" for name, w in zip(AVAILABLE, weights, strict=True)]
    return recipe(f"budget_tokens={'null' if budget is None else budget}", *said, *settings)


@pytest.mark.parametrize(
    ("chosen", "wanted", "missing"),
    [
        pytest.param(mixed(), (5000, 2500, 2500), (0, 0, 0), id="weights"),
        pytest.param(mixed("sources.wikipedia.epochs=3"), (3000, 3500, 3500), (2000, 0, 0), id="at most three epochs"),
        pytest.param(mixed("sources.wikipedia.epochs=8"), (5000, 2500, 2500), (0, 0, 0), id="epochs enough"),
        pytest.param(
            mixed("sources.wikipedia.epochs=3", "sources.arxiv.epochs=5"),
            (3000, 4500, 2500),
            (2000, 0, 0),
            id="just enough",
        ),
        pytest.param(
            mixed(*(f"sources.{name}.epochs=1" for name in AVAILABLE)),
            (1000, 2000, 500),
            (4000, 500, 2000),
            id="too little",
        ),
        pytest.param(
            mixed("sources.wikipedia.epochs=2", weights=(None, 60, 40)),
            (2000, 4800, 3200),
            (0, 0, 0),
            id="epochs first",
        ),
        pytest.param(
            mixed(*(f"sources.{name}.epochs=1.5" for name in AVAILABLE), budget=None, weights=(None,) * 3),
            (1500, 3000, 750),
            (0, 0, 0),
            id="epochs alone",
        ),
    ],
)
def test_what_is_wanted(chosen: Recipe, wanted: tuple[int, ...], missing: tuple[int, ...]) -> None:
    rows = plan(chosen, AVAILABLE)
    assert [row.wanted for row in rows] == list(wanted)
    assert [row.missing for row in rows] == list(missing)
    assert [row.epochs for row in rows] == [
        want / AVAILABLE[row.source] for row, want in zip(rows, wanted, strict=True)
    ]
    assert sum(row.share or 0 for row in rows) == pytest.approx(1)
    assert all(row.short for row in rows if row.missing)


def test_more_epochs_than_the_recipe_allows_are_said_to_be_short() -> None:
    rows = plan(mixed("max_epochs=4.5"), AVAILABLE)
    assert [(row.epochs, row.short) for row in rows] == [(5, True), (1.25, False), (5, True)]


def test_before_there_are_tokens() -> None:
    assert [row.share for row in plan(mixed())] == [0.5, 0.25, 0.25]
    rows = plan(mixed("sources.wikipedia.epochs=2", weights=(None, 60, 40)))
    assert [(row.share, row.wanted, row.epochs) for row in rows] == [
        (None, None, 2),
        (None, None, None),
        (None, None, None),
    ]


@pytest.mark.parametrize(
    ("settings", "weights", "message"),
    [
        pytest.param([], (50, 25, None), "arxiv", id="neither"),
        pytest.param([], (50, 25, 20), "sum to 95", id="weights that are not all"),
        pytest.param(["budget_tokens=null"], (50, 25, 25), "no epochs for", id="weights without a budget"),
    ],
)
def test_recipes_that_say_too_little(settings: list[str], weights: tuple[float | None, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        mixed(*settings, weights=weights)


def test_epochs_that_take_more_than_the_budget() -> None:
    with pytest.raises(MixtureError, match="the epochs of wikipedia take 20,000 tokens, and budget_tokens is 10,000"):
        plan(mixed("sources.wikipedia.epochs=20", weights=(None, 60, 40)), AVAILABLE)


def test_nothing_to_take_from() -> None:
    with pytest.raises(MixtureError, match="books: no training tokens"):
        plan(mixed(), {**AVAILABLE, "books": 0})


AMOUNTS = st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.integers(1, 100), st.none() | st.integers(0, 10**6)))


@given(st.integers(1, 10**6), AMOUNTS)
def test_nobody_gives_more_than_it_has_and_the_budget_is_met(budget: int, sources: dict) -> None:
    weights = {name: weight for name, (weight, _) in sources.items()}
    most = {name: value for name, (_, value) in sources.items() if value is not None}
    found = share_out(budget, weights, most)
    assert set(found) == set(weights)
    assert all(found[name] <= value for name, value in most.items())
    free = [name for name in weights if name not in most or found[name] < most[name]]
    if free:
        assert abs(sum(found.values()) - budget) <= len(weights)
        rates = [found[name] / weights[name] for name in free]
        assert max(rates) - min(rates) <= 1
        assert all(found[name] / weights[name] <= max(rates) + 1 for name in weights), (
            "a full one is not over its weight"
        )


def test_a_row_is_plain_data() -> None:
    assert set(dataclasses.asdict(plan(mixed(), AVAILABLE)[0])) >= {"source", "share", "wanted", "missing", "short"}
