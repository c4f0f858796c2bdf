r"""Which part of a paper is its body: from the first heading to the appendix or the bibliography.

Source: LLaMA (2023) section 2.1, arXiv; RedPajama v1's code; Lewkowycz et al. 2022 (Minerva), appendix B.1, for
title and abstract.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

from .verbatim import Scanner, end_of_group

__all__ = ["body_end", "first_heading", "front_matter", "squeeze", "without_bibliography"]

_HEADING: Final = r"\\(?:chapter|part|(?:sub){0,2}section|(?:sub)?paragraph)(?![A-Za-z@])\s*+\*?\s*+[\[{]"
_WRAPPER = re.compile(r"(?<!\\)(?:\\[A-Za-z@]+\*?(?:\{[^{}\n]*\})*)?\{\s*\Z")
_BIBLIOGRAPHY: Final = (
    r"\\begin\s*+\{(?P<list>thebibliography|references|REFERENCES|biblist|bibdiv)\}"
    r"|\\bibliography\s*+(?P<files>\{)"
    r"|\\(?P<print>printbibliography|printreferences)(?![A-Za-z@])(?:\s*+\[[^\[\]]{0,1000}\])?"
    r"|\\bibliographystyle\s*+\{[^{}]{0,200}\}"
)
_APPENDIX: Final = (
    r"\\(?P<appendix>(?:appendix|appendices)(?![A-Za-z@])|begin\s*+\{(?:appendix|appendices)\})"
    # A section whose title says so: "Appendix", "Appendix A: Proofs", "References".
    r"|\\(?P<titled>(?:part|chapter|section)\s*+\*?\s*+(?:\[[^\[\]]{0,200}\]\s*+)?\{\s*+"
    r"(?:\\(?:label\{[^{}]{0,200}\}|[A-Za-z]++)[\s{]*+)?"
    r"(?i:appendi(?:x|ces)(?![A-Za-z])|(?:references|bibliography|(?:literature|works)\s++cited)\s*+\}))"
)
_EMPTY_HEADING = re.compile(
    r"\\(?:chapter|(?:sub)?section)\*?\s*\{\s*"
    r"(?:references|bibliography|(?:literature|works)(?:\s+cited)?)\s*\}\s*\Z",
    re.IGNORECASE,
)
_FRONT: Final = r"\\(?P<title>title)(?![A-Za-z@])|\\begin\s*+\{(?P<env>abstract)\}|\\(?P<abstract>abstract)\s*+(?=\{)"
_TITLE_OPTION = re.compile(r"\s*(?:\[[^\[\]]{0,2000}\])?\s*")
_END_OF_ABSTRACT = re.compile(r"\\end\s*\{abstract\}")
_BLANK_LINES: Final = r"\n(?:[ \t]*\n){2,}"
_TAIL_CHARS: Final = 200
_MAX_TITLES: Final = 50  # and abstracts, looked at


def first_heading(source: str, start: int = 0) -> int | None:
    r"""Where the first heading begins, a chapter or a subparagraph or anything between; None if there is none.

    A command that it is the argument of comes with it, so that braces match.

    >>> first_heading(r"a \sectionmark \section*{B}"), first_heading(r"\verb|\section{a}| \mysection{b}")
    (15, None)
    >>> first_heading(r"a \raise{\section{B}}")
    2
    """
    match = next(Scanner(source, _HEADING, start=start), None)
    return None if match is None else _with_wrapper(source, start, match.start())


def _with_wrapper(source: str, start: int, heading: int) -> int:
    wrapper = _WRAPPER.search(source, max(start, heading - _TAIL_CHARS), heading)
    return wrapper.start() if wrapper else heading


def body_end(source: str, start: int = 0) -> int:
    r"""Where the appendix or the bibliography begins, whichever is first; else the end.

    A section counts that is called one of them, if it is not what `start` points at.

    >>> [body_end(text) for text in (r"a\appendix b", r"a\bibliography{b}", r"\bibliographystyle{b}", r"\appendixname")]
    [1, 1, 21, 13]
    >>> [body_end(rf"a\section{text}") for text in ("*{References}", "{Appendix A: B}", "{\\bf Appendices}", "{Works}")]
    [1, 1, 1, 16]
    >>> body_end(r"\section{Appendix} a\begin{appendices}"), body_end(r"\section{References to X}")
    (20, 25)
    """
    for match in Scanner(source, f"{_APPENDIX}|{_BIBLIOGRAPHY}", start=start):
        if match["appendix"]:
            return match.start()
        if match["titled"] and (heading := _with_wrapper(source, start, match.start())) > start:
            return heading
        if _begins_list(match):
            return _before_heading(source, start, match.start())
    return len(source)


def without_bibliography(source: str) -> str:
    r"""The source without its lists of references and what asks for one; also without a heading that is left over them.

    A list without an end goes to the end of the source.

    >>> without_bibliography(r"a\begin{references}b\end{references}c\bibliographystyle{d}\bibliography{e}f")
    'acf'
    """
    parts, done = list[str](), 0
    places = Scanner(source, _BIBLIOGRAPHY)
    for match in places:
        end = match.end()
        if match["list"]:
            closing = f"\\end{{{match['list']}}}"
            end = source.find(closing, end)
            end = len(source) if end < 0 else end + len(closing)
        elif match["files"]:
            end = max(end, end_of_group(source, match.start("files"), 2000))
        start = match.start()
        parts.append(source[done : _before_heading(source, done, start) if _begins_list(match) else start])
        done = places.place = end
    parts.append(source[done:])
    return "".join(parts)


def _begins_list(match: re.Match[str]) -> bool:
    return bool(match["list"] or match["files"] or match["print"])


def _before_heading(source: str, start: int, end: int) -> int:
    """Where a heading such as "References" begins that nothing follows up to `end`; `end` if there is none."""
    heading = _EMPTY_HEADING.search(source, max(start, end - _TAIL_CHARS), end)
    return heading.start() if heading else end


def front_matter(source: str) -> str:
    r"""The title and the abstract, as LaTeX; "" if there is neither. Of several the first that is not empty counts.

    >>> front_matter(r"\title[s]{T}\author{A}\begin{abstract}B\end{abstract}")
    '\\title{T}\n\n\\begin{abstract}\nB\n\\end{abstract}\n\n'
    """
    title = abstract = ""
    places = Scanner(source, _FRONT)
    for match in islice(places, _MAX_TITLES):
        if match["env"]:
            ending = _END_OF_ABSTRACT.search(source, match.end())
            text = source[match.end() : ending.start()] if ending else ""
            places.place = ending.end() if ending else len(source)
        else:
            opening = _TITLE_OPTION.match(source, match.end()).end()  # type: ignore[union-attr]
            end = end_of_group(source, opening, 20_000)
            text = source[opening + 1 : end - 1] if end > 0 else ""
        if match["title"]:
            title = title or text.strip()
        else:
            abstract = abstract or text.strip()
        if title and abstract:
            break
    return (f"\\title{{{title}}}\n\n" if title else "") + (
        f"\\begin{{abstract}}\n{abstract}\n\\end{{abstract}}\n\n" if abstract else ""
    )


def squeeze(source: str) -> str:
    r"""Several empty lines as one, outside of verbatim text.

    >>> squeeze("a\n\n \n\nb")
    'a\n\nb'
    """
    parts, done = list[str](), 0
    for match in Scanner(source, _BLANK_LINES):
        parts += source[done : match.start()], "\n\n"
        done = match.end()
    parts.append(source[done:])
    return "".join(parts)
