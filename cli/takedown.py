"""The command that takes documents out of a finished corpus."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TextIO

import click

from .options import (
    debug_option,
    epilog,
    interruptible,
    quieten_beam,
)


@click.command(
    short_help="Take documents out of a finished corpus.",
    epilog=epilog(
        "takedown OUT wikipedia:en/12 https://example.org/page.html --dry-run",
        "takedown OUT --from list.txt",
        "takedown OUT",
    ),
)
@click.argument("output")
@click.argument("documents", metavar="[ID_OR_URL]...", nargs=-1)
@click.option("--from", "listed", type=click.File(), help="File of ids and URLs, one a line; - is stdin.")
@click.option("--dry-run", is_flag=True, help="Say which documents, token files and shards it touches; write nothing.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.option(
    "--workers", default=os.cpu_count() or 1, type=click.IntRange(min=1), help="Processes [default: one a core]."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@debug_option
def takedown(
    output: str,
    documents: tuple[str, ...],
    listed: TextIO | None,
    dry_run: bool,
    quiet: bool,
    workers: int,
    as_json: bool,
) -> None:
    """Take documents, by id or URL, out of the finished run in OUTPUT: out of its documents, its token files and every
    format of the shards that they stand in, and out of what it keeps for later runs. No other shard is written.

    The list stays in OUTPUT/takedown.json, and later runs there keep to it. An id that is not in the corpus goes on the
    list, too. Killed, the same command goes on; without ids it goes on with the last one.
    """
    quieten_beam()
    from ..pipelines.takedown import asked, sources_of, take_down, touched_by
    from ..report.answers import AnswerConsole
    from ..report.people import write_all
    from ..report.takedown import show

    words = asked([*documents, *(listed or ())], sources_of(output))
    if dry_run:
        touched, _ = touched_by(output, words)
    else:
        with interruptible("The same command goes on."):
            touched, _ = take_down(output, words, workers, quiet)
            write_all(output)
    if as_json:
        click.echo(json.dumps(asdict(touched)))
    else:
        show(touched, dry_run, AnswerConsole())
