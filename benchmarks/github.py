"""The rules for source files against reading the same files, in CPU seconds of one run.

    python -m corpusmill.benchmarks.github [FOLDER]

FOLDER holds exports with the columns path, license and content, as Parquet or JSON lines (.gz); without it the files
are generated. Those of a permitted licence are written to one Parquet file. Prints

    reading     the content column of that file into Python strings
    headers     taking headers off
    measures    counting lines and letters
    rules       all together, `judge`: each half of the files after the other half
    anew        the same, when no line has been seen before

The exit code is 1 when the rules take more than three times as long as reading. Licences have the same lines in many
files, which are looked at once: files are judged after the other half of them, whose lines have been seen, as in a run.
What they take when nothing has been seen is printed beside it.
"""

from __future__ import annotations

import gzip
import json
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..filters import github_headers
from ..filters.github import judge, measure, strip_header
from ..filters.licenses import is_permitted
from .lines import cpu_seconds

MAX_RATIO = 3.0
GENERATED_FILES = 2000
ROUNDS = 7
COLUMNS = ("path", "license", "content")


def rows(folder: Path) -> Iterator[dict[str, Any]]:
    """The rows of all exports of a folder."""
    for path in sorted(folder.rglob("*.parquet")):
        yield from pq.read_table(path, columns=list(COLUMNS)).to_pylist()
    for path in sorted(folder.rglob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            yield from map(json.loads, file)


def generated() -> Iterator[dict[str, Any]]:
    """Files in two languages, about as long as those on GitHub, some not in ASCII, each under a notice of its own."""
    source = random.Random(0)
    for number in range(GENERATED_FILES):
        names = [f"value_{source.getrandbits(80):x}" for _ in range(source.randint(3, 250))]
        terms = [f"{name} + {source.choice(names)} * {source.randint(1, 1 << 40)}" for name in names]
        year = source.randint(1970, 2020)
        if number % 2:
            header = f"/*\n * Copyright (c) {year} A\n * Licensed under MIT.\n */\n\n"
            lines = [
                f"int {name}(int a) {{\n    return {term};\n}}\n\n" for name, term in zip(names, terms, strict=True)
            ]
        else:
            header = f"#!/usr/bin/env python\n# Copyright {year} A\n\n"
            note = "  # é" if number % 16 == 0 else ""
            lines = [f"def {name}(a):\n    return {term}{note}\n\n\n" for name, term in zip(names, terms, strict=True)]
        content = header + "".join(lines)
        yield {"path": f"src/{number}{'.c' if number % 2 else '.py'}", "license": "mit", "content": content}


def judge_anew(files: list[tuple[str, str]]) -> None:
    """Judge files as if no line of theirs had been seen before."""
    for cached in (github_headers._plain_kind, github_headers._boilerplate, github_headers._read_comment):
        cached.cache_clear()
    for content, name in files:
        judge(content, name)


def judge_by_halves(files: list[tuple[str, str]]) -> float:
    """CPU seconds to judge all files, each half of them when only the lines of the other half have been seen."""
    rounds = []
    for _ in range(ROUNDS):
        seconds = 0.0
        for half, other in ((files[::2], files[1::2]), (files[1::2], files[::2])):
            judge_anew(other)
            start = time.process_time()
            for content, name in half:
                judge(content, name)
            seconds += time.process_time() - start
        rounds.append(seconds)
    return statistics.median(rounds)


def main() -> bool:
    """Measure on the exports of a folder, or on generated files; false when the rules take too long."""
    exported = rows(Path(sys.argv[1])) if len(sys.argv) > 1 else generated()
    kept = [row for row in exported if row.get("content") is not None and is_permitted(row.get("license"))]
    files = [(row["content"], row["path"]) for row in kept]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "content.parquet"
        pq.write_table(pa.table({"content": [content for content, _ in files]}), path, compression="zstd")
        verdicts = [judge(content, name) for content, name in files]  # opens the data of the rules
        seconds = cpu_seconds({
            "reading": lambda: pq.read_table(path, columns=["content"]).column("content").to_pylist(),
            "headers": lambda: [strip_header(content, name) for content, name in files],
            "measures": lambda: [measure(content) for content, _ in files],
            "anew": lambda: judge_anew(files),
        })  # fmt: skip
    seconds["rules"] = judge_by_halves(files)
    megabytes = sum(len(content.encode("utf-8", "surrogatepass")) for content, _ in files) / 1e6
    print(f"{len(files):,} files, {megabytes:.1f} MB of text")
    for name, of_work in seconds.items():
        print(f"{name:9} {of_work:7.3f} CPU s {megabytes / of_work:8.1f} MB/s")
    ratio = seconds["rules"] / seconds["reading"]
    print(f"the rules take {ratio:.2f} times as long as reading (at most {MAX_RATIO})")
    reasons = Counter(str(verdict.reason or "kept") for verdict in verdicts)
    print(", ".join(f"{reason} {n:,}" for reason, n in reasons.most_common()))
    return ratio <= MAX_RATIO


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
