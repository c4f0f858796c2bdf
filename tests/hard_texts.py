"""Texts that are hard on a tokenizer, and the models of the tests."""

import io
import random
from collections.abc import Sequence

import sentencepiece
from hypothesis import strategies as st

from corpusmill.tokenizer.train import SETTINGS, train
from running import SHARED

MISTRAL = SHARED / "data/models/mistral_tokenizer_v1.model"
SURFACES = ("<s>", "</s>", "<unk>", "<0x0A>", "<0x00>", "<s", "s>", " \u2047 ", "<|endoftext|>")
UNITS = (
    " ",
    "\u2581",
    "=",
    "ha",
    "ab",
    "aba",
    "0",
    "\n",
    "\t",
    "\0",
    "的",
    "é",
    "()",
    " a",
    "the ",
    "\u200d",
    "\U0001f469",
)

any_text = st.text(st.characters(exclude_categories=["Cs"]))
runs = st.builds(lambda unit, n: unit * n, st.sampled_from(UNITS), st.integers(1, 70))
words = st.sampled_from(["mill", " corpus", "Mühle", " Жито", "1877", " x+y=42", "banana", " return", "日本語", "  "])
hard = st.lists(st.one_of(any_text, runs, words, st.sampled_from(SURFACES)), max_size=8).map("".join)
"""Anything, runs of what models merge, and surfaces of pieces that are no text."""
without_controls = hard.filter(lambda text: not any(surface in text for surface in SURFACES[:3]))


def lines(seed: int = 0) -> list[str]:
    draw = random.Random(seed)
    drawn = ["mill", "corpus", "grain", "stone", "wheel", "river", "flour", "Mühle", "Жито", "1877", "x+y=42"]
    ordinary = [" ".join(draw.choices(drawn, k=12)) + "." for _ in range(2000)]
    parts = ["ha", "ab", "a", "=", "  ", "()", "<s", " <s", ">x"]
    return [*ordinary, *("".join(draw.choices(parts, k=20)) for _ in range(1000))]


def train_with(vocab_size: int, text: Sequence[str] = (), **settings: object) -> bytes:
    """A model with other settings than ours."""
    if not settings:
        return train(text or lines(), vocab_size)
    model = io.BytesIO()
    changed = {**SETTINGS, "sentence_iterator": iter(text or lines()), "model_writer": model, **settings}
    sentencepiece.SentencePieceTrainer.train(vocab_size=vocab_size, minloglevel=2, **changed)
    return model.getvalue()
