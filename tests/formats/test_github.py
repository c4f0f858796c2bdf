"""Exports of repositories' files: the same rows from every format, and what is wrong with others."""

import dataclasses
import gzip
import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.errors import SourceError
from corpusmill.formats.columns import GithubColumns
from corpusmill.formats.github import FileRow, blob_id, kind_of, read_rows, row_ranges
from corpusmill.formats.tables import open_table
from corpusmill.records import Damage
from running import SHARED

GITHUB = SHARED / "data" / "github"
SCHEMA = pa.schema({
    "id": pa.string(), "repo_name": pa.string(), "ref": pa.string(), "path": pa.string(), "license": pa.string(),
    "size": pa.int64(), "binary": pa.bool_(), "content": pa.string(), "copies": pa.int64(),
    "symlink_target": pa.string(),
})  # fmt: skip
TYPES = {pa.string(): "string", pa.int64(): "long", pa.bool_(): "boolean"}
AVRO = {
    "type": "record",
    "name": "Root",
    "fields": [{"name": field.name, "type": ["null", TYPES[field.type]]} for field in SCHEMA],
}
ONE = {
    "id": "a" * 40, "repo_name": "anna/tools", "ref": "refs/heads/main", "path": "src/a.c", "license": "mit",
    "size": 7, "binary": False, "content": "int ä;", "copies": 3, "symlink_target": None,
}  # fmt: skip


def row(**changes: Any) -> dict[str, Any]:
    return ONE | changes


def parquet(rows: list[dict[str, Any]]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), stream, compression="zstd")
    return stream.getvalue()


def avro(rows: list[dict[str, Any]]) -> bytes:
    stream = io.BytesIO()
    fastavro.writer(stream, AVRO, rows, codec="deflate")
    return stream.getvalue()


def jsonl(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in rows)


def as_bigquery(rows: list[dict[str, Any]]) -> bytes:
    """JSON as BigQuery writes it: numbers as strings, no nulls, < > and & as escapes."""
    cleaned = [
        {key: str(value) if type(value) is int else value for key, value in each.items() if value is not None}
        for each in rows
    ]
    return b"".join(
        json.dumps(each).replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026").encode() + b"\n"
        for each in cleaned
    )


FORMATS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "parquet": parquet,
    "avro": avro,
    "jsonl": jsonl,
    "jsonl.gz": lambda rows: gzip.compress(jsonl(rows)),
    "bigquery.gz": lambda rows: b"".join(gzip.compress(as_bigquery([each])) for each in rows),
}


def read(data: bytes, **options: Any) -> list[FileRow | Damage]:
    return list(read_rows(io.BytesIO(data), **options))


def brief(found: list[FileRow | Damage]) -> list[str]:
    return [item.error if isinstance(item, Damage) else item.path for item in found]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_row_of_each_format(kind: str) -> None:
    expected = FileRow(0, "a" * 40, "anna/tools", "src/a.c", "mit", "int ä;", 7, 3, "refs/heads/main")
    [found] = read(FORMATS[kind]([ONE]))
    assert dataclasses.replace(found, offset=0) == expected


OPTIONAL_TEXT = st.none() | st.text(max_size=20)
ROWS = st.lists(
    st.fixed_dictionaries({
        "id": OPTIONAL_TEXT, "repo_name": OPTIONAL_TEXT, "ref": OPTIONAL_TEXT, "path": st.text(min_size=1, max_size=20),
        "license": OPTIONAL_TEXT, "size": st.none() | st.integers(0, 2**62), "binary": st.none() | st.booleans(),
        "content": st.none() | st.text(max_size=200), "copies": st.none() | st.integers(0, 2**40),
        "symlink_target": OPTIONAL_TEXT,
    }),
    min_size=1,
    max_size=9,
)  # fmt: skip


