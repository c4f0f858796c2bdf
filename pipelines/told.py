"""What a run writes down of a source of the user's own, and what those read who look at a corpus without its code.

A corpus may be anybody's: what no run writes is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..filters.criteria import CALLED
from ..mixtures.sources import SourceRecipe
from ..records import STAYS, Criterion, Reason
from .source import Aids, Basis, Source

SAME_ID, SAME_CONTENT = "one document an id", "one document a content"
LEFT_OUT = "left out"  # in place of a basis
SKIPPED = "the paper has this step, and the recipe skips it"
_KINDS = {
    "value": str,
    "keeps": str,
    "setting": str,
    "about": str,
    "log": bool,
    "of_kept": bool,
    "reasons": list,
    "also": list,
}
Facts = Mapping[str, Any]  # of manifest.json


def rows_of(one: Source, options: SourceRecipe) -> list[dict[str, str]]:
    """One row a step of a source: name, basis, note. Steps of the paper that the options skip are rows, too."""
    shown = [(step.name, step.basis, step.note) for step in one.steps(options, Aids())]
    shown += [(name, Basis.OURS, note) for name, note in one.made(options)]
    rows = [{"step": name, "basis": str(basis), "note": note} for name, basis, note in shown]
    rows += [{"step": name, "basis": LEFT_OUT, "note": SKIPPED} for name in one.left_out(options)]
    rows.append({"step": SAME_ID, "basis": str(Basis.OURS), "note": Reason.DUPLICATE_ID.description})
    if about := one.about_content:
        rows.append({"step": SAME_CONTENT, "basis": str(Basis.REFERENCE), "note": about})
    elif one.unique(options):
        rows.append({"step": SAME_CONTENT, "basis": str(Basis.OURS), "note": Reason.DUPLICATE_CONTENT.description})
    return rows


def rows_asked(one: Source, options: SourceRecipe) -> list[dict[str, str]]:
    """The same without what the options do not ask for."""
    return [row for row in rows_of(one, options) if row["step"] != SAME_CONTENT or one.unique(options)]


def told_by(one: Source, options: SourceRecipe) -> dict[str, Any]:
    """What the code of a source tells: the rows of its steps, its reasons, its criteria."""
    return {
        "steps": rows_asked(one, options),
        "reasons": {str(reason): reason.description for reason in one.reasons},
        "criteria": _told_criteria(one.criteria, options),
    }


def _told_criteria(criteria: Sequence[Criterion], options: SourceRecipe) -> list[dict[str, Any]]:
    return [
        {
            **{name: getattr(one, name) for name in ("value", "keeps", "setting", "about", "log", "of_kept")},
            **{name: [*map(str, getattr(one, name))] for name in ("reasons", "also")},
            "threshold": one.threshold(options),
        }
        for one in criteria
        if not one.needs or getattr(options, one.needs, None)
    ]


def own_told(facts: Facts | None) -> dict[str, Mapping[str, Any]]:
    """What was written down, by source; nothing of the seven."""
    given = (facts or {}).get("own")
    return {name: one for name, one in given.items() if isinstance(one, dict)} if isinstance(given, dict) else {}


def steps_told(facts: Facts | None, source: str) -> list[dict[str, str]]:
    """The rows of the steps of a source; none where no run wrote them down."""
    given = own_told(facts).get(source, {}).get("steps", [])
    rows = [row for row in given if isinstance(row, dict)] if isinstance(given, list) else []
    return [{name: str(row.get(name, "")) for name in ("step", "basis", "note")} for row in rows]


def reasons_told(facts: Facts | None, source: str = "") -> dict[str, str]:
    """What reasons mean; of one source, or of all."""
    found = {}
    for name, told in own_told(facts).items():
        given = told.get("reasons")
        if source in ("", name) and isinstance(given, dict):
            found.update({reason: str(said) for reason, said in given.items()})
    return found


def criteria_told(facts: Facts | None, source: str) -> list[dict[str, Any]]:
    """The criteria of a source."""
    given = own_told(facts).get(source, {}).get("criteria")
    rows = [{"also": [], **one} for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    right = [one for one in rows if all(isinstance(one.get(name), kind) for name, kind in _KINDS.items())]
    return [
        {**one, **{name: [*map(str, one[name])] for name in ("reasons", "also")}}
        for one in right
        if one["keeps"] in STAYS
    ]


def called(facts: Facts | None) -> Mapping[str, str]:
    """Reason → what the measure of a document that went for it is called, of the user's own sources, too.

    >>> called(None)["c4.too_few_sentences"]
    'sentences'
    """
    own = {
        reason: one["value"]
        for source in own_told(facts)
        for one in criteria_told(facts, source)
        for reason in (*one["reasons"], *one["also"])
    }
    return {**CALLED, **own}
