"""What the rules of a source say of one document: the text that stays, or why nothing does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..records import Reason


@dataclass(frozen=True, slots=True)
class Verdict:
    """The text that stays, or None and the reason why the document goes.

    `line_reasons` counts the lines that went, by reason, up to where the document was judged; `measures` are numbers
    that it was judged by.

    >>> Verdict("kept"), Verdict(None, Reason.EMPTY).text is None
    (Verdict(text='kept', reason=None, line_reasons={}, measures={}), True)
    """

    text: str | None
    reason: Reason | None = None
    line_reasons: Mapping[Reason, int] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict)
