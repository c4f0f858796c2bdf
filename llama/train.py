"""Train the built-in model on token shards, to see that they train; losses are told by source.

Source: LLaMA (2023), section 2.3: AdamW with betas 0.9 and 0.95, cosine to a tenth of the peak, weight decay 0.1,
clipping at 1.0, 2,000 steps of warm-up. Ours: a warm-up of a tenth of the steps where that is shorter; no decay on the
norms' weights, as is common; epsilon 1e-8 (the paper gives none); the sizes and the learning rate of a laptop.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ShardError, UsageError
from ..shards.reader import ShardSet
from .data import Batch, Batches, unigram_entropy
from .model import Llama, LlamaConfig

BETAS = (0.9, 0.95)
EPS = 1e-8
WEIGHT_DECAY = 0.1
CLIP_NORM = 1.0
MAX_WARMUP_STEPS = 2000
FINAL_FRAC = 0.1

_MEAN_STEPS = 20
_MAX_VALIDATION_TOKENS = 16_384


@dataclass(frozen=True, slots=True)
class Loss:
    """Mean loss per token in nats, of all tokens and of each source's; sources without a token are left out."""

    mean: float
    by_source: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class StepReport:
    """What is known after a step: `step` of `steps` done, `n_tokens` trained on, `loss` over the last 20 steps."""

    step: int
    steps: int
    n_tokens: int
    learning_rate: float
    loss: Loss


@dataclass(frozen=True, slots=True)
class TrainResult:
    """How a training ended: loss over its last 20 steps, and on the validation split where there is one."""

    n_parameters: int
    n_tokens: int
    loss: Loss
    unigram_entropy: float
    validation: Loss | None


@dataclass(frozen=True, slots=True, eq=False)
class LossSums:
    """Sums of token losses and numbers of tokens, one of each a source: these can be added, means cannot."""

    sums: npt.NDArray[np.float64]
    n_tokens: npt.NDArray[np.int64]

    @classmethod
    def of(cls, token_losses: npt.NDArray[np.floating], batch: Batch, n_sources: int) -> LossSums:
        """Group the losses of a batch's targets, row after row, by their sources."""
        sources = batch.sources.ravel()
        sums = np.zeros(n_sources)
        np.add.at(sums, sources, token_losses)
        return cls(sums, np.bincount(sources, minlength=n_sources))

    def __add__(self, other: LossSums) -> LossSums:
        return LossSums(self.sums + other.sums, self.n_tokens + other.n_tokens)

    def mean(self, sources: tuple[str, ...]) -> Loss:
        """Means per token; there must be a token."""
        by_source = {
            name: float(total / n) for name, total, n in zip(sources, self.sums, self.n_tokens, strict=True) if n
        }
        return Loss(float(self.sums.sum() / self.n_tokens.sum()), by_source)


