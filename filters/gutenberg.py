"""What Project Gutenberg puts around its texts: headers, credits, transcribers' notes, footers with the licence.

Since 1971 they had many forms, but a header always comes first and a footer last, and in both some words
(`gutenberg.yaml`) are never far from each other. So a header is the run of such words from the beginning of the text to
the last line that ends one, and a footer the run from the first line that begins one to the text's end. In front of
the book, and behind it, paragraphs go that are told by how they begin. Nothing else goes, wherever it speaks of
Gutenberg, but for the notice that the Shakespeare of 1994 has after each of its plays.
Source: LLaMA (2023) section 2.1 for the books; the files of www.gutenberg.org themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

import yaml

_GAP: Final = 3000  # characters between two words of a header or footer; real ones have no more than 1,300
_FOOTER_CHARS: Final = 64 << 10  # those with licence, donations and small print have up to 30,000
_FOOTER_WORDS: Final = ("gutenberg", "etext", "e-text", "ebook", "e-book", "small print")  # one is in each
_CREDITS_WITHIN: Final = 3000  # characters of the book's own, so that a title page may come first
_NOTES_WITHIN: Final = 12_000  # and a table of contents
_BLOCK_CHARS: Final = 8000  # of a note in brackets
_LOOK_CHARS: Final = 1500  # of a paragraph, which may be a whole book on one line
_MAX_NOTE_SHARE, _MAX_NOTE_CHARS = 0.15, 40_000  # of the text, from the heading of a note at its end on
_MIN_SHARE_OF_WORDS: Final = 0.5  # of the paragraphs of such a note that speak as notes do; real ones: 0.66 and more
_MAX_PASSES: Final = 8  # what goes may bring up what stood behind it: a header of a header of …

_DECORATION = r"[ \t*\[({|_+=#<>~-]{0,80}+(?:\n[ \t*|]{0,20}+)?"
_PARAGRAPH = re.compile(r"^[^\S\n]*+\S[^\n]*+(?:\n[^\S\n]*+\S[^\n]*+)*+", re.MULTILINE)
_TEXT = re.compile(r"[^\W_]")
_BLANK = re.compile(r"(?:[^\S\n]*+\n)*+")
_SHAKESPEARE = re.compile(r"<<THIS ELECTRONIC VERSION[^<>]{0,2000}>>[^\S\n]*\n?")
_CLOSING = {"[": "]", "{": "}"}


class Part(NamedTuple):
    """A piece that went. `kind` is header, notice, metadata, credits, note or footer."""

    kind: str
    text: str


class Stripped(NamedTuple):
    """A text without its boilerplate, and what went."""

    text: str
    parts: tuple[Part, ...]


class _Cut(NamedTuple):
    kind: str
    start: int
    end: int


def strip_boilerplate(text: str) -> Stripped:
    r"""A book's own text; a text without boilerplate comes back as it is. Lines end with \n.

    Time grows with the length of the text; what is done twice changes nothing, unless headers nest deeper than any do.

    >>> text, parts = strip_boilerplate(
    ...     "The Project Gutenberg EBook of Moss\n\n*** START OF THIS PROJECT GUTENBERG EBOOK MOSS ***\n\n"
    ...     "Produced by A. Volunteer\n\n\nMOSS\n\nIt is green.\n\n*** END OF THIS PROJECT GUTENBERG EBOOK MOSS ***\n"
    ... )
    >>> text, [part.kind for part in parts]
    ('MOSS\n\nIt is green.\n', ['header', 'credits', 'footer'])
    >>> strip_boilerplate("End of the chapter on Gutenberg.")
    Stripped(text='End of the chapter on Gutenberg.', parts=())
    """
    parts: list[Part] = []
    for _ in range(_MAX_PASSES):
        cuts = _cuts(text)
        if not cuts:
            break
        parts += [Part(cut.kind, text[cut.start : cut.end].strip()) for cut in cuts]
        text = _without(text, cuts)
    return Stripped(text, tuple(parts))


def _cuts(text: str) -> list[_Cut]:
    """What goes, in the text's order, without overlaps."""
    start = _header_end(text)
    stop = _footer_start(text, start)
    cuts = [_Cut("header", 0, start)] if start else []
    cuts += _front(text, start, stop, after_header=start > 0 or stop < len(text))
    if stop < len(text):
        cuts.append(_Cut("footer", stop, len(text)))
    begin = max((cut.end for cut in cuts if cut.kind != "footer"), default=0)
    cuts += (_Cut("notice", *match.span()) for match in _SHAKESPEARE.finditer(text, begin, stop))
    if note := _closing_note(text, begin, stop):
        cuts = [cut for cut in cuts if cut.end <= note.start or cut.start >= note.end]
        cuts.append(note)
    return sorted(cuts, key=lambda cut: cut.start)


