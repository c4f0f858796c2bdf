"""The command as a user starts it, and what its runs are compared by. On the path of every test (setup.cfg)."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
# CommonCrawl without what other sources teach it: to lines and language.
UNFILTERED = ("--set", "sources.commoncrawl.perplexity=skip", "--set", "sources.commoncrawl.cited=skip")


def command(*arguments: object) -> list[str]:
    """The command line that a user types, as a process."""
    return [sys.executable, "-m", "corpusmill", *map(str, arguments)]


def corpusmill(*arguments: object, expect: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and compare its exit code."""
    done = subprocess.run(command(*arguments), capture_output=True, text=True, cwd=ROOT.parent, env=environment())
    assert done.returncode == expect, f"exit code {done.returncode}, expected {expect}\n{done.stdout}\n{done.stderr}"
    return done


def environment() -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1"}


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
