"""Figures as tables, the card and the page have them."""

from __future__ import annotations

UNKNOWN = "–"


def number(value: float | None) -> str:
    """
    >>> number(1234567), number(None)
    ('1,234,567', '–')
    """
    return UNKNOWN if value is None else f"{value:,.0f}"


def decimal(value: float | None) -> str:
    """
    >>> decimal(2.449), decimal(16355.4), decimal(None)
    ('2.45', '16,355.40', '–')
    """
    return UNKNOWN if value is None else f"{value:,.2f}"


def between(low: float | None, high: float | None) -> str:
    """An interval, of which the upper end may not be known.

    >>> between(0.5, 2.449), between(0.5, None), between(None, None)
    ('0.50–2.45', '≥ 0.50', '–')
    """
    if low is None:
        return UNKNOWN
    return f"≥ {decimal(low)}" if high is None else f"{decimal(low)}–{decimal(high)}"


def percent(part: float | None, whole: float = 1.0) -> str:
    """
    >>> percent(1, 8), percent(0, 0), percent(None)
    ('12.50 %', '–', '–')
    """
    return UNKNOWN if part is None or not whole else f"{100 * part / whole:.2f} %"
