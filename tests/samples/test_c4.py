"""The generated sample of C4: same bytes from a seed, each rule has something to do, the damage that is meant."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from corpusmill.filters.c4 import clean_page
from corpusmill.formats.c4 import C4Page, read_c4
from corpusmill.formats.wet import WetPage, read_wet
from corpusmill.records import Damage
from corpusmill.samples import c4
from corpusmill.samples.c4 import DAMAGE, EMPTY, FILES, LONG, PAGES, PUBLISHED, PUBLISHED_DAMAGED, TRUNCATED, write
from corpusmill.samples.c4_pages import CYCLE, FOREIGN, MAX_CHARS, Pages, again_of, badwords, kind_of
from corpusmill.samples.prose import Prose, Template
from running import contents, written_elsewhere

SCALE = 0.8  # six cycles in all
PER_FILE = round(PAGES * SCALE)
TOTAL = FILES * PER_FILE


def _read(path: Path) -> tuple[list[WetPage | C4Page], Counter[str]]:
    with path.open("rb") as file:
        found = list(read_c4(file) if "jsonl" in path.name else read_wet(file))
    pages = [each for each in found if not isinstance(each, Damage)]
    return pages, Counter(each.error for each in found if isinstance(each, Damage))


def _digests(files: Iterable[Path]) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _same(url: str) -> str:
    """An address as C4 compares it."""
    return re.sub(r"^https?://(www\.)?|\?(utm_|ref|feed).*", "", url).rstrip("/")


def _triples(text: str) -> set[tuple[str, ...]]:
    """Three sentences in a row that stand together or in neighbouring lines."""
    sentences = [each for each in re.split(r"(?<=[.?!]) |\n", text) if each.endswith((".", "?", "!"))]
    return {tuple(sentences[start : start + 3]) for start in range(len(sentences) - 2)}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {path.name: path for path in write(tmp_path_factory.mktemp("sample"), 0, SCALE)}


@pytest.fixture(scope="module")
def crawl(files: dict[str, Path]) -> dict[int, WetPage]:
    """The pages of the files without anything special, by their numbers."""
    of_files = [_read(path)[0] for path in list(files.values())[:FILES]]
    return {FILES * row + place: page for place, pages in enumerate(of_files) for row, page in enumerate(pages)}


@pytest.fixture(scope="module")
def by_kind(crawl: dict[int, WetPage]) -> dict[str, list[str]]:
    bodies = defaultdict(list)
    for number in sorted(crawl):
        bodies[kind_of(number)[0]].append(crawl[number].body)
    return bodies


# ---- files -----------------------------------------------------------------------------------------------------------


def test_same_seed_same_bytes_in_another_process(tmp_path: Path) -> None:
    there = written_elsewhere("c4", tmp_path / "a", 3, 0.05)
    written = write(tmp_path / "b", 3, 0.05)
    here = contents(tmp_path / "b")
    assert there == here and len(here) == len(written) + 1 == FILES + 3 + 1 + 2 + 1  # with the list of the dump


def test_another_seed_changes_every_file_of_pages(tmp_path: Path) -> None:
    one, other = (_digests(write(tmp_path / f"{seed}", seed, 0.05)) for seed in (0, 1))
    assert {name for name in one if one[name] == other[name]} == {EMPTY, c4.BADWORDS}


def test_files_are_laid_out_as_published(files: dict[str, Path]) -> None:
    root = files[c4.BADWORDS].parent
    dump = root / "crawl-data" / c4.DUMP
    listed = gzip.decompress((dump / "wet.paths.gz").read_bytes()).decode().splitlines()
    wet = [path for name, path in files.items() if name.endswith(".warc.wet.gz")]
    assert [root / line for line in listed] == wet and len(wet) == FILES + 3
    assert all(re.fullmatch(r"segments/\d{13}\.\d/wet/CC-MAIN-\d{14}-\d{14}-\d{5}\.warc\.wet\.gz",
                            str(path.relative_to(dump))) for path in wet)  # fmt: skip
    assert root.name == "c4" and files[PUBLISHED].parent == root.parent / "c4_like"


@pytest.mark.parametrize("scale", [SCALE, 0.01])
def test_damage_is_what_is_said_and_nowhere_else(scale: float, files: dict[str, Path], tmp_path: Path) -> None:
    written = list(files.values()) if scale == SCALE else write(tmp_path, 0, scale)
    read = {path.name: errors for path in written if path.suffix == ".gz" and (errors := dict(_read(path)[1]))}
    assert read == DAMAGE


def test_pages_beside_the_damage_are_whole(files: dict[str, Path]) -> None:
    found = [(page.url, page.body) for page in _read(files[TRUNCATED])[0]]
    expected = list(map(Pages(0).page, range(TOTAL, TOTAL + 11)))
    assert found == [(page.url, page.text) for page in expected]
    n_published = round(c4.PUBLISHED_PAGES * SCALE)
    expected = [Pages(0).clean_page(n_published + number) for number in range(11) if number != 3]
    found = [(page.url, page.text) for page in _read(files[PUBLISHED_DAMAGED])[0]]
    assert found == [(page.url, page.text) for page in expected]


def test_scale_multiplies_pages(files: dict[str, Path], tmp_path: Path) -> None:
    small = {path.name: path for path in write(tmp_path, 0, SCALE / 4)}
    for name in list(files)[:FILES]:
        assert len(_read(files[name])[0]) == 4 * len(_read(small[name])[0]) == PER_FILE
    assert len(_read(files[PUBLISHED])[0]) == 4 * len(_read(small[PUBLISHED])[0]) == 80
    assert files[LONG].read_bytes() == small[LONG].read_bytes()


def test_at_scale_one_there_are_two_megabytes_of_text(tmp_path: Path) -> None:
    bodies = [page.body for path in c4.write_dump(tmp_path, 0, 1.0) for page in _read(path)[0]]
    assert len(bodies) > 450 and 1_500_000 < sum(map(len, bodies)) < 2_200_000


# ---- pages -----------------------------------------------------------------------------------------------------------

POLICY = r"terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies"
KINDS: dict[str, Callable[[str], object]] = {
    "article": lambda body: len(re.findall(r"\w{3,}\. [A-Z]", body)) > 10,
    "again": lambda body: len(re.findall(r"\w{3,}\. [A-Z]", body)) > 10,
    "comments": lambda body: "Leave a reply" in body,
    "forum": lambda body: "Board index ‹" in body,
    "product": lambda body: "Add to basket" in body,
    "menu": lambda body: body.count("\n• ") > 4,
    "cited": lambda body: "[edit]" in body and re.search(r"\[\d+\]", body),
    "policy": lambda body: len(re.findall(f"({POLICY}).*[.?!]$", body, re.MULTILINE | re.IGNORECASE)) > 2
    and len(re.findall("javascript.*[.]$", body, re.MULTILINE | re.IGNORECASE)) > 2,
    "long_word": lambda body: {1000, 1001} <= set(map(len, body.split())),
    "lorem": lambda body: "lorem ipsum" in body.lower(),
    "brace": lambda body: "{" in body,
    "stub": lambda body: body.count("\n") == 3 and 1 <= len(re.findall(r"\.(?= |\n)", body)) <= 3,
    "quoted": lambda body: body.count(" I ") + body.count("My ") + body.count("We ") > 1,
    "overlapping": lambda body: body.count(" I ") + body.count("My ") + body.count("We ") + body.count("The ") > 1,
    "repeated": lambda body: any(n == 2 for line, n in Counter(body.split("\n")).items() if line.count(". ") == 3),
    "badword": lambda body: any(word in body.lower() for word in badwords()),
    "unsure": lambda body: min(len(re.findall(rf" {word} ", body)) for word in ("the", "der", "of", "und")) > 2,
    "foreign": lambda body: not re.search(" (the|of|was) ", body.split("\n", 12)[-1][-900:-300]),
    "syndicated": lambda body: len(re.findall(r"\w{3,}\. [A-Z]", body)) > 10,
}  # fmt: skip
ONLY = {
    "menu",
    "comments",
    "forum",
    "product",
    "cited",
    "policy",
    "long_word",
    "lorem",
    "brace",
    "stub",
    "repeated",
    "badword",
}


@pytest.mark.parametrize("kind", KINDS)
def test_pages_are_what_their_kind_says(by_kind: dict[str, list[str]], kind: str) -> None:
    assert len(by_kind[kind]) == TOTAL // len(CYCLE) * CYCLE.count(kind)
    assert [body for body in by_kind[kind] if not KINDS[kind](body)] == []
    if kind in ONLY:
        assert [
            body for other, bodies in by_kind.items() if other != kind for body in bodies if KINDS[kind](body)
        ] == []


def test_every_kind_is_looked_for() -> None:
    assert set(KINDS) == set(CYCLE) and len(CYCLE) == 60


def test_citation_marks_of_all_forms(by_kind: dict[str, list[str]]) -> None:
    text = "".join(by_kind["cited"])
    for form in (
        r"\.\[\d+\]\n",
        r"\.\[\d+\]\[\d+\] ",
        r" \[\d+\]\.\n",
        r"\. \[\d+\]\n",
        r"\[citation needed\]\.\n",
        r"\.\[\]\n",
    ):
        assert re.search(form, text), form


def test_long_pages(files: dict[str, Path]) -> None:
    over, under = (page.body for page in _read(files[LONG])[0])
    assert MAX_CHARS - 10_000 < len(under) <= MAX_CHARS < len(over) < MAX_CHARS + 10_000
    assert len(_triples(over) & _triples(under)) < len(_triples(under)) / 20


def test_each_rule_for_pages_and_lines_has_something_to_do(crawl: dict[int, WetPage], files: dict[str, Path]) -> None:
    verdicts = {number: clean_page(page.body, badwords()) for number, page in crawl.items()}
    reasons = Counter(str(verdict.reason) for verdict in verdicts.values() if verdict.reason)
    lines = sum((Counter(map(str, verdict.line_reasons.elements())) for verdict in verdicts.values()), Counter())
    assert set(reasons) == {"c4.lorem_ipsum", "c4.brace", "c4.too_few_sentences", "c4.badword"}
    assert set(lines) >= {
        "c4.line_long_word", "c4.line_no_end_mark", "c4.line_too_short", "c4.line_javascript", "c4.line_policy"
    }  # fmt: skip
    assert [str(clean_page(page.body).reason) for page in _read(files[LONG])[0]] == ["c4.too_long", "None"]
    dropped = {kind: Counter[bool]() for kind in CYCLE}
    for number, verdict in verdicts.items():
        dropped[kind_of(number)[0]][verdict.text is None] += 1
    both = {"lorem", "brace", "stub", "badword"}  # some go, some only look as if they should
    assert {kind for kind, n in dropped.items() if kind != "menu" and len(n) == 2} == both
    english = [n for kind, n in dropped.items() if kind != "foreign"]
    assert 0.6 < sum(n[False] for n in english) / sum(n.total() for n in english) < 0.8  # before what they share goes


def test_pages_crawled_again(crawl: dict[int, WetPage]) -> None:
    agains = [number for number in crawl if kind_of(number)[0] == "again"]
    assert len({again_of(number) for number in agains}) == len(agains) == TOTAL // len(CYCLE) * CYCLE.count("again")
    newer = Counter[bool]()
    for number in agains:
        page, first = crawl[number], crawl[again_of(number)]
        assert kind_of(again_of(number))[0] == "article"
        assert _same(page.url) == _same(first.url) and page.body != first.body and page.date != first.date
        assert len(_triples(page.body) & _triples(first.body)) < len(_triples(first.body)) / 2
        newer[page.date > first.date] += 1
    assert min(newer[True], newer[False]) > 3
    pairs = [(crawl[number].url, crawl[again_of(number)].url) for number in agains]
    assert any(one == other for one, other in pairs)
    for part in ("?utm_", "?ref", "?feed"):
        assert any(part in one for one, _ in pairs)
    assert any(one.startswith("https:") != other.startswith("https:") for one, other in pairs)
    assert any(("//www." in one) != ("//www." in other) for one, other in pairs)
    assert any(not one.endswith("/") and "?" not in one for one, _ in pairs)
    others = [_same(page.url) for number, page in crawl.items() if number not in agains]
    assert len(set(others)) == len(others)


@pytest.mark.parametrize("kind", ["quoted", "syndicated", "overlapping"])
def test_what_three_pages_share(crawl: dict[int, WetPage], kind: str) -> None:
    groups = defaultdict(list)
    for number, page in sorted(crawl.items()):
        if kind_of(number)[0] == kind:
            groups[kind_of(number)[1] // 3].append(page)
    of_others = Counter(span for group in groups.values() for span in set.union(*(_triples(p.body) for p in group)))
    whole = [group for group in groups.values() if len(group) == 3]
    assert len(whole) == TOTAL // len(CYCLE)
    for group in whole:
        assert len({page.url.split("/")[2] for page in group}) == 3 or kind != "syndicated"
        one, two, three = ({span for span in _triples(page.body) if of_others[span] == 1} for page in group)
        if kind == "overlapping":
            assert one & two and two & three and not one & two & three
        else:
            assert len(one & two & three) >= 3


def test_what_sites_say_of_themselves(crawl: dict[int, WetPage]) -> None:
    hosts = defaultdict(list)
    for number, page in crawl.items():
        if kind_of(number)[0] not in ("foreign", "stub"):
            hosts[re.sub(r"^https?://(www\.)?|/.*", "", page.url)].append(set(page.body.split("\n")))
    shared = [set.intersection(*pages) for pages in hosts.values() if len(pages) > 3]
    n_about = sum(any(line.count(". ") >= 2 for line in lines) for lines in shared)
    assert len(shared) > 6 and 0 < n_about < len(shared)


def test_languages(crawl: dict[int, WetPage], files: dict[str, Path]) -> None:
    pages = list(map(Pages(0).page, range(TOTAL)))
    shares = Counter(page.languages for page in pages)
    assert shares[("en",)] / TOTAL > 0.8 and set(shares) == {("en",), ("en", "de"), *((each,) for each in FOREIGN)}
    data = b"".join(gzip.decompress(path.read_bytes()) for path in list(files.values())[:FILES])
    named = Counter(re.findall(rb"Identified-Content-Language: (.*)\r\n", data))
    assert named[b"eng"] == shares[("en",)] and named[b"eng,deu"] == shares[("en", "de")]
    assert not any(re.search(r"[⟨⟩]|\{(n|site|year)\}|  |\n\n", page.text) for page in pages)


def test_the_word_list(files: dict[str, Path]) -> None:
    words = files[c4.BADWORDS].read_text("utf-8").splitlines()
    assert words == badwords() and len(set(words)) == 13
    assert [word for word in words if " " in word] == ["sour gronk pie"]
    assert all(re.fullmatch("[a-z ]+", word) for word in words)


def test_published_pages(files: dict[str, Path]) -> None:
    pages, errors = _read(files[PUBLISHED])
    assert not errors and len({page.url for page in pages}) == 80
    for page in pages:
        verdict = clean_page(page.text, badwords())
        assert verdict.text == page.text and not verdict.line_reasons
        assert re.fullmatch(r"2019-04-(1[89]|2\d)T\d\d:\d\d:\d\dZ", page.timestamp)
    assert len(pages) == len({page.timestamp for page in pages})


def test_each_rule_of_the_grammar_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: set[str] = set()
    rule = Prose.rule

    def record(prose: Prose, name: str) -> tuple[Template, ...]:
        if prose.language == "c4_en":
            drawn.add(name)
        return rule(prose, name)

    monkeypatch.setattr(Prose, "rule", record)
    pages = Pages(0)
    for number in range(4 * len(CYCLE)):
        pages.page(number)
    assert drawn == set(Prose("c4_en", 0).site["rules"])
