"""What the page knows of each source: the numbers that its steps drop by, and what its documents are counted by.

The numbers, with their settings, stand in filters/criteria.py; what only a run knows, its cutoffs, comes to them here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlsplit

from ...filters.criteria import COUNTED, CRITERIA
from ...mixtures.sources import C4Recipe, CommonCrawlRecipe, PerplexityRecipe, SourceRecipe
from ...records import Keeps, Reason, Reasons
from .untrusted import shortened

Meta = Mapping[str, Any]
Cutoffs = Mapping[str, Mapping[str, float]]  # language → head, middle
CUT_BY = "percentiles, sources.commoncrawl.perplexity.head and .middle"
MOST = 1e15  # of a measure: what is beyond, or no number, is none


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that a step drops documents by, and the threshold that it is compared with.

    `thresholds` has those that are drawn; the last one decides, and stays on the kept side where `keeps` says so. It is
    empty where no one number decides.
    """

    name: str
    keeps: Keeps
    thresholds: Mapping[str, float]
    reasons: tuple[Reasons, ...]  # of documents that are dropped by it: it is their `measure`
    kept: str | Callable[[str], float] | None  # of kept documents: a key of their metadata, or a function of their text
    log: bool = False  # the axis
    set_by: str = ""  # the setting, where thresholds are not called as settings of the source

    @property
    def threshold(self) -> float | None:
        return list(self.thresholds.values())[-1] if self.thresholds else None


def measures(source: str, options: SourceRecipe, cutoffs: Cutoffs) -> list[Measure]:
    """The measures of one of the seven sources in the order of its steps; `cutoffs` are those of perplexity that the
    run made."""
    if isinstance(options, C4Recipe) and options.form == "published":
        return []
    found = []
    for one in CRITERIA.get(source, ()):
        threshold = one.threshold(options)
        drawn = {} if threshold is None else {one.setting: threshold}
        if not one.setting and isinstance(options, CommonCrawlRecipe):
            drawn = _parts(options.perplexity, options.ngram_languages, cutoffs)
        elif threshold is None:
            continue
        found.append(
            Measure(
                one.about,
                one.keeps,
                drawn,
                one.reasons,
                _of_kept(one.value, one.of_kept),
                one.log,
                "" if one.setting else CUT_BY,
            )
        )
    return found


def own_measures(criteria: Iterable[Mapping[str, Any]], reasons: Iterable[Reasons]) -> list[Measure]:
    """The measures of a source of the user's own, from the criteria that its run wrote down; `reasons` are those of the
    source. Where no threshold decides there is none, as of the seven."""
    named = {str(reason): reason for reason in reasons}
    found = []
    for one in criteria:
        by, threshold = tuple(named[name] for name in one["reasons"] if name in named), one.get("threshold")
        if by and isinstance(threshold, (int, float)) and is_usable(threshold):
            drawn, kept = {one["setting"]: float(threshold)}, _of_kept(one["value"], one["of_kept"])
            found.append(Measure(shortened(one["about"]), one["keeps"], drawn, by, kept, one["log"]))
    return found


def _of_kept(value: str, known: bool) -> str | Callable[[str], float] | None:
    return COUNTED.get(value, value) if known else None


def _parts(settings: PerplexityRecipe | str, languages: tuple[str, ...], cutoffs: Cutoffs) -> dict[str, float]:
    """The cutoffs up to the one that decides; none where several languages have their own, or worse parts are kept than
    are dropped, or the cutoffs were given and are not in the output.

    >>> _parts(PerplexityRecipe(), ("en",), {"en": {"head": 340, "middle": 520}})
    {'head': 340, 'middle': 520}
    """
    if not isinstance(settings, PerplexityRecipe):
        return {}
    best = [part for part in ("head", "middle", "tail") if part in settings.keep]
    if len(languages) != 1 or languages[0] not in cutoffs or best not in (["head"], ["head", "middle"]):
        return {}
    return {part: cutoffs[languages[0]][part] for part in best}


def is_usable(value: object) -> bool:
    """Whether a value is a number that a chart can have.

    >>> is_usable(2), is_usable(float("nan")), is_usable("2"), is_usable(None)
    (True, False, False, False)
    """
    return isinstance(value, (int, float)) and abs(value) <= MOST


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
            "licence": lambda meta: meta["license"].lower(),
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
