"""Shards from token files: every copy once, alone, the same bytes; against the words of each document."""

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from token_sources import BOS, EOS, make_source, plan_all

from corpusmill.errors import ShardError
from corpusmill.mixtures import circle
from corpusmill.mixtures.circle import SourcePlan
from corpusmill.shards import build
from corpusmill.shards.build import build_shard, build_validation, documents, plan_validation
from corpusmill.shards.tokens import TokenFile, pack

TRIAL = Path(__file__).resolve().parents[2].parent / "shared" / "trials" / "circle_mix.py"


def make_corpus(sizes):
    made = {name: make_source(name, n, n_files, seed=i) for i, (name, (n, n_files)) in enumerate(sizes.items())}
    return {name: files for name, (files, _) in made.items()}, {name: texts for name, (_, texts) in made.items()}


SIZES = {"wikipedia": (300, 3), "books": (7, 1), "arxiv": (101, 2)}
EPOCHS = {"wikipedia": 2.45, "books": 1, "arxiv": 0.37}


def build_all(files, plans, seed, validation=0.0, bos=BOS, eos=EOS):
    shards = len(next(iter(plans.values())).starts)
    return [build_shard(files, plans, k, seed, validation, bos, eos) for k in range(shards)]


def occurrences(shards):
    """(source, file, row, copy) of every document, as a count."""
    return Counter(tuple(row) for s in shards for row in s.table[["source", "file", "row", "copy"]].tolist())


def expected_occurrences(files, plans, validation):
    """By definition: document by document, nothing vectorised."""
    found = Counter()
    for rank, source in enumerate(sorted(files)):
        plan = plans[source]
        for f, file in enumerate(files[source]):
            for record in file.index:
                if circle.in_validation(record["split"].reshape(1), validation)[0]:
                    continue
                copies = plan.whole_copies + int(circle.included(record["key"].reshape(1), plan.limit)[0])
                found.update((rank, f, int(record["row"]), copy) for copy in range(copies))
    return found


def assert_words_are_right(shard, texts, bos=BOS, eos=EOS):
    """The shard is exactly the documents of its table, each between its marks."""
    names, words = sorted(texts), []
    for record in shard.table:
        text = texts[names[record["source"]]][record["file"]][record["row"]].tolist()
        document = [bos] * (bos is not None) + text + [eos] * (eos is not None)
        assert (int(record["start"]), int(record["length"])) == (len(words), len(document))
        words += document
    assert shard.tokens.tolist() == words


@pytest.mark.parametrize("shards", [1, 2, 5, 600], ids=lambda n: f"{n} shards")
@pytest.mark.parametrize("validation", [0.0, 0.2])
def test_every_copy_of_every_document_once(shards, validation):
    files, texts = make_corpus(SIZES)
    plans = plan_all(files, EPOCHS, shards, seed=4, validation=validation)
    built = build_all(files, plans, 4, validation)
    assert occurrences(built) == expected_occurrences(files, plans, validation)
    for shard in built:
        assert_words_are_right(shard, texts)
    for rank, source in enumerate(sorted(files)):
        assert plans[source].tokens == sum(int(s.table["length"][s.table["source"] == rank].sum()) for s in built)


@pytest.mark.parametrize(("bos", "eos"), [(None, None), (BOS, None), (None, EOS), (BOS, EOS)])
def test_marks(bos, eos):
    files, texts = make_corpus(SIZES)
    plans = plan_all(files, EPOCHS, 2, seed=4, bos=bos, eos=eos)
    for shard in build_all(files, plans, 4, bos=bos, eos=eos):
        assert_words_are_right(shard, texts, bos, eos)


def test_shares_hold_in_every_shard():
    files, _ = make_corpus({"a": (4000, 2), "b": (3000, 1), "c": (2000, 3)})
    plans = plan_all(files, {"a": 0.37, "b": 1, "c": 2.45}, 8, seed=0)
    longest = 22 + max(int(file.index["length"].max()) for of_source in files.values() for file in of_source)
    for shard in build_all(files, plans, 0):
        for rank, source in enumerate("abc"):
            got = int(shard.table["length"][shard.table["source"] == rank].sum())
            assert abs(got - plans[source].tokens / 8) <= longest + plans[source].tokens / 8 / 8192


