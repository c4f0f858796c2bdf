"""What a take-down touched, or would touch, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from ..pipelines.takedown import Touched
from ..records import counted

SHOWN = 20  # of each list; --json has all


def show(touched: Touched, dry_run: bool, console: Console) -> None:
    """Print what is touched; everything where nothing was done yet."""

    def say(text: str, style: str = "") -> None:
        console.print(Text(text), style=style, soft_wrap=True)

    lists: dict[str, Sequence[str]] = {
        "document": [f"{one.id}  {one.url}  {one.path}, row {one.row}" for one in touched.documents],
        "dropped document": [f"{one.id}  {one.url}  {one.path}" for one in touched.dropped],
        "token file": touched.token_files,
        "shard": touched.shards,
    }
    say("Would touch" if dry_run else "Taken down", "bold")
    for name, ones in lists.items():
        say(f"  {counted(len(ones), name)}")
        for one in ones[:SHOWN] if dry_run else ():
            say(f"    {one}")
        if dry_run and len(ones) > SHOWN:
            say(f"    … and {len(ones) - SHOWN:,} more; --json has all")
    for word in touched.unknown:
        say(f"{word}: not in the corpus; {'it would go' if dry_run else 'it is'} on the list for later runs.", "yellow")
