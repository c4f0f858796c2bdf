"""The file that Posts.xml lies in: a .7z archive, gzip, or plain; given out as bytes while it is read once.

An archive is one stream that can only be read from its beginning, and py7zr pushes what it unpacks. Words of `Damage`:

    empty_file, not_posts, more_posts   no bytes; no Posts.xml in the archive; several, of which none is read
    bad_archive, encrypted              the archive. What was unpacked before the damage is given out; of a .7z that is
                                        cut off nothing is, since its table of contents stands at the end
    truncated, bad_gzip, bad_crc, …     its gzip (`gzipstream.py`)

Nothing is written, whatever names an archive holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final

import py7zr
from py7zr.io import Py7zIO, WriterFactory

from ..records import Damage
from .gzipstream import read_pieces

__all__ = ["unpack_posts", "unpacked_bytes"]

POSTS: Final = "posts.xml"
_MAGIC: Final = b"7z\xbc\xaf\x27\x1c"
_GZIP: Final = b"\x1f\x8b"
_GZIP_RATIO: Final = 6  # of dumps packed by gzip
_MAX_RATIO: Final = 1000  # of any: what a header says beyond it is not believed
_FEED_BYTES: Final = 1 << 20  # at once


class _Feeder(Py7zIO, WriterFactory):
    """Hands on what py7zr unpacks; it pushes, and can be read in no other way."""

    def __init__(self, feed: Callable[[bytes], None]) -> None:
        self._feed, self._n_bytes = feed, 0

    def create(self, filename: str) -> Py7zIO:
        return self

    def write(self, s: bytes | bytearray) -> int:
        for start in range(0, len(s), _FEED_BYTES):  # py7zr gives up to 128 MB
            self._feed(bytes(s[start : start + _FEED_BYTES]))
        self._n_bytes += len(s)
        return len(s)

    def read(self, size: int | None = None) -> bytes:
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0

    def flush(self) -> None:
        """Nothing is held back."""

    def size(self) -> int:
        return self._n_bytes


def unpacked_bytes(file: BinaryIO, size: int) -> int:
    """How long Posts.xml is: exactly, or as its gzip makes likely; `size` where an archive cannot be opened."""
    head = file.read(len(_MAGIC))
    file.seek(0)
    if head.startswith(_GZIP):
        file.seek(-4, 2)
        said = int.from_bytes(file.read(4), "little")  # modulo 2^32
        file.seek(0)
        return max(size * _GZIP_RATIO, min(said, size * _MAX_RATIO))
    if head != _MAGIC:
        return size
    try:
        with py7zr.SevenZipFile(file) as archive:
            return min(max((one.uncompressed for one in _members(archive)), default=size), size * _MAX_RATIO)
    except Exception:  # py7zr raises almost anything on hostile headers; `unpack_posts` will tell
        return size


def unpack_posts(file: BinaryIO, feed: Callable[[bytes], object]) -> Iterator[Damage]:
    """Give the bytes of Posts.xml to `feed`, in their order, some 1 MB at a time; what is damaged comes out."""
    if file.read(len(_MAGIC)) == _MAGIC:
        file.seek(0)
        yield from _unpack_archive(file, feed)
        return
    file.seek(0)
    is_empty = True
    gathered, n_bytes = list[bytes](), 0
    for piece in read_pieces(file):
        is_empty = False
        if isinstance(piece, Damage):
            yield piece
            continue
        gathered.append(piece.data)
        n_bytes += len(piece.data)
        if n_bytes >= _FEED_BYTES:
            feed(b"".join(gathered))
            gathered, n_bytes = [], 0
    feed(b"".join(gathered))
    if is_empty:
        yield Damage(0, "empty_file", "no bytes")


class _FeedError(Exception):
    """What `feed` raised: not the archive's fault."""


def _unpack_archive(file: BinaryIO, feed: Callable[[bytes], object]) -> Iterator[Damage]:
    def guarded(data: bytes) -> None:
        try:
            feed(data)
        except Exception as error:
            raise _FeedError from error

    try:
        with py7zr.SevenZipFile(file) as archive:
            members = _members(archive)
            if not members:
                names = ", ".join(archive.namelist()[:5])
                yield Damage(0, "not_posts", f"no Posts.xml in the archive, but {names[:200] or 'nothing'}")
            elif len(members) > 1:
                yield Damage(0, "more_posts", f"{len(members)} of them; make an archive of each site's")
            elif archive.needs_password():
                yield Damage(0, "encrypted", f"{members[0].filename} needs a password")
            else:
                archive.extract(targets=[members[0].filename], factory=_Feeder(guarded))
    except _FeedError as error:
        assert error.__cause__, "raised from another"
        raise error.__cause__ from None
    except py7zr.PasswordRequired:
        yield Damage(0, "encrypted", "the archive needs a password")
    except Exception as error:  # py7zr raises almost anything on hostile archives
        yield Damage(file.tell(), "bad_archive", f"{type(error).__name__}: {error}"[:200])


def _members(archive: py7zr.SevenZipFile) -> list[Any]:
    return [
        one
        for one in archive.list()
        if not one.is_directory and PurePosixPath(one.filename.replace("\\", "/")).name.lower() == POSTS
    ]
