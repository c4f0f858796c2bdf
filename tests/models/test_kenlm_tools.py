"""KenLM's tools as we call them: with stand-ins that tell how they were called, and the real ones where they are."""

from __future__ import annotations

import hashlib
import json
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpusmill.errors import ShardError
from corpusmill.models.kenlm_tools import build_binary, describe_tool, find_tool, lmplz
from corpusmill.tools.build_kenlm import unpack

TEXT = "".join(
    f"the river {'runs' if n % 3 else 'rises'} past the town of {town}\n" for n in range(40) for town in "abcd"
)

needs_lmplz = pytest.mark.skipif(find_tool("lmplz") is None, reason="no lmplz here")
needs_build_binary = pytest.mark.skipif(find_tool("build_binary") is None, reason="no build_binary here")

Tool = Callable[[str], str]


@pytest.fixture()
def tool(tmp_path: Path) -> Tool:
    """Write a tool that runs a line of Python, and return its path."""

    def write(code: str) -> str:
        path = tmp_path / "tool"
        path.write_text(f"#!/bin/sh\nexec {sys.executable} -S -c 'import os, sys; {code}' \"$@\"\n")
        path.chmod(0o755)
        return str(path)

    return write


@pytest.fixture()
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def _names(folder: str = ".") -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def test_tools_are_found_on_path_first_and_then_beside_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [tmp_path / "path", tmp_path / "venv"]
    for place in places:
        place.mkdir()
        (place / "atool").write_text("")
        (place / "atool").chmod(0o755)
    monkeypatch.setenv("PATH", str(places[0]))
    monkeypatch.setattr(sys, "executable", str(places[1] / "python"))
    assert find_tool("atool") == str(places[0] / "atool")
    (places[0] / "atool").chmod(0o644)
    assert find_tool("atool") == str(places[1] / "atool")
    (places[1] / "atool").unlink()
    assert find_tool("atool") is None


def test_a_tool_is_described_by_its_bytes(tool: Tool) -> None:
    path = tool("pass")
    assert describe_tool(path) == f"tool {hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]}"
    assert describe_tool(path) != describe_tool(tool("1"))


def test_how_lmplz_is_called(tool: Tool, here: Path) -> None:
    path = tool('import json; json.dump(sys.argv[1:], open(sys.argv[-1], "w"))')
    lmplz(path, Path("-text"), Path("-arpa"), here / "scratch", 5, [0, 0, 1], 300)
    assert json.loads(Path("-arpa").read_text()) == [
        *("--order", "5", "--memory", "300M", "--temp_prefix", f"{here}/scratch/", "--vocab_estimate", "65536"),
        *("--skip_symbols", "--discount_fallback", "--prune", "0", "0", "1"),
        *("--text", f"{here}/-text", "--arpa", f"{here}/-arpa"),
    ]
    lmplz(path, Path("text"), Path("arpa"), here, 3)
    assert "--prune" not in json.loads(Path("arpa").read_text())


def test_how_build_binary_is_called(tool: Tool, here: Path) -> None:
    build_binary(tool('import json; json.dump(sys.argv[1:], open(sys.argv[-1], "w"))'), Path("-a"), Path("-b"))
    assert json.loads(Path("-b").read_text()) == ["probing", f"{here}/-a", f"{here}/-b"]
    assert _names() == ["-b"]


def test_tools_are_quiet_and_read_nothing(tool: Tool, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    build_binary(tool('print("out"); print("err", file=sys.stderr); assert not sys.stdin.read()'), Path("a"), Path("b"))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param("sys.exit(3)", "gave exit code 3", id="silent"),
        pytest.param('sys.exit("bad file\\nByte: 7\\nERROR")', "gave exit code 1: Byte: 7", id="as KenLM ends"),
        pytest.param('sys.exit("low disk\\n---5---10\\n****")', "gave exit code 1: low disk", id="a bar after it"),
        pytest.param("os.kill(os.getpid(), 9)", "was ended by SIGKILL", id="killed"),
        pytest.param('sys.stderr.write("a" * 10**7 + " end"); sys.exit(1)', "aaaa end", id="talks much"),
        pytest.param(
            'sys.stderr.buffer.write(b"x \\xff\\r\\n"); sys.exit(1)', "x \N{REPLACEMENT CHARACTER}", id="no UTF-8"
        ),
    ],
)
def test_a_tool_that_fails_is_an_error_and_leaves_nothing(tool: Tool, here: Path, code: str, message: str) -> None:
    path = tool(f'open(sys.argv[-1], "w").write("half"); {code}')
    for call in (
        lambda: build_binary(path, Path("arpa"), Path("out")),
        lambda: lmplz(path, Path("text"), Path("out"), here, 3),
    ):
        with pytest.raises(ShardError) as caught:
            call()
        shown = str(caught.value)
        assert shown.startswith(path) and shown.endswith(message) and len(shown) < 5000 and "\n" not in shown
        assert not list(here.iterdir())


