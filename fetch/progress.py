"""Progress of a fetch, on stderr: a bar a file on a terminal, a line every 30 s elsewhere."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from ..progress import LINE_EVERY, can_redraw


class Watch:
    """Who is told of bytes by the threads that fetch. Counts what came since it was made."""

    def __init__(self, n_files: int):
        self.n_files, self.n_over, self.came = n_files, 0, 0
        self.files: dict[str, tuple[int, int | None]] = {}
        self.lock, self.started = threading.Lock(), time.monotonic()

    def at(self, path: str, at: int, total: int | None) -> None:
        with self.lock:
            self.came += max(0, at - self.files[path][0]) if path in self.files else 0
            self.files[path] = (at, total)

    def over(self, path: str) -> None:
        with self.lock:
            self.files.pop(path, None)
            self.n_over += 1

    def line(self) -> str:
        """`3/10 files  412.3 MB  23.1 MB/s`."""
        with self.lock:
            seconds = max(time.monotonic() - self.started, 1e-9)
            mb = self.came / 1e6
            return f"{self.n_over}/{self.n_files} files  {mb:,.1f} MB  {mb / seconds:,.1f} MB/s"

    def now(self) -> dict[str, tuple[int, int | None]]:
        with self.lock:
            return dict(self.files)


@contextlib.contextmanager
def watching(console: Console, quiet: bool, source: str, n_files: int) -> Iterator[Watch]:
    """Show a fetch while the block runs; nothing when quiet."""
    watch = Watch(n_files)
    if quiet or not n_files:
        yield watch
        return
    stop = threading.Event()
    show = _bars if can_redraw(console) else _lines
    thread = threading.Thread(target=show, args=(console, source, watch, stop), daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        thread.join(2.0)


def _bars(console: Console, source: str, watch: Watch, stop: threading.Event) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    to_both = sys.stdout.isatty()  # else rich would send the answer, which goes to a file, to the terminal
    with Progress(*columns, console=console, transient=True, redirect_stdout=to_both) as progress:
        whole = progress.add_task(source, total=None)
        tasks: dict[str, TaskID] = {}
        while not stop.wait(0.5):
            now = watch.now()
            progress.update(whole, description=f"{source} {watch.n_over}/{watch.n_files}", completed=watch.came)
            for path in tasks.keys() - now.keys():
                progress.remove_task(tasks.pop(path))
            for path, (at, total) in now.items():
                if path not in tasks:
                    tasks[path] = progress.add_task(path.rpartition("/")[2][-48:], total=total)
                progress.update(tasks[path], completed=at, total=total)


def _lines(console: Console, source: str, watch: Watch, stop: threading.Event) -> None:
    while not stop.wait(LINE_EVERY):
        console.print(f"{source}: {watch.line()}", highlight=False, soft_wrap=True)
