"""Train the tokenizer: BPE, numbers split into digits, unknown UTF-8 as bytes.   Source: LLaMA (2023) section 2.1.

The paper gives no more than that. The other settings are those that the released model files carry, down to the thread
count, which the trainer writes into the model and which therefore must not follow the machine.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import sentencepiece

from ..errors import ConfigError

MAX_LINE_BYTES = 4192  # longer lines would be skipped in training, without a word

SETTINGS: Mapping[str, object] = MappingProxyType(
    {
        "model_type": "bpe",
        "character_coverage": 0.99995,
        "input_sentence_size": 200_000_000,
        "shuffle_input_sentence": True,
        "seed_sentencepiece_size": 1_000_000,
        "shrinking_factor": 0.75,
        "num_threads": 80,
        "num_sub_iterations": 2,
        "max_sentence_length": MAX_LINE_BYTES,
        "max_sentencepiece_length": 16,
        "split_by_unicode_script": True,
        "split_by_whitespace": True,
        "split_by_number": True,
        "split_digits": True,
        "treat_whitespace_as_suffix": False,
        "allow_whitespace_only_pieces": True,
        "vocabulary_output_piece_score": True,
        "hard_vocab_limit": True,
        "use_all_vocab": False,
        "byte_fallback": True,
        "unk_id": 0,
        "bos_id": 1,
        "eos_id": 2,
        "pad_id": -1,
        "unk_surface": " \u2047 ",
        "normalization_rule_name": "identity",
        "add_dummy_prefix": True,
        "remove_extra_whitespaces": False,
    }
)


def train(lines: Iterable[str], vocab_size: int) -> bytes:
    """The model file trained on these lines; the same lines and size give the same bytes.

    Raises:
        ConfigError: too few different strings in the lines for the vocabulary, or more characters than it holds.
    """
    model = io.BytesIO()
    # An iterator and a writer instead of file names: paths would be recorded in the model.
    settings: dict[str, Any] = {**SETTINGS, "sentence_iterator": iter(lines), "model_writer": model}
    try:
        sentencepiece.SentencePieceTrainer.train(vocab_size=vocab_size, minloglevel=2, **settings)
    except RuntimeError as error:
        most = re.search(r"value <= (\d+)", str(error))
        said = f"the sample gives at most {most[1]}" if most else " ".join(str(error).split())
        raise ConfigError(
            f"tokenizer.vocab_size: {vocab_size} pieces cannot be trained here ({said}). Set another one, "
            f'as in "--set tokenizer.vocab_size={most[1] if most else vocab_size * 2} --redo", or bring more text.'
        ) from error
    return model.getvalue()


def training_lines(text: str) -> Iterator[str]:
    """The lines of a text, none longer than the trainer reads: cut at a space if there is one, never in a character.

    >>> [len(line) for line in training_lines("word " * 1000 + "\\n\\nlast")]
    [4190, 810, 4]
    """
    for line in text.split("\n"):
        data = line.encode()
        while len(data) > MAX_LINE_BYTES:
            at = data.rfind(b" ", 0, MAX_LINE_BYTES) + 1 or MAX_LINE_BYTES
            while data[at] & 0xC0 == 0x80:  # a continuation byte of UTF-8
                at -= 1
            yield data[:at].decode()
            data = data[at:]
        if data:
            yield data.decode()
