"""A source of the user's own: the worked example of docs/own-source.md, run as a user runs it."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from lxml import html

from corpusmill.config import ConfigError
from corpusmill.manifest import read_facts
from corpusmill.mixtures.recipe import load, read_recipe
from corpusmill.pipelines.sources import source_of
from corpusmill.storage import digest
from running import ROOT, corpusmill, digests, made_once, manifest, start

EXAMPLE = ROOT / "docs" / "examples" / "forum"
PYTHON_M = ("-m", "corpusmill")
N_POSTS, N_UNLIKED, N_SHORT = 300, 100, 20


@pytest.fixture(scope="module")
def forum(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with its code, posts in three files, and a finished run of it."""

    def make(folder: Path) -> None:
        shutil.copytree(EXAMPLE, folder / "code")
        below = folder / "data" / "forum"
        below.mkdir(parents=True)
        for part in range(3):
            with gzip.open(below / f"part-{part}.jsonl.gz", "wt") as file:
                for number in range(part, N_POSTS, 3):
                    likes = 0 if number < N_UNLIKED else 2 + number % 5
                    words = 1 if N_UNLIKED <= number < N_UNLIKED + N_SHORT else 20 + number % 7
                    text = " ".join(word(number, place) for place in range(words))
                    url = f"https://forum.example/{number}"
                    file.write(json.dumps({"id": str(number), "text": text, "likes": likes, "url": url}) + "\n")
                file.write('{"id": 3}\n{broken\n')
        corpusmill(*run(folder, folder / "out", 1), expect=4)

    return made_once(tmp_path_factory, "forum", make)


def word(number: int, place: int) -> str:
    digits = hashlib.md5(f"{number} {place}".encode()).hexdigest()[:6]
    return "".join(chr(ord("a") + int(digit, 16)) for digit in digits)


def ask(*arguments: object) -> str:
    """What a command answers that finds the code by PYTHONPATH, in a process of its own."""
    process = start(*arguments)
    answer, errors = process.communicate()
    assert process.returncode == 0, errors
    return answer


def run(forum: Path, output: Path, workers: int, *more: str) -> list[str]:
    recipe = str(forum / "code" / "forum.yaml")
    folders = ["--inputs", str(forum / "data"), "--output", str(output), "--workers", str(workers)]
    return ["run", recipe, *folders, "-q", *more]


def rows(output: Path, kind: str) -> Iterator[dict[str, object]]:
    for path in sorted((output / kind / "forum").glob("*.parquet")):
        yield from pq.read_table(path).to_pylist()


def test_every_post_is_accounted_for(forum: Path) -> None:
    counts = manifest(forum / "out")["sources"]["forum"]
    assert counts["documents.in"] == N_POSTS
    assert counts["documents.dropped.forum.unliked"] == N_UNLIKED
    assert counts["documents.dropped.forum.short"] == N_SHORT
    assert counts["documents.kept"] == N_POSTS - N_UNLIKED - N_SHORT == len(list(rows(forum / "out", "documents")))
    assert (counts["damage.bad_field"], counts["damage.bad_json"]) == (3, 3)
    assert {row["reason"] for row in rows(forum / "out", "dropped")} == {"forum.unliked", "forum.short"}


def test_the_same_bytes_with_two_workers(forum: Path, tmp_path: Path) -> None:
    corpusmill(*run(forum, tmp_path / "two", 2), expect=4)
    assert digests(tmp_path / "two") == digests(forum / "out")


def test_it_can_be_measured(forum: Path) -> None:
    recipe, inputs = forum / "code" / "forum.yaml", forum / "data"
    done = corpusmill("plan", recipe, "--inputs", inputs, "--measure", "100%", "--json", "-q")
    row = next(row for row in map(json.loads, done.stdout.splitlines()) if row["name"] == "forum")
    counts = manifest(forum / "out")["sources"]["forum"]
    assert row["documents"]["value"] == counts["documents.kept"]
    assert row["tokens"]["value"] == counts["tokens"] + 2 * counts["documents.tokenised"]


