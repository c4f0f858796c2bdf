"""One run at a time in an output folder, and one recipe in it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from ..errors import UsageError
from ..storage import filesystem, is_local, join, publish, read_json, remove

LOCK = "run.lock"


@contextlib.contextmanager
def locked(output: str, recipe_digest: str) -> Iterator[None]:
    """Hold the folder. On a disk the kernel frees the lock with the process; on an object store a file must do.

    Raises:
        UsageError: another run holds the folder.
    """
    holder = {"host": platform.node(), "pid": os.getpid(), "recipe": recipe_digest}
    url = join(output, LOCK)
    if not is_local(url):
        other = read_json(url)
        if other is not None:
            raise UsageError(_held(output, other, recipe_digest) + f" If that run is gone, delete {url}.")
        publish(url, json.dumps(holder).encode())
        try:
            yield
        finally:
            remove(url)
        return
    path = Path(filesystem(url)[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(_held(output, read_json(url) or {}, recipe_digest)) from None
        file.truncate(0)
        file.write(json.dumps(holder))
        file.flush()
        yield
        file.truncate(0)


def _held(output: str, other: dict[str, object], recipe_digest: str) -> str:
    same = "the same recipe" if other.get("recipe") == recipe_digest else "another recipe"
    who = f"process {other.get('pid', '?')} on {other.get('host', '?')}"
    return f"{output}: {who} is at work here with {same}. Wait for it, or give this run another --output."
