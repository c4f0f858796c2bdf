"""Addresses: one form for each page, and all that wikitext cites."""

from __future__ import annotations

import gzip
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpusmill.filters.urls import canonical_url, cited_urls, normalize_url
from corpusmill.formats.mediawiki import read_pages
from corpusmill.records import Damage
from running import SHARED

WIKIPEDIA = SHARED / "data/wikipedia"
needs_dumps = pytest.mark.skipif(not WIKIPEDIA.exists(), reason="needs real dumps")
LLAMA_WIKIS = re.compile("(?:bg|ca|cs|da|de|en|es|fr|hr|hu|it|nl|pl|pt|ro|ru|sl|sr|sv|uk)wiki")

# ---- one form --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("http://example.org/a", "example.org/a", id="http"),
        pytest.param("HTTPS://example.org/a", "example.org/a", id="https, in capitals"),
        pytest.param("//example.org/a", "example.org/a", id="of no protocol"),
        pytest.param("example.org/a", "example.org/a", id="no scheme"),
        pytest.param("http:/example.org/a", "example.org/a", id="one slash"),
        pytest.param("http://example.org", "example.org", id="no path"),
        pytest.param("http://example.org/", "example.org", id="the root"),
        pytest.param("http://example.org/a/", "example.org/a/", id="a folder's slash stays"),
        pytest.param("http://example.org?a", "example.org/?a", id="a query without a path"),
        pytest.param("http://example.org/?", "example.org/?", id="an empty query"),
        pytest.param("http://example.org/a?c=/../d&b=%7E", "example.org/a?c=/../d&b=~", id="a query stays in order"),
        pytest.param("http://example.org/a#b?c", "example.org/a", id="a fragment"),
        pytest.param("http://Example.ORG./A", "example.org/A", id="the host's case and dot, the path's case"),
        pytest.param("http://example.org:080/a", "example.org/a", id="the port of http"),
        pytest.param("https://example.org:443/a", "example.org/a", id="the port of https"),
        pytest.param("http://example.org:8080/", "example.org:8080", id="another port"),
        pytest.param("http://a:b@c@example.org/", "example.org", id="user and password"),
        pytest.param("http://bücher.example/", "xn--bcher-kva.example", id="IDNA"),
        pytest.param("http://xn--bcher-kva.EXAMPLE/", "xn--bcher-kva.example", id="IDNA in ASCII"),
        pytest.param("http://ｅｘａｍｐｌｅ。org/", "example.org", id="full width"),
        pytest.param("http://%65xample.org/", "example.org", id="escapes in a host"),
        pytest.param("http://example.org/%7euser/%c3%a9", "example.org/~user/%C3%A9", id="escapes"),
        pytest.param("http://example.org/é [1]|2", "example.org/%C3%A9%20%5B1%5D%7C2", id="what needs escapes"),
        pytest.param("http://example.org/100%", "example.org/100%25", id="no escape"),
        pytest.param("http://example.org/%%34%31", "example.org/%2541", id="no escape that becomes one"),
        pytest.param("http://example.org/%2Fa%3Fb", "example.org/%2Fa%3Fb", id="escapes that matter"),
        pytest.param("http://example.org/a/./b/../c", "example.org/a/c", id="dots"),
        pytest.param("http://example.org/../..", "example.org", id="above the root"),
        pytest.param("http://example.org/a/%2e%2E/b", "example.org/b", id="escaped dots"),
        pytest.param("http://example.org/a..b/...", "example.org/a..b/...", id="dots in names"),
        pytest.param("http://example.org//a", "example.org//a", id="two slashes"),
        pytest.param(" http://exam\nple.org/a\tb\r\n", "example.org/ab", id="white space"),
        pytest.param("http:\\\\example.org\\a?b\\", "example.org/a?b%5C", id="backslashes"),
        pytest.param("http://example.org\\@other.org/", "example.org/@other.org/", id="a host in disguise"),
        pytest.param("http://192.168.0.1/a", "192.168.0.1/a", id="an IPv4 address"),
        pytest.param("http://a_b.example.org/", "a_b.example.org", id="an underscore"),
        pytest.param("http://example.org/\ud800", "example.org/%3F", id="half a surrogate pair"),
    ],
)
def test_one_form(url: str, expected: str) -> None:
    assert normalize_url(url) == canonical_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        *("", "/", "#", "?", "http://", "http:///", "http://#a", "//", "http://?", "word", "two words.here"),
        *("ftp://example.org/", "mailto:someone@example.org", "someone@example.org", "javascript:alert(1)"),
        *("file:///etc/passwd", "data:text/html,a.b", "news:comp.lang", "http://[", "http://[::1]/", "http://]"),
        *("http://localhost/", "http://com/", "http://.org/", "http://a..org/", "http://example.org:port/"),
        *("http://1.2.3/", "http://1.2.3.4.5/", "http://exa mple.org/", "http://exa%20mple.org/", "http://%/a.b"),
        *("http://℀.org/", "http://\ud800.org/", "http://" + "a" * 64 + ".org"),
        *("http://" + "a." * 127 + "org", "http://" + "ü" * 60 + ".org", "http://example.org/" + "a" * 9000),
        *("http://example.org/" + " " * 4000 + "a", "http://example.org:999999/"),
    ],
)
def test_what_is_no_web_page(url: str) -> None:
    assert normalize_url(url) == ""


