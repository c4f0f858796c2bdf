"""How likely an n-gram model finds a text, as a perplexity.   Source: CCNet (Wenzek et al. 2020) section 3.3, its code.

CCNet's code scores a page as one sentence of its language's SentencePiece pieces: 10 ** (-log10 p / (pieces + 1)), the
1 being the sentence's end. Its published models, `<language>.arpa.bin` and `<language>.sp.model`, work as they are.
"""

from __future__ import annotations

import contextlib
import functools
import re
import struct
import zipfile
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..errors import SourceError, UsageError
from ..storage import filesystem, join, local_copy, open_read, size_of
from .kenlm_batches import BatchScorer, open_scorer
from .pieces import open_piece_model
from .word_pieces import with_blanks

PIECES, MODELS = ".sp.model", (".arpa.bin", ".binary", ".arpa")

_MAGIC = b"mmap lm http://kheafield.com/code format version"
_HEADER_BYTES, _FIXED = 88, struct.Struct("<B3xfi?3xI")  # after the header: order, multiplier, kind, has words, version
_MAX_MULTIPLIER = 1000.0
_HEAD_BYTES = 1 << 16
_ARPA = re.compile(rb"(?:#[^\n]*+\n|\s)*+\\data\\\r?\n((?:ngram \d+=\d+[ \t\r]*\n)+)")
_ARPA_COUNT = re.compile(rb"=(\d+)")
_MIN_ENTRY_BYTES = 4  # "0", a tab, a word, a line end
_WHERE = re.compile(r"^.*? threw \w+(?: because `.*?')?\. *|^Cannot read model '.*?' \(|\)$")
_MAX_LOG10 = 308.0
_SHORT_BYTES = 1 << 10  # below, NumPy takes longer to begin than `bytes.count` does for all


class NgramModel:
    """An n-gram model of pieces."""

    def __init__(self, path: str, tokenizer: str, in_batches: bool = True) -> None:
        """Load an ARPA file or a KenLM binary, and the SentencePiece model of its pieces, from wherever they lie.

        A binary is mapped, so that all processes share one copy. A file that is cut off, or whose sizes cannot be, is
        an error here: KenLM itself would crash or never end on some. What was damaged beyond that is not noticed.

        KenLM scores in batches where it is compiled for them, unless `in_batches` says otherwise, and else through its
        Python module: slower, with the same results.
        """
        self.pieces = open_piece_model(tokenizer)
        self.scorer = _load(path, in_batches)
        self._cutter = self.pieces.cutter(self.scorer.write)

    def perplexity(self, text: str, per_line: bool = False) -> float | None:
        """The perplexity of a text, not rounded; None where it has no pieces.

        With `per_line` each line that has pieces is a sentence of its own; without, the lines are glued into one.
        """
        return self.measure(text, per_line)[0]

    def perplexities(self, texts: Sequence[str], per_line: bool = False) -> list[float | None]:
        """The perplexity of each text, the same in any batch. Batches of some 256 pages go fastest."""
        return [perplexity for perplexity, _ in self.measure_batch(texts, per_line)]

    def measure(self, text: str, per_line: bool = False) -> tuple[float | None, int]:
        """The perplexity of a text, and how many pieces it has."""
        return self.measure_batch([text], per_line)[0]

    def measure_batch(self, texts: Sequence[str], per_line: bool = False) -> list[tuple[float | None, int]]:
        """The perplexity of each text, and how many pieces it has."""
        lines = [text.split("\n") if per_line else [text] for text in texts]
        cut = iter(self._cutter.cut(list(chain.from_iterable(lines))))
        sentences = [list(filter(None, islice(cut, len(of_one)))) for of_one in lines]
        scored = iter(self.scorer.score(list(chain.from_iterable(sentences))))
        return [_measure(list(islice(scored, len(of_one)))) for of_one in sentences]

    def perplexity_of_pieces(self, lines: Sequence[str]) -> float | None:
        """The perplexity of sentences that are cut already, pieces between ASCII blanks; None for no sentence.

        A blank line is a sentence without a word.
        """
        # KenLM would take a NUL for the end of all, where it is but a letter.
        cut = [line.replace("\0", "\ufffd").encode(errors="replace").split() for line in lines]
        return _measure(self.scorer.score(self.scorer.write(cut)))[0]


def _measure(sentences: Sequence[tuple[float, int]]) -> tuple[float | None, int]:
    """The perplexity of sentences, given log10 of the probability and the number of pieces of each; and all pieces."""
    if not sentences:
        return None, 0
    n_pieces = sum(n for _, n in sentences)
    log10 = sum(log10 for log10, _ in sentences)
    return float(10.0 ** min(-log10 / (n_pieces + len(sentences)), _MAX_LOG10)), n_pieces


