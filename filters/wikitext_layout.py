"""Lines of text once brackets are gone: headings, lists, what is left of tables, and the gaps that templates leave."""

from __future__ import annotations

import re

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
_PLACEHOLDER = ".…"  # an item of a list that is still to be written
_LINE_MARKS = frozenset("=*#:;|{} -\t")
_CELL_MARKS = ("|", "!")
_SPACES = re.compile(r"(?<=[^ ])  +")


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


class _Layout:
    """Writes lines out, and a heading only when text follows it before the next of its rank or above."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.headings: list[tuple[int, str]] = []
        self.cell: list[str] = []
        self.tables = 0

    def write(self, line: str) -> None:
        if self.headings:
            for _, title in self.headings:
                self.blank()
                self.out.append(title)
            self.headings.clear()
        self.out.append(line)

    def blank(self) -> None:
        if self.out and self.out[-1]:
            self.out.append("")

    def heading(self, line: str) -> None:
        rank = min(len(line) - len(line.lstrip("=")), len(line) - len(line.rstrip("=")))
        title = line.strip("= \t")
        self.end_cell()
        self.tables = 0
        self.blank()
        while self.headings and self.headings[-1][0] >= rank:
            self.headings.pop()
        if title:
            self.headings.append((rank, title))

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
                self.write(text)

    def marked(self, line: str) -> None:
        """A line inside a table, or one that begins with a mark."""
        if self.tables and (stripped := line.lstrip(" \t")).startswith(_CELL_MARKS):
            line = stripped
        mark = line[0]
        if mark == "|" or (mark == "!" and self.tables):
            self.end_cell()
            if line[1:2] == "}":
                self.tables = max(0, self.tables - 1)
                line = line[2:]
            self.cell = [line]
            if not self.tables:
                self.end_cell()
        elif "{|" in line and line.lstrip("*#:; ").startswith("{|"):
            self.end_cell()
            self.tables += 1
        elif mark == "=" and line[-1] == "=" and len(line) > 2:
            self.heading(line)
        elif self.tables:
            self.cell.append(line)
        elif mark == " ":
            self.write(line[1:])
        elif line.startswith("==") and (title := line.strip("= 	")):  # not closed, or with text behind it
            self.write(" ".join(part.strip("= \t") for part in title.split("==", maxsplit=1)))
        elif (mark not in "}-" or line.strip("}- ")) and (text := line.lstrip("*#:; ")) and text.strip(_PLACEHOLDER):
            self.write(text)


def lay_out(text: str) -> str:
    """Give each heading, list item and line of prose a line of its own, without its mark; tables keep sentences only.

    A heading with nothing left below it goes. So does a row of a table or of a template that was never closed.
    At most one blank line in a row is left; runs of spaces inside a line become one.

    >>> lay_out("== A ==\\n=== B ===\\n* one\\n== C ==\\n{|\\n|-\\n| 1 || 2\\n|}")
    'A\\n\\nB\\none'
    """
    layout = _Layout()
    for line in text.split("\n"):
        if GAP in line:
            if not line.strip(_LEFT_ALONE):
                continue
            line = close_gaps(line)
        line = line.rstrip()
        if not line:
            layout.blank()
            continue
        if "  " in line:
            line = _SPACES.sub(" ", line)
        if layout.tables or line[0] in _LINE_MARKS:
            layout.marked(line)
        elif layout.headings:
            layout.write(line)
        else:
            layout.out.append(line)
    layout.end_cell()
    return "\n".join(layout.out).rstrip("\n")
