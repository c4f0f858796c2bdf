"""The members of a gzip file, or a plain file, as pieces of content: damage costs the members that it is in.

A file may be one member, a member for each record (CommonCrawl), or members cut anywhere (bgzip). After damage the file
goes on with the next two bytes of magic that really begin a member. `Damage` words: `truncated`, `bad_gzip`, `bad_crc`,
and `garbage` for bytes between members that begin none; zeros there are padding.
Source: RFC 1952, section 2.
"""

from __future__ import annotations

import copy
import re
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from ..records import Damage
from .bz2blocks import View

# Content comes in windows of so many bytes. A member's first window is given out only once it is inflated without an
# error, so a member that fits into it comes whole, its checksum right, or not at all.
WINDOW_BYTES = 1 << 16
_FEED_BYTES = 1 << 14  # given to zlib at a time: it copies what a member leaves over, and most members are smaller
_MAGIC = b"\x1f\x8b"
_MEMBER_START = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")  # deflate; the other flags are reserved
_MEMBER_START_BYTES = 4
_SEARCH_BYTES = 1 << 14
_HEAD_BYTES = 4 << 20  # where the first bytes are damaged, a member is looked for in as many
_RECORD_START = re.compile(rb"(?:\A|\n)WARC/1\.")
# What failed members cost (bytes read and inflated) before the search for the next one stops going back into them: so
# much, and so much for each byte of the file. Real damage stays far below; a file made of nothing but the beginnings of
# members would else take quadratic time.
_FREE_WORK_BYTES, _WORK_PER_BYTE = 64 << 20, 16


class Piece(NamedTuple):
    """Content that comes out of the member at `offset`, or, not packed, out of the file from `offset` on."""

    offset: int
    data: bytes
    begins: bool = False  # the first of its member
    ends: bool = False  # the last of its member, whose checksum is right
    packed: bool = True


class Pieces(Iterator[Piece | Damage]):
    """A file's pieces and damage; a copy of it goes on by itself from the same place."""

    def fork(self) -> Pieces:
        return copy.copy(self)


def read_pieces(file: BinaryIO) -> Pieces:
    """The content of a file, packed by gzip or not at all, as its first bytes tell, whatever its name.

    >>> import gzip, io
    >>> packed = gzip.compress(b"one") + gzip.compress(b"two")
    >>> [(piece.offset, piece.data) for piece in read_pieces(io.BytesIO(packed))]
    [(0, b'one'), (23, b'two')]
    >>> [(piece.offset, piece.data) for piece in read_pieces(io.BytesIO(b"text"))]
    [(0, b'text')]
    """
    view = View(file)
    head = view.at(0, 64)
    if head and _MAGIC.startswith(head[:2]):
        return _Members(view)
    if head and not head.lstrip(b"\r\n").startswith(b"WARC/"):
        members = _Members(view)
        if members.skip_head():
            return members
    return _Plain(view)


def read_whole(file: BinaryIO, max_bytes: int) -> bytes | Damage:
    """The content of a file, packed by gzip or not at all, or its first damage.

    Of one that is too long no more than its beginning, longer than `max_bytes`, is read.

    >>> import io
    >>> read_whole(io.BytesIO(b"text"), 100)
    b'text'
    """
    parts, size = list[bytes](), 0
    for piece in read_pieces(file):
        if isinstance(piece, Damage):
            return piece
        parts.append(piece.data)
        size += len(piece.data)
        if size > max_bytes:
            break
    return b"".join(parts)


class _Plain(Pieces):
    def __init__(self, view: View) -> None:
        self._view, self._offset = view, 0

    def __next__(self) -> Piece:
        if not (data := self._view.at(self._offset, WINDOW_BYTES)):
            raise StopIteration
        piece = Piece(self._offset, data, packed=False)
        self._offset += len(data)
        return piece


class _Member:
    """A member being inflated: `error` is None until it ends, then "" or what is wrong with it."""

    __slots__ = ("_unpacker", "_view", "detail", "error", "inflated", "offset", "place")

    def __init__(self, view: View, offset: int) -> None:
        self._view, self._unpacker = view, zlib.decompressobj(16 + zlib.MAX_WBITS)
        self.offset = self.place = offset  # where it begins, and what is read next
        self.inflated = 0
        self.error: str | None = None
        self.detail = ""

    def __copy__(self) -> _Member:
        twin = _Member(self._view, self.offset)
        twin._unpacker, twin.place, twin.inflated = self._unpacker.copy(), self.place, self.inflated
        twin.error, twin.detail = self.error, self.detail
        return twin

    def window(self) -> bytes:
        """The next bytes of content, WINDOW_BYTES but at the end; what an error leaves of a window is not given out."""
        data = self._step(WINDOW_BYTES)
        if self.error is None and len(data) < WINDOW_BYTES:  # a member of more than one feed
            steps, size = [data], len(data)
            while self.error is None and size < WINDOW_BYTES:
                steps.append(self._step(WINDOW_BYTES - size))
                size += len(steps[-1])
            data = b"".join(steps)
        self.inflated += len(data)
        return data if not self.error or self.error == "truncated" else b""

    def _step(self, max_bytes: int) -> bytes:
        unpacker, packed = self._unpacker, self._view.at(self.place, _FEED_BYTES)
        self.place += len(packed)
        try:
            data = unpacker.decompress(packed, max_bytes)
        except zlib.error as error:
            message = str(error)
            self.error = "bad_crc" if message.endswith(("data check", "length check")) else "bad_gzip"
            self.detail = message.rpartition(": ")[2]
            return b""
        if unpacker.eof:
            self.place -= len(unpacker.unused_data)
            self.error = ""
        elif packed:
            self.place -= len(unpacker.unconsumed_tail)
        elif not data:
            self.error, self.detail = "truncated", "the file ends inside a gzip member"
        return data

    def is_believable(self, first_window: bytes) -> bool:
        """Whether this is a member, and not just bytes that look like the beginning of one.

        Other bytes hardly ever inflate to a window, or to an end with the right checksum.
        """
        return (
            self.error == ""
            or len(first_window) == WINDOW_BYTES
            or (self.error == "truncated" and first_window.startswith(b"WARC/1."))
        )


