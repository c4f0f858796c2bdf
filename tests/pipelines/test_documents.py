"""Slices to documents: accounts, parts, and who keeps an id."""

import collections
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.manifest import DIGEST, hex_digest
from corpusmill.mixtures.recipe import read_recipe
from corpusmill.pipelines import source as sources
from corpusmill.pipelines.source import BATCH, Aids, Basis, Step, drop, keep_if, run_steps, step
from corpusmill.pipelines.sources import source_of
from corpusmill.pipelines.unique import CLAIM, LOW, STORED, Claims, find_losers
from corpusmill.records import Document, Dropped, Reason
from corpusmill.samples.cirrus import N_AGAIN
from corpusmill.samples.wikipedia import N_DUPLICATES
from running import ALONE, corpusmill, digests, manifest, run_arguments

CLAIMS = st.lists(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 2), st.integers(0, 2)), max_size=6),
    max_size=4,
)


@given(CLAIMS)
def test_one_document_an_id_stays_whatever_the_shards(shards: list[list[tuple[int, int, int, int]]]) -> None:
    """Against the rule said plainly: smallest rank, then smallest tie, then first in the plan's order."""
    everyone = [
        ((high, low), (place, tie, shard, row))
        for shard, claims in enumerate(shards)
        for row, (high, low, place, tie) in enumerate(claims)
    ]
    winners = {name: min(rank for other, rank in everyone if other == name) for name, _ in everyone}
    expected = sorted(rank[2:] for name, rank in everyone if rank != winners[name])
    pieces = [np.array([(*claim, row) for row, claim in enumerate(claims)], CLAIM) for claims in shards]
    assert find_losers(pieces) == expected


def test_ranks_and_keys_beyond_63_bits_are_compared_as_they_are() -> None:
    pieces = [
        np.array([(LOW, LOW, LOW - 1, LOW, 0), (LOW, LOW - 1, 5, 0, 1)], CLAIM),
        np.array([(LOW, LOW, LOW - 2**40, 0, 0)], CLAIM),
    ]
    assert find_losers(pieces) == [(0, 0)]


def test_of_one_id_the_newest_revision_stays_then_the_smallest_content_of_one_content_the_smallest_key() -> None:
    ids, contents = Claims(), Claims()
    for row, (name, text, revision) in enumerate([("a", "x", 7), ("a", "y", 9), ("b", "y", 9), ("b", "y", 9)]):
        ids.add_id(Document(name, text, ""), row, revision)
        contents.add_content(text, Document(name, text, ""), row)
    pieces = [np.frombuffer(claims.sorted_bytes(), STORED) for claims in (ids, contents)]
    assert find_losers(pieces[:1]) == [(0, 0), (0, 3)]
    keys = {name: xxhash.xxh3_128_intdigest(name.encode()) for name in "ab"}
    assert find_losers(pieces[1:]) == ([(0, 1), (0, 3)] if keys["b"] < keys["a"] else [(0, 2), (0, 3)])


def test_the_newest_revision_stays(finished: Path) -> None:
    documents = {row["id"]: row for row in pq.read_table(finished / "documents/wikipedia").to_pylist()}
    dropped = pq.read_table(finished / "dropped/wikipedia").to_pylist()
    losers = [row for row in dropped if row["reason"] == Reason.DUPLICATE_ID]
    assert len(losers) == N_DUPLICATES + N_AGAIN
    for row in losers:
        assert row["id"] in documents
        assert row["head"]


