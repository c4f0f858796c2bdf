"""Which files a dump has, and where they come to: each source's own list, read as what it is, hostile or not."""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol, TypeVar
from urllib.parse import quote
from xml.parsers import expat

from ..errors import SourceError
from ..formats.gutenberg_catalog import Entry, read_catalog
from ..formats.stackexchange import site_of
from .addresses import Address
from .client import MAX_LIST_BYTES, Client, Missing, shown

T = TypeVar("T")

_DIGESTS = MappingProxyType({"sha256": 64, "sha1": 40, "md5": 32})
_LATEST = 8  # dumps that a message names


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to get: its place below `--inputs`, its address, and what the publisher's list says of it."""

    path: str
    url: str
    size: int | None = None
    digest: str = ""  # as sha256:…, sha1:…, md5:…


class Keep(Protocol):
    """Gets a list that stays on the disk, by its path and address, and reads it; what cannot be read does not stay."""

    def __call__(self, path: str, url: str, read: Callable[[bytes], T]) -> T: ...


@dataclass(frozen=True)
class Ask:
    """What a listing may ask."""

    address: Address
    dump: str
    languages: tuple[str, ...]
    folder: str  # with {dump}, {language} and {wiki}
    elsewhere: bool  # the folder is not the publisher's
    client: Client
    keep: Keep

    def at(self, language: str = "") -> str:
        """The folder of the files, with its slash."""
        names = {"{dump}": self.dump, "{language}": language, "{wiki}": wiki_of(language)}
        folder = self.folder
        for name, value in names.items():
            folder = folder.replace(name, value)
        return folder.rstrip("/") + "/"


def wiki_of(language: str) -> str:
    """What Wikimedia calls a Wikipedia.

    >>> wiki_of("zh-yue")
    'zh_yuewiki'
    """
    return f"{language.replace('-', '_')}wiki"


def commoncrawl(ask: Ask) -> Iterator[Wanted]:
    """The paths of `wet.paths.gz`, which are relative to the publisher's root and keep their folders here."""
    name = f"crawl-data/{ask.dump}/wet.paths.gz"
    url = ask.at() + name
    pattern = re.compile(rf"crawl-data/{re.escape(ask.dump)}/segments/[\w.-]+/wet/[\w.-]+\.warc\.wet\.gz", re.ASCII)

    def read(data: bytes) -> list[str]:
        return [_safe(url, line, pattern) for line in _lines(url, data)]

    try:
        paths = ask.keep(f"commoncrawl/{name}", url, read)
    except Missing as error:
        raise SourceError(f"{error}{_there(ask)}") from error
    for path in paths:
        yield Wanted(f"commoncrawl/{path}", ask.at() + quote(path))


def c4(ask: Ask) -> Iterator[Wanted]:
    """Files whose names are known: no list is asked for. Their digests come with their redirects."""
    total = next(part.files for part in ask.address.parts if part.dump == ask.dump)
    for n in range(total):
        name = f"c4-train.{n:05}-of-{total:05}.json.gz"
        yield Wanted(f"c4/{ask.dump}/{name}", ask.at() + name)


def wikipedia(ask: Ask) -> Iterator[Wanted]:
    """One whole file a language where Wikimedia has put its parts together, else the parts."""
    for language in ask.languages:
        yield from _wiki(ask, language)


def _wiki(ask: Ask, language: str) -> Iterator[Wanted]:
    stem = f"{wiki_of(language)}-{ask.dump}"
    pattern = re.compile(rf"{re.escape(stem)}-pages-articles-multistream\d*\.xml(?:-p\d+p\d+)?\.bz2", re.ASCII)
    whole = f"{stem}-pages-articles-multistream.xml.bz2"
    folder = ask.at(language)
    found = _of_status(ask, folder, pattern) or _of_sums(ask, folder, stem, pattern)
    if not found:
        text = f"{folder}: no list of its files (dumpstatus.json, {stem}-sha1sums.txt) that names {whole}."
        raise SourceError(f"wikipedia: {text}{_there(ask, language)}")
    for name in [whole] if whole in found else sorted(found, key=_by_numbers):
        size, digest = found[name]
        yield Wanted(f"wikipedia/{name}", folder + name, size, digest)


