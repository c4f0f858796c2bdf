"""Lists of domains and addresses that are not to be used: block lists, and the wishes of those who opted out.

A line names a domain, which goes with all below it (`example.org`, `.example.org`, `*.example.org`,
`http://example.org/`, the hosts file's `0.0.0.0 example.org`), a page (`example.org/a?b`), or all pages whose address
begins so (`example.org/a/*`). What follows a `#` after a space is a comment. Addresses are compared as `normalize_url`
has them, so a copy in an archive goes with its page.
Source: hosts(5); the lists `domains` and `urls` of Université Toulouse Capitole.
"""

from __future__ import annotations

import functools
import gzip
import re
import zlib
from array import array
from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

import numpy as np
from xxhash import xxh3_64_intdigest

from ..errors import SourceError, UsageError
from ..records import counted
from ..storage import open_read
from .urls import canonical_url, normalize_url

_PLAIN_DOMAIN = re.compile(r"(?:[a-z0-9_-]{1,63}\.){1,8}[a-z]{2,24}")
_NUMBERS = re.compile(r"[0-9.]+|[0-9a-fA-F]*:[0-9a-fA-F:.]*(?:%[a-z0-9]+)?")
_SITE = re.compile(r"(?:https?://|//)?[^/?#]+/?", re.IGNORECASE)
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*", re.DOTALL)
_PORT = re.compile(r":[0-9]+$")
_MAX_LINE_BYTES = 16_384
_NEXT = "Expected a list of domains and addresses, one on a line, packed by gzip or not; name another, or none."
_GZIP = b"\x1f\x8b"


class BlockList:
    """Domains and addresses as sorted 64-bit hashes: 8 bytes each, however long the list.

    `n_unusable` counts the lines that name nothing to block: what is no address, and domains without a dot.

    >>> blocked = BlockList(["example.org  # all of it", "http://a.example/private/*", "com", "http://"])
    >>> blocked.match("https://www.Example.org/a"), blocked.match("http://a.example/private/b")
    ('example.org', 'a.example/private/*')
    >>> blocked.match("http://a.example/"), len(blocked), blocked.n_unusable
    ('', 2, 2)
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self.n_unusable = 0
        keys = array("Q")
        lengths: set[int] = set()
        for line in lines:
            for word in _words(line):
                entry = _entry(word)
                if not entry:
                    self.n_unusable += 1
                    continue
                keys.append(xxh3_64_intdigest(entry.encode()))
                if entry.endswith("*"):
                    lengths.add(len(entry) - 1)
        self._keys = np.unique(np.frombuffer(keys, np.uint64))
        self._prefix_lengths = sorted(lengths)

    def __len__(self) -> int:
        return len(self._keys)

    def match(self, url: str) -> str:
        """The entry that blocks a page, in its shortest form; "" if none does."""
        address = canonical_url(url)
        found = self._match(address)
        if not found and (page := normalize_url(address)) != address:
            found = self._match(page)
        return found

    def _match(self, address: str) -> str:
        if not address or not len(self._keys):
            return ""
        entries = list(self._candidates(address))
        keys = np.array([xxh3_64_intdigest(entry.encode()) for entry in entries], np.uint64)
        places = np.searchsorted(self._keys, keys)
        hits = np.flatnonzero(self._keys[np.minimum(places, len(self._keys) - 1)] == keys)
        return entries[hits[0]] if len(hits) else ""

    def _candidates(self, address: str) -> Iterator[str]:
        """The entries that would block an address: its domains, the widest first, its beginnings, itself."""
        host = _PORT.sub("", address.partition("/")[0])
        dot = host.rfind(".")
        while dot > 0:
            dot = host.rfind(".", 0, dot)
            yield host[dot + 1 :]
        for length in self._prefix_lengths:
            if length > len(address):
                break
            yield f"{address[:length]}*"
        if "/" in address or host != address:
            yield address


@functools.cache
def open_block_list(url: str) -> BlockList:
    """The list in a file, packed by gzip or not, read once per process. Raises UsageError when it names nothing."""
    try:
        with open_read(url) as raw:
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            found = BlockList(_lines(cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if packed else raw))
    except SourceError as error:
        raise UsageError(f"{error} {_NEXT}") from error
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{url}: cannot be unpacked ({type(error).__name__}: {error}). {_NEXT}") from error
    if not len(found):
        raise UsageError(f"{url}: {counted(found.n_unusable, 'line')} name nothing that can be blocked. {_NEXT}")
    return found


def _lines(file: BinaryIO) -> Iterator[str]:
    """The lines of a file; of one that is too long the beginning, whose last word is spoilt."""
    while line := file.readline(_MAX_LINE_BYTES):
        is_cut = len(line) == _MAX_LINE_BYTES and not line.endswith(b"\n")
        yield line.decode(errors="replace").removeprefix("\ufeff") + "\0" * is_cut
        while is_cut:
            line = file.readline(_MAX_LINE_BYTES)
            is_cut = len(line) == _MAX_LINE_BYTES and not line.endswith(b"\n")


def _words(line: str) -> list[str]:
    """What a line names, comments left out: one entry, or the hosts after an address of the hosts file.

    >>> _words("0.0.0.0 a.example b.example # ads"), _words("a.example/#b"), _words("# none")
    (['a.example', 'b.example'], ['a.example/#b'], [])
    """
    if "#" in line:
        line = _COMMENT.sub("", line)
    words = line.split()
    if len(words) > 1:
        return words[1:] if _NUMBERS.fullmatch(words[0]) else [""]
    return words


def _entry(word: str) -> str:
    """A domain, a page, or the beginning of addresses with a `*` at its end; "" for what names none of these.

    >>> [_entry(word) for word in ("*.Example.org", "http://example.org/*", "example.org/a*", "example.org*", ".com")]
    ['example.org', 'example.org', 'example.org/a*', '', '']
    """
    if _PLAIN_DOMAIN.fullmatch(word):
        return word
    if word.startswith(("*.", ".")):
        word = word.removeprefix("*").removeprefix(".")
    start = word.removesuffix("*")
    if "*" in start or (start != word and start[-1:] != "/" and _SITE.fullmatch(start)):
        return ""  # a star in the name of a host would take hosts that nobody named
    address = normalize_url(start)
    if "/" not in address:  # a whole site goes only where the line says no more than its name
        return address if _SITE.fullmatch(start) else ""
    return address if start == word else f"{address}*"