def test_it_can_be_measured_beside_others_by_weights(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "code")
    recipe = tmp_path / "code" / "forum.yaml"
    text = recipe.read_text().replace("epochs: 1", "weight: 40")
    text = text.replace("sources:\n", "budget_tokens: 1000\nsources:\n  books: {weight: 60, inputs: [books/]}\n")
    recipe.write_text(text)
    (tmp_path / "data" / "forum").mkdir(parents=True)
    with gzip.open(tmp_path / "data" / "forum" / "one.jsonl.gz", "wt") as file:
        file.write('{"id": "1", "text": "nobody likes it", "likes": 0}\n')
    (tmp_path / "data" / "books").mkdir()
    words = " ".join(word(number, place) for number in range(50) for place in range(20))
    (tmp_path / "data" / "books" / "one.txt").write_text(f"{words}\n")
    done = corpusmill("plan", recipe, "--inputs", tmp_path / "data", "--measure", "100%", "--json", "-q")
    rows = {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert {name: rows[name]["documents"]["value"] for name in ("books", "forum")} == {"books": 1, "forum": 0}


def test_people_can_ask(forum: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(forum / "code"), *filter(None, [os.getenv("PYTHONPATH")])]))
    out = forum / "out"
    dropped = ask("why", out, "forum:5", "--inputs", forum / "data")
    assert "dropped: forum.unliked, fewer likes than the minimum" in dropped
    assert "keep what people liked" in dropped
    assert "forum:200" in ask("why", out, "https://forum.example/200")
    assert "keep what people liked" in corpusmill("describe", "forum", "--recipe", forum / "code" / "forum.yaml").stdout
    assert "0 differences" in ask("check", out)
    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    ask("takedown", copy, "forum:200", "https://forum.example/201", "-q")
    assert not {"forum:200", "forum:201"} & {row["id"] for row in rows(copy, "documents")}
    assert "0 differences" in ask("check", copy)


def test_its_numbers_are_drawn_with_their_thresholds(forum: Path) -> None:
    page = html.fromstring((forum / "out" / "report.html").read_bytes())
    charts = [svg.get("aria-label") for svg in page.xpath("//svg[@class='chart']")]
    assert f"Histogram of likes: 180 kept and {N_UNLIKED} dropped documents, threshold 2" in charts
    assert f"Histogram of chars: 180 kept and {N_SHORT} dropped documents, threshold 40" in charts
    text = page.text_content()
    assert "forum.example" in [cell.text_content().strip() for cell in page.xpath("//th")]  # their domain
    assert "sources.own.forum.min_likes" in text
    assert "sources.own.forum.min_chars" in text
    assert [row.xpath("td")[0].text for row in page.xpath("//tr[@class='now']")] == ["no change", "no change"]


@pytest.mark.parametrize(("name", "threshold"), [("likes", 2), ("chars", 40)])
def test_both_sides_of_its_thresholds_are_looked_at(forum: Path, name: str, threshold: int) -> None:
    reason = {"likes": "forum.unliked", "chars": "forum.short"}[name]
    done = corpusmill("look", forum / "out", "--near", f"{name}={threshold}", "-n", 0, "--json")
    shown = [json.loads(line) for line in done.stdout.splitlines()]
    values = {one["id"]: one["meta"].get(name, len(one["text"])) for one in shown}
    assert {one["outcome"] for one in shown if values[one["id"]] < threshold} == {reason}
    assert {one["outcome"] for one in shown if values[one["id"]] >= threshold} == {"kept"}
    assert len(shown) == 180 + {"likes": N_UNLIKED, "chars": N_SHORT}[name]


def test_a_criterion_without_its_setting_is_told(forum: Path, tmp_path: Path) -> None:
    copied(forum, tmp_path, ('"min_likes", (', '"min_like", ('))
    said = corpusmill(*run(tmp_path, tmp_path / "out", 1), expect=1).stderr
    assert "no attribute 'min_like'" in said
    assert "`liked, long = keep_by(LIKES, recipe), keep_by(LENGTH, recipe)`" in said


