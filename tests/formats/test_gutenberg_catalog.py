"""Gutenberg's catalogue: the CSV row by row, RDF files alone and in archives; entities, damage and other files."""

from __future__ import annotations

import gzip
import io
import random
import tarfile

import pytest
from lxml import etree

from corpusmill.formats.gutenberg_catalog import Entry, read_catalog
from corpusmill.records import Damage

HEAD = "Text#,Type,Issued,Title,Language,Authors,Subjects,LoCC,Bookshelves\n"
MOSS = '262,Text,2005-05-04,"Moss\nA Tale",en,"Fern, A., 1810-1882; Volunteer, B. [Editor]",Moss; Fern,PR,Tales\n'
SOUND = "263,Sound,2005-05-05,Rain,,,,,\n"


def entries(data: bytes) -> list[Entry | Damage]:
    return list(read_catalog(io.BytesIO(data)))


def summary(data: bytes) -> list[int | str]:
    return [found.number if isinstance(found, Entry) else found.error for found in entries(data)]


@pytest.mark.parametrize("packed", [bytes, gzip.compress, lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n")])
def test_csv(packed) -> None:
    one, other = entries(packed((HEAD + MOSS + SOUND).encode()))
    assert isinstance(one, Entry) and one[:5] == (262, "Moss A Tale", ("en",), ("Fern, A.", "Volunteer, B."), "Text")
    assert isinstance(other, Entry) and other[:5] == (263, "Rain", (), (), "Sound")


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        ("Carroll, Lewis, 1832-1898", "Carroll, Lewis"), ("Homer, 751? BCE-651? BCE", "Homer"), ("Various", "Various"),
        ("Fern, A. (Anna), 1850-", "Fern, A. (Anna)"), ("Fern, -1850", "Fern"), ("Fern, 1850?-1900? [Editor]", "Fern"),
        ("Shelley, Mary Wollstonecraft, 1797-1851 [Author of introduction, etc.]", "Shelley, Mary Wollstonecraft"),
        ("Catherine II, Empress of Russia, 1729-1796", "Catherine II, Empress of Russia"),
        ("1-800 Writers", "1-800 Writers"),
    ],
)  # fmt: skip
def test_authors_without_years_and_roles(author: str, expected: str) -> None:
    (entry,) = entries((HEAD + f'1,Text,2005-05-04,Moss,en,"{author}",,,\n').encode())
    assert isinstance(entry, Entry) and entry.authors == (expected,)


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        pytest.param(b'264,Text,2005-05-04,"Moss,en,Fern,,,\n', "bad_row", id="a quote that is not closed"),
        pytest.param(b"264,Text,2005-05-04,Moss\n", "bad_row", id="too few cells"),
        pytest.param(b"264,Text,2005-05-04,Moss,en,Fern,,,,,,\n", "bad_row", id="too many cells"),
        pytest.param(b"264,Text,2005-05-04,M\xe9,en,Fern,,,\n", "bad_utf8", id="Latin-1"),
        pytest.param(b"9999999999,Text,2005-05-04,Moss,en,Fern,,,\n", "bad_row", id="no number"),
        pytest.param(b"264,Text,2005-05-04," + b"a" * (5 << 20) + b",en,Fern,,,\n", "too_long", id="a long line"),
    ],
)
def test_bad_rows_cost_themselves_alone(bad: bytes, word: str) -> None:
    data = HEAD.encode() + MOSS.encode() + bad + SOUND.encode()
    found = entries(data)
    assert summary(data) == [262, word, 263]
    assert found[1].offset == len(HEAD + MOSS) and found[2].offset == len(HEAD + MOSS) + len(bad)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", ["empty_file"], id="nothing"),
        pytest.param(b"name,size\na,1\n", ["not_a_catalog"], id="another table"),
        pytest.param(b"It is green.\n" * 9, ["not_a_catalog"], id="a text"),
        pytest.param(b"<p>Moss</p>", ["not_a_catalog"], id="other XML"),
        pytest.param(gzip.compress((HEAD + MOSS).encode())[:-12], ["bad_row", "truncated"], id="gzip, cut"),
        pytest.param(b"\x1f\x8b" + bytes(600), ["bad_gzip"], id="bad gzip"),
    ],
)
def test_other_files(data: bytes, words: list[str]) -> None:
    assert summary(data) == words


# ---- RDF -------------------------------------------------------------------------------------------------------------


