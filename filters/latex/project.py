r"""The files of a paper as one source: which file TeX begins with, and what it reads where.

A file that stands nowhere in the project is left out where it is asked for, and so is one that is being read already;
no name leads out of the project. Of an included file that is a document of its own, its body comes.
Source: info.arxiv.org/help/submit_tex.html for the choice of the file to begin with; the packages import and subfiles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from .verbatim import Scanner

__all__ = ["Joined", "body_span", "find_root", "is_tex", "join", "resolve"]

_TEX: Final = re.compile(r"(?:^|/)(?:[^/.]+|[^/]*\.(?:tex|ltx|latex))$", re.IGNORECASE)
_CLASS: Final = re.compile(r"\\document(?:class|style)\s*(?:\[[^\]]{0,2000}\])?\s*\{([^{}]{0,200})\}")
_BEGIN: Final = re.compile(r"\\begin\s*\{document\}")
_END: Final = re.compile(r"\\end\s*\{document\}")
_SECTION: Final = re.compile(r"\\(?:chapter|(?:sub){0,2}section)\b")
_TOP_LEVEL: Final = re.compile(
    r"^[ \t]*(?:(\S{1,300})[ \t]+toplevelfile|toplevelfile:?[ \t]+(\S{1,300}))[ \t]*$", re.MULTILINE
)
_NO_PAPER_CLASSES: Final = frozenset({"standalone", "letter", "beamer", "subfiles", "minimal"})
_NAMES: Final = ("ms", "main", "paper", "article", "manuscript", "arxiv", "master", "root", "thesis")
_NO_PAPER_NAMES = re.compile(
    r"diff|cover|letter|rebuttal|respon|reply|supp|old|draft|backup|template|sample|figure|table"
)

_NAME = r"\s*\{(?P<%s>[^{}\n]{0,300})\}"
_INPUTS: Final = (
    r"\\(?P<one>input|include|subfile|subfileinclude|@input|@@input)(?![A-Za-z@])"
    r"(?:" + _NAME % "braced" + r"|[ \t]+(?P<bare>[^\s\\{}]{1,300})[ \t]?)"
    r"|\\(?P<two>sub)?(?:import|inputfrom|includefrom)\*?(?![A-Za-z@])" + _NAME % "folder" + _NAME % "file"
    + r"|\\InputIfFileExists(?![A-Za-z@])" + _NAME % "maybe"
    + r"|\\includeonly" + _NAME % "only"
)  # fmt: skip
_STYLES: Final = r"\\(?:usepackage|RequirePackage)\s*(?:\[[^\]]{0,2000}\])?\s*\{(?P<names>[^{}]{0,2000})\}"
# A style that looks like this is a publisher's, not the author's: its macros are the machinery of a layout.
_PUBLISHED: Final = re.compile(
    r"\\(?:DeclareOption|ProcessOptions|ExecuteOptions|LoadClass|@startsection|@maketitle)\b"
)
_MAX_STYLE_CHARS: Final = 50_000
_MAX_DEPTH: Final = 30


@dataclass
class Joined:
    """A source in one piece; which files went into it, and which names it asks for in vain."""

    text: str = ""
    files: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def is_tex(path: str) -> bool:
    """Whether a file may be one that TeX begins with, by its name.

    >>> [is_tex(path) for path in ("a/ms.tex", "ms", "ms.bbl", "a.LTX", "notes.txt")]
    [True, True, False, True, False]
    """
    return _TEX.search(path) is not None


def find_root(sources: Mapping[str, str], readme: str = "") -> str | None:
    r"""The file that TeX begins with: the one that is named as such, or the likeliest; None if there is no TeX file.

    `sources` are without comments. A file that no other reads comes first, then one with a document, one with a class
    that papers have, one whose name is not that of a letter or an old draft, one with sections, a usual name; at last
    the one nearer the top, longer, first by its name.

    >>> document = r"\documentclass{article}\begin{document}\section{A}\end{document}"
    >>> find_root({"a.tex": r"\section{A}", "b.tex": document, "ms.tex": document, "cover.tex": document})
    'ms.tex'
    >>> find_root({"a.tex": document, "ms.tex": document}, "a.tex toplevelfile")
    'a.tex'
    """
    candidates = [path for path in sources if is_tex(path) and ("." in path or "\\document" in sources[path])]
    named = [match[1] or match[2] for match in _TOP_LEVEL.finditer(readme)]
    if chosen := [path for path in candidates if path in named]:
        return min(chosen, key=named.index)
    reads = {path: _read_by(path, sources) for path in candidates}
    documents = {path for path, source in sources.items() if _BEGIN.search(source)}
    with_sections = {path for path, source in sources.items() if _SECTION.search(source)}
    read = {other for path, others in reads.items() for other in others if path not in reads.get(other, ())}

    def rank(path: str) -> tuple[object, ...]:
        source = sources[path]
        of_class = _CLASS.search(source)
        stem = path.rpartition("/")[2].partition(".")[0].lower()
        return (
            path in read,
            documents.isdisjoint((path, *reads[path])),
            of_class is None,
            of_class is not None and of_class[1].strip() in _NO_PAPER_CLASSES,
            _NO_PAPER_NAMES.search(stem) is not None,
            with_sections.isdisjoint((path, *reads[path])),
            _NAMES.index(stem) if stem in _NAMES else len(_NAMES),
            path.count("/"),
            -len(source),
            path,
        )

    return min(candidates, key=rank, default=None)


def _read_by(path: str, sources: Mapping[str, str]) -> set[str]:
    """The files of the project that a file reads itself."""
    asked = (_candidates(match, "", path) for match in Scanner(sources[path], _INPUTS) if match["only"] is None)
    return {first for names in asked for first in [next((n for n in names if n in sources), path)] if first != path}


def body_span(source: str) -> tuple[int, int]:
    r"""Where the body of a document stands: between `\begin{document}` and `\end{document}`, or all of it.

    >>> body_span(r"x\begin{document}a\verb|\end{document}|\end{document}b")
    (17, 39)
    """
    start, end = 0, len(source)
    for match in Scanner(source, r"\\(?P<edge>begin|end)\s*\{document\}"):
        if match["edge"] == "end":
            end = match.start()
            break
        start = start or match.end()
    return start, end


def join(sources: Mapping[str, str], root: str, *, max_files: int = 1000, max_chars: int = 32 << 20) -> Joined:
    r"""The root with every file that it reads in its place, and the author's own styles before it.

    `\includeonly` holds. Above `max_files` or `max_chars` nothing more is read.

    >>> join({"ms.tex": r"a \input{b} \include{c/d}", "b.tex": "B", "c/d.tex": r"D\input c/e"}, "ms.tex").text
    'a B D'
    """
    joined = Joined()
    joiner = _Joiner(sources, root.rpartition("/")[0], joined, max_files, max_chars)
    joined.text = joiner.styles(root) + joiner.read(root, "", (root,))
    return joined


class _Joiner:
    def __init__(self, sources: Mapping[str, str], top: str, joined: Joined, max_files: int, max_chars: int) -> None:
        self._sources, self._top, self._joined = sources, top, joined
        self._files_left, self._chars_left = max_files, max_chars
        self._only: set[str] | None = None
        self._by_lower = {path.lower(): path for path in reversed([*sources])}

    def read(self, path: str, folder: str, open_files: tuple[str, ...]) -> str:
        """A file with all that it reads in its place; `folder` is where `import` has led to."""
        source = self._sources[path]
        self._joined.files.append(path)
        self._files_left -= 1
        self._chars_left -= len(source)
        parts, done = list[str](), 0
        for match in Scanner(source, _INPUTS):
            parts.append(source[done : match.start()])
            done = match.end()
            if match["only"] is None:
                parts.append(self._included(match, folder, open_files))
            else:
                self._only = {name.strip() for name in match["only"].split(",")}
        parts.append(source[done:])
        return "".join(parts)

    def _included(self, match: re.Match[str], folder: str, open_files: tuple[str, ...]) -> str:
        name = _name_in(match)
        if match["one"] == "include" and self._only is not None and name not in self._only:
            return ""
        for path in _candidates(match, self._top, open_files[-1], folder):
            found = path if path in self._sources else self._by_lower.get(path.lower())
            if found is None or found in open_files or len(open_files) > _MAX_DEPTH:
                continue
            if not self._files_left or len(self._sources[found]) > self._chars_left:
                break
            text = self.read(found, _folder(match, self._top, folder) or folder, (*open_files, found))
            start, end = body_span(text) if _BEGIN.search(text) and _END.search(text) else (0, len(text))
            return text[start:end].removesuffix("\n")  # TeX sees a space where its last line ends
        self._joined.missing.append(name)
        return ""

    def styles(self, root: str) -> str:
        """The author's own packages, as TeX would read them."""
        parts: list[str] = []
        for match in Scanner(self._sources[root], _STYLES):
            for name in match["names"].split(","):
                path = resolve(self._top, name.strip() + ".sty")
                source = self._sources.get(path or "", "")
                if source and len(source) <= _MAX_STYLE_CHARS and not _PUBLISHED.search(source):
                    self._joined.files.append(path or "")
                    parts.append(f"\\makeatletter\n{source}\n\\makeatother\n")
        return "".join(parts)


