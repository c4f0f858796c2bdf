"""What every command has in common: exit codes, one line an error, streams of every kind, help that answers at once."""

import configparser
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from corpusmill.cli import COMMANDS, cli, main, terminal
from corpusmill.manifest import UNFINISHED, read_facts
from corpusmill.progress import can_redraw
from corpusmill.report.answers import AnswerConsole
from corpusmill.storage import digest
from running import ROOT, command, corpusmill, environment, manifest, run_arguments

# Each command, used well and badly: what it is asked, its exit code, and what it says of it.
USES = [
    ("sample MADE --scale 0.01", 0, ""),
    ("sample OUT/recipe.yaml", 2, "is a file"),
    ("sample OUT", 2, "no sample of ours"),
    ("sample OUT --dry-run", 2, "no sample of ours"),
    ("sample /proc/no/such/place", 1, "/proc/no"),
    ("describe wikipedia", 0, ""),
    ("describe wikipdia", 2, 'did you mean "wikipedia"'),
    ("describe", 2, "Missing argument 'SOURCE'. Expected: corpusmill describe [OPTIONS] SOURCE"),
    ("plan llama1", 0, ""),
    ("plan sample --output OUT --set sources.books.epochs=90", 3, ""),
    ("plan lama1", 2, 'no such recipe or file (did you mean "llama1"?); shipped ones: llama1, sample.'),
    ("plan IN", 2, "is a folder"),
    ("plan sample --set sede=2", 2, 'unknown key "sede" (did you mean "seed"?)'),
    ("plan sample --set seed=one", 2, "seed: expected a whole number, as in 1000 or 1e12, got 'one'"),
    ("plan sample --set shards.formats=[rwa]", 2, 'unknown format rwa (did you mean "raw"?)'),
    ("run sample --inputs IN --output NEW --dry-run", 0, ""),
    ("run sample wikipdia --inputs IN --output NEW", 2, 'did you mean "wikipedia"'),
    ("run sample --inputs NEW --output NEW2", 2, "no such folder"),
    ("run sample --inputs OUT/recipe.yaml --output NEW", 2, "is a file"),
    ("run sample --inputs IN --output OUT/recipe.yaml", 2, "is a file"),
    ("run sample --inputs OUT/shards --output NEW", 1, "nothing in"),
    ("run sample --inputs IN --output NEW --wokers 2", 2, "Did you mean '--workers'?"),
    ("run sample --inputs IN --output NEW --workers 0", 2, "0 is not in the range x>=1"),
    ("run sample --inputs IN --output /proc/no/such/place", 1, "/proc/no"),
    ("ngram sample en --inputs IN --output NEW --dry-run", 0, ""),
    ("ngram sample English --inputs IN --output NEW", 2, "the code of a Wikipedia"),
    ("check OUT", 0, ""),
    ("check NEW", 2, "no finished run here"),
    ("why OUT wikipedia:en/12", 0, ""),
    ("why OUT wikipedia:en/0", 2, "neither among the documents"),
    ("why OUT http://\udcff", 2, "is no text"),
    ("where OUT SHARD 0", 0, ""),
    ("where OUT SHARD x", 2, "'x' is not a valid integer."),
    ("score OUT OUT/recipe.yaml", 0, ""),
    ("score OUT NEW", 2, "cannot be opened"),
    ("score NEW OUT/recipe.yaml", 2, "expected en.arpa.bin"),
    ("takedown OUT wikipedia:en/12 --dry-run", 0, ""),
    ("takedown OUT nonsense --dry-run", 2, "expected an id as in"),
    ("takedown OUT \udcff --dry-run", 2, "expected UTF-8"),
    ("takedown NEW wikipedia:en/12", 2, "no run here"),
    ("train NEW", 2, "no shards here"),
    ("train OUT --steps 0", 2, "0 is not in the range x>=1"),
    ("completion bash", 0, ""),
    ("completion csh", 2, "'csh' is not one of 'bash', 'zsh', 'fish'."),
    ("report OUT", 0, ""),
    ("report NEW", 2, "no finished run here"),
    ("card OUT", 0, ""),
    ("card NEW", 2, "no finished run here"),
    ("card OUT --set card.titel=x", 2, 'did you mean "title"'),
    ("look OUT -n 1", 0, ""),
    ("look NEW", 2, "NEW"),
    ("look OUT -n 1 --diff --inputs NEW", 2, "no such folder"),
    ("plan sample --measure 10% --inputs NEW", 2, "no such folder"),
    ("plan sample --measure 10% --inputs IN --whole c4=5B", 2, "in --inputs, and cannot have"),
    ("look OUT --sort url", 2, "url is no number here"),
    ("look OUT --reason c4.brase", 2, "did you mean"),
    ("compare OUT OUT", 0, ""),
    ("compare OUT OTHER", 3, ""),
    ("compare OUT NEW", 2, "NEW"),
    ("fetch", 0, ""),
    ("fetch wikipdia --inputs NEW", 2, 'did you mean "wikipedia"'),
    ("plan sample --inputs IN", 2, "give --measure, too"),
    ("plan sample --measure 2 --inputs IN", 2, "a share above 0"),
    ("rnu", 2, "Did you mean 'run'?"),
    ("describe wikipedia -- --x", 2, "only `corpusmill run` and `ngram` take them"),
]


