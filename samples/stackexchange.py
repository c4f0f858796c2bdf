"""Stack Exchange's dumps: the posts of invented sites, packed as those of real ones are, and as they may come.

Questions and answers are those of `stackexchange_posts.py`, all of which should come out, each with its answers. Their
answers stand about them in the file, now and then before them. Every site also has what is no part of a question: an
answer to one that is gone, two pages of a tag's wiki, and a notice. The `SITES` are:

    LARGE        alone in its archive, as of Stack Overflow; USERS, another table of it, is passed over
    SOLID        with its other tables in one archive, where Posts.xml is not the first
    META         a site about a site
    FOLDER       a folder with Posts.xml, in German
    GZIP         a folder with Posts.xml.gz
    SMALL        two sites that are too small to be among the largest, at any scale

and, each of them damaged or hostile as `DAMAGE` says: BROKEN_ROWS (those that `_broken` makes, behind good ones),
TRUNCATED_GZIP, TRUNCATED_ARCHIVE, UNSAFE (a name that leads out of its folder), ENCRYPTED, NO_POSTS, UTF16, EMPTY, and
RUBBISH (random bytes).

The same seed and scale give the same rows anywhere; libraries may pack them otherwise in another version.
Source: the readme of the dumps, https://archive.org/details/stackexchange
"""

from __future__ import annotations

import gzip
import html
import io
import random
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final

import py7zr
from py7zr.helpers import ArchiveTimestamp

from .stackexchange_posts import ANSWER, IDS_PER_THREAD, QUESTION, Piece, Post, Thread, day, thread

LARGE, USERS = "bytehaven.example-Posts.7z", "bytehaven.example-Users.7z"
SOLID, META = "joinery.stackexchange.example.7z", "joinery.meta.stackexchange.example.7z"
FOLDER, GZIP = "heimatkunde.stackexchange.example/Posts.xml", "numbers.stackexchange.example/Posts.xml.gz"
SMALL = ("beekeeping.stackexchange.example.7z", "kites.stackexchange.example.7z")
BROKEN_ROWS, TRUNCATED_GZIP = "cabinets.stackexchange.example.7z", "cubes.stackexchange.example/Posts.xml.gz"
TRUNCATED_ARCHIVE, UNSAFE = "scripts.stackexchange.example.7z", "benches.stackexchange.example.7z"
ENCRYPTED, NO_POSTS = "shells.stackexchange.example.7z", "knots.stackexchange.example.7z"
UTF16, EMPTY, RUBBISH = "planes.stackexchange.example/Posts.xml", "saws.example.7z", "nails.example.7z"

#: How often each kind of damage occurs in each damaged dump, in the words of `formats/stackexchange.py`, at any scale:
#: with rows of at most 1 MB, and `repeated` where a question is put together.
DAMAGE: Mapping[str, Mapping[str, int]] = MappingProxyType({
    BROKEN_ROWS: {"bad_xml": 1, "bad_utf8": 1, "bad_character": 2, "bad_value": 2, "too_long": 1, "repeated": 2},
    TRUNCATED_GZIP: {"truncated": 1},
    TRUNCATED_ARCHIVE: {"bad_archive": 1},
    UNSAFE: {"bad_archive": 1},
    ENCRYPTED: {"encrypted": 1},
    NO_POSTS: {"not_posts": 1},
    UTF16: {"not_utf8": 1},
    EMPTY: {"empty_file": 1},
    RUBBISH: {"not_posts": 1},
})  # fmt: skip

OTHER_KINDS: Final = (4, 5, 7)  # a tag's wiki, in short and in full; a notice
_FEW: Final = 12  # questions of a damaged site
_LONG_BYTES: Final = 1_100_000
_TIME: Final = 1_400_000_000  # of all that is in an archive
_BOM: Final = b"\xef\xbb\xbf"
_AES, _BRANCHES = bytes.fromhex("06f10701"), bytes.fromhex("03030103")  # ids of methods in a 7z archive


