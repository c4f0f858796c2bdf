"""Posts of Stack Exchange brought to their questions, and the largest sites, before any document is made.

posts   each dump: its one stream is read once, its rows counted, and written in parts by their questions
sites   one item: the largest sites, by the number of rows of their dumps; and which file has whose posts

Then each part is a slice, which is joined by itself.   Source: RedPajama v1 counts rows, and joins in memory.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..formats.stackexchange import Row, cut_rows
from ..formats.stackexchange_parts import PartWriter
from ..manifest import WORK, Receipt
from ..mixtures.sources import StackExchangeRecipe
from ..records import Damage
from ..storage import MIB, digest, join, open_read, read_json
from .inputs import Model
from .phase import Item, Phase, ShardOutput
from .reading import Reading, Work, check_unchanged
from .source import Slice
from .stackexchange import POSTS, SITES
from .taken_down import TakenDown

FOLDER = join(WORK, "posts", "stackexchange")
LIST = join(FOLDER, "posts.json")
SITES_FILE = "models/stackexchange/sites.json"
ROWS = "rows"  # in the accounts of a file of parts
VERSION = 1  # of the parts: raise it when they may hold other rows

Run = Callable[[Phase], Mapping[str, Receipt]]


def learn_of_threads(run: Run, output: str, work: Work, recipe: StackExchangeRecipe) -> dict[str, Model]:
    """Both phases, and what they make, by name."""
    made = run(sites_phase(run(posts_phase(work.plan)), work.plan, recipe))
    [receipt] = made.values()
    # Another dump beside them changes nothing for a slice, as long as the same sites stay.
    kept = digest("sites", sorted(read_json(join(output, SITES_FILE))["kept"]))
    return {
        SITES: Model.made(output, SITES_FILE, receipt.files[SITES_FILE].sha256, identity=kept),
        POSTS: Model.made(output, LIST, receipt.files[LIST].sha256, identity=f"posts {VERSION}"),
    }


# --- posts ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dump:
    """Task: the dump of one site; `slice` is its first slice."""

    slice: Slice
    n_parts: int
    max_row_bytes: int


def posts_phase(plan: Sequence[Reading]) -> Phase:
    """The posts of each dump, in as many parts as it has slices."""
    n_parts = Counter(reading.slice.input.name for reading in plan)
    items = []
    for one in _first_slices(plan):
        dump = one.slice.input
        assert isinstance(one.recipe, StackExchangeRecipe), "a reading of Stack Exchange"
        task = Dump(one.slice, n_parts[dump.name], one.recipe.max_post_mb * MIB)
        decides = (VERSION, task.n_parts, task.max_row_bytes, dump.name, dump.size, dump.identity)
        items.append(Item(one.slice.name, digest("posts", decides), dump.size, task))
    return Phase("stackexchange/posts", items, write_parts, unit="posts")


def _first_slices(plan: Sequence[Reading]) -> list[Reading]:
    """One reading of each dump."""
    return [one for one in plan if not one.slice.number]


def _stem(piece: Slice) -> str:
    return join(FOLDER, piece.name)


def write_parts(task: Dump, out: ShardOutput) -> None:
    counts, stem = {ROWS: 0}, _stem(task.slice)
    listed = TakenDown.read(out.output)
    gone = questions_of(task.slice.kind, listed.ids | listed.urls)
    with (
        open_read(task.slice.input.url) as file,
        out.binary(f"{stem}.index") as index,
        out.binary(f"{stem}.posts", counts=counts) as posts,
    ):
        writer = PartWriter(posts, index, task.n_parts)

        def take(found: Sequence[Row | Damage]) -> None:
            for one in found:
                if isinstance(one, Damage):
                    out.damage(task.slice.input.name, one)
                elif one.question not in gone:
                    writer.add(one)

        counts[ROWS] = cut_rows(file, take, task.max_row_bytes)
        writer.finish()
        check_unchanged(task.slice.input)


def questions_of(site: str, ids: Iterable[str]) -> set[int]:
    """The questions of one site among ids and URLs of documents.

    >>> questions_of("a.example", ["stackexchange:a.example/12", "https://a.example/questions/13", "wikipedia:en/12"])
    {12, 13}
    """
    starts = (f"stackexchange:{site}/", f"https://{site}/questions/")
    return {
        int(rest) for id_ in ids for start in starts if (rest := id_.removeprefix(start)) != id_ and rest.isdecimal()
    }


# --- sites ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choose:
    """Task: the rows of each site, and the files of the posts of each dump."""

    rows: Mapping[str, int]
    files: Mapping[str, tuple[str, str]]
    largest: int
    named: tuple[str, ...]


def sites_phase(parted: Mapping[str, Receipt], plan: Sequence[Reading], recipe: StackExchangeRecipe) -> Phase:
    """Which sites stay."""
    rows: Counter[str] = Counter()
    files = {}
    for one in _first_slices(plan):
        site, stem = one.slice.kind, _stem(one.slice)
        rows[site] = max(
            rows[site], parted[one.slice.name].files[f"{stem}.posts"].counts[ROWS]
        )  # of several dumps of a site
        name = stem.rpartition("/")[2]
        files[one.slice.input.name] = f"{name}.posts", f"{name}.index"
    task = Choose(dict(rows), files, recipe.largest, recipe.sites)
    fingerprint = digest("sites", 1, sorted(rows.items()), sorted(files.items()), recipe.largest, recipe.sites)
    return Phase("stackexchange/sites", [Item("sites", fingerprint, len(files), task)], choose_sites, unit="sites")


def choose_sites(task: Choose, out: ShardOutput) -> None:
    by_size = sorted(task.rows, key=lambda site: (-task.rows[site], site))
    kept = [site for site in by_size if site in map(str.lower, task.named)] if task.named else by_size[: task.largest]
    sites = {"kept": kept, "posts": {site: task.rows[site] for site in by_size}}
    with out.binary(SITES_FILE, rows=len(kept)) as file:
        file.write(json.dumps(sites, indent=1).encode() + b"\n")
    with out.binary(LIST) as file:
        file.write(json.dumps(dict(task.files), indent=1, sort_keys=True).encode() + b"\n")
