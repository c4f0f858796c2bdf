"""Files of documents: some rows of some columns, without the rest of the file."""

from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.spec import AbstractBufferedFile

from corpusmill.formats.documents import DOCUMENTS, RowWriter, numbered_rows, rows_at, rows_that
from corpusmill.storage import publishing

GROUPS, ROWS, WIDTH = 5, 40, 8_000  # rows a group, characters a text


class Bucket(MemoryFileSystem):
    """A store that counts the bytes which it hands over; its files read ahead, as those of s3fs and gcsfs do."""

    protocol = "counting"
    n_bytes = 0

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return MemoryFileSystem._strip_protocol(path.replace("counting://", "memory://"))

    def _open(self, path: str, mode: str = "rb", **more: Any) -> Any:
        if mode != "rb":
            return MemoryFileSystem._open(self, path, mode, **more)
        held = MemoryFileSystem.cat_file(self, path)

        class File(AbstractBufferedFile):
            def _fetch_range(self, start: int, end: int) -> bytes:
                Bucket.n_bytes += min(end, len(held)) - start
                return held[start:end]

        return File(
            self, path, mode, block_size=1 << 20, size=len(held), cache_type=more.get("cache_type", "readahead")
        )


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> str:
    """A file of five row groups whose ids ascend, of texts that do not pack."""
    fsspec.register_implementation("counting", Bucket, clobber=True)
    monkeypatch.setattr(Bucket, "n_bytes", 0)
    rng = np.random.default_rng(0)
    rows = [
        {"id": f"x:{n:04d}", "text": rng.bytes(WIDTH // 2).hex(), "source": "x", "meta": f'{{"n": {n}}}'}
        for n in range(GROUPS * ROWS)
    ]
    with fsspec.open("counting://bucket/file.parquet", "wb") as file:
        pq.write_table(pa.Table.from_pylist(rows, DOCUMENTS), file, row_group_size=ROWS, compression="zstd")
    return "counting://bucket/file.parquet"


def ids_are(*wanted: str) -> Any:
    return lambda table: pc.is_in(table["id"], pa.array(wanted, pa.string()))


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        pytest.param(["x:0000", "x:0041", "x:0199"], None, id="of several groups"),
        pytest.param(["x:0100"], ("x:0100", "x:0100"), id="of a group that the footer names"),
        pytest.param([], ("x:0100b", "x:0100b"), id="within a group, and not there"),
        pytest.param([], ("a", "b"), id="before all groups"),
        pytest.param([], ("y", "z"), id="behind all groups"),
    ],
)
def test_rows_by_their_ids(wanted: list[str], ids: tuple[str, str] | None, url: str) -> None:
    found = rows_that(url, ["id"], ids_are(*wanted), ["id", "meta"], ids)
    assert found == [(int(one[2:]), {"id": one, "meta": f'{{"n": {int(one[2:])}}}'}) for one in wanted]


def test_a_group_without_such_ids_is_not_read(url: str) -> None:
    seen = []

    def fit(table: pa.Table) -> Any:
        seen.append(table.num_rows)
        return ids_are("x:0100")(table)

    assert rows_that(url, ["id"], fit, ["id"], ("x:0100", "x:0100"))
    assert not rows_that(url, ["id"], fit, ["id"], ("a", "b"))
    assert seen == [ROWS]


def test_no_more_comes_from_a_bucket_than_tells(url: str) -> None:
    size = fsspec.filesystem("counting").size("bucket/file.parquet")
    assert rows_that(url, ["id"], ids_are("x:0100"), ["id", "meta"])
    assert 0 < Bucket.n_bytes < size / 8


def test_a_file_of_no_rows(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([], DOCUMENTS), tmp_path / "empty.parquet")
    assert rows_that(str(tmp_path / "empty.parquet"), ["id"], ids_are("x"), ["id"]) == []


@pytest.mark.parametrize("numbers", [{0}, {3}, {1, 4, 2004, 2500}, {2501}, {2502}, set(range(3000)), set()])
def test_rows_by_their_numbers(numbers: set[int], tmp_path: Path) -> None:
    """Those taken down count, and are not there."""
    path = str(tmp_path / "a.parquet")
    with publishing(path) as file, RowWriter(file, DOCUMENTS, "x") as writer:
        writer.taken_down = [0, 3, 2000]
        for n in range(2500):
            writer.add({"id": f"x:{n}", "text": "a", "source": "x", "meta": "{}"})
    assert pq.read_metadata(path).num_row_groups == 3
    assert list(rows_at(path, numbers)) == [one for one in numbered_rows(path) if one[0] in numbers]


def test_of_rows_by_their_numbers_no_other_group_is_read(url: str) -> None:
    size = fsspec.filesystem("counting").size("bucket/file.parquet")
    assert [row["id"] for _, row in rows_at(url, {81, 82}, ["id", "text"])] == ["x:0081", "x:0082"]
    assert 0 < Bucket.n_bytes < 1.5 * size / GROUPS
