"""Wikitext to plain text: what a reader of the article reads, and no markup.   Source: LLaMA (2023) section 2.1.

The paper: "hyperlinks, comments and other formatting boilerplate" are removed. Here links keep their text; templates,
references, comments, galleries, files, categories and the data of tables go; sentences inside tables stay; code and
mathematics stay, formulas as `$…$`. Each step reads the text once, so time grows with length, whatever the markup.
"""

from __future__ import annotations

import html
import re

from .wikitext_layout import lay_out
from .wikitext_scan import GAP, LITERAL, cut_blocks, literal_text, resolve
from .wikitext_site import ENGLISH, Site, is_redirect
from .wikitext_variants import CLOSING, OPENING, mark_variants, show_variants, variants_of

__all__ = ["ENGLISH", "Site", "is_redirect", "lead_text", "list_share", "to_text"]

_MARKS = f"\x00\x01{GAP}{OPENING}{CLOSING}\r"
_TAG = re.compile(r"<(/?[A-Za-z][A-Za-z0-9]*)\b[^<>]*>")
_INLINE_TAGS = (
    "abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd langconvert mark nobr noinclude nowiki "
    "onlyinclude q rb ref rp rt rtc ruby s samp section small span strike strong sub sup time tt u var wbr"
)
_BLOCK_TAGS = (
    "blockquote br caption center dd div dl dt gallery h1 h2 h3 h4 h5 h6 hr includeonly li math ol p poem pre "
    "references source syntaxhighlight tbody tfoot thead timeline ul"
)
_TABLE_TAGS = {"table": "\n{|\n", "/table": "\n|}\n", "tr": "\n|-\n", "td": "\n|", "th": "\n|"}
_IN_PLACE_OF_TAG = {
    **dict.fromkeys(_INLINE_TAGS.split(), ""),
    **dict.fromkeys(_BLOCK_TAGS.split(), "\n"),
    **dict.fromkeys(("/tr", "/td", "/th"), ""),
    **_TABLE_TAGS,
}
_SUB_TAG = re.compile(r"</?sub\b[^<>]*>", re.IGNORECASE)
_RAISED = re.compile(r"<sup\b[^<>]*+>([^<>\n]*+)</sup\s*+>", re.IGNORECASE)
_RAISED_NUMBER = re.compile(r"(?:[-−–+]|&minus;)?[0-9]+(?:[.,/][0-9]+)?|[0-9]+[-−–+]")
_RAISED_SIGNED = re.compile(r"[-−–&]")
_RAISED_NAME = re.compile(r"''[^\W\d_]''|[kNnxy]")
_RAISED_SUM = re.compile(r"[0-9A-Za-z']{1,6}(?:[-−–+][0-9A-Za-z']{1,6})+")
_BASE = re.compile(r"(?:([^\W\d_]{1,3})|[0-9)\]])(?:'{2,5}|</[a-z]+>)*$")
_BEFORE_CHARS = 20
_WORD = 3  # letters, from which on a raised number is a mark of a footnote
_SQUARE_OR_CUBE = {"2": "²", "3": "³"}
_ESCAPED_REF_TAG = re.compile(r"&lt;/?ref\b(?:[^<>&]|&quot;)*+(?:&gt;|>)", re.IGNORECASE)
_BOLD_IN_WORD = re.compile(r"'''(?<=\w''')(?=\w)")
_BOLD_OR_ITALIC = re.compile(r"''(?:'(?:'')?)?")
_QUOTES = re.compile(r"'{2,}")
_SWITCH = re.compile(r"__(?:[^\W\d_]++_?)++_")
_SIGNATURE = re.compile(r"~{3,5}")
_LIST_MARKS = f"*#;: \t{GAP}"
_HEADING = re.compile(rf"\n{GAP}*+=[^\n]+=[ \t{GAP}]*+(?![^\n])")
_BRACES = re.compile(r"\{\{+|\}\}+")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def to_text(wikitext: str, site: Site = ENGLISH) -> str:
    """The plain text of a page, without its title. Broken markup costs its own marks, never the text after it.

    >>> to_text("'''Foo''' ({{lang|la|fu}}) is a [[bar (food)|bar]].<ref>x</ref>\\n\\n== See also ==\\n{{portal}}")
    'Foo (fu) is a bar.'
    >>> to_text("a {{b [[c", ENGLISH), to_text("")
    ('a b c', '')
    """
    return _render(*_cut(wikitext, site), site)


def lead_text(wikitext: str, site: Site = ENGLISH) -> str:
    """The plain text of a page up to its first heading: a line that begins and ends with equals signs.

    What looks like one inside a template that is closed is none.   Source: MediaWiki, `Parser::handleHeadings`.

    >>> lead_text("'''Foo''' is a bar.<!--\\n== not one ==\\n-->\\n\\n== History ==\\nIt was a baz.")
    'Foo is a bar.'
    >>> lead_text("{{box|\\n== not one ==\\n}}Foo\\n== nor this\\n= History =\\nIt was a baz.")
    'Foo\\nnor this'
    >>> lead_text("== Only ==\\nsections"), lead_text("")
    ('', '')
    """
    text, literals = _cut(wikitext, site)
    text = f"\n{text}"
    lead = _HEADING.split(text, maxsplit=1)[0]
    if lead.count("{{") > lead.count("}}"):
        lead = _HEADING.split(_without_templates(text), maxsplit=1)[0]
    return _render(lead, literals, site)


