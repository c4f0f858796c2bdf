"""JSON lines: what is good is read whole and in order, whatever is damaged around it."""

import gzip
import io
import itertools
import json
import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.formats.jsonlines import JsonObject, Line, read_lines, read_objects
from corpusmill.records import Damage

ONE, TWO = b'{"a": 1}\n', b'{"b": "zwei \xc3\xa4"}\n'
NOISE = random.Random(0).randbytes(100_000).hex().encode()
TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('\n\r\\"\x00\u2028😀'), max_size=8)


def packed(*members: bytes) -> bytes:
    return b"".join(gzip.compress(member, mtime=0) for member in members)


def objects(data: bytes, **options: int) -> list[JsonObject | Damage]:
    return list(read_objects(io.BytesIO(data), **options))


def short(found: list[JsonObject | Damage]) -> list[object]:
    return [each.fields if isinstance(each, JsonObject) else each.error for each in found]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", ["empty_file"], id="no-bytes"),
        pytest.param(packed(b""), ["empty_file"], id="nothing-packed"),
        pytest.param(ONE + TWO, [{"a": 1}, {"b": "zwei ä"}], id="two"),
        pytest.param((ONE + TWO)[:-1], [{"a": 1}, {"b": "zwei ä"}], id="no-line-end-at-the-end"),
        pytest.param(b'{"a": 1}\r\n{}\r\n', [{"a": 1}, {}], id="cr-lf"),
        pytest.param(b"\n\r\n \t\n" + ONE + b"\n\n" + ONE + b"\n", [{"a": 1}] * 2, id="blank-lines"),
        pytest.param(b"\n\n", [], id="blank-lines-alone"),
        pytest.param(b"\xef\xbb\xbf" + ONE, [{"a": 1}], id="byte-order-mark"),
        pytest.param(ONE + b"\xef\xbb\xbf" + ONE, [{"a": 1}, "bad_json"], id="byte-order-mark-further-on"),
        pytest.param(ONE + b'{"a": }\n' + TWO, [{"a": 1}, "bad_json", {"b": "zwei ä"}], id="broken"),
        pytest.param(ONE + b"{} {}\n" + ONE, [{"a": 1}, "bad_json", {"a": 1}], id="two-on-a-line"),
        pytest.param(b'[]\n"a"\n1\nnull\n' + ONE, ["not_object"] * 4 + [{"a": 1}], id="not-objects"),
        pytest.param(b'{"a": "\xff"}\n' + ONE, ["bad_utf8", {"a": 1}], id="bad-utf8"),
        pytest.param(b'{"a": "\xed\xa0\x80"}\n' + ONE, ["bad_utf8", {"a": 1}], id="surrogate-as-utf8"),
        pytest.param(b'{"a": "\0"}\n' + ONE, ["bad_json", {"a": 1}], id="nul"),
        pytest.param(ONE + b"\0" * 9, [{"a": 1}, "truncated"], id="file-filled-up-with-nuls"),
        pytest.param(b'{"a": "\\u0000"}', [{"a": "\0"}], id="escaped-nul"),
        pytest.param(b"[" * 100_000 + b"\n" + ONE, ["bad_json", {"a": 1}], id="deep"),
        pytest.param(b'{"a":' * 100_000 + b"1\n" + ONE, ["bad_json", {"a": 1}], id="deep-objects"),
        pytest.param(b'{"a": ' + b"9" * 5000 + b"}\n" + ONE, ["bad_json", {"a": 1}], id="huge-integer"),
        pytest.param(b'{"a": 1e999}\n', [{"a": float("inf")}], id="huge-float"),
        pytest.param(ONE + b'{"a": 1', [{"a": 1}, "truncated"], id="cut-in-an-object"),
        pytest.param(ONE + b'{"a": "\xc3', [{"a": 1}, "truncated"], id="cut-in-a-character"),
        pytest.param(packed(ONE + b'{"a": 1'), [{"a": 1}, "bad_json"], id="packed-as-it-was-cut"),
        pytest.param(ONE + b"12", [{"a": 1}, "not_object"], id="cut-but-whole"),
        pytest.param(packed(ONE, TWO, ONE), [{"a": 1}, {"b": "zwei ä"}, {"a": 1}], id="a-member-a-line"),
        pytest.param(packed(TWO[:5], TWO[5:-3], TWO[-3:] + ONE), [{"b": "zwei ä"}, {"a": 1}], id="a-line-in-members"),
        pytest.param(packed(ONE) + b"\0" * 512, [{"a": 1}], id="padding-behind-gzip"),
        pytest.param(packed(ONE) + b"?" + packed(ONE), [{"a": 1}, "garbage", {"a": 1}], id="garbage-between-members"),
    ],
)  # fmt: skip
def test_read_objects(data: bytes, expected: list[object]) -> None:
    assert short(objects(data)) == expected


