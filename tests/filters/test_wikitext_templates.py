"""Templates that stand for text, and those that do not."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.filters.wikitext import Site, to_text
from corpusmill.filters.wikitext_numbers import COMPUTED
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
        pytest.param("en", "a{{mdash}}b {{formatnum:10000}}", "a—b 10,000", id="without-parameters"),
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


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        pytest.param("{{convert|6|ft|4|in|cm|0}}", "6 ft 4 in", id="unit-with-its-part"),
        pytest.param("{{convert|10|st|5|lb}}", "10 st 5 lb", id="stone"),
        pytest.param("{{convert|5|mi|3|kg}}", "", id="a-part-that-is-none"),
        pytest.param("{{convert|840|m|ft|0|abbr=on|disp=or}}", "840 m", id="rounding"),
        pytest.param("{{convert|190|km|0|abbr=on}}", "190 km", id="rounding-alone"),
        pytest.param("{{convert|5|to(-)|10|km}}", "5 to 10 km", id="range"),
        pytest.param("{{cvt|12|x|8|x|4|in}}", "12 × 8 × 4 in", id="three-dimensions"),
        pytest.param("{{convert|5|+|1/2|in}}", "5 + 1/2 in", id="sum"),
        pytest.param("{{convert|3+1/2|mi|km}} {{convert|1/2|in}}", "3 1/2 mi 1/2 in", id="mixed-number"),
        pytest.param("{{convert|1|e6km2}} {{cvt|2.5e6|km2}}", "1×10^6 km² 2.5×10^6 km²", id="powers"),
        pytest.param("{{convert|1.5|to|2|e6USgal}}", "(1.5 to 2)×10^6 US gal", id="range-of-powers"),
        pytest.param("{{convert|5|ft|6+1/2|in}}", "5 ft 6 1/2 in", id="part-with-a-fraction"),
        pytest.param("{{chem|235|92|U}}", "", id="chemistry-not-understood"),
        pytest.param("{{convert|5|versus|10|km}} {{convert|five|km}}", "", id="not-understood"),
        pytest.param("6,022{{e|23}} 1.6{{e|-24}}", "6,022×10^23 1.6×10^−24", id="e"),
        pytest.param("{{frac|3}} {{frac|2|3}} {{sfrac|1|2|3}}", "1/3 2/3 1 2/3", id="fractions"),
        pytest.param("3{{frac|1|2}} inches", "3 1/2 inches", id="fraction-after-a-number"),
        pytest.param("{{val|1.5|e=-9|u=m}}, {{val|10|s=%}}", "1.5×10^−9 m, 10%", id="val"),
        pytest.param("{{val|2.1|e=-11}} {{val|5|0.2|ul=km}}", "2.1×10^−11 5±0.2 km", id="val-uncertain"),
        pytest.param("{{val|1|+2|-3}} {{val|1|end=(2)}}", "", id="val-not-understood"),
        pytest.param("{{circa|1900|1910}} {{c.|1900}}", "c. 1900 – c. 1910 c. 1900", id="circa"),
        pytest.param("{{circa|1900|1910|1920}}", "", id="circa-not-understood"),
        pytest.param("{{chem|SO|4|2-}} {{chem2|H2O}}", "SO4^2− H2O", id="chemistry"),
        pytest.param("{{sqrt|2}} {{sqrt|''a'' + 1}}", "√2 √(a + 1)", id="roots"),
        pytest.param("{{As of|2015|6|30}}, {{as of|1999|lc=y}}", "As of 30 June 2015, as of 1999", id="as-of"),
        pytest.param("{{Dash year|1943|1945}} {{US$|5}} {{GBP|7}}", "1943–1945 US$5 £7", id="years-money"),
        pytest.param(
            "{{OldStyleDate|February 2|1905|January 20}}", "February 2 [O.S. January 20] 1905", id="old-style"
        ),
        pytest.param("{{flag|Canada}} {{vanchor|a|B}} {{ship|HMS|Hood|51}}", "Canada a HMS Hood (51)", id="names"),
        pytest.param("a{{•}}b{{nbsp}}c{{dot}}d {{hlist|e|f}}", "a • b c · d e · f", id="dots"),
        pytest.param("{{bq|A sentence.|Author}}", "A sentence.", id="quotation"),
        pytest.param("a {{cn|date=June 2021}}b", "a b", id="english-cn-has-no-text"),
    ],
)
def test_english_numbers_and_names(markup, expected):
    assert to_text(f"x {markup} y") == " ".join(f"x {expected} y".split())


@pytest.mark.parametrize(
    ("language", "markup", "expected"),
    [
        pytest.param("en", "{{cvt|106460000|km2}} {{convert|1000-2500|m}}", "106,460,000 km² 1,000–2,500 m", id="en"),
        pytest.param("en", "{{convert|1234.56|km}} {{convert|-1,200|m}}", "1,234.56 km -1,200 m", id="en-with-a-point"),
        pytest.param(
            "en", "{{convert|1234|km|comma=off}} {{convert|1234|km|comma=5}}", "1234 km 1234 km", id="en-comma"
        ),
        pytest.param("en", "{{val|12345}} {{val|12345|fmt=commas|u=m}}", "12345 12,345 m", id="en-gaps-are-no-text"),
        pytest.param("en", "1000 {{nowrap|2000 km}} {{formatnum:0012}}", "1000 2000 km 0012", id="others-stay"),
        pytest.param("de", "{{formatnum:1234567.8}} {{Höhe|1000}}", "1.234.567,8 1.000 m", id="de"),
        pytest.param("fr", "{{unité|1000 habitants}} {{nombre|144.2|km|2}}", "1 000 habitants 144,2 km²", id="fr"),
        pytest.param("fr", "{{unité|1.234|km}} {{euro|8146910}}", "1.234 km 8 146 910 euros", id="fr-not-sure"),
        pytest.param("pl", "{{formatnum:1234}} {{formatnum:12345}}", "1234 12 345", id="pl-from-five"),
        pytest.param("hu", "{{szám|180000}} {{formatnum:10000|R}}", "180 000 10000", id="hu"),
        pytest.param("ro", "{{conversie|5370|km2}} {{conversie|891.85|km2}}", "5.370 km² 891.85 km²", id="ro"),
        pytest.param("xx", "{{convert|5370|km2}} {{formatnum:5370.5}}", "5370 km² 5370.5", id="unknown-language"),
        pytest.param("uk", "{{val|1|e=-3|ul=км}} 2{{ e |-24 }}", "1×10^−3 км 2×10^−24", id="uk-powers"),
        pytest.param(
            "uk", "{{ДН|29|02|1944}} — {{ДС|26|1|1884|14}}", "29 лютого 1944 — 14 (26) січня 1884", id="uk-life"
        ),
        pytest.param("uk", "{{ДН|9|3|1814|25|2}}, {{ДН2|9|13|1814}}", "25 лютого (9 березня) 1814,", id="uk-old-style"),
        pytest.param("uk", "({{ДН|8|1|1901|26|12|1900}})", "(26 грудня 1900 (8 січня 1901))", id="uk-years"),
        pytest.param("uk", "{{не перекладено|є=A|мова=en|треба=Б}} {{ДС|||2003}}{{pi}}", "Б π", id="uk-by-name"),
        pytest.param("uk", "{{Дата|2002|3|12}} {{comment|Guyana|Ґаяна}}", "12 березня 2002 Guyana", id="uk-date"),
        pytest.param("it", "{{Exp|1,344|−5}} {{m|1,12|e=-3|-|Pa}}", "1,344×10^−5 1,12×10^−3 Pa", id="it-powers"),
        pytest.param("it", "{{M|61.000||km/h}} {{cn|Una frase.}}", "61.000 km/h Una frase.", id="it-empty-prefix"),
        pytest.param(
            "fr", "a {{unité|3|à=8|m}} b {{date|31|janvier|2007}}", "a b 31 janvier 2007", id="fr-not-in-full"
        ),
    ],
)
def test_numbers_of_other_languages(language, markup, expected):
    assert to_text(markup, Site.of(language, {})) == expected


def test_every_language_says_how_numbers_are_written():
    numbers = _data()["numbers"]
    assert set(numbers) == set(LLAMA_WIKIPEDIAS)
    assert all(form["group"] in (",", ".", " ") and form["group"] != form["point"] for form in numbers.values())


def test_all_go_without_them():
    site = Site.of("en", {}, templates=False)
    assert to_text("a {{lang|la|b}} {{convert|5|km}} c{{mdash}}{{formatnum:1}}", site) == "a c"


def test_every_format_can_be_filled():
    languages = set(_data()) - {"every", "months", "numbers", "parts", "ranges", "units"}
    assert languages <= set(LLAMA_WIKIPEDIAS)
    for language in LLAMA_WIKIPEDIAS:
        for name, form in templates_of(language).items():
            if form.startswith("="):
                assert form in COMPUTED, name
                continue
            others = () if form.startswith("#") else ("1=x", "2=km")
            keys = re.findall(
                r"[^{}/?:,]+", " ".join(re.findall(r"\{([^{}]+)\}", form.split("\n")[0])).replace(" ", "/")
            )
            content = "|".join([name.replace("*", "de"), *(f"{key}=x" for key in keys if key != "-1"), *others])
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
