"""How well the forecast of what comparing leaves holds: lines of pages, within a dump and in all dumps together.

    python -m corpusmill.benchmarks.falls INPUTS [PAGES]

INPUTS is a folder as a run of the sample recipe takes it. Its WET files are cut into slices of PAGES pages (15). A
quarter, an eighth and a sixteenth of the slices, drawn by hash, are compared among themselves in three sizes, as a
measuring run does; from that the share of their text is forecast that is left when all slices are compared, and then
they are. Printed are medians over draws of forecast / truth, for the law that `mixtures/extrapolate.py` takes and for a
power law, and how often the interval holds the truth. No floor.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ..filters.ccnet import hash_lines
from ..mixtures.circle import unit_interval
from ..mixtures.extrapolate import Compared, fall_of, nested
from ..mixtures.recipe import load
from ..pipelines.commoncrawl import SOURCE, dump_of
from ..pipelines.finding import find_files
from ..pipelines.reading import readings
from ..records import Document

Page = tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]  # of each line its key and its characters
Slices = Mapping[str, Sequence[Page]]
DRAWS = 20
MIN_CHARS = 300


def slices_of(inputs: str, n_pages: int) -> dict[str, Slices]:
    """The slices of each dump, none of a few pages alone."""
    recipe = load("sample")
    options = recipe.active["commoncrawl"]
    dumps: dict[str, dict[str, Sequence[Page]]] = {}
    for reading in readings("commoncrawl", find_files("commoncrawl", options, inputs), recipe):
        found = SOURCE.read(reading.slice, options, {})
        texts = [one.text for one in found if isinstance(one, Document) and len(one.text) >= MIN_CHARS]
        lengths = [np.array([len(line) for line in text.split("\n")], np.int64) for text in texts]
        pages = list(zip(hash_lines(texts), lengths, strict=True))
        dump = dumps.setdefault(dump_of(reading.slice.input), {})
        for start in range(0, len(pages), n_pages):
            if len(pages) - start >= n_pages / 2:
                dump[f"{reading.slice.name} {start}"] = pages[start : start + n_pages]
    return {name: slices for name, slices in dumps.items() if slices}


def kept(slices: Slices, compared: Sequence[str], asked: Sequence[str]) -> dict[str, float]:
    """Characters of each slice that is asked for in lines that no other page of the compared slices has."""
    keys = np.concatenate([np.unique(page) for name in compared for page, _ in slices[name]])
    keys.sort()
    shared = np.unique(keys[1:][keys[1:] == keys[:-1]], return_counts=True)[0]

    def left(page: Page) -> float:
        at = np.searchsorted(shared, page[0])
        gone = np.append(shared, 0)[at] == page[0]
        return float(page[1][~gone].sum())

    return {name: sum(map(left, slices[name])) for name in asked}


def draw(slices: Slices, part: int, salt: str) -> tuple[float, float, bool] | None:
    """Forecast / truth by our law and by a power law, and whether the interval holds the truth."""
    order = sorted(slices, key=lambda name: unit_interval(name, salt))
    chosen = order[: len(order) // part]
    sizes = nested(chosen, lambda name: unit_interval(name, salt))
    if not sizes:
        return None
    within = [kept(slices, size, size) for size in sizes]
    first, second = (
        Compared(
            len(sizes[step + 1]) / len(sizes[step]),
            within[step],
            {name: within[step + 1][name] for name in sizes[step]},
        )
        for step in (0, 1)
    )
    n_pages = float(sum(len(slices[name]) for name in sizes[1]))
    fall = fall_of(first, second, n_pages)
    truth = sum(kept(slices, order, chosen).values()) / sum(within[2].values())
    if fall is None or not truth:
        return None
    times = len(order) / len(chosen)
    share = fall.share(times)
    slopes = [math.log(sum(c.smaller.values()) / sum(c.larger.values())) / math.log(c.times) for c in (first, second)]
    power = times ** -statistics.fmean(slopes)
    return share.value / truth, power / truth, (share.low or 0.0) <= truth <= (share.high or 1.0)


def main() -> None:
    inputs, n_pages = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 15
    dumps = slices_of(inputs, n_pages)
    together = {"all": {f"{dump} {name}": pages for dump, own in dumps.items() for name, pages in own.items()}}
    for scope, sets in (("within a dump", dumps), ("all dumps", together)):
        for part in (4, 8, 16):
            drawn = [draw(own, part, f"draw {number}") for own in sets.values() for number in range(DRAWS)]
            found = [one for one in drawn if one]
            if not found:
                continue
            ours, power = (statistics.median(one[place] for one in found) for place in (0, 1))
            held = sum(one[2] for one in found) / len(found)
            n_slices = statistics.median(len(own) // part for own in sets.values())
            print(
                f"{scope}, 1/{part} ({n_slices:.0f} slices), {len(found)} draws: forecast / truth {ours:.2f}, by a "
                f"power law {power:.2f}; in the interval {100 * held:.0f} %"
            )


if __name__ == "__main__":
    main()
