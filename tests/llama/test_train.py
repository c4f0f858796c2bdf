import math
from pathlib import Path

import numpy as np
import pytest

from markov import SOURCES, VOCAB, write_markov

torch = pytest.importorskip("torch")

from corpusmill.errors import ShardError, UsageError  # noqa: E402
from corpusmill.llama.data import Batch, Batches  # noqa: E402
from corpusmill.llama.evaluate import evaluate, token_losses  # noqa: E402
from corpusmill.llama.losses import LossSums  # noqa: E402
from corpusmill.llama.model import Llama, LlamaConfig  # noqa: E402
from corpusmill.llama.train import StepReport, Training, learning_rate, train, warmup_steps  # noqa: E402
from corpusmill.shards.reader import ShardSet  # noqa: E402

SMALL = LlamaConfig(VOCAB, dim=32, n_layers=2, n_heads=2, max_seq_len=32, hidden_multiple=16)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    write_markov(folder, [4000, 4000, 4000])
    write_markov(folder, [2000], "val", seed=2)
    return folder


@pytest.fixture(scope="module")
def shards(out: Path) -> ShardSet:
    return ShardSet.open(out)


def run(shards: ShardSet, steps: int, peak: float = 1e-2) -> list[StepReport]:
    return list(Training(Llama(SMALL), Batches(shards, 4, 32), SOURCES, steps, peak))


@pytest.mark.parametrize(
    ("steps", "step", "expected"),
    [
        pytest.param(200, 1, 0.05, id="first step of 20 warm-up steps"),
        pytest.param(200, 10, 0.5, id="half way up"),
        pytest.param(200, 20, 1.0, id="peak"),
        pytest.param(200, 65, 0.1 + 0.9 * (1 + math.sqrt(0.5)) / 2, id="a quarter down the cosine"),
        pytest.param(200, 110, 0.55, id="half way down"),
        pytest.param(200, 200, 0.1, id="a tenth at the end"),
        pytest.param(100_000, 1000, 0.5, id="2,000 warm-up steps, half way"),
        pytest.param(100_000, 2000, 1.0, id="2,000 warm-up steps, peak"),
        pytest.param(100_000, 51_000, 0.55, id="long run, half way down"),
        pytest.param(100_000, 100_000, 0.1, id="long run, end"),
        pytest.param(1, 1, 0.1, id="one step"),
    ],
)
def test_learning_rate(steps: int, step: int, expected: float) -> None:
    assert learning_rate(step, steps, 1.0) == pytest.approx(expected)
    assert learning_rate(step, steps, 3e-4) == pytest.approx(3e-4 * expected)


def test_learning_rate_rises_then_falls() -> None:
    rates = [learning_rate(step, 300, 1.0) for step in range(1, 301)]
    top = warmup_steps(300)
    assert rates[:top] == sorted(rates[:top])
    assert rates[top - 1 :] == sorted(rates[top - 1 :], reverse=True)


def test_losses_by_source_weighted_by_tokens_are_the_total() -> None:
    rng = np.random.default_rng(0)
    parts, losses, sources = [], [], []
    for _ in range(5):
        ids = np.zeros((2, 6), np.int64)
        batch = Batch(ids, ids, rng.choice(np.array([0, 2], np.uint8), (2, 6), p=[0.2, 0.8]))
        token = rng.random(12)
        parts.append(LossSums.of(token, batch, 3))
        losses.append(token)
        sources.append(batch.sources.ravel())
    total = parts[0] + parts[1] + parts[2] + parts[3] + parts[4]
    loss, all_losses, all_sources = total.mean(SOURCES), np.concatenate(losses), np.concatenate(sources)
    assert loss.mean == pytest.approx(all_losses.mean())
    assert loss.by_source == {
        "books": pytest.approx(all_losses[all_sources == 0].mean()),
        "wikipedia": pytest.approx(all_losses[all_sources == 2].mean()),
    }
    weights = {"books": (all_sources == 0).mean(), "wikipedia": (all_sources == 2).mean()}
    assert sum(weights[name] * value for name, value in loss.by_source.items()) == pytest.approx(loss.mean)


def test_token_losses_are_those_of_the_model(shards: ShardSet) -> None:
    model, batch = Llama(SMALL), Batches(shards, 4, 32)[0]
    log_probs = model(torch.from_numpy(batch.inputs)).log_softmax(-1)
    expected = [-log_probs[row, column, batch.targets[row, column]].item() for row in range(4) for column in range(32)]
    np.testing.assert_allclose(token_losses(model, batch).detach().numpy(), expected, rtol=1e-5)


def test_reports_tell_where_training_is(shards: ShardSet) -> None:
    reports = run(shards, 30)
    assert [(r.step, r.steps, r.n_tokens) for r in reports] == [(n, 30, n * 128) for n in range(1, 31)]
    assert [r.learning_rate for r in reports] == [learning_rate(n, 30, 1e-2) for n in range(1, 31)]
    assert reports[0].loss.mean == pytest.approx(math.log(VOCAB), abs=0.05)


def test_reported_loss_is_the_mean_of_the_last_20_steps(shards: ShardSet) -> None:
    batches, model = Batches(shards, 4, 32), Llama(SMALL)
    frozen = list(Training(model, batches, SOURCES, 25, peak_learning_rate=0.0))
    with torch.inference_mode():
        by_step = [token_losses(model, batches[step]).mean().item() for step in range(25)]
    assert frozen[9].loss.mean == pytest.approx(np.mean(by_step[:10]))
    assert frozen[24].loss.mean == pytest.approx(np.mean(by_step[5:25]))


