"""Train the built-in model on token shards, to see that they train; losses are told by source.

Source: LLaMA (2023), section 2.3: AdamW with betas 0.9 and 0.95, cosine to a tenth of the peak, weight decay 0.1,
clipping at 1.0, 2,000 steps of warm-up. Ours: a warm-up of a tenth of the steps where that is shorter; no decay on the
norms' weights, as is common; epsilon 1e-8 (the paper gives none); the sizes and the learning rate of a laptop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import cast

import torch
from torch import nn

from ..errors import ShardError, UsageError
from ..shards.reader import ShardSet
from ..storage import is_local
from .checkpoint import Checkpoint, Origin, clear_away, load_checkpoint, refuse_another, save_checkpoint
from .data import Batches, unigram_entropy
from .evaluate import token_losses, validate
from .losses import Loss, LossSums
from .model import Llama, LlamaConfig

BETAS = (0.9, 0.95)
EPS = 1e-8
WEIGHT_DECAY = 0.1
CLIP_NORM = 1.0
PEAK_LEARNING_RATE = 2e-3
MAX_WARMUP_STEPS = 2000
FINAL_FRAC = 0.1

MEAN_STEPS = 20  # a reported loss is the mean of so many steps


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
    """How a training ended: loss over its last 20 steps, and on the validation split where there is one.

    Losses are nats a token; `bits_per_byte` is that of the validation split (`evaluate.bytes_per_token` says of what
    bytes), None also where the documents are not there.
    """

    n_parameters: int
    n_tokens: int
    loss: Loss
    unigram_entropy: float
    validation: Loss | None
    bits_per_byte: Loss | None


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
    peak_learning_rate: float = PEAK_LEARNING_RATE,
    seed: int = 0,
    device: str = "auto",
    bf16: bool | None = None,
    compiled: bool = False,
    save: str | None = None,
    checkpoint_every: int = 100,
    redo: bool = False,
    report: Callable[[StepReport], None] = lambda _: None,
) -> TrainResult:
    """Train a model of a few million parameters on the shards of an output folder.

    With `save`, a folder, a checkpoint comes there after every `checkpoint_every` steps and the last, and a training
    that was stopped goes on from it, or from its beginning with `redo`; without, nothing is written. `report` is
    called after every step, and once at first where a training goes on. `device` is torch's name for one, or `auto`:
    a GPU where there is one, which computes in bf16 unless `bf16` is False. On a CPU the same seed and number of
    threads give the same numbers to the last bit, stopped between or not.

    Raises:
        UsageError: an impossible setting; the checkpoint is of a training with other settings, or on other shards.
        ShardError: too few tokens, damaged shards, a damaged checkpoint.
    """
    if min(steps, batch_size, seq_len, checkpoint_every) < 1:
        raise UsageError(
            f"train: steps {steps}, batch size {batch_size}, sequence length {seq_len}, "
            f"checkpoint every {checkpoint_every}: each must be 1 up"
        )
    shards = ShardSet.open(output, "train")
    batches = _batches(shards, output, batch_size, seq_len)
    where = _usable(device)
    bf16 = _has_bf16(where) if bf16 is None else bf16
    origin = _origin(shards, steps, batch_size, seq_len, peak_learning_rate, seed)
    config = origin.model
    training = Training(
        Llama(config, seed).to(where), batches, shards.sources, steps, peak_learning_rate, bf16=bf16, compiled=compiled
    )
    _run(training, origin, save, checkpoint_every, redo, report)
    validation, bits_per_byte = validate(training.model, output, batch_size, seq_len, bf16)
    return TrainResult(
        n_parameters=config.n_parameters,
        n_tokens=training.report.n_tokens,
        loss=training.report.loss,
        unigram_entropy=unigram_entropy(shards),
        validation=validation,
        bits_per_byte=bits_per_byte,
    )


def planned(output: str, steps: int, batch_size: int, seq_len: int, seed: int, save: str | None) -> dict[str, int]:
    """What `train` would do: parameters, tokens there are and those of all steps, and the step that `save` has come to.

    Raises:
        UsageError: the checkpoint is of a training with other settings, or on other shards.
        ShardError: too few tokens, damaged shards, a damaged checkpoint.
    """
    shards = ShardSet.open(output, "train")
    _batches(shards, output, batch_size, seq_len)
    origin = _origin(shards, steps, batch_size, seq_len, PEAK_LEARNING_RATE, seed)
    begun = load_checkpoint(save) if save is not None else None
    if save is not None and begun is not None:
        refuse_another(save, begun.origin, origin)
    return {
        "parameters": origin.model.n_parameters,
        "tokens_in_shards": shards.n_tokens,
        "steps": steps,
        "tokens_of_all_steps": steps * batch_size * seq_len,
        "steps_done": len(begun.history) if begun else 0,
    }


def _origin(
    shards: ShardSet, steps: int, batch_size: int, seq_len: int, peak_learning_rate: float, seed: int
) -> Origin:
    config = LlamaConfig(shards.vocab_size, max_seq_len=seq_len)
    return Origin(config, shards.identity, shards.sources, steps, batch_size, seq_len, peak_learning_rate, seed)


def _batches(shards: ShardSet, output: str, batch_size: int, seq_len: int) -> Batches:
    batches = Batches(shards, batch_size, seq_len)
    if not len(batches):
        raise ShardError(f"{output}: {shards.n_tokens} tokens to train on; one sequence takes {seq_len + 1}")
    return batches


def _run(
    training: Training,
    origin: Origin,
    save: str | None,
    checkpoint_every: int,
    redo: bool,
    report: Callable[[StepReport], None],
) -> None:
    """Train to the last step, from the checkpoint where there is one, and save on the way."""
    if save is not None:
        if not is_local(save):
            raise UsageError(f"{save}: checkpoints are saved on this machine; --export takes URLs.")
        clear_away(save)
        begun = None if redo else load_checkpoint(save)
        if begun is not None:
            refuse_another(save, begun.origin, origin)
            training.restore(begun)
            report(training.report)
    for last in training:
        if save is not None and (last.step % checkpoint_every == 0 or last.step == origin.steps):
            save_checkpoint(save, training.checkpoint(origin))
        report(last)


class Training:
    """A model that is trained, its optimizer, and the losses of the steps that are done; iterate to do the others."""

    def __init__(
        self,
        model: Llama,
        batches: Batches,
        sources: tuple[str, ...],
        steps: int,
        peak_learning_rate: float,
        *,
        bf16: bool = False,
        compiled: bool = False,
    ) -> None:
        self.model = model
        self._forward = cast(nn.Module, torch.compile(model)) if compiled else model
        self._optimizer = _optimizer(model)
        self._batches, self._sources, self._bf16 = batches, sources, bf16
        self._steps, self._peak = steps, peak_learning_rate
        self._history: list[LossSums] = []
        self._n_tokens = 0

    def __iter__(self) -> Iterator[StepReport]:
        """Train step by step, up to the last; yields a report after each."""
        while len(self._history) < self._steps:
            rate = learning_rate(len(self._history) + 1, self._steps, self._peak)
            for group in self._optimizer.param_groups:
                group["lr"] = rate
            batch = self._batches[len(self._history)]
            losses = token_losses(self._forward, batch, self._bf16)
            losses.mean().backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP_NORM)
            self._optimizer.step()
            self._optimizer.zero_grad()
            self._history.append(LossSums.of(losses.detach().cpu().numpy(), batch, len(self._sources)))
            self._n_tokens += batch.targets.size
            yield self.report

    @property
    def report(self) -> StepReport:
        """Where the training is; there must have been a step."""
        step = len(self._history)
        return StepReport(
            step,
            self._steps,
            self._n_tokens,
            learning_rate(step, self._steps, self._peak),
            reduce(add, self._history[-MEAN_STEPS:]).mean(self._sources),
        )

    def checkpoint(self, origin: Origin) -> Checkpoint:
        """The training as it is now: it shares its tensors, and is to be saved before the next step."""
        return Checkpoint(origin, self.model.state_dict(), self._optimizer.state_dict(), self._history)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take the place of the training that a checkpoint holds."""
        self.model.load_state_dict(dict(checkpoint.weights))
        self._optimizer.load_state_dict(dict(checkpoint.optimizer))
        self._history = list(checkpoint.history)
        self._n_tokens = sum(int(step.n_tokens.sum()) for step in self._history)


def _optimizer(model: Llama) -> torch.optim.AdamW:
    """AdamW; matrices decay (the embeddings too), the norms' weights do not."""
    weights = list(model.parameters())
    groups = [
        {"params": [w for w in weights if w.dim() > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [w for w in weights if w.dim() == 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=BETAS, eps=EPS, fused=True)


def _usable(device: str) -> torch.device:
    name = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f'train: torch cannot use the device "{name}": {str(error).splitlines()[0]}') from error


def _has_bf16(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
