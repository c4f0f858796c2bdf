"""The steps of a source as a table: what it follows, and where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Table

from ..errors import UsageError, did_you_mean
from ..mixtures.recipe import Recipe
from ..mixtures.sources import OwnRecipe
from ..pipelines.sources import SOURCES, source_of
from ..pipelines.told import rows_asked, rows_of, steps_told


def rows(source: str, recipe: Recipe) -> list[dict[str, str]]:
    """One row a step: name, basis, note. Steps of the paper that the recipe skips are rows, too.

    Raises:
        UsageError: an unknown source, or one that is not in the recipe.
    """
    if source not in {*SOURCES, *recipe.active}:
        known = list(dict.fromkeys([*SOURCES, *recipe.active]))
        raise UsageError(f"{source}: no such source{did_you_mean(source, known)}; known: {', '.join(known)}.")
    if source not in recipe.active:
        raise UsageError(f"{source}: not in the recipe {recipe.name}; it has {', '.join(recipe.active)}.")
    return rows_of(source_of(source, recipe.active[source]), recipe.active[source])


def rows_of_run(source: str, recipe: Recipe, facts: Mapping[str, Any]) -> list[dict[str, str]]:
    """Those of a run, without what its recipe does not ask for; of a source of the user's own as the run wrote them
    down, none where it did not."""
    options = recipe.active[source]
    return (
        steps_told(facts, source) if isinstance(options, OwnRecipe) else rows_asked(source_of(source, options), options)
    )


def table(source: str, recipe: Recipe) -> Table:
    """The rows for a terminal."""
    result = Table(title=source, title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("step", "basis", "note"):
        result.add_column(name)
    for row in rows(source, recipe):
        result.add_row(*row.values())
    return result
