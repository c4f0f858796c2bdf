"""Every part of the card of a run is there: rights, names, routes, languages, deviations, the command."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from corpusmill.mixtures.recipe import CardRecipe, load
from corpusmill.pipelines.accounts import languages_of, licenses_of
from corpusmill.report.card import card
from corpusmill.report.corpus import Corpus
from corpusmill.report.describe import rows as steps
from running import corpusmill, manifest

# Source → its title; words of what its texts may be used for; where to read it; how a document is named; its
# publisher's way to take one down. Facts that whoever passes a corpus on relies on: they are written down twice.
SOURCES = {
    "commoncrawl": (
        "CommonCrawl",
        "Each page keeps the rights of its author",
        ["https://commoncrawl.org/terms-of-use"],
        "commoncrawl:UUID",
        "https://commoncrawl.org/terms-of-use",
    ),
    "c4": (
        "C4",
        "ODC-BY",
        [
            "https://commoncrawl.org/terms-of-use",
        ],
        "c4:ADDRESS",
        "https://commoncrawl.org/terms-of-use",
    ),
    "github": (
        "GitHub",
        "Each file has the licence of its repository",
        ["https://choosealicense.com/"],
        "github:OWNER/NAME/PATH",
        "https://docs.github.com/en/site-policy/content-removal-policies/dmca-takedown-policy",
    ),
    "wikipedia": (
        "Wikipedia",
        "CC BY-SA",
        ["https://creativecommons.org/licenses/by-sa/4.0/", "https://dumps.wikimedia.org/legal.html"],
        "wikipedia:LANGUAGE/NUMBER",
        "https://foundation.wikimedia.org/wiki/Policy:Terms_of_Use",
    ),
    "books": (
        "Books",
        "in the public domain in the USA",
        ["https://www.gutenberg.org/policy/license.html"],
        "books:gutenberg/NUMBER",
        "https://www.gutenberg.org/policy/license.html",
    ),
    "arxiv": (
        "arXiv",
        "Each paper has its own licence",
        ["https://info.arxiv.org/help/license/index.html", "https://info.arxiv.org/help/bulk_data_s3.html"],
        "arxiv:NUMBER",
        "https://info.arxiv.org/help/license/index.html",
    ),
    "stackexchange": (
        "Stack Exchange",
        "CC BY-SA by the day on which a post was written",
        ["https://stackoverflow.com/help/licensing"],
        "stackexchange:SITE/NUMBER",
        "https://stackoverflow.com/legal",
    ),
}
EVERY_SOURCE = pytest.mark.parametrize("source", list(SOURCES))
# Beginnings of what is said of personal data and of limits, and the one source that it is said for.
PERSONAL = {
    "No personal data is looked for, masked or removed": None,
    "Source files may hold keys and passwords": "github",
    "The dumps' names of users are not used": "stackexchange",
}
LIMITS = {
    "Documents of different sources are not compared": None,
    "No benchmark is looked for in the texts": None,
    "Offensive, false and out-of-date text is not removed": None,
    "Notices of copyright and licence at the top of source files are removed": "github",
    "Templates are not expanded": "wikipedia",
    "Figures, bibliographies and everything before the first section": "arxiv",
    "Pages stay that are likely under a model of Wikipedia's style": "commoncrawl",
    "C4's rules keep lines that end like sentences": "c4",
    "The identification of languages errs": "commoncrawl or c4",
    "Wikipedia's authors choose its topics": "wikipedia",
    "Repositories without a known licence are left out": "github",
    "Project Gutenberg's books are old": "books",
}


@pytest.fixture(scope="module")
def text(finished: Path) -> str:
    return card(Corpus.read(str(finished)))


@pytest.fixture(scope="module")
def of_books(finished: Path) -> str:
    """The card of the same run, had it been of books alone, with somebody who answers for it."""
    corpus = Corpus.read(str(finished))
    facts = {**corpus.facts, "sources": {"books": corpus.counts("books")}, "complete": False}
    recipe = dataclasses.replace(corpus.recipe, card=CardRecipe(contact="me@example.org"))
    return card(dataclasses.replace(corpus, facts=facts, recipe=recipe))


def part(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one of its level."""
    level = heading.partition(" ")[0]
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", text, re.M | re.S)
    assert found, f"no heading {heading!r}"
    return found[1]


def cells(text: str) -> list[list[str]]:
    """The rows of all tables of a text, heads among them."""
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    return [[cell.strip() for cell in line.removeprefix("| ").removesuffix(" |").split(" | ")] for line in lines]


