"""What a source is: where its documents come from, and the steps that they go through, in the paper's order."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from ..filters.criteria import COUNTED
from ..mixtures.sources import OwnRecipe, SourceRecipe
from ..records import STAYS, Criterion, Damage, Document, Dropped, Reason, Reasons
from ..storage import Input, digest

LONGEST_STEM = 160  # bytes of UTF-8
# Of inputs, the last one first.
ENDINGS = (".gz", ".bz2", ".7z", ".xml", ".wet", ".warc", ".json", ".jsonl", ".parquet", ".avro", ".tar")
BATCH = 256  # documents that a step sees at once,
BATCH_CHARS = 1 << 24  # or fewer, when they are this long together: memory must not follow the longest pages


class Basis(StrEnum):
    """Where a step comes from."""

    PAPER = "paper"
    REFERENCE = "reference"
    OURS = "ours"


Function = Callable[[Sequence[Document]], Sequence[Document | Dropped]]
Keep = Literal["none", "first", "smallest"]
Keys = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a step must know of other documents before it can judge one: who else has the same keys.

    A source with such a step reads its inputs once more for each. The steps before it run, and the keys of what is left
    are written down; then they are compared within each group (`exchange.py`); the last time all steps run.
    """

    name: str  # of its answers, and of its phases
    keys: Callable[[Sequence[Document]], list[Keys]]  # of each document, in any order, repeats allowed
    keep: Keep  # who keeps a key that several documents have: nobody, the first in the plan, or the smallest owner
    scope: Callable[[Input], str]  # inputs with the same answer are compared,
    groups: int  # cut into so many groups in the order of the plan
    owners: Callable[[Sequence[Document]], list[int]] | None = None  # 64 bits each, where the smallest one keeps a key
    lines: Callable[[Document, Keys, Flags], Sequence[Reasons | None]] | None = (
        None  # why each line goes, to show people
    )
    keys_are_lines: bool = False  # one for each line of a document, in their order


class Answers(Protocol):
    """What an exchange found, for the documents of one work item, which must be asked for in their order."""

    def taken(self, keys: Sequence[Keys], owners: Sequence[int] = ()) -> list[Flags]:
        """For each document, for each of its keys: whether others have it, so that this document must not."""


@dataclass(frozen=True, slots=True)
class Aids:
    """What the steps of a work item use beside its documents. Empty where steps are only listed."""

    models: Mapping[str, str] = field(default_factory=dict)  # name → URL, those made in the run included
    answers: Mapping[str, Answers] = field(default_factory=dict)  # by the name of the exchange


@dataclass(frozen=True, slots=True)
class Step:
    """A named step: a batch of documents to the same number of documents or dropped ones.

    `version` goes into the fingerprint of every output: raise it when the step may give other bytes. The settings that
    `decides` lists go into it, too, and the models that the step `uses`. A step that `waits` needs something learnt
    from all documents that come as far as it. `lines` is for steps without an exchange, whose own has another one.
    """

    name: str
    function: Function
    basis: Basis
    note: str = ""
    version: int = 1
    exchange: Exchange | None = None
    uses: tuple[str, ...] = ()
    waits: bool = False
    decides: Mapping[str, object] = field(default_factory=dict)
    lines: Callable[[Document], Sequence[Reasons | None]] | None = (
        None  # why each line of a document goes, to show people
    )


@dataclass(frozen=True, slots=True)
class Slice:
    """A range of one input, of bytes or of rows: one work item, one output. `name` is the stem of its files.

    A source whose inputs are of several kinds tells them apart by `kind`. `number` is that of the slice in its input.
    """

    name: str
    input: Input
    start: int
    stop: int
    kind: str = ""
    number: int = 0


def stem_of(one: Input) -> str:
    """What the outputs of an input are called: its path below the source's folder, without its endings.

    >>> stem_of(Input("wikipedia/2022/enwiki.xml.bz2", "", 0, ""))
    '2022--enwiki'
    """
    stem = "--".join(PurePosixPath(one.name).parts[1:]) or one.name
    for ending in ENDINGS:
        stem = stem.removesuffix(ending)
    return shortened(stem)


