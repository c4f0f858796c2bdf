"""What a document that is kept adds to the accounts of its file, and takes away where it goes after all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ..manifest import DIGEST, add_digests, digest_of

OF_KEPT = ("documents.kept", "bytes.kept", DIGEST, "languages.", "licenses.", "collections.")
UNKNOWN = "unknown"
MOST_NAMES = 200  # of licences, or collections, in one file: whatever its metadata say, accounts stay small
_CODE = re.compile(r"[a-z]{2,3}(?![a-z])")
_LICENSE = re.compile(r"[a-z0-9(][a-z0-9.+()/ -]{0,59}")


def add_kept(counts: Counter[str], id_: str, text: str, meta: Mapping[str, Any]) -> None:
    """A document more in the accounts."""
    for name, n in _account(id_, text, meta):
        counts[_slot(counts, name)] += n
    counts[DIGEST] = add_digests(counts[DIGEST])


def take_kept(counts: Counter[str], id_: str, text: str, meta: Mapping[str, Any]) -> None:
    """A document less.

    >>> counts = Counter({"documents.in": 1})
    >>> add_kept(counts, "a", "text", {"language": "de"})
    >>> take_kept(counts, "a", "text", {"language": "de"})
    >>> +counts
    Counter({'documents.in': 1})
    """
    for name, n in _account(id_, text, meta):
        counts[_slot(counts, name)] -= n
    counts[DIGEST] = add_digests(counts[DIGEST])


def _slot(counts: Counter[str], name: str) -> str:
    """Where a name is counted: as `other` once there are many."""
    family = name.partition(".")[0]
    if family not in ("licenses", "collections") or name in counts:
        return name
    several = sum(one.startswith(f"{family}.") for one in counts) >= MOST_NAMES
    return f"{family}.other" if several else name


def without_kept(counts: Mapping[str, int]) -> Counter[str]:
    """Accounts as they are before any document is kept."""
    return Counter({name: n for name, n in counts.items() if not name.startswith(OF_KEPT)})


def _account(id_: str, text: str, meta: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    yield "documents.kept", 1
    yield "bytes.kept", len(text.encode())
    yield DIGEST, digest_of(id_, text)
    yield from ((f"languages.{code}", 1) for code in languages_of(meta))
    yield from ((f"licenses.{name}", 1) for name in licenses_of(meta))
    if id_.startswith("books:") and isinstance(collection := meta.get("collection"), str):
        yield f"collections.{collection}", 1


def languages_of(meta: Mapping[str, Any]) -> list[str]:
    """The ISO 639 codes of a document's languages; none where its source does not tell languages.

    Codes of wikis and variants are those of their language, so that there are few of them whatever the input says.

    >>> languages_of({"language": "en;fr"}), languages_of({"language": "zh-yue"}), languages_of({"language": "simple"})
    (['en', 'fr'], ['zh'], ['en'])
    >>> languages_of({"language": ""}), languages_of({"language": "klingon"}), languages_of({})
    (['unknown'], ['unknown'], [])
    """
    if not isinstance(said := meta.get("language"), str):
        return []
    return sorted({_code(part.strip().lower()) for part in said.split(";")})


def _code(said: str) -> str:
    found = _CODE.match("en" if said == "simple" else said)
    return found[0] if found else UNKNOWN


def licenses_of(meta: Mapping[str, Any]) -> list[str]:
    """The licences that a document's metadata name, in small letters, those of the answers of a thread included.

    >>> licenses_of({"license": "Apache-2.0"}), licenses_of({"license": "MIT OR Apache-2.0"}), licenses_of({})
    (['apache-2.0'], ['mit or apache-2.0'], [])
    >>> licenses_of({"license": "CC BY-SA 3.0", "answers": [{"license": "CC BY-SA 4.0"}, {"license": "CC BY-SA 3.0"}]})
    ['cc-by-sa-3.0', 'cc-by-sa-4.0']
    """
    answers = meta.get("answers")
    posts = [meta, *(one for one in (answers if isinstance(answers, list) else ()) if isinstance(one, dict))]
    return sorted({_license(name.lower()) for post in posts if isinstance(name := post.get("license"), str)})


def _license(name: str) -> str:
    name = "-".join(name.split()) if name.startswith("cc ") else " ".join(name.split())
    return name if _LICENSE.fullmatch(name) else "other"
