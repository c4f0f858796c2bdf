"""The lines of a document with those that went: struck through on a terminal, elsewhere with a mark before them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from ..pipelines.line_changes import Change
from .visible import one_line

MARGIN = 30  # columns on the right for reasons, on a terminal that is wide enough
WIDE = 90
MARKS = {"stays": "  ", "gone": "- ", "new": "+ "}
STYLES = {"stays": "", "gone": "strike red", "new": "green"}


def is_plain(console: Console) -> bool:
    """Whether nothing can be struck through: not a terminal, or one without colours."""
    return console.color_system is None or console.no_color


def printed(changes: Sequence[Change], console: Console, max_lines: int, max_chars: int) -> Text:
    """The lines as they are to be printed, of all at most `max_lines`, of each at most `max_chars`."""
    shown = changes[:max_lines]
    lines = [_plain(one, max_chars) for one in shown] if is_plain(console) else _struck(shown, console, max_chars)
    if len(changes) > max_lines:
        lines.append(Text(f"… and {len(changes) - max_lines:,} more lines", style="dim"))
    return Text("\n").join(lines)


def _plain(change: Change, max_chars: int) -> Text:
    return Text(MARKS[change.kind] + _cut(change.text, max_chars) + (f"  [{change.why}]" if change.why else ""))


def _struck(changes: Sequence[Change], console: Console, max_chars: int) -> list[Text]:
    """Reasons stand at the right margin, or behind their lines where that would leave too little room."""
    wide = console.width >= WIDE
    room = console.width - MARGIN - 2 if wide else console.width
    lines = []
    for change in changes:
        text = Text(_cut(change.text, max_chars), style=STYLES[change.kind])
        if not wide:
            lines.append(Text.assemble(text, (f"  [{change.why}]" if change.why else "", "dim")))
            continue
        first, *rest = text.wrap(console, room) or [Text("")]
        if change.why:
            first.truncate(room, pad=True)
            why = Text(change.why, style="dim")
            why.truncate(MARGIN, overflow="ellipsis")
            first = Text.assemble(first, "  ", why)
        lines += [first, *rest]
    return lines


def _cut(text: str, max_chars: int) -> str:
    more = f"… ({len(text):,} characters)" if len(text) > max_chars else ""
    return one_line(text[:max_chars]) + more
