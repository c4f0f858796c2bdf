"""Why a document was kept or dropped: the record of the run, and the steps done again, must say the same."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusmill.errors import UsageError
from corpusmill.filters.ccnet import normalize_line
from corpusmill.mixtures.recipe import load
from corpusmill.pipelines import fate as fate_module
from corpusmill.pipelines import searching
from corpusmill.pipelines.commoncrawl import dump_of
from corpusmill.pipelines.finding import find
from corpusmill.pipelines.inputs import FROZEN
from corpusmill.pipelines.listing import Trouble, place_at
from corpusmill.pipelines.looking import Asked, look, retold
from corpusmill.pipelines.reading import readings
from corpusmill.pipelines.searching import Sought, ahead
from corpusmill.pipelines.source import stem_of
from corpusmill.pipelines.why import fates
from corpusmill.records import Document, Reason
from corpusmill.storage import Input, open_read, write_json
from phases import write_wet
from running import UNFILTERED, corpusmill, run_arguments


def rows(output: Path, kind: str, source: str = "commoncrawl") -> list[dict]:
    return pq.read_table(output / kind / source).to_pylist()


def documents_with_a_line(inputs: Path) -> Counter[tuple[str, str]]:
    """By dump and normalised line: in how many pages it stands that are long enough."""
    recipe, counts = load("sample"), Counter()
    for reading in readings("commoncrawl", find(recipe, ["commoncrawl"], str(inputs))["commoncrawl"].files, recipe):
        for page in reading.records(Counter()):
            if isinstance(page, Document) and len(page.text) >= 300:
                lines = set(map(normalize_line, page.text.split("\n")))
                counts.update((dump_of(reading.slice.input), line) for line in lines)
    return counts


def test_the_lines_of_a_page_and_how_many_documents_have_them(finished: Path, inputs: Path) -> None:
    expected = documents_with_a_line(inputs)
    by_dump = {json.loads(row["meta"])["dump"]: row for row in rows(finished, "documents")}
    assert len(by_dump) == 2
    for dump, row in by_dump.items():
        [fate] = fates(str(finished), row["id"], str(inputs))
        assert fate.outcome == "kept"
        assert "\n".join(line.text for line in fate.lines if line.reason is None) == row["text"]
        assert [line.documents for line in fate.lines] == [expected[dump, normalize_line(x.text)] for x in fate.lines]
        assert {line.reason for line in fate.lines if line.documents > 1} == {Reason.CCNET_SHARED_LINE}
        assert [step.outcome for step in fate.steps] == ["stays"] * 9
        said = " ".join(step.detail for step in fate.steps)
        meta = json.loads(row["meta"])
        assert all(f"{name} {meta[name]}" in said for name in ("perplexity", "bucket", "citation_score"))


@pytest.mark.parametrize(
    ("reason", "n_steps"),
    [
        (Reason.CCNET_TOO_SHORT, 1),
        (Reason.CCNET_NO_LINE_LEFT, 2),
        (Reason.CCNET_LANGUAGE_UNSURE, 3),
        (Reason.CCNET_LANGUAGE, 4),
        (Reason.CCNET_BUCKET, 7),
    ],
)
def test_a_dropped_page_is_followed_to_the_step_that_dropped_it(
    reason: Reason, n_steps: int, finished: Path, inputs: Path
) -> None:
    row = next(row for row in rows(finished, "dropped") if row["reason"] == reason)
    [fate] = [fate for fate in fates(str(finished), row["url"], str(inputs)) if fate.id == row["id"]]
    assert fate.outcome == reason
    assert [step.outcome for step in fate.steps] == ["stays"] * (n_steps - 1) + [reason]
    assert bool(fate.lines) == (n_steps > 1)
    if row["detail"]:
        assert fate.steps[-1].detail == f"{row['detail']} {row['measure']:g}"


def test_where_the_first_keeps_a_line_what_came_before_counts(inputs: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    settings = (*UNFILTERED, "--set", "sources.commoncrawl.lines.keep=first")
    arguments = run_arguments(inputs, output, 1, *settings)
    arguments.insert(2, "commoncrawl")
    corpusmill(*arguments, expect=4)
    one_file = min((output / "documents/commoncrawl").iterdir())
    kept = pq.read_table(one_file).to_pylist()
    for row in (kept[0], kept[len(kept) // 2], kept[-1]):
        [fate] = fates(str(output), row["id"], str(inputs))
        assert "\n".join(line.text for line in fate.lines if line.reason is None) == row["text"]
    stayed = [line for line in fates(str(output), kept[0]["id"], str(inputs))[0].lines if line.reason is None]
    assert any(line.documents > 1 for line in stayed)


def test_wikipedia_too_and_who_lost_an_id(finished: Path, inputs: Path) -> None:
    lost = next(row for row in rows(finished, "dropped", "wikipedia") if row["reason"] == Reason.DUPLICATE_ID)
    found = fates(str(finished), lost["id"], str(inputs))
    assert sorted(fate.outcome for fate in found) == [Reason.DUPLICATE_ID, "kept"]
    loser = next(fate for fate in found if fate.outcome == Reason.DUPLICATE_ID)
    assert [step.outcome for step in loser.steps] == ["stays"] * 5 + [Reason.DUPLICATE_ID]


def test_without_inputs_the_record_alone(finished: Path) -> None:
    row = rows(finished, "documents")[0]
    done = corpusmill("why", finished, row["id"], "--json")
    fate = json.loads(done.stdout)
    assert fate["facts"] == json.loads(row["meta"])
    assert not fate["steps"]
    assert "WARNING" not in done.stderr


def test_for_a_person(finished: Path, inputs: Path) -> None:
    row = next(row for row in rows(finished, "dropped") if row["reason"] == Reason.CCNET_NO_LINE_LEFT)
    shown = corpusmill("why", finished, row["id"], "--inputs", inputs).stdout
    assert "dropped: ccnet.no_line_left, every line stands in other documents too" in shown
    assert "− " in shown
    assert "[ccnet.shared_line]" in shown


@pytest.mark.parametrize("reason", ["c4.too_few_sentences", "ccnet.bucket", "books.overlap"])
def test_what_was_measured_is_called_and_written_as_look_does(reason: str, finished: Path) -> None:
    [one] = look(place_at(str(finished), ["dropped"]), Asked(reasons=[reason], limit=1), Trouble())
    header = corpusmill("look", finished, "--reason", reason, "-n", 1).stdout.splitlines()[2]
    told = [" ".join(line.split()) for line in corpusmill("why", finished, one.id).stdout.splitlines()]
    said = header.split(" · ")
    assert told[4 : 4 + len(said)] == said
    fate = json.loads(corpusmill("why", finished, one.id, "--json").stdout)
    assert fate["facts"].keys() == {"measure", "detail", "head"}


def test_what_is_not_there_is_a_line(finished: Path, inputs: Path, copy_of: Callable[[Path], Path]) -> None:
    with pytest.raises(UsageError, match="neither among the documents"):
        fates(str(finished), "https://nowhere.example/")
    with pytest.raises(UsageError, match="no run here"):
        fates(str(inputs), "https://nowhere.example/")
    row = rows(finished, "documents")[0]
    with pytest.raises(UsageError, match="is not in"):
        fates(str(finished), row["id"], str(finished))
    changed = copy_of(inputs)
    for file in (changed / "commoncrawl").rglob("*.wet.gz"):
        file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(UsageError, match="has changed since the run"):
        fates(str(finished), row["id"], str(changed))
    shutil.rmtree(changed)


def test_a_page_that_was_too_short_keeps_no_line_from_others(inputs: Path, tmp_path: Path) -> None:
    """And two records of one id each have their own steps."""
    long = " ".join(f"word{number}" for number in range(60))
    pages = [
        ("s", "title\nmenu of the mill\n"),
        *((name, f"title\nmenu of the mill\n{name} {long}\n") for name in "aab"),
    ]
    write_wet(tmp_path / "in/commoncrawl/crawl-data/CC-MAIN-2019-09/segments/1/wet/a.warc.wet.gz", pages)
    (tmp_path / "in/models").symlink_to(inputs / "models")
    output = str(tmp_path / "out")
    settings = ("lines.keep=first", "language.keep=[bg, de, en, es, fr, tr]", "language.threshold=0")
    arguments = [word for setting in settings for word in ("--set", f"sources.commoncrawl.{setting}")]
    more = (*UNFILTERED, *arguments)
    corpusmill("run", "sample", "commoncrawl", "--inputs", tmp_path / "in", "--output", output, *more)
    first = fates(output, "commoncrawl:a", str(tmp_path / "in"))
    assert sorted(fate.outcome for fate in first) == ["ccnet.no_line_left", "kept"]
    for fate in first:
        assert len(fate.lines) == 2
        assert [line.documents for line in fate.lines] == [3, 2]
        assert all(line.reason is None for line in fate.lines) == (fate.outcome == "kept")


def test_the_group_is_that_of_the_last_run(inputs: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    for groups in (1, 9):
        more = ("--redo", *UNFILTERED, "--set", f"sources.commoncrawl.lines.groups={groups}")
        arguments = run_arguments(inputs, output, 1, *more)
        corpusmill(*arguments[:2], "commoncrawl", *arguments[2:], expect=4)
    row = next(row for row in rows(output, "documents") if json.loads(row["meta"])["lines_in"] > 20)
    [fate] = fates(str(output), row["id"], str(inputs))
    assert all((line.documents > 1) == (line.reason == Reason.CCNET_SHARED_LINE) for line in fate.lines)


@pytest.mark.parametrize("form", ["{}", "<urn:uuid:{}>", "commoncrawl:{}"])
def test_an_id_as_it_stands_in_a_header(form: str, finished: Path) -> None:
    row = rows(finished, "documents")[0]
    [fate] = fates(str(finished), form.format(row["id"].removeprefix("commoncrawl:")))
    assert fate.id == row["id"]


def test_nothing_is_asked_for(finished: Path) -> None:
    with pytest.raises(UsageError, match="an empty id"):
        fates(str(finished), "")


def test_of_two_documents_of_one_id_each_has_its_own_lines(inputs: Path, tmp_path: Path) -> None:
    long = " ".join(f"word{number}" for number in range(60))
    wet = tmp_path / "in/commoncrawl/crawl-data/CC-MAIN-2019-09/segments/1/wet/a.warc.wet.gz"
    (tmp_path / "in").mkdir()
    (tmp_path / "in/models").symlink_to(inputs / "models")
    output = tmp_path / "out"
    settings = ("language.keep=[bg, de, en, es, fr, tr]", "language.threshold=0")
    arguments = [word for setting in settings for word in ("--set", f"sources.commoncrawl.{setting}")]
    for texts in (("one", "two"), ("two", "one")):
        write_wet(wet, [("a", f"title\n{text} {long}\n") for text in texts])
        more = ("--redo", *UNFILTERED, *arguments)
        corpusmill("run", "sample", "commoncrawl", "--inputs", tmp_path / "in", "--output", output, *more)
        [kept] = rows(output, "documents")
        found = {fate.outcome: fate for fate in fates(str(output), "commoncrawl:a", str(tmp_path / "in"))}
        assert found["kept"].lines[0].text == kept["text"]
        assert found[Reason.DUPLICATE_ID].lines[0].text != kept["text"]


def test_a_run_that_was_not_finished_is_said(finished: Path, inputs: Path, copy_of: Callable[[Path], Path]) -> None:
    output = copy_of(finished)
    row = next(row for row in rows(output, "dropped") if row["reason"] == Reason.CCNET_LANGUAGE)
    recipe = output / "recipe.yaml"
    recipe.write_text(
        recipe.read_text().replace("    keep:\n      - en\n", "    keep:\n      - de\n      - en\n      - fr\n")
    )
    recipe.write_text(recipe.read_text().replace("threshold: 0.5", "threshold: 1.0"))
    with pytest.raises(UsageError, match="The last run here was not finished"):
        fates(str(output), row["id"], str(inputs))
    shutil.rmtree(output / "work/receipts/commoncrawl/lines/masks")
    with pytest.raises(UsageError, match="not compared with others yet"):
        fates(str(output), row["id"], str(inputs))


@pytest.mark.parametrize("form", ["stackexchange:{site}/{number}", "https://{site}/a/{number}"])
def test_an_answer_leads_to_its_question(form: str, finished: Path, inputs: Path) -> None:
    row = next(row for row in rows(finished, "documents", "stackexchange") if json.loads(row["meta"])["answers"])
    meta = json.loads(row["meta"])
    asked = form.format(site=meta["site"], number=meta["answers"][-1]["id"])
    [fate] = fates(str(finished), asked, str(inputs))
    assert fate.id == row["id"]
    assert fate.note == f"{asked} is one of its answers."


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("12345", "neither an id nor a URL. Give an id as in commoncrawl:UUID"),
        ("wikipdia:en/12", r'wikipdia is no source of .* \(did you mean "wikipedia"\?\)'),
        ("wikipedia:12", r"Ids are as in wikipedia:en/12, the number of the page\."),
        ("stackexchange:none.example/1", "An answer that no kept question has is not listed"),
        ("https://stackoverflow.example/a/99999999", "An answer that no kept question has is not listed"),
    ],
)
def test_what_to_do_about_an_id_that_is_not_there(asked: str, said: str, finished: Path) -> None:
    with pytest.raises(UsageError, match=said):
        fates(str(finished), asked)


def test_a_url_that_is_written_otherwise(finished: Path) -> None:
    url = next(row["url"] for row in rows(finished, "dropped") if row["url"].startswith("https://www."))
    other = url.replace("https://www.", "http://").rstrip("/") + "/#top"
    with pytest.raises(UsageError) as error:
        fates(str(finished), other)
    assert f'(did you mean "{url}"?)' in str(error.value)


def test_a_text_that_was_rewritten_is_shown_before_and_after(finished: Path, inputs: Path) -> None:
    row = next(row for row in rows(finished, "documents", "wikipedia") if "\n" in row["text"])
    [fate] = fates(str(finished), row["id"], str(inputs))
    assert not fate.lines
    assert {line.kind for line in fate.changes} == {"stays", "gone", "new"}
    assert {line.why for line in fate.changes if line.kind != "stays"} == {"markup to text"}
    shown = corpusmill("why", finished, row["id"], "--inputs", inputs).stdout
    assert "- " + next(line.text for line in fate.changes if line.kind == "gone")[:100] in shown


def test_what_was_taken_down_is_not_shown(finished: Path, inputs: Path, copy_of: Callable[[Path], Path]) -> None:
    output = copy_of(finished)
    row = rows(output, "documents", "wikipedia")[0]
    corpusmill("takedown", output, row["id"], "-q")
    found = fates(str(output), row["id"], str(inputs))
    assert [fate.outcome for fate in found] == [Reason.TAKEN_DOWN]
    assert all("taken down" in fate.note and not fate.changes for fate in found)


def test_a_file_that_is_none_of_the_run(finished: Path, inputs: Path, copy_of: Callable[[Path], Path]) -> None:
    output = copy_of(finished)
    row = rows(output, "documents")[0] | {"id": "commoncrawl:stray"}
    for stray in ("commoncrawl/stray.parquet", "commoncrawl/aside/stray.parquet", "stray.parquet"):
        path = output / "documents" / stray
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist([row]), path)
        asked = row["id"] if "/" in stray else json.loads(row["meta"])["url"]
        refused = corpusmill("why", output, asked, expect=2).stderr
        assert "made from no input of this run" in refused
        assert f"`corpusmill check {output}` names all that does not belong there" in refused
        path.unlink()


def test_the_steps_of_a_file_that_is_none_of_the_run(
    finished: Path, inputs: Path, copy_of: Callable[[Path], Path]
) -> None:
    """It is said of its documents, and those of the others are told."""
    output = copy_of(finished)
    folder = output / "documents/wikipedia"
    (folder / "stray.parquet").write_bytes(min(folder.iterdir()).read_bytes())
    place = place_at(str(folder))
    told = [(one.path, told) for one, told in retold(place, list(look(place, Asked(limit=0), Trouble())), str(inputs))]
    for path, one in told:
        assert (
            ("made from no input of this run" in str(one))
            == path.endswith("stray.parquet")
            == (isinstance(one, UsageError))
        )


def test_the_inputs_of_a_source_are_gone_through_once(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: Counter[str] = Counter()

    def counted(one: Input) -> str:
        asked[one.name] += 1
        return stem_of(one)

    monkeypatch.setattr(fate_module, "stem_of", counted)
    origins = fate_module.Origins(str(finished))
    files = [*(finished / "documents/commoncrawl").iterdir(), *(finished / "dropped/commoncrawl").iterdir()]
    assert len(files) > 2
    for file in files:
        one = origins.of("commoncrawl", file.stem)
        assert f"{file.stem}-".startswith(f"{stem_of(one)}-")
    assert set(asked.values()) == {1}


@pytest.mark.parametrize(
    ("shard", "name"),
    [
        pytest.param("a", "books/a.json", id="the first of two with one stem"),
        pytest.param("a-b-part0001", "books/a-b.json", id="the longest stem"),
        pytest.param("a-c-00000", "books/a.json", id="a shorter one"),
        pytest.param("a--00000", "books/a-.json", id="a stem that ends in a hyphen"),
        pytest.param("ab", "", id="no stem is only a beginning"),
    ],
)
def test_the_input_of_a_shard(shard: str, name: str, tmp_path: Path) -> None:
    files = {f"books/{one}": [1, "x"] for one in ("a.json", "a.json.gz", "a-b.json", "a-.json")}
    write_json(str(tmp_path / FROZEN), {"books": {"files": files, "models": {}}})
    origins = fate_module.Origins(str(tmp_path))
    if name:
        assert origins.of("books", shard).name == name
    else:
        with pytest.raises(UsageError):
            origins.of("books", shard)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file of documents is opened, by its path in the output folder."""
    counts: Counter[str] = Counter()

    def counted(url: str, **more: bool) -> BinaryIO:
        counts["/".join(url.split("/")[-3:])] += 1
        return open_read(url, **more)

    monkeypatch.setattr("corpusmill.formats.documents.open_read", counted)
    return counts


