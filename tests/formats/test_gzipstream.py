import gzip
import io
import random

import pytest

from corpusmill.formats.gzipstream import WINDOW_BYTES, Piece, read_pieces
from corpusmill.records import Damage

NOISE = random.Random(0).randbytes(300_000)
BIG, SMALL = gzip.compress(NOISE, mtime=0), gzip.compress(b"small", mtime=0)


def read(data: bytes) -> list[Piece | Damage]:
    return list(read_pieces(io.BytesIO(data)))


def content(found: list[Piece | Damage]) -> bytes:
    return b"".join(item.data for item in found if isinstance(item, Piece))


def test_members_come_in_windows():
    found = read(SMALL + BIG + SMALL)
    assert found[0] == Piece(0, b"small", begins=True, ends=True)
    assert found[-1] == Piece(len(SMALL + BIG), b"small", begins=True, ends=True)
    windows = found[1:-1]
    assert b"".join(piece.data for piece in windows) == NOISE
    assert {piece.offset for piece in windows} == {len(SMALL)}
    assert [piece.begins for piece in windows] == [True] + [False] * (len(windows) - 1)
    assert [piece.ends for piece in windows] == [False] * (len(windows) - 1) + [True]
    assert max(len(piece.data) for piece in windows) == WINDOW_BYTES


def test_plain_files_come_as_they_are():
    found = read(b"\r\nWARC/1.0" + NOISE)
    assert content(found) == b"\r\nWARC/1.0" + NOISE
    assert [piece.offset for piece in found] == [WINDOW_BYTES * number for number in range(len(found))]
    assert not any(piece.packed or piece.begins or piece.ends for piece in found)


@pytest.mark.parametrize("n_taken", range(9))
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(SMALL + BIG + SMALL, id="packed"),
        pytest.param(b"WARC/" + NOISE, id="plain"),
        pytest.param(SMALL + BIG[:-50_000] + SMALL + BIG, id="damaged"),
        pytest.param(SMALL + b"?" + BIG, id="garbage"),
    ],
)
def test_a_fork_goes_on_by_itself(data: bytes, n_taken: int):
    pieces = read_pieces(io.BytesIO(data))
    taken = [piece for _, piece in zip(range(n_taken), pieces, strict=False)]
    fork = pieces.fork()
    assert taken + list(fork) == taken + list(pieces) == read(data)


@pytest.mark.parametrize("size", [1, 9, 10, 11, 1000, 200_000, len(BIG) - 9, len(BIG) - 1])
def test_truncated_members_give_what_they_hold(size: int):
    found = read(SMALL + BIG[:size])
    assert NOISE.startswith(content(found).removeprefix(b"small"))
    assert len(content(found)) > size - 500
    assert found[-1] == Damage(len(SMALL), "truncated", "the file ends inside a gzip member")


@pytest.mark.parametrize("at", [0, 2, 3, 150_000, len(BIG) - 8, len(BIG) - 1])
def test_reading_goes_on_behind_a_corrupt_member(at: int):
    corrupt = BIG[:at] + bytes([BIG[at] ^ 0xE0]) + BIG[at + 1 :]
    found = read(SMALL + corrupt + SMALL)
    assert [item.offset for item in found if isinstance(item, Damage)] == [len(SMALL)]
    assert found[0] == Piece(0, b"small", begins=True, ends=True)
    assert found[-1] == Piece(len(SMALL + corrupt), b"small", begins=True, ends=True)
