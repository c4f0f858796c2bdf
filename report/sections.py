"""The tables and sentences of a dataset card, each from the record of the run."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from ..manifest import RECIPE
from ..mixtures.sources import PaperRow
from ..pipelines.accounts import UNKNOWN as NO_LANGUAGE
from ..pipelines.source import Basis
from ..pipelines.told import reasons_told
from ..records import Reason, counted, sized
from .corpus import Corpus, changed_settings, general_settings, in_words, paper
from .describe import rows_of_run
from .figures import UNKNOWN, decimal, number, percent
from .funnel import PIECES, dropped
from .markdown import code, link, literal, one_line, table

SHOWN_KINDS = 40  # languages, licences or collections; manifest.json has all
SHOWN_VALUE = 80  # characters of a setting; recipe.yaml has all


def sources(corpus: Corpus) -> str:
    """What there is of each source."""
    columns = ["source", "config", "documents", "text", "files on disk"]
    about = corpus.publishers
    cells = [
        [
            about[name]["title"],
            code(name),
            number(corpus.kept(name)),
            sized(corpus.text_bytes(name)),
            sized(corpus.file_bytes.get(name, 0)),
        ]
        for name in corpus.sources
    ]
    return table(columns, cells, [2, 3, 4])


def contact(corpus: Corpus) -> str:
    """Who answers for the corpus, as Markdown."""
    said = one_line(corpus.recipe.card.contact)
    shown = link(said, said) if said.startswith(("https://", "http://")) else literal(said)
    return contact_words(corpus, shown, code)


def contact_words(corpus: Corpus, shown: str = "", code: Callable[[str], str] = str) -> str:
    """The same in words alone."""
    if said := one_line(corpus.recipe.card.contact):
        return f"Who answers for this corpus, and for requests to take documents down: {shown or said}."
    setting = code("card.contact")
    return f"Nobody is named who answers for this corpus: whoever publishes it should set {setting} in its recipe."


def shards(corpus: Corpus) -> str:
    """The same documents as tokens; empty where there are none."""
    if not corpus.is_whole:
        return ""
    n = corpus.facts["mixture"]["n_shards"]
    formats = in_words([code(name) for name in corpus.recipe.shards.formats])
    return (
        f"`shards/` holds the documents as tokens, mixed and shuffled: {counted(n['train'], 'shard')} for training and "
        f"{n['val']} for validation, as {formats}."
    )


def command(corpus: Corpus) -> str:
    """The command that makes the corpus from the same inputs, with no path of the machine that made it."""
    named = [] if corpus.is_whole else corpus.made
    more = ["--allow-empty"] if "--allow-empty" in corpus.facts["command"] else []
    return " ".join(["corpusmill run", RECIPE, *named, "--inputs INPUTS --output OUT", *more])


def digests(corpus: Corpus) -> str:
    """What two people compare to know that they have the same."""
    of = corpus.facts["corpus"]
    found = {"all documents": of["documents"]}
    found |= {f"documents of {source}": of["sources"][source] for source in corpus.made}
    found |= {
        what: of[name]
        for name, what in (("train", "documents for training"), ("val", "for validation"), ("shards", "shards"))
        if name in of
    }
    return table(["digest of", ""], [[what, code(digest)] for what, digest in found.items()])


def _in_order(corpus: Corpus) -> list[str]:
    """What inputs were read for: sources in the paper's order, then a ready tokenizer."""
    order = list(corpus.recipe.active)
    return sorted(corpus.facts["inputs"], key=lambda name: order.index(name) if name in order else len(order))


def inputs(corpus: Corpus) -> str:
    """How many files of each source, and how large."""
    cells = []
    for source in _in_order(corpus):
        given = corpus.facts["inputs"][source]
        if given["files"]:
            cells.append([source, number(len(given["files"])), sized(sum(one[0] for one in given["files"].values()))])
    return table(["read for", "files", "size"], cells, [1, 2])


def models(corpus: Corpus) -> str:
    """Models with their digests, given ones and those made; empty where there are none."""
    cells = [
        [f"{source}: {literal(name)}", "given", sized(n), code(digest)]
        for source in _in_order(corpus)
        for name, (n, digest) in corpus.facts["inputs"][source]["models"].items()
    ]
    cells += [[code(path), "made here", sized(n), code(sha256)] for path, (n, sha256) in sorted(corpus.models.items())]
    return table(["model", "", "size", "digest"], cells, [2]) if cells else ""