@dataclass(frozen=True, slots=True)
class Dump:
    """The dump of one site: what it is about, how many questions it has at scale 1, when it was begun, and its form."""

    topic: str
    questions: int
    since: int
    until: int
    newer: bool = True  # names the licence of posts, and has |tags| for <tags>
    line_end: bytes = b"\n"

    @property
    def first(self) -> datetime:
        return datetime(self.since, 1, 8, 9)


SITES: Mapping[str, Dump] = MappingProxyType({
    LARGE: Dump("programming", 160, 2009, 2024),
    SOLID: Dump("joinery", 40, 2010, 2017, newer=False, line_end=b"\r\n"),
    META: Dump("meta", 24, 2011, 2017, newer=False, line_end=b"\r\n"),
    FOLDER: Dump("heimatkunde", 40, 2014, 2024),
    GZIP: Dump("numbers", 40, 2010, 2024),
    SMALL[0]: Dump("beekeeping", 2, 2019, 2024),
    SMALL[1]: Dump("kites", 1, 2019, 2024),
})  # fmt: skip
_DAMAGED: Mapping[str, Dump] = MappingProxyType({
    BROKEN_ROWS: Dump("joinery", _FEW, 2012, 2022),
    TRUNCATED_GZIP: Dump("numbers", _FEW, 2012, 2022),
    **dict.fromkeys((TRUNCATED_ARCHIVE, ENCRYPTED), Dump("programming", _FEW, 2012, 2022)),
    **dict.fromkeys((UNSAFE, UTF16), Dump("joinery", _FEW, 2009, 2017, newer=False, line_end=b"\r\n")),
})  # fmt: skip


def site_of(name: str) -> str:
    """The site of a dump of the sample.

    >>> site_of(LARGE), site_of(FOLDER), site_of(EMPTY)
    ('bytehaven.example', 'heimatkunde.stackexchange.example', 'saws.example')
    """
    return name.partition("/")[0].removesuffix(".7z").removesuffix("-Posts")


def threads(name: str, seed: int, scale: float) -> list[Thread]:
    """The questions of a dump, in the order of their ids. Small and damaged ones are the same at any scale."""
    dump = SITES.get(name) or _DAMAGED[name]
    n = dump.questions if name in _DAMAGED or name in SMALL else max(_FEW, round(dump.questions * scale))
    days = 365.0 * (dump.until - dump.since) / n
    return [thread(seed, site_of(name), dump.topic, number, dump.first, days) for number in range(n)]


def write(folder: Path, seed: int, scale: float) -> list[Path]:
    """Write the dumps into `folder`/stackexchange, and return the files."""
    files = {name: _packed(name, rows_of(name, seed, scale), dump) for name, dump in {**SITES, **_DAMAGED}.items()}
    files[TRUNCATED_GZIP] = files[TRUNCATED_GZIP][:-1500]
    files[TRUNCATED_ARCHIVE] = files[TRUNCATED_ARCHIVE][:-200]
    files[UNSAFE] = _with_header(files[UNSAFE], "aa/bb/".encode("utf-16-le"), "../../".encode("utf-16-le"))
    files[ENCRYPTED] = _with_header(files[ENCRYPTED], _BRANCHES, _AES)
    files |= {
        USERS: _archive({"Users.xml": _table("users", [])}),
        NO_POSTS: _archive(_tables(["Comments", "Tags", "Users"], [])),
        EMPTY: b"",
        RUBBISH: random.Random(f"{seed}/rubbish").randbytes(20_000),
    }
    root = folder / "stackexchange"
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return [root / name for name in files]


# ---- rows ------------------------------------------------------------------------------------------------------------


