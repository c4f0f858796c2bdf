"""Files of repositories, as BigQuery exports them: Parquet, Avro or JSON lines, as their first bytes tell.

A row that can be read is a `FileRow`, whether or not it has content; whatever cannot is one `Damage`, with one of the
words of `parquet.py`, `avro.py` and `jsonlines.py`, or of these:

    no_column    a Parquet or Avro file without a column that is needed: no row comes
    bad_row      a value of another type, or no path
    bad_utf8     a value that is no UTF-8
    too_long     a text over the limit

`offset` is the number of the row in a Parquet file (from 0), else a byte of the file as stored: that of the line, of
its gzip member, of its Avro block. Values are taken as exports give them: numbers and booleans as strings too, null as
a key that is not there. Text is text: BigQuery packs only BYTES in base64, and has content as STRING.
Source: https://cloud.google.com/bigquery/docs/exporting-data; the schema of bigquery-public-data.github_repos.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from ..errors import SourceError
from ..records import Damage, counted
from .tablerow import BadValueError, TableRow, text_of
from .tables import HEAD_ROWS, Table, open_table

_MAX_FILE_BYTES: Final = 16 << 20
_SLICE_BYTES: Final = 256 << 20
_LINK_MODES: Final = (0o120000, 0o160000)  # git's, of symbolic links and of submodules
_BOOLEANS: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of an export are called. Only path and content must be there."""

    id: str = "id"  # git's own id of the content
    repo: str = "repo_name"  # owner/name
    path: str = "path"  # in the repository
    license: str = "license"  # SPDX id or BigQuery's name of it
    content: str = "content"  # text
    binary: str = "binary"  # true where the content is no text
    size: str = "size"  # bytes
    copies: str = "copies"  # places that have the content
    ref: str = "ref"  # branch or tag
    link: str = "symlink_target"  # not empty where the file is a link
    mode: str = "mode"  # git's, which tells links and submodules


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file of a repository. Without content, `absent` says why: `binary`, `link`, or `left out`."""

    offset: int
    id: str  # git's own id of the content; "" where the export has none and it cannot be computed
    repo: str  # owner/name; of several the first
    path: str
    license: str | None
    content: str | None
    size: int | None  # bytes
    copies: int
    ref: str
    absent: str = ""


def row_ranges(
    file: BinaryIO, *, columns: Columns = Columns(), name: str = "The file", slice_bytes: int = _SLICE_BYTES
) -> list[tuple[int, int]]:
    """What of a file `read_rows` can read by itself: rows [start, stop) of a Parquet file, else all of its bytes.

    Raises SourceError when a column that is needed is not in the file; of JSON lines the first rows are looked at.
    Damage is left to `read_rows`.

    >>> import io
    >>> row_ranges(io.BytesIO(b'{"path": "a.c", "content": "int a;"}'))
    [(0, 36)]
    """
    table = open_table(file)
    if lacking := _lacking(table, columns):
        raise SourceError(f"{name}: {lacking}")
    return table.ranges(slice_bytes)


def read_rows(
    file: BinaryIO,
    start: int = 0,
    stop: int = sys.maxsize,
    *,
    columns: Columns = Columns(),
    max_file_bytes: int = _MAX_FILE_BYTES,
) -> Iterator[FileRow | Damage]:
    """The rows of one of the `row_ranges` of a file in its order, and what is damaged there.

    >>> import io
    >>> lines = b'{"path": "a.c", "content": "int a;"}\\n{"path": 7}\\n{"path": "b.png", "binary": "true"}'
    >>> one, two, three = read_rows(io.BytesIO(lines))
    >>> one.path, one.content, one.size, one.id[:7], three.path, three.content, three.absent
    ('a.c', 'int a;', 6, '68dd955', 'b.png', None, 'binary')
    >>> two
    Damage(offset=37, error='bad_row', detail='line 2: column path is int, not text')
    """
    table = open_table(file)
    if table.has_schema and (lacking := _lacking(table, columns)):
        yield Damage(0, "no_column", lacking)
        return
    for row in table.rows(dataclasses.astuple(columns), start, stop, max_text_bytes=max_file_bytes):
        yield row if isinstance(row, Damage) else file_row(row, columns, max_file_bytes)


def kind_of(table: Table, columns: Columns = Columns()) -> str:
    """Which of the three tables this is, `contents`, `files` or `licenses`; "" for a joined export, and any other.

    >>> import io
    >>> kind_of(open_table(io.BytesIO(b'{"repo_name": "a/b", "license": "mit"}')))
    'licenses'
    """
    has = {field.name for field in dataclasses.fields(columns) if getattr(columns, field.name) in table.columns}
    of_content = has & {"content", "binary", "size", "copies"}
    if "id" in has and "path" not in has and of_content:  # rows of binary files may lack the content
        return "contents"
    if {"id", "repo", "path"} <= has and not of_content:
        return "files"
    return "licenses" if {"repo", "license"} <= has and not of_content and "path" not in has else ""


def _lacking(table: Table, columns: Columns) -> str:
    """What is wrong with the columns of a file: nothing as far as damage lets nothing be seen of them."""
    wanted = ["path", "content"]
    # What a recipe names itself must be there, too: without it all might go for a reason that is none.
    wanted += [
        f.name for f in dataclasses.fields(columns) if getattr(columns, f.name) != f.default and f.name not in wanted
    ]
    if not table.has_schema and columns.content not in table.columns:
        head = itertools.islice(table.rows(()), HEAD_ROWS)
        if all(row.fields.get(columns.binary) in (True, "true") for row in head if isinstance(row, TableRow)):
            wanted.remove("content")  # it is null, and so left out
    names = [f"{field} ({name})" for field in wanted if (name := getattr(columns, field)) not in table.columns]
    if not table.columns or not names:
        return ""
    return (
        f"expected a column for {' and for '.join(names)}, got {', '.join(table.columns)}. "
        f"Name yours with --set sources.github.columns.{names[0].split()[0]}=…"
    )


def file_row(row: TableRow, columns: Columns, max_file_bytes: int) -> FileRow | Damage:
    """What a row says of a file, or what is wrong with it."""
    fields = row.fields
    try:
        path = text_of(fields.get(columns.path), columns.path)
        if not path:
            raise BadValueError("bad_row", f"no value in column {columns.path}")
        content = text_of(fields.get(columns.content), columns.content)
        absent = _absent(fields, columns, content)
        data = b"" if content is None else content.encode()
        if len(data) > max_file_bytes:
            raise BadValueError("too_long", f"a text over {counted(max_file_bytes, 'byte')}")
        name = text_of(fields.get(columns.id), columns.id)
        size = _integer(fields.get(columns.size), columns.size)
        copies = _integer(fields.get(columns.copies), columns.copies)
        return FileRow(
            row.offset,
            name or ("" if absent else blob_id(data)),
            text_of(_first(fields.get(columns.repo)), columns.repo) or "",
            path,
            text_of(_only(fields.get(columns.license), columns.license), columns.license) or None,
            None if absent else content,
            len(data) if size is None and not absent else size,
            1 if copies is None else copies,
            text_of(fields.get(columns.ref), columns.ref) or "",
            absent,
        )
    except BadValueError as bad:
        error, detail = bad.args
        return Damage(row.offset, error, f"{row.place}: {detail}")


def blob_id(content: bytes) -> str:
    """The id that git gives a file's content.

    >>> blob_id(b"")
    'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'
    """
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()


def _absent(fields: Mapping[str, Any], columns: Columns, content: str | None) -> str:
    if _boolean(fields.get(columns.binary), columns.binary):
        return "binary"
    if (
        text_of(fields.get(columns.link), columns.link)
        or _integer(fields.get(columns.mode), columns.mode) in _LINK_MODES
    ):
        return "link"
    return "left out" if content is None else ""


def _integer(value: Any, column: str) -> int | None:
    """
    >>> _integer("12", "size"), _integer(12.0, "size"), _integer(None, "size")
    (12, 12, None)
    """
    if value is None:
        return None
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    if isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 20:
        return int(text)
    if not isinstance(value, bool) and isinstance(value, int | float) and value >= 0 and value == value // 1:
        return int(value)
    raise BadValueError("bad_row", f"column {column} is no number of files or bytes: {value!r:.40}")


def _boolean(value: Any, column: str) -> bool:
    """
    >>> _boolean("true", "binary"), _boolean(False, "binary"), _boolean(None, "binary")
    (True, False, False)
    """
    if value is None or isinstance(value, bool):
        return bool(value)
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    if isinstance(text, str) and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    raise BadValueError("bad_row", f"column {column} is neither true nor false: {value!r:.40}")


def _first(value: Any) -> Any:
    """Of a list the first (`sample_contents` has the repositories of a file as one)."""
    if not isinstance(value, list):
        return value
    return value[0] if value else None


def _only(value: Any, column: str) -> Any:
    """A list of one is its value; of several licences none can be chosen here."""
    if isinstance(value, list) and len(value) > 1:
        raise BadValueError("bad_row", f"column {column} has {len(value)} values")
    return _first(value)
