"""Rules for source files: which to keep, by name, length of lines and share of letters, and without their headers.

Source: LLaMA (2023) section 2.1, GitHub; RedPajama v1's code gives the numbers. Where it is plainly wrong (it takes
shebangs, includes and Markdown titles for headers) the default is ours, and `compat="redpajama-v1"` is its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..records import Reason
from .github_comments import syntax_of
from .github_headers import is_generated, strip_comments, suspects
from .verdict import Verdict

__all__ = [
    "ENDINGS",
    "GithubRules",
    "Measures",
    "is_license_file",
    "judge",
    "measure",
    "reason_by_measures",
    "reason_by_name",
    "strip_header",
    "without_header",
]

_ENDINGS = """
    .asm .bat .cmd .c .h .cs .cpp .hpp .c++ .h++ .cc .hh .C .H .cmake .css .dockerfile .f90 .f .f03 .f08 .f77 .f95 .for
    .fpp .go .hs .html .java .js .jl .lua .md .markdown .php .php3 .php4 .php5 .phps .phpt .pl .pm .pod .perl .ps1 .psd1
    .psm1 .py .rb .rs .sql .scala .sh .bash .command .zsh .ts .tsx .tex .vb .xml .rst .m .smali Dockerfile Makefile"""
ENDINGS = tuple(_ENDINGS.split())
"""RedPajama v1's list."""


@dataclass(frozen=True)
class GithubRules:
    """The thresholds; a file at one of them stays. `endings` are of paths, in upper and lower case as given."""

    endings: tuple[str, ...] = ENDINGS
    max_line_chars: int = 1000
    max_avg_line_chars: float = 100.0
    min_alnum_frac: float = 0.25
    min_letters_per_token: float = 1.5


@dataclass(frozen=True, slots=True)
class Measures:
    """What a file is judged by. Lines are Python's `splitlines`; their average length counts line ends, too."""

    line_count: int
    max_line_chars: int
    avg_line_chars: float
    alnum_frac: float


RULES = GithubRules()

_LICENSE_FILE = re.compile(
    r"(?:^|\.|^mit-|^third[-_]?party[-_])(?:(?:un)?licen[cs]es?|copying|copyright)(?:[-_]\w+)*(?:\.(?:txt|md|markdown|rst|html))?$"
    r"|^notice(?:\.txt|\.md)?$",
    re.IGNORECASE,
)
_MINIFIED = re.compile(r"[-.]min\.(?:js|css|mjs|cjs|html)$|\.map$", re.IGNORECASE)
_MINIFIABLE = (".js", ".css", ".mjs", ".cjs")
_ASCII = bytes(range(128))
_IS_ALNUM = bytes(code in _ASCII and chr(code).isalnum() for code in range(256))
_LINE_END = ord("\n")
_LINE_ENDS = "\r\v\f\x1c\x1d\x1e"
_OTHER_LINE_ENDS = "\x85\u2028\u2029"


def measure(content: str) -> Measures:
    """Count lines and the share of letters and digits. All is 0 for an empty text.

    Source: RedPajama v1's GitHub statistics.

    >>> measure("ab\\ncd ef\\n")
    Measures(line_count=2, max_line_chars=5, avg_line_chars=4.5, alnum_frac=0.6666666666666666)
    >>> measure("")
    Measures(line_count=0, max_line_chars=0, avg_line_chars=0.0, alnum_frac=0.0)
    """
    if not content:
        return Measures(0, 0, 0.0, 0.0)
    codes = content.encode("ascii", "replace")  # one byte a character
    n_alnum = int(np.count_nonzero(np.frombuffer(codes.translate(_IS_ALNUM), bool)))
    line_ends = _LINE_ENDS
    if not content.isascii():
        others = content.encode("utf-8", "surrogatepass").translate(None, _ASCII).decode("utf-8", "surrogatepass")
        n_alnum += sum(map(str.isalnum, others))
        line_ends += _OTHER_LINE_ENDS
    if any(mark in content for mark in line_ends):
        lines = content.splitlines()
        n_lines, max_chars = len(lines), max(map(len, lines))
    else:
        n_lines, max_chars = _count_lines(np.frombuffer(codes, np.uint8) == _LINE_END)
    return Measures(n_lines, max_chars, len(content) / n_lines, n_alnum / len(content))