@pytest.mark.parametrize(
    ("escaped", "expected"),
    [
        pytest.param(r"\ud83d\ude00", "😀", id="pair"),
        pytest.param(r"\uD83D\uDE00", "😀", id="pair-in-capitals"),
        pytest.param(r"\ud800", "\ufffd", id="high-alone"),
        pytest.param(r"\udc00", "\ufffd", id="low-alone"),
        pytest.param(r"\ude00\ud83d", "\ufffd\ufffd", id="the-wrong-way-round"),
        pytest.param(r"\ud83d\ud83d\ude00", "\ufffd😀", id="high-before-a-pair"),
        pytest.param(r"\ud83d\ude00\ude00", "😀\ufffd", id="low-after-a-pair"),
        pytest.param(r"\ud83dx", "\ufffdx", id="high-before-a-letter"),
        pytest.param(r"\\ud800", r"\ud800", id="an-escaped-backslash"),
        pytest.param(r"\\\ud800", "\\\ufffd", id="behind-an-escaped-backslash"),
        pytest.param(r"\"\ud800\"", '"\ufffd"', id="between-quotes"),
        pytest.param(r"\ud7ff\ue000", "\ud7ff\ue000", id="next-to-surrogates"),
    ],
)
def test_half_pairs_are_replaced(escaped: str, expected: str) -> None:
    [found] = objects(f'{{"{escaped}": ["{escaped}"]}}'.encode())
    assert isinstance(found, JsonObject) and found.fields == {expected: [expected]}


def test_where_lines_are() -> None:
    plain = objects(ONE + b"\n" + TWO + b"x\n" + ONE)
    assert [each.offset for each in plain] == [0, 10, 27, 29]
    assert [each.number for each in plain if isinstance(each, JsonObject)] == [1, 3, 5]
    members = [packed(each) for each in (ONE + TWO[:4], TWO[4:], ONE + b"x\n")]
    found = objects(b"".join(members))
    third = len(members[0] + members[1])
    assert [each.offset for each in found] == [0, 0, third, third]
    assert [each.number for each in found if isinstance(each, JsonObject)] == [1, 2, 3]
    assert found[-1].detail.startswith("line 4: ")


def test_cut_behind_a_line() -> None:
    assert objects(packed(ONE, TWO)[:-5]) == [
        JsonObject(0, 1, {"a": 1}),
        JsonObject(len(packed(ONE)), 2, {"b": "zwei ä"}),
        Damage(len(packed(ONE)), "truncated", "line 3: the file ends inside a gzip member"),
    ]


def test_cut_in_another_member_than_the_line_begins_in() -> None:
    first = packed(ONE + b'{"open": ')
    what = f"line 2: the file ends inside a gzip member, at byte {len(first)}"
    assert objects(first + packed(TWO)[:12]) == [JsonObject(0, 1, {"a": 1}), Damage(0, "truncated", what)]


