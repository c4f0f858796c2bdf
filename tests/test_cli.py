"""Exit codes, messages and outputs of the commands, as a user meets them."""

import bz2
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from corpusmill.cli import main
from corpusmill.samples import arxiv, books, c4, cirrus, commoncrawl, github, stackexchange, wikipedia
from running import ALONE, SMALL, UNFILTERED, corpusmill, digests, manifest, run_arguments, start

OTHERS = ("commoncrawl", "c4", "github", "books", "arxiv", "stackexchange")


def test_damage_is_listed_with_path_offset_and_reason(finished: Path) -> None:
    import pyarrow.parquet as pq

    rows = pq.read_table(finished / "errors").to_pylist()
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        of_file = found.setdefault(Path(row["input"]).name, {})
        of_file[row["error"]] = of_file.get(row["error"], 0) + 1
        assert row["offset"] >= 0
        assert row["detail"]
    damage = {
        **commoncrawl.DAMAGE, **c4.DAMAGE, **github.DAMAGE, **wikipedia.DAMAGE, **cirrus.DAMAGE, **books.DAMAGE,
        **arxiv.DAMAGE, **{Path(name).name: errors for name, errors in stackexchange.DAMAGE.items()},
    }  # fmt: skip
    del damage[c4.PUBLISHED_DAMAGED]  # no part of the recipe
    meant = {name: dict(errors) for name, errors in damage.items()}
    assert found == meant
    assert manifest(finished)["damage"] == dict(sum(map(Counter, meant.values()), Counter()))


def test_allow_damage_makes_it_a_success(inputs: Path, finished: Path, copy_of: Callable[[Path], Path]) -> None:
    done = corpusmill(*run_arguments(inputs, copy_of(finished), 1, "--allow-damage", "--json"), expect=0)
    facts = json.loads(done.stdout)
    assert facts["sources"] == manifest(finished)["sources"]
    assert "damaged input" in done.stderr


def test_named_sources_give_their_documents_alone(inputs: Path, finished: Path, tmp_path: Path) -> None:
    globs = 'sources.wikipedia.inputs=["wikipedia/*wiki*.{xml.bz2,json.gz}"]'
    settings = ("--set", globs, "--set", "sources.wikipedia.slice_mb=0.1", "--set", "dropped_heads=1")
    corpusmill("run", "llama1", "wikipedia", "--inputs", inputs, "--output", tmp_path / "out", *settings, expect=4)
    folders = ["documents/wikipedia", "dropped/wikipedia"]
    assert digests(tmp_path / "out", folders) == digests(finished, folders)
    assert not (tmp_path / "out/documents/commoncrawl").exists()
    assert not (tmp_path / "out/shards").exists()
    assert manifest(tmp_path / "out")["complete"] is False


def test_dry_run_writes_nothing_and_says_what_it_would_do(inputs: Path, finished: Path, tmp_path: Path) -> None:
    said = corpusmill(*run_arguments(inputs, tmp_path / "out", 1, "--dry-run")).stdout
    assert "name: sample" in said
    assert "wikipedia: 15 inputs" in said
    assert "0 finished" in said
    assert not (tmp_path / "out").exists()
    assert ", 0 to do" in corpusmill(*run_arguments(inputs, finished, 1, "--dry-run")).stdout
    facts = json.loads(corpusmill(*run_arguments(inputs, finished, 1, "--dry-run", "--json")).stdout)
    assert (facts["recipe"]["name"], facts["sources"]["wikipedia"]["to_do"]) == ("sample", 0)
    refused = corpusmill(*run_arguments(inputs, finished, 1, "--dry-run", "--set", "seed=3"), expect=2)
    assert "made with another recipe" in refused.stderr


def test_both_commands_that_run_phases_hand_options_to_beam(inputs: Path, tmp_path: Path) -> None:
    for verb in ("run", "ngram"):
        refused = corpusmill(
            verb, "sample", "--inputs", inputs, "--output", tmp_path / verb, "--", "--runner=DaskRunner", expect=2
        )
        assert "DaskRunner" in refused.stderr


