"""Files by URL, through fsspec: publish whole or not at all, list, read, and tell what an input is.

A URL is whatever fsspec takes: a plain path, `gs://…`, `s3://…`, `hf://…`, `memory://…`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import hashlib
import itertools
import json
import math
import os
import re
import shutil
import tempfile
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

import fsspec
import numpy as np
import numpy.typing as npt
from fsspec.implementations.local import LocalFileSystem

from .errors import ShardError, SourceError, UsageError

AGAIN = "The same command makes it again."
MIB = 1 << 20
ASIDE = ".tmp"
_GZIP = b"\x1f\x8b"
_MAX_LINE_BYTES = 16_384
LEFT_ASIDE = re.compile(r"(^|/)\.[0-9a-f]{32}" + re.escape(ASIDE) + "$")  # the name of a half-written file


@dataclass(frozen=True, slots=True)
class Published:
    """What a published file is: bytes, and their SHA-256, taken while writing."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Input:
    """One file of raw input. `name` is relative to `--inputs`; `identity` changes when its content does."""

    name: str
    url: str
    size: int
    identity: str


def filesystem(url: str) -> tuple[Any, str]:
    """The fsspec filesystem of a URL, and the path in it."""
    if "://" not in url:
        return LocalFileSystem(), str(Path(url).absolute())  # as it stands: fsspec would give `::` a meaning
    try:
        # A cached listing would hide what other processes have published meanwhile.
        fs, path = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        raise UsageError(f"{url}: {error}.") from error
    return fs, str(path)


def is_local(url: str) -> bool:
    """Whether a URL is a plain path on this machine."""
    return isinstance(filesystem(url)[0], LocalFileSystem)


def in_one_process(url: str) -> bool:
    """Whether what stands at a URL is seen by one process alone (`memory://`)."""
    return type(filesystem(url)[0]).__name__ == "MemoryFileSystem"


def absolute(url: str) -> str:
    """A URL that means the same in another working directory."""
    return filesystem(url)[1] if is_local(url) else url


def join(folder: str, *parts: str) -> str:
    """
    >>> join("gs://bucket/out/", "documents", "wikipedia")
    'gs://bucket/out/documents/wikipedia'
    """
    return "/".join([folder.rstrip("/") if folder != "/" else "", *parts])


