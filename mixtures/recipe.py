"""Recipes: typed, frozen, loaded from YAML. A shipped recipe holds only what differs from the defaults here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from ..config import build, override, parse_yaml, to_yaml
from ..errors import ConfigError, did_you_mean
from ..records import Bucket
from ..storage import digest
from .circle import MAX_COPIES

SCHEMA = 1
LLAMA_WIKIPEDIAS = (
    *("bg", "ca", "cs", "da", "de", "en", "es", "fr", "hr", "hu"),
    *("it", "nl", "pl", "pt", "ro", "ru", "sl", "sr", "sv", "uk"),
)


@dataclass(frozen=True)
class PaperRow:
    """What Table 1 of the paper says of a source, to compare with; it decides nothing."""

    epochs: float
    disk_gb: float


@dataclass(frozen=True, kw_only=True)
class SourceRecipe:
    """What every source has.

    `inputs` are globs relative to `--inputs`: of files, of folders (with a slash at the end), or of lists of paths
    (`*.paths.gz`), which are relative to `root`, or else to the folder above the list that holds what they name.
    """

    inputs: tuple[str, ...]
    root: str = ""
    weight: float | None = None  # per cent of the tokens written
    epochs: float | None = None  # passes over the source, fractions allowed
    paper: PaperRow | None = None
    part_mb: float = 256.0  # text in one document file; only inputs that cannot be cut need a second one

    def __post_init__(self) -> None:
        if self.weight is not None and self.weight <= 0:
            raise ValueError(f"weight must be above 0, got {self.weight}; leave the source out instead.")
        if self.epochs is not None and self.epochs <= 0:
            raise ValueError(f"epochs must be above 0, got {self.epochs}; leave the source out instead.")
        if self.epochs is not None and self.epochs > MAX_COPIES:
            raise ValueError(f"epochs must be at most {MAX_COPIES}, got {self.epochs}.")
        if self.part_mb < 0.001:
            raise ValueError(f"part_mb must be at least 0.001, got {self.part_mb}.")


@dataclass(frozen=True)
class LinesRecipe:
    """Line dedup of CommonCrawl.   Source: cc_net, dedup.py and mine.py; `ccnet-paper` is what its paper says."""

    keep: Literal["none", "first"] = "none"  # of lines that several documents have: none, or the first
    groups: int = 32  # into how many groups a dump is cut. CCNet 32 (50 of 1,600 shards); 1: the whole dump is one
    hash: Literal["sha1", "xxh3"] = "sha1"  # xxh3 is faster
    normalise: Literal["ccnet-code", "ccnet-paper"] = "ccnet-code"

    def __post_init__(self) -> None:
        if self.groups < 1:
            raise ValueError(f"groups must be at least 1, got {self.groups}; 1 compares a whole dump.")


@dataclass(frozen=True)
class LanguageRecipe:
    """Language identification.   Source: cc_net, split_by_lang.py, and its `lang_threshold`."""

    model: str = "models/lid.176.bin"  # URL, path, or a glob below --inputs
    keep: tuple[str, ...] = ("en",)  # ISO 639-1 codes as the model has them
    threshold: float = 0.5  # of the score, rounded to two decimals
    text: Literal["full", "spread"] = "full"  # spread: five slices of 400 characters, about four times faster

    def __post_init__(self) -> None:
        if not self.keep:
            raise ValueError("keep must name at least one language.")
        _refuse_repeats("keep", self.keep)
        if not self.model:
            raise ValueError("model must name a file.")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold must lie in 0–1, got {self.threshold}.")


@dataclass(frozen=True)
class PerplexityRecipe:
    """Quality by an n-gram model.   Source: cc_net, perplexity.py and its cutoff.csv; `keep` is RedPajama v1's."""

    models: str = ""  # folder of <language>.sp.model and <language>.arpa.bin; empty: trained on Wikipedia, see `ngram`
    languages: tuple[
        str, ...
    ] = ()  # that have a model; empty: all that are kept. Pages of others are in no part: `all`
    text: Literal["glued", "lines"] = "glued"  # a page as one sentence, as cc_net's code; or each line, as its paper
    cutoffs: str = ""  # file of ready cutoffs, JSON or cc_net's cutoff.csv; empty: from the pages of the run
    head: int = 30  # per cent of the pages of a language, the most likely ones
    middle: int = 60  # per cent, head included; the rest is the tail
    keep: tuple[Bucket, ...] = ("head", "middle")

    def __post_init__(self) -> None:
        if not 0 < self.head < self.middle < 100:
            raise ValueError(f"expected 0 < head < middle < 100, got head {self.head} and middle {self.middle}.")
        if not self.keep:
            raise ValueError("keep must name at least one of head, middle, tail, all.")
        _refuse_repeats("languages", self.languages)


