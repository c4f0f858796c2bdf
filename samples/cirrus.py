"""CirrusSearch dumps: Spanish articles of `prose.py` beside those of the XML dumps, and two of these again.

Every other document has no `source_text`, so that its text without markup must do.

    eswiki-20220704  a pair for each kind of damage, each between good ones, and an end within the gzip member

Source: https://www.mediawiki.org/wiki/Help:CirrusSearch
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from ..filters.urls import cited_urls
from ..filters.wikitext import Site, lead_text, to_text
from .prose import Prose
from .wikipedia import DUMPS, DumpPage, page_of

DUMP = "eswiki-20220627-cirrussearch-content.json.gz"
DAMAGED = "eswiki-20220704-cirrussearch-content.json.gz"
#: How often each kind of damage occurs, in the words of `formats/cirrus.py`, at any scale.
DAMAGE: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {DAMAGED: {"no_document": 1, "bad_json": 1, "no_id": 1, "bad_field": 1, "truncated": 1}}
)
N_AGAIN = 2
_N_PAGES, _N_DAMAGED = 60, 24  # documents at scale 1, and of the damaged dump at any
_SITE = Site.of("es", {})


def write(folder: Path, seed: int, scale: float) -> list[Path]:
    """Write both dumps into `folder`/wikipedia."""
    prose = Prose("es", seed)
    n_main = max(8, round(DUMPS["eswiki-20220620-pages-articles-multistream.xml.bz2"][0] * scale))
    numbers = [*range(N_AGAIN), *range(n_main + 200, n_main + 200 + max(8, round(_N_PAGES * scale)))]
    damaged = gzip.compress(
        b"".join(_damaged(_pairs(prose, range(n_main + 1000, n_main + 1000 + _N_DAMAGED)))), mtime=0
    )
    contents = {DUMP: gzip.compress(b"".join(_pairs(prose, numbers)), mtime=0), DAMAGED: damaged[: -len(damaged) // 8]}
    paths = [folder / "wikipedia" / name for name in contents]
    folder.joinpath("wikipedia").mkdir(parents=True, exist_ok=True)
    for path in paths:
        path.write_bytes(contents[path.name])
    return paths


def _pairs(prose: Prose, numbers: range | list[int]) -> Iterator[bytes]:
    """Pairs of lines, of articles alone: redirects and other namespaces are no content of the index."""
    for number in numbers:
        page = page_of(prose, number)
        if page.namespace == 0 and page.redirect is None:
            has_source = number % 2 == 0 or number < N_AGAIN
            yield _line({"index": {"_type": "_doc", "_id": str(page.id)}}) + _line(_document(page, has_source))


def _document(page: DumpPage, has_source: bool) -> dict[str, object]:
    fields: dict[str, object] = {
        "template": [],
        "content_model": "wikitext",
        "opening_text": " ".join(lead_text(page.text, _SITE).split()),
        "wiki": "eswiki",
        "language": "es",
        "title": page.title,
        "text": " ".join(to_text(page.text, _SITE).split()),
        "timestamp": f"{page.timestamp:%Y-%m-%dT%H:%M:%SZ}",
        "redirect": [],
        "version_type": "external",
        "version": page.revision,
        "external_link": list(cited_urls(page.text)),
        "namespace": 0,
        "namespace_text": "",
        "text_bytes": len(page.text.encode()),
    }
    return {**fields, "source_text": page.text} if has_source else fields


def _line(fields: dict[str, object]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _damaged(pairs: Iterator[bytes]) -> Iterator[bytes]:
    for number, pair in enumerate(pairs):
        index, document = pair.splitlines(keepends=True)
        match number:
            case 2:
                yield index
            case 5:
                yield index + document[: len(document) // 2] + b"\n"
            case 8:
                yield document
            case 11:
                yield index.replace(b'"_id":"', b'"_id":"n') + document
            case _:
                yield pair
