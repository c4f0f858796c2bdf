"""Documents as a table of SQLite, for datasette and other tools that ask it questions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..pipelines.listing import Listed

TABLE = "documents"
OWN = ("id", "url", "source", "outcome", "path", "row", "chars", "text", "meta")
MOST_COLUMNS = 200  # of the metadata; `meta` has all of it as JSON


def write_sqlite(found: Iterable[Listed], path: str) -> int:
    """Write documents into a new file, a column for each thing that is known of them. Returns how many there are.

    Raises:
        UsageError: there is such a file, or it cannot be made.
    """
    file = Path(path)
    try:
        file.touch(exist_ok=False)
    except OSError as error:
        raise UsageError(f"--sqlite {path}: {error.strerror}. Expected the name of a new file.") from error
    try:
        with closing(sqlite3.connect(file)) as database, database:
            return _fill(database, found)
    except BaseException:
        file.unlink()
        raise


def _fill(database: sqlite3.Connection, found: Iterable[Listed]) -> int:
    names = {name: name for name in OWN}  # SQLite's names know no case
    database.execute(f"CREATE TABLE {TABLE} ({', '.join(OWN)})")
    n = 0
    for one in found:
        n += 1
        values: dict[str, Any] = {
            name: getattr(one, name) for name in ("id", "url", "source", "outcome", "path", "row")
        }
        values |= {"text": one.text, "chars": len(one.text), "meta": dict(one.meta)}
        for name, value in one.meta.items():
            key = name.lower().replace("\0", "")
            if key not in names and len(names) < MOST_COLUMNS:
                names[key] = _quoted(name)
                database.execute(f"ALTER TABLE {TABLE} ADD COLUMN {names[key]}")
            if key in names and key not in OWN:
                values[key] = value
        columns = ", ".join(names[name] for name in values)
        marks = ", ".join("?" * len(values))
        database.execute(f"INSERT INTO {TABLE} ({columns}) VALUES ({marks})", [_plain(v) for v in values.values()])
    return n


def _quoted(name: str) -> str:
    return '"' + name.encode("utf-8", "replace").decode().replace("\0", "").replace('"', '""') + '"'


def _plain(value: Any) -> str | int | float | None:
    """A value as SQLite holds it: what is no number or text is JSON."""
    if value is None or isinstance(value, (bool, float)) or (isinstance(value, int) and abs(value) < 1 << 63):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text.encode("utf-8", "replace").decode()
