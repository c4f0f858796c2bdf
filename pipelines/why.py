"""What happened to one document: the steps that it went through, its lines that went, and the verdict."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import CorpusmillError, UsageError, did_you_mean
from ..manifest import read_facts
from ..mixtures.recipe import Recipe, read_recipe
from ..records import is_text
from .fate import Fate, Origins, fate_of
from .retelling import Retelling
from .searching import Found, Indexes, Sought, ahead, rows_in, tables
from .told import reasons_told

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
    wanted = canonical(asked)
    source, _, rest = wanted.partition(":")
    facts, note, near = read_facts(output) or {}, "", list[str]()
    found: list[Found] = []
    if source in recipe.active and not rest.startswith("//"):
        found = _by_id(output, source, wanted, bool(facts.get("mixture")))
        if not found and (post := POST.fullmatch(wanted)) and (found := _with_answer(output, post[1], post[2])):
            note = f"{asked} is one of its answers."
    elif "://" in wanted:
        found, near = _by_url(output, wanted)
    if not found:
        raise _not_found(output, recipe, asked, wanted, near)
    origins = Origins(output)
    listed = []
    for fate in (fate_of(origins, *one) for one in found):
        description = reasons_told(facts, fate.source).get(fate.outcome, "")
        listed.append(dataclasses.replace(fate, note=note, description=description))
    if inputs is None:
        return listed
    result = []
    for told in Retelling(output, read_recipe(output, code=True), inputs, origins).told(listed):
        if isinstance(told, CorpusmillError):
            raise told
        result.append(dataclasses.replace(told, note=" ".join(filter(None, (note, told.note)))))
    return result


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


def _by_id(output: str, source: str, wanted: str, indexed: bool) -> list[Found]:
    """The kept document with an id, and the dropped ones: of these there may be several, of two crawls or dumps.

    Of kept ones there is one, so that no more files are opened once it is found; `indexed` token files say where.
    """
    sought, indexes = Sought([wanted]), Indexes(output, source) if indexed else None

    def kept_in(path: str) -> list[Found]:
        return sought.in_file(output, path) if indexes is None or indexes.may_hold(path, wanted) else []

    kept: list[Found] = next(filter(None, ahead(kept_in, tables(output, "documents", source))), [])
    dropped = ahead(functools.partial(sought.in_file, output), tables(output, "dropped", source))
    return [*kept, *chain.from_iterable(dropped)]


def _by_url(output: str, wanted: str) -> tuple[list[Found], list[str]]:
    """All documents with a URL; and other URLs there that are nearly the same."""
    also = spellings(wanted)
    sought = Sought(urls={wanted, *also}, part=min(also, key=len).partition("://")[2])
    paths = [*tables(output, "documents"), *tables(output, "dropped")]
    seen: list[Found] = list(chain.from_iterable(ahead(functools.partial(sought.in_file, output), paths)))
    urls = [json.loads(row["meta"])["url"] if "meta" in row else row["url"] for _, _, row in seen]
    return [one for one, url in zip(seen, urls, strict=True) if url == wanted], sorted(set(urls))


def _with_answer(output: str, site: str, number: str) -> list[Found]:
    """The kept question of which an answer has this number, if one has."""

    def fit(table: pa.Table) -> list[bool]:
        maybe = pc.fill_null(pc.match_substring(table["meta"], f'"id": {number},'), False).to_pylist()
        start = f"stackexchange:{site}/"
        return [
            one
            and id_.startswith(start)
            and any(str(of.get("id")) == number for of in json.loads(meta).get("answers", []))
            for one, id_, meta in zip(maybe, table["id"].to_pylist(), table["meta"].to_pylist(), strict=True)
        ]

    def rows(path: str) -> list[Found]:
        borders = f"stackexchange:{site}/", f"stackexchange:{site}0"  # which comes next after the slash
        return rows_in(output, path, ["id", "meta"], fit, ["id", "meta"], borders)

    return next(filter(None, ahead(rows, tables(output, "documents", "stackexchange"))), [])


def _not_found(output: str, recipe: Recipe, asked: str, wanted: str, near: Sequence[str]) -> UsageError:
    """What to say of a document that is not there: the nearest one that is, or what the ids look like."""
    source, colon, _ = wanted.partition(":")
    if "://" in wanted:
        hint = f' (did you mean "{near[0]}"?)' if near else ""
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
        f"{asked}: neither among the documents of {output} nor among the dropped ones{more} It may not be in the "
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
