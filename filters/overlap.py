"""Books that stand in other books: another edition, or one volume of a complete edition.

The content of a book is the set of its word 5-grams (`content_hashes`). Book A is covered by book B where more than
90 % of the content of A is in B; the share of B does not matter, so a *Hamlet* is covered by the *Complete Works*,
never these by it. Of two books that cover each other the one stays whose collection comes first, then the longer, then
that of the smaller id: books are looked at in this order, and each goes that a book which stays covers.

`drop_covered` is the whole rule in memory. A pipeline does the same over files: hash each book; find pairs that may
cover (`SampleIndex`, `EnsembleIndex`), with the content of one book at hand at a time; count exactly what the books of
each pair share (`verify`); and `decide` over the shares alone.

Source: LLaMA (2023), section 2.1: "book level deduplication, removing books with more than 90% content overlap".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from .overlap_content import Hashes, containment_of, content_hashes
from .overlap_ensemble import EnsembleIndex, ensemble_pairs, signature
from .overlap_samples import RECORD, SampleIndex, records, sample

__all__ = [
    "RECORD",
    "Book",
    "Candidates",
    "Decision",
    "EnsembleIndex",
    "Hashes",
    "SampleIndex",
    "containment",
    "containment_of",
    "content_hashes",
    "decide",
    "drop_covered",
    "ensemble_pairs",
    "find_pairs",
    "records",
    "sample",
    "signature",
    "verify",
]

THRESHOLD = 0.9
Candidates = Literal["sampled", "ensemble", "both"]
Key = TypeVar("Key", str, int)


@dataclass(frozen=True, slots=True)
class Book:
    """What decides between books: the collection's place (0 comes first) and the number of hashes of the content."""

    id: str
    priority: int
    length: int

    @property
    def order(self) -> tuple[int, int, str]:
        """Books are looked at in this order: the collection, the longest first, the id."""
        return self.priority, -self.length, self.id


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a book.

    `covered_by` is the book that stays and holds the largest share of this one, None where this one stays itself.
    `cluster` is the first book that stays of all that are linked by covering, directly or through others.
    """

    id: str
    covered_by: str | None = None
    share: float = 0.0
    cluster: str | None = None

    @property
    def kept(self) -> bool:
        return self.covered_by is None


def containment(a: str, b: str) -> float:
    """The share of a text's content that stands in another; 0.0 where it has none.

    >>> containment("To be, or not to be: that is", "He said: TO BE OR NOT TO BE that is the question.")
    1.0
    >>> containment("one two three four five six", "one two three four five"), containment("", "one")
    (0.5, 0.0)
    """
    return containment_of(content_hashes(a), content_hashes(b))


def find_pairs(
    contents: Sequence[Hashes], candidates: Candidates = "both", threshold: float = THRESHOLD
) -> set[tuple[int, int]]:
    """The pairs (a, b) of books, by their places, where b may hold more than the threshold of a.

    >>> import numpy as np
    >>> a, b = np.arange(50, dtype=np.uint64), np.arange(1, 1000, dtype=np.uint64)
    >>> find_pairs([a, b])
    {(0, 1)}
    """
    pairs: set[tuple[int, int]] = set()
    if candidates != "ensemble":
        index = SampleIndex(records(enumerate(map(sample, contents))), threshold)
        for b, hashes in enumerate(contents):
            pairs.update((a, b) for a in index.candidates(hashes)[0].tolist())
    if candidates != "sampled":
        sizes, signatures = [*map(len, contents)], [*map(signature, contents)]
        pairs.update(ensemble_pairs(range(len(contents)), signatures, sizes, threshold))
    return {(a, b) for a, b in pairs if a != b}


def verify(pairs: Iterable[tuple[Key, Key]], hashes_of: Callable[[Key], Hashes]) -> dict[tuple[Key, Key], float]:
    """The exact share of the first book's content in the second's, of each pair; two books at a time are held.

    Pairs with the same first book come together, so that it is opened once.

    >>> import numpy as np
    >>> contents = {"a": np.array([1, 2, 3, 4], np.uint64), "b": np.array([2, 3, 4, 5, 6], np.uint64)}
    >>> verify([("a", "b"), ("b", "a")], contents.__getitem__)
    {('a', 'b'): 0.75, ('b', 'a'): 0.6}
    """
    shares: dict[tuple[Key, Key], float] = {}
    opened, hashes = None, None
    for a, b in sorted(set(pairs)):
        if hashes is None or a != opened:
            opened, hashes = a, hashes_of(a)
        shares[a, b] = containment_of(hashes, hashes_of(b))
    return shares


def decide(
    books: Iterable[Book], containments: Mapping[tuple[str, str], float], threshold: float = THRESHOLD
) -> list[Decision]:
    """Which books stay, in the order in which they are looked at; the order they are given in does not matter.

    Args:
        containments: (a, b) → the share of a's content in b, of all pairs where it is above the threshold.

    >>> books = [Book("volume", 0, 30), Book("works", 0, 90), Book("scan", 1, 99)]
    >>> for decision in decide(books, {("volume", "works"): 1.0, ("scan", "works"): 0.9, ("works", "scan"): 0.95}):
    ...     print(decision)
    Decision(id='works', covered_by=None, share=0.0, cluster='works')
    Decision(id='volume', covered_by='works', share=1.0, cluster='works')
    Decision(id='scan', covered_by=None, share=0.0, cluster='works')
    """
    ordered = sorted(books, key=lambda book: book.order)
    place = {book.id: number for number, book in enumerate(ordered)}
    above = {pair: share for pair, share in containments.items() if share > threshold}
    covers: dict[str, list[tuple[float, int, str]]] = {}
    for (a, b), share in above.items():
        if place[b] < place[a]:
            covers.setdefault(a, []).append((-share, place[b], b))
    decisions: dict[str, Decision] = {}
    clusters = _clusters(above, place)
    for book in ordered:
        kept = [cover for cover in covers.get(book.id, []) if decisions[cover[2]].kept]
        share, _, cover = min(kept, default=(0.0, 0, None))
        decisions[book.id] = Decision(book.id, cover, abs(share), clusters.get(book.id))
    return list(decisions.values())


def _clusters(pairs: Iterable[tuple[str, str]], place: Mapping[str, int]) -> dict[str, str]:
    """The first book of those that each one is linked to. It stays: no book before it covers it."""
    leader: dict[str, str] = {}

    def first_of(book: str) -> str:
        while (above := leader.setdefault(book, book)) != book:
            leader[book] = book = leader[above]
        return book

    for pair in pairs:
        first, second = sorted(map(first_of, pair), key=place.__getitem__)
        leader[second] = first
    return {book: first_of(book) for book in list(leader)}


def drop_covered(
    collections: Sequence[Mapping[str, str]], *, threshold: float = THRESHOLD, candidates: Candidates = "both"
) -> list[Decision]:
    """Texts of books by id, a mapping for each collection, those first whose books stay: what becomes of each.

    >>> play = "To be, or not to be, that is the question"
    >>> works = {"works": f"{play}. Now is the winter of our discontent made glorious summer"}
    >>> [(one.id, one.covered_by) for one in drop_covered([{"play": play}, works])]
    [('play', None), ('works', None)]
    >>> [(one.id, one.covered_by) for one in drop_covered([works, {"play": play}])]
    [('works', None), ('play', 'works')]
    """
    texts = {id_: (priority, text) for priority, books in enumerate(collections) for id_, text in books.items()}
    contents = [content_hashes(text) for _, text in texts.values()]
    books = [
        Book(id_, priority, len(hashes)) for (id_, (priority, _)), hashes in zip(texts.items(), contents, strict=True)
    ]
    shares = verify(find_pairs(contents, candidates, threshold), contents.__getitem__)
    return decide(books, {(books[a].id, books[b].id): share for (a, b), share in shares.items()}, threshold)
