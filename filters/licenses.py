"""Which licence a text is, and whether a recipe keeps it.   Source: LLaMA (2023) section 2.1: "Apache, BSD and MIT".

BigQuery gives a licence with each repository; where it gives none, the repository's licence file may say it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from licenseclassifier import identify_license

__all__ = ["PERMISSIVE", "identify", "is_permitted"]

PERMISSIVE = ("mit", "bsd", "apache")

MAX_CHARS = 100_000
"""Longer texts are collections of licences."""

_STRICT = ("AGPL", "CC-", "GFDL", "GPL", "LGPL", "MPL", "EPL")
"""Licences that nothing beside them turns into one that recipes keep."""

_RESTRICTS = re.compile(
    r"""gpl\b|general\ public|copyleft|mozilla|eclipse|commons|\beula\b|business\ source
    |commercial|proprietary|academic|non-?profit|military|additional\ (?:terms|restriction|condition|limitation)
    |(?:separate|different|other|own|dual|dually|third-party)(?:\ \w+)?\ (?:licen[cs]|terms)
    |prohibit|forbid|unless|\bexcept\b|\b(?:may|must|shall|can|do)\ not\b|\bshall\b|either|alternatively|option\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""What in the rest of a text, beside the licence that is known, may take back what the licence grants."""


def identify(text: str) -> str | None:
    """The SPDX id of a licence text (a LICENSE or COPYING file), None where it is not sure.

    Sure is a text of which at least three quarters are one licence, and whose rest neither names another one nor sets
    conditions. So several licences in one file are None, whether each holds for a part or all are offered. The texts
    of GPL, LGPL and AGPL do not say "or later" or "only": they have SPDX's older ids, `GPL-3.0`. A file that has SPDX's
    own lines, and otherwise only says whose it is, is what they say: an id or an expression.

    >>> identify("Licensed under the Apache License, Version 2.0; see NOTICE."), identify("See COPYING."), identify("")
    ('Apache-2.0', None, None)
    >>> identify("SPDX-License-Identifier: MIT OR Apache-2.0\\n\\nCopyright 2020 A\\n")
    'MIT OR Apache-2.0'
    """
    if len(text) > MAX_CHARS:
        return None
    if declared := _declared(text):
        return declared
    regions = identify_license(text)
    names = sorted({region.id for region in regions}, key=len)
    if not names or any(name != f"{names[0]}-or-later" for name in names[1:]):  # the GPL ends with a notice to copy
        return None
    if names[0].startswith(_STRICT):
        return names[0]
    ends = [0, *(region.end for region in regions)]
    starts = [*(region.start for region in regions), len(text)]
    rest = " ".join(text[end:start] for end, start in zip(ends, starts, strict=True))
    return None if _RESTRICTS.search(" ".join(rest.split())) else names[0]


_SPDX_LINE = re.compile(r"\W*SPDX-License-Identifier:\s*([\w.+() -]+?)\W*", re.IGNORECASE)
_MAX_LINE_CHARS = 200  # that are looked at: more would take the square of its length
_SAYS_WHOSE = re.compile(r"\W*|\W*(?:SPDX-FileCopyrightText|copyright|\(c\)).*", re.IGNORECASE)


def _declared(text: str) -> str:
    """What the SPDX lines of a text say, if its other lines say nothing but whose it is."""
    if "SPDX" not in text:
        return ""
    lines = [line[:_MAX_LINE_CHARS].strip() for line in text.splitlines()]
    found = list(map(_SPDX_LINE.fullmatch, lines))
    declared = dict.fromkeys(match[1] for match in found if match)
    if not all(match or _SAYS_WHOSE.fullmatch(line) for match, line in zip(found, lines, strict=True)):
        return ""
    return " AND ".join(f"({one})" if len(declared) > 1 and " " in one else one for one in declared)


_TELLING = re.compile(
    r"""(?:[a-z0-9]{1,12}-)?(?:licen[cs]e|copying|unlicen[cs]e)(?:[-._][a-z0-9][a-z0-9.+-]{0,19}?)?
    (?:\.(?:txt|md|markdown|rst|html))?""",
    re.IGNORECASE | re.VERBOSE,
)
_NOT_TELLING = re.compile(
    r"header|3rd|third|vendor|depend|notice|exception|\.(?:py|js|ts|c|h|go|rs|java|sh|json|ya?ml)$", re.I
)


def tells_license(path: str) -> bool:
    """Whether a file tells the licence of its repository: a LICENSE or COPYING at its root, whatever the ending says.

    >>> [tells_license(path) for path in ("LICENSE", "licence.md", "LICENSE-MIT", "MIT-LICENSE.txt", "COPYING.LIB")]
    [True, True, True, True, True]
    >>> [tells_license(path) for path in ("NOTICE", "vendor/LICENSE", "LICENSE_HEADER", "license.py", "COPYRIGHT")]
    [False, False, False, False, False]
    """
    return bool(_TELLING.fullmatch(path)) and not _NOT_TELLING.search(path)


MAX_EXPRESSION_CHARS = 1000

_INNERMOST = re.compile(r"\(([^()]*)\)")
_FAMILY = re.compile(r"([a-z0-9]+)(?:-[a-z0-9.+-]+)?(?: with \S+)?")
_NOT_PERMISSIVE = ("bsd-protection",)
_YES, _NO = "\0", "\1"


def is_permitted(license: str | None, kept: Sequence[str] = PERMISSIVE, compat: str = "") -> bool:  # noqa: A002
    """Whether a licence, or an SPDX expression, is of one of the kept families. No licence, or no expression: False.

    A family is what comes before the first dash of an id: "bsd" is all BSD licences; whole ids may be kept as well. Of
    `A OR B` one is enough, of `A AND B` both must be kept; `A WITH exception` is A, for exceptions only permit more;
    `A/B` is Cargo's older OR. "redpajama-v1" only looks at how the text begins.

    >>> [is_permitted(name) for name in ("mit", "bsd-3-clause", "Apache-2.0", "gpl-3.0", "MIT AND GPL-2.0", "", None)]
    [True, True, True, False, False, False, False]
    >>> [is_permitted(name) for name in ("GPL-2.0 OR MIT", "Apache-2.0 WITH LLVM-exception", "MIT/Apache-2.0")]
    [True, True, True]
    >>> is_permitted("mit and gpl-2.0", compat="redpajama-v1"), is_permitted("CC0-1.0", kept=("cc0-1.0", "mit"))
    (True, True)
    """
    if compat:
        return (license or "").startswith(tuple(kept))
    if not license or len(license) > MAX_EXPRESSION_CHARS or not license.isprintable():
        return False
    expression, names = license.lower().replace("/", " or "), frozenset(map(str.lower, kept))
    n_inner = 1
    while n_inner:
        expression, n_inner = _INNERMOST.subn(lambda m: _YES if _holds(m[1], names) else _NO, expression)
    return _holds(expression, names)


def _holds(expression: str, kept: frozenset[str]) -> bool:
    """An expression without parentheses; AND binds tighter than OR."""
    alternatives = " ".join(expression.split()).split(" or ")
    return any(all(_is_kept(term, kept) for term in terms.split(" and ")) for terms in alternatives)


def _is_kept(term: str, kept: frozenset[str]) -> bool:
    if term in (_YES, _NO):
        return term == _YES
    family = _FAMILY.fullmatch(term)
    name = term.partition(" with ")[0]
    return family is not None and name not in _NOT_PERMISSIVE and (family[1] in kept or name in kept)
