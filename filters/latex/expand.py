r"""Macros of a paper's own, expanded where they are called, as TeX would; their definitions go.

The source is read once from left to right, as TeX reads it, so that a definition holds from where it stands to the end
of its group. What is no call stays as it is, byte for byte. Three things differ from TeX. A space behind a called `\x`
stays, where TeX would drop it: in text it says where a word ends. Where an expansion would make one word of a control
word and a letter, a space comes between. And what depends on more than text (modes, look-ahead, `\if…` of unknown
outcome) is left as written, definition and calls.   Source: LLaMA (2023), section 2.1; The TeXbook, chapter 20.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from .commands import meanings_for
from .machine import Budget, Left, Machine
from .verbatim import ENVIRONMENTS, own_environments

__all__ = ["Budget", "Expanded", "Left", "expand_macros"]


@dataclass(frozen=True, slots=True)
class Expanded:
    """A source with its macros expanded.

    `n_definitions` went and `n_calls` were expanded, those in expansions included; `n_steps` is what that cost, as
    `Budget` counts. `left` are the calls that stayed as written, by reason.
    """

    text: str
    n_definitions: int = 0
    n_calls: int = 0
    n_steps: int = 0
    left: Counter[Left] = field(default_factory=Counter)


def expand_macros(source: str, *, budget: Budget = Budget()) -> Expanded:  # noqa: B008
    r"""The source with its own macros expanded and their definitions gone.

    >>> expand_macros(r"\newcommand{\R}[1][n]{\mathbb{R}^{#1}}Let $x\in\R[2]$ or $\R$.").text
    'Let $x\\in\\mathbb{R}^{2}$ or $\\mathbb{R}^{n}$.'
    >>> expand_macros(r"\def\a{\a\a} \a").text, expand_macros(r"\def\a{\a\a} \a").left
    ('\\a', Counter({'recursive': 1}))
    >>> expand_macros("").text
    ''
    """
    machine = Machine(source, budget, meanings_for(source), {"comment", *ENVIRONMENTS, *own_environments(source)})
    machine.run()
    return Expanded(
        "".join(machine.out), machine.n_definitions, machine.n_calls, machine.n_steps, Counter(machine.left)
    )