def test_limit_takes_a_share_by_hash_and_a_larger_one_only_adds(inputs: Path, finished: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    def ids(output: Path) -> set[str]:
        return set(pq.read_table(output / "documents/wikipedia")["id"].to_pylist())

    small, large = tmp_path / "small", tmp_path / "large"
    few = (*UNFILTERED, "--limit")  # of which too few would be cited to learn from
    corpusmill(*run_arguments(inputs, small, 1, *few, 0.3, "--set", "tokenizer.vocab_size=500"), expect=4)
    # In small parts, so that the last documents of a slice may lie outside the limit after its last part is full.
    parts = ("--set", "sources.wikipedia.part_mb=0.01")
    corpusmill(*run_arguments(inputs, large, 1, "wikipedia", *few, 0.6, *parts), expect=4)
    assert set() < ids(small) < ids(large) < ids(finished)
    counts = manifest(small)["sources"]["wikipedia"]
    assert (
        counts["documents.outside_limit"] + counts["documents.in"]
        == manifest(finished)["sources"]["wikipedia"]["documents.in"]
    )


def test_another_recipe_is_refused_in_the_same_folder(inputs: Path, finished: Path) -> None:
    refused = corpusmill(*run_arguments(inputs, finished, 1, "--set", "seed=3"), expect=2)
    assert "made with another recipe" in refused.stderr
    assert "holds a finished run" in corpusmill(*run_arguments(inputs, finished, 1, "wikipedia"), expect=2).stderr
    corpusmill("check", finished)


def test_a_refused_run_leaves_a_finished_one_as_it_is(
    inputs: Path, finished: Path, copy_of: Callable[[Path], Path], tmp_path: Path
) -> None:
    output = copy_of(finished)
    corpusmill(*run_arguments(inputs, output, 1, "--redo", "--set", "seed=9", "--", "--rnuner=x"), expect=2)
    folder = tmp_path / "in"
    shutil.copytree(inputs, folder)
    next((folder / "wikipedia").glob("eswiki-*")).unlink()
    corpusmill(*run_arguments(folder, output, 1), expect=2)
    twice = folder / "wikipedia/trwiki-20220620-pages-articles.xml"
    twice.write_bytes(bz2.decompress((folder / "wikipedia/trwiki-20220620-pages-articles.xml.bz2").read_bytes()))
    globs = ("--set", 'sources.wikipedia.inputs=["wikipedia/*.xml*"]', "--redo")
    for more in ((), ("--dry-run",)):
        refused = corpusmill(*run_arguments(folder, output, 1, *globs, *more), expect=2)
        assert "articles.xml.bz2 would have one name" in refused.stderr
    corpusmill("check", output)


def test_a_run_killed_before_it_wrote_its_recipe_goes_on(inputs: Path, finished: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work/inputs.json").write_text("{}")
    (tmp_path / f"work/.{'0' * 32}.tmp").write_text("half")
    (tmp_path / "run.lock").touch()
    folder = tmp_path.with_name("links")
    for path in (path for path in inputs.rglob("*") if path.is_file()):
        link = folder / path.relative_to(inputs)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)  # dumps are often links to another disk
    corpusmill(*run_arguments(folder, tmp_path, 1, "wikipedia", "books"), expect=4)
    folders = [f"{kind}/{source}" for kind in ("documents", "dropped", "errors") for source in ("wikipedia", "books")]
    assert digests(tmp_path, folders) == digests(finished, folders)


def test_a_folder_of_other_things_is_no_output(inputs: Path, tmp_path: Path) -> None:
    for name in ("mine.txt", "run.lock"):
        (tmp_path / name).write_text("a stranger's")
    assert "not of a run (" in corpusmill(*run_arguments(inputs, tmp_path, 1), expect=2).stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.txt", "run.lock"]
    assert (tmp_path / "run.lock").read_text() == "a stranger's"
    in_a_file = corpusmill(*run_arguments(inputs, tmp_path / "mine.txt", 1), expect=2)
    assert "a bug" not in in_a_file.stderr
    assert (tmp_path / "mine.txt").read_text() == "a stranger's"


def test_a_page_of_50_mb_costs_itself_alone(tmp_path: Path) -> None:
    def page(number: int, text: str) -> str:
        revision = (
            f"<revision><id>{number}</id><timestamp>2022-06-20T00:00:00Z</timestamp><text>{text}</text></revision>"
        )
        return f"<page><title>Page {number}</title><ns>0</ns><id>{number}</id>{revision}</page>"

    prose = " ".join(f"The {word} of the mill is a {word}." for word in ("stone", "wheel", "sluice", "grain", "flour"))
    pages = [page(n, f"{prose} It has the number {n}.") for n in range(1, 60)]
    head = "<mediawiki><siteinfo><dbname>enwiki</dbname></siteinfo>"
    dump = head + "".join(pages[:30]) + page(99, "x " * 25_000_000) + "".join(pages[30:]) + "</mediawiki>"
    folder = tmp_path / "in/wikipedia"
    folder.mkdir(parents=True)
    (folder / "enwiki-20220620-pages-articles.xml.bz2").write_bytes(bz2.compress(dump.encode(), 1))
    (folder / "enwikiquote-20220620-pages-articles.xml.bz2").write_bytes(
        bz2.compress(dump.replace("enwiki", "enwikiquote").replace("x " * 25_000_000, "").encode())
    )
    corpusmill(
        *run_arguments(tmp_path / "in", tmp_path / "out", 1, "--set", "tokenizer.vocab_size=330", *ALONE), expect=4
    )
    facts = manifest(tmp_path / "out")
    assert facts["damage"] == {"page_too_long": 1}
    assert facts["sources"]["wikipedia"]["documents.kept"] == 59
    # Wikiquote numbers its pages from 1 as well: none of them may take an article's id.
    assert facts["sources"]["wikipedia"]["documents.dropped.wikipedia.language"] == 60
    assert "documents.dropped.common.duplicate_id" not in facts["sources"]["wikipedia"]


def test_a_second_run_is_refused_while_one_is_at_work(
    inputs: Path, finished: Path, copy_of: Callable[[Path], Path]
) -> None:
    from corpusmill.pipelines.lock import locked

    output = copy_of(finished)
    with locked(str(output), "digest"):
        refused = corpusmill(*run_arguments(inputs, output, 1), expect=2)
    assert "is at work here with another recipe" in refused.stderr


def test_an_empty_glob_is_an_error_unless_allowed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    refused = corpusmill(*run_arguments(tmp_path / "in", tmp_path / "out", 1), expect=1)
    assert "nothing in" in refused.stderr
    assert "--set sources.commoncrawl=null leaves out the source" in refused.stderr
    nothing = corpusmill(*run_arguments(tmp_path / "in", tmp_path / "out", 1, "--allow-empty"), expect=1)
    assert ": not one document was kept" in nothing.stderr
    assert "Traceback" not in nothing.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["rnu"], "No such command", id="command"),
        pytest.param(["run", "sample", "--wrokers", "2"], "No such option", id="option"),
        pytest.param(["describe", "wikipdia"], 'did you mean "wikipedia"', id="source"),
        pytest.param(
            ["describe", "wikipedia", "--", "--x"], "only `corpusmill run` and `ngram` take them", id="beam elsewhere"
        ),
        pytest.param(["plan", "sample", "--set", "max_epochs=.nan"], "expected a finite number", id="not a number"),
        pytest.param(["plan", "sample", "--set", "shards.formats=[]"], "at least one format", id="no format"),
        pytest.param(
            ["run", "sample", "--inputs", ".", "--output", "x", "--", "--runner=Foo"], "no such runner", id="runner"
        ),
        pytest.param(["run", "sample", "--inputs", ".", "--output", ""], "--output is empty", id="empty output"),
        pytest.param(
            ["run", "sample", "--inputs", ".", "--output", "./out"], "lies in --inputs", id="output in inputs"
        ),
        pytest.param(["run", "sample", "--inputs", ".", "--output", "gs://b/x"], "gs://b/x: ", id="no such plug-in"),
        pytest.param(
            ["run", "sample", "--inputs", "foo://x", "--output", "x"], "Protocol not known", id="no such protocol"
        ),
        pytest.param(["plan", "lama1"], 'did you mean "llama1"', id="recipe"),
        pytest.param(["check", "/nonexistent"], "no finished run here", id="check of nothing"),
        pytest.param(
            ["run", "sample", "--inputs", ".", "--output", "x", "--", "--rnuner=x"], "Beam knows no option", id="beam"
        ),
        pytest.param(
            ["run", "sample", "--inputs", ".", "--output", "x", "--", "--runner=DaskRunner"], "is refused", id="dask"
        ),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(
    arguments: list[str], message: str, inputs: Path, tmp_path: Path
) -> None:
    places = {".": str(inputs), "./out": f"{inputs}/out", "x": str(tmp_path / "x")}
    arguments = [places.get(word, word) for word in arguments]
    said = corpusmill(*arguments, expect=2).stderr
    assert message in said
    assert "Traceback" not in said
    assert "a bug" not in said