@given(ROWS)
@settings(max_examples=100, deadline=None)
def test_every_format_gives_the_same_rows(rows: list[dict[str, Any]]) -> None:
    found = {
        kind: [dataclasses.replace(each, offset=0) for each in read(write(rows))] for kind, write in FORMATS.items()
    }
    assert found["parquet"] == found["avro"] == found["jsonl"] == found["jsonl.gz"] == found["bigquery.gz"]
    for each, given_ in zip(found["avro"], rows, strict=True):
        assert (each.path, each.license) == (given_["path"], given_["license"] or None)
        assert each.content == (None if each.absent else given_["content"])


@pytest.mark.parametrize("kind", ["parquet", "avro", "jsonl"])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"binary": True}, {"content": None, "absent": "binary"}, id="binary"),
        pytest.param({"content": None}, {"content": None, "absent": "left out"}, id="left-out"),
        pytest.param({"symlink_target": "../b.c"}, {"content": None, "absent": "link"}, id="link"),
        pytest.param({"symlink_target": ""}, {"content": "int ä;", "absent": ""}, id="no-link"),
        pytest.param({"content": ""}, {"content": "", "absent": ""}, id="empty-text"),
        pytest.param({"content": "a\0b"}, {"content": "a\0b"}, id="nul"),
        pytest.param({"license": None}, {"license": None}, id="no-licence"),
        pytest.param({"license": ""}, {"license": None}, id="empty-licence"),
        pytest.param({"size": None}, {"size": 7}, id="size-is-counted"),
        pytest.param({"size": None, "content": None}, {"size": None}, id="no-size"),
        pytest.param({"copies": None}, {"copies": 1}, id="no-copies"),
        pytest.param({"id": None}, {"id": blob_id("int ä;".encode())}, id="id-is-computed"),
        pytest.param({"id": None, "content": None}, {"id": ""}, id="no-id"),
        pytest.param({"repo_name": None, "ref": None}, {"repo": "", "ref": ""}, id="no-repository"),
    ],
)
def test_values(kind: str, changes: dict[str, Any], expected: dict[str, Any]) -> None:
    [found] = read(FORMATS[kind]([row(**changes)]))
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        pytest.param({"size": "12", "copies": "3", "binary": "false"}, "src/a.c", id="strings"),
        pytest.param({"binary": "TRUE"}, "src/a.c", id="true-as-a-string"),
        pytest.param({"size": 12.0}, "src/a.c", id="float"),
        pytest.param({"repo_name": ["a/b", "c/d"], "license": ["mit"]}, "src/a.c", id="lists"),
        pytest.param({"repo_name": [], "license": []}, "src/a.c", id="empty-lists"),
        pytest.param({"content": 12}, "bad_row", id="content-is-a-number"),
        pytest.param({"content": ["a"]}, "bad_row", id="content-is-a-list"),
        pytest.param({"path": None}, "bad_row", id="no-path"),
        pytest.param({"path": ""}, "bad_row", id="empty-path"),
        pytest.param({"path": {"a": 1}}, "bad_row", id="path-is-an-object"),
        pytest.param({"size": "many"}, "bad_row", id="size-is-a-word"),
        pytest.param({"size": -1}, "bad_row", id="size-below-zero"),
        pytest.param({"size": True}, "bad_row", id="size-is-true"),
        pytest.param({"size": float("nan")}, "bad_row", id="size-is-no-number"),
        pytest.param({"size": float("inf")}, "bad_row", id="size-is-endless"),
        pytest.param({"size": "9" * 30}, "bad_row", id="size-beyond-all"),
        pytest.param({"size": "²"}, "bad_row", id="size-is-a-superscript"),
        pytest.param({"binary": "perhaps"}, "bad_row", id="binary-is-a-word"),
        pytest.param({"binary": 7}, "bad_row", id="binary-is-a-number"),
        pytest.param({"license": ["mit", "gpl-3.0"]}, "bad_row", id="two-licences"),
        pytest.param({"license": 3}, "bad_row", id="licence-is-a-number"),
        pytest.param({"repo_name": [7]}, "bad_row", id="repository-is-a-number"),
        pytest.param({"content": "x" * 1001}, "too_long", id="long"),
        pytest.param({"content": "ä" * 501}, "too_long", id="long-in-bytes"),
        pytest.param({"content": "ä" * 500}, "src/a.c", id="just-not-long"),
        pytest.param({"content": "x" * 3_000_000}, "too_long", id="long-line"),
    ],
)
def test_json_rows(changes: dict[str, Any], word: str) -> None:
    found = read(jsonl([row(path="0"), row(**changes), row(path="2")]), max_file_bytes=1000)
    assert brief(found) == ["0", word, "2"]
    if word != "src/a.c":
        assert found[1].offset == len(jsonl([row(path="0")])) and found[1].detail.startswith("line 2: ")


