"""Wikipedia in twenty languages, 4.5 % of the mixture.   Source: LLaMA (2023) section 2.1, "Wikipedia".

Dumps of June to August 2022, the twenty languages in Latin or Cyrillic script; hyperlinks, comments and other
formatting boilerplate removed. The paper names no tool; RedPajama v1, its first reproduction, used the Hugging Face
`wikipedia` builder, which keeps articles, leaves redirects out and does not expand templates. It keeps pages that tell
meanings of a title apart, and lists; here switches drop them. Beside XML dumps, those of CirrusSearch are read, with
the same ids.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from urllib.parse import quote

from ..filters.urls import cited_urls
from ..filters.wikitext import Site, is_redirect, lead_text, to_text
from ..filters.wikitext_kinds import is_disambiguation, is_list
from ..filters.wikitext_variants import has_two_scripts, script_of
from ..formats.cirrus import CirrusPage, read_cirrus
from ..formats.mediawiki import Page, SiteInfo, find_slices, read_pages, read_siteinfo
from ..mixtures.sources import LLAMA_WIKIPEDIAS, WikipediaRecipe
from ..records import Damage, Document, Dropped, Reason
from ..storage import MIB, Input, open_read
from .source import Aids, Basis, Slice, Source, Step, drop, keep_if, stem_of, step

CIRRUS = "cirrus"  # the kind of slices of such dumps
_CIRRUS_LINE_PAGES = 4  # a document's line holds its text twice, its links, and escapes


def steps(recipe: WikipediaRecipe, aids: Aids) -> tuple[Step, ...]:
    renders = ": of some a parameter is the text (ours; reference: of none)" if recipe.templates == "text" else ""
    return (
        *articles(recipe),
        *kinds(recipe),
        step(
            "markup to text",
            markup_to_text,
            Basis.PAPER,
            note=f"own scanner; templates are not expanded{renders}, all others go; Serbian stays in its page's script",
            version=4,
        ),
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


def kinds(recipe: WikipediaRecipe) -> tuple[Step, ...]:
    """The steps that drop kinds of articles which the recipe does not want."""
    found = []
    if recipe.disambiguations == "drop":
        note = (
            "pages that only tell the meanings of a title apart, by their templates or titles; the reference keeps them"
        )
        found.append(step("drop disambiguations", drop_disambiguations, Basis.OURS, note))
    if recipe.lists == "drop":
        note = "by their titles, or as nine tenths of the text are items; the reference keeps them"
        found.append(step("drop lists", drop_lists, Basis.OURS, note, version=3))
    return tuple(found)


def drop_disambiguations(document: Document) -> Document | Dropped:
    meta, plain = document.meta, document.meta["plain"]
    wikitext, templates = ("", plain.templates) if plain else (document.text, ())
    goes = is_disambiguation(meta["title"], wikitext, meta["site"], templates)
    return drop(document, Reason.WIKIPEDIA_DISAMBIGUATION) if goes else document


def drop_lists(document: Document) -> Document | Dropped:
    """Text without markup shows no lists: there the title alone tells."""
    wikitext = "" if document.meta["plain"] else document.text
    goes = is_list(document.meta["title"], wikitext, document.meta["site"])
    return drop(document, Reason.WIKIPEDIA_LIST) if goes else document


def drop_redirects(document: Document) -> Document | Dropped:
    """By the dump's own mark, or by the first word of the page where an old dump has none."""
    redirects = document.meta["redirect"] is not None or (
        not document.meta["plain"] and is_redirect(document.text, document.meta["site"])
    )
    return drop(document, Reason.WIKIPEDIA_REDIRECT) if redirects else document


def markup_to_text(document: Document) -> Document:
    """Plain text, and of the metadata what a reader of the corpus wants; of Serbian its script as well."""
    meta = {name: document.meta[name] for name in ("title", "language", "url", "revision", "timestamp")}
    text = document.text.strip() if document.meta["plain"] else to_text(document.text, document.meta["site"])
    if has_two_scripts(document.meta["language"]):
        meta["script"] = script_of(text)
    return dataclasses.replace(document, text=text, meta=meta, weight=0)


def lead_of(article: Document) -> str:
    """The lead section of an article that is still as it was read."""
    plain = article.meta["plain"]
    return plain.opening_text.strip() if plain else lead_text(article.text, article.meta["site"])


def cited_by(article: Document) -> Iterable[str]:
    """The URLs that an article cites which is still as it was read."""
    plain = article.meta["plain"]
    return plain.links if plain else cited_urls(article.text)


def slices(dump: Input, recipe: WikipediaRecipe) -> list[Slice]:
    """A multistream dump is cut between its streams, so that it keeps all cores busy; another dump is one slice."""
    stem = stem_of(dump)
    if ".json" in PurePosixPath(dump.name).name:
        return [Slice(stem, dump, 0, dump.size, CIRRUS)]
    with open_read(dump.url) as file:
        ranges = find_slices(file, dump.size, int(recipe.slice_mb * MIB))
    whole = len(ranges) == 1
    return [Slice(stem if whole else f"{stem}-{start:012d}", dump, start, stop) for start, stop in ranges]