def paths(output: Path, kind: str, source: str = "*") -> set[str]:
    return {str(path.relative_to(output)) for path in (output / kind).glob(f"{source}/*.parquet")}


def test_of_a_finished_run_one_file_of_kept_documents_is_opened(finished: Path, opened: Counter[str]) -> None:
    """Its token files say which; dropped documents may have the same id, and are all asked."""
    assert len(paths(finished, "documents", "github")) > 1
    for row in rows(finished, "documents", "github")[::50]:
        opened.clear()
        [fate] = fates(str(finished), row["id"])
        assert opened == Counter({fate.path, *paths(finished, "dropped", "github")})


def test_no_more_files_of_kept_documents_are_opened_once_it_is_found(
    finished: Path, opened: Counter[str], copy_of: Callable[[Path], Path]
) -> None:
    """Where no token file says which holds it, as in a run that is not finished."""
    output = copy_of(finished)
    (output / "manifest.json").unlink()
    folder = output / "documents/wikipedia"
    first = min(folder.iterdir())
    for number in range(100):
        (folder / f"z{number:03d}.parquet").write_bytes(first.read_bytes())
    row = pq.read_table(first).to_pylist()[0]
    assert fates(str(output), row["id"])[0].path == str(first.relative_to(output))
    assert sum(path.startswith("documents/") for path in opened) <= 2 * searching.READ_AT_ONCE + 1


