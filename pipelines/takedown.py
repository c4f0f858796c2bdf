"""Documents out of a finished corpus: out of their files, the token files, and the shards that they stand in.

First the list is written down, and what the folder was: killed from then on, the same command goes on, and no run
starts. Then each file that holds the text is written again without it (`purge.py`). Then the phases from `tokens` on
run as always, and find to do what was taken out of force: the touched token files and shards. The plan stays, and with
it the place of every other document.
"""

from __future__ import annotations

import bisect
import dataclasses
import datetime
import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from ..errors import UsageError
from ..filters.ccnet_perplexity import normalize_for_lm
from ..formats.documents import read_footer, read_rows, read_table, row_numbers, rows_at
from ..manifest import (
    CARD,
    CROISSANT,
    REPORT,
    UNFINISHED,
    Receipt,
    disturbed,
    finished_items,
    read_facts,
    read_receipts,
    receipt_url,
    write_manifest,
    write_receipt,
)
from ..mixtures.circle import CIRCLE, SourcePlan, in_validation, included, turn
from ..mixtures.recipe import Recipe, read_recipe
from ..records import Reason, is_text
from ..shards.build import VALIDATION_SEED
from ..shards.spec import PLAN
from ..shards.tokens import INDEX
from ..storage import absolute, is_file, join, map_array, read_json, remove, write_json
from ..tokenizer.train import training_lines
from . import tokenizer, tokens
from .build import MANIFEST, account, digests_of_corpus, merge_tokens, write_shards
from .documents import settled_documents
from .engine.driver import Driver
from .leads import LEADS_ENDING
from .lock import locked
from .phase import Item, Phase
from .purge import Purge
from .results import DOCUMENTS_ENDING, DROPPED_ENDING
from .searching import Sought, ahead, tables
from .sources import SOURCES
from .taken_down import TakenDown
from .threads import questions_of


@dataclass(frozen=True, slots=True)
class Found:
    """A document on the list: in a file of documents, or, as one that was dropped, in one of those."""

    id: str
    url: str
    path: str
    row: int
    reason: str = ""  # of one that was dropped

    @property
    def is_kept(self) -> bool:
        return self.path.startswith("documents/")

    @property
    def source(self) -> str:
        return self.path.split("/")[1]

    @property
    def shard(self) -> str:
        """The name of its file, as all phases of its source call it."""
        return PurePosixPath(self.path).stem


@dataclass(frozen=True)
class Touched:
    """What a take-down touches, by the names of things. `unknown` was asked for, and is not there.

    Of dropped documents the heads of their texts go, and what earlier phases have of them.
    """

    documents: Sequence[Found]
    dropped: Sequence[Found]
    token_files: Sequence[str]
    shards: Sequence[str]
    unknown: Sequence[str]


@dataclass
class Unfinished:
    """The state of a take-down, in `work/`, while it is under way."""

    facts: dict[str, Any]  # of manifest.json, which is away meanwhile
    origins: dict[str, str] = field(default_factory=dict)  # of the files of touched token files: File.identity
    token_files: list[str] = field(default_factory=list)
    shards: list[str] = field(default_factory=list)
    in_force: bool = True  # whether the receipts of those still say that they are done


def asked(words: Iterable[str], own: Collection[str] = ()) -> TakenDown:
    """What people name: ids of documents, those of their `own` sources included, and whole URLs.

    >>> sorted(asked(["wikipedia:en/12", " https://example.org/ ", ""]).urls)
    ['https://example.org/']

    Raises:
        UsageError: neither an id nor a URL.
    """
    ids, urls = set[str](), set[str]()
    for word in filter(None, (word.strip() for word in words)):
        if not is_text(word):
            raise UsageError(f"{word!a}: expected UTF-8.")
        if word.partition(":")[0] in {*SOURCES, *own} and not word.partition(":")[2].startswith("//"):
            ids.add(word)
        elif "://" in word:
            urls.add(word)
        else:
            raise UsageError(
                f"{word}: expected an id as in commoncrawl:UUID, github:owner/name/path or wikipedia:en/12, or a whole "
                "URL; one a line."
            )
    return TakenDown(frozenset(ids), frozenset(urls))


def sources_of(output: str) -> list[str]:
    """The sources of a finished run, the user's own included; none where there is no such run."""
    state = _state(output)
    return list(state.facts["sources"]) if state else []


