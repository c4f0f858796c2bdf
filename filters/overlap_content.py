"""The content of a book: the set of its word 5-grams, hashed, as a sorted array.

A word is a run of letters, digits and combining marks of any script; all else (white space, punctuation, symbols, the
underscores of `_italics_`) only separates words. `don't` is two words, `CO2` is one, and Chinese text, which has no
spaces, is cut at its punctuation. Case does not count, nor whether an accent is a character of its own: text is
composed (NFC), then each character lower-cased by itself, so that İ is i, and ς is σ.

A book is hashed in a few passes of NumPy. Each character has a random number; a word is the sum of its numbers, times
the powers of an odd constant; five words are the sum of theirs, mixed, times the powers of another. Collisions are
those of 64 random bits, for books: whoever wants to can make two words with the same hash.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

WORDS = 5
PIECE_CHARS = 1 << 16  # a text is hashed in pieces of about so many characters, which stay in the cache
LONGEST_PIECE = 1 << 20  # a longer run without white space is cut
_OF_CHARS, _OF_WORDS = 0x9E3779B97F4A7C15, 0xD1342543DE82EF95  # odd, 5 modulo 8: their powers come back after 2^62
_SPACE = re.compile(r"\s")


def content_hashes(text: str, n: int = WORDS) -> Hashes:
    """The hashes of all runs of `n` words, each once, in ascending order; of a shorter text that of all its words.

    >>> len(content_hashes("One two three four five six.")), len(content_hashes("One two")), len(content_hashes("—"))
    (2, 1, 0)
    >>> content_hashes("The Café’s _menu_, 2nd").tolist() == content_hashes("the CAFE\\u0301 s menu 2ND").tolist()
    True
    >>> content_hashes("One two three four five.").tolist()
    [16611337193565734166]
    """
    words = np.concatenate([np.zeros(0, np.uint64), *map(_word_hashes, _pieces(text))])
    if not len(words):
        return words
    n = min(n, len(words))
    sums = np.zeros(len(words) - n + 1, np.uint64)
    for place in range(n):
        sums += words[place : len(words) - n + 1 + place] * np.uint64(pow(_OF_WORDS, place, 1 << 64))
    return sorted_distinct(_mixed(sums))


def containment_of(a: Hashes, b: Hashes) -> float:
    """The share of the sorted distinct hashes `a` that are among those of `b`; 0.0 where `a` has none.

    >>> containment_of(np.array([1, 2, 3, 4], np.uint64), np.array([2, 3, 4, 9, 10], np.uint64))
    0.75
    >>> containment_of(np.zeros(0, np.uint64), np.array([1], np.uint64))
    0.0
    """
    few, many = sorted((a, b), key=len)
    return int(find(many, few)[0].sum()) / len(a) if len(a) else 0.0


def find(values: Hashes, keys: Hashes) -> tuple[Flags, Places]:
    """Of each key, whether it is among the sorted values, and where."""
    if not len(values):
        return np.zeros(len(keys), bool), np.zeros(len(keys), np.intp)
    at = np.minimum(np.searchsorted(values, keys), len(values) - 1)
    flags: Flags = values[at] == keys
    return flags, at


def sorted_distinct(hashes: Hashes) -> Hashes:
    """The hashes in ascending order, each once. (`np.unique` takes a slower way, by hashing.)"""
    hashes = np.sort(hashes)
    distinct: Hashes = hashes[np.append(True, hashes[1:] != hashes[:-1])[: len(hashes)]]
    return distinct


def _pieces(text: str) -> Iterator[str]:
    """The text cut between words, a separator around each piece."""
    start = 0
    while start < len(text):
        space = _SPACE.search(text, start + PIECE_CHARS, start + LONGEST_PIECE)
        end = space.start() if space else min(len(text), start + LONGEST_PIECE)
        yield f"\n{text[start:end]}\n"
        start = end


def _word_hashes(piece: str) -> Hashes:
    """The hash of each word of a text that begins and ends with a separator."""
    if piece.isascii():
        values = _char_values()[np.frombuffer(piece.encode(), np.uint8)]
    else:
        composed = unicodedata.normalize("NFC", piece)
        values = _char_values()[np.frombuffer(composed.encode("utf-32-le", "surrogatepass"), "<u4")]
    in_word = values != 0
    edges = np.flatnonzero(in_word[1:] != in_word[:-1])
    before, last = edges[0::2], edges[1::2]  # the separator before each word, and its last character
    powers, inverses = _powers(len(values) - 1 | 0xFFFF)
    sums: Hashes = np.cumsum(values * powers[: len(values)])
    return _mixed((sums[last] - sums[before]) * inverses[before])  # the inverse: as if all words began at one place


@cache
def _powers(size: int) -> tuple[Hashes, Hashes]:
    """The powers of an odd constant, modulo 2^64, and their inverses."""
    powers, inverses = (
        np.full(size + 1, _OF_CHARS, np.uint64),
        np.full(size + 1, pow(_OF_CHARS, -1, 1 << 64), np.uint64),
    )
    powers[0] = inverses[0] = 1
    return np.multiply.accumulate(powers), np.multiply.accumulate(inverses)


@cache
def _char_values() -> Hashes:
    """A random number for each code point that is part of words, the same for both cases; 0 for separators."""
    codes = np.fromiter(map(_lower_code, map(chr, range(sys.maxunicode + 1))), np.uint64, sys.maxunicode + 1)
    return np.where(codes, _mixed(codes + np.uint64(_OF_CHARS)), np.uint64(0))


def _lower_code(char: str) -> int:
    """
    >>> [chr(_lower_code(char)) for char in "Éé9İΣς"], _lower_code("_"), _lower_code("’")
    (['é', 'é', '9', 'i', 'σ', 'σ'], 0, 0)
    """
    if not char.isalnum() and unicodedata.category(char)[0] != "M":
        return 0
    return ord("σ" if char == "ς" else char.lower()[0])


def _mixed(values: Hashes) -> Hashes:
    """Each bit of the result depends on all bits of the value.  Source: splitmix64's finaliser."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
