"""The token file: layout, ranks by interpolation, arcs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.errors import ShardError
from corpusmill.mixtures import circle
from corpusmill.shards import tokens
from corpusmill.shards.tokens import INDEX, TokenFile, pack


def of_keys(keys):
    index = np.zeros(len(keys), INDEX)
    index["key"] = np.sort(np.array(keys, np.uint64))
    return TokenFile(index, np.zeros(0, "<u2"))


class Ranges:
    """A remote file: gives ranges only, and counts the records that were read."""

    def __init__(self, array):
        self.array, self.dtype, self.read = array, array.dtype, 0

    def __len__(self):
        return len(self.array)

    def __getitem__(self, rows):
        assert isinstance(rows, slice) and rows.step is None
        self.read += len(self.array[rows])
        return self.array[rows].copy()


def write(stem, packed, index):
    packed.tofile(f"{stem}.tokens")
    index.tofile(f"{stem}.index")


def test_layout():
    ids, split_keys = ["w:1", "w:2", "w:3"], ["one", "two", "one"]
    texts = [np.array([10, 11]), np.array([], np.int64), np.array([30])]
    packed, index = pack(ids, texts, split_keys, "<u2")
    order = sorted(range(3), key=lambda row: circle.order_key(ids[row]))
    assert index["row"].tolist() == order
    assert index["key"].tolist() == sorted(map(circle.order_key, ids))
    assert index["split"].tolist() == [int(circle.split_hash(circle.keys_of([split_keys[row]]))[0]) for row in order]
    for record, row in zip(index, order, strict=True):
        assert packed[int(record["start"]) :][: int(record["length"])].tolist() == texts[row].tolist()
    assert INDEX.itemsize == 32 and index.tobytes()[28:32] == bytes(4)  # no byte is left to chance
    assert packed.dtype == np.dtype("<u2") and len(packed) == 3


@pytest.mark.parametrize(("vocab_size", "width"), [(512, 2), (65_536, 2), (65_537, 4), (128_256, 4)])
def test_width(vocab_size, width):
    assert tokens.token_dtype(vocab_size) == np.dtype(f"<u{width}")


def test_wide_ids_stay_whole_and_ids_that_do_not_fit_are_refused():
    packed, _ = pack(["a"], [np.array([70_000, 1])], ["a"], "<u4")
    assert packed.tolist() == [70_000, 1]
    with pytest.raises(ShardError, match="from 0 to 65535, got 70000"):
        pack(["a"], [np.array([70_000, 1])], ["a"], "<u2")
    with pytest.raises(ShardError, match="got -1"):
        pack(["a"], [np.array([-1])], ["a"], "<u2")


def test_equal_keys_keep_the_order_of_rows(monkeypatch):
    monkeypatch.setattr(tokens, "keys_of", lambda ids: np.arange(len(ids), dtype=np.uint64) % np.uint64(2))
    ids = [f"w:{i}" for i in range(300)]  # enough for an unstable sort to show
    packed, index = pack(ids, [np.array([i]) for i in range(300)], ids, "<u2")
    assert index["row"].tolist() == packed.tolist() == [*range(0, 300, 2), *range(1, 300, 2)]


@pytest.mark.parametrize("dtype", ["<u2", "<u4"])
@pytest.mark.parametrize("n", [0, 5])
def test_open(tmp_path, dtype, n):
    ids = [f"w:{i}" for i in range(n)]
    packed, index = pack(ids, [np.arange(i) for i in range(n)], ids, dtype)
    write(tmp_path / "a", packed, index)
    file = TokenFile.open(tmp_path / "a", dtype)
    assert np.array_equal(file.index[:], index) and np.array_equal(file.tokens[:], packed)
    assert file.arc(0, 0) == ([slice(0, n)] if n else [])  # all the way round


@pytest.mark.parametrize(
    ("suffix", "change", "message"),
    [
        pytest.param(".tokens", lambda data: data[:-2], "expected 6 tokens by its index, got 5", id="cut"),
        pytest.param(".tokens", lambda data: data + b"\0\0", "expected 6 tokens by its index, got 7", id="longer"),
        pytest.param(".tokens", lambda data: data[:-1], "expected a multiple of 2 bytes, got 11", id="odd"),
        pytest.param(".index", lambda data: data[:-3], "expected a multiple of 32 bytes, got 125", id="torn index"),
        pytest.param(".index", lambda data: b"", "expected 0 tokens by its index, got 6", id="no index"),
    ],
)
def test_open_refuses_files_that_do_not_fit(tmp_path, suffix, change, message):
    ids = ["a", "b", "c", "d"]
    write(tmp_path / "a", *pack(ids, [np.arange(i) for i in range(4)], ids, "<u2"))
    path = tmp_path / f"a{suffix}"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ShardError, match=message):
        TokenFile.open(tmp_path / "a", "<u2")


key = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 20), st.integers(2**64 - 20, 2**64 - 1))


@settings(max_examples=200, deadline=None)
@given(st.lists(key, max_size=60), key, key)
def test_find_and_arc_on_any_keys(keys, start, stop):
    keys = sorted(keys)
    file = of_keys(keys)
    assert file.find(start) == sum(k < start for k in keys)
    inside = [k for k in keys if (start <= k < stop if start < stop else k >= start or k < stop)]
    slices = file.arc(start, stop)
    assert len(slices) <= 2 and all(piece.start < piece.stop for piece in slices)
    found = [k for piece in slices for k in keys[piece]]
    assert sorted(found) == inside and (start < stop or found == sorted(found, key=lambda k: (k < start, k)))


def test_find_where_the_guess_is_far_off():
    """All keys in a millionth of the circle: the guess is wrong by most of the file, and the answer is right."""
    keys = np.sort(np.random.default_rng(0).integers(2**63, 2**63 + 2**44, 50_000, np.uint64))
    file = of_keys(keys)
    for rank in (0, 1, 25_000, 49_999):
        assert file.find(int(keys[rank])) == rank
        assert file.find(int(keys[rank]) + 1) == rank + 1
    assert file.find(2**64 - 1) == 50_000


def test_a_rank_among_uniform_keys_is_one_small_read():
    keys = np.random.default_rng(0).integers(0, 2**64, 100_000, np.uint64)
    index = Ranges(of_keys(keys).index)
    file = TokenFile(index, np.zeros(0, "<u2"))
    probes = np.random.default_rng(1).integers(0, 2**64, 300, np.uint64)
    assert [file.find(int(p)) for p in probes] == np.searchsorted(np.sort(keys), probes).tolist()
    assert index.read <= 300 * 2 * (6 * 317 + 8)
