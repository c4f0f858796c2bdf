"""The fate of one document for a terminal: verdict, steps, and its lines with those that went."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..pipelines.fate import KEPT, Fate, LineFate
from ..pipelines.listing import DETAILS
from ..records import counted
from .changes import printed
from .visible import brief, one_line, visible
from .words import verdict

SHOWN_LINES, SHOWN_CHARS = 1000, 200  # of a document, of a line; --json has all


def show(fate: Fate, console: Console, called: Mapping[str, str]) -> None:
    """Print the fate of one document.

    Args:
        called: reason → what the measure of a document that went for it is called.
    """
    names = {"measure": called.get(fate.outcome), "detail": DETAILS.get(fate.outcome)}

    def say(text: str, style: str = "") -> None:
        console.print(Text(text), style=style, soft_wrap=True)

    say(f"{one_line(fate.id)}  {one_line(fate.url)}", "bold")
    say(verdict(fate.outcome, fate.description), "green" if fate.outcome == KEPT else "red")
    if fate.note:
        say(f"  {visible(fate.note)}")
    say(f"  listed in       {one_line(fate.path)}, row {fate.row}")
    say(f"  read from       {one_line(fate.input)}")
    for name, value in fate.facts.items():
        if name != "url" and value not in (None, ""):
            said = brief(value) if isinstance(value, float) else visible(str(value))
            say(f"  {one_line(names.get(name) or name):<15} {said.replace(chr(10), chr(10) + ' ' * 18)}")
    if fate.steps:
        table = Table(box=box.SIMPLE_HEAD)
        for column in ("step", "outcome", ""):
            table.add_column(column)
        for step in fate.steps:
            table.add_row(*map(one_line, (step.step, step.outcome, step.detail)))
        console.print(table)
    for name, lines in groupby(fate.lines, key=lambda line: line.step):
        _show_lines(name, list(lines), say)
    if not fate.lines and any(line.kind != "stays" for line in fate.changes):
        say("From the text as it was read to the text at the end, line by line:")
        console.print(printed(fate.changes, console, SHOWN_LINES, SHOWN_CHARS), soft_wrap=True)


def _show_lines(step: str, lines: Sequence[LineFate], say: Callable[[str, str], None]) -> None:
    """The lines that came to one step."""
    gone = sum(line.reason is not None for line in lines)
    counted_too = "; before each, how many documents of its group have it" if lines[0].documents is not None else ""
    say(f"{one_line(step)}: {counted(len(lines), 'line')}, {gone} gone{counted_too}:", "")
    for line in lines[:SHOWN_LINES]:
        n_documents = f"{line.documents:>9,} " if line.documents is not None else "  "
        mark = "−" if line.reason else " "
        why = f"  [{line.reason}]" if line.reason else ""
        more = f"… ({len(line.text):,} characters)" if len(line.text) > SHOWN_CHARS else ""
        text = one_line(line.text[:SHOWN_CHARS])
        say(f"{n_documents}{mark} {text}{more}{why}", "red" if line.reason else "")
    if len(lines) > SHOWN_LINES:
        say(f"… and {len(lines) - SHOWN_LINES:,} more lines; --json has all", "")
