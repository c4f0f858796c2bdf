"""Bytes to text where nothing says for certain how the text is encoded: old LaTeX, old books.

No byte is thrown away and nothing is ever refused: bytes that the encoding has no character for are read as cp1252, and
the five that cp1252 has none for become the control characters of the same numbers, as browsers do it.
Source: the WHATWG Encoding Standard for cp1252 in place of Latin-1; LaTeX's inputenc and CJK for declared names.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

__all__ = ["codec_of", "declared_encoding", "decode"]

_NAMES: Final = """
    utf-8: utf8 utf8x utf8mb4 unicode unicodeutf8
    cp1252: latin1 l1 isolatin1 iso88591 iso8859 ansinew ansi windows1252 cp1252 1252
    iso8859-15: latin9 l9 iso885915
    iso8859-2: latin2 l2 iso88592
    iso8859-3: latin3 l3 iso88593
    iso8859-4: latin4 l4 iso88594
    iso8859-9: latin5 l5 iso88599
    iso8859-16: latin10 l10 iso885916
    iso8859-5: iso88595
    iso8859-7: iso88597 greek
    iso8859-13: latin7 l7 iso885913
    cp1250: cp1250 windows1250
    cp1251: cp1251 windows1251
    cp1253: cp1253 windows1253
    cp1254: cp1254 windows1254
    cp1257: cp1257 windows1257
    koi8-r: koi8r
    koi8-u: koi8u koi8ru
    cp866: cp866 cp866av cp866nav
    cp437: cp437 ibm437
    cp850: cp850 ibm850 mp850 cp858
    cp852: cp852 ibm852
    cp865: cp865
    mac-roman: macroman applemac macintosh
    mac-latin2: macce
    mac-cyrillic: maccyr macukr maccyrillic
    gb18030: gb gbk gb2312 gb18030 cp936
    big5: bg5 big5 cp950
    cp932: sjis shiftjis cp932
    euc_jp: eucjp jis
    cp949: ks euckr cp949
    iso2022_jp: iso2022jp"""
_CODECS: Final[Mapping[str, str]] = MappingProxyType({
    name: codec for codec, names in (line.split(":") for line in _NAMES.strip().splitlines()) for name in names.split()
    for codec in (codec.strip(),)
})  # fmt: skip

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before that of UTF-16, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED_BYTES = 1 << 16  # where a declaration is looked for
_DECLARED = re.compile(
    rb"\\usepackage[ \t]{0,9}\[([\w, -]{1,60})\][ \t\n]{0,9}\{inputenc\}"
    rb"|\\inputencoding[ \t]{0,9}\{([\w-]{1,30})\}"
    rb"|\\begin[ \t]{0,9}\{CJK\*?\}(?:\[[^]\n]{0,30}\])?\{(\w{1,30})\}"
    rb"|^[^\n]{0,9}%[^\n]{0,60}\bcoding[ \t]{0,9}[:=][ \t]{0,9}([\w-]{1,30})",
    re.MULTILINE,
)
_NUL_BYTES = 4096  # looked at for UTF-16 without a mark
_ESCAPED = re.compile("[\udc80-\udcff]+")

# A guess looks at so many words with characters beyond ASCII, and leaves cp1252 only for what is clearly better.
_MAX_WORDS, _MARGIN = 2000, 0.2
_WORD = re.compile(r"(?<![A-Za-z])[A-Za-z]*+[^\x00-\x7f](?:[^\W\d_]|[^\x00-\x7f])*+")
_RAW_WORD = re.compile(rb"(?<![A-Za-z])[A-Za-z]*+[\x80-\xff][@-~\x80-\xff]*+")  # with the second bytes of CJK
_WORD_BYTES = 1 << 18  # of them, in all
_PUNCTUATION = "‘’“”„‚–—…«»§°©®±×·µ¿¡ \u0080€£†•¹²³ªº"
_LATIN = re.compile(r"(?!.*[^\x00-\x7f]{4})[A-Za-zÀ-ÖØ-öø-ž’]+")  # hardly four accents in a row
_CYRILLIC = re.compile(r"[А-яЁёЄєІіЇїҐґЎўЉљЊњЋћЏџЂђЈј]+")
_GREEK = re.compile(r"[ΆΈ-ώ]+")
_ALPHABETS: Final = (
    ("cp1252", _LATIN),
    ("mac-roman", _LATIN),
    ("cp850", _LATIN),
    ("iso8859-2", _LATIN),
    ("cp1250", _LATIN),
    ("cp1251", _CYRILLIC),
    ("koi8-r", _CYRILLIC),
    ("koi8-u", _CYRILLIC),
    ("cp866", _CYRILLIC),
    ("iso8859-5", _CYRILLIC),
    ("mac-cyrillic", _CYRILLIC),
    ("iso8859-7", _GREEK),
)
_KANA, _HANGUL = re.compile(r"[぀-ヿ]"), re.compile(r"[가-힣]")
_WIDE_PUNCTUATION = re.compile(r"[\u3000-\u301f\uff01-\uff5e‘’“”…—·]")


def decode(data: bytes, declared: str = "") -> tuple[str, str]:
    r"""The text of a file, and the encoding that it was read by.

    In this order: a byte order mark; UTF-16 by its zeros; UTF-8, also with stray bytes among it ("utf-8+cp1252"); the
    encoding that the text declares, or else `declared`, a name as inputenc or a book's header has it; a guess, which is
    cp1252 unless another encoding is clearly better. Pure ASCII is "utf-8". The mark is no part of the text.

    >>> decode("naïve".encode()), decode("naïve".encode("latin-1")), decode(b"")
    (('naïve', 'utf-8'), ('naïve', 'cp1252'), ('', 'utf-8'))
    >>> decode(b"\\usepackage[latin2]{inputenc} \xb3"), decode(b"\xb3", "ISO-8859-2")[0]
    (('\\usepackage[latin2]{inputenc} ł', 'iso8859-2'), 'ł')
    >>> decode("\ufeffa".encode("utf-16-be")), decode("é".encode() * 9 + b"\xe9")[1]
    (('a', 'utf-16-be'), 'utf-8+cp1252')
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _with_cp1252(data[len(mark) :], encoding), encoding
    if encoding := _unmarked_utf16(data):
        return data.decode(encoding), encoding
    own = codec_of(declared_encoding(data)) or codec_of(declared)
    try:
        text = data.decode()
        if own != "iso2022_jp" or "\x1b" not in text:
            return text, "utf-8"
    except UnicodeDecodeError:
        text = data.decode(errors="surrogateescape")
        n_stray = sum(len(run) for run in _ESCAPED.findall(text))
        if len(text.encode("ascii", "ignore")) + 2 * n_stray < len(text):
            return _restore(text), "utf-8+cp1252"
    for encoding in (own, "") if own not in ("", "utf-8") else ("",):
        try:
            encoding = encoding or _guess(data)
            return _with_cp1252(data, encoding), encoding
        except UnicodeDecodeError:  # of bytes below 128, which nothing stands in for: the declaration is wrong
            continue
    return _with_cp1252(data, "cp1252"), "cp1252"


