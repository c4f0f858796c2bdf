"""What the page knows of each source: the numbers that its steps drop by, and what its documents are counted by.

A step that drops by a number gives it to `drop` as the measure; a line here says how kept documents have it, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlsplit

from ...filters.sentences import count
from ...mixtures.sources import (
    BooksRecipe,
    C4LanguageRecipe,
    C4Recipe,
    CitedRecipe,
    CommonCrawlRecipe,
    GithubRecipe,
    OverlapRecipe,
    PerplexityRecipe,
    SourceRecipe,
    StackExchangeRecipe,
)
from ...records import Reason, Reasons

Meta = Mapping[str, Any]
Cutoffs = Mapping[str, Mapping[str, float]]  # language → head, middle


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that a step drops documents by, and the threshold that it is compared with.

    `thresholds` has those that are drawn; the last one decides, and stays on the kept side where `keeps` says so. It is
    empty where no one number decides.
    """

    name: str
    keeps: Literal[">=", "<=", "<"]
    thresholds: Mapping[str, float]
    reasons: tuple[Reason, ...]  # of documents that are dropped by it: it is their `measure`
    kept: str | Callable[[str], float] | None  # of kept documents: a key of their metadata, or a function of their text
    log: bool = False  # the axis
    set_by: str = ""  # the setting, where thresholds are not called as settings of the source

    @property
    def threshold(self) -> float | None:
        return list(self.thresholds.values())[-1] if self.thresholds else None


def measures(source: str, options: SourceRecipe, cutoffs: Cutoffs) -> list[Measure]:
    """The measures of a source in the order of its steps; `cutoffs` are those of perplexity that the run made."""
    found = _MEASURES.get(source)
    return list(found(options, cutoffs)) if found else []


def _commoncrawl(options: CommonCrawlRecipe, cutoffs: Cutoffs) -> Iterator[Measure]:
    language, perplexity, cited = options.language, options.perplexity, options.cited
    short = {"min_chars": options.min_chars}
    yield Measure("characters before lines go", ">=", short, (Reason.CCNET_TOO_SHORT,), "chars_in", log=True)
    sure = {"language.threshold": language.threshold}
    yield Measure("score of the best language", ">=", sure, (Reason.CCNET_LANGUAGE_UNSURE,), "language_score")
    if isinstance(perplexity, PerplexityRecipe):
        by = "percentiles, sources.commoncrawl.perplexity.head and .middle"
        parts = _parts(perplexity, options.ngram_languages, cutoffs)
        yield Measure("perplexity", "<", parts, (Reason.CCNET_BUCKET,), "perplexity", log=True, set_by=by)
    if isinstance(cited, CitedRecipe):
        like = {"cited.min_score": cited.min_score}
        name = "likeness to pages that Wikipedia cites"
        yield Measure(name, ">=", like, (Reason.REDPAJAMA_NOT_CITED,), "citation_score")


def _parts(settings: PerplexityRecipe, languages: tuple[str, ...], cutoffs: Cutoffs) -> dict[str, float]:
    """The cutoffs up to the one that decides; none where several languages have their own, or worse parts are kept than
    are dropped, or the cutoffs were given and are not in the output.

    >>> _parts(PerplexityRecipe(), ("en",), {"en": {"head": 340, "middle": 520}})
    {'head': 340, 'middle': 520}
    """
    best = [part for part in ("head", "middle", "tail") if part in settings.keep]
    if len(languages) != 1 or languages[0] not in cutoffs or best not in (["head"], ["head", "middle"]):
        return {}
    return {part: cutoffs[languages[0]][part] for part in best}


def _c4(options: C4Recipe, cutoffs: Cutoffs) -> Iterator[Measure]:
    if options.form == "published":
        return
    long = {"max_chars": options.max_chars}
    yield Measure("characters before lines go", "<=", long, (Reason.C4_TOO_LONG,), "chars_in", log=True)
    few, reasons = (
        {"min_sentences": options.min_sentences},
        (Reason.C4_TOO_FEW_SENTENCES, Reason.C4_TOO_FEW_SENTENCES_LEFT),
    )
    yield Measure("sentences left", ">=", few, reasons, _sentences)
    if isinstance(options.language, C4LanguageRecipe):
        sure = {"language.threshold": options.language.least_score}
        yield Measure("score of the best language", ">=", sure, (Reason.C4_LANGUAGE_UNSURE,), "language_score")


def _sentences(text: str) -> float:
    """
    >>> _sentences("One. Two.\\nThree.")
    3
    """
    return sum(map(count, text.split("\n")))


