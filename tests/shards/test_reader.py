"""Finished shards read back, and sets of shards that cannot be one set."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusmill.errors import ShardError
from corpusmill.mixtures.circle import count_tokens, plan_source
from corpusmill.shards import raw
from corpusmill.shards.build import build_shard, documents
from corpusmill.shards.reader import ShardSet, index_table
from corpusmill.shards.spec import ShardSpec
from corpusmill.shards.tokens import TokenFile, pack

SOURCES = ("arxiv", "books", "wikipedia")
FILES = {"arxiv": ["papers"], "books": [], "wikipedia": ["en", "fr"]}
N = 3


def make_files(vocab_size=500):
    rng = np.random.default_rng(0)
    files = {}
    for source, names in FILES.items():
        files[source] = []
        for name in names:
            ids = [f"{source}:{name}/{i}" for i in range(20)]
            texts = [rng.integers(3, vocab_size, rng.integers(0, 30)) for _ in ids]
            files[source].append(TokenFile(*reversed(pack(ids, texts, ids, "<u2" if vocab_size < 2**16 else "<u4"))))
    return files


def write_set(out, shards=N, split="train", vocab_size=500):
    files, plans, built = make_files(vocab_size), {}, []
    for source, of_source in files.items():
        chunks = documents(of_source, 0.0, 1, 2)
        plans[source] = plan_source(source, chunks, count_tokens(chunks) * 3 // 2, shards, 0)
    for folder in ("raw", "index"):
        (out / "shards" / folder).mkdir(parents=True, exist_ok=True)
    for k in range(shards):
        name = f"{split}-{k:05d}-of-{shards:05d}"
        shard = build_shard(files, plans, k, 0, 0.0, 1, 2)
        spec = ShardSpec(split, k, shards, vocab_size, 1, 2, "ab" * 32, SOURCES)
        for file, data in raw.write(shard, spec).items():
            (out / "shards" / "raw" / file).write_bytes(data)
        path = out / "shards" / "index" / f"{name}.parquet"
        pq.write_table(index_table(shard, SOURCES, FILES), path, row_group_size=7)
        built.append(shard)
    return built


@pytest.fixture
def out(tmp_path):
    write_set(tmp_path)
    return tmp_path


@pytest.mark.parametrize("vocab_size", [500, 70_000])
@pytest.mark.parametrize("split", ["train", "val"])
def test_what_was_written_comes_back(tmp_path, vocab_size, split):
    built = write_set(tmp_path, split=split, vocab_size=vocab_size)
    found = ShardSet.open(str(tmp_path), split)
    assert (len(found), found.dtype.itemsize, found.vocab_size) == (N, 2 if vocab_size == 500 else 4, vocab_size)
    assert (found.bos_id, found.eos_id, found.sources, found.tokenizer_sha256) == (1, 2, SOURCES, "ab" * 32)
    assert found.n_tokens == sum(len(shard.tokens) for shard in built)
    for k, shard in enumerate(built):
        assert np.array_equal(found.tokens(k), shard.tokens)
        table = found.table(k)
        for column in ("start", "length", "row", "copy"):
            assert table[column].to_pylist() == shard.table[column].tolist()
        assert table["source"].to_pylist() == [SOURCES[s] for s in shard.table["source"]]
        shards = [FILES[SOURCES[s]][f] for s, f in shard.table[["source", "file"]].tolist()]
        assert table["shard"].to_pylist() == shards
        by_hand = [int(r["source"]) for r in shard.table for _ in range(r["length"])]
        codes = found.source_of_tokens(k)
        assert codes.dtype == np.uint8 and codes.tolist() == by_hand


def test_columns_of_the_index(out):
    schema = pq.read_schema(out / "shards/index/train-00000-of-00003.parquet")
    names = pa.dictionary(pa.int32(), pa.string())
    assert [(f.name, f.type) for f in schema] == [
        ("start", pa.uint64()),
        ("length", pa.uint32()),
        ("source", names),
        ("shard", names),
        ("row", pa.uint32()),
        ("copy", pa.uint8()),
    ]


def test_more_shards_than_documents(tmp_path):
    write_set(tmp_path, shards=200)
    found = ShardSet.open(tmp_path)
    empty = [k for k in range(200) if not len(found.tokens(k))]
    assert empty and all(len(found.source_of_tokens(k)) == len(found.table(k)) == 0 for k in empty)


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


BROKEN = {
    "no shards": (lambda raw, index: [p.unlink() for p in raw.glob("*.bin")], "expected train-00000-of-….bin"),
    "one missing": (lambda raw, index: (raw / "train-00001-of-00003.bin").unlink(), "train-00001-of-00003 is missing"),
    "two sets": (lambda raw, index: (raw / "train-00000-of-00004.bin").touch(), "expected one set of train shards"),
    "odd name": (lambda raw, index: (raw / "train-1-of-3.bin").touch(), "expected one set of train shards"),
    "too many": (lambda raw, index: (raw / "train-00003-of-00003.bin").touch(), "got train-00003-of-00003 as well"),
    "no sidecar": (lambda raw, index: (raw / "train-00002-of-00003.json").unlink(), "cannot be read as a sidecar"),
    "no JSON": (lambda raw, index: (raw / "train-00002-of-00003.json").write_text("{"), "cannot be read as a sidecar"),
    "a list": (lambda raw, index: (raw / "train-00002-of-00003.json").write_text("[]"), "no JSON object"),
    "no numbers": (lambda raw, index: change(raw / "train-00002-of-00003.json", vocab_size="x"), "cannot be read as"),
    "count as text": (lambda raw, index: change(raw / "train-00002-of-00003.json", tokens="9"), "no whole numbers"),
    "sources as list": (lambda raw, index: change(raw / "train-00002-of-00003.json", sources=[]), "no object"),
    "no keys": (lambda raw, index: (raw / "train-00002-of-00003.json").write_text("{}"), "without bos_id"),
    "cut": (
        lambda raw, index: (raw / "train-00002-of-00003.bin").write_bytes(b"\0\0"),
        r"00002-of-00003.bin: expected [\d,]+ bytes by its sidecar, got 2",
    ),
    "another byte order": (
        lambda raw, index: change(raw / "train-00002-of-00003.json", byte_order="big"),
        "expected little-endian uint16 for 500 pieces, got big-endian uint16",
    ),
    "another tokenizer": (
        lambda raw, index: change(raw / "train-00001-of-00003.json", tokenizer_sha256="cd"),
        "00001-of-00003.json: expected tokenizer_sha256 'abab.* as in train-00000-of-00003, got 'cd'",
    ),
    "another end": (lambda raw, index: change(raw / "train-00001-of-00003.json", eos_id=None), "eos_id 2 .* got None"),
    "other sources": (lambda raw, index: change(raw / "train-00001-of-00003.json", sources={}), "expected sources"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_shards_that_are_not_one_set_are_refused(out, case):
    damage, message = BROKEN[case]
    damage(out / "shards" / "raw", out / "shards" / "index")
    with pytest.raises(ShardError, match=message) as caught:
        ShardSet.open(out)
    assert "\n" not in str(caught.value)


def test_another_width_is_refused(out):
    path = out / "shards/raw/train-00001-of-00003.bin"
    path.write_bytes(np.fromfile(path, "<u2").astype("<u4").tobytes())
    change(path.with_suffix(".json"), vocab_size=70_000, dtype="uint32")
    with pytest.raises(ShardError, match="expected dtype 'uint16' as in train-00000-of-00003, got 'uint32'"):
        ShardSet.open(out)


def rewrite(path, edit):
    table = pq.read_table(path)
    pq.write_table(edit(table), path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda path: path.unlink(), "cannot be read", id="missing"),
        pytest.param(lambda path: path.write_bytes(b"PAR1"), "cannot be read", id="torn"),
        pytest.param(lambda path: rewrite(path, lambda t: t.slice(1)), "documents, tokens", id="a row less"),
        pytest.param(lambda path: rewrite(path, lambda t: t.drop_columns("copy")), "expected the columns", id="column"),
        pytest.param(
            lambda path: rewrite(
                path, lambda t: t.set_column(2, "source", pa.array(["x"] * len(t)).dictionary_encode())
            ),
            "got {'x'} as well",
            id="unknown source",
        ),
    ],
)
def test_an_index_that_is_not_of_its_shard_is_refused(out, damage, message):
    damage(out / "shards/index/train-00001-of-00003.parquet")
    with pytest.raises(ShardError, match=message) as caught:
        ShardSet.open(out).source_of_tokens(1)
    assert "\n" not in str(caught.value)
