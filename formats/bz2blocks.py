"""The blocks of bz2 streams, read from any bit on: what stands behind a corrupt one need not be lost.

Each block of a stream is packed by itself, has a checksum, and begins, at any bit, with the same 48 bits; 48 others and
a checksum of all blocks end the stream. By chance such bits occur once in tens of terabytes; then the checksum tells.
Source: the bzip2 format specification (Joe Tsai, 2016), sections 2.2 and 2.3; the idea is that of bzip2recover.
"""

import bz2
import functools
import io
import itertools
import sys
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from typing import BinaryIO

READ_BYTES = 1 << 20  # asked of the file at a time
_FEED_BYTES = 1 << 14  # given to the decompressor at a time; it copies what it has left over at a stream's end
# A block is at most 900 kB before its run lengths are undone: with this limit real text is given out only after its
# checksum was found right, and a bomb comes in pieces.
_PIECE_BYTES = 1 << 22

_BLOCK, _END = 0x314159265359, 0x177245385090
_MAGIC = (1 << 48) - 1
# Each magic at each place in a byte: the five bytes that it fills whole, the place, the magic.
_INNER = [((magic >> bit & (1 << 40) - 1).to_bytes(5), bit, magic) for magic in (_BLOCK, _END) for bit in range(8)]


class View:
    """Random access to a file in large reads; small ones near each other cost one."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._offset, self._chunk = file, 0, b""

    def at(self, offset: int, size: int) -> bytes:
        """The `size` bytes (at most READ_BYTES) from `offset` on; fewer at the end of the file."""
        begin = offset - self._offset
        if not 0 <= begin <= len(self._chunk) - size:
            self._file.seek(offset)
            self._offset, self._chunk, begin = offset, self._file.read(READ_BYTES), 0
        return self._chunk[begin : begin + size]


def find_magic(view: View, start: int, stop: int = sys.maxsize) -> int | None:
    """The first bit of the file in [start, stop) at which a block, or the end of a stream, seems to begin.

    >>> view = View(io.BytesIO(bz2.compress(b"text")))
    >>> find_magic(view, 0), find_magic(view, 33), find_magic(view, 33, 239)
    (32, 239, None)
    """
    offset, size = start // 8, 64
    while 8 * offset < stop:
        data = view.at(offset, size + 6)
        bits = [bit for inner in _INNER if (bit := _first(data, *inner, start - 8 * offset)) is not None]
        if bits:
            return found if (found := 8 * offset + min(bits)) < stop else None
        if len(data) < size + 6:
            return None
        offset, size = offset + size, min(2 * size, READ_BYTES - 6)
    return None


def _first(data: bytes, inner: bytes, bit: int, magic: int, start: int) -> int | None:
    """The first bit of the data, from `start` on, at which this magic begins that fills these five bytes whole."""
    at = data.find(inner, 1) - 1
    while at >= 0:
        if 8 * at + bit >= start and int.from_bytes(data[at : at + 7].ljust(7)) >> (8 - bit) & _MAGIC == magic:
            return 8 * at + bit
        at = data.find(inner, at + 2) - 1
    return None


def follows_a_stream(view: View, offset: int) -> bool:
    """Whether a stream's end stands right before: 48 fixed bits, a checksum of 32, and up to 7 bits to fill a byte.

    >>> stream = bz2.compress(b"text")
    >>> follows_a_stream(View(io.BytesIO(stream)), len(stream))
    True
    """
    bits = int.from_bytes(view.at(max(0, offset - 11), min(offset, 11)))
    return any(bits >> (32 + fill) & _MAGIC == _END for fill in range(8))


class Stop(Enum):
    """Why no more blocks come."""

    END = "the stream ends here"
    CHECKSUM = "the stream ends here, but its checksum is not that of the blocks read, as when the first were left out"
    CORRUPT = "a block, or what should be one, is corrupt"
    TRUNCATED = "the file ends here"


class Blocks:
    """The blocks from a bit on, up to the end of their stream or the first that is corrupt: iterate for what they hold.

    Then `stop` says why they end, and `place`, in bits, where: where the stream or the file ends, and for a corrupt
    block a place behind all good ones and not behind the next. With `doubtful`, where a block may begin or not, it must
    end before the second magic from there on, so that many false ones cost no more than the bytes they stand in.

    >>> data = bz2.compress(b"text")
    >>> blocks = Blocks(View(io.BytesIO(b"?" + data[4:])), 8)
    >>> b"".join(blocks), blocks.stop.name, blocks.place == 8 * len(data) - 24
    (b'text', 'END', True)
    """

    def __init__(self, view: View, start: int, *, doubtful: bool = False) -> None:
        self._view, self._start, self._doubtful = view, start, doubtful
        self.stop, self.place = Stop.CORRUPT, start + 1

    def __iter__(self) -> Iterator[bytes]:
        run = _Run(self._view, self._start)
        if self._doubtful and (end := find_magic(self._view, self._start + 1)) is not None:
            run.stop = (find_magic(self._view, end + 1) or 8 * sys.maxsize) // 8 + 1
        try:
            for content in run:
                run.stop = sys.maxsize
                yield content
            self.stop, self.place = Stop.END, 8 * run.end
        except _CorruptError:
            yield from self._read_again(run)
        except EOFError:
            yield from self._read_again(run)
            # A corrupt block may seem to go on over all that follows.
            if find_magic(self._view, self.place + 8) is None:
                self.stop, self.place = Stop.TRUNCATED, 8 * run.end

    def _read_again(self, failed: "_Run") -> Iterator[bytes]:
        """The call that failed took with it the good blocks that it had read before: again, by the byte from there on.

        Not from the start on, but from the last block that began before what came out last came out.
        """
        run = _Run(self._view, _last_magic(self._view, *failed.gave) or self._start, by_byte_from=failed.fed)
        run.stop, given, end = failed.end, failed.given, run.start
        self.place = run.start + 1
        with suppress(_CorruptError):
            for content in run:
                end = self.place = 8 * run.end - 7
                if run.end > failed.fed:
                    fresh = content[given:]
                    given -= len(content) - len(fresh)
                    if fresh:
                        yield fresh
        if follows_a_stream(self._view, run.end) and (find_magic(self._view, end, end + 8) or 0) > 8 * run.end - 88:
            self.stop, self.place = Stop.CHECKSUM, 8 * run.end


def _last_magic(view: View, start: int, stop: int) -> int | None:
    last = None
    while (found := find_magic(view, start, stop)) is not None:
        last, start = found, found + 1
    return last


class _CorruptError(Exception):
    """The decompressor refused its input, or gave nothing for too long."""


class _Run:
    """What blocks hold from a bit on, as long as all is well. The file is fed to the decompressor as it is, by bytes.

    `fed` and `end` are the range fed last, `given` is what came out of that, and `gave` in which bits of the file the
    last block ended of those that came out before.
    """

    def __init__(self, view: View, start: int, by_byte_from: int = sys.maxsize) -> None:
        self._view, self.start, self._by_byte_from = view, start, by_byte_from
        self.fed = self.end = start // 8 + 1
        self.given, self.gave, self.stop = 0, (0, 0), sys.maxsize

    def __iter__(self) -> Iterator[bytes]:
        decompressor = bz2.BZ2Decompressor()
        decompressor.decompress(_lead_in(self.start % 8, self._view.at(self.start // 8, 1)[0]))
        while not decompressor.eof:
            for content in _drain(decompressor, self._feed()):
                self.given += len(content)
                yield content
        self.end -= len(decompressor.unused_data)

    def _feed(self) -> bytes:
        if self.end >= self.stop:
            raise _CorruptError
        size = 1 if self.end >= self._by_byte_from else min(_FEED_BYTES, self._by_byte_from - self.end)
        data = self._view.at(self.end, min(size, self.stop - self.end))
        if not data:
            raise EOFError
        if self.given:
            self.gave = (8 * self.fed + 1, 8 * self.end + 1)
        self.fed, self.end, self.given = self.end, self.end + len(data), 0
        return data


def _drain(decompressor: bz2.BZ2Decompressor, data: bytes) -> Iterator[bytes]:
    """All that comes out for this input. What has come out when the input is used up may not be all of a block yet."""
    parts: list[bytes] = []
    while not decompressor.eof:
        try:
            content = decompressor.decompress(data, _PIECE_BYTES)
        except OSError as error:
            raise _CorruptError from error
        if not content:
            break
        parts.append(content)
        data = b""
        if sum(map(len, parts)) >= _PIECE_BYTES:
            yield b"".join(parts)
            parts = []
    if parts:
        yield b"".join(parts)


def _lead_in(bit: int, byte: int) -> bytes:
    """What brings a decompressor to a block that begins at this bit of this byte: a stream that begins with another."""
    lead = _lead_ins()[bit]
    return lead[:-1] + bytes([lead[-1] | byte & 0xFF >> bit])


@functools.cache
def _lead_ins() -> dict[int, bytes]:
    """For each place in a byte the beginning of a stream that ends there: no block, or one; the last byte is begun."""
    lead_ins = {0: b"BZh9\0"}  # as large as blocks can be: any fits
    for size in itertools.count(1):
        stream = b"BZh9" + bz2.compress(bytes(range(size)), 1)[4:]
        offset, bit = divmod(find_magic(View(io.BytesIO(stream)), 33) or 0, 8)
        lead_ins.setdefault(bit, stream[:offset] + bytes([stream[offset] >> (8 - bit) << (8 - bit)]))
        if len(lead_ins) == 8:
            break
    return lead_ins
