"""C4's rules against datatrove's filter of the same rules, in CPU seconds of one run over the same pages.

    python -m corpusmill.benchmarks.c4 [FOLDER_OF_WET]

Without a folder the files are generated. Works take turns, some rounds; medians count. Prints

    rules         cleaning all pages; the same with a list of words in its lines
    words         looking for the list's words in the pages that stay, as wholes
    span keys     splitting the pages that stay into sentences, and hashing each three of them
    datatrove     its filter without splitting sentences, and with it (on a share of the pages, once)

datatrove (0.10) is compared with where it can be imported. The exit code is 1 when a floor is missed.
"""

from __future__ import annotations

import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from ..filters.c4 import BadWords, clean_page, span_keys
from ..samples.commoncrawl import write
from .lines import GENERATED_SCALE, cpu_seconds, is_gzip, read

MIN_OF_DATATROVE, MIN_OF_DATATROVE_SPLITTING = 3.0, 50.0
MAX_COST_OF_WORDS = 1.0
MIN_SPANS_MB_PER_SECOND = 8.0
MAX_CHARS_IN_ALL, MAX_CHARS_SPLIT = 40_000_000, 400_000
WORDS, PHRASES = 300, 100


def generated_words(texts: Iterable[str]) -> BadWords:
    """A list that hardly a page has: words of no language, and phrases of two words that stand in some of the texts."""
    chance = random.Random(0)
    syllables = [first + second for first in "bdfgklmnprstvz" for second in "aeiou"]
    words = ["".join(chance.sample(syllables, 4)) for _ in range(WORDS)]
    vocabulary = sorted({word for text in texts for word in re.findall("[a-z]{3,}", text)})
    return BadWords([*words, *(" ".join(chance.sample(vocabulary, 2)) for _ in range(PHRASES)), "***", "1x1"])


def for_each(work: Callable[[str], object], texts: Iterable[str]) -> None:
    """Do it with each of the texts."""
    for text in texts:
        work(text)


def datatrove_filter(*, splits_sentences: bool) -> Callable[[str], object] | None:
    """The peer, with C4's thresholds; None where it is not installed."""
    if not find_spec("datatrove"):
        return None
    from datatrove.data import Document  # type: ignore[import-not-found]
    from datatrove.pipeline.filters import C4QualityFilter  # type: ignore[import-not-found]

    peer = C4QualityFilter(min_num_sentences=3 if splits_sentences else -1, min_words_per_line=5)
    return lambda text: peer.filter(Document(text=text, id=""))


def some(texts: Sequence[str], max_chars: int) -> list[str]:
    """Texts from all parts of the sequence, up to a number of characters."""
    step = max(1, sum(map(len, texts)) // max_chars)
    return list(texts[::step])


def seconds_of_one(work: Callable[[], object]) -> float:
    """CPU seconds of one go."""
    start = time.process_time()
    work()
    return time.process_time() - start


def report(name: str, n_bytes: int, seconds: float, remark: str = "") -> None:
    """Print a line of the table."""
    print(f"{name:28} {seconds:7.3f} CPU s {n_bytes / seconds / 1e6:7.1f} MB/s  {remark}".rstrip(), flush=True)


def measure(texts: Sequence[str]) -> bool:
    """Print all measures; true when each keeps to its floor."""
    kept = [verdict.text for verdict in map(clean_page, texts) if verdict.text is not None]
    words = generated_words(kept)
    works = {
        "rules": partial(for_each, clean_page, texts),
        "rules, words in lines": partial(for_each, partial(clean_page, badwords=words), texts),
        "words in pages": partial(for_each, words.in_page, kept),
        "span keys": partial(for_each, span_keys, kept),
    }
    if peer := datatrove_filter(splits_sentences=False):
        works["datatrove, no sentences"] = partial(for_each, peer, texts)
    else:
        print("datatrove is not installed here, and not compared with")
    of_all, of_kept = (sum(len(text.encode(errors="replace")) for text in those) for those in (texts, kept))
    print(f"{len(texts):,} pages, {of_all / 1e6:.1f} MB, of which {len(kept):,}, {of_kept / 1e6:.1f} MB, stay")
    seconds = cpu_seconds(works)
    rules = seconds["rules"]
    costs = (seconds["rules, words in lines"] - rules) / rules, seconds["words in pages"] / rules
    remarks = {
        "rules, words in lines": f"the words cost {costs[0]:.2f} of the rules (at most {MAX_COST_OF_WORDS})",
        "words in pages": f"{costs[1]:.2f} of the rules (at most {MAX_COST_OF_WORDS})",
        "span keys": f"(floor {MIN_SPANS_MB_PER_SECOND})",
    }
    good = max(costs) <= MAX_COST_OF_WORDS and of_kept / seconds["span keys"] / 1e6 >= MIN_SPANS_MB_PER_SECOND
    if peer:
        ratio = seconds["datatrove, no sentences"] / rules
        remarks["datatrove, no sentences"] = f"the rules are {ratio:.1f} times as fast (floor {MIN_OF_DATATROVE})"
        good &= ratio >= MIN_OF_DATATROVE
    for name, of_work in seconds.items():
        report(name, of_kept if works[name].args[1] is kept else of_all, of_work, remarks.get(name, ""))
    return good and against_splitting(some(texts, MAX_CHARS_SPLIT))


def against_splitting(texts: Sequence[str]) -> bool:
    """Compare with the peer as it is meant to be used: it splits each line that stays into sentences."""
    peer = datatrove_filter(splits_sentences=True)
    if not peer:
        return True
    peer("One. Two.")  # its splitter loads
    theirs = seconds_of_one(partial(for_each, peer, texts))
    ours = cpu_seconds({"rules": partial(for_each, clean_page, texts)})["rules"]
    remark = f"the rules are {theirs / ours:.0f} times as fast (floor {MIN_OF_DATATROVE_SPLITTING:.0f})"
    report("datatrove, sentences", sum(len(text.encode(errors="replace")) for text in texts), theirs, remark)
    return theirs / ours >= MIN_OF_DATATROVE_SPLITTING


def main() -> bool:
    """Measure on the WET files of a folder, or on generated ones; false when a floor is missed."""
    with tempfile.TemporaryDirectory() as folder:
        if len(sys.argv) > 1:
            paths = sorted(Path(sys.argv[1]).rglob("*.wet.gz"))
        else:
            paths = write(Path(folder), seed=0, scale=GENERATED_SCALE)
        return measure(some(list(read(filter(is_gzip, paths))), MAX_CHARS_IN_ALL))


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
