"""What documents have in common, found without moving their text: which lines stand in other documents too.

hash      each slice: read, run the steps before the exchange, write the sorted distinct keys of all documents
exchange  the keys of a group, by ranges of their value, from all its slices: a bit for each key that goes
masks     each slice: its bits from all ranges in one file, so that only a slice whose bits changed is read again

A range is read from each file by position, so that memory follows the size of a range, never that of a group, and no
key passes through a runner. Then `Answers` say of each document's keys which are taken.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import ShardError
from ..manifest import WORK, File, Receipt
from ..mixtures.recipe import SourceRecipe
from ..records import Document
from ..storage import MIB, between, digest, join, map_array, read_bytes, read_json, read_range, sizes, write_json
from .phase import Item, Phase, ShardOutput
from .reading import Reading, made_from, versions
from .sorted_keys import SortedKeys
from .source import Aids, Exchange, Flags, Keep, Keys, Source, Step, batches, run_steps
from .sources import SOURCES

KEY = np.dtype("<u8")
COUNT = np.dtype("<u4")  # of documents that have a key, in one slice
ENTRY = np.dtype([("start", "<u8"), ("keys", "<u8")])  # of a slice in a file of bits: where they begin, how many


def exchange_of(source: Source, options: SourceRecipe) -> tuple[tuple[Step, ...], Exchange] | None:
    """The steps of a source before its exchange, and the exchange; None where no step needs one."""
    steps = source.steps(options, Aids())
    return next(((steps[:number], step.exchange) for number, step in enumerate(steps) if step.exchange), None)


# --- hash -------------------------------------------------------------------------------------------------------------


def hash_phase(source: Source, plan: Sequence[Reading], steps: Sequence[Step], exchange: Exchange) -> Phase:
    """Read the inputs, and write down the keys of the documents that the steps before the exchange leave."""
    items = []
    for reading in plan:
        decides = (source.version, versions(steps), dict(exchange.decides), reading.limit)
        fingerprint = digest("hash", 1, decides, made_from(reading.slice))
        items.append(Item(reading.slice.name, fingerprint, reading.slice.stop - reading.slice.start, reading))
    return Phase(f"{source.name}/hash", items, hash_slice, unit="keys")


def hash_slice(task: Reading, out: ShardOutput) -> None:
    source = SOURCES[task.source]
    found = exchange_of(source, task.recipe)
    assert found, "planned for a source with an exchange"
    steps, exchange = found
    # Damage is accounted for when the slice is read again.
    documents = (record for record in task.records(Counter()) if isinstance(record, Document))
    admitted = (result for result in run_steps(documents, steps) if isinstance(result, Document))
    stem = _stem("hash", task.source, task.slice.name)
    with tempfile.TemporaryDirectory() as scratch:
        runs = SortedKeys(Path(scratch))
        for batch in batches(admitted):
            for keys in exchange.keys(batch):
                runs.add(keys)
        with (
            out.binary(f"{stem}.documents") as counts_file,
            out.binary(f"{stem}.keys", width=KEY.itemsize) as keys_file,
        ):
            for distinct, counts in runs.merged():
                keys_file.write(distinct.astype(KEY, copy=False))
                counts_file.write(counts.astype(COUNT, copy=False))


# --- exchange ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Group:
    """Slices that are compared with one another. `name` begins with what they have in common."""

    name: str
    slices: tuple[str, ...]  # in the order of the plan


def groups_of(exchange: Exchange, plan: Sequence[Reading]) -> list[Group]:
    """The slices of each scope, cut into as many groups as the exchange says, or as there are slices.

    Source: cc_net, mine.py: shard i is compared with the shards of its own group of 50 (32 groups of 1,600 shards).
    """
    scopes: dict[str, list[str]] = {}
    for reading in plan:
        scopes.setdefault(exchange.scope(reading.slice.input), []).append(reading.slice.name)
    groups = []
    for scope, names in scopes.items():
        n_groups = min(exchange.groups, len(names))
        for number in range(n_groups):
            start, stop = (len(names) * edge // n_groups for edge in (number, number + 1))
            groups.append(Group(f"{scope}-{number:05d}-of-{n_groups:05d}", tuple(names[start:stop])))
    return groups


@dataclass(frozen=True, slots=True)
class Compare:
    """Task: the keys of a group in [first, last). `files` is a JSON file of the paths of its slices' keys."""

    files: str
    first: int
    last: int
    keep: Keep
    path: str  # of the bits