def warmup_steps(steps: int) -> int:
    """Steps of warm-up: the paper's 2,000, but no more than a tenth of all.

    >>> warmup_steps(200), warmup_steps(1_000_000), warmup_steps(5)
    (20, 2000, 0)
    """
    return min(MAX_WARMUP_STEPS, steps // 10)


def learning_rate(step: int, steps: int, peak: float) -> float:
    """The rate of a step counted from 1: linear up to the peak, then half a cosine down to a tenth of it at the last.

    >>> [round(learning_rate(step, 200, 1.0), 3) for step in (1, 20, 110, 200)]
    [0.05, 1.0, 0.55, 0.1]
    """
    warmup = warmup_steps(steps)
    if step <= warmup:
        return peak * step / warmup
    progress = (step - warmup) / (steps - warmup)
    return peak * (FINAL_FRAC + (1 - FINAL_FRAC) * (1 + math.cos(math.pi * progress)) / 2)


def train(
    output: str,
    steps: int = 200,
    *,
    batch_size: int = 8,
    seq_len: int = 256,
    peak_learning_rate: float = 2e-3,
    seed: int = 0,
    device: str | None = None,
    report: Callable[[StepReport], None] = lambda _: None,
) -> TrainResult:
    """Train a model of a few million parameters on the shards of an output folder; nothing is written.

    `report` is called after every step. `device` is torch's name for one; by default a GPU where there is one. On a
    CPU the same seed and number of threads give the same losses to the last bit.
    """
    if min(steps, batch_size, seq_len) < 1:
        raise UsageError(f"train: steps {steps}, batch size {batch_size}, sequence length {seq_len}: each must be 1 up")
    shards = ShardSet.open(output, "train")
    batches = Batches(shards, batch_size, seq_len)
    if not len(batches):
        raise ShardError(f"{output}: {shards.n_tokens} tokens to train on; one sequence takes {seq_len + 1}")
    model = Llama(LlamaConfig(shards.vocab_size, max_seq_len=seq_len), seed).to(_usable(device))
    for last in train_steps(model, batches, shards.sources, steps, peak_learning_rate):
        report(last)
    return TrainResult(
        n_parameters=model.config.n_parameters,
        n_tokens=last.n_tokens,
        loss=last.loss,
        unigram_entropy=unigram_entropy(shards),
        validation=_validate(model, output, batch_size, seq_len),
    )


def train_steps(
    model: Llama, batches: Batches, sources: tuple[str, ...], steps: int, peak_learning_rate: float
) -> Iterator[StepReport]:
    """Train step by step; yields a report after each."""
    optimizer = _optimizer(model)
    recent: deque[LossSums] = deque(maxlen=_MEAN_STEPS)
    n_tokens = 0
    for step in range(1, steps + 1):
        rate = learning_rate(step, steps, peak_learning_rate)
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = batches[step - 1]
        losses = token_losses(model, batch)
        losses.mean().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
        optimizer.step()
        optimizer.zero_grad()
        recent.append(LossSums.of(losses.detach().cpu().numpy(), batch, len(sources)))
        n_tokens += batch.targets.size
        yield StepReport(step, steps, n_tokens, rate, _total(recent).mean(sources))


def evaluate(model: Llama, batches: Batches, sources: tuple[str, ...]) -> Loss | None:
    """Loss on the first 16,384 tokens or so, without training; None where there is no batch."""
    n_batches = min(len(batches), -(-_MAX_VALIDATION_TOKENS // (batches.batch_size * batches.seq_len)))
    with torch.inference_mode():
        parts = [
            LossSums.of(token_losses(model, batch).cpu().numpy(), batch, len(sources))
            for batch in map(batches.__getitem__, range(n_batches))
        ]
    return _total(parts).mean(sources) if parts else None


def _validate(model: Llama, output: str, batch_size: int, seq_len: int) -> Loss | None:
    if not any((Path(output) / "shards" / "raw").glob("val-*")):  # none is not the same as some missing
        return None
    held_out = ShardSet.open(output, "val")
    return evaluate(model, Batches(held_out, batch_size, seq_len), held_out.sources)


def token_losses(model: Llama, batch: Batch) -> Tensor:
    """Cross entropy in nats of every target, row after row: (rows · seq_len,)."""
    device = model.lm_head.weight.device
    logits = model(torch.from_numpy(batch.inputs).to(device))
    targets = torch.from_numpy(batch.targets).to(device)
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")


def _optimizer(model: Llama) -> torch.optim.AdamW:
    """AdamW; matrices decay (the embeddings too), the norms' weights do not."""
    weights = list(model.parameters())
    groups = [
        {"params": [w for w in weights if w.dim() > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [w for w in weights if w.dim() == 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=BETAS, eps=EPS, fused=True)


def _usable(device: str | None) -> torch.device:
    name = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f'train: torch cannot use the device "{name}": {str(error).splitlines()[0]}') from error


def _total(parts: Iterable[LossSums]) -> LossSums:
    return reduce(add, parts)
