"""Text of strangers for a terminal: what would move its cursor, change colours or turn the writing is only shown."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

TAB = "    "
_TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_HIDDEN = "\u2028\u2029\ufeff" + "".join(map(chr, range(0xFFF9, 0xFFFC)))


def _shown(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)  # as in ␛
    return "␡" if code == 0x7F else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _table() -> Mapping[int, str]:
    codes = [*range(0x20), *range(0x7F, 0xA0), *map(ord, _TURNING + _HIDDEN), *range(0xD800, 0xE000)]
    codes += [code for code in range(0xE0000, 0xE0080) if unicodedata.category(chr(code)) in ("Cf", "Cn")]
    table = {code: _shown(code) for code in codes}
    return MappingProxyType({**table, ord("\n"): "\n", ord("\t"): TAB})


_TABLE = _table()


def visible(text: str) -> str:
    """Text without a character that a terminal obeys; line ends stay, tabs are four blanks.

    >>> visible("a\\x1b[31mred\\x07\\r\\n\\u202eb")
    'a␛[31mred␇␍\\n\\\\u202eb'
    """
    return text.translate(_TABLE)


def one_line(text: str, width: int = sys.maxsize) -> str:
    """The same on one line, cut to so many characters.

    >>> one_line("a\\nb", 9), one_line("abcdef", 4)
    ('a␊b', 'abc…')
    """
    cut = text if len(text) <= width else text[: width - 1] + "…"
    return visible(cut).replace("\n", "␊")
