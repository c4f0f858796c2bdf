"""The run record: a receipt for each finished item, the manifest for a finished run.

Receipts lie below `work/receipts/<phase>/`; they are the to-do list of a resumed run and the source of all accounts:
totals are sums over receipts, so that a retried item is never counted twice.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .errors import UsageError
from .storage import digest, is_file, join, open_read, publishing, read_json, sizes, write_json

WORK = "work"  # folder of everything that only a later run needs
RECEIPTS = f"{WORK}/receipts"
RECIPE = "recipe.yaml"  # of the run, every setting
UNFINISHED = f"{WORK}/takedown.json"  # what a take-down under way must know of the folder as it was
REPORT, CARD, CROISSANT = "report.html", "README.md", "croissant.json"  # of the run, for people
MANIFEST = pa.schema(
    {
        "path": pa.string(),
        "phase": pa.string(),
        "item": pa.string(),
        "rows": pa.int64(),
        "bytes": pa.int64(),
        "sha256": pa.string(),
        "fingerprint": pa.string(),
    }
)
DIGEST = "digest.documents"  # in the accounts of files of documents: the sum of their digests
_MODULUS = 1 << 256


@dataclass(frozen=True, slots=True)
class File:
    """A published file. `counts` are the accounts of the documents that it holds or that were dropped beside it.

    `origin` is the SHA-256 that it had before documents were taken down from it; empty where none were.
    """

    bytes: int
    sha256: str
    rows: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    origin: str = ""

    @property
    def identity(self) -> str:
        """What fingerprints say of the file: a take-down makes nothing again but what it touches."""
        return self.origin or self.sha256


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an item left behind. Seconds and host are for people: nothing is decided by them.

    `cpu_seconds` are those of its process meanwhile, of what it started, too; where a runner makes several items at
    once in one process, each has those of all. `steps` are the CPU seconds of each step of a source, of its thread.
    `first`: the first of its phase in its process, which opens models.
    """

    item: str
    fingerprint: str
    files: Mapping[str, File]
    damage: Mapping[str, int]
    seconds: float
    host: str
    cpu_seconds: float = 0.0
    first: bool = False
    steps: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_json(cls, values: Any) -> Receipt | None:
        """None for anything that is not a receipt of this version, as it was written."""
        try:
            held = {name: value for name, value in values.items() if name != "digest"}
            if values["digest"] != digest(held):
                return None
            files = {path: File(**file) for path, file in values["files"].items()}
            return cls(**{**held, "files": files})
        except (TypeError, KeyError, AttributeError):
            return None


def receipt_url(output: str, phase: str, item: str) -> str:
    return join(output, RECEIPTS, phase, f"{item}.json")


def write_receipt(output: str, phase: str, receipt: Receipt) -> None:
    held = dataclasses.asdict(receipt)
    write_json(receipt_url(output, phase, receipt.item), {**held, "digest": digest(held)})


def read_receipts(output: str, phase: str, items: Iterable[str]) -> dict[str, Receipt]:
    """The receipts of those items that have one."""

    def read(name: str) -> Receipt | None:
        return Receipt.from_json(read_json(receipt_url(output, phase, name)))

    names = list(items)
    if len(names) == 1:
        found: Iterable[Receipt | None] = [read(names[0])]
    else:
        with ThreadPoolExecutor(16) as pool:  # threads: on an object store each is a round trip
            found = pool.map(read, names)
    return {name: receipt for name, receipt in zip(names, found, strict=True) if receipt is not None}


def finished_items(output: str, phase: str) -> set[str]:
    """The names of the items that have a receipt, by one listing."""
    return {name.removesuffix(".json") for name in sizes(join(output, RECEIPTS, phase)) if name.endswith(".json")}


def files_of(receipts: Iterable[Receipt]) -> dict[str, File]:
    """The files of all items together, in their order: path → file."""
    return {path: file for receipt in receipts for path, file in receipt.files.items()}


def total_counts(receipts: Iterable[Receipt]) -> Counter[str]:
    """The accounts of all files together.

    >>> total_counts([Receipt("a", "", {"x": File(1, "", counts={"documents.in": 2})}, {"truncated": 1}, 0.1, "")])
    Counter({'documents.in': 2})
    """
    result: Counter[str] = Counter()
    for receipt in receipts:
        for file in receipt.files.values():
            result.update(file.counts)
    return result