def touched_by(output: str, words: TakenDown) -> tuple[Touched, TakenDown]:
    """What a take-down would touch, and the list that it would leave. Nothing is written.

    Raises:
        UsageError: no finished run, and no take-down under way.
    """
    state = _state(output)
    if state is None:
        raise UsageError(
            disturbed(output)
            or f"{output}: no finished run here. Finish it with the same `corpusmill run`, then take down."
        )
    if not (words.ids or words.urls or is_file(join(output, UNFINISHED))):
        raise UsageError(f"{output}: no take-down to go on with here. Name documents, by ids or whole URLs.")
    listed = TakenDown.read(output) | words
    found = find(output, listed)
    listed |= TakenDown(frozenset(one.id for one in found))
    known = {one.id for one in found} | {one.url for one in found}
    kept = [one for one in found if one.is_kept]
    files = sorted({f"{one.source}/{one.shard}" for one in kept}) if state.facts["mixture"] else []
    shards = sorted(shards_of(output, kept)) if files else []
    unknown = sorted((words.ids | words.urls) - known)
    # Last of all a document goes from its file of documents: where it stands taken down alone, all is done.
    dropped = [one for one in found if not one.is_kept and one.reason != Reason.TAKEN_DOWN]
    return Touched(kept, dropped, files, shards, unknown), listed


def find(output: str, wanted: TakenDown) -> list[Found]:
    """All documents on a list, kept or dropped."""
    sources = [""] if wanted.urls else sorted({id_.partition(":")[0] for id_ in wanted.ids})
    paths = [path for kind in ("documents", "dropped") for source in sources for path in tables(output, kind, source)]
    sought = Sought(wanted.ids, wanted.urls)
    return list(chain.from_iterable(ahead(lambda path: _find_in(output, path, sought), paths)))


def _find_in(output: str, path: str, sought: Sought) -> list[Found]:
    rows = sought.in_file(output, path)
    if not rows:
        return []
    n_rows, footer = read_footer(join(output, path))
    numbers = row_numbers(n_rows, footer.get("taken_down", ()))
    addresses = [json.loads(row["meta"]).get("url") if "meta" in row else row["url"] for _, _, row in rows]
    return [
        Found(row["id"], address or "", path, numbers[place], row.get("reason", ""))
        for (_, place, row), address in zip(rows, addresses, strict=True)
    ]


def shards_of(output: str, found: Sequence[Found]) -> set[str]:
    """The shards in which documents stand, by the plan: no shard is read."""
    plan = read_json(join(output, PLAN))
    plans = {
        split: {source: SourcePlan.from_json(one) for source, one in of_source.items()}
        for split, of_source in plan["plans"].items()
    }
    by_file: dict[tuple[str, str], set[int]] = defaultdict(set)
    for one in found:
        by_file[one.source, one.shard].add(one.row)
    names = set()
    for (source, shard), rows in by_file.items():
        index = map_array(join(output, f"tokens/{source}/{shard}.index"), INDEX)[:]
        for record in index[np.isin(index["row"], sorted(rows))]:
            is_validation = bool(in_validation(record["split"].reshape(1), plan["validation"])[0])
            split, seed = ("val", VALIDATION_SEED) if is_validation else ("train", plan["seed"])
            if source in plans[split]:
                n = plan["n_shards"][split]
                names |= {f"{split}-{k:05d}-of-{n:05d}" for k in _arcs(plans[split][source], int(record["key"]), seed)}
    return names


def _arcs(plan: SourcePlan, key: int, seed: int) -> set[int]:
    """The shards that the copies of a document stand in."""
    copies = plan.copies if included(np.array([key], np.uint64), plan.limit)[0] else plan.whole_copies
    positions = [(key + turn(copy, seed)) % CIRCLE for copy in range(copies)]
    return {bisect.bisect_right(plan.starts, position) - 1 for position in positions}


def take_down(output: str, words: TakenDown, workers: int, quiet: bool = False) -> tuple[Touched, dict[str, Any]]:
    """Take documents down, or go on with it. Returns what it touched, and what `manifest.json` then holds.

    Raises:
        UsageError: no finished run; a run is at work in the folder.
        ShardError: a work item failed; the same command goes on.
    """
    output = absolute(output)
    recipe = read_recipe(output, code=True)
    with locked(output, recipe.digest):
        touched, listed = touched_by(output, words)
        state = _state(output)
        assert state, "looked for before"
        _begin(output, state, touched, listed)
        if not state.facts["mixture"] and touched.documents:
            _drop_later(output, {one.source for one in touched.documents})
        _purge(output, listed, [*touched.documents, *touched.dropped])
        facts = _finish(output, recipe, state, workers, quiet)
    return dataclasses.replace(touched, token_files=state.token_files, shards=state.shards), facts


