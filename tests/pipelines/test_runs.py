"""Whole runs: the same bytes with 1 and 2 workers, killed and resumed, and through the portable runner."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from corpusmill.mixtures.recipe import load
from corpusmill.samples import wikipedia
from running import corpusmill, digests, made_once, manifest, run_arguments, start, until

FOR_PEOPLE = {"finished", "seconds", "step_seconds"}  # of the manifest


def pool_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The pool's processes that have done some work; their parent is the fork server."""
    found = []
    for server in psutil.Process(process.pid).children():
        for child in server.children():
            try:
                if child.cpu_times().user > 0.05:
                    found.append(child)
            except psutil.NoSuchProcess:
                pass
    return found


def test_two_workers_give_the_same_bytes(inputs: Path, finished: Path, tmp_path: Path) -> None:
    corpusmill(*run_arguments(inputs, tmp_path / "out", 2), expect=4)
    assert digests(tmp_path / "out") == digests(finished)
    one, two = (manifest(output) for output in (finished, tmp_path / "out"))
    assert {name for name in one if one[name] != two[name]} <= {*FOR_PEOPLE, "command", "digest"}


@pytest.mark.parametrize(
    "phases",
    [
        pytest.param(
            (
                *("", "wikipedia/leads", "ngram/pieces", "commoncrawl/lines/hash", "commoncrawl/lines/exchange"),
                *("commoncrawl/lines/masks", "commoncrawl/extract", "commoncrawl/examples", "commoncrawl/judge"),
            ),
            id="models and pages",
        ),
        pytest.param(
            (
                *("c4/addresses/hash", "c4/documents", "github/texts", "github/contents/masks", "wikipedia/extract"),
                *("books/contents", "books/judge", "arxiv/versions/masks", "arxiv/extract", "stackexchange/posts"),
                *("stackexchange/sites", "stackexchange/extract", "tokens", "shards"),
            ),
            id="other sources and shards",
        ),
    ],
)
def test_killed_and_resumed_gives_the_same_bytes(
    phases: tuple[str, ...], inputs: Path, finished: Path, tmp_path: Path
) -> None:
    """A run that is killed again and again: in these phases, as soon as an item of each is done."""
    output = tmp_path / "out"
    arguments = run_arguments(inputs, output, 2)
    for phase in phases:
        begun = output / "work/receipts" / phase if phase else output / "recipe.yaml"
        process = start(*arguments)
        enough = until(process, lambda begun=begun: begun.is_file() or any(begun.rglob("*.json")))
        pool = psutil.Process(process.pid).children(recursive=True) if enough else []
        process.kill()
        psutil.wait_procs(pool, timeout=30)
        assert not [p for p in pool if p.is_running() and p.status() != psutil.STATUS_ZOMBIE], "the pool outlived it"
        process.communicate()
        assert enough, "the run ended before it could be killed"
        assert not (output / "manifest.json").exists()
    corpusmill(*arguments, expect=4)
    assert digests(output) == digests(finished)
    assert not list(output.rglob("*.tmp"))


def test_a_change_that_was_killed_and_taken_back_leaves_no_trace(
    inputs: Path, finished: Path, copy_of: Callable[[Path], Path]
) -> None:
    """Files of the new settings must not pass for those of the old ones, whose receipts are the same size or not."""
    output = copy_of(finished)
    receipts = output / "work/receipts/tokens"
    before = {path: path.read_text() for path in receipts.rglob("*.json")}
    process = start(*run_arguments(inputs, output, 2, "--redo", "--set", "tokenizer.vocab_size=700"))
    changed = until(process, lambda: sum(path.read_text() != text for path, text in before.items()) >= 5)
    process.kill()
    process.communicate()
    assert changed, "the run ended before it could be killed"
    corpusmill(*run_arguments(inputs, output, 2, "--redo"), expect=4)
    assert digests(output) == digests(finished)
    corpusmill("check", output)


@pytest.fixture(scope="session")
def long_inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dumps with enough work for a process of the pool to be caught at it."""
    return made_once(tmp_path_factory, "long", lambda folder: wikipedia.write(folder, seed=1, scale=2.5))


def test_a_killed_worker_is_an_error_that_names_the_item_and_the_next_run_completes(
    long_inputs: Path, tmp_path: Path
) -> None:
    output, expected = tmp_path / "out", tmp_path / "expected"
    process = start(*run_arguments(long_inputs, output, 2, "wikipedia"))
    caught = until(process, lambda: bool(pool_of(process)))
    assert caught, process.communicate()
    pool_of(process)[0].kill()
    _, errors = process.communicate()
    assert process.returncode == 1, errors
    assert "worker process was killed" in errors
    assert re.search("-pages-articles", errors)  # the items in flight, by name
    assert "Traceback" not in errors
    corpusmill(*run_arguments(long_inputs, output, 2, "wikipedia"), expect=4)
    corpusmill(*run_arguments(long_inputs, expected, 1, "wikipedia"), expect=4)
    assert digests(output) == digests(expected)


def test_ctrl_c_stops_with_one_line_and_the_same_command_goes_on(long_inputs: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    process = start(*run_arguments(long_inputs, output, 2, "wikipedia"))
    assert until(process, lambda: bool(pool_of(process)))
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert "Interrupted." in errors
    assert "Traceback" not in errors
    corpusmill(*run_arguments(long_inputs, output, 2, "wikipedia"), expect=4)
    corpusmill("check", output)


@pytest.fixture
def job_service() -> Iterator[str]:
    """Beam's local job service on a free port."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    module = "apache_beam.runners.portability.local_job_service_main"
    # It prints a line once it listens.
    arguments = [sys.executable, "-m", module, "--port", str(port)]
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as service:
        assert service.stderr is not None
        for line in service.stderr:
            if "Listening" in line or "listening" in line:
                break
        yield f"localhost:{port}"
        service.kill()


