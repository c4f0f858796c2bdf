"""Documents of a run, kept and dropped, by their ids or URLs: of however many files as little as tells is read."""

from __future__ import annotations

import contextlib
import functools
import json
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import UsageError
from ..formats.documents import DROPPED, rows_that
from ..mixtures.circle import order_key
from ..shards.tokens import INDEX
from ..storage import between, join, map_array, sizes

READ_AT_ONCE = 8  # Parquet files
FEW = 16  # URLs, each of which is looked for in all metadata, before that is read as JSON
# What reading a file may raise that is not what its name says.
UNREADABLE = (pa.ArrowException, OSError, ValueError, LookupError)

Item = TypeVar("Item")
Result = TypeVar("Result")
Found = tuple[str, int, dict[str, Any]]  # path, place of the row in its file, values without text


@dataclass(frozen=True)
class Sought:
    """What is looked for. `part` is a text that all of the URLs have, where there is one: then they take one look."""

    ids: Collection[str] = ()
    urls: Collection[str] = ()
    part: str = ""

    def in_file(self, output: str, path: str) -> list[Found]:
        """The rows of a file of a run that have one of the ids or URLs.

        Raises:
            UsageError: the file cannot be read.
        """
        kept = path.startswith("documents/")
        choosing = ["id"] * bool(self.ids) + ["meta" if kept else "url"] * bool(self.urls)
        borders = (min(self.ids), max(self.ids)) if self.ids and not self.urls else None
        columns = ["id", "meta"] if kept else [*DROPPED.names]
        return rows_in(output, path, choosing, self._fit, columns, borders)

    def _fit(self, table: pa.Table) -> npt.NDArray[np.bool_]:
        fits = np.zeros(table.num_rows, bool)
        if self.ids:
            fits |= _mask(pc.is_in(table["id"], self._ids))
        if self.urls and "url" in table.column_names:
            fits |= _mask(pc.is_in(table["url"], self._urls))
        elif self.urls:
            at = np.flatnonzero(self._mention(table["meta"])).tolist()
            some = table["meta"].take(pa.array(at, pa.int64())).to_pylist()
            fits[[row for row, meta in zip(at, some, strict=True) if _url_of(meta) in self.urls]] = True
        return fits

    def _mention(self, metadata: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
        """Which metadata, as JSON, can hold one of the URLs."""
        parts = [self.part] if self.part else self.urls
        if len(parts) > FEW:
            return np.ones(len(metadata), bool)
        as_stored = [json.dumps(part, ensure_ascii=False)[1:-1] for part in parts]
        found = [_mask(pc.match_substring(metadata, one)) for one in as_stored]
        return np.asarray(np.any(found, axis=0))

    @functools.cached_property
    def _ids(self) -> pa.Array:
        return pa.array(self.ids, pa.string())

    @functools.cached_property
    def _urls(self) -> pa.Array:
        return pa.array(self.urls, pa.string())


def _mask(chosen: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.fill_null(chosen, False).to_numpy(), bool)  # of no rows it has another type


def _url_of(metadata: str | None) -> Any:
    value = json.loads(metadata or "{}")
    return value.get("url") if isinstance(value, dict) else None


def rows_in(
    output: str,
    path: str,
    choosing: Collection[str],
    fit: Callable[[pa.Table], Any],
    columns: Collection[str],
    ids: tuple[str, str] | None = None,
) -> list[Found]:
    """As `rows_that`, of a file of a run. Raises UsageError where it cannot be read."""
    with reading(output, path):
        return [(path, *row) for row in rows_that(join(output, path), [*choosing], fit, [*columns], ids)]


@contextlib.contextmanager
def reading(output: str, path: str) -> Iterator[None]:
    """Raises UsageError where a file of a run cannot be read within the block."""
    try:
        yield
    except UNREADABLE as error:
        if isinstance(error, OSError) and error.errno is not None:  # of the disk, or the network
            raise
        said = " ".join(str(error).split())[:200]
        raise UsageError(
            f"{path}: cannot be read as a file of a run ({type(error).__name__}: {said}). `corpusmill check {output}` "
            "says what is wrong."
        ) from error


def files_of(output: str, kind: str, source: str = "") -> dict[str, int]:
    """The files of `documents`, of `dropped` ones or of `tokens`, of one source or of all: path → bytes, in order."""
    folder = "/".join(filter(None, (kind, source)))
    return {f"{folder}/{name}": size for name, size in sorted(sizes(join(output, folder)).items())}


def tables(output: str, kind: str, source: str = "") -> list[str]:
    """Those of them that are Parquet."""
    return [path for path in files_of(output, kind, source) if path.endswith(".parquet")]


class Indexes:
    """The indexes of a finished run's token files, which say by a small read what a file of documents can not hold."""

    def __init__(self, output: str, source: str):
        self._output, self._sizes = output, files_of(output, "tokens", source)

    def may_hold(self, path: str, id_: str) -> bool:
        """Whether a file of documents may have an id; true where it has no index."""
        index = f"tokens/{path.partition('/')[2].removesuffix('.parquet')}.index"
        if index not in self._sizes:
            return True
        key = order_key(id_)
        _, found = between(map_array(join(self._output, index), INDEX, self._sizes[index]), key, key + 1, "key")
        return bool(len(found))


def ahead(function: Callable[[Item], Result], items: Iterable[Item], at_once: int = READ_AT_ONCE) -> Iterator[Result]:
    """What a function gives for each item, in their order, from threads that are only a little ahead of who asks."""
    with ThreadPoolExecutor(at_once) as pool:
        begun: deque[Future[Result]] = deque()
        try:
            for item in items:
                begun.append(pool.submit(function, item))
                if len(begun) > 2 * at_once:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for one in begun:
                one.cancel()
