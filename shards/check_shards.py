"""What is in finished shards, format by format: counts, borders, ids, and a sample of documents against their text."""

from __future__ import annotations

import heapq
import struct
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..errors import CorpusmillError, ShardError
from ..formats.documents import read_table, rows_at
from ..manifest import add_digests, hex_digest
from ..mixtures.circle import unit_interval
from ..mixtures.recipe import Recipe
from ..storage import join, map_array, read_bytes, read_json
from ..tokenizer.encode import Tokenizer
from .formats import FORMATS, PIECE
from .sequences import Layout, lay_out, unpack_rows
from .spec import PLAN, Content, ShardSpec, Written, digest_of_documents
from .tokens import Ids

ROUND_TRIPS = 0.02  # share of the documents of a shard that are encoded again and compared
MOST_ROUND_TRIPS = 200  # documents of a shard, however large it is
# What reading a file may raise that is not what its name says.
UNREADABLE = (CorpusmillError, OSError, EOFError, ValueError, KeyError, IndexError, TypeError, zlib.error, struct.error)
Held = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Difference:
    """A path in the output folder, and what is wrong: expected, got, the next move."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Record:
    """What the manifest says of one file."""

    path: str
    item: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Sampled:
    """A document whose text was encoded again: its ids from token `first` of the shard on."""

    first: int
    ids: Ids
    text: str
    of: str


@dataclass(frozen=True)
class ShardCheck:
    """One shard, and what its index says of it."""

    spec: ShardSpec
    start: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    layout: Layout | None
    sources: Sequence[str]  # of each document
    sampled: Sequence[Sampled]

    @property
    def n_tokens(self) -> int:
        return int(self.length.sum())

    @property
    def path(self) -> str:
        return f"shards/index/{self.spec.name}.parquet"


def check_shards(
    output: str, records: Mapping[str, Record], facts: Mapping[str, Any], recipe: Recipe, tokenizer: Tokenizer
) -> Iterator[Difference]:
    """Every format of every shard against the shard's index, and all together against the manifest."""
    plan = read_json(join(output, PLAN))
    counted = facts["mixture"]["sequences"]
    found = Totals()
    of_shard = _files_by_item(records)
    for split, total in sorted(facts["mixture"]["n_shards"].items()):
        each = counted.get(split, {}).get("each")
        for number in range(total):
            one = ShardSpec(
                split, number, total, **plan["spec"], sources=tuple(sorted(plan["token_files"])),
                sequence=recipe.shards.sequence, n_sequences=each,
            )  # fmt: skip
            table = read_table(join(output, f"shards/index/{one.name}.parquet"))
            shard = _open(output, one, table, tokenizer)
            found.add(shard)
            for difference in _check_shard(output, shard, of_shard[one.name], records, tokenizer, found):
                found.no_digest.add(split)  # it would only say the same once more
                yield difference
    spec = plan["spec"]
    tokens = {split: tuple(counts) for split, counts in found.tokens.items()}
    told = Written(tokens, spec["vocab_size"], spec["bos_id"], spec["eos_id"], recipe.shards.sequence)
    yield from _check_joined(output, of_shard, told)
    for row in facts["mixture"]["table"]:
        if found.of_source[row["source"]] != row["written"]:
            text = f"{row['source']}: expected {row['written']:,} training tokens by the plan"
            yield Difference("shards/index", f"{text}, got {found.of_source[row['source']]:,}.")
    for split, total_digest in found.digests.items():
        if split not in found.no_digest and hex_digest(total_digest) != (expected := facts["corpus"][split]):
            text = f"{split}: expected documents with the digest {expected}, got {hex_digest(total_digest)}."
            yield Difference("shards/index", text)
    for split, said in counted.items():
        for name, n in found.sequences[split].items():
            if said[name] != n:
                text = f"{split}: expected {n:,} for {name} by the shards, got {said[name]:,}."
                yield Difference("manifest.json", text)


