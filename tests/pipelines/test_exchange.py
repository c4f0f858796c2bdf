"""The exchange: the same answers as the rule in memory, however the work is cut."""

import itertools
import json
import resource
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpusmill.errors import ShardError
from corpusmill.filters.ccnet import drop_shared_lines
from corpusmill.mixtures.recipe import Recipe
from corpusmill.mixtures.sources import CommonCrawlRecipe, LinesRecipe, Sources
from corpusmill.pipelines import exchange, sorted_keys
from corpusmill.pipelines.answers import Sidecars, documents_with, open_answers, sidecars_of
from corpusmill.pipelines.engine.driver import Driver
from corpusmill.pipelines.exchange import asking_steps, groups_of, hash_phase, masks_phase
from corpusmill.pipelines.phase import Item, Phase
from corpusmill.pipelines.reading import Reading, readings
from corpusmill.pipelines.sorted_keys import SortedKeys
from corpusmill.pipelines.source import Aids, run_steps
from corpusmill.pipelines.sources import SOURCES
from corpusmill.records import Document
from corpusmill.storage import between, find_inputs, identified
from phases import make, write_wet
from running import SHARED

SOURCE, PLACE = SOURCES["commoncrawl"], "commoncrawl/lines"
CASES = SHARED / "cases/ccnet_dedup.jsonl"
MIB = 1 << 20


def recipe_of(lines: LinesRecipe, exchange_mb: float = 128.0) -> Recipe:
    source = CommonCrawlRecipe(inputs=("*.wet",), epochs=1, min_chars=0, lines=lines, perplexity="skip", cited="skip")
    return Recipe("test", Sources(commoncrawl=source), exchange_mb=exchange_mb)


def make_exchange(folder: Path, recipe: Recipe) -> tuple[list[Reading], dict[str, Sidecars], list[str]]:
    """The plan, the sidecars of each slice, and the names of the groups."""
    options = recipe.active["commoncrawl"]
    plan = readings("commoncrawl", identified(find_inputs(str(folder), "*.wet")), recipe)
    [asking] = asking_steps(SOURCE, options)
    one = asking.exchange
    groups = groups_of(one, plan)
    hashed = make(hash_phase(SOURCE, plan, asking, {}), folder)
    compare = exchange.exchange_phase(PLACE, str(folder), groups, hashed, one.keep, recipe.exchange_mb)
    compared = make(compare, folder)
    masked = make(masks_phase(PLACE, str(folder), groups, hashed, compared, one.keep), folder)
    return plan, sidecars_of(hashed, masked, one.keep), [group.name for group in groups]


