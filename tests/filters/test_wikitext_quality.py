"""Text quality on real dumps, which the benchmark measures in full: no markup left, no sentence lost."""

from collections import Counter

import pytest

from corpusmill.benchmarks.wikitext import Article, fair_and_lost, leaves_markup, read_articles
from corpusmill.mixtures.sources import LLAMA_WIKIPEDIAS
from running import SHARED

REAL = SHARED / "data/wikipedia"
MAX_LEFT, MIN_KEPT = 0.001, 0.99
EVERY = 8  # article of the four large dumps is compared with two parsers, which take minutes for all
LARGE = ("en", "it", "uk")

pytestmark = pytest.mark.skipif(not REAL.exists(), reason="no real dumps here")


@pytest.fixture(scope="module")
def articles() -> list[Article]:
    """Those of the twenty languages, all of which the dumps have."""
    found = [article for article in read_articles(REAL) if article.site.language in LLAMA_WIKIPEDIAS]
    assert {article.site.language for article in found} == set(LLAMA_WIKIPEDIAS) and len(found) > 600
    return found


def test_no_markup_is_left(articles: list[Article]) -> None:
    assert sum(map(leaves_markup, articles)) <= MAX_LEFT * len(articles)


def test_sentences_of_two_parsers_survive(articles: list[Article]) -> None:
    fair, lost = Counter[str](), Counter[str]()
    for number, article in enumerate(articles):
        if article.site.language not in LARGE or number % EVERY == 0:
            n, some = fair_and_lost(article)
            fair[article.site.language] += n
            lost[article.site.language] += len(some)
    assert fair.total() > 8000
    assert {language: lost[language] / n for language, n in fair.items() if lost[language] > (1 - MIN_KEPT) * n} == {}