def rdf(number: int, title: str = "Moss &amp; Fern", before: str = "") -> bytes:
    names = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dcterms="http://purl.org/dc/terms/" '
    names += 'xmlns:pgterms="http://www.gutenberg.org/2009/pgterms/"'
    value = "<rdf:Description><rdf:value>{}</rdf:value></rdf:Description>"
    agents = "".join(
        f"<dcterms:creator><pgterms:agent rdf:about='2009/agents/{n}'><pgterms:name>{name}</pgterms:name>"
        f"<pgterms:alias>No, Not</pgterms:alias></pgterms:agent></dcterms:creator>"
        for n, name in enumerate(("Fern, A.", "Möss, B."))
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n{before}<rdf:RDF {names}><pgterms:ebook rdf:about="ebooks/{number}">'
        f"<dcterms:title>{title}</dcterms:title>{agents}"
        f"<dcterms:language>{value.format('en')}</dcterms:language><dcterms:language>{value.format('de')}"
        f"</dcterms:language><dcterms:type>{value.format('Text')}</dcterms:type>"
        f"<dcterms:subject>{value.format('Moss')}</dcterms:subject></pgterms:ebook>"
        "<cc:Work xmlns:cc='http://web.resource.org/cc/' rdf:about=''><dcterms:title>Another</dcterms:title></cc:Work>"
        "</rdf:RDF>"
    ).encode()


def archive(members: dict[str, bytes], mode: str = "w:bz2", **special: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for name, kind in special.items():
            info = tarfile.TarInfo(f"{name}.rdf")
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
    return stream.getvalue()


def test_a_single_rdf_file() -> None:
    expected = Entry(262, "Moss & Fern", ("en", "de"), ("Fern, A.", "Möss, B."), "Text", 0)
    assert entries(rdf(262)) == entries(gzip.compress(rdf(262))) == [expected]
    tree = etree.fromstring(rdf(262))  # what lxml finds
    names = {"t": "http://purl.org/dc/terms/", "p": "http://www.gutenberg.org/2009/pgterms/"}
    assert (*tree.xpath("//p:ebook/t:creator//p:name/text()", namespaces=names),) == expected.authors


@pytest.mark.parametrize("mode", ["w:bz2", "w:gz", "w"])
def test_archives(mode: str) -> None:
    members = {f"cache/epub/{number}/pg{number}.rdf": rdf(number) for number in range(1, 40)}
    data = archive({"readme.txt": b"moss", **members, "../../evil.rdf": rdf(40)}, mode)
    assert summary(data) == [*range(1, 41)]


def test_what_an_archive_may_hold_beside_them(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = archive({"1.rdf": rdf(1), "2.rdf": b"<a>" * 9, "3.rdf": bytes(5 << 20), "4.rdf": rdf(4)},
                   link=tarfile.SYMTYPE, device=tarfile.BLKTYPE)  # fmt: skip
    assert summary(data) == [1, "bad_xml", "too_long", 4] and not [*tmp_path.rglob("*")]


@pytest.mark.parametrize("mode", ["w:bz2", "w:gz", "w"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_archives_cut_off(mode: str, share: float) -> None:
    data = archive({f"{number}.rdf": rdf(number, "Moss " * number) for number in range(1, 400)}, mode)
    *good, last = summary(data[: int(len(data) * share)])
    assert last == "truncated" and good == [*range(1, len(good) + 1)]


@pytest.mark.parametrize("at", [0, 512 * 40, 512 * 40 + 77])
def test_damage_within_an_archive_costs_what_it_is_in(at: int) -> None:
    data = bytearray(archive({f"{number}.rdf": rdf(number) for number in range(1, 40)}, "w"))
    data[at : at + 1500] = b"\xff" * 1500
    found = summary(bytes(data)) if at else summary(gzip.compress(b"") + bytes(data))
    good = [each for each in found if isinstance(each, int)]
    assert good == sorted(good) and ((36 <= len(good) <= 38 and good[-1] == 39) or not at)
    assert {each for each in found if isinstance(each, str)} <= {"bad_tar", "bad_xml", "not_a_catalog", "bad_gzip",
                                                                 "garbage"}  # fmt: skip


def test_damage_of_a_bz2_block_costs_the_files_in_it() -> None:
    members = {f"{number}.rdf": rdf(number, random.Random(number).randbytes(3000).hex()) for number in range(1, 400)}
    data = bytearray(archive(members))
    data[len(data) // 2] ^= 0xFF
    found = summary(bytes(data))
    good = [each for each in found if isinstance(each, int)]
    assert "bad_bz2" in found and "bad_tar" not in found and good[0] == 1 and good[-1] == 399 and 150 < len(good) < 399


LAUGHS = "<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'>]>\n"
OUTSIDE = "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>\n"


@pytest.mark.parametrize("before", [LAUGHS, OUTSIDE])
def test_entities_are_refused(before: str) -> None:
    assert summary(rdf(1, "&a;", before)) == ["bad_xml"]
    assert summary(archive({"1.rdf": rdf(1, "&a;", before), "2.rdf": rdf(2)})) == ["bad_xml", 2]


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (rdf(1).replace(b"ebooks/1", b"ebooks/x"), "not_a_catalog"), (rdf(1)[:-20], "bad_xml"),
        (rdf(1, "a" * (5 << 20)), "too_long"), (rdf(1, "XX").replace(b"XX", b"\xe9\xff"), "bad_xml"),
    ],
)  # fmt: skip
def test_damaged_rdf(data: bytes, word: str) -> None:
    assert summary(data) == [word]
