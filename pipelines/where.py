"""Which document a token of a shard comes from."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

import numpy as np

from ..errors import UsageError
from ..formats.documents import numbered_rows, read_table
from ..manifest import read_facts
from ..shards.spec import PLAN
from ..storage import absolute, join, read_json, sizes
from ..tokenizer.encode import JSON, MODEL, Tokenizer

AROUND = 200  # characters shown before and behind a token
# What is known of documents whose metadata names no licence, by what their ids begin with; the longest counts.
LICENSES: Mapping[str, str] = MappingProxyType(
    {
        "commoncrawl:": "unknown: its author's",
        "c4:": "unknown: its author's",
        "github:": "unknown",
        "wikipedia:": "CC BY-SA and GFDL",
        "books:": "unknown: see its collection",
        "books:gutenberg/": "public domain in the USA, as nearly all of Project Gutenberg",
        "arxiv:": "unknown: each paper has its own, see its page at arxiv.org",
        "stackexchange:": "CC BY-SA",
    }
)


@dataclass(frozen=True, slots=True)
class Place:
    """A token, and the document that it stands in."""

    shard: str
    offset: int
    id: str
    source: str
    url: str
    license: str
    path: str  # the file of documents
    row: int  # in that file, those taken down counted
    copy: int  # which copy of the document this is, from 0
    token: int  # its id
    kind: str  # text, or bos or eos
    position: int  # among the tokens of the document as written, from 0
    n_tokens: int  # of the document as written
    before: str
    text: str  # what the token stands for
    after: str


def license_of(id_: str, meta: Mapping[str, Any]) -> str:
    """The licence of a document, or what is known of it.

    >>> license_of("wikipedia:en/12", {}), license_of("github:a/b/c.py", {"license": "mit"})
    ('CC BY-SA and GFDL', 'mit')
    """
    known = max((start for start in LICENSES if id_.startswith(start)), key=len, default="")
    return str(meta.get("license") or LICENSES.get(known, "unknown"))


def locate(output: str, shard: str, offset: int) -> Place:
    """The document that holds a token.

    Args:
        shard: the name of a shard, or the path of a file of it in any format, from the output folder on or whole.
        offset: of the token, from 0, among those of the shard's documents back to back.

    Raises:
        UsageError: no finished run, no such shard, no such token.
    """
    name = shard_named(output, shard)
    table = read_table(join(output, f"shards/index/{name}.parquet"))
    start, length = (table[column].to_numpy().astype(np.int64) for column in ("start", "length"))
    n_tokens = int(length.sum())
    if not 0 <= offset < n_tokens:
        raise UsageError(f"{name}: expected an offset from 0 to {n_tokens - 1:,}, got {offset:,}.")
    # Of documents without a token several may start at the same place; the last one there has it.
    number = int(np.searchsorted(start, offset, "right")) - 1
    found = table.slice(number, 1).to_pylist()[0]
    path = f"documents/{found['source']}/{found['shard']}.parquet"
    row = _document(output, path, found["row"])
    plan = read_json(join(output, PLAN))
    meta = json.loads(row["meta"])
    token, kind, around = _around(output, plan["spec"], row["text"], offset - int(start[number]), int(length[number]))
    return Place(
        name, offset, row["id"], found["source"], str(meta.get("url") or ""), license_of(row["id"], meta), path,
        found["row"], found["copy"], token, kind, offset - int(start[number]), int(length[number]), *around,
    )  # fmt: skip


def shard_named(output: str, given: str) -> str:
    """The name of a shard from its own or that of one of its files.

    Raises:
        UsageError: there is no finished run, or no such shard.
    """
    facts = read_facts(output)
    if not facts or not facts["mixture"]:
        raise UsageError(f"{output}: no finished run of a whole recipe here; expected manifest.json with a mixture.")
    if absolute(given).startswith(f"{absolute(output)}/"):
        given = absolute(given).removeprefix(f"{absolute(output)}/")
    rows = read_table(join(output, "manifest.parquet"), ["path", "phase", "item"]).to_pylist()
    files = {str(row["path"]): str(row["item"]) for row in rows if row["phase"] == "shards"}
    named = {item for path, item in files.items() if given in (item, path, path.removeprefix("shards/"))}
    if not named:
        bare = PurePosixPath(given).name
        named = {item for path, item in files.items() if bare in _names(path)}
    if len(named) == 1:
        return named.pop()
    first = next(iter(sorted(files.values())), "train-00000-of-00001")
    if named:
        raise UsageError(f"{given}: files of {len(named)} shards are called so. Give its path in {output}/shards.")
    raise UsageError(f"{given}: no shard of {output}. Give a name such as {first}, or a file in {output}/shards.")


def _names(path: str) -> tuple[str, str]:
    """The name of a file with and without its endings."""
    name = PurePosixPath(path).name
    return name, name.partition(".")[0]


def _document(output: str, path: str, number: int) -> dict[str, Any]:
    for found, row in numbered_rows(join(output, path)):
        if found == number:
            return row
    raise UsageError(f"{path}: no row {number:,}. `corpusmill check {output}` says what is wrong.")


def _around(
    output: str, spec: Mapping[str, Any], text: str, position: int, n_tokens: int
) -> tuple[int, str, tuple[str, str, str]]:
    """The token at a position of a document as written: its id, its kind, and the text before, of and behind it."""
    tokenizer = Tokenizer(join(output, MODEL if MODEL.split("/")[-1] in sizes(join(output, "tokenizer")) else JSON))
    ids = tokenizer.encode(text)
    marks = [(spec["bos_id"], "bos"), (spec["eos_id"], "eos")]
    if len(ids) + sum(id_ is not None for id_, _ in marks) != n_tokens:
        raise UsageError(f"a document has other tokens than its text. `corpusmill check {output}` says what is wrong.")
    at = position - (spec["bos_id"] is not None)
    if at < 0:
        return spec["bos_id"], "bos", ("", "", text[:AROUND])
    if at == len(ids):
        return spec["eos_id"], "eos", (text[-AROUND:], "", "")
    before, through = tokenizer.decode(ids[:at]), tokenizer.decode(ids[: at + 1])
    whole = tokenizer.decode(ids)
    shared = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(before, through, strict=False)))
    return int(ids[at]), "text", (before[-AROUND:], through[shared:], whole[len(through) :][:AROUND])
