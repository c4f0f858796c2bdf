"""From documents to token shards: sample, tokenizer, tokens, mixture, shards. Each is a phase.

sample      each document file: lines for the tokenizer, drawn by hash, from each source by its share
tokenizer   one item: train on all lines; or take the one that the recipe names, without a sample
tokens      each document file: its token file. Tokenised once: no seed, share or shard count is in it
mixture     one item: shares and epochs become arcs of the circle
shards      each shard: built alone from range reads of the token files, written in every format of the recipe
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from ..errors import MixtureError, ShardError, UsageError
from ..formats.documents import read_rows
from ..manifest import WORK, File, Receipt, files_of
from ..mixtures.circle import SourcePlan, count_tokens, plan_source, unit_interval
from ..mixtures.plan import plan
from ..mixtures.recipe import Recipe
from ..shards.build import Shard, ShardSpec, build_shard, build_validation, documents, plan_validation
from ..shards.formats import FORMATS
from ..shards.reader import index_table
from ..shards.tokens import TokenFile, pack, token_dtype
from ..storage import digest, open_read, read_json
from ..tokenizer.encode import CONFIG, FOLDER, JSON, MODEL, Engine, SentencePiece, Tokenizer, open_tokenizer
from ..tokenizer.train import train, training_lines
from .inputs import TOKENIZER, Inputs
from .phase import Item, Phase, ShardOutput

PLAN = "shards/plan.json"
Corpus = Mapping[str, Mapping[str, File]]  # source → path of a document file → what it is


def only_file(receipts: Mapping[str, Receipt], path: str) -> File:
    """A file that a phase of one item left."""
    return next(receipt.files[path] for receipt in receipts.values() if path in receipt.files)


# --- tokenizer --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sample:
    """Task: a hash-chosen share of one document file."""

    documents: str
    sha256: str
    lines: str
    share: float


def sizes_of(corpus: Corpus) -> dict[str, int]:
    """Bytes of text of each source."""
    return {
        source: sum(file.counts.get("bytes.kept", 0) for file in files.values()) for source, files in corpus.items()
    }


def check_corpus(corpus: Corpus) -> None:
    """Raises MixtureError: a source has nothing to mix."""
    empty = [source for source, size in sizes_of(corpus).items() if not size]
    if empty:
        raise MixtureError(
            f"{empty[0]}: not one document was kept, so there is nothing to mix. Look at dropped/{empty[0]} and "
            "errors/, or leave the source out."
        )


def sample_phase(corpus: Corpus, recipe: Recipe) -> Phase:
    """Lines to train the tokenizer on: `sample_mb` in all, from each source by its share of the mixture."""
    size = sizes_of(corpus)
    weight = {
        source: recipe.active[source].weight or (recipe.active[source].epochs or 0) * size[source] for source in corpus
    }
    wanted = {source: recipe.tokenizer.sample_mb * 1e6 * weight[source] / sum(weight.values()) for source in corpus}
    items = []
    for source, files in corpus.items():
        share = min(1.0, wanted[source] / max(size[source], 1))
        for path, file in files.items():
            name = f"{source}/{PurePosixPath(path).stem}"
            task = Sample(path, file.sha256, f"{WORK}/sample/{name}.txt", share)
            items.append(Item(name, digest("sample", 1, file.sha256, share), file.bytes, task))
    return Phase("sample", items, sample)


def sample(task: Sample, out: ShardOutput) -> None:
    with out.binary(task.lines) as file:
        for row in read_rows(out.verified(task.documents, task.sha256), ["id", "text"]):
            if unit_interval(row["id"], "tokenizer") < task.share:
                for line in training_lines(row["text"]):
                    file.write(line.encode() + b"\n")


@dataclass(frozen=True, slots=True)
class Train:
    """Task: the tokenizer."""

    lines: tuple[str, ...]
    vocab_size: int


def tokenizer_phase(samples: Mapping[str, Receipt], recipe: Recipe) -> Phase:
    files = {path: file for receipt in samples.values() for path, file in receipt.files.items()}
    fingerprint = digest("tokenizer", 2, [file.sha256 for file in files.values()], recipe.tokenizer.vocab_size)
    cost = sum(file.bytes for file in files.values())
    return Phase(
        "tokenizer",
        [Item("tokenizer", fingerprint, cost, Train(tuple(files), recipe.tokenizer.vocab_size))],
        train_tokenizer,
    )


def train_tokenizer(task: Train, out: ShardOutput) -> None:
    def lines() -> Iterator[str]:
        for path in task.lines:
            with open_read(out.url(path)) as file:
                for line in file:
                    yield line.decode().removesuffix("\n")

    write_tokenizer(SentencePiece(MODEL, train(lines(), task.vocab_size)), out)


@dataclass(frozen=True, slots=True)
class Take:
    """Task: a ready tokenizer."""

    url: str
    marks: tuple[str, str]  # BOS and EOS, as far as the recipe names them


def check_given(recipe: Recipe, inputs: Inputs) -> None:
    """Raises UsageError: the ready tokenizer cannot be used, or has not the marks that the recipe puts around texts."""
    if TOKENIZER not in inputs:
        return
    one = inputs[TOKENIZER].models[TOKENIZER]
    try:
        tokenizer = Tokenizer(one.url, recipe.tokenizer.bos_token, recipe.tokenizer.eos_token)
    except ShardError as error:
        raise UsageError(f"tokenizer.model: {error}") from error
    for name, where, like, wanted, found in (
        ("bos", "begins", "<s>", recipe.tokenizer.bos, tokenizer.bos_id),
        ("eos", "ends", "</s>", recipe.tokenizer.eos, tokenizer.eos_id),
    ):
        if wanted and found < 0:
            raise UsageError(
                f"tokenizer.model: {one.name} does not say which token {where} a document. Of a tokenizer.json name "
                f"it, as in --set 'tokenizer.{name}_token={like}'; or write none, with --set tokenizer.{name}=false."
            )


def given_phase(recipe: Recipe, inputs: Inputs) -> Phase:
    """Take the ready tokenizer of the recipe into the output folder."""
    models, marks = inputs[TOKENIZER].models, (recipe.tokenizer.bos_token, recipe.tokenizer.eos_token)
    identities = {name: one.identity for name, one in sorted(models.items())}
    item = Item("tokenizer", digest("given tokenizer", 1, identities, marks), 0, Take(models[TOKENIZER].url, marks))
    return Phase("tokenizer", [item], take_tokenizer)


def take_tokenizer(task: Take, out: ShardOutput) -> None:
    write_tokenizer(Tokenizer(task.url, *task.marks).engine, out)


def write_tokenizer(engine: Engine, out: ShardOutput) -> None:
    """The tokenizer as a file, and what Hugging Face's loaders need beside it."""
    for name, data in engine.files().items():
        with out.binary(f"{FOLDER}/{name}") as file:
            file.write(data)


