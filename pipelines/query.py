"""Conditions on what is known of a document, as `perplexity<300`: read by one pattern, and never run as code."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import UsageError

_CONDITION = re.compile(r"\s*([\w.-]+)\s*(<=|>=|!=|<|>|=|~)\s*(.*?)\s*", re.DOTALL)
SIGNS = "< <= > >= = != ~"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition. A document of which the name is not known fits none, `!=` included."""

    name: str
    sign: str
    value: str
    number: float | None  # the value, where it is one

    def holds(self, value: Any) -> bool:
        """Whether a value fits: numbers as numbers, other values as text, of a list any one.

        `~` asks whether a regular expression is found: RE2, whose time is linear in the text.

        >>> [parse(asked).holds(12) for asked in ("n<12.5", "n!=12.0", "n>twelve")]
        [True, False, False]
        >>> [parse(asked).holds("2019-05-01") for asked in ("date<2019-09", "date~^2019", "date>2000")]
        [True, True, False]
        >>> parse("tags=java").holds(["java", "strings"]), parse("url!=x").holds(None)
        (True, False)
        """
        if isinstance(value, (list, tuple)):
            if self.sign == "!=":
                return all(self.holds(one) for one in value)
            return any(self.holds(one) for one in value)
        if isinstance(value, bool):
            value = str(value).lower()
        if value is None or isinstance(value, Mapping):
            return False
        if self.sign == "~":
            return bool(_found(str(value), self.value))
        if isinstance(value, (int, float)):
            if self.number is None:
                return self.sign == "!="
            return _compare(value, self.sign, self.number)
        if self.number is not None and self.sign not in ("=", "!="):
            return False  # a number asks for numbers
        return _compare(str(value), self.sign, self.value)


def parse(asked: str) -> Condition:
    """A condition from a command line.

    Raises:
        UsageError: it has another form, or an expression that RE2 does not take.

    >>> parse("perplexity <= 3e2")
    Condition(name='perplexity', sign='<=', value='3e2', number=300.0)
    """
    matched = _CONDITION.fullmatch(asked)
    if not matched or (not matched[3] and matched[2] not in ("=", "!=")):
        raise UsageError(f"--where {asked!r}: expected a name, one of {SIGNS}, and a value, as in 'perplexity<300'.")
    name, sign, value = matched.groups()
    if sign != "~" and (twice := re.match(r"([<>=~]+)\s*[-+\d.]", value)):
        raise UsageError(f"--where {asked!r}: expected one of {SIGNS}, got {sign}{twice[1]}.")
    if sign == "~":
        try:
            _found("", value)
        except pa.ArrowInvalid as error:
            raise UsageError(f"--where {asked!r}: not a regular expression of RE2 ({error}).") from error
    return Condition(name, sign, value, number_of(value))


def number_of(text: str) -> float | None:
    """
    >>> number_of("1,000"), number_of("0x10"), number_of("nan")
    (1000.0, None, None)
    """
    if not re.fullmatch(r"[+-]?(\d[\d,]*\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", text, re.ASCII):
        return None
    return float(text.replace(",", ""))


def _found(text: str, pattern: str) -> bool:
    array = pa.array([text.encode("utf-8", "replace")], pa.large_binary()).cast(pa.large_string())
    found: bool = pc.match_substring_regex(array, pattern)[0].as_py()
    return found


def _compare(value: Any, sign: str, other: Any) -> bool:
    answers: Sequence[tuple[str, bool]] = (
        ("<", value < other),
        ("<=", value <= other),
        (">", value > other),
        (">=", value >= other),
        ("=", value == other),
        ("!=", value != other),
    )
    return dict(answers)[sign]
