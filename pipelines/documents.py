"""The document files of a source get their final names: a second name for a file that `extract` wrote, or, where it
holds documents that lost their id or content to another, a copy without them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ..formats.documents import DOCUMENTS, DROPPED, numbered_rows, read_rows
from ..manifest import DIGEST, WORK, File, Receipt, add_digests, digest_of, files_of
from ..mixtures.recipe import Recipe
from ..records import Dropped, Reason
from ..storage import digest, join, read_json, write_json
from .phase import Item, Phase, ShardOutput
from .results import DOCUMENTS_ENDING, DROPPED_ENDING, Drops
from .unique import ID, losers_of, shard_of, verified_once


@dataclass(frozen=True, slots=True)
class Settle:
    """Task: one extracted file, and where the rows of it that lost to another are listed, by reason."""

    source: str
    shard: str
    documents: tuple[str, File]
    dropped: tuple[str, File]
    losers: str  # a JSON file of (reason, path, SHA-256) of each list
    drops: Drops


def documents_phase(
    source: str,
    output: str,
    recipe: Recipe,
    extracted: Mapping[str, Receipt],
    losers: Mapping[Reason, Mapping[str, File]],
) -> Phase:
    """Give every document file its final name, without the losers."""
    lists = join(WORK, "unique", source, "losers.json")
    write_json(
        join(output, lists), [(reason, path, f.sha256) for reason, files in losers.items() for path, f in files.items()]
    )
    digests = [file.sha256 for files in losers.values() for file in files.values()]
    drops = Drops(recipe.head_chars, recipe.dropped_heads)
    items = []
    for receipt in extracted.values():
        for path, file in receipt.files.items():
            if not path.endswith(ID):
                continue
            shard, stem = shard_of(path), path.removesuffix(ID)
            documents, dropped = (
                (path, receipt.files[path]) for path in (stem + DOCUMENTS_ENDING, stem + DROPPED_ENDING)
            )
            made_from = (documents[1].identity, dropped[1].identity, digests)
            fingerprint = digest("documents", 3, made_from, dataclasses.asdict(drops))
            items.append(Item(shard, fingerprint, file.bytes, Settle(source, shard, documents, dropped, lists, drops)))
    return Phase(f"{source}/documents", items, settle)


def settle(task: Settle, out: ShardOutput) -> None:
    final = {kind: join(kind, task.source, f"{task.shard}.parquet") for kind in ("documents", "dropped")}
    lost = {
        row: Reason(reason)  # type: ignore[call-arg]
        for reason, path, sha256 in read_json(out.url(task.losers))
        for row in losers_of(verified_once(out, path, sha256), task.shard)
    }
    if not lost:
        out.copy(task.dropped[0], final["dropped"], task.dropped[1])
        out.copy(task.documents[0], final["documents"], task.documents[1])
        return
    counts = Counter(task.documents[1].counts)
    with contextlib.ExitStack() as stack:
        dropped = stack.enter_context(out.table(final["dropped"], DROPPED))
        kept = stack.enter_context(out.table(final["documents"], DOCUMENTS))
        for row in read_rows(out.verified(task.dropped[0], task.dropped[1].sha256)):
            dropped.add(row)
        for number, row in numbered_rows(out.verified(task.documents[0], task.documents[1].sha256)):
            if number not in lost:
                kept.add(row)
                continue
            url = json.loads(row["meta"]).get("url", "")
            dropped.add(task.drops.row(Dropped(row["id"], lost[number], None, row["text"], url=url)))
            counts["documents.kept"] -= 1
            counts["bytes.kept"] -= len(row["text"].encode())
            counts[DIGEST] = add_digests(counts[DIGEST], -digest_of(row["id"], row["text"]))
            counts[f"documents.dropped.{lost[number]}"] += 1
        kept.counts = dict(counts)


def settled_documents(receipts: Mapping[str, Receipt]) -> dict[str, File]:
    """The document files of a finished source: path → file, in the order of the plan."""
    return {path: file for path, file in files_of(receipts.values()).items() if path.startswith("documents/")}
