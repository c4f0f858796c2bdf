"""Which lines went: the lines that stay or went are the text before, those that stay or are new the text after."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.pipelines.line_changes import SMALL, Changes, spans
from corpusmill.records import Reason

LINES = st.lists(
    st.sampled_from(["", "a", "b", "the mill stands", "<p>the mill stands</p>", "c ", "c"]), max_size=3 * SMALL
)


@given(LINES, LINES, LINES)
def test_both_texts_are_there(first: list[str], second: list[str], third: list[str]) -> None:
    texts = ["\n".join(lines) for lines in (first, second, third)]
    changes = Changes(texts[0])
    for text in texts[1:]:
        changes.rewrite("step", text)
    strip = lambda lines: [line.strip() for line in lines]  # noqa: E731
    lines_of = lambda text: strip(text.split("\n")) if text else []  # noqa: E731
    assert strip(line.text for line in changes.lines if line.kind != "gone") == lines_of(texts[2])
    assert all(line.why == "step" for line in changes.lines if line.kind != "stays")


@given(LINES, LINES)
def test_spans_turn_one_text_into_the_other(before: list[str], after: list[str]) -> None:
    result, done = [], 0
    for a, b, c, d in spans(before, after):
        assert done <= a <= b
        result += before[done:a] + after[c:d]
        done = b
    assert [line.strip() for line in result + before[done:]] == [line.strip() for line in after]


def test_a_line_keeps_the_reason_for_which_it_went_first() -> None:
    changes = Changes("menu\nA sentence.\nshared.")
    changes.take([Reason.C4_LINE_NO_END_MARK, None, None])
    changes.take([None, Reason.C4_SHARED_SPAN])
    changes.rewrite("tidy", "A tidy sentence.")
    assert [(line.kind, line.text, line.why) for line in changes.lines] == [
        ("gone", "menu", "c4.line_no_end_mark"),
        ("gone", "A sentence.", "tidy"),
        ("new", "A tidy sentence.", "tidy"),
        ("gone", "shared.", "c4.shared_span"),
    ]


def test_reasons_must_be_of_the_lines_that_are_left() -> None:
    changes = Changes("a\nb")
    changes.take([None, Reason.C4_BRACE])
    with pytest.raises(ValueError, match="zip"):
        changes.take([None, None])


def test_many_lines_that_all_stand_many_times_take_no_time() -> None:
    """Difflib looks at each pair of equal lines: 2.5 billion of them here."""
    found = spans(["x", "y"] * 50_000, ["y", "x"] * 50_000)
    assert len(found) == 1