@dataclass(frozen=True, slots=True)
class Made:
    """The tokenizer of a run: its file, and a digest of what decides the marks around documents."""

    path: str
    sha256: str
    marks: str

    @classmethod
    def of(cls, receipts: Mapping[str, Receipt]) -> Made:
        files = files_of(receipts.values())
        path = MODEL if MODEL in files else JSON
        return cls(path, files[path].sha256, "" if path == MODEL else files[CONFIG].sha256)


# --- tokens -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tokenize:
    """Task: one document file."""

    documents: str
    sha256: str
    stem: str
    model: str
    model_sha256: str


def tokens_phase(corpus: Corpus, made: Made) -> Phase:
    items = []
    for source, files in corpus.items():
        for path, file in files.items():
            name = f"{source}/{PurePosixPath(path).stem}"
            fingerprint = digest("tokens", 2, file.sha256, made.sha256)
            task = Tokenize(path, file.sha256, f"tokens/{name}", made.path, made.sha256)
            items.append(Item(name, fingerprint, file.bytes, task))
    return Phase("tokens", items, tokenize)


def tokenize(task: Tokenize, out: ShardOutput) -> None:
    tokenizer = open_tokenizer(out.url(task.model), task.model_sha256)
    dtype = token_dtype(tokenizer.vocab_size)
    ids: list[str] = []
    encoded = []
    for row in read_rows(out.verified(task.documents, task.sha256), ["id", "text"]):
        ids.append(row["id"])
        encoded.append(tokenizer.encode(row["text"]).astype(dtype))
    # The id is also what must stay on one side of the validation split: language and page.
    tokens, index = pack(ids, encoded, ids, dtype)
    with out.binary(f"{task.stem}.index", rows=len(ids)) as file:
        file.write(index.tobytes())
    with out.binary(f"{task.stem}.tokens", counts={"tokens": len(tokens), "documents.tokenised": len(ids)}) as file:
        file.write(tokens.data)


