"""N-gram models of languages, trained on the lead sections of Wikipedia, each language a work item.

text    lead sections chosen by hash, normalised as CCNet does, one a line
pieces  SentencePiece trained on a share of those lines
model   the lines cut into pieces, and modified Kneser-Ney of order 5 over them: an ARPA file
binary  the same model as KenLM maps it, where `build_binary` is at hand

Source: cc_net, Makefile and text_normalizer.py (RedPajama v1 used its models). CCNet takes the lead sections of the
first million articles of a search dump; here a hash chooses them. The pieces have CCNet's settings, and less text.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from ..errors import UsageError
from ..filters.ccnet_perplexity import normalize_for_lm
from ..formats.documents import read_rows, read_table
from ..manifest import WORK, File, Receipt, files_of, total_counts
from ..mixtures.circle import unit_interval
from ..mixtures.recipe import NgramRecipe
from ..models import kenlm_tools
from ..models.kneser_ney import PRUNE, PRUNE_ABOVE, estimate
from ..models.pieces import open_piece_model, train_pieces
from ..storage import MIB, digest, join, local_copy, open_read, size_of
from .commoncrawl import ngram_name, pieces_name
from .inputs import Model
from .leads import LEADS_ENDING
from .phase import Item, Phase, ShardOutput
from .results import urls_of

FOLDER = "models/ngram"
ARPA, FACTS = ".arpa", ".json"
LINES_AT_ONCE = 1000
Run = Callable[[Phase], Mapping[str, Receipt]]


def languages_of(leads: Mapping[str, Receipt]) -> list[str]:
    """The languages that there are lead sections of."""
    return sorted(name.removeprefix("leads.") for name in total_counts(leads.values()) if name.startswith("leads."))


def make_ngrams(
    run: Run, output: str, leads: Mapping[str, Receipt], languages: Sequence[str], recipe: NgramRecipe
) -> dict[str, Model]:
    """Train the models of all languages: name → model.

    Raises:
        UsageError: no lead section of a language.
    """
    counts = total_counts(leads.values())
    if without := [language for language in languages if not counts[f"leads.{language}"]]:
        raise UsageError(
            f"no lead section in {', '.join(without)} among the Wikipedia dumps of the run, so no n-gram model can be "
            f"trained. Add {without[0]}wiki's dump, give a folder of ready models (sources.commoncrawl.perplexity."
            "models), or keep the language without one (perplexity.languages and perplexity.keep)."
        )
    texts = run(text_phase(leads, languages, recipe))
    pieces = run(pieces_phase(texts, recipe))
    models = run(model_phase(texts, pieces, recipe))
    made, arpas = {}, {}
    for language in languages:
        cut, arpa = _path(pieces_name(language)), _path(language + ARPA)
        made[pieces_name(language)] = Model.made(output, cut, pieces[language].files[cut].sha256)
        arpas[language] = Model.made(output, arpa, models[language].files[arpa].sha256)
    return made | {ngram_name(language): one for language, one in arpas.items()} | pack_ngrams(run, output, arpas)


def pack_ngrams(run: Run, output: str, arpas: Mapping[str, Model], folder: str = FOLDER) -> dict[str, Model]:
    """The models of some languages in the form that KenLM maps, by name; none where its tool is not there.

    They stand for the ARPA files in fingerprints: scores are the same, whether the tool is there or not.
    """
    tool = kenlm_tools.find_tool("build_binary")
    # Without the tool the phase has no items: binaries of other models go, which an earlier run may have left.
    binaries = run(binary_phase(arpas if tool else {}, tool or "", folder))
    paths = {language: join(folder, ngram_name(language)) for language in binaries}
    return {
        ngram_name(language): Model.made(output, path, binaries[language].files[path].sha256, arpas[language].identity)
        for language, path in paths.items()
    }


def _path(name: str) -> str:
    return join(FOLDER, name)


def _text(language: str) -> str:
    return join(WORK, "ngram", f"{language}.txt")


# --- text -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    """Task: the lines of one language."""

    language: str
    leads: tuple[tuple[str, File], ...]
    documents: int  # wanted


def text_phase(leads: Mapping[str, Receipt], languages: Sequence[str], recipe: NgramRecipe) -> Phase:
    """Choose the lead sections of each language."""
    counts = total_counts(leads.values())
    files = {path: file for path, file in files_of(leads.values()).items() if path.endswith(LEADS_ENDING)}
    items = []
    for language in languages:
        own = tuple((path, file) for path, file in files.items() if file.counts.get(f"leads.{language}"))
        fingerprint = digest("ngram text", 1, [file.identity for _, file in own], recipe.documents)
        task = Text(language, own, recipe.documents)
        items.append(Item(language, fingerprint, counts[f"lead_bytes.{language}"], task))
    return Phase("ngram/text", items, choose_text, unit="lead sections")


def choose_text(task: Text, out: ShardOutput) -> None:
    files = [out.verified(path, file.sha256) for path, file in task.leads]
    newest = _newest([read_table(url, ["id", "language", "revision"]) for url in files], task.language)
    share = task.documents / sum(int(flags.sum()) for flags in newest)
    counts = {"lead_sections": 0, "bytes": 0}
    with out.binary(_text(task.language), counts=counts) as file:
        for url, flags in zip(files, newest, strict=True):
            for row, is_newest in zip(read_rows(url), flags.tolist(), strict=True):
                if is_newest and unit_interval(row["id"], "ngram") < share:
                    line = normalize_for_lm(row["text"]).encode() + b"\n"
                    counts["lead_sections"] += 1
                    counts["bytes"] += len(line)
                    file.write(line)
    if not counts["lead_sections"]:
        raise UsageError(f"{task.language}: a hash chose no lead section at all. Raise ngram.documents.")


def _newest(tables: Sequence[pa.Table], language: str) -> list[npt.NDArray[np.bool_]]:
    """Of each table which rows are of a language, and of an article's newest revision that has a lead section: dumps of
    several dates have it more than once. Of equal ones the first counts."""
    ids = [xxhash.xxh3_64_intdigest(one.as_py().encode()) for table in tables for one in table["id"]]
    revisions = np.concatenate([table["revision"].to_numpy() for table in tables])
    own = np.concatenate([pc.equal(table["language"], language).to_numpy() for table in tables])
    rows = np.flatnonzero(own)
    keys = np.array(ids, np.uint64)[rows]
    order = np.lexsort((-revisions[rows], keys))  # it is stable: the first of equal ones comes first
    first = np.append(True, keys[order][1:] != keys[order][:-1])[: len(rows)]
    flags = np.zeros(len(own), bool)
    flags[rows[order[first]]] = True
    return np.split(flags, np.cumsum([len(table) for table in tables])[:-1])


def _lines(url: str) -> Iterator[str]:
    with open_read(url) as file:
        for line in file:
            yield line.decode().removesuffix("\n")


# --- pieces -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pieces:
    """Task: the SentencePiece model of one language."""

    language: str
    text: tuple[str, File]
    share: float  # of the lines
    vocab_size: int


def pieces_phase(texts: Mapping[str, Receipt], recipe: NgramRecipe) -> Phase:
    """Train the pieces of each language."""
    items = []
    for language, receipt in texts.items():
        path, file = _text(language), receipt.files[_text(language)]
        share = min(1.0, recipe.pieces_mb * 1e6 / max(file.counts["bytes"], 1))
        fingerprint = digest("pieces", 1, file.identity, share, recipe.vocab_size)
        items.append(Item(language, fingerprint, file.bytes, Pieces(language, (path, file), share, recipe.vocab_size)))
    return Phase("ngram/pieces", items, make_pieces)


def make_pieces(task: Pieces, out: ShardOutput) -> None:
    lines = _lines(out.verified(task.text[0], task.text[1].sha256))
    model = train_pieces((line for line in lines if unit_interval(line, "pieces") < task.share), task.vocab_size)
    with out.binary(_path(pieces_name(task.language))) as file:
        file.write(model)


# --- model ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ngrams:
    """Task: the n-gram model of one language. `lmplz` is the path of KenLM's estimator; empty: our own."""

    language: str
    text: tuple[str, File]
    pieces: tuple[str, File]
    recipe: NgramRecipe
    lmplz: str


