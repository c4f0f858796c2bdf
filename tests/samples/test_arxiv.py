"""The generated tars: the same files from a seed, each kind of paper, the damage that is meant."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from corpusmill.filters.latex.paper import clean_paper
from corpusmill.formats.arxiv import Paper, read_papers
from corpusmill.records import Reason
from corpusmill.samples.arxiv import DAMAGE, KINDS, NEW, OLD, Author, write

SCALE = 0.4
#: What of a kind is no text that stays.
DROPPED = {
    "sectionless": Reason.ARXIV_NO_SECTION, "withdrawn": Reason.ARXIV_NO_TEX, "pdf": Reason.ARXIV_NO_TEX,
    "packed_pdf": Reason.ARXIV_NO_TEX,
}  # fmt: skip


def read(path: Path) -> tuple[list[Paper], Counter[str]]:
    with path.open("rb") as file:
        found = list(read_papers(file))
    return [each for each in found if isinstance(each, Paper)], Counter(
        each.error for each in found if not isinstance(each, Paper)
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {path.name: path for path in write(tmp_path_factory.mktemp("sample"), 0, SCALE)}


def test_damage_is_what_is_said(files: dict[str, Path]) -> None:
    for name, path in files.items():
        assert read(path)[1] == DAMAGE.get(name, {}), name


def test_good_papers_stand_around_damage(files: dict[str, Path]) -> None:
    for name in DAMAGE:
        papers, _ = read(files[name])
        assert len(papers) >= 3 or not files[name].stat().st_size
        assert any(clean_paper(each.files).text for each in papers) or not papers


@pytest.mark.parametrize("name", [OLD, NEW])
def test_papers_of_all_kinds(files: dict[str, Path], name: str) -> None:
    papers, _ = read(files[name])
    newest = {each.id: each for each in sorted(papers, key=lambda each: each.version)}
    assert len(newest) == len(KINDS) < len(papers)
    assert all(each.id.startswith("1507.") == (name == NEW) for each in papers)
    for kind, paper in zip(KINDS, sorted(newest.values(), key=lambda each: each.offset), strict=True):
        verdict = clean_paper(paper.files)
        assert verdict.reason == DROPPED.get(kind), kind
        assert verdict.text is None or verdict.text.startswith("\\section{Introduction}"), kind


def text_of(kind: str) -> str:
    text = clean_paper({name or "ms.tex": data for name, data in KINDS[kind](Author("test", kind)).items()}).text
    assert text is not None
    return text


def test_what_becomes_of_each_kind() -> None:
    assert "\\section{Made by a macro}" in text_of("macros") and "\\left\\| x \\right\\| < \\tfrac{1}{2}" in text_of(
        "macros"
    )
    assert "a macro of another file" in text_of("inputs") and "Dear editor" not in text_of("inputs")
    assert "TODO" not in text_of("comments") and "x = 5 % 3" in text_of("comments") and "a%20b" in text_of("comments")
    assert "Proofs" not in text_of("appendix") and "bibitem" not in text_of("plain")
    assert "The flat thing one." in text_of("styles") and "startsection" not in text_of("styles")
    assert "\\ping and \\loop" in text_of("recursive") and "\r" not in text_of("old_latex")
    assert all("By a lemma of " in text_of(kind) and "\ufffd" not in text_of(kind) for kind in ("latin1", "utf8"))


def test_the_same_files_from_the_same_seed(files: dict[str, Path], tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from corpusmill.samples.arxiv import write;"
        f"write(Path(sys.argv[1]), 0, {SCALE})"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, env={**os.environ, "PYTHONHASHSEED": "7"})
    for name, path in files.items():
        other = tmp_path / "arxiv" / name
        assert hashlib.sha256(other.read_bytes()).digest() == hashlib.sha256(path.read_bytes()).digest()
    again = write(tmp_path / "other", 1, SCALE)
    assert again[0].read_bytes() != files[OLD].read_bytes()


def test_scale(tmp_path: Path) -> None:
    small, large = write(tmp_path / "small", 0, 0.1), write(tmp_path / "large", 0, 2.0)
    assert len(read(small[0])[0]) < len(read(large[0])[0])
    assert [path.name for path in small] == [path.name for path in large]
