"""Which books stand in other books, found over files: what each of them holds, who may hold whom, and who does.

contents    each shard that `extract` left: the hashes of each book's content, samples of them, signatures
candidates  each shard: its books asked for the samples of all books; or one item: the ensemble of all signatures
shares      each shard: the exact share of each of its books in the others that may hold it
decide      one item: which books go, and which one holds them

Of copies of one book (the same id) the one that stays is looked at, and speaks for all. Hashes are mapped, those of two
books at a time; memory holds the samples of all books (3 KB each).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from ..filters.overlap import (
    Book,
    SampleIndex,
    content_hashes,
    decide,
    ensemble_pairs,
    records,
    sample,
    signature,
    verify,
)
from ..filters.overlap_ensemble import PERMUTATIONS
from ..filters.overlap_samples import RECORD
from ..formats.documents import document_of, read_rows, read_table
from ..manifest import WORK, File, Receipt, files_of
from ..mixtures.sources import BooksRecipe, OverlapRecipe
from ..records import Document
from ..storage import digest, join, map_array
from .books import COVERED, collection_rank, revision
from .inputs import Model
from .phase import Item, Phase, ShardOutput
from .results import Results, results_of
from .unique import verified_once

HASH, SIGNATURE = np.dtype("<u8"), np.dtype("<u4")
HASHES, SAMPLES, SIGNATURES, BOOKS = ".hashes", ".samples", ".signatures", ".books.parquet"
OF_BOOKS = pa.schema({
    "id": pa.string(), "rank": pa.int64(), "revision": pa.int64(), "content": pa.uint64(), "start": pa.int64(),
    "length": pa.int64(),
})  # fmt: skip
PAIRS = pa.schema({"a": pa.int64(), "b": pa.int64()})
SHARES = pa.schema({"a": pa.string(), "b": pa.string(), "share": pa.float64()})
DECISIONS = pa.schema({"id": pa.string(), "covered_by": pa.string(), "share": pa.float64(), "cluster": pa.string()})
DECIDED = "models/books/clusters.parquet"
Run = Callable[[Phase], Mapping[str, Receipt]]


def learn_overlaps(run: Run, output: str, extracted: Mapping[str, Receipt], recipe: BooksRecipe) -> dict[str, Model]:
    """Find which books stand in others: name → model."""
    settings = recipe.overlap
    assert isinstance(settings, OverlapRecipe), "a step waits for it"
    contents = run(contents_phase(extracted, recipe, settings))
    parts = parts_of(contents)
    found = [run(candidates_phase(parts, settings))] if settings.candidates != "ensemble" else []
    found += [run(ensemble_phase(parts, settings))] if settings.candidates != "sampled" else []
    pairs = {path: file for receipts in found for path, file in files_of(receipts.values()).items()}
    decided = run(decide_phase(parts, run(shares_phase(parts, pairs)), settings))
    return {COVERED: Model.made(output, DECIDED, files_of(decided.values())[DECIDED].sha256)}


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
        fingerprint = digest("contents", 1, one.documents[1].sha256, recipe.collections, signs)
        items.append(Item(one.shard, fingerprint, one.documents[1].bytes, Contents(one, recipe.collections, signs)))
    return Phase("books/contents", items, hash_contents, unit="books")


def hash_contents(task: Contents, out: ShardOutput) -> None:
    path, file = task.results.documents
    stem = join(WORK, "contents", "books", task.results.shard)
    samples: list[tuple[int, npt.NDArray[np.uint64]]] = []
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


# --- all books --------------------------------------------------------------------------------------------------------


class Part(NamedTuple):
    """The files of one shard, and the number of its first book among all."""

    shard: str
    first: int
    n_books: int
    files: tuple[tuple[str, File], ...]

    def file(self, ending: str) -> tuple[str, File]:
        return next((path, file) for path, file in self.files if path.endswith(ending))

    def url(self, out: ShardOutput, ending: str) -> str:
        path, file = self.file(ending)
        return verified_once(out, path, file.sha256)


def parts_of(contents: Mapping[str, Receipt]) -> tuple[Part, ...]:
    """The shards in the order of the plan."""
    parts, first = [], 0
    for shard, receipt in contents.items():
        files = tuple(receipt.files.items())
        n_books = next(file.rows for path, file in files if path.endswith(BOOKS))
        parts.append(Part(shard, first, n_books, files))
        first += n_books
    return tuple(parts)


class Library:
    """All books: what is known of each, and its content."""

    def __init__(self, out: ShardOutput, parts: Sequence[Part]):
        self._out, self._parts = out, parts
        self.rows = [row for part in parts for row in read_table(part.url(out, BOOKS)).to_pylist()]
        self._firsts = np.array([part.first for part in parts])
        best: dict[str, tuple[tuple[int, int, int], int]] = {}
        for number, row in enumerate(self.rows):
            order = (-row["revision"], row["content"], number)
            best[row["id"]] = min(best.get(row["id"], (order, number)), (order, number))
        self.chosen = {number for _, number in best.values()}  # of each id the copy that stays, as `unique` has it
        self._open = functools.lru_cache(maxsize=64)(self._open_part)

    def _open_part(self, place: int) -> Any:
        return map_array(self._parts[place].url(self._out, HASHES), HASH)

    def hashes(self, number: int) -> npt.NDArray[np.uint64]:
        """The content of the book of this number."""
        row = self.rows[number]
        held = self._open(int(np.searchsorted(self._firsts, number, "right")) - 1)
        return np.asarray(held[row["start"] : row["start"] + row["length"]])


@dataclass(frozen=True, slots=True)
class OfPart:
    """Task: the books of one shard against all others."""

    parts: tuple[Part, ...]
    place: int
    threshold: float
    pairs: tuple[tuple[str, File], ...] = ()


# --- candidates -------------------------------------------------------------------------------------------------------


def candidates_phase(parts: tuple[Part, ...], settings: OverlapRecipe) -> Phase:
    """Each book, by its whole content, is asked which books' samples it holds."""
    made = digest("candidates", 1, _digests(parts, HASHES, SAMPLES, BOOKS), settings.threshold)
    items = [
        Item(part.shard, digest(made, part.shard), part.file(HASHES)[1].bytes, OfPart(parts, place, settings.threshold))
        for place, part in enumerate(parts)
    ]
    return Phase("books/candidates", items, ask_samples, unit="pairs")