def rows_of(name: str, seed: int, scale: float) -> list[bytes]:
    """The rows of a dump, in the order of the ids of their posts; damaged ones at the end."""
    dump = SITES.get(name) or _DAMAGED[name]
    found = threads(name, seed, scale)
    posts = [post for one in found for post in (one.question, *one.answers)] + _others(found)
    rows = [to_row(post, dump.newer) for post in sorted(posts, key=lambda post: post.id)]
    return rows + _broken(found) if name == BROKEN_ROWS else rows


def _others(found: Sequence[Thread]) -> list[Post]:
    """What is no part of a question."""
    last = found[-1].question
    lost = replace(last, id=last.id + IDS_PER_THREAD - 2, kind=ANSWER, parent=last.id + 10**6, accepted=None, title="")
    kinds = [
        replace(last, id=last.id + IDS_PER_THREAD + place, kind=kind, score=0, title="", tags=(), accepted=None)
        for place, kind in enumerate(OTHER_KINDS)
    ]
    return [lost, *kinds]


def to_row(post: Post, newer: bool = True) -> bytes:
    """A post as a row of Posts.xml, in the older form of dumps or the newer one."""
    values = {
        "Id": post.id,
        "PostTypeId": post.kind,
        "ParentId": post.parent,
        "AcceptedAnswerId": post.accepted,
        "CreationDate": post.created,
        "Score": post.score,
        "ViewCount": 37 * post.id % 5000 if post.kind == QUESTION else None,
        "Body": post.body.html,
        "OwnerUserId": post.id * 7 % 211 + 2,
        "LastEditDate": post.edited or None,
        "LastActivityDate": post.edited or post.created,
        "Title": post.title or None,
        "Tags": (f"|{'|'.join(post.tags)}|" if newer else f"<{'><'.join(post.tags)}>") if post.tags else None,
        "CommentCount": post.id % 4,
        "ContentLicense": license_of(post) if newer else None,
    }
    said = (f'{name}="{_quoted(str(value))}"' for name, value in values.items() if value is not None)
    return f"  <row {' '.join(said)} />".encode()


def license_of(post: Post) -> str:
    """The licence that newer dumps name: that of the day of the last edit."""
    when = post.edited or post.created
    return f"CC BY-SA {'4.0' if when >= '2018-05-02' else '3.0' if when >= '2011-04-08' else '2.5'}"


def _quoted(value: str) -> str:
    return html.escape(value).replace("&#x27;", "'").replace("\n", "&#xA;").replace("\t", "&#x9;")


# ---- damaged rows ----------------------------------------------------------------------------------------------------

#: Titles of good questions whose rows are no XML as they stand: they have a control character as a reference, and as a
#: byte; a character in two halves.
MENDED = ("A broken reference", "A stray byte", "A face 🙂")


def edited(found: Sequence[Thread]) -> list[Thread]:
    """The questions of BROKEN_ROWS as they should come out: the first one and an answer of it are there twice, and the
    later edited rows hold; the last ones were mended."""
    first, *rest = found
    question, (one, *others) = _again(first.question), first.answers
    return [Thread(question, (_again(one), *others)), *rest, *(Thread(post, ()) for post in _mended(found))]


def _again(post: Post) -> Post:
    """A post after an edit."""
    when = datetime.fromisoformat(post.edited or post.created) + timedelta(days=30)
    more = Piece("\n<p>Edit: thanks to all.</p>\n", "\n\nEdit: thanks to all.")
    body = Piece(post.body.html + more.html, post.body.text + more.text)
    return replace(post, edited=day(when), body=body)


def _mended(found: Sequence[Thread]) -> list[Post]:
    body = Piece("<p>It is all there.</p>\n", "It is all there.")
    return [replace(_extra(found, place), title=title, body=body) for place, title in enumerate(MENDED)]


def _extra(found: Sequence[Thread], place: int) -> Post:
    """A question without answers, behind all others."""
    last = found[-1].question
    return replace(last, id=last.id + (2 + place) * IDS_PER_THREAD, accepted=None)


