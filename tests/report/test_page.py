"""The page of a run: its numbers are the manifest's, its texts do no harm, and it is the same for the same run."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from browser import CHROMIUM, CONTRASTS, STANDING_OUT, browser
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from corpusmill.filters.criteria import CRITERIA
from corpusmill.formats.documents import DAMAGE, DOCUMENTS, DROPPED
from corpusmill.mixtures.recipe import load
from corpusmill.records import Reason
from corpusmill.report.page import sampling
from corpusmill.report.page.build import render
from corpusmill.report.page.charts import axis_of
from corpusmill.report.page.measures import Measure, measures
from corpusmill.report.page.sampling import Drawn, Row, Sample
from corpusmill.report.page.views import _counts, thresholds
from running import SMALL, contents, corpusmill, manifest

HOSTILE = (
    '</pre></script><script>alert(1)</script><img src="https://evil.example/x" onerror=alert(1)>'
    "\u202egnp.exe \x00\x1b[31m \u2066 \ufeff \U000e0041 {{ 7 * 7 }} & < > \" ' ` \u05d0\u05d1 \r\n" + "a" * 400
)


def page_of(output: Path) -> Any:
    return html.fromstring(render(str(output)))


def number(cell: Any) -> int:
    return int(cell.text_content().replace(",", ""))


def test_a_run_writes_it(finished: Path) -> None:
    assert (finished / "report.html").read_text() == render(str(finished))


def test_documents_add_up_as_in_the_manifest(finished: Path) -> None:
    page, facts = page_of(finished), manifest(finished)
    for source, counts in facts["sources"].items():
        [table] = page.xpath(f"//section[@id='{source}']/div/table[@class='funnel']")
        first, *gone, last = [number(row.xpath("td")[0]) for row in table.xpath("tbody/tr")]
        assert (first, last) == (counts["documents.in"], counts["documents.kept"])
        assert first == last + sum(gone)
        reasons = [code.text.removeprefix("− ") for code in table.xpath(".//th/code")]
        assert dict(zip(reasons, gone, strict=True)) == {
            name.removeprefix("documents.dropped."): n
            for name, n in counts.items()
            if name.startswith("documents.dropped.")
        }
        for reason in reasons:
            assert Reason(reason).description in table.text_content()


def test_the_mixture_is_that_of_the_manifest(finished: Path) -> None:
    page, facts = page_of(finished), manifest(finished)
    rows = page.xpath("//section[@id='mixture']//tbody/tr")[:-1]
    shown = {row.xpath("th")[0].text: [number(row.xpath("td")[at]) for at in (3, 4, 5)] for row in rows}
    assert shown == {
        row["source"]: [row["wanted"], row["written"], row["available"]] for row in facts["mixture"]["table"]
    }
    shares = [row.xpath("td")[1].text for row in rows]
    assert shares == [f"{source.weight:.2f} %" for source in load("llama1").active.values()]


def test_the_same_run_gives_the_same_page(finished: Path, copy_of: Callable[[Path], Path]) -> None:
    assert render(str(copy_of(finished))) == render(str(finished))


def test_every_measure_of_a_dropped_document_is_known(finished: Path) -> None:
    recipe = load("sample")
    others = {reason for of in CRITERIA.values() for one in of for reason in one.also}
    for source, options in recipe.active.items():
        known = {reason for one in measures(source, options, {}) for reason in one.reasons} | others
        for path in (finished / "dropped" / source).glob("*.parquet"):
            rows = pq.read_table(path, columns=["reason", "measure"]).to_pylist()
            assert {row["reason"] for row in rows if row["measure"] is not None} <= known


@pytest.mark.parametrize("source", ["commoncrawl", "c4", "github"])
def test_every_kept_document_has_the_measures(source: str, finished: Path) -> None:
    found = measures(source, load("sample").active[source], {})
    sample = sampling.draw(str(finished), source, found)
    assert sample.kept.rows
    for row in sample.kept.rows:
        assert set(row.values) == {one.name for one in found}


def test_thresholds_part_what_was_kept_from_what_was_dropped(finished: Path) -> None:
    """Each change at the threshold that holds is none: kept documents are on one side, dropped ones on the other."""
    rows = page_of(finished).xpath("//tr[@class='now']")
    assert len(rows) >= 6
    assert {row.xpath("td")[0].text for row in rows} == {"no change"}


SCORE = Measure("score", ">=", {"min": 0.5}, (Reason.C4_LANGUAGE_UNSURE,), "score")


def sample_of(kept: Sequence[float], dropped: Sequence[float]) -> Sample:
    stays = [Row(f"k{n}", "", "text", 100_000, values={"score": value}) for n, value in enumerate(kept)]
    goes = [
        Row(f"d{n}", "", "text", 200_000, str(Reason.C4_LANGUAGE_UNSURE), measure=value)
        for n, value in enumerate(dropped)
    ]
    return Sample(Drawn(stays), Drawn(goes))


@pytest.mark.parametrize(
    ("threshold", "told"),
    [
        pytest.param("0.5", "no change", id="the one that holds"),
        pytest.param("0.3", "up to 2 documents more, 400 kB of text", id="looser"),
        pytest.param("0.7", "1 document fewer, 100 kB of text", id="stricter: at the threshold stays"),
    ],
)
def test_what_another_threshold_would_change(threshold: str, told: str) -> None:
    counts = {"documents.kept": 4, f"documents.dropped.{Reason.C4_LANGUAGE_UNSURE}": 3}
    [found] = thresholds("c4", [SCORE], sample_of([0.5, 0.7, 0.9, 1.0], [0.1, 0.3, 0.4]), counts)
    assert {value: told for _, value, told in json.loads(found.stops)}[threshold] == told


def test_a_sample_stands_for_all() -> None:
    counts = {"documents.kept": 400, f"documents.dropped.{Reason.C4_LANGUAGE_UNSURE}": 30}
    drawn = sample_of([0.5, 0.7, 0.9, 1.0], [0.1, 0.3, 0.4])
    drawn.kept.all_groups = False
    [found] = thresholds("c4", [SCORE], drawn, counts)
    told = {value: told for _, value, told in json.loads(found.stops)}
    assert told["0.3"] == "up to about 20 documents more, 4.0 MB of text"
    assert told["0.7"] == "about 100 documents fewer, 10.0 MB of text"


def test_a_threshold_that_is_a_whole_number_moves_by_whole_numbers() -> None:
    """Others would be refused by the recipe, as negative ones are."""
    measure = dataclasses.replace(SCORE, thresholds={"min_score": 3.0})
    drawn = sample_of([3.0, 4.0, 30.0, 400.0], [0.0, 1.0, 2.0])
    [found] = thresholds("c4", [measure], drawn, {"documents.kept": 4, f"documents.dropped.{measure.reasons[0]}": 3})
    stops = [float(value.replace(",", "")) for _, value, _ in json.loads(found.stops)]
    assert stops[:7] == [0, 1, 2, 3, 4, 5, 6]
    assert all(stop.is_integer() for stop in stops)


def test_years_stand_in_their_order_and_words_by_their_number() -> None:
    assert _counts("year", "", ["2021", "2010", "2021", "999"]).top == [("999", 1), ("2010", 1), ("2021", 2)]
    assert _counts("site", "", ["b", "a", "b"]).top == [("b", 2), ("a", 1)]


NUMBERS = st.floats(-1e12, 1e12) | st.integers(-5, 5).map(float)


@given(st.lists(NUMBERS), NUMBERS, st.booleans(), st.booleans())
def test_no_bin_stands_on_both_sides_of_a_threshold(
    values: list[float], threshold: float, log: bool, right: bool
) -> None:
    if log:
        values, threshold = [abs(value) for value in values], abs(threshold) + 1e-3
    axis = axis_of(values, [threshold], log)
    assert list(axis.edges) == sorted(set(axis.edges))
    assert any(edge == pytest.approx(threshold, rel=1e-9, abs=1e-9 * abs(axis.edges[-1])) for edge in axis.edges)
    assert len(axis.edges) < 200
    assert sum(axis.counts(values, right)) == len(values)


# --- hostile documents ------------------------------------------------------------------------------------------------


def write(path: Path, schema: pa.Schema, *rows: dict[str, Any]) -> None:
    pq.write_table(pa.Table.from_pylist(list(rows), schema), path)


@pytest.fixture
def hostile(finished: Path, copy_of: Callable[[Path], Path]) -> Path:
    """A run whose documents, names, addresses and damage try to get out of the page."""
    output = copy_of(finished)
    for source in manifest(output)["sources"]:
        for kind in ("documents", "dropped"):
            for path in (output / kind / source).glob("*.parquet"):
                path.unlink()
    url = 'javascript:alert("x")'
    meta = {"url": url, "timestamp": HOSTILE, "language": HOSTILE, "language_score": float("nan"), "chars_in": 1e308}
    kept = {"id": f"c4:{HOSTILE}", "text": HOSTILE, "source": "c4", "meta": json.dumps(meta)}
    write(output / "documents/c4/x.parquet", DOCUMENTS, kept, {**kept, "text": ""})
    gone = {"id": HOSTILE, "url": f'https://a.example/"onmouseover="{HOSTILE}', "detail": HOSTILE, "head": HOSTILE}
    rows = [
        {**gone, "reason": str(reason), "measure": measure, "bytes": 10**15}
        for reason in Reason
        for measure in (None, 0.0, -1.0, float("nan"), float("inf"), 1e300)
    ]
    write(output / "dropped/c4/x.parquet", DROPPED, *rows, {**rows[0], "detail": "other"})
    [path, *_] = manifest(output)["errors"]
    damage = {"input": HOSTILE, "offset": 0, "error": HOSTILE, "detail": HOSTILE}
    write(output / "errors" / path, DAMAGE, *[damage] * 100)
    return output


def test_hostile_texts_do_no_harm(hostile: Path) -> None:
    text = render(str(hostile))
    page = html.fromstring(text)
    assert text.count("<script") == 1
    assert text.count("</script") == 1
    assert {element.tag for element in page.iter() if isinstance(element.tag, str)}.isdisjoint({"img", "iframe", "a b"})
    assert not [name for element in page.iter() for name in element.attrib if name.startswith("on")]
    assert all(re.fullmatch(r"#[a-z0-9]+|https?://[^\s\"<>]+", one.get("href")) for one in page.xpath("//a"))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\U000e0041]", text)
    assert "gnp.exe" in text
    assert "\\u202e" in text
    assert "{{ 7 * 7 }}" in html.tostring(page, encoding="unicode", method="text")


def test_links_of_documents_say_nothing_of_the_page(finished: Path) -> None:
    links = page_of(finished).xpath("//a[not(starts-with(@href, '#'))]")
    assert links
    assert {(one.get("rel"), one.get("referrerpolicy")) for one in links} == {
        ("noopener noreferrer nofollow", "no-referrer")
    }


# --- how much is read -------------------------------------------------------------------------------------------------


def test_few_files_of_many_are_read(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def counting(url: str) -> Any:
        opened.append(url)
        return Path(url).open("rb")

    monkeypatch.setattr(sampling, "open_read", counting)
    monkeypatch.setattr(sampling, "FILES", 2)
    files = {
        kind: len(list((finished / kind / "stackexchange").glob("*.parquet"))) for kind in ("documents", "dropped")
    }
    found = sampling.draw(str(finished), "stackexchange", [])
    assert len(opened) == 4
    assert (found.kept.files, found.kept.of_files) == (2, files["documents"])
    assert not found.kept.whole
    assert found == sampling.draw(str(finished), "stackexchange", [])


def test_a_big_file_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "documents/wikipedia"
    folder.mkdir(parents=True)
    rows = [
        {"id": f"wikipedia:en/{n}", "text": "a" * n, "meta": '{"language": "en", "timestamp": ""}'} for n in range(90)
    ]
    pq.write_table(pa.Table.from_pylist(rows, DOCUMENTS), folder / "a.parquet", row_group_size=10)
    monkeypatch.setattr(sampling, "KEPT_ROWS", 25)
    found = sampling.draw(str(tmp_path), "wikipedia", []).kept
    assert len(found.rows) == 30
    assert not found.whole
    assert [row.id for row in found.rows] != [row["id"] for row in rows[:30]]  # not its beginning
    monkeypatch.setattr(sampling, "KEPT_ROWS", 90)
    assert sampling.draw(str(tmp_path), "wikipedia", []).kept.whole


def test_the_page_says_how_much_was_read(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "FILES", 5)
    page, counts = page_of(finished), manifest(finished)["sources"]["commoncrawl"]
    [said] = page.xpath("//section[@id='commoncrawl']/p[contains(@class, 'sampled')]")
    assert f"of {counts['documents.kept']:,} kept" in said.text
    assert "chosen by a hash" in said.text
    assert "about" in "".join(page.xpath("//table[@class='changes']//td/text()"))
    [first, *_] = page.xpath("//section[@id='commoncrawl']//table[@class='funnel']//td")
    assert number(first) == counts["documents.in"]  # exact all the same


# --- when it is written -----------------------------------------------------------------------------------------------


def test_what_is_taken_down_is_not_in_it(finished: Path, copy_of: Callable[[Path], Path]) -> None:
    output = copy_of(finished)
    before = (output / "report.html").read_text()
    documents = [
        row
        for kind, columns in (("documents", ["id", "text"]), ("dropped", ["id", "head"]))
        for path in sorted((output / kind / "c4").glob("*.parquet"))
        for row in pq.read_table(path, columns=columns).to_pylist()
    ]
    shown = {row["id"]: beginning for row in documents if (beginning := beginning_of(row)) and beginning in before}
    assert len(shown) >= 2
    corpusmill("takedown", output, *shown, "-q")
    after = (output / "report.html").read_text()
    assert after == render(str(output))
    assert "common.taken_down" in after
    for id_, beginning in shown.items():
        assert beginning not in after
        assert id_ not in after


def beginning_of(row: dict[str, str]) -> str:
    """The first words of a document, if no escape is needed in them."""
    text = (row.get("text") or row.get("head") or "")[:60]
    return text if re.fullmatch(r"[A-Za-z0-9 .,]+\n?[A-Za-z0-9 .,]+", text) else ""


def test_a_run_of_named_sources_has_one(inputs: Path, tmp_path: Path) -> None:
    corpusmill("run", "sample", "books", "--inputs", inputs, "--output", tmp_path, *SMALL, expect=4)
    page = html.fromstring((tmp_path / "report.html").read_text())
    assert page.xpath("//section[@id='books']")
    assert not page.xpath("//section[@id='wikipedia']")
    assert "no shards" in page.xpath("string(//section[@id='mixture'])")
    assert corpusmill("report", tmp_path).stdout.strip() == f"{tmp_path}/report.html"


def test_without_a_run_there_is_none(tmp_path: Path) -> None:
    done = corpusmill("report", tmp_path, expect=2)
    assert "no finished run" in done.stderr
    assert not contents(tmp_path)


# --- in a browser -----------------------------------------------------------------------------------------------------


PHONE, SCROLLBAR = 390, 20  # pixels of CSS
LEAST_CONTRAST = 4.5  # WCAG 2, level AA, for text of any size
READ = {"p.", "p.note", "p.lead", "td.n", "td.", "th.", "caption.", "a.", "code.", "bdi.", "pre.", "h2.", "text.tick"}


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine")
@pytest.mark.parametrize("kind", ["finished", "hostile"])
def test_in_a_browser(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Narrow and wide, light and dark: nothing stands out at the side, nothing is asked for, nothing is wrong."""
    path = tmp_path / "page.html"
    path.write_text(render(str(request.getfixturevalue(kind))))
    backgrounds = set()
    with browser() as shown:
        for width in (PHONE, 1280):
            for dark in (False, True):
                shown.open(path.as_uri(), width, dark)
                shown.value("for (const one of document.querySelectorAll('details')) one.open = true")
                assert shown.value("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
                assert width - SCROLLBAR <= shown.value("document.documentElement.clientWidth") <= width
                assert shown.value(STANDING_OUT) == []
                contrasts = shown.value(CONTRASTS)
                assert {name for name, _ in contrasts} >= READ
                assert [(name, ratio) for name, ratio in contrasts if ratio < LEAST_CONTRAST] == []
                moved = """
                    (() => {
                        const slider = document.querySelector('.whatif input');
                        slider.value = 0;
                        slider.dispatchEvent(new Event('input'));
                        return document.querySelector('.whatif .told').textContent;
                    })()"""
                assert shown.value(moved)
                assert shown.value("document.querySelector('line.moved').getAttribute('visibility')") == "visible"
                assert shown.requests == [path.as_uri()]
                assert shown.complaints == []
                backgrounds.add((dark, shown.value("getComputedStyle(document.body).backgroundColor")))
    assert len(backgrounds) == 2
