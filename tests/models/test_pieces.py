"""Pieces: every word as SentencePiece cuts it alone, whatever came before; training that gives the same bytes."""

from __future__ import annotations

import io
import itertools
import string
from pathlib import Path

import fsspec
import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.errors import SourceError, UsageError
from corpusmill.filters.ccnet_perplexity import normalize_for_lm, normalize_stripped
from corpusmill.models import word_pieces
from corpusmill.models.pieces import SPACE, PieceModel, open_piece_model, train_pieces

STEMS = ("house", "garden", "river", "walk", "read", "write", "mountain", "quick", "lazy", "water", "light", "winter")
ENDINGS = ("", "s", "er", "ing", "ed", ".", ",", "'s", "ness", " 00", " 1990", "\u4e00\u4e8c")
LINES = [
    " ".join(f"{STEMS[(i * k) % len(STEMS)]}{ENDINGS[(i + k) % len(ENDINGS)]}" for k in range(1, 12))
    for i in range(1, 400)
]
WORD = st.sampled_from([stem + ending for stem, ending in itertools.product(STEMS, ENDINGS)]) | st.sampled_from(
    (
        "House",
        "READ,",
        "a\nb",
        "end.\nNext",
        "(1)\r\n\n'Read",
        ".\n",
        "\n.",
        "\u2026\nHouse",
        "\u2014\nwalk",
        "\xa7\nriver",
        "e\u0301\nriver",
        "1,234",
        "\t",
        "\n",
        "\u3000",
        "\xa0a",
        "a\u3000",
        "\xa0",
        "\u200b",
        "ΟΔΟΣ\nΑ",
        "é",
        "e\u0301",
        "½",
        "—",
        "\0",
    )
)
CHARS = st.characters(exclude_categories=["Cs"], exclude_characters=SPACE)
TEXT = st.lists(WORD | st.text(CHARS, max_size=6), max_size=12).map(" ".join)


def variant(**settings: object) -> bytes:
    model = io.BytesIO()
    defaults = {
        "vocab_size": 300,
        "model_type": "unigram",
        "hard_vocab_limit": False,
        "minloglevel": 2,
        "num_threads": 1,
    }
    given = {**defaults, **settings, "sentence_iterator": iter(LINES), "model_writer": model}
    sentencepiece.SentencePieceTrainer.train(**given)
    return model.getvalue()


@pytest.fixture(scope="module")
def trained() -> bytes:
    return train_pieces(map(normalize_for_lm, LINES), 300)


@pytest.fixture(scope="module")
def path(trained: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pieces") / "en.sp.model"
    path.write_bytes(trained)
    return path


@pytest.fixture(scope="module", params=["unigram", "bpe", "identity"])
def model(request: pytest.FixtureRequest, path: Path, tmp_path_factory: pytest.TempPathFactory) -> PieceModel:
    if request.param != "unigram":
        path = tmp_path_factory.mktemp("pieces") / "en.sp.model"
        settings = {"model_type": "bpe", "byte_fallback": True}
        path.write_bytes(variant(**settings if request.param == "bpe" else {"normalization_rule_name": "identity"}))
    model = PieceModel(str(path))
    assert model._cutter.words is not None
    return model


def word_by_word(model: PieceModel, text: str) -> bytes:
    """What SentencePiece gives for each word alone."""
    words = [model._processor.encode(word, out_type=str) for word in normalize_for_lm(text).split(" ")]
    return " ".join(itertools.chain(*words)).encode()


# ---- cutting ---------------------------------------------------------------------------------------------------------


@given(TEXT)
def test_each_word_is_cut_as_alone(model: PieceModel, text: str) -> None:
    assert model.cut(text) == word_by_word(model, text)
    assert model.cut(text) == word_by_word(model, text), "now from memory"


@given(TEXT)
def test_in_a_text_the_pieces_are_worth_the_same(model: PieceModel, text: str) -> None:
    """Between cuts of one worth, SentencePiece may choose otherwise in a text than alone."""
    ours = model.cut(text).decode().split(" ") if model.cut(text) else []
    whole = model._processor.encode(normalize_for_lm(text), out_type=str)
    assert "".join(ours) == "".join(whole)
    of_ours, of_whole = (
        sum(map(model._processor.get_score, model._processor.piece_to_id(cut))) for cut in (ours, whole)
    )
    assert of_ours == pytest.approx(of_whole, rel=1e-4)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(" \n\t\u3000 ", id="blank"),
        pytest.param("\0\x07\x7f", id="controls"),
        pytest.param("\0\n\n\0", id="line ends between controls"),
    ],
)
def test_texts_without_pieces(model: PieceModel, text: str) -> None:
    assert model.cut(text) == b""


def test_lines_are_glued(model: PieceModel) -> None:
    assert model.cut("the gar\nden") == model.cut("the garden") != model.cut("the gar den")


