"""arXiv, 2.5 % of the mixture.   Source: LLaMA (2023) section 2.1, "ArXiv", after Lewkowycz et al. (2022).

LaTeX sources as arXiv publishes them in bulk: what comes before the first section goes, and the bibliography; comments
go; definitions and macros that users wrote are expanded inline, so that papers look more alike. `filters/latex/` does
it; `mixtures/sources.py` has the switches.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import xxhash

from ..filters.encodings import decode
from ..filters.latex.paper import PaperRules, clean_paper
from ..filters.latex.project import is_tex
from ..formats.arxiv import Limits, Paper, read_papers
from ..mixtures.sources import ArxivRecipe
from ..records import Damage, Document, Dropped, Reason
from ..storage import MIB, Input, open_read
from .dates import seconds_of
from .source import Aids, Basis, Exchange, Function, Keys, Slice, Source, Step, drop, stem_of, step

VERSIONS = "versions"  # the exchange
SECONDS_BITS, UNNUMBERED = 34, 1000  # of a date since 1970; the version of a file that names none
NEWEST = (1 << 64) - 1


def steps(recipe: ArxivRecipe, aids: Aids) -> tuple[Step, ...]:
    rules = rules_of(recipe)
    how = {
        "cut": "what follows the appendix or the bibliography goes",
        "keep": "only the bibliography goes, appendices stay",
    }
    front = "title and abstract come back before the body (Minerva); " if rules.front == "keep" else ""
    sections = "papers without a section go" if rules.sectionless == "drop" else "papers without a section stay whole"
    return (
        Step(
            "keep the newest version",
            keep_newest(aids),
            Basis.REFERENCE,
            note="of a paper; a file that names no version counts as newest, of two such the later packed one",
            exchange=versions_of_papers(),
        ),
        step(
            "drop what is no LaTeX",
            drop_without_tex,
            Basis.REFERENCE,
            note="PDFs, PostScript, web pages and withdrawn papers (RedPajama)",
        ),
        step(
            "keep the body, macros expanded",
            keep_body(rules, recipe.compat),
            Basis.REFERENCE if recipe.compat else Basis.PAPER,
            note="as RedPajama's code does it, file by file, mistakes included"
            if recipe.compat
            else f"from the first section on; {how[rules.appendix]}; comments off; files that the paper's own file "
            f"inputs in their place; definitions and macros expanded and removed; {front}{sections} (ours)",
            decides={"rules": dataclasses.asdict(rules), "compat": recipe.compat},
        ),
    )


def rules_of(recipe: ArxivRecipe) -> PaperRules:
    """What of a paper stays."""
    return PaperRules(appendix=recipe.appendix, sectionless=recipe.sectionless, front=recipe.front)


def versions_of_papers() -> Exchange:
    """Papers are compared by their ids, all with all."""
    return Exchange(
        VERSIONS,
        keys=lambda papers: list(map(_id_key, papers)),
        keep="smallest",
        scope=lambda tar: "all",
        groups=1,
        owners=_owners,
    )


def keep_newest(aids: Aids) -> Function:
    def judge(papers: Sequence[Document]) -> list[Document | Dropped]:
        taken = aids.answers[VERSIONS].taken(list(map(_id_key, papers)), _owners(papers))
        return [
            drop(paper, Reason.ARXIV_OLDER, detail=f"v{paper.meta['version']}" if paper.meta["version"] else "")
            if gone.any()
            else paper
            for paper, gone in zip(papers, taken, strict=True)
        ]

    return judge


def _id_key(paper: Document) -> Keys:
    return np.array([xxhash.xxh3_64_intdigest(paper.id.encode())], np.uint64)


def _owners(papers: Sequence[Document]) -> list[int]:
    """The newest version is the smallest."""
    return [NEWEST - revision(paper) for paper in papers]


def drop_without_tex(paper: Document) -> Document | Dropped:
    kind = paper.meta["kind"]
    return paper if paper.meta["files"] else drop(paper, Reason.ARXIV_NO_TEX, detail=kind)


def keep_body(rules: PaperRules, compat: str) -> Callable[[Document], Document | Dropped]:
    def judge(paper: Document) -> Document | Dropped:
        verdict = clean_paper(paper.meta["files"], rules=rules, compat=compat)
        if verdict.text is None:
            assert verdict.reason, "a paper without text has a reason"
            return drop(paper, verdict.reason)
        meta = {name: value for name, value in paper.meta.items() if name not in ("files", "kind")}
        return dataclasses.replace(paper, text=verdict.text, meta={**meta, **verdict.measures}, weight=0)

    return judge


def slices(tar: Input, recipe: ArxivRecipe) -> list[Slice]:
    """A tar is one slice: some 500 MB."""
    return [Slice(stem_of(tar), tar, 0, tar.size)]


def read(piece: Slice, recipe: ArxivRecipe, models: Mapping[str, str]) -> Iterator[Document | Damage]:
    """The papers of a tar, their files beside what they say of themselves."""
    limits = Limits(text_bytes=recipe.max_paper_mb * MIB)
    with open_read(piece.input.url) as file:
        for paper in read_papers(file, limits):
            yield paper if isinstance(paper, Damage) else _document(paper)


def _document(paper: Paper) -> Document:
    version = f"v{paper.version}" if paper.version else ""
    meta = {
        "url": f"https://arxiv.org/abs/{paper.id}{version}",
        "version": paper.version,
        "date": paper.date,
        "kind": paper.kind,
        "files": paper.files,
    }
    text = "\n".join(decode(data)[0] for path, data in paper.files.items() if is_tex(path))
    weight = sum(map(len, paper.files.values()))
    return Document(f"arxiv:{paper.id}", text, "arxiv", meta, weight=weight)


def revision(paper: Document) -> int:
    """Newer versions are higher; of papers without a number, which are the newest, what arXiv packed later is."""
    version = int(paper.meta["version"]) or UNNUMBERED
    return version << SECONDS_BITS | min(seconds_of(paper.meta["date"]), (1 << SECONDS_BITS) - 1)


SOURCE = Source(
    "arxiv",
    lambda recipe: "*.tar",
    slices,
    read,
    steps,
    recipe=ArxivRecipe,
    revision=revision,
    decides=lambda recipe: {"max_paper_mb": recipe.max_paper_mb},
)