@pytest.mark.parametrize("kind", ["parquet", "avro", "jsonl"])
def test_text_that_is_no_utf8(kind: str) -> None:
    data = FORMATS[kind]([row(path="0"), row(content="caf€", path="1"), row(path="2")])
    if kind == "avro":
        stream = io.BytesIO()
        fastavro.writer(stream, AVRO, [row(path="0"), row(content="caf€", path="1"), row(path="2")])
        data = stream.getvalue()
    if kind == "parquet":
        stream = io.BytesIO()
        table = pa.Table.from_pylist([row(path="0"), row(content="caf€", path="1"), row(path="2")], SCHEMA)
        pq.write_table(table, stream, compression="none", use_dictionary=False)
        data = stream.getvalue()
    broken = data.replace("caf€".encode(), b"caf\xe9\xff\xff")
    assert broken != data and brief(read(broken)) == ["0", "bad_utf8", "2"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", ["empty_file"], id="empty"),
        pytest.param(b"\n", [], id="blank"),
        pytest.param(gzip.compress(b""), ["empty_file"], id="nothing-packed"),
        pytest.param(b"path,content\na.c,int\n", ["bad_json", "bad_json"], id="csv"),
        pytest.param(parquet([ONE])[:-6], ["truncated"], id="parquet-cut-off"),
        pytest.param(avro([ONE])[:-6], ["truncated"], id="avro-cut-off"),
        pytest.param(gzip.compress(jsonl([ONE]), mtime=0)[:-12], ["truncated"], id="gzip-cut-off"),
        pytest.param(jsonl([ONE, ONE])[:-9], ["src/a.c", "truncated"], id="jsonl-cut-off"),
        pytest.param(jsonl([ONE]) + b'{"path": \n' + jsonl([ONE]), ["src/a.c", "bad_json", "src/a.c"], id="broken"),
        pytest.param(
            gzip.compress(jsonl([ONE])) + gzip.compress(jsonl([ONE]))[:40] + gzip.compress(jsonl([ONE])),
            ["src/a.c", "bad_gzip", "src/a.c"],
            id="good-members-around-a-bad-one",
        ),
    ],
)
def test_damaged_files(data: bytes, expected: list[str]) -> None:
    assert brief(read(data)) == expected
    assert row_ranges(io.BytesIO(data)) == [(0, len(data))]


def test_the_name_of_a_file_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "export.parquet"
    path.write_bytes(jsonl([ONE]))
    with path.open("rb") as file:
        assert row_ranges(file) == [(0, path.stat().st_size)] and brief(list(read_rows(file))) == ["src/a.c"]


@pytest.mark.parametrize("kind", FORMATS)
def test_columns_by_other_names(kind: str) -> None:
    names = {"path": "max_path", "content": "text"}
    rows = [{names.get(key, key): value for key, value in ONE.items()}]
    data = renamed(kind, rows)
    assert brief(read(data, columns=GithubColumns(path="max_path", content="text"))) == ["src/a.c"]
    with pytest.raises(SourceError, match=r"mine\.x: expected a column for path \(path\) and for content \(content\)"):
        row_ranges(io.BytesIO(data), name="mine.x")
    with pytest.raises(SourceError, match=r"got .*max_path.*--set sources\.github\.columns\.content=…"):
        row_ranges(io.BytesIO(data), columns=GithubColumns(path="max_path"))
    if kind in ("parquet", "avro"):
        assert brief(read(data)) == ["no_column"]


