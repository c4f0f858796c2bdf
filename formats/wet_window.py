"""A part of a file's content at a time, and where each byte of it comes from."""

from __future__ import annotations

import copy
from collections import deque

from ..records import Damage
from .gzipstream import Piece, Pieces


class Window:
    """The content from a place on that moves forward, as far as it is read; it ends where damage interrupts it."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self.data = bytearray()  # indices below count from its first byte
        self.ended = False  # nothing more comes, because of `cut`, or because the file ends
        self.cut: Damage | None = None
        self.is_packed = False
        self.is_sealed = False  # it ends where a member ends
        self.members_begin_records = True  # each one so far
        self._peeked: Piece | Damage | None = None
        self._position = 0  # of the first byte in the whole content
        self._origins: deque[tuple[int, int]] = deque()  # of the pieces: position, offset in the file
        self._members: deque[int] = deque()  # the positions at which members begin, in order,
        self._begins: set[int] = set()  # and to look up

    def fork(self) -> Window:
        """Another window from the same place on, that moves by itself."""
        twin = copy.copy(self)
        twin._pieces, twin.data = self._pieces.fork(), self.data.copy()
        twin._origins, twin._members, twin._begins = self._origins.copy(), self._members.copy(), self._begins.copy()
        return twin

    def peek(self) -> Piece | Damage | None:
        """What comes after the window, without taking it in; None where the content ends."""
        if self._peeked is None and not self.ended:
            self._peeked = next(self._pieces, None)
        return self._peeked

    def pop(self) -> None:
        """Leave out what `peek` saw."""
        self._peeked = None

    def pull(self) -> bool:
        """Take in the next piece; False when the content ends."""
        if self.ended:
            return False
        piece = self.peek()
        self._peeked = None
        if not isinstance(piece, Piece):
            self.ended, self.cut = True, piece
            return False
        end = self._position + len(self.data)
        self._origins.append((end, piece.offset))
        if piece.begins:
            self._members.append(end)
            self._begins.add(end)
            self.members_begin_records &= piece.data.startswith(b"WARC/1.")
        self.is_packed, self.is_sealed = piece.packed, piece.ends
        self.data += piece.data
        return True

    def fill(self, size: int) -> bool:
        """Whether so many bytes are there, or could be read."""
        while len(self.data) < size and self.pull():
            pass
        return len(self.data) >= size

    def drop(self, size: int) -> None:
        """Move forward."""
        del self.data[:size]
        self._position += size
        while self._members and self._members[0] < self._position:
            self._begins.remove(self._members.popleft())
        self._forget_origins()

    def resume(self) -> None:
        """Go on behind the damage."""
        self.drop(len(self.data))
        self.ended, self.cut = False, None

    def offset(self) -> int:
        """Where in the file the first byte comes from: the byte itself, or the beginning of its member."""
        self._forget_origins()
        position, offset = self._origins[0]
        return offset if self.is_packed else offset + self._position - position

    def _forget_origins(self) -> None:
        while len(self._origins) > 1 and self._origins[1][0] <= self._position:
            self._origins.popleft()

    def begins_member(self, index: int) -> bool:
        """Whether a member begins at this byte."""
        return self._position + index in self._begins

    def next_member(self) -> int | None:
        """The first byte after byte 0 at which a member begins; None if there is none in the window."""
        return next((at - self._position for at in self._members if at > self._position), None)
