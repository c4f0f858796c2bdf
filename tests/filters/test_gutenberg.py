"""Boilerplate of Project Gutenberg in each of its forms, invented here; what is a book's own; the real books."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.filters.gutenberg import Stripped, strip_boilerplate
from corpusmill.filters.wikitext import Site, to_text
from corpusmill.formats.books import Book, read_books
from corpusmill.samples.prose import Prose
from running import SHARED

BOOKS = SHARED / "data" / "books"
WIKI = Site.of("en", {})
ARTICLES = [to_text(Prose("en", 0).article(number).text, WIKI) for number in range(30)]
LINES = [line for article in ARTICLES for line in article.split("\n") if line.endswith(".")]
CHAPTER = "\n\n".join(LINES)
BOOK = f"THE MOSS ON THE BRIDGE\n\nBy A. Fern\n\n\nCHAPTER I.\n\n{CHAPTER}\n\nTHE END\n"

OLD_HEADER = """\
**The Project Gutenberg Etext of The Moss on the Bridge, by A. Fern**

Copyright laws are changing all over the world, so look before you post.

**Welcome To The World of Free Plain Vanilla Electronic Texts**

May, 1995  [Etext #262]

*****This file should be named moss10.txt or moss10.zip******

"""
SMALL_PRINT = """\
***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***
What we invent here about this etext goes on for some lines, and for
some more about donations and refunds.
*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*

"""
NEW_HEADER = """\
The Project Gutenberg EBook of The Moss on the Bridge, by A. Fern

This eBook is for the use of anyone, as invented here.

Title: The Moss on the Bridge

Author: A. Fern

Release Date: May 4, 2005 [EBook #262]

Language: English

Character set encoding: ASCII

"""
MARKER = "*** START OF THIS PROJECT GUTENBERG EBOOK THE MOSS ON THE BRIDGE ***\n\n"
LICENSE = (
    """\
Updated editions will replace the previous one, as invented here.

*** START: FULL LICENSE ***

THE FULL PROJECT GUTENBERG LICENSE
"""
    + "Some words about Project Gutenberg-tm electronic works, none of them real.\n" * 40
)
FOOTER = "\n\n*** END OF THIS PROJECT GUTENBERG EBOOK THE MOSS ON THE BRIDGE ***\n\n" + LICENSE

HEADERS = {
    "1995, with small print": OLD_HEADER + SMALL_PRINT,
    "2002, small print of ebooks": OLD_HEADER
    + SMALL_PRINT.replace("*END*THE", "*END THE").replace("ETEXTS*Ver.04.29.93", "EBOOKS*Ver.02/11/02"),
    "Shakespeare's small print": OLD_HEADER
    + SMALL_PRINT.replace("PUBLIC DOMAIN ETEXTS*", "COMPLETE SHAKESPEARE*"),
    "1995, without": OLD_HEADER,
    "2005": NEW_HEADER + MARKER,
    "2003, stars without spaces": NEW_HEADER + MARKER.replace("*** ", "***").replace(" ***", "***"),
    "a title of two lines": NEW_HEADER + MARKER.replace("ON THE ", "ON\nTHE "),
    "a marker that is not closed": NEW_HEADER + MARKER.replace(" BRIDGE ***", ""),
    "2015, the title first": "      The Moss on the Bridge\n\n" + NEW_HEADER.partition("\n\n")[2] + MARKER,
    "2022": NEW_HEADER.replace("EBook", "eBook") + MARKER.replace("THIS", "THE"),
    "an etext's marker": NEW_HEADER + MARKER.replace("THIS PROJECT GUTENBERG EBOOK", "THE PROJECT GUTENBERG ETEXT"),
    "copyrighted": NEW_HEADER + MARKER.replace("THIS", "THE COPYRIGHTED"),
    "the possessive": NEW_HEADER.replace("The Project Gutenberg EBook of", "Project Gutenberg's") + MARKER,
    "the marker alone": MARKER,
    "a marker in lower case, set in": "    " + MARKER.lower(),
    "two headers": OLD_HEADER + SMALL_PRINT + NEW_HEADER + MARKER,
    "a byte order mark": "\ufeff" + NEW_HEADER + MARKER,
    "without a marker": NEW_HEADER,
    "none": "",
}  # fmt: skip
FRONTS = {
    "produced by": "Produced by Anonymous Volunteers\n\n\n",
    "produced by a team": "Produced by A. Fern and the Online Distributed\nProofreading Team at http://www.pgdp.net\n\n",
    "e-text prepared": "E-text prepared by A. Fern and Project Gutenberg Distributed\nProofreaders\n\n\n",
    "this etext was": "This etext was prepared by A. Fern, fern@example.org\n\n",
    "scanned": "Scanned and proofed by A. Fern\n\n",
    "from an edition": "Transcribed from the 1887 edition by A. Fern, email fern@example.org\n\n",
    "credit for": "Credit for e-text: A. Fern\n\n",
    "note on html": "E-text prepared by A. Fern\n\nNote: Project Gutenberg also has an HTML version of this\n"
    "      file.\n      See 262-h.htm\n\n",
    "note in brackets": "[Transcriber's Note: Words in [brackets] are\nset in so.\n\nAnd so is this.]\n\n",
    "note with a typographic apostrophe": "[Transcriber’s Notes: nothing went.]\n\n",
    "note in braces": "{Transcriber's note: nothing went.}\n\n",
    "note without brackets": "Transcriber's Note: Obvious printer's errors have been corrected.\n\n"
    "In the plain ASCII version _underscores_ stand for italics.\n\n",
    "note under a heading": "TRANSCRIBER'S NOTES\n\nMany a word was spelt otherwise.\n\n",
    "note with what is set in": "Transcriber's note:\n\n      The symbol [=] stands for a macron.\n\n",
    "note in a box": "+------------------------+\n| Transcriber's note:    |\n|                        |\n"
    "| Nothing was corrected. |\n+------------------------+\n\n",
    "encoding": "[This e-text uses UTF-8 (Unicode) file encoding. If it looks odd, take another.]\n\n",
    "German": "Anmerkungen zur Transkription: Nichts wurde verändert.\n\n",
    "French": "[Notes du transcripteur: rien.]\n\n",
    "Portuguese": "Produzido por A. Feto\n\n[Nota do Transcritor: nada.]\n\n",
}  # fmt: skip
FOOTERS = {
    "2005": FOOTER,
    "2005, with a line before": "\nEnd of Project Gutenberg's The Moss on the Bridge, by A. Fern\n" + FOOTER,
    "1995": "\n\nEnd of The Project Gutenberg Etext of The Moss on the Bridge\n",
    "1995, in stars": "\n\n*** End of this Project Gutenberg Etext of The Moss on the Bridge ***\n",
    "the end of the": "\n\nThe End of Project Gutenberg Etext The Moss\n\n",
    "2022": FOOTER.replace("THIS", "THE"),
    "no space after the stars": FOOTER.replace("*** END", "***END"),
    "over two lines": FOOTER.replace("THE MOSS ON ", "THE\nMOSS ON "),
    "set in": "\n\n          *** END OF THE PROJECT GUTENBERG EBOOK THE MOSS ***\n" + LICENSE,
    "the licence alone": "\n\n" + LICENSE,
    "a file name": "\n\n***** This file should be named 262.txt or 262.zip *****\n" + LICENSE,
    "a word": "\n\nA Word from Project Gutenberg\n\nWe invent it.\n" + LICENSE,
    "small print at the end": "\n\n" + SMALL_PRINT,
    "German": "\n\nEnde dieses Projekt Gutenberg Etextes Das Moos\n",
    "German, with a c": "\n\n*** Ende dieses Project Gutenberg Etextes Das Moos ***\n",
    "French": "\n\nFin du Projet Gutenberg, La Mousse\n",
    "Portuguese": "\n\nFim do Projecto Gutenberg, O Musgo\n",
    "twice": FOOTER + FOOTER,
    "and what someone put below": FOOTER + "\n[ Printed in the test office. ]\n",
    "none": "",
}  # fmt: skip
NOTES = {
    "a list": "\n\n\nTRANSCRIBER'S NOTES\n\nPage 7: changed 'mos' to 'moss'\n\nPage 9: changed 'fren' to 'fern'\n",
    "after its title": "\n\nTranscriber's Note: Punctuation in the text was made uniform.\n",
    "in brackets": "\n\n[Transcriber's Note: the last page is missing.]\n",
    "amendments": "\n\n        Transcriber’s Amendments\n\n  Page   Change\n\n  13  mos[moss] corrected\n",
    "errata": "\n\nERRATA (noted by transcriber)\n\nFirst part:\n  _text has a comma_\n",
    "none": "",
}  # fmt: skip


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("\ufeff", "")).strip()


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("footer", FOOTERS.values(), ids=FOOTERS)
def test_headers_and_footers(header: str, footer: str) -> None:
    text, parts = strip_boilerplate(header + BOOK + footer)
    assert text == (BOOK if footer else header[:0] + BOOK)
    assert not parts if not header and not footer else {part.kind for part in parts} & {"header", "notice", "footer"}


@pytest.mark.parametrize("front", FRONTS.values(), ids=FRONTS)
@pytest.mark.parametrize("header", ["2005", "1995, with small print", "1995, without"])
def test_what_stands_in_front(front: str, header: str) -> None:
    assert strip_boilerplate(HEADERS[header] + front + BOOK + FOOTER).text == BOOK
    moved = strip_boilerplate(HEADERS[header] + "THE MOSS\n\n" + front + BOOK).text
    if re.match(r"\W*(Transcriber's note|note in)", front, re.IGNORECASE):
        assert moved == "THE MOSS\n\n" + BOOK


@pytest.mark.parametrize("note", NOTES.values(), ids=NOTES)
@pytest.mark.parametrize("footer", FOOTERS.values(), ids=FOOTERS)
def test_notes_at_the_end(note: str, footer: str) -> None:
    text, parts = strip_boilerplate(BOOK + note + footer)
    assert text == BOOK and (not note or "note" in {part.kind for part in parts})


def test_parts_are_what_went() -> None:
    source = NEW_HEADER + MARKER + FRONTS["produced by"] + BOOK + NOTES["a list"] + FOOTER
    text, parts = strip_boilerplate(source)
    assert [part.kind for part in parts] == ["header", "credits", "note", "footer"]
    pieces = [parts[0].text, parts[1].text, text, parts[2].text, parts[3].text]
    assert squeezed(" ".join(pieces)) == squeezed(source)


def test_notice_after_each_play() -> None:
    notice = "<<THIS ELECTRONIC VERSION OF THE COMPLETE WORKS IS\nINVENTED HERE, AND STANDS IN FOR ANOTHER.>>\n"
    plays = [f"PLAY {number}\n\n{CHAPTER}\n\n" for number in range(3)]
    text, parts = strip_boilerplate(MARKER + notice.join(plays) + FOOTER)
    assert text == "".join(plays).rstrip() + "\n"
    assert [part.kind for part in parts] == ["header", "notice", "notice", "footer"]


OWN = {
    "of Gutenberg": "GUTENBERG AND HIS PRESS\n\nThe end of Gutenberg's story.\n\n" + CHAPTER,
    "of Project Gutenberg": "PROJECT GUTENBERG (1971-2008)\n\nProject Gutenberg has volunteers who make etexts.\n\n"
    + CHAPTER + "\n\nThe copyright of an ebook, and donations to Project Gutenberg.\n",
    "a film": "THE MOSS\n\nProduced by Albert Ablethorn\n\nDirected by C. Dunnock\n\n" + CHAPTER,
    "a film from its first line": "Produced by Albert Ablethorn at the Globe\n\n" + CHAPTER,
    "fields": "Title: The Moss\n\nAuthor: A. Fern\n\nLanguage: none\n\n" + CHAPTER,
    "an old edition": "Transcribed from the manuscript by A. Fern\n\n" + CHAPTER,
    "stars": "*** THE START OF THE MOSS ***\n\n" + CHAPTER + "\n\n*** END OF THE MOSS ***\n",
    "a translator's note": "[Translator's Note: moss is fern here.]\n\nNOTE: all is invented.\n\n" + CHAPTER,
    "an end": CHAPTER + "\n\nEND OF THE FIRST BOOK\n\n" + CHAPTER + "\n\nEnd of the book.\n\nFinis\n",
    "errata": CHAPTER + "\n\nERRATA\n\nPage 7: for mos read moss\n",
    "licence": CHAPTER + "\n\nTHE FULL LICENCE OF THE INN\n\nGranted to the public domain of Ashbury.\n",
    "a letter": "\n\n   Dear A.,\n\nThis text was prepared for you.\n\n" + CHAPTER,
    "blank": "\n \n\t\n", "nothing": "", "a word": "moss", "marks": "[{(<*|_",
}  # fmt: skip


@pytest.mark.parametrize("text", OWN.values(), ids=OWN)
def test_a_books_own_text_stays_as_it_is(text: str) -> None:
    assert strip_boilerplate(text) == Stripped(text, ())


INSIDE = {
    "a note": "[Transcriber's note: moss.]", "a heading of notes": "TRANSCRIBER'S NOTES",
    "credits": "E-text prepared by A. Fern and Project Gutenberg Distributed Proofreaders",
    "a start": MARKER.strip(), "an end": "End of Project Gutenberg's The Moss, by A. Fern",
    "a licence": "*** START: FULL LICENSE ***",
}  # fmt: skip


@pytest.mark.parametrize("line", INSIDE.values(), ids=INSIDE)
def test_only_the_ends_are_looked_at(line: str) -> None:
    text = f"{CHAPTER * 2}\n\n{line}\n\n{CHAPTER * 2}\n"
    assert len(CHAPTER) > 12_000 and strip_boilerplate(text) == Stripped(text, ())


def test_works_in_one_file_are_not_cut_in_two() -> None:
    end = "End of Project Gutenberg's The Fern, by A. Moss\n\n"
    first, second = f"THE FERN\n\n{CHAPTER}\n\n{end}", f"THE MOSS\n\n{CHAPTER[:5000]}\n"
    assert strip_boilerplate(NEW_HEADER + MARKER + first + second + FOOTER).text == first + second


def test_a_short_book_is_not_taken_for_a_header() -> None:
    poem = "MOSS\n\nIt is green,\nand it has been.\n"
    for header in HEADERS.values():
        for footer in FOOTERS.values():
            assert strip_boilerplate(header + poem + footer).text == poem


def test_notes_in_the_last_pages_do_not_take_the_pages() -> None:
    note = "Transcriber's note\n\nA page is missing.\n\n"
    verses = "\n\n".join(LINES[8:20]) + "\n"
    assert strip_boilerplate(f"{BOOK * 2}\n\n{note}{verses}").text == f"{BOOK * 2}\n\n{verses}"
    letters = "CHAPTER II.\n\nThe letter had a page too many.\n\nIt was an error of the character who wrote.\n"
    assert strip_boilerplate(f"{BOOK * 2}\n\n{note}{letters}").text == f"{BOOK * 2}\n\n{letters}"


def test_small_print_behind_a_short_text_does_not_take_it() -> None:
    end = "\n\nEnd of The Project Gutenberg Etext of Moss\n\n"
    text = strip_boilerplate(f"{NEW_HEADER}MOSS\n\nIt is green.{end}{SMALL_PRINT}\n[ Printed somewhere. ]\n").text
    assert text == "MOSS\n\nIt is green.\n"


# ---- properties ------------------------------------------------------------------------------------------------------

PIECES = [*HEADERS.values(), *FRONTS.values(), *FOOTERS.values(), *NOTES.values(), *INSIDE.values(), *OWN.values(),
          BOOK[:400], BOOK, "\n\n", "[", "]", "*", " \n"]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text("[]{}*\n ab|+-", max_size=30), max_size=7))
def test_twice_is_once(pieces: list[str]) -> None:
    once = strip_boilerplate("".join(pieces))
    assert strip_boilerplate(once.text) == Stripped(once.text, ())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(LINES) | st.text(max_size=200), max_size=40), st.sampled_from(["\n", "\n\n", " "]))
def test_other_texts_come_back_as_they_are(lines: list[str], glue: str) -> None:
    text = glue.join(lines)
    assert strip_boilerplate(text) == Stripped(text, ())


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([*HEADERS.values()]), st.sampled_from([*FRONTS.values(), ""]),
       st.lists(st.sampled_from(LINES), min_size=1, max_size=60), st.sampled_from([*FOOTERS.values()]))  # fmt: skip
def test_every_line_of_a_book_stays(header: str, front: str, lines: list[str], footer: str) -> None:
    text = strip_boilerplate(header + front + "CHAPTER I.\n\n" + "\n\n".join(lines) + footer).text
    stays = text.removeprefix(front) if not header else text  # without a header, credits may be those of a film
    assert squeezed(stays) == squeezed("CHAPTER I. " + " ".join(lines))


# ---- real books ------------------------------------------------------------------------------------------------------

REAL = sorted([*BOOKS.glob("gutenberg/*.txt"), *BOOKS.glob("near_duplicates/*.txt")])
LICENSE_WORDS = re.compile(
    r"gutenberg-tm|gutenberg™|\*\*\* ?(?:START|END) OF TH|small print|full license|www\.gutenberg", re.I
)


def read(path: Path) -> str:
    with path.open("rb") as file:
        (book,) = read_books(file, path.name)
    assert isinstance(book, Book)
    return book.text


@pytest.mark.parametrize("path", REAL or [pytest.param(None, marks=pytest.mark.skip("no real books here"))],
                         ids=lambda path: path and path.stem)  # fmt: skip
def test_real_books(path: Path) -> None:
    source = read(path)
    text, parts = strip_boilerplate(source)
    assert not LICENSE_WORDS.search(text)
    assert "ranscriber" not in text[:12_000] + text[-12_000:]
    assert strip_boilerplate(text) == Stripped(text, ())
    of_book = [line for line in source.split("\n")[400:-400] if line.strip()]  # between any front and footer
    kept = {*text.split("\n"), *(line for part in parts if part.kind == "note" for line in part.text.split("\n"))}
    assert [line for line in of_book if line not in kept and line.strip() not in kept] == []
    assert len(source) - len(text) == pytest.approx(sum(len(part.text) for part in parts), abs=200)
    assert "header" in {part.kind for part in parts} or "START OF TH" not in source
