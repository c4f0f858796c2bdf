"""N-gram models by interpolated modified Kneser-Ney smoothing, estimated on disk and written as ARPA text.

All definitions are those of KenLM's `lmplz`, and so are the numbers, but for rounding: it works in single precision,
this in double. One oddity is not followed: lmplz takes the very last n-gram of each lower order into the statistics for
its discounts by its plain count. That moves one number of these statistics by one, and shows in tiny texts alone.

Source: Chen and Goodman 1998, An Empirical Study of Smoothing Techniques for Language Modeling; Heafield et al. 2013,
Scalable Modified Kneser-Ney Language Model Estimation.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .ngram_counts import BEGIN, BYTES_A_ROW, Array, Column, Counted, Grams, count_ngrams, distinct

PRUNE_ABOVE = 50_000_000  # tokens
PRUNE = (0, 0, 1)
FALLBACK = (0.5, 1.0, 1.5)  # as `lmplz --discount_fallback`

Discounts = tuple[float, float, float]

_MIN_ROOM = 1 << 12
_TEXT_ROWS, _TEXT_BYTES = 1 << 16, 1 << 23  # of ARPA text that is made at once


@dataclass(frozen=True, slots=True)
class Estimated:
    """What a model was made from."""

    tokens: int  # words, and one </s> a sentence
    sentences: int
    ngrams: tuple[int, ...]  # in the model, by order
    discounts: tuple[Discounts, ...]
    fallback: tuple[int, ...]  # orders whose discounts could not be computed
    prune: tuple[int, ...]


def estimate(
    sentences: Iterable[bytes],
    arpa: BinaryIO,
    scratch: Path,
    *,
    order: int = 5,
    prune: Sequence[int] | None = None,
    memory_mb: int = 2000,
) -> Estimated:
    """Write the model of some sentences, the same bytes whatever the memory.

    Each sentence is words between ASCII blanks (`split_words`); nothing is normalised, and it need not be UTF-8.

    Args:
        scratch: a local folder for temporary files, of this process alone. They are gone afterwards.
        prune: n-grams that occur so often or less are left out, by order, never decreasing, the last for all higher
            orders, 0 for unigrams. None is `PRUNE` above `PRUNE_ABOVE` tokens, else nothing is left out.
        memory_mb: of arrays at once. The vocabulary comes on top, with some 200 bytes a word and its letters.

    Raises:
        ValueError: no sentence, more than 2^32 tokens, or thresholds that make no model.
    """
    if order < 1:
        raise ValueError(f"order {order}: at least 1")
    if prune is not None:
        prune = _thresholds(prune, order)
    folder = scratch / "ngrams"
    shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
    folder.mkdir()
    try:
        room = max(_MIN_ROOM, (memory_mb << 20) // BYTES_A_ROW)
        counted = count_ngrams(sentences, folder, order, room)
        if prune is None:
            prune = _thresholds(PRUNE[:order] if counted.tokens > PRUNE_ABOVE else (0,), order)
        return _Estimation(counted, folder, prune, room).write(arpa)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def discounts(once: int, twice: int, thrice: int, four_times: int) -> Discounts | None:
    """What to take off the counts 1, 2, and 3 or more, by how many n-grams have the counts 1 to 4.

    None where it cannot be computed.   Source: Chen and Goodman 1998, equation 26; the conditions are lmplz's.

    >>> discounts(8, 4, 2, 1)
    (0.5, 1.25, 2.0)
    >>> discounts(8, 4, 0, 1), discounts(1, 1, 10, 10)
    (None, None)
    """
    n = (once, twice, thrice, four_times)
    if not all(n[:3]):
        return None
    # Whole numbers to the last division: rounding must not decide whether a discount of 0 is below 0.
    whole = [(n[c - 1] * (once + 2 * twice), (c + 1) * once * n[c]) for c in (1, 2, 3)]
    first, second, third = ((c * total - off) / total for c, (total, off) in enumerate(whole, 1))
    return (first, second, third) if min(first, second, third) >= 0 else None


def _counts_of_counts(counts: Column, room: int) -> tuple[int, int, int, int]:
    """How many n-grams have the counts 1, 2, 3 and 4."""
    sums = sum((np.bincount(np.minimum(piece, 5), minlength=6) for piece in counts.pieces(room)), np.zeros(6, np.int64))
    return int(sums[1]), int(sums[2]), int(sums[3]), int(sums[4])


def _thresholds(prune: Sequence[int], order: int) -> tuple[int, ...]:
    """One threshold an order."""
    if not prune or len(prune) > order:
        raise ValueError(f"prune {list(prune)}: one to {order} thresholds, one for each order")
    if prune[0] != 0:
        raise ValueError(f"prune {list(prune)}: the first is for single words and must be 0")
    if any(low > high for low, high in pairwise(prune)):
        raise ValueError(f"prune {list(prune)}: a threshold must not be below the one before it")
    return (*prune, *[prune[-1]] * (order - len(prune)))


class _Estimation:
    """From counts to a model."""

    def __init__(self, counted: Counted, folder: Path, prune: tuple[int, ...], room: int) -> None:
        self.counted, self.folder, self.prune, self.room = counted, folder, prune, room
        self.n_words = np.uint64(len(counted.words))
        self.words = pa.array(counted.words, pa.large_binary())
        self.word_bytes = pc.binary_length(self.words).to_numpy()

    def write(self, arpa: BinaryIO) -> Estimated:
        """Write the model, order by order."""
        orders = self.counted.orders
        n_kept = tuple(self._count_kept(n) for n in range(1, len(orders) + 1))
        adjusted = [*[self._adjust(n, *pair) for n, pair in enumerate(pairwise(orders), 1)], orders[-1].counts]
        found = [discounts(*_counts_of_counts(column, self.room)) for column in adjusted]
        used = [own or FALLBACK for own in found]

        header = [f"ngram {n}={count}\n" for n, count in enumerate(n_kept, 1)]
        arpa.write(("\\data\\\n" + "".join(header)).encode())
        # Of no word at all, all words but <s> are equally likely.
        lower = Column(self.folder / "0.probabilities", np.float64)
        lower.append(np.array([1 / (int(self.n_words) - 1)]))
        for n, column in enumerate(adjusted, 1):
            probabilities, backoffs = self._interpolate(n, column, used[n - 1], lower)
            if n > 1:
                self._write_section(n - 1, lower, backoffs, arpa)
            lower.remove()
            backoffs.remove()
            lower = probabilities
        self._write_section(len(orders), lower, None, arpa)
        arpa.write(b"\n\\end\\\n")

        fallback = tuple(n for n, own in enumerate(found, 1) if own is None)
        return Estimated(self.counted.tokens, self.counted.sentences, n_kept, tuple(used), fallback, self.prune)

    def _kept(self, n: int, counts: Array) -> Array:
        """Which n-grams are in the model, by how often they occur."""
        return counts > self.prune[n - 1] if n > 1 else np.ones(len(counts), np.bool_)

    def _count_kept(self, n: int) -> int:
        pieces = self.counted.orders[n - 1].counts.pieces(self.room)
        return sum(int(np.count_nonzero(self._kept(n, counts))) for counts in pieces)

    def _adjust(self, n: int, grams: Grams, longer: Grams) -> Column:
        """In how many words' company, to the left, each n-gram occurs; those behind <s> keep their counts.

        Source: Kneser and Ney 1995; what begins with <s> has no other word before it.
        """
        adjusted = Column(self.folder / f"{n}.adjusted", np.uint32)
        for start in range(0, len(grams.counts), self.room):
            counts = grams.counts.read(start, start + self.room)
            company = np.zeros(len(counts), np.int64)
            for suffixes in longer.suffixes.pieces(self.room):
                rows = suffixes[(suffixes >= start) & (suffixes < start + len(counts))] - np.uint32(start)
                company += np.bincount(rows, minlength=len(counts))
            n_begin = max(0, grams.n_begin - start)
            company[:n_begin] = counts[:n_begin]
            adjusted.append(company)
        return adjusted

    def _interpolate(self, n: int, adjusted: Column, off: Discounts, lower: Column) -> tuple[Column, Column]:
        """Probabilities of the n-grams, and log10 backoff weights of the (n-1)-grams.

        The probability of what is discounted or left out goes to the next lower order, by its probabilities there.
        """
        grams = self.counted.orders[n - 1]
        probabilities = Column(self.folder / f"{n}.probabilities", np.float64)
        backoffs = Column(self.folder / f"{n - 1}.backoffs", np.float32)
        backoffs.path.touch()
        with backoffs.path.open("r+b") as file:
            file.truncate(len(lower) * np.dtype(np.float32).itemsize)  # all 0: what is no context has weight 1
        for start, keys in self._whole_contexts(grams.keys):
            stop = start + len(keys)
            counts = adjusted.read(start, stop).astype(np.int64)
            kept = self._kept(n, grams.counts.read(start, stop))
            contexts, firsts = distinct(keys // self.n_words)
            sizes = np.diff(firsts, append=len(keys))
            discount = np.array([0.0, *off])[np.minimum(counts, 3)]
            total = np.add.reduceat(counts, firsts)
            free = np.add.reduceat(np.where(kept, discount, counts), firsts) / total
            backoffs.put(contexts, np.log10(np.maximum(free, 1e-99)))  # readers know -99 as nothing, not -inf
            own = np.flatnonzero(kept)
            below = self._gather(lower, grams.suffixes.read(start, stop)[own])
            found = np.zeros(len(keys))
            found[own] = ((counts - discount) / np.repeat(total, sizes))[own] + np.repeat(free, sizes)[own] * below
            if n == 1:
                found[BEGIN] = 1.0  # as lmplz: no sentence has to pay for its beginning
            probabilities.append(found)
        return probabilities, backoffs

    def _whole_contexts(self, keys: Column) -> Iterator[tuple[int, Array]]:
        """All keys in pieces that hold all n-grams of each context, and where each piece begins."""
        start, room = 0, self.room // 2  # many numbers are held for each of them
        while start < len(keys):
            piece = keys.read(start, start + room)
            last = int(np.searchsorted(piece, piece[-1] // self.n_words * self.n_words))
            if start + len(piece) == len(keys):
                last = len(piece)
            if not last:  # a context of more n-grams than there is room for; there are no more than words
                room *= 2
                continue
            yield start, piece[:last]
            start, room = start + last, self.room // 2

    def _gather(self, column: Column, rows: Array) -> Array:
        """The numbers in some rows, by reading the file from front to back."""
        found = np.empty(len(rows), column.type)
        for start in range(0, len(column), self.room):
            piece = column.read(start, start + self.room)
            if len(piece) == len(column):
                return piece[rows]
            here = np.flatnonzero((rows >= start) & (rows < start + len(piece)))
            found[here] = piece[rows[here] - np.uint32(start)]
        return found

    def _write_section(self, n: int, probabilities: Column, backoffs: Column | None, arpa: BinaryIO) -> None:
        """The part of the text that has the n-grams of one order."""
        arpa.write(f"\n\\{n}-grams:\n".encode())
        grams, step = self.counted.orders[n - 1], min(self.room, _TEXT_ROWS)
        for start in range(0, len(grams.keys), step):
            own = np.flatnonzero(self._kept(n, grams.counts.read(start, start + step)))
            words = self._words(n, grams.keys.read(start, start + step)[own])
            n_bytes = np.cumsum(sum(self.word_bytes[of_rows] for of_rows in words))
            numbers = [np.minimum(np.log10(probabilities.read(start, start + step)[own]), 0.0)]
            if backoffs is not None:
                numbers.append(backoffs.read(start, start + step)[own])
            # In parts, since words may be of any length.
            ends = [0, *(np.flatnonzero(np.diff(n_bytes // _TEXT_BYTES)) + 1).tolist(), len(own)]
            for part in map(slice, ends, ends[1:]):
                arpa.write(_lines([self.words.take(pa.array(of_rows[part])) for of_rows in words], numbers, part))

    def _words(self, n: int, keys: Array) -> list[Array]:
        """The numbers of the words of some n-grams, one array for each place in an n-gram."""
        words: list[Array] = []
        for shorter in reversed(self.counted.orders[: n - 1]):
            words.append(keys % self.n_words)
            keys = shorter.keys.mapped()[keys // self.n_words]
        return [keys, *reversed(words)]


def _lines(words: Sequence[pa.Array], numbers: Sequence[Array], part: slice) -> memoryview:
    """Lines of ARPA text: a probability, words, and a backoff weight if there is one."""
    probability, *backoff = [
        pc.cast(pc.cast(pa.array(of_rows[part].astype(np.float32)), pa.string()), pa.large_binary())
        for of_rows in numbers
    ]
    blank, tab, empty, end = (pa.scalar(text, pa.large_binary()) for text in (b" ", b"\t", b"", b"\n"))
    lines = pc.binary_join_element_wise(probability, pc.binary_join_element_wise(*words, blank), *backoff, tab)
    ended = pc.binary_join_element_wise(lines, empty, end)
    n_bytes = pc.sum(pc.binary_length(ended)).as_py() or 0
    return memoryview(ended.buffers()[2])[:n_bytes] if n_bytes else memoryview(b"")
