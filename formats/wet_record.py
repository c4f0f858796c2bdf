"""One record of a WET file: its header's fields, and the page that it holds."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from ..records import Damage
from .gzipstream import Piece

OTHER_TYPES = frozenset(["warcinfo", "response", "resource", "request", "metadata", "revisit", "continuation"])
_VERSION = re.compile(r"WARC/1\.\d\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]+")
_NAMES = "WARC-Type", "Content-Length", "WARC-Record-ID", "WARC-Target-URI", "WARC-Date", "WARC-Block-Digest"
_KEYS = tuple(name.lower() for name in _NAMES)
# A header as CommonCrawl writes it, its lines in any order: one match takes half the time that a dict of them does.
_NAMED = "|".join(rf"{name}: (\S*)" for name in _NAMES)
_OTHER = rf"(?!(?i:{'|'.join(_NAMES)}):)[\w-]+: [^\r\n]*"
_USUAL_HEADER = re.compile(rf"WARC/1\.[01]\r\n(?:(?:{_NAMED}|{_OTHER})\r\n)++\r\n")


@dataclass(frozen=True, slots=True)
class WetPage:
    """One page. `offset` is where its record begins, in bytes of the file as stored: its gzip member, else itself."""

    offset: int
    record_id: str
    url: str
    date: str
    digest: str
    body: str


def parse_fields(header: str) -> dict[str, str] | None:
    """The fields of a header, with its empty line, by their names in small letters; None if it is not one of WARC 1.

    >>> parse_fields("WARC/1.0\\r\\nwarc-type: conversion\\r\\nContent-Length:\\r\\n 12\\r\\n\\r\\n")
    {'warc-type': 'conversion', 'content-length': '12'}
    """
    if not _VERSION.match(header) or "\nWARC/" in header:
        return None
    if "\n " in header or "\n\t" in header:
        header = _FOLD.sub(" ", header)
    lines = [line.partition(":") for line in header.split("\n")[1:-2]]
    return {name.lower(): value.strip() for name, _, value in lines}


def read_whole(piece: Piece, max_bytes: int) -> WetPage | Damage | None:
    """The page of a member that is one record as CommonCrawl writes it; None for any other."""
    offset, data, begins, ends, _ = piece
    begin = data.find(b"\r\n\r\n") + 4
    size = len(data) - 4 - begin
    if not (begins and ends and 0 <= size <= max_bytes and data.endswith(b"\r\n\r\n")):
        return None
    try:
        header = _USUAL_HEADER.fullmatch(data[:begin].decode())
    except UnicodeDecodeError:
        return None
    if not header or header[1] != "conversion" or header[2] != str(size):
        return None
    return _page(offset, data[begin:-4], *header.groups("")[2:])


def read_record(offset: int, header: bytes, fields: dict[str, str], body: bytes) -> WetPage | Damage | None:
    """The page, if the record is one that can be named and read; None for what is skipped."""
    kind = fields.get("warc-type", "").lower()
    if kind in OTHER_TYPES:
        return None
    if kind != "conversion":
        return Damage(offset, "bad_header", f"WARC-Type is {kind[:40]!r}" if kind else "no WARC-Type")
    try:
        header.decode()
    except UnicodeDecodeError as error:
        return Damage(offset, "bad_header", f"not UTF-8: byte {error.start:,}, {error.reason}")
    return _page(offset, body, *[fields.get(key, "") for key in _KEYS[2:]])


def _page(offset: int, body: bytes, record_id: str, url: str, date: str, digest: str) -> WetPage | Damage:
    record_id = record_id.strip("<>").removeprefix("urn:uuid:")
    if not record_id and not url:
        return Damage(offset, "bad_header", "neither WARC-Target-URI nor WARC-Record-ID")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        return Damage(offset, "bad_utf8", f"byte {error.start:,} of the text: {error.reason}")
    return WetPage(offset, record_id, url, date, digest or digest_of(body), text)


def digest_of(body: bytes | bytearray) -> str:
    """The digest of a text as WARC-Block-Digest gives it.

    >>> digest_of(b"")
    'sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ'
    """
    return "sha1:" + base64.b32encode(hashlib.sha1(body).digest()).decode()
