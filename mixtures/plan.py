"""What a recipe asks of each source, in tokens: the arithmetic of Table 1.

Without a budget each source is seen for its epochs. With one, a source that has epochs alone is seen so often, and the
others share the rest by their weights; one that has both gives at most so many epochs, and what it lacks the others
give, by their weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import MixtureError
from .recipe import Recipe
from .sources import PaperRow


@dataclass(frozen=True)
class Row:
    """One line of the plan. Tokens count BOS and EOS; `available` is one training pass; None is not known yet.

    `missing` is what the source lacks of its weight, since it has no more epochs to give; `most_epochs` is how many it
    may give of a weight.
    """

    source: str
    share: float | None  # 0–1, of the tokens written
    wanted: int | None
    available: int | None
    epochs: float | None
    missing: int
    short: bool  # something is missing, or it takes more epochs than the recipe's `max_epochs`
    paper: PaperRow | None
    most_epochs: float | None = None


def plan(recipe: Recipe, available: Mapping[str, int] | None = None) -> list[Row]:
    """A line for each source. With `available` (tokens of one pass) every column is filled.

    >>> from .recipe import load
    >>> [(row.source, row.share, row.wanted) for row in plan(load("llama1"))][:2]
    [('commoncrawl', 0.67, 938000000000), ('c4', 0.15, 210000000000)]

    Raises:
        MixtureError: a source of the recipe has no training tokens at all, or epochs alone take more than the budget.
    """
    if available is not None and (empty := [name for name in recipe.active if not available.get(name)]):
        raise MixtureError(
            f"{empty[0]}: no training tokens, expected some. Look at its dropped documents, or leave it out."
        )
    wanted, by_weight = _wanted(recipe, available)
    total = sum(value or 0 for value in wanted.values())
    rows = []
    for name, source in recipe.active.items():
        here, want = (None if available is None else available[name]), wanted[name]
        epochs = want / here if here and want is not None else source.epochs if source.weight is None else None
        known = available is not None or None not in wanted.values()
        share = want / total if known and want is not None and total else None
        missing = max(0, by_weight.get(name, 0) - (want or 0))
        short = missing > 0 or (epochs or 0) > recipe.max_epochs
        most = source.epochs if source.weight is not None else None
        rows.append(Row(name, share, want, here, epochs, missing, short, source.paper, most))
    return rows


def _wanted(recipe: Recipe, available: Mapping[str, int] | None) -> tuple[dict[str, int | None], dict[str, int]]:
    """The tokens of each source, None where they are not known yet; and what its weight alone asks for."""
    sources, budget = recipe.active, recipe.budget_tokens
    passes = {
        name: None if available is None else round(source.epochs * available[name])
        for name, source in sources.items()
        if source.epochs is not None
    }
    if budget is None:
        return {name: passes[name] for name in sources}, {}
    fixed = {name: passes[name] for name, source in sources.items() if source.weight is None}
    if fixed and available is None:
        return dict.fromkeys(sources), {}
    rest = budget - sum(value or 0 for value in fixed.values())
    if rest < 0 or (rest == 0 and len(fixed) < len(sources)):
        raise MixtureError(
            f"the epochs of {', '.join(fixed)} take {budget - rest:,} tokens, and budget_tokens is {budget:,}. "
            "Raise it, or lower the epochs."
        )
    weights = {name: source.weight for name, source in sources.items() if source.weight is not None}
    most = {name: value for name in weights if (value := passes.get(name)) is not None}
    given = share_out(rest, weights, most)
    return {name: {**fixed, **given}[name] for name in sources}, share_out(rest, weights, {})


def share_out(budget: int, weights: Mapping[str, float], most: Mapping[str, int]) -> dict[str, int]:
    """A budget by weights, but to none more than it can give; what one lacks goes to the others, by their weights.

    >>> share_out(100, {"a": 50, "b": 25, "c": 25}, {})
    {'a': 50, 'b': 25, 'c': 25}
    >>> share_out(100, {"a": 50, "b": 25, "c": 25}, {"a": 20, "b": 30})
    {'a': 20, 'b': 30, 'c': 50}
    >>> share_out(100, {"a": 50, "b": 50}, {"a": 20, "b": 30})
    {'a': 20, 'b': 30}
    """
    given: dict[str, int] = {}
    left = dict(weights)
    while left:
        total = sum(left.values())
        by_weight = {name: round(budget * weight / total) for name, weight in left.items()}
        full = {name: most[name] for name, value in by_weight.items() if name in most and value >= most[name]}
        if not full:
            given |= by_weight
            break
        given |= full
        budget -= sum(full.values())
        left = {name: weight for name, weight in left.items() if name not in full}
    return {name: given[name] for name in weights}
