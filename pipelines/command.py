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

from ..errors import UsageError
from ..manifest import RECIPE
from ..mixtures.recipe import Recipe
from ..storage import absolute, filesystem, is_local, join, publish, sizes
from .build import (
    build,
    build_ngrams,
    check_buildable,
    check_folder,
    claim_folder,
    first_phase,
    ngram_leads,
    odd_inputs,
    plan_work,
)
from .engine.driver import Driver, unfinished
from .finding import find, find_tokenizer
from .inputs import TOKENIZER, Inputs, check_inputs, choose, freeze
from .lock import locked
from .teaching import needed_sources

log = logging.getLogger(__name__)
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@dataclass(frozen=True)
class Command:
    """The arguments of `corpusmill run`, or of `corpusmill ngram`, which reads Wikipedia alone."""

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
    verbose: bool = False
    beam: Sequence[str] = ()
    ngrams: Sequence[str] | None = None  # languages: then only their n-gram models are made

    def __post_init__(self) -> None:
        for name in ("inputs", "output"):
            if not getattr(self, name).strip():
                raise UsageError(f"--{name} is empty; expected a folder or a URL.")
        check_inputs(self.inputs)
        inside = f"{absolute(self.output)}/".startswith(f"{absolute(self.inputs).rstrip('/')}/")
        if inside:
            raise UsageError(f"--output {self.output} lies in --inputs {self.inputs}. Give it a folder of its own.")

    @property
    def named(self) -> list[str]:
        """The sources to make, in the recipe's order."""
        return (
            [name for name in self.recipe.active if name in self.sources] if self.sources else list(self.recipe.active)
        )

    @property
    def again(self) -> list[str]:
        """The words of a command that goes on with this run, from the recipe that the run wrote down."""
        asked = ["ngram", *self.ngrams] if self.ngrams is not None else ["run", *self.sources]
        folders = ["--inputs", absolute(self.inputs), "--output", absolute(self.output)]
        recipe = join(absolute(self.output), RECIPE)
        return ["corpusmill", asked[0], recipe, *asked[1:], *folders, *(["--allow-empty"] * self.allow_empty)]


def find_all(command: Command) -> Inputs:
    """The inputs of the sources that are read, and the tokenizer where a recipe with a ready one is run as a whole."""
    recipe = command.recipe
    found = find(recipe, needed_sources(recipe, command.named), command.inputs, command.allow_empty)
    return found if command.sources else {**found, **find_tokenizer(recipe, command.inputs)}


def execute(command: Command) -> dict[str, Any]:
    """Run the recipe, or the documents of the named sources. Returns what `manifest.json` holds.

    Whatever can be refused is refused before anything in the output folder changes.
    """
    recipe, output, whole = command.recipe, absolute(command.output), not command.sources
    check_buildable(recipe, command.sources or list(recipe.active))
    found = find_all(command)
    driver = Driver(output, command.workers, command.beam, quiet=command.quiet)
    check_folder(
        output, recipe, command.redo, whole, command.ngrams is not None
    )  # once before anything, even the lock, is written
    with locked(output, recipe.digest), logging_to(output, driver.console if command.verbose else None) as log_url:
        check_folder(output, recipe, command.redo, whole, command.ngrams is not None)
        inputs, notes = choose(output, found, command.redo)
        work = plan_work(recipe, inputs)
        for note in [*notes, *odd_inputs(recipe, work)]:
            driver.say(note)
        log.info("recipe %s, digest %s, output %s", recipe.name, recipe.digest, output)
        try:
            freeze(output, inputs)
            claim_folder(output, recipe)
            driver.sweep()
            if command.ngrams is not None:
                return build_ngrams(driver, recipe, inputs, work, command.ngrams, command.again)
            return build(driver, recipe, inputs, work, command.named, whole, command.again)
        except BaseException:
            log.exception("the run did not finish")
            raise
        finally:
            if not command.quiet:
                driver.console.print(f"log: {log_url}", style="dim", highlight=False, markup=False, soft_wrap=True)


def dry_run(command: Command) -> dict[str, Any]:
    """What a run would do: the resolved recipe, and of each source its inputs and work items. Nothing is written."""
    recipe, output = command.recipe, absolute(command.output)
    check_buildable(recipe, command.sources or list(recipe.active))
    found = find_all(command)
    check_folder(output, recipe, command.redo, not command.sources, command.ngrams is not None)
    used, notes = choose(output, found, command.redo)
    sources = {}
    planned = plan_work(recipe, used)
    for source, work in planned.items():
        phase, given = first_phase(source, work, recipe, command.named), used[source]
        if command.ngrams is not None:
            phase = ngram_leads(output, recipe, planned, command.ngrams)
        sources[source] = {
            "inputs": {one.name: one.size for one in given.files},
            "models": {name: one.name for name, one in given.models.items()},
            "phase": phase.name,
            "items": len(phase.items),
            "to_do": len(unfinished(output, phase)),
        }
    others = "what is not finished of the other phases of each source"
    then = "the n-gram models" if command.ngrams is not None else others
    if not command.sources:
        then += ", and tokenizer, tokens and shards"
    models = used[TOKENIZER].models if TOKENIZER in used else {}
    tokenizer = models[TOKENIZER].name if models else ""
    return {
        "recipe": recipe.resolved(),
        "sources": sources,
        "tokenizer": tokenizer,
        "notes": [*notes, *odd_inputs(recipe, planned)],
        "then": then,
    }


@contextlib.contextmanager
def logging_to(output: str, console: Console | None = None) -> Iterator[str]:
    """A log file for this run, `logs/run-0001.log`, and its URL; Beam's own words go there too, not to the screen.

    With a console, our own lines are printed there as well.
    """
    number = 1 + sum(name.startswith("run-") for name in sizes(join(output, "logs")))
    url = join(output, "logs", f"run-{number:04d}.log")
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(filesystem(url)[1]) if is_local(url) else Path(scratch) / "run.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(path, encoding="utf-8")
        handler.setFormatter(logging.Formatter(FORMAT))
        root = logging.getLogger()
        root.addHandler(handler)
        ours, shown = logging.getLogger("corpusmill"), _Shown(console) if console else logging.NullHandler()
        ours.setLevel(logging.INFO)
        ours.addHandler(shown)
        logging.raiseExceptions = False  # a full disk must not add tracebacks of its log to its error
        try:
            yield url
        finally:
            ours.removeHandler(shown)
            root.removeHandler(handler)
            handler.close()
            if not is_local(url):
                publish(url, path.read_bytes())


class _Shown(logging.Handler):
    """Lines of the log on a console, above its bar. Errors are printed at the end, with a traceback if asked."""

    def __init__(self, console: Console):
        super().__init__()
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.ERROR:
            self.console.print(record.getMessage(), style="dim", highlight=False, markup=False, soft_wrap=True)
