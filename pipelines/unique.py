"""Of documents that have something in common, an id or their content, one stays: found without moving any text.

Each file of documents comes with its claims, sorted by a hash of what must be unique. A work item is a range of that
hash, read from the claims of all files: memory does not grow with the source, and nothing has to be sorted at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from ..formats.documents import read_table
from ..manifest import WORK, File, Receipt, files_of
from ..records import Document, Reason
from ..storage import MIB, between, digest, join, key_ranges, map_array, read_json, refuse_damaged, write_json
from .phase import Item, Phase, ShardOutput

ID = ".claims"  # endings of the files of claims
CONTENT = ".twins"
REASONS: Mapping[str, Reason] = {ID: Reason.DUPLICATE_ID, CONTENT: Reason.DUPLICATE_CONTENT}
# Who holds a key: 128 bits of its hash, then what decides between two documents that have the same one, smallest first.
CLAIM = np.dtype([("high", "<u8"), ("low", "<u8"), ("rank", "<u8"), ("tie", "<u8"), ("row", "<u8")])
STORED = np.dtype([*CLAIM.descr, ("check", "<u8")])
CLAIMS_IN_MEMORY = 256 * MIB  # of claims in one work item
LOSERS = pa.schema({"shard": pa.string(), "row": pa.int64()})
_VERIFIED: set[tuple[str, str, str]] = set()
LOW = 0xFFFF_FFFF_FFFF_FFFF


class Claims:
    """The claims of one file of documents."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, int, int, int]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add_id(self, document: Document, row: int, revision: int) -> None:
        """Of one id the newest revision stays, then the smallest content hash."""
        key = xxhash.xxh3_128_intdigest(document.id.encode())
        content = xxhash.xxh3_64_intdigest(document.text.encode())
        self._rows.append((key >> 64, key & LOW, LOW - revision, content, row))

    def add_content(self, content: str, document: Document, row: int) -> None:
        """Of one content the document with the smallest hash of its id stays: not the first to arrive."""
        key = xxhash.xxh3_128_intdigest(content.encode())
        owner = xxhash.xxh3_128_intdigest(document.id.encode())
        self._rows.append((key >> 64, key & LOW, owner >> 64, owner & LOW, row))

    def sorted_bytes(self) -> bytes:
        claims = np.sort(np.array(self._rows, CLAIM), order=["high", "low"], kind="stable")
        stored = np.zeros(len(claims), STORED)
        for name in CLAIM.names or ():
            stored[name] = claims[name]
        stored["check"] = _check_of(stored)
        return stored.tobytes()


def _check_of(claims: npt.NDArray[np.void]) -> npt.NDArray[np.uint64]:
    """What tells of each claim that it is not what was written: work items read ranges, never the whole file."""
    check = np.zeros(len(claims), np.uint64)
    for name in CLAIM.names or ():
        check = (check ^ claims[name]) * np.uint64(0x9E3779B97F4A7C15)
        check ^= check >> np.uint64(29)
    return check


def _checked(url: str) -> Callable[[npt.NDArray[np.void]], None]:
    """A check of the claims read from a file, which is deleted when they are not what was written."""

    def check(claims: npt.NDArray[np.void]) -> None:
        if not np.array_equal(_check_of(claims), claims["check"]):
            refuse_damaged(url)

    return check


@dataclass(frozen=True, slots=True)
class Unique:
    """Task: the claims whose hash begins in [first, last), of all shards in the order of the plan.

    `claims` is a JSON file of the paths of each shard's claims: in every task the list would be too long.
    `lost` lists the documents that an earlier phase dropped; they claim nothing any more.
    """

    name: str
    claims: str
    first: int
    last: int
    lost: tuple[tuple[str, str], ...]  # (path, SHA-256)


def unique_phase(
    source: str, ending: str, output: str, extracted: Mapping[str, Receipt], lost: Mapping[str, File]
) -> Phase:
    """Find the documents whose id (or content) is taken, but for those that are `lost` already."""
    files = {path: file for path, file in files_of(extracted.values()).items() if path.endswith(ending)}
    size = sum(file.bytes for file in files.values())
    parts = max(1, -(-size // CLAIMS_IN_MEMORY))
    claims = join(WORK, "unique", f"{source}{ending}.json")
    write_json(join(output, claims), list(files))
    made_from = digest("unique", 2, [(path, f.sha256) for path, f in files.items()], [f.sha256 for f in lost.values()])
    without = tuple((path, file.sha256) for path, file in lost.items())
    items = []
    for part, (first, last) in enumerate(key_ranges(parts)):
        name = f"{part:05d}-of-{parts:05d}"
        task = Unique(name, claims, first, last, without)
        items.append(Item(name, digest(made_from, name), size // parts, task))
    return Phase(f"{source}/unique" if ending == ID else f"{source}/twins", items, unique, unit="losers")


def unique(task: Unique, out: ShardOutput) -> None:
    claims = read_json(out.url(task.claims))
    shards = [shard_of(path) for path in claims]
    gone = defaultdict(list)
    for path, sha256 in task.lost:
        for row in read_table(verified_once(out, path, sha256)).to_pylist():
            gone[row["shard"]].append(row["row"])
    pieces = [
        between(map_array(url, STORED), task.first, task.last, "high", _checked(url))[1] for url in map(out.url, claims)
    ]
    pieces = [
        piece[~np.isin(piece["row"], gone[shard])] if shard in gone else piece
        for shard, piece in zip(shards, pieces, strict=True)
    ]
    losers = sorted((shards[shard], row) for shard, row in find_losers(pieces))
    with out.table(join(WORK, "unique", out.phase, f"{task.name}.parquet"), LOSERS) as table:
        for shard, row in losers:
            table.add({"shard": shard, "row": row})


def find_losers(pieces: Sequence[npt.NDArray[np.void]]) -> list[tuple[int, int]]:
    """Of all claims to one key the smallest rank stays, then the smallest tie, then the first in order.

    Args:
        pieces: the claims (dtype CLAIM) of each shard.

    Returns:
        (index of the piece, row) of every document that goes, sorted.
    """
    if not pieces:
        return []
    claims = np.concatenate(pieces)
    shard = np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])
    order = np.lexsort((claims["row"], shard, claims["tie"], claims["rank"], claims["low"], claims["high"]))
    keys = claims[["high", "low"]][order]
    lost = order[1:][keys[1:] == keys[:-1]]
    return sorted(zip(shard[lost].tolist(), claims["row"][lost].tolist(), strict=True))


def verified_once(out: ShardOutput, path: str, sha256: str) -> str:
    """The URL of a list that many items read, seen once in each process to be still what it was."""
    if (out.output, path, sha256) not in _VERIFIED:
        out.verified(path, sha256)
        _VERIFIED.add((out.output, path, sha256))
    return out.url(path)


def losers_of(url: str, shard: str) -> list[int]:
    """The rows of one shard in a list of losers, which is sorted: only the row groups that can hold them are read."""
    rows: list[int] = read_table(url, ["row"], [("shard", "==", shard)])["row"].to_pylist()
    return rows


def shard_of(path: str) -> str:
    """
    >>> shard_of("work/extract/wikipedia/enwiki-20220620.claims")
    'enwiki-20220620'
    """
    name = path.rpartition("/")[2]
    return name.removesuffix(ID).removesuffix(CONTENT)
