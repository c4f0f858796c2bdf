"""Which document a token comes from: the documents that are named, in order, give the shard."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from corpusmill.cli import main
from corpusmill.errors import UsageError
from corpusmill.pipelines.where import OpenShard, license_of, locate, shard_named
from corpusmill.tokenizer.encode import MODEL, Tokenizer


def first_shard(output: Path, split: str = "train") -> str:
    return sorted((output / "shards/raw").glob(f"{split}-*.bin"))[0].stem


@pytest.mark.parametrize("split", ["train", "val"])
def test_every_token_has_its_document(split: str, finished: Path) -> None:
    name = first_shard(finished, split)
    stream = np.fromfile(finished / f"shards/raw/{name}.bin", "<u2")
    tokenizer, shard = Tokenizer(str(finished / MODEL)), OpenShard(str(finished), name)
    at, told = 0, []
    while at < len(stream):
        place = shard.place(at)
        assert (place.position, place.kind, place.token) == (0, "bos", tokenizer.bos_id)
        row = pq.read_table(finished / place.path).to_pylist()[place.row]
        assert (row["id"], row["source"]) == (place.id, place.source)
        assert json.loads(row["meta"]).get("url", "") == place.url
        told += [tokenizer.bos_id, *tokenizer.encode(row["text"]).tolist(), tokenizer.eos_id]
        last = shard.place(at + place.n_tokens - 1)
        assert (last.id, last.copy, last.kind, last.position) == (place.id, place.copy, "eos", place.n_tokens - 1)
        at += place.n_tokens
    assert at == shard.n_tokens and np.array_equal(stream, told)


def test_the_tokens_of_a_document_spell_its_text(finished: Path) -> None:
    name = first_shard(finished)
    stream = np.fromfile(finished / f"shards/raw/{name}.bin", "<u2")
    shard = OpenShard(str(finished), name)
    start = shard.place(len(stream) // 2)
    first = start.offset - start.position
    found = [shard.place(first + number) for number in range(start.n_tokens)]
    assert {place.id for place in found} == {start.id}
    assert [place.token for place in found] == stream[first : first + start.n_tokens].tolist()
    text = pq.read_table(finished / start.path).to_pylist()[start.row]["text"]
    for place in found[1:-1]:
        # Where a character is of several tokens, U+FFFD stands for what is not there yet.
        around = (place.before + place.text + place.after).strip("\ufffd")
        assert "\ufffd" in around or around in f" {text}"


@pytest.mark.parametrize(
    "form",
    [
        "{name}",
        "{name}.bin",
        "shards/raw/{name}.bin",
        "megatron/{name}.idx",
        "{output}/shards/mds/train/00000/shard.00000.mds",
        "mds/train/00000/index.json",
        "{output}/shards/index/{name}.parquet",
    ],
)
def test_a_shard_by_the_name_of_any_of_its_files(form: str, finished: Path) -> None:
    name = first_shard(finished)
    assert shard_named(str(finished), form.format(name=name, output=finished)) == name


@pytest.mark.parametrize(
    ("shard", "offset", "said"),
    [
        pytest.param("train-00000-of-99999", 0, "no shard of", id="no such shard"),
        pytest.param("index.json", 0, "shards are called so", id="a name of many"),
        pytest.param("FIRST", -1, "expected an offset from 0 to", id="before the first"),
        pytest.param("FIRST", 10**9, "expected an offset from 0 to", id="behind the last"),
    ],
)
def test_errors(shard: str, offset: int, said: str, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = first_shard(finished) if shard == "FIRST" else shard
    with pytest.raises(UsageError, match=said):
        locate(str(finished), given, offset)
    if offset >= 0:  # else click takes it for an option
        assert main(["where", str(finished), given, str(offset)]) == 2
        assert said in capsys.readouterr().err


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no finished run"):
        locate(str(tmp_path), "train-00000-of-00001", 0)


def test_what_is_printed(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = first_shard(finished)
    assert main(["where", str(finished), name, "7", "--json"]) == 0
    place = json.loads(capsys.readouterr().out)
    assert (place["shard"], place["offset"]) == (name, 7)
    assert main(["where", str(finished), name, "7"]) == 0
    said = capsys.readouterr().out
    assert all(place[key] in said for key in ("id", "url", "license", "path"))


@pytest.mark.parametrize(
    ("id_", "meta", "expected"),
    [
        ("books:gutenberg/11", {}, "public domain in the USA, as nearly all of Project Gutenberg"),
        ("books:mine/11", {}, "unknown: see its collection"),
        ("stackexchange:beer.stackexchange.com/1", {"license": "CC BY-SA 4.0"}, "CC BY-SA 4.0"),
        ("mine:1", {}, "unknown"),
    ],
)
def test_licences(id_: str, meta: dict[str, Any], expected: str) -> None:
    assert license_of(id_, meta) == expected
