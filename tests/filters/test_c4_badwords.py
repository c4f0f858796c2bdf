"""Lists of words that no page may hold: decided as the regular expressions that define the two rules."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpusmill.filters.c4_badwords import BadWords

WORDS = [
    "zorgon",
    "blarg",
    "blarg snout",
    "of zorgon",
    "x1x",
    "2 go",
    "so-so",
    "***",
    "é",
    "naïve",
    "злой",
    "🖕",
    "@x",
    "x@",
]


@pytest.mark.parametrize(
    ("text", "in_line", "in_page"),
    [
        pytest.param("A zorgon is here", "zorgon", "zorgon", id="in-the-middle"),
        pytest.param("zorgon", None, "zorgon", id="alone"),
        pytest.param("zorgon is here", None, "zorgon", id="at-the-start"),
        pytest.param("here is zorgon", None, "zorgon", id="at-the-end"),
        pytest.param("here is ZORGON!", "zorgon", "zorgon", id="any-case"),
        pytest.param("the zorgons", None, None, id="part-of-a-word"),
        pytest.param("the 1zorgon2 is", "zorgon", None, id="between-digits"),
        pytest.param("the _zorgon_ is", "zorgon", None, id="between-underscores"),
        pytest.param("the ézorgoné is", "zorgon", None, id="between-other-letters"),
        pytest.param("the “zorgon” is", "zorgon", "zorgon", id="between-quotes"),
        pytest.param("the zorgon\nis", "zorgon", "zorgon", id="before-a-line-end"),
        pytest.param("a blarg  snout", "blarg", "blarg", id="phrase-with-two-spaces"),
        pytest.param("(blarg snout)", "blarg", "blarg", id="first-in-the-alphabet"),
        pytest.param("he's so-so now", "so-so", "so-so", id="punctuation-inside"),
        pytest.param("he is 1@x now", "@x", None, id="punctuation-before"),
        pytest.param("he is x@1 now", "x@", None, id="punctuation-after"),
        pytest.param("x ***", None, "***", id="no-letters"),
        pytest.param("x1xx1x x1x.", "x1x", "x1x", id="with-digits"),
        pytest.param("очень злой кот", "злой", "злой", id="another-script"),
        pytest.param("незлой кот", "злой", None, id="part-of-a-word-in-another-script"),
        pytest.param("I am naïve.", "naïve", "naïve", id="accent-inside"),
        pytest.param("I am 🖕 here", "🖕", "🖕", id="emoji"),
        pytest.param("", None, None, id="empty"),
    ],
)
def test_finds(text, in_line, in_page):
    words = BadWords(WORDS)
    assert (words.in_line(text), words.in_page(text)) == (in_line, in_page)


@pytest.mark.parametrize("language", ["ja", "th", "zh"])
def test_languages_without_spaces(language):
    words = BadWords(["悪い", "Bad"], language)
    assert words.in_page("とても悪い人") == words.in_line("悪い") == "悪い"
    assert words.in_page("notbadly") == words.in_line("BAD") == "bad"
    assert words.in_page("悪") is None


def test_a_list_in_a_file():
    assert BadWords.parse(["# a list\n", "\n", " Zorgon \r\n", "#x", "blarg snout"]).words == {"zorgon", "blarg snout"}
    assert BadWords.parse(["x"], "ja") == BadWords({"X"}, "ja") != BadWords({"X"})
    assert BadWords(["", "a"]).words == {"a"}


ALPHABET = st.sampled_from("ab aAB1_ -.é\n“жİ\u212aΣ*\ud800")
WORD = st.text(ALPHABET, min_size=1, max_size=5)


@given(st.lists(WORD, max_size=6), st.text(ALPHABET, max_size=30))
@example(["abiİ"], "x abİ y")
@example(["ab"], "éab")
@example(["k"], " \u212a ")
def test_decides_as_the_regular_expressions(words, text):
    found = BadWords(words)
    lower = text.lower()
    listed = "|".join(re.escape(word.lower()) for word in words) or "(?!)"
    assert (found.in_line(text) is not None) == bool(re.search(f"[^a-z]({listed})[^a-z]", lower))
    assert (found.in_page(text) is not None) == bool(re.search(rf"(?:\W|^)({listed})(?:\W|$)", lower))
    lines = [line for line in text.split("\n") if found.in_line(line)]
    assert found.may_be_in_lines(lower) or not lines


@given(st.lists(WORD, min_size=1, max_size=4), st.data())
def test_finds_the_words_of_a_text_that_has_them(words, data):
    text = f" {' '.join(data.draw(st.permutations(words)))} "
    assert BadWords(words).in_page(text) == min(word.lower() for word in words)
