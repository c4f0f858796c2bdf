"""What TeX reads: tokens, groups, arguments.   Source: The TeXbook, chapters 7, 8 and 20; LaTeX2e and xparse manuals.

An argument reader takes a text and a position and gives the argument and the position behind it; None when what stands
there is no such argument. It raises `RanOut` when the text ends first, so that the caller may give it more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

__all__ = [
    "NAME",
    "NO_VALUE",
    "TOKEN",
    "TOKEN_AT",
    "TRUTH",
    "RanOut",
    "Reader",
    "delimited",
    "drop_comments",
    "ends_in_word",
    "expect",
    "flag",
    "glue",
    "group",
    "optional",
    "read_group",
    "required",
    "skip_blank",
]

Argument = tuple[str, int]
Reader = Callable[[str, int], Argument | None]

_TOKEN = r"\{{[^{{}}\\%]*+\}}|\{{|\}}|\\(?:[A-Za-z{at}]++|.?)|%[^\n]*+"  # groups with nothing in them are one token
TOKEN = re.compile(_TOKEN.format(at=""), re.DOTALL)
TOKEN_AT = re.compile(_TOKEN.format(at="@"), re.DOTALL)
r"""The same between `\makeatletter` and `\makeatother`, where @ is a letter."""
NAME = re.compile(r"\\(?:[A-Za-z@]++|.)", re.DOTALL)

NO_VALUE = "-NoValue-"
TRUTH = {True: "\\BooleanTrue", False: "\\BooleanFalse"}

_URL = r"(?:url|path|nolinkurl|href)\s*+\{[^{}\n]*+\}"  # the percent signs of addresses begin no comment
_BRACE = re.compile(rf"\{{|\}}|\\(?:{_URL}|.?)|%[^\n]*+", re.DOTALL)
_BLANK = re.compile(r"(?:[ \t\r]++|\n(?![ \t\r]*+\n)|%[^\n]*+\n)*+")
_SIMPLE_GROUP = re.compile(r"[ \t]*+\{([^{}\\%]*+)\}")
_COMMENT = re.compile(r"(\\.)|%[^\n]*+\n?[ \t]*+", re.DOTALL)
_WORD_AT_END = re.compile(r"(?<!\\)(?:\\\\)*+\\[A-Za-z@]++\Z")
_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


class RanOut(Exception):
    """The text ended within an argument."""


def skip_blank(text: str, pos: int) -> int:
    r"""The position behind spaces, comments and one line end; a blank line is no blank, it ends a paragraph.

    >>> skip_blank("  % hm\n  {a}", 0), skip_blank("\n\n{a}", 0)
    (9, 0)
    """
    return _BLANK.match(text, pos).end()  # type: ignore[union-attr]  # it matches nothing, too


def read_group(text: str, pos: int) -> Argument:
    r"""What stands in the braces that open right before `pos`.

    >>> read_group(r"{a\}{b}}c", 1)
    ('a\\}{b}', 8)
    """
    depth = 1
    for brace in _BRACE.finditer(text, pos):
        char = text[brace.start()]
        if char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if not depth:
                return text[pos : brace.start()], brace.end()
    raise RanOut


def group(text: str, pos: int) -> Argument | None:
    r"""An undelimited argument: a group, or else one token.

    >>> group(" {ab}c", 0), group("ab", 0), group(r"\ab c", 0), group("}", 0)
    (('ab', 5), ('a', 1), ('\\ab', 3), None)
    """
    if simple := _SIMPLE_GROUP.match(text, pos):
        return simple[1], simple.end()
    pos = skip_blank(text, pos)
    char = text[pos : pos + 1]
    if char == "{":
        return read_group(text, pos + 1)
    if char == "\\" and (name := NAME.match(text, pos)):
        return name[0], name.end()
    if char in ("", "\\"):
        raise RanOut
    return None if char in "}\n" else (char, pos + 1)


def _until(text: str, pos: int, end: re.Pattern[str]) -> tuple[int, int]:
    """Where `end` matches outside of groups; it knows braces, escapes and comments as its other alternatives."""
    while found := end.search(text, pos):
        if found.lastgroup == "end":
            return found.span()
        pos = read_group(text, found.end())[1] if found[0] == "{" else found.end()
        if found[0] == "}":
            break
    raise RanOut


def _end_pattern(delimiter: str) -> re.Pattern[str]:
    """A pattern for `_until`. Blanks of a delimiter stand for any blanks, and those after a control word for none."""
    tokens = re.findall(r"\\(?:[A-Za-z@]+|.)\s*|\s+|.", delimiter, re.DOTALL)
    return re.compile(rf"(?P<end>{''.join(map(_token_pattern, tokens))})|\{{|\}}|\\.|%[^\n]*+", re.DOTALL)


def _token_pattern(token: str) -> str:
    if token.isspace():
        return r"\s+"
    if token[0] == "\\" and token[1:2].isalpha():
        return re.escape(token.rstrip()) + r"(?![A-Za-z@])[ \t]*+\n?+"
    return re.escape(token)


def delimited(delimiter: str) -> Reader:
    r"""A reader of all up to a delimiter, without the braces when it is one group; `{` alone stays to be read.

    >>> delimited(r"\eeq")(r"{a}\eeq  b", 0), delimited(";")("{;};", 0), delimited("{")("a{b}", 0)
    (('a', 9), (';', 4), ('a', 1))
    """
    end = _end_pattern(delimiter)

    def read(text: str, pos: int) -> Argument:
        pos = skip_blank(text, pos)
        start, behind = _until(text, pos, end)
        return _without_braces(text[pos:start]), start if delimiter == "{" else behind

    return read


def _without_braces(argument: str) -> str:
    if argument[:1] == "{" and argument[-1:] == "}" and read_group(argument, 1)[1] == len(argument):
        return argument[1:-1]
    return argument


def expect(literal: str) -> Reader:
    r"""A reader of what must stand there, such as the bracket of `\def\x(#1){}`."""
    pattern = re.compile("".join(map(_token_pattern, re.findall(r"\\(?:[A-Za-z@]+|.)\s*|\s+|.", literal, re.DOTALL))))

    def read(text: str, pos: int) -> Argument | None:
        pos = skip_blank(text, pos)
        if found := pattern.match(text, pos):
            return "", found.end()
        if len(text) - pos < len(literal):
            raise RanOut
        return None

    return read


def _bracketed(opening: str, closing: str, *, nested: bool) -> Reader:
    end = _end_pattern(closing)

    def read(text: str, pos: int) -> Argument | None:
        pos = skip_blank(text, pos)
        if text[pos : pos + 1] != opening:
            return None
        start, behind = _until(text, pos + 1, end)
        n_open = text.count(opening, pos + 1, start) if nested and opening != closing else 0
        while n_open:
            within = behind
            start, behind = _until(text, behind, end)
            n_open += text.count(opening, within, start) - 1
        return _without_braces(text[pos + 1 : start]), behind

    return read


def optional(
    default: str, opening: str = "[", closing: str = "]", *, nested: bool = False
) -> Callable[[str, int], Argument]:
    """A reader of an optional argument; `nested`, as in xparse, when brackets may stand in brackets.

    >>> optional("2")("[{[b]}]{c}", 0), optional("2")(" {c}", 0)
    (('[b]', 7), ('2', 0))
    """
    read_bracketed = _bracketed(opening, closing, nested=nested)
    return lambda text, pos: read_bracketed(text, pos) or (default, pos)


def required(opening: str, closing: str) -> Reader:
    """A reader of an argument in brackets of its own, `r()` of xparse."""
    return _bracketed(opening, closing, nested=True)


def flag(char: str) -> Reader:
    """A reader of a star or another character that may stand there."""

    def read(text: str, pos: int) -> Argument:
        start = skip_blank(text, pos)
        found = text.startswith(char, start)
        return TRUTH[found], start + 1 if found else pos

    return read


def drop_comments(text: str) -> str:
    r"""The text without comments, their line ends and the blanks that begin the next line.

    >>> drop_comments("a\\%b% c\n  d")
    'a\\%bd'
    """
    return _COMMENT.sub(lambda match: match[1] or "", text) if "%" in text else text


def ends_in_word(text: str) -> bool:
    r"""Whether a letter behind the text would become part of its last token.

    >>> ends_in_word(r"a\b"), ends_in_word(r"a\\b"), ends_in_word("")
    (True, False, False)
    """
    return text[-1:] in _LETTERS and bool(_WORD_AT_END.search(text, max(0, len(text) - 64)))


def glue(pieces: Iterable[str]) -> str:
    r"""The pieces in one, with a space where a control word and a letter would become another word.

    >>> glue([r"\det", "x", "y"]), glue([r"\det", "", "x"])
    ('\\det xy', '\\det x')
    """
    glued: list[str] = []
    for piece in filter(None, pieces):
        if glued and piece[0] in _LETTERS and ends_in_word(glued[-1]):
            glued.append(" ")
        glued.append(piece)
    return "".join(glued)