def model_phase(texts: Mapping[str, Receipt], pieces: Mapping[str, Receipt], recipe: NgramRecipe) -> Phase:
    """Estimate the model of each language."""
    lmplz = kenlm_tools.find_tool("lmplz") if recipe.estimator != "own" else None
    by = kenlm_tools.describe_tool(lmplz) if lmplz else "own"
    items = []
    for language, receipt in texts.items():
        text, cut = receipt.files[_text(language)], pieces[language].files[_path(pieces_name(language))]
        fingerprint = digest("ngram", 1, by, text.identity, cut.sha256, recipe.order, recipe.prune)
        task = Ngrams(language, (_text(language), text), (_path(pieces_name(language)), cut), recipe, lmplz or "")
        items.append(Item(language, fingerprint, text.bytes, task))
    return Phase("ngram/model", items, make_model)


def make_model(task: Ngrams, out: ShardOutput) -> None:
    recipe = task.recipe
    text = out.verified(task.text[0], task.text[1].sha256)
    cutter = open_piece_model(out.verified(task.pieces[0], task.pieces[1].sha256))
    sentences = chain.from_iterable(map(cutter.cut_batch, _some_at_a_time(_lines(text))))
    facts: dict[str, Any] = {"language": task.language, **task.text[1].counts, "order": recipe.order}
    with out.scratch() as scratch, out.binary(_path(task.language + ARPA)) as arpa:
        if task.lmplz:
            facts |= {"estimator": kenlm_tools.describe_tool(task.lmplz)}
            facts |= _by_lmplz(task, sentences, arpa, scratch)
        else:
            prune = recipe.prune or None
            made = estimate(
                sentences, cast(BinaryIO, arpa), scratch, order=recipe.order, prune=prune, memory_mb=recipe.memory_mb
            )
            facts |= {"estimator": "own", **asdict(made)}
    with out.binary(_path(task.language + FACTS)) as file:
        file.write((json.dumps(facts, indent=1) + "\n").encode())


