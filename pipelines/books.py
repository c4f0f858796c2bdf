"""Gutenberg and Books3, 4.5 % of the mixture.   Source: LLaMA (2023) section 2.1, "Gutenberg and Books3".

Books of the public domain from Project Gutenberg, and any other collection as JSON lines, Parquet or text files: the
Books3 section of The Pile is not published any more, bring your own. What Gutenberg puts around its texts goes; and of
books with more than 90 % of their content in another one only that stays. `mixtures/sources.py` has the switches.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from ..errors import UsageError
from ..filters.gutenberg import strip_boilerplate
from ..formats.books import Book, book_ranges, copy_rank, read_books
from ..formats.documents import read_rows
from ..formats.gutenberg_catalog import Entry, read_catalog
from ..mixtures.sources import BooksRecipe
from ..records import Damage, Document, Dropped, Reason
from ..storage import MIB, Input, open_read
from .source import Aids, Basis, Slice, Source, Step, Wanted, drop, stem_of, step

# Names of what the steps use: `overlap.py` makes the second.
CATALOG, COVERED = "catalogue", "covered books"
WORD = re.compile(r"[^\W_]")
# What a folder of books may hold beside them: pictures, pages of the web, indexes. Names without an ending are read.
READ = (".txt", ".utf8", ".utf-8", ".zip", ".gz", ".jsonl", ".json", ".parquet", ".avro")
NOT_TEXT = re.compile(r"-h\.zip$|\.(?:html?|epub)\.gz$|(?:^|/)(?:readme|index|robots)[^/]*$", re.IGNORECASE)
GUTENBERG = "gutenberg"  # the collection whose books have numbers
WORST_COPY = 99


def steps(recipe: BooksRecipe, aids: Aids) -> tuple[Step, ...]:
    return (
        *catalog_steps(recipe, aids),
        step(
            "remove Gutenberg's boilerplate",
            remove_boilerplate,
            Basis.OURS,
            note="headers and footers of all forms since 1971, licence, credits, transcribers' notes",
        ),
        step("drop what is empty", drop_empty, Basis.OURS),
        *language_steps(recipe),
        *overlap_steps(recipe, aids),
    )


def catalog_steps(recipe: BooksRecipe, aids: Aids) -> tuple[Step, ...]:
    if not recipe.catalog:
        return ()
    note = f"title, author and language of Gutenberg's books as {recipe.catalog} has them"
    return (step("look up the catalogue", look_up(aids), Basis.OURS, note, uses=(CATALOG,)),)


def language_steps(recipe: BooksRecipe) -> tuple[Step, ...]:
    if not recipe.languages:
        return ()
    note = f"{', '.join(recipe.languages)}, as header, column or catalogue says; books that say nothing stay"
    judge = keep_languages(recipe.languages)
    return (step("keep the languages", judge, Basis.OURS, note, decides={"languages": recipe.languages}),)


def overlap_steps(recipe: BooksRecipe, aids: Aids) -> tuple[Step, ...]:
    settings = recipe.overlap
    if settings == "skip":
        return ()
    note = (
        f"over {100 * settings.threshold:g} % of its word 5-grams in one that stays; {', '.join(recipe.collections)} "
        "first, then the longer one, then the smaller id"
    )
    return (
        step(
            "drop what stands in another book",
            drop_covered(aids),
            Basis.PAPER,
            note=note,
            uses=(COVERED,),
            waits=True,
            decides={"threshold": settings.threshold, "collections": recipe.collections},
        ),
    )


def left_out(recipe: BooksRecipe) -> list[str]:
    """The steps of the paper that the recipe leaves out."""
    return ["drop what stands in another book"] if recipe.overlap == "skip" else []


def look_up(aids: Aids) -> Callable[[Document], Document | Dropped]:
    def judge(book: Document) -> Document | Dropped:
        entry = open_catalog(aids.models[CATALOG]).get(book.meta["number"])
        if entry is None or book.meta["collection"] != GUTENBERG:
            return book
        said = {
            "title": " ".join(entry.title.split()),
            "author": "; ".join(entry.authors),
            "language": ";".join(entry.languages),
        }
        return dataclasses.replace(book, meta={**book.meta, **{name: value for name, value in said.items() if value}})

    return judge


@functools.cache
def open_catalog(url: str) -> Mapping[int, Entry]:
    """Gutenberg's books by their numbers, read once per process."""
    with open_read(url) as file:
        return {found.number: found for found in read_catalog(file) if isinstance(found, Entry)}


def remove_boilerplate(book: Document) -> Document | Dropped:
    # Other collections hold Gutenberg's files, too; a text without boilerplate stays as it is.
    return dataclasses.replace(book, text=strip_boilerplate(book.text).text)


def drop_empty(book: Document) -> Document | Dropped:
    return book if WORD.search(book.text) else drop(book, Reason.EMPTY)


