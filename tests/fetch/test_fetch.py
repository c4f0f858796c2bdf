"""The command, from a publisher on this machine: what a user sees, and what then lies there."""

import bz2
import errno
import gzip
import hashlib
import io
import json
import shlex
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from corpusmill.errors import SourceError, UsageError
from corpusmill.fetch.addresses import addresses
from corpusmill.fetch.client import TRIES, Client, _next
from corpusmill.fetch.progress import watching
from corpusmill.fetch.run import IN_A_ROW, Fetch, Request
from corpusmill.models.language import HOW_TO_GET_IT
from publisher import FakeClock, Publisher, says, sends, serving
from running import ROOT, UNFILTERED, contents, corpusmill, manifest, start, until

DUMP = "CC-MAIN-2019-09"
LIST = f"crawl-data/{DUMP}/wet.paths.gz"


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with serving() as publisher:
        yield publisher


@pytest.fixture
def crawl(publisher: Publisher, inputs: Path) -> Publisher:
    """A mirror of one dump of the sample."""
    publisher.files = {str(path): data for path, data in contents(inputs / "commoncrawl").items() if DUMP in str(path)}
    return publisher


def fetch(source: str, folder: Path, publisher: Publisher, *more: object, at: str = "", expect: int = 0):
    """Run the command as a user does, from `at` below the publisher's root."""
    return corpusmill(
        *("fetch", source, "--inputs", folder, "--from", publisher.url + at, "--wait", "0", *more), expect=expect
    )


def outcomes(request: Request, clock: FakeClock | None = None) -> dict[str, str]:
    """What became of each file, by a clock that waits for nothing."""
    fetching = Fetch(request, clock or FakeClock())
    fetching.plan()
    found = [*fetching.there(), *fetching.run(fetching.to_do(), Unwatched())]
    return {one.path: one.state for one in found}


class Unwatched:
    def at(self, path: str, at: int, total: int | None) -> None: ...

    def over(self, path: str) -> None: ...


# ---- what a run then finds -------------------------------------------------------------------------------------------


def test_a_run_of_what_was_fetched_is_that_of_the_dump(crawl: Publisher, inputs: Path, tmp_path: Path) -> None:
    done = fetch("commoncrawl", tmp_path / "got", crawl, "--dump", DUMP)
    assert done.stdout.splitlines()[-1] == (
        f"To read it: corpusmill run llama1 commoncrawl --inputs {tmp_path}/got --output OUT"
    )
    got, sent = contents(tmp_path / "got/commoncrawl"), {Path(path): data for path, data in crawl.files.items()}
    notes = [json.loads(line) for line in got.pop(Path("fetched.jsonl")).splitlines()]
    assert got == sent
    assert {note["path"]: note["sha256"] for note in notes} == {
        f"commoncrawl/{path}": hashlib.sha256(data).hexdigest() for path, data in sent.items()
    }
    shutil.copytree(inputs / "models", tmp_path / "got/models")
    arguments = ("--inputs", tmp_path / "got", "--output", tmp_path / "out", *UNFILTERED)
    corpusmill("run", "sample", "commoncrawl", *arguments, expect=None)
    counts = manifest(tmp_path / "out")["sources"]["commoncrawl"]
    assert counts["documents.in"] > counts["documents.kept"] > 0


def found_by_run(folder: Path, source: str, *settings: str) -> list[str]:
    """The inputs of a source that `run llama1` finds."""
    words = [word for setting in settings for word in ("--set", setting)]
    out = folder.with_name("out")
    said = corpusmill("run", "llama1", source, "--inputs", folder, "--output", out, "--dry-run", "--json", *words)
    return sorted(json.loads(said.stdout)["sources"][source]["inputs"])


def settings_of(line: str) -> list[str]:
    """The settings of a command that `fetch` printed."""
    words = shlex.split(line)
    return [words[place + 1] for place, word in enumerate(words) if word == "--set"]


def test_files_of_c4_come_without_a_list(publisher: Publisher, tmp_path: Path) -> None:
    names = [f"c4-train.{n:05}-of-01024.json.gz" for n in range(2)]
    page = gzip.compress(b'{"text": "A.", "url": "https://a.example/", "timestamp": "2019-04-25T12:57:54Z"}\n')
    publisher.files = {f"en/{name}": page for name in names}
    done = fetch("c4", tmp_path, publisher, "--limit", 2, at="{dump}")
    assert found_by_run(tmp_path, "c4", *settings_of(done.stdout.splitlines()[-1])) == [f"c4/en/{n}" for n in names]
    assert found_by_run(tmp_path, "c4") == [f"c4/en/{n}" for n in names]
    assert sorted(publisher.paths()) == [f"en/{name}" for name in names]


