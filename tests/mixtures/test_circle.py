"""Hashes and plans, on documents that are nothing but a key and a length."""

import json

import numpy as np
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.errors import MixtureError
from corpusmill.mixtures import circle
from corpusmill.mixtures.circle import SourcePlan, included, plan_source, position, remix, salt


def random_documents(n, seed=0, mean=300):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2**64, n, np.uint64), rng.geometric(1 / mean, n).astype(np.uint32)


def in_chunks(keys, lengths, n):
    return list(zip(np.array_split(keys, n), np.array_split(lengths, n), strict=True))


def written(plan, keys, lengths):
    """Tokens of a plan, counted document by document."""
    return plan.whole_copies * int(lengths.sum()) + int(lengths[included(keys, plan.limit)].sum())


def shard_sizes(plan, keys, lengths, seed):
    sizes = np.zeros(len(plan.starts), np.int64)
    for copy in range(plan.copies):
        ok = included(keys, plan.limit) if copy == plan.whole_copies else np.ones(len(keys), bool)
        placed = np.searchsorted(np.array(plan.starts, np.uint64), position(keys[ok], copy, seed), "right") - 1
        np.add.at(sizes, placed, lengths[ok].astype(np.int64))
    return sizes


# --- hashes
def test_order_key_is_xxh3_of_the_id():
    assert circle.order_key("arxiv:2302.13971") == xxhash.xxh3_64_intdigest(b"arxiv:2302.13971")
    assert circle.keys_of(["a", "é"]).tolist() == [circle.order_key("a"), circle.order_key("é")]
    assert circle.keys_of([]).dtype == np.uint64
    assert circle.order_key("\ud800") != circle.order_key("?")  # JSON can hold half a surrogate pair


def test_salts_differ_by_part():
    assert len({int(salt(name, seed, copy)) for name in ("order", "turn") for seed in (0, 1) for copy in (0, 1)}) == 8


def splitmix_round(z, salted):
    mask = 2**64 - 1
    z = (z + salted) & mask
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
    return z ^ z >> 31


@given(st.lists(st.integers(0, 2**64 - 1), max_size=5), st.integers(0, 2**64 - 1))
def test_remix_is_two_rounds_of_splitmix_and_leaves_the_keys_alone(values, salted):
    keys = np.array(values, np.uint64)
    assert remix(keys, np.uint64(salted)).tolist() == [
        splitmix_round(splitmix_round(v, salted), salted) for v in values
    ]
    assert keys.tolist() == values


def test_a_round_is_the_published_splitmix64():
    assert splitmix_round(0, 0x9E3779B97F4A7C15) == 0xE220A8397B1DCDAF  # its first output from state 0


def chi_square_z(values, bins):
    """How many standard deviations the chi-square of binned hashes lies above its mean."""
    counts = np.bincount(values, minlength=bins)
    expected = len(values) / bins
    return (((counts - expected) ** 2 / expected).sum() - (bins - 1)) / np.sqrt(2 * (bins - 1))


KEY_SETS = {
    "running numbers": np.arange(200_000, dtype=np.uint64),
    "high bits only": np.arange(200_000, dtype=np.uint64) << np.uint64(40),
    "one arc of the circle": np.sort(np.random.default_rng(1).integers(2**62, 2**62 + 2**50, 200_000, np.uint64)),
}


@pytest.mark.parametrize("name", KEY_SETS)
@pytest.mark.parametrize("shift", [0, 27, 54], ids=["low bits", "middle bits", "high bits"])
def test_remix_spreads_any_keys_evenly(name, shift):
    hashed = remix(KEY_SETS[name], salt("order", 1, 0))
    assert abs(chi_square_z((hashed >> np.uint64(shift)).astype(np.int64) % 1024, 1024)) < 4


@pytest.mark.parametrize("other", [("order", 1, 1), ("order", 2, 0), ("include",), ("split",)], ids=str)
def test_remix_under_two_salts_is_independent(other):
    keys = KEY_SETS["running numbers"]
    a, b = (remix(keys, salt(*parts)) >> np.uint64(59) for parts in (("order", 1, 0), other))
    assert abs(chi_square_z((a * np.uint64(32) + b).astype(np.int64), 1024)) < 4


