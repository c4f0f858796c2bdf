"""What a SentencePiece `.model` holds: pieces, and how texts are cut into them.   Source: sentencepiece_model.proto.

The classes that sentencepiece brings for this cannot be imported beside Beam's protobuf.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

SPACE = "\u2581"  # how pieces write a space


class Kind(IntEnum):
    """What a piece is for."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3  # BOS and EOS; never read out of a text
    USER_DEFINED = 4  # always one piece where a text has it
    UNUSED = 5
    BYTE = 6  # of a character that is no piece


@dataclass(frozen=True, slots=True)
class Piece:
    """A row of the vocabulary."""

    text: str
    score: float
    kind: Kind


@dataclass(frozen=True)
class ModelFile:
    """The parts of a model file that decide the ids of a text."""

    pieces: tuple[Piece, ...]
    bpe: bool
    byte_fallback: bool
    spaces_behind: bool  # a space belongs to the word before it
    rewrites: bool  # characters are normalised, or spaces dropped
    dummy_prefix: bool  # a space is put before a text

    def of_kind(self, *kinds: Kind) -> list[str]:
        """The texts of the pieces of some kinds."""
        return [piece.text for piece in self.pieces if piece.kind in kinds]

    @property
    def unknown(self) -> int:
        """The id of what is no piece; a model has one."""
        return next(i for i, piece in enumerate(self.pieces) if piece.kind == Kind.UNKNOWN)

    def other_than_llama(self) -> str:
        """What keeps merges of pairs, lowest rank first, from giving the ids of this model; empty when nothing does."""
        of_score: dict[float, list[str]] = {}
        for piece in self.pieces:
            if piece.kind == Kind.NORMAL and len(piece.text) > 1:
                of_score.setdefault(piece.score, []).append(piece.text)
        tied = [texts for texts in of_score.values() if len(texts) > 1]
        for unlike, what in (
            (not self.bpe, "it is no BPE model"),
            (not self.byte_fallback or len(self.of_kind(Kind.BYTE)) != 256, "it has no pieces for all bytes"),
            (self.spaces_behind, "it puts spaces behind words"),
            (self.rewrites, "it normalises texts"),
            (bool(self.of_kind(Kind.USER_DEFINED)), "it has symbols of its user"),
            (bool(self.of_kind(Kind.UNUSED)), "it has unused pieces"),
            # Runs of spaces all have one score in LLaMA's models: they grow from the left, as merges do.
            (any(len(set("".join(texts))) > 1 for texts in tied), "different pieces of it have one score"),
        ):
            if unlike:
                return what
        return ""


def parse(model: bytes) -> ModelFile:
    """The model in a file.

    Raises:
        ValueError: it is not laid out like one.
    """
    pieces: list[Piece] = []
    trainer: dict[int, int | bytes] = {}
    normaliser: dict[int, int | bytes] = {}
    for number, value in _fields(model):
        if number == 1:
            row = dict(_fields(_bytes(value)))
            (score,) = struct.unpack("<f", _bytes(row.get(2, bytes(4))))
            pieces.append(Piece(_bytes(row.get(1, b"")).decode(), score, Kind(_int(row.get(3, Kind.NORMAL)))))
        elif number == 2:
            trainer |= dict(_fields(_bytes(value)))
        elif number == 3:
            normaliser |= dict(_fields(_bytes(value)))
    return ModelFile(
        tuple(pieces),
        bpe=trainer.get(3, 1) == 2,
        byte_fallback=bool(trainer.get(35, 0)),
        spaces_behind=bool(trainer.get(24, 0)),
        # the rules that characters are replaced by, runs of spaces as one, spaces as U+2581
        rewrites=bool(normaliser.get(2, b"")) or bool(normaliser.get(4, 1)) or not normaliser.get(5, 1),
        dummy_prefix=bool(normaliser.get(3, 1)),
    )


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message: number, and an int or the raw bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire not in (1, 2, 5):
            raise ValueError(f"field {number} is of an unknown type, {wire}")
        size, at = _varint(message, at) if wire == 2 else ({1: 8, 5: 4}[wire], at)
        if at + size > len(message):
            raise ValueError(f"field {number} ends after the message")
        yield number, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message):
            raise ValueError("a number ends after the message")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where a text should be")
    return value


def _int(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise ValueError("a text where a number should be")
    return value
