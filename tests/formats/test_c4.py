"""Published C4: its pages as they are, and what is damaged between them."""

import gzip
import io
import json

import pytest

from corpusmill.formats.c4 import C4Page, read_c4
from corpusmill.records import Damage
from running import SHARED

GOOD = {"text": "One.\r\nTwo \u2028{three}\t.\n", "timestamp": "2019-04-25T12:57:54Z", "url": "http://a.example/é?b"}


def read(*pages: object, max_page_bytes: int = 1 << 20) -> list[C4Page | Damage]:
    data = gzip.compress("".join(f"{json.dumps(page)}\n" for page in pages).encode())
    return list(read_c4(io.BytesIO(data), max_page_bytes))


def test_pages_are_given_as_they_are() -> None:
    page = C4Page(GOOD["url"], GOOD["timestamp"], GOOD["text"], 0, 1)
    assert read(GOOD, GOOD | {"content-length": 7, "meta": {"a": []}}) == [page, page._replace(number=2)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"text": ""}, None, id="empty-text"),
        pytest.param({"timestamp": None}, None, id="no-timestamp"),
        pytest.param({"text": None}, "no text", id="no-text"),
        pytest.param({"text": ["a"]}, "text is no string", id="list-of-texts"),
        pytest.param({"url": None}, "no url", id="no-url"),
        pytest.param({"url": ""}, "no url", id="empty-url"),
        pytest.param({"url": 1}, "url is no string", id="url-a-number"),
        pytest.param({"timestamp": 1556197074}, "timestamp is no string", id="timestamp-a-number"),
        pytest.param({"timestamp": False}, "timestamp is no string", id="timestamp-false"),
    ],
)
def test_fields(change: dict[str, object], expected: str | None) -> None:
    without = {name: value for name, value in (GOOD | change).items() if value is not None}
    for page in (GOOD | change, without):
        found = read(GOOD, page, GOOD)
        assert found[0] == C4Page(GOOD["url"], GOOD["timestamp"], GOOD["text"], 0, 1)
        if expected:
            assert found[1] == Damage(0, "bad_field", f"line 2: {expected}")
        else:
            assert found[1] == C4Page(GOOD["url"], page.get("timestamp") or "", page["text"], 0, 2)


def test_the_limit_is_of_the_text_in_utf_8() -> None:
    page = GOOD | {"text": "\u0001" * 40 + "é" * 30}
    assert isinstance(read(page, max_page_bytes=100)[0], C4Page)
    [damage] = read(page, max_page_bytes=99)
    assert isinstance(damage, Damage) and damage.error == "too_long"


def test_a_page_that_escapes_swell_is_still_read() -> None:
    page = GOOD | {"text": "\u0001" * (4 << 20)}
    [found] = read(page, max_page_bytes=4 << 20)
    assert isinstance(found, C4Page) and found.text == page["text"]


def test_real_pages() -> None:
    path = SHARED / "data/c4_like/c4-like-en.jsonl.gz"
    if not path.exists():
        pytest.skip("the shared samples are not here")
    expected = [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().split("\n") if line]
    with path.open("rb") as file:
        found = list(read_c4(file))
    assert len(found) == 486 and [(page.url, page.timestamp, page.text) for page in found] == [
        (page["url"], page["timestamp"], page["text"]) for page in expected
    ]
