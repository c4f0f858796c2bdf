"""Posts of a Stack Exchange dump: the rows of Posts.xml.

A dump is one stream that can only be read from its beginning: Stack Overflow's holds 100 GB. So it is read once
(`stackexchange_file.py`), and its rows cut out as bytes (`RowCutter`); they are parsed later, in many processes
(`parse_post`). Good rows before and after damage are kept. Whatever cannot be read is one `Damage` with one of these
words, or with one of those of the file:

    empty_file, not_posts, not_utf8     no bytes; no <posts>; UTF-16
    truncated                           </posts> is missing
    too_long, bad_xml, bad_utf8         a row
    bad_value                           a row without a number where one belongs: Id, PostTypeId, ParentId, Score
    bad_character                       a row, kept without the characters that XML does not allow
    repeated                            a post that stands in the dump twice: the later edited one is kept (by whoever
                                        brings posts to their questions)

Offsets are bytes in Posts.xml, unpacked; those of the archive and of gzip are bytes in the file as stored.
Source: the readme of the dumps, https://archive.org/details/stackexchange
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, Final, Literal, NamedTuple
from xml.parsers import expat

from ..filters.encodings import is_utf8
from ..records import Damage
from .stackexchange_file import unpack_posts

__all__ = ["Post", "Row", "RowCutter", "cut_rows", "parse_post", "site_of"]

_NAME = re.compile(r"(?P<site>[\w-]+(?:\.[\w-]+?)+)(?:-Posts)?(?:\.7z|\.xml|\.xml\.gz)", re.IGNORECASE)
_OTHER_TABLE = re.compile(r"-(?:Badges|Comments|PostHistory|PostLinks|Tags|Users|Votes)\.", re.IGNORECASE)

Kind = Literal["question", "answer", "other"]
_KINDS: Final[dict[int, Kind]] = {1: "question", 2: "answer"}


def site_of(name: str) -> str | None:
    """The site whose posts a file holds, as its name or its folder's says; None for other tables and other files.

    >>> site_of("beer.stackexchange.com.7z"), site_of("stackoverflow.com-Posts.7z"), site_of("tex.meta.x.com/Posts.xml")
    ('beer.stackexchange.com', 'stackoverflow.com', 'tex.meta.x.com')
    >>> site_of("stackoverflow.com-Users.7z"), site_of("beer.stackexchange.com/Users.xml"), site_of("readme.txt")
    (None, None, None)
    """
    path = PurePosixPath(name)
    if path.name.lower() in ("posts.xml", "posts.xml.gz"):
        site = path.parent.name.lower()
        return site if "." in site else None
    match = _NAME.fullmatch(path.name)
    return match["site"].lower() if match and not _OTHER_TABLE.search(path.name) else None


# ---- rows, as bytes --------------------------------------------------------------------------------------------------

_ROW = re.compile(rb"<row(?=[\s/>])")
_HEAD_BYTES = 64  # in which a file that is no Posts.xml shows itself
_EMPTY = re.compile(rb"<posts\s*/>")
_UTF16 = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")
_ID, _PARENT, _TYPE = (
    re.compile(rb'\s%s="([0-9]{1,18})"' % name.encode()) for name in ("Id", "ParentId", "PostTypeId")
)


class Row(NamedTuple):
    """A row as it stands in Posts.xml: where it begins, and to which question it belongs."""

    offset: int
    question: int
    data: bytes


def cut_rows(file: BinaryIO, take: Callable[[Sequence[Row | Damage]], object], max_row_bytes: int = 16 << 20) -> int:
    """Give the rows of a dump to `take`, a few at a time, and what is damaged. Returns how many there are.

    >>> import io
    >>> found = []
    >>> cut_rows(io.BytesIO(b'<posts><row Id="4" PostTypeId="1" /></posts>'), found.extend), found
    (1, [Row(offset=7, question=4, data=b'<row Id="4" PostTypeId="1" />')])
    """
    cutter, is_damaged = RowCutter(max_row_bytes), False
    for damage in unpack_posts(file, lambda data: take(cutter.feed(data))):
        take([damage])
        is_damaged = True
    take(cutter.finish(is_damaged))
    return cutter.n_rows


class RowCutter:
    """Cuts the bytes of Posts.xml into rows, as they come. Memory holds one piece and one row.

    >>> cutter = RowCutter()
    >>> cutter.feed(b'<posts>\\n <row Id="4" PostTypeId="1" /><row Id="5" Post')
    [Row(offset=9, question=4, data=b'<row Id="4" PostTypeId="1" />')]
    >>> cutter.feed(b'TypeId="2" ParentId="4" />\\n</posts>'), cutter.finish()
    ([], [Row(offset=38, question=4, data=b'<row Id="5" PostTypeId="2" ParentId="4" />')])
    """

    def __init__(self, max_row_bytes: int = 16 << 20) -> None:
        self._max = max_row_bytes
        self._rest = b""
        self._offset = 0  # of the rest
        self._head = b""
        self._tail = b""
        self._skipping = False  # the rest of a row that is too long
        self.n_rows = 0  # found, good and damaged

    def feed(self, data: bytes) -> list[Row | Damage]:
        """The rows that end in this piece. All that stands outside rows is passed over."""
        self._head = (self._head + data[:_HEAD_BYTES])[:_HEAD_BYTES]
        self._tail = (self._tail + data.rstrip()[-_HEAD_BYTES:])[-_HEAD_BYTES:]
        data = self._rest + data
        starts = [match.start() for match in _ROW.finditer(data)]
        found: list[Row | Damage] = []
        if self._skipping and starts:
            self._skipping = False
        for start, stop in itertools.pairwise(starts):
            found += self._cut(data[start:stop], self._offset + start)
        at = starts[-1] if starts else max(0, len(data) - len(b"<row"))  # which may begin here
        if starts and len(data) - at > self._max:
            found.append(self._too_long(at, len(data) - at))
            self._skipping = True
            at = len(data) - len(b"<row")
        self._offset += at
        self._rest = data[at:]
        return found

    def finish(self, is_damaged: bool = False) -> list[Row | Damage]:
        """The last row, and what is wrong with the file as a whole, unless that is known to be damaged."""
        found: list[Row | Damage] = []
        end = self._offset + len(self._rest)
        is_whole = b"</posts" in self._tail or bool(_EMPTY.search(self._head))
        if _ROW.match(self._rest) and not self._skipping:
            if not is_whole and b"/>" not in self._rest:
                self.n_rows += 1
                return [] if is_damaged else [Damage(self._offset, "truncated", "the file ends inside a row")]
            found += self._cut(self._rest, self._offset)
        if is_damaged:
            return found
        if self._head.startswith(_UTF16):
            found.append(Damage(0, "not_utf8", "UTF-16; convert the file to UTF-8"))
        elif not self.n_rows and b"<posts" not in self._head:
            is_empty = not end
            detail = "no bytes" if is_empty else f"no <posts>, but {self._head[:40]!r}"
            found.append(Damage(0, "empty_file" if is_empty else "not_posts", detail))
        elif not is_whole:
            found.append(Damage(end, "truncated", "no </posts> at its end"))
        return found

    def _too_long(self, at: int, n_bytes: int) -> Damage:
        self.n_rows += 1
        return Damage(self._offset + at, "too_long", f"a row of over {n_bytes:,} bytes")

    def _cut(self, data: bytes, offset: int) -> Iterator[Row | Damage]:
        self.n_rows += 1
        ends = [at + len(tag) for tag in (b"/>", b"</row>") if (at := data.rfind(tag)) >= 0]
        row = data[: max(ends)] if ends else data
        if len(row) > self._max:
            yield Damage(offset, "too_long", f"a row of {len(row):,} bytes")
            return
        question = _question_of(row, offset)
        yield Row(offset, question, row) if isinstance(question, int) else question


def _question_of(row: bytes, offset: int) -> int | Damage:
    """To which question a row belongs; without a parser where its values stand in double quotes, as in all dumps."""
    if b"='" not in row:
        kind = _TYPE.search(row)
        # A parent is looked for in answers alone, where it stands before the body: in a question all would be read.
        known = kind and (_PARENT if kind[1] == b"2" else _ID).search(row)
        if known:
            return int(known[1])
    post = parse_post(row, offset)
    if isinstance(post, Damage):
        return post
    return post[0].question


# ---- rows, parsed ----------------------------------------------------------------------------------------------------

_NOT_XML = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]")
_REFERENCE = re.compile(rb"&#(?:([0-9]{1,9})|x([0-9a-fA-F]{1,8}));")
_PAIR = re.compile(rb"(?:&#(?:5[5-7][0-9]{3}|x[dD][89a-fA-F][0-9a-fA-F]{2});){2}")  # of surrogates, or nearly
_NUMBER = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Post:
    """A post; `question` is the id of that which it is, or answers. `created` and `edited` are ISO 8601, or ""."""

    id: int
    kind: Kind
    question: int
    score: int
    title: str
    body: str
    tags: tuple[str, ...]
    created: str
    edited: str
    license: str  # as the dump names it, "" in older ones
    accepted: int | None  # id of an answer
    offset: int


def parse_post(row: bytes, offset: int) -> tuple[Post, Damage | None] | Damage:
    """The post of a row, and what had to be left out of it; or why it cannot be read.

    >>> row = b'<row Id="5" PostTypeId="2" ParentId="4" Score="-1" Body="&lt;p&gt;No&#x8;.&lt;/p&gt;" />'
    >>> post, damage = parse_post(row, 9)
    >>> post.kind, post.question, post.score, post.body, damage.error
    ('answer', 4, -1, '<p>No.</p>', 'bad_character')
    """
    damage = None
    try:
        values = _attributes(row)
    except expat.ExpatError as error:
        paired = _PAIR.sub(_one_character, row)
        mended = _NOT_XML.sub(b"", _REFERENCE.sub(_allowed, paired))
        try:
            values = _attributes(mended)
        except expat.ExpatError:
            return Damage(offset, "bad_xml" if is_utf8(row) else "bad_utf8", str(error))
        if mended != paired:
            detail = f"characters that XML does not allow, left out of post {values.get('Id', '')[:18]}"
            damage = Damage(offset, "bad_character", detail)
    post = _post(values, offset)
    return post if isinstance(post, Damage) else (post, damage)


def _attributes(row: bytes) -> dict[str, str]:
    found: list[dict[str, str]] = []
    parser = expat.ParserCreate("UTF-8")
    parser.StartElementHandler = lambda tag, attributes: found.append(attributes)
    parser.Parse(row, True)
    return found[0]


def _number(reference: re.Match[bytes]) -> int:
    return int(reference[1]) if reference[1] else int(reference[2], 16)


def _one_character(pair: re.Match[bytes]) -> bytes:
    """Two references that are a surrogate pair together, as of a program that writes UTF-16 unit by unit."""
    high, low = map(_number, _REFERENCE.finditer(pair[0]))
    if 0xD800 <= high < 0xDC00 <= low < 0xE000:
        return b"&#%d;" % (0x10000 + ((high - 0xD800) << 10) + low - 0xDC00)
    return pair[0]


def _allowed(reference: re.Match[bytes]) -> bytes:
    return reference[0] if _is_xml(_number(reference)) else b""


def _is_xml(number: int) -> bool:
    in_plane = 0x20 <= number < 0xD800 or 0xE000 <= number < 0xFFFE or 0x10000 <= number < 0x110000
    return in_plane or number in (0x9, 0xA, 0xD)


def _post(values: dict[str, str], offset: int) -> Post | Damage:
    numbers: dict[str, int | None] = {}
    for name in ("Id", "PostTypeId", "ParentId", "Score", "AcceptedAnswerId"):
        value = values.get(name, "").strip()
        if value and (not _NUMBER.fullmatch(value) or (value.startswith("-") and name != "Score")):
            return Damage(offset, "bad_value", f"{name}: {value[:40]!r} is no number for it")
        numbers[name] = int(value) if value else None
    own, parent, number = numbers["Id"], numbers["ParentId"], numbers["PostTypeId"]
    if number is None:  # as in no dump since 2009
        number = 2 if parent is not None else 1
    kind = _KINDS.get(number, "other")
    if own is None or (kind == "answer" and parent is None):
        return Damage(offset, "bad_value", f"no {'Id' if own is None else 'ParentId'}")
    question = parent if kind == "answer" and parent is not None else own
    tags = values.get("Tags", "").replace("><", "|").strip("<>|")
    return Post(
        id=own,
        kind=kind,
        question=question,
        score=numbers["Score"] or 0,
        title=values.get("Title", ""),
        body=values.get("Body", ""),
        tags=tuple(filter(None, tags.split("|"))),
        created=values.get("CreationDate", ""),
        edited=values.get("LastEditDate", ""),
        license=values.get("ContentLicense", ""),
        accepted=numbers["AcceptedAnswerId"],
        offset=offset,
    )
