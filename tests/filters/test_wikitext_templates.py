"""Templates that stand for text, and those that do not."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.filters.wikitext import Site, to_text
from corpusmill.filters.wikitext_templates import _data, render, templates_of
from corpusmill.mixtures.sources import LLAMA_WIKIPEDIAS


@pytest.mark.parametrize(
    ("language", "markup", "expected"),
    [
        pytest.param("en", "a {{lang|la|''fu''}} b", "a fu b", id="lang"),
        pytest.param("en", "a {{Lang-de|[[Wald (Forst)|Wald]]}}, b", "a Wald, b", id="link-with-a-bar"),
        pytest.param("en", "a {{lang-de|1=x=y}}", "a x=y", id="numbered-parameter"),
        pytest.param("en", "a {{convert|5|km|mi|abbr=on}} b", "a 5 km b", id="quantity"),
        pytest.param("en", "a {{cvt|5|to|10|sqmi}} b", "a 5 to 10 sq mi b", id="range"),
        pytest.param("en", "a {{convert|5}} {{convert|5|-|6}} b", "a b", id="quantity-without-a-unit"),
        pytest.param("en", "a {{nowrap|{{convert|5|km}} long}} b", "a 5 km long b", id="nested"),
        pytest.param("en", "a ({{lang|la}}; born) {{lang|la|}} b", "a (born) b", id="empty-ones-go"),
        pytest.param("en", "a {{ill|Name|de|Titel}} {{ill|Name|de|lt=Label}}", "a Name Label", id="first-of-several"),
        pytest.param("en", "a {{val|5.2}} b {{val|3|u=km}}", "a 5.2 b 3 km", id="optional"),
        pytest.param("en", "a{{mdash}}b {{formatnum:10000}}", "a—b 10000", id="without-parameters"),
        pytest.param("en", "A book. {{ISBN|978-3-492-05581-9}}.", "A book. ISBN 978-3-492-05581-9.", id="isbn"),
        pytest.param("en", "{{quote|A line.\nAnother.|Its author}}", "A line.\nAnother.", id="quotation"),
        pytest.param("en", "{{Infobox\n|a={{lang|la|b}}\n}}c", "c", id="in-a-template-that-goes"),
        pytest.param("en", "a{{cite|b}}{{IPA|c}}{{citation needed|d}} e", "a e", id="others-go"),
        pytest.param("en", "[[File:a.jpg|thumb|{{lang|la|b}}]]c", "c", id="in-a-caption"),
        pytest.param("en", "a {{CONVERT|5|km}}, b", "a, b", id="case-of-other-letters"),
        pytest.param("ru", "{{НП\n| статус = а\n| б = в\n}}г {{нп5|Имя|текст|de|Name}}", "г текст", id="names-alike"),
        pytest.param("fr", "au {{s-|XVIII|e}}, {{unité|12 km}}", "au XVIIIe siècle, 12 km", id="fr"),
        pytest.param("fr", "{{langue|de|texte=Bezirk}} {{lien|trad=A|fr=B}}", "Bezirk B", id="fr-by-name"),
        pytest.param("de", 'er: {{"|Ja}} {{Zitat|Text=Nein.|Autor=X}}', "er: „Ja“ Nein.", id="de"),
        pytest.param("it", "{{M|5|M|B}} a {{TA|95 km²}}", "5 MB a 95 km²", id="it"),
        pytest.param("pl", "{{lang|de}} a {{fakt|b|data=2017}}", "a b", id="pl"),
        pytest.param("de", "{{Vorlage:Zitat|a}} {{template:lang|la|b}} {{Hilfe:Lang|la|c}}", "a b", id="namespace"),
        pytest.param(
            "fr",
            "né le {{Date de naissance|11|mai|1866}} au {{XXe siècle}}",
            "né le 11 mai 1866 au XXe siècle",
            id="fr-dates",
        ),
        pytest.param("sr", "({{јез-нем|Berlin}})", "(Berlin)", id="sr"),
    ],
)
def test_text(language, markup, expected):
    assert to_text(markup, Site.of(language, {})) == expected


def test_all_go_without_them():
    site = Site.of("en", {}, templates=False)
    assert to_text("a {{lang|la|b}} {{convert|5|km}} c{{mdash}}{{formatnum:1}}", site) == "a c"


def test_every_format_can_be_filled():
    languages = set(_data()) - {"every", "quantities", "ranges", "units"}
    assert languages <= set(LLAMA_WIKIPEDIAS)
    for language in LLAMA_WIKIPEDIAS:
        for name, form in templates_of(language).items():
            keys = re.findall(r"[^{}/?]+", " ".join(re.findall(r"\{([^{}]+)\}", form)).replace(" ", "/"))
            content = "|".join([name.replace("*", "de"), *(f"{key}=x" for key in keys if key != "-1"), "1=x", "2=km"])
            assert render(content, templates_of(language)), name


@given(
    st.lists(st.sampled_from(["lang", "|", "[[", "]]", "=", "a", "\n", "1", "convert", " "]), max_size=30).map("".join)
)
def test_any_content_is_text_or_none(content):
    text = render(content, templates_of("en"))
    assert text is None or isinstance(text, str)


@pytest.mark.parametrize("unit", ["|", "[[|", "]]|", "=|", "a=|", " |", "[[", "|[["])
def test_hostile_parameters_end(unit):
    text = "{{lang|de|" + unit * 1300 + "}}"
    to_text(text * 300)
    render("lang|de|" + unit * 10**6, templates_of("en"))
