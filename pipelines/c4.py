"""C4, 15 % of the mixture.   Source: LLaMA (2023) section 2.1, "C4"; Raffel et al. 2020, section 2.2, and its code.

LLaMA takes C4 as it is published, since other preprocessing of CommonCrawl beside its own made better models: `form:
published`. From WET files C4's own rules make it: of the pages of one address the newest stays, of its lines those that
end as sentences do, of pages those with enough sentences; three sentences that several pages have stay in one of them;
and the pages are English. Where C4's paper and its code differ, the steps say which they follow;
`mixtures/sources.py` has the switches.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import xxhash

from ..errors import UsageError, did_you_mean
from ..filters.c4 import (
    C4Rules,
    Rule,
    clean_page,
    drop_lines,
    drop_spans,
    line_keys,
    line_reasons,
    normalize_url,
    owner_key,
    shared_reasons,
    span_keys,
)
from ..filters.sentences import count, count_at_least
from ..formats.c4 import read_c4
from ..formats.wet import WetPage, read_wet
from ..mixtures.sources import C4LanguageRecipe, C4Recipe
from ..models import langdetect_model
from ..models.bad_words import open_bad_words
from ..models.language import HOW_TO_GET_IT, open_language_model
from ..records import Damage, Document, Dropped, Reason
from ..storage import MIB, Input, open_read
from .dates import seconds_of
from .source import Aids, Basis, Exchange, Function, Keys, Slice, Source, Step, Wanted, drop, keep_if, stem_of, step
from .web import blocking_steps, check_languages, check_lists, keep_languages, odd_lists, page_key, wanted_lists

# Names of what the steps use.
LANGUAGE_MODEL, BADWORDS = "language", "bad words"
ADDRESSES, SHARED = "addresses", "shared"  # exchanges
RULES: Mapping[Rule, tuple[Callable[..., Keys], Callable[..., tuple[str | None, Mapping[Reason, int]]]]] = (
    MappingProxyType({"spans": (span_keys, drop_spans), "lines": (line_keys, drop_lines)})
)
OF_RULES = ("max_chars", "max_word_chars", "min_words", "min_sentences", "duplicates", "language", "badwords")
SECONDS_BITS = 34  # of a date since 1970: until the year 2514


def steps(recipe: C4Recipe, aids: Aids) -> tuple[Step, ...]:
    if recipe.form == "published":
        empty = keep_if(lambda page: bool(page.text.strip("\0 \t\r\n")), Reason.EMPTY)
        return (*blocking_steps(recipe.block, aids), step("drop what is empty", empty, Basis.OURS))
    return (
        *blocking_steps(recipe.block, aids),
        step(
            "drop long pages",
            drop_long(recipe.max_chars),
            Basis.REFERENCE,
            note=f"over {recipe.max_chars:,} characters (TFDS)",
            decides={"max_chars": recipe.max_chars},
        ),
        Step(
            "one page an address",
            keep_newest(aids),
            Basis.REFERENCE,
            note="without its scheme, www, and what follows ?utm_, ?ref or ?feed: the newest page stays (TFDS; older "
            "versions: the first seen), of one second the one with the smallest hash of its text",
            exchange=pages_of_addresses(),
        ),
        step(
            "keep sentences",
            keep_sentences(rules_of(recipe)),
            Basis.PAPER,
            note=f"lines that end as sentences do, of {recipe.min_words} words and more, no JavaScript, no policies; "
            f"pages with {recipe.min_sentences} sentences and more, no filler text, no brace; citation marks out",
            version=2,
            decides={"rules": dataclasses.asdict(rules_of(recipe))},
            lines=lambda page: line_reasons(page.text, rules=rules_of(recipe)),
        ),
        *duplicate_steps(recipe, aids),
        *language_steps(recipe, aids),
        *badword_steps(recipe, aids),
    )


def duplicate_steps(recipe: C4Recipe, aids: Aids) -> tuple[Step, ...]:
    if recipe.duplicates == "skip":
        return ()
    rule = recipe.duplicates
    if rule == "spans":
        what = "three sentences in a row that several pages have stay"
        who = "as the paper says; the code compares lines"
    else:
        what, who = "a line that several pages have stays", "as the code does; the paper says three sentences"
    return (
        Step(
            "drop what other pages have",
            drop_shared(rule, recipe.min_sentences, aids),
            Basis.PAPER if rule == "spans" else Basis.REFERENCE,
            note=f"{what} in the page whose address has the smallest MD5, {who}; white space and case aside; "
            f"then {recipe.min_sentences} sentences must be left",
            version=2,
            exchange=parts_of_pages(rule),
            decides={"rule": rule, "min_sentences": recipe.min_sentences},
        ),
    )


def language_steps(recipe: C4Recipe, aids: Aids) -> tuple[Step, ...]:
    settings = recipe.language
    if settings == "skip":
        return ()
    ours = settings.by == "fasttext"
    return (
        step(
            "identify the language",
            identify_language(settings, aids),
            Basis.OURS if ours else Basis.PAPER,
            note=f"{settings.by}, a score of {settings.least_score} and above"
            + (" (the paper: langdetect at 0.99, which takes some hundred times as long)" if ours else ""),
            uses=(LANGUAGE_MODEL,) if ours else (),
            decides={"by": settings.by, "threshold": settings.least_score},
        ),
        step(
            "keep the languages",
            keep_languages(settings.keep, Reason.C4_LANGUAGE),
            Basis.PAPER,
            note=", ".join(settings.keep),
            decides={"keep": settings.keep},
        ),
    )


def badword_steps(recipe: C4Recipe, aids: Aids) -> tuple[Step, ...]:
    if not recipe.badwords:
        return ()
    note = f"words and phrases of {recipe.badwords}, anywhere in the page (TFDS 3; the published C4: within lines)"
    return (step("drop pages with bad words", drop_badwords(aids), Basis.PAPER, note, uses=(BADWORDS,)),)


def made(recipe: C4Recipe) -> list[tuple[str, str]]:
    """What is done where C4's own steps are not."""
    note = "its pages as they are published: C4's rules made them, and none is applied again"
    return [("take C4 as it is", note)] if recipe.form == "published" else []


