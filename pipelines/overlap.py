"""Which books stand in other books, found over files: what each of them holds, who may hold whom, and who does.

contents  each shard that `extract` left: the hashes of each book's content, samples of them, signatures
library   one item: what is known of all books, and the samples and signatures of those that count, in three files
sampled   ranges of books: each asked, by its whole content, for the samples of all; who stands in it to what share
ensemble  pieces of LSH Ensemble over all signatures: a second way to pairs, counted the same way
decide    one item: which books go, and which one holds them

Of copies of one book (the same id) the one that stays is looked at, and speaks for all. Hashes are mapped, those of two
books at a time. A process holds the samples of all books, 8 KB each, and twice that while it sorts them.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from ..filters.overlap import (
    Book,
    EnsembleIndex,
    SampleIndex,
    containment_of,
    content_hashes,
    decide,
    records,
    sample,
    signature,
)
from ..filters.overlap_ensemble import BOOKS_AT_ONCE, PERMUTATIONS
from ..filters.overlap_samples import RECORD
from ..formats.documents import document_of, read_rows, read_table
from ..manifest import WORK, File, Receipt, files_of
from ..mixtures.sources import BooksRecipe, OverlapRecipe
from ..records import Document
from ..storage import MIB, digest, join, map_array, read_json
from .books import COVERED, collection_rank, revision
from .inputs import Model
from .phase import Item, Phase, ShardOutput
from .results import Results, results_of
from .unique import verified_once

HASH, SIGNATURE = np.dtype("<u8"), np.dtype("<u4")
HASHES, SAMPLES, SIGNATURES, BOOKS = ".hashes", ".samples", ".signatures", ".books.parquet"
RANGE_BYTES = 64 * MIB  # of hashes of the books of one work item
OF_BOOKS = pa.schema({
    "id": pa.string(), "rank": pa.int64(), "revision": pa.int64(), "content": pa.uint64(), "start": pa.int64(),
    "length": pa.int64(),
})  # fmt: skip
OF_LIBRARY = pa.schema({
    "id": pa.string(), "rank": pa.int64(), "part": pa.int64(), "start": pa.int64(), "length": pa.int64(),
    "counts": pa.bool_(),
})  # fmt: skip
SHARES = pa.schema({"a": pa.int64(), "b": pa.int64(), "share": pa.float64()})
DECISIONS = pa.schema({"id": pa.string(), "covered_by": pa.string(), "share": pa.float64(), "cluster": pa.string()})
DECIDED, FACTS = "models/books/clusters.parquet", "models/books/clusters.json"
LIBRARY = join(WORK, "library", "books")
ROWS, PARTS, ALL_SAMPLES, ALL_SIGNATURES = (
    join(LIBRARY, name) for name in ("books.parquet", "parts.json", "all.samples", "all.signatures")
)
Hashes = npt.NDArray[np.uint64]
Run = Callable[[Phase], Mapping[str, Receipt]]


def learn_overlaps(run: Run, output: str, extracted: Mapping[str, Receipt], recipe: BooksRecipe) -> dict[str, Model]:
    """Find which books stand in others: name → model."""
    settings = recipe.overlap
    assert isinstance(settings, OverlapRecipe), "a step waits for it"
    contents = run(contents_phase(extracted, recipe, settings))
    library = files_of(run(library_phase(contents)).values())
    ranges = ranges_of(contents)
    found = [run(sampled_phase(library, ranges, settings))] if settings.candidates != "ensemble" else []
    found += [run(ensemble_phase(library, settings))] if settings.candidates != "sampled" else []
    shares = {path: file for receipts in found for path, file in files_of(receipts.values()).items()}
    decided = files_of(run(decide_phase(library, shares, settings)).values())
    return {COVERED: Model.made(output, DECIDED, decided[DECIDED].sha256)}


# --- contents ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Contents:
    """Task: the books of one shard."""

    results: Results
    collections: tuple[str, ...]
    signs: bool  # whether signatures are wanted


def contents_phase(extracted: Mapping[str, Receipt], recipe: BooksRecipe, settings: OverlapRecipe) -> Phase:
    """The content of each book, as sorted hashes."""
    signs = settings.candidates != "sampled"
    items = []
    for one in results_of(extracted):
        fingerprint = digest("contents", 2, one.documents[1].identity, recipe.collections, signs)
        items.append(Item(one.shard, fingerprint, one.documents[1].bytes, Contents(one, recipe.collections, signs)))
    return Phase("books/contents", items, hash_contents, unit="books")


def hash_contents(task: Contents, out: ShardOutput) -> None:
    path, file = task.results.documents
    stem = join(WORK, "contents", "books", task.results.shard)
    samples: list[tuple[int, Hashes]] = []
    signatures: list[npt.NDArray[np.uint32]] = []
    start = 0
    with out.binary(f"{stem}{HASHES}") as hashes_file, out.table(f"{stem}{BOOKS}", OF_BOOKS) as books:
        for number, book in enumerate(map(document_of, read_rows(out.verified(path, file.sha256)))):
            hashes = content_hashes(book.text)
            hashes_file.write(hashes.astype(HASH, copy=False).tobytes())
            samples.append((number, sample(hashes)))
            signatures += [signature(hashes)] if task.signs else []
            books.add(_row(book, task.collections, start, len(hashes)))
            start += len(hashes)
    with out.binary(f"{stem}{SAMPLES}") as samples_file:
        samples_file.write(records(samples).tobytes())
    if task.signs:
        with out.binary(f"{stem}{SIGNATURES}") as signatures_file:
            for one in signatures:
                signatures_file.write(one.astype(SIGNATURE, copy=False).tobytes())


def _row(book: Document, collections: Sequence[str], start: int, length: int) -> dict[str, Any]:
    return {
        "id": book.id,
        "rank": collection_rank(book.meta["collection"], collections),
        "revision": revision(book),
        "content": xxhash.xxh3_64_intdigest(book.text.encode()),
        "start": start,
        "length": length,
    }


def ranges_of(contents: Mapping[str, Receipt]) -> list[tuple[int, int]]:
    """Books [first, last) by their numbers among all: those of neighbouring shards, some `RANGE_BYTES` together."""
    ranges, first, last, size = [], 0, 0, 0
    for receipt in contents.values():
        for path, file in receipt.files.items():
            last += file.rows if path.endswith(BOOKS) else 0
            size += file.bytes if path.endswith(HASHES) else 0
        if size >= RANGE_BYTES:
            ranges.append((first, last))
            first, size = last, 0
    return [*ranges, (first, last)] if last > first else ranges


# --- library ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gather:
    """Task: the files of all shards, in the order of the plan."""

    parts: tuple[Mapping[str, File], ...]


def library_phase(contents: Mapping[str, Receipt]) -> Phase:
    """What is known of all books, in one place."""
    parts = tuple(receipt.files for receipt in contents.values())
    digests = [[(path, file.sha256) for path, file in part.items()] for part in parts]
    cost = sum(file.bytes for part in parts for path, file in part.items() if not path.endswith(HASHES))
    item = Item("library", digest("library", 1, digests), cost, Gather(parts))
    return Phase("books/library", [item], gather_library, unit="books")


def gather_library(task: Gather, out: ShardOutput) -> None:
    def url(part: Mapping[str, File], ending: str) -> str:
        return next(out.verified(path, file.sha256) for path, file in part.items() if path.endswith(ending))

    rows = [
        {**row, "part": place}
        for place, part in enumerate(task.parts)
        for row in read_table(url(part, BOOKS)).to_pylist()
    ]
    best: dict[str, tuple[tuple[int, int, int], int]] = {}
    for number, row in enumerate(rows):
        order = (-row["revision"], row["content"], number)
        best[row["id"]] = min(best.get(row["id"], (order, number)), (order, number))
    counts = np.zeros(len(rows), bool)
    counts[[number for _, number in best.values()]] = True  # of each id the copy that stays, as `unique` has it
    with out.table(ROWS, OF_LIBRARY) as table:
        for row, flag in zip(rows, counts.tolist(), strict=True):
            table.add({**{name: row[name] for name in OF_LIBRARY.names if name != "counts"}, "counts": flag})
    hashes = [next((path, file.sha256) for path, file in part.items() if path.endswith(HASHES)) for part in task.parts]
    with out.binary(PARTS) as file:
        file.write(json.dumps(hashes).encode())
    signed = bool(task.parts) and any(path.endswith(SIGNATURES) for path in task.parts[0])
    first = 0
    with out.binary(ALL_SAMPLES) as samples_file, out.binary(ALL_SIGNATURES) as signatures_file:
        for place, part in enumerate(task.parts):
            n_books = next(file.rows for path, file in part.items() if path.endswith(BOOKS))
            own = counts[first : first + n_books]
            held = np.array(map_array(url(part, SAMPLES), RECORD)[:])
            held = held[own[held["book"]]]
            held["book"] += np.uint32(first)
            samples_file.write(held.tobytes())
            if signed:
                values = np.asarray(map_array(url(task.parts[place], SIGNATURES), SIGNATURE)[:])
                signatures_file.write(values.reshape(n_books, PERMUTATIONS)[own].tobytes())
            first += n_books


class Library:
    """All books by their numbers: what is known of each, and its content."""

    def __init__(self, out: ShardOutput, files: Mapping[str, File]):
        self._out, self._files = out, files
        table = read_table(self._url(ROWS))
        self.ids = table["id"]
        self.part, self.start, self.length, self.rank = (
            table[name].to_numpy() for name in ("part", "start", "length", "rank")
        )
        self.counting = np.flatnonzero(table["counts"].to_numpy())
        self._parts: list[tuple[str, str]] = read_json(self._url(PARTS))
        self._open = functools.lru_cache(maxsize=256)(self._open_part)

    def _url(self, path: str) -> str:
        return verified_once(self._out, path, self._files[path].sha256)

    def _open_part(self, place: int) -> Any:
        path, sha256 = self._parts[place]
        return map_array(verified_once(self._out, path, sha256), HASH)

    def hashes(self, number: int) -> Hashes:
        """The content of a book."""
        start = int(self.start[number])
        return np.asarray(self._open(int(self.part[number]))[start : start + int(self.length[number])])

    def samples(self) -> npt.NDArray[np.void]:
        """The samples of all books that count."""
        return np.asarray(map_array(self._url(ALL_SAMPLES), RECORD)[:])

    def signatures(self) -> npt.NDArray[np.uint32]:
        """The signatures of all books that count, a row each."""
        return np.asarray(map_array(self._url(ALL_SIGNATURES), SIGNATURE)[:]).reshape(-1, PERMUTATIONS)


_LIBRARIES: dict[tuple[object, ...], tuple[Library, SampleIndex | None]] = {}


def _open_library(
    out: ShardOutput, files: Mapping[str, File], threshold: float = 0.0
) -> tuple[Library, SampleIndex | None]:
    """The library, and with a threshold the index of its samples, opened once per process."""
    key = (out.output, threshold, *(file.sha256 for file in files.values()))
    if key not in _LIBRARIES:
        _LIBRARIES.clear()
        library = Library(out, files)
        _LIBRARIES[key] = library, SampleIndex(library.samples(), threshold) if threshold else None
    return _LIBRARIES[key]


def _write_shares(pairs: Iterable[tuple[int, int]], library: Library, name: str, out: ShardOutput) -> None:
    """The exact share of the first book of each pair in the second one."""
    with out.table(join(WORK, "shares", "books", f"{name}.parquet"), SHARES) as table:
        for a, b in pairs:
            table.add({"a": a, "b": b, "share": containment_of(library.hashes(a), library.hashes(b))})


# --- sampled, ensemble ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """Task: a range of books against all others."""

    name: str
    files: Mapping[str, File]  # of the library
    first: int
    last: int
    threshold: float


def sampled_phase(library: Mapping[str, File], ranges: Sequence[tuple[int, int]], settings: OverlapRecipe) -> Phase:
    """Each book, by its whole content, is asked which books' samples it holds."""
    made = digest("sampled", 1, _digests(library), settings.threshold)
    items = []
    for first, last in ranges:
        name = f"sampled-{first:09d}"
        task = Ask(name, library, first, last, settings.threshold)
        items.append(Item(name, digest(made, first, last), last - first, task))
    return Phase("books/sampled", items, ask_samples, unit="pairs")


