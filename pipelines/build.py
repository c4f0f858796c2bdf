"""A whole recipe: documents of every source, tokenizer, tokens, mixture, shards, manifest."""

from __future__ import annotations

import dataclasses
import datetime
import importlib.metadata
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from .. import __version__
from ..errors import ConfigError, UsageError, did_you_mean
from ..manifest import (
    CARD,
    CROISSANT,
    DIGEST,
    RECEIPTS,
    RECIPE,
    REPORT,
    UNFINISHED,
    File,
    Receipt,
    add_digests,
    files_of,
    finished_items,
    hex_digest,
    read_facts,
    total_counts,
    total_damage,
    total_steps,
    write_manifest,
)
from ..mixtures.plan import plan
from ..mixtures.recipe import Recipe, read_recipe
from ..mixtures.sources import GithubRecipe, StackExchangeRecipe
from ..models.kenlm_tools import find_tool
from ..records import Reason, counted
from ..shards.formats import FORMATS, check_formats
from ..shards.spec import PLAN
from ..storage import LEFT_ASIDE, join, publish, read_json, remove, sha256_of, sizes, write_json
from ..tokenizer.encode import open_tokenizer
from . import shards, tokenizer, tokens
from .documents import documents_phase, settled_documents
from .engine.driver import Driver
from .exchange import asking_steps, groups_of, hash_phase, make_exchanges
from .extract import extract_phase
from .inputs import FROZEN, TOKENIZER, Inputs, Model, made_models
from .judge import judge_phase
from .leads import leads_phase
from .lock import LOCK
from .ngram import languages_of
from .phase import Phase
from .reading import Work, readings
from .repositories import first_of_repositories
from .source import Aids, cut_at_waiting
from .sources import source_of, told_of
from .teaching import facts_of_models, leads_of, learn_of_documents, make_models, train_ngrams
from .threads import posts_phase
from .unique import CONTENT, ID, REASONS, unique_phase

MANIFEST = "manifest.json"
PART = re.compile(r"-part\d{4,}$")
# What the bytes depend on.
LIBRARIES = (
    *("apache-beam", "datasketch", "fastavro", "fasttext", "gigatoken", "kenlm", "langdetect", "licenseclassifier"),
    *("numpy", "py7zr", "pyarrow", "sentencepiece", "tokenizers", "xxhash"),
)


def check_buildable(recipe: Recipe, sources: Sequence[str]) -> None:
    """Refuse what cannot be done before anything is.

    Raises:
        UsageError: a source that is not in the recipe; a shard format that cannot be written.
    """
    for name in sources:
        if name not in recipe.active:
            has = f"{did_you_mean(name, recipe.active)}; it has {', '.join(recipe.active)}."
            raise UsageError(f'{name}: not a source of the recipe "{recipe.name}"{has}')
    if recipe.ngram.estimator == "lmplz" and not find_tool("lmplz"):
        raise UsageError("ngram.estimator: lmplz is not on PATH. Build it from KenLM's sources, or set it to own.")
    check_formats(recipe.shards.formats)


