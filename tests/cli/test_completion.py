"""What a shell offers when a user presses Tab."""

import os
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from corpusmill.cli import cli, words
from corpusmill.mixtures.recipe import load, shipped
from running import ROOT, command, corpusmill, environment


def offered(line: str, begun: str) -> list[str]:
    return [item.value for item in ShellComplete(cli, {}, "corpusmill", "_").get_completions(line.split(), begun)]


@pytest.mark.parametrize(
    ("line", "begun", "expected"),
    [
        pytest.param("", "ta", ["takedown"], id="command"),
        pytest.param("run", "", sorted(shipped()), id="recipes"),
        pytest.param("run sample", "wi", ["wikipedia"], id="source"),
        pytest.param("run sample c4", "c", ["commoncrawl"], id="a source that is not there yet"),
        pytest.param("run OWN.yaml", "", ["books", "arxiv"], id="sources of one's own recipe"),
        pytest.param("run FORUM.yaml", "", ["forum"], id="a source of one's own"),
        pytest.param("run ODD.yaml", "", ["c4"], id="names that no source can have"),
        pytest.param("describe --recipe FORUM.yaml", "", ["forum"], id="of one's own recipe, described"),
        pytest.param("look RUN --source", "", ["books", "forum"], id="of the run that is looked at"),
        pytest.param("run NONE.yaml", "", [], id="of a recipe that is not there"),
        pytest.param("describe", "w", ["wikipedia"], id="source of the default recipe"),
        pytest.param("run sample --set", "se", ["seed="], id="setting"),
        pytest.param("run sample --set", "ng", ["ngram."], id="as far as the next dot"),
        pytest.param("run sample --set", "ngram.est", ["ngram.estimator="], id="after the dot"),
        pytest.param(
            "run sample --set", "ngram.estimator=", [f"ngram.estimator={word}" for word in ("auto", "own", "lmplz")],
            id="words of a setting",
        ),
        pytest.param("run sample --set", "seed=", [], id="a number"),
        pytest.param("run sample --set", "nothing.x=", [], id="no setting"),
        pytest.param("run sample", "--ver", ["--verbose"], id="option"),
        pytest.param("fetch", "c", ["commoncrawl", "c4", "cirrussearch"], id="source to fetch"),
        pytest.param("look out --reason", "books.", ["books.overlap", "books.language"], id="reasons"),
        pytest.param("look out --source", "wi", ["wikipedia"], id="source of documents"),
        pytest.param("completion", "", ["bash", "zsh", "fish"], id="shells"),
    ],
)  # fmt: skip
def test_words(line: str, begun: str, expected: list[str], tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("sources: {books: {epochs: 1}, arxiv: {epochs: 1}}\n")
    (tmp_path / "odd.yaml").write_text('sources: {c4: {}, own: {3: {}, "a\\e[2Jb": {}}}\n')
    (tmp_path / "recipe.yaml").write_text("sources: {books: {}, own: {forum: {code: forum}}}\n")
    forum = ROOT / "docs" / "examples" / "forum" / "forum.yaml"
    files = {"FORUM.yaml": forum, "OWN.yaml": own, "ODD.yaml": tmp_path / "odd.yaml", "RUN": tmp_path}
    for word, path in files.items():
        line = line.replace(word, str(path))
    assert offered(line, begun) == expected


def test_what_begins_no_recipe_may_be_a_file() -> None:
    (item,) = ShellComplete(cli, {}, "corpusmill", "_").get_completions(["plan"], "my/rec")
    assert (item.type, item.value) == ("file", "my/rec")


def test_reasons_come_with_their_meaning() -> None:
    context = click.Context(cli)
    (item,) = words.reasons(context, cli.params[0], "c4.lorem")
    assert (item.value, item.help) == ("c4.lorem_ipsum", "filler text")


def test_every_setting_that_is_offered_is_one() -> None:
    """From dot to dot, down to all keys of the recipe."""
    ahead, leaves = [""], []
    while ahead:
        for word in offered("run sample --set", ahead.pop()):
            (ahead if word.endswith(".") else leaves).append(word)
    values = load("llama1").resolved()
    for leaf in leaves:
        inner = values
        for name in leaf.removesuffix("=").split("."):
            if not isinstance(inner, dict):
                break  # skip, or null
            assert name in inner, leaf
            inner = inner[name]
    assert {"seed=", "sources.c4.inputs=", "tokenizer.vocab_size=", "sources.books.columns.text="} <= {*leaves}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_ask_the_program(shell: str) -> None:
    assert f"_CORPUSMILL_COMPLETE={shell}_complete" in corpusmill("completion", shell).stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_a_line(tmp_path: Path) -> None:
    program = tmp_path / "corpusmill"
    program.write_text(f'#!/bin/sh\nexec {" ".join(command())} "$@"\n')
    program.chmod(0o755)
    script = corpusmill("completion", "bash").stdout
    typed = """
        compopt() { printf '%s ' "$@"; }
        for begun in corpusmill:de "corpusmill run sample --set:toke"; do
            COMP_WORDS=(${begun%%:*} "${begun##*:}"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
            _corpusmill_completion corpusmill; echo "${COMPREPLY[@]}"
        done
    """
    own = environment() | {"PATH": os.pathsep.join([str(tmp_path), os.environ["PATH"]])}
    done = subprocess.run(
        ["bash", "-c", script + typed], capture_output=True, text=True, env=own, cwd=ROOT.parent, check=True
    )
    assert done.stdout.splitlines() == ["describe", "-o nospace tokenizer."]
