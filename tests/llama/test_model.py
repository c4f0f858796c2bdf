import dataclasses
import math

import pytest

torch = pytest.importorskip("torch")

from corpusmill.errors import ConfigError  # noqa: E402
from corpusmill.llama.model import Llama, LlamaConfig, rotary_table, rotate  # noqa: E402

SMALL = LlamaConfig(vocab_size=50, dim=32, n_layers=2, n_heads=4, max_seq_len=64, hidden_multiple=16)


def tokens_of(*shape: int, vocab_size: int = 50, seed: int = 0) -> torch.Tensor:
    return torch.randint(vocab_size, shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("n_kv_heads", [None, 4, 2, 1])
def test_logits_for_every_position(n_kv_heads: int | None) -> None:
    model = Llama(dataclasses.replace(SMALL, n_kv_heads=n_kv_heads))
    assert model(tokens_of(3, 7)).shape == (3, 7, 50)


@pytest.mark.parametrize(
    "config",
    [
        SMALL,
        dataclasses.replace(SMALL, n_kv_heads=2),
        dataclasses.replace(SMALL, dim=48, n_layers=3, hidden_multiple=100),
        LlamaConfig(vocab_size=300),
    ],
)
def test_counted_parameters_are_those_of_the_model(config: LlamaConfig) -> None:
    assert sum(weight.numel() for weight in Llama(config).parameters()) == config.n_parameters


def test_default_is_a_few_million_parameters() -> None:
    assert 2e6 < LlamaConfig(vocab_size=4096).n_parameters < 5e6


@pytest.mark.parametrize(
    ("dim", "n_layers", "n_heads", "hidden_dim", "n_parameters"),
    [
        pytest.param(4096, 32, 32, 11008, 6_738_415_616, id="7B"),
        pytest.param(5120, 40, 40, 13824, 13_015_864_320, id="13B"),
        pytest.param(8192, 80, 64, 22016, 65_285_660_672, id="65B"),
    ],
)
def test_sizes_of_the_published_models(
    dim: int, n_layers: int, n_heads: int, hidden_dim: int, n_parameters: int
) -> None:
    config = LlamaConfig(32_000, dim, n_layers, n_heads)
    assert (config.hidden_dim, config.n_parameters) == (hidden_dim, n_parameters)


def test_parameter_names_are_those_of_hugging_face() -> None:
    names = {name for name, _ in Llama(dataclasses.replace(SMALL, n_layers=1)).named_parameters()}
    block = {
        "input_layernorm",
        "post_attention_layernorm",
        *(f"self_attn.{x}_proj" for x in "qkvo"),
        *(f"mlp.{x}_proj" for x in ("gate", "up", "down")),
    }
    assert names == {
        f"{name}.weight" for name in ("embed_tokens", "norm", "lm_head", *(f"layers.0.{part}" for part in block))
    }


def test_a_token_changes_no_earlier_logits() -> None:
    model, tokens = Llama(SMALL), tokens_of(1, 20)
    changed = tokens.clone()
    changed[0, 11] = (changed[0, 11] + 1) % 50
    before, after = model(tokens), model(changed)
    assert torch.equal(before[:, :11], after[:, :11])
    assert (before[:, 11:] != after[:, 11:]).any(dim=-1).all()


def test_one_layer_sees_the_order_of_earlier_tokens() -> None:
    model, tokens = Llama(dataclasses.replace(SMALL, n_layers=1)), tokens_of(1, 10)
    swapped = tokens[:, [1, 0, *range(2, 10)]]
    with torch.no_grad():
        for weight in model.parameters():
            weight *= 10
    assert (model(tokens)[:, -1] - model(swapped)[:, -1]).abs().max() > 0.1


def test_a_model_of_more_positions_gives_the_same_logits() -> None:
    tokens = tokens_of(2, 10)
    assert torch.equal(Llama(SMALL)(tokens), Llama(dataclasses.replace(SMALL, max_seq_len=500))(tokens))


def test_rotated_products_depend_on_the_distance_only() -> None:
    generator = torch.Generator().manual_seed(1)
    q, k = torch.randn(2, 1, 8, generator=generator).double()
    table = rotary_table(40, 8, 10_000.0).double()
    rotated_q, rotated_k = rotate(q.expand(40, 8), table), rotate(k.expand(40, 8), table)
    products = rotated_q @ rotated_k.T
    for distance in range(-39, 40):
        diagonal = products.diagonal(distance)
        assert diagonal.max() - diagonal.min() < 1e-5
    assert products[0].max() - products[0].min() > 0.1


def test_rotation_keeps_lengths_and_leaves_position_0() -> None:
    x = torch.randn(10, 6, generator=torch.Generator().manual_seed(1))
    rotated = rotate(x, rotary_table(10, 6, 10_000.0))
    assert torch.equal(rotated[0], x[0])
    torch.testing.assert_close(rotated.norm(dim=-1), x.norm(dim=-1))


def test_rotation_pairs_first_half_with_second() -> None:
    x = torch.tensor([[0.0] * 4, [1.0, 0.0, 0.0, 0.0]])
    rotated = rotate(x, rotary_table(2, 4, 10_000.0))[1]
    torch.testing.assert_close(rotated, torch.tensor([math.cos(1), 0.0, math.sin(1), 0.0]))


def test_loss_of_a_new_model_is_that_of_guessing() -> None:
    logits, targets = Llama(LlamaConfig(vocab_size=1000))(tokens_of(2, 50, vocab_size=1000)), tokens_of(100, seed=1)
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets)
    assert loss.item() == pytest.approx(math.log(1000), abs=0.1)


def test_initial_weights() -> None:
    model = Llama(LlamaConfig(vocab_size=1000))
    for name, weight in model.named_parameters():
        if weight.dim() == 1:
            assert torch.equal(weight, torch.ones_like(weight)), name
        else:
            assert weight.std().item() == pytest.approx(0.02, rel=0.03), name
            assert abs(weight.mean().item()) < 0.001, name


def test_seed_decides_the_weights_and_nothing_else_is_drawn() -> None:
    before = torch.get_rng_state()
    first, again, other = (Llama(SMALL, seed).lm_head.weight for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_overfits_a_tiny_batch() -> None:
    model, tokens = Llama(SMALL), tokens_of(2, 17)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        loss = torch.nn.functional.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"n_heads": 5}, id="heads do not divide dim"),
        pytest.param({"dim": 12, "n_heads": 4}, id="odd head"),
        pytest.param({"n_kv_heads": 3}, id="key-value heads do not divide heads"),
    ],
)
def test_impossible_shapes_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        dataclasses.replace(SMALL, **change)


def test_too_many_positions_are_refused() -> None:
    with pytest.raises(ValueError, match="65 positions"):
        Llama(SMALL)(tokens_of(1, 65))
