"""A whole recipe: documents of every source, tokenizer, tokens, mixture, shards, manifest."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from typing import Any

from .. import __version__
from ..errors import UsageError
from ..manifest import Receipt, total, write_manifest
from ..mixtures.recipe import Recipe
from ..shards.formats import FORMATS
from ..storage import join, publish, read_bytes, read_json, remove
from . import tokens
from .documents import documents_phase, extract_phase, settled_documents, unique_phase
from .engine.driver import Driver
from .inputs import Inputs
from .sources import SOURCES

RECIPE = "recipe.yaml"
LIBRARIES = ("apache-beam", "numpy", "pyarrow", "sentencepiece", "xxhash")  # what the bytes depend on


def check_buildable(recipe: Recipe, sources: Sequence[str]) -> None:
    """Refuse what cannot be done before anything is.

    Raises:
        UsageError: a source that is not built yet, or not in the recipe; an unknown shard format.
    """
    for name in sources:
        if name not in recipe.active:
            raise UsageError(f'{name}: not a source of the recipe "{recipe.name}"; it has {", ".join(recipe.active)}.')
    missing = [name for name in sources if name not in SOURCES]
    if missing:
        built = [name for name in recipe.active if name in SOURCES]
        raise UsageError(
            f'the recipe "{recipe.name}" needs {", ".join(missing)}, which this version cannot read yet. '
            f"Name the sources that it can, to make their documents: {' '.join(built)}."
        )
    unknown = [form for form in recipe.shards.formats if form not in FORMATS]
    if unknown:
        raise UsageError(f"shards.formats: unknown format {unknown[0]}; known: {', '.join(FORMATS)}.")


def claim_folder(output: str, recipe: Recipe, redo: bool) -> None:
    """One recipe a folder: write it down, or refuse another one.

    Raises:
        UsageError: the folder was made by another recipe.
    """
    url = join(output, RECIPE)
    try:
        there = read_bytes(url).decode()
    except Exception:
        there = None
    if there is not None and there != recipe.to_yaml() and not redo:
        raise UsageError(
            f"{output}: made with another recipe (see {RECIPE} there). Give this one another --output, or pass --redo: "
            "what the change touches is made again, the rest is kept."
        )
    if there != recipe.to_yaml():
        publish(url, recipe.to_yaml().encode())
    # No manifest while the run is under way: its presence means complete.
    remove(join(output, "manifest.json"))


def build(driver: Driver, recipe: Recipe, inputs: Inputs, whole: bool) -> dict[str, Any]:
    """Run all phases and write the manifest; with `whole` false, only the documents of the given sources.

    Returns:
        What `manifest.json` holds.
    """
    corpus = {source: settled_documents(make_documents(driver, source, recipe, inputs)) for source in inputs}
    mixture = make_shards(driver, recipe, corpus) if whole else None
    facts = {
        "corpusmill": __version__,
        "recipe": recipe.name,
        "recipe_digest": recipe.digest,
        "complete": whole,
        "inputs": {source: [[one.name, one.size, one.identity] for one in files] for source, files in inputs.items()},
        "sources": {source: _account(driver.finished, source) for source in inputs},
        "mixture": mixture,
        "damage": driver.damage,
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "python": platform.python_version(),
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seconds": {phase: round(sum(r.seconds for r in done.values()), 1) for phase, done in driver.finished.items()},
    }
    write_manifest(driver.output, driver.finished, facts)
    if whole:
        driver.drop_stale_phases()
    return facts


def make_documents(driver: Driver, source: str, recipe: Recipe, inputs: Inputs) -> Mapping[str, Receipt]:
    extracted = driver.run(extract_phase(SOURCES[source], inputs[source], recipe))
    taken = driver.run(unique_phase(source, extracted))
    return driver.run(documents_phase(source, recipe, driver.output, extracted, taken))


def make_shards(driver: Driver, recipe: Recipe, corpus: tokens.Corpus) -> dict[str, Any]:
    lines = driver.run(tokens.sample_phase(corpus, recipe))
    model = tokens.only_file(driver.run(tokens.tokenizer_phase(lines, recipe)), tokens.MODEL)
    tokenised = driver.run(tokens.tokens_phase(corpus, model))
    mixture = tokens.mixture_phase(tokenised, recipe, model)
    plan_file = tokens.only_file(driver.run(mixture), tokens.PLAN)
    plan = read_json(join(driver.output, tokens.PLAN))
    driver.run(tokens.shards_phase(mixture, plan_file, plan))
    return {"table": plan["table"], "n_shards": plan["n_shards"], "tokenizer_sha256": model.sha256}


def _account(finished: Mapping[str, Mapping[str, Receipt]], source: str) -> dict[str, int]:
    """Documents and bytes of a source: in, kept, dropped by reason; and what could not be read."""
    counts = total(finished[f"{source}/documents"].values())
    counts.update(
        {f"damage.{error}": n for error, n in total(finished[f"{source}/extract"].values(), "damage").items()}
    )
    tokenised = {name: r for name, r in finished.get("tokens", {}).items() if name.startswith(f"{source}/")}
    counts.update(total(tokenised.values()))
    return dict(sorted(counts.items()))
