"""Disambiguations and lists, in the twenty languages."""

import pytest

from corpusmill.filters.wikitext import Site, list_share
from corpusmill.filters.wikitext_kinds import is_disambiguation, is_list
from corpusmill.filters.wikitext_site import names
from corpusmill.mixtures.sources import LLAMA_WIKIPEDIAS

MEANINGS = (
    ("bg", "{{пояснение}}", "А (пояснение)"), ("ca", "{{Desambiguació}}", "A (desambiguació)"),
    ("cs", "{{Rozcestník - příjmení}}", "A (rozcestník)"), ("da", "{{Flertydig}}", "A (flertydig)"),
    ("de", "{{Begriffsklärung}}", "A (Begriffsklärung)"), ("en", "{{school disambiguation}}", "A (disambiguation)"),
    ("es", "{{ desambiguación\n}}", "A (desambiguación)"), ("fr", "{{Homonymie de personnes}}", "A (homonymie)"),
    ("hr", "{{razdvojba}}", "A (razdvojba)"), ("hu", "{{egyért}}", "A (egyértelműsítő lap)"),
    ("it", "{{Disambigua}}", "A (disambigua)"), ("nl", "{{dp}}", "A (doorverwijspagina)"),
    ("pl", "{{ujednoznacznienie}}", "A (ujednoznacznienie)"), ("pt", "{{desambiguação|A}}", "A (desambiguação)"),
    ("ro", "{{dez}}", "A (dezambiguizare)"), ("ru", "{{неоднозначность|тип=а}}", "А (значения)"),
    ("sl", "{{razločitev}}", "A (razločitev)"), ("sr", "{{вишезначна_одредница}}", "А (вишезначна одредница)"),
    ("sv", "{{Förgrening}}", "A (olika betydelser)"), ("uk", "{{DisambigG}}", "А (значення)"),
)  # fmt: skip
LISTS = {
    "bg": "Списък на реките", "ca": "Llista d'illes", "cs": "Seznam řek", "da": "Liste over floder",
    "de": "Liste deutscher Flüsse", "en": "Lists of rivers", "es": "Lista de ríos", "fr": "Liste des fleuves",
    "hr": "Popis rijeka", "hu": "Folyók listája", "it": "Lista dei fiumi", "nl": "Lijst van rivieren",
    "pl": "Lista rzek", "pt": "Lista de rios", "ro": "Lista râurilor", "ru": "Список рек", "sl": "Seznam rek",
    "sr": "Spisak reka", "sv": "Lista över floder", "uk": "Списки річок",
}  # fmt: skip


def test_all_languages_of_the_paper_are_known():
    for table in ("disambiguation_templates", "disambiguation_titles", "list_titles"):
        assert sorted(names()[table]) == sorted(LLAMA_WIKIPEDIAS)
    assert sorted(LISTS) == sorted(language for language, _, _ in MEANINGS) == sorted(LLAMA_WIKIPEDIAS)


@pytest.mark.parametrize(("language", "template", "title"), MEANINGS)
def test_disambiguations(language, template, title):
    site = Site.of(language, {})
    assert is_disambiguation("A", f"'''A''':\n* [[B]]\n{template}", site)
    assert is_disambiguation(title, "", site)
    assert is_disambiguation("A", template.replace("{{", "{{Template:"), site)
    assert is_disambiguation("A", "{{Disambig}}", site) and is_disambiguation("A", "__DISAMBIG__", site)
    assert is_disambiguation("A", "", site, [f"Template:{template.strip('{}').partition('|')[0]}"])
    assert not is_disambiguation("A (film)", "{{Infobox|a={{lang|en|disambig}}}} disambiguation", site, ["Template:B"])
    assert not is_disambiguation(title.partition(" ")[2], "", site)


@pytest.mark.parametrize(
    ("language", "markup"),
    [
        ("de", "{{Begriffsklärungshinweis}}"), ("fr", "{{Voir homonymes|A}}"), ("hu", "{{egyért2|a|b}}"),
        ("it", "{{Nota disambigua|a}}"), ("en", "{{other uses}} {{disambiguation needed}}"), ("ru", "{{значения}}"),
    ],
)  # fmt: skip
def test_notes_above_articles_are_none(language, markup):
    assert not is_disambiguation("A", markup, Site.of(language, {}))


@pytest.mark.parametrize(("language", "title"), LISTS.items())
def test_titles_of_lists(language, title):
    assert is_list(title, "A sentence.", Site.of(language, {}))


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("pl", "Lista Schindlera"), ("uk", "Список Шиндлера"), ("de", "Liste (Datenstruktur)"), ("de", "Liste Fritz"),
        ("en", "List"), ("ro", "Lista lui Schindler"), ("cs", "Seznam.cz"), ("en", "The List of Adrian Messenger"),
        ("hu", "Listája"), ("fr", "Liste (informatique)"),
    ],
)  # fmt: skip
def test_titles_that_only_look_so(language, title):
    assert not is_list(title, "A sentence.", Site.of(language, {}))


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        pytest.param("ab\n* cd", 0.5, id="half"),
        pytest.param("", 0.0, id="empty"),
        pytest.param("== A ==\n{{b}}\n{|\n| c\n|}", 0.0, id="nothing-that-counts"),
        pytest.param("{|\n|\n* a\n|}\nb\n* [[c]]", 0.5, id="lists-in-tables-do-not-count"),
        pytest.param("a\n{|\n{|\n* a\n|}\n* b\n|}\n** [[File:x.jpg|thumb|x]] [[bb|c]]", 0.5, id="nested-tables"),
        pytest.param("{|\n | a b c\n |}\nb\n* c", 0.5, id="tables-with-spaces-before"),
        pytest.param("* {{a}}\n<!--\nb\n-->\n# c<ref>d</ref>", 1.0, id="only-text-counts"),
    ],
)
def test_share_of_lists(markup, expected):
    assert list_share(markup) == pytest.approx(expected)


@pytest.mark.parametrize("unit", ["* a\n", "{|\n", "|}\n", "*", "{{ ", "\n|", "{{a", "{{__"])
def test_hostile_repetition_ends(unit):
    text = unit * (300_000 // len(unit))
    is_list("A", text, Site.of("en", {}))
    is_disambiguation("A", text, Site.of("en", {}))
