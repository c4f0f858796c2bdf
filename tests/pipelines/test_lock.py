"""One run at a time in a folder, and a lock that outlives nobody."""

import errno
import fcntl
import json
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from corpusmill.errors import UsageError
from corpusmill.pipelines.lock import LOCK, is_gone, locked

HERE = platform.node()


@pytest.fixture
def gone() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture(params=["bucket", "a disk without locks"])
def output(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A folder where a file must do for a lock."""

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    if request.param == "bucket":
        yield f"memory://{tmp_path.name}"
        return
    monkeypatch.setattr(fcntl, "flock", no_locks)
    yield str(tmp_path)


def leave_lock(output: str, **holder: object) -> None:
    with fsspec.open(f"{output}/{LOCK}", "w") as file:
        json.dump(holder, file)


def test_a_lock_that_is_a_file_holds_while_the_block_runs(output: str) -> None:
    with locked(output, "digest"):
        leave_lock(output, host=HERE, pid=1, recipe="digest")  # that of another process, which lives
        with pytest.raises(UsageError, match="at work here with the same recipe"), locked(output, "digest"):
            pass
    with locked(output, "digest"):
        pass


def test_a_lock_of_a_process_that_is_gone_is_taken_over(output: str, gone: int) -> None:
    leave_lock(output, host=HERE, pid=gone, recipe="digest")
    with locked(output, "another"):
        pass


def test_the_lock_of_another_machine_says_how_to_go_on(output: str, gone: int) -> None:
    leave_lock(output, host="elsewhere.example", pid=gone, recipe="digest")
    with pytest.raises(UsageError) as caught, locked(output, "another"):
        pass
    assert "on elsewhere.example is at work here with another recipe" in str(caught.value)
    assert f"delete {output}/{LOCK}, and the same command goes on" in str(caught.value)


def test_a_lock_on_a_disk_that_was_left_behind_is_nobodys(tmp_path: Path, gone: int) -> None:
    leave_lock(str(tmp_path), host="elsewhere.example", pid=gone, recipe="digest")
    with locked(str(tmp_path), "digest"):
        pass


@pytest.mark.parametrize("holder", [{}, {"host": HERE}, {"host": HERE, "pid": "x"}, {"host": HERE, "pid": -1}])
def test_odd_locks(holder: dict[str, object]) -> None:
    assert is_gone(holder) == ("host" in holder)
