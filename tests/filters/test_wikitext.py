"""Wikitext to text: table tests, golden files, oracles, broken and hostile markup."""

import doctest
import json
import pickle
import re
from pathlib import Path

import mwparserfromhell
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.filters import (
    wikitext,
    wikitext_digits,
    wikitext_kinds,
    wikitext_layout,
    wikitext_numbers,
    wikitext_scan,
    wikitext_site,
    wikitext_variants,
)
from corpusmill.filters.wikitext import ENGLISH, Site, is_redirect, lead_text, to_text

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = sorted((TESTS / "cases" / "wikitext").glob("*.txt"))
ORACLE = TESTS.parents[1] / "shared" / "cases" / "wikipedia.jsonl"
GERMAN = Site.of("de", {6: "File", 14: "Category"})
SERBIAN = Site.of("sr", {})


def collapse(text: str) -> str:
    return " ".join(text.split())


MODULES = [
    wikitext,
    wikitext_digits,
    wikitext_kinds,
    wikitext_layout,
    wikitext_numbers,
    wikitext_scan,
    wikitext_site,
    wikitext_variants,
]


@pytest.mark.parametrize("module", MODULES)
def test_doctests(module):
    result = doctest.testmod(module)
    assert result.attempted and not result.failed


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        pytest.param("[[a]]s and [[b|c]]d", "as and cd", id="link-trail"),
        pytest.param("[[a|b|c]]", "b|c", id="all-after-first-pipe-is-label"),
        pytest.param("[[Help:Foo (bar)|]]", "Foo", id="pipe-trick"),
        pytest.param("[[a (b) (c) |]] [[d (e|]] [[f(|]] [[g (h))|]]", "a (b) d (e f( g (h))", id="odd-pipe-tricks"),
        pytest.param("[[:Category:X]] [[:File:x.png|y]]", "Category:X y", id="leading-colon-shows"),
        pytest.param("see [[wikt:w:Foo]] and [[:de:Hund]]", "see Foo and Hund", id="interwiki-prefix-goes"),
        pytest.param("text\n[[de:A]]\n[[fr:B]] [[nds-nl:C]]", "text", id="interlanguage-lines-go"),
        pytest.param("[[de:A]] is a link", "A is a link", id="interlanguage-in-a-sentence-stays"),
        pytest.param("[[a {{b}} c|d]] [[e ''f''|g]]", "d g", id="markup-in-target"),
        pytest.param("[[a {{b}}|c [sic] d]] e", "c [sic] d e", id="bracket-in-label"),
        pytest.param("[[2 c#/media/Файл:a.jpg|b]]", "b", id="address-of-a-file-is-a-link"),
        pytest.param("[[[[a]]]] [[[[b", "a b", id="brackets-twice"),
        pytest.param("[[File:a|thumb|[[b]] [[c|d]] [http://e f]]]g", "g", id="file-with-links-in-caption"),
        pytest.param("[[ファイル:a b.JPG|thumb|c]]d", "d", id="file-of-unknown-language"),
        pytest.param("[[Media:a.ogg|listen]]", "listen", id="media-link-is-text"),
        pytest.param("[http://a b c] [http://d] [//e [[f|g]]] [mailto:h i]", "b c g i", id="external-links"),
        pytest.param("[http://a\nb [sic] c", "b [sic] c", id="external-link-ends-with-line"),
        pytest.param("he [sic] said [[[a]]] [1]", "he [sic] said [a] [1]", id="plain-brackets-stay"),
        pytest.param("http://example.org stays", "http://example.org stays", id="bare-url-stays"),
        pytest.param("a{{b|{{c|{{{d|{{e}}}}}}}}}}f", "af", id="nested-braces"),
        pytest.param("a {{#if:{{{x}}}|b|c}}, d", "a, d", id="parser-function"),
        pytest.param("{{a|x={b}}}c", "c", id="odd-braces"),
        pytest.param("a (b; {{c}}) ({{d}}) ({{e}}, {{f}}; g) f()", "a (b) (g) f()", id="empty-brackets-go"),
        pytest.param("A\n{{b}}\nC", "A\nC", id="template-line-leaves-no-blank-line"),
        pytest.param("a<ref>b</ref> c<ref name=d/> e<ref\ngroup='f'>g</ref>", "a c e", id="references"),
        pytest.param("a<ref name=b>c<ref>d</ref> e", "ac e", id="reference-without-its-slash"),
        pytest.param("a<gallery>\nb.jpg|c\n</gallery><timeline>d</timeline>e", "ae", id="blocks"),
        pytest.param("a<!-- <ref> -->b<!-- c", "ab c", id="comments"),
        pytest.param("a<br/>b <small>c</small> x<sup>2</sup> d < e", "a\nb c x² d < e", id="tags"),
        pytest.param("<unknown> a</unknown>", "<unknown> a</unknown>", id="unknown-tag-is-text"),
        pytest.param("l'''Ulisse'' e ''Iliade''", "l'Ulisse e Iliade", id="apostrophe-before-italic"),
        pytest.param("a'''b''' and c'''d", "ab and cd", id="bold-within-words"),
        pytest.param("'''''a''' b'' ''''c''''", "a b 'c'", id="quotes"),
        pytest.param("__NOTOC__ __БЕЗ_ОГЛ__ __init__ ~~~~a", "__init__ a", id="switches-and-signatures"),
        pytest.param("-{a}- -{{b}}- 1990-{{{c}}}", "-{a}- -- 1990-", id="variants-are-text-without-a-converter"),
        pytest.param("&amp;lt; &lt;b&gt; a&nbsp;b &#8211; &copy=1 &#1;", "&lt; <b> a b – &copy=1", id="entities-once"),
        pytest.param("<nowiki>[[a]] &lt;</nowiki> ''b<nowiki/>''", "[[a]] < b", id="nowiki"),
        pytest.param("<math> x  < y </math> <ce>H2O</ce> <math/>", "$x < y$ $H2O$", id="formulas"),
        pytest.param("== A ==\n=== B ===\n==C==\nd\n==== E ====", "C\nd", id="empty-sections-go"),
        pytest.param("== A ==\n=== B ===\nc", "A\n\nB\nc", id="headings-over-text-stay"),
        pytest.param("== A [[b]] {{c}} ==\nd = e ==", "A b\nd = e ==", id="heading-with-markup"),
        pytest.param("== A\nb\n=== C === d\n== e", "A\nb\nC d\ne", id="broken-headings"),
        pytest.param("* a\n** b\n#c\n:d\n; e : f\n*\n* {{g}}", "a\nb\nc\nd\ne : f", id="lists"),
        pytest.param("== A ==\n* ...\n== B ==\n*…\n*... c\n...", "B\n... c\n...", id="placeholders-in-lists"),
        pytest.param(" x\n   y\n\n\n\nz", "x\n  y\n\nz", id="indent-and-blank-lines"),
        pytest.param("{|\n! h\n|-\n| a || b\n{|\n| c\n|}\n|}\nd", "d", id="nested-tables"),
        pytest.param("{|\n |- style='a'\n ! h\n |-\n\t| a || b\n |}\nc", "c", id="rows-with-a-space-before"),
        pytest.param("a\n |b\n", "a\n|b", id="a-bar-outside-of-tables"),
        pytest.param("a\n<ref>b</ref>.\n<ref name=c/>\n<ref/>,\nd", "a\nd", id="line-of-references"),
        pytest.param("<table><tr><td>a</td><td>b</td></tr></table>c", "c", id="html-table"),
        pytest.param("a\n|}\nb", "a\nb", id="orphan-table-end"),
        pytest.param("a }} b ]] c {{ d [[ e", "a b c d e", id="orphan-brackets"),
        pytest.param("a {{b\n==c==\nd}} e", "a b\n\nc\nd e", id="heading-ends-template"),
        pytest.param("&lt;ref&gt;a&lt;/ref&gt;", "a", id="escaped-too-often"),
        pytest.param("a\x00\x01\x02b\r\nc", "ab\nc", id="control-characters"),
    ],
)
def test_markup(markup, expected):
    assert to_text(markup) == expected


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        pytest.param("a\n* http://b.org/c\nwww.d.org\n:ftp://e.org.\nf", "a\nf", id="addresses-alone"),
        pytest.param("a\n* [http://b.org http://b.org]\n* {{c}} https://d.org", "a", id="addresses-as-labels"),
        pytest.param("* http://a.org B\n#www.c.org – D\n* [//e.org www.e.org] (f)", "B\nD\nwww.e.org (f)", id="items"),
        pytest.param("See http://a.org.\n* At www.b.org\nwww.c.org is c.", None, id="addresses-in-text"),
        pytest.param("{|\n| http://a.org\n|}\n<code>http://b.org</code>", "", id="addresses-in-tables-and-tags"),
        pytest.param("<pre>\nhttp://a.org\n</pre>", "http://a.org", id="addresses-in-code"),
        pytest.param("[chrome-extension://a/http://b C d]e [svn+ssh://f]", "C de", id="any-protocol-is-a-link"),
        pytest.param("[:// a] [1://b c] [d:e f]", None, id="no-protocol-is-none"),
        pytest.param("a\n* [[:Category:B]]\n** [[Portal:C]] {{d}}\n[[:File:e.png]]\nf", "a\nf", id="namespaces"),
        pytest.param("* [[:Category:A|b]]\n* [[Star: c]] [[:Category:D]]", "b\nStar: c Category:D", id="shown"),
        pytest.param("[[A#B_c]] [[#D]] [[E#F|g#h]] [[C#]] [[I {{j}}#K|l]]", "A § B c § D g#h C# l", id="sections"),
        pytest.param("* {{a}} [http://b map]\n* {{a}} Name\n* {{a}} the two\n{{a}} c", "Name\nthe two\nc", id="one"),
    ],
)  # fmt: skip
def test_links_and_addresses(markup, expected):
    assert to_text(markup) == (markup.replace("\n* ", "\n") if expected is None else expected)


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        pytest.param("Some text. The rest is:", "Some text.", id="at-the-end"),
        pytest.param("== A ==\nSome text. The rest is:\n\n== B ==\nc", "A\nSome text.\n\nB\nc", id="before-a-heading"),
        pytest.param("== A ==\nThe rest is:\n== B ==\nc", "B\nc", id="its-heading-goes-with-it"),
        pytest.param("== A ==\nIt is:\n=== B ===\nc\n== D ==", "A\nIt is:\n\nB\nc", id="leads-to-sub-sections"),
        pytest.param("It is:\n\n== B ==\nc", "It is:\n\nB\nc", id="the-lead-leads-to-sections"),
        pytest.param("== A ==\nIt is:\n=== B ===\n{{c}}\n== D ==\ne", "D\ne", id="leads-to-empty-sections"),
        pytest.param("It is:\n* {{a}}\n* [http://b]\n* http://c", "", id="leads-to-what-went"),
        pytest.param("It is:\n* a", "It is:\na", id="leads-to-a-list"),
        pytest.param("It is:\n<math>a</math>", "It is:\n$a$", id="leads-to-a-formula"),
        pytest.param("Some text. It is:\n\n{|\n| a || b\n|}\n\nMore.", "Some text.\n\nMore.", id="leads-to-a-table"),
        pytest.param("It is:\n{|\n| a\n|}\n{|\n| b\n|}\nMore.", "More.", id="leads-to-tables"),
        pytest.param("It is:\n{|\n|\n{|\n| b\n|}\n|}\n\nMore.", "More.", id="nested-tables"),
        pytest.param("It is:\n{|\n| a\n|}\n* b\n* c", "It is:\n\nb\nc".replace("\n\n", "\n"), id="table-then-list"),
        pytest.param(f"It is:\n{{|\n| {'word ' * 9}end.\n|}}\nMore.", f"It is:\n{'word ' * 9}end.\nMore.", id="prose"),
        pytest.param("It is:\n{|\n| a\n== B ==\nc", "B\nc", id="table-that-a-heading-ends"),
        pytest.param("== A ==\nIt is:\n{|\n| b\n|}\n\nc", "A\nc", id="no-blank-line-below-a-heading"),
        pytest.param("a\n\nIt is:\n{|\n| b\n|}\n\nc", "a\n\nc", id="one-blank-line-in-its-place"),
        pytest.param("== A: ==\n{|\n| b\n|}\nc", "A:\nc", id="a-heading-is-none"),
        pytest.param("Some text.\nBorn in St. Ives, he was:", None, id="where-a-sentence-may-not-begin"),
        pytest.param("Some [text]. It is (a km²). Up 5%! He:", "Some [text]. It is (a km²). Up 5%!", id="sure"),
        pytest.param("It was in 1990. He:\n\nHe was 3. He:", "It was in 1990. He:\n\nHe was 3. He:", id="ordinals"),
    ],
)  # fmt: skip
def test_lead_ins_to_nothing(markup, expected):
    assert to_text(markup) == (markup if expected is None else expected)


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        pytest.param("10<sup>9</sup>, 10<sup>−9</sup>, 2<sup>10</sup>", "10^9, 10^−9, 2^10", id="numbers"),
        pytest.param("1×10<sup>&minus;9</sup> m", "1×10^−9 m", id="minus-as-an-entity"),
        pytest.param("5 km<sup>2</sup>, [[m]]<sup>3</sup>, км<sup>2</sup>", "5 km², m³, км²", id="units"),
        pytest.param("cm<sup>-1</sup> mol<sup>−1</sup> s<sup>4</sup>", "cm^-1 mol^−1 s^4", id="longer-ones"),
        pytest.param("''x''<sup>2</sup> (a + b)<sup>2</sup> <i>y</i><sup>10</sup>", "x² (a + b)^2 y^10", id="algebra"),
        pytest.param("2<sup>''n''</sup> x<sup>n</sup> 2<sup>n−1</sup>", "2^n x^n 2^(n−1)", id="names"),
        pytest.param(
            "1<sup>st</sup> 2<sup>e</sup> 37<sup>esimo</sup> n<sup>o</sup>", "1st 2e 37esimo no", id="ordinals"
        ),
        pytest.param(
            "(<sup>14</sup>C, <sup>15</sup>N) and <sup>14</sup>N<sup>15</sup>N", "(14C, 15N) and 14N15N", id="isotopes"
        ),
        pytest.param("H<sub>2</sub>O H<sup>+</sup> NH<sub>4</sub><sup>+</sup>", "H2O H+ NH4+", id="formulas"),
        pytest.param("SO<sub>4</sub><sup>2−</sup> ADP<sup>3-</sup>", "SO4^2− ADP3-", id="charges"),
        pytest.param("word<sup>2</sup> word<sup>[en]</sup> end.<sup>3</sup>", "word2 word[en] end.3", id="notes"),
        pytest.param("10{{sup|9}} m{{sup|2}}", "10^9 m²", id="template"),
        pytest.param("10<sup>9", "109", id="never-closed"),
    ],
)
def test_exponents(markup, expected):
    assert to_text(markup) == expected


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        pytest.param("-{10:30}- -{Windows XP; a}-", "10:30 Windows XP; a", id="text-that-is-not-converted"),
        pytest.param("чај -{sr-ec: б; sr-el: b}-", "чај б", id="cyrillic-page"),
        pytest.param("čaj i mleko -{sr-ec: б; sr-el: b}-", "čaj i mleko b", id="latin-page"),
        pytest.param("чај -{SR-EL: b ;sr-ec:б}-", "чај б", id="any-order-and-case"),
        pytest.param("чај -{sr-latn:b; sr-cyrl:б}-", "чај б", id="newer-names"),
        pytest.param("чај -{sr-el:b}-", "чај b", id="only-the-other-script"),
        pytest.param("чај -{sr:в; sr-el:b}-", "чај в", id="the-language-itself"),
        pytest.param("чај -{sr-ec:а; б; sr-el:b;}-.", "чај а; б.", id="semicolon-in-a-value"),
        pytest.param("чај -{sr-ec:&quot;а&quot;; sr-el:b}-", 'чај "а"', id="entities-in-a-value"),
        pytest.param("чај -{A|sr-ec:а; sr-el:b}- -{+|sr-ec:в}-", "чај а в", id="rule-that-shows"),
        pytest.param("чај -{A|b=>sr-ec:в;}-", "чај в", id="one-way-rule"),
        pytest.param("чај -{H|sr-ec:а; sr-el:b}- -{T|sr-ec:а}- -{-|sr-ec:а}-в", "чај в", id="hidden-rules"),
        pytest.param("чај -{R|sr-ec:а}- -{sr-el|b}-", "чај sr-ec:а b", id="raw"),
        pytest.param("-{[[а|б]] ''в'' {{г}}}- [[-{д}-|е-{ж}-]] [[-{з}-]]", "б в еж з", id="markup-inside"),
        pytest.param("чај -{а -{sr-ec:б; sr-el:b}- в}-", "чај а б в", id="nested"),
        pytest.param("-{{{а}}}-б 1990-{{а}}-2000 в-{а}-{{б}}", "б 1990--2000 ва", id="next-to-braces"),
        pytest.param("а -{ б\n\n== В ==\nг }- д }-", "а б\n\nВ\nг д", id="across-a-heading"),
        pytest.param("а -{ б\n\nв -{г}-", "а б\n\nв г", id="never-closed"),
        pytest.param("а }- б <nowiki>-{в}-</nowiki>", "а б -{в}-", id="never-opened-and-nowiki"),
        pytest.param("-{" * 50 + "а" + "}-" * 50, "а", id="deep"),
    ],
)
def test_serbian_variants(markup, expected):
    assert collapse(to_text(markup, SERBIAN)) == collapse(expected)
    assert collapse(lead_text(markup.replace("== В ==", "В"), SERBIAN)) == collapse(expected)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_file(path):
    markup, expected = path.read_text(encoding="utf-8").removeprefix("--- wikitext\n").split("--- text\n")
    assert to_text(markup) == expected.strip()