def _without(text: str, cuts: list[_Cut]) -> str:
    """The text without its cuts and the blank lines that stood after them."""
    kept, place = [], 0
    for cut in cuts:
        kept.append(text[place : cut.start])
        place = _end_of_blank(text, cut.end)
    whole = "".join([*kept, text[place:]])
    if cuts[0].start == 0:
        whole = whole[_end_of_blank(whole, 0) :]
    if place < len(text):
        return whole
    whole = whole.rstrip()
    return whole and whole + "\n"


# ---- the runs of words at both ends ----------------------------------------------------------------------------------


def _header_end(text: str) -> int:
    """Where the text's header ends: after the last line that ends one before a gap, or a footer; 0 without a header."""
    pattern, end, place = _pattern("end", "start", "small_print", "words"), 0, 0
    while (match := pattern.search(text, place, place + _GAP)) and match.lastgroup != "end":
        place = match.end()
        if match.lastgroup == "start" or (match.lastgroup == "small_print" and _TEXT.search(text, place)):
            end = place
    return end


def _footer_start(text: str, start: int) -> int:
    """Where the text's footer begins, at `start` or after it; the text's length without a footer."""
    begin, last = None, 0
    region = max(start, len(text) - _FOOTER_CHARS)
    ending = text[region:].lower()
    if not any(word in ending for word in _FOOTER_WORDS):  # much faster to see
        return len(text)
    for match in _pattern("end", "tail", "words").finditer(text, region):
        if match.start() - last > _GAP:
            begin = None
        if begin is None and match.lastgroup != "words":
            begin = match.start()
        last = match.end()
    if begin is None or len(text) - last > _GAP:
        return len(text)
    while (before := _last_paragraph(text, start, begin)) and _begins("notice").match(text, *before):
        begin = before[0]
    return begin


def _last_paragraph(text: str, start: int, stop: int) -> tuple[int, int] | None:
    """Where the paragraph before `stop` begins and ends, if it is short."""
    region = max(start, stop - _LOOK_CHARS)
    spans = [paragraph.span() for paragraph in _PARAGRAPH.finditer(text, _line_start(text, region), stop)]
    return spans[-1] if spans and spans[-1][0] >= region else None


# ---- paragraphs in front of the book, and behind it ------------------------------------------------------------------


def _front(text: str, start: int, stop: int, *, after_header: bool) -> Iterator[_Cut]:
    """What goes of the first paragraphs. How much is looked at depends on what stays, so that a second look is idle."""
    n_kept, place = 0, start
    while n_kept <= _NOTES_WITHIN and (paragraph := _PARAGRAPH.search(text, place, stop)):
        begin, place = paragraph.span()
        kind = _kind(text, begin, place, after_header=after_header, n_kept=n_kept)
        if not kind:
            n_kept += place - begin
            continue
        place = min(_note_end(text, begin, place), stop) if kind == "note" else place
        after_header |= kind in ("notice", "credits")
        yield _Cut(kind, begin, place)


def _kind(text: str, start: int, end: int, *, after_header: bool, n_kept: int) -> str:
    """What a paragraph is, "" for one of the book's own; `n_kept` characters of that stand before it."""
    end = min(end, start + _LOOK_CHARS)
    if _begins("note").match(text, start, end) or _bracketed_notice(text, start, end):
        return "note"
    if n_kept > _CREDITS_WITHIN:
        return ""
    if _begins("notice").match(text, start, end):
        return "notice"
    if _begins("credits").match(text, start, end):
        is_first = after_header and n_kept == 0
        return "credits" if is_first or _pattern("credit_words").search(text, start, end) else ""
    return "metadata" if after_header and n_kept == 0 and _begins("metadata").match(text, start, end) else ""


