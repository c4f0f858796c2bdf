"""The commands that ask something of a finished run, or of its models."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from . import terminal
from .options import (
    DIFFERENT,
    debug_option,
    epilog,
)


@click.command(short_help="Compare a finished run with its record.", epilog=epilog("check OUT", "check OUT --json"))
@click.argument("output")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each difference.")
@debug_option
def check(output: str, as_json: bool) -> int:
    """Read everything in OUTPUT again and compare it with its record; exit code 3 on any difference."""
    from ..records import counted
    from ..shards.check import check_output

    n_files, differences = 0, 0
    for result in check_output(output):
        if result is None:
            n_files += 1
            continue
        differences += 1
        if as_json:
            click.echo(json.dumps({"path": result.path, "difference": result.text}))
        else:
            terminal.say(f"{result.path}: {result.text}")
    if not as_json:
        click.echo(f"{counted(n_files, 'file')} checked, {counted(differences, 'difference')}.")
    return DIFFERENT if differences else 0


@click.command(
    short_help="Why a document was kept or dropped.",
    epilog=epilog(
        "why OUT https://example.org/page.html",
        "why OUT commoncrawl:ba729a40-ff84-4085-8d48-0a5b2ee0c42d --inputs data",
    ),
)
@click.argument("output")
@click.argument("document", metavar="ID_OR_URL")
@click.option("--inputs", help="Folder or URL of the raw dumps of the run: shows every step and every line.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each document found.")
@debug_option
def why(output: str, document: str, inputs: str | None, as_json: bool) -> None:
    """Follow one document of the run in OUTPUT: which of its lines went and how many documents have them, what each
    step measured, and the verdict. A URL may name several documents."""
    from ..manifest import read_facts
    from ..pipelines.told import called
    from ..pipelines.why import fates
    from ..report.answers import AnswerConsole
    from ..report.why import show

    found = fates(output, document, inputs)
    if (facts := read_facts(output)) is None:
        terminal.note_unfinished(output)
    for fate in found:
        if as_json:
            click.echo(json.dumps(asdict(fate)))
        else:
            show(fate, AnswerConsole(), called(facts))


@click.command(
    short_help="Which document a token of a shard comes from.",
    epilog=epilog(
        "where OUT train-00000-of-00014 12345", "where OUT OUT/shards/megatron/val-00000-of-00001.bin 0 --json"
    ),
)
@click.argument("output")
@click.argument("shard")
@click.argument("offset", type=int)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@debug_option
def where(output: str, shard: str, offset: int, as_json: bool) -> None:
    """Name the document, source, licence and URL of token OFFSET of SHARD, counted from 0 over the documents of the
    shard one behind the other, with their BOS and EOS. SHARD is a file of any format, or the name of the shard."""
    from ..pipelines.where import locate
    from ..report.answers import AnswerConsole
    from ..report.where import show

    place = locate(output, shard, offset)
    if as_json:
        click.echo(json.dumps(asdict(place)))
    else:
        show(place, AnswerConsole())


@click.command(
    short_help="The perplexity of local files.",
    epilog=epilog(
        "score models notes.txt --language en",
        "score OUT pages.jsonl.gz --cutoffs OUT/models/commoncrawl/cutoffs.json",
        "score models - --each-line --json < lines.txt",
    ),
)
@click.argument("models")
@click.argument("files", nargs=-1, required=True)
@click.option("--language", default="en", show_default=True, help="Whose model to use.")
@click.option("--per-line", is_flag=True, help="Each line of a document is a sentence, not the whole document.")
@click.option("--each-line", is_flag=True, help="Each line of a text file is a document.")
@click.option("--cutoffs", help="File of cutoffs, JSON or a table: say in which part each document is.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each document.")
@debug_option
def score(models: str, files: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Score FILES with an n-gram model of the folder MODELS, which holds <language>.sp.model and <language>.arpa.bin
    (or .arpa), or is the output of a run that made them. The lower the perplexity, the more a text is like Wikipedia.

    A .jsonl or .jsonl.gz file has a document a line, its field `text`; any other file is one document; - is stdin.
    """
    from ..report.answers import AnswerConsole
    from ..report.score import print_scores, score_files

    scores = score_files(files, models, **options)
    if as_json:
        for one in scores:
            click.echo(json.dumps(asdict(one)))
    else:
        print_scores(scores, AnswerConsole())
