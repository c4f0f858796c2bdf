"""KenLM compiled for batches: the scores of its Python module to the last bit, and that module where it is absent."""

from __future__ import annotations

import gc
import random
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.benchmarks.language import read_texts
from corpusmill.filters.ccnet_perplexity import normalize_for_lm
from corpusmill.models import kenlm_batches, kenlm_tools
from corpusmill.models.kenlm_batches import LIBRARY, BatchScorer, open_scorer
from corpusmill.models.kneser_ney import estimate
from corpusmill.models.ngram import ModuleScorer, NgramModel
from corpusmill.models.pieces import PieceModel, train_pieces
from running import SHARED

pytest.importorskip("kenlm")

BUILD_BINARY = kenlm_tools.find_tool("build_binary")
PAGES = SHARED / "data/commoncrawl"
KINDS = {"arpa": None, "probing": [], "trie": [], "trie, small": ["-q", "8", "-b", "7", "-a", "22"]}
WORDS = ["house", "garden", "river", "walk", "read", "write", "mountain", "Winter,", "00", "caf\u00e9", "end."]
LINES = [" ".join(random.Random(n).choices(WORDS, k=1 + n % 30)) for n in range(300)]

needs_library = pytest.mark.skipif(
    not (Path(sys.executable).parent / LIBRARY).exists(), reason="`make kenlm-tools` was not called here"
)


