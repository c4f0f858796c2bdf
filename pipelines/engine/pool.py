"""A pool of processes for one phase. Does not import Beam, because every pool process imports this file."""

from __future__ import annotations

import itertools
import multiprocessing as mp
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess

from ...errors import ShardError
from ..phase import Item

TRACKERS = "ignore::UserWarning:multiprocessing.resource_tracker"


def map_in_pool(items: Sequence[Item], function: Callable[[Item], None], workers: int, phase: str) -> Iterator[None]:
    """Call `function` on every item in `workers` processes; an element for each item that is finished.

    Largest first, so that the last one running is a small one; a bounded number in flight, so that a failure leaves
    little queued.

    Raises:
        ShardError: an item failed, or a process was killed; the message names the item, or those in flight.
    """
    start_tracker()
    # forkserver, not fork: gRPC has threads, and a forked child may inherit a lock that nobody will release.
    context = mp.get_context("forkserver" if "forkserver" in mp.get_all_start_methods() else "spawn")
    # Imported once, in the server, instead of in every process of every phase.
    context.set_forkserver_preload(["corpusmill.pipelines.tokens", "corpusmill.pipelines.sources"])
    queue = iter(sorted(items, key=lambda item: (-item.cost, item.name)))
    running: dict[futures.Future[None], Item] = {}
    with futures.ProcessPoolExecutor(workers, context, initializer=follow_parent) as pool:
        try:
            while True:
                for item in itertools.islice(queue, 2 * workers - len(running)):
                    running[pool.submit(function, item)] = item
                if not running:
                    return
                # The first to finish, not the oldest: one huge shard must not hold up the others.
                for future in futures.wait(running, return_when=futures.FIRST_COMPLETED).done:
                    yield future.result()
                    del running[future]
        except BrokenProcessPool as error:
            names = ", ".join(sorted(item.name for item in running.values()))
            raise ShardError(
                f"{phase}: a worker process was killed (out of memory?) while it worked on one of: {names}. "
                "Run the same command again, with fewer --workers if memory is short: finished shards are kept."
            ) from error
        except BaseException:  # a failed item, Ctrl-C, Beam dropping the generator: do not wait for the others
            stop_children()
            raise


def start_tracker() -> None:
    """The process of multiprocessing that removes the semaphores of a run that was stopped, without its complaint."""
    before = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = f"{before},{TRACKERS}" if before else TRACKERS
    try:
        resource_tracker.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = before


def follow_parent() -> None:
    """In each pool process: leave Ctrl-C to the parent, and die with it.

    Without the watch a `kill -9` of the run leaves workers waiting for ever on a queue whose other end they hold open
    themselves, and publishing files meanwhile.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = mp.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent,), daemon=True).start()


def _exit_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def stop_children() -> None:
    """Kill the pool. Safe at any moment: a file is published whole or not at all."""
    for child in mp.active_children():
        child.kill()
