"""What Project Gutenberg's file names and headers say of a book: number, title, author, language, encoding.

Source: https://www.gutenberg.org/help/file_names.html; the headers themselves, from 1991 on.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

_HEAD_CHARS: Final = 16 << 10  # where a header is looked for
_NUMBERED = re.compile(r"(?:pg)?(\d{1,7})(?:-[0-9a-z]{1,9})?(?:\.(?:txt|utf-?8|zip|gz))*", re.IGNORECASE | re.ASCII)
_IN_HEADER = re.compile(r"\[\s*e-?(?:text|book)\s*#\s*(\d{1,7})\s*\]", re.IGNORECASE)
_ENCODING = re.compile(rb"^Cha[rt]acter set encoding:[ \t]*([^\r\n]{1,60})", re.IGNORECASE | re.MULTILINE)
_FIELD = re.compile(r"^(Title|Author|Language):[ \t]*(\S[^\n]*(?:\n[ \t]+\S[^\n]*){0,5})", re.MULTILINE | re.IGNORECASE)
_OLD_TITLE = re.compile(
    r"Project Gutenberg(?:['’]s|\s+E-?(?:text|book)\s*(?:of|,))\s+(?:the\s+)??(.{1,300}?),?\s+by\s+([^\n*]{2,80})",
    re.IGNORECASE | re.DOTALL,
)
_HEADER_END = re.compile(r"\*{2,3} ?START OF|\*END\*?\s*THE SMALL PRINT", re.IGNORECASE)
_LANGUAGES: Final = """
    english:en french:fr german:de spanish:es italian:it portuguese:pt dutch:nl finnish:fi swedish:sv danish:da
    norwegian:no latin:la greek:el chinese:zh japanese:ja russian:ru polish:pl hungarian:hu czech:cs catalan:ca
    esperanto:eo tagalog:tl welsh:cy irish:ga romanian:ro bulgarian:bg serbian:sr slovenian:sl croatian:hr
    ukrainian:uk icelandic:is hebrew:he arabic:ar"""
_CODE = re.compile("[a-z]{2,3}(?:-[a-z]{2})?")
_BETWEEN = re.compile(r"\s*(?:[,;&/]|\band\b)\s*")
_CODES: Final = MappingProxyType(dict(pair.split(":") for pair in _LANGUAGES.split()))


def number_of(name: str, text: str = "") -> int | None:
    """Gutenberg's number of a book: by its file's name, or else its header; None where neither says.

    >>> [number_of(name) for name in ("1/1/11/11-0.txt", "pg11.txt", "11-8.zip", "cache/epub/11/pg11.txt.utf8", "11")]
    [11, 11, 11, 11, 11]
    >>> number_of("etext91/alice30.txt"), number_of("alice30.txt", "January, 1991 [Etext #11]")
    (None, 11)
    """
    if match := _NUMBERED.fullmatch(_file_name(name)):
        return int(match[1])
    match = _IN_HEADER.search(text, 0, _HEAD_CHARS)
    return int(match[1]) if match else None


def copy_rank(name: str) -> int:
    """Which of the files of one number is best, the smallest: UTF-8, made from it, Latin-1 and others, ASCII, old ones.

    >>> sorted(["alice30.txt", "11.txt", "11-8.txt", "pg11.txt", "11-5.txt", "a.zip/11-0.txt"], key=copy_rank)
    ['a.zip/11-0.txt', 'pg11.txt', '11-8.txt', '11-5.txt', '11.txt', 'alice30.txt']
    """
    file = _file_name(name).lower()
    kinds = (r"\d+-0\b.*|.*\.utf-?8.*", r"pg\d+\b.*", r"\d+-8\b.*", r"\d+-\w+\b.*", r"\d+\b.*")
    return next((rank for rank, kind in enumerate(kinds) if re.fullmatch(kind, file)), len(kinds))


def _file_name(name: str) -> str:
    return re.split(r"[/\\]", name)[-1]


def declared_encoding(data: bytes) -> str:
    r"""The name that a header gives the encoding; "" if it gives none.

    >>> declared_encoding(b"Language: English\r\nChatacter set encoding: ISO-8859-1\r\n")
    'ISO-8859-1'
    """
    match = _ENCODING.search(data, 0, _HEAD_CHARS)
    return match[1].decode("latin-1").strip() if match else ""


def read_header(text: str) -> tuple[str, str, str]:
    r"""Title, author and language as a Gutenberg header gives them.

    >>> read_header("Project Gutenberg\nTitle: Moss\n   and Fern\nAuthor: A. Fern\nLanguage: German\n")
    ('Moss and Fern', 'A. Fern', 'de')
    >>> read_header("*The Project Gutenberg Etext of The Moss, by A. Fern*\n")
    ('The Moss', 'A. Fern', '')
    """
    head = text[:_HEAD_CHARS]
    if end := _HEADER_END.search(head):
        head = head[: end.start()]
    elif "gutenberg" not in head.lower() and not _IN_HEADER.search(head):
        return "", "", ""
    found = {match[1].lower(): " ".join(match[2].split()) for match in reversed([*_FIELD.finditer(head)])}
    old = None if "title" in found else _OLD_TITLE.search(head)
    title, author = (" ".join(old[1].split()), old[2].strip()) if old else ("", "")
    return found.get("title", title), found.get("author", author), language_code(found.get("language", ""))


def language_code(name: str) -> str:
    """The codes of what a header, or a column, calls languages, joined by ";"; an unknown name stays as it is.

    >>> language_code("English"), language_code("en"), language_code("Klingon"), language_code("English and French")
    ('en', 'en', 'klingon', 'en;fr')
    """
    names = [part for part in _BETWEEN.split(name.strip().lower()) if part]
    return ";".join(part if _CODE.fullmatch(part) else _CODES.get(part, part) for part in names)
