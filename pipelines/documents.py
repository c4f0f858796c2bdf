"""From raw inputs to `documents/<source>/*.parquet`: three phases that every source shares.

extract    each slice: read, run the steps, write what is kept and what is dropped aside, and a claim for each id
unique     the claims of all slices, by ranges of their hash: where an id occurs more than once, who loses
documents  each file of the first phase: a second name for it, or, where it holds losers, a copy without them
"""

from __future__ import annotations

import bisect
import contextlib
import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from ..errors import SourceError
from ..formats.documents import DOCUMENTS, DROPPED, document_row, dropped_row, read_rows, read_table
from ..manifest import WORK, File, Receipt
from ..mixtures.circle import unit_interval
from ..mixtures.recipe import Recipe, SourceRecipe
from ..records import Damage, Document, Dropped, Reason
from ..storage import MIB, Input, digest, identify, join, open_read, read_json, write_json
from .phase import Item, Phase, ShardOutput
from .source import Slice, Source, run_steps
from .sources import SOURCES

# Who holds an id: 128 bits of its hash, then what decides between two documents that have the same one.
CLAIM = np.dtype([("high", "<u8"), ("low", "<u8"), ("revision", "<u8"), ("content", "<u8"), ("row", "<u8")])
CLAIMS_IN_MEMORY = 256 * MIB  # of claims in one work item of `unique`
LOSERS = pa.schema({"shard": pa.string(), "row": pa.int64()})


@dataclass(frozen=True, slots=True)
class Drops:
    """How much of a dropped document is kept for people to look at."""

    head_chars: int
    heads: float  # share of the dropped documents

    def row(self, dropped: Dropped) -> dict[str, Any]:
        shown = self.heads >= 1 or unit_interval(dropped.id, "head") < self.heads
        return dropped_row(dataclasses.replace(dropped, head=dropped.head[: self.head_chars] if shown else ""))


# --- extract ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Extract:
    """Task: one slice of one source."""

    source: str
    slice: Slice
    recipe: SourceRecipe
    limit: float
    drops: Drops


def extract_phase(source: Source, inputs: Sequence[Input], recipe: Recipe) -> Phase:
    """Read the inputs and run the steps."""
    options = recipe.active[source.name]
    drops = Drops(recipe.head_chars, recipe.dropped_heads)
    # Weight, epochs and globs decide nothing here: changing them must not read a dump again.
    shaping = dataclasses.asdict(dataclasses.replace(options, weight=None, epochs=None, inputs=(), paper=None))
    steps = [(step.name, step.version) for step in source.steps(options)]
    items = []
    for one in inputs:
        for piece in source.slices(one, options):
            made_from = (one.name, one.size, one.identity, piece.start, piece.stop)
            decides = (source.version, steps, shaping, recipe.limit, dataclasses.asdict(drops))
            fingerprint = digest("extract", decides, made_from)
            task = Extract(source.name, piece, options, recipe.limit, drops)
            items.append(Item(piece.name, fingerprint, piece.stop - piece.start, task))
    return Phase(f"{source.name}/extract", items, extract)


def extract(task: Extract, out: ShardOutput) -> None:
    source = SOURCES[task.source]
    counts: Counter[str] = Counter()
    results = run_steps(_admitted(task, source, out, counts), source.steps(task.recipe))
    first, part = next(results, None), 0
    while part == 0 or first is not None:
        # Most slices are one file; a big input that cannot be cut is read once and written out in parts.
        name = task.slice.name if part == 0 else f"{task.slice.name}-part{part:04d}"
        first, part = _write_part(task, source, out, name, first, results, counts), part + 1
    if identify(task.slice.input.url) != task.slice.input.identity:
        raise SourceError(
            f"{task.slice.input.name}: changed while it was read. Run again, with --redo, once it is complete."
        )


