"""What documents have in common, found without moving their text: which lines stand in other documents too.

hash      each slice: read, run the steps before the exchange, write the sorted distinct keys of all documents
exchange  the keys of a group, by ranges of their value, from all its slices: a bit for each key that goes
masks     each slice: its bits from all ranges in one file, so that only a slice whose bits changed is read again

A range is read from each file by position, so that memory follows the size of a range, never that of a group, and no
key passes through a runner. Then `Answers` say of each document's keys which are taken. Where the smallest owner keeps
a key, the owners lie beside the keys, in a file of their own.

A source may have several such steps: the documents of the second one are what the first one leaves.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import xxhash

from ..errors import ShardError
from ..manifest import WORK, Receipt
from ..mixtures.recipe import Recipe
from ..mixtures.sources import SourceRecipe
from ..records import Document
from ..storage import (
    AGAIN,
    MIB,
    between,
    digest,
    join,
    key_ranges,
    map_array,
    read_json,
    read_range,
    remove,
    size_of,
    write_json,
)
from .answers import (
    COUNT,
    DOCUMENTS,
    KEY,
    KEYS,
    NO_KEYS,
    OWNERS,
    READ_AT_ONCE,
    Column,
    Hashed,
    Sidecars,
    beside,
    digests_of,
    file_of,
    find,
    open_all_answers,
    sidecars_of,
)
from .inputs import Model
from .phase import Item, Phase, ShardOutput
from .reading import Reading, Work, made_from, models_of, versions
from .results import urls_of
from .sorted_keys import SortedKeys
from .source import Aids, Exchange, Flags, Keep, Keys, Source, Step, batches, run_steps, shortened, timed
from .sources import source_of

# Of a slice in a file of bits: where they begin, how many, and hashes of the keys that were compared and of the bits.
ENTRY = np.dtype([("start", "<u8"), ("keys", "<u8"), ("key_hash", "<u8"), ("bit_hash", "<u8")])


@dataclass(frozen=True, slots=True)
class Asking:
    """A step of a source that needs an exchange, and the steps before it."""

    before: tuple[Step, ...]
    step: Step
    exchange: Exchange


def asking_steps(source: Source, options: SourceRecipe, aids: Aids | None = None) -> list[Asking]:
    """The steps of a source that need an exchange, in their order; with `aids`, where steps are run."""
    steps = source.steps(options, aids or Aids())
    return [Asking(steps[:number], step, step.exchange) for number, step in enumerate(steps) if step.exchange]


def place_of(source: str, exchange: str) -> str:
    """Where the files and the receipts of an exchange lie, below the folder of each phase."""
    return join(source, exchange)


def make_exchanges(
    run: Callable[[Phase], Mapping[str, Receipt]], output: str, source: Source, work: Work, recipe: Recipe
) -> dict[str, dict[str, Sidecars]]:
    """What each slice of a source must know of the others: slice → exchange → sidecars."""
    found: dict[str, dict[str, Sidecars]] = {}
    for asking in asking_steps(source, recipe.active[source.name]):
        exchange, place = asking.exchange, place_of(source.name, asking.exchange.name)
        groups = groups_of(exchange, work.plan)
        hashed = run(hash_phase(source, work.plan, asking, work.models, found))
        compared = run(exchange_phase(place, output, groups, hashed, exchange.keep, recipe.exchange_mb))
        masked = run(masks_phase(place, output, groups, hashed, compared, exchange.keep))
        for name, sidecars in sidecars_of(hashed, masked, exchange.keep).items():
            found[name] = {**found.get(name, {}), exchange.name: sidecars}
    return found


# --- hash -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hash:
    """Task: the keys of one slice for an exchange; `models` and `sidecars` are those of the steps before it."""

    reading: Reading
    exchange: str
    models: Mapping[str, Model]
    sidecars: Mapping[str, Sidecars]


def hash_phase(
    source: Source,
    plan: Sequence[Reading],
    asking: Asking,
    models: Mapping[str, Model],
    sidecars: Mapping[str, Mapping[str, Sidecars]] = MappingProxyType({}),
) -> Phase:
    """Read the inputs, and write down the keys of the documents that the steps before the exchange leave.

    Args:
        sidecars: slice → exchange → what the earlier exchanges found.
    """
    aids = models_of(source, asking.before, models) if plan else {}
    steps, identities = versions([*asking.before, asking.step]), [one.identity for one in aids.values()]
    name = asking.exchange.name
    items = []
    for reading in plan:
        decides = (source.version, dict(source.decides(reading.recipe)), steps, identities, reading.limit)
        found = sidecars.get(reading.slice.name, {})
        fingerprint = digest("hash", 2, name, decides, made_from(reading.slice), digests_of(found))
        cost = reading.slice.stop - reading.slice.start
        items.append(Item(reading.slice.name, fingerprint, cost, Hash(reading, name, aids, found)))
    return Phase(f"{place_of(source.name, name)}/hash", items, hash_slice, unit="keys")


def hash_slice(task: Hash, out: ShardOutput) -> None:
    reading = task.reading
    models = urls_of(out, task.models)
    aids = Aids(models, open_all_answers(task.sidecars, out.verified))
    found = asking_steps(source_of(reading.source, reading.recipe), reading.recipe, aids)
    asking = next(one for one in found if one.exchange.name == task.exchange)
    exchange = asking.exchange
    # Damage is accounted for when the slice is read the last time.
    documents = (record for record in reading.records(Counter(), models) if isinstance(record, Document))
    results = run_steps(documents, asking.before, out.spent)
    admitted = (result for result in results if isinstance(result, Document))
    stem = _stem("hash", place_of(reading.source, task.exchange), reading.slice.name)
    with out.scratch() as scratch, contextlib.ExitStack() as files:
        runs = SortedKeys(scratch, owned=exchange.owners is not None)
        for batch in batches(admitted):
            with timed(out.spent, asking.step):
                owners = exchange.owners(batch) if exchange.owners else [0] * len(batch)
                keys_of = exchange.keys(batch)
            for keys, owner in zip(keys_of, owners, strict=True):
                runs.add(keys, owner)
        counts_file = files.enter_context(out.binary(f"{stem}{DOCUMENTS}"))
        owners_file = files.enter_context(out.binary(f"{stem}{OWNERS}")) if exchange.owners else None
        keys_file = files.enter_context(out.binary(f"{stem}{KEYS}", width=KEY.itemsize))
        for piece in runs.merged():
            keys_file.write(piece.keys.astype(KEY, copy=False))
            counts_file.write(piece.counts.astype(COUNT, copy=False))
            if owners_file:
                owners_file.write(piece.owners.astype(KEY, copy=False))


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
    """Task: the keys of a group in [first, last). `keys` is a JSON file of (path, bytes) of its slices' keys.

    Owners lie beside the keys.
    """

    keys: str
    first: int
    last: int
    keep: Keep
    path: str  # of the bits


def exchange_phase(
    place: str, output: str, groups: Sequence[Group], hashed: Mapping[str, Receipt], keep: Keep, part_mb: float
) -> Phase:
    """Compare the keys of each group; a work item holds at most `part_mb` of them, and of their owners."""
    items = []
    for group in groups:
        keys = dict(file_of(hashed[name], KEYS) for name in group.slices)
        owners = [file_of(hashed[name], OWNERS)[1] for name in group.slices] if keep == "smallest" else []
        size = sum(file.bytes for file in [*keys.values(), *owners])
        parts = max(1, -(-size // int(part_mb * MIB)))
        listed = keys_of(place, group)
        write_json(join(output, listed), [(path, file.bytes) for path, file in keys.items()])
        made_from = digest("exchange", 3, keep, [file.sha256 for file in [*keys.values(), *owners]], parts)
        for part, (first, last) in enumerate(key_ranges(parts)):
            name = f"{group.name}-part-{part:05d}"
            task = Compare(listed, first, last, keep, _stem("exchange", place, f"{name}.bits"))
            items.append(Item(name, digest(made_from, part), size // parts, task))
    return Phase(f"{place}/exchange", items, compare, unit="keys")


def compare(task: Compare, out: ShardOutput) -> None:
    def read(file: tuple[str, int]) -> tuple[Keys, Keys]:
        path, size = file
        position, keys = between(map_array(out.url(path), KEY, size), task.first, task.last)
        if task.keep != "smallest":
            return keys, NO_KEYS
        owners = map_array(out.url(beside(path, OWNERS)), KEY, size)
        return keys, np.asarray(owners[position : position + len(keys)])

    with ThreadPoolExecutor(READ_AT_ONCE) as pool:  # threads: in a bucket each is a round trip
        found = list(pool.map(read, read_json(out.url(task.keys))))
    pieces, owners = [keys for keys, _ in found], [owned for _, owned in found]
    entries = np.zeros(len(pieces), ENTRY)
    bits = []
    taken = find_taken(pieces, task.keep, owners)
    for entry, keys, owned, drop in zip(entries, pieces, owners, taken, strict=True):
        bits.append(np.packbits(drop).tobytes())
        entry["keys"], entry["bit_hash"] = len(keys), _hash(bits[-1])
        entry["key_hash"] = _hash(keys.tobytes() + owned.tobytes())
    sizes_of_bits = [len(packed) for packed in bits]
    entries["start"] = entries.nbytes + np.cumsum([0, *sizes_of_bits])[:-1]
    with out.binary(task.path, rows=int(entries["keys"].sum())) as file:
        file.write(entries.tobytes())
        for packed in bits:
            file.write(packed)


def _hash(data: bytes) -> int:
    """What tells that a part of a file is not what was compared."""
    return xxhash.xxh3_64_intdigest(data)


def keys_of(place: str, group: Group) -> str:
    """Where the paths of the keys of a group are listed."""
    return join(WORK, "exchange", place, f"{group.name}.keys.json")


def find_taken(pieces: Sequence[Keys], keep: Keep, owners: Sequence[Keys] = ()) -> Iterator[Flags]:
    """Of the sorted distinct keys of each slice: which of them another slice has (`none`), an earlier one (`first`),
    or one with a smaller owner (`smallest`); slices with the same owner keep a key both.

    >>> a, b = np.array([1, 3], np.uint64), np.array([2, 3], np.uint64)
    >>> [flags.tolist() for flags in find_taken([a, b], "none")], [f.tolist() for f in find_taken([a, b], "first")]
    ([[False, True], [False, True]], [[False, False], [False, True]])
    >>> [flags.tolist() for flags in find_taken([a, b], "smallest", [b, a])]
    [[False, False], [False, False]]
    >>> [flags.tolist() for flags in find_taken([a, b], "smallest", [np.array([5, 9], np.uint64), b])]
    [[False, True], [False, False]]
    """
    everything = np.concatenate(pieces)
    everything.sort()
    twice = everything[1:][everything[1:] == everything[:-1]]
    del everything
    shared = twice[np.append(twice[1:] != twice[:-1], True)[: len(twice)]]
    if keep == "smallest":
        least = np.full(len(shared), np.iinfo(np.uint64).max, np.uint64)
        for keys, owned in zip(pieces, owners, strict=True):
            hit, at = find(shared, keys)
            least[at[hit]] = np.minimum(least[at[hit]], owned[hit])
        for keys, owned in zip(pieces, owners, strict=True):
            hit, at = find(shared, keys)
            hit[hit] = owned[hit] > least[at[hit]]
            yield hit
        return
    taken = np.full(len(shared), keep == "none")
    for keys in pieces:
        hit, at = find(shared, keys)
        drop = hit.copy()
        drop[hit] = taken[at[hit]]
        taken[at[hit]] = True  # for `first`: the slices after this one do not keep it
        yield drop


# --- masks ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mask:
    """Task: the bits of one slice, which stands at `position` in each of the files of its group."""

    hashed: Hashed
    group: str  # a JSON file: where the keys of the group are listed, and the files of bits
    position: int
    keep: Keep
    path: str


def masks_phase(
    place: str,
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
        listed = join(WORK, "exchange", place, f"{group.name}.json")
        write_json(join(output, listed), {"keys": keys_of(place, group), "bits": list(parts)})
        for position, name in enumerate(group.slices):
            own = Hashed.of(hashed[name])
            task = Mask(own, listed, position, keep, _stem("masks", place, name))
            made_from = (keep, position, group.name, own.sha256, list(parts.values()))
            items.append(Item(name, digest("masks", 3, made_from), own.keys[1].bytes, task))
    return Phase(f"{place}/masks", items, gather, unit="keys")


def gather(task: Mask, out: ShardOutput) -> None:
    group = read_json(out.url(task.group))
    keys, documents, owners = task.hashed.open(out.verified)
    pieces = [np.zeros(0, bool)]
    position = 0
    for path in group["bits"]:
        drop = _bits_of(out, path, task.position, keys, owners, position)
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
    out: ShardOutput, path: str, slice_number: int, keys: Column, owners: Column | None, position: int
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
    here = slice(position, position + n_keys)
    compared, owned = keys[here], owners[here].tobytes() if owners is not None else b""
    if (len(compared), _hash(compared.tobytes() + owned), _hash(packed)) != (
        n_keys,
        int(entry["key_hash"]),
        int(entry["bit_hash"]),
    ):
        remove(out.url(path))
        raise ShardError(f"{path} was damaged on disk, or made from damaged keys, and is deleted. {AGAIN}")
    return np.unpackbits(np.frombuffer(packed, np.uint8), count=n_keys).astype(bool)


def _stem(kind: str, place: str, name: str) -> str:
    return join(WORK, kind, place, name)
