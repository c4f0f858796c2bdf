"""arXiv's papers from tars to documents."""

import gzip
import io
import json
import tarfile
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpusmill.pipelines.why import fates
from corpusmill.records import Reason
from running import SHARED, corpusmill, digests, manifest, run_arguments

REAL = SHARED / "data"


def only_arxiv(inputs: Path, output: Path, *more: object) -> list[str]:
    arguments = run_arguments(inputs, output, 1, *more)
    return [*arguments[:2], "arxiv", *arguments[2:]]


def documents(output: Path) -> dict[str, dict]:
    found = pq.read_table(output / "documents/arxiv").to_pylist()
    return {row["id"]: {**row, **json.loads(row["meta"])} for row in found}


def dropped(output: Path) -> list[dict]:
    return pq.read_table(output / "dropped/arxiv").to_pylist()


@pytest.fixture
def made(finished: Path) -> Path:
    """arXiv of the sample, beside the other sources. Do not change it."""
    return finished


def papers(path: Path, found: dict[str, str], mtime: int = 0) -> None:
    """A tar of single TeX files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, source in found.items():
            packed = gzip.compress(source.encode(), mtime=0)
            header = tarfile.TarInfo(name)
            header.size, header.mtime = len(packed), mtime
            tar.addfile(header, io.BytesIO(packed))


def test_every_reason_has_papers_and_nothing_is_lost(made: Path) -> None:
    counts = manifest(made)["sources"]["arxiv"]
    gone = {name: n for name, n in counts.items() if name.startswith("documents.dropped.")}
    assert counts["documents.in"] == counts["documents.kept"] + sum(gone.values())
    reasons = {name.removeprefix("documents.dropped.") for name in gone}
    assert reasons == {Reason.ARXIV_NO_TEX, Reason.ARXIV_NO_SECTION, Reason.ARXIV_OLDER}


def test_bodies_hold_no_preamble_bibliography_or_definition(made: Path) -> None:
    for one in documents(made).values():
        for mark in (
            r"\documentclass",
            r"\begin{document}",
            r"\begin{thebibliography}",
            r"\bibliography{",
            r"\newcommand",
        ):
            assert mark not in one["text"], one["id"]
        assert one["chars"] == len(one["text"])
    assert sum(one["n_calls_left"] for one in documents(made).values()) > 0, "calls that stayed as written are counted"


def test_the_newest_version_stays(tmp_path: Path) -> None:
    body = "\\documentclass{article}\\begin{document}\\section{A} This is version %s.\\end{document}"
    names = {
        "0704/0704.0001v1.gz": body % "one",
        "0704/0704.0001v2.gz": body % "two",
        "0704/0704.0002.gz": body % "old",
    }
    papers(tmp_path / "in/arxiv/arXiv_src_0704_001.tar", names)
    papers(tmp_path / "in/arxiv/arXiv_src_0704_002.tar", {"0704/0704.0002.gz": body % "new"}, mtime=1_500_000_000)
    corpusmill(*only_arxiv(tmp_path / "in", tmp_path / "out"))
    kept = documents(tmp_path / "out")
    assert {name: one["text"].split()[-1] for name, one in kept.items()} == {
        "arxiv:0704.0001": "two.", "arxiv:0704.0002": "new."
    }  # fmt: skip
    assert Counter(row["reason"] for row in dropped(tmp_path / "out")) == {Reason.ARXIV_OLDER: 2}


def test_a_paper_that_was_withdrawn_is_not_there_in_an_older_version(tmp_path: Path) -> None:
    body = "\\documentclass{article}\\begin{document}\\section{A} This is version one.\\end{document}"
    names = {"0704/0704.0001v1.gz": body, "0704/0704.0001v2.gz": "%auto-ignore\nThis paper has been withdrawn."}
    papers(tmp_path / "in/arxiv/arXiv_src_0704_001.tar", names)
    corpusmill(*only_arxiv(tmp_path / "in", tmp_path / "out"))
    assert Counter(row["reason"] for row in dropped(tmp_path / "out")) == {
        Reason.ARXIV_OLDER: 1, Reason.ARXIV_NO_TEX: 1
    }  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "has", "has_not"),
    [
        ("appendix=cut", [], ["Proofs are here"]),
        ("appendix=keep", ["Proofs are here"], ["Knuth"]),
        ("front=keep", ["A title", "It is short"], []),
        ("front=cut", [], ["A title", "It is short"]),
        ("compat=redpajama-v1", ["\\R"], []),
    ],
)
def test_switches(setting: str, has: list[str], has_not: list[str], tmp_path: Path) -> None:
    source = (
        "\\documentclass{article}\\newcommand{\\R}[1]{\\mathbb{R}^{#1}}\\title{A title}\\begin{document}\n"
        "\\begin{abstract}It is short\\end{abstract}\n\\section{One}\n$x \\in \\R{2}$\n"
        "\\begin{thebibliography}{9}\\bibitem{k} Knuth\\end{thebibliography}\n"
        "\\appendix\n\\section{Proofs}\nProofs are here.\n\\end{document}\n"
    )
    papers(tmp_path / "in/arxiv/arXiv_src_0704_001.tar", {"0704/0704.0001.gz": source})
    corpusmill(*only_arxiv(tmp_path / "in", tmp_path / "out", "--set", f"sources.arxiv.{setting}"))
    [one] = documents(tmp_path / "out").values()
    assert "One" in one["text"]
    for text in has:
        assert text in one["text"]
    for text in has_not:
        assert text not in one["text"]


def test_papers_without_sections_are_a_switch(tmp_path: Path) -> None:
    source = "\\documentclass{article}\\begin{document}All of it stands here.\\end{document}"
    papers(tmp_path / "in/arxiv/arXiv_src_0704_001.tar", {"0704/0704.0001.gz": source})
    corpusmill(*only_arxiv(tmp_path / "in", tmp_path / "out"))
    assert [row["reason"] for row in dropped(tmp_path / "out")] == [Reason.ARXIV_NO_SECTION]
    corpusmill(*only_arxiv(tmp_path / "in", tmp_path / "keep", "--set", "sources.arxiv.sectionless=keep"))
    assert [one["text"] for one in documents(tmp_path / "keep").values()] == ["All of it stands here."]


def test_two_workers_give_the_same_bytes(inputs: Path, made: Path, tmp_path: Path) -> None:
    corpusmill(*only_arxiv(inputs, tmp_path, "--workers", "2"), expect=4)
    folders = ["documents/arxiv", "dropped/arxiv", "errors/arxiv"]
    assert digests(tmp_path, folders) == digests(made, folders)
    corpusmill("check", tmp_path)


def test_why_tells_of_kept_and_dropped_papers(made: Path, inputs: Path) -> None:
    for name in (next(iter(documents(made))), *(row["id"] for row in dropped(made)[:3])):
        for fate in fates(str(made), name, str(inputs)):
            assert fate.steps


@pytest.mark.skipif(not REAL.exists(), reason="no shared data here")
def test_no_real_paper_is_lost(tmp_path: Path) -> None:
    corpusmill(*only_arxiv(REAL, tmp_path))
    assert len(documents(tmp_path)) == 27
    assert Counter(row["reason"] for row in dropped(tmp_path)) == {Reason.ARXIV_NO_TEX: 5}
