"""One token shard from the token files and the plans of all sources, alone, in memory of two shards' tokens.

First the index pieces of the shard's arcs are read, then the token ranges they name; documents are put in the order of
a fresh hash, with BOS and EOS around each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ShardError
from ..mixtures.circle import (
    CIRCLE,
    Keys,
    Lengths,
    SourcePlan,
    count_tokens,
    in_validation,
    included,
    plan_source,
    remix,
    salt,
    turn,
)
from .tokens import Ids, Index, TokenFile, take

TABLE = np.dtype(
    [("start", "<u8"), ("length", "<u4"), ("file", "<u4"), ("row", "<u4"), ("source", "u1"), ("copy", "u1")]
)
VALIDATION_SEED = 0  # validation shards are the same bytes under every recipe
BLOCK = 1 << 20  # records of an index read at once while planning

Files = Mapping[str, Sequence[TokenFile]]


@dataclass(frozen=True)
class Shard:
    """The tokens of a shard with BOS and EOS, and a record (TABLE) of each document, in order.

    `start` and `length` count tokens as written; `source` is the rank of the source's name, `file` the rank of its
    token file within the source, `row` the document's row in that document shard, `copy` which of its copies this is.
    """

    tokens: Ids
    table: npt.NDArray[np.void]


@dataclass(frozen=True)
class Side:
    """One side of the validation split."""

    share: float
    validation: bool = False

    def holds(self, split: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
        """Which split hashes are on this side.

        >>> Side(0.5).holds(np.array([0, 1 << 31], np.uint32)).tolist()
        [False, True]
        """
        held = in_validation(split, self.share)
        return held if self.validation else ~held


@dataclass(frozen=True)
class Documents:
    """Keys and lengths (as written) of a source's documents on one side of the split, as the planner reads them."""

    files: Sequence[TokenFile]
    side: Side
    marks: int

    def __iter__(self) -> Iterator[tuple[Keys, Lengths]]:
        for file in self.files:
            for start in range(0, len(file.index), BLOCK):
                index = file.index[start : start + BLOCK]
                index = index[self.side.holds(index["split"])]
                yield index["key"], index["length"].astype(np.int64) + self.marks


@dataclass(frozen=True)
class _Piece:
    """A contiguous piece of a token file that a shard takes documents from: its index, and which of them."""

    source: int
    file_rank: int  # of the first of its files, where it was merged
    copy: int
    file: TokenFile
    index: Index
    chosen: npt.NDArray[np.bool_]

    def read(self, bos: int | None, eos: int | None) -> Ids:
        """The chosen documents as written, back to back."""
        lengths, text = self.index["length"].astype(np.int64), self.file.text(self.index)
        n = len(lengths)
        # elements 0..n-1 are the documents, then come BOS and EOS as an element each
        marks = np.array([mark for mark in (bos, eos) if mark is not None], text.dtype)
        rows = np.flatnonzero(self.chosen)
        before = [] if bos is None else [np.full(len(rows), n)]
        after = [] if eos is None else [np.full(len(rows), n + len(marks) - 1)]
        picks = np.stack([*before, rows, *after], axis=1).ravel()
        return take(np.concatenate([text, marks]), np.append(lengths, np.ones(len(marks), np.int64)), picks)

    def records(self, marks: int) -> npt.NDArray[np.void]:
        """The table of the chosen documents, without starts."""
        index = self.index[self.chosen]
        table = np.zeros(len(index), TABLE)
        table["length"], table["row"] = index["length"] + np.uint32(marks), index["row"]
        table["source"], table["copy"] = self.source, self.copy
        table["file"] = index["file"] + np.uint32(self.file_rank)
        return table


def documents(files: Sequence[TokenFile], validation: float, bos: int | None, eos: int | None) -> Documents:
    """The training documents of a source, for `plan_source`."""
    return Documents(files, Side(validation), _count_marks(bos, eos))


def build_shard(
    files: Files,
    plans: Mapping[str, SourcePlan],
    k: int,
    seed: int,
    validation: float,
    bos: int | None,
    eos: int | None,
) -> Shard:
    """Training shard k, from plans made with the same seed, validation share and marks.

    The marks BOS and EOS are ids, put around every document; None is not written.
    """
    return _build(files, plans, k, seed, Side(validation), bos, eos)


