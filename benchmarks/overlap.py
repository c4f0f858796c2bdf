"""Books in other books: sketching against datatrove's MinHash, the whole step as a collection doubles, and recall.

    python -m corpusmill.benchmarks.overlap [--books FOLDER] [--datatrove PYTHON] [--largest N]

FOLDER holds books as .txt; without it they are generated. PYTHON is an interpreter that has datatrove, which is no
dependency of ours (`datatrove[processing]`, `spacy`, `tokenizers`). Prints

    sketching   hashing the content of books and taking samples, without and with MinHash for datasketch's ensemble,
                and datatrove's MinHash of the same texts
    growth      hash, find candidates (by samples, and by the ensemble with its MinHash), verify and decide, for
                collections of generated books of about 20 KB that double
    recall      of pairs of which more than 90 % is planted, how many are found; and of those with less, how many are
                looked at in vain

The exit code is 1 when sketching with all is less than 60 times as fast as datatrove, when doublings cost
more than 2.4 times as much on average (by CPU seconds), or when samples alone miss a pair.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from ..filters.overlap import (
    Book,
    Candidates,
    Hashes,
    containment_of,
    content_hashes,
    decide,
    find_pairs,
    sample,
    signature,
    verify,
)
from .lines import cpu_seconds

MIN_OF_DATATROVE = 60
MAX_OF_DOUBLING = 2.4
LARGEST = 10_000
SMALLEST_PART = 8  # the smallest collection, of the largest
SHARES = (0.5, 0.6, 0.7, 0.8, 0.85, 0.89, 0.901, 0.91, 0.93, 0.95, 0.97, 0.99)
RATIOS = (1, 5, 50)
PAIRS = 40  # of each share and ratio
PEER_MB = 3.0  # datatrove is slow
PEER = """
import json, sys, tempfile, time
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
step = MinhashDedupSignature(tempfile.mkdtemp(), MinhashConfig(n_grams=5))
texts = json.load(sys.stdin)
step.get_signature(step.get_shingles(texts[0][:5000]))
start = time.process_time()
for text in texts:
    step.get_signature(step.get_shingles(text))
