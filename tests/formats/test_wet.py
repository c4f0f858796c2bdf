import base64
import gzip
import hashlib
import io
import random
import re
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from corpusmill.formats import gzipstream, wet, wet_record
from corpusmill.formats.wet import WetPage, read_wet
from corpusmill.records import Damage
from running import SHARED

COMMONCRAWL = SHARED / "data" / "commoncrawl"
INFO = b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 6\r\n\r\na: b\r\n\r\n\r\n"
FAKE = b"\nWARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: fake\r\nContent-Length: 4\r\n\r\nfake\r\n\r\n"


def record(name: object, body: bytes | str = "", *, length: object = None, **changes: str | None) -> bytes:
    """A record as CommonCrawl writes it; a change of None leaves the line out."""
    data = body.encode() if isinstance(body, str) else body
    fields = {
        "WARC-Type": "conversion",
        "WARC-Target-URI": f"http://a.org/{name}",
        "WARC-Date": "2019-02-16T00:00:00Z",
        "WARC-Record-ID": f"<urn:uuid:{name}>",
        "WARC-Block-Digest": digest(data),
        "Content-Type": "text/plain",
        "Content-Length": str(len(data) if length is None else length),
    } | {key.replace("_", "-"): value for key, value in changes.items()}
    lines = [f"{key}: {value}\r\n" for key, value in fields.items() if value is not None]
    return b"WARC/1.0\r\n" + "".join(lines).encode(errors="surrogateescape") + b"\r\n" + data + b"\r\n\r\n"


def digest(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data).digest()).decode()


def member(data: bytes, level: int = 6) -> bytes:
    return gzip.compress(data, level, mtime=0)


def pack(records: list[bytes], packing: str, cuts: list[int] | None = None) -> bytes:
    whole = b"".join(records)
    if packing == "plain":
        return whole
    if packing == "one":
        return member(whole)
    if packing == "each":
        return b"".join(map(member, records))
    places = sorted({0, len(whole), *(cut % (len(whole) + 1) for cut in cuts or range(0, len(whole), 700))})
    return b"".join(member(whole[a:b]) for a, b in pairwise(places)) + member(b"")


def read(data: bytes, **options: int) -> list[WetPage | Damage]:
    return list(read_wet(io.BytesIO(data), **options))


def brief(found: list[WetPage | Damage]) -> list[str]:
    """Pages by their ids, damage by its word."""
    return [item.record_id if isinstance(item, WetPage) else item.error for item in found]


def damage_in(found: list[WetPage | Damage]) -> list[Damage]:
    return [item for item in found if isinstance(item, Damage)]


PACKINGS = ["plain", "one", "each", "cut"]
ONE, TWO, THREE = record(1, "eins\n"), record(2, "zwei\nzwei\n"), record(3, "три\n三\n")