def test_a_vocabulary_that_the_sample_cannot_fill_says_which_it_can(inputs: Path, tmp_path: Path) -> None:
    settings = ("--set", "tokenizer.vocab_size=60000", *ALONE)
    failed = corpusmill(*run_arguments(inputs, tmp_path / "out", 1, *settings), expect=2)
    assert "while running" not in failed.stderr
    assert "tokenizer.vocab_size: 60000 pieces cannot be trained here" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_plan_fills_its_columns_from_a_finished_run(finished: Path) -> None:
    rows = [
        json.loads(line) for line in corpusmill("plan", "sample", "--output", finished, "--json").stdout.splitlines()
    ]
    epochs = {"commoncrawl": 1.1, "c4": 1.06, "github": 0.64, "wikipedia": 2.45, "books": 2.23, "arxiv": 1.06}
    epochs["stackexchange"] = 1.03
    assert [row["source"] for row in rows] == [*epochs]
    assert [row["wanted"] for row in rows] == [round(row["available"] * epochs[row["source"]]) for row in rows]
    short = corpusmill("plan", "sample", "--output", finished, "--set", "sources.wikipedia.epochs=9", expect=3)
    assert "source too small" in short.stdout


def test_describe_says_the_basis_of_every_step() -> None:
    rows = [json.loads(line) for line in corpusmill("describe", "wikipedia", "--json").stdout.splitlines()]
    assert [row["step"] for row in rows][-2:] == ["drop empty pages", "one document an id"]
    assert {row["basis"] for row in rows} == {"paper", "reference", "ours"}


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()  # a hard link elsewhere must not change with it
    path.write_bytes(data)


