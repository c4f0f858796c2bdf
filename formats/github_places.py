"""Where contents stand: BigQuery's tables `files` and `licenses`, joined so that a row of `contents` finds its places.

For exports of the three tables apart. Four passes, each of files in and files out, none of which holds a table:

    Licenses.build      all of `licenses`        → 12 bytes a repository, in memory: 40 MB for 3.3 million
    partition_places    a file of `files`        → its places in the order of parts of the space of hashes of ids
    build_part          a part of all of these   → the part of an index that is read by position
    read_contents       a file of `contents`     → its rows, joined

Of the places of a content one stays, chosen by `choice_of`: with the licence of the best rank, then with the smallest
hash of repository and path, so that neither order nor the cut into files matters. A file LICENSE of a repository that
has no known licence tells of that repository alone, so each of these stays as well.
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from ..errors import ShardError, SourceError
from ..filters.licenses import tells_license
from ..records import Damage
from ..storage import RangeArray, between, join, map_array, open_read, read_range, remove, sizes
from .columns import GithubColumns
from .github import FileRow, file_row
from .tablerow import BadValueError, TableRow, text_of
from .tables import Table, open_table

Rank = Callable[[str | None], int]

_COLUMNS: Final = GithubColumns()
_LINK_MODES: Final = ("40960", "57344")  # git's, of symbolic links and of submodules
_MAX_LINE_BYTES: Final = 1 << 20  # of a place: what a damaged record says must not decide how much is read
_BATCH_ROWS: Final = 1 << 16  # before licences are looked up
_RUN_ROWS: Final = 1 << 21  # before places are sorted and written: some 500 MB
# `check` is a hash of the record and of what it points to: it is read by position, never as a whole file.
_INDEX: Final = np.dtype([("key", "<u8"), ("start", "<u8"), ("size", "<u4"), ("check", "<u8")])
_PART_NAME = re.compile(r"places-(\d{5})-of-(\d{5})\.index")
_PLACES: Final = pa.schema({
    "part": pa.uint32(), "key": pa.uint64(), "id": pa.string(), "tells_of": pa.string(), "rank": pa.uint8(),
    "choice": pa.uint64(), "repo": pa.string(), "path": pa.string(), "ref": pa.string(), "license": pa.string(),
    "link": pa.string(),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """One of the files that have a content. `link`: where it points, as a symbolic link."""

    repo: str
    path: str
    ref: str
    license: str | None
    link: str


# ---- licences --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Licenses:
    """The licence of each repository, by a 64-bit hash of its name."""

    hashes: npt.NDArray[np.uint64]  # in ascending order
    codes: npt.NDArray[np.uint32]
    names: tuple[str, ...]

    @staticmethod
    def build(pairs: Iterable[tuple[str, str]], of_several: Callable[[Collection[str]], str] = min) -> Licenses:
        """From repositories and their licences, in any order, 12 bytes each; "" is one that is not known.

        Of several of one repository `of_several` says what holds, by default the first in the alphabet.

        >>> Licenses.build([("a/b", "mit"), ("c/d", "isc")]).of(["c/d", "x/y", "a/b"])
        ['isc', None, 'mit']
        """
        # Two repositories of 3.3 million have the same hash with a probability of 3e-7.
        hashes, codes, seen = array("Q"), array("I"), dict[str, int]()
        for repo, licence in pairs:
            hashes.append(_hash(repo))
            codes.append(seen.setdefault(licence, len(seen)))
        found, of_pairs = np.frombuffer(hashes, np.uint64), np.frombuffer(codes, np.uint32)
        order = np.lexsort((of_pairs, found))
        found, of_pairs = found[order], of_pairs[order].copy()
        differs = np.append(True, (found[1:] != found[:-1]) | (of_pairs[1:] != of_pairs[:-1]))[: len(found)]
        found, of_pairs = found[differs], of_pairs[differs]
        starts = np.flatnonzero(np.append(True, found[1:] != found[:-1])[: len(found)])
        sizes = np.diff(np.append(starts, len(found)))
        for start, size in zip(starts[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True):
            said = [*seen]
            both = of_several({said[code] for code in of_pairs[start : start + size].tolist()})
            of_pairs[start] = seen.setdefault(both, len(seen))
        found, of_pairs = found[starts], of_pairs[starts]
        names = sorted(seen)
        place_of = {licence: place for place, licence in enumerate(names)}
        places = np.array([place_of[licence] for licence in seen], np.uint32)[of_pairs]
        is_known = places != place_of.get("", -1)
        return Licenses(found[is_known], places[is_known], tuple(names))

    def save(self, file: Any) -> None:
        """Write them as Parquet, for other work items."""
        licences = pa.DictionaryArray.from_arrays(pa.array(self.codes), pa.array(self.names, pa.string()))
        pq.write_table(pa.table({"hash": self.hashes, "license": licences}), file, compression="zstd")

    @staticmethod
    def load(url: str) -> Licenses:
        """What `save` wrote."""
        with open_read(url) as file:
            table = pq.read_table(file, use_threads=False, pre_buffer=False)
        licences = (
            pa.chunked_array(table["license"].chunks, table["license"].type).unify_dictionaries().combine_chunks()
        )
        codes = licences.indices.to_numpy(zero_copy_only=False).astype(np.uint32)
        return Licenses(table["hash"].to_numpy(), codes, tuple(licences.dictionary.to_pylist()))

    def of(self, repos: Sequence[str]) -> list[str | None]:
        if not len(self.hashes):
            return [None] * len(repos)
        wanted = _hashes(repos)
        at = np.minimum(np.searchsorted(self.hashes, wanted), len(self.hashes) - 1)
        known = self.hashes[at] == wanted
        return [self.names[code] if is_known else None for code, is_known in zip(self.codes[at], known, strict=True)]


def read_licenses(
    file: BinaryIO, columns: GithubColumns = _COLUMNS, start: int = 0, stop: int = sys.maxsize
) -> Iterator[tuple[str, str] | Damage]:
    """The repositories and licences of a range of a file of the table `licenses`, as pairs, and what is damaged."""
    table = open_table(file)
    for row in table.rows([columns.repo, columns.license], start, stop):
        if isinstance(row, Damage):
            yield row
            continue
        repo, licence = (_plain(row.fields.get(column)) for column in (columns.repo, columns.license))
        if repo and licence:
            yield repo, licence
        else:
            yield Damage(row.offset, "bad_row", f"{row.place}: no {columns.license if repo else columns.repo}")


# ---- places ----------------------------------------------------------------------------------------------------------


def choice_of(repo: str, path: str, rank: int) -> tuple[int, int, str, str]:
    """Of the places of a content the one with the smallest such key stays.

    >>> choice_of("b/b", "z.c", rank=0) < choice_of("a/a", "a.c", rank=1)
    True
    """
    return rank, _hash(f"github:{repo}/{path}"), repo, path  # of the id of its document, as where copies are compared


def prefer(is_permitted: Callable[[str], bool]) -> Rank:
    """Places whose licence may be kept come first, then those where it is not known, then all others."""
    return lambda licence: 1 if licence is None else 0 if is_permitted(licence) else 2


def partition_places(
    rows: Iterable[TableRow | Damage],
    licenses: Licenses,
    rank: Rank,
    n_parts: int,
    file: Any,
    columns: GithubColumns = _COLUMNS,
) -> Iterator[Damage]:
    """Write the places that rows of the table `files` name as Parquet, and give out what is damaged of them.

    The file is whole once all is given out. Each row group is of one part; of the places of a content that come near
    each other only the one that is chosen is written.
    """
    with pq.ParquetWriter(file, _PLACES, compression="zstd") as writer:
        held: list[pa.Table] = []
        for batch, damages in _batches(rows, columns):
            yield from damages
            held.append(_places(batch, licenses, rank, n_parts))
            if sum(table.num_rows for table in held) >= _RUN_ROWS:
                _write_run(writer, held)
                held = []
        _write_run(writer, held)


def _batches(
    rows: Iterable[TableRow | Damage], columns: GithubColumns
) -> Iterator[tuple[list[tuple[str, str, str, str, str]], list[Damage]]]:
    places: list[tuple[str, str, str, str, str]] = []
    damages: list[Damage] = []
    for row in rows:
        if isinstance(row, Damage):
            damages.append(row)
        else:
            names = (columns.id, columns.repo, columns.path, columns.ref, columns.link)
            values = [_plain(row.fields.get(name)) for name in names]
            id_, repo, path, ref, link = values
            if str(row.fields.get(columns.mode)) in _LINK_MODES:
                link = link or "?"
            if id_ and repo and path:
                places.append((id_, repo, path, ref or "", link or ""))
            else:
                lacking = next(name for name, value in zip(names, values, strict=True) if not value)
                damages.append(Damage(row.offset, "bad_row", f"{row.place}: no {lacking}"))
        if len(places) + len(damages) >= _BATCH_ROWS:
            yield places, damages
            places, damages = [], []
    yield places, damages


def _places(batch: list[tuple[str, str, str, str, str]], licenses: Licenses, rank: Rank, n_parts: int) -> pa.Table:
    ids, repos, paths, refs, links = (list(values) for values in zip(*batch, strict=True)) if batch else [[]] * 5
    known = licenses.of(repos)
    addresses = [_address(id_, n_parts) for id_ in ids]
    choices = [choice_of(repo, path, rank(licence)) for repo, path, licence in zip(repos, paths, known, strict=True)]
    tells_of = [
        repo if licence is None and tells_license(path) else ""
        for repo, path, licence in zip(repos, paths, known, strict=True)
    ]
    columns = [
        [part for part, _ in addresses], [key for _, key in addresses], ids, tells_of,
        [choice[0] for choice in choices], [choice[1] for choice in choices], repos, paths, refs, known, links,
    ]  # fmt: skip
    return pa.table([pa.array(values, field.type) for values, field in zip(columns, _PLACES, strict=True)], _PLACES)


def _address(id_: str, n_parts: int) -> tuple[int, int]:
    """The part that an id is in, and its key there: in each part keys fill all of the 64 bits evenly."""
    address = _hash(id_) * n_parts
    return address >> 64, address & ((1 << 64) - 1)


def _write_run(writer: pq.ParquetWriter, held: list[pa.Table]) -> None:
    if held:
        chosen = _chosen(pa.concat_tables(held))
        parts = chosen["part"].to_numpy()
        ends: npt.NDArray[np.intp] = np.flatnonzero(np.append(parts[1:] != parts[:-1], True)) + 1
        ends = ends[: len(parts)]
        start = 0
        for end in map(int, ends):
            writer.write_table(chosen.slice(start, end - start))
            start = end


def _chosen(table: pa.Table) -> pa.Table:
    """Sorted by part and key, and of each content the place that is chosen."""
    names = ("part", "key", "id", "tells_of", "rank", "choice", "repo", "path", "ref")
    table = table.sort_by([(name, "ascending") for name in names]).combine_chunks()
    if table.num_rows < 2:
        return table
    differs = [
        pc.not_equal(table[name].slice(1), table[name].slice(0, table.num_rows - 1)).to_numpy()
        for name in ("part", "key", "id", "tells_of")
    ]
    return table.filter(pa.array(np.append(True, np.logical_or.reduce(differs))))


# ---- the index -------------------------------------------------------------------------------------------------------


def index_names(part: int, n_parts: int) -> tuple[str, str]:
    """What the two files of a part of the index are called.

    >>> index_names(3, 64)
    ('places-00003-of-00064.index', 'places-00003-of-00064.json')
    """
    stem = f"places-{part:05d}-of-{n_parts:05d}"
    return f"{stem}.index", f"{stem}.json"


def build_part(urls: Iterable[str], part: int, index: Any, places: Any) -> int:
    """Write a part of the index from what `partition_places` wrote of all files; return the number of its places.

    Memory holds the part: 2.3 billion files in 1024 parts are some 400 MB each.
    """
    chosen = _chosen(pa.concat_tables([_read_part(url, part) for url in urls] or [_PLACES.empty_table()]))
    start = 0
    for batch in chosen.to_batches(_BATCH_ROWS):
        records = np.empty(batch.num_rows, _INDEX)
        lines = []
        for number, row in enumerate(batch.to_pylist()):
            line = json.dumps([row[name] for name in ("id", "repo", "path", "ref", "license", "link")]).encode() + b"\n"
            records[number] = row["key"], start, len(line), _check_of(row["key"], start, line)
            lines.append(line)
            start += len(line)
        index.write(records.tobytes())
        places.write(b"".join(lines))
    return int(chosen.num_rows)


def _read_part(url: str, part: int) -> pa.Table:
    with open_read(url) as file, pq.ParquetFile(file, pre_buffer=False) as parquet:
        at = parquet.schema_arrow.names.index("part")
        groups = [
            number
            for number in range(parquet.num_row_groups)
            if parquet.metadata.row_group(number).column(at).statistics.min == part
        ]
        return parquet.read_row_groups(groups, use_threads=False)


class FilesIndex:
    """All parts of an index, read by position: two reads for each content, of a mapped file where it is on a disk."""

    def __init__(self, folder: str) -> None:
        """Raises SourceError when parts are missing."""
        found = sizes(folder)
        parts = {name: match for name in found if (match := _PART_NAME.fullmatch(PurePosixPath(name).name))}
        self.folder, self.n_parts = folder, max((int(match[2]) for match in parts.values()), default=0)
        lacking = [
            name for part in range(self.n_parts) for name in index_names(part, self.n_parts) if name not in found
        ]
        if not parts or lacking:
            what = (
                f"{len(lacking)} of its files are missing, {lacking[0]} first" if lacking else "no part of it is there"
            )
            raise SourceError(f"{folder}: expected an index of the table files, but {what}. Make it again.")
        self._arrays: dict[int, npt.NDArray[Any] | RangeArray] = {}

    def lookup(self, id_: str) -> list[Place]:
        """The places of a content: the one that was chosen, and files LICENSE of repositories without a licence."""
        part, key = _address(id_, self.n_parts)
        index, places = index_names(part, self.n_parts)
        if part not in self._arrays:
            self._arrays[part] = map_array(join(self.folder, index), _INDEX)
        _, records = between(self._arrays[part], key, key + 1, "key")
        found = []
        for key, start, size, check in records.tolist():
            line = read_range(join(self.folder, places), start, start + min(size, _MAX_LINE_BYTES))
            if _check_of(key, start, line) != check:
                remove(join(self.folder, index))
                remove(join(self.folder, places))
                raise ShardError(f"{index} or {places} was damaged on disk, and both are deleted. Run again.")
            found.append(json.loads(line))
        return [Place(*rest) for name, *rest in found if name == id_]


def read_contents(
    table: Table,
    index: FilesIndex,
    start: int = 0,
    stop: int = sys.maxsize,
    *,
    columns: GithubColumns = _COLUMNS,
    max_file_bytes: int = 16 << 20,
) -> Iterator[FileRow | Damage]:
    """The rows of a range of a file of `contents`, once for each place; `no_place` where no file has the content."""
    for row in table.rows(dataclasses.astuple(columns), start, stop, max_text_bytes=max_file_bytes):
        if isinstance(row, Damage):
            yield row
            continue
        id_ = _plain(row.fields.get(columns.id))
        if not id_:
            yield Damage(row.offset, "bad_row", f"{row.place}: no {columns.id}")
            continue
        places = index.lookup(id_)
        if not places:
            yield Damage(row.offset, "no_place", f"{row.place}: no row of the table files has the id {id_[:40]}")
        for place in places:
            fields = {
                columns.repo: place.repo, columns.path: place.path, columns.ref: place.ref,
                columns.license: place.license, columns.link: place.link,
            }  # fmt: skip
            yield file_row(row._replace(fields={**row.fields, **fields}), columns, max_file_bytes)


def _plain(value: Any) -> str | None:
    """A text of UTF-8; None for anything else."""
    try:
        return text_of(value, "")
    except BadValueError:
        return None


def _check_of(key: int, start: int, line: bytes) -> int:
    return xxhash.xxh3_64_intdigest(b"%d %d " % (key, start) + line)


def _hash(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode())


def _hashes(texts: Sequence[str]) -> npt.NDArray[np.uint64]:
    return np.fromiter(map(_hash, texts), np.uint64, len(texts))
