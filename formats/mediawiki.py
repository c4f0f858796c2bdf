"""MediaWiki XML dumps (`pages-articles`, `pages-meta-history`; bz2 of one stream or many, gzip, plain): their pages.

A page that can be read is a `Page`; whatever cannot is one `Damage` with one of these words:

    empty_file, not_utf8, not_a_dump            the file
    truncated, bad_bz2, bad_gzip                its packing; `truncated` also when </mediawiki> never comes
    no_siteinfo                                 its head says too little (from `read_siteinfo` alone)
    bad_xml, bad_utf8, bad_field                a page, the head, or what stands between pages
    unterminated_page, page_too_long            a page that does not end, or not soon enough

Pages are cut out at `<page>` and `</page>`, which no text can hold (MediaWiki escapes `<`), and parsed each on its own:
no entity that a file defines is ever expanded, and what is broken ends with its page.
Source: https://www.mediawiki.org/xml/export-0.11.xsd
"""

import re
import sys
from collections.abc import Iterator
from typing import BinaryIO, Final

from ..records import Damage
from .bz2blocks import View
from .bz2streams import SEEN_BY, find_stream, read_pieces
from .mediawiki_page import MalformedError, Page, SiteInfo, check_head, parse_page, parse_siteinfo

__all__ = ["Page", "SiteInfo", "find_slices", "read_pages", "read_siteinfo"]

_MAX_PAGE_BYTES: Final = 16 << 20
_MAX_HEAD_BYTES: Final = 1 << 20
_MARKER = re.compile(rb"</?page>")
_END = b"</mediawiki>"
_HEAD_END = re.compile(rb"</siteinfo>|(?=<page>)")


def find_slices(file: BinaryIO, size: int, slice_bytes: int) -> list[tuple[int, int]]:
    """Byte ranges [start, stop) that `read_pages` reads independently, each page in exactly one of them.

    A file that shows no second bz2 stream in its first 4 MiB is one slice. Nothing else of the file is read.

    >>> import bz2, io
    >>> stream = bz2.compress(b"<mediawiki>")
    >>> find_slices(io.BytesIO(stream), len(stream), 20), find_slices(io.BytesIO(stream * 2), 2 * len(stream), 70)
    ([(0, 49)], [(0, 70), (70, 98)])
    """
    if size <= slice_bytes or find_stream(View(file), 1, SEEN_BY) is None:
        return [(0, size)]
    return [(start, min(start + slice_bytes, size)) for start in range(0, size, slice_bytes)]


def read_siteinfo(file: BinaryIO) -> SiteInfo | Damage:
    """Read the head of a dump; `Damage` when it is not there, cannot be read, or names no language.

    The language comes from the database name, else `xml:lang`, else the host name. What is `no_siteinfo` stands here
    alone; where any other damage is given, `read_pages` reports the head, or its stream, as well.

    >>> import io
    >>> head = b'<mediawiki xml:lang="en"><siteinfo><dbname>simplewiki</dbname></siteinfo></mediawiki>'
    >>> read_siteinfo(io.BytesIO(head))
    SiteInfo(language='simple', dbname='simplewiki', base='', namespaces={})
    """
    head = bytearray()
    for piece in read_pieces(file, 0, sys.maxsize):
        if isinstance(piece.content, Damage):
            return piece.content
        head += piece.content[:_MAX_HEAD_BYTES]
        if end := _HEAD_END.search(head, max(0, len(head) - len(piece.content) - len(b"</siteinfo"))):
            del head[end.end() :]
            if not head.strip():
                return Damage(0, "no_siteinfo", "a page begins before any head")
        if end or len(head) >= _MAX_HEAD_BYTES:
            break
    try:
        return parse_siteinfo(head)
    except MalformedError as error:
        return Damage(0, error.word, f"head: {error.detail}")


