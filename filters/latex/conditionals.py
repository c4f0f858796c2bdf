r"""Where the branches of a TeX conditional lie.   Source: The TeXbook, chapter 20."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Branches", "find_branches", "is_conditional"]

_TAKES_BRACES = re.compile(
    r"\\if(?:f|thenelse|bool\w*|toggle|str[a-z]+|blank|(?:cs|file|package|class)?(?:un)?def(?!ined\b)\w*|csstring\w*|"
    r"num[a-z]+|dim[a-z]+|rmnum|patchable|inlist\w*)\Z"
)
r"""`\iff` is an arrow, and these of etoolbox and ifthen take their branches as arguments."""
_WORD = re.compile(r"\\(?:(if[A-Za-z@]*+|else|fi)(?![A-Za-z@])|[A-Za-z@]++|.)|%[^\n]*+", re.DOTALL)


class Branches(NamedTuple):
    r"""Begin and end of `\else` (of `\fi` where there is none) and of `\fi`."""

    otherwise: tuple[int, int]
    end: tuple[int, int]


def is_conditional(name: str) -> bool:
    r"""Whether TeX reads on to `\fi` from here, by its name.

    >>> [name for name in (r"\ifx", r"\iff", r"\ifdraft", r"\ifthenelse", r"\ifdefined") if is_conditional(name)]
    ['\\ifx', '\\ifdraft', '\\ifdefined']
    """
    return name.startswith(r"\if") and not _TAKES_BRACES.match(name)


def find_branches(text: str, pos: int) -> Branches | None:
    r"""The rest of the conditional that began before `pos`; None when it has no end.

    >>> find_branches(r" a\else b\ifx c\fi\fi", 0)
    Branches(otherwise=(2, 7), end=(18, 21))
    >>> find_branches(r"a\fi", 0), find_branches(r"\ifx a\fi", 0)
    (Branches(otherwise=(1, 4), end=(1, 4)), None)
    """
    depth = 0
    otherwise = None
    for word in _WORD.finditer(text, pos):
        if not word[1]:
            continue
        if word[1] == "fi":
            if not depth:
                return Branches(otherwise or word.span(), word.span())
            depth -= 1
        elif word[1] == "else":
            if not depth:
                otherwise = otherwise or word.span()
        elif is_conditional(word[0]):
            depth += 1
    return None
