"""The token file: the documents of one document shard as token ids, in ascending order key, with an index.

`<stem>.tokens` holds the ids back to back, without BOS and EOS (writers of shards add them), as little-endian uint16,
or uint32 for a vocabulary above 65,536 pieces. `<stem>.index` holds a record of 32 bytes (INDEX) a document, in the
same order: its key, the start and length of its ids (in tokens), its split hash, its row in the document shard, and 0,
or which file it comes from where several were merged (`merge.py`).
There is no seed of a recipe in either, so another mixture or number of shards never tokenises again.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..errors import ShardError
from ..mixtures.circle import keys_of, split_hash
from ..storage import array_of

INDEX = np.dtype(
    [("key", "<u8"), ("start", "<u8"), ("length", "<u4"), ("split", "<u4"), ("row", "<u4"), ("file", "<u4")]
)
Ids = npt.NDArray[np.integer[Any]]
Index = npt.NDArray[np.void]


class Reader(Protocol):
    """What is needed of an array of records: a NumPy array, a memory map, or ranges of a remote file."""

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> npt.NDArray[Any]: ...


def token_dtype(vocab_size: int) -> np.dtype[Any]:
    """How ids are stored in token files and raw shards.

    >>> token_dtype(65536), token_dtype(65537)
    (dtype('uint16'), dtype('uint32'))
    """
    return np.dtype("<u2" if vocab_size <= 65536 else "<u4")


def fit(tokens: Ids, vocab_size: int, dtype: npt.DTypeLike, where: str) -> Ids:
    """The ids in another width (the same array when it has that width); an id outside the vocabulary is a ShardError.

    >>> fit(np.array([3, 4]), 5, "<u2", "train-00000-of-00001")
    array([3, 4], dtype=uint16)
    """
    low, high = (int(tokens.min()), int(tokens.max())) if len(tokens) else (0, 0)
    if low < 0 or high >= vocab_size:
        wrong = low if low < 0 else high
        raise ShardError(
            f"{where}: expected token ids from 0 to {vocab_size - 1}, got {wrong}: tokens and vocabulary are of two "
            "tokenizers; tokenise again"
        )
    return np.ascontiguousarray(tokens, dtype)


def pack(
    ids: Sequence[str],
    tokens: Sequence[Ids],
    split_keys: Sequence[str],
    dtype: npt.DTypeLike,
    rows: Sequence[int] | None = None,
) -> tuple[Ids, Index]:
    """Token file and index of documents given in the order of their document shard, each with its token ids.

    `split_keys` names what must stay on one side of the validation split (a URL, a page, a book), one a document.
    `rows` are the numbers of their rows, where these do not count up from 0.
    Documents with equal keys keep the order of their rows.

    >>> packed, index = pack(["a", "b"], [np.array([1, 2]), np.array([3])], ["a", "b"], "<u2")
    >>> packed.tolist(), index["row"].tolist(), index["start"].tolist()
    ([3, 1, 2], [1, 0], [0, 1])
    """
    keys = keys_of(ids)
    order = np.argsort(keys, kind="stable")
    lengths = np.fromiter(map(len, tokens), np.int64, len(ids))[order]
    index = np.zeros(len(ids), INDEX)
    index["key"] = keys[order]
    index["start"] = np.cumsum(lengths) - lengths
    index["length"] = lengths
    index["split"] = split_hash(keys_of(split_keys))[order]
    index["row"] = order if rows is None else np.array(rows, np.int64)[order]
    packed = np.concatenate([np.zeros(0, dtype), *(tokens[row] for row in order.tolist())])
    return fit(packed, np.iinfo(dtype).max + 1, dtype, "token file"), index


def take(text: Ids, lengths: npt.NDArray[np.int64], picks: npt.NDArray[np.int64]) -> Ids:
    """Elements of a text in another order: element i is the next lengths[i] tokens, and the lengths fill the text.

    To Arrow they are byte strings, whose `take` copies each whole: 3 to 10 times faster than indexing token by token.
    """
    borders = np.concatenate([[0], np.cumsum(lengths)]) * text.itemsize
    assert borders[-1] == text.nbytes, "Arrow does not look at where a text ends"
    buffers = [None, pa.py_buffer(borders), pa.py_buffer(np.ascontiguousarray(text))]
    elements = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(lengths), buffers)
    taken = elements.take(pa.array(picks)).buffers()[2]
    return np.frombuffer(taken, text.dtype, int(lengths[picks].sum()))


class TokenFile:
    """A token file that is open for reading; `name` is for messages, and `n_files` of how many files it was merged."""

    def __init__(self, index: Reader, tokens: Reader, name: str = "token file", n_files: int = 1) -> None:
        self.index = index
        self.tokens = tokens
        self.name = name
        self.n_files = n_files

    @classmethod
    def open(cls, stem: str | Path, dtype: npt.DTypeLike, n_files: int = 1) -> TokenFile:
        """Open `<stem>.index` and `<stem>.tokens`, a path or URL; a ShardError when they do not fit each other.

        They are read by ranges, and not mapped: a map keeps its file open, and a process may have only so many.
        `dtype` is that of the tokenizer: `token_dtype(vocab_size)`.
        """
        index, tokens = array_of(f"{stem}.index", INDEX), array_of(f"{stem}.tokens", dtype)
        last = index[max(0, len(index) - 1) : len(index)]
        expected = int(last["start"][0]) + int(last["length"][0]) if len(last) else 0
        if expected != len(tokens):
            raise ShardError(
                f"{stem}.tokens: expected {expected:,} tokens by its index, got {len(tokens):,}; "
                "delete both files and run the same command again"
            )
        return cls(index, tokens, str(stem), n_files)

    def text(self, index: Index) -> Ids:
        """The ids of documents that follow each other, by their piece of the index; a ShardError where cut off."""
        start, n_tokens = int(index["start"][0]), int(index["length"].sum(dtype=np.int64))
        text = self.tokens[start : start + n_tokens]
        if len(text) != n_tokens:
            raise ShardError(
                f"{self.name}: expected {n_tokens:,} tokens from token {start:,} on, got {len(text):,}; "
                "delete it and run the same command again"
            )
        return text

    def find(self, key: int) -> int:
        """The rank of the first document at or after a key (0..2**64-1).

        Keys are uniform, so that a guess is right to a few sqrt(n): one small read; a wrong one makes it read more.
        """
        n = len(self.index)
        guess, slack = key * n >> 64, 6 * isqrt(n) + 8
        while True:
            low, high = max(0, guess - slack), min(n, guess + slack)
            # np.uint64: beside a plain int NumPy would compare as floats
            rank = low + int(np.searchsorted(self.index[low:high]["key"], np.uint64(key)))
            if (rank > low or low == 0) and (rank < high or high == n):
                return rank
            slack *= 8

    def arc(self, start: int, stop: int) -> list[slice]:
        """The documents with keys in [start, stop) on the circle, as at most two slices, none of them empty.

        Both are in 0..2**64-1; stop <= start means that the arc passes 0 (equal: all the way round).
        """
        first, last = self.find(start), self.find(stop)
        pieces = [slice(first, last)] if start < stop else [slice(first, len(self.index)), slice(0, last)]
        return [piece for piece in pieces if piece.start < piece.stop]
