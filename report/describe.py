"""The steps of a source as a table: what it follows, and where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Table

from ..errors import UsageError, did_you_mean
from ..mixtures.recipe import Recipe
from ..mixtures.sources import OwnRecipe
from ..pipelines.source import Aids, Basis
from ..pipelines.sources import SOURCES, source_of
from ..records import Reason, Reasons

SAME_CONTENT = "one document a content"
LEFT_OUT = "left out"  # in place of a basis
SKIPPED = "the paper has this step, and the recipe skips it"


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
    options = recipe.active[source]
    one = source_of(source, options)
    steps = one.steps(options, Aids())
    shown = [{"step": step.name, "basis": str(step.basis), "note": step.note} for step in steps]
    shown += [{"step": name, "basis": str(Basis.OURS), "note": note} for name, note in one.made(options)]
    shown += [{"step": name, "basis": LEFT_OUT, "note": SKIPPED} for name in one.left_out(options)]
    shown.append({"step": "one document an id", "basis": str(Basis.OURS), "note": Reason.DUPLICATE_ID.description})
    if about := one.about_content:
        shown.append({"step": SAME_CONTENT, "basis": str(Basis.REFERENCE), "note": about})
    return shown


def rows_of_run(source: str, recipe: Recipe, facts: Mapping[str, Any]) -> list[dict[str, str]]:
    """The same of a run; of a source of the user's own as the run wrote them down, none where it did not."""
    if not isinstance(recipe.active[source], OwnRecipe):
        return rows(source, recipe)
    told = facts.get("own", {}).get(source, {"steps": []})
    once = {"step": "one document an id", "basis": str(Basis.OURS), "note": Reason.DUPLICATE_ID.description}
    return [*({key: str(row[key]) for key in ("step", "basis", "note")} for row in told["steps"]), once]


def own_reasons(facts: Mapping[str, Any], source: str) -> list[Reasons]:
    """The reasons of a source of the user's own, as its run wrote them down; none of the seven sources."""
    told = facts.get("own", {}).get(source, {}).get("reasons", {})
    members = [(f"R{number}", (str(name), str(about))) for number, (name, about) in enumerate(told.items())]
    return list(Reasons("Own", members)) if members else []  # type: ignore[arg-type]


def table(source: str, recipe: Recipe) -> Table:
    """The rows for a terminal."""
    result = Table(title=source, title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("step", "basis", "note"):
        result.add_column(name)
    for row in rows(source, recipe):
        result.add_row(*row.values())
    return result
