r"""What commands mean to the machine: those that define and branch, environments, and what stays as written.

Each is a function of the machine and the token that was read; one that changes nothing simply returns, and the token
stays as it is.   Source: The TeXbook, chapters 7 and 20; LaTeX2e's source.
"""

from __future__ import annotations

import re
from functools import partial

from . import definitions
from .branching import BRANCHING, UNKNOWN_CONDITIONAL
from .conditionals import is_conditional
from .definers import DEFINING, UNKNOWN, Parser, may_be_known, read_definition
from .machine import CLOSE, OPEN, Machine, read_arguments
from .macros import STRUCTURE_ENVIRONMENTS, Environment, Macro
from .stacks import Meaning, Opened
from .tokens import TOKEN, TOKEN_AT, group

__all__ = ["meanings_for"]

_URL = r"\s*+(?:\{(?:[^{}\\]|\\.|\{[^{}]*\})*+\}|([|!+])[^\n]*?\1)"
_OPTIONS = r"(?:\[[^\]\n]*+\])?+"
_KEEP = {
    "\\verb": r"\*?+([^\sA-Za-z*])[^\n]*?\1",
    "\\lstinline": rf"{_OPTIONS}(?:\{{[^{{}}\n]*+\}}|([^\s\w{{}}])[^\n]*?\1)",
    "\\mintinline": rf"{_OPTIONS}\{{[^{{}}\n]*+\}}(?:\{{[^{{}}\n]*+\}}|([^\s\w{{}}])[^\n]*?\1)",
    "\\url": _URL,
    "\\path": _URL,
    "\\nolinkurl": _URL,
    "\\href": rf"{_OPTIONS}{_URL}",
}
_CSNAME = re.compile(r"\s*([^\\{}%#\n]+)\\endcsname")
_BEGINS = re.compile(r"\\begin\s*\{([^{}]*)\}")


def meanings_for(source: str) -> dict[str, Meaning]:
    """What the commands of TeX and LaTeX mean to the machine, and the conditionals of this source."""
    names = set(re.findall(r"\\if[A-Za-z@]*", source))
    return {**dict.fromkeys(filter(is_conditional, names), UNKNOWN_CONDITIONAL), **_COMMANDS}


def _open_group(machine: Machine, token: str) -> None:
    machine.n_groups += 1


def _close_group(machine: Machine, token: str) -> None:
    machine.close_group(machine.n_groups - 1)


def _define_environment(machine: Machine, token: str, parse: Parser) -> None:
    if (definition := read_definition(machine, token, parse)) is None:
        return
    environment: Environment = definition.meaning
    needs = environment.begin.needs | environment.end.needs
    is_left = bool(environment.begin.left or environment.end.left) or not may_be_known(machine, needs)
    is_left = is_left or not machine.is_taken
    if not machine.verbatim.isdisjoint(_BEGINS.findall(environment.begin.body())):
        is_left = True
        machine.verbatim.add(definition.name)
    if definition.name not in STRUCTURE_ENVIRONMENTS:
        machine.assign(f"\\begin{{{definition.name}}}", UNKNOWN if is_left else environment)
    if is_left:
        machine.leave(token + machine.last_read)
        return
    machine.n_definitions += 1
    machine.remove()


def _begin(machine: Machine, token: str) -> None:
    r"""`\begin` opens a group; of an environment of the paper's own what it stands for comes in its place."""
    machine.take()
    name = machine.read(group)
    written = token + machine.last_read if name is not None else token
    if name is None or name == "document":
        machine.leave(written)
        return
    if name in machine.verbatim:
        end = machine.text.find(f"\\end{{{name}}}", machine.pos)
        machine.spend((len(machine.text) if end < 0 else end) - machine.pos)
        machine.pos = machine.pos if end < 0 else end + len(name) + 6
        machine.leave(written)
        return
    environment = machine.meanings.get(f"\\begin{{{name}}}")
    arguments = _read_environment(machine, environment) if environment else None
    level = machine.n_groups
    machine.n_groups += 1
    if environment is None or arguments is None:
        machine.environments = Opened(name, level, None, (), machine.environments)
        machine.leave(written)
    else:
        machine.environments = Opened(name, level, environment.end, arguments, machine.environments)
        machine.n_calls += 1
        machine.push(environment.begin.fill(arguments), written)


def _read_environment(machine: Machine, environment: Environment | Macro) -> list[str] | None:
    if isinstance(environment, Macro) or not machine.is_known(environment.begin.needs | environment.end.needs):
        machine.count("needs_state")
        return None
    arguments = machine.read(lambda text, pos: read_arguments(environment.begin, text, pos))
    if arguments is None:
        machine.count("no_argument")
    return arguments


def _end(machine: Machine, token: str) -> None:
    machine.take()
    name = machine.read(group)
    written = token + machine.last_read if name is not None else token
    opened, n_open = machine.environments, 0
    while opened and opened.name != name:
        opened, n_open = opened.below, n_open + 1
    machine.spend(n_open)
    if opened is None:
        machine.leave(written)
        return
    machine.environments = opened.below
    if opened.end is None:
        machine.leave(written)
        machine.close_group(opened.level)
    else:
        machine.push(opened.end.fill(opened.arguments), written, closes=opened.level)


def _csname(machine: Machine, token: str) -> None:
    if found := _CSNAME.match(machine.text, machine.pos):
        meaning = machine.meanings.get(f"\\{found[1].strip()}")
        if isinstance(meaning, Macro):
            machine.pos = found.end()
            machine.call(token + found[0], meaning)


def _keep(machine: Machine, token: str, *, argument: re.Pattern[str]) -> None:
    if found := argument.match(machine.text, machine.pos):
        machine.pos = found.end()


def _is_verbatim(machine: Machine, token: str) -> None:
    """A new environment whose content is not LaTeX."""
    if found := re.compile(r"\s*\{([A-Za-z*]+)\}").match(machine.text, machine.pos):
        machine.verbatim.add(found[1])


def _at_is_letter(machine: Machine, token: str) -> None:
    if not machine.below:
        machine.pattern = TOKEN_AT if token == "\\makeatletter" else TOKEN


_environment = partial(_define_environment, parse=definitions.parse_environment)
_xparse_environment = partial(_define_environment, parse=definitions.parse_xparse_environment)
_COMMANDS: dict[str, Meaning] = {
    "{": OPEN,
    "}": CLOSE,
    **DEFINING,
    **BRANCHING,
    **dict.fromkeys(("\\newenvironment", "\\renewenvironment"), _environment),
    **{f"\\{verb}DocumentEnvironment": _xparse_environment for verb in ("New", "Renew", "Provide", "Declare")},
    **dict.fromkeys(("\\begingroup", "\\bgroup"), _open_group),
    **dict.fromkeys(("\\endgroup", "\\egroup"), _close_group),
    "\\begin": _begin,
    "\\end": _end,
    "\\csname": _csname,
    **{name: partial(_keep, argument=re.compile(pattern)) for name, pattern in _KEEP.items()},
    **dict.fromkeys(("\\lstnewenvironment", "\\DefineVerbatimEnvironment", "\\excludecomment"), _is_verbatim),
    **dict.fromkeys(("\\makeatletter", "\\makeatother"), _at_is_letter),
}