def test_a_shard_is_the_same_bytes_alone_from_files_or_from_ranges(tmp_path):
    class Ranges:
        def __init__(self, array):
            self.array, self.dtype = array, array.dtype

        def __len__(self):
            return len(self.array)

        def __getitem__(self, rows):
            return np.frombuffer(self.array[rows].tobytes(), self.dtype)

    files, _ = make_corpus(SIZES)
    plans = plan_all(files, EPOCHS, 4, seed=4)
    expected = build_all(files, plans, 4)[2]
    mapped, remote = {}, {}
    for source, of_source in files.items():
        for file in of_source:
            file.index.tofile(tmp_path / f"{file.name}.index")
            file.tokens.tofile(tmp_path / f"{file.name}.tokens")
        mapped[source] = [TokenFile.open(tmp_path / file.name, "<u2") for file in of_source]
        remote[source] = [TokenFile(Ranges(file.index), Ranges(file.tokens)) for file in of_source]
    again = {source: SourcePlan.from_json(plan.to_json()) for source, plan in reversed(plans.items())}
    for way in (mapped, remote, dict(reversed(mapped.items()))):
        shard = build_shard(way, again, 2, 4, 0.0, BOS, EOS)
        assert shard.tokens.tobytes() == expected.tokens.tobytes()
        assert shard.table.tobytes() == expected.table.tobytes()


def test_how_documents_lie_in_files_changes_no_token():
    """The same ids in one file or in five: the same shards, because places are those of ids."""
    files, texts = make_source("w", 200, 5)
    ids = [(f"w:{f}/{row}", f, row) for f, of_file in enumerate(texts) for row in range(len(of_file))]
    split_keys = [f"w:{f}/{row // 3}" for _, f, row in ids]
    packed, index = pack([i for i, _, _ in ids], [texts[f][row] for _, f, row in ids], split_keys, "<u2")
    one, five = {"w": [TokenFile(index, packed)]}, {"w": files}
    for k in range(3):
        plans = plan_all(one, {"w": 1.5}, 3, seed=0, validation=0.1)
        assert plans == plan_all(five, {"w": 1.5}, 3, seed=0, validation=0.1)
        a, b = (build_shard(way, plans, k, 0, 0.1, BOS, EOS) for way in (one, five))
        assert a.tokens.tobytes() == b.tokens.tobytes()


def test_a_new_seed_changes_shards_only():
    files, _ = make_corpus(SIZES)
    a, b = (build_all(files, plan_all(files, EPOCHS, 3, seed, 0.2), seed, 0.2) for seed in (1, 2))
    assert occurrences(a) == occurrences(b)
    assert all(x.tokens.tobytes() != y.tokens.tobytes() for x, y in zip(a, b, strict=True))
    assert occurrences(a[:1]) != occurrences(b[:1])


def test_copies_of_a_document_are_far_apart():
    """Two copies stand 0.38 of the run apart: with seven shards, never in the same one."""
    files, _ = make_corpus({"w": (500, 2)})
    built = build_all(files, plan_all(files, {"w": 2}, 7, seed=0), 0)
    places = {}
    for k, shard in enumerate(built):
        for row in shard.table[["file", "row"]].tolist():
            places.setdefault(tuple(row), set()).add(k)
    assert len(places) == 500 and all(len(at) == 2 for at in places.values())


def test_order_inside_a_shard_is_fresh():
    """Neither the order of keys, nor of files, nor of sources shines through."""
    files, _ = make_corpus({"a": (2000, 2), "b": (2000, 2)})
    table = build_shard(files, plan_all(files, {"a": 1, "b": 1}, 1, seed=0), 0, 0, 0.0, BOS, EOS).table
    place = np.arange(len(table))
    keys = np.array([circle.order_key(f"{'ab'[s]}:{f}/{r}") for s, f, r in table[["source", "file", "row"]].tolist()])
    for other in (keys.argsort().argsort(), table["source"], table["file"], table["row"]):
        assert abs(np.corrcoef(place, other)[0, 1]) < 0.06


