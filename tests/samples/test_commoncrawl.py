"""The generated crawl: same bytes from a seed, CommonCrawl's layout, a web of all kinds, the damage that is meant."""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import re
import subprocess
import sys
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from corpusmill.formats.wet import WetPage, read_wet
from corpusmill.records import Damage
from corpusmill.samples import commoncrawl, web
from corpusmill.samples.commoncrawl import (
    DAMAGE,
    FILES,
    FIRST,
    ODD,
    ONE_MEMBER,
    PAGES,
    PLAIN,
    SECOND,
    cited_pages,
    write,
    write_cited_urls,
    write_dump,
)
from corpusmill.samples.prose import Prose, Template
from corpusmill.samples.web import CYCLE, LANGUAGES, Web

SCALE = 0.15
PER_FILE = round(PAGES * SCALE)
NAME = re.compile(r"CC-MAIN-(\d{14})-(\d{14})-(\d{5})\.warc\.wet\.gz")
OLD = ["WARC-Type", "WARC-Target-URI", "WARC-Date", "WARC-Record-ID", "WARC-Refers-To", "WARC-Block-Digest",
       "Content-Type", "Content-Length"]  # fmt: skip
NEW = [*OLD[:6], "WARC-Identified-Content-Language", *OLD[6:], "WARC-Payload-Digest"]


def _members(data: bytes) -> list[bytes]:
    members = []
    while data:
        decompressor = zlib.decompressobj(wbits=31)
        members.append(decompressor.decompress(data))
        data = decompressor.unused_data
    return members


def _read(path: Path) -> tuple[list[WetPage], Counter[str]]:
    with path.open("rb") as file:
        found = list(read_wet(file))
    pages = [each for each in found if isinstance(each, WetPage)]
    return pages, Counter(each.error for each in found if isinstance(each, Damage))


def _digests(files: Iterable[Path]) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _dump(path: Path) -> str:
    return path.parts[-5]


def _folded(line: str) -> str:
    return re.sub(r"\d", "0", line.lower())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write(tmp_path_factory.mktemp("sample"), 0, SCALE)


@pytest.fixture(scope="module")
def special(files: list[Path]) -> dict[str, Path]:
    return {path.name: path for path in files if path.parts[-3].endswith(".2")}


@pytest.fixture(scope="module")
def crawl(files: list[Path], special: dict[str, Path]) -> dict[str, list[WetPage]]:
    """The pages of the files without damage, by dump."""
    pages: dict[str, list[WetPage]] = {FIRST: [], SECOND: []}
    for path in files:
        if path.name not in special:
            found, errors = _read(path)
            assert not errors and len(found) == PER_FILE
            pages[_dump(path)] += found
    return pages


def test_same_seed_same_bytes_whatever_the_hash_seed(tmp_path: Path) -> None:
    code = "import sys; from corpusmill.samples.commoncrawl import Path, write; write(Path(sys.argv[1]), 3, 0.05)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", code, tmp_path / "a"], check=True, env=environment, cwd=tmp_path)
    write(tmp_path / "b", 3, 0.05)
    there, here = ({p.relative_to(tmp_path / x): p.read_bytes() for p in (tmp_path / x).rglob("*.gz")} for x in "ab")
    assert there == here and len(here) == 2 * FILES + 9 + 2


def test_another_seed_changes_every_file_but_the_empty_one(tmp_path: Path) -> None:
    one, other = (_digests(write(tmp_path / f"{seed}", seed, 0.05)) for seed in (0, 1))
    assert [name for name in one if one[name] == other[name]] == [commoncrawl.EMPTY]


def test_files_are_laid_out_as_published(files: list[Path]) -> None:
    root = files[0].parents[5]
    assert root.name == "commoncrawl" and len({path.name for path in files}) == len(files)
    for path in files:
        crawl_data, dump, segments, segment, wet, name = path.relative_to(root).parts
        assert (crawl_data, segments, wet) == ("crawl-data", "segments", "wet")
        assert NAME.fullmatch(name) and re.fullmatch(r"\d{13}\.\d", segment) and dump in (FIRST, SECOND)
    assert Counter(map(_dump, files)) == {FIRST: FILES, SECOND: FILES + 9}


