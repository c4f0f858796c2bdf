"""What `check` finds inside files of every format, digests aside; and that its advice makes a broken file again."""

import json
import shlex
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusmill.formats.documents import rows_at
from corpusmill.mixtures.recipe import load
from corpusmill.shards.check import check_output
from corpusmill.shards.check_shards import Record, check_shards
from corpusmill.shards.formats import FORMATS
from corpusmill.tokenizer.encode import MODEL, Tokenizer
from running import ROOT, corpusmill, digests, environment, manifest, run_arguments

pytest.importorskip("array_record")

EVERY = ("--set", f"shards.formats=[{','.join(FORMATS)}]", "--set", "shards.tokens=400000")
PACKED = ("--set", "shards.sequence={length: 64, documents: fit, pad: 3, equal: true}")


@pytest.fixture(scope="module")
def packed(inputs: Path, finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in every format, rows packed. Do not change it."""
    output = tmp_path_factory.mktemp("packed") / "out"
    subprocess.run(["cp", "-R", str(finished), str(output)], check=True)
    corpusmill(*run_arguments(inputs, output, 1, *EVERY, *PACKED, "--redo"), expect=4)
    return output


@pytest.fixture
def spoilt(packed: Path, tmp_path: Path) -> Path:
    """The same, its shards to be changed by `put`: everything is a link."""
    output = tmp_path / "spoilt"
    output.mkdir()
    for path in packed.iterdir():
        if path.name != "shards":
            (output / path.name).symlink_to(path)
    subprocess.run(["cp", "-R", "--link", str(packed / "shards"), str(output / "shards")], check=True)
    return output


def put(path: Path, data: bytes) -> None:
    """Write another file of this name, and leave the one that it was a link to."""
    path.unlink()
    path.write_bytes(data)


def inside(output: Path, facts: Any = None) -> dict[str, str]:
    """What is said of each path when digests are not looked at."""
    rows = pq.read_table(output / "manifest.parquet").to_pylist()
    records = {row["path"]: Record(**{name: row[name] for name in Record.__slots__}) for row in rows}
    recipe, tokenizer = load(str(output / "recipe.yaml")), Tokenizer(str(output / MODEL))
    said = defaultdict(list)
    for found in check_shards(str(output), records, facts or manifest(output), recipe, tokenizer):
        said[found.path].append(found.text)
    return {path: " ".join(texts) for path, texts in said.items()}


def test_every_format_of_a_packed_run_is_right(packed: Path) -> None:
    assert not [found for found in check_output(str(packed)) if found]
    facts = manifest(packed)["mixture"]
    for split, said in facts["sequences"].items():
        n = facts["n_shards"][split]
        assert said["sequences"] == n * said["each"] > 0
        sizes = [(packed / f"shards/raw/{split}-{k:05d}-of-{n:05d}.bin").stat().st_size for k in range(n)]
        # Every token is in a sequence or counted as left out, and a sequence holds nothing else but padding.
        assert said["sequences"] * 64 == sum(sizes) // 2 - said["left_out"] + said["padding"]
    shards = sorted((packed / "shards/parquet").glob("train-*"))
    assert {pq.read_metadata(path).num_rows for path in shards} == {facts["sequences"]["train"]["each"]}
    assert facts["trainers"].keys() == FORMATS.keys()


def test_a_packed_run_is_the_same_bytes_with_two_workers(packed: Path, inputs: Path, tmp_path: Path) -> None:
    corpusmill(*run_arguments(inputs, tmp_path / "out", 2, *EVERY, *PACKED), expect=4)
    assert digests(tmp_path / "out") == digests(packed)


# The first training shard's file that holds ids, and where in it an id stands.
IDS_IN = {
    "raw": ("train-00000-of-*.bin", 40),
    "olmo": ("train-00000-of-*.npy", 40),
    "llmc": ("corpusmill_train_000001.bin", 1024 + 40),
    "megatron": ("train-00000-of-*.bin", 40),
    "datatrove": ("train/train-00000-of-*.ds", 40),
    "litdata": ("train/chunk-0-0.bin", -40),
    "mds": ("train/00000/shard.00000.mds", -64 * 2),
}


@pytest.mark.parametrize("form", IDS_IN)
@pytest.mark.parametrize("new", [pytest.param(5, id="another id"), pytest.param(65535, id="no id")])
def test_ids_that_are_other_ones(form: str, new: int, spoilt: Path) -> None:
    pattern, place = IDS_IN[form]
    (path,) = (spoilt / "shards" / form).glob(pattern)
    data = bytearray(path.read_bytes())
    place %= len(data)
    data[place : place + 2] = new.to_bytes(2, "little")
    put(path, bytes(data))
    found = inside(spoilt)
    name = str(path.relative_to(spoilt))
    if new == 65535:
        assert "expected ids below 800, got 65535" in found[name]
    if form == "raw":  # with which the others are compared
        assert all("is another one than in" in text and name in text for path, text in found.items() if path != name)
        assert found
    else:
        assert found.keys() == {name}
        assert "of the shard is another one than in shards/raw/" in found[name]


ANOTHER = "another one than in|expected 3 as padding|not those of"


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        pytest.param("raw/train-00001-*.bin", "tokens", id="raw"),
        pytest.param("olmo/train-00001-*.csv.gz", "its documents are not those", id="olmo, borders"),
        pytest.param("llmc/corpusmill_train_000002.bin", "expected", id="llmc"),
        pytest.param("megatron/train-00001-*.idx", "its documents are not those", id="megatron, index"),
        pytest.param("datatrove/train/train-00001-*.ds.index", "its documents are not those", id="datatrove, index"),
        pytest.param("litdata/train/1.index.json", "which is not of this shard", id="litdata, piece"),
        pytest.param("mds/train/00001/shard.00000.mds", ANOTHER, id="mds"),
        pytest.param("parquet/train-00001-*.parquet", ANOTHER, id="parquet"),
        pytest.param("arrayrecord/train*-00001-*", ANOTHER, id="arrayrecord"),
    ],
)
def test_a_file_of_another_shard(pattern: str, said: str, spoilt: Path) -> None:
    form = pattern.partition("/")[0]
    (path,) = (spoilt / "shards").glob(pattern)
    first = str(path).replace("00001", "00000").replace("1.index", "0.index").replace("_000002", "_000001")
    put(path, Path(first).read_bytes())
    found = inside(spoilt)
    assert found and all(name.startswith(f"shards/{form}/") for name in found)
    assert any(text in " ".join(found.values()) for text in said.split("|")), found


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_ends_early(form: str, spoilt: Path) -> None:
    (path,) = (path for path in (spoilt / "shards" / form).rglob("*") if holds_ids_of_first(form, path))
    put(path, path.read_bytes()[:-101])
    assert inside(spoilt).keys() == {str(path.relative_to(spoilt))}


def holds_ids_of_first(form: str, path: Path) -> bool:
    patterns = {
        **{name: pattern for name, (pattern, _) in IDS_IN.items()},
        "parquet": "train-00000-*",
        "arrayrecord": "train*-00000-*",
    }
    return path.match(patterns[form])


@pytest.mark.parametrize("form", ["mds", "litdata", "megatron"])
def test_an_index_over_all_shards_that_is_another_one(form: str, spoilt: Path) -> None:
    name = {"megatron": "shards/megatron/blend.json"}.get(form, f"shards/{form}/train/index.json")
    value = json.loads((spoilt / name).read_text())
    parts = next(part for part in value.values() if isinstance(part, list))
    parts.pop()
    put(spoilt / name, json.dumps(value).encode())
    assert inside(spoilt) == {name: "it is not the index of the shards that are there."}


def test_padding_that_is_something_else(spoilt: Path) -> None:
    (path,) = (spoilt / "shards/parquet").glob("train-00000-*")
    table = pq.read_table(path)
    rows = table.to_pylist()
    next(row for row in rows if 0 in row["attention_mask"])["input_ids"][-1] = 7
    path.unlink()
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)
    assert inside(spoilt) == {str(path.relative_to(spoilt)): "expected 3 as padding, got other ids."}


def test_an_index_of_documents_that_is_another_one(spoilt: Path) -> None:
    (path,) = (spoilt / "shards/index").glob("train-00000-*")
    table = pq.read_table(path)
    lengths = table["length"].to_numpy().copy()
    lengths[0] += 1
    lengths[1] -= 1
    starts = np.cumsum(lengths, dtype=np.uint64) - lengths
    path.unlink()
    pq.write_table(table.set_column(1, "length", pa.array(lengths)).set_column(0, "start", pa.array(starts)), path)
    said = " ".join(inside(spoilt).values())
    assert "are not those of the shard's index" in said
    assert "token of every document" in said


@pytest.mark.parametrize("key", ["sequences", "padding", "left_out"])
def test_counts_of_sequences_that_are_other_ones(key: str, packed: Path) -> None:
    facts = manifest(packed)
    facts["mixture"]["sequences"]["train"][key] += 1
    assert f"for {key} by the shards" in inside(packed, facts)["manifest.json"]


def test_the_command_that_is_named_makes_the_file_again_and_no_other(
    packed: Path, copy_of: Callable[[Path], Path]
) -> None:
    output = copy_of(packed)
    (path,) = (output / "shards/megatron").glob("train-00001-*.idx")
    receipts = {file: file.stat().st_mtime_ns for file in (output / "work/receipts").rglob("*.json")}
    path.write_bytes(path.read_bytes()[:-1])
    (found,) = (found for found in check_output(str(output)) if found)
    assert found.path == str(path.relative_to(output))
    advice, _, command = found.text.rpartition(": ")
    assert "Delete it" in advice
    path.unlink()
    words = shlex.split(command)
    assert words[0] == "corpusmill"
    again = [sys.executable, "-m", *words, "-q"]
    done = subprocess.run(again, capture_output=True, text=True, cwd=ROOT.parent, env=environment())
    assert done.returncode == 4, done.stderr
    assert digests(output) == digests(packed)
    changed = {file.stem for file, time in receipts.items() if file.stat().st_mtime_ns != time}
    assert changed == {path.stem}


def test_of_a_large_shard_a_bounded_number_of_documents_is_read(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are: each may be in a file of its own."""
    read: Counter[str] = Counter()

    def counted(url: str, numbers: Collection[int], columns: list[str]) -> Any:
        found = list(rows_at(url, numbers, columns))
        read["documents"] += len(found)
        return found

    for name, value in (("rows_at", counted), ("ROUND_TRIPS", 1), ("MOST_ROUND_TRIPS", 3)):
        monkeypatch.setattr(f"corpusmill.shards.check_shards.{name}", value)
    assert not inside(packed)
    indexes = [pq.read_table(path).num_rows for path in (packed / "shards/index").iterdir()]
    assert max(indexes) > 10
    assert 0 < read["documents"] <= sum(min(3, n) for n in indexes)
