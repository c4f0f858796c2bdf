"""Stack Exchange from dumps to documents: the largest sites, answers with their questions, switches, accounts."""

import html
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import py7zr
import pyarrow.parquet as pq
import pytest

from corpusmill.pipelines.why import fates
from corpusmill.records import Reason
from running import SHARED, corpusmill, digests, manifest, run_arguments

BIG, SMALL, META = "big.example.com", "small.example.com", "big.meta.example.com"


ALL = ("inputs=[stackexchange/]", "epochs=1", "largest=28", "slice_mb=256", "max_post_mb=16")


def row(number: int, body: str, **said: object) -> str:
    values = {"Id": number, "PostTypeId": 1, "Score": 0, "CreationDate": "2012-01-01T00:00:00.000", "Body": body}
    shown = {**values, **said}
    return f"<row {' '.join(f'{name}={json.dumps(html.escape(str(value)))}' for name, value in shown.items())} />"


def answer(number: int, parent: int, score: object = 0, **said: object) -> str:
    return row(number, f"<p>answer {number}</p>", PostTypeId=2, ParentId=parent, Score=score, **said)


POSTS = {
    BIG: [
        answer(3, 1, 9),  # before its question
        row(1, "<p>one?</p>", Title="First", Score=5, AcceptedAnswerId=4, Tags="<a><b>", LastEditDate="2013-01-01"),
        answer(4, 1, -1, CreationDate="2019-01-01", ContentLicense="CC BY-SA 4.0"),
        answer(5, 1, 10),
        row(2, "<p>two?</p>", Title="Second", Score=-3, Tags="|c|"),
        row(8, '<p><a href="u"><img src="v" alt="w > x"></a> </p>', PostTypeId=2, ParentId=2),  # a picture alone
        answer(6, 99),  # nobody asked
        row(7, "about", PostTypeId=5),
        *(row(number, "<p>more</p>", Title=f"T{number}") for number in range(20, 60)),
        *(answer(100 + number, number, number) for number in range(20, 60)),
    ],
    META: [row(1, "<p>meta?</p>", Title="Meta"), answer(2, 1), answer(3, 1)],
    SMALL: [row(1, "<p>small?</p>", Title="Small"), answer(2, 1)],
}


def write(folder: Path, posts: Mapping[str, list[str]] = POSTS) -> Path:
    for site, rows in posts.items():
        path = folder / "stackexchange" / site / "Posts.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\ufeff<posts>\n" + "\n".join(rows) + "\n</posts>\n", encoding="utf-8")
    return folder


def run(
    inputs: Path, output: Path, *settings: str, workers: int = 1, expect: int = 0, more: tuple[str, ...] = ()
) -> Path:
    said = [word for one in (*ALL, *settings) for word in ("--set", f"sources.stackexchange.{one}")]
    arguments = run_arguments(inputs, output, workers, *said, *more)
    corpusmill(*arguments[:2], "stackexchange", *arguments[2:], expect=expect)
    return output


def documents(output: Path) -> dict[str, dict[str, Any]]:
    found = pq.read_table(output / "documents/stackexchange").to_pylist()
    return {one["id"].removeprefix("stackexchange:"): {**one, **json.loads(one["meta"])} for one in found}


def dropped(output: Path) -> dict[str, str]:
    found = pq.read_table(output / "dropped/stackexchange").to_pylist()
    return {one["id"].removeprefix("stackexchange:"): one["reason"] for one in found}


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("dumps"))


