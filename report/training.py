"""What `corpusmill train` shows: progress on stderr, the losses by source at the end, and a picture of them."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from rich import box
from rich.console import Console
from rich.table import Table

from ..pipelines.progress import bar
from ..progress import LINE_EVERY, can_redraw
from ..storage import publish
from .figures import UNKNOWN, decimal, number

if TYPE_CHECKING:  # torch comes with the extra `model` alone
    from ..llama.losses import LossSums
    from ..llama.train import StepReport, TrainResult

_MAX_POINTS = 2000  # of a line in the picture


@contextlib.contextmanager
def watching(console: Console, quiet: bool) -> Iterator[Callable[[StepReport], None]]:
    """What to call after each step: a bar on a terminal, a line every 30 s and at the end elsewhere, or nothing."""
    if quiet:
        yield lambda _: None
    elif not can_redraw(console):
        yield _Lines(console).show
    else:
        with bar(console) as progress:
            task, rates = progress.add_task("train", total=None, rates=""), _Rates()

            def show(report: StepReport) -> None:
                said = f"loss {report.loss.mean:.3f}  {rates.of(report)}"
                progress.update(task, total=report.steps, completed=report.step, rates=said)

            yield show


class _Rates:
    """`5,310 tokens/s  ETA 0:01:23`, of what was done since the first report."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._before: tuple[int, int] | None = None  # step and tokens where a training goes on

    def of(self, report: StepReport) -> str:
        if self._before is None:
            self._before = (0, 0) if report.step == 1 else (report.step, report.n_tokens)
        steps, tokens = report.step - self._before[0], report.n_tokens - self._before[1]
        if not steps:
            return ""
        seconds = time.monotonic() - self._started
        eta = timedelta(seconds=round((report.steps - report.step) * seconds / steps))
        return f"{tokens / max(seconds, 1e-9):,.0f} tokens/s  ETA {eta}"


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console, self._rates, self._last = console, _Rates(), time.monotonic()
        self._first = True

    def show(self, report: StepReport) -> None:
        """A line: at once where a training goes on, then every 30 s, and at the last step."""
        rates, now = self._rates.of(report), time.monotonic()
        goes_on, self._first = self._first and report.step > 1, False
        if goes_on or now - self._last >= LINE_EVERY or report.step == report.steps:
            self._last = now
            losses = "  ".join(f"{source} {loss:.3f}" for source, loss in report.loss.by_source.items())
            line = f"train: {report.step}/{report.steps}  loss {report.loss.mean:.3f}  {losses}  {rates}"
            self._console.print(line.rstrip(), markup=False, highlight=False, soft_wrap=True)


def table(result: TrainResult) -> Table:
    """The losses beside the entropy that a model of frequencies alone would reach."""
    title = f"Loss ({number(result.n_parameters)} parameters, {number(result.n_tokens)} tokens)"
    shown = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("", "training, last 20 steps", "validation", "validation, bits a byte"):
        shown.add_column(name, justify="right" if name else "left")
    parts = (result.loss, result.validation, result.bits_per_byte)
    sources = sorted({source for part in parts if part for source in part.by_source})
    for source in sources:
        values = [part.by_source.get(source) if part else None for part in parts]
        shown.add_row(source, _nats(values[0]), _nats(values[1]), decimal(values[2]))
    shown.add_section()
    means = [part.mean if part else None for part in parts]
    shown.add_row("all", _nats(means[0]), _nats(means[1]), decimal(means[2]))
    shown.add_row("unigram entropy", _nats(result.unigram_entropy), "", "")
    shown.caption, shown.caption_justify = "nats a token, but for the last column", "left"
    return shown


def _nats(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3f}"


def draw(url: str, history: Sequence[LossSums], sources: Sequence[str], result: TrainResult, mean_steps: int) -> None:
    """Publish an SVG: the loss of all tokens and of each source by step, and the unigram entropy as a dashed line.

    Each point is the mean over the tokens of the last `mean_steps` steps, as the reported losses are.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.add_subplot(xlabel="step", ylabel="loss, nats a token")
    sums = np.array([step.sums for step in history])
    n_tokens = np.array([step.n_tokens for step in history], np.float64)
    at = np.unique(np.linspace(0, len(history) - 1, min(len(history), _MAX_POINTS)).astype(int))
    for source, name in enumerate(sources):
        if n_tokens[:, source].any():
            line = moving_mean(sums[:, source], n_tokens[:, source], mean_steps)
            axes.plot(at + 1, line[at], linewidth=1, label=name)
    everything = moving_mean(sums.sum(axis=1), n_tokens.sum(axis=1), mean_steps)
    axes.plot(at + 1, everything[at], color="black", linewidth=2, label="all")
    axes.axhline(result.unigram_entropy, color="black", linestyle="--", linewidth=1, label="unigram entropy")
    if result.validation is not None:
        axes.plot(len(history), result.validation.mean, "o", color="black", clip_on=False, label="validation")
    axes.set_xlim(0, len(history))
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    picture = io.BytesIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "loss"}):  # letters stay letters; the same file twice
        figure.savefig(picture, format="svg", metadata={"Title": "Loss by step", "Date": None})
    publish(url, picture.getvalue())


def moving_mean(sums: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], width: int) -> npt.NDArray[np.float64]:
    """For each position the sums over the weights of the last `width`; NaN where these have none.

    >>> moving_mean(np.array([1.0, 5.0, 6.0]), np.array([1.0, 1.0, 3.0]), 2).tolist()
    [1.0, 3.0, 2.75]
    """
    totals = [np.concatenate(([0.0], np.cumsum(values))) for values in (sums, weights)]
    start = np.maximum(np.arange(1, len(sums) + 1) - width, 0)
    above, below = (total[1:] - total[start] for total in totals)
    means: npt.NDArray[np.float64] = np.divide(above, below, out=np.full(len(sums), np.nan), where=below > 0)
    return means
