"""WET files as CommonCrawl publishes them: their names and places, and their records.

Source: https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.0/,
https://commoncrawl.org/get-started
"""

from __future__ import annotations

import base64
import hashlib
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from .web import Page

_CODES = {"en": "eng", "de": "deu", "fr": "fra", "es": "spa", "bg": "bul", "tr": "tur"}


def _crawl(dump: str, segment: int) -> datetime:
    """When the crawl of a segment began: some days before the week that the dump is named for."""
    year, week = map(int, dump.split("-")[2:])
    monday = datetime.fromisocalendar(year, week, 1).replace(tzinfo=UTC)
    return monday + timedelta(days=-10, seconds=66_799 + 11_837 * segment)


def path_of(dump: str, segment: int, number: int) -> str:
    """Where a file lies, as `wet.paths.gz` has it: the segment is named for its start, the file for its crawl."""
    start = _crawl(dump, segment)
    moment = int((start - timedelta(minutes=135)).timestamp())
    name = f"CC-MAIN-{start:%Y%m%d%H%M%S}-{start + timedelta(minutes=140):%Y%m%d%H%M%S}-{number:05d}.warc.wet.gz"
    return f"crawl-data/{dump}/segments/{moment}{(segment * 37 + 101) % 1000:03d}.{segment}/wet/{name}"


def write_files(root: Path, files: Mapping[str, Iterable[bytes]]) -> list[Path]:
    """Write files by their paths below `root`, and for each dump the list of them; return the files themselves."""
    for dump in sorted({path.split("/")[1] for path in files}):
        listed = "".join(f"{path}\n" for path in sorted(files) if path.split("/")[1] == dump)
        files = {**files, f"crawl-data/{dump}/wet.paths.gz": [to_member(listed.encode())]}
    for path, chunks in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        with (root / path).open("wb") as file:
            file.writelines(chunks)
    return sorted(root / path for path in files if not path.endswith("wet.paths.gz"))


def to_records(path: str, pages: Iterable[Page], seed: int, recent: bool = False) -> Iterator[bytes]:
    """The records of a file: what it is, then its pages. In a recent one the languages are identified."""
    _, dump, _, segment, _, name = path.split("/")
    start, key = _crawl(dump, int(segment.partition(".")[2])), f"{seed}/{name}"
    extracted = start + timedelta(days=3)
    about = (
        "Software-Info: corpusmill sample\r\n"
        f"Extracted-Date: {format_datetime(extracted, usegmt=True)}\r\n"
        f"isPartOf: {dump}\r\n"
        "description: Generated in the layout of Common Crawl: no page of it is on the web\r\n"
        "publisher: corpusmill\r\n\r\n"
    ).encode()
    head = {
        "WARC-Type": "warcinfo",
        "WARC-Date": f"{extracted:%Y-%m-%dT%H:%M:%SZ}",
        "WARC-Filename": name,
        "WARC-Record-ID": record_id(key),
        "Content-Type": "application/warc-fields",
        "Content-Length": str(len(about)),
    }
    yield to_record(head, about)
    for number, page in enumerate(pages):
        body = page.text.encode("utf-8", "surrogateescape")  # a sample can hold what is no UTF-8
        digest = _digest(body)
        head = {
            "WARC-Type": "conversion",
            "WARC-Target-URI": page.url,
            "WARC-Date": f"{start + timedelta(seconds=number * 7 % 8400):%Y-%m-%dT%H:%M:%SZ}",
            "WARC-Record-ID": record_id(f"{key}/{number}"),
            "WARC-Refers-To": record_id(f"{key}/{number}/response"),
            "WARC-Block-Digest": digest,
        }
        if recent:
            head["WARC-Identified-Content-Language"] = ",".join(_CODES[language] for language in page.languages)
        head |= {"Content-Type": "text/plain", "Content-Length": str(len(body))}
        yield to_record(head | {"WARC-Payload-Digest": digest} if recent else head, body)


def to_record(head: Mapping[str, str], body: bytes) -> bytes:
    """A record of a header, in the order given, and a body."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in head.items()])
    return b"WARC/1.0\r\n%b\r\n%b\r\n\r\n" % (lines.encode(), body)


def record_id(key: str) -> str:
    """A record's id: random by its looks, the same for the same key."""
    return f"<urn:uuid:{uuid.UUID(bytes=hashlib.sha256(key.encode()).digest()[:16], version=4)}>"


def _digest(body: bytes) -> str:
    return f"sha1:{base64.b32encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode()}"


def to_member(data: bytes) -> bytes:
    """A gzip member whose head is the same everywhere (the `gzip` module writes a clock's and a system's bytes)."""
    deflate = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = deflate.compress(data) + deflate.flush()
    tail = zlib.crc32(data).to_bytes(4, "little") + (len(data) & 0xFFFFFFFF).to_bytes(4, "little")
    return b"\x1f\x8b\x08\0\0\0\0\0\0\x03%b%b" % (packed, tail)
