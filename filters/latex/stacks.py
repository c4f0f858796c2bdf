"""What is open while a source is read. Stacks are linked, so that a state of the machine is saved without a copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .macros import Macro

__all__ = ["Branch", "Meaning", "Opened", "Shadowed"]

Meaning = Any  # a Macro, an Environment, a marker of a brace, or what a command does: Callable[[Machine, str], None]


class Shadowed(NamedTuple):
    """What a name meant before its definition in a group of this level."""

    level: int
    name: str
    meaning: Meaning
    below: Shadowed | None


class Branch(NamedTuple):
    """An open conditional: whether its outcome is known, and that of all around it."""

    is_known: bool
    all_known: bool
    below: Branch | None


class Opened(NamedTuple):
    """An open environment: the group level around it, what ends it where that is not written, and its arguments."""

    name: str
    level: int
    end: Macro | None
    arguments: Sequence[str]
    below: Opened | None
