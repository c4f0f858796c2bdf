"""Books of a small invented library: as Project Gutenberg's files of all years, and as a collection of other editions.

A book is chapters, each an article of `prose.py`; 20 to 60 KB. In `books/gutenberg` every file has a number, and one of
the `forms` of books.yaml in turn around it. At any scale these are there, by what they are for:

    ONE, TWO               two books, each of them also whole in ANTHOLOGY: there the rule of 90 % lets only the largest
                           stay, and both go
    SIXTY, SIXTY_PLUS      a book, and one that is 60 % of it and 40 % its own: both stay
    COPIES                 three files of one number: UTF-8, Latin-1, and pg…; one stays
    REWRAPPED, EDITED      the books 0 and 1 again under other numbers: in lines of another width, with straight quotes
                           turned; with 3 % of the paragraphs thinned
    ZIPPED, TWO_IN_ZIP     a book in a zip; a zip of two, beside a picture
    OLD_NAME, PACKED       a name that says no number, as of 1995; a text in gzip
    GERMAN, FRENCH         books in other languages, the second in Latin-1
    WRONG_ENCODING         good: its header says ASCII, its bytes are Latin-1

and, each of them damaged or hostile as `DAMAGE` says: EMPTY, RUBBISH (random bytes), BOMB (a zip of a few hundred bytes
that holds 80 MB), UNSAFE (a zip with names that lead out of its folder, an encrypted file, a zip, and, good, a book),
TRUNCATED_ZIP. In `books/collection`, COLLECTION has books of its own and copies of the first of Gutenberg's under other
headers, as JSON lines, and TRUNCATED, cut off within its only gzip member, others. `books/pg_catalog.csv` lists all.

The same seed and scale give the same texts anywhere; libraries may pack them otherwise in another version.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import textwrap
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ..filters.wikitext import Site, to_text
from ..formats.gutenberg_header import number_of
from .prose import Prose, load_language

BOOKS, IN_COLLECTION = 16, 4  # at scale 1: plain books, and those of the collection alone
FIRST_NUMBER: Final = 70_001

REWRAPPED, EDITED = "7/0/0/5/70052/70052.txt", "pg70053.txt"
ONE, TWO, ANTHOLOGY = "7/0/0/5/70054/70054-0.txt", "7/0/0/5/70055/70055.txt", "7/0/0/5/70056/70056-0.txt"
SIXTY, SIXTY_PLUS = "pg70057.txt", "pg70058.txt"
COPIES = ("7/0/0/5/70059/70059-0.txt", "7/0/0/5/70059/70059-8.txt", "pg70059.txt")
ZIPPED, TWO_IN_ZIP, OLD_NAME, PACKED = "70060.zip", "70061.zip", "etext95/brdge10.txt", "70064.txt.gz"
GERMAN, FRENCH, WRONG_ENCODING = "70065-0.txt", "70066-8.txt", "70067.txt"
EMPTY, RUBBISH, BOMB, UNSAFE, TRUNCATED_ZIP = "70090.txt", "70091.txt", "70092.zip", "70093.zip", "70094.zip"
COLLECTION, TRUNCATED = "part-00000.jsonl.gz", "part-00001.jsonl.gz"

#: How often each kind of damage occurs in each damaged file, in the words of `formats/books.py`, at any scale.
DAMAGE: Mapping[str, Mapping[str, int]] = MappingProxyType({
    EMPTY: {"empty_file": 1},
    RUBBISH: {"not_text": 1},
    BOMB: {"too_long": 1},
    UNSAFE: {"unsafe_name": 2, "encrypted": 1, "nested": 1},
    TRUNCATED_ZIP: {"truncated": 1},
    TRUNCATED: {"truncated": 1},
})  # fmt: skip

_CHAPTERS = (24, 48)  # from, below
_WIDTH = 72
_BOMB_BYTES = 80 << 20
_OLD_NUMBER = 70_063  # of OLD_NAME
_LICENCE_LINES = 60
_ZIP_DATE = (2006, 1, 31, 12, 0, 0)
_PLAIN = str.maketrans({"–": "-", "—": "--", "’": "'", "‘": "'", "“": '"', "”": '"', "„": '"', "…": "...", "\xa0": " "})
_LANGUAGES = {"en": "English", "de": "German", "fr": "French"}


@dataclass(frozen=True, slots=True)
class Work:
    """A book without anything around it; paragraphs are one line each."""

    title: str
    author: str
    language: str
    chapters: tuple[tuple[str, ...], ...]

    def text(self, width: int = _WIDTH) -> str:
        parts = [self.title.upper(), f"by {self.author}"]
        for number, chapter in enumerate(self.chapters, 1):
            parts += [f"\nCHAPTER {number}.", *(textwrap.fill(paragraph, width) for paragraph in chapter)]
        return "\n\n".join(parts) + "\n"


class Library:
    """All books of a seed, each to be had by its number.

    >>> library = Library(0)
    >>> library.work(3) == Library(0).work(3) != Library(1).work(3)
    True
    """

    def __init__(self, seed: int) -> None:
        self.seed, self._words = seed, load_language("books")
        self._prose: dict[str, Prose] = {}

    def random(self, *key: object) -> random.Random:
        return random.Random("/".join(map(str, (self.seed, *key))))  # a string seeds by SHA-512, the same anywhere

    def work(self, number: int, language: str = "en") -> Work:
        """The book of this number (from 0)."""
        prose = self._prose.setdefault(language, Prose(language, self.seed))
        source, first = self.random("work", number), number * _CHAPTERS[1]
        n_chapters = _CHAPTERS[0] + int(source.random() * (_CHAPTERS[1] - _CHAPTERS[0]))
        names = {kind: _bare(prose.subject(kind, number)[0]) for kind in ("person", "town", "river")}
        titles, author = self._words["titles"], _bare(prose.subject("person", 7 * number + 3)[0])
        chapters = tuple(_chapter(prose, place) for place in range(first, first + n_chapters))
        return Work(titles[number % len(titles)].format(**names), author, language, chapters)

    def in_form(self, work: Work, form: str, name: str, encoding: str = "", text: str = "") -> str:
        """A book, or another text of it, with what one of the forms puts around it."""
        licence = self._words["licence"] + "\n" + self._words["licence_line"] * _LICENCE_LINES
        slots = {"title": work.title, "TITLE": work.title.upper(), "author": work.author, "volume": "5",
                 "number": number_of(name) or _OLD_NUMBER, "file": name.rpartition("/")[2], "Encoding": encoding,
                 "language": _LANGUAGES[work.language], "licence": licence}  # fmt: skip
        around = {}
        for part, template in self._words["forms"][form].items():
            lines = [line for line in template.split("\n") if encoding or "{Encoding}" not in line]
            around[part] = "\n".join(lines).format(**slots)
        pieces = [around["header"], text or work.text(), around["footer"]]
        return "\n\n".join(piece for piece in pieces if piece)


def _chapter(prose: Prose, number: int) -> tuple[str, ...]:
    article = prose.article(number)
    lines = to_text(article.text, Site.of(prose.language, dict(enumerate(prose.site["namespaces"], -2)))).split("\n")
    lines = [line.translate(_PLAIN) for line in lines if line and "http" not in line and "{" not in line]
    return (_bare(article.title), *lines)


def _bare(title: str) -> str:
    """A title without the number that keeps it from being another's."""
    return title.partition(" (")[0]