ARCHIVED = "example.org/a?b=c"


@pytest.mark.parametrize(
    "url",
    [
        "https://web.archive.org/web/20100203040506/http://example.org/a?b=c",
        "http://web.archive.org/web/2010/https://example.org:80/a?b=c#d",
        "https://web.archive.org/web/20100203040506id_/http://example.org/a?b=c",
        "https://web.archive.org/web/*/http://example.org/a?b=c",
        "https://web.archive.org/web/20100203040506*/example.org/a?b=c",
        "https://web.archive.org/web/20100203040506/example.org/a?b=c",
        "https://web.archive.org/web/20100203040506/http:/example.org/a?b=c",
        "https://web.archive.org/web/20100203040506/http%3A//example.org/a%3Fb=c",
        "https://web.archive.org/20100203040506/http://example.org/a?b=c",
        "https://www.archive.org/web/20100203040506/http://example.org/a?b=c",
        "http://wayback.archive.org/web/20100203040506/http://example.org/a?b=c",
        "http://liveweb.archive.org/http://example.org/a?b=c",
        "%77eb.archive.org/%77eb/2010/http://example.org/a?b=c",
        "https://archive.today/20130101000000/http://example.org/a?b=c",
        "https://archive.is/2013.01.01-000000/https://example.org/a?b=c",
        "https://archive.ph/o/AbC12/http://example.org/a?b=c",
        "https://www.webcitation.org/6DsZS1KR1?url=http://example.org/a?b=c",
        "https://www.webcitation.org/query?url=http%3A%2F%2Fexample.org%2Fa%3Fb%3Dc&date=2012-12-01",
        "http://webcitation.org/query?id=1&url=http://example.org/a?b=c",
        "http://arquivo.pt/wayback/20100203040506/http://example.org/a?b=c",
        "https://wayback.archive-it.org/all/20100203040506/http://example.org/a?b=c",
        "https://webarchive.nationalarchives.gov.uk/ukgwa/20100203040506/http://example.org/a?b=c",
        "https://web.archive.org/web/2012/https://archive.today/20130101000000/http://example.org/a?b=c",
    ],
)
def test_an_archive_counts_for_its_page(url: str) -> None:
    assert normalize_url(url) == ARCHIVED
    assert canonical_url(url) not in (ARCHIVED, "")


@pytest.mark.parametrize(
    "url",
    [
        *("archive.today/AbC12", "www.webcitation.org/6DsZS1KR1", "archive.org/details/http", "archive.org"),
        *("archive.org/download/12345678/book.pdf", "web.archive.org/web/2010/http://nothing", "web.archive.org/web/"),
        *("notarchive.org/web/2010/http://example.org", "archive.org.example.org/web/2010/http://example.org"),
        "example.org/web.archive.org/web/2010/http://example.org",
    ],
)
def test_what_names_no_archived_page(url: str) -> None:
    assert normalize_url(url) == url


PIECES = st.sampled_from([
    *("http://", "https:", "//", "/", ".", "..", ":", "@", "#", "?", "%", "%2", "%2e", "%41", "%25", "%C3", "&", "="),
    *("*", "[", " ", "\\", "\t", "é", "ß", "。", "\ud800", "\0", "a.org", "80", "1.2.3.4", "http%3A%2F%2F", "xn--"),
    *("web.archive.org/web/2010/", "webcitation.org/x?url=", "&url=", "&date=1", "archive.is/"),
])  # fmt: skip


@given(st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join)))
@example("webcitation.org/?url=http%3A//a.b/%2525%FF")
def test_the_form_of_a_form_is_itself(url: str) -> None:
    for form in (canonical_url, normalize_url):
        once = form(url)
        assert form(once) == form(f"https://{once}") == once
        assert once.isascii() and once.isprintable() and " " not in once


