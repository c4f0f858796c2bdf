"""The place of a token for a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from ..pipelines.where import Place
from .visible import one_line, visible


def show(place: Place, console: Console) -> None:
    """Print the document of a token, and the text around it."""
    console.print(Text(f"{one_line(place.id)}  {one_line(place.url)}"), style="bold", soft_wrap=True)
    what = place.text.encode("unicode_escape").decode() if place.text.isspace() else place.text
    said = {
        "source": place.source,
        "licence": place.license,
        "listed in": f"{place.path}, row {place.row}",
        "copy": f"{place.copy} (the first is 0)",
        "token": f"{place.position:,} of {place.n_tokens:,} of the document: id {place.token}, {what or place.kind}",
    }
    for name, value in said.items():
        console.print(Text(f"  {name:<10} {visible(value)}"), soft_wrap=True)
    console.print(
        Text.assemble(
            "  … ",
            visible(place.before),
            (f"⟦{visible(place.text) or place.kind.upper()}⟧", "bold"),
            visible(place.after),
            " …",
        ),
        soft_wrap=True,
    )
