"""One file, from its first byte to its name: resumed where it stopped, looked at, checked, then renamed.

What has come lies aside, in `<source>/.partial/`, with a small file that says of which version it is. It is gone on
with only where the server proves that the version is the same (`If-Range`, `Content-Range`); otherwise it begins anew.
At the end all bytes are read back and compared with the size and the digest that the publisher gives; where it gives no
digest, a packed file is unpacked to its end instead, for gzip and bzip2 have sums of their own.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import itertools
import json
import os
import re
import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from ..errors import SourceError
from ..storage import MIB, read_json, write_json
from .client import Again, Client, Reply, Stop, shown
from .listing import Wanted

PARTIAL: Final = ".partial"
NOTE: Final = "fetched.jsonl"
RESERVE: Final = 256 * MIB  # of a disk that is left free
_ENOUGH: Final = 8 * MIB  # new bytes after which the tries of a file count anew
_FIRST_BYTES: Final = {
    ".gz": b"\x1f\x8b",
    ".bz2": b"BZh",
    ".7z": b"7z\xbc\xaf\x27\x1c",
    ".zip": b"PK",
    ".bin": (793_712_314).to_bytes(4, "little"),  # fastText's
}
_OPENERS: Final[Mapping[str, Callable[[Path], Any]]] = {".gz": gzip.open, ".bz2": bz2.open}
_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,99}<(?:!doctype|html|head|body|\?xml)", re.IGNORECASE)
_TITLE = re.compile(rb"<title[^>]{0,99}>([^<]{0,200})", re.IGNORECASE)
_HEAD_BYTES: Final = 1024  # in which a page shows itself
_MISMATCHES: Final = 2  # files whose digest is wrong, one behind the other, before it is an error


class DiskFull(Stop):
    """No room for a file."""


class Watcher(Protocol):
    """Who is told of bytes: a file has `at` bytes of `total`, None while that is not known; then that it is over."""

    def at(self, path: str, at: int, total: int | None) -> None: ...

    def over(self, path: str) -> None: ...


@dataclass(frozen=True)
class Version:
    """Which version of a file the bytes aside are of."""

    url: str
    total: int | None
    etag: str  # a strong one, or empty
    modified: str
    digest: str

    @property
    def validator(self) -> str:
        """What `If-Range` takes."""
        return self.etag or self.modified

    def same(self, other: Version) -> bool:
        """Whether nothing that both say differs."""
        pairs = ((self.total, other.total), (self.digest, other.digest), (self.validator, other.validator))
        return all(mine == theirs or not mine or not theirs for mine, theirs in pairs)


@dataclass(frozen=True)
class Fetched:
    """What came, as `fetched.jsonl` has it, a line a file: where from, how much, what it is."""

    path: str
    url: str
    bytes: int
    sha256: str
    published: str  # the digest that the publisher gives, or empty: nobody else vouches for these bytes
    etag: str
    modified: str
    served: str  # the server's date


class Download:
    """A file on its way to `folder`/`wanted.path`."""

    def __init__(self, client: Client, wanted: Wanted, folder: Path, watcher: Watcher):
        self.client, self.wanted, self.watcher = client, wanted, watcher
        self.final = folder / wanted.path
        source, _, rest = wanted.path.partition("/")
        self.part = folder / source / PARTIAL / f"{rest}.part"
        self.about = self.part.with_name(f"{self.part.name}.json")
        self.note = folder / source / NOTE
        self.mismatches = 0
        self.broken = ""  # SHA-256 of what came last and does not unpack
        self.served = ""

    def fetch(self) -> Fetched:
        """Get it.

        Raises:
            SourceError: it cannot be had; what came is kept aside for the next time. `Missing`: there is none.
        """
        self.part.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self.client.again(self.wanted.path, self._once, self._size, _ENOUGH)
        finally:
            self.watcher.over(self.wanted.path)

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _version(self) -> Version | None:
        """Of which version the bytes aside are; None where they are of no use."""
        known = read_json(str(self.about))
        try:
            version = Version(**known) if isinstance(known, dict) else None
        except TypeError:
            version = None
        listed = Version(self.wanted.url, self.wanted.size, "", "", self.wanted.digest)
        usable = version is not None and version.url == self.wanted.url and version.same(listed)
        return version if usable and self._size() <= (version.total if version and version.total else 1 << 62) else None

    def _once(self) -> Fetched:
        version, start = self._version(), self._size()
        if version is None or not (version.validator or version.digest):
            version, start = None, 0
        if version is None or start == 0 or start != version.total:
            version = self._transfer(version, start)
        return self._finish(version)

    def _transfer(self, before: Version | None, start: int) -> Version:
        """Ask for what is missing and write it down; returns when nothing is missing."""
        headers = {}
        if before is not None and start:
            headers["Range"] = f"bytes={start}-"
            if before.validator:
                headers["If-Range"] = before.validator
        with self.client.ask("GET", self.wanted.url, headers) as reply:
            if reply.status == 416:
                self._forget()
                raise Again(f"the server has no bytes from {start:,} on; begun anew")
            if reply.status == 206:
                start, total = self._range(reply, start)
            else:
                start, total = 0, reply.size
            now = self._said(reply, total)
            if reply.status == 206 and before is not None and not before.same(now):
                self._forget()
                raise Again("changed since it was begun; begun anew")
            self._check_room((now.total or 0) - start)
            self._write(reply, start, now)
        if now.total is None:
            now = Version(**{**asdict(now), "total": self._size()})
        elif self._size() != now.total:
            raise Again(f"broke off at {self._size():,} of {now.total:,} bytes")
        return now

    def _range(self, reply: Reply, start: int) -> tuple[int, int | None]:
        """Where a partial answer begins, and the bytes of the whole. Raises Again where it is another part."""
        match = re.fullmatch(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", reply.headers.get("Content-Range", ""))
        if not match or int(match[1]) != start:
            self._forget()
            raise Again(f"sent other bytes than those from {start:,} on; begun anew")
        return start, None if match[3] == "*" else int(match[3])

    def _said(self, reply: Reply, total: int | None) -> Version:
        """The version that a server sends.

        Raises:
            Again: its size is not that of the publisher's list, and what it sends is a page of the web.
            SourceError: it is not, and this may be the file.
        """
        etag = reply.headers.get("ETag", "")
        linked = reply.said.get("x-linked-etag", "").strip('"')
        digest = self.wanted.digest or (f"sha256:{linked}" if re.fullmatch("[0-9a-f]{64}", linked) else "")
        expected = self.wanted.size
        if total is not None and expected is not None and total != expected:
            if reply.status == 200:
                refuse_pages(self.wanted.path, _at_least(reply.chunks(), _HEAD_BYTES))
            raise SourceError(
                f"{self.wanted.path}: the publisher's list has {expected:,} bytes, its server sends {total:,}. Look at "
                f"{self.wanted.url}."
            )
        total = expected if total is None else total
        if total is None and "chunked" not in reply.headers.get("Transfer-Encoding", "") and not digest:
            raise SourceError(
                f"{self.wanted.path}: the server does not say how long it is, so nobody knows when all came."
            )
        self.served = reply.headers.get("Date", "")
        strong = etag if etag.startswith('"') else ""
        return Version(self.wanted.url, total, strong, reply.headers.get("Last-Modified", ""), digest)

    def _write(self, reply: Reply, start: int, now: Version) -> None:
        """Add what comes to the bytes aside. What begins wrong is refused before it takes the place of any byte."""
        chunks, at = reply.chunks(), start
        self.watcher.at(self.wanted.path, at, now.total)
        if start == 0:
            head = _at_least(chunks, _HEAD_BYTES)
            refuse_pages(self.wanted.path, head)
            chunks = itertools.chain([head], chunks)
            self.part.unlink(missing_ok=True)  # first: bytes of one version never lie beside the note of another
            write_json(str(self.about), asdict(now))
        with self.part.open("ab" if start else "wb") as file:
            for chunk in chunks:
                at += len(chunk)
                if now.total is not None and at > now.total:
                    file.truncate(0)
                    raise Again(f"sent more than its {now.total:,} bytes; begun anew")
                try:
                    file.write(chunk)
                except OSError as error:
                    text = f"{self.part}: {error.strerror}. The same command goes on where it stopped."
                    raise DiskFull(text) from error
                self.watcher.at(self.wanted.path, at, now.total)

    def _check_room(self, more: int) -> None:
        free = shutil.disk_usage(self.part.parent).free
        if more > free - RESERVE:
            raise DiskFull(
                f"{self.wanted.path}: needs {more:,} bytes more and {RESERVE:,} to spare, {free:,} are free. Make "
                "room; the same command goes on where it stopped."
            )

    def _finish(self, version: Version) -> Fetched:
        """Read back what is on the disk, compare it, note it, and give the file its name."""
        kind, _, expected = version.digest.partition(":")
        sums = {name: hashlib.new(name, usedforsecurity=False) for name in {"sha256", kind or "sha256"}}
        with self.part.open("rb") as file:
            refuse_pages(self.wanted.path, file.read(_HEAD_BYTES))
            file.seek(0)
            while block := file.read(MIB):
                for one in sums.values():
                    one.update(block)
            os.fsync(file.fileno())
        if expected and sums[kind].hexdigest() != expected:
            self._forget()
            self.mismatches += 1
            text = f"{kind} is {sums[kind].hexdigest()}, the publisher gives {expected}"
            if self.mismatches >= _MISMATCHES:
                raise SourceError(f"{self.wanted.path}: {text}, {_MISMATCHES} times. Look at {self.wanted.url}.")
            raise Again(f"{text}; begun anew")
        if not expected:
            self._unpack(sums["sha256"].hexdigest())
        fetched = Fetched(
            *(self.wanted.path, self.wanted.url, self.part.stat().st_size, sums["sha256"].hexdigest()),
            *(version.digest, version.etag, version.modified, self.served),
        )
        append_note(self.note, asdict(fetched))  # first: a file never stands there without its line
        self.final.parent.mkdir(parents=True, exist_ok=True)
        self.part.replace(self.final)
        self.about.unlink(missing_ok=True)
        return fetched

    def _unpack(self, sha256: str) -> None:
        """Unpack a file that no digest vouches for. The same broken bytes twice are the publisher's own: a run counts
        what is damaged in them. Raises Again where they may be the way's or the disk's."""
        opener = _OPENERS.get(self.final.suffix)
        if opener is None:
            return
        try:
            with opener(self.part) as file:
                while file.read(MIB):
                    pass
        except (OSError, EOFError, zlib.error) as error:
            if isinstance(error, OSError) and error.errno:
                raise  # the disk's
            text = f"does not unpack to its end ({shown(str(error), 80)})"
            if self.broken != sha256:
                self.broken = sha256
                self._forget()
                raise Again(f"{text}; begun anew") from error
            self.client.tell(f"{self.wanted.path}: {text}, the same bytes twice, so its publisher has it so; kept")

    def _forget(self) -> None:
        self.part.unlink(missing_ok=True)
        self.about.unlink(missing_ok=True)


def _at_least(chunks: Iterator[bytes], size: int) -> bytes:
    """The first chunks together, so many that they hold `size` bytes, or all."""
    data = b""
    for chunk in chunks:
        data += chunk
        if len(data) >= size:
            break
    return data


def refuse_pages(path: str, head: bytes) -> None:
    """Look whether a file begins as its name promises.

    Raises:
        Again: it is a page of the web, which most often says what is wrong at the moment, or nothing.
        SourceError: it is something else.
    """
    expected = next((magic for ending, magic in _FIRST_BYTES.items() if path.endswith(ending)), b"")
    is_page = _PAGE.match(head) is not None
    if is_page or not head.startswith(expected):
        title = _TITLE.search(head)
        text = (title[1] if title else head[:60]).decode(errors="replace")
        if is_page or not head:
            raise Again(f'sent {"a web page" if is_page else "nothing"} in place of the file: "{shown(text, 80)}"')
        raise SourceError(f'{path}: begins with "{shown(text, 40)}", which is not how such a file begins.')
    if path.endswith(".gz") and _is_packed_twice(head):
        raise SourceError(f"{path}: packed by gzip twice, the second time by its server or a proxy.")


def _is_packed_twice(head: bytes) -> bool:
    """Whether a gzip file begins with another one, by its first bytes.

    >>> _is_packed_twice(gzip.compress(gzip.compress(b"a"))), _is_packed_twice(gzip.compress(b"a"))
    (True, False)
    """
    try:
        return zlib.decompressobj(31).decompress(head, 2).startswith(_FIRST_BYTES[".gz"])
    except zlib.error:
        return False


def append_note(note: Path, line: Mapping[str, Any]) -> None:
    """One more line of `fetched.jsonl`, written at once; lines that a killed process left half are ended first."""
    data = (json.dumps(line, sort_keys=True) + "\n").encode()
    with note.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            data = data if file.read(1) == b"\n" else b"\n" + data
        file.write(data)
