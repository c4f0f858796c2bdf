"""The engine room: lock, phases, stale outputs, runners, progress."""

import io
import os
import platform
from pathlib import Path

import pytest
from rich.console import Console

from corpusmill.errors import ShardError, UsageError
from corpusmill.pipelines import progress
from corpusmill.pipelines.engine import map_shards
from corpusmill.pipelines.engine.driver import Driver, unfinished
from corpusmill.pipelines.engine.runner import is_embedded, pipeline_options
from corpusmill.pipelines.lock import locked
from corpusmill.pipelines.phase import Item, Phase, ShardOutput
from corpusmill.records import Damage
from corpusmill.storage import publish, write_json


def write_task(task: str, out: ShardOutput) -> None:
    """A shard function: a file with the task's text; `bad` fails, `torn` fails half-way, `damaged` meets damage."""
    if task == "bad":
        raise ValueError("no such thing")
    with out.binary(f"files/{out.item.name}") as file:
        file.write(task.encode())
        if task == "torn":
            raise ValueError("half a file")
    if task == "damaged":
        out.damage("input", Damage(7, "truncated", "half a record"))


def phase(**tasks: str) -> Phase:
    return Phase("test/write", [Item(name, f"of {task}", len(task), task) for name, task in tasks.items()], write_task)


@pytest.fixture
def driver(tmp_path: Path) -> Driver:
    return Driver(str(tmp_path), workers=1, quiet=True)


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (folder / "files").glob("*")}


def test_only_what_is_missing_or_changed_is_made(driver: Driver, tmp_path: Path) -> None:
    driver.run(phase(a="1", b="2"))
    inode = (tmp_path / "files/a").stat().st_ino
    receipts = driver.run(phase(a="1", b="3", c="4"))
    assert files(tmp_path) == {"a": "1", "b": "3", "c": "4"}
    assert (tmp_path / "files/a").stat().st_ino == inode
    assert list(receipts) == ["a", "b", "c"]


def test_a_lost_or_cut_file_is_made_again(driver: Driver, tmp_path: Path) -> None:
    driver.run(phase(a="11", b="22"))
    (tmp_path / "files/a").unlink()
    (tmp_path / "files/b").write_text("2")
    assert unfinished(str(tmp_path), phase(a="11", b="22")) == {"a", "b"}
    driver.run(phase(a="11", b="22"))
    assert files(tmp_path) == {"a": "11", "b": "22"}


def test_what_is_no_longer_planned_goes_and_nothing_else(driver: Driver, tmp_path: Path) -> None:
    driver.run(phase(a="1", b="2"))
    (tmp_path / "files/mine").write_text("a stranger's")
    driver.run(phase(b="2"))
    assert files(tmp_path) == {"b": "2", "mine": "a stranger's"}
    assert not (tmp_path / "work/receipts/test/write/a.json").exists()


@pytest.mark.parametrize("task", ["bad", "torn"])
def test_a_failure_names_the_item_and_leaves_the_others(task: str, driver: Driver, tmp_path: Path) -> None:
    with pytest.raises(ShardError, match=r"test/write b: ValueError: .*") as caught:
        driver.run(phase(a="a long one goes first", b=task))
    assert "\n" not in str(caught.value)
    assert files(tmp_path) == {"a": "a long one goes first"}
    assert unfinished(str(tmp_path), phase(a="a long one goes first", b=task)) == {"b"}


def write_pair(task: str, out: ShardOutput) -> None:
    """A shard function of two files, each of one byte; `torn` ends between them."""
    for number in (1, 2):
        with out.binary(f"files/{out.item.name}{number}") as file:
            file.write(task[:1].encode())
        if "torn" in task:
            raise ValueError("killed here")


def test_old_settings_do_not_take_the_files_of_new_ones_for_their_own(driver: Driver, tmp_path: Path) -> None:
    def pair(task: str) -> Phase:
        return Phase("test/pair", [Item("a", f"of {task}", 1, task)], write_pair)

    driver.run(pair("1"))
    with pytest.raises(ShardError):
        driver.run(pair("2 torn"))
    assert files(tmp_path) == {"a1": "2", "a2": "1"}
    driver.run(pair("1"))
    assert files(tmp_path) == {"a1": "1", "a2": "1"}


def write_many(task: str, out: ShardOutput) -> None:
    """A shard function of as many files as its task has letters; `-` ends it there."""
    for number, letter in enumerate(task):
        if letter == "-":
            raise ValueError("killed here")
        with out.binary(f"files/{out.item.name}{number}") as file:
            file.write(letter.encode())


@pytest.mark.parametrize("killed", ["x-", "xy-", "xyz-", "xyzxyz-"])
@pytest.mark.parametrize("same_item", [True, False])
def test_nothing_of_settings_that_were_taken_back_stays(
    killed: str, same_item: bool, driver: Driver, tmp_path: Path
) -> None:
    def many(name: str, task: str) -> Phase:
        return Phase("test/many", [Item(name, f"of {task}", 1, task)], write_many)

    driver.run(many("a", "12"))
    with pytest.raises(ShardError):
        driver.run(many("a" if same_item else "b", killed))
    driver.run(many("a", "12"))
    assert files(tmp_path) == {"a0": "1", "a1": "2"}