def test_a_tool_that_cannot_be_run(here: Path) -> None:
    for path in (here / "none", Path(__file__)):
        with pytest.raises(ShardError, match=r"cannot be run: (No such file|Permission)"):
            build_binary(str(path), Path("arpa"), Path("out"))


@pytest.mark.parametrize(
    "member",
    [
        pytest.param({"name": "../kenlm-1/a"}, id="above"),
        pytest.param({"name": "/kenlm-1/a"}, id="absolute"),
        pytest.param({"name": "other/a"}, id="beside"),
        pytest.param({"name": "kenlm-1/../a"}, id="up again"),
        pytest.param({"name": "kenlm-1/a", "type": tarfile.SYMTYPE, "linkname": "/etc"}, id="link"),
        pytest.param({"name": "kenlm-1/a", "type": tarfile.FIFOTYPE}, id="pipe"),
    ],
)
def test_a_source_package_is_unpacked_below_its_own_folder(here: Path, member: dict[str, Any]) -> None:
    for name, last in (("kenlm-1.tar.gz", {"name": "kenlm-1/b/c"}), ("evil/kenlm-1.tar.gz", member)):
        Path(name).parent.mkdir(exist_ok=True)
        with tarfile.open(name, "w:gz") as tar:
            for fields in ({"name": "kenlm-1/b", "type": tarfile.DIRTYPE}, last):
                info = tarfile.TarInfo()
                for key, value in fields.items():
                    setattr(info, key, value)
                tar.addfile(info)
    unpack(Path("kenlm-1.tar.gz"), here / "out")
    with pytest.raises(SystemExit, match="no plain file below"):
        unpack(Path("evil/kenlm-1.tar.gz"), here / "out")
    assert [path.name for path in (here / "out").rglob("*")] == ["kenlm-1", "b", "c"]
    assert _names() == ["evil", "kenlm-1.tar.gz", "out"]


# ---- the real ones ---------------------------------------------------------------------------------------------------


@needs_lmplz
def test_lmplz_keeps_to_its_folders(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/nonexistent")
    (here / "scratch").mkdir()
    (here / "-text").write_text(TEXT + "<s> the river </s> <unk>\n")
    tool = find_tool("lmplz") or ""
    lmplz(tool, Path("-text"), Path("-arpa"), Path("scratch"), 3, [0, 0, 1], 64)
    assert _names() == ["-arpa", "-text", "scratch"] and not _names("scratch")
    head = Path("-arpa").read_text().split("\n\n")[0].split("\n")
    assert head[0] == "\\data\\" and head[1] == "ngram 1=14" and len(head) == 4
    with pytest.raises(ShardError, match="pruning thresholds"):
        lmplz(tool, Path("-text"), Path("-arpa"), Path("scratch"), 2, [0, 1, 2], 64)
    with pytest.raises(ShardError, match="No such file"):
        lmplz(tool, Path("none"), Path("-arpa"), Path("scratch"), 3, memory_mb=64)


ARPA = """\\data\\
ngram 1=4
ngram 2=2

\\1-grams:
-1\t<unk>
0\t<s>\t-0.3
-0.7\t</s>
-0.5\tword\t-0.2

\\2-grams:
-0.25\t<s> word
-0.125\tword </s>

\\end\\
"""


@needs_build_binary
def test_a_binary_scores_as_its_arpa(here: Path) -> None:
    kenlm = pytest.importorskip("kenlm")
    Path("-arpa").write_text(ARPA)
    tool = find_tool("build_binary") or ""
    build_binary(tool, Path("-arpa"), Path("-binary"))
    assert _names() == ["-arpa", "-binary"]
    one, other = (kenlm.Model(str(here / name)) for name in ("-arpa", "-binary"))
    for line in ("word", "", "word other word"):
        assert list(one.full_scores(line)) == list(other.full_scores(line))


@needs_build_binary
@pytest.mark.parametrize("arpa", ["", "no arpa\n", ARPA[:120], ARPA.replace("2=2", "2=3")], ids=range(4))
def test_build_binary_takes_nothing_broken(here: Path, arpa: str) -> None:
    Path("arpa").write_text(arpa)
    with pytest.raises(ShardError, match="gave exit code 1: "):
        build_binary(find_tool("build_binary") or "", Path("arpa"), Path("binary"))
    assert _names() == ["arpa"]