XML = bz2.compress(b"<mediawiki></mediawiki>")


def sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


def status(wiki: str, names: dict[str, bytes], job: str = "articlesmultistreamdump", said: str = "done") -> bytes:
    files = {name: {"size": len(data), "sha1": sha1(data), "md5": "0" * 32} for name, data in names.items()}
    files[f"{wiki}-20260901-pages-articles-multistream-index.txt.bz2"] = {"size": 3, "sha1": "a" * 40}
    return json.dumps({"jobs": {job: {"status": said, "files": files}}, "version": "0.8"}).encode()


def test_wikipedias_come_by_their_status(publisher: Publisher, tmp_path: Path) -> None:
    """The whole file where there is one, the parts where there are but parts; their names are those of the dumps."""
    whole = "zh_yuewiki-20260901-pages-articles-multistream.xml.bz2"
    parts = [f"enwiki-20260901-pages-articles-multistream{n}.xml-p{n}p{n}9.bz2" for n in (1, 2, 10)]
    publisher.files = {
        "zh_yuewiki/20260901/dumpstatus.json": status("zh_yuewiki", {whole: XML}),
        f"zh_yuewiki/20260901/{whole}": XML,
        "enwiki/20260901/dumpstatus.json": status("enwiki", dict.fromkeys(parts, XML)),
        **{f"enwiki/20260901/{name}": XML for name in parts},
    }
    options = ("--dump", "20260901", "--languages", "zh-yue,en")
    done = fetch("wikipedia", tmp_path, publisher, *options, at="{wiki}/{dump}/")
    assert {path.rpartition("/")[2] for path in publisher.paths()} == {"dumpstatus.json", whole, *parts}
    assert f"fetched  wikipedia/{parts[2]}  {len(XML)} bytes" in done.stdout
    found = found_by_run(tmp_path, "wikipedia", *settings_of(done.stdout.splitlines()[-1]))
    assert found == sorted(f"wikipedia/{name}" for name in [whole, *parts])
    assert json.loads((tmp_path / "wikipedia/fetched.jsonl").read_text().splitlines()[0])["published"].startswith(
        "sha1:"
    )


def test_a_wikipedia_whose_parts_were_put_together_comes_in_one(publisher: Publisher, tmp_path: Path) -> None:
    whole, part = (f"enwiki-20260901-pages-articles-multistream{n}.bz2" for n in (".xml", "1.xml-p1p9"))
    both = json.loads(status("enwiki", {part: XML}))
    both["jobs"] |= json.loads(status("enwiki", {whole: XML}, "articlesmultistreamdumprecombine"))["jobs"]
    publisher.files = {"dumpstatus.json": json.dumps(both).encode(), whole: XML, part: XML}
    fetch("wikipedia", tmp_path, publisher, "--dump", "20260901", "--languages", "en")
    assert publisher.paths() == ["dumpstatus.json", whole]


def test_mirrors_without_a_status_have_lists_of_checksums(publisher: Publisher, tmp_path: Path) -> None:
    name = "enwiki-20220701-pages-articles-multistream.xml.bz2"
    sums = f"{sha1(XML)}  {name}\n{'0' * 40}  enwiki-20220701-stub-articles.xml.gz\nno row\n\n"
    publisher.files = {"enwiki-20220701-sha1sums.txt": sums.encode(), name: XML}
    fetch("wikipedia", tmp_path, publisher, "--dump", "20220701", "--languages", "en")  # gone, but not here
    assert json.loads((tmp_path / "wikipedia/fetched.jsonl").read_text())["published"] == f"sha1:{sha1(XML)}"


