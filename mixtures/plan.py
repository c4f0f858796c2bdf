"""What a recipe asks of each source, in tokens: the arithmetic of Table 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import MixtureError
from .recipe import Recipe
from .sources import PaperRow


@dataclass(frozen=True)
class Row:
    """One line of the plan. Tokens count BOS and EOS; `available` is one training pass; None is not known yet."""

    source: str
    share: float | None  # 0–1, of the tokens written
    wanted: int | None
    available: int | None
    epochs: float | None
    short: bool  # more epochs than the recipe allows
    paper: PaperRow | None


def plan(recipe: Recipe, available: Mapping[str, int] | None = None) -> list[Row]:
    """A line for each source. With `available` (tokens of one pass) every column is filled.

    >>> from .recipe import load
    >>> [(row.source, row.share, row.wanted) for row in plan(load("llama1"))][:2]
    [('commoncrawl', 0.67, 938000000000), ('c4', 0.15, 210000000000)]

    Raises:
        MixtureError: a source of the recipe has no training tokens at all.
    """
    wanted = {
        name: _wanted(recipe, name, None if available is None else available.get(name, 0)) for name in recipe.active
    }
    total = sum(value or 0 for value in wanted.values())
    rows = []
    for name, source in recipe.active.items():
        here, want = (None if available is None else available.get(name, 0)), wanted[name]
        if here == 0:
            raise MixtureError(
                f"{name}: no training tokens, expected some. Look at its dropped documents, or leave it out."
            )
        epochs = source.epochs if source.epochs is not None else want / here if here and want else None
        share = source.weight / 100 if recipe.budget_tokens and source.weight else want / total if want else None
        rows.append(Row(name, share, want, here, epochs, (epochs or 0) > recipe.max_epochs, source.paper))
    return rows


def _wanted(recipe: Recipe, name: str, available: int | None) -> int | None:
    source = recipe.active[name]
    if recipe.budget_tokens is not None:
        return round(recipe.budget_tokens * (source.weight or 0) / 100)
    return None if available is None else round((source.epochs or 0) * available)
