"""`corpusmill check`: read everything again, and say what differs from the record."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..config import build, parse_yaml
from ..errors import CorpusmillError, UsageError
from ..formats.documents import read_footer, read_rows, read_table
from ..manifest import WORK, read_facts
from ..mixtures.circle import unit_interval
from ..mixtures.recipe import Recipe
from ..storage import join, map_array, read_bytes, read_json, sha256_of, sizes
from ..tokenizer.encode import MODEL, Tokenizer
from .megatron import dtype_of, encode_index
from .tokens import INDEX, token_dtype

# Beside what the manifest lists: the record itself, and what differs from run to run.
OURS = ("manifest.json", "manifest.parquet", "recipe.yaml", "run.lock")
OUR_FOLDERS = (WORK, "logs", "errors", "llama")  # the last is where `corpusmill train` saves
REWRITE = "The same `corpusmill run` writes it again."
ROUND_TRIPS = 0.02  # share of the documents of a shard that are encoded again and compared


@dataclass(frozen=True, slots=True)
class Difference:
    """A path in the output folder, and what is wrong: expected, got, the next move."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Record:
    """What the manifest says of one file."""

    path: str
    rows: int
    bytes: int
    sha256: str


def check_output(output: str) -> Iterator[Difference | None]:
    """Every difference between a finished output folder and its record; None for each file that was read and is right.

    Raises:
        UsageError: there is no finished run.
    """
    there = sizes(output)
    if "manifest.json" not in there:
        raise UsageError(
            f"{output}: no manifest.json: there is no finished run here. `corpusmill run` goes on with it."
        )
    facts = read_facts(output)
    if facts is None:
        yield Difference("manifest.json", f"is not as it was written. {REWRITE}")
        return
    yield from _check_recipe(output, facts)
    records, trouble = _read_manifest(output, facts, there)
    if trouble:
        yield trouble
        return
    broken = False
    for path, record in records.items():
        found = _check_file(output, record, there.get(path))
        broken |= found is not None
        yield found
    for path in sorted(set(there) - set(records) - set(OURS)) if facts["complete"] else ():
        if path.partition("/")[0] not in OUR_FOLDERS:
            yield Difference(path, "not in the manifest: it is not of this run.")
    yield from _check_damage(output, facts)
    if broken:
        return  # what is inside files is worth a look once they are those of the run
    yield from _check_accounts(output, records, facts)
    if facts["mixture"]:
        tokenizer = Tokenizer(join(output, MODEL))
        yield from _check_tokens(output, records, tokenizer.vocab_size)
        yield from _check_shards(output, records, facts, tokenizer)


def _check_recipe(output: str, facts: Mapping[str, Any]) -> Iterator[Difference]:
    try:
        recipe = build(
            Recipe, parse_yaml(read_bytes(join(output, "recipe.yaml")).decode(), "recipe.yaml"), "recipe.yaml"
        )
    except (CorpusmillError, OSError, ValueError) as error:
        yield Difference("recipe.yaml", f"cannot be read ({error})")
        return
    if recipe.digest != facts["recipe_digest"]:
        yield Difference("recipe.yaml", f"expected the recipe {facts['recipe_digest']}, got {recipe.digest}.")


def _read_manifest(
    output: str, facts: Mapping[str, Any], there: Mapping[str, int]
) -> tuple[dict[str, Record], Difference | None]:
    if "manifest.parquet" not in there:
        return {}, Difference("manifest.parquet", f"gone. {REWRITE}")
    data = read_bytes(join(output, "manifest.parquet"))
    got = hashlib.sha256(data).hexdigest()
    if got != facts["manifest_sha256"]:
        return {}, Difference("manifest.parquet", f"expected sha256 {facts['manifest_sha256']}, got {got}. {REWRITE}")
    rows = pq.read_table(pa.BufferReader(data), use_threads=False).to_pylist()
    records = [Record(**{name: row[name] for name in Record.__slots__}) for row in rows]
    return {record.path: record for record in records}, None


