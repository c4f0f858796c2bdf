"""Conditions: what they take, what they hold for, and that nothing in them is run."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.errors import UsageError
from corpusmill.pipelines.query import SIGNS, number_of, parse


@pytest.mark.parametrize(
    ("asked", "value", "holds"),
    [
        pytest.param("perplexity<300", 299.9, True, id="below"),
        pytest.param("perplexity<300", 300, False, id="not at the border"),
        pytest.param("perplexity<=300", 300, True, id="at the border"),
        pytest.param("perplexity < 3e2", 299, True, id="blanks and exponents"),
        pytest.param("perplexity<300", "12", False, id="text is no number"),
        pytest.param("perplexity<300", None, False, id="not known"),
        pytest.param("perplexity!=300", None, False, id="not known fits nothing, not even !="),
        pytest.param("score>-3", -2, True, id="negative"),
        pytest.param("score>=1,000", 1000, True, id="thousands"),
        pytest.param("language=en", "en", True, id="text"),
        pytest.param("language!=en", "de", True, id="other text"),
        pytest.param("number=12", "12", True, id="a number that is text"),
        pytest.param("language=", "", True, id="empty"),
        pytest.param("date<2019-09", "2019-05-01", True, id="text in its order"),
        pytest.param("binary=true", True, True, id="booleans by their names"),
        pytest.param("binary>0", True, False, id="booleans are no numbers"),
        pytest.param("tags=java", ["c", "java"], True, id="any of a list"),
        pytest.param("tags!=java", ["c", "java"], False, id="none of a list"),
        pytest.param("tags~^ja", ["c", "java"], True, id="an expression, of a list"),
        pytest.param(r"url~\.pdf$", "https://a.example/b.pdf", True, id="an expression"),
        pytest.param("text~two words", "one\ntwo words", True, id="words of a text"),
        pytest.param("text~(?i)TWO", "two", True, id="upper case or lower"),
        pytest.param("title=a=b", "a=b", True, id="the first sign counts"),
        pytest.param("meta=x", {"x": 1}, False, id="a mapping is no value"),
        pytest.param("n>1", float("nan"), False, id="not a number"),
        pytest.param("text~^.b$", "\ud800b", True, id="half a character"),
    ],
)
def test_what_fits(asked: str, value: Any, holds: bool) -> None:
    assert parse(asked).holds(value) is holds


@pytest.mark.parametrize(
    "asked",
    ["", "perplexity", "<300", "perplexity<", "text~", "a b<3", "text~(", "text~(?=a)", "x;y=1", "n=>5", "n<<5"],
)
def test_what_is_no_condition(asked: str) -> None:
    with pytest.raises(UsageError, match="--where"):
        parse(asked)


def test_an_expression_takes_linear_time() -> None:
    """Exponential in Python's own engine: it would not end."""
    assert not parse(r"text~^(a+)+$").holds("a" * 100_000 + "b")


@given(st.text())
def test_any_text_is_a_condition_or_refused(asked: str) -> None:
    try:
        condition = parse(asked)
    except UsageError:
        return
    assert condition.sign in SIGNS.split()
    for value in (1, 1.5, "x", None, True, ["x", 2], {}):
        condition.holds(value)


@pytest.mark.parametrize("text", ["", "x", "1e", "1e9999", "０", "inf", "nan", "0x1", "1 2", "--1", "1_0"])
def test_no_number(text: str) -> None:
    assert number_of(text) is None
