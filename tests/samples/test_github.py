"""The generated export: the same rows from a seed, in every format; each kind of file; the damage that is meant."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpusmill.formats.github import FileRow, blob_id, read_rows, row_ranges
from corpusmill.records import Damage
from corpusmill.samples.code import LANGUAGES
from corpusmill.samples.github import (
    BROKEN_ROWS,
    DAMAGE,
    EMPTY,
    GOOD,
    ODD,
    PLAIN,
    TRUNCATED_AVRO,
    TRUNCATED_JSONL,
    TRUNCATED_PARQUET,
    VENDORED,
    rows,
    write,
)

SCALE = 0.4
ENDINGS = {
    "python": ".py", "c": ".c", "cpp": ".cpp", "java": ".java", "javascript": ".js", "go": ".go", "rust": ".rs",
    "shell": ".sh", "sql": ".sql", "html": ".html", "css": ".css", "markdown": ".md", "makefile": "Makefile",
}  # fmt: skip


def read(path: Path) -> tuple[list[FileRow], Counter[str]]:
    with path.open("rb") as file:
        found = [each for start, stop in row_ranges(file) for each in read_rows(file, start, stop)]
    return [each for each in found if isinstance(each, FileRow)], Counter(
        each.error for each in found if isinstance(each, Damage)
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {path.name: path for path in write(tmp_path_factory.mktemp("sample"), 0, SCALE)}


@pytest.fixture(scope="module")
def found(files: dict[str, Path]) -> list[FileRow]:
    """The rows of the files without damage."""
    return [row for name in GOOD for row in read(files[name])[0]]


@pytest.fixture(scope="module")
def whole() -> list[dict]:
    """At scale 1, as it is meant."""
    return rows(0, 1.0)


def test_same_seed_same_bytes_whatever_the_hash_seed(tmp_path: Path) -> None:
    code = "import sys; from corpusmill.samples.github import Path, write; write(Path(sys.argv[1]), 3, 0.3)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", code, tmp_path / "a"], check=True, env=environment, cwd=tmp_path)
    write(tmp_path / "b", 3, 0.3)
    there, here = ({p.name: p.read_bytes() for p in (tmp_path / x).rglob("*.*") if p.is_file()} for x in "ab")
    assert there == here and len(here) == 11


def test_another_seed_changes_every_file_but_the_empty_one(tmp_path: Path) -> None:
    one, other = ({p.name: p.read_bytes() for p in write(tmp_path / f"{seed}", seed, 0.3)} for seed in (0, 1))
    assert [name for name in one if one[name] == other[name]] == [EMPTY]


def test_every_row_is_read_as_it_was_written(found: list[FileRow]) -> None:
    expected = rows(0, SCALE)
    assert len(found) == len(expected)
    for row, given in zip(found, expected, strict=True):
        assert (row.id, row.repo, row.path, row.license) == tuple(
            given[name] for name in ("id", "repo_name", "path", "license")
        )
        assert row.content == (None if row.absent else given["content"])
        assert (row.size, row.copies, row.ref) == (given["size"], given["copies"], given["ref"])


def test_rows_make_sense(whole: list[dict]) -> None:
    assert 550 < len(whole) < 750 and 1_000_000 < sum(len(row["content"] or "") for row in whole) < 2_000_000
    assert len({(row["repo_name"], row["path"]) for row in whole}) == len(whole)
    copies = Counter(row["id"] for row in whole)
    for row in whole:
        assert row["copies"] == copies[row["id"]]
        if row["content"] is not None:
            assert row["id"] == blob_id(row["content"].encode()) and row["size"] == len(row["content"].encode())


def test_licences(whole: list[dict]) -> None:
    of_repositories = {row["repo_name"]: row["license"] for row in whole}
    assert set(of_repositories.values()) == {"mit", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "gpl-3.0", None}
    texts = [row["content"] for row in whole if row["path"] == "LICENSE" and row["license"] is None]
    kinds = Counter(text.split("\n")[0].split(" of ")[0] for text in texts)
    assert kinds.keys() == {"MIT License", "House rules", "SPDX-License-Identifier: Apache-2.0"}
    none = {name for name, licence in of_repositories.items() if licence is None}
    assert none - {row["repo_name"] for row in whole if row["path"] == "LICENSE"}


def test_forks_have_the_same_files_but_some(whole: list[dict]) -> None:
    by_name = defaultdict(set)
    for row in whole:
        by_name[row["repo_name"].partition("/")[2]].add(row["repo_name"])
    forks = [repositories for repositories in by_name.values() if len(repositories) == 2]
    assert len(forks) >= 7
    for one, other in forks:
        ids = [{row["path"]: row["id"] for row in whole if row["repo_name"] == repo} for repo in (one, other)]
        same = sum(ids[0][path] == ids[1][path] for path in ids[0])
        assert ids[0].keys() == ids[1].keys() and same > 0.6 * len(ids[0])
    assert any(
        {row["path"]: row["id"] for row in whole if row["repo_name"] == one}
        != {row["path"]: row["id"] for row in whole if row["repo_name"] == other}
        for one, other in forks
    )


def test_a_vendored_file_is_the_same_under_several_licences(whole: list[dict]) -> None:
    vendored = [row for row in whole if row["path"] == VENDORED]
    licences = {row["license"] for row in vendored}
    assert {"gpl-3.0", "apache-2.0", None} <= licences and max(row["copies"] for row in vendored) > 8


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language(language: str, whole: list[dict]) -> None:
    texts = [row["content"] for row in whole if row["path"].endswith(ENDINGS[language]) and row["content"]]
    assert len(set(texts)) > 10
    assert not any(re.search("[⟨⟩]", text) for text in texts)


def lines(text: str) -> list[int]:
    return [len(line) for line in text.splitlines()] or [0]


def alnum(text: str) -> float:
    return sum(map(str.isalnum, text)) / max(1, len(text))


KINDS: dict[str, Callable[[dict], bool]] = {
    "minified": lambda row: row["path"].endswith(".min.js") and len(lines(row["content"])) == 1,
    "source_map": lambda row: row["path"].endswith(".js.map"),
    "generated": lambda row: "DO NOT EDIT" in (row["content"] or "").split("\n")[0],
    "long_line": lambda row: "data:image" in (row["content"] or "") and max(lines(row["content"])) > 1000,
    "long_lines": lambda row: row["path"].endswith("_table.c"),
    "few_alnum": lambda row: len(row["content"] or "") > 200 and alnum(row["content"]) < 0.25,
    "few_letters": lambda row: row["path"].endswith("_data.c"),
    "wrong_ending": lambda row: row["path"].endswith((".csv", ".yaml", ".txt", ".svg", ".lock")),
    "json": lambda row: row["path"] == "package.json",
    "certificate": lambda row: row["path"].endswith(".crt"),
    "comments_only": lambda row: bool(re.fullmatch("(#[^\n]*\n)+", row["content"] or "")),
    "empty": lambda row: row["content"] == "",
    "binary": lambda row: row["binary"] and row["content"] is None,
    "link": lambda row: row["symlink_target"] is not None,
    "left_out": lambda row: row["content"] is None and not row["binary"] and row["size"] > 1 << 20,
    "windows": lambda row: "\r\n" in (row["content"] or ""),
    "foreign": lambda row: "🐟" in (row["content"] or "") and "\0" in row["content"],
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_odd_kind_is_there(kind: str, whole: list[dict]) -> None:
    assert 3 <= sum(KINDS[kind](row) for row in whole) <= 25


def test_every_odd_kind_is_looked_for() -> None:
    assert KINDS.keys() == ODD.keys()


def test_most_files_are_plain_code(whole: list[dict]) -> None:
    plain = [
        row["content"]
        for row in whole
        if row["path"].endswith(tuple(ENDINGS.values())) and not any(test(row) for test in KINDS.values())
    ]
    assert len(plain) > 0.7 * len(whole)
    assert all(max(lines(text)) <= 200 and alnum(text) > 0.4 for text in plain)
    headers = Counter(bool(re.search("copyright|licens", text[:400].lower())) for text in plain)
    assert headers[True] > 150 and headers[False] > 100


# ---- packing and damage ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [SCALE, 0.01])
def test_damage_is_what_is_said_and_nowhere_else(scale: float, files: dict[str, Path], tmp_path: Path) -> None:
    written = files.values() if scale == SCALE else write(tmp_path, 0, scale)
    assert {path.name: errors for path in written if (errors := dict(read(path)[1]))} == DAMAGE


def test_rows_beside_the_damage(files: dict[str, Path]) -> None:
    counts = {name: len(read(files[name])[0]) for name in files if name not in GOOD}
    assert counts[BROKEN_ROWS] == 8 and counts[PLAIN] == 12 and counts[EMPTY] == counts[TRUNCATED_PARQUET] == 0
    assert 0 < counts[TRUNCATED_JSONL] < 12 and 0 < counts[TRUNCATED_AVRO] < 12
    assert [row.absent for row in read(files[BROKEN_ROWS])[0]].count("left out") == 1


def test_how_files_are_packed(files: dict[str, Path]) -> None:
    groups = [pq.read_metadata(files[name]).num_row_groups for name in GOOD[:2]]
    assert groups[0] == 1 < groups[1]
    assert files[PLAIN].read_bytes().startswith(b"{") and files[GOOD[4]].read_bytes().startswith(b"Obj\x01")
    one = zlib.decompressobj(31)
    one.decompress(files[GOOD[2]].read_bytes())
    assert one.eof and not one.unused_data
    for name, kind in ((GOOD[2], str), (GOOD[3], int)):
        first = json.loads(gzip.decompress(files[name].read_bytes()).split(b"\n")[0])
        assert type(first["copies"]) is kind and ("symlink_target" in first) == (kind is int)


def test_scale_multiplies_rows(whole: list[dict]) -> None:
    assert len(rows(0, 2.0)) == pytest.approx(2 * len(whole), rel=0.1)
    assert len(rows(0, 0.01)) < 250
