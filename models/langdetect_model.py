"""Which language a text is in, by langdetect, as the code of C4 asks it.   Source: TFDS, c4_utils.py, seed 0."""

from __future__ import annotations

import functools
from typing import Any

from ..errors import UsageError


@functools.cache
def _module() -> Any:
    try:
        import langdetect  # type: ignore[import-untyped]  # an extra: slow, and only asked for where fidelity counts
    except ImportError as error:
        raise UsageError(
            "sources.c4.language.by: expected the Python module langdetect, got none. "
            "`pip install 'corpusmill[langdetect]'`, or take fasttext."
        ) from error
    langdetect.DetectorFactory.seed = 0
    return langdetect


def known_languages() -> list[str]:
    """The codes that it knows, sorted. Raises UsageError where the module is not installed."""
    _module()
    from langdetect import detector_factory

    detector_factory.init_factory()
    return sorted(detector_factory._factory.get_lang_list())


def identify(text: str) -> tuple[str, float]:
    """The likeliest language, and how likely: the same for the same text, since it draws from a fixed seed.

    >>> identify(""), identify("These are some words of a language that it knows very well.")[0]
    (('', 0.0), 'en')
    """
    module = _module()
    try:
        best = module.detect_langs(text)[0]
    except module.LangDetectException:  # nothing in the text tells
        return "", 0.0
    return best.lang, float(best.prob)