def _state(output: str) -> Unfinished | None:
    """The take-down under way, or a new one of a finished run."""
    if value := read_json(join(output, UNFINISHED)):
        return Unfinished(**value)
    facts = read_facts(output)
    return Unfinished(facts) if facts else None


def _begin(output: str, state: Unfinished, touched: Touched, listed: TakenDown) -> None:
    """Write down what is to be done, and take the receipts of what is touched out of force."""
    new_files = sorted(set(touched.token_files) - set(state.token_files))
    new_shards = sorted(set(touched.shards) - set(state.shards))
    for receipt in read_receipts(output, "tokens", new_files).values():
        state.origins |= {path: file.identity for path, file in receipt.files.items()}
    state.token_files += new_files
    state.shards += new_shards
    state.in_force |= bool(new_files or new_shards)
    listed.write(output)
    write_json(join(output, UNFINISHED), dataclasses.asdict(state))
    for name in (MANIFEST, REPORT, CARD, CROISSANT):  # the report holds heads of documents
        remove(join(output, name))
    if state.in_force:
        for phase, names in (("tokens", state.token_files), ("sequences", state.shards), ("shards", state.shards)):
            for receipt in read_receipts(output, phase, names).values():
                write_receipt(output, phase, dataclasses.replace(receipt, fingerprint=""))
        state.in_force = False
        write_json(join(output, UNFINISHED), dataclasses.asdict(state))


def _purge(output: str, listed: TakenDown, found: Sequence[Found]) -> None:
    """The text out of every file that holds it; what is learnt of is first, for it is found by the documents."""
    by_shard: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for one in found:
        by_shard[one.source, one.shard].append(one)
    _purge_leads(output, listed)
    for (source, shard), ones in by_shard.items():
        texts = [b"".join(f"{line}\n".encode() for line in training_lines(text)) for text in _texts(output, ones)]
        for purge in _purges(output, listed, "sample", [f"{source}/{shard}"]):
            for path in purge.receipt.files:
                purge.lines(path, texts)
        for purge in _purges(output, listed, f"{source}/examples", [shard]):
            for path in purge.receipt.files:
                purge.examples(path, {one.url for one in ones} | listed.urls)
        if source == "stackexchange":
            _purge_posts(output, listed, shard, ones)
        # A big work item leaves several parts.
        items = sorted({shard, re.sub(r"-part\d{4,}$", "", shard)})
        for phase in (f"{source}/extract", f"{source}/judge", f"{source}/documents"):
            for purge in _purges(output, listed, phase, items):
                for documents, dropped in _pairs(purge.receipt, shard):
                    purge.documents(documents, dropped)


def _purges(output: str, listed: TakenDown, phase: str, items: Iterable[str]) -> Iterator[Purge]:
    """Those of the items that are finished."""
    for receipt in read_receipts(output, phase, items).values():
        yield Purge(output, phase, receipt, listed)


def _pairs(receipt: Receipt, shard: str) -> list[tuple[str, str]]:
    """Of a receipt the file of documents of this name, and that of the dropped ones beside it."""
    pairs = []
    for path in receipt.files:
        folder, _, name = path.rpartition("/")
        if name == f"{shard}{DOCUMENTS_ENDING}":
            pairs.append((path, f"{folder}/{shard}{DROPPED_ENDING}"))
        elif path.startswith("documents/") and name == f"{shard}.parquet":
            pairs.append((path, f"dropped/{path.partition('/')[2]}"))
    return pairs


def _texts(output: str, found: Sequence[Found]) -> list[str]:
    """The texts of those of the documents that still are in their file."""
    rows = {one.row for one in found if one.is_kept}
    paths = sorted({one.path for one in found if one.is_kept})
    return [row["text"] for path in paths for _, row in rows_at(join(output, path), rows, ["text"])]