@pytest.fixture(scope="module")
def richer(forum: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the example with more of what a source may have: see MORE."""

    def make(folder: Path) -> None:
        shutil.copytree(EXAMPLE, folder / "code")
        (folder / "data").symlink_to(forum / "data")
        file = folder / "code" / "forum.py"
        text = file.read_text()
        for old, new in MORE:
            assert old in text
            text = text.replace(old, new, 1)
        file.write_text(text)
        corpusmill(*run(folder, folder / "out", 1), expect=4)

    return made_once(tmp_path_factory, "richer", make)


MORE = (
    ("import Basis,", "import Basis, drop,"),
    ("class Forum(Reasons):", 'class Forum(Reasons):\n    SPAM = "forum.spam", "an advertisement"'),
    ("min_chars: int = 40", "min_chars: int | None = None\n    min_shares: int | None = None"),
    ("(Forum.UNLIKED,))", '(Forum.UNLIKED,), also=(Forum.SPAM,))\nSHARES = Criterion("shares", ">=", "min_shares", '
     '(Forum.SPAM,), needs="min_shares")'),
    ("def steps(", 'def spam(post):\n    is_spam, likes = "7" in post.id, float(post.meta["likes"])\n    return '
     'drop(post, Forum.SPAM, likes) if is_spam else post\n\n\ndef steps('),
    ("return (step(", 'return (step("drop spam", spam, Basis.OURS), step('),
    ("(LIKES, LENGTH))", '(LIKES, SHARES, LENGTH), unique=lambda recipe: True, left_out=lambda recipe: ["thank all"])'),
)  # fmt: skip


def test_the_card_says_what_the_code_says(richer: Path) -> None:
    """All rows of `describe`, and settings by themselves: the paper's recipe has none to compare them with."""
    listed = corpusmill("describe", "forum", "--recipe", richer / "code" / "forum.yaml", "--json").stdout
    described = [json.loads(line) for line in listed.splitlines()]
    assert {row["step"]: row["basis"] for row in described}.items() >= {
        "drop spam": "ours", "thank all": "left out", "one document an id": "ours", "one document a content": "ours"
    }.items()  # fmt: skip
    card, page = (richer / "out" / "README.md").read_text(), html.fromstring((richer / "out/report.html").read_bytes())
    [table] = page.xpath("//table[@class='steps']")
    assert [[cell.text_content() for cell in row] for row in table.xpath("tbody/tr")] == [
        list(row.values()) for row in described
    ]
    assert all(f"| {row['step']} | {row['basis']} |" in card for row in described)
    assert "| forum | left out | thank all |" in card
    assert "| forum | setting | `min_likes` is `2`; `min_chars` is nothing; `min_shares` is nothing |" in card


def test_where_no_threshold_decides_no_chart_is_drawn(richer: Path) -> None:
    page = html.fromstring((richer / "out" / "report.html").read_bytes())
    charts = [svg.get("aria-label").partition(":")[0] for svg in page.xpath("//svg[@class='chart']")]
    assert [name for name in charts if "bytes" not in name] == ["Histogram of likes"]
    assert "No one threshold decides here" not in page.text_content()


def test_a_measure_of_what_goes_for_something_else_has_its_name(richer: Path) -> None:
    told = corpusmill("why", richer / "out", "forum:7").stdout
    shown = corpusmill("look", richer / "out", "--reason", "forum.spam", "-n", 1).stdout
    for said in (told, shown):
        assert "dropped: forum.spam, an advertisement" in said
        assert "likes 0" in " ".join(said.split())
        assert "measure" not in said


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        pytest.param("forum:99999", "Ids are as in forum:ID.", id="no such post"),
        pytest.param("nothing", "Give an id as in forum:ID; or a whole URL.", id="no id"),
        pytest.param("forun:1", 'forun is no source of {out} (did you mean "forum"?). Give', id="no such source"),
    ],
)
def test_what_is_not_there_is_told_of(forum: Path, asked: str, said: str) -> None:
    out = forum / "out"
    assert said.format(out=out) in corpusmill("why", out, asked, expect=2).stderr


LOOKING = (
    *(["check"], ["report"], ["card"], ["why", "forum:5"], ["look"], ["look", "--reason", "forum.unliked"]),
    ["compare", "."],
)
WITH_CODE = (["why", "forum:5", "--inputs", "data"], ["look", "--diff", "--inputs", "data"], ["takedown", "forum:200"])


