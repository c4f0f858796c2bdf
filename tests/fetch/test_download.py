"""One file from a publisher who misbehaves: it comes whole, or not at all, and the message says why."""

import bz2
import gzip
import hashlib
import json
import random
import shutil
from pathlib import Path

import pytest

from corpusmill.errors import SourceError
from corpusmill.fetch.client import TRIES, Client, Missing
from corpusmill.fetch.download import NOTE, PARTIAL, Download, Fetched
from corpusmill.fetch.listing import Wanted
from corpusmill.storage import write_json
from publisher import (
    Behaviour,
    FakeClock,
    Publisher,
    breaks_off,
    chunked,
    dripping,
    ignores_range,
    lies,
    says,
    sends,
    serving,
    unmeasured,
)

DATA = gzip.compress(random.Random(0).randbytes(200_000), mtime=0)
OTHER = gzip.compress(random.Random(1).randbytes(200_000), mtime=0)
SHA1 = f"sha1:{hashlib.sha1(DATA).hexdigest()}"
PAGE = b"<!DOCTYPE html><html><head><title>Please slow down</title></head></html>"
NAME = "a/b.gz"


class Unwatched:
    def at(self, path: str, at: int, total: int | None) -> None: ...

    def over(self, path: str) -> None: ...


@pytest.fixture
def publisher():
    with serving({NAME: DATA}) as publisher:
        yield publisher


def download(
    publisher: Publisher, folder: Path, clock: FakeClock | None = None, size: int | None = None, digest: str = ""
) -> Fetched:
    wanted = Wanted(f"c4/{NAME}", publisher.url + NAME, size, digest)
    return Download(Client(clock or FakeClock(), 0.0), wanted, folder, Unwatched()).fetch()


def whole(folder: Path) -> None:
    assert (folder / "c4" / NAME).read_bytes() == DATA
    assert [path for path in (folder / "c4" / PARTIAL).rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("behaviours", "n_asked"),
    [
        pytest.param([], 1, id="all is well"),
        pytest.param([says(503), says(429, Retry_After="7"), says(403)], 4, id="too many requests"),
        pytest.param([says(500), says(502), says(504), says(408)], 5, id="a server in trouble"),
        pytest.param([says(status) for status in range(520, 525)], 6, id="a network of caches in trouble"),
        pytest.param([breaks_off(50_000)], 2, id="breaks off"),
        pytest.param([breaks_off(1), breaks_off(1), breaks_off(3)], 4, id="breaks off within the first bytes"),
        pytest.param([breaks_off(50_000), ignores_range], 2, id="breaks off, then ignores Range"),
        pytest.param([breaks_off(50_000), says(416)], 3, id="breaks off, then has no such range"),
        pytest.param([breaks_off(50_000), says(206, DATA[9:], Content_Range="bytes 9-99/100")], 3, id="another range"),
        pytest.param([breaks_off(50_000), says(206, DATA[50_000:])], 3, id="a range that does not say which"),
        pytest.param([sends(PAGE)], 2, id="a page with status 200"),
        pytest.param([breaks_off(50_000), sends(PAGE)], 3, id="a page in place of the rest"),
        pytest.param([sends(b"")], 2, id="nothing with status 200"),
        pytest.param([lies(len(DATA) + 10)], 2, id="says that it is longer than it is"),
        pytest.param([chunked()], 1, id="in chunks without a length"),
        pytest.param([chunked(50_000)], 2, id="in chunks that break off"),
        pytest.param([sends(OTHER)], 2, id="other bytes"),
        pytest.param([unmeasured], 1, id="no length, but a digest"),
    ],
)
def test_the_same_bytes_whatever_happens(
    publisher: Publisher, tmp_path: Path, behaviours: list[Behaviour], n_asked: int
) -> None:
    publisher.behaviours[NAME] = list(behaviours)
    got = download(publisher, tmp_path, digest=SHA1)
    whole(tmp_path)
    assert (got.bytes, got.sha256, got.published) == (len(DATA), hashlib.sha256(DATA).hexdigest(), SHA1)
    assert len(publisher.asked) == n_asked
    assert [json.loads(line) for line in (tmp_path / "c4" / NOTE).read_text().splitlines()] == [
        {**{name: getattr(got, name) for name in Fetched.__dataclass_fields__}}
    ]


def test_a_page_is_asked_again_though_its_size_is_not_the_listed_one(publisher: Publisher, tmp_path: Path) -> None:
    publisher.behaviours[NAME] = [sends(PAGE), breaks_off(50_000), sends(PAGE)]
    download(publisher, tmp_path, size=len(DATA))
    whole(tmp_path)
    assert len(publisher.asked) == 4


