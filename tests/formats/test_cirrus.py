"""CirrusSearch dumps: pairs of lines, whole or damaged, packed in any way."""

import bz2
import gzip
import io
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.formats.cirrus import CirrusPage, read_cirrus
from corpusmill.records import Damage

INDEX = b'{"index":{"_type":"_doc","_id":"12"}}\n'
FIELDS = {
    "title": "A",
    "namespace": 0,
    "version": 7,
    "timestamp": "2022-06-20T01:02:03Z",
    "wiki": "enwiki",
    "language": "en",
    "text": "One.",
    "source_text": "'''One'''.",
    "opening_text": "O.",
    "external_link": ["http://a.org/"],
    "template": ["Template:B"],
}
PAGE = CirrusPage(
    12, "A", 0, 7, "2022-06-20T01:02:03Z", "enwiki", "en", "One.", "'''One'''.", "O.", ("http://a.org/",),
    ("Template:B",), 0,
)  # fmt: skip


def line(**fields: object) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def document(**changes: object) -> bytes:
    """A document line; a field that is changed to `...` is left out."""
    return line(**{name: value for name, value in {**FIELDS, **changes}.items() if value is not ...})


def read(data: bytes, **options: int) -> list[CirrusPage | Damage]:
    return list(read_cirrus(io.BytesIO(data), **options))


def short(data: bytes) -> list[object]:
    return [each.id if isinstance(each, CirrusPage) else (each.error, each.offset) for each in read(data)]


GOOD = INDEX + document()
N = len(GOOD)


def test_a_page_has_all_its_fields():
    assert read(GOOD) == [PAGE]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", [("empty_file", 0)], id="no-bytes"),
        pytest.param(GOOD * 2, [12, 12], id="two"),
        pytest.param(line(index={"_id": 13}) + document(), [13], id="id-as-a-number"),
        pytest.param(line(index={}) + document(page_id=13), [13], id="id-in-the-document-alone"),
        pytest.param(document(page_id=13) * 2, [13, 13], id="without-index-lines"),
        pytest.param(line(index={"_id": "12"}) + document(page_id=13), [12], id="the-index-line-counts"),
        pytest.param(b"\n" + INDEX + b"\r\n\n" + document() + b"\n", [12], id="blank-lines"),
        pytest.param(GOOD + INDEX + GOOD, [12, ("no_document", N), 12], id="no-document"),
        pytest.param(GOOD + INDEX, [12, ("no_document", N)], id="no-document-at-the-end"),
        pytest.param(GOOD + document() + GOOD, [12, ("no_id", N), 12], id="no-index-line"),
        pytest.param(GOOD + line(index={}) + document() + GOOD, [12, ("no_id", N), 12], id="no-id-in-it"),
        pytest.param(GOOD + b'{"index"\n' + document() + GOOD, [12, ("bad_json", N), 12], id="broken-index-line"),
        pytest.param(
            GOOD + b'{"index"\n' + document() * 2,
            [12, ("bad_json", N), ("no_id", N + 9 + len(document()))],
            id="one-document-goes-with-it",
        ),
        pytest.param(GOOD + b'{"index"\n' + document(page_id=13), [12, ("bad_json", N), 13], id="and-none-with-an-id"),
        pytest.param(
            GOOD + INDEX + b'{"title": "A\n' + GOOD, [12, ("bad_json", N + len(INDEX)), 12], id="broken-document"
        ),
        pytest.param(INDEX + document(title=...), [("bad_field", 0)], id="no-title"),
        pytest.param(INDEX + document(title=3), [("bad_field", 0)], id="title-of-another-kind"),
        pytest.param(INDEX + document(text=..., source_text=...), [("bad_field", 0)], id="no-text"),
        pytest.param(INDEX + document(text=...), [12], id="wikitext-alone"),
        pytest.param(INDEX + document(source_text=None), [12], id="text-alone"),
        pytest.param(INDEX + document(namespace=...), [("bad_field", 0)], id="no-namespace"),
        pytest.param(INDEX + document(namespace=-1), [12], id="namespace-of-special-pages"),
        pytest.param(INDEX + document(version="x"), [("bad_field", 0)], id="revision-that-is-no-number"),
        pytest.param(INDEX + document(version=True), [("bad_field", 0)], id="revision-that-is-a-truth"),
        pytest.param(line(index={"_id": "n12"}) + document(), [("bad_field", 0)], id="id-that-is-no-number"),
        pytest.param(line(index={"_id": "-1"}) + document(), [("bad_field", 0)], id="id-below-zero"),
        pytest.param(line(index={"_id": "١٢"}) + document(), [("bad_field", 0)], id="id-in-other-digits"),
        pytest.param(INDEX + document(external_link=[1]), [("bad_field", 0)], id="links-of-another-kind"),
        pytest.param(line(a=1) + GOOD * 100, [("not_cirrus", 0)], id="another-format"),
        pytest.param(b"<mediawiki>\n" * 2000, [("not_jsonl", 0)], id="no-json"),
        pytest.param(INDEX + b"[1]\n" + GOOD, [("not_object", len(INDEX)), 12], id="no-object"),
        pytest.param(line(index=1) + GOOD, [("no_id", 0), 12], id="index-of-another-kind"),
    ],
)
def test_pairs(data, expected):
    assert short(data) == expected


@pytest.mark.parametrize(
    "pack",
    [
        pytest.param(lambda data: gzip.compress(data), id="gzip"),
        pytest.param(lambda data: gzip.compress(data[:50]) + gzip.compress(data[50:]), id="gzip-members"),
        pytest.param(lambda data: bz2.compress(data), id="bz2"),
        pytest.param(lambda data: bz2.compress(data[:50]) + bz2.compress(data[50:]), id="bz2-streams"),
    ],
)
def test_packed(pack):
    found = read(pack(GOOD * 3))
    assert [each.id for each in found] == [12] * 3 and {each.text for each in found} == {"One."}


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_what_comes_before_a_cut_is_kept(pack):
    data = b"".join(line(index={"_id": n}) + document(text=str(n) * 3000) for n in range(400))
    found = read(pack(data)[: -len(pack(data)) // 4]) if pack is gzip.compress else read(pack(data)[:-40])
    pages = [each.id for each in found if isinstance(each, CirrusPage)]
    assert pages == list(range(len(pages)))
    assert [each.error for each in found[len(pages) :]] == ["truncated"]


def test_a_line_that_is_too_long_costs_its_page_alone():
    found = read(GOOD + INDEX + document(text="a" * 5000) + GOOD, max_line_bytes=2000)
    assert [each.error if isinstance(each, Damage) else each.id for each in found] == [12, "too_long", 12]


PIECES = [INDEX, line(index={}), line(index={"_id": "x"}), document(), document(title=...), b"{\n", b"\n", b"7\n"]


@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_pages_come_from_whole_pairs_alone(pieces):
    """And whatever else stands there, the lines after it are read, in order."""
    found = read(GOOD + b"".join(pieces) + GOOD)
    lines = [piece for piece in pieces if piece != b"\n"]
    n_pages = sum(pair == (INDEX, document()) for pair in itertools.pairwise(lines))
    assert sum(isinstance(each, CirrusPage) for each in found) == 2 + n_pages
    assert isinstance(found[-1], CirrusPage)
    assert [each.offset for each in found] == sorted(each.offset for each in found)
    assert len(found) > 2 + n_pages or len(lines) == 2 * n_pages
