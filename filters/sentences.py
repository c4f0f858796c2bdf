"""Sentences of English prose, as C4 counts them: where one ends, and the next begins.

A sentence ends with `.`, `?` or `!`, closing quotes and brackets after it, and white space. A period ends none after
an initial; none after an abbreviation, or as the last of several, unless a word follows that begins sentences; none
after a number before a word in lower case. Text is read once, whatever it holds.

C4 counts with Punkt, so what decides is whether Punkt ends a sentence there, not whether it should: it does after
`e.g.`, `i.e.` and `etc.`. Its lists are learnt from text; those here are short, and written by hand.
Source: Kiss and Strunk 2006; C4 (Raffel et al. 2020), section 2.2, and its published code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

_CLOSING = "\"')\\]}”’»"
_GAP = re.compile(rf"[.?!][{_CLOSING}]*+\s++")
"""The last mark of what may be a sentence, and all up to the next: it begins with a mark, so each is looked at once."""
_FIRST_WORD = re.compile(r"\W*+(\w++)")
_OPENING = "\"'([{“‘«"
_MAX_ABBREVIATION_CHARS = 12
_MAX_STARTER_CHARS = 16

_TITLES = "adm capt col dr fr gen gov hon lt maj messrs mr mrs ms prof rep reps rev sen sens sgt st supt"
_NAMES = "ave blvd bros co corp dept ft inc jr ltd mt sr univ vs"
_TIMES = "jan feb mar apr aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat"
"""Not `jun`, `jul`, `sun`: these are words or names more often than abbreviations."""
_ABBREVIATIONS = frozenset(f"{_TITLES} {_NAMES} {_TIMES}".split())
_WITH_PERIODS = re.compile(r"(?!(?:e\.g|i\.e)\Z)(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}")
"""`u.s`, `ph.d`: letters with periods between them, less the last one."""
_BEGINNINGS = """
    a after all although an and as at both but by despite during each even every few for from he her here his how
    however i if in instead it its just many meanwhile more most my no not now of on once one only or other our
    people several she since so some such that the their then there these they this those though thus to under
    until we what when where whether which while who why with yet you your
"""
"""Words that begin a sentence when they stand in upper case after an abbreviation."""
_STARTERS = frozenset(_BEGINNINGS.split())


def split(line: str) -> list[str]:
    """The sentences of a line. With the white space between them they are the line, stripped; a blank one has none.

    >>> split("Dr. Smith met J. R. Jones at 5 p.m. on Monday.  \\"Really?\\" (So they say.) It was ... odd.")
    ['Dr. Smith met J. R. Jones at 5 p.m. on Monday.', '"Really?"', '(So they say.)', 'It was ... odd.']
    >>> split("In the U.S. The word is first in 1998. and so on"), split(" ")
    (['In the U.S.', 'The word is first in 1998. and so on'], [])
    """
    line = line.strip()
    sentences: list[str] = []
    start = 0
    for end, next_start in _ends(line):
        sentences.append(line[start:end])
        start = next_start
    return [*sentences, line[start:]] if line else []


def count(line: str) -> int:
    """How many sentences a line has.

    >>> count("One. Two! Three?"), count("no mark"), count("")
    (3, 1, 0)
    """
    line = line.strip()
    return 1 + sum(1 for _ in _ends(line)) if line else 0


def count_at_least(lines: Iterable[str], n: int) -> bool:
    """Whether lines have `n` sentences together. A line has one at least, so that many lines are not looked into.

    >>> count_at_least(["One. Two.", "Three."], 3), count_at_least(["One.", " ", "Two."], 3)
    (True, False)
    """
    texts = list(islice(filter(str.strip, lines), n))
    return len(texts) >= n or sum(map(count, texts)) >= n


def _ends(line: str) -> Iterator[tuple[int, int]]:
    """Where each sentence but the last ends, and where the next one begins."""
    for gap in _GAP.finditer(line):
        position, next_start = gap.span()
        if line[position] != "." or _is_end(line, position, next_start):
            yield position + len(gap[0].rstrip()), next_start


def _is_end(line: str, position: int, next_start: int) -> bool:
    """Whether the period at a position ends a sentence."""
    before = line[max(position - _MAX_ABBREVIATION_CHARS, 0) : position].split()
    last = before[-1].lstrip(_OPENING).lower() if before else ""
    if not last:
        return True
    if len(last) == 1 and last.isalpha():
        return last == "i"
    following = line[next_start : next_start + _MAX_STARTER_CHARS]
    if last in _ABBREVIATIONS or last[-1] == "." or _WITH_PERIODS.fullmatch(last):
        word = _FIRST_WORD.match(following)
        return bool(word and word[1][0].isupper() and word[1].lower() in _STARTERS)
    return not (last[-1].isdigit() and following[0].islower())
