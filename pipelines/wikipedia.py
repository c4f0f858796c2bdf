"""Wikipedia in twenty languages, 4.5 % of the mixture.   Source: LLaMA (2023) section 2.1, "Wikipedia".

Dumps of June to August 2022, the twenty languages in Latin or Cyrillic script; hyperlinks, comments and other
formatting boilerplate removed. The paper names no tool; RedPajama v1, its first reproduction, used the Hugging Face
`wikipedia` builder, which keeps articles, leaves redirects out and does not expand templates.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from urllib.parse import quote

from ..filters.wikitext import Site, is_redirect, to_text
from ..formats.mediawiki import Page, SiteInfo, find_slices, read_pages, read_siteinfo
from ..mixtures.sources import WikipediaRecipe
from ..records import Damage, Document, Dropped, Reason
from ..storage import MIB, Input, open_read
from .source import Aids, Basis, Slice, Source, Step, drop, keep_if, stem_of, step


def steps(recipe: WikipediaRecipe, aids: Aids) -> tuple[Step, ...]:
    return (
        *articles(recipe),
        step("markup to text", markup_to_text, Basis.PAPER, note="own scanner; templates go, they are not expanded"),
        step("drop empty pages", keep_if(lambda d: bool(d.text), Reason.EMPTY), Basis.OURS),
    )


def articles(recipe: WikipediaRecipe) -> tuple[Step, ...]:
    """The steps that choose pages, before their markup goes."""
    languages = frozenset(recipe.languages)
    return (
        step(
            "keep the languages",
            keep_if(lambda d: d.meta["language"] in languages, Reason.WIKIPEDIA_LANGUAGE),
            Basis.PAPER,
            decides={"languages": recipe.languages},
        ),
        step("keep articles", keep_if(lambda d: d.meta["namespace"] == 0, Reason.WIKIPEDIA_NAMESPACE), Basis.REFERENCE),
        step("drop redirects", drop_redirects, Basis.REFERENCE),
    )


def drop_redirects(document: Document) -> Document | Dropped:
    """By the dump's own mark, or by the first word of the page where an old dump has none."""
    redirects = document.meta["redirect"] is not None or is_redirect(document.text, document.meta["site"])
    return drop(document, Reason.WIKIPEDIA_REDIRECT) if redirects else document


def markup_to_text(document: Document) -> Document:
    """Plain text, and of the metadata what a reader of the corpus wants."""
    meta = {name: document.meta[name] for name in ("title", "language", "url", "revision", "timestamp")}
    return dataclasses.replace(document, text=to_text(document.text, document.meta["site"]), meta=meta)


def slices(dump: Input, recipe: WikipediaRecipe) -> list[Slice]:
    """A multistream dump is cut between its streams, so that it keeps all cores busy; another dump is one slice."""
    stem = stem_of(dump)
    with open_read(dump.url) as file:
        ranges = find_slices(file, dump.size, int(recipe.slice_mb * MIB))
    whole = len(ranges) == 1
    return [Slice(stem if whole else f"{stem}-{start:012d}", dump, start, stop) for start, stop in ranges]


def read(piece: Slice, recipe: WikipediaRecipe, models: Mapping[str, str]) -> Iterator[Document | Damage]:
    """The pages of a slice as documents whose text is still wikitext."""
    with open_read(piece.input.url) as file:
        info = read_siteinfo(file)
        if isinstance(info, Damage):
            if (
                info.error == "no_siteinfo" and piece.start == 0
            ):  # any other damage to the head comes from read_pages too
                yield info
            info = _info_from_name(piece.input.name)
        if info.dbname and not info.dbname.endswith(
            "wiki"
        ):  # enwiktionary and others number their pages from 1 as well
            info = dataclasses.replace(info, language=info.dbname)
        site = Site.of(info.language, info.namespaces)
        for page in read_pages(file, piece.start, piece.stop, max_page_bytes=recipe.max_page_mb * MIB):
            yield page if isinstance(page, Damage) else _document(page, info, site)


def language_of(name: str) -> str:
    """The language of a dump by the name of its file, `und` where that does not say.

    >>> language_of("wikipedia/zh_yuewiki-20220620-pages-articles.xml.bz2"), language_of("wikipedia/mine.xml")
    ('zh-yue', 'und')
    """
    return _info_from_name(name).language


def _info_from_name(name: str) -> SiteInfo:
    """For a dump whose head is lost: the language by the name of the file.

    >>> _info_from_name("wikipedia/zh_yuewiki-20220620-pages-articles.xml.bz2").language
    'zh-yue'
    """
    dbname = PurePosixPath(name).name.partition("-")[0]
    known = dbname.endswith("wiki") and dbname != "wiki"
    return SiteInfo(dbname.removesuffix("wiki").replace("_", "-") if known else "und", dbname, "", {})


def _document(page: Page, info: SiteInfo, site: Site) -> Document:
    meta = {
        "title": page.title,
        "language": info.language,
        "url": f"https://{info.language}.wikipedia.org/wiki/{quote(page.title.replace(' ', '_'))}",
        "revision": page.revision,
        "timestamp": page.timestamp,
        "namespace": page.namespace,
        "redirect": page.redirect,
        "site": site,
    }
    return Document(f"wikipedia:{info.language}/{page.id}", page.text, "wikipedia", meta)


SOURCE = Source(
    "wikipedia",
    lambda recipe: "*.xml*",
    slices,
    read,
    steps,
    revision=lambda document: int(document.meta["revision"]),
    decides=lambda recipe: {"max_page_mb": recipe.max_page_mb},
)