def digest(*parts: object) -> str:
    """32 hex digits of anything that JSON can hold; the same on every machine.

    >>> digest("a", 1, {"y": 2, "x": 3}) == digest("a", 1, {"x": 3, "y": 2})
    True
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


class HashingFile:
    """A binary file to write to that counts and digests what goes through it (pyarrow takes it as it is)."""

    def __init__(self, file: BinaryIO):
        self.file, self.sha256, self.bytes = file, hashlib.sha256(), 0
        self.closed = False

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self.sha256.update(view)
        self.bytes += len(view)
        self.file.write(view)
        return len(view)

    def tell(self) -> int:
        return self.bytes

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def flush(self) -> None:
        self.file.flush()

    def close(self) -> None:
        """pyarrow closes what it is given; the file itself is closed by `publishing`, once it is safe."""

    @property
    def published(self) -> Published:
        return Published(self.bytes, self.sha256.hexdigest())


@contextlib.contextmanager
def publishing(url: str) -> Iterator[HashingFile]:
    """Write a file aside and give it its name at the end: whoever looks sees the whole file or none.

    The name aside is fresh for each attempt, so that a zombie of the same shard cannot tear this file, and brings the
    same bytes if it comes last. On an object store a local scratch file is uploaded in one put: closing an fsspec file
    after an exception would commit a torn upload.
    """
    fs, path = filesystem(url)
    if isinstance(fs, LocalFileSystem):
        final = Path(path)
        final.parent.mkdir(parents=True, exist_ok=True)
        aside = final.with_name(f".{uuid.uuid4().hex}{ASIDE}")
    else:
        handle, scratch = tempfile.mkstemp(suffix=ASIDE)
        os.close(handle)
        aside = Path(scratch)
    try:
        with aside.open("wb") as file:
            hashing = HashingFile(file)
            yield hashing
            file.flush()
            os.fsync(file.fileno())  # else a power cut can leave the new name on an empty file
        if isinstance(fs, LocalFileSystem):
            aside.replace(path)
        else:
            fs.makedirs(fs._parent(path), exist_ok=True)
            fs.put_file(str(aside), path)
    except OSError as error:
        error.filename = error.filename or url  # a full disk says of no file that it is full
        raise
    finally:
        aside.unlink(missing_ok=True)


def publish(url: str, data: bytes) -> Published:
    """Publish bytes that are at hand."""
    with publishing(url) as file:
        file.write(data)
    return file.published


def publish_copy(source: str, target: str) -> None:
    """Give a published file a second name: a hard link where the disk can, a copy in place where it cannot."""
    fs, path = filesystem(target)
    source_path = filesystem(source)[1]
    if not isinstance(fs, LocalFileSystem):
        fs.makedirs(fs._parent(path), exist_ok=True)
        fs.copy(source_path, path)
        return
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    aside = final.with_name(f".{uuid.uuid4().hex}{ASIDE}")
    try:
        try:
            os.link(source_path, aside)
        except OSError:
            shutil.copyfile(source_path, aside)
        # rename(2) does nothing when both names are links to one file already; unlink below then removes the spare.
        aside.replace(final)
    finally:
        aside.unlink(missing_ok=True)


def open_read(url: str, ahead: bool = True) -> BinaryIO:
    """A seekable binary file. Raises SourceError, with the URL, when it cannot be opened.

    Without `ahead` no more of it comes from a bucket than is read: a few columns, of many files.
    """
    fs, path = filesystem(url)
    more = {} if ahead or isinstance(fs, LocalFileSystem) else {"cache_type": "none"}
    try:
        return cast(BinaryIO, fs.open(path, "rb", **more))
    except OSError as error:
        raise SourceError(f"{url}: cannot be opened ({type(error).__name__}: {error}).") from error


def read_bytes(url: str) -> bytes:
    """The whole of a small file."""
    with open_read(url) as file:
        return file.read()


def read_lines(url: str) -> Iterator[str]:
    """The lines of a text file with their ends, one at a time; packed by gzip or not, as its first bytes tell.

    A byte order mark goes, and what is no UTF-8 becomes U+FFFD. Of a line longer than 16 KiB the beginning comes, with
    a NUL after it, so that its last word is not taken for a whole one.

    Raises:
        UsageError: the file cannot be opened, read or unpacked.
    """
    try:
        with open_read(url) as raw:
            packed = raw.read(len(_GZIP)) == _GZIP
            raw.seek(0)
            file = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if packed else raw
            while line := file.readline(_MAX_LINE_BYTES):
                is_cut = _goes_on(line)
                yield line.decode(errors="replace").removeprefix("\ufeff") + "\0" * is_cut
                while is_cut:
                    is_cut = _goes_on(file.readline(_MAX_LINE_BYTES))
    except SourceError as error:
        raise UsageError(f"{error} Expected a text file, packed by gzip or not.") from error
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(
            f"{url}: cannot be read ({type(error).__name__}: {error}). Expected a text file, packed by gzip or not."
        ) from error


def _goes_on(line: bytes) -> bool:
    return len(line) == _MAX_LINE_BYTES and not line.endswith(b"\n")


def read_range(url: str, start: int, stop: int) -> bytes:
    """Bytes [start, stop) of a file."""
    fs, path = filesystem(url)
    return cast(bytes, fs.cat_file(path, start, stop))


def sha256_of(url: str) -> str:
    """The SHA-256 of a whole file."""
    sha256 = hashlib.sha256()
    with open_read(url) as file:
        while block := file.read(MIB):
            sha256.update(block)
    return sha256.hexdigest()


@contextlib.contextmanager
def local_copy(url: str) -> Iterator[str]:
    """The path of a local file with the same bytes, for libraries that open nothing else. Gone when the block ends."""
    if is_local(url):
        yield filesystem(url)[1]
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = str(Path(folder, "copy"))
        fs, path = filesystem(url)
        fs.get_file(path, copy)
        yield copy


def read_json(url: str) -> Any:
    """A JSON file, or None when there is none or it is not whole."""
    try:
        return json.loads(read_bytes(url))
    except (SourceError, FileNotFoundError, ValueError):
        return None


def write_json(url: str, value: object) -> None:
    """Publish a value as JSON for people to read."""
    publish(url, (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())


def sizes(folder: str) -> dict[str, int]:
    """Every file below a folder: path relative to it → bytes. Empty when there is no such folder."""
    fs, path = filesystem(folder)
    try:
        found = fs.find(path, detail=True)
    except FileNotFoundError:
        return {}
    start = len(path.rstrip("/")) + 1
    return {name[start:]: int(info["size"]) for name, info in found.items()}


def remove(url: str) -> None:
    """Delete a file, if it is there."""
    fs, path = filesystem(url)
    with contextlib.suppress(FileNotFoundError):
        fs.rm_file(path)


def refuse_damaged(url: str, name: str = "") -> NoReturn:
    """Delete a file that a run made, so that the next run makes it again, and say so; `name` is for the message.

    Raises:
        ShardError: always.
    """
    remove(url)
    raise ShardError(f"{name or url} was damaged on disk and is deleted. {AGAIN}")


def size_of(url: str) -> int:
    """Bytes of a file. Raises FileNotFoundError."""
    fs, path = filesystem(url)
    return int(fs.size(path))


def is_file(url: str) -> bool:
    """Whether there is such a file."""
    fs, path = filesystem(url)
    try:  # not fs.isfile, to which any error is an answer: a failed request, or a folder that may not be read
        return bool(fs.info(path)["type"] != "directory")
    except (FileNotFoundError, NotADirectoryError):
        return False


def find_inputs(folder: str, pattern: str, pass_over_folders: bool = False) -> list[Input]:
    """The files below a folder that a glob names, sorted by name. Folders that it names are passed over, or an error.

    Their identity is empty where it takes a question or a read: `identified` finds it, for many at a time.
    """
    fs, root = filesystem(folder)
    root = root.rstrip("/")
    plain = re.sub(r"([*?\[])", r"[\1]", root)  # the folder's own name is no pattern
    found = fs.glob(f"{plain}/{pattern}", detail=True)
    inputs = []
    for path, info in sorted(found.items()):
        whole = Path(path).is_file() if isinstance(fs, LocalFileSystem) else info["type"] == "file"
        if not whole and pass_over_folders and info["type"] == "directory":
            continue
        if not whole:
            what = (
                "is a folder: end the pattern with a slash to read all files below it,"
                if Path(path).is_dir()
                else ("is no file, nor a link to one:")
            )
            raise SourceError(f"{path}: {what} or take it out.")
        if not path.isprintable():
            raise SourceError(f"{path!a}: expected a name of printable UTF-8. Rename the file.")
        url = path if isinstance(fs, LocalFileSystem) else fs.unstrip_protocol(path)
        inputs.append(Input(path[len(root) + 1 :], url, int(info["size"]), _checksum(info) or ""))
    return inputs


def identified(inputs: Sequence[Input]) -> list[Input]:
    """The same inputs, each with its identity."""
    with ThreadPoolExecutor(16) as pool:  # threads: in a bucket each is a round trip
        found = pool.map(lambda one: one.identity or identify(one.url), inputs)
        return [dataclasses.replace(one, identity=identity) for one, identity in zip(inputs, found, strict=True)]


def identify(url: str) -> str:
    """What an input is, without reading it all: never its age, never where it lies.

    For a local file the size and a digest of the first, middle and last MiB (an edit elsewhere, of the same length, is
    not seen); in an object store its checksum.
    """
    fs, path = filesystem(url)
    info = fs.info(path)
    if checksum := _checksum(info):
        return checksum
    size = int(info["size"])
    sample = hashlib.sha256()
    with open_read(url) as file:
        for start in sorted({0, max(0, (size - MIB) // 2), max(0, size - MIB)}):
            file.seek(start)
            sample.update(file.read(MIB))
    return digest(size, sample.hexdigest())


def _checksum(info: Mapping[str, Any]) -> str | None:
    """What an object store says of a file's content, with its size; None for a file on a disk."""
    names = ("md5Hash", "md5", "ETag", "etag", "crc32c", "sha256")
    return next((digest(int(info["size"]), str(info[name])) for name in names if info.get(name)), None)


