"""Words that no page of C4 may hold, looked up fast: a list costs a look at each word of the text, however long it is.

C4's code has two rules. The release was made by the one for lines (`in_line`): the word stands between two characters
that are no letters from a to z, so never at either end of the line. Later versions have one for whole pages
(`in_page`): it stands between characters that no word is made of, or at an end. Both ignore case, and both are exact
here: they decide as the regular expressions do that define them, which try every word at every place of the text.

Source: C4 (Raffel et al. 2020), section 2.2, and its published code (versions 2 and 3 of its TFDS builder). There, the
rule for lines reads words as regular expressions; here they stand for themselves.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

_WITHOUT_SPACES = frozenset({"ja", "th", "zh"})
"""Languages that put no spaces between words: there a word counts wherever it stands."""


@dataclass(frozen=True)
class BadWords:
    """A list of words or phrases, of one language.

    >>> words = BadWords(["zorgon", "blarg snout"])
    >>> words.in_page("Zorgon!"), words.in_page("blarg snout"), words.in_page("zorgons, blarg  snout") is None
    ('zorgon', 'blarg snout', True)
    >>> words.in_line("Zorgon!") is None, words.in_line("A zorgon.")
    (True, 'zorgon')
    """

    words: frozenset[str]
    language: str

    def __init__(self, words: Iterable[str] = (), language: str = "en") -> None:
        object.__setattr__(self, "words", frozenset(word.lower() for word in words if word))
        object.__setattr__(self, "language", language)

    @classmethod
    def parse(cls, lines: Iterable[str], language: str = "en") -> BadWords:
        """A list as files have it, a word or phrase a line; blank lines and those that begin with # are left out.

        >>> sorted(BadWords.parse(["# ours", "", "blarg snout\\n", "Zorgon"]).words)
        ['blarg snout', 'zorgon']
        """
        words = map(str.strip, lines)
        return cls((word for word in words if not word.startswith("#")), language)

    def in_line(self, line: str) -> str | None:
        """A word of the list that the line holds by the rule for lines; of several the first in the alphabet."""
        return self._of_lines.find(line.lower())

    def in_page(self, text: str) -> str | None:
        """A word of the list that the text holds by the rule for pages; of several the first in the alphabet."""
        return self._of_pages.find(text.lower())

    def may_be_in_lines(self, lower: str) -> bool:
        """False only if no line of the text, in lower case, holds a word of the list."""
        return bool(self._of_lines.candidates(lower))

    @functools.cached_property
    def _of_lines(self) -> _Finder:
        return self._finder("[a-z]+", "[^a-z]", "[^a-z]")

    @functools.cached_property
    def _of_pages(self) -> _Finder:
        return self._finder(r"\w+", r"(?:\W|^)", r"(?:\W|$)")

    def _finder(self, run: str, before: str, after: str) -> _Finder:
        parts = ("(?!)", "", "") if self.language in _WITHOUT_SPACES else (run, before, after)
        return _Finder(self.words, *parts)


class _Finder:
    """Finds words between two borders, in texts in lower case.

    No border is inside a run of the characters that words are made of, nor inside a run of those of them in ASCII. So
    where a word stands, each of its runs is one of the text's, and its longest is looked up. The few words that are
    found so are asked for with their borders. Words without a run (`***`) are looked for one by one.
    """

    def __init__(self, words: Iterable[str], run: str, before: str, after: str) -> None:
        self._before, self._after = before, after
        in_ascii = bytes(code if re.fullmatch(run, chr(code)) else ord(" ") for code in range(256))
        # Most words have a run in ASCII, and these are found several times faster.
        self._lookups = [_Lookup(functools.partial(_ascii_runs, in_ascii)), _Lookup(re.compile(run).findall)]
        self._without_run = [word for word in words if not any(lookup.add(word) for lookup in self._lookups)]

    def find(self, text: str) -> str | None:
        """The first in the alphabet of the words in a text."""
        return min(filter(functools.partial(self._stands_in, text), self.candidates(text)), default=None)

    def candidates(self, text: str) -> list[str]:
        """Words that are in a text, some perhaps not between borders."""
        found = chain(self._without_run, *(lookup.find(text) for lookup in self._lookups))
        return [word for word in found if word in text]

    def _stands_in(self, text: str, word: str) -> bool:
        return re.search(f"{self._before}{re.escape(word)}{self._after}", text) is not None


class _Lookup:
    """Words by their longest run."""

    def __init__(self, runs: Callable[[str], list[str]]) -> None:
        self._runs = runs
        self._by_run: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, word: str) -> bool:
        """Whether the word has a run: then it is added."""
        key = max(self._runs(word), key=len, default="")
        if key:
            self._by_run[key].append(word)
        return bool(key)

    @functools.cached_property
    def _keys(self) -> frozenset[str]:
        return frozenset(self._by_run)

    def find(self, text: str) -> Iterator[str]:
        """Words whose longest run is one of the text's."""
        keys = self._keys.intersection(self._runs(text)) if self._keys else ()
        return chain.from_iterable(map(self._by_run.__getitem__, keys))


def _ascii_runs(table: bytes, text: str) -> list[str]:
    """The runs of ASCII characters that `bytes.translate` leaves with a table; all others become spaces."""
    return text.encode("ascii", "replace").translate(table).decode().split()
