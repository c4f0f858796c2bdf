"""Perplexity: KenLM's own scores, the reference's results, whole files only, errors that say what to do."""

from __future__ import annotations

import io
import math
import struct
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.errors import UsageError
from corpusmill.filters.ccnet_perplexity import normalize_for_lm
from corpusmill.models import ngram
from corpusmill.models.ngram import NgramModel, model_files, open_ngram_model, require_kenlm
from oracle import cases
from running import SHARED

kenlm = pytest.importorskip("kenlm")

REFERENCE = SHARED / "cases/kenlm_test.arpa"
SENTENCES = ["the house by the river", "a garden by the house", "the river", "walk by the river and the garden"]
ARPA = """\\data\\
ngram 1=7
ngram 2=4

\\1-grams:
-2.0\t<unk>
-99\t<s>\t-0.5
-1.0\t</s>
-0.8\t▁the\t-0.3
-1.2\t▁river\t-0.2
-1.3\t▁house
-1.1\t▁by

\\2-grams:
-0.3\t<s> ▁the
-0.4\t▁the ▁river
-0.5\t▁the ▁house
-0.2\t▁river </s>

\\end\\
"""


def whole_words() -> bytes:
    """A model whose pieces are the words of the sentences: BPE merges until there are no more pairs."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES),
        model_writer=model,
        model_type="bpe",
        vocab_size=100,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return model.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    (folder / "en.arpa").write_text(ARPA)
    (folder / "en.sp.model").write_bytes(whole_words())
    return folder


@pytest.fixture(scope="module", params=[True, False], ids=["in batches", "by the module"])
def model(request: pytest.FixtureRequest, folder: Path) -> NgramModel:
    return NgramModel(*model_files(str(folder), "en"), in_batches=request.param)


@pytest.fixture(scope="module")
def theirs(folder: Path) -> object:
    config = kenlm.Config()
    config.show_progress = False
    return kenlm.Model(str(folder / "en.arpa"), config)


@pytest.fixture(scope="module")
def reference(folder: Path) -> NgramModel:
    return NgramModel(str(REFERENCE), str(folder / "en.sp.model"))


# ---- what it says ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases("perplexity"))
def test_reference_cases(case: dict[str, object], reference: NgramModel) -> None:
    text = str(case["tokenized_text"] or "")
    lines = [normalize_for_lm(line) if case["normalize"] else line for line in text.split("\n")] if text else []
    found = reference.perplexity_of_pieces(lines)
    assert found == (case["perplexity_full"] and pytest.approx(case["perplexity_full"], rel=1e-4))


WORDS = st.sampled_from(["▁the", "▁river", "▁by", "x", " ", " ", "\t", "\v", "\u2028", "\xa0", "é"])


@given(st.lists(st.lists(WORDS, max_size=12).map("".join), max_size=4))
def test_kenlm_says_the_same_of_pieces(model: NgramModel, theirs: object, lines: list[str]) -> None:
    n = sum(len(line.encode().split()) + 1 for line in lines)
    log10 = sum(map(theirs.score, lines))
    assert model.perplexity_of_pieces(lines) == (10.0 ** (-log10 / n) if lines else None)


def test_a_page_is_one_sentence(model: NgramModel) -> None:
    text = "The House\nby the river\n\n"
    assert model.pieces.cut("the house") == "▁the ▁house".encode()
    assert model.perplexity(text) == model.perplexity_of_pieces([model.pieces.cut(text).decode()])
    assert model.perplexity(text) == model.perplexity("the houseby the river")
    assert model.perplexity("the river") == pytest.approx(10 ** ((0.3 + 0.4 + 0.2) / 3))


def test_each_line_a_sentence(model: NgramModel) -> None:
    lines = ["the house", "the river"]
    cut = [model.pieces.cut(line).decode() for line in lines]
    assert model.measure("\n The House \n\n\tthe river\n", per_line=True) == (model.perplexity_of_pieces(cut), 4)
    assert model.perplexity("the river", per_line=True) == model.perplexity("the river")


@pytest.mark.parametrize("per_line", [False, True])
@given(texts=st.lists(st.text("the rivby.\n\0\u4e00\ud800") | st.text(), max_size=6), at=st.integers(0, 6))
def test_batches_of_any_size_give_the_same(model: NgramModel, per_line: bool, texts: list[str], at: int) -> None:
    alone = [model.perplexity(text, per_line) for text in texts]
    assert model.perplexities(texts, per_line) == alone
    assert model.perplexities(texts[:at], per_line) + model.perplexities(texts[at:], per_line) == alone


@pytest.mark.parametrize("n", [1, 2, 255, 256, 257, 5000])
def test_pieces_are_counted(model: NgramModel, n: int) -> None:
    assert model.measure(" ".join(["river"] * n))[1] == n


@pytest.mark.parametrize("per_line", [False, True])
@pytest.mark.parametrize("text", ["", " \n \t", "\0", "\u200b"])
def test_nothing_to_score(model: NgramModel, text: str, per_line: bool) -> None:
    assert model.measure(text, per_line) == (None, 0)


@pytest.mark.parametrize("per_line", [False, True])
@given(text=st.text())
def test_any_text_has_an_answer(model: NgramModel, text: str, per_line: bool) -> None:
    found, n_pieces = model.measure(text, per_line)
    assert (found is None) == (n_pieces == 0)
    assert found is None or (math.isfinite(found) and found >= 1)


def test_a_nul_is_a_letter(model: NgramModel) -> None:
    assert model.perplexity_of_pieces(["▁the a\0b ▁river"]) == model.perplexity_of_pieces(["▁the ab ▁river"])


def test_improbable_beyond_measure(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "en.arpa").write_text(ARPA.replace("-2.0", "-1e30"))
    assert NgramModel(str(tmp_path / "en.arpa"), str(folder / "en.sp.model")).perplexity("xyz") == 1e308


# ---- where it comes from ---------------------------------------------------------------------------------------------


def test_opened_once(folder: Path) -> None:
    files = model_files(str(folder), "en")
    assert open_ngram_model(*files) is open_ngram_model(*files)


def test_from_a_url(
    folder: Path, model: NgramModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for path in folder.iterdir():
        with fsspec.open(f"memory://ngram/{path.name}", "wb") as file:
            file.write(path.read_bytes())
    assert NgramModel(*model_files("memory://ngram", "en")).perplexity("the river") == model.perplexity("the river")
    assert not list(tmp_path.iterdir()), "the copy is deleted"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["de.arpa.bin", "de.binary", "de.arpa"], "de.arpa.bin", id="CCNet's name first"),
        pytest.param(["de.binary", "de.arpa"], "de.binary", id="a binary before its ARPA"),
        pytest.param(["de.arpa", "en.arpa.bin"], "de.arpa", id="of the language"),
    ],
)
def test_model_files(tmp_path: Path, names: list[str], expected: str) -> None:
    for name in [*names, "de.sp.model"]:
        (tmp_path / name).touch()
    assert model_files(str(tmp_path), "de") == (str(tmp_path / expected), str(tmp_path / "de.sp.model"))


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        pytest.param([], "de.arpa.bin or de.binary or de.arpa", id="nothing"),
        pytest.param(["de.sp.model"], "de.arpa.bin or de.binary or de.arpa", id="no model"),
        pytest.param(["de.arpa"], "de.sp.model", id="no pieces"),
    ],
)
def test_no_model_files(tmp_path: Path, names: list[str], missing: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match=f"expected {missing} in this folder"):
        model_files(str(tmp_path), "de")


def test_without_kenlm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kenlm", None)
    with pytest.raises(UsageError, match="kenlm") as caught:
        require_kenlm()
    assert "\n" not in str(caught.value)


# ---- files that are none ---------------------------------------------------------------------------------------------


def refuse(path: Path, folder: Path, reason: str | None = None) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        NgramModel(str(path), str(folder / "en.sp.model"))
    message = str(caught.value)
    assert message.startswith(f"{path}: expected a KenLM binary or an ARPA file, got ") and "\n" not in message
    assert len(message) < len(str(path)) + 400


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "an empty file", id="empty"),
        pytest.param(b"<html>Not found</html>", "another format", id="a web page"),
        pytest.param(b"\xff\xfe" * 50_000, "another format", id="no text"),
        pytest.param(b"\n" * 100_000, "another format", id="blank"),
        pytest.param(b"\x1f\x8b\x08\0", "another format", id="packed"),
        pytest.param(ARPA.replace("1=7", "1=999999999999").encode(), "cut off", id="more n-grams than bytes"),
        pytest.param(ARPA.replace("1=7", f"1={'9' * 5000}").encode(), None, id="a number without end"),
        pytest.param(ARPA.replace("1=7", "1=-1").encode(), "another format", id="a negative number"),
        pytest.param(
            ARPA.replace("▁by", "▁b\udcffy").encode(errors="surrogateescape")[:-9], None, id="no UTF-8, cut off"
        ),
        pytest.param(ARPA.replace("<s>", "<t>").encode(), "<s>", id="no sentence start"),
    ],
)
def test_broken(tmp_path: Path, folder: Path, data: bytes, reason: str | None) -> None:
    (tmp_path / "model").write_bytes(data)
    refuse(tmp_path / "model", folder, reason)


def test_not_there(tmp_path: Path, folder: Path) -> None:
    refuse(tmp_path / "nothing", folder, "No such file")
    refuse(tmp_path, folder, "directory")


def test_an_arpa_cut_off_anywhere(tmp_path: Path, folder: Path) -> None:
    data = ARPA.encode()
    for n in range(1, len(data) - 1, 3):
        (tmp_path / "part").write_bytes(data[:n])
        refuse(tmp_path / "part", folder)


def binary(order: int = 2, multiplier: float = 1.5, kind: int = 0, counts: tuple[int, ...] = (7, 4)) -> bytes:
    """The beginning of a KenLM binary, as far as its sizes, and room for them."""
    reference = struct.pack(
        "<52s4x3f3IQ", b"mmap lm http://kheafield.com/code format version 5\n\0", 0, 1, -0.5, 1, 2**32 - 1, 0, 1
    )
    fixed = struct.pack("<B3xfi?3xI", order, multiplier, kind, True, 1 if kind == 2 else 0)
    return reference + fixed + struct.pack(f"<{len(counts)}Q", *counts) + bytes(400)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(binary(order=0, counts=()), id="no order"),
        pytest.param(binary(multiplier=math.nan), id="no multiplier"),
        pytest.param(binary(multiplier=math.inf), id="an endless multiplier"),
        pytest.param(binary(counts=(7, 0)), id="no n-grams"),
        pytest.param(binary(counts=(7, 2**61)), id="more n-grams than bytes"),
        pytest.param(binary(counts=(2**64 - 8, 4)), id="a number that overflows"),
    ],
)
def test_binaries_that_would_end_this_process(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    monkeypatch.setattr(kenlm, "Model", lambda *_: pytest.fail("KenLM was given a broken file"))
    monkeypatch.setattr(ngram, "open_scorer", lambda _: pytest.fail("KenLM was given a broken file"))
    (tmp_path / "model").write_bytes(data)
    refuse(tmp_path / "model", folder, "whose sizes cannot be")


def test_a_binary_cut_off_anywhere(tmp_path: Path, folder: Path) -> None:
    data = binary(counts=(7, 40))
    assert ngram._check_binary(data, len(data)) is None
    for n in [*range(1, 130), *range(130, len(data), 29)]:
        (tmp_path / "part").write_bytes(data[:n])
        refuse(tmp_path / "part", folder)


def keep(data: bytes) -> bytes:
    return data


@pytest.mark.parametrize("kind", [0, 2, 9])
@pytest.mark.parametrize("change", [keep, bytes.upper])
def test_binaries_without_what_they_promise(
    tmp_path: Path, folder: Path, kind: int, change: Callable[[bytes], bytes]
) -> None:
    (tmp_path / "model").write_bytes(change(binary(kind=kind, counts=(40, 40))))
    refuse(tmp_path / "model", folder)
