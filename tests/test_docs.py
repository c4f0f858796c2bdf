"""Every doctest of the package, and the promises of the command line and the README."""

import doctest
import importlib
import pkgutil
import re

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
    listed = set(re.findall(r"^    (corpusmill[.\w]*)$", (ROOT / "setup.cfg").read_text(), re.M))
    folders = {
        path.parent.relative_to(ROOT) for path in ROOT.glob("*/**/__init__.py") if path.parts[len(ROOT.parts)][0] != "."
    }
    assert listed >= {"corpusmill", *(f"corpusmill.{'.'.join(folder.parts)}" for folder in folders)}


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_has_help_and_examples(name: str) -> None:
    assert cli.commands[name].help
    assert f"corpusmill {name}" in (cli.commands[name].epilog or "")
