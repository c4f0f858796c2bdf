"""Digests of a corpus: the same for the same documents, whatever their order and their files."""

import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.manifest import add_digests, digest_of, hex_digest
from corpusmill.shards.spec import digest_of_documents

DOCUMENTS = st.lists(st.tuples(st.text(max_size=5), st.text(max_size=9)), max_size=8)


@given(DOCUMENTS, st.randoms(), st.integers(0, 8))
def test_neither_order_nor_files_matter(documents: list, random, cut: int) -> None:
    whole = add_digests(*(digest_of(*one) for one in documents))
    shuffled = random.sample(documents, len(documents))
    parts = [add_digests(*(digest_of(*one) for one in part)) for part in (shuffled[:cut], shuffled[cut:])]
    assert add_digests(*parts) == whole
    for one in documents:
        assert add_digests(whole, -digest_of(*one), digest_of(*one)) == whole
        assert add_digests(whole, digest_of(*one)) != whole  # a second copy is another corpus


def test_a_digest_is_what_the_readme_says() -> None:
    expected = [int(hashlib.sha256(data).hexdigest(), 16) for data in (b"a\0one", b"b\0two")]
    assert hex_digest(add_digests(digest_of("a", "one"), digest_of("b", "two"))) == f"{sum(expected) % 2**256:064x}"
    ids = np.array([1, 7, 2, 1, 2], "<u2")
    expected = [int(hashlib.sha256(b"books\0" + part.tobytes()).hexdigest(), 16) for part in (ids[:3], ids[3:])]
    found = digest_of_documents(ids, np.array([0, 3]), np.array([3, 2]), ["books", "books"])
    assert hex_digest(found) == f"{sum(expected) % 2**256:064x}"


def test_another_border_is_another_document() -> None:
    assert digest_of("a", "b\0c") != digest_of("ab", "c")
    ids = np.array([1, 7, 2, 1, 2], "<u2")
    one, other = (digest_of_documents(ids, np.array([0, n]), np.array([n, 5 - n]), ["a", "a"]) for n in (3, 2))
    assert one != other
