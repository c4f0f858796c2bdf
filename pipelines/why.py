"""What happened to one document: the steps that it went through, its lines that went, and the verdict."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import CorpusmillError, UsageError, did_you_mean
from ..formats.documents import DROPPED, read_table
from ..manifest import read_facts
from ..mixtures.recipe import Recipe, read_recipe
from ..records import is_text
from ..storage import join, sizes
from .fate import Fate, fate_of
from .inputs import recorded_inputs
from .retelling import Retelling

READ_AT_ONCE = 8  # Parquet files
UUID = re.compile(r"(?:<?urn:uuid:)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})>?")
QUESTION = re.compile(r"https?://([^/]+)/(?:questions|q)/([0-9]+)(?:[/?#].*)?")
ANSWER = re.compile(r"https?://([^/]+)/a/([0-9]+)(?:[/?#].*)?")
POST = re.compile(r"stackexchange:([^/]+)/([0-9]+)")
VERSION = re.compile(r"(arxiv:.+?)v[0-9]+")
# What the ids of each source look like.
FORMS: Mapping[str, str] = MappingProxyType(
    {
        "commoncrawl": "commoncrawl:UUID, that of the WARC record",
        "c4": "c4:example.org/page",
        "github": "github:owner/name/path",
        "wikipedia": "wikipedia:en/12, the number of the page",
        "books": "books:gutenberg/11, or books:COLLECTION/FILE",
        "arxiv": "arxiv:0704.0001",
        "stackexchange": "stackexchange:stackoverflow.com/4, the number of the question",
    }
)

Found = tuple[str, int, dict[str, Any]]  # path, number of the row, values without text


def fates(output: str, wanted: str, inputs: str | None = None) -> list[Fate]:
    """All documents of a run with this id or this URL; with the folder of its inputs, step by step.

    An answer of Stack Exchange leads to its question.

    Raises:
        UsageError: no run, no such document, or an input that is not there or not as it was.
    """
    recipe = read_recipe(output)
    if not (asked := wanted.strip()) or not is_text(asked):
        what = f"{asked!a} is no text" if asked else "an empty id"
        raise UsageError(f"{what}; expected one as in commoncrawl:UUID or wikipedia:en/12, or a whole URL.")
    paths = sorted(p for p in sizes(output) if p.startswith(("documents/", "dropped/")) and p.endswith(".parquet"))
    wanted = canonical(asked)
    source = wanted.partition(":")[0]
    if source in recipe.active:
        paths = [path for path in paths if path.split("/")[1] == source]
    note = ""
    found = _search(output, paths, [wanted])
    if not found and (post := POST.fullmatch(wanted)) and (found := _with_answer(output, paths, post[1], post[2])):
        note = f"{asked} is one of its answers."
    if not found:
        raise _not_found(output, paths, recipe, asked, wanted)
    recorded = recorded_inputs(output)
    own = (read_facts(output) or {}).get("own", {})
    listed = [_described(dataclasses.replace(fate_of(recorded, *one), note=note), own) for one in found]
    if inputs is None:
        return listed
    result = []
    for told in Retelling(output, read_recipe(output, code=True), inputs).told(listed):
        if isinstance(told, CorpusmillError):
            raise told
        result.append(dataclasses.replace(told, note=" ".join(filter(None, (note, told.note)))))
    return result


def _described(fate: Fate, own: Mapping[str, Any]) -> Fate:
    """With the line of its reason, where it is of a source of the user's own, of which the run wrote it down."""
    return dataclasses.replace(fate, description=own.get(fate.source, {}).get("reasons", {}).get(fate.outcome, ""))


def canonical(asked: str) -> str:
    """An id or a URL as a run lists it, from the forms in which people meet them.

    >>> canonical("<urn:uuid:ba729a40-ff84-4085-8d48-0a5b2ee0c42d>")
    'commoncrawl:ba729a40-ff84-4085-8d48-0a5b2ee0c42d'
    >>> canonical("https://stackoverflow.com/q/4/12"), canonical("https://stackoverflow.com/a/7#x")
    ('https://stackoverflow.com/questions/4', 'stackexchange:stackoverflow.com/7')
    >>> canonical("arxiv:0704.0001v2")
    'arxiv:0704.0001'
    """
    if uuid := UUID.fullmatch(asked):  # as it stands in a record's header
        return f"commoncrawl:{uuid[1]}"
    if question := QUESTION.fullmatch(asked):  # as browsers show it, with its title behind
        return f"https://{question[1]}/questions/{question[2]}"
    if answer := ANSWER.fullmatch(asked):  # as the site's own links have it
        return f"stackexchange:{answer[1]}/{answer[2]}"
    if version := VERSION.fullmatch(asked):
        return version[1]
    return asked


