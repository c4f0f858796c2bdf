"""Packing: nothing lost that need not be, nothing cut that fits, and the rows that best fit gives by its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.mixtures.recipe import SequenceRecipe
from corpusmill.shards.sequences import lay_out, pack_rows, unpack_rows


def rows(lengths, length, documents, pad=0):
    ids = np.arange(1, sum(lengths) + 1)
    return pack_rows(ids, lay_out(np.array(lengths, "<u4"), SequenceRecipe(length, documents)), pad).tolist()


@pytest.mark.parametrize(
    ("lengths", "documents", "expected"),
    [
        pytest.param([], "cross", [], id="no documents"),
        pytest.param([], "fit", [], id="no documents to fit"),
        pytest.param([3, 2], "cross", [[1, 2, 3, 4]], id="a rest is lost"),
        pytest.param([3], "cross", [], id="too few for one"),
        pytest.param([3, 0, 5], "cross", [[1, 2, 3, 4], [5, 6, 7, 8]], id="an empty one crosses nothing"),
        pytest.param([4], "fit", [[1, 2, 3, 4]], id="just the length"),
        pytest.param([1, 3, 1], "fit", [[2, 3, 4, 1], [5, 0, 0, 0]], id="the longest opens, the first of equals fills"),
        pytest.param([6, 2], "fit", [[1, 2, 3, 4], [5, 6, 7, 8]], id="a rest shares"),
        pytest.param([9], "fit", [[1, 2, 3, 4], [5, 6, 7, 8], [9, 0, 0, 0]], id="a long one is cut"),
        pytest.param([6, 2], "alone", [[1, 2, 3, 4], [5, 6, 0, 0], [7, 8, 0, 0]], id="alone"),
        pytest.param([0, 0], "alone", [], id="nothing but empty ones"),
    ],
)
def test_rows(lengths, documents, expected):
    assert rows(lengths, 4, documents) == expected


def best_fit(sizes, length):
    """By definition: longest first, each into the row with the least room that is enough."""
    room, found = [], {}
    for piece in sorted(range(len(sizes)), key=lambda i: (-sizes[i], i)):
        fitting = [row for row, left in enumerate(room) if left >= sizes[piece]]
        if not fitting:
            room.append(length)
            fitting = [len(room) - 1]
        row = min(fitting, key=lambda row: room[row])
        found[piece] = (row, length - room[row])
        room[row] -= sizes[piece]
    return len(room), sorted(room)


ANY = st.lists(st.integers(0, 50), max_size=60)


@given(ANY, st.integers(2, 20), st.sampled_from(["cross", "fit", "alone"]))
def test_every_token_stands_once_or_is_counted_as_lost(lengths, length, documents):
    layout = lay_out(np.array(lengths, np.int64), SequenceRecipe(length, documents))
    ids = np.arange(1, sum(lengths) + 1)
    packed = pack_rows(ids, layout, 0)
    assert packed.shape == (layout.n, length)
    there = np.sort(packed[packed > 0])
    assert there.tolist() == ids[: len(there)].tolist()
    assert len(there) == layout.n_held and layout.n_padding == packed.size - len(there)
    assert len(ids) - len(there) < length if documents == "cross" else len(ids) == len(there)
    assert (packed > 0).sum(axis=1).tolist() == layout.filled.tolist()
    assert ((packed > 0) == (np.arange(length) < layout.filled[:, None])).all()  # padding comes last
    tokens, held = unpack_rows(packed, layout, len(ids))
    assert tokens[held].tolist() == ids[held].tolist() and held.sum() == layout.n_held


@given(ANY, st.integers(2, 20))
def test_only_longer_documents_are_cut_and_rows_are_those_of_best_fit(lengths, length):
    layout = lay_out(np.array(lengths, np.int64), SequenceRecipe(length, "fit"))
    starts = np.cumsum([0, *lengths])
    for start, size in zip(layout.start.tolist(), layout.size.tolist(), strict=True):
        document = int(np.searchsorted(starts, start, "right")) - 1
        inside = start - int(starts[document])
        assert inside % length == 0 and size == min(length, lengths[document] - inside)
    n, room = best_fit(sorted(layout.size.tolist(), reverse=True), length)
    assert (layout.n, sorted((length - layout.filled).tolist())) == (n, room)


@given(ANY, st.integers(2, 20), st.sampled_from(["cross", "fit", "alone"]), st.integers(0, 30))
def test_the_first_rows(lengths, length, documents, n):
    layout = lay_out(np.array(lengths, np.int64), SequenceRecipe(length, documents))
    ids = np.arange(1, sum(lengths) + 1)
    assert pack_rows(ids, layout.first(n), 0).tolist() == pack_rows(ids, layout, 0)[:n].tolist()


def test_rows_are_not_in_order_of_length():
    """Rows stand where their longest piece stands in the shard, which is shuffled."""
    lengths = np.random.default_rng(0).integers(1, 300, 3000)
    layout = lay_out(lengths, SequenceRecipe(256, "fit"))
    openers = layout.size[layout.at == 0]
    assert abs(np.corrcoef(np.arange(len(openers)), openers)[0, 1]) < 0.1
    assert layout.n_padding / (layout.n * 256) < 0.01