def test_books_come_by_the_catalogue(publisher: Publisher, inputs: Path, tmp_path: Path) -> None:
    texts = {path.name: path.read_bytes() for path in (inputs / "books/gutenberg").glob("pg*.txt")}
    number = {name: name[2:-4] for name in texts}
    publisher.files = {f"cache/epub/{number[name]}/{name}": data for name, data in texts.items()}
    publisher.files["cache/epub/feeds/pg_catalog.csv.gz"] = gzip.compress(
        (inputs / "books/pg_catalog.csv").read_bytes()
    )
    done = fetch("books", tmp_path, publisher, "--languages", "en")
    assert "that the publisher does not have" in done.stdout
    got = contents(tmp_path / "books/gutenberg")
    assert got
    assert all(texts[str(path)] == data for path, data in got.items())
    found = found_by_run(tmp_path, "books", *settings_of(done.stdout.splitlines()[-1]))
    assert found == sorted(f"books/gutenberg/{path}" for path in got)
    publisher.asked.clear()
    fetch("books", tmp_path, publisher, "--languages", "en", "--limit", 3)
    assert "cache/epub/feeds/pg_catalog.csv.gz" not in publisher.paths()


def item(files: dict[str, bytes], **more: str) -> bytes:
    rows = [
        f'<file name="{name}" source="original"><size>{len(data)}</size><sha1>{sha1(data)}</sha1></file>'
        for name, data in files.items()
    ]
    return f'<?xml version="1.0" encoding="UTF-8"?>{more.get("before", "")}<files>{"".join(rows)}</files>'.encode()


def test_sites_come_by_the_items_list_the_largest_first(publisher: Publisher, inputs: Path, tmp_path: Path) -> None:
    archives = {path.name: path.read_bytes() for path in sorted((inputs / "stackexchange").glob("*.7z"))}
    archives = {name: data for name, data in archives.items() if data.startswith(b"7z")}  # not those spoilt on purpose
    publisher.files = {f"x/{name}": data for name, data in archives.items()}
    publisher.files["x/x_files.xml"] = item({**archives, "readme.txt": b"", "x_meta.xml": b""})
    done = fetch("stackexchange", tmp_path, publisher, "--connections", 1, at="x/")
    posts = [name for name in archives if "-Users" not in name]
    assert {str(path) for path in contents(tmp_path / "stackexchange")} == {*posts, "fetched.jsonl"}
    asked = [path[2:] for path in publisher.paths()[1:]]
    assert asked == sorted(posts, key=lambda name: (-len(archives[name]), name))
    assert found_by_run(tmp_path, "stackexchange") == sorted(f"stackexchange/{name}" for name in posts)
    assert done.stdout.count("fetched  stackexchange/") == len(posts)


def test_only_takes_the_files_whose_path_holds_it(publisher: Publisher, inputs: Path, tmp_path: Path) -> None:
    archives = {path.name: path.read_bytes() for path in (inputs / "stackexchange").glob("k*.7z")}
    publisher.files = {f"x/{name}": data for name, data in archives.items()} | {"x/x_files.xml": item(archives)}
    fetch("stackexchange", tmp_path, publisher, "--only", "knots", "--only", "kit*.7z", at="x/")
    assert sorted(path.name for path in (tmp_path / "stackexchange").glob("*.7z")) == [
        "kites.stackexchange.example.7z",
        "knots.stackexchange.example.7z",
    ]


def test_a_model_that_is_not_the_published_one_is_refused(publisher: Publisher, tmp_path: Path) -> None:
    publisher.files = {"lid.176.bin": (793_712_314).to_bytes(4, "little") + b"another model"}
    done = fetch("models", tmp_path, publisher, expect=1)
    assert "the publisher's list has 131,266,198 bytes, its server sends 17" in done.stdout
    assert not (tmp_path / "models/lid.176.bin").exists()


def test_the_size_of_the_model_is_the_same_everywhere() -> None:
    (model,) = addresses()["models"].files
    said = f"{model.bytes / 1e6:.0f} MB"
    assert addresses()["models"].size == said
    assert f"`corpusmill fetch models --inputs DIR` gets {model.path} ({said})" in HOW_TO_GET_IT
    assert f"| {said} |" in (ROOT / "docs/fetch.md").read_text()


# ---- going on --------------------------------------------------------------------------------------------------------