@pytest.fixture(scope="module")
def places(inputs: Path, finished: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("places")
    new = {name: str(folder / name) for name in ("NEW", "NEW2", "MADE")}
    shard = min((finished / "shards/raw").glob("val-*.bin")).stem
    return {"IN": str(inputs), "OUT": str(finished), "OTHER": str(another(finished, folder)), "SHARD": shard, **new}


def another(finished: Path, folder: Path) -> Path:
    """The record of a run that has the same documents, and other shards."""
    output = folder / "other"
    output.mkdir()
    for name in ("recipe.yaml", "manifest.parquet"):
        shutil.copy(finished / name, output)
    facts = read_facts(str(finished))
    assert facts
    facts["corpus"]["train"] = facts["corpus"]["val"]
    (output / "manifest.json").write_text(json.dumps({**facts, "digest": digest(facts)}))
    return output


def placed(words: str, places: dict[str, str]) -> list[str]:
    return [
        "/".join([places.get(first, first), *rest])
        for first, *rest in (
            word.split("/") if not word.startswith(("/", "http")) else [word] for word in words.split()
        )
    ]


@pytest.mark.parametrize(("words", "code", "message"), [pytest.param(*use, id=ascii(use[0])) for use in USES])
def test_exit_codes_and_errors_of_one_line(words: str, code: int, message: str, places: dict[str, str]) -> None:
    if words.startswith("train"):
        pytest.importorskip("torch")
    done = corpusmill(*placed(words, places), expect=code)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "a bug" not in done.stderr
    if code in (1, 2):
        assert done.stdout == ""
        assert re.fullmatch(r"error: [^\n]+\n", done.stderr)
    assert not Path(places["NEW"]).exists()


def test_the_table_above_has_every_command() -> None:
    for code in (0, 2):
        assert {words.split()[0] for words, of_use, _ in USES if of_use == code} >= {*cli.commands} - {"train"}
    assert {words.split()[0] for words, _, _ in USES} >= {*cli.commands}


def test_help_has_all_commands_in_their_order_and_all_exit_codes() -> None:
    said = corpusmill("--help").stdout
    order = [str(one.name) for commands in COMMANDS.values() for one in commands]
    assert re.findall(r"^  (\w+) +[A-Z]", said, re.M) == order
    assert order.index("sample") < order.index("plan") < order.index("run") < order.index("why")
    assert re.findall(r"^    (\d+) ", said, re.M) == ["0", "1", "2", "3", "4", "130", "141"]
    assert max(map(len, said.splitlines())) <= 80
    alone = corpusmill(expect=2)
    assert (alone.stdout, alone.stderr.strip()) == ("", said.strip())


def test_the_program_and_the_module_are_one() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert "corpusmill = corpusmill.__main__:main" in setup["options.entry_points"]["console_scripts"]


HEAVY = ("apache_beam", "fsspec", "numpy", "pyarrow", "rich", "torch", "yaml")


@pytest.mark.parametrize(
    "do",
    [
        pytest.param("main(['--help'])", id="help"),
        pytest.param("main(['run', '--help'])", id="help of a command"),
        pytest.param("print(words.sources(Context(cli), cli.params[0], 'x'))", id="completion"),
    ],
)
def test_help_imports_nothing_heavy(do: str) -> None:
    """Else every Tab and every --help takes a second: import it in the function that needs it."""
    code = f"import sys; from click import Context; from corpusmill.cli import cli, main, words; {do}; "
    heavy = HEAVY if "main" in do else tuple(name for name in HEAVY if name != "yaml")  # which recipes are
    found = subprocess.run(
        [sys.executable, "-c", f"{code} print('imported', *(name for name in {heavy} if name in sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
        env=environment() | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert found.stdout.splitlines()[-1] == "imported"


def test_version_names_what_a_report_of_a_bug_should() -> None:
    first, second = corpusmill("--version").stdout.splitlines()
    assert re.fullmatch(r"corpusmill \d+\.\d+\.\d+", first)
    for name in ("Python", "apache-beam", "pyarrow", "numpy"):
        assert re.search(rf"{name} \d+\.\d+", second)


def test_json_alone_is_on_stdout(finished: Path, inputs: Path, tmp_path: Path) -> None:
    for words in (
        ["plan", "sample", "--output", finished],
        ["describe", "c4"],
        ["why", finished, "wikipedia:en/12", "--inputs", inputs],
        ["where", finished, min((finished / "shards/raw").glob("train-*.bin")).stem, 0],
        ["score", finished, finished / "recipe.yaml"],
        ["takedown", finished, "wikipedia:en/12", "--dry-run"],
        ["look", finished, "-n", 3],
        ["look", finished, "--source", "c4", "-n", 2, "--diff", "--inputs", inputs],
        ["compare", finished, finished],
        ["fetch"],
        ["sample", tmp_path / "sample", "--scale", 0.01, "--dry-run"],
        ["report", finished, "--dry-run"],
        ["card", finished, "--dry-run", "--set", "card.title=Another"],
        ["train", finished, "--dry-run"],
        [*run_arguments(inputs, tmp_path / "x", 1, "--dry-run")],
    ):
        lines = corpusmill(*words, "--json").stdout.splitlines()
        assert lines
        assert all(isinstance(json.loads(line), dict) for line in lines)
    assert corpusmill("check", finished, "--json").stdout == ""  # a line for each difference


def test_a_folder_whose_record_is_damaged_or_that_is_taken_from_says_so(
    finished: Path, copy_of: Callable[[Path], Path]
) -> None:
    """And not that its run is not finished, and would go on."""
    output = copy_of(finished)
    (output / "manifest.json").write_text("{}")
    for words in (["look", output, "-n", 1], ["why", output, "wikipedia:en/12"]):
        said = corpusmill(*words, expect=None).stderr
        assert "manifest.json is not as it was written" in said
        assert "not finished" not in said
    assert "not as it was written" in corpusmill("takedown", output, "wikipedia:en/12", expect=2).stderr
    (output / "manifest.json").unlink()
    (output / UNFINISHED).write_text("{}")
    assert "a take-down is not finished here" in corpusmill("look", output, "-n", 1).stderr


def test_names_with_colons_are_no_emoji() -> None:
    assert "x:smile:/y" in corpusmill("look", "x:smile:/y", expect=2).stderr


def test_a_dry_run_writes_nothing(finished: Path, tmp_path: Path, copy_of: Callable[[Path], Path]) -> None:
    output = copy_of(finished)

    def files() -> dict[Path, int]:
        below = (path for path in output.rglob("*") if path.is_file() and path.parent.name != "logs")
        return {path: path.stat().st_mtime_ns for path in below}

    before = files()
    for words in (
        ["report"],
        ["card", "--set", "card.title=Another"],
        ["train", "--steps", 1],
        ["takedown", "wikipedia:en/12"],
    ):
        corpusmill(words[0], output, *words[1:], "--dry-run")
    assert files() == before
    corpusmill("card", output, "--set", "card.titel=x", "--dry-run", expect=2)
    corpusmill("sample", tmp_path / "sample", "--scale", 0.01, "--dry-run")
    assert not (tmp_path / "sample").exists()


def test_the_log_is_named_at_the_end_shown_when_asked_and_never_when_quiet(
    inputs: Path, finished: Path, copy_of
) -> None:
    output = copy_of(finished)
    said = corpusmill(*run_arguments(inputs, output, 1), expect=4).stderr
    (log,) = re.findall(r"^log: (.*)$", said, re.M)
    assert "wikipedia/extract: " in Path(log).read_text()
    assert "wikipedia/extract: " not in said
    said = corpusmill(*run_arguments(inputs, output, 1, "-v"), expect=4).stderr
    assert re.search(r"^wikipedia/extract: \d+ items, 0 to do$", said, re.M)
    assert "log: " not in corpusmill(*run_arguments(inputs, output, 1, "-q"), expect=4).stderr


@pytest.mark.parametrize("words", ["describe commoncrawl", "plan llama1", "why OUT wikipedia:en/12"])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_locale_that_lacks_letters(
    words: str, encoding: str, places: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding))
    assert main(placed(words, places)) == 0
    sys.stdout.flush()
    said = sys.stdout.buffer.getvalue().decode(encoding)
    assert said
    assert "?" not in said


@pytest.mark.parametrize(("text", "plain"), [("a − b ≤ c …", "a - b <= c ..."), ("ü€\udcff", "\\xfc\\u20ac\\udcff")])
def test_letters_in_plain_ones(text: str, plain: str) -> None:
    terminal.prepare()
    assert text.encode("ascii", "plain").decode() == plain


def piped(words: list[str], stdout: int) -> tuple[int, str]:
    done = subprocess.run(
        command(*words), stdout=stdout, stderr=subprocess.PIPE, text=True, env=environment(), check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", [["plan", "llama1"], ["describe", "c4", "--json"], ["--help"]])
def test_a_pipe_that_nobody_reads_any_more_is_no_error(words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert piped(words, writer) == (141, "")
    finally:
        os.close(writer)


def test_output_that_cannot_be_written_is_an_error() -> None:
    with Path("/dev/full").open("w") as full:
        code, said = piped(["plan", "llama1", "--json"], full.fileno())
    assert code == 1
    assert re.fullmatch(r"error: No space left on device\. Make room[^\n]*\n", said)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, {}),
        ({"CLICOLOR_FORCE": "1"}, {"FORCE_COLOR": "1"}),
        ({"CLICOLOR_FORCE": "0"}, {}),
        ({"CLICOLOR": "0"}, {"NO_COLOR": "1"}),
        ({"CLICOLOR": "1"}, {}),
        ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, {}),
    ],
)
def test_colours_as_the_environment_asks(environ: dict[str, str], expected: dict[str, str]) -> None:
    before = dict(environ)
    terminal.ask_for_colours(environ)
    assert environ == before | expected


