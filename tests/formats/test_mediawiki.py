import bz2
import gzip
import io
import re
import tracemalloc
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import accumulate, pairwise
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lxml import etree

from corpusmill.formats.mediawiki import Page, SiteInfo, find_slices, read_pages, read_siteinfo
from corpusmill.records import Damage

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
HEAD = (
    b'<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">\n  <siteinfo>\n'
    b"    <dbname>simplewiki</dbname>\n    <base>https://simple.wikipedia.org/wiki/Main_Page</base>\n    <namespaces>\n"
    b'      <namespace key="-2">Media</namespace>\n      <namespace key="0" case="first-letter" />\n'
    b"    </namespaces>\n  </siteinfo>\n"
)
FOOT = b"</mediawiki>\n"


def revision(number: int, text: str = "text", timestamp: str = "2020-01-01T00:00:00Z") -> str:
    return (
        f"    <revision>\n      <id>{number}</id>\n      <parentid>9</parentid>\n"
        f"      <timestamp>{timestamp}</timestamp>\n"
        f"      <contributor><username>a</username><id>99</id></contributor>\n      <minor />\n"
        f'      <text bytes="1" xml:space="preserve">{escape(text)}</text>\n      <sha1>x</sha1>\n    </revision>\n'
    )


def block(
    number: int, title: str | None = None, ns: int = 0, redirect: str | None = None, revisions: str | None = None
) -> bytes:
    target = "" if redirect is None else f"    <redirect title={quoteattr(redirect)} />\n"
    return (
        f"  <page>\n    <title>{escape(title or f'Page {number}')}</title>\n    <ns>{ns}</ns>\n    <id>{number}</id>\n"
        f"{target}{revisions or revision(number + 1000)}  </page>\n"
    ).encode()


def read(data: bytes, start: int = 0, stop: int | None = None, **options: int) -> list[Page | Damage]:
    return list(read_pages(io.BytesIO(data), start, stop, **options))


def read_sliced(data: bytes, cuts: Iterable[int], **options: int) -> list[Page | Damage]:
    borders = [0, *sorted({cut for cut in cuts if 0 < cut < len(data)}), len(data)]
    return [found for start, stop in pairwise(borders) for found in read(data, start, stop, **options)]


def pages_of(found: Iterable[object]) -> list[Page]:
    return [replace(page, offset=0) for page in pages_at(found)]


def pages_at(found: Iterable[object]) -> list[Page]:
    """The pages with their offsets, which packing changes."""
    return [each for each in found if isinstance(each, Page)]


def damage_of(found: Iterable[object]) -> list[Damage]:
    return [each for each in found if isinstance(each, Damage)]


def words_of(found: Iterable[object]) -> list[str]:
    return [each.error for each in damage_of(found)]


def ids_of(found: Iterable[object]) -> list[int]:
    return [page.id for page in pages_at(found)]


def packed(parts: Iterable[bytes]) -> bytes:
    return b"".join(map(bz2.compress, parts))


def dump(*blocks: bytes) -> bytes:
    return HEAD + b"".join(blocks) + FOOT


# What a page holds


def test_page_fields() -> None:
    newest = revision(7, "b <ref>&amp;</ref>\n\n€ ", "2021-05-05T00:00:00Z")
    history = revision(9, "a", "2020-01-01T00:00:00Z") + newest + revision(6, "c", "2021-05-05T00:00:00Z")
    data = dump(block(3, 'A & "B"', -1, "C & D", history), block(4))
    first, second = pages_at(read(data))
    text = "b <ref>&amp;</ref>\n\n€ "
    assert first == Page(3, 'A & "B"', -1, "C & D", 7, "2021-05-05T00:00:00Z", text, len(HEAD) + 2)
    assert second.offset == data.index(b"<page>", first.offset + 1)
    assert second.redirect is None