@dataclass(frozen=True)
class CitedRecipe:
    """Pages like those that Wikipedia cites.   Source: RedPajama v1; the paper says no more than "linear model"."""

    model: str = ""  # a ready fastText .bin with the labels wiki and cc; empty: trained on the pages of the run
    urls: str = ""  # file of the URLs whose pages are positive; empty: those that Wikipedia's dumps cite
    min_score: float = 0.25
    min_chars: int = 1000  # of a positive page
    min_positives: int = 1000  # fewer are an error, not a bad model
    max_positives: int = 300_000  # pages to learn from, chosen by hash; RedPajama crawled about so many
    held_out: float = 0.1  # share of the examples that the model is measured on

    def __post_init__(self) -> None:
        if not 0 <= self.min_score <= 1:
            raise ValueError(f"min_score must lie in 0–1, got {self.min_score}.")
        if not 0 <= self.held_out <= 0.5:
            raise ValueError(f"held_out must lie in 0–0.5, got {self.held_out}.")
        if self.min_positives < 1 or self.min_chars < 0:
            raise ValueError("min_positives must be at least 1, and min_chars at least 0.")
        if self.max_positives < self.min_positives:
            raise ValueError(
                f"max_positives must be at least min_positives, {self.min_positives}, got {self.max_positives}."
            )
        if self.model and self.urls:
            raise ValueError("give a model or urls, not both: urls are for training a model.")


@dataclass(frozen=True, kw_only=True)
class CommonCrawlRecipe(SourceRecipe):
    """English CommonCrawl: WET files."""

    block: tuple[str, ...] = ()  # files of domains and URLs whose pages are left out
    min_chars: int = 300  # of a page without its title, before any line goes
    lines: LinesRecipe = field(default_factory=LinesRecipe)
    unique_content: bool = False  # of pages with the same digest, in all dumps together, one stays
    language: LanguageRecipe = field(default_factory=LanguageRecipe)
    perplexity: PerplexityRecipe | Literal["skip"] = field(default_factory=PerplexityRecipe)
    cited: CitedRecipe | Literal["skip"] = field(default_factory=CitedRecipe)
    max_page_mb: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min_chars < 0 or self.max_page_mb < 1:
            raise ValueError("min_chars must be at least 0, and max_page_mb at least 1.")
        without = sorted(set(self.language.keep) - set(self.ngram_languages))
        if isinstance(self.perplexity, PerplexityRecipe) and without and "all" not in self.perplexity.keep:
            raise ValueError(
                f"perplexity.languages names no model for {', '.join(without)}: its pages are in no part, and would "
                "all go. Add all to perplexity.keep, or give it a model."
            )

    @property
    def ngram_languages(self) -> tuple[str, ...]:
        """The languages whose pages are scored with an n-gram model."""
        return (
            (self.perplexity.languages or self.language.keep) if isinstance(self.perplexity, PerplexityRecipe) else ()
        )

    @property
    def own_ngrams(self) -> bool:
        """Whether n-gram models are trained in the run."""
        return isinstance(self.perplexity, PerplexityRecipe) and not self.perplexity.models

    @property
    def cited_by_wikipedia(self) -> bool:
        """Whether the URLs that Wikipedia cites are needed."""
        return isinstance(self.cited, CitedRecipe) and not (self.cited.model or self.cited.urls)


@dataclass(frozen=True, kw_only=True)
class WikipediaRecipe(SourceRecipe):
    """Wikipedia: MediaWiki dumps."""

    languages: tuple[str, ...] = LLAMA_WIKIPEDIAS
    slice_mb: float = 64.0  # compressed bytes in one work item of a multistream dump: one to ten minutes
    max_page_mb: int = 16  # MediaWiki itself stops at 2 MiB of text

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.slice_mb < 0.001 or self.max_page_mb < 1:
            raise ValueError("slice_mb must be at least 0.001, and max_page_mb at least 1.")