@pytest.mark.parametrize("started", ["corpusmill", "python -m corpusmill"])
@pytest.mark.parametrize("forged", [False, True])
def test_a_corpus_of_somebody_else_runs_no_code(forum: Path, tmp_path: Path, started: str, forged: bool) -> None:
    theirs = tmp_path / "theirs"
    shutil.copytree(forum / "out", theirs)
    (theirs / "data").mkdir()
    names = ["forum", "json", "yaml", "numpy"] if forged else ["forum"]
    for name in names:  # modules that we import, too
        (theirs / f"{name}.py").write_text("raise SystemExit('their code runs')\n")
    if forged:  # a manifest that says nothing of the source: then its code must not be asked
        facts = read_facts(str(theirs))
        assert facts
        del facts["own"]
        (theirs / "manifest.json").write_text(json.dumps({**facts, "digest": digest(facts)}))
    program = [Path(sys.executable).with_name("corpusmill")] if started == "corpusmill" else [sys.executable, *PYTHON_M]
    for verb in (*LOOKING, *WITH_CODE):
        one, *more = verb
        process = subprocess.run([*program, one, ".", *more], cwd=theirs, capture_output=True, text=True)
        assert "their code runs" not in process.stdout + process.stderr
        if verb in WITH_CODE:
            assert (process.returncode, "no module 'forum'" in process.stderr) == (2, True), process.stderr
        else:
            assert process.returncode in (0, 3), process.stderr
    assert ("fewer likes than the minimum" in (theirs / "README.md").read_text()) != forged


def test_a_recipe_that_is_only_looked_at_gives_no_source(forum: Path) -> None:
    options = read_recipe(str(forum / "out")).active["forum"]
    with pytest.raises(ConfigError, match="not imported"):
        source_of("forum", options)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        pytest.param(
            ("whole_file, read,", "whole_file, lambda *a: (without_200(one) for one in read(*a)),"),
            "it yields a NoneType; expected a Document or a Damage",
            id="a reader",
        ),
        pytest.param(
            ("    return (", "    forget = step('forget', without_200, Basis.OURS)\n    return (forget, "),
            "it gives a NoneType; expected a document",
            id="a step that forgets to return",
        ),
    ],
)
def test_nothing_is_lost_in_silence(forum: Path, tmp_path: Path, broken: tuple[str, str], said: str) -> None:
    code = copied(forum, tmp_path, broken)
    without = "def without_200(one):\n    return None if getattr(one, 'id', '') == 'forum:200' else one\n\n\nSOURCE ="
    code.write_text(code.read_text().replace("SOURCE =", without, 1))
    assert said in corpusmill(*run(tmp_path, tmp_path / "out", 1), expect=1).stderr