def write(folder: Path, seed: int, scale: float) -> list[Path]:
    """Write the books into `folder`/books, and return the files; the catalogue is the last."""
    library, n_books = Library(seed), max(4, round(BOOKS * scale))
    works = [library.work(number) for number in range(n_books)]
    files = {f"gutenberg/{name}": data for name, data in _gutenberg(library, works).items()}
    files |= {f"collection/{name}": data for name, data in _collection(library, works, scale).items()}
    root = folder / "books"
    for name, data in {**files, "pg_catalog.csv": _catalog(library, works)}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return [root / name for name in (*files, "pg_catalog.csv")]


# ---- Gutenberg -------------------------------------------------------------------------------------------------------


def _gutenberg(library: Library, works: Sequence[Work]) -> dict[str, bytes]:
    forms = ("etext91", "ebook02", "stars04", "ebook08", "ebook22", "bare")
    files = {}
    for place, work in enumerate(works):
        number = FIRST_NUMBER + place
        name = (f"{'/'.join(str(number)[:-1])}/{number}/{number}-0.txt", f"pg{number}.txt")[place % 2]
        files[name] = _bytes(library.in_form(work, forms[place % len(forms)], name, "UTF-8"))
    return files | _editions(library, works) | _packed(library) | _hostile(library)


def _extra(library: Library, place: int, language: str = "en") -> Work:
    """A book that none of the plain ones is, at any scale."""
    return library.work(900 + place, language)


