"""The dataset card: what it says is what the record says, whatever titles and names hold."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from corpusmill.errors import UsageError
from corpusmill.mixtures.recipe import CardRecipe, load
from corpusmill.pipelines.accounts import languages_of, licenses_of
from corpusmill.report import croissant
from corpusmill.report.card import card, front_matter, rewrite, write
from corpusmill.report.corpus import Corpus, changed_settings, publishers, size_category
from corpusmill.report.markdown import table
from running import SMALL, corpusmill, digests, manifest, run_arguments

MANY = 1_234_567
FACTS: dict[str, Any] = {
    "corpusmill": "0.1.0",
    "complete": False,
    "command": ["corpusmill", "run", "/home/me/out/recipe.yaml", "--inputs", "/home/me/in", "--output", "/home/me/out"],
    "sources": {
        "books": {
            "bytes.in": 10_000,
            "bytes.kept": 9_000,
            "collections.a|b `c`": 1,
            "documents.dropped.books.overlap": 2,
            "documents.in": MANY + 2,
            "documents.kept": MANY,
            "languages.no": 3,
            "languages.unknown": MANY - 3,
        },
        "github": {"documents.dropped.github.license": 4, "documents.in": 4},
    },
    "inputs": {
        "books": {"files": {"books/a|b/1.txt": [12, "00"]}, "models": {"catalogue": [5, "11"]}},
        "github": {"files": {}, "models": {}},
    },
    "corpus": {"documents": "d" * 64, "sources": {"books": "b" * 64, "github": "0" * 64}},
    "damage": {},
    "libraries": {"numpy": "2"},
    "python": "3.11.7",
    "finished": "2026-01-02T03:04:05+00:00",
}


def corpus_of(**said: str) -> Corpus:
    recipe = dataclasses.replace(load("llama1"), card=CardRecipe(**said))
    return Corpus("/home/me/out", recipe, FACTS, {"books": 5_000}, (), {})


def parsed(text: str) -> dict[str, Any]:
    found = yaml.safe_load(text.removeprefix("---\n").partition("\n---\n")[0])
    assert isinstance(found, dict)
    return found


def rows_of(text: str, heading: str) -> list[list[str]]:
    """The cells of all tables below a heading."""
    lines = text.partition(f"\n{heading}\n")[2].partition(f"\n{heading.split()[0]} ")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")]


def test_front_matter_counts_what_the_record_counts(finished: Path) -> None:
    found, counts = parsed((finished / "README.md").read_text()), manifest(finished)["sources"]
    sizes = {
        one["config_name"]: (one["splits"][0]["num_examples"], one["splits"][0]["num_bytes"], one["download_size"])
        for one in found["dataset_info"]
    }
    for source, of in counts.items():
        files = (finished / "documents" / source).glob("*.parquet")
        assert sizes[source] == (of["documents.kept"], of["bytes.kept"], sum(path.stat().st_size for path in files))
    assert sizes["default"] == tuple(map(sum, zip(*(sizes[source] for source in counts), strict=True)))
    assert [one["config_name"] for one in found["configs"] if one.get("default")] == ["default"]
    for one in found["configs"]:
        paths = [path for glob in one["data_files"][0]["path"] for path in finished.glob(glob)]
        assert sum(pq.read_metadata(path).num_rows for path in paths) == sizes[one["config_name"]][0]
    assert found["size_categories"] == [size_category(sizes["default"][0])]


def test_languages_and_licences_are_those_of_the_documents(finished: Path) -> None:
    counts, all_languages = manifest(finished)["sources"], set()
    for source, of in counts.items():
        metas = [json.loads(row["meta"]) for row in pq.read_table(finished / "documents" / source).to_pylist()]
        languages = Counter(code for meta in metas for code in languages_of(meta))
        licenses = Counter(name for meta in metas for name in licenses_of(meta))
        collections = Counter(meta["collection"] for meta in metas if "collection" in meta)
        for kind, expected in (("languages", languages), ("licenses", licenses), ("collections", collections)):
            assert {name.partition(".")[2]: n for name, n in of.items() if n and name.startswith(kind)} == expected
        all_languages |= set(languages)
    assert parsed((finished / "README.md").read_text())["language"] == sorted(all_languages - {"unknown"})
    assert {"licenses.mit", "licenses.apache-2.0"} <= set(counts["github"])
    assert {"licenses.cc-by-sa-2.5", "licenses.cc-by-sa-4.0"} <= set(counts["stackexchange"])


def test_the_same_record_gives_the_same_card(finished: Path) -> None:
    text = (finished / "README.md").read_text()
    assert card(Corpus.read(str(finished))) == text
    assert str(finished) not in text and "/home" not in card(corpus_of())
    assert card(dataclasses.replace(corpus_of(), facts={**FACTS, "finished": "2030-01-01", "seconds": {"a": 1.0}})) == (
        card(corpus_of())
    )


def test_every_drop_every_step_and_every_digest_is_there(finished: Path) -> None:
    text, facts = (finished / "README.md").read_text(), manifest(finished)
    for of in facts["sources"].values():
        for name, n in of.items():
            if n and (reason := name.partition(".dropped.")[2]):
                assert f"| `{reason}` | {n:,} | " in text
    for digest in (*facts["corpus"]["sources"].values(), facts["corpus"]["documents"], facts["corpus"]["shards"]):
        assert f"`{digest}`" in text
    kinds = {(source, kind): what for source, kind, what in rows_of(text, "## Deviations from the paper")[2:]}
    assert "`form` is `wet`, not `published`" in kinds["c4", "setting"]
    assert "train n-gram models" in kinds["commoncrawl", "ours"] and "`lines.groups`" in kinds["commoncrawl", "setting"]
    for one in (
        "`tokenizer.vocab_size` is `800`, not `32000`",
        "`validation` is `0.01`, not `0.001`",
        "`budget_tokens`",
    ):
        assert one in kinds["all", "setting"]
    shares = {row[0]: row for row in rows_of(text, "## Mixture")}
    assert shares["commoncrawl"][6] == "67.00 %" and shares["commoncrawl"][8] == "1.10"


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param("a: b # c", id="YAML's own signs"),
        pytest.param("---\n---\n# heading", id="an end of the front matter"),
        pytest.param("| a | b | <script> `x` [y](z) {{ 7*7 }} {% raw %}", id="markup of all kinds"),
        pytest.param("no", id="a YAML boolean"),
        pytest.param("Textsammlung \u2028 äöü 語 ✓", id="beyond ASCII"),
        pytest.param("'\"\\", id="quotes"),
    ],
)
def test_odd_words_stay_words(odd: str) -> None:
    text = card(corpus_of(title=odd, contact=odd, license_name=odd))
    found, plain = parsed(text), parsed(card(corpus_of()))
    assert found["pretty_name"] == " ".join(odd.split()) and found["license_name"] == odd
    assert {**found, "pretty_name": 0, "license_name": 0} == {**plain, "pretty_name": 0, "license_name": 0}
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert len(headings) == sum(line.startswith("#") for line in card(corpus_of()).splitlines())
    assert "<script>" not in text.partition("\n---\n")[2] and "49" not in headings[0]


def test_odd_names_do_not_break_a_table(finished: Path) -> None:
    assert "`` a\\|b `c` `` 1." in card(corpus_of())
    for text in ((finished / "README.md").read_text(), card(corpus_of(title="x | y"))):
        blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("| ")]
        assert blocks
        for block in blocks:
            assert len({len(line.replace("\\|", "").split("|")) for line in block}) == 1, block[0]


def test_norwegian_is_no_boolean() -> None:
    assert parsed(card(corpus_of()))["language"] == ["no"]


def test_a_source_without_documents_has_no_config_but_its_account() -> None:
    text = card(corpus_of())
    assert [one["config_name"] for one in parsed(text)["configs"]] == ["default", "books"]
    assert "| `github.license` | 4 | 100.00 % |" in text
    assert parsed(text)["size_categories"] == ["1M<n<10M"] and f"{MANY:,}" in text
    assert "\n$ corpusmill run recipe.yaml github books --inputs INPUTS --output OUT\n" in text


def test_who_answers_is_named_or_said_to_be_nobody() -> None:
    nobody = card(corpus_of())
    assert nobody.count("Nobody is named who answers for this corpus") == 1
    named = card(corpus_of(contact="https://example.org/contact"))
    assert "Nobody" not in named
    assert named.count("[https://example.org/contact](<https://example.org/contact>)") == 2
    assert front_matter(corpus_of(url="https://huggingface.co/datasets/me/x"))["license_link"].endswith(
        "/me/x#licences"
    )
    assert 'load_dataset("me/x", ' in card(corpus_of(url="https://huggingface.co/datasets/me/x"))
    mine = front_matter(corpus_of(license="odc-by"))
    assert (mine["license"], "license_name" in mine) == ("odc-by", False)


def test_settings_that_differ_from_the_papers() -> None:
    paper = load("llama1")
    assert not any(changed_settings(paper, source) for source in paper.active)
    other = load(
        "llama1", ["sources.commoncrawl.cited=skip", "sources.books.overlap.threshold=0.8", "sources.c4.epochs=2"]
    )
    assert changed_settings(other, "books") == {"overlap.threshold": (0.8, 0.9)}
    assert changed_settings(other, "commoncrawl") == {"cited": ("skip", None)}
    assert changed_settings(other, "c4") == {}


def test_every_source_has_what_its_publisher_says() -> None:
    about = publishers()["sources"]
    assert set(about) == set(load("llama1").active)
    for one in about.values():
        assert set(one) - {"published"} == {"title", "about", "licence", "links", "names", "upstream"}
        assert all(url.startswith("https://") for url in (*one["links"].values(), one["upstream"]))
    kinds = [one for kind in ("personal", "biases", "limits") for one in publishers()[kind]]
    assert {source for one in kinds for source in one.get("of", ())} <= set(about)


def test_the_licence_of_c4_as_published_is_that_of_no_other_pages(finished: Path) -> None:
    made = Corpus.read(str(finished))
    read = dataclasses.replace(made, recipe=load("sample", ["sources.c4.form=published"]))
    assert "ODC-BY" in read.publishers["c4"]["links"]
    assert [*made.publishers["c4"]["links"]] == ["terms of use"]
    assert "opendatacommons" not in croissant.text(made)


def test_the_words_of_the_card_decide_no_byte(inputs: Path, finished: Path, copy_of: Callable[[Path], Path]) -> None:
    output = copy_of(finished)
    mine = ("--set", "card.contact=me@example.org", "--set", "card.title=Mine")
    receipts = {path: path.stat().st_mtime_ns for path in (output / "work/receipts").rglob("*.json")}
    corpusmill(*run_arguments(inputs, output, 1, *mine), expect=4)  # neither refused nor made again
    assert {path: path.stat().st_mtime_ns for path in (output / "work/receipts").rglob("*.json")} == receipts
    text = (output / "README.md").read_text()
    assert "me@example.org" in text and parsed(text)["pretty_name"] == "Mine"
    assert digests(output) == digests(finished)
    assert {**manifest(output), "finished": 0}["recipe_digest"] == manifest(finished)["recipe_digest"]
    assert "0 differences" in corpusmill("check", output).stdout
    other = corpusmill(*run_arguments(inputs, output, 1, *mine, "--set", "seed=2"), expect=2)
    assert "made with another recipe" in other.stderr
    corpusmill(*run_arguments(inputs, output, 1), expect=4)
    assert (output / "README.md").read_bytes() == (finished / "README.md").read_bytes()


def test_a_take_down_writes_it_again(finished: Path, copy_of: Callable[[Path], Path]) -> None:
    output, n = copy_of(finished), manifest(finished)["sources"]["books"]["documents.kept"]
    gone = pq.read_table(finished / "documents/books").to_pylist()[0]["id"]
    corpusmill("takedown", output, gone)
    found = {one["config_name"]: one["splits"][0] for one in parsed((output / "README.md").read_text())["dataset_info"]}
    assert found["books"]["num_examples"] == n - 1
    assert "1 document was taken down" in (output / "README.md").read_text()
    metas = [json.loads(row["meta"]) for row in pq.read_table(output / "documents/books").to_pylist()]
    left = Counter(code for meta in metas for code in languages_of(meta))
    assert Corpus.read(str(output)).kinds("books", "languages") == left
    assert gone not in (output / "README.md").read_text()
    assert "0 differences" in corpusmill("check", output).stdout


def test_the_verb_changes_words_alone(finished: Path, tmp_path: Path) -> None:
    for name in ("manifest.json", "manifest.parquet", "recipe.yaml"):
        shutil.copy(finished / name, tmp_path)
    printed = corpusmill("card", tmp_path, "--set", "card.title=Other", "--set", "card.contact=a@example.org").stdout
    assert printed.split() == [str(tmp_path / "README.md"), str(tmp_path / "croissant.json")]
    assert parsed((tmp_path / "README.md").read_text())["pretty_name"] == "Other"
    assert json.loads((tmp_path / "croissant.json").read_text())["name"] == "Other"
    write(str(tmp_path))
    assert "a@example.org" in (tmp_path / "README.md").read_text()  # the recipe kept it
    with pytest.raises(UsageError, match=r"seed=2: expected a setting of the card"):
        rewrite(str(tmp_path), ["seed=2"])
    (tmp_path / "manifest.json").unlink()
    assert "no finished run here" in corpusmill("card", tmp_path, expect=2).stderr


def test_a_run_of_n_gram_models_has_no_card(inputs: Path, tmp_path: Path) -> None:
    corpusmill("ngram", "sample", "en", "--inputs", inputs, "--output", tmp_path / "out", *SMALL, expect=4)
    assert (tmp_path / "out/manifest.json").exists() and not (tmp_path / "out/README.md").exists()


def test_tables() -> None:
    assert table(["a"], []) == "| a |\n| --- |"
