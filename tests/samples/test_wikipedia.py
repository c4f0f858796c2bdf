"""The generated inputs: the same bytes from a seed, the published format, and exactly the damage that is meant."""

from __future__ import annotations

import bz2
import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from corpusmill.formats.mediawiki import Page, read_pages, read_siteinfo
from corpusmill.records import Damage
from corpusmill.samples import prose as prose_module
from corpusmill.samples.commoncrawl import cited_pages
from corpusmill.samples.prose import Prose
from corpusmill.samples.wikipedia import AGAIN, BAD_STREAM, CUT_OFF, DAMAGE, DUMPS, N_DUPLICATES, write, write_dump

LANGUAGES = sorted(path.stem for path in Path(prose_module.__file__).parent.glob("??.yaml"))
XML = "{http://www.mediawiki.org/xml/export-0.10/}"
SCALE = 0.2


def _digests(files: list[Path]) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _read(path: Path) -> tuple[list[Page], Counter[str]]:
    with path.open("rb") as file:
        found = list(read_pages(file))
    pages = [each for each in found if isinstance(each, Page)]
    return pages, Counter(each.error for each in found if isinstance(each, Damage))


def _streams(data: bytes) -> list[bytes]:
    streams = []
    while data:
        decompressor = bz2.BZ2Decompressor()
        streams.append(decompressor.decompress(data))
        data = decompressor.unused_data
    return streams


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {path.name: path for path in write(tmp_path_factory.mktemp("sample"), 0, SCALE)}


