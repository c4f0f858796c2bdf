"""The models that a run made, in a table: what each was made from, and how good it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from rich import box
from rich.table import Table

from ..records import counted
from .figures import decimal, number, percent


def table(models: Mapping[str, Any]) -> Table:
    """A row a fact; `models` is that part of `manifest.json`: the path of a JSON file → what it says."""
    result = Table(title="Models", title_justify="left", box=box.SIMPLE_HEAD)
    result.add_column("model")
    result.add_column("")
    for row in rows(models):
        result.add_row(*row)
    return result


def rows(models: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a model is, or nothing where the line before says it, and a fact."""
    for path, facts in sorted(models.items()):
        kind, name = PurePosixPath(path).parent.name, PurePosixPath(path).stem
        yield from _ROWS[kind if kind == "ngram" else name](name, facts)


def _ngram(name: str, facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    by = "" if facts["estimator"] == "own" else f", by {facts['estimator']}"
    made_from = f"{counted(facts['lead_sections'], 'lead section')}, {counted(facts['tokens'], 'token')}"
    yield f"n-grams, {name}", f"{made_from}{by}"
    counts = ", ".join(map(number, facts["ngrams"]))
    yield "", f"of 1 to {len(facts['ngrams'])} pieces: {counts}"


def _cutoffs(name: str, facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for language, cutoffs in facts.items():
        yield (
            f"cutoffs, {language}",
            f"head: a perplexity below {cutoffs['head']:g}, middle: below {cutoffs['middle']:g}",
        )


def _citation(name: str, facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    held = facts["held_out"]
    n_cited, n_others = held["positives"], held["negatives"]
    yield "cited pages", f"trained on {number(facts['trained_on'])} pages"
    yield (
        "",
        f"held out {number(n_cited)} cited and {number(n_others)} other pages"
        if n_cited + n_others
        else "none held out",
    )
    if n_cited and n_others:
        yield (
            "",
            f"of these: precision {percent(held['precision'])}, recall {percent(held['recall'])} at "
            f"{held['min_score']:g}, AUC {decimal(held['auc'])}",
        )


def _sites(name: str, facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kept, posts = facts["kept"], facts["posts"]
    yield "largest sites", f"{number(len(kept))} of {counted(len(posts), 'site')}"
    for place, sites in (("largest", kept[:1]), ("smallest", kept[-1:])):
        for name in sites:
            yield "", f"the {place} has {counted(posts[name], 'post')}: {name}"


def _clusters(name: str, facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    found = counted(facts["clusters"], "cluster")
    yield (
        "alike books",
        f"{found} of {counted(facts['in_clusters'], 'book')} of {number(facts['books'])}, {facts['gone']:,} gone",
    )
    if largest := facts["largest"]:
        yield "", f"the largest has {number(largest['books'])}: {largest['cluster']}"


_ROWS = {"clusters": _clusters, "ngram": _ngram, "cutoffs": _cutoffs, "citation": _citation, "sites": _sites}
