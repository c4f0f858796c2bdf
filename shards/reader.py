"""Finished shards for trainers and checks: `raw/train-00000-of-00008.bin`, its sidecar, its index of documents."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import ShardError
from ..storage import digest, map_array
from .build import Shard
from .tokens import Ids, token_dtype

COMMON = ("format", "dtype", "byte_order", "vocab_size", "bos_id", "eos_id", "tokenizer_sha256")
REDO = "delete it and run the same command again"
SCHEMA = pa.schema(
    [
        ("start", pa.uint64()),
        ("length", pa.uint32()),
        ("source", pa.dictionary(pa.int32(), pa.string())),
        ("shard", pa.dictionary(pa.int32(), pa.string())),
        ("row", pa.uint32()),
        ("copy", pa.uint8()),
    ]
)


def index_table(shard: Shard, source_names: Sequence[str], file_names: Mapping[str, Sequence[str]]) -> pa.Table:
    """The index of a shard: where each document stands in it, and its source, document shard, row and copy.

    `source_names` and `file_names` (by source) are in the order of the table's `source` and `file`.
    """
    table = shard.table
    names = sorted({name for source in source_names for name in file_names[source]})
    rank = {name: i for i, name in enumerate(names)}
    ranks = [rank[name] for source in source_names for name in file_names[source]]
    counts = [len(file_names[source]) for source in source_names]
    before = np.cumsum([0, *counts])[:-1]  # files of the sources before
    shards = np.array(ranks, np.int32)[before[table["source"]] + table["file"]] if len(table) else np.zeros(0, np.int32)
    columns = [
        pa.array(np.ascontiguousarray(table["start"])),
        pa.array(np.ascontiguousarray(table["length"])),
        pa.DictionaryArray.from_arrays(table["source"].astype(np.int32), pa.array(source_names, pa.string())),
        pa.DictionaryArray.from_arrays(shards, pa.array(names, pa.string())),
        pa.array(np.ascontiguousarray(table["row"])),
        pa.array(np.ascontiguousarray(table["copy"])),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


class ShardSet:
    """All shards of one split, in order; `open` refuses a set whose shards disagree."""

    def __init__(self, folder: Path, names: Sequence[str], sidecars: Sequence[Mapping[str, Any]]) -> None:
        self._folder = folder
        self._names = names
        self._sidecars = sidecars

    @classmethod
    def open(cls, folder: str | Path, split: str = "train") -> ShardSet:
        """The shards of an output folder (the one that holds `shards/`), of the split `train` or `val`.

        Raises: ShardError when a shard is missing, of another size than its sidecar says, or not like the others.
        """
        shards = Path(folder) / "shards"
        names = _shard_names(shards / "raw", split)
        sidecars = [_read_sidecar(shards / "raw", name) for name in names]
        for name, sidecar in zip(names, sidecars, strict=True):
            _compare(shards / "raw", names[0], sidecars[0], name, sidecar)
        return cls(shards, names, sidecars)

    def __len__(self) -> int:
        return len(self._names)

    @property
    def dtype(self) -> np.dtype[Any]:
        """How one id is stored."""
        return token_dtype(self.vocab_size)

    @property
    def vocab_size(self) -> int:
        """Ids are below this number."""
        return int(self._sidecars[0]["vocab_size"])

    @property
    def bos_id(self) -> int | None:
        """The id before every document, or None."""
        return _id(self._sidecars[0]["bos_id"])

    @property
    def eos_id(self) -> int | None:
        """The id after every document, or None."""
        return _id(self._sidecars[0]["eos_id"])

    @property
    def tokenizer_sha256(self) -> str:
        """The digest of the tokenizer's model file."""
        return str(self._sidecars[0]["tokenizer_sha256"])

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the sources, sorted."""
        return tuple(sorted(self._sidecars[0]["sources"]))

    @property
    def n_tokens(self) -> int:
        """The tokens of all shards together."""
        return sum(sidecar["tokens"] for sidecar in self._sidecars)

    @property
    def identity(self) -> str:
        """A digest of what the sidecars say: shards of another mixture, size or tokenizer have another."""
        return digest(self._names, self._sidecars)

    def tokens(self, k: int) -> Ids:
        """The ids of shard k, mapped."""
        return map_array(str(self._folder / "raw" / f"{self._names[k]}.bin"), self.dtype)[:]

    def table(self, k: int) -> pa.Table:
        """The documents of shard k, in order: start, length, source, shard, row, copy."""
        path = self._folder / "index" / f"{self._names[k]}.parquet"
        try:
            with pq.ParquetFile(path, pre_buffer=False) as file:
                table = file.read(use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise ShardError(f"{path}: cannot be read ({_one_line(error)}); {REDO}") from error
        if not table.schema.equals(SCHEMA):
            raise ShardError(f"{path}: expected the columns {SCHEMA.names}, got {table.schema.names}; {REDO}")
        sidecar, lengths = self._sidecars[k], table["length"].to_numpy().astype(np.uint64)
        expected = (sidecar["documents"], sidecar["tokens"])
        if (got := (len(lengths), int(lengths.sum()))) != expected:
            raise ShardError(f"{path}: expected (documents, tokens) {expected} by the sidecar, got {got}; {REDO}")
        return table

    def source_of_tokens(self, k: int) -> npt.NDArray[np.uint8]:
        """For each token of shard k, the rank of its source in `sources`."""
        table = self.table(k)
        column = table["source"].combine_chunks()
        names = column.dictionary.to_pylist()
        if unknown := set(names) - set(self.sources):
            raise ShardError(f"{self._names[k]}: expected the sources {self.sources}, got {unknown} as well; {REDO}")
        ranks = np.array([self.sources.index(name) for name in names], np.uint8)
        return np.repeat(ranks[column.indices.to_numpy()], table["length"].to_numpy())


def _id(value: int | None) -> int | None:
    return None if value is None else int(value)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _shard_names(folder: Path, split: str) -> list[str]:
    """Names of the shards 0..N-1 of a split, all of them there."""
    found = sorted(path.stem for path in folder.glob(f"{split}-*-of-*.bin"))
    matches = [re.fullmatch(rf"{re.escape(split)}-(\d{{5}})-of-(\d{{5}})", name) for name in found]
    totals = {match[2] for match in matches if match}
    if not totals:
        raise ShardError(
            f"{folder}: expected {split}-00000-of-….bin, found none. Only a run of a whole recipe, with raw among its "
            "shards.formats, writes them."
        )
    if len(totals) > 1 or not all(matches):
        sets = ", ".join(f"…-of-{total}" for total in sorted(totals))
        raise ShardError(
            f"{folder}: expected one set of {split} shards, got {sets}. `corpusmill check` names the others."
        )
    total = int(totals.pop())
    expected = [f"{split}-{k:05d}-of-{total:05d}" for k in range(total)]
    if missing := sorted(set(expected) - set(found)):
        raise ShardError(
            f"{folder}: expected {total} {split} shards, {missing[0]} is missing ({len(missing)} in all); "
            "run the same command again"
        )
    if extra := sorted(set(found) - set(expected)):
        raise ShardError(f"{folder}: expected {total} {split} shards, got {extra[0]} as well; delete it")
    return expected


def _read_sidecar(folder: Path, name: str) -> dict[str, Any]:
    path = folder / f"{name}.json"
    try:
        sidecar = json.loads(path.read_bytes())
        if not isinstance(sidecar, dict):
            raise ValueError("no JSON object")
        if missing := {*COMMON, "tokens", "documents", "sources"} - sidecar.keys():
            raise ValueError(f"without {', '.join(sorted(missing))}")
        if not all(type(sidecar[key]) is int for key in ("tokens", "documents", "vocab_size")):
            raise ValueError("counts that are no whole numbers")
        if not isinstance(sidecar["sources"], dict):
            raise ValueError("sources that are no object")
    except (OSError, ValueError) as error:
        raise ShardError(f"{path}: cannot be read as a sidecar ({_one_line(error)}); {REDO}") from error
    expected = sidecar["tokens"] * token_dtype(sidecar["vocab_size"]).itemsize
    if (got := (folder / f"{name}.bin").stat().st_size) != expected:
        raise ShardError(f"{folder / name}.bin: expected {expected:,} bytes by its sidecar, got {got:,}; {REDO}")
    if (sidecar["dtype"], sidecar["byte_order"]) != (token_dtype(sidecar["vocab_size"]).name, "little"):
        raise ShardError(
            f"{path}: expected little-endian {token_dtype(sidecar['vocab_size']).name} for {sidecar['vocab_size']} "
            f"pieces, got {sidecar['byte_order']}-endian {sidecar['dtype']}; {REDO}"
        )
    return sidecar


def _compare(folder: Path, first: str, expected: Mapping[str, Any], name: str, got: Mapping[str, Any]) -> None:
    """Refuse a shard that is not of the same tokenizer and sources as the first one."""
    ours, theirs = (
        {key: side[key] for key in COMMON} | {"sources": sorted(side["sources"])} for side in (expected, got)
    )
    for key, value in ours.items():
        if theirs[key] != value:
            raise ShardError(
                f"{folder / name}.json: expected {key} {value!r} as in {first}, got {theirs[key]!r}; "
                "the shards are of two runs: delete them and run the same command again"
            )
