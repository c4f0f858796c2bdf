"""Which document a token of a shard comes from."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

import numpy as np

from ..errors import UsageError
from ..formats.documents import read_table, rows_at
from ..manifest import finished, read_manifest
from ..shards.spec import PLAN
from ..shards.tokens import Ids
from ..storage import absolute, join, read_json, sizes
from ..tokenizer.encode import FOLDER, JSON, MODEL, Tokenizer

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
    return OpenShard(output, shard).place(offset)


class OpenShard:
    """A shard whose tokens are looked up."""

    def __init__(self, output: str, shard: str):
        self.output, self.name = output, shard_named(output, shard)
        self._table = read_table(join(output, f"shards/index/{self.name}.parquet"))
        self._start, self._length = (self._table[name].to_numpy().astype(np.int64) for name in ("start", "length"))
        self.n_tokens = int(self._length.sum())
        self._marks = read_json(join(output, PLAN))["spec"]
        model = MODEL if PurePosixPath(MODEL).name in sizes(join(output, FOLDER)) else JSON
        self._tokenizer = Tokenizer(join(output, model))
        self._document = functools.lru_cache(maxsize=1)(self._read)

    def place(self, offset: int) -> Place:
        """The place of a token. Raises UsageError for one that is not there."""
        if not 0 <= offset < self.n_tokens:
            raise UsageError(f"{self.name}: expected an offset from 0 to {self.n_tokens - 1:,}, got {offset:,}.")
        # Of documents without a token several may start at one place; the last of them has it.
        number = int(np.searchsorted(self._start, offset, "right")) - 1
        found, position = self._table.slice(number, 1).to_pylist()[0], offset - int(self._start[number])
        path = f"documents/{found['source']}/{found['shard']}.parquet"
        row, ids = self._document(path, found["row"])
        meta, n_tokens = json.loads(row["meta"]), int(self._length[number])
        token, kind, around = self._around(row["text"], ids, position, n_tokens)
        return Place(
            self.name, offset, row["id"], found["source"], str(meta.get("url") or ""), license_of(row["id"], meta),
            path, found["row"], found["copy"], token, kind, position, n_tokens, *around,
        )  # fmt: skip

    def _read(self, path: str, number: int) -> tuple[dict[str, Any], Ids]:
        for _, row in rows_at(join(self.output, path), {number}):
            return row, self._tokenizer.encode(row["text"])
        raise UsageError(f"{path}: no row {number:,}. `corpusmill check {self.output}` says what is wrong.")

    def _around(self, text: str, ids: Ids, position: int, n_tokens: int) -> tuple[int, str, tuple[str, str, str]]:
        """The token at a position of a document as written: its id, its kind, the text before, of and behind it."""
        bos, eos = self._marks["bos_id"], self._marks["eos_id"]
        if len(ids) + (bos is not None) + (eos is not None) != n_tokens:
            said = f"`corpusmill check {self.output}` says what is wrong."
            raise UsageError(f"{self.name}: a document that has other tokens than its text. {said}")
        at = position - (bos is not None)
        if at < 0:
            return bos, "bos", ("", "", text[:AROUND])
        if at == len(ids):
            return eos, "eos", (text[-AROUND:], "", "")
        first, last = max(0, at - AROUND), at + 1 + AROUND
        before, through, whole = (self._tokenizer.decode(ids[first:stop]) for stop in (at, at + 1, last))
        # A character may be of several tokens, and the last of them has it.
        shared = sum(
            1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(before, through, strict=False))
        )
        return int(ids[at]), "text", (before[-AROUND:], through[shared:], whole[len(through) :][:AROUND])


def shard_named(output: str, given: str) -> str:
    """The name of a shard from its own or that of one of its files.

    Raises:
        UsageError: there is no finished run, or no such shard.
    """
    finished(output, whole=True)
    if absolute(given).startswith(f"{absolute(output)}/"):
        given = absolute(given).removeprefix(f"{absolute(output)}/")
    rows = read_manifest(output, ["path", "phase", "item"], "shards").to_pylist()
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
