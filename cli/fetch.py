"""The command that gets the dumps."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ..errors import UsageError
from ..records import counted
from . import terminal, words
from .options import debug_option, epilog, interruptible

if TYPE_CHECKING:
    from rich.console import Console

    from ..fetch.addresses import Address
    from ..fetch.run import Fetch, Outcome, Request


@click.command(
    short_help="Get the dumps from their publishers.",
    epilog=epilog(
        "fetch",
        "fetch commoncrawl --dump CC-MAIN-2019-09 --limit 4 --inputs dumps --dry-run",
        "fetch wikipedia --dump 20260901 --languages en,de --contact me@example.org --inputs dumps",
        "fetch stackexchange --only beer.stackexchange --inputs dumps",
        "fetch models --inputs dumps",
    ),
)
@click.argument("source", required=False, shell_complete=words.fetched)
@click.option("--inputs", help="Folder that the dumps come to, a sub-folder for each source: what `run` reads.")
@click.option("--dump", "dumps", multiple=True, help="Name of a dump, as its publisher has it. May be given again.")
@click.option("--languages", default="", metavar="CODES", help="Of Wikipedia and books, as in en,de.")
@click.option("--only", multiple=True, metavar="GLOB", help="Files whose path holds it. May be given again.")
@click.option("--limit", type=click.IntRange(min=1), help="The first so many files of the list.")
@click.option("--from", "folder", default="", metavar="URL", help="A mirror's folder in place of the publisher's.")
@click.option("--contact", default="", help="E-mail address or page of yours, for publishers who have questions.")
@click.option("--connections", type=click.IntRange(1, 64), help="Fewer at a time than the publisher takes.")
@click.option("--wait", type=click.FloatRange(0), help="Seconds between requests, more than the publisher asks for.")
@click.option("--dry-run", is_flag=True, help="Ask for the sizes, print each file, write nothing.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each file, or for each source.")
@debug_option
def fetch(
    source: str | None, inputs: str | None, languages: str, quiet: bool, as_json: bool, **options: Any
) -> int | None:
    """Get the dumps of SOURCE into the folder that `run --inputs` reads. Without SOURCE: what can be got, and what not.

    Killed, stopped or failed, the same command goes on where it stopped. A file has its name only when all of it has
    come and is what its publisher says; where from and its SHA-256 stand in <source>/fetched.jsonl.
    """
    from ..fetch.addresses import address_of
    from ..fetch.run import Fetch, Request

    if source is None:
        _refuse_without_source()
        _print_sources(as_json)
        return None
    if not address_of(source).folder:
        _print_steps(source, address_of(source), inputs or "DIR", as_json)
        raise UsageError(f"{source}: nothing was fetched: {address_of(source).not_served}.")
    if inputs is None:
        raise UsageError("fetch: --inputs is missing: the folder that the dumps come to.")
    codes = tuple(code for code in languages.split(",") if code)
    request = Request(source=source, inputs=inputs, languages=codes, **options)
    console = terminal.stderr()
    fetching = Fetch(request, tell=lambda text: console.print(text, markup=False, highlight=False, soft_wrap=True))
    with interruptible("What came is kept; the same command goes on."):
        return _show(_dry_run(fetching) if request.dry_run else _run(fetching, console, quiet), request, as_json)


def _run(fetching: Fetch, console: Console, quiet: bool) -> Iterator[Outcome]:
    from ..fetch.progress import watching

    with fetching.locked():
        fetching.plan()
        yield from fetching.there()
        todo = fetching.to_do()
        fetching.check_room(todo)
        with watching(console, quiet, fetching.request.source, len(todo)) as watch:
            yield from fetching.run(todo, watch)


def _dry_run(fetching: Fetch) -> Iterator[Outcome]:
    fetching.plan()
    yield from fetching.there()
    todo = fetching.to_do()
    if any(one.size is None for one in todo):
        terminal.tell("Asking the publisher for the sizes that its list does not say.")
    yield from fetching.sizes(todo)


def _show(outcomes: Iterator[Outcome], request: Request, as_json: bool) -> int:
    """Print what became of each file as it comes, then the sum, and give the exit code."""
    from ..fetch.addresses import address_of, filled

    states: Counter[str] = Counter()
    sizes: list[int | None] = []
    failed: list[Outcome] = []
    for one in outcomes:
        states[one.state] += 1
        if one.state in ("fetched", "wanted"):
            sizes.append(one.bytes)
        if one.state in ("failed", "left"):
            failed.append(one)
        if as_json:
            click.echo(json.dumps(asdict(one)))
        elif one.state != "left":
            size = f"{one.bytes:,} bytes" if one.bytes is not None else "of unknown size"
            terminal.say(f"{one.state}  {one.error or f'{one.path}  {size}'}")
    if not as_json:
        click.echo(_sum(states, sizes, request))
        if not failed and not request.dry_run:
            dump = (request.dumps or (address_of(request.source).default,))[0]
            for need in address_of(request.source).needs:
                click.echo(f"It needs, too: {filled(need, request.inputs, dump)}")
            click.echo(f"To read it: {filled(address_of(request.source).run, request.inputs, dump)}")
    for one in failed if as_json else ():
        terminal.tell(f"{one.path}: {one.error}")
    if failed:
        text = f"{counted(len(failed), 'file')} did not come; the same command goes on with what is missing."
        terminal.tell(text, "red")
    return 1 if failed else 0


def _sum(states: Counter[str], sizes: list[int | None], request: Request) -> str:
    """`3 files fetched, 12.3 MB, 2 there already, in dumps/commoncrawl`; a dry run's total may be worked out."""
    known = [size for size in sizes if size is not None]
    total = sum(known)
    about = ""
    if known and len(known) < len(sizes):
        total, about = total * len(sizes) // len(known), f"about, from the sizes of {len(known)} of them, "
    verb = "to fetch" if request.dry_run else "fetched"
    words = [f"{counted(len(sizes), 'file')} {verb}, {about}{total / 1e6:,.1f} MB" if known or not sizes else ""]
    if sizes and not known:
        words = [f"{counted(len(sizes), 'file')} {verb}, of sizes that the publisher does not say"]
    names = {
        "there": "there already",
        "absent": "that the publisher does not have",
        "failed": "failed",
        "left": "not tried",
    }
    words += [f"{states[state]:,} {name}" for state, name in names.items() if states[state]]
    return f"{', '.join(words)}, in {request.inputs}/{request.source}"


