"""Scores of files: what counts as a document, and errors that name the line."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import sys
from pathlib import Path

import pytest
import sentencepiece
from rich.console import Console

from corpusmill.errors import UsageError
from corpusmill.models.ngram import model_files, open_ngram_model
from corpusmill.report.score import Score, print_scores, score_files

pytest.importorskip("kenlm")

ARPA = """\\data\\
ngram 1=4
ngram 2=1

\\1-grams:
-2\t<unk>
-99\t<s>\t-1
-1\t</s>
-1\t▁the\t-1

\\2-grams:
-0.5\t<s> ▁the

\\end\\
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("models")
    (folder / "en.arpa").write_text(ARPA)
    with (folder / "en.sp.model").open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["the house by the river"]),
            model_writer=file,
            model_type="bpe",  # merges until the pieces are words
            vocab_size=100,
            hard_vocab_limit=False,
            minloglevel=2,
        )
    return str(folder)


def scores(models: str, path: object, **options: bool) -> list[Score]:
    return list(score_files([str(path)], models, "en", **options))


def test_a_file_is_a_document(models: str, tmp_path: Path) -> None:
    path = tmp_path / "[red]page.txt"
    path.write_text("\ufeffThe house\nby the river\n")
    (score,) = scores(models, path)
    expected, n_pieces = open_ngram_model(*model_files(models, "en")).measure("The house\nby the river\n")
    assert score == Score(str(path), 1, expected, n_pieces, 23)
    (by_line,) = scores(models, path, per_line=True)
    assert by_line.perplexity != score.perplexity


def test_each_line_is_a_document(models: str, tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("the house\n\nthe\n")
    found = scores(models, path, each_line=True)
    assert [(score.number, score.n_chars) for score in found] == [(1, 9), (2, 0), (3, 3)]
    assert found[1].perplexity is None and found[2].perplexity == pytest.approx(10 ** (2.5 / 2))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["jsonl", "jsonl.gz"])
def test_json_lines(models: str, tmp_path: Path, pack: object) -> None:
    path = tmp_path / ("a.jsonl" if pack is bytes else "a.jsonl.gz")
    path.write_bytes(pack(b'{"text": "the", "url": 1}\n\n{"text": "\\ud83d"}'))
    assert [(score.number, score.n_chars) for score in scores(models, path)] == [(1, 3), (3, 1)]


def test_standard_input(models: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"the\nthe")))
    assert [score.number for score in scores(models, "-", each_line=True)] == [1, 2]


@pytest.mark.parametrize(
    ("name", "data", "where"),
    [
        pytest.param("a.jsonl", b'{"text": "a"}\n{"text"', "line 2: expected a JSON object", id="no JSON"),
        pytest.param("a.jsonl", b"[1]", "line 1: expected a JSON object with a field text, got a list", id="a list"),
        pytest.param("a.jsonl", b'{"text": 1}', "line 1: .*got none", id="no text"),
        pytest.param("a.jsonl", b"[" * 100_000, "line 1: expected a JSON object", id="deep"),
        pytest.param(
            "a.jsonl", b'{"text": "a"}\n"\xff"', "line 2: expected UTF-8, got byte 0xff", id="no UTF-8 in JSON"
        ),
        pytest.param("a.txt", b"a\xff", "line 1: expected UTF-8, got byte 0xff", id="no UTF-8"),
        pytest.param("a.jsonl.gz", b"no gzip", "cannot be read", id="no gzip"),
        pytest.param("a.jsonl.gz", gzip.compress(b'{"text": "a"}\n' * 99)[:-9], "cannot be read", id="gzip cut off"),
    ],
)
def test_damage(models: str, tmp_path: Path, name: str, data: bytes, where: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageError, match=where) as caught:
        scores(models, tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name)) and "\n" not in str(caught.value)


def test_no_such_file(models: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing"):
        scores(models, tmp_path / "nothing")


def test_table() -> None:
    console = Console(file=io.StringIO(), width=100)
    print_scores([Score("[red]a.txt", 1, 1234.56, 7, 4321), Score("b", 2, None, 0, 0)], console)
    lines = console.file.getvalue().splitlines()
    assert lines[3].split() == ["[red]a.txt", "1", "1,234.6", "7", "4,321"]
    assert lines[4].split() == ["b", "2", "–", "0", "0"]


def test_scores_are_json(models: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("the")
    (score,) = scores(models, tmp_path / "a")
    assert json.loads(json.dumps({"perplexity": score.perplexity}))["perplexity"] == score.perplexity


def test_what_came_before_a_damaged_line_is_printed(models: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "the"}\n{"text": "house"}\nno JSON\n{"text": "river"}\n')
    console = Console(file=io.StringIO(), width=200)
    with pytest.raises(UsageError, match="line 3"):
        print_scores(score_files([str(path)], models, "en"), console)
    numbers = [line.split()[1] for line in console.file.getvalue().splitlines() if str(path) in line]
    assert numbers == ["1", "2"]


def test_nothing_is_printed_where_there_is_no_model(tmp_path: Path) -> None:
    console = Console(file=io.StringIO())
    with pytest.raises(UsageError, match=r"en\.sp\.model|en\.arpa"):
        print_scores(score_files(["-"], str(tmp_path), "en"), console)
    assert console.file.getvalue() == ""


@pytest.mark.parametrize("made_here", [True, False], ids=["trained in the run", "given to the run"])
def test_models_of_a_run(models: str, tmp_path: Path, made_here: bool) -> None:
    """A run that was given ARPA models keeps their binaries, but not the pieces that go with them."""
    run = tmp_path / "run"
    shutil.copytree(models, run / "models/ngram" if made_here else run)
    if not made_here:
        (run / "models/ngram").mkdir(parents=True)
        (run / "models/ngram/en.arpa.bin").write_bytes(b"a binary")
    (tmp_path / "a").write_text("the")
    (score,) = scores(str(run), tmp_path / "a")
    assert score.n_pieces


def test_a_table_of_cutoffs_is_cut_at_the_percentiles_of_the_recipe(models: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("the")
    (score,) = scores(models, tmp_path / "a")
    cutoffs = tmp_path / "cutoff.csv"
    rows = [score.perplexity + row - 45 for row in range(100)]
    cutoffs.write_text("\n".join(["percentile,en", *(f"{row},{value}" for row, value in enumerate(rows))]))
    (parted,) = score_files([str(tmp_path / "a")], models, "en", cutoffs=str(cutoffs))
    assert parted.bucket == "middle"
