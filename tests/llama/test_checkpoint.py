"""A training that was stopped comes to the bits of one that was not."""

import dataclasses
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from markov import write_markov
from running import ROOT, environment

torch = pytest.importorskip("torch")

from corpusmill.errors import ShardError, UsageError  # noqa: E402
from corpusmill.llama.checkpoint import FILE, Checkpoint, load_checkpoint  # noqa: E402
from corpusmill.llama.train import StepReport, TrainResult, train  # noqa: E402
from corpusmill.storage import LEFT_ASIDE  # noqa: E402

STEPS = 20


class Stopped(Exception):
    pass


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    write_markov(folder, [1000, 1500])
    write_markov(folder, [600], "val", seed=2)
    return folder


def run(out: Path, save: Path, stop: int | None = None, **settings: int | bool) -> TrainResult:
    def report(at: StepReport) -> None:
        if at.step == stop:
            raise Stopped

    given = {"steps": STEPS, "checkpoint_every": 5} | settings
    return train(str(out), batch_size=2, seq_len=16, device="cpu", save=str(save), report=report, **given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def straight(out: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainResult, Checkpoint]:
    folder = tmp_path_factory.mktemp("straight")
    return run(out, folder), loaded(folder)


def loaded(folder: Path) -> Checkpoint:
    checkpoint = load_checkpoint(str(folder))
    assert checkpoint is not None
    return checkpoint


def assert_same_bits(one: Checkpoint, other: Checkpoint) -> None:
    assert one.origin == other.origin
    assert one.weights.keys() == other.weights.keys()
    for name, weight in one.weights.items():
        assert torch.equal(weight, other.weights[name]), name
    assert one.optimizer["param_groups"] == other.optimizer["param_groups"]
    assert one.optimizer["state"].keys() == other.optimizer["state"].keys()
    for number, state in one.optimizer["state"].items():
        assert state.keys() == {"step", "exp_avg", "exp_avg_sq"}
        for name, tensor in state.items():
            assert torch.equal(tensor, other.optimizer["state"][number][name]), (number, name)
    assert len(one.history) == len(other.history)
    for ours, theirs in zip(one.history, other.history, strict=True):
        assert np.array_equal(ours.sums, theirs.sums)
        assert np.array_equal(ours.n_tokens, theirs.n_tokens)


@pytest.mark.parametrize(
    "stops",
    [
        pytest.param([10], id="at a checkpoint"),
        pytest.param([13], id="between two"),
        pytest.param([3], id="before the first"),
        pytest.param([7, 13, 19], id="three times"),
        pytest.param([20], id="after the last step"),
    ],
)
def test_stopped_and_resumed_is_the_same_to_the_last_bit(
    stops: list[int], out: Path, straight: tuple[TrainResult, Checkpoint], tmp_path: Path
) -> None:
    for stop in stops:
        with pytest.raises(Stopped):
            run(out, tmp_path, stop)
    assert run(out, tmp_path) == straight[0]
    assert_same_bits(loaded(tmp_path), straight[1])


def test_a_training_goes_on_from_its_last_checkpoint(out: Path, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        run(out, tmp_path, stop=13)
    steps: list[int] = []
    train(
        str(out),
        STEPS,
        batch_size=2,
        seq_len=16,
        device="cpu",
        save=str(tmp_path),
        report=lambda report: steps.append(report.step),
    )
    assert steps == list(range(10, 21))  # the first says where it goes on


def test_how_often_it_is_saved_changes_nothing(
    out: Path, straight: tuple[TrainResult, Checkpoint], tmp_path: Path
) -> None:
    assert run(out, tmp_path, checkpoint_every=1000) == straight[0]
    assert_same_bits(loaded(tmp_path), straight[1])


def test_no_step_draws_a_random_number(out: Path, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    run(out, tmp_path)
    assert torch.equal(torch.get_rng_state(), before)


KILLED = """
import io, os, signal, sys
import torch
from corpusmill.llama.train import train

torch.set_num_threads(1)
kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
out, save, when = sys.argv[1:]
if when == "writing":
    whole, saved = torch.save, []
    def torn(state, file):
        saved.append(state)
        if len(saved) < 3:
            return whole(state, file)
        data = io.BytesIO()
        whole(state, data)
        file.write(data.getvalue()[:10_000])
        file.flush()
        kill()
    torch.save = torn
report = lambda at: kill() if when == "training" and at.step == 13 else None
train(out, 20, batch_size=2, seq_len=16, device="cpu", save=save, checkpoint_every=5, report=report)
"""


@pytest.mark.parametrize("when", ["training", "writing"])
def test_killed_and_resumed_is_the_same_to_the_last_bit(
    when: str, out: Path, straight: tuple[TrainResult, Checkpoint], tmp_path: Path
) -> None:
    arguments = [sys.executable, "-c", KILLED, str(out), str(tmp_path), when]
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT.parent, env=environment())
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(loaded(tmp_path).history) == 10
    assert any(LEFT_ASIDE.search(path.name) for path in tmp_path.iterdir()) == (when == "writing")
    assert run(out, tmp_path) == straight[0]
    assert_same_bits(loaded(tmp_path), straight[1])
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_finished_training_is_not_trained_again(
    out: Path, straight: tuple[TrainResult, Checkpoint], tmp_path: Path
) -> None:
    run(out, tmp_path)
    before = (tmp_path / FILE).stat()
    assert run(out, tmp_path) == straight[0]
    assert (tmp_path / FILE).stat() == before


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param({"steps": 21}, "steps 20, not 21", id="the rate of every step follows the number of steps"),
        pytest.param({"seed": 1}, "seed 0, not 1", id="seed"),
    ],
)
def test_other_settings_are_refused(settings: dict[str, int], said: str, out: Path, tmp_path: Path) -> None:
    run(out, tmp_path)
    with pytest.raises(UsageError, match=said):
        run(out, tmp_path, **settings)
    again = run(out, tmp_path, redo=True, **settings)
    assert run(out, tmp_path, **settings) == again


