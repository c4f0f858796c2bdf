"""Writes the parts of README.md and docs/ that follow from the code: help of commands, steps of sources, settings.

    python tools/write_docs.py            # writes them
    python tools/write_docs.py --check    # names the pages that are stale, with exit code 1

A part stands between `<!-- generated: NAME ARGUMENTS -->` and `<!-- end -->`; PARTS has the names.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import io
import re
import sys
import textwrap
import tokenize
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from corpusmill.cli import cli
from corpusmill.mixtures.recipe import Recipe, load
from corpusmill.mixtures.sources import SourceRecipe
from corpusmill.records import Reason
from corpusmill.report.describe import rows

ROOT = Path(__file__).resolve().parents[1]
PART = re.compile(r"(?P<begin>^<!-- generated: (?P<words>[^\n]*) -->\n).*?(?P<end>^<!-- end -->$)", re.M | re.S)
WIDTH = 100  # of help
LONGEST_DEFAULT = 60
NAMES = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def pages(root: Path = ROOT) -> list[Path]:
    """README and the pages of docs/, in the order of their names."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def renewed(text: str) -> str:
    """A page with its generated parts as they are to be now."""

    def renew(match: re.Match[str]) -> str:
        name, *arguments = match["words"].split()
        return f"{match['begin']}\n{PARTS[name](*arguments).strip()}\n\n{match['end']}"

    return PART.sub(renew, text)


# --- the command line -------------------------------------------------------------------------------------------------


def verbs() -> str:
    """A line for each command."""
    lines = [(f"[`{name}`](docs/cli.md#{name})", command.short_help or "") for name, command in commands()]
    return table(("command", "what"), lines)


def help_texts() -> str:
    """What `--help` of each command prints."""
    sections = []
    for name, command in commands():
        context = click.Context(command, cli_context(), name)
        said = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
        sections.append(f"## {name}\n\n```text\n{said}\n```")
    return "\n\n".join(sections)


def cli_context() -> click.Context:
    """What commands are called in, wherever they are called."""
    return click.Context(cli, info_name="corpusmill", terminal_width=WIDTH, **cli.context_settings)


def commands() -> list[tuple[str, click.Command]]:
    return sorted(cli.commands.items())


# --- sources ----------------------------------------------------------------------------------------------------------


def steps(source: str, *overrides: str) -> str:
    """What `corpusmill describe SOURCE` prints."""
    found = rows(source, load("llama1", overrides))
    return table(("step", "basis", "note"), [(row["step"], row["basis"], row["note"]) for row in found])


def reasons() -> str:
    """Why documents, and lines or answers of theirs, are dropped."""
    return table(("reason", "what it says"), [(f"`{reason}`", reason.description) for reason in Reason])


# --- recipes ----------------------------------------------------------------------------------------------------------


def settings(prefix: str = "") -> str:
    """The settings below a dotted key, each with its type, its default, and the comment that it has in the code.

    Of a source, those that every source has are left out; of the recipe itself, those that are groups of settings.
    """
    cls = at_key(prefix)
    parent: Any = cls.__mro__[1]
    hidden = {one.name for one in dataclasses.fields(parent)} if dataclasses.is_dataclass(parent) else set()
    if not prefix:
        hidden = {name for name, hint in typing.get_type_hints(cls).items() if nested(hint)}
    lines = [(f"`{key}`", *cells) for key, *cells in described(cls) if key.partition(".")[0] not in hidden]
    return table((f"`{prefix}.…`" if prefix else "setting", "type", "default", "what"), lines)


def settings_of_all_sources() -> str:
    """Those that every source has."""
    lines = [(f"`{key}`", *cells) for key, *cells in described(SourceRecipe)]
    return table(("`sources.<source>.…`", "type", "default", "what"), lines)


def at_key(key: str) -> type[Any]:
    """The dataclass of the settings below a dotted key."""
    cls: type[Any] = Recipe
    for name in filter(None, key.split(".")):
        inner = nested(typing.get_type_hints(cls)[name])
        assert inner, f"{key}: no group of settings"
        cls = inner
    return cls


