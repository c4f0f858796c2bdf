"""The generated dumps of Stack Exchange: the same from a seed, in every form, the damage, what comes out of them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpusmill.filters.html import to_text
from corpusmill.formats.stackexchange import Post, Row, cut_rows, parse_post, site_of
from corpusmill.records import Damage, Reason
from corpusmill.samples import stackexchange as sample
from corpusmill.samples.stackexchange import (
    BROKEN_ROWS,
    DAMAGE,
    LARGE,
    SITES,
    SMALL,
    TRUNCATED_GZIP,
    USERS,
    rows_of,
    threads,
    write,
)
from corpusmill.samples.stackexchange_posts import KINDS, Author, Thread
from running import contents, corpusmill, digests, manifest, run_arguments, written_elsewhere

SCALE = 0.3
MAX_ROW_BYTES = 1 << 20  # as in the recipe
OTHERS = len(sample.OTHER_KINDS)


def cut(path: Path) -> tuple[list[Row], list[Damage]]:
    found: list[Row | Damage] = []
    with path.open("rb") as file:
        cut_rows(file, found.extend, MAX_ROW_BYTES)
    return [one for one in found if isinstance(one, Row)], [one for one in found if isinstance(one, Damage)]


def read(path: Path) -> tuple[list[Post], Counter[str]]:
    """The posts of a dump, and its damage, but for what shows itself when questions are put together."""
    rows, damaged = cut(path)
    posts = []
    for row in rows:
        parsed = parse_post(row.data, row.offset)
        if isinstance(parsed, Damage):
            damaged.append(parsed)
            continue
        posts.append(parsed[0])
        damaged += filter(None, parsed[1:])
    return posts, Counter(one.error for one in damaged)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    write(folder, 0, SCALE)
    return folder


@pytest.fixture(scope="module")
def files(inputs: Path) -> dict[str, Path]:
    root = inputs / "stackexchange"
    return {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over the sample. Do not change it."""
    output = tmp_path_factory.mktemp("run")
    corpusmill(*only_stackexchange(inputs, output), expect=4)
    return output


def only_stackexchange(inputs: Path, output: Path, *more: object) -> list[str]:
    arguments = run_arguments(inputs, output, 1, *more)
    return [*arguments[:2], "stackexchange", *arguments[2:]]


def documents(output: Path) -> dict[str, dict]:
    found = pq.read_table(output / "documents/stackexchange").to_pylist()
    return {row["id"]: {**row, **json.loads(row["meta"])} for row in found}


def meant(name: str) -> dict[str, Thread]:
    """What should come out of a dump, by the ids of documents."""
    found = threads(name, 0, SCALE)
    found = sample.edited(found) if name == BROKEN_ROWS else found
    return {f"stackexchange:{sample.site_of(name)}/{one.question.id}": one for one in found}


# ---- the files -------------------------------------------------------------------------------------------------------


def test_same_seed_same_bytes_in_another_process(tmp_path: Path) -> None:
    there = written_elsewhere("stackexchange", tmp_path / "a", 3, 0.1)
    written = write(tmp_path / "b", 3, 0.1)
    here = contents(tmp_path / "b")
    assert there == here and len(here) == len(written)


def test_another_seed_changes_every_dump(files: dict[str, Path], tmp_path: Path) -> None:
    other = write(tmp_path, 1, SCALE)
    same = {str(p.relative_to(tmp_path / "stackexchange")) for p in other
            if p.read_bytes() == files[str(p.relative_to(tmp_path / "stackexchange"))].read_bytes()}  # fmt: skip
    assert same == {sample.EMPTY, sample.NO_POSTS, USERS}