def list_share(wikitext: str, site: Site = ENGLISH) -> float:
    """Share of a page's characters that stand in items of lists; headings and rows of tables are not counted.

    0.0 for a page without text.

    >>> list_share("Rivers:\\n* [[Nile]]\\n# Rhine\\n{|\\n| a table\\n|}\\n== See also =="), list_share("")
    (0.6, 0.0)
    """
    text, _ = _cut(wikitext, site)
    listed = other = tables = 0
    for line in strip_formatting(resolve(text, site)).split("\n"):
        if tables:
            line = line.lstrip()
        if line.lstrip(":*# ").startswith("{|"):
            tables += 1
        elif tables or line.startswith(("|", "!", "=", "}")):
            tables -= bool(tables) and line.startswith("|}")
        elif line.startswith(("*", "#", ";", ":")):
            listed += len(line.strip(_LIST_MARKS))
        else:
            other += len(line.strip(_LIST_MARKS))
    return listed / (listed + other) if listed else 0.0


def _cut(wikitext: str, site: Site) -> tuple[str, list[tuple[str, str]]]:
    """A page without its blocks, and those that come back."""
    text, literals = cut_blocks(_without_marks(wikitext))
    converts = ("-{" in text or "}-" in text) and variants_of(site.language)
    return mark_variants(text) if converts else text, literals


def _without_templates(text: str) -> str:
    """The text without the templates that are closed, down to the first that is not.

    >>> _without_templates("a{{b|{{{c}}}}}d{{e {{f}}") == f"a{GAP}d{{{{e {{{{f}}}}"
    True
    """
    pieces: list[str] = []
    depth = start = position = 0
    for braces in _BRACES.finditer(text):
        if text[braces.start()] == "{":
            start = start if depth else braces.start()
            depth += braces.end() - braces.start()
        elif depth:
            depth = max(0, depth - (braces.end() - braces.start()))
            if not depth:
                pieces += text[position:start], GAP
                position = braces.end()
    return "".join((*pieces, text[position:]))


def _render(text: str, literals: list[tuple[str, str]], site: Site) -> str:
    """The text of a page whose blocks are cut out; `literals` are those that come back."""
    text = strip_formatting(resolve(text, site))
    if OPENING in text or CLOSING in text:
        text = show_variants(text, site.language, hidden=GAP)
    text = lay_out(text)
    text = _ENTITY.sub(_decode, text).replace("\xa0", " ")
    if literals:
        text = LITERAL.sub(lambda mark: _restore(*literals[int(mark[1])]), text)
    return text.strip()


def _without_marks(text: str) -> str:
    """The text with plain line ends and spaces, and without the characters that serve as marks here."""
    for mark in _MARKS:
        if mark in text:
            text = text.replace(mark, "")
    if "&" in text:
        text = text.replace("&nbsp;", " ")
    return text.replace("\xa0", " ")


def strip_formatting(text: str) -> str:
    """Take out HTML tags, bold and italic marks, behaviour switches and signatures.

    >>> strip_formatting("<b>a</b>''b''__NOTOC__~~~~ c<br/>d")
    'ab c\\nd'
    """
    if "<" in text:
        if _RAISED.search(text):
            text = _RAISED.sub(_raise, _SUB_TAG.sub("", text))
        text = _TAG.sub(_in_place_of_tag, text)
    if "&" in text:  # pages that were escaped once too often
        text = _ESCAPED_REF_TAG.sub("", text)
    if "'" in text:
        if _BOLD_IN_WORD.search(text):
            text = "\n".join(map(_spare_apostrophe, text.split("\n")))
        text = _BOLD_OR_ITALIC.sub("", text)
    if "_" in text:
        text = _SWITCH.sub(lambda switch: "" if switch[0].isupper() else switch[0], text)
    if "~" in text:
        text = _SIGNATURE.sub("", text)
    return text


def _raise(raised: re.Match[str]) -> str:
    """An exponent: `km²`, `10^9`, `2^(n−1)`. Ordinals, isotopes, signs of ions, and marks behind words are none."""
    exponent, start = raised[1].strip(), raised.start()
    base = _BASE.search(raised.string[max(0, start - _BEFORE_CHARS) : start])
    if base is None:
        return exponent
    letters = base[1] or ""
    if letters and exponent.isdecimal() and raised.string[raised.end() : raised.end() + 1].isupper():
        return exponent
    if _RAISED_NUMBER.fullmatch(exponent):
        if letters and exponent in _SQUARE_OR_CUBE and len(letters) < _WORD:
            return _SQUARE_OR_CUBE[exponent]
        return f"^{exponent}" if len(letters) < _WORD or _RAISED_SIGNED.match(exponent) else exponent
    if len(letters) > 1:
        return exponent
    if _RAISED_SUM.fullmatch(exponent):
        return f"^({exponent})"
    return f"^{exponent}" if _RAISED_NAME.fullmatch(exponent) else exponent


def _in_place_of_tag(tag: re.Match[str]) -> str:
    name = tag[1].lower()
    return _IN_PLACE_OF_TAG.get(name, _IN_PLACE_OF_TAG.get(name.removeprefix("/"), tag[0]))


def _spare_apostrophe(line: str) -> str:
    """In `l'''Ulisse''` the first apostrophe is text: so MediaWiki reads a line with odd counts of bold and italic."""
    runs = [len(quotes) for quotes in _QUOTES.findall(line)]
    bold = sum(run >= 3 for run in runs)
    italic = sum(run == 2 or run >= 5 for run in runs)
    if bold % 2 and italic % 2:
        return _BOLD_IN_WORD.sub("&#39;''", line, count=1)  # decoded last, so that it is no mark here
    return line


def _decode(entity: re.Match[str]) -> str:
    return html.unescape(entity[0])


def _restore(name: str, content: str) -> str:
    text, has_entities = literal_text(name, content)
    return _ENTITY.sub(_decode, text) if has_entities else text
