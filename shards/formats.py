"""The formats of token shards, by the name that recipes use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from types import MappingProxyType

from ..errors import UsageError, did_you_mean
from . import arrayrecord, datatrove, litdata, llmc, mds, megatron, olmo, parquet, raw
from .build import Shard
from .spec import Content, Files, Given, ShardSpec, Written


@dataclass(frozen=True)
class Format:
    """How a format is written and read, all of it pure functions.

    `write` gives the files of one shard, by their paths below `shards/<format>/`; `read` what they hold. `arguments`
    says by trainer how it reads them. `join` gives the files that need all shards: from the pieces that shards left
    (their files that end in `index.json`), and nothing else. A format in `rows` has a sequence or a document a row; any
    other holds the documents back to back, for trainers that cut them themselves.
    """

    write: Callable[[Shard, ShardSpec], Files]
    read: Callable[[Given, ShardSpec], Content]
    arguments: Callable[[Written], dict[str, str]]
    join: Callable[[Written, Mapping[str, bytes]], Files] = lambda written, pieces: {}
    rows: bool = False
    package: str = ""  # an extra of the same name as the format brings it


PIECE = "index.json"
FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "raw": Format(raw.write, raw.read, raw.arguments),
        "olmo": Format(olmo.write, olmo.read, olmo.arguments),
        "llmc": Format(llmc.write, llmc.read, llmc.arguments),
        "megatron": Format(megatron.write, megatron.read, megatron.arguments, megatron.join),
        "datatrove": Format(datatrove.write, datatrove.read, datatrove.arguments),
        "litdata": Format(litdata.write, litdata.read, litdata.arguments, litdata.join),
        "mds": Format(mds.write, mds.read, mds.arguments, mds.join, rows=True),
        "parquet": Format(parquet.write, parquet.read, parquet.arguments, rows=True),
        "arrayrecord": Format(
            arrayrecord.write, arrayrecord.read, arrayrecord.arguments, rows=True, package="array_record"
        ),
    }
)


def check_formats(names: tuple[str, ...]) -> None:
    """Refuse formats that cannot be written here.

    Raises:
        UsageError: an unknown one, or one whose package is not installed.
    """
    for name in names:
        if name not in FORMATS:
            known = f"{did_you_mean(name, FORMATS)}; known: {', '.join(FORMATS)}."
            raise UsageError(f"shards.formats: unknown format {name}{known}")
        package = FORMATS[name].package
        if package and find_spec(package) is None:
            raise UsageError(
                f"shards.formats: {name} needs the package {package.replace('_', '-')}, which is not installed; "
                f"pip install 'corpusmill[{name}]' brings it."
            )
