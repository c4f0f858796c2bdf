"""The dataset card of a finished run, `README.md`: front matter as the Hugging Face Hub reads it, then prose.

All of it is read off the record of the run: no clock, no path of a machine, the same card for the same corpus.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined

from ..config import override, to_yaml
from ..errors import UsageError
from ..manifest import CARD, CROISSANT, RECIPE
from ..mixtures.recipe import without_code
from ..pipelines.lock import locked
from ..pipelines.told import own_told
from ..records import counted, sized
from ..storage import absolute, join, publish
from . import croissant, sections
from .corpus import FEATURES, PAPER, Corpus, in_words, size_category
from .markdown import bullets, code, literal

HUB = "https://huggingface.co/datasets/"


def write(output: str, dry_run: bool = False) -> list[str]:
    """Write the card and Croissant's file of a finished run, from its record; of a run without documents neither.

    Returns:
        The URLs of what was written, or with `dry_run` would be.

    Raises:
        UsageError: there is no finished run.
    """
    output = absolute(output)
    corpus = Corpus.read(output)
    texts = {CARD: card, CROISSANT: croissant.text} if corpus.made else {}
    for name, text in () if dry_run else texts.items():
        publish(join(output, name), text(corpus).encode())
    return [join(output, name) for name in texts]


def rewrite(output: str, overrides: Sequence[str], dry_run: bool = False) -> list[str]:
    """The same, with other words: `card.key=value`, which the recipe in the folder keeps. With `dry_run` nothing is
    written.

    Raises:
        UsageError: a setting that is none of the card's, no finished run, or one at work in the folder.
    """
    output = absolute(output)
    recipe = Corpus.read(output).recipe
    with contextlib.nullcontext() if dry_run else locked(output, recipe.digest):
        if overrides:
            values = recipe.resolved()
            for assignment in overrides:
                if not assignment.startswith("card."):
                    raise UsageError(f"--set {assignment}: expected a setting of the card, as in card.contact=….")
                values = override(values, assignment)
            changed = without_code(to_yaml(values), RECIPE)
            if not dry_run:
                publish(join(output, RECIPE), changed.to_yaml().encode())
        return write(output, dry_run)


def card(corpus: Corpus) -> str:
    """The card."""
    template = resources.files(__package__).joinpath("card.md.j2").read_text("utf-8")
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False
    )
    shown = environment.from_string(template).render(_words(corpus))
    return re.sub(r"\n{3,}", "\n\n", shown)  # of pieces that are empty


def front_matter(corpus: Corpus) -> dict[str, Any]:
    """The metadata that the Hub and `datasets` read.

    Source: https://github.com/huggingface/hub-docs/blob/main/datasetcard.md
    """
    said, sources = corpus.recipe.card, corpus.sources
    published_c4 = "c4" in sources and getattr(corpus.recipe.sources.c4, "form", "") == "published"
    licence = {"license": said.license}
    if said.license == "other":
        licence["license_name"] = said.license_name
        if at := said.license_link or (f"{said.url}#licences" if said.url else ""):
            licence["license_link"] = at
    configs = {"default": sources, **{source: [source] for source in sources}} if sources else {}
    return {
        "pretty_name": corpus.title,
        **({"language": corpus.languages} if corpus.languages else {}),
        **licence,
        "size_categories": [size_category(sum(map(corpus.kept, sources)))],
        "task_categories": ["text-generation"],
        "task_ids": ["language-modeling"],
        "annotations_creators": ["no-annotation"],
        "language_creators": ["found"],
        "source_datasets": ["original", *(["allenai/c4"] if published_c4 else [])],
        "tags": ["corpusmill", "llama", "pretraining", *sources],
        "configs": [_config(corpus, name, its) for name, its in configs.items()],
        "dataset_info": [_info(corpus, name, its) for name, its in configs.items()],
    }


def _config(corpus: Corpus, name: str, sources: list[str]) -> dict[str, Any]:
    default = {"default": True} if name == "default" else {}
    names = {source: ["*.parquet", ".*.parquet"] if source in corpus.hidden else ["*.parquet"] for source in sources}
    paths = [f"documents/{source}/{glob}" for source, globs in names.items() for glob in globs]
    return {"config_name": name, **default, "data_files": [{"split": "train", "path": paths}]}


def _info(corpus: Corpus, name: str, sources: list[str]) -> dict[str, Any]:
    size = sum(map(corpus.text_bytes, sources))
    return {
        "config_name": name,
        "features": [{"name": feature, "dtype": "string"} for feature in FEATURES],
        "splits": [{"name": "train", "num_bytes": size, "num_examples": sum(map(corpus.kept, sources))}],
        "download_size": sum(corpus.file_bytes.get(source, 0) for source in sources),
        "dataset_size": size,
    }


def _words(corpus: Corpus) -> dict[str, Any]:
    """What the template fills in."""
    facts, said, sources = corpus.facts, corpus.recipe.card, corpus.sources
    about = corpus.publishers
    shown = yaml.safe_dump(front_matter(corpus), sort_keys=False, allow_unicode=True, width=1000)
    n_languages = len(corpus.languages)
    return {
        "front_matter": shown,
        "version": facts["corpusmill"],
        "title": literal(corpus.title),
        "n_documents": f"{sum(map(corpus.kept, sources)):,}",
        "text_size": sized(sum(map(corpus.text_bytes, sources))),
        "in_languages": f" in {counted(n_languages, 'language')}" if n_languages else "",
        "source_titles": in_words([about[source]["title"] for source in sources]) or "no source",
        "recipe": code(corpus.recipe.name),
        "paper": PAPER,
        "is_of_paper": corpus.is_of_paper,
        "limit": f"{100 * corpus.recipe.limit:g} %" if corpus.recipe.limit < 1 else "",
        "taken_down": _was(corpus.taken_down),
        "sources_table": sections.sources(corpus),
        "contact": sections.contact(corpus),
        "is_named": bool(said.contact.strip()),
        "address": said.url.removeprefix(HUB).strip("/") if said.url.startswith(HUB) else "OUT",
        "first_source": next(iter(sources), ""),
        "source_names": ("one of " if len(sources) > 1 else "") + in_words([code(source) for source in sources]),
        "id_examples": in_words([code(about[source]["names"].split(",")[0]) for source in sources[:2]]),
        "shards": sections.shards(corpus),
        "command": sections.command(corpus),
        "own_code": in_words(
            [
                f"{code(str(told.get('code')))} with the digest {code(str(told.get('digest')))}"
                for told in own_told(facts).values()
            ]
        ),
        "libraries": ", ".join(f"{name} {version}" for name, version in facts["libraries"].items()),
        "python": facts["python"],
        "digests_table": sections.digests(corpus),
        "inputs_table": sections.inputs(corpus),
        "models_table": sections.models(corpus),
        "sources": [sections.source(corpus, source) for source in corpus.made],
        "deviations_table": sections.deviations(corpus),
        **sections.mixture(corpus),
        **sections.languages(corpus),
        "own_licence": "" if said.license == "other" else f"; the collection as such is under {code(said.license)}",
        "takedown_table": sections.takedown(corpus),
        "personal": bullets(corpus.about("personal")),
        "limits": bullets(corpus.about("limits") + corpus.about("biases")),
        "citation": corpus.citation,
    }


def _was(n: int) -> str:
    return f"{counted(n, 'document')} {'was' if n == 1 else 'were'}" if n else ""
