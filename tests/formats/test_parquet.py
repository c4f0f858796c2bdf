"""Parquet files: row groups by ranges, a few rows in memory, and damage costs the rest of its row group."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.formats import parquet
from corpusmill.formats.parquet import group_ranges, open_parquet, read_parquet
from corpusmill.formats.tablerow import TableRow
from corpusmill.records import Damage

TABLE = pa.table({"n": range(40), "text": [f"text {number} " + "x" * 50 for number in range(40)]})


def written(table: pa.Table = TABLE, **options: object) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table, stream, **{"row_group_size": 10, "use_dictionary": False, **options})
    return stream.getvalue()


def read(data: bytes, names: tuple[str, ...] = ("n", "text"), start: int = 0, stop: int = 1 << 40) -> list:
    opened = open_parquet(io.BytesIO(data))
    return [opened] if isinstance(opened, Damage) else list(read_parquet(opened, names, start, stop))


def brief(found: list[TableRow | Damage]) -> list[object]:
    return [item.error if isinstance(item, Damage) else item.fields["n"] for item in found]


@pytest.mark.parametrize("batch_bytes", [1, 300, 1 << 20])
def test_rows_come_in_order_with_their_numbers(batch_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_BATCH_BYTES", batch_bytes)
    found = read(written())
    assert [item.offset for item in found] == brief(found) == list(range(40))
    assert found[7].fields == {"n": 7, "text": b"text 7 " + b"x" * 50}
    assert found[7].place == "row 7"


def test_only_the_columns_that_are_asked_for() -> None:
    assert read(written(), ("text", "other"))[0].fields.keys() == {"text"}


@pytest.mark.parametrize(
    ("slice_bytes", "expected"),
    [
        pytest.param(1, [(0, 10), (10, 20), (20, 30), (30, 40)], id="each-group"),
        pytest.param(1 << 30, [(0, 40)], id="all"),
    ],
)
def test_ranges(slice_bytes: int, expected: list[tuple[int, int]]) -> None:
    opened = open_parquet(io.BytesIO(written()))
    assert group_ranges(opened, slice_bytes) == expected
    rows = [item for start, stop in expected for item in read_parquet(opened, ["n"], start, stop)]
    assert brief(rows) == list(range(40))


def test_small_groups_go_together() -> None:
    opened = open_parquet(io.BytesIO(written(row_group_size=2)))
    sizes = [opened.metadata.row_group(group).total_byte_size for group in range(20)]
    assert max(sizes) < 1.1 * min(sizes)
    assert group_ranges(opened, 5 * max(sizes)) == [(0, 10), (10, 20), (20, 30), (30, 40)]


def test_a_file_without_rows_is_one_range() -> None:
    opened = open_parquet(io.BytesIO(written(TABLE.slice(0, 0))))
    assert group_ranges(opened, 1) == [(0, 0)] and not list(read_parquet(opened, ["n"], 0, 0))


@pytest.mark.parametrize(
    "type_",
    [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string()), pa.string_view()],
    ids=str,
)
def test_text_of_any_type_comes_as_bytes(type_: pa.DataType) -> None:
    table = pa.table({"n": [0, 1], "text": pa.array(["ä", None]).cast(type_)})
    assert [row.fields["text"] for row in read(written(table))] == ["ä".encode(), None]


def test_lists() -> None:
    table = pa.table({"n": [0, 1], "text": [["a/b", "c/d"], None]})
    assert [row.fields["text"] for row in read(written(table))] == [["a/b", "c/d"], None]


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
def test_codecs(codec: str) -> None:
    assert brief(read(written(compression=codec))) == list(range(40))


def chunk(data: bytes, group: int, column: int) -> int:
    return pq.read_metadata(io.BytesIO(data)).row_group(group).column(column).data_page_offset


@pytest.mark.parametrize("codec", ["none", "zstd", "gzip"])
@pytest.mark.parametrize("group", [0, 2, 3])
def test_a_damaged_group_costs_no_other(codec: str, group: int) -> None:
    data = bytearray(written(compression=codec))
    at = chunk(bytes(data), group, 1)
    data[at : at + 8] = b"\xff" * 8
    found = read(bytes(data))
    others = [number for number in range(40) if number // 10 != group]
    assert brief(found) == [*others[: group * 10], "bad_parquet", *others[group * 10 :]]
    assert [item.offset for item in found if isinstance(item, Damage)] == [group * 10]


def test_a_checksum_is_looked_at() -> None:
    plain = written(compression="none", write_page_checksum=True)
    data = plain.replace(b"text 15 x", b"text 15 y")
    assert data != plain and brief(read(data))[10] == "bad_parquet" and len(read(data)) == 31


def test_rows_before_the_damage_in_a_group_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_BATCH_BYTES", 1)
    pages = {"data_page_size": 60, "write_batch_size": 4, "write_statistics": False}
    data = bytearray(written(row_group_size=40, compression="none", **pages))
    at = data.index(b"text 20 ")
    data[at - 30 : at - 4] = b"\xff" * 26  # the head of the page that begins with this row
    assert brief(read(bytes(data))) == [*range(20), "bad_parquet"]


@pytest.mark.parametrize(
    ("data", "word"),
    [
        pytest.param(written()[:-9], "truncated", id="cut-in-the-footer"),
        pytest.param(written()[:300], "truncated", id="cut-in-a-group"),
        pytest.param(b"PAR1", "truncated", id="magic-alone"),
        pytest.param(b"PAR1PAR1", "truncated", id="magic-twice"),
        pytest.param(b"PAR1" + bytes(20) + b"PAR1", "bad_parquet", id="no-footer"),
        pytest.param(written()[:200] + written()[220:], "bad_parquet", id="bytes-lost"),
    ],
)
def test_damaged_files(data: bytes, word: str) -> None:
    found = read(data)
    assert [item.error for item in found if isinstance(item, Damage)][:1] == [word]


def test_an_error_of_the_disk_is_no_damage() -> None:
    class Failing(io.BytesIO):
        fails = False

        def read(self, *arguments: int) -> bytes:
            if self.fails:
                raise OSError(5, "Input/output error")
            return super().read(*arguments)

    file = Failing(written())
    opened = open_parquet(file)
    file.fails = True
    with pytest.raises(OSError, match="Input/output"):
        list(read_parquet(opened, ["n"], 0, 40))


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_any_bytes(data: st.DataObject) -> None:
    """Reading ends whatever is done to a file, and no row comes twice."""
    stored = bytearray(written(compression="snappy", write_page_checksum=True))
    at = data.draw(st.integers(0, len(stored) - 1))
    stored[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=30))
    rows = [item.offset for item in read(bytes(stored)) if isinstance(item, TableRow)]
    assert rows == sorted(set(rows))


def test_memory_does_not_follow_the_row_group(tmp_path: Path) -> None:
    """A group of 200 MB, read with a few MB: what pyarrow and Python hold, told by a process of its own."""
    path = tmp_path / "big.parquet"
    schema = pa.schema({"n": pa.int64(), "text": pa.string()})
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False, write_batch_size=1) as writer:
        text = [f"{number}" + "x" * 1_000_000 for number in range(200)]
        writer.write_table(pa.table({"n": range(200), "text": text}, schema), row_group_size=200)
    code = (
        "import tracemalloc, pyarrow as pa; from corpusmill.formats.parquet import *\n"
        "tracemalloc.start()\n"
        f"with open({str(path)!r}, 'rb') as file:\n"
        "    n = sum(1 for _ in read_parquet(open_parquet(file), ['n', 'text'], 0, 1))\n"
        "print(n, pa.default_memory_pool().max_memory() + tracemalloc.get_traced_memory()[1])"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    n_rows, peak = map(int, done.stdout.split())
    assert n_rows == 200 and peak < 64 << 20


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
def test_no_thread_is_left_to_outlive_the_interpreter(tmp_path: Path) -> None:
    """One that reads ahead for pyarrow aborts, now and then, a process that ends."""
    pq.write_table(TABLE, tmp_path / "a.parquet")
    code = (
        "import os; from corpusmill.formats.documents import read_rows\n"
        "before = len(os.listdir('/proc/self/task'))\n"
        f"print(sum(1 for _ in read_rows({str(tmp_path / 'a.parquet')!r})))\n"
        "print(len(os.listdir('/proc/self/task')) - before)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["40", "0"]
