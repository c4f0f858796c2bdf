"""The bytes of the writers, worked out by hand from the tables of each format."""

import json

import numpy as np
import pytest

from corpusmill.errors import ShardError
from corpusmill.shards import megatron, raw
from corpusmill.shards.build import TABLE, Shard, ShardSpec
from corpusmill.shards.formats import FORMATS

SPEC = ShardSpec("train-00000-of-00001", 32000, 1, 2, "ab" * 32, ("arxiv", "books", "wikipedia"))


def shard(tokens, lengths, sources=(), dtype="<u2"):
    table = np.zeros(len(lengths), TABLE)
    table["length"] = lengths
    table["start"] = np.cumsum(lengths) - lengths
    table["source"] = sources
    return Shard(np.array(tokens, dtype), table)


TWO = shard([1, 258, 2, 1, 31999, 7, 2], [3, 4], [2, 0])
EMPTY = shard([], [], [])


def test_raw_bytes():
    files = FORMATS["raw"](TWO, SPEC)
    assert files.keys() == {".bin", ".json"}
    assert bytes(files[".bin"]) == bytes.fromhex("0100 0201 0200 0100 ff7c 0700 0200")
    assert json.loads(files[".json"]) == {
        "format": "raw",
        "dtype": "uint16",
        "byte_order": "little",
        "tokens": 7,
        "documents": 2,
        "vocab_size": 32000,
        "bos_id": 1,
        "eos_id": 2,
        "tokenizer_sha256": "ab" * 32,
        "sources": {"arxiv": 4, "books": 0, "wikipedia": 3},
    }


@pytest.mark.parametrize(("vocab_size", "expected"), [(65_536, "0500"), (65_537, "05000000")])
def test_raw_width_follows_the_vocabulary(vocab_size, expected):
    assert raw.encode(np.array([5], "<u4"), vocab_size).hex() == expected


def test_megatron_bytes():
    files = FORMATS["megatron"](TWO, SPEC)
    assert files.keys() == {".bin", ".idx"}
    assert bytes(files[".bin"]) == bytes.fromhex("0100 0201 0200 0100 ff7c 0700 0200")
    assert files[".idx"] == bytes.fromhex(
        "4d4d494449445800 00"  # MMIDIDX, two NULs
        "0100000000000000"  # version
        "08"  # uint16
        "0200000000000000"  # sequences
        "0300000000000000"  # document index entries
        "03000000 04000000"  # lengths in tokens
        "0000000000000000 0600000000000000"  # places in bytes
        "0000000000000000 0100000000000000 0200000000000000"  # document index
    )


def test_megatron_int32():
    spec = ShardSpec("x", 65_500, None, None, "", ("a",))
    files = FORMATS["megatron"](shard([65_499, 3], [1, 1], [0, 0]), spec)
    assert bytes(files[".bin"]) == bytes.fromhex("dbff0000 03000000")
    assert files[".idx"][17] == 4
    assert files[".idx"][42:58] == bytes.fromhex("0000000000000000 0400000000000000")


def test_megatron_counts_as_its_reader_does():
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 9, 50)
    files = megatron.write(shard(rng.integers(0, 99, lengths.sum()), lengths, np.zeros(50, int)), SPEC)
    idx = files[".idx"]
    n = int(np.frombuffer(idx, "<u8", 1, 18)[0])
    pointers = np.frombuffer(idx, "<i8", n, 34 + 4 * n)
    sizes = np.frombuffer(idx, "<i4", n, 34)
    assert len(idx) == 42 + 20 * n
    assert int.from_bytes(idx[-8:], "little") == n == (lengths > 0).sum()  # empty documents are no sequences
    assert (sizes > 0).all() and (pointers[1:] == pointers[:-1] + 2 * sizes[:-1]).all()
    assert pointers[-1] + 2 * sizes[-1] == len(files[".bin"])


@pytest.mark.parametrize("name", FORMATS)
def test_a_shard_without_documents(name):
    files = FORMATS[name](EMPTY, SPEC)
    assert bytes(files[".bin"]) == b""
    if name == "megatron":
        assert files[".idx"] == b"MMIDIDX\0\0\x01" + bytes(7) + b"\x08" + bytes(8) + b"\x01" + bytes(7) + bytes(8)


@pytest.mark.parametrize("name", FORMATS)
def test_ids_outside_the_vocabulary_are_refused(name):
    with pytest.raises(ShardError, match=r"train-00000-of-00001: expected token ids from 0 to 31999, got 32000"):
        FORMATS[name](shard([32000], [1], [0]), SPEC)


def test_writers_do_not_copy_what_is_there():
    assert np.shares_memory(np.frombuffer(FORMATS["raw"](TWO, SPEC)[".bin"], "<u2"), TWO.tokens)
