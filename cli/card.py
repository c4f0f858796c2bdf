"""The command that writes the dataset card of a finished corpus again."""

from __future__ import annotations

import json

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
@click.option("--dry-run", is_flag=True, help="Look at the settings, name the files, and leave them as they are.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each file.")
@debug_option
def card(output: str, overrides: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Write README.md and croissant.json of the finished run in OUTPUT again, from its record alone: no inputs are
    needed, and no other file changes. --set takes settings of the recipe's section `card`; recipe.yaml keeps them.
    """
    from ..report import card as report

    for url in report.rewrite(output, overrides, dry_run):
        click.echo(json.dumps({"path": url}) if as_json else url)