def test_changed_code_or_settings_make_documents_anew(forum: Path, tmp_path: Path) -> None:
    shutil.copytree(forum, tmp_path / "forum")
    mine = tmp_path / "forum"
    changed = ("--set", "sources.own.forum.min_likes=4", "--redo")
    corpusmill(*run(mine, mine / "out", 1, *changed), expect=4)
    fewer = manifest(mine / "out")["sources"]["forum"]["documents.kept"]
    assert fewer < N_POSTS - N_UNLIKED - N_SHORT
    code = mine / "code" / "forum.py"
    code.write_text(code.read_text().replace('"likes": likes}', '"likes": likes - 1}'))
    corpusmill(*run(mine, mine / "out", 1, *changed), expect=4)
    assert manifest(mine / "out")["sources"]["forum"]["documents.kept"] < fewer


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(("code: forum", "code: missing_module"), "no module 'missing_module'", id="no module"),
        pytest.param(("code: forum", "code: ../x"), "code is a Python module", id="a path"),
        pytest.param(("code: forum", "code: json"), "holds no SOURCE", id="another module"),
        pytest.param(("min_likes", "min_like"), 'unknown key "min_like" (did you mean "min_likes"?)', id="setting"),
        pytest.param(("    forum:", "    wikipedia:"), "own.wikipedia", id="a name of the seven"),
        pytest.param(("    forum:", "    board:"), "Call both by one name", id="two names"),
    ],
)
def test_mistakes_are_one_line(forum: Path, tmp_path: Path, change: tuple[str, str], said: str) -> None:
    text = (EXAMPLE / "forum.yaml").read_text().replace(change[0], change[1], 1)
    shutil.copy(EXAMPLE / "forum.py", tmp_path)
    (tmp_path / "forum.yaml").write_text(text)
    folders = ["--inputs", forum / "data", "--output", tmp_path / "out"]
    result = corpusmill("run", tmp_path / "forum.yaml", *folders, expect=2)
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "said", "code"),
    [
        pytest.param(('f"forum:{id_}"', "id_"), "ids that begin with forum:", 2, id="an id without its source"),
        pytest.param(
            ("class Forum(Reasons)", "1 / 0\nclass Forum(Reasons)"),
            "the module 'forum' fails at FILE, line LINE, `1 / 0`, with ZeroDivisionError: division by zero.",
            2,
            id="when it is imported",
        ),
        pytest.param(
            ("import dataclass", "import dataclass\nimport not_there"),
            "fails at FILE, line LINE, `import not_there`, with ModuleNotFoundError: No module named 'not_there'.",
            2,
            id="it imports what is not there",
        ),
        pytest.param(
            ("liked, Basis", "lambda post: 1 / (post.id != 'forum:102') and post, Basis"),
            "the step 'keep what people liked', for 'forum:102', fails at FILE, line LINE, `return (step(",
            1,
            id="a step",
        ),
        pytest.param(
            ("post.fields.get(name)", "post.fields[name]"),
            "read of the source forum, behind 'forum:297', fails at FILE, line LINE, `id_, text, likes = ",
            1,
            id="the reader",
        ),
        pytest.param(
            ('yield Damage(post.offset, "bad', 'yield (post.offset, "bad'),
            'fails at FILE, line LINE, `yield (post.offset, "bad_field", f"line {post.number}: no id, text or likes")`'
            ", with TypeError: it yields a tuple; expected a Document or a Damage.",
            1,
            id="the reader gives something else",
        ),
        pytest.param(
            ("liked, Basis", "lambda post: None, Basis"),
            "fails with TypeError: it gives a NoneType; expected a document, or drop(…).",
            1,
            id="a step gives something else",
        ),
        pytest.param(
            ("liked, Basis", "lambda: 0, Basis"),
            "the step 'keep what people liked', for 'forum:0', fails with TypeError: ",
            1,
            id="a step that takes nothing",
        ),
        pytest.param(
            ("return (step(", "return (stop("),
            "steps of the source forum fails at FILE, line LINE, `return (stop(",
            1,
            id="the list of steps",
        ),
        pytest.param(
            ("    return (step(", "    _ = (step("),
            "steps of the source forum fails with TypeError: it gives a NoneType; expected a list of Steps.",
            1,
            id="steps gives nothing",
        ),
        pytest.param(
            ('(step("keep what people liked", liked, Basis.OURS),', "(liked,"),
            "fails with TypeError: it gives a list with a function; expected a list of Steps.",
            1,
            id="a function is no step",
        ),
        pytest.param(
            ("whole_file, read,", "lambda one, recipe: None, read,"),
            "slices of the source forum fails with TypeError: it gives a NoneType; expected a list of Slices.",
            1,
            id="no slices",
        ),
        pytest.param(
            ("Forum, (LIKES, LENGTH))", "Forum, (LIKES, LENGTH), revision=lambda post: None)"),
            "revision of the source forum, for 'forum:120', fails with TypeError: it gives a NoneType; expected int.",
            1,
            id="no revision",
        ),
        pytest.param(
            ('"likes": likes})', '"likes": likes, "tags": {likes}})'),
            "read of the source forum, for 'forum:0', fails at FILE, line LINE, `yield Document(f\"forum:{id_}\", "
            'text, "forum", {"url": str(post.fields.get("url", "")), "likes": likes, "tags": {likes}})`, with '
            "TypeError: it yields a Document that cannot be written: Object of type set is not JSON serializable.",
            1,
            id="metadata of a document that JSON cannot hold",
        ),
        pytest.param(
            ('f"forum:{id_}"', "id_.encode()"),
            "read of the source forum, for b'0', fails at FILE, line LINE, `yield Document(",
            1,
            id="the id is bytes",
        ),
        pytest.param(
            ('", text, "forum"', '", text + chr(0xD800), "forum"'),
            "a Document that cannot be written: 'utf-8' codec can't encode character '\\ud800'",
            1,
            id="a text that no file can hold",
        ),
        pytest.param(
            ("yield Damage(post.offset,", "yield Damage(None,"),
            "with TypeError: it yields a Damage whose offset is a NoneType; expected Integral.",
            1,
            id="damage that is nowhere",
        ),
        pytest.param(
            ("liked, Basis", "lambda post: Document(post.id, post.text.encode(), post.source, post.meta), Basis"),
            "the step 'keep what people liked', for 'forum:0', fails with TypeError: it gives a Document whose text is "
            "a bytes; expected str.",
            1,
            id="a step makes bytes of the text",
        ),
        pytest.param(
            ("liked, Basis", "lambda post: post.meta.update(tags={1}) or post, Basis"),
            "the step 'keep what people liked', for 'forum:0', fails with TypeError: it gives a Document that cannot "
            "be written: Object of type set is not JSON serializable.",
            1,
            id="a step changes metadata where they are",
        ),
        pytest.param(
            ("return (step(", "return (step('spam', lambda post: drop(post, 'forum.spam'), Basis.OURS), step("),
            "the step 'spam', for 'forum:0', fails with TypeError: it gives a Dropped whose reason is a str; expected "
            "Reasons.",
            1,
            id="a word in place of a reason",
        ),
        pytest.param(
            ("(Forum.UNLIKED,)", "Forum.UNLIKED"),
            'fails at FILE, line LINE, `LIKES = Criterion("likes", ">=", "min_likes", Forum.UNLIKED)`, with TypeError: '
            "the criterion 'likes' has reasons that are none; expected several, as in (REASON,).",
            2,
            id="a reason in place of several",
        ),
        pytest.param(
            ("Forum, (LIKES, LENGTH))", "Forum, LIKES)"),
            "with TypeError: criteria of the source 'forum': expected a tuple of them, as in (LIKES,).",
            2,
            id="a criterion in place of several",
        ),
        pytest.param(
            ("Forum, (LIKES, LENGTH))", "Forum, left_out=lambda recipe: 'thank all')"),
            "left_out of the source forum fails with TypeError: it gives a str; expected a list of strs.",
            1,
            id="what is left out is nothing",
        ),
        pytest.param(
            ('"likes", ">="', '"likes", ">"'),
            'the module \'forum\' fails at FILE, line LINE, `LIKES = Criterion("likes", ">", "min_likes", '
            "(Forum.UNLIKED,))`, with ValueError: the criterion 'likes' keeps '>'; expected one of >=, <=, <.",
            2,
            id="a side that there is not",
        ),
    ],
)
def test_mistakes_of_the_code_are_told(
    forum: Path, tmp_path: Path, change: tuple[str, str], said: str, code: int
) -> None:
    file = copied(forum, tmp_path, change)
    file.write_text(file.read_text().replace("import Basis,", "import Basis, drop,"))
    result = corpusmill(*run(tmp_path, tmp_path / "out", 1), expect=code)
    begins = "".join(said.split("`")[1:2])
    number = [line.strip().startswith(begins) for line in file.read_text().splitlines()].index(True) + 1
    assert said.replace("FILE", str(file)).replace("LINE", str(number)) in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def copied(forum: Path, folder: Path, change: tuple[str, str]) -> Path:
    """The code of the example with a mistake in it, beside its data."""
    shutil.copytree(EXAMPLE, folder / "code")
    (folder / "data").symlink_to(forum / "data")
    file = folder / "code" / "forum.py"
    assert change[0] in file.read_text()
    file.write_text(file.read_text().replace(*change, 1))
    return file


