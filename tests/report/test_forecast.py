"""From what was measured to the whole, on figures that can be reckoned by hand."""

import dataclasses
import io
import re

import pytest
from rich.console import Console

from corpusmill.mixtures.extrapolate import Estimate, Fall
from corpusmill.mixtures.recipe import load
from corpusmill.pipelines.measured import CLASSIFIER, TOKENIZER, Learnt, Measured, Sampled
from corpusmill.pipelines.part import Part, Unit
from corpusmill.report.forecast import Row, as_json, forecast, show
from corpusmill.storage import Input

ONLY = [f"sources.{name}=null" for name in ("commoncrawl", "c4", "github", "wikipedia", "arxiv", "stackexchange")]
# Of 40 documents that were seen, in a tenth of the whole: slices agree, but so few may be so many by chance.
LOW, HIGH = (pytest.approx(400 + side * 1.96 * 400 / 40**0.5 * 0.9**0.5) for side in (-1, 1))
BOOKS = load("llama1", [*ONLY, "sources.books.weight=100", "budget_tokens=4000", "validation=0"])


def sampled(source: str = "books", rates: tuple[float, ...] = (1, 1, 1, 1), **changed: object) -> Sampled:
    """Slices of 10 bytes of which each byte takes a second, and gives so many documents; the whole is 400 bytes."""
    units = tuple(Unit(str(n), (str(n),), Input(str(n), "", 10, ""), 10.0, "", 10) for n in range(len(rates)))
    one = Sampled(Part(source, units, units, ()), whole=400.0, passes=2)
    one.units = {
        str(n): {"cpu": 10.0, "documents": 10 * rate, "tokens": 20 * rate, "disk.documents": 5.0}
        for n, rate in enumerate(rates)
    }
    return dataclasses.replace(one, **changed)


def measured(one: Sampled, **changed: object) -> Measured:
    recipe = load("llama1") if one.part.source == "commoncrawl" else BOOKS
    mixed = {"tokens": 80.0, "cpu": 3600.0, "disk.shards": 160.0}
    return dataclasses.replace(Measured(recipe, 0.1, {one.part.source: one}, [], mixed, 1.0, []), **changed)


def row_of(found: Measured, name: str) -> Row:
    return next(row for row in forecast(found).rows if row.name == name)


def test_ten_times_as_much_is_ten_times_as_much() -> None:
    row = row_of(measured(sampled(shared={"cpu": 4.0}, started=3600.0)), "books")
    assert row.core_hours.value == pytest.approx((400 + 40) / 3600)
    assert row.documents == Estimate(400, LOW, HIGH)
    assert row.read == Estimate(800, 800, 800)
    assert row.disk["documents"].value == 200
    assert row.tokens_per_core_hour == pytest.approx(800 / (440 / 3600))


def test_processes_start_once() -> None:
    found = measured(sampled(started=3600.0))
    assert row_of(found, "once").core_hours == Estimate(1, 1, 1)
    assert row_of(found, "all").core_hours.value == pytest.approx(
        1 + 400 / 3600 + row_of(found, "shards").core_hours.value
    )


@pytest.mark.parametrize(
    ("size", "most", "times"),
    [
        pytest.param(100, 1e9, 10, id="grows with the source"),
        pytest.param(100, 300, 3, id="but no further than the recipe says"),
        pytest.param(100, 50, 1, id="and is never less"),
    ],
)
def test_what_is_learnt_grows_to_its_limit(size: float, most: float, times: float) -> None:
    found = measured(sampled(), learnt=[Learnt("tokenizer", 3600.0, size, most, "")])
    assert row_of(found, "once").core_hours.value == pytest.approx(times)
    assert row_of(found, "once").core_hours.guess


def test_shards_hold_what_the_recipe_wants() -> None:
    """4,000 tokens in place of the 80 that were written."""
    row = row_of(measured(sampled()), "shards")
    assert row.core_hours.value == pytest.approx(50)
    assert row.disk["shards"].value == 160 * 50


def test_a_fall_widens_the_interval() -> None:
    falls = {what: Fall(0.5, 1.0, 0.5) for what in ("documents", "text")}
    row = row_of(measured(sampled(compares=True, larger=4.0, falls=falls)), "books")
    assert row.documents.value == pytest.approx(400 * 4**-0.5)
    assert row.documents.high == HIGH
    assert row.documents.low < 200
    assert row.documents.guess
    assert row.core_hours.low == row.core_hours.value  # what it costs does not fall


def test_a_fall_that_is_not_known_gives_the_most() -> None:
    row = row_of(measured(sampled(compares=True, larger=4.0)), "books")
    assert (row.documents.value, row.documents.low, row.documents.high) == (400, None, HIGH)


def test_sets_as_large_as_the_whole_are_no_guess() -> None:
    assert row_of(measured(sampled(compares=True, larger=1.0)), "books").documents == Estimate(400, LOW, HIGH)