def ask_samples(task: Ask, out: ShardOutput) -> None:
    library, index = _open_library(out, task.files, task.threshold)
    assert index, "opened with a threshold"

    def pairs() -> Iterator[tuple[int, int]]:
        counting = library.counting
        for b in counting[(counting >= task.first) & (counting < task.last)].tolist():
            yield from ((a, b) for a in index.candidates(library.hashes(b))[0].tolist() if a != b)

    _write_shares(pairs(), library, task.name, out)


def ensemble_phase(library: Mapping[str, File], settings: OverlapRecipe) -> Phase:
    """LSH Ensemble over all signatures, some thousand books of the index at a time."""
    n_books = library[ALL_SIGNATURES].bytes // (PERMUTATIONS * SIGNATURE.itemsize)
    made = digest("ensemble", 2, _digests(library), settings.threshold)
    items = []
    for first in range(0, n_books, BOOKS_AT_ONCE):
        name = f"ensemble-{first:09d}"
        task = Ask(name, library, first, min(first + BOOKS_AT_ONCE, n_books), settings.threshold)
        items.append(Item(name, digest(made, first), n_books, task))
    return Phase("books/ensemble", items, ask_ensemble, unit="pairs")


def ask_ensemble(task: Ask, out: ShardOutput) -> None:
    library, _ = _open_library(out, task.files)
    signed, numbers = library.signatures(), library.counting.tolist()
    sizes = library.length[library.counting].tolist()
    some = slice(task.first, task.last)
    index = EnsembleIndex(numbers[some], list(signed[some]), sizes[some], task.threshold)
    pairs = (
        (a, b)
        for a, values, size in zip(numbers, signed, sizes, strict=True)
        for b in index.covering(values, size)
        if a != b
    )
    _write_shares(pairs, library, task.name, out)


