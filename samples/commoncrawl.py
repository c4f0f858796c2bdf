"""CommonCrawl dumps: pages of `web.py` as WET files, in the layout and under the names that CommonCrawl gives.

Two dumps: the first has record headers as in 2017, the second partly as in later years, and a tenth of its pages are
in the first as well. In the third segment of the second dump each file has something of its own, between good records:

    TRUNCATED    cut off within a record
    BAD_GZIP     a record that does not inflate, one whose checksum is another
    BAD_LENGTH   a Content-Length that is too small, one too large, none, and one beyond all bounds
    BAD_HEADER   no type; neither address nor id; an address that is no UTF-8
    BAD_UTF8     a body that is no UTF-8
    EMPTY        an empty file
    ODD          good: a body that quotes a whole record, a NUL, no body
    ONE_MEMBER   good: all records in one gzip member
    PLAIN        good: not compressed, whatever its name says

Beside the dumps, wiki_cited_urls_sample.txt lists the pages that the Wikipedia sample cites.

The same seed and scale give the same records anywhere; zlib may pack them otherwise in another version.

Source: https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.0/,
https://commoncrawl.org/get-started
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from .web import Page, Web
from .wetfiles import path_of, record_id, to_member, to_record, to_records, write_files

FIRST, SECOND = "CC-MAIN-2019-09", "CC-MAIN-2019-39"
FILES, PAGES = 3, 220  # of a dump without damage: its files, and the pages of each at scale 1
CITED_URLS = "wiki_cited_urls_sample.txt"

_FILES_PER_SEGMENT = 2
_SPECIAL_SEGMENT = 2
_LENGTH = re.compile(rb"Content-Length: (\d+)\r\n")


_SPECIAL = [path_of(SECOND, _SPECIAL_SEGMENT, number) for number in range(9)]
TRUNCATED, BAD_GZIP, BAD_LENGTH, BAD_HEADER, BAD_UTF8, EMPTY, ODD, ONE_MEMBER, PLAIN = (
    path.rpartition("/")[2] for path in _SPECIAL
)

#: How often each kind of damage occurs in each damaged file, in the words of `formats/wet.py`, at any scale.
DAMAGE: Mapping[str, Mapping[str, int]] = MappingProxyType({
    TRUNCATED: {"truncated": 1},
    BAD_GZIP: {"bad_gzip": 1, "bad_crc": 1},
    BAD_LENGTH: {"bad_length": 4},
    BAD_HEADER: {"bad_header": 3},
    BAD_UTF8: {"bad_utf8": 1},
    EMPTY: {"empty_file": 1},
})  # fmt: skip


def write(folder: Path, seed: int, scale: float) -> list[Path]:
    """Write both dumps into `folder`/commoncrawl, and return the WET files; each dump has its `wet.paths.gz` too."""
    web, per_file = Web(seed), _pages_per_file(scale)
    files: dict[str, Iterable[bytes]] = {}
    for number in range(2 * FILES):
        dump, place = (FIRST, SECOND)[number // FILES], number % FILES
        path = path_of(dump, place // _FILES_PER_SEGMENT, place)
        numbers = range(number * per_file, (number + 1) * per_file)
        pages = map(web.page, numbers if dump == FIRST else _some_again(numbers, FILES * per_file))
        files[path] = map(to_member, to_records(path, pages, seed, recent=number > FILES))
    for number, path in enumerate(_SPECIAL):
        start = 2 * FILES * per_file + 12 * number
        files[path] = _special_file(path, [web.page(page) for page in range(start, start + 12)], seed)
    return write_files(folder / "commoncrawl", files)


def write_cited_urls(folder: Path, seed: int, scale: float) -> list[Path]:
    """Write the addresses of the pages that the Wikipedia sample cites, sorted, as crawled, one a line."""
    path = folder / "commoncrawl" / CITED_URLS
    path.parent.mkdir(parents=True, exist_ok=True)
    urls = sorted(page.url for page in cited_pages(seed, scale))
    path.write_text("".join(f"{url}\n" for url in urls), encoding="utf-8", newline="\n")
    return [path]


def cited_pages(seed: int, scale: float) -> list[Page]:
    """The pages of the files without damage that an encyclopaedia cites."""
    web, per_dump = Web(seed), FILES * _pages_per_file(scale)
    numbers = [*range(per_dump), *_some_again(range(per_dump, 2 * per_dump), per_dump)]
    return [web.page(number) for number in dict.fromkeys(numbers) if web.cites(number)]


def write_dump(folder: Path, dump: str, n_files: int, pages_per_file: int, seed: int = 0) -> list[Path]:
    """Write a dump of quick, good pages into `folder`/commoncrawl, and return its WET files; memory holds a record."""
    web = Web(seed)
    files: dict[str, Iterable[bytes]] = {}
    for number in range(n_files):
        path = path_of(dump, number // 100, number)
        pages = map(web.plain_page, range(number * pages_per_file, (number + 1) * pages_per_file))
        files[path] = map(to_member, to_records(path, pages, seed))
    return write_files(folder / "commoncrawl", files)


def _pages_per_file(scale: float) -> int:
    """How many pages a file without damage has."""
    return max(8, round(PAGES * scale))


def _some_again(numbers: Iterable[int], back: int) -> Iterator[int]:
    """Numbers of pages, every tenth being that of an earlier page."""
    return (number - back if number % 10 == 4 else number for number in numbers)


# ---- what is damaged, and what only looks so -------------------------------------------------------------------------


def _special_file(path: str, pages: list[Page], seed: int) -> list[bytes]:
    """The pieces of a file that has something of its own."""
    name = path.rpartition("/")[2]
    if name == EMPTY:
        return []
    if name == BAD_UTF8:
        pages[5] = replace(pages[5], text=pages[5].text + " caf\udce9 \udcff\udcfe\n")
    if name == ODD:
        pages = _odd_pages(pages)
    records = list(to_records(path, pages, seed, recent=True))
    if name == BAD_LENGTH:
        for number, length in ((3, b"40"), (5, b"999999"), (7, None), (9, b"1" + b"0" * 18)):
            line = b"" if length is None else b"Content-Length: %b\r\n" % length
            records[number] = _LENGTH.sub(line, records[number], count=1)
    if name == BAD_HEADER:
        for number, pattern, line in (
            (3, rb"WARC-Type: .*\r\n", b""),
            (6, rb"WARC-(Target-URI|Record-ID): .*\r\n", b""),
            (9, rb"WARC-Target-URI: .*\r\n", b"WARC-Target-URI: http://caf\xe9.example/\r\n"),
        ):
            records[number] = re.sub(pattern, line, records[number])
    if name == PLAIN:
        return records
    if name == ONE_MEMBER:
        return [to_member(b"".join(records))]
    members = list(map(to_member, records))
    if name == TRUNCATED:
        members[-1] = members[-1][: len(members[-1]) // 2]
    if name == BAD_GZIP:
        members[3] = members[3][:10] + b"\xff" + members[3][11:]  # a kind of block that deflate does not have
        members[9] = members[9][:-5] + bytes([members[9][-5] ^ 1]) + members[9][-4:]  # of the checksum
    return members


def _odd_pages(pages: list[Page]) -> list[Page]:
    """Pages that a hasty reader would cut wrongly; all of them are good."""
    body = b"Quoted, and no page at all"
    head = {
        "WARC-Type": "conversion",
        "WARC-Target-URI": "http://not-a-page.example/",
        "WARC-Record-ID": record_id("quoted"),
        "Content-Length": str(len(body)),
    }
    quoted = to_record(head, body).decode()
    texts = {2: f"How a record looks\n{quoted}{pages[2].text}", 5: f"{pages[5].text}A NUL: \0.\n", 8: ""}
    return [replace(page, text=texts.get(number, page.text)) for number, page in enumerate(pages)]
