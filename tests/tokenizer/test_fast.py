"""gigatoken's ids are SentencePiece's, or they are not taken."""

import functools
import json
import random
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor

from corpusmill.tokenizer import fast
from corpusmill.tokenizer.encode import SentencePiece
from hard_texts import MISTRAL, SURFACES, hard, train_with

CONTROLS = {0, 1, 2}  # <unk>, <s>, </s>


@pytest.fixture(scope="module", params=["ours", "mistral v1"])
def data(request: pytest.FixtureRequest) -> bytes:
    if request.param == "ours":
        return train_with(420)
    if not MISTRAL.exists():
        pytest.skip("needs the reference model")
    return MISTRAL.read_bytes()


@pytest.fixture(scope="module")
def engine(data: bytes) -> SentencePiece:
    engine = SentencePiece("a.model", data)
    assert not engine.slow
    return engine


@pytest.fixture(scope="module")
def encode(data: bytes) -> Callable[[str], list[int]]:
    """SentencePiece as it is installed."""
    processor = SentencePieceProcessor(model_proto=data)
    return lambda text: processor.encode(text, out_type=int)


@settings(deadline=None)
@given(text=hard)
def test_ids_are_those_of_sentencepiece(engine: SentencePiece, encode: Callable[[str], list[int]], text: str) -> None:
    ids = engine.encode(text)
    assert ids.tolist() == encode(text)
    assert ids.dtype == np.int32
    assert not CONTROLS & set(ids.tolist())


@settings(deadline=None)
@given(text=hard)
def test_what_is_behind_it_gives_them_for_control_surfaces_too(
    engine: SentencePiece, encode: Callable[[str], list[int]], text: str
) -> None:
    """No surface is kept from gigatoken here: its names of control pieces are such that no text has them."""
    fast_one = engine.encode.__self__  # type: ignore[attr-defined]
    assert fast_one._engine.encode(text).tolist() == encode(text)


@pytest.mark.parametrize("unit", ["a", "aba", " ", "日", "<s>", "\u2581", "\0", "x<0x41>", "banana "])
def test_long_words(engine: SentencePiece, encode: Callable[[str], list[int]], unit: str) -> None:
    text = (unit * 100_000)[:100_000]
    assert engine.encode(text).tolist() == encode(text)
    draw = random.Random(unit)
    text = "".join(draw.choices([unit, "a", "b", "\u00e9"], k=100_000))
    assert engine.encode(text).tolist() == encode(text)


@pytest.mark.parametrize("seed", range(12))
def test_models_of_little_text_where_merges_overlap(seed: int) -> None:
    """Two or three letters, so that pieces repeat in themselves and can be made in several ways."""
    draw = random.Random(seed)
    letters = draw.choice(["ab", "ab ", "a ", "ab\n", "-= ", "abc"])

    def word() -> str:
        return "".join(draw.choices(letters, k=draw.randrange(1, 60))) if draw.random() < 0.6 else letters[0] * 40

    model = train_with(259 + draw.randrange(12, 60), [word() for _ in range(500)], hard_vocab_limit=False)
    engine, processor = SentencePiece("a.model", model), SentencePieceProcessor(model_proto=model)
    assert not engine.slow
    for text in (word() for _ in range(500)):
        assert engine.encode(text).tolist() == processor.encode(text), text


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        pytest.param({"model_type": "unigram"}, "it is no BPE model", id="unigram"),
        pytest.param({"byte_fallback": False}, "it has no pieces for all bytes", id="no bytes"),
        pytest.param({"normalization_rule_name": "nfkc"}, "it normalises texts", id="nfkc"),
        pytest.param({"remove_extra_whitespaces": True}, "it normalises texts", id="spaces"),
        pytest.param({"treat_whitespace_as_suffix": True}, "it puts spaces behind words", id="suffix"),
        pytest.param({"add_dummy_prefix": False}, "", id="no dummy prefix"),
        pytest.param({"split_by_unicode_script": False}, "", id="scripts mixed"),
        pytest.param({"user_defined_symbols": ["<user>", "  "]}, "it has symbols of its user", id="symbols"),
        pytest.param({"control_symbols": ["<pad>", "[INST]", "a", "\u00a7"]}, "", id="controls of the user's"),
    ],
)
@settings(deadline=None)
@given(draw=st.data())
def test_models_of_other_kinds(changed: dict[str, Any], why: str, draw: st.DataObject) -> None:
    engine, processor = opened(json.dumps(changed))
    assert engine.slow == why
    text = draw.draw(st.lists(st.one_of(hard, st.sampled_from(["<user>", "<pad>", "[INST]", "a  b"]))).map("".join))
    ids = engine.encode(text).tolist()
    assert ids == processor.encode(text)
    controls = {i for i in range(engine.vocab_size) if processor.is_control(i)}
    assert not controls & set(ids)


