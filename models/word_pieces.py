"""The pieces of words, found by SentencePiece once and remembered, for whole batches of texts at a time.

SentencePiece reads a text as one sentence, and its pieces do not reach over a space, nor, as a rule, from a letter to a
mark such as `.`. So each run of letters and each run of marks is cut alone here, also where CCNet glues two lines. It
has the same pieces wherever it stands, which is not quite so in SentencePiece: it adds up log probabilities in single
precision from the start of the sentence, and where two cuts of a word are worth the same (runs of `0`, `-` or `)`),
what was rounded before decides. With a model of 65,536 pieces that was 12 words of 1,067,223 on 1,457 English pages,
and moved the perplexity of no page by more than 2.2 %.

Arrow finds the different words of a batch and puts their pieces in place: a look-up in Python for each word would cost
half of what scoring its pieces does.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa

from ..filters.ccnet_lines import PUNCTUATION
from ..filters.ccnet_perplexity import normalize_stripped

MAX_WORDS, MAX_WORD_BYTES = 250_000, 32
"""Words remembered before the latest of them go, 60 MB at most, and how long one may be."""
BATCH_BYTES = 1 << 21

_BLANK = b" "
_CONTROLS = bytes([*range(ord(_BLANK)), 0x7F])
_FOLD = bytes(range(256)).lower().translate(bytes.maketrans(b"123456789", b"0" * 9))
_FREQUENT: Mapping[str, str] = MappingProxyType(
    {char: PUNCTUATION[char] for char in "\u2019\u201c\u201d\u2013\u2014\u2026"}
)

Write = Callable[[Sequence[Sequence[bytes]]], list[bytes]]
"""How the pieces of texts are written, so that those of one text can be put behind those of another."""

# Kinds of bytes. Words begin with a blank, and where a letter and a mark meet, whose kinds differ by `_MEET` then.
_OTHER, _LETTER, _MARK, _MEET, _SPACE = 0, 1, 2, 3, 4


def with_blanks(texts: Sequence[Sequence[bytes]]) -> list[bytes]:
    """The pieces of each text with a blank after each piece.

    >>> with_blanks([[b"a", b"b"], []])
    [b'a b ', b'']
    """
    return [_BLANK.join([*pieces, b""]) for pieces in texts]


class WordPieces(dict[bytes, bytes]):
    """The pieces of the words seen so far, as `write` puts them. The first part of a word begins with a blank."""

    def __init__(self, processor: Any, kinds: bytes, write: Write = with_blanks) -> None:
        super().__init__()
        self.forget()
        self._processor = processor
        self._kinds = kinds
        self._write = write
        # What to put before the rest of a word, lest SentencePiece put a space there, and how many pieces that is.
        self._guards: dict[int, tuple[str, int]] = {}
        for kind, other in ((_LETTER, _MARK), (_MARK, _LETTER)):
            if other in kinds:
                guard = chr(kinds.index(other))
                self._guards[kind] = guard, len(processor.encode(guard, out_type=str))

    def forget(self) -> None:
        """Forget all words."""
        self.clear()
        self[_BLANK] = b""

    def cut(self, texts: Sequence[str]) -> list[bytes]:
        """The pieces of each text."""
        cut: list[list[bytes]] = [[] for _ in texts]
        parts = ((pieces, part) for pieces, text in zip(cut, texts, strict=True) for part in _parts(_fold(text)))
        for batch in _batches(parts):
            for (pieces, _), found in zip(batch, self._cut_folded([part for _, part in batch]), strict=True):
                pieces.append(found)
        return [b"".join(pieces) for pieces in cut]

    def _cut_folded(self, texts: Sequence[bytes]) -> list[bytes]:
        joined = _BLANK.join([b"", *texts, b""])
        kinds = np.frombuffer(joined.translate(self._kinds), np.uint8)
        begins = kinds == _SPACE
        begins[1:] |= kinds[1:] ^ kinds[:-1] == _MEET
        starts = np.flatnonzero(begins)  # the last is where the last word ends
        words = pa.Array.from_buffers(
            pa.large_binary(), len(starts) - 1, [None, pa.py_buffer(starts), pa.py_buffer(joined)]
        ).dictionary_encode()
        _, offsets, cut = self._look_up(words.dictionary).take(words.indices).buffers()
        firsts = np.searchsorted(starts, np.cumsum([0, *(len(text) + 1 for text in texts)]))
        bounds = pairwise(np.frombuffer(offsets, np.int64)[firsts].tolist())
        return [cut[start:end].to_pybytes() for start, end in bounds]

    def _look_up(self, words: Any) -> Any:
        """The pieces of each word of an Arrow array, as another."""
        words = words.to_pylist()
        found = list(map(self.get, words))
        if None in found:
            missing = [i for i, pieces in enumerate(found) if pieces is None]
            unknown = [words[i] for i in missing]
            cut = self._cut_alone(unknown)
            for i, pieces in zip(missing, cut, strict=True):
                found[i] = pieces
            self._learn(unknown, cut)
        return pa.array(found, pa.large_binary())

    def _cut_alone(self, words: Sequence[bytes]) -> list[bytes]:
        """The pieces of each word as SentencePiece finds them."""
        texts = [word.decode() if word.isascii() else normalize_stripped(word.decode()) for word in words]
        guards = [
            (i, *self._guards[self._kinds[word[0]]]) for i, word in enumerate(words) if not word.startswith(_BLANK)
        ]
        for i, guard, _ in guards:
            texts[i] = guard + texts[i]
        # One thread: the processes of a run already keep all cores busy.
        cut = self._processor.encode(texts, out_type=bytes, num_threads=1)
        for i, _, n_pieces in guards:
            del cut[i][:n_pieces]
        return self._write(cut)

    def _learn(self, words: Sequence[bytes], cut: Sequence[bytes]) -> None:
        """Remember words that may come again, which long ones do not."""
        if len(self) > MAX_WORDS:
            for word in list(islice(reversed(self), len(self) - MAX_WORDS // 2)):  # the frequent were among the first
                del self[word]
        for word, pieces in islice(zip(words, cut, strict=True), MAX_WORDS // 2):
            if len(word) <= MAX_WORD_BYTES:
                self[word] = pieces


def find_kinds(pieces: Collection[bytes], known: Collection[bytes]) -> bytes:
    """The kind of each byte: between a letter and a mark no piece has both, so that a text can be cut there.

    Args:
        pieces: all pieces of a model.
        known: those that a text may be cut into; none where the model's normalisation may change ASCII.
    """
    # Unknown characters side by side are one piece, so letters must be known; marks need not be then.
    letters = {ord(letter) for letter in string.ascii_lowercase if letter.encode() in known}
    marks = {*(string.punctuation + "0").encode()}
    for one, other in {pair for piece in pieces for pair in pairwise(piece)}:
        if one in letters:
            marks.discard(other)
        if other in letters:
            marks.discard(one)
    kinds = bytearray(256)
    for of_kind, kind in ((letters, _LETTER), (marks, _MARK), (_BLANK, _SPACE)):
        for byte in of_kind:
            kinds[byte] = kind
    return bytes(kinds)


def _fold(text: str) -> bytes:
    """A text in UTF-8 whose ASCII is normalised.

    Folding ASCII first makes fewer words, and changes nothing of what normalising says of a word.
    """
    text = text.strip()
    if not text.isascii():
        if "\u03a3" in text:  # the capital whose lower case follows from what is around the word
            text = normalize_stripped(text)
        for char, replacement in _FREQUENT.items():
            text = text.replace(char, replacement)
    return text.encode(errors="replace").translate(_FOLD, _CONTROLS)


def _parts(text: bytes) -> Iterator[bytes]:
    """A text cut at spaces, about a batch apart."""
    start = 0
    while (end := text.find(_BLANK, start + BATCH_BYTES)) >= 0:
        yield text[start:end]
        start = end + 1
    yield text[start:]


def _batches(parts: Iterable[tuple[list[bytes], bytes]]) -> Iterator[list[tuple[list[bytes], bytes]]]:
    batch = []
    n_bytes = 0
    for part in parts:
        batch.append(part)
        n_bytes += len(part[1])
        if n_bytes >= BATCH_BYTES:
            yield batch
            batch, n_bytes = [], 0
    if batch:
        yield batch
