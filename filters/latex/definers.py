r"""What the commands do that define: `\newcommand` and its kin, `\def`, `\let`, `\newif`, and their prefixes.

A definition goes, and holds from there to the end of its group. One whose calls must stay as written stays, too; one of
a command that gives a paper its structure only goes.   Source: The TeXbook, chapters 7 and 20; LaTeX2e's source.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from . import definitions
from .branching import IF_FALSE, IF_TRUE, UNKNOWN_CONDITIONAL
from .definitions import Definition
from .machine import Machine
from .macros import KNOWN, STRUCTURE, Macro, macro
from .stacks import Meaning
from .tokens import NAME

__all__ = ["DEFINING", "UNKNOWN", "Parser", "may_be_known", "read_definition"]

Parser = Callable[[str, int], Definition | None]

_PREFIXED = re.compile(
    r"(?:\s*\\(?:long|outer|protected|(global))(?![A-Za-z@])){0,3}+\s*(\\(?:[gex]?def|let|newcommand|renewcommand))(?![A-Za-z@])"
)
_DEFINES_NAMED = re.compile(r"\s*\\(?:[gex]?def|let|newcommand|renewcommand|providecommand)\s*(?=\\csname)")
_COUNTER = re.compile(r"\\(?:arabic|[Rr]oman|[Aa]lph|fnsymbol|value)(?![A-Za-z@])")
_NO_MEANING = ("\\relax", "\\undefined", "\\@undefined")
UNKNOWN = Macro((), left="needs_state")


def _define(machine: Machine, token: str, parse: Parser, *, is_global: bool = False, provides: bool = False) -> None:
    """A definition goes, and holds from here on. One whose calls stay as written stays, too."""
    if (definition := read_definition(machine, token, parse)) is None:
        return
    name, meaning = definition.name, definition.meaning
    if not machine.is_taken or not may_be_known(machine, meaning.needs):
        meaning = UNKNOWN
    if meaning.left:
        machine.assign(name, meaning, is_global=is_global)
        machine.leave(token + machine.last_read)
        return
    is_there = provides and (machine.meanings.get(name) is not None or name in KNOWN)
    if name not in STRUCTURE and not is_there:
        machine.assign(name, meaning, is_global=is_global)
    machine.n_definitions += 1
    machine.remove()


def may_be_known(machine: Machine, names: frozenset[str]) -> bool:
    """Whether the source defines all of these somewhere; an inner command of LaTeX's it does not."""
    return not names or names <= machine.defined_names


def read_definition(machine: Machine, token: str, parse: Parser) -> Definition | None:
    machine.take()

    def read(text: str, pos: int) -> tuple[Definition, int] | None:
        found = parse(text, pos)
        return (found, found.end) if found else None

    if (definition := machine.read(read)) is None:
        machine.leave(token)
    return definition


def _define_expanded(machine: Machine, token: str, *, is_global: bool = False) -> None:
    r"""`\edef`: the calls in the body are expanded now."""

    def parse(text: str, pos: int) -> Definition | None:
        if (definition := definitions.parse_def(text, pos)) is None:
            return None
        expanded = machine.expand_now(definition.meaning.body())
        meaning = macro(expanded, definition.meaning.readers, definition.meaning.prefix)
        if _COUNTER.search(expanded):
            meaning = replace(meaning, left="needs_state")
        return Definition(definition.name, meaning, definition.end)

    _define(machine, token, parse, is_global=is_global)


def _let(machine: Machine, token: str, *, is_global: bool = False) -> None:
    r"""`\let`: a second name for what a first one means now. What TeX itself defines is written by its own name."""
    if (definition := read_definition(machine, token, definitions.parse_let)) is None:
        return
    name, target = definition.name, definition.meaning
    meaning = machine.meanings.get(target)
    if not machine.is_taken:
        machine.assign(name, UNKNOWN, is_global=is_global)
        machine.leave(token + machine.last_read)
        return
    if name not in STRUCTURE:
        if meaning is None or (isinstance(meaning, Macro) and meaning.left):
            meaning = None if target in _NO_MEANING else partial(_alias, target=target)
        if target in ("\\empty", "\\@empty"):
            meaning = macro("")
        machine.assign(name, meaning, is_global=is_global)
    machine.n_definitions += 1
    machine.remove()


def _alias(machine: Machine, token: str, *, target: str) -> None:
    machine.take()
    machine.n_calls += 1
    machine.put(target)


def _newif(machine: Machine, token: str) -> None:
    r"""`\newif\ifx` makes `\ifx`, which is false, and `\xtrue` and `\xfalse`, which set it."""
    if (definition := read_definition(machine, token, definitions.parse_newif)) is None:
        return
    name = definition.name
    for value in (True, False):
        machine.assign(f"\\{name[3:]}{str(value).lower()}", partial(_switch, name=name, value=value))
    is_known = machine.is_taken
    machine.assign(name, IF_FALSE if is_known else UNKNOWN_CONDITIONAL)
    if is_known:
        machine.n_definitions += 1
        machine.remove()
    else:
        machine.leave(token + machine.last_read)


def _switch(machine: Machine, token: str, *, name: str, value: bool) -> None:
    if not machine.is_taken:
        machine.assign(name, UNKNOWN_CONDITIONAL)
        return
    machine.take()
    machine.assign(name, IF_TRUE if value else IF_FALSE)
    machine.remove()


def _prefix(machine: Machine, token: str) -> None:
    r"""`\global`, `\long` and the like, before a definition."""
    prefixed = _PREFIXED.match(machine.text, machine.pos)
    if prefixed and machine.meanings.get(prefixed[2]) == DEFINING[prefixed[2]]:
        machine.pos = prefixed.end()
        options = {"is_global": True} if token == "\\global" or prefixed[1] else {}
        DEFINING[prefixed[2]](machine, token + prefixed[0], **options)


def _expandafter(machine: Machine, token: str) -> None:
    r"""`\expandafter\def\csname x\endcsname` defines `\x`; else neither this nor the next token is read."""
    if found := _DEFINES_NAMED.match(machine.text, machine.pos):
        machine.pos = found.end()
        DEFINING[found[0].strip()](machine, token + found[0])
    elif found := NAME.match(machine.text, machine.pos):
        machine.pos = found.end()


_newcommand = partial(_define, parse=definitions.parse_newcommand)
_xparse = partial(_define, parse=definitions.parse_xparse)
_def = partial(_define, parse=definitions.parse_def)
DEFINING: Mapping[str, Meaning] = {
    **dict.fromkeys(("\\newcommand", "\\renewcommand", "\\DeclareRobustCommand"), _newcommand),
    **dict.fromkeys(("\\newrobustcmd", "\\renewrobustcmd"), _newcommand),
    **dict.fromkeys(("\\providecommand", "\\providerobustcmd"), partial(_newcommand, provides=True)),
    "\\DeclareMathOperator": partial(_define, parse=definitions.parse_operator),
    **{f"\\{verb}DocumentCommand": _xparse for verb in ("New", "Renew", "Declare", "NewExpandable")},
    "\\ProvideDocumentCommand": partial(_xparse, provides=True),
    "\\def": _def,
    "\\gdef": partial(_def, is_global=True),
    "\\edef": _define_expanded,
    "\\xdef": partial(_define_expanded, is_global=True),
    **dict.fromkeys(("\\let", "\\LetLtxMacro", "\\NewCommandCopy", "\\RenewCommandCopy"), _let),
    "\\newif": _newif,
    **dict.fromkeys(("\\global", "\\long", "\\outer", "\\protected"), _prefix),
    "\\expandafter": _expandafter,
}
