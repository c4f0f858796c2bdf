"""Wikitext to text against mwparserfromhell, in CPU seconds of one run, and against two parsers, in what it keeps.

    python -m corpusmill.benchmarks.wikitext [FOLDER_OF_DUMPS]

Without a folder the pages are generated. Prints

    speed      mwparserfromhell's seconds by ours on the same pages, page by page in turn
    kept       the share of sentences that both mwparserfromhell and wikitextparser keep, outside references, tables,
               galleries and formulas, and that we keep as well (compared word by word), for all and for the language
               with the lowest share, and some of those we lose
    left       the share of pages with markup in our text, code and formulas aside: `[[`, `{{`, `{|`, `<ref`, `'''`,
               `thumb|` and its like in other languages, tags, entities, `__SWITCHES__`
    doubling   how often longer hostile markup takes when it is twice as long, up to 5 M characters

The exit code is 1 when a floor is missed.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import mwparserfromhell
import wikitextparser
from mwparserfromhell.nodes import Tag, Wikilink

from ..filters.wikitext import ENGLISH, Site, is_redirect, to_text
from ..filters.wikitext_variants import variants_of
from ..formats.mediawiki import Page, SiteInfo, read_pages, read_siteinfo

MIN_SPEED, MIN_KEPT, MAX_LEFT, MAX_DOUBLING = 15, 0.999, 0.001, 3.0
MAX_SHOWN = 5
SPEED_SECONDS = 30.0
MIN_WORDS = 5
N_GENERATED = 300

NO_SENTENCE_TAGS = (
    "ce chem gallery graph hiero imagemap mapframe math pre ref references score source syntaxhighlight table "
    "templatestyles timeline"
)
NO_SENTENCES = frozenset(NO_SENTENCE_TAGS.split())
LITERAL = re.compile(r"(?is)<(nowiki|pre|source|syntaxhighlight|math|ce|chem|code)\b[^<>]*>.*?</\1\s*>")
FORMULA = re.compile(r"(?is)<(math|ce|chem)\b[^<>]*>.*?</\1\s*>")
THUMBS = "thumb thumbnail mini miniatur miniatura vignette miniatuur náhled bélyegkép sličica minijatura мини мініатюра"
LEFT = re.compile(
    r"\[\[|\]\]|\{\{|\}\}|\{\||\|\}|'''|</?(?:ref|div|span|br|small|table|tr|td|center|gallery)\b|&[a-z]+;"
    rf"|__[A-Z]{{4,}}__|\b(?:{THUMBS.replace(' ', '|')}|миниатюра)\|"
)
RAISED = re.compile(r"(?i)<sup\b[^<>]*>([^<>]*)</sup\s*>")  # both parsers glue an exponent to its base: 10<sup>9</sup>
VARIANT_MARK = re.compile(r"-\{|\}-")  # neither parser knows them
LINE_BREAK = re.compile(r"<br\b[^<>]*>", re.IGNORECASE)
SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")

UNITS = (
    "{{", "[[", "{|\n", "<ref>", "<!--", "''", "-{", "[http://x ", "<", "&", "[[File:a|", "[[a{{b}}|", "{{a|[[",
    "({{a}}", "<ref>{{[[", "<nowiki><math>", "\n== a ==\n", "\n| a || b", "[[w:", "__a_", "]]", "}}", "=", "  ",
    "l'''a''", "{|{|", "<ref><ref>", "<math>", "{{a|[[b|{{c", "'''''", "-{a", "-{sr-ec:", "-{a;", "-{H|sr-el:a}-",
    "{{lang|de|a", "{{lang|de|a}}", "10<sup>9</sup>", "<sup>", "{{convert|6|ft|4|in}}", "\n == a",
    "a:\n{|\n|}\n", "a:\n== b ==\n", "a:\n* b\n{|\n|}\n", "\n* http://a b", "a.) B", "[a+", "[[a#",
    "\n* [[:Category:a]]",
)  # fmt: skip
NESTS = (
    ("-{", "}-"),
    ("-{sr-ec:a;", "}-"),
    ("{{", "}}"),
    ("[[a{{b}}|", "]]"),
    ("[[File:a|", "]]"),
    ("{|\n", "\n|}"),
    ("[http://x ", "]"),
    ("{{{", "}}}"),
)
RUNS = (
    ("a" * 20, "(", "{{a}})"), ("  (", "{{a}}", ")"), ("{{a}}", " ;,", ")"), ("[[<", "|" * 20, "]]"),
    ("[[a<|", "b]", "]]"),
    ("[[a{{b", "{{", "}}|]]"), ("[[File:", "[http://x ", "]"), ("<ref>", "<ref/>", "</ref>"), ("<!--", "<ref>", "-->"),
    ("\n{|", "\n| a ||", "\n|}"), ("\n==", "=", " a"), ("{{{", "{{", "}}}"), ("__", "a_", "_"), ("''", "l'''a", "\n"),
)  # fmt: skip
"""Repeated one after the other: all of the first, all of the second, all of the third."""
PADDED = (
    ("#redirect", "["), ("[[x", "y|]]"), ("[[x (", "|]]"), ("[[", "]]"), ("[[File:", ".jpg]]"), ("[http://x", "]"),
    ("<ref", ">"), ("<nowiki", "/>"), ("&lt;ref", "&gt;"), ("-{", "}-"), ("__A", "__"), ("\n==", "==\n"), ("\n|", "||"),
    ("({{a}}", ")"), ("\n!", "."), ("{{", "}}"), ("{{lang|de|", "}}"), ("{{", "|}}"), ("-{", ":a}-"),
    ("-{a;", "sr-ec:a}-"), ("2<sup>", "</sup>"), ("2<sup", ">3</sup>"), ("{{convert|", "|km}}"), ("{{val|1|", "}}"),
    ("{{formatnum:", "}}"), ("[", "://b]"), ("\n* http://", " a"), ("a. ", ":\n== a =="), ("[[a", "#b]]"),
    ("\n* {{a}}", " b"),
)  # fmt: skip
PADDING = (" ", "\n", "a", "1", "(", "[", "=", "'")
SERBIAN = Site.of("sr", {})
FIRST_CHARS, MAX_FIRST_CHARS, N_DOUBLINGS = 20_000, 640_000, 3
MIN_SECONDS = 0.02


class Article(NamedTuple):
    """The wikitext of an article, and its wiki."""

    text: str
    site: Site


def read_articles(folder: Path) -> Iterator[Article]:
    """The articles of all dumps in a folder; damage, other namespaces and redirects are left out."""
    for path in sorted(folder.glob("*.xml.bz2")):
        with path.open("rb") as file:
            info = read_siteinfo(file)
            if not isinstance(info, SiteInfo):
                continue
            file.seek(0)
            site = Site.of(info.language, info.namespaces)
            for page in read_pages(file):
                if isinstance(page, Page) and page.namespace == 0 and page.redirect is None:
                    yield Article(page.text, site)


class Generator:
    """Articles with about as much markup as those of the English Wikipedia, from a seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        letters = "aeioulnrstdkmbgpvф"
        self.vocabulary = ["".join(self.rng.choices(letters, k=self.rng.randint(2, 9))) for _ in range(3000)]

    def words(self, n: int) -> str:
        """Some words of no language."""
        return " ".join(self.rng.choices(self.vocabulary, k=n))

    def reference(self) -> str:
        """A citation in the text, mostly of a web page."""
        if self.rng.random() < 0.3:
            return f'<ref name="{self.words(1)}" />'
        return (
            f"<ref>{{{{cite web |url=https://example.org/{self.words(1)}?id={self.rng.random()} |title={self.words(6)} "
            f"|last={self.words(1)} |first={self.words(1)} |date={self.rng.randint(1, 28)} May 2020 "
            f"|publisher=[[{self.words(2)}]] |access-date=2021-03-04}}}}</ref>"
        )

    def sentence(self) -> str:
        """A sentence with links, sometimes in italics, with a template, or with references."""
        parts = [self.words(self.rng.randint(2, 6)) for _ in range(self.rng.randint(2, 4))]
        links = (f"[[{self.words(2)}]]", f"[[{self.words(2)}|{self.words(1)}]]s", f"''{self.words(2)}''", self.words(2))
        linked = [f"{part} {self.rng.choice(links)}" for part in parts]
        template = f" {{{{convert|{self.rng.randint(1, 99)}|km|mi|abbr=on}}}}" if self.rng.random() < 0.1 else ""
        references = "".join(self.reference() for _ in range(self.rng.choice((0, 0, 1, 1, 2))))
        return f"{', '.join(linked).capitalize()}{template} {self.words(2)}.{references}"

    def section(self) -> str:
        """A heading, paragraphs, and a picture, a list or a table."""
        paragraphs = [" ".join(self.sentence() for _ in range(self.rng.randint(3, 7))) for _ in range(4)]
        rows = "".join(f"|-\n| [[{self.words(1)}]] || {self.words(1)} || 1{i} || {self.words(2)}\n" for i in range(8))
        extra = (
            f"[[File:{self.words(1)}.jpg|thumb|upright|{self.words(5)} [[{self.words(2)}]]]]",
            "\n".join(f"* [[{self.words(2)}]], {self.words(4)}" for _ in range(6)),
            f'{{| class="wikitable"\n! {self.words(1)} !! {self.words(1)} !! x !! y\n{rows}|}}',
        )
        return "\n\n".join((f"== {self.words(2)} ==", self.rng.choice(extra), *paragraphs))

    def article(self) -> Article:
        """An infobox, a lead, sections, and what stands at an article's end."""
        box = "".join(f"| {self.words(1)} = {{{{nowrap|{self.words(2)}}}}} [[{self.words(1)}]]\n" for _ in range(12))
        end = "".join(f"[[Category:{self.words(2)}]]\n" for _ in range(6)) + "[[de:Abc]]\n[[fr:Abc]]"
        sections = "\n\n".join(self.section() for _ in range(self.rng.randint(1, 8)))
        lead = f"'''{self.words(2)}''' ({{{{lang|la|{self.words(1)}}}}}) {self.sentence()} {self.sentence()}"
        text = f"{{{{Infobox place\n{box}}}}}\n{lead}\n\n{sections}\n\n== References ==\n{{{{reflist}}}}\n\n{end}"
        return Article(text, ENGLISH)


