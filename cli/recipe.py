"""Samples, and what a recipe says, or will take."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from . import words
from .options import (
    DIFFERENT,
    allow_empty_option,
    debug_option,
    epilog,
    interruptible,
    load_recipe,
    quiet_option,
    quieten_beam,
    recipe_options,
    set_option,
    share,
    workers_option,
)

if TYPE_CHECKING:
    from ..mixtures.recipe import Recipe


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
@click.option("--dry-run", is_flag=True, help="Name the files, and leave none: they are written elsewhere, and go.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each file.")
@debug_option
def sample(folder: str, seed: int, scale: float, dry_run: bool, as_json: bool) -> None:
    """Write small inputs into FOLDER, in the published formats of the sources, some of them damaged on purpose."""
    from ..samples import refuse_others, write_sample

    if dry_run:
        refuse_others(folder)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch if dry_run else folder)
        for path in write_sample(root, seed, scale):
            name = str(Path(folder, path.relative_to(root)))
            click.echo(json.dumps({"path": name, "bytes": path.stat().st_size}) if as_json else name)


@click.command(
    short_help="Compare a recipe with Table 1 of the paper; forecast what a run takes.",
    epilog=epilog(
        "plan mixtures/llama1.yaml",
        "plan mixtures/sample.yaml --output OUT",
        "plan llama1 --set budget_tokens=1e12",
        "plan mixtures/llama1.yaml --inputs dumps --measure 0.1% --price 0.05",
        "plan mixtures/llama1.yaml --inputs few --measure 100% --whole commoncrawl=5x8.4TB --whole c4=305GB",
    ),
)
@recipe_options
@click.option("--output", help="A finished run: its token counts fill the table. With --measure: keeps what was run.")
@click.option(
    "--measure", "part", type=share, metavar="SHARE", help="Run this share of --inputs, and forecast the whole recipe."
)
@click.option("--inputs", help="Folder or URL of the raw dumps, a sub-folder for each source.")
@click.option(
    "--whole",
    "wholes",
    multiple=True,
    metavar="SOURCE=[Nx]SIZE",
    help="How much of a source there is, where --inputs has a part: 305GB, 72000files; 5x8.4TB: five dumps.",
)
@click.option("--price", type=click.FloatRange(min=0), help="Of a core-hour: adds a column of costs.")
@workers_option
@allow_empty_option
@quiet_option
@debug_option
def plan(
    recipe: str,
    overrides: tuple[str, ...],
    limit: float | None,
    as_json: bool,
    output: str | None,
    part: float | None,
    inputs: str | None,
    wholes: tuple[str, ...],
    price: float | None,
    **options: Any,
) -> int:
    """Shares, tokens and epochs of RECIPE beside Table 1 of the paper, and which source is too small (exit code 3).

    With --measure a part of the inputs, chosen by hash, goes through all phases of the recipe; from what that took the
    whole is forecast: core-hours, bytes, documents, tokens, epochs, each with an interval of 95 %.
    """
    from ..manifest import finished
    from ..mixtures.plan import plan as plan_mixture
    from ..report import funnel
    from ..report.answers import AnswerConsole
    from ..shards.formats import check_formats

    loaded = load_recipe(recipe, overrides, limit)
    check_formats(loaded.shards.formats)
    if part is not None:
        if inputs is None:
            raise UsageError("--measure runs a part of the inputs: give --inputs, too.")
        return _forecast(loaded, inputs, output, part, wholes, price, as_json, options)
    if inputs is not None or wholes or price is not None:
        raise UsageError("--inputs, --whole and --price are for a forecast: give --measure, too, as in --measure 0.1%.")
    available = None
    if output is not None:
        available = {row["source"]: row["available"] for row in finished(output, whole=True)["mixture"]["table"]}
    rows = [asdict(row) for row in plan_mixture(loaded, available)]
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
    else:
        AnswerConsole().print(funnel.mixture(rows))
    return DIFFERENT if any(row["short"] for row in rows) else 0


def _forecast(
    recipe: Recipe,
    inputs: str,
    output: str | None,
    part: float,
    wholes: tuple[str, ...],
    price: float | None,
    as_json: bool,
    options: dict[str, Any],
) -> int:
    """Measure, and print what follows for the whole."""
    quieten_beam()
    from ..pipelines.forecast import Measuring, measure
    from ..pipelines.part import Whole
    from ..report import forecast
    from ..report.answers import AnswerConsole

    said = {}
    for text in wholes:
        source, given, size = text.partition("=")
        if not given:
            raise UsageError(f"--whole {text}: expected SOURCE=SIZE, as in commoncrawl=5x8.4TB.")
        said[source] = Whole.parse(size)
    kept = (
        "What is finished is kept; the same command goes on." if output else "Nothing of it is kept without --output."
    )
    with interruptible(kept):
        measured = measure(Measuring(recipe, inputs, part, output=output, whole=said, **options))
    found = forecast.forecast(measured)
    if as_json:
        for row in forecast.as_json(found, price):
            click.echo(json.dumps(row))
    else:
        forecast.show(found, AnswerConsole(), price)
    return DIFFERENT if any(row["short"] for row in found.mixture) else 0


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
    from ..report.answers import AnswerConsole
    from ..report.describe import rows, table

    loaded = load_recipe(recipe, overrides, None)
    if as_json:
        for row in rows(source, loaded):
            click.echo(json.dumps(row))
    else:
        AnswerConsole().print(table(source, loaded))