def test_killed_in_the_middle_it_goes_on_where_it_stopped(crawl: Publisher, tmp_path: Path) -> None:
    """SIGKILL while a file comes: the same command makes the same bytes, and asks for the missing ones alone."""
    name = next(name for name in crawl.files if name.endswith("wet.gz"))
    held, half = threading.Event(), len(crawl.files[name]) // 2

    def stalls(handler, data: bytes) -> bool:
        handler.give(200, data[:half], {"ETag": handler.publisher.etag(name)}, len(data))
        handler.wfile.flush()
        held.wait(60)
        return True

    crawl.behaviours[name] = [stalls]
    arguments = ("fetch", "commoncrawl", "--dump", DUMP, "--inputs", tmp_path, "--from", crawl.url)
    aside = tmp_path / "commoncrawl/.partial" / f"{name}.part"
    process = start(*arguments)
    assert until(process, lambda: aside.exists() and aside.stat().st_size == half), process.communicate()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    held.set()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "commoncrawl" / name).exists()
    before = len(crawl.asked)
    corpusmill(*arguments)
    again = [(path, headers.get("Range")) for _, path, headers in crawl.asked[before:]]
    assert (name, f"bytes={half}-") in again
    got = contents(tmp_path / "commoncrawl")
    del got[Path("fetched.jsonl")]
    assert got == {Path(path): data for path, data in crawl.files.items()}
    before = len(crawl.asked)
    assert "0 files fetched, 0.0 MB" in corpusmill(*arguments).stdout
    assert len(crawl.asked) == before, "what is there is not asked for"


def test_ctrl_c_keeps_what_came(crawl: Publisher, tmp_path: Path) -> None:
    name = next(name for name in crawl.files if name.endswith("wet.gz"))
    held, half = threading.Event(), len(crawl.files[name]) // 2

    def stalls(handler, data: bytes) -> bool:
        handler.give(200, data[:half], {"ETag": '"a"'}, len(data))
        held.wait(60)
        return True

    crawl.behaviours[name] = [stalls]
    process = start("fetch", "commoncrawl", "--dump", DUMP, "--inputs", tmp_path, "--from", crawl.url)
    aside = tmp_path / "commoncrawl/.partial" / f"{name}.part"
    assert until(process, lambda: aside.exists() and aside.stat().st_size == half), process.communicate()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    held.set()
    assert process.returncode == 130
    assert said.endswith("Interrupted. What came is kept; the same command goes on.\n")
    assert "Traceback" not in said
    assert aside.stat().st_size == half


def test_a_second_fetch_of_the_same_source_waits_for_nobody(crawl: Publisher, tmp_path: Path) -> None:
    fetching = Fetch(Request(source="commoncrawl", inputs=str(tmp_path), dumps=(DUMP,), folder=crawl.url))
    with fetching.locked():
        done = fetch("commoncrawl", tmp_path, crawl, "--dump", DUMP, expect=2)
    assert "another fetch is at work here" in done.stderr
    (tmp_path / "commoncrawl/.partial/a").mkdir(parents=True)
    (tmp_path / f"commoncrawl/.partial/a/.{'0' * 32}.tmp").write_text("{")  # as a kill leaves it
    fetch("commoncrawl", tmp_path, crawl, "--dump", DUMP, "--limit", 1)
    assert not (tmp_path / "commoncrawl/.partial").exists()


