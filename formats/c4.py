"""Published C4 (`c4-train.*.json.gz` of allenai/c4): JSON lines with `text`, `url` and `timestamp`.

A page that can be read is a `C4Page`; whatever cannot is one `Damage` with a word of `jsonlines.py`, or `bad_field`:
no text, no address, or one of the three that is no string. Other fields are ignored; a page may lack the timestamp.
Source: https://huggingface.co/datasets/allenai/c4.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, Final, NamedTuple

from ..records import Damage
from .jsonlines import read_objects

__all__ = ["C4Page", "read_c4"]

_MAX_PAGE_BYTES: Final = 16 << 20
_MAX_ESCAPED_BYTES: Final = 6  # of a line, for a byte of text: `\u0001`
_MAX_OTHER_BYTES: Final = 1 << 20  # of a line, beside the text


class C4Page(NamedTuple):
    """A page: its address and text as published, where its line begins (see `jsonlines.py`), and the line's number."""

    url: str
    timestamp: str
    text: str
    offset: int
    number: int


def read_c4(file: BinaryIO, max_page_bytes: int = _MAX_PAGE_BYTES) -> Iterator[C4Page | Damage]:
    r"""The pages of a file in its order, each with its text exactly as it is, and what is damaged there.

    A text of more than `max_page_bytes` in UTF-8 is `too_long`.

    >>> import io
    >>> lines = b'{"text": "Hi.\\n", "timestamp": "2019-04-25T12:57:54Z", "url": "http://a.org/"}\n{"text": "Ho."}\n'
    >>> for found in read_c4(io.BytesIO(lines)):
    ...     print(found)
    C4Page(url='http://a.org/', timestamp='2019-04-25T12:57:54Z', text='Hi.\n', offset=0, number=1)
    Damage(offset=79, error='bad_field', detail='line 2: no url')
    """
    for found in read_objects(file, max_line_bytes=_MAX_ESCAPED_BYTES * max_page_bytes + _MAX_OTHER_BYTES):
        if isinstance(found, Damage):
            yield found
        elif problem := _problem(found.fields):
            yield Damage(found.offset, "bad_field", f"line {found.number}: {problem}")
        elif len(found.fields["text"].encode()) > max_page_bytes:
            yield Damage(found.offset, "too_long", f"line {found.number}: over {max_page_bytes:,} bytes of text")
        else:
            timestamp = found.fields.get("timestamp") or ""
            yield C4Page(found.fields["url"], timestamp, found.fields["text"], found.offset, found.number)


def _problem(fields: dict[str, Any]) -> str:
    """What is wrong with the fields of a page, if anything.

    >>> _problem({"text": "", "url": "http://a.org/"}), _problem({"text": "", "url": 1}), _problem({"url": ""})
    ('', 'url is no string', 'no text')
    """
    for name in ("text", "url", "timestamp"):
        value = fields.get(name)
        if value is None:
            if name != "timestamp":
                return f"no {name}"
        elif not isinstance(value, str):
            return f"{name} is no string"
    return "" if fields["url"] else "no url"
