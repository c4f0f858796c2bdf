"""The phases around the shards: equal numbers of sequences, and what a format needs over all of its shards."""

import dataclasses
from pathlib import Path

import pytest

from corpusmill.errors import ConfigError, MixtureError, ShardError
from corpusmill.manifest import File, Receipt
from corpusmill.mixtures.recipe import SequenceRecipe, load
from corpusmill.pipelines.build import odd_inputs
from corpusmill.pipelines.shards import fewest, formats_phase, readme, sequences_written, written_of
from corpusmill.shards.formats import FORMATS
from corpusmill.shards.spec import Written
from corpusmill.storage import publish
from phases import make
from running import corpusmill, manifest, run_arguments


def receipt(name: str, files: dict[str, File]) -> Receipt:
    return Receipt(name, "", files, {}, 0.0, "")


def counted(**sequences: int) -> dict[str, Receipt]:
    return {
        name: receipt(name, {f"work/sequences/{name}.txt": File(1, "", 1, {"n": n})})
        for name, n in ((name.replace("_", "-"), n) for name, n in sequences.items())
    }


def test_the_smallest_shard_of_each_split_decides() -> None:
    assert fewest(counted(train_0=9, train_1=7, val_0=3)) == {"train": 7, "val": 3}


def test_a_shard_without_a_sequence_is_named() -> None:
    with pytest.raises(MixtureError, match="train-1: expected tokens for at least one sequence"):
        fewest(counted(train_0=9, train_1=0))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("{length: 1}", "length must be at least 2"),
        ("{pad: -1}", "pad must be an id"),
        ("{documents: packed}", "expected one of cross, fit, alone"),
        ("{lenght: 8}", 'did you mean "length"'),
    ],
)
def test_settings_that_mean_nothing(setting: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load("sample", [f"shards.sequence={setting}"])


@pytest.mark.parametrize(("formats", "said"), [("[raw,olmo]", True), ("[raw,mds]", False)])
def test_sequences_that_no_format_holds_are_said(formats: str, said: bool) -> None:
    notes = odd_inputs(load("sample", [f"shards.formats={formats}", "shards.sequence={length: 64}"]), {})
    assert notes == ["shards.sequence: changes nothing, for none of shards.formats has rows (as mds, parquet, "
                     "arrayrecord have)."] * said  # fmt: skip


def test_padding_must_be_an_id_of_the_vocabulary(inputs: Path, tmp_path: Path) -> None:
    sources = "sources={wikipedia: {epochs: 1, inputs: [wikipedia/fr*.bz2]}}"
    settings = ("--set", sources, "--set", "tokenizer.vocab_size=400", "--set", "shards.sequence={pad: 400}")
    done = corpusmill(*run_arguments(inputs, tmp_path / "out", 1, *settings), expect=1)
    assert "shards.sequence.pad: expected an id below 400, got 400" in done.stderr


def test_shards_that_are_too_small_to_be_equal(inputs: Path, tmp_path: Path) -> None:
    sources = "sources={wikipedia: {epochs: 1, inputs: [wikipedia/fr*.bz2]}}"
    settings = ("--set", sources, "--set", "tokenizer.vocab_size=400", "--set", "shards.tokens=4000")
    equal = ("--set", "shards.sequence={length: 100000, equal: true}")
    said = corpusmill(*run_arguments(inputs, tmp_path / "out", 1, *settings, *equal), expect=1).stderr
    assert "expected tokens for at least one sequence" in said
    # Not equal: no shard has a sequence, and every token is counted as left out.
    corpusmill(*run_arguments(inputs, tmp_path / "out", 1, *settings, *equal[:1], equal[1].replace("true", "false"),
                              "--redo", "--allow-damage"))  # fmt: skip
    mixture = manifest(tmp_path / "out")["mixture"]
    written = mixture["table"][0]["written"]
    assert mixture["sequences"]["train"] == {"sequences": 0, "padding": 0, "left_out": written, "each": None}
    corpusmill("check", tmp_path / "out")


WRITTEN = Written({"train": (40, 60), "val": (5,)}, 32_000, 1, None, SequenceRecipe(length=16, documents="fit"))


def test_how_trainers_read_a_format() -> None:
    assert readme("mds", WRITTEN).startswith(
        "mds: a row each: sequences of 16 tokens (documents: fit), each with BOS 1; ids below 32000. Paths begin at"
    )
    assert readme("raw", WRITTEN).startswith("raw: documents, each with BOS 1, back to back; ids below 32000.")
    bare = dataclasses.replace(WRITTEN, bos_id=None, sequence=None)
    assert readme("parquet", bare).startswith("parquet: a row each: documents, without BOS and EOS; ids")


def test_files_over_all_shards_are_made_of_pieces_alone(tmp_path: Path) -> None:
    recipe = load("sample", ["shards.formats=[mds]"])
    path = "shards/mds/train/00000/index.json"
    piece = publish(f"{tmp_path}/{path}", b'{"version": 2, "shards": [{"raw_data": {"basename": "a.mds"}}]}')
    counts = {"train.tokens.books": 7, "train.sequences": 2, "train.padding": 1, "train.left_out": 3}
    made = {
        "train-00000-of-00001": receipt(
            "train-00000-of-00001",
            {
                path: File(piece.bytes, piece.sha256),
                "shards/index/train-00000-of-00001.parquet": File(1, "", 1, counts),
                "shards/mds/train/00000/a.mds": File(1, "not there, and not read"),
            },
        )
    }
    written = written_of(made, {"spec": {"vocab_size": 500, "bos_id": 1, "eos_id": 2}}, recipe)
    assert written.tokens == {"train": (7,)}
    found = make(formats_phase(made, written, recipe), tmp_path)
    assert found["mds"].files.keys() == {"shards/mds/train/index.json", "shards/mds/README.txt"}
    assert '"basename": "00000/a.mds"' in (tmp_path / "shards/mds/train/index.json").read_text()
    said = sequences_written(made, {"train": 2})
    assert said == {"train": {"sequences": 2, "padding": 1, "left_out": 3, "each": 2}}
    (tmp_path / path).write_bytes(b"{}")
    with pytest.raises(ShardError, match="damaged on disk"):
        make(formats_phase(made, written, recipe), tmp_path)


def test_a_format_of_which_nothing_is_joined_leaves_its_arguments(tmp_path: Path) -> None:
    recipe = load("sample", ["shards.formats=[raw,llmc]"])
    found = make(formats_phase({}, WRITTEN, recipe), tmp_path)
    assert {path for one in found.values() for path in one.files} == {
        "shards/raw/README.txt",
        "shards/llmc/README.txt",
    }
    for trainer in FORMATS["llmc"].arguments(WRITTEN):
        assert f"{trainer}:" in (tmp_path / "shards/llmc/README.txt").read_text()
