"""Every part of the page of a run is there, and says what the run's own files say: counted again here, from Parquet."""

from __future__ import annotations

import json
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest
from lxml import html

from corpusmill.filters.sentences import count
from corpusmill.mixtures.recipe import read_recipe
from corpusmill.pipelines.told import SAME_CONTENT
from corpusmill.records import Reason
from corpusmill.report.describe import rows as steps
from corpusmill.report.page.build import render
from corpusmill.report.page.charts import HEIGHT, WIDTH
from corpusmill.report.page.views import OF_KEPT
from running import manifest

SHOWN = 8  # values of a table of counts
GROUPS = 5
Meta = Mapping[str, Any]
# Source → what each chart of a threshold measures: the threshold, how many kept documents have it, and by its reasons.
MEASURES: Mapping[str, Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
    "commoncrawl": {
        "characters before lines go": ("≥ 300", "chars_in", ("ccnet.too_short",)),
        "score of the best language": ("≥ 0.5", "language_score", ("ccnet.language_unsure",)),
        "perplexity": ("<", "perplexity", ("ccnet.bucket",)),
        "likeness to pages that Wikipedia cites": ("≥ 0.25", "citation_score", ("redpajama.not_cited",)),
    },
    "c4": {
        "characters before lines go": ("≤ 190k", "chars_in", ("c4.too_long",)),
        "sentences left": ("≥ 3", "text", ("c4.too_few_sentences", "c4.too_few_sentences_left")),
        "score of the best language": ("≥ 0.5", "language_score", ("c4.language_unsure",)),
    },
    "github": {
        "characters of the longest line": ("≤ 1,000", "max_line_chars", ("github.long_line", "github.minified")),
        "characters of a line on average": ("≤ 100", "avg_line_chars", ("github.long_lines",)),
        "share of letters and digits": ("≥ 0.25", "alnum_frac", ("github.few_alnum",)),
    },
    "wikipedia": {},
    "books": {"share of the book in another one": ("≤ 0.9", "", ("books.overlap",))},
    "arxiv": {},
    "stackexchange": {},
}
# Source → what its kept documents are counted by → the value of one.
FACETS: Mapping[str, Mapping[str, Callable[[Meta], object]]] = {
    "commoncrawl": {
        "dump": lambda meta: meta["dump"],
        "domain": lambda meta: domain(meta["url"]),
        "language": lambda meta: meta["language"],
        "part": lambda meta: meta["bucket"],
    },
    "c4": {
        "year of the crawl": lambda meta: meta["timestamp"].partition("-")[0],
        "domain": lambda meta: domain(meta["url"]),
        "language": lambda meta: meta["language"],
    },
    "github": {
        "licence": lambda meta: meta["license"].lower(),
        "ending": lambda meta: re.sub(r"^.+(?=\.)", "", meta["path"].rpartition("/")[2]),
        "repository": lambda meta: meta["repo"],
    },
    "wikipedia": {
        "language": lambda meta: meta["language"],
        "year of the last edit": lambda meta: meta["timestamp"].partition("-")[0],
    },
    "books": {
        "collection": lambda meta: meta["collection"],
        "language": lambda meta: meta["language"],
        "encoding": lambda meta: meta["encoding"],
    },
    "arxiv": {
        "year of the files": lambda meta: meta["date"].partition("-")[0],
        "files of the paper": lambda meta: meta["n_files"],
    },
    "stackexchange": {
        "site": lambda meta: meta["site"],
        "licence of the question": lambda meta: meta["license"],
        "year of the question": lambda meta: meta["created"].partition("-")[0],
        "answers": lambda meta: len(meta["answers"]),
    },
}
# Reasons of documents that are the same as others, and what says of what they are.
SAME = {
    "common.duplicate_id": "id",
    "c4.other_crawl": "id",
    "github.copy": "detail",
    "books.overlap": "detail",
    "arxiv.older_version": "id",
}
LANGUAGES, LICENCES, DOMAINS = 4, 2, 2  # sources that are counted by them
EVERY_SOURCE = pytest.mark.parametrize("source", list(FACETS))


