"""The generated books: the same from a seed, in every form, near-copies as near as they are said to be, the damage."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from corpusmill.filters.gutenberg import strip_boilerplate
from corpusmill.formats.books import Book, copy_rank, read_books
from corpusmill.formats.gutenberg_catalog import Entry, read_catalog
from corpusmill.records import Damage
from corpusmill.samples import books as sample
from corpusmill.samples.books import DAMAGE, FIRST_NUMBER, Library, write
from running import contents, written_elsewhere

SCALE = 0.5
PLAIN = round(sample.BOOKS * SCALE)


def read(path: Path) -> tuple[list[Book], Counter[str]]:
    with path.open("rb") as file:
        found = list(read_books(file, path.name))
    return [each for each in found if isinstance(each, Book)], Counter(
        each.error for each in found if isinstance(each, Damage)
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By the path in `gutenberg`, or the name of another file."""
    folder = tmp_path_factory.mktemp("sample")
    return {str(path.relative_to(folder / "books" / "gutenberg")) if "gutenberg" in path.parts else
            path.name: path for path in write(folder, 0, SCALE)}  # fmt: skip


@pytest.fixture(scope="module")
def texts(files: dict[str, Path]) -> dict[str, str]:
    """Every book without its boilerplate, by the name of its file; of a zip the first."""
    found = {name: read(path)[0] for name, path in files.items() if not name.endswith(".csv")}
    return {name: strip_boilerplate(books[0].text).text for name, books in found.items() if books}


def plain(number: int) -> str:
    """The file of a book that is nothing but itself."""
    name = f"{FIRST_NUMBER + number}"
    return f"pg{name}.txt" if number % 2 else f"{'/'.join(name[:-1])}/{name}/{name}-0.txt"


def shingles(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[start : start + 5]) for start in range(len(words) - 4)}


def containment(one: str, other: str) -> float:
    return len(shingles(one) & shingles(other)) / len(shingles(one))


def test_same_seed_same_bytes_in_another_process(tmp_path: Path) -> None:
    there = written_elsewhere("books", tmp_path / "a", 3, 0.1)
    written = write(tmp_path / "b", 3, 0.1)
    here = contents(tmp_path / "b")
    assert there == here and len(here) == len(written)


def test_another_seed_changes_every_book(tmp_path: Path) -> None:
    one, other = ({p.name: p.read_bytes() for p in write(tmp_path / f"{seed}", seed, 0.1)} for seed in (0, 1))
    assert {name for name in one if one[name] == other[name]} == {sample.EMPTY, sample.BOMB, "pg_catalog.csv"}


@pytest.mark.parametrize("scale", [SCALE, 0.01])
def test_damage_is_what_is_said_and_nowhere_else(scale: float, files: dict[str, Path], tmp_path: Path) -> None:
    written = files.values() if scale == SCALE else write(tmp_path, 0, scale)
    books = [path for path in written if path.suffix != ".csv"]
    assert {path.name: errors for path in books if (errors := dict(read(path)[1]))} == DAMAGE


def test_hostile_files_are_small(files: dict[str, Path]) -> None:
    assert files[sample.BOMB].stat().st_size < 4096
    assert [book.number for book in read(files[sample.UNSAFE])[0]] == [70093]


def test_books_are_whole_under_what_stands_around_them(texts: dict[str, str]) -> None:
    library = Library(0)
    for number in range(PLAIN):
        assert texts[plain(number)] == library.work(number).text()
        assert 15_000 < len(texts[plain(number)]) < 70_000
    assert not [name for name, text in texts.items() if "Gutenberg" in text or "ranscriber" in text or "⟨" in text]


def test_every_form_is_there(files: dict[str, Path]) -> None:
    kinds = [{part.kind for part in strip_boilerplate(read(files[plain(number)])[0][0].text).parts}
             for number in range(6)]  # fmt: skip
    bare, credited = {"header", "footer"}, {"header", "credits", "footer"}
    assert kinds == [credited, credited, {*credited, "notice"}, {*credited, "note"}, bare, set()]


