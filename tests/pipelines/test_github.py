"""GitHub from BigQuery's exports to documents: licences, copies, headers, and the three tables joined."""

import contextlib
import dataclasses
import gzip
import json
import shutil
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusmill.errors import UsageError
from corpusmill.filters.github import judge
from corpusmill.filters.licenses import identify, is_permitted
from corpusmill.formats.columns import GithubColumns
from corpusmill.mixtures.recipe import Recipe
from corpusmill.mixtures.sources import GithubRecipe, Sources
from corpusmill.pipelines.exchange import asking_steps, hash_phase
from corpusmill.pipelines.github import SOURCE, check_kinds, keep_licenses, slices
from corpusmill.pipelines.inputs import Model
from corpusmill.pipelines.reading import readings
from corpusmill.pipelines.repositories import LICENSES
from corpusmill.pipelines.source import Aids
from corpusmill.pipelines.why import fates
from corpusmill.records import Document, Dropped, Reason
from corpusmill.samples.github import rows, to_tables
from corpusmill.storage import find_inputs, identified
from running import SHARED, corpusmill, digests, manifest, run_arguments

REAL = SHARED / "data"
RECIPE = GithubRecipe(inputs=("*.jsonl.gz",), epochs=1)


def only_github(inputs: Path, output: Path, *more: object) -> list[str]:
    arguments = run_arguments(inputs, output, 1, *more)
    return [*arguments[:2], "github", *arguments[2:]]


def export(path: Path, found: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in found).encode()))


def row(repo: str, path: str, content: str, **fields: object) -> dict:
    return {"repo_name": repo, "path": path, "content": content, "license": "mit", "ref": "refs/heads/main"} | fields


def documents(output: Path) -> dict[str, dict]:
    found = pq.read_table(output / "documents/github").to_pylist()
    return {row["id"]: {**row, **json.loads(row["meta"])} for row in found}


def dropped(output: Path) -> dict[str, str]:
    return {row["id"]: row["reason"] for row in pq.read_table(output / "dropped/github").to_pylist()}


@pytest.fixture
def made(finished: Path) -> Path:
    """GitHub of the sample, beside the other sources. Do not change it."""
    return finished


def test_every_reason_has_files(made: Path) -> None:
    counts = manifest(made)["sources"]["github"]
    gone = {name.removeprefix("documents.dropped.") for name in counts if name.startswith("documents.dropped.")}
    ours = {str(reason) for reason in Reason if reason.startswith("github.")}
    assert gone == ours - {Reason.GITHUB_FEW_LETTERS_PER_TOKEN, Reason.GITHUB_HEADER_LINE} | {Reason.EMPTY}
    assert counts["documents.in"] == counts["documents.kept"] + sum(
        n for name, n in counts.items() if name.startswith("documents.dropped.")
    )


def test_the_run_does_what_the_rules_do_in_memory(inputs: Path, made: Path) -> None:
    """Another way to the same files: all rows in memory, and no exchange."""
    found = [row for row in rows(0, 0.15) if row["content"] is not None and not row["binary"]]
    found = [row for row in found if not row["symlink_target"]]
    texts: dict[str, set[str]] = defaultdict(set)
    for one in found:
        if one["license"] is None and one["path"] in ("LICENSE", "COPYING", "LICENSE.md", "LICENSE.txt"):
            texts[one["repo_name"]].add(identify(one["content"]) or "")
    license_of = {repo: names.pop() for repo, names in texts.items() if len(names) == 1}
    there = {
        f"github:{one['repo_name']}/{one['path']}": one
        for one in found
        if is_permitted(one["license"] or license_of.get(one["repo_name"]))
    }
    kept = documents(made)
    # Damaged files hold other repositories, and their contents may be copies of these.
    ours = {name: one for name, one in kept.items() if name in there}
    verdicts = {name: judge(one["content"], one["path"]) for name, one in there.items()}
    assert all(verdicts[name].text == one["text"] for name, one in ours.items())
    good = {name for name, verdict in verdicts.items() if verdict.text is not None}
    gone = dropped(made)
    assert {gone[name] for name in good - set(ours)} == {Reason.GITHUB_COPY}
    for name in good - set(ours):
        copies = [other for other, one in there.items() if one["content"] == there[name]["content"]]
        assert len(copies) > 1 or there[name]["path"].startswith("third_party/")
    contents = Counter(there[name]["content"] for name in ours)
    assert set(contents.values()) == {1}


