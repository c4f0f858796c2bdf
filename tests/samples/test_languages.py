"""The toy language model: a file that fastText reads as it was meant, right about our own samples."""

from __future__ import annotations

from pathlib import Path

import fasttext
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.filters.wikitext import Site, to_text
from corpusmill.models.language import LanguageModel
from corpusmill.samples import languages
from corpusmill.samples.prose import Prose

SEED = 3
PLAIN = st.text(st.characters(exclude_categories=["Cs", "Zs", "Zl", "Zp", "Cc"]), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return languages.write(tmp_path_factory.mktemp("sample"), SEED, 1.0)[0]


@pytest.fixture(scope="module")
def model(path: Path) -> LanguageModel:
    return LanguageModel(str(path))


@pytest.fixture(scope="module")
def loaded(path: Path) -> fasttext.FastText._FastText:
    return fasttext.load_model(str(path))


def test_same_seed_same_bytes_at_any_scale(path: Path, tmp_path: Path) -> None:
    languages._count_model.cache_clear()
    [again] = languages.write(tmp_path, SEED, 0.1)
    assert again == tmp_path / "models/lid.sample.bin"
    assert again.read_bytes() == path.read_bytes()
    [other] = languages.write(tmp_path, SEED + 1, 1.0)
    assert other.read_bytes() != path.read_bytes()
    assert other.stat().st_size < 1_000_000


def test_nothing_is_written_or_printed_beside(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    [written] = languages.write(tmp_path, SEED, 1.0)
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [written]
    assert capfd.readouterr() == ("", "")


def test_labels_are_the_languages(loaded: fasttext.FastText._FastText) -> None:
    assert loaded.get_labels() == [f"__label__{language}" for language in languages.LANGUAGES]
    assert loaded.get_words() == ["</s>"]


@given(PLAIN)
def test_fasttext_cuts_and_hashes_words_so(loaded: fasttext.FastText._FastText, word: str) -> None:
    ngrams, rows = loaded.f.getSubwords(word, "strict")
    assert list(languages._ngrams(word)) == ngrams
    assert [1 + languages._hash(ngram.encode()) % languages._N_BUCKETS for ngram in ngrams] == list(rows)


def paragraphs(language: str, seed: int) -> list[str]:
    """Parts of articles that the model was not made from, of 300 characters and more."""
    prose, site = Prose(language, seed), Site.of(language, {})
    articles = [to_text(prose.article(number, version=7).text, site) for number in range(500, 560)]
    whole = [text for text in articles if len(text) >= 300]
    return whole + [part for text in articles for part in text.split("\n\n") if len(part) >= 300]


@pytest.mark.parametrize("language", languages.LANGUAGES)
@pytest.mark.parametrize("change", [str, str.lower], ids=["as it stands", "lower case"])
def test_prose_of_other_seeds(model: LanguageModel, language: str, change: type[str]) -> None:
    found = [model.identify(change(text)) for text in paragraphs(language, SEED + 1)]
    assert len(found) >= 5
    right = sum(label == language and score >= 0.5 for label, score in found)
    assert right >= 0.98 * len(found)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            "Privacy Policy\nTerms of Service\nContact\nAbout\nCareers\nSubscribe to our newsletter\n"
            "You must be logged in to post a comment.\nThis site uses cookies to improve your experience.",
            id="frame",
        ),
        pytest.param(
            "Toggle navigation\nShop\nCart (0)\nCheckout\nSale!\nWomen\nMen\nKids\nShoes\nAccessories\nGift cards\n"
            "Store locator\nReturns & exchanges\n$29.99\n$14.50",
            id="shop",
        ),
        pytest.param(
            "Last updated on 12 March 2019\n3 comments\nFiled under: Uncategorized\nTagged with: travel, food\n"
            "View all posts by Jane\n← Older posts\nNewer posts →",
            id="blog",
        ),
    ],
)
def test_english_of_the_web(model: LanguageModel, page: str) -> None:
    label, score = model.identify(page)
    assert label == "en" and score >= 0.5
