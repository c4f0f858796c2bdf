r"""arXiv's sources: papers in LaTeX from the templates of `arxiv.yaml`, packed as arXiv packs them.

`arXiv_src_0001_001.tar` has ids of the old style, `arXiv_src_1507_001.tar` of the new one. Their papers are, in turn,
of the kinds in `KINDS`; every eighth comes in two versions, the first of which has no section yet. These tars have
something of their own, between good papers:

    HOSTILE      papers whose projects have a link, a device, names that lead out of them, a tar within; a bomb of
                 zeros; a project of too many members; a file that is no paper
    BROKEN       papers that are cut off, do not inflate, have a wrong checksum, a broken tar; a header that is broken
    TRUNCATED    cut off within its last paper
    EMPTY        an empty file

The same seed and scale give the same files anywhere; zlib may pack them otherwise in another version.
Source: https://info.arxiv.org/help/bulk_data_s3.html
"""

from __future__ import annotations

import gzip
import io
import random
import re
import tarfile
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from .prose import load_language

OLD, NEW = "arXiv_src_0001_001.tar", "arXiv_src_1507_001.tar"
HOSTILE, BROKEN, TRUNCATED, EMPTY = (f"arXiv_src_1507_00{number}.tar" for number in range(2, 6))
PAPERS = 20  # of each tar without damage, at scale 1

Files = dict[str, bytes]
_ARCHIVES: Final = ("astro-ph", "hep-th", "math", "cond-mat")
_SLOT = re.compile(r"⟨(\w+)⟩")
_BOMB_BYTES: Final = 40 << 20
_MANY: Final = 25_000
_TIME: Final = 1_437_000_000

#: How often each kind of damage occurs in each damaged tar, in the words of `formats/arxiv.py`, at any scale.
DAMAGE: Mapping[str, Mapping[str, int]] = MappingProxyType({
    HOSTILE: {"not_a_file": 2, "unsafe_path": 2, "too_large": 1, "too_many_members": 1, "bad_name": 1},
    BROKEN: {"truncated": 1, "bad_gzip": 1, "bad_crc": 1, "bad_tar": 1, "bad_header": 1},
    TRUNCATED: {"truncated": 1},
    EMPTY: {"empty_file": 1},
})  # fmt: skip


def write(folder: Path, seed: int, scale: float) -> list[Path]:
    """Write the tars into `folder`/arxiv, and return them."""
    root = folder / "arxiv"
    root.mkdir(parents=True, exist_ok=True)
    n_papers = max(len(KINDS), round(PAPERS * scale))
    contents = {
        OLD: _tar(_papers(seed, "0001", n_papers)),
        NEW: _tar(_papers(seed, "1507", n_papers)),
        HOSTILE: _tar(_hostile(seed)),
        BROKEN: _broken(seed),
        TRUNCATED: _tar(_papers(seed, "1507", 6, first=8000))[:-12_000],
        EMPTY: b"",
    }
    for name, data in contents.items():
        (root / name).write_bytes(data)
    return [root / name for name in contents]


# ---- text ------------------------------------------------------------------------------------------------------------


