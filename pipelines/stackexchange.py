"""Stack Exchange, 2 % of the mixture.   Source: LLaMA (2023) section 2.1, "Stack Exchange".

Dumps of the 28 largest sites; HTML tags removed; a question and its answers are one document, the answers sorted by
score, highest first. The paper names neither sites nor form: sites are counted here, as in RedPajama v1, whose form
this is. `mixtures/sources.py` has the switches.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from ..errors import UsageError
from ..filters.html import strip_tags
from ..filters.stackexchange import best_first, content_license, lay_out
from ..formats.stackexchange import Post, parse_post, site_of
from ..formats.stackexchange_file import unpacked_bytes
from ..formats.stackexchange_parts import read_part
from ..mixtures.sources import StackExchangeRecipe
from ..records import Damage, Document, Dropped, Reason
from ..storage import MIB, Input, join, open_read, read_json
from .dates import seconds_of
from .source import Aids, Basis, Slice, Source, Step, drop, keep_if, stem_of, step

# Names of what `threads.py` makes: the sites and how large they are, and the posts of each in parts.
SITES, POSTS = "sites", "posts"
PICTURE_CHARS = 2000  # HTML that is longer has text, too


def steps(recipe: StackExchangeRecipe, aids: Aids) -> tuple[Step, ...]:
    return (
        step(
            "keep the sites that are named" if recipe.sites else "keep the largest sites",
            keep_sites(aids),
            Basis.OURS if recipe.sites else Basis.PAPER,
            note=about_sites(recipe),
            uses=(SITES,),
        ),
        step(
            "keep questions",
            keep_questions,
            Basis.REFERENCE,
            note="with their answers, and without; not tag wikis, nor answers to what is not there",
        ),
        *score_steps(recipe),
        step(
            "sort answers by score",
            sort_answers(recipe),
            Basis.REFERENCE if recipe.compat else Basis.OURS if recipe.accepted == "first" else Basis.PAPER,
            note="as text, as RedPajama's code has it"
            if recipe.compat
            else ("the accepted one first, then " if recipe.accepted == "first" else "")
            + "as numbers, highest first, then by id",
            decides={"accepted": recipe.accepted, "compat": recipe.compat},
        ),
        *answer_steps(recipe),
        step(
            "HTML to text",
            html_to_text(recipe),
            Basis.PAPER,
            note="as RedPajama's code has it"
            if recipe.compat
            else "paragraphs, lists, tables and code keep their shape; "
            + (
                "Q: and A: before question and answers (RedPajama)" if recipe.layout == "qa" else "nothing before posts"
            ),
            decides={"layout": recipe.layout, "compat": recipe.compat},
        ),
        step("drop empty threads", keep_if(lambda thread: bool(thread.text), Reason.EMPTY), Basis.OURS),
    )


def about_sites(recipe: StackExchangeRecipe) -> str:
    if recipe.sites:
        return f"{', '.join(recipe.sites)}; others are not read"
    meta = "; sites about sites are not read" if recipe.meta_sites == "drop" else ""
    return f"{recipe.largest}, by their number of posts, which are counted in these dumps before all else{meta}"


def score_steps(recipe: StackExchangeRecipe) -> tuple[Step, ...]:
    if recipe.min_question_score is None:
        return ()
    least = recipe.min_question_score
    return (
        step(
            "drop questions of low score",
            drop_low(least),
            Basis.OURS,
            note=f"below {least}",
            decides={"min_question_score": least},
        ),
    )


def answer_steps(recipe: StackExchangeRecipe) -> tuple[Step, ...]:
    least, most = recipe.min_answer_score, recipe.max_answers
    said = [
        *([f"of a score of {least} or more, and accepted ones"] if least is not None else []),
        *([f"the best {most}"] if most is not None else []),
    ]
    return (
        *(
            [
                step(
                    "keep the best answers",
                    keep_best(least, most),
                    Basis.OURS,
                    note="; ".join(said) + " (The Pile: 3 or more, the best 3)",
                    decides={"min_answer_score": least, "max_answers": most},
                )
            ]
            if said
            else []
        ),
        *(
            [
                step(
                    "drop unanswered questions",
                    keep_if(lambda thread: bool(thread.meta["answers"]), Reason.STACKEXCHANGE_UNANSWERED),
                    Basis.OURS,
                    note="as The Pile has it",
                )
            ]
            if recipe.unanswered == "drop"
            else []
        ),
    )


def keep_sites(aids: Aids) -> Callable[[Document], Document | Dropped]:
    def judge(thread: Document) -> Document | Dropped:
        site = thread.meta["site"]
        kept = site in open_sites(aids.models[SITES])
        return thread if kept else drop(thread, Reason.STACKEXCHANGE_SITE, detail=site)

    return judge


@functools.cache
def open_sites(url: str) -> frozenset[str]:
    """The sites that are kept, read once per process."""
    return frozenset(read_json(url)["kept"])


def keep_questions(thread: Document) -> Document | Dropped:
    if thread.meta["question"] is not None:
        return thread
    answers = bool(thread.meta["answers"])
    return drop(thread, Reason.STACKEXCHANGE_NO_QUESTION if answers else Reason.STACKEXCHANGE_OTHER_POST)


def drop_low(least: int) -> Callable[[Document], Document | Dropped]:
    def judge(thread: Document) -> Document | Dropped:
        score = thread.meta["question"]["score"]
        return thread if score >= least else drop(thread, Reason.STACKEXCHANGE_LOW_SCORE, score)

    return judge


def sort_answers(recipe: StackExchangeRecipe) -> Callable[[Document], Document | Dropped]:
    def judge(thread: Document) -> Document:
        first = thread.meta["question"]["accepted"] if recipe.accepted == "first" else None
        found = thread.meta["answers"]
        answers = best_first((one for one in found if recipe.compat or has_text(one["body"])), first, recipe.compat)
        return with_answers(thread, answers, {Reason.EMPTY: len(found) - len(answers)})

    return judge


def has_text(body: str) -> bool:
    """Whether an answer is more than a picture."""
    return len(body) > PICTURE_CHARS or bool(strip_tags(body).strip())


def with_answers(thread: Document, answers: Sequence[Any], gone: Mapping[Reason, int]) -> Document:
    """A thread with those of its answers that stay, accounted for."""
    accounts = {"in": len(thread.meta["answers"]), **thread.pieces, "kept": len(answers)}
    accounts |= {f"dropped.{reason}": n for reason, n in gone.items() if n}
    return dataclasses.replace(thread, meta={**thread.meta, "answers": answers}, pieces=accounts)


def keep_best(least: int | None, most: int | None) -> Callable[[Document], Document | Dropped]:
    def judge(thread: Document) -> Document:
        answers, accepted = thread.meta["answers"], thread.meta["question"]["accepted"]
        good = [one for one in answers if least is None or one["score"] >= least or one["id"] == accepted]
        kept = good[:most]
        gone = {
            Reason.STACKEXCHANGE_LOW_SCORE: len(answers) - len(good),
            Reason.STACKEXCHANGE_FURTHER_ANSWER: len(good) - len(kept),
        }
        return with_answers(thread, kept, gone)

    return judge


def html_to_text(recipe: StackExchangeRecipe) -> Callable[[Document], Document | Dropped]:
    """The text, and of the metadata what a reader of the corpus wants: whom to name, and under which licence."""

    def judge(thread: Document) -> Document:
        question, answers = thread.meta["question"], thread.meta["answers"]
        text = lay_out(question, answers, layout=recipe.layout, compat=recipe.compat)
        about = ("id", "score", "license")
        meta = {
            "title": question["title"],
            "site": thread.meta["site"],
            "url": thread.meta["url"],
            "tags": question["tags"],
            "score": question["score"],
            "created": question["created"],
            "edited": thread.meta["edited"],  # the last of all its posts
            "license": question["license"],
            "accepted": question["accepted"],
            "answers": [{name: answer[name] for name in about} for answer in answers],
        }
        return dataclasses.replace(thread, text=text, meta=meta, weight=0)

    return judge


def check_sites(recipe: StackExchangeRecipe, sites: Collection[str]) -> None:
    """Raises UsageError: a site that the recipe names has no dump."""
    for site in map(str.lower, recipe.sites):
        if site not in sites:
            raise UsageError(
                f"sources.stackexchange.sites: no dump of {site}. Expected a file as in "
                f"{site}.7z, {site}-Posts.7z or {site}/Posts.xml."
            )


def is_read(site: str, recipe: StackExchangeRecipe) -> bool:
    """Whether the recipe asks for a site, as far as its name tells."""
    if recipe.sites:
        return site in map(str.lower, recipe.sites)
    return recipe.meta_sites == "keep" or not is_meta(site)


def is_meta(site: str) -> bool:
    """Whether a site is about another one.

    >>> is_meta("beer.meta.stackexchange.com"), is_meta("meta.stackoverflow.com"), is_meta("stackoverflow.com")
    (True, True, False)
    """
    return "meta" in site.split(".")


def slices(dump: Input, recipe: StackExchangeRecipe) -> list[Slice]:
    """The posts of a site, cut by their questions into slices of `slice_mb`; they are of the kind of their site."""
    site = site_of(dump.name)
    if site is None or not is_read(site, recipe):
        return []
    with open_read(dump.url) as file:
        size = max(1, unpacked_bytes(file, dump.size))
    n_parts = -(-size // int(recipe.slice_mb * MIB))
    stem = stem_of(dump)
    return [
        Slice(
            stem if n_parts == 1 else f"{stem}-{part:05d}",
            dump,
            start=size * part // n_parts,
            stop=size * (part + 1) // n_parts,
            kind=site,
            number=part,
        )
        for part in range(n_parts)
    ]


def read(piece: Slice, recipe: StackExchangeRecipe, models: Mapping[str, str]) -> Iterator[Document | Damage]:
    """The questions of a slice with their answers, as HTML, in the order of their ids; and posts of other kinds."""
    folder, _, _ = models[POSTS].rpartition("/")
    posts, index = read_json(models[POSTS])[piece.input.name]
    for rows in read_part(join(folder, posts), join(folder, index), piece.number):
        found: list[Post] = []
        for row in rows:
            parsed = parse_post(row.data, row.offset)
            if isinstance(parsed, Damage):
                yield parsed
                continue
            post, damage = parsed
            found.append(post)
            if damage:
                yield damage
        yield from _threads(found, piece.kind)


def _threads(posts: Sequence[Post], site: str) -> Iterator[Document | Damage]:
    """The documents of the posts that belong to one question, which is most often one."""
    latest: dict[tuple[str, int], Post] = {}
    for post in posts:
        other = latest.get((post.kind, post.id))
        if other:
            yield Damage(
                post.offset, "repeated", f"post {post.id} stands in the dump before; the later edited one stays"
            )
        if other is None or (post.edited, post.score, post.body) > (other.edited, other.score, other.body):
            latest[post.kind, post.id] = post
    answers = [post for post in latest.values() if post.kind == "answer"]
    asked = [post for post in latest.values() if post.kind != "answer"]
    for post in asked:
        yield _document(site, post, answers if post.kind == "question" else [])
    if not any(post.kind == "question" for post in asked):
        for answer in answers:
            yield _document(site, None, [answer])


def _document(site: str, asked: Post | None, answers: Sequence[Post]) -> Document:
    """A question with its answers, an answer alone, or a post of another kind; the text is still HTML."""
    post = asked or answers[0]
    is_question = post.kind == "question"
    texts = [post.title, post.body] if asked else []
    texts += [answer.body for answer in answers]
    meta = {
        "site": site,
        "url": f"https://{site}/{'questions' if is_question else 'posts'}/{post.id}",
        "question": _said(post) if is_question else None,
        "answers": [_said(answer) for answer in answers],
        "edited": max(one.edited or one.created for one in (post, *answers)),
    }
    text = "\n\n".join(filter(None, texts))
    return Document(f"stackexchange:{site}/{post.id}", text, "stackexchange", meta, weight=len(text))


def _said(post: Post) -> dict[str, Any]:
    return {
        "id": post.id,
        "title": post.title,
        "body": post.body,
        "score": post.score,
        "tags": list(post.tags),
        "created": post.created,
        "accepted": post.accepted,
        "license": content_license(post.created, post.license),
    }


SOURCE = Source(
    "stackexchange",
    lambda recipe: "*",
    slices,
    read,
    steps,
    recipe=StackExchangeRecipe,
    named="as sites are: beer.stackexchange.com.7z, stackoverflow.com-Posts.7z, or Posts.xml in such a folder",
    revision=lambda thread: seconds_of(thread.meta["edited"]),
    decides=lambda recipe: {"max_post_mb": recipe.max_post_mb},
    uses=(POSTS,),
    check_kinds=check_sites,
    pieces="answers",
)
