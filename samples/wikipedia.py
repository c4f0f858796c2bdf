"""Wikipedia dumps: articles of `prose.py` in MediaWiki's export format 0.10, under the names that Wikimedia gives.

Five languages of the twenty (a sixth in `serbian.py`), one that is not among them (Turkish), and beside articles
redirects, pages of other namespaces, an empty article, pages that occur in two dumps, and what is damaged on purpose:

    enwiki-20220701  pages of enwiki-20220620 again: a newer revision, an older one, the same one
    enwiki-20220720  single pages: bytes that are no UTF-8, a NUL, an unknown entity, an id that is no number, no end
    eswiki-20220701  cut off within a stream
    dewiki-20220701  bytes of a stream in the middle changed; the streams after it are good
    frwiki-20220701  a document type with nested entities (a bomb of 10^9), and a page that uses them
    bgwiki-20220701  an empty file

Articles cite pages of the CommonCrawl sample of the same seed and scale: in references and as external links, as
crawled, with the other one of http and https, with a fragment, or by way of an archive of the web.

Source: https://www.mediawiki.org/xml/export-0.10.xsd, https://meta.wikimedia.org/wiki/Data_dumps/Dump_format
"""

from __future__ import annotations

import bz2
import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from .citations import Citation, citations, cite
from .commoncrawl import cited_pages
from .prose import Article, Prose

#: Of each dump without damage: pages at scale 1, and how many a bz2 stream holds (None: all in one stream).
DUMPS: Mapping[str, tuple[int, int | None]] = MappingProxyType({
    "enwiki-20220620-pages-articles-multistream.xml.bz2": (800, 64),
    "dewiki-20220620-pages-articles-multistream.xml.bz2": (420, 64),
    "frwiki-20220620-pages-articles.xml.bz2": (400, None),
    "eswiki-20220620-pages-articles-multistream.xml.bz2": (400, 64),
    "bgwiki-20220620-pages-articles-multistream.xml.bz2": (260, 64),
    "trwiki-20220620-pages-articles.xml.bz2": (24, None),
})  # fmt: skip

AGAIN = "enwiki-20220701-pages-articles.xml.bz2"
BAD_PAGES = "enwiki-20220720-pages-articles-multistream.xml.bz2"
CUT_OFF = "eswiki-20220701-pages-articles-multistream.xml.bz2"
BAD_STREAM = "dewiki-20220701-pages-articles-multistream.xml.bz2"
BOMB = "frwiki-20220701-pages-articles.xml.bz2"
NOTHING = "bgwiki-20220701-pages-articles.xml.bz2"

#: How often each kind of damage occurs in each damaged file, in the words of `formats/mediawiki.py`, at any scale.
DAMAGE: Mapping[str, Mapping[str, int]] = MappingProxyType({
    BAD_PAGES: {"bad_utf8": 1, "bad_xml": 2, "bad_field": 1, "unterminated_page": 1},
    CUT_OFF: {"truncated": 1},
    BAD_STREAM: {"bad_bz2": 1},
    BOMB: {"bad_xml": 2},
    NOTHING: {"empty_file": 1},
})  # fmt: skip

N_DUPLICATES = 3
_END = b"</mediawiki>\n"
_EMPTY = 26  # the page without a text
_REDIRECT, _OTHER_NAMESPACE = 7, 13  # of twenty pages
_NO_CITATIONS: Mapping[int, Sequence[Citation]] = MappingProxyType({})
_NAMESPACES = (1, 10, 14, 2, 4, 6)
_OLDEST, _NEWEST = datetime(2009, 1, 1, tzinfo=UTC), datetime(2022, 6, 19, tzinfo=UTC)
_EDITORS = ("Bookworm", "Comma Patrol", "Fernweh", "Kopist", "Marginalia", "Papier & Tinte", "Zaunkönig")
_COMMENTS = (
    "",
    "",
    "+ref",
    "typo",
    "/* History */ copyedit",
    "cat",
    "Reverted 1 edit by [[User:Example|Example]] (talk)",
)


@dataclass(frozen=True, slots=True)
class DumpPage:
    """What a dump says of a page."""

    title: str
    namespace: int
    id: int
    revision: int
    timestamp: datetime
    text: str
    editor: str
    comment: str
    redirect: str | None = None


