"""Block lists: what a line blocks, what it does not, and files that are none."""

from __future__ import annotations

import gzip
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.errors import UsageError
from corpusmill.filters.blocklist import BlockList, open_block_list
from corpusmill.storage import read_lines


@pytest.mark.parametrize(
    ("line", "url", "entry"),
    [
        pytest.param("example.org", "http://example.org/a?b#c", "example.org", id="a domain"),
        pytest.param("example.org", "https://www.sub.example.org:8080/", "example.org", id="below a domain"),
        pytest.param("sub.example.org", "https://www.sub.example.org/", "sub.example.org", id="a domain below"),
        pytest.param("Example.ORG.", "http://example.org/", "example.org", id="capitals, a dot"),
        pytest.param("bücher.example", "http://xn--bcher-kva.example/", "xn--bcher-kva.example", id="IDNA"),
        pytest.param(".example.org", "http://a.example.org", "example.org", id="a dot before"),
        pytest.param("*.example.org", "http://example.org", "example.org", id="a star before"),
        pytest.param("http://example.org/", "http://a.example.org/b", "example.org", id="a site's address"),
        pytest.param("http://example.org/*", "http://example.org/b", "example.org", id="all of a site"),
        pytest.param("192.0.2.1", "http://192.0.2.1/a", "192.0.2.1", id="an IPv4 address"),
        pytest.param("0.0.0.0 example.org", "http://example.org/", "example.org", id="a hosts file"),
        pytest.param("::1 a.org\texample.org # b", "http://example.org/", "example.org", id="a hosts file, two"),
        pytest.param("  example.org # c", "http://example.org/", "example.org", id="a comment"),
        pytest.param("example.org\r\n", "http://example.org/", "example.org", id="a line end"),
        pytest.param("example.org/a", "https://user@example.org:443/a#b", "example.org/a", id="a page"),
        pytest.param("http://example.org/é?a", "example.org/%c3%a9?a", "example.org/%C3%A9?a", id="a page, escaped"),
        pytest.param("example.org/a/*", "http://example.org/a/b/c", "example.org/a/*", id="all that begin so"),
        pytest.param("example.org/a*", "http://example.org/abc", "example.org/a*", id="within a name"),
        pytest.param("example.org/a*", "http://example.org/a", "example.org/a*", id="the beginning itself"),
        pytest.param("example.org/?a=*", "http://example.org?a=b", "example.org/?a=*", id="within a query"),
        pytest.param(
            "example.org", "https://web.archive.org/web/2010/http://example.org/a", "example.org", id="a copy"
        ),
        pytest.param(
            "example.org/a", "https://archive.is/2010/http://example.org/a", "example.org/a", id="a page's copy"
        ),
        pytest.param("example.org:8080", "http://example.org:8080/", "example.org:8080", id="a port"),
        pytest.param("http://example.org:8080/", "http://example.org:8080/a?b", "example.org:8080", id="a port's page"),
        pytest.param("example.org:8080/*", "http://example.org:8080?b", "example.org:8080", id="all of a port"),
        pytest.param("example.org:8080", "http://a.example.org:8080/b", "example.org:8080", id="below, at the port"),
        pytest.param("192.0.2.1:81", "http://192.0.2.1:81/a", "192.0.2.1:81", id="an IPv4 address's port"),
        pytest.param("example.org:8080/a", "http://example.org:8080/a", "example.org:8080/a", id="a page at a port"),
        pytest.param("archive.org", "https://web.archive.org/web/2010/http://b.org", "archive.org", id="an archive"),
    ],
)
def test_blocked(line: str, url: str, entry: str) -> None:
    blocked = BlockList(["other.example", line, "another.example/page"])
    assert blocked.match(url) == entry
    assert blocked.n_unusable == 0


@pytest.mark.parametrize(
    ("line", "url"),
    [
        pytest.param("example.org", "http://notexample.org/", id="the end of a name"),
        pytest.param("a.example.org", "http://example.org/", id="a domain above"),
        pytest.param("example.org/a", "http://example.org/a/b", id="below a page"),
        pytest.param("example.org/a", "http://example.org/", id="the site of a page"),
        pytest.param("example.org/a", "http://www.example.org/a", id="a page of a host below"),
        pytest.param("example.org/a*", "http://www.example.org/a", id="a beginning at a host below"),
        pytest.param("example.org/A*", "http://example.org/a", id="the case of a path"),
        pytest.param("example.org:8080", "http://example.org/", id="another port"),
        pytest.param("example.org:8080", "http://example.org/a", id="another port's page"),
        pytest.param("example.org:8080", "http://example.org:808/a", id="a port that begins so"),
        pytest.param("example.org:8080/a", "http://example.org:8080/", id="a page at a port"),
        pytest.param("# example.org", "http://example.org/", id="a comment"),
        pytest.param("example.org", "mailto:a@example.org", id="no web page"),
        pytest.param("example.org", "", id="nothing"),
    ],
)
def test_not_blocked(line: str, url: str) -> None:
    assert BlockList([line]).match(url) == ""