def _check_file(output: str, record: Record, size: int | None) -> Difference | None:
    """Size and digest, and for a table the rows that it is said to have."""
    redo = "Delete it; the same `corpusmill run` makes it again."
    if size is None:
        return Difference(record.path, "gone. The same `corpusmill run` makes it again.")
    if size != record.bytes:
        return Difference(record.path, f"expected {record.bytes:,} bytes, got {size:,}. {redo}")
    if (got := sha256_of(join(output, record.path))) != record.sha256:
        return Difference(record.path, f"expected sha256 {record.sha256}, got {got}. {redo}")
    if record.path.endswith(".parquet") and (n_rows := read_footer(join(output, record.path))[0]) != record.rows:
        return Difference(record.path, f"expected {record.rows:,} rows, got {n_rows:,}. {redo}")
    return None


def _check_accounts(output: str, records: Mapping[str, Record], facts: Mapping[str, Any]) -> Iterator[Difference]:
    """In = kept + dropped, as the footers of the files say, as many rows as there are, and as the manifest says."""
    for source, said in facts["sources"].items():
        counts: Counter[str] = Counter()
        rows: Counter[str] = Counter()
        for path in records:
            kind, _, rest = path.partition("/")
            if kind in ("documents", "dropped") and rest.startswith(f"{source}/"):
                n_rows, footer = read_footer(join(output, path))
                counts.update(footer["counts"])
                rows[kind] += n_rows
        dropped = sum(n for name, n in counts.items() if name.startswith("documents.dropped."))
        kept = counts["documents.kept"]
        if (rows["documents"], rows["dropped"]) != (kept, dropped) or counts["documents.in"] != kept + dropped:
            text = f"{counts['documents.in']:,} read, {kept:,} kept, {dropped:,} dropped by the footers"
            yield Difference(
                f"documents/{source}", f"{text}; {rows['documents']:,} and {rows['dropped']:,} rows are there."
            )
        wrong = [name for name, n in counts.items() if said.get(name, 0) != n]
        if wrong:
            text = (
                f"{source}: {wrong[0]} is {said.get(wrong[0], 0):,}, and {counts[wrong[0]]:,} by the files. {REWRITE}"
            )
            yield Difference("manifest.json", text)


def _check_damage(output: str, facts: Mapping[str, Any]) -> Iterator[Difference]:
    """As much of each kind in errors/ as there was damage, in the phases of the run that the record is of."""
    listed: Counter[str] = Counter()
    for path in sizes(join(output, "errors")):
        if path.endswith(".parquet") and path.removesuffix(".parquet") not in facts["seconds"]:
            continue
        try:
            listed.update(row["error"] for row in read_rows(join(output, "errors", path), ["error"]))
        except (pa.ArrowException, OSError, KeyError):
            yield Difference(f"errors/{path}", f"is no list of damaged input. Delete it. {REWRITE}")
            return
    if dict(listed) != facts["damage"]:
        yield Difference("errors", f"expected damaged input {facts['damage']}, got {dict(listed)}. {REWRITE}")


def _check_tokens(output: str, records: Mapping[str, Record], vocab_size: int) -> Iterator[Difference]:
    """Ids below the vocabulary size, indexes in order and as long as their tokens."""
    for path in records:
        if not (path.startswith("tokens/") and path.endswith(".index")):
            continue
        stem = path.removesuffix(".index")
        index = map_array(join(output, path), INDEX)[:]
        tokens = map_array(join(output, f"{stem}.tokens"), token_dtype(vocab_size))[:]
        if not _fill(index["start"], index["length"], len(tokens)):
            yield Difference(path, f"its documents do not fill the {len(tokens):,} tokens of {stem}.tokens.")
        if np.any(index["key"][1:] < index["key"][:-1]):
            yield Difference(path, "its keys are not in ascending order.")
        if len(tokens) and int(tokens.max()) >= vocab_size:
            yield Difference(f"{stem}.tokens", f"expected ids below {vocab_size}, got {int(tokens.max())}.")


def _fill(start: Any, length: Any, n_tokens: int) -> bool:
    """Whether documents stand one behind the other and end where the tokens end."""
    ends = np.cumsum(length, dtype=np.uint64)
    return np.array_equal(ends - length, start) and (int(ends[-1]) if len(ends) else 0) == n_tokens


