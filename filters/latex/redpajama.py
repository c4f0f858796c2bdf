r"""RedPajama v1's cleaning of a paper, with its faults: for comparison, and for whoever wants that corpus again.

Files are joined in the order of the tar. Each one loses what stands before its first heading, lines that begin with
`%`, comments (with the character before them), and what follows an appendix or a bibliography. Macros without
arguments whose definition ends its line are replaced one after the other, in the order in which they are first defined.
A paper of which a file is no UTF-8, or a macro's value no ASCII, goes, as the reference fails on it.
Source: RedPajama v1 (branch rp_v1), data_prep/arxiv/arxiv_cleaner.py.

The results are those of its regular expressions; the work is not, since some of those take quadratic time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

__all__ = ["clean_files"]

_NEWCOMMAND = re.compile(r"\\newcommand\b\*?\{(\\[a-zA-Z0-9]+)\}\{")
_DEF = re.compile(r"\\def\s*(\\[a-zA-Z0-9]+)\s*\{")
_HEADING = re.compile(r"\\(?:chapter|part|(?:sub){0,2}section|(?P<paragraph>paragraph))\b\*?")
_SUBPARAGRAPH = re.compile(r"\}\\subparagraph\b\*?")
_LINE_COMMENT = re.compile(r"^%.*\n?", re.MULTILINE)
_COMMENT = re.compile(r"[^\\]%.+$", re.MULTILINE)
_END = re.compile(r"\\appendix|\\begin\{references\}|\\begin\{REFERENCES\}|\\begin\{thebibliography\}|\\bibliography\{")
_TOKEN = re.compile(r"\\[a-zA-Z0-9]+")
_MAX_WORK: Final = 1 << 27  # characters read and written for replacing macros
_MAX_CHARS: Final = 4 << 20  # and eight times a file: macros may make it grow without bound


def clean_files(texts: Iterable[str]) -> str | None:
    r"""The files of a paper as RedPajama v1 cleans and joins them; None where its code fails.

    >>> clean_files([r"a\section{B} c\appendix d", "\\newcommand{\\x}{y}\n\\section{C}\\x !"])
    '\\section{B} c\n\\section{C}y !'
    """
    files, macros = list(texts), dict[str, str]()
    for text in files:
        for pattern in (_NEWCOMMAND, _DEF):
            macros |= _macros(text, pattern)
    work = 0
    cleaned: list[str] = []
    for text in files:
        body = _body(text)
        if body:
            if not all(map(_may_stand_in, macros.values())):
                return None
            body, work = _replaced(body, macros, work)
            if work > _MAX_WORK:
                return None
        cleaned.append(body)
    return "\n".join(cleaned)


def _macros(text: str, pattern: re.Pattern[str]) -> dict[str, str]:
    r"""
    >>> _macros("\\newcommand{\\x}{a} \\newcommand{\\y}{b}\n\\newcommand*{\\z}{c}", _NEWCOMMAND)
    {'\\x': 'a} \\newcommand{\\y}{b', '\\z': 'c'}
    """
    found, start = dict[str, str](), 0
    while match := pattern.search(text, start):
        start = text.find("\n", match.end())
        start = len(text) if start < 0 else start
        if start > match.end() and text[start - 1] == "}":
            found[match[1]] = text[match.end() : start - 1]
    return found


def _may_stand_in(value: str) -> bool:
    """Whether a value can be a template of `re.sub` after it went through unicode-escape.

    >>> _may_stand_in("a\\t\\\\b"), _may_stand_in("é"), _may_stand_in("\\0")
    (True, False, False)
    """
    return all(" " <= character <= "~" or character in "\t\r" for character in value)


def _body(text: str) -> str:
    """A file from its first heading to its end, without comments; "" where it has no heading."""
    start = _first_heading(text)
    if start is None:
        return ""
    text = _COMMENT.sub("", _LINE_COMMENT.sub("", text[start:]))
    last_brace = text.rfind("}")
    for match in _END.finditer(text):
        if not match[0].endswith("{") or last_brace >= match.end():
            return text[: match.start()]
    return text


def _first_heading(text: str) -> int | None:
    r"""Where the first heading stands. A paragraph is one only right before a subparagraph: a bar is missing there.

    >>> [_first_heading(text) for text in ("a\\section{B}", "\\paragraph{A}", "\\paragraph{A}\\subparagraph{B}")]
    [1, None, 0]
    """
    last_brace = text.rfind("}")
    last_option = text.rfind("]{", 0, max(0, last_brace))

    def has_argument(place: int) -> bool:
        if text[place : place + 1] == "[":
            return last_option > place
        return text[place : place + 1] == "{" and last_brace > place

    subparagraphs = [match.start() for match in _SUBPARAGRAPH.finditer(text) if has_argument(match.end())]
    for match in _HEADING.finditer(text):
        place = match.end()
        if not has_argument(place):
            continue
        if not match["paragraph"] or (subparagraphs and subparagraphs[-1] > _first_brace(text, place)):
            return match.start()
    return None


def _first_brace(text: str, place: int) -> int:
    """Where the argument of a heading begins: behind its optional argument."""
    return place if text[place] == "{" else text.find("]{", place) + 1


def _replaced(text: str, macros: Mapping[str, str], work: int) -> tuple[str, int]:
    r"""The text with macros replaced, and the work with what that took added; above _MAX_WORK it is given up.

    A call right behind another one stays, and so does one at the end, as the character behind a call is needed.

    >>> _replaced(r"\A \Ab \A\A \A", {"\\A": r"x\B", "\\B": "b"}, 0)[0]
    'xb \\Ab xb\\A \\A'
    """
    names, max_chars = set(_TOKEN.findall(text)), _MAX_CHARS + 8 * len(text)
    for name, value in macros.items():
        if name not in names:
            continue
        call = re.compile(rf"{re.escape(name)}([^a-zA-Z0-9])")
        n_chars = len(text) + len(call.findall(text)) * len(value)
        work += n_chars
        if work > _MAX_WORK or n_chars > max_chars:
            return "", _MAX_WORK + 1
        text = call.sub(lambda match, value=value: value + match[1], text)  # type: ignore[misc]
        names = set(_TOKEN.findall(text))
    return text, work
