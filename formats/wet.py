"""CommonCrawl's WET files (gzip in members of any cut, or plain): the text of the pages that were crawled.

A record that can be read is a `WetPage`; whatever cannot is one `Damage` with one of these words:

    empty_file, not_warc, not_wet               the file: no bytes; no record; other records than pages only
    truncated, bad_gzip, bad_crc                its packing; `truncated` also where a plain file ends inside a record
    garbage                                     bytes between records, or between gzip members, that begin none
    bad_header                                  no end, no WARC-Type or an unknown one, no name, another encoding
    bad_length, too_long                        a Content-Length that is missing or lies; one that is over the limit
    bad_utf8                                    the text

Records of the other known types are skipped. The record that is open where its packing is damaged is lost with it: one
`Damage`, at that record. Content that is not packed, or in members of more than one window, has no checksum that could
tell before it is given out.
Source: ISO 28500:2017 (WARC 1.1), sections 4 to 6; https://commoncrawl.org/get-started.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from ..records import Damage
from .gzipstream import Piece, Pieces, read_pieces
from .wet_record import OTHER_TYPES, WetPage, digest_of, parse_fields, read_record, read_whole
from .wet_window import Window

__all__ = ["WetPage", "read_wet"]

_MAX_RECORD_BYTES: Final = 16 << 20
_MAX_HEADER_BYTES: Final = 64 << 10
# Content that may be looked at more than once to tell whether a length lies. Real files stay far below; in a file made
# of nothing but lies, each over the next ones, the time would else grow with its square.
_LOOK_AHEAD_BYTES: Final = 256 << 20
_HEADER_END = re.compile(rb"\n\r?\n")
_LINE_ENDS = re.compile(rb"[\r\n]*")
_ZEROS = re.compile(rb"\0*")
_LENGTH = re.compile(r"[0-9]{1,20}", re.ASCII)
# Names hold no slash, so headers that seem to begin inside each other are told apart, each byte read once.
_HEADER = re.compile(rb"WARC/1\.\d\r?\n(?:[!#-'*+\-.^-z|~0-9A-Z]+:[^\n]*\n(?:[ \t]+\S[^\n]*\n)*)++\r?\n")


def read_wet(file: BinaryIO, *, max_record_bytes: int = _MAX_RECORD_BYTES) -> Iterator[WetPage | Damage]:
    """The pages of a WET file in the file's order, and what is damaged there.

    A record ends where its Content-Length says if only line ends stand between there and the next record, or the end.
    If not, and if the text is not what its digest was taken of, the length lies, and reading goes on at the next header
    after the record's own. Memory holds a few times `max_record_bytes`; time grows with the content of the file.

    >>> import io
    >>> header = b"WARC/1.0\\nWARC-Type: conversion\\nWARC-Target-URI: http://a.org/\\nContent-Length: %d\\n\\n"
    >>> for found in read_wet(io.BytesIO(header % 2 + b"Hi\\n\\n" + header % 9 + b"Ho")):
    ...     print(found)  # doctest: +ELLIPSIS
    WetPage(offset=0, record_id='', url='http://a.org/', date='', digest='sha1:STOZ4CGB...', body='Hi')
    Damage(offset=85, error='truncated', detail='the file ends inside a record')
    """
    return _Reader(read_pieces(file), max_record_bytes).read()


class _Reader:
    def __init__(self, pieces: Pieces, max_record_bytes: int) -> None:
        self._window, self._max_record_bytes = Window(pieces), max_record_bytes
        self._look_ahead = _LOOK_AHEAD_BYTES
        self._is_lost = False  # behind damage, before the next record
        self._saw_bytes = self._saw_record = self._saw_damage = self._saw_page = False
        self._other = ""  # the type of a record that a WET file has no use for
        self._saw_alone = self._saw_inside = False  # a record that fills its member; one that does not begin its own

    def read(self) -> Iterator[WetPage | Damage]:
        while True:
            window = self._window
            if not window.data and not window.ended and not self._is_lost:
                # The way that CommonCrawl's records go; whatever is unusual about one takes the other.
                while isinstance(piece := window.peek(), Piece) and (
                    found := read_whole(piece, self._max_record_bytes)
                ):
                    window.pop()
                    self._saw_record = self._saw_alone = self._saw_page = True
                    yield found
            for found in self._step():
                self._saw_damage |= isinstance(found, Damage)
                yield found
            window = self._window
            if window.ended and not window.data and not window.cut:
                break
        if not self._saw_record and not self._saw_damage:
            yield Damage(0, "not_warc", "no record") if self._saw_bytes else Damage(0, "empty_file", "no bytes")
        if self._other and not self._saw_page and not self._saw_damage:
            yield Damage(0, "not_wet", f"no page, but records of type {self._other}: a WARC or WAT file?")

    def _step(self) -> Iterator[WetPage | Damage]:
        """Read the next record, or to the end of the content, or over damage."""
        window = self._window
        self._saw_bytes |= window.fill(1)
        if self._is_lost:
            self._is_lost = not self._find_record(0)
        self._skip(_LINE_ENDS)
        if window.data:
            yield from self._record()
        elif window.cut:
            yield window.cut
            self._resume()

    def _record(self) -> Iterator[WetPage | Damage]:
        window = self._window
        offset = window.offset()
        window.fill(5)
        if not window.data.startswith(b"WARC/"):
            self._skip(_ZEROS)
            if window.data:  # else it was padding
                is_open = b"WARC/".startswith(window.data)
                yield from self._give_up(Damage(offset, "garbage", "no record begins here"), 0, is_open=is_open)
            return
        if (begin := _header_end(window)) is None:
            damage = Damage(offset, "bad_header", f"no empty line in {_MAX_HEADER_BYTES:,} bytes")
            yield from self._give_up(damage, 1, is_open=window.ended)
            return
        header = bytes(window.data[:begin])
        if (fields := parse_fields(header.decode(errors="surrogateescape"))) is None:
            yield from self._give_up(Damage(offset, "bad_header", "another version, or a record inside it"), 1)
            return
        length = fields.get("content-length", "")
        if not _LENGTH.fullmatch(length):
            yield from self._give_up(Damage(offset, "bad_length", f"Content-Length is {length[:40]!r}"), begin)
            return
        end = begin + int(length)
        lie = Damage(offset, "bad_length", f"no record ends {end - begin:,} bytes after its header")
        if end - begin > self._max_record_bytes:
            if not self._skip_long(begin, end):
                yield from self._give_up(lie, begin)
            elif fields.get("warc-type", "").lower() not in OTHER_TYPES:
                yield Damage(offset, "too_long", f"over {self._max_record_bytes:,} bytes")
            return
        is_whole = window.fill(end)
        if not is_whole or not (_ends_record(window, begin, end) or self._has_digest(fields, begin, end)):
            yield from self._give_up(lie, begin, is_open=not is_whole or window.cut is not None)
            return
        self._saw_record = True
        kind = fields.get("warc-type", "").lower()
        self._saw_page |= kind == "conversion"
        self._other = self._other or (kind if kind in OTHER_TYPES - {"warcinfo"} else "")
        self._saw_inside |= window.is_packed and not window.begins_member(0)
        found = read_record(offset, header, fields, bytes(window.data[begin:end]))
        window.drop(_end_of(_LINE_ENDS, window.data, end))
        if found:
            yield found

    def _skip(self, pattern: re.Pattern[bytes]) -> None:
        window = self._window
        while window.data and (size := _end_of(pattern, window.data)):
            window.drop(size)
            window.fill(1)

    def _skip_long(self, begin: int, end: int) -> bool:
        """Move to the end of a text that is not held in memory, if a record ends there; else stay."""
        # A window is no larger than about twice a record that may be held, so its copy costs less than `end`.
        if end > self._look_ahead:
            return False
        ahead = self._window.fork()
        if _skip_body(ahead, begin, end) and _ends_record(ahead, 0, 1):
            ahead.drop(1)
            self._window, self._saw_record = ahead, True
            return True
        self._look_ahead -= end
        return False

    def _has_digest(self, fields: dict[str, str], begin: int, end: int) -> bool:
        """Whether the text is the one that its digest was taken of, so that the damage is what stands behind it."""
        digest = fields.get("warc-block-digest")
        if self._window.cut or not digest or end > self._look_ahead:
            return False
        self._look_ahead -= end  # many headers may claim the same bytes
        return digest == digest_of(self._window.data[begin:end])

    def _give_up(self, damage: Damage, start: int, *, is_open: bool = False) -> Iterator[Damage]:
        """Report what stands here, and go on at the next record from byte `start` on.

        If the content ends in what `is_open`, that is what is wrong with it.
        """
        window = self._window
        has_end = window.is_packed or window.data.endswith((b"\n\r\n", b"\n\n"))
        if self._find_record(start):
            yield damage
        elif is_open and window.cut:
            cut = window.cut
            here = "" if cut.offset == damage.offset else f", at byte {cut.offset:,}"
            yield Damage(damage.offset, cut.error, cut.detail + here)
            self._resume()
        elif is_open and not has_end:
            yield Damage(damage.offset, "truncated", "the file ends inside a record")
        elif damage.error == "garbage" and not self._saw_record and not self._saw_damage:
            yield Damage(damage.offset, "not_warc", "no record")
        else:
            yield damage

    def _resume(self) -> None:
        self._window.resume()
        self._is_lost = True

    def _find_record(self, start: int) -> bool:
        """Move to the next header, from byte `start` on, that can be believed; False, and to the end, if none comes.

        Where each member has been a record so far, only the beginning of a member can be one.
        """
        window = self._window
        members_only = window.members_begin_records and self._saw_alone and not self._saw_inside
        while True:
            found = window.data.find(b"WARC/1.", start)
            if found < 0:
                passed = max(0, len(window.data) - len(b"\nWARC/1"))
                window.drop(passed)
                start = max(start - passed, min(passed, 1))
                if not window.pull():
                    window.drop(len(window.data))
                    return False
                continue
            begins_line = window.begins_member(found) or (
                not members_only and found > 0 and window.data[found - 1 : found] == b"\n"
            )
            if begins_line and _is_header(window, found):
                window.drop(found)
                return True
            start = found + 1


def _header_end(window: Window) -> int | None:
    """Where the first record's header ends, with its empty line; None if it does not, or not soon enough."""
    start = 0
    while not (end := _HEADER_END.search(window.data, start, _MAX_HEADER_BYTES)):
        start = max(0, len(window.data) - 2)
        if start >= _MAX_HEADER_BYTES or not window.pull():
            return None
    return end.end()