def seconds(function: Callable[..., object], *arguments: object) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    function(*arguments)
    return time.process_time() - start


def speed(articles: list[Article]) -> float:
    """Their CPU seconds by ours, over as many articles, in random order, as fit in the time."""
    theirs = ours = 0.0
    for text, site in random.Random(0).sample(articles, len(articles)):
        theirs += seconds(lambda text: mwparserfromhell.parse(text).strip_code(), text)
        ours += seconds(to_text, text, site)
        if theirs > SPEED_SECONDS:
            break
    return theirs / ours


def prose_only(article: Article) -> str:
    """The wikitext without what holds no sentences of the article, by mwparserfromhell's reading of it."""
    code = mwparserfromhell.parse(article.text)
    for node in code.filter(matches=lambda node: isinstance(node, (Tag, Wikilink))):
        cut = False
        if isinstance(node, Tag):
            cut = str(node.tag).strip().lower() in NO_SENTENCES
        elif isinstance(node, Wikilink):
            prefix, colon, _ = str(node.title).partition(":")
            cut = bool(colon) and article.site.namespaces.get(prefix.strip().lower()) in (6, 14)
        if cut and code.contains(node):
            code.remove(node)
    text = LINE_BREAK.sub("\n", str(code))
    return VARIANT_MARK.sub("", text) if variants_of(article.site.language) else text


