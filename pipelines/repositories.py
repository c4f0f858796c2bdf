"""What is to be known of GitHub's repositories before their files are read: licences, and where contents stand.

licenses   one item: the table `licenses`, where an export has its tables apart
places     each slice of the table `files`: which file of which repository has a content, in parts of a space of hashes
index      each of these parts: an index that is read by position
texts      each slice of files: what the licence files of repositories say for which no licence is given
known      one item: the licences of these repositories

Source: LLaMA (2023) section 2.1 keeps Apache, BSD and MIT; RedPajama v1 joins the tables in BigQuery.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ..filters.licenses import identify, is_permitted, tells_license
from ..formats.documents import read_rows
from ..formats.github_places import (
    Licenses,
    build_part,
    index_names,
    partition_places,
    prefer,
    read_licenses,
)
from ..formats.tables import open_table
from ..manifest import WORK, File, Receipt, files_of
from ..mixtures.sources import GithubRecipe, SourceRecipe
from ..models.repositories import open_licenses
from ..records import Damage, Document
from ..storage import MIB, digest, join, open_read
from .github import CONTENTS, FILES, LICENSES, PLACES, SOURCE, TABLE_OF_LICENSES
from .inputs import Model
from .phase import Item, Phase, ShardOutput
from .reading import Reading, Work, made_from, models_of
from .results import urls_of
from .unique import verified_once

PLACED = ".places"  # Parquet, but no shard of documents
PART_BYTES = 100 * MIB  # of the table `files`, for each part of the index
TABLE, KNOWN, INDEX = (join(WORK, "github", name) for name in ("table.parquet", "licenses.parquet", "index"))
TEXTS_FOLDER = join(WORK, "texts", "github")
TEXTS = pa.schema({"repo": pa.string(), "path": pa.string(), "license": pa.string()})

Run = Callable[[Phase], Mapping[str, Receipt]]


def first_of_repositories(work: Work, options: GithubRecipe) -> Phase | None:
    """The first of these phases, where an export needs any."""
    if any(reading.slice.kind == CONTENTS for reading in work.plan):
        return licenses_phase(work.beside)
    return texts_phase(work.plan, {}) if options.license_texts else None


def learn_of_repositories(run: Run, output: str, work: Work, options: GithubRecipe) -> dict[str, Model]:
    """All of these phases, as far as an export needs them, and what they make, by name."""
    made: dict[str, Model] = {}
    if any(reading.slice.kind == CONTENTS for reading in work.plan):
        table = run(licenses_phase(work.beside))
        files = [one for one in work.beside if one.slice.kind == FILES]
        sizes = {one.slice.input.name: one.slice.input.size for one in files}
        n_parts = max(1, -(-sum(sizes.values()) // PART_BYTES))
        placed = run(places_phase(files, table, n_parts, options))
        listed = run(list_phase(run(index_phase(placed, n_parts))))
        made[PLACES] = _made(output, listed, join(INDEX, LIST))
    if options.license_texts:
        made[LICENSES] = _made(output, run(known_phase(run(texts_phase(work.plan, made)))), KNOWN)
    return made


def _options(recipe: SourceRecipe) -> GithubRecipe:
    assert isinstance(recipe, GithubRecipe), "a reading of GitHub"
    return recipe


def _made(output: str, receipts: Mapping[str, Receipt], path: str) -> Model:
    return Model.made(output, path, files_of(receipts.values())[path].sha256)


# --- licenses ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReadLicenses:
    """Task: all slices of the table `licenses`."""

    readings: tuple[Reading, ...]


def licenses_phase(beside: Sequence[Reading]) -> Phase:
    """The licence of each repository, in one table."""
    readings = [one for one in beside if one.slice.kind == TABLE_OF_LICENSES]
    decides = [(made_from(one.slice), repr(_options(one.recipe).columns)) for one in readings]
    cost = sum(one.slice.stop - one.slice.start for one in readings)
    item = Item("licenses", digest("licenses", 2, decides), cost, ReadLicenses(tuple(readings)))
    return Phase("github/licenses", [item], read_table_of_licenses, unit="repositories")


def read_table_of_licenses(task: ReadLicenses, out: ShardOutput) -> None:
    def pairs() -> Iterator[tuple[str, str]]:
        for one in task.readings:
            with open_read(one.slice.input.url) as file:
                columns = _options(one.recipe).columns
                for found in read_licenses(file, columns, one.slice.start, one.slice.stop):
                    if isinstance(found, Damage):
                        out.damage(one.slice.input.name, found)
                    else:
                        yield found

    _write_licenses(Licenses.build(pairs()), TABLE, out)


def _write_licenses(licenses: Licenses, path: str, out: ShardOutput) -> None:
    with out.binary(path, rows=len(licenses.hashes)) as file:
        licenses.save(pa.PythonFile(file, mode="w"))


# --- places -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Partition:
    """Task: one slice of the table `files`."""

    reading: Reading
    licenses: tuple[str, File]
    n_parts: int
    path: str


def places_phase(
    readings: Sequence[Reading], table: Mapping[str, Receipt], n_parts: int, options: GithubRecipe
) -> Phase:
    """The places of contents, each slice of the table `files` by itself."""
    licenses = TABLE, files_of(table.values())[TABLE]
    decides = (n_parts, licenses[1].sha256, options.licenses, options.compat, repr(options.columns))
    items = []
    for one in readings:
        path = join(WORK, "places", "github", f"{one.slice.name}{PLACED}")
        fingerprint = digest("places", 2, decides, made_from(one.slice))
        cost = one.slice.stop - one.slice.start
        items.append(Item(one.slice.name, fingerprint, cost, Partition(one, licenses, n_parts, path)))
    return Phase("github/places", items, partition, unit="files")


def partition(task: Partition, out: ShardOutput) -> None:
    piece, options = task.reading.slice, _options(task.reading.recipe)
    licenses = open_licenses(out.verified(task.licenses[0], task.licenses[1].sha256))
    rank = prefer(lambda name: is_permitted(name, options.licenses, options.compat))
    columns = options.columns
    names = [columns.id, columns.repo, columns.path, columns.ref, columns.link, columns.mode]
    with open_read(piece.input.url) as file, out.binary(task.path) as target:
        rows = open_table(file).rows(names, piece.start, piece.stop)
        parquet = pa.PythonFile(target, mode="w")
        for damage in partition_places(rows, licenses, rank, task.n_parts, parquet, columns):
            out.damage(piece.input.name, damage)


# --- index ------------------------------------------------------------------------------------------------------------

LIST = "index.json"  # of the files of an index and their digests: the model that stands for it


@dataclass(frozen=True, slots=True)
class Index:
    """Task: one part of the index, from the places of all slices."""

    places: tuple[tuple[str, File], ...]
    part: int
    n_parts: int


def index_phase(placed: Mapping[str, Receipt], n_parts: int) -> Phase:
    """The parts of the index."""
    places = tuple((path, file) for path, file in files_of(placed.values()).items() if path.endswith(PLACED))
    made = digest("index", 2, n_parts, [file.sha256 for _, file in places])
    cost = sum(file.bytes for _, file in places) // n_parts
    items = [
        Item(f"part-{part:05d}", digest(made, part), cost, Index(places, part, n_parts)) for part in range(n_parts)
    ]
    return Phase("github/index", items, build_index, unit="files")


def build_index(task: Index, out: ShardOutput) -> None:
    index_name, places_name = index_names(task.part, task.n_parts)
    with out.binary(join(INDEX, index_name)) as index, out.binary(join(INDEX, places_name)) as places:
        build_part([verified_once(out, path, file.sha256) for path, file in task.places], task.part, index, places)


@dataclass(frozen=True, slots=True)
class ListIndex:
    """Task: what the index consists of."""

    files: Mapping[str, str]  # path → SHA-256


def list_phase(indexed: Mapping[str, Receipt]) -> Phase:
    """The list of the files of the index, which has its digest."""
    files = {path: file.sha256 for path, file in files_of(indexed.values()).items()}
    return Phase("github/list", [Item("list", digest("list", 1, files), len(files), ListIndex(files))], list_index)


def list_index(task: ListIndex, out: ShardOutput) -> None:
    with out.binary(join(INDEX, LIST)) as file:
        file.write(json.dumps(dict(task.files), indent=1).encode())


# --- texts ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReadTexts:
    """Task: the licence files in one slice."""

    reading: Reading
    models: Mapping[str, Model]
    path: str


def texts_phase(plan: Sequence[Reading], models: Mapping[str, Model]) -> Phase:
    """Look at the licence files at the root of repositories for which no licence is given."""
    used = models_of(SOURCE, (), models)
    items = []
    for one in plan:
        path = join(TEXTS_FOLDER, f"{one.slice.name}.parquet")
        decides = (SOURCE.version, dict(SOURCE.decides(one.recipe)), [model.identity for model in used.values()])
        fingerprint = digest("texts", 2, decides, made_from(one.slice))
        items.append(Item(one.slice.name, fingerprint, one.slice.stop - one.slice.start, ReadTexts(one, used, path)))
    return Phase("github/texts", items, read_texts, unit="licence files")


def read_texts(task: ReadTexts, out: ShardOutput) -> None:
    piece, models = task.reading.slice, urls_of(out, task.models)
    with out.table(task.path, TEXTS) as table:
        for found in SOURCE.read(piece, task.reading.recipe, models):
            if not isinstance(found, Document) or found.meta["license"] or found.meta["absent"]:
                continue
            repo, path = found.meta["repo"], found.meta["path"]
            if repo and tells_license(path):
                table.add({"repo": repo, "path": path, "license": identify(found.text) or ""})


# --- known ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Know:
    """Task: the licences that all slices tell of."""

    texts: tuple[tuple[str, File], ...]


def known_phase(read: Mapping[str, Receipt]) -> Phase:
    """The licences of repositories by what their licence files say."""
    texts = tuple((path, file) for path, file in files_of(read.values()).items() if path.startswith(TEXTS_FOLDER))
    fingerprint = digest("known", 2, [file.sha256 for _, file in texts])
    cost = sum(file.bytes for _, file in texts)
    return Phase("github/known", [Item("known", fingerprint, cost, Know(texts))], know, unit="repositories")


def know(task: Know, out: ShardOutput) -> None:
    said = (
        (row["repo"], row["license"]) for path, file in task.texts for row in read_rows(out.verified(path, file.sha256))
    )
    _write_licenses(Licenses.build(said, all_of), KNOWN, out)


def all_of(names: Iterable[str]) -> str:
    """Of a repository with several licence files all of them hold; with one that is not recognised, none is known.

    >>> all_of({"MIT"}), all_of({"MIT", "Apache-2.0"}), all_of({"MIT", ""})
    ('MIT', 'Apache-2.0 AND MIT', '')
    """
    names = sorted(set(names))
    return "" if "" in names else " AND ".join(names)
