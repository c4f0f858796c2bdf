"""arXiv's sources: `arXiv_src_YYMM_NNN.tar`; each paper is a gzip file of one TeX file, or of the tar of a project.

A paper comes whole or not at all: one whose packing is broken is one `Damage`. Nothing is ever written to a disk, and
no name leads out of a project. Of a project come the files that TeX reads as text; figures are passed over. `Damage`
words, with the offset of the paper in the outer tar, besides those of `tarstream.py` for the outer tar itself:

    bad_name                        a file that is named by no arXiv id
    bad_gzip, bad_crc, truncated    its packing
    bad_tar                         the tar of its project
    too_large, too_many_members     more than a limit allows: unpacked bytes, bytes of text, members
    unsafe_path, not_a_file         no paper, or a member of its project, which is left out and the rest kept: a name
                                    that leads out of the project; a link or a device

Of members with the same name the last one counts, as when a tar is unpacked.
Source: https://info.arxiv.org/help/bulk_data_s3.html, https://info.arxiv.org/help/arxiv_identifier.html
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, Final, Literal

from ..filters.latex.project import resolve
from ..records import Damage
from .bz2blocks import View
from .tarstream import TarMember, is_header, read_members

__all__ = ["Kind", "Limits", "Paper", "parse_name", "read_papers"]

Kind = Literal["tex", "project", "withdrawn", "pdf", "ps", "html", "other"]
"""What a paper is: one TeX file, a project; or something without TeX, of which no files come."""

_ENDINGS: Final = frozenset(["tex", "ltx", "latex", "bbl", "sty", "cls", "txt", "def", "inc", "xxx"])
_NAME = re.compile(r"(\d{4}\.\d{4,5}|([a-z-]{2,18}(?:\.[A-Z]{2})?)_?(\d{7}))(?:v([1-9]\d{0,2}))?\.(\w+(?:\.gz)?)")
_KINDS: Final = (
    (re.compile(rb"%PDF-"), "pdf"),
    (re.compile(rb"(?:\x04)?%!PS|%!"), "ps"),
    (re.compile(rb"\s{0,99}<(?:!doctype|html|\?xml)", re.IGNORECASE), "html"),
    (re.compile(rb"%auto-ignore"), "withdrawn"),
    (re.compile(rb"(?:\xff\xfe|\xfe\xff|[^\0]*\Z)"), "tex"),
)
_HEAD_BYTES: Final = 1024
_FEED_BYTES: Final = 1 << 16
_WINDOW_BYTES: Final = 1 << 18


@dataclass(frozen=True)
class Limits:
    """What one paper may take; a paper with more is `too_large`, or has `too_many_members`."""

    unpacked_bytes: int = 512 << 20
    text_bytes: int = 32 << 20
    members: int = 20_000


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper as it was submitted. `files` are in the order of its tar, by path; an id's `version` is 0 if not given.

    `date` is the time of the file in the outer tar, in UTC; `offset` is where it begins there.
    """

    id: str
    version: int
    date: str
    kind: Kind
    files: Mapping[str, bytes]
    offset: int


class _Lost(Exception):
    """Why a paper cannot be read: the word and the detail of its `Damage`."""


def read_papers(file: BinaryIO, limits: Limits | None = None) -> Iterator[Paper | Damage]:
    """The papers of a tar in its order, and what is damaged there; memory holds one paper's text.

    >>> import gzip, io, tarfile
    >>> tar = io.BytesIO()
    >>> with tarfile.open(fileobj=tar, mode="w") as outer:
    ...     packed = gzip.compress(b"Hello", mtime=0)
    ...     header = tarfile.TarInfo("0001/hep-th0001001.gz")
    ...     header.size = len(packed)
    ...     outer.addfile(header, io.BytesIO(packed))
    >>> list(read_papers(tar))
    [Paper(id='hep-th/0001001', version=0, date='1970-01-01T00:00:00Z', kind='tex', \
files={'hep-th0001001.tex': b'Hello'}, offset=0)]
    """
    view, limits = View(file), limits or Limits()
    held: list[Paper | Damage] = []  # of the last member, until it is known that it ends where it says
    for found in read_members(view):
        if isinstance(found, TarMember):
            yield from held
            held = _read(view, found, limits)
        elif held and held[0].offset == found.offset:
            yield from (each for each in held if isinstance(each, Paper))
            held = [found]
        else:
            yield from held
            held = [found]
    yield from held


def parse_name(name: str) -> tuple[str, int, str] | None:
    """The id, the version (0 if none is given) and the ending that a file's name has; None for a name of another kind.

    >>> parse_name("1507/1507.00348v2.gz"), parse_name("0001/math.AG0001001.pdf"), parse_name("README")
    (('1507.00348', 2, 'gz'), ('math/0001001', 0, 'pdf'), None)
    """
    match = _NAME.fullmatch(name.rpartition("/")[2])
    if not match:
        return None
    number, archive, old_number, version, ending = match.groups()
    return f"{archive.partition('.')[0]}/{old_number}" if archive else number, int(version or 0), ending


