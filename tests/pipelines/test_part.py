"""Which slices are measured: chosen by hash, no more than asked for, and the rest never opened."""

import random
from pathlib import Path

import pytest

from corpusmill.errors import UsageError
from corpusmill.mixtures.recipe import load
from corpusmill.pipelines.part import Part, Unit, Whole, choose, pick
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


def site(folder: Path, name: str, n_posts: int, length: int) -> Input:
    """A dump of so many posts of so many bytes, but for the last one, which is as long as all others."""
    path = folder / name / "Posts.xml"
    path.parent.mkdir()
    rows = [f'<row Id="{n}" PostTypeId="1" Body="{"a" * (length - 38)}" />\n' for n in range(n_posts - 1)]
    rows.append(f'<row Id="{n_posts}" PostTypeId="1" Body="{"b" * (length * n_posts)}" />\n')
    path.write_text(f"<posts>\n{''.join(rows)}</posts>")
    return Input(f"{name}/Posts.xml", str(path), path.stat().st_size, "")


def sites_of(part: Part) -> set[str]:
    return {one.kind for one in part.found}


def test_of_stack_exchange_the_sites_of_the_most_posts_are_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = {
        "few.example": (300, 600),
        "many.example": (500, 300),
        "more.example": (900, 100),
        "tiny.example": (9, 100),
    }
    files = [site(tmp_path, name, *made) for name, made in posts.items()]
    options = load("sample", ["sources.stackexchange.largest=2"]).active["stackexchange"]
    counted = choose("stackexchange", options, files, 0.9)
    assert sites_of(counted) == {"many.example", "more.example"}  # though another one has more bytes
    assert (counted.doubtful, counted.left_out > 0) == (0, True)
    assert not choose("stackexchange", options, files, 1.0).left_out  # a run counts them, and measuring all is one

    monkeypatch.setattr("corpusmill.pipelines.part.HEAD_BYTES", 20_000)  # less than any, but of the tiny one
    monkeypatch.setattr("corpusmill.formats.stackexchange_file._FEED_BYTES", 4_096)
    guessed = choose("stackexchange", options, files, 0.9)
    assert sites_of(guessed) == sites_of(counted)
    assert guessed.doubtful == 0  # by more than their heads may be wrong
    three = load("sample", ["sources.stackexchange.largest=3"]).active["stackexchange"]
    assert choose("stackexchange", three, files, 0.9).doubtful == 0

    close = [*files, site(tmp_path, "close.example", 490, 300)]
    doubted = choose("stackexchange", options, close, 0.9)
    assert sites_of(doubted) == sites_of(counted)
    of_many = next(one for one in doubted.found if one.kind == "many.example")
    assert doubted.doubtful == pytest.approx(of_many.bytes / doubted.bytes_found)
    assert "may be others" in doubted.notes[-1]


def test_sites_that_are_named_are_all_there_is(tmp_path: Path) -> None:
    files = [site(tmp_path, f"{name}.example", 10, 100) for name in "ab"]
    options = load("sample", ["sources.stackexchange.sites=[b.example]"]).active["stackexchange"]
    assert sites_of(choose("stackexchange", options, files, 0.5)) == {"b.example"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("305GB", Whole(305e9), id="decimal"),
        pytest.param("1GiB", Whole(2.0**30), id="binary"),
        pytest.param("1.5e12", Whole(1.5e12), id="bytes"),
        pytest.param("5x8.4TB", Whole(42e12, sets=5), id="five dumps"),
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
