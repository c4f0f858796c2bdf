"""Files are published whole or not at all, and inputs are known by their content."""

import os
from pathlib import Path

import numpy as np
import pytest

from corpusmill import storage
from corpusmill.errors import SourceError


@pytest.mark.parametrize("place", ["folder", "memory"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(place: str, tmp_path: Path) -> None:
    folder = str(tmp_path) if place == "folder" else f"memory://{tmp_path.name}"
    url = storage.join(folder, "deep/file")
    storage.publish(url, b"old")
    with pytest.raises(RuntimeError), storage.publishing(url) as file:
        file.write(b"new and hal")
        raise RuntimeError
    assert storage.read_bytes(url) == b"old"
    assert storage.sizes(folder) == {"deep/file": 3}


def test_the_digest_is_of_what_was_written(tmp_path: Path) -> None:
    import hashlib

    published = storage.publish(str(tmp_path / "a"), b"abc")
    assert (published.bytes, published.sha256) == (3, hashlib.sha256(b"abc").hexdigest())


def test_a_copy_outlives_its_source_and_replaces_what_was_there(tmp_path: Path) -> None:
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    storage.publish(a, b"1")
    storage.publish(b, b"2")
    storage.publish_copy(a, b)
    storage.publish_copy(a, b)  # a second time: both are one file by now
    storage.remove(a)
    assert storage.read_bytes(b) == b"1"
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_identity_follows_content_not_age_or_place(tmp_path: Path) -> None:
    def identity(folder: str, data: bytes, age: int) -> str:
        path = tmp_path / folder / "x"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (age, age))
        return storage.identified(storage.find_inputs(str(path.parent), "*"))[0].identity

    data = os.urandom(3 * storage.MIB)
    middle = bytearray(data)
    middle[len(data) // 2] ^= 1
    assert identity("a", data, 1) == identity("b", data, 2)
    assert identity("a", bytes(middle), 1) != identity("b", data, 1)
    assert identity("a", data + b"x", 1) != identity("b", data, 1)


def test_inputs_are_sorted(tmp_path: Path) -> None:
    tmp_path = tmp_path / "a [b] * ?"  # the folder is no pattern
    tmp_path.mkdir()
    for name in ("b.xml", "a.xml", "c.txt"):
        (tmp_path / name).touch()
    assert [one.name for one in storage.find_inputs(str(tmp_path), "*.xml")] == ["a.xml", "b.xml"]


@pytest.mark.parametrize("place", ["folder", "memory"])
def test_arrays_are_read_by_range_wherever_they_lie(place: str, tmp_path: Path) -> None:
    url = storage.join(str(tmp_path) if place == "folder" else f"memory://{tmp_path.name}", "numbers")
    storage.publish(url, np.arange(10, dtype="<u2").tobytes())
    array = storage.map_array(url, "<u2")
    assert len(array) == 10
    assert array[3:5].tolist() == [3, 4]
    assert array[9:99].tolist() == [9]
    assert array[5:5].tolist() == []
    storage.publish(url, b"")
    assert len(storage.map_array(url, "<u2")) == 0


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be opened"):
        storage.open_read(str(tmp_path / "nothing"))
    assert storage.read_json(str(tmp_path / "nothing")) is None


def test_what_other_processes_publish_is_seen(tmp_path: Path) -> None:
    """Object stores cache their listings: a file that came after a listing must be found all the same."""
    import fsspec
    from fsspec.implementations.memory import MemoryFileSystem

    class Caching(MemoryFileSystem):
        """As s3fs does: `find` fills the cache of listings, and `info` asks it first."""

        protocol = "caching"

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return MemoryFileSystem._strip_protocol(path.replace("caching://", "memory://"))

        def find(self, path: str, *rest: object, **more: object) -> object:
            self.dircache[path] = list(MemoryFileSystem.find(self, path))
            return MemoryFileSystem.find(self, path, *rest, **more)

        def _open(self, path: str, *rest: object, **more: object) -> object:
            if any(path.startswith(f"{folder}/") and path not in names for folder, names in self.dircache.items()):
                raise FileNotFoundError(path)
            return MemoryFileSystem._open(self, path, *rest, **more)

    fsspec.register_implementation("caching", Caching, clobber=True)
    storage.write_json("caching://bucket/receipts/a.json", 1)
    assert storage.sizes("caching://bucket/receipts") == {"a.json": 2}
    storage.write_json("caching://bucket/receipts/b.json", 2)
    assert storage.read_json("caching://bucket/receipts/b.json") == 2


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_no_file_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    {"link": lambda: path.symlink_to("nowhere"), "pipe": lambda: os.mkfifo(path), "folder": path.mkdir}[kind]()
    with pytest.raises(SourceError, match=r"a\.xml"):
        storage.find_inputs(str(tmp_path), "*.xml")


def test_names_that_fsspec_would_take_apart(tmp_path: Path) -> None:
    folder = tmp_path / "a::b"
    storage.publish(str(folder / "file"), b"x")
    assert storage.read_bytes(str(folder / "file")) == b"x"
    assert [one.name for one in storage.find_inputs(str(folder), "*")] == ["file"]
