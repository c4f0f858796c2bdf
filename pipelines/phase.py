"""Phases, their work items, and what a finished item leaves behind. No Beam here: pool processes import this.

A phase is a list of independent work items and one function. An item writes its files, each whole or not at all, and
last of all its receipt: fingerprint, files with their SHA-256, counts. A receipt with the right fingerprint means done;
everything else is to do.
"""

from __future__ import annotations

import contextlib
import platform
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..errors import ADVICE, CorpusmillError, ShardError, of_the_system
from ..formats.documents import DAMAGE, RowWriter, damage_row, read_rows
from ..manifest import WORK, File, Receipt, read_receipts, write_receipt
from ..records import Damage
from ..storage import (
    HashingFile,
    Published,
    filesystem,
    is_local,
    join,
    publish_copy,
    publishing,
    refuse_damaged,
    remove,
    sha256_of,
)

SCRATCH = f"{WORK}/scratch"
_MET: set[tuple[str, str]] = set()  # the output folders and phases that this process has made an item of


@dataclass(frozen=True, slots=True)
class Item:
    """One work item: `name` names its outputs, `fingerprint` says what they are made from, `cost` is in bytes."""

    name: str
    fingerprint: str
    cost: int
    task: Any


@dataclass(frozen=True)
class Phase:
    """Independent items and the function that turns a task into files. `function` must be importable by name."""

    name: str
    items: Sequence[Item]
    function: Callable[[Any, ShardOutput], None]
    unit: str = "documents"  # what the receipts count as rows, for the progress line


def perform(item: Item, phase: str, output: str, function: Callable[[Any, ShardOutput], None]) -> None:
    """Make one item. Any failure carries the item's name; an error of ours keeps its line."""
    where = phase if item.name == phase else f"{phase} {item.name}"
    try:
        with ShardOutput(output, phase, item) as out:
            function(item.task, out)
    except CorpusmillError as error:
        raise type(error)(f"{where}: {error}") from error
    except OSError as error:
        if error.errno in ADVICE:
            raise ShardError(f"{where}: {of_the_system(error)}") from error
        raise _failed(where, error) from error
    except Exception as error:
        raise _failed(where, error) from error


def _failed(where: str, error: Exception) -> ShardError:
    return ShardError(
        f"{where}: {type(error).__name__}: {error}. The log in the output folder has the traceback; "
        "the same command goes on from the finished shards."
    )


def _cpu_seconds() -> float:
    """User and system, of this process and its children that have ended, by a finer clock than that of `os.times`."""
    uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