def whole_file(one: Input, options: Any) -> list[Slice]:
    """The slices of a source whose inputs are small, or cannot be cut: a file is one."""
    return [Slice(stem_of(one), one, 0, one.size)]


def shortened(name: str) -> str:
    """A name that leaves room for slices, parts and endings: file systems stop at 255 bytes."""
    return name if len(name.encode()) <= LONGEST_STEM else f"{name[: LONGEST_STEM // 8]}-{digest(name)}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that a recipe names beside its inputs: a path, a glob below `--inputs` that one file fits, or a URL.

    Of several paths the first that is there counts.
    """

    paths: tuple[str, ...]
    about: str  # what it is and how to get it, in a line


@dataclass(frozen=True)
class Source:
    """A source of the corpus. Its functions are pure of Beam, and its options are its part of the recipe.

    `version` goes into the fingerprint of every output: raise it when `slices` or `read` may give other documents.
    """

    name: str
    files: Callable[[Any], str]  # glob of the names of its inputs, for a recipe that names a folder
    slices: Callable[[Input, Any], list[Slice]]
    read: Callable[[Slice, Any, Mapping[str, str]], Iterator[Document | Damage]]  # `uses` are the models that it has
    steps: Callable[[Any, Aids], tuple[Step, ...]]
    recipe: type[SourceRecipe] = OwnRecipe  # what a recipe says of it
    reasons: type[Reasons] = Reason  # why its documents, or lines of them, go
    criteria: tuple[Criterion, ...] = ()  # the numbers that they go by; of the seven: filters/criteria.py
    revision: Callable[[Document], int] = lambda document: 0  # of two documents with one id the higher one stays
    models: Callable[[Any], Mapping[str, Wanted]] = lambda options: {}  # by name, those that the recipe gives
    check: Callable[[Any, Mapping[str, str]], None] = lambda options, models: None  # raises UsageError before any work
    odd: Callable[[Any, Mapping[str, str], Collection[str]], list[str]] = lambda options, models, inputs: []
    # what is no error, but likely not meant; `inputs` are their names
    made: Callable[[Any], list[tuple[str, str]]] = lambda options: []  # what is learnt for its steps, and how
    left_out: Callable[[Any], list[str]] = lambda options: []  # steps of the paper that the options skip
    unique: Callable[[Any], bool] = lambda options: False  # whether of documents with the same content one stays
    content: Callable[[Document], str] = lambda document: document.text  # what must be the same then
    about_content: str = ""  # of sources that can tell: what it is, and when one of them stays
    decides: Callable[[Any], Mapping[str, object]] = lambda options: {}  # settings of `read`
    uses: tuple[str, ...] = ()  # models that `read` uses, as far as the run has them
    beside: tuple[str, ...] = ()  # kinds of slices that hold no documents, but what is to be known of them
    check_kinds: Callable[[Any, Collection[str]], None] = lambda options, kinds: None  # raises UsageError
    named: str = ""  # what its inputs are called, in words, where others are passed over
    pieces: str = "lines"  # what accounts are kept of within its documents
    split_key: Callable[[Document], str] = lambda document: document.id  # all with it lie on one side of the split
    version: int = 1

    def __post_init__(self) -> None:
        if not (isinstance(self.reasons, type) and issubclass(self.reasons, Reasons)):
            raise TypeError(f"reasons of the source {self.name!r}: expected a class of Reasons")
        if not (isinstance(self.criteria, tuple) and all(isinstance(one, Criterion) for one in self.criteria)):
            raise TypeError(f"criteria of the source {self.name!r}: expected a tuple of them, as in (LIKES,)")


def step(
    name: str,
    function: Callable[[Document], Document | Dropped],
    basis: Basis,
    note: str = "",
    version: int = 1,
    uses: tuple[str, ...] = (),
    waits: bool = False,
    decides: Mapping[str, object] = MappingProxyType({}),
    lines: Callable[[Document], Sequence[Reasons | None]] | None = None,
) -> Step:
    """A step that looks at one document at a time."""

    def one_by_one(documents: Sequence[Document]) -> list[Document | Dropped]:
        return [function(document) for document in documents]

    return Step(name, one_by_one, basis, note, version, None, uses, waits, decides, lines)


def cut_at_waiting(steps: Sequence[Step]) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """The steps that run while a source is read, and those from the first one that waits on.

    >>> one, two = Step("a", list, Basis.OURS), Step("b", list, Basis.OURS, waits=True)
    >>> [[step.name for step in part] for part in cut_at_waiting([one, two, one])]
    [['a'], ['b', 'a']]
    """
    at = next((number for number, step in enumerate(steps) if step.waits), len(steps))
    return tuple(steps[:at]), tuple(steps[at:])


def models_used(steps: Sequence[Step]) -> list[str]:
    """The models that steps look at, each once, in their order."""
    return list(dict.fromkeys(name for step in steps for name in step.uses))


def drop(document: Document, reason: Reasons, measure: float | None = None, detail: str = "") -> Dropped:
    """A document that goes; the head is cut to size where it is written."""
    url = str(document.meta.get("url", ""))
    return Dropped(document.id, reason, measure, document.text, detail, url, document.pieces)


def keep_if(test: Callable[[Document], bool], reason: Reasons) -> Callable[[Document], Document | Dropped]:
    """A step's function from a question: documents with the answer no go, for `reason`."""
    return lambda document: document if test(document) else drop(document, reason)


