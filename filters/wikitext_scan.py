"""The two scans of wikitext: blocks that are not wikitext inside, then brackets and braces. Each reads once."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from operator import itemgetter

from .wikitext_site import CATEGORY, FILE, Site
from .wikitext_templates import render

GAP = "\x02"
"""Left where something was taken out of a line, for the layout to mend the punctuation around it."""
LITERAL = re.compile("\x01([0-9]+)\x01")
"""Stands for a block that is kept as it is."""

_CODE = ("pre", "source", "syntaxhighlight")
_MATH = ("ce", "chem", "math")
_DROPPED = (
    *("categorytree", "charinsert", "gallery", "graph", "hiero", "imagemap", "includeonly", "indicator", "inputbox"),
    *("mapframe", "maplink", "references", "ref", "score", "script", "style", "templatedata", "templatestyles"),
    "timeline",
)
_BLOCK = re.compile(rf"<(?:!--|({'|'.join((*_CODE, *_MATH, *_DROPPED, 'nowiki'))})\b([^<>]*)>)", re.IGNORECASE)
_LINE_START = ("", "\n")
_NOWIKI_TAG = re.compile(r"</?nowiki\s*/?>", re.IGNORECASE)


@cache
def _closing(name: str) -> re.Pattern[str]:
    return re.compile(rf"</{name}\s*>" if name else "-->", re.IGNORECASE)


@cache
def _opening(name: str) -> re.Pattern[str]:
    return re.compile(rf"<{name}\b(?![^<>]*/>)[^<>]*>", re.IGNORECASE)


class _Closers:
    """The next closing tag of each name. What was looked at once is not looked at again, however many tags open."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._next: dict[str, re.Match[str] | None] = {}

    def find(self, name: str, start: int) -> re.Match[str] | None:
        known = self._next.get(name)
        if name in self._next and (known is None or known.start() >= start):
            return known
        self._next[name] = found = _closing(name).search(self._text, start)
        return found