def test_collisions_are_written_in_order_of_file_and_row():
    texts = [np.full(1 + i % 7, 3 + i) for i in range(300)]  # enough for an unstable sort to show
    ids = [f"x:{i}" for i in range(300)]
    packed, index = pack(ids, texts, ids, "<u2")
    index["key"] = np.repeat([2**62, 2**63], 150)  # by hand: nobody finds such ids
    files = {"x": [TokenFile(index, packed), TokenFile(index.copy(), packed + 500)]}
    plans = plan_all(files, {"x": 1.4}, 3, seed=0)
    assert plans["x"].copies == 2 and plans["x"].limit  # half the documents go in twice: those of one key together
    built = build_all(files, plans, 0)
    assert occurrences(built) == expected_occurrences(files, plans, 0)
    rank = {(f, row): (f, i) for f in range(2) for i, row in enumerate(index["row"].tolist())}
    for shard in built:
        for copy in range(2):
            for half in range(2):
                of_copy = shard.table[shard.table["copy"] == copy][["file", "row"]].tolist()
                found = [rank[at] for at in of_copy if (rank[at][1] >= 150) == half]
                assert found in ([], [(f, i) for f in range(2) for i in range(150 * half, 150 * half + 150)])


def test_wide_ids():
    files, _ = make_source("w", 50, 2, dtype="<u4")
    files[0].tokens[0] = 100_000
    shard = build_shard({"w": files}, plan_all({"w": files}, {"w": 1}, 1, 0), 0, 0, 0.0, BOS, 128_000)
    assert shard.tokens.dtype == np.dtype("<u4")
    assert {100_000, 128_000} <= set(shard.tokens.tolist())


def test_widths_do_not_mix():
    files = {"a": make_source("a", 5, 1)[0], "b": make_source("b", 5, 1, dtype="<u4")[0]}
    with pytest.raises(ShardError, match="one width"):
        build_all(files, plan_all(files, {"a": 1, "b": 1}, 1, 0), 0)


@pytest.mark.parametrize(("bos", "eos"), [(None, None), (BOS, EOS)])
def test_empty_sources_files_and_shards(bos, eos):
    files = {"empty": [], "hollow": make_source("hollow", 0, 1)[0], "one": make_source("one", 1, 1)[0]}
    plans = plan_all(files, {"empty": 1, "hollow": 1, "one": 1}, 4, seed=0, bos=bos, eos=eos)
    built = build_all(files, plans, 0, bos=bos, eos=eos)
    assert sorted(len(shard.table) for shard in built) == [0, 0, 0, 1]
    assert sum(len(shard.tokens) for shard in built) == plans["one"].tokens
    assert all(shard.tokens.dtype == np.dtype("<u2") and shard.table.dtype == build.TABLE for shard in built)
    assert len(build_shard({}, {}, 0, 0, 0.0, bos, eos).tokens) == 0


def test_a_file_shorter_than_its_index_is_refused():
    files, _ = make_source("w", 50, 1)
    cut = {"w": [TokenFile(files[0].index, files[0].tokens[:-5], "w-0")]}
    with pytest.raises(ShardError, match=r"w-0: expected .* tokens from token .* on, got 694"):
        build_all(cut, plan_all(cut, {"w": 1}, 1, 0), 0)


# --- validation
@pytest.mark.parametrize("shards", [1, 3])
def test_validation_is_the_rest_each_document_once(shards):
    files, texts = make_corpus(SIZES)
    plans = plan_validation(files, shards, 0.2, BOS, EOS)
    built = [build_validation(files, plans, k, 0.2, BOS, EOS) for k in range(shards)]
    training = build_all(files, plan_all(files, dict.fromkeys(SIZES, 1), 2, 0, 0.2), 0, 0.2)
    everything = Counter(
        (rank, f, row, 0)
        for rank, s in enumerate(sorted(texts))
        for f, of in enumerate(texts[s])
        for row in range(len(of))
    )
    assert occurrences(built) + occurrences(training) == everything
    assert 0 < sum(occurrences(built).values()) < 0.5 * sum(everything.values())
    for shard in built:
        assert_words_are_right(shard, texts)