def edit_counts(path: Path) -> None:
    facts = json.loads(path.read_text())
    facts["sources"]["wikipedia"]["documents.kept"] += 1
    path.write_text(json.dumps(facts))


def edit_recipe(path: Path) -> None:
    path.write_text(path.read_text().replace("seed: 1", "seed: 2"))


@pytest.mark.parametrize(
    ("pattern", "spoil", "message"),
    [
        pytest.param(
            "documents/wikipedia/enwiki-20220620*.parquet", flip, "expected sha256", id="a flipped bit of text"
        ),
        pytest.param("tokens/wikipedia/enwiki-20220620*.tokens", flip, "expected sha256", id="a flipped bit of tokens"),
        pytest.param("shards/raw/train-00000-*.bin", flip, "expected sha256", id="a flipped bit of a shard"),
        pytest.param("shards/megatron/train-00001-*.idx", Path.unlink, "gone", id="a lost file"),
        pytest.param("tokenizer/tokenizer.model", flip, "expected sha256", id="another tokenizer"),
        pytest.param("manifest.parquet", flip, "expected sha256", id="another manifest"),
        pytest.param("manifest.parquet", Path.unlink, "gone", id="a lost manifest"),
        pytest.param(
            "manifest.json",
            lambda p: p.write_text(p.read_text()[:-20]),
            "is not as it was written",
            id="a cut manifest",
        ),
        pytest.param("manifest.json", edit_counts, "is not as it was written", id="edited accounts"),
        pytest.param("manifest.json", lambda p: p.write_text("[]"), "is not as it was written", id="no manifest"),
        pytest.param(
            "recipe.yaml", lambda p: p.write_text("seed: 1"), "recipe.yaml: cannot be read", id="a cut recipe"
        ),
        pytest.param("recipe.yaml", edit_recipe, "expected the recipe", id="another recipe"),
        pytest.param("errors/wikipedia/extract.parquet", flip, "errors", id="spoilt accounts of damage"),
        pytest.param(
            "errors", lambda p: (p / "notes.txt").touch(), "is no list of damaged input of this run", id="a stray file"
        ),
        pytest.param("errors", shutil.rmtree, "expected damaged input", id="lost accounts of damage"),
        pytest.param(
            "shards/raw",
            lambda p: (p / "train-00000-of-00099.bin").touch(),
            "not in the manifest",
            id="a file too many",
        ),
    ],
)
def test_check_finds_what_differs(
    pattern: str,
    spoil: Callable[[Path], None],
    message: str,
    inputs: Path,
    finished: Path,
    copy_of: Callable[[Path], Path],
) -> None:
    output = copy_of(finished)  # of which `check` has nothing to say: a_refused_run_leaves_a_finished_one_as_it_is
    path = sorted(output.glob(pattern))[0]
    spoil(path)
    said = corpusmill("check", output, expect=3).stdout
    assert message in said


