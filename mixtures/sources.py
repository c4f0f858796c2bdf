"""What a recipe says of each source. The defaults are those of the references; each says of which."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

from ..errors import ConfigError, UsageError, raised_in
from ..filters.github import ENDINGS
from ..filters.licenses import PERMISSIVE
from ..filters.stackexchange import Compat, Layout
from ..formats.columns import BookColumns, GithubColumns
from ..records import Bucket
from .circle import MAX_COPIES

_NOT_SOURCES = frozenset(  # names of phases, of parts of the page, and of the Hub's configuration of all sources
    (
        *("cited", "damage", "default", "formats", "leads", "merged", "mixture", "models", "ngram", "record", "sample"),
        *("sequences", "shards", "sources", "time", "tokenizer", "tokens"),
    )
)
LLAMA_WIKIPEDIAS = (
    *("bg", "ca", "cs", "da", "de", "en", "es", "fr", "hr", "hu"),
    *("it", "nl", "pl", "pt", "ro", "ru", "sl", "sr", "sv", "uk"),
)


@dataclass(frozen=True)
class PaperRow:
    """What Table 1 of the paper says of a source, to compare with; it decides nothing."""

    epochs: float  # at 1.4 trillion tokens
    disk_gb: float  # of the documents


@dataclass(frozen=True, kw_only=True)
class SourceRecipe:
    """What every source has.

    `inputs` are globs relative to `--inputs`: of files, of folders (with a slash at the end), or of lists of paths
    (`*.paths.gz`), which are relative to `root`, or else to the folder above the list that holds what they name.
    """

    inputs: tuple[str, ...]  # globs below --inputs: of files, folders, or lists of paths
    root: str = ""  # what the paths of a list are relative to; empty: the folder above the list that has them
    weight: float | None = None  # per cent of the tokens that are shared by weights
    epochs: float | None = None  # passes over the source, fractions allowed; beside a weight, at most so many
    paper: PaperRow | None = None
    part_mb: float = 256.0  # text in one document file; only inputs that cannot be cut need a second one

    def __post_init__(self) -> None:
        if self.weight is not None and self.weight <= 0:
            raise ValueError(f"weight must be above 0, got {self.weight}; leave the source out instead.")
        if self.epochs is not None and self.epochs <= 0:
            raise ValueError(f"epochs must be above 0, got {self.epochs}; leave the source out instead.")
        if self.epochs is not None and self.epochs > MAX_COPIES:
            raise ValueError(f"epochs must be at most {MAX_COPIES}, got {self.epochs}.")
        if self.part_mb < 0.001:
            raise ValueError(f"part_mb must be at least 0.001, got {self.part_mb}.")


@dataclass(frozen=True)
class LinesRecipe:
    """Line dedup of CommonCrawl.   Source: cc_net, dedup.py and mine.py; `ccnet-paper` is what its paper says."""

    keep: Literal["none", "first"] = "none"  # of lines that several documents have: none, or the first
    groups: int = 32  # into how many groups a dump is cut. CCNet 32 (50 of 1,600 shards); 1: the whole dump is one
    hash: Literal["sha1", "xxh3"] = "sha1"  # xxh3 is faster
    normalise: Literal["ccnet-code", "ccnet-paper"] = "ccnet-code"  # before lines are compared; the paper: accents, too

    def __post_init__(self) -> None:
        if self.groups < 1:
            raise ValueError(f"groups must be at least 1, got {self.groups}; 1 compares a whole dump.")


@dataclass(frozen=True)
class LanguageRecipe:
    """Language identification.   Source: cc_net, split_by_lang.py, and its `lang_threshold`."""

    model: str = "models/lid.176.bin"  # URL, path, or a glob below --inputs
    keep: tuple[str, ...] = ("en",)  # ISO 639-1 codes as the model has them
    threshold: float = 0.5  # of the score, rounded to two decimals
    text: Literal["full", "spread"] = "full"  # spread: five slices of 400 characters, about four times faster

    def __post_init__(self) -> None:
        if not self.keep:
            raise ValueError("keep must name at least one language.")
        _refuse_repeats("keep", self.keep)
        if not self.model:
            raise ValueError("model must name a file.")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold must lie in 0–1, got {self.threshold}.")


@dataclass(frozen=True)
class PerplexityRecipe:
    """Quality by an n-gram model.   Source: cc_net, perplexity.py and its cutoff.csv; `keep` is RedPajama v1's."""

    models: str = ""  # folder of <language>.sp.model and <language>.arpa.bin; empty: trained on Wikipedia, see `ngram`
    languages: tuple[
        str, ...
    ] = ()  # that have a model; empty: all that are kept. Pages of others are in no part: `all`
    text: Literal["glued", "lines"] = "glued"  # a page as one sentence, as cc_net's code; or each line, as its paper
    cutoffs: str = ""  # file of ready cutoffs, JSON or cc_net's cutoff.csv; empty: from the pages of the run
    head: int = 30  # per cent of the pages of a language, the most likely ones
    middle: int = 60  # per cent, head included; the rest is the tail
    keep: tuple[Bucket, ...] = ("head", "middle")  # parts

    def __post_init__(self) -> None:
        if not 0 < self.head < self.middle < 100:
            raise ValueError(f"expected 0 < head < middle < 100, got head {self.head} and middle {self.middle}.")
        if not self.keep:
            raise ValueError("keep must name at least one of head, middle, tail, all.")
        _refuse_repeats("languages", self.languages)


