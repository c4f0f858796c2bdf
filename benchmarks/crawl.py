"""The whole of CommonCrawl, step by step: pages for each second of CPU, beside what CCNet's paper says of its own.

    python -m corpusmill.benchmarks.crawl INPUTS

INPUTS is a folder as a run of the sample recipe takes it. All phases of the source run once in this process, without
Beam; then its steps run again over the same pages, each timed by itself. Nothing of another project is run here:
CCNet's figures are of other machines and other pages, and stand beside ours for the order of magnitude alone. No floor.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from ..manifest import Receipt, read_receipts
from ..mixtures.recipe import Recipe, load
from ..mixtures.sources import CommonCrawlRecipe
from ..pipelines.answers import Sidecars, open_answers
from ..pipelines.commoncrawl import LINES, SOURCE, URLS
from ..pipelines.documents import documents_phase
from ..pipelines.exchange import make_exchanges
from ..pipelines.extract import extract_phase
from ..pipelines.finding import find
from ..pipelines.inputs import Model
from ..pipelines.judge import judge_phase
from ..pipelines.leads import CITED, cited_phase, leads_phase
from ..pipelines.ngram import make_ngrams
from ..pipelines.phase import Phase, perform
from ..pipelines.quality import CITED_KEYS, learn
from ..pipelines.reading import Reading, Work, readings
from ..pipelines.source import Aids, batches
from ..pipelines.unique import ID, unique_phase
from ..records import Document
from ..storage import join

# CCNet (Wenzek et al. 2020), sections 4 and 5: documents a second, of one process.
THEIRS: Mapping[str, str] = {
    "hash": "600, with the download",
    "identify the language": "1,000",
    "mining": "40 a worker: dedup 40 %, SentencePiece 33 %, language model 13 %, language 12.5 %",
    "whole": "16 to 18 a core, end to end",
}
T = TypeVar("T")


class Watch:
    """CPU seconds by what they were spent on."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.pages: Counter[str] = Counter()

    def time(self, name: str, work: Callable[..., T], *arguments: object) -> T:
        start = time.process_time()
        result = work(*arguments)
        self.seconds[name] += time.process_time() - start
        return result

    def line(self, name: str, n_pages: int) -> None:
        seconds = self.seconds[name]
        rate = f"{n_pages / seconds:12,.0f}" if seconds > 1e-4 else f"{'–':>12}"
        theirs = f"   (CCNet: {THEIRS[name]})" if name in THEIRS else ""
        print(f"  {name:34}{n_pages:9,}{seconds:10.2f}{rate}{theirs}")


def run_phases(
    recipe: Recipe, inputs: str, output: str, watch: Watch
) -> tuple[dict[str, Model], list[tuple[Reading, Sidecars]]]:
    """All phases of the source, one item after the other: its models, and what each slice knows of the others."""

    def run(phase: Phase) -> Mapping[str, Receipt]:
        for item in phase.items:
            watch.time(phase.name, perform, item, phase.name, output, phase.function)
        found = read_receipts(output, phase.name, [item.name for item in phase.items])
        return {item.name: found[item.name] for item in phase.items}

    options = recipe.active["commoncrawl"]
    assert isinstance(options, CommonCrawlRecipe), "of this source"
    given = find(recipe, ["commoncrawl", "wikipedia"], inputs)
    plan = readings("commoncrawl", given["commoncrawl"].files, recipe)
    models = {name: Model.given(one) for name, one in given["commoncrawl"].models.items()}
    sidecars = make_exchanges(run, output, SOURCE, Work(plan, models), recipe)
    cited = run(cited_phase({}, {URLS: models[URLS]}))
    models[CITED_KEYS] = Model.made(output, CITED, cited["cited"].files[CITED].sha256)
    dumps = readings("wikipedia", given["wikipedia"].files, recipe)
    leads = run(leads_phase(dumps, options.ngram_languages, cites=False, reports=True))
    models |= make_ngrams(run, output, leads, options.ngram_languages, recipe.ngram)
    extracted = run(extract_phase(SOURCE, plan, models, recipe, sidecars))
    models |= learn(run, output, extracted, options, models)
    judged = run(judge_phase(SOURCE, extracted, models, recipe))
    run(unique_phase("commoncrawl", ID, output, judged, {}))
    run(documents_phase("commoncrawl", output, recipe, judged, {}))
    return models, [(reading, sidecars[reading.slice.name][LINES]) for reading in plan]


def run_steps(models: Mapping[str, Model], plan: Sequence[tuple[Reading, Sidecars]], output: str, watch: Watch) -> None:
    """The steps over all pages, each timed by itself."""
    for reading, beside in plan:
        answers = watch.time("drop lines of other pages", open_answers, beside, lambda path, _: join(output, path))
        steps = SOURCE.steps(reading.recipe, Aids({name: one.url for name, one in models.items()}, {LINES: answers}))
        pages = watch.time("read", pages_of, reading)
        watch.pages["read"] += len(pages)
        for batch in batches(pages):
            left = batch
            for step in steps:
                watch.pages[step.name] += len(left)
                results = watch.time(step.name, step.function, left)
                left = [result for result in results if isinstance(result, Document)]


def pages_of(reading: Reading) -> list[Document]:
    return [record for record in reading.records(Counter()) if isinstance(record, Document)]


def main(inputs: str) -> None:
    """Print a line a phase, and a line a step."""
    recipe = load("sample")
    phases, steps = Watch(), Watch()
    with tempfile.TemporaryDirectory() as output:
        models, plan = run_phases(recipe, inputs, output, phases)
        run_steps(models, plan, output, steps)
    n_pages = steps.pages["read"]
    print(f"  {'phase':34}{'pages':>9}{'seconds':>10}{'pages/s':>12}")
    own = [name for name in phases.seconds if name.startswith("commoncrawl/")]
    for name in own:
        phases.seconds[name.removeprefix("commoncrawl/")] = phases.seconds[name]
        phases.line(name.removeprefix("commoncrawl/"), n_pages)
    phases.seconds["whole"] = sum(phases.seconds[name] for name in own)
    phases.line("whole", n_pages)
    beside = ("wikipedia/leads", "ngram/text", "ngram/pieces", "ngram/model")
    print(f"  the n-gram model, once: {sum(phases.seconds[name] for name in beside):.1f} s")
    print(f"  {'step':34}{'pages':>9}{'seconds':>10}{'pages/s':>12}")
    for name in steps.pages:
        steps.line(name, steps.pages[name])
    steps.seconds["mining"] = sum(steps.seconds[name] for name in steps.pages)
    steps.line("mining", n_pages)


if __name__ == "__main__":
    main(sys.argv[1])