def keep_by(criterion: Criterion, options: SourceRecipe) -> Callable[[Document], Document | Dropped]:
    """A step's function from a criterion: documents go that are on the wrong side of what `options` set, for the first
    of its reasons. Where the setting is None all stay.

    Raises:
        AttributeError: there is no such setting.
    """
    threshold, stays = attrgetter(criterion.setting)(options), STAYS[criterion.keeps]

    def judged(document: Document) -> Document | Dropped:
        counted = COUNTED.get(criterion.value)
        value = counted(document.text) if counted else document.meta[criterion.value]
        kept = threshold is None or stays(value, threshold)
        return document if kept else drop(document, criterion.reasons[0], value)

    return judged


@contextlib.contextmanager
def timed(spent: MutableMapping[str, float], step: Step) -> Iterator[None]:
    """Add what the block takes to the seconds of a step: CPU seconds of this thread, as others may run in the process.
    For people alone, and for a batch at a time: a call costs a millionth of a second.
    """
    start = time.thread_time()
    yield
    spent[step.name] = spent.get(step.name, 0.0) + time.thread_time() - start


def run_steps(
    documents: Iterable[Document], steps: Sequence[Step], spent: MutableMapping[str, float] | None = None
) -> Iterator[Document | Dropped]:
    """Each document through all steps until one drops it; in order, one out for each one in.

    Args:
        spent: CPU seconds by the names of steps, to add to.

    >>> short = step("drop short", keep_if(lambda d: len(d.text) > 3, Reason.EMPTY), Basis.OURS)
    >>> [type(r).__name__ for r in run_steps([Document("a", "long", "x"), Document("b", "no", "x")], [short])]
    ['Document', 'Dropped']
    """
    spent = {} if spent is None else spent
    for batch in batches(documents):
        results: list[Document | Dropped] = [*batch]
        for one in steps:
            at = [i for i, result in enumerate(results) if isinstance(result, Document)]
            if not at:
                break
            with timed(spent, one):
                found = one.function([results[i] for i in at])  # type: ignore[misc]
            for i, result in zip(at, found, strict=True):
                results[i] = result
        yield from results


def batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """The documents a few at a time, as steps see them."""
    batch: list[Document] = []
    n_chars = 0
    for document in documents:
        batch.append(document)
        n_chars += len(document.text) + document.weight
        if len(batch) >= BATCH or n_chars >= BATCH_CHARS:
            yield batch
            batch, n_chars = [], 0
    if batch:
        yield batch
