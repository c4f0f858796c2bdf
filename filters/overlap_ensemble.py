"""Which books may be covered by another, a second way: MinHash, and datasketch's LSH Ensemble over it.

It is independent of the samples (other hash functions, other counting), and knows sizes, so that it looks for a short
book in a long one, too. It misses some, the more the longer the other book is: their union is what counts. Seed and
scheme of the MinHash are fixed here, so that datasketch's defaults may change.

An index takes about 100 KB and a millisecond for each book: `ensemble_pairs` makes one of some thousands at a time.

Source: LSH Ensemble (Zhu et al. 2016), as datasketch has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from datasketch import LeanMinHash, MinHash, MinHashLSHEnsemble

from .overlap_content import Hashes

PERMUTATIONS = 128
SEED = 1
SCHEME = "affine32"
PARTITIONS = 16
WEIGHTS = (0.1, 0.9)  # of false candidates, which cost a look, and of missed ones
MARGIN = 0.1  # below the threshold that counts: the ensemble finds about half of what lies just at its own
AT_ONCE = 1 << 15  # hashes, which stay in the cache
BOOKS_AT_ONCE = 4096  # in one index

Signature = npt.NDArray[np.uint32]


def signature(hashes: Hashes) -> Signature:
    """The MinHash of a book's content: what datasketch's `update_batch` makes of the lower halves of its hashes.

    datasketch makes a row of all permutations of each hash; a column at a time is made six times as fast.

    >>> signature(np.arange(1000, dtype=np.uint64))[:3].tolist()
    [4728880, 2144082, 1963835]
    """
    values = np.full(PERMUTATIONS, np.iinfo(np.uint32).max, np.uint32)
    for start in range(0, len(hashes), AT_ONCE):
        mixed = _mixed(hashes[start : start + AT_ONCE].astype(np.uint32))
        scratch = np.empty_like(mixed)
        for number, (factor, term) in enumerate(_permutations()):
            np.multiply(mixed, factor, out=scratch)
            np.add(scratch, term, out=scratch)
            values[number] = min(values[number], scratch.min())
    return values


@cache
def _permutations() -> list[tuple[np.uint32, np.uint32]]:
    factors, terms = MinHash(PERMUTATIONS, SEED, scheme=SCHEME).permutations
    return [*zip(factors, terms, strict=True)]


def _mixed(values: Signature) -> Signature:
    """What datasketch does to hash values before it permutes them.  Source: MurmurHash3's 32-bit finaliser."""
    values = (values ^ (values >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    values = (values ^ (values >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return values ^ (values >> np.uint32(16))


class EnsembleIndex:
    """The signatures of some books, to be asked which of them may hold the content of any book.

    Sizes are numbers of hashes. They are rounded up to powers of 2^(1/4): datasketch takes time in the square of how
    many different ones there are.

    >>> a, b = np.arange(1000, dtype=np.uint64), np.arange(1500, dtype=np.uint64)
    >>> EnsembleIndex([7, 9], [signature(a), signature(b)], [len(a), len(b)]).covering(signature(a), len(a))
    [7, 9]
    """

    def __init__(
        self, books: Sequence[int], signatures: Sequence[Signature], sizes: Sequence[int], threshold: float = 0.9
    ):
        entries = [
            (book, _minhash(values), rounded(size))
            for book, values, size in zip(books, signatures, sizes, strict=True)
            if size
        ]
        self._index = MinHashLSHEnsemble(max(0.0, threshold - MARGIN), PERMUTATIONS, PARTITIONS, weights=WEIGHTS)
        if entries:
            self._index.index(entries)

    def covering(self, values: Signature, size: int) -> list[int]:
        """The books that may hold more than the threshold of this book's content; itself, if it is in the index."""
        return sorted(set(self._index.query(_minhash(values), size))) if size else []


def ensemble_pairs(
    books: Sequence[int],
    signatures: Sequence[Signature],
    sizes: Sequence[int],
    threshold: float = 0.9,
    at_once: int = BOOKS_AT_ONCE,
) -> Iterator[tuple[int, int]]:
    """The pairs (a, b) of different books where b may hold more than the threshold of a.

    >>> a, b = np.arange(1000, dtype=np.uint64), np.arange(4000, dtype=np.uint64)
    >>> list(ensemble_pairs([7, 9], [signature(a), signature(b)], [len(a), len(b)], at_once=1))
    [(7, 9)]
    """
    for start in range(0, len(books), at_once):
        some = slice(start, start + at_once)
        index = EnsembleIndex(books[some], signatures[some], sizes[some], threshold)
        for a, values, size in zip(books, signatures, sizes, strict=True):
            yield from ((a, b) for b in index.covering(values, size) if a != b)


def rounded(size: int) -> int:
    """
    >>> rounded(1), rounded(1000), rounded(1024), rounded(1025)
    (1, 1024, 1024, 1218)
    """
    return int(np.ceil(2 ** (np.ceil(4 * np.log2(size)) / 4)))


def _minhash(values: Signature) -> Any:
    return LeanMinHash(seed=SEED, hashvalues=values, scheme=SCHEME)