def test_a_file_system_without_locks_is_said(crawl: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("corpusmill.fetch.run.fcntl.flock", flock)
    said: list[str] = []
    request = Request(source="commoncrawl", inputs=str(tmp_path), dumps=(DUMP,), folder=crawl.url)
    with Fetch(request, tell=said.append).locked():
        pass
    assert said == [f"{tmp_path}/commoncrawl: no locks here (No locks available); see that no other fetch is at work."]


def test_a_failed_file_does_not_stop_the_others(crawl: Publisher, tmp_path: Path) -> None:
    names = [name for name in crawl.files if name.endswith("wet.gz")]
    crawl.behaviours[names[1]] = [says(401)]
    done = fetch("commoncrawl", tmp_path, crawl, "--dump", DUMP, "--json", expect=1)
    found = {one["path"]: one["state"] for one in map(json.loads, done.stdout.splitlines())}
    assert found == {f"commoncrawl/{name}": "failed" if name == names[1] else "fetched" for name in names}
    assert f"{names[1]}: HTTP 401 Unauthorized." in done.stderr
    assert "1 file did not come; the same command goes on with what is missing." in done.stderr
    fetch("commoncrawl", tmp_path, crawl, "--dump", DUMP)


def test_one_who_asks_for_hours_is_left_alone(publisher: Publisher, tmp_path: Path) -> None:
    names = [f"c4-train.{n:05}-of-01024.json.gz" for n in range(9)]
    publisher.behaviours = {name: [says(503, Retry_After="7200")] for name in names}
    request = Request(source="c4", inputs=str(tmp_path), folder=publisher.url, limit=9, connections=1)
    assert list(outcomes(request).values()) == ["failed"] + ["left"] * 8
    assert len(publisher.asked) == 1


def test_who_refuses_everything_is_left_alone(publisher: Publisher, tmp_path: Path) -> None:
    publisher.files = {}
    names = [f"c4-train.{n:05}-of-01024.json.gz" for n in range(30)]
    publisher.behaviours = {name: [says(403)] * 99 for name in names}
    request = Request(source="c4", inputs=str(tmp_path), dumps=("en",), folder=publisher.url, limit=30, connections=1)
    found = list(outcomes(request).values())
    assert found == ["failed"] * IN_A_ROW + ["left"] * (30 - IN_A_ROW)
    assert len(publisher.asked) == IN_A_ROW * TRIES


def test_one_who_asks_to_wait_holds_all_requests(publisher: Publisher) -> None:
    """Not the one request alone that was too much."""
    publisher.files, publisher.behaviours = {"b": b"x"}, {"a": [says(429, Retry_After="100")]}
    publisher.behaviours["a"] += [says(503), says(403, Retry_After="0"), says(500)]
    publisher.files["a"] = b"x"
    clock, held = FakeClock(), list[float]()
    client = Client(clock, 0.0)
    wait = clock.sleep
    clock.sleep = lambda seconds: (held.append(client.gate.held - clock.time), wait(seconds))  # type: ignore
    assert client.small(f"{publisher.url}a") == b"x"
    assert clock.slept == [100, 4, 8, 16]
    assert held == [100, 4, 8, 0]
    client.gate.hold(7)
    assert client.small(f"{publisher.url}b") == b"x"
    assert clock.slept[4:] == [7]


def test_a_file_of_another_size_is_not_taken_for_the_dump(publisher: Publisher, inputs: Path, tmp_path: Path) -> None:
    name, data = "knots.stackexchange.example.7z", b"7z\xbc\xaf\x27\x1c and more"
    publisher.files = {f"x/{name}": data, "x/x_files.xml": item({name: data})}
    (tmp_path / "stackexchange").mkdir()
    (tmp_path / "stackexchange" / name).write_bytes(b"mine")
    done = fetch("stackexchange", tmp_path, publisher, at="x/", expect=1)
    assert f"{name} has 4 bytes, the publisher's {len(data)}. Delete it" in done.stdout
    assert (tmp_path / "stackexchange" / name).read_bytes() == b"mine"


# ---- dry runs --------------------------------------------------------------------------------------------------------


def test_a_dry_run_asks_for_sizes_and_writes_nothing(crawl: Publisher, tmp_path: Path) -> None:
    sizes = {name: len(data) for name, data in crawl.files.items() if name.endswith("wet.gz")}
    done = fetch("commoncrawl", tmp_path / "got", crawl, "--dump", DUMP, "--dry-run")
    assert done.stderr == "Asking the publisher for the sizes that its list does not say.\n"
    lines = done.stdout.splitlines()
    assert lines[:-1] == [f"wanted  commoncrawl/{name}  {size:,} bytes" for name, size in sorted(sizes.items())]
    total = sum(sizes.values()) / 1e6
    assert lines[-1] == f"{len(sizes)} files to fetch, {total:,.1f} MB, in {tmp_path}/got/commoncrawl"
    assert not (tmp_path / "got").exists()
    assert sorted(crawl.paths("HEAD")) == sorted(sizes)
    assert crawl.paths("GET") == [LIST]


def test_a_dry_run_of_many_files_works_the_total_out(crawl: Publisher, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("corpusmill.fetch.run.ASKED", 1)
    fetching = Fetch(
        Request(source="commoncrawl", inputs=str(tmp_path), dumps=(DUMP,), folder=crawl.url, dry_run=True), FakeClock()
    )
    fetching.plan()
    known = [one.bytes for one in fetching.sizes(fetching.to_do())]
    assert known[0]
    assert known[1:] == [None] * (len(known) - 1)
    assert len(crawl.paths("HEAD")) == 1


def test_a_server_that_answers_no_head_has_files_of_unknown_size(publisher: Publisher, tmp_path: Path) -> None:
    publisher.behaviours = {"c4-train.00000-of-01024.json.gz": [says(405, b"not allowed")]}
    done = fetch("c4", tmp_path, publisher, "--limit", 1, "--dry-run")
    assert "1 file to fetch, of sizes that the publisher does not say" in done.stdout


# ---- hostile and broken lists ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "../../etc/passwd",
        "/etc/passwd",
        f"crawl-data/{DUMP}/segments/../../../../x/wet/a.warc.wet.gz",
        f"crawl-data/{DUMP}/segments/a/wet/..%2f..%2fa.warc.wet.gz",
        f"crawl-data/{DUMP}/segments/a/wet/.hidden.warc.wet.gz",
        f"crawl-data/{DUMP}/segments/./wet/a.warc.wet.gz",
        "crawl-data/CC-MAIN-2019-39/segments/a/wet/a.warc.wet.gz",
        f"crawl-data/{DUMP}/segments/a/wet/a.warc.wet.gz\\..\\b",
        f"crawl-data/{DUMP}/segments/a/wet/a\x1b[31m.warc.wet.gz",
        "https://elsewhere.example/a.warc.wet.gz",
    ],
)
def test_hostile_paths_are_refused_before_anything_is_written(publisher: Publisher, tmp_path: Path, line: str) -> None:
    good = f"crawl-data/{DUMP}/segments/a/wet/a.warc.wet.gz"
    publisher.files = {LIST: gzip.compress(f"{good}\n{line}\n".encode()), good: gzip.compress(b"WARC")}
    done = fetch("commoncrawl", tmp_path / "got", publisher, "--dump", DUMP, "--limit", 1, expect=1)
    assert "which is no path of such a list. Nothing was fetched." in done.stderr
    assert "\x1b" not in done.stderr
    assert [path for path in (tmp_path / "got").rglob("*") if path.is_file()] == []
    assert publisher.paths() == [LIST]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        pytest.param(LIST, b"\x1f\x8bnot gzip", "not a list packed by gzip", id="not gzip"),
        pytest.param(LIST, gzip.compress(b"a")[:-3], "not a list packed by gzip", id="cut off"),
        pytest.param(LIST, gzip.compress(b""), "an empty list; expected paths", id="empty"),
        pytest.param(LIST, gzip.compress(bytes(70 << 20)), "unpacks to more than 67,108,864 bytes", id="a bomb"),
    ],
)
def test_broken_lists_of_paths(publisher: Publisher, tmp_path: Path, name: str, data: bytes, message: str) -> None:
    publisher.files = {name: data}
    assert message in fetch("commoncrawl", tmp_path, publisher, "--dump", DUMP, expect=1).stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [], "it is asked for again"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="deleted"),  # how a catalogue is renewed
        pytest.param(b"\x1f\x8bspoilt", id="spoilt"),
        pytest.param(gzip.compress(b"no,catalogue\n1,2\n"), id="another table"),
    ],
)
def test_a_catalogue_that_is_gone_or_cannot_be_read_is_asked_for_anew(
    publisher: Publisher, tmp_path: Path, data
) -> None:
    name, kept = "cache/epub/feeds/pg_catalog.csv.gz", tmp_path / "books/pg_catalog.csv.gz"
    rows = b"Text#,Type,Issued,Title,Language,Authors\n11,Text,2008-06-27,Alice,en,Carroll\n"
    publisher.files = {name: gzip.compress(rows), "cache/epub/11/pg11.txt": b"Alice"}
    publisher.behaviours = {name: [sends(data)]} if data else {}
    request = Request(source="books", inputs=str(tmp_path), folder=publisher.url, limit=1)
    if data:
        with pytest.raises(SourceError, match=r"pg_catalog.csv.gz: (not a list packed|has no book)"):
            outcomes(request)
        assert not kept.exists()
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(data)
    assert outcomes(request) == {"books/gutenberg/pg11.txt": "fetched"}
    assert kept.read_bytes() == publisher.files[name]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"<html>", "not XML", id="html"),
        pytest.param(item({}, before='<!DOCTYPE f [<!ENTITY a "b">]>'), "defines entities", id="entities"),
        pytest.param(item({"../a.example.com.7z": b"x"}), "is no path of such a list", id="out of it"),
        pytest.param(item({"a/../b.example.com.7z": b"x"}), "is no path of such", id="a folder in a name"),
        pytest.param(item({".b.example.com.7z": b"x"}), "has no file that fits", id="a hidden name"),
    ],
)
def test_broken_lists_of_an_item(publisher: Publisher, tmp_path: Path, data: bytes, message: str) -> None:
    publisher.files = {"x/x_files.xml": data}
    assert message in fetch("stackexchange", tmp_path, publisher, at="x/", expect=1).stderr


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"<html>slow down</html>", "not JSON", id="html"),
        pytest.param(b"[" * 100_000, "not JSON", id="deep"),
        pytest.param(b"[]", "no list of its files", id="a list"),
        pytest.param(b'{"jobs": []}', "no list of its files", id="jobs"),
        pytest.param(b'{"jobs": {"articlesmultistreamdump": 3}}', "no list of its files", id="job"),
        pytest.param(status("enwiki", {"../../etc/passwd": b""}), "no list of its files", id="hostile name"),
        pytest.param(
            status("enwiki", {}, said="in-progress"), "not finished yet: articlesmultistreamdump", id="not yet"
        ),
    ],
)
def test_broken_lists_of_a_wikipedia(publisher: Publisher, tmp_path: Path, data: bytes, message: str) -> None:
    publisher.files = {"dumpstatus.json": data}
    options = ("--dump", "20260901", "--languages", "en")
    assert message in fetch("wikipedia", tmp_path, publisher, *options, expect=1).stderr


