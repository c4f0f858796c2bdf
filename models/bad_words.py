"""Lists of words that no page may hold, opened from a path once per process."""

from __future__ import annotations

import functools

from ..errors import UsageError
from ..filters.c4_badwords import BadWords
from ..storage import read_lines


@functools.cache
def open_bad_words(url: str, language: str) -> BadWords:
    """The list of a path or URL, a word or phrase a line, packed by gzip or not; blank lines and those with # are out.

    Raises:
        UsageError: it cannot be read, or names no word.
    """
    found = BadWords.parse(read_lines(url), language)
    if not found.words:
        raise UsageError(f"{url}: expected words or phrases, one a line; got none.")
    return found
