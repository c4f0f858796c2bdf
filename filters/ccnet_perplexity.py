"""CCNet's perplexity: the text that its language models see, and the buckets that a perplexity falls into.

Source: CCNet (Wenzek et al. 2020), section 3.3, and its published code, which cuts at the 30th and the 60th percentile
where the paper speaks of three even parts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..records import Bucket
from .ccnet_lines import PUNCTUATION


@dataclass(frozen=True)
class Cutoffs:
    """The perplexities below which a document is in the head, and below which it is in the middle."""

    head: float
    middle: float


class _Table(dict[int, str]):
    """What `str.translate` puts in place of each character, worked out when the character first comes."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        # Digits first: `１` is in the table of punctuation too.
        if char.isdecimal():
            replacement = "0"
        elif unicodedata.category(char) in ("Cc", "Mn"):
            replacement = ""
        else:
            replacement = PUNCTUATION.get(char, char)
        self[code] = replacement
        return replacement


_TABLE = _Table()


def normalize_for_lm(text: str) -> str:
    """A text as CCNet's language models are trained on it and score it: lower case, no accents, each digit 0.

    What had an accent stays decomposed. Punctuation of Unicode becomes ASCII, controls go. Line ends are controls: the
    lines of a page are glued, the last word of one to the first of the next.

    >>> normalize_for_lm(" Café № 7 – “quoted” …\\n２nd line "), normalize_for_lm("")
    ('cafe № 0 - "quoted" ...0nd line', '')
    """
    return normalize_stripped(text.strip())


def normalize_stripped(text: str) -> str:
    """What `normalize_for_lm` makes of a text that is stripped, or of one word of it between spaces.

    >>> normalize_stripped("Été\xa0") == "ete\xa0"
    True
    """
    return unicodedata.normalize("NFD", text.lower()).translate(_TABLE)


def bucket_of(perplexity: float | None, cutoffs: Cutoffs | None) -> Bucket:
    """The bucket of a document; "all" where there is no perplexity, or nothing to compare it with.

    >>> [bucket_of(value, Cutoffs(340, 520)) for value in (339.9, 340, 520, None)], bucket_of(1.0, None)
    (['head', 'middle', 'tail', 'all'], 'all')
    """
    if perplexity is None or cutoffs is None:
        return "all"
    if perplexity < cutoffs.head:
        return "head"
    return "middle" if perplexity < cutoffs.middle else "tail"


def find_cutoffs(
    perplexities: Sequence[float] | npt.NDArray[np.float64],
    counts: Sequence[int] | npt.NDArray[np.int64],
    head: float,
    middle: float,
) -> Cutoffs:
    """The perplexities at two percentiles of some documents: at most so many per cent of them lie strictly below.

    Args:
        perplexities: distinct values, ascending.
        counts: how many documents have each.

    >>> find_cutoffs([100.0, 200.0, 300.0, 400.0], [4, 3, 2, 1], 30, 60)
    Cutoffs(head=100.0, middle=200.0)
    >>> find_cutoffs([100.0], [10], 30, 60)
    Cutoffs(head=100.0, middle=100.0)
    """
    ends = np.cumsum(np.asarray(counts, np.int64))
    n = int(ends[-1]) if len(ends) else 0
    if not n:
        raise ValueError("the percentiles of no documents")

    def at(percentile: float) -> float:
        index = min(int(n * Fraction(str(percentile)) / 100), n - 1)  # exact: 0.3 * 10 is no 3 in floating point
        return float(perplexities[int(np.searchsorted(ends, index, "right"))])

    return Cutoffs(at(head), at(middle))
