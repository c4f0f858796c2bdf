"""The fate of one document for a terminal: verdict, steps, and its lines with those that went."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..pipelines.why import Fate
from ..records import Reason, counted

SHOWN_LINES, SHOWN_CHARS = 1000, 200  # of a document, of a line; --json has all


def show(fate: Fate, console: Console) -> None:
    """Print the fate of one document."""

    def say(text: str, style: str = "") -> None:
        console.print(Text(text), style=style, soft_wrap=True)

    verdict = "kept" if fate.outcome == "kept" else f"dropped: {fate.outcome}, {Reason(fate.outcome).description}"  # type: ignore[call-arg]
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
    if fate.lines:
        gone = sum(line.reason is not None for line in fate.lines)
        say(f"{counted(len(fate.lines), 'line')}, {gone} gone; before each, how many documents of its group have it:")
    for line in fate.lines[:SHOWN_LINES]:
        mark = "−" if line.reason else " "
        why = f"  [{line.reason}]" if line.reason else ""
        more = f"… ({len(line.text):,} characters)" if len(line.text) > SHOWN_CHARS else ""
        say(f"{line.documents:>9,} {mark} {line.text[:SHOWN_CHARS]}{more}{why}", "red" if line.reason else "")
    if len(fate.lines) > SHOWN_LINES:
        say(f"… and {len(fate.lines) - SHOWN_LINES:,} more lines; --json has all")