def plain(markdown: str) -> str:
    return re.sub(r"\\(.)", r"\1", markdown)


def links(text: str) -> list[str]:
    return re.findall(r"\]\(<([^>]+)>\)", text)


def rights(text: str, source: str) -> str:
    """What the section of licences says of a source."""
    found = re.search(
        rf"^\*\*{re.escape(SOURCES[source][0])}\.\*\* (.*?)(?=^\*\*|\Z)", part(text, "## Licences"), re.M | re.S
    )
    assert found, f"no licence of {source}"
    return found[1]


def metas(finished: Path, source: str) -> list[Any]:
    return [json.loads(row["meta"]) for row in pq.read_table(finished / "documents" / source).to_pylist()]


@EVERY_SOURCE
def test_each_source_has_its_licence_and_where_to_read_it(source: str, text: str) -> None:
    _, words, where, _, _ = SOURCES[source]
    assert words in rights(text, source)
    assert links(rights(text, source)) == where


@pytest.mark.parametrize(
    ("source", "of"),
    [
        pytest.param("github", licenses_of, id="licences of repositories"),
        pytest.param("stackexchange", licenses_of, id="licences of posts"),
        pytest.param("books", lambda meta: [meta["collection"]], id="collections"),
    ],
)
def test_licences_are_counted(source: str, of: Callable[[Any], list[str]], text: str, finished: Path) -> None:
    told = rights(text, source).rpartition("in this run")[2]
    counts = {name: int(n) for name, n in re.findall(r"`([^`]+)` (\d+)", told)}
    assert counts == Counter(name for meta in metas(finished, source) for name in of(meta))


@EVERY_SOURCE
def test_how_a_document_is_named_and_taken_down(source: str, text: str, finished: Path) -> None:
    [row] = [row for row in cells(part(text, "## Taking documents down")) if row[0] == source]
    shape, upstream = SOURCES[source][3:]
    assert row[1].startswith(f"`{shape}`")
    assert links(row[2]) == [upstream]
    pattern = re.sub(r"[A-Z]+", ".+", re.escape(shape))
    ids = [id_ for id_ in pq.read_table(finished / "documents" / source)["id"].to_pylist() if "collection" not in id_]
    assert ids and all(re.fullmatch(pattern, id_) for id_ in ids)


def test_the_way_to_take_a_document_down(text: str, of_books: str) -> None:
    assert "`corpusmill takedown OUT ID_OR_URL`" in part(text, "## Taking documents down")
    assert "Nobody is named who answers for this corpus" in part(text, "## Taking documents down")
    named = part(of_books, "## Taking documents down")
    assert "requests to take documents down: me@example.org." in named
    assert [row[0] for row in cells(named)[1:]] == ["books"]


@EVERY_SOURCE
def test_each_step_with_its_basis(source: str, text: str, finished: Path) -> None:
    """Those of the section, and below the deviations all that are not the paper's."""
    corpus = Corpus.read(str(finished))
    own = part(text, f"### {SOURCES[source][0]}")
    shown = [[plain(row[0]), row[1]] for row in cells(own.partition("\n\nOf ")[0])[1:]]
    names = [[row["step"], row["basis"]] for row in steps(source, corpus.recipe)]
    assert [one for one in names if one in shown] == shown
    assert len(names) - len(shown) <= 1  # a source that compares no contents has one fewer
    deviations = [row for row in cells(part(text, "## Deviations from the paper")) if row[0] == source]
    told = {row[1]: plain(row[2]).split("; ") for row in deviations if row[1] != "setting"}
    expected: dict[str, list[str]] = {}
    for step, basis in shown:
        if basis != "paper":
            expected.setdefault(basis, []).append(step)
    assert told == expected


def test_what_is_left_out_deviates(finished: Path) -> None:
    corpus = dataclasses.replace(
        Corpus.read(str(finished)), recipe=load("sample", ["sources.commoncrawl.cited=skip", "seed=3"])
    )
    rows = {tuple(row[:2]): row[2] for row in cells(part(card(corpus), "## Deviations from the paper"))}
    left_out = plain(rows["commoncrawl", "left out"]).split("; ")
    assert left_out == ["keep what is like cited pages"]
    assert "`cited` is `skip`, not nothing" in rows["commoncrawl", "setting"]
    assert "`seed` is `3`, not `1`" in rows["all", "setting"]


