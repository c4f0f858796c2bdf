"""Looking at documents of a run and of anybody: which are shown, and the same again each time."""

import gzip
import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusmill.errors import UsageError
from corpusmill.filters.criteria import CALLED
from corpusmill.formats.parquet import row_ranges
from corpusmill.mixtures.circle import unit_interval
from corpusmill.mixtures.recipe import load
from corpusmill.pipelines import looking, retelling
from corpusmill.pipelines.fate import Fate
from corpusmill.pipelines.finding import find_models
from corpusmill.pipelines.listing import DETAILS, Listed, Place, Trouble, open_listing, place_at
from corpusmill.pipelines.looking import Asked, look, reasons_named, retold, threshold
from corpusmill.pipelines.query import parse
from corpusmill.pipelines.why import fates
from corpusmill.records import Reason
from running import corpusmill, start


def found(path: Path, kinds: tuple[str, ...] = ("documents",), **asked: Any) -> list[Listed]:
    trouble = Trouble()
    result = list(look(place_at(str(path), kinds), Asked(**asked), trouble))
    assert not trouble.n, trouble.first
    return result


def rows(output: Path, kind: str, source: str) -> list[dict]:
    return pq.read_table(output / kind / source).to_pylist()


def ids(documents: list[Listed]) -> list[str]:
    return [one.id for one in documents]


def test_all_of_a_run_are_shown_once_with_their_texts(finished: Path) -> None:
    for source in ("wikipedia", "c4", "github"):
        shown = found(finished, source=source, limit=0)
        assert Counter((one.id, one.text) for one in shown) == Counter(
            (row["id"], row["text"]) for row in rows(finished, "documents", source)
        )
        assert {one.outcome for one in shown} == {"kept"}


def test_a_few_show_every_source(finished: Path) -> None:
    assert len({one.source for one in found(finished, limit=7)}) == 7


@pytest.mark.parametrize("below", ["", "documents", "documents/c4"])
def test_a_part_of_a_run_is_the_same_as_the_run(below: str, finished: Path) -> None:
    assert ids(found(finished / below, source="c4", limit=9)) == ids(found(finished, source="c4", limit=9))
    one_file = min((finished / "documents/c4").iterdir())
    [first] = found(one_file, limit=1)
    assert first.path == str(one_file.relative_to(finished))


def test_reasons(finished: Path) -> None:
    shown = found(finished, ("dropped",), reasons=reasons_named(["c4.brace", "wikipedia"]), limit=0)
    expected = [row for source in ("c4", "wikipedia") for row in rows(finished, "dropped", source)]
    expected = [row for row in expected if row["reason"] == "c4.brace" or row["reason"].startswith("wikipedia.")]
    assert Counter(ids(shown)) == Counter(row["id"] for row in expected)
    assert {one.text for one in shown} == {row["head"] for row in expected}
    with pytest.raises(UsageError, match=r'did you mean "c4.brace"'):
        reasons_named(["c4.brac"])


def test_conditions_on_metadata_and_on_texts(finished: Path) -> None:
    conditions = [parse("perplexity<200"), parse("chars>=1500"), parse("text~(?i)the")]
    expected = [
        row["id"]
        for row in rows(finished, "documents", "commoncrawl")
        if json.loads(row["meta"])["perplexity"] < 200 and len(row["text"]) >= 1500 and "the" in row["text"].lower()
    ]
    assert expected
    assert sorted(ids(found(finished, conditions=conditions, limit=0))) == sorted(expected)


def test_measures_of_dropped_documents_are_called_as_those_of_kept_ones(finished: Path) -> None:
    shown = found(finished, ("documents", "dropped"), near=("perplexity", 200.0), limit=0)
    values = [one.value("perplexity") for one in shown]
    assert values == sorted(values)
    expected = [json.loads(row["meta"])["perplexity"] for row in rows(finished, "documents", "commoncrawl")]
    expected += [row["measure"] for row in rows(finished, "dropped", "commoncrawl") if row["reason"] == "ccnet.bucket"]
    assert values == sorted(expected)
    assert {one.outcome for one in shown} == {"kept", "ccnet.bucket"}
    assert set(DETAILS) <= set(Reason)


