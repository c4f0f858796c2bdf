"""A mixture of all seven sources as statistics: shares, shuffle, and a validation split that does not leak."""

import numpy as np
import pytest

from corpusmill.mixtures.circle import count_tokens, plan_source
from corpusmill.mixtures.plan import plan
from corpusmill.mixtures.recipe import load
from corpusmill.pipelines.sources import SOURCES
from corpusmill.records import Document
from corpusmill.shards.build import build_shard, build_validation, documents, plan_validation
from corpusmill.shards.tokens import TokenFile, pack

N_SHARDS, SEED, VALIDATION = 8, 5, 0.001
# Far beyond it something is wrong; of a hundred true shuffles not one comes near.
Z = 5.0


@pytest.fixture(scope="module")
def mixed():
    """100,000 documents of equal mean length in the shares of Table 1, each seen about once, and their shards."""
    recipe = load("llama1", ["budget_tokens=2_000_000"])
    rng = np.random.default_rng(0)
    files = {}
    for name, source in recipe.active.items():
        n = round(1000 * (source.weight or 0))
        texts = [rng.integers(3, 999, length) for length in rng.integers(10, 31, n)]
        ids = [f"{name}:{number}" for number in range(n)]
        packed, index = pack(ids, texts, ids, "<u2")
        files[name] = [TokenFile(index, packed, name)]
    chunks = {name: documents(of_source, VALIDATION, None, None) for name, of_source in files.items()}
    available = {name: count_tokens(of_source) for name, of_source in chunks.items()}
    rows = {row.source: row for row in plan(recipe, available)}
    plans = {name: plan_source(name, chunks[name], rows[name].wanted or 0, N_SHARDS, SEED) for name in files}
    shards = [build_shard(files, plans, k, SEED, VALIDATION, None, None) for k in range(N_SHARDS)]
    return files, rows, plans, shards


def test_shares_are_those_of_the_recipe_to_a_hundredth_of_a_point(mixed) -> None:
    files, rows, plans, shards = mixed
    total = sum(int(shard.table["length"].sum(dtype=np.int64)) for shard in shards)
    for rank, name in enumerate(sorted(files)):
        written = sum(int(s.table["length"][s.table["source"] == rank].sum(dtype=np.int64)) for s in shards)
        assert written == plans[name].tokens
        assert abs(written - rows[name].wanted) <= 15, "half of the longest document"
        assert abs(written / total - rows[name].share) < 0.0001


def test_every_shard_has_these_shares(mixed) -> None:
    files, _, plans, shards = mixed
    for shard in shards:
        for rank, name in enumerate(sorted(files)):
            here = int(shard.table["length"][shard.table["source"] == rank].sum(dtype=np.int64))
            wanted = plans[name].tokens / N_SHARDS
            assert abs(here - wanted) <= 30 + wanted / 8192 * 2


def test_sources_follow_each_other_as_if_by_chance(mixed) -> None:
    """How often a document of one source follows one of another, against a shuffle (chi-square, as a z-score)."""
    _, _, _, shards = mixed
    found, expected = np.zeros((7, 7)), np.zeros((7, 7))
    for shard in shards:
        sources = shard.table["source"].astype(int)
        np.add.at(found, (sources[:-1], sources[1:]), 1)
        share = np.bincount(sources, minlength=7) / len(sources)
        expected += np.outer(share, share) * (len(sources) - 1)
    chi_square, freedom = ((found - expected) ** 2 / expected).sum(), 36
    assert abs(chi_square - freedom) / np.sqrt(2 * freedom) < Z


def test_where_a_document_stands_says_nothing_of_where_it_was(mixed) -> None:
    """Shard and place in it against the number of the document in its source: correlation, and evenness over cells."""
    _, _, _, shards = mixed
    for rank in range(7):
        rows, places = [], []
        for number, shard in enumerate(shards):
            at = np.flatnonzero(shard.table["source"] == rank)
            rows.append(shard.table["row"][at].astype(float))
            places.append(number + at / len(shard.table))
        row, place = np.concatenate(rows), np.concatenate(places)
        n = len(row)
        assert abs(np.corrcoef(row, place)[0, 1]) * np.sqrt(n) < Z
        cells, _, _ = np.histogram2d(
            row / (row.max() + 1), place / N_SHARDS, bins=(8, N_SHARDS), range=((0, 1), (0, 1))
        )
        margins = np.outer(cells.sum(1), cells.sum(0)) / n
        chi_square, freedom = ((cells - margins) ** 2 / margins).sum(), 7 * (N_SHARDS - 1)
        assert abs(chi_square - freedom) / np.sqrt(2 * freedom) < Z


def test_length_does_not_decide_the_place(mixed) -> None:
    _, _, _, shards = mixed
    for shard in shards:
        length = shard.table["length"].astype(float)
        assert abs(np.corrcoef(length, np.arange(len(length)))[0, 1]) * np.sqrt(len(length)) < Z


def test_validation_is_its_share_and_no_training_document(mixed) -> None:
    files, _, _, shards = mixed
    val = plan_validation(files, 1, VALIDATION, None, None)
    held = build_validation(files, val, 0, VALIDATION, None, None)
    n = sum(len(file.index) for of_source in files.values() for file in of_source)
    assert abs(len(held.table) - n * VALIDATION) / np.sqrt(n * VALIDATION) < Z
    seen = {(int(row["source"]), int(row["row"])) for shard in shards for row in shard.table[["source", "row"]]}
    assert not seen & {(int(row["source"]), int(row["row"])) for row in held.table[["source", "row"]]}


def key(source: str, name: str, text: str = "", **meta: object) -> str:
    return SOURCES[source].split_key(Document(name, text, source, meta))


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        pytest.param(
            key("commoncrawl", "commoncrawl:1", url="http://www.example.org:80/a"),
            key("commoncrawl", "commoncrawl:2", url="https://www.example.org/a#b"),
            True,
            id="a page crawled twice",
        ),
        pytest.param(
            key("commoncrawl", "commoncrawl:1", url="https://example.org/a"),
            key("c4", "c4:example.org/a", url="http://example.org/a"),
            True,
            id="a page of C4",
        ),
        pytest.param(key("c4", "c4:a", url=""), key("c4", "c4:b", url=""), False, id="pages without an address"),
        pytest.param(
            key("github", "github:a/x", "code"), key("github", "github:b/y", "code"), True, id="the same code"
        ),
        pytest.param(key("github", "github:a/x", "code"), key("github", "github:a/x", "other"), False, id="other code"),
        pytest.param(key("wikipedia", "wikipedia:en/1"), key("wikipedia", "wikipedia:de/1"), False, id="two languages"),
        pytest.param(
            key("books", "books:gutenberg/1", cluster="books:gutenberg/9"),
            key("books", "books:mine/1", cluster="books:gutenberg/9"),
            True,
            id="books that share content",
        ),
        pytest.param(key("books", "books:gutenberg/1"), key("books", "books:gutenberg/2"), False, id="other books"),
        pytest.param(
            key("stackexchange", "stackexchange:a.com/1"),
            key("stackexchange", "stackexchange:b.com/1"),
            False,
            id="sites",
        ),
    ],
)
def test_what_must_not_leak_lies_on_one_side(one: str, other: str, together: bool) -> None:
    assert (one == other) == together
