"""What `corpusmill train` prints: a line every few steps on stderr, the losses by source at the end."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from .funnel import answer_console, number

if TYPE_CHECKING:  # torch comes with the extra `model` alone
    from ..llama.train import StepReport, TrainResult


def print_step(report: StepReport) -> None:
    """A line on stderr at every twentieth of the steps, and at the last."""
    every = max(1, report.steps // 20)
    if report.step % every == 0 or report.step == report.steps:
        losses = "  ".join(f"{source} {loss:.3f}" for source, loss in report.loss.by_source.items())
        done = f"step {report.step:>5}/{report.steps}  {report.n_tokens:>10,} tokens"
        print(f"{done}  loss {report.loss.mean:.3f}  {losses}", file=sys.stderr, flush=True)


def print_result(result: TrainResult) -> None:
    """The losses in nats a token, beside the entropy that a model of frequencies alone would reach."""
    title = f"Loss, nats a token ({number(result.n_parameters)} parameters, {number(result.n_tokens)} tokens)"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("", "training, last 20 steps", "validation"):
        table.add_column(name, justify="right" if name else "left")
    held_out = result.validation.by_source if result.validation else {}
    for source, loss in result.loss.by_source.items():
        table.add_row(source, f"{loss:.3f}", f"{held_out[source]:.3f}" if source in held_out else "–")
    table.add_section()
    table.add_row("all", f"{result.loss.mean:.3f}", f"{result.validation.mean:.3f}" if result.validation else "–")
    table.add_row("unigram entropy", f"{result.unigram_entropy:.3f}", "")
    answer_console().print(table)
