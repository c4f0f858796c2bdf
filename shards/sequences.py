"""Documents packed into sequences of one length, for trainers that read rows and cut nothing themselves.

A sequence is a row of exactly `length` tokens. Three ways, all of them within a shard and without chance:

cross  the documents of the shard, back to back, are cut every `length` tokens; a rest shorter than that is lost
fit    a document longer than `length` is cut into pieces, any other stays whole; each piece, longest first, goes into
       the sequence where it leaves the least room; what stays free is padding, and nothing is lost
alone  the same pieces, one in a sequence

BOS and EOS stand where they stand in the document: a cut one has BOS in its first piece alone, EOS in its last.

Source of fit: Ding et al. 2024, "Fewer Truncations Improve Language Modeling", section 3 (best-fit decreasing).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..mixtures.recipe import SequenceRecipe
from .tokens import Ids

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """Where each piece of a shard's tokens stands: piece i is `size[i]` tokens from token `start[i]` of the shard on,
    in row `row[i]` from token `at[i]` of the row on; `n` rows of `length` tokens."""

    length: int
    n: int
    start: Numbers
    size: Numbers
    row: Numbers
    at: Numbers

    @property
    def n_held(self) -> int:
        """Tokens of documents in the rows."""
        return int(self.size.sum())

    @property
    def n_padding(self) -> int:
        """Tokens in the rows that are of no document."""
        return self.n * self.length - self.n_held

    def first(self, n: int) -> Layout:
        """The first n rows."""
        if n >= self.n:
            return self
        kept = self.row < n
        return Layout(self.length, n, self.start[kept], self.size[kept], self.row[kept], self.at[kept])

    @property
    def filled(self) -> Numbers:
        """Of each row the tokens that are no padding; they are its first ones."""
        return np.bincount(self.row, self.size, self.n).astype(np.int64)


def lay_out(lengths: npt.NDArray[Any], sequence: SequenceRecipe) -> Layout:
    """The sequences of documents of these lengths, in their order in the shard; empty documents are in none.

    >>> layout = lay_out(np.array([3, 9, 2, 4]), SequenceRecipe(length=5, documents="cross"))
    >>> layout.n, layout.start.tolist(), layout.n_padding
    (3, [0, 5, 10], 0)
    >>> layout = lay_out(np.array([3, 9, 2, 4]), SequenceRecipe(length=5, documents="fit"))
    >>> layout.row.tolist(), layout.at.tolist(), layout.size.tolist(), layout.n_padding
    ([0, 0, 1, 2, 3], [0, 3, 0, 0, 0], [3, 2, 5, 4, 4], 2)
    """
    if sequence.documents == "cross":
        n = int(lengths.sum(dtype=np.int64)) // sequence.length
        rows = np.arange(n, dtype=np.int64)
        size = np.full(n, sequence.length, np.int64)
        return Layout(sequence.length, n, rows * sequence.length, size, rows, np.zeros(n, np.int64))
    start, size = _pieces(lengths.astype(np.int64), sequence.length)
    if sequence.documents == "alone":
        return Layout(sequence.length, len(size), start, size, np.arange(len(size)), np.zeros(len(size), np.int64))
    row, at = _best_fit(size, sequence.length)
    # Rows in the order of their longest pieces in the shard, which is shuffled already.
    opener = np.full(int(row.max(initial=-1)) + 1, -1, np.int64)
    opener[row[at == 0]] = start[at == 0]
    row = np.argsort(np.argsort(opener))[row]
    order = np.lexsort((at, row))
    return Layout(sequence.length, len(opener), start[order], size[order], row[order], at[order])


def _pieces(lengths: Numbers, length: int) -> tuple[Numbers, Numbers]:
    """Start and size of the pieces of all documents: as many full ones as there are, and the rest."""
    n_pieces = -(-lengths // length)
    document = np.repeat(np.arange(len(lengths)), n_pieces)
    number = np.arange(len(document)) - (np.cumsum(n_pieces) - n_pieces)[document]
    start = (np.cumsum(lengths) - lengths)[document] + number * length
    return start, np.minimum(length, lengths[document] - number * length)


def _best_fit(size: Numbers, length: int) -> tuple[Numbers, Numbers]:
    """Of each piece its row, and its place in the row: longest first, equal ones in their order, each where it leaves
    the least room; of rows alike the one that was filled last."""
    row, at = np.zeros(len(size), np.int64), np.zeros(len(size), np.int64)
    rows_by_room: dict[int, list[int]] = defaultdict(list)
    rooms = 0  # bit r: there is a row with room for exactly r tokens
    n = 0
    for piece in np.argsort(-size, kind="stable").tolist():
        need = int(size[piece])
        if enough := rooms >> need:
            room = need + (enough & -enough).bit_length() - 1  # the smallest that is enough
            row[piece] = rows_by_room[room].pop()
            if not rows_by_room[room]:
                rooms ^= 1 << room
        else:
            room, row[piece], n = length, n, n + 1
        at[piece] = length - room
        if left := room - need:
            rows_by_room[left].append(int(row[piece]))
            rooms |= 1 << left
    return row, at


def pack_rows(tokens: Ids, layout: Layout, pad: int) -> Ids:
    """The rows, (n, length).

    >>> layout = lay_out(np.array([3, 2, 4]), SequenceRecipe(length=5, documents="fit"))
    >>> pack_rows(np.arange(1, 10), layout, 0).tolist()
    [[1, 2, 3, 4, 5], [6, 7, 8, 9, 0]]
    """
    rows = np.full(layout.n * layout.length, pad, tokens.dtype)
    places = (layout.row * layout.length + layout.at).tolist()
    for place, start, size in zip(places, layout.start.tolist(), layout.size.tolist(), strict=True):
        rows[place : place + size] = tokens[start : start + size]
    return rows.reshape(layout.n, layout.length)


def unpack_rows(rows: Ids, layout: Layout, n_tokens: int) -> tuple[Ids, npt.NDArray[np.bool_]]:
    """The tokens of the shard again, and which of them the rows hold."""
    tokens, held = np.zeros(n_tokens, rows.dtype), np.zeros(n_tokens, np.bool_)
    flat, places = rows.reshape(-1), (layout.row * layout.length + layout.at).tolist()
    for place, start, size in zip(places, layout.start.tolist(), layout.size.tolist(), strict=True):
        tokens[start : start + size] = flat[place : place + size]
        held[start : start + size] = True
    return tokens, held
