"""What a wiki's names mean in its wikitext: namespaces, language prefixes, redirect words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import yaml

from .wikitext_templates import templates_of

FILE, TEMPLATE, CATEGORY = 6, 10, 14


@cache
def names() -> Mapping[str, Any]:
    """The data file `wikitext_names.yaml`, read once.

    >>> names()["files"]["de"]
    ['Datei', 'Bild']
    """
    source = resources.files(__package__).joinpath("wikitext_names.yaml")
    loaded: Mapping[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    return loaded


@cache
def _redirect(language: str) -> re.Pattern[str]:
    words = "|".join(map(re.escape, ("redirect", *names()["redirects"].get(language, ()))))
    return re.compile(rf"\s*+#\s*+(?:{words})\s*+(?::\s*+)?\[\[", re.IGNORECASE)


@dataclass(frozen=True)
class Site:
    """One wiki. Namespace names and prefixes are in lower case, with spaces for underscores.

    `namespaces` maps a name to its number (6: files, 14: categories); `prefixes` are those of other languages and
    other wikis (`de`, `wikt`); `templates` are those that stand for text (`wikitext_templates.py`), all others go.
    """

    language: str
    namespaces: Mapping[str, int] = field(hash=False, repr=False)
    prefixes: frozenset[str] = field(repr=False)
    templates: Mapping[str, str] = field(hash=False, repr=False)

    @classmethod
    def of(cls, language: str, names_in_dump: Mapping[int, str], *, templates: bool = True) -> Site:
        """The wiki of a language; its dump's own namespace names (number to name) join the known ones.

        Without `templates` all templates go.

        >>> site = Site.of("de", {6: "File", 4: "Wikipedia", 0: ""})
        >>> site.namespaces["datei"], site.namespaces["wikipedia"], "fr" in site.prefixes
        (6, 4, True)
        """
        data = names()
        known = {name.lower(): number for name, number in data["english"].items()}
        known |= {name.lower(): FILE for name in data["files"].get(language, ())}
        known |= {name.lower(): TEMPLATE for name in data["templates"].get(language, ())}
        known |= {name.lower(): CATEGORY for name in data["categories"].get(language, ())}
        known |= {name.replace("_", " ").lower(): number for number, name in names_in_dump.items() if name}
        prefixes = frozenset(f"{data['languages']} {data['projects']}".split())
        return cls(language, known, prefixes.difference(known), templates_of(language) if templates else {})

    def template_name(self, name: str) -> str:
        """The name of a template without its namespace.

        >>> Site.of("de", {}).template_name("Vorlage:Lang"), ENGLISH.template_name(" c:d")
        ('Lang', ' c:d')
        """
        prefix, _, rest = name.partition(":")
        return rest if self.namespaces.get(prefix.strip().lower()) == TEMPLATE else name


ENGLISH = Site.of("en", {})


def is_redirect(wikitext: str, site: Site = ENGLISH) -> bool:
    """Does the page only point to another one, in English or in the site's language?

    >>> german = Site.of("de", {})
    >>> is_redirect("#REDIRECT [[Hund]]", german), is_redirect("#WEITERLEITUNG [[Hund]]", german)
    (True, True)
    >>> is_redirect("# one [[item]]")
    False
    """
    return _redirect(site.language).match(wikitext) is not None
