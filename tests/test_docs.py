"""Every doctest of the package, and the promises of the command line, of README and of the pages of docs/.

A page is a session: its commands and its Python run from top to bottom, in a folder where the two commands were run
that README begins with, and where `dumps` is the sample, too. Commands that cannot run there are in a list, and are
parsed alone.
"""

import ast
import configparser
import contextlib
import doctest
import importlib
import io
import json
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import click
import pytest

import corpusmill
import write_docs
from corpusmill.cli import cli
from corpusmill.config import build, parse_yaml
from corpusmill.mixtures.recipe import Recipe, shipped
from pages import Block, anchors, blocks, links, name_of, pages, section, tables, words_in_code
from running import ROOT, environment, forked, made_once
from write_docs import cli_context

NEEDS_TORCH = "corpusmill.llama."
MODULES = [
    module.name
    for module in pkgutil.walk_packages(corpusmill.__path__, "corpusmill.")
    if not module.name.startswith(("corpusmill.tests", "corpusmill.benchmarks", "corpusmill.__main__"))
]
NOT_RUN = 3  # blocks with a marker `<!-- not run: reason -->`
# Commands that are parsed alone: how they begin, in how many lines of the pages they stand, and why they are not run.
PARSED_ALONE = (
    (r"fetch \w", 11, "asks a publisher; tests/fetch has publishers of its own"),
    (r"train ", 4, "minutes of all cores; `make demo` runs it"),
    (r"plan .* --measure ", 5, "wants dumps of all sources; tests/pipelines/test_forecast.py has some"),
    (r"run .* -- --runner=", 5, "wants a cluster and a bucket"),
    (r"run mixtures/llama1.yaml --inputs dumps ", 5, "wants dumps of all sources, and models"),
    (r"run mixtures/llama1.yaml (commoncrawl|c4)\b", 4, "wants dumps that are none of the sample's, and models"),
    (r"ngram mixtures/llama1.yaml ", 1, "wants dumps of twenty Wikipedias"),
    (r"(check|plan .* --output) corpus$", 2, "asks about the run of all dumps before it"),
)
SAMPLE = ("sample", "data"), ("run", "mixtures/sample.yaml", "--inputs", "data", "--output", "out")
# What is printed was printed by Python 3.11, with the versions of constraints.txt.
COMPARES = sys.version_info[:2] == (3, 11)


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name: str) -> None:
    if name.startswith(NEEDS_TORCH):
        pytest.importorskip("torch")
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_packages_are_those_of_the_tree() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = set(setup["options"]["packages"].split())
    folders = {
        path.parent.relative_to(ROOT) for path in ROOT.glob("*/**/__init__.py") if path.parts[len(ROOT.parts)][0] != "."
    }
    assert listed == {"corpusmill", *(f"corpusmill.{'.'.join(folder.parts)}" for folder in folders)}


# --- the command line -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_and_option_has_help_and_the_command_examples_that_parse(name: str) -> None:
    command = cli.commands[name]
    assert command.help
    assert command.short_help
    options = [one for one in command.params if isinstance(one, click.Option)]
    assert [one.opts[0] for one in options if not one.help] == []
    examples = re.findall(r"^  corpusmill (.*?)(?: > .*)?$", command.epilog or "", re.M)
    assert [one for one in examples if one.split()[0] == name]
    for example in examples:
        parsed(shlex.split(example, comments=True))


def parsed(words: list[str]) -> dict[str, Any]:
    """The parameters of a command, as click finds them. What stands behind -- is Beam's."""
    cut = words.index("--") if "--" in words else len(words)
    name, *arguments = words[:cut]
    assert name in cli.commands, f"no command {name}"
    opens_no_file = mock.patch.object(click.File, "convert", lambda self, value, *_: value)
    with opens_no_file, cli.commands[name].make_context(name, list(arguments), parent=cli_context()) as context:
        return context.params


# --- what is generated ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_generated_parts_are_current(page: Path) -> None:
    assert page.read_text() == write_docs.renewed(page.read_text()), "run: python tools/write_docs.py"


