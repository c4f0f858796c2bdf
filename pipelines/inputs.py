"""The inputs of a run: found by the recipe's globs, frozen by the first run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from ..errors import SourceError, UsageError
from ..mixtures.recipe import Recipe
from ..records import counted
from ..storage import Input, find_inputs, join, read_json, write_json

FROZEN = "work/inputs.json"
Inputs = dict[str, list[Input]]


def find(recipe: Recipe, sources: Sequence[str], folder: str, allow_empty: bool = False) -> Inputs:
    """The inputs of each source, sorted by name; a file that two globs name is taken once.

    Raises:
        SourceError: a glob without a match, unless `allow_empty`.
    """
    found: Inputs = {}
    for source in sources:
        files: dict[str, Input] = {}
        for pattern in recipe.active[source].inputs:
            matches = find_inputs(folder, pattern)
            if not matches and not allow_empty:
                raise SourceError(
                    f"{source}: nothing in {folder} fits {pattern}. Check --inputs (a sub-folder for each source), "
                    f"change the glob with --set 'sources.{source}.inputs=[…]', or pass --allow-empty."
                )
            files.update({one.name: one for one in matches})
        found[source] = [files[name] for name in sorted(files)]
    return found


def choose(output: str, found: Inputs, redo: bool) -> tuple[Inputs, list[str]]:
    """The inputs that a run uses: those of the first run here, unless `redo`. And what to tell the user.

    Raises:
        UsageError: an input of the first run is gone or has changed.
    """
    frozen = _frozen(output)
    used, notes = dict(found), []
    for source in found if not redo else ():
        if source not in frozen:
            continue
        now = {one.name: one for one in found[source]}
        then = {str(one["name"]): str(one["identity"]) for one in frozen[source]}
        lost = [name for name, identity in then.items() if name not in now or now[name].identity != identity]
        if lost:
            what = "has changed" if lost[0] in now else "is gone"
            raise UsageError(
                f"{source}: {lost[0]} {what} since the first run in {output} ({len(lost)} in all). Bring it back, "
                "or pass --redo to take the inputs as they are now; shards of unchanged inputs are kept."
            )
        if new := sorted(set(now) - set(then)):
            notes.append(
                f"{source}: {counted(len(new), 'new input')}, from {new[0]} on, left out: the list is that of the "
                "first run here. --redo takes them in."
            )
        used[source] = [now[name] for name in then]
    return used, notes


def freeze(output: str, used: Inputs) -> None:
    """Write down what a run uses."""
    write_json(join(output, FROZEN), {**_frozen(output), **{s: [_recorded(one) for one in used[s]] for s in used}})


def _frozen(output: str) -> dict[str, list[dict[str, object]]]:
    return read_json(join(output, FROZEN)) or {}


def _recorded(one: Input) -> Mapping[str, object]:
    # Not the URL: the same inputs may lie elsewhere tomorrow.
    return {name: value for name, value in dataclasses.asdict(one).items() if name != "url"}
