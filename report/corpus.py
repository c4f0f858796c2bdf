"""A finished corpus as its card and Croissant's file tell of it: read from the record of the run alone."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from ..config import parse_yaml
from ..manifest import finished, read_manifest
from ..mixtures.recipe import Recipe, load, read_recipe
from ..mixtures.sources import OwnRecipe, UnreadRecipe
from ..pipelines.accounts import UNKNOWN

PAPER = "https://arxiv.org/abs/2302.13971"
FEATURES = ("id", "text", "source", "meta")  # of a document, all strings
CITATION = r"""@article{touvron2023llama,
  title = {LLaMA: Open and Efficient Foundation Language Models},
  author = {Touvron, Hugo and Lavril, Thibaut and Izacard, Gautier and Martinet, Xavier and Lachaux, Marie-Anne and
    Lacroix, Timoth{\'e}e and Rozi{\`e}re, Baptiste and Goyal, Naman and Hambro, Eric and Azhar, Faisal and
    Rodriguez, Aurelien and Joulin, Armand and Grave, Edouard and Lample, Guillaume},
  journal = {arXiv preprint arXiv:2302.13971},
  year = {2023}
}

@software{corpusmill,
  title = {corpusmill: from raw public dumps to the LLaMA pre-training corpus},
  version = {VERSION}
}"""


@dataclass(frozen=True)
class Corpus:
    """What `manifest.json`, `manifest.parquet` and `recipe.yaml` say."""

    output: str
    recipe: Recipe
    facts: Mapping[str, Any]
    file_bytes: Mapping[str, int]  # of the files of documents, by source
    hidden: Collection[str]  # sources that have files whose names begin with a dot, which globs pass over
    models: Mapping[str, tuple[int, str]]  # those made in the run, the tokenizer among them: path → bytes, SHA-256

    @classmethod
    def read(cls, output: str) -> Corpus:
        """Raises UsageError: there is no finished run."""
        facts = finished(output)
        sizes: Counter[str] = Counter()
        hidden = set()
        for row in read_manifest(output, ["path", "bytes"], "documents").to_pylist():
            _, source, name = row["path"].split("/", 2)
            sizes[source] += row["bytes"]
            if name.startswith("."):
                hidden.add(source)
        learnt = read_manifest(output, ["path", "bytes", "sha256"], "models", "tokenizer").to_pylist()
        models = {row["path"]: (row["bytes"], row["sha256"]) for row in learnt}
        return cls(output, read_recipe(output), facts, sizes, hidden, models)

    @property
    def made(self) -> list[str]:
        """The sources that were made, in the paper's order."""
        return [name for name in self.recipe.active if name in self.facts["sources"]]

    @property
    def sources(self) -> list[str]:
        """Those of them that have documents."""
        return [name for name in self.made if self.kept(name)]

    @property
    def is_of_paper(self) -> bool:
        """Whether it has one of the paper's sources."""
        return not set(self.sources).isdisjoint(publishers()["sources"])

    @property
    def title(self) -> str:
        return " ".join(self.recipe.card.title.split()) or f"corpusmill {self.recipe.name}"

    def counts(self, source: str) -> Mapping[str, int]:
        """The accounts of a source."""
        counts: Mapping[str, int] = self.facts["sources"].get(source, {})
        return counts

    def kept(self, source: str) -> int:
        return self.counts(source).get("documents.kept", 0)

    def text_bytes(self, source: str) -> int:
        """UTF-8, of the texts alone."""
        return self.counts(source).get("bytes.kept", 0)

    def kinds(self, source: str, kind: str) -> dict[str, int]:
        """How many documents have each of its languages, licenses or collections; the most frequent first."""
        start = f"{kind}."
        found = {name.removeprefix(start): n for name, n in self.counts(source).items() if name.startswith(start)}
        return dict(sorted(((name, n) for name, n in found.items() if n > 0), key=lambda one: (-one[1], one[0])))

    @property
    def languages(self) -> list[str]:
        """ISO 639 codes of all that is known to be in the corpus, in alphabetical order."""
        return sorted({code for source in self.sources for code in self.kinds(source, "languages")} - {UNKNOWN})

    @property
    def citation(self) -> str:
        """BibTeX of the paper that is followed, and of the program that made the corpus."""
        return CITATION.replace("VERSION", self.facts["corpusmill"])

    @property
    def taken_down(self) -> int:
        return sum(
            self.counts(source).get("documents.dropped.common.taken_down", 0) for source in self.facts["sources"]
        )

    @property
    def is_whole(self) -> bool:
        """Whether tokenizer and shards were made, too."""
        return bool(self.facts["complete"])

    @property
    def publishers(self) -> dict[str, dict[str, Any]]:
        """What is said of the texts of each source that was made: by its publisher, or by the recipe."""
        seven, own = publishers()["sources"], self.recipe.sources.own
        found = {name: _own(name, own[name]) if name in own else dict(seven[name]) for name in self.made}
        for name, one in found.items():
            if getattr(self.recipe.active[name], "form", "") == "published":
                one["links"] = {**one["published"], **one["links"]}
        return found

    def about(self, kind: str) -> list[str]:
        """What is known of the texts of these sources: `personal`, `biases` or `limits`."""
        return [
            one["text"] for one in publishers()[kind] if not set(one.get("of", self.sources)).isdisjoint(self.sources)
        ]


def _own(name: str, options: OwnRecipe) -> dict[str, Any]:
    return {
        "title": name,
        "about": options.about or "A source of the maker's own.",
        "licence": options.rights or "What these texts may be used for is for the maker of this corpus to say.",
        "links": {},
        "names": f"{name}:ID",
        "upstream": "",
    }


@functools.cache
def publishers() -> dict[str, Any]:
    """`sources.yaml`."""
    return parse_yaml(resources.files(__package__).joinpath("sources.yaml").read_text("utf-8"), "sources.yaml")


@functools.cache
def paper() -> Recipe:
    """The recipe with the paper's settings and its Table 1."""
    return load("llama1")


NOT_TOLD = ("root", "weight", "epochs", "paper", "part_mb", "slice_mb", "columns")


def changed_settings(recipe: Recipe, source: str) -> dict[str, tuple[Any, Any]]:
    """Settings of a source that decide texts and differ from `llama1.yaml`'s: dotted key → value here, and there."""
    if isinstance(own := recipe.active[source], UnreadRecipe):
        return {key: (value, None) for key, value in _leaves(own.settings).items()}
    ours, theirs = (_leaves(one.resolved()["sources"].get(source, {})) for one in (recipe, paper()))
    skipped = tuple(f"{key}." for key, value in ours.items() if value == "skip")
    keys = [key for key in {**ours, **theirs} if not key.startswith((*NOT_TOLD, *skipped))]
    pairs = {key: (ours.get(key), theirs.get(key)) for key in keys}
    return {key: (a, b) for key, (a, b) in pairs.items() if _unordered(a) != _unordered(b)}


def general_settings(recipe: Recipe, whole: bool) -> dict[str, tuple[Any, Any]]:
    """Settings of no one source that decide documents or, in a whole run, tokens, and differ from `llama1.yaml`'s."""
    ours, theirs = (_leaves(one.resolved()) for one in (recipe, paper()))
    decide = ("limit", "ngram.") + (
        ("seed", "validation", "budget_tokens", "tokenizer.", "shards.sequence") if whole else ()
    )
    keys = [
        key
        for key in {**ours, **theirs}
        if key.startswith(decide) and key not in ("ngram.memory_mb", "ngram.estimator")
    ]
    return {key: (ours.get(key), theirs.get(key)) for key in keys if ours.get(key) != theirs.get(key)}


def _unordered(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value


def _leaves(settings: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """
    >>> _leaves({"a": 1, "b": {"c": [2]}})
    {'a': 1, 'b.c': [2]}
    """
    found: dict[str, Any] = {}
    for name, value in settings.items():
        found |= _leaves(value, f"{above}{name}.") if isinstance(value, Mapping) else {f"{above}{name}": value}
    return found


def size_category(n: int) -> str:
    """The Hub's word for a number of documents.

    >>> size_category(999), size_category(1000), size_category(2_500_000), size_category(10**13)
    ('n<1K', '1K<n<10K', '1M<n<10M', 'n>1T')
    """
    marks = ["1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T"]
    place = sum(n >= 10**power for power in range(3, 13))
    if place in (0, len(marks)):
        return f"n<{marks[0]}" if place == 0 else f"n>{marks[-1]}"
    return f"{marks[place - 1]}<n<{marks[place]}"


def in_words(names: Sequence[str]) -> str:
    """
    >>> in_words(["a"]), in_words(["a", "b", "c"]), in_words([])
    ('a', 'a, b and c', '')
    """
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
