"""More keys than memory should hold, sorted by runs on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..storage import key_ranges
from .source import Keys

IN_MEMORY = 1 << 22  # keys before they are sorted and put aside


class SortedKeys:
    """Keys of many documents, sorted on disk: each key once, with the number of documents that have it."""

    def __init__(self, folder: Path, in_memory: int = IN_MEMORY):
        self.folder, self.in_memory = folder, in_memory
        self._held: list[Keys] = []
        self._n_held = 0
        self._runs: list[tuple[Keys, npt.NDArray[np.int64]]] = []

    def add(self, keys: Keys) -> None:
        """The keys of one document; repeats in it count once."""
        self._held.append(np.unique(keys))
        self._n_held += len(self._held[-1]) + 16  # an array is as large as so many keys
        if self._n_held >= self.in_memory:
            self._put_aside()

    def _put_aside(self) -> None:
        distinct, counts = _distinct(np.concatenate(self._held), None)
        self._held, self._n_held = [], 0
        mapped = []
        for name, values in (("keys", distinct), ("counts", counts)):
            path = self.folder / f"{len(self._runs)}.{name}.npy"
            np.save(path, values)
            mapped.append(np.load(path, mmap_mode="r"))
        self._runs.append((mapped[0], mapped[1]))

    def merged(self) -> Iterator[tuple[Keys, npt.NDArray[np.int64]]]:
        """Everything in ascending order, a piece at a time: (distinct keys, documents that have each)."""
        if not self._runs:
            if self._held:
                yield _distinct(np.concatenate(self._held), None)
            return
        if self._held:
            self._put_aside()
        n_keys = sum(len(keys) for keys, _ in self._runs)
        for first, last in key_ranges(-(-n_keys // self.in_memory)):
            cuts = [
                (np.searchsorted(keys, np.uint64(first)), np.searchsorted(keys, np.uint64(last - 1), "right"))
                for keys, _ in self._runs
            ]
            keys = np.concatenate([run[0][a:b] for run, (a, b) in zip(self._runs, cuts, strict=True)])
            counts = np.concatenate([run[1][a:b] for run, (a, b) in zip(self._runs, cuts, strict=True)])
            yield _distinct(keys, counts)


def _distinct(keys: Keys, counts: npt.NDArray[np.int64] | None) -> tuple[Keys, npt.NDArray[np.int64]]:
    """Each key once, in ascending order, and the sum of its counts (1 each when there are none)."""
    if counts is None:
        keys = np.sort(keys)
    else:
        order = np.argsort(keys)
        keys, counts = keys[order], counts[order]
    # Not np.unique without counts: it takes a slow way by hashing.
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])[: len(keys)])
    sums = np.diff(np.append(starts, len(keys))) if counts is None else np.add.reduceat(counts, starts)
    return keys[starts], sums if len(starts) else np.zeros(0, np.int64)