def write(folder: Path, seed: int, scale: float) -> list[Path]:
    """Write all dumps into `folder`/wikipedia."""
    folder = folder / "wikipedia"
    folder.mkdir(parents=True, exist_ok=True)
    n_pages = {name: max(8, round(n * scale)) for name, (n, _) in DUMPS.items()}
    after = {name[:2]: n for name, n in n_pages.items()}
    articles = {language: [n for n in range(N_DUPLICATES, pages) if _may_cite(n)] for language, pages in after.items()}
    cited = citations(cited_pages(seed, scale), articles, seed)
    for name, n in n_pages.items():
        write_dump(folder / name, name[:2], n, seed, DUMPS[name][1], cited[name[:2]])
    damaged = {
        AGAIN: _again(seed, after["en"]),
        BAD_PAGES: _bad_pages(seed, after["en"] + 100),
        CUT_OFF: _cut_off(seed, after["es"]),
        BAD_STREAM: _bad_stream(seed, after["de"]),
        BOMB: _bomb(seed, after["fr"]),
        NOTHING: iter(()),
    }
    for name, streams in damaged.items():
        with (folder / name).open("wb") as file:
            file.writelines(streams)
    return sorted(folder / name for name in (*n_pages, *damaged))


def write_dump(
    path: Path,
    language: str,
    n_pages: int,
    seed: int = 0,
    pages_per_stream: int | None = 64,
    cited: Mapping[int, Sequence[Citation]] = _NO_CITATIONS,
) -> None:
    """Write a dump of `n_pages` good pages; memory holds one stream, or with `pages_per_stream` None one page.

    `cited` is what each article cites, by its number.
    """
    prose = Prose(language, seed)
    pages = (page_of(prose, number, cited.get(number, ())) for number in range(n_pages))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.writelines(pack(head(prose.language, prose.site), map(page_xml, pages), pages_per_stream))


def pack(head: bytes, pages: Iterable[bytes], pages_per_stream: int | None) -> Iterator[bytes]:
    """The bytes of a file: one bz2 stream piece by piece, or many, of which the first and last hold no page."""
    if pages_per_stream is None:
        packer = bz2.BZ2Compressor(9)
        yield packer.compress(head)
        yield from map(packer.compress, pages)
        yield packer.compress(_END) + packer.flush()
        return
    yield bz2.compress(head, 9)
    pages = iter(pages)
    while batch := b"".join(islice(pages, pages_per_stream)):
        yield bz2.compress(batch, 9)
    yield bz2.compress(_END, 9)


def _may_cite(number: int) -> bool:
    """Whether the page of this number is an article with a text."""
    return number % 20 not in (_REDIRECT, _OTHER_NAMESPACE) and number != _EMPTY


