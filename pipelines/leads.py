"""What Wikipedia gives to the quality filters of CommonCrawl: the lead sections of its articles, and what they cite.

leads   each slice of a dump: the text before the first heading, of the languages asked for, to train n-gram models on;
        the external URLs that the articles cite, and their sorted keys. Of a Cirrus dump whose plain text is taken
        these are its fields `opening_text` and `external_link`
cited   one item: the keys of all slices together, or those of a list of URLs that the user gives

A URL's key is a hash of its normalised form: a page is cited when its own key is among them.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import xxhash

from ..errors import UsageError
from ..filters.urls import normalize_url
from ..manifest import WORK, File, Receipt, files_of
from ..mixtures.sources import LLAMA_WIKIPEDIAS, WikipediaRecipe
from ..records import Damage, Document
from ..storage import MIB, between, digest, join, key_ranges, map_array, read_lines
from .inputs import Model
from .phase import Item, Phase, ShardOutput
from .reading import Reading, made_from, versions
from .results import urls_of
from .sorted_keys import SortedKeys
from .source import Keys, run_steps
from .sources import source_of
from .taken_down import TakenDown
from .wikipedia import articles, cited_by, language_of, lead_of

LEADS = pa.schema({"id": pa.string(), "language": pa.string(), "revision": pa.int64(), "text": pa.string()})
CITATIONS = pa.schema({"id": pa.string(), "url": pa.string()})  # of an article, as it stands there
LEADS_ENDING, CITATIONS_ENDING, KEYS_ENDING = ".leads.parquet", ".citations.parquet", ".keys"
CITED = "models/cited.keys"
KEY = np.dtype("<u8")
MERGED_AT_ONCE = 64 * MIB  # of keys


@dataclass(frozen=True, slots=True)
class Lead:
    """Task: one slice of a dump."""

    reading: Reading
    languages: tuple[str, ...]  # whose lead sections are wanted
    cites: bool  # whether what is cited is wanted: then all languages are read
    reports: bool  # whether damage is accounted for here: no other phase reads the dumps


def leads_phase(plan: Sequence[Reading], languages: Iterable[str], cites: bool, reports: bool) -> Phase:
    """Read the dumps for lead sections and citations: all articles, whatever the limit of the run, so that a try with
    few pages of the crawl does not learn from few articles, too."""
    items = []
    for reading in plan:
        task = Lead(dataclasses.replace(reading, limit=1.0), _wanted_of(reading, languages), cites, reports)
        source, steps = source_of(reading.source, reading.recipe), versions(articles(_options(task)))
        decides = (source.version, dict(source.decides(reading.recipe)), steps)
        fingerprint = digest("leads", 3, decides, task.languages, cites, reports, made_from(reading.slice))
        items.append(Item(reading.slice.name, fingerprint, reading.slice.stop - reading.slice.start, task))
    return Phase("wikipedia/leads", items, gather, unit="lead sections")


def _wanted_of(reading: Reading, languages: Iterable[str]) -> tuple[str, ...]:
    """The wanted languages that a dump can be in: one more language must not read the dumps of others again."""
    named = language_of(reading.slice.input.name)
    return tuple(sorted({named} & set(languages) if named in LLAMA_WIKIPEDIAS else set(languages)))


def _options(task: Lead) -> WikipediaRecipe:
    """The settings of Wikipedia, with the languages that are wanted here among those that are read."""
    options = task.reading.recipe
    assert isinstance(options, WikipediaRecipe), "only Wikipedia has lead sections"
    return dataclasses.replace(options, languages=tuple(sorted({*options.languages, *task.languages})))


def gather(task: Lead, out: ShardOutput) -> None:
    stem = join(WORK, "leads", task.reading.slice.name)
    counts: Counter[str] = Counter()
    taken_down = TakenDown.read(out.output)
    with out.scratch() as scratch:
        keys = SortedKeys(scratch)
        with (
            out.table(f"{stem}{CITATIONS_ENDING}", CITATIONS) as citations,
            out.table(f"{stem}{LEADS_ENDING}", LEADS) as leads,
        ):
            for article in _articles(task, out):
                language = article.meta["language"]
                gone = taken_down.holds(article.id, article.meta["url"])
                if language in task.languages and not gone and (text := lead_of(article)):
                    revision = int(article.meta["revision"])
                    leads.add({"id": article.id, "language": language, "revision": revision, "text": text})
                    counts[f"leads.{language}"] += 1
                    counts[f"lead_bytes.{language}"] += len(text.encode())
                if task.cites:
                    urls = dict.fromkeys(cited_by(article))
                    for url in urls:
                        citations.add({"id": article.id, "url": url})
                    keys.add(url_keys(urls))
            leads.counts = dict(counts)
        with out.binary(f"{stem}{KEYS_ENDING}", width=KEY.itemsize) as file:
            for piece in keys.merged():
                file.write(piece.keys.astype(KEY, copy=False))


def _articles(task: Lead, out: ShardOutput) -> Iterator[Document]:
    """The articles of a slice, their text still wikitext; none of a dump in which nothing is wanted."""

    def documents() -> Iterator[Document]:
        for record in task.reading.records(Counter()):
            if isinstance(record, Damage):
                if task.reports:
                    out.damage(task.reading.slice.input.name, record)
            elif not task.cites and record.meta["language"] not in task.languages:
                return  # a dump is in one language
            else:
                yield record

    for result in run_steps(documents(), articles(_options(task)), out.spent):
        if isinstance(result, Document):
            yield result


def url_keys(urls: Iterable[str]) -> Keys:
    """The keys of URLs, sorted; those that name no web page have none.

    >>> len(url_keys(["http://a.org/b", "https://A.org/b#c", "mailto:a@b.org"]))
    1
    """
    forms = {normalize_url(url) for url in urls} - {""}
    return np.sort(np.array([xxhash.xxh3_64_intdigest(form.encode()) for form in forms], KEY))


# --- cited ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cited:
    """Task: the keys of the cited URLs, from the slices of the dumps, or from a list."""

    keys: tuple[tuple[str, File], ...]
    urls: Mapping[str, Model]


def cited_phase(leads: Mapping[str, Receipt], urls: Mapping[str, Model]) -> Phase:
    """All cited URLs; `urls` holds the list of the user, if there is one."""
    keys = tuple((path, file) for path, file in files_of(leads.values()).items() if path.endswith(KEYS_ENDING))
    made = ([file.sha256 for _, file in keys], [one.identity for one in urls.values()])
    cost = sum(file.bytes for _, file in keys)
    return Phase("cited", [Item("cited", digest("cited", 1, made), cost, Cited(keys, urls))], merge, unit="URLs")


def merge(task: Cited, out: ShardOutput) -> None:
    with out.scratch() as scratch, out.binary(CITED, width=KEY.itemsize) as file:
        pieces = _merged(task, out) if not task.urls else _listed(urls_of(out, task.urls), SortedKeys(scratch))
        for keys in pieces:
            file.write(keys.astype(KEY, copy=False))


def _merged(task: Cited, out: ShardOutput) -> Iterator[Keys]:
    arrays = [map_array(out.verified(path, file.sha256), KEY) for path, file in task.keys]
    size = sum(file.bytes for _, file in task.keys)
    for first, last in key_ranges(max(1, -(-size // MERGED_AT_ONCE))):
        keys = np.concatenate([between(array, first, last)[1] for array in arrays])
        keys.sort()
        yield keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]


def _listed(urls: Mapping[str, str], keys: SortedKeys) -> Iterator[Keys]:
    """The keys of lists of URLs, one a line; what stands behind a tab is not looked at."""
    for url in urls.values():
        n_lines = n_keys = 0
        for number, line in enumerate(read_lines(url)):
            own = url_keys([line.partition("\t")[0].strip()])
            n_lines, n_keys = number + 1, n_keys + len(own)
            keys.add(own)
        if not n_keys:
            raise UsageError(f"{url}: expected a list of URLs, one a line; none of its {n_lines:,} lines is one.")
    for piece in keys.merged():
        yield piece.keys
