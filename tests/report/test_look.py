"""Documents for people: strangers' texts move no cursor, and lines that went are told from those that stay."""

import io
import re
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from corpusmill.errors import UsageError
from corpusmill.pipelines.fate import Fate
from corpusmill.pipelines.line_changes import Change
from corpusmill.pipelines.listing import Listed
from corpusmill.report import look
from corpusmill.report.changes import RUN, RUN_HEAD, RUN_TAIL, printed
from corpusmill.report.visible import one_line, visible

HOSTILE = "\x1b]0;title\x07\x1b[2J\x1b[31mred\x9b31m\r\b\x7f\u202eleft\u2066\ufeff\ud800\x00[bold]markup[/bold]\t."
OWN = re.compile(r"\x1b\[[0-9;]*m")  # colours, as we write them


def console(width: int = 100, colours: bool = True) -> Console:
    return Console(
        file=io.StringIO(), width=width, force_terminal=colours, color_system="truecolor" if colours else None,
        no_color=not colours,
    )  # fmt: skip


def document(**values: object) -> Listed:
    fields = dict.fromkeys(("id", "url", "source", "outcome", "path", "text"), "") | {"row": 0, "meta": {}} | values
    return Listed(**fields)  # type: ignore[arg-type]


def is_harmless(text: str) -> bool:
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return not any(
        (unicodedata.category(c) in ("Cc", "Cs") and c != "\n") or unicodedata.bidirectional(c) in turning for c in text
    )


@given(st.text())
def test_no_text_moves_a_cursor(text: str) -> None:
    assert is_harmless(visible(text))
    assert is_harmless(one_line(text))
    assert "\n" not in one_line(text)


@pytest.mark.parametrize("colours", [True, False])
def test_hostile_documents(colours: bool) -> None:
    one = document(
        id=HOSTILE, url=HOSTILE, outcome=HOSTILE, path=HOSTILE, text=HOSTILE, meta={HOSTILE: HOSTILE, "l": [HOSTILE]}
    )
    fate = Fate(HOSTILE, HOSTILE, "", "kept", "", 0, "", {}, changes=[Change("gone", HOSTILE, HOSTILE)])
    printed_pages = [
        *look.pages([one, one], console(colours=colours)),
        *look.pages([one], console(colours=colours), full=True),
        *look.diffs([(one, fate), (one, UsageError(HOSTILE))], console(colours=colours)),
    ]
    for page in printed_pages:
        assert is_harmless(OWN.sub("", page) if colours else page)
        assert "[bold]markup[/bold]" in page


CHANGES = [
    Change("gone", "Home", "c4.line_no_end_mark", is_reason=True),
    Change("stays", "The mill stands."),
    Change("gone", "It's'' old.", "markup to text"),
    Change("new", "It's old.", "markup to text"),
]


def test_without_colours_a_mark_and_the_reason_in_brackets() -> None:
    assert printed(CHANGES, console(colours=False), 9, 99).plain.split("\n") == [
        "- Home  [c4.line_no_end_mark]",
        "  The mill stands.",
        "- It's'' old.  [markup to text]",
        "+ It's old.",
    ]


@pytest.mark.parametrize(("width", "margin"), [(100, True), (60, False)])
def test_with_colours_struck_through(width: int, margin: bool) -> None:
    target = console(width)
    with target.capture() as captured:
        target.print(printed(CHANGES, target, 9, 99), soft_wrap=True)
    first, second, *_ = captured.get().split("\n")
    assert "\x1b[9;31mHome" in first
    assert "\x1b" not in second
    plain = OWN.sub("", first)
    assert plain == ("Home" + " " * (width - 36) + "  c4.line_no_end_mark" if margin else "Home  [c4.line_no_end_mark]")


def test_a_reason_of_ones_own_stands_at_each_line_and_a_step_once() -> None:
    own = [Change("gone", text, "forum.short", is_reason=True) for text in ("a", "b")]
    steps = [Change("gone", text, "tidy") for text in ("a", "b")]
    said = [printed(lines, console(colours=False), 9, 99).plain.count("[") for lines in (own, steps)]
    assert said == [2, 1]


def test_wide_letters_leave_the_margin_where_it_is() -> None:
    target = console(100)
    gone = [Change("gone", text, "c4.brace", is_reason=True) for text in ("水車" * 60, "mill")]
    lines = printed(gone, target, 9, 999).plain
    assert [line.rstrip().endswith("c4.brace") for line in lines.split("\n")] == [True, False, False, False, True]


def test_long_runs_show_their_ends() -> None:
    many = [Change("stays", str(n)) for n in range(RUN + 1)]
    lines = printed(many, console(colours=False), 99, 99, folded=True).plain.split("\n")
    assert len(lines) == RUN_HEAD + 1 + RUN_TAIL
    assert lines[RUN_HEAD] == f"  … {RUN + 1 - RUN_HEAD - RUN_TAIL} more lines stay …"
    assert len(printed(many, console(colours=False), 99, 99).plain.split("\n")) == RUN + 1
    assert printed(many, console(colours=False), 2, 99).plain.endswith(f"… and {RUN - 1} more lines")


def test_the_beginning_or_all_of_a_text() -> None:
    one = document(text="word " * 1000)
    [short], [whole] = (list(look.pages([one], console(colours=False), full=full)) for full in (False, True))
    assert "… 4,100 more characters" in short
    assert one.text in whole


def test_where_a_threshold_lies() -> None:
    shown = [document(id=str(value), meta={"perplexity": value}) for value in (1.0, 2.0, 3.0)]
    pages = list(look.pages(shown, console(colours=False), near=("perplexity", 2.0)))
    assert ["────" in page for page in pages] == [False, True, False, False]


def test_a_reason_of_ones_own_is_described() -> None:
    one = document(outcome="forum.short", path="dropped/forum/a.parquet", text="brief")
    described = {"forum.short": "fewer characters than the minimum"}
    [page] = look.pages([one], console(colours=False), described=described)
    assert "dropped: forum.short, fewer characters than the minimum\n" in page
    assert "head of its text" in page
    fate = Fate("", "", "", "forum.short", "", 0, "", {}, changes=[Change("stays", "brief")])
    [page] = look.diffs([(one, fate)], console(colours=False), described=described)
    assert "dropped: forum.short, fewer characters than the minimum\n" in page
    assert "head of its text" not in page  # it is whole


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("pager", "less", "shows"),
    [
        ("", "", True),
        ("", "-iR", True),
        ("", "-X --RAW-CONTROL-CHARS", True),
        ("", "-X", False),
        ("", "-X --prompt=r", False),
        ("less -X", "", True),
        ("less -r", "-X", True),
        ("PATH/less", "", True),
        ("PATH/gone/less", "", False),
        ("more", "", False),
    ],
)
def test_pagers_that_show_no_styles_get_marks(
    pager: str, less: str, shows: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("less", "more"):
        (tmp_path / name).touch(0o755)
    asked = {"PAGER": pager.replace("PATH", str(tmp_path)), "LESS": less, "PATH": str(tmp_path), "TERM": "xterm"}
    for name, value in asked.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert look.is_plain(look.paging_console()) is not shows
    (tmp_path / "less").unlink()
    assert look.is_plain(look.paging_console())


def test_a_file_gets_marks_whatever_is_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    plain = look.paging_console()
    assert not plain.is_terminal
    assert printed(CHANGES, plain, 9, 99).plain.startswith("- Home")
