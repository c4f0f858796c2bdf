"""What an exchange found of one slice: which keys of its documents others have, so that these must not.

Its files are mapped, and read from a bucket by ranges: `exchange.py` writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..manifest import File, Receipt
from ..storage import RangeArray, between, join, map_array, read_bytes, read_json
from .source import Flags, Keep, Keys

KEYS, DOCUMENTS, OWNERS = ".keys", ".documents", ".owners"  # endings of the files of the keys of a slice
KEY = np.dtype("<u8")
NO_KEYS = np.zeros(0, KEY)
COUNT = np.dtype("<u4")  # of documents that have a key, in one slice
READ_AT_ONCE = 16  # files
IN_A_STEP = 1 << 20  # keys of a slice that are looked at together

Column = npt.NDArray[Any] | RangeArray
Url = Callable[[str, str], str]  # of a file, by its path and its SHA-256


@dataclass(frozen=True, slots=True)
class Hashed:
    """The files of the keys of one slice: keys, in how many documents each stands, and its smallest owner."""

    keys: tuple[str, File]
    documents: tuple[str, File]
    owners: tuple[str, File] | None  # where the smallest owner keeps a key

    @classmethod
    def of(cls, receipt: Receipt) -> Hashed:
        owned = any(path.endswith(OWNERS) for path in receipt.files)
        return cls(file_of(receipt, KEYS), file_of(receipt, DOCUMENTS), file_of(receipt, OWNERS) if owned else None)

    @property
    def sha256(self) -> tuple[str, ...]:
        return tuple(file.sha256 for _, file in (self.keys, self.documents, *([self.owners] if self.owners else [])))

    def open(self, url: Url) -> tuple[Column, Column, Column | None]:
        """The keys, how many documents have each, and their owners."""

        def column(file: tuple[str, File], dtype: np.dtype[Any]) -> Column:
            return map_array(url(file[0], file[1].sha256), dtype)

        owners = column(self.owners, KEY) if self.owners else None
        return column(self.keys, KEY), column(self.documents, COUNT), owners


def beside(keys: str, ending: str) -> str:
    """The file that lies beside one of keys.

    >>> beside("work/hash/c4/spans/a.keys", OWNERS)
    'work/hash/c4/spans/a.owners'
    """
    return keys.removesuffix(KEYS) + ending


@dataclass(frozen=True, slots=True)
class Sidecars:
    """What the exchange knows of one slice: its keys, and which of them go."""

    hashed: Hashed
    mask: tuple[str, File]
    keep: Keep

    @property
    def sha256(self) -> tuple[str, ...]:
        return (*self.hashed.sha256, self.mask[1].sha256, self.keep)


def sidecars_of(hashed: Mapping[str, Receipt], masked: Mapping[str, Receipt], keep: Keep) -> dict[str, Sidecars]:
    """The sidecars of each slice."""
    return {
        name: Sidecars(Hashed.of(hashed[name]), file_of(receipt, ".mask"), keep) for name, receipt in masked.items()
    }


def digests_of(sidecars: Mapping[str, Sidecars]) -> dict[str, tuple[str, ...]]:
    """What a fingerprint says of the sidecars of one slice, by exchange."""
    return {name: one.sha256 for name, one in sidecars.items()}


def open_all_answers(sidecars: Mapping[str, Sidecars], url: Url) -> dict[str, SliceAnswers]:
    """The answers of each exchange for one slice."""
    return {name: open_answers(one, url) for name, one in sidecars.items()}


def open_answers(sidecars: Sidecars, url: Url) -> SliceAnswers:
    """The answers for one slice; `url` gives the URL of a file by its path and its SHA-256."""
    keys, documents, owners = sidecars.hashed.open(url)
    mask = map_array(url(sidecars.mask[0], sidecars.mask[1].sha256), np.uint8)
    gone, repeated, owned = [NO_KEYS], [NO_KEYS], [NO_KEYS]
    for start in range(0, len(keys), IN_A_STEP):
        piece = slice(start, start + IN_A_STEP)
        here = keys[piece]
        goes = np.unpackbits(mask[start // 8 : (start + IN_A_STEP) // 8], count=len(here)).astype(bool)
        gone.append(here[goes])
        if sidecars.keep != "none":
            again = (documents[piece] > 1) & ~goes
            repeated.append(here[again])
            if owners is not None:
                owned.append(owners[piece][again])
    return SliceAnswers(*map(np.concatenate, (gone, repeated, owned)))


class SliceAnswers:
    """Which keys of the documents of one slice are taken. Ask once for each document, in the order of the slice.

    `gone` goes from all documents, `repeated` from all but the first that has it; with `owned`, from all but those of
    this owner.

    >>> key = lambda *values: np.array(values, np.uint64)
    >>> answers = SliceAnswers(gone=key(9), repeated=key(7), owned=key())
    >>> [flags.tolist() for flags in answers.taken([key(7, 7, 9), key(8, 7)])]
    [[False, False, True], [False, True]]
    >>> answers = SliceAnswers(gone=key(9), repeated=key(7), owned=key(2))
    >>> [flags.tolist() for flags in answers.taken([key(7, 7, 9), key(8, 7)], [3, 2])]
    [[True, True, True], [False, False]]
    """

    def __init__(self, gone: Keys, repeated: Keys, owned: Keys = NO_KEYS):
        self._gone, self._repeated, self._owned = gone, repeated, owned
        self._seen = np.zeros(len(repeated), bool)

    def taken(self, keys: Sequence[Keys], owners: Sequence[int] = ()) -> list[Flags]:
        if not keys:
            return []
        together = np.concatenate(keys)
        flags, _ = find(self._gone, together)
        if len(self._owned):
            owner = np.repeat(np.array(owners, np.uint64), [len(one) for one in keys])
            found, at = find(self._repeated, together)
            flags |= found & (self._owned[at] != owner)
        answers = np.split(flags, np.cumsum([len(one) for one in keys])[:-1])
        if len(self._repeated) and not len(self._owned):
            for one, answer in zip(keys, answers, strict=True):
                found, at = find(self._repeated, one)
                answer |= found & self._seen[at]
                self._seen[at[found]] = True
        return answers


def documents_with(output: str, group: str, keys: Keys) -> list[int]:
    """In how many documents of a group each key stands; `group` is the file beside a mask that says where it is."""
    distinct, which = np.unique(keys, return_inverse=True)
    totals = np.zeros(len(distinct), np.int64)

    def count(file: tuple[str, int]) -> npt.NDArray[np.int64]:
        path, size = file
        held = map_array(join(output, path), KEY, size)
        counts = map_array(beside(join(output, path), DOCUMENTS), COUNT)
        found = np.zeros(len(distinct), np.int64)
        if isinstance(held, np.ndarray) and isinstance(counts, np.ndarray):
            here, at = find(held, distinct)
            found[here] = counts[at[here]]
            return found
        for number, key in enumerate(distinct.tolist()):  # in a bucket: a small read each
            position, here = between(held, key, key + 1)
            found[number] = counts[position : position + 1][0] if len(here) else 0
        return found

    listed = read_json(join(output, read_bytes(join(output, group)).decode()))
    with ThreadPoolExecutor(READ_AT_ONCE) as pool:
        for found in pool.map(count, listed):
            totals += found
    result: list[int] = totals[which].tolist()
    return result


def find(values: Keys, keys: Keys) -> tuple[Flags, npt.NDArray[np.intp]]:
    """Of each key, whether it is among the sorted values, and where."""
    if not len(values):
        return np.zeros(len(keys), bool), np.zeros(len(keys), np.intp)
    at = np.minimum(np.searchsorted(values, keys), len(values) - 1)
    return values[at] == keys, at


def file_of(receipt: Receipt, ending: str) -> tuple[str, File]:
    """The file of a receipt that has this ending."""
    return next((path, file) for path, file in receipt.files.items() if path.endswith(ending))
