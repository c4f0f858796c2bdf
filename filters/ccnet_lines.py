"""The key of a line in CCNet's deduplication: what two lines must share to count as the same, and its hash.

`normalize_line` and `hash_line` say the rule for one line. `hash_lines` is their twin for many texts: it hashes each
distinct line of a batch once, and normalises all of them together, the ASCII lines as bytes.

Source: CCNet (Wenzek et al. 2020), section 3.2 (`ccnet-paper`), and its published code (`ccnet-code`), which keeps
accents and ASCII punctuation.
"""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, compress, count, pairwise
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt
import xxhash

Hash = Literal["sha1", "xxh3"]
Normalise = Literal["ccnet-code", "ccnet-paper"]
Hashes = npt.NDArray[np.uint64]

BATCH_CHARS = 1 << 19
"""Lines are hashed in batches of about so many characters: one bounds memory, and much larger ones are slower."""

PUNCTUATION: Mapping[str, str] = MappingProxyType({
    **dict(zip("，。、∶：？！（）；～〈〉【】％", ",.,::?!();~<>[]%", strict=True)),
    **dict.fromkeys("„”“«»」「《》１", '"'),
    **dict.fromkeys("´’", "'"),
    **dict.fromkeys("–━►", "-"),
    "—": " - ",
    "．": ". ",
    "…": "...",
})  # fmt: skip
"""The code's 34 characters of punctuation, deleted here, and what stands for them before its language models."""

_SHA1 = np.dtype([("key", "<u8"), ("rest", "V12")])


def _is_deleted_by_code(char: str) -> bool:
    return char in PUNCTUATION or unicodedata.category(char) == "Cc"


def _is_deleted_by_paper(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] == "P" or category in ("Cc", "Mn")


def _lower_and_decompose(text: str) -> str:
    return unicodedata.normalize("NFD", text.lower())


class _Table(dict[int, str]):
    """What `str.translate` puts in place of each character, worked out when the character first comes."""

    def __init__(self, is_deleted: Callable[[str], bool]) -> None:
        self.is_deleted = is_deleted

    def __missing__(self, code: int) -> str:
        self[code] = replacement = self.replacement(chr(code))
        return replacement

    def replacement(self, char: str) -> str:
        """Digits are asked for first: the code's punctuation has `１` among it, which is a digit and becomes 0."""
        if char.isdecimal():
            return "0"
        return "" if self.is_deleted(char) else char


@dataclass(frozen=True)
class _Rule:
    """A way to normalise a stripped line: lower-case it with `fold`, then replace single characters.

    Neither step looks past a line end, so lines joined by "\\n" can be folded in one go.
    """

    fold: Callable[[str], str]
    table: _Table

    def of_text(self, text: str) -> str:
        """The rule itself, for one line."""
        return self.fold(text).translate(self.table)

    @functools.cached_property
    def _ascii(self) -> bytes:
        """A table for `bytes.translate` that keeps line ends; NUL, which never stays, stands for what is deleted."""
        table = bytearray(range(256))
        for code in range(128):
            table[code] = ord(self.of_text(chr(code)) or "\0")
        table[ord("\n")] = ord("\n")
        return bytes(table)

    @functools.cached_property
    def _changing(self) -> re.Pattern[str]:
        """Characters beyond ASCII to replace; above U+FFFF all are looked at, since `re` is slow on sets of them."""
        basic = (char for char in map(chr, range(0x80, 0x10000)) if self.table.replacement(char) != char)
        return re.compile(f"[{''.join(basic)}\U00010000-\U0010ffff]")

    def of_ascii_lines(self, lines: Sequence[str]) -> list[bytes]:
        """Stripped ASCII lines, normalised."""
        return self._of_bytes("\n".join(lines).encode()) if lines else []

    def of_lines(self, lines: Sequence[str]) -> list[bytes]:
        """Stripped lines, normalised, as UTF-8."""
        if not lines:
            return []
        text = self._changing.sub(lambda found: self.table[ord(found[0])], self.fold("\n".join(lines)))
        return self._of_bytes(text.encode())

    def _of_bytes(self, text: bytes) -> list[bytes]:
        return text.translate(self._ascii).replace(b"\0", b"").split(b"\n")


_RULES: Mapping[Normalise, _Rule] = MappingProxyType({
    "ccnet-code": _Rule(str.lower, _Table(_is_deleted_by_code)),
    "ccnet-paper": _Rule(_lower_and_decompose, _Table(_is_deleted_by_paper)),
})  # fmt: skip


def _sha1(lines: Sequence[bytes]) -> Hashes:
    digests = b"".join([hashlib.sha1(line).digest() for line in lines])
    return np.frombuffer(digests, _SHA1)["key"].astype(np.uint64)