def _editions(library: Library, works: Sequence[Work]) -> dict[str, bytes]:
    """Books that have something to do with each other."""
    one, two, sixty, own, copies = (_extra(library, place) for place in range(5))
    n_sixty, n_own = (round(share * len(sixty.chapters)) for share in (0.6, 0.4))
    anthology = replace(one, title="Two Old Tales", chapters=one.chapters + two.chapters)
    sixty_plus = replace(own, title="Tales Old and New", chapters=sixty.chapters[:n_sixty] + own.chapters[:n_own])
    rewrapped, edited = works[0].text(96).replace('"', "''"), _thinned(works[1], library.random("edited")).text()
    texts = {
        REWRAPPED: library.in_form(works[0], "stars04", REWRAPPED, "ASCII", rewrapped),
        EDITED: library.in_form(works[1], "ebook22", EDITED, "UTF-8", edited),
        ONE: library.in_form(one, "ebook08", ONE, "UTF-8"),
        TWO: library.in_form(two, "etext91", TWO, "ASCII"),
        ANTHOLOGY: library.in_form(anthology, "stars04", ANTHOLOGY, "UTF-8"),
        SIXTY: library.in_form(sixty, "ebook22", SIXTY, "UTF-8"),
        SIXTY_PLUS: library.in_form(sixty_plus, "ebook08", SIXTY_PLUS, "UTF-8"),
    }  # fmt: skip
    files = {name: _bytes(text) for name, text in texts.items()}
    noted = replace(copies, chapters=(*copies.chapters, ("Coda", "The café by the old naïve mill is closed.")))
    for name, form, encoding, codec in zip(
        COPIES,
        ("ebook08", "ebook08", "ebook22"),
        ("UTF-8", "ISO-8859-1", ""),
        ("utf-8", "latin-1", "utf-8"),
        strict=True,
    ):
        files[name] = _bytes(library.in_form(noted, form, name, encoding), codec)
    return files


def _thinned(work: Work, source: random.Random) -> Work:
    """The same book with 3 % of its paragraphs thinned: one word in ten is left out there."""

    def thin(paragraph: str) -> str:
        words = paragraph.split()
        return paragraph if source.random() >= 0.03 else " ".join(word for n, word in enumerate(words) if n % 10 != 4)

    return replace(work, chapters=tuple(tuple(map(thin, chapter)) for chapter in work.chapters))


def _packed(library: Library) -> dict[str, bytes]:
    """Books in zips and gzip, under an old name, and in other languages and encodings."""
    zipped, first, second, old, packed, wrong = (_extra(library, place) for place in range(5, 11))
    german, french = _extra(library, 11, "de"), _extra(library, 12, "fr")
    odd = replace(wrong, chapters=(*wrong.chapters, ("Coda", "Noël dined at the café.")))
    text = library.in_form
    return {
        ZIPPED: _zip({"70060.txt": _bytes(text(zipped, "ebook02", "70060.txt", "ASCII"))}),
        TWO_IN_ZIP: _zip({
            "70061-0.txt": _bytes(text(first, "ebook08", "70061-0.txt", "UTF-8")),
            "70062.txt": _bytes(text(second, "ebook22", "70062.txt")),
            "70061-h/cover.png": b"\x89PNG\r\n\x1a\n",
        }),
        OLD_NAME: _bytes(text(old, "etext91", OLD_NAME)),
        PACKED: gzip.compress(_bytes(text(packed, "ebook22", PACKED)), mtime=0),
        GERMAN: _bytes(text(german, "ebook08", GERMAN, "UTF-8")),
        FRENCH: _bytes(text(french, "stars04", FRENCH, "ISO-8859-1"), "latin-1"),
        WRONG_ENCODING: _bytes(text(odd, "ebook08", WRONG_ENCODING, "ASCII"), "latin-1"),
    }  # fmt: skip


