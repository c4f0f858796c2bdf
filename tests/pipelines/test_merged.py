"""A run whose sources have many token files: these are merged first, and no byte that a user reads is another."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from corpusmill.manifest import read_facts
from corpusmill.mixtures.recipe import load
from corpusmill.pipelines import build, takedown, tokens
from corpusmill.pipelines.command import Command, execute
from corpusmill.pipelines.takedown import asked, take_down
from corpusmill.pipelines.taken_down import TakenDown
from corpusmill.pipelines.tokens import MERGED
from corpusmill.shards.check import check_output
from corpusmill.shards.spec import PLAN
from running import SMALL, digests

FEW = 2
# A file of documents that has a second part comes behind that in the plan, and before it by its name.
PARTS = "sources.wikipedia.part_mb=0.05"


def run(inputs: Path, output: Path, *sources: str, workers: int = 1) -> None:
    recipe = load("sample", [*(word for word in SMALL if word != "--set"), PARTS])
    execute(Command(recipe, sources, str(inputs), str(output), workers, redo=True, allow_damage=True, quiet=True))


def copied(output: Path, target: Path) -> Path:
    subprocess.run(["cp", "-R", "-p", str(output), str(target)], check=True)
    return target


@pytest.fixture(scope="module")
def plain(inputs: Path, finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without merged files. Do not change it."""
    output = copied(finished, tmp_path_factory.mktemp("plain") / "out")
    run(inputs, output)
    return output


@pytest.fixture
def merged(inputs: Path, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, gone on with where a source of more than two token files has many."""
    output = copied(plain, tmp_path / "out")
    monkeypatch.setattr(tokens, "GROUP", FEW)
    run(inputs, output, workers=2)
    return output


def receipts_of_shards(output: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (output / "work/receipts/shards").iterdir()}


def test_shards_are_the_same_from_merged_files(merged: Path, plain: Path) -> None:
    files = json.loads((merged / PLAN).read_text())["token_files"]
    assert files["wikipedia"] != sorted(files["wikipedia"])
    many = {source: len(stems) for source, stems in files.items() if len(stems) > FEW}
    assert len(many) > 2
    read = json.loads((merged / MERGED).read_text())
    assert {source: sum(of_source.values()) for source, of_source in read.items()} == many
    for path in (merged / "work/merged").rglob("*.index"):
        assert str(path.relative_to(merged).with_suffix("")) in read[path.parent.name]
    before, after = receipts_of_shards(plain), receipts_of_shards(merged)
    assert before.keys() == after.keys()
    assert not before.items() & after.items(), "shards were made again"
    assert digests(merged) == digests(plain)
    assert not list(filter(None, check_output(str(merged))))


def test_a_run_that_is_stopped_behind_the_merged_files_goes_on(
    inputs: Path, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = copied(plain, tmp_path / "out")
    monkeypatch.setattr(tokens, "GROUP", FEW)
    with monkeypatch.context() as patched:
        patched.setattr(build, "write_shards", stopped)
        with pytest.raises(KeyboardInterrupt):
            run(inputs, output)
    next((output / "work/merged/wikipedia").glob("*.tokens")).unlink()
    run(inputs, output)
    assert digests(output) == digests(plain)


def stopped(*_: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("stops_at", [None, "merge_tokens", "write_shards"])
def test_a_take_down_takes_documents_out_of_merged_files_too(
    stops_at: str | None, merged: Path, plain: Path, copy_of: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = pq.read_table(plain / "documents/wikipedia", columns=["id"])["id"].to_pylist()[::7]
    without = copy_of(plain)
    take_down(str(without), asked(ids), workers=1, quiet=True)
    before = sum(path.stat().st_size for path in (merged / "work/merged/wikipedia").glob("*.tokens"))
    wanted = asked(ids)
    if stops_at:
        with monkeypatch.context() as patched:
            patched.setattr(takedown, stops_at, stopped)
            with pytest.raises(KeyboardInterrupt):
                take_down(str(merged), wanted, workers=1, quiet=True)
        wanted = TakenDown()
    take_down(str(merged), wanted, workers=1, quiet=True)
    assert digests(merged) == digests(without)
    assert read_facts(str(merged))["corpus"] == read_facts(str(without))["corpus"]
    after = sum(path.stat().st_size for path in (merged / "work/merged/wikipedia").glob("*.tokens"))
    assert after == sum(path.stat().st_size for path in (merged / "tokens/wikipedia").glob("*.tokens")) < before
    assert not list(filter(None, check_output(str(merged))))


def test_merged_files_go_when_they_are_no_longer_wanted(
    merged: Path, inputs: Path, plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "GROUP", 512)
    run(inputs, merged)
    assert not (merged / MERGED).exists()
    assert not [path for path in (merged / "work/merged").rglob("*") if path.is_file()]
    assert digests(merged) == digests(plain)


def test_a_take_down_of_one_source_leaves_no_tokens_of_an_earlier_whole_run(
    inputs: Path, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next whole run would take them for done, and bring the document back."""
    output = copied(plain, tmp_path / "out")
    (output / "manifest.json").unlink()  # as after a kill behind the tokens
    run(inputs, output, "books")
    assert list((output / "tokens/books").iterdir())
    [id_, *_] = pq.read_table(output / "documents/books", columns=["id"])["id"].to_pylist()
    take_down(str(output), asked([id_]), workers=1, quiet=True)
    assert not list((output / "tokens/books").iterdir())
    assert not [path for path in (output / "shards/raw").rglob("*") if path.is_file()]
    run(inputs, output)
    indexes = [pq.read_table(path, columns=["source", "shard", "row"]) for path in (output / "shards/index").iterdir()]
    assert sum(table.num_rows for table in indexes)
    assert not list(filter(None, check_output(str(output))))
    gone = copied(plain, tmp_path / "gone")
    take_down(str(gone), asked([id_]), workers=1, quiet=True)
    assert read_facts(str(output))["corpus"]["documents"] == read_facts(str(gone))["corpus"]["documents"]
