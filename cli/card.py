"""The command that writes the dataset card of a finished corpus again."""

from __future__ import annotations

import click

from .options import debug_option, epilog, set_option


@click.command(
    short_help="Write the dataset card of a finished run again.",
    epilog=epilog(
        "card OUT",
        "card OUT --set card.title='Web and books' --set card.contact=corpus@example.org",
        "card OUT --set card.url=https://huggingface.co/datasets/me/corpus",
    ),
)
@click.argument("output")
@set_option
@debug_option
def card(output: str, overrides: tuple[str, ...]) -> None:
    """Write README.md and croissant.json of the finished run in OUTPUT again, from its record alone: no inputs are
    needed, and no other file changes. --set takes settings of the recipe's section `card`; recipe.yaml keeps them.
    """
    from ..report import card as report

    for url in report.rewrite(output, overrides):
        click.echo(url)