# --- mixture ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mix:
    """Task: the plan of the whole mixture."""

    stems: Mapping[str, tuple[str, ...]]  # source → its token files, without ending
    recipe: Recipe
    model: str
    model_sha256: str


def mixture_phase(tokens: Mapping[str, Receipt], recipe: Recipe, made: Made) -> Phase:
    stems: dict[str, list[str]] = {source: [] for source in sorted(recipe.active)}
    for name in tokens:
        stems[name.partition("/")[0]].append(f"tokens/{name}")
    made_from = [(path, file.sha256) for receipt in tokens.values() for path, file in receipt.files.items()]
    task = Mix({source: tuple(names) for source, names in stems.items()}, recipe, made.path, made.sha256)
    fingerprint = digest("mixture", 1, _deciding(recipe), made_from, *[made.marks] * bool(made.marks))
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
    }


def mix(task: Mix, out: ShardOutput) -> None:
    """Write the plan: how many shards, each source's copies, limit and arcs, and all else a shard is built from."""
    recipe = task.recipe
    tokenizer = open_tokenizer(out.url(task.model), task.model_sha256)
    bos = tokenizer.bos_id if recipe.tokenizer.bos else None
    eos = tokenizer.eos_id if recipe.tokenizer.eos else None
    files = _token_files(out, task.stems, tokenizer.vocab_size)
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


def _token_files(out: ShardOutput, stems: Mapping[str, Sequence[str]], vocab_size: int) -> dict[str, list[TokenFile]]:
    dtype = token_dtype(vocab_size)
    return {source: [TokenFile.open(out.url(stem), dtype) for stem in names] for source, names in stems.items()}


# --- shards -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Build:
    """Task: one shard in every format. What it is built from stands in the plan, which all shards share."""

    split: str
    number: int
    name: str
    formats: tuple[str, ...]


def shards_phase(mixture: Phase, plan_file: File, n_shards: Mapping[str, int], recipe: Recipe) -> Phase:
    """A work item a shard, `train-00000-of-00008` and `val-00000-of-00001`."""
    (made_from,) = (item.fingerprint for item in mixture.items)
    formats, cost = recipe.shards.formats, recipe.shards.tokens
    items = []
    for split, total in sorted(n_shards.items()):
        for number in range(total):
            name = f"{split}-{number:05d}-of-{total:05d}"
            fingerprint = digest("shards", 1, made_from, plan_file.sha256, name, formats)
            items.append(Item(name, fingerprint, cost, Build(split, number, name, formats)))
    return Phase("shards", items, build)


def build(task: Build, out: ShardOutput) -> None:
    value = read_json(out.url(PLAN))
    spec = ShardSpec(task.name, **value["spec"], sources=tuple(sorted(value["token_files"])))
    files = _token_files(out, value["token_files"], spec.vocab_size)
    plans = {source: SourcePlan.from_json(p) for source, p in value["plans"][task.split].items()}
    marks = (spec.bos_id, spec.eos_id)
    if task.split == "train":
        shard = build_shard(files, plans, task.number, value["seed"], value["validation"], *marks)
    else:
        shard = build_validation(files, plans, task.number, value["validation"], *marks)
    names = {source: [PurePosixPath(stem).name for stem in stems] for source, stems in value["token_files"].items()}
    counts = _counts(shard, task.split, spec.sources)
    with out.binary(f"shards/index/{task.name}.parquet", len(shard.table), counts) as file:
        pq.write_table(index_table(shard, spec.sources, names), file, compression="zstd")
    for form in task.formats:
        for suffix, data in FORMATS[form](shard, spec).items():
            with out.binary(f"shards/{form}/{task.name}{suffix}") as file:
                file.write(data)


def _counts(shard: Shard, split: str, sources: Sequence[str]) -> dict[str, int]:
    """Tokens and documents of each source, as written."""
    counts: dict[str, int] = {}
    for rank, source in enumerate(sources):
        mine = shard.table[shard.table["source"] == rank]
        counts[f"{split}.tokens.{source}"] = int(mine["length"].sum(dtype=np.int64))
        counts[f"{split}.documents.{source}"] = len(mine)
    return counts