def test_same_seed_same_bytes_whatever_the_hash_seed(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from corpusmill.samples.wikipedia import write; write(pathlib.Path(sys.argv[1]), 3, 0.05)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", code, tmp_path / "a"], check=True, env=environment, cwd=tmp_path)
    here = write(tmp_path / "b", 3, 0.05)
    assert _digests(sorted((tmp_path / "a").rglob("*.bz2"))) == _digests(here)


def test_another_seed_changes_every_file_but_the_empty_one(tmp_path: Path) -> None:
    one, other = (_digests(write(tmp_path / f"{seed}", seed, 0.05)) for seed in (0, 1))
    assert [name for name in one if one[name] == other[name]] == ["bgwiki-20220701-pages-articles.xml.bz2"]


def test_files_are_in_the_folder_of_the_source(sample: dict[str, Path]) -> None:
    assert {path.parent.name for path in sample.values()} == {"wikipedia"}
    assert set(sample) == {*DUMPS, *DAMAGE, AGAIN}
    assert {name[:2] for name in sample} == set(LANGUAGES) == {"bg", "de", "en", "es", "fr", "tr"}


def test_scale_multiplies_pages(tmp_path: Path, sample: dict[str, Path]) -> None:
    name = "enwiki-20220620-pages-articles-multistream.xml.bz2"
    twice = {path.name: path for path in write(tmp_path, 0, 2 * SCALE)}
    assert len(_read(twice[name])[0]) == 2 * len(_read(sample[name])[0]) == DUMPS[name][0] * 2 * SCALE


@pytest.mark.parametrize("name", [*DUMPS, AGAIN])
def test_good_dumps_are_valid(sample: dict[str, Path], name: str) -> None:
    root = etree.fromstring(b"".join(_streams(sample[name].read_bytes())))
    site = root.find(f"{XML}siteinfo")
    assert site is not None
    assert site.findtext(f"{XML}dbname") == f"{name[:2]}wiki"
    names = {each.get("key"): each.text for each in site.iter(f"{XML}namespace")}
    assert names["0"] is None and len(names) == 18
    ids = [int(page.findtext(f"{XML}id") or "") for page in root.iter(f"{XML}page")]
    assert len(set(ids)) == len(ids) > 7
    for text in root.iter(f"{XML}text"):
        data = (text.text or "").encode()
        sha1 = text.getparent().findtext(f"{XML}sha1") or ""  # type: ignore[union-attr]
        assert int(text.get("bytes") or "") == len(data)
        assert len(sha1) == 31 and int(sha1, 36) == int(hashlib.sha1(data).hexdigest(), 16)
    for page in root.iter(f"{XML}page"):
        prefix = (page.findtext(f"{XML}title") or "").partition(":")[0]
        assert page.findtext(f"{XML}ns") == "0" or prefix == names[page.findtext(f"{XML}ns")]


@pytest.mark.parametrize("name", DUMPS)
def test_streams(sample: dict[str, Path], name: str) -> None:
    streams = _streams(sample[name].read_bytes())
    if "multistream" not in name:
        assert len(streams) == 1
        return
    assert streams[0].endswith(b"</siteinfo>\n") and streams[-1] == b"</mediawiki>\n"
    n_pages = [stream.count(b"<page>") for stream in streams[1:-1]]
    assert set(n_pages[:-1]) <= {64} and 0 < n_pages[-1] <= 64
    assert all(stream.startswith(b"  <page>") and stream.endswith(b"</page>\n") for stream in streams[1:-1])


def test_damage_is_what_is_said_and_nowhere_else(sample: dict[str, Path]) -> None:
    assert {name: errors for name, path in sample.items() if (errors := dict(_read(path)[1]))} == DAMAGE


def test_pages_before_and_after_damaged_streams_are_good(sample: dict[str, Path]) -> None:
    assert len(_read(sample[CUT_OFF])[0]) == 20
    offsets = [page.offset for page in _read(sample[BAD_STREAM])[0]]
    assert sorted(Counter(offsets).values()) == [10, 10, 10]


def test_pages_that_occur_in_two_dumps(sample: dict[str, Path]) -> None:
    first = {page.id: page for page in _read(sample["enwiki-20220620-pages-articles-multistream.xml.bz2"])[0]}
    again = [(first[page.id], page) for page in _read(sample[AGAIN])[0] if page.id in first]
    assert len(again) == N_DUPLICATES
    newer, older, same = again
    assert all(one.title == two.title for one, two in again)
    for early, late in (newer, older[::-1]):
        assert early.timestamp < late.timestamp and early.revision < late.revision
        assert early.text != late.text
    assert same[0].revision == same[1].revision and same[0].text == same[1].text


def test_damaged_dumps_repeat_no_page_of_another(sample: dict[str, Path]) -> None:
    ids = Counter((name[:2], page.id) for name, path in sample.items() for page in _read(path)[0])
    assert sum(n > 1 for n in ids.values()) == N_DUPLICATES


@pytest.mark.parametrize("name", DUMPS)
def test_pages_that_are_no_articles(sample: dict[str, Path], name: str) -> None:
    with sample[name].open("rb") as file:
        info = read_siteinfo(file)
    assert not isinstance(info, Damage) and info.language == name[:2]
    pages, _ = _read(sample[name])
    redirects = [page for page in pages if page.redirect]
    assert redirects and all(page.text.endswith(f"[[{page.redirect}]]") for page in redirects)
    assert {page.redirect for page in redirects} <= {page.title for page in pages}
    if len(pages) > 26:
        assert any(page.namespace for page in pages)
        assert [page.namespace for page in pages if not page.text] == [0]
    assert len({page.title for page in pages}) == len(pages)


def test_a_dump_of_any_size(tmp_path: Path) -> None:
    for n_pages, per_stream, n_streams in ((0, 5, 2), (11, 5, 5), (11, None, 1)):
        write_dump(tmp_path / "dump", "de", n_pages, seed=2, pages_per_stream=per_stream)
        assert len(_streams((tmp_path / "dump").read_bytes())) == n_streams
        pages, errors = _read(tmp_path / "dump")
        assert len(pages) == n_pages and not errors


# ---- what articles cite ----------------------------------------------------------------------------------------------

CITED = re.compile(r"https?://(?!www\.example\.(?:org|net)/)[^\s|\]}<]+")


@pytest.fixture(scope="module")
def citations(sample: dict[str, Path]) -> list[tuple[str, str]]:
    """Where an address of the web is cited, and the address, without an archive's before it."""
    pages = [(name, page) for name, path in sample.items() for page in _read(path)[0]]
    found = [(name, url) for name, page in pages for url in CITED.findall(page.text)]
    return [(name, url.removeprefix("https://web.archive.org/web/20181104093015/")) for name, url in found]


def test_articles_cite_pages_of_the_crawl(citations: list[tuple[str, str]]) -> None:
    plain = {re.sub(r"^https?:|#.*", "", url) for _, url in citations if "web.archive.org" not in url}
    assert plain == {page.url.partition(":")[2] for page in cited_pages(0, SCALE)}


def test_articles_of_five_languages_cite(citations: list[tuple[str, str]]) -> None:
    wikis = Counter(name[:2] for name, _ in citations)
    assert set(wikis) == set(LANGUAGES) - {"tr"} and {name for name, _ in citations} <= set(DUMPS)


def test_addresses_are_given_as_editors_give_them(sample: dict[str, Path], citations: list[tuple[str, str]]) -> None:
    crawled = {page.url for page in cited_pages(0, SCALE)}
    as_crawled = sum(url in crawled for _, url in citations)
    assert 0.6 * len(citations) < as_crawled < len(citations)
    assert any("#" in url for _, url in citations)
    assert any(url.startswith("https") and f"http{url[5:]}" in crawled for _, url in citations)
    texts = "".join(page.text for path in sample.values() for page in _read(path)[0])
    page = r"(?!https?://www\.example\.)https?://[^\s|\]}<]+"
    archived = r"https://web\.archive\.org/web/\d{14}/http"
    for form in (rf"<ref>{page}</ref>", rf"<ref>{{{{[Cc]ite web [^}}]*url={page}", rf"\n\* \[{page} ", archived):
        assert re.search(form, texts), form


def test_citations_change_nothing_else(tmp_path: Path, sample: dict[str, Path]) -> None:
    name = "enwiki-20220620-pages-articles-multistream.xml.bz2"
    write_dump(tmp_path / name, "en", round(DUMPS[name][0] * SCALE))
    without = _read(tmp_path / name)[0]
    found = list(zip(_read(sample[name])[0], without, strict=True))
    assert all((one.id, one.title, one.timestamp) == (two.id, two.title, two.timestamp) for one, two in found)
    changed = [(one.text, two.text) for one, two in found if one.text != two.text]
    assert len(changed) > 5 and all(CITED.search(one) and not CITED.search(two) for one, two in changed)


def test_articles_begin_with_a_lead_section(sample: dict[str, Path]) -> None:
    for name in sorted(set(DUMPS) - {"trwiki-20220620-pages-articles.xml.bz2"}):
        articles = [
            page.text for page in _read(sample[name])[0] if page.namespace == 0 and page.text and not page.redirect
        ]
        assert all("'''" in text.partition("\n\n== ")[0] and "\n\n== " in text for text in articles)


# ---- the prose -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_rule_is_used(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: set[str] = set()
    rule = Prose.rule

    def record(prose: Prose, name: str) -> tuple[prose_module.Template, ...]:
        drawn.add(name)
        return rule(prose, name)

    monkeypatch.setattr(Prose, "rule", record)
    prose = Prose(language, 0)
    for number in range(150):
        prose.article(number)
    cites = ("citation", "links") if language != "tr" else ()
    for name in (*(f"ns{namespace}" for namespace in (1, 2, 4, 6, 10, 14)), *cites):
        prose.page(name, 0, url="http://a.example/", page="A page")
    in_titles = set(re.findall(r"⟨([^⟨⟩]*)⟩", str(prose.site["titles"])))
    assert drawn | in_titles == set(prose.site["rules"])


@settings(max_examples=60, deadline=None)
@given(language=st.sampled_from(LANGUAGES), seed=st.integers(0, 2**70), number=st.integers(0, 10**7))
def test_articles_are_whole(language: str, seed: int, number: int) -> None:
    prose = Prose(language, seed)
    article = prose.article(number)
    assert article == Prose(language, seed).article(number)
    assert article.title == prose.article(number, version=1).title
    assert (
        len({article.text, prose.article(number, version=1).text, Prose(language, seed + 1).article(number).text}) == 3
    )
    assert not re.search(r"[⟨⟩~]|\[\[\[|  |\n\n\n|(?<!\.)\.\.(?!\.)", article.text)
    for opening, closing in (("[[", "]]"), ("{{", "}}"), ("{|", "|}"), ("<blockquote>", "</blockquote>")):
        assert article.text.count(opening) == article.text.count(closing)
    assert article.text.replace("l'''est''", "").count("'''") % 2 == 0


def test_no_article_links_to_itself() -> None:
    articles = [Prose("tr", seed).article(number) for seed in range(20) for number in range(40)]
    assert not [article.title for article in articles if f"[[{article.title}]]" in article.text]


@pytest.mark.parametrize("language", LANGUAGES)
def test_titles_do_not_repeat(language: str) -> None:
    prose = Prose(language, 0)
    for kind in prose.kinds:
        n_titles = prose.n_titles(kind)
        titles = [prose.subject(kind, turn)[0] for turn in range(2 * n_titles)]
        assert len(set(titles)) == len(titles)
        assert titles[n_titles] == f"{titles[0]} (2)"


@pytest.mark.parametrize("language", LANGUAGES)
def test_articles_differ_and_use_all_kinds_of_markup(language: str) -> None:
    texts = [Prose(language, 0).article(number).text for number in range(200)]
    assert len(set(texts)) == len(texts)
    marks = ["'''", "[[", "<ref", "&nbsp;"]
    if language != "tr":
        marks += [
            "|",
            "{{",
            "{|",
            "\n== ",
            "\n* ",
            "\n# ",
            "<math>",
            "<gallery",
            '<ref name="',
            "[https://",
            "<sup>",
            "''",
        ]
    assert [mark for mark in marks if not any(mark in text for text in texts)] == []
