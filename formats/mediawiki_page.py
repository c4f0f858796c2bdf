"""A page, and the head, of a MediaWiki XML dump, each parsed alone: no entity that it defines is ever expanded.

Source: https://www.mediawiki.org/xml/export-0.11.xsd
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import urlsplit
from xml.parsers import expat

from ..filters.encodings import is_utf8

_UTF16 = re.compile(rb"\xff\xfe|\xfe\xff|<\0[^\0]\0|\0<\0[^\0]")
_MAX_DEPTH: Final = 16
_INTEGER = re.compile(r"\s*(-?[0-9]{1,18})\s*")
_MAY_BE_NEGATIVE = ("ns", "key")  # numbers of namespaces; ids are counted from 1
_PROJECT = re.compile(r"([a-z0-9_]+?)wik(?:i|tionary|ibooks|inews|iquote|isource|iversity|ivoyage)")


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """What the head of a dump says of its wiki. `language` is as in its host name: `en`, `simple`, `zh-min-nan`."""

    language: str
    dbname: str
    base: str
    namespaces: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Page:
    """The newest revision of a page, `text` being its wikitext.

    `redirect` is the title that it points to, else None; `offset` is where in the file, as stored, the stream begins
    that the page begins in, and in a file that is not compressed the page itself.
    """

    id: int
    title: str
    namespace: int
    redirect: str | None
    revision: int
    timestamp: str
    text: str
    offset: int


class MalformedError(ValueError):
    """A head or a page that is not what it should be: the word of its `Damage`, and a detail for people."""

    def __init__(self, word: str, detail: str) -> None:
        super().__init__(word, detail)
        self.word, self.detail = word, detail


class _Element(NamedTuple):
    path: str
    attributes: dict[str, str]
    text: list[str]


_PAGE_ELEMENTS: Final = {
    "page/title": True,
    "page/ns": True,
    "page/id": True,
    "page/redirect": True,
    "page/revision": False,
    "page/revision/id": True,
    "page/revision/timestamp": True,
    "page/revision/text": True,
}


def parse_page(block: bytes | bytearray, offset: int) -> Page:
    """Parse `<page>` to `</page>`, as UTF-8; `MalformedError` where it is not well-formed or says too little.

    >>> block = b"<page><title>A</title><ns>0</ns><id>1</id><revision><id>7</id><text>&lt;</text></revision></page>"
    >>> parse_page(block, offset=3)
    Page(id=1, title='A', namespace=0, redirect=None, revision=7, timestamp='', text='<', offset=3)
    """
    fields: dict[str, str] = {}
    revisions: list[dict[str, str]] = []
    redirect = None
    for path, attributes, text in _elements(block, _PAGE_ELEMENTS, whole=True):
        name = path.rpartition("/")[2]
        if name == "revision":
            revisions.append({})
        elif name == "redirect":
            redirect = attributes.get("title", "")
        elif path.startswith("page/revision/"):
            revisions[-1][name] = "" if "deleted" in attributes else "".join(text)
        else:
            fields[name] = "".join(text)
    if not revisions or not fields.get("title"):
        raise MalformedError("bad_field", "no revision" if fields.get("title") else "no title")
    stamp, revision, newest = max(
        (each.get("timestamp", "").strip(), _integer(each, "id"), each.get("text", "")) for each in revisions
    )
    return Page(
        _integer(fields, "id"), fields["title"], _integer(fields, "ns"), redirect, revision, stamp, newest, offset
    )


def _integer(fields: Mapping[str, str], name: str, word: str = "bad_field") -> int:
    match = _INTEGER.fullmatch(fields.get(name, ""))
    if match and (name in _MAY_BE_NEGATIVE or not match[1].startswith("-")):
        return int(match[1])
    raise MalformedError(word, f"{name}: {fields[name][:40]!r} is no number for it" if name in fields else f"no {name}")


_HEAD_ELEMENTS: Final = {
    "mediawiki": False,
    "mediawiki/siteinfo/dbname": True,
    "mediawiki/siteinfo/base": True,
    "mediawiki/siteinfo/namespaces/namespace": True,
}


def check_head(head: bytes | bytearray, rootless: str = "not_a_dump") -> None:
    """Raise `MalformedError` unless this is how a dump begins; `rootless` is its word where `<mediawiki>` is missing.

    >>> check_head(b"<mediawiki><siteinfo>")
    >>> check_head(b"<html>")  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    MalformedError: ('not_a_dump', "no <mediawiki>, but b'<html>'")
    """
    _parse_head(head, rootless)


def _parse_head(head: bytes | bytearray, rootless: str = "not_a_dump") -> list[_Element]:
    if _UTF16.match(head):
        raise MalformedError("not_utf8", "UTF-16; convert the file to UTF-8")
    if b"<mediawiki" not in head:
        raise MalformedError(rootless, f"no <mediawiki>, but {bytes(head[:40])!r}")
    return _elements(head, _HEAD_ELEMENTS, whole=False)


def parse_siteinfo(head: bytes | bytearray) -> SiteInfo:
    """Parse the head of a dump, as far as it is there; `MalformedError` also when it names no language.

    >>> parse_siteinfo(b'<mediawiki xml:lang="en"><siteinfo><dbname>simplewiki</dbname>')
    SiteInfo(language='simple', dbname='simplewiki', base='', namespaces={})
    """
    root, fields, namespaces = {}, {"dbname": "", "base": ""}, {}
    for path, attributes, texts in _parse_head(head):
        name, text = path.rpartition("/")[2], "".join(texts)
        if name == "mediawiki":
            root = attributes
        elif name == "namespace":
            namespaces[_integer(attributes, "key", "no_siteinfo")] = text
        else:
            fields[name] = text.strip()
    language = _language(fields["dbname"], root.get("xml:lang", ""), fields["base"])
    if not language:
        raise MalformedError("no_siteinfo", "no language: no <dbname>, no xml:lang, no <base>")
    return SiteInfo(language, fields["dbname"], fields["base"], namespaces)


def _language(dbname: str, xml_lang: str, base: str) -> str:
    if match := _PROJECT.fullmatch(dbname):
        return match[1].replace("_", "-")
    try:
        host = (urlsplit(base).hostname or "").split(".")
    except ValueError:
        host = []
    return xml_lang or (host[0] if len(host) > 2 and host[0] != "www" else "")


def _elements(data: bytes | bytearray, wanted: Mapping[str, bool], *, whole: bool) -> list[_Element]:
    """The elements at the wanted paths, in order; a path with True is one of text alone."""
    found: list[_Element] = []
    path: list[str] = []
    text: list[str] | None = None

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal text
        path.append(tag)
        if text is not None or len(path) > _MAX_DEPTH:
            raise MalformedError("bad_xml", f"<{tag[:40]}> may not stand in <{path[-2][:40]}>")
        if (is_text := wanted.get(name := "/".join(path))) is not None:
            found.append(_Element(name, attributes, []))
            text = found[-1].text if is_text else None

    def end(_tag: str) -> None:
        nonlocal text
        path.pop()
        text = None

    def characters(data: str) -> None:
        if text is not None:
            text.append(data)

    def doctype(*_: object) -> None:
        raise MalformedError("bad_xml", "a document type, whose entities are not expanded")

    parser = expat.ParserCreate("UTF-8")
    parser.buffer_text, parser.buffer_size = True, 1 << 16
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = characters, doctype
    try:
        parser.Parse(data, whole)
    except expat.ExpatError as error:
        raise MalformedError("bad_xml" if is_utf8(data) else "bad_utf8", str(error)) from None
    return found
