"""Files between phases that are damaged behind a run's back: never wrong documents, and the same command mends it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from running import corpusmill, digests, made_once, run_arguments

PHASES = (
    *("lines/hash", "lines/exchange", "lines/masks", "extract", "survey", "cutoffs", "examples", "citation", "judge"),
    *("unique", "twins", "documents"),
)
SETTINGS = ("--set", "sources.commoncrawl.unique_content=true", "--set", "exchange_mb=0.01")
FOLDERS = ("documents", "dropped", "errors")


def arguments(inputs: Path, output: Path) -> list[str]:
    whole = run_arguments(inputs, output, 1, *SETTINGS)
    return [*whole[:2], "commoncrawl", *whole[2:]]


@pytest.fixture(scope="session")
def made(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CommonCrawl of the sample, of each content one page. Do not change it."""
    return made_once(tmp_path_factory, "unique", lambda output: corpusmill(*arguments(inputs, output), expect=4))


def stop_after(output: Path, phase: str) -> None:
    """As if the run had been killed when this phase was done."""
    (output / "manifest.json").unlink()
    for later in PHASES[PHASES.index(phase) + 1 :]:
        shutil.rmtree(output / "work/receipts/commoncrawl" / later)


def flip(at: int) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        place = at if at >= 0 else len(data) + at
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]

    return change


@pytest.mark.parametrize(
    ("phase", "pattern", "change"),
    [
        pytest.param("judge", "work/judge/**/*.twins", flip(8), id="a key of a content"),
        pytest.param("judge", "work/judge/**/*.claims", flip(-41), id="a row of an id"),
        pytest.param("extract", "work/extract/**/*.documents.parquet", flip(60), id="documents that wait"),
        pytest.param("judge", "work/judge/**/*.dropped.parquet", flip(60), id="dropped documents"),
        pytest.param("survey", "work/survey/commoncrawl/*.parquet", flip(60), id="a survey"),
        pytest.param("cutoffs", "models/commoncrawl/cutoffs.json", flip(-10), id="cutoffs"),
        pytest.param("examples", "work/examples/**/*.parquet", flip(60), id="examples"),
        pytest.param("citation", "models/commoncrawl/citation.bin", flip(-60), id="the classifier"),
        pytest.param("lines/masks", "models/cited.keys", flip(5), id="cited URLs"),
        pytest.param("lines/masks", "models/ngram/en.arpa", flip(-200), id="an n-gram model"),
        pytest.param("lines/masks", "models/ngram/en.sp.model", flip(-200), id="pieces"),
        pytest.param("extract", "work/damage/**/*.parquet", flip(-20), id="damage"),
        pytest.param(
            "extract", "work/receipts/commoncrawl/extract/*", lambda b: b.replace(b'": 1', b'": 7'), id="counts"
        ),
        pytest.param("twins", "work/unique/commoncrawl/twins/*.parquet", flip(60), id="a list of losers"),
        pytest.param("lines/exchange", "work/exchange/**/*.bits", flip(7), id="where bits begin"),
        pytest.param("lines/exchange", "work/exchange/**/*.bits", flip(13), id="how many bits"),
    ],
)
def test_what_is_damaged_is_found_and_made_again(
    phase: str, pattern: str, change: Callable[[bytes], bytes], made: Path, inputs: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    shutil.copytree(made, output)
    stop_after(output, phase)
    damaged = [path for path in sorted(output.glob(pattern)) if path.stat().st_size > 60][:2]
    for path in damaged:
        path.write_bytes(change(path.read_bytes()))
    for _ in range(2 * len(damaged) + 1):
        done = corpusmill(*arguments(inputs, output), expect=None)
        if done.returncode == 4:
            break
        assert "The same command makes it again" in done.stderr
    assert digests(output, FOLDERS) == digests(made, FOLDERS)