def test_a_threshold_is_looked_at_where_its_step_stands(finished: Path) -> None:
    """Pages that are dropped before any line goes beside what kept ones had then, not beside what is left of them."""
    shown = found(finished, ("documents", "dropped"), near=("chars_in", 300.0), source="commoncrawl", limit=0)
    assert {one.outcome for one in shown} == {"kept", "ccnet.too_short"}
    assert all((one.outcome == "kept") == (one.value("chars_in") >= 300) for one in shown)


def test_sentences_are_counted_where_they_are_not_known(finished: Path) -> None:
    least = load("sample").active["c4"].min_sentences
    shown = found(finished, ("documents", "dropped"), near=("sentences", least), source="c4", limit=0)
    outcomes = {one.outcome for one in shown if one.value("sentences") < least}
    assert outcomes
    assert outcomes <= {"c4.too_few_sentences", "c4.too_few_sentences_left"}
    assert {one.outcome for one in shown if one.value("sentences") >= least} == {"kept"}


def test_each_measure_of_a_dropped_document_has_a_name(finished: Path) -> None:
    for source in load("sample").active:
        measured = {row["reason"] for row in rows(finished, "dropped", source) if row["measure"] is not None}
        assert measured <= set(CALLED), source


def test_both_sides_of_a_threshold(finished: Path) -> None:
    every = [one.value("perplexity") for one in found(finished, source="commoncrawl", sort="perplexity", limit=0)]
    border = every[len(every) // 2]
    shown = [one.value("perplexity") for one in found(finished, near=("perplexity", border), limit=5)]
    below, above = [v for v in every if v < border], [v for v in every if v >= border]
    assert shown == below[-2:] + above[:3]
    assert all(one.text for one in found(finished, near=("perplexity", border), limit=5))


def test_sorted(finished: Path) -> None:
    sizes = sorted(len(row["text"]) for row in rows(finished, "documents", "c4"))
    assert [len(one.text) for one in found(finished, source="c4", sort="chars", limit=4)] == sizes[:4]
    assert [len(one.text) for one in found(finished, source="c4", sort="-chars", limit=4)] == sizes[:-5:-1]


def test_files_of_a_sample_come_in_an_order_of_hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few documents cost a few files, and these are no neighbours."""
    names = [f"{n:02}.jsonl" for n in range(30)]
    for name in names:
        (tmp_path / name).write_text("".join(json.dumps({"id": f"{name}/{n}", "text": "t"}) + "\n" for n in range(20)))

    def order(seed: int, limit: int = 0) -> list[str]:
        return list(dict.fromkeys(one.path for one in found(tmp_path, share=0.9, seed=seed, limit=limit)))

    for seed in (0, 1):
        assert order(seed) == sorted(names, key=lambda name: unit_interval(name, "look", seed))
    assert len({*map(tuple, (names, names[::-1], order(0), order(1)))}) == 4
    opened: list[str] = []

    def opening(place: Place, path: str, trouble: Trouble) -> Any:
        opened.append(path)
        return open_listing(place, path, trouble)

    expected = order(0)[:8]
    monkeypatch.setattr(looking, "open_listing", opening)
    assert order(0, limit=30) == expected
    assert opened == expected  # they take turns


def test_the_command_takes_the_sample_that_is_asked_for(finished: Path) -> None:
    for seed in (0, 3):
        done = corpusmill("look", finished, "--sample", 0.3, "--seed", seed, "-n", 50, "--json")
        shown = [json.loads(line)["id"] for line in done.stdout.splitlines()]
        assert shown == ids(found(finished, share=0.3, seed=seed, limit=50))
        assert shown == [id_ for id_ in shown if unit_interval(id_, "look", seed) < 0.3]


def test_a_sample_is_the_same_again_and_its_share(finished: Path, tmp_path: Path) -> None:
    chosen = ids(found(finished, source="wikipedia", share=0.3, limit=0))
    assert chosen == ids(found(finished, source="wikipedia", share=0.3, limit=0))
    assert chosen[:5] == ids(found(finished, source="wikipedia", share=0.3, limit=5))
    n_documents = len(rows(finished, "documents", "wikipedia"))
    assert 0.2 * n_documents < len(chosen) < 0.4 * n_documents
    assert set(chosen) < set(ids(found(finished, source="wikipedia", share=0.5, limit=0)))
    assert set(chosen) != set(ids(found(finished, source="wikipedia", share=0.3, seed=1, limit=0)))
    # Who is chosen does not depend on files.
    pq.write_table(pq.read_table(finished / "documents/wikipedia"), tmp_path / "all.parquet")
    assert set(chosen) == set(ids(found(tmp_path, share=0.3, limit=0)))


def test_a_few_of_many_files_cost_a_few_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(60):
        table = {"id": [f"{number}/{n}" for n in range(50)], "text": ["text"] * 50}
        pq.write_table(pa.table(table), tmp_path / f"{number:02}.parquet")
    opened = []
    monkeypatch.setattr(looking, "open_listing", lambda *a: opened.append(a[1]) or open_listing(*a))
    shown = found(tmp_path, share=0.2, limit=20)
    assert len(shown) == 20
    assert len(set(opened)) == looking.FILES_IN_TURN
    assert len({one.path for one in shown}) > 4


def test_names_that_nothing_has(finished: Path) -> None:
    with pytest.raises(UsageError, match=r'perplexty: no document .* \(did you mean "perplexity"\?\)'):
        found(finished, conditions=[parse("perplexty<3")])
    assert found(finished, conditions=[parse("perplexity<0")]) == []
    with pytest.raises(UsageError, match="did you mean"):
        found(finished, source="wikipdia")
    with pytest.raises(UsageError, match="nothing to look at"):
        place_at(str(finished / "nowhere"))
    with pytest.raises(UsageError, match="--near"):
        threshold("perplexity")


def test_what_cannot_be_ranked_or_does_not_fit_is_said(finished: Path) -> None:
    done = corpusmill("look", finished, "--sort", "url", expect=2)
    assert "url is no number here, as in 'http" in done.stderr
    done = corpusmill("look", finished, "--source", "c4", "--where", "chars<0", "--sort", "chars")
    n_documents = len(rows(finished, "documents", "c4"))
    assert (done.stdout, done.stderr) == ("", f"no document fits; {n_documents:,} looked at\n")


def test_anybodys_files(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    lines = [{"text": "one", "metadata": {"score": 3}}, {"text": "two", "score": 5, "id": 7}]
    with gzip.open(tmp_path / "deep/a.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    table = pa.table({"text": ["three", None], "score": [8, 9], "tags": [["x"], []], "raw": [b"\xff\x00", b""]})
    pq.write_table(table, tmp_path / "b.parquet")
    (tmp_path / "notes.txt").write_text("no documents")
    shown = found(tmp_path, limit=0)
    assert sorted((one.text, one.value("score")) for one in shown) == [("", 9), ("one", 3), ("three", 8), ("two", 5)]
    assert {one.outcome for one in shown} == {""}
    assert ids(found(tmp_path, conditions=[parse("score>=8"), parse("tags=x")])) == ["b.parquet:0"]
    assert [one.text for one in found(tmp_path, sort="-score", limit=2)] == ["", "three"]
    assert [one.text for one in found(tmp_path / "deep/a.jsonl.gz", conditions=[parse("id=7")])] == ["two"]
    (tmp_path / "b.parquet").rename(tmp_path / "b.data")
    assert [one.text for one in found(tmp_path / "b.data", conditions=[parse("score=8")])] == ["three"]


def test_what_cannot_be_read_is_counted(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "good"}\n{"text": 1}\n[]\n{"text": "also"}\n{"te')
    (tmp_path / "b.parquet").write_bytes(b"PAR1 cut")
    (tmp_path / "e.parquet").write_bytes(b'{"text": "no lines, as it is called"}\n')
    pq.write_table(pa.table({"id": ["x"]}), tmp_path / "c.parquet")
    (tmp_path / "d.jsonl").write_text('{"text": "' + "[" * 5000 + '", "meta": "' + "[" * 100_000 + '"}\n')
    trouble = Trouble()
    shown = list(look(place_at(str(tmp_path)), Asked(limit=0), trouble))
    assert [one.path for one in shown] == ["a.jsonl", "a.jsonl", "d.jsonl"]
    assert trouble.n == 6
    assert ("e.parquet", "not a Parquet file") in trouble.seen
    assert trouble.first == "a.jsonl: line 2 has no text"
    done = corpusmill("look", tmp_path, expect=4)
    assert "6 times something could not be read, the first in a.jsonl: line 2 has no text" in done.stderr


def test_what_steps_did_is_what_why_says(finished: Path, inputs: Path) -> None:
    """For documents of several sources together, each slice read once."""
    kept = found(finished, limit=21)
    lost = found(finished, ("dropped",), limit=60)
    told = list(retold(place_at(str(finished)), kept + lost, str(inputs)))
    texts = {(one.source, one.id): one.text for one in kept}
    assert {one.source for one, _ in told} >= {"commoncrawl", "c4", "github", "wikipedia", "books", "arxiv"}
    for one, fate in told:
        assert not isinstance(fate, UsageError), str(fate)
        assert fate.outcome == one.outcome
        if one.outcome == "kept":
            left = [line.text.strip() for line in fate.changes if line.kind != "gone"]
            assert left == [line.strip() for line in texts[one.source, one.id].split("\n")]
    one, fate = next((one, fate) for one, fate in told if one.source == "c4" and one.outcome == "kept")
    [alone] = fates(str(finished), one.id, str(inputs))
    assert alone.changes == fate.changes
    assert alone.lines == fate.lines


def test_texts_that_cannot_be_had_are_said(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = corpusmill("look", finished, "--source", "wikipedia", "-n", 2, "--diff", "--inputs", tmp_path / "empty")
    assert done.stdout.count("The text as it was read cannot be had") == 2
    with pytest.raises(UsageError, match="no part of a run"):
        list(retold(Place("x", ()), [], "in"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--diff"], "--diff needs the raw dumps"),
        (["--inputs", "x"], "--diff needs the raw dumps"),
        (["--diff", "--inputs", "x", "-n", "0"], "say how many"),
        (["--sort", "a", "--near", "a=1"], "two orders"),
        (["--where", "perplexity"], "expected a name"),
        (["--diff", "--inputs", "x", "--sqlite", "y"], "leave --diff out"),
    ],
)
def test_options_that_do_not_go_together(arguments: list[str], said: str, finished: Path) -> None:
    assert said in corpusmill("look", finished, *arguments, expect=2).stderr


def test_reasons_are_not_of_kept_documents(finished: Path) -> None:
    done = corpusmill("look", finished / "documents", "--reason", "c4.brace", expect=2)
    assert f"Look at {finished}" in done.stderr


@pytest.mark.parametrize("source", ["", "wikipedia", "books"])
def test_a_language_is_that_of_the_documents(source: str, finished: Path) -> None:
    sources = [source] if source else sorted(path.name for path in (finished / "documents").iterdir())
    every = [(row["id"], json.loads(row["meta"])) for one in sources for row in rows(finished, "documents", one)]
    of = ("--source", source) if source else ()
    shown = {}
    for language in ("de", "en", "tlh"):
        done = corpusmill("look", finished, *of, "--language", language, "-n", 0, "--json")
        shown[language] = sorted(json.loads(line)["id"] for line in done.stdout.splitlines())
        assert shown[language] == sorted(id_ for id_, meta in every if meta.get("language") == language)
    assert shown["de"] and shown["en"] and not shown["tlh"]


def test_json(finished: Path) -> None:
    lines = corpusmill("look", finished, "--source", "c4", "--language", "en", "-n", 3, "--json").stdout.splitlines()
    assert [json.loads(line)["meta"]["language"] for line in lines] == ["en"] * 3


def test_a_table_for_sqlite(finished: Path, tmp_path: Path) -> None:
    file = tmp_path / "it's.db"
    corpusmill("look", finished, "--source", "commoncrawl", "-n", 0, "--sqlite", file)
    with sqlite3.connect(file) as database:
        listed = database.execute("SELECT id, perplexity, chars, meta FROM documents").fetchall()
    expected = {row["id"]: json.loads(row["meta"]) for row in rows(finished, "documents", "commoncrawl")}
    assert {row[0]: json.loads(row[3]) for row in listed} == expected
    assert all(expected[row[0]]["perplexity"] == row[1] for row in listed)
    before = file.read_bytes()
    assert "File exists" in corpusmill("look", finished, "--sqlite", file, expect=2).stderr
    assert file.read_bytes() == before


def test_hostile_names_in_a_table_for_sqlite(tmp_path: Path) -> None:
    meta = {
        'x" TEXT); DROP TABLE documents;--': 1,
        "Title": "a",
        "title": "b",
        "ID": 9,
        "big": 1 << 70,
        "n\0ul": "\ud800",
    }
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "t\0", "meta": meta, "id": "\udcff"}) + "\n")
    corpusmill("look", tmp_path, "--sqlite", tmp_path / "a.db")
    with sqlite3.connect(tmp_path / "a.db") as database:
        [row] = database.execute(
            'SELECT "x"" TEXT); DROP TABLE documents;--", title, big, nul FROM documents'
        ).fetchall()
    assert row == (1, "b", str(1 << 70), "�")


def test_a_failure_leaves_no_table(tmp_path: Path, finished: Path) -> None:
    corpusmill("look", finished, "--where", "nonsense<3", "--sqlite", tmp_path / "a.db", expect=2)
    assert not list(tmp_path.iterdir())


def test_a_reader_that_leaves_is_no_error(finished: Path) -> None:
    process = start("look", finished, "-n", 0, "--full")
    assert process.stdout
    assert process.stderr
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.wait()
    process.stderr.close()


def test_the_models_of_a_source_are_looked_at_once_for_all_slices(
    finished: Path, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, asked = place_at(str(finished / "documents/commoncrawl")), []

    def counted(*of: Any) -> Any:
        asked.append(of[0])
        return find_models(*of)

    monkeypatch.setattr(retelling, "find_models", counted)
    shown = list(look(place, Asked(limit=0), Trouble()))
    assert len({one.path for one in shown}) > 1
    assert all(isinstance(told, Fate) for _, told in retold(place, shown, str(inputs)))
    assert asked == ["commoncrawl"]


def test_the_row_groups_of_a_file_are_counted_once_for_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table of anybody's may have thousands of them, and a count of all for each would take their square."""
    n_groups, asked = 40, []
    path = tmp_path / "many.parquet"
    pq.write_table(pa.table({"id": [*map(str, range(n_groups))], "text": ["a"] * n_groups}), path, row_group_size=1)

    def counted(parquet: Any) -> Any:
        asked.append(parquet)
        return row_ranges(parquet)

    for module in ("formats.parquet", "pipelines.listing"):
        monkeypatch.setattr(f"corpusmill.{module}.row_ranges", counted)
    assert ids(found(path, limit=0)) == [*map(str, range(n_groups))]
    assert ids(found(path, limit=0, conditions=[parse("id=7")])) == ["7"]
    assert len(asked) == 2
