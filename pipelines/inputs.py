"""The inputs of a run: found by the recipe's globs, frozen by the first run."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from ..errors import SourceError, UsageError
from ..mixtures.recipe import Recipe, SourceRecipe
from ..records import counted
from ..storage import Input, find_inputs, identify, join, read_bytes, read_json, size_of, write_json
from .sources import SOURCES

FROZEN = "work/inputs.json"
LISTS = (".paths", ".paths.gz")  # endings of a list of inputs, a path a line


@dataclass(frozen=True)
class Given:
    """What one source is made from."""

    files: list[Input]
    models: Mapping[str, Input] = field(default_factory=dict)

    def recorded(self) -> dict[str, dict[str, list[Any]]]:
        """Name → size and identity, of the files and of the models."""
        return {
            "files": {one.name: [one.size, one.identity] for one in self.files},
            "models": {name: [one.size, one.identity] for name, one in self.models.items()},
        }


Inputs = dict[str, Given]


def find(recipe: Recipe, sources: Sequence[str], folder: str, allow_empty: bool = False) -> Inputs:
    """The inputs of each source, sorted by name, and its models; a file that two globs name is taken once.

    Raises:
        SourceError: a glob without a match, unless `allow_empty`; a list of paths of which one is not there.
        UsageError: a model that is not there, or several that fit.
    """
    found: Inputs = {}
    for source in sources:
        options = recipe.active[source]
        files: dict[str, Input] = {}
        for pattern in options.inputs:
            matches = _matches(source, folder, pattern, options.root)
            if not matches and not allow_empty:
                raise SourceError(
                    f"{source}: nothing in {folder} fits {pattern}. Check --inputs (a sub-folder for each source), "
                    f"change the glob with --set 'sources.{source}.inputs=[…]', or pass --allow-empty; "
                    f"--set sources.{source}=null leaves it out."
                )
            files.update({one.name: one for one in matches})
        models = find_models(source, options, folder) if files else {}
        found[source] = Given([files[name] for name in sorted(files)], models)
    return found


def find_models(source: str, options: SourceRecipe, folder: str) -> dict[str, Input]:
    """The models that a source needs.

    Raises:
        UsageError: one is not there, or several fit; the message says how to get it.
    """
    one = SOURCES[source]
    return {name: _model(source, folder, path, one.about_models[name]) for name, path in one.models(options).items()}


def _matches(source: str, folder: str, pattern: str, root: str) -> list[Input]:
    """What a glob names: files; with a slash at its end all files below those folders; lists of paths, opened."""
    if pattern.endswith("/"):
        pattern = f"{pattern}**/{SOURCES[source].files}"
    found = []
    for one in find_inputs(folder, pattern):
        found += _listed(source, one, root) if one.name.endswith(LISTS) else [one]
    return found


def _listed(source: str, paths: Input, root: str) -> list[Input]:
    """The files of a list such as CommonCrawl's `wet.paths.gz`.

    Its paths are relative to `root`; without one to the folder above the list that holds their first part
    (`crawl-data`), or else to the folder of the list.
    """
    data = read_bytes(paths.url)
    try:
        lines = (gzip.decompress(data) if paths.name.endswith(".gz") else data).decode().split()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise SourceError(f"{paths.name}: not a list of paths ({type(error).__name__}: {error}).") from error
    above = f"{paths.url.rpartition('/')[0]}/"

    def input_of(line: str) -> Input | None:
        first = f"/{line.partition('/')[0]}/"
        url = join(root or (above.rpartition(first)[0] if first in above else above), line)
        try:
            size = size_of(url)
        except FileNotFoundError:
            return None
        return Input(f"{source}/{line}", url, size, identify(url))

    with ThreadPoolExecutor(16) as pool:  # threads: in a bucket each is a round trip
        inputs = list(pool.map(input_of, lines))
    if lost := [line for line, one in zip(lines, inputs, strict=True) if one is None]:
        raise SourceError(
            f"{paths.name}: {counted(len(lost), 'file')} of its {len(lines):,} not there, the first {lost[0]}. Fetch "
            f"them, set sources.{source}.root to the folder or URL that has them, or give a glob of those you have."
        )
    return [one for one in inputs if one is not None]


def _model(source: str, folder: str, path: str, about: str) -> Input:
    """The file of a model: a URL or a path as it stands, or a glob below `--inputs` that one file fits."""
    if "://" in path or path.startswith("/"):
        where = path
        try:
            matches = [Input(PurePosixPath(path).name, path, size_of(path), identify(path))]
        except FileNotFoundError:
            matches = []
    else:
        where = join(folder, path)
        matches = find_inputs(folder, path)
    if not matches:
        raise UsageError(f"{source}: no model at {where}. {about}")
    if len(matches) > 1:
        names = ", ".join(one.name for one in matches)
        raise UsageError(f"{source}: {len(matches)} models fit {where}: {names}. Name one of them in the recipe.")
    return matches[0]


def choose(output: str, found: Inputs, redo: bool) -> tuple[Inputs, list[str]]:
    """The inputs that a run uses: those of the first run here, unless `redo`. And what to tell the user.

    Raises:
        UsageError: an input of the first run is gone or has changed.
    """
    frozen = recorded_inputs(output)
    used, notes = dict(found), []
    for source in found if not redo else ():
        if source not in frozen:
            continue
        now = {one.name: one for one in found[source].files}
        then = frozen[source]["files"]
        _check_same(output, source, then, now)
        _check_same(output, source, frozen[source]["models"], found[source].models)
        if new := sorted(set(now) - set(then)):
            notes.append(
                f"{source}: {counted(len(new), 'new input')}, from {new[0]} on, left out: the list is that of the "
                "first run here. --redo takes them in."
            )
        used[source] = Given([now[name] for name in then], found[source].models)
    return used, notes


def _check_same(output: str, source: str, then: Mapping[str, list[Any]], now: Mapping[str, Input]) -> None:
    lost = [name for name, (_, identity) in then.items() if name not in now or now[name].identity != identity]
    if lost:
        what = "has changed" if lost[0] in now else "is gone"
        raise UsageError(
            f"{source}: {lost[0]} {what} since the first run in {output} ({len(lost)} in all). Bring it back, "
            "or pass --redo to take the inputs as they are now; shards of unchanged inputs are kept."
        )


def freeze(output: str, used: Inputs) -> None:
    """Write down what a run uses: names, sizes and identities. No URLs: the same inputs may lie elsewhere tomorrow."""
    recorded = {source: given.recorded() for source, given in used.items()}
    write_json(join(output, FROZEN), {**recorded_inputs(output), **recorded})


def recorded_inputs(output: str) -> dict[str, Any]:
    """What the first run wrote down: source → files and models → name → size and identity."""
    return read_json(join(output, FROZEN)) or {}
