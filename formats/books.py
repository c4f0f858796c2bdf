"""Books: Project Gutenberg's text files and zips, and any collection as JSON lines, Parquet, Avro or text files.

What a file is, its first bytes tell, whatever its name; only a book's number comes from there. A book that can be read
is a `Book`; whatever cannot is one `Damage`, with one of the words of `jsonlines.py`, `parquet.py` and `avro.py` for
rows, of `gzipstream.py` for text that is packed, or of these:

    empty_file               no bytes
    not_text                 NULs or other control characters: an image, a program, a PDF, another archive
    too_long                 a book over the limit, or an archive over that of all its books together
    no_text                  a zip without a .txt file: web pages, sound, an EPUB
    truncated, bad_zip       a zip cut off before its directory; one whose parts contradict each other
    bad_crc, bad_packing     a file in a zip: another checksum; what does not inflate, or is packed in an unknown way
    encrypted, nested, link, unsafe_name     a file in a zip that is not read
    no_column, bad_row, bad_utf8             a table without texts; a value of another type, or no text; no UTF-8

Nothing is ever written to a disk. Half a book is no book: one that its packing damages is lost. Files in a zip that do
not end in .txt are passed over, as they are other forms of the same book. `offset` is 0 for a text file, in a zip that
of the file's header, in a table what `tablerow.py` says. Lines end with LF, whatever they ended with.
Source: https://www.gutenberg.org/help/mirroring.html and /help/file_names.html; PKWARE's APPNOTE.TXT 6.3, section 4.
"""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import io
import lzma
import re
import stat
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from ..filters.encodings import decode
from ..records import Damage
from .avro import MAGIC as AVRO
from .gutenberg_header import copy_rank, declared_encoding, language_code, number_of, read_header
from .gzipstream import read_whole
from .parquet import MAGIC as PARQUET
from .tablerow import BadValueError, TableRow, text_of
from .tables import open_table

__all__ = ["Book", "Columns", "book_ranges", "copy_rank", "number_of", "read_books"]

_MAX_BOOK_BYTES: Final = 64 << 20  # ten times the longest of Gutenberg's, the human genome and pi aside
_MAX_ARCHIVE_BYTES: Final = 256 << 20  # unpacked
_SLICE_BYTES: Final = 256 << 20
_HEAD_BYTES: Final = 16 << 10  # that show what a file is
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_GZIP = b"\x1f\x8b"
_ROW = re.compile(rb'(?:\xef\xbb\xbf)?[ \t\r\n]*\{[ \t\r\n]*"|\A[^\n]*\n\{"')
_CONTROL = bytes({*range(32)} - set(b"\t\n\v\f\r\x1a\x1b"))  # ^Z ends files of DOS
_MAX_CONTROL_SHARE: Final = 0.001
_BINARY = re.compile(rb"%PDF-|\x89PNG|GIF8|\xff\xd8\xff|Rar!|7z\xbc\xaf|\xfd7zXZ|BZh[1-9]1AY|\x7fELF|\{\\rtf")
_HTML = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,99}<(?:!doctype\s+html|html[\s>])", re.IGNORECASE)
_ARRAY = re.compile(rb'(?:\xef\xbb\xbf)?\s{0,99}\[\s{0,99}\{\s{0,99}"')
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of a collection are called. Only the text must be there."""

    text: str = "text"  # the whole book
    title: str = "title"  # of the book
    author: str = "author"  # or authors
    language: str = "language"  # a code, or several with ; between
    id: str = "id"  # what its id is made of; without one, a hash of the text


@dataclass(frozen=True, slots=True)
class Book:
    """A book as it is found, boilerplate and all.

    `name` is that of the file, with that of a zip before it; in a table the row's id, or else a hash of the text.
    `number` is Gutenberg's, by the name or the header: for files of other collections it may mean nothing. `language`
    is a code, or several with ";" between, as the header or the column says; "" where nothing is said.
    """

    name: str
    number: int | None
    text: str
    title: str
    author: str
    language: str
    encoding: str
    offset: int


class _BadBookError(Exception):
    """A book of a zip that cannot be read: a word of `Damage`, and its detail."""


def book_ranges(file: BinaryIO, *, slice_bytes: int = _SLICE_BYTES) -> list[tuple[int, int]]:
    """What of a file `read_books` can read by itself: rows [start, stop) of a Parquet file, else all of it as one."""
    if _magic(file) != PARQUET:
        return [(0, file.seek(0, io.SEEK_END))]
    return open_table(file).ranges(slice_bytes)


def read_books(
    file: BinaryIO,
    name: str,
    start: int = 0,
    stop: int = sys.maxsize,
    *,
    columns: Columns = Columns(),
    max_book_bytes: int = _MAX_BOOK_BYTES,
    max_archive_bytes: int = _MAX_ARCHIVE_BYTES,
) -> Iterator[Book | Damage]:
    r"""The books of a file, in its order, or of one of its `book_ranges`, and what is damaged there.

    A text is decoded by the encoding that its header names, or that its bytes show. Memory holds one book, and what it
    is decoded from; of a zip one file.

    >>> header = b"Title: Moss\r\nAuthor: A. Fern\r\nRelease Date: May, 1995 [EBook #11]\r\n\r\nIt is green.\r\n"
    >>> book = next(iter(read_books(io.BytesIO(header), "moss10.txt")))
    >>> book.name, book.number, book.title, book.author, book.encoding, book.text[-13:]
    ('moss10.txt', 11, 'Moss', 'A. Fern', 'utf-8', 'It is green.\n')
    >>> list(read_books(io.BytesIO(b"\x00\x01\x02\x03"), "11.txt"))
    [Damage(offset=0, error='not_text', detail='control characters, as no text has them')]
    """
    magic = _magic(file)
    if magic in _ZIP:
        yield from _read_zip(file, name, max_book_bytes, max_archive_bytes)
    elif magic in (PARQUET, AVRO) or _is_json(file):
        yield from _read_table(file, start, stop, columns, max_book_bytes)
    else:
        data = _read_text(file, max_book_bytes)
        yield data if isinstance(data, Damage) else _book(data, name, 0)


# ---- text files ------------------------------------------------------------------------------------------------------


def _magic(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(len(PARQUET))


def _is_json(file: BinaryIO) -> bool:
    """Whether an object stands on the first line or, if that is damaged, on the second."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if head.startswith(_GZIP):
        try:
            head = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(head, _HEAD_BYTES)
        except zlib.error:
            return False
    return _ROW.match(head) is not None


