r"""A paper's files to one clean LaTeX text: its body, from the first heading to the bibliography.

In this order: comments off; which file TeX begins with; every `\input` in its place; macros of the paper's own
expanded; the body cut out. Headings, formulas, citations and environments stay as LaTeX.
Source: LLaMA (2023) section 2.1, arXiv: "we removed everything before the first section, as well as the bibliography …
removed the comments from the .tex files, and inline-expanded definitions and macros written by users"; what that leaves
open is ours, but for the appendix, which goes as in RedPajama v1 and Minerva.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ...records import Reason
from ..encodings import declared_encoding, decode
from ..verdict import Verdict
from .comments import drop_false_branches, strip_comments
from .expand import expand_macros
from .project import body_span, find_root, join
from .redpajama import clean_files
from .structure import body_end, first_heading, front_matter, squeeze, without_bibliography

__all__ = ["PaperRules", "clean_paper"]


@dataclass(frozen=True)
class PaperRules:
    """What of a paper stays, where the paper on LLaMA leaves a choice.

    `appendix`: what follows the appendix or the bibliography goes ("cut"), or only the bibliography ("keep").
    `sectionless`: a paper without a heading goes ("drop"), or its whole body stays ("keep").
    `front`: title and abstract come back before the body ("keep"), as in Minerva.
    """

    appendix: Literal["cut", "keep"] = "cut"
    sectionless: Literal["drop", "keep"] = "drop"
    front: Literal["cut", "keep"] = "cut"


RULES = PaperRules()


def clean_paper(files: Mapping[str, bytes], *, rules: PaperRules = RULES, compat: str = "") -> Verdict:
    r"""The text of a paper, or why it goes; `files` are the bytes of its files by their paths, in the order of its tar.

    Measures: characters of all TeX files and of the text, files that went into it, names that no file has, calls of
    macros that stayed as written.

    "redpajama-v1": what its code makes of the files, in their order; where that fails no text is left.

    >>> files = {"ms.tex": rb"\documentclass{article}\newcommand{\x}[1]{#1!}\begin{document}\section{A} \input{b}"}
    >>> clean_paper({**files, "b.tex": rb"\x{B} % c"}).text
    '\\section{A} B!'
    >>> clean_paper({"ms.pdf": b"%PDF"}).reason, clean_paper({"a.tex": b"Withdrawn."}).reason
    (<Reason.ARXIV_NO_TEX: 'arxiv.no_tex'>, <Reason.ARXIV_NO_SECTION: 'arxiv.no_section'>)
    """
    if compat:
        return _as_redpajama(files)
    sources = _sources(files)
    root = find_root(sources, _readme(files))
    if root is None:
        return Verdict(None, Reason.ARXIV_NO_TEX)
    joined = join(sources, root)
    expanded = expand_macros(joined.text)
    source = expanded.text
    measures: dict[str, float] = {
        "tex_chars": sum(map(len, sources.values())),
        "n_files": len(joined.files),
        "n_missing": len(joined.missing),
        "n_calls_left": sum(expanded.left.values()),
    }
    start, end = body_span(source)
    source = source[:end]
    heading = first_heading(source, start)
    if heading is None and rules.sectionless == "drop":
        return Verdict(None, Reason.ARXIV_NO_SECTION, measures=measures)
    body_start = start if heading is None else heading
    if rules.appendix == "cut":
        source = source[: body_end(source, body_start)]
    text = squeeze(without_bibliography(source[body_start:])).strip()
    if not text:
        return Verdict(None, Reason.EMPTY, measures=measures)
    if rules.front == "keep":
        text = front_matter(source[:body_start]) + text
    return Verdict(text, measures=measures | {"chars": len(text)})


def _sources(files: Mapping[str, bytes]) -> dict[str, str]:
    """The files as text, without what TeX does not read. What no file declares itself, the document's own file does."""
    declared = next(
        (name for data in files.values() if b"\\document" in data and (name := declared_encoding(data))), ""
    )
    return {path: _prepared(decode(data, declared)[0]) for path, data in files.items()}


def _prepared(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return drop_false_branches(strip_comments(text))


def _readme(files: Mapping[str, bytes]) -> str:
    """What arXiv's own file says of a paper's files; "" where there is none."""
    found = (data for path, data in files.items() if path.rpartition("/")[2].upper().startswith("00README"))
    return decode(next(found, b""))[0]


def _as_redpajama(files: Mapping[str, bytes]) -> Verdict:
    texts = [data for path, data in files.items() if path.endswith(".tex")]
    if not texts:
        return Verdict(None, Reason.ARXIV_NO_TEX)
    try:
        text = clean_files(data.decode() for data in texts)
    except UnicodeDecodeError:
        text = None
    if not text or text.isspace():
        return Verdict(None, Reason.EMPTY)
    return Verdict(text, measures={"tex_chars": sum(map(len, texts)), "chars": len(text)})
