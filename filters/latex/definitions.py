r"""Reading definitions: `\newcommand` and its kin, `\def`, `\let`, xparse.

Each parser takes the text behind the defining command and gives a `Definition`, or None where it is none; like a reader
of arguments it raises `RanOut` when the text ends first.   Source: LaTeX2e's source (ltdefns), the xparse manual.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .macros import Environment, macro
from .tokens import (
    NAME,
    NO_VALUE,
    Argument,
    RanOut,
    Reader,
    delimited,
    drop_comments,
    expect,
    flag,
    group,
    optional,
    read_group,
    required,
    skip_blank,
)

__all__ = [
    "Definition",
    "parse_def",
    "parse_environment",
    "parse_let",
    "parse_newcommand",
    "parse_newif",
    "parse_operator",
    "parse_xparse",
    "parse_xparse_environment",
]

_CSNAME = re.compile(r"\\csname\s*+([^\\{}%#\n]+)\\endcsname")
_COUNT = re.compile(r"\[\s*([0-9])\s*\]")
_STAR = re.compile(r"\s*\*")
_BEFORE_BODY = re.compile(r"(?:[^{}\\%#]|#[1-9]|\\(?:[A-Za-z@]+\s*|.))*+#?", re.DOTALL)
_NUMBER = re.compile(r"#[1-9]")
_LET = re.compile(r"[ \t]*+(?:=[ \t]?)?+(\\(?:[A-Za-z@]++|.)|[^\s{}\\%#~&$])", re.DOTALL)
_SPEC = re.compile(
    r"[+!]*(?:(?P<mo>[mo])|(?P<s>s)|(?P<t>t)\s*(?P<token>\S)|(?P<O>O)\s*\{(?P<default>(?:[^{}]|\{[^{}]*\})*)\}"
    r"|(?P<rd>[rd])\s*(?P<open>\S)\s*(?P<close>\S)"
    r"|(?P<RD>[RD])\s*(?P<opening>\S)\s*(?P<closing>\S)\s*\{(?P<value>(?:[^{}]|\{[^{}]*\})*)\})\s*"
)


@dataclass(frozen=True, slots=True)
class Definition:
    r"""What is defined, as what, and where the definition ends; of `\let` the name of what it shall be."""

    name: str
    meaning: Any
    end: int


def _read_name(text: str, pos: int) -> Argument | None:
    r"""The control sequence that is defined: `\x`, `{\x}`, or `\csname x\endcsname`.

    >>> _read_name(r" {\x}", 0), _read_name(r"\csname f1\endcsname", 0), _read_name("~a", 0)
    (('\\x', 5), ('\\f1', 20), None)
    """
    pos = skip_blank(text, pos)
    if named := _CSNAME.match(text, pos):
        return f"\\{named[1].strip()}", named.end()
    if text.startswith("{", pos):
        name, end = read_group(text, pos + 1)
        return (name.strip(), end) if NAME.fullmatch(name.strip()) else None
    if found := NAME.match(text, pos):
        return found[0], found.end()
    if pos >= len(text) - 1:
        raise RanOut
    return None


def _read_body(text: str, pos: int) -> Argument | None:
    body = group(text, pos)
    return body and (drop_comments(body[0]), body[1])


def _read_count_and_default(text: str, pos: int) -> tuple[list[Reader], int]:
    """The readers that `[2][x]` of a definition stands for."""
    pos = skip_blank(text, pos)
    if not (count := _COUNT.match(text, pos)):
        return [], pos
    readers: list[Reader] = [group] * int(count[1])
    default, end = optional(NO_VALUE)(text, count.end())
    return ([optional(drop_comments(default)), *readers[1:]] if end > count.end() else readers), end


def _skip_star(text: str, pos: int) -> int:
    return star.end() if (star := _STAR.match(text, pos)) else pos


def parse_newcommand(text: str, pos: int) -> Definition | None:
    r"""`\newcommand`: star, name, number of arguments, default, body.

    >>> parse_newcommand(r"*{\x}[2][a]{#1#2} b", 0).name, parse_newcommand(r"\x\y", 0).end
    ('\\x', 4)
    """
    if (named := _read_name(text, _skip_star(text, pos))) is None:
        return None
    readers, pos = _read_count_and_default(text, named[1])
    if (body := _read_body(text, pos)) is None:
        return None
    return Definition(named[0], macro(body[0], readers), body[1])


def parse_def(text: str, pos: int) -> Definition | None:
    r"""`\def`: name, what stands between the arguments, body.

    >>> parse_def(r"\x(#1,#2){[#1|#2]} a", 0).end, parse_def("~{ }", 0), parse_def(r"\x##1{}", 0)
    (18, None, None)
    """
    if (named := _read_name(text, pos)) is None:
        return None
    between = _BEFORE_BODY.match(text, named[1])
    assert between  # it matches nothing, too
    if text[between.end() : between.end() + 1] != "{":
        if between.end() == len(text):
            raise RanOut
        return None
    first, *delimiters = _NUMBER.split(text[named[1] : between.end()])
    if _NUMBER.findall(text, named[1], between.end()) != [f"#{n}" for n in range(1, len(delimiters) + 1)]:
        return None
    if delimiters and delimiters[-1].endswith("#"):
        delimiters[-1] = delimiters[-1][:-1] + "{"
    if any("#" in delimiter for delimiter in (first, *delimiters)):
        return None
    readers = [delimited(delimiter) if delimiter else group for delimiter in delimiters]
    body, end = read_group(text, between.end() + 1)
    brace = "{" if delimiters and delimiters[-1].endswith("{") and delimiters[-1] != "{" else ""
    if brace:
        return None  # text and a brace behind an argument: nobody writes it
    prefix = expect(first.strip()) if first.strip() else None
    meaning = macro(drop_comments(body), readers, prefix)
    return Definition(named[0], meaning, end)


def parse_let(text: str, pos: int) -> Definition | None:
    r"""`\let`: name, perhaps an equals sign, one token.

    >>> parse_let(r"\a=\b c", 0)
    Definition(name='\\a', meaning='\\b', end=5)
    """
    if (named := _read_name(text, pos)) is None:
        return None
    if text.startswith("{", named[1]):  # \\LetLtxMacro{\\a}{\\b}
        target = _read_name(text, named[1])
        return target and Definition(named[0], *target)
    if found := _LET.match(text, named[1]):
        return Definition(named[0], found[1], found.end())
    if named[1] >= len(text) - 1:
        raise RanOut
    return None


def parse_newif(text: str, pos: int) -> Definition | None:
    r"""`\newif`: the name of a conditional."""
    named = _read_name(text, pos)
    return Definition(named[0], "\\iffalse", named[1]) if named and named[0].startswith("\\if") else None


def parse_operator(text: str, pos: int) -> Definition | None:
    r"""`\DeclareMathOperator`: name and text.

    >>> parse_operator(r"{\Tr}{Tr}", 0).meaning.fill([""])
    '\\operatorname{Tr}'
    """
    star = text.startswith("*", pos)
    if (named := _read_name(text, pos + star)) is None or (body := _read_body(text, named[1])) is None:
        return None
    return Definition(named[0], macro(f"\\operatorname{'*' * star}{{{body[0]}}}"), body[1])


def _readers_of(specification: str) -> list[Reader] | None:
    """The readers of xparse's argument letters; None when there is one that is not known here."""
    readers: list[Reader] = []
    pos = skip_blank(specification, 0)
    while pos < len(specification):
        if not (letter := _SPEC.match(specification, pos)):
            return None
        pos = letter.end()
        readers.append(_reader_of(letter))
    return readers


