"""The commands that make a corpus, or a part of one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from ..records import counted
from . import terminal, words
from .options import (
    DAMAGED,
    debug_option,
    epilog,
    interruptible,
    load_recipe,
    quieten_beam,
    recipe_options,
    run_options,
)

if TYPE_CHECKING:
    from ..mixtures.recipe import Recipe
    from ..pipelines.command import Command


@click.command(
    short_help="From dumps to documents and token shards.",
    epilog=epilog(
        "run mixtures/sample.yaml --inputs data --output OUT",
        "run mixtures/sample.yaml --inputs data --output OUT --limit 0.1 --dry-run",
        "run mixtures/llama1.yaml wikipedia --inputs dumps --output gs://bucket/llama1 -- --runner=DataflowRunner …",
    ),
)
@recipe_options
@click.argument("sources", nargs=-1, shell_complete=words.sources)
@run_options
@debug_option
@click.pass_obj
def run(
    beam: Sequence[str], /, recipe: str, overrides: tuple[str, ...], limit: float | None, as_json: bool, **options: Any
) -> int:
    """Make the documents, tokenizer and token shards of RECIPE; or, with SOURCES named, their documents alone.

    Options of Beam follow after --.
    """
    quieten_beam()
    from ..pipelines.command import Command

    return _execute(Command(load_recipe(recipe, overrides, limit), beam=beam, **options), as_json)


@click.command(
    short_help="Train n-gram models on Wikipedia.",
    epilog=epilog(
        "ngram mixtures/llama1.yaml --inputs dumps --output models",
        "ngram mixtures/sample.yaml en de --inputs data --output models",
        "run mixtures/llama1.yaml commoncrawl --inputs dumps --output OUT "
        "--set sources.commoncrawl.perplexity.models=/path/models/models/ngram",
    ),
)
@recipe_options
@click.argument("languages", nargs=-1)
@run_options
@debug_option
@click.pass_obj
def ngram(
    beam: Sequence[str],
    /,
    recipe: str,
    overrides: tuple[str, ...],
    limit: float | None,
    as_json: bool,
    languages: tuple[str, ...],
    **options: Any,
) -> int:
    """Train the n-gram models of LANGUAGES on the lead sections of the Wikipedia dumps of RECIPE, for `score` and for
    the perplexity of CommonCrawl's pages. Without LANGUAGES, of all Wikipedias of the recipe that are there.

    They come to OUTPUT/models/ngram, a model a language. Options of Beam follow after --.
    """
    quieten_beam()
    from ..mixtures.sources import check_language
    from ..pipelines.command import Command

    loaded = load_recipe(recipe, overrides, limit)
    if loaded.sources.wikipedia is None:
        raise UsageError(f'the recipe "{loaded.name}" has no wikipedia; n-gram models are trained on it.')
    for language in languages:
        check_language(language)
    return _execute(
        Command(loaded, sources=("wikipedia",), beam=beam, ngrams=tuple(dict.fromkeys(languages)), **options), as_json
    )


def _execute(command: Command, as_json: bool) -> int:
    """Run a command, print what came of it, and give the exit code."""
    from ..pipelines.command import dry_run, execute
    from ..report.people import write_all

    if command.dry_run:
        _print_dry_run(dry_run(command), as_json)
        return 0
    with interruptible():
        facts = execute(command)
        if facts["sources"]:  # not of n-gram models alone
            write_all(command.output)
    if as_json:
        click.echo(json.dumps(facts))
    else:
        _print_run(facts, command.output, command.recipe)
    damaged = sum(facts["damage"].values())
    if damaged:
        shown = sum(
            n for counts in facts["sources"].values() for name, n in counts.items() if name.startswith("damage.")
        )
        beside = f", {damaged - shown} of it in dumps that were read for models" if damaged > shown else ""
        where = f"{command.output}/errors lists them with path, offset and reason."
        message = f"{counted(damaged, 'piece')} of damaged input left out{beside}; {where}"
        terminal.tell(message, "yellow")
    return DAMAGED if damaged and not command.allow_damage else 0


def _print_dry_run(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(facts))
        return
    from ..config import to_yaml

    click.echo(to_yaml(facts["recipe"]))
    for source, found in facts["sources"].items():
        terminal.say(
            f"{source}: {counted(len(found['inputs']), 'input')}, {sum(found['inputs'].values()) / 1e6:,.1f} MB"
        )
        for name, size in found["inputs"].items():
            terminal.say(f"  {name}  {size:,} bytes")
        for what, name in found["models"].items():
            terminal.say(f"  model ({what})  {name}")
        done = found["items"] - found["to_do"]
        items = counted(found["items"], "work item")
        terminal.say(f"  first phase, {found['phase']}: {items}, {done} finished, {found['to_do']} to do")
    if facts["tokenizer"]:
        terminal.say(f"tokenizer: {facts['tokenizer']}")
    for note in facts["notes"]:
        terminal.say(note)
    click.echo(f"then {facts['then']}")


def _print_run(facts: dict[str, Any], output: str, recipe: Recipe) -> None:
    from ..report import funnel, models
    from ..report.answers import AnswerConsole

    console = AnswerConsole()
    if facts["sources"]:
        console.print(funnel.funnel(facts["sources"]))
    for kind in funnel.PIECES:
        if any(f"{kind}.in" in counts for counts in facts["sources"].values()):
            console.print(funnel.pieces(kind, facts["sources"]))
    if facts["models"]:
        console.print(models.table(facts["models"]))
    for source, steps in facts["left_out"].items():
        for step in steps:
            console.print(f"{source}: left out, though the paper has it: {step}.", highlight=False)
    for source, counts in facts["sources"].items():
        if not counts.get("documents.kept"):
            console.print(f"{source}: no document is kept.", soft_wrap=True)
    if facts["mixture"]:
        console.print(funnel.mixture(facts["mixture"]["table"]))
        shards = facts["mixture"]["n_shards"]
        for row in facts["mixture"]["table"]:
            if row["short"]:
                console.print(funnel.too_small(row, recipe.max_epochs), soft_wrap=True)
        if not shards["val"] and recipe.validation:
            console.print("No document was held out for validation: there are too few.", soft_wrap=True)
        said = f"{counted(shards['train'], 'training shard')} and {shards['val']} for validation in {output}/shards"
        console.print(said, highlight=False, soft_wrap=True)
        for split, found in facts["mixture"]["sequences"].items():
            each = f", {found['each']:,} in each shard" if found["each"] else ""
            said = f"{split}: {found['sequences']:,} sequences{each}, {found['padding']:,} tokens of padding in them"
            console.print(f"{said}, {found['left_out']:,} tokens left out", highlight=False, soft_wrap=True)
        said = f"How trainers read them: README.txt of each format in {output}/shards"
        console.print(said, highlight=False, soft_wrap=True)
    if facts["sources"]:
        console.print("Digests (the same for the same corpus):", highlight=False)
        for what in ("documents", "train", "val", "shards"):
            if digest := facts["corpus"].get(what):
                console.print(f"  {what:<9}  {digest}", highlight=False, soft_wrap=True)
        said = f"The page of this run, for a browser: {output}/report.html; its dataset card: {output}/README.md"
        console.print(said, highlight=False, soft_wrap=True)
