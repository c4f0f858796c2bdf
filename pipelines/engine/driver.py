"""Runs phases one after the other: what is finished is skipped, what is missing is made, what is stale goes."""

from __future__ import annotations

import functools
import logging
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Console

from ...errors import ShardError, UsageError
from ...manifest import RECEIPTS, Receipt, finished_items, read_receipts, receipt_url, total_damage
from ...storage import LEFT_ASIDE, filesystem, in_one_process, is_local, join, remove, sizes
from ..phase import SCRATCH, Phase, merge_damage, perform
from ..progress import PhaseWatch, watching
from .map_shards import PLANS, MapShards, Written, plan_of
from .runner import is_embedded, pipeline_options, run

log = logging.getLogger(__name__)


@dataclass
class Driver:
    """The phases of one run in one output folder. Hold the folder's lock while it works.

    `finished` holds phase → item → receipt, in the order of the run.
    """

    output: str
    workers: int
    beam_arguments: Sequence[str] = ()
    console: Console = field(default_factory=lambda: Console(stderr=True, emoji=False))
    quiet: bool = False
    said: set[str] = field(default_factory=set)
    finished: dict[str, dict[str, Receipt]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.options = pipeline_options(self.beam_arguments)
        if in_one_process(self.output) and (self.workers > 1 or not is_embedded(self.options)):
            raise UsageError(
                f"{self.output}: memory:// is seen by one process only. Use --workers 1 here, or a folder."
            )

    def say(self, text: str) -> None:
        """Tell the user something that is no error, once."""
        if text in self.said:
            return
        self.said.add(text)
        self.console.print(text, style="yellow", highlight=False, markup=False, soft_wrap=True)

    def sweep(self) -> None:
        """Delete the half-written files and the plans of a run that was killed. Only while the folder is locked."""
        for name in sizes(self.output):
            if LEFT_ASIDE.search(name) or name.startswith(f"{PLANS}/"):
                remove(join(self.output, name))
        if is_local(self.output):
            shutil.rmtree(filesystem(join(self.output, SCRATCH))[1], ignore_errors=True)

    def run(self, phase: Phase) -> Mapping[str, Receipt]:
        """Bring a phase to its end, and give the receipts of its items, in their order.

        Raises:
            ShardError: an item failed; finished ones are kept.
        """
        names = [item.name for item in phase.items]
        check_names(phase)
        missing = unfinished(self.output, phase)
        log.info("%s: %d items, %d to do", phase.name, len(names), len(missing))
        if missing:
            self._make(phase, missing)
        receipts = read_receipts(self.output, phase.name, names)
        lost = [
            item.name
            for item in phase.items
            if item.name not in receipts or receipts[item.name].fingerprint != item.fingerprint
        ]
        if lost:
            raise ShardError(
                f"{phase.name}: the runner reported success, but {lost[0]} is not finished. Run the same command again."
            )
        self._drop_stale(phase.name, set(names), receipts)
        self.finished[phase.name] = {name: receipts[name] for name in names}
        merge_damage(self.output, phase.name, self.finished[phase.name].values())
        return self.finished[phase.name]

    def _make(self, phase: Phase, missing: set[str]) -> None:
        wanted = {item.name: item.fingerprint for item in phase.items}
        watch = PhaseWatch(self.output, phase, missing, lambda name, fingerprint: wanted[name] == fingerprint)
        function = functools.partial(perform, phase=phase.name, output=self.output, function=phase.function)
        items = [item for item in phase.items if item.name in missing]
        # A pool for one item would only cost its start, and another runner has workers of its own.
        workers = min(self.workers, len(items)) if is_embedded(self.options) else 0
        plan = plan_of(items, self.output, phase.name)
        try:
            with watching(self.console, self.quiet, watch):
                run(lambda p: p | phase.name >> MapShards(plan, function, workers, phase.name), self.options)
        finally:
            for url in {piece.url for piece in plan if isinstance(piece, Written)}:
                remove(url)

    def _drop_stale(self, phase: str, planned: set[str], receipts: Mapping[str, Receipt]) -> None:
        """Items of an earlier run that are no longer planned; only what their receipts list goes, never a glob."""
        stale = finished_items(self.output, phase) - planned
        ours = {path for receipt in receipts.values() for path in receipt.files}
        for name, receipt in read_receipts(self.output, phase, stale).items():
            log.info("%s: %s is no longer part of this run; deleting its %d files", phase, name, len(receipt.files))
            for path in set(receipt.files) - ours:
                remove(join(self.output, path))
            remove(receipt_url(self.output, phase, name))

    def drop_stale_phases(self, prefixes: tuple[str, ...] = ("",)) -> None:
        """What phases left behind that are no longer part of the recipe; of a part of it those with these names."""
        ours = tuple(f"{phase}/" for phase in self.finished)
        found = {f"{name.rpartition('/')[0]}/" for name in sizes(join(self.output, RECEIPTS))}
        folders = {name.rstrip("/") for name in found if name.startswith(prefixes) and not name.startswith(ours)}
        for phase in sorted(folders):
            self._drop_stale(phase, set(), {name: r for done in self.finished.values() for name, r in done.items()})
            remove(join(self.output, "errors", f"{phase}.parquet"))

    @property
    def damage(self) -> dict[str, int]:
        """Damaged input of all phases: error → how often."""
        return dict(total_damage(r for done in self.finished.values() for r in done.values()))


def check_names(phase: Phase) -> None:
    """Names of items are names of files: each once.

    Raises:
        UsageError: two items have the same name.
    """
    times = Counter(item.name for item in phase.items)
    if twice := sorted(name for name, n in times.items() if n > 1):
        raise UsageError(
            f"{phase.name}: two inputs would both be called {twice[0]} ({len(twice)} such in all). Rename one."
        )


def unfinished(output: str, phase: Phase) -> set[str]:
    """The items of a phase that are still to do: no receipt, one of other inputs or settings, or a file of it gone."""
    there = sizes(output)
    receipts = read_receipts(output, phase.name, [item.name for item in phase.items])
    return {item.name for item in phase.items if not _is_done(receipts.get(item.name), item.fingerprint, there)}


def _is_done(receipt: Receipt | None, fingerprint: str, there: Mapping[str, int]) -> bool:
    return (
        receipt is not None
        and receipt.fingerprint == fingerprint
        and all(there.get(path) == file.bytes for path, file in receipt.files.items())
    )
