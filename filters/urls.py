"""Web addresses: the one form in which they are compared, and those that a page of Wikipedia cites.

Source: RFC 3986 section 6.2 (what is one address), the WHATWG URL Standard (what browsers make of a host and of
unusual characters), MediaWiki's parser (where a link in wikitext ends).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from urllib.parse import quote, unquote

_MAX_CHARS = 8192
"""Servers take no longer addresses; what is longer is data that looks like one."""
_MAX_HOST_CHARS = 253

# ---- one form --------------------------------------------------------------------------------------------------------

_PARTS = re.compile(r"(?:https?:[/\\]*+|//)?([^/\\?#]*+)([^?#]*+)(\?[^#]*+)?", re.IGNORECASE)
_HOST = re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}|(?:[a-z0-9_-]{1,63}\.)++(?![0-9]+$)[a-z0-9-]{1,63}")
_AUTHORITY = re.compile(r"(.*?)\.?(?::0*+([0-9]{0,5}))?", re.DOTALL)
_DEFAULT_PORTS = (None, "", "80", "443")
_UNUSUAL = re.compile(r"%(?:[0-9A-Fa-f]{2})?|[^%A-Za-z0-9\-._~!$&'()*+,;=:@/?]+")
_USUAL = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@/?]*+")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_IGNORED = str.maketrans("", "", "\t\r\n")


def canonical_url(url: str) -> str:
    """One form for all ways to write the address of a web page; "" for what is none.

    http and https are one, and left out, as are user names, default ports, fragments and the slash after a bare host.
    Hosts are in lower case and in IDNA's ASCII form, percent-escapes as RFC 3986 wants them; queries keep all that
    they say. Only http and https name web pages, on a host with a dot in its name or an IPv4 address. An address
    without a scheme is read as if it had one.

    >>> canonical_url("HTTPS://user@Example.ORG.:443/%7eann/caf\\u00e9#top"), canonical_url("http://b\\u00fccher.example/")
    ('example.org/~ann/caf%C3%A9', 'xn--bcher-kva.example')
    >>> canonical_url("http://example.org?b=2&a=1"), canonical_url("ftp://example.org/"), canonical_url("")
    ('example.org/?b=2&a=1', '', '')
    """
    if len(url) > _MAX_CHARS:
        return ""
    url = url.strip()
    parts = _PARTS.match(url if url.isprintable() else url.translate(_IGNORED))
    assert parts, "the pattern matches every text"
    authority, path, query = parts.groups("")
    if len(authority) <= _MAX_HOST_CHARS and _HOST.fullmatch(authority):
        host = authority
    else:
        host = _host(authority, has_scheme=parts.start(1) > 0)
    if not host:
        return ""
    if not _USUAL.fullmatch(path + query):
        path = path.replace("\\", "/")  # as browsers read it
        path, query = _UNUSUAL.sub(_escape, path), _UNUSUAL.sub(_escape, query)
    if "/." in path:
        path = _without_dots(path)
    address = host if path in ("", "/") and not query else f"{host}{path or '/'}{query}"
    return address if len(address) <= _MAX_CHARS else ""


def _host(authority: str, *, has_scheme: bool) -> str:
    """The host in its one form, with a port that is not the default one; "" if it is none."""
    if "@" in authority:
        if not has_scheme:
            return ""  # an address for mail
        authority = authority.rpartition("@")[2]
    match = _AUTHORITY.fullmatch(unquote(authority.strip(), errors="replace"))
    assert match, "the pattern matches every text"
    host, port = match.groups()
    if len(host) > _MAX_HOST_CHARS:
        return ""
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError:
            return ""
    host = host.lower()
    if not _HOST.fullmatch(host) or len(host) > _MAX_HOST_CHARS:
        return ""
    return host if port in _DEFAULT_PORTS else f"{host}:{port}"


def _escape(found: re.Match[str]) -> str:
    """Escapes of plain characters become these; what may not stand in an address becomes escapes."""
    text = found[0]
    if text[0] != "%":
        return quote(text, safe="", errors="replace")
    if len(text) == 1:
        return "%25"
    character = chr(int(text[1:], 16))
    return character if character in _UNRESERVED else text.upper()


def _without_dots(path: str) -> str:
    """The path that "." and ".." in it lead to.

    >>> _without_dots("/a/./b/../c"), _without_dots("/../a/.."), _without_dots("/a/.")
    ('/a/c', '/', '/a/')
    """
    kept: list[str] = []
    names = path.split("/")[1:]
    for name in names:
        if name == "..":
            del kept[-1:]
        elif name != ".":
            kept.append(name)
    if names[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


# ---- archives --------------------------------------------------------------------------------------------------------

_ARCHIVE = re.compile(
    r"""
    (?: (?:[a-z0-9-]+\.)* archive\.org | (?:www\.)? archive\.(?:today|is|ph|li|vn|fo|md) | (?:www\.)? webcitation\.org
      | (?:www\.)? arquivo\.pt | (?:wayback|web)\.archive-it\.org | (?:www\.)? ghostarchive\.org
      | webarchive\.nationalarchives\.gov\.uk | (?:www\.)? webarchive\.org\.uk | webarchive\.loc\.gov
    ) /
    """,
    re.VERBOSE,
)
_KEPT = re.compile(
    r"""
    (?: / | [?&]url= ) ( https? (?: : | %3A ) /?+ .* )
    | /(?:web|wayback)/ (?: [0-9]{4,14} | \* ) (?: [a-z]{2}_ | \* )? / ( .+ )
    """,
    re.VERBOSE | re.DOTALL,
)
_WHEN_KEPT = re.compile(r"&(?:date|refdoi)=[^&]*$")


def normalize_url(url: str) -> str:
    """The form in which addresses are compared: that of `canonical_url`, for a copy in an archive that of the page.

    Wikipedia cites a quarter of its pages by copies in the Internet Archive and the like. An address there that does
    not name its page (`archive.today/AbC12`) stays as it is.

    >>> normalize_url("https://web.archive.org/web/20100203id_/http://example.org:80/a?b")
    'example.org/a?b'
    >>> normalize_url("https://www.webcitation.org/6DsZS1KR1?url=http%3A%2F%2Fexample.org%2Fa&date=2012-12-01")
    'example.org/a'
    >>> normalize_url("http://archive.org/details/a"), normalize_url("http://[")
    ('archive.org/details/a', '')
    """
    address = canonical_url(url)
    while kept := _kept_page(address):
        address = kept
    return address


def _kept_page(address: str) -> str:
    """The page that an archive's address (in its canonical form) is a copy of; "" if it is none."""
    archive = _ARCHIVE.match(address) if "arc" in address or "webcitation" in address or "arquivo" in address else None
    found = _KEPT.search(address, archive.end() - 1) if archive else None
    if not found:
        return ""
    page: str = found[1] or found[2]
    if found[0].startswith(("?", "&")):
        page = _WHEN_KEPT.sub("", page)
    return canonical_url(unquote(page) if "://" not in page[:8] and "%3A" in page[:8] else page)


