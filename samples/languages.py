"""A toy language model for demonstrations without a network: it knows the six languages of our own samples, no more.

fastText does not train the same model twice: on one thread, version 0.9.3 leaves nine tenths of its first matrix as the
memory was, which ends in other scores each time, or in NaN; ten threads race. So the model is counted here and written
in fastText's format: the row of an n-gram holds the logarithm of how often each language has it (naive Bayes), the row
of a language picks its own. fastText takes the mean over a text's n-grams, and makes scores of the six means.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..filters.wikitext import Site, to_text
from .prose import Prose

LANGUAGES = ("bg", "de", "en", "es", "fr", "tr")
MODEL = "lid.sample.bin"

_N_ARTICLES = 40
_WEB_RULES = ("top", "bottom", "product", "forum")  # of web_<language>.yaml
_MIN_CHARS, _MAX_CHARS, _N_BUCKETS = 1, 4, 20_000
_UNSEEN = 1e-6  # how often a language has what it was not seen to have
_SHARPNESS = 8.0
_MAGIC, _VERSION, _SOFTMAX, _SUPERVISED, _WORD, _LABEL = 793_712_314, 12, 3, 3, 0, 1


def write(folder: Path, seed: int, scale: float) -> list[Path]:
    """Write `folder`/models/lid.sample.bin: the same bytes anywhere, and at any scale."""
    path = folder / "models" / MODEL
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_count_model(seed))
    return [path]


@cache
def _count_model(seed: int) -> bytes:
    counts = np.stack([_count_ngrams(_texts(language, seed)) for language in LANGUAGES], axis=1)
    return _model_file(_log_frequencies(counts))


def _texts(language: str, seed: int) -> Iterator[str]:
    """Articles, and what stands around them on the web, with lines glued together as CCNet does."""
    prose, web, site = Prose(language, seed), Prose(f"web_{language}", seed), Site.of(language, {})
    for number in range(_N_ARTICLES):
        yield to_text(prose.article(number).text, site).replace("\n", "")
        for rule in _WEB_RULES:
            yield web.page(rule, number).text.replace("\n", "")


def _count_ngrams(texts: Iterator[str]) -> npt.NDArray[np.float64]:
    """How often each bucket of n-grams occurs in texts."""
    words = Counter(word for text in texts for word in text.split())
    ngrams: Counter[str] = Counter()
    for word, n in words.items():
        for ngram in _ngrams(word):
            ngrams[ngram] += n
    counts = np.zeros(_N_BUCKETS)
    for ngram, n in ngrams.items():
        counts[_hash(ngram.encode()) % _N_BUCKETS] += n
    return counts


def _ngrams(word: str) -> Iterator[str]:
    """The parts of a word that fastText looks at, with `<` and `>` for its ends.

    >>> list(_ngrams("ab"))
    ['<a', '<ab', '<ab>', 'a', 'ab', 'ab>', 'b', 'b>']
    """
    marked = f"<{word}>"
    for start in range(len(marked)):
        for stop in range(start + _MIN_CHARS, min(start + _MAX_CHARS, len(marked)) + 1):
            if stop - start > 1 or 0 < start < len(marked) - 1:
                yield marked[start:stop]


def _hash(data: bytes) -> int:
    """FNV-1a as fastText has it, which takes bytes for signed.

    >>> _hash(b"a"), _hash("ж".encode())
    (3826002220, 2111073083)
    """
    value = 2_166_136_261
    for byte in data:
        value = (value ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * 16_777_619 & 0xFFFFFFFF
    return value


def _log_frequencies(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """For each bucket (row) and language (column), by how much the language has it more often than the others."""
    logs = np.log(counts / counts.sum(axis=0) + _UNSEEN)
    above = (logs - logs.mean(axis=1, keepdims=True)).round(4)  # the last bits of a logarithm differ between processors
    return np.asarray(above, np.float32)


def _model_file(rows: npt.NDArray[np.float32]) -> bytes:
    """A fastText classifier whose only word is the end of a line, which says nothing of the language."""
    n_buckets, dim = rows.shape
    vectors = np.concatenate([np.zeros((1, dim), np.float32), rows])
    outputs = np.eye(dim, dtype=np.float32) * np.float32(_SHARPNESS)
    settings = (dim, 5, 1, 1, 5, 1, _SOFTMAX, _SUPERVISED, n_buckets, _MIN_CHARS, _MAX_CHARS, 100, 1e-4)
    return b"".join(
        (
            struct.pack("<2i12id", _MAGIC, _VERSION, *settings),
            struct.pack("<3i2q", 1 + dim, 1, dim, 1 + dim, -1),
            _entry("</s>", _WORD),
            *(_entry(f"__label__{language}", _LABEL) for language in LANGUAGES),
            _matrix(vectors),
            _matrix(outputs),
        )
    )


def _entry(word: str, kind: int) -> bytes:
    return word.encode() + struct.pack("<xqb", 1, kind)


def _matrix(values: npt.NDArray[np.float32]) -> bytes:
    """A matrix that is not quantized."""
    return struct.pack("<?2q", False, *values.shape) + values.astype("<f4").tobytes()
