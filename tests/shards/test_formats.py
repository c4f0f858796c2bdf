"""The bytes of the writers, worked out by hand from each format's tables, and what our own readers make of them."""

import gzip
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.errors import ShardError, UsageError
from corpusmill.mixtures.recipe import SequenceRecipe
from corpusmill.shards import arrayrecord, formats, litdata, llmc, mds, megatron, parquet
from corpusmill.shards.build import TABLE, Shard
from corpusmill.shards.check_shards import UNREADABLE
from corpusmill.shards.formats import FORMATS, check_formats
from corpusmill.shards.sequences import lay_out, unpack_rows
from corpusmill.shards.spec import ShardSpec, Written

SOURCES = ("arxiv", "books", "wikipedia")
FILES = {"arxiv": ("papers",), "books": ("all",), "wikipedia": ("en", "fr")}


def spec(vocab_size=32000, sequence=None, each=None, split="train", bos=1, eos=2):
    return ShardSpec(split, 0, 1, vocab_size, bos, eos, "ab" * 32, SOURCES, FILES, sequence, each)


def shard(tokens, lengths, sources=0, dtype="<u2"):
    table = np.zeros(len(lengths), TABLE)
    table["length"] = lengths
    table["start"] = np.cumsum(lengths) - lengths
    table["source"] = sources
    table["row"] = 5 + np.arange(len(lengths))
    return Shard(np.array(tokens, dtype), table)


# Three documents, the last without text.
IDS = [1, 258, 2, 1, 31999, 7, 2, 1, 2]
THREE = shard(IDS, [3, 4, 2], [2, 0, 1])
WIDE = shard([1, 65537, 2], [3], [1], "<u4")
EMPTY = shard([], [])
STREAM = "0100 0201 0200  0100 ff7c 0700 0200  0100 0200"
WIDE_STREAM = "01000000 01000100 02000000"
CROSS = SequenceRecipe(length=4, documents="cross")
FIT = SequenceRecipe(length=5, documents="fit", pad=9)
MDS_SAYS = (
    '{"column_encodings": ["%s"], "column_names": ["tokens"], "column_sizes": [%s], "compression": null, '
    '"format": "mds", "hashes": [], "size_limit": 67108864, "version": 2}'
)


def mds_file(encoding, size, samples):
    """A shard by the table of the format: number, absolute offsets, config, samples."""
    said, data = (MDS_SAYS % (encoding, size)).encode(), [bytes.fromhex(sample) for sample in samples]
    head = 4 + 4 * (len(data) + 1) + len(said)
    offsets = [head + sum(map(len, data[:i])) for i in range(len(data) + 1)]
    return b"".join([n.to_bytes(4, "little") for n in (len(data), *offsets)]) + said + b"".join(data)


def mds_index(encoding, size, samples, n_bytes, basename="shard.00000.mds"):
    return {
        "version": 2,
        "shards": [
            {
                "version": 2, "format": "mds", "compression": None, "hashes": [], "size_limit": 67108864,
                "column_names": ["tokens"], "column_encodings": [encoding], "column_sizes": [size],
                "samples": samples, "zip_data": None,
                "raw_data": {"basename": basename, "bytes": n_bytes, "hashes": {}},
            }
        ],
    }  # fmt: skip


def lit_index(code, chunks):
    config = {
        "chunk_bytes": 67108864, "chunk_size": None, "compression": None, "encryption": None,
        "data_format": [f"no_header_numpy:{code}"], "item_loader": "TokensLoader",
        "data_spec": '[1, {"type": null, "context": null, "children_spec": []}]',
    }  # fmt: skip
    return {"chunks": chunks, "config": config}


