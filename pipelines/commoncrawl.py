"""English CommonCrawl, 67 % of the mixture.   Source: LLaMA (2023) section 2.1, "English CommonCrawl".

Five dumps of 2017 to 2020 through CCNet, which deduplicates lines, identifies the language with a fastText classifier,
keeps English, and filters low-quality pages with an n-gram language model; then a linear model that tells pages that
Wikipedia cites from others, and pages unlike the former are discarded. Where CCNet's paper and its code differ, the
code is followed; thresholds that the paper does not give are RedPajama's; `mixtures/recipe.py` has the switches.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from ..errors import UsageError
from ..filters.ccnet import drop_lines, hash_lines, line_reasons, split_title
from ..filters.ccnet_perplexity import bucket_of
from ..formats.wet import WetPage, read_wet
from ..mixtures.sources import CitedRecipe, CommonCrawlRecipe, LanguageRecipe, LinesRecipe, PerplexityRecipe
from ..models.citation import HOW_TO_GET_IT as HOW_TO_TRAIN_IT
from ..models.citation import open_citation_model
from ..models.cutoffs import open_cutoffs
from ..models.language import HOW_TO_GET_IT, open_language_model, spread
from ..models.ngram import MODELS, check_model, open_ngram_model, require_kenlm
from ..models.pieces import open_piece_model
from ..records import Bucket, Damage, Document, Dropped, Reason, counted
from ..storage import MIB, Input, open_read
from .source import Aids, Basis, Exchange, Function, Keys, Slice, Source, Step, Wanted, drop, stem_of, step
from .web import blocking_steps, check_languages, check_lists, keep_languages, odd_lists, page_key, wanted_lists

# Names of what the steps use.
LANGUAGE_MODEL, CUTOFFS, CITATION_MODEL, URLS = "language", "cutoffs", "citation", "cited URLs"
LINES = "lines"  # the exchange
ABOUT_NGRAMS = (
    "A folder of n-gram models has <language>.sp.model and <language>.arpa.bin (or .arpa), as CCNet publishes them; "
    "without the setting they are trained on Wikipedia."
)


def steps(recipe: CommonCrawlRecipe, aids: Aids) -> tuple[Step, ...]:
    return (
        *blocking_steps(recipe.block, aids),
        step(
            "drop short pages",
            drop_short(recipe.min_chars),
            Basis.REFERENCE,
            note=f"under {recipe.min_chars} characters without the title; before lines go, never again after (CCNet)",
            decides={"min_chars": recipe.min_chars},
        ),
        Step(
            "drop lines of other pages",
            drop_taken_lines(recipe, aids),
            Basis.PAPER,
            note=about_lines(recipe.lines),
            version=2,
            exchange=lines_of_pages(recipe),
            decides={
                "hash": recipe.lines.hash,
                "normalise": recipe.lines.normalise,
                "unicode": unicodedata.unidata_version,
            },
        ),
        step(
            "identify the language",
            identify_language(recipe.language, aids),
            Basis.PAPER,
            note=f"fastText on the lines glued together ({recipe.language.text} text); its score, rounded to two "
            f"decimals, must reach {recipe.language.threshold} (CCNet)",
            uses=(LANGUAGE_MODEL,),
            decides={"threshold": recipe.language.threshold, "text": recipe.language.text},
        ),
        step(
            "keep the languages",
            keep_languages(recipe.language.keep, Reason.CCNET_LANGUAGE),
            Basis.PAPER,
            note=", ".join(recipe.language.keep),
            decides={"keep": recipe.language.keep},
        ),
        *perplexity_steps(recipe, aids),
        *citation_steps(recipe, aids),
    )


def perplexity_steps(recipe: CommonCrawlRecipe, aids: Aids) -> tuple[Step, ...]:
    settings = recipe.perplexity
    if settings == "skip":
        return ()
    languages = recipe.ngram_languages
    models = tuple(name(language) for language in languages for name in (pieces_name, ngram_name))
    who = f"the models of {settings.models}" if settings.models else "models trained here on Wikipedia's lead sections"
    text = "a page as one sentence, its lines glued" if settings.text == "glued" else "each line a sentence"
    percentiles = f"the best {settings.head} and {settings.middle} per cent of a language (CCNet)"
    cutoffs = f"cut off as {settings.cutoffs} says" if settings.cutoffs else f"{percentiles} in the pages of the run"
    return (
        Step(
            "score the perplexity",
            score_perplexity(settings, languages, aids),
            Basis.PAPER,
            note=f"n-gram model over SentencePiece pieces, {text} (CCNet); {who}: {', '.join(languages)}",
            uses=models,
            decides={"text": settings.text, "languages": languages},
        ),
        step(
            "part into head, middle and tail",
            part(settings, aids),
            Basis.REFERENCE,
            note=f"{cutoffs}; a language without a model is in none: all",
            uses=(CUTOFFS,),
            decides={"head": settings.head, "middle": settings.middle},
            waits=not settings.cutoffs,
        ),
        step(
            "keep the parts",
            keep_parts(settings.keep),
            Basis.REFERENCE,
            note=f"{', '.join(settings.keep)}; RedPajama kept head and middle, the paper does not say",
            decides={"keep": settings.keep},
        ),
    )


def citation_steps(recipe: CommonCrawlRecipe, aids: Aids) -> tuple[Step, ...]:
    settings = recipe.cited
    if settings == "skip":
        return ()
    urls = f"on {settings.urls}" if settings.urls else "by Wikipedia's dumps"
    who = (
        f"the model {settings.model}"
        if settings.model
        else f"fastText, trained here: pages cited {urls} against others"
    )
    return (
        step(
            "score the likeness to cited pages",
            score_citation(aids),
            Basis.PAPER,
            note=f"{who}; lines joined by spaces (RedPajama)",
            uses=(CITATION_MODEL,),
            waits=not settings.model,
        ),
        step(
            "keep what is like cited pages",
            keep_cited(settings.min_score),
            Basis.REFERENCE,
            note=f"a score of {settings.min_score} and above (RedPajama); the paper gives no threshold",
            decides={"min_score": settings.min_score},
        ),
    )


def left_out(recipe: CommonCrawlRecipe) -> list[str]:
    """The steps of the paper that the recipe leaves out."""
    skipped = {"perplexity": "score the perplexity, keep the parts", "cited": "keep what is like cited pages"}
    return [name for setting, name in skipped.items() if getattr(recipe, setting) == "skip"]


def about_lines(recipe: LinesRecipe) -> str:
    """The rule in the words of its settings."""
    who = "in none of them" if recipe.keep == "none" else "in the first of them"
    how = {
        "ccnet-code": "case, digits and some punctuation aside, as in CCNet's code",
        "ccnet-paper": "case, digits, accents and all punctuation aside, as in CCNet's paper",
    }
    return (
        f"a line that several pages of a group have stays {who}; lines are compared with {how[recipe.normalise]}; "
        f"a dump's files are cut into {counted(recipe.groups, 'group')}; what a page repeats stays once; "
        "blank lines are lines"
    )


def drop_short(min_chars: int) -> Callable[[Document], Document | Dropped]:
    def judge(page: Document) -> Document | Dropped:
        n_chars = len(page.text)
        return page if n_chars >= min_chars else drop(page, Reason.CCNET_TOO_SHORT, n_chars)

    return judge


def lines_of_pages(recipe: CommonCrawlRecipe) -> Exchange:
    """Lines are compared by their hashes, within a group of the files of a dump."""
    return Exchange(
        LINES,
        keys=_line_hashes(recipe),
        keep=recipe.lines.keep,
        scope=dump_of,
        groups=recipe.lines.groups,
        lines=lambda page, hashes, taken: line_reasons(hashes, taken),
        keys_are_lines=True,
    )


def drop_taken_lines(recipe: CommonCrawlRecipe, aids: Aids) -> Function:
    line_hashes = _line_hashes(recipe)

    def judge(pages: Sequence[Document]) -> list[Document | Dropped]:
        hashes = line_hashes(pages)
        taken = aids.answers[LINES].taken(hashes)
        results: list[Document | Dropped] = []
        for page, own, gone in zip(pages, hashes, taken, strict=True):
            text, reasons = drop_lines(page.text, own, gone)
            n_kept = len(own) - reasons.total()
            lines = {"in": len(own), "kept": n_kept, **{f"dropped.{reason}": n for reason, n in reasons.items()}}
            page = dataclasses.replace(page, pieces=lines)
            if text is None:
                results.append(drop(page, Reason.CCNET_NO_LINE_LEFT))
            else:
                meta = {**page.meta, "lines": n_kept, "lines_in": len(own), "chars_in": len(page.text)}
                results.append(dataclasses.replace(page, text=text, meta=meta))
        return results

    return judge


def identify_language(recipe: LanguageRecipe, aids: Aids) -> Callable[[Document], Document | Dropped]:
    def judge(page: Document) -> Document | Dropped:
        model = open_language_model(aids.models[LANGUAGE_MODEL])
        text = page.text.replace("\n", "")
        language, score = model.identify(spread(text) if recipe.text == "spread" else text)
        score = round(score, 2)  # before it is compared: 0.495 passes
        if score < recipe.threshold:
            return drop(page, Reason.CCNET_LANGUAGE_UNSURE, score, language)
        return dataclasses.replace(page, meta={**page.meta, "language": language, "language_score": score})

    return judge


def score_perplexity(recipe: PerplexityRecipe, languages: Sequence[str], aids: Aids) -> Function:
    def judge(pages: Sequence[Document]) -> list[Document | Dropped]:
        results: list[Document | Dropped] = list(pages)
        for language in languages:
            own = [number for number, page in enumerate(pages) if page.meta["language"] == language]
            if not own:
                continue
            model = open_ngram_model(aids.models[ngram_name(language)], aids.models[pieces_name(language)])
            scores = model.perplexities([pages[number].text for number in own], per_line=recipe.text == "lines")
            for number, perplexity in zip(own, scores, strict=True):
                if perplexity is not None:  # there was something to score
                    page = pages[number]
                    results[number] = dataclasses.replace(page, meta={**page.meta, "perplexity": round(perplexity, 1)})
        return results

    return judge


def part(recipe: PerplexityRecipe, aids: Aids) -> Callable[[Document], Document | Dropped]:
    def judge(page: Document) -> Document | Dropped:
        cutoffs = open_cutoffs(aids.models[CUTOFFS], recipe.head, recipe.middle)
        bucket = bucket_of(page.meta.get("perplexity"), cutoffs.get(page.meta["language"]))
        return dataclasses.replace(page, meta={**page.meta, "bucket": bucket})

    return judge


def keep_parts(buckets: Sequence[Bucket]) -> Callable[[Document], Document | Dropped]:
    def judge(page: Document) -> Document | Dropped:
        bucket, perplexity = page.meta["bucket"], page.meta.get("perplexity")
        return page if bucket in buckets else drop(page, Reason.CCNET_BUCKET, perplexity, bucket)

    return judge


def score_citation(aids: Aids) -> Callable[[Document], Document | Dropped]:
    def judge(page: Document) -> Document | Dropped:
        score = open_citation_model(aids.models[CITATION_MODEL]).score(page.text)
        return dataclasses.replace(page, meta={**page.meta, "citation_score": score})

    return judge


def keep_cited(min_score: float) -> Callable[[Document], Document | Dropped]:
    def judge(page: Document) -> Document | Dropped:
        score = page.meta["citation_score"]
        return page if score >= min_score else drop(page, Reason.REDPAJAMA_NOT_CITED, score)

    return judge


def pieces_name(language: str) -> str:
    """What the model that cuts a language into pieces is called, among those that steps use."""
    return f"{language}.sp.model"


def ngram_name(language: str) -> str:
    """What the n-gram model of a language is called, among those that steps use."""
    return f"{language}.arpa.bin"


def wanted(recipe: CommonCrawlRecipe) -> dict[str, Wanted]:
    """The files that the recipe names: models, lists, cutoffs."""
    files = {LANGUAGE_MODEL: Wanted((recipe.language.model,), HOW_TO_GET_IT), **wanted_lists(recipe.block)}
    if isinstance(recipe.perplexity, PerplexityRecipe):
        folder = recipe.perplexity.models.rstrip("/")
        for language in recipe.ngram_languages if folder else ():
            files[pieces_name(language)] = Wanted((f"{folder}/{language}.sp.model",), ABOUT_NGRAMS)
            files[ngram_name(language)] = Wanted(
                tuple(f"{folder}/{language}{ending}" for ending in MODELS), ABOUT_NGRAMS
            )
        if recipe.perplexity.cutoffs:
            files[CUTOFFS] = Wanted((recipe.perplexity.cutoffs,), "Cutoffs are a JSON file, or a table as cc_net's.")
    if isinstance(recipe.cited, CitedRecipe) and recipe.cited.model:
        files[CITATION_MODEL] = Wanted((recipe.cited.model,), HOW_TO_TRAIN_IT)
    if isinstance(recipe.cited, CitedRecipe) and recipe.cited.urls:
        about = "It is a text file of URLs, one a line; without it what Wikipedia's dumps cite counts."
        files[URLS] = Wanted((recipe.cited.urls,), about)
    return files


def check(recipe: CommonCrawlRecipe, models: Mapping[str, str]) -> None:
    """Raises UsageError: a given file cannot be used, or a model does not know a language that is to be kept."""
    check_lists(recipe.block, models)
    if recipe.perplexity != "skip":
        require_kenlm()
        for language in recipe.ngram_languages if recipe.perplexity.models else ():
            check_model(models[ngram_name(language)])
            open_piece_model(models[pieces_name(language)])
        if recipe.perplexity.cutoffs:
            cutoffs = open_cutoffs(models[CUTOFFS], recipe.perplexity.head, recipe.perplexity.middle)
            lacking = [language for language in recipe.ngram_languages if language not in cutoffs]
            if lacking and "all" not in recipe.perplexity.keep:
                raise UsageError(
                    f"sources.commoncrawl.perplexity.cutoffs: no cutoffs of {', '.join(lacking)} in "
                    f"{recipe.perplexity.cutoffs}, so all its pages would go. It has {', '.join(cutoffs)}."
                )
    if CITATION_MODEL in models:
        open_citation_model(models[CITATION_MODEL])
    check_languages(recipe.language.keep, models[LANGUAGE_MODEL], "sources.commoncrawl.language.keep")


def made(recipe: CommonCrawlRecipe) -> list[tuple[str, str]]:
    """The models that are trained in a run, and where that is not what CCNet or RedPajama did."""
    rows = []
    if recipe.own_ngrams:
        note = (
            "on lead sections of Wikipedia's dumps, chosen by hash (CCNet: the first million of a search dump), cut by "
            "SentencePiece with CCNet's settings, trained on a part of them; modified Kneser-Ney by lmplz, or our own"
        )
        rows.append(("train n-gram models", note))
    if isinstance(recipe.cited, CitedRecipe) and not recipe.cited.model:
        note = (
            "on pages of the crawl that come this far (RedPajama fetched cited pages anew), and as many others chosen "
            "by hash; RedPajama's settings, but more epochs where there are under 10,000 examples, 500,000 words at "
            "most, and vectors that begin with a hash of the word, so that the same pages give the same bytes"
        )
        rows.append(("train the classifier of cited pages", note))
    return rows


def slices(wet: Input, recipe: CommonCrawlRecipe) -> list[Slice]:
    """A WET file is one slice: some 150 MB, a few minutes."""
    return [Slice(stem_of(wet), wet, 0, wet.size)]


def read(piece: Slice, recipe: CommonCrawlRecipe, models: Mapping[str, str]) -> Iterator[Document | Damage]:
    """The pages of a WET file."""
    dump = dump_of(piece.input)
    with open_read(piece.input.url) as file:
        for page in read_wet(file, max_record_bytes=recipe.max_page_mb * MIB):
            yield page if isinstance(page, Damage) else _document(page, dump)


def dump_of(wet: Input) -> str:
    """The dump that a file belongs to: the folder of its path that is named so, or else the first below the source's.

    >>> dump_of(Input("commoncrawl/crawl-data/CC-MAIN-2019-09/segments/1550.0/wet/a.warc.wet.gz", "", 0, ""))
    'CC-MAIN-2019-09'
    >>> dump_of(Input("commoncrawl/mine/1/a.warc.wet.gz", "", 0, "")), dump_of(Input("commoncrawl/a.wet", "", 0, ""))
    ('mine', 'all')
    """
    folders = PurePosixPath(wet.name).parts[1:-1]
    return next((name for name in folders if name.startswith("CC-MAIN-")), folders[0] if folders else "all")


def _line_hashes(recipe: CommonCrawlRecipe) -> Callable[[Sequence[Document]], list[Keys]]:
    compute = functools.partial(hash_lines, hash=recipe.lines.hash, normalise=recipe.lines.normalise)
    return lambda pages: compute([page.text for page in pages])


def _document(page: WetPage, dump: str) -> Document:
    title, text = split_title(page.body)
    # Without an id of its own a page is named by what it is: where it was found, and when.
    name = page.record_id or hashlib.sha1(f"{page.url} {page.date}".encode(), usedforsecurity=False).hexdigest()
    meta = {"url": page.url, "date": page.date, "digest": page.digest, "title": title, "dump": dump}
    return Document(f"commoncrawl:{name}", text, "commoncrawl", meta)


SOURCE = Source(
    "commoncrawl",
    lambda recipe: "*.wet*",
    slices,
    read,
    steps,
    recipe=CommonCrawlRecipe,
    models=wanted,
    check=check,
    odd=lambda recipe, models, inputs: odd_lists(recipe.block, models),
    made=made,
    left_out=left_out,
    unique=lambda recipe: recipe.unique_content,
    content=lambda page: page.meta["digest"],
    about_content="RedPajama: by the digest of the page as it was crawled, over all dumps; only with unique_content",
    decides=lambda recipe: {"max_page_mb": recipe.max_page_mb},
    split_key=page_key,
)