def test_a_dump_that_is_not_there_names_those_that_are(publisher: Publisher, tmp_path: Path) -> None:
    publisher.files = {"enwiki/": b'<a href="20260801/">20260801/</a> <a href="20260901/">x</a> <a href="latest/">'}
    options = ("--dump", "20260902", "--languages", "en")
    done = fetch("wikipedia", tmp_path, publisher, *options, at="{wiki}/{dump}/", expect=1)
    assert "There are 20260901, 20260801, as the index says." in done.stderr
    done = fetch("wikipedia", tmp_path, publisher, "--languages", "en", at="{wiki}/{dump}/", expect=2)
    assert "--dump is missing, as in --dump 20260901. There are 20260901, 20260801" in done.stderr


# ---- redirects -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "message"),
    [
        pytest.param("/c4-train.00000-of-01024.json.gz", "more than 10 redirects", id="without end"),
        pytest.param("file:///etc/passwd", "redirected to file:///etc/passwd; only https", id="a file"),
        pytest.param("ftp://a.example/x", "only https is followed", id="ftp"),
        pytest.param("", "only https is followed", id="nowhere"),
    ],
)
def test_redirects_are_looked_at(publisher: Publisher, tmp_path: Path, target: str, message: str) -> None:
    name = "c4-train.00000-of-01024.json.gz"
    publisher.behaviours = {name: [says(302, Location=target)] * 99}
    assert message in fetch("c4", tmp_path, publisher, "--limit", 1, expect=1).stdout