def read_pages(
    file: BinaryIO, start: int = 0, stop: int | None = None, *, max_page_bytes: int = _MAX_PAGE_BYTES
) -> Iterator[Page | Damage]:
    """The pages that begin in a stream that begins in [start, stop), in the file's order, and what is damaged there.

    A page counts from the first byte of its `<page>`, and is read to its end even past `stop`, so the slices of a file
    give together what the whole file gives, wherever they and the streams are cut. A file that is not compressed is
    taken as streams of one byte. Memory holds one page, of `max_page_bytes` at most, and a few MiB.

    >>> import io
    >>> page = b"<page><title>A</title><ns>0</ns><id>1</id><revision><id>7</id><text>%s</text></revision></page>"
    >>> file = io.BytesIO(b"<mediawiki>" + page % b"One &amp; two." + page % b"&lol;" + b"</mediawiki>")
    >>> for found in read_pages(file):
    ...     print(found)
    Page(id=1, title='A', namespace=0, redirect=None, revision=7, timestamp='', text='One & two.', offset=11)
    Damage(offset=118, error='bad_xml', detail='page "A": undefined entity: line 1, column 68')
    """
    stop = sys.maxsize if stop is None else max(stop, 1)  # an empty file is one slice, of no bytes
    cutter = _Cutter(stop, max_page_bytes, at_head=start == 0)
    for piece in read_pieces(file, start, stop):
        owned = piece.stream < stop
        if not owned and cutter.idle:
            return
        if isinstance(piece.content, bytes):
            yield from cutter.feed(piece.stream, piece.content, piece.packed)
        else:
            yield from cutter.cut()
            if owned:
                yield piece.content
    yield from cutter.finish()


class _Cutter:
    """Cuts content at its markers, `<page>` and `</page>`; each belongs to the stream that its first byte is in.

    What lies between two markers is a span (the head, a page, the gap after a page) and belongs to the marker before
    it. A marker alone says which span follows, so a slice that begins anywhere, or goes on after damage, is in step
    with the whole file from its first marker on; until then there is no span, and nothing to report.
    """

    def __init__(self, stop: int, max_page_bytes: int, *, at_head: bool) -> None:
        self._stop, self._max_page_bytes = stop, max_page_bytes
        self._span: _Head | _OpenPage | _Gap | None = _Head() if at_head else None
        self._tail = b""  # the beginning of what may become a marker, and where its bytes come from
        self._tail_origins: list[int] = []

    @property
    def idle(self) -> bool:
        """Whether nothing that belongs to this slice is open."""
        return self._span is None and not self._tail

    def feed(self, origin: int, data: bytes, packed: bool) -> Iterator[Page | Damage]:
        """Take the next content, out of the stream at `origin`; give what it completes."""
        data, origins = self._tail + data, self._tail_origins

        def origin_at(index: int) -> int:
            past_tail = index - len(origins)
            return origins[index] if past_tail < 0 else origin if packed else origin + past_tail

        begin = 0
        for marker in _MARKER.finditer(data):
            yield from self._add(data[begin : marker.start()])
            yield from self._turn(marker.group(), origin_at(marker.start()))
            begin = marker.end()
        end = _begun_marker(data, begin)
        yield from self._add(data[begin:end])
        self._tail, self._tail_origins = data[end:], [origin_at(index) for index in range(end, len(data))]

    def cut(self) -> Iterator[Damage]:
        """Content is missing here: give up what is open, and wait for a marker."""
        if self._span and (damage := self._span.cut()):
            yield damage
        self._span, self._tail, self._tail_origins = None, b"", []

    def finish(self) -> Iterator[Damage]:
        """The file ends here."""
        yield from self._add(self._tail)
        if self._span:
            yield from self._span.finish()

    def _add(self, data: bytes) -> Iterator[Damage]:
        if self._span and (damage := self._span.add(data)):
            self._span = None
            yield damage

    def _turn(self, marker: bytes, origin: int) -> Iterator[Page | Damage]:
        if self._span and (found := self._span.close(marker)):
            yield found
        if origin >= self._stop:
            self._span = None
        elif marker == b"<page>":
            self._span = _OpenPage(origin, self._max_page_bytes)
        else:
            self._span = _Gap(origin)


