"""Project Gutenberg's catalogue: `pg_catalog.csv` (plain or gzip), an RDF file, or all of them (`rdf-files.tar.bz2`).

What a file is, its first bytes tell. A book that can be read is an `Entry`; whatever cannot is one `Damage`, with one
of the words of `jsonlines.py` for lines, or of these:

    not_a_catalog              neither columns as the catalogue has them, nor RDF, nor an archive
    bad_row, bad_utf8          a row that has other columns, or no number; one that is no UTF-8
    bad_xml                    an RDF file; also one that defines entities, which are never expanded
    too_long                   an RDF file, or a row, over 4 MiB
    truncated, bad_tar         the archive, beside the words of `bz2streams.py`

`offset` is a byte of the file; in an archive, for what is in it, of what it unpacks to. Memory holds one book.
Source: https://www.gutenberg.org/ebooks/offline_catalogs.html.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, NamedTuple
from xml.parsers import expat

from ..records import Damage
from .bz2streams import read_pieces as unpack
from .gzipstream import read_pieces, read_whole
from .jsonlines import Line, read_lines

__all__ = ["Entry", "read_catalog"]

_MAX_BYTES: Final = 4 << 20
_COLUMNS: Final = ("Text#", "Type", "Title", "Language", "Authors")
# Titles run over several lines. A row begins with number, type and date, so that a quote that is never closed costs
# its own row alone.
_ROW_START = re.compile(rb'"?\d+"?,"?[A-Z][A-Za-z]*"?,"?\d{4}-\d\d')
_LIFE = re.compile(r",\s*\??(?:\d{1,4}\??)?(?: BCE?)?\s?-\s?\??(?:\d{1,4}\??)?(?: BCE?)?(?=\s*(?:\[|$))")
_ROLE = re.compile(r"\s*\[[^\]]*\]$")
_BLOCK: Final = 512
_TAR_MAGIC, _TAR_MAGIC_AT, _TYPE_AT = b"ustar", 257, 156
_BZ2 = b"BZh"
_GZIP = b"\x1f\x8b"


class Entry(NamedTuple):
    """What the catalogue says of a book. `kind` is Text, Sound, Dataset …; languages are codes, "en"."""

    number: int
    title: str
    languages: tuple[str, ...]
    authors: tuple[str, ...]
    kind: str
    offset: int


def read_catalog(file: BinaryIO) -> Iterator[Entry | Damage]:
    r"""The books of a catalogue in its order, and what is damaged there.

    >>> head = b"Text#,Type,Issued,Title,Language,Authors\n"
    >>> list(read_catalog(io.BytesIO(head + b'11,Text,2008-06-27,Alice,en,"Carroll, Lewis, 1832-1898"\n')))
    [Entry(number=11, title='Alice', languages=('en',), authors=('Carroll, Lewis',), kind='Text', offset=41)]
    """
    file.seek(0)
    magic = file.read(_TAR_MAGIC_AT + len(_TAR_MAGIC))
    head = _unpacked_head(file) if magic.startswith(_GZIP) else magic
    file.seek(0)
    if magic.startswith(_BZ2) or head[_TAR_MAGIC_AT:] == _TAR_MAGIC:
        yield from _read_archive(file)
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        yield _read_one_rdf(file)
    else:
        yield from _read_csv(file)


def _unpacked_head(file: BinaryIO) -> bytes:
    file.seek(0)
    piece = next(read_pieces(file), None)
    size = _TAR_MAGIC_AT + len(_TAR_MAGIC)
    return b"" if piece is None or isinstance(piece, Damage) else piece.data[:size]


# ---- pg_catalog.csv --------------------------------------------------------------------------------------------------


def _read_csv(file: BinaryIO) -> Iterator[Entry | Damage]:
    columns: dict[str, int] | None = None
    for row in _rows(read_lines(file, max_line_bytes=_MAX_BYTES)):
        if isinstance(row, Damage):
            yield row
        elif columns is None:
            columns = {name: place for place, name in enumerate(_cells(row[1]) or ())}
            if not columns.keys() >= set(_COLUMNS):
                yield Damage(row[0], "not_a_catalog", f"expected columns {', '.join(_COLUMNS)}")
                return
        else:
            yield _entry_of_row(*row, columns)


def _rows(lines: Iterator[Line | Damage]) -> Iterator[tuple[int, bytes] | Damage]:
    """The rows of a catalogue, uncut by the line ends in them: the head first, then each from its number on."""
    offset, parts, is_head = 0, list[bytes](), True
    for line in lines:
        if isinstance(line, Damage):
            if parts:
                yield offset, b"\n".join(parts)
                parts, is_head = [], False
            yield line
            continue
        begins = _ROW_START.match(line.data) is not None
        if parts and (begins or is_head):
            yield offset, b"\n".join(parts)
            parts, is_head = [], False
        if not parts:
            offset = line.offset
        if parts or line.data.strip():
            parts.append(line.data)
    if parts:
        yield offset, b"\n".join(parts)


def _cells(row: bytes) -> list[str] | None:
    """The cells of one row; None where they cannot be told."""
    try:
        rows = list(csv.reader(io.StringIO(row.decode(), newline=""), strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def _entry_of_row(offset: int, row: bytes, columns: dict[str, int]) -> Entry | Damage:
    try:
        cells = _cells(row) if len(row) <= _MAX_BYTES else None
    except UnicodeDecodeError:
        return Damage(offset, "bad_utf8", repr(row[:40]))
    if cells is None or len(cells) != len(columns):
        n_cells = "unclosed quotes" if cells is None else f"{len(cells)} cells"
        return Damage(offset, "bad_row", f"{n_cells}, expected {len(columns)}: {row[:40]!r}")
    number, kind, title, languages, authors = (cells[columns[name]] for name in _COLUMNS)
    if not re.fullmatch("[0-9]{1,9}", number):
        return Damage(offset, "bad_row", f"no number: {number[:40]!r}")
    return Entry(
        int(number),
        " ".join(title.split()),
        tuple(filter(None, map(str.strip, languages.split(";")))),
        tuple(filter(None, map(_bare_author, authors.split(";")))),
        kind,
        offset,
    )


def _bare_author(name: str) -> str:
    """A name without years and role.

    >>> _bare_author(" Carroll, Lewis, 1832-1898"), _bare_author("Homer, 751? BCE-651? BCE"), _bare_author("A [Editor]")
    ('Carroll, Lewis', 'Homer', 'A')
    """
    return _LIFE.sub("", _ROLE.sub("", name.strip())).strip()


# ---- RDF -------------------------------------------------------------------------------------------------------------


def _read_archive(file: BinaryIO) -> Iterator[Entry | Damage]:
    """The RDF files of an archive, read as a stream; whatever else is in it is passed over.

    Not by the standard library's tarfile, which takes an archive that is cut off, or damaged, for its end.
    """
    archive, error = _Archive(), ""
    for piece in unpack(file, 0, sys.maxsize):
        if isinstance(piece.content, Damage):
            error = piece.content.error
            archive.lose()
            yield piece.content
        elif not archive.is_over:
            error = ""
            yield from archive.feed(piece.content)
    if not archive.is_over and not error:
        yield Damage(archive.offset, "truncated", "the archive ends without its mark")


class _Archive:
    """Cuts an archive into its files. `offset` is where what is not read yet begins in it."""

    def __init__(self) -> None:
        self.offset = 0
        self.is_over = False
        self._data = bytearray()
        self._n_skip = 0
        self._is_lost = False  # behind damage, before the next header

    def lose(self) -> None:
        self._drop(len(self._data))
        self._n_skip, self._is_lost = 0, True

    def feed(self, data: bytes) -> Iterator[Entry | Damage]:
        self._data += data
        while not self.is_over:
            skipped = min(self._n_skip, len(self._data))
            self._n_skip -= skipped
            self._drop(skipped)
            if (self._is_lost and not self._find_header()) or len(self._data) < _BLOCK:
                return
            header = bytes(self._data[:_BLOCK])
            size = _file_size(header)
            if not any(header):
                self.is_over = True
            elif size is None:
                yield Damage(self.offset, "bad_tar", "no file begins here")
                self._drop(1)
                self._is_lost = True
            elif header[_TYPE_AT : _TYPE_AT + 1] not in (b"0", b"\0") or not _name(header).endswith(".rdf"):
                self._n_skip = _BLOCK + _padded(size)
            elif size > _MAX_BYTES:
                yield Damage(self.offset, "too_long", f"{_name(header)!a}: over {_MAX_BYTES:,} bytes")
                self._n_skip = _BLOCK + _padded(size)
            elif len(self._data) < _BLOCK + _padded(size):
                return
            else:
                yield _entry_of_rdf(bytes(self._data[_BLOCK : _BLOCK + size]), self.offset)
                self._drop(_BLOCK + _padded(size))

    def _find_header(self) -> bool:
        """Move to the next header whose checksum is right, or to where one may yet begin."""
        place = self._data.find(_TAR_MAGIC, _TAR_MAGIC_AT)
        while place >= 0 and (start := place - _TAR_MAGIC_AT) + _BLOCK <= len(self._data):
            if _file_size(bytes(self._data[start : start + _BLOCK])) is not None:
                self._drop(start)
                self._is_lost = False
                return True
            place = self._data.find(_TAR_MAGIC, place + 1)
        self._drop(max(0, len(self._data) - _BLOCK if place < 0 else place - _TAR_MAGIC_AT))
        return False

    def _drop(self, n: int) -> None:
        del self._data[:n]
        self.offset += n


def _file_size(header: bytes) -> int | None:
    """How many bytes the file has whose header this is; None if it is none."""
    sums, size = _octal(header[148:156]), _octal(header[124:136])
    return size if sums == sum(header) - sum(header[148:156]) + 8 * ord(" ") else None


def _octal(field: bytes) -> int | None:
    digits = field.strip(b" \0")
    return int(digits, 8) if re.fullmatch(rb"[0-7]{1,12}", digits) else None


def _name(header: bytes) -> str:
    return header[:100].partition(b"\0")[0].decode("utf-8", "replace")


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _read_one_rdf(file: BinaryIO) -> Entry | Damage:
    data = read_whole(file, _MAX_BYTES)
    return data if isinstance(data, Damage) else _entry_of_rdf(data, 0)


def _entry_of_rdf(data: bytes, offset: int) -> Entry | Damage:
    """The book that an RDF file tells of."""
    if len(data) > _MAX_BYTES:
        return Damage(offset, "too_long", f"over {_MAX_BYTES:,} bytes")
    reader = _Rdf()
    try:
        reader.parse(data)
    except (expat.ExpatError, _EntityError) as error:
        return Damage(offset, "bad_xml", str(error))
    if reader.number is None:
        return Damage(offset, "not_a_catalog", "RDF without a pgterms:ebook")
    one = {name: tuple(values) for name, values in reader.found.items()}
    title, kind = (" ".join(" ".join(one.get(name, ())[:1]).split()) for name in ("title", "type"))
    return Entry(reader.number, title, one.get("language", ()), one.get("creator", ()), kind, offset)


class _EntityError(ValueError):
    pass


class _Rdf:
    """Reads values by the path to them: `ebook/title`, `ebook/language/…/value`, `ebook/creator/agent/name`."""

    _ENDS: Final = {"title": "title", "language": "value", "type": "value", "creator": "name"}

    def __init__(self) -> None:
        self.number: int | None = None
        self.found: dict[str, list[str]] = {}
        self._path: list[str] = []
        self._text: list[str] = []

    def parse(self, data: bytes) -> None:
        parser = expat.ParserCreate()
        parser.EntityDeclHandler = self._refuse
        parser.StartElementHandler, parser.EndElementHandler = self._begin, self._end
        parser.CharacterDataHandler = self._text.append
        parser.Parse(data, True)

    def _refuse(self, name: str, *_: Any) -> None:
        raise _EntityError(f"it defines the entity {name[:40]!r}")

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        self._path.append(name)
        self._text.clear()
        about = re.fullmatch(r"ebooks/(\d{1,9})", attributes.get("rdf:about", ""), re.ASCII)
        if name == "ebook" and self.number is None and about:
            self.number = int(about[1])

    def _end(self, tag: str) -> None:
        what = self._path[2] if len(self._path) > 2 and self._path[1] == "ebook" else ""
        if self._path.pop() == self._ENDS.get(what) and (text := "".join(self._text).strip()):
            self.found.setdefault(what, []).append(text)
        self._text.clear()
