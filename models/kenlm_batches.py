"""KenLM compiled for whole batches of sentences, where `make kenlm-tools` has put it beside the Python that runs.

The module kenlm looks for every word of every sentence in the model. Here a word is looked for once, and a sentence is
the numbers of its words. KenLM's own code then adds up the same scores in the same order, to the last bit.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
import weakref
from collections.abc import Sequence
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np

LIBRARY = "kenlm_scorer.so"
_VERSION = 1  # of the functions in tools/kenlm_scorer.cc
_ID, _END, _SCORE = np.dtype(np.uint32), np.dtype(np.uint64), np.dtype(np.float32)


class BatchScorer:
    """An n-gram model whose sentences are the numbers of their pieces: 32 bits each, one behind the other."""

    def __init__(self, library: Any, model: int) -> None:
        self._library, self._model = library, model
        weakref.finalize(self, library.kenlm_scorer_close, model)

    def write(self, texts: Sequence[Sequence[bytes]]) -> list[bytes]:
        """The pieces of each text as numbers."""
        # KenLM would read a piece with a blank in it as two.
        texts = [b" ".join(pieces).split() for pieces in texts]
        words = list(chain.from_iterable(texts))
        ids, ends = np.empty(len(words), _ID), np.cumsum(list(map(len, words)), dtype=_END)
        self._library.kenlm_scorer_find(self._model, b"".join(words), ends, len(words), ids)
        found, sizes = ids.tobytes(), (_ID.itemsize * len(pieces) for pieces in texts)
        return [found[start:end] for start, end in pairwise(accumulate(sizes, initial=0))]

    def score(self, sentences: Sequence[bytes]) -> list[tuple[float, int]]:
        """Of each sentence log10 of its probability, and how many pieces it has."""
        ids = np.frombuffer(b"".join(sentences), _ID)
        counts = [len(sentence) // _ID.itemsize for sentence in sentences]
        scores = np.empty(len(sentences), _SCORE)
        self._library.kenlm_scorer_score(self._model, ids, np.cumsum(counts, dtype=_END), len(sentences), scores)
        return list(zip(scores.tolist(), counts, strict=True))


def open_scorer(path: str) -> BatchScorer | None:
    """The model of a file; None where the library is not there, or KenLM as it was compiled there refuses the file."""
    library = _open_library(str(Path(sys.executable).parent / LIBRARY))
    model = library and library.kenlm_scorer_open(os.fsencode(path))
    return BatchScorer(library, model) if model else None


@functools.cache
def _open_library(path: str) -> Any:
    """The library, or None where there is none that this version can call."""
    try:
        library = ctypes.CDLL(path)
        if library.kenlm_scorer_version() != _VERSION:
            return None
    except (OSError, AttributeError):  # not there, of another machine, of another make
        return None
    model, size = ctypes.c_void_p, ctypes.c_uint64
    ids, ends, scores = (np.ctypeslib.ndpointer(kind, flags="C_CONTIGUOUS") for kind in (_ID, _END, _SCORE))
    library.kenlm_scorer_open.restype = model
    library.kenlm_scorer_open.argtypes = [ctypes.c_char_p]
    library.kenlm_scorer_close.argtypes = [model]
    library.kenlm_scorer_close.restype = None
    library.kenlm_scorer_find.argtypes = [model, ctypes.c_char_p, ends, size, ids]
    library.kenlm_scorer_find.restype = None
    library.kenlm_scorer_score.argtypes = [model, ids, ends, size, scores]
    library.kenlm_scorer_score.restype = None
    return library