def test_what_has_come_is_not_asked_for_again(publisher: Publisher, tmp_path: Path) -> None:
    publisher.behaviours[NAME] = [breaks_off(50_000), breaks_off(20_000)]
    download(publisher, tmp_path)
    whole(tmp_path)
    ranges = [headers.get("Range") for _, _, headers in publisher.asked]
    assert ranges == [None, "bytes=50000-", "bytes=70000-"]
    assert publisher.asked[1][2]["If-Range"] == publisher.etag(NAME)


def test_another_process_goes_on_where_the_first_one_stopped(publisher: Publisher, tmp_path: Path) -> None:
    publisher.behaviours[NAME] = [breaks_off(50_000), *[says(503)] * TRIES]
    with pytest.raises(SourceError, match=r"c4/a/b.gz: given up after 8 tries, the last one: HTTP 503"):
        download(publisher, tmp_path)
    assert not (tmp_path / "c4" / NAME).exists()
    publisher.asked.clear()
    publisher.behaviours.clear()
    download(publisher, tmp_path)
    whole(tmp_path)
    assert [headers.get("Range") for _, _, headers in publisher.asked] == ["bytes=50000-"]


def test_killed_while_a_changed_file_begins_no_version_lies_beside_bytes_of_another(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.files[NAME] = OTHER
    publisher.behaviours[NAME] = [breaks_off(50_000), *[says(503)] * TRIES]
    with pytest.raises(SourceError):
        download(publisher, tmp_path)
    publisher.files[NAME] = DATA
    publisher.behaviours.clear()

    def killed(url: str, value: object) -> None:
        write_json(url, value)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("corpusmill.fetch.download.write_json", killed)
        download(publisher, tmp_path)
    assert [path.name for path in (tmp_path / "c4" / PARTIAL / "a").iterdir()] == ["b.gz.part.json"]
    download(publisher, tmp_path)
    whole(tmp_path)


@pytest.mark.parametrize(("pack", "name"), [(gzip.compress, "a.gz"), (bz2.compress, "a.bz2")])
def test_without_a_digest_a_packed_file_is_unpacked_to_its_end(pack, name: str, tmp_path: Path) -> None:
    """Zeros where a power cut took bytes; and twice the same broken bytes, which are then the publisher's."""
    good = pack(random.Random(0).randbytes(99_000))
    broken, said = good[:60_000] + bytes(10) + good[60_010:], list[str]()
    with serving({name: good, f"mine/{name}": broken}) as publisher:
        client = Client(FakeClock(), 0.0, tell=said.append)
        publisher.behaviours[name] = [sends(broken)]
        Download(client, Wanted(f"c4/{name}", publisher.url + name), tmp_path, Unwatched()).fetch()
        assert (tmp_path / "c4" / name).read_bytes() == good
        wanted = Wanted(f"c4/mine/{name}", f"{publisher.url}mine/{name}")
        Download(client, wanted, tmp_path, Unwatched()).fetch()
        assert (tmp_path / "c4/mine" / name).read_bytes() == broken
        assert len(publisher.asked) == 4
    (line,) = said
    assert line.startswith(f"c4/mine/{name}: does not unpack to its end (")


def test_old_servers_call_the_packing_of_a_file_its_encoding(publisher: Publisher, tmp_path: Path) -> None:
    publisher.behaviours[NAME] = [sends(DATA, Content_Encoding="x-gzip")]
    download(publisher, tmp_path)
    whole(tmp_path)


def test_a_file_that_changed_begins_anew(publisher: Publisher, tmp_path: Path) -> None:
    publisher.files[NAME] = OTHER
    publisher.behaviours[NAME] = [breaks_off(50_000), *[says(503)] * TRIES]
    with pytest.raises(SourceError):
        download(publisher, tmp_path)
    publisher.files[NAME] = DATA
    publisher.behaviours.clear()
    download(publisher, tmp_path)
    whole(tmp_path)


def test_a_server_that_sends_the_rest_of_another_version_is_seen(publisher: Publisher, tmp_path: Path) -> None:
    rest = says(206, OTHER[50_000:], ETag='"other"', Content_Range=f"bytes 50000-{len(OTHER) - 1}/{len(OTHER)}")
    publisher.behaviours[NAME] = [breaks_off(50_000), rest]  # whatever If-Range says
    download(publisher, tmp_path)
    whole(tmp_path)


def test_without_etag_or_date_nothing_is_gone_on_with(publisher: Publisher, tmp_path: Path) -> None:
    publisher.behaviours[NAME] = [lambda handler, data: handler.give(200, data[:9000], {}, len(data))]
    download(publisher, tmp_path)
    whole(tmp_path)
    assert [headers.get("Range") for _, _, headers in publisher.asked] == [None, None]


def test_all_there_but_its_name_takes_no_request(publisher: Publisher, tmp_path: Path) -> None:
    """As after a kill between the last byte and the rename."""
    download(publisher, tmp_path)
    aside = tmp_path / "c4" / PARTIAL / f"{NAME}.part"
    version = {"url": publisher.url + NAME, "total": len(DATA), "etag": '"a"', "modified": "", "digest": ""}
    (tmp_path / "c4" / NAME).rename(aside)
    aside.with_name("b.gz.part.json").write_text(json.dumps(version))
    publisher.asked.clear()
    download(publisher, tmp_path)
    whole(tmp_path)
    assert publisher.asked == []


@pytest.mark.parametrize("spoilt", ["", "{", "[]", '{"url": 1}', "null"])
def test_a_spoilt_file_aside_is_no_harm(publisher: Publisher, tmp_path: Path, spoilt: str) -> None:
    aside = tmp_path / "c4" / PARTIAL / f"{NAME}.part"
    aside.parent.mkdir(parents=True)
    aside.write_bytes(b"what is this?")
    aside.with_name("b.gz.part.json").write_text(spoilt)
    download(publisher, tmp_path)
    whole(tmp_path)


def test_bytes_that_the_disk_lost_are_noticed(publisher: Publisher, tmp_path: Path) -> None:
    """A power cut can leave zeros where bytes were."""
    publisher.behaviours[NAME] = [breaks_off(50_000), *[says(503)] * TRIES]
    with pytest.raises(SourceError):
        download(publisher, tmp_path, digest=SHA1)
    aside = tmp_path / "c4" / PARTIAL / f"{NAME}.part"
    aside.write_bytes(aside.read_bytes()[:40_000] + bytes(10_000))
    publisher.behaviours.clear()
    download(publisher, tmp_path, digest=SHA1)
    whole(tmp_path)


@pytest.mark.parametrize(
    ("behaviour", "size", "digest", "message"),
    [
        pytest.param(sends(OTHER), None, SHA1, f"sha1 is .*, the publisher gives {SHA1[5:]}, 2 times", id="digest"),
        pytest.param(sends(DATA), 7, "", "list has 7 bytes, its server sends", id="size that the list does not have"),
        pytest.param(sends(PAGE), None, "", 'sent a web page in place of the file: "Please slow down"', id="page"),
        pytest.param(sends(b"PK\3\4" + DATA), None, "", 'begins with "PK .*, which is not how such', id="zip"),
        pytest.param(says(401), None, "", "HTTP 401 Unauthorized", id="login"),
        pytest.param(says(501), None, "", "HTTP 501", id="a method that it does not know"),
        pytest.param(sends(DATA, Content_Encoding="br"), None, "", 'Content-Encoding "br".*identity', id="packing"),
        pytest.param(sends(gzip.compress(DATA)), None, "", "packed by gzip twice", id="packed twice"),
        pytest.param(says(451), None, "", "HTTP 451", id="law"),
        pytest.param(says(503, Retry_After="3600"), None, "", "asks to wait 3,600 s", id="a wait that is too long"),
        pytest.param(unmeasured, None, "", "does not say how long it is", id="no length and no digest"),
        pytest.param(breaks_off(0), None, "", "given up after 8 tries, the last one: broke off", id="never a byte"),
        pytest.param(
            says(200, b"\x1f\x8b\x1b[31m", Content_Length="x"), None, "", "does not say how long", id="odd length"
        ),
    ],
)
def test_what_cannot_be_had_is_one_line_that_names_the_file(
    publisher: Publisher, tmp_path: Path, behaviour: Behaviour, size: int | None, digest: str, message: str
) -> None:
    publisher.behaviours[NAME] = [behaviour] * 50
    with pytest.raises(SourceError, match=message) as raised:
        download(publisher, tmp_path, size=size, digest=digest)
    assert "b.gz" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "c4" / NAME).exists()
    assert len(publisher.asked) <= TRIES


