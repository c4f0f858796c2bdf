"""What commands share: options, examples, exit codes, and a Ctrl-C that is one line."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from ..errors import Interrupted
from ..mixtures.recipe import Recipe, load

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
        click.argument("recipe"),
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
        quiet_option,
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
    return load(recipe, [*overrides, *([] if limit is None else [f"limit={limit}"])])


def quieten_beam() -> None:
    """A handler first: without one Beam's import prints warnings through the root logger, and takes it over."""
    logging.getLogger().addHandler(logging.NullHandler())


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C by a handler and a flag: Beam turns a KeyboardInterrupt inside a DoFn into 125 lines of traceback."""
    from ..pipelines.engine.pool import stop_children

    interrupted = []

    def interrupt(*_: object) -> NoReturn:
        interrupted.append(True)
        stop_children()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except BaseException:
        if interrupted:
            print("Interrupted. Finished shards are kept; the same command goes on.", file=sys.stderr, flush=True)
            # Not sys.exit: a thread of the runner may still work on a shard. Files are published whole or not at all.
            os._exit(Interrupted.exit_code)
        raise
    finally:
        signal.signal(signal.SIGINT, before)