@dataclass(frozen=True)
class Sources:
    """The seven sources of the paper. A source that a recipe does not name is not part of it."""

    commoncrawl: CommonCrawlRecipe | None = None
    c4: SourceRecipe | None = None
    github: SourceRecipe | None = None
    wikipedia: WikipediaRecipe | None = None
    books: SourceRecipe | None = None
    arxiv: SourceRecipe | None = None
    stackexchange: SourceRecipe | None = None


@dataclass(frozen=True)
class NgramRecipe:
    """The n-gram models that we train on Wikipedia's lead sections.   Source: cc_net, Makefile and lm settings."""

    documents: int = 1_000_000  # lead sections of a language, chosen by hash
    vocab_size: int = 65_536  # pieces, fewer where there is little text
    pieces_mb: int = 100  # text that the pieces are trained on
    order: int = 5
    prune: tuple[int, ...] = ()  # as lmplz's --prune; empty: none up to 50 million tokens, 0 0 1 1 1 above
    estimator: Literal["auto", "own", "lmplz"] = "auto"  # auto: lmplz where it is on PATH, or else our own
    memory_mb: int = 2000  # of one estimation; as many run at once as there are workers, one a language

    def __post_init__(self) -> None:
        if not 2 <= self.order <= 6:
            raise ValueError(f"order must lie in 2–6, got {self.order}: KenLM is compiled for no more.")
        if self.vocab_size < 300 or self.documents < 1 or self.pieces_mb < 1 or self.memory_mb < 100:
            raise ValueError("expected vocab_size >= 300, documents >= 1, pieces_mb >= 1 and memory_mb >= 100.")
        falls = any(low > high for low, high in pairwise(self.prune))
        if self.prune and (self.prune[0] != 0 or falls or len(self.prune) > self.order):
            raise ValueError(
                f"prune: expected at most {self.order} thresholds (one an order), the first 0 and none below the one "
                f"before it; got {list(self.prune)}."
            )


@dataclass(frozen=True)
class TokenizerRecipe:
    """SentencePiece BPE.   Source: LLaMA (2023) section 2.1, "Tokenizer"; all settings are in tokenizer/train.py."""

    vocab_size: int = 32_000
    sample_mb: int = 10_000  # UTF-8 text to train on, drawn from the sources by their shares
    bos: bool = True
    eos: bool = True

    def __post_init__(self) -> None:
        if self.vocab_size < 300:
            raise ValueError(
                f"vocab_size must be at least 300 (256 bytes, 3 controls, characters), got {self.vocab_size}."
            )
        if self.sample_mb < 1:
            raise ValueError(f"sample_mb must be at least 1, got {self.sample_mb}.")


