"""Losses of tokens by source, and what they are in bits a byte."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .data import Batch


@dataclass(frozen=True, slots=True)
class Loss:
    """A mean, of everything and of each source: nats a token, or bits a byte; sources without a token are left out."""

    mean: float
    by_source: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class LossSums:
    """Sums of token losses in nats and numbers of tokens, one of each a source: these can be added, means cannot."""

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
        """Means per token; there must be a token.

        >>> LossSums(np.array([6.0, 0.0]), np.array([2, 0])).mean(("books", "github"))
        Loss(mean=3.0, by_source={'books': 3.0})
        """
        return self._over(self.n_tokens.astype(np.float64), sources)

    def bits_per_byte(self, bytes_per_token: npt.NDArray[np.float64], sources: tuple[str, ...]) -> Loss:
        """Bits for a byte of text, where so many bytes of each source are one token of it; there must be a token.

        >>> LossSums(np.log([2.0**6, 1.0]), np.array([2, 0])).bits_per_byte(np.array([3.0, 0.0]), ("books", "github"))
        Loss(mean=1.0, by_source={'books': 1.0})
        """
        in_bits = LossSums(self.sums / math.log(2), self.n_tokens)
        return in_bits._over(self.n_tokens * bytes_per_token, sources)

    def _over(self, amounts: npt.NDArray[np.float64], sources: tuple[str, ...]) -> Loss:
        by_source = {name: float(total / n) for name, total, n in zip(sources, self.sums, amounts, strict=True) if n}
        return Loss(float(self.sums.sum() / amounts.sum()), by_source)