def through_phases(shards: Sequence[Sequence[str]], recipe: Recipe) -> list[list[str | None]]:
    """What the phases leave of texts, in the shape of `filters.ccnet.drop_shared_lines`."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for number, texts in enumerate(shards):
            pages = [(f"{number}-{at}", f"title\n{text}\n") for at, text in enumerate(texts)]
            write_wet(folder / f"{number:03d}.wet", pages)
        plan, sidecars, _ = make_exchange(folder, recipe)
        left: list[list[str | None]] = []
        for reading in plan:
            answers = open_answers(sidecars[reading.slice.name], lambda path, sha256: str(folder / path))
            steps = SOURCE.steps(reading.recipe, Aids({}, {"lines": answers}))[:2]
            results = run_steps((r for r in reading.records(Counter()) if isinstance(r, Document)), steps)
            left.append([result.text if isinstance(result, Document) else None for result in results])
        return left


LINES = st.sampled_from(["", "Home", "HOME", "About 12", "about 99", "one", "two", "drei", "–", "a,b", "ΣΑΣ", "x" * 50])
TEXTS = st.lists(LINES, min_size=1, max_size=6).map("\n".join)
SHARDS = st.lists(st.lists(TEXTS, max_size=5), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shards=SHARDS,
    keep=st.sampled_from(["none", "first"]),
    groups=st.integers(1, 6),
    method=st.sampled_from([("sha1", "ccnet-code"), ("xxh3", "ccnet-code"), ("sha1", "ccnet-paper")]),
    exchange_mb=st.sampled_from([0.001, 128.0]),
)
def test_the_phases_do_what_the_rule_does(monkeypatch, shards, keep, groups, method, exchange_mb) -> None:
    """For any split into slices, groups, ranges of keys and sorted runs."""
    monkeypatch.setattr(exchange, "MIB", 16 << 10)  # 0.001 of it: a range holds two keys
    monkeypatch.setattr(sorted_keys, "IN_MEMORY", 3)
    lines = LinesRecipe(keep=keep, groups=groups, hash=method[0], normalise=method[1])
    n_groups = min(groups, len(shards))
    edges = [len(shards) * edge // n_groups for edge in range(n_groups + 1)]
    expected = [
        left
        for start, stop in itertools.pairwise(edges)
        for left in drop_shared_lines(shards[start:stop], keep, hash=method[0], normalise=method[1])
    ]
    assert through_phases(shards, recipe_of(lines, exchange_mb)) == expected


@pytest.mark.skipif(not CASES.exists(), reason="no shared cases here")
def test_the_reference_agrees() -> None:
    for case in map(json.loads, CASES.read_text().splitlines()):
        keep = "first" if case["mode"] == "keep_first" else "none"
        left = through_phases(case["shards"], recipe_of(LinesRecipe(keep=keep, groups=1)))
        found = [[(at, text) for at, text in enumerate(shard) if text is not None] for shard in left]
        expected = [[(one["doc"], one["text"]) for one in shard] for shard in case["expected"]]
        assert found == expected, case["id"]


def test_a_dump_is_compared_with_itself_alone_and_cut_in_the_order_of_the_plan(tmp_path: Path) -> None:
    for name in (
        "CC-MAIN-2018-30/a",
        "CC-MAIN-2018-30/b",
        "CC-MAIN-2019-09/c",
        "CC-MAIN-2019-09/d",
        "CC-MAIN-2019-09/e",
    ):
        write_wet(tmp_path / "commoncrawl" / f"{name}.wet", [(name[-1], "title\nshared\n")])
    recipe = recipe_of(LinesRecipe(groups=2))
    plan = readings("commoncrawl", identified(find_inputs(str(tmp_path), "commoncrawl/*/*.wet")), recipe)
    [found] = asking_steps(SOURCE, recipe.active["commoncrawl"])
    groups = {group.name: [name[-1] for name in group.slices] for group in groups_of(found.exchange, plan)}
    assert groups == {
        "CC-MAIN-2018-30-00000-of-00002": ["a"],
        "CC-MAIN-2018-30-00001-of-00002": ["b"],
        "CC-MAIN-2019-09-00000-of-00002": ["c"],
        "CC-MAIN-2019-09-00001-of-00002": ["d", "e"],
    }


def test_one_more_input_changes_only_the_masks_that_it_changes(tmp_path: Path) -> None:
    write_wet(tmp_path / "a.wet", [("a", "title\nmenu\none\n")])
    write_wet(tmp_path / "b.wet", [("b", "title\nmenu\ntwo\n")])
    recipe = recipe_of(LinesRecipe(groups=1))
    _, before, _ = make_exchange(tmp_path, recipe)
    write_wet(tmp_path / "c.wet", [("c", "title\ntwo\n")])
    _, after, _ = make_exchange(tmp_path, recipe)
    assert after["a"] == before["a"]
    assert after["b"].mask != before["b"].mask


def test_documents_that_have_a_line_are_counted_over_the_group(tmp_path: Path) -> None:
    write_wet(tmp_path / "a.wet", [("a", "title\nmenu\nmenu\none\n"), ("b", "title\nmenu\n")])
    write_wet(tmp_path / "b.wet", [("c", "title\nMENU\ntwo\n")])
    plan, _, _ = make_exchange(tmp_path, recipe_of(LinesRecipe(groups=1)))
    [found] = asking_steps(SOURCE, plan[0].recipe)
    [keys] = found.exchange.keys([Document("x", "menu\none\nthree", "commoncrawl")])
    assert documents_with(str(tmp_path), "work/masks/commoncrawl/lines/a.group", keys) == [3, 1, 0]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 0x55
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("phase", "ending"),
    [
        ("hash", ".keys"),
        ("hash", ".documents"),
        ("exchange", ".keys"),
        ("exchange", ".documents"),
        ("exchange", ".bits"),
    ],
)
def test_what_is_damaged_between_phases_is_made_again(phase: str, ending: str, tmp_path: Path) -> None:
    """Behind the backs of the receipts, which know of sizes only: after as many runs as it takes, all is as it was."""
    folder = tmp_path / "in/commoncrawl/CC-MAIN-2019-09"
    for name, lines in (("a", "menu\none"), ("b", "menu\ntwo")):
        write_wet(folder / f"{name}.wet", [(name, f"title\n{lines}\n")])
    recipe = recipe_of(LinesRecipe(groups=1))

    def masks(output: Path, damage_after: str = "") -> dict[str, str]:
        driver = Driver(str(output), workers=1, quiet=True)
        plan = readings("commoncrawl", identified(find_inputs(str(tmp_path / "in"), "commoncrawl/*/*.wet")), recipe)
        [asking] = asking_steps(SOURCE, recipe.active["commoncrawl"])
        groups = groups_of(asking.exchange, plan)
        hashed = driver.run(hash_phase(SOURCE, plan, asking, {}))
        if damage_after == "hash":
            flip(next(output.rglob(f"*a{ending}")))
        compared = driver.run(exchange.exchange_phase(PLACE, str(output), groups, hashed, "none", 1))
        if damage_after == "exchange":
            flip(
                next(
                    path for path in output.rglob(f"*{ending}") if ending == ".bits" or path.name.endswith(f"a{ending}")
                )
            )
        done = driver.run(masks_phase(PLACE, str(output), groups, hashed, compared, "none"))
        return {path: file.sha256 for receipt in done.values() for path, file in receipt.files.items()}

    expected = masks(tmp_path / "good")
    output = tmp_path / "out"
    with pytest.raises(ShardError, match="damaged on disk"):
        masks(output, damage_after=phase)
    for _ in range(3):
        try:
            found = masks(output)
            break
        except ShardError as error:
            assert "The same command makes it again" in str(error)
    assert found == expected


def test_a_group_of_more_slices_than_files_may_be_open(tmp_path: Path) -> None:
    for number in range(90):
        write_wet(tmp_path / f"{number:03d}.wet", [(f"{number}", f"title\nmenu\n{number} {'x' * number}\n")])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (80, hard))
    try:
        _, sidecars, _ = make_exchange(tmp_path, recipe_of(LinesRecipe(groups=1)))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(sidecars) == 90


def test_a_file_of_bits_that_does_not_fit_is_an_error(tmp_path: Path) -> None:
    write_wet(tmp_path / "a.wet", [("a", "title\none\ntwo\n")])
    _, sidecars, _ = make_exchange(tmp_path, recipe_of(LinesRecipe(groups=1)))
    group = tmp_path / "work/exchange/commoncrawl/lines/all-00000-of-00001.json"
    group.write_text(json.dumps({**json.loads(group.read_text()), "bits": []}))
    one, listed = sidecars["a"], str(group.relative_to(tmp_path))
    task = exchange.Mask(one.hashed, listed, 0, "none", "mask")
    with pytest.raises(ShardError, match="expected a bit for each of 2 keys, found 0"):
        make(Phase("test/masks", [Item("a", "", 0, task)], exchange.gather), tmp_path)


@pytest.mark.parametrize("in_memory", [1, 3, 1000])
def test_sorted_keys_are_those_of_numpy(in_memory: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    held = SortedKeys(tmp_path, in_memory=in_memory)
    documents = [rng.integers(0, 1 << 64, 20, np.uint64) % np.uint64(50) << np.uint64(58) for _ in range(40)]
    owned = SortedKeys(tmp_path / "owned", owned=True, in_memory=in_memory)
    (tmp_path / "owned").mkdir()
    owners = rng.integers(0, 1 << 64, len(documents), np.uint64)
    for keys, owner in zip(documents, owners.tolist(), strict=True):
        held.add(keys)
        owned.add(keys, owner)
    pieces = list(held.merged())
    expected, counts = np.unique(np.concatenate([np.unique(keys) for keys in documents]), return_counts=True)
    assert np.concatenate([piece.keys for piece in pieces]).tolist() == expected.tolist()
    assert np.concatenate([piece.counts for piece in pieces]).tolist() == counts.tolist()
    assert max(len(piece.keys) for piece in pieces) <= max(2 * in_memory, 20) or in_memory == 1
    least = {key: min(o for keys, o in zip(documents, owners.tolist(), strict=True) if key in keys) for key in expected}
    found = [pair for piece in owned.merged() for pair in zip(piece.keys.tolist(), piece.owners.tolist(), strict=True)]
    assert found == list(least.items())


@given(st.lists(st.integers(0, (1 << 64) - 1), max_size=80), st.integers(0, 1 << 64), st.integers(0, 1 << 64))
def test_between_finds_the_range_however_keys_are_spread(keys: list[int], a: int, b: int) -> None:
    first, last = sorted((a, b))
    array = np.sort(np.array(keys, np.uint64))
    if first == last:
        return
    position, found = between(array, first, last)
    assert found.tolist() == [key for key in array.tolist() if first <= key < last]
    assert position == sum(key < first for key in keys)