def _read_text(file: BinaryIO, max_book_bytes: int) -> bytes | Damage:
    """The content of a file that is packed by gzip, or not at all."""
    file.seek(0)
    data = read_whole(file, max_book_bytes)
    if isinstance(data, Damage):
        return data
    return _too_long(0, max_book_bytes) if len(data) > max_book_bytes else _no_text(data, 0) or data


def _no_text(data: bytes, offset: int) -> Damage | None:
    """What is wrong with bytes that should be a text."""
    if not data.strip(b"\0"):
        return Damage(offset, "empty_file", "no bytes" if not data else "nothing but zeros")
    if _HTML.match(data):
        return Damage(offset, "not_text", "a page of the web")
    if _ARRAY.match(data):
        return Damage(offset, "not_text", "an array of JSON: rows stand one to a line")
    if kind := _BINARY.match(data):
        return Damage(offset, "not_text", f"it begins with {kind[0]!r}")
    n_control = len(data) - len(data.translate(None, _CONTROL))
    if n_control > _MAX_CONTROL_SHARE * len(data) and not _is_wide(data):
        return Damage(offset, "not_text", "control characters, as no text has them")
    return None


def _is_wide(data: bytes) -> bool:
    """Whether its zeros are those of UTF-16 or UTF-32."""
    return data.startswith(_WIDE_MARKS) or decode(data[:_HEAD_BYTES])[1].startswith("utf-16")


def _book(data: bytes, name: str, offset: int) -> Book:
    """A text file as a book, its header read."""
    text, encoding = decode(data, declared_encoding(data))
    text = _with_lf(text.removesuffix("\x1a"))
    title, author, language = read_header(text)
    return Book(name, number_of(name, text), text, title, author, language, encoding, offset)


def _with_lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _too_long(offset: int, max_bytes: int, what: str = "") -> Damage:
    return Damage(offset, "too_long", f"{what}over {max_bytes:,} bytes")


# ---- zips ------------------------------------------------------------------------------------------------------------