def test_no_license_but_a_text_that_tells(made: Path) -> None:
    kept = documents(made).values()
    told = {one["license"] for one in kept} - {"mit", "apache-2.0", "bsd-2-clause", "bsd-3-clause"}
    assert told == {"Apache-2.0"}, "names as SPDX has them come from texts; a title alone tells nothing"


def test_of_copies_the_smallest_id_stays_in_any_order(tmp_path: Path) -> None:
    content = "def add(a, b):\n    return a + b\n"
    found = [row(f"owner{number}/repo", "a.py", content) for number in range(6)]
    found += [row("owner6/repo", "b.py", content, license="gpl-3.0")]
    survivors = set()
    for turn in range(3):
        folder = tmp_path / f"{turn}"
        turned = found[turn * 2 :] + found[: turn * 2]
        export(folder / "in/github/joined/a.jsonl.gz", turned[:3])
        export(folder / "in/github/joined/b.jsonl.gz", turned[3:])
        corpusmill(*only_github(folder / "in", folder / "out"))
        survivors |= set(documents(folder / "out"))
        assert Counter(dropped(folder / "out").values()) == {Reason.GITHUB_COPY: 5, Reason.GITHUB_LICENSE: 1}
    assert len(survivors) == 1


def test_a_copy_with_a_name_that_does_not_pass_drops_no_other(tmp_path: Path) -> None:
    found = []
    for number in range(30):
        content = f"value = {number}\n"
        found += [row("a/b", f"src/{number}.txt", content), row("c/d", f"src/{number}.py", content)]
    export(tmp_path / "in/github/joined/a.jsonl.gz", found)
    corpusmill(*only_github(tmp_path / "in", tmp_path / "out"))
    assert len(documents(tmp_path / "out")) == 30
    assert Counter(dropped(tmp_path / "out").values()) == {Reason.GITHUB_EXTENSION: 30}


def test_links_and_submodules_have_no_text(tmp_path: Path) -> None:
    found = [row("a/b", f"{mode}.py", f"x = {mode}\n", mode=mode) for mode in (33188, 33261, 40960, "57344")]
    export(tmp_path / "in/github/joined/a.jsonl.gz", found)
    corpusmill(*only_github(tmp_path / "in", tmp_path / "out"))
    assert len(documents(tmp_path / "out")) == 2
    assert set(dropped(tmp_path / "out").values()) == {Reason.GITHUB_BINARY}


def test_settings_that_keep_nothing_are_said(tmp_path: Path) -> None:
    export(tmp_path / "in/github/joined/a.jsonl.gz", [row("a/b", "a.py", "x = 1\n")])
    said = corpusmill(*only_github(tmp_path / "in", tmp_path / "out", "--set", "sources.github.licenses=[mti]")).stderr
    assert "github: none of its 1 document is kept, 1 of them go for github.license" in said
    lost = only_github(tmp_path / "in", tmp_path / "x", "--set", "sources.github.columns.license=terms")
    assert "expected a column for license (terms)" in corpusmill(*lost, expect=1).stderr


def test_names_of_columns_are_settings(tmp_path: Path) -> None:
    export(tmp_path / "in/github/joined/a.jsonl.gz", [{"file": "a.py", "body": "x = 1\n", "terms": "MIT"}])
    lost = corpusmill(*only_github(tmp_path / "in", tmp_path / "out"), expect=1)
    assert "expected a column for path (path) and for content (content), got file, body, terms" in lost.stderr
    settings = [f"sources.github.columns.{ours}={theirs}" for ours, theirs in
                (("path", "file"), ("content", "body"), ("license", "terms"))]  # fmt: skip
    corpusmill(*only_github(tmp_path / "in", tmp_path / "out", *(word for one in settings for word in ("--set", one))))
    [one] = documents(tmp_path / "out").values()
    assert (one["text"], one["license"]) == ("x = 1\n", "MIT")
    assert one["id"] == f"github:{one['blob']}/a.py", "a path alone is no name"