def test_a_member_that_does_not_inflate() -> None:
    first, lost = packed(ONE), bytearray(packed(b"lost\n"))
    lost[10] = 0xFF  # a kind of block that deflate does not have
    behind = len(first) + len(lost)
    assert objects(first + lost + packed(TWO + ONE)) == [
        JsonObject(0, 1, {"a": 1}),
        Damage(len(first), "bad_gzip", "line 2: invalid block type"),
        JsonObject(behind, 2, {"b": "zwei ä"}),
        JsonObject(behind, 3, {"a": 1}),
    ]


def test_the_rest_of_a_line_that_is_lost_is_no_damage_of_its_own() -> None:
    first, lost = packed(ONE + b'{"open": '), bytearray(packed(b'"lost", '))
    lost[-8] ^= 1  # of the checksum
    assert objects(first + lost + packed(b'"rest": 0}\n' + ONE)) == [
        JsonObject(0, 1, {"a": 1}),
        Damage(0, "bad_crc", f"line 2: incorrect data check, at byte {len(first)}"),
        JsonObject(len(first) + len(lost), 3, {"a": 1}),
    ]


def test_lines_that_are_too_long() -> None:
    data = ONE + b'{"long": "' + NOISE + b'"}\n' + TWO + b'{"' + NOISE
    for given_data in (data, packed(data)):
        found = objects(given_data, max_line_bytes=1000)
        assert short(found) == [{"a": 1}, "too_long", {"b": "zwei ä"}, "too_long"]
    [whole, _] = objects(data[len(ONE) :], max_line_bytes=len(NOISE) + 12)[:2]
    assert isinstance(whole, JsonObject) and short(objects(data, max_line_bytes=len(NOISE) + 11))[1] == "too_long"


def test_memory_does_not_grow_with_a_line() -> None:
    file = io.BytesIO(packed(b'{"a": "' + b"x" * (64 << 20) + b'"}\n' + ONE))
    tracemalloc.start()
    try:
        found = list(read_objects(file, max_line_bytes=1 << 16))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert short(found) == ["too_long", {"a": 1}] and peak < 4 << 20


def test_a_file_of_something_else_is_one_damage() -> None:
    assert short(objects(b"x\n" * 1000)) == ["bad_json"] * 1000
    assert short(objects(b"x\n" * 1001)) == ["not_jsonl"]
    assert short(objects(b"x\n" * 1001 + ONE + b"x\n" * 2000 + ONE)) == [
        "not_jsonl", {"a": 1}, *["bad_json"] * 2000, {"a": 1}
    ]  # fmt: skip


def test_lines_are_given_as_they_are() -> None:
    found = list(read_lines(io.BytesIO(b"a\r\r\n\nb\rc")))
    assert found == [Line(0, 1, b"a\r"), Line(4, 2, b""), Line(5, 3, b"b\rc", is_cut=True)]


@given(
    st.lists(st.dictionaries(TEXT, TEXT | st.lists(TEXT, max_size=2), max_size=3), min_size=1, max_size=6),
    st.booleans(),
    st.sampled_from(["\n", "\r\n"]),
    st.lists(st.integers(0, 200), max_size=4),
)
def test_reads_what_json_writes_wherever_members_are_cut(written, ascii_only, end, cuts) -> None:
    data = "".join(json.dumps(each, ensure_ascii=ascii_only) + end for each in written).encode()
    borders = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:stop] for start, stop in itertools.pairwise(borders)]
    for stored in (data, packed(*pieces)):
        found = objects(stored)
        assert short(found) == written and [each.number for each in found] == [*range(1, len(written) + 1)]


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda data: packed(ONE) + data), st.integers(1, 50))
def test_no_bytes_crash_it(data: bytes, max_line_bytes: int) -> None:
    for each in objects(data, max_line_bytes=max_line_bytes):
        str(each).encode()
        assert 0 <= each.offset <= len(data)