@dataclass
class Totals:
    """What all shards together have."""

    of_source: Counter[str] = field(default_factory=Counter)  # training tokens
    tokens: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))  # by split, of each shard
    sequences: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # by split
    digests: dict[str, int] = field(default_factory=dict)  # by split
    no_digest: set[str] = field(default_factory=set)  # splits whose formats do not hold every token

    def add(self, shard: ShardCheck) -> None:
        """Count the next shard of its split."""
        split, layout = shard.spec.split, shard.layout
        self.tokens[split].append(shard.n_tokens)
        if split == "train":
            for source, length in zip(shard.sources, shard.length.tolist(), strict=True):
                self.of_source[source] += length
        if layout:
            left_out = shard.n_tokens - layout.n_held
            self.sequences[split].update(sequences=layout.n, padding=layout.n_padding, left_out=left_out)

    def add_ids(self, shard: ShardCheck, tokens: Ids, held: Held) -> None:
        """Add the digest of the documents of a shard, where a format holds all of it."""
        split, ids = shard.spec.split, np.asarray(tokens).astype(shard.spec.dtype)
        if not held.all():
            self.no_digest.add(split)
            return
        more = digest_of_documents(ids, shard.start, shard.length, shard.sources)
        self.digests[split] = add_digests(self.digests.get(split, 0), more)