@pytest.mark.parametrize(
    "element",
    [
        '<text bytes="0" />',
        "<text></text>",
        '<text deleted="deleted" />',
        '<text deleted="deleted">old</text>',
        "",
    ],
)
def test_no_text_is_empty(element: str) -> None:
    data = dump(re.sub(b"<text.*?</text>", element.encode(), block(1)))
    assert [page.text for page in pages_of(read(data))] == [""]


def test_redirect_without_target_is_a_redirect() -> None:
    (page,) = pages_of(read(dump(block(1).replace(b"<ns>", b"<redirect /><ns>"))))
    assert page.redirect == ""


def test_contents_of_other_slots_are_not_the_text() -> None:
    slot = b"<content><role>extra</role><text>slot</text><id>5</id></content></revision>"
    assert pages_of(read(dump(block(1).replace(b"</revision>", slot)))) == pages_of(read(dump(block(1))))


# Damage: each thing once, and the good pages around it come through


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        pytest.param(block(2).replace(b"</text>", b""), "bad_xml", id="element not closed"),
        pytest.param(block(2).replace(b">text<", b">a <b>c</b><"), "bad_xml", id="element in the text"),
        pytest.param(block(2).replace(b">text<", b">&lol9;<"), "bad_xml", id="entity of a document type"),
        pytest.param(block(2).replace(b">text<", b">&nbsp;<"), "bad_xml", id="entity of HTML"),
        pytest.param(block(2).replace(b">text<", b">a\0b<"), "bad_xml", id="NUL"),
        pytest.param(block(2).replace(b">text<", b">&#0;<"), "bad_xml", id="reference to NUL"),
        pytest.param(block(2).replace(b">text<", b">\x1b<"), "bad_xml", id="control character"),
        pytest.param(block(2).replace(b">text<", b">\xef\xbf\xbf<"), "bad_xml", id="U+FFFF"),
        pytest.param(block(2).replace(b"<id>", b"<a>" * 300 + b"</a>" * 300 + b"<id>", 1), "bad_xml", id="nested deep"),
        pytest.param(block(2).replace(b">text<", b"><!DOCTYPE a><"), "bad_xml", id="document type in a page"),
        pytest.param(block(2).replace(b">text<", b">\xff\xfe<"), "bad_utf8", id="bytes that are no UTF-8"),
        pytest.param(block(2).replace(b">text<", b">\xed\xa0\x80<"), "bad_utf8", id="surrogate"),
        pytest.param(block(2).replace(b"<ns>0</ns>", b""), "bad_field", id="no ns"),
        pytest.param(block(2).replace(b"<ns>0<", b"<ns>main<"), "bad_field", id="ns not an integer"),
        pytest.param(block(2).replace(b"<id>2<", b"<id>" + b"9" * 2000 + b"<"), "bad_field", id="absurd id"),
        pytest.param(block(2).replace(b"<id>2</id>", b""), "bad_field", id="no id"),
        pytest.param(block(2).replace(b"<id>2<", b"<id>-2<"), "bad_field", id="negative id"),
        pytest.param(block(2).replace(b"<id>1002<", b"<id>-5<"), "bad_field", id="negative id of the revision"),
        pytest.param(block(2).replace(b"<id>1002<", b"<id><"), "bad_field", id="no id of the revision"),
        pytest.param(block(2).replace(b"<title>Page 2</title>", b""), "bad_field", id="no title"),
        pytest.param(block(2, revisions=" "), "bad_field", id="no revision"),
        pytest.param(block(2).replace(b"</page>", b""), "unterminated_page", id="page not closed"),
        pytest.param(block(2).replace(b"text<", b"x" * 5000 + b"<"), "page_too_long", id="too long"),
        pytest.param(block(2).replace(b"<page>", b"<pagf>"), "bad_xml", id="page not opened"),
        pytest.param(b"  junk\n", "bad_xml", id="text between pages"),
        pytest.param(b"</page>", "bad_xml", id="page closed twice"),
        pytest.param(FOOT, "bad_xml", id="pages after the end"),
    ],
)
def test_damaged_page(bad: bytes, word: str) -> None:
    parts = [HEAD, block(1), bad, block(3), FOOT]
    streams = packed(parts)
    for data in (b"".join(parts), bz2.compress(b"".join(parts)), streams):
        found = read(data, max_page_bytes=4000)
        assert ids_of(found) == [1, 3]
        assert words_of(found) == [word]
        assert [isinstance(each, Page) for each in found] == [True, False, True]
        assert read_sliced(data, range(0, len(data), 50), max_page_bytes=4000) == found
    owner = bad if b"<page>" in bad else parts[1]  # what stands between pages goes with the page before it
    assert damage_of(found)[0].offset == len(packed(parts[: parts.index(owner)]))


