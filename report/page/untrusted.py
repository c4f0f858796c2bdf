"""Texts, names and addresses of documents as a page may hold them: escaping is the template's, all else is here."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

SHOWN_CHARS = 160  # of a name or an address
# What is not seen, or changes how its neighbours are seen: controls, marks of direction, ends of lines that are none in
# HTML, what has no width but a meaning, letters of tags, halves of pairs. Joiners and places to break stay: scripts
# need them.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    """A text in which what cannot be seen is written out, so that it can do nothing to the page around it.

    >>> visible("a\\u202eb\\x00\\tc\\r\\n"), visible("\\u05d0\\u200d")
    ('a\\\\u202eb\\\\u0000\\tc\\n', 'א\\u200d')
    """
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text.replace("\r\n", "\n"))


def shortened(text: object, n_chars: int = SHOWN_CHARS) -> str:
    """A name on one line, cut to a length that is read.

    >>> shortened("a\\nb"), shortened("abcdef", 3)
    ('a b', 'abc…')
    """
    line = str(text)
    return visible(" ".join(line[: n_chars + 1].split())[:n_chars]) + "…" * (len(line) > n_chars)


def link(url: str) -> str:
    """The address where it may be followed: of the web, and of printable characters alone; else nothing.

    >>> link("https://example.org/a?b"), link("javascript:alert(1)"), link("https://a b"), link("http://[x")
    ('https://example.org/a?b', '', '', '')
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    return url if is_web and not re.search(r"\s", url) and url.isprintable() and len(url) <= 2000 else ""
