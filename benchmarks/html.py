"""HTML to text against BeautifulSoup and lexbor on the same posts, in CPU seconds of one run.

    python -m corpusmill.benchmarks.html [FOLDER_OF_DUMPS]

The posts are those of Stack Exchange's dumps, .7z; without a folder those of the sample. All go in turn, some rounds;
medians count. `get_text` of BeautifulSoup with lxml is the reference's way; lexbor's `text` is what a fast library
gives, without the shape of paragraphs, lists and code. The exit code is 1 below 15 times BeautifulSoup.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup
from selectolax.lexbor import LexborHTMLParser

from ..filters.html import to_text
from ..formats.stackexchange import Row, cut_rows, parse_post
from ..records import Damage
from ..samples import stackexchange
from .lines import cpu_seconds

FLOOR = 15


def bodies(folder: Path) -> Iterator[str]:
    """The HTML of all posts in the archives of a folder, as far as they can be read."""
    for path in sorted(folder.glob("*.7z")):
        found: list[Row | Damage] = []
        with path.open("rb") as file:
            cut_rows(file, found.extend)
        for row in found:
            post = parse_post(row.data, row.offset) if isinstance(row, Row) else row
            if not isinstance(post, Damage) and post[0].body:
                yield post[0].body


def main() -> int:
    if sys.argv[1:]:
        posts = list(bodies(Path(sys.argv[1])))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            stackexchange.write(Path(scratch), 0, 4.0)
            posts = list(bodies(Path(scratch) / "stackexchange"))
    size = sum(len(post.encode()) for post in posts)
    seconds = cpu_seconds(
        {
            "to_text": lambda: [to_text(post) for post in posts],
            "BeautifulSoup": lambda: [BeautifulSoup(post, "lxml").get_text() for post in posts],
            "lexbor": lambda: [LexborHTMLParser(post).text() for post in posts],
        }
    )
    print(f"{len(posts):,} posts, {size / 1e6:.1f} MB")
    for name, taken in seconds.items():
        print(f"{name:14} {size / 1e6 / taken:7.1f} MB per CPU second")
    space = re.compile(r"\s+")
    same = sum(
        space.sub("", to_text(post, marks=False)) == space.sub("", BeautifulSoup(post, "lxml").get_text())
        for post in posts
    )
    print(f"the same text as BeautifulSoup's, white space apart: {same:,} of {len(posts):,}")
    ratio = seconds["BeautifulSoup"] / seconds["to_text"]
    print(f"{ratio:.1f} times BeautifulSoup (floor {FLOOR})")
    return int(ratio < FLOOR or same < len(posts))


if __name__ == "__main__":
    sys.exit(main())