MDS_THREE = mds_file(
    "ndarray:uint16", "null",
    ["08000000 04 03 0100 0201 0200", "0a000000 04 04 0100 ff7c 0700 0200", "06000000 04 02 0100 0200"],
)  # fmt: skip
MDS_CROSS = mds_file("ndarray:uint16:4", "8", ["0100 0201 0200 0100", "ff7c 0700 0200 0100"])
MDS_WIDE = mds_file("ndarray:uint32", "null", ["0e000000 04 03" + WIDE_STREAM])
RAW_SAYS = {
    "format": "raw", "dtype": "uint16", "byte_order": "little", "tokens": 9, "documents": 3, "vocab_size": 32000,
    "bos_id": 1, "eos_id": 2, "tokenizer_sha256": "ab" * 32, "sources": {"arxiv": 4, "books": 2, "wikipedia": 3},
}  # fmt: skip
MEGATRON_INDEX = (
    "4d4d494449445800 00"  # MMIDIDX, two NULs
    "0100000000000000"  # version
    "08"  # uint16
    "0300000000000000"  # sequences
    "0400000000000000"  # document index entries
    "03000000 04000000 02000000"  # lengths in tokens
    "0000000000000000 0600000000000000 0e00000000000000"  # places in bytes
    "0000000000000000 0100000000000000 0200000000000000 0300000000000000"  # document index
)
MEGATRON_WIDE_INDEX = (
    "4d4d494449445800 00 0100000000000000 04 0100000000000000 0200000000000000"
    "03000000 0000000000000000 0000000000000000 0100000000000000"
)
OLMO_LINES = (
    "0,3,wikipedia/en/5#0,documents/wikipedia/en.parquet,5\n"
    "3,7,arxiv/papers/6#0,documents/arxiv/papers.parquet,6\n"
    "7,9,books/all/7#0,documents/books/all.parquet,7\n"
)
LLMC = "88d83401 01000000 {:02x}000000" + "00" * 1012
LLMC_WIDE = "a1d93401 07000000 03000000" + "00" * 1012
NAME = "train-00000-of-00001"