def test_a_missing_file_is_not_asked_for_twice(publisher: Publisher, tmp_path: Path) -> None:
    del publisher.files[NAME]
    with pytest.raises(Missing, match="not there \\(HTTP 404"):
        download(publisher, tmp_path)
    assert len(publisher.asked) == 1


def test_waits_grow_and_keep_to_what_the_server_asks(publisher: Publisher, tmp_path: Path) -> None:
    clock = FakeClock()
    publisher.behaviours[NAME] = [
        says(500),
        says(500),
        says(500),
        says(503, Retry_After="90"),
        says(429, Retry_After="0"),
    ]
    publisher.behaviours[NAME] += [says(503, Retry_After="Fri, 07 Nov 1969 10:00:30 GMT")]
    download(publisher, tmp_path, clock)
    assert clock.slept == [2, 4, 8, 90, 32, 60]


def test_tries_count_anew_when_much_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, publisher: Publisher) -> None:
    monkeypatch.setattr("corpusmill.fetch.download._ENOUGH", 10_000)
    publisher.behaviours[NAME] = [breaks_off(10_000) for _ in range(TRIES + 3)]
    download(publisher, tmp_path)
    whole(tmp_path)


def test_beginning_anew_is_no_progress(publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that ignores Range and breaks off each time would be asked for ever."""
    monkeypatch.setattr("corpusmill.fetch.download._ENOUGH", 10_000)
    broken = lambda handler, data: handler.give(200, data[:50_000], {"ETag": '"a"'}, len(data))  # noqa: E731
    publisher.behaviours[NAME] = [broken] * 100
    with pytest.raises(SourceError, match="given up"):
        download(publisher, tmp_path)
    assert len(publisher.asked) <= TRIES + 1


def test_a_server_that_drips_is_asked_anew(publisher: Publisher, tmp_path: Path) -> None:
    publisher.behaviours[NAME] = [dripping] * 100
    with pytest.raises(SourceError, match="came too slowly"):
        download(publisher, tmp_path, FakeClock(tick=1.0))


def test_more_bytes_than_there_is_room_for(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 256 << 20))
    with pytest.raises(SourceError, match=r"needs 200,\d+ bytes more and 268,435,456 to spare, 268,435,456 are free"):
        download(publisher, tmp_path)


def test_a_digest_that_a_redirect_tells_is_compared(publisher: Publisher, tmp_path: Path) -> None:
    """As Hugging Face's does: the address of the file gives the SHA-256, another one the bytes."""
    sha256 = hashlib.sha256(DATA).hexdigest()
    to_cdn = says(302, Location="/cdn", X_Linked_Etag=f'"{sha256}"', X_Linked_Size=str(len(DATA)))
    publisher.files["cdn"] = DATA
    publisher.behaviours[NAME] = [to_cdn]
    assert download(publisher, tmp_path).published == f"sha256:{sha256}"
    (tmp_path / "c4" / NAME).unlink()
    publisher.files["cdn"] = OTHER
    publisher.behaviours[NAME] = [to_cdn] * 9
    with pytest.raises(SourceError, match=f"the publisher gives {sha256}"):
        download(publisher, tmp_path)


def test_a_line_that_a_kill_left_half_does_not_spoil_the_next(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / "c4").mkdir()
    (tmp_path / "c4" / NOTE).write_text('{"path": "c4/a')
    download(publisher, tmp_path)
    half, line = (tmp_path / "c4" / NOTE).read_text().splitlines()
    assert half == '{"path": "c4/a'
    assert json.loads(line)["path"] == f"c4/{NAME}"


def test_an_address_that_nobody_answers_at_is_given_up_soon(tmp_path: Path) -> None:
    clock = FakeClock()
    wanted = Wanted(f"c4/{NAME}", "http://127.0.0.1:1/a.gz")
    with pytest.raises(SourceError, match=r"given up after 3 tries, .* no answer from 127.0.0.1:1 \(.*refused\)"):
        Download(Client(clock, 0.0), wanted, tmp_path, Unwatched()).fetch()
    assert clock.slept == [2, 4]


def test_long_waits_are_said(publisher: Publisher, tmp_path: Path) -> None:
    said: list[str] = []
    publisher.behaviours[NAME] = [says(500), says(429, Retry_After="77")]
    client = Client(FakeClock(), 0.0, tell=said.append)
    Download(client, Wanted(f"c4/{NAME}", publisher.url + NAME), tmp_path, Unwatched()).fetch()
    assert said == [f"c4/{NAME}: HTTP 429 Too Many Requests; asking again in 77 s"]
