"""A row of a table as a file has it, before its columns mean anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class TableRow(NamedTuple):
    """`offset` says where in the file it is found, as each format's reader has it; `place` the same for people."""

    offset: int
    place: str
    fields: Mapping[str, Any]


class BadValueError(Exception):
    """A value that cannot be taken: a word of `Damage`, and its detail."""


def text_of(value: Any, column: str) -> str | None:
    """A text of UTF-8, whether it came as bytes or with escapes of half characters (JSON's \\ud800).

    Raises BadValueError: it is none.

    >>> text_of(b"moss", "text"), text_of(None, "text")
    ('moss', None)
    """
    if value is None:
        return None
    try:
        if isinstance(value, bytes):
            return value.decode()
        if isinstance(value, str):
            value.encode()
            return value
    except UnicodeError as error:
        raise BadValueError("bad_utf8", f"column {column} is no UTF-8") from error
    raise BadValueError("bad_row", f"column {column} is {type(value).__name__}, not text")
