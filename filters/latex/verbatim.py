r"""Where LaTeX source is not read as LaTeX: `verbatim` and its like, `\verb`, and the addresses of `\url`.

`Scanner` finds what a pattern says everywhere else. It takes time in proportion to the source, whatever stands there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

__all__ = ["ENVIRONMENTS", "Scanner", "end_of_group", "own_environments"]

ENVIRONMENTS: Final = frozenset({
    "verbatim", "verbatim*", "Verbatim", "Verbatim*", "BVerbatim", "LVerbatim", "SaveVerbatim", "VerbatimOut",
    "lstlisting", "minted", "alltt", "spverbatim", "verbatimtab", "tcblisting", "filecontents", "filecontents*",
})  # fmt: skip
"""Environments whose content TeX takes as it is."""

_OWN = re.compile(
    r"\\(?:lstnewenvironment|newtcblisting|DefineVerbatimEnvironment|RecustomVerbatimEnvironment)\s*\{([A-Za-z*]+)\}"
    r"|\\newminted\s*(?:\[([A-Za-z]+)\])?\s*\{([a-z]+)\}"
)
_NAME = r"[A-Za-z@]"
_PLACES = (
    rf"\\begin[ \t]*\{{(?P<_env>%s)\}}"
    rf"|\\(?P<_verb>verb|lstinline|mintinline)\*?(?!{_NAME})"
    rf"|\\(?P<_url>url|path|nolinkurl|href|burl)(?!{_NAME})"
)
_MAX_VERB_CHARS: Final = 1000
_OPTION = re.compile(r"[ \t]*\[[^\[\]\n]*\]")
_VERB_GROUP = re.compile(r"\{[^{}\n]*\}")
_URL = re.compile(r"\s*(?:\{[^{}\n]*(?:\{[^{}\n]*\}[^{}\n]*)*\}|\|[^|\n]*\|)")
_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)


def own_environments(source: str) -> frozenset[str]:
    r"""The environments that a source declares to be like `verbatim`.

    >>> sorted(own_environments(r"\lstnewenvironment{code}{}{} \newminted{python}{} \newminted[sh]{bash}{}"))
    ['code', 'pythoncode', 'sh']
    """
    if "verbatim" not in source.lower() and "\\lstnew" not in source and "\\new" not in source:
        return frozenset()
    return frozenset(match[1] or match[2] or match[3] + "code" for match in _OWN.finditer(source))


class Scanner(Iterator[re.Match[str]]):
    r"""What a pattern matches outside of verbatim text, from left to right.

    `own` are further environments like `verbatim`. A backslash and the character after it count as one, so that the
    pattern is not found behind an escaped backslash. The pattern has no groups with names that begin with "_". Whoever
    reads on by himself sets `place`, where the search goes on.

    >>> [match.start() for match in Scanner(r"% \% \verb|%| \begin{verbatim}%\end{verbatim} \url{a%b} %", "%")]
    [0, 56]
    """

    def __init__(self, source: str, pattern: str, own: frozenset[str] = frozenset(), start: int = 0) -> None:
        self._source, self.place = source, start
        self._regex = _compiled(pattern, own)
        self._unclosed = set[str]()  # environments that do not end any more

    def __next__(self) -> re.Match[str]:
        while match := self._regex.search(self._source, self.place):
            self.place = match.end()
            if name := match["_env"]:
                self.place = self._end_of_environment(name, match.end())
            elif match["_verb"]:
                self.place = _end_of_verb(self._source, match.end())
            elif match["_url"]:
                address = _URL.match(self._source, match.end())
                self.place = address.end() if address else match.end()
            elif not match["_symbol"]:
                return match
        raise StopIteration

    def _end_of_environment(self, name: str, start: int) -> int:
        end = -1 if name in self._unclosed else self._source.find(f"\\end{{{name}}}", start)
        if end < 0:
            self._unclosed.add(name)
            return start
        return end + len(name) + 6


@lru_cache(maxsize=64)
def _compiled(pattern: str, own: frozenset[str]) -> re.Pattern[str]:
    names = "|".join(map(re.escape, sorted(ENVIRONMENTS | own, key=lambda name: (-len(name), name))))
    return re.compile(rf"{_PLACES % names}|{pattern}|(?P<_symbol>\\[^A-Za-z])", re.DOTALL | re.MULTILINE)


def _end_of_verb(source: str, start: int) -> int:
    r"""Where the text of a `\verb` ends, on its line; where it has none, right there.

    >>> _end_of_verb("|a| b", 0), _end_of_verb("[x]{a} b", 0), _end_of_verb("|a", 0)
    (3, 6, 0)
    """
    option = _OPTION.match(source, start)
    start_of_text = option.end() if option else start
    if group := _VERB_GROUP.match(source, start_of_text):
        return group.end()
    mark = source[start_of_text : start_of_text + 1]
    if not mark or mark.isspace() or mark.isalpha():
        return start
    end = source.find(mark, start_of_text + 1, start_of_text + _MAX_VERB_CHARS)
    return start if end < 0 or "\n" in source[start_of_text:end] else end + 1


def end_of_group(source: str, start: int, limit: int = 100_000) -> int:
    r"""Where the group that begins with the brace at `start` ends, behind its own brace; -1 if not within `limit`.

    >>> end_of_group(r"{a{\}}b}c", 0), end_of_group("{a", 0), end_of_group("a", 0)
    (8, -1, -1)
    """
    depth = 0
    if source[start : start + 1] != "{":
        return -1
    for match in _BRACES.finditer(source, start, start + limit):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if not depth:
            return match.end()
    return -1