def _admitted(task: Extract, source: Source, out: ShardOutput, counts: Counter[str]) -> Iterator[Document]:
    """The documents of the slice within the limit; damage goes to the accounts."""
    for record in source.read(task.slice, task.recipe):
        if isinstance(record, Damage):
            out.damage(task.slice.input.name, record)
        elif task.limit < 1 and unit_interval(record.id, "limit") >= task.limit:
            counts["documents.outside_limit"] += 1
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
    """One file of documents, one of dropped ones, one of claims, with their accounts.

    Returns:
        The first result of the next part, or None when this is the last one. It is taken before the accounts are
        closed, so that the last part accounts for everything up to the end of the slice.
    """
    stem = join(WORK, "extract", source.name, name)
    claims: list[tuple[int, int, int, int, int]] = []
    size = 0
    with (
        out.table(f"{stem}.dropped.parquet", DROPPED) as dropped,
        out.table(f"{stem}.documents.parquet", DOCUMENTS) as kept,
    ):
        result = first
        while result is not None and size < task.recipe.part_mb * MIB:
            counts["documents.in"] += 1
            if isinstance(result, Dropped):
                counts[f"documents.dropped.{result.reason}"] += 1
                dropped.add(task.drops.row(result))
            else:
                claims.append(_claim(result, kept.rows, source))
                kept.add(document_row(result))
                n_bytes = len(result.text.encode())
                counts["documents.kept"] += 1
                counts["bytes.kept"] += n_bytes
                size += n_bytes
            result = next(results, None)
        kept.counts = dict(counts)
        counts.clear()
    with out.binary(f"{stem}.claims", rows=0) as file:
        file.write(np.sort(np.array(claims, CLAIM), order=["high", "low"], kind="stable").tobytes())
    return result


def _claim(document: Document, row: int, source: Source) -> tuple[int, int, int, int, int]:
    key = xxhash.xxh3_128_intdigest(document.id.encode())
    content = xxhash.xxh3_64_intdigest(document.text.encode())
    return key >> 64, key & 0xFFFF_FFFF_FFFF_FFFF, source.revision(document), content, row


# --- unique -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unique:
    """Task: the claims whose hash begins in [first, last), of all shards in the order of the plan.

    `claims` is a JSON file of (path, bytes) of each shard's claims: in every task the list would be too long.
    """

    name: str
    claims: str
    first: int
    last: int


