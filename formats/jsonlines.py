"""JSON lines (plain, bz2, or gzip in members of any cut, as the first bytes tell): one object a line.

Good lines before and after damage are kept. Whatever cannot be read is one `Damage` with one of these words:

    empty_file, not_jsonl                       the file: no bytes; over 1,000 lines before any object, listed as one
    truncated, bad_gzip, bad_bz2,               its packing; `truncated` also where a plain file ends inside a line
    bad_crc, garbage
    too_long, bad_utf8, bad_json, not_object    a line

Offsets are bytes in the file as stored: of the line in a plain file, of the gzip member or bz2 stream that it begins in
else; which line it is, among those that can be read, stands in `detail`. The line that is open where the packing is
damaged is lost with it: one `Damage`. Blank lines are skipped.
Source: https://jsonlines.org/, RFC 8259; NaN and Infinity are let pass, as Python writes them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, NamedTuple

from ..records import Damage
from .bz2blocks import View
from .bz2streams import read_streams
from .gzipstream import Piece, read_pieces

__all__ = ["JsonObject", "Line", "read_lines", "read_objects"]

_MAX_LINE_BYTES: Final = 64 << 20
_MAX_LINES_WITHOUT_OBJECT = 1000  # at the beginning of a file; with more it is something else, every line of it damage
_BOM = b"\xef\xbb\xbf"
_MAY_ESCAPE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
# Every escape is matched, so that the backslash of `\\ud800` is not taken for the beginning of one; group 1 is alone.
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


class Line(NamedTuple):
    """A line without its end: where it begins, its number (from 1), and its bytes."""

    offset: int
    number: int
    data: bytes
    is_rest: bool = False  # the first line after damage: perhaps only the rest of one
    is_cut: bool = False  # a plain file ends here, without a line end


class JsonObject(NamedTuple):
    """The object on a line: where the line begins, its number (from 1), and what the object holds."""

    offset: int
    number: int
    fields: dict[str, Any]


def read_lines(file: BinaryIO, *, max_line_bytes: int = _MAX_LINE_BYTES) -> Iterator[Line | Damage]:
    """The lines of a file in its order, ended by LF or CR LF, and what is damaged there; memory holds one line.

    A line that is longer than `max_line_bytes` is one `Damage`, `too_long`.

    >>> import io
    >>> list(read_lines(io.BytesIO(b"one\\r\\ntwo")))
    [Line(offset=0, number=1, data=b'one', is_rest=False, is_cut=False), \
Line(offset=5, number=2, data=b'two', is_rest=False, is_cut=True)]
    """
    cutter, is_empty = _Cutter(max_line_bytes), True
    for piece in _pieces(file):
        is_empty = False
        if isinstance(piece, Damage):
            yield cutter.cut(piece)
        else:
            yield from cutter.feed(piece)
    yield from cutter.finish()
    if is_empty:
        yield Damage(0, "empty_file", "no bytes")


def read_objects(file: BinaryIO, *, max_line_bytes: int = _MAX_LINE_BYTES) -> Iterator[JsonObject | Damage]:
    r"""The objects of a file in its order, one a line, and what is damaged there.

    Half of a surrogate pair, which a JSON escape can write but no text can hold, becomes U+FFFD.

    >>> import io
    >>> for found in read_objects(io.BytesIO(b'{"a": "\\ud800"}\n[]\n{"a": 2')):
    ...     print(found)
    JsonObject(offset=0, number=1, fields={'a': '�'})
    Damage(offset=16, error='not_object', detail="line 2: '[]'")
    Damage(offset=19, error='truncated', detail='line 3: the file ends inside it')
    """
    head, n_head = list[Damage](), 0  # what is damaged before the first object
    lines = read_lines(file, max_line_bytes=max_line_bytes)
    for line in lines:
        found = line if isinstance(line, Damage) else _parse(line)
        if isinstance(found, JsonObject):
            yield from _of_head(head, n_head)
            yield found
            break
        if found:
            n_head += 1
            if n_head <= _MAX_LINES_WITHOUT_OBJECT:
                head.append(found)
    else:
        yield from _of_head(head, n_head)
    for line in lines:
        if found := line if isinstance(line, Damage) else _parse(line):
            yield found


def _pieces(file: BinaryIO) -> Iterator[Piece | Damage]:
    view = View(file)
    if view.at(0, 3) != b"BZh":
        yield from read_pieces(file)
        return
    for stream, content, _ in read_streams(view, 0, sys.maxsize):
        yield content if isinstance(content, Damage) else Piece(stream, content)


def _of_head(damages: list[Damage], n: int) -> list[Damage]:
    """The `n` damages before the first object, of which no more than the first are held; if so, as one."""
    if n == len(damages):
        return damages
    return [Damage(0, "not_jsonl", f"{n:,} lines before any object; the first is {damages[0].error}")]


class _Cutter:
    """Cuts pieces of content into lines; `_parts` are those of the line that is open."""

    def __init__(self, max_line_bytes: int) -> None:
        self._max_line_bytes = max_line_bytes
        self._parts: list[bytes] = []
        self._size = 0  # of the open line, whether or not its parts are kept
        self._offset, self._number = 0, 1
        self._is_rest = self._is_plain = False

    def feed(self, piece: Piece) -> Iterator[Line | Damage]:
        data, start, self._is_plain = piece.data, 0, not piece.packed
        while (end := data.find(b"\n", start)) >= 0:
            yield from self._add(piece, start, end)
            yield from self._close(is_cut=False)
            start = end + 1
        if start < len(data):
            yield from self._add(piece, start, len(data))

    def cut(self, damage: Damage) -> Damage:
        """Give up the open line; the damage stands where it began."""
        offset = self._offset if self._size else damage.offset
        here = "" if offset == damage.offset else f", at byte {damage.offset:,}"
        self._clear()
        self._is_rest = True
        return Damage(offset, damage.error, f"line {self._number}: {damage.detail}{here}")

    def finish(self) -> Iterator[Line]:
        if self._size:
            yield from self._close(is_cut=self._is_plain)

    def _add(self, piece: Piece, start: int, end: int) -> Iterator[Damage]:
        """Add to the open line; `Damage` where it becomes too long, and from there on nothing of it is kept."""
        if not self._size:
            self._offset = piece.offset if piece.packed else piece.offset + start
        was_too_long = self._size > self._max_line_bytes
        self._size += end - start
        if self._size <= self._max_line_bytes:
            self._parts.append(piece.data[start:end])
        elif not was_too_long:
            self._parts.clear()
            yield Damage(self._offset, "too_long", f"line {self._number}: over {self._max_line_bytes:,} bytes")

    def _close(self, *, is_cut: bool) -> Iterator[Line]:
        if self._size <= self._max_line_bytes:
            data = b"".join(self._parts).removesuffix(b"\r")
            if self._number == 1 and not self._is_rest:
                data = data.removeprefix(_BOM)
            yield Line(self._offset, self._number, data, self._is_rest, is_cut)
        self._clear()
        self._number += 1
        self._is_rest = False

    def _clear(self) -> None:
        self._parts.clear()
        self._size = 0


def _parse(line: Line) -> JsonObject | Damage | None:
    """The object of a line; None for a blank one, and for the rest of one whose damage is listed already."""
    try:
        text = line.data.decode()
        if not text.strip():
            return None
        if _MAY_ESCAPE_SURROGATE.search(text):
            text = _ESCAPE.sub(lambda escape: r"\ufffd" if escape[1] else escape[0], text)
        fields = json.loads(text)
    except UnicodeDecodeError as error:
        word, detail = "bad_utf8", f"byte {error.start + 1:,} of it"
    except RecursionError:
        word, detail = "bad_json", "nested too deeply"
    except ValueError as error:  # also of integers with more digits than Python reads
        word, detail = "bad_json", str(error)
    else:
        if isinstance(fields, dict):
            return JsonObject(line.offset, line.number, fields)
        word, detail = "not_object", repr(text[:40])
    if line.is_rest:
        return None
    if line.is_cut and word != "not_object":
        word, detail = "truncated", "the file ends inside it"
    return Damage(line.offset, word, f"line {line.number}: {detail}")