def ask_samples(task: OfPart, out: ShardOutput) -> None:
    library, part = Library(out, task.parts), task.parts[task.place]
    index = _open_index(out, task, frozenset(library.chosen))
    with out.table(join(WORK, "candidates", "books", f"{part.shard}.parquet"), PAIRS) as table:
        for b in range(part.first, part.first + part.n_books):
            if b in library.chosen:
                for a in index.candidates(library.hashes(b))[0].tolist():
                    if a != b:
                        table.add({"a": a, "b": b})


_INDEXES: dict[tuple[str, tuple[str, ...], float], SampleIndex] = {}


def _open_index(out: ShardOutput, task: OfPart, chosen: frozenset[int]) -> SampleIndex:
    """The samples of all books, read once per process."""
    key = (out.output, tuple(_digests(task.parts, SAMPLES)), task.threshold)
    if key not in _INDEXES:
        pieces = []
        for part in task.parts:
            held = np.array(map_array(part.url(out, SAMPLES), RECORD)[:])
            held["book"] += np.uint32(part.first)
            pieces.append(held[np.isin(held["book"], list(chosen))])
        _INDEXES.clear()
        _INDEXES[key] = SampleIndex(np.concatenate([np.zeros(0, RECORD), *pieces]), task.threshold)
    return _INDEXES[key]


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Task: the signatures of all books."""

    parts: tuple[Part, ...]
    threshold: float


def ensemble_phase(parts: tuple[Part, ...], settings: OverlapRecipe) -> Phase:
    """LSH Ensemble over all signatures: a second way to pairs."""
    made = digest("ensemble", 1, _digests(parts, SIGNATURES, BOOKS), settings.threshold)
    item = Item("ensemble", made, sum(part.n_books for part in parts), Ensemble(parts, settings.threshold))
    return Phase("books/ensemble", [item], ask_ensemble, unit="pairs")


def ask_ensemble(task: Ensemble, out: ShardOutput) -> None:
    library = Library(out, task.parts)
    signed = [
        one
        for part in task.parts
        for one in np.asarray(map_array(part.url(out, SIGNATURES), SIGNATURE)[:]).reshape(part.n_books, PERMUTATIONS)
    ]
    numbers = sorted(library.chosen)
    sizes = [library.rows[number]["length"] for number in numbers]
    signatures = [signed[number] for number in numbers]
    with out.table(join(WORK, "candidates", "books", "ensemble.pairs.parquet"), PAIRS) as table:
        for a, b in ensemble_pairs(numbers, signatures, sizes, task.threshold):
            table.add({"a": a, "b": b})


# --- shares -----------------------------------------------------------------------------------------------------------


def shares_phase(parts: tuple[Part, ...], pairs: Mapping[str, File]) -> Phase:
    """The exact share of each pair, by the shard of its first book."""
    made = digest("shares", 1, _digests(parts, HASHES, BOOKS), [file.sha256 for file in pairs.values()])
    found = tuple(pairs.items())
    items = [
        Item(part.shard, digest(made, part.shard), part.file(HASHES)[1].bytes, OfPart(parts, place, 0.0, found))
        for place, part in enumerate(parts)
    ]
    return Phase("books/shares", items, count_shares, unit="pairs")


def count_shares(task: OfPart, out: ShardOutput) -> None:
    library, part = Library(out, task.parts), task.parts[task.place]
    own = {
        (row["a"], row["b"])
        for path, file in task.pairs
        for row in read_rows(verified_once(out, path, file.sha256))
        if part.first <= row["a"] < part.first + part.n_books
    }
    with out.table(join(WORK, "shares", "books", f"{part.shard}.parquet"), SHARES) as table:
        for (a, b), share in verify(own, library.hashes).items():
            table.add({"a": library.rows[a]["id"], "b": library.rows[b]["id"], "share": share})


# --- decide -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Decide:
    """Task: the shares of all pairs."""

    parts: tuple[Part, ...]
    shares: tuple[tuple[str, File], ...]
    threshold: float


def decide_phase(parts: tuple[Part, ...], shares: Mapping[str, Receipt], settings: OverlapRecipe) -> Phase:
    """Which books go."""
    found = tuple(files_of(shares.values()).items())
    made = digest("decide", 1, _digests(parts, BOOKS), [file.sha256 for _, file in found], settings.threshold)
    task = Decide(parts, found, settings.threshold)
    return Phase("books/decide", [Item("decide", made, len(found), task)], decide_all, unit="books")


def decide_all(task: Decide, out: ShardOutput) -> None:
    library = Library(out, task.parts)
    books = [
        Book(row["id"], row["rank"], row["length"])
        for number, row in enumerate(library.rows)
        if number in library.chosen
    ]
    shares = {
        (row["a"], row["b"]): row["share"]
        for path, file in task.shares
        for row in read_rows(verified_once(out, path, file.sha256))
    }
    with out.table(DECIDED, DECISIONS) as table:
        for one in decide(books, shares, task.threshold):
            if one.cluster is not None:
                table.add({name: getattr(one, name) for name in DECISIONS.names})


def _digests(parts: Sequence[Part], *endings: str) -> list[str]:
    return [part.file(ending)[1].sha256 for part in parts for ending in endings]
