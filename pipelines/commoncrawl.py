"""English CommonCrawl, 67 % of the mixture.   Source: LLaMA (2023) section 2.1, "English CommonCrawl".

Five dumps of 2017 to 2020 through CCNet, which deduplicates lines, identifies the language with a fastText classifier
and keeps English. Where its paper and its code differ, the code is followed; `mixtures/recipe.py` has the switches.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from ..errors import UsageError, did_you_mean
from ..filters.ccnet import drop_lines, hash_lines, line_reasons, split_title
from ..formats.wet import WetPage, read_wet
from ..mixtures.recipe import CommonCrawlRecipe, LanguageRecipe, LinesRecipe
from ..models.language import HOW_TO_GET_IT, open_language_model, spread
from ..records import Damage, Document, Dropped, Reason
from ..storage import MIB, Input, open_read
from .source import Aids, Basis, Exchange, Keys, Slice, Source, Step, drop, stem_of, step

LANGUAGE_MODEL = "language"


def steps(recipe: CommonCrawlRecipe, aids: Aids) -> tuple[Step, ...]:
    return (
        step(
            "drop short pages",
            drop_short(recipe.min_chars),
            Basis.REFERENCE,
            note=f"under {recipe.min_chars} characters without the title; before lines go, never again after (CCNet)",
        ),
        Step(
            "drop lines of other pages",
            drop_taken_lines(recipe, aids),
            Basis.PAPER,
            note=about_lines(recipe.lines),
            exchange=lines_of_pages(recipe),
        ),
        step(
            "identify the language",
            identify_language(recipe.language, aids),
            Basis.PAPER,
            note=f"fastText on the lines glued together ({recipe.language.text} text); its score, rounded to two "
            f"decimals, must reach {recipe.language.threshold} (CCNet)",
        ),
        step(
            "keep the languages",
            keep_languages(recipe.language.keep),
            Basis.PAPER,
            note=", ".join(recipe.language.keep),
        ),
    )


def about_lines(recipe: LinesRecipe) -> str:
    """The rule in the words of its settings."""
    who = "in none of them" if recipe.keep == "none" else "in the first of them"
    how = {
        "ccnet-code": "case, digits and some punctuation aside, as in CCNet's code",
        "ccnet-paper": "case, digits, accents and all punctuation aside, as in CCNet's paper",
    }
    return (
        f"a line that several pages of a group have stays {who}; lines are compared with {how[recipe.normalise]}; "
        f"a dump's files are cut into {recipe.groups} groups; what a page repeats stays once; blank lines are lines"
    )


def drop_short(min_chars: int) -> Callable[[Document], Document | Dropped]:
    def judge(page: Document) -> Document | Dropped:
        n_chars = len(page.text)
        return page if n_chars >= min_chars else drop(page, Reason.CCNET_TOO_SHORT, n_chars)

    return judge


def lines_of_pages(recipe: CommonCrawlRecipe) -> Exchange:
    """Lines are compared by their hashes, within a group of the files of a dump."""
    how = {"hash": recipe.lines.hash, "normalise": recipe.lines.normalise, "unicode": unicodedata.unidata_version}
    return Exchange(
        keys=_line_hashes(recipe),
        keep=recipe.lines.keep,
        scope=dump_of,
        groups=recipe.lines.groups,
        reasons=line_reasons,
        decides={**how, "min_chars": recipe.min_chars, "max_page_mb": recipe.max_page_mb},
    )


def drop_taken_lines(recipe: CommonCrawlRecipe, aids: Aids) -> Callable[[Sequence[Document]], list[Document | Dropped]]:
    line_hashes = _line_hashes(recipe)

    def judge(pages: Sequence[Document]) -> list[Document | Dropped]:
        assert aids.answers, "the step runs after its exchange"
        hashes = line_hashes(pages)
        taken = aids.answers.taken(hashes)
        results: list[Document | Dropped] = []
        for page, own, gone in zip(pages, hashes, taken, strict=True):
            text, reasons = drop_lines(page.text, own, gone)
            n_kept = len(own) - reasons.total()
            lines = {"in": len(own), "kept": n_kept, **{f"dropped.{reason}": n for reason, n in reasons.items()}}
            page = dataclasses.replace(page, lines=lines)
            if text is None:
                results.append(drop(page, Reason.CCNET_NO_LINE_LEFT))
            else:
                meta = {**page.meta, "lines": n_kept, "lines_in": len(own)}
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


def keep_languages(languages: Sequence[str]) -> Callable[[Document], Document | Dropped]:
    def judge(page: Document) -> Document | Dropped:
        language, score = page.meta["language"], page.meta["language_score"]
        return page if language in languages else drop(page, Reason.CCNET_LANGUAGE, score, language)

    return judge


def check(recipe: CommonCrawlRecipe, models: Mapping[str, str]) -> None:
    """Raises UsageError: the model cannot be read, or does not know a language that is to be kept."""
    known = open_language_model(models[LANGUAGE_MODEL]).languages
    for language in recipe.language.keep:
        if language not in known:
            raise UsageError(
                f"sources.commoncrawl.language.keep: the model knows no language {language}"
                f"{did_you_mean(language, known)}; it knows {', '.join(known)}."
            )


def slices(wet: Input, recipe: CommonCrawlRecipe) -> list[Slice]:
    """A WET file is one slice: some 150 MB, a few minutes."""
    return [Slice(stem_of(wet), wet, 0, wet.size)]


def read(piece: Slice, recipe: CommonCrawlRecipe) -> Iterator[Document | Damage]:
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
    "*.wet*",
    slices,
    read,
    steps,
    models=lambda recipe: {LANGUAGE_MODEL: recipe.language.model},
    about_models={LANGUAGE_MODEL: HOW_TO_GET_IT},
    check=check,
    content=lambda page, recipe: page.meta["digest"] if recipe.unique_content else None,
    about_content="RedPajama: by the digest of the page as it was crawled, over all dumps; only with unique_content",
    shaping=lambda recipe: dataclasses.replace(
        recipe,
        lines=dataclasses.replace(recipe.lines, groups=1),  # who is compared decides the masks
        language=dataclasses.replace(recipe.language, model=""),  # the file counts, not where it lies
    ),
)