def words(text: str) -> str:
    """The words of a text, one space apart, so that the punctuation around a template does not count."""
    return " ".join(re.findall(r"\w+", text))


def sentences(text: str) -> set[str]:
    """The sentences of a text that have an end, and words enough, as words."""
    found = (sentence for line in text.split("\n") for sentence in SENTENCE_END.split(line.strip()))
    return {words(sentence) for sentence in found if len(sentence.split()) >= MIN_WORDS and sentence[-1] in ".!?…"}


def fair_and_lost(article: Article) -> tuple[int, list[str]]:
    """How many sentences both parsers keep, and those of them that we lose.

    The comparison is blind to how exponents are written: their tags are taken out before all three read the text.
    """
    article = article._replace(text=RAISED.sub(r"\1", article.text))
    prose = prose_only(article)
    fair = sentences(str(mwparserfromhell.parse(prose).strip_code()))
    fair &= sentences(wikitextparser.parse(prose).plain_text())
    site = replace(article.site, templates={})  # neither parser reads their text
    ours = words(to_text(FORMULA.sub("", article.text), site))
    return len(fair), sorted(sentence for sentence in fair if sentence not in ours)


def leaves_markup(article: Article) -> bool:
    """Whether our text of an article has markup in it, code and formulas aside."""
    return LEFT.search(to_text(LITERAL.sub("", article.text), article.site)) is not None


