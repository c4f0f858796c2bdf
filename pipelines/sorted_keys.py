"""More keys than memory should hold, sorted by runs on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..storage import key_ranges
from .source import Keys

IN_MEMORY = 1 << 22  # keys before they are sorted and put aside


class Sorted(NamedTuple):
    """Distinct keys in ascending order, how many documents have each, and, where asked for, the smallest owner."""

    keys: Keys
    counts: npt.NDArray[np.int64]
    owners: Keys  # empty where there are none


class SortedKeys:
    """Keys of many documents, sorted on disk: each key once, with the number of documents that have it.

    With `owned` each document comes with a number, its owner key, and the smallest one of each key is kept.
    """

    def __init__(self, folder: Path, owned: bool = False, in_memory: int | None = None):
        self.folder, self.owned, self.in_memory = folder, owned, in_memory or IN_MEMORY
        self._held: list[Keys] = []
        self._owners: list[int] = []
        self._n_held = 0
        self._runs: list[Sorted] = []

    def add(self, keys: Keys, owner: int = 0) -> None:
        """The keys of one document; repeats in it count once."""
        self._held.append(np.unique(keys))
        self._owners.append(owner)
        self._n_held += len(self._held[-1]) + 16  # an array is as large as so many keys
        if self._n_held >= self.in_memory:
            self._put_aside()

    def _sorted(self) -> Sorted:
        """What is held, and nothing is held any more."""
        owners = np.zeros(0, np.uint64)
        if self.owned:
            owners = np.repeat(np.array(self._owners, np.uint64), [len(keys) for keys in self._held])
        found = _distinct(np.concatenate(self._held), None, owners)
        self._held, self._owners, self._n_held = [], [], 0
        return found

    def _put_aside(self) -> None:
        mapped = []
        for name, values in self._sorted()._asdict().items():
            path = self.folder / f"{len(self._runs)}.{name}.npy"
            np.save(path, values)
            mapped.append(np.load(path, mmap_mode="r") if len(values) else values)
        self._runs.append(Sorted(*mapped))

    def merged(self) -> Iterator[Sorted]:
        """Everything in ascending order, a piece at a time."""
        if not self._runs:
            if self._held:
                yield self._sorted()
            return
        if self._held:
            self._put_aside()
        n_keys = sum(len(run.keys) for run in self._runs)
        for first, last in key_ranges(-(-n_keys // self.in_memory)):
            cuts = [
                slice(
                    int(np.searchsorted(run.keys, np.uint64(first))),
                    int(np.searchsorted(run.keys, np.uint64(last - 1), "right")),
                )
                for run in self._runs
            ]
            keys, counts, owners = (
                np.concatenate([values[cut] for values, cut in zip(column, cuts, strict=True)])
                for column in zip(*self._runs, strict=True)
            )
            yield _distinct(keys, counts, owners)


def _distinct(keys: Keys, counts: npt.NDArray[np.int64] | None, owners: Keys) -> Sorted:
    """Each key once, in ascending order, the sum of its counts (1 each when there are none), its smallest owner."""
    if counts is None and not len(owners):
        keys = np.sort(keys)
    else:
        order = np.argsort(keys)
        keys = keys[order]
        counts = counts[order] if counts is not None else None
        owners = owners[order] if len(owners) else owners
    # Not np.unique without counts: it takes a slow way by hashing.
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])[: len(keys)])
    if not len(starts):
        return Sorted(keys, np.zeros(0, np.int64), owners)
    sums = np.diff(np.append(starts, len(keys))) if counts is None else np.add.reduceat(counts, starts)
    return Sorted(keys[starts], sums, np.minimum.reduceat(owners, starts) if len(owners) else owners)
