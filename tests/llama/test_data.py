import math
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.errors import ShardError
from corpusmill.llama.data import Batches, unigram_entropy
from corpusmill.shards.reader import ShardSet


@dataclass
class FakeShards:
    """What Batches uses of a ShardSet."""

    shards: list[list[int]]
    vocab_size: int = 1000

    def __len__(self) -> int:
        return len(self.shards)

    def tokens(self, k: int) -> npt.NDArray[np.uint16]:
        return np.array(self.shards[k], np.uint16)

    def source_of_tokens(self, k: int) -> npt.NDArray[np.uint8]:
        return (self.tokens(k) % 7).astype(np.uint8)


def shards_of(lengths: list[int], vocab_size: int = 1000) -> ShardSet:
    """Shards whose tokens count up from 0 through all of them."""
    starts = np.cumsum([0, *lengths])
    return cast(
        ShardSet, FakeShards([list(range(a, a + n)) for a, n in zip(starts[:-1], lengths, strict=True)], vocab_size)
    )


@given(
    lengths=st.lists(st.integers(0, 30), max_size=6),
    batch_size=st.integers(1, 5),
    seq_len=st.integers(1, 12),
)
def test_windows_cover_every_target_once_in_order(lengths: list[int], batch_size: int, seq_len: int) -> None:
    batches = Batches(shards_of(lengths), batch_size, seq_len)
    whole = [batches[step] for step in range(len(batches))]
    inputs = [int(token) for batch in whole for token in batch.inputs.ravel()]
    n_windows = max(sum(lengths) - 1, 0) // seq_len
    assert inputs == list(range(n_windows * seq_len))
    for batch in whole:
        assert batch.inputs.shape == batch.targets.shape == batch.sources.shape
        assert (batch.targets == batch.inputs + 1).all()
        assert (batch.sources == batch.targets % 7).all()
    assert [len(batch.inputs) for batch in whole[:-1]] == [batch_size] * (len(whole) - 1)


def test_a_step_reads_the_same_whatever_was_read_before() -> None:
    lengths = [40, 0, 25, 60]
    straight = Batches(shards_of(lengths), 2, 5)
    expected = [straight[step].inputs.tolist() for step in range(30)]
    for step in reversed(range(30)):
        assert Batches(shards_of(lengths), 2, 5)[step].inputs.tolist() == expected[step]
        assert straight[step].inputs.tolist() == expected[step]
    assert len(straight) == 12
    assert expected[12:24] == expected[:12]


def test_the_last_batch_may_be_short_and_the_tail_is_left_out() -> None:
    batches = Batches(shards_of([18]), batch_size=2, seq_len=5)
    assert [batches[step].inputs.tolist() for step in range(2)] == [
        [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]],
        [[10, 11, 12, 13, 14]],
    ]


def test_a_shard_is_opened_once_for_all_its_batches() -> None:
    opened: list[int] = []

    class Counting(FakeShards):
        def source_of_tokens(self, k: int) -> npt.NDArray[np.uint8]:
            opened.append(k)
            return super().source_of_tokens(k)

    batches = Batches(cast(ShardSet, Counting([[1] * 100, [2] * 100])), 2, 5)
    for step in range(len(batches)):
        batches[step]
    assert opened == [0, 1]


@pytest.mark.parametrize("lengths", [[], [0], [1], [5]])
def test_too_few_tokens_give_no_batch(lengths: list[int]) -> None:
    assert len(Batches(shards_of(lengths), 2, 5)) == 0


def test_ids_outside_the_vocabulary_are_refused() -> None:
    shards = shards_of([30], vocab_size=20)
    assert Batches(shards, 1, 5)[0].inputs.max() == 4
    with pytest.raises(ShardError, match="token id 20 in a vocabulary of 20"):
        Batches(shards, 1, 5)[3]
    with pytest.raises(ShardError, match="token id 29"):
        unigram_entropy(shards)


@pytest.mark.parametrize(
    ("shards", "limit", "expected"),
    [
        pytest.param([], 100, 0.0, id="nothing"),
        pytest.param([[], [5, 5, 5]], 100, 0.0, id="one token only"),
        pytest.param([[0, 1], [], [2, 3]], 100, math.log(4), id="uniform over shards"),
        pytest.param([[7, 7, 7], [9]], 100, -0.75 * math.log(0.75) - 0.25 * math.log(0.25), id="three to one"),
        pytest.param([[1, 2], [1, 2], [3, 4]], 4, math.log(2), id="the limit cuts at a shard"),
        pytest.param([[1], [2, 3, 3, 3]], 3, math.log(3), id="the limit cuts in a shard"),
    ],
)
def test_unigram_entropy(shards: list[list[int]], limit: int, expected: float) -> None:
    assert unigram_entropy(cast(ShardSet, FakeShards(shards)), limit) == pytest.approx(expected)