def test_doctests_of_what_generates_them() -> None:
    assert doctest.testmod(write_docs).failed == 0


def test_every_command_and_source_and_setting_has_a_generated_part() -> None:
    wanted = {"verbs", "help", "reasons", "settings", "settings-of-all-sources"}
    wanted |= {f"settings {group}" for group in ("ngram", "tokenizer", "shards")}
    wanted |= {f"{part}{source}" for source in load_llama1()["sources"] for part in ("steps ", "settings sources.")}
    there = {match["words"] for page in pages() for match in write_docs.PART.finditer(page.read_text())}
    assert wanted <= there


def test_every_setting_has_a_comment() -> None:
    missing = [name for name, *_, what in write_docs.described(Recipe) if not what]
    assert missing == [], "a comment on the line of the field says what it is"


IN_WORDS = {"", "those kept", "the paper's twenty", "BigQuery's", "RedPajama's"}  # defaults that are no values


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_settings_in_tables_are_there_and_have_their_defaults(page: Path) -> None:
    for head, *rows in tables(page.read_text()):
        if not (group := re.fullmatch(r"`([\w.]+)\.…`", head[0])) or head[1] != "default":
            continue
        known = {key: plain(default) for key, _, default, _ in write_docs.described(write_docs.at_key(group[1]))}
        for keys, default, *_ in rows:
            names = words_in_code(keys)
            assert set(names) <= set(known), keys
            apart = re.split("; " if ";" in default else ", ", default) if len(names) > 1 else [default]
            if default not in IN_WORDS and len(apart) == len(names):
                assert [known[name] for name in names] == list(map(plain, apart)), keys


def plain(default: str) -> str:
    return re.sub(r"(?<=\d),(?=\d)", "", default.replace("`", ""))


# --- links ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [*pages(), ROOT / "CONTRIBUTING.md"], ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_map_names_every_page() -> None:
    named = {link.partition("#")[0] for link in links(ROOT / "docs/README.md")}
    assert {str(page.relative_to(ROOT / "docs")) for page in pages()[1:]} - named == {"README.md"}


# --- blocks -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the first two commands of README were run: `data` and `out`. No test may change it."""

    def make(folder: Path) -> None:
        assert [run(list(words), folder)[0] for words in SAMPLE] == [0, 4]

    return made_once(tmp_path_factory, "demo", make)


