"""Kinds of articles that a recipe may leave out: pages that tell the meanings of a title apart, and lists.

Source: MediaWiki's extension Disambiguator for `__DISAMBIG__`; `wikitext_names.yaml` for templates and titles.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from .wikitext import list_share
from .wikitext_site import Site, names

MIN_LIST_SHARE = 0.9
"""Share of a page's text that stands in items of lists, from which on the page is nothing but a list."""
_TEMPLATE = re.compile(r"\{\{\s*+([^{}|<>\[\]\n]++)")
_SWITCH = "__DISAMBIG__"
_ANYWHERE = ("disambig", "disambiguation")


def is_disambiguation(title: str, wikitext: str, site: Site, templates: Iterable[str] = ()) -> bool:
    """Does the page only tell apart what its title may mean: by its title, by a template, or by MediaWiki's switch?

    `templates` are those that the page is known to use beside; the name of their namespace may stand before them.

    >>> german = Site.of("de", {})
    >>> is_disambiguation("Bank", "* ein Möbel\\n{{Begriffsklärung}}", german)
    True
    >>> is_disambiguation("A (Begriffsklärung)", "", german), is_disambiguation("A", "", german, ["Vorlage:Disambig"])
    (True, True)
    >>> is_disambiguation("Bank", "{{Begriffsklärungshinweis}}", german)
    False
    """
    used = (*(found[1] for found in _TEMPLATE.finditer(wikitext)), *templates)
    known = _disambiguates(site.language)
    return (
        _titled(site.language).search(title) is not None
        or _SWITCH in wikitext
        or any(known.fullmatch(site.template_name(name).replace("_", " ").strip()) for name in used)
    )


@cache
def _disambiguates(language: str) -> re.Pattern[str]:
    named = (*_ANYWHERE, *names()["disambiguation_templates"].get(language, ()))
    return re.compile("|".join(re.escape(name).replace(r"\*", ".*") for name in named), re.IGNORECASE)


@cache
def _titled(language: str) -> re.Pattern[str]:
    titles = names()["disambiguation_titles"].get(language, ("disambiguation",))
    return re.compile(rf". \((?:{'|'.join(map(re.escape, titles))})\)$", re.IGNORECASE)


def is_list(title: str, wikitext: str, site: Site) -> bool:
    """Is the page a list: does its title say so, or do nine tenths of its text stand in items of lists?

    Data of tables is no text, so that a page of one table is known by its title alone.

    >>> english = Site.of("en", {})
    >>> is_list("List of rivers", "", english), is_list("Rivers", "", english)
    (True, False)
    >>> is_list("Rivers", "* [[Nile]]\\n* [[Rhine]]", english)
    True
    """
    pattern = names()["list_titles"].get(site.language)
    by_title = pattern is not None and _compiled(pattern).match(title) is not None
    return by_title or list_share(wikitext, site) >= MIN_LIST_SHARE


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
