"""What commands share: options, examples and exit codes."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import signals, words

if TYPE_CHECKING:
    from ..mixtures.recipe import Recipe

DAMAGED = 4
DIFFERENT = 3


def epilog(*examples: str) -> str:
    return "\b\nExamples:\n" + "\n".join(f"  corpusmill {example}" for example in examples)


def debug_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`main` looks for it: every command takes it, none reads it."""
    return click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")(function)


set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a setting of the recipe, by its dotted key.",
    shell_complete=words.settings,
)


def recipe_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        set_option,
        click.option(
            "--limit",
            type=click.FloatRange(0, 1, min_open=True),
            help="Only this share of the documents, by a hash of their ids; lines are compared among those alone.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables."),
        click.argument("recipe", shell_complete=words.recipes),
    ):
        function = option(function)
    return function


def share(text: str) -> float:
    """A share above 0 and at most 1, as a number or in per cent.

    >>> share("0.1%"), share("0.001"), share("100 %")
    (0.001, 0.001, 1.0)
    """
    given = text.strip()
    try:
        value = float(given.removesuffix("%")) / (100 if given.endswith("%") else 1)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise click.BadParameter(f"expected a share above 0 and at most 1, as in 0.001 or 0.1%; got {text!r}.")
    return value


workers_option = click.option(
    "--workers",
    default=os.cpu_count() or 1,
    type=click.IntRange(min=1),
    help="Processes on this machine [default: one a core].",
)
allow_empty_option = click.option("--allow-empty", is_flag=True, help="A glob without a match is no error.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress.")


def run_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--dry-run",
            is_flag=True,
            help="Print the resolved recipe, the inputs found and what would be made; write nothing.",
        ),
        quiet_option,
        click.option("-v", "--verbose", is_flag=True, help="Show the lines of the log, too."),
        allow_empty_option,
        click.option("--allow-damage", is_flag=True, help="Damaged input does not change the exit code."),
        click.option(
            "--redo", is_flag=True, help="Take the recipe and the inputs as they are now; what did not change is kept."
        ),
        workers_option,
        click.option(
            "--output", required=True, help="Folder or URL of the run. The same command goes on where it stopped."
        ),
        click.option("--inputs", required=True, help="Folder or URL of the raw dumps, a sub-folder for each source."),
    ):
        function = option(function)
    return function


def load_recipe(recipe: str, overrides: Sequence[str], limit: float | None) -> Recipe:
    """The recipe that a user gives: the code of their own sources may be beside it, or in the working directory."""
    from ..mixtures.recipe import load

    for folder in (Path(recipe).resolve().parent, Path.cwd()):
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    return load(recipe, [*overrides, *([] if limit is None else [f"limit={limit}"])])


def quieten_beam() -> None:
    """A handler first: without one Beam's import prints warnings through the root logger, and takes it over."""
    logging.getLogger().addHandler(logging.NullHandler())


@contextmanager
def interruptible(said: str = "What is finished is kept; the same command goes on.") -> Iterator[None]:
    """Around work that goes on where it was stopped: what the line says that Ctrl-C prints."""
    signals.goes_on(said)
    yield
    signals.goes_on("")  # not where the block was left by the signal, which says it when all is unwound
