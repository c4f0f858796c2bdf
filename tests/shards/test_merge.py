"""Merged token files: the same documents in one order, and the same shards from them, byte for byte."""

import resource

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from token_sources import BOS, EOS, make_source, plan_all

from corpusmill.errors import ShardError
from corpusmill.shards.build import Side, build_shard, build_validation, plan_validation, shard_lengths
from corpusmill.shards.merge import merge
from corpusmill.shards.tokens import TokenFile, pack


def merged(files, arcs=1):
    pieces = list(merge(files, arcs))
    index, tokens = (np.concatenate(parts) for parts in ([p[1] for p in pieces], [p[0] for p in pieces]))
    return TokenFile(index, tokens, "merged", n_files=len(files))


def grouped(files, size, arcs):
    return [merged(files[start : start + size], arcs) for start in range(0, len(files), size)]


@pytest.mark.parametrize("arcs", [1, 2, 7, 1000])
def test_a_merged_file_has_every_document_once_in_order(arcs):
    files, texts = make_source("w", 120, 5)
    one = merged(files, arcs)
    keys = one.index["key"]
    assert (keys[1:] >= keys[:-1]).all()
    assert one.index["start"].tolist() == [0, *np.cumsum(one.index["length"], dtype=np.int64)[:-1].tolist()]
    found = {(int(r["file"]), int(r["row"])): one.text(one.index[n : n + 1]).tolist() for n, r in enumerate(one.index)}
    assert found == {(f, row): text.tolist() for f, of_file in enumerate(texts) for row, text in enumerate(of_file)}


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 6), st.integers(1, 5), st.integers(0, 3))
def test_shards_from_merged_files_are_the_same_bytes(n_files, size, arcs, seed):
    sources = {"w": make_source("w", 90, n_files, seed)[0], "books": make_source("books", 9, 1)[0]}
    fewer = {"w": grouped(sources["w"], size, arcs), "books": sources["books"]}
    plans = plan_all(sources, {"w": 2.3, "books": 1}, 3, seed, validation=0.2)
    assert plans == plan_all(fewer, {"w": 2.3, "books": 1}, 3, seed, validation=0.2)
    held_out = plan_validation(sources, 2, 0.2, BOS, EOS)
    assert held_out == plan_validation(fewer, 2, 0.2, BOS, EOS)
    for k in range(3):
        a, b = (build_shard(files, plans, k, seed, 0.2, BOS, EOS) for files in (sources, fewer))
        assert a.tokens.tobytes() == b.tokens.tobytes()
        assert a.table.tobytes() == b.table.tobytes()
        lengths = [shard_lengths(files, plans, k, seed, Side(0.2), BOS, EOS).tolist() for files in (sources, fewer)]
        assert lengths[0] == lengths[1]
    for k in range(2):
        a, b = (build_validation(files, held_out, k, 0.2, BOS, EOS) for files in (sources, fewer))
        assert (a.tokens.tobytes(), a.table.tobytes()) == (b.tokens.tobytes(), b.table.tobytes())


def test_documents_with_one_key_keep_the_order_of_their_files_and_rows():
    ids = ["same", "same"]
    files = [TokenFile(*reversed(pack(ids, [np.array([f]), np.array([f + 1])], ids, "<u2"))) for f in (10, 20, 30)]
    one = merged(files)
    assert one.tokens.tolist() == [10, 11, 20, 21, 30, 31]
    assert one.index["file"].tolist() == [0, 0, 1, 1, 2, 2]


def test_files_without_documents_merge():
    empty = TokenFile(*reversed(pack([], [], [], "<u4")), "empty")
    one = merged([empty, empty], 2)
    assert (len(one.index), len(one.tokens), one.tokens.dtype) == (0, 0, np.dtype("<u4"))


def test_a_token_file_that_is_cut_off_is_named():
    files, _ = make_source("w", 20, 2)
    cut = TokenFile(files[1].index, files[1].tokens[:-5], files[1].name)
    with pytest.raises(ShardError, match=r"w-1: expected .* delete it and run the same command again"):
        list(merge([files[0], cut], 1))


def test_more_token_files_than_a_process_may_have_open(tmp_path):
    files, _ = make_source("w", 400, 120)
    for number, file in enumerate(files):
        file.index.tofile(tmp_path / f"{number}.index")
        file.tokens.tofile(tmp_path / f"{number}.tokens")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (80, hard))
    try:
        one = merged([TokenFile.open(tmp_path / str(number), "<u2") for number in range(len(files))], 3)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert one.tokens.tolist() == merged(files).tokens.tolist()
