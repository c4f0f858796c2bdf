"""Pages of a small invented web: sites with their frames, articles of `prose.py`, shops, forums, and the usual junk.

The pages of archives are what an encyclopaedia cites: an article or two, where its papers lie, and a list of works.

The sites of a language, and what they write around and under articles, are in web_<language>.yaml, in the grammar of
`prose.py`. A page is what CommonCrawl's extraction leaves of one: its title, then a line for each block.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from types import MappingProxyType
from urllib.parse import quote

from ..filters.wikitext import Site as Wiki
from ..filters.wikitext import to_text
from .prose import Prose

_CYCLE = """
    article product reference comments list article forum syndicated reference numbers
    product reference bilingual comments article short forum product syndicated reference
    list article frame comments product reference forum bilingual links syndicated
    reference mojibake product comments article list forum spam article twin
    article product short comments article consonants forum list reference repeated
    """
#: What fifty pages in a row are. A twin is the page before it, under http for https or the reverse.
CYCLE = tuple(_CYCLE.split())

#: Of a hundred pages, how many are in each language.
LANGUAGES: Mapping[str, int] = MappingProxyType({"en": 55, "de": 14, "fr": 11, "es": 10, "bg": 6, "tr": 4})

#: Of a hundred pages of a kind, how many an encyclopaedia cites: most of the careful ones, now and then another.
CITED: Mapping[str, int] = MappingProxyType({"reference": 70, "article": 15})

_GENRE = {"product": "shop", "forum": "forum", "bilingual": "bilingual", "spam": "spam", "reference": "archive"}
_ENGLISH_ONLY = frozenset({"syndicated", "spam", "frame", "links"})
_NOT_ENGLISH = frozenset({"bilingual", "mojibake"})
_VERSION = 2  # of articles that the Wikipedia sample has in another version: the same subjects, other words
_CP1252 = {byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(128, 160)}


@dataclass(frozen=True, slots=True)
class Page:
    """A page as crawled. `languages` are those of its article, then of its frame if that has another."""

    url: str
    languages: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class _Site:
    name: str
    address: str
    top: str
    bottom: str


def mojibake(text: str) -> str:
    """The text as a program shows it that takes UTF-8 for Windows-1252.

    >>> mojibake("Käfer – été")
    'KÃ¤fer â€“ Ã©tÃ©'
    """
    return text.encode().decode("latin-1").translate(_CP1252)


class Web:
    """All pages of one seed, each to be had by its number.

    >>> web = Web(seed=0)
    >>> web.page(3) == Web(seed=0).page(3) != Web(seed=1).page(3)
    True
    """

    def __init__(self, seed: int) -> None:
        """Read the sites of all languages."""
        self._seed = seed
        english = Prose("web_en", seed)
        self._locals = {language: _Local(language, seed, english) for language in LANGUAGES}

    def page(self, number: int) -> Page:
        """The page of this number (from 0); of fifty in a row each has its kind in `CYCLE`."""
        kind = CYCLE[number % len(CYCLE)]
        if kind == "twin":
            twin = self.page(number - 1)
            scheme, rest = twin.url.split(":", 1)
            return replace(twin, url=f"{'http' if scheme == 'https' else 'https'}:{rest}")
        rng = random.Random(f"{self._seed}/web/{number}")
        local = self._local(kind, rng)
        genre = _GENRE.get(kind, "magazine")  # the others' are magazines
        sites = local.sites[genre]
        match kind:
            case "syndicated":
                site = sites[number % len(sites)]  # another one each time
            case "frame":
                site = sites[0]  # the largest, so that no line of it is alone
            case _:
                site = sites[_low(len(sites), rng)]
        title, body = self._body(kind, local, number, rng)
        if kind == "short":
            return Page(f"{site.address}/{number}", (local.language,), "\n".join([site.name, *body, site.name, ""]))
        text = _framed(site, title, "\n".join(body), rng)
        languages = (local.language, "en") if genre == "bilingual" else (local.language,)
        return Page(_url(site, genre, title, number), languages, mojibake(text) if kind == "mojibake" else text)

    def cites(self, number: int) -> bool:
        """Whether an encyclopaedia cites the page of this number: none that has a twin, so that one page is meant."""
        kind, following = CYCLE[number % len(CYCLE)], CYCLE[(number + 1) % len(CYCLE)]
        place = random.Random(f"{self._seed}/cited/{number}").random()
        return following != "twin" and 100 * place < CITED.get(kind, 0)

    def plain_page(self, number: int) -> Page:
        """An article put together from a pool of sentences: far quicker than `page`, and its lines are its own too."""
        rng = random.Random(f"{self._seed}/plain/{number}")
        local = self._local("article", rng)
        sites, pool, n = local.sites["magazine"], local.sentences, len(local.sentences)
        site = sites[_low(len(sites), rng)]
        title = local.title(number)
        lines = [
            " ".join([pool[int(n * rng.random())] for _ in range(2 + int(5 * rng.random()))])
            for _ in range(3 + _low(20, rng))
        ]
        text = _framed(site, title, "\n".join([title, *lines, *local.related(number, rng)]), rng)
        return Page(_url(site, "magazine", title, number), (local.language,), text)

    def _local(self, kind: str, rng: random.Random) -> _Local:
        """The language of a page."""
        names, weights = list(LANGUAGES), list(LANGUAGES.values())
        if kind in _ENGLISH_ONLY:
            return self._locals["en"]
        start = 1 if kind in _NOT_ENGLISH else 0
        place = rng.random() * sum(weights[start:])
        while place >= weights[start]:
            place -= weights[start]
            start += 1
        return self._locals[names[start]]

    def _body(self, kind: str, local: _Local, number: int, rng: random.Random) -> tuple[str, list[str]]:
        """The title of a page, and what stands in its frame."""
        words = local.words
        match kind:
            case "product":
                product = words.page("product", number)
                return _bare(product.title), product.text.split("\n")
            case "forum":
                lines = words.page("forum", number).text.split("\n")
                return lines[1], lines
            case "short":
                return "", [words.page("short", number).text]
            case "frame":
                return words.page("menu", number).text, []
            case "spam":
                keywords = [words.page("spam", 3 * number + n) for n in range(3)]
                return keywords[0].title, [each.text for each in keywords]
            case "links":
                return words.page("menu", number).text, words.page("links", number).text.split("\n")
            case "reference":
                title, lines = local.articles(number, 1 + int(2 * rng.random()))
                return title, [*lines, *words.page("reference", number, name=title).text.split("\n")]
            case "numbers":
                return words.page("menu", number).text, _table(rng)
            case "consonants":
                return words.page("menu", number).text, _consonants(rng)
        if kind == "syndicated":  # the same in all three of its papers, so nothing here may come from the page
            number = number // len(CYCLE) * len(CYCLE) + CYCLE.index(kind)
            rng = random.Random(f"{self._seed}/syndicated/{number}")
        title, lines = local.articles(number, 1 + int(4 * rng.random()))
        lines[1:1] = [words.page("byline", number).text]
        if kind == "list":
            lines += words.page("list", number).text.split("\n")
        if kind == "repeated":
            lines[4:4] = [words.page("repeated", number).text] * (30 + int(50 * rng.random()))
        if kind == "comments":
            lines += words.page("comments", number).text.split("\n")
        return title, [*lines, *local.related(number, rng)]


class _Local:
    """What a language has: prose, words of the web, sites."""

    def __init__(self, language: str, seed: int, english: Prose) -> None:
        self.language = language
        self.prose = Prose(language, seed)
        self.words = Prose(f"web_{language}", seed)
        numbers = count(1)
        self.sites = {
            genre: [
                _site(english if genre == "bilingual" else self.words, next(numbers), *site) for site in hosts.items()
            ]
            for genre, hosts in self.words.site["sites"].items()
        }
        self._wiki = Wiki.of(language, dict(enumerate(self.prose.site["namespaces"], start=-2)))

    def title(self, number: int) -> str:
        """The subject of the article of this number."""
        turn, place = divmod(number, len(self.prose.kinds))
        return _bare(self.prose.subject(self.prose.kinds[place], turn)[0])

    def articles(self, number: int, n_articles: int) -> tuple[str, list[str]]:
        """The title of the first of some articles that no other page has, and their lines, titles included."""
        lines: list[str] = []
        for each in range(6 * number, 6 * number + n_articles):
            lines += self._article(each)
        return lines[0], lines

    def _article(self, number: int) -> Iterator[str]:
        article = self.prose.article(number, _VERSION)
        yield _bare(article.title)
        yield from filter(None, to_text(article.text, self._wiki).split("\n"))

    @cached_property
    def sentences(self) -> Sequence[str]:
        """The sentences of some hundred articles, without their headings."""
        lines = [line for number in range(400) for line in self._article(number)]
        found = [sentence for line in lines for sentence in re.split(r"(?<=[.!?]) ", line) if len(sentence) > 30]
        return list(dict.fromkeys(found))

    def related(self, number: int, rng: random.Random) -> list[str]:
        """A heading, and the titles of some other articles."""
        return [self.words.page("related", number).text, *(self.title(int(9999 * rng.random())) for _ in range(3))]


def _bare(title: str) -> str:
    """A title without the number that keeps it from being another's."""
    return title.partition(" (")[0]


