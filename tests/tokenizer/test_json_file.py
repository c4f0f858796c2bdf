"""Hugging Face's tokenizer.json: ours gives SentencePiece's ids, theirs give their own and never a control token."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor

from corpusmill.errors import ShardError, UsageError
from corpusmill.shards.tokens import pack, token_dtype
from corpusmill.tokenizer.encode import SentencePiece, Tokenizer
from hard_texts import MISTRAL, any_text, hard, train_with, without_controls

tokenizers = pytest.importorskip("tokenizers")


@pytest.fixture(scope="module", params=["ours", "no dummy prefix", "mistral v1"])
def data(request: pytest.FixtureRequest) -> bytes:
    if request.param != "mistral v1":
        return train_with(420, **({} if request.param == "ours" else {"add_dummy_prefix": False}))
    if not MISTRAL.exists():
        pytest.skip("needs the reference model")
    return MISTRAL.read_bytes()


@pytest.fixture(scope="module")
def processor(data: bytes) -> SentencePieceProcessor:
    return SentencePieceProcessor(model_proto=data)


@pytest.fixture(scope="module")
def folder(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run writes of a model."""
    folder = tmp_path_factory.mktemp("exported")
    for name, content in SentencePiece("a.model", data).files().items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def theirs(folder: Path) -> Any:
    """The exported file as Hugging Face's package reads it by itself."""
    return tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))


@pytest.fixture(scope="module")
def ours(folder: Path) -> Tokenizer:
    """The exported file as a run reads it."""
    return Tokenizer(str(folder / "tokenizer.json"))


@settings(deadline=None)
@given(text=without_controls)
def test_the_exported_file_gives_the_ids_of_the_model(
    theirs: Any, processor: SentencePieceProcessor, text: str
) -> None:
    ids = theirs.encode(text, add_special_tokens=False).ids
    assert ids == processor.encode(text, out_type=int)
    assert theirs.encode(text).ids == [processor.bos_id(), *ids]


@settings(deadline=None)
@given(text=without_controls)
def test_the_exported_file_gives_texts_back(theirs: Any, processor: SentencePieceProcessor, text: str) -> None:
    ids = processor.encode(text, out_type=int)
    assert theirs.decode(ids) == processor.decode(ids) == text.replace("\u2581", " ")


@settings(deadline=None)
@given(text=hard)
def test_special_tokens_are_text_when_a_run_reads_it(
    ours: Tokenizer, processor: SentencePieceProcessor, text: str
) -> None:
    assert ours.encode(text).tolist() == processor.encode(text, out_type=int)


def test_marks_are_those_of_the_model(ours: Tokenizer, processor: SentencePieceProcessor, folder: Path) -> None:
    assert (ours.bos_id, ours.eos_id, ours.vocab_size) == (1, 2, processor.vocab_size())
    assert {name.name for name in folder.iterdir()} == {"tokenizer.model", "tokenizer.json", "tokenizer_config.json"}


def test_merges_make_no_control_piece(tmp_path: Path) -> None:
    """Where `<s` and `>` are pieces, `<s>` is one merge away."""
    model = train_with(400, hard_vocab_limit=False, split_by_unicode_script=False)
    processor = SentencePieceProcessor(model_proto=model)
    assert not {0} & {processor.piece_to_id("<s"), processor.piece_to_id(">")}
    for name, content in SentencePiece("a.model", model).files().items():
        (tmp_path / name).write_bytes(content)
    assert Tokenizer(str(tmp_path / "tokenizer.json")).encode("a <s>").tolist() == processor.encode("a <s>")


def test_a_model_that_merges_cannot_tell_is_not_exported() -> None:
    engine = SentencePiece("a.model", train_with(400, hard_vocab_limit=False, model_type="unigram"))
    assert set(engine.files()) == {"tokenizer.model"}
    assert engine.notes()[1] == (
        "tokenizer: without files for Hugging Face's loaders, which would give other ids: it is no BPE model."
    )


# --- a tokenizer.json of others ---------------------------------------------------------------------------------------


def byte_level(special: bool = True, padding: int = 0) -> Any:
    """A byte-level BPE with `<|endoftext|>`, and as many further tokens as wanted."""
    from tokenizers import AddedToken, decoders, models, pre_tokenizers, trainers

    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    made.train_from_iterator(["the mill grinds grain", "<|endoftext|> is text"] * 20, trainer)
    made.add_tokens([AddedToken("<|endoftext|>", special=special, normalized=False)])
    made.add_tokens([AddedToken(f"<extra {number}>", normalized=False) for number in range(padding)])
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    byte_level().save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