def test_a_lost_file_is_made_again(inputs: Path, finished: Path, copy_of: Callable[[Path], Path]) -> None:
    output = copy_of(finished)
    shutil.rmtree(output / "shards/megatron")
    next((output / "documents/wikipedia").iterdir()).unlink()
    corpusmill(*run_arguments(inputs, output, 1), expect=4)
    assert digests(output) == digests(finished)


def test_a_file_damaged_under_both_of_its_names_is_made_again(inputs: Path, tmp_path: Path, finished: Path) -> None:
    output = tmp_path / "out"
    arguments = run_arguments(inputs, output, 1, "wikipedia")
    corpusmill(*arguments, expect=4)
    path = output / "documents/wikipedia/frwiki-20220620-pages-articles.parquet"
    with path.open("r+b") as file:  # in place: the working copy is the same file on disk
        file.seek(100)
        file.write(b"rot")
    corpusmill("check", output, expect=3)
    path.unlink()
    assert "was damaged on disk" in corpusmill(*arguments, expect=1).stderr
    corpusmill(*arguments, expect=4)
    folders = ["documents/wikipedia", "dropped/wikipedia", "errors/wikipedia"]
    assert digests(output, folders) == digests(finished, folders)


def test_everything_works_in_memory_with_one_worker(
    inputs: Path, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import fsspec

    output = f"memory://{tmp_path.name}/out"
    arguments = ["run", "sample", "--inputs", str(inputs), "--output", output, *SMALL, "-q"]
    assert main([*arguments, "--workers", "2"]) == 2
    assert "seen by one process only" in capsys.readouterr().err
    assert main([*arguments, "--workers", "1"]) == 4
    assert main(["check", output]) == 0
    files = fsspec.filesystem("memory")
    same = ("documents/wikipedia/enwiki-20220701-pages-articles.parquet", "tokenizer/tokenizer.model", "README.md")
    assert files.exists(f"/{tmp_path.name}/out/croissant.json")
    for path in same:
        assert files.cat_file(f"/{tmp_path.name}/out/{path}") == (finished / path).read_bytes()


def test_odd_names_of_folders_and_files(inputs: Path, finished: Path, tmp_path: Path) -> None:
    folder, output = tmp_path / "in [x] *", tmp_path / "out [b] ü::"
    for name in ("a", "b"):
        shutil.copytree(inputs / "wikipedia", folder / "wikipedia" / name)
    long_name = folder / "wikipedia/a" / f"{'x' * 220}wiki.xml.bz2"
    shutil.copy(inputs / "wikipedia/trwiki-20220620-pages-articles.xml.bz2", long_name)
    globs = 'sources.wikipedia.inputs=["wikipedia/*/*.{bz2,json.gz}"]'
    done = corpusmill(*run_arguments(folder, output, 2, "--set", globs, *ALONE), expect=4)
    assert f"{output}/shards" in done.stdout
    twice = manifest(output)["sources"]["wikipedia"]
    assert twice["documents.kept"] == manifest(finished)["sources"]["wikipedia"]["documents.kept"]
    assert (output / "documents/wikipedia/b--frwiki-20220620-pages-articles.parquet").exists()
    corpusmill("check", output)
    (folder / "wikipedia/a" / os.fsdecode(b"\xff-wiki.xml.bz2")).touch()
    assert "Rename the file" in corpusmill(*run_arguments(folder, output, 2, "--set", globs, *ALONE), expect=1).stderr


def test_sample_writes_the_same_twice(tmp_path: Path) -> None:
    corpusmill("sample", tmp_path / "a", "--scale", 0.05)
    other = start("sample", tmp_path / "b", "--scale", 0.05)  # with a hash seed of its own
    _, errors = other.communicate()
    assert other.returncode == 0, errors
    folders = [*OTHERS, "wikipedia", "models"]
    assert digests(tmp_path / "a", folders) == digests(tmp_path / "b", folders)


def test_the_shards_train(finished: Path, copy_of: Callable[[Path], Path]) -> None:
    """All sources to shards to a loss below that of token frequencies, and what a training leaves behind."""
    pytest.importorskip("torch")
    from corpusmill.llama.checkpoint import load_checkpoint
    from corpusmill.llama.losses import LossSums

    output = copy_of(finished)
    result = json.loads(corpusmill("train", output, "--steps", 200, "--seq-len", 128, "--json").stdout)
    for loss in (result["loss"], result["validation"]):
        assert loss["mean"] < result["unigram_entropy"] - 0.5
    assert result["bits_per_byte"]["by_source"].keys() == result["validation"]["by_source"].keys()
    assert 0 < result["bits_per_byte"]["mean"] < 8

    checkpoint = load_checkpoint(str(output / "llama"))
    assert checkpoint is not None
    early, late = (sum(half, LossSums(0, 0)) for half in (checkpoint.history[:100], checkpoint.history[100:]))
    before, after = (losses.mean(checkpoint.origin.sources).by_source for losses in (early, late))
    assert before.keys() == after.keys() == {*OTHERS, "wikipedia"}
    assert all(after[source] < before[source] for source in after)

    assert {path.name for path in (output / "llama").iterdir()} == {"checkpoint.pt", "result.json", "loss.svg"}
    assert json.loads((output / "llama/result.json").read_text()) == result
    assert "unigram entropy" in (output / "llama/loss.svg").read_text()
    again = corpusmill("train", output, "--steps", 200, "--seq-len", 128)  # done already: no step is taken
    assert f"{result['validation']['mean']:.3f}" in again.stdout
    assert "train: 200/200" in again.stderr
    refused = corpusmill("train", output, "--steps", 100, "--seq-len", 128, expect=2).stderr
    assert "holds a training with steps 200, not 100" in refused
    assert "0 differences" in corpusmill("check", output).stdout