@pytest.mark.parametrize(
    ("language", "markup"),
    [
        pytest.param("bg", "[[Картинка:a|мини|b]][[Категория:c]]", id="bg"),
        pytest.param("ca", "[[Fitxer:a|b]][[Imatge:a]][[Categoria:c]]", id="ca"),
        pytest.param("cs", "[[Soubor:a|b]][[Kategorie:c]]", id="cs"),
        pytest.param("da", "[[Fil:a|b]][[Billede:a]][[Kategori:c]]", id="da"),
        pytest.param("es", "[[Archivo:a|b]][[Imagen:a]][[Categoría:c]]", id="es"),
        pytest.param("hr", "[[Datoteka:a|b]][[Slika:a]][[Kategorija:c]]", id="hr"),
        pytest.param("hu", "[[Fájl:a|b]][[Kép:a]][[Kategória:c]]", id="hu"),
        pytest.param("it", "[[Immagine:a|b]][[Categoria:c]]", id="it"),
        pytest.param("nl", "[[Bestand:a|b]][[Afbeelding:a]][[Categorie:c]]", id="nl"),
        pytest.param("ru", "[[Файл:a|b]][[Изображение:a]][[Категория:c]]", id="ru"),
        pytest.param("sl", "[[Slika:a|b]][[Datoteka:a]][[Kategorija:c]]", id="sl"),
        pytest.param("sv", "[[Fil:a|b]][[Bild:a]][[Kategori:c]]", id="sv"),
        pytest.param("de", "[[Datei:a|mini|b]][[Bild:a|c]][[Kategorie:d]]", id="de"),
        pytest.param("fr", "[[Fichier:a|vignette|b]][[Catégorie:c]]", id="fr"),
        pytest.param("pl", "[[Plik:a|b]][[Grafika:a]][[kategoria:c]]", id="pl"),
        pytest.param("pt", "[[Ficheiro:a|b]][[Imagem:a]][[Categoria:c]]", id="pt"),
        pytest.param("ro", "[[Fișier:a|b]][[Imagine:a]][[Categorie:c]]", id="ro"),
        pytest.param("sr", "[[Датотека:a|мини|b]][[Слика:a]][[Категорија:c]]", id="sr"),
        pytest.param("uk", "[[Файл:a|b]][[Зображення:a]][[Категорія:c]]", id="uk"),
    ],
)
def test_local_names_although_the_dump_is_in_english(language, markup):
    site = Site.of(language, {6: "File", 14: "Category"})
    assert to_text(markup + "[[File:d]][[Image:d]][[Category:e]]", site) == ""
    assert to_text(markup, Site.of("xx", {})) != ""


