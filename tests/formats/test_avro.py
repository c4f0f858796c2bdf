"""Avro files: each codec, and whatever is damaged costs its block alone."""

import bz2
import io
import lzma
import random
import zlib

import fastavro
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.formats import avro
from corpusmill.formats.avro import Header, read_avro, read_header
from corpusmill.formats.tablerow import TableRow
from corpusmill.records import Damage

SCHEMA = {
    "type": "record",
    "name": "row",
    "fields": [
        {"name": "path", "type": "string"},
        {"name": "size", "type": ["null", "long"]},
        {"name": "repos", "type": {"type": "array", "items": "string"}},
    ],
}
SYNC = bytes(range(16))
ROWS = [{"path": f"{number}.c ä", "size": number or None, "repos": ["a/b"] * (number % 3)} for number in range(9)]


def number_bytes(value: int) -> bytes:
    """An Avro number: zigzag, seven bits a byte."""
    value = value * 2 if value >= 0 else -value * 2 - 1
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*data, value])


def encode(row: dict) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, SCHEMA, row)
    return stream.getvalue()


def block(rows: list[dict], pack=lambda data: data) -> bytes:
    data = pack(b"".join(map(encode, rows)))
    return number_bytes(len(rows)) + number_bytes(len(data)) + data + SYNC


def header(codec: str = "null") -> bytes:
    stream = io.BytesIO()
    fastavro.writer(stream, SCHEMA, [], codec="null", sync_marker=SYNC)
    return stream.getvalue().replace(b"\x08null", number_bytes(len(codec)) + codec.encode())


def snappy(data: bytes) -> bytes:
    return pa.Codec("snappy").compress(data, asbytes=True) + zlib.crc32(data).to_bytes(4, "big")


def read(data: bytes) -> list[TableRow | Damage]:
    return list(read_avro(io.BytesIO(data)))


def brief(found: list[TableRow | Damage]) -> list[object]:
    return [item.error if isinstance(item, Damage) else int(item.fields["path"].split(".")[0]) for item in found]


HEAD = header()
ONE, TWO, THREE = (block(ROWS[at : at + 3]) for at in (0, 3, 6))