@functools.cache
def open_ngram_model(path: str, tokenizer: str) -> NgramModel:
    """The model of two paths or URLs, loaded once per process."""
    return NgramModel(path, tokenizer)


def model_files(folder: str, language: str) -> tuple[str, str]:
    """The n-gram model and the SentencePiece model of a language in a folder or at a URL.

    Raises:
        UsageError: one of them is not there.
    """
    fs = filesystem(folder)[0]

    def first(endings: Sequence[str]) -> str:
        for url in (join(folder, language + ending) for ending in endings):
            if fs.isfile(filesystem(url)[1]):
                return url
        names = " or ".join(language + ending for ending in endings)
        raise UsageError(f"{folder}: expected {names} in this folder, for perplexities in {language!r}, got none.")

    return first(MODELS), first([PIECES])


# ---- files that KenLM can read ---------------------------------------------------------------------------------------


def require_kenlm() -> Any:
    """The module kenlm, or a UsageError that says where to get it."""
    try:
        import kenlm  # type: ignore[import-not-found,unused-ignore]  # has no types, and does not compile on Python 3.13
    except ImportError as error:
        raise UsageError(
            "perplexity: expected the Python module kenlm, got none. `pip install kenlm` compiles it; "
            "on Python 3.13 the set-up of a checkout of corpusmill does (tools/build_kenlm.py)."
        ) from error
    return kenlm


def check_model(path: str) -> None:
    """Raise UsageError for a file whose beginning is not that of a model, without loading it."""
    with _refusing(path), open_read(path) as file:
        _check(file, size_of(path))


class ModuleScorer:
    """An n-gram model in KenLM's own Python module, whose sentences are pieces with a blank after each."""

    write = staticmethod(with_blanks)

    def __init__(self, path: str) -> None:
        kenlm = require_kenlm()
        config = kenlm.Config()
        config.show_progress = False
        config.arpa_complain = kenlm.ARPALoadComplain.NONE
        self._score = kenlm.Model(path, config).score

    def score(self, sentences: Sequence[bytes]) -> list[tuple[float, int]]:
        """Of each sentence log10 of its probability, and how many pieces it has."""
        return [(self._score(sentence), _count_blanks(sentence)) for sentence in sentences]


def _count_blanks(text: bytes) -> int:
    if len(text) < _SHORT_BYTES:
        return text.count(b" ")
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == ord(" ")))


def _load(path: str, in_batches: bool) -> BatchScorer | ModuleScorer:
    with _refusing(path), local_copy(path) as local:
        with Path(local).open("rb") as file:
            _check(file, Path(local).stat().st_size)
        # What the one does not open, the other may, or says why not.
        return (open_scorer(local) if in_batches else None) or ModuleScorer(local)


@contextlib.contextmanager
def _refusing(path: str) -> Iterator[None]:
    """What goes wrong with a file, as a UsageError."""
    try:
        yield
    except (OSError, RuntimeError, ValueError, MemoryError, SourceError, zipfile.BadZipFile) as error:
        reason = " ".join(_WHERE.sub("", " ".join(str(error).split())).split())[:200]
        raise UsageError(
            f"{path}: expected a KenLM binary or an ARPA file, got {reason or type(error).__name__}. "
            "Bring the whole file, or train the model again."
        ) from error


def _check(file: BinaryIO, size: int) -> None:
    """Raise ValueError for a file that could end this process, or never be read to its end."""
    head = file.read(_HEAD_BYTES)
    if head.startswith(_MAGIC):
        _check_binary(head, size)
    elif found := _ARPA.match(head):
        counts = [int(count) for count in _ARPA_COUNT.findall(found[1])]
        if sum(counts) * _MIN_ENTRY_BYTES > size:
            raise ValueError(f"{sum(counts):,} n-grams promised in {size:,} bytes: the file is cut off")
    else:
        raise ValueError("a file of another format" if head else "an empty file")


def _check_binary(head: bytes, size: int) -> None:
    try:
        order, multiplier, *_ = _FIXED.unpack_from(head, _HEADER_BYTES)
        counts = struct.unpack_from(f"<{order}Q", head, _HEADER_BYTES + _FIXED.size)
    except struct.error:
        raise ValueError("a file that is cut off") from None
    if not counts or not min(counts) or sum(counts) > size or not 1 < multiplier <= _MAX_MULTIPLIER:
        raise ValueError(f"a binary of order {order} whose sizes cannot be")