def _reader_of(letter: re.Match[str]) -> Reader:
    if letter["mo"]:
        return group if letter["mo"] == "m" else optional(NO_VALUE, nested=True)
    if letter["s"] or letter["t"]:
        return flag(letter["token"] or "*")
    if letter["O"]:
        return optional(letter["default"], nested=True)
    opening, closing = letter["open"] or letter["opening"], letter["close"] or letter["closing"]
    is_required = (letter["rd"] or letter["RD"]) in "rR"
    default = NO_VALUE if letter["rd"] else letter["value"]
    return required(opening, closing) if is_required else optional(default, opening, closing, nested=True)


def parse_xparse(text: str, pos: int) -> Definition | None:
    r"""`\NewDocumentCommand`: name, letters of the arguments, body."""
    if (named := _read_name(text, pos)) is None or (letters := group(text, named[1])) is None:
        return None
    if (body := _read_body(text, letters[1])) is None or (readers := _readers_of(letters[0])) is None:
        return None
    return Definition(named[0], macro(body[0], readers), body[1])


def _environment(begin: str, end: str, readers: list[Reader]) -> Environment:
    return Environment(macro(begin, readers), macro(end, readers))


def parse_environment(text: str, pos: int) -> Definition | None:
    r"""`\newenvironment`: star, name, number of arguments, default, what begins it, what ends it."""
    if (named := group(text, _skip_star(text, pos))) is None or "\\" in named[0]:
        return None
    readers, pos = _read_count_and_default(text, named[1])
    if (begin := _read_body(text, pos)) is None or (end := _read_body(text, begin[1])) is None:
        return None
    return Definition(named[0], _environment(begin[0], end[0], readers), end[1])


def parse_xparse_environment(text: str, pos: int) -> Definition | None:
    r"""`\NewDocumentEnvironment`: name, letters of the arguments, what begins it, what ends it."""
    if (named := group(text, pos)) is None or "\\" in named[0] or (letters := group(text, named[1])) is None:
        return None
    if (begin := _read_body(text, letters[1])) is None or (end := _read_body(text, begin[1])) is None:
        return None
    if (readers := _readers_of(letters[0])) is None:
        return None
    return Definition(named[0], _environment(begin[0], end[0], readers), end[1])
