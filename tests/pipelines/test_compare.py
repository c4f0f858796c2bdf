"""Two runs side by side: equal ones are equal, and of others the counts of documents add up."""

import dataclasses
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from corpusmill.errors import UsageError
from corpusmill.manifest import read_manifest
from corpusmill.pipelines import comparing, crossing
from corpusmill.pipelines.comparing import Comparison, compare
from corpusmill.pipelines.crossing import ABSENT
from corpusmill.records import Reason
from running import corpusmill, made_once, run_arguments

C4 = {"strict": ("c4.min_sentences=6", "c4.min_words=8"), "plain": ()}


def c4_run(name: str, inputs: Path, factory: pytest.TempPathFactory) -> Path:
    """A run of C4 alone."""

    def make(output: Path) -> None:
        settings = [word for one in C4[name] for word in ("--set", f"sources.{one}")]
        arguments = run_arguments(inputs, output, 1, *settings)
        corpusmill(*arguments[:2], "c4", *arguments[2:], expect=4)

    return made_once(factory, f"c4-{name}", make)


@pytest.fixture(scope="module")
def plain(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return c4_run("plain", inputs, tmp_path_factory)


@pytest.fixture(scope="module")
def strict(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return c4_run("strict", inputs, tmp_path_factory)


def kept(output: Path) -> dict[str, str]:
    return {row["id"]: row["text"] for row in pq.read_table(output / "documents/c4").to_pylist()}


def dropped(output: Path) -> dict[str, str]:
    return {row["id"]: row["reason"] for row in pq.read_table(output / "dropped/c4").to_pylist()}


def test_a_run_is_the_same_as_itself(finished: Path, copy_of: Callable[[Path], Path]) -> None:
    found = compare(str(finished), str(copy_of(finished)))
    assert found.same
    assert not (found.settings or found.versions or found.inputs or found.digests)
    assert all(one.same and one.crossing is None for one in found.sources.values())
    done = corpusmill("compare", finished, finished)
    assert "The same corpus: all digests are equal." in done.stdout
    assert "wikipedia: the same documents, the same accounts." in done.stdout


def check_against_all_ids(found: Comparison, a: Path, b: Path) -> None:
    """The oracle: dictionaries of all ids."""
    kept_a, kept_b, lost_a, lost_b = kept(a), kept(b), dropped(a), dropped(b)
    expected: Counter[tuple[str, str]] = Counter()
    for id_ in {*kept_a, *kept_b, *lost_a, *lost_b}:
        sides = (
            "kept" if id_ in have else lost.get(id_, ABSENT) for have, lost in ((kept_a, lost_a), (kept_b, lost_b))
        )
        expected[tuple(sides)] += 1
    crossed = found.sources["c4"].crossing
    assert crossed
    assert crossed.kept_in_both == expected.pop(("kept", "kept"))
    assert {(cell.a, cell.b): cell.n for cell in crossed.cells} == {
        cell: n for cell, n in expected.items() if cell[0] != cell[1]
    }
    assert crossed.other_text.n == sum(kept_a[id_] != kept_b[id_] for id_ in {*kept_a} & {*kept_b})
    for cell in crossed.cells:
        assert len(cell.examples) == min(3, cell.n)
        for example in cell.examples:
            assert cell.a == ("kept" if example.id in kept_a else lost_a.get(example.id, ABSENT))
            assert cell.b == ("kept" if example.id in kept_b else lost_b.get(example.id, ABSENT))
    for example in crossed.other_text.examples:
        assert example.lines
        assert kept_a[example.id] != kept_b[example.id]
        assert all(line in text[example.id] for line, text in zip(example.lines, (kept_a, kept_b), strict=True))


def test_counts_add_up(plain: Path, strict: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = compare(str(plain), str(strict))
    assert not found.same
    assert [(one.name, one.a, one.b) for one in found.settings] == [
        ("sources.c4.min_words", 5, 8),
        ("sources.c4.min_sentences", 3, 6),
    ]
    assert not (found.versions or found.inputs)
    check_against_all_ids(found, plain, strict)
    counts = {one.name: (one.a, one.b) for one in found.sources["c4"].counts}
    crossed = found.sources["c4"].crossing
    assert crossed
    assert crossed.other_text.n
    for side, n_kept in zip("ab", counts["documents.kept"], strict=True):
        assert crossed.kept_in_both + sum(c.n for c in crossed.cells if getattr(c, side) == "kept") == n_kept
    assert any((cell.a, cell.b) == ("kept", Reason.C4_TOO_FEW_SENTENCES) for cell in crossed.cells)
    # In ranges on disk as in memory; and the other way round.
    monkeypatch.setattr(crossing, "ROWS_AT_ONCE", 100)
    assert dataclasses.asdict(compare(str(plain), str(strict))) == dataclasses.asdict(found)
    check_against_all_ids(compare(str(strict), str(plain)), strict, plain)


def test_what_was_taken_down_is_called_so(finished: Path, copy_of: Callable[[Path], Path]) -> None:
    """Though another document with its id went for that."""
    counts = Counter(row["id"] for row in pq.read_table(finished / "dropped/wikipedia").to_pylist())
    kept_too = {row["id"] for row in pq.read_table(finished / "documents/wikipedia").to_pylist()} & set(counts)
    id_, output = min(kept_too), copy_of(finished)
    corpusmill("takedown", output, id_, "-q")
    crossed = compare(str(finished), str(output)).sources["wikipedia"].crossing
    assert crossed
    assert [(cell.a, cell.b, cell.n, cell.examples[0].id) for cell in crossed.cells] == [
        ("kept", Reason.TAKEN_DOWN, 1, id_)
    ]


def test_for_a_person_and_for_a_program(plain: Path, strict: Path) -> None:
    done = corpusmill("compare", plain, strict, "--examples", 1, expect=3)
    assert "sources.c4.min_sentences" in done.stdout
    assert "kept in A, c4.too_few_sentences in B: " in done.stdout
    assert "documents kept in both" in done.stdout
    found = json.loads(corpusmill("compare", plain, strict, "--json", expect=3).stdout)
    assert found["sources"]["c4"]["crossing"]["kept_in_both"] > 0
    assert found["same"] is False


def test_a_run_of_one_source_beside_a_whole_one(finished: Path, plain: Path) -> None:
    found = compare(str(finished), str(plain))
    assert {name: (one.a, one.b) for name, one in found.sources.items() if not (one.a and one.b)} == {
        name: (True, False) for name in found.sources if name != "c4"
    }
    assert found.sources["c4"].same
    assert found.sources["c4"].crossing is None
    shown = corpusmill("compare", finished, plain, expect=3).stdout
    assert "books: in A alone." in shown
    assert "c4: the same documents, the same accounts." in shown


def test_documents_that_are_not_there(plain: Path, inputs: Path, tmp_path: Path) -> None:
    """Inputs that one run had alone."""
    some = tmp_path / "in"
    shutil.copytree(inputs, some, symlinks=True)
    gone = sorted((some / "c4").rglob("*.wet.gz"))[0]
    gone.unlink()
    arguments = run_arguments(some, tmp_path / "out", 1)
    corpusmill(*arguments[:2], "c4", *arguments[2:], expect=None)
    found = compare(str(plain), str(tmp_path / "out"))
    assert found.inputs["c4"].only_a == 1
    assert found.inputs["c4"].first.endswith(gone.name)
    check_against_all_ids(found, plain, tmp_path / "out")
    crossed = found.sources["c4"].crossing
    assert crossed
    assert any(cell.b == ABSENT for cell in crossed.cells)


def test_no_runs(plain: Path, inputs: Path, copy_of: Callable[[Path], Path]) -> None:
    with pytest.raises(UsageError, match=r"no finished run here"):
        compare(str(plain), str(inputs))
    spoilt = copy_of(plain)
    (spoilt / "manifest.json").write_text("{}")
    with pytest.raises(UsageError, match="not as it was written"):
        compare(str(spoilt), str(plain))


def test_rows_are_written_many_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch has a few rows of each range: a range's file is opened once for many batches, and memory is bounded."""
    bits, n_batches, batch, held = 6, 400, 256, 10_000
    monkeypatch.setattr(crossing, "HELD", held)
    opened: Counter[str] = Counter()
    real = Path.open

    def counted(path: Path, *rest: Any) -> Any:
        opened[path.name] += 1
        return real(path, *rest)

    monkeypatch.setattr(Path, "open", counted)
    store = crossing._Store(tmp_path / "store", bits)
    rng, most = np.random.default_rng(0), 0
    rows = np.zeros(n_batches * batch, crossing.ROW)
    rows["key"] = rng.integers(0, (1 << 64) - 1, len(rows), np.uint64, endpoint=True)
    rows["row"] = np.arange(len(rows))
    for one in np.split(rows, n_batches):
        store.add(one)
        most = max(most, sum(map(len, store._held)))
    store.flush()
    assert most < held
    assert set(opened.values()) == {-(-len(rows) // (-(-held // batch) * batch))}
    for part in range(1 << bits):
        assert np.array_equal(store.part(part), rows[rows["key"] >> np.uint64(64 - bits) == part])


def test_too_little_room_is_said_before_anything_is_read(
    plain: Path, strict: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n = sum(len(of(output)) for of in (kept, dropped) for output in (plain, strict))
    monkeypatch.setattr(crossing, "ROWS_AT_ONCE", 100)
    free = 25 * n - 1
    monkeypatch.setattr(crossing.shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(0, 0, free))
    monkeypatch.setattr(crossing, "read_rows", None)
    with pytest.raises(UsageError, match=r"are free\. Set TMPDIR to a folder with more room"):
        compare(str(plain), str(strict))
    monkeypatch.undo()
    assert n < crossing.ROWS_AT_ONCE  # in memory, where no room is asked for


def test_examples_that_cannot_be_read_are_left_out(plain: Path, strict: Path, copy_of: Callable[[Path], Path]) -> None:
    """The columns that are compared can be read, and the others of their row groups cannot."""
    spoilt = copy_of(plain)
    expected = compare(str(plain), str(strict)).sources["c4"].crossing
    for path in (spoilt / "documents/c4").iterdir():
        data = bytearray(path.read_bytes())
        footer = pq.read_metadata(path)
        for group in range(footer.num_row_groups):
            meta = footer.row_group(group).column(3)
            assert meta.path_in_schema == "meta"
            start = meta.dictionary_page_offset or meta.data_page_offset
            data[start : start + meta.total_compressed_size] = bytes(meta.total_compressed_size)
        path.write_bytes(data)
    crossed = compare(str(spoilt), str(strict)).sources["c4"].crossing
    assert expected
    assert crossed
    assert expected.other_text.examples
    assert (crossed.other_text.n, crossed.other_text.examples) == (expected.other_text.n, [])
    for cell, before in zip(crossed.cells, expected.cells, strict=True):
        assert (cell.a, cell.b, cell.n) == (before.a, before.b, before.n)
        assert cell.examples == ([] if cell.a == "kept" else before.examples)


def test_a_file_that_cannot_be_read(plain: Path, strict: Path, copy_of: Callable[[Path], Path]) -> None:
    spoilt = copy_of(plain)
    path = min((spoilt / "dropped/c4").iterdir())
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UsageError, match=rf"dropped/c4/{path.name}: cannot be read as a file of a run"):
        compare(str(spoilt), str(strict))


def test_the_manifest_is_read_once_for_all_sources(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []

    def counted(*asked: Any) -> Any:
        reads.append(asked)
        return read_manifest(*asked)

    monkeypatch.setattr(comparing, "read_manifest", counted)
    run = comparing.Run.open(str(finished))
    rows = pq.read_table(finished / "manifest.parquet").to_pylist()
    for source in run.facts["sources"]:
        assert run.files(source) == {
            row["path"]: (row["rows"], row["sha256"])
            for row in rows
            if row["path"].split("/")[0] in ("documents", "dropped") and row["path"].split("/")[1] == source
        }
    assert len(reads) == 1
