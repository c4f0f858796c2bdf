"""CirrusSearch dumps of MediaWiki (`<wiki>-<date>-cirrussearch-content.json.gz`): what its search index knows of pages.

Pairs of JSON lines, for Elasticsearch's bulk interface: `{"index": {"_id": "12"}}`, then a document with `title`,
`namespace`, `version` (the revision), `timestamp`, `text` without markup, `opening_text`, and in most dumps
`source_text`, the wikitext. Newer dumps are packed by bz2, cut into several files, and repeat the id as `page_id`.
Redirects are no documents here: they are listed with the page that they lead to.

Whatever cannot be read is one `Damage` with one of these words, or those of `jsonlines.py`:

    not_cirrus                  the file: its first object is neither an index line nor a document
    no_document                 an index line without a document after it
    no_id                       a document without an index line before it, and without `page_id`
    bad_field                   a document without a title or a text, or with a field of the wrong kind

Offsets are those of the index line, or of the document where there is none.
Source: https://www.mediawiki.org/wiki/Help:CirrusSearch, https://dumps.wikimedia.org/other/cirrussearch/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, NamedTuple

from ..records import Damage
from .jsonlines import JsonObject, read_objects

__all__ = ["CirrusPage", "read_cirrus"]

_MAX_LINE_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class CirrusPage:
    """A document of the index. `wikitext` and `text` are "" where the dump has none, but one of them is there.

    `dbname` is that of its wiki (`enwiki`), `language` that of its content; `templates` have their namespace's name
    before them; `links` are external ones; `offset` is that of its lines in the file as stored.
    """

    id: int
    title: str
    namespace: int
    revision: int
    timestamp: str
    dbname: str
    language: str
    text: str
    wikitext: str
    opening_text: str
    links: tuple[str, ...]
    templates: tuple[str, ...]
    offset: int


class _Index(NamedTuple):
    """An index line that waits for its document."""

    offset: int
    number: int
    id: object


def read_cirrus(file: BinaryIO, *, max_line_bytes: int = _MAX_LINE_BYTES) -> Iterator[CirrusPage | Damage]:
    r"""The pages of a file in its order, and what is damaged there; memory holds one document.

    >>> import io
    >>> lines = b'{"index":{"_type":"_doc","_id":"12"}}\n{"title":"A","namespace":0,"version":7,"text":"One."}\n'
    >>> pages = list(read_cirrus(io.BytesIO(lines + b'{"index":{"_id":13}}\n')))
    >>> pages[0].id, pages[0].title, pages[0].revision, pages[0].text
    (12, 'A', 7, 'One.')
    >>> pages[1]
    Damage(offset=92, error='no_document', detail='line 3: an index line without a document after it')
    """
    index: _Index | None = None
    is_rest = False  # after damage that was perhaps the index line of what comes next
    is_first = True
    for found in read_objects(file, max_line_bytes=max_line_bytes):
        if isinstance(found, Damage):
            yield found
            index, is_rest = None, index is None
            continue
        action = found.fields.get("index")
        if is_first and action is None and "title" not in found.fields:
            yield Damage(found.offset, "not_cirrus", f"line {found.number}: neither an index line nor a document")
            return
        is_first = False
        if isinstance(action, dict):
            if index:
                yield _lonely(index)
            index = _Index(found.offset, found.number, action.get("_id"))
        elif index or not is_rest or found.fields.get("page_id") is not None:
            yield _page(index, found)
            index = None
        is_rest = False
    if index:
        yield _lonely(index)


def _lonely(index: _Index) -> Damage:
    return Damage(index.offset, "no_document", f"line {index.number}: an index line without a document after it")


def _page(index: _Index | None, document: JsonObject) -> CirrusPage | Damage:
    offset, fields = index.offset if index else document.offset, document.fields
    given = index.id if index and index.id is not None else fields.get("page_id")
    if given is None:
        lacks = "an index line without an id" if index else "a document without an index line before it"
        return Damage(offset, "no_id", f"line {document.number}: {lacks}")
    try:
        page = CirrusPage(
            _number("_id", given),
            _string(fields, "title"),
            _number("namespace", fields.get("namespace"), least=-2),
            _number("version", fields.get("version")),
            _string(fields, "timestamp"),
            _string(fields, "wiki"),
            _string(fields, "language"),
            _string(fields, "text"),
            _string(fields, "source_text"),
            _string(fields, "opening_text"),
            _strings(fields, "external_link"),
            _strings(fields, "template"),
            offset,
        )
    except ValueError as error:
        return Damage(offset, "bad_field", f"line {document.number}: {error}")
    if not page.title or not ("text" in fields or "source_text" in fields):
        lacks = "no text and no source_text" if page.title else "no title"
        return Damage(offset, "bad_field", f"line {document.number}: {lacks}")
    return page


def _number(name: str, value: object, least: int = 0) -> int:
    """A number, which ids in index lines are as text or as such."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() and len(text) <= 18 and int(text) >= least:
        return int(text)
    raise ValueError(f"{name}: {str(value)[:40]!r} is no number for it" if value is not None else f"no {name}")


def _string(fields: Mapping[str, Any], name: str) -> str:
    """A text, which may be missing or null."""
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value or ""
    raise ValueError(f"{name}: {str(value)[:40]!r} is no text")


def _strings(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts, which may be missing, null, or one text alone."""
    value = fields.get(name)
    values = value if isinstance(value, list) else [] if value is None else [value]
    if all(isinstance(one, str) for one in values):
        return tuple(values)
    raise ValueError(f"{name}: {str(value)[:40]!r} is no list of texts")