def _search(output: str, paths: Sequence[str], wanted: Sequence[str]) -> list[Found]:
    """All rows with one of these ids or URLs."""
    with ThreadPoolExecutor(READ_AT_ONCE) as pool:
        return list(chain.from_iterable(pool.map(lambda path: _rows(output, path, wanted), paths)))


def _rows(output: str, path: str, wanted: Sequence[str]) -> list[Found]:
    """The rows of a file of documents, or of dropped ones, with one of these ids or URLs."""
    kept = path.startswith("documents/")
    table = read_table(join(output, path), ["id", "meta"] if kept else [*DROPPED.names])
    names = pa.array(wanted, pa.string())
    found = pc.is_in(table["id"], names)
    if kept:
        for one in wanted:
            maybe = pc.match_substring(table["meta"], json.dumps(one, ensure_ascii=False)[1:-1])
            found = pc.or_(found, pc.fill_null(maybe, False))
    else:
        found = pc.or_(found, pc.is_in(table["url"], names))
    return [
        (path, number, row)
        for number, row in _taken(table, found)
        if row["id"] in wanted or (json.loads(row["meta"]).get("url") if kept else row["url"]) in wanted
    ]


def _taken(table: pa.Table, chosen: pa.ChunkedArray) -> list[tuple[int, dict[str, Any]]]:
    """Rows of a table with their numbers."""
    # Not pc.indices_nonzero: it crashes on a column of no chunks.
    numbers = np.flatnonzero(chosen.to_numpy()).tolist()
    return list(zip(numbers, table.take(pa.array(numbers, pa.int64())).to_pylist(), strict=True))


def _with_answer(output: str, paths: Sequence[str], site: str, number: str) -> list[Found]:
    """The kept question of which an answer has this number, if one has."""

    def rows(path: str) -> list[Found]:
        table = read_table(join(output, path), ["id", "meta"])
        maybe = pc.fill_null(pc.match_substring(table["meta"], f'"id": {number},'), False)
        return [
            (path, row_number, row)
            for row_number, row in _taken(table, maybe)
            if row["id"].startswith(f"stackexchange:{site}/")
            and any(str(answer.get("id")) == number for answer in json.loads(row["meta"]).get("answers", []))
        ]

    with ThreadPoolExecutor(READ_AT_ONCE) as pool:
        kept = [path for path in paths if path.startswith("documents/stackexchange/")]
        return list(chain.from_iterable(pool.map(rows, kept)))


def _not_found(output: str, paths: Sequence[str], recipe: Recipe, asked: str, wanted: str) -> UsageError:
    """What to say of a document that is not there: the nearest one that is, or what the ids look like."""
    source, colon, _ = wanted.partition(":")
    if "://" in wanted:
        near = _search(output, paths, sorted(spellings(wanted)))
        urls = {json.loads(row["meta"])["url"] if "meta" in row else row["url"] for _, _, row in near}
        hint = f' (did you mean "{min(urls)}"?)' if urls else ""
        said = f"`corpusmill look {output} --where 'url~…'` finds URLs by a part of them."
        return _nothing(output, asked, f"{hint}. {said}")
    if colon and source in recipe.active:
        more = " An answer that no kept question has is not listed: give its question." * (source == "stackexchange")
        return _nothing(output, asked, f". Ids are as in {_form(source)}.{more}")
    forms = "; ".join(map(_form, recipe.active))
    if colon:
        hint = did_you_mean(source, recipe.active)
        said = f"{source} is no source of {output}{hint}"
        return UsageError(f"{asked}: {said}. Give an id as in {forms}; or a whole URL.")
    return UsageError(
        f"{asked}: neither an id nor a URL. Give an id as in {forms}; or a whole URL. `corpusmill look {output} "
        "--where 'title~…'` finds documents by what is known of them."
    )


def _form(source: str) -> str:
    """What its ids look like; of a source of the user's own no more is known than what they begin with."""
    return FORMS.get(source, f"{source}:ID")


def _nothing(output: str, asked: str, more: str) -> UsageError:
    return UsageError(
        f"{asked}: neither among the documents of {output} nor among the dropped ones{more} Or it is not in the "
        "inputs, not within the limit, a part of another document, or damaged: errors/ lists what could not be read."
    )


def spellings(url: str) -> Collection[str]:
    """How else a URL may be written.

    >>> sorted(spellings("http://www.example.org/a/#top"))[:3]
    ['http://example.org/a', 'http://example.org/a/', 'http://www.example.org/a']
    """
    rest = url.partition("://")[2].partition("#")[0].removeprefix("www.").rstrip("/")
    return {
        f"{scheme}://{www}{rest}{slash}" for scheme in ("http", "https") for www in ("", "www.") for slash in ("", "/")
    }
