"""Templates whose text is more than one of their parameters: quantities, fractions, powers, dates, formulas.

Each function takes the parameters that are not empty, and gives None for what it does not read in full: a template
that goes leaves a gap, one that is read in part says another number.   Source: the templates' documentation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from .wikitext_digits import amount, as_written, power_of_ten, separators

Values = Mapping[str, str]

_AT_START = re.compile(r"[0-9]++(?:[.,](?![0-9]{3}(?![0-9]))[0-9]++)?(?![0-9.,])")
_INTEGER = re.compile(r"[-−+]?[0-9]+")
_POWER_OF_UNIT = re.compile(r"e([0-9]{1,2})(?=\D)")
_RAISED = re.compile(r"(?<=[^\W\d_])([23])(?!\w)")
_UNIT = re.compile(r"[^\W\d]|[°%‰/$€£\"'′″]")
_PLAIN_TERM = re.compile(r"\w*|[\d.,]+")
_ION = re.compile(r"\(?(\d*[+−-])\)?")
_ION_IN_CHEM2 = re.compile(r"\((\d*[+−-])\)")
_UNCERTAIN = re.compile(r"\([0-9.,]+\)")


def numbered(values: Values) -> list[str]:
    """The parameters 1, 2, 3 … up to the first that is empty.

    >>> numbered({"1": "a", "2": "b", "4": "d", "u": "c"})
    ['a', 'b']
    """

    def run() -> Iterator[str]:
        number = 1
        while (value := values.get(str(number))) is not None:
            yield value
            number += 1

    return list(run())


def unit_name(unit: str, data: Mapping[str, Any]) -> str:
    """A unit by its code: squares and cubes raised.

    >>> unit_name("km2", {"units": {}}), unit_name("m/s2", {"units": {}}), unit_name("C", {"units": {"C": "°C"}})
    ('km²', 'm/s²', '°C')
    """
    known: str | None = data["units"].get(unit)
    return known or _RAISED.sub(lambda digit: "²" if digit[1] == "2" else "³", unit)


def quantity(values: Values, data: Mapping[str, Any]) -> str | None:
    """All of `convert` that is not converted: numbers, ranges, and a unit with its part (feet and inches).

    >>> data = {"units": {}, "ranges": {"x": " × "}, "parts": {"ft": ["in"]}}
    >>> quantity(dict(zip("12345", ("6", "ft", "4", "in", "cm"))), data)
    '6 ft 4 in'
    >>> quantity(dict(zip("12345", ("6", "x", "4", "in", "cm"))), data), quantity({"1": "1", "2": "e6km2"}, data)
    ('6 × 4 in', '1×10^6 km²')
    >>> quantity(dict(zip("1234", ("6", "vs", "4", "in"))), data), quantity({"1": "6", "2": "4"}, data)
    (None, None)
    """
    rest = numbered(values)
    if not rest or values.get("disp", "").startswith("unit"):
        return None
    numbers = separators(values.get("comma", ""), data)
    first = amount(rest.pop(0), numbers)
    text = first or ""
    while len(rest) > 1 and rest[0] in data["ranges"] and (number := amount(rest[1], numbers)):
        text += data["ranges"][rest[0]] + number
        rest = rest[2:]
    if first is None or not rest or not _UNIT.match(rest[0]):
        return None
    unit = rest.pop(0)
    if times := _POWER_OF_UNIT.match(unit):
        unit = unit[times.end() :]
        text = f"{text if text == first else f'({text})'}×10^{times[1]}"
    text = f"{text} {unit_name(unit, data)}"
    while len(rest) > 1 and (number := amount(rest[0], numbers)):
        if rest[1] in data["parts"].get(unit, ()):
            unit = rest[1]
            text += f" {number} {unit_name(unit, data)}"
            rest = rest[2:]
        elif amount(rest[1]) is None and not _INTEGER.fullmatch(rest[1]):
            return None  # what follows the number is a unit, and this pair is not known
        else:
            break
    return text


def value(values: Values, data: Mapping[str, Any]) -> str | None:
    """`val`: a number, its uncertainty, power of ten and unit.

    >>> value({"1": "1.5", "2": "0.1", "e": "-9", "u": "m2"}, {"units": {}})
    '(1.5±0.1)×10^−9 m²'
    >>> value({"1": "10", "s": "%"}, {}), value({"1": "2.79", "2": "(23)", "e": "3"}, {})
    ('10%', '2.79(23)×10^3')
    >>> value({"1": "12345", "fmt": "commas"}, {"numbers": {"group": ",", "from": 4, "point": "."}})
    '12,345'
    >>> value({"e": "7", "u": "J"}, {"units": {}}), value({"1": "5", "end": "1"}, {}), value({"1": "1", "2": "+2"}, {})
    ('10^7 J', None, None)
    """
    known = {"1", "2", "-1", "e", "u", "ul", "up", "upl", "p", "s", "fmt", "commas", "mode", "link", "gap"}
    if not values or set(values) - known or ("2" in values and "1" not in values):
        return None
    text = values.get("1", "")
    if text and amount(text) is None:
        return None
    if values.get("fmt") == "commas":  # otherwise the gaps between its digits are none of the text
        text = as_written(text, data.get("numbers", {}))
    if uncertainty := values.get("2"):
        if _UNCERTAIN.fullmatch(uncertainty):
            text += uncertainty
        elif uncertainty[0].isdigit() and amount(uncertainty):
            text = f"{text}±{uncertainty}"
            text = f"({text})" if "e" in values or "s" in values else text
        else:
            return None
    if exponent := values.get("e"):
        power = power_of_ten(exponent)
        if power is None:
            return None
        text = f"{text}{power}" if text else power.removeprefix("×")
    if not text:
        return None
    unit = values.get("u") or values.get("ul")
    per = values.get("up") or values.get("upl")
    unit = (unit_name(unit, data) if unit else "") + (f"/{unit_name(per, data)}" if per else "")
    text = f"{values.get('p', '')}{text}{values.get('s', '')}"
    return f"{text}{'' if unit[:1] in '%°' and unit != '°C' else ' '}{unit}".rstrip()


def power(values: Values, data: Mapping[str, Any]) -> str | None:
    """`e`: the power of ten behind a number.

    >>> power({"1": "-24"}, {}), power({"1": "2", "2": "3"}, {})
    ('×10^−24', None)
    """
    return power_of_ten(values["1"]) if len(numbered(values)) == 1 else None


def powers(values: Values, data: Mapping[str, Any]) -> str | None:
    """A number and its power of ten, as the Italian `exp` has them.

    >>> powers({"1": "3,12", "2": "6"}, {}), powers({"1": "3,12"}, {})
    ('3,12×10^6', None)
    """
    rest = numbered(values)
    tenth = power_of_ten(rest[1]) if len(rest) == 2 else None
    return f"{rest[0]}{tenth}" if tenth else None


def measure(values: Values, data: Mapping[str, Any]) -> str | None:
    """Italian `M`: a number, its power of ten, a prefix or `-`, and a unit.

    >>> measure({"1": "12", "2": "k", "3": "B"}, {}), measure({"1": "1,12", "2": "-", "3": "Pa", "e": "-3"}, {})
    ('12 kB', '1,12×10^−3 Pa')
    >>> measure({"1": "5", "4": "x"}, {})
    """
    tenth = power_of_ten(values["e"]) if "e" in values else ""
    if "1" not in values or tenth is None or set(values) - {"1", "2", "3", "-1", "e", "ul"}:
        return None
    unit = f"{values.get('2', '').removeprefix('-')}{values.get('3', values.get('ul', ''))}"
    return f"{values['1']}{tenth} {unit}".rstrip()


def number_and_units(values: Values, data: Mapping[str, Any]) -> str | None:
    """French `unité`, Spanish `unidad`: a number, and units of which each may have its exponent behind it.

    >>> number_and_units({"1": "3", "2": "m", "3": "s", "4": "-2", "e": "8"}, {})
    '3×10^8 m s^−2'
    >>> french = {"numbers": {"group": " ", "from": 4, "point": ","}}
    >>> number_and_units({"1": "1000 habitants"}, french), number_and_units({"1": "12345.6", "2": "km"}, french)
    ('1 000 habitants', '12 345,6 km')
    >>> number_and_units({"1": "892", "2": "km", "3": "2"}, {}), number_and_units({"1": "5 km"}, {})
    ('892 km²', '5 km')
    >>> number_and_units({"1": "5", "2": "7"}, {}), number_and_units({"1": "5", "à": "7"}, {})
    (None, None)
    """
    rest = numbered(values)
    tenth = power_of_ten(values["e"]) if "e" in values else ""
    if not rest or tenth is None or {key for key in values if not key.isdecimal()} - {"-1", "e"}:
        return None
    first = rest[0]
    if number := _AT_START.match(first):  # with a point and three digits it may be thousands: not found
        raw = number[0].replace(",", ".")
        first = as_written(raw, data.get("numbers", {}), is_raw=True) + first[number.end() :]
    pieces = [f"{amount(first) or first}{tenth}"]
    for before, piece in pairwise(rest):
        if not _INTEGER.fullmatch(piece):
            pieces.append(f" {piece}")
        elif before is rest[0] or _INTEGER.fullmatch(before):
            return None
        else:
            pieces.append(raised(piece))
    return "".join(pieces)


def raised(exponent: str) -> str:
    """An exponent behind a unit.

    >>> raised("2"), raised("-1"), raised("1")
    ('²', '^−1', '')
    """
    known = {"1": "", "2": "²", "3": "³"}
    return known.get(exponent, f"^{exponent.replace('-', '−')}")


def term(text: str) -> str:
    """What is more than one number or name in a fraction or a root needs brackets.

    >>> term("3n + 1"), term("2"), term("1.5")
    ('(3n + 1)', '2', '1.5')
    """
    return text if _PLAIN_TERM.fullmatch(text.replace("''", "")) else f"({text})"


def fraction(values: Values, data: Mapping[str, Any]) -> str | None:
    """One parameter is what 1 is divided by, two are a fraction, three a whole and a fraction.

    >>> fraction({"1": "3"}, {}), fraction({"1": "2", "2": "3"}, {}), fraction({"1": "1", "2": "2", "3": "3"}, {})
    ('1/3', '2/3', '1 2/3')
    >>> fraction({"1": "3n + 1", "2": "2"}, {}), fraction({"2": "2"}, {})
    ('(3n + 1)/2', None)
    """
    parts = [term(part) for part in numbered(values)]
    if not 1 <= len(parts) <= 3 or set(values) - {"1", "2", "3", "-1"}:
        return None
    if len(parts) == 1:
        return f"1/{parts[0]}"
    return f"{f'{parts[0]} ' if len(parts) == 3 else ''}{parts[-2]}/{parts[-1]}"


def root(values: Values, data: Mapping[str, Any]) -> str | None:
    """A square root.

    >>> root({"1": "2"}, {}), root({"1": "a + b"}, {}), root({"1": "2", "2": "3"}, {})
    ('√2', '√(a + b)', None)
    """
    parts = numbered(values)
    return f"√{term(parts[0])}" if len(parts) == 1 else None


def _charge(ion: re.Match[str]) -> str:
    charge = ion[1].replace("-", "−")
    return charge if len(charge) == 1 else f"^{charge}"  # a sign alone cannot be taken for a number


def formula(values: Values, data: Mapping[str, Any]) -> str | None:
    """`chem` and `chem2`: the parts one after the other, and the charge of an ion.

    >>> formula({"1": "SO", "2": "4", "3": "2-"}, {}), formula({"1": "Fe(OH)2(2+) -> H2O"}, {}), formula({}, {})
    ('SO4^2−', 'Fe(OH)2^2+ → H2O', None)
    >>> formula({"1": "NH", "2": "4", "3": "+"}, {})
    'NH4+'
    """
    parts = numbered(values)
    if parts and parts[0].isdecimal():
        return None  # an isotope, whose two numbers stand one above the other
    if len(parts) == 1:
        ions = _ION_IN_CHEM2.sub(_charge, parts[0])
        return ions.replace("<-> ", "⇌ ").replace("-> ", "→ ")
    pieces = [_charge(ion) if (ion := _ION.fullmatch(part)) else part for part in parts]
    return "".join(pieces) or None


def items(values: Values, data: Mapping[str, Any]) -> str | None:
    """A list in one line.

    >>> items({"1": "a", "2": "b"}, {}), items({}, {})
    ('a · b', None)
    """
    return " · ".join(numbered(values)) or None


def as_of(values: Values, data: Mapping[str, Any]) -> str | None:
    """English `as of`.

    >>> data = {"months": {"en": ["January"]}}
    >>> as_of({"1": "2015", "lc": "y"}, data), as_of({"1": "2015", "2": "1", "3": "6", "since": "y"}, data)
    ('as of 2015', 'Since 6 January 2015')
    >>> as_of({"1": "2015", "2": "13"}, data), as_of({"alt": "Lately"}, data)
    (None, 'Lately')
    """
    if alternative := values.get("alt"):
        return alternative
    year, month, day = (*numbered(values)[:3], "", "", "")[:3]
    if month.isdecimal():
        month = _month(month, data["months"]["en"]) or ""
        if not month:
            return None
    if not year:
        return None
    american = values.get("df", "").upper() == "US" and day
    date = f"{month} {day}, {year}" if american else " ".join(filter(None, (day, month, year)))
    words = "Since" if values.get("since", "n") not in ("n", "no") else "As of"
    text = f"{words} {date}{values.get('post', '')}"
    return text[0].lower() + text[1:] if values.get("lc", "n") not in ("n", "no") else text


def _month(number: str, months: list[str]) -> str | None:
    known = number.isascii() and number.isdecimal() and len(number) < 3 and 0 < int(number) <= len(months)
    return months[int(number) - 1] if known else None


def uk_date(values: Values, data: Mapping[str, Any]) -> str | None:
    """Ukrainian `Дата`: year, month, day.

    >>> uk_date({"1": "2016", "2": "9", "3": "30"}, {"months": {"uk": ["січня"] * 12}})
    '30 січня 2016'
    """
    parts = numbered(values)
    month = _month(parts[1], data["months"]["uk"]) if len(parts) == 3 else None
    return f"{parts[2].lstrip('0')} {month} {parts[0]}" if month else None


def uk_life_date(values: Values, data: Mapping[str, Any]) -> str | None:
    """Ukrainian `ДН` and `ДС`: day, month, year, then those of the old style as far as they are others.

    >>> data = {"months": {"uk": ["січня", "лютого", "березня"]}}
    >>> uk_life_date(dict(zip("123", ("29", "02", "1944"))), data)
    '29 лютого 1944'
    >>> uk_life_date(dict(zip("1234", ("27", "1", "1839", "15"))), data)
    '15 (27) січня 1839'
    >>> uk_life_date(dict(zip("12345", ("9", "3", "1814", "25", "2"))), data)
    '25 лютого (9 березня) 1814'
    >>> uk_life_date(dict(zip("123456", ("8", "1", "1901", "26", "3", "1900"))), data)
    '26 березня 1900 (8 січня 1901)'
    """
    parts = numbered(values)
    if not 3 <= len(parts) <= 6 or not all(part.isdecimal() for part in parts):
        return None
    months = data["months"]["uk"]
    month, old_month = _month(parts[1], months), _month(parts[4], months) if len(parts) > 4 else ""
    if month is None or old_month is None:
        return None
    day, year, old_day = parts[0].lstrip("0"), parts[2], "".join(parts[3:4]).lstrip("0")
    if len(parts) > 5:
        return f"{old_day} {old_month} {parts[5]} ({day} {month} {year})"
    if not old_day:
        return f"{day} {month} {year}"
    return f"{old_day} {old_month} ({day} {month}) {year}" if old_month else f"{old_day} ({day}) {month} {year}"


COMPUTED: Mapping[str, Callable[[Values, Mapping[str, Any]], str | None]] = {
    "=as of": as_of,
    "=formula": formula,
    "=fraction": fraction,
    "=items": items,
    "=measure": measure,
    "=number and units": number_and_units,
    "=power": power,
    "=powers": powers,
    "=quantity": quantity,
    "=root": root,
    "=uk date": uk_date,
    "=uk life date": uk_life_date,
    "=value": value,
}
"""By the name that `wikitext_templates.yaml` gives them."""
