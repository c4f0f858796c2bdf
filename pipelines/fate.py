"""What is known of one document of a run: where it is listed, what was recorded of it, what its steps did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import UsageError
from ..records import Reasons
from ..storage import Input
from .inputs import recorded_inputs
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


class Origins:
    """The inputs that the files of a run were made from, as it recorded them; their URLs are not known."""

    def __init__(self, output: str):
        self.output, self.recorded = output, recorded_inputs(output)
        self._by_stem: dict[str, dict[str, Input]] = {}

    def of(self, source: str, shard: str) -> Input:
        """The input of a shard. Of several whose stems its name begins with, that of the longest.

        Raises:
            UsageError: there is none, so that the shard is none of this run.
        """
        stems = self._stems(source)
        stem = shard
        while stem:
            if one := stems.get(stem):
                return one
            stem = stem.rpartition("-")[0]
        raise UsageError(
            f"{source}/{shard}: a file that was made from no input of this run. `corpusmill check {self.output}` names "
            "all that does not belong there."
        )

    def _stems(self, source: str) -> dict[str, Input]:
        """The inputs of a source by their stems, found once: there may be hundreds of thousands."""
        if source not in self._by_stem:
            stems: dict[str, Input] = {}
            for name, (size, identity) in self.recorded.get(source, {}).get("files", {}).items():
                one = Input(name, "", size, identity)
                stems.setdefault(stem_of(one), one)
            self._by_stem[source] = stems
        return self._by_stem[source]


def fate_of(origins: Origins, path: str, row: int, values: Mapping[str, Any]) -> Fate:
    """What is recorded of a document. Raises UsageError where its file is none of the run."""
    kept, source = path.startswith("documents/"), path.split("/")[1]
    facts = json.loads(values["meta"]) if kept else {name: values[name] for name in ("measure", "detail", "head")}
    url = facts.get("url", "") if kept else values["url"]
    made_from = origins.of(source, shard_of(path)).name
    return Fate(values["id"], url, source, KEPT if kept else values["reason"], path, row, made_from, facts)


def shard_of(path: str) -> str:
    """
    >>> shard_of("documents/c4/a-00000.parquet"), shard_of("documents/c4/aside/a-00000.parquet")
    ('a-00000', 'aside/a-00000')
    """
    return path.split("/", 2)[-1].removesuffix(".parquet")