@pytest.fixture(scope="module", params=[True, False], ids=["special", "added only"])
def gpt(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    path = tmp_path_factory.mktemp("gpt") / "tokenizer.json"
    byte_level(request.param).save(str(path))
    return Tokenizer(str(path), "<|endoftext|>", "<|endoftext|>")


@settings(deadline=None)
@given(text=st.lists(st.one_of(any_text, st.sampled_from(["<|endoftext|>", "<|endo", "text|>", " "]))).map("".join))
def test_no_text_makes_a_mark(gpt: Tokenizer, text: str) -> None:
    ids = gpt.encode(text)
    assert gpt.eos_id not in ids
    assert ids.dtype == np.int32
    assert gpt.decode(ids) == text
    assert [one.tolist() for one in gpt.encode_batch([text, ""])] == [ids.tolist(), []]


def test_marks_stand_beside_the_file_or_are_named(path: Path) -> None:
    assert (Tokenizer(str(path)).bos_id, Tokenizer(str(path)).eos_id) == (-1, -1)
    config = {"bos_token": {"content": "<|endoftext|>", "special": True}, "eos_token": "<|endoftext|>"}
    (path.parent / "tokenizer_config.json").write_text(json.dumps(config))
    read = Tokenizer(str(path))
    assert read.bos_id == read.eos_id == byte_level().token_to_id("<|endoftext|>")
    with pytest.raises(ShardError, match="has no token '</s>', which is to be its eos_token"):
        Tokenizer(str(path), eos_token="</s>")


@pytest.mark.parametrize(("mark", "text"), [("the", "the"), ("\u0120grinds", " grinds")])
def test_a_mark_that_is_a_word_is_refused(path: Path, mark: str, text: str) -> None:
    """It is made special, so that texts are not searched for it, and merges still make it."""
    with pytest.raises(ShardError, match=f"a text that holds '{text}' would have control tokens"):
        Tokenizer(str(path), eos_token=mark)


def test_nothing_is_cut_off_or_filled_up(path: Path) -> None:
    made = tokenizers.Tokenizer.from_file(str(path))
    text = "the mill grinds grain " * 50
    expected = made.encode(text, add_special_tokens=False).ids
    made.enable_truncation(8)
    made.enable_padding(length=5000)
    made.save(str(path))
    assert Tokenizer(str(path)).encode(text).tolist() == expected


@pytest.mark.parametrize("content", ["{", "{}", '{"model": 1}'])
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(ShardError, match=r"expected a tokenizer\.json of Hugging Face's"):
        Tokenizer(str(tmp_path / "tokenizer.json"))


def test_a_tokenizer_without_a_token_for_unknown_characters_is_refused(tmp_path: Path) -> None:
    made = tokenizers.Tokenizer(tokenizers.models.Unigram([("a", 0.0)]))
    made.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ShardError, match="cannot encode every character"):
        Tokenizer(str(tmp_path / "tokenizer.json"))


def test_a_mark_that_stands_for_unknown_characters_is_refused(tmp_path: Path) -> None:
    """Else any rare character in a text would end a document."""
    letters = {letter: number for number, letter in enumerate("ab ")} | {"</s>": 3}
    made = tokenizers.Tokenizer(tokenizers.models.BPE(letters, [], unk_token="</s>"))
    made.add_special_tokens(["</s>"])
    made.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ShardError, match="characters that it does not know would be control tokens"):
        Tokenizer(str(tmp_path / "tokenizer.json"), eos_token="</s>")


def test_without_their_package_it_says_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    with pytest.raises(UsageError, match=r"pip install 'corpusmill\[hf\]'"):
        Tokenizer(str(path))


@pytest.mark.parametrize(
    ("padding", "dtype"),
    [pytest.param(65_536, np.uint16, id="as many as fit"), pytest.param(65_537, np.uint32, id="one more")],
)
def test_the_vocabulary_decides_the_width(tmp_path: Path, padding: int, dtype: Any) -> None:
    n_tokens = byte_level().get_vocab_size()
    byte_level(padding=padding - n_tokens).save(str(tmp_path / "tokenizer.json"))
    tokenizer = Tokenizer(str(tmp_path / "tokenizer.json"))
    assert tokenizer.vocab_size == padding
    assert token_dtype(tokenizer.vocab_size) == dtype
    ids = tokenizer.encode(f"the mill <extra {padding - n_tokens - 1}>")
    assert ids.max() == padding - 1
    packed, _ = pack(["a"], [ids], ["a"], token_dtype(tokenizer.vocab_size))
    assert packed.tolist() == ids.tolist()