def test_names_of_the_dump_count():
    assert to_text("[[Fails:a|b]]", Site.of("ltg", {6: "Fails", 4: "Vikipedeja"})) == ""


def test_every_llama_language_has_names():
    data = wikitext_site.names()
    names = "bg ca cs da de es fr hr hu it nl pl pt ro ru sl sr sv uk"
    languages = names.split()
    assert all(data[key].get(language) for key in ("files", "categories", "redirects") for language in languages)
    assert {*languages, "en", "no"} <= ENGLISH.prefixes


def test_site_is_a_key_and_travels():
    assert pickle.loads(pickle.dumps(GERMAN)) == GERMAN
    assert len({GERMAN, Site.of("de", {6: "File", 14: "Category"}), ENGLISH}) == 2


@pytest.mark.parametrize(
    ("markup", "expected"),
    [("#REDIRECT [[A]]", True), ("\n#weiterleitung: [[A]]", True), ("# [[A]]", False), ("text #REDIRECT [[A]]", False)],
)
def test_redirect(markup, expected):
    assert is_redirect(markup, GERMAN) is expected


def without_references_and_tables(markup: str) -> str:
    code = mwparserfromhell.parse(markup)
    for tag in code.filter_tags(matches=lambda tag: str(tag.tag).strip().lower() in ("ref", "table")):
        if code.contains(tag):
            code.remove(tag)
    return str(code.strip_code())