def _read(view: View, member: TarMember, limits: Limits) -> list[Paper | Damage]:
    """What a member of the outer tar is: at most one paper, and damage of its own."""
    if member.kind == "folder":
        return []
    parsed = parse_name(member.name)
    if member.kind != "file" or parsed is None:
        word = "bad_name" if member.kind == "file" else "not_a_file"
        return [Damage(member.offset, word, repr(member.name[:100]))]
    name, version, ending = parsed
    files, damage, kind = dict[str, bytes](), list[Damage](), "other"
    content = _Unpacked(view, member, limits.unpacked_bytes)
    try:
        if ending.endswith("gz"):
            kind = _kind(content.at(0, _HEAD_BYTES))
            if kind == "tex":
                files = {f"{name.replace('/', '')}.tex": _text(content, 0, limits.text_bytes + 1, limits.text_bytes)}
            elif kind == "project":
                files, damage = _project(content, member.offset, limits)
            content.drain()
        else:
            kind = _kind(view.at(member.start, min(member.size, 16))) if member.size else "other"
            kind = "other" if kind in ("tex", "project") else kind
    except _Lost as lost:
        word, detail = lost.args
        return [Damage(member.offset, word, f"{name}: {detail}")]
    paper = Paper(name, version, _date(member.mtime), kind, files, member.offset)  # type: ignore[arg-type]
    return [*damage, paper]


def _kind(head: bytes) -> str:
    """
    >>> _kind(b"%PDF-1.4"), _kind(b"%auto-ignore"), _kind(b"Hello"), _kind(bytes(9)), _kind(b"")
    ('pdf', 'withdrawn', 'tex', 'other', 'tex')
    """
    if is_header(head[:512]):
        return "project"
    return next((kind for pattern, kind in _KINDS if pattern.match(head)), "other")


def _date(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return ""


def _project(content: _Unpacked, offset: int, limits: Limits) -> tuple[dict[str, bytes], list[Damage]]:
    """The text files of a project, by their paths, and what is left out of it for a reason."""
    files, damage = dict[str, bytes](), list[Damage]()
    n_bytes, end = 0, 0
    for number, found in enumerate(read_members(content, goes_back=False)):
        if isinstance(found, Damage):
            if found.error == "truncated" and found.offset >= end:
                break  # a tar without its end, of whole members
            raise _Lost("bad_tar", f"{found.error} at byte {found.offset:,} of its tar: {found.detail}")
        if number >= limits.members:
            raise _Lost("too_many_members", f"over {limits.members:,}")
        end = found.start + found.size
        path = _path(found.name)
        if path is None or found.kind == "other":
            word = "unsafe_path" if path is None else "not_a_file"
            damage.append(Damage(offset, word, repr(found.name[:100])))
        elif found.kind == "file" and _is_text(path):
            data = _text(content, found.start, found.size, limits.text_bytes - n_bytes)
            if len(data) == found.size and not ("." not in path.rpartition("/")[2] and b"\0" in data[:_HEAD_BYTES]):
                files.pop(path, None)
                files[path] = data
                n_bytes += len(data)
    return files, damage


def _path(name: str) -> str | None:
    """A member's path within its project, or None where it leads out of it. As tar does, without a slash before it.

    >>> _path("./a/../b.tex"), _path("/b.tex"), _path("a/../../b.tex"), _path("..")
    ('b.tex', 'b.tex', None, None)
    """
    return resolve("", name.replace("\\", "/").lstrip("/"))


def _is_text(path: str) -> bool:
    """Whether TeX would read a file as text, by its name; not what macOS keeps beside files.

    >>> [_is_text(path) for path in ("a/ms.TeX", "00README.XXX", "paper", "fig.eps", "._ms.tex", ".tex")]
    [True, True, True, False, False, True]
    """
    name = path.rpartition("/")[2]
    _, dot, ending = name.rpartition(".")
    return not name.startswith("._") and (not dot or ending.lower() in _ENDINGS)


def _text(content: _Unpacked, start: int, size: int, limit: int) -> bytes:
    data = content.at(start, min(size, limit + 1))
    if len(data) > limit:
        raise _Lost("too_large", "more text than the limit")
    return data


class _Unpacked:
    """What a gzip file in the outer tar unpacks to, read forwards: content before the last place asked for is gone."""

    def __init__(self, view: View, member: TarMember, limit: int) -> None:
        self._view, self._limit = view, limit
        self._place, self._end = member.start, member.start + member.size  # what is inflated next
        self._begin, self._window = 0, bytearray()  # the content held, and where it begins
        self._unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._is_done = False

    def at(self, offset: int, size: int) -> bytes:
        while not self._is_done and self._begin + len(self._window) < offset + size:
            self._drop(offset)
            self._inflate()
        self._drop(offset)
        begin = offset - self._begin
        return bytes(self._window[begin : begin + size])

    def drain(self) -> None:
        """Read on to the end, so that its checksum is looked at."""
        while not self._is_done:
            self._drop(self._begin + len(self._window))
            self._inflate()

    def _drop(self, offset: int) -> None:
        n = min(offset - self._begin, len(self._window))
        if n > 0:
            del self._window[:n]
            self._begin += n

    def _inflate(self) -> None:
        packed = self._view.at(self._place, min(_FEED_BYTES, self._end - self._place))
        self._place += len(packed)
        try:
            data = self._unpacker.decompress(packed, _WINDOW_BYTES)
        except zlib.error as error:
            message = str(error)
            word = "bad_crc" if message.endswith(("data check", "length check")) else "bad_gzip"
            raise _Lost(word, message.rpartition(": ")[2]) from error
        self._window += data
        if self._begin + len(self._window) > self._limit:
            raise _Lost("too_large", f"over {self._limit:,} bytes unpacked")
        if self._unpacker.eof:
            self._place -= len(self._unpacker.unused_data)
            if self._view.at(self._place, min(2, self._end - self._place)) == b"\x1f\x8b":
                self._unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
            else:
                self._is_done = True
        else:
            self._place -= len(self._unpacker.unconsumed_tail)
            if not packed and not data:
                raise _Lost("truncated", "its gzip file ends before its end")
