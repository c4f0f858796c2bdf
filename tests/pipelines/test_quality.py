"""Perplexity, cited pages and block lists of CommonCrawl: what is learnt, what is given, what is made again."""

import gzip
import json
import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from corpusmill.errors import ConfigError, UsageError
from corpusmill.filters.urls import normalize_url
from corpusmill.mixtures.recipe import load
from corpusmill.models.citation import CitationModel
from corpusmill.models.ngram import NgramModel, model_files
from corpusmill.pipelines import commoncrawl
from corpusmill.pipelines.leads import read_lines, url_keys
from corpusmill.records import Reason
from running import corpusmill, digests, made_once, manifest, run_arguments

pytest.importorskip("kenlm")
CRAWL = "sources.commoncrawl"


def crawl(inputs: Path, output: Path, *settings: str, redo: bool = False, expect: int = 4) -> str:
    """Run CommonCrawl alone. What it says on stderr."""
    more = [word for setting in settings for word in ("--set", f"{CRAWL}.{setting}")]
    arguments = run_arguments(inputs, output, 1, *more, *(["--redo"] if redo else []))
    return corpusmill(*arguments[:2], "commoncrawl", *arguments[2:], expect=expect).stderr


def kept(output: Path) -> list[dict]:
    return [{**row, **json.loads(row["meta"])} for row in pq.read_table(output / "documents/commoncrawl").to_pylist()]


def dropped(output: Path, reason: Reason) -> list[dict]:
    return pq.read_table(output / "dropped/commoncrawl", filters=[("reason", "==", str(reason))]).to_pylist()


def receipts(output: Path, *phases: str) -> dict[Path, int]:
    """The receipts of phases, and when they were written: later when an item was made again."""
    found = [path for phase in phases for path in (output / "work/receipts" / phase).glob("*.json")]
    assert found, phases
    return {path: path.stat().st_mtime_ns for path in found}


