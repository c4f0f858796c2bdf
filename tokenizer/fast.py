"""gigatoken in the place of SentencePiece: ten times as fast, and only where the ids are the same.

It works through a list of merges, so the model must be one whose ids such a list gives (`hugging_face.py`). Control
pieces have names there that no text can have, and a text with the surface of one goes through SentencePiece all the
same, as does one with the name of a byte (`<0x0A>`). The ids are compared with SentencePiece's when a model is opened.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from .hugging_face import tokenizer_json
from .model_file import SPACE, Kind, ModelFile

Ids = npt.NDArray[np.int32]
Encode = Callable[[str], Ids]
FORGET_AFTER = 1 << 25
"""Characters after which it is opened anew: gigatoken 0.10 never forgets a word, five to fifteen bytes a character."""

EDGES = (
    *("", " ", "  ", "\0", "\0\0a", "a ", " a", "a  b ", "\n", " \n ", "\r\n\t", "\ufeff", "\ufffd", "\U0010ffff"),
    *(SPACE, f"{SPACE} {SPACE}a", "<0x0A>", "a<0x41>b", " \u2047 ", "e\u0301 \u00e9", "\ufb01\u3000\u00a0"),
    *("1234567890", "x+y=42;", "\u4e2d\u6587\u3002", "\U0001f469\u200d\U0001f52c", "q" * 5000, "ab" * 2500, " " * 300),
)


class Fast:
    """The ids of texts by gigatoken, SentencePiece's for texts that are not to be trusted to it."""

    def __init__(self, model: ModelFile, slow: Encode):
        """Raises ValueError: it would not give SentencePiece's ids, and why; ImportError: it is not installed."""
        self._json = json.dumps(tokenizer_json(model, hide_controls=True))
        surfaces = model.of_kind(Kind.CONTROL, Kind.UNKNOWN, Kind.BYTE)
        self._apart = re.compile("|".join(re.escape(surface.replace(SPACE, " ")) for surface in surfaces))
        self._slow = slow
        self._gigatoken: Any = import_module("gigatoken")
        self._open()
        for probe in probes(model):
            if not np.array_equal(self._engine.encode(probe), slow(probe)):
                raise ValueError(f"gigatoken gives other ids for {probe[:40]!r}")

    def _open(self) -> None:
        self._engine = self._gigatoken.Tokenizer.from_json(self._json)
        self._n_chars = 0

    def encode(self, text: str) -> Ids:
        """The ids of a text."""
        if self._apart.search(text):
            return self._slow(text)
        if self._n_chars > FORGET_AFTER:
            self._open()
        self._n_chars += len(text)
        try:
            ids: Ids = self._engine.encode(text).astype(np.int32)
        except Exception:
            return self._slow(text)  # which says what is wrong with the text, if anything is
        return ids


def probes(model: ModelFile) -> list[str]:
    """Texts to compare on: edges, all pieces, and runs of what pieces repeat, where merges of one piece overlap."""
    pieces = [text.replace(SPACE, " ") for text in model.of_kind(Kind.NORMAL)]
    units = sorted({unit for piece in pieces if (unit := repeated(piece))})
    runs = ["x ".join((unit * 40)[:length] for length in range(2, 40 if len(unit) == 1 else 20)) for unit in units]
    return [*EDGES, " ".join(pieces), "".join(pieces), *runs]


def repeated(piece: str) -> str:
    """The shortest unit that a piece repeats, the last time perhaps not in full; empty when there is none.

    >>> [repeated(piece) for piece in ["====", "aba", "hahaha", "ab", ""]]
    ['=', 'ab', 'ha', '', '']
    """
    at = next((at for at in range(1, len(piece)) if piece.startswith(piece[at:])), 0)
    return piece[:at]
