"""The one transform that the sources need: call a function on every work item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import apache_beam as beam

from ..phase import Item
from .pool import map_in_pool


@dataclass(eq=False)
class MapShards(beam.PTransform):  # type: ignore[misc]
    """Call `function` on every item: in a pool of `workers` processes (the embedded runner), or with 1 in place.

    For the pool the whole list is one element, and the pool lives in a `with` inside one generator: no setup, teardown
    or finish_bundle to get wrong, and the pool is gone whichever way the generator ends. The embedded runner's own
    multi-process mode deals items out statically and hangs for ever when a worker is killed.
    """

    items: Sequence[Item]
    function: Callable[[Item], None]
    workers: int
    phase: str

    def __post_init__(self) -> None:
        super().__init__()

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection[None]:
        if self.workers > 1:
            whole = begin | beam.Create([list(self.items)])
            return whole | "pool" >> beam.FlatMap(map_in_pool, self.function, self.workers, self.phase)
        return begin | beam.Create(list(self.items)) | "in place" >> beam.Map(self.function)
