"""Text to token ids and back: a SentencePiece `.model`, or a `tokenizer.json` of Hugging Face's."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import sentencepiece

from ..errors import ShardError, UsageError
from ..storage import read_bytes, sha256_of
from . import hugging_face, model_file
from .fast import Fast
from .json_file import JsonFile

Ids = npt.NDArray[np.int32]
FOLDER = "tokenizer"  # in an output folder
MODEL = f"{FOLDER}/tokenizer.model"
JSON = f"{FOLDER}/{hugging_face.JSON}"  # the tokenizer itself where there is no MODEL
CONFIG = f"{FOLDER}/{hugging_face.CONFIG}"


class Engine(Protocol):
    """What encodes: `vocab_size` is one more than the largest id; a mark that there is not has the id -1."""

    vocab_size: int
    bos_id: int
    eos_id: int
    gives_back: bool  # whether ids give their text back, whatever it is

    def encode(self, text: str) -> Ids: ...

    def decode(self, ids: list[int]) -> str: ...

    def files(self) -> dict[str, bytes]:
        """What an output folder holds of it: name → content."""

    def notes(self) -> list[str]:
        """What people should know of it."""


class Tokenizer:
    """A tokenizer from a path or URL. Text is text: control pieces (`<s>`) are never read out of it.

    Raises:
        ShardError: not a tokenizer, or one without the marks that are named, or that reads them out of a text.
        UsageError: Hugging Face's package is needed, and not installed.
    """

    def __init__(self, path: str, bos_token: str = "", eos_token: str = ""):
        """`bos_token` and `eos_token` are the marks of a `tokenizer.json`, where nothing beside it says (-1 then)."""
        data = read_bytes(path)
        self.engine: Engine
        if data.startswith(b"{"):
            self.engine = JsonFile(path, data, bos_token, eos_token)
        else:
            if bos_token or eos_token:
                raise UsageError(
                    f"{path}: a SentencePiece model has marks of its own; leave out bos_token and eos_token."
                )
            self.engine = SentencePiece(path, data)

    @property
    def vocab_size(self) -> int:
        return self.engine.vocab_size

    @property
    def bos_id(self) -> int:
        return self.engine.bos_id

    @property
    def eos_id(self) -> int:
        return self.engine.eos_id

    def encode(self, text: str) -> Ids:
        """The ids of a text, without BOS and EOS; int32, shape (n,). An empty text gives none.

        Raises:
            UnicodeEncodeError: a lone surrogate, which UTF-8 does not have.
        """
        return self.engine.encode(text)

    def encode_batch(self, texts: Sequence[str]) -> list[Ids]:
        """The ids of each text."""
        return [self.engine.encode(text) for text in texts]  # the processes of a run already keep all cores busy

    def decode(self, ids: Sequence[int] | npt.NDArray[Any]) -> str:
        """The text of ids; U+2581 comes back as a space where the model writes spaces that way."""
        return self.engine.decode([int(i) for i in ids])

    def notes(self) -> list[str]:
        """What people should know of it: why it is slow, and what cannot be written."""
        return self.engine.notes()


class SentencePiece:
    """A SentencePiece model. gigatoken encodes in its place where it gives the same ids, and is dropped where not."""

    def __init__(self, path: str, data: bytes) -> None:
        self.processor: Any = sentencepiece.SentencePieceProcessor()
        try:
            self.processor.LoadFromSerializedProto(data)
            self.data, self.model = data, model_file.parse(data)
        except (RuntimeError, ValueError) as error:
            raise ShardError(
                f"{path}: expected a SentencePiece model of {len(data)} bytes, got something else."
            ) from error
        self.vocab_size = int(self.processor.vocab_size())
        self.bos_id, self.eos_id = int(self.processor.bos_id()), int(self.processor.eos_id())
        self.gives_back = not self.model.rewrites and self.model.byte_fallback
        self.slow, self.encode = "", self.encode_slowly  # why, and with what
        try:
            self.encode = Fast(self.model, self.encode_slowly).encode
        except ModuleNotFoundError:
            self.slow = "gigatoken is not installed"
        except ValueError as error:
            self.slow = str(error)
        except Exception as error:  # another version, or a broken one
            self.slow = f"gigatoken cannot be used ({type(error).__name__}: {error})"

    def encode_slowly(self, text: str) -> Ids:
        """The ids as SentencePiece itself gives them."""
        return np.array(self.processor.encode(text.encode(), out_type=int), np.int32)

    def decode(self, ids: list[int]) -> str:
        """The text of ids."""
        return str(self.processor.decode(ids))

    def files(self) -> dict[str, bytes]:
        """The model, and Hugging Face's files where these can say the same."""
        exported = {} if self.model.other_than_llama() else hugging_face.files(self.model, self.bos_id, self.eos_id)
        return {"tokenizer.model": self.data, **exported}

    def notes(self) -> list[str]:
        """Why it is slow, and why there are no files for Hugging Face's loaders."""
        notes = []
        if self.slow:
            notes.append(f"tokenizer: SentencePiece cuts all texts itself, which takes ten times as long: {self.slow}.")
        if unlike := self.model.other_than_llama():
            notes.append(f"tokenizer: without files for Hugging Face's loaders, which would give other ids: {unlike}.")
        return notes


@functools.cache
def open_tokenizer(path: str, sha256: str) -> Tokenizer:
    """The tokenizer with this digest, opened once per process.

    Raises:
        ShardError: the file is another one.
    """
    if (got := sha256_of(path)) != sha256:
        raise ShardError(f"{path}: expected sha256 {sha256}, got {got}. Delete it; the same command makes it again.")
    return Tokenizer(path)