def _of_status(ask: Ask, folder: str, pattern: re.Pattern[str]) -> dict[str, tuple[int | None, str]]:
    """Name → size and digest of the files that `dumpstatus.json` calls done. Raises SourceError while they are made."""
    url = f"{folder}dumpstatus.json"
    status = _optional(ask, url)
    if status is None:
        return {}
    jobs = _json(url, status).get("jobs")
    found, waiting = dict[str, tuple[int | None, str]](), []
    for name in ("articlesmultistreamdump", "articlesmultistreamdumprecombine"):
        job = jobs.get(name) if isinstance(jobs, Mapping) else None
        files = job.get("files") if isinstance(job, Mapping) else None
        if not isinstance(files, Mapping) or not isinstance(job, Mapping):
            continue
        if job.get("status") != "done":
            waiting.append(f"{name} is {shown(str(job.get('status')), 40)}")
            continue
        for file, about in files.items():
            if pattern.fullmatch(str(file)) and isinstance(about, Mapping):
                found[file] = (_size(about.get("size")), _digest(about))
    if not found and waiting:
        raise SourceError(f"{url}: not finished yet: {', '.join(waiting)}. Take an older --dump, or wait.")
    return found


def _of_sums(ask: Ask, folder: str, stem: str, pattern: re.Pattern[str]) -> dict[str, tuple[int | None, str]]:
    """The same by a list of checksums, a digest and a name a line."""
    for kind in ("sha1", "md5"):
        text = _optional(ask, f"{folder}{stem}-{kind}sums.txt")
        rows = [line.split() for line in (text or b"").decode(errors="replace").splitlines()]
        found = {row[1]: (None, _digest({kind: row[0]})) for row in rows if len(row) == 2 and pattern.fullmatch(row[1])}
        if found:
            return dict(found)
    return {}


def books(ask: Ask) -> Iterator[Wanted]:
    """The texts of the catalogue, by their numbers, from the folder of generated files that each mirror has."""
    name = "cache/epub/feeds/pg_catalog.csv.gz"
    url = ask.at() + name if ask.elsewhere else ask.address.catalog

    def read(data: bytes) -> list[Entry]:
        entries = read_catalog(io.BytesIO(_unpacked(url, data)))
        if texts := [entry for entry in entries if isinstance(entry, Entry) and entry.kind == "Text"]:
            return texts
        raise SourceError(f"{url}: has no book; expected Project Gutenberg's catalogue.")

    entries = ask.keep("books/pg_catalog.csv.gz", url, read)
    texts = {e.number for e in entries if not ask.languages or set(ask.languages) & set(e.languages)}
    for number in sorted(texts):
        yield Wanted(f"books/gutenberg/pg{number}.txt", f"{ask.at()}cache/epub/{number}/pg{number}.txt")


def stackexchange(ask: Ask) -> Iterator[Wanted]:
    """The archives that hold posts, the largest first, by archive.org's list of an item."""
    folder = ask.at()
    url = f"{folder}{folder.split('/')[-2]}_files.xml"
    try:
        data = ask.client.small(url)
    except Missing as error:
        raise SourceError(f"{error} Expected archive.org's list of the item's files.") from error
    found = []
    for name, about in _archive_files(url, data):
        if name.endswith(".7z") and site_of(name):
            path = _safe(url, name, re.compile(r"[\w.-]+\.7z", re.ASCII))
            found.append(
                Wanted(f"stackexchange/{path}", folder + quote(name), _size(about.get("size")), _digest(about))
            )
    yield from sorted(found, key=lambda one: (-(one.size or 0), one.path))


def models(ask: Ask) -> Iterator[Wanted]:
    for known in ask.address.files:
        yield Wanted(f"models/{known.path}", ask.at() + known.path, known.bytes, known.digest)


LISTINGS: Mapping[str, Callable[[Ask], Iterator[Wanted]]] = MappingProxyType(
    {
        "commoncrawl": commoncrawl,
        "c4": c4,
        "wikipedia": wikipedia,
        "books": books,
        "stackexchange": stackexchange,
        "models": models,
    }
)


