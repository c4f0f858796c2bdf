"""Two runs side by side: what differs, and nothing of what does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..pipelines.comparing import Changed, Comparison, SourceCompared
from ..pipelines.crossing import ABSENT, Crossing
from ..pipelines.fate import KEPT
from ..records import Reason, counted
from .figures import UNKNOWN, decimal, number, percent
from .visible import one_line

ACCOUNTS = ("documents.in", "documents.kept", "bytes.kept", "tokens")  # of a source, beside the reasons
CELLS = 12  # of a source, the largest; --json has all
SHOWN_CHARS = 60  # of a value


def show(found: Comparison, console: Console) -> None:
    """Print what differs between two runs."""

    def say(text: str, style: str = "") -> None:
        console.print(Text(text), style=style, soft_wrap=True)

    say(f"A  {found.a}\nB  {found.b}", "bold")
    if found.same:
        say("The same corpus: all digests are equal.", "green")
    else:
        say(f"Another corpus: {', '.join(one.name for one in found.digests)} differ.", "red")
    for title, rows in (("Settings", found.settings), ("Versions", found.versions)):
        if rows:
            console.print(_values(title, rows))
    for source, inputs in found.inputs.items():
        parts = {"only in A": inputs.only_a, "only in B": inputs.only_b, "with another content": inputs.changed}
        said = ", ".join(f"{n:,} {what}" for what, n in parts.items() if n)
        say(f"Inputs of {source}: {said}, the first {one_line(inputs.first)}.")
    for source, one in found.sources.items():
        _show_source(source, one, console, say)
    if any(a != b for row in found.mixture for a, b in (row["share"], row["written"], row["epochs"])):
        console.print(_mixture(found.mixture))


def _values(title: str, rows: list[Changed]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("", "A", "B"):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(row.name, *_both(row.a, row.b))
    return table


def _both(a: Any, b: Any) -> tuple[str, str]:
    """Two values; of two long lists what only one of them has.

    >>> _both(["en", "de"], ["en", "fr"]), _both(1, None)
    (('en, de', 'en, fr'), ('1', '–'))
    >>> _both(["en"] * 40, [*["en"] * 40, "fr"])
    ('…', '… and fr')
    >>> _both("a" * 90 + "x", "a" * 90 + "y")
    ('…aaaaaaaaaaaaaaaaaaaax', '…aaaaaaaaaaaaaaaaaaaay')
    """
    a, b = (", ".join(map(str, one)) if isinstance(one, list) and _is_short(one) else one for one in (a, b))
    if isinstance(a, list) and isinstance(b, list) and any(one in b for one in a):
        own_a, own_b = ([one for one in own if one not in other] for own, other in ((a, b), (b, a)))
        if own_a or own_b:
            said_a, said_b = (
                "… and " + one_line(", ".join(map(str, own)), SHOWN_CHARS) if own else "…" for own in (own_a, own_b)
            )
            return said_a, said_b
    texts = [UNKNOWN if one is None else str(one) for one in (a, b)]
    if a != b and texts[0][:SHOWN_CHARS] == texts[1][:SHOWN_CHARS]:  # long ones from where they part
        at = next((place for place, (x, y) in enumerate(zip(*texts, strict=False)) if x != y), min(map(len, texts)))
        texts = [f"…{text[max(0, at - 20) :]}" for text in texts]
    said_a, said_b = (one_line(text, SHOWN_CHARS) for text in texts)
    return said_a, said_b


def _is_short(values: list[Any]) -> bool:
    return bool(values) and len(", ".join(map(str, values))) <= SHOWN_CHARS


def _show_source(source: str, one: SourceCompared, console: Console, say: Callable[..., None]) -> None:
    if not (one.a and one.b):
        say(f"{source}: in {'A' if one.a else 'B'} alone.", "bold")
        return
    if one.same and not any(_differs(row) for row in one.counts):
        say(f"{source}: the same documents, the same accounts.")
        return
    table = Table(title=source, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("")
    for name in ("A", "B", "B − A"):
        table.add_column(name, justify="right")
    for row in _ordered(one.counts):
        more = f"{row.b - row.a:+,}" if _differs(row) else ""
        table.add_row(row.name, number(row.a), number(row.b), more, style="" if more else "dim")
    console.print(table)
    if one.same:
        say("  The same documents.")
    elif one.crossing:
        for line in _crossing(one.crossing):
            say(line)
        say("")


def _differs(row: Changed) -> bool:
    return row.a != row.b and None not in (row.a, row.b)


def _ordered(counts: list[Changed]) -> Iterator[Changed]:
    """What was read, the reasons in their order, what was kept; then whatever else differs."""
    by_name = {row.name: row for row in counts}
    reasons = [f"documents.dropped.{reason}" for reason in Reason]
    names = [ACCOUNTS[0], *reasons, *ACCOUNTS[1:]]
    yield from (by_name[name] for name in names if name in by_name)
    yield from (row for row in counts if row.name not in names and _differs(row))


def _crossing(found: Crossing) -> Iterator[str]:
    other = f", {found.other_text.n:,} of them with another text" if found.other_text.n else ", with the same text"
    yield f"  {counted(found.kept_in_both, 'document')} kept in both{other if found.kept_in_both else ''}"
    for example in found.other_text.examples:
        yield f"      {one_line(example.id)}  {one_line(example.url)}"
        for side, line in zip("AB", example.lines or (), strict=False):
            yield f"        {side}: {one_line(line)}"
    for cell in found.cells[:CELLS]:
        yield f"  {_side('A', cell.a)}, {_side('B', cell.b)}: {cell.n:,}"
        yield from (f"      {one_line(example.id)}  {one_line(example.url)}" for example in cell.examples)
    if rest := found.cells[CELLS:]:
        yield f"  … and {sum(cell.n for cell in rest):,} more of {counted(len(rest), 'kind')}; --json has all"


def _side(run: str, status: str) -> str:
    """
    >>> _side("A", "kept"), _side("B", "c4.brace"), _side("B", "not there")
    ('kept in A', 'c4.brace in B', 'not there in B')
    """
    return f"{status if status in (KEPT, ABSENT) else one_line(status)} in {run}"


def _mixture(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="Mixture", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("source")
    shown: dict[str, Callable[[Any], str]] = {"share": percent, "written": number, "epochs": decimal}
    for name in shown:
        for side in "AB":
            table.add_column(f"{name} {side}", justify="right")
    for row in rows:
        table.add_row(row["source"], *(say(value) for name, say in shown.items() for value in row[name]))
    return table
