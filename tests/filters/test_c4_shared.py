"""What pages of C4 share: the rules against their definitions, and no dependence on the order of pages."""

import hashlib
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.filters.c4 import (
    drop_lines,
    drop_shared,
    drop_spans,
    line_keys,
    normalize_url,
    owner_key,
    shared_reasons,
    span_keys,
)
from corpusmill.filters.sentences import count, split
from corpusmill.records import Reason

SHARED_SPAN = Reason.C4_SHARED_SPAN
#: Few sentences, so that pages share spans and repeat them; two differ in what keys leave aside.
SENTENCE = st.sampled_from(["One.", "one.", "Two!", "Three?", "Four it is.", "Four  it is."])
LINE = st.lists(SENTENCE, min_size=1, max_size=4).map(" ".join)
TEXT = st.lists(LINE, min_size=1, max_size=4).map("\n".join)
PAGES = st.lists(st.tuples(st.sampled_from([f"http://{name}.org" for name in "abcdef"]), TEXT), max_size=5)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("http://www.example.org/a", "example.org/a", id="www"),
        pytest.param("https://example.org/a//", "example.org/a", id="slashes-at-the-end"),
        pytest.param("HTTP://example.org", "HTTP://example.org", id="case-of-the-scheme"),
        pytest.param("http://wwwexample.org", "wwwexample.org", id="no-www"),
        pytest.param("http://a.org/?utm_source=b&c=d", "a.org", id="utm"),
        pytest.param("http://a.org/b?referrer=c", "a.org/b", id="all-that-begins-with-ref"),
        pytest.param("http://a.org/b?feed=rss", "a.org/b", id="feed"),
        pytest.param("http://a.org/b?c=d&utm_source=e", "a.org/b?c=d&utm_source=e", id="not-first-in-the-query"),
        pytest.param("http://a.org/b?utmost=c", "a.org/b?utmost=c", id="not-utm"),
        pytest.param("http://archive.org/http://www.a.org/", "archive.org/a.org", id="scheme-anywhere"),
        pytest.param("", "", id="empty"),
    ],
)
def test_normalize_url(url, expected):
    assert normalize_url(url) == expected
    assert f"{owner_key(url):016x}" == hashlib.md5(expected.encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        pytest.param("One. Two. Three.", "ONE. two.\nThree.", True, id="case-and-lines"),
        pytest.param("One is. Two. Three.", " One\u3000 is.\tTwo.  Three. ", True, id="white-space"),
        pytest.param("One. Two. Three.", "One. Two. Three!", False, id="marks-count"),
        pytest.param("One. Two. Three.", "One. Two. Thrée.", False, id="accents-count"),
        pytest.param("One. Two. Three.", "One. Two. Three. ", True, id="space-at-the-end"),
        pytest.param("One. Two. \ud800.", "One. Two. \ud801.", False, id="surrogates"),
    ],
)
def test_span_keys(left, right, same):
    assert np.array_equal(span_keys(left), span_keys(right)) == same
    assert span_keys(left).dtype == np.uint64


@given(TEXT)
def test_keys_are_those_of_their_texts(text):
    sentences = [sentence for line in text.split("\n") for sentence in split(line)]
    spans = [" ".join(sentences[i : i + 3]) for i in range(len(sentences) - 2)]
    assert span_keys(text).tolist() == [span_keys(span)[0] for span in spans]
    assert line_keys(text).tolist() == [line_keys(line)[0] for line in text.split("\n")]


@pytest.mark.parametrize(
    ("line", "other", "same"),
    [
        pytest.param("One line.", "  ONE LINE. ", True, id="case-and-outer-space"),
        pytest.param("One line.", "One  line.", False, id="inner-space-counts"),
        pytest.param("ΟΔΟΣ", "οδος", True, id="final-sigma"),
    ],
)
def test_line_keys(line, other, same):
    assert (line_keys(line)[0] == line_keys(other)[0]) == same


@pytest.mark.parametrize(
    ("text", "taken", "expected", "n_lines"),
    [
        pytest.param("A! B! C!", ".", "A! B! C!", 0, id="nothing-goes"),
        pytest.param("A! B! C!", "x", None, 1, id="nothing-stays"),
        pytest.param("A! B!", "", "A! B!", 0, id="too-short-for-a-span"),
        pytest.param("", "", None, 0, id="empty"),
        pytest.param("A! B!\nC! D!\nE!", "x..", "D!\nE!", 1, id="across-lines"),
        pytest.param("A!  B! C! D!\tE.", ".x.", "A!\tE.", 0, id="white-space-before-what-stays"),
        pytest.param("A! B! C! D! E!", "x.x", None, 1, id="spans-that-meet"),
        pytest.param(" A! B! \nC! D! ", ".x", "A!", 1, id="a-cut-line-is-stripped"),
        pytest.param(" X! \nA!\nB!\nC!", ".x", " X! ", 3, id="a-whole-line-is-not"),
        pytest.param("A!\n\nB!\nC!\nD!", "x.", "\nD!", 3, id="a-blank-line-stays"),
        pytest.param("A! A! A! A!", "..", "A! A! A!", 0, id="a-span-spares-its-own-first-occurrence"),
        pytest.param("A! A! A! A! A! A! A!", ".....", "A! A! A!", 0, id="however-often"),
        pytest.param("A! B! A! B! A!", "...", "A! B! A!", 0, id="overlapping-repeat"),
        pytest.param("A! B! C!\nX!\na! b!\nc!", "." * 5, "A! B! C!\nX!", 2, id="repeat"),
        pytest.param("A! B! C!\nX!\nA! B! C!", "x...x", "X!", 2, id="taken-repeats"),
        pytest.param("A! B! C! D! B! C! D!", "." * 5, "A! B! C! D!", 0, id="repeat-inside-a-longer-text"),
    ],
)
def test_drop_spans(text, taken, expected, n_lines):
    mask = np.array([mark == "x" for mark in taken], bool)
    left, dropped = drop_spans(text, mask)
    assert (left, dropped) == (expected, {SHARED_SPAN: n_lines} if n_lines else {})
    assert drop_spans(text, mask, keys=span_keys(text)) == (left, dropped)
    assert shared_reasons(text, span_keys(text), mask).count(SHARED_SPAN) == n_lines


