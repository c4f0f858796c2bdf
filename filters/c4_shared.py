"""What pages of C4 have in common: three sentences in a row, or a line, of which one page keeps the only copy.

The paper drops "all but one of any three-sentence span"; the code drops lines. Either way the page keeps it whose
address hashes lowest, never the one that came first, so the order of pages does not matter. `drop_shared` is the whole
rule in memory. A pipeline does the same in two passes: it takes the keys of all pages (`span_keys`, `line_keys`), finds
which of them a page with a smaller `owner_key` has as well, and drops these there (`drop_spans`, `drop_lines`).

Source: C4 (Raffel et al. 2020), section 2.2 (`spans`), and its published code (`lines`).
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, chain
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt
import xxhash

from ..records import Reason
from .sentences import count_at_least, split

Keys = npt.NDArray[np.uint64]
Taken = npt.NDArray[np.bool_]
Rule = Literal["spans", "lines"]

SPAN_SENTENCES = 3
_SCHEME = re.compile(r"https?://(?:www\.)?")
_TRACKING = re.compile(r"\?(?:utm_|ref|feed).*")


def normalize_url(url: str) -> str:
    """The form in which C4 compares addresses: without scheme, `www.`, the queries of feeds and links, and end slashes.

    `urls.normalize_url` is the better form (it knows hosts, ports and escapes); this one decides which of
    several pages C4 itself kept, so it is as simple as its code.

    >>> normalize_url("https://www.example.org/a/?utm_source=b"), normalize_url("http://example.org/?page=2&ref=b")
    ('example.org/a', 'example.org/?page=2&ref=b')
    """
    return _TRACKING.sub("", _SCHEME.sub("", url)).rstrip("/")


def owner_key(url: str) -> int:
    """What decides which page keeps what several have: the smallest does. The order is that of MD5 in hexadecimal.

    >>> owner_key("http://www.example.org/") == owner_key("https://example.org")
    True
    >>> f"{owner_key('example.org'):016x}", hashlib.md5(b"example.org").hexdigest()
    ('1bdf72e04d6b50c8', '1bdf72e04d6b50c82a48c7e4dd38cc69')
    """
    digest = hashlib.md5(normalize_url(url).encode(errors="surrogatepass"), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "big")


def span_keys(text: str, n: int = SPAN_SENTENCES) -> Keys:
    """A hash of each `n` sentences in a row of the text, across its lines; case and the width of white space aside.

    What is hashed (XXH3, 64 bits) is the sentences in lower case with one space between all words.

    >>> span_keys("One. Two.\\nThree.  Four.").tolist() == span_keys("one.\\ntwo. three.\\nFOUR.").tolist()
    True
    >>> len(span_keys("One. Two. Three. Four.")), len(span_keys("One. Two."))
    (2, 0)
    """
    sentences = chain.from_iterable(map(split, text.split("\n")))
    plain = [" ".join(sentence.lower().split()).encode(errors="surrogatepass") for sentence in sentences]
    page = b" ".join(plain)
    starts = list(accumulate((len(sentence) + 1 for sentence in plain), initial=0))
    spans = zip(starts, starts[n:], strict=False)  # there are n fewer ends
    return _array(xxhash.xxh3_64_intdigest(page[start : end - 1]) for start, end in spans)


def line_keys(text: str) -> Keys:
    """A hash (XXH3, 64 bits) of each line of the text, stripped and in lower case.

    >>> first, second = line_keys("One line. \\n one LINE.")
    >>> bool(first == second)
    True
    """
    lines = text.lower().split("\n")
    return _array(xxhash.xxh3_64_intdigest(line.strip().encode(errors="surrogatepass")) for line in lines)


def drop_spans(text: str, taken: Taken, *, keys: Keys | None = None) -> tuple[str | None, Counter[Reason]]:
    """The text without the sentences of spans that are taken or stand in it before, and how many lines that cost.

    `taken` has one value a span; `keys` spares hashing them again. A span never takes sentences of its own first
    occurrence. What stays of a line keeps the white space before each sentence. None when only white space is left.

    >>> drop_spans("Ah! Ah!\\nAh! Ah!", np.zeros(2, bool))[0]
    'Ah! Ah!\\nAh!'
    >>> left, dropped = drop_spans("One. Two.\\nThree.\\nFour.  Five.", np.array([False, True, False]))
    >>> left, {str(reason): n for reason, n in dropped.items()}
    ('One.\\nFive.', {'c4.shared_span': 1})
    >>> drop_spans("One. Two. Three.", np.ones(1, bool))[0] is None
    True
    """
    return _joined(_without_spans(text, span_keys(text) if keys is None else keys, taken))


def drop_lines(text: str, taken: Taken, *, keys: Keys | None = None) -> tuple[str | None, Counter[Reason]]:
    """The text without lines that are taken or stand in it before, and how many they are; the same for lines.

    >>> drop_lines("One.\\nTwo.\\none. \\nThree.", np.array([False, True, False, False]))[0]
    'One.\\nThree.'
    """
    return _joined(_without_lines(text, line_keys(text) if keys is None else keys, taken))


def shared_reasons(text: str, keys: Keys, taken: Taken, rule: Rule = "spans") -> list[Reason | None]:
    """Why each line of a text goes by `drop_spans` or `drop_lines`; None where it stays, or some of its sentences.

    >>> text = "One. Two.\\nThree."
    >>> shared_reasons(text, span_keys(text), np.array([True]))
    [<Reason.C4_SHARED_SPAN: 'c4.shared_span'>, <Reason.C4_SHARED_SPAN: 'c4.shared_span'>]
    """
    _, without = _RULES[rule]
    return [Reason.C4_SHARED_SPAN if line is None else None for line in without(text, keys, taken)]


def drop_shared(pages: Sequence[tuple[str, str]], rule: Rule = "spans", *, min_sentences: int = 3) -> list[str | None]:
    """Texts of pages, given with their addresses, without what another page keeps; None where too little is left.

    Pages of one address are one owner, and keep the same; C4 has only one of them.

    >>> shared, own = "It is everywhere. It is always the same. Nobody reads it.", "Ah! Oh! So this is new."
    >>> drop_shared([("http://a.org", shared), ("http://b.org", f"{shared}\\n{own}")])
    ['It is everywhere. It is always the same. Nobody reads it.', 'Ah! Oh! So this is new.']
    """
    keys_of, without = _RULES[rule]
    owners = [owner_key(url) for url, _ in pages]
    keys = [keys_of(text) for _, text in pages]
    smallest: dict[int, int] = {}
    for owner, own in zip(owners, keys, strict=True):
        for key in own.tolist():
            smallest[key] = min(owner, smallest.get(key, owner))
    left: list[str | None] = []
    for (_, text), owner, own in zip(pages, owners, keys, strict=True):
        taken = np.array([smallest[key] != owner for key in own.tolist()], bool)
        remaining, _ = _joined(without(text, own, taken))
        enough = remaining is not None and count_at_least(remaining.split("\n"), min_sentences)
        left.append(remaining if enough else None)
    return left


def _without_spans(text: str, keys: Keys, taken: Taken) -> list[str | None]:
    """What stays of each line; None where no sentence does."""
    lines = text.split("\n")
    gone = _gone_sentences(keys.tolist(), taken.tolist())
    if not any(gone):
        return [*lines]
    sentences = [split(line) for line in lines]
    if sum(map(len, sentences)) != len(gone):
        raise ValueError("these keys are of another text")
    going = iter(gone)
    of_lines = [[(sentence, next(going)) for sentence in of_line] for of_line in sentences]
    return [_without_sentences(line, of_line) for line, of_line in zip(lines, of_lines, strict=True)]


def _gone_sentences(keys: Sequence[int], taken: Sequence[bool]) -> list[bool]:
    """For each sentence of a text, whether a span takes it."""
    gone = [False] * (len(keys) + SPAN_SENTENCES - 1)
    first: dict[int, int] = {}
    for start, (key, is_taken) in enumerate(zip(keys, taken, strict=True)):
        end = start + SPAN_SENTENCES
        if not is_taken:
            start = max(start, first.setdefault(key, start) + SPAN_SENTENCES)
        for number in range(start, end):
            gone[number] = True
    return gone


def _without_sentences(line: str, sentences: Sequence[tuple[str, bool]]) -> str | None:
    """What stays of a line, given each of its sentences and whether it goes; None where none stays."""
    if not any(is_gone for _, is_gone in sentences):
        return line
    kept: list[str] = []
    start = 0
    for sentence, is_gone in sentences:
        end = line.index(sentence, start) + len(sentence)
        if not is_gone:
            kept.append(line[start:end])
        start = end
    return "".join(kept).strip() if kept else None


def _without_lines(text: str, keys: Keys, taken: Taken) -> list[str | None]:
    """Each line that stays; None where it goes."""
    left: list[str | None] = []
    seen: set[int] = set()
    for line, key, is_taken in zip(text.split("\n"), keys.tolist(), taken.tolist(), strict=True):
        left.append(None if is_taken or key in seen else line)
        seen.add(key)
    return left


def _joined(lines: Sequence[str | None]) -> tuple[str | None, Counter[Reason]]:
    """The text of what stays, None if that is only white space, and how many lines go."""
    kept = [line for line in lines if line is not None]
    n_gone = len(lines) - len(kept)
    return "\n".join(kept) if any(map(str.strip, kept)) else None, +Counter({Reason.C4_SHARED_SPAN: n_gone})


def _array(hashes: Iterable[int]) -> Keys:
    return np.fromiter(hashes, np.uint64)


_RULES: Mapping[Rule, tuple[Callable[[str], Keys], Callable[[str, Keys, Taken], list[str | None]]]] = MappingProxyType({
    "spans": (span_keys, _without_spans),
    "lines": (line_keys, _without_lines),
})  # fmt: skip