def _xxh3(lines: Sequence[bytes]) -> Hashes:
    return np.fromiter(map(xxhash.xxh3_64_intdigest, lines), np.uint64, len(lines))


_HASHES: Mapping[Hash, Callable[[Sequence[bytes]], Hashes]] = MappingProxyType({"sha1": _sha1, "xxh3": _xxh3})


def normalize_line(line: str, *, normalise: Normalise = "ccnet-code") -> str:
    """The line as it is compared: stripped, lower-cased, each digit 0, without controls and some punctuation.

    The line is stripped first, so a space beside punctuation that goes stays in the key. `ccnet-code` deletes 34
    characters of punctuation; `ccnet-paper` deletes all punctuation, ASCII too, and accents (and stays decomposed).

    >>> [normalize_line(line) for line in ("Hello, World! 42", "  Café № 7 – “quoted” …  ", "", "a\\tb\\xa0c")]
    ['hello, world! 00', 'café № 0  quoted ', '', 'ab\\xa0c']
    >>> normalize_line("１２３ ABC"), normalize_line("İstanbul") == "i\\u0307stanbul"
    ('000 abc', True)
    >>> normalize_line("  Café № 7 – “quoted” …  ", normalise="ccnet-paper")
    'cafe № 0  quoted '
    """
    return _RULES[normalise].of_text(line.strip())


def hash_line(line: str, *, hash: Hash = "sha1", normalise: Normalise = "ccnet-code") -> int:  # noqa: A002
    """The unsigned 64-bit hash of a normalised line: the first 8 bytes of its SHA-1, little endian, or its XXH3.

    >>> hash_line("Hello, World! 42"), hash_line("  Café № 7 – “quoted” …  "), hash_line("")
    (7511729300290188553, 4340948791318358917, 957977401221134810)
    >>> hash_line("a\\tb\\xa0c"), hash_line("１２３ ABC"), hash_line("İstanbul")
    (12006179364899433503, 14482628728959354023, 11837202549864154958)
    >>> hash_line("", hash="xxh3")
    3244421341483603138
    """
    return int(_HASHES[hash]([normalize_line(line, normalise=normalise).encode()])[0])


def hash_lines(texts: Sequence[str], *, hash: Hash = "sha1", normalise: Normalise = "ccnet-code") -> list[Hashes]:  # noqa: A002
    """For each text the hashes of its lines, in order: what `hash_line` gives for each, found for many at once.

    Lines end with "\\n" alone, and the empty text has one line, an empty one.

    >>> [hashes.tolist() for hashes in hash_lines(["Hello, World! 42\\n", ""])]
    [[7511729300290188553, 957977401221134810], [957977401221134810]]
    """
    digest, rule = _HASHES[hash], _RULES[normalise]
    hashes: list[Hashes] = []
    for batch in _batches(texts):
        if len(batch) > 1:
            hashes += _hash_batch(batch, digest, rule)
        else:
            hashes.append(np.concatenate([_hash_batch([piece], digest, rule)[0] for piece in _pieces(batch[0])]))
    return hashes


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """The texts in runs of at most a batch; a longer text comes alone."""
    start = n_chars = 0
    for end, text in enumerate(texts):
        if end > start and n_chars + len(text) > BATCH_CHARS:
            yield texts[start:end]
            start, n_chars = end, 0
        n_chars += len(text)
    if texts:
        yield texts[start:]


def _pieces(text: str) -> Iterator[str]:
    """A text cut at line ends, about a batch apart."""
    start = 0
    while (end := text.find("\n", start + BATCH_CHARS)) >= 0:
        yield text[start:end]
        start = end + 1
    yield text[start:]


def _hash_batch(texts: Sequence[str], digest: Callable[[Sequence[bytes]], Hashes], rule: _Rule) -> list[Hashes]:
    lines = [text.split("\n") for text in texts]
    ends = [0, *accumulate(map(len, lines))]
    numbers: defaultdict[str, int] = defaultdict(count().__next__)  # of the distinct lines, as they come
    which = np.fromiter(map(numbers.__getitem__, chain.from_iterable(lines)), np.intp, ends[-1])
    stripped = [*map(str.strip, numbers)]
    is_ascii = [*map(str.isascii, stripped)]
    mask = np.array(is_ascii)
    hashes = np.empty(len(stripped), np.uint64)
    hashes[mask] = digest(rule.of_ascii_lines([*compress(stripped, is_ascii)]))
    hashes[~mask] = digest(rule.of_lines([*compress(stripped, ~mask)]))
    of_all = hashes[which]
    return [of_all[start:end] for start, end in pairwise(ends)]