@pytest.mark.parametrize("packing", PACKINGS)
def test_pages(packing: str):
    one, two = read(pack([INFO, ONE, record(2, "x", WARC_Block_Digest=None)], packing))
    assert one == WetPage(
        one.offset, "1", "http://a.org/1", "2019-02-16T00:00:00Z", "sha1:QJ77GOBZXQIWVKFV2S2RCL5AFQCF6PGL", "eins\n"
    )
    assert two.digest == digest(b"x")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param(record(9, "x", WARC_Identified_Content_Language="eng"), ["9"], id="new-layout"),
        pytest.param(ONE.replace(b"WARC/1.0", b"WARC/1.1"), ["1"], id="warc-1.1"),
        pytest.param(ONE.replace(b"Content-Length", b"content-LENGTH"), ["1"], id="names-in-any-case"),
        pytest.param(ONE.replace(b"WARC-Record-ID", b"WARC-RECORD-ID"), ["1"], id="id-in-any-case"),
        pytest.param(ONE.replace(b": ", b":\t  "), ["1"], id="more-space"),
        pytest.param(ONE.replace(b"Content-Length: ", b"Content-Length:\r\n "), ["1"], id="folded-line"),
        pytest.param(ONE.replace(b"\r\n", b"\n"), ["1"], id="bare-line-feeds"),
        pytest.param(b"\r\n\r\n" + ONE + b"\n\r\n", ["1"], id="more-line-ends"),
        pytest.param(record(9, ""), ["9"], id="no-text"),
        pytest.param(record(9, "a\0b"), ["9"], id="nul-is-text"),
        pytest.param(record(9, "\r\n\r\n\r\n"), ["9"], id="only-line-ends"),
        pytest.param(record(9, b"text" + FAKE + b"more" + FAKE), ["9"], id="a-record-inside-a-text"),
        pytest.param(record(9, "x", WARC_Target_URI=None), ["9"], id="no-address"),
        pytest.param(record(9, "x", WARC_Record_ID=None), [""], id="no-id"),
        pytest.param(record(9, "x", WARC_Target_URI="http://a.org/ä b"), ["9"], id="address-with-space"),
        *[
            pytest.param(record(9, "HTTP/1.1 200 OK\r\n", WARC_Type=kind), [], id=f"skips-{kind}")
            for kind in ("warcinfo", "response", "resource", "request", "metadata", "revisit", "continuation")
        ],
        pytest.param(record(9, b"caf\xe9"), ["bad_utf8"], id="text-not-utf8"),
        pytest.param(record(9, "x", WARC_Target_URI="\udce9"), ["bad_header"], id="header-not-utf8"),
        pytest.param(record(9, "x", WARC_Type=None), ["bad_header"], id="no-type"),
        pytest.param(record(9, "x", WARC_Type="other"), ["bad_header"], id="unknown-type"),
        pytest.param(record(9, "x", WARC_Target_URI=None, WARC_Record_ID=None), ["bad_header"], id="no-name"),
        pytest.param(ONE.replace(b"WARC/1.0", b"WARC/2.0"), ["bad_header"], id="other-version"),
        pytest.param(ONE[:80] + b"\r\n", ["bad_header"], id="header-cut-short"),
        pytest.param(b"WARC/1.0\r\n" + b"a: b\r\n" * 20_000, ["bad_header"], id="header-without-end"),
        pytest.param(b"WARC/1.0\r\n" + b"a" * 200_000 + b"\n", ["bad_header"], id="header-of-one-line"),
        pytest.param(record(9, "x", Content_Length=None), ["bad_length"], id="no-length"),
        *[
            pytest.param(record(9, "some text\n" * 9, length=length), ["bad_length"], id=f"length-{length}")
            for length in (0, 3, 88, 99, 500, 700, 10**5, 10**7, 10**8, 10**18, 10**30, -5, "x", "", "1 2", "٣")
        ],
        pytest.param(b"some junk\n", ["garbage"], id="junk"),
        pytest.param(b"junk" + FAKE[5:], ["garbage"], id="junk-like-a-record"),
        pytest.param(b"\0" * 5000 + b"\n", ["garbage"], id="zeros-in-the-middle"),
    ],
)
@pytest.mark.parametrize("packing", PACKINGS)
def test_between_good_records(changed: bytes, expected: list[str], packing: str):
    found = read(pack([INFO, TWO, changed, ONE, THREE], packing, [5, 1000, 1500]))
    assert brief(found) == ["2", *expected, "1", "3"]
    for item in damage_in(found):
        assert item.detail
        if packing == "plain":
            assert item.offset == len(INFO + TWO)
        if packing == "each":
            assert item.offset == len(member(INFO) + member(TWO))


def corrupt(data: bytes, at: int) -> bytes:
    """One byte of it made another."""
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


CORRUPT = "bad_gzip or bad_crc"  # which one depends on how the bytes were packed
M1, M2, M3 = map(member, (ONE, TWO, THREE))
LONG = record(9, random.Random(0).randbytes(60_000).hex())  # inflates to more than a window, and packs badly
ML = member(LONG)
RUNS_ON = M1[:10] + b"\0\xff\xff\0\0text"  # as if 65,535 bytes followed


