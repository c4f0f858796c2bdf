r"""The machine that expands: it reads a source once, and what an expansion gives in front of the rest.

One regular expression jumps from token to token; those with a meaning act. Expansions stand on a stack, as texts that
are read before what follows them, so nothing here is recursive. Every call from the source itself is a try: when what
comes of it is too deep or too much, all that it did is taken back, and the call stays as written.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, TypeVar

from .macros import Left, Macro
from .stacks import Branch, Meaning, Opened, Shadowed
from .tokens import TOKEN, TOKEN_AT, RanOut, ends_in_word, glue

__all__ = ["CLOSE", "OPEN", "Budget", "Left", "Machine", "read_arguments"]

T = TypeVar("T")

OPEN, CLOSE = object(), object()
_CHARS_PER_STEP = 20
_SHARE_OF_A_CALL = 16
_BLANK_LINE_END = re.compile(r"[ \t]*+\n?")
_LONGEST_INDENT = 200
_DEFINED = re.compile(
    r"\\(?:[gex]?def|let|newif|[A-Za-z]*command\*?|[A-Za-z]*DocumentCommand)\s*+\{?\s*+(\\[A-Za-z@]++)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What the expansion of one paper may cost. No clock decides, so the same source always gives the same text.

    A step is a call, or 20 characters read in search of an argument or of an end. `output_chars` counts what
    expansions give, those in expansions included. A call in the source itself may use up a sixteenth of both, and
    expansions may stand in each other to `depth`; what goes beyond is left as written, and so is all behind the last
    step of the paper.
    """

    steps: int = 500_000
    output_chars: int = 16_000_000
    depth: int = 100


class OverBudget(Exception):
    """A call went too far."""

    def __init__(self, reason: Left) -> None:
        super().__init__(reason)
        self.reason = reason


class _Below(NamedTuple):
    """A text that is read on when the expansion above it is at its end."""

    text: str
    pos: int
    pattern: re.Pattern[str]
    name: str  # of what was called from it
    closes: int | None  # the group level to return to


class _State(NamedTuple):
    """All that a call from the source may change."""

    text: str
    start: int
    pos: int
    done: int
    pattern: re.Pattern[str]
    n_out: int
    n_groups: int
    shadowed: Shadowed | None
    branches: Branch | None
    environments: Opened | None
    n_definitions: int
    n_calls: int
    left: dict[Left, int]


def read_arguments(macro: Macro, text: str, pos: int) -> tuple[list[str], int] | None:
    """The arguments of a call, from number 1 on, and the position behind them."""
    arguments = [""]
    for reader in macro.readers if macro.prefix is None else (macro.prefix, *macro.readers):
        if (found := reader(text, pos)) is None:
            return None
        arguments.append(found[0])
        pos = found[1]
    return (arguments if macro.prefix is None else arguments[1:]), pos