class RangeArray:
    """A file of fixed-width records of which a slice is one range read. It is not held open."""

    def __init__(self, url: str, dtype: np.dtype[Any], size: int):
        self.dtype, self.n_records = dtype, size // dtype.itemsize
        self.fs, self.path = filesystem(url)

    def __len__(self) -> int:
        return self.n_records

    def __getitem__(self, rows: slice) -> npt.NDArray[Any]:
        start, stop, _ = rows.indices(len(self))
        width = self.dtype.itemsize
        data = self.fs.cat_file(self.path, start * width, stop * width) if stop > start else b""
        return np.frombuffer(data, self.dtype)


def map_array(url: str, dtype: npt.DTypeLike, size: int | None = None) -> npt.NDArray[Any] | RangeArray:
    """A file of fixed-width records as an array that is read as it is sliced: mapped on a disk, by ranges elsewhere.

    `size` saves a question where the bytes of the file are known.
    """
    array = array_of(url, dtype, size)
    if not is_local(url):
        return array
    # No system maps an empty file.
    return np.memmap(array.path, array.dtype, "r") if len(array) else np.zeros(0, array.dtype)


def array_of(url: str, dtype: npt.DTypeLike, size: int | None = None) -> RangeArray:
    """The same, read by ranges anywhere."""
    width = np.dtype(dtype)
    fs, path = filesystem(url)
    size = int(fs.size(path)) if size is None else size
    if size % width.itemsize:
        raise ShardError(
            f"{url}: expected a multiple of {width.itemsize} bytes, got {size:,}; delete it and run the command again."
        )
    return RangeArray(url, width, size)


