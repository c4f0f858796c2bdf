"""The perplexities that part the pages of each language into head, middle and tail, from a file."""

from __future__ import annotations

import csv
import functools
import io
import json
import math
from collections.abc import Mapping

from ..errors import SourceError, UsageError
from ..filters.ccnet_perplexity import Cutoffs
from ..storage import read_bytes


@functools.cache
def open_cutoffs(url: str, head: int, middle: int) -> Mapping[str, Cutoffs]:
    """Language → cutoffs, of a JSON file or of a table such as cc_net's cutoff.csv.

    JSON is what a run writes, `{"en": {"head": 340, "middle": 520}}`. A table (`.csv`) has a column a language and a
    row for each percentile from 0 on: those of `head` and `middle` are taken.

    Raises:
        UsageError: the file cannot be read or is neither, or a language's cutoffs are no ascending numbers.
    """
    try:
        text = read_bytes(url).decode("utf-8-sig")
        found = _from_table(text, head, middle) if url.endswith(".csv") else _from_json(text)
    except SourceError as error:
        raise UsageError(str(error)) from error
    except (ValueError, OverflowError, RecursionError, csv.Error) as error:
        raise UsageError(
            f'{url}: expected cutoffs, as in {{"en": {{"head": 340, "middle": 520}}}}, or a .csv with a column a '
            f"language and a row for each percentile; it holds neither: {error}."
        ) from error
    for language, cutoffs in found.items():
        if not (math.isfinite(cutoffs.middle) and 0 <= cutoffs.head <= cutoffs.middle):
            raise UsageError(
                f"{url}: {language!r:.40}: expected 0 <= head <= middle, got {cutoffs.head}, {cutoffs.middle}."
            )
    return found


def _from_json(text: str) -> dict[str, Cutoffs]:
    values: object = json.loads(text)
    if not isinstance(values, dict):
        raise ValueError(f"a {type(values).__name__} in place of a mapping")
    return {
        language: Cutoffs(_number(language, one, "head"), _number(language, one, "middle"))
        for language, one in values.items()
    }


def _number(language: str, values: object, name: str) -> float:
    """A number of a mapping. Raises ValueError where there is none: what is in quotes is no number."""
    value = values.get(name) if isinstance(values, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"no number {name!r} for {language!r:.40}")
    return float(value)


def _from_table(text: str, head: int, middle: int) -> dict[str, Cutoffs]:
    rows = list(csv.DictReader(io.StringIO(text)))
    if len(rows) <= middle:
        raise ValueError(f"{len(rows)} rows, and percentile {middle} is asked for")
    pairs = {language: (rows[head][language], rows[middle][language]) for language in rows[0] if language}
    return {language: Cutoffs(float(one), float(two)) for language, (one, two) in pairs.items() if one and two}
