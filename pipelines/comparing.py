"""What changed between two finished runs: settings, inputs, accounts, and which documents are in one of them alone."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..config import parse_yaml
from ..manifest import RECIPE, finished, read_manifest
from ..storage import join, read_bytes
from .crossing import Crossing, Side, check_room, cross, scratch_bytes

VERSIONS = ("corpusmill", "python")
OF_SHARDS = ("tokens", "documents.tokenised")  # accounts of runs that have shards

Pair = tuple[Side, Side, set[str]]  # and the files that are alike in both


@dataclass(frozen=True)
class Run:
    """A finished run: what its manifest says."""

    output: str
    settings: Mapping[str, Any]  # by dotted keys
    facts: Mapping[str, Any]

    @classmethod
    def open(cls, output: str) -> Run:
        """Raises UsageError: there is no finished run."""
        facts = finished(output)
        # As it is written: that of another version may hold settings that this one does not know.
        recipe = parse_yaml(read_bytes(join(output, RECIPE)).decode("utf-8", "replace"), RECIPE)
        # The words of the card decide nothing.
        settings = {key: value for key, value in flattened(recipe) if not key.startswith("card.")}
        return cls(output, settings, facts)

    @functools.cached_property
    def listed(self) -> pa.Table:
        """The files of documents, kept and dropped, of all sources."""
        return read_manifest(self.output, ["path", "rows", "sha256"], "documents", "dropped")

    def files(self, source: str) -> dict[str, tuple[int, str]]:
        """Those of a source: path → rows and SHA-256."""
        ours = [pc.starts_with(self.listed["path"], f"{kind}/{source}/") for kind in ("documents", "dropped")]
        columns = self.listed.filter(pc.or_(*ours)).columns
        paths, rows, digests = (column.to_pylist() for column in columns)
        return dict(zip(paths, zip(rows, digests, strict=True), strict=True))


@dataclass(frozen=True, slots=True)
class Changed:
    """Something that has another value in the other run; None where it is not there."""

    name: str
    a: Any
    b: Any


@dataclass(frozen=True, slots=True)
class InputsChanged:
    """How many inputs of a source only one run had, or had with another content, and the first of them."""

    only_a: int
    only_b: int
    changed: int
    first: str


@dataclass(frozen=True, slots=True)
class SourceCompared:
    """One source. `counts` has every account, both values; without `a` or `b` it is in one of the runs alone."""

    a: bool
    b: bool
    same: bool  # by the digests of its documents
    counts: list[Changed]
    crossing: Crossing | None = None  # where documents differ, and both runs have the source


@dataclass(frozen=True)
class Comparison:
    """Two runs, A and B."""

    a: str
    b: str
    same: bool
    settings: list[Changed]
    versions: list[Changed]
    inputs: dict[str, InputsChanged]
    sources: dict[str, SourceCompared]
    mixture: list[dict[str, Any]] = field(default_factory=list)
    digests: list[Changed] = field(default_factory=list)


def compare(output_a: str, output_b: str, examples: int = 3) -> Comparison:
    """Compare two finished runs; both may be of some sources alone.

    They are the same where all digests of their documents, and of their shards, are.

    Raises:
        UsageError: one of them is no finished run.
    """
    a, b = Run.open(output_a), Run.open(output_b)
    names = list(dict.fromkeys([*a.facts["sources"], *b.facts["sources"]]))
    pairs = {name: _pair(a, b, name) for name in names if _differs(a, b, name)}
    check_room(max((scratch_bytes(*sides) for *sides, _ in pairs.values()), default=0))
    digests = changed(dict(flattened(a.facts["corpus"])), dict(flattened(b.facts["corpus"])))
    return Comparison(
        output_a,
        output_b,
        not digests,
        changed(a.settings, b.settings),
        changed(_versions(a), _versions(b)),
        {name: one for name in names if (one := _inputs(a, b, name))},
        {name: _source(a, b, name, pairs.get(name), examples) for name in names},
        _mixture(a, b),
        digests,
    )


def flattened(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by their dotted keys.

    >>> dict(flattened({"a": {"b": 1, "c": [2, 3]}, "d": None}))
    {'a.b': 1, 'a.c': [2, 3], 'd': None}
    """
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flattened(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def changed(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Changed]:
    """What differs, in the order of the first.

    >>> changed({"x": 1, "y": 2}, {"y": 3, "z": 4})
    [Changed(name='x', a=1, b=None), Changed(name='y', a=2, b=3), Changed(name='z', a=None, b=4)]
    """
    names = list(dict.fromkeys([*a, *b]))
    return [Changed(name, a.get(name), b.get(name)) for name in names if a.get(name) != b.get(name)]


def _versions(run: Run) -> dict[str, Any]:
    return {**{name: run.facts.get(name) for name in VERSIONS}, **run.facts.get("libraries", {})}


def _inputs(a: Run, b: Run, source: str) -> InputsChanged | None:
    """Files and models together; a source that one run does not have says nothing of inputs."""
    there = [run.facts["inputs"].get(source) for run in (a, b)]
    if None in there:
        return None
    then, now = ({name: identity for kind in one.values() for name, (_, identity) in kind.items()} for one in there)
    differing = changed(then, now)
    if not differing:
        return None
    only_a, only_b = (sum(getattr(one, side) is None for one in differing) for side in ("b", "a"))
    return InputsChanged(only_a, only_b, len(differing) - only_a - only_b, differing[0].name)


def _differs(a: Run, b: Run, source: str) -> bool:
    """Whether both runs have a source, with other documents."""
    digest_a, digest_b = (run.facts["corpus"]["sources"].get(source) for run in (a, b))
    return digest_a != digest_b and all(source in run.facts["sources"] for run in (a, b))


def _source(a: Run, b: Run, source: str, pair: Pair | None, examples: int) -> SourceCompared:
    counts_a, counts_b = (run.facts["sources"].get(source) for run in (a, b))
    names = sorted({*(counts_a or {}), *(counts_b or {})})
    counts = [Changed(name, _count(counts_a, name), _count(counts_b, name)) for name in names]
    digest_a, digest_b = (run.facts["corpus"]["sources"].get(source) for run in (a, b))
    crossing = cross(*pair, examples) if pair else None
    return SourceCompared(counts_a is not None, counts_b is not None, digest_a == digest_b, counts, crossing)


def _count(counts: Mapping[str, int] | None, name: str) -> int | None:
    """An account of a source; of tokens there is none in a run without shards."""
    return None if counts is None else counts.get(name, None if name in OF_SHARDS else 0)


def _pair(a: Run, b: Run, source: str) -> Pair:
    """The files of a source in both runs, and those that are alike."""
    files_a, files_b = a.files(source), b.files(source)
    alike = {path for path, one in files_a.items() if files_b.get(path) == one}
    side_a, side_b = (
        Side(run.output, sorted(files), sum(n for n, _ in files.values()))
        for run, files in ((a, files_a), (b, files_b))
    )
    return side_a, side_b, alike


def _mixture(a: Run, b: Run) -> list[dict[str, Any]]:
    """Of each source share, tokens written and epochs in both runs; empty where neither has shards."""
    tables: list[dict[str, Mapping[str, Any]]] = [
        {row["source"]: row for row in (run.facts["mixture"] or {}).get("table", [])} for run in (a, b)
    ]
    names: Sequence[str] = list(dict.fromkeys(itertools.chain(*tables)))
    return [
        {"source": name}
        | {
            key: [table.get(name, {}).get(key) for table in tables]
            for key in ("share", "written", "epochs")
        }
        for name in names
    ]  # fmt: skip
