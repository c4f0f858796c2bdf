"""The command line: one program, verbs below it. stdout is the answer, stderr the progress."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

import click
from rich.console import Console

from .. import __version__
from ..errors import CorpusmillError, Interrupted, UsageError
from . import ask, fetch, recipe, run, takedown, train

COMMANDS = (
    recipe.sample,
    fetch.fetch,
    recipe.plan,
    recipe.describe,
    run.run,
    run.ngram,
    ask.check,
    ask.why,
    ask.where,
    ask.score,
    takedown.takedown,
    train.train,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Exit code: 0 done, 1 failed, 2 usage, 3 differences, 4 done with damage, 130 interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Ours before the first --, Beam's after it: a mistyped option of ours must not flow to Beam in silence.
    cut = given.index("--") if "--" in given else len(given)
    try:
        if given[cut:] and given[0] not in ("run", "ngram"):
            raise UsageError("options after -- are Beam's, and only `corpusmill run` and `ngram` take them.")
        result = cli.main(given[:cut], prog_name="corpusmill", standalone_mode=False, obj=given[cut + 1 :])
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return Interrupted.exit_code
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return Interrupted.exit_code
    except Exception as error:
        if "--debug" in given:
            traceback.print_exc()
        if isinstance(error, OSError):
            error = CorpusmillError(f"{error.filename}: {error.strerror}." if error.filename else f"{error}.")
        if not isinstance(error, CorpusmillError):
            error = CorpusmillError(f"{type(error).__name__}: {error} (a bug; --debug shows where).")
        Console(stderr=True).print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        return error.exit_code


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="corpusmill")
def cli() -> None:
    """From raw public dumps to the LLaMA pre-training corpus: documents, tokenizer, weighted token shards."""


for command in COMMANDS:
    cli.add_command(command)
