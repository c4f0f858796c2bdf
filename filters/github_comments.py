"""The comments that a source file begins with, by the comment syntax of its language, which its name tells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

__all__ = ["Comment", "Syntax", "comments", "syntax_of"]


@dataclass(frozen=True)
class Syntax:
    """The comments of a language.

    `gap` matches what may stand before and between the comments of a header, `opening` the marks that open one,
    `run` comments that go on for lines. `closing` maps an opening mark to its end. Marks among `strings` open strings
    of the program that serve as comments.
    """

    gap: re.Pattern[str]
    opening: re.Pattern[str] | None
    run: re.Pattern[str] | None
    closing: Mapping[str, str]
    strings: frozenset[str]


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment and its marks, none for a run of lines; `is_string` where it is a string of the program."""

    text: str
    opening: str = ""
    closing: str = ""
    is_string: bool = False


@cache
def _syntaxes() -> Mapping[str, Syntax]:
    """The syntax by a file's ending or name in lower case, from `github_languages.yaml`, read once."""
    source = resources.files(__package__).joinpath("github_languages.yaml")
    languages: dict[str, dict[str, Any]] = yaml.safe_load(source.read_text(encoding="utf-8"))
    return {
        name: syntax for known in languages.values() for syntax in [_syntax(known)] for name in known["files"].split()
    }


def _syntax(known: Mapping[str, Any]) -> Syntax:
    marks = [*known.get("block", ()), *known.get("text", ())]
    run = known.get("run") or ("line" in known and rf"(?:[ \t]*+(?:{known['line']})[^\n]*+\n?+)++")
    return Syntax(
        gap=re.compile("(?:" + "|".join((r"\s++|\ufeff|#![^\n]*+", *known.get("through", ()))) + ")*+"),
        opening=re.compile("|".join(re.escape(opening) for opening, _ in marks)) if marks else None,
        run=re.compile(run) if run else None,
        closing=dict(marks),
        strings=frozenset(opening for opening, _ in known.get("text", ())),
    )


def syntax_of(path: str, content: str = "") -> Syntax | None:
    """The comment syntax of a file, None where it is not known. A file of no known name is a script if it begins so.

    >>> syntax_of("src/Makefile.in") is syntax_of("run", "#!/bin/sh"), syntax_of("notes.txt", "# a")
    (True, None)
    """
    syntaxes = _syntaxes()
    name = path.rpartition("/")[2].lower().removesuffix(".in")
    ending = name[max(0, name.rfind(".")) :]
    found = syntaxes.get(ending) or syntaxes.get(name) or syntaxes.get(name.partition(".")[0])
    return found or (syntaxes[".sh"] if content.startswith("#!") else None)


def comments(content: str, syntax: Syntax) -> Iterator[tuple[int, Comment]]:
    """The comments that a file begins with, and where each begins. One that is not closed is none.

    >>> [comment.text for _, comment in comments("/* a */\\n// b\\n// c\\nint d; // e", syntax_of("a.c"))]
    ['/* a */', '// b\\n// c\\n']
    """
    position = 0
    while True:
        start = syntax.gap.match(content, position).end()  # type: ignore[union-attr]  # it matches nothing, too
        if syntax.opening and (opened := syntax.opening.match(content, start)):
            opening = opened[0]
            closing = syntax.closing[opening]
            end = content.find(closing, opened.end())
            if end < 0:
                return
            position = end + len(closing)
            yield start, Comment(content[start:position], opening, closing, opening in syntax.strings)
        elif syntax.run and (run := syntax.run.match(content, start)):
            position = run.end()
            yield start, Comment(run[0])
        else:
            return