def test_https_is_never_left() -> None:
    with pytest.raises(SourceError, match=r"redirected to http://a\.example/x; only https"):
        _next("https://a.example/", "https://a.example/", "http://a.example/x")
    assert _next("http://a.example/", "http://a.example/", "https://b.example/x") == "https://b.example/x"


# ---- what is refused before anything is asked ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["wikipedia", "--dump", "20220701"], "among those that are gone", id="the paper's Wikipedia"),
        pytest.param(["stackexchange", "--dump", "2024-09"], "log in on each site", id="newer Stack Exchange"),
        pytest.param(["stackexchange", "--dump", "2023-03"], "took the place of the one before", id="older ones"),
        pytest.param(["books", "--dump", "books3"], "We do not point at copies", id="books3 as a dump"),
        pytest.param(["books3"], "we do not point at copies", id="books3"),
        pytest.param(["commoncrawl", "--dump", "CC-MAIN-2012"], "without WET files", id="the first crawls"),
        pytest.param(["commoncrawl", "--dump", "2019-09"], "expected a name such as CC-MAIN-2019-09", id="no dump"),
        pytest.param(["commoncrawl", "--dump", "../x"], "expected a name such as", id="a hostile dump"),
        pytest.param(["models", "--dump", "x"], "expected no --dump", id="nothing to choose"),
        pytest.param(["wikipedia", "--dump", "20260901"], "pass --contact", id="no contact"),
        pytest.param(["wikipedia", "--dump", "20260901", "--contact", "a\nb"], "in ASCII", id="a hostile contact"),
        pytest.param(
            ["wikipedia", "--dump", "20260901", "--languages", "en,.*"], "the code of a Wiki", id="no language"
        ),
        pytest.param(["books"], "rsync -av", id="all of Gutenberg"),
        pytest.param(["books", "--limit", "1", "--wait", "0"], "asks to wait 2 s", id="too fast"),
        pytest.param(["books", "--limit", "1", "--connections", "9"], "at most 1 connection", id="too many"),
        pytest.param(["c4", "--from", "file:///etc"], "begins with https", id="a file"),
        pytest.param(["c4", "--from", "http://[x"], "--from http://[x: Invalid IPv6 URL", id="no address at all"),
        pytest.param(["c4", "--from", "https://me:secret@a.example/"], "put these into ~/.netrc", id="a password"),
        pytest.param(["github"], "BigQuery charges your account", id="github"),
        pytest.param(["arxiv"], "requester-pays", id="arxiv"),
        pytest.param(["wikipdia"], 'did you mean "wikipedia"', id="a typo"),
    ],
)
def test_refused_before_anything_is_asked(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = corpusmill("fetch", *arguments, "--inputs", tmp_path, expect=2)
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_bucket_is_refused() -> None:
    assert "--inputs must be a folder" in corpusmill("fetch", "c4", "--inputs", "memory://x", expect=2).stderr


def test_no_bar_is_drawn_into_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpusmill.fetch.progress.LINE_EVERY", 0.001)
    log, written = io.StringIO(), threading.Event()
    log.write = lambda text: (io.StringIO.write(log, text), written.set())  # type: ignore[method-assign]
    with watching(Console(file=log, force_terminal=True, width=80), False, "c4", 3):  # as by FORCE_COLOR
        assert written.wait(60)
    assert log.getvalue().startswith("c4: 0/3 files  0.0 MB  0.0 MB/s\n")
    assert "\x1b" not in log.getvalue()


def test_a_disk_without_room_is_refused(publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetching = Fetch(Request(source="c4", inputs=str(tmp_path / "a/b"), folder=publisher.url))
    fetching.plan()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 10**9))
    with pytest.raises(UsageError, match=r"1,024 files need about 327\.7 GB, 1\.0 GB are free there"):
        fetching.check_room(fetching.to_do())


