"""The pages of the documentation as tests read them: blocks, tables, headings, links. On the path of every test."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from running import ROOT

FENCE = re.compile(
    r"^(?:<!-- not run: (?P<why>[^\n]+) -->\n+)?```(?P<language>[\w-]*)\n(?P<text>.*?)^```$", re.M | re.S
)
HEADING = re.compile(r"^#+ (.+)$", re.M)
LINK = re.compile(r"\]\(([^)\s]+)\)")
ROW = re.compile(r"^\|(.*)\|$", re.M)
CELL = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Block:
    """A fenced block. `why` is the reason of a marker that it is not run."""

    place: str
    language: str
    text: str
    why: str


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start("language")) + 1
        yield Block(f"{name_of(page)}:{line}", match["language"], match["text"], match["why"] or "")


def prose(page: Path) -> str:
    """A page without its blocks."""
    return FENCE.sub("", page.read_text())


def links(page: Path) -> list[str]:
    return LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """What links to headings are called, as GitHub makes them."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(prose(page))}


def section(page: Path, heading: str) -> str:
    """What stands below a heading, up to the next one of any level."""
    text = page.read_text()
    _, found, rest = text.partition(f"\n{heading}\n")
    assert found, f"{page.name}: no heading {heading!r}"
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.M)[0]


def tables(text: str) -> Iterator[list[list[str]]]:
    """The tables of a text, the head first, without the line below it."""
    for found in re.findall(r"(?:^\|.*\|\n?)+", text, re.M):
        rows = [[cell.strip() for cell in CELL.split(row)] for row in ROW.findall(found)]
        yield [rows[0], *rows[2:]]


def words_in_code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)