@pytest.fixture(scope="session")
def scored(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every page that has a perplexity, in its part. Do not change it."""
    settings = ("perplexity.keep=[head, middle, tail, all]", "cited=skip")
    return made_once(tmp_path_factory, "scored", lambda output: crawl(inputs, output, *settings))


def test_the_parts_are_the_percentiles_of_the_pages_of_the_run(scored: Path) -> None:
    pages = kept(scored)
    perplexities = np.sort([page["perplexity"] for page in pages])
    [cutoffs] = json.loads((scored / "models/commoncrawl/cutoffs.json").read_text()).values()
    assert cutoffs["head"] == perplexities[len(pages) * 30 // 100]
    assert cutoffs["middle"] == perplexities[len(pages) * 60 // 100]
    for page in pages:
        low, high = {
            "head": (0, cutoffs["head"]),
            "middle": (cutoffs["head"], cutoffs["middle"]),
            "tail": (cutoffs["middle"], np.inf),
        }[page["bucket"]]
        assert low <= page["perplexity"] < high
        assert page["perplexity"] == round(page["perplexity"], 1)


def test_the_perplexity_is_that_of_the_models_that_were_made(scored: Path) -> None:
    model = NgramModel(*model_files(str(scored / "models/ngram"), "en"))
    for page in kept(scored)[:20]:
        assert page["perplexity"] == round(model.perplexity(page["text"]), 1)


def test_the_same_models_by_path_give_the_same_documents(inputs: Path, scored: Path, tmp_path: Path) -> None:
    crawl(
        inputs,
        tmp_path / "out",
        "perplexity.keep=[head, middle, tail, all]",
        "cited=skip",
        f"perplexity.models={scored}/models/ngram",
    )
    assert not list((tmp_path / "out/models").glob("ngram/*.json"))
    assert not (tmp_path / "out/work/leads").exists()  # Wikipedia was not read
    assert kept(tmp_path / "out") == kept(scored)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cutoffs.json", json.dumps({"en": {"head": 100, "middle": 120}})),
        ("cutoff.csv", "de,en\n" + "".join(f"1,{70 + p if p < 60 else 60 + p}\n" for p in range(100))),
    ],
)
def test_given_cutoffs_are_taken_as_they_are(
    name: str, content: str, inputs: Path, scored: Path, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    crawl(
        inputs,
        tmp_path / "out",
        "cited=skip",
        f"perplexity.models={scored}/models/ngram",
        f"perplexity.cutoffs={tmp_path / name}",
    )
    pages, tail = kept(tmp_path / "out"), dropped(tmp_path / "out", Reason.CCNET_BUCKET)
    assert pages
    assert tail
    assert max(page["perplexity"] for page in pages) < 120 <= min(row["measure"] for row in tail)
    assert all((page["bucket"] == "head") == (page["perplexity"] < 100) for page in pages)
    assert {row["detail"] for row in tail} == {"tail"}
    # Nothing waits for what the pages teach, so they are written once.
    assert not (tmp_path / "out/work/judge").exists()


def test_cutoffs_without_a_language_are_refused(inputs: Path, scored: Path, tmp_path: Path) -> None:
    (tmp_path / "cutoffs.json").write_text(json.dumps({"de": {"head": 100, "middle": 120}}))
    settings = (f"perplexity.models={scored}/models/ngram", f"perplexity.cutoffs={tmp_path}/cutoffs.json")
    said = crawl(inputs, tmp_path / "out", *settings, "cited=skip", expect=2)
    assert "no cutoffs of en" in said
    assert "It has de" in said


def test_lines_may_be_sentences_of_their_own(inputs: Path, scored: Path, tmp_path: Path) -> None:
    models = str(scored / "models/ngram")
    settings = ("perplexity.keep=[head, middle, tail]", "cited=skip", f"perplexity.models={models}")
    crawl(inputs, tmp_path / "out", *settings, "perplexity.text=lines")
    model = NgramModel(*model_files(models, "en"))
    page = max(kept(tmp_path / "out"), key=lambda page: page["lines"])
    assert page["perplexity"] == round(model.perplexity(page["text"], per_line=True), 1)
    assert page["perplexity"] != round(model.perplexity(page["text"]), 1)


def test_a_language_without_a_model_is_in_no_part(inputs: Path, scored: Path, tmp_path: Path) -> None:
    settings = (
        "language.keep=[en, de]",
        "perplexity.languages=[en]",
        f"perplexity.models={scored}/models/ngram",
        "cited=skip",
    )
    refused = crawl(inputs, tmp_path / "out", *settings, expect=2)
    assert "names no model for de" in refused
    assert "Add all to perplexity.keep" in refused
    crawl(inputs, tmp_path / "out", *settings, "perplexity.keep=[head, all]")
    parts = Counter((page["language"], page["bucket"]) for page in kept(tmp_path / "out"))
    assert parts.keys() == {("en", "head"), ("de", "all")}
    assert not any("perplexity" in page for page in kept(tmp_path / "out") if page["language"] == "de")


def test_a_language_without_lead_sections_is_refused(inputs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("commoncrawl", "models"):
        (folder / name).symlink_to(inputs / name)
    (folder / "wikipedia").mkdir()
    for dump in (inputs / "wikipedia").glob("de*"):
        (folder / "wikipedia" / dump.name).symlink_to(dump)
    said = crawl(folder, tmp_path / "out", expect=2)
    assert "no lead section in en" in said
    assert "perplexity.models" in said


# --- cited pages ------------------------------------------------------------------------------------------------------


def test_what_wikipedia_cites_is_the_list_of_the_sample(inputs: Path, finished: Path, tmp_path: Path) -> None:
    crawl(inputs, tmp_path / "out", "perplexity=skip", 'cited.urls=""', "cited.min_positives=1")
    made = np.fromfile(tmp_path / "out/models/cited.keys", "<u8")
    assert (np.diff(made.astype(object)) > 0).all()  # sorted, each once
    listed = url_keys(read_lines(str(inputs / "commoncrawl/wiki_cited_urls_sample.txt")))
    assert len(listed) > 10
    assert np.isin(listed, made).all()
    citing = pq.read_table(sorted((tmp_path / "out/work/leads").glob("*.citations.parquet"))).to_pylist()
    assert {normalize_url(row["url"]) for row in citing} - {""}
    assert np.array_equal(url_keys(row["url"] for row in citing), made)
    # Dumps that are read for another source have their damage accounted for, once.
    ours = manifest(tmp_path / "out")
    read = Counter()
    for source in ("commoncrawl", "wikipedia"):
        for name, n in manifest(finished)["sources"][source].items():
            if name.startswith("damage."):
                read[name.removeprefix("damage.")] += n
    assert ours["damage"] == read
    assert ours["sources"].keys() == {"commoncrawl"}
    assert (tmp_path / "out/errors/wikipedia/leads.parquet").exists()
    assert not (finished / "errors/wikipedia/leads.parquet").exists()
    # What is no longer part of the recipe goes, and the record is right again.
    crawl(inputs, tmp_path / "out", "perplexity=skip", "cited=skip", redo=True)
    assert not (tmp_path / "out/errors/wikipedia/leads.parquet").exists()
    corpusmill("check", tmp_path / "out")


def test_the_classifier_is_what_scores_the_pages(finished: Path) -> None:
    model = CitationModel(str(finished / "models/commoncrawl/citation.bin"))
    for page in kept(finished)[:20]:
        assert page["citation_score"] == model.score(page["text"]) >= 0.25
    facts = manifest(finished)["models"]["models/commoncrawl/citation.json"]
    assert facts["trained_on"] > 10
    assert facts["held_out"].keys() >= {"precision", "recall", "auc", "positives", "negatives"}


def test_learning_uses_no_page_that_goes_before(inputs: Path, finished: Path) -> None:
    """Cited pages of the tail teach nothing, nor do short ones; the others are about as many."""
    cited = {normalize_url(url) for url in read_lines(str(inputs / "commoncrawl/wiki_cited_urls_sample.txt"))}
    examples = pq.read_table(finished / "work/examples/commoncrawl").to_pylist()
    tail = {row["url"] for row in dropped(finished, Reason.CCNET_BUCKET)}
    assert not tail & {row["url"] for row in examples if row["url"] not in {page["url"] for page in kept(finished)}}
    assert all((normalize_url(row["url"]) in cited) == row["cited"] for row in examples)
    assert min(len(row["text"]) for row in examples if row["cited"]) >= 1000
    counts = Counter(row["cited"] for row in examples)
    assert 0.4 < counts[False] / counts[True] < 2.5


def test_another_threshold_judges_again_and_reads_nothing_again(inputs: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    crawl(inputs, output)
    phases = ("hash", "masks", "extract", "survey", "cutoffs", "examples")
    before = receipts(output, "wikipedia/leads", "ngram/model", *(f"commoncrawl/{phase}" for phase in phases))
    crawl(inputs, output, "cited.min_score=0.9", redo=True)
    assert before == {path: path.stat().st_mtime_ns for path in before}
    gone = dropped(output, Reason.REDPAJAMA_NOT_CITED)
    assert gone
    assert all(row["measure"] < 0.9 for row in gone)
    [fate] = corpusmill("why", output, gone[0]["id"], "--inputs", inputs, "--json").stdout.splitlines()
    steps = json.loads(fate)["steps"]
    assert [step["outcome"] for step in steps] == ["stays"] * 8 + [Reason.REDPAJAMA_NOT_CITED]
    assert any("perplexity" in step["detail"] for step in steps)


def test_too_few_cited_pages_are_said_and_what_is_done_is_kept(inputs: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    said = crawl(inputs, output, "cited.min_positives=5000", expect=2)
    assert "expected at least 5,000 (cited.min_positives)" in said
    for way_out in ("cited.urls", "cited.model", "cited=skip"):
        assert way_out in said
    before = receipts(output, "ngram/model", "commoncrawl/extract")
    crawl(inputs, output, "cited=skip", redo=True)
    corpusmill("check", output)
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert not any("citation_score" in page for page in kept(output))
    assert manifest(output)["left_out"] == {"commoncrawl": ["keep what is like cited pages"]}


def test_a_ready_classifier_is_taken(inputs: Path, finished: Path, tmp_path: Path) -> None:
    model = finished / "models/commoncrawl/citation.bin"
    crawl(inputs, tmp_path / "out", f"cited={{model: {model}}}")
    assert kept(tmp_path / "out") == kept(finished)
    assert not (tmp_path / "out/work/examples").exists()


def test_a_list_without_a_url_is_refused(inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("nothing here\n\n")
    said = crawl(inputs, tmp_path / "out", "perplexity=skip", f"cited.urls={tmp_path}/list.txt", expect=2)
    assert "expected a list of URLs" in said


# --- block lists ------------------------------------------------------------------------------------------------------


def test_blocked_pages_go_first_and_others_stay_as_they_were(inputs: Path, tmp_path: Path) -> None:
    skip = ("perplexity=skip", "cited=skip")
    crawl(inputs, tmp_path / "before", *skip)
    pages = kept(tmp_path / "before")
    host = pages[0]["url"].split("/")[2]
    others = [page["url"] for page in pages if page["url"].split("/")[2] != host]
    (tmp_path / "domains").write_text(f"# ours\n{host}\n")
    (tmp_path / "urls.gz").write_bytes(gzip.compress(f"{others[0]}#part\n".encode()))
    output = tmp_path / "out"
    crawl(inputs, output, *skip, f"block=[{tmp_path}/domains, {tmp_path}/urls.gz]")
    gone = {row["url"]: row["detail"] for row in dropped(output, Reason.BLOCKED)}
    assert {url for url, detail in gone.items() if detail == host} == {url for url in gone if f"//{host}/" in url}
    assert others[0] in gone
    left = {page["url"] for page in kept(output)}
    assert not left & gone.keys()
    hashed = receipts(output, "commoncrawl/lines/hash")
    (tmp_path / "domains").write_text("nowhere.example\n")
    crawl(inputs, output, *skip, f"block=[{tmp_path}/domains, {tmp_path}/urls.gz]", redo=True)
    assert all(path.stat().st_mtime_ns != before for path, before in hashed.items())  # lines are compared again


def test_the_order_of_block_lists_is_in_the_fingerprint(inputs: Path, tmp_path: Path) -> None:
    skip = ("perplexity=skip", "cited=skip")
    crawl(inputs, tmp_path / "before", *skip)
    url = kept(tmp_path / "before")[0]["url"]
    lists = [tmp_path / "urls", tmp_path / "domains"]
    lists[0].write_text(f"{url}\n")
    lists[1].write_text(url.split("/")[2] + "\n")
    details = []
    for order in (lists, lists[::-1]):
        block = ", ".join(map(str, order))
        crawl(inputs, tmp_path / "out", *skip, f"block=[{block}]", redo=True)
        details.append({row["detail"] for row in dropped(tmp_path / "out", Reason.BLOCKED) if row["url"] == url})
    assert details[0] != details[1]


def test_a_block_list_that_names_nothing_is_refused(inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "domains").write_text("\n# empty\n")
    assert "domains" in crawl(inputs, tmp_path / "out", f"block=[{tmp_path}/domains]", expect=2)


# --- n-gram models ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def ngrams(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models of all Wikipedias of the sample. Do not change it."""
    arguments = ("ngram", "sample", "--inputs", inputs, "--workers", 1, "--output")
    return made_once(tmp_path_factory, "ngrams", lambda output: corpusmill(*arguments, output, expect=4))


def test_all_languages_in_one_command(ngrams: Path, scored: Path) -> None:
    facts = manifest(ngrams)["models"]
    languages = {path.rpartition("/")[2].removesuffix(".json") for path in facts}
    assert languages == {"bg", "de", "en", "es", "fr", "sr"}  # the sample has no other of the twenty
    for language in languages:
        model = NgramModel(*model_files(str(ngrams / "models/ngram"), language))
        assert model.perplexity("a") is not None
        assert facts[f"models/ngram/{language}.json"]["lead_sections"] > 5
    ours, theirs = (
        {p: d for p, d in digests(one, ["models/ngram"]).items() if "/en." in p} for one in (ngrams, scored)
    )
    assert ours == theirs
    corpusmill("check", ngrams)


def test_sources_made_one_after_the_other_agree_with_their_record(inputs: Path, tmp_path: Path) -> None:
    arguments = run_arguments(inputs, tmp_path, 1)
    for source in ("commoncrawl", "wikipedia"):
        corpusmill(*arguments[:2], source, *arguments[2:], expect=4)
        corpusmill("check", tmp_path)


def test_models_alone_have_a_folder_of_their_own(inputs: Path, scored: Path) -> None:
    refused = corpusmill("ngram", "sample", "--inputs", inputs, "--output", scored, "--redo", expect=2)
    assert "holds documents of a run" in refused.stderr


def test_two_workers_train_the_same_models(inputs: Path, ngrams: Path, tmp_path: Path) -> None:
    corpusmill("ngram", "sample", "--inputs", inputs, "--output", tmp_path / "out", "--workers", 2, expect=4)
    assert digests(tmp_path / "out", ["models"]) == digests(ngrams, ["models"])
    assert not list((tmp_path / "out/work").glob("scratch/*"))


def test_only_the_languages_that_are_named(inputs: Path, tmp_path: Path) -> None:
    corpusmill("ngram", "sample", "fr", "--inputs", inputs, "--output", tmp_path, expect=4)
    assert {path.name.partition(".")[0] for path in (tmp_path / "models/ngram").iterdir()} == {"fr"}
    refused = corpusmill("ngram", "sample", "xx", "--inputs", inputs, "--output", tmp_path / "other", expect=2)
    assert "no lead section in xx" in refused.stderr


@pytest.fixture
def tools(tmp_path: Path, ngrams: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins for KenLM's own: an estimator whose model is a German one made before, and a packer that copies."""
    model = ngrams / "models/ngram/de.arpa"
    scripts = {
        "lmplz": f'while [ "$1" != --arpa ]; do shift; done; cp {model} "$2"',
        "build_binary": 'cp "$2" "$3"',
    }
    for name, script in scripts.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")


@pytest.mark.usefixtures("tools")
def test_kenlms_own_tools_are_used_where_they_are(inputs: Path, ngrams: Path, tmp_path: Path) -> None:
    said = corpusmill("ngram", "sample", "de", "--inputs", inputs, "--output", tmp_path / "out", expect=4).stderr
    assert "build_binary is not on PATH" not in said
    folder, made = tmp_path / "out/models/ngram", ngrams / "models/ngram"
    assert {path.name for path in folder.iterdir()} == {"de.arpa", "de.arpa.bin", "de.json", "de.sp.model"}
    assert len({path.read_bytes() for path in (folder / "de.arpa.bin", folder / "de.arpa", made / "de.arpa")}) == 1
    ours, own = (json.loads((one / "de.json").read_text()) for one in (folder, made))
    assert ours["estimator"].startswith("lmplz ")
    assert {name: ours[name] for name in ("tokens", "ngrams")} == {name: own[name] for name in ("tokens", "ngrams")}


@pytest.mark.usefixtures("tools")
def test_given_models_are_packed_and_score_the_same(inputs: Path, scored: Path, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    for name in ("en.arpa", "en.sp.model"):  # `scored` has a binary beside them where the tool was on PATH before
        shutil.copy(scored / "models/ngram" / name, given)
    settings = ("perplexity.keep=[head, middle, tail, all]", f"perplexity.models={given}")
    said = crawl(inputs, tmp_path / "out", *settings, "cited=skip")
    assert "build_binary is not on PATH" not in said
    assert (tmp_path / "out/work/ngram/en.arpa.bin").exists()
    assert not (tmp_path / "out/models/ngram").exists()  # `score` would take it for models that were made here
    assert kept(tmp_path / "out") == kept(scored)


def test_one_language_more_leaves_the_others_as_they_are(inputs: Path, tmp_path: Path) -> None:
    more = ("--inputs", inputs, "--output", tmp_path, "--redo")
    corpusmill("ngram", "sample", "fr", *more, expect=4)
    before = receipts(tmp_path, "ngram/model")
    french = {path: time for path, time in receipts(tmp_path, "wikipedia/leads").items() if path.name.startswith("fr")}
    corpusmill("ngram", "sample", "de", *more, expect=4)
    names = {path.name.partition(".")[0] for path in (tmp_path / "models/ngram").iterdir()}
    assert names == {"de", "fr"}
    assert before.items() <= receipts(tmp_path, "ngram/model").items()
    for wrong in ("DE", "de ", ""):
        refused = corpusmill("ngram", "sample", wrong, *more, expect=2)
        assert "expected the code of a Wikipedia" in refused.stderr
    corpusmill("check", tmp_path)
    assert french.items() <= receipts(tmp_path, "wikipedia/leads").items()


def test_a_language_beyond_the_twenty(inputs: Path, tmp_path: Path) -> None:
    corpusmill("ngram", "sample", "tr", "--inputs", inputs, "--output", tmp_path, expect=4)
    assert json.loads((tmp_path / "models/ngram/tr.json").read_text())["lead_sections"] > 5


def test_an_article_in_dumps_of_two_dates_is_one_lead_section(inputs: Path, ngrams: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in/wikipedia"
    folder.mkdir(parents=True)
    for dump in (inputs / "wikipedia").glob("fr*"):
        shutil.copy(dump, folder / dump.name)
        shutil.copy(dump, folder / dump.name.replace("2022", "2023"))
    assert len(list(folder.iterdir())) > 1
    corpusmill("ngram", "sample", "fr", "--inputs", tmp_path / "in", "--output", tmp_path / "out", expect=4)
    ours, once = (json.loads((one / "models/ngram/fr.json").read_text()) for one in (tmp_path / "out", ngrams))
    assert ours == once


def test_lead_sections_are_chosen_by_hash(inputs: Path, tmp_path: Path) -> None:
    few = ("--set", "ngram.documents=20", "--set", "ngram.order=3", "--set", "ngram.prune=[0, 1]")
    corpusmill("ngram", "sample", "en", "--inputs", inputs, "--output", tmp_path, *few, expect=4)
    facts = json.loads((tmp_path / "models/ngram/en.json").read_text())
    assert 8 < facts["lead_sections"] < 36
    assert len(facts["ngrams"]) == 3
    assert facts["prune"] == [0, 1, 1]


# --- recipes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("perplexity=none", "expected skip, or a mapping of settings; got 'none'"),
        ("perplexity.head=70", "expected 0 < head < middle < 100"),
        ("cited.min_score=2", "min_score must lie in"),
        ("cited={model: a, urls: b}", "not both"),
        ("perplexity.keep=[heads]", "expected one of head, middle, tail, all"),
    ],
)
def test_wrong_settings_are_refused(setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load("sample", [f"{CRAWL}.{setting}"])


def test_a_recipe_without_wikipedia_says_what_needs_it() -> None:
    with pytest.raises(ConfigError, match=r"n-gram models are trained on them .* cite URLs"):
        load("llama1", ["sources.wikipedia=null"])
    without = ["sources.wikipedia=null", f"{CRAWL}.perplexity.models=m", f"{CRAWL}.cited=skip", "budget_tokens=null"]
    epochs = [f"sources.{name}.{what}" for name in load("llama1").active for what in ("epochs=1", "weight=null")]
    assert load("llama1", [*without, *(e for e in epochs if "wikipedia" not in e)]).sources.wikipedia is None


def test_without_kenlm_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise UsageError("perplexity: expected the Python module kenlm")

    monkeypatch.setattr(commoncrawl, "require_kenlm", missing)
    options = load("sample").sources.commoncrawl
    assert options
    with pytest.raises(UsageError, match="kenlm"):
        commoncrawl.check(options, {})