def read(piece: Slice, recipe: WikipediaRecipe, models: Mapping[str, str]) -> Iterator[Document | Damage]:
    """The pages of a slice as documents whose text is still wikitext, or the plain text that a search index has."""
    return _read_cirrus(piece, recipe) if piece.kind == CIRRUS else _read_xml(piece, recipe)


def _read_xml(piece: Slice, recipe: WikipediaRecipe) -> Iterator[Document | Damage]:
    with open_read(piece.input.url) as file:
        info = read_siteinfo(file)
        if isinstance(info, Damage):
            if (
                info.error == "no_siteinfo" and piece.start == 0
            ):  # any other damage to the head comes from read_pages too
                yield info
            info = _info_from_name(piece.input.name)
        elif piece.start == 0 and (named := language_of(piece.input.name)) not in ("und", info.language):
            yield Damage(0, "misnamed", f"by its name it is of {named}, by its head of {info.language}, which counts")
        info = _of_wikipedia(info)
        site = Site.of(info.language, info.namespaces, templates=recipe.templates == "text")
        for page in read_pages(file, piece.start, piece.stop, max_page_bytes=recipe.max_page_mb * MIB):
            yield page if isinstance(page, Damage) else _document(page, info.language, site)


def _read_cirrus(piece: Slice, recipe: WikipediaRecipe) -> Iterator[Document | Damage]:
    """Such a dump says of each page which wiki it is of; what it does not say are the wiki's names of namespaces."""
    sites: dict[str, Site] = {}
    with open_read(piece.input.url) as file:
        for page in read_cirrus(file, max_line_bytes=_CIRRUS_LINE_PAGES * recipe.max_page_mb * MIB):
            if isinstance(page, Damage):
                yield page
                continue
            named = _info_from_name(f"{page.dbname}-" if page.dbname else piece.input.name)
            is_unnamed = named.language == "und" and not page.dbname
            language = page.language or "und" if is_unnamed else _of_wikipedia(named).language
            if language not in sites:
                sites[language] = Site.of(language, {}, templates=recipe.templates == "text")
            plain = page.text if recipe.cirrus_text == "plain" else ""
            yield _document(page, language, sites[language], plain or ("" if page.wikitext else page.text))


def _of_wikipedia(info: SiteInfo) -> SiteInfo:
    """What another project is has another language: enwiktionary and others number their pages from 1 as well."""
    is_another = info.dbname and not info.dbname.endswith("wiki")
    return dataclasses.replace(info, language=info.dbname) if is_another else info


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
    dbname = PurePosixPath(name).name.partition("-")[0].removesuffix("_content")  # as newer Cirrus dumps are called
    known = dbname.endswith("wiki") and dbname != "wiki"
    return SiteInfo(dbname.removesuffix("wiki").replace("_", "-") if known else "und", dbname, "", {})


def _document(page: Page | CirrusPage, language: str, site: Site, plain: str = "") -> Document:
    """A page as it was read; `plain` is the text to take where that is not wikitext."""
    index = page if isinstance(page, CirrusPage) else None
    wikitext = index.wikitext if index else page.text
    meta = {
        "title": page.title,
        "language": language,
        "url": f"https://{language}.wikipedia.org/wiki/{quote(page.title.replace(' ', '_'))}",
        "revision": page.revision,
        "timestamp": page.timestamp,
        "namespace": page.namespace,
        "redirect": None if isinstance(page, CirrusPage) else page.redirect,
        "site": site,
        "plain": index if plain else None,
    }
    weight = sum(map(len, (index.text, index.wikitext, *index.links))) if index and plain else 0
    return Document(f"wikipedia:{language}/{page.id}", plain or wikitext, "wikipedia", meta, weight=weight)


def odd(recipe: WikipediaRecipe, models: Mapping[str, str], inputs: Collection[str]) -> list[str]:
    """A line on the languages that a recipe names itself, and of which no input is by its name."""
    there = set(map(language_of, inputs))
    missing = [language for language in recipe.languages if language not in there]
    if not missing or recipe.languages == LLAMA_WIKIPEDIAS or "und" in there:
        return []
    return [
        f"languages: no input is a dump of {', '.join(missing)}. Codes are those of the wikis' addresses (en, zh-yue)."
    ]


SOURCE = Source(
    "wikipedia",
    lambda recipe: "*.{xml,json}*",
    slices,
    read,
    steps,
    recipe=WikipediaRecipe,
    revision=lambda document: int(document.meta["revision"]),
    decides=lambda recipe: {
        "max_page_mb": recipe.max_page_mb,
        "cirrus_text": recipe.cirrus_text,
        "templates": recipe.templates,
    },
    odd=odd,
    version=3,
)
