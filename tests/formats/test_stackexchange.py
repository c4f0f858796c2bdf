"""Rows of Posts.xml: cut anywhere, damaged in every way, unpacked from every form that dumps have."""

import gzip
import io
import json
import random
from collections.abc import Sequence
from pathlib import Path

import py7zr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.formats.stackexchange import Post, Row, RowCutter, cut_rows, parse_post, site_of
from corpusmill.formats.stackexchange_file import unpack_posts, unpacked_bytes
from corpusmill.records import Damage
from running import SHARED

HEAD, TAIL = b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\r\n<posts>\r\n', b"</posts>"


def question(number: int, body: str = "", **more: str) -> bytes:
    said = "".join(f' {name}="{value}"' for name, value in more.items())
    return f'  <row Id="{number}" PostTypeId="1" Score="3" Body="{body}" Title="T"{said} />\r\n'.encode()


def answer(number: int, parent: int, body: str = "") -> bytes:
    return f'  <row Id="{number}" PostTypeId="2" ParentId="{parent}" Score="3" Body="{body}" />\r\n'.encode()


def dump(*rows: bytes) -> bytes:
    return HEAD + b"".join(rows) + TAIL


def cut(data: bytes, sizes: Sequence[int] = (), max_row_bytes: int = 1 << 20) -> list[Row | Damage]:
    """All that a cutter finds when the data come in pieces of these sizes, and then the rest."""
    cutter = RowCutter(max_row_bytes)
    found: list[Row | Damage] = []
    at = 0
    for size in sizes:
        found += cutter.feed(data[at : at + size])
        at += size
    return [*found, *cutter.feed(data[at:]), *cutter.finish()]


def errors(found: Sequence[Row | Damage]) -> list[str]:
    return [one.error for one in found if isinstance(one, Damage)]


def rows(found: Sequence[Row | Damage]) -> list[Row]:
    return [one for one in found if isinstance(one, Row)]


DATA = dump(question(4, "&lt;row a"), answer(5, 4, "x" * 50), question(6, "語"), answer(7, 4))


@given(st.lists(st.integers(0, 60), max_size=30))
def test_rows_do_not_depend_on_where_the_data_are_cut(sizes: list[int]) -> None:
    assert cut(DATA, sizes) == cut(DATA)


def test_rows_say_where_they_stand_and_whose_they_are() -> None:
    found = cut(DATA)
    assert [(row.question, DATA[row.offset :].startswith(row.data)) for row in rows(found)] == [
        *((4, True), (4, True), (6, True), (4, True))
    ]
    assert not errors(found)


@pytest.mark.parametrize(
    ("data", "n_rows", "words"),
    [
        pytest.param(dump(), 0, [], id="no posts"),
        pytest.param(HEAD + question(1), 1, ["truncated"], id="no end"),
        pytest.param(HEAD + question(1) + question(2)[:-20], 1, ["truncated"], id="cut off in a row"),
        pytest.param(b"", 0, ["empty_file"], id="no bytes"),
        pytest.param(b"<posts/>", 0, [], id="a site without posts"),
        pytest.param(dump(question(1)) + b" \n" * 500, 1, [], id="white space at the end"),
        pytest.param(dump(b'<row Id="1" PostTypeId="1"></row>'), 1, [], id="an end tag"),
        pytest.param(dump(b'<row Id="-1" PostTypeId="1" />', question(3)), 1, ["bad_value"], id="a negative id"),
        pytest.param(dump(b'<row Id="1" PostTypeId="2" ParentId="-5" />'), 0, ["bad_value"], id="a negative parent"),
        pytest.param(b"<html>no</html>", 0, ["not_posts"], id="something else"),
        pytest.param("\ufeff<posts>".encode("utf-16"), 0, ["not_utf8"], id="UTF-16"),
        pytest.param(dump(question(1), question(2, "x" * 3000), question(3)), 2, ["too_long"], id="huge row"),
        pytest.param(HEAD + question(2, "x" * 9000)[:-5], 0, ["too_long", "truncated"], id="huge row, cut off"),
        pytest.param(dump(b'<row PostTypeId="1" />', question(3)), 1, ["bad_value"], id="no id"),
        pytest.param(dump(b'<row Id="7" PostTypeId="2" />', question(3)), 1, ["bad_value"], id="no parent"),
        pytest.param(dump(b'<row Id="x" PostTypeId="1" />', question(3)), 1, ["bad_value"], id="an id of letters"),
        pytest.param(dump(b"<row Id='8' PostTypeId='1' />"), 1, [], id="single quotes"),
        pytest.param(dump(b"<row/>", b"<row"), 0, ["bad_value"], id="rows of nothing"),
        pytest.param(dump(b"<rowdy Id='8' />", question(1)), 1, [], id="another element"),
    ],
)
def test_damage(data: bytes, n_rows: int, words: list[str]) -> None:
    for sizes in ((), (100,) * 200, (1,) * min(len(data), 400)):
        found = cut(data, sizes, max_row_bytes=2000)
        assert (len(rows(found)), errors(found)) == (n_rows, words)


