"""The command that writes the page of a run."""

from __future__ import annotations

import click

from .options import debug_option, epilog


@click.command(
    short_help="Write the HTML page of a finished run.", epilog=epilog("report OUT", "report gs://bucket/llama1")
)
@click.argument("output")
@debug_option
def report(output: str) -> None:
    """Write OUTPUT/report.html: the mixture, what every rule dropped, its thresholds, examples, damage, times, digests.

    One file that asks the network for nothing. A run writes it, too, and a take-down writes it again.
    """
    from ..report.people import write_page

    click.echo(write_page(output))