@pytest.mark.parametrize(
    ("data", "expected", "offset"),
    [
        pytest.param(b"", ["empty_file"], 0, id="no-bytes"),
        pytest.param(member(b""), ["empty_file"], 0, id="empty-member"),
        pytest.param(member(INFO), [], None, id="no-pages"),
        pytest.param(member(INFO) + member(record(1, "x", WARC_Type="response")), ["not_wet"], 0, id="a-warc"),
        pytest.param(member(record(1, "x", WARC_Type="metadata")) + M2, ["2"], None, id="pages-among-others"),
        pytest.param(b"\0" * 9999, ["not_warc"], 0, id="only-zeros"),
        pytest.param(b"<html>\n" * 50_000, ["not_warc"], 0, id="plain-other-file"),
        pytest.param(random.Random(1).randbytes(200_000), ["not_warc"], 0, id="random-bytes"),
        pytest.param(member(b"a,b\n" * 9) * 9, ["not_warc"], 0, id="packed-other-file"),
        pytest.param(M1 + M2[:-20] + M3, ["1", CORRUPT, "3"], len(M1), id="member-cut-short"),
        pytest.param(M1 + M2[:5] + M3, ["1", CORRUPT, "3"], len(M1), id="member-header-cut-short"),
        pytest.param(M1 + corrupt(M2, 60) + M3, ["1", CORRUPT, "3"], len(M1), id="corrupt-member"),
        pytest.param(M1 + corrupt(M2, 0) + M3, ["1", "garbage", "3"], len(M1), id="corrupt-magic"),
        pytest.param(corrupt(M1, 0) + M2 + M3, ["bad_gzip", "2", "3"], 0, id="corrupt-first-magic"),
        pytest.param(corrupt(M1, 2) + M2 + M3, ["bad_gzip", "2", "3"], 0, id="corrupt-first-method"),
        pytest.param(M1 + corrupt(M2, len(M2) - 7) + M3, ["1", "bad_crc", "3"], len(M1), id="bad-crc"),
        pytest.param(M1 + corrupt(M2, len(M2) - 2) + M3, ["1", "bad_crc", "3"], len(M1), id="bad-size"),
        pytest.param(M1 + corrupt(ML, 50_000) + M3, ["1", CORRUPT, "3"], len(M1), id="corrupt-long-member"),
        pytest.param(M1 + corrupt(ML, len(ML) - 7) + M3, ["1", "bad_crc", "3"], len(M1), id="long-member-bad-crc"),
        pytest.param(M1 + M2[:2] + ML[500:] + M3, ["1", CORRUPT, "3"], len(M1), id="hole"),
        pytest.param(M1 + M2[:-1], ["1", "truncated"], len(M1), id="truncated-in-checksum"),
        pytest.param(M1 + ML[:-9000], ["1", "truncated"], len(M1), id="truncated-long-member"),
        pytest.param(M1 + M2[:50], ["1", "truncated"], len(M1), id="truncated"),
        pytest.param(M1 + M2[:7], ["1", "truncated"], len(M1), id="truncated-in-header"),
        pytest.param(M1 + M2[:1], ["1", "truncated"], len(M1), id="truncated-in-magic"),
        pytest.param(member(ONE + LONG + TWO)[:-40_000], ["1", "truncated"], 0, id="truncated-one-member"),
        pytest.param(M1 + M2 + b"\0" * 100_000, ["1", "2"], None, id="zeros-behind"),
        pytest.param(M1 + b"\0" * 512 + M2, ["1", "2"], None, id="zeros-between"),
        pytest.param(ONE + TWO + b"\0" * 100_000, ["1", "2"], None, id="zeros-behind-plain"),
        pytest.param(M1 + M2 + b"junk", ["1", "2", "garbage"], len(M1 + M2), id="garbage-behind"),
        pytest.param(M1 + M2 + b"\0\0junk", ["1", "2", "garbage"], len(M1 + M2) + 2, id="garbage-behind-zeros"),
        pytest.param(M1 + b"\x1f\x8b\x08\0junk" + M2, ["1", CORRUPT, "2"], len(M1), id="magic-and-junk"),
        pytest.param(M1 + b"junk\x1f\x8b\x08\0junk" + M2, ["1", "garbage", "2"], len(M1), id="magic-in-junk"),
        pytest.param(M1 + RUNS_ON + M2 + M3, ["1", "bad_gzip", "2", "3"], len(M1), id="runs-on-over-good-members"),
        pytest.param(M1 + member(b"junk") + M2, ["1", "garbage", "2"], len(M1), id="junk-in-a-member"),
        pytest.param(M1 + member(b"") + M2, ["1", "2"], None, id="empty-member-between"),
        pytest.param(ONE + TWO[:-20], ["1", "truncated"], len(ONE), id="plain-truncated"),
        pytest.param(ONE + TWO[:30], ["1", "truncated"], len(ONE), id="plain-truncated-in-header"),
        pytest.param(ONE + TWO[:3], ["1", "truncated"], len(ONE), id="plain-truncated-in-version"),
        pytest.param(ONE + TWO[:-4], ["1", "2"], None, id="no-line-ends-at-the-end"),
        pytest.param(ONE + corrupt(TWO, 2) + THREE, ["1", "garbage", "3"], len(ONE), id="plain-corrupt-version"),
        pytest.param(corrupt(ONE, 2) + TWO + THREE, ["garbage", "2", "3"], 0, id="plain-corrupt-first-version"),
        pytest.param(
            M1 + member(record(9, b"x" + FAKE + b"y", length=0)) + M3,
            ["1", "bad_length", "3"],
            len(M1),
            id="members-tell-better-than-a-lying-length",
        ),
        pytest.param(
            M1 + member(record(9, "x", length=1 + len(b"\r\n\r\n" + TWO[:-4]))) + M2 + M3,
            ["1", "bad_length", "2", "3"],
            len(M1),
            id="length-just-over-the-next-record",
        ),
        pytest.param(
            member(ONE + record(9, "x", length=20 << 20) + LONG + TWO),
            ["1", "bad_length", "9", "2"],
            0,
            id="length-over-the-limit-in-a-long-member",
        ),
        pytest.param(
            member(ONE + record(9, "x", length=9)[:-4]), ["1", "bad_length"], 0, id="length-over-the-end-of-a-member"
        ),
        pytest.param(
            M1 + member(TWO[:150]) + corrupt(member(TWO[150:]), 50) + M3,
            ["1", CORRUPT, "3"],
            len(M1),
            id="lost-with-its-second-member",
        ),
    ],
)
def test_damaged_files(data: bytes, expected: list[str], offset: int | None):
    found = read(data)
    assert [CORRUPT if word in CORRUPT and CORRUPT in expected else word for word in brief(found)] == expected
    assert [item.offset for item in damage_in(found)] == ([] if offset is None else [offset])


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("size", [999, 1000, 1001, 5000, 200_000])
@pytest.mark.parametrize("filling", [b"x\n", FAKE], ids=["text", "records"])
def test_long_records(packing: str, size: int, filling: bytes):
    body = (b"x" + filling * size)[:size]
    found = read(pack([INFO, ONE, record(9, body), TWO], packing, [5, 777]), max_record_bytes=1000)
    assert brief(found) == ["1", "9" if size <= 1000 else "too_long", "2"]