def keep_languages(languages: Sequence[str]) -> Callable[[Document], Document | Dropped]:
    def judge(book: Document) -> Document | Dropped:
        language = book.meta["language"]
        said = [name.strip().partition("-")[0] for name in language.split(";")]
        stays = not language or any(name in languages for name in said)
        return book if stays else drop(book, Reason.BOOKS_LANGUAGE, detail=language)

    return judge


def drop_covered(aids: Aids) -> Callable[[Document], Document | Dropped]:
    def judge(book: Document) -> Document | Dropped:
        found = open_covered(aids.models[COVERED]).get(book.id)
        if found is None:
            return book
        if found["covered_by"] is not None:
            return drop(book, Reason.BOOKS_OVERLAP, found["share"], found["covered_by"])
        return dataclasses.replace(book, meta={**book.meta, "cluster": found["cluster"]})

    return judge


@functools.cache
def open_covered(url: str) -> Mapping[str, Mapping[str, Any]]:
    """What `overlap.py` decided of books that share content with others, read once per process."""
    return {row["id"]: row for row in read_rows(url)}


def revision(book: Document) -> int:
    """Of the copies of one book the best encoded one stays."""
    return WORST_COPY - int(book.meta["copy_rank"])


def collection_rank(name: str, collections: Sequence[str]) -> int:
    """Whose books stay first: collections that the recipe names, in its order, then all others.

    >>> collection_rank("gutenberg", ["gutenberg", "mine"]), collection_rank("other", ["gutenberg", "mine"])
    (0, 2)
    """
    return list(collections).index(name) if name in collections else len(collections)


def wanted(recipe: BooksRecipe) -> dict[str, Wanted]:
    """The files that the recipe names."""
    about = "Gutenberg's catalogue is pg_catalog.csv or rdf-files.tar.bz2, from gutenberg.org/cache/epub/feeds."
    return {CATALOG: Wanted((recipe.catalog,), about)} if recipe.catalog else {}


def check(recipe: BooksRecipe, models: Mapping[str, str]) -> None:
    """Raises UsageError: the catalogue cannot be used."""
    if CATALOG in models and not open_catalog(models[CATALOG]):
        raise UsageError(f"sources.books.catalog: {recipe.catalog} has no book of Gutenberg's catalogue.")


def slices(one: Input, recipe: BooksRecipe) -> list[Slice]:
    """A file is a slice; of a Parquet file some row groups are, `slice_mb` together. What is no book has none."""
    ending = PurePosixPath(one.name).suffix.lower()
    if (ending and not ending.isdigit() and ending not in READ) or NOT_TEXT.search(one.name):
        return []
    stem = stem_of(one)
    with open_read(one.url) as file:
        ranges = book_ranges(file, slice_bytes=int(recipe.slice_mb * MIB))
    whole = len(ranges) == 1
    return [Slice(stem if whole else f"{stem}-{start:012d}", one, start, stop) for start, stop in ranges]


def read(piece: Slice, recipe: BooksRecipe, models: Mapping[str, str]) -> Iterator[Document | Damage]:
    """The books of a file."""
    name, collection = piece.input.name.partition("/")[2], collection_of(piece.input.name)
    with open_read(piece.input.url) as file:
        limit = recipe.max_book_mb * MIB
        for book in read_books(file, name, piece.start, piece.stop, columns=recipe.columns, max_book_bytes=limit):
            yield book if isinstance(book, Damage) else _document(book, name, collection)


def collection_of(name: str) -> str:
    """The collection of a file: the first folder below the source's.

    >>> collection_of("books/gutenberg/1/1/11/11-0.txt"), collection_of("books/mine.jsonl.gz")
    ('gutenberg', 'all')
    """
    folders = PurePosixPath(name).parts[1:-1]
    return folders[0] if folders else "all"


def _document(book: Book, file: str, collection: str) -> Document:
    numbered = collection == GUTENBERG and book.number is not None
    meta = {
        "title": book.title,
        "author": book.author,
        "language": book.language,
        "collection": collection,
        "number": book.number if numbered else None,
        "encoding": book.encoding,
        "copy_rank": copy_rank(book.name) if numbered else WORST_COPY,
        "file": book.name,
        "url": f"https://www.gutenberg.org/ebooks/{book.number}" if numbered else "",
    }
    name: object = book.number
    if not numbered:  # ids of rows are their file's own
        name = (book.name if book.name.startswith(file) else f"{file}/{book.name}").removeprefix(f"{collection}/")
    return Document(f"books:{collection}/{name}", book.text, "books", meta)


SOURCE = Source(
    "books",
    lambda recipe: "*",
    slices,
    read,
    steps,
    recipe=BooksRecipe,
    named=f"as texts and collections are: {', '.join(READ)}, or without an ending",
    revision=revision,
    models=wanted,
    check=check,
    left_out=left_out,
    decides=lambda recipe: {"columns": dataclasses.asdict(recipe.columns), "max_book_mb": recipe.max_book_mb},
    split_key=lambda book: book.meta.get("cluster") or book.id,  # books that share content
)
