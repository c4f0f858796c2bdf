r"""What TeX does not read: comments, the `comment` environment, `\iffalse`, and what stands behind `\endinput`.

Nothing goes from verbatim text (verbatim.py).
Source: The TeXbook, chapter 8 (line ends) and 20 (conditionals); the comment package.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from .verbatim import Scanner, own_environments

__all__ = ["drop_false_branches", "strip_comments"]

_COMMENT: Final = r"%[^\n]*(?:\n[ \t]*%[^\n]*)*+\n?|\\begin[ \t]*\{comment\}"
_END_OF_COMMENT: Final = "\\end{comment}"
_CONDITIONAL: Final = (
    r"\\newif[ \t]*\\if[A-Za-z@]++|\\let[ \t]*\\[A-Za-z@]++[ \t]*=?[ \t]*\\(?:if[A-Za-z@]*+|else|fi)(?![A-Za-z@])"
    r"|\\(?P<word>if[A-Za-z@]*+|else|fi|endinput)(?![A-Za-z@])"
)
_NO_CONDITIONALS: Final = frozenset({"iff", "ifthenelse"})
_TAKES_GROUPS = re.compile(r"[ \t]*\{")
_MAY_TAKE_GROUPS: Final = frozenset({"if", "ifx", "ifcat", "ifmmode", "iffalse", "iftrue", "ifhmode", "ifvmode"})
_BLANKS = re.compile(r"[ \t]*")
_CONTROL_WORD_AT_END = re.compile(r"(?<!\\)(?:\\\\)*\\[A-Za-z@]+\Z")
_MAY_BRANCH = re.compile(r"\\(?:if|endinput)")
_VALUES: Final[Mapping[str, bool]] = MappingProxyType({"iffalse": False, "iftrue": True})


def strip_comments(source: str) -> str:
    r"""The source without its comments, as TeX reads it; line ends are "\n".

    A line that is nothing but a comment goes whole. The end of a line goes with the comment on it, and what begins the
    next line, unless a space stands before the comment or an empty line follows.

    >>> strip_comments("a% x\n  b % y\nc\n% z\nd\\% %"), strip_comments("a%\n\nb"), strip_comments("\\a%\nb")
    ('ab\nc\nd\\%', 'a\n\nb', '\\a b')
    >>> strip_comments("\\verb|%| a\\begin{comment}\n%\n\\end{comment}\nb")
    '\\verb|%| a\nb'
    """
    if "%" not in source and "{comment}" not in source:
        return source
    parts, done = list[str](), 0
    places = Scanner(source, _COMMENT, own_environments(source))
    for match in places:
        start, end = match.span()
        if source[start] == "%":
            start, joint, end = _without_comment(source, start, end)
        else:
            joint, end = "", source.find(_END_OF_COMMENT, end)
            if end < 0:
                break  # TeX would stop here; more likely the environment is another one
            end += len(_END_OF_COMMENT)
        parts += source[done:start], joint
        done = places.place = end
    parts.append(source[done:])
    return "".join(parts)


def _without_comment(source: str, start: int, end: int) -> tuple[int, str, int]:
    """What goes with the comments in [start, end), with the line end behind them, and what comes in its place."""
    line_start = source.rfind("\n", 0, start) + 1
    before = source[line_start:start]
    text = before.rstrip(" \t")
    if not text:
        return line_start, "", end
    line_end = "\n" if source[end - 1] == "\n" else ""
    if len(text) < len(before):
        return line_start + len(text), line_end, end
    next_text = _BLANKS.match(source, end).end()  # type: ignore[union-attr]  # it matches nothing, too
    if source[next_text : next_text + 1] in ("", "\n"):
        return start, line_end, end
    is_word = source[next_text].isalpha() and _CONTROL_WORD_AT_END.search(text)
    return start, " " if is_word else "", next_text


def drop_false_branches(source: str) -> str:
    r"""The source without what stands in the branches of `\iffalse` and `\iftrue` that TeX passes over.

    Other conditionals stay as they are, and so does one that has no end. Behind `\endinput`, outside of conditionals,
    its line goes on, and then nothing comes.

    >>> drop_false_branches(r"a\iffalse b\ifx c\fi d\else e\fi f"), drop_false_branches("a\\endinput b\nc")
    ('a e f', 'a b\n')
    """
    if not _MAY_BRANCH.search(source):
        return source
    gone: list[tuple[int, int]] = []
    branches: list[_Branch] = []
    end = len(source)
    for match in Scanner(source, _CONDITIONAL, own_environments(source)):
        word = match["word"]
        if word is None or (branches and word == "endinput"):
            continue
        if word == "endinput":
            gone.append(match.span())
            end = source.find("\n", match.end()) + 1 or end
            break
        if word == "fi":
            if branches:
                gone += branches.pop().close(match)
        elif word == "else":
            if branches:
                branches[-1].turn(match)
        elif _is_conditional(source, match):
            branches.append(_Branch(match, _VALUES.get(word)))
    return _without(source[:end], gone)


class _Branch:
    """A conditional that is open: what of it goes once it is closed; of one without a known value nothing."""

    def __init__(self, match: re.Match[str], value: bool | None) -> None:
        self._value, self._gone = value, [match.span()]
        self._turn: re.Match[str] | None = None

    def turn(self, match: re.Match[str]) -> None:
        self._turn = self._turn or match

    def close(self, match: re.Match[str]) -> list[tuple[int, int]]:
        if self._value is None:
            return []
        (start, end), turn = self._gone[0], self._turn
        if self._value:
            return [(start, end), (turn.start() if turn else match.start(), match.end())]
        return [(start, turn.end()), match.span()] if turn else [(start, match.end())]


def _is_conditional(source: str, match: re.Match[str]) -> bool:
    word = match["word"]
    if word in _NO_CONDITIONALS:
        return False
    return word in _MAY_TAKE_GROUPS or not _TAKES_GROUPS.match(source, match.end())


def _without(source: str, gone: list[tuple[int, int]]) -> str:
    """A source without some places, which may lie in one another.

    >>> _without("abcdef", [(1, 2), (0, 3), (4, 5)])
    'df'
    """
    parts, done = list[str](), 0
    for start, end in sorted(gone):
        if end > done:
            parts.append(source[done : max(start, done)])
            done = end
    parts.append(source[done:])
    return "".join(parts)
