"""Ctrl-C, SIGTERM and SIGHUP: one line, a code of its own, no process left, and the same command goes on."""

import contextlib
import json
import os
import pty
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from running import command, corpusmill, digests, environment, run_arguments, start

WORKS = """
import signal, sys
from corpusmill.cli import signals
signals.PATIENCE = {patience}
with signals.caught():
    signals.goes_on("It goes on.")
    try:
        print("ready", flush=True)
        signal.pause()
        print("unharmed", flush=True)
    except KeyboardInterrupt:
        say = ["unwinding"]
        while say or {stuck}:
            try:
                while say:
                    print(say.pop(), flush=True)
                if {stuck}:
                    signal.pause()
            except KeyboardInterrupt:
                pass
"""


def at_work(stuck: bool = False, patience: float = 60, **options: object) -> subprocess.Popen[str]:
    """A command that waits for a signal; a stuck one does not end when it is told to."""
    code = WORKS.format(stuck=stuck, patience=patience)
    own = environment() | {"PYTHONPATH": os.pathsep.join(sys.path)}
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", code], stdout=pipe, stderr=pipe, text=True, env=own, **options)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(
    ("number", "code", "line"),
    [
        (signal.SIGINT, 130, "Interrupted. It goes on.\n"),
        (signal.SIGTERM, 143, "Stopped by SIGTERM. It goes on.\n"),
        (signal.SIGHUP, 129, "Stopped by SIGHUP. It goes on.\n"),
    ],
)
def test_a_signal_unwinds_and_says_one_line(number: int, code: int, line: str) -> None:
    process = at_work()
    process.send_signal(number)
    assert process.communicate() == ("unwinding\n", line)
    assert process.returncode == code


def test_a_second_signal_ends_what_is_stuck_at_once() -> None:
    process = at_work(stuck=True)
    process.send_signal(signal.SIGINT)
    assert process.stdout
    assert process.stdout.readline() == "unwinding\n"
    process.send_signal(signal.SIGTERM)
    try:
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, errors) == (130, "Interrupted. It goes on.\n")  # the first one counts


def test_what_is_stuck_ends_by_itself() -> None:
    process = at_work(stuck=True, patience=0.01)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 143


def test_a_full_pipe_holds_nothing_up() -> None:
    process = at_work(preexec_fn=fill_stderr)
    process.send_signal(signal.SIGINT)
    try:
        assert process.wait(timeout=60) == 130
    finally:
        process.kill()
        process.communicate()