def test_validation_is_cut_evenly():
    files = {"w": make_source("w", 3000, 2)[0]}
    plans = plan_validation(files, 4, 0.5, BOS, EOS)
    sizes = [len(build_validation(files, plans, k, 0.5, BOS, EOS).tokens) for k in range(4)]
    longest = 2 + max(int(file.index["length"].max()) for file in files["w"])
    assert sum(sizes) == plans["w"].tokens and max(sizes) - min(sizes) <= 2 * longest


def test_documents_of_one_split_key_stay_on_one_side():
    files, _ = make_source("w", 300, 2)
    validation = build_validation({"w": files}, plan_validation({"w": files}, 1, 0.3, BOS, EOS), 0, 0.3, BOS, EOS)
    training = build_all({"w": files}, plan_all({"w": files}, {"w": 1}, 1, 0, 0.3), 0, 0.3)[0]
    a, b = ({(f, row // 3) for f, row in s.table[["file", "row"]].tolist()} for s in (validation, training))
    assert a and b and not a & b


def test_no_validation():
    files, _ = make_corpus(SIZES)
    shard = build_validation(files, plan_validation(files, 1, 0.0, BOS, EOS), 0, 0.0, BOS, EOS)
    assert len(shard.tokens) == len(shard.table) == 0


# --- properties, and the measured trial
@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(1, 3)), min_size=1, max_size=3),
    st.floats(0, 3.2),
    st.integers(1, 6),
    st.integers(0, 99),
    st.sampled_from([0.0, 0.3, 0.6]),
)
def test_any_mixture(sizes, epochs, shards, seed, validation):
    files, texts = make_corpus({f"s{i}": size for i, size in enumerate(sizes)})
    plans = plan_all(files, dict.fromkeys(files, epochs), shards, seed, validation)
    built = build_all(files, plans, seed, validation)
    assert occurrences(built) == expected_occurrences(files, plans, validation)
    for shard in built:
        assert_words_are_right(shard, texts)


@pytest.fixture(scope="module")
def trial():
    if not TRIAL.exists():
        pytest.skip(f"{TRIAL} is not here")
    spec = importlib.util.spec_from_file_location("circle_mix", TRIAL)
    module = importlib.util.module_from_spec(spec)
    sys.modules["circle_mix"] = module  # its dataclass looks itself up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("epochs", [0.37, 1, 2.45])
@pytest.mark.parametrize("validation", [0.0, 0.25])
def test_the_same_shards_as_the_trial(trial, tmp_path, epochs, validation):
    files, texts = make_corpus(SIZES)
    theirs = {}
    for source, of_source in texts.items():
        for f, of_file in enumerate(of_source):
            ids = [f"{source}:{f}/{row}" for row in range(len(of_file))]
            split_keys = [f"{source}:{f}/{row // 3}" for row in range(len(of_file))]
            trial.write_token_file(tmp_path / f"{source}-{f}", ids, of_file, split_keys)
        theirs[source] = [trial.TokenFile(tmp_path / f"{source}-{f}") for f in range(len(of_source))]
    ours = plan_all(files, dict.fromkeys(files, epochs), 5, 11, validation, None, None)
    their_plans = {}
    for source, of_source in files.items():
        keys, lengths = (np.concatenate(x) for x in zip(*documents(of_source, validation, None, None), strict=True))
        budget = round(epochs * int(lengths.sum()))
        their_plans[source] = trial.plan_source(keys, lengths, budget, 5, 11)
        assert their_plans[source].starts.tolist() == list(ours[source].starts)
        assert their_plans[source].tokens == ours[source].tokens
    for k in range(5):
        shard = build_shard(files, ours, k, 11, validation, None, None)
        tokens, table = trial.build_shard(theirs, their_plans, k, 11, validation)
        assert shard.tokens.tobytes() == tokens.tobytes()
        assert [list(row) for row in shard.table[["source", "file", "row", "copy"]].tolist()] == table.tolist()