@pytest.mark.parametrize(
    "line",
    [
        *(
            "com",
            ".com",
            "*.com",
            "*",
            "**",
            ".",
            "http://",
            "https:///",
            "http://*",
            "*.*",
            "com*",
            "com/*",
            "/",
            "/*",
        ),
        *("example.org*", "http://exam*", "exa*mple.org", "http://*.org/", "a@example.org", "ftp://example.org/"),
        *("example.org has two words", "example.org,ads", "||example.org^", "[Adblock]", "<html>", "\0", "localhost"),
        *("http://example.org/#a", "http://example.org/#*", "https://web.archive.org/web/2010/http://example.org/"),
        "example.org/" + "a" * 9000,
    ],
)
def test_lines_that_block_nothing(line: str) -> None:
    blocked = BlockList([line])
    assert (len(blocked), blocked.n_unusable) == (0, 1)
    for url in ("http://example.org/", "http://www.example.com/com", "http://a.org", "http://localhost/", "", "com"):
        assert blocked.match(url) == ""


def test_blank_lines_and_comments_do_not_count() -> None:
    blocked = BlockList(["", " \t\n", "#", "# a b", "  # c"])
    assert (len(blocked), blocked.n_unusable, blocked.match("http://a.org")) == (0, 0, "")


NAMES = st.from_regex(r"[a-z]{1,3}(\.[a-z]{1,2}){1,3}", fullmatch=True)


@given(st.lists(NAMES), NAMES)
def test_domains_as_a_set_would_have_them(domains: list[str], host: str) -> None:
    labels = host.split(".")
    above = [".".join(labels[i:]) for i in range(len(labels) - 1)]
    expected = [domain for domain in reversed(above) if domain in domains]
    assert BlockList(domains).match(f"http://{host}/a") == (expected[0] if expected else "")


@given(st.lists(st.text(max_size=20)), st.text(max_size=30))
def test_any_lines_and_any_url(lines: list[str], url: str) -> None:
    BlockList(lines).match(url)
    BlockList(lines).match(f"http://{url}.org/{url}")


# ---- files -----------------------------------------------------------------------------------------------------------

LINES = "\ufeff# list\r\nexample.org\r\nb.example/c\r\n\r\nd.example".encode()


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_file(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "list"
    path.write_bytes(gzip.compress(LINES) if packed else LINES)
    blocked = open_block_list(str(path))
    assert [blocked.match(f"http://{url}") for url in ("example.org", "b.example/c", "d.example", "b.example")] == [
        *("example.org", "b.example/c", "d.example", "")
    ]
    assert (len(blocked), blocked.n_unusable) == (3, 0)
    assert open_block_list(str(path)) is blocked


def test_a_file_in_a_store(tmp_path: Path) -> None:
    url = f"memory://{tmp_path.name}/list.gz"
    with fsspec.open(url, "wb") as file:
        file.write(gzip.compress(LINES))
    assert len(open_block_list(url)) == 3


def test_lines_without_end(tmp_path: Path) -> None:
    path = tmp_path / "list"
    cut = b" " * (16_384 - len("b.example")) + b"b.example.org"
    path.write_bytes(b"x" * 3_000_000 + b"\n" + cut + b"\nc.org " + b" " * 99_999 + b"\n" + b"\xff\0" * 9)
    blocked = BlockList(read_lines(str(path)))
    assert (len(blocked), blocked.n_unusable) == (0, 4)
    assert [len(line) for line in read_lines(str(path))] == [16_385, 16_385, 16_385, 18]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(None, "cannot be opened", id="missing"),
        pytest.param(b"", "has no entry", id="empty"),
        pytest.param(b"# example.org\n", "has no entry", id="comments"),
        pytest.param(b"com\n<html>\n", "2 of 2 entries name nothing .* such as 'com'", id="no list"),
        pytest.param(
            b"a.org\n||example.org^\n||b.org^\n# c d\n# e\n",
            r"2 of 3 entries name nothing .* such as '\|\|example.org\^'",
            id="another syntax",
        ),
        pytest.param(b"\x1b" * 9999, r"'(.x1b){60}'\.", id="a long line of controls"),
        pytest.param(gzip.compress(LINES)[:-9], "cannot be read .EOFError", id="cut off"),
        pytest.param(gzip.compress(LINES)[:-8] + b"\0" * 8, "cannot be read .BadGzipFile", id="a bad checksum"),
        pytest.param(b"\x1f\x8b\x08\0" + b"\xff" * 99, "cannot be read", id="no gzip inside"),
    ],
)
def test_files_that_are_none(tmp_path: Path, data: bytes | None, reason: str) -> None:
    path = tmp_path / "list"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UsageError, match=reason) as caught:
        open_block_list(str(path))
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_half_of_the_entries_may_name_nothing(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("a.org\nlocalhost\n# of a hosts file\n0.0.0.0 b.org broadcasthost\n")
    blocked = open_block_list(str(path))
    assert (blocked.n_entries, blocked.n_unusable, blocked.unusable) == (4, 2, "localhost")


def test_lines_of_a_text_file_come_one_at_a_time(tmp_path: Path) -> None:
    """What stands before the place where a file breaks off is read before that is noticed."""
    path = tmp_path / "list.txt"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfa\r\nb\xff\n" + b"c d\n" * 99_999, 0)[:-99])
    lines = read_lines(str(path))
    assert [next(lines), next(lines), next(lines)] == ["a\r\n", "b\ufffd\n", "c d\n"]
    with pytest.raises(UsageError, match=r"list.txt: cannot be read \(EOFError"):
        list(lines)
