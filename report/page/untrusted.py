"""Texts, names and addresses of documents as a page may hold them: escaping is the template's, all else is here."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ..visible import escaped

SHOWN_CHARS = 160  # of a name or an address


def shortened(text: object, n_chars: int = SHOWN_CHARS) -> str:
    """A name on one line, cut to a length that is read.

    >>> shortened("a\\nb"), shortened("abcdef", 3)
    ('a b', 'abc…')
    """
    line = str(text)
    return escaped(" ".join(line[: n_chars + 1].split())[:n_chars]) + "…" * (len(line) > n_chars)


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
