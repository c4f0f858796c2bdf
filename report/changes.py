"""The lines of a document with those that went: struck through on a terminal, elsewhere with a mark before them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from rich.console import Console
from rich.text import Text

from ..pipelines.line_changes import Change
from .visible import one_line

MARGIN = 30  # columns on the right for reasons, on a terminal that is wide enough
WIDE = 90
RUN, RUN_HEAD, RUN_TAIL = 14, 8, 4  # lines of one kind in a row that are shown whole, or only the ends of which are
MARKS = {"stays": "  ", "gone": "- ", "new": "+ "}
STYLES = {"stays": "", "gone": "strike red", "new": "green"}
SAID = {"stays": "stay", "gone": "went", "new": "are new"}


def is_plain(console: Console) -> bool:
    """Whether nothing can be struck through: not a terminal, or one without colours."""
    return console.color_system is None or console.no_color


def printed(changes: Sequence[Change], console: Console, max_lines: int, max_chars: int, folded: bool = False) -> Text:
    """The lines as they are to be printed, of all at most `max_lines`, of each at most `max_chars`.

    Args:
        folded: of long runs of lines of one kind show the ends alone.
    """
    shown = list(_folded(_once(changes)) if folded else _once(changes))
    lines: list[Text] = []
    for one in shown[:max_lines]:
        if isinstance(one, str):
            lines.append(Text(one, style="dim"))
        else:
            lines += [_plain(one, max_chars)] if is_plain(console) else _struck(one, console, max_chars)
    if len(shown) > max_lines:
        lines.append(Text(f"… and {len(shown) - max_lines:,} more lines", style="dim"))
    return Text("\n").join(lines)


def _once(changes: Sequence[Change]) -> Iterator[Change]:
    """The same lines, the name of a step that wrote several in a row anew before the first of them alone."""
    yield from changes[:1]
    for before, one in pairwise(changes):
        again = one.why == before.why and not one.is_reason
        yield Change(one.kind, one.text) if again else one


def _folded(changes: Iterator[Change]) -> Iterator[Change | str]:
    for kind, group in groupby(changes, key=lambda one: one.kind):
        run = list(group)
        if len(run) <= RUN:
            yield from run
            continue
        yield from run[:RUN_HEAD]
        yield f"  … {len(run) - RUN_HEAD - RUN_TAIL:,} more lines {SAID[kind]} …"
        yield from run[-RUN_TAIL:]


def _plain(change: Change, max_chars: int) -> Text:
    return Text(
        MARKS[change.kind] + _cut(change.text, max_chars) + (f"  [{one_line(change.why)}]" if change.why else "")
    )


def _struck(change: Change, console: Console, max_chars: int) -> list[Text]:
    """Reasons stand at the right margin, or behind their lines where that would leave too little room."""
    text = Text(_cut(change.text, max_chars), style=STYLES[change.kind])
    if console.width < WIDE:
        return [Text.assemble(text, (f"  [{one_line(change.why)}]" if change.why else "", "dim"))]
    room = console.width - MARGIN - 2
    first, *rest = text.wrap(console, room) or [Text("")]
    if change.why:
        space = " " * max(0, room - first.cell_len)
        why = Text(one_line(change.why), style="dim")
        why.truncate(MARGIN, overflow="ellipsis")
        first = Text.assemble(first, space, "  ", why)
    return [first, *rest]


def _cut(text: str, max_chars: int) -> str:
    more = f"… ({len(text):,} characters)" if len(text) > max_chars else ""
    return one_line(text[:max_chars]) + more
