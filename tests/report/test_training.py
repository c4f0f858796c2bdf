import io
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from corpusmill.llama.losses import Loss, LossSums
from corpusmill.llama.train import StepReport, TrainResult
from corpusmill.report import training

SOURCES = ("books", "github", "wikipedia")
RESULT = TrainResult(
    n_parameters=1_192_896,
    n_tokens=204_800,
    loss=Loss(4.506, {"books": 4.442, "wikipedia": 4.893}),
    unigram_entropy=5.535,
    validation=Loss(4.453, {"books": 4.415, "github": 5.0}),
    bits_per_byte=Loss(3.12, {"books": 3.06, "github": 3.5}),
)


def step(n: int, steps: int = 100) -> StepReport:
    return StepReport(n, steps, n * 1000, 1e-3, Loss(10 - n / 20, {"books": 9.0}))


def history(n_steps: int) -> list[LossSums]:
    rng = np.random.default_rng(0)
    n_tokens = np.array([[100, 0, 60 if k % 7 else 0] for k in range(n_steps)])
    return [LossSums(n * (6 - 3 * k / n_steps) * rng.uniform(0.9, 1.1, 3), n) for k, n in enumerate(n_tokens)]


def shown(table: object) -> list[list[str]]:
    printed = io.StringIO()
    Console(file=printed, width=110).print(table)
    return [line.split() for line in printed.getvalue().splitlines() if line.strip()]


def test_the_table_has_a_line_a_source_and_dashes_where_nothing_is_known() -> None:
    rows = shown(training.table(RESULT))
    for expected in (
        ["books", "4.442", "4.415", "3.06"],
        ["github", "–", "5.000", "3.50"],
        ["wikipedia", "4.893", "–", "–"],
        ["all", "4.506", "4.453", "3.12"],
        ["unigram", "entropy", "5.535"],
    ):
        assert expected in rows


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        pytest.param(1, [30, 60, 90, 100], id="every 30 s and at the end"),
        pytest.param(51, [51, 81, 100], id="at once where a training goes on"),
    ],
)
def test_lines_where_there_is_no_terminal(first: int, expected: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    clock, printed = Clock(), io.StringIO()
    monkeypatch.setattr(training, "time", clock)
    with training.watching(Console(file=printed, width=40), quiet=False) as report:
        for n in range(first, 101):
            clock.now += 1.0
            report(step(n))
    lines = printed.getvalue().splitlines()
    assert [line.split()[1] for line in lines] == [f"{n}/100" for n in expected]
    assert lines[-1].startswith("train: 100/100  loss 5.000  books 9.000  ")
    assert lines[-1].endswith(" tokens/s  ETA 0:00:00")


def test_rates_are_of_what_was_done_since_the_training_went_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(training, "time", clock)
    rates = training._Rates()
    assert rates.of(step(50)) == ""
    clock.now = 10.0
    assert rates.of(step(70)) == "2,000 tokens/s  ETA 0:00:15"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_on_a_terminal() -> None:
    printed = Terminal()
    with training.watching(Console(file=printed, width=120, force_terminal=True), quiet=False) as report:
        report(step(1))
        report(step(40))
    assert "40/100" in printed.getvalue()
    assert "loss 8.000" in printed.getvalue()


def test_quiet_is_silent() -> None:
    printed = io.StringIO()
    with training.watching(Console(file=printed), quiet=True) as report:
        report(step(100))
    assert printed.getvalue() == ""


@pytest.mark.parametrize("n_steps", [1, 2, 50, 5000])
def test_the_picture_is_svg_with_a_line_a_source(n_steps: int, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one.svg", "two.svg")]
    for path in paths:
        training.draw(str(path), history(n_steps), SOURCES, RESULT, 20)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    root = ET.parse(paths[0]).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    said = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"books", "all", "unigram entropy", "validation", "step"} <= said
    assert "github" not in said  # there was no token of it
    assert len(paths[0].read_bytes()) < 500_000


def test_the_mean_of_a_source_is_over_its_tokens() -> None:
    sums, weights = np.array([4.0, 0, 0, 0, 3.0]), np.array([2.0, 0, 0, 0, 1.0])
    np.testing.assert_array_equal(training.moving_mean(sums, weights, 3), [2, 2, 2, np.nan, 3])
