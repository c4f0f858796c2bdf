"""The numbers that documents go by, source by source: their names, and on which side of which setting documents stay.

One table for all that shows them: the report draws them, `look --near` finds what is on both sides of a threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ..records import Criterion, Reason
from .sentences import count


def sentences(text: str) -> int:
    """How many sentences a text has, each line by itself.

    >>> sentences("One. Two.\\nThree.")
    3
    """
    return sum(map(count, text.split("\n")))


# What is counted in any text.
COUNTED: Mapping[str, Callable[[str], int]] = MappingProxyType({"chars": len, "sentences": sentences})

_CHARS_IN = "characters before lines go"
_LANGUAGE = "score of the best language"
# Source → its criteria, in the order of its steps.
CRITERIA: Mapping[str, tuple[Criterion, ...]] = MappingProxyType(
    {
        "commoncrawl": (
            Criterion("chars_in", ">=", "min_chars", (Reason.CCNET_TOO_SHORT,), _CHARS_IN, log=True),
            Criterion(
                "language_score",
                ">=",
                "language.threshold",
                (Reason.CCNET_LANGUAGE_UNSURE,),
                _LANGUAGE,
                also=(Reason.CCNET_LANGUAGE,),
            ),
            Criterion("perplexity", "<", "", (Reason.CCNET_BUCKET,), log=True),  # cutoffs are learnt
            Criterion(
                "citation_score",
                ">=",
                "cited.min_score",
                (Reason.REDPAJAMA_NOT_CITED,),
                "likeness to pages that Wikipedia cites",
            ),
        ),
        "c4": (
            Criterion("chars_in", "<=", "max_chars", (Reason.C4_TOO_LONG,), _CHARS_IN, log=True),
            Criterion(
                "sentences",
                ">=",
                "min_sentences",
                (Reason.C4_TOO_FEW_SENTENCES, Reason.C4_TOO_FEW_SENTENCES_LEFT),
                "sentences left",
            ),
            Criterion(
                "language_score",
                ">=",
                "language.threshold",
                (Reason.C4_LANGUAGE_UNSURE,),
                _LANGUAGE,
                also=(Reason.C4_LANGUAGE,),
                worked_out="language.least_score",
            ),
        ),
        "github": (
            Criterion(
                "max_line_chars",
                "<=",
                "max_line_chars",
                (Reason.GITHUB_LONG_LINE, Reason.GITHUB_MINIFIED),  # a script with such a line is minified
                "characters of the longest line",
                log=True,
            ),
            Criterion(
                "avg_line_chars",
                "<=",
                "max_avg_line_chars",
                (Reason.GITHUB_LONG_LINES,),
                "characters of a line on average",
                log=True,
            ),
            Criterion(
                "alnum_frac",
                ">=",
                "min_alnum_frac",
                (Reason.GITHUB_FEW_ALNUM,),
                "share of letters and digits",
            ),
            Criterion(
                "letters_per_token",
                ">=",
                "min_letters_per_token",
                (Reason.GITHUB_FEW_LETTERS_PER_TOKEN,),
                "letters for each token",
                needs="tokenizer",
            ),
        ),
        "books": (
            Criterion(
                "share",
                "<=",
                "overlap.threshold",
                (Reason.BOOKS_OVERLAP,),
                "share of the book in another one",
                of_kept=False,
            ),
        ),
        "stackexchange": (
            Criterion(
                "score",
                ">=",
                "min_question_score",
                (Reason.STACKEXCHANGE_LOW_SCORE,),
                "score of the question",
            ),
        ),
    }
)

# Reason → what the measure of a document that went for it is called in the metadata of those that are kept.
CALLED: Mapping[str, str] = MappingProxyType(
    {reason: one.value for of in CRITERIA.values() for one in of for reason in (*one.reasons, *one.also)}
)
