"""What the pages of CommonCrawl teach before they are judged: cutoffs of perplexity, and what cited pages are like.

survey    each shard that `extract` left: how many pages have which language and perplexity, and whether they are cited
cutoffs   one item: the percentiles of each language; how many examples there are for the classifier
examples  each shard: the text of cited pages, and of others chosen by hash, as many in all
citation  one item: train the classifier, and measure it on examples held out

Source: CCNet (Wenzek et al. 2020) section 3.4 for the parts; RedPajama v1 for the classifier, trained on pages of the
same crawl here, where RedPajama fetched the cited pages anew.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..errors import UsageError
from ..filters.ccnet_perplexity import Cutoffs, bucket_of, find_cutoffs
from ..filters.urls import normalize_url
from ..formats.documents import document_of, read_rows
from ..manifest import WORK, File, Receipt, files_of, total_counts
from ..mixtures.circle import unit_interval
from ..mixtures.sources import CitedRecipe, CommonCrawlRecipe, PerplexityRecipe
from ..models.citation import CitationModel, measure, train
from ..models.cutoffs import open_cutoffs
from ..records import Document, counted
from ..storage import digest, join, map_array
from .commoncrawl import CITATION_MODEL, CUTOFFS, steps
from .inputs import Model
from .leads import KEY, url_keys
from .phase import Item, Phase, ShardOutput
from .reading import versions
from .results import Results, results_of, urls_of, used
from .source import Aids, Step, cut_at_waiting, models_used, run_steps

SURVEY = pa.schema({"language": pa.string(), "perplexity": pa.float64(), "kind": pa.string(), "pages": pa.int64()})
EXAMPLES = pa.schema({"url": pa.string(), "cited": pa.bool_(), "text": pa.string()})
CITED_KEYS = "keys of cited URLs"  # among what the steps of a run use
FOLDER = "models/commoncrawl"
CUTOFFS_FILE, CITATION_FILE, CITATION_FACTS = (
    join(FOLDER, name) for name in ("cutoffs.json", "citation.bin", "citation.json")
)
CITED, OTHER, SHORT = "cited", "other", "cited_short"
Run = Callable[[Phase], Mapping[str, Receipt]]


class TooFewPages(UsageError):
    """There are not enough pages that Wikipedia cites to learn from."""


def learn(
    run: Run, output: str, extracted: Mapping[str, Receipt], recipe: CommonCrawlRecipe, models: Mapping[str, Model]
) -> dict[str, Model]:
    """Find the cutoffs and train the classifier, whichever the recipe does not give: name → model.

    Raises:
        TooFewPages: too few are cited to train on.
    """
    surveys = run(survey_phase(extracted, recipe, models))
    found = run(cutoffs_phase(surveys, recipe, models))
    learned = {}
    files = files_of(found.values())
    if CUTOFFS_FILE in files:
        learned[CUTOFFS] = Model.made(output, CUTOFFS_FILE, files[CUTOFFS_FILE].sha256)
    if isinstance(recipe.cited, CitedRecipe) and not recipe.cited.model:
        counts = total_counts(found.values())
        _check_enough(counts, recipe.cited)
        examples = run(examples_phase(extracted, recipe, {**models, **learned}, counts))
        trained = run(citation_phase(examples, recipe.cited))
        learned[CITATION_MODEL] = Model.made(output, CITATION_FILE, files_of(trained.values())[CITATION_FILE].sha256)
    return learned


def _check_enough(counts: Mapping[str, int], recipe: CitedRecipe) -> None:
    n_cited, n_other, n_short = (counts.get(f"examples.{kind}", 0) for kind in (CITED, OTHER, SHORT))
    if n_cited >= recipe.min_positives and n_other:
        return
    raise TooFewPages(
        f"commoncrawl: {counted(n_cited, 'page')} to learn from that Wikipedia cites and {counted(n_other, 'other')}; "
        f"expected at least {recipe.min_positives:,} (cited.min_positives) and 1. {counted(n_short, 'cited page')} of "
        f"under {recipe.min_chars:,} characters did not count (cited.min_chars). Read more of the crawl, lower a "
        "minimum, give another list of URLs (cited.urls) or a ready model (cited.model), or leave the step out with "
        "--set sources.commoncrawl.cited=skip; with --redo, what is finished is kept."
    )


# --- survey -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Survey:
    """Task: the pages of one shard."""

    results: Results
    cited: Mapping[str, Model]  # empty, or the keys of the cited URLs
    min_chars: int


def survey_phase(extracted: Mapping[str, Receipt], recipe: CommonCrawlRecipe, models: Mapping[str, Model]) -> Phase:
    """Count the pages of each shard."""
    cited = used(models, [CITED_KEYS] if CITED_KEYS in models else [])
    min_chars = recipe.cited.min_chars if isinstance(recipe.cited, CitedRecipe) else 0
    items = []
    for one in results_of(extracted):
        made = (one.documents[1].identity, [model.identity for model in cited.values()], min_chars)
        items.append(Item(one.shard, digest("survey", 1, made), one.documents[1].bytes, Survey(one, cited, min_chars)))
    return Phase("commoncrawl/survey", items, survey, unit="pages")


def survey(task: Survey, out: ShardOutput) -> None:
    kind_of = _kinds(urls_of(out, task.cited), task.min_chars)
    counts: Counter[tuple[str, float | None, str]] = Counter()
    for page in _pages(out, task.results):
        counts[page.meta["language"], page.meta.get("perplexity"), kind_of(page)] += 1
    with out.table(join(WORK, "survey", "commoncrawl", f"{task.results.shard}.parquet"), SURVEY) as table:
        for (language, perplexity, kind), n in sorted(counts.items(), key=repr):
            table.add({"language": language, "perplexity": perplexity, "kind": kind, "pages": n})


def _pages(out: ShardOutput, results: Results) -> Iterator[Document]:
    path, file = results.documents
    return map(document_of, read_rows(out.verified(path, file.sha256)))


def _kinds(urls: Mapping[str, str], min_chars: int) -> Callable[[Document], str]:
    """What a page is to the classifier: a cited one, one that is cited and too short to learn from, or another."""
    keys = _open_keys(urls[CITED_KEYS]) if urls else np.zeros(0, KEY)

    def kind_of(page: Document) -> str:
        own = url_keys([page.meta["url"]])
        at = np.searchsorted(keys, own)
        if not len(own) or at[0] == len(keys) or keys[at[0]] != own[0]:
            return OTHER
        return CITED if len(page.text) >= min_chars else SHORT

    return kind_of


@functools.cache
def _open_keys(url: str) -> npt.NDArray[np.uint64]:
    """The keys of the cited URLs: mapped on a disk, and held in memory where they lie in a bucket."""
    return map_array(url, KEY)[:]


# --- cutoffs ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FindCutoffs:
    """Task: what the surveys of all shards say together."""

    surveys: tuple[tuple[str, File], ...]
    perplexity: PerplexityRecipe | None
    given: Mapping[str, Model]


def cutoffs_phase(surveys: Mapping[str, Receipt], recipe: CommonCrawlRecipe, models: Mapping[str, Model]) -> Phase:
    """The percentiles of perplexity, and how many examples are left for the classifier."""
    files = tuple(files_of(surveys.values()).items())
    given = used(models, [CUTOFFS] if CUTOFFS in models else [])
    perplexity = recipe.perplexity if isinstance(recipe.perplexity, PerplexityRecipe) else None
    parts = (perplexity.head, perplexity.middle, perplexity.keep) if perplexity else None
    made = ([file.sha256 for _, file in files], [one.identity for one in given.values()], parts)
    cost = sum(file.bytes for _, file in files)
    task = FindCutoffs(files, perplexity, given)
    return Phase("commoncrawl/cutoffs", [Item("cutoffs", digest("cutoffs", 1, made), cost, task)], cut)


def cut(task: FindCutoffs, out: ShardOutput) -> None:
    pages: Counter[tuple[str, float | None, str]] = Counter()
    for path, file in task.surveys:
        for row in read_rows(out.verified(path, file.sha256)):
            pages[row["language"], row["perplexity"], row["kind"]] += row["pages"]
    cutoffs: Mapping[str, Cutoffs] = {}
    recipe = task.perplexity
    if recipe and task.given:
        cutoffs = open_cutoffs(urls_of(out, task.given)[CUTOFFS], recipe.head, recipe.middle)
    elif recipe:
        cutoffs = _percentiles(pages, recipe)
        with out.binary(CUTOFFS_FILE) as found:
            found.write((json.dumps({lang: asdict(one) for lang, one in cutoffs.items()}, indent=1) + "\n").encode())
    counts: Counter[str] = Counter()
    for (language, perplexity, kind), n in pages.items():
        bucket = bucket_of(perplexity, cutoffs.get(language))
        counts[f"pages.{language}.{bucket}"] += n
        if recipe is None or bucket in recipe.keep:
            counts[f"examples.{kind}"] += n
    with out.binary(join(WORK, "survey", "commoncrawl.json"), counts=counts) as said:
        said.write((json.dumps(counts, indent=1, sort_keys=True) + "\n").encode())


def _percentiles(pages: Mapping[tuple[str, float | None, str], int], recipe: PerplexityRecipe) -> dict[str, Cutoffs]:
    """The cutoffs of each language that has a perplexity."""
    found: dict[str, Counter[float]] = {}
    for (language, perplexity, _), n in pages.items():
        if perplexity is not None:
            found.setdefault(language, Counter())[perplexity] += n
    return {
        language: find_cutoffs(
            np.array(sorted(own)), np.array([own[value] for value in sorted(own)]), recipe.head, recipe.middle
        )
        for language, own in sorted(found.items())
    }


# --- examples ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Examples:
    """Task: the examples of one shard."""

    results: Results
    recipe: CommonCrawlRecipe
    models: Mapping[str, Model]
    cited: Mapping[str, Model]
    shares: Mapping[str, float]  # of the cited pages, and of the others


def examples_phase(
    extracted: Mapping[str, Receipt],
    recipe: CommonCrawlRecipe,
    models: Mapping[str, Model],
    counts: Mapping[str, int],
) -> Phase:
    """Choose the pages that the classifier learns from, among those that come as far as it."""
    assert isinstance(recipe.cited, CitedRecipe), "planned for a recipe that trains"
    between = _between(recipe, Aids())
    aids, cited = used(models, models_used(between)), used(models, [CITED_KEYS])
    n_wanted = min(counts[f"examples.{CITED}"], recipe.cited.max_positives)  # of either kind
    shares = {kind: min(1.0, n_wanted / counts[f"examples.{kind}"]) for kind in (CITED, OTHER)}
    parts = recipe.perplexity if recipe.perplexity == "skip" else recipe.perplexity.keep
    identities = [one.identity for one in (*aids.values(), *cited.values())]
    decides = (versions(between), parts, identities, recipe.cited.min_chars, shares)
    items = []
    for one in results_of(extracted):
        task = Examples(one, recipe, aids, cited, shares)
        fingerprint = digest("examples", 1, decides, one.documents[1].identity)
        items.append(Item(one.shard, fingerprint, one.documents[1].bytes, task))
    return Phase("commoncrawl/examples", items, choose, unit="pages")


def _between(recipe: CommonCrawlRecipe, aids: Aids) -> Sequence[Step]:
    """The steps after the survey that a page passes before the classifier sees it."""
    _, waiting = cut_at_waiting(steps(recipe, aids))
    at = next(number for number, one in enumerate(waiting) if CITATION_MODEL in one.uses)
    return waiting[:at]


def choose(task: Examples, out: ShardOutput) -> None:
    assert isinstance(task.recipe.cited, CitedRecipe), "planned for a recipe that trains"
    kind_of = _kinds(urls_of(out, task.cited), task.recipe.cited.min_chars)
    between = _between(task.recipe, Aids(urls_of(out, task.models)))
    with out.table(join(WORK, "examples", "commoncrawl", f"{task.results.shard}.parquet"), EXAMPLES) as table:
        for page in run_steps(_pages(out, task.results), between, out.spent):
            if not isinstance(page, Document):
                continue
            kind = kind_of(page)
            if unit_interval(page.id, "example") < task.shares.get(kind, 0.0):
                table.add({"url": page.meta["url"], "cited": kind == CITED, "text": page.text})


# --- citation ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Citation:
    """Task: the classifier."""

    examples: tuple[tuple[str, File], ...]
    held_out: float
    min_score: float


def citation_phase(examples: Mapping[str, Receipt], recipe: CitedRecipe) -> Phase:
    """Train the classifier on the examples of all shards."""
    files = tuple(files_of(examples.values()).items())
    fingerprint = digest("citation", 1, [file.identity for _, file in files], recipe.held_out, recipe.min_score)
    cost = sum(file.bytes for _, file in files)
    task = Citation(files, recipe.held_out, recipe.min_score)
    return Phase("commoncrawl/citation", [Item("citation", fingerprint, cost, task)], train_classifier)


def train_classifier(task: Citation, out: ShardOutput) -> None:
    def examples(held_out: bool) -> Iterator[tuple[bool, str]]:
        for path, file in task.examples:
            for row in read_rows(out.verified(path, file.sha256)):
                # By the address, so that a page that was crawled twice is not on both sides.
                if (unit_interval(normalize_url(row["url"]), "held out") < task.held_out) == held_out:
                    yield row["cited"], row["text"]

    with out.scratch() as scratch:
        data = train(examples(held_out=False), scratch)
        (scratch / "model").write_bytes(data)
        model = CitationModel(str(scratch / "model"))
        pairs = [(cited, model.score(text)) for cited, text in examples(held_out=True)]
    with out.binary(CITATION_FILE) as file:
        file.write(data)
    quality = measure(np.array([score for _, score in pairs]), np.array([c for c, _ in pairs], bool), task.min_score)
    rows = sum(file.rows for _, file in task.examples)
    facts: dict[str, Any] = {"trained_on": rows - len(pairs), "held_out": dataclasses.asdict(quality)}
    with out.binary(CITATION_FACTS) as file:
        file.write((json.dumps(facts, indent=1) + "\n").encode())