def run(words: list[str], folder: Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command in a folder."""
    outputs = [folder / name for name in (".stdout", ".stderr")]
    request = {"arguments": words, "folder": str(folder), "environment": environment()}
    code = forked({**request, "outputs": [touched(path) for path in outputs]})
    return code, *(path.read_text() for path in outputs)


def touched(path: Path) -> str:
    path.write_text("")
    return str(path)


def test_blocks_that_are_not_run_are_counted() -> None:
    marked = [f"{block.place}: {block.why}" for page in pages() for block in blocks(page) if block.why]
    assert len(marked) == NOT_RUN, "\n".join(marked)


def test_commands_that_are_parsed_alone_are_counted() -> None:
    lines = [
        line
        for page in pages()
        for block in blocks(page)
        if block.language == "console" and not block.why
        for line, _ in commands_of(block)
    ]
    found = {beginning: [line for line in lines if alone(line) == beginning] for beginning, *_ in PARSED_ALONE}
    assert {beginning: len(of) for beginning, of in found.items()} == {beginning: n for beginning, n, _ in PARSED_ALONE}


def alone(line: str) -> str:
    """The first entry of `PARSED_ALONE` that a line is listed by, or nothing."""
    return next((one for one, *_ in PARSED_ALONE if re.match(rf"corpusmill {one}", line)), "")


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_commands_stand_in_blocks_that_are_checked(page: Path) -> None:
    for block in blocks(page):
        assert block.language, f"{block.place}: say the language of the block, `text` where it has none"
        if block.language not in ("console", "python", "yaml") and page.name != "cli.md":
            assert not re.search(r"^(?:\$ |corpusmill )", block.text, re.M), f"{block.place}: make it a console block"


SESSIONS = [page for page in pages() if any(one.language in ("console", "python") for one in blocks(page))]


@pytest.mark.parametrize("page", SESSIONS, ids=name_of)
def test_a_page_runs_from_top_to_bottom(
    page: Path, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "session"
    subprocess.run(["cp", "-R", str(demo), str(folder)], check=True)
    (folder / "dumps").symlink_to("data")
    for example in (ROOT / "docs" / "examples").glob("*/*.*"):
        shutil.copy(example, folder)
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    for block in blocks(page):
        if block.language == "console" and not block.why:
            for line, shown in commands_of(block):
                check_command(line, shown, folder, block.place)
        if block.language == "python" and not block.why:
            check_python(block, names)


def commands_of(block: Block) -> Iterator[tuple[str, list[str]]]:
    """The commands of a block, each with the lines that it prints, as far as they are shown."""
    first, *rest = re.split(r"^\$ ", block.text, flags=re.M)
    assert not first, f"{block.place}: expected a command, `$ …`, in the first line"
    for one in rest:
        line, *shown = one.rstrip("\n").split("\n")
        yield line, shown


def check_command(line: str, shown: list[str], folder: Path, place: str) -> None:
    words = shlex.split(line.partition(" > ")[0], comments=True)
    if words[0] != "corpusmill":
        assert is_known(words), f"{place}: {line}"
        return
    parsed(words[1:])
    if alone(line):
        assert not shown, f"{place}: what {line} prints cannot be checked"
        return
    code, answer, said = run(words[1:], folder)
    expected = re.search(r"# exit code (\d+)", line)
    damaged = words[1] in ("run", "ngram") and "--allow-damage" not in words
    assert code in ([int(expected[1])] if expected else [0, 4] if damaged else [0]), f"{place}: {line}\n{answer}{said}"
    if shown and COMPARES:
        printed = ["\n".join(map(str.rstrip, text.rstrip().splitlines())) + "\n" for text in (answer, answer + said)]
        assert any(re.fullmatch(pattern_of(shown), text) for text in printed), f"{place}: {line}\n{printed[1]}"


def is_known(words: list[str]) -> bool:
    """Whether a line that is no command of ours can be: a target of make, what pip installs, a file or module."""
    if words[0] == "make":
        return bool(re.search(rf"^{re.escape(words[1])}:", (ROOT / "Makefile").read_text(), re.M))
    if words[:2] == ["pip", "install"]:
        setup = configparser.ConfigParser()
        setup.read(ROOT / "setup.cfg")
        extras = {name for word in words for found in re.findall(r"\[(.*)\]", word) for name in found.split(",")}
        return extras <= set(setup["options.extras_require"])
    if words[:2] == ["python", "-m"]:
        return importlib.util.find_spec(words[2]) is not None
    return words[0] == "python" and (ROOT / words[1]).exists()


def pattern_of(shown: list[str]) -> str:
    """Lines as a pattern: `…` alone is any number of lines, within a line any characters."""
    lines = [
        r"(?:[^\n]*\n)*?" if line.strip() == "…" else re.escape(line.rstrip()).replace("…", r"[^\n]*") + r"\n"
        for line in shown
    ]
    return "".join(lines)


def check_python(block: Block, names: dict[str, Any]) -> None:
    """Runs as it stands; what is printed stands as a comment behind each print."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.parse(block.text), block.place, "exec"), names)
    if COMPARES:
        expected = re.findall(r"^print.*?\)  # (.*)$", block.text, re.M)
        assert printed.getvalue().split("\n")[:-1] == expected, block.place


def load_llama1() -> dict[str, Any]:
    return parse_yaml(shipped()["llama1"], "llama1")


RECIPES = [block for page in pages() for block in blocks(page) if block.language == "yaml"]


@pytest.mark.parametrize("block", RECIPES, ids=lambda block: block.place)
def test_recipes_of_the_pages_load(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    if not block.why:
        monkeypatch.syspath_prepend(ROOT / "docs/examples/forum")
        given = parse_yaml(block.text, block.place)
        build(Recipe, given if "name" in given else laid_over(load_llama1(), given), block.place)


def laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Settings of a part of a recipe, over those of a whole one."""
    both = {name for name in above if isinstance(above[name], dict) and isinstance(below.get(name), dict)}
    return {**below, **above, **{name: laid_over(below[name], above[name]) for name in both}}


# --- docs/data-format.md ----------------------------------------------------------------------------------------------

FORMAT = ROOT / "docs/data-format.md"
FILES = {
    "## Documents": "documents/wikipedia/*.parquet",
    "## Dropped documents": "dropped/wikipedia/*.parquet",
    "## Damaged input": "errors/wikipedia/*.parquet",
    "## Books that share content": "models/books/clusters.parquet",
    "## Shards": "shards/index/*.parquet",
}
TYPES = {"text": str, "whole number": int, "number": (int, float), "list": list, "null": type(None)}


def test_the_tree_is_that_of_a_run(demo: Path) -> None:
    tree = next(block.text for block in blocks(FORMAT) if block.language == "text")
    for line in tree.splitlines():
        path = re.sub(r"<\w+>", "*", line.split()[0])
        if path not in ("out/takedown.json", "out/llama/"):
            assert list(demo.glob(path)), line
    top = {line.split("/")[1].split()[0] for line in tree.splitlines()}
    assert {path.name for path in (demo / "out").iterdir()} - {"run.lock"} <= top


@pytest.mark.parametrize("heading", FILES)
def test_columns_are_those_of_a_run(demo: Path, heading: str) -> None:
    import pyarrow.parquet as pq

    stated = {row[0].strip("`"): row[1] for row in column_table(heading)}
    for path in (demo / "out").glob(FILES[heading]):
        found = pq.read_schema(path)
        assert {
            name: str(kind).partition("<")[0] for name, kind in zip(found.names, found.types, strict=True)
        } == stated


def test_columns_of_the_manifest_and_of_token_files(demo: Path) -> None:
    import pyarrow.parquet as pq

    from corpusmill.shards.tokens import INDEX

    schema = pq.read_schema(demo / "out/manifest.parquet")
    stated = {row[0].strip("`"): row[1] for row in column_table("## The manifest")}
    assert {name: str(kind) for name, kind in zip(schema.names, schema.types, strict=True)} == stated
    stated = {row[0].strip("`"): row[1] for row in column_table("## Token files")}
    assert {name: str(INDEX[name]) for name in INDEX.names} == stated


def test_keys_of_the_manifest(demo: Path) -> None:
    *_, (_, *rows) = tables(section(FORMAT, "## The manifest"))
    facts = json.loads((demo / "out/manifest.json").read_text())
    assert {name for row in rows for name in words_in_code(row[0])} == set(facts)


def column_table(heading: str) -> list[list[str]]:
    """The first table below a heading, without its head."""
    return next(tables(section(FORMAT, heading)))[1:]


@pytest.mark.parametrize("source", sorted(load_llama1()["sources"]))
def test_keys_and_types_of_metadata_are_those_of_a_run(demo: Path, source: str) -> None:
    import pyarrow.parquet as pq

    stated = {
        key: (tuple(TYPES[word] for word in kind.split(", or ")), when)
        for keys, kind, when, _ in column_table(f"### {source}")
        for key in words_in_code(keys)
    }
    found: set[str] = set()
    for row in pq.read_table(demo / "out/documents" / source, columns=["id", "meta"]).to_pylist():
        meta = json.loads(row["meta"])
        found |= set(meta)
        assert row["id"].startswith(f"{source}:")
        assert {key for key, (_, when) in stated.items() if when == "always"} <= set(meta), row["id"]
        for key, value in meta.items():
            kinds = [one for kind in stated[key][0] for one in (kind if isinstance(kind, tuple) else (kind,))]
            assert isinstance(value, tuple(kinds)), (row["id"], key)
    # What the sample's recipe does not ask for.
    assert set(stated) - found <= {"letters_per_token"}
