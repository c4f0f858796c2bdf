"""The inputs of a run, frozen by the first run in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..manifest import WORK
from ..records import counted
from ..storage import Input, filesystem, is_local, join, read_json, write_json

FROZEN = "work/inputs.json"
TOKENIZER, TOKENIZER_CONFIG = "tokenizer", "config"
"""A ready tokenizer is no source, but frozen like one: its model and what lies beside it, under this name."""


@dataclass(frozen=True, slots=True)
class Model:
    """A file that steps use: given by the user, or made by an earlier phase of the run (then it has a SHA-256).

    `identity` is what fingerprints say of it: one model may come in two forms that give the same scores.
    """

    name: str  # a path in the output folder when it was made here
    url: str
    identity: str
    sha256: str = ""

    @classmethod
    def given(cls, one: Input) -> Model:
        return cls(one.name, one.url, one.identity)

    @classmethod
    def made(cls, output: str, path: str, sha256: str, identity: str = "") -> Model:
        return cls(path, join(output, path), identity or sha256, sha256)


def made_models(source: str) -> str:
    """Where the models are listed that a run made for a source, for people who ask later: name → model."""
    return join(WORK, "models", f"{source}.json")


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
        _check_same(output, source, frozen[source]["models"], found[source].models, "the model of the ")
        if new := sorted(set(now) - set(then)):
            notes.append(
                f"{source}: {counted(len(new), 'new input')}, from {new[0]} on, left out: the list is that of the "
                "first run here. --redo takes them in."
            )
        used[source] = Given([now[name] for name in then], found[source].models)
    return used, notes


def _check_same(
    output: str, source: str, then: Mapping[str, list[Any]], now: Mapping[str, Input], what: str = ""
) -> None:
    lost = [name for name, (_, identity) in then.items() if name not in now or now[name].identity != identity]
    if lost:
        how = "has changed" if lost[0] in now else "is gone"
        raise UsageError(
            f"{source}: {what}{lost[0]} {how} since the first run in {output} ({len(lost)} in all). Bring it back, "
            "or pass --redo to take the inputs as they are now; shards of unchanged inputs are kept."
        )


def freeze(output: str, used: Inputs) -> None:
    """Write down what a run uses: names, sizes and identities. No URLs: the same inputs may lie elsewhere tomorrow."""
    recorded = {source: given.recorded() for source, given in used.items()}
    write_json(join(output, FROZEN), {**recorded_inputs(output), **recorded})


def recorded_inputs(output: str) -> dict[str, Any]:
    """What the first run wrote down: source → files and models → name → size and identity."""
    return read_json(join(output, FROZEN)) or {}


def check_inputs(folder: str) -> None:
    """Raise UsageError for --inputs that are no folder; of a bucket that is not asked."""
    if is_local(folder) and not (path := Path(filesystem(folder)[1])).is_dir():
        what = "is a file" if path.exists() else "no such folder"
        raise UsageError(f"--inputs {folder}: {what}; expected a folder with one for each source in it.")