def test_what_a_body_says_does_not_move_a_row() -> None:
    body = "ParentId=&quot;9&quot; ParentId='9' PostTypeId='2'"
    assert [row.question for row in rows(cut(dump(question(4, body))))] == [4]
    single = b"""<row Id='5' Body=' ParentId="9" PostTypeId="2"' PostTypeId='2' ParentId='4' />"""
    assert [row.question for row in rows(cut(dump(single)))] == [4]


def test_rows_are_given_out_as_they_come() -> None:
    """Of an archive of 20 MB of rows, packed to some KB, no more are held at a time than stand in a piece of 1 MB."""
    most = 0

    def take(found: Sequence[Row | Damage]) -> None:
        nonlocal most
        most = max(most, len(found))

    data = archive({"Posts.xml": HEAD + question(1) * 300_000 + TAIL})
    assert cut_rows(io.BytesIO(data), take) == 300_000
    assert 1000 < most <= (1 << 20) // len(question(1)) + 1


def test_what_a_header_says_is_not_believed_beyond_reason() -> None:
    data = archive({"Posts.xml": bytes(20 << 20)})
    assert unpacked_bytes(io.BytesIO(data), len(data)) == len(data) * 1000 < 20 << 20


# ---- rows ------------------------------------------------------------------------------------------------------------


def test_a_post_has_what_its_row_says() -> None:
    row = (
        '<row Id="4" PostTypeId="1" AcceptedAnswerId="5" CreationDate="2010-01-02T03:04:05.678" Score="-2" '
        'Body="&lt;p&gt;a &amp;amp; b&lt;/p&gt;&#xA;" LastEditDate="2011-01-01T00:00:00.000" Title="1 &lt; 2" '
        'Tags="&lt;c++&gt;&lt;c#&gt;" ContentLicense="CC BY-SA 2.5" />'
    )
    assert parse_post(row.encode(), 9) == (
        Post(
            id=4, kind="question", question=4, score=-2, title="1 < 2", body="<p>a &amp; b</p>\n", tags=("c++", "c#"),
            created="2010-01-02T03:04:05.678", edited="2011-01-01T00:00:00.000", license="CC BY-SA 2.5", accepted=5,
            offset=9,
        ),
        None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("values", "kind", "question"),
    [
        pytest.param('Id="1" PostTypeId="1"', "question", 1, id="question"),
        pytest.param('Id="2" PostTypeId="2" ParentId="1"', "answer", 1, id="answer"),
        pytest.param('Id="3" PostTypeId="5"', "other", 3, id="tag wiki"),
        pytest.param('Id="3" PostTypeId="7" ParentId="1"', "other", 3, id="wiki placeholder"),
        pytest.param('Id="4"', "question", 4, id="no type"),
        pytest.param('Id="5" ParentId="4"', "answer", 4, id="no type, but a parent"),
    ],
)
def test_kinds(values: str, kind: str, question: int) -> None:
    post, _ = parse_post(f"<row {values} />".encode(), 0)  # type: ignore[misc]
    assert (post.kind, post.question) == (kind, question)


