"""Templates that stand for a piece of running text: `{{lang|de|Wald}}`, `{{convert|5|km|mi}}`, `{{nowrap|5 km}}`.

Others go. Nothing is expanded: `wikitext_templates.yaml` says which parameter is the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml

from .wikitext_digits import as_written
from .wikitext_numbers import COMPUTED

_PART = re.compile(r"\{([^{}?:]+)(:,)?(\??)\}")
_LINK_OR_SEPARATOR = re.compile(r"\[\[[^\[\]]*+\]\]|(\|)")
_NAME = re.compile(r"\s*([^\s=<>\[\]]+)\s*=")
_NUMBER = re.compile(r"[1-9][0-9]?")
_FORMATNUM = "formatnum:"
_COMPUTED, _IN_FULL = "=", "#"
_FORMATTING = frozenset(("-1", "abbr", "class", "df", "id", "lang", "link", "lk", "nolink", "style"))
"""Parameters that show nothing of their own."""
_MAX_CHARS = 4000  # of a template with a text


@cache
def _data() -> Mapping[str, Any]:
    source = resources.files(__package__).joinpath("wikitext_templates.yaml")
    loaded: Mapping[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    return loaded


@cache
def _data_of(language: str) -> Mapping[str, Any]:
    """What the functions of wikitext_numbers.py read: of `numbers`, those of the language."""
    return {**_data(), "numbers": _data()["numbers"].get(language, {})}


@cache
def templates_of(language: str) -> Mapping[str, str]:
    """The templates of a Wikipedia that stand for text: name, its first letter small → its format.

    >>> templates_of("de")["zitat"], templates_of("en")["convert"]
    ('{text/1}', '=quantity')
    """
    data = _data()
    forms = {**data["every"], **data.get(language, {})}
    return {_known_as(name): form for name, form in forms.items()}


def _known_as(name: str) -> str:
    """A template's name in one form: MediaWiki looks at the case of all its letters but the first."""
    name = name.strip().replace("_", " ")
    return name[:1].lower() + name[1:]


def render(content: str, templates: Mapping[str, str], language: str = "en") -> str | None:
    """The text that a template stands for, by what is between its braces; None where it stands for none.

    `language` is that of the wiki, which says how numbers are written.

    >>> english = templates_of("en")
    >>> render("lang|la|[[a|b]]", english), render("Convert|5|-|10|km2|mi", english), render("cite|a", english)
    ('[[a|b]]', '5–10 km²', None)
    >>> render("val|5|u=km", english), render("nowrap|", english), render("lang-de|1=Wald", english)
    ('5 km', None, 'Wald')
    >>> render("formatnum:12345.6", english), render("formatnum:12345.6", english, "de")
    ('12,345.6', '12.345,6')
    """
    name, _, rest = content.partition("|")
    name = _known_as(name)
    form = templates.get(name)
    if form is None:
        if "-" in name:
            form = templates.get(f"{name.partition('-')[0]}-*")
        elif name.startswith(_FORMATNUM) and "\n" not in name:
            number = name.removeprefix(_FORMATNUM).strip()
            return (number if rest else as_written(number, _data_of(language)["numbers"], is_raw=True)) or None
    if form is None or len(rest) > _MAX_CHARS:
        return None
    values = _parameters(rest)
    if form.startswith(_COMPUTED):
        return COMPUTED[form](values, _data_of(language))
    numbers = _data_of(language)["numbers"]
    return next((text for each in form.split("\n") if (text := _filled(each, values, numbers)) is not None), None)


def _parameters(rest: str) -> dict[str, str]:
    """The parameters of a template that are not empty, by name or number; "-1" is the last of those with a number."""
    found: dict[str, str] = {}
    number = 0
    for part in _parts(rest):
        if named := _NAME.match(part):
            key = named[1].lower()
            value = part[named.end() :].strip()
        else:
            number += 1
            key, value = str(number), part.strip()
        if value:
            found[key] = value
    if last := max((key for key in found if _NUMBER.fullmatch(key)), key=int, default=""):
        found["-1"] = found[last]
    return found


def _parts(rest: str) -> list[str]:
    """Cut at each `|` that is not part of a link.

    >>> _parts("a|[[b|c]]|[[d|")
    ['a', '[[b|c]]', '[[d', '']
    """
    bars = [found.start() for found in _LINK_OR_SEPARATOR.finditer(rest) if found[1]]
    return [rest[start + 1 : stop] for start, stop in zip([-1, *bars], [*bars, len(rest)], strict=True)]


def _filled(form: str, values: Mapping[str, str], numbers: Mapping[str, Any]) -> str | None:
    if form.startswith(_IN_FULL):
        form = form.removeprefix(_IN_FULL)
        read = {key for part in _PART.finditer(form) for key in part[1].split("/")}
        if not read.union(_FORMATTING).issuperset(values):
            return None
    pieces: list[str] = []
    position = 0
    for part in _PART.finditer(form):
        value = next((values[key] for key in part[1].split("/") if key in values), "")
        if not value and not part[3]:
            return None
        if part[2]:
            value = as_written(value, numbers, is_raw=True)
        pieces += form[position : part.start()], value
        position = part.end()
    text = "".join((*pieces, form[position:]))
    return text.strip() if position else text