def check_folder(output: str, recipe: Recipe, redo: bool, whole: bool, ngrams: bool = False) -> None:
    """One recipe a folder, and a folder of our own. Nothing is written. `ngrams`: only n-gram models are to be made.

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
    if not redo and not _same_recipe(output, recipe):
        raise UsageError(
            f"{output}: made with another recipe (see {RECIPE} there). Give this one another --output, or pass --redo: "
            "what the change touches is made again, the rest is kept."
        )
    if UNFINISHED in there:
        raise UsageError(f"{output}: a take-down is not finished here. `corpusmill takedown {output}` goes on with it.")
    facts = read_facts(output) or {}
    ours = (f"{RECEIPTS}/ngram/", f"{RECEIPTS}/wikipedia/leads/")
    if ngrams and any(path.startswith(f"{RECEIPTS}/") and not path.startswith(ours) for path in there):
        raise UsageError(f"{output}: holds documents of a run. Give n-gram models a folder of their own as --output.")
    if not whole and facts.get("complete"):
        raise UsageError(
            f"{output}: holds a finished run of the whole recipe. Give another --output, or run the whole recipe again."
        )


def _same_recipe(output: str, recipe: Recipe) -> bool:
    """Whether the recipe that stands in a folder gives the same bytes, whatever its card says."""
    try:
        return read_recipe(output).digest == recipe.digest
    except ConfigError:
        return False


def claim_folder(output: str, recipe: Recipe) -> None:
    """Write the recipe down, and take away what tells of a complete run while this one is under way."""
    publish(join(output, RECIPE), recipe.to_yaml().encode())
    for name in (MANIFEST, REPORT, CARD, CROISSANT):
        remove(join(output, name))


def plan_work(recipe: Recipe, inputs: Inputs) -> dict[str, Work]:
    """Cut the inputs of each source into slices. Nothing is written.

    Raises:
        UsageError: two inputs would give outputs of one name, or a model cannot be used.
    """
    work = {}
    tokenizer.check_given(recipe, inputs)
    for source, given in inputs.items():
        if source == TOKENIZER:
            continue
        one = source_of(source, recipe.active[source])
        models = {name: Model.given(model) for name, model in given.models.items()}
        plan = readings(source, given.files, recipe)
        is_beside = [reading.slice.kind in one.beside for reading in plan]
        work[source] = Work(
            [reading for reading, flag in zip(plan, is_beside, strict=True) if not flag],
            models,
            [reading for reading, flag in zip(plan, is_beside, strict=True) if flag],
            sorted({file.name for file in given.files} - {reading.slice.input.name for reading in plan}),
        )
        one.check_kinds(recipe.active[source], {reading.slice.kind for reading in plan})
    for source, own in work.items():
        named: dict[str, str] = {}
        for reading in sorted([*own.plan, *own.beside], key=lambda reading: reading.slice.name):
            other = named.setdefault(reading.slice.name, reading.slice.input.name)
            # A big input is written out in parts, which are called so.
            other = named.get(PART.sub("", reading.slice.name), other)
            if other != reading.slice.input.name:
                both = f"{other} and {reading.slice.input.name}"
                raise UsageError(f"{source}: the outputs of {both} would have one name. Rename one.")
        if own.plan:
            source_of(source, recipe.active[source]).check(recipe.active[source], urls_by_name(own.models))
    return work


def left_out(source: str, recipe: Recipe) -> list[str]:
    """The steps of the paper that a recipe skips."""
    return source_of(source, recipe.active[source]).left_out(recipe.active[source])


def urls_by_name(models: Mapping[str, Model]) -> dict[str, str]:
    return {name: model.url for name, model in models.items()}


def odd_inputs(recipe: Recipe, work: Mapping[str, Work]) -> list[str]:
    """What about the inputs, or the recipe, is no error, but most likely not meant."""
    notes = []
    if recipe.shards.sequence and not any(FORMATS[form].rows for form in recipe.shards.formats):
        rows = ", ".join(form for form, one in FORMATS.items() if one.rows)
        notes.append(f"shards.sequence: changes nothing, for none of shards.formats has rows (as {rows} have).")
    for source, one in work.items():
        seen: dict[str, str] = {}
        identities = {reading.slice.input.name: reading.slice.input.identity for reading in one.plan}
        for name, identity in identities.items():
            if (other := seen.setdefault(identity, name)) != name:
                notes.append(
                    f"{source}: {name} looks the same as {other}, at both ends and in the middle. Fetched twice?"
                )
        options = recipe.active[source]
        what = source_of(source, options)
        odd = what.odd(options, urls_by_name(one.models), identities)
        notes += [f"{source}: {note}" for note in odd]
        if one.passed_over:
            notes.append(
                f"{source}: {counted(len(one.passed_over), 'input')}, from {one.passed_over[0]} on, passed over: "
                "by its name it is no file that the recipe reads."
                + (f" Those are called {what.named}." if what.named else "")
            )
        for asking in asking_steps(what, options):
            groups = groups_of(asking.exchange, one.plan)
            alone = [group for group in groups if len(group.slices) == 1 and group.of > 1]
            if alone:
                notes.append(
                    f"{source}: {counted(len(alone), 'group')} of one file, compared with no other ({alone[0].name}). "
                    "A smaller number of groups compares more files with one another; 1 a whole dump."
                )
    return notes


def first_phase(source: str, work: Work, recipe: Recipe, sources: Sequence[str]) -> Phase:
    """Where the work on a source begins: with the keys of its exchange, or with its documents at once; where it is read
    only for another, with what that needs of it."""
    if source not in sources:
        assert recipe.sources.commoncrawl, "no other source needs one"
        return leads_of(recipe.sources.commoncrawl, work, sources)
    options = recipe.active[source]
    if isinstance(options, GithubRecipe) and (phase := first_of_repositories(work, options)):
        return phase
    if isinstance(options, StackExchangeRecipe):
        return posts_phase(work.plan)
    one = source_of(source, options)
    for asking in asking_steps(one, options):
        return hash_phase(one, work.plan, asking, work.models)
    return extract_phase(one, work.plan, work.models, recipe, {})


def build(
    driver: Driver,
    recipe: Recipe,
    inputs: Inputs,
    work: Mapping[str, Work],
    sources: Sequence[str],
    whole: bool,
    again: Sequence[str],
) -> dict[str, Any]:
    """Run all phases and write the manifest; with `whole` false, only the documents of the given sources.

    Args:
        again: the words of the command that does all this again, for the manifest.

    Returns:
        What `manifest.json` holds.
    """
    corpus = {}
    for source in sources:
        corpus[source] = make_documents(driver, source, work, recipe, sources)
        say_that_nothing_stays(driver, source)
    mixture = make_shards(driver, recipe, corpus, inputs) if whole else None
    facts = record(driver, recipe, inputs, sources, mixture, again)
    beside = ("cited/", "ngram/", "wikipedia/leads/") if "commoncrawl" in sources else ()
    driver.drop_stale_phases(("",) if whole else (*(f"{source}/" for source in sources), *beside))
    return facts


def say_that_nothing_stays(driver: Driver, source: str) -> None:
    """A line when a source has documents, and none of them is kept: a setting that is not meant so, most likely."""
    counts = account(driver.finished, source)
    if counts.get("documents.in") and not counts.get("documents.kept"):
        reasons = {name.removeprefix("documents.dropped."): n for name, n in counts.items() if ".dropped." in name}
        first = max(reasons, key=reasons.__getitem__)
        driver.say(
            f"{source}: none of its {counted(counts['documents.in'], 'document')} is kept, {reasons[first]:,} of them "
            f"go for {first}. `corpusmill describe {source}` shows the steps and their settings."
        )


def build_ngrams(
    driver: Driver,
    recipe: Recipe,
    inputs: Inputs,
    work: Mapping[str, Work],
    languages: Sequence[str],
    again: Sequence[str],
) -> dict[str, Any]:
    """Train n-gram models alone, without `languages` of all that are there. Returns what `manifest.json` holds.

    Models of other languages that were trained here before stay.
    """
    before = finished_items(driver.output, "ngram/model")
    leads = driver.run(ngram_leads(driver.output, recipe, work, languages))
    there = languages_of(leads)
    if lost := sorted(before - {*there, *languages}):
        driver.say(
            f"n-gram models of {', '.join(lost)} go: the dumps that they were trained on are not there any more."
        )
    wanted = wanted_ngrams(driver.output, recipe, languages)
    languages = sorted({*languages, *(before & set(there))}) if languages else there or wanted
    train_ngrams(driver, leads, languages, recipe)
    return record(driver, recipe, inputs, [], None, again)


def wanted_ngrams(output: str, recipe: Recipe, languages: Sequence[str]) -> list[str]:
    """The languages asked for, or else the recipe's, and those that were trained here before."""
    assert recipe.sources.wikipedia, "checked before"
    return sorted({*(languages or recipe.sources.wikipedia.languages), *finished_items(output, "ngram/model")})