def cut_blocks(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Take comments, references and other blocks out, and put code, mathematics and `<nowiki>` aside.

    A block that is never closed, or whose like opens again before it closes, loses its tag only.
    Returns the text, with `LITERAL` marks, and the blocks put aside as (tag name, content).

    >>> cut_blocks("a<ref>b</ref> <nowiki>[[c]]</nowiki> <ref>d")
    ('a \\x010\\x01 d', [('nowiki', '[[c]]')])
    """
    closers = _Closers(text)
    pieces: list[str] = []
    literals: list[tuple[str, str]] = []
    position = 0
    while opening := _BLOCK.search(text, position):
        pieces.append(text[position : opening.start()])
        position = opening.end()
        name = (opening[1] or "").lower()
        in_place = "" if name == "ref" and text[opening.start() - 1 : opening.start()] not in _LINE_START else GAP
        if name and opening[2].endswith("/"):
            pieces.append(in_place if name == "ref" else "")
            continue
        closing = closers.find(name, position)
        if closing is None or (name and _opening(name).search(text, position, closing.start())):
            continue
        if name in _DROPPED or not name:
            pieces.append(in_place)
        else:
            pieces.append(_mark(len(literals), name, content := text[position : closing.start()]))
            literals.append((name, content))
        position = closing.end()
    pieces.append(text[position:])
    return "".join(pieces), literals


def _mark(number: int, name: str, content: str) -> str:
    mark = f"\x01{number}\x01"
    return f"\n{mark}\n" if name in _CODE and "\n" in content else mark


def literal_text(name: str, content: str) -> tuple[str, bool]:
    """What stays of a block put aside, and whether entities in it still count.

    >>> literal_text("math", " x^2 ")
    ('$x^2$', True)
    """
    if name in _MATH:
        formula = " ".join(content.split())
        return (f"${formula}$" if formula else ""), True
    if name == "nowiki":
        return content, True
    return _NOWIKI_TAG.sub("", content).strip("\n"), name == "pre"


_PLAIN_LINK = re.compile(r"\[\[(?:[^\[\]|{}\n:]++\||(?![^\[\]|{}\n:#]*+#))([^\[\]|{}\n:]++)\]\]")
_PLAIN_TEMPLATE = re.compile(r"\{\{(?<!\{\{\{)(?:[^{}\n]++|\n(?!==))*+\}\}")
_FRACTION = re.compile(r"[0-9]+/[0-9]")
_USUAL_DEPTH = 2
"""Templates nested this deep are peeled off by a regular expression, and may be text; the scanner drops all others."""
_URL = r"\[(?:(?:[A-Za-z][A-Za-z0-9+.-]*+:)?//|mailto:)[^\s\[\]{}<>|]*+"
# Each alternative begins with a literal character (so that the search skips text fast) and ends with its name.
_TOKEN = re.compile(
    rf"""
    \[\[ (?P<target> [^\[\]|{{}}\n]*+ ) (?: \| (?P<label> [^\[\]|{{}}\n]*+ ) )? \]\] (?P<link>)
  | \[\[ (?= \[\[ ) (?P<extra>)
  | \[\[ (?!\[) (?P<start> [^\[\]|{{}}<>\n]*+ ) (?P<pipe> \|? ) (?P<open_link>)
  | \{{\{{ \{{*+ (?P<open_braces>)
  | \}}\}} \}}*+ (?P<close_braces>)
  | {_URL} (?: [ \t]++ (?P<text> [^\[\]{{}}\n]*+ ) )? \] (?P<url>)
  | {_URL} [ \t]*+ (?P<open_url>)
  | \] \]*+ (?P<close_brackets>)
  | == (?<=\n==) (?= ={{0,4}} [^=\n] [^\n]*? == ) (?P<heading>)
    """,
    re.VERBOSE,
)
_BRACES, _LINK, _DROPPED_LINK, _URL_LINK = range(4)
_MAX_LABEL = 1000
"""Characters in the label of an external link; a bracket left open further back is no link."""
_MAX_PREFIXES = 3
_MAX_MEDIA_ENDING = 8
_MEDIA_FILE = re.compile(
    r"\.(?:djvu|flac|gif|jpe?g|midi?|mp[34]|og[agv]|opus|pdf|png|stl|svg|tiff?|wav|web[mp]|xcf)\s*$", re.IGNORECASE
)
"""What a file of an unknown language's namespace ends with."""
_SECTION = re.compile(r"[ \t]*+#(?=[^\W_])")
_LIST_MARKS = "*#:; \t"
_MAX_LIST_MARKS = 10
_LINE_END = re.compile(rf"[ \t{GAP}]*+(?![^\n])")
_NO_MORE_TEXT = re.compile(r"[ \t]?(?:\n|\[\[|$)")


def _without_parenthesis(title: str) -> str:
    """The title without a disambiguation at its end, which `[[title|]]` does not show."""
    name, opening, rest = title.rstrip().rpartition("(")
    return name.rstrip() if opening and rest.endswith(")") and rest.count(")") == 1 else title


def _with_section(title: str) -> str:
    """A title and its section as the wikis write them in text.

    >>> _with_section("War film#Animated_ones"), _with_section("#History"), _with_section("C#")
    ('War film § Animated ones', '§ History', 'C#')
    """
    page, *section = _SECTION.split(title, maxsplit=1)
    return f"{page} § {section[0].replace('_', ' ')}".lstrip() if section else title


class _Resolver:
    """One pass over brackets and braces, with a stack of what is open.

    `out` grows with the text that stays; a frame of the stack remembers where in `out` it began, so that closing it
    can take its content back. What is still open at a heading or at the end is no markup: its content stays.
    """

    def __init__(self, text: str, site: Site) -> None:
        self.text = text
        self.site = site
        self.out: list[str] = []
        self.stack: list[tuple[int, int, int, int]] = []  # kind, index in out, position in text, braces or pipe
        self.open_braces = 0
        self.language_link_end = -2

    def run(self) -> str:
        out, text = self.out, self.text
        position = 0
        for token in _TOKEN.finditer(text):
            out.append(text[position : token.start()])
            position = token.end()
            _HANDLERS[token.lastgroup](self, token)
        out.append(text[position:])
        self._abandon()
        return "".join(out)

    def _push(self, kind: int, token: re.Match[str], count: int = 0) -> None:
        self.stack.append((kind, len(self.out), token.start(), count))
        self.out.append("")

    def _is_dropped(self, target: str) -> bool:
        prefix, colon, name = target.partition(":")
        number = self.site.namespaces.get(prefix.strip().replace("_", " ").lower())
        if number is None and prefix and "#" not in prefix:
            return _MEDIA_FILE.search(name[-_MAX_MEDIA_ENDING:]) is not None
        return bool(colon) and number in (FILE, CATEGORY)

    def _without_prefix(self, target: str) -> str:
        target = target.strip().removeprefix(":")
        for _ in range(_MAX_PREFIXES):
            prefix, colon, rest = target.partition(":")
            if not colon or prefix.strip().lower() not in self.site.prefixes:
                break
            target = rest.strip()
        return target

    def _link(self, token: re.Match[str]) -> None:
        target, label = token["target"], token["label"]
        if self._is_dropped(target):
            self.out.append(GAP)
        elif label:
            self.out.append(label)
        elif label is None and self._is_language_link(token):
            self.language_link_end = token.end()
            self.out.append(GAP)
        elif label is None and self._leaves_articles(token):
            self.out.append(GAP)
        else:
            target = self._without_prefix(target)
            if label is None and "#" in target:
                target = _with_section(target)
            self.out.append(target if label is None else _without_parenthesis(target.rpartition(":")[2]))

    def _is_language_link(self, token: re.Match[str]) -> bool:
        """A link to another wiki that stands on a line with nothing but its like points to it from the margin."""
        prefix = token["target"].partition(":")[0].strip().lower()
        start, end = token.span()
        first = self.text[start - 1 : start] in ("", "\n") or start - self.language_link_end in (0, 1)
        return first and prefix in self.site.prefixes and _NO_MORE_TEXT.match(self.text, end) is not None

    def _leaves_articles(self, token: re.Match[str]) -> bool:
        """A link to another namespace, a category's or a portal's, that is all there is in its line."""
        prefix, colon, _ = token["target"].lstrip(" :").partition(":")
        if not colon or not self.site.namespaces.get(prefix.strip().replace("_", " ").lower()):
            return False
        before = self.text[max(0, token.start() - _MAX_LIST_MARKS) : token.start()].rstrip(_LIST_MARKS)
        return before[-1:] in ("", "\n") and _LINE_END.match(self.text, token.end()) is not None

    def _open_link(self, token: re.Match[str]) -> None:
        if self._is_dropped(token["start"]):
            self._push(_DROPPED_LINK, token)
        else:
            self._push(_LINK, token, len(token["pipe"]))
            if not token["pipe"]:
                self.out.append(self._without_prefix(token["start"]) if ":" in token["start"] else token["start"])

    def _open_braces(self, token: re.Match[str]) -> None:
        self._push(_BRACES, token, len(token[0]))
        self.open_braces += 1

    def _close_braces(self, token: re.Match[str]) -> None:
        run = len(token[0])
        while run >= 2 and self.open_braces:
            kind, index, start, count = self.stack.pop()
            if kind != _BRACES:
                continue
            closed = min(run, count)
            run -= closed
            del self.out[index + 1 :]
            if count - closed >= 2:
                self.stack.append((kind, index, start, count - closed))
            else:
                self.open_braces -= 1
                self.out[index] = GAP

    def _close_brackets(self, token: re.Match[str]) -> None:
        run = len(token[0])
        while run and self.stack:
            kind, index, start, pipe = self.stack[-1]
            if kind == _URL_LINK:
                self.stack.pop()
                label = self.text[start : token.start()] if token.start() - start < _MAX_LABEL else "\n"
                run -= "\n" not in label
            elif kind == _BRACES or run == 1:
                break
            else:
                self.stack.pop()
                run -= 2
                if kind == _DROPPED_LINK:
                    del self.out[index:]
                    self.out.append(GAP)
                elif not pipe:
                    self._cut_target(index)
        if run == 1:
            self.out.append("]")

    def _cut_target(self, index: int) -> None:
        """Only the label stays of a link whose target holds markup; its pipe is near the start, or there is none."""
        for i in range(index, min(index + 8, len(self.out))):
            if "|" in self.out[i]:
                label = self.out[i].partition("|")[2]
                self.out[index : i + 1] = [*[""] * (i - index), label]  # of the same length: nothing after it moves
                break

    def _heading(self, token: re.Match[str]) -> None:
        self._abandon()
        self.out.append(token[0])

    def _abandon(self) -> None:
        """Take what is open for text, but let the layout judge what looks like a template's or a table's rows."""
        for kind, index, start, _ in self.stack:
            if kind == _DROPPED_LINK:
                self.out[index] = "\n|"
            elif kind == _BRACES and self.text[start - 1 : start] in ("", "\n"):
                self.out[index] = "|"
        self.stack.clear()
        self.open_braces = 0


_HANDLERS: dict[str | None, Callable[[_Resolver, re.Match[str]], None]] = {
    "link": _Resolver._link,
    "extra": lambda resolver, token: None,
    "open_link": _Resolver._open_link,
    "open_braces": _Resolver._open_braces,
    "close_braces": _Resolver._close_braces,
    "url": lambda resolver, token: resolver.out.append(token["text"] or GAP),
    "open_url": lambda resolver, token: resolver._push(_URL_LINK, token),
    "close_brackets": _Resolver._close_brackets,
    "heading": _Resolver._heading,
}


def _in_place_of(template: re.Match[str], site: Site) -> str:
    if not site.templates:
        return GAP
    content = template[0][2:-2]
    text = render(site.template_name(content) if ":" in content else content, site.templates, site.language)
    if text is None:
        return GAP
    start = template.start()
    glued = start and template.string[start - 1].isdecimal() and _FRACTION.match(text)
    return f" {text}" if glued else text  # 3{{frac|1|2}} is no 31/2


def resolve(text: str, site: Site) -> str:
    """Links become their text, and so do templates that stand for some; other templates, files … become `GAP`.

    >>> from corpusmill.filters.wikitext_site import ENGLISH
    >>> resolve("[[a]]s {{b|{{c}}}}[[d|e]]f [http://g h] [[File:i.jpg|thumb|[[j]]]]", ENGLISH)
    'as \\x02ef h \\x02'
    """
    text = _PLAIN_LINK.sub(itemgetter(1), text)
    for _ in range(_USUAL_DEPTH):
        text = _PLAIN_TEMPLATE.sub(lambda found: _in_place_of(found, site), text)
    return _Resolver(text, site).run()
