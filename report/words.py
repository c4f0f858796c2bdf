"""How reports say what became of a document."""

from __future__ import annotations

from ..pipelines.fate import KEPT
from ..records import Reason
from .visible import one_line


def verdict(outcome: str, description: str = "") -> str:
    """
    >>> verdict("kept"), verdict("c4.brace"), verdict("mine.own")
    ('kept', 'dropped: c4.brace, a brace, as in code', 'dropped: mine.own')
    >>> verdict("mine.own", "not mine")
    'dropped: mine.own, not mine'
    """
    if outcome == KEPT:
        return KEPT
    about = one_line(description) or described(outcome)
    return f"dropped: {one_line(outcome)}{about and ', '}{about}"


def described(reason: str) -> str:
    """The line of a reason, or nothing for one that this version does not know."""
    return Reason(reason).description if reason in set(Reason) else ""  # type: ignore[call-arg]
