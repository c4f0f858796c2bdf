r"""What TeX's conditionals do: of one whose outcome the source itself says, one branch stays.

Each command is a function of the machine and the token that was read; one that changes nothing simply returns, and the
token stays as it is.   Source: The TeXbook, chapter 20; the xparse manual.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from .conditionals import find_branches
from .machine import Machine, read_arguments
from .macros import Macro
from .stacks import Meaning
from .tokens import NO_VALUE, TRUTH, group

__all__ = ["BRANCHING", "IF_FALSE", "IF_TRUE", "UNKNOWN_CONDITIONAL"]


def _conditional(machine: Machine, token: str, *, value: bool) -> None:
    """One branch stays, the rest goes. A conditional without an end stays as it is."""
    branches = find_branches(machine.text, machine.pos)
    machine.spend((branches.end[1] if branches else len(machine.text)) - machine.pos)
    if branches is None:
        return
    if not value:
        machine.pos = branches.otherwise[1]
    machine.take()
    if value or branches.otherwise != branches.end:
        machine.open_branch(is_known=True)
    machine.remove()


class _UnknownConditional:
    """A conditional that stays. In its branches nothing is defined, as nobody knows which of them is taken."""

    left = "needs_state"

    def __call__(self, machine: Machine, token: str) -> None:
        branches = find_branches(machine.text, machine.pos)
        machine.spend((branches.end[1] if branches else len(machine.text)) - machine.pos)
        if branches:
            machine.open_branch(is_known=False)


UNKNOWN_CONDITIONAL = _UnknownConditional()


def _else(machine: Machine, token: str) -> None:
    if machine.branches and machine.branches.is_known:
        if branches := find_branches(machine.text, machine.pos):
            machine.spend(branches.end[1] - machine.pos)
            machine.pos = branches.end[1]
        machine.branches = machine.branches.below
        machine.take()
        machine.remove()


def _fi(machine: Machine, token: str) -> None:
    branch = machine.branches
    machine.branches = branch and branch.below
    if branch and branch.is_known:
        machine.take()
        machine.remove()


def _choose(machine: Machine, token: str, *, marks: Mapping[str, bool], shape: str) -> None:
    r"""`\IfBooleanTF` and the like of xparse, when its first argument says what the outcome is."""
    machine.take()

    def parse(text: str, pos: int) -> tuple[list[str], int] | None:
        return read_arguments(Macro((), (group,) * (1 + len(shape))), text, pos)

    if (arguments := machine.read(parse)) is None:
        machine.leave(token)
        return
    value = marks.get(arguments[1].strip(), marks.get("", None))
    if value is None:
        machine.leave(token + machine.last_read)
        return
    branches = dict(zip(shape, arguments[2:], strict=True))
    machine.push(branches.get("T" if value else "F", ""), token)


IF_TRUE, IF_FALSE = partial(_conditional, value=True), partial(_conditional, value=False)
_MARKS = {
    "Boolean": {TRUTH[True]: True, TRUTH[False]: False},
    "NoValue": {NO_VALUE: True, "": False},
    "Value": {NO_VALUE: False, "": True},
}
BRANCHING: Mapping[str, Meaning] = {
    "\\iftrue": IF_TRUE,
    "\\iffalse": IF_FALSE,
    "\\else": _else,
    "\\fi": _fi,
    **{
        f"\\If{what}{shape}": partial(_choose, marks=marks, shape=shape)
        for what, marks in _MARKS.items()
        for shape in ("TF", "T", "F")
    },
}