def _purge_leads(output: str, listed: TakenDown) -> None:
    """Lead sections, and the lines of them that n-gram models were trained on."""
    phase = "wikipedia/leads"
    names = finished_items(output, phase) if any(id_.startswith("wikipedia:") for id_ in listed.ids) else ()
    held = []
    for purge in _purges(output, listed, phase, names):
        for path in (path for path in purge.receipt.files if path.endswith(LEADS_ENDING)):
            if listed.ids.intersection(read_table(join(output, path), ["id"])["id"].to_pylist()):
                held.append((purge, path))
    lines: dict[str, list[bytes]] = defaultdict(list)
    for _, path in held:
        for row in (row for row in read_rows(join(output, path)) if row["id"] in listed.ids):
            lines[row["language"]].append(normalize_for_lm(row["text"]).encode() + b"\n")
    for purge in _purges(output, listed, "ngram/text", lines):
        for path in purge.receipt.files:
            purge.lines(path, lines[purge.receipt.item])
    for purge, path in held:
        purge.leads(path)


def _purge_posts(output: str, listed: TakenDown, shard: str, found: Sequence[Found]) -> None:
    """Posts between the passes over a dump; a dump of several slices has them under the name of its first."""
    phase = "stackexchange/posts"
    slice_name = re.sub(r"-part\d{4,}$", "", shard)
    names = {slice_name, re.sub(r"-\d{5}$", "-00000", slice_name)}
    sites = {one.id.partition(":")[2].rpartition("/")[0] for one in found}
    questions = set(chain.from_iterable(questions_of(site, (one.id for one in found)) for site in sites))
    for purge in _purges(output, listed, phase, sorted(names)):
        paths = [path for path in purge.receipt.files if path.endswith(".posts")]
        for path in paths:
            purge.posts(path, f"{path.removesuffix('.posts')}.index", questions)


def _finish(output: str, recipe: Recipe, state: Unfinished, workers: int, quiet: bool) -> dict[str, Any]:
    """The phases from `tokens` on, and the manifest."""
    facts = state.facts
    driver = Driver(output, workers, quiet=quiet)
    driver.sweep()
    phases = {name: read_receipts(output, name, sorted(finished_items(output, name))) for name in facts["seconds"]}
    driver.finished.update(phases)
    if facts["mixture"]:
        _write_tokens(driver, state, recipe)
        mixture = Phase("mixture", [Item("plan", phases["mixture"]["plan"].fingerprint, 0, None)], tokens.mix)
        model = tokenizer.Made.of(phases["tokenizer"])
        if "merged" in phases:
            merge_tokens(driver, _as_planned(output, driver.finished["tokens"]), model)
        plan_file = tokens.only_file(phases["mixture"], PLAN)
        facts["mixture"] = write_shards(driver, recipe, mixture, plan_file, model)
    facts["sources"] = {source: account(driver.finished, source) for source in facts["sources"]}
    facts["corpus"] = digests_of_corpus(driver.finished, list(facts["sources"]))
    facts["finished"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    write_manifest(output, driver.finished, facts)
    remove(join(output, UNFINISHED))
    return facts


def _as_planned(output: str, receipts: Mapping[str, Receipt]) -> dict[str, Receipt]:
    """Those of token files in the order of the plan, by which they are merged, and known to shards by their ranks."""
    stems = chain.from_iterable(read_json(join(output, PLAN))["token_files"].values())
    return {name: receipts[name] for name in (stem.removeprefix("tokens/") for stem in stems)}


def _drop_later(output: str, sources: Collection[str]) -> None:
    """What phases behind the documents have of these sources. A run of some sources alone leaves what an earlier one of
    the whole recipe made, and a later one would take it for done."""
    for phase in ("tokens", "merged", "sequences", "shards", "formats"):
        names = finished_items(output, phase)
        if phase in ("tokens", "merged"):
            names = {name for name in names if name.partition("/")[0] in sources}
        for name, receipt in read_receipts(output, phase, names).items():
            for path in receipt.files:
                remove(join(output, path))
            remove(receipt_url(output, phase, name))


def _write_tokens(driver: Driver, state: Unfinished, recipe: Recipe) -> None:
    """The touched token files, from their documents; they stand for what they were."""
    corpus = {source: settled_documents(driver.finished[f"{source}/documents"]) for source in state.facts["sources"]}
    made = driver.run(tokens.tokens_phase(corpus, tokenizer.Made.of(driver.finished["tokenizer"]), recipe))
    for name in state.token_files:
        files = {path: dataclasses.replace(file, origin=state.origins[path]) for path, file in made[name].files.items()}
        driver.finished["tokens"][name] = dataclasses.replace(made[name], files=files)
        write_receipt(driver.output, "tokens", driver.finished["tokens"][name])