def test_two_trainings_give_the_same_losses_to_the_last_bit(shards: ShardSet) -> None:
    assert run(shards, 12) == run(shards, 12)


def test_norms_do_not_decay_and_matrices_do(shards: ShardSet) -> None:
    class Still(Llama):
        """Logits that no weight moves: what changes is decay alone."""

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return sum(0.0 * weight.sum() for weight in self.parameters()) + torch.zeros(*tokens.shape, VOCAB)

    model, before = Still(SMALL), Llama(SMALL).state_dict()
    rate = learning_rate(1, 1, 1.0)
    list(Training(model, Batches(shards, 4, 32), SOURCES, 1, 1.0))
    for name, weight in model.state_dict().items():
        kept = 1.0 if weight.dim() == 1 else 1 - rate * 0.1
        torch.testing.assert_close(weight, before[name] * kept)


def test_gradients_of_a_step_are_forgotten(shards: ShardSet) -> None:
    model = Llama(SMALL)
    for _ in Training(model, Batches(shards, 4, 32), SOURCES, 2, 1e-2):
        assert all(weight.grad is None for weight in model.parameters())


def test_gradients_are_clipped_to_norm_1(shards: ShardSet, monkeypatch: pytest.MonkeyPatch) -> None:
    norms: list[float] = []

    def step(self: torch.optim.AdamW) -> None:
        gradients = [weight.grad.flatten() for group in self.param_groups for weight in group["params"]]
        norms.append(torch.cat(gradients).norm().item())

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    model = Llama(SMALL)
    with torch.no_grad():
        model.lm_head.weight *= 100
    list(Training(model, Batches(shards, 4, 32), SOURCES, 2, 1e-2))
    assert norms == pytest.approx([1.0, 1.0], rel=1e-4)


def test_evaluation_trains_nothing_and_weighs_all_tokens_alike(tmp_path: Path) -> None:
    model, batches = Llama(SMALL), Batches(write_markov(tmp_path, [100, 100]), 4, 32)
    first, again = evaluate(model, batches, 3), evaluate(model, batches, 3)
    assert first is not None and again is not None
    assert first.mean(SOURCES) == again.mean(SOURCES)
    with torch.inference_mode():
        losses = torch.cat([token_losses(model, batches[step]) for step in range(len(batches))])
    assert len(losses) == 6 * 32
    assert first.mean(SOURCES).mean == pytest.approx(losses.mean().item())


@pytest.mark.parametrize(
    ("limit", "steps"),
    [
        pytest.param(300, [0, 31, 62], id="three batches of 128 targets hold 300, evenly spread"),
        pytest.param(1, [0], id="at least one"),
        pytest.param(10**9, list(range(94)), id="all"),
    ],
)
def test_evaluation_reads_so_many_tokens_and_no_more(
    limit: int, steps: list[int], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("corpusmill.llama.evaluate._MAX_TOKENS", limit)
    read: list[int] = []

    class Watched(Batches):
        def __getitem__(self, step: int) -> Batch:
            read.append(step)
            return super().__getitem__(step)

    evaluate(Llama(SMALL), Watched(ShardSet.open(out), 4, 32), 3)
    assert read == steps


def test_training_learns_more_than_token_frequencies(out: Path) -> None:
    reports: list[StepReport] = []
    result = train(str(out), steps=100, batch_size=4, seq_len=64, device="cpu", report=reports.append)
    assert len(reports) == 100
    assert result.unigram_entropy == pytest.approx(math.log(VOCAB), abs=0.02)
    assert (result.n_tokens, result.loss) == (reports[-1].n_tokens, reports[-1].loss)
    assert result.validation is not None
    for loss in (result.loss, result.validation):
        assert loss.mean < 0.6 * result.unigram_entropy
        assert set(loss.by_source) == {"books", "wikipedia"}
        assert loss.by_source["books"] < loss.by_source["wikipedia"]


def test_the_seed_decides_and_validation_may_be_absent(tmp_path: Path) -> None:
    write_markov(tmp_path, [300])
    results = [train(str(tmp_path), 2, batch_size=2, seq_len=8, seed=seed, device="cpu") for seed in (1, 1, 2)]
    assert results[0] == results[1]
    assert results[0].loss != results[2].loss
    assert results[0].validation is None


def test_a_validation_split_shorter_than_a_sequence_gives_no_loss(tmp_path: Path) -> None:
    write_markov(tmp_path, [300])
    write_markov(tmp_path, [5], "val")
    assert train(str(tmp_path), 1, batch_size=2, seq_len=8, device="cpu").validation is None


def test_a_damaged_validation_split_is_not_taken_for_none(tmp_path: Path) -> None:
    write_markov(tmp_path, [300])
    write_markov(tmp_path, [50, 50], "val")
    (tmp_path / "shards" / "raw" / "val-00000-of-00002.bin").unlink()
    with pytest.raises(ShardError, match="val-00000-of-00002 is missing"):
        train(str(tmp_path), 1, batch_size=2, seq_len=8, device="cpu")


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"batch_size": 0}, {"seq_len": -1}, {"device": "abacus"}])
def test_wrong_arguments_are_one_line(wrong: dict[str, int | str], out: Path) -> None:
    with pytest.raises(UsageError, match="train: ") as error:
        train(str(out), **wrong)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_too_little_to_train_on_is_one_line(tmp_path: Path) -> None:
    write_markov(tmp_path, [20])
    with pytest.raises(ShardError, match="20 tokens to train on; one sequence takes 257"):
        train(str(tmp_path))
