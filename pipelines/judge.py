"""The phase that runs the steps that waited: on the documents that `extract` left, with what these taught."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from ..formats.documents import document_of, read_rows
from ..manifest import WORK, Receipt
from ..mixtures.recipe import Recipe
from ..mixtures.sources import SourceRecipe
from ..storage import digest, join
from .accounts import without_kept
from .inputs import Model
from .phase import Item, Phase, ShardOutput
from .reading import versions
from .results import Drops, Results, results_of, urls_of, used, write_results
from .source import Aids, Source, cut_at_waiting, models_used, run_steps
from .sources import source_of


@dataclass(frozen=True, slots=True)
class Judge:
    """Task: one shard that `extract` left."""

    source: str
    options: SourceRecipe
    results: Results
    drops: Drops
    models: Mapping[str, Model]


def judge_phase(source: Source, extracted: Mapping[str, Receipt], models: Mapping[str, Model], recipe: Recipe) -> Phase:
    """Run the steps that waited on every shard. What they keep has claims, as after `extract`."""
    options = recipe.active[source.name]
    _, steps = cut_at_waiting(source.steps(options, Aids()))
    aids = used(models, models_used(steps))
    drops = Drops(recipe.head_chars, recipe.dropped_heads)
    identities = [one.identity for one in aids.values()]
    decides = (source.version, source.unique(options), versions(steps), dataclasses.asdict(drops), identities)
    items = []
    for one in results_of(extracted):
        fingerprint = digest("judge", 3, decides, one.documents[1].identity, one.dropped[1].identity)
        task = Judge(source.name, options, one, drops, aids)
        items.append(Item(one.shard, fingerprint, one.documents[1].bytes, task))
    return Phase(f"{source.name}/judge", items, judge)


def judge(task: Judge, out: ShardOutput) -> None:
    source = source_of(task.source, task.options)
    (documents, file), (dropped, gone) = task.results.documents, task.results.dropped
    _, steps = cut_at_waiting(source.steps(task.options, Aids(urls_of(out, task.models))))
    rows = read_rows(out.verified(documents, file.sha256))
    # Lines were counted when the source was read.
    results = run_steps((document_of(row) for row in rows), steps, out.spent)
    counts = without_kept(file.counts)
    counts["documents.in"] -= file.rows  # they come in once more
    unlimited = dataclasses.replace(task.options, part_mb=float("inf"))
    stem = join(WORK, "judge", source.name, task.results.shard)
    before = read_rows(out.verified(dropped, gone.sha256))
    write_results(out, stem, next(results, None), results, source, unlimited, task.drops, counts, before)
