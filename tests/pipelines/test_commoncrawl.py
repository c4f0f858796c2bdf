"""CommonCrawl from WET files to documents: steps, switches, accounts."""

import dataclasses
import json
import shutil
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpusmill.mixtures.recipe import Recipe
from corpusmill.mixtures.sources import CommonCrawlRecipe, LanguageRecipe, LinesRecipe, Sources
from corpusmill.models.language import spread
from corpusmill.pipelines.commoncrawl import SOURCE, identify_language, read
from corpusmill.pipelines.exchange import asking_steps, hash_phase
from corpusmill.pipelines.reading import readings
from corpusmill.pipelines.source import Aids
from corpusmill.pipelines.web import keep_languages
from corpusmill.records import Document, Dropped, Reason
from corpusmill.storage import find_inputs, identified
from phases import record, write_wet
from running import SHARED, UNFILTERED, corpusmill, digests, made_once, manifest, run_arguments

REAL = SHARED / "data"
RECIPE = CommonCrawlRecipe(inputs=("*.wet",), epochs=1, perplexity="skip", cited="skip")


def only_commoncrawl(inputs: Path, output: Path, *more: object) -> list[str]:
    """Lines and language alone."""
    arguments = run_arguments(inputs, output, 1, *UNFILTERED, *more)
    return [*arguments[:2], "commoncrawl", *arguments[2:]]


