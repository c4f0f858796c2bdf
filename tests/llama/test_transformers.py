"""The built-in model beside Hugging Face's: `pip install transformers` into the environment, else these skip."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from markov import write_markov
from running import corpusmill

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from corpusmill.llama.checkpoint import load_checkpoint  # noqa: E402
from corpusmill.llama.export import config, model_file  # noqa: E402
from corpusmill.llama.model import Llama, LlamaConfig  # noqa: E402
from corpusmill.llama.train import train  # noqa: E402
from corpusmill.shards.reader import ShardSet  # noqa: E402
from corpusmill.tokenizer.encode import MODEL, Tokenizer  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs are not ours to mend
TOLERANCE = 1e-5
SMALL = LlamaConfig(vocab_size=97, dim=32, n_layers=3, n_heads=4, max_seq_len=64, hidden_multiple=16)


def theirs(folder: Path) -> torch.nn.Module:
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def written(model: Llama, folder: Path) -> Path:
    (folder / "config.json").write_text(json.dumps(config(model.config)))
    (folder / "model.safetensors").write_bytes(model_file(model))
    return folder


def tokens_of(n_rows: int, n_positions: int, vocab_size: int) -> torch.Tensor:
    return torch.randint(vocab_size, (n_rows, n_positions), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(SMALL, id="as many key-value heads"),
        pytest.param(dataclasses.replace(SMALL, n_kv_heads=2), id="two heads to a key-value head"),
        pytest.param(dataclasses.replace(SMALL, n_kv_heads=1), id="one key-value head"),
        pytest.param(dataclasses.replace(SMALL, rope_theta=500_000.0, norm_eps=1e-3), id="other constants"),
        pytest.param(LlamaConfig(vocab_size=300, max_seq_len=128), id="the default"),
    ],
)
@torch.inference_mode()
def test_logits_are_those_of_llama_for_causal_lm(shape: LlamaConfig, tmp_path: Path) -> None:
    ours = Llama(shape, seed=5)
    for weight in ours.parameters():  # logits of some size, and norms that are not all ones
        weight += 0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(weight.numel()))
    other = theirs(written(ours, tmp_path))
    assert type(other).__name__ == "LlamaForCausalLM"
    tokens = tokens_of(3, shape.max_seq_len, shape.vocab_size)
    logits = ours(tokens)
    assert logits.abs().max() > 1
    torch.testing.assert_close(other(tokens).logits, logits, rtol=TOLERANCE, atol=TOLERANCE)


def test_weights_of_theirs_go_into_ours_as_they_are() -> None:
    values = {key: value for key, value in config(SMALL).items() if key not in ("architectures", "model_type")}
    other = transformers.LlamaForCausalLM(transformers.LlamaConfig(**values))
    ours = Llama(SMALL)
    ours.load_state_dict({name.removeprefix("model."): weight for name, weight in other.state_dict().items()})
    tokens = tokens_of(2, 64, 97)
    with torch.inference_mode():
        torch.testing.assert_close(ours(tokens), other(tokens).logits, rtol=TOLERANCE, atol=TOLERANCE)


def test_config_and_weights_are_all_that_theirs_wants(tmp_path: Path) -> None:
    _, found = transformers.AutoModelForCausalLM.from_pretrained(
        written(Llama(SMALL), tmp_path), output_loading_info=True
    )
    assert not any(found[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))


@torch.inference_mode()
def test_an_exported_run_loads_and_gives_the_same_logits(finished: Path, tmp_path: Path) -> None:
    save, folder = tmp_path / "save", tmp_path / "hf"
    small = ["--steps", 3, "--seq-len", 32, "--batch-size", 2, "--device", "cpu"]
    corpusmill("train", finished, *small, "--save", save, "--export", folder)
    checkpoint = load_checkpoint(str(save))
    assert checkpoint is not None
    shards = ShardSet.open(finished)
    tokens = torch.from_numpy(shards.tokens(0)[:32].astype(np.int64))[None]
    other = theirs(folder)
    torch.testing.assert_close(other(tokens).logits, checkpoint.model(tokens), rtol=TOLERANCE, atol=TOLERANCE)
    assert (other.generation_config.bos_token_id, other.generation_config.eos_token_id) == (1, 2)
    assert other.generate(tokens[:, :8], max_new_tokens=4, do_sample=False).shape[1] <= 12


def test_the_exported_tokenizer_gives_the_ids_of_the_shards(finished: Path, tmp_path: Path) -> None:
    if not (finished / "tokenizer/tokenizer.json").exists():
        pytest.skip("this run has a SentencePiece model alone, which transformers reads or not, by its version")
    small = ["--steps", 1, "--seq-len", 16, "--batch-size", 1, "--device", "cpu"]
    corpusmill("train", finished, *small, "--save", tmp_path / "save", "--export", tmp_path / "hf")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "hf")
    text = "The year 1969, naïve 字."
    ours = Tokenizer(str(finished / MODEL)).encode(text).tolist()
    assert tokenizer(text, add_special_tokens=False).input_ids == ours


def test_loss_of_theirs_is_the_loss_that_was_reported(tmp_path: Path) -> None:
    write_markov(tmp_path, [1000])
    write_markov(tmp_path, [321], "val", seed=2)
    save = tmp_path / "save"
    result = train(str(tmp_path), 10, batch_size=4, seq_len=32, device="cpu", save=str(save))
    checkpoint = load_checkpoint(str(save))
    assert checkpoint is not None and result.validation is not None
    (tmp_path / "hf").mkdir()
    other = theirs(written(checkpoint.model, tmp_path / "hf"))
    tokens = torch.from_numpy(ShardSet.open(tmp_path, "val").tokens(0).astype(np.int64))
    windows = tokens[:320].reshape(10, 32)
    with torch.inference_mode():
        loss = torch.nn.functional.cross_entropy(other(windows).logits.flatten(0, 1), tokens[1:321])
    assert result.validation.mean == pytest.approx(loss.item(), abs=TOLERANCE)