@pytest.mark.parametrize(
    ("body", "text", "word"),
    [
        pytest.param(b"a&#x8;b&#11;c", "abc", "bad_character", id="references that XML does not allow"),
        pytest.param(b"a\x08b\xef\xbf\xbfc", "abc", "bad_character", id="characters that XML does not allow"),
        pytest.param(b"&#xD83D;&#xDE00;", "😀", None, id="a surrogate pair"),
        pytest.param(b"&#55357;&#56832;&#x41;", "😀A", None, id="a surrogate pair in decimals"),
        pytest.param(b"a&#xD83D;b", "ab", "bad_character", id="half a surrogate pair"),
        pytest.param(b"&#xDE00;&#xD83D;", "", "bad_character", id="a surrogate pair the wrong way round"),
        pytest.param(b"&#1114112;a", "a", "bad_character", id="beyond Unicode"),
        pytest.param(b"&#x1F600;&#10;", "😀\n", None, id="fine"),
    ],
)
def test_characters_that_xml_does_not_allow(body: bytes, text: str, word: str | None) -> None:
    post, damage = parse_post(b'<row Id="1" PostTypeId="1" Body="%s" />' % body, 7)  # type: ignore[misc]
    assert post.body == text
    assert (damage.error, damage.offset) == (word, 7) if word else damage is None


@pytest.mark.parametrize(
    ("row", "word"),
    [
        pytest.param(b'<row Id="1" Body="a" Body="b" />', "bad_xml", id="a value twice"),
        pytest.param(b'<row Id="1" Body="a < b" />', "bad_xml", id="raw less-than"),
        pytest.param(b'<row Id="1" Body="&nbsp;" />', "bad_xml", id="an entity of nobody"),
        pytest.param(b'<row Id="1" Body="a />', "bad_xml", id="an open quote"),
        pytest.param(b'<row Id="1" Body="\xe9" />', "bad_utf8", id="latin-1"),
        pytest.param(b'<row Id="1" Score="many" />', "bad_value", id="a score of letters"),
        pytest.param(b'<row Id="1" Score="%s" />' % (b"9" * 5000), "bad_value", id="a score too large"),
    ],
)
def test_rows_that_cannot_be_read(row: bytes, word: str) -> None:
    damage = parse_post(row, 3)
    assert isinstance(damage, Damage)
    assert (damage.error, damage.offset) == (word, 3)


def test_entities_of_a_document_type_are_not_expanded() -> None:
    laughs = b'<!DOCTYPE r [<!ENTITY e "eeee">]><posts><row Id="1" PostTypeId="1" Body="&e;" /></posts>'
    [row] = rows(cut(laughs))
    assert parse_post(row.data, row.offset).error == "bad_xml"  # type: ignore[union-attr]


# ---- files -----------------------------------------------------------------------------------------------------------


def unpacked(data: bytes) -> tuple[bytes, list[str]]:
    out = bytearray()
    damages = list(unpack_posts(io.BytesIO(data), out.extend))
    return bytes(out), [damage.error for damage in damages]


def archive(members: dict[str, bytes], **options: object) -> bytes:
    stream = io.BytesIO()
    with py7zr.SevenZipFile(stream, "w", **options) as file:  # type: ignore[arg-type]
        for name, data in members.items():
            file.writestr(data, name)
    return stream.getvalue()


LARGE = dump(*(question(n, random.Random(n).randbytes(40).hex()) for n in range(2000)))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(LARGE, id="plain"),
        pytest.param(gzip.compress(LARGE), id="gzip"),
        pytest.param(gzip.compress(LARGE[:9000]) + gzip.compress(LARGE[9000:]), id="gzip of two members"),
        pytest.param(archive({"Posts.xml": LARGE}), id="7z"),
        pytest.param(archive({"Badges.xml": b"b" * 99, "Posts.xml": LARGE, "Users.xml": b"u"}), id="7z of a site"),
        pytest.param(archive({"site/Posts.xml": LARGE}), id="7z with a folder"),
        pytest.param(archive({"Posts.xml": LARGE}, filters=[{"id": py7zr.FILTER_BZIP2}]), id="7z with bzip2"),
        pytest.param(
            archive({"Posts.xml": LARGE}, filters=[{"id": py7zr.FILTER_PPMD, "order": 6, "mem": 24}]), id="7z with PPMd"
        ),
        pytest.param(archive({"Posts.xml": LARGE}, filters=[{"id": py7zr.FILTER_COPY}]), id="7z that packs nothing"),
    ],
)
def test_all_forms_give_the_same_bytes(data: bytes) -> None:
    assert unpacked(data) == (LARGE, [])
    if data[:2] != b"\x1f\x8b":
        assert unpacked_bytes(io.BytesIO(data), len(data)) == len(LARGE)


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", ["empty_file"], id="no bytes"),
        pytest.param(archive({"Users.xml": b"<users/>"}), ["not_posts"], id="no Posts.xml in it"),
        pytest.param(archive({"a/Posts.xml": LARGE, "b/Posts.xml": LARGE}), ["more_posts"], id="two sites in it"),
        pytest.param(archive({"Posts.xml": LARGE}, password="secret"), ["encrypted"], id="encrypted"),
        pytest.param(
            archive({"Posts.xml": LARGE}, password="secret", header_encryption=True), ["encrypted"], id="all encrypted"
        ),
        pytest.param(archive({"Posts.xml": LARGE})[:-500], ["bad_archive"], id="cut off"),
        pytest.param(archive({"Posts.xml": LARGE})[:20], ["bad_archive"], id="hardly begun"),
        pytest.param(flipped(archive({"Posts.xml": LARGE}), 60_000), ["bad_archive"], id="a bit flipped"),
        pytest.param(gzip.compress(LARGE)[:-900], ["truncated"], id="gzip cut off"),
    ],
)
def test_damaged_files(data: bytes, words: list[str]) -> None:
    out, found = unpacked(data)
    assert found == words
    assert LARGE.startswith(out[:30_000])


