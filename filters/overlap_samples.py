"""Which books may be covered by another: of each book a few hundred hashes are asked for in the other's content.

The sample of a book is its smallest hashes. Hashes are random numbers, so it is a random sample of the content, and
the share of it that stands in another book tells the share of the whole: of 256 hashes less than three quarters are
found by chance, where more than 90 % of the content is, once in 10^12 times. A short book is its own sample. Since all
samples are taken from the lower end, a book's content is read up to the largest hash that any sample has, a small part
where all books are long.

An index holds the samples of some books and is asked with the whole content of one at a time, so that an answer is
whole: nothing has to be counted together later, and the index may be cut into pieces by book.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from .overlap_content import Hashes, Places, find

SAMPLE = 256
MOST_OWNERS = 64  # a hash in more samples than these is not asked for
CROWDED_SAMPLE = 32  # unless most of a book's sample is such hashes: then so many are asked for
SIGMAS = 8
RECORD = np.dtype([("hash", "<u8"), ("book", "<u4")])
"""What a file of samples holds: a hash, and the number of the book that has it."""

Books = npt.NDArray[np.uint32]  # their numbers
Counts = npt.NDArray[np.int64]

# Samples are dense among small hashes. From one to the next the smaller side is looked up in the larger one.
_EDGES = np.array([0, *(1 << bits for bits in range(40, 64, 3))], np.uint64)


def sample(hashes: Hashes, size: int = SAMPLE) -> Hashes:
    """The smallest of a book's sorted hashes.

    >>> sample(np.array([2, 3, 5, 7], np.uint64), 2).tolist()
    [2, 3]
    """
    return hashes[:size]


def least_found(asked: Counts, threshold: float) -> Counts:
    """How many hashes of a random sample are surely found where more than `threshold` of the whole are: at least 1.

    >>> least_found(np.array([256, 32, 1]), 0.9).tolist(), least_found(np.array([256]), 1.0).tolist()
    ([192, 15, 1], [256])
    """
    spread = SIGMAS * np.sqrt(asked * threshold * (1 - threshold))
    least: Counts = np.maximum(1, np.floor(asked * threshold - spread)).astype(np.int64)
    return least


def records(samples: Iterable[tuple[int, Hashes]]) -> npt.NDArray[np.void]:
    """The samples of books, given with their numbers, as records."""
    pieces = list(samples)
    made = np.zeros(sum(len(hashes) for _, hashes in pieces), RECORD)
    made["hash"] = np.concatenate([np.zeros(0, np.uint64), *(hashes for _, hashes in pieces)])
    made["book"] = np.repeat(np.array([book for book, _ in pieces], np.uint32), [len(hashes) for _, hashes in pieces])
    return made


class SampleIndex:
    """The samples of some books, to be asked with the content of any book.

    Hashes that more than `MOST_OWNERS` books have in their samples (everyday phrases, or many editions of one book)
    would cost the square of their owners. They are taken as found without a look, which can only add candidates. A
    book of which they are more than half is asked for by its smallest 32 hashes, whoever else has them.

    >>> a, b = np.arange(100, dtype=np.uint64), np.arange(40, 300, dtype=np.uint64)
    >>> index = SampleIndex(records([(0, a), (1, sample(b))]))
    >>> [found.tolist() for found in index.candidates(b)]
    [[1], [1.0]]
    >>> [found.tolist() for found in index.candidates(b - np.uint64(20))]
    [[0, 1], [0.8, 0.9375]]
    """

    def __init__(self, samples: npt.NDArray[np.void], threshold: float = 0.9, most_owners: int = MOST_OWNERS):
        order = np.argsort(samples["hash"], kind="stable")
        hashes = samples["hash"][order].astype(np.uint64, copy=False)
        self._numbers, books = np.unique(samples["book"][order], return_inverse=True)
        n_books = len(self._numbers)
        n_owners = _group_sizes(hashes)
        shared = np.repeat(n_owners > most_owners, n_owners)  # of each record
        asked = np.bincount(books, minlength=n_books)
        taken_as_found = np.bincount(books[shared], minlength=n_books)
        crowded = 2 * taken_as_found > asked
        kept = np.where(crowded[books], _places(books) < CROWDED_SAMPLE, ~shared)
        self._taken_as_found = np.where(crowded, 0, taken_as_found)
        self._asked = np.where(crowded, np.minimum(asked, CROWDED_SAMPLE), asked)
        self._needed = np.maximum(1, least_found(self._asked, threshold) - self._taken_as_found)
        hashes, self._books = hashes[kept], books[kept]
        n_owners = _group_sizes(hashes)
        self._ends = np.cumsum(n_owners)
        self._starts = self._ends - n_owners
        self._hashes = hashes[self._starts]
        self._cuts = [*np.searchsorted(self._hashes, _EDGES).tolist(), len(self._hashes)]

    @property
    def n_records(self) -> int:
        """How many of the samples' hashes are asked for."""
        return len(self._books)

    def candidates(self, hashes: Hashes) -> tuple[Books, npt.NDArray[np.float64]]:
        """The books whose content may stand in these sorted hashes to more than the threshold, and to what share.

        The share is an estimate from the sample. A book that is in the index is a candidate of itself.
        """
        hits = self._hits(hashes)
        lengths = self._ends[hits] - self._starts[hits]
        of_records = np.repeat(self._ends[hits] - np.cumsum(lengths), lengths) + np.arange(lengths.sum())
        books, found = np.unique(self._books[of_records], return_counts=True)
        enough = found >= self._needed[books]
        books, found = books[enough], found[enough]
        return self._numbers[books], (found + self._taken_as_found[books]) / self._asked[books]

    def _hits(self, hashes: Hashes) -> Places:
        """Where the hashes of the index are that are among the given ones."""
        cuts = [*np.searchsorted(hashes, _EDGES).tolist(), len(hashes)]
        hits = [np.zeros(0, np.intp)]
        for number in range(len(_EDGES)):
            start, end = self._cuts[number : number + 2]
            own, others = self._hashes[start:end], hashes[cuts[number] : cuts[number + 1]]
            if len(own) < len(others):
                hits.append(start + np.flatnonzero(find(others, own)[0]))
            elif len(others):
                flags, at = find(own, others)
                hits.append(start + at[flags])
        return np.concatenate(hits)


def _group_sizes(values: npt.NDArray[np.generic]) -> Counts:
    """How often each of the sorted values stands there.

    >>> _group_sizes(np.array([1, 1, 4])).tolist(), _group_sizes(np.zeros(0)).tolist()
    ([2, 1], [])
    """
    starts = np.flatnonzero(np.append(True, values[1:] != values[:-1])[: len(values)])
    return np.diff(np.append(starts, len(values)))


def _places(books: npt.NDArray[np.generic]) -> Counts:
    """Of each record how many before it are of the same book.

    >>> _places(np.array([7, 2, 7, 7, 2])).tolist()
    [0, 0, 1, 2, 1]
    """
    order = np.argsort(books, kind="stable")
    sizes = _group_sizes(books[order])
    places = np.empty(len(books), np.int64)
    places[order] = np.arange(len(books)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return places