def renamed(kind: str, rows: list[dict[str, Any]]) -> bytes:
    if kind == "parquet":
        stream = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), stream)
        return stream.getvalue()
    if kind == "avro":
        stream = io.BytesIO()
        fields = [{"name": key, "type": ["null", "string", "long", "boolean"]} for key in rows[0]]
        fastavro.writer(stream, {"type": "record", "name": "r", "fields": fields}, rows)
        return stream.getvalue()
    return FORMATS[kind](rows)


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        pytest.param(ONE, "", id="joined"),
        pytest.param({"id": "1", "content": "x", "size": 1, "binary": False, "copies": 1}, "contents", id="contents"),
        pytest.param({"id": "1", "repo_name": "a/b", "path": "x", "ref": "r", "mode": 1}, "files", id="files"),
        pytest.param({"repo_name": "a/b", "license": "mit"}, "licenses", id="licenses"),
        pytest.param({key: ONE[key] for key in ONE if key != "content"}, "", id="joined-without-a-text"),
        pytest.param({"path": "a.c", "content": "x"}, "", id="joined-with-little"),
        pytest.param({"word": 1}, "", id="something-else"),
    ],
)
@pytest.mark.parametrize("format_", ["parquet", "avro", "jsonl"])
def test_kinds_of_tables(format_: str, row: dict[str, Any], kind: str) -> None:
    assert kind_of(open_table(io.BytesIO(renamed(format_, [row])))) == kind


def test_columns_that_may_lack() -> None:
    few = [{"path": "a.c", "content": "int a;"}]
    for kind in ("parquet", "avro", "jsonl"):
        [found] = read(renamed(kind, few))
        assert dataclasses.replace(found, offset=0) == FileRow(
            0, blob_id(b"int a;"), "", "a.c", None, "int a;", 6, 1, ""
        )
        assert len(row_ranges(io.BytesIO(renamed(kind, few)))) == 1


def test_json_that_leaves_out_the_null_content_of_binary_files() -> None:
    data = as_bigquery([row(content=None, binary=True)] * 3)
    assert row_ranges(io.BytesIO(data)) == [(0, len(data))]
    assert [each.absent for each in read(data)] == ["binary"] * 3


def test_ranges_of_a_parquet_file_are_read_apart() -> None:
    stream = io.BytesIO()
    rows = [row(path=str(number)) for number in range(50)]
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), stream, row_group_size=7)
    ranges = row_ranges(stream, slice_bytes=1)
    assert len(ranges) == 8
    found = [each for start, stop in ranges for each in read_rows(stream, start, stop)]
    assert brief(found) == [str(number) for number in range(50)] and [each.offset for each in found] == [*range(50)]


@pytest.mark.skipif(not GITHUB.exists(), reason="needs the samples in shared/")
def test_real_files() -> None:
    found: list[FileRow | Damage] = []
    for path in sorted((GITHUB / "joined").iterdir()):
        with path.open("rb") as file:
            for start, stop in row_ranges(file):
                found += read_rows(file, start, stop)
    rows = [each for each in found if isinstance(each, FileRow)]
    assert len(rows) == len(found) == 3050
    licenses = {"mit": 1603, "apache-2.0": 577, "bsd-3-clause": 633, "gpl-3.0": 230, "isc": 7}
    assert Counter(each.license for each in rows) == licenses
    assert Counter(each.absent for each in rows) == {"": 3010, "binary": 40}
    whole = [each for each in rows if each.content is not None and each.size == len(each.content.encode())]
    assert len(whole) == 2999  # the other 11 were no UTF-8 in their repositories
    assert all(each.id == blob_id(each.content.encode()) for each in whole)
