"""The text that CCNet's language models see, and its buckets: the reference's results, and what percentiles mean."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.filters.ccnet_lines import PUNCTUATION
from corpusmill.filters.ccnet_perplexity import Cutoffs, bucket_of, find_cutoffs, normalize_for_lm
from oracle import cases

CHARS = (
    st.sampled_from("\x00\t\x1f\x7f\x85\xa0\u2028\r １٣İΣς’…—．é\u0301😀ﬁ가Å")
    | st.sampled_from("aB 1\n")
    | st.characters()
)
TEXT = st.text(CHARS, max_size=30)


@pytest.mark.parametrize("case", cases("ccnet_normalize"))
def test_normalises_as_the_reference(case):
    assert normalize_for_lm(case["input"]) == case["lm_normalized"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", "", id="empty"),
        pytest.param(" \u3000\n", "", id="blank"),
        pytest.param("Hello, World! 42", "hello, world! 00", id="ascii"),
        pytest.param("one\ntwo\r\nthree", "onetwothree", id="lines-are-glued"),
        pytest.param("a\tb\x00c\x9fd\xa0e", "abcd\xa0e", id="controls"),
        pytest.param("Café cafe\u0301", "cafe cafe", id="accents"),
        pytest.param("가é", "\u1100\u1161e", id="stays-decomposed"),
        pytest.param("कि a\u20dd", "क\u093f a\u20dd", id="marks-that-are-no-accents"),
        pytest.param("１٣𝟘²", "000²", id="decimal-digits-of-any-script"),
        pytest.param("“a” — b…．x", '"a"  -  b.... x', id="punctuation-is-mapped"),
        pytest.param("‘a’", "‘a'", id="a-mark-not-in-the-table"),
        pytest.param("\x07 a", " a", id="stripped-before-controls-go"),
        pytest.param("İΟΔΟΣ\nΑ", "iοδοςα", id="final-sigma-before-gluing"),
    ],
)
def test_normalize_for_lm(text, expected):
    assert normalize_for_lm(text) == expected


def test_the_whole_table():
    assert len(PUNCTUATION) == 34
    marks = "".join(char for char in PUNCTUATION if char != "１")
    assert normalize_for_lm(f"x{marks}x") == "x" + "".join(PUNCTUATION[char] for char in marks) + "x"


@given(TEXT)
def test_nothing_that_goes_is_left(text):
    left = normalize_for_lm(text)
    assert not any(unicodedata.category(char) in ("Mn", "Cc") for char in left)
    assert not any(char.isdecimal() and char != "0" for char in left)
    assert not set(left) & set(PUNCTUATION)


@given(st.lists(st.text(CHARS.filter(lambda char: not char.isspace()), min_size=1, max_size=8), min_size=1))
def test_words_are_normalised_alone(words):
    assert normalize_for_lm(" ".join(words)) == " ".join(map(normalize_for_lm, words))


@pytest.mark.parametrize(
    ("perplexity", "cutoffs", "expected"),
    [
        pytest.param(None, Cutoffs(1, 2), "all", id="no-perplexity"),
        pytest.param(1.0, None, "all", id="no-cutoffs"),
        pytest.param(0.9, Cutoffs(1, 2), "head", id="head"),
        pytest.param(1.0, Cutoffs(1, 2), "middle", id="strictly-below"),
        pytest.param(2.0, Cutoffs(1, 2), "tail", id="strictly-below-the-second"),
        pytest.param(1.0, Cutoffs(1, 1), "tail", id="no-middle"),
    ],
)
def test_bucket_of(perplexity, cutoffs, expected):
    assert bucket_of(perplexity, cutoffs) == expected


@pytest.mark.parametrize(
    ("values", "counts", "expected"),
    [
        pytest.param([5.0], [1], Cutoffs(5, 5), id="one-document"),
        pytest.param(np.arange(10.0), [1] * 10, Cutoffs(3, 6), id="ten"),
        pytest.param(np.arange(11.0), [1] * 11, Cutoffs(3, 6), id="rounded-down"),
        pytest.param([1.0, 2.0], [30, 70], Cutoffs(2, 2), id="exactly-thirty-per-cent-below"),
        pytest.param([1.0, 2.0], [31, 69], Cutoffs(1, 2), id="ties-go-together"),
    ],
)
def test_find_cutoffs(values, counts, expected):
    assert find_cutoffs(values, counts, 30, 60) == expected


def test_percentiles_of_nothing():
    with pytest.raises(ValueError, match="no documents"):
        find_cutoffs(np.array([]), np.array([], np.int64), 30, 60)


@pytest.mark.parametrize("percentile", [0, 30, 33.3, 60, 99.9, 100])
@given(counts=st.dictionaries(st.integers(0, 40), st.integers(1, 9), min_size=1))
def test_at_most_so_many_lie_below(percentile, counts):
    values = sorted(counts)
    found = find_cutoffs(np.array(values, float), np.array([counts[value] for value in values]), percentile, 100)
    every = np.repeat(values, [counts[value] for value in values])
    assert (every < found.head).sum() * 100 <= percentile * len(every) + 1e-6
    assert (every <= found.head).sum() * 100 > percentile * len(every) - 1e-6 or found.head == every[-1]
    assert found.middle == every[-1]
