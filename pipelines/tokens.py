"""From documents to token shards: sample, tokenizer, tokens, mixture, shards. Each is a phase.

sample      each document file: lines for the tokenizer, drawn by hash, from each source by its share
tokenizer   one item: train on all lines
tokens      each document file: its token file. Tokenised once: no seed, share or shard count is in it
mixture     one item: shares and epochs become arcs of the circle
shards      each shard: built alone from range reads of the token files, written in every format of the recipe
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from ..errors import MixtureError
from ..formats.documents import read_rows
from ..manifest import WORK, File, Receipt
from ..mixtures.circle import SourcePlan, count_tokens, plan_source, unit_interval
from ..mixtures.plan import plan
from ..mixtures.recipe import Recipe
from ..shards.build import Shard, ShardSpec, build_shard, build_validation, documents, plan_validation
from ..shards.formats import FORMATS
from ..shards.reader import index_table
from ..shards.tokens import INDEX, TokenFile, pack, token_dtype
from ..storage import digest, map_array, open_read, read_json
from ..tokenizer.encode import open_tokenizer
from ..tokenizer.train import train, training_lines
from .phase import Item, Phase, ShardOutput

MODEL = "tokenizer/tokenizer.model"
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
    lines: str
    share: float


def sample_phase(corpus: Corpus, recipe: Recipe) -> Phase:
    """Lines to train the tokenizer on: `sample_mb` in all, from each source by its share of the mixture."""
    size = {
        source: sum(file.counts.get("bytes.kept", 0) for file in files.values()) for source, files in corpus.items()
    }
    empty = [source for source in corpus if not size[source]]
    if empty:
        raise MixtureError(
            f"{empty[0]}: not one document was kept, so there is nothing to mix. Look at dropped/{empty[0]} and "
            "errors/, or leave the source out."
        )
    weight = {
        source: recipe.active[source].weight or (recipe.active[source].epochs or 0) * size[source] for source in corpus
    }
    wanted = {source: recipe.tokenizer.sample_mb * 1e6 * weight[source] / sum(weight.values()) for source in corpus}
    items = []
    for source, files in corpus.items():
        share = min(1.0, wanted[source] / max(size[source], 1))
        for path, file in files.items():
            name = f"{source}/{PurePosixPath(path).stem}"
            task = Sample(path, f"{WORK}/sample/{name}.txt", share)
            items.append(Item(name, digest("sample", 1, file.sha256, share), file.bytes, task))
    return Phase("sample", items, sample)


def sample(task: Sample, out: ShardOutput) -> None:
    with out.binary(task.lines) as file:
        for row in read_rows(out.url(task.documents), ["id", "text"]):
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
    fingerprint = digest("tokenizer", 1, [file.sha256 for file in files.values()], recipe.tokenizer.vocab_size)
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

    model = train(lines(), task.vocab_size)
    with out.binary(MODEL) as file:
        file.write(model)


# --- tokens -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tokenize:
    """Task: one document file."""

    documents: str
    stem: str
    model_sha256: str


def tokens_phase(corpus: Corpus, model: File) -> Phase:
    items = []
    for source, files in corpus.items():
        for path, file in files.items():
            name = f"{source}/{PurePosixPath(path).stem}"
            fingerprint = digest("tokens", 1, file.sha256, model.sha256)
            items.append(Item(name, fingerprint, file.bytes, Tokenize(path, f"tokens/{name}", model.sha256)))
    return Phase("tokens", items, tokenize)


def tokenize(task: Tokenize, out: ShardOutput) -> None:
    tokenizer = open_tokenizer(out.url(MODEL), task.model_sha256)
    dtype = token_dtype(tokenizer.vocab_size)
    ids: list[str] = []
    encoded = []
    for row in read_rows(out.url(task.documents), ["id", "text"]):
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
    """Task: the plan of the whole mixture. Also what every shard needs to know of the recipe."""

    stems: Mapping[str, tuple[str, ...]]  # source → its token files, without ending
    recipe: Recipe
    model_sha256: str

    def marks(self, model_url: str) -> tuple[int | None, int | None]:
        """BOS and EOS ids, None where the recipe wants none."""
        tokenizer, wants = open_tokenizer(model_url, self.model_sha256), self.recipe.tokenizer
        return (tokenizer.bos_id if wants.bos else None), (tokenizer.eos_id if wants.eos else None)

    def open(self, out: ShardOutput) -> dict[str, list[TokenFile]]:
        dtype = token_dtype(open_tokenizer(out.url(MODEL), self.model_sha256).vocab_size)
        return {
            source: [
                TokenFile(map_array(out.url(f"{s}.index"), INDEX), map_array(out.url(f"{s}.tokens"), dtype), s)
                for s in stems
            ]
            for source, stems in self.stems.items()
        }


def mixture_phase(tokens: Mapping[str, Receipt], recipe: Recipe, model: File) -> Phase:
    stems: dict[str, list[str]] = {source: [] for source in sorted(recipe.active)}
    for name in tokens:
        stems[name.partition("/")[0]].append(f"tokens/{name}")
    made_from = [(path, file.sha256) for receipt in tokens.values() for path, file in receipt.files.items()]
    decides = _deciding(recipe)
    task = Mix({source: tuple(names) for source, names in stems.items()}, recipe, model.sha256)
    return Phase("mixture", [Item("plan", digest("mixture", 1, decides, made_from), 0, task)], mix)


def _deciding(recipe: Recipe) -> dict[str, Any]:
    """What of the recipe decides shards, once there are token files."""
    shares = {name: (source.weight, source.epochs) for name, source in sorted(recipe.active.items())}
    marks = (recipe.tokenizer.bos, recipe.tokenizer.eos)
    return {"shares": shares, "budget": recipe.budget_tokens, "validation": recipe.validation, "seed": recipe.seed} | {
        "tokens": recipe.shards.tokens,
        "marks": marks,
    }


def mix(task: Mix, out: ShardOutput) -> None:
    """Write the plan: how many shards, each source's copies, limit and arcs, and the table that people read."""
    recipe, files = task.recipe, task.open(out)
    bos, eos = task.marks(out.url(MODEL))
    training = {source: documents(files[source], recipe.validation, bos, eos) for source in files}
    rows = plan(recipe, {source: count_tokens(chunks) for source, chunks in training.items()})
    n_shards = max(1, -(-sum(row.wanted or 0 for row in rows) // recipe.shards.tokens))
    plans = {
        row.source: plan_source(row.source, training[row.source], row.wanted or 0, n_shards, recipe.seed)
        for row in rows
    }
    held_out = plan_validation(files, 1, recipe.validation, bos, eos)
    n_held_out = max(1, -(-sum(p.tokens for p in held_out.values()) // recipe.shards.tokens))
    held_out = plan_validation(files, n_held_out, recipe.validation, bos, eos)
    table = [{**dataclasses.asdict(row), "written": plans[row.source].tokens} for row in rows]
    value = {
        "train": {source: p.to_json() for source, p in plans.items()},
        "val": {source: p.to_json() for source, p in held_out.items()},
        "n_shards": {"train": n_shards, "val": n_held_out if any(p.tokens for p in held_out.values()) else 0},
        "table": table,
    }
    with out.binary(PLAN) as file:
        file.write((json.dumps(value, indent=1, sort_keys=True) + "\n").encode())


# --- shards -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Build:
    """Task: one shard in every format."""

    split: str
    number: int
    name: str
    mix: Mix


def shards_phase(mixture: Phase, plan_file: File, output_plan: Mapping[str, Any]) -> Phase:
    """A work item a shard, `train-00000-of-00008` and `val-00000-of-00001`."""
    (item,) = mixture.items
    task: Mix = item.task
    items = []
    for split, n_shards in sorted(output_plan["n_shards"].items()):
        for number in range(n_shards):
            name = f"{split}-{number:05d}-of-{n_shards:05d}"
            fingerprint = digest("shards", 1, item.fingerprint, plan_file.sha256, name, task.recipe.shards.formats)
            items.append(Item(name, fingerprint, task.recipe.shards.tokens, Build(split, number, name, task)))
    return Phase("shards", items, build)


def build(task: Build, out: ShardOutput) -> None:
    mix, recipe = task.mix, task.mix.recipe
    files = mix.open(out)
    bos, eos = mix.marks(out.url(MODEL))
    plans = {source: SourcePlan.from_json(p) for source, p in read_json(out.url(PLAN))[task.split].items()}
    if task.split == "train":
        shard = build_shard(files, plans, task.number, recipe.seed, recipe.validation, bos, eos)
    else:
        shard = build_validation(files, plans, task.number, recipe.validation, bos, eos)
    sources = tuple(sorted(files))
    tokenizer = open_tokenizer(out.url(MODEL), mix.model_sha256)
    spec = ShardSpec(task.name, tokenizer.vocab_size, bos, eos, mix.model_sha256, sources)
    names = {source: [PurePosixPath(stem).name for stem in mix.stems[source]] for source in sources}
    with out.binary(f"shards/index/{task.name}.parquet", len(shard.table), _counts(shard, task.split, sources)) as file:
        pq.write_table(index_table(shard, sources, names), file, compression="zstd")
    for form in recipe.shards.formats:
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