@pytest.mark.parametrize("name", ["../../Posts.xml", "/tmp/Posts.xml", "..\\Posts.xml"])
def test_names_in_an_archive_lead_nowhere(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a/b"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(py7zr.py7zr, "check_archive_path", lambda path: True)  # py7zr would not write it
    out, found = unpacked(archive({name: LARGE}))
    assert (out, found) == (LARGE, []) or (out == b"" and found == ["bad_archive"])
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_error_of_the_one_who_takes_the_bytes_is_not_the_archives() -> None:
    def take(data: bytes) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        list(unpack_posts(io.BytesIO(archive({"Posts.xml": LARGE})), take))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=4))
def test_no_archive_breaks_it(at: int, junk: bytes) -> None:
    data = archive({"Posts.xml": DATA})
    at %= len(data)
    unpacked(data[:at] + junk + data[at + len(junk) :])
    unpacked_bytes(io.BytesIO(data[:at] + junk), 9)


@pytest.mark.parametrize(
    ("name", "site"),
    [
        ("stackexchange/beer.stackexchange.com.7z", "beer.stackexchange.com"),
        ("stackexchange/stackoverflow.com-Posts.7z", "stackoverflow.com"),
        ("stackexchange/stackoverflow.com-PostHistory.7z", None),
        ("stackexchange/pt.meta.stackoverflow.com.7z", "pt.meta.stackoverflow.com"),
        ("stackexchange/Beer.StackExchange.com/posts.XML", "beer.stackexchange.com"),
        ("stackexchange/beer.stackexchange.com/Posts.xml.gz", "beer.stackexchange.com"),
        ("stackexchange/beer.stackexchange.com/Users.xml", None),
        ("stackexchange/beer.stackexchange.com.xml.gz", "beer.stackexchange.com"),
        ("stackexchange/readme.txt", None),
        ("stackexchange/beer.stackexchange.com.7z.001", None),
    ],
)
def test_sites(name: str, site: str | None) -> None:
    assert site_of(name) == site


@pytest.mark.skipif(not (SHARED / "data/stackexchange").exists(), reason="the shared samples are not here")
def test_real_dumps_are_read_without_damage() -> None:
    found = {}
    for path in sorted((SHARED / "data/stackexchange").glob("*.7z")):
        cut: list[Row | Damage] = []
        with path.open("rb") as file:
            n_rows = cut_rows(file, cut.extend)
        parsed = [parse_post(row.data, row.offset) for row in cut]  # type: ignore[union-attr]
        assert all(damage is None for _, damage in parsed)  # type: ignore[misc]
        kinds = [post.kind for post, _ in parsed]  # type: ignore[misc]
        found[path.stem] = (n_rows, kinds.count("question"), kinds.count("answer"))
    manifest = (SHARED / "data/MANIFEST.md").read_text(encoding="utf-8")
    said = [line.split(" | ") for line in manifest.splitlines() if ".stackexchange.com |" in line]
    assert found == {row[0].strip("| "): tuple(map(int, row[1:4])) for row in said}, json.dumps(found)
