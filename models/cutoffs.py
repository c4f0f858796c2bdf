"""The perplexities that part the pages of each language into head, middle and tail, from a file."""

from __future__ import annotations

import csv
import functools
import io
import json
import math
from collections.abc import Mapping
from typing import Any

from ..errors import UsageError
from ..filters.ccnet_perplexity import Cutoffs
from ..storage import read_bytes


@functools.cache
def open_cutoffs(url: str, head: int, middle: int) -> Mapping[str, Cutoffs]:
    """Language → cutoffs, of a JSON file or of a table such as cc_net's cutoff.csv.

    JSON is what a run writes, `{"en": {"head": 340, "middle": 520}}`. A table (`.csv`) has a column a language and a
    row for each percentile from 0 on: those of `head` and `middle` are taken.

    Raises:
        UsageError: the file is neither, or a language's cutoffs are no ascending numbers.
    """
    try:
        text = read_bytes(url).decode("utf-8-sig")
        found = _from_table(text, head, middle) if url.endswith(".csv") else _from_json(text)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise UsageError(
            f'{url}: expected cutoffs, as in {{"en": {{"head": 340, "middle": 520}}}}, or a .csv with a column a '
            f"language and a row for each percentile; got {type(error).__name__}: {error}."
        ) from error
    for language, cutoffs in found.items():
        if not (math.isfinite(cutoffs.middle) and 0 <= cutoffs.head <= cutoffs.middle):
            raise UsageError(f"{url}: {language}: expected 0 <= head <= middle, got {cutoffs.head}, {cutoffs.middle}.")
    return found


def _from_json(text: str) -> dict[str, Cutoffs]:
    values: dict[str, Any] = json.loads(text)
    return {language: Cutoffs(float(one["head"]), float(one["middle"])) for language, one in values.items()}


def _from_table(text: str, head: int, middle: int) -> dict[str, Cutoffs]:
    rows = list(csv.DictReader(io.StringIO(text)))
    pairs = {language: (rows[head][language], rows[middle][language]) for language in rows[0] if language}
    return {language: Cutoffs(float(one), float(two)) for language, (one, two) in pairs.items() if one and two}
