"""How well `plan --measure` forecasts: the sample recipe on real dumps, of which a part is measured, and then all.

    python -m corpusmill.benchmarks.forecasts INPUTS [SHARE …]

INPUTS is a folder as a run of the sample recipe takes it; shares are 40 % and 20 % where none is given. C4 is made by
its rules of all WET files there are, and slices are whole files, so that there are some to choose from. Printed is the
table of docs/scale.md: of each source documents, tokens and seconds of CPU, in truth and as they were forecast, and how
many lie in their interval. No floor.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterator

from ..mixtures.extrapolate import Estimate
from ..mixtures.recipe import load
from ..pipelines.forecast import Measuring, measure
from ..report.forecast import ALL, HOUR, Forecast, Row, forecast, shown

OVERRIDES = (
    'sources.c4.inputs=["commoncrawl/crawl-data/*/segments/*/wet/*.warc.wet.gz"]',
    *(f"sources.{name}.slice_mb=64" for name in ("github", "wikipedia", "stackexchange")),
)
SHARES = (0.4, 0.2)
KINDS = ("documents", "tokens", "CPU seconds")


def figures(row: Row) -> Iterator[tuple[str, Estimate | None]]:
    """What is compared of a source."""
    return zip(KINDS, (row.documents, row.tokens, row.core_hours.times(HOUR)), strict=True)


def is_missed(found: Estimate, truth: float) -> bool:
    """Whether the truth is not where the forecast says that it is; a forecast without an end says nothing of it."""
    low = 0.0 if found.low is None else found.low
    high = math.inf if found.high is None else found.high
    return not low <= truth <= high


def table(found: Forecast, whole: Forecast, held: Counter[tuple[str, bool, bool]]) -> Iterator[str]:
    """A row for each source, and that of all; `held` counts kinds, whether an upper end is all, and whether it held."""
    truths = {row.name: row for row in whole.rows}
    for row in found.rows:
        cells = []
        for (kind, one), (_, truth) in zip(figures(row), figures(truths[row.name]), strict=True):
            if one is None or truth is None:
                break
            missed = is_missed(one, truth.value)
            if row.name != ALL and one.high is not None:
                held[kind, one.is_upper_end, not missed] += 1
            said = f"{shown(truth, interval=False)}; {shown(one)}".replace(" *", "")
            cells.append(f"{said}, **missed**" if missed else said)
        else:
            part = found.measured.sources.get(row.name)
            slices = f"{len(part.part.units)} of {len(part.part.found)}" if part else ""
            yield f"| {' | '.join((row.name, slices, *cells))} |"


def main() -> None:
    if not sys.argv[1:]:
        sys.exit(__doc__)
    inputs, shares = sys.argv[1], [float(one) for one in sys.argv[2:]] or SHARES
    recipe = load("sample", OVERRIDES)

    def of(share: float) -> Forecast:
        return forecast(measure(Measuring(recipe, inputs, share, workers=2, quiet=True)))

    whole, held = of(1.0), Counter[tuple[str, bool, bool]]()
    print("| source | slices of all |", " | ".join(f"{kind}: truth; forecast" for kind in KINDS), "|")
    print("| --- " * (2 + len(KINDS)) + "|")
    for share in shares:
        print(f"| `--measure {100 * share:.0f}%` |{' |' * (1 + len(KINDS))}")
        print(*table(of(share), whole, held), sep="\n")
    for kind in KINDS:
        ends = (
            f"{held[kind, upper, True]} of {held[kind, upper, True] + held[kind, upper, False]}"
            for upper in (False, True)
        )
        print("{}: {} in their interval, {} below their upper end".format(kind, *ends))


if __name__ == "__main__":
    main()
