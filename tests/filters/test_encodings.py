"""How bytes of unknown encoding are read: tables, real texts in the encodings of their time, and any bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.filters.encodings import codec_of, declared_encoding, decode
from running import SHARED

UDHR = SHARED / "data" / "languages" / "udhr"
ENCODINGS = {
    "eng": "cp1252", "fra": "cp1252 mac-roman cp850", "deu_1996": "cp1252 mac-roman cp850",
    "spa": "cp1252 mac-roman cp850", "por_PT": "cp1252 mac-roman", "swe": "cp1252 mac-roman", "dan": "cp1252 mac-roman",
    "ita": "cp1252", "isl": "cp1252", "fin": "cp1252", "pol": "iso8859-2 cp1250", "srp_cyrl": "cp1251",
    "rus": "cp1251 koi8-r cp866 iso8859-5 mac-cyrillic", "bul": "cp1251 koi8-r", "ukr": "cp1251 koi8-u",
    "ell_monotonic": "iso8859-7", "cmn_hans": "gb18030", "jpn": "euc_jp cp932", "kor": "cp949",
}  # fmt: skip


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", ("", "utf-8"), id="empty"),
        pytest.param(b"plain", ("plain", "utf-8"), id="ascii"),
        pytest.param("naïve 数".encode(), ("naïve 数", "utf-8"), id="utf-8"),
        pytest.param(b"\xef\xbb\xbfa", ("a", "utf-8"), id="mark-of-utf-8"),
        pytest.param("é".encode("utf-16"), ("é", "utf-16-le"), id="mark-of-utf-16"),
        pytest.param(b"\xfe\xff\0a\0", ("a\ufffd", "utf-16-be"), id="half-a-character-of-utf-16"),
        pytest.param("é".encode("utf-32"), ("é", "utf-32-le"), id="mark-of-utf-32"),
        pytest.param("Hello, wörld".encode("utf-16-le"), ("Hello, wörld", "utf-16-le"), id="utf-16-without-a-mark"),
        pytest.param(b"a\0b", ("a\0b", "utf-8"), id="one-zero"),
        pytest.param(b"caf\xe9", ("café", "cp1252"), id="one-accent"),
        pytest.param(b"\x93quoted\x94 5 \xb5m", ("“quoted” 5 µm", "cp1252"), id="no-letters-but-ascii"),
        pytest.param(b"\x81\x8d a\xe9b", ("\x81\x8d aéb", "cp1252"), id="bytes-that-cp1252-has-none-for"),
        pytest.param("é".encode() * 5 + b" caf\xe9", ("é" * 5 + " café", "utf-8+cp1252"), id="one-stray-byte"),
        pytest.param("ééé".encode()[:-1], ("ééÃ", "utf-8+cp1252"), id="cut-within-a-character"),
        pytest.param(b"%%% coding: koi8-r\n\xf2", ("%%% coding: koi8-r\nР", "koi8-r"), id="declared-in-a-comment"),
        pytest.param(b"\\usepackage[utf8]{inputenc} caf\xe9", ("\\usepackage[utf8]{inputenc} café", "cp1252"),
                     id="declared-wrongly"),
        pytest.param(b"\\usepackage[applemac]{inputenc}\x8e", ("\\usepackage[applemac]{inputenc}é", "mac-roman"),
                     id="inputenc"),
        pytest.param(b"\\usepackage[T1,latin9]{inputenc}\xa4", ("\\usepackage[T1,latin9]{inputenc}€", "iso8859-15"),
                     id="last-option-of-inputenc"),
    ],
)  # fmt: skip
def test_encodings(data: bytes, expected: tuple[str, str]) -> None:
    assert decode(data) == expected


@pytest.mark.parametrize(
    ("data", "declared", "expected"),
    [
        pytest.param(b"\xb3", "ISO-8859-2", "ł", id="book"),
        pytest.param(b"\xb3", "latin1", "³", id="inputenc"),
        pytest.param(b"\xb3", "no such thing", "³", id="unknown"),
        pytest.param("é".encode(), "latin1", "é", id="utf-8-all-the-same"),
        pytest.param(b"\xc4\xe3\xba\xc3\xff!", "GBK", "你好ÿ!", id="byte-that-the-encoding-has-none-for"),
        pytest.param("日本".encode("iso2022_jp"), "ISO-2022-JP", "日本", id="escapes-of-japanese"),
        pytest.param(b"\x1b plain", "ISO-2022-JP", "\x1b plain", id="escape-of-something-else"),
        pytest.param(b"a\\begin{CJK}{Bg5}{song}\xa7A", "", "a\\begin{CJK}{Bg5}{song}你", id="own-declaration"),
    ],
)
def test_declared(data: bytes, declared: str, expected: str) -> None:
    assert decode(data, declared)[0] == expected


@pytest.mark.skipif(not UDHR.exists(), reason="needs the samples in shared/")
@pytest.mark.parametrize("excerpt", [slice(None), slice(1500, 1800)], ids=["whole", "excerpt"])
@pytest.mark.parametrize("language", ENCODINGS)
def test_real_texts(language: str, excerpt: slice) -> None:
    text = (UDHR / f"{language}.txt").read_text(encoding="utf-8")
    for encoding in ENCODINGS[language].split():
        data = text.encode(encoding, "ignore").decode(encoding)[excerpt].encode(encoding)
        assert decode(data)[0] == data.decode(encoding)


@given(st.binary(max_size=300), st.sampled_from(["", "latin1", "utf8", "gbk", "sjis", "iso-2022-jp", "koi8-r", "x"]))
def test_any_bytes_are_text_and_none_is_lost(data: bytes, declared: str) -> None:
    text, encoding = decode(data, declared)
    assert (text, encoding) == decode(data, declared)
    text.encode()
    if encoding in ("cp1252", "koi8-r"):
        assert len(text) == len(data)


@given(st.text(max_size=100))
def test_utf_8_stays(text: str) -> None:
    assert decode(text.encode())[0] in (text, text.removeprefix("\ufeff")) or "\0" in text


def test_hostile_names() -> None:
    for name in ("punycode", "idna", "unicode_escape", "undefined", "rot13", "zlib", "utf-7", "../x", "\0", "é" * 1000):
        assert codec_of(name) == ""
    assert declared_encoding(b"\\usepackage[" + b"a," * 40_000) == ""