@pytest.mark.parametrize("piece", ["web.archive.org/web/2010/", "%", "../", "a.", ":0", "&url=http%3A", "@"])
def test_one_piece_over_and_over(piece: str) -> None:
    for n in (300, 10_000_000 // len(piece)):
        normalize_url("http://web.archive.org/" + piece * n)


# ---- what wikitext cites ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wikitext", "expected"),
    [
        pytest.param("See http://a.org/b for more", ["http://a.org/b"], id="bare"),
        pytest.param("HTTP://A.org", ["http://A.org"], id="capitals"),
        pytest.param("http://a.org/b.", ["http://a.org/b"], id="end of a sentence"),
        pytest.param("(http://a.org/b).", ["http://a.org/b"], id="in parentheses"),
        pytest.param("http://a.org/b_(c)", ["http://a.org/b_(c)"], id="parentheses of its own"),
        pytest.param("{http://a.org}", ["http://a.org"], id="in braces"),
        pytest.param("[http://a.org/b. Text]", ["http://a.org/b."], id="in brackets all counts"),
        pytest.param("[http://a.org][http://b.org]", ["http://a.org", "http://b.org"], id="two links"),
        pytest.param("[//a.org/b c] //d.org", ["https://a.org/b"], id="of no protocol, in brackets only"),
        pytest.param("<ref>http://a.org</ref>", ["http://a.org"], id="a reference"),
        pytest.param("{{cite|url=http://a.org/b|c=d}}", ["http://a.org/b"], id="a parameter"),
        pytest.param("{{cite|url= http://a.org/b.}}", ["http://a.org/b."], id="a parameter's end"),
        pytest.param("{{cite|http://a.org/b.c{{!}}d{{=}}e}}", ["http://a.org/b.c|d=e"], id="signs by templates"),
        pytest.param("http://a.org/b{{dead link}}", ["http://a.org/b"], id="a template after it"),
        pytest.param("''http://a.org/b''", ["http://a.org/b"], id="italics"),
        pytest.param("http://a.org/it's", ["http://a.org/it's"], id="an apostrophe"),
        pytest.param('"http://a.org"', ["http://a.org"], id="quotes"),
        pytest.param("http://a.org/?b&amp;c&#61;d&copy=e", ["http://a.org/?b&c=d&copy=e"], id="entities"),
        pytest.param(
            "http://a.org&nbsp;b &lt;http://c.org&gt;", ["http://a.org", "http://c.org"], id="entities end it"
        ),
        pytest.param("a<!-- http://a.org --> http://b.org", ["http://b.org"], id="a comment"),
        pytest.param("<!-- http://a.org", ["http://a.org"], id="a comment without an end"),
        pytest.param("http://a.org/<!-- b -->c", ["http://a.org/c"], id="a comment inside"),
        pytest.param("<nowiki>http://a.org</nowiki>/b http://c.org", ["http://c.org"], id="nowiki"),
        pytest.param("<nowiki />http://a.org</nowiki>", ["http://a.org"], id="nowiki without content"),
        pytest.param("<NoWiki>http://a.org<pre>", ["http://a.org"], id="nowiki without an end"),
        pytest.param('<pre class="a">http://a.org</pre >', [], id="pre"),
        pytest.param('<syntaxhighlight lang="c">http://a.org</syntaxhighlight>', [], id="code"),
        pytest.param("ftp://a.org mailto:b@c.org xhttp://d.org http:e //f.org", [], id="other addresses"),
        pytest.param("http:// https://. [http:// a]", [], id="nothing after the scheme"),
        pytest.param("http://a.org/http://b.org", ["http://a.org/http://b.org"], id="one in another"),
        pytest.param("http://a.org\u00a0b http://c.org\u3000d", ["http://a.org", "http://c.org"], id="wide spaces"),
    ],
)
def test_cited(wikitext: str, expected: list[str]) -> None:
    assert list(cited_urls(wikitext)) == expected


MARKUP = st.sampled_from([
    *("http://", "//", "a.org", "[", "]", "{", "}}", "{{!}}", "|", "<", ">", "&", "&amp;", "''", ")", "é", " "),
    *("<!--", "-->", "<nowiki>", "</nowiki>"),
])  # fmt: skip


@given(st.lists(MARKUP))
def test_any_markup_has_an_answer(pieces: list[str]) -> None:
    for url in cited_urls("".join(pieces)):
        assert url.startswith(("http://", "https://"))
        assert not set(url) & set('<>[]" ')


@pytest.mark.parametrize(
    "piece",
    ["[", "/", "http://", "<!--", "<nowiki ", "<nowiki>", "<pre></nowiki>", "{{!}}", "&#0", "''", ")", "<!--x-->"],
)
def test_hostile_markup(piece: str) -> None:
    assert len(list(cited_urls("http://a.org/" + piece * (1_000_000 // len(piece))))) <= 1


@needs_dumps
def test_what_real_pages_cite() -> None:
    """The list was made by a simpler rule; it holds some twenty addresses that stand in comments."""
    with gzip.open(WIKIPEDIA / "cited_urls.tsv.gz", "rt", encoding="utf-8") as file:
        expected = {normalize_url(line.split("\t")[0]) for line in list(file)[1:]}
    found = set()
    for path in sorted(WIKIPEDIA.glob("*.xml.bz2")):
        if not LLAMA_WIKIS.match(path.name):
            continue
        with path.open("rb") as dump:
            for page in read_pages(dump):
                if not isinstance(page, Damage) and page.namespace == 0:
                    found.update(map(normalize_url, cited_urls(page.text)))
    assert len(expected & found) / len(expected) > 0.993
    assert len(expected & found) / len(found) > 0.997