class _Members(Pieces):
    def __init__(self, view: View) -> None:
        self._view, self._offset = view, 0
        self._member: _Member | None = None  # inflated in part
        self._found: tuple[_Member, bytes] | None = None  # after damage: the next member and its first window
        self._damage: Damage | None = None  # to be given out next
        self._work = 0

    def fork(self) -> Pieces:
        twin = copy.copy(self)
        twin._member = copy.copy(self._member)
        twin._found = self._found and (copy.copy(self._found[0]), self._found[1])
        return twin

    def skip_head(self) -> bool:
        """For a file that does not begin as a gzip file does: whether it goes on as one that holds records."""
        if not self._search(1, _HEAD_BYTES, with_records=True):
            return False
        self._damage = Damage(0, "bad_gzip", "no gzip member begins here")
        return True

    def __next__(self) -> Piece | Damage:
        while True:
            if self._damage:
                damage, self._damage = self._damage, None
                return damage
            begins = True
            if self._found:
                (member, data), self._found = self._found, None
            elif self._member:
                member, begins = self._member, False
                data = member.window()
            elif self._view.at(self._offset, 1):
                member = _Member(self._view, self._offset)
                data = member.window()
            else:
                raise StopIteration
            offset = member.offset
            if member.error:
                data = self._fail(member, begins, data)
            elif member.error is None:
                self._member = member
            else:
                self._member, self._offset = None, member.place
            if data:  # an empty member, as bgzip writes one at the end, says nothing
                return Piece(offset, data, begins, member.error == "")

    def _fail(self, member: _Member, begins: bool, data: bytes) -> bytes:
        """Note the damage and find the next member; return what can be given out of this one."""
        self._member, offset = None, member.offset
        if begins and not _MAGIC.startswith(self._view.at(offset, 2)):
            after = self._after_zeros(offset)
            if after > offset and self._view.at(after, 2) in (_MAGIC, b""):
                self._offset = after
                return b""
            offset, member.error, member.detail, data = after, "garbage", "no gzip member begins here", b""
        # A corrupt member may inflate on into its neighbours: they are looked for from its own second byte on.
        found = self._search(self._after_failed(member))
        if member.error == "truncated" and found:  # so it was not the file that ended
            member.error, member.detail, data = "bad_gzip", "another member begins before its end", b""
        self._damage = Damage(offset, str(member.error), member.detail)
        return data

    def _search(self, start: int, stop: int | None = None, *, with_records: bool = False) -> bool:
        """Find the next member that begins in [start, stop); False, and nothing more to read, when there is none."""
        while (offset := self._find_start(start, stop)) is not None:
            member = _Member(self._view, offset)
            data = member.window()
            if member.is_believable(data) and (not with_records or _RECORD_START.search(data)):
                self._found = member, data
                return True
            start = self._after_failed(member)
        return False

    def _after_failed(self, member: _Member) -> int:
        self._work += member.place - member.offset + member.inflated
        may_go_back = self._work <= _FREE_WORK_BYTES + _WORK_PER_BYTE * member.place
        return member.offset + 1 if may_go_back else member.place

    def _find_start(self, start: int, stop: int | None) -> int | None:
        while stop is None or start < stop:
            chunk = self._view.at(start, _SEARCH_BYTES)
            if match := _MEMBER_START.search(chunk):
                return start + match.start()
            if len(chunk) < _MEMBER_START_BYTES:
                break
            start += len(chunk) - _MEMBER_START_BYTES + 1
        self._offset = start + _MEMBER_START_BYTES  # no more comes
        return None

    def _after_zeros(self, offset: int) -> int:
        while chunk := self._view.at(offset, _SEARCH_BYTES):
            rest = chunk.lstrip(b"\0")
            if rest:
                return offset + len(chunk) - len(rest)
            offset += len(chunk)
        return offset
