"""A checkpoint: one file that holds a training between two steps, so that it goes on bit for bit.

It holds the weights, the optimizer's state, the losses of all steps so far, and what the training was begun with. The
number of losses is the step, and the step alone gives the batch that is next and the learning rate; no step draws a
random number, so there is no generator whose state would have to be kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import torch

from ..errors import ShardError, UsageError
from ..storage import LEFT_ASIDE, publishing, remove, sizes
from .losses import LossSums
from .model import Llama, LlamaConfig

FILE = "checkpoint.pt"


@dataclass(frozen=True, slots=True)
class Origin:
    """What decides the numbers of a training on one machine; `shards` is a digest of what their sidecars say."""

    model: LlamaConfig
    shards: str
    sources: tuple[str, ...]
    steps: int
    batch_size: int
    seq_len: int
    peak_learning_rate: float
    seed: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A training after some of its steps, on the CPU."""

    origin: Origin
    weights: Mapping[str, torch.Tensor]
    optimizer: Mapping[str, Any]
    history: list[LossSums]

    @property
    def model(self) -> Llama:
        """The model with these weights."""
        model = Llama(self.origin.model)
        model.load_state_dict(dict(self.weights))
        return model


def save_checkpoint(folder: str, checkpoint: Checkpoint) -> None:
    """Publish a checkpoint in place of the one before: whoever looks finds one of the two, whole."""
    n_sources = len(checkpoint.origin.sources)
    state = {
        "origin": asdict(checkpoint.origin),
        "weights": dict(checkpoint.weights),
        "optimizer": dict(checkpoint.optimizer),
        "sums": torch.tensor(np.array([step.sums for step in checkpoint.history]).reshape(-1, n_sources)),
        "n_tokens": torch.tensor(np.array([step.n_tokens for step in checkpoint.history]).reshape(-1, n_sources)),
    }
    with publishing(str(Path(folder) / FILE)) as file:
        torch.save(state, cast(IO[bytes], file))


def load_checkpoint(folder: str) -> Checkpoint | None:
    """The checkpoint in a folder, or None.

    Raises:
        ShardError: there is a file of this name that is no checkpoint, or a damaged one.
    """
    path = Path(folder) / FILE
    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)  # numbers only: nothing in it is run
        origin = state["origin"]
        return Checkpoint(
            Origin(**{**origin, "model": LlamaConfig(**origin["model"])}),
            state["weights"],
            state["optimizer"],
            [LossSums(*step) for step in zip(state["sums"].numpy(), state["n_tokens"].numpy(), strict=True)],
        )
    except Exception as error:  # a torn zip file, a pickle, another layout: torch has an error of its own for each
        said = " ".join(str(error).split())[:100]
        raise ShardError(
            f"{path}: expected a checkpoint of corpusmill train, got a file that does not load "
            f"({type(error).__name__}: {said}). Delete it, or begin again with --redo."
        ) from error


def refuse_another(folder: str, begun: Origin, asked: Origin) -> None:
    """Refuse to go on with a training that was begun with other settings, or on other shards."""
    was, now = asdict(begun), asdict(asked)
    differing = [name for name in now if was[name] != now[name]]
    if differing:
        words = ", ".join(
            f"{name} {was[name]}, not {now[name]}" if isinstance(now[name], int | float) else f"other {name}"
            for name in differing
        )
        raise UsageError(
            f"{folder}: holds a training with {words}. Save this one elsewhere with --save, or replace that one with "
            "--redo."
        )


def clear_away(folder: str) -> None:
    """Delete half-written files that a killed training left."""
    for name in sizes(folder):
        if LEFT_ASIDE.search(name):
            remove(str(Path(folder) / name))