class Author:
    """Writes the pieces of one paper, all drawn from one random generator."""

    def __init__(self, *key: object) -> None:
        self.random = random.Random("/".join(map(str, key)))  # a string seeds by SHA-512, the same on every machine
        self._grammar: Mapping[str, Any] = load_language("arxiv")

    def fill(self, template: str) -> str:
        """A template with its slots filled."""

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name == "n":
                return str(self.below(97) + 2)
            if name == "key":
                return f"{self.pick('surname').lower()}{1990 + self.below(25)}"
            if name == "formula":
                return self.fill(self.choose(self._grammar["formulas"]))
            word = self.pick(name.lower())
            return word if name.islower() else word[0].upper() + word[1:]

        return _SLOT.sub(value, template)

    def below(self, n: int) -> int:
        return int(self.random.random() * n)  # only random() is promised to give the same numbers in all versions

    def choose(self, alternatives: list[str]) -> str:
        return alternatives[self.below(len(alternatives))]

    def pick(self, word: str) -> str:
        return self.choose(self._grammar["words"][word])

    def paragraph(self) -> str:
        return "\n".join(self.fill(self.choose(self._grammar["sentences"])) for _ in range(3 + self.below(3)))

    def comment(self) -> str:
        return "% " + self.fill(self.choose(self._grammar["comments"]))

    def section(self, number: int) -> str:
        heading = self.fill(self._grammar["headings"][number % len(self._grammar["headings"])])
        parts = [f"\\section{{{heading}}}\n\\label{{sec:{number}}}", self.paragraph(), self.display(), self.paragraph()]
        return "\n\n".join(parts)

    def display(self) -> str:
        return self.fill(self.choose(self._grammar["displays"]))

    def sections(self, n: int = 4) -> str:
        return "\n\n".join(self.section(number if number < n - 1 else 7) for number in range(n))

    def front(self) -> str:
        title, name = self.fill(self._grammar["title"]), self.fill("⟨Forename⟩ ⟨Surname⟩")
        return (
            f"\\title{{{title}}}\n\\author{{{name}}}\n\\maketitle\n"
            f"\\begin{{abstract}}\n{self.paragraph()}\n\\end{{abstract}}\n"
        )

    def references(self) -> str:
        items = "\n".join(self.fill(self._grammar["reference"]) for _ in range(5))
        return f"\\begin{{thebibliography}}{{9}}\n{items}\n\\end{{thebibliography}}"

    def document(self, body: str, preamble: str = "", end: str | None = None) -> str:
        """A whole document; it ends with references unless `end` is given."""
        ending = self.references() if end is None else end
        head = f"\\documentclass[11pt]{{article}}\n\\usepackage{{amsmath}}\n{preamble}"
        return f"{head}\n\\begin{{document}}\n{self.front()}\n{body}\n\n{ending}\n\\end{{document}}\n"


# ---- kinds of papers -------------------------------------------------------------------------------------------------


def _plain(author: Author) -> Files:
    return {"": author.document(author.sections()).encode()}


def _macros(author: Author) -> Files:
    preamble = (
        "\\newcommand{\\R}{\\mathbb{R}}\n\\newcommand{\\norm}[1]{\\left\\| #1 \\right\\|}\n"
        "\\newcommand{\\pair}[2][x]{\\langle #1, #2 \\rangle}\n\\def\\half{\\tfrac{1}{2}}\n"
        "\\def\\inner#1#2{(#1 \\cdot #2)}\n"
        "\\renewcommand{\\vec}[1]{\\mathbf{#1}}\n\\newcommand{\\heading}[1]{\\section{#1}}\n"
        "\\newenvironment{remark}{\\par\\emph{Remark.} }{\\par}\n\\let\\oldphi\\phi"
    )
    body = author.sections(2) + (
        "\n\n\\heading{Made by a macro}\n"
        "Let $x \\in \\R^n$ with $\\norm{x} < \\half$, and $\\pair{y} = \\pair[a]{b}$.\n"
        "\\begin{remark}\nHere $\\inner{\\vec{u}}{\\vec v} = \\oldphi$.\n\\end{remark}\n"
    )
    return {"": author.document(body, preamble).encode()}


def _inputs(author: Author) -> Files:
    body = "\\input{sections/first}\n\\include{sections/second}\n\\input third.tex\n\\input{missing}"
    return {
        "sections/first.tex": (author.section(0) + "\n\\input{sections/detail}\n").encode(),
        "sections/detail.tex": ("\\subsection{A detail}\n" + author.paragraph() + " \\shared").encode(),
        "sections/second.tex": author.section(1).encode(),
        "main.tex": author.document(
            body, "\\input{macros}", "\\bibliographystyle{plain}\n\\bibliography{refs}"
        ).encode(),
        "third.tex": (author.section(7) + "\n% the end\n").encode(),
        "macros.tex": b"\\newcommand{\\shared}{a macro of another file}\n",
        "refs.bib": b"@article{a, title={A}}\n",
        "figure.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n",
        "main.bbl": author.references().encode(),
        "cover.tex": b"\\documentclass{letter}\\begin{document}Dear editor,\\end{document}\n",
    }