def test_half_written_files_of_a_killed_run_are_swept(tmp_path: Path) -> None:
    aside = tmp_path / f"files/.{'0' * 32}.tmp"
    aside.parent.mkdir()
    aside.write_text("half")
    (tmp_path / "files/mine.tmp").write_text("a stranger's")
    Driver(str(tmp_path), workers=1, quiet=True).sweep()
    assert files(tmp_path) == {"mine.tmp": "a stranger's"}


def test_damage_is_gathered_in_one_file_that_goes_with_the_damage(driver: Driver, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    driver.run(phase(a="damaged", b="damaged", c="fine"))
    rows = pq.read_table(tmp_path / "errors/test/write.parquet").to_pylist()
    assert rows == [{"input": "input", "offset": 7, "error": "truncated", "detail": "half a record"}] * 2
    assert driver.damage == {"truncated": 2}
    driver.run(phase(a="fine", b="fine", c="fine"))
    assert not (tmp_path / "errors/test/write.parquet").exists()
    assert not list((tmp_path / "work/damage").rglob("*.parquet"))


def test_two_items_of_one_name_are_refused(driver: Driver) -> None:
    twice = Phase("test/write", [Item("a", "1", 1, "1"), Item("a", "2", 1, "2")], write_task)
    with pytest.raises(UsageError, match="two inputs would both be called a"):
        driver.run(twice)


def test_the_lock_is_held_and_let_go(tmp_path: Path) -> None:
    with locked(str(tmp_path), "r1"):
        with pytest.raises(UsageError, match="with the same recipe"), locked(str(tmp_path), "r1"):
            pass
        with pytest.raises(UsageError, match="with another recipe"), locked(str(tmp_path), "r2"):
            pass
    with locked(str(tmp_path), "r2"):
        pass


def test_the_lock_where_there_is_no_kernel_to_keep_it(tmp_path: Path) -> None:
    url = f"memory://{tmp_path.name}"
    with locked(url, "r1"), pytest.raises(UsageError, match=r"delete .*run.lock"), locked(url, "r1"):
        pass
    with locked(url, "r1"):
        pass
    write_json(f"{url}/run.lock", {"host": platform.node(), "pid": os.getppid(), "recipe": "r1"})
    with pytest.raises(UsageError, match=r"delete .*run.lock"), locked(url, "r1"):
        pass
    write_json(f"{url}/run.lock", {"host": platform.node(), "pid": os.getpid(), "recipe": "r1"})  # of an earlier boot
    with locked(url, "r1"):
        pass


def test_beam_options() -> None:
    assert is_embedded(pipeline_options([]))
    assert not is_embedded(pipeline_options(["--runner=PortableRunner", "--job_endpoint=localhost:1"]))
    pipeline_options(["--no_save_main_session"])
    with pytest.raises(UsageError, match="Beam knows no option --wrokers"):
        pipeline_options(["--wrokers=3"])
    with pytest.raises(UsageError, match="--runner=DaskRunner is refused"):
        pipeline_options(["--runner=apache_beam.runners.dask.dask_runner.DaskRunner"])


def test_progress_counts_this_run_alone(driver: Driver, tmp_path: Path) -> None:
    driver.run(phase(a="1"))
    planned = phase(a="1", b="22", c="333")
    watch = progress.PhaseWatch(str(tmp_path), planned, {"b", "c"}, lambda name, fingerprint: fingerprint != "of old")
    watch.look()
    assert (watch.done, watch.rates()) == (1, "")
    driver.run(phase(a="1", b="22"))
    watch.look()
    assert watch.done == 2
    assert "documents/s" in watch.rates()
    assert "ETA" in watch.rates()


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_shown_and_ends_with_its_phase(
    terminal: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY", 0.001)
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=100)
    Driver(str(tmp_path), workers=1, console=console).run(phase(**{f"item{i}": str(i) for i in range(50)}))
    assert "test/write" in stream.getvalue()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_long_plan_lies_in_a_file_while_it_is_needed(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_shards, "MAX_IN_GRAPH", 3)
    monkeypatch.setattr(map_shards, "AT_ONCE", 2)
    written = []
    monkeypatch.setattr(map_shards, "publish", lambda url, data: written.append(url) or publish(url, data))
    driver = Driver(str(tmp_path), workers, quiet=True)
    driver.run(phase(a="1", b="2", c="3", d="4", e="5"))
    assert files(tmp_path) == {"a": "1", "b": "2", "c": "3", "d": "4", "e": "5"}
    assert len(written) == 1
    assert not list((tmp_path / "work/plan").rglob("*.pickle"))
    driver.run(phase(a="2", b="3"))
    assert len(written) == 1
