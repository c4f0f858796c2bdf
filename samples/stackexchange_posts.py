"""Questions that nobody asked, and their answers: as HTML, which is how Stack Exchange has them, and as text.

The text is made beside the HTML, not from it: it is what should come out. What is said comes from the templates of
`stackexchange.yaml`, on a German site from the articles of `prose.py`, and code from `code.py`. Each post has, in turn,
one of `KINDS` between its paragraphs.
"""

from __future__ import annotations

import html
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from ..filters.wikitext import Site as Wiki
from ..filters.wikitext import to_text
from .code import Code
from .prose import Prose, load_language

QUESTION, ANSWER = 1, 2
IDS_PER_THREAD: Final = 16  # of a question, its answers, and an answer to a question that is gone

# Of a site's questions in turn: the scores of their answers, in the order in which they were given.
SCORES: Final = (
    (9, 10, -2, 10), (1,), (), (3, 25), (0, 0, 7), (12,), (2, 11, 1, 100, 20, 3, -1, 0, 5, 5, 19, 9), (-3, -10), (),
    (108,), (4, 2, 30, 1, -1), (0, 6),
)  # fmt: skip
_EARLY: Final = 5  # of so many questions, one has an answer that is older: it was merged with another
_MARK = re.compile(
    r"`(?P<code>.+?)`|(?P<math>\$\$?.+?\$\$?)|\*\*(?P<strong>.+?)\*\*|\*(?P<em>.+?)\*|\[(?P<a>.+?)\]|\{(?P<kbd>.+?)\}|(?P<br>\|)"
)
_MARKS = str.maketrans("", "", "`$*[]{}|")
_SLOT = re.compile(r"⟨(\w+)⟩")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a post: how it is stored, and what a reader sees."""

    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Post:
    """A post; `parent` is the question that it answers, `accepted` an answer. Days are ISO 8601, or ""."""

    id: int
    kind: int  # PostTypeId
    body: Piece
    score: int
    created: str
    edited: str = ""
    title: str = ""
    tags: tuple[str, ...] = ()
    parent: int | None = None
    accepted: int | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """A question, and its answers in the order in which they were given."""

    question: Post
    answers: tuple[Post, ...]

    def text(self) -> str:
        """What should come out: the best answers first, of equal ones the older."""
        best = sorted(self.answers, key=lambda answer: (-answer.score, answer.id))
        title, body = self.question.title, self.question.body.text
        return "\n\n".join([f"Q: {title}\n\n{body}", *(f"A: {answer.body.text}" for answer in best)])


def marked_up(source: str) -> Piece:
    """A template's line with its marks as HTML, and without them.

    >>> marked_up("**Why** is `a < b` [so] {F1}?")
    Piece(html='<strong>Why</strong> is <code>a &lt; b</code> <a href="https://www.example/so">so</a> <kbd>F1</kbd>?', text='Why is a < b so F1?')
    """  # noqa: E501
    stored, seen, at = list[str](), list[str](), 0
    for match in _MARK.finditer(source):
        between, name, inner = source[at : match.start()], match.lastgroup or "", match[match.lastgroup or 0]
        stored += escaped(between), _tagged(name, inner)
        seen += between, "\n" if name == "br" else inner
        at = match.end()
    return Piece("".join((*stored, escaped(source[at:]))), "".join((*seen, source[at:])))


def escaped(text: str) -> str:
    return html.escape(text, quote=False)


def _tagged(name: str, inner: str) -> str:
    if name == "math":
        return escaped(inner)
    if name == "br":
        return "<br>\n"
    link = f' href="https://www.example/{re.sub("[^a-z0-9]+", "-", inner.lower())}"' if name == "a" else ""
    return f"<{name}{link}>{escaped(inner)}</{name}>"


@cache
def _prose(language: str, seed: int) -> Prose:
    return Prose(language, seed)


class Author:
    """Writes the posts of one thread, all drawn from one random generator."""

    def __init__(self, seed: int, site: str, topic: str, number: int) -> None:
        self.random = random.Random(f"{seed}/{site}/{number}")  # a string seeds by SHA-512, the same on every machine
        grammar = load_language("stackexchange")
        self.topic: Mapping[str, Any] = grammar["topics"][topic]
        self.grammar: Mapping[str, Any] = {**grammar, **(grammar["german"] if self.topic["language"] == "de" else {})}
        self._seed, self._number, self._lines = seed, number, list[str]()
        self._words: dict[str, str] = {}
        self._unused: dict[str, list[str]] = {}

    def below(self, n: int) -> int:
        return int(self.random.random() * n)  # only random() is promised to give the same numbers in all versions

    def choose(self, alternatives: Sequence[str]) -> str:
        return alternatives[self.below(len(alternatives))]

    def fill(self, template: str) -> str:
        """A template with its slots filled. What the thread is about stays, and other words are drawn each time."""

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name == "n":
                return str(self.below(97) + 2)
            if name == "title":
                return self._subject()
            if name == "term":
                return self.fill(self.choose(self.topic[name]))
            if name in ("thing", "part", "verb") and self.below(3):
                return self._words.setdefault(name, self.choose(self.topic[name]))
            return self.choose(self.topic[name])

        return _SLOT.sub(value, template)

    def draw(self, rule: str) -> str:
        """A template of a rule, filled: none comes twice in a thread before all of them came once."""
        unused = self._unused.get(rule)
        if not unused:
            unused = self._unused[rule] = [*self.grammar[rule]]
        return self.fill(unused.pop(self.below(len(unused))))

    def title(self) -> str:
        title = self.draw("titles")
        return title[0].upper() + title[1:]

    def paragraph(self, first: str, further: str) -> Piece:
        """A sentence of the first rule, and some of the other one."""
        if self.topic["language"] == "de":
            return _paragraph(self._next_line())
        return _paragraph(" ".join([self.draw(first), *(self.draw(further) for _ in range(2 + self.below(3)))]))

    def body(self, asked: bool, kind: str) -> Piece:
        """A question or an answer, with a piece of this kind in it, and one more now and then."""
        first, further = ("asks", "details") if asked else ("answers", "advice")
        pieces = [self.paragraph(first, further), KINDS[kind](self)]
        pieces.append(self.paragraph(further, further))
        if not self.below(3):
            pieces += KINDS[self.choose([*KINDS])](self), self.paragraph(further, further)
        return joined(pieces)

    def _subject(self) -> str:
        return _prose(self.topic["language"], self._seed).article(self._number).title

    def _next_line(self) -> str:
        """A paragraph on the subject of the thread, without any marks; another one each time, until they come again."""
        if not self._lines:
            prose = _prose(self.topic["language"], self._seed)
            wiki = Wiki.of(prose.language, dict(enumerate(prose.site["namespaces"], -2)))
            text = to_text(prose.article(self._number, version=self.below(1000)).text, wiki).replace("(* ", "(geb. ")
            self._lines = [" ".join(line.translate(_MARKS).split()) for line in text.split("\n") if len(line) > 120]
        return self._lines.pop(0)


# ---- what bodies are made of -----------------------------------------------------------------------------------------


def joined(pieces: Sequence[Piece]) -> Piece:
    """Blocks one after the other, as Markdown renders them."""
    texts = [piece.text for piece in pieces if piece.text]
    return Piece("\n\n".join(piece.html for piece in pieces) + "\n", "\n\n".join(texts))


def _paragraph(source: str) -> Piece:
    inner = marked_up(source)
    return Piece(f"<p>{inner.html}</p>", inner.text)


def _code(author: Author) -> Piece:
    """Code, or on a site without any a sketch."""
    if "code" not in author.topic:
        text = author.draw("sketches").rstrip()
        return Piece(f"<pre><code>{escaped(text)}\n</code></pre>", text)
    language = author.choose(author.topic["code"])
    text = Code(author.random).fill(author.choose(load_language("code")["languages"][language]["blocks"])).rstrip()
    attribute = "" if author.below(3) else f' class="lang-{language} prettyprint-override"'
    return Piece(f"<pre{attribute}><code>{escaped(text)}\n</code></pre>", text)


def _bullets(author: Author) -> Piece:
    """A list in which another one stands, which is numbered."""
    first, inner, other, last = (marked_up(author.draw("items")) for _ in range(4))
    stored = (
        f"<ul>\n<li>{first.html}\n\n<ol>\n<li>{inner.html}</li>\n<li>{other.html}</li>\n</ol></li>\n"
        f"<li>{last.html}</li>\n</ul>"
    )
    return Piece(stored, f"* {first.text}\n  1. {inner.text}\n  2. {other.text}\n* {last.text}")


def _numbered(author: Author) -> Piece:
    """A list that does not begin with one, of items that are paragraphs, and so stand apart."""
    items, start = [marked_up(author.draw("items")) for _ in range(3)], 2 + author.below(5)
    stored = "\n".join(f"<li><p>{item.html}</p></li>" for item in items)
    text = "\n\n".join(f"{number}. {item.text}" for number, item in enumerate(items, start))
    return Piece(f'<ol start="{start}">\n{stored}\n</ol>', text)


def _table(author: Author) -> Piece:
    columns = [author.fill(column) for column in author.grammar["columns"]]
    head = "".join(f"<th>{column}</th>\n" for column in columns)
    rows = [[marked_up(author.draw("items")), *(marked_up(str(author.below(90))) for _ in columns[1:])] for _ in "123"]
    stored = "".join("<tr>\n" + "".join(f"<td>{cell.html}</td>\n" for cell in row) + "</tr>\n" for row in rows)
    return Piece(
        '<div class="s-table-container">\n<table class="s-table">\n<thead>\n'
        f"<tr>\n{head}</tr>\n</thead>\n<tbody>\n{stored}</tbody>\n</table>\n</div>",
        "\n".join("\t".join(row) for row in [columns, *([cell.text for cell in row] for row in rows)]),
    )


def _quote(author: Author) -> Piece:
    inner = author.paragraph("advice", "details")
    quoted = "\n".join(f"> {line}" for line in inner.text.split("\n"))
    return Piece(f"<blockquote>\n  {inner.html}\n</blockquote>", quoted)


def _picture(author: Author) -> Piece:
    source = f"https://pictures.example/{author.below(10**6):06d}.png"
    return Piece(f'<p><a href="{source}" rel="noreferrer"><img src="{source}" alt="what it looks like"></a></p>', "")


def _heading(author: Author) -> Piece:
    title = author.draw("headings")
    return Piece(f"<hr>\n\n<h2>{escaped(title)}</h2>", title)


def _entities(author: Author) -> Piece:
    inner = marked_up(author.draw("entities"))
    return Piece(f"<p>{inner.html} &#8211; &copy;&nbsp;Caf&eacute; &hellip;</p>", f"{inner.text} – © Café …")


def _plain(author: Author) -> Piece:
    return author.paragraph("details", "details")


#: What stands between the paragraphs of a post.
KINDS: Mapping[str, Callable[[Author], Piece]] = MappingProxyType({
    "plain": _plain, "code": _code, "bullets": _bullets, "quote": _quote, "numbered": _numbered, "table": _table,
    "keys": lambda author: _paragraph(author.draw("keys")), "picture": _picture, "heading": _heading,
    "entities": _entities,
})  # fmt: skip


# ---- threads ---------------------------------------------------------------------------------------------------------


def thread(seed: int, site: str, topic: str, number: int, first: datetime, days: float) -> Thread:
    """The question of this number (from 0), asked so many days after that of the number before."""
    author, name = Author(seed, site, topic, number), IDS_PER_THREAD * (number + 1)
    scores, kinds = SCORES[number % len(SCORES)], [*KINDS]
    asked, title = first + timedelta(days=days * (number + author.random.random() / 50)), author.title()
    is_early = number % _EARLY == _EARLY - 1
    answers = []
    for place, score in enumerate(scores):
        early = is_early and place == 0
        created = asked + timedelta(days=days * (-0.03 if early else (place + author.random.random()) / 14))
        body = author.body(False, kinds[(3 * number + place) % len(kinds)])
        own = name - 1 if early else name + 1 + place
        answers.append(Post(own, ANSWER, body, score, day(created), _edited(author, created), parent=name))
    accepted = answers[author.below(len(answers))].id if answers and number % 4 != 3 else None
    question = Post(
        name, QUESTION, author.body(True, kinds[number % len(kinds)]), author.below(30) - 4, day(asked),
        _edited(author, asked), title, tuple(dict.fromkeys(author.choose(author.topic["tags"]) for _ in range(3))),
        accepted=answers[0].id if number == 0 else accepted,
    )  # fmt: skip
    return Thread(question, tuple(answers))


def _edited(author: Author, created: datetime) -> str:
    return day(created + timedelta(days=1 + author.below(700))) if not author.below(3) else ""


def day(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds")
