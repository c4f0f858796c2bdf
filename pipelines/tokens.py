"""From documents to the plan of token shards: tokens, mixture. Each is a phase.

tokens      each document file: its token file. Tokenised once: no seed, share or shard count is in it
merged      where a source has many token files: few of them, from which shards are read
mixture     one item: shares and epochs become arcs of the circle
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ..errors import MixtureError
from ..formats.documents import numbered_rows
from ..manifest import WORK, File, Receipt
from ..mixtures.circle import count_tokens, plan_source
from ..mixtures.plan import plan
from ..mixtures.recipe import Recipe
from ..mixtures.sources import OwnRecipe, SourceRecipe
from ..records import Document
from ..shards.build import documents, plan_validation
from ..shards.merge import merge
from ..shards.spec import PLAN
from ..shards.tokens import INDEX, TokenFile, pack, token_dtype
from ..storage import digest
from ..tokenizer.encode import open_tokenizer
from .phase import Item, Phase, ShardOutput
from .sources import source_of
from .tokenizer import Corpus, Made


def only_file(receipts: Mapping[str, Receipt], path: str) -> File:
    """A file that a phase of one item left."""
    return next(receipt.files[path] for receipt in receipts.values() if path in receipt.files)


# --- tokens -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tokenize:
    """Task: one document file."""

    source: str
    documents: str
    sha256: str
    stem: str
    model: str
    model_sha256: str
    recipe: SourceRecipe


def tokens_phase(corpus: Corpus, made: Made, recipe: Recipe) -> Phase:
    items = []
    for source, files in corpus.items():
        options = recipe.active[source]
        # Which documents lie on one side of the split may change with the user's code, and leave documents as they are.
        own = [source_of(source, options).decides(options)["code"]] if isinstance(options, OwnRecipe) else []
        for path, file in files.items():
            name = f"{source}/{PurePosixPath(path).stem}"
            fingerprint = digest("tokens", 4, file.identity, made.sha256, made.marks, *own)
            task = Tokenize(source, path, file.sha256, f"tokens/{name}", made.path, made.sha256, options)
            items.append(Item(name, fingerprint, file.bytes, task))
    return Phase("tokens", items, tokenize)


def tokenize(task: Tokenize, out: ShardOutput) -> None:
    tokenizer = open_tokenizer(out.url(task.model), task.model_sha256)
    dtype = token_dtype(tokenizer.vocab_size)
    split_key = source_of(task.source, task.recipe).split_key
    ids, keys, encoded, numbers = list[str](), list[str](), [], list[int]()
    for number, row in numbered_rows(out.verified(task.documents, task.sha256), ["id", "text", "meta"]):
        numbers.append(number)
        ids.append(row["id"])
        keys.append(split_key(Document(row["id"], row["text"], task.source, json.loads(row["meta"]))))
        encoded.append(tokenizer.encode(row["text"]).astype(dtype))
    tokens, index = pack(ids, encoded, keys, dtype, numbers)
    with out.binary(f"{task.stem}.index", rows=len(ids)) as file:
        file.write(index.tobytes())
    with out.binary(f"{task.stem}.tokens", counts={"tokens": len(tokens), "documents.tokenised": len(ids)}) as file:
        file.write(tokens.data)


# --- merged -----------------------------------------------------------------------------------------------------------

MERGED = f"{WORK}/merged.json"  # which files shards are read from, where some are merged
GROUP = 512  # token files that are merged into one; a source of no more has its shards read from them
ARC_BYTES = 256 << 20  # of a merged file, sorted at once


@dataclass(frozen=True, slots=True)
class Merge:
    """Task: token files that become one."""

    stems: tuple[str, ...]
    stem: str
    arcs: int
    model: str
    model_sha256: str


Groups = dict[str, dict[str, tuple[str, ...]]]


def groups(tokens: Mapping[str, Receipt]) -> Groups:
    """Source → merged file → its token files, both without ending. Nothing of a source of few files.

    Receipts are in the order of the plan. Documents that go later leave the groups as they are: these are made of as
    many files, whatever is in them.
    """
    return {
        source: {
            f"{WORK}/merged/{source}/{start // GROUP:05d}": names[start : start + GROUP]
            for start in range(0, len(names), GROUP)
        }
        for source, names in _stems(tokens).items()
        if len(names) > GROUP
    }


def _stems(tokens: Mapping[str, Receipt]) -> dict[str, tuple[str, ...]]:
    """Source → its token files without ending, in the order of their receipts."""
    stems: dict[str, list[str]] = {}
    for name in tokens:
        stems.setdefault(name.partition("/")[0], []).append(f"tokens/{name}")
    return {source: tuple(names) for source, names in stems.items()}


def merged_phase(tokens: Mapping[str, Receipt], made: Made) -> Phase:
    """A work item a merged file. No byte of a shard depends on them, so that no later phase asks what they are."""
    files = {path: file for receipt in tokens.values() for path, file in receipt.files.items()}
    items = []
    for of_source in groups(tokens).values():
        for stem, stems in of_source.items():
            paths = [f"{one}.{kind}" for one in stems for kind in ("tokens", "index")]
            n_bytes = sum(files[path].bytes for path in paths)
            fingerprint = digest("merged", 1, [(path, files[path].sha256) for path in paths])
            task = Merge(stems, stem, max(1, -(-n_bytes // ARC_BYTES)), made.path, made.sha256)
            items.append(Item(stem.removeprefix(f"{WORK}/merged/"), fingerprint, n_bytes, task))
    return Phase("merged", items, merge_files)


def merge_files(task: Merge, out: ShardOutput) -> None:
    dtype = token_dtype(open_tokenizer(out.url(task.model), task.model_sha256).vocab_size)
    files = [TokenFile.open(out.url(stem), dtype) for stem in task.stems]
    with out.binary(f"{task.stem}.tokens") as tokens, out.binary(f"{task.stem}.index", width=INDEX.itemsize) as index:
        for ids, records in merge(files, task.arcs):
            tokens.write(ids.data)
            index.write(records.tobytes())


# --- mixture ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mix:
    """Task: the plan of the whole mixture."""

    stems: Mapping[str, tuple[str, ...]]  # source → its token files, without ending
    merged: Mapping[str, Mapping[str, int]]  # source → merged files, each with the number of its token files
    recipe: Recipe
    model: str
    model_sha256: str


def mixture_phase(tokens: Mapping[str, Receipt], recipe: Recipe, made: Made) -> Phase:
    stems = dict.fromkeys(sorted(recipe.active), ()) | _stems(tokens)
    made_from = [(path, file.identity) for receipt in tokens.values() for path, file in receipt.files.items()]
    merged = {
        source: {stem: len(names) for stem, names in of_source.items()} for source, of_source in groups(tokens).items()
    }
    task = Mix(stems, merged, recipe, made.path, made.sha256)
    read = [merged] if merged else []
    fingerprint = digest("mixture", 2, _deciding(recipe), made_from, made.sha256, made.marks, *read)
    return Phase("mixture", [Item("plan", fingerprint, 0, task)], mix)


def _deciding(recipe: Recipe) -> dict[str, Any]:
    """What of the recipe decides the plan, once there are token files."""
    return {
        "shares": {name: (source.weight, source.epochs) for name, source in sorted(recipe.active.items())},
        "budget_tokens": recipe.budget_tokens,
        "validation": recipe.validation,
        "seed": recipe.seed,
        "tokens": recipe.shards.tokens,
        "marks": (recipe.tokenizer.bos, recipe.tokenizer.eos),
        "pad": recipe.shards.sequence.pad if recipe.shards.sequence else None,  # looked at with the vocabulary
    }


def mix(task: Mix, out: ShardOutput) -> None:
    """Write the plan: how many shards, each source's copies, limit and arcs, and all else a shard is built from."""
    recipe = task.recipe
    tokenizer = open_tokenizer(out.url(task.model), task.model_sha256)
    if recipe.shards.sequence and recipe.shards.sequence.pad >= tokenizer.vocab_size:
        raise MixtureError(
            f"shards.sequence.pad: expected an id below {tokenizer.vocab_size}, got {recipe.shards.sequence.pad}."
        )
    bos = tokenizer.bos_id if recipe.tokenizer.bos else None
    eos = tokenizer.eos_id if recipe.tokenizer.eos else None
    files = token_files(out, task.stems, task.merged, tokenizer.vocab_size)
    training = {source: documents(files[source], recipe.validation, bos, eos) for source in files}
    available = {source: count_tokens(chunks) for source, chunks in training.items()}
    wanted = {row.source: row.wanted or 0 for row in plan(recipe, available)}
    n_train = max(1, -(-sum(wanted.values()) // recipe.shards.tokens))
    train = {source: plan_source(source, training[source], wanted[source], n_train, recipe.seed) for source in files}
    n_held_out = sum(p.tokens for p in plan_validation(files, 1, recipe.validation, bos, eos).values())
    n_val = -(-n_held_out // recipe.shards.tokens)
    val = plan_validation(files, n_val, recipe.validation, bos, eos) if n_val else {}
    value = {
        "plans": {
            "train": {source: p.to_json() for source, p in train.items()},
            "val": {source: p.to_json() for source, p in val.items()},
        },
        "n_shards": {"train": n_train, "val": n_val},
        "available": available,
        "token_files": task.stems,
        "spec": {
            "vocab_size": tokenizer.vocab_size,
            "bos_id": bos,
            "eos_id": eos,
            "tokenizer_sha256": task.model_sha256,
        },
        "seed": recipe.seed,
        "validation": recipe.validation,
    }
    with out.binary(PLAN) as file:
        file.write((json.dumps(value, indent=1, sort_keys=True) + "\n").encode())
    if task.merged:  # not in the plan, which is the same whatever shards are read from
        with out.binary(MERGED) as file:
            file.write((json.dumps(task.merged, indent=1) + "\n").encode())


def token_files(
    out: ShardOutput, stems: Mapping[str, Sequence[str]], merged: Mapping[str, Mapping[str, int]], vocab_size: int
) -> dict[str, list[TokenFile]]:
    """The token files of each source, open: the merged ones where there are some."""
    dtype = token_dtype(vocab_size)
    read = {source: merged.get(source) or dict.fromkeys(names, 1) for source, names in stems.items()}
    return {
        source: [TokenFile.open(out.url(stem), dtype, n_files) for stem, n_files in of_source.items()]
        for source, of_source in read.items()
    }
