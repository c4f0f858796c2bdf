"""Pieces of Markdown that hold any text: nothing in a name or a title can break a table or become markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .visible import escaped

_MARKUP = re.compile(r"([\\`*_{}\[\]<>|~#&!$])")


def one_line(text: str) -> str:
    """
    >>> one_line("a\\n  b")
    'a b'
    """
    return escaped(" ".join(text.split()))


def literal(text: str) -> str:
    """Text that shows as it is.

    >>> print(literal("a|b <b>*c*"))
    a\\|b \\<b\\>\\*c\\*
    """
    return _MARKUP.sub(r"\\\1", one_line(text))


def code(text: str) -> str:
    """A span of code for a cell of a table, whatever backticks and bars it holds.

    >>> print(code("c4.brace"), code("a|b"), code("a `b"))
    `c4.brace` `a\\|b` `` a `b ``
    """
    text = one_line(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{text}{pad}{fence}".replace("|", "\\|")


def link(name: str, url: str) -> str:
    """
    >>> link("a [b]", "https://example.org/a(b)")
    '[a \\\\[b\\\\]](<https://example.org/a(b)>)'
    """
    return f"[{literal(name)}](<{re.sub('[<>]', '', one_line(url))}>)"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    """A table of cells that are Markdown already; the columns `numbers` stand to the right.

    >>> print(table(["a", "b"], [["x", "1"]], [1]))
    | a | b |
    | --- | ---: |
    | x | 1 |
    """
    rule = ["---:" if place in set(numbers) else "---" for place in range(len(columns))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, rule, *rows))


def bullets(lines: Iterable[str]) -> str:
    """
    >>> print(bullets(["a", "b"]))
    - a
    - b
    """
    return "\n".join(f"- {line}" for line in lines)