@dataclass(frozen=True)
class CitedRecipe:
    """Pages like those that Wikipedia cites.   Source: RedPajama v1; the paper says no more than "linear model"."""

    model: str = ""  # a ready fastText .bin with the labels wiki and cc; empty: trained on the pages of the run
    urls: str = ""  # file of the URLs whose pages are positive; empty: those that Wikipedia's dumps cite
    min_score: float = 0.25  # of a page that stays
    min_chars: int = 1000  # of a positive page
    min_positives: int = 1000  # fewer are an error, not a bad model
    max_positives: int = 300_000  # pages to learn from, chosen by hash; RedPajama crawled about so many
    held_out: float = 0.1  # share of the examples that the model is measured on

    def __post_init__(self) -> None:
        if not 0 <= self.min_score <= 1:
            raise ValueError(f"min_score must lie in 0–1, got {self.min_score}.")
        if not 0 <= self.held_out <= 0.5:
            raise ValueError(f"held_out must lie in 0–0.5, got {self.held_out}.")
        if self.min_positives < 1 or self.min_chars < 0:
            raise ValueError("min_positives must be at least 1, and min_chars at least 0.")
        if self.max_positives < self.min_positives:
            raise ValueError(
                f"max_positives must be at least min_positives, {self.min_positives}, got {self.max_positives}."
            )
        if self.model and self.urls:
            raise ValueError("give a model or urls, not both: urls are for training a model.")


@dataclass(frozen=True, kw_only=True)
class CommonCrawlRecipe(SourceRecipe):
    """English CommonCrawl: WET files."""

    block: tuple[str, ...] = ()  # files of domains and URLs whose pages are left out
    min_chars: int = 300  # of a page without its title, before any line goes
    lines: LinesRecipe = field(default_factory=LinesRecipe)
    unique_content: bool = False  # of pages with the same digest, in all dumps together, one stays
    language: LanguageRecipe = field(default_factory=LanguageRecipe)
    perplexity: PerplexityRecipe | Literal["skip"] = field(default_factory=PerplexityRecipe)
    cited: CitedRecipe | Literal["skip"] = field(default_factory=CitedRecipe)
    max_page_mb: int = 16  # longer pages are damage

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min_chars < 0 or self.max_page_mb < 1:
            raise ValueError("min_chars must be at least 0, and max_page_mb at least 1.")
        without = sorted(set(self.language.keep) - set(self.ngram_languages))
        if isinstance(self.perplexity, PerplexityRecipe) and without and "all" not in self.perplexity.keep:
            raise ValueError(
                f"perplexity.languages names no model for {', '.join(without)}: its pages are in no part, and would "
                "all go. Add all to perplexity.keep, or give it a model."
            )

    @property
    def ngram_languages(self) -> tuple[str, ...]:
        """The languages whose pages are scored with an n-gram model."""
        return (
            (self.perplexity.languages or self.language.keep) if isinstance(self.perplexity, PerplexityRecipe) else ()
        )

    @property
    def own_ngrams(self) -> bool:
        """Whether n-gram models are trained in the run."""
        return isinstance(self.perplexity, PerplexityRecipe) and not self.perplexity.models

    @property
    def cited_by_wikipedia(self) -> bool:
        """Whether the URLs that Wikipedia cites are needed."""
        return isinstance(self.cited, CitedRecipe) and not (self.cited.model or self.cited.urls)


