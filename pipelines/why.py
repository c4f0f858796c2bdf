"""What happened to one document: the steps that it went through, its lines that went, and the verdict."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from ..config import build, parse_yaml
from ..errors import UsageError
from ..formats.documents import read_table
from ..manifest import RECIPE, read_receipts
from ..mixtures.recipe import Recipe
from ..records import Document, Dropped, Reason
from ..storage import Input, identify, join, read_bytes, size_of, sizes
from .exchange import SliceAnswers, documents_with, exchange_of, open_answers, sidecars_of
from .inputs import find_models, recorded_inputs
from .reading import Reading, readings
from .source import Aids, Flags, Keys, Step, run_steps, stem_of
from .sources import SOURCES

READ_AT_ONCE = 8  # Parquet files
THE_SAME = (Reason.DUPLICATE_ID, Reason.DUPLICATE_CONTENT)


@dataclass(frozen=True, slots=True)
class LineFate:
    """A line of the document as it was: why it went (None: it stayed), and how many documents of the group have it."""

    text: str
    reason: Reason | None
    documents: int


@dataclass(frozen=True, slots=True)
class StepFate:
    """What a step did, and what it measured or changed, in words."""

    step: str
    outcome: str  # `stays`, or the reason for dropping
    detail: str


@dataclass(frozen=True, slots=True)
class Fate:
    """One document. `steps` and `lines` are empty where the inputs were not at hand."""

    id: str
    url: str
    source: str
    outcome: str  # `kept`, or the reason for dropping
    path: str  # the file in the output folder that lists it
    row: int
    input: str
    facts: dict[str, Any]  # what is recorded of it: metadata, or measure, detail and head
    steps: list[StepFate] = field(default_factory=list)
    lines: list[LineFate] = field(default_factory=list)


def fates(output: str, wanted: str, inputs: str | None = None) -> list[Fate]:
    """All documents of a run with this id or this URL; with the folder of its inputs, step by step.

    Raises:
        UsageError: no run, no such document, or an input that is not there or not as it was.
    """
    files = sizes(output)
    if RECIPE not in files:
        raise UsageError(f"{output}: no run here; expected {RECIPE}.")
    recipe = build(Recipe, parse_yaml(read_bytes(join(output, RECIPE)).decode(), RECIPE), "recipe")
    paths = sorted(p for p in files if p.startswith(("documents/", "dropped/")) and p.endswith(".parquet"))
    source = wanted.partition(":")[0]
    if source in recipe.active:
        paths = [path for path in paths if path.split("/")[1] == source]
    with ThreadPoolExecutor(READ_AT_ONCE) as pool:
        found = list(chain.from_iterable(pool.map(lambda path: _rows(output, path, wanted), paths)))
    if not found:
        raise UsageError(
            f"{wanted}: neither among the documents of {output} nor among the dropped ones. It is not in its inputs, "
            "not within its limit, or damaged: errors/ lists what could not be read. Give an id as in "
            "commoncrawl:UUID or wikipedia:en/12, or a whole URL."
        )
    return [_fate(output, recipe, path, row, values, inputs) for path, row, values in found]


def _rows(output: str, path: str, wanted: str) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """The rows of a file of documents, or of dropped ones, with this id or URL: path, number, values without text."""
    names = ["id", "meta"] if path.startswith("documents/") else ["id", "url", "reason", "measure", "detail", "head"]
    for number, row in enumerate(read_table(join(output, path), names).to_pylist()):
        in_meta = wanted in row.get("meta", "") and json.loads(row["meta"]).get("url") == wanted
        if in_meta or wanted in (row["id"], row.get("url")):
            yield path, number, row


def _fate(output: str, recipe: Recipe, path: str, row: int, values: dict[str, Any], inputs: str | None) -> Fate:
    kind, source, name = path.split("/")
    facts = json.loads(values["meta"]) if kind == "documents" else {n: values[n] for n in ("measure", "detail", "head")}
    outcome = "kept" if kind == "documents" else values["reason"]
    url = facts.get("url", "") if kind == "documents" else values["url"]
    shard = name.removesuffix(".parquet")
    one = _input_of(output, source, shard)
    if inputs is None:
        return Fate(values["id"], url, source, outcome, path, row, one.name, facts)
    reading = _reading(recipe, source, shard, _located(output, one, inputs, recipe.active[source].root))
    steps, lines = _traced(output, values["id"], reading, _models(output, recipe, source, inputs))
    if outcome in THE_SAME:
        steps.append(StepFate("one document an id", outcome, Reason.of(outcome).description))
    return Fate(values["id"], url, source, outcome, path, row, one.name, facts, steps, lines)


def _input_of(output: str, source: str, shard: str) -> Input:
    """The input that a shard was made from, as the run recorded it; its URL is not known."""
    recorded = recorded_inputs(output)[source]["files"]
    inputs = [Input(name, "", size, identity) for name, (size, identity) in recorded.items()]
    fitting = [one for one in inputs if f"{shard}-".startswith(f"{stem_of(one)}-")]
    return max(fitting, key=lambda one: len(stem_of(one)))


def _located(output: str, one: Input, inputs: str, root: str) -> Input:
    """The input where it lies now: below `--inputs`, or where a list of paths said."""
    listed = one.name.partition("/")[2]
    for url in (join(inputs, one.name), join(root or inputs, listed)):
        try:
            size_of(url)
        except FileNotFoundError:
            continue
        if identify(url) != one.identity:
            raise UsageError(f"{one.name} has changed since the run in {output}. Leave --inputs out, or run again.")
        return dataclasses.replace(one, url=url)
    raise UsageError(f"{one.name} is not in {inputs}. Give the folder that the run had as --inputs, or leave it out.")


def _reading(recipe: Recipe, source: str, shard: str, one: Input) -> Reading:
    """The slice that a shard was made from; a shard may be a part of it."""
    plan = readings(source, [one], recipe)
    return next(reading for reading in plan if f"{shard}-".startswith(f"{reading.slice.name}-"))


def _models(output: str, recipe: Recipe, source: str, inputs: str) -> dict[str, str]:
    found = find_models(source, recipe.active[source], inputs)
    recorded = recorded_inputs(output)[source]["models"]
    for name, one in found.items():
        if [one.size, one.identity] != recorded.get(name):
            raise UsageError(f"{one.name} is not the model of the run in {output}. Leave --inputs out, or run again.")
    return {name: one.url for name, one in found.items()}


def _traced(
    output: str, wanted: str, reading: Reading, models: Mapping[str, str]
) -> tuple[list[StepFate], list[LineFate]]:
    """Read the slice again, and note what each step does to one of its documents."""
    source, options = SOURCES[reading.source], reading.recipe
    answers, found = None, exchange_of(source, options)
    if found:
        name = reading.slice.name
        hashed, masked = (read_receipts(output, f"{source.name}/{phase}", [name]) for phase in ("hash", "masks"))
        sidecars = sidecars_of(hashed, masked, found[1].keep)[name]
        answers = _Remembering(open_answers(sidecars, lambda path, sha256: join(output, path)))
    noted: list[StepFate] = []
    lines: list[LineFate] = []

    def noting(step: Step) -> Step:
        def function(documents: Sequence[Document]) -> list[Document | Dropped]:
            results: list[Document | Dropped] = []
            for document in documents:
                # Who keeps the first of a line must have seen what came before; no other step asks for others.
                if document.id != wanted and not (step.exchange and step.exchange.keep == "first"):
                    results.append(document)
                    continue
                results += step.function([document])
                if document.id == wanted:
                    noted.append(_noted(step, document, results[-1]))
                    if step.exchange and answers:
                        reasons = step.exchange.reasons(answers.keys, answers.flags)
                        n_documents = documents_with(output, source.name, reading.slice.name, answers.keys)
                        text_lines = document.text.split("\n")
                        lines.extend(map(LineFate, text_lines, reasons, n_documents))
            return results

        return dataclasses.replace(step, function=function)

    steps = [noting(step) for step in source.steps(options, Aids(models, answers))]
    records = (record for record in reading.records(Counter()) if isinstance(record, Document))
    for result in run_steps(records, steps):
        if result.id == wanted:
            break
    return noted, lines


class _Remembering:
    """Answers, and the last of them."""

    def __init__(self, answers: SliceAnswers):
        self._answers = answers
        self.keys: Keys = np.zeros(0, np.uint64)
        self.flags: Flags = np.zeros(0, bool)

    def taken(self, keys: Sequence[Keys]) -> list[Flags]:
        flags = self._answers.taken(keys)
        self.keys, self.flags = keys[-1], flags[-1]
        return flags


def _noted(step: Step, before: Document, after: Document | Dropped) -> StepFate:
    if isinstance(after, Dropped):
        measure = "" if after.measure is None else f"{after.measure:g}"
        return StepFate(step.name, str(after.reason), " ".join(filter(None, (after.detail, measure))))
    changed = {name: value for name, value in after.meta.items() if before.meta.get(name) != value}
    facts = [f"{name} {value}" for name, value in changed.items() if isinstance(value, (str, int, float))]
    if before.text != after.text:
        facts.insert(0, f"{len(before.text):,} characters became {len(after.text):,}")
    return StepFate(step.name, "stays", ", ".join(facts))
