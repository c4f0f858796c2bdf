"""Documents taken down: gone from everything that holds their text, and nothing else is another byte."""

import itertools
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from corpusmill.cli import main
from corpusmill.errors import UsageError
from corpusmill.formats.documents import read_footer, row_numbers
from corpusmill.formats.stackexchange_parts import CHUNK, _read_chunk
from corpusmill.manifest import UNFINISHED, add_digests, digest_of, hex_digest, read_facts
from corpusmill.pipelines import purge, searching, takedown
from corpusmill.pipelines.takedown import asked, take_down, touched_by
from corpusmill.pipelines.taken_down import LIST, TakenDown
from corpusmill.shards.check import check_output
from running import corpusmill, digests, manifest, run_arguments

SOURCES = ("arxiv", "books", "c4", "commoncrawl", "github", "stackexchange", "wikipedia")
UNKNOWN = "wikipedia:en/987654321"


def rows(output: Path, kind: str, source: str) -> list[dict[str, Any]]:
    return pq.read_table(output / kind / source).to_pylist()


def places(output: Path) -> dict[tuple[str, str, int], str]:
    """Source, document shard and row of each document, as shard indexes name it: its id."""
    found = {}
    for path in sorted((output / "documents").rglob("*.parquet")):
        n_rows, footer = read_footer(str(path))
        ids = pq.read_table(path, columns=["id"])["id"].to_pylist()
        for row, id_ in zip(row_numbers(n_rows, footer.get("taken_down", ())), ids, strict=True):
            found[path.parent.name, path.stem, row] = id_
    return found


def spans(output: Path, shard: str) -> list[tuple[str, int, int]]:
    """The documents of a shard: id, and where they begin and end."""
    named = places(output)
    table = pq.read_table(output / f"shards/index/{shard}.parquet").to_pylist()
    return [
        (named.get((row["source"], row["shard"], row["row"]), "?"), row["start"], row["start"] + row["length"])
        for row in table
    ]


@pytest.fixture(scope="module")
def chosen(finished: Path) -> dict[str, dict[str, Any]]:
    """A document of each source, one that is held out, and one that was dropped after it was extracted, by id."""
    ones = [max(rows(finished, "documents", source), key=lambda row: row["id"]) for source in SOURCES]
    held_out = spans(finished, sorted((finished / "shards/index").glob("val-*"))[0].stem)[0][0]
    ones += [row for source in SOURCES for row in rows(finished, "documents", source) if row["id"] == held_out]
    # This one is of an older dump as well.
    twice = next(row["id"] for row in rows(finished, "dropped", "wikipedia") if row["reason"] == "common.duplicate_id")
    ones += [row for row in rows(finished, "documents", "wikipedia") if row["id"] == twice]
    return {row["id"]: row for row in ones}


@pytest.fixture(scope="module")
def words(chosen: dict[str, dict[str, Any]]) -> TakenDown:
    """What is asked for: a page by its URL, the others by id, and one that is not there."""
    ids = {id_ for id_ in chosen if not id_.startswith("commoncrawl:")}
    urls = {json.loads(row["meta"])["url"] for id_, row in chosen.items() if id_ not in ids}
    return asked([*ids, *urls, UNKNOWN])