@pytest.fixture(scope="module")
def made(dumps: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two largest sites, in slices of a few questions. Do not change it."""
    return run(dumps, tmp_path_factory.mktemp("made"), "largest=2", "slice_mb=0.003")


def test_questions_have_their_answers(made: Path) -> None:
    found = documents(made)
    first = found[f"{BIG}/1"]
    assert first["text"] == "Q: First\n\none?\n\nA: answer 5\n\nA: answer 3\n\nA: answer 4"
    assert {
        name: first[name] for name in ("title", "site", "url", "tags", "score", "license", "accepted", "answers")
    } == {
        "title": "First",
        "site": BIG,
        "url": f"https://{BIG}/questions/1",
        "tags": ["a", "b"],
        "score": 5,
        "license": "CC BY-SA 3.0",
        "accepted": 4,
        "answers": [
            {"id": 5, "score": 10, "license": "CC BY-SA 3.0"},
            {"id": 3, "score": 9, "license": "CC BY-SA 3.0"},
            {"id": 4, "score": -1, "license": "CC BY-SA 4.0"},
        ],
    }
    assert found[f"{BIG}/2"]["text"] == "Q: Second\n\ntwo?"
    assert found[f"{BIG}/2"]["tags"] == ["c"]
    assert found[f"{META}/1"]["text"] == "Q: Meta\n\nmeta?\n\nA: answer 2\n\nA: answer 3"
    assert len(found) == 43


def test_what_is_no_question_goes_and_says_why(made: Path) -> None:
    assert dropped(made) == {
        f"{BIG}/6": Reason.STACKEXCHANGE_NO_QUESTION,
        f"{BIG}/7": Reason.STACKEXCHANGE_OTHER_POST,
        f"{SMALL}/1": Reason.STACKEXCHANGE_SITE,
    }
    sites = json.loads((made / "models/stackexchange/sites.json").read_text())
    assert sites == {"kept": [BIG, META], "posts": {BIG: 88, META: 3, SMALL: 2}}


def test_slices_workers_and_kinds_of_files_change_nothing(dumps: Path, made: Path, tmp_path: Path) -> None:
    several = [path for path in digests(made) if path.startswith(f"documents/stackexchange/{BIG}")]
    assert len(several) > 3
    assert digests(run(dumps, tmp_path / "two", "largest=2", "slice_mb=0.003", workers=2)) == digests(made)
    whole = run(dumps, tmp_path / "whole", "largest=2")
    assert documents(whole) == documents(made)
    assert dropped(whole) == dropped(made)


def test_a_dump_beside_it_changes_no_other_slice(dumps: Path, made: Path, tmp_path: Path) -> None:
    inputs, output = tmp_path / "in", tmp_path / "out"
    shutil.copytree(dumps, inputs)
    shutil.copytree(made, output)
    before = {path: path.stat().st_mtime_ns for path in (output / "work/extract").rglob("*") if path.is_file()}
    write(inputs, {"tiny.example.com": [row(1, "x", Title="T")]})
    run(inputs, output, "largest=2", "slice_mb=0.003", more=("--redo",))
    assert all(path.stat().st_mtime_ns == before[path] for path in before), "the same sites stay: nothing to do"
    assert dropped(output)["tiny.example.com/1"] == Reason.STACKEXCHANGE_SITE


@pytest.mark.parametrize(
    ("settings", "texts", "accounts"),
    [
        pytest.param(("layout=plain",), {"1": "First\n\none?\n\nanswer 5\n\nanswer 3\n\nanswer 4"}, {}, id="plain"),
        pytest.param(
            ("accepted=first",),
            {"1": "Q: First\n\none?\n\nA: answer 4\n\nA: answer 5\n\nA: answer 3"},
            {},
            id="accepted",
        ),
        pytest.param(
            ("min_answer_score=10",),
            {
                "1": "Q: First\n\none?\n\nA: answer 5\n\nA: answer 4",
                "2": "Q: Second\n\ntwo?",
                "25": "Q: T25\n\nmore\n\nA: answer 125",
            },
            {
                "answers.in": 46,
                "answers.kept": 42,
                f"answers.dropped.{Reason.STACKEXCHANGE_LOW_SCORE}": 3,
                "answers.dropped.common.empty": 1,
            },
            id="least score of answers, but the accepted one",
        ),
        pytest.param(
            ("max_answers=1",),
            {"1": "Q: First\n\none?\n\nA: answer 5"},
            {"answers.in": 46, "answers.kept": 42, f"answers.dropped.{Reason.STACKEXCHANGE_FURTHER_ANSWER}": 3},
            id="the best answer",
        ),
        pytest.param(
            ("max_answers=1", "accepted=first"),
            {"1": "Q: First\n\none?\n\nA: answer 4"},
            {},
            id="the accepted answer alone",
        ),
        pytest.param(
            ("min_question_score=0",),
            {"2": None},
            {f"documents.dropped.{Reason.STACKEXCHANGE_LOW_SCORE}": 1},
            id="least score of questions",
        ),
        pytest.param(
            ("unanswered=drop",),
            {"2": None},
            {f"documents.dropped.{Reason.STACKEXCHANGE_UNANSWERED}": 1},
            id="unanswered",
        ),
        pytest.param(
            ("compat=redpajama-v1",),
            {"1": "Q: First one?\nA: answer 3\nA: answer 5\nA: answer 4"},
            {},
            id="the reference",
        ),
    ],
)
def test_switches(
    dumps: Path, tmp_path: Path, settings: tuple[str, ...], texts: dict[str, str | None], accounts: dict[str, int]
) -> None:
    output = run(dumps, tmp_path / "out", "sites=[big.example.com, big.meta.example.com]", *settings)
    found, gone = documents(output), dropped(output)
    for number, text in texts.items():
        name = f"{BIG}/{number}"
        assert found[name]["text"] == text if text else name in gone
    counts = manifest(output)["sources"]["stackexchange"]
    assert {name: counts.get(name) for name in accounts} == accounts
    assert counts["documents.in"] == counts["documents.kept"] + len(gone)


def test_two_dumps_of_a_site_count_once(dumps: Path, tmp_path: Path) -> None:
    inputs = tmp_path / "in"
    shutil.copytree(dumps, inputs)
    folder = inputs / "stackexchange"
    for site in (SMALL, "tiny.example.com"):
        with py7zr.SevenZipFile(folder / f"{site}.7z", "w") as archive:
            archive.write(folder / SMALL / "Posts.xml", "Posts.xml")
    output = run(inputs, tmp_path / "out", "largest=2")
    sites = json.loads((output / "models/stackexchange/sites.json").read_text())
    assert sites == {"kept": [BIG, META], "posts": {BIG: 88, META: 3, SMALL: 2, "tiny.example.com": 2}}
    assert f"{SMALL}/1" in dropped(output)


def test_a_share_of_the_questions(dumps: Path, made: Path, tmp_path: Path) -> None:
    output = run(dumps, tmp_path / "out", "largest=2", more=("--limit", "0.5"))
    found, whole = documents(output), documents(made)
    assert 5 < len(found) < 40
    assert all(one["text"] == whole[name]["text"] for name, one in found.items()), "with all of their answers"


def test_sites_by_name_and_without_those_about_others(dumps: Path, tmp_path: Path) -> None:
    named = run(dumps, tmp_path / "named", f"sites=[{SMALL.title()}]")
    assert set(documents(named)) == {f"{SMALL}/1"}
    assert not dropped(named), "the others are not read"
    without = run(dumps, tmp_path / "without", "meta_sites=drop")
    assert {name.partition("/")[0] for name in documents(without)} == {BIG, SMALL}
    said = [word for one in (*ALL, "sites=[smal.example.com]") for word in ("--set", f"sources.stackexchange.{one}")]
    arguments = run_arguments(dumps, tmp_path / "wrong", 1, *said)
    failed = corpusmill(*arguments[:2], "stackexchange", *arguments[2:], expect=2)
    assert "no dump of smal.example.com. Expected a file as in smal.example.com.7z" in failed.stderr


def test_why(dumps: Path, made: Path, tmp_path: Path) -> None:
    [kept] = fates(str(made), f"https://{BIG}/questions/1/the-first?tab=votes", str(dumps))
    assert (kept.outcome, [step.step for step in kept.steps][-1]) == ("kept", "drop empty threads")
    fewer = run(dumps, tmp_path / "fewer", "largest=2", "max_answers=1")
    [cut] = fates(str(fewer), f"https://{BIG}/q/1", str(dumps))
    assert {step.step: step.detail for step in cut.steps}["keep the best answers"] == (
        "2 answers gone for stackexchange.further_answer"
    )
    [gone] = fates(str(made), f"stackexchange:{BIG}/6", str(dumps))
    assert [(step.step, step.outcome) for step in gone.steps][-1] == ("keep questions", "stackexchange.no_question")


@pytest.mark.parametrize("ending", ["posts", "index"])
def test_damaged_parts_are_made_again(dumps: Path, made: Path, tmp_path: Path, ending: str) -> None:
    output = tmp_path / "out"
    shutil.copytree(made, output)
    path = output / f"work/posts/stackexchange/{BIG}--Posts-00000.{ending}"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    for receipt in (output / "work/receipts/stackexchange/extract").glob(f"{BIG}*"):
        receipt.unlink()
    run(dumps, output, "largest=2", "slice_mb=0.003", expect=1)
    run(dumps, output, "largest=2", "slice_mb=0.003")
    assert digests(output) == digests(made)


def test_damage_is_accounted_for_where_it_stands(tmp_path: Path) -> None:
    rows = [
        row(1, "<p>fine</p>", Title="T"),
        answer(2, 1).replace("Score=", "Score=\x01"),
        '<row Id="3" PostTypeId="1" Body="a < b" />',
        answer(4, 3),
        answer(5, 1, "many"),
        answer(6, 1),
        answer(6, 1, 3, LastEditDate="2015-01-01"),
        row(7, "a&#x1;b".replace("&", "\x07"), Title="U"),
        row(8, "x" * (2 << 20), Title="V"),
        row(1, "<p>newer</p>", Title="T", LastEditDate="2014-01-01"),
        row(-9, "<p>no</p>"),
        answer(10, -1),
        row(11, "&#" + "9" * 5000 + ";", Title="W"),
    ]
    inputs = write(tmp_path / "in", {BIG: rows})
    output = run(inputs, tmp_path / "out", "max_post_mb=1", expect=4)
    assert {one["error"]: one["offset"] > 0 for one in pq.read_table(output / "errors/stackexchange").to_pylist()} == {
        **dict.fromkeys(("bad_xml", "bad_value", "bad_character", "repeated", "too_long"), True)
    }
    found = documents(output)
    assert found[f"{BIG}/1"]["text"] == "Q: T\n\nnewer\n\nA: answer 6\n\nA: answer 2"
    assert found[f"{BIG}/1"]["answers"][0] == {"id": 6, "score": 3, "license": "CC BY-SA 3.0"}
    assert found[f"{BIG}/7"]["text"].startswith("Q: U\n\na")
    assert dropped(output) == {f"{BIG}/4": Reason.STACKEXCHANGE_NO_QUESTION}


@pytest.mark.skipif(not (SHARED / "data/stackexchange").exists(), reason="the shared samples are not here")
def test_real_dumps(tmp_path: Path) -> None:
    output = run(SHARED / "data", tmp_path / "out", "inputs=[stackexchange/*.7z]")
    counts = manifest(output)["sources"]["stackexchange"]
    assert (counts["documents.kept"], counts["documents.dropped.stackexchange.other_post"]) == (2036, 431)
    tags = re.compile(r"</?(?:p|ul|ol|li|a|em|strong|pre|code|br|blockquote)\b[^<>]*>|&(?:amp|lt|gt|quot);")
    found = {name: tags.findall(one["text"]) for name, one in documents(output).items()}
    # Posts that speak of HTML show it.
    assert sum(map(bool, found.values())) <= 12, {name: said for name, said in found.items() if said}