def page_of(prose: Prose, number: int, cited: Sequence[Citation] = ()) -> DumpPage:
    """The page of this number: of twenty, one is a redirect, and one of another namespace."""
    rng = random.Random(f"{prose.salt}/page/{number}")
    namespace, redirect = 0, None
    if number % 20 == _REDIRECT:
        redirect = prose.article(number - 1).title
        article = Article(redirect.upper(), f"{prose.site['redirect']} [[{redirect}]]")
    elif number % 20 == _OTHER_NAMESPACE:
        namespace = _NAMESPACES[number // 20 % len(_NAMESPACES)]
        article = prose.page(f"ns{namespace}", number)
        article = replace(article, title=f"{prose.site['namespaces'][namespace + 2]}:{article.title}")
    else:
        article = prose.article(number)
        article = replace(article, text=cite(article.text, cited, prose, number))
    if number == _EMPTY:
        article = replace(article, text="")
    age = (_NEWEST - _OLDEST) * rng.random()
    editor = _EDITORS[int(rng.random() * len(_EDITORS))] if rng.random() < 0.9 else ""
    comment = _COMMENTS[int(rng.random() * len(_COMMENTS))]
    page_id, revision = 12 + 5 * number + int(rng.random() * 5), 900_000_000 + 17 * number + int(rng.random() * 17)
    stamp = _NEWEST - timedelta(seconds=int(age.total_seconds()))
    return DumpPage(article.title, namespace, page_id, revision, stamp, article.text, editor, comment, redirect)


def page_xml(page: DumpPage) -> bytes:
    """A page as it stands in a dump."""
    data = page.text.encode()
    text = f">{escape(page.text, _QUOTES)}</text>" if page.text else " />"
    redirect = f"    <redirect title={quoteattr(page.redirect)} />\n" if page.redirect else ""
    who = f"<username>{escape(page.editor)}</username>\n        <id>{len(page.editor) * 4711}</id>"
    comment = f"      <comment>{escape(page.comment)}</comment>\n" if page.comment else "      <minor />\n"
    return f"""\
  <page>
    <title>{escape(page.title)}</title>
    <ns>{page.namespace}</ns>
    <id>{page.id}</id>
{redirect}    <revision>
      <id>{page.revision}</id>
      <parentid>{page.revision - 4711}</parentid>
      <timestamp>{page.timestamp:%Y-%m-%dT%H:%M:%SZ}</timestamp>
      <contributor>
        {who if page.editor else "<ip>192.0.2.17</ip>"}
      </contributor>
{comment}      <model>wikitext</model>
      <format>text/x-wiki</format>
      <text bytes="{len(data)}" xml:space="preserve"{text}
      <sha1>{_base36(hashlib.sha1(data, usedforsecurity=False).digest())}</sha1>
    </revision>
  </page>
""".encode()


_QUOTES = {'"': "&quot;"}


def _base36(digest: bytes) -> str:
    """A SHA-1 as MediaWiki writes it: 31 digits to the base 36."""
    number, digits = int.from_bytes(digest), ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits.rjust(31, "0")


def head(language: str, site: Mapping[str, Any]) -> bytes:
    """The head of a dump; `site` has its name, main page, and the names of namespaces from -2 on."""
    names = "\n".join(
        f'      <namespace key="{key}" case="first-letter"' + (f">{name}</namespace>" if name else " />")
        for key, name in enumerate(site["namespaces"], start=-2)
    )
    return f"""\
<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:schemaLocation="http://www.mediawiki.org/xml/export-0.10/ http://www.mediawiki.org/xml/export-0.10.xsd" \
version="0.10" xml:lang="{language}">
  <siteinfo>
    <sitename>{site["sitename"]}</sitename>
    <dbname>{language}wiki</dbname>
    <base>https://{language}.wikipedia.org/wiki/{site["main_page"]}</base>
    <generator>MediaWiki 1.39.0-wmf.16</generator>
    <case>first-letter</case>
    <namespaces>
{names}
    </namespaces>
  </siteinfo>
""".encode()


# ---- what occurs twice, and what is damaged --------------------------------------------------------------------------


def _again(seed: int, n_main: int) -> Iterator[bytes]:
    """Three pages of the main dump, with a newer, an older, and the same revision; then new pages."""
    prose = Prose("en", seed)
    newer, older, same = (page_of(prose, number) for number in (0, 1, 2))
    newer = replace(newer, text=prose.article(0, version=1).text, revision=newer.revision + 10**8)
    older = replace(older, text=prose.article(1, version=1).text, revision=older.revision - 10**8)
    pages = [
        replace(newer, timestamp=_NEWEST + timedelta(days=9)),
        replace(older, timestamp=_OLDEST - timedelta(days=9)),
        same,
        *(page_of(prose, n_main + number) for number in range(17)),
    ]
    return pack(head(prose.language, prose.site), map(page_xml, pages), None)


def _pages_from(language: str, seed: int, start: int, n_pages: int) -> tuple[bytes, list[bytes]]:
    """A head, and pages that the main dump of the language does not have."""
    prose = Prose(language, seed)
    return head(prose.language, prose.site), [page_xml(page_of(prose, start + number)) for number in range(n_pages)]


def _bad_pages(seed: int, start: int) -> Iterator[bytes]:
    """Bad pages, each between good ones."""
    head, pages = _pages_from("en", seed, start, 24)
    for index, (good, bad) in enumerate([
        (b"</text>", b" caf\xe9 \xff\xfe</text>"),
        (b"</text>", b" a NUL \0</text>"),
        (b"</text>", b" &unknown;</text>"),
        (b"<id>", b"<id>n"),
        (b"  </page>\n", b""),
    ]):  # fmt: skip
        pages[4 * index + 2] = pages[4 * index + 2].replace(good, bad, 1)
    return pack(head, pages, 8)


def _cut_off(seed: int, start: int) -> list[bytes]:
    streams = list(pack(*_pages_from("es", seed, start, 40), 10))
    return [*streams[:3], streams[3][: len(streams[3]) // 2]]


def _bad_stream(seed: int, start: int) -> list[bytes]:
    streams = list(pack(*_pages_from("de", seed, start, 40), 10))
    middle = len(streams[2]) // 2
    streams[2] = (
        streams[2][:middle] + bytes(byte ^ 0x55 for byte in streams[2][middle : middle + 8]) + streams[2][middle + 8 :]
    )
    return streams


def _bomb(seed: int, start: int) -> Iterator[bytes]:
    head, pages = _pages_from("fr", seed, start, 12)
    entities = ['<!ENTITY lol0 "lol">', *(f'<!ENTITY lol{n} "{f"&lol{n - 1};" * 10}">' for n in range(1, 10))]
    pages[5] = pages[5].replace(b"</text>", b" &lol9;</text>")
    doctype = "\n".join(["<!DOCTYPE mediawiki [", *entities, "]>", ""]).encode()
    return pack(doctype + head, pages, None)