def test_the_portable_runner_gives_the_same_bytes(
    inputs: Path, finished: Path, tmp_path: Path, job_service: str
) -> None:
    beam = ["--runner=PortableRunner", f"--job_endpoint={job_service}", "--environment_type=LOOPBACK"]
    corpusmill(*run_arguments(inputs, tmp_path / "out", 1, "--", *beam), expect=4)
    assert digests(tmp_path / "out") == digests(finished)


def test_a_finished_run_is_left_as_it_is(inputs: Path, finished: Path, copy_of: Callable[[Path], Path]) -> None:
    output = copy_of(finished)
    before = {path: path.stat().st_mtime_ns for path in (output / "work/receipts").rglob("*.json")}
    corpusmill(*run_arguments(inputs, output, 2), expect=4)
    assert before == {path: path.stat().st_mtime_ns for path in (output / "work/receipts").rglob("*.json")}
    assert digests(output) == digests(finished)


def test_a_new_seed_rewrites_shards_alone(inputs: Path, finished: Path, copy_of: Callable[[Path], Path]) -> None:
    output = copy_of(finished)
    kept = ("documents", "dropped", "tokens", "tokenizer")
    before = {
        path: path.stat().st_mtime_ns for folder in kept for path in (output / folder).rglob("*") if path.is_file()
    }
    corpusmill(*run_arguments(inputs, output, 2, "--set", "seed=2", "--redo"), expect=4)
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert digests(output, ["shards"]) != digests(finished, ["shards"])
    corpusmill("check", output)


def test_what_is_only_printed_changes_no_bytes(inputs: Path, finished: Path, copy_of: Callable[[Path], Path]) -> None:
    output = copy_of(finished)
    done = corpusmill(*run_arguments(inputs, output, 2, "--set", "max_epochs=2", "--redo"), expect=4)
    assert "too small" in done.stdout
    assert digests(output) == digests(finished)


def test_one_more_input_renames_nothing_and_is_taken_with_redo_only(inputs: Path, tmp_path: Path) -> None:
    folder, output, whole = tmp_path / "in", tmp_path / "out", tmp_path / "whole"
    subprocess.run(["cp", "-R", str(inputs), str(folder)], check=True)
    late = next((folder / "wikipedia").glob("eswiki-*"))
    aside = tmp_path / late.name
    late.rename(aside)
    # Wikipedia, and the source that it teaches.
    sources = [name for name in load("sample").active if name not in ("wikipedia", "commoncrawl")]
    less = tuple(word for name in sources for word in ("--set", f"sources.{name}=null"))
    corpusmill(*run_arguments(folder, output, 2, *less), expect=4)
    without = digests(output)
    aside.rename(late)
    left_out = corpusmill(*run_arguments(folder, output, 2, *less), expect=4)
    assert "1 new input, from wikipedia/eswiki-" in left_out.stderr
    assert digests(output) == without
    corpusmill(*run_arguments(folder, output, 2, *less, "--redo"), expect=4)
    corpusmill(*run_arguments(folder, whole, 2, *less), expect=4)
    assert digests(output) == digests(whole)
    late.unlink()
    gone = corpusmill(*run_arguments(folder, output, 2, *less), expect=2)
    assert "is gone" in gone.stderr
    corpusmill(*run_arguments(folder, output, 2, *less, "--redo"), expect=4)
    assert digests(output) == without


def test_every_document_is_accounted_for(finished: Path) -> None:
    import pyarrow.parquet as pq

    counts = manifest(finished)["sources"]["wikipedia"]
    dropped = {name: n for name, n in counts.items() if name.startswith("documents.dropped.")}
    assert counts["documents.in"] == counts["documents.kept"] + sum(dropped.values())
    assert pq.read_table(finished / "documents/wikipedia").num_rows == counts["documents.kept"]
    reasons = pq.read_table(finished / "dropped/wikipedia")["reason"].to_pylist()
    assert {f"documents.dropped.{reason}": reasons.count(reason) for reason in set(reasons)} == dropped
    assert dropped["documents.dropped.common.duplicate_id"] > 0
    ids = pq.read_table(finished / "documents/wikipedia")["id"].to_pylist()
    assert len(ids) == len(set(ids))