@dataclass(frozen=True)
class ShardsRecipe:
    """Token shards: how long, and in which formats (shards/formats.py lists them)."""

    tokens: int = 1 << 30
    formats: tuple[str, ...] = ("raw",)

    def __post_init__(self) -> None:
        if self.tokens < 1:
            raise ValueError(f"tokens must be at least 1, got {self.tokens}.")
        if not self.formats:
            raise ValueError("formats must name at least one format.")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the bytes of a run, apart from its inputs."""

    name: str
    sources: Sources
    schema: int = SCHEMA
    seed: int = 1  # turns the circle and orders shards; it decides nothing else
    budget_tokens: int | None = None  # with a weight for each source; without it each source has its epochs
    max_epochs: float = 4.0  # `plan` calls a source short beyond this
    validation: float = 0.001  # share of the documents held out
    limit: float = 1.0  # hash-chosen share of the documents read
    dropped_heads: float = 0.01  # share of dropped documents whose beginning is kept
    head_chars: int = 500
    exchange_mb: float = 128.0  # keys compared in one work item, which takes up to three times this in memory
    ngram: NgramRecipe = field(default_factory=NgramRecipe)
    tokenizer: TokenizerRecipe = field(default_factory=TokenizerRecipe)
    shards: ShardsRecipe = field(default_factory=ShardsRecipe)

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise ValueError(f"schema {self.schema} is unknown; this version reads schema {SCHEMA}.")
        for name, low, high in (("validation", 0.0, 0.5), ("limit", 1e-9, 1.0), ("dropped_heads", 0.0, 1.0)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must lie in {low}–{high}, got {getattr(self, name)}.")
        if self.exchange_mb < 0.001:
            raise ValueError(f"exchange_mb must be at least 0.001, got {self.exchange_mb}.")
        if not self.active:
            raise ValueError("no source is named.")
        crawl = self.sources.commoncrawl
        if crawl and self.sources.wikipedia is None and (crawl.own_ngrams or crawl.cited_by_wikipedia):
            raise ValueError(
                "CommonCrawl needs Wikipedia's dumps here, and sources.wikipedia is not part of the recipe: "
                + " and ".join(
                    [
                        *(["n-gram models are trained on them (or give perplexity.models)"] * crawl.own_ngrams),
                        *(["they cite URLs (or give cited.urls or cited.model)"] * crawl.cited_by_wikipedia),
                    ]
                )
                + "; perplexity and cited may also be skip."
            )
        self._check_mixture()

    def _check_mixture(self) -> None:
        if self.budget_tokens is None:
            missing = [name for name, source in self.active.items() if source.epochs is None]
            if missing:
                raise ValueError(
                    f"no epochs for {', '.join(missing)}: give each source epochs, or a budget and weights."
                )
            return
        wrong = [name for name, source in self.active.items() if source.weight is None or source.epochs is not None]
        if wrong:
            raise ValueError(f"with budget_tokens each source has a weight and no epochs; see {', '.join(wrong)}.")
        total = sum(source.weight or 0.0 for source in self.active.values())
        if abs(total - 100) > 0.05:
            raise ValueError(f"the weights sum to {total:g}; expected 100 (per cent).")

    @property
    def active(self) -> dict[str, SourceRecipe]:
        """The sources that the recipe names, in the paper's order."""
        return {f.name: s for f in dataclasses.fields(self.sources) if (s := getattr(self.sources, f.name)) is not None}

    @property
    def digest(self) -> str:
        return digest(self.resolved())

    def resolved(self) -> dict[str, Any]:
        """Every setting, defaults included; sources that are not part of the recipe are left out."""
        values: dict[str, Any] = _plain(dataclasses.asdict(self))
        values["sources"] = {name: source for name, source in values["sources"].items() if source is not None}
        return values

    def to_yaml(self) -> str:
        """The resolved recipe; loading it gives this recipe again."""
        return to_yaml(self.resolved())


def load(path: str, overrides: Sequence[str] = ()) -> Recipe:
    """A recipe from a file, or one of the package (`llama1`, `mixtures/llama1.yaml`), with `key=value` overrides.

    Raises:
        ConfigError: no such recipe, not YAML, an unknown key, a wrong value.
    """
    values = parse_yaml(_read(path), path)
    for assignment in overrides:
        values = override(values, assignment)
    return build(Recipe, values, Path(path).stem)


def shipped() -> dict[str, str]:
    """The recipes of the package: name → YAML text."""
    folder = resources.files(__package__)
    return {Path(f.name).stem: f.read_text("utf-8") for f in folder.iterdir() if f.name.endswith(".yaml")}


def _read(path: str) -> str:
    file = Path(path)
    if file.is_file():
        try:
            return file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: cannot be read ({type(error).__name__}: {error}).") from error
    recipes = shipped()
    if file.stem in recipes and str(file) in (file.stem, f"mixtures/{file.stem}.yaml"):
        return recipes[file.stem]
    raise ConfigError(
        f"{path}: no such recipe{did_you_mean(file.stem, recipes)}; shipped ones: {', '.join(sorted(recipes))}."
    )


def _refuse_repeats(name: str, values: Sequence[str]) -> None:
    twice = next((value for place, value in enumerate(values) if value in values[:place]), None)
    if twice is not None:
        raise ValueError(f"{name} names {twice} twice.")


def _plain(value: Any) -> Any:
    """Tuples as lists, so that YAML and JSON hold the same."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value
