"""What C4 is made of, a WET dump, and C4 as published: small ones.

The dump is that of April 2019. Its pages are those of `c4_pages.py`, most of them good prose. They are dealt out to the
files in turn, so that copies, quotations and second crawls lie in several. Beside these:

    LONG         good: a page of over 190,000 characters, and one of not quite so many
    TRUNCATED    cut off within a record
    EMPTY        an empty file

c4/badwords_sample.txt is a list of invented words, and a phrase. In c4_like, C4 in its published form, the second file
has a broken line, and ends within another.

The same seed and scale give the same records anywhere; zlib may pack them otherwise in another version.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from .c4_pages import Pages, badwords
from .web import Page
from .wetfiles import path_of, to_member, to_records, write_files

DUMP = "CC-MAIN-2019-18"
FILES, PAGES = 3, 150  # files without anything special, and the pages of each at scale 1
BADWORDS = "badwords_sample.txt"
PUBLISHED, PUBLISHED_DAMAGED = "c4-sample-en.jsonl.gz", "c4-sample-en-damaged.jsonl.gz"
PUBLISHED_PAGES = 100  # at scale 1

_PATHS = [path_of(DUMP, number // 2, number) for number in range(FILES + 3)]
LONG, TRUNCATED, EMPTY = (path.rpartition("/")[2] for path in _PATHS[FILES:])

#: How often each kind of damage occurs in each damaged file, in the words of `formats`, at any scale.
DAMAGE: Mapping[str, Mapping[str, int]] = MappingProxyType({
    TRUNCATED: {"truncated": 1},
    EMPTY: {"empty_file": 1},
    PUBLISHED_DAMAGED: {"bad_json": 1, "truncated": 1},
})  # fmt: skip

_LONG_NUMBER = 1 << 21  # of the first page in LONG: its articles are far from the others
_FEW = 12  # pages in a damaged file


def write(folder: Path, seed: int, scale: float) -> list[Path]:
    """Write the dump, the word list and the published form into `folder`, and return all their files."""
    return [path for each in (write_dump, write_badwords, write_published) for path in each(folder, seed, scale)]


def write_dump(folder: Path, seed: int, scale: float) -> list[Path]:
    """Write the dump into `folder`/c4, with its `wet.paths.gz`, and return the WET files."""
    pages, total = Pages(seed), FILES * _scaled(PAGES, scale)
    files: dict[str, Iterable[bytes]] = {
        path: _members(path, map(pages.page, range(place, total, FILES)), seed)
        for place, path in enumerate(_PATHS[:FILES])
    }
    long, truncated, empty = _PATHS[FILES:]
    long_pages = [pages.long_page(_LONG_NUMBER, over=True), pages.long_page(_LONG_NUMBER + 1)]
    files[long] = _members(long, long_pages, seed)
    *whole, last = _members(truncated, map(pages.page, range(total, total + _FEW)), seed)
    files[truncated] = [*whole, last[: len(last) // 2]]
    files[empty] = []
    return write_files(folder / "c4", files)


def write_badwords(folder: Path, seed: int, scale: float) -> list[Path]:
    """Write the list of words that no page may have, one a line: the same at any seed and scale."""
    path = folder / "c4" / BADWORDS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{word}\n" for word in badwords()), encoding="utf-8", newline="\n")
    return [path]


def write_published(folder: Path, seed: int, scale: float) -> list[Path]:
    """Write `folder`/c4_like: pages as C4 leaves them, then a file of a dozen that is damaged."""
    pages, n_pages = Pages(seed), _scaled(PUBLISHED_PAGES, scale)
    lines = [_json_line(pages.clean_page(number), number) for number in range(n_pages + _FEW)]
    *damaged, last = lines[n_pages:]
    damaged[3] = damaged[3].replace(b'"timestamp": ', b'"timestamp" ')
    cut = to_member(last)
    root = folder / "c4_like"
    root.mkdir(parents=True, exist_ok=True)
    (root / PUBLISHED).write_bytes(to_member(b"".join(lines[:n_pages])))
    (root / PUBLISHED_DAMAGED).write_bytes(to_member(b"".join(damaged)) + cut[: len(cut) // 2])
    return [root / PUBLISHED, root / PUBLISHED_DAMAGED]


def _scaled(n: int, scale: float) -> int:
    return max(8, round(n * scale))


def _members(path: str, pages: Iterable[Page], seed: int) -> Iterable[bytes]:
    return map(to_member, to_records(path, pages, seed, recent=True))


def _json_line(page: Page, number: int) -> bytes:
    """A page in the published form."""
    when = datetime(2019, 4, 18, 10, tzinfo=UTC) + timedelta(seconds=4_421 * number)
    fields = {"text": page.text, "timestamp": f"{when:%Y-%m-%dT%H:%M:%SZ}", "url": page.url}
    return json.dumps(fields).encode() + b"\n"