def _count_lines(is_end: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """How many lines, and the most characters in one, by which characters are line ends.

    >>> [_count_lines(np.array([char == "|" for char in text])) for text in ("a||bcd", "ab|", "a")]
    [(3, 3), (1, 2), (1, 1)]
    """
    ends = is_end.nonzero()[0]
    n_chars = len(is_end)
    if not len(ends):
        return 1, n_chars
    after = n_chars - 1 - int(ends[-1])
    return len(ends) + (after > 0), max(int(ends[0]), int((ends[1:] - ends[:-1]).max(initial=1)) - 1, after)


def strip_header(content: str, path: str, compat: str = "") -> str:
    """The content without licence, copyright and generator's banner in the comments that it begins with.

    Shebangs, encodings, includes, titles and documentation stay, and all below the header. A comment that also says
    something else loses the paragraphs about the licence. Files of unknown languages stay as they are.

    "redpajama-v1": the first C comment anywhere, if it says "copyright"; without C comments all lines that begin with
    `//`, `#` or `--` at the top.

    >>> strip_header("#!/bin/sh\\n# Copyright 2020 A\\n\\n# Says hello.\\necho hello\\n", "hello.sh")
    '#!/bin/sh\\n\\n# Says hello.\\necho hello\\n'
    >>> strip_header("# Title\\n\\nBody", "a.md"), strip_header("# Title\\n\\nBody", "a.md", "redpajama-v1")
    ('# Title\\n\\nBody', 'Body')
    """
    if compat:
        return _strip_as_redpajama(content)
    syntax = syntax_of(path, content)
    return strip_comments(content, suspects(content, syntax)) if syntax else content


_COMMENTED_LINES = re.compile(r"(?:(?://|#|--)[^\n]*+(?:\n|\Z)|\n)*+")


def _strip_as_redpajama(content: str) -> str:
    """
    >>> _strip_as_redpajama("int a;\\n// c\\n/* (c) COPYRIGHT Z */ int b;"), _strip_as_redpajama("# a\\n# b")
    ('int a;\\n// c\\n int b;', '')
    """
    start = content.find("/*")
    end = content.find("*/", start + 2) + 2 if start >= 0 else 1
    if end > 1:
        return content[:start] + content[end:] if "copyright" in content[start:end].lower() else content
    return content[_COMMENTED_LINES.match(content).end() :]  # type: ignore[union-attr]  # it matches nothing, too


def judge(
    content: str,
    path: str,
    *,
    rules: GithubRules = RULES,
    compat: str = "",
    count_tokens: Callable[[str], int] | None = None,
) -> Verdict:
    """The text of a file without its header, or why it goes. Letters a token are looked at where tokens are counted.

    "redpajama-v1" keeps minified and generated files, and licence texts but for a LICENSE at the top.

    >>> judge("/* Copyright 2020 A */\\nint add(int, int);\\n", "src/add.h").text
    'int add(int, int);\\n'
    >>> judge("x = 1", "a.txt").reason, judge("a\\n" * 3 + "b" * 1001, "a.c").reason
    (<Reason.GITHUB_EXTENSION: 'github.extension'>, <Reason.GITHUB_LONG_LINE: 'github.long_line'>)
    """
    reason = reason_by_name(path, rules, compat)
    if reason is not None:
        return Verdict(None, reason)
    text = without_header(content, path, compat)
    if text is None:
        return Verdict(None, Reason.GITHUB_GENERATED)
    if not text or text.isspace():
        return Verdict(None, Reason.EMPTY)
    measures = measure(text)
    values: dict[str, float] = {name: getattr(measures, name) for name in Measures.__slots__}
    reason, _ = reason_by_measures(measures, path, rules, compat)
    if reason is None and count_tokens is not None:
        values["letters_per_token"] = sum(map(str.isalpha, text)) / max(1, count_tokens(text))
        if values["letters_per_token"] < rules.min_letters_per_token:
            reason = Reason.GITHUB_FEW_LETTERS_PER_TOKEN
    return Verdict(text if reason is None else None, reason, measures=values)


def is_license_file(path: str) -> bool:
    """Whether a file is the text of a licence, by its name, in any folder.

    >>> [is_license_file(path) for path in ("LICENSE", "docs/COPYING.md", "LICENSE-MIT", "license.py", "licenses/a.py")]
    [True, True, True, False, False]
    """
    return _LICENSE_FILE.search(path.rpartition("/")[2]) is not None


def reason_by_name(path: str, rules: GithubRules = RULES, compat: str = "") -> Reason | None:
    """Why a file goes whatever is in it.

    >>> reason_by_name("src/a.min.js"), reason_by_name("src/a.min.js", compat="redpajama-v1")
    (<Reason.GITHUB_MINIFIED: 'github.minified'>, None)
    """
    if path.endswith(".crt") or path == "LICENSE" or (not compat and is_license_file(path)):
        return Reason.GITHUB_LICENSE_FILE
    if not compat and _MINIFIED.search(path):
        return Reason.GITHUB_MINIFIED
    return None if path.endswith(rules.endings) else Reason.GITHUB_EXTENSION


def without_header(content: str, path: str, compat: str = "") -> str | None:
    """The content as `strip_header` gives it, or None where the header says that a program wrote the file.

    >>> without_header("// Code generated by x. DO NOT EDIT.\\npackage a\\n", "a.go") is None
    True
    """
    if compat:
        return _strip_as_redpajama(content)
    syntax = syntax_of(path, content)
    header = suspects(content, syntax) if syntax else []
    return None if is_generated(header) else strip_comments(content, header)


def reason_by_measures(
    measures: Measures, path: str, rules: GithubRules = RULES, compat: str = ""
) -> tuple[Reason | None, float | None]:
    """The first rule that a file fails, in RedPajama's order, and what was measured; None and None where it fails none.

    A script or style sheet with such a long line is minified, whatever its name.

    >>> reason_by_measures(Measures(1, 2000, 2000.0, 0.5), "a.js")
    (<Reason.GITHUB_MINIFIED: 'github.minified'>, 2000)
    >>> reason_by_measures(Measures(9, 20, 10.0, 0.5), "a.js")
    (None, None)
    """
    if measures.max_line_chars > rules.max_line_chars:
        is_minified = not compat and path.endswith(_MINIFIABLE)
        return (Reason.GITHUB_MINIFIED if is_minified else Reason.GITHUB_LONG_LINE), measures.max_line_chars
    if measures.avg_line_chars > rules.max_avg_line_chars:
        return Reason.GITHUB_LONG_LINES, measures.avg_line_chars
    if measures.alnum_frac < rules.min_alnum_frac:
        return Reason.GITHUB_FEW_ALNUM, measures.alnum_frac
    return None, None
