"""The one transform that the sources need: call a function on every work item."""

from __future__ import annotations

import hashlib
import itertools
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam

from ...manifest import WORK
from ...storage import join, publish, read_range
from ..phase import Item
from .pool import map_in_pool

PLANS = f"{WORK}/plan"
MAX_IN_GRAPH = 10_000  # items; 60,000 of them would make a graph that runners refuse
AT_ONCE = 100  # items that one element of a long plan stands for


@dataclass(frozen=True, slots=True)
class Written:
    """Items that stand in a file, pickled: its bytes [start, stop)."""

    url: str
    start: int
    stop: int


Plan = Sequence[Written | list[Item]]


@dataclass(eq=False)
class MapShards(beam.PTransform):  # type: ignore[misc]
    """Call `function` on every item: in a pool of `workers` processes (the embedded runner), or with 1 in place; with 0
    in the workers of another runner.

    For the pool the whole list is one element, and the pool lives in a `with` inside one generator: no setup, teardown
    or finish_bundle to get wrong, and the pool is gone whichever way the generator ends. The embedded runner's own
    multi-process mode deals items out statically and hangs for ever when a worker is killed.
    """

    plan: Plan
    function: Callable[[Item], None]
    workers: int
    phase: str

    def __post_init__(self) -> None:
        super().__init__()

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection[None]:
        if self.workers > 1:
            whole = begin | beam.Create([list(self.plan)])
            return whole | "pool" >> beam.FlatMap(in_pool, self.function, self.workers, self.phase)
        items = begin | beam.Create(list(self.plan)) | beam.FlatMap(items_of)
        # Spread again: else whoever opens a piece of the plan would make all of its items.
        spread = items if self.workers else items | beam.Reshuffle()
        return spread | "in place" >> beam.Map(self.function)


def plan_of(items: Sequence[Item], output: str, phase: str) -> Plan:
    """Items as the graph holds them: themselves, or, when they are too many, where they stand in a file."""
    if len(items) <= MAX_IN_GRAPH:
        return [list(items)]
    pieces = [pickle.dumps(list(items[first : first + AT_ONCE])) for first in range(0, len(items), AT_ONCE)]
    data = b"".join(pieces)
    # Named by its content: a straggler of another run reads its own.
    url = join(output, PLANS, f"{phase}-{hashlib.sha256(data).hexdigest()[:32]}.pickle")
    publish(url, data)
    edges = itertools.accumulate(map(len, pieces), initial=0)
    return [Written(url, start, stop) for start, stop in itertools.pairwise(edges)]


def items_of(piece: Written | list[Item]) -> list[Item]:
    """The items that an element stands for."""
    if isinstance(piece, list):
        return piece
    items: list[Item] = pickle.loads(read_range(piece.url, piece.start, piece.stop))
    return items


def in_pool(plan: Plan, function: Callable[[Item], None], workers: int, phase: str) -> Iterator[None]:
    items = [item for piece in plan for item in items_of(piece)]
    return map_in_pool(items, function, workers, phase)
