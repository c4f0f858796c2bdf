"""Books from files to documents: boilerplate off, one copy a number, and none that stands in another."""

import gzip
import json
import random
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpusmill.filters.gutenberg import strip_boilerplate
from corpusmill.filters.overlap import drop_covered
from corpusmill.pipelines.why import fates
from corpusmill.records import Reason
from corpusmill.samples.books import ANTHOLOGY, COPIES, EDITED, OLD_NAME, ONE, REWRAPPED, SIXTY, SIXTY_PLUS, TWO
from running import SHARED, corpusmill, digests, manifest, run_arguments

REAL = SHARED / "data/books"
WORDS = [f"word{number}" for number in range(2000)]


def only_books(inputs: Path, output: Path, *more: object) -> list[str]:
    arguments = run_arguments(inputs, output, 1, *more)
    return [*arguments[:2], "books", *arguments[2:]]


def documents(output: Path) -> dict[str, dict]:
    found = pq.read_table(output / "documents/books").to_pylist()
    return {row["id"]: {**row, **json.loads(row["meta"])} for row in found}


def dropped(output: Path) -> dict[str, dict]:
    return {row["id"]: row for row in pq.read_table(output / "dropped/books").to_pylist()}


def number_of(name: str) -> str:
    return f"books:gutenberg/{int(''.join(c for c in name.rsplit('/', 1)[-1].split('-')[0] if c.isdigit()))}"


@pytest.fixture
def made(finished: Path) -> Path:
    """Books of the sample, beside the other sources. Do not change it."""
    return finished


def test_the_books_of_the_sample_come_out_as_they_are_meant(made: Path) -> None:
    kept, gone = documents(made), dropped(made)
    for name in (ONE, TWO):
        assert gone[number_of(name)]["detail"] == number_of(ANTHOLOGY)
        assert gone[number_of(name)]["measure"] > 0.9
    for name in (ANTHOLOGY, SIXTY, SIXTY_PLUS):
        assert number_of(name) in kept
    for name in (REWRAPPED, EDITED):
        one = number_of(name)
        assert (one in gone) != (gone.get(one, {}).get("detail") is None and one not in kept)
    [copy] = [name for name in kept if name == number_of(COPIES[0])]
    assert kept[copy]["file"].endswith("-0.txt"), "of three files of one number the UTF-8 one stays"
    assert Counter(row["reason"] for row in pq.read_table(made / "dropped/books").to_pylist()) == {
        Reason.BOOKS_OVERLAP: len(gone) - 1, Reason.DUPLICATE_ID: 2
    }  # fmt: skip
    assert all("gutenberg" not in one["text"].lower() for one in kept.values())


def test_the_run_does_what_the_rule_does_in_memory(inputs: Path, made: Path, tmp_path: Path) -> None:
    """All books as they are before the step, and the rule over them in memory."""
    corpusmill(*only_books(inputs, tmp_path, "--set", "sources.books.overlap=skip"), expect=4)
    before = documents(tmp_path)
    first = {name: one["text"] for name, one in before.items() if one["collection"] == "gutenberg"}
    others = {name: one["text"] for name, one in before.items() if name not in first}
    expected = {one.id: one for one in drop_covered([first, others])}
    kept, gone = documents(made), dropped(made)
    assert set(kept) == {name for name, one in expected.items() if one.kept}
    for name, one in expected.items():
        if not one.kept:
            assert (gone[name]["detail"], gone[name]["measure"]) == (one.covered_by, one.share)
    clusters = pq.read_table(made / "models/books/clusters.parquet").to_pylist()
    assert {row["id"]: row["cluster"] for row in clusters} == {
        name: one.cluster for name, one in expected.items() if one.cluster
    }


@pytest.mark.parametrize("candidates", ["sampled", "ensemble"])
def test_each_way_to_candidates_gives_the_same_books(candidates: str, inputs: Path, made: Path, tmp_path: Path) -> None:
    corpusmill(*only_books(inputs, tmp_path, "--set", f"sources.books.overlap.candidates={candidates}"), expect=4)
    assert (documents(tmp_path), dropped(tmp_path)) == (documents(made), dropped(made))


def test_two_workers_and_a_second_threshold(inputs: Path, made: Path, tmp_path: Path) -> None:
    corpusmill(*only_books(inputs, tmp_path, "--workers", "2"), expect=4)
    folders = ["documents/books", "dropped/books", "models/books", "errors/books"]
    assert digests(tmp_path, folders) == digests(made, folders)
    corpusmill(*only_books(inputs, tmp_path, "--redo", "--set", "sources.books.overlap.threshold=0.55"), expect=4)
    assert len(documents(tmp_path)) < len(documents(made))
    corpusmill(*only_books(inputs, tmp_path, "--redo"), expect=4)
    assert digests(tmp_path, folders) == digests(made, folders)
    corpusmill("check", tmp_path)


def test_why_names_the_book_that_stays(made: Path, inputs: Path) -> None:
    [fate] = fates(str(made), number_of(ONE), str(inputs))
    assert fate.outcome == Reason.BOOKS_OVERLAP
    assert fate.steps[-1].step == "drop what stands in another book"
    assert number_of(ANTHOLOGY) in fate.steps[-1].detail
    [fate] = fates(str(made), number_of(ANTHOLOGY), str(inputs))
    assert (fate.outcome, fate.steps[-1].outcome) == ("kept", "stays")


