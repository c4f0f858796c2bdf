"""CCNet's line deduplication: a line that stands in several documents is boilerplate, and goes.

`drop_shared_lines` is the whole rule in memory. A pipeline does the same in two passes: it hashes the lines of all
documents (`hash_lines`), finds which hashes documents share, and drops those lines of each document (`drop_lines`).
CCNet says paragraph for what is a line here.   Source: CCNet (Wenzek et al. 2020), section 3.2, and its published code.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..records import Reason
from .ccnet_lines import Hash, Hashes, Normalise, hash_line, hash_lines, normalize_line

__all__ = [
    "Hash",
    "Hashes",
    "Keep",
    "Normalise",
    "drop_lines",
    "drop_shared_lines",
    "hash_line",
    "hash_lines",
    "line_reasons",
    "normalize_line",
    "split_title",
]

Keep = Literal["none", "first"]

_OUTER_SPACE = re.compile(r"\n(?:[^\S\n]|(?<=[^\S\n]\n))")
"""White space before or after a line end. It begins with a literal, so that the search jumps from line to line."""


def split_title(body: str) -> tuple[str, str]:
    """The first line of a WET record's body, its title, and the other lines, the text; all lines stripped.

    Lines end with "\\n", "\\r\\n" or "\\r" here; one line end at the end of the body closes its last line.

    >>> split_title("Title\\r\\n  one\\ttwo \\r\\n\\r\\nthree\\r\\n")
    ('Title', 'one\\ttwo\\n\\nthree')
    >>> split_title("Title\\n"), split_title("")
    (('Title', ''), ('', ''))
    """
    if "\r" in body:
        body = body.replace("\r\n", "\n").replace("\r", "\n")
    body = body.removesuffix("\n")
    if _OUTER_SPACE.search(f"\n{body}\n"):
        body = "\n".join(map(str.strip, body.split("\n")))
    title, _, text = body.partition("\n")
    return title, text


def drop_lines(text: str, hashes: Hashes, shared: npt.NDArray[np.bool_]) -> tuple[str | None, Counter[Reason]]:
    """The text without its shared lines and without lines that it repeats, and how many went, by reason.

    `hashes` and `shared` have one value a line. Of a line that the text repeats the first stays. None when no line is
    left; a blank line is a line, so "" is a text of one line.

    >>> text = "menu\\none\\ntwo\\none"
    >>> left, dropped = drop_lines(text, *[hash_lines([text])[0]], np.array([True, False, False, False]))
    >>> left, {str(reason): n for reason, n in dropped.items()}
    ('one\\ntwo', {'ccnet.shared_line': 1, 'ccnet.repeated_line': 1})
    """
    kept: dict[int, str] = {}
    for line, value, is_shared in zip(text.split("\n"), hashes.tolist(), shared.tolist(), strict=True):
        if not is_shared:
            kept.setdefault(value, line)
    n_shared = int(np.count_nonzero(shared))
    counts = {Reason.CCNET_SHARED_LINE: n_shared, Reason.CCNET_REPEATED_LINE: len(hashes) - n_shared - len(kept)}
    return "\n".join(kept.values()) if kept else None, +Counter(counts)


def line_reasons(hashes: Hashes, shared: npt.NDArray[np.bool_]) -> list[Reason | None]:
    """Why each line of a text goes by `drop_lines`; None where it stays.

    >>> line_reasons(np.array([7, 8, 8], np.uint64), np.array([True, False, False]))[::2]
    [<Reason.CCNET_SHARED_LINE: 'ccnet.shared_line'>, <Reason.CCNET_REPEATED_LINE: 'ccnet.repeated_line'>]
    """
    first = {value: number for number, value in reversed(list(enumerate(hashes.tolist())))}
    return [
        Reason.CCNET_SHARED_LINE if gone else None if first[value] == number else Reason.CCNET_REPEATED_LINE
        for number, (value, gone) in enumerate(zip(hashes.tolist(), shared.tolist(), strict=True))
    ]


def drop_shared_lines(
    shards: Sequence[Sequence[str]],
    keep: Keep = "none",
    *,
    hash: Hash = "sha1",  # noqa: A002
    normalise: Normalise = "ccnet-code",
) -> list[list[str | None]]:
    """All texts without the lines that several of them have, in the shape of `shards`; None where no line is left.

    With `keep="none"` a line that stands in two or more documents goes from all of them; with "first" the first
    document, in order of shards and texts, keeps it.

    >>> shards = [["_Hello\\n_World\\nI'm so original"], ["_world\\nI'm originaler\\n_Hello", "_hello"]]
    >>> drop_shared_lines(shards)
    [["I'm so original"], ["I'm originaler", None]]
    >>> drop_shared_lines(shards, "first")
    [["_Hello\\n_World\\nI'm so original"], ["I'm originaler", None]]
    """
    texts = list(chain.from_iterable(shards))
    hashes = hash_lines(texts, hash=hash, normalise=normalise)
    masks = _SHARED[keep](hashes)
    left = iter([drop_lines(*document)[0] for document in zip(texts, hashes, masks, strict=True)])
    return [[next(left) for _ in shard] for shard in shards]


def _in_several(hashes: Sequence[Hashes]) -> Iterator[npt.NDArray[np.bool_]]:
    """For each document, which of its hashes stand in two or more."""
    n_documents = Counter(chain.from_iterable(set(own.tolist()) for own in hashes))
    for own in hashes:
        yield np.array([n_documents[value] > 1 for value in own.tolist()])


def _in_earlier(hashes: Sequence[Hashes]) -> Iterator[npt.NDArray[np.bool_]]:
    """For each document, which of its hashes stand in an earlier one."""
    seen: set[int] = set()
    for own in hashes:
        yield np.array([value in seen for value in own.tolist()])
        seen.update(own.tolist())


_SHARED: Mapping[Keep, Callable[[Sequence[Hashes]], Iterator[npt.NDArray[np.bool_]]]] = MappingProxyType({
    "none": _in_several,
    "first": _in_earlier,
})  # fmt: skip
