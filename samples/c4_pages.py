"""Pages that give each rule of C4 something to do: articles of `prose.py` in the frames of `web.py`'s magazines.

What stands in or beside the articles is in c4_en.yaml, in the grammar of `prose.py`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote

from ..filters.wikitext import Site as Wiki
from ..filters.wikitext import to_text
from .prose import Prose, load_language
from .web import Page

_CYCLE = """
    article quoted menu foreign cited stub comments again syndicated policy
    lorem article overlapping foreign brace menu product cited stub article
    foreign again unsure long_word quoted article menu brace syndicated foreign
    comments stub policy article badword repeated lorem overlapping again menu
    brace article foreign cited quoted stub forum stub menu article
    syndicated policy foreign lorem overlapping article again brace stub menu
    """
#: What sixty pages in a row are. `again` is an article of the same sixty under (nearly) the same address, rewritten.
CYCLE = tuple(_CYCLE.split())

#: The languages of foreign pages, in turn.
FOREIGN = ("de", "fr", "es", "bg", "de", "fr", "tr")

MAX_CHARS = 190_000  # of a page, by C4's rule

# In turn, the rules of c4_en.yaml for a line that one page of a kind has.
_LINES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "lorem": ("lorem", "lorem_quoted", "lorem_heading"),
    "brace": ("brace", "brace_code", "brace_css", "brace_script"),
    "badword": ("bad_inside", "bad_part", "bad_first", "bad_last"),
})  # fmt: skip
_STUB_SENTENCES = (1, 2, 1, 2, 3)  # in turn
_MARKS = (".", ".", ".[#]", ".[#][#]", " [#].", ". [#]", "[citation needed].", ".[citation needed]", ".[]")
_ARTICLES = 4  # on a page, at most: each page has so many of its own
_REWRITTEN = 1  # the version of an article that `again` has
_CLEAN_NUMBER = 1 << 20  # of the first page without a frame: its articles are far from the others


def kind_of(number: int) -> tuple[str, int]:
    """What the page of this number is, and how many such pages there are before it.

    >>> kind_of(0), kind_of(1), kind_of(61)
    (('article', 0), ('quoted', 0), ('quoted', 3))
    """
    turn, place = divmod(number, len(CYCLE))
    kind = CYCLE[place]
    return kind, turn * CYCLE.count(kind) + CYCLE[:place].count(kind)


def again_of(number: int) -> int:
    """The number of the article whose address the page of this number, an `again`, has once more.

    >>> again_of(7), again_of(21), again_of(67)
    (0, 11, 60)
    """
    articles = [place for place, kind in enumerate(CYCLE) if kind == "article"]
    _, before = kind_of(number)
    return number - number % len(CYCLE) + articles[before % CYCLE.count("again")]


def badwords() -> list[str]:
    """The invented words that no page may have, and a phrase."""
    return list(load_language("c4_en")["badwords"])


def same_address(url: str, turn: int) -> str:
    """An address that C4 takes for the same: each turn another way.

    >>> [same_address("http://www.a.example/b-1/", turn) for turn in range(4)]
    ['http://www.a.example/b-1/', 'https://www.a.example/b-1/', 'http://a.example/b-1/', 'http://www.a.example/b-1']
    >>> [same_address("https://a.example/b-1/", turn) for turn in (2, 4, 5, 6, 7)]  # doctest: +NORMALIZE_WHITESPACE
    ['https://www.a.example/b-1/', 'https://a.example/b-1?utm_source=letter&utm_medium=email',
     'https://a.example/b-1/?ref=home', 'https://a.example/b-1?feed=rss2', 'http://www.a.example/b-1?utm_campaign=may']
    """
    scheme, _, rest = url.partition("://")
    host, _, path = rest.removesuffix("/").partition("/")
    other_scheme = "https" if scheme == "http" else "http"
    other_host = host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"
    return (
        url,
        f"{other_scheme}://{rest}",
        f"{scheme}://{other_host}/{path}/",
        f"{scheme}://{host}/{path}",
        f"{scheme}://{host}/{path}?utm_source=letter&utm_medium=email",
        f"{scheme}://{host}/{path}/?ref=home",
        f"{scheme}://{host}/{path}?feed=rss2",
        f"{other_scheme}://{other_host}/{path}?utm_campaign=may",
    )[turn % 8]


class Pages:
    """All pages of one seed, each to be had by its number.

    >>> Pages(seed=0).page(3) == Pages(seed=0).page(3) != Pages(seed=1).page(3)
    True
    """

    def __init__(self, seed: int) -> None:
        """Read the grammars of all languages."""
        self._seed = seed
        self._words = Prose("c4_en", seed)
        self._languages = {language: _Language(language, seed) for language in ("en", *FOREIGN)}
        self._english = self._languages["en"]

    def page(self, number: int) -> Page:
        """The page of this number (from 0), of the kind that `kind_of` tells."""
        kind, turn = kind_of(number)
        site, rng = self._site(number), self._rng(number)
        match kind:
            case "again":
                first = again_of(number)
                site = self._site(first)
                title, lines = self._english.articles(first, 3, _REWRITTEN)
                url = same_address(_url(site, title, first), turn)
                return Page(url, ("en",), self._framed(site, title, lines, rng))
            case "foreign":
                local = self._languages[FOREIGN[turn % len(FOREIGN)]]
                site = local.sites[turn % len(local.sites)]
                title, lines = local.articles(number, _ARTICLES)
                return Page(_url(site, title, number), (local.language,), _in_frame(site, title, lines, rng))
            case "unsure":
                title, lines = self._half_german(number)
                return Page(_url(site, title, number), ("en", "de"), self._framed(site, title, lines, rng))
            case "stub":
                n_sentences = _STUB_SENTENCES[turn % len(_STUB_SENTENCES)]
                notices = " ".join([self._words.page("notice", 3 * number + n).text for n in range(n_sentences)])
                return Page(f"{site.address}/{number}", ("en",), f"{site.name}\n{notices}\n{site.name}\n")
            case "syndicated":  # the same article in three papers
                site = self._english.sites[turn % len(self._english.sites)]
        title, lines = self._body(kind, turn, number, rng)
        return Page(_url(site, title, number), ("en",), self._framed(site, title, lines, rng))

    def long_page(self, number: int, *, over: bool = False) -> Page:
        """A page of articles: as many as `MAX_CHARS` has room for, or if `over` one number's more."""
        site = self._site(number)
        title, lines = self._english.articles(number, 1)
        text = self._framed(site, title, lines, self._rng(number))
        while len(text) <= MAX_CHARS:
            number += 2  # those between are another long page's
            shorter, lines = text, [*lines, *self._english.articles(number, _ARTICLES)[1]]
            text = self._framed(site, title, lines, self._rng(number))
        return Page(_url(site, title, number), ("en",), text if over else shorter)

    def clean_page(self, number: int) -> Page:
        """An article as C4 leaves one: whole sentences alone, and no frame."""
        title, lines = self._english.articles(_CLEAN_NUMBER + number, _ARTICLES)
        text = "\n".join([line for line in lines if line.endswith(".") and line.count(" ") >= 4])
        return Page(_url(self._site(number), title, number), ("en",), text)

    def _body(self, kind: str, turn: int, number: int, rng: random.Random) -> tuple[str, list[str]]:
        """The title of an English page, and what stands in its frame: an article, and what the kind is named for."""
        words, web = self._words, self._english.web
        if kind in ("product", "forum", "menu"):
            lines = web.page("list" if kind == "menu" else kind, number).text.split("\n")
            return lines[0 if kind == "menu" else 1], lines
        own = number - number % len(CYCLE) + CYCLE.index(kind) if kind == "syndicated" else number
        title, lines = self._english.articles(own, 2 + own % 3)
        middle = len(lines) // 2
        match kind:
            case "comments":
                lines += web.page("comments", number).text.split("\n")
            case "cited":
                lines = _cited(lines, rng)
            case "policy":
                notes = [words.page(rule, 3 * number + n).text for rule in ("policy", "script") for n in range(3)]
                lines = [lines[0], *notes[:2], *lines[1:], *notes[2:]]
            case "long_word":
                lines[middle:middle] = [f"The code {_letters(n, rng)} was printed below it." for n in (1000, 1001)]
            case "lorem" | "brace" | "badword":
                rule, word = _LINES[kind][turn % len(_LINES[kind])], badwords()[turn * 5 % len(badwords())]
                lines.insert(middle, words.page(rule, number, word=word).text)
            case "quoted" | "overlapping":
                lines[middle:middle] = [words.page("quoting", number).text, *self._passage(kind, turn)]
            case "repeated":
                passage = " ".join(self._memories(kind, turn)[:4])
                lines = [*lines[:middle], passage, *lines[middle:], passage]
        return title, lines

    def _passage(self, kind: str, turn: int) -> list[str]:
        """Lines of sentences that three pages quote, not all in the same lines, or parts that overlap."""
        memories, part = self._memories(kind, turn // 3), turn % 3
        if kind == "overlapping":
            return memories[4:] if part == 2 else [" ".join(memories[2 * part : 2 * part + 5])]
        return [" ".join(memories[:3]), " ".join(memories[3:6])] if part == 2 else [" ".join(memories[:6])]

    def _memories(self, kind: str, number: int) -> list[str]:
        """Eight sentences, others for each kind."""
        return self._words.page("passage", number, kind=kind).text.split("\n")

    def _half_german(self, number: int) -> tuple[str, list[str]]:
        """Lines in English and German in turn."""
        title, english = self._english.articles(number, _ARTICLES)
        _, german = self._languages["de"].articles(number, _ARTICLES)
        return title, [line for pair in zip(english, german, strict=False) for line in pair]

    def _rng(self, number: int) -> random.Random:
        return random.Random(f"{self._seed}/c4/{number}")

    def _site(self, number: int) -> _Site:
        """The magazine of a page: the first ones have more pages."""
        rng, sites = random.Random(f"{self._seed}/c4/site/{number}"), self._english.sites
        return sites[int(len(sites) * rng.random() * rng.random())]

    def _framed(self, site: _Site, title: str, lines: list[str], rng: random.Random) -> str:
        """A page in the frame of its English site; every second site tells on all its pages what it is."""
        place = self._english.sites.index(site)
        about = [self._words.page("about", place).text] if place % 2 else []
        return _in_frame(site, title, [*lines, *about], rng)


class _Site(NamedTuple):
    name: str
    address: str
    top: str
    bottom: str


class _Language:
    """What a language has: articles, and sites."""

    def __init__(self, language: str, seed: int) -> None:
        self.language = language
        self.web = Prose(f"web_{language}", seed)
        self._prose = Prose(language, seed)
        self._wiki = Wiki.of(language, dict(enumerate(self._prose.site["namespaces"], start=-2)))

    @cached_property
    def sites(self) -> list[_Site]:
        """The magazines; every second is on https."""
        return [
            _Site(
                name,
                f"{'https' if number % 2 else 'http'}://{host}",
                self.web.page("top", number).text,
                self.web.page("bottom", number).text,
            )
            for number, (name, host) in enumerate(self.web.site["sites"]["magazine"].items())
        ]

    def articles(self, number: int, n: int, version: int = 0) -> tuple[str, list[str]]:
        """The title of the first of `n` articles that no other page has, and the lines of all, titles included.

        Formulas are left out, so that braces are only where they are meant to be.
        """
        lines: list[str] = []
        for each in range(_ARTICLES * number, _ARTICLES * number + n):
            article = self._prose.article(each, version)
            text = to_text(article.text, self._wiki)
            lines += [_bare(article.title), *(line for line in text.split("\n") if line and "{" not in line)]
        return lines[0], lines


def _in_frame(site: _Site, title: str, lines: list[str], rng: random.Random) -> str:
    """A page within the frame of its site; numbers in the frame are other ones on each page."""
    text = "\n".join([f"{title} | {site.name}", site.top, *lines, site.bottom, ""])
    text = text.replace("{site}", site.name).replace("{year}", "2019")
    return re.sub(r"\{n\}", lambda _: str(100 + int(900 * rng.random())), text)


def _bare(title: str) -> str:
    """A title without the number that keeps it from being another's."""
    return title.partition(" (")[0]


def _url(site: _Site, title: str, number: int) -> str:
    slug = re.sub(r"\W+", "-", title.lower()).strip("-")
    return f"{site.address}/{quote(slug)}-{number}/"


def _cited(lines: list[str], rng: random.Random) -> list[str]:
    """Lines as an encyclopaedia has them: marks at the ends of sentences, some behind a space, and at headings."""

    def mark(_: re.Match[str]) -> str:
        return _MARKS[int(len(_MARKS) * rng.random())].replace("#", str(1 + int(40 * rng.random())))

    return [
        re.sub(r"(?<=[a-z])\.(?= [A-Z]|$)", mark, line) if line.endswith(".") else f"{line}[edit]" for line in lines
    ]


def _letters(length: int, rng: random.Random) -> str:
    """A word of so many letters."""
    return "".join([chr(97 + int(26 * rng.random())) for _ in range(length)])