def plan_validation(
    files: Files, shards: int, validation: float, bos: int | None, eos: int | None
) -> dict[str, SourcePlan]:
    """Plans that bring each validation document once, whatever the recipe's weights and seed."""
    marks, side = _count_marks(bos, eos), Side(validation, validation=True)
    chunks = {source: Documents(files[source], side, marks) for source in sorted(files)}
    return {
        source: plan_source(source, found, count_tokens(found), shards, VALIDATION_SEED)
        for source, found in chunks.items()
    }


def build_validation(
    files: Files, plans: Mapping[str, SourcePlan], k: int, validation: float, bos: int | None, eos: int | None
) -> Shard:
    """Validation shard k, from the plans of `plan_validation`."""
    return _build(files, plans, k, VALIDATION_SEED, Side(validation, validation=True), bos, eos)


def shard_lengths(
    files: Files, plans: Mapping[str, SourcePlan], k: int, seed: int, side: Side, bos: int | None, eos: int | None
) -> npt.NDArray[np.int64]:
    """The lengths of the documents of shard k as written, in their order. Only indexes are read."""
    seed = VALIDATION_SEED if side.validation else seed
    table, order = _order(list(_pieces(files, plans, k, seed, side)), seed, _count_marks(bos, eos))
    return table["length"].astype(np.int64)[order]


def _count_marks(bos: int | None, eos: int | None) -> int:
    return (bos is not None) + (eos is not None)


def _build(
    files: Files, plans: Mapping[str, SourcePlan], k: int, seed: int, side: Side, bos: int | None, eos: int | None
) -> Shard:
    dtype = _common_dtype(files)
    pieces = list(_pieces(files, plans, k, seed, side))
    table, order = _order(pieces, seed, _count_marks(bos, eos))
    lengths = table["length"].astype(np.int64)
    text = np.empty(int(lengths.sum()), dtype)
    at = 0
    for piece in pieces:
        ids = piece.read(bos, eos)
        text[at : at + len(ids)] = ids
        at += len(ids)
    table = table[order]
    table["start"] = np.cumsum(table["length"], dtype=np.uint64) - table["length"]
    return Shard(take(text, lengths, order), table)


def _order(pieces: Sequence[_Piece], seed: int, marks: int) -> tuple[npt.NDArray[np.void], npt.NDArray[np.int64]]:
    """The table of all pieces, without starts, and the order in which its documents are written."""
    table = np.concatenate([np.zeros(0, TABLE), *(piece.records(marks) for piece in pieces)])
    fresh = np.concatenate(
        [np.zeros(0, np.uint64), *(remix(p.index["key"][p.chosen], salt("order", seed, p.copy)) for p in pieces)]
    )
    return table, np.argsort(fresh, kind="stable")  # equal hashes stay in order of source, copy, file and row


def _common_dtype(files: Files) -> np.dtype[Any]:
    dtypes = {file.tokens.dtype: file.name for of_source in files.values() for file in of_source}
    if len(dtypes) > 1:
        found = ", ".join(f"{dtype} in {name}" for dtype, name in dtypes.items())
        raise ShardError(f"token files: expected ids of one width, got {found}; tokenise all with one tokenizer")
    return next(iter(dtypes), np.dtype("<u2"))


def _pieces(files: Files, plans: Mapping[str, SourcePlan], k: int, seed: int, side: Side) -> Iterator[_Piece]:
    """The pieces that shard k takes, in order of source, copy, file and key."""
    for rank, source in enumerate(sorted(files)):
        plan = plans[source]
        start, stop = plan.arc(k)
        if start == stop:
            continue  # fewer documents than shards
        for copy in range(plan.copies):
            turned = turn(copy, seed)
            ranks = np.cumsum([0, *(file.n_files for file in files[source])]).tolist()
            for file_rank, file in zip(ranks, files[source], strict=False):
                for rows in file.arc((start - turned) % CIRCLE, (stop - turned) % CIRCLE):
                    index = file.index[rows]
                    chosen = side.holds(index["split"])
                    if copy == plan.whole_copies:
                        chosen &= included(index["key"], plan.limit)
                    if chosen.any():
                        yield _Piece(rank, file_rank, copy, file, index, chosen)