@pytest.mark.parametrize(
    ("text", "taken", "expected", "n_lines"),
    [
        pytest.param("a\nb", "..", "a\nb", 0, id="nothing-goes"),
        pytest.param("a\nb\nc", ".x.", "a\nc", 1, id="taken"),
        pytest.param("a\nb\n A", "...", "a\nb", 1, id="repeated"),
        pytest.param("a\na", "xx", None, 2, id="nothing-stays"),
        pytest.param("a\n\n", "x..", None, 2, id="only-blank-lines-stay"),
    ],
)
def test_drop_lines(text, taken, expected, n_lines):
    mask = np.array([mark == "x" for mark in taken], bool)
    assert drop_lines(text, mask) == (expected, {SHARED_SPAN: n_lines} if n_lines else {})
    assert shared_reasons(text, line_keys(text), mask, "lines").count(SHARED_SPAN) == n_lines


@pytest.mark.parametrize("drop", [drop_spans, drop_lines])
def test_one_value_a_key_is_wanted(drop):
    with pytest.raises(ValueError, match="zip"):
        drop("A!\nB!\nC!\nD!", np.zeros(1, bool))
    with pytest.raises(ValueError, match=r"zip|another text"):
        drop("A!\nB!\nC!\nD!", np.ones(1, bool), keys=np.zeros(1, np.uint64))
    with pytest.raises(ValueError, match=r"zip|another text"):
        drop("A!\nB!\nC!\nD!", np.ones(9, bool), keys=np.zeros(9, np.uint64))


def plain(text):
    return [" ".join(sentence.lower().split()) for line in text.split("\n") for sentence in split(line)]


def spans_of(text):
    sentences = plain(text)
    return [tuple(sentences[start : start + 3]) for start in range(len(sentences) - 2)]


@given(PAGES)
def test_spans_go_by_their_definition(pages):
    """A sentence goes with a span that a page with a smaller key has, or that stands before, itself left aside."""
    for (url, text), left in zip(pages, drop_shared(pages, min_sentences=0), strict=True):
        spans = spans_of(text)
        elsewhere = {span for other, theirs in pages if owner_key(other) < owner_key(url) for span in spans_of(theirs)}
        gone = set()
        for start, span in enumerate(spans):
            first = spans.index(span)
            own = range(start, start + 3)
            gone |= (
                set(own) if span in elsewhere else set(own) - set(range(first, first + 3)) if first < start else set()
            )
        expected = [sentence for number, sentence in enumerate(plain(text)) if number not in gone]
        assert plain(left or "") == expected


@given(PAGES)
def test_lines_go_by_their_definition(pages):
    for (url, text), left in zip(pages, drop_shared(pages, "lines", min_sentences=0), strict=True):
        seen = {
            line.lower() for other, their in pages if owner_key(other) < owner_key(url) for line in their.split("\n")
        }
        expected = []
        for line in text.split("\n"):
            if line.lower() not in seen:
                expected.append(line)
            seen.add(line.lower())
        assert (left or "") == "\n".join(expected)


@pytest.mark.parametrize("rule", ["spans", "lines"])
@given(pages=PAGES, seed=st.integers(0, 1000))
def test_the_order_of_pages_does_not_matter(rule, pages, seed):
    order = list(range(len(pages)))
    random.Random(seed).shuffle(order)
    left = drop_shared(pages, rule)
    assert drop_shared([pages[number] for number in order], rule) == [left[number] for number in order]


@pytest.mark.parametrize("rule", ["spans", "lines"])
@given(pages=PAGES)
def test_pages_have_sentences_enough_or_go(rule, pages):
    left = drop_shared(pages, rule)
    for text, of_any_length in zip(left, drop_shared(pages, rule, min_sentences=0), strict=True):
        n_sentences = sum(map(count, (of_any_length or "").split("\n")))
        assert text == (of_any_length if n_sentences >= 3 else None)


def test_the_smallest_hash_keeps_what_all_have():
    urls = [f"http://example.org/{number}" for number in range(20)]
    left = drop_shared([(url, "One.\nTwo.\nThree.") for url in urls])
    keeper = min(urls, key=lambda url: hashlib.md5(url.removeprefix("http://").encode()).hexdigest())
    assert [url for url, text in zip(urls, left, strict=True) if text] == [keeper]


def test_an_unknown_rule_is_an_error():
    with pytest.raises(KeyError):
        drop_shared([], "paragraphs")