def _some_at_a_time(lines: Iterator[str]) -> Iterator[list[str]]:
    while some := list(islice(lines, LINES_AT_ONCE)):
        yield some


def _by_lmplz(task: Ngrams, sentences: Iterator[bytes], arpa: Any, scratch: Path) -> dict[str, Any]:
    """KenLM's own estimator; its words come from a file, its model goes to one."""
    text, model, temporary = scratch / "text", scratch / "model.arpa", scratch / "temporary"
    temporary.mkdir()
    n_tokens = 0
    with text.open("wb") as file:
        for sentence in sentences:
            n_tokens += len(sentence.split()) + 1
            file.write(sentence + b"\n")
    prune = task.recipe.prune or (PRUNE if n_tokens > PRUNE_ABOVE else ())
    kenlm_tools.lmplz(task.lmplz, text, model, temporary, task.recipe.order, prune, task.recipe.memory_mb)
    with model.open("rb") as file:
        shutil.copyfileobj(file, arpa, MIB)
    return {"tokens": n_tokens, "ngrams": _counts_of(model), "prune": list(prune)}


def _counts_of(arpa: Path) -> list[int]:
    """How many n-grams of each order a model has, by its head."""
    counts = []
    with arpa.open("rb") as file:
        for line in file:
            if line.startswith(b"ngram "):
                counts.append(int(line.rpartition(b"=")[2]))
            elif counts:
                break
    return counts


# --- binary -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Binary:
    """Task: one model in the form that KenLM maps."""

    language: str
    arpa: Model
    tool: str
    path: str


def binary_phase(arpas: Mapping[str, Model], tool: str, folder: str) -> Phase:
    """A probing hash table of each model: mapped once for all processes, and the fastest form."""
    items = []
    for language, arpa in arpas.items():
        path = join(folder, ngram_name(language))
        fingerprint = digest("binary", 1, arpa.identity, kenlm_tools.describe_tool(tool), path)
        items.append(Item(language, fingerprint, size_of(arpa.url), Binary(language, arpa, tool, path)))
    return Phase("ngram/binary", items, make_binary)


def make_binary(task: Binary, out: ShardOutput) -> None:
    url = urls_of(out, {ARPA: task.arpa})[ARPA]
    with out.scratch() as scratch, local_copy(url) as arpa, out.binary(task.path) as file:
        kenlm_tools.build_binary(task.tool, Path(os.fspath(arpa)), scratch / "binary")
        with (scratch / "binary").open("rb") as made:
            shutil.copyfileobj(made, file, MIB)