@pytest.mark.parametrize("scale", [SCALE, 0.01])
def test_damage_is_what_is_said_and_nowhere_else(scale: float, files: dict[str, Path], tmp_path: Path) -> None:
    if scale != SCALE:
        files = {str(path.relative_to(tmp_path / "stackexchange")): path for path in write(tmp_path, 0, scale)}
    found = {name: errors for name, path in files.items() if name != USERS and (errors := read(path)[1])}
    expected = {name: Counter(errors) for name, errors in DAMAGE.items()}
    del expected[BROKEN_ROWS]["repeated"]
    assert found == expected


@pytest.mark.parametrize("name", [*SITES])
def test_rows_come_back_as_they_were_written(name: str, files: dict[str, Path]) -> None:
    written = [row.strip() for row in rows_of(name, 0, SCALE)]
    assert [row.data for row in cut(files[name])[0]] == written
    assert site_of(f"stackexchange/{name}") == sample.site_of(name)


def test_each_form_of_dumps_is_there(files: dict[str, Path]) -> None:
    heads = {name: path.read_bytes()[:6] for name, path in files.items()}
    assert heads[sample.FOLDER].startswith(b"\xef\xbb\xbf<?x") and heads[sample.GZIP].startswith(b"\x1f\x8b")
    assert heads[sample.UTF16].startswith(b"\xff\xfe") and heads[LARGE].startswith(b"7z")
    posts = [post for name in SITES for post in read(files[name])[0]]
    assert {post.license for post in posts} == {"", "CC BY-SA 2.5", "CC BY-SA 3.0", "CC BY-SA 4.0"}
    for name in (LARGE, sample.SOLID):  # |a|b| and <a><b>
        tags = {tag for post in read(files[name])[0] for tag in post.tags}
        assert len(tags) > 5 and not [tag for tag in tags if {*tag} & {*"<>|"}]
    assert site_of(f"stackexchange/{USERS}") is None


def test_answers_stand_before_their_questions_and_without_one(files: dict[str, Path]) -> None:
    for name in SITES:
        posts, _ = read(files[name])
        questions = {post.id for post in posts if post.kind == "question"}
        answers = [post for post in posts if post.kind == "answer" and post.question in questions]
        assert sum(post.kind == "answer" for post in posts) == len(answers) + 1
        assert any(post.id < post.question for post in answers) == (name not in SMALL)
        assert [post.id for post in posts] == sorted({post.id for post in posts})
        dates = [post.created for post in answers if post.id > post.question]
        assert dates == sorted(dates)


def test_scale_multiplies_questions_of_good_sites() -> None:
    for name in (*SITES, *DAMAGE.keys() & {BROKEN_ROWS, TRUNCATED_GZIP}):
        once, twice = (len(threads(name, 0, scale)) for scale in (1.0, 2.0))
        assert twice == (2 * once if name in SITES and name not in SMALL else once)
    sizes = {name: len(rows_of(name, 0, 0.01)) for name in (*SITES, BROKEN_ROWS)}
    assert max(sizes.pop(name) for name in SMALL) < 20 < min(sizes.values())


# ---- posts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", ["programming", "joinery", "numbers", "heimatkunde"])
@pytest.mark.parametrize("kind", [*KINDS])
def test_each_piece_reads_as_it_is_meant(kind: str, topic: str) -> None:
    for number in range(20):
        piece = KINDS[kind](Author(0, "site.example", topic, number))
        assert to_text(piece.html) == piece.text
        assert "⟨" not in piece.html and (piece.text or kind == "picture")


def test_scores_and_accepted_answers_are_of_every_sort() -> None:
    found = threads(LARGE, 0, 1.0)
    assert {len(one.answers) for one in found} >= {0, 1, 2, 3, 12}
    by_number, by_text = (
        [sorted((answer.score for answer in one.answers), key=key, reverse=True) for one in found] for key in (int, str)
    )
    assert by_number != by_text and any(len({*scores}) < len(scores) for scores in by_number)
    accepted = [(one, answer) for one in found for answer in one.answers if answer.id == one.question.accepted]
    best = [answer.score == max(other.score for other in one.answers) for one, answer in accepted]
    assert {*best} == {True, False} and len(accepted) < len(found)


