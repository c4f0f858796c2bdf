"""The page of a run, from its record and a sample of its documents."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Mapping
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from ...manifest import RECIPE, REPORT, finished
from ...mixtures.recipe import Recipe, read_recipe
from ...mixtures.sources import OwnRecipe
from ...pipelines.told import criteria_told, reasons_told
from ...records import Reason, Reasons, sized
from ...storage import join, publish, read_bytes
from ..describe import rows_of_run
from ..figures import decimal, number, percent
from ..funnel import PIECES
from ..models import rows as rows_of_models
from ..visible import escaped
from . import accounts, views
from .charts import bar, short
from .measures import measures, own_measures
from .sampling import Sample, draw
from .untrusted import shortened

CUTOFFS = "models/commoncrawl/cutoffs.json"


def write(output: str) -> str:
    """Write the page of a finished run into its folder. Returns its path or URL.

    Raises:
        UsageError: there is no finished run.
    """
    url = join(output, REPORT)
    publish(url, render(output).encode())
    return url


def render(output: str) -> str:
    """The page: the same run gives the same page, but for the times that the manifest has."""
    facts, recipe = finished(output), read_recipe(output)
    damaged, cut = accounts.damaged(output, list(facts["errors"]))
    files = resources.files(__package__)
    style, script = ((files / name).read_text("utf-8") for name in ("page.css", "page.js"))
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "number": number,
        "decimal": decimal,
        "percent": percent,
        "size": sized,
        "short": short,
        "line": shortened,
        "visible": escaped,
    }
    environment.globals |= {"bar": bar}
    return environment.from_string((files / "page.html").read_text("utf-8")).render(
        facts=facts,
        recipe=recipe,
        yaml=read_bytes(join(output, RECIPE)).decode(),
        command=shlex.join(facts["command"]),
        mixture=accounts.mixture(facts),
        sources=[_source(output, source, facts, recipe) for source in recipe.active if source in facts["sources"]],
        models=list(rows_of_models(facts["models"])),
        damaged=damaged,
        damage_cut=cut,
        seconds=accounts.seconds(facts),
        style=Markup(style),
        script=Markup(script),
        policy=f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'",
    )


def _hash(content: str) -> str:
    """What a content security policy knows an element by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def _source(output: str, source: str, facts: Mapping[str, Any], recipe: Recipe) -> dict[str, Any]:
    """What the template has of a source."""
    counts, inputs = facts["sources"][source], facts["inputs"].get(source, {}).get("files", {})
    options = recipe.active[source]
    own = isinstance(options, OwnRecipe)
    reasons = [*Reason, *_own_reasons(reasons_told(facts, source))]
    if own:
        found = own_measures(criteria_told(facts, source), reasons)
    else:
        found = measures(source, options, facts["models"].get(CUTOFFS, {}))
    sample = draw(output, source, found)
    written = {row["source"]: row["written"] for row in facts["mixture"]["table"]} if facts["mixture"] else {}
    damage = {name.removeprefix("damage."): n for name, n in counts.items() if name.startswith("damage.")}
    return {
        "name": source,
        "counts": counts,
        "inputs": len(inputs),
        "bytes_of_inputs": sum(size for size, _ in inputs.values()),
        "documents": accounts.funnel("documents", counts, reasons),
        "pieces": [one for kind in PIECES if (one := accounts.funnel(kind, counts, reasons))],
        "damage": damage,
        "tokens": counts.get("tokens"),
        "written": written.get(source),
        "steps": rows_of_run(source, recipe, facts),
        "left_out": facts["left_out"].get(source, []),
        "sampled": _sampled(sample, counts),
        "lengths": views.lengths(sample),
        "thresholds": views.thresholds(f"own.{source}" if own else source, found, sample, counts),
        "facets": views.facets(source, sample),
        "details": views.details(sample, reasons),
        "kept": views.examples(sample.kept.rows, source),
        "gone": views.gone(source, sample, found, reasons),
    }


def _own_reasons(told: Mapping[str, str]) -> list[Reasons]:
    """The reasons of a source of the user's own, as its run wrote them down."""
    members = [(f"R{number}", one) for number, one in enumerate(told.items())]
    return list(Reasons("Own", members)) if members else []  # type: ignore[arg-type]


def _sampled(sample: Sample, counts: Mapping[str, int]) -> str:
    """How much of a source was read for charts and examples, in words."""
    n_dropped = sum(n for name, n in counts.items() if name.startswith("documents.dropped."))
    kept, dropped = (
        f"all {len(drawn.rows):,}" if drawn.whole else f"{len(drawn.rows):,} of {n:,}"
        for drawn, n in ((sample.kept, counts.get("documents.kept", 0)), (sample.dropped, n_dropped))
    )
    said = f"{kept} kept and {dropped} dropped documents"
    if sample.kept.whole and sample.dropped.whole:
        return f"{said} were read."
    files = f"{sample.kept.files + sample.dropped.files:,} of {sample.kept.of_files + sample.dropped.of_files:,} files"
    return f"{said} were read, of {files}, chosen by a hash; charts of thresholds are scaled to all."