@pytest.fixture(scope="session")
def unfiltered(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What lines and language leave. Do not change it."""
    return made_once(
        tmp_path_factory, "unfiltered", lambda output: corpusmill(*only_commoncrawl(inputs, output), expect=4)
    )


def kept(output: Path) -> list[dict]:
    rows = pq.read_table(output / "documents/commoncrawl").to_pylist()
    return [{**row, **json.loads(row["meta"])} for row in rows]


def dropped(output: Path) -> Counter[str]:
    return Counter(pq.read_table(output / "dropped/commoncrawl")["reason"].to_pylist())


def test_every_page_and_every_line_is_accounted_for(finished: Path) -> None:
    counts = manifest(finished)["sources"]["commoncrawl"]
    by_reason = {name: n for name, n in counts.items() if name.startswith("documents.dropped.")}
    assert counts["documents.in"] == counts["documents.kept"] + sum(by_reason.values())
    assert by_reason == {f"documents.dropped.{reason}": n for reason, n in dropped(finished).items()}
    lines = {name: n for name, n in counts.items() if name.startswith("lines.dropped.")}
    assert counts["lines.in"] == counts["lines.kept"] + sum(lines.values())
    assert len(lines) == 2
    # Those that were kept, and those that went for their language.
    in_documents = sum(row["text"].count("\n") + 1 for row in kept(finished))
    assert 0 < in_documents < counts["lines.kept"]
    assert in_documents == sum(row["lines"] for row in kept(finished))


def test_what_is_kept_is_english_and_named_by_its_record(finished: Path) -> None:
    for row in kept(finished):
        assert row["id"].startswith("commoncrawl:")
        assert row["language"] == "en"
        assert row["language_score"] == round(row["language_score"], 2) >= 0.5
        assert set(row) > {"url", "date", "digest", "title", "dump"}


def test_other_languages_may_be_kept(inputs: Path, tmp_path: Path) -> None:
    corpusmill(*only_commoncrawl(inputs, tmp_path, "--set", "sources.commoncrawl.language.keep=[de, bg]"), expect=4)
    assert {row["language"] for row in kept(tmp_path)} == {"de", "bg"}
    assert pq.read_table(tmp_path / "dropped/commoncrawl", filters=[("detail", "==", "en")]).num_rows


def test_of_one_content_the_smallest_key_stays(inputs: Path, unfiltered: Path, tmp_path: Path) -> None:
    corpusmill(*only_commoncrawl(inputs, tmp_path, "--set", "sources.commoncrawl.unique_content=true"), expect=4)
    stay = kept(tmp_path)
    before = kept(unfiltered)
    assert len({row["digest"] for row in stay}) == len(stay) == len({row["digest"] for row in before}) < len(before)
    assert dropped(tmp_path)[Reason.DUPLICATE_CONTENT] == len(before) - len(stay)
    again = {row["digest"]: {other["dump"] for other in before if other["digest"] == row["digest"]} for row in stay}
    across = [row["dump"] for row in stay if len(again[row["digest"]]) > 1]
    assert len(set(across)) == 2  # pages of both dumps stay: not those that come first
    counts = manifest(tmp_path)["sources"]["commoncrawl"]
    assert counts["documents.kept"] == len(stay)


def test_a_language_of_another_threshold_reads_no_keys_again(inputs: Path, tmp_path: Path) -> None:
    corpusmill(*only_commoncrawl(inputs, tmp_path), expect=4)
    receipts = list(tmp_path.glob("work/receipts/commoncrawl/lines/*/*.json"))
    before = {path: path.stat().st_mtime_ns for path in receipts}
    assert before
    corpusmill(
        *only_commoncrawl(inputs, tmp_path, "--redo", "--set", "sources.commoncrawl.language.threshold=0.9"), expect=4
    )
    assert before == {path: path.stat().st_mtime_ns for path in receipts}
    assert min(row["language_score"] for row in kept(tmp_path)) >= 0.9


def test_the_size_of_ranges_changes_no_document(inputs: Path, unfiltered: Path, tmp_path: Path) -> None:
    corpusmill(*only_commoncrawl(inputs, tmp_path, "--set", "exchange_mb=0.01"), expect=4)
    assert len(list(tmp_path.glob("work/receipts/commoncrawl/lines/exchange/*"))) == 8
    assert digests(tmp_path, ["documents", "dropped"]) == digests(unfiltered, ["documents", "dropped"])


@pytest.mark.parametrize(
    "change",
    [{"hash": "xxh3"}, {"normalise": "ccnet-paper"}, {"min_chars": 1}, {"max_page_mb": 1}],
    ids=lambda change: next(iter(change)),
)
def test_what_decides_the_keys_is_in_their_fingerprint(change: dict, tmp_path: Path) -> None:
    write_wet(tmp_path / "a.wet", [("a", "title\none\n")])

    def fingerprint(options: CommonCrawlRecipe) -> str:
        recipe = Recipe("test", Sources(commoncrawl=options))
        plan = readings("commoncrawl", identified(find_inputs(str(tmp_path), "*.wet")), recipe)
        [found] = asking_steps(SOURCE, options)
        return hash_phase(SOURCE, plan, found, {}).items[0].fingerprint

    in_lines = {name: value for name, value in change.items() if name in ("hash", "normalise")}
    beside = {name: value for name, value in change.items() if name not in in_lines}
    changed = dataclasses.replace(RECIPE, lines=LinesRecipe(**in_lines), **beside)
    assert fingerprint(changed) != fingerprint(RECIPE)
    indifferent = dataclasses.replace(RECIPE, lines=LinesRecipe(keep="first", groups=3), language=LanguageRecipe("x"))
    assert fingerprint(indifferent) == fingerprint(RECIPE)


def test_a_page_without_an_id_is_named_by_address_and_date(tmp_path: Path) -> None:
    (tmp_path / "a.wet").write_bytes(record("x", "title\ntext\n", **{"WARC-Record-ID": ""}))
    recipe = Recipe("test", Sources(commoncrawl=RECIPE))
    [reading] = readings("commoncrawl", identified(find_inputs(str(tmp_path), "*.wet")), recipe)
    [page] = read(reading.slice, RECIPE, {})
    assert page.id == "commoncrawl:bdcec67872d622c5d34086984644d8ab5775c54b"


@pytest.mark.parametrize(
    ("score", "expected"), [(0.494, Reason.CCNET_LANGUAGE_UNSURE), (0.495001, None), (0.5, None), (1.0, None)]
)
def test_the_score_is_rounded_before_it_is_compared(
    score: float, expected: Reason | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Model:
        def identify(self, text: str) -> tuple[str, float]:
            return "en", score

    monkeypatch.setattr("corpusmill.pipelines.commoncrawl.open_language_model", lambda path: Model())
    result = identify_language(LanguageRecipe(), Aids({"language": ""}))(Document("a", "text", "commoncrawl"))
    assert (result.reason if isinstance(result, Dropped) else None) == expected


def test_a_language_that_is_not_asked_for_is_recorded() -> None:
    page = Document("a", "texte", "commoncrawl", {"language": "fr", "language_score": 0.98, "url": "https://a.example"})
    assert keep_languages(["en"], Reason.CCNET_LANGUAGE)(page) == Dropped(
        "a", Reason.CCNET_LANGUAGE, 0.98, "texte", detail="fr", url="https://a.example"
    )


@pytest.mark.skipif(not REAL.exists(), reason="no shared data here")
def test_on_real_pages(tmp_path: Path) -> None:
    corpusmill(*only_commoncrawl(REAL, tmp_path))
    counts = manifest(tmp_path)["sources"]["commoncrawl"]
    assert counts["documents.in"] == 4604
    assert counts["documents.dropped.ccnet.too_short"] == 4604 - 4518
    assert not [name for name in counts if name.startswith("damage.")]
    assert 1800 < counts["documents.kept"] < 2100


def test_a_new_version_of_the_rule_reads_the_keys_again(tmp_path: Path) -> None:
    write_wet(tmp_path / "a.wet", [("a", "title\none\n")])
    plan = readings(
        "commoncrawl", identified(find_inputs(str(tmp_path), "*.wet")), Recipe("test", Sources(commoncrawl=RECIPE))
    )
    [asking] = asking_steps(SOURCE, RECIPE)
    newer = dataclasses.replace(asking, step=dataclasses.replace(asking.step, version=asking.step.version + 1))
    assert (
        hash_phase(SOURCE, plan, newer, {}).items[0].fingerprint
        != hash_phase(SOURCE, plan, asking, {}).items[0].fingerprint
    )


def test_the_same_model_elsewhere_and_other_weights_read_nothing_again(inputs: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    corpusmill(*only_commoncrawl(inputs, output), expect=4)
    receipts = {path: path.stat().st_mtime_ns for path in output.glob("work/receipts/commoncrawl/**/*.json")}
    [model] = inputs.glob("models/lid.*")
    elsewhere = tmp_path / "elsewhere.bin"
    elsewhere.write_bytes(model.read_bytes())
    settings = ("--set", f"sources.commoncrawl.language.model={elsewhere}", "--set", "sources.commoncrawl.epochs=1")
    corpusmill(*only_commoncrawl(inputs, output, "--redo", *settings), expect=4)
    assert receipts == {path: path.stat().st_mtime_ns for path in output.glob("work/receipts/commoncrawl/**/*.json")}


def test_a_part_of_the_page_may_do_for_its_language(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Model:
        def identify(self, text: str) -> tuple[str, float]:
            seen.append(text)
            return "en", 1.0

    monkeypatch.setattr("corpusmill.pipelines.commoncrawl.open_language_model", lambda path: Model())
    page = Document("a", "one\ntwo\n" * 1000, "commoncrawl")
    for text in ("full", "spread"):
        identify_language(LanguageRecipe(text=text), Aids({"language": ""}))(page)
    assert seen == ["onetwo" * 1000, spread("onetwo" * 1000)]
    assert len(seen[1]) == 5 * 400 + 4


def test_a_model_is_tried_before_any_work(inputs: Path, tmp_path: Path) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    shutil.copytree(inputs, folder)
    [model] = folder.glob("models/lid.*")
    whole = model.read_bytes()
    model.write_bytes(whole[: len(whole) // 2])
    for more in ((), ("--dry-run",)):
        refused = corpusmill(*only_commoncrawl(folder, output, *more), expect=2)
        assert "expected a fastText model" in refused.stderr
    assert not list(output.glob("work/*"))
    model.write_bytes(whole)
    unknown = ("--set", "sources.commoncrawl.language.keep=[en, English]")
    assert "knows no language English" in corpusmill(*only_commoncrawl(folder, output, *unknown), expect=2).stderr
    corpusmill(*only_commoncrawl(folder, output), expect=4)
