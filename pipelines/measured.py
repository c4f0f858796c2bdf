"""What the receipts of a measuring run say: of each slice that was read, of what is done once, and of the shards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..manifest import Receipt, files_of, total_counts
from ..mixtures.extrapolate import Fall
from ..mixtures.recipe import Recipe
from ..mixtures.sources import CitedRecipe
from .build import PART
from .part import Part

READERS = ("hash", "extract", "leads", "texts", "posts")  # phases that read inputs, by the ends of their names
KEYS = (".keys", ".owners")  # files that an exchange reads of each slice
FOLDERS = {"documents": "documents", "dropped": "documents", "tokens": "tokens", "shards": "shards", "work": "work"}
LEARNT = ("ngram/", "cited", "tokenizer", "commoncrawl/citation", "commoncrawl/cutoffs")  # phases that are done once
CLASSIFIER, TOKENIZER = "classifier of cited pages", "tokenizer"
MIXED = ("merged", "mixture", "shards", "formats")
Amounts = dict[str, float]
Finished = Mapping[str, Mapping[str, Receipt]]


@dataclass
class Sampled:
    """What was measured of one source. Amounts are seconds of CPU (`cpu`, of it `cpu.posts`), `documents`, bytes of
    `text`, `tokens`, bytes `moved` by the exchange, and bytes on disk (`disk.documents`, `disk.tokens`, `disk.work`).
    """

    part: Part
    whole: float  # bytes that documents are made from in the whole
    rest: float = 0.0  # bytes of the whole that are read, and no document is made from
    larger: float = 1.0  # how many times as large the sets are that are compared in the whole
    compares: bool = False  # whether what is kept depends on other documents
    falls: dict[str, Fall] = field(default_factory=dict)  # of documents and text; none where it was not measured
    units: dict[str, Amounts] = field(default_factory=dict)  # by unit
    shared: Amounts = field(default_factory=dict)  # of work items that are of no one unit
    started: float = 0.0  # seconds of CPU in which processes got ready
    first: set[str] = field(default_factory=set)  # units that were first somewhere, so that their own CPU is a guess
    passes: int = 0  # how often the inputs are read

    @property
    def grown(self) -> float:
        """How many times the part the whole is."""
        return self.whole / self.part.bytes


@dataclass(frozen=True, slots=True)
class Learnt:
    """Something that is trained once: on how much here, and the most that it is ever trained on."""

    name: str
    cpu: float
    size: float
    most: float
    of: str  # the source that it is learnt from; empty: all


@dataclass
class Measured:
    """All that was measured."""

    recipe: Recipe
    share: float
    sources: dict[str, Sampled]
    learnt: list[Learnt]
    mixed: Amounts  # of the shards: cpu, tokens, disk.shards
    busy: float  # seconds of CPU for each second that work items took
    notes: list[str]


def account(sampled: Sampled, finished: Finished, marks: int) -> None:
    """Fill in what the receipts say of a source. `marks`: tokens around each document."""
    source = sampled.part.source
    unit_of = {piece: unit for unit in sampled.part.units for piece in unit.slices}
    sampled.units = {unit.name: {} for unit in sampled.part.units}
    for phase, receipts in _phases_of(source, finished):
        reads = phase.rpartition("/")[2] in READERS and (source != "stackexchange" or phase.endswith("posts"))
        sampled.passes += reads and bool(receipts)
        bytes_of = {name: unit.bytes / len(unit.slices) for name, unit in unit_of.items()}
        warm = [(name, receipt) for name, receipt in receipts if name in unit_of and not receipt.first]
        read = sum(bytes_of[name] for name, _ in warm)
        rate = sum(receipt.cpu_seconds for _, receipt in warm) / read if read else None
        for name, receipt in receipts:
            unit = unit_of.get(name)
            amounts = _amounts(phase, receipt, marks)
            if unit and receipt.first and rate is not None:
                grows = min(receipt.cpu_seconds, rate * bytes_of[name])
                sampled.started += receipt.cpu_seconds - grows
                amounts["cpu"] = grows
                sampled.first.add(unit.name)
            if phase.endswith("/posts"):
                amounts["cpu.posts"] = amounts["cpu"]
            _add(sampled.units[unit.name] if unit else sampled.shared, amounts)


def _phases_of(source: str, finished: Finished) -> Iterator[tuple[str, list[tuple[str, Receipt]]]]:
    """The phases of a source, with (slice, receipt) of their items."""
    for phase, receipts in finished.items():
        if phase.startswith(LEARNT):
            continue
        start = f"{source}/"
        if phase in ("sample", "tokens"):
            own = {name.removeprefix(start): receipt for name, receipt in receipts.items() if name.startswith(start)}
        else:
            own = dict(receipts) if phase.startswith(start) else {}
        if own:
            yield phase, [(PART.sub("", name), receipt) for name, receipt in own.items()]


def _amounts(phase: str, receipt: Receipt, marks: int) -> Amounts:
    """What one work item took and left."""
    found = {"cpu": receipt.cpu_seconds}
    for path, file in receipt.files.items():
        if folder := FOLDERS.get(path.partition("/")[0]):
            _add(found, {f"disk.{folder}": file.bytes})
        if (phase.endswith("/hash") and path.endswith(KEYS)) or phase.endswith("/exchange"):
            _add(found, {"moved": file.bytes})
        if phase.endswith("/documents"):
            _add(found, {"documents": file.counts.get("documents.kept", 0), "text": file.counts.get("bytes.kept", 0)})
        if phase == "tokens":
            n_marks = marks * file.counts.get("documents.tokenised", 0)
            _add(found, {"tokens": file.counts.get("tokens", 0) + n_marks})
    return found


def _add(amounts: Amounts, more: Mapping[str, float]) -> None:
    for name, value in more.items():
        amounts[name] = amounts.get(name, 0.0) + value


def learnt_of(finished: Finished, recipe: Recipe) -> list[Learnt]:
    """What was trained, and on how much of the most that it is ever trained on."""
    used = {
        start: sum(
            one.cpu_seconds for phase, done in finished.items() if phase.startswith(start) for one in done.values()
        )
        for start in LEARNT
    }
    found = []
    if "ngram/text" in finished:
        texts = finished["ngram/text"]
        n_leads = total_counts(texts.values())["lead_sections"]
        most = float(recipe.ngram.documents * len(texts))
        found.append(Learnt("n-gram models", used["ngram/"], n_leads, most, "wikipedia"))
    crawl = recipe.sources.commoncrawl
    if crawl and isinstance(crawl.cited, CitedRecipe) and "commoncrawl/examples" in finished:
        rows = sum(file.rows for file in files_of(finished["commoncrawl/examples"].values()).values())
        most = 2.0 * crawl.cited.max_positives
        found.append(Learnt(CLASSIFIER, used["commoncrawl/citation"], rows, most, "commoncrawl"))
    for name, phase, source in (
        ("cited URLs", "cited", "wikipedia"),
        ("cutoffs", "commoncrawl/cutoffs", "commoncrawl"),
    ):
        if used[phase]:
            found.append(Learnt(name, used[phase], 1.0, float("inf"), source))
    if "sample" in finished:
        size = sum(file.bytes for file in files_of(finished["sample"].values()).values())
        found.append(Learnt(TOKENIZER, used["tokenizer"], size, recipe.tokenizer.sample_mb * 1e6, ""))
    return found


def mixed_of(finished: Finished, tokens: int) -> Amounts:
    """What mixing and writing so many tokens took."""
    found: Amounts = {"tokens": tokens}
    for phase in MIXED:
        for receipt in finished.get(phase, {}).values():
            amounts = _amounts(phase, receipt, 0)
            _add(found, {name: n for name, n in amounts.items() if name in ("cpu", "disk.shards")})
    return found


def busy_of(finished: Finished) -> float:
    """Seconds of CPU for each second that the work items took: less than 1 where they wait."""
    receipts = [receipt for done in finished.values() for receipt in done.values()]
    seconds = sum(receipt.seconds for receipt in receipts)
    return sum(receipt.cpu_seconds for receipt in receipts) / seconds if seconds else 1.0