@pytest.mark.parametrize(
    ("license_", "known", "reason"),
    [
        pytest.param("mit", None, None, id="as BigQuery names it"),
        pytest.param("BSD-3-Clause", None, None, id="as SPDX does"),
        pytest.param("gpl-2.0", "MIT", Reason.GITHUB_LICENSE, id="what is given counts"),
        pytest.param(None, "Apache-2.0", None, id="a text that is recognised"),
        pytest.param("", "GPL-3.0", Reason.GITHUB_LICENSE, id="a text of another licence"),
        pytest.param(None, None, Reason.GITHUB_LICENSE_UNKNOWN, id="nothing is known"),
    ],
)
def test_licenses(license_: str | None, known: str | None, reason: Reason | None, monkeypatch) -> None:
    class Known:
        def of(self, repos: list[str]) -> list[str | None]:
            return [known for _ in repos]

    monkeypatch.setattr("corpusmill.pipelines.github.open_licenses", lambda url: Known())
    file = Document("github:a/b/c.py", "x", "github", {"license": license_, "repo": "a/b", "path": "c.py"})
    result = keep_licenses(RECIPE, Aids({LICENSES: ""}))(file)
    assert (result.reason if isinstance(result, Dropped) else None) == reason


def test_several_license_files_must_all_be_known_and_kept(tmp_path: Path) -> None:
    spdx = "SPDX-License-Identifier: {}\n"
    found = []
    for repo, texts in {
        "both/good": {"LICENSE-MIT": spdx.format("MIT"), "LICENSE-APACHE": spdx.format("Apache-2.0")},
        "one/bad": {"LICENSE": spdx.format("MIT"), "COPYING": spdx.format("GPL-3.0-only")},
        "one/unknown": {"LICENSE": spdx.format("MIT"), "COPYING": "Ask us first.\n"},
        "below/root": {"vendor/LICENSE": spdx.format("MIT")},
        "no/license": {},
    }.items():
        found += [row(repo, path, text, license=None) for path, text in texts.items()]
        found.append(row(repo, "main.py", f"print({repo!r})\n", license=None))
    export(tmp_path / "in/github/joined/a.jsonl.gz", found)
    corpusmill(*only_github(tmp_path / "in", tmp_path / "out"))
    assert set(documents(tmp_path / "out")) == {"github:both/good/main.py"}
    assert documents(tmp_path / "out")["github:both/good/main.py"]["license"] == "Apache-2.0 AND MIT"
    gone = dropped(tmp_path / "out")
    assert gone["github:one/bad/main.py"] == Reason.GITHUB_LICENSE
    for repo in ("one/unknown", "below/root", "no/license"):
        assert gone[f"github:{repo}/main.py"] == Reason.GITHUB_LICENSE_UNKNOWN
    without = only_github(tmp_path / "in", tmp_path / "without", "--set", "sources.github.license_texts=false")
    corpusmill(*without)
    assert set(dropped(tmp_path / "without").values()) == {Reason.GITHUB_LICENSE_UNKNOWN}


def tables(folder: Path, found: list[dict], n_files: int) -> None:
    """The rows of a joined export as the three tables, each in several files."""
    for name, lines in to_tables(found, n_files).items():
        export(folder / f"{name}.jsonl.gz", lines)


def test_three_tables_give_what_their_join_gives(tmp_path: Path) -> None:
    found = [one for one in rows(0, 0.5) if one["license"] and one["content"] is not None and not one["symlink_target"]]
    export(tmp_path / "joined/github/joined/a.jsonl.gz", found)
    tables(tmp_path / "apart/github/joined", found, 3)
    for form in ("joined", "apart"):
        corpusmill(*only_github(tmp_path / form, tmp_path / f"out-{form}"))
    joined, apart = (documents(tmp_path / f"out-{form}") for form in ("joined", "apart"))
    assert {name: one["text"] for name, one in joined.items()} == {name: one["text"] for name, one in apart.items()}
    assert {name: one["license"] for name, one in joined.items()} == {
        name: one["license"] for name, one in apart.items()
    }
    assert len(joined) > 50