def test_usual_members_are_read_whole(monkeypatch: pytest.MonkeyPatch):
    """The way that is fast, taken by all but the first record, and again after damage."""
    slow = []
    monkeypatch.setattr(wet, "parse_fields", lambda header: slow.append(header) or wet_record.parse_fields(header))
    data = pack([INFO, ONE, TWO], "each") + RUNS_ON + pack([ONE, TWO, THREE], "each")
    assert brief(read(data)) == ["1", "2", "bad_gzip", "1", "2", "3"]
    assert len(slow) <= 3  # INFO, and what stands behind the damage, to believe it and to read it


def test_digests_are_seldom_taken(monkeypatch: pytest.MonkeyPatch):
    """They tell lengths that lie from damage behind a text, but not for each of many texts inside each other."""
    taken = []
    monkeypatch.setattr(wet, "_LOOK_AHEAD_BYTES", 200_000)
    monkeypatch.setattr(wet, "digest_of", lambda body: taken.append(len(body)) or "")
    assert set(brief(read(claims(50_000) * 1000))) == {"bad_length"}
    assert 0 < sum(taken) <= 200_000


def test_every_truncation():
    data = M1 + M2 + M3
    for size in range(len(data)):
        whole = sum(size >= end for end in (len(M1), len(M1 + M2)))
        is_cut = size not in (len(M1), len(M1 + M2))
        assert brief(read(data[:size])) == ["1", "2"][:whole] + (
            ["truncated"] if size and is_cut else ["empty_file"] * (not size)
        )


SMALL_TEXT = st.text(st.sampled_from("aé三😀 \n\r\0WARC/1.0:"), max_size=40)
BODIES = st.lists(
    st.one_of(SMALL_TEXT.map(str.encode), st.just(b"a" + FAKE), st.integers(0, 90_000).map(lambda size: b"x\n" * size)),
    min_size=1,
    max_size=6,
)