class Hostile(NamedTuple):
    """Markup that grows: what stands before and after it once, and units of which each is repeated in its turn."""

    before: str
    units: tuple[str, ...]
    after: str

    def text(self, n_chars: int) -> str:
        """The markup at about that length."""
        n = n_chars // len("".join(self.units))
        return self.before + "".join(unit * n for unit in self.units) + self.after


def hostile() -> Iterator[Hostile]:
    """All the markup to double: single units, nests, one run after another, and long padding inside brackets."""
    for units in [*((unit,) for unit in UNITS), *NESTS, *RUNS]:
        yield Hostile("", units, "")
    for opening, closing in PADDED:
        for unit in PADDING:
            yield Hostile(opening, (unit,), closing)


def convert(text: str) -> None:
    """What every page of a dump goes through."""
    is_redirect(text)
    to_text(text)
    to_text(text, SERBIAN)  # whose wiki knows variants


def growth(markup: Hostile) -> float:
    """The factor by which the time grows when the markup doubles, from three doublings of what takes long enough."""
    n_chars = FIRST_CHARS
    while (first := seconds(convert, markup.text(n_chars))) < MIN_SECONDS and n_chars < MAX_FIRST_CHARS:
        n_chars *= 2
    last = seconds(convert, markup.text(n_chars << N_DOUBLINGS))
    return float((last / first) ** (1 / N_DOUBLINGS)) if last > MIN_SECONDS else 0.0


def doubling() -> tuple[float, Hostile]:
    """The largest factor by which hostile markup takes longer when it is twice as long, and that markup."""
    return max((growth(markup), markup) for markup in hostile())


def measure(articles: list[Article]) -> bool:
    """Print all measures; true when each keeps to its floor."""
    n_chars = sum(len(text) for text, _ in articles)
    print(f"{len(articles):,} articles, {n_chars / 1e6:.1f} M characters")
    ratio = speed(articles)
    print(f"speed     {ratio:.1f} times mwparserfromhell (floor {MIN_SPEED})", flush=True)
    fair, losses, lost = Counter[str](), Counter[str](), list[str]()
    for article in articles:
        n, some = fair_and_lost(article)
        fair[article.site.language] += n
        losses[article.site.language] += len(some)
        lost += some
    kept = 1 - len(lost) / fair.total()
    worst, language = min((1 - losses[language] / n, language) for language, n in fair.items() if n)
    print(
        f"kept      {kept:.3%} of {fair.total():,} sentences (floor {MIN_KEPT:.1%}); {worst:.3%} in {language}",
        flush=True,
    )
    for sentence in lost[:MAX_SHOWN]:
        print(f"  lost    {sentence}")
    left = sum(map(leaves_markup, articles)) / len(articles)
    print(f"left      markup in {left:.2%} of articles (ceiling {MAX_LEFT:.1%})", flush=True)
    factor, markup = doubling()
    print(f"doubling  {factor:.2f} times the time at most, for {markup} (ceiling {MAX_DOUBLING})")
    return ratio >= MIN_SPEED and kept >= MIN_KEPT and left <= MAX_LEFT and factor <= MAX_DOUBLING


def main() -> int:
    """Measure on the dumps of a folder, or on generated articles."""
    if len(sys.argv) > 1:
        articles = list(read_articles(Path(sys.argv[1])))
    else:
        generator = Generator(seed=0)
        articles = [generator.article() for _ in range(N_GENERATED)]
    return 0 if measure(articles) else 1


if __name__ == "__main__":
    sys.exit(main())