def words(text: str) -> str:
    """What both sides must agree on: brackets that a template left empty are ours to mend."""
    return " ".join(re.findall(r"\w+", text))


def oracle_cases():
    if not ORACLE.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason="no reference cases here"))]
    cases = map(json.loads, ORACLE.read_text(encoding="utf-8").splitlines())
    return [pytest.param(case, id=case["id"]) for case in cases]


@pytest.mark.parametrize("case", oracle_cases())
def test_reference_case(case):
    """Sentences that a reference's text or a table's row runs into are none of ours: the same cases want those gone."""
    text = to_text(case["wikitext"])
    fair = words(without_references_and_tables(case["wikitext"]))
    missing = [sentence for sentence in case["must_contain"] if words(sentence) not in words(text)]
    assert [sentence for sentence in missing if words(sentence) in fair] == []
    assert [markup for markup in case["must_not_contain"] if collapse(markup) in collapse(text)] == []


PLAIN = st.text(st.characters(codec="utf-8", categories=("L", "N"), include_characters=" ,.?\n"), max_size=80)
INLINE = st.text(st.characters(codec="utf-8", categories=("L", "N"), include_characters=" ,."), min_size=1, max_size=12)
FRAMES = (
    "{{a|%s}} {{{b|%s}}} [[c|%s]] [[File:d.png|thumb|%s]] <ref>%s</ref> '''%s''' ''%s'' <b>%s</b> "
    "<!--%s--> \n{|\n|-\n|%s\n|}\n [http://e\t%s] \n==%s==\n <gallery>%s</gallery> {{#if:f|%s}}"
)
MARKUP = st.recursive(
    INLINE,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.builds(lambda frame, content: frame.replace("%s", content), st.sampled_from(FRAMES.split(" ")), inner),
    ),
    max_leaves=12,
)


