"""How articles of the Wikipedia sample cite pages of the CommonCrawl sample: in references, and as external links."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from .prose import Prose
from .web import Page

_LANGUAGES = ("en", "de", "fr", "es", "bg")
_HEADING = "\n\n== "


@dataclass(frozen=True, slots=True)
class Citation:
    """The title of a page, and its address as the article gives it."""

    title: str
    url: str


def citations(
    pages: Iterable[Page], articles: Mapping[str, Sequence[int]], seed: int
) -> dict[str, dict[int, list[Citation]]]:
    """What each article cites, by language and number; a page is cited in its own language three times of four.

    `articles` are the numbers of those that may cite, by language.
    """
    found: dict[str, dict[int, list[Citation]]] = {language: {} for language in articles}
    for place, page in enumerate(pages):
        rng = random.Random(f"{seed}/citing/{page.url}")
        language = page.languages[0] if rng.random() < 0.75 else _LANGUAGES[int(len(_LANGUAGES) * rng.random())]
        language = language if language in _LANGUAGES else _LANGUAGES[0]
        number = articles[language][int(len(articles[language]) * rng.random())]
        citation = Citation(page.text.partition(" | ")[0], as_cited(page.url, place))
        found[language].setdefault(number, []).append(citation)
    return found


def as_cited(url: str, place: int) -> str:
    """An address as an editor may give it: in three of ten places not as it was crawled.

    >>> as_cited("http://a.example/", 2), as_cited("http://a.example/", 4)
    ('https://a.example/', 'http://a.example/#sources')
    """
    scheme, _, rest = url.partition(":")
    match place % 10:
        case 2:
            return f"{'http' if scheme == 'https' else 'https'}:{rest}"
        case 4:
            return f"{url}#sources"
        case 8:
            return f"https://web.archive.org/web/20181104093015/{url}"
    return url


def cite(text: str, cited: Iterable[Citation], prose: Prose, number: int) -> str:
    """An article with references at the end of its lead section, and with external links before its last section."""
    for each in cited:
        find: Callable[[str, str], int]
        if random.Random(f"{prose.salt}/cited/{each.url}").random() < 0.7:
            find, glue, rule = str.find, "", "citation"
        else:
            find, glue, rule = str.rfind, "\n\n", "links"
        cut = place if (place := find(text, _HEADING)) >= 0 else len(text)
        text = f"{text[:cut]}{glue}{prose.page(rule, number, url=each.url, page=each.title).text}{text[cut:]}"
    return text