def _comments(author: Author) -> Files:
    body = author.sections()
    body = re.sub(r"\n\n", lambda _: f" {author.comment()}\n\n{author.comment()}\n", body)
    body += (
        f"\n\\begin{{comment}}\n{author.section(3)}\n\\end{{comment}}\n\\iffalse\n{author.section(4)}\n\\fi\n"
        "\\section{Listings}\nA rate of 50\\% is high%\n.\n\\begin{verbatim}\nx = 5 % 3\n\\end{verbatim}\n"
        "See \\url{http://example.org/a%20b} and \\verb|%d|.\n"
    )
    source = author.document(body, author.comment() + "\n%\\section{Not this one}")
    return {"": (source + "What stands here is read by no one.\n").encode()}


def _encoded(encoding: str, option: str) -> Callable[[Author], Files]:
    def files(author: Author) -> Files:
        body = f"{author.sections()}\n\nBy a lemma of {author.pick('accented')} this ends the proof.\n"
        preamble = f"\\usepackage[{option}]{{inputenc}}" if option else ""
        source = author.document(body, preamble)
        return {"ms.tex": source.encode(encoding, "ignore"), "notes.txt": "Größe".encode(encoding, "ignore")}

    return files


def _appendix(author: Author) -> Files:
    appendix = f"\\appendix\n\\section{{Proofs}}\n{author.paragraph()}\n{author.references()}"
    return {"": author.document(author.sections(), end=appendix).encode()}


def _sectionless(author: Author) -> Files:
    return {"": author.document("\n\n".join(author.paragraph() for _ in range(5))).encode()}


def _recursive(author: Author) -> Files:
    preamble = (
        "\\newcommand{\\loop}{a \\loop}\n\\newcommand{\\ping}{\\pong}\n\\newcommand{\\pong}{\\ping}\n"
        "\\newcommand{\\grow}[1]{\\grow{#1#1}}"
    )
    return {"": author.document(author.sections(2) + "\n\\ping and \\loop, \\grow{x}.\n", preamble).encode()}


def _exploding(author: Author) -> Files:
    doubling = "\n".join(f"\\def\\x{a}{{\\x{b}\\x{b}}}" for a, b in pairwise("abcdefghijklmnopqrstuvwxyz"))
    return {"": author.document(author.sections(2) + "\n\\xa\n", doubling + "\n\\def\\xz{lol}").encode()}


def _old_latex(author: Author) -> Files:
    source = author.document(author.sections(3)).replace(
        "\\documentclass[11pt]{article}", "\\documentstyle[11pt]{article}"
    )
    return {"paper.tex": source.replace("\n", "\r\n").encode(), "00README.XXX": b"paper.tex toplevelfile\n"}


def _styles(author: Author) -> Files:
    body = author.sections(3) + "\n\nThe \\thing{flat} one.\n"
    return {
        "ms.tex": author.document(body, "\\usepackage{own}\n\\usepackage{journal}", "\\printbibliography").encode(),
        "own.sty": b"\\newcommand{\\thing}[1]{#1 thing}\n",
        "journal.sty": b"\\ProcessOptions\n\\renewcommand{\\section}{\\@startsection{section}}\n",
    }


def _withdrawn(author: Author) -> Files:
    return {"": b"%auto-ignore\nThis paper has been withdrawn by the author.\n"}


def _pdf(author: Author) -> Files:
    return {".pdf": b"%PDF-1.4\n%%EOF\n"}


def _packed_pdf(author: Author) -> Files:
    return {"": b"%PDF-1.4\n%%EOF\n"}