@dataclass(frozen=True)
class C4LanguageRecipe:
    """Language of C4's pages. The paper: langdetect at 0.99; fastText is ours, and some hundred times faster."""

    by: Literal["fasttext", "langdetect"] = "fasttext"  # langdetect is an extra
    model: str = "models/lid.176.bin"  # of fastText: URL, path, or a glob below --inputs
    keep: tuple[str, ...] = ("en",)  # ISO 639-1 codes
    threshold: float | None = None  # of the score; none: 0.5 for fastText, 0.99 for langdetect

    def __post_init__(self) -> None:
        if not self.keep:
            raise ValueError("keep must name at least one language.")
        _refuse_repeats("keep", self.keep)
        if self.by == "fasttext" and not self.model:
            raise ValueError("model must name a file.")
        if not 0 <= self.least_score <= 1:
            raise ValueError(f"threshold must lie in 0–1, got {self.threshold}.")

    @property
    def least_score(self) -> float:
        """The threshold that holds."""
        return self.threshold if self.threshold is not None else {"fasttext": 0.5, "langdetect": 0.99}[self.by]


@dataclass(frozen=True, kw_only=True)
class C4Recipe(SourceRecipe):
    """C4: WET files by its rules, or as it is published.   Source: Raffel et al. 2020, section 2.2, and its code."""

    form: Literal["wet", "published"] = "wet"  # published: c4-train.*.json.gz, taken as they are
    block: tuple[str, ...] = ()  # files of domains and URLs whose pages are left out
    max_chars: int = 190_000  # of a page
    max_word_chars: int = 1000  # of a word; lines with a longer one go
    min_words: int = 5  # of a line
    min_sentences: int = 3  # of a page, before and after what other pages have goes
    duplicates: Literal["spans", "lines", "skip"] = (
        "spans"  # three sentences, as the paper says; lines, as the code does
    )
    language: C4LanguageRecipe | Literal["skip"] = field(default_factory=C4LanguageRecipe)
    badwords: str = ""  # file of words and phrases, one a line, whose pages go; empty: none go
    max_page_mb: int = 16  # longer pages are damage

    def __post_init__(self) -> None:
        super().__post_init__()
        if (
            min(self.max_chars, self.max_word_chars, self.max_page_mb) < 1
            or min(self.min_words, self.min_sentences) < 0
        ):
            raise ValueError("max_… must be at least 1, and min_… at least 0.")


@dataclass(frozen=True, kw_only=True)
class GithubRecipe(SourceRecipe):
    """GitHub: BigQuery's copy, exported.   Source: RedPajama v1 for all numbers; the paper gives none."""

    columns: GithubColumns = field(default_factory=GithubColumns)  # what yours are called
    licenses: tuple[str, ...] = PERMISSIVE  # families, as in mit, bsd, apache, or whole SPDX ids
    license_texts: bool = True  # where no licence is given, the repository's LICENSE or COPYING decides
    duplicates: Literal["drop", "keep"] = "drop"  # of files with the same content one stays
    endings: tuple[str, ...] = ENDINGS  # of paths
    max_line_chars: int = 1000  # of the longest line
    max_avg_line_chars: float = 100.0  # of its lines on average
    min_alnum_frac: float = 0.25  # share of letters and digits
    tokenizer: str = ""  # a SentencePiece .model or a tokenizer.json; empty: letters for each token are not looked at
    min_letters_per_token: float = 1.5  # where a tokenizer is given
    compat: Literal["", "redpajama-v1"] = ""  # its header removal and its ways with names, mistakes included
    slice_mb: float = 256.0  # of one work item of a Parquet file
    max_file_mb: int = 16  # BigQuery's copy has files below 1 MiB

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.licenses or not self.endings:
            raise ValueError("licenses and endings must each name at least one.")
        if self.slice_mb < 0.001 or min(self.max_file_mb, self.max_line_chars) < 1:
            raise ValueError("slice_mb must be at least 0.001, max_file_mb and max_line_chars at least 1.")
        if not 0 <= self.min_alnum_frac <= 1:
            raise ValueError(f"min_alnum_frac must lie in 0–1, got {self.min_alnum_frac}.")