def unique_phase(source: str, output: str, extracted: Mapping[str, Receipt]) -> Phase:
    """Find the documents whose id is taken. The hash space is cut so that memory does not grow with the source."""
    files = {
        path: file for receipt in extracted.values() for path, file in receipt.files.items() if path.endswith(".claims")
    }
    size = sum(file.bytes for file in files.values())
    parts = max(1, -(-size // CLAIMS_IN_MEMORY))
    claims = join(WORK, "unique", f"{source}-claims.json")
    write_json(join(output, claims), [(path, file.bytes) for path, file in files.items()])
    made_from = digest("unique", 1, [(path, file.sha256) for path, file in files.items()])
    edges = [(1 << 64) * part // parts for part in range(parts + 1)]
    items = []
    for part in range(parts):
        name = f"{part:05d}-of-{parts:05d}"
        items.append(
            Item(name, digest(made_from, name), size // parts, Unique(name, claims, edges[part], edges[part + 1]))
        )
    return Phase(f"{source}/unique", items, unique, unit="losers")


def unique(task: Unique, out: ShardOutput) -> None:
    claims = read_json(out.url(task.claims))
    shards = [_shard_of(path) for path, _ in claims]
    pieces = [_claims_between(out.url(path), size, task.first, task.last) for path, size in claims]
    losers = sorted((shards[shard], row) for shard, row in find_losers(pieces))
    with out.table(join(WORK, "unique", out.phase, f"{task.name}.parquet"), LOSERS) as table:
        for shard, row in losers:
            table.add({"shard": shard, "row": row})


def find_losers(pieces: Sequence[npt.NDArray[np.void]]) -> list[tuple[int, int]]:
    """Of all claims to one id the newest revision stays, then the smallest content hash, then the first in order.

    Args:
        pieces: the claims (dtype CLAIM) of each shard.

    Returns:
        (index of the piece, row) of every document that goes, sorted.
    """
    if not pieces:
        return []
    claims = np.concatenate(pieces)
    shard = np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])
    newest_first = ~claims["revision"]
    order = np.lexsort((claims["row"], shard, claims["content"], newest_first, claims["low"], claims["high"]))
    ids = claims[["high", "low"]][order]
    lost = order[1:][ids[1:] == ids[:-1]]
    return sorted(zip(shard[lost].tolist(), claims["row"][lost].tolist(), strict=True))


def _claims_between(url: str, size: int, first: int, last: int) -> npt.NDArray[np.void]:
    """The claims of a sorted file whose hash begins in [first, last); nothing else is read but what finds them."""
    with open_read(url) as file:

        def high(rank: int) -> int:
            file.seek(rank * CLAIM.itemsize)
            return int.from_bytes(file.read(8), "little")

        ranks = range(size // CLAIM.itemsize)
        start, stop = (bisect.bisect_left(ranks, bound, key=high) for bound in (first, last))
        file.seek(start * CLAIM.itemsize)
        return np.frombuffer(file.read((stop - start) * CLAIM.itemsize), CLAIM)


def _shard_of(path: str) -> str:
    """
    >>> _shard_of("work/extract/wikipedia/enwiki-20220620.claims")
    'enwiki-20220620'
    """
    return path.rpartition("/")[2].removesuffix(".claims")


# --- documents --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Settle:
    """Task: one extracted file, and where the rows of it that lost their id are listed."""

    source: str
    shard: str
    documents: tuple[str, File]
    dropped: tuple[str, File]
    losers: tuple[str, ...]
    drops: Drops


def documents_phase(
    source: str, recipe: Recipe, extracted: Mapping[str, Receipt], taken: Mapping[str, Receipt]
) -> Phase:
    """Give every document file its final name, without the losers."""
    lists = {path: file.sha256 for receipt in taken.values() for path, file in receipt.files.items()}
    drops = Drops(recipe.head_chars, recipe.dropped_heads)
    items = []
    for receipt in extracted.values():
        for path, file in receipt.files.items():
            if not path.endswith(".claims"):
                continue
            shard, stem = _shard_of(path), path.removesuffix(".claims")
            documents = (f"{stem}.documents.parquet", receipt.files[f"{stem}.documents.parquet"])
            dropped = (f"{stem}.dropped.parquet", receipt.files[f"{stem}.dropped.parquet"])
            made_from = (documents[1].sha256, dropped[1].sha256, list(lists.values()))
            fingerprint = digest("documents", 1, made_from, dataclasses.asdict(drops))
            items.append(
                Item(shard, fingerprint, file.bytes, Settle(source, shard, documents, dropped, tuple(lists), drops))
            )
    return Phase(f"{source}/documents", items, settle)


def settle(task: Settle, out: ShardOutput) -> None:
    final = {kind: join(kind, task.source, f"{task.shard}.parquet") for kind in ("documents", "dropped")}
    lost = {row for path in task.losers for row in _losers_of(out.url(path), task.shard)}
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
        for number, row in enumerate(read_rows(out.verified(task.documents[0], task.documents[1].sha256))):
            if number not in lost:
                kept.add(row)
                continue
            dropped.add(task.drops.row(Dropped(row["id"], Reason.DUPLICATE_ID, None, row["text"])))
            counts["documents.kept"] -= 1
            counts["bytes.kept"] -= len(row["text"].encode())
            counts[f"documents.dropped.{Reason.DUPLICATE_ID}"] += 1
        kept.counts = dict(counts)


def _losers_of(url: str, shard: str) -> list[int]:
    """The rows of one shard in a list of losers, which is sorted: only the row groups that can hold them are read."""
    rows: list[int] = read_table(url, ["row"], [("shard", "==", shard)])["row"].to_pylist()
    return rows


def settled_documents(receipts: Mapping[str, Receipt]) -> dict[str, File]:
    """The document files of a finished source: path → file, in the order of the plan."""
    return {
        path: file
        for receipt in receipts.values()
        for path, file in receipt.files.items()
        if path.startswith("documents/")
    }
