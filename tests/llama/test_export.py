import hashlib
import json
from pathlib import Path

import fsspec
import pytest

from markov import write_markov

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")

from corpusmill.errors import ShardError  # noqa: E402
from corpusmill.llama.checkpoint import Checkpoint, load_checkpoint  # noqa: E402
from corpusmill.llama.export import export  # noqa: E402
from corpusmill.llama.train import train  # noqa: E402

MODEL = b"what a tokenizer is"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a tokenizer, and a training of it."""
    folder = tmp_path_factory.mktemp("out")
    write_markov(folder, [300])
    for sidecar in (folder / "shards/raw").glob("*.json"):
        sidecar.write_text(sidecar.read_text().replace("ab" * 32, hashlib.sha256(MODEL).hexdigest()))
    (folder / "tokenizer").mkdir()
    for name, data in {"tokenizer.model": MODEL, "tokenizer_config.json": b"{}", "tokenizer.vocab": b"ours"}.items():
        (folder / "tokenizer" / name).write_bytes(data)
    train(str(folder), 2, batch_size=2, seq_len=8, device="cpu", save=str(folder / "llama"))
    return folder


@pytest.fixture(scope="module")
def checkpoint(out: Path) -> Checkpoint:
    found = load_checkpoint(str(out / "llama"))
    assert found is not None
    return found


def test_export_holds_the_weights_bit_for_bit(out: Path, checkpoint: Checkpoint, tmp_path: Path) -> None:
    export(checkpoint, str(out), str(tmp_path))
    weights = safetensors.load_file(tmp_path / "model.safetensors")
    assert len(weights) == len(checkpoint.weights)
    for name, weight in checkpoint.weights.items():
        exported = weights[name if name == "lm_head.weight" else f"model.{name}"]
        assert exported.dtype == torch.float32
        assert torch.equal(exported, weight), name


def test_export_says_what_the_model_is(out: Path, checkpoint: Checkpoint, tmp_path: Path) -> None:
    export(checkpoint, str(out), str(tmp_path))
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert (config["hidden_size"], config["num_hidden_layers"], config["max_position_embeddings"]) == (192, 2, 8)
    marks = {"bos_token_id": None, "eos_token_id": None}  # these shards have none
    assert json.loads((tmp_path / "generation_config.json").read_text()) == marks
    assert marks.items() <= config.items()


def test_export_brings_the_tokenizer_and_nothing_else(out: Path, checkpoint: Checkpoint, tmp_path: Path) -> None:
    export(checkpoint, str(out), str(tmp_path))
    model = {"config.json", "generation_config.json", "model.safetensors"}
    assert {path.name for path in tmp_path.iterdir()} == {*model, "tokenizer.model", "tokenizer_config.json"}
    assert (tmp_path / "tokenizer.model").read_bytes() == MODEL


def test_export_goes_to_a_bucket(out: Path, checkpoint: Checkpoint) -> None:
    export(checkpoint, str(out), "memory://exported/model")
    names = {Path(path).name for path in fsspec.filesystem("memory").ls("/exported/model", detail=False)}
    assert {"config.json", "model.safetensors", "tokenizer.model"} <= names


def test_a_tokenizer_of_other_shards_is_refused(out: Path, checkpoint: Checkpoint, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write_markov(other, [300])
    (other / "tokenizer").mkdir()
    (other / "tokenizer/tokenizer.model").write_bytes(MODEL)
    with pytest.raises(ShardError, match="expected sha256 abab"):
        export(checkpoint, str(other), str(tmp_path / "hf"))
    assert not (tmp_path / "hf").exists()
