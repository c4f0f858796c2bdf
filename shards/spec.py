"""What the writers of shard formats are given, and what their readers give back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ShardError
from ..manifest import add_digests
from ..mixtures.recipe import SequenceRecipe
from .build import Shard
from .sequences import lay_out, pack_rows
from .tokens import Ids, fit, token_dtype

Files = dict[str, bytes | memoryview]  # path below shards/<format>/ → content
Given = Mapping[str, npt.NDArray[np.uint8]]  # the same, as it was read
PLAN = "shards/plan.json"  # in an output folder
PART_BYTES = 1 << 26  # of a shard in formats whose readers fetch a whole file at once


@dataclass(frozen=True)
class ShardSpec:
    """What the writer of a shard must know besides its tokens; `sources` are in the order of the table's `source`."""

    split: str
    number: int
    of: int
    vocab_size: int
    bos_id: int | None
    eos_id: int | None
    tokenizer_sha256: str
    sources: tuple[str, ...]
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # document shards, in the order of `file`
    sequence: SequenceRecipe | None = None
    n_sequences: int | None = None  # of every shard of the split; None: as many as there are

    @property
    def name(self) -> str:
        """
        >>> ShardSpec("train", 3, 14, 32000, 1, 2, "", ()).name
        'train-00003-of-00014'
        """
        return f"{self.split}-{self.number:05d}-of-{self.of:05d}"

    @property
    def dtype(self) -> np.dtype[Any]:
        """How an id is stored, where the format has no rule of its own."""
        return token_dtype(self.vocab_size)


@dataclass(frozen=True)
class Rows:
    """A shard as rows: sequences, or where there are none its documents without the empty ones.

    `filled` is of each row the number of tokens that are no padding; `source` the rank of a document's source.
    """

    tokens: Ids
    lengths: npt.NDArray[np.int64]
    filled: npt.NDArray[np.int64]
    source: npt.NDArray[np.uint8] | None

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[Ids]:
        ends = np.cumsum(self.lengths)
        for start, end in zip((ends - self.lengths).tolist(), ends.tolist(), strict=True):
            yield self.tokens[start:end]


@dataclass(frozen=True)
class Content:
    """What the files of a shard hold: ids, and the lengths of rows or documents where the format has borders."""

    tokens: Ids
    lengths: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Written:
    """What there is of a format in the end; `tokens` of each shard by split. For index files, and to tell trainers."""

    tokens: Mapping[str, tuple[int, ...]]
    vocab_size: int
    bos_id: int | None
    eos_id: int | None
    sequence: SequenceRecipe | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """As in `ShardSpec`."""
        return token_dtype(self.vocab_size)

    @property
    def length(self) -> int:
        """Of a sequence as the arguments of trainers name it: the recipe's, or the paper's 2,048."""
        return self.sequence.length if self.sequence else 2048

    def names(self, split: str) -> list[str]:
        """The shards of a split that hold tokens."""
        counts = self.tokens.get(split, ())
        return [f"{split}-{k:05d}-of-{len(counts):05d}" for k, n in enumerate(counts) if n]


def ids_of(shard: Shard, spec: ShardSpec) -> Ids:
    """All ids of a shard, in the width of its vocabulary. Raises ShardError for an id that is not in it."""
    return fit(shard.tokens, spec.vocab_size, spec.dtype, spec.name)


def document_lengths(shard: Shard) -> npt.NDArray[np.int64]:
    """Of the documents that are not empty: a reader may choke on those, and they change no stream."""
    lengths = shard.table["length"].astype(np.int64)
    return lengths[lengths > 0]


def rows_of(shard: Shard, spec: ShardSpec) -> Rows:
    """The rows of a shard, for formats whose trainers take each row as it is."""
    ids = ids_of(shard, spec)
    if spec.sequence is None:
        lengths = document_lengths(shard)
        return Rows(ids, lengths, lengths, shard.table["source"][shard.table["length"] > 0])
    layout = lay_out(shard.table["length"], spec.sequence)
    if spec.n_sequences is not None:
        layout = layout.first(spec.n_sequences)
    rows = pack_rows(ids, layout, spec.sequence.pad)
    return Rows(rows.reshape(-1), np.full(layout.n, layout.length, np.int64), layout.filled, None)


def digest_of_documents(
    ids: Ids, start: npt.NDArray[np.int64], length: npt.NDArray[np.int64], sources: Sequence[str]
) -> int:
    """The digest of the documents of a shard, to be summed over shards: neither their order nor their number matters.

    Each document, with its marks and each copy of it, adds SHA-256(source, NUL, its ids as raw shards have them).

    >>> ids = np.array([1, 5, 2, 1, 2], "<u2")
    >>> one = digest_of_documents(ids, np.array([0, 3]), np.array([3, 2]), ["books", "arxiv"])
    >>> one == digest_of_documents(ids[[3, 4, 0, 1, 2]], np.array([0, 2]), np.array([2, 3]), ["arxiv", "books"])
    True
    """
    data, width, total = np.ascontiguousarray(ids).view(np.uint8).data, ids.itemsize, 0
    begun = {source: hashlib.sha256(f"{source}\0".encode()) for source in set(sources)}
    ends = ((start + length) * width).tolist()
    for source, first, last in zip(sources, (start * width).tolist(), ends, strict=True):
        sha256 = begun[source].copy()
        sha256.update(data[first:last])
        total += int.from_bytes(sha256.digest(), "big")
    return add_digests(total)


def cut_parts(sizes: npt.NDArray[Any], limit: int = PART_BYTES) -> list[slice]:
    """Consecutive items of these sizes in parts of at most `limit`, an item that is larger in one of its own.

    >>> cut_parts(np.array([3, 3, 9, 1]), 6)
    [slice(0, 2, None), slice(2, 3, None), slice(3, 4, None)]
    """
    ends = np.cumsum(sizes, dtype=np.int64)
    parts, first = [], 0
    while first < len(ends):
        before = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + limit, "right")))
        parts.append(slice(first, last))
        first = last
    return parts


def view(data: npt.NDArray[np.uint8], dtype: npt.DTypeLike, path: str, start: int = 0, n: int | None = None) -> Ids:
    """Numbers in a file that was read; a ShardError when it ends before them or within one."""
    width = np.dtype(dtype).itemsize
    stop = len(data) if n is None else start + n * width
    if stop > len(data) or start > stop or (stop - start) % width:
        raise ShardError(f"{path}: expected at least {max(start, stop):,} bytes, got {len(data):,}")
    return np.frombuffer(np.ascontiguousarray(data[start:stop]), dtype)


def expect(right: bool, path: str, text: str) -> None:
    """Raise a ShardError unless something is right of a file."""
    if not right:
        raise ShardError(f"{path}: {text}")
