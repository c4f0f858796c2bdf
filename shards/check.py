"""`corpusmill check`: read everything again, and say what differs from the record."""

from __future__ import annotations

import hashlib
import itertools
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import CorpusmillError
from ..formats.documents import read_footer, read_rows
from ..manifest import DIGEST, REPORT, WORK, add_digests, digest_of, finished, hex_digest, read_facts
from ..mixtures.recipe import Recipe, read_recipe
from ..storage import join, map_array, read_bytes, sha256_of, sizes
from ..tokenizer.encode import JSON, MODEL, Tokenizer
from .check_shards import Difference, Record, check_shards, fill
from .tokens import INDEX, token_dtype

# Beside what the manifest lists: the record itself, and what differs from run to run.
OURS = (
    "manifest.json",
    "manifest.parquet",
    "recipe.yaml",
    "run.lock",
    "takedown.json",
    "README.md",
    "croissant.json",
    REPORT,
)
OUR_FOLDERS = (WORK, "logs", "errors", "llama")  # the last is where `corpusmill train` saves
# The next move, before the command.
REWRITE, REMAKE, REMOVE = (
    "This writes it again:",
    "This makes it again:",
    "Delete it; this makes it again, and no more:",
)


def check_output(output: str) -> Iterator[Difference | None]:
    """Every difference between a finished output folder and its record; None for each file that was read and is right.

    Raises:
        UsageError: there is no finished run.
    """
    there = sizes(output)
    facts = read_facts(output) if "manifest.json" in there else finished(output)
    if facts is None:
        yield Difference("manifest.json", "is not as it was written. The same `corpusmill run` writes it again.")
        return
    command = shlex.join(_at(output, facts.get("command", ["corpusmill", "run", "…"])))
    for found in _check(output, facts, there):
        yield found and Difference(found.path, f"{found.text} {command}" if found.text.endswith(":") else found.text)


def _at(output: str, command: Sequence[str]) -> list[str]:
    """The command of a run whose folder may have moved since.

    >>> _at("copy", ["corpusmill", "run", "/a/out/recipe.yaml", "--inputs", "/a/in", "--output", "/a/out"])
    ['corpusmill', 'run', 'copy/recipe.yaml', '--inputs', '/a/in', '--output', 'copy']
    """
    was = next((word for before, word in itertools.pairwise(command) if before == "--output"), None)
    if was is None:
        return [*command]
    output = output.rstrip("/") or output
    return [output + word[len(was) :] if f"{word}/".startswith(f"{was}/") else word for word in command]


def _check(output: str, facts: Mapping[str, Any], there: Mapping[str, int]) -> Iterator[Difference | None]:
    """As `check_output`; a text that ends in a colon wants the command behind it."""
    recipe, trouble = _read_recipe(output, facts)
    if trouble:
        yield trouble
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
    if facts["mixture"] and recipe:
        tokenizer = Tokenizer(join(output, MODEL if MODEL in records else JSON))
        inside = [
            _check_tokens(output, records, tokenizer.vocab_size),
            check_shards(output, records, facts, recipe, tokenizer),
        ]
        for difference in chain.from_iterable(inside):
            yield Difference(difference.path, f"{difference.text} {REMOVE if difference.path in records else REWRITE}")


def _read_recipe(output: str, facts: Mapping[str, Any]) -> tuple[Recipe | None, Difference | None]:
    try:
        recipe = read_recipe(output)
    except (CorpusmillError, OSError, ValueError) as error:
        return None, Difference("recipe.yaml", f"cannot be read ({error})")
    if recipe.digest != facts["recipe_digest"]:
        return None, Difference("recipe.yaml", f"expected the recipe {facts['recipe_digest']}, got {recipe.digest}.")
    return recipe, None


def _read_manifest(
    output: str, facts: Mapping[str, Any], there: Mapping[str, int]
) -> tuple[dict[str, Record], Difference | None]:
    if "manifest.parquet" not in there:
        return {}, Difference("manifest.parquet", f"gone. {REWRITE}")
    data = read_bytes(join(output, "manifest.parquet"))
    got = hashlib.sha256(data).hexdigest()
    if got != facts["manifest_sha256"]:
        return {}, Difference("manifest.parquet", f"expected sha256 {facts['manifest_sha256']}, got {got}. {REWRITE}")
    records: dict[str, Record] = {}
    with pq.ParquetFile(pa.BufferReader(data)) as parquet:  # some rows at a time: of a large run there are millions
        for batch in parquet.iter_batches(columns=[*Record.__slots__], use_threads=False):
            for row in batch.to_pylist():
                records[row["path"]] = Record(**row | {"item": sys.intern(row["item"])})
    return records, None