def ngram_leads(output: str, recipe: Recipe, work: Mapping[str, Work], languages: Sequence[str]) -> Phase:
    """Where the training of n-gram models alone begins."""
    return leads_phase(work["wikipedia"].plan, wanted_ngrams(output, recipe, languages), cites=False, reports=True)


def record(
    driver: Driver,
    recipe: Recipe,
    inputs: Inputs,
    sources: Sequence[str],
    mixture: dict[str, Any] | None,
    again: Sequence[str],
) -> dict[str, Any]:
    """Write the manifest, and return what `manifest.json` holds."""
    facts = {
        "corpusmill": __version__,
        "recipe": recipe.name,
        "recipe_digest": recipe.digest,
        "complete": mixture is not None,
        "command": list(again),
        "inputs": {source: given.recorded() for source, given in inputs.items()},
        "sources": {source: account(driver.finished, source) for source in sources},
        "left_out": {source: left_out(source, recipe) for source in sources},
        "own": {name: told_of(name, one) for name, one in recipe.sources.own.items() if name in sources},
        "corpus": digests_of_corpus(driver.finished, sources),
        "models": facts_of_models(driver),
        "mixture": mixture,
        "damage": driver.damage,
        "errors": {
            path: sha256_of(join(driver.output, "errors", path)) for path in sizes(join(driver.output, "errors"))
        },
        "libraries": {name: version for name in LIBRARIES if (version := _version(name))},
        "python": platform.python_version(),
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seconds": {phase: round(sum(r.seconds for r in done.values()), 1) for phase, done in driver.finished.items()},
        "step_seconds": {source: total_steps(_receipts_of(driver.finished, source)) for source in sources},
    }
    write_manifest(driver.output, driver.finished, facts)
    return facts


