"""The tables files, licenses and contents apart: whatever the cut and the order, each content finds the same place."""

from __future__ import annotations

import gzip
import io
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.errors import SourceError
from corpusmill.formats import github_places
from corpusmill.formats.github import FileRow
from corpusmill.formats.github_places import (
    FilesIndex,
    Licenses,
    Place,
    build_part,
    choice_of,
    index_names,
    partition_places,
    prefer,
    read_contents,
    read_licenses,
)
from corpusmill.formats.tables import open_table
from corpusmill.records import Damage
from running import SHARED

TABLES = SHARED / "data" / "github" / "bigquery_tables"
LICENSES = {"a/a": "mit", "b/b": "gpl-3.0", "c/c": "apache-2.0"}
RANK = prefer(lambda licence: licence in ("mit", "apache-2.0"))


def jsonl(rows: list[dict[str, Any]]) -> io.BytesIO:
    return io.BytesIO(b"".join(json.dumps(row).encode() + b"\n" for row in rows))


def build(folder: Path, tables: list[io.BytesIO], licenses: Licenses, n_parts: int) -> tuple[FilesIndex, list[Damage]]:
    """All passes, as phases would run them."""
    folder.mkdir(parents=True, exist_ok=True)
    urls, damages = [], []
    for number, table in enumerate(tables):
        urls.append(str(folder / f"{number}.parquet"))
        with Path(urls[-1]).open("wb") as file:
            rows = open_table(table).rows(["id", "repo_name", "path", "ref", "symlink_target"])
            damages += partition_places(rows, licenses, RANK, n_parts, file)
    for part in range(n_parts):
        index, places = (folder / "index" / name for name in index_names(part, n_parts))
        index.parent.mkdir(exist_ok=True)
        with index.open("wb") as one, places.open("wb") as other:
            build_part(urls, part, one, other)
    return FilesIndex(str(folder / "index")), damages


def file(id_: str, repo: str, path: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "repo_name": repo, "path": path, "ref": "refs/heads/main", **more}


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        pytest.param([("b/b", "x.c"), ("a/a", "y.c")], {("a/a", "y.c")}, id="permitted-before-others"),
        pytest.param([("b/b", "x.c"), ("d/d", "y.c")], {("d/d", "y.c")}, id="unknown-before-others"),
        pytest.param([("c/c", "x.c"), ("d/d", "y.c")], {("c/c", "x.c")}, id="permitted-before-unknown"),
        pytest.param([("b/b", "x.c")], {("b/b", "x.c")}, id="the-only-one"),
        pytest.param(
            [("d/d", "LICENSE"), ("e/e", "COPYING.txt"), ("a/a", "LICENSE")],
            {("d/d", "LICENSE"), ("e/e", "COPYING.txt"), ("a/a", "LICENSE")},
            id="licence-files-tell-of-each",
        ),
        pytest.param([("d/d", "sub/LICENSE"), ("a/a", "x")], {("a/a", "x")}, id="licence-file-not-at-the-root"),
    ],
)
def test_which_places_stay(places: list[tuple[str, str]], expected: set[tuple[str, str]], tmp_path: Path) -> None:
    rows = [file("1" * 40, repo, path) for repo, path in places]
    index, _ = build(tmp_path, [jsonl(rows)], Licenses.build(LICENSES.items()), 2)
    assert {(place.repo, place.path) for place in index.lookup("1" * 40)} == expected


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "3", "4", "5"]),
        st.sampled_from([*LICENSES, "d/d", "e/e"]),
        st.sampled_from(["LICENSE", "a.c", "ä\n\t.c", "src/b.c"]),
    ),
    max_size=40,
)


@given(ROWS, st.integers(1, 4), st.sampled_from([1, 3, 8]), st.integers(1, 7))
@settings(max_examples=60, deadline=None)
def test_the_cut_and_the_order_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], n_files: int, n_parts: int, batch: int
) -> None:
    folder = tmp_path_factory.mktemp("places")
    expected = defaultdict(dict)
    for id_, repo, path in rows:
        licence = LICENSES.get(repo)
        group = repo if licence is None and path == "LICENSE" else ""
        choice = choice_of(repo, path, RANK(licence))
        if group not in expected[id_] or choice < expected[id_][group][0]:
            expected[id_][group] = choice, Place(repo, path, "refs/heads/main", licence, "")
    tables = [jsonl([file(*row) for row in rows[number::n_files]]) for number in range(n_files)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(github_places, "_BATCH_ROWS", batch)
        patch.setattr(github_places, "_RUN_ROWS", 2 * batch)
        index, damages = build(folder, tables, Licenses.build(LICENSES.items()), n_parts)
    assert {damage.error for damage in damages} <= {"empty_file"}  # a table without rows
    for id_ in "123456":
        found = sorted(index.lookup(id_), key=str)
        assert found == sorted((place for _, place in expected[id_].values()), key=str)


def test_contents_with_the_same_hash_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_places, "_hash", lambda text: len(text))
    rows = [file(f"{number}", "a/a", f"{number}.c") for number in range(10, 20)]
    index, _ = build(tmp_path, [jsonl(rows)], Licenses.build(LICENSES.items()), 2)
    assert [place.path for place in index.lookup("13")] == ["13.c"] and not index.lookup("20")