@pytest.mark.parametrize(("variable", "red"), [("FORCE_COLOR", True), ("CLICOLOR_FORCE", True), ("NO_COLOR", False)])
def test_errors_are_red_where_colours_are_wanted(
    variable: str, red: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "")  # so that it is put back
    monkeypatch.setenv(variable, "1")
    assert main(["plan", "lama1"]) == 2
    assert capsys.readouterr().err.startswith("\x1b[31merror: " if red else "error: ")


def test_a_bar_is_drawn_on_terminals_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert can_redraw(Console(file=Terminal()))
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert not can_redraw(Console(file=io.StringIO()))
    monkeypatch.setenv("TERM", "dumb")
    assert not can_redraw(Console(file=Terminal()))


def table() -> Table:
    shown = Table(title="Mixture")
    for name in ("source", "tokens", "note"):
        shown.add_column(name)
    shown.add_row("wikipedia", "1,234,567,890", "words that may be broken " * 8)
    shown.add_row("c4", "1", "")
    return shown


@pytest.mark.parametrize("columns", [None, 60, 30])
def test_tables_stay_whole(columns: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    if columns:
        monkeypatch.setenv("COLUMNS", str(columns))
    AnswerConsole().print(table())
    lines = sys.stdout.getvalue().splitlines()
    assert sum("1,234,567,890" in line for line in lines) == 1  # a number is never cut
    if columns is None:  # no terminal: a row is a line
        assert any("1,234,567,890" in line and "broken " * 1 in line and line.count("words") == 8 for line in lines)
        return
    assert max(map(len, lines)) <= columns
    assert ("  tokens  1" in lines) == (columns == 30)  # of which the table is a block a row


@pytest.mark.parametrize("columns", range(24, 60, 4))
def test_a_cell_of_words_that_stay_together_takes_no_name_its_room(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = Table()
    shown.add_column("source")
    shown.add_column("epochs", justify="right")
    shown.add_row("commoncrawl", "16,355.39 (source too small)")
    AnswerConsole().print(shown)
    answer = sys.stdout.getvalue()
    assert "commoncrawl" in answer and "16,355.39" in answer and "…" not in answer


def test_ngram_dry_run_counts_the_dumps_and_writes_nothing(inputs: Path, tmp_path: Path) -> None:
    arguments = ["ngram", "sample", "en", "--inputs", inputs, "--output", tmp_path / "out", "--dry-run", "--json"]
    facts = json.loads(corpusmill(*arguments).stdout)
    leads = facts["sources"]["wikipedia"]
    assert (leads["phase"], leads["to_do"]) == ("wikipedia/leads", leads["items"])
    assert facts["then"] == "the n-gram models"
    assert not (tmp_path / "out").exists()


def test_a_run_says_no_word_more_than_its_facts_with_json(inputs: Path, finished: Path, copy_of) -> None:
    done = corpusmill(*run_arguments(inputs, copy_of(finished), 1, "--json", "-q"), expect=4)
    assert json.loads(done.stdout)["corpus"] == manifest(finished)["corpus"]