def key_ranges(parts: int) -> list[tuple[int, int]]:
    """The space of 64-bit keys cut into ranges [first, last) of about one size.

    >>> key_ranges(2) == [(0, 1 << 63), (1 << 63, 1 << 64)]
    True
    """
    return list(itertools.pairwise((1 << 64) * part // parts for part in range(parts + 1)))


def between(
    array: npt.NDArray[Any] | RangeArray,
    first: int,
    last: int,
    field: str | None = None,
    check: Callable[[npt.NDArray[Any]], None] = lambda records: None,
) -> tuple[int, npt.NDArray[Any]]:
    """Of a sorted file the records whose 64-bit key lies in [first, last), by one read in nearly all cases.

    Keys are hashes: where a value stands is known to about the root of their number. Where they are not evenly spread,
    the range that is read grows until it holds what is wanted. `check` sees all that was read, before it is believed.

    Returns:
        The position of the first of them, and a copy of the records, which keeps no file open.

    >>> position, keys = between(np.array([1 << 20, 1 << 40, 1 << 63, (1 << 64) - 1], np.uint64), 1 << 40, 1 << 63)
    >>> position, keys.tolist()
    (1, [1099511627776])
    """
    margin = 2 * math.isqrt(len(array)) + 8  # four times the deviation in the middle of the file
    while True:
        start = max(0, (len(array) * first >> 64) - margin)
        stop = min(len(array), (len(array) * last >> 64) + margin)
        records = array[start:stop]
        check(records)
        keys = records[field] if field else records
        begins = start == 0 or int(keys[0]) < first
        ends = stop == len(array) or int(keys[-1]) >= last
        if begins and ends:
            # uint64 on both sides: with a Python int they would be compared as floats.
            low = int(np.searchsorted(keys, np.uint64(first)))
            high = int(np.searchsorted(keys, np.uint64(last - 1), "right"))
            return start + low, np.array(records[low:high])
        margin *= 4