GOLDEN = [
    ("raw", THREE, None, {f"{NAME}.bin": STREAM, f"{NAME}.json": RAW_SAYS}),
    ("olmo", THREE, None, {f"{NAME}.npy": STREAM, f"{NAME}.csv.gz": OLMO_LINES}),
    ("llmc", THREE, None, {"corpusmill_train_000001.bin": LLMC.format(9) + STREAM}),
    ("llmc", WIDE, None, {"corpusmill_train_000001.bin": LLMC_WIDE + WIDE_STREAM}),
    ("megatron", THREE, None, {f"{NAME}.bin": STREAM, f"{NAME}.idx": MEGATRON_INDEX}),
    ("megatron", WIDE, None, {f"{NAME}.bin": WIDE_STREAM, f"{NAME}.idx": MEGATRON_WIDE_INDEX}),
    (
        "datatrove", THREE, None,
        {
            f"train/{NAME}.ds": STREAM,
            f"train/{NAME}.ds.index": "0300000000000000 0700000000000000 0900000000000000",
            f"train/{NAME}.ds.metadata": b"tokenizer.model|2\n9\n0.01 KT",
        },
    ),
    (
        "datatrove", WIDE, None,
        {
            f"train/{NAME}.ds": WIDE_STREAM,
            f"train/{NAME}.ds.index": "0300000000000000",
            f"train/{NAME}.ds.metadata": b"tokenizer.model|4\n3\n0.00 KT",
        },
    ),
    (
        "litdata", THREE, None,
        {
            "train/chunk-0-0.bin": "03000000 14000000 1a000000 22000000 26000000" + STREAM,
            "train/0.index.json": lit_index(
                5, [{"chunk_bytes": 38, "chunk_size": 3, "dim": 9, "filename": "chunk-0-0.bin"}]
            ),
        },
    ),
    (
        "litdata", WIDE, None,
        {
            "train/chunk-0-0.bin": "01000000 0c000000 18000000" + WIDE_STREAM,
            "train/0.index.json": lit_index(
                6, [{"chunk_bytes": 24, "chunk_size": 1, "dim": 3, "filename": "chunk-0-0.bin"}]
            ),
        },
    ),
    (
        "mds", THREE, None,
        {
            "train/00000/shard.00000.mds": MDS_THREE,
            "train/00000/index.json": mds_index("ndarray:uint16", None, 3, len(MDS_THREE)),
        },
    ),
    (
        "mds", THREE, CROSS,
        {
            "train/00000/shard.00000.mds": MDS_CROSS,
            "train/00000/index.json": mds_index("ndarray:uint16:4", 8, 2, len(MDS_CROSS)),
        },
    ),
    (
        "mds", WIDE, None,
        {
            "train/00000/shard.00000.mds": MDS_WIDE,
            "train/00000/index.json": mds_index("ndarray:uint32", None, 1, len(MDS_WIDE)),
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("form", "one", "sequence", "expected"),
    [
        pytest.param(*case, id=f"{case[0]}{'-wide' * (case[1] is WIDE)}{'-packed' * (case[2] is not None)}")
        for case in GOLDEN
    ],
)
def test_golden_bytes(form, one, sequence, expected):
    files = FORMATS[form].write(one, spec(70_000 if one is WIDE else 32_000, sequence))
    assert files.keys() == expected.keys()
    for path, content in expected.items():
        got = bytes(files[path])
        if isinstance(content, dict):
            assert json.loads(got) == content
        elif path.endswith(".gz"):
            assert gzip.decompress(got).decode() == content
            assert got[4:8] == bytes(4)  # no time of writing
        else:
            assert got == (content if isinstance(content, bytes) else bytes.fromhex(content)), path


def test_rows_of_parquet():
    def rows(sequence=None):
        files = parquet.write(THREE, spec(sequence=sequence))
        return pq.read_table(pa.BufferReader(files[f"{NAME}.parquet"]))

    whole, packed, padded = rows(), rows(CROSS), rows(FIT)
    assert whole.schema.field("input_ids").type == pa.list_(pa.uint16())
    assert whole.to_pylist() == [
        {"input_ids": [1, 258, 2], "source": "wikipedia"},
        {"input_ids": [1, 31999, 7, 2], "source": "arxiv"},
        {"input_ids": [1, 2], "source": "books"},
    ]
    assert packed.to_pylist() == [{"input_ids": [1, 258, 2, 1]}, {"input_ids": [31999, 7, 2, 1]}]
    assert padded.to_pylist() == [
        {"input_ids": [1, 258, 2, 1, 2], "attention_mask": [1, 1, 1, 1, 1]},
        {"input_ids": [1, 31999, 7, 2, 9], "attention_mask": [1, 1, 1, 1, 0]},
    ]


def test_parquet_of_several_row_groups():
    lengths = np.arange(1, 2300) % 7 + 1
    many = shard(np.arange(lengths.sum()) % 999, lengths)
    data = parquet.write(many, spec())[f"{NAME}.parquet"]
    assert pq.ParquetFile(pa.BufferReader(data)).num_row_groups == 3
    assert [len(row["input_ids"]) for row in pq.read_table(pa.BufferReader(data)).to_pylist()] == lengths.tolist()


def test_record_of_arrayrecord():
    assert arrayrecord.encode_example(np.array([1, 258, 2])) == bytes.fromhex(
        "0a12"  # Example.features, 18 bytes
        "0a10"  # an entry of the map, 16 bytes
        "0a04 74657874"  # its key: text
        "1208"  # its value, a Feature of 8 bytes
        "1a06"  # int64_list, 6 bytes
        "0a04 01 8202 02"  # value, packed: 1, 258, 2
    )


@given(st.lists(st.integers(0, 2**32 - 1), max_size=300))
def test_varints_come_back(ids):
    assert arrayrecord.decode_example(arrayrecord.encode_example(np.array(ids, np.int64))).tolist() == ids


def test_pieces_of_shards_are_joined_in_order():
    written = Written({"train": (9, 9), "val": (9,)}, 32_000, 1, 2)
    pieces = {}
    for split, number in (("train", 1), ("val", 0), ("train", 0)):
        files = mds.write(THREE, ShardSpec(split, number, 2, 32_000, 1, 2, "", SOURCES, FILES))
        pieces |= {path: bytes(data) for path, data in files.items() if path.endswith("index.json")}
    joined = mds.join(written, pieces)
    assert joined.keys() == {"train/index.json", "val/index.json"}
    shards = json.loads(joined["train/index.json"])["shards"]
    assert [one["raw_data"]["basename"] for one in shards] == ["00000/shard.00000.mds", "00001/shard.00000.mds"]
    one = mds_index("ndarray:uint16", None, 3, len(MDS_THREE), "00000/shard.00000.mds")
    assert json.loads(joined["val/index.json"]) == one


def test_chunks_are_joined_by_number_not_by_name():
    pieces = {}
    for number in (10, 9):
        files = litdata.write(THREE, ShardSpec("train", number, 11, 32_000, 1, 2, "", SOURCES, FILES))
        pieces |= {path: bytes(data) for path, data in files.items() if path.endswith("index.json")}
    joined = litdata.join(Written({"train": (9,)}, 32_000, 1, 2), pieces)
    names = [chunk["filename"] for chunk in json.loads(joined["train/index.json"])["chunks"]]
    assert names == ["chunk-9-0.bin", "chunk-10-0.bin"]


def test_blend_of_megatron():
    blend = megatron.join(Written({"train": (40, 0, 60), "val": (5,)}, 32_000, 1, 2), {})
    assert json.loads(blend["blend.json"]) == {
        "train": ["40", "shards/megatron/train-00000-of-00003", "60", "shards/megatron/train-00002-of-00003"],
        "valid": ["5", "shards/megatron/val-00000-of-00001"],
        "test": None,
    }


def test_large_shards_are_cut_into_parts(monkeypatch):
    monkeypatch.setattr(mds, "cut_parts", lambda sizes: [slice(0, 2), slice(2, 3)])
    monkeypatch.setattr(litdata, "cut_parts", lambda sizes: [slice(0, 2), slice(2, 3)])
    for form in ("mds", "litdata"):
        files = FORMATS[form].write(THREE, spec())
        assert len(files) == 3
        content = FORMATS[form].read(as_read(files), spec())
        assert (content.tokens.tolist(), content.lengths.tolist()) == (IDS, [3, 4, 2])


# --- back again -------------------------------------------------------------------------------------------------------


def as_read(files):
    return {path: np.frombuffer(data, np.uint8) for path, data in files.items()}


def read_back(form, one, described):
    """The tokens that a format holds, in the order of the shard."""
    content = FORMATS[form].read(as_read(FORMATS[form].write(one, described)), described)
    if FORMATS[form].rows and described.sequence:
        layout = lay_out(one.table["length"], described.sequence)
        assert content.lengths.tolist() == [layout.length] * layout.n
        rows = content.tokens.reshape(layout.n, layout.length)
        tokens, held = unpack_rows(rows, layout, len(one.tokens))
        assert held[: layout.n_held].all()
        return tokens[held]
    lengths = one.table["length"][one.table["length"] > 0]
    assert content.lengths is None or content.lengths.tolist() == lengths.tolist()
    return content.tokens


def needed(form):
    if form == "arrayrecord":
        pytest.importorskip("array_record")


WAYS = [None, *(SequenceRecipe(length=8, documents=way) for way in ("cross", "fit", "alone"))]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("sequence", WAYS, ids=lambda way: way.documents if way else "whole")
@pytest.mark.parametrize(
    "lengths",
    [
        pytest.param([], id="no documents"),
        pytest.param([30], id="longer than a sequence"),
        pytest.param([8], id="just a sequence"),
        pytest.param([3, 0, 4], id="an empty one"),
        pytest.param([0], id="nothing but an empty one"),
        pytest.param([7, 9, 16, 1, 8, 300], id="around the length"),
    ],
)
@pytest.mark.parametrize("vocab_size", [500, 70_000])
def test_what_is_written_is_read_again(form, sequence, lengths, vocab_size):
    needed(form)
    ids = np.random.default_rng(0).integers(3, vocab_size, sum(lengths))
    one = shard(ids, lengths, dtype="<u2" if vocab_size == 500 else "<u4")
    got = read_back(form, one, spec(vocab_size, sequence)).tolist()
    cut = sequence and sequence.documents == "cross" and FORMATS[form].rows
    assert got == ids[: len(ids) // 8 * 8 if cut else len(ids)].tolist()


@given(
    st.lists(st.integers(0, 40), max_size=20),
    st.sampled_from(WAYS),
    st.sampled_from([form for form in FORMATS if form != "arrayrecord"]),
)
def test_any_shard_is_read_again(lengths, sequence, form):
    ids = np.random.default_rng(len(lengths)).integers(3, 500, sum(lengths))
    got = read_back(form, shard(ids, lengths), spec(500, sequence)).tolist()
    assert got == ids[: len(got)].tolist() and len(ids) - len(got) < 8


@pytest.mark.parametrize("form", FORMATS)
def test_a_cut_file_is_no_shard(form):
    """Whatever end of whichever file is missing, it is an error of ours, or other tokens; never a silent pass."""
    needed(form)
    files = as_read(FORMATS[form].write(THREE, spec()))
    for path, data in files.items():
        for keep in {0, 1, len(data) // 2, len(data) - 2, len(data) - 1}:
            try:
                content = FORMATS[form].read({**files, path: data[:keep]}, spec())
            except UNREADABLE:
                continue
            right = content.tokens.tolist() == IDS and (
                content.lengths is None or content.lengths.tolist() == [3, 4, 2]
            )
            assert not right or path.endswith((".csv.gz", ".json", ".metadata")), (path, keep)


@pytest.mark.parametrize("name", FORMATS)
def test_ids_outside_the_vocabulary_are_refused(name):
    needed(name)
    with pytest.raises(ShardError, match=r"train-00000-of-00001: expected token ids from 0 to 31999, got 32000"):
        FORMATS[name].write(shard([32000], [1]), spec())


@pytest.mark.parametrize(("vocab_size", "expected"), [(65_536, "0500"), (65_537, "05000000")])
def test_raw_width_follows_the_vocabulary(vocab_size, expected):
    one = shard([5], [1], dtype="<u4")
    assert bytes(FORMATS["raw"].write(one, spec(vocab_size))[f"{NAME}.bin"]).hex() == expected


@pytest.mark.parametrize(("vocab_size", "code"), [(65_499, 8), (65_500, 4)])
def test_megatron_has_no_uint32(vocab_size, code):
    files = FORMATS["megatron"].write(shard([vocab_size - 1], [1]), spec(vocab_size))
    assert files[f"{NAME}.idx"][17] == code
    assert int.from_bytes(files[f"{NAME}.bin"], "little") == vocab_size - 1


def test_writers_do_not_copy_what_is_there():
    assert np.shares_memory(np.frombuffer(FORMATS["raw"].write(THREE, spec())[f"{NAME}.bin"], "<u2"), THREE.tokens)


def test_equal_shards_hold_the_first_sequences():
    rows = pq.read_table(pa.BufferReader(parquet.write(THREE, spec(sequence=CROSS, each=1))[f"{NAME}.parquet"]))
    assert rows.to_pylist() == [{"input_ids": [1, 258, 2, 1]}]


def test_a_shard_that_a_format_cannot_count_is_refused(monkeypatch):
    monkeypatch.setattr(llmc, "MAX_TOKENS", 8)
    with pytest.raises(ShardError, match=r"llm\.c counts up to 8 tokens in a shard, got 9"):
        llmc.write(THREE, spec())
    for module, form in ((mds, "mds"), (litdata, "litdata")):
        monkeypatch.setattr(module, "MAX_BYTES", 20)
        with pytest.raises(ShardError, match="expected at most 20 bytes"):
            FORMATS[form].write(THREE, spec())


def test_formats_that_cannot_be_written_are_refused(monkeypatch):
    with pytest.raises(UsageError, match=r"unknown format parket \(did you mean \"parquet\"\?\); known: raw, olmo"):
        check_formats(("raw", "parket"))
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"arrayrecord needs the package array-record.*corpusmill\[arrayrecord\]"):
        check_formats(("arrayrecord",))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("sequence", [None, CROSS])
@pytest.mark.parametrize("tokens", [{"train": (9,)}, {"train": (9, 0), "val": (3,)}])
def test_every_format_says_how_it_is_read(name, sequence, tokens):
    for trainer, text in FORMATS[name].arguments(Written(tokens, 32_000, None, 2, sequence)).items():
        assert trainer and text
        assert "shards/" in text or trainer == "corpusmill"
