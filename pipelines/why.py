"""What happened to one document: the steps that it went through, its lines that went, and the verdict."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..config import build, parse_yaml
from ..errors import UsageError
from ..formats.documents import DROPPED, read_table
from ..manifest import RECIPE, read_receipts
from ..mixtures.recipe import Recipe
from ..records import Document, Dropped, Reason, is_text
from ..storage import Input, identified, join, read_bytes, read_json, sizes
from .answers import SliceAnswers, documents_with, open_answers, sidecars_of
from .exchange import Asking, asking_steps, place_of
from .finding import find_files, find_models
from .inputs import made_models, recorded_inputs
from .reading import Reading, readings
from .source import Aids, Flags, Keys, Step, models_used, run_steps, stem_of
from .sources import SOURCES

READ_AT_ONCE = 8  # Parquet files
UNFINISHED = "The last run here was not finished, or another one: repeat it first, or leave --inputs out."
UUID = re.compile(r"(?:<?urn:uuid:)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})>?")
QUESTION = re.compile(r"https?://([^/]+)/(?:questions|q)/([0-9]+)(?:[/?#].*)?")
# What comes after the steps of every source, by the reason that it drops for.
THE_SAME: Mapping[str, str] = {
    Reason.DUPLICATE_ID: "one document an id",
    Reason.DUPLICATE_CONTENT: "one document a content",
}


@dataclass(frozen=True, slots=True)
class LineFate:
    """A line of the document as it came to a step that drops lines: why it went, None where it stayed.

    `documents` is how many documents of the group have it, where lines are what the group was compared by.
    """

    step: str
    text: str
    reason: Reason | None
    documents: int | None = None


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
    if uuid := UUID.fullmatch(wanted.strip()):  # as it stands in a record's header
        wanted = f"commoncrawl:{uuid[1]}"
    if question := QUESTION.fullmatch(wanted.strip()):  # as browsers show it, with its title behind
        wanted = f"https://{question[1]}/questions/{question[2]}"
    source = wanted.partition(":")[0]
    if source in recipe.active:
        paths = [path for path in paths if path.split("/")[1] == source]
    if not wanted or not is_text(wanted):
        what = f"{wanted!a} is no text" if wanted else "an empty id"
        raise UsageError(f"{what}; expected one as in commoncrawl:UUID or wikipedia:en/12, or a whole URL.")
    with ThreadPoolExecutor(READ_AT_ONCE) as pool:
        found = list(chain.from_iterable(pool.map(lambda path: _rows(output, path, wanted), paths)))
    if not found:
        raise UsageError(
            f"{wanted}: neither among the documents of {output} nor among the dropped ones. It is not in its inputs, "
            "not within its limit, a part of another document, or damaged: errors/ lists what could not be read. Give "
            "an id as in commoncrawl:UUID, c4:example.org/page, github:owner/name/path, wikipedia:en/12, "
            "books:gutenberg/11, arxiv:0704.0001 or stackexchange:stackoverflow.com/4, or a whole URL."
        )
    recorded = [_fate(output, path, row, values) for path, row, values in found]
    if inputs is None:
        return recorded
    retelling = _Retelling(output, recipe, inputs)
    return [retelling.complete(fate) for fate in recorded]


def _rows(output: str, path: str, wanted: str) -> list[tuple[str, int, dict[str, Any]]]:
    """The rows of a file of documents, or of dropped ones, with this id or URL: path, number, values without text."""
    kept = path.startswith("documents/")
    table = read_table(join(output, path), ["id", "meta"] if kept else [*DROPPED.names])
    found = pc.equal(table["id"], wanted)
    if kept:
        in_json = json.dumps(wanted, ensure_ascii=False)[1:-1]
        maybe = pc.fill_null(pc.match_substring(table["meta"], in_json), False)
    else:
        maybe = pc.fill_null(pc.equal(table["url"], wanted), False)
    # Not pc.indices_nonzero: it crashes on a column of no chunks.
    numbers = np.flatnonzero(pc.or_(found, maybe).to_numpy()).tolist()
    rows = zip(numbers, table.take(pa.array(numbers, pa.int64())).to_pylist(), strict=True)
    return [
        (path, number, row)
        for number, row in rows
        if wanted in (row["id"], json.loads(row["meta"]).get("url") if kept else row["url"])
    ]


def _fate(output: str, path: str, row: int, values: dict[str, Any]) -> Fate:
    """What is recorded of a document."""
    kind, source, _ = path.split("/")
    facts = json.loads(values["meta"]) if kind == "documents" else {n: values[n] for n in ("measure", "detail", "head")}
    outcome = "kept" if kind == "documents" else values["reason"]
    url = facts.get("url", "") if kind == "documents" else values["url"]
    return Fate(values["id"], url, source, outcome, path, row, _input_of(output, source, _shard(path)).name, facts)


def _shard(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".parquet")


def _input_of(output: str, source: str, shard: str) -> Input:
    """The input that a shard was made from, as the run recorded it; its URL is not known."""
    recorded = recorded_inputs(output)[source]["files"]
    inputs = [Input(name, "", size, identity) for name, (size, identity) in recorded.items()]
    fitting = [one for one in inputs if f"{shard}-".startswith(f"{stem_of(one)}-")]
    return max(fitting, key=lambda one: len(stem_of(one)))


@dataclass
class _Trace:
    """What the steps did to one document, and to its lines."""

    steps: list[StepFate] = field(default_factory=list)
    text: str = ""  # after the last
    lines: list[LineFate] = field(default_factory=list)
    outcome: str = "kept"


class _Retelling:
    """The inputs of a run read again, to see what its steps do. A slice is read once for all documents asked for."""

    def __init__(self, output: str, recipe: Recipe, inputs: str):
        self.output, self.recipe, self.inputs = output, recipe, inputs
        self._traces: dict[tuple[str, str], list[_Trace]] = {}
        self._files: dict[str, dict[str, Input]] = {}

    def complete(self, fate: Fate) -> Fate:
        """The same fate with its steps and its lines."""
        shard = _shard(fate.path)
        traces = self._traces.get((shard, fate.id))
        if traces is None:
            traces = self._traces[shard, fate.id] = self._trace(fate.source, shard, fate.id)
        # An id may stand in a slice more than once: each row gets a trace that ends as it did.
        before_others = "kept" if fate.outcome in THE_SAME else fate.outcome
        fitting = [trace for trace in traces if trace.outcome == before_others]
        if not fitting:
            raise UsageError(f"{fate.id}: the steps now end otherwise than the run did. {UNFINISHED}")
        trace = max(fitting, key=lambda trace: self._is_of(trace, fate))
        traces.remove(trace)
        if fate.outcome in THE_SAME:
            trace.steps.append(StepFate(THE_SAME[fate.outcome], fate.outcome, Reason(fate.outcome).description))  # type: ignore[call-arg]
        return dataclasses.replace(fate, steps=trace.steps, lines=trace.lines)

    def _is_of(self, trace: _Trace, fate: Fate) -> bool:
        """Whether a trace ends with the text of a row; of a dropped document its head is known."""
        if fate.outcome != "kept":
            return bool(fate.facts["head"]) and trace.text.startswith(fate.facts["head"])
        texts = read_table(join(self.output, fate.path), ["text"], [("id", "==", fate.id)])["text"].to_pylist()
        return trace.text in texts

    def _trace(self, source: str, shard: str, wanted: str) -> list[_Trace]:
        one = self._located(_input_of(self.output, source, shard), source)
        plan = readings(source, [one], self.recipe)
        reading = next(reading for reading in plan if f"{shard}-".startswith(f"{reading.slice.name}-"))
        return _traced(self.output, wanted, reading, self._models(source))

    def _located(self, one: Input, source: str) -> Input:
        """The input where it lies now."""
        if source not in self._files:
            files = find_files(source, self.recipe.active[source], self.inputs, allow_empty=True)
            self._files[source] = {found.name: found for found in files}
        now = self._files[source].get(one.name)
        if now is None:
            raise UsageError(
                f"{one.name} is not in {self.inputs}. Give the folder that the run had as --inputs, or leave it out."
            )
        if identified([now])[0].identity != one.identity:
            raise UsageError(
                f"{one.name} has changed since the run in {self.output}. Leave --inputs out, or run again."
            )
        return dataclasses.replace(one, url=now.url)

    def _models(self, source: str) -> dict[str, str]:
        """The URLs of the models that the steps use: given ones as the run had them, and those that it made."""
        found = find_models(source, self.recipe.active[source], self.inputs)
        recorded = recorded_inputs(self.output)[source]["models"]
        for name, one in found.items():
            if [one.size, one.identity] != recorded.get(name):
                raise UsageError(
                    f"{one.name} is not the model of the run in {self.output}. Leave --inputs out, or run again."
                )
        made = read_json(join(self.output, made_models(source))) or {}
        return {
            **{name: one.url for name, one in found.items()},
            **{name: join(self.output, one["name"]) for name, one in made.items()},
        }


def _traced(output: str, wanted: str, reading: Reading, models: Mapping[str, str]) -> list[_Trace]:
    """Read the slice again, and note what each step does to the documents of one id."""
    source, options = SOURCES[reading.source], reading.recipe
    found = asking_steps(source, options, Aids(models))
    answers = {one.exchange.name: _Remembering.open(output, reading, one) for one in found}
    steps = source.steps(options, Aids(models, answers))
    if missing := sorted(set(models_used(steps)) - set(models)):
        raise UsageError(f"{source.name}: {missing[0]} is not made yet. {UNFINISHED}")
    # Who keeps the first of a line must have seen all that came before; no other step asks for other documents.
    shared = steps[: max([0, *(len(one.before) + 1 for one in found if one.exchange.keep == "first")])]
    traces = []
    for record in reading.records(Counter(), models):
        if isinstance(record, Document) and record.id == wanted:
            traces.append(_follow(record, steps, answers))
        elif isinstance(record, Document) and shared:
            list(run_steps([record], shared))
    return traces


def _follow(document: Document, steps: Sequence[Step], answers: Mapping[str, _Remembering]) -> _Trace:
    """One document through the steps, as far as it comes."""
    trace = _Trace()
    for step in steps:
        [result] = step.function([document])
        trace.steps.append(_noted(step, SOURCES[document.source].pieces, document, result))
        if step.lines:
            trace.lines += _lines(step, document, step.lines(document))
        elif step.exchange and step.exchange.lines:
            asked = answers[step.exchange.name]
            reasons = step.exchange.lines(document, asked.keys, asked.flags)
            trace.lines += _lines(step, document, reasons, asked.documents() if step.exchange.keys_are_lines else ())
        if isinstance(result, Dropped):
            trace.outcome, trace.text = str(result.reason), result.head
            break
        document = result
        trace.text = document.text
    return trace


def _lines(
    step: Step, document: Document, reasons: Sequence[Reason | None], n_documents: Sequence[int] = ()
) -> list[LineFate]:
    """What a step did to the lines of a document; how many have each is known where lines are keys."""
    lines = document.text.split("\n") if reasons else []
    counts: Sequence[int | None] = n_documents or [None] * len(lines)
    return [LineFate(step.name, *fate) for fate in zip(lines, reasons, counts, strict=True)]


@dataclass
class _Remembering:
    """The answers of one exchange, and the last of them."""

    output: str
    answers: SliceAnswers
    group: str  # the file beside the mask that says who was compared
    keys: Keys = field(default_factory=lambda: np.zeros(0, np.uint64))
    flags: Flags = field(default_factory=lambda: np.zeros(0, bool))

    @classmethod
    def open(cls, output: str, reading: Reading, asking: Asking) -> _Remembering:
        """What was found for a slice. Raises UsageError where it is not compared yet."""
        name, place = reading.slice.name, place_of(reading.source, asking.exchange.name)
        hashed, masked = (read_receipts(output, f"{place}/{phase}", [name]) for phase in ("hash", "masks"))
        if not (hashed and masked):
            raise UsageError(f"{reading.slice.input.name}: not compared with others yet. {UNFINISHED}")
        sidecars = sidecars_of(hashed, masked, asking.exchange.keep)[name]
        answers = open_answers(sidecars, lambda path, sha256: join(output, path))
        return cls(output, answers, next(path for path in masked[name].files if path.endswith(".group")))

    def taken(self, keys: Sequence[Keys], owners: Sequence[int] = ()) -> list[Flags]:
        flags = self.answers.taken(keys, owners)
        self.keys, self.flags = keys[-1], flags[-1]
        return flags

    def documents(self) -> list[int]:
        """How many documents of the group have each of the keys."""
        return documents_with(self.output, self.group, self.keys)


def _noted(step: Step, kind: str, before: Document, after: Document | Dropped) -> StepFate:
    if isinstance(after, Dropped):
        measure = "" if after.measure is None else f"{after.measure:g}"
        return StepFate(step.name, str(after.reason), " ".join(filter(None, (after.detail, measure))))
    changed = {name: value for name, value in after.meta.items() if before.meta.get(name) != value}
    facts = [f"{name} {value}" for name, value in changed.items() if isinstance(value, (str, int, float))]
    if before.text != after.text:
        facts.insert(0, f"{len(before.text):,} characters became {len(after.text):,}")
    gone = [name for name, n in after.pieces.items() if name.startswith("dropped.") and before.pieces.get(name) != n]
    facts += [f"{after.pieces[name]} {kind} gone for {name.removeprefix('dropped.')}" for name in gone]
    return StepFate(step.name, "stays", ", ".join(facts))