@pytest.mark.parametrize("dump", [FIRST, SECOND])
def test_each_dump_lists_its_files(files: list[Path], dump: str) -> None:
    root = files[0].parents[5]
    listed = gzip.decompress((root / "crawl-data" / dump / "wet.paths.gz").read_bytes()).decode().splitlines()
    assert [root / line for line in listed] == [path for path in files if _dump(path) == dump]


def test_records_have_the_published_form(files: list[Path], special: dict[str, Path]) -> None:
    layouts, ids = [], Counter[str]()
    for path in files:
        if path.name in special:
            continue
        data = path.read_bytes()
        assert data[:10] == b"\x1f\x8b\x08\0\0\0\0\0\0\x03"
        records = _members(data)
        assert len(records) == 1 + PER_FILE
        for number, record in enumerate(records):
            head, _, rest = record.partition(b"\r\n\r\n")
            version, *lines = head.decode().split("\r\n")
            fields = dict(line.split(": ", 1) for line in lines)
            body = rest[: int(fields["Content-Length"])]
            assert version == "WARC/1.0" and rest[len(body) :] == b"\r\n\r\n"
            ids.update(value for name, value in fields.items() if name in ("WARC-Record-ID", "WARC-Refers-To"))
            if number == 0:
                assert fields["WARC-Type"] == "warcinfo" and fields["WARC-Filename"] == path.name
                assert f"isPartOf: {_dump(path)}\r\n".encode() in body
                continue
            if number == 1:
                layouts.append([*fields])
            assert [*fields] == layouts[-1] and fields["WARC-Type"] == "conversion"
            digest = "sha1:" + base64.b32encode(hashlib.sha1(body).digest()).decode()
            assert {fields["WARC-Block-Digest"], fields.get("WARC-Payload-Digest", digest)} == {digest}
            start, stop, _ = NAME.fullmatch(path.name).groups()  # type: ignore[union-attr]
            assert start <= re.sub(r"\D", "", fields["WARC-Date"]) <= stop
            assert re.match(r"https?://[a-z0-9.-]+\.example/[!-~]*$", fields["WARC-Target-URI"])
            assert body.endswith(b"\n") and b"\n\n" not in body and b"\r" not in body
    assert layouts == [OLD] * (FILES + 1) + [NEW] * (FILES - 1)
    assert set(ids.values()) == {1} and all(re.fullmatch(r"<urn:uuid:[0-9a-f-]{36}>", each) for each in ids)


def test_languages_as_identified_are_those_of_the_pages(files: list[Path]) -> None:
    names = re.findall(rb"Identified-Content-Language: (.*)\r\n", b"".join(_members(files[FILES + 1].read_bytes())))
    found = Counter(each.decode() for each in names)
    assert found["eng"] / PER_FILE > 0.4 and len(found) > 4 and any(each.endswith(",eng") for each in found)


# ---- damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [SCALE, 0.01])
def test_damage_is_what_is_said_and_nowhere_else(scale: float, files: list[Path], tmp_path: Path) -> None:
    written = files if scale == SCALE else write(tmp_path, 0, scale)
    assert {path.name: errors for path in written if (errors := dict(_read(path)[1]))} == DAMAGE


@pytest.mark.parametrize("number", range(9))
def test_pages_beside_the_damage_are_whole(special: dict[str, Path], number: int) -> None:
    name = [*special][number]
    start = 2 * FILES * PER_FILE + 12 * number
    expected = list(map(Web(0).page, range(start, start + 12)))
    lost = {
        commoncrawl.TRUNCATED: [11],
        commoncrawl.BAD_GZIP: [2, 8],
        commoncrawl.BAD_LENGTH: [2, 4, 6, 8],
        commoncrawl.BAD_HEADER: [2, 5, 8],
        commoncrawl.BAD_UTF8: [5],
        commoncrawl.EMPTY: range(12),
    }.get(name, [])
    pages, _ = _read(special[name])
    assert [page.url for page in pages] == [page.url for n, page in enumerate(expected) if n not in lost]
    if name != ODD:
        assert [page.body for page in pages] == [page.text for n, page in enumerate(expected) if n not in lost]


def test_odd_pages_are_good(special: dict[str, Path]) -> None:
    pages, errors = _read(special[ODD])
    assert not errors and not any("not-a-page" in page.url for page in pages)
    assert "\r\n\r\nQuoted, and no page at all\r\n\r\n" in pages[2].body and "WARC/1.0\r\n" in pages[2].body
    assert "\0" in pages[5].body and pages[8].body == ""
    for page in pages:
        assert page.digest == "sha1:" + base64.b32encode(hashlib.sha1(page.body.encode()).digest()).decode()