def _bracketed_notice(text: str, start: int, end: int) -> bool:
    return text[start:end].lstrip().startswith("[") and _begins("notice").match(text, start, end) is not None


def _note_end(text: str, start: int, end: int) -> int:
    """Where a note ends whose first paragraph is given: with its bracket, or with what goes on speaking as notes do."""
    first = _PARAGRAPH.match(text, start)
    opening = text[start:end].lstrip()[:1]
    if opening in _CLOSING:
        return _bracket_end(text, start, opening) or end
    margin = _margin(text, start)
    heading = _begins("note").match(text, start, end)
    is_bare = first is not None and heading is not None and not text[heading.end() : end].strip(" \t\n:.*_|+=-")
    while paragraph := _PARAGRAPH.search(text, end):
        begin, limit = paragraph.start(), min(paragraph.end(), paragraph.start() + _LOOK_CHARS)
        words = "note_words_indented" if _margin(text, begin) > margin else "note_words"
        if not is_bare and not _pattern(words).search(text, begin, limit):
            break
        is_bare, end = False, paragraph.end()
    return end


def _bracket_end(text: str, start: int, opening: str) -> int:
    """Behind the bracket that closes the one that opens here; 0 if it is not soon closed."""
    depth = 0
    for match in re.compile("[" + re.escape(opening + _CLOSING[opening]) + "]").finditer(
        text, start, start + _BLOCK_CHARS
    ):
        depth += 1 if match[0] == opening else -1
        if depth == 0:
            return match.end()
    return 0


def _margin(text: str, start: int) -> int:
    match = re.compile(r"[ \t]*").match(text, start)
    return match.end() - start if match else 0


def _closing_note(text: str, start: int, stop: int) -> _Cut | None:
    """A transcriber's note that ends the text: from its heading on, or in brackets."""
    room = min(_MAX_NOTE_CHARS, int((stop - start) * _MAX_NOTE_SHARE))
    for paragraph in _PARAGRAPH.finditer(text, _line_start(text, stop - room), stop):
        begin, end = paragraph.span()
        if not _begins("note").match(text, begin, min(end, begin + _LOOK_CHARS)):
            continue
        if text[begin:end].lstrip()[:1] in _CLOSING:
            end = _note_end(text, begin, end)
            if not text[end:stop].strip():
                return _Cut("note", begin, stop)
        elif not _begins("own").search(text, end, stop) and _speaks_as_note(text, begin, stop):
            return _Cut("note", begin, stop)
        else:
            return _Cut("note", begin, min(_note_end(text, begin, end), stop))
    return None


def _speaks_as_note(text: str, start: int, stop: int) -> bool:
    spans = [paragraph.span() for paragraph in _PARAGRAPH.finditer(text, start, stop)]
    words = _pattern("note_words", "note_words_indented")
    n_speaking = sum(words.search(text, begin, min(end, begin + _LOOK_CHARS)) is not None for begin, end in spans)
    return n_speaking >= _MIN_SHARE_OF_WORDS * len(spans)


def _line_start(text: str, place: int) -> int:
    return text.rfind("\n", 0, max(place, 0)) + 1


def _end_of_blank(text: str, place: int) -> int:
    match = _BLANK.match(text, place)
    return match.end() if match else place


# ---- gutenberg.yaml --------------------------------------------------------------------------------------------------


@cache
def _lists() -> dict[str, list[str]]:
    """The expressions by what they are of, read once."""
    source = resources.files(__package__).joinpath("gutenberg.yaml")
    lists: dict[str, list[str]] = yaml.safe_load(source.read_text(encoding="utf-8"))
    return lists


@cache
def _pattern(*names: str) -> re.Pattern[str]:
    """Any of these lists, each as a group of its name; all but words stand at the beginning of a line."""
    groups = []
    for name in names:
        anywhere = "words" in name
        groups.append(f"(?P<{name}>{'' if anywhere else f'^{_DECORATION}'}(?:{'|'.join(_lists()[name])}))")
    return re.compile("|".join(groups), re.IGNORECASE | re.MULTILINE)


@cache
def _begins(name: str) -> re.Pattern[str]:
    """One of a list, at the beginning of a line, or of a paragraph in a box."""
    return re.compile(rf"^{_DECORATION}(?:{'|'.join(_lists()[name])})", re.IGNORECASE | re.MULTILINE)