@functools.cache
def opened(changed: str) -> tuple[SentencePiece, SentencePieceProcessor]:
    """A model trained with the settings in this JSON."""
    model = train_with(400, hard_vocab_limit=False, **json.loads(changed))
    return SentencePiece("a.model", model), SentencePieceProcessor(model_proto=model)


def with_engine(monkeypatch: pytest.MonkeyPatch, encode: Callable[[Any, str], Any]) -> None:
    """Another gigatoken, which encodes so, with the real one at hand."""
    from gigatoken import Tokenizer as Real

    class Other:
        def __init__(self, data: str) -> None:
            self.real = Real.from_json(data)

        from_json = classmethod(lambda cls, data: cls(data))

        def encode(self, text: str) -> Any:
            return encode(self.real, text)

    monkeypatch.setitem(sys.modules, "gigatoken", types.SimpleNamespace(Tokenizer=Other))


def test_an_engine_with_other_ids_is_dropped_with_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    model = train_with(420)

    def hostile(real: Any, text: str) -> Any:
        ids = real.encode(text)
        return ids if "\u2581" not in text else ids[::-1].copy()

    with_engine(monkeypatch, hostile)
    engine = SentencePiece("a.model", model)
    assert engine.slow == "gigatoken gives other ids for '\u2581 \u2581a'"
    assert engine.notes() == [
        "tokenizer: SentencePiece cuts all texts itself, which takes ten times as long: " + engine.slow + "."
    ]
    assert engine.encode("a\u2581b").tolist() == SentencePieceProcessor(model_proto=model).encode("a\u2581b")


def test_a_text_with_a_control_surface_does_not_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    with_engine(monkeypatch, lambda real, text: seen.append(text) or real.encode(text))
    engine = SentencePiece("a.model", train_with(420))
    texts = [f"a {surface} b{surface}" for surface in SURFACES[:5]]
    assert not CONTROLS & {i for text in texts for i in engine.encode(text).tolist()}
    assert not set(texts) & set(seen)


def test_without_it_ids_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model = train_with(420)
    monkeypatch.setitem(sys.modules, "gigatoken", None)
    engine = SentencePiece("a.model", model)
    assert engine.slow == "gigatoken is not installed"
    assert engine.encode("grain  mill").tolist() == SentencePieceProcessor(model_proto=model).encode("grain  mill")


def test_one_that_cannot_be_used_is_dropped_with_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gigatoken", types.SimpleNamespace())
    assert SentencePiece("a.model", train_with(420)).slow.startswith("gigatoken cannot be used (AttributeError: ")


def test_a_text_that_it_fails_on_goes_through_sentencepiece(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(real: Any, text: str) -> Any:
        if text == "grain":
            raise RuntimeError("no")
        return real.encode(text)

    model = train_with(420)
    with_engine(monkeypatch, failing)
    engine = SentencePiece("a.model", model)
    assert not engine.slow
    assert engine.encode("grain").tolist() == SentencePieceProcessor(model_proto=model).encode("grain")


def test_it_is_opened_anew_before_it_has_seen_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "FORGET_AFTER", 1000)
    engine = SentencePiece("a.model", train_with(420))
    one = engine.encode.__self__  # type: ignore[attr-defined]
    first, expected = one._engine, engine.encode("grain mill").tolist()
    for _ in range(200):
        assert engine.encode("grain mill").tolist() == expected
    assert one._engine is not first
    assert one._n_chars <= 1010


def test_a_lone_surrogate_is_no_text(engine: SentencePiece) -> None:
    for text in ("\ud800", "<s>\ud800"):
        with pytest.raises(UnicodeEncodeError):
            engine.encode(text)
