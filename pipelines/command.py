"""`corpusmill run`: the checks before, the lock and the log around, and the dry run instead."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from ..mixtures.recipe import Recipe
from ..storage import absolute, filesystem, is_local, join, publish, sizes
from .build import build, check_buildable, check_folder, claim_folder
from .documents import extract_phase
from .engine.driver import Driver, unfinished
from .inputs import find, freeze
from .lock import locked
from .sources import SOURCES

log = logging.getLogger(__name__)
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@dataclass(frozen=True)
class Command:
    """The arguments of `corpusmill run`."""

    recipe: Recipe
    sources: Sequence[str]
    inputs: str
    output: str
    workers: int
    dry_run: bool = False
    redo: bool = False
    allow_damage: bool = False
    allow_empty: bool = False
    quiet: bool = False
    beam: Sequence[str] = ()

    @property
    def named(self) -> list[str]:
        """The sources to make, in the recipe's order."""
        return (
            [name for name in self.recipe.active if name in self.sources] if self.sources else list(self.recipe.active)
        )


def execute(command: Command) -> dict[str, Any]:
    """Run the recipe, or the documents of the named sources. Returns what `manifest.json` holds.

    Whatever can be refused is refused before anything in the output folder changes.
    """
    recipe, output, whole = command.recipe, absolute(command.output), not command.sources
    check_buildable(recipe, command.sources or list(recipe.active))
    found = find(recipe, command.named, command.inputs, command.allow_empty)
    console = Console(stderr=True)
    driver = Driver(output, command.workers, command.beam, console, command.quiet)
    with locked(output, recipe.digest), logging_to(output):
        check_folder(output, recipe, command.redo, whole)
        inputs, notes = freeze(output, found, command.redo)
        for note in notes:
            console.print(f"[yellow]{note}[/yellow]", highlight=False, soft_wrap=True)
        log.info("recipe %s, digest %s, output %s", recipe.name, recipe.digest, output)
        try:
            claim_folder(output, recipe)
            driver.sweep()
            return build(driver, recipe, inputs, whole)
        except BaseException:
            log.exception("the run did not finish")
            raise


def dry_run(command: Command) -> dict[str, Any]:
    """What a run would do: the resolved recipe, and of each source its inputs and work items. Nothing is written."""
    recipe = command.recipe
    check_buildable(recipe, command.sources or list(recipe.active))
    sources = {}
    for source, inputs in find(recipe, command.named, command.inputs, command.allow_empty).items():
        phase = extract_phase(SOURCES[source], inputs, recipe)
        sources[source] = {
            "inputs": {one.name: one.size for one in inputs},
            "items": len(phase.items),
            "to_do": len(unfinished(absolute(command.output), phase)),
        }
    return {"recipe": recipe.resolved(), "sources": sources}


@contextlib.contextmanager
def logging_to(output: str) -> Iterator[None]:
    """A log file for this run, `logs/run-0001.log`; Beam's own words go there too, not to the screen."""
    number = 1 + sum(name.startswith("run-") for name in sizes(join(output, "logs")))
    url = join(output, "logs", f"run-{number:04d}.log")
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(filesystem(url)[1]) if is_local(url) else Path(scratch) / "run.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(path, encoding="utf-8")
        handler.setFormatter(logging.Formatter(FORMAT))
        root = logging.getLogger()
        root.addHandler(handler)
        logging.getLogger("corpusmill").setLevel(logging.INFO)
        try:
            yield
        finally:
            root.removeHandler(handler)
            handler.close()
            if not is_local(url):
                publish(url, path.read_bytes())