@pytest.fixture(scope="module")
def taken(finished: Path, words: TakenDown, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished run after a take-down. Do not change it."""
    output = tmp_path_factory.mktemp("taken") / "out"
    subprocess.run(["cp", "-R", "-p", str(finished), str(output)], check=True)
    touched, facts = take_down(str(output), words, workers=1, quiet=True)
    assert touched.unknown == [UNKNOWN]
    assert facts == {**read_facts(str(output)), "manifest_sha256": facts["manifest_sha256"]}
    return output


def test_the_folder_is_right(taken: Path) -> None:
    assert not [found for found in check_output(str(taken)) if found]
    assert not (taken / UNFINISHED).exists()


def test_only_what_is_touched_is_another_file(finished: Path, taken: Path, chosen: dict) -> None:
    shards = {path.stem for path in (finished / "shards/index").iterdir()}
    hit = {shard for shard in shards if {id_ for id_, _, _ in spans(finished, shard)} & set(chosen)}
    assert 0 < len(hit) < len(shards) and {name.partition("-")[0] for name in hit} == {"train", "val"}
    changed = {
        path.relative_to(taken)
        for folder in ("shards", "tokens", "documents", "dropped", "models", "tokenizer")
        for path in (taken / folder).rglob("*")
        if path.is_file() and path.stat().st_mtime_ns != (finished / path.relative_to(taken)).stat().st_mtime_ns
    }
    assert {path.stem for path in changed if path.parts[1] in ("index", "raw", "megatron")} - {"blend", "README"} <= hit
    assert {path.stem for path in changed if path.parts[1] == "index"} == hit
    folders = {f"train/{name.split('-')[1]}" for name in hit if name.startswith("train")}
    mds = {"/".join(path.parts[2:4]) for path in changed if path.parts[1] == "mds" and path.parts[2] == "train"}
    assert mds == folders | {"train/index.json"}  # READMEs are written again, with the same words
    assert not any(path.parts[0] in ("models", "tokenizer") or path.name == "plan.json" for path in changed)
    files = {(source, shard) for (source, shard, _), id_ in places(finished).items() if id_ in chosen}
    assert {path.parts[1:] for path in changed if path.parts[0] == "documents"} == {
        (s, f"{n}.parquet") for s, n in files
    }
    assert {(path.parts[1], path.stem) for path in changed if path.parts[0] == "tokens"} == files


def test_a_touched_shard_is_what_it_was_without_the_documents(finished: Path, taken: Path, chosen: dict) -> None:
    for path in sorted((finished / "shards/raw").glob("*.bin")):
        before = np.fromfile(path, "<u2")
        ids = spans(finished, path.stem)
        expected = np.concatenate([before[start:end] for id_, start, end in ids if id_ not in chosen])
        assert np.array_equal(np.fromfile(taken / "shards/raw" / path.name, "<u2"), expected)
        assert [id_ for id_, _, _ in spans(taken, path.stem)] == [id_ for id_, _, _ in ids if id_ not in chosen]


def strings_of(path: Path) -> list[str]:
    """All text in a file, whatever its form."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        return [str(value) for name in table.column_names for value in table[name].to_pylist()]
    if path.suffix == ".posts":
        index = np.frombuffer(path.with_suffix(".index").read_bytes()[:-8], CHUNK)
        return [bytes(_read_chunk(str(path), entry)[1]).decode(errors="replace") for entry in index]
    return [path.read_bytes().decode(errors="replace")]


def test_no_file_has_the_text(finished: Path, taken: Path, chosen: dict) -> None:
    lines = {id_: max(row["text"].split("\n"), key=len) for id_, row in chosen.items()}
    # Generated texts share sentences; of each document a line that no other has, before and after steps.
    others = "\n".join(
        row["text"]
        for path in [
            *(finished / "documents").rglob("*.parquet"),
            *(finished / "work/extract").rglob("*.documents.parquet"),
        ]
        for row in pq.read_table(path).to_pylist()
        if row["id"] not in chosen
    )
    wanted = {line for line in lines.values() if line not in others}
    assert len(wanted) >= len(SOURCES) - 1

    def holding(output: Path) -> dict[str, str]:
        files = [
            path for path in output.rglob("*") if path.is_file() and path.suffix not in (".bin", ".arpa", ".model")
        ]
        return {
            str(path.relative_to(output)): line
            for path in files
            for line in wanted
            if any(line in text for text in strings_of(path))
        }

    folders = {"/".join(path.split("/")[: 2 if path.startswith("work/") else 1]) for path in holding(finished)}
    assert folders >= {"documents", "work/extract", "work/judge", "work/sample"}
    assert holding(taken) == {}


def test_accounts_and_digests(finished: Path, taken: Path, chosen: dict) -> None:
    before, after = manifest(finished), manifest(taken)
    for source in SOURCES:
        mine = {id_: row for id_, row in chosen.items() if row["source"] == source}
        assert not set(mine) & {row["id"] for row in rows(taken, "documents", source)}
        listed = [row for row in rows(taken, "dropped", source) if row["reason"] == "common.taken_down"]
        assert {row["id"] for row in listed} == set(mine) and not any(row["head"] for row in listed)
        there, now = before["sources"][source], after["sources"][source]
        assert now["documents.kept"] == there["documents.kept"] - len(mine)
        assert now["documents.in"] == there["documents.in"]
        assert now["documents.dropped.common.taken_down"] == len(mine)
    left = add_digests(
        int(before["corpus"]["documents"], 16), *(-digest_of(row["id"], row["text"]) for row in chosen.values())
    )
    assert after["corpus"]["documents"] == hex_digest(left)
    for name in ("train", "val", "shards"):
        assert after["corpus"][name] != before["corpus"][name]


def test_dropped_documents_lose_their_heads(finished: Path, chosen: dict, taken: Path) -> None:
    heads = [row["head"] for row in rows(finished, "dropped", "wikipedia") if row["id"] in chosen]
    assert heads and all(heads)
    assert not any(row["head"] for row in rows(taken, "dropped", "wikipedia") if row["id"] in chosen)


def test_the_same_run_makes_nothing_again(taken: Path, inputs: Path, copy_of: Callable[[Path], Path]) -> None:
    output = copy_of(taken)
    times = {path: path.stat().st_mtime_ns for path in (output / "work/receipts").rglob("*.json")}
    corpusmill(*run_arguments(inputs, output, 1), expect=4)
    assert digests(output) == digests(taken)
    assert {path for path, time in times.items() if path.stat().st_mtime_ns != time} == set()
    assert manifest(output)["corpus"] == manifest(taken)["corpus"]


def test_no_later_run_brings_them_back(
    taken: Path, inputs: Path, chosen: dict, copy_of: Callable[[Path], Path]
) -> None:
    output = copy_of(taken)
    for path in (output / "work/extract/wikipedia").glob("*.documents.parquet"):
        path.unlink()  # read from the dumps again
    for path in (output / "work/posts/stackexchange").glob("*.posts"):
        path.unlink()
    corpusmill(*run_arguments(inputs, output, 1, "--set", "seed=2", "--redo"), expect=4)
    kept = set(places(output).values())
    assert kept == set(places(taken).values()) and not kept & set(chosen)
    assert manifest(output)["corpus"]["documents"] == manifest(taken)["corpus"]["documents"]
    assert not [found for found in check_output(str(output)) if found]


def test_killed_at_any_moment_the_same_command_goes_on(
    finished: Path, taken: Path, words: TakenDown, copy_of: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = copy_of(finished)

    def killed(module: Any, name: str, at: int) -> None:
        """Let the take-down die at the nth call of a function."""
        original, calls = getattr(module, name), itertools.count(1)

        def dying(*arguments: Any, **named: Any) -> Any:
            if next(calls) == at:
                raise KeyboardInterrupt
            return original(*arguments, **named)

        with monkeypatch.context() as patched:
            patched.setattr(module, name, dying)
            with pytest.raises(KeyboardInterrupt):
                take_down(str(output), words, workers=1, quiet=True)

    killed(takedown, "write_receipt", 3)
    for at in (1, 2, 3, 4, 5, 8):
        killed(purge, "write_receipt", at)  # before the file has its name
    killed(takedown, "_finish", 1)
    with pytest.raises(UsageError, match="a take-down is not finished"):
        main_error(output)
    killed(takedown, "write_shards", 1)
    killed(takedown, "write_manifest", 1)
    assert not (output / "manifest.json").exists()
    take_down(str(output), TakenDown(), workers=1, quiet=True)  # the list is there
    assert digests(output) == digests(taken)
    assert manifest(output)["corpus"] == manifest(taken)["corpus"]
    assert manifest(output)["sources"] == manifest(taken)["sources"]


def main_error(output: Path) -> None:
    from corpusmill.mixtures.recipe import load
    from corpusmill.pipelines.build import check_folder

    check_folder(str(output), load("sample"), redo=True, whole=True)


def test_one_after_the_other_is_the_same_as_both(
    finished: Path, taken: Path, words: TakenDown, copy_of: Callable[[Path], Path]
) -> None:
    output = copy_of(finished)
    first = frozenset(sorted(words.ids)[::2])
    take_down(str(output), TakenDown(first), workers=1, quiet=True)
    touched, _ = take_down(str(output), TakenDown(words.ids - first, words.urls), workers=1, quiet=True)
    assert not {one.id for one in touched.documents} & first
    # Rows of dropped documents stand in the order in which they went.
    same = [path for path in digests(taken) if not path.startswith("dropped/")]
    assert {path: digests(output)[path] for path in same} == {path: digests(taken)[path] for path in same}
    assert (output / LIST).read_bytes() == (taken / LIST).read_bytes()


def test_a_dry_run_says_what_would_be_and_writes_nothing(
    finished: Path, words: TakenDown, chosen: dict, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    assert main(["takedown", str(finished), *words.ids, *words.urls, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "Would touch" in said and f"{UNKNOWN}: not in the corpus; it would go on the list" in said
    assert all(id_ in said for id_ in chosen)
    touched, _ = touched_by(str(finished), words)
    assert f"{len(touched.shards)} shards" in said and all(shard in said for shard in touched.shards[:20])
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*")} == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["nowhere"], "no run here", id="no folder"),
        pytest.param(["OUT", "twelve"], "twelve: expected an id as in", id="no id"),
        pytest.param(["OUT"], "no take-down to go on with here", id="nothing to go on with"),
    ],
)
def test_errors(arguments: list[str], said: str, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(finished) if word == "OUT" else word for word in arguments]
    assert main(["takedown", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_list_that_cannot_be_read_stops_everything(tmp_path: Path) -> None:
    assert TakenDown.read(str(tmp_path)) == TakenDown()
    (tmp_path / LIST).write_text('{"ids": ["a"')
    with pytest.raises(UsageError, match="expected a JSON object"):
        TakenDown.read(str(tmp_path))


def test_posts_that_do_not_fit_their_index_go_as_a_whole(tmp_path: Path) -> None:
    from corpusmill.manifest import Receipt

    (tmp_path / "a.posts").write_bytes(b"posts")
    (tmp_path / "a.index").write_bytes(b"no index at all")
    one = purge.Purge(str(tmp_path), "stackexchange/posts", Receipt("a", "", {}, {}, 0, ""), TakenDown())
    one.posts("a.posts", "a.index", {1})
    assert not (tmp_path / "a.posts").exists() and not (tmp_path / "a.index").exists()


@pytest.mark.parametrize("n_urls", [0, 1, searching.FEW + 1])
def test_a_list_is_found_as_by_reading_all_rows(
    n_urls: int, taken: Path, chosen: dict, words: TakenDown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder where documents were taken down before, so that rows have other numbers; footers of few are read."""
    kept = [row for source in ("c4", "wikipedia") for row in rows(taken, "documents", source)]
    urls = sorted({json.loads(row["meta"])["url"] for row in kept[:: len(kept) // 40]})[:n_urls]
    wanted = TakenDown(frozenset(chosen) | {row["id"] for row in kept[::50]}, frozenset(urls))
    expected = []
    for path in [*sorted(taken.glob("documents/*/*.parquet")), *sorted(taken.glob("dropped/*/*.parquet"))]:
        table = pq.read_table(path).to_pylist()
        numbers = row_numbers(len(table), read_footer(str(path))[1].get("taken_down", ()))
        for number, row in zip(numbers, table, strict=True):
            url = json.loads(row["meta"]).get("url", "") if "meta" in row else row["url"] or ""
            if row["id"] in wanted.ids or url in wanted.urls:
                reason = row.get("reason", "")
                expected.append(takedown.Found(row["id"], url, str(path.relative_to(taken)), number, reason))
    asked_of = []

    def counted(url: str) -> Any:
        asked_of.append(url)
        return read_footer(url)

    monkeypatch.setattr(takedown, "read_footer", counted)
    found = takedown.find(str(taken), wanted)
    assert found == expected
    assert len({one.reason for one in found}) > 1
    assert sorted(asked_of) == sorted({str(taken / one.path) for one in found})


def test_receipts_are_not_listed_for_each_document(
    finished: Path, chosen: dict, copy_of: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = str(copy_of(finished))
    words = TakenDown(frozenset(id_ for id_ in chosen if not id_.startswith("wikipedia:")))  # whose leads are all asked
    found = takedown.find(output, words)
    assert len({one.path for one in found}) > 5
    monkeypatch.setattr(takedown, "finished_items", None)
    takedown._purge(output, words, found)
    assert not any(one.is_kept for one in takedown.find(output, words))
