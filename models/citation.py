"""How much a page is like those that Wikipedia cites: a fastText classifier.   Source: RedPajama v1, CommonCrawl.

Its two labels are `wiki`, for pages that Wikipedia cites, and `cc`, for other pages of the crawl. Lines are joined by
spaces, nothing else is done to the text, and fastText's defaults hold: words between blanks, 100 numbers for each, five
epochs. Other than there, a vocabulary that grows too large loses its rarest words, and few examples get more epochs.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import re
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import UsageError
from .fasttext_file import LABEL, Classifier

CITED, OTHER = f"{LABEL}wiki", f"{LABEL}cc"
HOW_TO_GET_IT = (
    "The model is a fastText classifier with the labels wiki and cc, as RedPajama v1's code trains it; "
    "without one of your own, leave its path out, and it is trained from the pages that Wikipedia cites."
)

_END = "</s>"
_SPECIAL = re.compile(rf"\0|\n|{_END}|{LABEL}")


class CitationModel:
    """A fastText classifier that tells pages that Wikipedia cites from others."""

    def __init__(self, path: str) -> None:
        """Load a `.bin` or `.ftz` file from wherever it lies; a file that is none is a UsageError."""
        self._classifier = Classifier(path, "classifier of cited pages", HOW_TO_GET_IT)
        if sorted(self._classifier.labels) != [OTHER, CITED]:
            some = ", ".join(sorted(self._classifier.labels)[:3])
            raise UsageError(
                f"{path}: expected a fastText model with the labels {CITED} and {OTHER}, "
                f"got {len(self._classifier.labels)}: {some}. {HOW_TO_GET_IT}"
            )

    def score(self, text: str) -> float:
        """How probable it is that Wikipedia cites a page of this text, 0.0 to 1.0.

        A text without any word that the model knows gets what the model says of nothing; 0.0 if it says nothing.
        """
        label, probability = self._classifier.top(one_line(text))
        return probability if label in (CITED, "") else 1.0 - probability


@functools.cache
def open_citation_model(path: str) -> CitationModel:
    """The model of a path or URL, loaded once per process."""
    return CitationModel(path)


def one_line(text: str) -> str:
    """A text as fastText may read it: on one line, without what is a label or the end of a text to it.

    >>> one_line("One\\ntwo __label__cc</s>")
    'One two  cc '
    """
    return _SPECIAL.sub(" ", text)


# ---- training --------------------------------------------------------------------------------------------------------

MAX_WORDS = 500_000
"""Words that a model knows, the most frequent ones: 200 MB of model, held by each process that scores."""
_MAX_COUNTED = 8 * MAX_WORDS
"""Words counted at a time, about 130 bytes each; beyond, the rarest so far are forgotten."""
_MAX_WORD_BYTES = 200
_N_STEPS = 50_000
"""Examples to learn from, each counted in every epoch. Vectors begin near zero: after fewer all scores are near 0.5."""
_MIN_EPOCHS, _MAX_EPOCHS = 5, 100
_DIM = 100
_LEVELS = [b"%.5f" % ((2 * level / 255 - 1) / _DIM) for level in range(256)]


def train(examples: Iterable[tuple[bool, str]], scratch: Path) -> bytes:
    """The file of a model that tells the texts that are True from those that are False.

    The same examples in the same order give the same bytes on the same machine. Files in the folder `scratch` take
    twice the size of the texts and up to 700 MB, and are deleted at the end; memory stays below some 2 GB. Raises
    UsageError when one class has no example.
    """
    import fasttext  # here, since few processes of a run need it

    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        every, known, vectors, model = (Path(folder, name) for name in ("every", "known", "vectors", "model"))
        words, n_examples = _write_examples(every, examples)
        _write_known(known, every, words)
        every.unlink()
        _write_vectors(vectors, words)
        trained = fasttext.train_supervised(
            input=str(known),
            pretrainedVectors=str(vectors),
            dim=_DIM,
            lr=0.1,
            epoch=_n_epochs(n_examples),
            wordNgrams=1,
            minCount=1,
            minn=0,
            maxn=0,
            loss="softmax",
            bucket=0,
            thread=1,
            seed=0,
            verbose=0,
        )
        trained.save_model(str(model))
        return model.read_bytes()


def _n_epochs(n_examples: int) -> int:
    """How often to go through the examples.

    >>> [_n_epochs(n) for n in (10, 1_000, 9_999, 600_000)]
    [100, 50, 6, 5]
    """
    return min(max(_MIN_EPOCHS, -(-_N_STEPS // n_examples)), _MAX_EPOCHS)


def _write_examples(path: Path, examples: Iterable[tuple[bool, str]]) -> tuple[list[bytes], int]:
    """Write each example on a line, its label first. The words that the model is to know, and how many examples."""
    counts: Counter[bytes] = Counter()
    n_examples: Counter[bool] = Counter()
    with path.open("wb") as file:
        for is_cited, text in examples:
            words = _words(text)
            n_examples[is_cited] += 1
            counts.update(words)
            if len(counts) > _MAX_COUNTED:
                counts = _most_frequent(counts, _MAX_COUNTED // 2)
            file.write(b" ".join([(CITED if is_cited else OTHER).encode(), *words]) + b"\n")
    if not (n_examples[True] and n_examples[False]):
        raise UsageError(
            f"the classifier of cited pages needs pages that are cited and pages that are not, got "
            f"{n_examples[True]:,} and {n_examples[False]:,}. Give it more pages, a list of cited URLs, or a model."
        )
    return list(_most_frequent(counts, MAX_WORDS)), n_examples.total()


def _words(text: str) -> list[bytes]:
    """The words that fastText reads in a text; without those so long that they are none.

    >>> _words("One,\\ttwo\\u00a0or" + "!" * 999 + " three")
    [b'One,', b'three']
    """
    return [word for word in one_line(text).encode(errors="replace").split() if len(word) <= _MAX_WORD_BYTES]


def _most_frequent(counts: Counter[bytes], n: int) -> Counter[bytes]:
    """The n most frequent words, of equally frequent ones the first in order of their bytes."""
    if len(counts) <= n:
        return counts
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return Counter(dict(itertools.islice(ordered, n)))


def _write_known(path: Path, every: Path, words: list[bytes]) -> None:
    """Write the examples again with the known words alone."""
    known = frozenset(words)
    with every.open("rb") as source, path.open("wb") as file:
        for line in source:
            label, *rest = line.split()
            file.write(b" ".join([label, *filter(known.__contains__, rest)]) + b"\n")


def _write_vectors(path: Path, words: list[bytes]) -> None:
    """Write the vector that each word begins with, each number made of a byte of the word's hash.

    Without it fastText 0.9.3 with one thread leaves nine tenths of its matrix as the memory happened to be. The numbers
    lie as evenly as its own do, between -1 and 1 over the size of a vector.
    """
    with path.open("wb") as file:
        file.write(b"%d %d\n" % (len(words) + 1, _DIM))
        for word in [_END.encode(), *words]:
            numbers = map(_LEVELS.__getitem__, hashlib.shake_128(word).digest(_DIM))
            file.write(word + b" " + b" ".join(numbers) + b"\n")


# ---- is it any good? -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Quality:
    """How well scores tell the classes apart, keeping those from `min_score` on."""

    positives: int
    negatives: int
    precision: float
    recall: float
    auc: float
    min_score: float


def measure(scores: npt.ArrayLike, labels: npt.ArrayLike, min_score: float) -> Quality:
    """Quality of the scores of examples, `labels` being True for those that should score high.

    `auc` is the probability that a positive scores above a negative, a tie being half of it; 0.5 without any of one
    class. Precision is 0.0 when no score reaches the minimum, recall 0.0 without positives.

    >>> measure([0.9, 0.5, 0.5, 0.1], [True, True, False, False], 0.25)
    Quality(positives=2, negatives=2, precision=0.6666666666666666, recall=1.0, auc=0.875, min_score=0.25)
    >>> measure([], [], 0.25)
    Quality(positives=0, negatives=0, precision=0.0, recall=0.0, auc=0.5, min_score=0.25)
    """
    values, positive = np.asarray(scores, np.float64), np.asarray(labels, np.bool_)
    n_positives = int(positive.sum())
    n_negatives = len(positive) - n_positives
    kept = values >= min_score
    n_found = int((kept & positive).sum())
    _, places, n_equal = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(n_equal) - (n_equal - 1) / 2)[places]
    n_pairs = n_positives * n_negatives
    above = float(ranks[positive].sum()) - n_positives * (n_positives + 1) / 2
    return Quality(
        n_positives,
        n_negatives,
        n_found / int(kept.sum()) if kept.any() else 0.0,
        n_found / n_positives if n_positives else 0.0,
        above / n_pairs if n_pairs else 0.5,
        min_score,
    )
