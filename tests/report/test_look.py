"""Documents for people: strangers' texts move no cursor, and lines that went are told from those that stay."""

import io
import re
import unicodedata

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
    Change("gone", "Home", "c4.line_no_end_mark"),
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


def test_wide_letters_leave_the_margin_where_it_is() -> None:
    target = console(100)
    lines = printed([Change("gone", "水車" * 60, "c4.brace"), Change("gone", "mill", "c4.brace")], target, 9, 999).plain
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


@pytest.mark.parametrize(
    ("pager", "less", "shows"),
    [("", "", True), ("less", "-R", True), ("less", "-X", False), ("more", "", False), ("/usr/bin/less", "", True)],
)
def test_pagers_that_show_no_styles_get_marks(
    pager: str, less: str, shows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("PAGER", pager), ("LESS", less), ("TERM", "xterm-256color"), ("FORCE_COLOR", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert look.is_plain(look.paging_console()) is not shows
