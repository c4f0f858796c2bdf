"""LLaMA, as small as it can be written: what the shards are for.

Parameters have the names of Hugging Face's LlamaForCausalLM without its leading `model.`, and queries and keys turn in
its layout (first half against second half), so weights go from one to the other as they are.

Source: LLaMA (2023), section 2.2: pre-normalisation with RMSNorm, SwiGLU with 2/3·4d hidden units, rotary embeddings.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError

_INIT_STD = 0.02


@dataclass(frozen=True, slots=True)
class LlamaConfig:
    """The shape of a model; the defaults are a laptop's, the rules that derive the rest are the paper's.

    >>> LlamaConfig(vocab_size=32_000, dim=4096, n_layers=32, n_heads=32).n_parameters
    6738415616
    """

    vocab_size: int
    dim: int = 192
    n_layers: int = 2
    n_heads: int = 3
    n_kv_heads: int | None = None  # None: as many as n_heads
    max_seq_len: int = 2048
    norm_eps: float = 1e-6
    rope_theta: float = 10_000.0
    hidden_multiple: int = 256

    def __post_init__(self) -> None:
        if self.dim % self.n_heads or self.head_dim % 2:
            raise ConfigError(f"model: dim {self.dim} in {self.n_heads} heads; each head needs an even whole width")
        if self.n_heads % self.kv_heads:
            raise ConfigError(f"model: {self.n_heads} heads cannot share {self.kv_heads} key-value heads evenly")

    @property
    def head_dim(self) -> int:
        """Width of one head."""
        return self.dim // self.n_heads

    @property
    def kv_heads(self) -> int:
        """Heads of keys and values."""
        return self.n_heads if self.n_kv_heads is None else self.n_kv_heads

    @property
    def hidden_dim(self) -> int:
        """Hidden units of the feed-forward layer: 2/3·4d, rounded up to a multiple.

        >>> LlamaConfig(vocab_size=32_000, dim=4096, n_heads=32).hidden_dim
        11008
        """
        return -(-(8 * self.dim // 3) // self.hidden_multiple) * self.hidden_multiple

    @property
    def n_parameters(self) -> int:
        """Number of weights, the input and output embeddings included."""
        attention = 2 * self.dim * (self.n_heads + self.kv_heads) * self.head_dim
        block = attention + 3 * self.dim * self.hidden_dim + 2 * self.dim
        return 2 * self.vocab_size * self.dim + self.n_layers * block + self.dim


def rotary_table(n_positions: int, head_dim: int, theta: float) -> Tensor:
    """Cosine and sine of every position's angles: shape (2, n_positions, head_dim), the angles twice side by side.

    Source: Su et al. 2021, section 3.4.2.

    >>> rotary_table(2, 4, 10_000.0)[0].tolist()[0]
    [1.0, 1.0, 1.0, 1.0]
    """
    frequencies = 1 / theta ** (torch.arange(0, head_dim, 2).float() / head_dim)
    angles = torch.outer(torch.arange(n_positions).float(), frequencies).repeat(1, 2)
    return torch.stack((angles.cos(), angles.sin()))


def rotate(x: Tensor, table: Tensor) -> Tensor:
    """Turn each pair (x[i], x[i + head_dim/2]) by its position's angle; x is (…, positions, head_dim).

    >>> rotate(torch.tensor([[1.0, 0.0]]), rotary_table(1, 2, 10_000.0)).tolist()
    [[1.0, 0.0]]
    """
    cos, sin = table.unbind()
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


class Attention(nn.Module):
    """Causal multi-head self-attention over rotated queries and keys."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.head_dim = config.head_dim
        width, kv_width = config.n_heads * config.head_dim, config.kv_heads * config.head_dim
        self.q_proj = nn.Linear(config.dim, width, bias=False)
        self.k_proj = nn.Linear(config.dim, kv_width, bias=False)
        self.v_proj = nn.Linear(config.dim, kv_width, bias=False)
        self.o_proj = nn.Linear(width, config.dim, bias=False)

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        """(batch, positions, dim) to the same shape."""
        q, k, v = (
            proj(x).unflatten(-1, (-1, self.head_dim)).transpose(1, 2)
            for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = rotate(q, table), rotate(k, table)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=q.shape[1] != k.shape[1])
        out: Tensor = self.o_proj(mixed.transpose(1, 2).flatten(2))
        return out


class FeedForward(nn.Module):
    """SwiGLU.   Source: Shazeer 2020, equation 6."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.dim, config.hidden_dim, bias=False)
        self.up_proj = nn.Linear(config.dim, config.hidden_dim, bias=False)
        self.down_proj = nn.Linear(config.hidden_dim, config.dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, positions, dim) to the same shape."""
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Block(nn.Module):
    """Attention, then feed-forward; each reads a normalised copy and adds to the stream."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(config.dim, config.norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = nn.RMSNorm(config.dim, config.norm_eps)
        self.mlp = FeedForward(config)

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        """(batch, positions, dim) to the same shape."""
        x = x + self.self_attn(self.input_layernorm(x), table)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class Llama(nn.Module):
    """A decoder-only transformer; the same seed gives the same weights, and no global random state is touched.

    All matrices start from N(0, 0.02): the paper gives no initialisation, and this is the usual one.
    """

    rotary: Tensor

    def __init__(self, config: LlamaConfig, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        with torch.device("meta"):  # no weights are drawn here: they would come from the global random state
            self.embed_tokens = nn.Embedding(config.vocab_size, config.dim)
            self.layers = nn.ModuleList(Block(config) for _ in range(config.n_layers))
            self.norm = nn.RMSNorm(config.dim, config.norm_eps)
            self.lm_head = nn.Linear(config.dim, config.vocab_size, bias=False)
        self.to_empty(device="cpu")
        self._init_weights(torch.Generator().manual_seed(seed))
        table = rotary_table(config.max_seq_len, config.head_dim, config.rope_theta)
        self.register_buffer("rotary", table, persistent=False)

    def _init_weights(self, generator: torch.Generator) -> None:
        for weight in self.parameters():
            if weight.dim() > 1:
                nn.init.normal_(weight, std=_INIT_STD, generator=generator)
            else:
                nn.init.ones_(weight)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of the next token at every position: (batch, positions) ids to (batch, positions, vocab_size)."""
        n_positions = tokens.shape[1]
        if n_positions > self.config.max_seq_len:
            raise ValueError(f"{n_positions} positions; this model was made for {self.config.max_seq_len}")
        x = self.embed_tokens(tokens)
        for layer in self.layers:
            x = layer(x, self.rotary[:, :n_positions])
        logits: Tensor = self.lm_head(self.norm(x))
        return logits