@pytest.mark.parametrize("asked", ["12345", "wikipdia:en/12"])
def test_what_no_document_can_be_called_opens_none(asked: str, finished: Path, opened: Counter[str]) -> None:
    with pytest.raises(UsageError):
        fates(str(finished), asked)
    assert not opened


def test_a_url_that_is_not_there_is_looked_for_once_with_its_other_spellings(
    finished: Path, opened: Counter[str]
) -> None:
    with pytest.raises(UsageError):
        fates(str(finished), "https://nowhere.example/")
    assert opened == Counter({*paths(finished, "documents"), *paths(finished, "dropped")})


@pytest.mark.parametrize("url", ['https://a.example/é"x\\y', "http://a.example/", "http://"])
def test_urls_as_json_has_them(url: str, tmp_path: Path) -> None:
    """Each by itself, by a part of it, and among so many that all metadata is read."""
    folder = tmp_path / "documents/c4"
    folder.mkdir(parents=True)
    metas = [{"url": url}, {"url": f"{url}z"}, {"title": f'"url": "{url}"'}, {}]
    found = [{"id": f"c4:{n}", "meta": json.dumps(meta, ensure_ascii=False)} for n, meta in enumerate(metas)]
    pq.write_table(pa.Table.from_pylist(found), folder / "a.parquet")
    many = {url, *(f"https://b.example/{n}" for n in range(searching.FEW))}
    for sought in (Sought(urls=[url]), Sought(urls=[url], part=url[4:]), Sought(urls=many)):
        assert sought.in_file(str(tmp_path), "documents/c4/a.parquet") == [("documents/c4/a.parquet", 0, found[0])]


@pytest.mark.parametrize("damage", ["cut", "no columns"])
def test_a_file_that_cannot_be_read_is_said(damage: str, finished: Path, copy_of: Callable[[Path], Path]) -> None:
    output = copy_of(finished)
    path = min((output / "dropped/wikipedia").iterdir())
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    else:
        pq.write_table(pa.table({"other": [1]}), path)
    refused = corpusmill("why", output, rows(output, "documents", "wikipedia")[0]["id"], expect=2).stderr
    assert f"dropped/wikipedia/{path.name}: cannot be read as a file of a run" in refused
    assert f"`corpusmill check {output}` says what is wrong" in refused


def test_threads_are_only_a_little_ahead() -> None:
    begun = []
    asking = ahead(begun.append, range(1000), at_once=2)
    for number in range(3):
        assert next(asking) is None
        assert len(begun) <= number + 5
    asking.close()
    assert len(begun) <= 7
    assert list(ahead(str, range(9), at_once=2)) == [*map(str, range(9))]
