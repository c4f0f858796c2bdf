"""Many token files made one: so that a shard of a large corpus reads long pieces of few files.

A shard takes one arc of the circle from every token file of a source. Of a crawl these are hundreds of thousands of
pieces of some kB; of merged files, each of hundreds of them, a thousand pieces of some hundred kB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..mixtures.circle import CIRCLE
from ..storage import key_ranges
from .tokens import INDEX, Ids, Index, TokenFile, take


def merge(files: Sequence[TokenFile], arcs: int) -> Iterator[tuple[Ids, Index]]:
    """The documents of token files in ascending order key, an arc of the circle at a time, as tokens and index.

    In the index `start` counts from the first arc on, and `file` is the rank of a document's file. Documents with equal
    keys keep the order of files, and of rows: a shard has the same bytes from merged files.

    >>> a, b = (TokenFile(np.zeros(1, INDEX), np.array([n, n], "<u2")) for n in (7, 8))
    >>> a.index["length"], b.index["length"], a.index["key"] = 2, 2, 1 << 63
    >>> [(ids.tolist(), index[["start", "file"]].tolist()) for ids, index in merge([a, b], 2)]
    [([8, 8], [(0, 1)]), ([7, 7], [(2, 0)])]
    """
    written = 0
    for start, stop in key_ranges(arcs):
        texts, indexes = [], [np.zeros(0, INDEX)]
        for rank, file in enumerate(files):
            for rows in file.arc(start, stop % CIRCLE):
                index = file.index[rows].copy()
                texts.append(file.text(index))
                index["file"] = rank
                indexes.append(index)
        index = np.concatenate(indexes)
        lengths, order = index["length"].astype(np.int64), np.argsort(index["key"], kind="stable")
        ids = take(np.concatenate(texts), lengths, order) if texts else np.zeros(0, files[0].tokens.dtype)
        index = index[order]
        index["start"] = written + np.cumsum(lengths[order]) - lengths[order]
        written += len(ids)
        yield ids, index