def test_the_catalogue_says_what_headers_do_not(made: Path) -> None:
    kept = documents(made)
    lacking = [one["file"] for one in kept.values() if one["number"] and not (one["title"] and one["language"])]
    assert lacking == [f"gutenberg/{OLD_NAME}"], "which the catalogue does not have"
    assert {one["language"] for one in kept.values()} >= {"en", "de", "fr"}


def test_languages_are_a_setting(inputs: Path, tmp_path: Path) -> None:
    corpusmill(*only_books(inputs, tmp_path, "--set", "sources.books.languages=[en]"), expect=4)
    assert {one["language"] for one in documents(tmp_path).values()} <= {"en", ""}
    assert {row["reason"] for row in dropped(tmp_path).values()} >= {Reason.BOOKS_LANGUAGE}


def text_of(seed: int, n_words: int) -> str:
    source = random.Random(seed)
    return " ".join(source.choice(WORDS) for _ in range(n_words))


def test_a_collection_of_your_own_yields_to_gutenberg_whatever_its_length(tmp_path: Path) -> None:
    folder = tmp_path / "in/books"
    (folder / "gutenberg").mkdir(parents=True)
    (folder / "mine").mkdir()
    book, longer = text_of(1, 4000), f"{text_of(1, 4000)} {text_of(2, 300)}"
    (folder / "gutenberg/11.txt").write_text(book)
    rows = [{"id": "a", "text": longer}, {"id": "b", "text": text_of(3, 3000)}, {"id": "c", "text": text_of(3, 3000)}]
    (folder / "mine/all.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    inputs = ("--set", "sources.books.inputs=[books/gutenberg/, books/mine/]", "--set", "sources.books.catalog=")
    corpusmill(*only_books(tmp_path / "in", tmp_path / "out", *inputs))
    assert set(documents(tmp_path / "out")) == {"books:gutenberg/11", "books:mine/all.jsonl.gz/b"}
    assert dropped(tmp_path / "out")["books:mine/all.jsonl.gz/a"]["detail"] == "books:gutenberg/11"
    mine_first = ("--set", "sources.books.collections=[mine, gutenberg]")
    corpusmill(*only_books(tmp_path / "in", tmp_path / "mine", *inputs, *mine_first))
    assert set(documents(tmp_path / "mine")) == {"books:mine/all.jsonl.gz/a", "books:mine/all.jsonl.gz/b"}


def test_what_is_no_book_is_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "in/books/gutenberg/1/1/11"
    (folder / "11-h").mkdir(parents=True)
    (folder / "11.txt").write_text(text_of(1, 3000))
    (folder / "11-h/11-h.htm").write_text(f"<html><body>{text_of(1, 3000)} {text_of(2, 900)}</body></html>")
    (folder / "11-h/cover.png").write_bytes(b"\x89PNG")
    (folder / "page").write_text(f"<!DOCTYPE html>{text_of(1, 3000)} {text_of(2, 900)}")
    inputs = ("--set", "sources.books.inputs=[books/gutenberg/]", "--set", "sources.books.catalog=")
    said = corpusmill(*only_books(tmp_path / "in", tmp_path / "out", *inputs), expect=4).stderr
    assert "books: 2 inputs, from books/gutenberg/1/1/11/11-h/11-h.htm on, passed over" in said
    assert set(documents(tmp_path / "out")) == {"books:gutenberg/11"}


def test_many_small_files_are_few_work_items(tmp_path: Path) -> None:
    folder = tmp_path / "in/books/gutenberg"
    folder.mkdir(parents=True)
    for number in range(60):
        (folder / f"{number + 1}.txt").write_text(text_of(number, 400))
    (folder / "100.txt").write_text(text_of(7, 400) + " and a few words more than there were")
    inputs = ("--set", "sources.books.inputs=[books/gutenberg/]", "--set", "sources.books.catalog=")
    corpusmill(*only_books(tmp_path / "in", tmp_path / "out", *inputs))
    assert len(list((tmp_path / "out/work/receipts/books/sampled").glob("*"))) == 1
    assert set(dropped(tmp_path / "out")) == {"books:gutenberg/8"}


@pytest.mark.skipif(not REAL.exists(), reason="no shared data here")
def test_the_labels_of_real_near_duplicates(tmp_path: Path) -> None:
    globs = "sources.books.inputs=[books/gutenberg/*.txt, books/near_duplicates/*.txt]"
    corpusmill(*only_books(SHARED / "data", tmp_path, "--set", globs, "--set", "sources.books.catalog="))
    kept, gone = documents(tmp_path), dropped(tmp_path)
    for line in (REAL / "near_duplicates/labels.tsv").read_text().splitlines()[1:]:
        file, original, *_, expected = line.split("\t")
        name = f"books:near_duplicates/{file.partition('/')[2]}"
        assert (name in kept) == (expected == "keep"), line
        if expected == "drop":
            assert gone[name]["detail"] == f"books:gutenberg/{original.removeprefix('pg')}"
    assert sum(name.startswith("books:gutenberg/") for name in kept) == 47  # two editions of Little Women are one
    assert manifest(tmp_path)["sources"]["books"]["documents.in"] == 67
    for one in kept.values():
        assert strip_boilerplate(one["text"]).text == one["text"]