def test_tables_with_damage_are_read_accounted_for_and_checked(inputs: Path, tmp_path: Path) -> None:
    apart = ("--set", "sources.github.inputs=[github/tables/*]")
    corpusmill(*only_github(inputs, tmp_path / "out", *apart), expect=4)
    counts = manifest(tmp_path / "out")["sources"]["github"]
    assert counts["damage.bad_row"] == 3, "one of each table"
    corpusmill("check", tmp_path / "out")
    assert len(documents(tmp_path / "out")) > 30
    # Whatever is damaged behind the run's back is found, and made again.
    for pattern in ("work/github/index/places-*.json", "work/github/index/*.index", "work/places/github/*.places"):
        output = tmp_path / pattern.split("/")[1] / pattern[-5:]
        shutil.copytree(tmp_path / "out", output)
        for path in output.glob(pattern):
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)
        later = ("index", "list", "texts", "known", "contents", "extract") if "places/" in pattern else ("extract",)
        for phase in later:
            shutil.rmtree(output / "work/receipts/github" / phase)
        (output / "manifest.json").unlink()
        for _ in range(4):
            done = corpusmill(*only_github(inputs, output, *apart), expect=None)
            if done.returncode == 4:
                break
            assert "damaged" in done.stderr
        assert documents(output) == documents(tmp_path / "out")


def test_a_notice_beside_the_license_says_nothing_of_it(tmp_path: Path) -> None:
    found = [
        row("a/b", "LICENSE", "SPDX-License-Identifier: Apache-2.0\n", license=None),
        row("a/b", "NOTICE", "This product includes software of others.\n", license=None),
        row("a/b", "COPYRIGHT", "Copyright by all of us.\n", license=None),
        row("a/b", "main.py", "print(1)\n", license=None),
    ]
    export(tmp_path / "in/github/joined/a.jsonl.gz", found)
    corpusmill(*only_github(tmp_path / "in", tmp_path / "out"))
    assert set(documents(tmp_path / "out")) == {"github:a/b/main.py"}


def test_three_tables_tell_of_license_files_too(tmp_path: Path) -> None:
    found = [one for one in rows(0, 0.5) if one["content"] is not None and not one["symlink_target"]]
    tables(tmp_path / "in/github/joined", found, 2)
    corpusmill(*only_github(tmp_path / "in", tmp_path / "out"))
    assert "Apache-2.0" in {one["license"] for one in documents(tmp_path / "out").values()}
    again = digests(tmp_path / "out")
    corpusmill(*only_github(tmp_path / "in", tmp_path / "two", "--workers", "2"))
    assert digests(tmp_path / "two") == again


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ({"contents", "licenses"}, "Add the exports of the tables files and licenses"),
        ({"files", "licenses"}, "no contents to join them with"),
        ({"licenses", ""}, "no contents to join them with"),
        ({"contents", "files"}, None),
        ({"contents", "files", "licenses", ""}, None),
        ({""}, None),
    ],
)
def test_tables_that_lack_one_another_are_refused(kinds: set[str], message: str | None) -> None:
    with pytest.raises(UsageError, match=message) if message else contextlib.nullcontext():
        check_kinds(RECIPE, kinds)


def test_tables_that_come_apart_have_each_content_once() -> None:
    with pytest.raises(UsageError, match="keep needs a joined export"):
        check_kinds(dataclasses.replace(RECIPE, duplicates="keep"), {"contents", "files"})


def test_a_dry_run_names_the_first_phase(inputs: Path, tmp_path: Path) -> None:
    said = json.loads(corpusmill(*only_github(inputs, tmp_path, "--dry-run", "--json")).stdout)
    assert said["sources"]["github"]["phase"] == "github/texts"
    without = ("--set", "sources.github.license_texts=false")
    said = json.loads(corpusmill(*only_github(inputs, tmp_path, "--dry-run", "--json", *without)).stdout)
    assert said["sources"]["github"]["phase"] == "github/contents/hash"


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"licenses": ("mit",)}, True),
        ({"columns": GithubColumns(path="name")}, True),
        ({"max_file_mb": 1}, True),
        ({"compat": "redpajama-v1"}, True),
        ({"endings": (".py",)}, True),
        ({"max_line_chars": 10}, False),
        ({"tokenizer": "a.model"}, False),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_decides_the_keys_is_in_their_fingerprint(change: dict, again: bool, tmp_path: Path) -> None:
    export(tmp_path / "a.jsonl.gz", [row("a/b", "a.py", "x = 1\n", name="a.py")])

    def fingerprint(options: GithubRecipe) -> str:
        inputs = identified(find_inputs(str(tmp_path), "*.gz"))
        plan = readings("github", inputs, Recipe("test", Sources(github=options)))
        [asking] = asking_steps(SOURCE, options)
        return hash_phase(SOURCE, plan, asking, {LICENSES: Model("a", "", "identity")}).items[0].fingerprint

    assert (fingerprint(dataclasses.replace(RECIPE, **change)) != fingerprint(RECIPE)) == again


