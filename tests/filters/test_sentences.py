"""The sentence splitter: table tests, and what holds of any text."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.filters.sentences import count, count_at_least, split

ONE = [
    pytest.param("no mark at all", id="no-mark"),
    pytest.param("It is 3.5 or version 1.2.3 here.", id="periods-in-numbers"),
    pytest.param("See example.org/a?b=c!d for it.", id="marks-in-words"),
    pytest.param("One.Two.Three.", id="no-white-space"),
    pytest.param("Mr. and Mrs. Smith of St. Ives met Dr. Jones.", id="titles"),
    pytest.param("J. R. R. Tolkien wrote it.", id="initials"),
    pytest.param("The U.S. government paid at 5 p.m. for it.", id="letters-with-periods"),
    pytest.param("She has a Ph.D. from there.", id="phd"),
    pytest.param("He came on Jan. 3 or Tues. to Acme Inc. and left.", id="dates-and-firms"),
    pytest.param("(Mr. Smith) or “Mr. Smith” is here.", id="title-in-brackets"),
    pytest.param("In 1998. and later too.", id="number-before-lower-case"),
    pytest.param("Well ... it is so.", id="ellipsis-apart"),
    pytest.param("Well... it is so.", id="ellipsis-attached"),
    pytest.param("by\u00a0Mr. Smith", id="no-break-space-before-a-title"),
]
SEVERAL = [
    pytest.param(["One.", "Two!", "Three?"], id="marks"),
    pytest.param(["What?!", "Yes!!!", "So."], id="several-marks"),
    pytest.param(['"Really?"', "he asked."], id="lower-case-after-a-question"),
    pytest.param(["(It is so.)", "[Is it?]", "“It is.”", "‘No.’", "So."], id="closing-marks"),
    pytest.param(["He is from the U.S.", "The others are not."], id="a-word-that-begins-sentences"),
    pytest.param(["It was 1998.", "People left."], id="number-before-upper-case"),
    pytest.param(["They left...", "The end."], id="ellipsis-before-a-beginning"),
    pytest.param(["It ends here.", "and goes on."], id="lower-case-after-a-period"),
    pytest.param(["So do I.", "Do you?"], id="I-is-a-word"),
    pytest.param(["As in C4, e.g.", "this one."], id="as-punkt-has-it"),
    pytest.param(["A period .", "apart."], id="period-apart"),
]


@pytest.mark.parametrize("line", ONE)
def test_one_sentence(line):
    assert split(line) == [line]


@pytest.mark.parametrize("sentences", SEVERAL)
@pytest.mark.parametrize("space", [" ", "  ", "\t", "\u00a0", "\n"])
def test_several_sentences(sentences, space):
    assert split(space.join(sentences)) == sentences


@pytest.mark.parametrize("blank", ["", " ", "\n\t\u3000"])
def test_a_blank_line_has_none(blank):
    assert split(blank) == []
    assert count(blank) == 0
    assert count_at_least([blank, ""], 0)
    assert not count_at_least([blank, ""], 1)


PIECE = st.sampled_from(
    ["a", "Mr", "The", "U.S", ".", "?", "!", '"', ")", "(", "”", " ", "  ", "\t", "\u00a0", "3", "..."]
)
TEXT = st.lists(PIECE, max_size=30).map("".join) | st.text()


@given(TEXT)
def test_sentences_and_the_space_between_are_the_line(line):
    rest = line
    for sentence in split(line):
        assert sentence == sentence.strip() != ""
        rest = rest.lstrip()
        assert rest.startswith(sentence)
        rest = rest.removeprefix(sentence)
        assert not rest or rest[0].isspace()
    assert not rest.strip()


@given(TEXT)
def test_a_count_is_that_of_the_sentences(line):
    assert count(line) == len(split(line))


@given(st.lists(TEXT, max_size=5), st.integers(0, 8))
def test_counting_stops_early_and_is_exact(lines, n):
    assert count_at_least(iter(lines), n) == (sum(map(count, lines)) >= n)


@pytest.mark.parametrize("piece", [".", ").", ". ", "? )", ".)", " ", "a.", "a. ", ".\t)", "(.", "”"])
def test_the_time_is_that_of_the_length(piece):
    """A splitter that looks at a character more than a few times would take hours here."""
    line = piece * 300_000
    assert "".join(split(line)).replace(" ", "").replace("\t", "") == line.replace(" ", "").replace("\t", "")


@pytest.mark.parametrize("order", itertools.permutations(["", "One.", "Two. Three. Four."]))
def test_a_long_line_may_come_last(order):
    assert count_at_least(order, 4)
    assert not count_at_least(order, 5)
