"""A run whose sources have many token files: these are merged first, and no byte that a user reads is another."""

import json
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpusmill.manifest import read_facts
from corpusmill.mixtures.recipe import load
from corpusmill.pipelines import tokens
from corpusmill.pipelines.command import Command, execute
from corpusmill.pipelines.takedown import asked, take_down
from corpusmill.pipelines.tokens import MERGED
from corpusmill.shards.check import check_output
from corpusmill.shards.spec import PLAN
from running import SMALL, digests

FEW = 2


def run(inputs: Path, output: Path) -> None:
    recipe = load("sample", [word for word in SMALL if word != "--set"])
    execute(Command(recipe, [], str(inputs), str(output), workers=1, allow_damage=True, quiet=True))


@pytest.fixture
def merged(inputs: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The finished run, gone on with where a source of more than two token files has many."""
    output = tmp_path / "out"
    subprocess.run(["cp", "-R", "-p", str(finished), str(output)], check=True)
    monkeypatch.setattr(tokens, "GROUP", FEW)
    run(inputs, output)
    return output


def test_shards_are_the_same_from_merged_files(merged: Path, finished: Path) -> None:
    files = json.loads((merged / PLAN).read_text())["token_files"]
    many = {source: len(stems) for source, stems in files.items() if len(stems) > FEW}
    assert len(many) > 2
    read = json.loads((merged / MERGED).read_text())
    assert {source: sum(of_source.values()) for source, of_source in read.items()} == many
    for path in (merged / "work/merged").rglob("*.index"):
        assert str(path.relative_to(merged).with_suffix("")) in read[path.parent.name]
    assert "shards" in {path.name for path in (merged / "work/receipts").iterdir()}
    assert read_facts(str(merged))["seconds"]["shards"] != read_facts(str(finished))["seconds"]["shards"]  # made again
    assert digests(merged) == digests(finished)
    assert not list(filter(None, check_output(str(merged))))


def test_a_take_down_takes_documents_out_of_merged_files_too(merged: Path, finished: Path, copy_of) -> None:
    source = next(iter(json.loads((merged / MERGED).read_text())))
    ids = pq.read_table(finished / "documents" / source, columns=["id"])["id"].to_pylist()[::7]
    plain = copy_of(finished)
    before = {path.name: path.stat().st_size for path in (merged / "work/merged" / source).glob("*.tokens")}
    for output in (merged, plain):
        take_down(str(output), asked(ids), workers=1, quiet=True)
    assert digests(merged) == digests(plain)
    assert read_facts(str(merged))["corpus"] == read_facts(str(plain))["corpus"]
    after = {path.name: path.stat().st_size for path in (merged / "work/merged" / source).glob("*.tokens")}
    n_tokens = sum(path.stat().st_size for path in (merged / "tokens" / source).glob("*.tokens"))
    assert sum(after.values()) == n_tokens < sum(before.values())
    assert not list(filter(None, check_output(str(merged))))


def test_merged_files_go_when_they_are_no_longer_wanted(
    merged: Path, inputs: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "GROUP", 512)
    run(inputs, merged)
    assert not (merged / MERGED).exists()
    assert not [path for path in (merged / "work/merged").rglob("*") if path.is_file()]
    assert digests(merged) == digests(finished)