# ---- what wikitext cites ---------------------------------------------------------------------------------------------

_LITERAL = re.compile(r"<(?:!--|(nowiki|pre|source|syntaxhighlight)\b[^<>]*>)", re.IGNORECASE)
_CLOSING = {
    "--": re.compile("-->"),
    **{name: re.compile(rf"</{name}\s*>", re.IGNORECASE) for name in ("nowiki", "pre", "source", "syntaxhighlight")},
}
_LOOK_BACK = 32
"""Characters before an address that tell whether it stands in brackets or is a parameter's value."""
_LINK = re.compile(  # begins with a literal, so that the search jumps from one to the next
    r"""//(?:(?<=\bhttp://)|(?<=\bhttps://)|(?<=\[//))
    ((?:[^][<>"|{}\s\x00-\x20\x7f\ufffd]|\{\{[!=]\}\}|\{(?!\{)|\}(?!\}))++)""",
    re.VERBOSE | re.IGNORECASE,
)
_END = re.compile(r"''|&(?:lt|gt|nbsp|#0*(?:60|62|160)|#x0*(?:3c|3e|a0));", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:\#[0-9]{1,7}|\#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.IGNORECASE)


def cited_urls(wikitext: str) -> Iterator[str]:
    """The http and https addresses that a page's wikitext links to, as written there, in its order.

    They stand in references, in brackets, in parameters of templates, and bare; not in comments, `<nowiki>` or code.
    An address that a template makes out of something else is not seen.   Source: MediaWiki, class Parser.

    >>> list(cited_urls("<ref>{{cite|url=http://a.org/?b&amp;c|d=e}}</ref> (see http://f.org/g). [//h.org/ i]"))
    ['http://a.org/?b&c', 'http://f.org/g', 'https://h.org/']
    """
    text = _without_literals(wikitext) if "<" in wikitext else wikitext
    for found in _LINK.finditer(text):
        address = found[1]
        before = text[max(0, found.start() - _LOOK_BACK) : found.start()]
        scheme = "http:" if before[-5:].lower() == "http:" else "https:"
        if "&" in address or "''" in address:
            address = _ENTITY.sub(lambda entity: html.unescape(entity[0]), _END.split(address, maxsplit=1)[0])
        if "{{" in address:
            address = address.replace("{{!}}", "|").replace("{{=}}", "=")
        if not before.removesuffix(scheme).rstrip().endswith(("[", "=")):
            closing = "".join(end for start, end in ("()", "{}") if start not in address)
            address = address.rstrip(f",;.:!?{closing}")
        if address:
            yield f"{scheme}//{address}"


def _without_literals(text: str) -> str:
    """The text without comments, `<nowiki>` and code; a block that is never closed loses its tag only."""
    pieces: list[str] = []
    never_closed: set[str] = set()
    position = 0
    while opening := _LITERAL.search(text, position):
        pieces.append(text[position : opening.start()])
        position = opening.end()
        name = (opening[1] or "--").lower()
        if name in never_closed or opening[0].endswith("/>"):
            continue
        # What is looked at here is either left out or looked at once for all tags of the name.
        if closing := _CLOSING[name].search(text, position):
            pieces.append("" if name == "--" else " ")
            position = closing.end()
        else:
            never_closed.add(name)
    pieces.append(text[position:])
    return "".join(pieces)