@given(bodies=BODIES, packing=st.sampled_from(PACKINGS), cuts=st.lists(st.integers(0, 1 << 20), max_size=8))
@settings(max_examples=150, deadline=None)
def test_good_records_come_back(bodies: list[bytes], packing: str, cuts: list[int]):
    records = [record(number, body) for number, body in enumerate(bodies)]
    found = read(pack([INFO, *records], packing, [5, *cuts]))
    assert [item.body.encode() for item in found if isinstance(item, WetPage)] == bodies
    assert brief(found) == [str(number) for number in range(len(bodies))]


@given(data=st.data(), bodies=BODIES)
@settings(max_examples=200, deadline=None)
def test_random_damage(data: st.DataObject, bodies: list[bytes]):
    """A page that comes is one of those that were written; those in members that are whole all come."""
    records = [record(number, body) for number, body in enumerate(bodies)]
    members = [bytearray(member(piece)) for piece in records]
    places = st.tuples(st.integers(0, len(members) - 1), st.integers(0, 1 << 20), st.integers(1, 255))
    spoilt = set()
    for number, at, change in data.draw(st.lists(places, min_size=1, max_size=4)):
        members[number][at % len(members[number])] ^= change
        spoilt.add(number)
    found = read(b"".join(map(bytes, members)))
    pages = [item for item in found if isinstance(item, WetPage)]
    assert all(bodies[int(page.record_id)] == page.body.encode() for page in pages)
    assert {int(page.record_id) for page in pages} >= set(range(len(bodies))) - spoilt


@given(data=st.data(), packing=st.sampled_from(PACKINGS))
@settings(max_examples=200, deadline=None)
def test_any_bytes(data: st.DataObject, packing: str):
    """Whatever is done to a file, reading ends, and each byte belongs to a page, to damage or to what is skipped."""
    stored = bytearray(pack([INFO, ONE, LONG[:-3000], TWO, THREE], packing, [5, 300]))
    for _ in range(data.draw(st.integers(1, 5))):
        at, size = data.draw(st.integers(0, len(stored))), data.draw(st.integers(0, 60))
        stored[at : at + size] = data.draw(st.binary(max_size=60))
    found = read(bytes(stored))
    assert found
    offsets = [item.offset for item in found]
    assert all(0 <= offset <= len(stored) for offset in offsets)
    assert offsets == sorted(offsets)


@given(data=st.data(), bodies=BODIES)
@settings(max_examples=100, deadline=None)
def test_random_damage_to_a_plain_file(data: st.DataObject, bodies: list[bytes]):
    """Nothing tells whether a text that is not packed was changed, but what was not changed comes."""
    records = [bytearray(record(number, body)) for number, body in enumerate(bodies)]
    number = data.draw(st.integers(0, len(records) - 1))
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4)):
        records[number][at % (len(records[number]) - 4)] = value
    found = read(b"".join(map(bytes, records)))
    assume(not re.search(rb"\nWARC/1\.", bodies[number]))
    pages = {(item.record_id, item.body.encode()) for item in found if isinstance(item, WetPage)}
    assert pages >= {(str(other), body) for other, body in enumerate(bodies) if other != number}


def test_offsets():
    """A page is where its member begins, or its record in a file that is not packed."""
    records = [INFO, *[record(number, str(number) * 500) for number in range(9)]]
    content = b"".join(records)
    starts = [content.index(piece) for piece in records[1:]]
    whole_members = [len(pack(records[: number + 1], "each")) for number in range(9)]
    cut_members = [sum(len(member(content[at : at + 700])) for at in range(0, start - 699, 700)) for start in starts]
    for packing, offsets in ("plain", starts), ("one", [0] * 9), ("each", whole_members), ("cut", cut_members):
        assert [item.offset for item in read(pack(records, packing))] == offsets


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(lambda: ONE + record(9, b"x" * (40 << 20)) + TWO, ["1", "too_long", "2"], id="long-line"),
        pytest.param(lambda: member(ONE + record(9, bytes(60 << 20)) + TWO), ["1", "too_long", "2"], id="bomb"),
        pytest.param(
            lambda: M1 + member(record(9, bytes(60 << 20))) + M2, ["1", "too_long", "2"], id="bomb-in-a-member"
        ),
        pytest.param(lambda: M1 + member(bytes(60 << 20)) + M2, ["1", "garbage", "2"], id="bomb-without-a-record"),
        pytest.param(lambda: ONE + record(9, length=10**18) + bytes(40 << 20), ["1", "bad_length"], id="zeros"),
        pytest.param(lambda: ONE + b"\r\n" * (20 << 20) + TWO, ["1", "2"], id="line-ends"),
    ],
)
def test_memory_is_bounded(data: Callable[[], bytes], expected: list[str]):
    file = io.BytesIO(data())
    tracemalloc.start()
    try:
        assert brief(list(read_wet(file, max_record_bytes=1 << 20))) == expected
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def claims(length: int) -> bytes:
    return record(9, length=length, WARC_Block_Digest="sha1:A")


