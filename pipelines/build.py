"""A whole recipe: documents of every source, tokenizer, tokens, mixture, shards, manifest."""

from __future__ import annotations

import dataclasses
import datetime
import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from typing import Any

from .. import __version__
from ..errors import UsageError
from ..manifest import Receipt, read_facts, total_counts, total_damage, write_manifest
from ..mixtures.plan import plan
from ..mixtures.recipe import Recipe
from ..shards.formats import FORMATS
from ..storage import LEFT_ASIDE, join, publish, read_bytes, read_json, remove, sizes
from ..tokenizer.encode import MODEL
from . import tokens
from .documents import documents_phase, extract_phase, settled_documents, unique_phase
from .engine.driver import Driver, check_names
from .inputs import FROZEN, Inputs
from .lock import LOCK
from .phase import Phase
from .sources import SOURCES

RECIPE = "recipe.yaml"
MANIFEST = "manifest.json"
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


def check_folder(output: str, recipe: Recipe, redo: bool, whole: bool) -> None:
    """One recipe a folder, and a folder of our own. Nothing is written.

    Raises:
        UsageError: the folder holds other things, another recipe's run, or a finished run of which a part was asked.
    """
    there = sizes(output)
    if "" in there:
        raise UsageError(f"{output}: is a file; expected a folder, or a name for a new one.")
    if RECIPE not in there:
        # What a run leaves that was killed before it wrote its recipe down.
        foreign = [p for p in there if p != FROZEN and not p.startswith("logs/run-") and not LEFT_ASIDE.search(p)]
        if LOCK in foreign and (there[LOCK] == 0 or isinstance(read_json(join(output, LOCK)), dict)):
            foreign.remove(LOCK)
        if foreign:
            raise UsageError(f"{output}: holds files that are not of a run ({foreign[0]}, …). Give a new --output.")
        return
    if read_bytes(join(output, RECIPE)).decode() != recipe.to_yaml() and not redo:
        raise UsageError(
            f"{output}: made with another recipe (see {RECIPE} there). Give this one another --output, or pass --redo: "
            "what the change touches is made again, the rest is kept."
        )
    if not whole and (read_facts(output) or {}).get("complete"):
        raise UsageError(
            f"{output}: holds a finished run of the whole recipe. Name no sources, or give another --output."
        )


def claim_folder(output: str, recipe: Recipe) -> None:
    """Write the recipe down, and take the manifest away while the run is under way: its presence means complete."""
    publish(join(output, RECIPE), recipe.to_yaml().encode())
    remove(join(output, MANIFEST))


def plan_documents(recipe: Recipe, inputs: Inputs) -> dict[str, Phase]:
    """The first phase of each source. Nothing is written.

    Raises:
        UsageError: two inputs would give outputs of one name.
    """
    phases = {source: extract_phase(SOURCES[source], inputs[source], recipe) for source in inputs}
    for phase in phases.values():
        check_names(phase)
    return phases


def build(driver: Driver, recipe: Recipe, inputs: Inputs, phases: Mapping[str, Phase], whole: bool) -> dict[str, Any]:
    """Run all phases and write the manifest; with `whole` false, only the documents of the given sources.

    Returns:
        What `manifest.json` holds.
    """
    corpus = {
        source: settled_documents(make_documents(driver, source, recipe, phase)) for source, phase in phases.items()
    }
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


def make_documents(driver: Driver, source: str, recipe: Recipe, first: Phase) -> Mapping[str, Receipt]:
    extracted = driver.run(first)
    taken = driver.run(unique_phase(source, driver.output, extracted))
    return driver.run(documents_phase(source, recipe, extracted, taken))


def make_shards(driver: Driver, recipe: Recipe, corpus: tokens.Corpus) -> dict[str, Any]:
    lines = driver.run(tokens.sample_phase(corpus, recipe))
    model = tokens.only_file(driver.run(tokens.tokenizer_phase(lines, recipe)), MODEL)
    tokenised = driver.run(tokens.tokens_phase(corpus, model))
    mixture = tokens.mixture_phase(tokenised, recipe, model)
    plan_file = tokens.only_file(driver.run(mixture), tokens.PLAN)
    planned = read_json(join(driver.output, tokens.PLAN))
    driver.run(tokens.shards_phase(mixture, plan_file, planned["n_shards"], recipe))
    written = {source: p["tokens"] for source, p in planned["plans"]["train"].items()}
    table = [{**dataclasses.asdict(row), "written": written[row.source]} for row in plan(recipe, planned["available"])]
    return {"table": table, "n_shards": planned["n_shards"], "tokenizer_sha256": model.sha256}


def _account(finished: Mapping[str, Mapping[str, Receipt]], source: str) -> dict[str, int]:
    """Documents and bytes of a source: in, kept, dropped by reason; and what could not be read."""
    counts = total_counts(finished[f"{source}/documents"].values())
    damage = total_damage(finished[f"{source}/extract"].values())
    counts.update({f"damage.{error}": n for error, n in damage.items()})
    counts.update(total_counts(r for name, r in finished.get("tokens", {}).items() if name.startswith(f"{source}/")))
    return dict(sorted(counts.items()))