def test_a_page_as_long_as_allowed() -> None:
    size = len(block(1).strip())
    assert ids_of(read(dump(block(1)), max_page_bytes=size)) == [1]
    assert words_of(read(dump(block(1)), max_page_bytes=size - 1)) == ["page_too_long"]


BOMB = b'<!DOCTYPE m [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;">]>\n'


@pytest.mark.parametrize(
    ("data", "words", "ids", "site_word"),
    [
        pytest.param(b"", ["empty_file"], [], "empty_file", id="no bytes"),
        pytest.param(bz2.compress(b""), ["not_a_dump"], [], "not_a_dump", id="nothing in the stream"),
        pytest.param(b"just text", ["not_a_dump"], [], "not_a_dump", id="text"),
        pytest.param(b"\0\1\2" * 500000, ["not_a_dump"], [], "not_a_dump", id="binary, 1.5 MB"),
        pytest.param(b"<html><body>page</body></html>", ["not_a_dump"], [], "not_a_dump", id="HTML"),
        pytest.param(dump(block(1)).decode().encode("utf-16"), ["not_utf8"], [], "not_utf8", id="UTF-16"),
        pytest.param(dump(block(1)).decode().encode("utf-16-be"), ["not_utf8"], [], "not_utf8", id="UTF-16, no BOM"),
        pytest.param(dump(), [], [], None, id="no pages"),
        pytest.param(b"\xef\xbb\xbf" + dump(block(1)), [], [1], None, id="BOM"),
        pytest.param(b'<?xml version="1.0" encoding="utf-8"?>\n' + dump(block(1)), [], [1], None, id="declaration"),
        pytest.param(gzip.compress(dump(block(1))), [], [1], None, id="gzip"),
        pytest.param(gzip.compress(dump(block(1)))[:-9], ["truncated"], [1], None, id="gzip, cut"),
        pytest.param(gzip.compress(dump(block(1))) + b"junk", ["bad_gzip"], [1], None, id="gzip and junk"),
        pytest.param(BOMB + dump(block(1)), ["bad_xml"], [1], "bad_xml", id="document type"),
        pytest.param(dump(block(1)).replace(b"<dbname>", b"<dbname>&b;"), ["bad_xml"], [1], "bad_xml", id="entity"),
        pytest.param(HEAD.replace(b">\n", b">" + b" " * (1 << 20), 1) + FOOT, ["bad_xml"], [], None, id="long head"),
        pytest.param(block(1) + FOOT, [], [1], "no_siteinfo", id="no head"),
        pytest.param(HEAD + block(1), ["truncated"], [1], None, id="no end"),
        pytest.param(HEAD, ["truncated"], [], None, id="head alone"),
        pytest.param(dump(block(1))[:-50], ["unterminated_page", "truncated"], [], None, id="cut in a page"),
        pytest.param(dump(block(1).replace(b"</page>", b"")), ["unterminated_page"], [], None, id="last page open"),
        pytest.param(dump(block(1)) + b"junk", ["bad_xml"], [1], None, id="junk after the end"),
        pytest.param(b"BZh9", ["truncated"], [], "truncated", id="bz2 header, cut"),
        pytest.param(bz2.compress(dump(block(1))) + b"junk", ["bad_bz2"], [1], None, id="bz2 and junk"),
        pytest.param(bz2.compress(dump(block(1))) + bytes(600), ["bad_bz2"], [1], None, id="bz2 and zeros"),
        pytest.param(bz2.compress(dump(block(1))) + b"BZh9", ["truncated"], [1], None, id="bz2 and a cut header"),
        pytest.param(b"?" + bz2.compress(dump(block(1))), ["bad_bz2"], [1], "bad_bz2", id="junk and bz2"),
    ],
)
def test_file(data: bytes, words: list[str], ids: list[int], site_word: str | None) -> None:
    found = read(data)
    assert (words_of(found), ids_of(found)) == (words, ids)
    assert read_sliced(data, range(0, len(data), max(20, len(data) // 50))) == found
    site = read_siteinfo(io.BytesIO(data))
    assert site.error == site_word if isinstance(site, Damage) else site_word is None
    if not words:
        assert isinstance(site, Damage) or site.language == "simple"
    assert words or site_word in (None, "no_siteinfo")


def test_a_corrupt_stream_costs_itself_alone() -> None:
    parts = [HEAD + block(1) + block(2)[:60], block(2)[60:] + block(3) + block(4)[:60], block(4)[60:] + block(5) + FOOT]
    streams = list(map(bz2.compress, parts))
    second, third = len(streams[0]), len(streams[0] + streams[1])
    for at in (0, 2, 5, 12, 120, len(streams[1]) - 5):
        data = bytearray(b"".join(streams))
        data[second + at] ^= 0x55
        found = read(bytes(data))
        # A broken header leaves the block whole; the checksum of the stream is at its end: by then its pages are out.
        assert ids_of(found) == ([1, 3, 4, 5] if at < 4 else [1, 5] if at < len(streams[1]) - 5 else [1, 2, 3, 5])
        assert words_of(found) == (["unterminated_page", "bad_bz2"])
        assert damage_of(found)[-1].offset == second
        assert read_sliced(bytes(data), [second, third]) == found


def test_good_blocks_around_a_corrupt_one_are_kept() -> None:
    blocks = [block(n, revisions=revision(n, bytes(range(33, 127)).decode() * 9)) for n in range(400)]
    data = bytearray(bz2.compress(dump(*blocks), 1))
    bits = f"{int.from_bytes(data):0{8 * len(data)}b}"
    third = [match.start() // 8 for match in re.finditer(f"{0x314159265359:048b}", bits)][2]
    good = bz2.BZ2Decompressor().decompress(bytes(data[: third + 1]))
    data[third + 2] ^= 0xFF
    found = read(bytes(data))
    before = good.count(b"</page>")
    lost = 100_000 // len(blocks[-1])  # a block is 100 kB
    assert ids_of(found)[:before] == list(range(before))
    assert ids_of(found)[before:] == list(range(400 - len(ids_of(found)) + before, 400))
    assert lost - 1 <= 400 - len(ids_of(found)) <= lost + 2
    assert words_of(found) == ["unterminated_page", "bad_bz2"]


def test_what_looks_like_a_stream_start_does_no_harm() -> None:
    streams = [bz2.compress(part) for part in (HEAD, b"".join(map(block, range(50))), block(50) + FOOT)]
    fake = b"BZh91AY&SY"
    middle = len(streams[0]) + len(streams[1]) // 2
    data = b"".join(streams)
    data = data[:middle] + fake + data[middle + 10 :]
    found = read(data)
    assert (ids_of(found), words_of(found)) == ([50], ["bad_bz2"])
    for cut in (middle - 5, middle, middle + 5):
        assert read_sliced(data, [cut]) == found
        assert read(data, cut, len(streams[0] + streams[1])) == []


def test_a_stream_start_across_two_reads_is_found() -> None:
    filler = block(1, revisions=revision(1, "x"))
    first = bz2.compress(HEAD + filler)
    for shift in range(12):
        junk = bytes((1 << 20) - 6 - shift)
        data = first + junk + bz2.compress(block(2) + FOOT)
        assert ids_of(read(data, len(first))) == [2]


def test_bombs_stay_small() -> None:
    huge = block(2, revisions=revision(2, "a" * (20 << 20)))
    data = bz2.compress(
        b"".join([HEAD, block(1), huge, block(3), b" " * (20 << 20), block(4), b"x" * (20 << 20), FOOT])
    )
    del huge
    assert len(data) < 20_000
    tracemalloc.start()
    found = read(data, max_page_bytes=2 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (ids_of(found), words_of(found)) == ([1, 3, 4], ["page_too_long", "bad_xml"])
    assert peak < 40 << 20


# The head


@pytest.mark.parametrize(
    ("dbname", "xml_lang", "host", "language"),
    [
        ("enwiki", "de", "de.wikipedia.org", "en"),
        ("zh_min_nanwiki", "nan", "zh-min-nan.wikipedia.org", "zh-min-nan"),
        ("frwiktionary", "fr", "fr.wiktionary.org", "fr"),
        ("", "it", "de.wikipedia.org", "it"),
        ("mydb", "it", "", "it"),
        ("", "", "uk.wikipedia.org", "uk"),
    ],
)
def test_language(dbname: str, xml_lang: str, host: str, language: str) -> None:
    head = (
        f'<mediawiki xml:lang="{xml_lang}"><siteinfo><dbname>{dbname}</dbname><base>https://{host}/w</base></siteinfo>'
    )
    assert read_siteinfo(io.BytesIO(head.encode())) == SiteInfo(language, dbname, f"https://{host}/w", {})


def test_siteinfo() -> None:
    expected = SiteInfo("simple", "simplewiki", "https://simple.wikipedia.org/wiki/Main_Page", {-2: "Media", 0: ""})
    for data in (HEAD, packed([HEAD, block(1), FOOT]), packed([HEAD[:50], HEAD[50:-5], HEAD[-5:]])):
        assert read_siteinfo(io.BytesIO(data)) == expected


@pytest.mark.parametrize(
    ("head", "word"),
    [
        (b"<mediawiki><siteinfo></siteinfo><page>", "no_siteinfo"),
        (b"<mediawiki><base>http://[::</base></siteinfo>", "bad_xml"),
        (b"<mediawiki><siteinfo><base>http://[::</base></siteinfo>", "no_siteinfo"),
        (b"<mediawiki><siteinfo><dbname>\xff</dbname></siteinfo>", "bad_utf8"),
        (HEAD.replace(b'key="0"', b'key="zero"'), "no_siteinfo"),
        (bz2.compress(HEAD)[:-20], "truncated"),
    ],
)
def test_bad_siteinfo(head: bytes, word: str) -> None:
    site = read_siteinfo(io.BytesIO(head))
    assert isinstance(site, Damage)
    assert site.error == word


# Slices


def test_find_slices() -> None:
    many, one = packed([HEAD, block(1), FOOT]), bz2.compress(dump(block(1)))
    assert find_slices(io.BytesIO(many), len(many), 100)[:2] == [(0, 100), (100, 200)]
    assert find_slices(io.BytesIO(many), len(many), 100)[-1][1] == len(many)
    assert find_slices(io.BytesIO(many), len(many), len(many)) == [(0, len(many))]
    assert find_slices(io.BytesIO(one), len(one), 100) == [(0, len(one))]
    assert find_slices(io.BytesIO(dump()), len(dump()), 100) == [(0, len(dump()))]
    assert find_slices(io.BytesIO(b""), 0, 100) == [(0, 0)]


TEXTS = st.text(
    st.one_of(
        st.sampled_from(["<page>", "</page>", "&", "\n", "]]>", "&amp;"]),
        st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")),
    ).filter(lambda text: len(text) == 1),
    max_size=40,
) | st.sampled_from(["<page>", "a</page>\n<page>b", "&lt;page&gt;", "x" * 3000])
BLOCKS = st.lists(TEXTS, max_size=8).map(
    lambda texts: [block(n, revisions=revision(n, text)) for n, text in enumerate(texts)]
)


@st.composite
def streams(draw: st.DrawFn, empty: bool = True) -> list[bytes]:
    """The streams of a dump: one, or some pages each, or cut anywhere, some of them empty."""
    parts = [HEAD, *draw(BLOCKS), FOOT]
    content = b"".join(parts)
    ends = list(accumulate(map(len, parts)))
    cuts = draw(st.lists(st.sampled_from(ends) | st.integers(0, len(content)), max_size=12))
    cuts = sorted(cuts if empty else set(cuts) - {0, len(content)})
    return [content[start:stop] for start, stop in pairwise([0, *cuts, len(content)])]


@settings(max_examples=150, deadline=None)
@given(streams(), st.lists(st.floats(0, 1), max_size=6))
def test_slices_give_each_page_once(contents: list[bytes], cuts: list[float]) -> None:
    expected = pages_of(read(b"".join(contents)))
    assert ids_of(expected) == list(range(b"".join(contents).count(b"<page>")))
    data = packed(contents)
    found = read_sliced(data, [round(cut * len(data)) for cut in cuts])
    assert pages_of(found) == expected
    assert not damage_of(found)
    offsets = [0, *accumulate(len(bz2.compress(content)) for content in contents)]
    begins = [0, *accumulate(map(len, contents))]
    places = [match.start() for match in re.finditer(b"<page>", b"".join(contents))]
    assert [page.offset for page in found] == [offsets[bisect_right(begins, place) - 1] for place in places]


@settings(max_examples=100, deadline=None)
@given(streams(), st.integers(0), st.lists(st.integers(0, 2000), max_size=4), st.booleans())
def test_truncated(contents: list[bytes], size: int, cuts: list[int], pack: bool) -> None:
    whole = b"".join(contents).rstrip()
    data = packed(contents) if pack else whole
    expected = pages_of(read(whole))
    data = data[: size % len(data)]
    assume(not pack or not data.endswith(FOOT))
    found = read(data)
    assert pages_of(found) == expected[: len(pages_of(found))]
    # Streams cut off behind </mediawiki> were empty ones, or its last line break.
    complete = pack and any(
        b"".join(contents[:n]).rstrip() == whole and data == packed(contents[:n]) for n in range(len(contents))
    )
    assert bool(damage_of(found)) != complete
    assert read_sliced(data, cuts) == found


@settings(max_examples=150, deadline=None)
@given(streams(empty=False), st.data())
def test_flipped_bytes(contents: list[bytes], draw: st.DataObject) -> None:
    packs = [bz2.compress(content) for content in contents]
    begins = [0, *accumulate(map(len, packs))]
    expected = pages_of(read(b"".join(contents)))
    data = bytearray(b"".join(packs))
    flips = draw.draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(1, 255)), min_size=1, max_size=3))
    for at, mask in flips:
        data[at] ^= mask
    found = read(bytes(data))
    assert [page for page in expected if page in pages_of(found)] == pages_of(found)
    if len(pages_of(found)) < len(expected):
        assert damage_of(found)
    touched = {bisect_right(begins, at) - 1 for at, _ in flips}
    lines = [content if n not in touched else bytes(len(content)) for n, content in enumerate(contents)]
    whole = {int(match[1]) for match in re.finditer(rb"<page>[^\0]*?<id>(\d+)<[^\0]*?</page>", b"".join(lines))}
    assert whole <= set(ids_of(found))
    assert read_sliced(bytes(data), draw.draw(st.lists(st.integers(0, len(data)), max_size=4))) == found


@pytest.mark.parametrize("mask", range(1, 256))
def test_any_first_byte_of_a_packed_dump(mask: int) -> None:
    """Even one that XML begins with."""
    data = bytearray(packed([HEAD, block(1) + FOOT]))
    data[0] ^= mask
    assert ids_of(read(bytes(data))) == [1]


@settings(max_examples=150, deadline=None)
@given(BLOCKS, st.data())
def test_flipped_bytes_of_plain_xml(blocks: list[bytes], draw: st.DataObject) -> None:
    data = bytearray(dump(*blocks))
    pages = pages_at(read(bytes(data)))
    flips = draw.draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(1, 255)), min_size=1, max_size=3))
    ends = [match.end() for match in re.finditer(b"</page>", data)]
    untouched = [
        page for page, end in zip(pages, ends, strict=True) if not any(page.offset <= at < end for at, _ in flips)
    ]
    for at, mask in flips:
        data[at] ^= mask
    found = read(bytes(data))
    assert [page for page in untouched if page not in found] == []
    if len(pages_of(found)) < len(pages):
        assert damage_of(found)
    assert {page.offset for page in pages_at(found)} <= {page.offset for page in pages}
    assert damage_of(found) or words_of([read_siteinfo(io.BytesIO(data))]) in ([], ["no_siteinfo"])
    assert read_sliced(bytes(data), draw.draw(st.lists(st.integers(0, len(data)), max_size=4))) == found


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from([b"<page>", b"</page>", b"<pa", b"ge>", b" ", b"x", HEAD, block(1), FOOT]), max_size=12)
)
def test_any_order_of_markers_reads_alike_in_slices(parts: list[bytes]) -> None:
    data = b"".join(parts)
    assert read_sliced(data, range(len(data) if len(data) < 900 else 0)) == read(data)
    data = packed(parts)
    assert read_sliced(data, range(0, len(data), 30)) == read(data)