def test_unit_interval_is_even_and_depends_on_every_part():
    values = np.array([circle.unit_interval(f"wikipedia:en/{i}", "limit", 3) for i in range(20_000)])
    assert values.min() >= 0 and values.max() < 1
    assert abs(chi_square_z((values * 256).astype(np.int64), 256)) < 4
    others = np.array([circle.unit_interval(f"wikipedia:en/{i}", "limit", 4) for i in range(20_000)])
    assert abs(np.corrcoef(values, others)[0, 1]) < 0.03
    assert circle.unit_interval("", "limit") < 1


def test_validation_share():
    keys, _ = random_documents(100_000)
    split = circle.split_hash(keys)
    assert circle.in_validation(split, 0.01).mean() == pytest.approx(0.01, rel=0.1)
    assert not circle.in_validation(split, 0).any()
    assert circle.in_validation(split, 1).all()
    assert not (circle.in_validation(split, 0.01) & ~circle.in_validation(split, 0.02)).any()
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(MixtureError, match="from 0 to 1"):
            circle.in_validation(split, wrong)


def test_a_turn_is_rigid():
    keys = np.array([0, 5, 2**64 - 1], np.uint64)
    for copy in (0, 1, 3):
        expected = [(int(key) + circle.turn(copy, 9)) % 2**64 for key in keys]
        assert position(keys, copy, 9).tolist() == expected


# --- the plan
@pytest.mark.parametrize("epochs", [0.37, 1, 2.45])
@pytest.mark.parametrize("shards", [1, 7, 64])
def test_budget_and_shares_hold(epochs, shards):
    keys, lengths = random_documents(20_000)
    budget = round(epochs * int(lengths.sum()))
    plan = plan_source("books", in_chunks(keys, lengths, 5), budget, shards, seed=3)
    assert plan.tokens == written(plan, keys, lengths)
    assert abs(plan.tokens - budget) <= lengths.max() / 2
    assert (plan.whole_copies, plan.copies) == (int(epochs), int(np.ceil(epochs)))
    sizes = shard_sizes(plan, keys, lengths, 3)
    assert sizes.sum() == plan.tokens
    assert np.abs(sizes - plan.tokens / shards).max() <= lengths.max() + plan.tokens / shards / 8192


def test_many_small_documents_hold_shares_to_a_8192th():
    keys, lengths = random_documents(1_000_000, mean=20)
    plan = plan_source("books", [(keys, lengths)], int(lengths.sum()), 4, seed=0)
    sizes = shard_sizes(plan, keys, lengths, 0)
    assert np.abs(sizes / (plan.tokens / 4) - 1).max() < 1.5 / 8192  # a bin holds 15 documents, give or take


def test_the_border_document_is_halved_at_most_when_documents_are_long_and_few():
    keys = circle.keys_of([f"books:{i}" for i in range(6)])
    lengths = np.array([1000, 10, 500, 70, 3000, 1], np.uint32)
    order = np.argsort(remix(keys, salt("include")))
    reached = np.concatenate([[0], np.cumsum(lengths[order])])
    for wanted in range(1, int(lengths.sum()), 7):
        plan = plan_source("books", [(keys, lengths)], wanted, 2, seed=0)
        assert plan.tokens == reached[np.argmin(np.abs(reached - wanted))] == written(plan, keys, lengths)


def test_raising_a_share_only_adds_documents():
    keys, lengths = random_documents(3_000)
    before = np.zeros(len(keys), np.int64)
    for budget in range(0, 3 * int(lengths.sum()), 29_989):
        plan = plan_source("c4", [(keys, lengths)], budget, 3, seed=1)
        copies = plan.whole_copies + included(keys, plan.limit)
        assert (copies >= before).all()
        before = copies
    assert before.min() >= 2


def test_the_chosen_documents_do_not_depend_on_seed_or_shards():
    keys, lengths = random_documents(3_000)
    plans = [plan_source("c4", [(keys, lengths)], 400_000, s, seed) for s, seed in ((1, 1), (9, 1), (9, 2))]
    assert len({(plan.whole_copies, plan.limit, plan.tokens) for plan in plans}) == 1
    assert plans[1].starts != plans[2].starts