def described(cls: type[Any], prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Key, type, default and comment of each setting; a group of settings is followed by what it holds."""
    hints, comments = typing.get_type_hints(cls), comments_of(cls)
    for one in dataclasses.fields(cls):
        inner = nested(hints[one.name])
        comment = comments[one.name] or (first_sentence(inner) if inner else "")
        yield f"{prefix}{one.name}", named(hints[one.name]), shown(one), comment
        if inner:
            yield from described(inner, f"{prefix}{one.name}.")


def nested(hint: Any) -> type[Any] | None:
    """The dataclass that a field holds, alone or beside None or a word."""
    return next(
        (one for one in (hint, *typing.get_args(hint)) if isinstance(one, type) and dataclasses.is_dataclass(one)), None
    )


def first_sentence(cls: type[Any]) -> str:
    return (inspect.getdoc(cls) or "").split("\n")[0].split("   Source")[0].split(". ")[0].rstrip(".")


def named(hint: Any) -> str:
    """A type in words.

    >>> named(typing.Literal["none", "first"]), named(tuple[str, ...]), named(int | None)
    ('`none`, `first`', 'list of texts', 'whole number, or null')
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return ", ".join(f"`{word}`" if word else "empty" for word in arguments)
    if origin in (typing.Union, types.UnionType):
        return ", or ".join("null" if one is type(None) else named(one) for one in arguments)
    if origin is tuple:
        of = named(arguments[0])
        return f"list of {of}" + ("s" if arguments[0] in NAMES else "")
    return NAMES.get(hint, "settings")


def shown(one: dataclasses.Field[Any]) -> str:
    """The default of a field as YAML has it; of a long list its beginning."""
    value = one.default
    if value is dataclasses.MISSING:
        return "" if one.default_factory is not dataclasses.MISSING else "must be given"
    if value is None or value == "":
        return "–"
    if isinstance(value, tuple):
        text = f"[{', '.join(map(str, value))}]"
        short = f"{text[:LONGEST_DEFAULT].rpartition(',')[0]}, … {len(value)} of them]"
        return f"`{text if len(text) <= LONGEST_DEFAULT else short}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else f"`{value}`"


def comments_of(cls: type[Any]) -> dict[str, str]:
    """The comment of each field: on its lines, and on lines of their own below it. Parents' fields count, too."""
    found: dict[str, str] = {}
    for one in (*cls.__mro__[1:], cls):
        if dataclasses.is_dataclass(one):
            found |= _comments(textwrap.dedent(inspect.getsource(one)))
    return found


def _comments(source: str) -> dict[str, str]:
    """
    >>> _comments("class A:\\n    a: int = 1  # of a page\\n    # or more\\n    b: int = 2\\n")
    {'a': 'of a page or more', 'b': ''}
    """
    [cls] = ast.parse(source).body
    assert isinstance(cls, ast.ClassDef)
    by_line = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    found = {}
    for number, node in enumerate(cls.body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            after = cls.body[number + 1].lineno if number + 1 < len(cls.body) else (cls.end_lineno or 0) + 1
            found[node.target.id] = " ".join(by_line[line] for line in range(node.lineno, after) if line in by_line)
    return found


def table(head: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> str:
    """A table of Markdown."""
    cells = [head, tuple("---" for _ in head), *([escaped(cell) for cell in line] for line in lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def escaped(text: str) -> str:
    """Text as a cell of a table shows it.

    >>> escaped("<language>.arpa, as `<s>` | `a`")
    '&lt;language>.arpa, as `<s>` \\\\| `a`'
    """
    pieces = text.replace("|", "\\|").split("`")
    return "`".join(piece if number % 2 else piece.replace("<", "&lt;") for number, piece in enumerate(pieces))


PARTS: Mapping[str, Callable[..., str]] = {
    "verbs": verbs,
    "help": help_texts,
    "steps": steps,
    "reasons": reasons,
    "settings": settings,
    "settings-of-all-sources": settings_of_all_sources,
}


def main(arguments: list[str]) -> int:
    """Write the pages, or say which are stale."""
    stale = [page for page in pages() if renewed(page.read_text()) != page.read_text()]
    for page in stale:
        if "--check" in arguments:
            print(f"{page.relative_to(ROOT)}: stale; python tools/write_docs.py writes it anew.")
        else:
            page.write_text(renewed(page.read_text()))
            print(page.relative_to(ROOT))
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
