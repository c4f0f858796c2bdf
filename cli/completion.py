"""Completion by the shell: the script that asks, and the answer. What is completed stands in words.py."""

from __future__ import annotations

import os

import click
from click.shell_completion import BashComplete, get_completion_class, shell_complete

from .options import debug_option, epilog

VARIABLE = "_CORPUSMILL_COMPLETE"
SHELLS = ("bash", "zsh", "fish")
# After `seed=` comes a value, after `sources.` more of the key, and not a space.
NO_SPACE = '    [[ "${COMPREPLY[0]}" == *[=.] ]] && compopt -o nospace\n    return 0\n'


@click.command(
    short_help="Print a script that completes words in your shell.",
    epilog=epilog(
        'completion bash                  # for this shell: eval "$(corpusmill completion bash)"',
        "completion zsh > ~/.zfunc/_corpusmill",
        "completion fish > ~/.config/fish/completions/corpusmill.fish",
    ),
)
@click.argument("shell", type=click.Choice(SHELLS))
@debug_option
@click.pass_context
def completion(context: click.Context, /, shell: str) -> None:
    """Print the script that has SHELL complete commands, options, recipes, sources and settings."""
    complete = get_completion_class(shell)
    assert complete, "one of those that click has"
    script = complete(context.find_root().command, {}, "corpusmill", VARIABLE).source()
    if issubclass(complete, BashComplete):
        script = script.replace("    return 0\n", NO_SPACE)
    click.echo(script)


def asked_for() -> str:
    """The instruction of a shell that asks for words, empty where none does."""
    return os.environ.get(VARIABLE, "")


def answer(program: click.Command, instruction: str) -> int:
    """Print the words that a shell asks for. Returns the exit code."""
    return shell_complete(program, {}, "corpusmill", VARIABLE, instruction)
