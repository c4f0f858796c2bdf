"""Recipes: typed, frozen, loaded from YAML. A shipped recipe holds only what differs from the defaults here, and in
`sources.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from ..config import build, line_of, override, parse_yaml, to_yaml
from ..errors import ConfigError, SourceError, UsageError, did_you_mean
from ..manifest import RECIPE
from ..storage import digest, is_file, join, read_bytes
from .sources import UNREAD, OwnRecipe, SourceRecipe, Sources

SCHEMA = 1
_ROUNDING = 0.05  # of weights in per cent


@dataclass(frozen=True)
class NgramRecipe:
    """The n-gram models that we train on Wikipedia's lead sections.   Source: cc_net, Makefile and lm settings."""

    documents: int = 1_000_000  # lead sections of a language, chosen by hash
    vocab_size: int = 65_536  # pieces, fewer where there is little text
    pieces_mb: int = 100  # text that the pieces are trained on
    order: int = 5  # pieces in the longest n-gram
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
    """SentencePiece BPE.   Source: LLaMA (2023) section 2.1, "Tokenizer"; all settings are in tokenizer/train.py.

    Or one that there is: then nothing is trained, and the vocabulary is its own.
    """

    model: str = ""  # SentencePiece's .model or Hugging Face's tokenizer.json: URL, path, or a glob below --inputs
    bos_token: str = ""  # as in <s>: of a tokenizer.json without a tokenizer_config.json beside it
    eos_token: str = ""  # as in </s>, of such a file
    vocab_size: int = 32_000  # pieces of one that is trained
    sample_mb: int = 10_000  # UTF-8 text to train on, drawn from the sources by their shares
    bos: bool = True  # whether BOS stands before each document of a shard
    eos: bool = True  # whether EOS stands behind it

    def __post_init__(self) -> None:
        if not self.model and (self.bos_token or self.eos_token):
            raise ValueError("bos_token and eos_token are those of a ready tokenizer: name its file as model.")
        if self.vocab_size < 300:
            raise ValueError(
                f"vocab_size must be at least 300 (256 bytes, 3 controls, characters), got {self.vocab_size}."
            )
        if self.sample_mb < 1:
            raise ValueError(f"sample_mb must be at least 1, got {self.sample_mb}.")


@dataclass(frozen=True)
class SequenceRecipe:
    """Rows of one length for trainers that cut nothing themselves: mds, parquet, arrayrecord (shards/sequences.py)."""

    length: int = 2048  # tokens
    documents: Literal["cross", "fit", "alone"] = "cross"  # documents run on from one sequence to the next;
    # fit: only longer ones are cut, several share a sequence, padded; alone: one, or a piece of one, in each, padded
    pad: int = 0  # id of padding: <unk>, which no text gives, because unknown characters are written as bytes
    equal: bool = (
        False  # as many sequences in each shard of a split as in its smallest one; what is left out is counted
    )

    def __post_init__(self) -> None:
        if self.length < 2:
            raise ValueError(f"length must be at least 2 tokens, got {self.length}.")
        if self.pad < 0:
            raise ValueError(f"pad must be an id, 0 or more, got {self.pad}.")


@dataclass(frozen=True)
class ShardsRecipe:
    """Token shards: how long, in which formats (shards/formats.py lists them), and packed or not."""

    tokens: int = 1 << 30  # of a training shard, about
    formats: tuple[str, ...] = ("raw",)  # all from the same documents in the same order
    sequence: SequenceRecipe | None = None  # without it a row is a document

    def __post_init__(self) -> None:
        if self.tokens < 1:
            raise ValueError(f"tokens must be at least 1, got {self.tokens}.")
        if not self.formats:
            raise ValueError("formats must name at least one format.")