def source(corpus: Corpus, name: str) -> dict[str, Any]:
    """How a source was made, what went, and what its publisher says."""
    about, counts = corpus.publishers[name], corpus.counts(name)
    links = [link(what, url) for what, url in about["links"].items()]
    steps = [
        [literal(row["step"]), row["basis"], literal(row["note"])]
        for row in rows_of_run(name, corpus.recipe, corpus.facts)
    ]
    read, kept = counts.get("documents.in", 0), corpus.kept(name)
    share = f", {percent(kept, read)}," if read else ""
    came, stayed = sized(counts.get("bytes.in", 0)), sized(corpus.text_bytes(name))
    damage = {kind.removeprefix("damage."): n for kind, n in counts.items() if kind.startswith("damage.")}
    outside = counts.get("documents.outside_limit", 0)
    line = f"Of {counted(read, 'document')} read ({came} of text) {kept:,}{share} stayed ({stayed})."
    return {
        "title": about["title"],
        "about": about["about"],
        "steps": table(["step", "basis", "note"], steps),
        "funnel_line": line + (f" {number(outside)} more are outside the limit, and were not read." if outside else ""),
        "funnel": _dropped(corpus, name, "documents", read),
        "pieces": [_dropped(corpus, name, kind, n) for kind in PIECES if (n := counts.get(f"{kind}.in", 0))],
        "damage": (
            f"{counted(sum(damage.values()), 'piece')} of damaged input left out: {_listed(damage)}. `errors/` lists "
            "them with file, offset and reason."
            if damage
            else ""
        ),
        "licence": about["licence"],
        "links": f"See {in_words(links)}." if links else "",
        "counts": _counted_rights(corpus, name),
    }


def _dropped(corpus: Corpus, name: str, kind: str, n_in: int) -> str:
    """Why documents, or lines or answers of those that came so far, went; empty where none did."""
    about = {str(reason): reason.description for reason in Reason} | reasons_told(corpus.facts, name)
    found = dropped(corpus.counts(name), kind)
    cells = [[code(r), number(n), percent(n, n_in), literal(about.get(r, ""))] for r, n in found]
    return table(["dropped for", kind, f"of {n_in:,}", "meaning"], cells, [1, 2]) if cells else ""


def _listed(counts: dict[str, int]) -> str:
    shown = [f"{code(name)} {n:,}" for name, n in list(counts.items())[:SHOWN_KINDS]]
    more = len(counts) - SHOWN_KINDS
    return ", ".join(shown) + (f" and {more:,} more kinds (`manifest.json` has all)" if more > 0 else "")


def _counted_rights(corpus: Corpus, name: str) -> str:
    """Documents by the licence that they name, or by the collection that they are of."""
    if found := corpus.kinds(name, "licenses"):
        several = ", a thread under each of its posts' licences" if name == "stackexchange" else ""
        return f"Documents in this run{several}: {_listed(found)}."
    if found := corpus.kinds(name, "collections"):
        return f"Books in this run, by collection: {_listed(found)}."
    return ""


def deviations(corpus: Corpus) -> str:
    """All that is not the paper's, a row for each source and kind."""
    cells = []
    for name in corpus.made:
        by_basis: dict[str, list[str]] = defaultdict(list)
        for row in rows_of_run(name, corpus.recipe, corpus.facts):
            by_basis[row["basis"]].append(literal(row["step"]))
        by_basis.pop(Basis.PAPER, None)
        by_basis["setting"] = [
            f"{code(key)} is {_value(ours)}" + (f", not {_value(theirs)}" if name in paper().active else "")
            for key, (ours, theirs) in changed_settings(corpus.recipe, name).items()
        ]
        cells += [[name, kind, "; ".join(found)] for kind, found in sorted(by_basis.items()) if found]
    general = general_settings(corpus.recipe, corpus.is_whole)
    found = [f"{code(key)} is {_value(ours)}, not {_value(theirs)}" for key, (ours, theirs) in general.items()]
    return table(["", "kind", "what"], cells + ([["all", "setting", "; ".join(found)]] if found else []))


