"""The n-grams of a text and how often each occurs, on disk: each order from the order below it, by sorted runs.

An n-gram is one 64-bit number, its key: the rank of the (n-1)-gram that it begins with, times the size of the
vocabulary, plus its last word. The rank of an n-gram is its place among the distinct n-grams in ascending order of
keys, which is the order of their words' numbers. So an order is counted by sorting numbers: pieces of the text become
sorted runs, runs are merged by ranges of keys, and every position of the text learns the rank of its n-gram, from which
the keys of the next order are made. All of it reads and writes files from front to back.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

SPECIAL_WORDS = (b"<unk>", b"<s>", b"</s>")
BEGIN, END = 1, 2  # numbers of <s> and </s>
BYTES_A_ROW = 64  # that sorting takes for each number, and no other step more

_NO_RANK = (1 << 32) - 1
_NOT_A_BLANK_HERE = re.compile(rb"[\0\v\f]")  # where `bytes.split` and KenLM differ
_WORD = re.compile(rb"[^\0\t\n\r ]+")


@dataclass(frozen=True, slots=True)
class Column:
    """Numbers of one type in a file; what is read is copied, so that no file stays mapped."""

    path: Path
    type: type[np.generic]

    def __len__(self) -> int:
        return self.path.stat().st_size // np.dtype(self.type).itemsize if self.path.exists() else 0

    def read(self, start: int, stop: int) -> Array:
        """The numbers [start, stop), or as many of them as there are."""
        count = max(0, min(stop, len(self)) - start)
        if not count:
            return np.empty(0, self.type)
        return np.fromfile(self.path, self.type, count, offset=start * np.dtype(self.type).itemsize)

    def pieces(self, room: int) -> Iterator[Array]:
        """All numbers, `room` at a time."""
        for start in range(0, len(self), room):
            yield self.read(start, start + room)

    def mapped(self) -> Array:
        """The file as an array, for a few numbers out of many; drop it soon."""
        return np.memmap(self.path, self.type, "r") if len(self) else np.empty(0, self.type)

    def append(self, numbers: Array) -> None:
        """Add numbers to the end."""
        with self.path.open("ab") as file:
            numbers.astype(self.type, copy=False).tofile(file)

    def put(self, rows: Array, numbers: Array) -> None:
        """Write some rows of what is there already."""
        if len(rows):
            np.memmap(self.path, self.type, "r+")[rows] = numbers

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Grams:
    """The distinct n-grams of one order by rank: columns of one length."""

    keys: Column  # prefix * words in the vocabulary + last word
    counts: Column
    suffixes: Column  # the rank, one order below, of the n-gram without its first word
    n_begin: int  # so many, the first ones, begin with <s> (among unigrams, <unk> is counted too)


@dataclass(frozen=True, slots=True)
class Counted:
    """A text's vocabulary and its n-grams."""

    words: list[bytes]  # by number, in order of first occurrence
    tokens: int
    sentences: int
    orders: list[Grams]


def split_words(sentence: bytes) -> list[bytes]:
    """The words between blanks: space, tab, line ends and NUL, as lmplz has it; form feeds are letters to it.

    Words that mean something to a model are blanks, too (lmplz: `--skip_symbols`).

    >>> split_words(b" one\\ttwo\\0three </s> fo\\vur\\r\\n")
    [b'one', b'two', b'three', b'fo\\x0bur']
    >>> split_words("a\\u00a0b".encode()), split_words(b"")
    ([b'a\\xc2\\xa0b'], [])
    """
    words = _WORD.findall(sentence) if _NOT_A_BLANK_HERE.search(sentence) else sentence.split()
    return [word for word in words if word not in SPECIAL_WORDS] if b"<" in sentence else words