@given(PLAIN)
def test_plain_text_passes(text):
    assert collapse(to_text(text)) == collapse(text)


@given(MARKUP)
def test_no_markup_is_left(markup):
    assert re.search(r"\[\[|\]\]|\{\{|\}\}|\{\||<ref|'''|thumb\||<!--", to_text(markup)) is None


ALL_PIECES = (
    "{{ }} {{{ }}} [[ ]] [[a| [[File:a| [[de:a]] [http://a ] {| |} |- || ! \n \n== == <ref> <ref/> </ref> <!-- --> "
    "'' ''' -{ }- < > & &amp; &#1; <nowiki> </nowiki> <math> <pre> </pre> <table> <td> __ __A ~~~~ ( ) , a ; * # "
    ": | = \x01 1 \x02"
)
PIECES = ALL_PIECES.split(" ")


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_any_markup_is_text(markup):
    text = to_text(markup)
    assert text == text.strip() and "\x02" not in text and "\x01" not in text


@given(st.sampled_from([piece for piece in PIECES if piece not in ("<!--", "<math>", "<pre>", "<nowiki>")]))
def test_an_unclosed_mark_costs_itself_only(mark):
    page = f"First sentence of it. {mark} second sentence of it.\n\n== Next ==\nThird sentence of it."
    text = collapse(to_text(page))
    assert all(sentence in text for sentence in ("First sentence of it.", "Third sentence of it."))
    assert "sentence of it. Next" in text