@EVERY_SOURCE
def test_how_many_stayed(source: str, text: str, finished: Path) -> None:
    counts = manifest(finished)["sources"][source]
    read, kept = counts["documents.in"], counts["documents.kept"]
    own = part(text, f"### {SOURCES[source][0]}")
    assert f"Of {read:,} documents read " in own and f" {kept:,}, {100 * kept / read:.2f} %, stayed" in own
    [row] = [row for row in cells(text) if row[1] == f"`{source}`"]
    assert row[:3] == [SOURCES[source][0], f"`{source}`", f"{kept:,}"]


def test_the_table_of_languages(text: str, finished: Path) -> None:
    head, *rows = cells(part(text, "## Languages"))
    told = {
        source: {row[0].strip("`"): int(row[at]) for row in rows if row[at]} for at, source in enumerate(head) if at
    }
    total: Counter[str] = Counter()
    for source in SOURCES:
        found = Counter(code for meta in metas(finished, source) for code in languages_of(meta))
        assert told.get(source, {}) == found
        total += found
    assert told["documents"] == total
    assert "Of github, arxiv and stackexchange no language is known" in part(text, "## Languages")


@pytest.mark.parametrize(
    ("heading", "expected"),
    [pytest.param("## Personal data", PERSONAL, id="personal"), pytest.param("## Known limits", LIMITS, id="limits")],
)
def test_what_is_known_of_the_texts(heading: str, expected: dict[str, str | None], text: str, of_books: str) -> None:
    lines = [line.removeprefix("- ") for line in part(text, heading).splitlines() if line.startswith("- ")]
    assert len(lines) == len(expected)
    for beginning in expected:
        assert any(line.startswith(beginning) for line in lines), beginning
    assert {beginning for beginning in expected if beginning in part(of_books, heading)} == {
        beginning for beginning, source in expected.items() if source in (None, "books")
    }


def test_the_command_makes_the_same_again(
    text: str, inputs: Path, finished: Path, copy_of: Callable[[Path], Path]
) -> None:
    """In the same folder it finds all work done: recipe and inputs are the same."""
    [line] = [line for line in part(text, "## How to make it again").splitlines() if line.startswith("$ ")]
    words = line.removeprefix("$ corpusmill ").split()
    output = copy_of(finished)
    places = {"recipe.yaml": output / "recipe.yaml", "INPUTS": inputs, "OUT": output}
    assert set(places) < set(words)
    would = json.loads(corpusmill(*[places.get(word, word) for word in words], "--dry-run", "--json").stdout)
    assert {source: found["to_do"] for source, found in would["sources"].items()} == dict.fromkeys(SOURCES, 0)
    facts = manifest(finished)
    versions = [f"{name} {version}" for name, version in facts["libraries"].items()]
    told = " ".join(part(text, "## How to make it again").split())
    assert ", ".join([*versions, f"Python {facts['python']}"]) in told


def test_what_it_was_made_from(text: str, finished: Path) -> None:
    facts, rows = manifest(finished), cells(part(text, "## What it was made from"))
    files = {row[0]: int(row[1].replace(",", "")) for row in rows if row[0] in SOURCES}
    assert files == {source: len(facts["inputs"][source]["files"]) for source in SOURCES}
    digests = {row[0].strip("`"): row[3].strip("`") for row in rows if len(row) == 4}
    for source in SOURCES:
        for name, (_, digest) in facts["inputs"][source]["models"].items():
            assert digests[f"{source}: {name}"] == digest
    made = pq.read_table(finished / "manifest.parquet", columns=["path", "sha256"]).to_pylist()
    learnt = {row["path"]: row["sha256"] for row in made if row["path"].startswith(("models/", "tokenizer/"))}
    assert learnt.items() <= digests.items() and "tokenizer/tokenizer.model" in learnt


def test_the_mixture_beside_the_papers(text: str, finished: Path) -> None:
    rows = {row[0]: row for row in cells(part(text, "## Mixture"))[1:]}
    mixture = {row["source"]: row for row in manifest(finished)["mixture"]["table"]}
    written = sum(row["written"] for row in mixture.values())
    weights = {"commoncrawl": 67, "c4": 15, "github": 4.5, "wikipedia": 4.5, "books": 4.5, "arxiv": 2.5}
    assert list(rows) == list(SOURCES)
    for source, row in mixture.items():
        assert rows[source][4] == f"{row['written']:,}"
        assert rows[source][5] == f"{100 * row['written'] / written:.2f} %"
        assert rows[source][6] == f"{weights.get(source, 2):.2f} %"
        assert rows[source][7] == f"{row['epochs']:.2f}"


def test_whom_to_cite(text: str) -> None:
    cited = part(text, "## Citation")
    assert "@article{touvron2023llama" in cited and "arXiv:2302.13971" in cited and "@software{corpusmill" in cited