def test_parts_of_a_slice_hold_the_same_documents_in_the_same_order(
    inputs: Path, finished: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    corpusmill(*run_arguments(inputs, output, 1, "--set", "sources.wikipedia.part_mb=0.02", *ALONE), expect=4)
    parts = sorted((output / "documents/wikipedia").glob("frwiki-20220620*"))
    assert len(parts) > 2
    whole = pq.read_table(finished / "documents/wikipedia/frwiki-20220620-pages-articles.parquet")["id"].to_pylist()
    by_part = sorted(parts, key=lambda path: (len(path.stem), path.stem))
    assert [one for path in by_part for one in pq.read_table(path)["id"].to_pylist()] == whole
    ours, theirs = (manifest(folder)["sources"]["wikipedia"] for folder in (output, finished))
    names = [name for name in theirs if not name.startswith(("tokens", "damage"))]
    assert {name: ours[name] for name in names} == {name: theirs[name] for name in names}
    corpusmill("check", output)
    assert set(digests(output, ["documents"])) > set(digests(finished, ["documents/wikipedia"]))


def test_slices_give_the_documents_of_the_whole_dump(inputs: Path, finished: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    corpusmill(*run_arguments(inputs, output, 1, "--set", "sources.wikipedia.slice_mb=0.01", *ALONE), expect=4)

    def rows(folder: Path) -> list[str]:
        return sorted(map(str, pq.read_table(folder / "documents/wikipedia").to_pylist()))

    assert len(list((output / "documents/wikipedia").iterdir())) > len(
        list((finished / "documents/wikipedia").iterdir())
    )
    assert rows(output) == rows(finished)
    ours, theirs = (manifest(folder)["sources"]["wikipedia"] for folder in (output, finished))
    damage = {name: n for name, n in theirs.items() if name.startswith("damage.")}
    assert damage
    assert {name: n for name, n in ours.items() if name.startswith("damage.")} == damage


def test_counts_stand_in_the_footer_of_each_file(finished: Path) -> None:
    from corpusmill.formats.documents import read_footer

    total: collections.Counter[str] = collections.Counter()
    for path in (finished / "documents/wikipedia").iterdir():
        n_rows, footer = read_footer(str(path))
        assert n_rows == footer["counts"].get("documents.kept", 0)
        assert footer["fingerprint"]
        total.update(footer["counts"])
    facts = manifest(finished)
    counts = facts["sources"]["wikipedia"]
    # A sum of its own, so that neither order nor files matter.
    assert hex_digest(total.pop(DIGEST)) == facts["corpus"]["sources"]["wikipedia"]
    assert {name: n for name, n in counts.items() if name in total} == dict(total)


DOCUMENTS = st.lists(st.text(max_size=5), max_size=600).map(
    lambda texts: [Document(str(i), text, "test") for i, text in enumerate(texts)]
)


@given(DOCUMENTS)
def test_steps_give_one_result_for_each_document_in_order(documents: list[Document]) -> None:
    steps = (
        step("short", keep_if(lambda d: len(d.text) > 1, Reason.EMPTY), Basis.OURS),
        step("with a", lambda d: drop(d, Reason.WIKIPEDIA_REDIRECT, 1.0) if "a" in d.text else d, Basis.OURS),
    )
    results = list(run_steps(documents, steps))
    assert [r.id for r in results] == [d.id for d in documents]
    for document, result in zip(documents, results, strict=True):
        if len(document.text) <= 1:
            assert result == Dropped(document.id, Reason.EMPTY, None, document.text)
        elif "a" in document.text:
            assert result == Dropped(document.id, Reason.WIKIPEDIA_REDIRECT, 1.0, document.text)
        else:
            assert result is document


def test_seconds_of_a_step_are_those_of_its_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that a step moves by as many seconds as it sees documents, and reading too."""
    clock = [0.0]
    monkeypatch.setattr(sources.time, "thread_time", lambda: clock[0])

    def documents() -> Iterator[Document]:
        for number in range(BATCH + 10):
            clock[0] += 1000
            yield Document(str(number), "text", "test")

    def look(documents: Sequence[Document]) -> Sequence[Document]:
        clock[0] += len(documents)
        return documents

    def only_the_first(documents: Sequence[Document]) -> list[Document | Dropped]:
        clock[0] += 0.5
        return [d if d.id == "0" else drop(d, Reason.EMPTY) for d in documents]

    steps = [Step(name, function, Basis.OURS) for name, function in (("a", look), ("b", only_the_first), ("c", look))]
    spent = {"a": 1.0}
    assert len(list(run_steps(documents(), steps, spent))) == BATCH + 10
    assert spent == {"a": 1.0 + BATCH + 10, "b": 1.0, "c": 1.0}
    assert len(list(run_steps(documents(), steps))) == BATCH + 10


def test_seconds_of_steps_are_the_sums_of_receipts(finished: Path) -> None:
    """Of all phases of a source, whose names the manifest has; each step that ran is among them."""
    facts = manifest(finished)
    for source, options in read_recipe(str(finished)).active.items():
        sums: collections.Counter[str] = collections.Counter()
        for path in (finished / "work/receipts" / source).rglob("*.json"):
            sums.update(json.loads(path.read_text())["steps"])
        found = facts["step_seconds"][source]
        assert found == {name: pytest.approx(took, abs=0.001) for name, took in sums.items()}
        assert all(took >= 0 for took in found.values()) and sum(found.values()) > 0
        assert set(found) == {one.name for one in source_of(source, options).steps(options, Aids())}