HOSTILE = [
    "{{a|[[b",
    "[[b|{{a",
    "[[a{{b}}|",
    "<ref>{{[[",
    "{{\n== a ==\n",
    "({{a}}",
    "-{a",
    "-{a;",
    "-{sr-ec:",
    "-{a}-",
    "<sup>",
    "10<sup>9</sup>",
    "<sup ",
    "\n == a",
    "== a = ",
    "\n==a\t ",
    "a:\n{|\n|}\n",
    "a. B:\n== c ==\n",
    "a:\n* b\n{|\n|}\n",
    "* http://a ",
    "a.) ",
    "[a+",
    "[[a#",
    "[[:Category:a]]",
]


@pytest.mark.parametrize("unit", [*PIECES, *HOSTILE])
def test_hostile_repetition_ends(unit):
    """A step that looks back or ahead further with every repetition would take hours here."""
    text = unit * (300_000 // len(unit))
    to_text(text)
    to_text(text, SERBIAN)
    to_text(text + "}-" * (text.count("-{") - 1) + ";" * 10**5 + "}-", SERBIAN)


@pytest.mark.parametrize(
    ("opening", "closing"), [("{{", "}}"), ("[[a{{b}}|", "]]"), ("[[File:a|", "]]"), ("{|\n", "\n|}")]
)
def test_deep_nesting_ends(opening, closing):
    assert to_text(opening * 30_000 + "x" + closing * 30_000) in ("", "x")


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((("[[x", 1), (" ", 10**6), ("y|]]", 1)), id="spaces-in-pipe-trick"),
        pytest.param((("[[x (", 1), ("(", 10**6), (")|]]", 1)), id="brackets-in-pipe-trick"),
        pytest.param((("a", 8 * 10**6), ("(", 4 * 10**5), ("{{a}})", 4 * 10**5)), id="brackets-emptied-one-by-one"),
        pytest.param((("a", 8 * 10**6), ("  (", 4 * 10**5), ("{{a}})", 4 * 10**5)), id="and-the-spaces-before-them"),
        pytest.param((("[[<", 10**5), ("|", 10**7), ("]]", 10**5)), id="label-cut-by-each-link"),
        pytest.param((("[[a<|", 10**5), ("b]", 5 * 10**5), ("]]", 10**5)), id="long-label-of-many-links"),
        pytest.param((("<ref>", 1), ("<ref/>", 10**5), ("<ref>", 10**5), ("</ref>", 1)), id="references"),
        pytest.param((("[http://x ", 10**5), ("a", 10**6), ("]", 10**5)), id="external-links-around-text"),
        pytest.param((("{{{{{", 10**5), ("}}", 10**5), ("}}}", 10**5)), id="braces-closed-in-part"),
        pytest.param((("\n", 10**6), ("=", 10**6), (" ", 10**6)), id="line-of-a-heading-mark"),
        pytest.param((("{|\n", 1), ("a ||", 10**5), (" ", 10**6), ("b !!", 10**5)), id="cells"),
    ],
)
def test_hostile_runs_end(parts):
    """Sized for minutes where text before or after a mark were copied or read again for each mark."""
    to_text("".join(unit * n for unit, n in parts))


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        pytest.param("a\n== b ==\nc", "a", id="heading"),
        pytest.param("== b ==\nc", "", id="at-the-start"),
        pytest.param("a\n= b =\nc", "a", id="one-sign"),
        pytest.param("a\n====== b ======\nc", "a", id="six-signs"),
        pytest.param("a\n======= b =======\nc", "a", id="more-signs-are-part-of-its-name"),
        pytest.param("a\n==b=\nc", "a", id="uneven"),
        pytest.param("a\n===\nc", "a", id="signs-alone"),
        pytest.param("a\n== b == \t\nc", "a", id="space-after"),
        pytest.param("a\n== b == <!-- d -->\nc", "a", id="comment-after"),
        pytest.param("a\n<!-- d -->== b ==\nc", "a", id="comment-before"),
        pytest.param("a\n== b ==", "a", id="at-the-end"),
        pytest.param("a\n== b\nc", "a\nb\nc", id="not-closed"),
        pytest.param("a\n== b == c\nd", "a\nb c\nd", id="text-after"),
        pytest.param("a\nb == c ==\nd", "a\nb == c ==\nd", id="text-before"),
        pytest.param("a\n==\nc", "a\n==\nc", id="two-signs-alone"),
        pytest.param("{{b\n|c=\n== d ==\n}}a\n== e ==\nf", "a", id="in-a-template"),
        pytest.param("{{b|{{{c|{{d\n== e ==\n}}}}}}}}a\n== f ==", "a", id="in-nested-templates"),
        pytest.param("a{{b\n\nc\n== d ==\n{{e}}", "ab\n\nc", id="in-a-template-that-is-never-closed"),
    ],
)
def test_lead_text(markup, expected):
    assert lead_text(markup) == expected


@pytest.mark.parametrize("unit", ["{{", "{{a\n== b ==\n", "}}{{{", "\n=", "\n= = ", "\n==\x02 ", "= \t", "=<!---->"])
def test_the_lead_of_hostile_repetition_ends(unit):
    for after in ("", "x", "\n== a ==\n", "}}" * 10**5):
        lead_text("{{\n=" + unit * (10**6 // len(unit)) + after)


def test_redirect_with_endless_spaces_ends():
    assert not is_redirect("#redirect" + " " * 10**6)
    assert not is_redirect(" " * 10**6 + "#" + " " * 10**6 + "redirect" + " " * 10**6 + ":" + " " * 10**6)


def test_each_block_looks_for_its_end_once(monkeypatch):
    searches = []
    closing = wikitext_scan._closing

    class Counted:
        def __init__(self, name):
            self.pattern = closing(name)

        def search(self, text, start):
            searches.append(start)
            return self.pattern.search(text, start)

    monkeypatch.setattr(wikitext_scan, "_closing", Counted)
    to_text("<ref><!--<math><nowiki>" * 1000)
    assert len(searches) == 4
