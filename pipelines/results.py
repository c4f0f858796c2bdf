"""What a phase that runs steps leaves behind: kept documents, dropped ones, claims for `unique`, and the accounts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import SourceError
from ..formats.documents import DOCUMENTS, DROPPED, document_row, dropped_row
from ..manifest import File, Receipt
from ..mixtures.circle import unit_interval
from ..mixtures.sources import SourceRecipe
from ..records import Document, Dropped, Reason
from ..storage import MIB, identify
from .accounts import add_kept
from .inputs import Model
from .phase import ShardOutput
from .source import Source
from .taken_down import TakenDown
from .unique import CONTENT, ID, Claims, verified_once

DOCUMENTS_ENDING, DROPPED_ENDING = ".documents.parquet", ".dropped.parquet"


@dataclass(frozen=True, slots=True)
class Drops:
    """How much of a dropped document is kept for people to look at."""

    head_chars: int
    heads: float  # share of the dropped documents

    def row(self, dropped: Dropped) -> dict[str, Any]:
        shown = self.heads >= 1 or unit_interval(dropped.id, "head") < self.heads
        return dropped_row(dropped, self.head_chars if shown else 0)


@dataclass(frozen=True, slots=True)
class Results:
    """The files of one shard between phases."""

    shard: str
    documents: tuple[str, File]
    dropped: tuple[str, File]


def results_of(receipts: Mapping[str, Receipt]) -> list[Results]:
    """The shards that a phase left, in the order of the plan."""
    found = []
    for receipt in receipts.values():
        for path, file in receipt.files.items():
            if path.endswith(DOCUMENTS_ENDING):
                stem = path.removesuffix(DOCUMENTS_ENDING)
                dropped = stem + DROPPED_ENDING
                shard = stem.rpartition("/")[2]
                found.append(Results(shard, (path, file), (dropped, receipt.files[dropped])))
    return found


def used(models: Mapping[str, Model], names: Iterable[str]) -> dict[str, Model]:
    """Those of the models that are named."""
    return {name: models[name] for name in names}


def urls_of(out: ShardOutput, models: Mapping[str, Model]) -> dict[str, str]:
    """The URL of each model, if it still is what it was.

    Raises:
        SourceError: a given one changed during the run.
        ShardError: one made in the run was damaged.
    """
    for one in models.values():
        if one.sha256:
            verified_once(out, one.name, one.sha256)
        elif identify(one.url) != one.identity:
            raise SourceError(f"{one.name}: changed during the run. Run again, with --redo.")
    return {name: one.url for name, one in models.items()}


def write_results(
    out: ShardOutput,
    stem: str,
    first: Document | Dropped | None,
    results: Iterator[Document | Dropped],
    source: Source,
    options: SourceRecipe,
    drops: Drops,
    counts: Counter[str],
    dropped_before: Iterable[dict[str, Any]] = (),
    claiming: bool = True,
) -> Document | Dropped | None:
    """One file of documents, one of dropped ones, their claims, with their accounts.

    Args:
        counts: the accounts so far, which end in the footer of the documents and are emptied.
        dropped_before: rows of documents that earlier phases dropped.
        claiming: whether these are the last steps: then what is kept claims its id, and its content.

    Returns:
        The first result of the next part, or None when this is the last one. It is taken before the accounts are
        closed, so that the last part accounts for everything up to the end of the slice.
    """
    claims = {ID: Claims(), CONTENT: Claims()}
    taken_down = TakenDown.read(out.output)
    size = 0
    with (
        out.table(f"{stem}{DROPPED_ENDING}", DROPPED) as dropped,
        out.table(stem + DOCUMENTS_ENDING, DOCUMENTS) as kept,
    ):
        for row in dropped_before:
            dropped.add(row)
        result = first
        while result is not None and size < options.part_mb * MIB:
            came = result
            result = taken_down.applied(came)
            counts["documents.in"] += 1
            counts.update({f"{source.pieces}.{name}": n for name, n in result.pieces.items()})
            if isinstance(result, Dropped):
                counts[f"documents.dropped.{result.reason}"] += 1
                if result.reason == Reason.TAKEN_DOWN and isinstance(came, Document):
                    counts["bytes.taken_down"] += len(came.text.encode())
                dropped.add(drops.row(result))
            else:
                if claiming:
                    claims[ID].add_id(result, kept.rows, source.revision(result))
                if claiming and source.unique(options):
                    claims[CONTENT].add_content(source.content(result), result, kept.rows)
                kept.add(document_row(result))
                before = counts["bytes.kept"]
                add_kept(counts, result.id, result.text, result.meta)
                size += counts["bytes.kept"] - before
            result = next(results, None)
        kept.counts = dict(counts)
        counts.clear()
    for ending, held in claims.items() if claiming else ():
        if held or ending == ID:
            with out.binary(f"{stem}{ending}") as file:
                file.write(held.sorted_bytes())
    return result
