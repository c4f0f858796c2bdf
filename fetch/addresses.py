"""What can be fetched and from where: `addresses.yaml` as dataclasses."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from ..config import build, parse_yaml
from ..errors import UsageError, did_you_mean


@dataclass(frozen=True)
class Gone:
    """Dumps that are not served any more: a pattern of their names, what people call them, and why."""

    dumps: str
    named: str
    why: str


@dataclass(frozen=True)
class Known:
    """A file that is known beforehand: its place below the folder, its size, its digest as `sha256:…`."""

    path: str
    bytes: int
    digest: str


@dataclass(frozen=True)
class Parts:
    """Into how many files a dump is cut."""

    dump: str
    files: int


@dataclass(frozen=True, kw_only=True)
class Address:
    """A source and its publisher; `addresses.yaml` says what each field means. Without a `folder`: not fetched."""

    what: str
    size: str
    terms: str
    folder: str = ""
    catalog: str = ""
    dumps: str = ""
    dump: str = ""
    example: str = ""
    default: str = ""
    parts: tuple[Parts, ...] = ()
    files: tuple[Known, ...] = ()
    connections: int = 1
    wait: float = 0.0
    contact: bool = False
    typical_mb: float = 100.0
    may_lack: bool = False  # a file that is not there is no failure: not every book has a text
    all_by: str = ""  # how to get all, where asking for each file is not wanted
    gone: tuple[Gone, ...] = ()
    not_served: str = ""  # why it cannot be fetched
    steps: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()  # what else that command reads, and how to get it
    run: str = ""


@functools.cache
def addresses() -> Mapping[str, Address]:
    """All sources by their names, those that cannot be fetched among them.

    >>> addresses()["c4"].parts[0], bool(addresses()["github"].folder)
    (Parts(dump='en', files=1024), False)
    """
    text = resources.files(__package__).joinpath("addresses.yaml").read_text()
    found = parse_yaml(text, "addresses.yaml")["sources"]
    return {name: build(Address, values, f"addresses.yaml: {name}") for name, values in found.items()}


def address_of(source: str) -> Address:
    """What is known of a source.

    Raises:
        UsageError: there is none of this name.
    """
    if source not in addresses():
        raise UsageError(
            f'fetch: unknown source "{source}"{did_you_mean(source, addresses())}; known: {", ".join(addresses())}.'
        )
    return addresses()[source]


def check_dump(source: str, dump: str, elsewhere: bool) -> None:
    """Refuse a dump that is known to be gone, unless it is asked of somebody else, or a name that is none.

    Raises:
        UsageError: with the reason, before anything is asked.
    """
    address = address_of(source)
    for gone in address.gone:
        if re.fullmatch(gone.dumps, dump) and not elsewhere:
            raise UsageError(f"{source}: {dump} is not served: {gone.why}.")
    if not re.fullmatch(address.dump, dump):
        expected = f"a name such as {address.example}" if address.dump else "no --dump: there is but one"
        raise UsageError(f"{source}: --dump {dump}: expected {expected}.")


def filled(text: str, inputs: str, dump: str = "") -> str:
    """A line of `steps` or `run` with its names filled in.

    >>> filled("aws s3 cp … {inputs}/arxiv/", "dumps")
    'aws s3 cp … dumps/arxiv/'
    """
    sql = Path(__file__).parent.parent / "pipelines" / "github.sql"
    return text.replace("{inputs}", inputs).replace("{dump}", dump).replace("{sql}", str(sql))