def _begun_marker(data: bytes, begin: int) -> int:
    """Where a marker begins that ends past the data; the data's length if none does."""
    index = data.rfind(b"<", max(begin, len(data) - len(b"</page")))
    begun = index >= 0 and (b"<page>".startswith(data[index:]) or b"</page>".startswith(data[index:]))
    return index if begun else len(data)


class _OpenPage:
    def __init__(self, offset: int, max_bytes: int) -> None:
        self._offset, self._max_bytes, self._block = offset, max_bytes, bytearray(b"<page>")

    def add(self, data: bytes) -> Damage | None:
        self._block += data
        if len(self._block) + len(b"</page>") > self._max_bytes:
            return self._damage("page_too_long", f"over {self._max_bytes:,} bytes")
        return None

    def close(self, marker: bytes) -> Page | Damage:
        if marker == b"<page>":
            return self._damage("unterminated_page", "another page begins inside it")
        try:
            return parse_page(self._block + marker, self._offset)
        except MalformedError as error:
            return self._damage(error.word, error.detail)

    def cut(self) -> Damage:
        return self._damage("unterminated_page", "its end is lost")

    def finish(self) -> Iterator[Damage]:
        yield self._damage("unterminated_page", "the file ends inside it")
        if not self._block.rstrip().endswith(_END):
            yield _no_end(self._offset)

    def _damage(self, word: str, detail: str) -> Damage:
        title = re.search(rb"<title>([^<]{1,200})", self._block[:1000])
        name = f'page "{title[1].decode(errors="replace")}"' if title else "page"
        return Damage(self._offset, word, f"{name}: {detail}")


class _Gap:
    """Between pages nothing may stand; after the last one, </mediawiki> must."""

    def __init__(self, offset: int) -> None:
        self._offset, self._text = offset, b""

    def add(self, data: bytes) -> Damage | None:
        self._text = (self._text + data).lstrip()
        if self._text.startswith(_END):
            self._text = _END + self._text[len(_END) :].lstrip()
        return None if _END.startswith(self._text) else self._damage()

    def close(self, marker: bytes) -> Damage | None:
        return self._damage() if self._text or marker == b"</page>" else None

    def cut(self) -> None:
        pass

    def finish(self) -> Iterator[Damage]:
        if self._text != _END:
            yield _no_end(self._offset)

    def _damage(self) -> Damage:
        return Damage(self._offset, "bad_xml", f"between pages: {self._text[:40]!r}")


class _Head:
    """What stands before the first page: at most 1 MiB, well-formed, without a document type."""

    def __init__(self) -> None:
        self._text = bytearray()

    def add(self, data: bytes) -> Damage | None:
        self._text += data
        if len(self._text) <= _MAX_HEAD_BYTES:
            return None
        return self._check() or Damage(0, "bad_xml", f"head: over {_MAX_HEAD_BYTES:,} bytes")

    def close(self, marker: bytes) -> Damage | None:
        if marker == b"</page>":
            self._text += marker
        return self._check(rootless="bad_xml") if self._text.strip() else None

    def cut(self) -> None:
        pass

    def finish(self) -> Iterator[Damage]:
        if damage := self._check():
            yield damage
        elif not self._text.rstrip().endswith(_END):
            yield _no_end(0)

    def _check(self, rootless: str = "not_a_dump") -> Damage | None:
        try:
            check_head(self._text, rootless)
        except MalformedError as error:
            return Damage(0, error.word, f"head: {error.detail}")
        return None


def _no_end(offset: int) -> Damage:
    return Damage(offset, "truncated", "the file ends without </mediawiki>")