def _check_shards(
    output: str, records: Mapping[str, Record], facts: Mapping[str, Any], tokenizer: Tokenizer
) -> Iterator[Difference]:
    """Raw shards against their index, the mixture's totals, and a sample of documents against their text."""
    written: Counter[str] = Counter()
    for path in records:
        if not (path.startswith("shards/index/") and path.endswith(".parquet")):
            continue
        name = PurePosixPath(path).stem
        table = read_table(join(output, path))
        if name.startswith("train-"):
            for source, length in zip(table["source"].to_pylist(), table["length"].to_pylist(), strict=True):
                written[source] += length
        if f"shards/raw/{name}.bin" in records:
            yield from _check_raw(output, name, table, tokenizer)
        if f"shards/megatron/{name}.idx" in records:
            yield from _check_megatron(output, name, table, tokenizer.vocab_size)
    for row in facts["mixture"]["table"]:
        if written[row["source"]] != row["written"]:
            wanted, got = row["written"], written[row["source"]]
            yield Difference(
                "shards/index", f"{row['source']}: expected {wanted:,} training tokens by the plan, got {got:,}."
            )


def _check_raw(output: str, name: str, table: pa.Table, tokenizer: Tokenizer) -> Iterator[Difference]:
    path = f"shards/raw/{name}.bin"
    sidecar = read_json(join(output, f"shards/raw/{name}.json"))
    tokens = map_array(join(output, path), token_dtype(tokenizer.vocab_size))
    start = table["start"].to_numpy().astype(np.int64)
    length = table["length"].to_numpy().astype(np.int64)
    if not _fill(start, length.astype(np.uint64), len(tokens)):
        yield Difference(path, f"the documents of its index do not fill its {len(tokens):,} tokens.")
        return
    ids = tokens[:]
    if len(ids) and int(ids.max()) >= tokenizer.vocab_size:
        yield Difference(path, f"expected ids below {tokenizer.vocab_size}, got {int(ids.max())}.")
    for mark, at, which in ((sidecar["bos_id"], start, "first"), (sidecar["eos_id"], start + length - 1, "last")):
        if mark is not None and np.any(ids[at] != mark):
            yield Difference(path, f"expected {mark} as the {which} token of every document.")
    yield from _check_round_trips(output, path, table, ids, sidecar, tokenizer)


def _check_megatron(output: str, name: str, table: pa.Table, vocab_size: int) -> Iterator[Difference]:
    """One sequence a document, as long as the index says."""
    path = f"shards/megatron/{name}.idx"
    lengths = table["length"].to_numpy()
    if read_bytes(join(output, path)) != encode_index(lengths[lengths > 0], dtype_of(vocab_size)):
        yield Difference(path, "its sequences are not the documents of the shard's index.")


def _check_round_trips(
    output: str, path: str, table: pa.Table, ids: Any, sidecar: Mapping[str, Any], tokenizer: Tokenizer
) -> Iterator[Difference]:
    """A hash-chosen sample of the documents: text → ids again, and ids → text."""
    before, after = (int(sidecar[mark] is not None) for mark in ("bos_id", "eos_id"))
    wanted: dict[str, dict[int, tuple[int, int]]] = {}
    for number, row in enumerate(table.to_pylist()):
        if unit_interval(f"{path}/{number}", "check") < ROUND_TRIPS:
            file = f"documents/{row['source']}/{row['shard']}.parquet"
            place = (row["start"] + before, row["start"] + row["length"] - after)
            wanted.setdefault(file, {})[row["row"]] = place
    for file, places in wanted.items():
        for number, row in enumerate(read_rows(join(output, file), ["id", "text"])):
            if number not in places:
                continue
            first, last = places[number]
            if not np.array_equal(tokenizer.encode(row["text"]), ids[first:last]):
                yield Difference(path, f"tokens {first}–{last} are not those of {row['id']} in {file}.")
            elif tokenizer.decode(ids[first:last]) != row["text"].replace("\u2581", " "):
                yield Difference(path, f"tokens {first}–{last} do not give the text of {row['id']} back.")
