"""Text to SentencePiece pieces for an n-gram model, and how these are trained.   Source: CCNet's published code."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from ..errors import UsageError
from ..filters.ccnet_perplexity import normalize_stripped
from ..storage import read_bytes
from .word_pieces import WordPieces, Write, find_kinds, with_blanks

SPACE = "\u2581"  # what SentencePiece writes for a space
_SPACE = SPACE.encode()

# Numbers of sentencepiece_model.proto: fields of the model, of a piece, of the trainer, of the normaliser; of values.
_PIECES, _TRAINER, _NORMALIZER = 1, 2, 3
_PIECE_TEXT, _PIECE_TYPE = 1, 3
_MODEL_TYPE = 3
_NAME, _DUMMY_PREFIX, _NO_EXTRA_SPACES, _ESCAPES_SPACES = 1, 3, 4, 5
_NORMAL, _USER_DEFINED, _UNUSED = 1, 4, 5
_IN_TEXTS = (_NORMAL, _USER_DEFINED, _UNUSED)  # the others stand for what is no text: an end, an unknown, a byte
_UNIGRAM, _BPE = 1, 2
_VARINT, _BYTES, _FIXED_BYTES = 0, 2, MappingProxyType({1: 8, 5: 4})
_NFKC = (b"identity", b"nmt_nfkc", b"nfkc")
"""Normalisations known to leave ASCII as it is, and to join nothing but marks and Hangul to what is before them."""

SETTINGS = MappingProxyType({
    "model_type": "unigram",
    "character_coverage": 0.9995,
    "hard_vocab_limit": False,  # a small corpus gives fewer pieces
    "max_sentence_length": 1 << 20,
    "num_threads": 16,  # decides in which order numbers are added up, and so must not follow the machine
    "minloglevel": 2,
})  # fmt: skip
_MAX_LINE_CHARS = 1 << 18  # four bytes a character are the longest line that the trainer does not skip


class PieceModel:
    """A SentencePiece model that cuts texts for an n-gram model."""

    def __init__(self, path: str) -> None:
        """Load a `.model` file from wherever it lies."""
        import sentencepiece

        model = read_bytes(path)
        self._processor: Any = sentencepiece.SentencePieceProcessor()
        try:
            if not model:
                raise RuntimeError("an empty file")
            self._processor.LoadFromSerializedProto(model)
            spec = _read_spec(model)
        except (RuntimeError, ValueError) as error:
            raise UsageError(
                f"{path}: expected a SentencePiece model, got {len(model):,} bytes of another kind."
            ) from error
        self._kinds: bytes | None = None
        if _cuts_at_spaces(spec):
            keeps_ascii = spec.normalizer.get(_NAME) in _NFKC
            self._kinds = find_kinds(_texts(spec, *_IN_TEXTS), _texts(spec, _NORMAL) if keeps_ascii else ())
        self._cutter = self.cutter(with_blanks)

    def cut(self, text: str) -> bytes:
        """The pieces of the text as CCNet normalises it, joined by spaces, in UTF-8; b"" where there are none."""
        return self.cut_batch([text])[0]

    def cut_batch(self, texts: Sequence[str]) -> list[bytes]:
        """The pieces of each text, the same in any batch. Batches of some 256 pages go fastest."""
        return [pieces[:-1] for pieces in self._cutter.cut(texts)]

    def cutter(self, write: Write) -> Cutter:
        """What cuts texts as this does, and writes the pieces in another way."""
        return Cutter(self._processor, self._kinds, write)


class Cutter:
    """Cuts texts for an n-gram model, and remembers words."""

    def __init__(self, processor: Any, kinds: bytes | None, write: Write) -> None:
        self._processor, self._write = processor, write
        self.words = None if kinds is None else WordPieces(processor, kinds, write)

    def cut(self, texts: Sequence[str]) -> list[bytes]:
        """The pieces of each text."""
        if self.words is None:
            return self._cut_whole(texts)
        cut = self.words.cut(["" if SPACE in text else text for text in texts])
        if whole := [i for i, text in enumerate(texts) if SPACE in text]:
            for i, pieces in zip(whole, self._cut_whole([texts[i] for i in whole]), strict=True):
                cut[i] = pieces
        return cut

    def _cut_whole(self, texts: Sequence[str]) -> list[bytes]:
        texts = [normalize_stripped(text.strip().encode(errors="replace").decode()) for text in texts]
        return self._write(self._processor.encode(texts, out_type=bytes, num_threads=1))


@functools.cache
def open_piece_model(path: str) -> PieceModel:
    """The model of a path or URL, loaded once per process."""
    return PieceModel(path)


def train_pieces(lines: Iterable[str], vocab_size: int) -> bytes:
    """The model file trained on lines that are normalised already; the same lines and size give the same bytes.

    Raises:
        UsageError: no text, or more different characters in it than pieces.
    """
    import sentencepiece

    model = io.BytesIO()
    # An iterator and a writer instead of file names: paths would be recorded in the model.
    settings: dict[str, Any] = {**SETTINGS, "sentence_iterator": _short_lines(lines), "model_writer": model}
    try:
        sentencepiece.SentencePieceTrainer.train(vocab_size=vocab_size, **settings)
    except RuntimeError as error:
        raise UsageError(
            f"{vocab_size:,} SentencePiece pieces cannot be trained on this text ({' '.join(str(error).split())}). "
            "Bring more text."
        ) from error
    return model.getvalue()


def _short_lines(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        for start in range(0, len(line), _MAX_LINE_CHARS):
            yield line[start : start + _MAX_LINE_CHARS]


# ---- what a model file says of spaces -------------------------------------------------------------------------


class _Spec(NamedTuple):
    pieces: Sequence[Mapping[int, Any]]
    trainer: Mapping[int, Any]
    normalizer: Mapping[int, Any]


def _read_spec(model: bytes) -> _Spec:
    # Read here, since the module that SentencePiece brings for it asks for a newer protobuf than Apache Beam allows.
    fields = list(_fields(model))
    trainer, normalizer = (
        {name: value for number, spec in fields if number == which for name, value in _fields(spec)}
        for which in (_TRAINER, _NORMALIZER)
    )
    return _Spec([dict(_fields(value)) for number, value in fields if number == _PIECES], trainer, normalizer)


def _texts(spec: _Spec, *types: int) -> set[bytes]:
    """The pieces of a model that are of some types."""
    return {bytes(piece.get(_PIECE_TEXT, b"")) for piece in spec.pieces if piece.get(_PIECE_TYPE, _NORMAL) in types}


def _cuts_at_spaces(spec: _Spec) -> bool:
    """Whether a word is cut the same way alone and in a text: a space begins a piece, and never stands within one."""
    return (
        spec.trainer.get(_MODEL_TYPE, _UNIGRAM) in (_UNIGRAM, _BPE)
        and all(spec.normalizer.get(setting, 1) for setting in (_DUMMY_PREFIX, _NO_EXTRA_SPACES, _ESCAPES_SPACES))
        # Were the space alone no piece, it would be joined to what is unknown before it.
        and _SPACE in _texts(spec, _NORMAL)
        and not any(b" " in text or _SPACE in text[1:] for text in _texts(spec, *_IN_TEXTS))
    )


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a protobuf message by their numbers, as bytes or int. Raises ValueError where there is none."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    try:
        while at < len(message):
            number, wire = divmod(varint(), 8)
            if wire == _VARINT:
                yield number, varint()
                continue
            size = varint() if wire == _BYTES else _FIXED_BYTES[wire]
            yield number, message[at : at + size]
            at += size
    except (IndexError, KeyError):
        raise ValueError("no protobuf message") from None