def _is_header(window: Window, begin: int) -> bool:
    """Whether a whole header stands here that has a WARC-Type and a Content-Length."""
    stop = begin + _MAX_HEADER_BYTES
    while not (header := _HEADER.match(window.data, begin, stop)):
        # Twice as much each time, so that small members do not make it begin again and again.
        size = len(window.data)
        if size >= stop or (not window.fill(2 * size - begin) and len(window.data) == size):
            return False
    fields = parse_fields(header[0].decode(errors="surrogateescape"))
    return fields is not None and "warc-type" in fields and "content-length" in fields


def _skip_body(window: Window, begin: int, end: int) -> bool:
    """Move to the last byte before `end`; False if the text would run over the end, or another record's beginning."""
    border = window.next_member() if window.members_begin_records else None
    if border is not None and begin < border < end:
        return False
    left = end - 1
    while left >= len(window.data):
        left -= len(window.data)
        window.drop(len(window.data))
        if not window.pull() or (window.begins_member(0) and window.members_begin_records):
            return False
    window.drop(left)
    return True


def _ends_record(window: Window, begin: int, end: int) -> bool:
    """Whether only line ends stand between `end` and a record, the file's end, or zeros that fill it up.

    A member that begins inside the text, as all members have begun with a record so far, is a record too.
    """
    border = window.next_member() if window.members_begin_records else None
    if border is not None and begin < border < end:
        return False
    stop = end
    while stop - end < _MAX_HEADER_BYTES:  # longer gaps are left to whoever reads on
        stop = _end_of(_LINE_ENDS, window.data, stop)
        if stop < len(window.data):
            if window.fill(stop + 5) or window.ended:
                break
        elif (
            isinstance(piece := window.peek(), Piece)
            and piece.begins
            and (stop > end or piece.data.startswith(b"WARC/"))
        ):
            return True  # left where it is, so that it can be read whole
        elif not window.pull():
            return window.cut is None or window.is_sealed
    else:
        return True
    rest = bytes(window.data[stop : stop + 5])
    if window.begins_member(stop):
        return stop > end or rest == b"WARC/"
    if rest[0] == 0:
        return stop > end
    return window.data[stop - 1] == 10 and b"WARC/".startswith(rest)


def _end_of(pattern: re.Pattern[bytes], data: bytearray, start: int = 0) -> int:
    """Where what the pattern matches here, if only nothing, ends."""
    match = pattern.match(data, start)
    return match.end() if match else start