def test_letters_a_token_with_a_tokenizer(inputs: Path, finished: Path, tmp_path: Path) -> None:
    setting = ("--set", f"sources.github.tokenizer={finished}/tokenizer/tokenizer.model")
    corpusmill(*only_github(inputs, tmp_path, *setting), expect=4)
    assert Reason.GITHUB_FEW_LETTERS_PER_TOKEN in dropped(tmp_path).values()
    assert all(one["letters_per_token"] >= 1.5 for one in documents(tmp_path).values())
    none = tmp_path / "none.model"
    none.write_bytes(b"no model")
    refused = corpusmill(*only_github(inputs, tmp_path / "x", "--set", f"sources.github.tokenizer={none}"), expect=2)
    assert "sources.github.tokenizer" in refused.stderr


def test_a_parquet_file_is_cut_at_its_row_groups(tmp_path: Path) -> None:
    found = [row("a/b", f"{number}.py", f"x = {number}\n" * 100) for number in range(40)]
    path = tmp_path / "in/github/joined/a.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(found), path, row_group_size=10)
    [one] = find_inputs(str(tmp_path / "in"), "github/joined/*.parquet")
    assert [piece.start for piece in slices(one, dataclasses.replace(RECIPE, slice_mb=0.001))] == [0, 10, 20, 30]
    [whole] = slices(one, RECIPE)
    assert (whole.name, whole.start, whole.stop) == ("joined--a", 0, 40)
    outputs = [tmp_path / "whole", tmp_path / "cut"]
    for output, slice_mb in zip(outputs, (256, 0.001), strict=True):
        corpusmill(*only_github(tmp_path / "in", output, "--set", f"sources.github.slice_mb={slice_mb}"))
    assert documents(outputs[0]) == documents(outputs[1])
    assert len(documents(outputs[0])) == 40
    assert len(list(outputs[1].glob("documents/github/*"))) == 4


def test_why_follows_a_copy(made: Path, inputs: Path) -> None:
    name = next(name for name, reason in dropped(made).items() if reason == Reason.GITHUB_COPY)
    [fate] = fates(str(made), name, str(inputs))
    assert fate.steps[-1].step == "one file a content"
    assert fate.steps[-1].outcome == Reason.GITHUB_COPY
    kept = next(iter(documents(made)))
    [fate] = fates(str(made), kept, str(inputs))
    assert [step.outcome for step in fate.steps] == ["stays"] * 6
    changed = next(
        name for name, one in documents(made).items() if "licence" in one["path"] or one["path"].endswith(".c")
    )
    [fate] = fates(str(made), changed, str(inputs))
    assert "\n".join(line.text for line in fate.lines if line.reason is None) in ("", documents(made)[changed]["text"])


@pytest.mark.skipif(not REAL.exists(), reason="no shared data here")
def test_on_real_files(tmp_path: Path) -> None:
    corpusmill(*only_github(REAL, tmp_path))
    counts = manifest(tmp_path)["sources"]["github"]
    assert counts["documents.in"] == 3050
    assert counts["documents.dropped.github.binary"] == 40
    assert counts["documents.dropped.github.license"] == 217  # GPL and ISC, 20 binary ones aside
    assert not [name for name in counts if name.startswith("damage.")]
    kept = documents(tmp_path)
    assert {one["license"] for one in kept.values()} == {"mit", "apache-2.0", "bsd-3-clause"}
    assert len({one["content_md5"] for one in kept.values()}) == len(kept) > 1000


@pytest.mark.skipif(not REAL.exists(), reason="no shared data here")
def test_the_real_tables_apart_give_their_part_of_the_join(tmp_path: Path) -> None:
    corpusmill(*only_github(REAL, tmp_path / "joined"))
    setting = ("--set", "sources.github.inputs=[github/bigquery_tables/*]")
    corpusmill(*only_github(REAL, tmp_path / "apart", *setting))
    joined = {one["content_md5"]: one["text"] for one in documents(tmp_path / "joined").values()}
    apart = {one["content_md5"]: one["text"] for one in documents(tmp_path / "apart").values()}
    shared = set(joined) & set(apart)
    assert len(shared) > 0.95 * len(apart) > 200
    assert all(joined[content] == apart[content] for content in shared)
