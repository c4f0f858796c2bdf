"""Encyclopaedic articles in wikitext, grown from grammars written by hand: one YAML file a language, beside this one.

A grammar is a set of rules, and a rule a set of alternatives: the lines of a text, or the items of a list. Within an
article no alternative of a rule comes twice before all of them came once. In an alternative these are replaced:

    ⟨rule⟩           an alternative of the rule
    ⟨x=rule⟩ … ⟨x⟩   the same, and kept: x stands for it in the rest of the article
    ⟨x:=rule⟩        the same, kept without being written here
    ⟨x.1⟩ ⟨x.g⟩      another form of x, from `mouse ~ mice`: the second; the one for the gender of the article's subject
    ⟨2-4*rule⟩       two to four of them, joined by a space (*), a line end (+) or an empty line (¶)
    ⟨10..99⟩ ⟨x,⟩    a number; a number with its thousands set apart
    ⟨old/new⟩        one of these words; ⟨g:he/she⟩ the one for the gender of the article's subject
    ⟨@town⟩          a link to another town; ⟨@town.1⟩ its name without the link
    ⟨^rule⟩ ⟨!rule⟩  with a capital at the start; an alternative of the rule even where a bound word has its name
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

import yaml

Part = str | Callable[["_Draft"], str]
Template = tuple[Part, ...]

_NOTHING: Mapping[str, str] = MappingProxyType({})

#: The numbers of a subject by kind, `person_f` being a `person`: (name, the number it counts from, lowest, highest).
FACTS: Mapping[str, tuple[tuple[str, str, int, int], ...]] = MappingProxyType(
    {
        "person": (
            ("born", "", 1760, 1905),
            ("studied", "born", 18, 23),
            ("first", "studied", 3, 9),
            ("later", "first", 4, 14),
            ("died", "later", 3, 32),
        ),
        "town": (
            ("founded", "", 1080, 1540),
            ("charter", "founded", 30, 240),
            ("railway", "", 1846, 1899),
            ("closed", "railway", 55, 95),
            ("census", "", 2001, 2021),
            ("population", "", 600, 38000),
            ("elevation", "", 12, 940),
        ),
        "river": (
            ("length", "", 58, 310),
            ("basin", "", 410, 8800),
            ("mouth", "", 2, 190),
            ("spring", "mouth", 240, 1500),
            ("flood", "", 1882, 1990),
        ),
        "species": (("described", "", 1758, 1931), ("small", "", 2, 40), ("large", "small", 2, 25)),
        "machine": (("built", "", 1788, 1926), ("improved", "built", 3, 19), ("retired", "improved", 9, 48)),
        "festival": (("founded", "", 1690, 1931), ("revived", "founded", 25, 58), ("visitors", "", 900, 62000)),
    }
)


@dataclass(frozen=True, slots=True)
class Article:
    """The title of an article, and its wikitext."""

    title: str
    text: str


@cache
def load_language(language: str) -> Mapping[str, Any]:
    """The file of a language: names of its site, titles, and rules."""
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # every scalar a string: `no` is a word here
    file = resources.files(__package__).joinpath(f"{language}.yaml")
    loaded: dict[str, Any] = yaml.load(file.read_text(encoding="utf-8"), Loader=loader)
    return MappingProxyType(loaded)


class Prose:
    """All articles of one language and seed, each to be had by its number.

    >>> english = Prose("en", seed=0)
    >>> english.article(5) == Prose("en", seed=0).article(5) != Prose("en", seed=1).article(5)
    True
    """

    def __init__(self, language: str, seed: int) -> None:
        """Read the grammar of `language`, one of the YAML files here."""
        self.language, self.site = language, load_language(language)
        self.titles: dict[str, list[str]] = {
            kind: re.findall(r"⟨[^⟩]+⟩|[^⟨]+", pattern) for kind, pattern in self.site["titles"].items()
        }
        self.kinds = tuple(self.titles)
        self.salt = f"{seed}/{language}"
        self._rules = {name: tuple(map(_compile, _alternatives(rule))) for name, rule in self.site["rules"].items()}

    def article(self, number: int, version: int = 0) -> Article:
        """The article of this number (from 0); another version has the same title and another text."""
        turn, place = divmod(number, len(self.kinds))
        return self._write(self.kinds[place], turn, self.kinds[place], f"{number}/{version}")

    def page(self, rule: str, number: int, **words: str) -> Article:
        """A page that is no article (a talk, a template …), on the subject of the article of this number.

        `words` are bound before it is written, in place of those of the subject.
        """
        turn, place = divmod(number, len(self.kinds))
        return self._write(self.kinds[place], turn, rule, "/".join([rule, str(number), *words.values()]), words)

    def subject(self, kind: str, turn: int) -> tuple[str, dict[str, tuple[str, ...]]]:
        """The title of the `turn`-th subject of a kind, and the words that it is made of, with their forms.

        Titles do not repeat: the turns run through all combinations of the words, then begin again with a (2).
        """
        pieces = self.titles[kind]
        slots = [piece[1:-1] for piece in pieces if piece.startswith("⟨")]
        n_titles = self.n_titles(kind)
        step = next(n for n in range(int(n_titles * 0.381) + 1, 2 * n_titles + 2) if math.gcd(n, n_titles) == 1)
        index = turn * step % n_titles
        words: dict[str, tuple[str, ...]] = {}
        for slot in slots:
            index, choice = divmod(index, len(self._rules[slot]))
            words[slot] = tuple(str(self._rules[slot][choice][0]).split(" ~ "))
        title = "".join(words[piece[1:-1]][0] if piece.startswith("⟨") else piece for piece in pieces)
        return title + (f" ({turn // n_titles + 1})" if turn >= n_titles else ""), words

    def n_titles(self, kind: str) -> int:
        """How many subjects of a kind there are before titles need a number."""
        return math.prod(len(self._rules[piece[1:-1]]) for piece in self.titles[kind] if piece.startswith("⟨"))

    def _write(self, kind: str, turn: int, rule: str, salt: str, given: Mapping[str, str] = _NOTHING) -> Article:
        title, words = self.subject(kind, turn)
        draft = _Draft(self, random.Random(f"{self.salt}/{salt}"), dict(words))
        draft.bound["name"] = (title.partition(" (")[0],)
        draft.bound["title"] = (title,)
        draft.linked.add(title)
        for forms in words.values():
            if len(forms) > 1 and forms[-1] in ("m", "f", "n"):
                draft.gender = "mfn".index(forms[-1])
        for name, base, low, high in FACTS[kind.partition("_")[0]]:
            start = int(draft.bound[base][0]) if base else 0
            draft.bound[name] = (str(start + low + draft.below(high - low + 1)),)
        draft.bound |= {name: (word,) for name, word in given.items()}
        text = draft.draw(rule)
        return Article(title, re.sub(r"\n{3,}", "\n\n", re.sub(r" {2,}", " ", text)).strip())

    def rule(self, name: str) -> tuple[Template, ...]:
        """The alternatives of a rule."""
        return self._rules[name]


@dataclass(slots=True)
class _Draft:
    """An article in the making: what is bound, and what was used."""

    prose: Prose
    rng: random.Random
    bound: dict[str, tuple[str, ...]]
    gender: int = 0
    linked: set[str] = field(default_factory=set)
    unused: dict[str, list[int]] = field(default_factory=dict)

    def below(self, n: int) -> int:
        """A number from 0 to n - 1. Only random() is promised to give the same numbers in all versions of Python."""
        return int(self.rng.random() * n)

    def draw(self, name: str) -> str:
        """One alternative of a rule, written out, with all its forms."""
        alternatives = self.prose.rule(name)
        unused = self.unused.get(name)
        if not unused:
            unused = self.unused[name] = list(range(len(alternatives)))
        chosen = unused.pop(self.below(len(unused)))
        return "".join(part if isinstance(part, str) else part(self) for part in alternatives[chosen])

    def link(self, kind: str) -> str:
        """A link to a subject that the article has not linked to yet, and its bare name, as two forms."""
        title = self.bound["title"][0]
        while title in self.linked:
            title, _ = self.prose.subject(kind, self.below(self.prose.n_titles(kind)))
        self.linked.add(title)
        return f"[[{title}]] ~ {title}"

    def form(self, name: str, which: str) -> str:
        """A form of a bound word: the first by default, `g` by gender."""
        forms = self.bound[name]
        return forms[self.gender if which == "g" else int(which or 0)]


def _alternatives(rule: str | list[str]) -> list[str]:
    return rule.splitlines() if isinstance(rule, str) else [item.rstrip("\n") for item in rule]


def _compile(alternative: str) -> Template:
    pieces = re.split(r"⟨([^⟨⟩]+)⟩", alternative)
    return tuple(_slot(piece) if i % 2 else piece for i, piece in enumerate(pieces) if piece)


def _slot(slot: str) -> Callable[[_Draft], str]:
    """What stands between ⟨ and ⟩, as a function that writes it."""
    if slot.startswith("^"):
        inner = _slot(slot[1:])
        return lambda draft: (text := inner(draft))[:1].upper() + text[1:]
    if slot.startswith("!"):
        return lambda draft: draft.draw(slot[1:]).partition(" ~ ")[0]
    if slot.startswith("g:"):
        by_gender = slot[2:].split("/")
        return lambda draft: by_gender[draft.gender]
    if bind := re.fullmatch(r"(\w+)(:?)=(.+)", slot):
        return _binding(bind[1], _source(bind[3]), silent=bool(bind[2]))
    if many := re.fullmatch(r"(\d+)-(\d+)([*+¶])(.+)", slot):
        return _repeated(int(many[1]), int(many[2]), {"*": " ", "+": "\n", "¶": "\n\n"}[many[3]], many[4])
    if "/" in slot:
        words = slot.split("/")
        return lambda draft: words[draft.below(len(words))]
    source = _source(slot)
    return lambda draft: source(draft).partition(" ~ ")[0]


def _source(slot: str) -> Callable[[_Draft], str]:
    """The slots that can be bound, with all their forms: a number, a link, a word that is bound already, a rule."""
    if number := re.fullmatch(r"(\d+)\.\.(\d+)(,?)", slot):
        low, n = int(number[1]), int(number[2]) - int(number[1]) + 1
        return lambda draft: _grouped(draft, str(low + draft.below(n)), number[3])
    if slot.startswith("@"):
        kind, bare, _ = slot[1:].partition(".1")
        return lambda draft: draft.link(kind).partition(" ~ ")[2] if bare else draft.link(kind)
    if form := re.fullmatch(r"(.+)\.([\dg])", slot):
        return lambda draft: draft.form(form[1], form[2])
    name, comma = slot.removesuffix(","), slot[len(slot.removesuffix(",")) :]
    return lambda draft: _grouped(draft, draft.form(name, ""), comma) if name in draft.bound else draft.draw(name)


def _grouped(draft: _Draft, digits: str, comma: str) -> str:
    return f"{int(digits):,}".replace(",", draft.prose.site["thousands"]) if comma else digits


def _binding(name: str, source: Callable[[_Draft], str], silent: bool) -> Callable[[_Draft], str]:
    def bind(draft: _Draft) -> str:
        if name not in draft.bound:
            draft.bound[name] = tuple(source(draft).split(" ~ "))
        return "" if silent else draft.bound[name][0]

    return bind


def _repeated(low: int, high: int, glue: str, rule: str) -> Callable[[_Draft], str]:
    def repeat(draft: _Draft) -> str:
        return glue.join([draft.draw(rule) for _ in range(low + draft.below(high - low + 1))])

    return repeat