def left_out(recipe: C4Recipe) -> list[str]:
    """The steps of C4's paper that the recipe leaves out; of published files none is ours to take."""
    if recipe.form == "published":
        return []
    skipped = {
        "drop what other pages have": recipe.duplicates == "skip",
        "identify the language, keep English": recipe.language == "skip",
        "drop pages with bad words": not recipe.badwords,
    }
    return [name for name, skips in skipped.items() if skips]


def rules_of(recipe: C4Recipe) -> C4Rules:
    """The thresholds of the rules for lines and pages."""
    return C4Rules(
        max_page_chars=recipe.max_chars,
        max_word_chars=recipe.max_word_chars,
        min_words=recipe.min_words,
        min_sentences=recipe.min_sentences,
    )


def drop_long(max_chars: int) -> Callable[[Document], Document | Dropped]:
    def judge(page: Document) -> Document | Dropped:
        n_chars = len(page.text)
        return page if n_chars <= max_chars else drop(page, Reason.C4_TOO_LONG, n_chars)

    return judge


def pages_of_addresses() -> Exchange:
    """Pages are compared by their addresses, all with all."""
    return Exchange(
        ADDRESSES,
        keys=lambda pages: [_address_key(page) for page in pages],
        keep="smallest",
        scope=lambda wet: "all",
        groups=1,
        owners=lambda pages: [_age(page) for page in pages],
    )


def keep_newest(aids: Aids) -> Function:
    def judge(pages: Sequence[Document]) -> list[Document | Dropped]:
        taken = aids.answers[ADDRESSES].taken([_address_key(page) for page in pages], [_age(page) for page in pages])
        return [
            drop(page, Reason.C4_OTHER_CRAWL, detail=page.meta["timestamp"]) if gone.any() else page
            for page, gone in zip(pages, taken, strict=True)
        ]

    return judge


def _address_key(page: Document) -> Keys:
    return np.array([xxhash.xxh3_64_intdigest(page.id.encode())], np.uint64)


