"""The command line: one program, verbs below it. stdout is the answer, stderr the progress.

Files here import click and what is light, and the rest inside their functions: `--help` and completion import them all.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from ..errors import UsageError
from . import ask, card, completion, fetch, look, recipe, report, run, signals, takedown, terminal, train
from .version import version_option

# In the order in which they are needed.
COMMANDS = {
    "Make a corpus": (recipe.sample, fetch.fetch, recipe.describe, recipe.plan, run.run, run.ngram),
    "Ask about it": (report.report, look.look, ask.why, ask.where, look.compare, ask.check, ask.score),
    "Use it, change it": (train.train, takedown.takedown, card.card),
    "Set up": (completion.completion,),
}
EPILOG = """\b
Exit codes:
  0    done
  1    failed: an input, a disk, a work item
  2    the command, the recipe or the output folder cannot be used as given
  3    `check` or `compare` found differences, `plan` a source too small
  4    done, with damaged input left out (0 with --allow-damage)
  130  stopped by Ctrl-C, 143 by SIGTERM, 129 by a closed terminal: `run`,
       `ngram`, `fetch`, `takedown` and `train` go on with the same command
  141  nobody reads the output any more, as in `corpusmill … | head`

\b
Begin with:
  corpusmill sample data
  corpusmill run sample --inputs data --output OUT
"""


class Program(click.Group):
    """Help shows commands by what they are for; completion knows their order, too."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [str(command.name) for commands in COMMANDS.values() for command in commands]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.list_commands(ctx)))
        for title, commands in COMMANDS.items():
            rows = [(f"{command.name:<{width}}", command.get_short_help_str(70)) for command in commands]
            with formatter.section(title):
                formatter.write_dl(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit code: those of EPILOG."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Ours before the first --, Beam's after it: a mistyped option of ours must not flow to Beam in silence.
    cut = given.index("--") if "--" in given else len(given)
    terminal.prepare()
    with signals.caught() as stopping:
        try:
            if given[cut:] and given[0] not in ("run", "ngram"):
                raise UsageError("options after -- are Beam's, and only `corpusmill run` and `ngram` take them.")
            if instruction := completion.asked_for():
                return completion.answer(cli, instruction)
            with cli.make_context("corpusmill", given[:cut], obj=given[cut + 1 :]) as context:
                result = cli.invoke(context)
            return result if isinstance(result, int) else 0
        except click.exceptions.Exit as stopped:  # --help, --version
            return stopped.exit_code
        except click.ClickException as error:
            return terminal.refused(error)
        except Exception as error:
            if stopping.received:  # whatever became of the interrupt on its way
                raise KeyboardInterrupt from error
            return terminal.failed(error, debug="--debug" in given)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EPILOG)
@version_option
def cli() -> None:
    """From raw public dumps to the LLaMA pre-training corpus: documents, tokenizer, weighted token shards."""


for command in (command for commands in COMMANDS.values() for command in commands):
    cli.add_command(command)
