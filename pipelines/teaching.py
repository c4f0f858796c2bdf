"""What is learnt before documents are judged: of Wikipedia for CommonCrawl, of repositories, sites, and all books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..manifest import Receipt, files_of
from ..mixtures.recipe import Recipe
from ..mixtures.sources import BooksRecipe, CommonCrawlRecipe, GithubRecipe, SourceRecipe, StackExchangeRecipe
from ..records import counted
from ..storage import join, read_json, size_of
from .commoncrawl import URLS, ngram_name
from .engine.driver import Driver
from .inputs import Model
from .leads import CITED, cited_phase, leads_phase
from .ngram import ARPA, make_ngrams, pack_ngrams
from .ngram import FOLDER as NGRAMS
from .overlap import learn_overlaps
from .phase import Phase
from .quality import CITED_KEYS, learn
from .quality import FOLDER as JUDGING
from .reading import Work
from .repositories import learn_of_repositories
from .threads import learn_of_threads

FEW_LEADS, POOR_AUC = 100, 0.6  # below these a model is said to be a poor one


def needed_sources(recipe: Recipe, named: Sequence[str]) -> list[str]:
    """The sources whose inputs are read for those that are named, in the recipe's order, themselves included."""
    crawl = recipe.sources.commoncrawl
    needs = bool(crawl and "commoncrawl" in named and (crawl.own_ngrams or crawl.cited_by_wikipedia))
    return [name for name in recipe.active if name in named or (needs and name == "wikipedia")]


def make_models(
    driver: Driver, source: str, work: Mapping[str, Work], recipe: Recipe, sources: Sequence[str]
) -> dict[str, Model]:
    """The models that a source needs of others or of all its inputs, by name; none where the recipe gives its own."""
    options, given = recipe.active[source], work[source].models
    if isinstance(options, GithubRecipe) and work[source].plan:
        return learn_of_repositories(driver.run, driver.output, work[source], options)
    if isinstance(options, StackExchangeRecipe) and work[source].plan:
        return learn_of_threads(driver.run, driver.output, work[source], options)
    if not isinstance(options, CommonCrawlRecipe) or not work[source].plan:
        return {}
    leads: Mapping[str, Receipt] = {}
    if options.own_ngrams or options.cited_by_wikipedia:
        leads = driver.run(leads_of(options, work["wikipedia"], sources))
    made: dict[str, Model] = {}
    if options.own_ngrams:
        made |= train_ngrams(driver, leads, options.ngram_languages, recipe)
    else:
        arpas = {one: given[ngram_name(one)] for one in options.ngram_languages}
        arpas = {language: model for language, model in arpas.items() if model.name.endswith(ARPA)}
        made |= pack_ngrams(driver.run, driver.output, arpas, folder="work/ngram")
        say_what_arpa_costs(driver, {**given, **made})
    if options.cited_by_wikipedia or URLS in given:
        urls = {name: model for name, model in given.items() if name == URLS}
        cited = driver.run(cited_phase({} if urls else leads, urls))
        made[CITED_KEYS] = Model.made(driver.output, CITED, files_of(cited.values())[CITED].sha256)
    return made


def learn_of_documents(
    driver: Driver, extracted: Mapping[str, Receipt], options: SourceRecipe, models: Mapping[str, Model]
) -> dict[str, Model]:
    """What all documents of a source teach, before the steps that waited for it run: name → model."""
    if isinstance(options, BooksRecipe):
        return learn_overlaps(driver.run, driver.output, extracted, options)
    assert isinstance(options, CommonCrawlRecipe), "no other source has steps that wait"
    learned = learn(driver.run, driver.output, extracted, options, models)
    say_how_little_was_learnt(driver, JUDGING)
    return learned


def train_ngrams(
    driver: Driver, leads: Mapping[str, Receipt], languages: Sequence[str], recipe: Recipe
) -> dict[str, Model]:
    """The n-gram models of some languages, trained here, with what is to be said of them."""
    made = make_ngrams(driver.run, driver.output, leads, languages, recipe.ngram)
    say_what_arpa_costs(driver, made)
    say_how_little_was_learnt(driver, NGRAMS)
    return made


def leads_of(options: CommonCrawlRecipe, wikipedia: Work, sources: Sequence[str]) -> Phase:
    """The pass over Wikipedia's dumps for CommonCrawl. It reports their damage, unless Wikipedia is made in the run."""
    languages = options.ngram_languages if options.own_ngrams else ()
    return leads_phase(wikipedia.plan, languages, options.cited_by_wikipedia, reports="wikipedia" not in sources)


def say_how_little_was_learnt(driver: Driver, folder: str) -> None:
    """A line for each model of a folder that was made from so little that it decides hardly better than chance."""
    for path, facts in facts_of_models(driver).items():
        if not path.startswith(f"{folder}/"):
            continue
        if (n := facts.get("lead_sections", FEW_LEADS)) < FEW_LEADS:
            driver.say(f"{path}: made from {counted(n, 'lead section')}; perplexities of such a model say little.")
        held = facts.get("held_out", {})
        if held.get("positives") and held.get("negatives") and held["auc"] < POOR_AUC:
            driver.say(f"{path}: on pages held out it is hardly better than chance (AUC {held['auc']:.2f}).")


def say_what_arpa_costs(driver: Driver, models: Mapping[str, Model]) -> None:
    """A line when n-gram models stay text, since KenLM's tool that packs them is not there."""
    if size := sum(size_of(model.url) for model in models.values() if model.name.endswith(ARPA)):
        seconds = round(size * 14e-9)  # 6.7 s for 484 MB
        driver.say(
            f"n-gram models stay ARPA text ({size / 1e6:,.0f} MB), since KenLM's build_binary is not on PATH: each "
            f"process reads them anew{f' (some {seconds} s)' if seconds else ''} and holds a copy of its own. "
            "`make kenlm-tools` in a checkout builds it."
        )


def facts_of_models(driver: Driver) -> dict[str, Any]:
    """What is known of the models that were made: file → facts."""
    return {
        path: read_json(join(driver.output, path))
        for phase, done in driver.finished.items()
        for path in files_of(done.values())
        if path.startswith("models/") and path.endswith(".json")
    }
