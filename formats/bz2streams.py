"""The streams of a bz2 file, from any byte of it on: a damaged one costs itself, never its neighbours.

A multistream file is whole bz2 streams end to end (Wikimedia's multistream dumps, pbzip2, `cat a.bz2 b.bz2`). A stream
begins with ten bytes that hardly ever occur by chance; where they do, inside a stream, what follows decodes to nothing.
Source: the bzip2 format specification (Joe Tsai, 2016), sections 2.1 and 2.2.
"""

import bz2
import gzip
import re
import sys
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from typing import BinaryIO, NamedTuple

from ..records import Damage

SEEN_BY = 4 << 20  # a second stream is looked for in as many bytes
READ_BYTES = 1 << 20  # asked of the file at a time
_FEED_BYTES = 1 << 14  # given to the decompressor at a time; it copies what it has left over at a stream's end
# A block is at most 900 kB before its run lengths are undone: with this limit real text leaves the decompressor only
# after its checksum was found right, and a bomb comes in pieces.
_PIECE_BYTES = 1 << 22
_STREAM_START = re.compile(rb"BZh[1-9](?:\x31\x41\x59\x26\x53\x59|\x17\x72\x45\x38\x50\x90)")  # first block, or none
_MAGIC_BYTES = 10
_STREAM_END = 0x177245385090


class Piece(NamedTuple):
    """Bytes that come out of the stream at `stream`, or the damage that stands between them and what comes next."""

    stream: int
    content: bytes | Damage
    packed: bool = True  # else byte i of the content is byte `stream + i` of the file


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


def find_stream(view: View, start: int, stop: int) -> int | None:
    """Where the first stream that begins in [start, stop) seems to begin.

    >>> import io
    >>> file = io.BytesIO(b"junk" + bz2.compress(b"text"))
    >>> find_stream(View(file), 0, 100), find_stream(View(file), 5, 100)
    (4, None)
    """
    while start < stop:
        chunk = view.at(start, min(READ_BYTES, stop - start + _MAGIC_BYTES - 1))
        if match := _STREAM_START.search(chunk):
            return start + match.start()
        if len(chunk) < _MAGIC_BYTES:
            return None
        start += len(chunk) - _MAGIC_BYTES + 1
    return None


def read_pieces(file: BinaryIO, start: int, stop: int) -> Iterator[Piece]:
    """The content of a file, packed by bz2, gzip or not at all, as its first bytes tell, whatever its name.

    From streams that begin in [start, stop), and on as `read_streams` does. A gzip file is one stream; a file that is
    not packed is taken as streams of one byte.

    >>> import io
    >>> next(read_pieces(io.BytesIO(b"<mediawiki>"), 1, 100))
    Piece(stream=1, content=b'mediawiki>', packed=False)
    """
    view = View(file)
    head = view.at(0, 64)
    if head.startswith(b"BZh") or (not _looks_plain(head) and find_stream(view, 0, SEEN_BY) is not None):
        yield from read_streams(view, start, stop)
    elif head.startswith(b"\x1f\x8b"):
        yield from _read_gzip(file) if start == 0 else ()
    elif head:
        while data := view.at(start, READ_BYTES):
            yield Piece(start, data, packed=False)
            start += len(data)
    elif start == 0:
        yield Piece(0, Damage(0, "empty_file", "no bytes"))


def _looks_plain(head: bytes) -> bool:
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def _read_gzip(file: BinaryIO) -> Iterator[Piece]:
    file.seek(0)
    with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
        try:
            while data := unpacked.read1(READ_BYTES):
                yield Piece(0, data)
        except EOFError:
            yield Piece(0, Damage(0, "truncated", "the file ends inside its gzip stream"))
        except (gzip.BadGzipFile, zlib.error) as error:
            yield Piece(0, Damage(0, "bad_gzip", str(error)))


