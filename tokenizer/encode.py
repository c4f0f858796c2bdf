"""Text to token ids and back, with a SentencePiece model."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import sentencepiece

from ..errors import ShardError
from ..storage import read_bytes, sha256_of

Ids = npt.NDArray[np.int32]
MODEL = "tokenizer/tokenizer.model"  # in an output folder


class Tokenizer:
    """A SentencePiece model, from a path or URL. Text is text: control pieces (`<s>`) are never read out of it."""

    def __init__(self, path: str):
        model = read_bytes(path)
        self.processor: Any = sentencepiece.SentencePieceProcessor()
        try:
            self.processor.LoadFromSerializedProto(model)
        except RuntimeError as error:
            raise ShardError(
                f"{path}: expected a SentencePiece model of {len(model)} bytes, got something else."
            ) from error

    @property
    def vocab_size(self) -> int:
        return int(self.processor.vocab_size())

    @property
    def bos_id(self) -> int:
        return int(self.processor.bos_id())

    @property
    def eos_id(self) -> int:
        return int(self.processor.eos_id())

    def encode(self, text: str) -> Ids:
        """The ids of a text, without BOS and EOS; int32, shape (n,). An empty text gives none."""
        return np.array(self.processor.encode(text, out_type=int), np.int32)

    def encode_batch(self, texts: Sequence[str]) -> list[Ids]:
        """The ids of each text."""
        # One thread: the processes of a run already keep all cores busy.
        return [np.array(ids, np.int32) for ids in self.processor.encode(list(texts), out_type=int, num_threads=1)]

    def decode(self, ids: Sequence[int] | npt.NDArray[Any]) -> str:
        """The text of ids; U+2581 comes back as a space, because the model writes spaces that way."""
        return str(self.processor.decode([int(i) for i in ids]))


@functools.cache
def open_tokenizer(path: str, sha256: str) -> Tokenizer:
    """The tokenizer with this digest, opened once per process.

    Raises:
        ShardError: the file is another one.
    """
    if (got := sha256_of(path)) != sha256:
        raise ShardError(f"{path}: expected sha256 {sha256}, got {got}. Delete it; the same command trains it again.")
    return Tokenizer(path)
