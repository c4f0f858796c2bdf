"""What documents have in common, found without moving their text: which lines stand in other documents too.

hash      each slice: read, run the steps before the exchange, write the sorted distinct keys of all documents
exchange  the keys of a group, by ranges of their value, from all its slices: a bit for each key that goes
masks     each slice: its bits from all ranges in one file, so that only a slice whose bits changed is read again

A range is read from each file by position, so that memory follows the size of a range, never that of a group, and no
key passes through a runner. Then `Answers` say of each document's keys which are taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from ..errors import ShardError
from ..manifest import WORK, File, Receipt
from ..mixtures.recipe import SourceRecipe
from ..records import Document
from ..storage import (
    MIB,
    RangeArray,
    between,
    digest,
    join,
    key_ranges,
    map_array,
    read_bytes,
    read_json,
    read_range,
    remove,
    size_of,
    write_json,
)
from .inputs import Model
from .phase import AGAIN, Item, Phase, ShardOutput
from .reading import Reading, made_from, versions
from .results import urls_of, used
from .sorted_keys import SortedKeys
from .source import Aids, Exchange, Flags, Keep, Keys, Source, Step, batches, models_used, run_steps, shortened
from .sources import SOURCES

KEY = np.dtype("<u8")
COUNT = np.dtype("<u4")  # of documents that have a key, in one slice
# Of a slice in a file of bits: where they begin, how many, and hashes of the keys that were compared and of the bits.
ENTRY = np.dtype([("start", "<u8"), ("keys", "<u8"), ("key_hash", "<u8"), ("bit_hash", "<u8")])
READ_AT_ONCE = 16  # files
IN_A_STEP = 1 << 20  # keys of a slice that are looked at together


@dataclass(frozen=True, slots=True)
class Asking:
    """A step of a source that needs an exchange, and the steps before it."""

    before: tuple[Step, ...]
    step: Step
    exchange: Exchange


def asking_step(source: Source, options: SourceRecipe, models: Mapping[str, str] | None = None) -> Asking | None:
    """The step of a source that needs an exchange; None where there is none. `models` by name, where steps are run."""
    steps = source.steps(options, Aids(models or {}))
    asking = (Asking(steps[:number], step, step.exchange) for number, step in enumerate(steps) if step.exchange)
    return next(asking, None)


# --- hash -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hash:
    """Task: the keys of one slice; `models` are those of the steps before the exchange."""

    reading: Reading
    models: Mapping[str, Model]


def hash_phase(source: Source, plan: Sequence[Reading], asking: Asking, models: Mapping[str, Model]) -> Phase:
    """Read the inputs, and write down the keys of the documents that the steps before the exchange leave."""
    aids = used(models, models_used(asking.before)) if plan else {}
    steps, identities = versions([*asking.before, asking.step]), [one.identity for one in aids.values()]
    items = []
    for reading in plan:
        decides = (source.version, dict(source.decides(reading.recipe)), steps, identities, reading.limit)
        fingerprint = digest("hash", 1, decides, made_from(reading.slice))
        cost = reading.slice.stop - reading.slice.start
        items.append(Item(reading.slice.name, fingerprint, cost, Hash(reading, aids)))
    return Phase(f"{source.name}/hash", items, hash_slice, unit="keys")


def hash_slice(task: Hash, out: ShardOutput) -> None:
    reading = task.reading
    asking = asking_step(SOURCES[reading.source], reading.recipe, urls_of(out, task.models))
    assert asking, "planned for a source with an exchange"
    # Damage is accounted for when the slice is read again.
    documents = (record for record in reading.records(Counter()) if isinstance(record, Document))
    admitted = (result for result in run_steps(documents, asking.before) if isinstance(result, Document))
    stem = _stem("hash", reading.source, reading.slice.name)
    with out.scratch() as scratch:
        runs = SortedKeys(scratch)
        for batch in batches(admitted):
            for keys in asking.exchange.keys(batch):
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
    of: int = 1  # how many groups there are of what they have in common


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
            groups.append(
                Group(f"{shortened(scope)}-{number:05d}-of-{n_groups:05d}", tuple(names[start:stop]), n_groups)
            )
    return groups


@dataclass(frozen=True, slots=True)
class Compare:
    """Task: the keys of a group in [first, last). `keys` is a JSON file of (path, bytes) of its slices' keys."""

    keys: str
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
        listed = keys_of(source, group)
        write_json(join(output, listed), [(path, file.bytes) for path, file in keys.items()])
        made_from = digest("exchange", 2, keep, [file.sha256 for file in keys.values()], parts)
        for part, (first, last) in enumerate(key_ranges(parts)):
            name = f"{group.name}-part-{part:05d}"
            task = Compare(listed, first, last, keep, _stem("exchange", source, f"{name}.bits"))
            items.append(Item(name, digest(made_from, part), size // parts, task))
    return Phase(f"{source}/exchange", items, compare, unit="keys")


def compare(task: Compare, out: ShardOutput) -> None:
    def read(file: tuple[str, int]) -> Keys:
        path, size = file
        return between(map_array(out.url(path), KEY, size), task.first, task.last)[1]

    with ThreadPoolExecutor(READ_AT_ONCE) as pool:  # threads: in a bucket each is a round trip
        pieces = list(pool.map(read, read_json(out.url(task.keys))))
    entries = np.zeros(len(pieces), ENTRY)
    bits = []
    for entry, keys, drop in zip(entries, pieces, find_taken(pieces, task.keep), strict=True):
        bits.append(np.packbits(drop).tobytes())
        entry["keys"], entry["key_hash"], entry["bit_hash"] = len(keys), _hash(keys.tobytes()), _hash(bits[-1])
    sizes_of_bits = [len(packed) for packed in bits]
    entries["start"] = entries.nbytes + np.cumsum([0, *sizes_of_bits])[:-1]
    with out.binary(task.path, rows=int(entries["keys"].sum())) as file:
        file.write(entries.tobytes())
        for packed in bits:
            file.write(packed)


def _hash(data: bytes) -> int:
    """What tells that a part of a file is not what was compared."""
    return xxhash.xxh3_64_intdigest(data)


def keys_of(source: str, group: Group) -> str:
    """Where the paths of the keys of a group are listed."""
    return join(WORK, "exchange", source, f"{group.name}.keys.json")


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

    keys: tuple[str, File]
    documents: tuple[str, File]
    group: str  # a JSON file: where the keys of the group are listed, and the files of bits
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
        listed = join(WORK, "exchange", source, f"{group.name}.json")
        write_json(join(output, listed), {"keys": keys_of(source, group), "bits": list(parts)})
        for position, name in enumerate(group.slices):
            keys, documents = _of(hashed[name], ".keys"), _of(hashed[name], ".documents")
            sha256 = (keys[1].sha256, documents[1].sha256, list(parts.values()))
            task = Mask(keys, documents, listed, position, keep, _stem("masks", source, name))
            items.append(Item(name, digest("masks", 2, keep, position, group.name, sha256), keys[1].bytes, task))
    return Phase(f"{source}/masks", items, gather, unit="keys")


def gather(task: Mask, out: ShardOutput) -> None:
    group = read_json(out.url(task.group))
    keys = map_array(out.verified(task.keys[0], task.keys[1].sha256), KEY)
    documents = map_array(out.verified(task.documents[0], task.documents[1].sha256), COUNT)
    pieces = [np.zeros(0, bool)]
    position = 0
    for path in group["bits"]:
        drop = _bits_of(out, path, task.position, keys, position)
        if task.keep == "none":
            drop |= documents[position : position + len(drop)] > 1
        pieces.append(drop)
        position += len(drop)
    if position != len(keys):
        raise ShardError(f"{task.group}: expected a bit for each of {len(keys):,} keys, found {position:,}.")
    with out.binary(f"{task.path}.mask", rows=position) as file:
        file.write(np.packbits(np.concatenate(pieces)).tobytes())
    with out.binary(f"{task.path}.group") as file:  # for people who ask who else has a line
        file.write(group["keys"].encode())


def _bits_of(
    out: ShardOutput, path: str, slice_number: int, keys: npt.NDArray[Any] | RangeArray, position: int
) -> Flags:
    """The bits of one slice in a file of bits, which are about its keys from `position` on.

    Raises:
        ShardError: they are about other keys, or damaged. The file is deleted, so that the next run makes it again.
    """
    place = slice_number * ENTRY.itemsize
    entry = np.frombuffer(read_range(out.url(path), place, place + ENTRY.itemsize), ENTRY)[0]
    # What a damaged entry says must not decide how much is read.
    n_keys, start = min(int(entry["keys"]), len(keys) - position + 1), min(int(entry["start"]), size_of(out.url(path)))
    packed = read_range(out.url(path), start, start + -(-n_keys // 8))
    compared = keys[position : position + n_keys]
    if (len(compared), _hash(compared.tobytes()), _hash(packed)) != (
        n_keys,
        int(entry["key_hash"]),
        int(entry["bit_hash"]),
    ):
        remove(out.url(path))
        raise ShardError(f"{path} was damaged on disk, or made from damaged keys, and is deleted. {AGAIN}")
    return np.unpackbits(np.frombuffer(packed, np.uint8), count=n_keys).astype(bool)


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
    keys = map_array(url(sidecars.keys[0], sidecars.keys[1].sha256), KEY)
    documents = map_array(url(sidecars.documents[0], sidecars.documents[1].sha256), COUNT)
    mask = map_array(url(sidecars.mask[0], sidecars.mask[1].sha256), np.uint8)
    gone, repeated = [np.zeros(0, KEY)], [np.zeros(0, KEY)]
    for start in range(0, len(keys), IN_A_STEP):
        here = keys[start : start + IN_A_STEP]
        goes = np.unpackbits(mask[start // 8 : (start + IN_A_STEP) // 8], count=len(here)).astype(bool)
        gone.append(here[goes])
        if sidecars.keep == "first":
            repeated.append(here[(documents[start : start + IN_A_STEP] > 1) & ~goes])
    return SliceAnswers(np.concatenate(gone), np.concatenate(repeated))


class SliceAnswers:
    """Which keys of the documents of one slice are taken. Ask once for each document, in the order of the slice.

    `gone` goes from all documents, `repeated` from all but the first that has it.

    >>> key = lambda *values: np.array(values, np.uint64)
    >>> answers = SliceAnswers(gone=key(9), repeated=key(7))
    >>> [flags.tolist() for flags in answers.taken([key(7, 7, 9), key(8, 7)])]
    [[False, False, True], [False, True]]
    """

    def __init__(self, gone: Keys, repeated: Keys):
        self._gone, self._repeated = gone, repeated
        self._seen = np.zeros(len(repeated), bool)

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


def documents_with(output: str, group: str, keys: Keys) -> list[int]:
    """In how many documents of a group each key stands; `group` is the file beside a mask that says where it is."""
    distinct, which = np.unique(keys, return_inverse=True)
    totals = np.zeros(len(distinct), np.int64)

    def count(file: tuple[str, int]) -> npt.NDArray[np.int64]:
        path, size = file
        held = map_array(join(output, path), KEY, size)
        counts = map_array(f"{join(output, path).removesuffix('.keys')}.documents", COUNT)
        found = np.zeros(len(distinct), np.int64)
        if isinstance(held, np.ndarray) and isinstance(counts, np.ndarray):
            here, at = _find(held, distinct)
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
