"""Sample inputs and finished runs that several tests share."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from corpusmill.samples import write_sample
from running import corpusmill, run_arguments


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small sample input, with damage."""
    folder = tmp_path_factory.mktemp("inputs")
    write_sample(folder, seed=0, scale=0.15)
    return folder


@pytest.fixture(scope="session")
def finished(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run with one worker: the bytes that every other run is compared with. Do not change it."""
    output = tmp_path_factory.mktemp("finished")
    corpusmill(*run_arguments(inputs, output, 1), expect=4)
    return output


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Path], Path]:
    """A copy of a finished run that a test may spoil."""

    def copy(output: Path) -> Path:
        target = tmp_path / "copy"
        subprocess.run(["cp", "-R", str(output), str(target)], check=True)
        return target

    return copy
