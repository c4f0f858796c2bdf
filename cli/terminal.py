"""The terminal, or whatever stands in its place: colours, letters that it lacks, and errors as one line."""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import sys
import traceback
from collections.abc import MutableMapping
from typing import TYPE_CHECKING

import click

from ..errors import CorpusmillError, of_the_system

if TYPE_CHECKING:
    from rich.console import Console

CLOSED = 141  # the reader of a pipe is gone: what a shell shows for a program that SIGPIPE ended
PLAIN = {"−": "-", "–": "-", "—": "-", "…": "...", "×": "x", "≤": "<=", "≥": ">=", "’": "'", "“": '"', "”": '"'}


def prepare() -> None:
    """Before anything is printed: streams that can print every letter, and colours as the environment asks."""
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):  # closed, or somebody's own
            stream.reconfigure(errors="plain")  # type: ignore[union-attr]
    ask_for_colours(os.environ)


def ask_for_colours(environment: MutableMapping[str, str]) -> None:
    """CLICOLOR and CLICOLOR_FORCE in the words that rich knows, NO_COLOR and FORCE_COLOR, which come first.

    >>> asked = {"CLICOLOR_FORCE": "1"}
    >>> ask_for_colours(asked)
    >>> asked["FORCE_COLOR"]
    '1'
    """
    if environment.get("NO_COLOR") or environment.get("FORCE_COLOR"):
        return
    if environment.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        environment["FORCE_COLOR"] = "1"
    elif environment.get("CLICOLOR") == "0":
        environment["NO_COLOR"] = "1"


def _plain(error: UnicodeError) -> tuple[str, int]:
    """What a locale cannot print, in letters that it can: a minus as a hyphen, a letter as its number.

    >>> _plain(UnicodeEncodeError("ascii", "a − ü", 2, 5, "no such letters"))
    ('- \\\\xfc', 5)
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(PLAIN.get(letter) or letter.encode("ascii", "backslashreplace").decode() for letter in letters), (
        error.end
    )


def stderr() -> Console:
    """A console on stderr, where progress and errors are printed."""
    from rich.console import Console

    return Console(stderr=True, emoji=False)


def say(text: str) -> None:
    """Print a line that may hold names of strangers."""
    from ..report.visible import visible

    click.echo(visible(text))


def tell(text: str, style: str = "") -> None:
    """The same on stderr, in a colour on a terminal."""
    from ..report.visible import visible

    stderr().print(visible(text), style=style, markup=False, highlight=False, soft_wrap=True)


def note_unfinished(output: str) -> None:
    """What to say where a run is looked at that is not finished, or no longer as it was."""
    from ..manifest import disturbed

    why = disturbed(output)
    tell(
        f"{why} Below is what is there."
        if why
        else f"The run in {output} is not finished: this is what is there so far.",
        "yellow",
    )


def show_error(message: str) -> None:
    """One line, red on a terminal."""
    tell("error: " + " ".join(message.split("\n")), "red")


def refused(error: click.ClickException) -> int:
    """What click says of a command line, as a line of ours with the usage of the command. Returns the exit code."""
    context = getattr(error, "ctx", None)
    if isinstance(error, click.exceptions.NoArgsIsHelpError) or context is None:
        error.show()
        return error.exit_code
    said = " ".join(error.format_message().split())
    said += "" if said.endswith((".", "?")) else "."
    usage = " ".join(context.command.get_usage(context).removeprefix("Usage: ").split())
    show_error(f"{said} Expected: {usage} (`{context.command_path} --help` says more).")
    return error.exit_code


def failed(error: BaseException, debug: bool) -> int:
    """Print an error as one line, with its traceback before it if asked. Returns the exit code."""
    if isinstance(error, BrokenPipeError) or (isinstance(error, OSError) and error.errno == errno.EPIPE):
        # Whatever is still to be flushed at exit has nowhere to go.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED
    if debug:
        traceback.print_exception(error)
    if isinstance(error, OSError):
        error = CorpusmillError(of_the_system(error))
    if isinstance(error, MemoryError):
        error = CorpusmillError("out of memory. Give fewer --workers, or a machine with more.")
    if not isinstance(error, CorpusmillError):
        error = CorpusmillError(f"{type(error).__name__}: {error} (a bug; --debug shows where).")
    show_error(str(error))
    return error.exit_code
