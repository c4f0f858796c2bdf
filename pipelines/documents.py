"""From raw inputs to `documents/<source>/*.parquet`: three phases that every source shares.

extract    each slice: read, run the steps, write what is kept and what is dropped aside, and a claim for each id
unique     the claims of all slices, by ranges of their hash: where an id occurs more than once, who loses
documents  each file of the first phase: a second name for it, or, where it holds losers, a copy without them
"""

from __future__ import annotations

import bisect
import contextlib
import dataclasses
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from ..formats.documents import DOCUMENTS, DROPPED, RowWriter, document_row, dropped_row, read_rows
from ..manifest import WORK, File, Receipt
from ..mixtures.circle import unit_interval
from ..mixtures.recipe import Recipe, SourceRecipe
from ..records import Damage, Document, Dropped, Reason
from ..storage import MIB, Input, digest, join, open_read
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
    # Most slices are one file; a big input that cannot be cut is read once and written out in parts.
    for part, first in enumerate(_and_first(results)):
        name = task.slice.name if part == 0 else f"{task.slice.name}-part{part:04d}"
        _write_part(task, source, out, name, first, results, counts)


def _and_first(results: Iterator[Document | Dropped]) -> Iterator[Document | Dropped | None]:
    """The first result of each part, until there are none; None for the first part of a slice without any."""
    yield next(results, None)
    while (first := next(results, None)) is not None:  # not `yield from`: closing this must not close the results
        yield first


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
) -> None:
    """One file of documents, one of dropped ones, one of claims, with the accounts of just these."""
    stem = join(WORK, "extract", source.name, name)
    claims: list[tuple[int, int, int, int, int]] = []
    size = 0
    with (
        out.table(f"{stem}.dropped.parquet", DROPPED) as dropped,
        out.table(f"{stem}.documents.parquet", DOCUMENTS) as kept,
    ):
        for result in itertools.chain([] if first is None else [first], results):
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
            if size >= task.recipe.part_mb * MIB:
                break
        kept.counts = dict(counts)
        counts.clear()
    with out.binary(f"{stem}.claims", rows=0) as file:
        file.write(np.sort(np.array(claims, CLAIM), order=["high", "low"], kind="stable").tobytes())


def _claim(document: Document, row: int, source: Source) -> tuple[int, int, int, int, int]:
    key = xxhash.xxh3_128_intdigest(document.id.encode())
    content = xxhash.xxh3_64_intdigest(document.text.encode())
    return key >> 64, key & 0xFFFF_FFFF_FFFF_FFFF, source.revision(document), content, row


# --- unique -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unique:
    """Task: the claims whose hash begins in [first, last), of all shards in the order of the plan."""

    name: str
    claims: tuple[tuple[str, int], ...]  # path and size of each shard's claims
    first: int
    last: int


def unique_phase(source: str, extracted: Mapping[str, Receipt]) -> Phase:
    """Find the documents whose id is taken. The hash space is cut so that memory does not grow with the source."""
    files = {
        path: file for receipt in extracted.values() for path, file in receipt.files.items() if path.endswith(".claims")
    }
    size = sum(file.bytes for file in files.values())
    parts = max(1, -(-size // CLAIMS_IN_MEMORY))
    claims = tuple((path, file.bytes) for path, file in files.items())
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
    shards = [_shard_of(path) for path, _ in task.claims]
    pieces = [_claims_between(out.url(path), size, task.first, task.last) for path, size in task.claims]
    losers = find_losers(pieces)
    with out.table(join(WORK, "unique", out.phase, f"{task.name}.parquet"), LOSERS) as table:
        for shard, row in losers:
            table.add({"shard": shards[shard], "row": row})


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
    """Task: one extracted file, and the rows of it that lost their id."""

    source: str
    shard: str
    documents: tuple[str, File]
    dropped: tuple[str, File]
    losers: tuple[int, ...]
    drops: Drops


def documents_phase(
    source: str, recipe: Recipe, output: str, extracted: Mapping[str, Receipt], unique: Mapping[str, Receipt]
) -> Phase:
    """Give every document file its final name, without the losers."""
    losers: dict[str, list[int]] = defaultdict(list)
    for receipt in unique.values():
        for path in receipt.files:
            for row in read_rows(join(output, path)):
                losers[row["shard"]].append(row["row"])
    drops = Drops(recipe.head_chars, recipe.dropped_heads)
    items = []
    for receipt in extracted.values():
        for path, file in receipt.files.items():
            if not path.endswith(".claims"):
                continue
            shard, stem = _shard_of(path), path.removesuffix(".claims")
            lost = tuple(sorted(losers[shard]))
            documents = (f"{stem}.documents.parquet", receipt.files[f"{stem}.documents.parquet"])
            dropped = (f"{stem}.dropped.parquet", receipt.files[f"{stem}.dropped.parquet"])
            fingerprint = digest(
                "documents", 1, documents[1].sha256, dropped[1].sha256, lost, dataclasses.asdict(drops)
            )
            items.append(Item(shard, fingerprint, file.bytes, Settle(source, shard, documents, dropped, lost, drops)))
    return Phase(f"{source}/documents", items, settle)


def settle(task: Settle, out: ShardOutput) -> None:
    final = {kind: join(kind, task.source, f"{task.shard}.parquet") for kind in ("documents", "dropped")}
    if not task.losers:
        out.copy(task.dropped[0], final["dropped"], task.dropped[1])
        out.copy(task.documents[0], final["documents"], task.documents[1])
        return
    counts = Counter(task.documents[1].counts)
    lost = set(task.losers)
    with contextlib.ExitStack() as stack:
        dropped = stack.enter_context(out.table(final["dropped"], DROPPED))
        kept = stack.enter_context(out.table(final["documents"], DOCUMENTS))
        _copy_rows(out.url(task.dropped[0]), dropped)
        for number, row in enumerate(read_rows(out.url(task.documents[0]))):
            if number not in lost:
                kept.add(row)
                continue
            dropped.add(task.drops.row(Dropped(row["id"], Reason.DUPLICATE_ID, None, row["text"])))
            counts["documents.kept"] -= 1
            counts["bytes.kept"] -= len(row["text"].encode())
            counts[f"documents.dropped.{Reason.DUPLICATE_ID}"] += 1
        kept.counts = dict(counts)


def _copy_rows(url: str, writer: RowWriter) -> None:
    for row in read_rows(url):
        writer.add(row)


def settled_documents(receipts: Mapping[str, Receipt]) -> dict[str, File]:
    """The document files of a finished source: path → file, in the order of the plan."""
    return {
        path: file
        for receipt in receipts.values()
        for path, file in receipt.files.items()
        if path.startswith("documents/")
    }
