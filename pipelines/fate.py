"""What is known of one document of a run: where it is listed, what was recorded of it, what its steps did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..records import Reasons
from ..storage import Input
from .line_changes import Change
from .source import stem_of

KEPT = "kept"


@dataclass(frozen=True, slots=True)
class LineFate:
    """A line of the document as it came to a step that drops lines: why it went, None where it stayed.

    `documents` is how many documents of the group have it, where lines are what the group was compared by.
    """

    step: str
    text: str
    reason: Reasons | None
    documents: int | None = None


@dataclass(frozen=True, slots=True)
class StepFate:
    """What a step did, and what it measured or changed, in words."""

    step: str
    outcome: str  # `stays`, or the reason for dropping
    detail: str


@dataclass(frozen=True, slots=True)
class Fate:
    """One document. `steps`, `lines` and `changes` are empty where the inputs were not at hand."""

    id: str
    url: str
    source: str
    outcome: str  # `kept`, or the reason for dropping
    path: str  # the file in the output folder that lists it
    row: int
    input: str
    facts: dict[str, Any]  # what is recorded of it: metadata, or measure, detail and head
    steps: list[StepFate] = field(default_factory=list)
    lines: list[LineFate] = field(default_factory=list)  # by step, with what is known of each
    changes: list[Change] = field(default_factory=list)  # from the text as it was read to the text at the end
    note: str = ""  # what else is to be said
    description: str = ""  # of the reason


def fate_of(recorded: Mapping[str, Any], path: str, row: int, values: Mapping[str, Any]) -> Fate:
    """What is recorded of a document; `recorded` are the inputs of the run."""
    kind, source, _ = path.split("/")
    kept = kind == "documents"
    facts = json.loads(values["meta"]) if kept else {name: values[name] for name in ("measure", "detail", "head")}
    url = facts.get("url", "") if kept else values["url"]
    made_from = input_of(recorded, source, shard_of(path)).name
    return Fate(values["id"], url, source, KEPT if kept else values["reason"], path, row, made_from, facts)


def shard_of(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".parquet")


def input_of(recorded: Mapping[str, Any], source: str, shard: str) -> Input:
    """The input that a shard was made from, as the run recorded it; its URL is not known."""
    inputs = [Input(name, "", size, identity) for name, (size, identity) in recorded[source]["files"].items()]
    fitting = [one for one in inputs if f"{shard}-".startswith(f"{stem_of(one)}-")]
    return max(fitting, key=lambda one: len(stem_of(one)))