# ---- a run -----------------------------------------------------------------------------------------------------------


def test_questions_come_out_as_they_are_meant(made: Path) -> None:
    kept = documents(made)
    expected = {key: one for name in [*SITES, BROKEN_ROWS] if name not in SMALL for key, one in meant(name).items()}
    cut_off = {key: one for key, one in meant(TRUNCATED_GZIP).items() if key in kept}
    assert set(kept) == {*expected, *cut_off} and len(cut_off) > 2
    for key, one in expected.items():
        assert kept[key]["text"] == one.text()
        assert kept[key]["edited"] == max(post.edited or post.created for post in (one.question, *one.answers))
        assert (kept[key]["score"], kept[key]["accepted"]) == (one.question.score, one.question.accepted)
        assert kept[key]["tags"] == [*one.question.tags]
    whole = [kept[key]["text"] == one.text() for key, one in cut_off.items()]
    assert whole.count(False) <= 1, "only the last question is without some of its answers"


def test_licences_are_those_that_dumps_name_or_of_the_day(made: Path) -> None:
    kept = documents(made)
    for name in (LARGE, sample.SOLID):
        for key, one in meant(name).items():
            post = one.question if SITES[name].newer else replace(one.question, edited="")
            assert kept[key]["license"] == sample.license_of(post)


def test_reasons_and_damage_are_counted(made: Path) -> None:
    counts = manifest(made)["sources"]["stackexchange"]
    dropped = {name: n for name, n in counts.items() if name.startswith("documents.dropped.")}
    n_small = sum(len(meant(name)) + 1 + OTHERS for name in SMALL)
    n_whole = len(SITES) - len(SMALL) + 1  # and BROKEN_ROWS; that which is cut off has lost its last posts
    assert dropped == {
        f"documents.dropped.{Reason.STACKEXCHANGE_SITE}": n_small,
        f"documents.dropped.{Reason.STACKEXCHANGE_NO_QUESTION}": n_whole,
        f"documents.dropped.{Reason.STACKEXCHANGE_OTHER_POST}": n_whole * OTHERS,
        f"documents.dropped.{Reason.EMPTY}": 1,
    }
    assert counts["documents.in"] == counts["documents.kept"] + sum(dropped.values())
    errors = Counter((row["input"].removeprefix("stackexchange/"), row["error"])
                     for row in pq.read_table(made / "errors/stackexchange").to_pylist())  # fmt: skip
    assert errors == {(name, error): n for name, each in DAMAGE.items() for error, n in each.items()}
    corpusmill("check", made)


def test_small_sites_are_not_among_the_largest(made: Path) -> None:
    sites = json.loads((made / "models/stackexchange/sites.json").read_text())
    gone = {site for site, n in sites["posts"].items() if n and site not in sites["kept"]}
    assert gone == {sample.site_of(name) for name in SMALL}
    assert sites["kept"][0] == sample.site_of(LARGE)


def test_nothing_is_written_where_a_name_leads(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a/b/c").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a/b/c")
    for path in files.values():
        cut(path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_two_workers_and_other_slices_give_the_same_documents(inputs: Path, made: Path, tmp_path: Path) -> None:
    assert len([*(made / "work/receipts/stackexchange/extract").glob("bytehaven*")]) > 1
    corpusmill(*only_stackexchange(inputs, tmp_path / "two", "--workers", "2"), expect=4)
    folders = ["documents", "dropped", "models", "errors"]
    assert digests(tmp_path / "two", folders) == digests(made, folders)
    corpusmill(*only_stackexchange(inputs, tmp_path / "one", "--set", "sources.stackexchange.slice_mb=50"), expect=4)
    assert {key: one["text"] for key, one in documents(tmp_path / "one").items()} == {
        key: one["text"] for key, one in documents(made).items()
    }
