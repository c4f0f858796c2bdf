"""Lines of text once brackets are gone: headings, lists, what is left of tables, and the gaps that templates leave."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from .wikitext_scan import GAP

_CELLS = re.compile(r"\|\||!!")
_SENTENCE_END = (".", "!", "?", "…", "。")
_CLOSING_MARKS = "\"'”’»“)] \t"
_SENTENCE_SPACES, _TEXT_SPACES = 7, 40
_PUNCTUATION = (",", ".", ";", ")", ":", "!", "?")
_SEPARATORS = " ,;:\t"
_SEPARATORS_LEFT = (",", ";", ":")
_LEFT_ALONE = GAP + " \t*#:;,.()}—–-"
"""What may be left of a line that held nothing but templates."""
_REST_OF_ITEM = re.compile(rf"[*#:; \t]*+[{GAP} ]++([^\W\d_]++)[{GAP} .,;:]*+")
"""An item of a list that begins with a template, and of which a word is left."""
_PLACEHOLDER = ".…"  # an item of a list that is still to be written
_LINE_MARKS = frozenset("=*#:;|{} -\t")
_CELL_MARKS = ("|", "!")
_SPACES = re.compile(r"(?<=[^ ])  +")
_URL: Final = r"(?:[A-Za-z][A-Za-z0-9+.-]*+://|www\.)\S++"
_ONLY_URL = re.compile(rf"[*#:; \t]*+{_URL}")
_URL_BEFORE_NAME = re.compile(rf"(?<=[*#])[ \t]*+{_URL}[ \t]++(?:[-–—:][ \t]++)?(?=\w)")
_SENTENCE_STOP = re.compile(r"[.!?…]++[\"'”’»)\]]*+(?= )")
_SURE_STOP = re.compile(r"(?:\w{4}|[%\"'”’»)\]])[.!?…]|[^.][!?…]")
"""Of a sentence's end, with what stands before it: no end of an abbreviation or of an ordinal number."""
_MAX_RANK: Final = 6
_ALWAYS: Final = _MAX_RANK + 1


def is_prose(text: str) -> bool:
    """A sentence of at least eight words, which a table's data seldom is.

    >>> is_prose("He was born in a small town by the sea."), is_prose("12,345 || 7.1")
    (True, False)
    """
    return text.count(" ") >= _SENTENCE_SPACES and text.rstrip(_CLOSING_MARKS).endswith(_SENTENCE_END)


def close_gaps(line: str) -> str:
    """Mend the punctuation around what was taken out: no empty brackets, no separator that separates nothing.

    >>> close_gaps("Foo (\x02; born 1950; \x02) is\x02 a (\x02) town \x02.")
    'Foo (born 1950) is a town.'
    >>> close_gaps("Berlin (\x02, \x02; German: \x02; from \x02, \x02) lies, \x02.")
    'Berlin (German: from) lies.'
    """
    before, *others = line.split(GAP)
    end = len(before)  # of what stays of it: moved back rather than cut, as many gaps can follow one piece
    pieces: list[str] = []
    for after in others:
        if before.endswith("(", 0, end):
            after = after.lstrip(_SEPARATORS)
            if after.startswith(")"):
                end, after = _strip_end(before, end - 1, " "), after[1:]
        elif after.lstrip(_SEPARATORS).startswith(")"):
            end, after = _strip_end(before, end, _SEPARATORS), after.lstrip(_SEPARATORS)
        elif after.startswith(_PUNCTUATION):
            end = _strip_end(before, end, " ")
            if before.endswith(_SEPARATORS_LEFT, 0, end):  # what they separated is gone
                after = after.lstrip(_SEPARATORS)
                end = _strip_end(before, end, _SEPARATORS) if after.startswith(_SENTENCE_END) else end
                after = f" {after}" if after and after[0] not in _PUNCTUATION else after
        elif before.endswith(" ", 0, end):
            after = after.lstrip(" ")
        if after:
            pieces.append(before[:end])
            before, end = after, len(after)
    return "".join((*pieces, before[:end]))


def _strip_end(text: str, end: int, marks: str) -> int:
    while end and text[end - 1] in marks:
        end -= 1
    return end


