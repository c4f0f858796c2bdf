"""Which lines of a text went, came or stayed on its way through the steps: for people, in bounded time."""

from __future__ import annotations

import difflib
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ..records import Reasons

SMALL = 48  # lines on each side of a gap that difflib, whose time is cubic, may look at

_BEGINNING = 500  # characters of a line in which its first words are looked for
_MARKUP = re.compile(r"<[^<>]*>|&\w+;")
_WORD = re.compile(r"\w{3,}")

Span = tuple[int, int, int, int]  # lines [a, b) of the one text became lines [c, d) of the other


@dataclass(frozen=True, slots=True)
class Change:
    """A line, and what became of it. `why` is the reason, or else the step that wrote the text anew."""

    kind: Literal["stays", "gone", "new"]
    text: str
    why: str = ""
    is_reason: bool = False


class Changes:
    """The lines of a text, as steps take them away and write them anew.

    >>> from corpusmill.records import Reason
    >>> changes = Changes("Home\\nA  mill.\\nBye")
    >>> changes.take([Reason.C4_LINE_TOO_SHORT, None, None])
    >>> changes.rewrite("tidy", "A  mill.\\nGood bye")
    >>> [(line.kind, line.text, line.why) for line in changes.lines]  # doctest: +NORMALIZE_WHITESPACE
    [('gone', 'Home', 'c4.line_too_short'), ('stays', 'A  mill.', ''), ('gone', 'Bye', 'tidy'),
     ('new', 'Good bye', 'tidy')]
    """

    def __init__(self, text: str):
        self.lines = [Change("stays", line) for line in text.split("\n")] if text else []

    def take(self, reasons: Sequence[Reasons | None]) -> None:
        """Lines that a step drops: one reason for each line of the text as it is now; none at all where none goes."""
        live = self._live() if reasons else []
        for at, reason in zip(live, reasons if live else [], strict=True):
            if reason:
                self.lines[at] = Change("gone", self.lines[at].text, str(reason), is_reason=True)

    def rewrite(self, step: str, after: str) -> None:
        """The text as a step left it: lines that are not in it went, others came."""
        live = self._live()
        before = [self.lines[at].text for at in live]
        new = after.split("\n") if after else []
        if before == new:
            return
        result: list[Change] = []
        done = 0  # of self.lines
        for a, b, c, d in spans(before, new):
            until = live[a] if a < len(live) else len(self.lines)
            result += self.lines[done:until]
            done = live[b - 1] + 1 if b > a else until
            result += [
                Change("gone", line.text, step) if line.kind != "gone" else line for line in self.lines[until:done]
            ]
            result += [Change("new", line, step) for line in new[c:d]]
        self.lines = result + self.lines[done:]

    def _live(self) -> list[int]:
        return [number for number, line in enumerate(self.lines) if line.kind != "gone"]


def spans(before: Sequence[str], after: Sequence[str]) -> list[Span]:
    """What differs between two texts, line by line, white space at the ends of lines aside.

    Lines that stand once in each text and in the same order hold both together (patience diff), then lines that begin
    with the same words, which takes n log n steps; what lies between them is looked at by difflib where it is short,
    and is one difference where it is not.

    >>> spans(["a", "b", "c"], ["a", "x", "c", "d"])
    [(1, 2, 1, 2), (3, 3, 3, 4)]
    >>> spans(["<p>One mill.</p>", "<hr>", "<p>Two <b>mills.</b></p>"], ["One mill.", "Two mills."])
    [(0, 1, 0, 1), (1, 2, 1, 1), (2, 3, 1, 2)]
    """
    a, b = [line.strip() for line in before], [line.strip() for line in after]
    found: list[Span] = []
    for i, stop_a, j, stop_b in _between(_pairs(a, b), len(a), len(b)):
        part_a, part_b = a[i:stop_a], b[j:stop_b]
        alike = _pairs([_beginning(line) for line in part_a], [_beginning(line) for line in part_b])
        for k, stop_k, m, stop_m in _between(alike, len(part_a), len(part_b)):
            found += _gap(a, b, i + k, i + stop_k, j + m, j + stop_m)
            if stop_k < len(part_a) and part_a[stop_k] != part_b[stop_m]:
                found.append((i + stop_k, i + stop_k + 1, j + stop_m, j + stop_m + 1))
    return found


def _pairs(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
    """Where lines stand that both texts have once, in the same order."""
    count_a, count_b = Counter(a), Counter(b)
    once = {line: at for at, line in enumerate(b) if line and count_b[line] == 1}
    return _rising([(at, once[line]) for at, line in enumerate(a) if line in once and count_a[line] == 1])


def _between(pairs: Sequence[tuple[int, int]], n_a: int, n_b: int) -> Iterator[Span]:
    """What lies before, between and behind pairs of lines."""
    i = j = 0
    for at_a, at_b in (*pairs, (n_a, n_b)):
        yield i, at_a, j, at_b
        i, j = at_a + 1, at_b + 1


def _beginning(line: str) -> str:
    """The first words of a line without its markup.

    >>> _beginning("<p>It&nbsp;is <b>the</b> [[mill]] of Oakminster.</p>")
    'the mill Oakminster'
    """
    return " ".join(_WORD.findall(_MARKUP.sub(" ", line[:_BEGINNING]))[:3])


def _gap(a: Sequence[str], b: Sequence[str], i: int, stop_a: int, j: int, stop_b: int) -> Iterator[Span]:
    """The differences within lines [i, stop_a) and [j, stop_b)."""
    while i < stop_a and j < stop_b and a[i] == b[j]:
        i, j = i + 1, j + 1
    while i < stop_a and j < stop_b and a[stop_a - 1] == b[stop_b - 1]:
        stop_a, stop_b = stop_a - 1, stop_b - 1
    if i == stop_a and j == stop_b:
        return
    if max(stop_a - i, stop_b - j) > SMALL or i == stop_a or j == stop_b:
        yield i, stop_a, j, stop_b
        return
    matcher = difflib.SequenceMatcher(None, a[i:stop_a], b[j:stop_b], autojunk=False)
    for tag, a0, a1, b0, b1 in matcher.get_opcodes():
        if tag != "equal":
            yield i + a0, i + a1, j + b0, j + b1


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest selection of pairs, which rise in the first, that rises in the second.

    >>> _rising([(0, 5), (1, 1), (2, 2), (3, 0)])
    [(1, 1), (2, 2)]
    """
    ends: list[int] = []  # the smallest second of a selection of each length
    at: list[int] = []  # and which pair has it
    before: list[int] = []
    for number, (_, second) in enumerate(pairs):
        length = bisect_left(ends, second)
        before.append(at[length - 1] if length else -1)
        ends[length : length + 1], at[length : length + 1] = [second], [number]
    chosen: list[tuple[int, int]] = []
    number = at[-1] if at else -1
    while number >= 0:
        chosen.append(pairs[number])
        number = before[number]
    return chosen[::-1]