@dataclass(frozen=True)
class CardRecipe:
    """What only you can say of a corpus, for its dataset card (report/card.py). No byte of the corpus depends on it."""

    title: str = ""  # empty: corpusmill and the name of the recipe
    contact: str = ""  # who answers for the corpus, an address or a URL; empty: the card says that nobody is named
    url: str = ""  # where it is published
    license: str = "other"  # yours, on the collection, as the Hub calls it (odc-by); the texts keep their own
    license_name: str = "licences-of-the-sources"  # with license: other, and a link to its text,
    license_link: str = ""  # which is LICENSE, LICENSE.md or a URL; empty: the card's own section, if it has a url


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the bytes of a run, apart from its inputs; and the words of its card."""

    name: str  # of the recipe
    sources: Sources  # by name; one that is not named is no part
    schema: int = SCHEMA  # of the file; another one is refused
    seed: int = 1  # turns the circle and orders shards; it decides nothing else
    budget_tokens: int | None = None  # to be shared by weights (see plan.py); without it each source has its epochs
    max_epochs: float = 4.0  # `plan` calls a source short beyond this
    validation: float = 0.001  # share of the documents held out
    limit: float = 1.0  # hash-chosen share of the documents read
    dropped_heads: float = 0.01  # share of dropped documents whose beginning is kept
    head_chars: int = 500  # of such a beginning
    exchange_mb: float = 128.0  # keys compared in one work item, which takes up to three times this in memory
    ngram: NgramRecipe = field(default_factory=NgramRecipe)
    tokenizer: TokenizerRecipe = field(default_factory=TokenizerRecipe)
    shards: ShardsRecipe = field(default_factory=ShardsRecipe)
    card: CardRecipe = field(default_factory=CardRecipe)

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
        wrong = [name for name, source in self.active.items() if source.weight is None and source.epochs is None]
        if wrong:
            raise ValueError(f"with budget_tokens each source has a weight, or epochs; see {', '.join(wrong)}.")
        weights = [source.weight for source in self.active.values() if source.weight is not None]
        if not weights:
            raise ValueError("budget_tokens is shared by weights, and no source has one.")
        total = sum(weights)
        if abs(total - 100) > _ROUNDING:
            raise ValueError(f"the weights sum to {total:g}; expected 100 (per cent).")

    @property
    def active(self) -> dict[str, SourceRecipe]:
        """The sources that the recipe names, in the paper's order, then the user's own."""
        return self.sources.named

    @property
    def digest(self) -> str:
        """Of all that decides bytes: the words of the card do not."""
        return digest({name: value for name, value in self.resolved().items() if name != "card"})

    def resolved(self) -> dict[str, Any]:
        """Every setting, defaults included; sources that are not part of the recipe are left out."""
        values: dict[str, Any] = _plain(dataclasses.asdict(self))
        values["sources"] = {name: source for name, source in values["sources"].items() if source}
        for own in values["sources"].get("own", {}).values():
            own |= own.pop(UNREAD, {})
        return values

    def to_yaml(self) -> str:
        """The resolved recipe; loading it gives this recipe again."""
        return to_yaml(self.resolved())


def load(path: str, overrides: Sequence[str] = ()) -> Recipe:
    """A recipe from a file, or one of the package (`llama1`, `mixtures/llama1.yaml`), with `key=value` overrides.

    Raises:
        ConfigError: no such recipe, not YAML, an unknown key, a wrong value.
    """
    text, name = _read(path), Path(path).stem
    written = values = parse_yaml(text, path)
    for assignment in overrides:
        values = override(values, assignment)
    values = _shared_out(written, _without_absent(written, values))
    try:
        return build(Recipe, values, name)
    except ConfigError as error:
        if not _is_in_file(written, name, error):
            raise
        line = line_of(text, str(error))
        place = path if line is None else f"{path}, line {line}"
        raise ConfigError(f"{place}: {str(error).removeprefix(name).lstrip('.: ')}") from error


def _shared_out(written: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """The weight of sources that an override takes out (`sources.books=null`), shared out among the others by theirs;
    as it is where an override gives weights."""
    before, after = (_weights(one) for one in (written, values))
    left = {name: weight for name, weight in before.items() if name in after}
    if left != after or len(left) in (0, len(before)) or abs(sum(before.values()) - 100) > _ROUNDING:
        return values
    for name, weight in left.items():
        values = override(values, f"sources.{name}.weight={weight * 100 / sum(left.values())!r}")
    return values


def _without_absent(written: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Without the user's own sources that an override takes out (`sources.own.forum=null`)."""
    sources, given = values.get("sources"), written.get("sources")
    own = sources.get("own") if isinstance(sources, dict) else None
    if not isinstance(sources, dict) or not isinstance(own, dict):
        return values
    known = given.get("own") if isinstance(given, dict) else None
    for name, one in own.items():
        if one is None and name not in (known or {}):
            raise ConfigError(f"sources.own.{name}: no such source{did_you_mean(str(name), map(str, known or ()))}.")
    there = {name: one for name, one in own.items() if one is not None}
    return {**values, "sources": {**sources, "own": there}}


def _weights(values: dict[str, Any]) -> dict[str, float]:
    """The weight of each source that has one, the user's own included, by its key below `sources`."""
    sources = values.get("sources")
    named = dict(sources) if isinstance(sources, dict) else {}
    own = named.pop("own", None)
    named |= {f"own.{name}": one for name, one in own.items()} if isinstance(own, dict) else {}
    weights = {name: one.get("weight") for name, one in named.items() if isinstance(one, dict)}
    return {name: weight for name, weight in weights.items() if isinstance(weight, int | float) and weight > 0}


def _is_in_file(written: dict[str, Any], name: str, error: ConfigError) -> bool:
    """Whether a mistake is the file's own, and not one of what was laid over it."""
    try:
        build(Recipe, written, name)
    except ConfigError as own:
        return str(own) == str(error)
    return False


def read_recipe(output: str, *, code: bool = False) -> Recipe:
    """The recipe of a run, from its output folder. The folder may be anybody's, so code of the user's own sources is
    imported only where their steps are to run again (`code`); else theirs are `UnreadRecipe`s.

    Raises:
        UsageError: there is none.
        ConfigError: it is not as a run writes it.
    """
    url = join(output, RECIPE)
    if not is_file(url):
        raise UsageError(f"{output}: no run here; expected {RECIPE}.")
    try:
        text = read_bytes(url).decode()
    except (SourceError, UnicodeDecodeError) as error:
        raise ConfigError(f"{url}: cannot be read ({type(error).__name__}).") from error
    return build(Recipe, parse_yaml(text, url), RECIPE) if code else without_code(text, url)


def without_code(text: str, where: str) -> Recipe:
    """A recipe from its YAML, with the settings of own sources as they are written. Raises ConfigError."""
    values = parse_yaml(text, where)
    sources = values.get("sources")
    own: Any = sources.get("own") if isinstance(sources, dict) else None
    known = {one.name for one in dataclasses.fields(OwnRecipe)}
    for name, given in [*own.items()] if isinstance(own, dict) else ():
        if isinstance(given, dict):
            settings = {key: value for key, value in given.items() if key not in known}
            own[name] = {key: value for key, value in given.items() if key in known} | {UNREAD: settings}
    return build(Recipe, values, RECIPE)


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
    what = "is a folder, no recipe" if path and file.is_dir() else "no such recipe or file"
    known = f"shipped ones: {', '.join(sorted(recipes))}."
    raise ConfigError(f"{path or repr(path)}: {what}{did_you_mean(file.stem, recipes)}; {known}")


def _plain(value: Any) -> Any:
    """Tuples as lists, so that YAML and JSON hold the same."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value