def _hostile(library: Library) -> dict[str, bytes]:
    work = _extra(library, 13)
    good = _bytes(library.in_form(work, "ebook22", "70093.txt"))
    unsafe = _zip({"../../70093.txt": good, "/etc/70093.txt": good, "70093.txt": good, "secret.txt": good[:99],
                   "70092.zip": _zip({"70092.txt": good})})  # fmt: skip
    bomb = _zip({"70092.txt": bytes(_BOMB_BYTES)}, zipfile.ZIP_BZIP2)
    return {
        EMPTY: b"",
        RUBBISH: library.random("rubbish").randbytes(30_000),
        BOMB: bomb,
        UNSAFE: _encrypted(unsafe, b"secret.txt"),
        TRUNCATED_ZIP: _zip({"70094.txt": good})[:-200],
    }


def _bytes(text: str, encoding: str = "utf-8") -> bytes:
    return text.replace("\n", "\r\n").encode(encoding, "replace")


def _zip(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, _ZIP_DATE), data, method)
    return stream.getvalue()


def _encrypted(archive: bytes, name: bytes) -> bytes:
    """The same zip, which says of one of its files that it is encrypted."""
    data = bytearray(archive)
    for magic, flags, title in ((b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)):
        place = -1
        while (place := data.find(magic, place + 1)) >= 0:
            if data[place + title : place + title + len(name)] == name:
                data[place + flags] |= 1
    return bytes(data)


# ---- the collection, and the catalogue -------------------------------------------------------------------------------


def _collection(library: Library, works: Sequence[Work], scale: float) -> dict[str, bytes]:
    own = [_extra(library, 100 + place) for place in range(max(2, round(IN_COLLECTION * scale)))]
    again = [library.in_form(work, "other_hand", "") for work in works[2:4]]
    rows = [_row(f"copy-{place}", work, text) for place, (work, text) in enumerate(zip(works[2:4], again, strict=True))]
    rows += [_row(f"own-{place}", work, work.text()) for place, work in enumerate(own)]
    others = [_extra(library, 200), _extra(library, 201)]
    cut = gzip.compress(b"".join(_row(f"cut-{n}", work, work.text()) for n, work in enumerate(others)), mtime=0)
    return {COLLECTION: gzip.compress(b"".join(rows), mtime=0), TRUNCATED: cut[: len(cut) * 3 // 4]}


def _row(name: str, work: Work, text: str) -> bytes:
    row = {"id": name, "title": work.title, "author": work.author, "language": work.language, "text": text}
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def _catalog(library: Library, works: Sequence[Work]) -> bytes:
    """The books whose numbers run on, and those in other languages; titles of two lines, years and roles as there."""
    stream = io.StringIO(newline="")
    rows = csv.writer(stream, lineterminator="\n")
    rows.writerow(["Text#", "Type", "Issued", "Title", "Language", "Authors", "Subjects", "LoCC", "Bookshelves"])
    listed = [*((FIRST_NUMBER + place, work) for place, work in enumerate(works)),
              (70065, _extra(library, 11, "de")), (70066, _extra(library, 12, "fr"))]  # fmt: skip
    for number, work in listed:
        forename, _, surname = work.author.rpartition(" ")
        author = f"{surname}, {forename}, 1810-1882; Volunteer, A., 1960- [Editor]"
        rows.writerow([number, "Text", "2005-05-04", f"{work.title}\nA Tale", work.language, author, "Moss", "PR", ""])
    return stream.getvalue().encode()
