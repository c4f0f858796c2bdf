"""What flows through every source: documents, dropped documents, damage, and the closed list of reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

Bucket = Literal["head", "middle", "tail", "all"]
"""A part of the pages of a language by perplexity; "all" is that of pages without one."""


def counted(n: int, noun: str) -> str:
    """
    >>> counted(1, "piece"), counted(2000, "piece")
    ('1 piece', '2,000 pieces')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


class Reason(StrEnum):
    """Why a document was dropped: `family.reason`, never reused with another meaning.

    >>> Reason.DUPLICATE_ID
    <Reason.DUPLICATE_ID: 'common.duplicate_id'>
    >>> Reason.DUPLICATE_ID.description
    'the same id occurs again: the newest revision stays, then the smallest content hash'
    """

    description: str

    def __new__(cls, value: str, description: str) -> Reason:
        member = str.__new__(cls, value)
        member._value_ = value
        member.description = description
        return member

    DUPLICATE_ID = (
        "common.duplicate_id",
        "the same id occurs again: the newest revision stays, then the smallest content hash",
    )
    DUPLICATE_CONTENT = "common.duplicate_content", "another document has the same content: the smallest key stays"
    EMPTY = "common.empty", "no text is left"
    BLOCKED = "common.blocked", "its address is on a block list"
    CCNET_TOO_SHORT = "ccnet.too_short", "fewer characters than the minimum, before any line goes"
    CCNET_SHARED_LINE = "ccnet.shared_line", "a line that stands in other documents of the group too"
    CCNET_REPEATED_LINE = "ccnet.repeated_line", "a line that stands earlier in the same document"
    CCNET_NO_LINE_LEFT = "ccnet.no_line_left", "every line stands in other documents too"
    CCNET_LANGUAGE = "ccnet.language", "a language that the recipe does not ask for"
    CCNET_LANGUAGE_UNSURE = "ccnet.language_unsure", "the score of its best language is below the threshold"
    CCNET_BUCKET = "ccnet.bucket", "its perplexity puts it into a part that the recipe does not keep"
    REDPAJAMA_NOT_CITED = "redpajama.not_cited", "too unlike the pages that Wikipedia cites"
    WIKIPEDIA_LANGUAGE = (
        "wikipedia.language",
        "a language, or another project than Wikipedia, that the recipe does not ask for",
    )
    WIKIPEDIA_NAMESPACE = "wikipedia.namespace", "not an article: a talk, user, file, template or other page"
    WIKIPEDIA_REDIRECT = "wikipedia.redirect", "only points to another page"


@dataclass(frozen=True, slots=True)
class Document:
    """One document. `id` is stable and native: `wikipedia:en/12`, never a running number."""

    id: str
    text: str
    source: str
    meta: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)  # accounts of its lines: in, kept, dropped.<reason>


@dataclass(frozen=True, slots=True)
class Dropped:
    """A document that goes, and why: the reason, the value measured (if any), and the head of its text.

    `detail` says in a word what the measure is of (the language that was identified); `url` is where it was found.
    """

    id: str
    reason: Reason
    measure: float | None = None
    head: str = ""
    detail: str = ""
    url: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Damage:
    """A piece of input that could not be read: where it begins (bytes in the file as stored), and what is wrong.

    `error` is a short fixed word that counts are kept by (`truncated`, `bad_xml`); `detail` is for people.
    """

    offset: int
    error: str
    detail: str = ""