def count_ngrams(sentences: Iterable[bytes], folder: Path, order: int, room: int) -> Counted:
    """Count all n-grams of up to `order` words, with `room` numbers sorted at once.

    No n-gram goes over the end of a sentence; <s> before and </s> behind each sentence are words of n-grams.
    """
    tokens = Column(folder / "tokens", np.uint32)
    words, n_sentences = _number(sentences, tokens, room)
    if not n_sentences:
        raise ValueError("no sentence")
    if len(tokens) >= _NO_RANK:
        raise ValueError(f"{len(tokens):,} tokens: at most {_NO_RANK:,} can be counted")
    orders = [_unigrams(tokens, folder, len(words), room)]
    ranks = tokens  # of the n-gram that begins at each position; a unigram's rank is its word
    for n in range(2, order + 1):
        counting = _Counting(n, folder, tokens, ranks, len(words), orders[-1].n_begin, room)
        grams, longer = counting.count(with_ranks=n < order)
        if ranks is not tokens:
            ranks.remove()
        orders.append(grams)
        ranks = longer
    n_tokens = len(tokens) - n_sentences
    tokens.remove()
    return Counted(words, n_tokens, n_sentences, orders)


class _Numbers(dict[bytes, int]):
    """Words and their numbers; a word that is asked for the first time gets the next one."""

    def __missing__(self, word: bytes) -> int:
        self[word] = number = len(self)
        return number


def _number(sentences: Iterable[bytes], tokens: Column, room: int) -> tuple[list[bytes], int]:
    """Write the numbers of all words; the vocabulary and the number of sentences."""
    numbers = _Numbers({word: number for number, word in enumerate(SPECIAL_WORDS)})
    held, n_sentences = array("I"), 0
    for n_sentences, sentence in enumerate(sentences, 1):  # noqa: B007
        held.append(BEGIN)
        held.extend(map(numbers.__getitem__, split_words(sentence)))
        held.append(END)
        if len(held) >= room:
            tokens.append(np.frombuffer(held, np.uintc))
            held = array("I")
    if held:
        tokens.append(np.frombuffer(held, np.uintc))
    return list(numbers), n_sentences


def _unigrams(tokens: Column, folder: Path, n_words: int, room: int) -> Grams:
    """The words as n-grams of one word; <unk> and <s>, which no context predicts, have none."""
    grams = _columns(folder, 1, n_begin=BEGIN + 1)
    counts = sum((np.bincount(piece, minlength=n_words) for piece in tokens.pieces(room)), np.zeros(n_words, np.int64))
    counts[BEGIN] = 0
    grams.keys.append(np.arange(n_words))
    grams.counts.append(counts)
    grams.suffixes.append(np.zeros(n_words))
    return grams


def _columns(folder: Path, n: int, n_begin: int) -> Grams:
    return Grams(
        Column(folder / f"{n}.keys", np.uint64),
        Column(folder / f"{n}.counts", np.uint32),
        Column(folder / f"{n}.suffixes", np.uint32),
        n_begin,
    )


