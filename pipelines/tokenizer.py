"""The tokenizer of a run: trained on a sample of all documents, or the ready one that the recipe names.

sample      each document file: lines for the tokenizer, drawn by hash, from each source by its share
tokenizer   one item: train on all lines; or take the one that the recipe names, without a sample
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from ..errors import MixtureError, ShardError, UsageError
from ..formats.documents import read_rows
from ..manifest import WORK, File, Receipt, files_of
from ..mixtures.circle import unit_interval
from ..mixtures.recipe import Recipe
from ..storage import digest, open_read
from ..tokenizer.encode import CONFIG, FOLDER, JSON, MODEL, Engine, SentencePiece, Tokenizer
from ..tokenizer.train import train, training_lines
from .inputs import TOKENIZER, Inputs
from .phase import Item, Phase, ShardOutput

BYTES_A_TOKEN = 4  # about
Corpus = Mapping[str, Mapping[str, File]]  # source → path of a document file → what it is


@dataclass(frozen=True, slots=True)
class Sample:
    """Task: a hash-chosen share of one document file."""

    documents: str
    sha256: str
    lines: str
    share: float


def sizes_of(corpus: Corpus) -> dict[str, int]:
    """Bytes of text of each source, with what was taken down: it changes no share."""
    names = ("bytes.kept", "bytes.taken_down")
    return {
        source: sum(file.counts.get(name, 0) for file in files.values() for name in names)
        for source, files in corpus.items()
    }


def check_corpus(corpus: Corpus) -> None:
    """Raises MixtureError: a source has nothing to mix."""
    empty = [source for source, size in sizes_of(corpus).items() if not size]
    if empty:
        raise MixtureError(
            f"{empty[0]}: not one document was kept, so there is nothing to mix. Look at dropped/{empty[0]} and "
            "errors/, or leave the source out."
        )


def _weights(recipe: Recipe, size: Mapping[str, int]) -> dict[str, float]:
    """About how the mixture shares its tokens, by bytes of text, before there are any."""
    sources = {name: recipe.active[name] for name in size}
    passes = {name: (source.epochs or 0) * size[name] / BYTES_A_TOKEN for name, source in sources.items()}
    if recipe.budget_tokens is None:
        return passes
    rest = recipe.budget_tokens - sum(passes[name] for name, source in sources.items() if source.weight is None)
    return {
        name: passes[name] if source.weight is None else max(rest, 1) * source.weight / 100
        for name, source in sources.items()
    }


def sample_phase(corpus: Corpus, recipe: Recipe) -> Phase:
    """Lines to train the tokenizer on: `sample_mb` in all, from each source by its share of the mixture."""
    size = sizes_of(corpus)
    weight = _weights(recipe, size)
    wanted = {source: recipe.tokenizer.sample_mb * 1e6 * weight[source] / sum(weight.values()) for source in corpus}
    items = []
    for source, files in corpus.items():
        share = min(1.0, wanted[source] / max(size[source], 1))
        for path, file in files.items():
            name = f"{source}/{PurePosixPath(path).stem}"
            task = Sample(path, file.sha256, f"{WORK}/sample/{name}.txt", share)
            items.append(Item(name, digest("sample", 1, file.identity, share), file.bytes, task))
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
    fingerprint = digest("tokenizer", 2, [file.identity for file in files.values()], recipe.tokenizer.vocab_size)
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
