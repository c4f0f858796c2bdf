"""The phase that reads a source and runs its steps: what is kept and what is dropped, aside, and claims for `unique`.

What else a step needs to know of a work item's documents (models, the answers of an exchange) is opened here.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import SourceError
from ..formats.documents import DOCUMENTS, DROPPED, document_row, dropped_row
from ..manifest import WORK
from ..mixtures.circle import unit_interval
from ..mixtures.recipe import Recipe
from ..records import Damage, Document, Dropped
from ..storage import MIB, Input, digest, identify, join
from .exchange import Sidecars, open_answers
from .phase import Item, Phase, ShardOutput
from .reading import Reading, made_from, versions
from .source import Aids, Source, run_steps
from .sources import SOURCES
from .unique import CONTENT, ID, Claims

# Settings that decide no byte of a source's documents: changing them must not read a dump again.
NEUTRAL: Mapping[str, Any] = {"weight": None, "epochs": None, "inputs": (), "root": "", "paper": None}


@dataclass(frozen=True, slots=True)
class Drops:
    """How much of a dropped document is kept for people to look at."""

    head_chars: int
    heads: float  # share of the dropped documents

    def row(self, dropped: Dropped) -> dict[str, Any]:
        shown = self.heads >= 1 or unit_interval(dropped.id, "head") < self.heads
        return dropped_row(dataclasses.replace(dropped, head=dropped.head[: self.head_chars] if shown else ""))


@dataclass(frozen=True, slots=True)
class Extract:
    """Task: one slice of one source, through all steps."""

    reading: Reading
    drops: Drops
    models: Mapping[str, Input] = field(default_factory=dict)
    sidecars: Sidecars | None = None


def extract_phase(
    source: Source,
    plan: Sequence[Reading],
    models: Mapping[str, Input],
    recipe: Recipe,
    sidecars: Mapping[str, Sidecars],
) -> Phase:
    """Read the inputs and run the steps; `sidecars` by slice, where a step of the source has an exchange."""
    options = recipe.active[source.name]
    drops = Drops(recipe.head_chars, recipe.dropped_heads)
    shaping = dataclasses.asdict(dataclasses.replace(source.shaping(options), **NEUTRAL))
    identities = {name: one.identity for name, one in models.items()}
    steps = versions(source.steps(options, Aids()))
    decides = (source.version, steps, shaping, recipe.limit, dataclasses.asdict(drops), identities)
    items = []
    for reading in plan:
        piece, beside = reading.slice, sidecars.get(reading.slice.name)
        fingerprint = digest("extract", decides, made_from(piece), beside.sha256 if beside else None)
        items.append(Item(piece.name, fingerprint, piece.stop - piece.start, Extract(reading, drops, models, beside)))
    return Phase(f"{source.name}/extract", items, extract)


def extract(task: Extract, out: ShardOutput) -> None:
    source, options = SOURCES[task.reading.source], task.reading.recipe
    counts: Counter[str] = Counter()
    answers = open_answers(task.sidecars, out.verified) if task.sidecars else None
    for one in task.models.values():
        if identify(one.url) != one.identity:
            raise SourceError(f"{one.name}: this model changed during the run. Run again, with --redo.")
    steps = source.steps(options, Aids({name: one.url for name, one in task.models.items()}, answers))
    results = run_steps(_readable(task, out, counts), steps)
    first, part = next(results, None), 0
    while part == 0 or first is not None:
        # Most slices are one file; a big input that cannot be cut is read once and written out in parts.
        name = task.reading.slice.name if part == 0 else f"{task.reading.slice.name}-part{part:04d}"
        first, part = _write_part(task, source, out, name, first, results, counts), part + 1


def _readable(task: Extract, out: ShardOutput, counts: Counter[str]) -> Iterator[Document]:
    """The documents of the slice; damage goes to the accounts."""
    for record in task.reading.records(counts):
        if isinstance(record, Damage):
            out.damage(task.reading.slice.input.name, record)
        else:
            counts["bytes.in"] += len(record.text.encode())
            yield record


def _write_part(
    task: Extract,
    source: Source,
    out: ShardOutput,
    name: str,
    first: Document | Dropped | None,
    results: Iterator[Document | Dropped],
    counts: Counter[str],
) -> Document | Dropped | None:
    """One file of documents, one of dropped ones, their claims, with their accounts.

    Returns:
        The first result of the next part, or None when this is the last one. It is taken before the accounts are
        closed, so that the last part accounts for everything up to the end of the slice.
    """
    options = task.reading.recipe
    stem = join(WORK, "extract", source.name, name)
    claims = {ID: Claims(), CONTENT: Claims()}
    size = 0
    with (
        out.table(f"{stem}.dropped.parquet", DROPPED) as dropped,
        out.table(f"{stem}.documents.parquet", DOCUMENTS) as kept,
    ):
        result = first
        while result is not None and size < options.part_mb * MIB:
            counts["documents.in"] += 1
            counts.update({f"lines.{name}": n for name, n in result.lines.items()})
            if isinstance(result, Dropped):
                counts[f"documents.dropped.{result.reason}"] += 1
                dropped.add(task.drops.row(result))
            else:
                content = source.content(result, options)
                claims[ID].add_id(result, kept.rows, source.revision(result))
                if content is not None:
                    claims[CONTENT].add_content(content, result, kept.rows)
                kept.add(document_row(result))
                n_bytes = len(result.text.encode())
                counts["documents.kept"] += 1
                counts["bytes.kept"] += n_bytes
                size += n_bytes
            result = next(results, None)
        kept.counts = dict(counts)
        counts.clear()
    for ending, held in claims.items():
        if held or ending == ID:
            with out.binary(f"{stem}{ending}") as file:
                file.write(held.sorted_bytes())
    return result