def _low(n: int, rng: random.Random) -> int:
    """A number from 0 to n - 1, the low ones more often. (A power would not be the same float everywhere.)"""
    return int(n * rng.random() * rng.random())


def _site(words: Prose, number: int, name: str, host: str) -> _Site:
    """A site, with a frame of its own."""
    scheme = "https" if number % 2 else "http"
    return _Site(name, f"{scheme}://{host}", words.page("top", number).text, words.page("bottom", number).text)


def _framed(site: _Site, title: str, body: str, rng: random.Random) -> str:
    """A page within the frame of its site; numbers in the frame are other ones on each page."""
    year = str(2018 + int(2 * rng.random()))
    lines = [f"{title} | {site.name}", site.top, body, site.bottom, ""] if body else [title, site.top, site.bottom, ""]
    text = "\n".join(lines).replace("{site}", site.name).replace("{year}", year)
    return re.sub(r"\{n\}", lambda _: str(100 + int(900 * rng.random())), text)


def _url(site: _Site, genre: str, title: str, number: int) -> str:
    """An address as shops, forums and magazines form them."""
    if genre == "shop":
        return f"{site.address}/item/{number}"
    if genre == "forum":
        return f"{site.address}/viewtopic.php?f={number % 7}&t={number}"
    slug = re.sub(r"\W+", "-", title.lower()).strip("-")
    if genre == "archive":
        return f"{site.address}/catalogue/{quote(slug)}?entry={number}&view=full"
    return f"{site.address}/{quote(slug)}-{number}/"


def _table(rng: random.Random) -> list[str]:
    """Rows of measurements, of differing lengths, so that they differ with all digits alike too."""
    return [
        " ".join([f"{rng.random() * 10 ** int(5 * rng.random()):.{int(3 * rng.random())}f}" for _ in range(12)])
        for _ in range(40)
    ]


def _consonants(rng: random.Random) -> list[str]:
    """Words of no language."""
    letters = "bcdfghjklmnpqrstvwxz"

    def word() -> str:
        return "".join([letters[int(20 * rng.random())] for _ in range(2 + int(8 * rng.random()))])

    return [" ".join([word() for _ in range(14)]) for _ in range(30)]
