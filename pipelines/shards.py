"""From the plan of a mixture to token shards. Each is a phase.

sequences   each shard, where all are to have as many sequences: how many it could have
shards      each shard: built alone from range reads of the token files, written in every format of the recipe
formats     each format: the files that need all shards, from the pieces that these left, and how trainers read it
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from ..errors import MixtureError
from ..manifest import WORK, File, Receipt, add_digests, digest_of, files_of, hex_digest, total_counts
from ..mixtures.circle import SourcePlan
from ..mixtures.recipe import Recipe, SequenceRecipe
from ..shards.build import Shard, Side, build_shard, build_validation, shard_lengths
from ..shards.formats import FORMATS, PIECE
from ..shards.reader import index_table
from ..shards.sequences import lay_out
from ..shards.spec import PLAN, ShardSpec, Written, digest_of_documents, ids_of
from ..shards.tokens import TokenFile
from ..storage import digest, read_bytes, read_json
from .phase import Item, Phase, ShardOutput
from .tokens import MERGED, token_files

README = "README.txt"  # of a format: how trainers read it


@dataclass(frozen=True, slots=True)
class Build:
    """Task: one shard in every format. What it is built from stands in the plan, which all shards share."""

    split: str
    number: int
    of: int
    formats: tuple[str, ...]
    sequence: SequenceRecipe | None
    n_sequences: int | None = None

    def spec(self, plan: Mapping[str, Any]) -> ShardSpec:
        files = {source: tuple(PurePosixPath(stem).name for stem in stems) for source, stems in _stems(plan).items()}
        return ShardSpec(
            self.split, self.number, self.of, **plan["spec"], sources=tuple(sorted(files)), files=files,
            sequence=self.sequence, n_sequences=self.n_sequences,
        )  # fmt: skip


def _stems(plan: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    stems: Mapping[str, Sequence[str]] = plan["token_files"]
    return stems


def _tasks(n_shards: Mapping[str, int], recipe: Recipe, equal: Mapping[str, int]) -> Iterator[tuple[str, Build]]:
    """A task a shard, by its name: `train-00000-of-00008` and `val-00000-of-00001`."""
    formats, sequence = recipe.shards.formats, recipe.shards.sequence
    for split, total in sorted(n_shards.items()):
        for number in range(total):
            task = Build(split, number, total, formats, sequence, equal.get(split))
            yield f"{split}-{number:05d}-of-{total:05d}", task


# --- sequences --------------------------------------------------------------------------------------------------------


def sequences_phase(mixture: Phase, plan_file: File, n_shards: Mapping[str, int], recipe: Recipe) -> Phase:
    assert recipe.shards.sequence, "there are no sequences to count"
    (made_from,) = (item.fingerprint for item in mixture.items)
    length, documents = recipe.shards.sequence.length, recipe.shards.sequence.documents
    items = []
    for name, task in _tasks(n_shards, recipe, {}):
        fingerprint = digest("sequences", 1, made_from, plan_file.sha256, name, length, documents)
        items.append(Item(name, fingerprint, recipe.shards.tokens, task))
    return Phase("sequences", items, count_sequences, unit="shards")


def count_sequences(task: Build, out: ShardOutput) -> None:
    """How many sequences a shard could have. Only indexes are read."""
    value = read_json(out.url(PLAN))
    spec, files, plans = task.spec(value), _open(value, out), _plans(value, task.split)
    assert spec.sequence, "there are no sequences to count"
    side = Side(value["validation"], validation=task.split == "val")
    lengths = shard_lengths(files, plans, task.number, value["seed"], side, spec.bos_id, spec.eos_id)
    n = lay_out(lengths, spec.sequence).n
    with out.binary(f"{WORK}/sequences/{spec.name}.txt", rows=1, counts={f"{task.split}.{task.number}": n}) as file:
        file.write(f"{n}\n".encode())


def fewest(counted: Mapping[str, Receipt]) -> dict[str, int]:
    """Of each split the sequences of the shard that has the fewest.

    Raises:
        MixtureError: a shard is too small for one.
    """
    found: dict[str, int] = {}
    for name, receipt in counted.items():
        (n,) = (n for file in receipt.files.values() for n in file.counts.values())
        if n == 0:
            raise MixtureError(
                f"{name}: expected tokens for at least one sequence, for all shards are to have as many; got none. Use "
                "a smaller shards.sequence.length, a larger shards.tokens, or shards.sequence.equal=false."
            )
        split = name.partition("-")[0]
        found[split] = min(n, found.get(split, n))
    return found


# --- shards -----------------------------------------------------------------------------------------------------------


def shards_phase(
    mixture: Phase, plan_file: File, n_shards: Mapping[str, int], recipe: Recipe, equal: Mapping[str, int]
) -> Phase:
    """A work item a shard; `equal` is the number of sequences in each shard of a split, where it is to be one."""
    (made_from,) = (item.fingerprint for item in mixture.items)
    items = []
    sequence = recipe.resolved()["shards"]["sequence"]
    for name, task in _tasks(n_shards, recipe, equal):
        fingerprint = digest("shards", 3, made_from, plan_file.sha256, name, task.formats, sequence, task.n_sequences)
        items.append(Item(name, fingerprint, recipe.shards.tokens, task))
    return Phase("shards", items, build)


def build(task: Build, out: ShardOutput) -> None:
    value = read_json(out.url(PLAN))
    spec, files, plans = task.spec(value), _open(value, out), _plans(value, task.split)
    marks = (spec.bos_id, spec.eos_id)
    if task.split == "train":
        shard = build_shard(files, plans, task.number, value["seed"], value["validation"], *marks)
    else:
        shard = build_validation(files, plans, task.number, value["validation"], *marks)
    counts = _counts(shard, spec)
    with out.binary(f"shards/index/{spec.name}.parquet", len(shard.table), counts) as file:
        pq.write_table(index_table(shard, spec.sources, spec.files), file, compression="zstd")
    n_rows = counts.get(f"{task.split}.sequences", np.count_nonzero(shard.table["length"]))
    for form in task.formats:
        written = FORMATS[form].write(shard, spec)
        for path, data in written.items():
            alone = FORMATS[form].rows and len(written) == 1
            with out.binary(f"shards/{form}/{path}", int(n_rows) if alone else 0) as file:
                file.write(data)


def _open(plan: Mapping[str, Any], out: ShardOutput) -> dict[str, list[TokenFile]]:
    return token_files(out, _stems(plan), read_json(out.url(MERGED)) or {}, plan["spec"]["vocab_size"])


def _plans(plan: Mapping[str, Any], split: str) -> dict[str, SourcePlan]:
    return {source: SourcePlan.from_json(p) for source, p in plan["plans"][split].items()}


def _counts(shard: Shard, spec: ShardSpec) -> dict[str, int]:
    """Tokens and documents of each source, as written; and what there is of sequences."""
    counts: dict[str, int] = {}
    for rank, source in enumerate(spec.sources):
        mine = shard.table[shard.table["source"] == rank]
        counts[f"{spec.split}.tokens.{source}"] = int(mine["length"].sum(dtype=np.int64))
        counts[f"{spec.split}.documents.{source}"] = len(mine)
    start, length = (shard.table[name].astype(np.int64) for name in ("start", "length"))
    sources = [spec.sources[rank] for rank in shard.table["source"].tolist()]
    counts[f"{spec.split}.digest"] = digest_of_documents(ids_of(shard, spec), start, length, sources)
    if spec.sequence:
        layout = lay_out(shard.table["length"], spec.sequence)
        if spec.n_sequences is not None:
            layout = layout.first(spec.n_sequences)
        counts[f"{spec.split}.sequences"] = layout.n
        counts[f"{spec.split}.padding"] = layout.n_padding
        counts[f"{spec.split}.left_out"] = len(shard.tokens) - layout.n_held
    return counts


# --- formats ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Join:
    """Task: what a format needs besides its shards."""

    form: str
    written: Written
    pieces: Mapping[str, str]  # path → SHA-256


def written_of(shards: Mapping[str, Receipt], plan: Mapping[str, Any], recipe: Recipe) -> Written:
    """What trainers are told of the shards."""
    tokens: dict[str, tuple[int, ...]] = {}
    for name, receipt in shards.items():
        split = name.partition("-")[0]
        counts = (file.counts for path, file in receipt.files.items() if path.startswith("shards/index/"))
        n = sum(n for found in counts for key, n in found.items() if key.startswith(f"{split}.tokens."))
        tokens[split] = (*tokens.get(split, ()), n)
    spec = plan["spec"]
    return Written(tokens, spec["vocab_size"], spec["bos_id"], spec["eos_id"], recipe.shards.sequence)


def tokens_written(shards: Mapping[str, Receipt]) -> dict[str, int]:
    """Training tokens of each source, as they stand in shards."""
    prefix = "train.tokens."
    counts = total_counts(shards.values())
    return {name.removeprefix(prefix): n for name, n in counts.items() if name.startswith(prefix)}


def digests_of_shards(shards: Mapping[str, Receipt], formats: Mapping[str, Receipt]) -> dict[str, str]:
    """What two people compare: the documents in the shards of each split, and the very files (path and bytes)."""
    counts = total_counts(shards.values())
    files = {**files_of(shards.values()), **files_of(formats.values())}
    exact = (digest_of(path, file.sha256) for path, file in files.items() if not path.endswith(README))
    documents = {split: hex_digest(counts[f"{split}.digest"]) for split in ("train", "val")}
    return {**documents, "shards": hex_digest(add_digests(*exact))}


def formats_phase(shards: Mapping[str, Receipt], written: Written, recipe: Recipe) -> Phase:
    """A work item a format."""
    files = {path: file for receipt in shards.values() for path, file in receipt.files.items()}
    items = []
    for form in recipe.shards.formats:
        pieces = {
            path: file.sha256
            for path, file in files.items()
            if path.startswith(f"shards/{form}/") and path.endswith(PIECE)
        }
        fingerprint = digest("formats", 1, form, repr(written), pieces, FORMATS[form].arguments(written))
        items.append(Item(form, fingerprint, len(pieces), Join(form, written, pieces)))
    return Phase("formats", items, join, unit="formats")


def join(task: Join, out: ShardOutput) -> None:
    form, folder = FORMATS[task.form], f"shards/{task.form}"
    pieces = {
        path.removeprefix(f"{folder}/"): read_bytes(out.verified(path, sha256)) for path, sha256 in task.pieces.items()
    }
    for path, data in form.join(task.written, pieces).items():
        with out.binary(f"{folder}/{path}") as file:
            file.write(data)
    with out.binary(f"{folder}/{README}") as file:
        file.write(readme(task.form, task.written).encode())


def readme(form: str, written: Written) -> str:
    """How trainers read a format; paths begin at the output folder."""
    marks = [f"{name} {id_}" for name, id_ in (("BOS", written.bos_id), ("EOS", written.eos_id)) if id_ is not None]
    around = f"each with {' and '.join(marks)}" if marks else "without BOS and EOS"
    held = f"documents, {around}, back to back"
    if FORMATS[form].rows:
        sequence = written.sequence
        what = f"sequences of {sequence.length} tokens (documents: {sequence.documents})" if sequence else "documents"
        held = f"a row each: {what}, {around}"
    lines = [f"{form}: {held}; ids below {written.vocab_size}. Paths begin at the output folder.", ""]
    for trainer, text in FORMATS[form].arguments(written).items():
        lines += [f"{trainer}:", f"  {text}", ""]
    return "\n".join(lines)


def sequences_written(shards: Mapping[str, Receipt], equal: Mapping[str, int]) -> dict[str, dict[str, int | None]]:
    """For the manifest, by split: sequences, those of each shard where they are equal, padding, tokens left out."""
    found: dict[str, dict[str, int | None]] = {}
    for name, receipt in shards.items():
        split = name.partition("-")[0]
        mine = found.setdefault(split, {"sequences": 0, "padding": 0, "left_out": 0, "each": equal.get(split)})
        for file in receipt.files.values():
            for key in ("sequences", "padding", "left_out"):
                mine[key] = (mine[key] or 0) + file.counts.get(f"{split}.{key}", 0)
    return found


def large_losses(sequences: Mapping[str, Mapping[str, int | None]], written: Written) -> list[str]:
    """A line for each split of which more than 1 % of the tokens are in no sequence.

    >>> large_losses({"train": {"left_out": 60, "each": 2}}, Written({"train": (40, 60)}, 500, 1, 2))
    ['train: 60.0 % of the tokens are in no sequence. Larger shards (shards.tokens) are more alike, and lose less.']
    """
    notes = []
    for split, found in sequences.items():
        share = (found["left_out"] or 0) / max(1, sum(written.tokens[split]))
        if share > 0.01:
            remedy = "are more alike, and lose less" if found["each"] else "lose less"
            lost = f"{split}: {share:.1%} of the tokens are in no sequence".replace("%", " %")
            notes.append(f"{lost}. Larger shards (shards.tokens) {remedy}.")
    return notes
