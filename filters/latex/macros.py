"""A macro: its parameters and its body, and whether its body says all that it does.

Source: The TeXbook, chapter 20; LaTeX2e for class and package writers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .conditionals import is_conditional
from .tokens import NAME, Reader, glue

__all__ = ["KNOWN", "STRUCTURE", "STRUCTURE_ENVIRONMENTS", "Environment", "Left", "Macro", "macro"]

Left = Literal["needs_state", "no_argument", "recursive", "over_budget"]
"""Why a call stays as written."""

_STRUCTURE = (
    "part chapter section subsection subsubsection paragraph subparagraph appendix begin end documentclass usepackage "
    "addcontentsline addtocontents input include title author date maketitle tableofcontents item caption label "
    "cite citet citep citealt citealp citeauthor citeyear nocite footnote includegraphics bibliography "
    "bibliographystyle printbibliography bibitem newblock verb url href path nolinkurl par protect "
    "[ ] ( ) { } % $ # & _"
)
STRUCTURE = frozenset(f"\\{name}" for name in _STRUCTURE.split())
r"""Commands that later steps and readers know by name. A paper's own version of one gives it another look, not another
meaning, and its insides (`\@startsection{…}`) would bury the heading or the citation: it goes, and calls stay."""
_STRUCTURE_ENVIRONMENTS = (
    "document abstract figure figure* table table* equation equation* align align* eqnarray eqnarray* itemize "
    "enumerate description tabular array center quote thebibliography"
)
STRUCTURE_ENVIRONMENTS = frozenset(_STRUCTURE_ENVIRONMENTS.split())
_KNOWN = (
    "alpha beta gamma delta epsilon theta lambda mu pi rho sigma tau phi chi psi omega frac sqrt sum int prod lim sin "
    "cos exp log ln max min sup inf det vec hat bar tilde dot mathbf mathbb mathcal mathrm mathit mathsf text textbf "
    "textit texttt emph textsc textrm textsf underline overline mbox fbox parbox hspace vspace left right langle "
    "rangle to in leq geq neq infty partial nabla cdot times pm ensuremath textcolor LaTeX TeX S P L l O o aa AA ss"
)
KNOWN = frozenset(f"\\{name}" for name in _KNOWN.split())
r"""Commands of LaTeX itself, which `\providecommand` therefore does not define."""
_STATE = (
    "expandafter noexpand unexpanded futurelet afterassignment aftergroup catcode lowercase uppercase the string "
    "meaning detokenize loop repeat read openin active obeylines scantokens numexpr dimexpr setbox sbox savebox box "
    "copy usebox verb lstinline verbatim ifthenelse whiledo forloop foreach makeatletter verbatiminput lstinputlisting "
    "VerbatimEnvironment comment"
)
_NEEDS_STATE = frozenset(f"\\{name}" for name in _STATE.split())
"""What a macro with one of these does depends on what stands around its call, or on tokens that text does not show."""
_PARAMETER = re.compile(r"\\.|#([1-9#])", re.DOTALL)
_NAMED = re.compile(
    r"\\expandafter\s*(?=\\(?:[gex]?def|let|newcommand|renewcommand)\s*\\csname)|\\csname[^\\]*\\endcsname"
)


@dataclass(frozen=True, slots=True)
class Macro:
    """What a control sequence stands for.

    `readers` read its arguments; `prefix`, where there is one, what must stand before them. `parts` are the pieces of
    the body: texts, and numbers of arguments. `needs` are the names that must be known before its body says all;
    `left` is why calls stay as written, "" when they do not.
    """

    parts: tuple[str | int, ...]
    readers: tuple[Reader, ...] = ()
    prefix: Reader | None = None
    needs: frozenset[str] = frozenset()
    left: Left | Literal[""] = ""

    @property
    def takes_any(self) -> bool:
        """Whether a call reads on behind its name."""
        return bool(self.readers or self.prefix)

    def body(self) -> str:
        """The body as it is written in a definition.

        >>> macro("a#2##1").body()
        'a#2##1'
        """
        return "".join(f"#{part}" if isinstance(part, int) else "##" if part == "#" else part for part in self.parts)

    def fill(self, arguments: Sequence[str]) -> str:
        r"""The body with these arguments.

        >>> macro(r"\det#1#1").fill(["", "x"])
        '\\det xx'
        """
        return glue(arguments[part] if isinstance(part, int) else part for part in self.parts)


@dataclass(frozen=True, slots=True)
class Environment:
    r"""What `\begin` and `\end` of a name stand for."""

    begin: Macro
    end: Macro


def macro(body: str, readers: Sequence[Reader] = (), prefix: Reader | None = None) -> Macro:
    """A macro of this body, which has no comments."""
    parts: list[str | int] = []
    start = 0
    n_wanted = 0
    for match in _PARAMETER.finditer(body):
        if match[1]:
            parts.append(body[start : match.start()])
            parts.append("#" if match[1] == "#" else int(match[1]))
            n_wanted = max(n_wanted, 0 if match[1] == "#" else int(match[1]))
            start = match.end()
    parts.append(body[start:])
    needs, depends = _needs(body)
    left: Literal["", "needs_state"] = "needs_state" if depends or n_wanted > len(readers) else ""
    return Macro(tuple(part for part in parts if part != ""), tuple(readers), prefix, needs, left)


def _needs(body: str) -> tuple[frozenset[str], bool]:
    r"""The names that must be known before the body says all; whether it never does.

    >>> _needs(r"\ifdraft a\else b\fi"), _needs(r"\ifx a b\fi")
    ((frozenset({'\\ifdraft'}), False), (frozenset({'\\ifx'}), False))
    >>> _needs(r"\expandafter\foo")[1], _needs(r"a\fi")[1], _needs(r"a\@.")
    (True, True, (frozenset(), False))
    """
    if "\\" not in body:
        return frozenset(), False
    names = NAME.findall(_NAMED.sub("", body))
    conditionals = [name for name in names if is_conditional(name)]
    unbalanced = len(conditionals) != names.count("\\fi")
    internal = {name for name in names if "@" in name and name != "\\@"}
    return frozenset({*conditionals, *internal}), unbalanced or not _NEEDS_STATE.isdisjoint(names)