def _broken(found: Sequence[Thread]) -> list[bytes]:
    """Rows that repeat others, or are broken: cut in half, not UTF-8, without an id, of a score that is no number, and
    too long; those that are mended; and one of a question that is nothing but a picture."""
    first, bad = found[0], [to_row(_extra(found, 10 + place)) for place in range(5)]
    by_reference, by_byte, in_halves = map(to_row, _mended(found))
    picture = replace(_extra(found, 20), title="", body=Piece('<p><img src="https://pictures.example/1.png"></p>', ""))
    own = bad[4].index(b' Body="') + len(b' Body="')
    return [
        to_row(_again(first.answers[0])),
        to_row(_again(first.question)),
        bad[0][: len(bad[0]) // 2],
        by_reference.replace(b"all there", b"all&#x8; there"),
        bad[1].replace(b' Body="', b' Body="caf\xe9 '),
        by_byte.replace(b"all there", b"all\x0c there"),
        bad[2].replace(b'Id="', b'Was="', 1),
        in_halves.replace("🙂".encode(), b"&#xD83D;&#xDE42;"),
        bad[3].replace(b' Score="', b' Score="about '),
        to_row(picture),
        bad[4][:own] + b"again and " * (_LONG_BYTES // 10) + bad[4][own:],
    ]


# ---- files -----------------------------------------------------------------------------------------------------------


def _packed(name: str, rows: Sequence[bytes], dump: Dump) -> bytes:
    """Posts.xml in the form that the name of its file says."""
    posts = _table("posts", rows, dump.line_end)
    if name == UTF16:
        return posts.decode().encode("utf-16-le")  # its mark comes first, too
    if not name.endswith(".7z"):
        return gzip.compress(posts, mtime=0) if name.endswith(".gz") else posts
    if name == LARGE:
        return _archive({"Posts.xml": posts})
    if name == UNSAFE:
        return _archive({"aa/bb/Posts.xml": posts})
    tables = _tables(["Badges", "Comments", "PostLinks", "Tags", "Users", "Votes"], rows, dump.line_end)
    return _archive(dict(sorted({**tables, "Posts.xml": posts}.items())))


def _table(name: str, rows: Iterable[bytes], line_end: bytes = b"\n") -> bytes:
    lines = [b'<?xml version="1.0" encoding="utf-8"?>', f"<{name}>".encode(), *rows, f"</{name}>".encode()]
    return _BOM + line_end.join(lines)


def _tables(names: Sequence[str], posts: Sequence[bytes], line_end: bytes = b"\n") -> dict[str, bytes]:
    """Other tables of a site, with a row for each tenth post; their texts are no posts."""
    rows = [f'  <row Id="{n}" PostId="{n}" Text="no post &lt;row /&gt;" />'.encode() for n in range(0, len(posts), 10)]
    return {f"{name}.xml": _table(name.lower(), rows, line_end) for name in names}


def _archive(members: Mapping[str, bytes]) -> bytes:
    """A 7z archive whose header is not packed, so that it can be changed."""
    stream = io.BytesIO()
    with py7zr.SevenZipFile(stream, "w") as archive:
        archive.set_encoded_header_mode(False)
        for name, data in members.items():
            archive.writestr(data, name)
        for one in archive.header.files_info.files:
            one["lastwritetime"] = one["lastaccesstime"] = ArchiveTimestamp.from_datetime(_TIME)
    return stream.getvalue()


def _with_header(archive: bytes, old: bytes, new: bytes) -> bytes:
    """The same archive with other bytes, as many, in its header. It begins with the header's place, length and hash."""
    place, size = struct.unpack_from("<QQ", archive, 12)
    packed, header = archive[32 : 32 + place], archive[32 + place :].replace(old, new)
    start = struct.pack("<QQI", place, size, zlib.crc32(header))
    return archive[:8] + struct.pack("<I", zlib.crc32(start)) + start + packed + header
