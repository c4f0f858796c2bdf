"""The end of a run in two tables: the funnel of each source, and the mixture beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from ..records import Reason


def answer_console() -> Console:
    """Where answers are printed: stdout, 120 columns wide where it is no terminal, so that tables stay whole."""
    console = Console()
    return console if console.is_terminal else Console(width=120)


def number(value: float | None) -> str:
    """
    >>> number(1234567), number(None)
    ('1,234,567', '–')
    """
    return "–" if value is None else f"{value:,.0f}"


def percent(part: float | None, whole: float = 1.0) -> str:
    """
    >>> percent(1, 8), percent(0, 0), percent(None)
    ('12.50 %', '–', '–')
    """
    return "–" if part is None or not whole else f"{100 * part / whole:.2f} %"


def funnel(sources: Mapping[str, Mapping[str, int]]) -> Table:
    """Documents in, dropped by reason, kept. In = kept + dropped, exactly."""
    table = Table(title="Documents", title_justify="left")
    for name, justify in (
        ("source", "left"),
        ("", "left"),
        ("documents", "right"),
        ("of those read", "right"),
        ("MB of text", "right"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for source, counts in sources.items():
        read = counts.get("documents.in", 0)
        table.add_row(source, "read", number(read), percent(read, read), f"{counts.get('bytes.in', 0) / 1e6:,.1f}")
        for reason in Reason:
            n = counts.get(f"documents.dropped.{reason}", 0)
            if n:
                table.add_row("", f"− {reason}", number(n), percent(n, read))
        kept = counts.get("documents.kept", 0)
        table.add_row(
            "", "kept", number(kept), percent(kept, read), f"{counts.get('bytes.kept', 0) / 1e6:,.1f}", style="bold"
        )
        if outside := counts.get("documents.outside_limit"):
            table.add_row("", "outside --limit, not read", number(outside))
        for name, n in counts.items():
            if name.startswith("damage."):
                table.add_row("", f"damaged input: {name.removeprefix('damage.')}", number(n), style="yellow")
        table.add_section()
    return table


def mixture(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Shares, tokens and epochs beside Table 1 of the paper. Tokens count BOS and EOS."""
    table = Table(title="Mixture", title_justify="left")
    columns = ("source", "share", "tokens wanted", "written", "one pass", "epochs", "paper's epochs", "")
    for name in columns:
        table.add_column(name, justify="left" if name in ("source", "") else "right")
    total = sum(row["wanted"] or 0 for row in rows)
    for row in rows:
        epochs = "–" if row["epochs"] is None else f"{row['epochs']:.2f}"
        paper = "–" if row["paper"] is None else f"{row['paper']['epochs']:.2f}"
        written, note = number(row.get("written")), "too small" if row["short"] else ""
        table.add_row(
            row["source"],
            percent(row["share"]),
            number(row["wanted"]),
            written,
            number(row["available"]),
            epochs,
            paper,
            note,
        )
    table.add_section()
    table.add_row(
        "all",
        percent(1 if total else None),
        number(total or None),
        number(sum(row.get("written") or 0 for row in rows) or None),
    )
    return table
