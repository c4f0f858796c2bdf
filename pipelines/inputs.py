"""The inputs of a run: found by the recipe's globs, frozen by the first run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from ..errors import SourceError, UsageError
from ..mixtures.recipe import Recipe
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


def freeze(output: str, found: Inputs, redo: bool) -> tuple[Inputs, list[str]]:
    """The inputs that this run uses: those of the first run here, unless `redo`. And what to tell the user.

    Raises:
        UsageError: an input of the first run is gone or has changed.
    """
    url = join(output, FROZEN)
    frozen: dict[str, list[dict[str, object]]] = read_json(url) or {}
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
                f"{source}: {len(new)} new inputs ({new[0]}, …) are left out: the list is that of the first run here. "
                "--redo takes them in."
            )
        used[source] = [now[name] for name in then]
    keep = {source: [_recorded(one) for one in files] for source, files in used.items()}
    write_json(url, {**frozen, **keep})
    return used, notes


def _recorded(one: Input) -> Mapping[str, object]:
    # Not the URL: the same inputs may lie elsewhere tomorrow.
    return {name: value for name, value in dataclasses.asdict(one).items() if name != "url"}