# --- decide -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Decide:
    """Task: the shares of all pairs."""

    files: Mapping[str, File]  # of the library
    shares: tuple[tuple[str, File], ...]
    threshold: float


def decide_phase(library: Mapping[str, File], shares: Mapping[str, File], settings: OverlapRecipe) -> Phase:
    """Which books go."""
    found = tuple(shares.items())
    made = digest("decide", 2, _digests(library), [file.sha256 for _, file in found], settings.threshold)
    task = Decide(library, found, settings.threshold)
    return Phase("books/decide", [Item("decide", made, len(found), task)], decide_all, unit="books")


def decide_all(task: Decide, out: ShardOutput) -> None:
    library, _ = _open_library(out, task.files)
    ids = library.ids.to_pylist()
    books = [Book(ids[number], int(library.rank[number]), int(library.length[number])) for number in library.counting]
    shares = {
        (ids[row["a"]], ids[row["b"]]): row["share"]
        for path, file in task.shares
        for row in read_rows(out.verified(path, file.sha256))
        if row["share"] > task.threshold
    }
    clusters: Counter[str] = Counter()
    n_gone = 0
    with out.table(DECIDED, DECISIONS) as table:
        for one in decide(books, shares, task.threshold):
            if one.cluster is not None:
                table.add({name: getattr(one, name) for name in DECISIONS.names})
                clusters[one.cluster] += 1
                n_gone += not one.kept
    largest = clusters.most_common(1)
    facts = {
        "books": len(books),
        "clusters": len(clusters),
        "in_clusters": clusters.total(),
        "gone": n_gone,
        "largest": {"cluster": largest[0][0], "books": largest[0][1]} if largest else None,
    }
    with out.binary(FACTS) as file:
        file.write(json.dumps(facts, indent=1).encode())


def _digests(files: Mapping[str, File]) -> list[tuple[str, str]]:
    return sorted((path, file.sha256) for path, file in files.items())