def read_streams(view: View, start: int, stop: int) -> Iterator[Piece]:
    """The streams that begin in [start, stop), then those that follow without a break, for whoever needs an ending.

    `Damage` words: `truncated`, and `bad_bz2` for a corrupt block and for bytes after a stream that begin no other.

    >>> import io
    >>> one, two = bz2.compress(b"one"), bz2.compress(b"two")
    >>> [piece.content for piece in read_streams(View(io.BytesIO(one + two)), 1, 10**6)]
    [b'two']
    >>> file = io.BytesIO(one + b"?" + two[:-1])
    >>> [piece.content for piece in read_streams(View(file), 0, 10**6)]  # doctest: +ELLIPSIS
    [b'one', Damage(offset=38, error='bad_bz2', ...), b'two', Damage(offset=39, error='truncated', ...)]
    """
    offset = find_stream(view, start, stop)
    if start == 0 and offset != 0:
        yield Piece(0, _no_stream(view, 0))
    while offset is not None:
        end = yield from _read_stream(view, offset)
        if end is None:
            offset = find_stream(view, offset + 1, stop)
        elif _STREAM_START.match(rest := view.at(end, _MAGIC_BYTES)):
            offset = end
        elif rest:
            yield Piece(offset, _no_stream(view, end))
            offset = find_stream(view, end + 1, stop)
        else:
            return


def _no_stream(view: View, offset: int) -> Damage:
    rest = view.at(offset, _MAGIC_BYTES)
    if len(rest) < _MAGIC_BYTES and rest[:3] == b"BZh"[: len(rest)]:
        return Damage(offset, "truncated", "the file ends in the header of a bz2 stream")
    return Damage(offset, "bad_bz2", "no bz2 stream begins here")


def _read_stream(view: View, offset: int) -> Generator[Piece, None, int | None]:
    """Yield what the stream holds, then its damage, if any; return where it ends, None when nobody knows."""
    stream, given = _Stream(view, offset), 0
    try:
        for content in stream:
            given += len(content)
            yield Piece(offset, content)
        return stream.end
    except EOFError:
        damage = Damage(offset, "truncated", "the file ends inside this bz2 stream")
    except _CorruptError:
        # The call that failed took with it the good blocks that it had read before: again, by the byte from there on.
        for content in _after(given, _Stream(view, offset, by_byte_from=stream.fed)):
            given += len(content)
            yield Piece(offset, content)
        damage = Damage(offset, "bad_bz2", "a corrupt block; the rest of this bz2 stream is lost")
    if given or offset == 0 or _follows_a_stream(view, offset):  # else ten bytes of something else that look like one
        yield Piece(offset, damage)
    return None


class _CorruptError(Exception):
    """The decompressor refused its input."""


class _Stream:
    """One bz2 stream: iterate for what it holds. `end` is where it ends, `fed` where the last bytes fed began."""

    def __init__(self, view: View, offset: int, by_byte_from: int = sys.maxsize) -> None:
        self._view, self._by_byte_from = view, by_byte_from
        self.end = self.fed = offset

    def __iter__(self) -> Iterator[bytes]:
        decompressor = bz2.BZ2Decompressor()
        while not decompressor.eof:
            data = b""
            if decompressor.needs_input:
                data = self._view.at(self.end, 1 if self.end >= self._by_byte_from else _FEED_BYTES)
                if not data:
                    raise EOFError
                self.fed, self.end = self.end, self.end + len(data)
            try:
                content = decompressor.decompress(data, _PIECE_BYTES)
            except OSError as error:
                raise _CorruptError from error
            if content:
                yield content
        self.end -= len(decompressor.unused_data)


def _after(skip: int, contents: Iterable[bytes]) -> Iterator[bytes]:
    """What comes after the first `skip` bytes and before the contents end or turn out corrupt."""
    with suppress(_CorruptError):
        for content in contents:
            if skip < len(content):
                yield content[skip:]
            skip = max(0, skip - len(content))


def _follows_a_stream(view: View, offset: int) -> bool:
    """Whether a stream's end stands right before: 48 fixed bits, a checksum of 32, and up to 7 bits to fill a byte."""
    bits = int.from_bytes(view.at(max(0, offset - 11), min(offset, 11)))
    return any(bits >> (32 + fill) & (1 << 48) - 1 == _STREAM_END for fill in range(8))
