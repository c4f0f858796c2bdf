"""Batches from token shards, in an order that a step number alone determines."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from ..errors import ShardError
from ..shards.reader import ShardSet
from ..shards.tokens import Ids

Sources = npt.NDArray[np.uint8]

_CHUNK_TOKENS = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Ids (int64) to read and, one token on, to predict, with the source of each target; all are (rows, seq_len)."""

    inputs: Ids
    targets: Ids
    sources: Sources


class Batches:
    """The shards as one stream of tokens, cut into windows of seq_len targets, batch_size windows at a time.

    Windows follow one another without gap or overlap of their targets and run over the borders of documents and of
    shards. The last batch may hold fewer rows; fewer than seq_len targets at the very end are left out. The order is
    that of the shards, which are shuffled already, so step n reads the same tokens in every run and a run can go on
    at any step; after the last batch comes the first again.
    """

    def __init__(self, shards: ShardSet, batch_size: int, seq_len: int) -> None:
        self.batch_size, self.seq_len = batch_size, seq_len
        self._shards = shards
        self._starts = [0, *accumulate(len(shards.tokens(k)) for k in range(len(shards)))]
        self._n_windows = max(self._starts[-1] - 1, 0) // seq_len
        self._held: tuple[int, Ids, Sources] | None = None

    def __len__(self) -> int:
        """Batches in one pass over the shards."""
        return -(-self._n_windows // self.batch_size)

    def __getitem__(self, step: int) -> Batch:
        """The batch of a step, counted from 0; the passes follow one another for ever."""
        start, stop = self.targets_of(step)
        tokens, sources = self._read(start - 1, stop)
        shape = -1, self.seq_len
        return Batch(tokens[:-1].reshape(shape), tokens[1:].reshape(shape), sources[1:].reshape(shape))

    def targets_of(self, step: int) -> tuple[int, int]:
        """Where in the stream the targets of a step begin and end."""
        first = step % len(self) * self.batch_size
        n_rows = min(self.batch_size, self._n_windows - first)
        return first * self.seq_len + 1, (first + n_rows) * self.seq_len + 1

    def _read(self, start: int, stop: int) -> tuple[Ids, Sources]:
        """Tokens start to stop of the stream, and their sources."""
        tokens, sources = np.empty(stop - start, np.int64), np.empty(stop - start, np.uint8)
        at = start
        while at < stop:
            k = bisect_right(self._starts, at) - 1
            end = min(stop, self._starts[k + 1])
            here, there = slice(at - self._starts[k], end - self._starts[k]), slice(at - start, end - start)
            shard_tokens, shard_sources = self._shard(k)
            tokens[there], sources[there] = shard_tokens[here], shard_sources[here]
            at = end
        _check_ids(tokens, self._shards.vocab_size)
        return tokens, sources

    def _shard(self, k: int) -> tuple[Ids, Sources]:
        if self._held is None or self._held[0] != k:
            self._held = k, self._shards.tokens(k), self._shards.source_of_tokens(k)
        return self._held[1:]


def unigram_entropy(shards: ShardSet, limit: int = 100_000_000) -> float:
    """Entropy in nats of one token drawn from the shards: the loss of a model that knows the frequencies only.

    Counts the first `limit` tokens, a fair sample because the shards are shuffled; 0.0 when there are none.
    """
    counts = np.zeros(shards.vocab_size, np.int64)
    for chunk in _chunks(shards, limit):
        _check_ids(chunk, shards.vocab_size)
        counts += np.bincount(chunk, minlength=shards.vocab_size)
    return entropy(counts)


def entropy(counts: npt.ArrayLike) -> float:
    """Entropy in nats of the distribution that counts stand for (0.0 for none).

    >>> round(entropy([1, 1, 2, 0]), 6)
    1.039721
    >>> entropy([])
    0.0
    """
    seen = np.asarray(counts, np.float64)
    seen = seen[seen > 0]
    share = seen / seen.sum()
    return float(-(share * np.log(share)).sum()) + 0.0


def _chunks(shards: ShardSet, limit: int) -> Iterator[Ids]:
    left = limit
    for k in range(len(shards)):
        tokens = shards.tokens(k)[:left]
        for start in range(0, len(tokens), _CHUNK_TOKENS):
            yield tokens[start : start + _CHUNK_TOKENS]
        left -= len(tokens)


def _check_ids(tokens: Ids, vocab_size: int) -> None:
    if len(tokens) and (top := int(tokens.max())) >= vocab_size:
        raise ShardError(f"shards: token id {top} in a vocabulary of {vocab_size}. Run corpusmill check.")