def without_urls(line: str) -> str:
    """The line without an address that stands alone, or that an item of a list begins with; others are text.

    >>> without_urls("* http://a.org/b"), without_urls("www.a.org"), without_urls("* http://a.org – The A")
    ('', '', '*The A')
    >>> without_urls("See http://a.org."), without_urls("http://a.org is an address."), without_urls("* The A, http://a.org")
    ('See http://a.org.', 'http://a.org is an address.', '* The A, http://a.org')
    """
    return "" if _ONLY_URL.fullmatch(line) else _URL_BEFORE_NAME.sub("", line, count=1)


def without_lead_in(line: str) -> str:
    """The line without its last sentence; with it where that may begin behind an abbreviation.

    >>> without_lead_in("It has two clubs. The others include:"), without_lead_in("The clubs of St Ives are:")
    ('It has two clubs.', '')
    >>> without_lead_in("Born in St. Ives, he wrote:")
    'Born in St. Ives, he wrote:'
    """
    stops = [stop for stop in _SENTENCE_STOP.finditer(line) if not line[stop.end() + 1 : stop.end() + 2].islower()]
    if not stops:
        return ""
    last = stops[-1]
    is_sure = _SURE_STOP.match(line, max(0, last.start() - 4)) or _SURE_STOP.match(line, max(0, last.start() - 1))
    return line[: last.end()] if is_sure else line


class _Mark(NamedTuple):
    """A line that stays only with text below it: a heading, or a line before one that ends in a colon."""

    line: int  # its index
    rank: int  # of the heading, or of that over the line; _ALWAYS where a table gave nothing
    is_heading: bool