_WIKI = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


def check_language(code: str) -> None:
    """Refuse what cannot be the code of a Wikipedia, as in its address.

    >>> check_language("zh-yue")

    Raises:
        UsageError: it is none.
    """
    if not _WIKI.fullmatch(code):
        raise UsageError(f"{code!r}: expected the code of a Wikipedia, as in en or zh-yue.")


@dataclass(frozen=True, kw_only=True)
class WikipediaRecipe(SourceRecipe):
    """Wikipedia: MediaWiki's XML dumps, and CirrusSearch's.   Source: Hugging Face's builder, as RedPajama v1."""

    languages: tuple[str, ...] = LLAMA_WIKIPEDIAS  # codes as in the wikis' addresses; the default is the paper's
    disambiguations: Literal["keep", "drop"] = (
        "keep"  # pages that tell the meanings of a title apart; the builder keeps
    )
    lists: Literal["keep", "drop"] = "keep"  # pages whose title, or nine tenths of whose text, is a list's
    templates: Literal["text", "drop"] = (
        "text"  # of templates that stand for a piece of a sentence (lang, convert, nowrap)
    )
    # their text, since a sentence with a hole is none; drop: nothing, as the builder does
    cirrus_text: Literal["wikitext", "plain"] = "wikitext"  # source_text by our rules, as of an XML dump; or text, in
    # which templates are expanded but no line breaks are left. Where a document has but one of them, that one
    slice_mb: float = 64.0  # compressed bytes in one work item of a multistream dump: one to ten minutes
    max_page_mb: int = 16  # MediaWiki itself stops at 2 MiB of text

    def __post_init__(self) -> None:
        super().__post_init__()
        if wrong := [language for language in self.languages if not _WIKI.fullmatch(language)]:
            raise ValueError(
                f"languages: {', '.join(wrong)}: give codes as in the wikis' addresses, such as en or zh-yue."
            )
        if not self.languages:
            raise ValueError("languages must name at least one.")
        _refuse_repeats("languages", self.languages)
        if self.slice_mb < 0.001 or self.max_page_mb < 1:
            raise ValueError("slice_mb must be at least 0.001, and max_page_mb at least 1.")


@dataclass(frozen=True)
class OverlapRecipe:
    """Books that stand in others.   Source: LLaMA (2023) section 2.1, "more than 90 % content overlap"."""

    threshold: float = 0.9  # share of a book's word 5-grams in another book; above it goes
    candidates: Literal["sampled", "ensemble", "both"] = "both"  # how pairs are found; each is then counted exactly

    def __post_init__(self) -> None:
        if not 0.5 <= self.threshold < 1:
            raise ValueError(f"threshold must lie in 0.5–1, below 1, got {self.threshold}.")


@dataclass(frozen=True, kw_only=True)
class BooksRecipe(SourceRecipe):
    """Gutenberg, and any collection: text files, zips, JSON lines, Parquet."""

    collections: tuple[str, ...] = ("gutenberg",)  # folders below the source's, those first whose books stay
    columns: BookColumns = field(default_factory=BookColumns)  # of collections that are tables
    catalog: str = ""  # pg_catalog.csv or rdf-files.tar.bz2; empty: what the files themselves say
    languages: tuple[str, ...] = ()  # ISO 639-1 codes; empty: all
    overlap: OverlapRecipe | Literal["skip"] = field(default_factory=OverlapRecipe)
    slice_mb: float = 256.0  # of one work item of a Parquet file
    max_book_mb: int = 64  # ten times the longest of Gutenberg's; a longer one is damage

    def __post_init__(self) -> None:
        super().__post_init__()
        _refuse_repeats("collections", self.collections)
        if self.slice_mb < 0.001 or self.max_book_mb < 1:
            raise ValueError("slice_mb must be at least 0.001, and max_book_mb at least 1.")


