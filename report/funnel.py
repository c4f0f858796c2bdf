"""The end of a run in two tables: the funnel of each source, and the mixture beside the paper's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table

from ..records import Reason
from .figures import UNKNOWN, between, decimal, number, percent

EPOCHS_ENDS = ("epochs_from", "epochs_to")  # of an interval, where epochs are forecast
PIECES = ("lines", "answers")  # that sources may account for within their documents


def dropped(counts: Mapping[str, int], kind: str) -> list[tuple[str, int]]:
    """What went for each reason, in the order of steps; reasons of sources of the user's own follow.

    >>> dropped({"lines.in": 9, "lines.dropped.forum.advert": 2, "lines.dropped.c4.line_too_short": 1}, "lines")
    [('c4.line_too_short', 1), ('forum.advert', 2)]
    """
    prefix = f"{kind}.dropped."
    found = {name.removeprefix(prefix): n for name, n in counts.items() if name.startswith(prefix) and n}
    return [
        (reason, found[reason])
        for reason in (*map(str, Reason), *sorted({*found} - {*map(str, Reason)}))
        if reason in found
    ]


def funnel(sources: Mapping[str, Mapping[str, int]]) -> Table:
    """Documents in, dropped by reason, kept. In = kept + dropped, exactly."""
    table = Table(title="Documents", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("source")
    table.add_column("")
    for name in ("documents", "of those read", "MB of text"):
        table.add_column(name, justify="right")
    for source, counts in sources.items():
        read = counts.get("documents.in", 0)
        table.add_row(source, "read", number(read), percent(read, read), f"{counts.get('bytes.in', 0) / 1e6:,.1f}")
        for reason, n in dropped(counts, "documents"):
            table.add_row("", f"− {reason}", number(n), percent(n, read))
        kept = counts.get("documents.kept", 0)
        size = f"{counts.get('bytes.kept', 0) / 1e6:,.1f}"
        table.add_row("", "kept", number(kept), percent(kept, read), size, style="bold")
        if outside := counts.get("documents.outside_limit"):
            table.add_row("", "outside --limit, not read", number(outside))
        for name, n in counts.items():
            if name.startswith("damage."):
                table.add_row("", f"damaged input: {name.removeprefix('damage.')}", number(n), style="yellow")
        table.add_section()
    return table


def pieces(kind: str, sources: Mapping[str, Mapping[str, int]]) -> Table:
    """Lines, or answers, in, dropped by reason, kept, of the documents that came to the steps that judge them."""
    table = Table(title=kind.capitalize(), title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("source")
    table.add_column("")
    for name in (kind, "of those in"):
        table.add_column(name, justify="right")
    for source, counts in sources.items():
        if n_in := counts.get(f"{kind}.in", 0):
            table.add_row(source, "in", number(n_in), percent(n_in, n_in))
            for reason, n in dropped(counts, kind):
                table.add_row("", f"− {reason}", number(n), percent(n, n_in))
            kept = counts.get(f"{kind}.kept", 0)
            table.add_row("", "kept", number(kept), percent(kept, n_in), style="bold")
            table.add_section()
    return table


def too_small(row: Mapping[str, Any], most: float) -> str:
    """What to say of a source that has too few tokens for its share.

    >>> too_small({"source": "c4", "epochs": 149.7, "missing": 0}, 4.0)
    'c4 is too small for its share: 149.70 epochs, and more than 4 (max_epochs) give little. Lower budget_tokens.'
    """
    many = f"{decimal(row['epochs'])} epochs, and more than {most:g} (max_epochs) give little"
    lacks = f"{row['missing']:,} tokens are missing" if row["missing"] else many
    return f"{row['source']} is too small for its share: {lacks}. Lower budget_tokens."


def mixture(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Shares, tokens and epochs beside Table 1 of the paper. Tokens count BOS and EOS, and not what is held out.

    What is not known (before a run: what there is of each source) has no column.
    """
    columns: dict[str, Callable[[Mapping[str, Any]], str]] = {
        "share wanted": lambda row: percent(row["share"]),
        "tokens wanted": lambda row: number(row["wanted"]),
        "written": lambda row: number(row.get("written")),
        "one pass": lambda row: ("≤ " if row.get("at_most") else "") + number(row["available"]),
        "epochs": lambda row: decimal(row["epochs"]) + (" (source too small)" if row["short"] else ""),
        "95 %": lambda row: between(*(row.get(end) for end in EPOCHS_ENDS)),
        "at most": lambda row: decimal(row.get("most_epochs")),
        "missing": lambda row: number(row.get("missing") or None),
        "paper's epochs": lambda row: decimal((row["paper"] or {}).get("epochs")),
    }
    known = {name: cell for name, cell in columns.items() if any(cell(row) != UNKNOWN for row in rows)}
    table = Table(title="Mixture", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("source")
    for name in known:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(row["source"], *(cell(row) for cell in known.values()))
    table.add_section()
    sums = {"tokens wanted": "wanted", "written": "written"}
    table.add_row("all", *(number(sum(row[sums[name]] or 0 for row in rows)) if name in sums else "" for name in known))
    return table