class _Counting:
    """The counting of one order."""

    def __init__(
        self, n: int, folder: Path, tokens: Column, ranks: Column, n_words: int, n_begin: int, room: int
    ) -> None:
        self.n, self.folder, self.tokens, self.ranks, self.room = n, folder, tokens, ranks, room
        self.n_words = np.uint64(n_words)
        self.first_inside = np.uint64(n_begin * n_words)  # keys below it begin with <s>
        self.runs: list[Grams] = []
        self.places: list[Column] = []  # for each position of a run, the place of its n-gram in the run
        self.places_ranks: list[Column] = []  # for each place in a run, the rank among all

    def count(self, with_ranks: bool) -> tuple[Grams, Column]:
        """The distinct n-grams, and with `with_ranks` the rank of the n-gram at each position."""
        for number, start in enumerate(range(0, len(self.tokens), self.room)):
            self._sort(number, start, with_ranks)
        merged = _columns(self.folder, self.n, 0)
        for cuts in pairwise(_cut([run.keys for run in self.runs], self.room)):
            self._merge(cuts, merged, with_ranks)
        n_begin = int(np.searchsorted(merged.keys.mapped(), self.first_inside))
        ranks = Column(self.folder / f"{self.n}.ranks", np.uint32)
        for run, places, places_ranks in zip(self.runs, self.places, self.places_ranks, strict=True):
            if with_ranks:
                of_place = np.append(places_ranks.read(0, len(places_ranks)), np.uint32(_NO_RANK))
                at = places.read(0, len(places))
                ranks.append(of_place[np.minimum(at, len(of_place) - 1)])
            for column in (run.keys, run.counts, run.suffixes, places, places_ranks):
                column.remove()
        return Grams(merged.keys, merged.counts, merged.suffixes, n_begin), ranks

    def _sort(self, number: int, start: int, with_ranks: bool) -> None:
        """Make a run of the n-grams that begin in a piece of the text."""
        prefix = self.ranks.read(start, start + self.room + 1)
        last = self.tokens.read(start + self.n - 1, start + self.n - 1 + self.room)
        here = prefix[: min(self.room, len(prefix))]
        inside = np.zeros(len(here), np.bool_)
        inside[: len(last)] = (here[: len(last)] != _NO_RANK) & (last != BEGIN)
        at = np.flatnonzero(inside)
        keys = here[at].astype(np.uint64) * self.n_words + last[at]
        order = np.argsort(keys)
        unique, starts = distinct(keys[order])
        run = _columns(self.folder / f"run{number}", self.n, 0)
        run.keys.path.parent.mkdir(exist_ok=True)
        run.keys.append(unique)
        run.counts.append(np.diff(starts, append=len(keys)))
        # All occurrences of an n-gram have the same suffix, so any of them will do.
        run.suffixes.append(prefix[at[order[starts]] + 1])
        self.runs.append(run)
        self.places.append(Column(run.keys.path.with_name("places"), np.uint32))
        self.places_ranks.append(Column(run.keys.path.with_name("ranks"), np.uint32))
        if with_ranks:
            places = np.full(len(here), _NO_RANK, np.uint32)
            places[at[order]] = np.repeat(np.arange(len(starts), dtype=np.uint32), np.diff(starts, append=len(keys)))
            self.places[-1].append(places)

    def _merge(self, cuts: tuple[Sequence[int], Sequence[int]], merged: Grams, with_ranks: bool) -> None:
        """Bring the n-grams of one range of keys together."""
        ranges = list(zip(self.runs, *cuts, strict=True))
        keys = np.concatenate([run.keys.read(start, stop) for run, start, stop in ranges])
        if not len(keys):
            return
        order = np.argsort(keys, kind="stable")
        unique, starts = distinct(keys[order])
        first_rank = len(merged.keys)
        merged.keys.append(unique)
        counts = np.concatenate([run.counts.read(start, stop) for run, start, stop in ranges])
        merged.counts.append(np.add.reduceat(counts[order], starts, dtype=np.int64))
        suffixes = np.concatenate([run.suffixes.read(start, stop) for run, start, stop in ranges])
        merged.suffixes.append(suffixes[order[starts]])
        if with_ranks:
            ranks = np.empty(len(keys), np.uint32)
            own = np.arange(first_rank, first_rank + len(starts), dtype=np.uint32)
            ranks[order] = np.repeat(own, np.diff(starts, append=len(keys)))
            ends = np.cumsum([stop - start for _, start, stop in ranges])[:-1]
            for column, of_run in zip(self.places_ranks, np.split(ranks, ends), strict=True):
                column.append(of_run)


def distinct(keys: Array) -> tuple[Array, Array]:
    """Each of some sorted keys once, and where it stands first."""
    # Not np.unique: with more than the keys it would sort once more.
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])[: len(keys)])
    return keys[starts], starts


def _cut(runs: Sequence[Column], room: int) -> list[list[int]]:
    """Where each run is to be cut, so that between two cuts there are no more than `room` keys of all runs together.

    Every so many keys one is looked at; between two neighbours of them lie so many keys of a run at most.
    """
    stride = max(1, room // (3 * len(runs)))
    # One run after the other: what is mapped counts as memory, and around each number that is looked at much is mapped.
    samples = np.sort(np.concatenate([np.array(run.mapped()[::stride]) for run in runs]))
    limits = samples[2 * len(runs) :: 2 * len(runs)]
    inner = np.stack([np.searchsorted(run.mapped(), limits) for run in runs], axis=1).tolist()
    return [[0] * len(runs), *inner, [len(run) for run in runs]]