def is_utf8(data: bytes | bytearray) -> bool:
    """
    >>> is_utf8("é".encode()), is_utf8(b"\\xe9")
    (True, False)
    """
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def declared_encoding(data: bytes) -> str:
    r"""The name that a LaTeX source (its beginning) gives its encoding, as it is written there; "" if it gives none.

    >>> declared_encoding(b"\\usepackage[T1]{fontenc}\n\\usepackage[latin1]{inputenc}"), declared_encoding(b"%a")
    ('latin1', '')
    >>> declared_encoding(b"%%% coding: koi8-r"), declared_encoding(b"\\begin{CJK*}{GBK}{song}")
    ('koi8-r', 'GBK')
    """
    match = _DECLARED.search(data, 0, _DECLARED_BYTES)
    return next(filter(None, match.groups())).decode("latin-1").rpartition(",")[2].strip() if match else ""


def codec_of(name: str) -> str:
    """Python's name of an encoding as inputenc, CJK or a book's header names it; "" where it is unknown, or ASCII.

    >>> codec_of("ISO-8859-1"), codec_of("ansinew"), codec_of("Unicode UTF-8"), codec_of("punycode")
    ('cp1252', 'cp1252', 'utf-8', '')
    """
    return _CODECS.get(re.sub(r"[^a-z0-9]", "", name.lower()), "")


