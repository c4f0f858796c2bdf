"""Books: text files in any encoding, zips whatever they hold, collections as tables; damage by word and offset."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import random
import stat
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.formats.books import Book, book_ranges, copy_rank, number_of, read_books
from corpusmill.formats.columns import BookColumns
from corpusmill.formats.gutenberg_header import read_header
from corpusmill.records import Damage

HEADER = (
    "The Project Gutenberg EBook of Moss, by A. Fern\n\nTitle: Moss\n\nAuthor: A. Fern\n\n"
    "Release Date: May 4, 2005 [EBook #262]\n\nLanguage: French\n\nCharacter set encoding: {}\n\n"
    "*** START OF THIS PROJECT GUTENBERG EBOOK MOSS ***\n\n"
)
TEXT = "Noël dîne près du café, « à la mousse ».\n" * 30


def books(data: bytes, name: str = "x", **options) -> list[Book | Damage]:
    return list(read_books(io.BytesIO(data), name, **options))


def the_book(data: bytes, name: str = "x", **options) -> Book:
    (book,) = books(data, name, **options)
    assert isinstance(book, Book), book
    return book


def errors(data: bytes, **options) -> list[tuple[int, str]]:
    return [(found.offset, found.error) for found in books(data, **options) if isinstance(found, Damage)]


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return stream.getvalue()


# ---- names and headers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("pg11.txt", 11), ("11-0.txt", 11), ("11-8.txt", 11), ("11.txt", 11), ("1/1/11-0.txt", 11), ("11", 11),
        ("cache/epub/11/pg11.txt", 11), ("PG11.TXT", 11), ("11.zip", 11), ("11-0.zip", 11), ("pg11.txt.utf8", 11),
        ("11.txt.utf-8", 11), ("11.txt.gz", 11), ("x.zip/11-0.txt", 11), ("dir\\11.txt", 11),
        ("alice30.txt", None), ("2ws1610.txt", None), ("8frml10.txt", None), ("11-0/readme.txt", None), ("", None),
        ("11.html", None), ("123456789.txt", None), ("own-11", None), ("١١.txt", None), ("11.txt.bak", None),
    ],
)  # fmt: skip
def test_number_by_name(name: str, number: int | None) -> None:
    assert number_of(name) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("January, 1991  [Etext #11]", 11), ("[EBook #11]", 11), ("[eBook #11]", 11), ("[ E-text # 11 ]", 11),
        ("[EBook 11]", None), ("Etext #11", None), ("a" * 20_000 + "[Etext #11]", None),
    ],
)  # fmt: skip
def test_number_by_header(text: str, number: int | None) -> None:
    assert number_of("alice30.txt", text) == number and number_of("12.txt", text) == 12


def test_copies_of_a_number_by_rank() -> None:
    ranks = [{"11-0.txt", "11-0.zip", "11.txt.utf-8"}, {"pg11.txt", "pg11.txt.gz"}, {"11-8.txt"}, {"11-5.txt"},
             {"11.txt", "11.zip/11.txt"}, {"alice30.txt", ""}]  # fmt: skip
    assert [{copy_rank(name) for name in names} for names in ranks] == [{0}, {1}, {2}, {3}, {4}, {5}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(HEADER, ("Moss", "A. Fern", "fr"), id="fields"),
        pytest.param("Gutenberg\nTitle: Moss,\n   and fern\nAuthor:\nX\n", ("Moss, and fern", "", ""), id="lines"),
        pytest.param("*The Project Gutenberg Etext of Moss, by A. Fern*\n", ("Moss", "A. Fern", ""), id="old"),
        pytest.param("Project Gutenberg's Moss\n and Fern, by A. Fern\n", ("Moss and Fern", "A. Fern", ""), id="of"),
        pytest.param("Title: Moss\n\nAuthor: A. Fern\n", ("", "", ""), id="a book's own words"),
        pytest.param(HEADER.replace("French", "English and French"), ("Moss", "A. Fern", "en;fr"), id="two languages"),
        pytest.param("Project Gutenberg\n*** START OF\nTitle: Moss\n", ("", "", ""), id="behind the header"),
        pytest.param("Project Gutenberg\nTitle: A\nTitle: B\n", ("A", "", ""), id="the first counts"),
        pytest.param("", ("", "", ""), id="nothing"),
    ],
)  # fmt: skip
def test_header(text: str, expected: tuple[str, str, str]) -> None:
    assert read_header(text) == expected


# ---- text files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "codec", "found"),
    [
        ("UTF-8", "utf-8", "utf-8"), ("ISO-8859-1", "latin-1", "cp1252"), ("ASCII", "latin-1", "cp1252"),
        ("UTF-8", "latin-1", "cp1252"), ("ISO-8859-1", "utf-8", "utf-8"), ("CP-1252", "cp1252", "cp1252"),
        ("Codepage 850", "cp850", "cp850"), ("UTF-16", "utf-16", "utf-16-le"),
    ],
)  # fmt: skip
def test_encodings(declared: str, codec: str, found: str) -> None:
    text = HEADER.format(declared) + TEXT
    book = the_book(text.replace("\n", "\r\n").encode(codec), "262.txt")
    assert book == Book("262.txt", 262, text, "Moss", "A. Fern", "fr", found, 0)


@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le"])
def test_byte_order_marks(codec: str) -> None:
    book = the_book(f"\ufeff{TEXT}".encode(codec))
    assert (book.text, book.encoding) == (TEXT, codec)


def test_line_ends_and_end_of_dos_files() -> None:
    assert the_book(b"one\r\ntwo\rthree\n\x1a").text == "one\ntwo\nthree\n"


def test_packed_text_whatever_its_name() -> None:
    assert the_book(gzip.compress(TEXT.encode()), "11.txt").text == TEXT
    assert the_book(TEXT.encode(), "11.zip").text == TEXT


@pytest.mark.parametrize(
    ("data", "word"),
    [
        pytest.param(b"", "empty_file", id="nothing"),
        pytest.param(bytes(100), "empty_file", id="zeros"),
        pytest.param(random.Random(0).randbytes(9000), "not_text", id="random"),
        pytest.param(b"moss\n" * 99 + bytes(9) + b"moss\n", "not_text", id="zeros in it"),
        pytest.param(b"%PDF-1.4\n" + TEXT.encode(), "not_text", id="pdf"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + TEXT.encode(), "not_text", id="png"),
        pytest.param(b"{\\rtf1 moss}", "not_text", id="rtf"),
        pytest.param(b'[{"text": "moss"}, {"text": "fern"}]', "not_text", id="array"),
        pytest.param(gzip.compress(TEXT.encode())[:-20], "truncated", id="gzip, cut"),
        pytest.param(gzip.compress(b"\0\1\2" * 99), "not_text", id="gzip of rubbish"),
    ],
)
def test_no_text(data: bytes, word: str) -> None:
    assert errors(data) == [(0, word)]


def test_a_few_control_characters_are_let_pass() -> None:
    text = TEXT * 9 + "\x0c\x1b\x07\n"
    assert the_book(text.encode()).text == text


def test_limit_of_a_book() -> None:
    assert the_book(b"a" * 100, max_book_bytes=100).text == "a" * 100
    for data in (b"a" * 101, gzip.compress(b"a" * 101), zipped(("a.txt", b"a" * 101))):
        assert errors(data, max_book_bytes=100) == [(0, "too_long")]
    assert errors(gzip.compress(bytes(300 << 20)), max_book_bytes=1 << 20) == [(0, "too_long")]  # without unpacking all


# ---- zips ------------------------------------------------------------------------------------------------------------


def test_zip_of_several_books() -> None:
    data = zipped(
        ("11-0.txt", TEXT.encode()), ("11-h/11-h.htm", b"<p>"), ("pic/1.png", b"\x89PNG"), ("12.TXT", b"moss")
    )
    first, second = books(data, "11.zip")
    assert isinstance(first, Book) and isinstance(second, Book)
    assert (first.name, first.number, first.text, first.offset) == ("11.zip/11-0.txt", 11, TEXT, 0)
    assert (second.name, second.number) == ("11.zip/12.TXT", 12)
    assert data[second.offset :].startswith(b"PK\x03\x04") and second.offset > 0


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_ways_of_packing(method: int) -> None:
    assert the_book(zipped(("11.txt", TEXT.encode()), method=method)).text == TEXT


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("link.txt")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


GOOD = ("11.txt", b"moss\n" * 9)


@pytest.mark.parametrize(
    ("member", "word"),
    [
        pytest.param(("../11.txt", b"moss"), "unsafe_name", id="a folder up"),
        pytest.param(("a/../../11.txt", b"moss"), "unsafe_name", id="up in the middle"),
        pytest.param(("/etc/11.txt", b"moss"), "unsafe_name", id="absolute"),
        pytest.param(("C:\\11.txt", b"moss"), "unsafe_name", id="a drive"),
        pytest.param(("..\\11.txt", b"moss"), "unsafe_name", id="backslashes"),
        pytest.param(("a\nb.txt", b"moss"), "unsafe_name", id="a line end"),
        pytest.param((link(), b"/etc/passwd"), "link", id="a link"),
        pytest.param(("12.zip", zipped(GOOD)), "nested", id="a zip"),
        pytest.param(("12.txt", b"\0\1\2" * 99), "not_text", id="rubbish"),
        pytest.param(("12.txt", b""), "empty_file", id="empty"),
    ],
)
def test_files_of_a_zip_that_are_not_read(
    member: tuple[str | zipfile.ZipInfo, bytes], word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = books(zipped(GOOD, member, ("13.txt", b"fern")))
    assert [isinstance(each, Book) for each in found] == [True, False, True]
    assert isinstance(found[1], Damage) and found[1].error == word and found[1].offset > 0
    assert not [*tmp_path.rglob("*")]  # nothing is ever written


def patched(data: bytes, name: bytes, at_local: int, at_central: int, value: bytes) -> bytes:
    """A zip with other bytes in both headers of a file."""
    local = data.index(name) - 30
    central = data.rindex(b"PK\x01\x02", 0, data.rindex(name))
    changed = bytearray(data)
    for start in (local + at_local, central + at_central):
        changed[start : start + len(value)] = value
    return bytes(changed)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        pytest.param(patched(zipped(GOOD), b"11.txt", 6, 8, b"\1\0"), "encrypted", id="encrypted"),
        pytest.param(patched(zipped(GOOD), b"11.txt", 8, 10, b"\6\0"), "bad_packing", id="imploded"),
        pytest.param(patched(zipped(GOOD), b"11.txt", 14, 16, b"\0\0\0\0"), "bad_crc", id="checksum"),
        pytest.param(patched(zipped(GOOD), b"11.txt", 22, 24, struct.pack("<I", 1 << 31)), "too_long", id="says a lot"),
        pytest.param(patched(zipped(GOOD), b"11.txt", 22, 24, struct.pack("<I", 9)), "bad_crc", id="says too little"),
        pytest.param(zipped(("a.htm", b"<p>")), "no_text", id="web pages"),
        pytest.param(zipped(), "no_text", id="empty"),
        pytest.param(zipped(GOOD)[:-60], "truncated", id="cut in its directory"),
        pytest.param(b"PK\x03\x04" + random.Random(0).randbytes(500), "truncated", id="only the magic"),
        pytest.param(zipped(("12.txt", bytes(80 << 20)), method=zipfile.ZIP_BZIP2), "too_long", id="bomb"),
    ],
)  # fmt: skip
def test_damaged_zips(data: bytes, word: str) -> None:
    assert errors(data) == [(0, word)] and len(books(data)) == 1


def test_a_flipped_bit_of_a_packed_file() -> None:
    data = bytearray(zipped(("11.txt", random.Random(0).randbytes(300).hex().encode()), ("12.txt", b"moss")))
    data[60] ^= 0xFF
    found = books(bytes(data))
    assert isinstance(found[0], Damage) and found[0].error in ("bad_packing", "bad_crc") and isinstance(found[1], Book)


def test_limit_of_an_archive() -> None:
    data = zipped(*((f"{number}.txt", b"moss\n" * 20) for number in range(5)))
    found = books(data, max_archive_bytes=250)
    assert [isinstance(each, Book) for each in found] == [True, True, False, False, False]
    assert {each.error for each in found[2:] if isinstance(each, Damage)} == {"too_long"}


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_damage_to_a_zip_is_damage_or_books(data: st.DataObject) -> None:
    whole = bytearray(zipped(("11.txt", TEXT.encode()), ("12-0.txt", b"moss\n" * 50)))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))
    for found in books(bytes(whole[: data.draw(st.integers(4, len(whole)))])):
        assert isinstance(found, Book | Damage)


# ---- collections -----------------------------------------------------------------------------------------------------

ROWS = [
    {"id": "a-1", "title": "Moss", "author": "A. Fern", "language": "en", "text": "It is green.\r\n"},
    {"id": 7, "title": None, "author": ["A. Fern", "B. Moss"], "language": "German", "text": "\ufeffEs ist grün.\n"},
    {"text": HEADER + "Moss.\n"},
]
AS_BOOKS = [
    Book("a-1", None, "It is green.\n", "Moss", "A. Fern", "en", "utf-8", 0),
    Book("7", 7, "Es ist grün.\n", "", "A. Fern; B. Moss", "de", "utf-8", 1),
    Book("", 262, HEADER + "Moss.\n", "Moss", "A. Fern", "fr", "utf-8", 2),
]


def same(found: list[Book | Damage]) -> list[Book | Damage]:
    """With the number of the row for its offset, and without the hash that is a name."""
    found_books = [book for book in found if isinstance(book, Book)]
    return [replace(book, name="" if len(book.name) == 16 else book.name, offset=place)
            for place, book in enumerate(found_books)]  # fmt: skip


def jsonl(rows: list[dict]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


@pytest.mark.parametrize("packed", [bytes, gzip.compress, lambda data: codecs.BOM_UTF8 + data])
def test_json_lines(packed) -> None:
    assert same(books(packed(jsonl(ROWS)), "11.txt")) == AS_BOOKS


def test_parquet_in_slices() -> None:
    stream = io.BytesIO()
    rows = [{**dict.fromkeys(ROWS[0]), **row} | {"id": str(row.get("id") or "") or None} for row in ROWS]
    rows[0]["author"] = ["A. Fern"]
    pq.write_table(pa.Table.from_pylist(rows), stream, row_group_size=1)
    assert same(books(stream.getvalue())) == AS_BOOKS
    ranges = book_ranges(stream, slice_bytes=1)
    assert len(ranges) == 3
    assert same([book for each in ranges for book in read_books(stream, "x", *each)]) == AS_BOOKS
    assert book_ranges(io.BytesIO(b"moss")) == [(0, 4)]


def test_columns_by_other_names_and_without_an_id() -> None:
    columns = BookColumns(text="TEXT", title="book", id="key")
    one, other = books(jsonl([{"TEXT": "moss", "book": "M", "key": "k"}, {"TEXT": "fern"}]), columns=columns)
    assert isinstance(one, Book) and isinstance(other, Book)
    assert (one.name, one.title, one.text) == ("k", "M", "moss")
    again = the_book(jsonl([{"TEXT": "fern"}]), "y", columns=columns)
    assert other.name == again.name != one.name  # by the text, wherever it stands


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"title": "Moss"}, "bad_row"), ({"text": None}, "bad_row"), ({"text": 7}, "bad_row"),
        ({"text": ["a"]}, "bad_row"),
        ({"text": "a", "title": {"b": 1}}, "bad_row"), ({"text": "a" * 101}, "too_long"),
    ],
)  # fmt: skip
def test_bad_rows(row: dict, word: str) -> None:
    data = jsonl([{"text": "moss"}, row, {"text": "fern"}])
    assert errors(data, max_book_bytes=100) == [(17, word)] and len(books(data, max_book_bytes=100)) == 3


def test_damaged_tables() -> None:
    assert errors(b'{"text": "moss"}\n{"text"') == [(17, "truncated")]
    assert errors(b'{"text": "moss"\n{"text": "fern"}\n') == [(0, "bad_json")]
    assert errors(b'oops\n{"text": "fern"}\n') == [(0, "bad_json")]
    assert errors(gzip.compress(jsonl(ROWS))[:-30])[-1][1] == "truncated"
    stream = io.BytesIO()
    pq.write_table(pa.table({"words": ["moss"]}), stream)
    assert errors(stream.getvalue()) == [(0, "no_column")]
    assert errors(stream.getvalue()[:-9]) == [(0, "truncated")]


def test_a_text_that_begins_with_a_brace_is_a_text() -> None:
    assert the_book(b"{Transcriber's note: moss.}\n\nIt is green.\n").text.startswith("{Transcriber's")
    assert the_book(b'["Moss!" he cries.]\n\nIt is green.\n').text.startswith('["Moss')


def test_an_error_of_the_disk_is_no_damage() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 100:
                raise OSError(5, "Input/output error")
            return super().read(size)

    with pytest.raises(OSError, match="Input/output"):
        list(read_books(Broken(zipped(("11.txt", TEXT.encode()))), "11.zip"))
