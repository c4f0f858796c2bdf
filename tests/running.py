"""The command as a user starts it, and what its runs are compared by. On the path of every test (setup.cfg)."""

import atexit
import fcntl
import functools
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from corpusmill.mixtures.recipe import load

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
# What must be the same bytes everywhere; manifests, logs and reports hold times and hosts.
SAME_BYTES = ("documents", "dropped", "tokens", "shards", "tokenizer", "models", "errors")
SMALL = tuple(
    word
    for setting in (
        "tokenizer.vocab_size=800",
        "shards.tokens=20000",
        "shards.formats=[raw,megatron,mds]",
        "sources.commoncrawl.cited.min_positives=5",
        "sources.c4.badwords=c4/badwords_sample.txt",
        "sources.books.catalog=books/pg_catalog.csv",
    )
    for word in ("--set", setting)
)
# Wikipedia alone, to its shards.
ALONE = tuple(
    word for name in load("sample").active if name != "wikipedia" for word in ("--set", f"sources.{name}=null")
)
# CommonCrawl without what other sources teach it: to lines and language.
UNFILTERED = ("--set", "sources.commoncrawl.perplexity=skip", "--set", "sources.commoncrawl.cited=skip")


def command(*arguments: object) -> list[str]:
    """The command line that a user types, as a process."""
    return [sys.executable, "-m", "corpusmill", *map(str, arguments)]


def start(*arguments: object) -> subprocess.Popen[str]:
    """Start a command as a user does. `corpusmill` is quicker, where a test is of what a command does."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command(*arguments), stdout=pipe, stderr=pipe, text=True, cwd=ROOT.parent, env=environment()
    )


def until(process: subprocess.Popen[str], condition: Callable[[], bool]) -> bool:
    """Wait until a condition holds while the process lives; False when it ended first."""
    while not condition():
        try:
            process.wait(0.005)
            return False
        except subprocess.TimeoutExpired:
            pass
    return True


def corpusmill(*arguments: object, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and compare its exit code. Its process is a fork of one that has imported everything."""
    with tempfile.TemporaryDirectory() as scratch:
        outputs = [Path(scratch, name) for name in ("stdout", "stderr")]
        request = {"arguments": [str(one) for one in arguments], "folder": str(ROOT.parent)}
        code = forked({**request, "environment": environment(), "outputs": [str(path) for path in outputs]})
        done = subprocess.CompletedProcess(request["arguments"], code, *(path.read_text() for path in outputs))
    assert expect in (code, None), f"exit code {code}, expected {expect}\n{done.stdout}\n{done.stderr}"
    return done


def forked(request: dict[str, Any]) -> int:
    """The exit code of a command that `warm.py` ran."""
    server = warm()
    assert server.stdin
    assert server.stdout
    print(json.dumps(request), file=server.stdin, flush=True)
    return int(server.stdout.readline())


@functools.cache
def warm() -> subprocess.Popen[str]:
    """The process that commands are forked from; it ends with this one."""
    pipe = subprocess.PIPE
    server = subprocess.Popen([sys.executable, Path(__file__).with_name("warm.py")], stdin=pipe, stdout=pipe, text=True)
    atexit.register(server.communicate)
    return server


def written_elsewhere(module: str, folder: Path, seed: int, scale: float) -> dict[Path, bytes]:
    """What a part of the sample generator writes in a process with a hash seed of its own: path → content."""
    code = f"from corpusmill.samples.{module} import Path, write; write(Path({str(folder)!r}), {seed}, {scale})"
    own = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", code], check=True, env=own, cwd=folder.parent)
    return contents(folder)


def contents(folder: Path) -> dict[Path, bytes]:
    """All files below a folder: path → content."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def environment() -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1"}


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that tests share, made by whichever process of the suite comes first. No test may change it."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "once" / name
    folder.mkdir(parents=True, exist_ok=True)
    done = folder.with_name(f"{name}.done")
    with folder.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            make(folder)
            done.touch()
    return folder


def run_arguments(inputs: Path, output: Path, workers: int, *more: object) -> list[str]:
    """`corpusmill run` of the sample recipe, small enough for tests."""
    return [
        "run",
        "sample",
        "--inputs",
        str(inputs),
        "--output",
        str(output),
        "--workers",
        str(workers),
        *SMALL,
        *map(str, more),
    ]


def digests(output: Path, folders: Sequence[str] = SAME_BYTES) -> dict[str, str]:
    """SHA-256 of every file that must be the same bytes everywhere, by its path."""
    files = [path for folder in folders for path in sorted((output / folder).rglob("*")) if path.is_file()]
    return {str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def manifest(output: Path) -> Any:
    return json.loads((output / "manifest.json").read_text())