def _version(library: str) -> str:
    """The version of a library, empty where it is not installed (KenLM's on Python 3.13, when nothing needs it)."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return ""


def make_documents(
    driver: Driver, source: str, work: Mapping[str, Work], recipe: Recipe, sources: Sequence[str]
) -> dict[str, File]:
    """All phases of one source: its document files, in the order of the plan."""
    options, own = recipe.active[source], work[source]
    one = source_of(source, options)
    models = {**own.models, **make_models(driver, source, work, recipe, sources)}
    sidecars = make_exchanges(driver.run, driver.output, one, dataclasses.replace(own, models=models), recipe)
    extracted = driver.run(extract_phase(one, own.plan, models, recipe, sidecars))
    _, waiting = cut_at_waiting(one.steps(options, Aids()))
    if waiting and own.plan:
        models |= learn_of_documents(driver, extracted, options, models)
        extracted = driver.run(judge_phase(one, extracted, models, recipe))
    made = {name: asdict(model) for name, model in models.items() if model.sha256}
    write_json(join(driver.output, made_models(source)), made)
    losers: dict[Reason, dict[str, File]] = {}
    for ending in (ID, CONTENT):
        if ending == ID or any(path.endswith(ending) for path in files_of(extracted.values())):
            lost = {path: file for files in losers.values() for path, file in files.items()}
            done = driver.run(unique_phase(source, ending, driver.output, extracted, lost))
            # A list of nobody is asked by nobody.
            losers[REASONS[ending]] = {path: file for path, file in files_of(done.values()).items() if file.rows}
    return settled_documents(driver.run(documents_phase(source, driver.output, recipe, extracted, losers)))


def make_shards(driver: Driver, recipe: Recipe, corpus: tokenizer.Corpus, inputs: Inputs) -> dict[str, Any]:
    return mix_shards(driver, recipe, corpus, make_tokenizer(driver, recipe, corpus, inputs))


def make_tokenizer(driver: Driver, recipe: Recipe, corpus: tokenizer.Corpus, inputs: Inputs) -> tokenizer.Made:
    """The tokenizer, trained or taken."""
    tokenizer.check_corpus(corpus)
    if recipe.tokenizer.model:
        phase = tokenizer.given_phase(recipe, inputs)
    else:
        phase = tokenizer.tokenizer_phase(driver.run(tokenizer.sample_phase(corpus, recipe)), recipe)
    model = tokenizer.Made.of(driver.run(phase))
    for note in open_tokenizer(join(driver.output, model.path), model.sha256).notes():
        driver.say(note)
    return model


def mix_shards(driver: Driver, recipe: Recipe, corpus: tokenizer.Corpus, model: tokenizer.Made) -> dict[str, Any]:
    """Tokens, the plan, and all shards. Returns what `manifest.json` says of the mixture."""
    tokenised = driver.run(tokens.tokens_phase(corpus, model, recipe))
    merge_tokens(driver, tokenised, model)
    mixture = tokens.mixture_phase(tokenised, recipe, model)
    plan_file = tokens.only_file(driver.run(mixture), PLAN)
    return write_shards(driver, recipe, mixture, plan_file, model)


def merge_tokens(driver: Driver, tokenised: Mapping[str, Receipt], model: tokenizer.Made) -> None:
    """The phase after the token files, where a source has many of them."""
    merged = tokens.merged_phase(tokenised, model)
    if merged.items:
        driver.run(merged)


def write_shards(
    driver: Driver, recipe: Recipe, mixture: Phase, plan_file: File, model: tokenizer.Made
) -> dict[str, Any]:
    """The phases after the plan. Returns what `manifest.json` says of the mixture."""
    planned = read_json(join(driver.output, PLAN))
    n_shards, sequence = planned["n_shards"], recipe.shards.sequence
    equal = {}
    if sequence and sequence.equal:
        equal = shards.fewest(driver.run(shards.sequences_phase(mixture, plan_file, n_shards, recipe)))
    made = driver.run(shards.shards_phase(mixture, plan_file, n_shards, recipe, equal))
    described = shards.written_of(made, planned, recipe)
    driver.run(shards.formats_phase(made, described, recipe))
    sequences = shards.sequences_written(made, equal) if sequence else {}
    for note in shards.large_losses(sequences, described):
        driver.say(note)
    written = shards.tokens_written(made)
    table = [{**asdict(row), "written": written[row.source]} for row in plan(recipe, planned["available"])]
    return {
        "table": table,
        "n_shards": n_shards,
        "tokenizer_sha256": model.sha256,
        "sequences": sequences,
        "trainers": {form: FORMATS[form].arguments(described) for form in recipe.shards.formats},
    }


def digests_of_corpus(finished: Mapping[str, Mapping[str, Receipt]], sources: Sequence[str]) -> dict[str, Any]:
    """What two people compare to know that they have the same: documents, in all and by source, and shards."""
    sums = {source: total_counts(finished[f"{source}/documents"].values())[DIGEST] for source in sources}
    found: dict[str, Any] = {
        "documents": hex_digest(add_digests(*sums.values())),
        "sources": {source: hex_digest(total) for source, total in sums.items()},
    }
    if "shards" in finished:
        found |= shards.digests_of_shards(finished["shards"], finished["formats"])
    return found


def account(finished: Mapping[str, Mapping[str, Receipt]], source: str) -> dict[str, int]:
    """Documents and bytes of a source: in, kept, dropped by reason; and what could not be read."""
    counts = total_counts(finished[f"{source}/documents"].values())
    counts.pop(DIGEST, None)
    damage = total_damage(_receipts_of(finished, source))
    counts.update({f"damage.{error}": n for error, n in damage.items()})
    counts.update(total_counts(r for name, r in finished.get("tokens", {}).items() if name.startswith(f"{source}/")))
    return dict(sorted(counts.items()))


def _receipts_of(finished: Mapping[str, Mapping[str, Receipt]], source: str) -> Iterator[Receipt]:
    """Of all phases of a source."""
    return (r for phase, done in finished.items() if phase.startswith(f"{source}/") for r in done.values())