def test_other_shards_are_refused(out: Path, tmp_path: Path) -> None:
    run(out, tmp_path / "save")
    write_markov(tmp_path / "other", [1000, 1400])
    with pytest.raises(UsageError, match="other shards"):
        run(tmp_path / "other", tmp_path / "save")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda data: data[:-1000], id="truncated"),
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: b"not a checkpoint", id="something else"),
    ],
)
def test_a_damaged_checkpoint_is_one_line(spoil, out: Path, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        run(out, tmp_path, stop=6)
    path = tmp_path / FILE
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ShardError, match="begin again with --redo") as error:
        run(out, tmp_path)
    assert "\n" not in str(error.value)


def test_a_checkpoint_runs_no_code(out: Path, tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return exec, ("raise SystemExit('run')",)

    torch.save({"origin": Hostile()}, tmp_path / FILE)
    with pytest.raises(ShardError, match="does not load"):
        run(out, tmp_path)


def test_a_checkpoint_of_another_layout_is_one_line(out: Path, tmp_path: Path) -> None:
    run(out, tmp_path)
    state = torch.load(tmp_path / FILE)
    del state["origin"]["seed"]
    torch.save(state, tmp_path / FILE)
    with pytest.raises(ShardError, match="does not load"):
        run(out, tmp_path)


def test_checkpoints_are_local(out: Path) -> None:
    with pytest.raises(UsageError, match="on this machine"):
        train(str(out), 1, batch_size=2, seq_len=16, device="cpu", save="memory://save")


def test_origin_holds_what_train_takes(out: Path, straight: tuple[TrainResult, Checkpoint]) -> None:
    origin = dataclasses.asdict(straight[1].origin)
    assert {key: origin[key] for key in ("steps", "batch_size", "seq_len", "seed")} == {
        "steps": STEPS,
        "batch_size": 2,
        "seq_len": 16,
        "seed": 0,
    }