def _name_in(match: re.Match[str]) -> str:
    name = next(filter(None, (match[group] for group in ("braced", "bare", "file", "maybe"))), "")
    return name.strip().strip('"').strip()


def _candidates(match: re.Match[str], top: str, own: str, folder: str = "") -> Iterator[str]:
    """Where a file that is asked for may stand, the likeliest first: from where TeX began, from where the file is."""
    name = _name_in(match)
    if match["folder"] is None:
        bases = [folder, top, own.rpartition("/")[0], ""] if folder else [top, own.rpartition("/")[0], ""]
    else:
        bases = [] if (into := _folder(match, top, folder)) is None else [into]
    for base in dict.fromkeys(bases if name else ()):
        for ending in (".tex", ""):
            if path := resolve(base, name + ending):
                yield path


def _folder(match: re.Match[str], top: str, folder: str) -> str | None:
    """Where `import` leads to; None where a file is asked for by other means, or out of the project."""
    if match["folder"] is None:
        return None
    return resolve((folder or top) if match["two"] else top, match["folder"].strip())


def resolve(base: str, name: str) -> str | None:
    """A path within the project; None where it leads out of it.

    >>> resolve("a", "../b/./c.tex"), resolve("", "../c"), resolve("a", "/etc/passwd")
    ('b/c.tex', None, None)
    """
    if name.startswith("/"):
        return None
    parts: list[str] = []
    for part in [*base.split("/"), *name.split("/")]:
        if part == ".." and not parts:
            return None
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