documents = st.lists(
    st.tuples(st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 7, 2**64 - 1])), st.integers(0, 50)),
    min_size=1,
    max_size=40,
).filter(lambda pairs: any(length for _, length in pairs))


@settings(max_examples=150, deadline=None)
@given(documents, st.floats(0, 4), st.integers(1, 9), st.integers(0, 3), st.integers(1, 6))
def test_streamed_plan_is_the_plan_of_one_chunk(pairs, epochs, shards, seed, n_chunks):
    keys = np.array([key for key, _ in pairs], np.uint64)
    lengths = np.array([length for _, length in pairs], np.uint32)
    budget = int(epochs * int(lengths.sum()))
    plan = plan_source("x", [(keys, lengths)], budget, shards, seed)
    assert plan_source("x", in_chunks(keys, lengths, n_chunks), budget, shards, seed) == plan
    assert plan.tokens == written(plan, keys, lengths) == shard_sizes(plan, keys, lengths, seed).sum()
    collisions = max(int(lengths[keys == key].sum()) for key in keys)
    assert abs(plan.tokens - budget) <= collisions / 2
    assert len(plan.starts) == shards and plan.starts[0] == 0 and list(plan.starts) == sorted(plan.starts)
    assert plan.starts[-1] < 2**64 == plan.arc(shards - 1)[1]
    assert SourcePlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_chunks_are_read_again_each_time_and_never_more_than_three_times():
    keys, lengths = random_documents(100)

    class Counted:
        passes = 0

        def __iter__(self):
            self.passes += 1
            return iter([(keys, lengths)])

    counted = Counted()
    plan_source("x", counted, int(lengths.sum()) // 2, 2, seed=0)
    assert counted.passes == 3
    with pytest.raises(TypeError, match="re-iterable"):
        plan_source("x", iter([(keys, lengths)]), 10, 2, seed=0)


def test_almost_a_whole_copy_is_a_whole_copy():
    keys, lengths = random_documents(1000)
    total = int(lengths.sum())
    last = lengths[np.argmax(remix(keys, salt("include")))]
    plans = [plan_source("x", [(keys, lengths)], total - missing, 3, seed=0) for missing in (0, 1, last // 3)]
    assert {(plan.whole_copies, plan.limit, plan.tokens) for plan in plans} == {(1, 0, total)}
    assert len(set(plans)) == 1


def test_all_documents_at_the_end_of_the_circle():
    keys = np.array([-circle.turn(0, 5) - 1 - i & 2**64 - 1 for i in range(4)], np.uint64)
    lengths = np.array([5, 6, 7, 8], np.uint32)
    plan = plan_source("x", [(keys, lengths)], 26, 3, seed=5)
    assert max(plan.starts) < 2**64
    assert shard_sizes(plan, keys, lengths, 5).tolist() == [0, 0, 26]


def test_nothing_wanted_is_an_empty_plan():
    nothing = (np.zeros(0, np.uint64), np.zeros(0, np.uint32))
    for chunks in ([], [nothing], [random_documents(5)]):
        plan = plan_source("x", chunks, 0, 3, seed=0)
        assert (plan.copies, plan.tokens, len(plan.starts)) == (0, 0, 3)


@pytest.mark.parametrize(
    ("chunks", "budget", "shards", "message"),
    [
        pytest.param([], 5, 1, "arxiv: 5 tokens wanted, and there are no training documents", id="no chunks"),
        pytest.param([(np.zeros(2, np.uint64), np.zeros(2, np.uint32))], 5, 1, "no training documents", id="no tokens"),
        pytest.param([random_documents(5)], -1, 1, "0 or more, got -1", id="negative"),
        pytest.param([random_documents(5)], 5, 0, "1 to 10,000 shards, got 0", id="no shards"),
        pytest.param([random_documents(5)], 5, 10_001, "1 to 10,000 shards, got 10,001", id="too many shards"),
        pytest.param([random_documents(5)], 10**9, 1, "256 are possible", id="too many epochs"),
    ],
)
def test_what_cannot_be_had_is_one_line(chunks, budget, shards, message):
    with pytest.raises(MixtureError, match=message) as caught:
        plan_source("arxiv", chunks, budget, shards, seed=0)
    assert "\n" not in str(caught.value)
