"""The streams of a bz2 file, from any byte of it on: damage costs the blocks that it is in, never their neighbours.

A multistream file is whole bz2 streams end to end (Wikimedia's multistream dumps, pbzip2, `cat a.bz2 b.bz2`). A stream
begins with ten bytes that hardly ever occur by chance; where they do, inside a stream, what follows decodes to nothing.
After damage the stream goes on with the next block that is whole, up to the next stream.
Source: the bzip2 format specification (Joe Tsai, 2016), sections 2.1 and 2.2.
"""

import gzip
import re
import zlib
from collections.abc import Generator, Iterator
from typing import BinaryIO, NamedTuple

from ..records import Damage
from .bz2blocks import READ_BYTES, Blocks, Stop, View, find_magic, follows_a_stream

SEEN_BY = 4 << 20  # a second stream is looked for in as many bytes
_STREAM_START = re.compile(rb"BZh[1-9](?:\x31\x41\x59\x26\x53\x59|\x17\x72\x45\x38\x50\x90)")  # first block, or none
_MAGIC_BYTES = 10


class Piece(NamedTuple):
    """Bytes that come out of the stream at `stream`, or the damage that stands between them and what comes next."""

    stream: int
    content: bytes | Damage
    packed: bool = True  # else byte i of the content is byte `stream + i` of the file


def find_stream(view: View, start: int, stop: int) -> int | None:
    """Where the first stream that begins in [start, stop) seems to begin.

    >>> import bz2, io
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
    if head.startswith(b"BZh") or (not _looks_plain(head) and find_magic(view, 0, 8 * SEEN_BY) is not None):
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
    # A bz2 file whose first byte was changed into one that XML begins with still has the magic of its first block.
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and head[4:10] != b"1AY&SY"


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

    A block belongs to the last stream that begins before it. What a stream lost its beginning to, as the file may have,
    belongs to the one before.
    `Damage` words: `truncated`, and `bad_bz2` for corrupt blocks and for bytes after a stream that begin no other.

    >>> import bz2, io
    >>> one, two = bz2.compress(b"one"), bz2.compress(b"two")
    >>> [piece.content for piece in read_streams(View(io.BytesIO(one + two)), 1, 10**6)]
    [b'two']
    >>> file = io.BytesIO(one + b"?" + two[:-1])
    >>> [piece.content for piece in read_streams(View(file), 0, 10**6)]  # doctest: +ELLIPSIS
    [b'one', Damage(offset=38, error='bad_bz2', ...), b'two', Damage(offset=39, error='truncated', ...)]
    """
    offset = find_stream(view, start, stop) if start else 0
    while offset and not _is_stream(view, offset):
        offset = find_stream(view, offset + 1, stop)
    while offset is not None:
        offset = yield from _read_stream(view, offset)


def _read_stream(view: View, offset: int) -> Generator[Piece, None, int | None]:
    """Yield what the stream holds, its damage in place of what is lost; return where the next begins, None if none."""
    whole = _begins_stream(view, offset)  # else these are the file's first bytes
    if not whole:
        yield Piece(offset, _no_stream(view, offset))
    found = Blocks(view, 8 * (offset + 4)) if whole else _after_hole(view, 8 * offset)
    while isinstance(found, Blocks):
        for content in found:
            yield Piece(offset, content)
        if found.stop is Stop.TRUNCATED:
            yield Piece(offset, Damage(offset, "truncated", "the file ends inside this bz2 stream"))
            return None
        if found.stop is Stop.END or (found.stop is Stop.CHECKSUM and not whole):
            end = found.place // 8
            if _begins_stream(view, end):
                return end
            if not view.at(end, 1):
                return None
            yield Piece(offset, _no_stream(view, end))
        else:
            detail = "a corrupt block" if found.stop is Stop.CORRUPT else "the checksum of all blocks is wrong"
            yield Piece(offset, Damage(offset, "bad_bz2", f"{detail}; the blocks around it are kept"))
        found, whole = _after_hole(view, found.place), False
    return found


def _after_hole(view: View, place: int) -> Blocks | int | None:
    """The next blocks from this bit of a stream on that can be read, or the next stream if it begins before them."""
    while (magic := find_magic(view, place)) is not None:
        start = magic // 8 - 4
        if magic % 8 == 0 and start >= 0 and _begins_stream(view, start):
            if _is_stream(view, start):
                return start
        elif _is_readable(Blocks(view, magic, doubtful=True)):
            return Blocks(view, magic)
        place = magic + 1
    return None


def _begins_stream(view: View, offset: int) -> bool:
    return _STREAM_START.match(view.at(offset, _MAGIC_BYTES)) is not None


def _is_stream(view: View, offset: int) -> bool:
    """Whether these are not just ten bytes of something else that look like a stream's beginning."""
    return follows_a_stream(view, offset) or _is_readable(Blocks(view, 8 * (offset + 4), doubtful=True))


def _is_readable(blocks: Blocks) -> bool:
    return next(iter(blocks), None) is not None or blocks.stop is Stop.END


def _no_stream(view: View, offset: int) -> Damage:
    rest = view.at(offset, _MAGIC_BYTES)
    if len(rest) < _MAGIC_BYTES and rest[:3] == b"BZh"[: len(rest)]:
        return Damage(offset, "truncated", "the file ends in the header of a bz2 stream")
    return Damage(offset, "bad_bz2", "no bz2 stream begins here")
