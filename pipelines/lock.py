"""One run at a time in an output folder, and one recipe in it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..storage import filesystem, is_local, join, publish, read_json, remove

LOCK = "run.lock"
_OURS: set[str] = set()  # lock files that this process holds


@contextlib.contextmanager
def locked(output: str, recipe_digest: str) -> Iterator[None]:
    """Hold the folder. On a disk the kernel frees the lock with the process; where it cannot lock, as on an object
    store, a file must do, which counts no more once its process on this machine is gone.

    Raises:
        UsageError: another run holds the folder.
    """
    holder = {"host": platform.node(), "pid": os.getpid(), "recipe": recipe_digest}
    url = join(output, LOCK)
    if not is_local(url):
        with _held_by_a_file(url, output, holder):
            yield
        return
    path = Path(filesystem(url)[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(_held(output, read_json(url) or {}, recipe_digest)) from None
        except OSError:  # some file systems of clusters have no locks
            with _held_by_a_file(url, output, holder):
                yield
            return
        file.truncate(0)
        file.write(json.dumps(holder))
        file.flush()
        yield
        file.truncate(0)


@contextlib.contextmanager
def _held_by_a_file(url: str, output: str, holder: dict[str, Any]) -> Iterator[None]:
    other = read_json(url)
    if other and (url in _OURS or not is_gone(other)):
        gone = f" If that run is gone (killed, or its machine is), delete {url}, and the same command goes on."
        raise UsageError(_held(output, other, str(holder["recipe"])) + gone)
    publish(url, json.dumps(holder).encode())
    _OURS.add(url)
    try:
        yield
    finally:
        _OURS.discard(url)
        remove(url)


def is_gone(holder: dict[str, Any]) -> bool:
    """Whether the process that left a lock is known to be no more. Of another machine nobody knows.

    >>> is_gone({"host": "elsewhere.example", "pid": 1})
    False
    """
    if holder.get("host") != platform.node():
        return False
    pid = holder.get("pid")
    if not isinstance(pid, int) or pid <= 0 or pid == os.getpid():  # ours, and we hold nothing yet: of an earlier boot
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # alive, and somebody else's
        return False
    return False


def _held(output: str, other: dict[str, Any], recipe_digest: str) -> str:
    same = "the same recipe" if other.get("recipe") == recipe_digest else "another recipe"
    who = f"process {other.get('pid', '?')} on {other.get('host', '?')}"
    return f"{output}: {who} is at work here with {same}. Wait for it, or give this run another --output."