def exchange_phase(
    source: str, output: str, groups: Sequence[Group], hashed: Mapping[str, Receipt], keep: Keep, part_mb: float
) -> Phase:
    """Compare the keys of each group; a work item holds at most `part_mb` of them."""
    items = []
    for group in groups:
        keys = dict(_of(hashed[name], ".keys") for name in group.slices)
        size = sum(file.bytes for file in keys.values())
        parts = max(1, -(-size // int(part_mb * MIB)))
        files = join(WORK, "exchange", source, f"{group.name}.keys.json")
        write_json(join(output, files), list(keys))
        made = digest("exchange", 1, keep, [file.sha256 for file in keys.values()], parts)
        for part in range(parts):
            first, last = ((1 << 64) * edge // parts for edge in (part, part + 1))
            name = f"{group.name}-part-{part:05d}"
            task = Compare(files, first, last, keep, _stem("exchange", source, f"{name}.bits"))
            items.append(Item(name, digest(made, part), size // parts, task))
    return Phase(f"{source}/exchange", items, compare, unit="keys")


def compare(task: Compare, out: ShardOutput) -> None:
    pieces = [
        between(map_array(out.url(path), KEY), task.first, task.last)[1] for path in read_json(out.url(task.files))
    ]
    sizes = np.array([len(piece) for piece in pieces])
    starts = len(pieces) * ENTRY.itemsize + np.cumsum(-(-sizes // 8)) + (-sizes // 8)
    with out.binary(task.path, rows=int(sizes.sum())) as file:
        entries = np.zeros(len(pieces), ENTRY)
        entries["start"], entries["keys"] = starts, sizes
        file.write(entries.tobytes())
        for drop in find_taken(pieces, task.keep):
            file.write(np.packbits(drop).tobytes())


def find_taken(pieces: Sequence[Keys], keep: Keep) -> Iterator[Flags]:
    """Of the sorted distinct keys of each slice: which of them another slice has (`none`), or an earlier one (`first`).

    >>> a, b = np.array([1, 3], np.uint64), np.array([2, 3], np.uint64)
    >>> [flags.tolist() for flags in find_taken([a, b], "none")], [f.tolist() for f in find_taken([a, b], "first")]
    ([[False, True], [False, True]], [[False, False], [False, True]])
    """
    everything = np.concatenate(pieces)
    everything.sort()
    twice = everything[1:][everything[1:] == everything[:-1]]
    del everything
    shared = twice[np.append(twice[1:] != twice[:-1], True)[: len(twice)]]
    taken = np.full(len(shared), keep == "none")
    for keys in pieces:
        drop = np.zeros(len(keys), bool)
        if len(shared):
            at = np.minimum(np.searchsorted(shared, keys), len(shared) - 1)
            hit = shared[at] == keys
            drop[hit] = taken[at[hit]]
            taken[at[hit]] = True  # for `first`: the slices after this one do not keep it
        yield drop


# --- masks ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mask:
    """Task: the bits of one slice, which stands at `position` in each of the files of its group."""

    documents: str
    bits: str  # a JSON file of the paths
    position: int
    keep: Keep
    path: str


def masks_phase(
    source: str,
    output: str,
    groups: Sequence[Group],
    hashed: Mapping[str, Receipt],
    compared: Mapping[str, Receipt],
    keep: Keep,
) -> Phase:
    """Bring the bits of each slice together: over its own keys, those that go."""
    bits_of: dict[str, dict[str, str]] = {}
    for name, receipt in compared.items():
        found = {path: file.sha256 for path, file in receipt.files.items()}
        bits_of.setdefault(name.rpartition("-part-")[0], {}).update(found)
    items = []
    for group in groups:
        parts = bits_of[group.name]
        bits = join(WORK, "exchange", source, f"{group.name}.bits.json")
        write_json(join(output, bits), list(parts))
        for position, name in enumerate(group.slices):
            documents, file = _of(hashed[name], ".documents")
            fingerprint = digest("masks", 1, keep, position, file.sha256, list(parts.values()))
            task = Mask(documents, bits, position, keep, _stem("masks", source, f"{name}.mask"))
            items.append(Item(name, fingerprint, file.bytes, task))
    return Phase(f"{source}/masks", items, gather, unit="keys")


def gather(task: Mask, out: ShardOutput) -> None:
    documents = np.frombuffer(read_bytes(out.url(task.documents)), COUNT)
    pieces = [np.zeros(0, bool)]
    for path in read_json(out.url(task.bits)):
        place = task.position * ENTRY.itemsize
        [(start, n_keys)] = np.frombuffer(read_range(out.url(path), place, place + ENTRY.itemsize), ENTRY).tolist()
        packed = read_range(out.url(path), start, start + -(-n_keys // 8))
        pieces.append(np.unpackbits(np.frombuffer(packed, np.uint8), count=n_keys).astype(bool))
    taken = np.concatenate(pieces)
    if len(taken) != len(documents):
        raise ShardError(f"{task.bits}: expected a bit for each of {len(documents):,} keys, found {len(taken):,}.")
    if task.keep == "none":
        taken |= documents > 1
    with out.binary(task.path, rows=len(taken)) as file:
        file.write(np.packbits(taken).tobytes())


# --- answers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sidecars:
    """What the exchange knows of one slice: its keys, in how many documents each stands, and which of them go."""

    keys: tuple[str, File]
    documents: tuple[str, File]
    mask: tuple[str, File]
    keep: Keep

    @property
    def sha256(self) -> tuple[str, ...]:
        return (self.keys[1].sha256, self.documents[1].sha256, self.mask[1].sha256, self.keep)


def sidecars_of(hashed: Mapping[str, Receipt], masked: Mapping[str, Receipt], keep: Keep) -> dict[str, Sidecars]:
    """The sidecars of each slice."""
    return {
        name: Sidecars(_of(hashed[name], ".keys"), _of(hashed[name], ".documents"), _of(receipt, ".mask"), keep)
        for name, receipt in masked.items()
    }


def open_answers(sidecars: Sidecars, url: Callable[[str, str], str]) -> SliceAnswers:
    """The answers for one slice; `url` gives the URL of a file by its path and its SHA-256."""
    keys, documents, mask = (
        read_bytes(url(path, file.sha256)) for path, file in (sidecars.keys, sidecars.documents, sidecars.mask)
    )
    values = np.frombuffer(keys, KEY)
    goes = np.unpackbits(np.frombuffer(mask, np.uint8), count=len(values)).astype(bool)
    return SliceAnswers(values, np.frombuffer(documents, COUNT), goes, sidecars.keep)


class SliceAnswers:
    """Which keys of the documents of one slice are taken. Ask once for each document, in the order of the slice.

    >>> key = lambda *values: np.array(values, np.uint64)
    >>> first = SliceAnswers(key(7, 8, 9), np.array([2, 1, 1]), np.array([False, False, True]), "first")
    >>> [flags.tolist() for flags in first.taken([key(7, 7, 9), key(8, 7)])]  # 9 stands in an earlier slice
    [[False, False, True], [False, True]]
    """

    def __init__(self, keys: Keys, documents: npt.NDArray[np.uint32], goes: Flags, keep: Keep):
        self._gone = keys[goes]
        # Of keys that this slice may keep, but only in one of its documents: the first that comes.
        self._repeated = keys[(documents > 1) & ~goes] if keep == "first" else keys[:0]
        self._seen = np.zeros(len(self._repeated), bool)

    def taken(self, keys: Sequence[Keys]) -> list[Flags]:
        if not keys:
            return []
        together = np.concatenate(keys)
        flags, _ = _find(self._gone, together)
        answers = np.split(flags, np.cumsum([len(one) for one in keys])[:-1])
        if len(self._repeated):
            for one, answer in zip(keys, answers, strict=True):
                found, at = _find(self._repeated, one)
                answer |= found & self._seen[at]
                self._seen[at[found]] = True
        return answers


def documents_with(output: str, source: str, slice_name: str, keys: Keys) -> list[int]:
    """In how many documents of its group each key of a document stands, the document itself included."""
    folder = join(output, WORK, "exchange", source)
    own = f"{_stem('hash', source, slice_name)}.keys"
    groups = (read_json(join(folder, name)) for name in sizes(folder) if name.endswith(".keys.json"))
    paths = next(paths for paths in groups if own in paths)
    totals = [0] * len(keys)
    for path in paths:
        held, counts = map_array(join(output, path), KEY), map_array(_documents_of(join(output, path)), COUNT)
        for number, key in enumerate(keys.tolist()):
            position, found = between(held, key, key + 1)
            if len(found):
                totals[number] += int(counts[position : position + 1][0])
    return totals


def _documents_of(keys: str) -> str:
    return f"{keys.removesuffix('.keys')}.documents"


def _find(values: Keys, keys: Keys) -> tuple[Flags, npt.NDArray[np.intp]]:
    """Of each key, whether it is among the sorted values, and where."""
    if not len(values):
        return np.zeros(len(keys), bool), np.zeros(len(keys), np.intp)
    at = np.minimum(np.searchsorted(values, keys), len(values) - 1)
    return values[at] == keys, at


def _of(receipt: Receipt, ending: str) -> tuple[str, File]:
    """The file of a receipt that has this ending."""
    return next((path, file) for path, file in receipt.files.items() if path.endswith(ending))


def _stem(kind: str, source: str, name: str) -> str:
    return join(WORK, kind, source, name)
