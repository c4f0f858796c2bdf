"""Rows written in parts come back by their questions, however little room there was; damage is noticed."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.errors import ShardError
from corpusmill.formats.stackexchange import Row
from corpusmill.formats.stackexchange_parts import CHUNK, PartWriter, part_of, read_part

ROWS = st.lists(st.tuples(st.integers(0, 9), st.binary(max_size=30)), max_size=40)


def write(folder: Path, rows: list[Row], n_parts: int, buffer_bytes: int = 1 << 20) -> tuple[str, str]:
    posts, index = io.BytesIO(), io.BytesIO()
    writer = PartWriter(posts, index, n_parts, buffer_bytes)
    for row in rows:
        writer.add(row)
    writer.finish()
    (folder / "a.posts").write_bytes(posts.getvalue())
    (folder / "a.index").write_bytes(index.getvalue())
    return str(folder / "a.posts"), str(folder / "a.index")


def rows_of(pairs: list[tuple[int, bytes]]) -> list[Row]:
    return [Row(7 * number, question, data) for number, (question, data) in enumerate(pairs)]


@given(ROWS, st.integers(1, 5), st.sampled_from([0, 50, 1 << 20]))
def test_every_row_comes_back_once(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[int, bytes]], n_parts: int, room: int
) -> None:
    rows = rows_of(pairs)
    files = write(tmp_path_factory.mktemp("parts"), rows, n_parts, room)
    for part in range(n_parts):
        found = list(read_part(*files, part))
        questions = sorted({row.question for row in rows if part_of(row.question, n_parts) == part})
        assert found == [[row for row in rows if row.question == question] for question in questions]


def test_the_fullest_part_is_written_when_there_is_no_room(tmp_path: Path) -> None:
    rows = rows_of([(number % 50, b"x" * 2000) for number in range(1000)])
    _, index = write(tmp_path, rows, 4, buffer_bytes=200_000)
    chunks = np.frombuffer(Path(index).read_bytes()[:-8], CHUNK)
    assert chunks["rows"].sum() == 1000
    assert 10 <= len(chunks) <= 40, "no chunk is far smaller than its share of the room"


def test_parts_are_of_about_one_size() -> None:
    counts = np.bincount([part_of(question, 16) for question in range(1, 100_001, 7)], minlength=16)
    assert counts.max() / counts.min() < 1.1


@pytest.mark.parametrize("ending", ["posts", "index"])
def test_damage_is_noticed_and_the_file_deleted(tmp_path: Path, ending: str) -> None:
    files = write(tmp_path, rows_of([(1, b"abc" * 50), (2, b"d")]), 1)
    path = tmp_path / f"a.{ending}"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ShardError, match="damaged on disk"):
        list(read_part(*files, 0))
    assert not path.exists()


def test_no_rows(tmp_path: Path) -> None:
    assert list(read_part(*write(tmp_path, [], 3), 1)) == []
