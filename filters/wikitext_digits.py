"""Numbers that templates are given, as the wiki of a language writes them.   Source: the templates' documentation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_NUMBER = r"[-−+~]?[0-9](?:[0-9.,\s]|&nbsp;)*+"
_AMOUNT = re.compile(rf"(?P<n>{_NUMBER})(?:[eE](?P<e>[-−+]?[0-9]+))?")
_MIXED = re.compile(r"(?P<whole>[-−]?[0-9]+[-−+])?(?P<over>-?[0-9]+)//?(?P<under>[0-9]+)")
_SPAN = re.compile(r"([0-9][0-9.,]*)[-–]([0-9][0-9.,]*)")
_DIGITS = re.compile(r"([-−+~]?)([0-9]+)(?:\.([0-9]+))?")
_EXPONENT = re.compile(r"−?(?:[0-9]+|[^\W\d_]+)")


def power_of_ten(exponent: str) -> str | None:
    """With a true minus, as MediaWiki writes it; None for what is neither a number nor a name.

    >>> power_of_ten("23"), power_of_ten("-9"), power_of_ten("n+1"), power_of_ten("")
    ('×10^23', '×10^−9', None, None)
    """
    exponent = exponent.strip().replace("-", "−").removeprefix("+")
    return f"×10^{exponent}" if _EXPONENT.fullmatch(exponent) else None


def as_written(number: str, numbers: Mapping[str, Any], *, is_raw: bool = False) -> str:
    """A number that is digits alone as its wiki writes it: `group` between its thousands, `from` so many digits on.

    A point stands before a fraction where it does so in the language, and everywhere where the number `is_raw`, written
    for machines. What has separators already stays as it is.

    >>> english, german = {"group": ",", "from": 4, "point": "."}, {"group": ".", "from": 4, "point": ","}
    >>> [as_written(number, english) for number in ("106460000", "1000.25", "999", "1,275", "−12345")]
    ['106,460,000', '1,000.25', '999', '1,275', '−12,345']
    >>> as_written("1234.5", german), as_written("1234.5", german, is_raw=True), as_written("1234", {})
    ('1234.5', '1.234,5', '1234')
    """
    found = _DIGITS.fullmatch(number) if numbers else None
    if found is None or (found[3] and not is_raw and numbers["point"] != "."):
        return number
    sign, whole, fraction = found.groups()
    if len(whole) >= numbers["from"] and whole[0] != "0":
        first = len(whole) % 3
        groups = [whole[:first], *(whole[at : at + 3] for at in range(first, len(whole), 3))]
        whole = numbers["group"].join(filter(None, groups))
    return f"{sign}{whole}{numbers['point']}{fraction}" if fraction else f"{sign}{whole}"


def amount(text: str, numbers: Mapping[str, Any] | None = None) -> str | None:
    """A number as people write it, or None where it is none.

    >>> amount("1,275"), amount("2.5e-6"), amount("3+1/2"), amount("1/2"), amount("5-10"), amount("km")
    ('1,275', '2.5×10^−6', '3 1/2', '1/2', '5–10', None)
    >>> amount("1000-2000", {"group": ",", "from": 4, "point": "."})
    '1,000–2,000'
    """
    numbers = numbers or {}
    if mixed := _MIXED.fullmatch(text):
        whole = f"{mixed['whole'][:-1]} " if mixed["whole"] else ""
        return f"{whole}{mixed['over']}/{mixed['under']}"
    if span := _SPAN.fullmatch(text):
        return f"{as_written(span[1], numbers)}–{as_written(span[2], numbers)}"
    if number := _AMOUNT.fullmatch(text):
        return as_written(number["n"], numbers) + (power_of_ten(number["e"]) or "" if number["e"] else "")
    return None


def separators(wish: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """How `convert` writes numbers, by its parameter `comma`: `off`, `5` (from five digits on), `gaps`.

    >>> data = {"numbers": {"group": ",", "from": 4, "point": "."}}
    >>> [as_written("1234", separators(wish, data)) for wish in ("", "off", "5", "gaps")]
    ['1,234', '1234', '1234', '1 234']
    """
    numbers: Mapping[str, Any] = data.get("numbers", {})
    if not numbers or wish == "off":
        return {}
    return {**numbers, **({"from": 5} if wish == "5" else {"group": " "} if wish.startswith("gaps") else {})}