def available(ask: Ask, language: str = "") -> list[str]:
    """The newest dumps that the publisher's index names, newest first; none where it cannot be read."""
    before, has_dump, _ = ask.folder.partition("{dump}")
    url = ask.address.dumps if ask.address.dumps and not ask.elsewhere else ""
    if not url and has_dump:
        url = before.replace("{language}", language).replace("{wiki}", wiki_of(language))
    if not url or not ask.address.dump:
        return []
    try:
        text = ask.client.small(url).decode(errors="replace")
    except SourceError:
        return []
    found = re.findall(rf'"({ask.address.dump})/?"', text)  # a value of JSON, or a link
    return sorted(set(found), reverse=True)[:_LATEST]


def _there(ask: Ask, language: str = "") -> str:
    found = available(ask, language)
    return f" There are {', '.join(found)}, as the index says." if found else ""


# ---- what publishers write -------------------------------------------------------------------------------------------


def _safe(where: str, path: str, pattern: re.Pattern[str]) -> str:
    """A path of a publisher's list that stays below its folder, or an error."""
    if not pattern.fullmatch(path) or any(part in ("", ".", "..") or part[0] == "." for part in path.split("/")):
        raise SourceError(f'{where}: names "{shown(path)}", which is no path of such a list. Nothing was fetched.')
    return path


def _lines(url: str, data: bytes) -> Iterable[str]:
    """The lines of a list packed by gzip, each once, in its order; a list without any is an error."""
    text = _unpacked(url, data).decode(errors="replace")
    if lines := dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()):
        return lines
    raise SourceError(f"{url}: an empty list; expected paths.")


def _unpacked(url: str, data: bytes) -> bytes:
    """A list that gzip packed."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            text = file.read(MAX_LIST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{url}: not a list packed by gzip ({type(error).__name__}: {error}).") from error
    if len(text) > MAX_LIST_BYTES:
        raise SourceError(f"{url}: unpacks to more than {MAX_LIST_BYTES:,} bytes; expected a list of files.")
    return text


def _json(url: str, data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"{url}: not JSON ({shown(str(error))}): {shown(data[:80].decode(errors='replace'))}"
        ) from error
    return value if isinstance(value, dict) else {}


def _archive_files(url: str, data: bytes) -> list[tuple[str, dict[str, str]]]:
    """Name and properties of each file of archive.org's `…_files.xml`. Entities are refused, never expanded."""
    found: list[tuple[str, dict[str, str]]] = []
    field = ""

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal field
        field = tag
        if tag == "file":
            found.append((attributes.get("name", ""), {}))

    def text(value: str) -> None:
        if found and field in ("size", "md5", "sha1"):
            about = found[-1][1]
            about[field] = about.get(field, "") + value.strip()

    def refuse(*_: object) -> None:
        raise SourceError(f"{url}: defines entities; expected archive.org's list of files.")

    def end(_: str) -> None:
        nonlocal field
        field = ""

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.CharacterDataHandler = start, text
    parser.EndElementHandler, parser.EntityDeclHandler = end, refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise SourceError(f"{url}: not XML ({error}); expected archive.org's list of files.") from error
    return found


def _optional(ask: Ask, url: str) -> bytes | None:
    try:
        return ask.client.small(url)
    except Missing:
        return None


def _size(value: object) -> int | None:
    return int(str(value)) if re.fullmatch(r"\d{1,18}", str(value)) else None


def _digest(about: Mapping[str, Any]) -> str:
    """The best digest that a list gives.

    >>> _digest({"md5": "d41d8cd98f00b204e9800998ecf8427e", "sha1": "not one"})
    'md5:d41d8cd98f00b204e9800998ecf8427e'
    """
    for kind, length in _DIGESTS.items():
        if re.fullmatch(rf"[0-9a-f]{{{length}}}", str(about.get(kind, "")).lower()):
            return f"{kind}:{str(about[kind]).lower()}"
    return ""


def _by_numbers(name: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", name)]
