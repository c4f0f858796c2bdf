"""What a publisher sees of a fetch: how many requests at once, and how long after one another they begin."""

from __future__ import annotations

import gzip
import itertools
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from corpusmill.fetch.addresses import address_of
from corpusmill.fetch.client import Gate
from corpusmill.fetch.run import Fetch, Request
from publisher import Behaviour, FakeClock, Handler, Publisher, says, serving
from running import corpusmill

PAGE = gzip.compress(b'{"text": "A.", "url": "https://a.example/", "timestamp": "2019-04-25T12:57:54Z"}\n')
N_FILES = 12
NAMES = [f"c4-train.{n:05}-of-01024.json.gz" for n in range(N_FILES)]
SECONDS = 20  # that a request waits for others to come; only where too few do


class Unwatched:
    def at(self, path: str, at: int, total: int | None) -> None: ...

    def over(self, path: str) -> None: ...


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with serving(dict.fromkeys(NAMES, PAGE)) as publisher:
        yield publisher


def fetch(request: Request, clock: FakeClock) -> list[str]:
    """What became of each file."""
    fetching = Fetch(request, clock)
    fetching.plan()
    return [one.state for one in fetching.run(fetching.to_do(), Unwatched())]


def together(n: int) -> Behaviour:
    """Answer when so many requests are there."""
    barrier = threading.Barrier(n, timeout=SECONDS)

    def behave(handler: Handler, data: bytes) -> bool:
        barrier.wait()
        return False

    return behave


def gaps(times: Sequence[float]) -> list[float]:
    return [after - before for before, after in itertools.pairwise(times)]


# ---- connections -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "n"),
    [
        pytest.param(1, 1, id="one"),
        pytest.param(3, 3, id="as asked for"),
        pytest.param(None, 4, id="as many as the publisher takes"),
    ],
)
def test_so_many_requests_at_once_and_no_more(asked: int | None, n: int, publisher: Publisher, tmp_path: Path) -> None:
    """Each is answered when as many as are allowed are there: fewer threads would wait for ever."""
    assert address_of("c4").connections == 4
    all_there = together(n)
    publisher.behaviours = {name: [all_there] for name in NAMES}
    request = Request(source="c4", inputs=str(tmp_path), folder=publisher.url, limit=N_FILES, connections=asked)
    assert fetch(request, FakeClock()) == ["fetched"] * N_FILES
    assert publisher.most_at_once == n
    assert len(publisher.connections) == n
    assert sorted(publisher.paths()) == NAMES


def test_the_command_keeps_to_the_number_it_is_given(publisher: Publisher, tmp_path: Path) -> None:
    both = together(2)
    publisher.behaviours = {name: [both] for name in NAMES}
    options = ("--limit", N_FILES, "--connections", 2, "--wait", 0, "--from", publisher.url)
    corpusmill("fetch", "c4", "--inputs", tmp_path, *options)
    assert (publisher.most_at_once, len(publisher.connections)) == (2, 2)


def test_a_dry_run_asks_for_sizes_over_as_many_connections(publisher: Publisher, tmp_path: Path) -> None:
    all_there = together(3)
    publisher.behaviours = {name: [all_there] for name in NAMES}
    fetching = Fetch(Request(source="c4", inputs=str(tmp_path), folder=publisher.url, limit=N_FILES, connections=3))
    fetching.plan()
    assert [one.bytes for one in fetching.sizes(fetching.to_do())] == [len(PAGE)] * N_FILES
    assert publisher.most_at_once == 3


# ---- pauses ----------------------------------------------------------------------------------------------------------


def test_requests_begin_the_wait_apart(publisher: Publisher, tmp_path: Path) -> None:
    """Those that follow a redirect, or ask again, too."""
    clock = publisher.clock = FakeClock()
    publisher.files["moved"] = PAGE
    publisher.behaviours = {NAMES[1]: [says(302, Location="/moved")], NAMES[3]: [says(500), says(503)]}
    request = Request(source="c4", inputs=str(tmp_path), folder=publisher.url, limit=5, connections=1, wait=7.5)
    assert fetch(request, clock) == ["fetched"] * 5
    assert publisher.paths() == [*NAMES[:2], "moved", NAMES[2], *[NAMES[3]] * 3, NAMES[4]]
    assert gaps(publisher.began) == [7.5] * 7
    assert sum(clock.slept) == 7 * 7.5


def test_without_a_wait_nothing_is_waited_for(publisher: Publisher, tmp_path: Path) -> None:
    clock = FakeClock()
    request = Request(source="c4", inputs=str(tmp_path), folder=publisher.url, limit=N_FILES, wait=0.0)
    assert fetch(request, clock) == ["fetched"] * N_FILES
    assert clock.slept == []


def test_a_publisher_who_asks_for_a_pause_has_it(inputs: Path, tmp_path: Path) -> None:
    """Project Gutenberg does, as addresses.yaml has it; the catalogue and the books are all requests to it."""
    texts = {path.name: path.read_bytes() for path in (inputs / "books/gutenberg").glob("pg*.txt")}
    files = {f"cache/epub/{name[2:-4]}/{name}": data for name, data in texts.items()}
    files["cache/epub/feeds/pg_catalog.csv.gz"] = gzip.compress((inputs / "books/pg_catalog.csv").read_bytes())
    wait = address_of("books").wait
    assert wait == 2
    with serving(files) as publisher:
        clock = publisher.clock = FakeClock()
        request = Request(source="books", inputs=str(tmp_path), folder=publisher.url, languages=("en",))
        assert "fetched" in fetch(request, clock)
        assert len(publisher.began) >= 4
        assert publisher.most_at_once == 1
        assert set(gaps(publisher.began)) == {wait}


class SharedClock(FakeClock):
    """Whoever sleeps wakes when it is late enough. The first time all wake at once; each has what it last looked at."""

    def __init__(self, n_threads: int) -> None:
        super().__init__()
        self.all_asleep, self.own = threading.Barrier(n_threads, timeout=SECONDS), threading.local()

    def now(self) -> float:
        self.own.last = super().now()
        return float(self.own.last)

    def sleep(self, seconds: float) -> None:
        if not hasattr(self.own, "slept"):
            self.own.slept = True
            self.all_asleep.wait()
        with self.lock:
            self.time = max(self.time, self.own.last + seconds)


def test_threads_take_turns() -> None:
    """However many there are, those among them who wake together: a turn begins when its thread last saw the time."""
    clock, began = SharedClock(8), list[float]()
    gate = Gate(clock, wait=3.0)
    gate.turn()

    def ask() -> None:
        for _ in range(20):
            gate.turn()
            began.append(clock.own.last)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(began) == [3.0 * n for n in range(1, 8 * 20 + 1)]
