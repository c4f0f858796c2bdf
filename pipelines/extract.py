"""The phase that reads a source and runs its steps, up to the first one that waits for what all documents teach.

What else a step needs to know of a work item's documents (models, the answers of an exchange) is opened here.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..manifest import WORK
from ..mixtures.recipe import Recipe
from ..records import Damage, Document
from ..storage import digest, join
from .answers import Sidecars, digests_of, open_all_answers
from .inputs import Model
from .phase import Item, Phase, ShardOutput
from .reading import Reading, made_from, models_of, versions
from .results import Drops, urls_of, write_results
from .source import Aids, Source, cut_at_waiting, run_steps
from .sources import source_of


@dataclass(frozen=True, slots=True)
class Extract:
    """Task: one slice of one source, through the steps that do not wait."""

    reading: Reading
    drops: Drops
    models: Mapping[str, Model] = field(default_factory=dict)
    sidecars: Mapping[str, Sidecars] = field(default_factory=dict)  # by exchange


def extract_phase(
    source: Source,
    plan: Sequence[Reading],
    models: Mapping[str, Model],
    recipe: Recipe,
    sidecars: Mapping[str, Mapping[str, Sidecars]],
) -> Phase:
    """Read the inputs and run the steps; `sidecars` by slice and exchange, where steps of the source have one."""
    options = recipe.active[source.name]
    drops = Drops(recipe.head_chars, recipe.dropped_heads)
    steps, waiting = cut_at_waiting(source.steps(options, Aids()))
    aids = models_of(source, steps, models) if plan else {}
    identities = [one.identity for one in aids.values()]
    claims = not waiting, source.unique(options) and not waiting
    read = (source.version, dict(source.decides(options)), options.part_mb, recipe.limit, claims)
    decides = (read, versions(steps), dataclasses.asdict(drops), identities)
    items = []
    for reading in plan:
        piece, beside = reading.slice, sidecars.get(reading.slice.name, {})
        fingerprint = digest("extract", 3, decides, made_from(piece), digests_of(beside))
        items.append(Item(piece.name, fingerprint, piece.stop - piece.start, Extract(reading, drops, aids, beside)))
    return Phase(f"{source.name}/extract", items, extract)


def extract(task: Extract, out: ShardOutput) -> None:
    source, options = source_of(task.reading.source, task.reading.recipe), task.reading.recipe
    counts: Counter[str] = Counter()
    answers = open_all_answers(task.sidecars, out.verified)
    models = urls_of(out, task.models)
    steps, waiting = cut_at_waiting(source.steps(options, Aids(models, answers)))
    results = run_steps(_readable(task, out, counts, models), steps, out.spent)
    first, part = next(results, None), 0
    while part == 0 or first is not None:
        # Most slices are one file; a big input that cannot be cut is read once and written out in parts.
        name = task.reading.slice.name if part == 0 else f"{task.reading.slice.name}-part{part:04d}"
        stem = join(WORK, "extract", source.name, name)
        first = write_results(out, stem, first, results, source, options, task.drops, counts, claiming=not waiting)
        part += 1


def _readable(task: Extract, out: ShardOutput, counts: Counter[str], models: Mapping[str, str]) -> Iterator[Document]:
    """The documents of the slice; damage goes to the accounts."""
    for record in task.reading.records(counts, models):
        if isinstance(record, Damage):
            out.damage(task.reading.slice.input.name, record)
        else:
            counts["bytes.in"] += len(record.text.encode())
            yield record
