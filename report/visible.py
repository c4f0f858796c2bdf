"""Texts of strangers as a terminal, a page or a card may hold them: what is not seen, or does something, is shown."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

TAB = "    "
# Controls, marks of direction, ends of lines that are none elsewhere, what has no width but a meaning, letters of tags,
# halves of pairs. Joiners and places to break stay: scripts need them.
_UNSEEN: Final = (
    *range(0x20), *range(0x7F, 0xA0), 0x61C, 0x180E, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2060, 0x2070),
    *range(0xD800, 0xE000), 0xFEFF, *range(0xFFF0, 0xFFFC), 0xFFFE, 0xFFFF,
    *(code for code in range(0xE0000, 0xE1000) if unicodedata.category(chr(code)) in ("Cf", "Cn")),
)  # fmt: skip


def _pictured(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)  # as in ␛
    return "␡" if code == 0x7F else _escaped(code)


def _escaped(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_KEPT: Final = {ord("\n"): "\n", ord("\t"): "\t"}
_PICTURED: Final[Mapping[int, str]] = MappingProxyType(
    {code: _pictured(code) for code in _UNSEEN} | _KEPT | {ord("\t"): TAB}
)
_ESCAPED: Final[Mapping[int, str]] = MappingProxyType({code: _escaped(code) for code in _UNSEEN} | _KEPT)


def visible(text: str) -> str:
    """Text without a character that a terminal obeys; line ends stay, tabs are four blanks.

    >>> visible("a\\x1b[31mred\\x07\\r\\n\\u202eb")
    'a␛[31mred␇␍\\n\\\\u202eb'
    """
    return text.translate(_PICTURED)


def one_line(text: str, width: int = sys.maxsize) -> str:
    """The same on one line, cut to so many characters.

    >>> one_line("a\\nb", 9), one_line("abcdef", 4)
    ('a␊b', 'abc…')
    """
    cut = text if len(text) <= width else text[: width - 1] + "…"
    return visible(cut).replace("\n", "␊")


def brief(value: Any) -> str:
    """A value of the metadata as it stands in a line.

    >>> brief(0.27178037), brief(["java", "c"]), brief([{"id": 1}]), brief(2019)
    ('0.2718', 'java, c', '1 of them', '2019')
    """
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.1f}"
    if isinstance(value, (list, Mapping)) and any(isinstance(one, (list, Mapping)) for one in value):
        return f"{len(value)} of them"
    if isinstance(value, list):
        return one_line(", ".join(map(str, value)), 60)
    return one_line(str(value), 80)


def escaped(text: str) -> str:
    """Text in which what cannot be seen is written out, so that it can do nothing to a page around it.

    >>> escaped("a\\u202eb\\x00\\tc\\r\\n"), escaped("\\u05d0\\u200d\\ufffd")
    ('a\\\\u202eb\\\\u0000\\tc\\n', 'א\\u200d\ufffd')
    """
    return text.replace("\r\n", "\n").translate(_ESCAPED)
