"""Runs with a ready tokenizer: nothing is trained, and its ids are those of the shards."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from corpusmill.tokenizer.encode import Tokenizer
from hard_texts import train_with
from running import corpusmill, digests, run_arguments

OTHERS = ("commoncrawl", "c4", "github", "books", "arxiv")
ALONE = [word for name in OTHERS for word in ("--set", f"sources.{name}=null")]


@pytest.fixture(scope="module")
def with_model(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample inputs with a tokenizer among the models."""
    folder = tmp_path_factory.mktemp("with_model") / "in"
    shutil.copytree(inputs, folder)
    (folder / "models/ready.model").write_bytes(train_with(420))
    return folder


@pytest.fixture(scope="module")
def ready(with_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of Wikipedia with it, by one worker."""
    output = tmp_path_factory.mktemp("ready")
    corpusmill(*arguments(with_model, output, 1, "models/re*.model"), expect=4)
    return output


def arguments(inputs: Path, output: Path, workers: int, model: str, *settings: str) -> list[str]:
    sets = [word for setting in (f"tokenizer.model={model}", *settings) for word in ("--set", setting)]
    return run_arguments(inputs, output, workers, *ALONE, *sets)


def test_it_is_taken_as_it_is_and_nothing_is_trained(with_model: Path, ready: Path) -> None:
    assert (ready / "tokenizer/tokenizer.model").read_bytes() == (with_model / "models/ready.model").read_bytes()
    assert not (ready / "work/sample").exists()
    assert not (ready / "work/receipts/sample").exists()
    sidecar = json.loads(next((ready / "shards/raw").glob("train-*.json")).read_text())
    assert (sidecar["vocab_size"], sidecar["dtype"], sidecar["bos_id"], sidecar["eos_id"]) == (420, "uint16", 1, 2)
    corpusmill("check", ready)


def test_two_workers_give_the_same_bytes(with_model: Path, ready: Path, tmp_path: Path) -> None:
    corpusmill(*arguments(with_model, tmp_path / "two", 2, "models/ready.model"), expect=4)
    assert digests(tmp_path / "two") == digests(ready)


def test_the_files_it_leaves_for_hugging_face_are_a_tokenizer_of_the_same_ids(
    with_model: Path, ready: Path, tmp_path: Path
) -> None:
    pytest.importorskip("tokenizers")
    folder = tmp_path / "exported"
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(ready / "tokenizer" / name, folder)
    corpusmill(*arguments(with_model, tmp_path / "out", 1, str(folder / "tokenizer.json")), expect=4)
    assert not (tmp_path / "out/tokenizer/tokenizer.model").exists()
    same = ("tokens", "shards/megatron")
    assert digests(tmp_path / "out", same) == digests(ready, same)
    corpusmill("check", tmp_path / "out")


def test_a_vocabulary_above_16_bits_comes_through(with_model: Path, tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    characters = [("<unk>", 0.0), *((chr(i), -1.0) for i in range(32, 1000))]
    made = tokenizers.Tokenizer(tokenizers.models.Unigram(characters, unk_id=0))
    made.add_special_tokens(["<end>"])
    made.add_tokens([f"\x00{i}\x00" for i in range(70_000)] + ["the"])
    made.save(str(tmp_path / "tokenizer.json"))
    marks = ("tokenizer.bos=false", "tokenizer.eos_token=<end>")
    output = tmp_path / "out"
    corpusmill(*arguments(with_model, output, 1, str(tmp_path / "tokenizer.json"), *marks), expect=4)
    sidecar_path = next((output / "shards/raw").glob("train-*.json"))
    sidecar = json.loads(sidecar_path.read_text())
    tokenizer = Tokenizer(str(output / "tokenizer/tokenizer.json"))
    assert (sidecar["dtype"], sidecar["vocab_size"]) == ("uint32", made.get_vocab_size())
    assert (sidecar["bos_id"], sidecar["eos_id"]) == (None, tokenizer.eos_id)
    ids = np.fromfile(sidecar_path.with_suffix(".bin"), np.uint32)
    assert ids.max() == made.token_to_id("the") > 65_536
    corpusmill("check", output)


def test_a_tokenizer_that_does_not_say_its_marks_is_refused(with_model: Path, tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    tokenizers.Tokenizer(tokenizers.models.BPE({"a": 0, "<s>": 1}, [])).save(str(tmp_path / "tokenizer.json"))
    path = str(tmp_path / "tokenizer.json")
    failed = corpusmill(*arguments(with_model, tmp_path / "out", 1, path, "tokenizer.bos_token=<s>"), expect=2)
    assert "does not say which token ends a document" in failed.stderr
    assert "--set 'tokenizer.eos_token=</s>'" in failed.stderr
    assert not (tmp_path / "out/recipe.yaml").exists()


@pytest.mark.parametrize(
    ("model", "settings", "said"),
    [
        pytest.param("models/none.model", (), "nothing at", id="not there"),
        pytest.param("models/*", (), "files fit", id="several"),
        pytest.param("models/lid.sample.bin", (), "expected a SentencePiece model", id="another file"),
        pytest.param("models/ready.model", ("tokenizer.eos_token=x",), "marks of its own", id="marks of a model"),
        pytest.param("", ("tokenizer.eos_token=x",), "name its file as model", id="marks of none"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_done(
    with_model: Path, tmp_path: Path, model: str, settings: tuple[str, ...], said: str
) -> None:
    failed = corpusmill(*arguments(with_model, tmp_path / "out", 1, model, *settings), expect=2)
    assert said in failed.stderr
    assert not (tmp_path / "out/recipe.yaml").exists()


def test_another_model_under_its_name_needs_redo(with_model: Path, ready: Path, tmp_path: Path) -> None:
    inputs, output = tmp_path / "in", tmp_path / "out"
    shutil.copytree(with_model, inputs)
    shutil.copytree(ready, output)
    (inputs / "models/ready.model").write_bytes(train_with(400))
    failed = corpusmill(*arguments(inputs, output, 1, "models/re*.model"), expect=2)
    assert "the model of the tokenizer has changed" in failed.stderr
    corpusmill(*arguments(inputs, output, 1, "models/re*.model"), "--redo", expect=4)
    assert Tokenizer(str(output / "tokenizer/tokenizer.model")).vocab_size == 400
    kept = ("documents", "dropped")
    assert digests(output, kept) == digests(ready, kept)
    corpusmill("check", output)