# Real dumps


def _dumps() -> list[Path]:
    return sorted((SHARED / "wikipedia").glob("*.xml.bz2"))


def _pages_by_lxml(path: Path) -> Iterator[Page]:
    """Every page of a dump by another parser, the newest revision of each."""
    with bz2.open(path) as file:
        for _, page in etree.iterparse(file, tag="{*}page", huge_tree=True):
            redirect = page.find("{*}redirect")
            newest = max(page.iterfind("{*}revision"), key=lambda each: each.findtext("{*}timestamp"))
            yield Page(
                int(page.findtext("{*}id")),
                page.findtext("{*}title"),
                int(page.findtext("{*}ns")),
                None if redirect is None else redirect.get("title"),
                int(newest.findtext("{*}id")),
                newest.findtext("{*}timestamp"),
                newest.findtext("{*}text") or "",
                0,
            )
            page.clear()


@pytest.mark.skipif(not _dumps(), reason="no real dumps here")
@pytest.mark.parametrize("path", [pytest.param(path, id=path.name.split(".")[0]) for path in _dumps()])
def test_real_dump(path: Path) -> None:
    with path.open("rb") as file:
        found = list(read_pages(file))
        site = read_siteinfo(file)
    if "utf16" in path.name:
        assert words_of([site, *found]) == ["not_utf8", "not_utf8"]
        return
    pages = pages_of(found)
    assert pages == list(_pages_by_lxml(path))
    assert not damage_of(found)
    row = rf"^\| {re.escape(path.name)} \| (\d+) \| (\d+) \|"
    articles = [page for page in pages if page.namespace == 0 and page.redirect is None]
    assert re.findall(row, (SHARED / "MANIFEST.md").read_text(), re.M) == [(str(len(pages)), str(len(articles)))]
    assert isinstance(site, SiteInfo)
    assert site.language == path.name.partition("wiki")[0]