def in_small_members(data: bytes) -> bytes:
    return b"".join(member(data[at : at + 50], 1) for at in range(0, len(data), 50))


@pytest.mark.parametrize("wrap", [bytes, member, in_small_members])
@pytest.mark.parametrize(
    "unit",
    [
        pytest.param(b"\x1f\x8b\x08\0", id="magics"),
        pytest.param(b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x00\xff\xff\x00\x00", id="members-in-members"),
        pytest.param(b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x00\x0a\x00\xf5\xff", id="members-that-run-on"),
        pytest.param(b"WARC/1.0\r\n", id="versions"),
        pytest.param(b"WARC/1.0\r\nWARC-Type: x\r\n", id="headers-without-end"),
        pytest.param(b"WARC/1.0\r\nA: b\r\n" + b" \r\n" * 99, id="folded-lines"),
        pytest.param(claims(10**18), id="huge-lengths"),
        pytest.param(claims(200_000), id="long-lengths"),
        pytest.param(claims(50_000), id="lengths-over-the-next-records"),
        pytest.param(b"WARC/1.", id="no-line-ends"),
        pytest.param(b"\r\n", id="only-line-ends"),
    ],
)
def test_time_grows_with_size(unit: bytes, wrap: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch):
    """What is read, inflated, and called for a file of hostile bytes is in proportion to their number."""
    monkeypatch.setattr(gzipstream, "_FREE_WORK_BYTES", 0)
    monkeypatch.setattr(wet, "_LOOK_AHEAD_BYTES", 1 << 20)
    small, large = (work(wrap(unit * (size // len(unit)))) for size in (50_000, 200_000))
    assert large < 6 * small + 10_000


def work(data: bytes) -> int:
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        for _ in read_wet(io.BytesIO(data), max_record_bytes=100_000):
            pass
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.skipif(not COMMONCRAWL.exists(), reason="needs the samples in shared/")
class TestSamples:
    def test_published_layout(self):
        pages = 0
        for path in sorted(COMMONCRAWL.glob("crawl-data/*/segments/*/wet/*.gz")):
            stored = path.read_bytes()
            for page in read_wet(io.BytesIO(stored)):
                assert isinstance(page, WetPage)
                assert page.digest == digest(page.body.encode())
                content = zlib.decompressobj(31).decompress(stored[page.offset :])
                assert f"WARC-Record-ID: <urn:uuid:{page.record_id}>\r\n".encode() in content
                assert content.endswith(b"\r\n\r\n" + page.body.encode() + b"\r\n\r\n")
                pages += 1
        assert pages == 4604

    @pytest.mark.parametrize(
        ("name", "n_pages", "words"),
        [
            ("edge/odd-records.warc.wet.gz", 5, ["bad_utf8"]),
            ("edge/truncated-mid-member.warc.wet.gz", 140, ["truncated"]),
            ("edge/uncompressed.warc.wet", 20, []),
            ("fixtures/whirlwind.warc.wet.gz", 1, []),
            ("fixtures/whirlwind.warc.gz", 0, ["not_wet"]),
            ("fixtures/warcio-example-iana.org-chunked.warc", 0, ["not_wet"]),
            ("fixtures/whirlwind.warc.wat.gz", 0, ["not_wet"]),
            ("fixtures/IAH-20080430204825-00000-blackbook-truncated.arc.gz", 0, ["not_warc"]),
        ],
    )
    def test_odd_files(self, name: str, n_pages: int, words: list[str]):
        with (COMMONCRAWL / name).open("rb") as file:
            found = list(read_wet(file))
        assert [item.error for item in damage_in(found)] == words
        assert len(found) - len(words) == n_pages
