"""Steps that sources of web pages have in common: block lists, and which languages stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..errors import UsageError, did_you_mean
from ..filters.blocklist import open_block_list
from ..filters.urls import normalize_url
from ..models.language import open_language_model
from ..records import Document, Dropped, Reason, counted
from .source import Aids, Basis, Step, Wanted, drop, step


def page_key(page: Document) -> str:
    """What must not lie on both sides of the validation split: the same address, in any crawl, and in C4."""
    return f"web:{normalize_url(page.meta['url']) or page.id}"


def blocking_steps(lists: Sequence[str], aids: Aids) -> tuple[Step, ...]:
    """The step that drops the pages of block lists; none where there is no list."""
    if not lists:
        return ()
    names = tuple(map(block_name, lists))
    note = f"domains and URLs of {', '.join(lists)}; before all else, so that no other page is compared with them"
    return (step("drop blocked pages", drop_blocked(names, aids), Basis.OURS, note, uses=names),)


def drop_blocked(names: Sequence[str], aids: Aids) -> Callable[[Document], Document | Dropped]:
    def judge(page: Document) -> Document | Dropped:
        for name in names:
            if entry := open_block_list(aids.models[name]).match(page.meta["url"]):
                return drop(page, Reason.BLOCKED, detail=entry)
        return page

    return judge


def block_name(path: str) -> str:
    """What a block list is called, among the files that steps use."""
    return f"block list {path}"


def wanted_lists(lists: Sequence[str]) -> dict[str, Wanted]:
    """The files of block lists."""
    about = "A block list is a text file of domains and URLs, one a line, or such a file gzipped."
    return {block_name(path): Wanted((path,), about) for path in lists}


def check_lists(lists: Sequence[str], models: Mapping[str, str]) -> None:
    """Raises UsageError: a list that cannot be used."""
    for path in lists:
        open_block_list(models[block_name(path)])


def odd_lists(lists: Sequence[str], models: Mapping[str, str]) -> list[str]:
    """What of the block lists names nothing."""
    notes = []
    for path in lists:
        if n := open_block_list(models[block_name(path)]).n_unusable:
            notes.append(f"{path}: {counted(n, 'line')} names neither a domain nor a URL, and blocks nothing.")
    return notes


def keep_languages(languages: Sequence[str], reason: Reason) -> Callable[[Document], Document | Dropped]:
    """Of pages whose language is identified those in some languages; the others go for `reason`."""

    def judge(page: Document) -> Document | Dropped:
        language, score = page.meta["language"], page.meta["language_score"]
        return page if language in languages else drop(page, reason, score, language)

    return judge


def check_languages(languages: Sequence[str], url: str, setting: str) -> None:
    """Raises UsageError: the language model cannot be used, or does not know one of the languages."""
    known = open_language_model(url).languages
    for language in languages:
        if language not in known:
            raise UsageError(
                f"{setting}: the model knows no language {language}{did_you_mean(language, known)}; "
                f"it knows {', '.join(known)}."
            )
