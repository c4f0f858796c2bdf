"""A row of a table as a file has it, before its columns mean anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class TableRow(NamedTuple):
    """`offset` says where in the file it is found, as each format's reader has it; `place` the same for people."""

    offset: int
    place: str
    fields: Mapping[str, Any]