def test_how_special_files_are_packed(special: dict[str, Path]) -> None:
    assert special[PLAIN].read_bytes().startswith(b"WARC/1.0\r\n")
    assert len(_members(special[ONE_MEMBER].read_bytes())) == 1


# ---- the web ---------------------------------------------------------------------------------------------------------


def _is_mostly(pattern: str, share: float) -> Callable[[str], bool]:
    return lambda body: len(re.findall(pattern, body)) > share * len(body)


KINDS = {
    "product": lambda body: "★★" in body and ("£" in body or "€" in body),
    "comments": lambda body: "Leave a reply" in body and body.count("\nReply\n") + body.count("found this helpful") > 2,
    "forum": lambda body: "Board index ‹" in body and body.count("\nTop\n") >= 4,
    "list": lambda body: body.count("\n• ") >= 4,
    "article": lambda body: body.count("\n") > 12 and not re.search("★|•|‹|Leave a reply|Cite this entry", body),
    "reference": lambda body: "\nSources\n" in body and "Cite this entry" in body,
    "links": lambda body: body.count("Click here: ") > 2 and body.count(" web ring :: ") > 2,
    "short": lambda body: 0 < len(body) < 300,
    "repeated": lambda body: Counter(body.split("\n")).most_common(1)[0][1] >= 30,
    "spam": lambda body: body.count("cheap") > 15 and body.count("review") > 15,
    "mojibake": lambda body: len(re.findall("[ÃÐÄ][\x80-\xff‚-›Œ™œžŸ€]", body)) > 5,
    "numbers": _is_mostly(r"[\d. ]", 0.7),
    "consonants": _is_mostly(r"[b-df-hj-np-tv-z ]", 0.7),
    "bilingual": lambda body: (
        "Skip to main content" in body and bool(re.search("[а-я]{4}| der | les | los | ve ", body))
    ),
}


@pytest.mark.parametrize("dump", [FIRST, SECOND])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_page_is_there(crawl: dict[str, list[WetPage]], kind: str, dump: str) -> None:
    n_found = sum(KINDS[kind](page.body) for page in crawl[dump])
    assert 1 <= n_found < (60 if kind == "article" else 30)


def test_every_kind_of_page_is_looked_for() -> None:
    assert {*KINDS, "frame", "syndicated", "twin"} == set(CYCLE) and len(CYCLE) == 50


def test_pages_of_which_nothing_is_their_own(crawl: dict[str, list[WetPage]]) -> None:
    pages = [{_folded(line) for line in page.body.split("\n")[1:]} for page in crawl[FIRST] if len(page.body) > 300]
    kinds = [CYCLE[number % len(CYCLE)] for number, page in enumerate(crawl[FIRST]) if len(page.body) > 300]
    seen = Counter(line for lines in pages for line in lines)
    bare = {number for number, lines in enumerate(pages) if all(seen[line] > 1 for line in lines)}
    twins = {number - n for number, kind in enumerate(kinds) if kind == "twin" for n in (0, 1)}
    assert bare == twins | {number for number, kind in enumerate(kinds) if kind in ("frame", "syndicated")}


def test_the_frame_of_a_site_is_on_all_its_pages(crawl: dict[str, list[WetPage]]) -> None:
    sites = defaultdict(list)
    for page in crawl[FIRST]:
        if len(page.body) > 300:
            sites[page.url.split("/")[2]].append([_folded(line) for line in page.body.strip().split("\n")[1:]])
    assert len(sites) > 20
    shared = [set.intersection(*map(set, pages)) for pages in sites.values() if len(pages) > 3]
    assert len(shared) > 5 and all(len(lines) > 7 for lines in shared)


def test_articles_that_several_papers_print(crawl: dict[str, list[WetPage]]) -> None:
    hosts = defaultdict(set)
    for page in crawl[FIRST]:
        for line in page.body.split("\n"):
            if len(line) > 200:
                hosts[line].add(page.url.split("/")[2])
    assert sum(len(each) == 3 for each in hosts.values()) > 5