def corrupt(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz"])
def test_what_fastavro_writes(codec: str) -> None:
    stream = io.BytesIO()
    fastavro.writer(stream, SCHEMA, ROWS, codec=codec, sync_interval=20)
    found = read(stream.getvalue())
    assert [item.fields for item in found if isinstance(item, TableRow)] == ROWS
    assert len({item.offset for item in found}) > 3


@pytest.mark.parametrize("codec", ["snappy", "zstandard"])
def test_codecs_that_fastavro_needs_more_for(codec: str) -> None:
    pack = snappy if codec == "snappy" else lambda data: pa.Codec("zstd").compress(data, asbytes=True)
    found = read(header(codec) + block(ROWS[:4], pack) + block(ROWS[4:], pack))
    assert [item.fields for item in found if isinstance(item, TableRow)] == ROWS


@pytest.mark.parametrize(
    ("data", "expected", "offsets"),
    [
        pytest.param(HEAD, [], [], id="no-rows"),
        pytest.param(HEAD[:30], ["truncated"], [0], id="cut-in-the-header"),
        pytest.param(header("lzo"), ["bad_avro"], [0], id="unknown-codec"),
        pytest.param(corrupt(HEAD, HEAD.index(b"record")), ["bad_avro"], [0], id="bad-schema"),
        pytest.param(HEAD + ONE + TWO, [0, 1, 2, 3, 4, 5], [], id="two-blocks"),
        pytest.param(HEAD + ONE + TWO[:-20], [0, 1, 2, "truncated"], [len(HEAD + ONE)], id="cut-in-a-block"),
        pytest.param(HEAD + ONE + TWO[:1], [0, 1, 2, "truncated"], [len(HEAD + ONE)], id="cut-in-a-size"),
        pytest.param(HEAD + ONE + TWO[:-1], [0, 1, 2, "truncated"], [len(HEAD + ONE)], id="cut-in-a-sync"),
        pytest.param(
            HEAD + ONE + TWO[:1] + number_bytes(4000) + TWO[2:] + THREE,
            [0, 1, 2, "bad_avro", 6, 7, 8],
            [len(HEAD + ONE)],
            id="a-size-over-the-end",
        ),
        pytest.param(
            HEAD + ONE + corrupt(TWO, len(TWO) - 3) + THREE, [0, 1, 2, "bad_avro"], [len(HEAD + ONE)], id="bad-sync"
        ),
        pytest.param(HEAD + number_bytes(-3) + ONE[1:] + TWO, ["bad_avro", 3, 4, 5], [len(HEAD)], id="minus-rows"),
        pytest.param(HEAD + number_bytes(4) + ONE[1:] + TWO, [0, 1, 2, "bad_avro", 3, 4, 5], None, id="a-row-more"),
        pytest.param(HEAD + number_bytes(2) + ONE[1:] + TWO, [0, 1, "bad_avro", 3, 4, 5], None, id="a-row-less"),
        pytest.param(HEAD + b"\x80" * 40, ["bad_avro"], [len(HEAD)], id="no-number"),
    ],
)
def test_damaged_files(data: bytes, expected: list[object], offsets: list[int] | None) -> None:
    found = read(data)
    assert brief(found) == expected
    assert offsets is None or [item.offset for item in found if isinstance(item, Damage)] == offsets


def test_bad_sync_loses_the_block_and_the_next_one_whose_beginning_is_not_known() -> None:
    data = HEAD + ONE + corrupt(TWO, len(TWO) - 3) + THREE + ONE
    assert brief(read(data)) == [0, 1, 2, "bad_avro", 0, 1, 2]


@pytest.mark.parametrize("codec", ["snappy", "deflate", "bzip2", "xz", "zstandard"])
def test_a_block_that_does_not_unpack(codec: str) -> None:
    data = header(codec) + block(ROWS, lambda data: b"\xff" * 30) + block([], lambda data: b"")
    assert brief(read(data))[0] == "bad_avro"


def test_a_changed_snappy_block() -> None:
    good = block(ROWS[:3], snappy)
    bad = good[: -len(SYNC) - 1] + bytes([good[-len(SYNC) - 1] ^ 1]) + SYNC
    assert brief(read(header("snappy") + bad + block(ROWS[3:], snappy))) == ["bad_crc", 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("codec", ["deflate", "bzip2", "xz", "snappy", "zstandard", "null"])
def test_blocks_over_the_limit(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = {
        "null": lambda data: data,
        "deflate": lambda data: zlib.compress(data, wbits=-15),
        "bzip2": bz2.compress,
        "xz": lzma.compress,
        "snappy": snappy,
        "zstandard": lambda data: pa.Codec("zstd").compress(data, asbytes=True),
    }[codec]
    monkeypatch.setattr(avro, "_MAX_BLOCK_BYTES", 1000)
    bomb = {"path": "9." + "x" * 5000, "size": None, "repos": []}
    assert brief(read(header(codec) + block([bomb], pack) + block(ROWS[:2], pack))) == ["too_long", 0, 1]


def test_a_text_that_is_no_utf8_costs_no_row() -> None:
    data = HEAD + ONE.replace("ä".encode(), b"\xff\xfe") + TWO
    found = read(data)
    assert brief(found) == [0, 1, 2, 3, 4, 5]
    assert found[0].fields["path"] == "0.c \udcff\udcfe"


def test_rows_without_bytes_do_not_go_on_for_ever() -> None:
    schema = {"type": "record", "name": "r", "fields": [{"name": "path", "type": "null"}]}
    stream = io.BytesIO()
    fastavro.writer(stream, schema, [], sync_marker=SYNC)
    data = stream.getvalue() + number_bytes(10**15) + number_bytes(0) + SYNC
    assert [item.error for item in read(data)] == ["bad_avro"]


def test_header() -> None:
    found = read_header(io.BytesIO(HEAD))
    assert isinstance(found, Header) and found.columns == ["path", "size", "repos"] and found.end == len(HEAD)


@pytest.mark.parametrize("size", [1, 5, 15, 16, 17, 1000])
def test_a_sync_marker_is_found_wherever_a_read_ends(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avro, "_READ_BYTES", size)
    assert brief(read(HEAD + number_bytes(-3) + ONE[1:] + TWO)) == ["bad_avro", 3, 4, 5]


def test_every_truncation() -> None:
    data = HEAD + ONE + TWO
    for size in range(len(HEAD), len(data)):
        whole = [0, 1, 2] if size >= len(HEAD + ONE) else []
        assert brief(read(data[:size])) == whole + ["truncated"] * (size not in (len(HEAD), len(HEAD + ONE)))
    for size in range(4, len(HEAD)):
        assert brief(read(data[:size])) == ["truncated"]


@given(st.integers(0, 1 << 30))
@settings(max_examples=300, deadline=None)
def test_any_bytes(seed: int) -> None:
    """Reading ends whatever is done to a file, and blocks that nothing was done to come."""
    random_ = random.Random(seed)
    data = bytearray(ONE + TWO + THREE)
    at, size = random_.randrange(len(data)), random_.randrange(40)
    data[at : at + size] = random_.randbytes(random_.randrange(40))
    rows = [item.fields for item in read(HEAD + bytes(data)) if isinstance(item, TableRow)]
    if at >= len(ONE):
        assert rows[:3] == ROWS[:3]
