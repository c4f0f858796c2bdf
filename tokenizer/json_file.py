"""A `tokenizer.json`, as Hugging Face's package `tokenizers` reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ..errors import ShardError, UsageError
from ..storage import join, read_json
from .hugging_face import CONFIG, JSON

MARKS = ("bos_token", "eos_token")


class JsonFile:
    """The tokenizer in the bytes of a `tokenizer.json`; nothing is put around a text, cut off it or filled up.

    BOS and EOS are named by the caller, or by the `tokenizer_config.json` beside the file.
    """

    gives_back = False  # normalisers may change a text

    def __init__(self, path: str, data: bytes, bos_token: str = "", eos_token: str = ""):
        try:
            from tokenizers import Tokenizer
        except ModuleNotFoundError as error:
            raise UsageError(
                f"{path}: pip install 'corpusmill[hf]' brings what reads a tokenizer.json (tokenizers)."
            ) from error
        try:
            self._data, self._tokenizer = data, cast(Any, Tokenizer.from_buffer(data))
        except Exception as error:  # tokenizers raises nothing narrower
            raise ShardError(
                f"{path}: expected a tokenizer.json of Hugging Face's, got something else ({error})."
            ) from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        ids: Mapping[str, int] = self._tokenizer.get_vocab(with_added_tokens=True)
        self.vocab_size = max(ids.values(), default=-1) + 1
        self.marks = marks_of(path, bos_token, eos_token)
        self.bos_id, self.eos_id = (self._mark(path, ids, name) for name in MARKS)
        self._controls = self._hide_marks()
        # Special tokens are found in no text then: what looks like one is cut up as any other text.
        self._tokenizer.encode_special_tokens = True
        try:
            ids_of_rare = self.encode("\0\ue000\U0010ffff")
        except Exception as error:
            raise ShardError(f"{path}: cannot encode every character ({error}).") from error
        if not self._controls.isdisjoint(ids_of_rare.tolist()):
            raise ShardError(f"{path}: characters that it does not know would be control tokens; use another one.")
        self._check_controls(path)

    def _mark(self, path: str, ids: Mapping[str, int], name: str) -> int:
        token = self.marks.get(name, "")
        if token and token not in ids:
            raise ShardError(f"{path}: has no token {token!r}, which is to be its {name}.")
        return ids[token] if token else -1

    def _hide_marks(self) -> set[int]:
        """Make BOS and EOS special where they are not, and give the ids that no text may have."""
        from tokenizers import AddedToken

        self._tokenizer.add_special_tokens(
            [AddedToken(token, special=True, normalized=False) for token in self.marks.values()]
        )
        special = {i for i, token in self._tokenizer.get_added_tokens_decoder().items() if token.special}
        unknown = getattr(self._tokenizer.model, "unk_token", None)  # of characters that are no piece
        return (special - {self._tokenizer.token_to_id(unknown) if unknown else -1}) | {self.bos_id, self.eos_id} - {-1}

    def _check_controls(self, path: str) -> None:
        for control in sorted(self._controls):
            for surface in (self._tokenizer.id_to_token(control), self.decode([control])):
                for text in (surface, f"a {surface} b", f"a{surface}b"):
                    if not self._controls.isdisjoint(self.encode(text).tolist()):
                        raise ShardError(
                            f"{path}: a text that holds {surface!r} would have control tokens; use another one."
                        )

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """The ids of a text."""
        text.encode()  # raises what `tokenizers` words otherwise
        return np.array(self._tokenizer.encode(text, add_special_tokens=False).ids, np.int32)

    def decode(self, ids: list[int]) -> str:
        """The text of ids."""
        return str(self._tokenizer.decode(ids, skip_special_tokens=False))

    def files(self) -> dict[str, bytes]:
        """The file as it came, and its marks beside it."""
        config = {"tokenizer_class": "PreTrainedTokenizerFast", **self.marks}
        return {JSON: self._data, CONFIG: (json.dumps(config, ensure_ascii=False, indent=1) + "\n").encode()}

    def notes(self) -> list[str]:
        """Nothing."""
        return []


def marks_of(path: str, bos_token: str = "", eos_token: str = "") -> dict[str, str]:
    """The marks of a `tokenizer.json`: those that are given, or else those that the file beside it names."""
    beside = read_json(join(path.rpartition("/")[0] or ".", CONFIG)) or {}
    found = {}
    for name, given in zip(MARKS, (bos_token, eos_token), strict=True):
        said = beside.get(name)
        token = given or (said.get("content") if isinstance(said, dict) else said)
        if isinstance(token, str) and token:
            found[name] = token
    return found
