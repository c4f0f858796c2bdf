"""Tables as Avro object container files: blocks of rows, damage costs the block that it is in.

A row's offset is that of its block; `place` has its number there. After damage the file goes on at the next of the
sync markers that close each block. Codecs: null, deflate, bzip2, xz, snappy, zstandard. `Damage` words:

    truncated   the file ends in its header, or in a block
    bad_avro    the header; a block that lies about its size, does not unpack, or whose rows do not decode
    bad_crc     a block whose checksum is another (snappy has one)
    too_long    a block over the limit

A block without a checksum may be changed without a word. Rows of a block before the one that does not decode come.
Source: Apache Avro 1.11 specification, "Object Container Files".
"""

from __future__ import annotations

import bz2
import io
import json
import lzma
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import fastavro
import pyarrow as pa

from ..records import Damage, counted
from .tablerow import TableRow

MAGIC: Final = b"Obj\x01"
_SYNC_BYTES: Final = 16
_MAX_HEADER_BYTES: Final = 16 << 20
_MAX_BLOCK_BYTES: Final = 256 << 20  # stored, and unpacked: writers close a block at 16 KB to some MB
_READ_BYTES: Final = 1 << 20
_VARINT_BYTES: Final = 10
_CODECS: Final = ("null", "deflate", "bzip2", "xz", "snappy", "zstandard")


@dataclass(frozen=True, slots=True)
class Header:
    """What an Avro file says of its blocks: fastavro's schema, the codec, the sync marker, and where they begin."""

    schema: Any
    codec: str
    sync: bytes
    end: int

    @property
    def columns(self) -> list[str]:
        return [field["name"] for field in self.schema["fields"]]


def read_header(file: BinaryIO) -> Header | Damage:
    """The header of a file that begins with MAGIC."""
    file.seek(0)
    data = io.BytesIO(file.read(_MAX_HEADER_BYTES))
    data.seek(len(MAGIC))
    is_cut = len(data.getbuffer()) < _MAX_HEADER_BYTES
    try:
        meta: Any = fastavro.schemaless_reader(data, {"type": "map", "values": "bytes"}, None)
        sync = data.read(_SYNC_BYTES)
        if len(sync) < _SYNC_BYTES:
            raise EOFError
    except (EOFError, IndexError, StopIteration):
        return Damage(0, "truncated" if is_cut else "bad_avro", "no end of the header")
    except Exception as error:  # whatever fastavro makes of foreign bytes
        return Damage(0, "bad_avro", f"the header: {type(error).__name__}: {error}"[:200])
    codec = meta.get("avro.codec", b"null").decode(errors="replace")
    if codec not in _CODECS:
        return Damage(0, "bad_avro", f"codec {codec[:40]!r}; known are {', '.join(_CODECS)}")
    try:
        schema = fastavro.parse_schema(json.loads(meta["avro.schema"]))
        if not isinstance(schema, dict) or schema["type"] != "record":
            raise ValueError("its rows are no records")
    except Exception as error:
        return Damage(0, "bad_avro", f"the schema: {type(error).__name__}: {error}"[:200])
    return Header(schema, codec, sync, data.tell())


def read_avro(file: BinaryIO) -> Iterator[TableRow | Damage]:
    """The rows of a file that begins with MAGIC, and what is damaged there."""
    header = read_header(file)
    if isinstance(header, Damage):
        yield header
        return
    offset = header.end
    while (found := _next_block(file, offset, header)) is not None:
        block, end = found
        if isinstance(block, Damage):
            yield block
        else:
            n_rows, data = block
            yield from _rows(data, n_rows, offset, header)
        offset = end


