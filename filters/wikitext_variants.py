"""Language variants in wikitext, `-{sr-ec: чај; sr-el: čaj}-`: what a reader in the script of the page sees.

Only wikis with a converter know this markup, of the paper's twenty languages Serbian alone; elsewhere `-{` is text.
Pages are not transliterated: each stays in the script, or the mixture of scripts, that its authors wrote it in.
Source: MediaWiki, `LanguageConverter::recursiveConvertRule`, `ConverterRule::parse`.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from .wikitext_site import names

OPENING, CLOSING = "\x03", "\x04"
"""Stand for `-{` and `}-` while brackets are resolved, so that these are not taken for braces."""
_MARK = re.compile(f"[{OPENING}{CLOSING}]")
_INNERMOST = re.compile(f"{OPENING}[^{OPENING}{CLOSING}]*+{CLOSING}")
# `-{{a}}-` is a template between dashes, `-{{{a}}}-` one inside variant markup.
_OPENING = re.compile(r"-\{(?!\{(?!\{))(?!\{\{\{)")
_CLOSING = re.compile(r"(?<!\})\}-|(?<=(?<!\})\}\})\}-")
_MAX_DEPTH: Final = 10  # MediaWiki's own limit; deeper marks just go
_FLAGS: Final = frozenset(["A", "T", "R", "D", "-", "H", "N", "S", "E", "+"])
_HIDDEN: Final = frozenset("TD-HNE")
_SHOWN: Final = frozenset("A+RS")
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")


def script_of(text: str) -> str:
    """The script of most letters, `Cyrl` or `Latn` (ISO 15924), of a language that is written in both.

    >>> script_of("Тесла (Tesla) је рођен"), script_of("Tesla je rođen"), script_of("1")
    ('Cyrl', 'Latn', 'Latn')
    """
    return "Cyrl" if len(_CYRILLIC.findall(text)) > len(_LATIN.findall(text)) else "Latn"


@cache
def variants_of(language: str) -> dict[str, str]:
    """The variants that a wiki converts between, and their scripts; none where it has no converter.

    >>> variants_of("sr")["sr-ec"], variants_of("en")
    ('Cyrl', {})
    """
    return {code: script or "" for code, script in names()["variants"].get(language, {}).items()}


def has_two_scripts(language: str) -> bool:
    """Whether pages of a wiki are in Cyrillic or in Latin script.

    >>> has_two_scripts("sr"), has_two_scripts("zh"), has_two_scripts("ru")
    (True, False, False)
    """
    return {"Cyrl", "Latn"} <= set(variants_of(language).values())


def mark_variants(text: str) -> str:
    """Put marks in the place of `-{` and `}-`.

    >>> mark_variants("-{a}- 1990-{{b}}-2000 -{{{c}}}-") == "\\x03a\\x04 1990-{{b}}-2000 \\x03{{c}}\\x04"
    True
    """
    return _CLOSING.sub(CLOSING, _OPENING.sub(OPENING, text))


def show_variants(text: str, language: str, hidden: str = "") -> str:
    """The text with what each piece of variant markup shows; `hidden` stands where it shows nothing.

    Markup that is not closed costs its marks only.

    >>> show_variants(mark_variants("Пије -{sr-ec: чај; sr-el: čaj}- -{H|a}--{R|Windows}-, -{b"), "sr")
    'Пије чај Windows, b'
    """
    codes = variants_of(language)
    script = script_of(_INNERMOST.sub("", text))
    frames: list[list[str]] = [[]]
    n_too_deep = position = 0
    for mark in _MARK.finditer(text):
        frames[-1].append(text[position : mark.start()])
        position = mark.end()
        if mark[0] == OPENING:
            if len(frames) > _MAX_DEPTH:
                n_too_deep += 1
            else:
                frames.append([])
        elif n_too_deep:
            n_too_deep -= 1
        elif len(frames) > 1:
            shown = _shown("".join(frames.pop()), codes, language, script)
            frames[-1].append(hidden if shown is None else shown)
    frames[-1].append(text[position:])
    return "".join("".join(frame) for frame in frames)


def _shown(content: str, codes: dict[str, str], language: str, script: str) -> str | None:
    """What a piece of variant markup shows, None for nothing."""
    head, has_flags, rest = content.partition("|")
    flags = {flag.strip() for flag in head.split(";")} - {""}
    if not has_flags or not flags or not flags <= _FLAGS | codes.keys():
        flags, rest = set(), content
    if flags & _HIDDEN and not flags & _SHOWN:
        return None
    if "R" in flags or flags & codes.keys():
        return rest.strip()
    values = _values(rest, language)
    if not values:
        return rest if not flags else rest.strip()
    own = [code for code, value in values.items() if codes[code] == script]
    return values[own[0] if own else language if language in values else next(iter(values))]


def _values(rules: str, language: str) -> dict[str, str]:
    """The text for each variant that rules name; none where they are no rules, but text.

    >>> _values("sr-ec: &quot;а&quot;; sr-el: a;", "sr"), _values("b=>sr-ec: в;", "sr"), _values("10:30; 11:00", "sr")
    ({'sr-ec': '&quot;а&quot;', 'sr-el': 'a'}, {'sr-ec': 'в'}, {})
    """
    separator, rule = _rule_patterns(language)
    found: dict[str, str] = {}
    for part in separator.split(rules):
        if match := rule.match(part):
            found.setdefault(match[1].lower(), part[match.end() :].strip())
        elif part.strip():
            return {}
    return found


@cache
def _rule_patterns(language: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Where rules end, which a semicolon alone does not tell, and how one begins."""
    codes = "|".join(map(re.escape, variants_of(language)))
    ends = rf";\s*+(?=\Z|(?:[^;:]*=>)?\s*(?:{codes})\s*:)"
    return re.compile(ends, re.IGNORECASE), re.compile(rf"(?:[^;:]*=>)?\s*({codes})\s*:", re.IGNORECASE)
