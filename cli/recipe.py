"""The commands that need no dumps: samples, and what a recipe says."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from ..errors import UsageError
from . import words
from .options import (
    DIFFERENT,
    debug_option,
    epilog,
    load_recipe,
    recipe_options,
    set_option,
)


@click.command(short_help="Write small sample inputs.", epilog=epilog("sample data", "sample data --seed 2 --scale 10"))
@click.argument("folder", type=click.Path(file_okay=False))
@click.option("--seed", default=0, show_default=True, help="Another seed gives other texts.")
@click.option(
    "--scale",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0.01),
    help="Number of documents, as a multiple.",
)
@debug_option
def sample(folder: str, seed: int, scale: float) -> None:
    """Write small inputs into FOLDER, in the published formats of the sources, some of them damaged on purpose."""
    from ..samples import write_sample

    for path in write_sample(folder, seed, scale):
        click.echo(path)


@click.command(
    short_help="Compare a recipe with Table 1 of the paper.",
    epilog=epilog(
        "plan mixtures/llama1.yaml", "plan mixtures/sample.yaml --output OUT", "plan llama1 --set budget_tokens=1e12"
    ),
)
@recipe_options
@click.option("--output", help="A finished run: its token counts fill the table.")
@debug_option
def plan(recipe: str, overrides: tuple[str, ...], limit: float | None, as_json: bool, output: str | None) -> int:
    """Shares, tokens and epochs of RECIPE beside Table 1 of the paper, and which source is too small (exit code 3)."""
    from ..manifest import read_facts
    from ..mixtures.plan import plan as plan_mixture
    from ..report import funnel
    from ..shards.formats import check_formats

    loaded = load_recipe(recipe, overrides, limit)
    check_formats(loaded.shards.formats)
    available = None
    if output is not None:
        facts = read_facts(output)
        if not facts or not facts["mixture"]:
            raise UsageError(
                f"{output}: no finished run of a whole recipe here; expected manifest.json with a mixture."
            )
        available = {row["source"]: row["available"] for row in facts["mixture"]["table"]}
    rows = [asdict(row) for row in plan_mixture(loaded, available)]
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
    else:
        funnel.answer_console().print(funnel.mixture(rows))
    return DIFFERENT if any(row["short"] for row in rows) else 0


@click.command(
    short_help="The steps of a source, and what they follow.",
    epilog=epilog("describe wikipedia", "describe commoncrawl --set sources.commoncrawl.cited=skip --json"),
)
@click.argument("source", shell_complete=words.sources)
@click.option(
    "--recipe", default="llama1", show_default=True, help="Whose settings to show.", shell_complete=words.recipes
)
@set_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each step.")
@debug_option
def describe(source: str, recipe: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """The steps of SOURCE in their order, each with its basis: the paper, a reference implementation, or ours."""
    from ..report.describe import rows, table
    from ..report.funnel import answer_console

    loaded = load_recipe(recipe, overrides, None)
    if as_json:
        for row in rows(source, loaded):
            click.echo(json.dumps(row))
    else:
        answer_console().print(table(source, loaded))
