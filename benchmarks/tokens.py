"""Encoding texts against SentencePiece's own `encode`: the same model, documents and run, CPU seconds of all threads.

    python -m corpusmill.benchmarks.tokens [INPUTS [MODEL]]

INPUTS holds real dumps as a run takes them: pages of WET files, code in Parquet, books as text files, and texts in
other languages below languages/ are read. Without it pages are generated; without MODEL one of 8,000 pieces is trained
on some of the texts. Encoding takes turns, some rounds; medians count. Prints

    sentencepiece   SentencePieceProcessor.encode, a text at a time
    new             Tokenizer.encode by a tokenizer that was just opened, and has seen no word yet
    opening         what it costs to open one, its comparison with SentencePiece included
    again           the same texts once more

The ids of all texts are compared. The exit code is 1 when any differ or the floor is missed.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow.parquet as pq
import sentencepiece

from ..samples.commoncrawl import write
from ..tokenizer.encode import Tokenizer
from ..tokenizer.train import train, training_lines
from .lines import GENERATED_SCALE, is_gzip, read

MIN_OF_SENTENCEPIECE = 6.0
ROUNDS = 3
MAX_CHARS = 16_000_000
VOCAB_SIZE, TRAINING_CHARS = 8000, 2_000_000
T = TypeVar("T")


def documents(folder: Path) -> Iterator[str]:
    """The texts that a folder of dumps has, as they are."""
    yield from read(filter(is_gzip, sorted(folder.rglob("*.wet.gz"))))
    for path in sorted(folder.glob("github/joined/*.parquet")):
        for content in pq.read_table(path, columns=["content"])["content"].to_pylist():
            yield content.decode(errors="replace") if isinstance(content, bytes) else content or ""
    for below in ("books", "languages"):
        for path in sorted((folder / below).rglob("*.txt")):
            yield path.read_bytes().decode(errors="replace")


def some(texts: Sequence[str], max_chars: int) -> list[str]:
    """Texts from all parts of the sequence, up to about a number of characters."""
    return list(texts[:: max(1, round(sum(map(len, texts)) / max_chars))])


def measure(texts: Sequence[str], model: str) -> bool:
    """Print all measures; true when the ids are the same and the floor is kept."""
    processor = sentencepiece.SentencePieceProcessor(model_file=model)
    seconds: defaultdict[str, list[float]] = defaultdict(list)

    def timed(name: str, work: Callable[[], T]) -> T:
        start = time.process_time()
        result = work()
        seconds[name].append(time.process_time() - start)
        return result

    different = 0
    for _ in range(ROUNDS):
        expected = timed("sentencepiece", lambda: [processor.encode(text, out_type=int) for text in texts])
        tokenizer = timed("opening", lambda: Tokenizer(model))
        for name in ("new", "again"):
            ids = timed(name, lambda: [tokenizer.encode(text) for text in texts])  # noqa: B023
            different += sum(not np.array_equal(one, two) for one, two in zip(ids, expected, strict=True))
    n_tokens, n_bytes = sum(map(len, expected)), sum(len(text.encode()) for text in texts)
    medians = {name: statistics.median(of_work) for name, of_work in seconds.items()}
    print(f"{len(texts):,} texts, {n_bytes / 1e6:.1f} MB, {n_tokens:,} tokens; texts with other ids: {different}")
    for note in tokenizer.notes():
        print(note)
    ratios = {name: medians["sentencepiece"] / medians[name] for name in ("new", "again")}
    for name in ("sentencepiece", "new", "again", "opening"):
        line = f"{name:13} {medians[name]:7.3f} CPU s"
        if name != "opening":
            line += f" {n_tokens / medians[name] / 1e6:6.2f} M tokens/s"
        if name in ratios:
            line += f"  {ratios[name]:.1f} times sentencepiece" + f" (floor {MIN_OF_SENTENCEPIECE})" * (name == "new")
        print(line)
    return not different and ratios["new"] >= MIN_OF_SENTENCEPIECE


def main() -> bool:
    """Measure on the dumps of a folder, or on generated pages; false when a floor is missed."""
    with tempfile.TemporaryDirectory() as scratch:
        if len(sys.argv) > 1:
            texts = list(documents(Path(sys.argv[1])))
        else:
            texts = list(read(filter(is_gzip, write(Path(scratch), seed=0, scale=GENERATED_SCALE))))
        texts = some(texts, MAX_CHARS)
        model = Path(scratch) / "a.model"
        if len(sys.argv) > 2:
            model = Path(sys.argv[2])
        else:
            lines = [line for text in some(texts, TRAINING_CHARS) for line in training_lines(text)]
            model.write_bytes(train(lines, VOCAB_SIZE))
        return measure(texts, str(model))


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
