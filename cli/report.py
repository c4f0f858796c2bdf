"""The command that writes the page of a run."""

from __future__ import annotations

import json

import click

from .options import debug_option, epilog


@click.command(
    short_help="Write the HTML page of a finished run.", epilog=epilog("report OUT", "report gs://bucket/llama1")
)
@click.argument("output")
@click.option("--dry-run", is_flag=True, help="Name the file, and leave it as it is.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@debug_option
def report(output: str, dry_run: bool, as_json: bool) -> None:
    """Write OUTPUT/report.html: the mixture, what every rule dropped, its thresholds, examples, damage, times, digests.

    One file that asks the network for nothing. A run writes it, too, and a take-down writes it again.
    """
    from ..manifest import REPORT, finished
    from ..report.people import write_page
    from ..storage import absolute, join

    if dry_run:
        finished(output)
    url = join(absolute(output), REPORT) if dry_run else write_page(output)
    click.echo(json.dumps({"path": url}) if as_json else url)