def domain(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")


@pytest.fixture(scope="module")
def page(finished: Path) -> Any:
    return html.fromstring(render(str(finished)))


def section(page: Any, name: str) -> Any:
    [found] = page.xpath(f"//section[@id='{name}']")
    return found


def rows(finished: Path, kind: str, source: str) -> list[dict[str, Any]]:
    return [
        row for path in (finished / kind / source).glob("*.parquet") for row in pq.ParquetFile(path).read().to_pylist()
    ]


def metas(finished: Path, source: str) -> list[Meta]:
    return [json.loads(row["meta"]) for row in rows(finished, "documents", source)]


def words(element: Any) -> str:
    return " ".join(element.text_content().split())


def numbers(text: str) -> list[int]:
    """The whole numbers of a text."""
    return [int(found.replace(",", "")) for found in re.findall(r"\d[\d,]*", text)]


def seconds(text: str) -> float:
    return float(text.replace(",", "").removesuffix(" s"))


# --- thresholds -------------------------------------------------------------------------------------------------------


def charts(page: Any, source: str) -> dict[str, Any]:
    """The charts of a source by what they measure, that of lengths aside."""
    boxes = section(page, source).xpath("./div[@class='threshold']")
    return {" ".join(box.xpath("string(h4/text())").split()): box for box in boxes}


def measured(finished: Path, source: str, key: str, reasons: Iterable[str]) -> tuple[list[float], list[float]]:
    """What kept and dropped documents measure: kept ones by their metadata, or their text."""
    if key == "text":
        kept = [sum(map(count, row["text"].split("\n"))) for row in rows(finished, "documents", source)]
    else:
        kept = [meta[key] for meta in metas(finished, source) if key in meta]
    gone = rows(finished, "dropped", source)
    return kept, [row["measure"] for row in gone if row["reason"] in reasons and row["measure"] is not None]


def drawn(chart: Any, kind: str) -> float:
    """How many documents the bars of one colour stand for, by the numbers beside the axis."""
    ticks = {
        float(tick.text.replace(",", "")): float(tick.get("y")) - 3.5
        for tick in chart.xpath("./text[@class='tick'][@text-anchor='end']")
    }
    top = max(ticks)
    of_one = (ticks[0] - ticks[top]) / top
    return float(sum(float(bar.get("height")) for bar in chart.xpath(f"./rect[@class='{kind}']")) / of_one)


@EVERY_SOURCE
def test_each_threshold_has_its_chart(source: str, page: Any, finished: Path) -> None:
    found = charts(page, source)
    assert list(found) == list(MEASURES[source])
    for name, (threshold, key, reasons) in MEASURES[source].items():
        box, (kept, dropped) = found[name], measured(finished, source, key, reasons)
        assert words(box.xpath("h4/span")[0]).startswith(f"kept: {threshold}")
        legend = box.xpath("p[@class='legend']/span")
        drawn_of = [len(kept), len(dropped)] if kept else [len(dropped)]  # of books it is not recorded of kept ones
        assert [numbers(words(one))[0] for one in legend] == drawn_of
        assert {code.text for code in legend[-1].xpath("code")} <= set(reasons)
        [chart] = box.xpath(".//figure/*[@class='chart']")
        assert numbers(chart.get("aria-label"))[:2] == [len(kept), len(dropped)]
        for kind, values in (("kept", kept), ("dropped", dropped)):
            bars = chart.xpath(f"./rect[@class='{kind}']")
            least = 1.2 / HEIGHT * (len(kept) + len(dropped))  # that a bar of one document is drawn with
            assert drawn(chart, kind) == pytest.approx(len(values), abs=1 + least * len(bars))
            assert len(bars) <= len(values)
        assert len(chart.xpath("./line[@class='threshold']")) == 1
        assert all(0 <= float(line.get("x1")) <= WIDTH for line in chart.xpath("./line[contains(@class, 'threshold')]"))
        label = chart.xpath("string(./text[@class='threshold'])")
        assert box.xpath("h4/span")[0].text.endswith(f" {label}")
        texts = box.xpath(".//table[@class='changes']//tr[@class='now']/th/text()")
        assert texts == [label]


# --- what was kept ----------------------------------------------------------------------------------------------------


def tables(page: Any, source: str) -> dict[tuple[str, str], tuple[dict[str, int], list[int]]]:
    """Of each table of counts: what it counts of which documents → the values, and what it says of all others."""
    found = {}
    for table in section(page, source).xpath(".//table[@class='counts']"):
        name, about = (words(one) for one in table.xpath("caption/*"))
        lines = [
            (words(row.xpath("th")[0]), numbers(words(row.xpath("td")[0]))[0], row.xpath("th/bdi"))
            for row in table.xpath("tbody/tr[th]")
        ]
        others = [n for text, of, value in lines if not value for n in (*numbers(text), of)]
        found[name, about] = ({text: n for text, n, value in lines if value}, others)
    return found


def counted(values: Iterable[object]) -> tuple[dict[str, int], list[int]]:
    found = Counter(" ".join(str(value).split()) for value in values if value not in (None, ""))
    most = dict(sorted(found.items(), key=lambda one: (-one[1], one[0]))[:SHOWN])
    others = len(found) - len(most)
    return most, [others, found.total() - sum(most.values())] if others else []


@EVERY_SOURCE
def test_kept_documents_are_counted_by_each_facet(source: str, page: Any, finished: Path) -> None:
    found = {name: of for (name, about), of in tables(page, source).items() if about.startswith(OF_KEPT)}
    assert found == {name: counted(map(of, metas(finished, source))) for name, of in FACETS[source].items()}


def test_languages_licences_and_domains_are_among_them(page: Any) -> None:
    names = [name for source in FACETS for name, about in tables(page, source) if about.startswith(OF_KEPT)]
    assert names.count("language") == LANGUAGES
    assert sum(name.startswith("licence") for name in names) == LICENCES
    assert names.count("domain") == DOMAINS


@EVERY_SOURCE
def test_lengths_are_those_of_the_kept_texts(source: str, page: Any, finished: Path) -> None:
    lengths = [len(row["text"].encode()) for row in rows(finished, "documents", source)]
    [box] = section(page, source).xpath("./div[@class='kept-parts']/div[@class='threshold']")
    told = [round(statistics.median(lengths)), round(statistics.mean(lengths)), max(lengths)]
    assert numbers(words(box.xpath("h4/span")[0])) == told
    [chart] = box.xpath("./figure/*[@class='chart']")
    bars = chart.xpath("./rect[@class='kept']")
    assert drawn(chart, "kept") == pytest.approx(len(lengths), abs=1 + 1.2 / HEIGHT * len(lengths) * len(bars))


@EVERY_SOURCE
def test_some_documents_of_each_kind_are_shown(source: str, page: Any, finished: Path) -> None:
    """A text on the page is the beginning of the document whose name stands above it."""
    kept, gone = ({row["id"]: row for row in rows(finished, kind, source)} for kind in ("documents", "dropped"))
    shown = section(page, source).xpath(".//article[@class='example']")
    ids = [words(one.xpath("p[@class='id']/bdi")[0]) for one in shown]
    assert len(kept.keys() & set(ids)) >= 3
    assert len(gone.keys() & set(ids)) >= 3
    beginnings = [
        (kept[id_]["text"], "".join(one.xpath("pre")[0].itertext()).removesuffix(" …"))
        for id_, one in zip(ids, shown, strict=True)
        if id_ in kept and id_ not in gone and one.xpath("pre")
    ]
    assert beginnings
    for text, head in beginnings:
        assert text.strip().startswith(head.strip()) or "\\u" in head


# --- what was dropped -------------------------------------------------------------------------------------------------


@EVERY_SOURCE
def test_dropped_documents_are_counted_by_what_is_noted_of_them(source: str, page: Any, finished: Path) -> None:
    details: dict[str, list[str]] = {}
    for row in rows(finished, "dropped", source):
        if row["detail"] and row["reason"] not in SAME:
            details.setdefault(row["reason"], []).append(row["detail"])
    expected = {reason: counted(values) for reason, values in details.items() if len(set(values)) > 1}
    assert {name: of for (name, about), of in tables(page, source).items() if not about.startswith(OF_KEPT)} == expected


@EVERY_SOURCE
def test_the_largest_groups_of_the_same_are_shown(source: str, page: Any, finished: Path) -> None:
    groups: dict[str, Counter[str]] = {}
    for row in rows(finished, "dropped", source):
        if row["reason"] in SAME:
            groups.setdefault(row["reason"], Counter())[row[SAME[row["reason"]]]] += 1
    found = {}
    for box in section(page, source).xpath("./details[.//div[starts-with(@aria-label, 'Groups of')]]"):
        reason = box.xpath("string(summary/code)")
        assert Reason(reason).description in words(box.xpath("summary")[0])
        n_groups = numbers(words(box.xpath(".//caption")[0]))[0]
        lines = [(numbers(words(row.xpath("td")[0]))[0], words(row)) for row in box.xpath(".//tbody/tr")]
        found[reason] = (n_groups, lines)
    assert found.keys() == groups.keys()
    for reason, (n_groups, lines) in found.items():
        of = groups[reason]
        assert n_groups == len(of)
        assert [n for n, _ in lines] == sorted(of.values(), reverse=True)[:GROUPS]
        for n, text in lines:
            assert any(times == n and name[:100] in text for name, times in of.items())


def test_sources_have_groups(page: Any) -> None:
    """So that the test above is of something."""
    assert len(page.xpath("//div[starts-with(@aria-label, 'Groups of')]")) >= 6


@pytest.mark.parametrize(("source", "kind"), [("commoncrawl", "lines"), ("c4", "lines"), ("stackexchange", "answers")])
def test_pieces_of_documents_add_up(source: str, kind: str, page: Any, finished: Path) -> None:
    counts = manifest(finished)["sources"][source]
    [table] = section(page, source).xpath(f"./details//table[starts-with(caption, '{kind.capitalize()} of')]")
    n_in, *gone, n_kept = [numbers(words(row.xpath("td")[0]))[0] for row in table.xpath("tbody/tr")]
    assert (n_in, n_kept) == (counts[f"{kind}.in"], counts[f"{kind}.kept"])
    assert n_in == n_kept + sum(gone)
    reasons = [code.text.removeprefix("− ") for code in table.xpath(".//th/code")]
    start = f"{kind}.dropped."
    assert dict(zip(reasons, gone, strict=True)) == {
        name.removeprefix(start): n for name, n in counts.items() if name.startswith(start)
    }


# --- the run as a whole -----------------------------------------------------------------------------------------------


def test_the_head_sums_up(page: Any, finished: Path) -> None:
    facts = manifest(finished)
    total: Counter[str] = Counter()
    for counts in facts["sources"].values():
        total.update({name: counts.get(name, 0) for name in ("documents.in", "documents.kept", "tokens")})
    tiles = {
        words(tile.xpath("dt")[0]): [n for one in tile.xpath("dd") for n in numbers(words(one))]
        for tile in page.xpath("//dl[@class='tiles']/div")
    }
    assert tiles["documents kept"] == [total["documents.kept"], total["documents.in"]]
    assert tiles["tokens"] == [total["tokens"]]
    written = sum(row["written"] for row in facts["mixture"]["table"])
    assert tiles["in training shards"] == [written, *(facts["mixture"]["n_shards"][part] for part in ("train", "val"))]
    assert tiles["damaged input"] == [sum(facts["damage"].values())]


def test_timings_are_those_of_the_manifest(page: Any, finished: Path) -> None:
    """Each phase once, below its source or stage, whose seconds are their sum; each step below its source."""
    facts, found, of_steps = manifest(finished), {}, {}
    for box in section(page, "time").xpath("./details[@class='time']"):
        name, took = words(box.xpath("summary/*[@class='name']")[0]), words(box.xpath("summary/*[@class='n']")[0])
        phases, steps = (
            {
                words(row.xpath("th")[0]): seconds(words(row.xpath("td")[0]))
                for row in box.xpath(f"table[@class='{kind}']//tr")
            }
            for kind in ("phases", "by-step")
        )
        assert seconds(took) == pytest.approx(sum(phases.values()), abs=0.051)
        for of in (phases, steps):
            assert list(of.values()) == sorted(of.values(), reverse=True)
        if steps:
            of_steps[name] = steps
        found |= {f"{name}/{phase}" if name in facts["sources"] else phase: took for phase, took in phases.items()}
    assert found == facts["seconds"]
    assert of_steps == {
        source: {step: float(f"{took:.2f}") for step, took in steps.items()}
        for source, steps in facts["step_seconds"].items()
    }
    [said] = section(page, "time").xpath("./p")
    assert float(words(said).rpartition(" ")[2].rstrip(".").replace(",", "")) == pytest.approx(
        sum(facts["seconds"].values()), abs=0.051 * len(found)
    )


def test_damage_is_that_of_the_lists(page: Any, finished: Path) -> None:
    lists = manifest(finished)["errors"]
    damage = [row for path in lists for row in pq.ParquetFile(finished / "errors" / path).read().to_pylist()]
    by_input = Counter(row["input"] for row in damage)
    shown = {
        words(row.xpath("th/bdi")[0]): numbers(words(row.xpath("td")[0]))[0]
        for row in section(page, "damage").xpath(".//tbody/tr")
    }
    assert list(shown.values()) == sorted(by_input.values(), reverse=True)[: len(shown)]
    assert shown == {name: by_input[name] for name in shown}
    for source, counts in manifest(finished)["sources"].items():
        kinds = {name.removeprefix("damage."): n for name, n in counts.items() if name.startswith("damage.")}
        notes = section(page, source).xpath("./p[@class='note'][starts-with(., 'Damaged input')]")
        assert len(notes) == bool(kinds)
        for note in notes:
            names = [code.text for code in note.xpath("code")]
            assert dict(zip(names, (numbers(code.tail)[0] for code in note.xpath("code")), strict=True)) == kinds


def test_the_record_has_every_digest(page: Any, finished: Path) -> None:
    facts = manifest(finished)
    told = {code.text for code in section(page, "record").xpath(".//td/code")}
    parts = {facts["corpus"][part] for part in ("documents", "train", "val", "shards")}
    assert told == {
        *parts, *facts["corpus"]["sources"].values(), facts["recipe_digest"], facts["mixture"]["tokenizer_sha256"]
    }  # fmt: skip
    assert (finished / "recipe.yaml").read_text().strip() in section(page, "record").xpath("string(details[2]/pre)")


@EVERY_SOURCE
def test_each_step_and_what_it_follows(source: str, page: Any, finished: Path) -> None:
    [table] = section(page, source).xpath("./details//table[@class='steps']")
    shown = [[words(cell) for cell in row] for row in table.xpath("tbody/tr")]
    assert shown == [
        [" ".join(row[key].split()) for key in ("step", "basis", "note")]
        for row in steps(source, read_recipe(str(finished)))
        if row["step"] != SAME_CONTENT  # which the recipe asks for of no source
    ]


def test_models_that_were_made(page: Any, finished: Path) -> None:
    told = words(section(page, "models"))
    for language, found in manifest(finished)["models"]["models/commoncrawl/cutoffs.json"].items():
        assert language in told
        assert all(f"{cutoff:g}" in told for cutoff in found.values())


def test_the_table_of_sources(page: Any, finished: Path) -> None:
    facts = manifest(finished)
    written = {row["source"]: row["written"] for row in facts["mixture"]["table"]}
    shown = {
        words(row.xpath("th")[0]): [numbers(words(row.xpath("td")[at]))[0] for at in (0, 2, 3, 7, 8, 9)]
        for row in section(page, "sources").xpath(".//table/tbody/tr")
    }
    assert shown == {
        source: [
            len(facts["inputs"][source]["files"]),
            *(counts[name] for name in ("documents.in", "documents.kept", "tokens")),
            written[source],
            sum(n for name, n in counts.items() if name.startswith("damage.")),
        ]
        for source, counts in facts["sources"].items()
    }