def _age(page: Document) -> int:
    """A number that is smaller for newer pages, and of pages of one second smaller for a smaller hash of the text."""
    newest = (1 << SECONDS_BITS) - 1
    seconds = min(seconds_of(page.meta["timestamp"]), newest)
    text_bits = 64 - SECONDS_BITS
    return (newest - seconds) << text_bits | xxhash.xxh3_64_intdigest(page.text.encode()) >> SECONDS_BITS


def keep_sentences(rules: C4Rules) -> Callable[[Document], Document | Dropped]:
    def judge(page: Document) -> Document | Dropped:
        verdict = clean_page(page.text, rules=rules)
        gone = sum(verdict.line_reasons.values())
        n_lines = len(page.text.splitlines())
        if verdict.text is not None or verdict.reason == Reason.C4_TOO_FEW_SENTENCES:  # all lines were looked at
            lines = {"in": n_lines, "kept": n_lines - gone}
            lines |= {f"dropped.{reason}": n for reason, n in verdict.line_reasons.items()}
            page = dataclasses.replace(page, pieces=lines)
        if verdict.text is None:
            assert verdict.reason, "a page without text has a reason"
            return drop(page, verdict.reason, verdict.measures.get("sentences"))
        return dataclasses.replace(page, text=verdict.text, meta={**page.meta, "chars_in": len(page.text)})

    return judge


def parts_of_pages(rule: Rule) -> Exchange:
    """Spans or lines are compared, those of all pages with all."""
    keys_of, _ = RULES[rule]
    return Exchange(
        SHARED,
        keys=lambda pages: [keys_of(page.text) for page in pages],
        keep="smallest",
        scope=lambda wet: "all",
        groups=1,
        owners=_owners,
        lines=lambda page, keys, taken: shared_reasons(page.text, keys, taken, rule),
        keys_are_lines=rule == "lines",
    )


def _owners(pages: Sequence[Document]) -> list[int]:
    return [owner_key(page.meta["url"]) for page in pages]


def drop_shared(rule: Rule, min_sentences: int, aids: Aids) -> Function:
    keys_of, drop_taken = RULES[rule]

    def judge(pages: Sequence[Document]) -> list[Document | Dropped]:
        keys = [keys_of(page.text) for page in pages]
        taken = aids.answers[SHARED].taken(keys, _owners(pages))
        return [
            _left(page, drop_taken(page.text, gone, keys=own)[0], min_sentences)
            for page, own, gone in zip(pages, keys, taken, strict=True)
        ]

    return judge


def _left(page: Document, text: str | None, min_sentences: int) -> Document | Dropped:
    """A page with the text that no other page keeps, if that has enough sentences."""
    lines = [] if text is None else text.split("\n")
    n_gone = page.pieces["kept"] - len(lines)
    accounts = {**page.pieces, "kept": len(lines), f"dropped.{Reason.C4_SHARED_SPAN}": n_gone}
    page = dataclasses.replace(page, pieces={name: n for name, n in accounts.items() if n or name == "kept"})
    if text is None and not min_sentences:
        return drop(page, Reason.EMPTY)
    if text is None or not count_at_least(lines, min_sentences):
        return drop(page, Reason.C4_TOO_FEW_SENTENCES_LEFT, sum(map(count, lines)))
    return dataclasses.replace(page, text=text)


def identify_language(recipe: C4LanguageRecipe, aids: Aids) -> Callable[[Document], Document | Dropped]:
    def judge(page: Document) -> Document | Dropped:
        if recipe.by == "fasttext":
            model = open_language_model(aids.models[LANGUAGE_MODEL])
            language, score = model.identify(page.text.replace("\n", " "))
        else:
            language, score = langdetect_model.identify(page.text)
        if score < recipe.least_score:
            return drop(page, Reason.C4_LANGUAGE_UNSURE, score, language)
        return dataclasses.replace(page, meta={**page.meta, "language": language, "language_score": score})

    return judge


def drop_badwords(aids: Aids) -> Callable[[Document], Document | Dropped]:
    def judge(page: Document) -> Document | Dropped:
        words = open_bad_words(aids.models[BADWORDS], page.meta.get("language", "en"))
        found = words.in_page(page.text)
        return drop(page, Reason.C4_BADWORD, detail=found) if found else page

    return judge


