"""HTML to plain text as a reader sees it: paragraphs, lists, tables and code keep their shape.

Every tag becomes a mark of one character, or nothing; then the text is laid out by its marks, and entities are decoded
once, at the end. Where tags are not plain to see (a stray `<`, comments, scripts, odd attributes), the piece is read by
the rules of HTML's own tokenizer, which needs no tree: what a tag means here does not depend on where it stands. Each
step reads once, so time and memory grow with length.
Source: LLaMA (2023) section 2.1, "we removed the HTML tags from text", and no more than that; HTML Living Standard,
section 13.2.5, for what is a tag.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import count
from typing import Final

__all__ = ["strip_tags", "to_text"]

_LINE, _BLOCK, _CODE, _END_OF_CODE, _ITEM, _LIST, _CELL, _INDENT = _LAYOUT = "\1\2\3\4\5\6\7\x0e"
_OF_LIST = ";"  # after the number of its first item: 0 of a bulleted list, none of a list's end
_RARE = "\x10"  # what marks that few posts have begin with, so that one look tells
_QUOTE, _END_OF_QUOTE, _RAISED, _END_OF_RAISED, _STRUCK, _END_OF_STRUCK = (
    f"{_RARE}{kind}"
    for kind in "\x11\x12\x13\x14\x15\x16"  # characters that text has none of: these are soon found
)
_FORBIDDEN: Final = f"{_LAYOUT}{_RARE}\0"  # in a source, where HTML allows none of them
_BLOCKS: Final = (
    *("address", "article", "aside", "center", "details", "dir", "div", "dl", "fieldset", "figcaption"),
    *("figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "legend", "main", "menu", "nav"),
    *("p", "section", "summary", "table"),
)
_LINES: Final = ("br", "caption", "dd", "dt", "tbody", "tfoot", "thead", "tr")
_MARK_OF: Final = {
    **dict.fromkeys((slash + name for name in _BLOCKS for slash in ("", "/")), _BLOCK),
    **dict.fromkeys((slash + name for name in _LINES for slash in ("", "/")), _LINE),
    "pre": _CODE,
    "/pre": _END_OF_CODE,
    "li": _ITEM,
    "/li": _LINE,
    "ul": f"{_LIST}0{_OF_LIST}",
    "ol": f"{_LIST}1{_OF_LIST}",
    "/ul": f"{_LIST}{_OF_LIST}",
    "/ol": f"{_LIST}{_OF_LIST}",
    "td": _CELL,
    "th": _CELL,
    "/td": "",
    "/th": "",
    "blockquote": _QUOTE,
    "/blockquote": _END_OF_QUOTE,
    "sup": _RAISED,
    "/sup": _END_OF_RAISED,
    **dict.fromkeys(("s", "del", "strike"), _STRUCK),
    **dict.fromkeys(("/s", "/del", "/strike"), _END_OF_STRUCK),
}
_FREQUENT: Final = ("a", "b", "code", "em", "i", "img", "kbd", "span", "strong", "sub")
# A browser looks for no tags in these; what stands in the first ones is no text.
_NO_TEXT: Final = ("iframe", "noembed", "noframes", "script", "style", "template")
_RAW: Final = ("plaintext", "textarea", "title", "xmp")
_ATTRIBUTES = r"""(?:[^<>"'=]++|=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\s>"'][^\s>]*+)?|["'<])*+"""
# Every alternative ends at the end of the text at the latest: nothing is looked at twice.
_TOKEN = re.compile(
    rf"""
    <!--(?:-?>|.*?(?:--!?>|\Z))
  | <(?P<no_text>{"|".join(_NO_TEXT)})(?=[\s/>]){_ATTRIBUTES}(?:>.*?(?:</(?P=no_text)(?=[\s/>])[^>]*+(?:>|\Z)|\Z)|\Z)
  | <(?P<raw>{"|".join(_RAW)})(?=[\s/>]){_ATTRIBUTES}(?:>(?P<text>.*?)(?:</(?P=raw)(?=[\s/>])[^>]*+(?:>|\Z)|\Z)|\Z)
  | <(?P<name>/?[a-z][^\s/>]*+)(?P<attributes>{_ATTRIBUTES})(?:>|\Z)
  | <(?:[!?]|/(?=[^a-z]))[^>]*+(?:>|\Z)
    """,
    re.DOTALL | re.IGNORECASE | re.VERBOSE,
)
_PLAIN_TAG = re.compile(r"""(/?[a-z][^\s/"'=<>]*+)(?:[^"'<>]++|"[^"<>]*+")*+""", re.IGNORECASE)
_START = re.compile(r"""\sstart\s*=\s*["']?([0-9]{1,6})(?![0-9])""", re.IGNORECASE)
_LONG_REFERENCE = re.compile(r"&#(?:0*[0-9]{8,}|[xX]0*[0-9a-fA-F]{7,});?")  # of no character
_ITEMS = re.compile(f"{_ITEM}[{_LINE}{_BLOCK} \\n\\t]*+")
# Numbers and single letters are powers; `1st` and, behind a number, `e` and the like of other languages are not.
_POWER = re.compile(
    rf"{_RAISED}(?<=[\w)\]}}]{_RAISED})([-−–+]?[0-9]+[a-z]?|(?<![0-9]{_RAISED})[A-Za-z]|[b-df-np-qs-z]){_END_OF_RAISED}"
)
_STRUCK_OUT = re.compile(f"{_STRUCK}[^{_RARE}]*+{_END_OF_STRUCK}")
_MAX_DEPTH: Final = 8  # of lists, and of quotes, that stand in one another


def to_text(source: str, *, marks: bool = True) -> str:
    r"""The text of a piece of HTML. Cells of a table stand a tab apart, and code stays as it is.

    Args:
        marks: `* `, `1. ` and `> ` before items of lists and quoted lines, `^` before a power; and what is struck out
            goes. Without them all text stays, and nothing but white space is added, as other extractors have it.

    >>> to_text("<p>One &amp;lt; two<br>three</p>\n<ol>\n<li>a</li><li>b<ul><li>c</li></ul></li></ol>")
    'One &lt; two\nthree\n\n1. a\n2. b\n  * c'
    >>> to_text("<pre><code>if a:\n    b &lt; c\n</code></pre> <p>if a < b, <b>stop</b>.<!-- no --></p>")
    'if a:\n    b < c\n\nif a < b, stop.'
    >>> to_text("<blockquote><p>a</p></blockquote> <p>10<sup>-9</sup>, 1<sup>st</sup>, <s>no</s></p>")
    '> a\n\n10^-9, 1st,'
    >>> to_text("")
    ''
    """
    source = _clean(source)
    if "\xa0" in source:
        source = source.replace("\xa0", " ")
    if "&" in source and "&nbsp;" in source:  # the first look is a tenth of the second one
        source = source.replace("&nbsp;", " ")
    source = source.replace("</p>\n\n<p>", _BLOCK)  # the most frequent tags by far, at once
    try:
        marked = _marked(source)
    except _NotPlainError:
        marked = _TOKEN.sub(_mark_of_token, source)
    text = _lay_out(marked, marks)
    return _decoded(text).replace("\xa0", " ").rstrip() if "&" in text else text


def strip_tags(source: str) -> str:
    r"""The text of a piece of HTML with its white space as it is, and nothing in place of tags.

    >>> strip_tags("<p>a &lt; <b>b</b></p>\n\n<!-- c -->d")
    'a < b\n\nd'
    """
    return _decoded(_TOKEN.sub(lambda token: token["text"] or "", _clean(source)))


def _clean(source: str) -> str:
    """With one kind of line ends, and without the characters that serve as marks."""
    if "\r" in source:
        source = source.replace("\r\n", "\n").replace("\r", "\n")
    for mark in _FORBIDDEN:
        if mark in source:
            source = source.replace(mark, "")
    return source


def _decoded(text: str) -> str:
    if "&#" in text:  # Python gives up on numbers of thousands of digits
        text = _LONG_REFERENCE.sub("\ufffd", text)
    return html.unescape(text)


class _NotPlainError(ValueError):
    """A `<` that begins no plain tag, or a tag whose content is not read as others are."""


class _Marks(dict[str, str]):
    """What stands between `<` and `>` → its mark."""

    def __missing__(self, tag: str) -> str:
        name, space, _ = tag.partition(" ")
        mark = self.get(name) if space else None
        # A quote that stays open holds a `>` of its value; of single ones nothing is made here.
        if mark is None or name == "ol" or "'" in tag or tag.count('"') % 2:
            return self._look(tag)
        return mark

    def _look(self, tag: str) -> str:
        plain = _PLAIN_TAG.fullmatch(tag)
        if not plain or (name := plain[1].lower()).removeprefix("/") in (*_NO_TEXT, *_RAW):
            raise _NotPlainError
        if name == "ol" and (start := _START.search(tag)):
            return f"{_LIST}{start[1]}{_OF_LIST}"
        return _MARK_OF.get(name, "")


_marks = _Marks(dict.fromkeys((slash + name for name in _FREQUENT for slash in ("", "/")), "") | _MARK_OF)


def _marked(source: str) -> str:
    """The piece with marks in place of tags. Raises _NotPlainError."""
    pieces = iter(source.split("<"))
    out = [next(pieces)]
    append, marks = out.append, _marks  # of all lines here this loop runs most often
    for piece in pieces:
        tag, end, text = piece.partition(">")
        if not end:
            raise _NotPlainError
        append(marks[tag])
        append(text)
    return "".join(out)


def _mark_of_token(token: re.Match[str]) -> str:
    if token["raw"]:
        return token["text"] or ""
    name = (token["name"] or "").lower()
    if name == "ol" and (start := _START.search(token["attributes"])):
        return f"{_LIST}{start[1]}{_OF_LIST}"
    return _MARK_OF.get(name, "")


def _lay_out(marked: str, marks: bool) -> str:
    """The text as its marks have it."""
    if _RARE in marked:
        # Of both characters the second is looked for, which takes a tenth of the time.
        if _RAISED[1] in marked or _END_OF_RAISED[1] in marked:
            marked = _POWER.sub(r"^\1", marked) if marks else marked
            marked = marked.replace(_RAISED, "").replace(_END_OF_RAISED, "")
        if _STRUCK[1] in marked or _END_OF_STRUCK[1] in marked:
            marked = _STRUCK_OUT.sub("", marked) if marks else marked
            marked = marked.replace(_STRUCK, "").replace(_END_OF_STRUCK, "")
    if _ITEM in marked or _LIST in marked:
        marked = _with_list_marks(marked, marks)
    return _quoted(marked, marks) if _RARE in marked else _blocks(marked)


def _quoted(marked: str, marks: bool) -> str:
    before, *rest = marked.split(_RARE)  # of whose kinds those of quotes are left
    found, depth = [_blocks(before)], 0
    for piece in rest:
        depth = depth + 1 if piece[0] == _QUOTE[1] else max(0, depth - 1)
        text = _blocks(piece[1:])
        if text and (mark := "> " * min(depth, _MAX_DEPTH) * marks):
            text = "\n".join([mark + line if line else mark[:-1] for line in text.split("\n")])
        found.append(text)
    return "\n\n".join(filter(None, found))


def _blocks(marked: str) -> str:
    """Blocks a blank line apart, and in code white space as it is."""
    if _CODE not in marked:
        return _flow(marked)
    before, *rest = marked.split(_CODE)
    blocks = [_flow(before)]
    for piece in rest:
        code, _, after = piece.partition(_END_OF_CODE)
        for mark, text in ((_LINE, "\n"), (_BLOCK, "\n"), (_CELL, "\t"), (_INDENT, "  ")):
            code = code.replace(mark, text)
        blocks += code.strip("\n").rstrip(), _flow(after)
    return "\n\n".join(filter(None, blocks))


def _flow(marked: str) -> str:
    """Text outside code: a block is one line, but for its breaks."""
    if _END_OF_CODE in marked:  # of none
        marked = marked.replace(_END_OF_CODE, _BLOCK)
    # Spaces that the author typed twice stay: to look for them would cost a sixth of all the work here.
    blocks = [_folded(block) if "\n" in block else block for block in map(str.strip, marked.split(_BLOCK)) if block]
    if _LINE in marked or _CELL in marked:
        blocks = [_lines(block) if _LINE in block or _CELL in block else block for block in blocks]
        blocks = [*filter(None, blocks)]
    text = "\n\n".join(blocks)
    return text.replace(f"{_INDENT} ", "  ").replace(_INDENT, "  ") if _INDENT in text else text


def _folded(block: str) -> str:
    return " ".join(map(str.strip, block.split("\n")))


def _lines(block: str) -> str:
    lines = filter(None, map(str.strip, block.split(_LINE)))
    return "\n".join(map(_row, lines) if _CELL in block else lines)


def _row(marked: str) -> str:
    """A row of a table, of which the first cell has a mark before it, too."""
    return "\t".join(map(str.strip, marked.removeprefix(_CELL).split(_CELL)))


def _with_list_marks(marked: str, marks: bool) -> str:
    """Marks of lists to line ends, indents, and what stands before an item."""
    numbers: list[Iterator[int] | None] = []  # of each list that is open those of its items; a bulleted one has none
    before, *rest = marked.split(_LIST)
    out = [_with_items(before, numbers, marks)]
    for piece in rest:
        first, _, text = piece.partition(_OF_LIST)
        if first:
            numbers.append(count(int(first)) if int(first) else None)
        else:
            del numbers[-1:]
        out.append(_LINE if len(numbers) > bool(first) else _BLOCK)
        out.append(_with_items(text, numbers, marks))
    return "".join(out)


def _with_items(text: str, numbers: list[Iterator[int] | None], marks: bool) -> str:
    """What stands in the innermost of the lists that are open."""
    if _ITEM not in text:
        return text
    if not marks:
        return text.replace(_ITEM, _LINE)
    before = _LINE + _INDENT * min(len(numbers) - 1, _MAX_DEPTH)
    if numbers and (number := numbers[-1]):
        return _ITEMS.sub(lambda _: f"{before}{next(number)}. ", text)
    return _ITEMS.sub(f"{before}* ", text)
