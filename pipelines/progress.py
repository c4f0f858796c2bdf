"""Progress of a phase, on stderr: finished items against planned ones, by their receipts, so on any runner."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from ..manifest import finished_items, read_receipts
from ..progress import LINE_EVERY, can_redraw
from ..storage import is_local
from .phase import Phase

NARROW, FULL_BAR, NAME_AND_DONE = 100, 40, 45  # columns


class PhaseWatch:
    """What a phase has finished since it was started; items that were finished before are left out of the rate."""

    def __init__(self, output: str, phase: Phase, missing: set[str], is_done: Callable[[str, str], bool]):
        self.output, self.phase, self.missing, self.is_done = output, phase, missing, is_done
        self.costs = {item.name: item.cost for item in phase.items}
        self.seen: set[str] = set()
        self.rows = 0
        self.started = time.monotonic()

    def look(self) -> None:
        new = (finished_items(self.output, self.phase.name) & self.missing) - self.seen
        for name, receipt in read_receipts(self.output, self.phase.name, new).items():
            if self.is_done(name, receipt.fingerprint):  # a receipt of an earlier run may still lie there
                self.seen.add(name)
                self.rows += sum(file.rows for file in receipt.files.values())

    @property
    def done(self) -> int:
        return len(self.phase.items) - len(self.missing) + len(self.seen)

    def rates(self) -> str:
        """`1,234 documents/s  5.6 MB/s  ETA 1 day, 0:01:23`."""
        seconds = max(time.monotonic() - self.started, 1e-9)
        cost = sum(self.costs[name] for name in self.seen)
        rest = sum(self.costs[name] for name in self.missing - self.seen)
        if not cost:
            return ""
        eta = timedelta(seconds=round(rest * seconds / cost))
        return f"{self.rows / seconds:,.0f} {self.phase.unit}/s  {cost / seconds / 1e6:.1f} MB/s  ETA {eta}"


@contextlib.contextmanager
def watching(console: Console, quiet: bool, watch: PhaseWatch) -> Iterator[None]:
    """Show a phase while the block runs: a bar on a terminal, a line every 30 s elsewhere, nothing when quiet."""
    if quiet or not watch.missing:
        yield
        return
    stop = threading.Event()
    show = _bar if can_redraw(console) else _lines
    thread = threading.Thread(target=show, args=(console, watch, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def bar(console: Console) -> Progress:
    """A bar that goes when it is done; its tasks have a field `rates`, a text at its end.

    What a narrow terminal has no room for is left out: the bar itself, then rates, and never how much is done.
    """
    name, done = TextColumn("{task.description}"), MofNCompleteColumn()
    if console.width < NARROW:
        return Progress(name, done, _Rates(console.width - NAME_AND_DONE), console=console, transient=True)
    bar_width = FULL_BAR if console.width > NARROW + FULL_BAR else None  # as much as there is
    rest = BarColumn(bar_width), done, TimeElapsedColumn(), _Rates(console.width)
    return Progress(name, *rest, console=console, transient=True)


class _Rates(ProgressColumn):
    """The words at the end of a bar, the last of them where there is no room for all: when it will be done."""

    def __init__(self, room: int):
        super().__init__()
        self.room = room

    def render(self, task: Task) -> Text:
        words = str(task.fields["rates"]).split("  ")
        while len(words) > 1 and len("  ".join(words)) > self.room:
            words.pop(0)
        return Text("  ".join(words))


def _bar(console: Console, watch: PhaseWatch, stop: threading.Event) -> None:
    with bar(console) as progress:
        task = progress.add_task(watch.phase.name, total=len(watch.phase.items), completed=watch.done, rates="")
        while not stop.wait(1.0 if is_local(watch.output) else LINE_EVERY):
            watch.look()
            progress.update(task, completed=watch.done, rates=watch.rates())


def _lines(console: Console, watch: PhaseWatch, stop: threading.Event) -> None:
    while not stop.wait(LINE_EVERY):
        watch.look()
        console.print(f"{watch.phase.name}: {watch.done}/{len(watch.phase.items)}  {watch.rates()}", highlight=False)
