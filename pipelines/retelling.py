"""The steps of a run done again on some of its documents, to see what each step did to them and to their lines."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors import CorpusmillError, UsageError
from ..formats.documents import read_table
from ..manifest import read_receipts
from ..mixtures.recipe import Recipe
from ..records import Document, Dropped, Reason, Reasons
from ..storage import Input, identified, join, read_json
from .answers import SliceAnswers, documents_with, open_answers, sidecars_of
from .exchange import Asking, asking_steps, place_of
from .fate import KEPT, Fate, LineFate, Origins, StepFate, shard_of
from .finding import find_files, find_models
from .inputs import made_models
from .line_changes import Change, Changes
from .reading import Reading, readings
from .source import Aids, Flags, Keys, Step, models_used, run_steps
from .sources import source_of
from .told import SAME_CONTENT, SAME_ID

UNFINISHED = "The last run here was not finished, or another one: repeat it first, or leave --inputs out."
# What comes after the steps of every source, by the reason that it drops for.
THE_SAME: Mapping[str, str] = {Reason.DUPLICATE_ID: SAME_ID, Reason.DUPLICATE_CONTENT: SAME_CONTENT}
NOT_SHOWN = "It was taken down: neither its steps nor its text are shown."
NO_TEXT = "Its input holds no text of it: there is nothing to compare with."


@dataclass
class _Trace:
    """What the steps did to one document, and to its lines."""

    id: str
    steps: list[StepFate] = field(default_factory=list)
    text: str = ""  # after the last
    lines: list[LineFate] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    outcome: str = KEPT


class Retelling:
    """The inputs of a run read again. A slice is read once for all documents of it that are asked for together."""

    def __init__(self, output: str, recipe: Recipe, inputs: str, origins: Origins):
        self.output, self.recipe, self.inputs, self.origins = output, recipe, inputs, origins
        self._files: dict[str, dict[str, Input]] = {}
        self._models_of: dict[str, dict[str, str]] = {}

    def told(self, fates: Sequence[Fate]) -> Iterator[Fate | CorpusmillError]:
        """Each fate with its steps and lines, in order; or why it cannot be told."""
        groups: dict[tuple[str, str], list[str]] = {}
        readings_of: dict[tuple[str, str], Reading | CorpusmillError] = {}
        places = []
        for fate in fates:
            shard = fate.source, shard_of(fate.path)
            if shard not in readings_of:
                readings_of[shard] = self._reading(*shard)
            found = readings_of[shard]
            piece = (fate.source, "" if isinstance(found, CorpusmillError) else found.slice.name)
            groups.setdefault(piece, []).append(fate.id)
            places.append((piece, found))
        traces: dict[tuple[str, str], list[_Trace] | CorpusmillError] = {}
        for fate, (piece, found) in zip(fates, places, strict=True):
            if fate.outcome == Reason.TAKEN_DOWN:
                yield dataclasses.replace(fate, note=NOT_SHOWN)
                continue
            if isinstance(found, CorpusmillError):
                yield found
                continue
            if piece not in traces:
                traces[piece] = self._traces(found, frozenset(groups[piece]))
            of_slice = traces[piece]
            yield of_slice if isinstance(of_slice, CorpusmillError) else self._completed(fate, of_slice)

    def _completed(self, fate: Fate, traces: list[_Trace]) -> Fate | CorpusmillError:
        """An id may stand in a slice more than once: each row gets a trace that ends as it did."""
        before_others = KEPT if fate.outcome in THE_SAME else fate.outcome
        fitting = [trace for trace in traces if trace.id == fate.id and trace.outcome == before_others]
        if not fitting:
            return UsageError(f"{fate.id}: the steps now end otherwise than the run did. {UNFINISHED}")
        trace = max(fitting, key=lambda trace: self._is_of(trace, fate)) if len(fitting) > 1 else fitting[0]
        traces.remove(trace)
        if fate.outcome in THE_SAME:
            trace.steps.append(StepFate(THE_SAME[fate.outcome], fate.outcome, Reason(fate.outcome).description))  # type: ignore[call-arg]
        note = "" if trace.changes else NO_TEXT
        return dataclasses.replace(fate, steps=trace.steps, lines=trace.lines, changes=trace.changes, note=note)

    def _is_of(self, trace: _Trace, fate: Fate) -> bool:
        """Whether a trace ends with the text of a row; of a dropped document its head is known."""
        if fate.outcome != KEPT:
            return bool(fate.facts["head"]) and trace.text.startswith(fate.facts["head"])
        texts = read_table(join(self.output, fate.path), ["text"], [("id", "==", fate.id)])["text"].to_pylist()
        return trace.text in texts

    def _reading(self, source: str, shard: str) -> Reading | CorpusmillError:
        """The slice that a shard was made from."""
        try:
            one = self._located(self.origins.of(source, shard), source)
            plan = readings(source, [one], self.recipe)
        except CorpusmillError as error:
            return error
        fitting = (reading for reading in plan if f"{shard}-".startswith(f"{reading.slice.name}-"))
        return next(fitting, None) or UsageError(f"{shard}: no slice of {one.name} is called so. {UNFINISHED}")

    def _traces(self, reading: Reading, wanted: frozenset[str]) -> list[_Trace] | CorpusmillError:
        try:
            return _traced(self.output, wanted, reading, self._models(reading.source))
        except CorpusmillError as error:
            return error

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
        """The URLs of the models that the steps use: given ones as the run had them, and those that it made.

        They are looked at once: of each, megabytes are read.
        """
        if source in self._models_of:
            return self._models_of[source]
        found = find_models(source, self.recipe.active[source], self.inputs)
        recorded = self.origins.recorded[source]["models"]
        for name, one in found.items():
            if [one.size, one.identity] != recorded.get(name):
                raise UsageError(
                    f"{one.name} is not the model of the run in {self.output}. Leave --inputs out, or run again."
                )
        made = read_json(join(self.output, made_models(source))) or {}
        self._models_of[source] = {
            **{name: one.url for name, one in found.items()},
            **{name: join(self.output, one["name"]) for name, one in made.items()},
        }
        return self._models_of[source]


def _traced(output: str, wanted: frozenset[str], reading: Reading, models: Mapping[str, str]) -> list[_Trace]:
    """Read the slice again, and note what each step does to the documents of some ids."""
    source, options = source_of(reading.source, reading.recipe), reading.recipe
    found = asking_steps(source, options, Aids(models))
    answers = {one.exchange.name: _Remembering.open(output, reading, one) for one in found}
    steps = source.steps(options, Aids(models, answers))
    if missing := sorted(set(models_used(steps)) - set(models)):
        raise UsageError(f"{source.name}: {missing[0]} is not made yet. {UNFINISHED}")
    # Who keeps the first of a line must have seen all that came before; no other step asks for other documents.
    shared = steps[: max([0, *(len(one.before) + 1 for one in found if one.exchange.keep == "first")])]
    traces = []
    for record in reading.records(Counter(), models):
        if isinstance(record, Document) and record.id in wanted:
            traces.append(_follow(record, steps, answers, source.pieces))
        elif isinstance(record, Document) and shared:
            list(run_steps([record], shared))
    return traces


def _follow(document: Document, steps: Sequence[Step], answers: Mapping[str, _Remembering], kind: str) -> _Trace:
    """One document through the steps, as far as it comes."""
    trace, changes = _Trace(document.id), Changes(document.text)
    for step in steps:
        [result] = step.function([document])
        trace.steps.append(_noted(step, kind, document, result))
        if step.lines:
            reasons = step.lines(document)
            trace.lines += _lines(step, document, reasons)
            changes.take(reasons)
        elif step.exchange and step.exchange.lines:
            asked = answers[step.exchange.name]
            reasons = step.exchange.lines(document, asked.keys, asked.flags)
            trace.lines += _lines(step, document, reasons, asked.documents() if step.exchange.keys_are_lines else ())
            changes.take(reasons)
        if isinstance(result, Dropped):
            trace.outcome, trace.text = str(result.reason), result.head
            break
        changes.rewrite(step.name, result.text)
        document = result
        trace.text = document.text
    trace.changes = changes.lines
    return trace


def _lines(
    step: Step, document: Document, reasons: Sequence[Reasons | None], n_documents: Sequence[int] = ()
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