class _Layout:
    """Writes lines out, and marks those that go where nothing is left below them."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.marks: list[_Mark] = []
        self.rank = self.after_heading = 0
        self.cell: list[str] = []
        self.tables = self.before_table = 0

    def blank(self) -> None:
        if self.out and self.out[-1] and len(self.out) != self.after_heading:
            self.out.append("")

    def heading(self, line: str) -> None:
        rank = min(len(line) - len(line.lstrip("=")), len(line) - len(line.rstrip("=")), _MAX_RANK)
        self.end_section()
        self.rank = rank
        self.marks.append(_Mark(len(self.out), rank, is_heading=True))
        self.out.append(line.strip("= \t"))
        self.after_heading = len(self.out)

    def end_section(self) -> None:
        self.end_cell()
        if self.tables:
            self.tables = 0
            self.end_table()
        self.mark_lead_in(self.rank)

    def end_table(self) -> None:
        if self.last_text() < self.before_table:
            self.mark_lead_in(_ALWAYS)

    def last_text(self) -> int:
        """The index of the last line with text, of which only a blank one is behind it."""
        last = len(self.out) - 1
        return last - (last >= 0 and not self.out[last])

    def mark_lead_in(self, rank: int) -> None:
        last = self.last_text()
        if last >= self.after_heading and self.out[last].endswith(":"):
            self.marks.append(_Mark(last, rank, is_heading=False))

    def item(self, text: str) -> None:
        """Write an item of a list, which a line before a table may well lead to."""
        if self.marks and self.marks[-1].rank == _ALWAYS and self.marks[-1].line == self.last_text():
            self.marks.pop()
        self.out.append(text)

    def end(self) -> str:
        """All lines that stay, now that it is known what is below each."""
        self.end_section()
        out = self.out
        end, below = len(out), 0  # the lowest rank of the headings between here and the next text: with none, 0
        for index, rank, is_heading in reversed(self.marks):
            first = index + 1
            if first < end and (out[first] or (first + 1 < end and out[first + 1])):  # one of them is not blank
                below = _ALWAYS
            stays = below > rank
            if not stays and is_heading:
                out[index] = ""
            elif not stays and out[index].endswith(":"):
                out[index] = without_lead_in(out[index])
            if stays or out[index]:
                below = rank if is_heading else _ALWAYS
            end = index
        return "\n".join(self.closed_up()).strip("\n")

    def closed_up(self) -> list[str]:
        """The lines without those that went: one blank line above each heading, and none below it but another's."""
        kept: list[str] = []
        position = below_heading = 0
        for index, _, is_heading in self.marks:
            if index < position:  # marked twice
                continue
            kept += self.out[position:index]
            position = index + 1
            line = self.out[index]
            if is_heading and kept and kept[-1]:
                kept.append("")
            if line:
                kept.append(line)
                below_heading = len(kept) if is_heading else 0
            elif not is_heading and (not kept or not kept[-1] or len(kept) == below_heading):
                position += self.out[position : position + 1] == [""]
        return kept + self.out[position:]

    def end_cell(self) -> None:
        """Write what is text of the last cell (or row of cells): all of it when it is long, else its sentences."""
        lines, self.cell = self.cell, []
        if not lines or sum(line.count(" ") for line in lines) < _SENTENCE_SPACES:
            return
        *cells, last = _CELLS.split(lines[0])
        for text in cells:
            self.write_cell([text])
        self.write_cell([last, *lines[1:]])

    def write_cell(self, lines: list[str]) -> None:
        texts = [line.rpartition("|")[2].strip("|!*#:; \t") for line in lines]
        is_text = sum(text.count(" ") for text in texts) >= _TEXT_SPACES
        for text in texts:
            if text and (is_text or is_prose(text)):
                self.out.append(text)

    def marked(self, line: str) -> None:
        """A line inside a table, or one that begins with a mark."""
        if self.tables and (stripped := line.lstrip(" \t")).startswith(_CELL_MARKS):
            line = stripped
        mark = line[0]
        if mark == "|" or (mark == "!" and self.tables):
            self.end_cell()
            if line[1:2] == "}" and self.tables:
                self.tables -= 1
                if not self.tables:
                    self.end_table()
            if line[1:2] == "}":
                line = line[2:]
            self.cell = [line]
            if not self.tables:
                self.end_cell()
        elif "{|" in line and line.lstrip("*#:; ").startswith("{|"):
            self.end_cell()
            if not self.tables:
                self.before_table = len(self.out)
            self.tables += 1
        elif mark == "=" and line[-1] == "=" and len(line) > 2:
            self.heading(line)
        elif self.tables:
            self.cell.append(line)
        elif mark == " ":
            self.out.append(line[1:])
        elif line.startswith("==") and (title := line.strip("= 	")):  # not closed, or with text behind it
            self.out.append(" ".join(part.strip("= \t") for part in title.split("==", maxsplit=1)))
        elif (mark not in "}-" or line.strip("}- ")) and (text := line.lstrip("*#:; ")) and text.strip(_PLACEHOLDER):
            self.item(text)


def lay_out(text: str) -> str:
    """Give each heading, list item and line of prose a line of its own, without its mark; tables keep sentences only.

    What stands above nothing goes: a heading without text in its section and those below it, and a last sentence of a
    section that ends in a colon, or of what stands before a table that gave no text. So do addresses alone on a line,
    and rows of a table or of a template that was never closed. At most one blank line in a row is left; runs of spaces
    inside a line become one.

    >>> lay_out("== A ==\\n=== B ===\\n* one\\n== C ==\\n{|\\n|-\\n| 1 || 2\\n|}")
    'A\\n\\nB\\none'
    >>> lay_out("Some went. The others are:\\n{|\\n| 1 || 2\\n|}\\nThree.\\n== A ==\\nLinks:\\n* http://a.org")
    'Some went.\\nThree.'
    """
    layout = _Layout()
    has_urls = "://" in text or "www." in text
    for line in text.split("\n"):
        if GAP in line:
            rest = _REST_OF_ITEM.fullmatch(line) if line[0] in "*#" else None
            if not line.strip(_LEFT_ALONE) or (rest and rest[1].islower()):  # a word with a capital is a name
                continue
            line = close_gaps(line)
        line = line.rstrip()
        if not line:
            layout.blank()
            continue
        if "  " in line:
            line = _SPACES.sub(" ", line)
        if layout.tables:
            layout.marked(line)
            continue
        if has_urls and ("://" in line or "www." in line):
            line = without_urls(line)
        if line and line[0] in _LINE_MARKS:
            layout.marked(line)
        elif line:
            layout.out.append(line)
    return layout.end()