def _read_zip(file: BinaryIO, name: str, max_book_bytes: int, max_archive_bytes: int) -> Iterator[Book | Damage]:
    try:
        archive = zipfile.ZipFile(file)
    except _ZIP_ERRORS as error:
        _raise_if_of_disk(error)
        yield _bad_archive(file, error)
        return
    found, n_bytes = False, 0
    for info in archive.infolist():
        if info.is_dir() or not info.filename.lower().endswith((".txt", ".zip")):
            continue
        found = True
        try:
            data = _unpack(archive, info, min(max_book_bytes, max_archive_bytes - n_bytes))
        except _BadBookError as bad:
            word, detail = bad.args
            yield Damage(info.header_offset, word, f"{info.filename[:200]!a}: {detail}")
            continue
        n_bytes += len(data)
        yield _no_text(data, info.header_offset) or _book(data, f"{name}/{info.filename}", info.header_offset)
    if not found:
        yield Damage(0, "no_text", "no .txt file in it")


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, max_bytes: int) -> bytes:
    """The content of a file in a zip, unpacked in memory no further than the limit, whatever its size is said to be."""
    if problem := _refused(info):
        raise _BadBookError(*problem)
    if info.file_size > max_bytes:
        raise _BadBookError("too_long", f"over {max_bytes:,} bytes")
    try:
        with archive.open(info) as member:
            data = member.read(max_bytes + 1)
    except _ZIP_ERRORS as error:
        _raise_if_of_disk(error)
        word = "bad_crc" if "CRC" in str(error) else "truncated" if isinstance(error, EOFError) else "bad_packing"
        raise _BadBookError(word, str(error) or "it ends too soon") from error
    if len(data) > max_bytes:
        raise _BadBookError("too_long", f"over {max_bytes:,} bytes")
    return data


def _refused(info: zipfile.ZipInfo) -> tuple[str, str] | None:
    """Why a file in a zip is not even opened: the word, and its detail."""
    name = info.orig_filename.replace("\\", "/")
    if name.startswith("/") or re.match("[A-Za-z]:", name) or ".." in name.split("/") or not name.isprintable():
        return "unsafe_name", "it would lie outside of any folder, or has characters that no name has"
    if info.flag_bits & 1:
        return "encrypted", "it needs a password"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "link", "it is a symbolic link"
    return ("nested", "an archive in an archive") if name.lower().endswith(".zip") else None


def _bad_archive(file: BinaryIO, error: Exception) -> Damage:
    file.seek(max(0, file.seek(0, io.SEEK_END) - (1 << 16)))
    if b"PK\x05\x06" not in file.read():
        return Damage(0, "truncated", "the zip ends before its directory")
    return Damage(0, "bad_zip", str(error)[:200])


# Whatever zipfile raises at bad bytes.
_ZIP_ERRORS: Final = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError, RuntimeError),
    *(ValueError, struct.error, OverflowError, IndexError),
)


def _raise_if_of_disk(error: Exception) -> None:
    """Raise what comes from the disk, or the network; zipfile hides it behind an error of its own."""
    cause = error if isinstance(error, OSError) else error.__context__
    if isinstance(cause, OSError) and cause.errno not in (None, errno.EINVAL):  # EINVAL: a place before the beginning
        raise cause


# ---- tables ----------------------------------------------------------------------------------------------------------


def _read_table(
    file: BinaryIO, start: int, stop: int, columns: Columns, max_book_bytes: int
) -> Iterator[Book | Damage]:
    table = open_table(file)
    if table.has_schema and table.columns and columns.text not in table.columns:
        yield Damage(0, "no_column", f"expected {columns.text}, got {', '.join(table.columns)}")
        return
    for row in table.rows(dataclasses.astuple(columns), start, stop, max_text_bytes=max_book_bytes):
        yield row if isinstance(row, Damage) else _row_book(row, columns, max_book_bytes)


def _row_book(row: TableRow, columns: Columns, max_book_bytes: int) -> Book | Damage:
    try:
        text = text_of(row.fields.get(columns.text), columns.text)
        title, author, language = (
            text_of(_joined(row.fields.get(name)), name) or "" for name in dataclasses.astuple(columns)[1:4]
        )
        name = text_of(_joined(row.fields.get(columns.id)), columns.id)
        if text is None:
            raise BadValueError("bad_row", f"no value in column {columns.text}")
    except BadValueError as bad:
        word, detail = bad.args
        return Damage(row.offset, word, f"{row.place}: {detail}")
    data = text.encode()
    if len(data) > max_book_bytes:
        return _too_long(row.offset, max_book_bytes, f"{row.place}: ")
    text = _with_lf(text.removeprefix("\ufeff"))
    in_header = read_header(text)
    title, author, language = title or in_header[0], author or in_header[1], language_code(language) or in_header[2]
    name = name or hashlib.sha1(data, usedforsecurity=False).hexdigest()[:16]
    return Book(name, number_of(name, text), text, title, author, language, "utf-8", row.offset)


def _joined(value: Any) -> Any:
    """A number as text, and a list of names as one."""
    if isinstance(value, list) and all(isinstance(item, str | bytes) for item in value):
        return "; ".join(item if isinstance(item, str) else item.decode(errors="replace") for item in value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
