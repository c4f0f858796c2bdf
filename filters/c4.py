"""C4's page rules: keep lines that end as sentences do, and pages with enough sentences in them.

`clean_page` judges a page by itself. What several pages share is the matter of `c4_shared`,
words that no page may hold that of `c4_badwords`.

Source: C4 (Raffel et al. 2020), section 2.2, and its published code, which decides the order: the first reason counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ..records import Reason
from .c4_badwords import BadWords
from .c4_shared import (
    Keys,
    Rule,
    Taken,
    drop_lines,
    drop_shared,
    drop_spans,
    line_keys,
    normalize_url,
    owner_key,
    shared_reasons,
    span_keys,
)
from .sentences import count, count_at_least
from .verdict import Verdict

__all__ = [
    "BadWords",
    "C4Rules",
    "Keys",
    "Rule",
    "Taken",
    "Verdict",
    "clean_page",
    "drop_lines",
    "drop_shared",
    "drop_spans",
    "line_keys",
    "line_reasons",
    "normalize_url",
    "owner_key",
    "shared_reasons",
    "span_keys",
]

_CITATION = re.compile(r"\[(?:\d*|edit|citation needed)\]")
_POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
_SIGNS = ("{", "javascript", "lorem ipsum", "cookie", "policy", "terms of use")
"""One of them stands in each line, in lower case, that goes for what it says."""
_OF_FORM = (Reason.C4_LINE_LONG_WORD, Reason.C4_LINE_NO_END_MARK, Reason.C4_LINE_TOO_SHORT)
_OF_PAGES = frozenset({Reason.C4_LOREM_IPSUM, Reason.C4_BRACE, Reason.C4_BADWORD})
"""Reasons of a line for which the page goes."""
_NO_WORDS = BadWords()


@dataclass(frozen=True, slots=True)
class C4Rules:
    """Thresholds, in characters, words and sentences.

    By default those of the code; an earlier version of the paper has 5 sentences a page and 3 words a line.
    """

    max_page_chars: int = 190_000
    max_word_chars: int = 1000
    min_words: int = 5
    min_sentences: int = 3


_RULES = C4Rules()


def clean_page(text: str, badwords: BadWords | Iterable[str] = (), *, rules: C4Rules = _RULES) -> Verdict:
    """The lines of a page that stay, stripped and without citation marks, or why the page goes.

    Lines end where `str.splitlines` says. When a line takes the page with it, `line_reasons` counts the lines before.
    `badwords` are looked for by the rule for lines, that of the release; see `c4_badwords`.

    >>> page = "Menu\\nA line ends with its mark.[1]\\nToo short.\\nThis one is the second. Do you see it?"
    >>> verdict = clean_page(page)
    >>> verdict.text
    'A line ends with its mark.\\nThis one is the second. Do you see it?'
    >>> {str(reason): n for reason, n in verdict.line_reasons.items()}
    {'c4.line_no_end_mark': 1, 'c4.line_too_short': 1}
    >>> clean_page("Only two sentences are here. These are too few.").reason
    <Reason.C4_TOO_FEW_SENTENCES: 'c4.too_few_sentences'>
    >>> clean_page(f"{page}\\nA line with a zorgon in it.", ["zorgon"]).reason
    <Reason.C4_BADWORD: 'c4.badword'>
    """
    if len(text) > rules.max_page_chars:
        return Verdict(None, Reason.C4_TOO_LONG, measures={"chars": len(text)})
    words = badwords if isinstance(badwords, BadWords) else BadWords(badwords) if badwords else _NO_WORDS
    kept, reasons = _judge_form(text.splitlines(), rules)
    lower = "\n".join(kept).lower()
    looked_for = words if words.may_be_in_lines(lower) else None
    if looked_for or any(map(lower.__contains__, _SIGNS)):
        of_kept = [_judge_content(line, looked_for) for line in kept]
        kept = [line for line, reason in zip(kept, of_kept, strict=True) if reason is None]
        reasons = _merge(reasons, of_kept)
        for number, reason in enumerate(reasons):
            if reason in _OF_PAGES:
                return Verdict(None, reason, Counter(filter(None, reasons[:number])))
    dropped = Counter(filter(None, reasons))
    if not count_at_least(kept, rules.min_sentences):
        return Verdict(None, Reason.C4_TOO_FEW_SENTENCES, dropped, {"sentences": sum(map(count, kept))})
    return Verdict("\n".join(kept), None, dropped)


def line_reasons(text: str, badwords: BadWords = _NO_WORDS, *, rules: C4Rules = _RULES) -> list[Reason | None]:
    """Why each line of a page goes, or takes the page with it; None where it stays.

    >>> line_reasons("Menu\\nA line ends with its mark.\\nPlease enable JavaScript in your browser.")[1:]
    [None, <Reason.C4_LINE_JAVASCRIPT: 'c4.line_javascript'>]
    """
    kept, reasons = _judge_form(text.splitlines(), rules)
    return _merge(reasons, [_judge_content(line, badwords) for line in kept])


def _judge_form(lines: Iterable[str], rules: C4Rules) -> tuple[list[str], list[Reason | None]]:
    """The lines, stripped and without citation marks, that end as a sentence and are long enough; why others go."""
    long_word, no_end_mark, too_short = _OF_FORM
    max_word_chars, max_splits = rules.max_word_chars, rules.min_words - 1
    kept: list[str] = []
    reasons: list[Reason | None] = []
    for line in map(str.strip, lines):
        if len(line) > max_word_chars and any(len(word) > max_word_chars for word in line.split()):
            reasons.append(long_word)
            continue
        if "[" in line:
            line = _CITATION.sub("", line)  # not stripped again, as in the code: a space before it is an end
        if not line.endswith((".", "?", "!", '"')) or line.endswith("..."):
            reasons.append(no_end_mark)
        elif len(line.split(None, max_splits)) <= max_splits:
            reasons.append(too_short)
        else:
            reasons.append(None)
            kept.append(line)
    return kept, reasons


def _merge(reasons: Iterable[Reason | None], of_kept: Iterable[Reason | None]) -> list[Reason | None]:
    """All lines' reasons: their own, or else the next of those that are kept so far."""
    following = iter(of_kept)
    return [next(following) if reason is None else reason for reason in reasons]


def _judge_content(line: str, badwords: BadWords | None) -> Reason | None:
    """What it says: the code's order, in which a line about JavaScript may hold braces."""
    lower = line.lower()
    if "lorem ipsum" in lower:
        return Reason.C4_LOREM_IPSUM
    if "javascript" in lower:
        return Reason.C4_LINE_JAVASCRIPT
    if "{" in lower:
        return Reason.C4_BRACE
    if any(map(lower.__contains__, _POLICY)):
        return Reason.C4_LINE_POLICY
    return Reason.C4_BADWORD if badwords and badwords.in_line(lower) else None
