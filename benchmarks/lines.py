"""Reading WET files and hashing their lines, against zlib alone and a plain loop, in CPU seconds of one run.

    python -m corpusmill.benchmarks.lines [FOLDER_OF_WET]

Without a folder the files are generated. All work goes over the same files, each kind in turn, some rounds; medians
count. Prints

    zlib alone      inflating in windows of 64 KB
    reading         reading records; the same, cutting off titles and hashing all lines with SHA-1 or XXH3
    pages           cutting off titles and hashing the lines of pages in memory, in batches and in a plain loop (SHA-1)

The exit code is 1 when a floor is missed.
"""

from __future__ import annotations

import hashlib
import statistics
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from ..filters.ccnet import Hash, hash_lines, normalize_line, split_title
from ..formats.wet import WetPage, read_wet
from ..samples.commoncrawl import write

FLOORS = (("sha1", 0.15), ("xxh3", 0.2))
MIN_OF_LOOP = 1.5
CCNET_MB_PER_SECOND = 17.5
ROUNDS = 5
WINDOW_BYTES = 1 << 16
PAGES_PER_BATCH = 64
GENERATED_SCALE = 5.0


def inflate(paths: Iterable[Path]) -> int:
    """Inflate all members of gzip files; the number of bytes."""
    n_bytes = 0
    for path in paths:
        unpacker = zlib.decompressobj(zlib.MAX_WBITS + 16)
        with path.open("rb") as file:
            while data := file.read(WINDOW_BYTES):
                while data:
                    n_bytes += len(unpacker.decompress(data))
                    data = unpacker.unused_data
                    if unpacker.eof:
                        unpacker = zlib.decompressobj(zlib.MAX_WBITS + 16)
    return n_bytes


def is_gzip(path: Path) -> bool:
    """Whether zlib alone gets through: the damaged files among the generated ones would stop it."""
    try:
        return inflate([path]) > 0
    except zlib.error:
        return False


def read(paths: Iterable[Path]) -> Iterator[str]:
    """The bodies of all pages."""
    for path in paths:
        with path.open("rb") as file:
            yield from (record.body for record in read_wet(file) if isinstance(record, WetPage))


def hash_pages(bodies: Iterable[str], hash: Hash) -> None:  # noqa: A002
    """The hashes of all lines of the pages' texts, as a pipeline makes them."""
    texts = (split_title(body)[1] for body in bodies)
    while batch := list(islice(texts, PAGES_PER_BATCH)):
        hash_lines(batch, hash=hash)


def hash_pages_line_by_line(bodies: Iterable[str]) -> None:
    """The same in a plain loop."""
    for body in bodies:
        for line in split_title(body)[1].split("\n"):
            int.from_bytes(hashlib.sha1(normalize_line(line).encode()).digest()[:8], "little")


def cpu_seconds(works: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """The median seconds of each work over some rounds, user and system time."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            start = time.process_time()
            work()
            seconds[name].append(time.process_time() - start)
    return {name: statistics.median(of_work) for name, of_work in seconds.items()}


def measure(paths: Sequence[Path]) -> bool:
    """Print all measures; true when each keeps to its floor."""
    bodies = list(read(paths))
    seconds = cpu_seconds({
        "zlib alone": partial(inflate, paths),
        "reading": lambda: sum(1 for _ in read(paths)),
        "reading, sha1": lambda: hash_pages(read(paths), "sha1"),
        "reading, xxh3": lambda: hash_pages(read(paths), "xxh3"),
        "pages, sha1": partial(hash_pages, bodies, "sha1"),
        "pages, xxh3": partial(hash_pages, bodies, "xxh3"),
        "pages, loop": partial(hash_pages_line_by_line, bodies),
    })  # fmt: skip
    of_zlib = {name: seconds["zlib alone"] / of_work for name, of_work in seconds.items()}
    of_loop = seconds["pages, loop"] / seconds["pages, sha1"]
    remarks = {
        "reading": f"{of_zlib['reading']:.2f} of zlib, {len(bodies) / seconds['reading']:,.0f} pages/s",
        **{f"reading, {name}": f"{of_zlib[f'reading, {name}']:.2f} of zlib (floor {low})" for name, low in FLOORS},
        "pages, sha1": f"{of_loop:.1f} times the loop (floor {MIN_OF_LOOP}); cc_net's code, as stated for it and "
        f"not run here: {CCNET_MB_PER_SECOND} MB/s",
    }
    in_files, in_pages = inflate(paths) / 1e6, sum(len(body.encode()) for body in bodies) / 1e6
    n_lines = sum(body.count("\n") + 1 for body in bodies)
    print(f"{len(paths)} files, {in_files:.1f} MB, {len(bodies):,} pages, {n_lines:,} lines")
    for name, of_work in seconds.items():
        rate = (in_pages if name.startswith("pages") else in_files) / of_work
        print(f"{name:13} {of_work:7.3f} CPU s {rate:7.1f} MB/s  {remarks.get(name, '')}".rstrip())
    return of_loop >= MIN_OF_LOOP and all(of_zlib[f"reading, {name}"] >= low for name, low in FLOORS)


def main() -> bool:
    """Measure on the WET files of a folder, or on generated ones; false when a floor is missed."""
    with tempfile.TemporaryDirectory() as folder:
        if len(sys.argv) > 1:
            paths = sorted(Path(sys.argv[1]).rglob("*.wet.gz"))
        else:
            paths = write(Path(folder), seed=0, scale=GENERATED_SCALE)
        return measure(list(filter(is_gzip, paths)))


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
