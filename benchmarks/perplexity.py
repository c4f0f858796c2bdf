"""Perplexity of pages against KenLM's own scoring of pages that are cut into pieces already.

    python -m corpusmill.benchmarks.perplexity FOLDER_OF_WET FOLDER_OF_MODELS LANGUAGE

The folder of models holds LANGUAGE.sp.model, LANGUAGE.arpa.bin (or .binary, .arpa), and a lid.* that tells which pages
are in the language: pages come without the lines that several have, as in a run, where perplexity is the step after.
KenLM slows down as a model outgrows the caches of the processor, and a small one makes ours look dear: take one as
large as those of a run. Prints, in CPU seconds of one run, in batches of 256 pages, in turn, none by two at once,

    cost       normalising, cutting and scoring by ours, against KenLM's scoring alone of the same pieces by its Python
               module; ours has seen the words of the pages before, but not those that two lines make when glued
    new        the same when ours has seen nothing but a half of the pages, on the other half
    plain      the same by calling SentencePiece for the whole page, joining the pieces, and scoring
    agreement  on how many pages, and for how many words, the two cut otherwise, and how far that moves a perplexity

Where KenLM is compiled for batches (`make kenlm-tools`), with it and then without. The exit code is 1 when the floor is
missed by the first of them, which is what a run uses.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path

from ..filters.ccnet import drop_shared_lines
from ..filters.ccnet_perplexity import normalize_for_lm
from ..models.language import LanguageModel
from ..models.ngram import ModuleScorer, NgramModel, model_files
from ..models.pieces import SPACE
from .language import read_texts

MAX_COST = 1.3
BATCH_PAGES = 256
ROUNDS = 5


def read_pages(folder: Path, models: Path, language: str) -> list[str]:
    """The pages of a language below a folder, without the lines that several pages have."""
    lid = LanguageModel(str(next(models.glob("lid.*"))))
    (left,) = drop_shared_lines([list(read_texts(folder))])
    return [text for text in left if text and lid.identify(text)[0] == language]


def cut_plainly(model: NgramModel, text: str) -> bytes:
    """The pieces of a whole page, as SentencePiece gives them."""
    return " ".join(model.pieces._processor.encode(normalize_for_lm(text), out_type=str)).encode()


def cost(model: NgramModel, kenlm: ModuleScorer, batches: Sequence[list[str]]) -> float:
    """Our seconds by KenLM's; prints what the pages are, what new words cost, and the plain way."""
    n, score, cutter = len(batches), kenlm._score, model._cutter
    cut = [model.pieces.cut_batch(batch) for batch in batches]

    def theirs(i: int) -> object:
        return list(map(score, cut[i]))

    def ours(i: int) -> object:
        return model.perplexities(batches[i])

    def plain(i: int) -> object:
        return [score(cut_plainly(model, text)) for text in batches[i]]

    def remember(pages: Iterable[str]) -> None:
        if cutter.words is not None:
            cutter.words.forget()
        cutter.cut([text.replace("\n", " \n") for text in pages])

    rounds, of_new = [], []
    for _ in range(ROUNDS):
        remember(chain.from_iterable(batches))
        rounds.append(in_turn((theirs, ours, plain), range(n)))
        remember(chain.from_iterable(batches[: n // 2]))
        of_new.append(in_turn((theirs, ours), range(n // 2, n)))
    by_theirs, by_ours, by_plain = map(statistics.median, zip(*rounds, strict=True))
    n_bytes = sum(len(text.encode()) for batch in batches for text in batch)
    n_pieces = sum(len(page.split()) for batch in cut for page in batch)
    print(f"{sum(map(len, batches)):,} pages, {n_bytes / 1e6:.1f} MB, {n_pieces:,} pieces")
    print(f"KenLM {n_bytes / by_theirs / 1e6:.1f} MB/s, ours {n_bytes / by_ours / 1e6:.1f} MB/s")
    ratio = statistics.median(of_ours / of_theirs for of_theirs, of_ours, _ in rounds)
    print(f"cost      {ratio:.2f} times KenLM alone (floor {MAX_COST})")
    print(f"new       {statistics.median(of_ours / of_theirs for of_theirs, of_ours in of_new):.2f} times KenLM alone")
    print(f"plain     {by_plain / by_theirs:.2f} times KenLM alone", flush=True)
    return ratio


def in_turn(works: Sequence[Callable[[int], object]], batches: Sequence[int]) -> list[float]:
    """The CPU seconds that each takes for all batches, in turn, none with the batch that another one just had."""
    taken = [0.0] * len(works)
    for at in range(len(batches)):
        for i, work in enumerate(works):
            batch = batches[(at + i * len(batches) // len(works)) % len(batches)]
            start = time.process_time()
            work(batch)
            taken[i] += time.process_time() - start
    return taken


def print_agreement(model: NgramModel, texts: list[str]) -> None:
    """How often a word cut alone is not what it is in its page."""
    n_words = n_other = n_pages = 0
    moved = [0.0]
    for text, cut in zip(texts, model.pieces.cut_batch(texts), strict=True):
        ours, plain = cut.decode(), cut_plainly(model, text).decode()
        pairs = list(zip(f" {ours}".split(f" {SPACE}"), f" {plain}".split(f" {SPACE}"), strict=True))
        n_words += len(pairs)
        if ours != plain:
            n_other += sum(one != other for one, other in pairs)
            n_pages += 1
            one, other = model.perplexity_of_pieces([ours]), model.perplexity_of_pieces([plain])
            moved.append(abs(one / other - 1) if one and other else 0.0)
    print(f"agreement {n_other:,} of {n_words:,} words on {n_pages:,} pages otherwise, perplexity by {max(moved):.2%}")


def main(folder: str, models: str, language: str) -> bool:
    """Measure on the pages of a folder; true when the floor is kept to."""
    texts = read_pages(Path(folder), Path(models), language)
    if not texts:
        print(f"{folder}: no pages in {language!r} in files named *.wet.gz")
        return False
    path, tokenizer = model_files(models, language)
    print(f"{path}: {Path(path).stat().st_size / 1e6:,.0f} MB")
    kenlm, batches = ModuleScorer(path), [texts[i : i + BATCH_PAGES] for i in range(0, len(texts), BATCH_PAGES)]
    engines = [NgramModel(path, tokenizer)]
    if not isinstance(engines[0].scorer, ModuleScorer):
        engines.append(NgramModel(path, tokenizer, in_batches=False))
    ratios = []
    for model in engines:
        print(f"\nours scores with {type(model.scorer).__name__}")
        ratios.append(cost(model, kenlm, batches))
    print_agreement(engines[0], texts)
    return ratios[0] <= MAX_COST


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:4]) else 1)