print(time.process_time() - start)
"""
Result = TypeVar("Result")


# --- sketching --------------------------------------------------------------------------------------------------------


def sketch(texts: Sequence[str]) -> None:
    for text in texts:
        sample(content_hashes(text))


def sketch_with_signature(texts: Sequence[str]) -> None:
    for text in texts:
        hashes = content_hashes(text)
        sample(hashes)
        signature(hashes)


def datatrove_mb_per_second(python: str, texts: Sequence[str]) -> float:
    """On the first texts, cut to what takes some seconds."""
    some: list[str] = []
    while texts and megabytes(some) < PEER_MB:
        some, texts = [*some, texts[0][:500_000]], texts[1:]
    done = subprocess.run([python, "-c", PEER], input=json.dumps(some), capture_output=True, text=True, check=True)
    return megabytes(some) / float(done.stdout.split()[-1])


def megabytes(texts: Sequence[str]) -> float:
    return sum(len(text.encode()) for text in texts) / 1e6


def measure_sketching(texts: Sequence[str], python: str | None) -> bool:
    content_hashes("the tables are made once")
    size = megabytes(texts)
    seconds = cpu_seconds({"content": partial(sketch, texts), "all": partial(sketch_with_signature, texts)})
    own = size / seconds["all"]
    print(f"{len(texts):,} books, {size:.1f} MB")
    print(f"content and sample      {size / seconds['content']:7.1f} MB per CPU second")
    print(f"the same, and MinHash   {own:7.1f}")
    if not python:
        print("datatrove's MinHash     not measured: name an interpreter that has it")
        return True
    peer = datatrove_mb_per_second(python, texts)
    ratios = f"{own / peer:.0f} times as slow as ours with MinHash (floor {MIN_OF_DATATROVE})"
    print(f"datatrove's MinHash     {peer:9.3f}: {ratios}, {size / seconds['content'] / peer:.0f} without")
    return own / peer >= MIN_OF_DATATROVE


# --- growth -----------------------------------------------------------------------------------------------------------


def sentences(source: random.Random, number: int) -> list[str]:
    """Sentences of a made-up language, whose words are as common or rare as those of real ones."""
    syllables = [first + second for first in "bdfgklmnprstvz" for second in ("a", "e", "i", "o", "u", "an", "er")]
    words = ["".join(source.choices(syllables, k=source.randint(1, 4))) for _ in range(20_000)]
    weights = [1 / (rank + 3) for rank in range(len(words))]
    drawn = iter(source.choices(words, weights, k=number * 15))
    return [" ".join(next(drawn) for _ in range(15)).capitalize() + "." for _ in range(number)]


def generated_books(number: int, n_sentences: int = 270) -> Iterator[str]:
    """Books of about 20 KB. Each tenth is one before it with a few sentences changed; all share sentences."""
    source = random.Random(number)
    pool = sentences(source, number * n_sentences // 5)  # each stands in five books
    books: list[list[str]] = []
    for place in range(number):
        if place % 10 == 9:
            book = [one if source.random() > 0.02 else source.choice(pool) for one in source.choice(books)]
        else:
            book = source.choices(pool, k=n_sentences)
        books.append(book)
        yield "\n".join(book)


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    start = time.process_time()
    return work(), time.process_time() - start


def step_seconds(contents: Sequence[Hashes]) -> tuple[list[float], int]:
    """CPU seconds of finding pairs in two ways, verifying, and deciding; and how many books go."""
    sampled, by_samples = timed(partial(find_pairs, contents, "sampled"))
    ensemble, by_ensemble = timed(partial(find_pairs, contents, "ensemble"))
    shares, verifying = timed(lambda: verify(sampled | ensemble, contents.__getitem__))
    books = [Book(f"{number:06}", 0, len(hashes)) for number, hashes in enumerate(contents)]
    by_id = {(books[a].id, books[b].id): share for (a, b), share in shares.items()}
    decisions, deciding = timed(partial(decide, books, by_id))
    return [by_samples, by_ensemble, verifying, deciding], sum(not decision.kept for decision in decisions)


def measure_growth(largest: int) -> bool:
    names = ("hash", "samples", "ensemble", "verify", "decide", "all")
    print(f"{'books':>7} {'MB':>6} {' '.join(f'{name:>8}' for name in names)}   of half   peak MB   gone")
    costs = []
    size = max(10, largest // SMALLEST_PART)
    while size <= largest:
        contents: list[Hashes] = []
        hashing, length = 0.0, 0
        for text in generated_books(size):
            length += len(text)
            hashes, seconds = timed(partial(content_hashes, text))
            contents.append(hashes)
            hashing += seconds
        parts, gone = step_seconds(contents)
        costs.append(hashing + sum(parts))
        columns = " ".join(f"{part:8.2f}" for part in (hashing, *parts, costs[-1]))
        of_half = f"{costs[-1] / costs[-2]:9.2f}" if len(costs) > 1 else " " * 9
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"{size:7,} {length / 1e6:6.1f} {columns} {of_half} {peak:9,} {gone:6,}", flush=True)
        size *= 2
    return costs[-1] / costs[0] <= MAX_OF_DOUBLING ** (len(costs) - 1)


# --- recall -----------------------------------------------------------------------------------------------------------


def planted(source: np.random.Generator, size: int, share: float, ratio: float) -> tuple[Hashes, Hashes]:
    """Two contents: this share of the first, rounded up, stands in the second, which is `ratio` times as large."""
    n_shared = int(np.ceil(size * share))
    hashes = source.integers(0, 1 << 64, size + max(n_shared, int(size * ratio)), np.uint64)
    return np.sort(hashes[:size]), np.sort(hashes[size - n_shared : size - n_shared + max(n_shared, int(size * ratio))])


def measure_recall() -> bool:
    source = np.random.default_rng(0)
    contents: list[Hashes] = []
    cells = {}
    for ratio in RATIOS:
        for share in SHARES:
            cells[ratio, share] = [(len(contents) + 2 * pair, len(contents) + 2 * pair + 1) for pair in range(PAIRS)]
            for _ in range(PAIRS):
                size = int(source.integers(300, 3000 if ratio < 50 else 600))
                contents += planted(source, size, share, ratio)
    ways: tuple[Candidates, ...] = ("sampled", "ensemble", "both")
    found = {way: timed(partial(find_pairs, contents, way)) for way in ways}
    print(f"{'a in b':>8} {'b / a':>6} " + " ".join(f"{way:>9}" for way in ways))
    missed = 0
    for (ratio, share), pairs in cells.items():
        counts = {way: sum(pair in found[way][0] for pair in pairs) / len(pairs) for way in ways}
        above = [pair for pair in pairs if containment_of(*(contents[one] for one in pair)) > 0.9]
        missed += len(set(above) - found["sampled"][0])
        print(f"{share:8.1%} {ratio:6} " + " ".join(f"{counts[way]:9.1%}" for way in ways))
    print(f"{'CPU s':>15} " + " ".join(f"{found[way][1]:9.2f}" for way in ways))
    return not missed


def main() -> bool:
    """Measure all three; false when a floor is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--books", type=Path)
    parser.add_argument("--datatrove")
    parser.add_argument("--largest", type=int, default=LARGEST)
    given = parser.parse_args()
    if given.books:
        paths = sorted(given.books.rglob("*.txt"))
        texts = [path.read_text(encoding="utf-8", errors="replace") for path in paths]
    else:
        texts = ["\n".join(sentences(random.Random(seed), 5000)) for seed in range(20)]
    passed = [measure_sketching(texts, given.datatrove), measure_growth(given.largest), measure_recall()]
    return all(passed)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