def test_debug_shows_all_of_what_the_code_raised(forum: Path, tmp_path: Path) -> None:
    file = copied(forum, tmp_path, ("liked, Basis", "lambda post: explode(post), Basis"))
    file.write_text(f"def explode(post):\n    raise KeyError('bang')\n\n\n{file.read_text()}")
    number = ["explode(post)," in line for line in file.read_text().splitlines()].index(True) + 1
    result = corpusmill(*run(tmp_path, tmp_path / "out", 1), "--debug", expect=1)
    assert f'File "{file}", line 2, in explode' in result.stderr
    assert f'File "{file}", line {number}, in <lambda>' in result.stderr
    assert f"at {file}, line 2, `raise KeyError('bang')`, with KeyError: 'bang'." in result.stderr.splitlines()[-1]


def test_a_recipe_without_own_sources_has_the_digest_that_it_had() -> None:
    assert "own" not in load("sample").resolved()["sources"]


def test_the_example_is_the_page() -> None:
    page = (ROOT / "docs" / "own-source.md").read_text()
    for name in ("forum.py", "forum.yaml"):
        assert (EXAMPLE / name).read_text().strip() in page
    assert sum(bool(line.strip()) for line in (EXAMPLE / "forum.py").read_text().splitlines()) <= 40


def test_seven_sources_stay_what_they_are() -> None:
    recipe = load("llama1")
    for name, options in recipe.active.items():
        source = source_of(name, options)
        assert (source.name, source.recipe) == (name, type(options))
    with pytest.raises(ConfigError, match="unknown key"):
        load("llama1", ["sources.forum={}"])
