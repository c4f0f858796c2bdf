"""What a recipe costs and gives, measured on a part of its inputs: the real phases, run on a few slices of each source.

Where documents are compared with others, what is kept depends on how many there are. So such a source is made on a
quarter of its slices, on a half, and on all that were chosen; the receipts of the last time are what is measured, and
of the shards that are then mixed from one pass over each source. `report/forecast.py` goes from there to the whole.
"""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from ..errors import ConfigError, UsageError
from ..manifest import File
from ..mixtures.circle import unit_interval
from ..mixtures.extrapolate import Compared, fall_of, nested
from ..mixtures.recipe import Recipe
from ..mixtures.sources import BooksRecipe, CitedRecipe, CommonCrawlRecipe, SourceRecipe, StackExchangeRecipe
from ..records import counted, sized
from ..storage import absolute, identified, join, sizes, write_json
from .build import PART, check_buildable, make_documents, make_tokenizer, mix_shards, plan_work
from .command import logging_to
from .commoncrawl import dump_of
from .engine.driver import Driver
from .exchange import asking_steps
from .finding import find_files, find_models, find_tokenizer
from .inputs import Given, Inputs, check_inputs
from .lock import LOCK, locked
from .measured import Measured, Sampled, account, busy_of, learnt_of, mixed_of
from .part import Part, Unit, Whole, choose
from .quality import TooFewPages
from .reading import Work
from .sources import source_of
from .wikipedia import language_of

MARK = "work/measured.json"  # in an output folder that is ours
SMALLEST_VOCABULARY = 300
Corpus = dict[str, Mapping[str, File]]


@dataclass(frozen=True)
class Measuring:
    """The arguments of `corpusmill plan --measure`."""

    recipe: Recipe
    inputs: str
    share: float
    workers: int
    output: str | None = None
    whole: Mapping[str, Whole] = field(default_factory=dict)
    allow_empty: bool = False
    quiet: bool = False


def measure(command: Measuring) -> Measured:
    """Run the recipe on a part of its inputs.

    Raises:
        UsageError: the inputs, the recipe or the output folder cannot be used, or the part is too small.
    """
    recipe = command.recipe
    check_buildable(recipe, list(recipe.active))
    if wrong := [name for name in command.whole if name not in recipe.active]:
        raise UsageError(f'--whole: {wrong[0]} is not a source of the recipe "{recipe.name}".')
    check_inputs(command.inputs)
    parts = {}
    for name, options in recipe.active.items():
        files = find_files(name, options, command.inputs, command.allow_empty)
        part = choose(name, options, files, command.share)
        if part.units:
            parts[name] = part
    if not parts:
        raise UsageError(f"{command.inputs}: none of the inputs holds a byte, so there is nothing to measure.")
    with _folder(command) as output:
        return _Run(command, output, parts).make()


@contextlib.contextmanager
def _folder(command: Measuring) -> Iterator[str]:
    """Where the measuring run is made: a folder that is gone afterwards, or the one that was named."""
    if command.output is None:
        with tempfile.TemporaryDirectory(prefix="corpusmill-measure-") as scratch:
            yield scratch
        return
    output = absolute(command.output)
    there = sizes(output)
    if there.keys() - {LOCK} and MARK not in there:
        raise UsageError(f"{command.output}: holds other files. With --measure, --output is a folder of its own.")
    with locked(output, command.recipe.digest), logging_to(output):
        write_json(join(output, MARK), {"recipe": command.recipe.resolved(), "share": command.share})
        yield output


def compares_documents(source: str, options: SourceRecipe) -> bool:
    """Whether what is kept of a source depends on its other documents. Two dumps of a Wikipedia have the same pages."""
    if isinstance(options, BooksRecipe) and options.overlap != "skip":
        return True
    one = source_of(source, options)
    return source == "wikipedia" or one.unique(options) or bool(asking_steps(one, options))