class Machine:
    """A source being read; `out` is what has been written."""

    def __init__(self, source: str, budget: Budget, meanings: dict[str, Meaning], verbatim: set[str]) -> None:
        self.source = source
        self.text, self.pos, self.pattern = source, 0, TOKEN
        self.start = 0  # of the token at hand
        self.done = 0  # what of the text is written
        self.below: list[_Below] = []
        self.out: list[str] = []
        self.budget = budget
        self.meanings = meanings
        self.verbatim = verbatim
        self.n_groups = 0
        self.shadowed: Shadowed | None = None
        self.branches: Branch | None = None
        self.environments: Opened | None = None
        self.n_definitions = self.n_calls = self.n_steps = self.n_chars = 0
        self.left: dict[Left, int] = {}
        self.last_read = ""
        self.calls_only = False
        self._journal: list[tuple[str, Meaning]] = []
        self._max_steps, self._max_chars = budget.steps, budget.output_chars
        self._blank_to = 0
        self._saved = self._state()

    @cached_property
    def defined_names(self) -> frozenset[str]:
        """All names that follow a command that defines."""
        return frozenset(_DEFINED.findall(self.source))

    def run(self) -> None:
        """Read all."""
        while True:
            try:
                return self._scan()
            except OverBudget as over:
                self._take_back(over.reason)
                if self.n_steps > self.budget.steps or self.n_chars > self.budget.output_chars:
                    return self._write(self.text[self.done :])

    def _scan(self) -> None:
        while True:
            for match in self.pattern.finditer(self.text, self.pos):
                token = match[0]
                meaning = self.meanings.get(token)
                if meaning is None:
                    continue
                if meaning is OPEN:
                    self.n_groups += 1
                elif meaning is CLOSE:
                    self.close_group(self.n_groups - 1)
                else:
                    self.start, self.pos = match.span()
                    if not self.below:
                        self._save()
                    if isinstance(meaning, Macro):
                        self.call(token, meaning)
                    elif not self.calls_only:
                        meaning(self, token)
                    break
            else:
                if not self.below:
                    return self._write(self.text[self.done :])
                self._pop()

    # What commands use.

    def call(self, token: str, macro: Macro) -> None:
        """Expand a call."""
        if macro.left or (macro.needs and not self.is_known(macro.needs)):
            self.count(macro.left or "needs_state")
            return
        self.take()
        arguments = self.read(lambda text, pos: read_arguments(macro, text, pos)) if macro.takes_any else []
        if arguments is None:
            self.leave(token, "no_argument")
            return
        self.n_calls += 1
        self.push(macro.fill(arguments), token)
        if any("@" in name for name in macro.needs):
            self.pattern = TOKEN_AT

    def is_known(self, names: Iterable[str]) -> bool:
        """Whether all of these names have a meaning that text can show."""
        return all(
            meaning is not None and not getattr(meaning, "left", "") for meaning in map(self.meanings.get, names)
        )

    def take(self) -> None:
        """Write what stands before the token; the token itself is taken out."""
        self._write(self.text[self.done : self.start])
        self.done = self.pos

    def leave(self, text: str, reason: Left | None = None) -> None:
        """Write something as it was."""
        if reason:
            self.count(reason)
        self._write(text)

    def count(self, reason: Left) -> None:
        """One more call that stays as written."""
        self.left[reason] = self.left.get(reason, 0) + 1

    def remove(self) -> None:
        """Nothing comes in place of the token; a line on which nothing else stands goes as a whole."""
        if not self.below and self.text is self._saved.text:
            start = self._saved.start
            line = max(self.text.rfind("\n", max(0, start - _LONGEST_INDENT), start) + 1, self._blank_to)
            if not self.text[line:start].strip(" \t") and (line or start < _LONGEST_INDENT):
                self.pos = self.done = self._blank_to = _BLANK_LINE_END.match(self.text, self.pos).end()  # type: ignore[union-attr]
        if self._next_char().isalpha() and self.out and ends_in_word(self.out[-1]):
            self._write(" ")

    def read(self, parse: Callable[[str, int], tuple[T, int] | None]) -> T | None:
        """What a parser finds behind the token, in the texts below, too; `last_read` is how that was written."""
        while True:
            while self.below and self.pos == len(self.text):
                self._pop()
            try:
                found = parse(self.text, self.pos)
            except RanOut:
                self.spend(len(self.text) - self.pos)
                if not self.below:
                    return None
                self._merge()
                continue
            if found is None:
                return None
            self.spend(found[1] - self.pos)
            self.last_read = self.text[self.pos : found[1]]
            self.pos = self.done = found[1]
            return found[0]

    def push(self, text: str, name: str, closes: int | None = None) -> None:
        """Read this next."""
        if len(self.below) >= self.budget.depth:
            raise OverBudget("recursive")
        self.n_chars += len(text)
        self.spend(0, 1)
        next_is_letter = self._next_char().isalpha()
        if (text[0].isalpha() if text else next_is_letter) and self.out and ends_in_word(self.out[-1]):
            text = f" {text}"
        if next_is_letter and ends_in_word(text):
            text = f"{text} "
        self.below.append(_Below(self.text, self.pos, self.pattern, name, closes))
        self.text, self.pos, self.done = text, 0, 0

    def put(self, text: str) -> None:
        """Write this; it is not read again."""
        if text[0].isalpha() and self.out and ends_in_word(self.out[-1]):
            self._write(" ")
        self._write(f"{text} " if self._next_char().isalpha() and ends_in_word(text) else text)

    def expand_now(self, text: str) -> str:
        """A text with its calls expanded."""
        left = Budget(
            steps=max(0, self.budget.steps - self.n_steps),
            output_chars=max(0, self.budget.output_chars - self.n_chars),
            depth=self.budget.depth,
        )
        inner = Machine(text, left, self.meanings, self.verbatim)
        inner.calls_only, inner.pattern = True, self.pattern
        inner.run()
        self.n_chars += inner.n_chars
        self.n_calls += inner.n_calls
        self.spend(0, inner.n_steps)
        return "".join(inner.out)

    def spend(self, n_chars: int, n_steps: int = 0) -> None:
        """Count what was read; too much is an error, of the call at hand or of the paper."""
        self.n_steps += n_steps + n_chars // _CHARS_PER_STEP
        if self.n_steps > self._max_steps or self.n_chars > self._max_chars:
            raise OverBudget("over_budget")

    def assign(self, name: str, meaning: Meaning, *, is_global: bool = False) -> None:
        """Give a name a meaning, to the end of the group or for good."""
        if is_global:
            self._forget(name)
        elif self.n_groups:
            self.shadowed = Shadowed(self.n_groups, name, self.meanings.get(name), self.shadowed)
        self._set(name, meaning)

    def close_group(self, level: int) -> None:
        """Back to a level of groups: what was defined above it is gone."""
        self.n_groups = max(0, level)
        while self.shadowed and self.shadowed.level > level:
            self._set(self.shadowed.name, self.shadowed.meaning)
            self.shadowed = self.shadowed.below

    def open_branch(self, *, is_known: bool) -> None:
        """A conditional begins."""
        self.branches = Branch(is_known, is_known and self.is_taken, self.branches)

    @property
    def is_taken(self) -> bool:
        """Whether what stands here is read by TeX for sure: no conditional around it is of unknown outcome."""
        return self.branches is None or self.branches.all_known

    # What only the machine uses.

    def _set(self, name: str, meaning: Meaning) -> None:
        if self.below:
            self._journal.append((name, self.meanings.get(name)))
        self.meanings[name] = meaning

    def _forget(self, name: str) -> None:
        """What a name meant outside of the groups at hand does not come back."""
        kept = []
        entry, self.shadowed = self.shadowed, None
        while entry:
            if entry.name != name:
                kept.append(entry)
            entry = entry.below
        for entry in reversed(kept):
            self.shadowed = entry._replace(below=self.shadowed)
        self.spend(len(kept))

    def _write(self, text: str) -> None:
        if text:
            self.out.append(text)

    def _next_char(self) -> str:
        if self.pos < len(self.text):
            return self.text[self.pos]
        return next((text[pos] for text, pos, *_ in reversed(self.below) if pos < len(text)), "")

    def _pop(self) -> None:
        self._write(self.text[self.done :])
        self.text, self.pos, self.pattern, _, closes = self.below.pop()
        self.done = self.pos
        if closes is not None:
            self.close_group(closes)

    def _merge(self) -> None:
        """An argument goes on below: make one text of both."""
        rest = self.text[self.pos :]
        self.text, pos, self.pattern, _, closes = self.below.pop()
        self.text = glue((rest, self.text[pos:]))
        self.pos = self.done = 0
        self._blank_to = 0
        if closes is not None:
            self.close_group(closes)

    def _state(self) -> _State:
        return _State(
            self.text, self.start, self.pos, self.done, self.pattern, len(self.out), self.n_groups, self.shadowed,
            self.branches, self.environments, self.n_definitions, self.n_calls, self.left.copy(),
        )  # fmt: skip

    def _save(self) -> None:
        self._saved = self._state()
        self._journal.clear()
        budget = self.budget
        self._max_steps = min(self.n_steps + budget.steps // _SHARE_OF_A_CALL, budget.steps)
        self._max_chars = min(self.n_chars + budget.output_chars // _SHARE_OF_A_CALL, budget.output_chars)

    def _take_back(self, reason: Left) -> None:
        """All is as it was before the call from the source; whoever is to blame will be left as written."""
        names = [below.name for below in self.below]
        saved = self._saved
        self.text, self.start, self.pos, self.done, self.pattern = saved[:5]
        del self.out[saved.n_out :]
        (self.n_groups, self.shadowed, self.branches, self.environments) = saved[6:10]
        self.n_definitions, self.n_calls, self.left = saved[10:]
        self.below = []
        for name, meaning in reversed(self._journal):
            self.meanings[name] = meaning
        self._journal.clear()
        self.left = self.left.copy()
        called = self.text[self.start : self.pos]
        name = Counter(names).most_common(1)[0][0] if names and reason == "recursive" else called
        meaning = self.meanings.get(name)
        if isinstance(meaning, Macro) and not meaning.left:
            self.meanings[name] = replace(meaning, left=reason)
            if name != called:
                self.pos = self.start  # try again
                return
        self.count(reason)