def _check_file(output: str, record: Record, size: int | None) -> Difference | None:
    """Size and digest, and for a table the rows that it is said to have."""
    if size is None:
        return Difference(record.path, f"gone. {REMAKE}")
    if size != record.bytes:
        return Difference(record.path, f"expected {record.bytes:,} bytes, got {size:,}. {REMOVE}")
    if (got := sha256_of(join(output, record.path))) != record.sha256:
        return Difference(record.path, f"expected sha256 {record.sha256}, got {got}. {REMOVE}")
    if record.path.endswith(".parquet") and (n_rows := read_footer(join(output, record.path))[0]) != record.rows:
        return Difference(record.path, f"expected {record.rows:,} rows, got {n_rows:,}. {REMOVE}")
    return None


def _check_accounts(output: str, records: Mapping[str, Record], facts: Mapping[str, Any]) -> Iterator[Difference]:
    """In = kept + dropped, as the footers of the files say, as many rows as there are, and as the manifest says."""
    total = 0
    for source, said in facts["sources"].items():
        counts: Counter[str] = Counter()
        rows: Counter[str] = Counter()
        digest = 0
        for path in records:
            kind, _, rest = path.partition("/")
            if kind in ("documents", "dropped") and rest.startswith(f"{source}/"):
                n_rows, footer = read_footer(join(output, path))
                counts.update(footer["counts"])
                rows[kind] += n_rows
                if kind == "documents":
                    texts = ((row["id"], row["text"]) for row in read_rows(join(output, path), ["id", "text"]))
                    digest = add_digests(digest, *(digest_of(*one) for one in texts))
        dropped = sum(n for name, n in counts.items() if name.startswith("documents.dropped."))
        kept = counts["documents.kept"]
        if (rows["documents"], rows["dropped"]) != (kept, dropped) or counts["documents.in"] != kept + dropped:
            text = f"{counts['documents.in']:,} read, {kept:,} kept, {dropped:,} dropped by the footers"
            yield Difference(
                f"documents/{source}", f"{text}; {rows['documents']:,} and {rows['dropped']:,} rows are there."
            )
        total = add_digests(total, digest)
        by_source = facts["corpus"]["sources"][source]
        if not hex_digest(counts.pop(DIGEST, 0)) == hex_digest(digest) == by_source:
            text = f"expected documents with the digest {by_source}, got {hex_digest(digest)}."
            yield Difference(f"documents/{source}", text)
        wrong = [name for name, n in counts.items() if said.get(name, 0) != n]
        if wrong:
            text = (
                f"{source}: {wrong[0]} is {said.get(wrong[0], 0):,}, and {counts[wrong[0]]:,} by the files. {REWRITE}"
            )
            yield Difference("manifest.json", text)
    if facts["sources"] and hex_digest(total) != (said_total := facts["corpus"]["documents"]):
        text = f"expected documents with the digest {said_total}, got {hex_digest(total)}. {REWRITE}"
        yield Difference("manifest.json", text)


def _check_damage(output: str, facts: Mapping[str, Any]) -> Iterator[Difference]:
    """As much of each kind in errors/ as there was damage, in the phases of the run that the record is of."""
    listed: Counter[str] = Counter()
    for path in sizes(join(output, "errors")):
        if path.endswith(".parquet") and path.removesuffix(".parquet") not in facts["seconds"]:
            continue
        url = join(output, "errors", path)
        if sha256_of(url) != facts["errors"].get(path):
            yield Difference(f"errors/{path}", f"is no list of damaged input of this run. Delete it. {REWRITE}")
            return
        listed.update(row["error"] for row in read_rows(url, ["error"]))
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
        if not fill(index["start"], index["length"], len(tokens)):
            yield Difference(path, f"its documents do not fill the {len(tokens):,} tokens of {stem}.tokens.")
        if np.any(index["key"][1:] < index["key"][:-1]):
            yield Difference(path, "its keys are not in ascending order.")
        if len(tokens) and int(tokens.max()) >= vocab_size:
            yield Difference(f"{stem}.tokens", f"expected ids below {vocab_size}, got {int(tokens.max())}.")