class _Run:
    """The measuring run."""

    def __init__(self, command: Measuring, output: str, parts: Mapping[str, Part]):
        self.command, self.parts = command, parts
        self.notes = [note for part in parts.values() for note in part.notes]
        self.sampled = {name: self._sampled(part) for name, part in parts.items()}
        self.recipe = self._recipe()
        self.leads = self._leads()
        self.inputs = self._inputs()
        self.work = plan_work(self.recipe, self.inputs)
        # What there is to say of the part's own shards is of no use to those who want no progress either.
        console = Console(stderr=True, emoji=False, quiet=command.quiet)
        self.driver = Driver(output, command.workers, console=console, quiet=command.quiet)
        self.driver.sweep()

    def make(self) -> Measured:
        """All sources, then the shards of those that have documents."""
        corpus: Corpus = {name: self._documents(name) for name in self.parts}
        kept = {
            name: files for name, files in corpus.items() if any(f.counts.get("bytes.kept") for f in files.values())
        }
        for name in corpus.keys() - kept.keys():
            self.notes.append(f"{name}: no document of the part that was read is kept, so nothing is known of others.")
        if not kept:
            raise UsageError("not one document of the part that was read is kept. Measure a larger part.")
        tokens = self._shards(kept)
        finished, recipe = self.driver.finished, self.command.recipe
        marks = recipe.tokenizer.bos + recipe.tokenizer.eos
        for one in self.sampled.values():
            account(one, finished, marks)
        learnt, mixed = learnt_of(finished, self.recipe), mixed_of(finished, tokens)
        return Measured(recipe, self.command.share, self.sampled, learnt, mixed, busy_of(finished), self.notes)

    # --- before anything is made --------------------------------------------------------------------------------------

    def _sampled(self, part: Part) -> Sampled:
        """How much there is of a source, and how large the sets are in which its documents are compared."""
        options, said = self.command.recipe.active[part.source], self.command.whole.get(part.source)
        whole = said.bytes(part.files) if said else part.bytes_found + part.left_out
        if said and round(whole) < round(part.bytes_found + part.left_out):
            here = sized(part.bytes_found + part.left_out)
            raise UsageError(f"--whole: {part.source} has {here} in --inputs, and cannot have {sized(whole)} in all.")
        made = part.bytes_found / (part.bytes_found + part.left_out)
        one = Sampled(part, max(whole * made, part.bytes), whole * (1 - made))
        one.compares = compares_documents(part.source, options)
        one.larger = one.grown
        if isinstance(options, CommonCrawlRecipe):
            # A dump is cut into groups, and lines are compared within one.
            n_dumps = (said.sets if said else None) or _n_dumps(part.found)
            n_files = one.whole / part.bytes_found * len(part.found) / n_dumps
            group = one.whole / n_dumps / max(1, min(options.lines.groups, n_files))
            one.larger = group / (part.bytes / _n_dumps(part.units))
        return one

    def _recipe(self) -> Recipe:
        """The recipe for the part: one pass over each source, of Stack Exchange the sites that were chosen, and groups
        as large as those of the whole, or as near to them as there is enough."""
        sources = {}
        for name, options in self.command.recipe.active.items():
            changed = dataclasses.replace(options, weight=None, epochs=1.0)
            if name in self.parts and isinstance(changed, CommonCrawlRecipe):
                one = self.sampled[name]
                groups = max(1, round(1 / one.larger))
                one.larger *= groups
                changed = dataclasses.replace(changed, lines=dataclasses.replace(changed.lines, groups=groups))
            if name in self.parts and isinstance(changed, StackExchangeRecipe) and self.command.share < 1:
                sites = tuple(sorted({unit.kind for unit in self.parts[name].units}))
                changed = dataclasses.replace(changed, sites=sites)
            sources[name] = changed
        return _with(self.command.recipe, sources, budget_tokens=None)

    def _leads(self) -> list[Unit]:
        """Slices of Wikipedia that are read for their lead sections alone: one of each language that an n-gram model is
        trained on, where no chosen slice is of it."""
        crawl = self.recipe.sources.commoncrawl
        if not (crawl and crawl.own_ngrams and "wikipedia" in self.parts and "commoncrawl" in self.parts):
            return []
        part = self.parts["wikipedia"]
        there = {language_of(unit.input.name) for unit in part.units}
        found = []
        for language in sorted(set(crawl.ngram_languages) - there):
            own = [unit for unit in part.found if unit.bytes and language_of(unit.input.name) == language]
            found += sorted(own, key=lambda unit: unit_interval(unit.name, "measure"))[:1]
        return found

    def _inputs(self) -> Inputs:
        found: Inputs = {}
        for name, options in self.recipe.active.items():
            part = self.parts.get(name)
            if part is None:
                found[name] = Given([])
                continue
            units = [*part.units, *(self.leads if name == "wikipedia" else [])]
            files = {one.name: one for one in [*(unit.input for unit in units), *part.beside]}
            models = find_models(name, options, self.command.inputs)
            found[name] = Given(identified([files[key] for key in sorted(files)]), models)
        return {**found, **find_tokenizer(self.recipe, self.command.inputs)}

    # --- documents ----------------------------------------------------------------------------------------------------

    def _documents(self, name: str) -> Mapping[str, File]:
        """The documents of a source; before, where they are compared, those of smaller parts."""
        one = self.sampled[name]
        if one.compares and one.larger > 1:
            self._compare(name)
        try:
            return self._make(name, list(one.part.units), self.recipe)
        except TooFewPages as error:
            self.notes.append(
                f"{error} So the likeness to cited pages is left out here, and the documents and tokens of commoncrawl "
                "are those that come as far as it."
            )
            self.recipe = _untaught(self.recipe)
            return self._make(name, list(one.part.units), self.recipe)

    def _compare(self, name: str) -> None:
        """Make a source on a quarter, a half and all of its units, and see how the share kept falls."""
        one, options = self.sampled[name], self.recipe.active[name]
        units = {unit.name: unit for unit in one.part.units}
        n_sets = 1
        if isinstance(options, CommonCrawlRecipe):
            n_sets = _n_dumps(one.part.units) * options.lines.groups
        subsets = nested(sorted(units), lambda unit: unit_interval(unit, "measured sizes"))
        if len(units) < 3 * n_sets or not subsets:
            within = f" in {counted(n_sets, 'set')} that are compared apart" if n_sets > 1 else ""
            self.notes.append(
                f"{name}: no three sizes to compare within, with {counted(len(units), 'slice')}{within}. So how the "
                "share kept falls is not known: its documents and tokens are as the part keeps them, in truth fewer."
            )
            return
        kept = []
        for subset in subsets:
            self._make(name, [units[unit] for unit in subset], _untaught(self.recipe))
            kept.append(self._kept(name))
        size = [sum(units[unit].bytes for unit in subset) for subset in subsets]
        for what in ("documents", "text"):
            first, second = (
                Compared(
                    size[step + 1] / size[step],
                    {unit: kept[step][what][unit] for unit in subsets[step]},
                    {unit: kept[step + 1][what][unit] for unit in subsets[step]},
                )
                for step in (0, 1)
            )
            if fall := fall_of(first, second, sum(kept[1]["documents"].values())):
                one.falls[what] = fall

    def _make(self, name: str, units: Sequence[Unit], recipe: Recipe) -> Mapping[str, File]:
        chosen = {piece for unit in units for piece in unit.slices}
        # Two slices a process at least, to tell what it takes to open models from what a slice takes.
        self.driver.workers = max(1, min(self.command.workers, len(chosen) // 2))
        return make_documents(self.driver, name, {**self.work, **self._only(name, chosen)}, recipe, list(self.parts))

    def _only(self, name: str, chosen: Collection[str]) -> dict[str, Work]:
        """The work on some slices of a source, and on those of Wikipedia that were chosen, where it gives models."""
        of_leads = {piece for unit in self.leads for piece in unit.slices}
        found: dict[str, Work] = {}
        for source, wanted in ((name, chosen), ("wikipedia", of_leads)):
            if source == name or (source in self.parts and name == "commoncrawl"):
                own = {piece for unit in self.parts[source].units for piece in unit.slices}
                keep = set(wanted) if source == name else own | set(wanted)
                plan = [one for one in self.work[source].plan if one.slice.name in keep]
                found.setdefault(source, dataclasses.replace(self.work[source], plan=plan))
        return found

    def _kept(self, name: str) -> dict[str, dict[str, float]]:
        """Documents and bytes of text of each unit, as the last run on the source keeps them."""
        unit_of = {piece: unit.name for unit in self.parts[name].units for piece in unit.slices}
        found: dict[str, dict[str, float]] = {
            what: dict.fromkeys(unit_of.values(), 0.0) for what in ("documents", "text")
        }
        for item, receipt in self.driver.finished[f"{name}/documents"].items():
            unit = unit_of[PART.sub("", item)]
            for file in receipt.files.values():
                found["documents"][unit] += file.counts.get("documents.kept", 0)
                found["text"][unit] += file.counts.get("bytes.kept", 0)
        return found

    # --- shards -------------------------------------------------------------------------------------------------------

    def _shards(self, corpus: Corpus) -> int:
        """Tokenizer, tokens and shards of one pass; how many tokens. A vocabulary that the text is too small for is
        halved until it can be trained."""
        self.driver.workers = self.command.workers
        wanted = recipe = self.command.recipe  # its shares decide what the tokenizer sees
        while True:
            try:
                model = make_tokenizer(self.driver, recipe, corpus, self.inputs)
                break
            except ConfigError:
                size = recipe.tokenizer.vocab_size // 2
                if recipe.tokenizer.model or size < SMALLEST_VOCABULARY:
                    raise
                recipe = dataclasses.replace(recipe, tokenizer=dataclasses.replace(recipe.tokenizer, vocab_size=size))
        if recipe != wanted:
            self.notes.append(
                f"tokens are counted with a vocabulary of {recipe.tokenizer.vocab_size:,}, since the part is too small "
                f"to train {wanted.tokenizer.vocab_size:,} pieces on: with those there are fewer tokens."
            )
        one_pass = _with(self.recipe, {name: None for name in self.recipe.active if name not in corpus})
        made = mix_shards(self.driver, one_pass, corpus, model)
        return sum(int(row["written"]) for row in made["table"])


def _n_dumps(units: Sequence[Unit]) -> int:
    """The dumps of CommonCrawl that some slices are of."""
    return len({dump_of(unit.input) for unit in units})


def _with(recipe: Recipe, changed: Mapping[str, SourceRecipe | None], **settings: Any) -> Recipe:
    """The recipe with other sources, and with settings that are right with those alone. Without Wikipedia, CommonCrawl
    does without what is learnt from it: there is a recipe to mix by then, and nothing to learn."""
    if changed.get("wikipedia", recipe.sources.wikipedia) is None and recipe.sources.commoncrawl:
        crawl = changed.get("commoncrawl", recipe.sources.commoncrawl)
        if isinstance(crawl, CommonCrawlRecipe):
            changed = {**changed, "commoncrawl": dataclasses.replace(crawl, perplexity="skip", cited="skip")}
    return dataclasses.replace(recipe, sources=recipe.sources.changed(changed), **settings)


def _untaught(recipe: Recipe) -> Recipe:
    """The recipe without a classifier that is trained on the pages of the run: on a few it is another one each time."""
    crawl = recipe.sources.commoncrawl
    if not crawl or not isinstance(crawl.cited, CitedRecipe) or crawl.cited.model:
        return recipe
    return _with(recipe, {"commoncrawl": dataclasses.replace(crawl, cited="skip")})