def make_model(lines: list[str], vocab_size: int, folder: Path) -> tuple[Path, Path]:
    """An ARPA file of order 5 and its SentencePiece model, trained on lines."""
    lines = list(filter(None, map(normalize_for_lm, lines)))
    pieces, arpa = folder / "en.sp.model", folder / "en.arpa"
    pieces.write_bytes(train_pieces(lines, vocab_size))
    cut = PieceModel(str(pieces)).cut_batch(lines)
    (folder / "scratch").mkdir()
    with arpa.open("wb") as file:
        estimate(cut, file, folder / "scratch", order=5, prune=[0], memory_mb=16)
    return arpa, pieces


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_model(LINES, 120, tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module", params=KINDS)
def both(request: pytest.FixtureRequest, files: tuple[Path, Path]) -> tuple[NgramModel, NgramModel]:
    """A model in batches and by the module, of each kind of file that KenLM reads."""
    (path, pieces), kind = files, request.param
    if kind != "arpa":
        if BUILD_BINARY is None:
            pytest.skip("no build_binary here")
        binary = path.with_name(f"{kind}.binary")
        kenlm_tools._run([BUILD_BINARY, *KINDS[kind], kind.split(",")[0], str(path), str(binary)], binary)
        path = binary
    in_batches, by_module = (NgramModel(str(path), str(pieces), in_batches=choice) for choice in (True, False))
    assert isinstance(in_batches.scorer, BatchScorer) and isinstance(by_module.scorer, ModuleScorer)
    return in_batches, by_module


# ---- the same scores -------------------------------------------------------------------------------------------------

PIECE = st.sampled_from(
    [
        *("\u2581house", "\u2581", "s", "r", "\u2581read", "0", ".", "\u2581ca", "fe"),
        *("<s>", "</s>", "<unk>", "<UNK>", "never-seen", "\U0001f600", "a\0b", "\0", "\xa0", "\u2028", "x" * 3000),
    ]
)
SENTENCE = st.lists(PIECE, max_size=40)


@needs_library
@given(st.lists(SENTENCE, max_size=6))
def test_sentences_of_pieces(both: tuple[NgramModel, NgramModel], sentences: list[list[str]]) -> None:
    # KenLM's module would take a NUL for the end of all.
    cut = [[piece.replace("\0", "\ufffd").encode() for piece in sentence] for sentence in sentences]
    in_batches, by_module = (model.scorer.score(model.scorer.write(cut)) for model in both)
    assert in_batches == by_module
    assert [n for _, n in in_batches] == list(map(len, sentences))
    lines = [" ".join(sentence) for sentence in sentences]
    assert both[0].perplexity_of_pieces(lines) == both[1].perplexity_of_pieces(lines)


TEXT = st.lists(st.sampled_from([*WORDS, "\n", "<s>", "</s>", "\u2581", "\0", "\ud800"]) | st.text(max_size=8)).map(
    " ".join
)


@needs_library
@pytest.mark.parametrize("per_line", [False, True])
@given(texts=st.lists(TEXT | st.text(), max_size=6))
def test_texts(both: tuple[NgramModel, NgramModel], per_line: bool, texts: list[str]) -> None:
    in_batches, by_module = (model.measure_batch(texts, per_line) for model in both)
    assert in_batches == by_module
    assert in_batches == both[0].measure_batch(texts, per_line), "now from memory"


@needs_library
@pytest.mark.skipif(not PAGES.exists(), reason="the shared samples are not here")
def test_real_pages(tmp_path: Path) -> None:
    """In all languages; every other page is new to the model."""
    pages = list(islice(read_texts(PAGES), 150))
    path, pieces = make_model(pages[::2], 3000, tmp_path)
    if BUILD_BINARY is not None:
        kenlm_tools.build_binary(BUILD_BINARY, path, tmp_path / "en.binary")
        path = tmp_path / "en.binary"
    in_batches, by_module = (NgramModel(str(path), str(pieces), in_batches=choice) for choice in (True, False))
    for per_line in (False, True):
        expected = by_module.measure_batch(pages, per_line)
        assert in_batches.measure_batch(pages, per_line) == expected
        assert sum(n for _, n in expected) > 100_000


@needs_library
def test_a_piece_with_a_blank_is_two_words(both: tuple[NgramModel, NgramModel]) -> None:
    """As it is to KenLM."""
    for scorer in (model.scorer for model in both):
        one, other = ([[b"s r", b"s"]], [[b"s", b"r", b"s"]])
        assert scorer.score(scorer.write(one)) == scorer.score(scorer.write(other))


@needs_library
def test_models_are_let_go(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    class Library:
        @staticmethod
        def kenlm_scorer_open(_: bytes) -> int:
            return 7

        kenlm_scorer_close = closed.append

    monkeypatch.setattr(kenlm_batches, "_open_library", lambda _: Library)
    model = NgramModel(*map(str, files))
    assert not closed
    del model
    gc.collect()
    assert closed == [7]


# ---- where it is not there -------------------------------------------------------------------------------------------


def absent(_: Path) -> None:
    pass


def no_library(path: Path) -> None:
    path.write_bytes(b"#!/bin/sh\n")


def of_another_machine(path: Path) -> None:
    library = bytearray(Path(np._core._multiarray_umath.__file__).read_bytes())
    library[18] ^= 0xFF  # in ELF the machine, in Mach-O the number of commands
    path.write_bytes(library)


def another_library(path: Path) -> None:
    path.write_bytes(Path(np._core._multiarray_umath.__file__).read_bytes())


@pytest.mark.parametrize("put", [absent, no_library, of_another_machine, another_library])
def test_the_module_scores_where_there_is_no_such_library(
    tmp_path: Path, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, put: Callable[[Path], None]
) -> None:
    put(tmp_path / LIBRARY)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    model = NgramModel(*map(str, files))
    assert isinstance(model.scorer, ModuleScorer)
    assert (model.perplexity("the house") or 0) > 1


@needs_library
def test_a_library_of_another_version_is_not_called(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / LIBRARY).symlink_to(Path(sys.executable).parent / LIBRARY)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(kenlm_batches, "_VERSION", kenlm_batches._VERSION + 1)
    assert open_scorer(str(files[0])) is None


@needs_library
@pytest.mark.parametrize("data", [b"", b"<html>", b"\\data\\\nngram 1=1\n"], ids=["empty", "html", "cut off"])
def test_what_kenlm_refuses(tmp_path: Path, data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    assert open_scorer(str(tmp_path / "nothing")) is None
    (tmp_path / "model").write_bytes(data)
    assert open_scorer(str(tmp_path / "model")) is None
    assert capfd.readouterr() == ("", "")