def test_same_bytes_in_any_order(tmp_path: Path) -> None:
    rows = [file(f"{number % 50}", f"{'abcdef'[number % 6]}/x", f"{number}.c") for number in range(600)]
    shuffled = random.Random(0).sample(rows, len(rows))
    build(tmp_path / "a", [jsonl(rows)], Licenses.build(LICENSES.items()), 4)
    build(tmp_path / "b", [jsonl(shuffled[:100]), jsonl(shuffled[100:])], Licenses.build(LICENSES.items()), 4)
    one, other = ({p.name: p.read_bytes() for p in (tmp_path / x / "index").iterdir()} for x in "ab")
    assert one == other and len(one) == 8


def test_damaged_rows(tmp_path: Path) -> None:
    rows = [file("1", "a/a", "a.c"), {"id": "2"}, file("3", "a/a", ""), file("4", "a/a", "\ud800"), {"path": 7}]
    table = jsonl(rows[:3] + rows[4:])
    _, damages = build(tmp_path, [table], Licenses.build([]), 1)
    assert [damage.error for damage in damages] == ["bad_row"] * 3
    assert [damage.detail for damage in damages] == ["line 2: no repo_name", "line 3: no path", "line 4: no id"]


@given(st.dictionaries(st.text(max_size=8), st.sampled_from(["mit", "isc", "gpl-2.0"]), max_size=30), st.randoms())
@settings(max_examples=60, deadline=None)
def test_licenses(tmp_path_factory: pytest.TempPathFactory, given_: dict[str, str], random_: random.Random) -> None:
    pairs = random_.sample([*given_.items()], len(given_))
    asked, licenses = [*given_, "not/there"], Licenses.build(pairs)
    assert licenses.of(asked) == [given_.get(repo) for repo in asked]
    path = tmp_path_factory.mktemp("licenses") / "licenses.parquet"
    with path.open("wb") as file:
        licenses.save(file)
    assert Licenses.load(str(path)).of(asked) == licenses.of(asked)


def test_reading_licenses() -> None:
    table = jsonl([{"repo_name": "a/a", "license": "mit"}, {"repo_name": "b/b"}, {"license": "mit"}])
    found = list(read_licenses(table))
    assert found[0] == ("a/a", "mit") and [damage.detail for damage in found[1:]] == [
        "line 2: no license",
        "line 3: no repo_name",
    ]


def test_a_content_without_a_place(tmp_path: Path) -> None:
    index, _ = build(tmp_path, [jsonl([file("1", "a/a", "a.c", symlink_target="b.c")])], Licenses.build([]), 1)
    contents = jsonl([{"id": "1", "content": "b.c"}, {"id": "2", "content": "y"}, {"content": "z"}])
    found = list(read_contents(open_table(contents), index))
    assert [each.absent if isinstance(each, FileRow) else each.error for each in found] == [
        "link",
        "no_place",
        "bad_row",
    ]


def test_an_index_that_is_not_whole(tmp_path: Path) -> None:
    build(tmp_path, [jsonl([])], Licenses.build([]), 2)
    (tmp_path / "index" / index_names(1, 2)[1]).unlink()
    with pytest.raises(SourceError, match=r"1 of its files are missing, places-00001-of-00002\.json first"):
        FilesIndex(str(tmp_path / "index"))
    with pytest.raises(SourceError, match="no part of it is there"):
        FilesIndex(str(tmp_path / "nowhere"))


@pytest.mark.skipif(not TABLES.exists(), reason="needs the samples in shared/")
def test_real_tables(tmp_path: Path) -> None:
    def opened(name: str) -> io.BytesIO:
        return io.BytesIO(gzip.decompress((TABLES / f"{name}.jsonl.gz").read_bytes()))

    licenses = Licenses.build(read_licenses(opened("licenses")))
    index, damages = build(tmp_path, [opened("files")], licenses, 8)
    found = list(read_contents(open_table(opened("contents")), index))
    files = [json.loads(line) for line in opened("files")]
    known = dict(read_licenses(opened("licenses")))
    places = {(row["id"], row["repo_name"], row["path"]) for row in files}
    assert not damages and len(found) == 601 == len({row["id"] for row in files})
    for row in found:
        assert isinstance(row, FileRow) and (row.id, row.repo, row.path) in places
        assert row.license == known[row.repo]