@dataclass(frozen=True, kw_only=True)
class ArxivRecipe(SourceRecipe):
    """arXiv: tars of LaTeX sources.   Source: the paper; Minerva for `front`, RedPajama v1 for `compat`."""

    appendix: Literal["cut", "keep"] = "cut"  # what follows it or the bibliography
    sectionless: Literal["drop", "keep"] = "drop"  # papers without a section
    front: Literal["cut", "keep"] = "cut"  # title and abstract, before the body
    compat: Literal["", "redpajama-v1"] = ""  # its code's way with files and macros, mistakes included
    max_paper_mb: int = 32  # of text in one paper

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_paper_mb < 1:
            raise ValueError(f"max_paper_mb must be at least 1, got {self.max_paper_mb}.")
        if self.compat and (self.appendix, self.sectionless, self.front) != ("cut", "drop", "cut"):
            raise ValueError("compat is the reference as it is: appendix, sectionless and front cannot be set with it.")


@dataclass(frozen=True, kw_only=True)
class StackExchangeRecipe(SourceRecipe):
    """Stack Exchange: dumps of its sites.   Source: the paper for sites and order, RedPajama v1 for the form."""

    largest: int = 28  # sites, by their number of posts
    sites: tuple[str, ...] = ()  # names of sites, as in stackoverflow.com, that are kept in place of the largest
    meta_sites: Literal["keep", "drop"] = "keep"  # sites about sites, such as beer.meta.stackexchange.com, not named
    min_question_score: int | None = None  # none: all are kept. The Pile has none
    min_answer_score: int | None = None  # the accepted answer is kept whatever its score. The Pile has 3
    max_answers: int | None = None  # of a question, the best ones. The Pile has 3
    accepted: Literal["by_score", "first"] = "by_score"  # where the accepted answer stands
    unanswered: Literal["keep", "drop"] = "keep"  # questions without an answer that is kept. The Pile drops them
    layout: Layout = "qa"  # Q: and A: before question and answers; or plain
    compat: Compat = ""  # redpajama-v1: its code's text and order of answers, mistakes included
    slice_mb: float = 256.0  # of one work item, of a site's Posts.xml unpacked
    max_post_mb: int = 16  # the sites themselves allow 30,000 characters

    def __post_init__(self) -> None:
        super().__post_init__()
        _refuse_repeats("sites", self.sites)
        if self.slice_mb < 0.001 or self.max_post_mb < 1:
            raise ValueError("slice_mb must be at least 0.001, and max_post_mb at least 1.")
        if self.largest < 1 or (self.max_answers is not None and self.max_answers < 0):
            raise ValueError("largest must be at least 1, and max_answers at least 0.")
        chosen = (self.layout, self.accepted, self.min_answer_score, self.max_answers)
        if self.compat and chosen != ("qa", "by_score", None, None):
            raise ValueError(
                "compat is the reference's text and order: layout, accepted, min_answer_score and max_answers cannot "
                "be set with it."
            )


UNREAD = "settings"  # the key of an `UnreadRecipe` that others do not have


@dataclass(frozen=True, kw_only=True)
class OwnRecipe(SourceRecipe):
    """A source of your own; its settings are those of a subclass, which the module names (`Source.recipe`)."""

    code: str  # Python module that holds SOURCE: beside the recipe, in the working directory, or installed
    about: str = ""  # what it is, in a sentence of the dataset card,
    rights: str = ""  # and what its texts may be used for

    @staticmethod
    def class_of(values: Mapping[str, Any]) -> type[OwnRecipe]:
        """The class of the settings of a source. Raises ConfigError for a module that cannot be used."""
        if UNREAD in values:
            return UnreadRecipe
        recipe: type[OwnRecipe] = own_module(values.get("code")).SOURCE.recipe
        return recipe


