"""Sample inputs and finished runs that several tests share."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from corpusmill.samples import write_sample
from running import made_once, run_arguments, start

# What runs in the background, or under nohup, has signals ignored, and so would every process that a test starts.
for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    if signal.getsignal(ignored) is signal.SIG_IGN:
        signal.signal(ignored, signal.default_int_handler if ignored is signal.SIGINT else signal.SIG_DFL)
# Python's readline puts the width of no terminal there.
for size in ("COLUMNS", "LINES"):
    os.environ.pop(size, None)
settings.register_profile("whatever else runs", deadline=None)
settings.load_profile("whatever else runs")


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small sample input, with damage."""
    return made_once(tmp_path_factory, "inputs", lambda folder: write_sample(folder, seed=0, scale=0.15))


@pytest.fixture(scope="session")
def finished(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run with one worker: the bytes that every other run is compared with. Do not change it."""

    def make(output: Path) -> None:
        process = start(*run_arguments(inputs, output, 1))  # with imports and a hash seed of its own
        _, errors = process.communicate()
        assert process.returncode == 4, errors

    return made_once(tmp_path_factory, "finished", make)


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Path], Path]:
    """A copy of a finished run that a test may spoil."""

    def copy(output: Path) -> Path:
        target = tmp_path / "copy"
        subprocess.run(["cp", "-R", str(output), str(target)], check=True)
        return target

    return copy