def fill_stderr() -> None:
    os.set_blocking(2, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(2, b"x")
    os.set_blocking(2, True)


@pytest.mark.skipif(shutil.which("less") is None, reason="needs less")
def test_ctrl_c_is_the_pagers(tmp_path: Path) -> None:
    """On a terminal of its own, where Ctrl-C goes to both: `less` goes on, and `q` ends them in order."""
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": f"text {n}"}) + "\n" for n in range(99)))
    own = {"TERM": "xterm", "LESS": "", "PAGER": ""}
    pid, terminal = pty.fork()
    if not pid:
        os.execve(sys.executable, command("look", tmp_path, "-n", 0), {**os.environ, **own})
    try:
        pressed(terminal, b"", b"text 0")
        for _ in range(2):  # the second would end a command at once
            os.write(terminal, b"\x03")
            pressed(terminal, b"G", b"text 98")
            pressed(terminal, b"g", b"text 0")
        pressed(terminal, b"q", b"")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    finally:
        os.close(terminal)  # which ends what is left there


def pressed(terminal: int, key: bytes, wanted: bytes) -> None:
    """Press a key until something is shown, or nobody is there: a signal may take what was typed with it."""
    said = b""
    for _ in range(200):
        os.write(terminal, key)
        while select.select([terminal], [], [], 0.3)[0]:
            try:
                said += (came := os.read(terminal, 4096))
            except OSError:  # so Linux says that nobody is there
                came = b""
            if not came or (wanted and wanted in said):
                assert bool(came) == bool(wanted), said
                return
    raise AssertionError(said)


def test_what_nohup_ignores_stays_ignored() -> None:
    process = at_work(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    assert "unharmed" not in process.communicate()[0]  # a signal that is ignored does not wake it
    assert process.returncode == 143


def stop_at(process: subprocess.Popen[str], reached: Callable[[], bool], signals: Sequence[int]) -> str:
    """Stop a command once it has come somewhere, and see that all its processes are gone. Returns its stderr."""
    while not reached():
        assert process.poll() is None, process.communicate()
    family = psutil.Process(process.pid).children(recursive=True)
    for number in signals:
        process.send_signal(number)
    _, errors = process.communicate()
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not alive, "processes outlived it"
    return errors


def test_a_run_that_is_stopped_in_every_way_goes_on_to_the_same_bytes(
    inputs: Path, finished: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    arguments = run_arguments(inputs, output, 2)
    for place, signals, code in (
        ("recipe.yaml", [signal.SIGINT], 130),
        ("work/receipts/wikipedia/leads", [signal.SIGTERM], 143),
        ("work/receipts/commoncrawl/extract", [signal.SIGHUP], 129),
        ("work/receipts/github/texts", [signal.SIGINT, signal.SIGINT], 130),
        ("work/receipts/tokens", [signal.SIGTERM, signal.SIGTERM], 143),
        ("work/receipts/shards", [signal.SIGINT], 130),
    ):
        begun = output / place
        process = start(*arguments)
        errors = stop_at(process, lambda begun=begun: begun.is_file() or any(begun.rglob("*.json")), signals)
        assert process.returncode == code, errors
        assert errors.count("the same command goes on.") == 1, errors
        assert re.search(r"^error|Traceback|leaked", errors, re.M) is None, errors
        assert not (output / "manifest.json").exists()
    corpusmill(*arguments, expect=4)
    assert digests(output) == digests(finished)
    assert not list(output.rglob("*.tmp"))


def test_a_take_down_that_is_stopped_goes_on(finished: Path, copy_of: Callable[[Path], Path]) -> None:
    output = copy_of(finished)
    process = start("takedown", output, "wikipedia:en/12")
    errors = stop_at(process, lambda: not (output / "manifest.json").exists(), [signal.SIGTERM])
    assert (process.returncode, errors) == (143, "Stopped by SIGTERM. The same command goes on.\n")
    assert "`corpusmill takedown" in corpusmill("check", output, expect=2).stderr
    corpusmill("takedown", output)
    assert "0 differences" in corpusmill("check", output).stdout
    assert not list(output.rglob("*.tmp"))


def test_a_training_that_is_stopped_goes_on(finished: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    steps = ["--steps", "100000", "--seq-len", "16", "--batch-size", "1", "--checkpoint-every", "1"]
    process = start("train", finished, "--save", tmp_path, *steps)
    errors = stop_at(process, (tmp_path / "checkpoint.pt").exists, [signal.SIGTERM])
    assert process.returncode == 143
    assert errors.endswith("Stopped by SIGTERM. The same command goes on from the last checkpoint.\n")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_disk_that_takes_no_more_is_one_line_and_the_same_command_goes_on(
    workers: int, inputs: Path, tmp_path: Path
) -> None:
    """By a limit on the size of files, for a full disk takes root to make: the same error of the system."""
    output, whole = tmp_path / "out", tmp_path / "whole"
    arguments = run_arguments(inputs, output, workers, "books")
    done = subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        env=environment(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY)),
    )
    assert done.returncode == 1, done.stderr
    assert re.fullmatch(r"error: books/[^\n]*File too large\. The disk[^\n]*\n", done.stderr.splitlines(True)[-1])
    assert "Traceback" not in done.stderr
    corpusmill(*arguments, expect=4)
    corpusmill(*run_arguments(inputs, whole, 1, "books"), expect=4)
    assert digests(output) == digests(whole)
    assert not list(output.rglob("*.tmp"))