class ShardOutput(contextlib.AbstractContextManager["ShardOutput"]):
    """Where a shard function writes. On a clean exit the receipt is published; after an error there is none."""

    def __init__(self, output: str, phase: str, item: Item):
        self.output, self.phase, self.item = output, phase, item
        self.files: dict[str, File] = {}
        self.damaged: Counter[str] = Counter()
        self.spent: dict[str, float] = {}  # CPU seconds of steps, by their names
        self._stack = contextlib.ExitStack()
        self._damage: RowWriter | None = None
        self._started, self._used = time.monotonic(), _cpu_seconds()
        self._first = (output, phase) not in _MET
        _MET.add((output, phase))

    def __enter__(self) -> ShardOutput:
        """Take an earlier receipt out of force before any file of it is replaced: it must not vouch for a mixture."""
        earlier = read_receipts(self.output, self.phase, [self.item.name]).get(self.item.name)
        self._announced = dict(earlier.files) if earlier else {}
        if earlier:
            self._write_receipt("", self._announced)
        return self

    def _announce(self, path: str) -> None:
        """Note a file before it is published: killed then, a later run still knows that it is ours to delete."""
        if path not in self._announced:
            self._announced[path] = File(0, "")
            self._write_receipt("", self._announced)

    def _write_receipt(self, fingerprint: str, files: Mapping[str, File]) -> None:
        seconds, host = round(time.monotonic() - self._started, 3), platform.node()
        used = round(_cpu_seconds() - self._used, 6)
        steps = {name: round(took, 6) for name, took in self.spent.items()}
        damaged = dict(self.damaged)
        receipt = Receipt(self.item.name, fingerprint, files, damaged, seconds, host, used, self._first, steps)
        write_receipt(self.output, self.phase, receipt)

    def url(self, path: str) -> str:
        """The URL of a path in the output folder."""
        return join(self.output, path)

    @contextlib.contextmanager
    def binary(
        self, path: str, rows: int = 0, counts: Mapping[str, int] | None = None, width: int = 0
    ) -> Iterator[HashingFile]:
        """A file of bytes, published when the block ends without an error; its rows may be records of one width."""
        self._announce(path)
        with publishing(self.url(path)) as file:
            yield file
        self._add(path, file.published, file.bytes // width if width else rows, counts or {})

    @contextlib.contextmanager
    def table(self, path: str, schema: pa.Schema) -> Iterator[RowWriter]:
        """A Parquet file of rows, published when the block ends without an error."""
        self._announce(path)
        with publishing(self.url(path)) as file, RowWriter(file, schema, self.item.fingerprint) as writer:
            yield writer
        self._add(path, file.published, writer.rows, writer.counts)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A local folder for what is gone when the block ends: in the output folder, where there is room for a run."""
        below = None
        if is_local(self.output):
            below = Path(filesystem(self.url(SCRATCH))[1])
            below.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=below) as folder:
            yield Path(folder)

    def copy(self, source: str, path: str, file: File) -> None:
        """A second name for a file that an earlier phase published."""
        self._announce(path)
        publish_copy(self.verified(source, file.sha256), self.url(path))
        self.files[path] = file

    def verified(self, path: str, sha256: str) -> str:
        """The URL of a file that an earlier phase published, if it still is that file; else ShardError."""
        return verified(self.output, path, sha256)

    def damage(self, input_name: str, damage: Damage) -> None:
        """Account for a piece of input that could not be read."""
        if self._damage is None:
            self._damage = self._stack.enter_context(self.table(_damage_path(self.phase, self.item.name), DAMAGE))
        self._damage.add(damage_row(input_name, damage))
        self.damaged[damage.error] += 1

    def _add(self, path: str, published: Published, rows: int, counts: Mapping[str, int]) -> None:
        self.files[path] = File(published.bytes, published.sha256, rows, dict(counts))

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._stack.__exit__(kind, error, trace)
        if kind is not None:
            return
        # Files of other settings go while a receipt still lists them: killed here, the next run finds them.
        for path in set(self._announced) - set(self.files):
            remove(self.url(path))
        self._write_receipt(self.item.fingerprint, self.files)


def verified(output: str, path: str, sha256: str) -> str:
    """The URL of a published file, read once to see that it still is that file.

    Raises:
        ShardError: it is not. It is deleted, so that the next run makes it again.
    """
    url = join(output, path)
    if sha256_of(url) != sha256:  # a hard link, too, shares whatever befalls its other name
        refuse_damaged(url, path)
    return url


def merge_damage(output: str, phase: str, receipts: Iterable[Receipt]) -> None:
    """All that a phase could not read, in one file: `errors/<phase>.parquet`. None when there was nothing."""
    target = join(output, "errors", f"{phase}.parquet")
    paths = {_damage_path(phase, receipt.item): receipt for receipt in receipts if receipt.damage}
    if not paths:
        remove(target)
        return
    with publishing(target) as file, RowWriter(file, DAMAGE, "") as writer:
        for path, receipt in sorted(paths.items()):
            for row in read_rows(verified(output, path, receipt.files[path].sha256)):
                writer.add(row)


def _damage_path(phase: str, item: str) -> str:
    return join(WORK, "damage", phase, f"{item}.parquet")
