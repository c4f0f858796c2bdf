"""The members of a tar: their names and where their content stands; damage costs the members that it is in.

Nothing is unpacked and nothing is written. ustar, GNU tar (long names, large sizes, old sparse files), pax (names,
sizes, times) and the format before them are read. `Damage` words:

    empty_file, not_tar     the file: no bytes; no member at all
    bad_header              no header where one must stand; a checksum, size or extended header that is wrong
    bad_size                another member begins inside it
    truncated               the file ends inside it, or before the blocks of zeros that end a tar
    sparse                  a file with holes, which is stored in a way of its own

After damage the file goes on with the next header whose checksum is right, wherever it begins.
Source: POSIX.1-2017, pax; GNU tar manual, "Basic Tar Format".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple, Protocol

from ..records import Damage

__all__ = ["Bytes", "TarMember", "is_header", "read_members"]

Kind = Literal["file", "folder", "other"]

_BLOCK: Final = 512
_MAX_EXTENSION_BYTES: Final = 1 << 20  # of a long name, or of pax records
_MAX_SIZE: Final = 1 << 60
_SEARCH_BYTES: Final = 1 << 16
_MAGIC: Final = b"ustar"
_MAGIC_PLACE: Final = 257
_OCTAL = re.compile(rb"[ \0]*([0-7]*)(?:[ \0].*)?", re.DOTALL)
_KINDS: Final[Mapping[bytes, Kind]] = {b"0": "file", b"\0": "file", b"7": "file", b"5": "folder"}
_WITHOUT_CONTENT: Final = (b"1", b"2", b"3", b"4", b"5", b"6")
_SPARSE, _LONG_NAME, _LONG_LINK, _PAX, _GLOBAL_PAX = b"S", b"L", b"K", (b"x", b"X"), b"g"


class Bytes(Protocol):
    """What can be read at any place, or at least forwards: fewer bytes at the end."""

    def at(self, offset: int, size: int, /) -> bytes: ...


class TarMember(NamedTuple):
    """A member: where its (first) header begins, and where its content stands. Links and devices are "other"."""

    offset: int
    name: str
    kind: Kind
    mtime: int
    start: int
    size: int


def read_members(source: Bytes, *, goes_back: bool = True) -> Iterator[TarMember | Damage]:
    """The members in the order of the file, and what is damaged there; memory does not follow its size.

    A member comes before its content is looked at; where that turns out to be cut off, or to hold other members, the
    `Damage` with the same offset comes next. Without `goes_back` bytes are asked for forwards only, and the first
    damage, or block of zeros, is the end.

    >>> import io, tarfile
    >>> from .bz2blocks import View
    >>> file = io.BytesIO()
    >>> with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
    ...     tar.addfile(tarfile.TarInfo("a/b"), io.BytesIO())
    >>> list(read_members(View(file)))
    [TarMember(offset=0, name='a/b', kind='file', mtime=0, start=512, size=0)]
    """
    return _Reader(source, goes_back).members()


def is_header(block: bytes) -> bool:
    """Whether a block is a header of a member: whether its checksum is right.

    >>> is_header(b"x" * 512), is_header(bytes(512)), is_header(b"")
    (False, False, False)
    """
    field = block[148:156]
    if len(block) < _BLOCK or not field[0]:  # a block of zeros, or a header that begins elsewhere
        return False
    stated = _number(field)
    total = sum(block) - sum(field) + 8 * ord(" ")
    if stated == total:
        return True
    n_high = sum(byte > 127 for byte in block) - sum(byte > 127 for byte in field)
    return n_high > 0 and stated == total - 256 * n_high  # some old programs added up signed bytes


class _Broken(Exception):
    """A header that cannot be used: the word and the detail of its `Damage`, and where it is read no further."""

    def __init__(self, error: str, detail: str, place: int) -> None:
        self.error, self.detail, self.place = error, detail, place


class _Reader:
    """Reads header after header; `_open` is the member whose content ends where the next one must stand."""

    def __init__(self, source: Bytes, goes_back: bool) -> None:
        self._source, self._goes_back = source, goes_back
        self._open: TarMember | None = None
        self._is_cut = False
        self._found_any = False

    def members(self) -> Iterator[TarMember | Damage]:
        offset: int | None = 0
        while offset is not None:
            block = self._source.at(offset, _BLOCK)
            if is_header(block):
                found, offset = self._read(offset, block)
                yield found
                self._is_cut = self._lacks_content()
            elif block and not block.strip(b"\0"):
                offset = self._after_zeros(offset)
            else:
                damage, offset = self._explain(offset, block)
                yield damage

    def _read(self, offset: int, block: bytes) -> tuple[TarMember | Damage, int | None]:
        """The member whose header this is, or what is wrong with it, and where the next one stands."""
        self._open, self._found_any = None, True
        try:
            member, is_sparse = _parse(self._source, offset, block)
        except _Broken as broken:
            return Damage(offset, broken.error, broken.detail), self._find(broken.place)
        after = member.start + _padded(member.size)
        if is_sparse:
            return Damage(offset, "sparse", member.name), after if self._goes_back else None
        self._open = member
        return member, after

    def _lacks_content(self) -> bool:
        """Whether the file ends inside the member; asked first, as bytes may come forwards only."""
        member = self._open
        return member is not None and bool(member.size) and not self._source.at(member.start + member.size - 1, 1)

    def _explain(self, offset: int, block: bytes) -> tuple[Damage, int | None]:
        """Why no header stands here, and where the next one does."""
        member, self._open = self._open, None
        if member and (self._is_cut or len(block) == _BLOCK):
            inside = self._find(member.start, offset)
            if inside is not None:
                return Damage(member.offset, "bad_size", "another member begins inside it"), inside
        if member and self._is_cut:
            return Damage(member.offset, "truncated", "the file ends inside it"), None
        if not offset and not block:
            return Damage(0, "empty_file", "no bytes"), None
        if len(block) < _BLOCK and self._found_any:
            return Damage(offset, "truncated", "the file ends without the blocks of zeros that end a tar"), None
        after = self._find(offset + 1)
        if after is None and not self._found_any:
            return Damage(offset, "not_tar", "no member begins here or anywhere"), None
        return Damage(offset, "bad_header", "no member begins here"), after

    def _after_zeros(self, offset: int) -> int | None:
        """The block of the next byte that is not zero; None at the end of the file."""
        self._open, self._found_any = None, True
        while self._goes_back and (chunk := self._source.at(offset, _SEARCH_BYTES)):
            rest = chunk.lstrip(b"\0")
            if rest:
                return offset + (len(chunk) - len(rest)) // _BLOCK * _BLOCK
            offset += len(chunk)
        return None

    def _find(self, start: int, stop: int | None = None) -> int | None:
        """Where the first header in [start, stop) begins, at any byte; None where there is none."""
        while self._goes_back and (stop is None or start < stop):
            chunk = self._source.at(start, _SEARCH_BYTES)
            place = chunk.find(_MAGIC, _MAGIC_PLACE)
            while place >= 0:
                begin = place - _MAGIC_PLACE
                if stop is not None and start + begin >= stop:
                    return None
                if is_header(self._source.at(start + begin, _BLOCK)):
                    return start + begin
                place = chunk.find(_MAGIC, place + 1)
            if len(chunk) < _SEARCH_BYTES:
                break
            start += len(chunk) - _MAGIC_PLACE - len(_MAGIC) + 1
        return None


def _parse(source: Bytes, offset: int, block: bytes) -> tuple[TarMember, bool]:
    """The member whose first header this is, and whether it is sparse."""
    place, name, fields = offset, "", dict[str, str]()
    while (kind := block[156:157]) in (_LONG_NAME, _LONG_LINK, _GLOBAL_PAX, *_PAX):
        size = _size(block, place)
        if size > _MAX_EXTENSION_BYTES:
            raise _Broken("bad_header", f"an extended header of {size:,} bytes", place + _BLOCK)
        data = source.at(place + _BLOCK, size)
        place += _BLOCK + _padded(size)
        if kind == _LONG_NAME:
            name = _text(data)
        elif kind in _PAX:
            fields |= _pax_records(data, place)
        block = source.at(place, _BLOCK)
        if not is_header(block):
            if len(block) == _BLOCK:
                raise _Broken("bad_header", "an extended header without a member", place)
            raise _Broken("truncated", "the file ends behind an extended header", place)
    stated = _decimal(fields.get("size", ""))
    size = _size(block, place) if stated is None else stated
    name = fields.get("path") or name or _name(block)
    start = _after_sparse_map(source, place + _BLOCK, block) if kind == _SPARSE else place + _BLOCK
    mtime = _decimal(fields.get("mtime", "").partition(".")[0])
    member = TarMember(
        offset,
        name,
        "folder" if kind in b"\x000" and name.endswith("/") else _KINDS.get(kind, "other"),
        (_number(block[136:148]) or 0) if mtime is None else mtime,
        start,
        0 if kind in _WITHOUT_CONTENT else size,
    )
    return member, kind == _SPARSE or any(key.startswith("GNU.sparse.") for key in fields)


def _pax_records(data: bytes, place: int) -> dict[str, str]:
    """
    >>> _pax_records(b"12 path=a/b\\n", 0)
    {'path': 'a/b'}
    """
    fields, start = dict[str, str](), 0
    while start < len(data.rstrip(b"\0")):
        length, space, _ = data[start : start + 20].partition(b" ")
        end = start + int(length) if space and length.isdigit() else 0
        key, equals, value = data[start + len(length) + 1 : end].partition(b"=")
        if not equals or end > len(data) or not value.endswith(b"\n"):
            raise _Broken("bad_header", "pax records of wrong lengths", place)
        fields[_text(key)] = _text(value[:-1])
        start = end
    return fields


def _after_sparse_map(source: Bytes, place: int, block: bytes) -> int:
    """Where the content begins: behind the blocks that say where it has holes."""
    goes_on = block[482]
    while goes_on and len(block := source.at(place, _BLOCK)) == _BLOCK:
        place, goes_on = place + _BLOCK, block[504]
    return place


def _name(block: bytes) -> str:
    name, prefix = _text(block[:100]), _text(block[345:500])
    return f"{prefix}/{name}" if prefix and block[257:263] == b"ustar\0" else name


def _text(field: bytes) -> str:
    """A name up to its NUL. Tars say nothing of the encoding."""
    field = field.partition(b"\0")[0]
    try:
        return field.decode()
    except UnicodeDecodeError:
        return field.decode("latin-1")


def _size(block: bytes, place: int) -> int:
    size = _number(block[124:136])
    if size is None or not 0 <= size <= _MAX_SIZE:
        raise _Broken("bad_header", "a size that is no number, or beyond all bounds", place + _BLOCK)
    return size


def _number(field: bytes) -> int | None:
    """Octal digits, or, marked by the first bit, a number of 95 bits and a sign.

    >>> _number(b"0000644\\0"), _number(b"\\x80\\0\\0\\1"), _number(b"  \\0"), _number(b"9")
    (420, 1, 0, None)
    """
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:]) if field[0] == 0x80 else -1
    match = _OCTAL.fullmatch(field)
    return int(match[1] or b"0", 8) if match else None


def _decimal(digits: str) -> int | None:
    return int(digits) if digits.isdecimal() and len(digits) < 20 else None


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