@pytest.mark.parametrize("rule", ["nmt_nfkc", "identity"])
@pytest.mark.parametrize("text", [f"a{SPACE} b", SPACE, f"a {SPACE}{SPACE}b c"])
def test_the_space_of_sentencepiece_itself(tmp_path: Path, text: str, rule: str) -> None:
    """At the end of a text it goes, before another word it stays."""
    (tmp_path / "model").write_bytes(variant(normalization_rule_name=rule))
    model = PieceModel(str(tmp_path / "model"))
    assert model._cutter.words is not None
    assert model.cut(text) == " ".join(model._processor.encode(normalize_for_lm(text), out_type=str)).encode()


def test_half_a_surrogate_pair_is_no_error(model: PieceModel) -> None:
    assert model.cut("\ud83d and \ude00") == model.cut("? and ?")


@given(st.lists(TEXT | st.text(max_size=20), max_size=8), st.integers(0, 8))
def test_batches_of_any_size_give_the_same(model: PieceModel, texts: list[str], at: int) -> None:
    alone = list(map(model.cut, texts))
    assert model.cut_batch(texts) == alone
    assert model.cut_batch(texts[:at]) + model.cut_batch(texts[at:]) == alone


@pytest.mark.parametrize("n_bytes", [1, 7, 50])
def test_parts_of_any_size_give_the_same(model: PieceModel, n_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["\n".join(LINES[:20]), "", " ".join(LINES[20:30])]
    expected = model.cut_batch(texts)
    monkeypatch.setattr(word_pieces, "BATCH_BYTES", n_bytes)
    assert model.cut_batch(texts) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("the house.\nRiver", [" the", " house", ".", "river"], id="lines"),
        pytest.param("the house\r\n\n\r\nriver", [" the", " houseriver"], id="lines that end in letters"),
        pytest.param("the house \n river,", [" the", " house", " river", ","], id="blanks at the line end"),
        pytest.param("house\u2014river", [" house", " -", " river"], id="a dash becomes a word"),
        pytest.param("house\xa0.river", [" house\xa0.", "river"], id="a character that SentencePiece makes a space of"),
        pytest.param("caf\xe9s.", [" caf\xe9s", "."], id="beyond ASCII"),
        pytest.param(
            "\u039f\u0394\u039f\u03a3.\nA", [" \u03bf\u03b4\u03bf\u03c2.", "a"], id="a capital that looks ahead"
        ),
    ],
)
def test_words(path: Path, text: str, words: list[str]) -> None:
    """A text is cut where no piece reaches over, and nowhere else."""
    model = PieceModel(str(path))
    assert model._cutter.words is not None
    assert model.cut(text) == word_by_word(model, text)
    assert [word.decode() for word in model._cutter.words if word != b" "] == words


@pytest.mark.parametrize(
    ("pieces", "known", "letters", "no_marks"),
    [
        pytest.param([b"ab", b".,"], b"ab.,", "ab", "", id="apart"),
        pytest.param([b".a", b"b-"], b"ab.,-", "ab", ".-", id="pieces of both"),
        pytest.param([], b"a", "a", "", id="marks that are no pieces"),
        pytest.param([b"a0"], b"a0", "a", "0", id="a digit with letters"),
        pytest.param([b"00", b".0"], b"a0.", "a", "", id="a digit with marks"),
        pytest.param(["\u2581a.".encode(), "\u00e9,".encode()], b"a,.", "a", ".", id="beyond ASCII"),
        pytest.param([b"a."], b"AB\xc3", "", "", id="no letters"),
    ],
)
def test_kinds_of_bytes(pieces: list[bytes], known: bytes, letters: str, no_marks: str) -> None:
    kinds = word_pieces.find_kinds(pieces, {bytes([byte]) for byte in known})
    found = {kind: "".join(chr(i) for i in range(256) if kinds[i] == kind) for kind in set(kinds)}
    assert found.get(word_pieces._LETTER, "") == letters
    assert set(found[word_pieces._MARK]) == {*string.punctuation, "0"} - {*no_marks}
    assert found[word_pieces._SPACE] == " "


def test_a_piece_of_letters_and_marks(tmp_path: Path) -> None:
    """No text is cut within it."""
    (tmp_path / "model").write_bytes(variant(user_defined_symbols=["e.r"], normalization_rule_name="identity"))
    model = PieceModel(str(tmp_path / "model"))
    assert model._cutter.words is not None
    assert model.cut("the.river") == word_by_word(model, "the.river")
    assert b" e.r " in model.cut("the.river")


def test_ascii_is_left_as_it_is(path: Path) -> None:
    """By what SentencePiece normalises with, alone and beside any other, as cutting at line ends takes for granted."""
    processor = PieceModel(str(path))._processor
    ascii_chars = [chr(code) for code in range(ord("!"), ord("~") + 1)]
    for pair in map("".join, itertools.product(ascii_chars, ascii_chars)):
        assert processor.normalize(pair) == SPACE + pair


