"""Cleaning papers, and of that expanding their macros, against unpacking the same bytes, in CPU seconds of one run.

    python -m corpusmill.benchmarks.latex [FOLDER_OF_TARS]

The tars are arXiv's: each member is a gzip file of one .tex or of a tar. Without a folder papers are generated.
Unpacking, expanding and cleaning go in turn, some rounds; medians count. The exit code is 1 when one takes too long.
"""

from __future__ import annotations

import gzip
import io
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random

from ..filters.latex.expand import expand_macros
from ..filters.latex.paper import clean_paper
from .lines import cpu_seconds

MAX_EXPANDING, MAX_CLEANING = 30, 100  # times unpacking
READ_BY_TEX = (".tex", ".sty", ".cls", ".bbl", ".ltx", ".txt")
N_GENERATED = 40
WORDS_PER_SECTION = 300
_PREAMBLE = r"""\documentclass{article}
\newcommand{\R}{\mathbb{R}}
\newcommand{\norm}[2][2]{\left\|#2\right\|_{#1}}
\def\pair(#1,#2){\langle #1, #2\rangle}
\newcommand{\name}{\textsc{Mill}\xspace}
\newenvironment{note}[1]{\paragraph{Note (#1).}}{\hfill$\square$}
\begin{document}
"""
_SECTION = r"""\section{Part %d}
A paragraph of text on \name, with words enough that a reader would take it for one of a paper, a citation
\citep{mill%d} and a formula, $x \in \R^{%d}$ with $\norm{x} \leq \norm[1]{x}$ and $\alpha_{%d} = \frac{1}{2}$.
\begin{note}{%d}
It says that \pair(x, y) is $\norm{x + y}$ in \name. %% a remark
\end{note}
\begin{equation}
  f(x) = \sum_{i=1}^{%d} \exp\left( -\frac{(x - \mu_i)^2}{2\sigma_i^2} \right) \label{eq:%d}
\end{equation}

"""


def generated() -> list[bytes]:
    """Gzip files of papers as dense with macros as those of arXiv."""
    random = Random(0)
    words = ["".join(random.choices("aeiounrstlmd", k=random.randint(2, 10))) for _ in range(2000)]

    def section(n: int) -> str:
        return _SECTION % ((n,) * 7) + " ".join(random.choices(words, k=WORDS_PER_SECTION)) + "\n\n"

    papers = (_PREAMBLE + "".join(map(section, range(20 + n))) + "\\end{document}\n" for n in range(N_GENERATED))
    return [gzip.compress(paper.encode()) for paper in papers]


def members(paths: Iterable[Path]) -> Iterator[bytes]:
    """The gzip files that stand in arXiv's tars."""
    for path in paths:
        with tarfile.open(path) as tar:
            for member in tar:
                if member.name.endswith(".gz") and (file := tar.extractfile(member)):
                    yield file.read()


def unpack(packed: Iterable[bytes]) -> list[dict[str, bytes]]:
    """The files of these papers that TeX reads."""
    papers = []
    for paper in packed:
        content = gzip.decompress(paper)
        try:
            with tarfile.open(fileobj=io.BytesIO(content)) as tar:
                opened = {member.name: tar.extractfile(member) for member in tar if member.name.endswith(READ_BY_TEX)}
                papers.append({name: file.read() for name, file in opened.items() if file})
        except tarfile.ReadError:
            papers.append({"ms.tex": content})
    return papers


def measure(packed: list[bytes]) -> bool:
    """Print the speeds; true when expanding and cleaning are fast enough."""
    papers = unpack(packed)
    texts = [data.decode(errors="replace") for paper in papers for name, data in paper.items() if name.endswith(".tex")]
    works: dict[str, Callable[[], object]] = {
        "unpacking": lambda: unpack(packed),
        "expanding": lambda: [expand_macros(text) for text in texts],
        "cleaning": lambda: [clean_paper(paper) for paper in papers],
    }
    medians = cpu_seconds(works)
    n_mb = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{len(packed)} papers, {len(texts)} files, {n_mb:.1f} MB of TeX")
    for name, of_work in medians.items():
        print(f"{name:10} {of_work:7.3f} CPU s {n_mb / of_work:7.1f} MB/s")
    expanding, cleaning = (medians[name] / medians["unpacking"] for name in ("expanding", "cleaning"))
    print(f"expanding takes {expanding:.1f} times unpacking (at most {MAX_EXPANDING})")
    print(f"cleaning takes {cleaning:.1f} times unpacking (at most {MAX_CLEANING})")
    return expanding <= MAX_EXPANDING and cleaning <= MAX_CLEANING


def main() -> bool:
    """Measure on the tars of a folder, or on generated papers; false when it takes too long."""
    return measure(list(members(sorted(Path(sys.argv[1]).glob("*.tar")))) if len(sys.argv) > 1 else generated())


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
