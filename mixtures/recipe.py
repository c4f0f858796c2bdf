"""Recipes: typed, frozen, loaded from YAML. A shipped recipe holds only what differs from the defaults here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from ..config import build, override, parse_yaml, to_yaml
from ..errors import ConfigError, did_you_mean
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
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold must lie in 0–1, got {self.threshold}.")


@dataclass(frozen=True, kw_only=True)
class CommonCrawlRecipe(SourceRecipe):
    """English CommonCrawl: WET files."""

    min_chars: int = 300  # of a page without its title, before any line goes
    lines: LinesRecipe = field(default_factory=LinesRecipe)
    unique_content: bool = False  # of pages with the same digest, in all dumps together, one stays
    language: LanguageRecipe = field(default_factory=LanguageRecipe)
    max_page_mb: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min_chars < 0 or self.max_page_mb < 1:
            raise ValueError("min_chars must be at least 0, and max_page_mb at least 1.")


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


def _plain(value: Any) -> Any:
    """Tuples as lists, so that YAML and JSON hold the same."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value
