"""Which slices are measured: chosen by hash, no more than asked for, and the rest never opened."""

import random

import pytest

from corpusmill.errors import UsageError
from corpusmill.mixtures.recipe import load
from corpusmill.pipelines.part import Unit, Whole, choose, pick
from corpusmill.storage import Input

RECIPE = load("llama1")


def unit(name: str, size: float) -> Unit:
    return Unit(name, (name,), Input(name, "", int(size), ""), size, "", int(size))


def wet(number: int, size: int = 150_000_000) -> Input:
    name = f"commoncrawl/crawl-data/CC-MAIN-2019-09/segments/1/wet/{number:05d}.warc.wet.gz"
    return Input(name, f"/nowhere/{name}", size, "")


def test_a_thousandth_of_a_dump_opens_no_file() -> None:
    files = [wet(number) for number in range(72_000)]  # none of which is there
    part = choose("commoncrawl", RECIPE.active["commoncrawl"], files, 0.001)
    assert (len(part.units), len(part.found)) == (72, 72_000)
    assert part.bytes == pytest.approx(part.bytes_found / 1000)
    assert not part.notes


def test_the_choice_follows_names_alone() -> None:
    files = [wet(number) for number in range(500)]
    shuffled = random.Random(1).sample(files, len(files))
    chosen = [
        [one.name for one in choose("commoncrawl", RECIPE.active["commoncrawl"], given, 0.02).units]
        for given in (files, shuffled)
    ]
    assert chosen[0] == chosen[1]
    more = {one.name for one in choose("commoncrawl", RECIPE.active["commoncrawl"], files, 0.04).units}
    assert set(chosen[0]) < more


def test_less_than_a_slice_reads_one() -> None:
    [one], notes = pick([unit(str(n), 1000.0 + n) for n in range(9)], 10.0)
    assert one.bytes <= 1004  # not above the median
    assert "is read, a slice of" in notes[0]


def test_where_small_slices_are_too_few_a_large_one_is_read() -> None:
    small, large = [unit(f"small {n}", 1.0) for n in range(3)], [unit(f"large {n}", 1000.0 + n) for n in range(5)]
    chosen, notes = pick([*small, *large], 100.0)
    assert {one.name for one in small} < {one.name for one in chosen}
    assert len(chosen) == 4
    assert max(one.bytes for one in chosen) <= 1002
    assert "is read, a slice of" in notes[0]


@pytest.mark.parametrize("seed", range(5))
def test_a_small_part_never_means_a_large_file(seed: int) -> None:
    units = [unit(f"{seed}-{n}", 10) for n in range(90)] + [unit(f"{seed}-giant", 9000.0)]
    chosen, notes = pick(units, 99.0)
    assert (len(chosen), {one.bytes for one in chosen}) == (10, {10})
    assert "1 slice larger" in notes[0]
    assert "91 %" in notes[0]


def test_empty_files_are_no_part() -> None:
    assert pick([unit("a", 0)], 10.0) == ([], [])
    assert [one.name for one in pick([unit("a", 0), unit("b", 1)], 1.0)[0]] == ["b"]


def test_all_is_all() -> None:
    units = [unit(str(n), n + 0.1) for n in range(20)]
    chosen, notes = pick(units, sum(one.bytes for one in units))
    assert {one.name for one in chosen} == {one.name for one in units}
    assert not notes


def test_of_stack_exchange_the_largest_sites_are_what_there_is(inputs: object) -> None:
    options = load("sample", ["sources.stackexchange.largest=2"]).active["stackexchange"]
    from corpusmill.pipelines.finding import find_files

    part = choose("stackexchange", options, find_files("stackexchange", options, str(inputs)), 0.9)
    assert len({one.kind for one in part.found}) == 2
    assert part.left_out > 0
    assert "a run counts their posts" in part.notes[-1]
    assert not choose("stackexchange", options, part.files, 1.0).left_out  # then they are counted
    smallest = min(one.length for one in part.found)
    everything = choose(
        "stackexchange", load("sample").active["stackexchange"], part.files, 0.9
    )  # of seven sites, the two largest are the same
    assert sorted(one.length for one in everything.found)[-2] == smallest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("305GB", Whole(305e9), id="decimal"),
        pytest.param("1GiB", Whole(2.0**30), id="binary"),
        pytest.param("1.5e12", Whole(1.5e12), id="bytes"),
        pytest.param("5x8.5TB", Whole(42.5e12, sets=5), id="five dumps"),
        pytest.param("72000files", Whole(72_000, files=True), id="files"),
    ],
)
def test_how_much_there_is(text: str, expected: Whole) -> None:
    assert Whole.parse(text) == expected


@pytest.mark.parametrize("text", ["", "GB", "5 apples", "-1GB", "0GB", "5x", "1EB2"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(UsageError, match="expected a size"):
        Whole.parse(text)


def test_files_that_are_not_here_are_as_large_as_those_that_are() -> None:
    assert Whole.parse("2x10files").bytes([wet(0, 100), wet(1, 300)]) == 4000