def test_numbers_and_copies(files: dict[str, Path]) -> None:
    numbers = Counter(book.number for name, path in files.items() if "jsonl" not in name and "csv" not in name
                      for book in read(path)[0])  # fmt: skip
    assert {number: n for number, n in numbers.items() if n > 1} == {70059: 3}
    assert None not in numbers and numbers[70063] == 1  # of OLD_NAME, from its header
    assert min(sample.COPIES, key=copy_rank) == sample.COPIES[0]
    encodings = [read(files[name])[0][0].encoding for name in sample.COPIES]
    assert encodings == ["utf-8", "cp1252", "utf-8"]
    assert len({strip_boilerplate(read(files[name])[0][0].text).text for name in sample.COPIES}) == 1


def test_other_editions_are_near(texts: dict[str, str]) -> None:
    assert texts[sample.REWRAPPED] != texts[plain(0)] and texts[sample.EDITED] != texts[plain(1)]
    assert containment(texts[sample.REWRAPPED], texts[plain(0)]) > 0.97
    assert 0.93 < containment(texts[sample.EDITED], texts[plain(1)]) < 1
    assert texts[plain(2)] in texts[sample.COLLECTION] != texts[plain(2)]


def test_anthologies(texts: dict[str, str]) -> None:
    both = texts[sample.ANTHOLOGY]
    assert containment(texts[sample.ONE], both) > 0.9 and containment(texts[sample.TWO], both) > 0.9
    assert max(containment(both, texts[name]) for name in (sample.ONE, sample.TWO)) < 0.75
    sixty, plus = texts[sample.SIXTY], texts[sample.SIXTY_PLUS]
    assert 0.5 < containment(plus, sixty) < 0.85 and 0.5 < containment(sixty, plus) < 0.85


def test_other_books_are_far(texts: dict[str, str]) -> None:
    names = [*map(plain, range(PLAIN)), sample.ONE, sample.SIXTY, sample.PACKED]
    assert max(containment(texts[one], texts[other]) for one in names for other in names if one != other) < 0.6


def test_packed_and_foreign(files: dict[str, Path]) -> None:
    assert [book.number for book in read(files[sample.TWO_IN_ZIP])[0]] == [70061, 70062]
    assert [read(files[name])[0][0].language for name in (sample.GERMAN, sample.FRENCH)] == ["de", "fr"]
    (french,), (wrong,) = read(files[sample.FRENCH])[0], read(files[sample.WRONG_ENCODING])[0]
    assert french.encoding == wrong.encoding == "cp1252"
    assert re.search("[éèàç]", french.text) and "Noël dined at the café" in wrong.text
    assert read(files[sample.PACKED])[0][0].text.startswith("The Project Gutenberg")


def test_collection(files: dict[str, Path]) -> None:
    books = read(files[sample.COLLECTION])[0]
    assert [book.name for book in books] == ["copy-0", "copy-1", "own-0", "own-1"]
    assert books[0].text.startswith("THE COLLECTED LIBRARY") and books[2].author and books[2].language == "en"
    assert [book.name for book in read(files[sample.TRUNCATED])[0]] == ["cut-0"]


def test_catalogue(files: dict[str, Path]) -> None:
    with files["pg_catalog.csv"].open("rb") as file:
        entries = list(read_catalog(file))
    assert all(isinstance(entry, Entry) for entry in entries) and len(entries) == PLAIN + 2
    first = entries[0]
    assert first.number == FIRST_NUMBER and first.title.endswith(" A Tale") and first.authors[-1] == "Volunteer, A."
    assert Counter(entry.languages for entry in entries) == {("en",): PLAIN, ("de",): 1, ("fr",): 1}


def test_scale_multiplies_books(files: dict[str, Path], tmp_path: Path) -> None:
    assert len(write(tmp_path, 0, 0.75)) == len(files) + 4