def _github(options: GithubRecipe, cutoffs: Cutoffs) -> Iterator[Measure]:
    longest, average = {"max_line_chars": options.max_line_chars}, {"max_avg_line_chars": options.max_avg_line_chars}
    # A script with such a line is minified, whatever its name.
    reasons = (Reason.GITHUB_LONG_LINE, Reason.GITHUB_MINIFIED)
    yield Measure("characters of the longest line", "<=", longest, reasons, "max_line_chars", log=True)
    name = "characters of a line on average"
    yield Measure(name, "<=", average, (Reason.GITHUB_LONG_LINES,), "avg_line_chars", log=True)
    alnum = {"min_alnum_frac": options.min_alnum_frac}
    yield Measure("share of letters and digits", ">=", alnum, (Reason.GITHUB_FEW_ALNUM,), "alnum_frac")
    if options.tokenizer:
        letters = {"min_letters_per_token": options.min_letters_per_token}
        few = (Reason.GITHUB_FEW_LETTERS_PER_TOKEN,)
        yield Measure("letters for each token", ">=", letters, few, "letters_per_token")


def _books(options: BooksRecipe, cutoffs: Cutoffs) -> Iterator[Measure]:
    if isinstance(options.overlap, OverlapRecipe):
        share = {"overlap.threshold": options.overlap.threshold}
        yield Measure("share of the book in another one", "<=", share, (Reason.BOOKS_OVERLAP,), None)


def _stackexchange(options: StackExchangeRecipe, cutoffs: Cutoffs) -> Iterator[Measure]:
    if options.min_question_score is not None:
        low = {"min_question_score": options.min_question_score}
        yield Measure("score of the question", ">=", low, (Reason.STACKEXCHANGE_LOW_SCORE,), "score")


_MEASURES: Mapping[str, Callable[[Any, Cutoffs], Iterator[Measure]]] = MappingProxyType(
    {"commoncrawl": _commoncrawl, "c4": _c4, "github": _github, "books": _books, "stackexchange": _stackexchange}
)


def domain_of(url: str) -> str:
    """The domain of an address, empty where it has none.

    >>> domain_of("https://WWW.example.org:8080/page"), domain_of("http://[x"), domain_of("urn:a")
    ('example.org', '', '')
    """
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _ending(path: str) -> str:
    return PurePosixPath(path).suffix or PurePosixPath(path).name


# Of a source of the user's own, as far as it has them.
_OWN: Mapping[str, Callable[[Meta], object]] = MappingProxyType(
    {
        "language": lambda meta: meta.get("language"),
        "licence": lambda meta: meta.get("license"),
        "domain": lambda meta: domain_of(str(meta.get("url", ""))),
    }
)
# Source → what is counted → its value in the metadata of a kept document.
FACETS: Mapping[str, Mapping[str, Callable[[Meta], object]]] = MappingProxyType(
    {
        "commoncrawl": {
            "dump": lambda meta: meta["dump"],
            "domain": lambda meta: domain_of(meta["url"]),
            "language": lambda meta: meta["language"],
            "part": lambda meta: meta.get("bucket"),
        },
        "c4": {
            "year of the crawl": lambda meta: meta["timestamp"][:4],
            "domain": lambda meta: domain_of(meta["url"]),
            "language": lambda meta: meta.get("language"),
        },
        "github": {
            "licence": lambda meta: meta["license"],
            "ending": lambda meta: _ending(meta["path"]),
            "repository": lambda meta: meta["repo"],
        },
        "wikipedia": {
            "language": lambda meta: meta["language"],
            "year of the last edit": lambda meta: meta["timestamp"][:4],
        },
        "books": {
            "collection": lambda meta: meta["collection"],
            "language": lambda meta: meta["language"],
            "encoding": lambda meta: meta["encoding"],
        },
        "arxiv": {
            "year of the files": lambda meta: meta["date"][:4],
            "files of the paper": lambda meta: meta.get("n_files"),
        },
        "stackexchange": {
            "site": lambda meta: meta["site"],
            "licence of the question": lambda meta: meta["license"],
            "year of the question": lambda meta: meta["created"][:4],
            "answers": lambda meta: len(meta["answers"]),
        },
    }
)


def facets_of(source: str) -> Mapping[str, Callable[[Meta], object]]:
    """What the kept documents of a source are counted by."""
    return FACETS.get(source, _OWN)


# Reasons of documents that are the same as another: which column of dropped ones says of what they are the same.
SAME: Mapping[Reasons, Literal["id", "detail"]] = MappingProxyType(
    {
        Reason.DUPLICATE_ID: "id",
        Reason.C4_OTHER_CRAWL: "id",
        Reason.GITHUB_COPY: "detail",
        Reason.BOOKS_OVERLAP: "detail",
        Reason.ARXIV_OLDER: "id",
    }
)
