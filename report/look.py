"""Documents to be read by people: a header for each, then the beginning of its text, or what became of its lines."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from types import MappingProxyType

from rich.console import Console
from rich.text import Text

from ..errors import CorpusmillError
from ..pipelines.fate import KEPT, Fate
from ..pipelines.listing import Listed
from ..records import Reason, counted
from .changes import is_plain, printed
from .visible import brief, one_line, visible
from .words import verdict

HEAD_LINES, HEAD_CHARS = 12, 900  # of a text
DIFF_LINES, DIFF_CHARS = 60, 300  # of a document's lines, of a line
ALL = 1 << 62
NONE: Mapping[str, str] = MappingProxyType({})
# Of the metadata what helps nobody to judge a text, or stands elsewhere in the header.
UNSAID = frozenset({"url", "digest", "blob", "content_md5", "id", "source", "measure", "detail", "head"})


def paging_console() -> Console:
    """Where documents are printed: with styles on a terminal alone, and where the pager shows them."""
    if sys.stdout is None or not sys.stdout.isatty():  # though FORCE_COLOR may say that it is one
        return Console(no_color=True, force_terminal=False, emoji=False)
    return Console(no_color=not _pager_shows_styles() or None, emoji=False)


def _pager_shows_styles() -> bool:
    """It is less, it is there, and it is not told otherwise: without LESS `corpusmill look` gives it -R."""
    pager, *options = os.environ.get("PAGER", "").split() or ["less"]
    less = os.environ.get("LESS", "").split()
    raw = any(re.fullmatch(r"-[A-Za-z]*[rR].*|--raw-control-chars", option, re.I) for option in (*less, *options))
    return PurePath(pager).name == "less" and shutil.which(pager) is not None and (raw or not less)


def pages(
    found: Iterable[Listed],
    console: Console,
    full: bool = False,
    near: tuple[str, float] | None = None,
    described: Mapping[str, str] = NONE,
) -> Iterator[str]:
    """Each document as it is printed, with a line where a threshold lies between two.

    Args:
        described: what reasons of the user's own mean.
    """
    above = False
    for number, one in enumerate(found, 1):
        if near and not above and (above := _value(one, near[0]) >= near[1]):
            yield _text(console, Text(f"──── {near[0]} {near[1]:g} ────\n", style="bold yellow"))
        yield _text(console, *header(one, number, described), _body(one, console, full))


def diffs(
    found: Iterable[tuple[Listed, Fate | CorpusmillError]],
    console: Console,
    full: bool = False,
    described: Mapping[str, str] = NONE,
) -> Iterator[str]:
    """Each document with the lines that its steps took away, and those that they wrote."""
    lines, chars = (ALL, ALL) if full else (DIFF_LINES, DIFF_CHARS)
    for number, (one, fate) in enumerate(found, 1):
        if isinstance(fate, CorpusmillError):
            said = Text(f"The text as it was read cannot be had: {visible(str(fate))}", style="yellow")
            yield _text(console, *header(one, number, described), said, _body(one, console, full))
        elif fate.note:
            yield _text(console, *header(one, number, described), Text(visible(fate.note), style="yellow"))
        else:
            yield _text(
                console,
                *header(one, number, described, whole=True),
                _summary(fate),
                Text(),
                printed(fate.changes, console, lines, chars, folded=not full),
            )


def header(one: Listed, number: int, described: Mapping[str, str] = NONE, whole: bool = False) -> Iterator[Text]:
    """What is known of a document, over its text, or over the `whole` text where only a head is listed."""
    yield Text.assemble((f"{number}. {one_line(one.id)}", "bold"), f"  {one_line(one.url)}")
    if one.outcome:
        yield Text(
            verdict(one.outcome, described.get(one.outcome, "")), style="green" if one.outcome == KEPT else "red"
        )
    measured = {} if one.outcome in ("", KEPT) else {name: one.meta.get(name) for name in ("measure", "detail")}
    called = [value for name, value in one.meta.items() if name not in measured]
    known = {name: value for name, value in measured.items() if value not in called}
    known |= {name: value for name, value in one.meta.items() if name not in UNSAID}
    if one.outcome in ("", KEPT):
        known.setdefault("chars", len(one.text))
    said = [f"{one_line(name, 40)} {brief(value)}" for name, value in known.items() if value not in (None, "", [])]
    if said:
        yield Text(" · ".join(said), style="cyan")
    where = f"{one_line(one.path)}, {'row' if one.path.endswith('.parquet') else 'line'} {one.row:,}"
    yield Text(where + ("" if whole or one.outcome in ("", KEPT) else "; the head of its text"), style="dim")


def _summary(fate: Fate) -> Text:
    """How many lines went, and why."""
    gone = Counter(line.why for line in fate.changes if line.kind == "gone")
    new = sum(line.kind == "new" for line in fate.changes)
    whys = ", ".join(f"{n:,} {one_line(why)}" for why, n in gone.most_common())
    read = f"{counted(len(fate.changes) - new, 'line')} read, {gone.total():,} gone"
    return Text(f"{read}{whys and ': '}{whys}{f'; {new:,} new' if new else ''}")


def _no_text(one: Listed) -> str:
    """Why a document has no text here."""
    if one.outcome in ("", KEPT):
        return "it is empty"
    if one.outcome == Reason.TAKEN_DOWN:
        return "it was taken down"
    return "not recorded: heads are kept of some dropped documents (dropped_heads); --diff --inputs shows this one"


def _body(one: Listed, console: Console, full: bool) -> Text:
    if not one.text:
        return Text(f"\n({_no_text(one)})", style="dim")
    if full:
        return Text("\n" + visible(one.text))
    lines = one.text[:HEAD_CHARS].split("\n")
    shown = "\n".join(lines[:HEAD_LINES])
    left = len(one.text) - len(shown)
    more = Text(f"\n… {left:,} more characters", style="dim") if left else Text()
    return Text.assemble("\n", visible(shown), more)


def _value(one: Listed, name: str) -> float:
    value = one.value(name)
    return float(value) if isinstance(value, (int, float)) else 0.0


def _text(console: Console, *parts: Text) -> str:
    """Lines as they go to the pager; on a terminal a rule lies under each document."""
    with console.capture() as captured:
        for part in itertools.chain(parts, [Text()]):
            console.print(part, soft_wrap=True, highlight=False)
        if not is_plain(console):
            console.rule(style="dim")
    return captured.get()
