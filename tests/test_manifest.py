"""Digests of a corpus: the same for the same documents, whatever their order and their files; parts of a manifest."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill import manifest
from corpusmill.manifest import MANIFEST, add_digests, digest_of, hex_digest, read_manifest
from corpusmill.shards.spec import digest_of_documents
from corpusmill.storage import open_read

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


@pytest.mark.parametrize(
    "folders",
    [
        pytest.param(["documents", "dropped"], id="two"),
        pytest.param(["documents"], id="one"),
        pytest.param(["tokenizer"], id="of one file"),
        pytest.param(["shards"], id="none"),
    ],
)
def test_of_a_manifest_some_folders_are_read(
    folders: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{folder}/{n:04d}" for folder in ("documents", "dropped") for n in range(300)]
    names += [f"work/{n:06d}" for n in range(50_000)]
    names += ["documents", "documents-of/x", "documents.json", "documents0", "droppe", "tokenizer/tokenizer.model"]
    names.sort()
    rows = [
        dict.fromkeys(("rows", "bytes"), 0)
        | {name: hashlib.sha256(path.encode()).hexdigest() for name in ("phase", "item", "fingerprint")}
        | {"path": path, "sha256": hashlib.sha256(path.encode()).hexdigest()}
        for path in names
    ]
    pq.write_table(pa.Table.from_pylist(rows, MANIFEST), tmp_path / "manifest.parquet", row_group_size=1000)
    n_bytes = 0

    def counted(url: str) -> Any:
        nonlocal n_bytes
        file = open_read(url)
        read = file.read

        def reading(size: int = -1) -> bytes:
            nonlocal n_bytes
            n_bytes += len(data := read(size))
            return data

        monkeypatch.setattr(file, "read", reading, raising=False)
        return file

    monkeypatch.setattr(manifest, "open_read", counted)
    found = read_manifest(str(tmp_path), ["path", "sha256"], *folders).to_pylist()
    assert [row["path"] for row in found] == [
        path for path in names if any(path.startswith(f"{one}/") for one in folders)
    ]
    assert all(row["sha256"] == hashlib.sha256(row["path"].encode()).hexdigest() for row in found)
    assert 0 < n_bytes < (tmp_path / "manifest.parquet").stat().st_size / 20
