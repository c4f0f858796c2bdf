"""What flows through every source: documents, dropped documents, damage, and the closed list of reasons."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal, Self

Bucket = Literal["head", "middle", "tail", "all"]
"""A part of the pages of a language by perplexity; "all" is that of pages without one."""


def counted(n: int, noun: str) -> str:
    """
    >>> counted(1, "piece"), counted(2000, "piece")
    ('1 piece', '2,000 pieces')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def sized(n_bytes: float) -> str:
    """
    >>> sized(999), sized(1_234_567), sized(783e9), sized(3_300_000_000_000)
    ('999 bytes', '1.2 MB', '783 GB', '3.3 TB')
    """
    value, unit = n_bytes, "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:,.0f} {unit}" if value >= 100 or unit == "bytes" else f"{value:,.1f} {unit}"


def is_text(word: str) -> bool:
    """Whether a word from a command line can be text: bytes that are no UTF-8 come as halves of surrogates.

    >>> is_text("é"), is_text("\\udcff")
    (True, False)
    """
    return not any("\ud800" <= letter <= "\udfff" for letter in word)


class Reasons(StrEnum):
    """A closed list of reasons, each with the line that reports print. A source of your own brings one of its own.

    >>> class Forum(Reasons):
    ...     TOO_SHORT = "forum.too_short", "fewer characters than the minimum"
    >>> Forum.TOO_SHORT, Forum.TOO_SHORT.description
    (<Forum.TOO_SHORT: 'forum.too_short'>, 'fewer characters than the minimum')
    """

    description: str

    def __new__(cls, value: str, description: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.description = description
        return member


class Reason(Reasons):
    """Why a document was dropped: `family.reason`, never reused with another meaning.

    >>> Reason.DUPLICATE_ID
    <Reason.DUPLICATE_ID: 'common.duplicate_id'>
    >>> Reason.DUPLICATE_ID.description
    'the same id occurs again: the newest revision stays, then the smallest content hash'
    """

    DUPLICATE_ID = (
        "common.duplicate_id",
        "the same id occurs again: the newest revision stays, then the smallest content hash",
    )
    DUPLICATE_CONTENT = "common.duplicate_content", "another document has the same content: the smallest key stays"
    TAKEN_DOWN = "common.taken_down", "it is on the list of what `corpusmill takedown` took down"
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
    C4_TOO_LONG = "c4.too_long", "more characters than the maximum"
    C4_OTHER_CRAWL = "c4.other_crawl", "its address was crawled again: the newest page stays, then the smallest hash"
    C4_LINE_LONG_WORD = "c4.line_long_word", "a line with a word longer than the maximum"
    C4_LINE_NO_END_MARK = "c4.line_no_end_mark", "a line that does not end as a sentence does"
    C4_LINE_TOO_SHORT = "c4.line_too_short", "a line with fewer words than the minimum"
    C4_LINE_JAVASCRIPT = "c4.line_javascript", "a line that speaks of JavaScript"
    C4_LINE_POLICY = "c4.line_policy", "a line about terms of use, privacy or cookies"
    C4_SHARED_SPAN = "c4.shared_span", "a line whose sentences all stand in another page, or earlier in this one"
    C4_LOREM_IPSUM = "c4.lorem_ipsum", "filler text"
    C4_BRACE = "c4.brace", "a brace, as in code"
    C4_TOO_FEW_SENTENCES = "c4.too_few_sentences", "fewer sentences than the minimum in the lines that stay"
    C4_TOO_FEW_SENTENCES_LEFT = "c4.too_few_sentences_left", "fewer sentences than the minimum that no other page has"
    C4_LANGUAGE = "c4.language", "a language that the recipe does not ask for"
    C4_LANGUAGE_UNSURE = "c4.language_unsure", "the score of its best language is below the threshold"
    C4_BADWORD = "c4.badword", "a word of the list that the recipe names"
    GITHUB_BINARY = "github.binary", "no text: a binary file, a link, or content that the export leaves out"
    GITHUB_LICENSE = "github.license", "a licence that the recipe does not ask for"
    GITHUB_LICENSE_UNKNOWN = "github.license_unknown", "no licence is given, and none is recognised in its repository"
    GITHUB_COPY = "github.copy", "another file has the same content: the one whose name has the smallest hash stays"
    GITHUB_HEADER_LINE = "github.header_line", "a line of a header about licence, copyright or a program that wrote it"
    GITHUB_LICENSE_FILE = "github.license_file", "a licence text or a certificate, no code"
    GITHUB_EXTENSION = "github.extension", "the ending of its name is not on the list"
    GITHUB_MINIFIED = "github.minified", "minified, or a source map"
    GITHUB_GENERATED = "github.generated", "generated by a program, as it says itself"
    GITHUB_LONG_LINE = "github.long_line", "its longest line is above the maximum"
    GITHUB_LONG_LINES = "github.long_lines", "its lines are longer on average than the maximum"
    GITHUB_FEW_ALNUM = "github.few_alnum", "too small a share of letters and digits"
    GITHUB_FEW_LETTERS_PER_TOKEN = "github.few_letters_per_token", "too few letters for each token"
    STACKEXCHANGE_SITE = "stackexchange.site", "of a site that is not among the largest"
    STACKEXCHANGE_NO_QUESTION = "stackexchange.no_question", "an answer whose question is not there"
    STACKEXCHANGE_OTHER_POST = (
        "stackexchange.other_post",
        "no question and no answer: a tag wiki, an election, a notice",
    )
    STACKEXCHANGE_LOW_SCORE = "stackexchange.low_score", "its score is below the minimum"
    STACKEXCHANGE_FURTHER_ANSWER = "stackexchange.further_answer", "its question has as many better ones as are kept"
    STACKEXCHANGE_UNANSWERED = "stackexchange.unanswered", "a question without an answer that is kept"
    BOOKS_OVERLAP = "books.overlap", "more of its content than the maximum stands in a book that stays"
    BOOKS_LANGUAGE = "books.language", "a language that the recipe does not ask for"
    ARXIV_OLDER = "arxiv.older_version", "a newer version of the paper is there"
    ARXIV_NO_TEX = "arxiv.no_tex", "no LaTeX: a PDF, a withdrawn paper, or another format"
    ARXIV_NO_SECTION = "arxiv.no_section", "no section, so that nothing says where its body begins"
    WIKIPEDIA_LANGUAGE = (
        "wikipedia.language",
        "a language, or another project than Wikipedia, that the recipe does not ask for",
    )
    WIKIPEDIA_NAMESPACE = "wikipedia.namespace", "not an article: a talk, user, file, template or other page"
    WIKIPEDIA_REDIRECT = "wikipedia.redirect", "only points to another page"
    WIKIPEDIA_DISAMBIGUATION = "wikipedia.disambiguation", "only tells the meanings of its title apart"
    WIKIPEDIA_LIST = "wikipedia.list", "a list, by its title or since nine tenths of its text are items of lists"


Keeps = Literal[">=", "<=", "<"]
STAYS: Mapping[Keeps, Callable[[float, float], bool]] = MappingProxyType(
    {">=": operator.ge, "<=": operator.le, "<": operator.lt}
)


@dataclass(frozen=True, slots=True)
class Criterion:
    """A number that documents stay or go by. A step gives that of a document that goes to `drop`, as its measure; so
    that the report draws it with its threshold, and `look --near` finds the documents on both sides.

    >>> Criterion("likes", ">=", "min_likes", (Reason.EMPTY,)).about
    'likes'
    """

    value: str  # its name in the metadata of kept documents; or chars, sentences: those are counted in their texts
    keeps: Keeps  # those on this side of the threshold
    setting: str  # of the source, dotted: the threshold; empty where it is none, or several decide
    reasons: tuple[Reasons, ...]  # of documents that go by it
    about: str = ""  # what it is, in words; empty: its name
    log: bool = False  # the axis of a chart
    also: tuple[Reasons, ...] = ()  # of documents that it is the measure of, and that go by something else
    of_kept: bool = True  # whether it is known of kept documents
    needs: str = ""  # the setting without which there is no such step
    worked_out: str = ""  # property that has the threshold, where the setting may be left open

    def __post_init__(self) -> None:
        if self.keeps not in STAYS:
            raise ValueError(f"the criterion {self.value!r} keeps {self.keeps!r}; expected one of {', '.join(STAYS)}")
        if not all(isinstance(one, Reasons) for one in (*self.reasons, *self.also)):  # of one reason these are letters
            raise TypeError(
                f"the criterion {self.value!r} has reasons that are none; expected several, as in (REASON,)"
            )
        object.__setattr__(self, "about", self.about or self.value)

    def threshold(self, options: object) -> float | None:
        """What these settings of the source have; None where they have none, or skip the step.

        >>> from types import SimpleNamespace as Settings
        >>> likes = Criterion("likes", ">=", "rules.min_likes", (Reason.EMPTY,))
        >>> likes.threshold(Settings(rules=Settings(min_likes=2))), likes.threshold(Settings(rules="skip"))
        (2, None)
        """
        if self.needs and not getattr(options, self.needs, None):
            return None
        found = options
        for name in (self.worked_out or self.setting).split("."):
            found = getattr(found, name, None)
        return found if isinstance(found, (int, float)) and not isinstance(found, bool) else None


@dataclass(frozen=True, slots=True)
class Document:
    """One document. `id` is stable and native: `wikipedia:en/12`, never a running number."""

    id: str
    text: str
    source: str
    meta: Mapping[str, Any] = field(default_factory=dict)
    pieces: Mapping[str, int] = field(default_factory=dict)  # accounts of its lines, or answers: in, kept, dropped.…
    weight: int = 0  # bytes that it holds beside its text


@dataclass(frozen=True, slots=True)
class Dropped:
    """A document that goes, and why: the reason, the value measured (if any), and the head of its text.

    `detail` says in a word what the measure is of (the language that was identified); `url` is where it was found.
    """

    id: str
    reason: Reasons
    measure: float | None = None
    head: str = ""
    detail: str = ""
    url: str = ""
    pieces: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Damage:
    """A piece of input that could not be read: where it begins (bytes in the file as stored), and what is wrong.

    `error` is a short fixed word that counts are kept by (`truncated`, `bad_xml`); `detail` is for people.
    """

    offset: int
    error: str
    detail: str = ""