def _unmarked_utf16(data: bytes) -> str:
    """UTF-16 without a mark, told by its zeros; "" for anything else."""
    head = data[:_NUL_BYTES]
    even, odd = head[::2].count(0), head[1::2].count(0)
    few, many = sorted((even, odd))
    if not many or many * 5 < len(head) * 2 or few * 20 > many:
        return ""
    encoding = "utf-16-be" if even > odd else "utf-16-le"
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return ""
    return encoding


def _with_cp1252(data: bytes, encoding: str) -> str:
    """Bytes by an encoding, and those that it has no character for by cp1252; UTF-16 and UTF-32 mark theirs."""
    return _restore(
        data.decode(encoding, "replace" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape")
    )


def _restore(text: str) -> str:
    def by_cp1252(run: re.Match[str]) -> str:
        raw = bytes(ord(escaped) - 0xDC00 for escaped in run[0])
        return re.sub("[\udc80-\udcff]", lambda c: chr(ord(c[0]) - 0xDC00), raw.decode("cp1252", "surrogateescape"))

    return _ESCAPED.sub(by_cp1252, text)


# ---- a guess ---------------------------------------------------------------------------------------------------------


def _guess(data: bytes) -> str:
    """The encoding in which words look like words; cp1252 if there is nothing to tell."""
    scores = dict(_scores(b" ".join(_RAW_WORD.findall(data))[:_WORD_BYTES]))
    best = max(scores, key=scores.__getitem__)  # the first of equals
    return best if scores[best] > scores["cp1252"] + _MARGIN else "cp1252"


def _scores(sample: bytes) -> Iterator[tuple[str, float]]:
    for encoding, alphabet in _ALPHABETS:
        yield encoding, _plausible_words(_with_cp1252(sample, encoding), alphabet)
    for encoding, share in _WIDE.items():
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(sample)  # it may end inside a character
        except UnicodeDecodeError:
            continue
        if wide := "".join(re.findall(r"[^\x00-\x7f]+", text)):
            yield encoding, share(wide)


def _plausible_words(text: str, alphabet: re.Pattern[str]) -> float:
    """Of the characters of words that are not all ASCII, the share in words of one alphabet and usual case.

    >>> _plausible_words("été Été", _LATIN), _plausible_words("éTé", _LATIN), _plausible_words("a³b", _LATIN)
    (1.0, 0.0, 0.0)
    """
    good = n_all = 0
    for number, match in enumerate(_WORD.finditer(text)):
        if number == _MAX_WORDS:
            break
        word = match[0].strip(_PUNCTUATION)
        n_all += len(word)
        if alphabet.fullmatch(word) and (word.islower() or word.isupper() or word[1:].islower()):
            good += len(word)
    return good / n_all if n_all else 1.0


def _kana(wide: str) -> float:
    return min(1.0, 3 * len(_KANA.findall(wide)) / len(wide))


def _hangul(wide: str) -> float:
    return len(_HANGUL.findall(wide)) / len(wide)


def _common(encoding: str, first: int, last: int) -> Callable[[str], float]:
    """The share of the characters that stand first in a national set, where the common ones are, and of punctuation."""

    @cache
    def characters() -> frozenset[str]:
        rows = (bytes((lead, trail)) for lead in range(first, last + 1) for trail in range(0x40, 0xFF))
        return frozenset(raw.decode(encoding, "ignore")[:1] for raw in rows)

    def share(wide: str) -> float:
        return sum(c in characters() or _WIDE_PUNCTUATION.match(c) is not None for c in wide) / len(wide)

    return share


_WIDE: Final[Mapping[str, Callable[[str], float]]] = MappingProxyType({
    "euc_jp": _kana,
    "cp932": _kana,
    "cp949": _hangul,
    "gb18030": _common("gb2312", 0xB0, 0xD7),
    "big5": _common("big5", 0xA4, 0xC6),
})  # fmt: skip
