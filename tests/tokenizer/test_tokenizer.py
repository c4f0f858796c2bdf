"""The tokenizer: LLaMA's settings, the same bytes twice, text is text."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor

from corpusmill.errors import ConfigError
from corpusmill.tokenizer.encode import Tokenizer
from corpusmill.tokenizer.train import MAX_LINE_BYTES, train, training_lines
from running import SHARED


def lines(seed: int = 0) -> list[str]:
    draw = random.Random(seed)
    words = ["mill", "corpus", "grain", "stone", "wheel", "river", "flour", "Mühle", "Жито", "1877", "x+y=42"]
    return [" ".join(draw.choices(words, k=12)) + "." for _ in range(2000)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("model") / "tokenizer.model"
    path.write_bytes(train(lines(), 380))
    return str(path)


@pytest.fixture(scope="module")
def tokenizer(model: str) -> Tokenizer:
    return Tokenizer(model)


def test_same_lines_same_bytes() -> None:
    assert train(lines(), 380) == train(iter(lines()), 380)
    assert train(lines(), 380) != train(lines(1), 380)


def test_layout_is_that_of_llama(tokenizer: Tokenizer) -> None:
    processor: SentencePieceProcessor = tokenizer.engine.processor
    assert [processor.id_to_piece(i) for i in range(4)] == ["<unk>", "<s>", "</s>", "<0x00>"]
    assert [processor.is_byte(i) for i in (2, 3, 258, 259)] == [False, True, True, False]
    pieces = [processor.id_to_piece(i) for i in range(259, tokenizer.vocab_size)]
    assert not [piece for piece in pieces if len(piece) > 1 and any(c.isdigit() for c in piece)], "digits stand alone"
    assert tokenizer.vocab_size == 380
    assert (tokenizer.bos_id, tokenizer.eos_id) == (1, 2)


def test_no_path_or_time_is_in_the_model(model: str) -> None:
    data = Path(model).read_bytes()
    assert b"/tmp" not in data
    assert model.encode() not in data


@pytest.mark.skipif(not SHARED.exists(), reason="needs the reference model")
def test_trainer_settings_are_those_of_a_released_model(model: str) -> None:
    """The settings stand in every model file; compare with one of the family, field by field, as bytes."""
    reference = (SHARED / "data/models/mistral_tokenizer_v1.model").read_bytes()
    ours = Path(model).read_bytes()
    of_its_run = {1, 2, 4, 7}  # input, prefix, vocabulary size, format
    names_of_controls = {45, 46, 47, 48}  # unset here, which means the same
    for field in fields_of_trainer_spec(reference) - of_its_run - names_of_controls:
        assert trainer_field(ours, field) == trainer_field(reference, field), f"field {field} of TrainerSpec"


def fields_of_trainer_spec(model: bytes) -> set[int]:
    return {number for number, _ in message(dict(message(model))[2])}


def trainer_field(model: bytes, number: int) -> object:
    """The raw value; None for one that is unset or zero, which in these files mean the same."""
    value = dict(message(dict(message(model))[2])).get(number)
    return value if (any(value) if isinstance(value, bytes) else value) else None


def message(data: bytes) -> list[tuple[int, object]]:
    """The fields of a protobuf message: (number, raw value)."""
    found, at = [], 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            value: object = varint()
        else:
            size = {1: 8, 5: 4}.get(key & 7) or varint()
            value = data[at : at + size]
            at += size
        found.append((key >> 3, value))
    return found


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\u2581")))
def test_round_trip(tokenizer_of_module: Tokenizer, text: str) -> None:
    assert tokenizer_of_module.decode(tokenizer_of_module.encode(text)) == text


@pytest.fixture(scope="module")
def tokenizer_of_module(tokenizer: Tokenizer) -> Tokenizer:
    return tokenizer


def test_control_pieces_are_never_read_out_of_a_text(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("a <s> b </s> c <unk>").tolist()
    assert not {0, 1, 2} & set(ids)


def test_batch_is_the_scalar(tokenizer: Tokenizer) -> None:
    texts = ["", "mill", "grain\nstone", "\0", "日本"]
    assert [ids.tolist() for ids in tokenizer.encode_batch(texts)] == [
        tokenizer.encode(text).tolist() for text in texts
    ]


def test_too_large_a_vocabulary_names_the_one_that_fits() -> None:
    with pytest.raises(ConfigError, match=r"the sample gives at most \d+.*--set tokenizer.vocab_size=\d+"):
        train(lines(), 20_000)


@given(st.text(st.sampled_from("ab é日\n"), max_size=30).map(lambda text: text * 400))
def test_training_lines_lose_nothing_and_are_never_too_long(text: str) -> None:
    cut = list(training_lines(text))
    assert "".join(cut) == text.replace("\n", "")
    assert all(0 < len(line.encode()) <= MAX_LINE_BYTES for line in cut)
