"""The fate of one document for a terminal: verdict, steps, and its lines with those that went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..pipelines.why import Fate, LineFate
from ..records import counted

SHOWN_LINES, SHOWN_CHARS = 1000, 200  # of a document, of a line; --json has all


def show(fate: Fate, console: Console) -> None:
    """Print the fate of one document."""

    def say(text: str, style: str = "") -> None:
        console.print(Text(text), style=style, soft_wrap=True)

    verdict = "kept" if fate.outcome == "kept" else f"dropped: {fate.outcome}, {fate.description}"
    say(f"{fate.id}  {fate.url}", "bold")
    say(verdict, "green" if fate.outcome == "kept" else "red")
    say(f"  listed in       {fate.path}, row {fate.row}")
    say(f"  read from       {fate.input}")
    for name, value in fate.facts.items():
        if name != "url" and value not in (None, ""):
            say(f"  {name:<15} {str(value).replace(chr(10), chr(10) + ' ' * 18)}")
    if fate.steps:
        table = Table(box=box.SIMPLE_HEAD)
        for column in ("step", "outcome", ""):
            table.add_column(column)
        for step in fate.steps:
            table.add_row(*map(Text, (step.step, step.outcome, step.detail)))
        console.print(table)
    for name, lines in groupby(fate.lines, key=lambda line: line.step):
        _show_lines(name, list(lines), say)


def _show_lines(step: str, lines: Sequence[LineFate], say: Callable[[str, str], None]) -> None:
    """The lines that came to one step."""
    gone = sum(line.reason is not None for line in lines)
    counted_too = "; before each, how many documents of its group have it" if lines[0].documents is not None else ""
    say(f"{step}: {counted(len(lines), 'line')}, {gone} gone{counted_too}:", "")
    for line in lines[:SHOWN_LINES]:
        n_documents = f"{line.documents:>9,} " if line.documents is not None else "  "
        mark = "−" if line.reason else " "
        why = f"  [{line.reason}]" if line.reason else ""
        more = f"… ({len(line.text):,} characters)" if len(line.text) > SHOWN_CHARS else ""
        say(f"{n_documents}{mark} {line.text[:SHOWN_CHARS]}{more}{why}", "red" if line.reason else "")
    if len(lines) > SHOWN_LINES:
        say(f"… and {len(lines) - SHOWN_LINES:,} more lines; --json has all", "")
