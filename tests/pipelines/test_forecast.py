"""A measuring run: everything measured is what a run gives, and a part of it says how far it may be wrong."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from corpusmill.manifest import File, Receipt
from corpusmill.pipelines.exchange import ENTRY
from corpusmill.pipelines.measured import Sampled, account
from corpusmill.pipelines.part import Part, Unit
from corpusmill.pipelines.source import stem_of
from corpusmill.storage import Input
from running import ALONE, SMALL, contents, corpusmill, made_once, manifest


def plan(inputs: Path, *more: object, expect: int | None = 0) -> dict[str, Any]:
    """The rows of a forecast, by name."""
    done = corpusmill("plan", "sample", "--inputs", inputs, *SMALL, *more, "--json", "-q", expect=expect)
    return {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def everything(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A forecast from all inputs."""

    def make(folder: Path) -> None:
        (folder / "rows.json").write_text(json.dumps(plan(inputs, "--measure", "100%", "--price", 2, expect=None)))

    return json.loads((made_once(tmp_path_factory, "everything measured", make) / "rows.json").read_text())


@pytest.fixture(scope="module")
def half(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A forecast from about half of each source."""

    def make(folder: Path) -> None:
        (folder / "rows.json").write_text(json.dumps(plan(inputs, "--measure", "0.5", expect=None)))

    return json.loads((made_once(tmp_path_factory, "half measured", make) / "rows.json").read_text())


def kept_of(finished: Path) -> dict[str, Mapping[str, int]]:
    return manifest(finished)["sources"]


def test_measuring_everything_gives_what_a_run_gives(everything: Any, inputs: Path, finished: Path) -> None:
    for source, counts in kept_of(finished).items():
        row = everything[source]
        documents = counts["documents.kept"]
        assert row["documents"] == {"value": documents, "low": documents, "high": documents, "guess": False}, source
        assert row["tokens"]["value"] == counts["tokens"] + 2 * counts["documents.tokenised"], source
        assert row["measured"]["bytes"] == row["measured"]["bytes_found"] == row["measured"]["bytes_whole"]
    written = [path for folder in ("documents", "dropped") for path in (finished / folder).rglob("*.parquet")]
    names = [path.relative_to(inputs) for path in inputs.rglob("*") if path.is_file() and not path.stat().st_size]
    empty = {stem_of(Input(str(name), "", 0, "")) for name in names}  # a file without a byte is not measured
    size = sum(path.stat().st_size for path in written if path.stem not in empty)
    assert everything["all"]["disk"]["documents"]["value"] == size


def test_the_exchange_moves_keys_and_bits(everything: Any, finished: Path) -> None:
    work = finished / "work"
    moved = [
        path.stat().st_size
        for folder in ("hash/c4", "exchange/c4")
        for path in (work / folder).rglob("*")
        if path.suffix in (".keys", ".owners", ".bits")
    ]
    empty = 2 * ENTRY.itemsize  # a file without a byte has an entry of its own in both exchanges; it is not measured
    assert everything["c4"]["moved"]["value"] == sum(moved) - empty > 0
    assert everything["wikipedia"]["moved"]["value"] == 0


def test_sums_and_prices(everything: Any) -> None:
    rows = [row for name, row in everything.items() if name != "all"]
    total = everything["all"]
    assert total["core_hours"]["value"] == pytest.approx(sum(row["core_hours"]["value"] for row in rows))
    assert total["cost"]["value"] == pytest.approx(2 * total["core_hours"]["value"])
    assert total["tokens"]["value"] == sum(row["tokens"]["value"] for row in rows if row["tokens"])
    assert everything["wikipedia"]["mixture"]["epochs"] == pytest.approx(2.45, abs=0.01)


def test_the_truth_lies_in_the_interval(half: Any, finished: Path) -> None:
    """Of 95 in 100 such intervals, so one of the fourteen may miss. The choice of slices and all counts are the same
    everywhere: this is no matter of chance from run to run."""
    missed = []
    for source, counts in kept_of(finished).items():
        row = half[source]
        assert row["measured"]["slices"] < row["measured"]["slices_found"], source
        for what, truth in (
            ("documents", counts["documents.kept"]),
            ("tokens", counts["tokens"] + 2 * counts["documents.tokenised"]),
        ):
            low, high = row[what]["low"], row[what]["high"]
            if not ((low is None or low <= truth) and (high is None or truth <= high)):
                missed.append((source, what, truth, row[what]))
    assert len(missed) <= 1, missed


def test_what_is_compared_is_measured_in_three_sizes(half: Any) -> None:
    assert half["stackexchange"]["measured"]["compared_times"] is None
    assert half["wikipedia"]["measured"]["falls"].keys() == {"documents", "text"}
    assert half["wikipedia"]["documents"]["guess"]


def test_a_classifier_of_few_pages_says_at_most(half: Any) -> None:
    assert half["commoncrawl"]["documents"]["low"] is None


def test_one_slice_gives_no_interval(inputs: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    rows = plan(inputs, *ALONE, "--measure", "0.0001%", "--output", kept, "--whole", "wikipedia=60GB")
    row = rows["wikipedia"]
    assert row["measured"]["slices"] == 1
    assert row["measured"]["bytes_whole"] == 60_000_000_000
    assert (row["core_hours"]["low"], row["core_hours"]["high"]) == (None, None)
    assert (row["documents"]["low"], row["documents"]["guess"]) == (None, True)
    assert "is read, a slice of" in rows["all"]["notes"][0]
    assert "no three sizes" in rows["all"]["notes"][1]
    documents = list((kept / "documents/wikipedia").glob("*.parquet"))
    assert len(documents) == 1  # --output keeps the run
    again = plan(inputs, *ALONE, "--measure", "0.0001%", "--output", kept, "--whole", "wikipedia=60GB")
    assert again["wikipedia"]["documents"] == row["documents"]


def test_what_was_run_is_gone_without_output(inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = set(contents(inputs))
    plan(inputs, *ALONE, "--measure", "0.0001%")
    assert not list(tmp_path.glob("corpusmill-measure-*"))
    assert set(contents(inputs)) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--measure", "1%"], "give --inputs", id="no inputs"),
        pytest.param(["--price", "1"], "give --measure", id="price of nothing"),
        pytest.param(["--measure", "0"], "above 0", id="nothing"),
        pytest.param(["--measure", "200%"], "at most 1", id="more than all"),
        pytest.param(["--measure", "1%", "--inputs", "x", "--whole", "wikipedia"], "SOURCE=SIZE", id="no size"),
        pytest.param(["--measure", "1%", "--inputs", "x", "--whole", "wikipedia=much"], "a size", id="what size"),
        pytest.param(["--measure", "1%", "--inputs", "x", "--whole", "wiki=1GB"], "not a source", id="what source"),
    ],
)
def test_what_is_refused(arguments: list[str], message: str) -> None:
    assert message in corpusmill("plan", "sample", *arguments, expect=2).stderr


def test_a_finished_run_is_no_place_to_measure_in(inputs: Path, finished: Path) -> None:
    done = corpusmill("plan", "sample", "--inputs", inputs, "--measure", "1%", "--output", finished, expect=2)
    assert "folder of its own" in done.stderr


# --- receipts ---------------------------------------------------------------------------------------------------------


def receipt(name: str, cpu: float, first: bool, path: str, size: int, counts: Mapping[str, int]) -> Receipt:
    return Receipt(name, "f", {path: File(size, "s", counts=counts)}, {}, cpu * 3, "host", cpu, first)


def test_getting_ready_is_told_apart_from_work() -> None:
    """Two processes open models for a second each; all else takes a tenth of a second a slice."""
    units = tuple(Unit(str(n), (str(n),), Input(str(n), "", 10, ""), 10.0, "", 10) for n in range(4))
    one = Sampled(Part("books", units, units, ()), whole=400.0)
    counts = {"documents.kept": 5, "bytes.kept": 50}
    extracted = {str(n): receipt(str(n), 0.1 + (n < 2), n < 2, f"work/{n}.parquet", 7, {}) for n in range(4)}
    documents = {"0-part0001": receipt("0-part0001", 0, False, "documents/books/0.parquet", 9, counts)}
    tokens = {
        "books/3": receipt("books/3", 0, False, "tokens/books/3.tokens", 8, {"tokens": 30, "documents.tokenised": 5})
    }
    account(one, {"books/extract": extracted, "books/documents": documents, "tokens": tokens}, marks=2)
    assert one.started == pytest.approx(2.0)
    assert one.first == {"0", "1"}
    assert [one.units[str(n)]["cpu"] for n in range(4)] == pytest.approx([0.1] * 4)
    assert (one.units["0"]["documents"], one.units["0"]["text"], one.units["3"]["tokens"]) == (5, 50, 40)
    assert sum(amounts["disk.work"] for amounts in one.units.values()) == 28
    assert one.passes == 1
    assert one.grown == 10


def test_what_is_of_no_slice_is_shared() -> None:
    units = (Unit("a", ("a",), Input("a", "", 10, ""), 10.0, "", 10),)
    one = Sampled(Part("c4", units, units, ()), whole=10.0)
    hashed = {"a": receipt("a", 1, True, "work/hash/c4/shared/a.keys", 80, {})}
    compared = {"all-part": receipt("all-part", 2, True, "work/exchange/c4/shared/all.bits", 3, {})}
    account(one, {"c4/shared/hash": hashed, "c4/shared/exchange": compared, "tokenizer": compared}, marks=2)
    assert one.shared == {"cpu": 2, "disk.work": 3, "moved": 3}
    assert one.units["a"] == {"cpu": 1, "disk.work": 80, "moved": 80}
    assert one.started == 0  # one slice alone does not tell
