"""Every doctest of the package, and the promises of the command line and the README."""

import configparser
import contextlib
import doctest
import importlib
import io
import pkgutil
import re
from pathlib import Path

import pytest

import corpusmill
from corpusmill.cli import cli
from running import ROOT

NEEDS_TORCH = "corpusmill.llama."
MODULES = [
    module.name
    for module in pkgutil.walk_packages(corpusmill.__path__, "corpusmill.")
    if not module.name.startswith(("corpusmill.tests", "corpusmill.benchmarks", "corpusmill.__main__"))
]


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


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_has_help_and_examples(name: str) -> None:
    assert cli.commands[name].help
    assert f"corpusmill {name}" in (cli.commands[name].epilog or "")


README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("snippet", re.findall(r"^```python\n(.*?)^```", README, re.M | re.S))
def test_python_of_the_readme(snippet: str, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs as it stands, in a folder where `make demo` was run; comments say what is printed."""
    shards = sorted((finished / "shards/raw").glob("train-*.bin"))
    snippet = snippet.replace("train-00000-of-00015", shards[0].stem)
    (tmp_path / "out/demo").mkdir(parents=True)
    (tmp_path / "out/demo/corpus").symlink_to(finished)
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(snippet, "README.md", "exec"), {})
    assert printed.getvalue().split("\n")[:-1] == re.findall(r"^print.*  # (.*)$", snippet, re.M)


COMMANDS = re.findall(
    r"^(?:\$ )?corpusmill ([^#\n]+)", "\n".join(re.findall(r"^```\n(.*?)^```", README, re.M | re.S)), re.M
)


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_of_the_readme_parse(line: str) -> None:
    words = re.split(" -- | > ", line)[0].split()
    command = cli.commands[words[0]]
    with command.make_context(words[0], words[1:]):
        pass


def test_files_that_the_readme_names_are_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
