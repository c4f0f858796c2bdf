"""Forks a process for every command it reads: `python -m corpusmill` whose imports are done. `running.py` starts it."""

import importlib
import json
import logging
import os
import runpy
import signal
import sys
from collections.abc import Mapping, Sequence

SECONDS = 600  # no command of a test takes a tenth of it: one that hangs is killed, and its test fails


def serve() -> None:
    """Read commands, a line of JSON each, and answer each with its exit code, until there are no more."""
    logging.getLogger().addHandler(logging.NullHandler())  # as the commands do before they import Beam
    importlib.import_module("corpusmill.pipelines.command")
    for line in sys.stdin:
        child = os.fork()
        if not child:
            become(**json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def become(arguments: Sequence[str], folder: str, environment: Mapping[str, str], outputs: Sequence[str]) -> None:
    """Turn this process into a command. Does not return."""
    for descriptor, path in enumerate([os.devnull, *outputs]):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv[1:], sys.path[0] = arguments, folder
    signal.alarm(SECONDS)
    runpy.run_module("corpusmill", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    serve()