@given(st.text())
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = normalize_for_lm(text)
    assert normalize_stripped(once) == once


def test_memory_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_pieces, "MAX_WORDS", 10)
    model = PieceModel(str(path))
    assert model._cutter.words is not None
    for line in LINES:
        assert model.cut(line) == word_by_word(model, line)
        assert len(model._cutter.words) <= 15
    monkeypatch.undo()
    model.cut(f"{'x' * 33} new")
    assert b" new" in model._cutter.words and not any(b"x" in word for word in model._cutter.words)


@pytest.mark.parametrize("text", ["x" * 300_000, "ab " * 200_000, "\n" * 500_000, "東京" * 100_000])
def test_long_texts(path: Path, text: str) -> None:
    assert PieceModel(str(path)).cut(text).count(b" ") < len(text)


# ---- models ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "cuts_at_spaces"),
    [
        pytest.param({}, True, id="as CCNet's"),
        pytest.param({"model_type": "bpe"}, True, id="BPE"),
        pytest.param({"normalization_rule_name": "identity"}, True, id="no normalising"),
        pytest.param({"user_defined_symbols": ["<sep>"]}, True, id="a symbol"),
        pytest.param({"user_defined_symbols": ["the end"]}, False, id="a symbol with a space"),
        pytest.param({"model_type": "word"}, False, id="words"),
        pytest.param({"treat_whitespace_as_suffix": True}, False, id="space at the end"),
        pytest.param({"add_dummy_prefix": False}, False, id="no space at the start"),
        pytest.param({"remove_extra_whitespaces": False}, False, id="all spaces"),
        pytest.param({"split_by_whitespace": False, "vocab_size": 600}, False, id="pieces over spaces"),
    ],
)
def test_models_that_cut_within_words(tmp_path: Path, settings: dict[str, object], cuts_at_spaces: bool) -> None:
    (tmp_path / "model").write_bytes(variant(**settings))
    model = PieceModel(str(tmp_path / "model"))
    assert (model._cutter.words is not None) == cuts_at_spaces
    for text in ("  The house,  the end of it", "house garden", "a"):
        whole = model._processor.encode(normalize_for_lm(text), out_type=str)
        assert model.cut(text) == " ".join(whole).encode()


def test_opened_once(path: Path) -> None:
    assert open_piece_model(str(path)) is open_piece_model(str(path))


def test_from_a_url(path: Path) -> None:
    with fsspec.open("memory://pieces/en.sp.model", "wb") as file:
        file.write(path.read_bytes())
    assert PieceModel("memory://pieces/en.sp.model").cut("garden") == PieceModel(str(path)).cut("garden")


@pytest.mark.parametrize("data", [b"", b"<html>", b"\x0a\xff\xff", b"\xff" * 20], ids=["empty", "html", "cut", "noise"])
def test_no_model(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "model").write_bytes(data)
    with pytest.raises(UsageError, match="expected a SentencePiece model"):
        PieceModel(str(tmp_path / "model"))
    with pytest.raises(SourceError, match="cannot be opened"):
        PieceModel(str(tmp_path / "nothing"))


def test_cut_off_anywhere(path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    for n in [*range(1, 60), *range(60, len(data), len(data) // 60)]:
        (tmp_path / "part").write_bytes(data[:n])
        try:
            PieceModel(str(tmp_path / "part")).cut("the garden")
        except UsageError as error:
            assert "\n" not in str(error)  # a file cut between two pieces is one of fewer pieces


# ---- training --------------------------------------------------------------------------------------------------------


def test_the_same_lines_give_the_same_bytes(trained: bytes) -> None:
    assert train_pieces(map(normalize_for_lm, LINES), 300) == trained
    assert b"/tmp" not in trained


def test_a_small_corpus_gives_fewer_pieces() -> None:
    model = sentencepiece.SentencePieceProcessor(model_proto=train_pieces(LINES, 65_536))
    assert 50 < model.vocab_size() < 65_536


@pytest.mark.parametrize("lines", [[], [""], [" "]], ids=["none", "empty", "blank"])
def test_no_text_to_train_on(lines: list[str]) -> None:
    with pytest.raises(UsageError, match="cannot be trained"):
        train_pieces(lines, 100)


def test_fewer_pieces_than_characters() -> None:
    with pytest.raises(UsageError, match="cannot be trained"):
        train_pieces(LINES, 5)


def test_long_lines_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpusmill.models.pieces._MAX_LINE_CHARS", 1000)
    assert sentencepiece.SentencePieceProcessor(model_proto=train_pieces([" ".join(LINES)], 300)).vocab_size() > 50