#: The files of a paper, by what it is; "" is the only file, ".pdf" one that is not packed.
KINDS: Mapping[str, Callable[[Author], Files]] = MappingProxyType({
    "plain": _plain, "macros": _macros, "inputs": _inputs, "comments": _comments,
    "latin1": _encoded("latin-1", "latin1"), "utf8": _encoded("utf-8", "utf8"),
    "undeclared": _encoded("cp1252", ""), "appendix": _appendix, "sectionless": _sectionless,
    "recursive": _recursive, "exploding": _exploding, "old_latex": _old_latex, "styles": _styles,
    "withdrawn": _withdrawn, "pdf": _pdf, "packed_pdf": _packed_pdf,
})  # fmt: skip


# ---- tars ------------------------------------------------------------------------------------------------------------

Member = tuple[str, bytes]


def _papers(seed: int, month: str, n: int, first: int = 1) -> list[Member]:
    """Papers of all kinds in turn, by their names in the tar."""
    found: list[Member] = []
    for number in range(first, first + n):
        kind = [*KINDS][(number - first) % len(KINDS)]
        name = f"{_ARCHIVES[number % 4]}{month}{number:03d}" if month.startswith("00") else f"{month}.{number:05d}"
        files = KINDS[kind](Author(seed, month, number))
        ending = ".pdf" if ".pdf" in files else ".gz"
        if (number - first) % 8 == 1:
            earlier = Author(seed, month, number, "v1").document("No section yet.").encode()
            found.append((f"{month}/{name}v1.gz", _packed({"": earlier})))
            name += "v2"
        found.append((f"{month}/{name}{ending}", files.get(".pdf") or _packed(files)))
    return found


def _packed(files: Files) -> bytes:
    return gzip.compress(files[""] if "" in files else _tar([*files.items()]), mtime=0)


def _tar(members: Sequence[tuple[str | tarfile.TarInfo, bytes]]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            info.mtime, info.size = _TIME, len(data)
            tar.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def _between(seed: int, first: int, odd: list[bytes]) -> list[Member]:
    """Odd papers with a good one before each, and one behind the last."""
    found: list[Member] = []
    for place, data in enumerate([*odd, b""]):
        number = first + 2 * place
        author = Author(seed, "1507", number)
        found.append((f"1507/1507.{number:05d}.gz", _packed(_plain(author))))
        if data:
            found.append((f"1507/1507.{number + 1:05d}.gz", data))
    return found


def _hostile(seed: int) -> list[Member]:
    author = Author(seed, "hostile")
    paper = author.document(author.sections(2)).encode()
    links: list[tuple[tarfile.TarInfo, bytes]] = []
    for name, kind in (("own.tex", tarfile.SYMTYPE), ("null.tex", tarfile.CHRTYPE)):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "/etc/passwd"
        links.append((info, b""))
    within = _tar([("inner.tex", paper)])
    odd = [
        gzip.compress(_tar([links[0], ("ms.tex", paper), links[1]]), mtime=0),
        _packed({"ms.tex": paper, "../../outside.tex": b"x", "a/../../outside.tex": b"x", "inner.tar": within}),
        _packed({"ms.tex": bytes(_BOMB_BYTES)}),
        _packed({f"{number}.eps": b"" for number in range(_MANY)} | {"ms.tex": paper}),
    ]
    return [*_between(seed, 5000, odd), ("1507/README", b"This is no paper.\n")]


def _broken(seed: int) -> bytes:
    paper = _packed(_inputs(Author(seed, "broken")))
    project = gzip.decompress(paper)
    odd = [
        paper[:-300],
        paper[:10] + b"\xff" * 50 + paper[60:],
        paper[:-8] + b"\0\0\0\0" + paper[-4:],
        gzip.compress(project[:600], mtime=0),
        paper,
    ]
    tar = bytearray(_tar(_between(seed, 6000, odd)))
    header = tar.rfind(b"1507/1507.06009.gz\0")
    tar[header + 124 : header + 136] = b"no number\0\0\0"
    return bytes(tar)
