"""A question of Stack Exchange and its answers, as one text.   Source: LLaMA (2023) section 2.1, "Stack Exchange".

The paper: HTML tags are removed, answers sorted by score, highest first. Its text form is not given; `Q:` and `A:` are
those of RedPajama v1 (stack_exchange/), its first reproduction, which sorts scores as strings: "9" before "10".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from .html import strip_tags, to_text

__all__ = ["Compat", "Layout", "Post", "best_first", "content_license", "lay_out", "thread_text"]

Post = Mapping[str, Any]
"""Of a question `id`, `title`, `body` (HTML) and `score`; of an answer all but the title."""
Layout = Literal["qa", "plain"]
Compat = Literal["", "redpajama-v1"]

# From which day on what is written there stands under which version.
# Source: https://stackoverflow.com/help/licensing
_LICENSES = (("2018-05-02", "CC BY-SA 4.0"), ("2011-04-08", "CC BY-SA 3.0"), ("", "CC BY-SA 2.5"))
_REFERENCE_ITEM = re.compile(r"<(?:li|ol)>")
_REFERENCE_END = re.compile(r"</(?:li|ol)>")
_REFERENCE_SPACE = re.compile(r"(<pre\b.*?(?:</pre|\Z))|>([ \t\n\f\r]+)(?=<|\Z)", re.DOTALL)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def thread_text(
    question: Post, answers: Iterable[Post], *, layout: Layout = "qa", compat: Compat = "", marks: bool = True
) -> str:
    r"""The text of a question and its answers, the best ones first.

    Args:
        layout: `qa` puts `Q:` and `A:` before them, `plain` nothing.
        compat: `redpajama-v1` is that code's text and order, to the letter.
        marks: as in `html.to_text`.

    >>> answers = [{"id": 2, "body": "<p>No.</p>", "score": 9}, {"id": 3, "body": "<p>Yes.</p>", "score": 10}]
    >>> thread_text({"id": 1, "title": "Is it?", "body": "<p>I ask.</p>", "score": 1}, answers)
    'Q: Is it?\n\nI ask.\n\nA: Yes.\n\nA: No.'
    >>> thread_text({"id": 1, "title": "", "body": "", "score": 1}, [])
    ''
    """
    return lay_out(question, best_first(answers, compat=compat), layout=layout, compat=compat, marks=marks)


def best_first(answers: Iterable[Post], accepted: int | None = None, compat: Compat = "") -> list[Post]:
    """Answers by score, highest first, ties by id; with its id the accepted one before all.

    >>> answers = [{"id": 4, "score": -1}, {"id": 3, "score": 9}, {"id": 2, "score": 10}, {"id": 5, "score": 9}]
    >>> [answer["id"] for answer in best_first(answers)], [answer["id"] for answer in best_first(answers, 4)]
    ([2, 3, 5, 4], [4, 2, 3, 5])
    >>> [answer["id"] for answer in best_first(answers, compat="redpajama-v1")]  # "9" > "10" > "-1"
    [3, 5, 2, 4]
    """
    if compat:
        return sorted(answers, key=lambda answer: str(answer["score"]), reverse=True)
    return sorted(answers, key=lambda answer: (answer["id"] != accepted, -int(answer["score"]), int(answer["id"])))


def lay_out(
    question: Post, answers: Sequence[Post], *, layout: Layout = "qa", compat: Compat = "", marks: bool = True
) -> str:
    """The text of a question and its answers, in the order that they have."""
    if compat:
        asked = f"{question['title']} {_reference_text(question['body'])}"
        return "\n".join((f"Q: {asked}", *(f"A: {_reference_text(answer['body'])}" for answer in answers)))
    title = " ".join(question["title"].split())
    asked = "\n\n".join(filter(None, (title, to_text(question["body"], marks=marks))))
    given = [to_text(answer["body"], marks=marks) for answer in answers]
    if layout == "plain":
        return "\n\n".join(filter(None, (asked, *given)))
    return "\n\n".join(
        f"{mark}: {text}" for mark, text in zip("Q" + "A" * len(given), (asked, *given), strict=True) if text
    )


def content_license(created: str, named: str = "") -> str:
    """The licence of a post: as newer dumps name it, else by the day on which it was written, where that is known.

    >>> content_license("2011-04-07T23:59:59.999"), content_license("2011-04-08T00:00:00.000")
    ('CC BY-SA 2.5', 'CC BY-SA 3.0')
    >>> content_license("2018-05-02"), content_license("2012-01-01", "CC BY-SA 4.0")
    ('CC BY-SA 4.0', 'CC BY-SA 4.0')
    """
    return named or (
        next(name for since, name in _LICENSES if created >= since) if _DATE.match(created) else "CC BY-SA"
    )


def _reference_text(body: str) -> str:
    """The text of a body as the reference has it: items of lists marked, then BeautifulSoup's `get_text`.

    Of white space between two tags BeautifulSoup keeps one line end, or one space where there is none; not in `<pre>`.
    """
    marked = _REFERENCE_END.sub("", _REFERENCE_ITEM.sub("\n*", body))
    collapsed = _REFERENCE_SPACE.sub(lambda found: found[1] or (">\n" if "\n" in found[2] else "> "), marked)
    return strip_tags(collapsed.lstrip())  # white space before all else is none to a parser