def total_steps(receipts: Iterable[Receipt]) -> dict[str, float]:
    """CPU seconds of each step, of all items together.

    >>> total_steps([Receipt("a", "", {}, {}, 0.1, "", steps={"keep articles": 0.25})] * 2)
    {'keep articles': 0.5}
    """
    result: dict[str, float] = {}
    for receipt in receipts:
        for name, seconds in receipt.steps.items():
            result[name] = result.get(name, 0.0) + seconds
    return {name: round(seconds, 3) for name, seconds in result.items()}


def total_damage(receipts: Iterable[Receipt]) -> Counter[str]:
    """How often each kind of damage was met.

    >>> total_damage([Receipt("a", "", {}, {"truncated": 1}, 0.1, "")] * 2)
    Counter({'truncated': 2})
    """
    result: Counter[str] = Counter()
    for receipt in receipts:
        result.update(receipt.damage)
    return result


def write_manifest(output: str, phases: Mapping[str, Mapping[str, Receipt]], facts: Mapping[str, Any]) -> None:
    """`manifest.parquet`, a line a file, and `manifest.json`, written last: where it is, the run is complete."""
    rows = [
        {"path": path, "phase": phase, "item": receipt.item, "fingerprint": receipt.fingerprint}
        | {"rows": file.rows, "bytes": file.bytes, "sha256": file.sha256}
        for phase, receipts in phases.items()
        for receipt in receipts.values()
        for path, file in receipt.files.items()
    ]
    rows.sort(key=lambda row: str(row["path"]))
    with publishing(join(output, "manifest.parquet")) as file:
        pq.write_table(pa.Table.from_pylist(rows, MANIFEST), pa.PythonFile(file, mode="w"), compression="zstd")
    whole = {**facts, "manifest_sha256": file.published.sha256}
    write_json(join(output, "manifest.json"), {**whole, "digest": digest(whole)})


def read_manifest(output: str, columns: Sequence[str], *folders: str) -> pa.Table:
    """Columns of `manifest.parquet`, of the files below some folders alone, in the order of their paths.

    A large run has millions of files, most of them in `work/`: row groups without such a path are not read.
    """
    # The slash is followed by 0.
    below = [[("path", ">=", f"{folder}/"), ("path", "<", f"{folder}0")] for folder in folders]
    with open_read(join(output, "manifest.parquet")) as file:
        return pq.read_table(file, columns=[*columns], filters=below, use_threads=False, pre_buffer=False)


def read_facts(output: str) -> dict[str, Any] | None:
    """What `write_manifest` wrote into `manifest.json`; None when it is not there or not as it was written."""
    facts = read_json(join(output, "manifest.json"))
    if not isinstance(facts, dict):
        return None
    return facts if facts.pop("digest", None) == digest(facts) else None


def disturbed(output: str) -> str:
    """Why `read_facts` gives nothing of a folder, other than that a run is not finished there; or an empty text."""
    if is_file(join(output, "manifest.json")):
        return f"{output}: manifest.json is not as it was written. `corpusmill check {output}` says more."
    if is_file(join(output, UNFINISHED)):
        return f"{output}: a take-down is not finished here. `corpusmill takedown {output}` goes on with it."
    return ""


def finished(output: str, *, whole: bool = False) -> dict[str, Any]:
    """What `manifest.json` says of a finished run; with `whole`, of one that has shards.

    Raises:
        UsageError: there is none.
    """
    facts = read_facts(output)
    if facts is None:
        raise UsageError(
            disturbed(output)
            or f"{output}: no finished run here; expected manifest.json, which `corpusmill run` writes last. Give the "
            "same `corpusmill run` again, and it goes on."
        )
    if whole and not facts["mixture"]:
        raise UsageError(f"{output}: a run of some sources alone; expected one of a whole recipe, with shards.")
    return facts


# --- digests of a corpus: sums, so that neither order nor the cut into files matters ----------------------------------


def digest_of(*parts: str | bytes | memoryview) -> int:
    """What one document adds to a digest: SHA-256 of its parts, the last one without, the others with a NUL after it.

    >>> f"{digest_of('wikipedia:en/12', 'A text.'):064x}"[:16]
    'ddbcf5625eb58c59'
    """
    sha256 = hashlib.sha256()
    for number, part in enumerate(parts):
        sha256.update(b"\0" * (number > 0))
        sha256.update(part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part)
    return int.from_bytes(sha256.digest(), "big")


def add_digests(*sums: int) -> int:
    """The digest of several collections together; a negative one takes what it holds away.

    >>> add_digests(5, -7, 3)
    1
    """
    return sum(sums) % _MODULUS


def hex_digest(total: int) -> str:
    """A digest as people compare it.

    >>> hex_digest(10)[-4:]
    '000a'
    """
    return f"{total % _MODULUS:064x}"
