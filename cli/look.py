"""The commands that look at data: documents of a run or of any folder, and what changed between two runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ..errors import CorpusmillError, UsageError
from ..records import counted
from . import signals, terminal, words
from .options import DAMAGED, DIFFERENT, debug_option, epilog

if TYPE_CHECKING:
    from rich.console import Console


@click.command(
    short_help="Page through documents, or dropped ones.",
    epilog=epilog(
        "look OUT",
        "look OUT --reason c4.too_few_sentences -n 50",
        "look OUT/documents/commoncrawl --sample 0.001 --where 'perplexity<100' --where 'url~\\.edu/'",
        "look OUT --near perplexity=288.2",
        "look OUT --reason ccnet --diff --inputs data",
        "look pages.jsonl.gz --sort -score --json",
    ),
)
@click.argument("path")
@click.option(
    "--reason",
    "reasons",
    multiple=True,
    help="Dropped for this, as in c4.brace, or for any of a family, c4.",
    shell_complete=words.reasons,
)
@click.option("--source", default="", help="Of this source.", shell_complete=words.sources)
@click.option("--language", default="", help="In this language: short for --where language=….")
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="CONDITION",
    help="What is known of a document, and < <= > >= = != or ~ (a regular expression is found): 'chars>=5000', "
    "'title~^List of', 'tags=java'. Several must all hold.",
)
@click.option("-n", "limit", default=20, show_default=True, type=click.IntRange(min=0), help="How many; 0 is all.")
@click.option(
    "--sample",
    "share",
    default=1.0,
    metavar="FRAC",
    type=click.FloatRange(0, 1, min_open=True),
    help="This share of all, by a hash of their ids: the same again each time. Files come in an order of hashes.",
)
@click.option("--seed", default=0, help="Another sample for each number.")
@click.option("--sort", default="", metavar="NAME", help="The smallest first, or with a minus before it the largest.")
@click.option(
    "--near",
    metavar="NAME=VALUE",
    help="As many just below as just above a threshold; in a run among kept and dropped documents together.",
)
@click.option("--full", is_flag=True, help="Whole texts, not their beginning.")
@click.option("--diff", is_flag=True, help="The texts as they were read, with the lines that the run took away.")
@click.option("--inputs", help="For --diff: folder or URL of the raw dumps of the run.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each document.")
@click.option("--sqlite", metavar="FILE", help="Write a table of SQLite into a new file, and print no document.")
@debug_option
def look(
    path: str,
    as_json: bool,
    diff: bool,
    inputs: str | None,
    full: bool,
    sqlite: str | None,
    **options: Any,
) -> int:
    """Read documents of PATH: a run, its documents/ or dropped/ or a part of them, or any file or folder of
    .parquet or .jsonl(.gz) that has a column or field `text`. Of a run kept documents are shown, with --reason dropped
    ones, sources in turn. On a terminal they go through your pager."""
    from ..pipelines.listing import Trouble
    from ..pipelines.looking import look as found_by
    from ..pipelines.looking import retold
    from ..pipelines.told import reasons_told
    from ..report import look as report

    if diff != bool(inputs):
        raise UsageError("--diff needs the raw dumps, and --inputs is for it alone: give both, as in --inputs data.")
    if diff and not options["limit"]:
        raise UsageError("--diff holds the documents that it shows in memory: say how many, as in -n 100.")
    if diff and sqlite:
        raise UsageError("--sqlite holds documents as they are listed: leave --diff out.")
    place, asked = _asked(path, **options)
    if place.output and place.facts is None:
        terminal.note_unfinished(place.output)
    described = reasons_told(place.facts)
    trouble = Trouble()
    found = found_by(place, asked, trouble)
    if sqlite:
        from ..report.sqlite import TABLE, write_sqlite

        click.echo(f"{write_sqlite(found, sqlite):,} documents in {sqlite}, table {TABLE}.")
    elif diff:
        told = retold(place, list(found), inputs or "")
        if as_json:
            for one, fate in told:
                said = {"id": one.id, "trouble": str(fate)} if isinstance(fate, CorpusmillError) else asdict(fate)
                click.echo(json.dumps(said, default=str))
        else:
            _page(report.diffs(told, console := report.paging_console(), full, described), console)
    elif as_json:
        for one in found:
            click.echo(json.dumps(asdict(one), default=str))
    else:
        _page(report.pages(found, console := report.paging_console(), full, asked.near, described), console)
    if not asked.shown:
        terminal.tell(f"no document fits; {asked.looked_at:,} looked at")
    if trouble.n:
        times = counted(trouble.n, "time")
        terminal.tell(f"{times} something could not be read, the first in {trouble.first}")
    return DAMAGED if trouble.n else 0


def _asked(
    path: str,
    reasons: tuple[str, ...],
    conditions: tuple[str, ...],
    language: str,
    sort: str,
    near: str | None,
    **options: Any,
) -> tuple[Any, Any]:
    """Where to look, and for what."""
    from ..pipelines.listing import place_at
    from ..pipelines.looking import Asked, reasons_named, reasons_of, threshold
    from ..pipelines.query import parse

    if sort and near:
        raise UsageError("--sort and --near are two orders: give one of them.")
    kinds = ["dropped"] if reasons else ["documents", "dropped"] if near else ["documents"]
    place = place_at(path, kinds)
    wanted = reasons_named(reasons, reasons_of(place) if reasons else ())
    if wanted and place.output and all(name.startswith("documents/") for name in place.paths):
        raise UsageError(f"--reason: {path} holds what was kept. Look at {place.output}, or {place.output}/dropped.")
    held = [parse(one) for one in (*conditions, *([f"language={language}"] if language else []))]
    return place, Asked(held, wanted, sort=sort, near=threshold(near) if near else None, **options)


def _page(pages: Iterable[str], console: Console) -> None:
    if not console.is_terminal:
        for page in pages:
            click.echo(page, nl=False)
        return
    styled = not console.no_color
    if styled and not os.environ.get("LESS"):
        os.environ["LESS"] = "-R"
    with signals.paging():
        click.echo_via_pager(pages, color=styled)


@click.command(
    short_help="What changed between two runs.",
    epilog=epilog(
        "compare OUT OTHER", "compare gs://bucket/one gs://bucket/two --examples 10", "compare OUT OTHER --json"
    ),
)
@click.argument("a", metavar="RUN")
@click.argument("b", metavar="RUN")
@click.option("--examples", default=3, show_default=True, type=click.IntRange(0, 1000), help="Documents of each kind.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@debug_option
def compare(a: str, b: str, examples: int, as_json: bool) -> int:
    """Compare two finished runs, or runs of some sources: settings, inputs and versions that differ, the accounts of
    each source, and what became in one run of the documents that the other keeps. Exit code 3 where they are not the
    same corpus. Sources whose digests are equal are not read. Above a million documents of a source their hashes lie in
    TMPDIR meanwhile, 25 bytes a document of each run."""
    from ..pipelines.comparing import compare as compared
    from ..report import compare as report
    from ..report.answers import AnswerConsole

    found = compared(a, b, examples)
    if as_json:
        click.echo(json.dumps(asdict(found), default=str))
    else:
        report.show(found, AnswerConsole())
    return 0 if found.same else DIFFERENT
