"""Lists of domains and addresses that are not to be used: block lists, and the wishes of those who opted out.

A line names a domain, which goes with all below it (`example.org`, `.example.org`, `*.example.org`,
`http://example.org/`, the hosts file's `0.0.0.0 example.org`; `example.org:8080` at that port alone), a page
(`example.org/a?b`), or all pages whose address begins so (`example.org/a/*`). What follows a `#` after a space is a
comment. Addresses are compared as `normalize_url` has them, so a copy in an archive goes with its page.
Source: hosts(5); the lists `domains` and `urls` of Université Toulouse Capitole.
"""

from __future__ import annotations

import functools
import re
from array import array
from collections.abc import Iterable, Iterator

import numpy as np
from xxhash import xxh3_64_intdigest

from ..errors import UsageError
from ..storage import read_lines
from .urls import canonical_url, normalize_url

_PLAIN_DOMAIN = re.compile(r"(?:[a-z0-9_-]{1,63}\.){1,8}[a-z]{2,24}")
_NUMBERS = re.compile(r"[0-9.]+|[0-9a-fA-F]*:[0-9a-fA-F:.]*(?:%[a-z0-9]+)?")
_SITE = re.compile(r"(?:https?://|//)?[^/?#]+/?", re.IGNORECASE)
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*", re.DOTALL)
_PORT = re.compile(r":[0-9]+$")
_MAX_SHOWN = 60
_NEXT = "Expected a list of domains and addresses, one on a line; name another, or none."


class BlockList:
    """Domains and addresses as sorted 64-bit hashes: 8 bytes each, however long the list.

    `n_unusable` of the `n_entries` name nothing to block (what is no address, domains without a dot); `unusable` is the
    line of the first of them.

    >>> blocked = BlockList(["example.org  # all of it", "http://a.example/private/*", "com", "http://"])
    >>> blocked.match("https://www.Example.org/a"), blocked.match("http://a.example/private/b")
    ('example.org', 'a.example/private/*')
    >>> blocked.match("http://a.example/"), len(blocked), blocked.n_unusable
    ('', 2, 2)
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self.n_entries = self.n_unusable = 0
        self.unusable = ""
        keys = array("Q")
        lengths: set[int] = set()
        for line in lines:
            for word in _words(line):
                entry = _entry(word)
                self.n_entries += 1
                if not entry:
                    self.n_unusable += 1
                    self.unusable = self.unusable or line.strip()
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
        authority = address.partition("/")[0]
        host = _PORT.sub("", authority)
        dot = host.rfind(".")
        while dot > 0:
            dot = host.rfind(".", 0, dot)
            yield host[dot + 1 :]
            if authority != host:
                yield authority[dot + 1 :]
        for length in self._prefix_lengths:
            if length > len(address):
                break
            yield f"{address[:length]}*"
        if "/" in address:
            yield address


@functools.cache
def open_block_list(url: str) -> BlockList:
    """The list in a file, packed by gzip or not, read once per process.

    Raises:
        UsageError: the file cannot be read, or most of it names nothing that can be blocked: a list in another syntax,
            of which the few lines that happen to be addresses must not pass for all of it.
    """
    found = BlockList(read_lines(url))
    if not found.n_entries:
        raise UsageError(f"{url}: has no entry. {_NEXT}")
    if 2 * found.n_unusable > found.n_entries:
        raise UsageError(
            f"{url}: {found.n_unusable:,} of {found.n_entries:,} entries name nothing that can be blocked, such as "
            f"{found.unusable[:_MAX_SHOWN]!r}. {_NEXT}"
        )
    return found


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
