"""The command that trains the built-in model."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import Any

import click

from ..errors import UsageError
from . import terminal
from .options import debug_option, epilog, interruptible


@click.command(
    short_help="Train a small LLaMA on the shards.",
    epilog=epilog(
        "train OUT",
        "train OUT --steps 1000 --batch-size 16 --device cuda --compile",
        "train OUT --export small-llama     # of a finished training, too",
    ),
)
@click.argument("output")
@click.option("--steps", default=200, show_default=True, type=click.IntRange(min=1), help="Optimiser steps.")
@click.option("--batch-size", default=8, show_default=True, type=click.IntRange(min=1), help="Sequences in a step.")
@click.option("--seq-len", default=256, show_default=True, type=click.IntRange(min=1), help="Tokens in a sequence.")
@click.option("--seed", default=0, show_default=True, help="Of the initial weights.")
@click.option(
    "--device", default="auto", show_default=True, help="auto (a GPU where there is one), cpu, cuda, or as torch says."
)
@click.option("--bf16/--no-bf16", default=None, help="Compute in bfloat16  [default: on a GPU that can]")
@click.option(
    "--compile", "compiled", is_flag=True, help="Run the model by torch.compile, which takes a minute to start."
)
@click.option("--save", help="Folder of checkpoint, result and picture  [default: OUTPUT/llama]")
@click.option(
    "--checkpoint-every", default=100, show_default=True, type=click.IntRange(min=1), help="Steps between checkpoints."
)
@click.option("--redo", is_flag=True, help="Begin again, in place of the training that is saved there.")
@click.option("--export", "exported", help="Folder or URL for the model in the files of Hugging Face's transformers.")
@click.option("--dry-run", is_flag=True, help="Say how large model and training are, and what is saved; train nothing.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@debug_option
def train(
    output: str,
    steps: int,
    save: str | None,
    exported: str | None,
    dry_run: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train a small LLaMA on the shards of OUTPUT; report the loss of each source, on the validation split in bits a
    byte, too. Needs the extra `model`.

    OUTPUT/llama gets checkpoint.pt, result.json and loss.svg. A training that was stopped goes on from its checkpoint
    with the same command, and comes to the same numbers on a CPU.
    """
    from ..storage import join, sizes, write_json

    if not sizes(join(output, "shards")):
        raise UsageError(f"{output}: no shards here; expected the --output of `corpusmill run` of a whole recipe.")
    # Before torch is imported: on a busy machine its threads would otherwise spin while they wait for one another.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import matplotlib  # noqa: F401  better now than when the training is done

        from ..llama.checkpoint import load_checkpoint
        from ..llama.export import export
        from ..llama.train import MEAN_STEPS, planned
        from ..llama.train import train as train_model
    except ModuleNotFoundError as error:
        raise UsageError(f"{error.name} is not installed; pip install 'corpusmill[model]' brings it.") from error
    from ..report import training
    from ..report.answers import AnswerConsole

    save = join(output, "llama") if save is None else save
    if dry_run:
        begun = None if options["redo"] else save
        known = planned(output, steps, options["batch_size"], options["seq_len"], options["seed"], begun)
        facts: dict[str, Any] = {**known, "save": save}
        shown = (f"{name.replace('_', ' ')}: {fact if name == 'save' else f'{fact:,}'}" for name, fact in facts.items())
        click.echo(json.dumps(facts) if as_json else "\n".join(shown))
        return
    with (
        interruptible("The same command goes on from the last checkpoint."),
        training.watching(terminal.stderr(), quiet) as report,
    ):
        result = train_model(output, steps, save=save, report=report, **options)
    write_json(join(save, "result.json"), asdict(result))
    checkpoint = load_checkpoint(save)
    assert checkpoint is not None, "saved after the last step"
    training.draw(join(save, "loss.svg"), checkpoint.history, checkpoint.origin.sources, result, MEAN_STEPS)
    if exported is not None:
        export(checkpoint, output, exported)
    if as_json:
        click.echo(json.dumps(asdict(result)))
        return
    console = AnswerConsole()
    console.print(training.table(result))
    said = f"Checkpoint, result.json and loss.svg in {save}" + (f"; the model in {exported}" if exported else "")
    console.print(said, highlight=False, soft_wrap=True)
