"""Weighted, shuffled shards by position on a circle of 64-bit keys: the hashes, and the plan of one source.

Every document has a fixed key, and token files hold documents in ascending key. Copy 0, 1, ... of a document sits at
its key plus a fixed turn; a shard takes one arc of the circle from each source, which is one or two contiguous pieces
of every token file. A recipe thus becomes a small plan (whole copies, an inclusion limit, arc borders), and any shard
can be built alone from it. The seed of a recipe turns the circle and orders shards; it is in no key, no validation
split and no inclusion, so that a new seed rewrites shards and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from ..errors import MixtureError

Keys = npt.NDArray[np.uint64]
Lengths = npt.NDArray[np.integer[Any]]
Chunks = Iterable[tuple[Keys, Lengths]]  # read several times; one pair of equally long arrays at a time is in memory

CIRCLE = 1 << 64
TURN = 0x9E3779B97F4A7C15  # 2**64 / golden ratio: two copies stay 0.38 of a turn apart, three 0.23, four and five 0.14
INCLUDE_BITS = 16
MAX_SHARDS = 10_000  # their arc histogram takes 1 GiB
MAX_COPIES = 256  # the copy of a document is one byte in the shard index


# --- hashes ---------------------------------------------------------------------------------------------------------
def salt(*parts: object) -> np.uint64:
    """A 64-bit salt for one purpose, from a cryptographic hash, so that salts share no structure.

    >>> int(salt("order", 7, 0)) == int(salt("order", 7, 1))
    False
    """
    return np.uint64(
        int.from_bytes(hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest(), "little")
    )


def order_key(document_id: str) -> int:
    """The document's place on the circle: xxh3_64 of its id in UTF-8 (lone surrogates are hashed as they are).

    >>> order_key("wikipedia:en/12")
    11693285512408981295
    """
    return xxhash.xxh3_64_intdigest(document_id.encode("utf-8", "surrogatepass"))


def keys_of(ids: Collection[str]) -> Keys:
    """The order keys of many ids, in their order.

    >>> keys_of(["wikipedia:en/12"]).tolist()
    [11693285512408981295]
    """
    return np.fromiter(map(order_key, ids), np.uint64, count=len(ids))


def remix(keys: Keys, salted: np.uint64) -> Keys:
    """A fresh hash of stored keys, so that no id is read again: two salted rounds of the splitmix64 finaliser.

    It is a bijection for every salt: different keys stay different. (One odd multiply is not enough: stripes.)
    Source: Vigna's splitmix64 (finaliser: Stafford's "Mix13").

    >>> remix(np.array([1, 2], np.uint64), np.uint64(3)).tolist()
    [12752543115378932981, 3952915275778971740]
    """
    z = np.array(keys, np.uint64)
    for _ in range(2):
        z += salted
        z ^= z >> np.uint64(30)
        z *= np.uint64(0xBF58476D1CE4E5B9)
        z ^= z >> np.uint64(27)
        z *= np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return z


def turn(copy: int, seed: int) -> int:
    """How far copy 0, 1, ... of every document is turned along the circle, in 0..2**64-1.

    >>> (turn(1, 7) - turn(0, 7)) % 2**64 == TURN
    True
    """
    return (copy * TURN + int(salt("turn", seed))) % CIRCLE


def position(keys: Keys, copy: int, seed: int) -> Keys:
    """Where a copy of each document sits. A rigid turn: an arc of positions is an arc of keys.

    >>> int(position(np.array([5], np.uint64), 0, 7)[0]) == (5 + turn(0, 7)) % 2**64
    True
    """
    return keys + np.uint64(turn(copy, seed))


def unit_interval(text: str, *salt_parts: object) -> float:
    """A number in [0, 1) from the text and the salt alone: `unit_interval(id, "limit") < share` chooses a share.

    >>> round(unit_interval("wikipedia:en/12", "limit"), 6)
    0.358264
    """
    salted = int(salt(*salt_parts))
    return (xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"), salted) >> 11) * 2.0**-53


def split_hash(split_keys: Keys) -> npt.NDArray[np.uint32]:
    """The 32 bits that decide on which side of the validation split a key falls, under any recipe and seed.

    >>> split_hash(np.array([1], np.uint64)).dtype
    dtype('uint32')
    """
    return (remix(split_keys, salt("split")) >> np.uint64(32)).astype(np.uint32)


def in_validation(split: npt.NDArray[np.uint32], share: float) -> npt.NDArray[np.bool_]:
    """Which documents are validation documents, from their split hashes; raising the share (0..1) only adds some.

    >>> in_validation(np.array([0, 1 << 31, (1 << 32) - 1], np.uint32), 0.5).tolist()
    [True, False, False]
    """
    if not 0 <= share <= 1:
        raise MixtureError(f"validation share: expected a number from 0 to 1, got {share}")
    return split < np.uint64(int(share * 2**32))


def included(keys: Keys, limit: int) -> npt.NDArray[np.bool_]:
    """Which documents a fractional copy holds; raising the limit (0..2**64-1) only adds some.

    >>> included(np.array([1, 2], np.uint64), 0).tolist()
    [False, False]
    """
    return remix(keys, salt("include")) < np.uint64(limit)


# --- the plan -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class SourcePlan:
    """One source in a recipe: copies 0..whole_copies-1 of every document, one more of those with include hash < limit.

    `starts` are the arc borders: shard k takes positions from starts[k] up to starts[k + 1], the last one up to 2**64.
    `tokens` is what all shards together hold, exactly.
    """

    whole_copies: int
    limit: int
    starts: tuple[int, ...]
    tokens: int

    @property
    def copies(self) -> int:
        """How many copies there are, the fractional one (if any) included.

        >>> SourcePlan(2, 1 << 63, (0,), 100).copies
        3
        """
        return self.whole_copies + bool(self.limit)

    def arc(self, shard: int) -> tuple[int, int]:
        """The positions [start, stop) of a shard, 0 <= start <= stop <= 2**64.

        >>> SourcePlan(1, 0, (0, 1 << 63), 100).arc(1) == (2**63, 2**64)
        True
        """
        return self.starts[shard], (*self.starts, CIRCLE)[shard + 1]

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; integers go up to 2**64 - 1.

        >>> SourcePlan.from_json(SourcePlan(1, 0, (0,), 9).to_json())
        SourcePlan(whole_copies=1, limit=0, starts=(0,), tokens=9)
        """
        return asdict(self) | {"starts": list(self.starts)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> SourcePlan:
        """The plan that `to_json` wrote."""
        return cls(value["whole_copies"], value["limit"], tuple(value["starts"]), value["tokens"])


def count_tokens(chunks: Chunks) -> int:
    """The tokens of one whole copy.

    >>> count_tokens([(np.array([8, 9], np.uint64), np.array([3, 4]))])
    7
    """
    return sum(int(lengths.sum(dtype=np.int64)) for _, lengths in chunks)


def plan_source(source: str, chunks: Chunks, budget_tokens: int, shards: int, seed: int) -> SourcePlan:
    """Plan a source from the keys of its documents and their lengths as they will be written.

    The documents come as chunks (one a token file, say) that are read up to three times; memory holds one chunk and a
    histogram of 2**(bit_length(shards) + 13) bins of 8 bytes. What is written misses the budget by at most half the
    document at the border. Every shard holds the source's share to a document or 1/8192 of the shard. Raising the
    budget only adds documents.

    Raises: MixtureError when there is nothing to take the budget from, or a number is out of range.

    >>> plan_source("wikipedia", [(np.array([8, 1 << 63], np.uint64), np.array([3, 4]))], 14, 1, seed=0)
    SourcePlan(whole_copies=2, limit=0, starts=(0,), tokens=14)
    """
    if isinstance(chunks, Iterator):
        raise TypeError("chunks are read several times: give a list or a re-iterable, not an iterator")
    if not 1 <= shards <= MAX_SHARDS:
        raise MixtureError(f"{source}: expected 1 to {MAX_SHARDS:,} shards, got {shards:,}: choose larger shards")
    if budget_tokens < 0:
        raise MixtureError(f"{source}: expected a token budget of 0 or more, got {budget_tokens:,}")
    if budget_tokens == 0:
        return SourcePlan(0, 0, (0,) * shards, 0)
    by_hash = _include_histogram(chunks)
    total = int(by_hash.sum())
    if total == 0:
        raise MixtureError(
            f"{source}: {budget_tokens:,} tokens wanted, and there are no training documents: the source is empty, "
            "or validation took all of it; give it the weight 0 or lower the validation share"
        )
    whole, rest = divmod(budget_tokens, total)
    limit, part = _find_limit(chunks, by_hash, rest)
    if part == total:
        whole, limit, part = whole + 1, 0, 0
    if whole + bool(limit) > MAX_COPIES:
        raise MixtureError(
            f"{source}: {budget_tokens:,} tokens wanted of {total:,}: {budget_tokens / total:,.0f} epochs, and "
            f"{MAX_COPIES} are possible; lower its weight or the budget, or bring more input"
        )
    starts = _arc_starts(chunks, whole, limit, shards, seed)
    return SourcePlan(whole, limit, starts, whole * total + part)


def _add(histogram: npt.NDArray[np.int64], places: Keys, lengths: Lengths) -> None:
    """Add lengths to the bins of their 64-bit places; the number of bins is a power of two above 1."""
    shift = np.uint64(65 - len(histogram).bit_length())
    np.add.at(histogram, (places >> shift).astype(np.int64), lengths.astype(np.int64))


def _include_histogram(chunks: Chunks) -> npt.NDArray[np.int64]:
    by_hash = np.zeros(1 << INCLUDE_BITS, np.int64)
    for keys, lengths in chunks:
        _add(by_hash, remix(keys, salt("include")), lengths)
    return by_hash


def _find_limit(chunks: Chunks, by_hash: npt.NDArray[np.int64], wanted: int) -> tuple[int, int]:
    """(limit, tokens under it): the limit whose tokens come nearest to `wanted`, which is below the total."""
    if wanted == 0:
        return 0, 0
    below = np.concatenate([[0], np.cumsum(by_hash)])
    border = int(np.searchsorted(below, wanted, "right")) - 1
    hashes, lengths = _documents_in_bin(chunks, border)
    limits, first = np.unique(hashes, return_index=True)  # equal hashes (collisions of keys) go in or stay out together
    reached = below[border] + np.concatenate([[0], np.cumsum(lengths)])[np.append(first, len(lengths))]
    nearest = int(np.argmin(np.abs(reached - wanted)))  # the first of equals: fewest documents
    limit = int(limits[nearest]) if nearest < len(limits) else (border + 1) << (64 - INCLUDE_BITS)
    return limit, int(reached[nearest])


def _documents_in_bin(chunks: Chunks, border: int) -> tuple[Keys, npt.NDArray[np.int64]]:
    """(include hashes, lengths) of the documents of one bin of the include histogram, by ascending hash."""
    hashes, lengths = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for keys, chunk_lengths in chunks:
        hashed = remix(keys, salt("include"))
        inside = hashed >> np.uint64(64 - INCLUDE_BITS) == np.uint64(border)
        hashes.append(hashed[inside])
        lengths.append(chunk_lengths[inside].astype(np.int64))
    found, found_lengths = np.concatenate(hashes), np.concatenate(lengths)
    order = np.argsort(found, kind="stable")
    return found[order], found_lengths[order]


def _arc_starts(chunks: Chunks, whole: int, limit: int, shards: int, seed: int) -> tuple[int, ...]:
    """Token quantiles of all copies, as positions."""
    bits = shards.bit_length() + 13
    filled = np.zeros(1 << bits, np.int64)
    for keys, lengths in chunks:
        for copy in range(whole):
            _add(filled, position(keys, copy, seed), lengths)
        if limit:
            chosen = included(keys, limit)
            _add(filled, position(keys[chosen], whole, seed), lengths[chosen])
    np.cumsum(filled, out=filled)
    each, rest = divmod(int(filled[-1]), shards)
    # rounded up, so that an arc starts behind the bin that fills its predecessor
    quantiles = np.array([k * each - (-k * rest // shards) for k in range(1, shards)], np.int64)
    cuts = np.minimum(np.searchsorted(filled, quantiles) + 1, (1 << bits) - 1)
    return (0, *(int(cut) << (64 - bits) for cut in cuts))
