"""A trained model in the files of Hugging Face's transformers, for `AutoModelForCausalLM.from_pretrained(folder)`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors.torch

from ..errors import ShardError
from ..shards.reader import ShardSet
from ..storage import join, publish, sha256_of
from .checkpoint import Checkpoint
from .model import Llama, LlamaConfig

TOKENIZER_FILES = ("tokenizer.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def export(checkpoint: Checkpoint, output: str, folder: str) -> None:
    """Write `model.safetensors` (float32), `config.json`, `generation_config.json` and the tokenizer's files of a run.

    `output` is the run whose shards the model was trained on; `folder` may be a URL. `config.json` comes last.

    Raises:
        ShardError: the tokenizer in `output` is not the one that made the shards.
    """
    shards = ShardSet.open(output)
    marks = {"bos_token_id": shards.bos_id, "eos_token_id": shards.eos_id}
    for path in _tokenizer_files(output, shards.tokenizer_sha256):
        publish(join(folder, path.name), path.read_bytes())
    publish(join(folder, "model.safetensors"), model_file(checkpoint.model))
    _publish_json(join(folder, "generation_config.json"), marks)
    _publish_json(join(folder, "config.json"), {**config(checkpoint.origin.model), **marks})


def config(shape: LlamaConfig) -> dict[str, Any]:
    """`config.json` of a model of this shape.

    >>> config(LlamaConfig(vocab_size=32_000, dim=4096, n_heads=32))["intermediate_size"]
    11008
    """
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": shape.vocab_size,
        "hidden_size": shape.dim,
        "intermediate_size": shape.hidden_dim,
        "num_hidden_layers": shape.n_layers,
        "num_attention_heads": shape.n_heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_dim,
        "hidden_act": "silu",
        "max_position_embeddings": shape.max_seq_len,
        "rms_norm_eps": shape.norm_eps,
        "rope_theta": shape.rope_theta,
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
    }


def model_file(model: Llama) -> bytes:
    """`model.safetensors`: the weights under the names that LlamaForCausalLM has for them."""
    weights = {
        name if name.startswith("lm_head.") else f"model.{name}": weight.detach().cpu().contiguous()
        for name, weight in model.named_parameters()
    }
    return bytes(safetensors.torch.save(weights, {"format": "pt"}))  # transformers asks for this metadata


def _tokenizer_files(output: str, sha256: str) -> list[Path]:
    """The files that the run has of its tokenizer; none where there is no folder of it."""
    found = [path for name in TOKENIZER_FILES if (path := Path(output) / "tokenizer" / name).exists()]
    if found and sha256 not in (sha256_of(str(path)) for path in found):
        raise ShardError(f"{found[0]}: expected sha256 {sha256}, as the shards say. Run corpusmill check.")
    return found


def _publish_json(url: str, value: dict[str, Any]) -> None:
    publish(url, (json.dumps(value, indent=2) + "\n").encode())