@dataclass(frozen=True, kw_only=True)
class UnreadRecipe(OwnRecipe):
    """That of a corpus that is only looked at: its module is not imported, since the corpus may be anybody's."""

    settings: dict[str, Any] = field(default_factory=dict)  # those of its own, as they are written


def key_of(source: str, options: SourceRecipe) -> str:
    """The key of a source in a recipe.

    >>> key_of("forum", OwnRecipe(code="forum", inputs=("*",))), key_of("books", BooksRecipe(inputs=("books/",)))
    ('sources.own.forum', 'sources.books')
    """
    return f"sources.own.{source}" if isinstance(options, OwnRecipe) else f"sources.{source}"


def own_module(code: object) -> Any:
    """The module of a source of the user's own.

    Raises:
        ConfigError: it is not there, fails while it is imported, or holds no `SOURCE` with a recipe.
    """
    where = (
        "code is a Python module, forum for forum.py. `run`, `plan` and `describe` look beside the recipe and in the "
        "working directory, too; commands that are given a corpus on PYTHONPATH alone, since a corpus may be anybody's"
    )
    if not isinstance(code, str) or not all(part.isidentifier() for part in code.split(".")):
        raise ConfigError(f"code {code!r}: {where}.")
    try:
        module = import_module(code)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and f"{code}.".startswith(f"{error.name}."):
            raise ConfigError(f"no module {error.name!r}; {where}.") from error
        raise ConfigError(f"the module {code!r} fails {raised_in(code, error)}. --debug shows all of it.") from error
    recipe = getattr(getattr(module, "SOURCE", None), "recipe", None)
    if not (isinstance(recipe, type) and issubclass(recipe, OwnRecipe)):
        raise ConfigError(f"the module {code!r} holds no SOURCE, a corpusmill.pipelines.source.Source with a recipe.")
    return module


@dataclass(frozen=True)
class Sources:
    """The seven sources of the paper, and the user's own. One that a recipe does not name is not part of it."""

    commoncrawl: CommonCrawlRecipe | None = None
    c4: C4Recipe | None = None
    github: GithubRecipe | None = None
    wikipedia: WikipediaRecipe | None = None
    books: BooksRecipe | None = None
    arxiv: ArxivRecipe | None = None
    stackexchange: StackExchangeRecipe | None = None
    own: dict[str, OwnRecipe] = field(default_factory=dict)  # by name, which their ids begin with

    def __post_init__(self) -> None:
        for name in self.own:
            if not re.fullmatch("[a-z][a-z0-9_]*", name) or name in self.__dataclass_fields__ or name in _NOT_SOURCES:
                raise ValueError(
                    f"own.{name}: expected a name of small letters that is neither one of the seven sources nor one "
                    f"of {', '.join(sorted(_NOT_SOURCES))}."
                )

    @property
    def named(self) -> dict[str, SourceRecipe]:
        """Those that a recipe names, the seven in the paper's order, then the others."""
        seven = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "own"}
        return {name: options for name, options in seven.items() if options is not None} | self.own

    def changed(self, changed: Mapping[str, SourceRecipe | None]) -> Sources:
        """With others in their places, of the seven or the user's own; those that are None are no part of it.

        >>> sources = Sources(own={name: OwnRecipe(code="posts", inputs=("*",)) for name in ("forum", "board")})
        >>> [*sources.changed({"books": BooksRecipe(inputs=("books/",)), "board": None}).named]
        ['books', 'forum']
        """
        seven: dict[str, Any] = {
            name: options for name, options in changed.items() if name in self.__dataclass_fields__
        }
        own: dict[str, Any] = self.own | {name: one for name, one in changed.items() if name not in seven}
        return dataclasses.replace(self, **seven, own={name: one for name, one in own.items() if one is not None})


def _refuse_repeats(name: str, values: Sequence[str]) -> None:
    twice = next((value for place, value in enumerate(values) if value in values[:place]), None)
    if twice is not None:
        raise ValueError(f"{name} names {twice} twice.")