def _without_place(value: Any) -> Any:
    """
    >>> _without_place("/home/me/lid.176.bin"), _without_place("c4/en/*.json.gz"), _without_place(2)
    ('lid.176.bin', 'c4/en/*.json.gz', 2)
    """
    is_place = isinstance(value, str) and (value.startswith("/") or "://" in value)
    return value.rstrip("/").rpartition("/")[2] if is_place else value


def _value(value: Any) -> str:
    """A setting as people read it; of a path of this machine, or a URL, only the last part."""
    if value is None or value in ("", []):
        return "nothing"
    if isinstance(value, list):
        value = [_without_place(one) for one in value]
    value = _without_place(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return code(value if len(value) <= SHOWN_VALUE else f"{value[:SHOWN_VALUE]}…")


def mixture(corpus: Corpus) -> dict[str, str]:
    """Shares and epochs beside Table 1's; without shards, of the text."""
    theirs, names = paper().active, corpus.sources

    def paper_row(name: str) -> PaperRow | None:
        return theirs[name].paper if name in theirs else None

    total = sum(map(corpus.text_bytes, names))
    columns = ["source", "text", "of the text", "Table 1's disk size"]
    cells = {
        name: [
            name,
            sized(corpus.text_bytes(name)),
            percent(corpus.text_bytes(name), total),
            f"{row.disk_gb:,.0f} GB" if (row := paper_row(name)) else UNKNOWN,
        ]
        for name in names
    }
    if not corpus.is_whole:
        intro = "Only documents were made here, and no mixture of tokens: whoever trains on them chooses the shares."
        return {"mixture_intro": intro, "mixture_table": table(columns, cells.values(), [1, 2, 3])}
    columns += ["tokens", "share written", "Table 1's share", "epochs", "Table 1's epochs"]
    written = sum(row["written"] for row in corpus.facts["mixture"]["table"])
    for row in corpus.facts["mixture"]["table"]:
        if row["source"] in cells:
            told, own = paper_row(row["source"]), theirs.get(row["source"])
            share = f"{own.weight:.2f} %" if own else UNKNOWN
            epochs = decimal(row["epochs"]), decimal(told.epochs if told else None)
            cells[row["source"]] += [number(row["written"]), percent(row["written"], written), share, *epochs]
    intro = (
        "Tokens in the training shards, with how often a document stands in them on average, beside Table 1 of the "
        "paper. A corpus of another size than the paper's has other shares where its epochs are the same."
    )
    return {"mixture_intro": intro, "mixture_table": table(columns, cells.values(), range(1, len(columns)))}


def languages(corpus: Corpus) -> dict[str, str]:
    """Documents by language, as far as sources tell it."""
    telling = {name: found for name in corpus.sources if (found := corpus.kinds(name, "languages"))}
    silent = [name for name in corpus.sources if name not in telling]
    total: Counter[str] = Counter()
    for found in telling.values():
        total.update(found)
    intro = ["By ISO 639 codes, as a page's language was identified, or as its publisher tells it."] if telling else []
    if any(sum(found.values()) > corpus.kept(name) for name, found in telling.items()):
        intro.append("A document in several languages counts for each.")
    if silent:
        intro.append(f"Of {in_words(silent)} no language is known to the pipeline.")
    names = sorted(total, key=lambda code_: (-total[code_], code_))
    columns = ["language", "documents", *telling]
    cells = [
        [NO_LANGUAGE if name == NO_LANGUAGE else code(name), number(total[name])]
        + [number(found[name]) if name in found else "" for found in telling.values()]
        for name in names[:SHOWN_KINDS]
    ]
    if len(names) > SHOWN_KINDS:
        cells.append([f"{len(names) - SHOWN_KINDS} more", number(sum(total[n] for n in names[SHOWN_KINDS:]))])
        cells[-1] += [""] * len(telling)
    shown = table(columns, cells, range(1, len(columns))) if cells else ""
    return {"languages_intro": " ".join(intro), "languages_table": shown}


def takedown(corpus: Corpus) -> str:
    """How documents of each source are named, and where their publisher hears of one."""
    about = corpus.publishers
    cells = []
    for name in corpus.made:
        shape, _, what = about[name]["names"].partition(", ")
        cells.append(
            [
                name,
                code(shape) + (f", {literal(what)}" if what else ""),
                link("publisher", upstream) if (upstream := about[name]["upstream"]) else UNKNOWN,
            ]
        )
    return table(["source", "id (or the URL in `meta`)", "its publisher's way"], cells)