def test_who_asks_is_said(publisher: Publisher, tmp_path: Path) -> None:
    publisher.files = {"c4-train.00000-of-01024.json.gz": gzip.compress(b"{}")}
    fetch("c4", tmp_path, publisher, "--limit", 1, "--contact", "me@example.org")
    agent = publisher.asked[0][2]["User-Agent"]
    assert agent.startswith("corpusmill/")
    assert "(me@example.org) python-requests/" in agent


def test_without_a_source_it_says_what_there_is() -> None:
    said = corpusmill("fetch").stdout
    assert all(name in said for name in addresses())
    assert "requester-pays" in said
    rows = [json.loads(line) for line in corpusmill("fetch", "--json").stdout.splitlines()]
    assert {row["source"] for row in rows if row["fetched"]} == {
        *("commoncrawl", "c4", "wikipedia", "books", "stackexchange", "models")
    }
    done = corpusmill("fetch", "--inputs", "dumps", "--dump", "en", "--json", expect=2)
    assert done.stdout == ""
    assert "fetch: --inputs, --dump: of which SOURCE?" in done.stderr
    assert "github.sql" in corpusmill("fetch", "github", expect=2).stdout
    assert "aws s3 cp --request-payer requester" in corpusmill("fetch", "arxiv", expect=2).stdout
    said = json.loads(corpusmill("fetch", "arxiv", "--inputs", "mine", "--json", expect=2).stdout)
    assert (said["source"], said["fetched"]) == ("arxiv", False)
    assert "requester-pays" in said["why"]
    assert "aws s3 cp --request-payer requester s3://arxiv/src/arXiv_src_2301_001.tar mine/arxiv/" in said["steps"][1]
    assert said["run"] == "corpusmill run llama1 arxiv --inputs mine --output OUT"
