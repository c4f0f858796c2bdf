"""Language identification against fastText called alone, and how much of a page it has to see.

    python -m corpusmill.benchmarks.language FOLDER_OF_WET MODEL

Over the pages of 300 characters and more, without their titles. Prints

    speed      fastText's CPU seconds, on texts made ready beforehand, by ours: gluing lines, rounding, deciding as well
    agreement  for parts of a page, the share of pages that are kept or dropped as by their full text, and the speed

The exit code is 1 when a floor is missed.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from ..filters.ccnet import split_title
from ..formats.wet import WetPage, read_wet
from ..models.language import LanguageModel, spread

MIN_SPEED = 0.95
MIN_CHARS, MIN_SCORE = 300, 0.5
MAX_CHARS_IN_ALL = 40_000_000
ROUNDS = 3

Part = Callable[[str], str]
Work = Callable[[int], object]
PARTS: Mapping[str, Part] = MappingProxyType({
    "first 1,000 characters": lambda text: text[:1000],
    "first 2,000 characters": lambda text: text[:2000],
    "first 4,000 characters": lambda text: text[:4000],
    "5 spread slices of 400": spread,
})  # fmt: skip


def read_texts(folder: Path) -> Iterator[str]:
    """The pages below a folder that CCNet would look at, without their titles, up to a size that fits in memory."""
    n_chars = 0
    for path in sorted(folder.rglob("*.wet.gz")):
        with path.open("rb") as file:
            for page in read_wet(file):
                text = split_title(page.body)[1] if isinstance(page, WetPage) else ""
                if len(text) >= MIN_CHARS:
                    yield text
                    n_chars += len(text)
                if n_chars > MAX_CHARS_IN_ALL:
                    return


def keeps(model: LanguageModel, text: str) -> bool:
    """Whether CCNet keeps a text for English: it rounds the score before it compares it."""
    language, score = model.identify(text)
    return language == "en" and round(score, 2) >= MIN_SCORE


def in_turn(works: Sequence[Work], n_pages: int) -> list[float]:
    """The median CPU seconds that each takes for all pages, page by page in turn, another one first on each page."""
    rounds = []
    for first in range(ROUNDS):
        taken = [0.0] * len(works)
        for page in range(n_pages):
            for i in range(len(works)):
                turn = (first + page + i) % len(works)
                start = time.process_time()
                works[turn](page)
                taken[turn] += time.process_time() - start
        rounds.append(taken)
    return [statistics.median(of_one) for of_one in zip(*rounds, strict=True)]


def speed(model: LanguageModel, texts: list[str]) -> float:
    """Their seconds by ours; prints what the pages are."""
    # Of another copy of the model the caches of the processor would have to hold both.
    predict = model._classifier._predict
    lines = [text.replace("\n", "").encode() + b"\n" for text in texts]
    theirs, ours = in_turn(
        (lambda page: predict(lines[page], 1, 0.0, "strict"), lambda page: keeps(model, texts[page])), len(texts)
    )
    n_kept, n_bytes = sum(keeps(model, text) for text in texts), sum(map(len, lines))
    print(f"{len(texts):,} pages, {n_bytes / 1e6:.1f} MB, {n_kept:,} kept as English; {n_bytes / ours / 1e6:.1f} MB/s")
    return theirs / ours


def print_agreement(model: LanguageModel, texts: list[str]) -> None:
    """A line for each part of a page."""
    glued = [text.replace("\n", "") for text in texts]

    def deciding_on(part: Part) -> Work:
        return lambda page: keeps(model, part(glued[page]))

    parts: list[Part] = [str, *PARTS.values()]
    works = list(map(deciding_on, parts))
    decisions = [[work(page) for page in range(len(texts))] for work in works]
    seconds = in_turn(works, len(texts))
    for name, decided, taken in zip(PARTS, decisions[1:], seconds[1:], strict=True):
        same = sum(one == full for one, full in zip(decided, decisions[0], strict=True)) / len(texts)
        print(f"agreement {same:.2%} with the {name}, {seconds[0] / taken:.1f} times as fast")


def main(folder: str, path: str) -> bool:
    """Measure on the pages of a folder; true when the floor is kept to."""
    texts = list(read_texts(Path(folder)))
    if not texts:
        print(f"{folder}: no pages of {MIN_CHARS} characters in files named *.wet.gz")
        return False
    model = LanguageModel(path)
    ratio = speed(model, texts)
    print(f"speed     {ratio:.3f} times fastText alone (floor {MIN_SPEED})", flush=True)
    print_agreement(model, texts)
    return ratio >= MIN_SPEED


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:3]) else 1)