def _refuse_without_source() -> None:
    """Options that say what to fetch, without a source to fetch."""
    context = click.get_current_context()
    given = [
        one.opts[0]
        for one in context.command.params
        if context.get_parameter_source(str(one.name)) is ParameterSource.COMMANDLINE
        and one.name not in ("as_json", "quiet")
    ]
    if given:
        raise UsageError(f"fetch: {', '.join(given)}: of which SOURCE? `corpusmill fetch` alone lists them.")


def _print_steps(source: str, address: Address, inputs: str, as_json: bool) -> None:
    from ..fetch.addresses import filled

    steps, run = [filled(step, inputs) for step in address.steps], filled(address.run, inputs)
    if as_json:
        why = {"source": source, "fetched": False, "why": address.not_served}
        click.echo(json.dumps({**why, "what": address.what, "steps": steps, "run": run}))
        return
    click.echo(f"{source}: {address.what}. {address.not_served[0].upper()}{address.not_served[1:]}. What to do:")
    for step in steps:
        click.echo(f"  {step}")
    if run:
        click.echo(f"then:\n  {run}")


def _print_sources(as_json: bool) -> None:
    from ..fetch.addresses import addresses

    if as_json:
        for name, one in addresses().items():
            click.echo(json.dumps({"source": name, "fetched": bool(one.folder), **asdict(one)}))
        return
    from rich import box
    from rich.table import Table

    from ..report.answers import AnswerConsole

    table = Table(box=box.SIMPLE, show_edge=False)
    for title in ("source", "what", "how much", "dump"):
        table.add_column(title)
    for name, one in addresses().items():
        if one.folder:
            table.add_row(name, one.what, one.size, one.example)
    console = AnswerConsole()
    console.print(table)
    console.print("Not fetched; corpusmill fetch SOURCE says what to do:", highlight=False)
    for name, one in addresses().items():
        if not one.folder:
            console.print(f"  {name:<13}  {one.not_served}", highlight=False, soft_wrap=True)
    console.print("Not served any more:", highlight=False)
    for name, one in addresses().items():
        for gone in one.gone:
            console.print(f"  {name}, {gone.named}: {gone.why}.", highlight=False, soft_wrap=True)
