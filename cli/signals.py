"""Ctrl-C, and what a cluster or a closed terminal sends instead: one line, no process left, and a code of its own.

The first signal unwinds the command, so that the cursor comes back and locks are let go; a second one, or five
seconds, end it at once. That is safe at any moment: files are published whole or not at all, and the next run sweeps
up the rest.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
PATIENCE = 5.0  # seconds for the command to unwind
STDERR = 2
CLEAR_LINE, SHOW_CURSOR = "\r\x1b[2K", "\x1b[?25h"


class Stopping:
    """The signals of one command."""

    def __init__(self) -> None:
        self.goes_on = ""  # what the line says after "Interrupted."
        self.received: int | None = None

    def receive(self, number: int, _: FrameType | None) -> None:
        again, self.received = self.received is not None, self.received or number
        if again:
            self.leave()
        stop_pool()
        timer = threading.Timer(PATIENCE, self.leave)
        timer.daemon = True
        timer.start()
        raise KeyboardInterrupt  # Beam would make more than a line of it: `caught` looks at `received` instead

    def leave(self) -> None:
        """End this process at once: a thread of the runner may still work on a shard."""
        stop_pool()
        name = "Interrupted" if self.received == signal.SIGINT else f"Stopped by {signal.Signals(self.code - 128).name}"
        say_at_once(f"{name}. {self.goes_on}".rstrip())
        os._exit(self.code)

    @property
    def code(self) -> int:
        """As shells count: 130 after Ctrl-C."""
        return 128 + (self.received or signal.SIGINT)


_stopping = Stopping()


@contextlib.contextmanager
def caught() -> Iterator[Stopping]:
    """Around a whole command. Signals that whoever started it has it ignore, as nohup does, stay ignored."""
    global _stopping
    _stopping = stopping = Stopping()
    if threading.current_thread() is not threading.main_thread():
        yield stopping
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, stopping.receive)
    try:
        yield stopping
    finally:
        if stopping.received is not None:
            stopping.leave()
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def paging() -> Iterator[None]:
    """Around a pager: Ctrl-C is the pager's, which stops a search with it and stays, until the pager has ended."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is signal.SIG_IGN:
        yield
        return

    def give_back(*_: object) -> None:
        signal.signal(signal.SIGINT, before)

    # A function and not SIG_IGN, which the pager would inherit.
    signal.signal(signal.SIGINT, lambda *_: None)
    ended = signal.signal(signal.SIGCHLD, give_back)
    try:
        yield
    finally:
        give_back()
        signal.signal(signal.SIGCHLD, ended)


def say_at_once(line: str) -> None:
    """A line on stderr from within a handler: it neither waits for a full pipe nor takes the lock of a stream."""
    with contextlib.suppress(Exception):
        cursor = CLEAR_LINE + SHOW_CURSOR if os.isatty(STDERR) else ""
        blocks = os.get_blocking(STDERR)
        os.set_blocking(STDERR, False)
        try:
            os.write(STDERR, f"{cursor}{line}\n".encode(errors="replace"))
        finally:
            os.set_blocking(STDERR, blocks)  # others have the same terminal


def goes_on(text: str) -> None:
    """What this command says when it is stopped: what is kept, and how to go on."""
    _stopping.goes_on = text


def stop_pool() -> None:
    """Kill the processes of a pool, where this command has one: else its module was not imported."""
    if pool := sys.modules.get(f"{__package__.rpartition('.')[0]}.pipelines.engine.pool"):
        pool.stop_children()
