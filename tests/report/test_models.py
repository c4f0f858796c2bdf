"""The table of a run's models: every fact on one line, and nothing measured where nothing was held out."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from corpusmill.report.models import table

WIDTH = 110  # the narrowest that answers are printed in
NGRAMS = {
    "lead_sections": 1_000_000,
    "tokens": 999_999_999,
    "ngrams": [65_536, 99_999_999, 999_999_999, 999_999_999, 999_999_999, 999_999_999],
    "estimator": "lmplz",
}
CUTOFFS = {"en": {"head": 12345.6, "middle": 123456.7}}


def citation(positives: int, negatives: int) -> dict[str, Any]:
    quality = {"precision": 0.98765, "recall": 0.0, "auc": 0.5, "min_score": 0.25}
    return {"trained_on": 600_000, "held_out": {"positives": positives, "negatives": negatives, **quality}}


def lines(models: dict[str, Any]) -> list[str]:
    console = Console(file=io.StringIO(), width=WIDTH)
    console.print(table(models))
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()[4:] if line.strip()]


def test_every_fact_has_a_line() -> None:
    models = {
        "models/ngram/en.json": NGRAMS,
        "models/commoncrawl/cutoffs.json": CUTOFFS,
        "models/commoncrawl/citation.json": citation(30_000, 30_000),
    }
    assert lines(models) == [
        "cited pages trained on 600,000 pages",
        "held out 30,000 cited and 30,000 other pages",
        "of these: precision 98.77 %, recall 0.00 % at 0.25, AUC 0.50",
        "cutoffs, en head: a perplexity below 12345.6, middle: below 123457",
        "n-grams, en 1,000,000 lead sections, 999,999,999 tokens, by lmplz",
        "of 1 to 6 pieces: 65,536, 99,999,999, 999,999,999, 999,999,999, 999,999,999, 999,999,999",
    ]


@pytest.mark.parametrize(
    ("positives", "negatives", "expected"),
    [
        pytest.param(0, 0, "none held out", id="none"),
        pytest.param(0, 7, "held out 0 cited and 7 other pages", id="one class"),
        pytest.param(7, 0, "held out 7 cited and 0 other pages", id="the other class"),
    ],
)
def test_too_few_pages_to_measure_with(positives: int, negatives: int, expected: str) -> None:
    found = lines({"models/commoncrawl/citation.json": citation(positives, negatives)})
    assert found == ["cited pages trained on 600,000 pages", expected]