def _files_by_item(records: Mapping[str, Record]) -> dict[str, dict[str, list[str]]]:
    """Work item → format → its files."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path, record in records.items():
        if path.startswith("shards/") and path.count("/") > 1:
            found[record.item][path.split("/")[1]].append(path)
    return found


def _open(output: str, spec: ShardSpec, table: pa.Table, tokenizer: Tokenizer) -> ShardCheck:
    start, length = (table[name].to_numpy().astype(np.int64) for name in ("start", "length"))
    layout = lay_out(length, spec.sequence) if spec.sequence else None
    if layout and spec.n_sequences is not None:
        layout = layout.first(spec.n_sequences)
    return ShardCheck(
        spec, start, length, layout, table["source"].to_pylist(), list(_sample(output, spec, table, tokenizer))
    )


def _sample(output: str, spec: ShardSpec, table: pa.Table, tokenizer: Tokenizer) -> Iterator[Sampled]:
    """A hash-chosen sample of the documents, their text encoded again.

    In a large corpus each is in a file of its own, so that a share of all would read the corpus many times over.
    """
    places = ((unit_interval(f"{spec.name}/{number}", "check"), number) for number in range(table.num_rows))
    chosen = heapq.nsmallest(MOST_ROUND_TRIPS, (one for one in places if one[0] < ROUND_TRIPS))
    numbers = pa.array(sorted(number for _, number in chosen), pa.int64())
    wanted: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in table.take(numbers).to_pylist():
        first = row["start"] + (spec.bos_id is not None)
        wanted[f"documents/{row['source']}/{row['shard']}.parquet"][row["row"]].append(first)
    for file, firsts in wanted.items():
        for number, row in rows_at(join(output, file), firsts.keys(), ["id", "text"]):
            for first in firsts[number]:
                yield Sampled(first, tokenizer.encode(row["text"]), row["text"], f"{row['id']} in {file}")


def fill(start: Any, length: Any, n_tokens: int) -> bool:
    """Whether documents stand one behind the other and end where the tokens end."""
    ends = np.cumsum(length, dtype=np.uint64)
    return np.array_equal(ends - length, start) and (int(ends[-1]) if len(ends) else 0) == n_tokens


def _check_shard(
    output: str,
    shard: ShardCheck,
    formats: Mapping[str, Sequence[str]],
    records: Mapping[str, Record],
    tokenizer: Tokenizer,
    totals: Totals,
) -> Iterator[Difference]:
    if not fill(shard.start.astype(np.uint64), shard.length.astype(np.uint64), shard.n_tokens):
        yield Difference(shard.path, "its documents do not stand one behind the other.")
        return
    first: tuple[str, Ids, Held] | None = None
    for form in (name for name in FORMATS if name in formats):
        try:
            content, path = _read(output, shard, form, formats[form], records)
            tokens, held = _stream(shard, form, content, path)
        except UNREADABLE as error:
            yield _unreadable(form, shard, formats[form], error)
            continue
        yield from _check_stream(shard, path, tokens, held, tokenizer)
        if first is None:
            first = path, tokens, held
            totals.add_ids(shard, tokens, held)
        elif len(wrong := np.flatnonzero((first[1] != tokens) & first[2] & held)):
            yield Difference(path, f"token {wrong[0]:,} of the shard is another one than in {first[0]}.")


def _read(
    output: str, shard: ShardCheck, form: str, paths: Sequence[str], records: Mapping[str, Record]
) -> tuple[Content, str]:
    """What the files of a format hold, and the name of the one that holds the ids (the largest)."""
    folder = f"shards/{form}/"
    files = {path.removeprefix(folder): np.asarray(map_array(join(output, path), "u1")[:]) for path in paths}
    largest = max(paths, key=lambda path: records[path].bytes)
    content = FORMATS[form].read(files, shard.spec)
    if content.lengths is not None and (n := records[largest].rows) and n != len(content.lengths):
        raise ShardError(f"{largest}: expected {n:,} rows by the manifest, got {len(content.lengths):,}")
    return content, largest


def _stream(shard: ShardCheck, form: str, content: Content, path: str) -> tuple[Ids, Held]:
    """The ids of the shard one behind the other, and which of them the format holds; a ShardError at a wrong border."""
    layout = shard.layout if FORMATS[form].rows else None
    documents = shard.length[shard.length > 0]
    expected = np.full(layout.n, layout.length) if layout else documents
    if content.lengths is not None and not np.array_equal(content.lengths, expected):
        what = "sequences" if layout else "documents"
        raise ShardError(f"{path}: its {what} are not those of the shard's index, in number or length")
    if len(content.tokens) != expected.sum():
        raise ShardError(f"{path}: expected {expected.sum():,} tokens, got {len(content.tokens):,}")
    if layout is None:
        return content.tokens, np.ones(shard.n_tokens, np.bool_)
    rows = content.tokens.reshape(layout.n, layout.length)
    assert shard.spec.sequence
    if np.any(rows[np.arange(layout.length) >= layout.filled[:, None]] != shard.spec.sequence.pad):
        raise ShardError(f"{path}: expected {shard.spec.sequence.pad} as padding, got other ids")
    return unpack_rows(rows, layout, shard.n_tokens)


def _check_stream(shard: ShardCheck, path: str, tokens: Ids, held: Held, tokenizer: Tokenizer) -> Iterator[Difference]:
    """Ids below the vocabulary size, BOS and EOS at the borders, sampled documents as their text gives them."""
    spec = shard.spec
    if len(tokens) and int(tokens.max()) >= spec.vocab_size:
        yield Difference(path, f"expected ids below {spec.vocab_size}, got {int(tokens.max())}.")
        return
    there = shard.length > 0
    start, last = shard.start[there], (shard.start + shard.length - 1)[there]
    for mark, at, which in ((spec.bos_id, start, "first"), (spec.eos_id, last, "last")):
        if mark is not None and np.any((tokens[at] != mark) & held[at]):
            yield Difference(path, f"expected {mark} as the {which} token of every document.")
    for one in shard.sampled:
        place = slice(one.first, one.first + len(one.ids))
        if not held[place].all():
            continue
        where = f"tokens {place.start}–{place.stop} of the shard"
        if not np.array_equal(tokens[place], one.ids):
            yield Difference(path, f"{where} are not those of {one.of}.")
        elif tokenizer.engine.gives_back and tokenizer.decode(tokens[place]) != one.text.replace("\u2581", " "):
            yield Difference(path, f"{where} do not give the text of {one.of} back.")


def _unreadable(form: str, shard: ShardCheck, paths: Sequence[str], error: Exception) -> Difference:
    """Named by the file that the error begins with, or else by the first file of the format."""
    named, colon, text = str(error).partition(": ")
    for path in (named, f"shards/{form}/{named}"):
        if colon and path in paths:
            return Difference(path, f"{text}.")
    return Difference(
        sorted(paths)[0], f"cannot be read as {form} of {shard.spec.name} ({type(error).__name__}: {error})."
    )


def _check_joined(
    output: str, of_shard: Mapping[str, Mapping[str, Sequence[str]]], written: Written
) -> Iterator[Difference]:
    """The files that a format has over all shards, made again from the pieces that the shards left."""
    for form, one in FORMATS.items():
        folder = f"shards/{form}/"
        if form not in of_shard or f"{folder}README.txt" not in of_shard[form][form]:
            continue
        pieces = {
            path.removeprefix(folder): read_bytes(join(output, path))
            for name, formats in of_shard.items()
            if name != form
            for path in formats.get(form, ())
            if path.endswith(PIECE)
        }
        for path, data in one.join(written, pieces).items():
            if f"{folder}{path}" not in of_shard[form][form] or read_bytes(join(output, f"{folder}{path}")) != data:
                yield Difference(f"{folder}{path}", "it is not the index of the shards that are there.")