@pytest.mark.parametrize(("examples", "known"), [(9_999, False), (10_000, True)])
def test_a_classifier_of_few_pages(examples: int, known: bool) -> None:
    found = measured(sampled("commoncrawl"), learnt=[Learnt(CLASSIFIER, 1.0, examples, 600_000, "commoncrawl")])
    assert (row_of(found, "commoncrawl").documents.low is not None) == known


def test_units_that_were_first_say_nothing_of_how_units_differ() -> None:
    one = sampled(first={"0", "1", "2"})
    assert (row_of(measured(one), "books").core_hours.low, row_of(measured(one), "books").documents.low) == (None, LOW)
    one.first = {"0"}
    one.units["3"]["cpu"] = 13.0
    hours = row_of(measured(one), "books").core_hours
    assert hours.low is not None
    assert 0 < hours.low < hours.value == pytest.approx(430 / 3600)


@pytest.mark.parametrize(("size", "spread"), [(50.0, 1.1), (100.0, 1.0)])
def test_a_tokenizer_of_a_part_cuts_otherwise(size: float, spread: float) -> None:
    tokens = row_of(measured(sampled(), learnt=[Learnt(TOKENIZER, 1.0, size, 100.0, "")]), "books").tokens
    assert (tokens.value, tokens.high) == (800, pytest.approx(2 * HIGH.expected * spread))


def test_sites_that_may_be_others_are_a_guess() -> None:
    one = sampled()
    one.part = dataclasses.replace(one.part, doubtful=0.25)
    assert row_of(measured(one), "books").documents == Estimate(
        400, pytest.approx(LOW.expected * 0.75), pytest.approx(HIGH.expected * 1.25), guess=True
    )


def test_sites_that_go_are_read_for_their_posts() -> None:
    one = sampled("books", rest=100.0)
    for amounts in one.units.values():
        amounts["cpu.posts"] = 2.0
    assert row_of(measured(one), "books").core_hours.value == pytest.approx((400 + 80 * 100 / 400) / 3600)


def test_epochs_have_the_ends_of_the_tokens() -> None:
    [row] = forecast(measured(sampled(rates=(1, 2, 1, 2)))).mixture
    assert row["epochs"] == pytest.approx(4000 / 1200)
    assert row["epochs_from"] < row["epochs"] < row["epochs_to"]


@pytest.mark.parametrize("low", [pytest.param(1e-40, id="as good as none"), pytest.param(None, id="not known")])
def test_epochs_of_next_to_no_tokens_have_no_end(low: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpusmill.report.forecast._share", lambda one, what: Estimate(1.0, low, 2.0, guess=True))
    found = forecast(measured(sampled()))
    [row] = found.mixture
    assert row["epochs_from"] == pytest.approx(4000 / found.rows[0].tokens.high)
    assert row["epochs_to"] is None
    console = Console(file=io.StringIO(), width=110)
    show(found, console, None)
    assert f"≥ {row['epochs_from']:.2f} " in console.file.getvalue()


def test_the_sum_is_that_of_what_is_shown() -> None:
    """Of an upper end alone it is that; so tokens on disk are those of the tokens, and epochs at least these."""
    one = sampled(rates=(1, 2, 1, 2), compares=True, larger=10.0)
    for amounts in one.units.values():
        amounts["disk.tokens"] = 2 * amounts["tokens"]
    found = forecast(measured(one, learnt=[Learnt(TOKENIZER, 1.0, 50.0, 100.0, "")]))
    source, everything = found.rows[0], found.rows[-1]
    assert source.tokens.is_upper_end
    assert everything.tokens.is_upper_end
    assert everything.tokens.figure == source.tokens.figure > source.tokens.value
    assert source.disk["tokens"].figure == pytest.approx(2 * source.tokens.figure)
    [row] = found.mixture
    assert (row["available"], row["at_most"]) == (round(source.tokens.figure), True)
    console = Console(file=io.StringIO(), width=110)
    show(found, console, None)
    assert f"≤ {row['available']:,}" in console.file.getvalue()


def test_a_source_that_was_not_measured_leaves_the_mixture_open() -> None:
    one = measured(sampled())
    assert forecast(dataclasses.replace(one, recipe=load("llama1"))).mixture == ()


def test_what_is_shown() -> None:
    console = Console(file=io.StringIO(), width=110)
    one = measured(sampled(rates=(1, 2, 1, 2), compares=True, larger=4.0), notes=["books: a note."], busy=0.5)
    show(forecast(one), console, price=2.0)
    text = " ".join(console.file.getvalue().split())
    assert "books 4 4 40 B 10 % 400 B 1/4 as large" in text
    assert re.search(r"≤ 1\.\d+ k \*", text)
    assert "waited 50 % of their time" in text
    assert "books: a note." in text
    assert "cost" in text
    assert "…" not in text


def test_objects() -> None:
    rows = as_json(forecast(measured(sampled(), notes=["a note"])), 2.0)
    assert [row["name"] for row in rows] == ["books", "once", "shards", "all"]
    assert rows[0]["cost"]["value"] == pytest.approx(2 * 400 / 3600)
    assert rows[0]["measured"]["bytes_whole"] == 400
    assert rows[-1]["notes"] == ["a note"]