def wanted(recipe: C4Recipe) -> dict[str, Wanted]:
    """The files that the recipe names: models and lists."""
    files = wanted_lists(recipe.block)
    if recipe.form == "published":
        return files
    if isinstance(recipe.language, C4LanguageRecipe) and recipe.language.by == "fasttext":
        files[LANGUAGE_MODEL] = Wanted((recipe.language.model,), HOW_TO_GET_IT)
    if recipe.badwords:
        files[BADWORDS] = Wanted((recipe.badwords,), "A word list is a text file of words and phrases, one a line.")
    return files


def check(recipe: C4Recipe, models: Mapping[str, str]) -> None:
    """Raises UsageError: a given file cannot be used, or a language is not known that is to be kept."""
    check_lists(recipe.block, models)
    if BADWORDS in models:
        open_bad_words(models[BADWORDS], "en")
    if recipe.form == "published" or recipe.language == "skip":
        return
    setting = "sources.c4.language.keep"
    if recipe.language.by == "fasttext":
        check_languages(recipe.language.keep, models[LANGUAGE_MODEL], setting)
        return
    known = langdetect_model.known_languages()
    for language in recipe.language.keep:
        if language not in known:
            raise UsageError(
                f"{setting}: langdetect knows no language {language}{did_you_mean(language, known)}; "
                f"it knows {', '.join(known)}."
            )


def odd(recipe: C4Recipe, models: Mapping[str, str], inputs: Collection[str]) -> list[str]:
    """What of the lists names nothing, and settings of rules that published pages do not go through."""
    notes = odd_lists(recipe.block, models)
    default = C4Recipe(inputs=())
    ignored = [name for name in OF_RULES if getattr(recipe, name) != getattr(default, name)]
    if recipe.form == "published" and ignored:
        notes.append(
            f"{', '.join(ignored)}: not looked at, for published pages are taken as they are (form: published)."
        )
    return notes


def slices(one: Input, recipe: C4Recipe) -> list[Slice]:
    """A file is one slice. Raises UsageError for a file whose name says that it is of the other form."""
    published = one.name.endswith((".json", ".json.gz", ".jsonl", ".jsonl.gz"))
    if published != (recipe.form == "published") and (published or ".wet" in one.name):
        what, form = ("pages as JSON lines", "published") if published else ("a WET file", "wet")
        raise UsageError(f"{one.name}: looks like {what}. Set sources.c4.form to {form}, or name other inputs.")
    return [Slice(stem_of(one), one, 0, one.size)]


def read(piece: Slice, recipe: C4Recipe, models: Mapping[str, str]) -> Iterator[Document | Damage]:
    """The pages of a file."""
    with open_read(piece.input.url) as file:
        if recipe.form == "published":
            for page in read_c4(file, max_page_bytes=recipe.max_page_mb * MIB):
                yield page if isinstance(page, Damage) else _document(page.url, page.timestamp, page.text)
            return
        for record in read_wet(file, max_record_bytes=recipe.max_page_mb * MIB):
            yield record if isinstance(record, Damage) else _page(record)


def _page(page: WetPage) -> Document | Damage:
    """A page as C4 reads it: its lines stripped, blank ones out; its title is a line as any other."""
    if not page.url:
        return Damage(page.offset, "bad_header", "no address")
    return _document(page.url, page.date, "\n".join(filter(None, map(str.strip, page.body.splitlines()))))


def _document(url: str, timestamp: str, text: str) -> Document:
    return Document(f"c4:{normalize_url(url)}", text, "c4", {"url": url, "timestamp": timestamp})


SOURCE = Source(
    "c4",
    lambda recipe: "*.json*" if recipe.form == "published" else "*.wet*",
    slices,
    read,
    steps,
    recipe=C4Recipe,
    revision=lambda page: seconds_of(page.meta["timestamp"]),
    models=wanted,
    check=check,
    odd=odd,
    made=made,
    left_out=left_out,
    decides=lambda recipe: {"form": recipe.form, "max_page_mb": recipe.max_page_mb},
    split_key=page_key,
)