def test_twins_and_pages_crawled_again(crawl: dict[str, list[WetPage]]) -> None:
    for pages in crawl.values():
        urls = {page.url: page for page in pages}
        twins = [
            (page, urls[page.url.replace("http:", "https:")])
            for page in pages
            if page.url.startswith("http:") and page.url.replace("http:", "https:") in urls
        ]
        assert twins and all(one.digest == other.digest for one, other in twins)
    first, second = ({page.url: page for page in crawl[dump]} for dump in (FIRST, SECOND))
    again = set(first) & set(second)
    assert [*first] == [page.url for page in map(Web(0).page, range(FILES * PER_FILE))]
    assert len(again) == pytest.approx(FILES * PER_FILE / 10, abs=1)
    assert all(first[url].digest == second[url].digest and first[url].date < second[url].date for url in again)


def test_pages_that_an_encyclopaedia_cites(tmp_path: Path, crawl: dict[str, list[WetPage]]) -> None:
    [path] = write_cited_urls(tmp_path, 0, SCALE)
    assert path == tmp_path / "commoncrawl/wiki_cited_urls_sample.txt"
    urls = path.read_text("utf-8").splitlines()
    cited = {page.url: page for page in cited_pages(0, SCALE)}
    crawled = [page.url for pages in crawl.values() for page in pages]
    assert urls == sorted(cited) and set(urls) <= set(crawled)
    assert not any(Web(0).cites(number) for number in range(5000) if CYCLE[(number + 1) % len(CYCLE)] == "twin")
    assert len(set(crawled)) / 14 < len(urls) < len(set(crawled)) / 6
    assert {page.languages[0] for page in cited.values()} >= {"en", "de", "fr", "es"}
    careful = [page for page in cited.values() if KINDS["reference"](page.text)]
    assert len(careful) > 5  # of those in English
    assert all(len(page.text) > 1500 for page in careful)


def test_at_scale_one_a_classifier_has_enough_cited_pages() -> None:
    english = [page for page in cited_pages(0, 1.0) if page.languages == ("en",) and len(page.text) > 1700]
    assert 60 <= len(english) <= 110


def test_languages_have_their_shares() -> None:
    pages = list(map(Web(0).page, range(600)))
    shares = Counter(page.languages[0] for page in pages)
    assert 0.5 < shares["en"] / len(pages) < 0.6 and set(shares) == set(LANGUAGES)
    assert not any(re.search(r"[⟨⟩]|\{(n|site|year)\}|  |\n\n", page.text) for page in pages)


def test_scale_multiplies_pages_and_a_small_sample_is_small(files: list[Path], tmp_path: Path) -> None:
    twice = write(tmp_path, 0, 2 * SCALE)
    assert len(_members(twice[0].read_bytes())) == 1 + 2 * PER_FILE
    assert sum(len(gzip.decompress(path.read_bytes())) for path in files[: FILES * 2]) < 1_000_000


def test_a_dump_of_any_size(tmp_path: Path) -> None:
    written = write_dump(tmp_path, "CC-MAIN-2017-17", 3, 40, seed=2)
    assert [_dump(path) for path in written] == ["CC-MAIN-2017-17"] * 3
    assert gzip.decompress((written[0].parents[3] / "wet.paths.gz").read_bytes()).count(b"\n") == 3
    read = [_read(path) for path in written]
    assert [(len(pages), dict(errors)) for pages, errors in read] == [(40, {})] * 3
    bodies = [page.body for pages, _ in read for page in pages]
    lines = Counter(line for body in bodies for line in body.split("\n") if len(line) > 130)
    assert len(set(bodies)) == 120 and sum(n == 1 for n in lines.values()) > 0.95 * len(lines)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_rule_is_used(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: set[str] = set()
    rule = Prose.rule

    def record(prose: Prose, name: str) -> tuple[Template, ...]:
        if prose.language == f"web_{language}":
            drawn.add(name)
        return rule(prose, name)

    monkeypatch.setattr(Prose, "rule", record)
    monkeypatch.setattr(web, "LANGUAGES", {"en": 0.0001, language: 55} if language != "en" else {"en": 55, "de": 1})
    pages = Web(0)
    for number in range(150):
        pages.page(number)
    words = Prose(f"web_{language}", 0)
    in_titles = set(re.findall(r"⟨([^⟨⟩]*)⟩", str(words.site["titles"])))
    assert drawn | in_titles == set(words.site["rules"])