def _next_block(file: BinaryIO, offset: int, header: Header) -> tuple[tuple[int, bytes] | Damage, int] | None:
    """A block, unpacked, with its number of rows; and where the next one begins. None where the file ends."""
    file.seek(offset)
    head = file.read(2 * _VARINT_BYTES)
    if not head:
        return None
    n_rows, after = _varint(head, 0)
    size, begin = _varint(head, after)
    if begin > len(head) and len(head) < 2 * _VARINT_BYTES:
        return Damage(offset, "truncated", "the file ends inside a block"), offset + len(head)
    if size > _MAX_BLOCK_BYTES and _ends_block(file, offset + begin + size, header):
        damage = Damage(offset, "too_long", f"a block of {counted(size, 'byte')}, over {_MAX_BLOCK_BYTES:,}")
        return damage, offset + begin + size + _SYNC_BYTES
    if n_rows >= 0 and 0 <= size <= _MAX_BLOCK_BYTES and begin <= len(head):
        file.seek(offset + begin)
        stored = file.read(size + _SYNC_BYTES)
        if stored[size:] == header.sync:
            unpacked = _unpacked(stored[:size], header.codec, offset)
            return (unpacked if isinstance(unpacked, Damage) else (n_rows, unpacked)), offset + begin + len(stored)
        is_cut = len(stored) < size + _SYNC_BYTES
    else:
        is_cut = False
    # A size that lies may lead over good blocks, or over the end.
    if (next_sync := _find(file, header.sync, offset)) is not None:
        return Damage(offset, "bad_avro", "no block ends where this one should"), next_sync + _SYNC_BYTES
    error, detail = ("truncated", "the file ends inside a block") if is_cut else ("bad_avro", "no block begins here")
    return Damage(offset, error, detail), file.seek(0, io.SEEK_END)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A zigzag number, and where it ends; past the data, when it does not end there.

    >>> _varint(bytes([0x80, 0x01]), 0), _varint(bytes([1]), 0), _varint(b"", 0)
    ((64, 2), (-1, 1), (0, 1))
    """
    value = shift = 0
    for place in range(at, min(len(data), at + _VARINT_BYTES)):
        value |= (data[place] & 0x7F) << shift
        shift += 7
        if data[place] < 0x80:
            return (value >> 1) ^ -(value & 1), place + 1
    return 0, len(data) + 1


def _ends_block(file: BinaryIO, offset: int, header: Header) -> bool:
    if offset > file.seek(0, io.SEEK_END):
        return False
    file.seek(offset)
    return file.read(_SYNC_BYTES) == header.sync


def _find(file: BinaryIO, sync: bytes, offset: int) -> int | None:
    """Where the first sync marker from `offset` on stands."""
    file.seek(offset)
    kept = b""
    while chunk := file.read(_READ_BYTES):
        data = kept + chunk
        if (at := data.find(sync)) >= 0:
            return offset + at
        kept = data[-(_SYNC_BYTES - 1) :]
        offset += len(data) - len(kept)
    return None


def _unpacked(data: bytes, codec: str, offset: int) -> bytes | Damage:
    limit = _MAX_BLOCK_BYTES + 1
    too_long = Damage(offset, "too_long", f"a block over {counted(_MAX_BLOCK_BYTES, 'byte')}")
    try:
        if codec == "deflate":
            data = _whole(zlib.decompressobj(-zlib.MAX_WBITS), data, limit)
        elif codec == "bzip2":
            data = _whole(bz2.BZ2Decompressor(), data, limit)
        elif codec == "xz":
            data = _whole(lzma.LZMADecompressor(), data, limit)
        elif codec == "zstandard":
            with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
                data = stream.read(limit)
        elif codec == "snappy":
            if (size := _snappy_size(data)) >= limit:
                return too_long
            checksum, data = data[-4:], pa.Codec("snappy").decompress(data[:-4], size, asbytes=True)
            if zlib.crc32(data) != int.from_bytes(checksum, "big"):
                return Damage(offset, "bad_crc", "a block whose checksum is another")
    except (zlib.error, lzma.LZMAError, pa.ArrowException, OSError, EOFError, ValueError) as error:
        return Damage(offset, "bad_avro", f"a block that does not unpack ({codec}: {error})"[:200])
    return too_long if len(data) >= limit else data


def _whole(unpacker: Any, data: bytes, limit: int) -> bytes:
    unpacked: bytes = unpacker.decompress(data, limit)
    if not unpacker.eof and len(unpacked) < limit:
        raise EOFError("it ends too early")
    return unpacked


def _snappy_size(data: bytes) -> int:
    """The size that a snappy block promises, in its first bytes."""
    size = 0
    for place, byte in enumerate(data[:5]):
        size |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return size
    raise ValueError("no size")


def _rows(data: bytes, n_rows: int, offset: int, header: Header) -> Iterator[TableRow | Damage]:
    stream = io.BytesIO(data)
    for number in range(1, n_rows + 1):
        begin, place = stream.tell(), f"row {number} of its block"
        try:
            # What is no UTF-8 is told by its surrogates later on, and costs no other row.
            fields = fastavro.schemaless_reader(stream, header.schema, None, handle_unicode_errors="surrogateescape")
        except Exception as error:  # whatever fastavro makes of foreign bytes
            yield Damage(offset, "bad_avro", f"{place}: {type(error).__name__}: {error}"[:200])
            return
        if not isinstance(fields, Mapping) or stream.tell() == begin:
            yield Damage(offset, "bad_avro", f"{place}: it takes no bytes")  # and so could any number of rows
            return
        yield TableRow(offset, place, fields)
    if stream.tell() < len(data):
        yield Damage(offset, "bad_avro", f"{counted(len(data) - stream.tell(), 'byte')} after the last row of a block")
