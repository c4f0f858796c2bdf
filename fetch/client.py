"""Polite HTTP: few connections, a pause between requests, waits that grow, redirects that are looked at.

    Again       trouble that may pass: the same request is sent once more, later
    SourceError what asking again cannot mend: no such file, a certificate that is not right, a publisher who says no

Time comes from a `Clock`, so that tests wait for nothing.
"""

from __future__ import annotations

import contextlib
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from .. import __version__
from ..errors import CorpusmillError, SourceError

T = TypeVar("T")

TRIES = 8  # of one request that brings nothing new
FIRST_TRIES = 3  # while nobody has answered yet: an address may be wrong
MAX_WAIT = 600.0  # seconds that a publisher may have us wait; who asks for more gets an error, and is left alone
MAX_LIST_BYTES = 64 << 20
SAID_WAIT = 5.0  # seconds; who waits longer is told why
_MAX_BACK_OFF = 60.0
_MAX_HOPS = 10
_CHUNK = 1 << 18
_CONNECT_SECONDS, _READ_SECONDS = 20, 60
_SLOW_SECONDS, _SLOW_BYTES = 120.0, 64 << 10  # a server that gives less in so long is asked anew
_PASSING = (403, 408, 425, 429)  # beside 5xx; 403: Common Crawl's and Wikimedia's word for "too fast"
_LASTING = (501, 505)  # of 5xx
_FULL_SERVER = (403, 429, 503)  # holds all requests to the publisher, not this one alone
_NO_ANSWER = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
_BROKEN = (urllib3.exceptions.HTTPError, OSError)


class Again(Exception):
    """Trouble that may pass; `wait` is what the server asked for, in seconds, and `full`: of all who ask it."""

    def __init__(self, text: str, wait: float | None = None, full: bool = False):
        super().__init__(text)
        self.wait, self.full = wait, full


class Missing(SourceError):
    """The publisher has no such file."""


class Stop(SourceError):
    """Trouble that other files would have, too: no other one is begun."""


class Clock:
    """Time as the machine has it; waiting ends at once when `stop` is set."""

    def __init__(self) -> None:
        self.stop = threading.Event()

    def now(self) -> float:
        return time.monotonic()

    def today(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise StoppedError("stopped.")

    def jitter(self) -> float:
        return random.random()  # decides how long to wait, and nothing else


@dataclass
class Gate:
    """When the next request to a publisher may begin."""

    clock: Clock
    wait: float
    ready: float = 0.0
    held: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def turn(self) -> None:
        """Wait for one's turn."""
        while True:
            with self.lock:
                now = self.clock.now()
                rest = max(self.ready, self.held) - now
                if rest <= 0:
                    self.ready = now + self.wait
                    return
            self.clock.sleep(rest)

    def hold(self, seconds: float) -> None:
        """Let nobody begin for so long."""
        with self.lock:
            self.held = max(self.held, self.clock.now() + seconds)


@dataclass(frozen=True)
class Reply:
    """An answer. `said` are its headers over those of the redirects before it: Hugging Face tells a digest there."""

    url: str
    status: int
    headers: Mapping[str, str]
    said: Mapping[str, str]
    raw: Any
    clock: Clock

    def chunks(self) -> Iterator[bytes]:
        """The body as it comes, packed as it is. Raises Again when it breaks off, or comes too slowly."""
        since, got = self.clock.now(), 0
        try:
            while chunk := self.raw.read1(_CHUNK, decode_content=False):
                if self.clock.stop.is_set():
                    raise StoppedError("stopped.")
                yield chunk
                got += len(chunk)
                if self.clock.now() - since >= _SLOW_SECONDS:
                    if got < _SLOW_BYTES:
                        raise Again(f"came too slowly, {got:,} bytes in {_SLOW_SECONDS:.0f} s")
                    since, got = self.clock.now(), 0
        except _BROKEN as error:
            raise Again(f"broke off ({type(error).__name__})") from error

    @property
    def size(self) -> int | None:
        """Bytes of this body, as the server says."""
        value = self.headers.get("Content-Length", "")
        return int(value) if re.fullmatch(r"\d{1,18}", value) else None


class Client:
    """Asks one publisher. Threads may share it. `tell` is given a line before each long wait."""

    def __init__(self, clock: Clock, wait: float, contact: str = "", tell: Callable[[str], None] = lambda _: None):
        self.clock, self.gate, self.own, self.tell = clock, Gate(clock, wait), threading.local(), tell
        self.answered = False
        by = f" ({contact})" if contact else ""
        self.agent = f"corpusmill/{__version__}{by} {requests.utils.default_user_agent()}"

    @contextlib.contextmanager
    def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> Iterator[Reply]:
        """Send one request, redirects followed; 200, 206 and 416 come back.

        Raises:
            Again: trouble that may pass.
            Missing: 404 and 410.
            SourceError: whatever else the server says.
        """
        said: dict[str, str] = {}
        at = url
        for _ in range(_MAX_HOPS):
            self.gate.turn()
            with contextlib.closing(self._send(method, at, headers or {})) as response:
                said |= {name.lower(): value for name, value in response.headers.items()}
                if response.status_code in (301, 302, 303, 307, 308):
                    if method == "HEAD" and "x-linked-size" in said:  # Hugging Face has said it all
                        yield Reply(at, 200, {}, said, response.raw, self.clock)
                        return
                    at = _next(url, at, response.headers.get("Location", ""))
                    continue
                self._check(url, response)
                if response.status_code != 416 and method != "HEAD":
                    _refuse_packing(url, response.headers)
                yield Reply(at, response.status_code, response.headers, said, response.raw, self.clock)
                return
        raise SourceError(f"{url}: more than {_MAX_HOPS} redirects, the last to {shown(at)}.")

    def small(self, url: str, look: Callable[[bytes], None] = lambda _: None) -> bytes:
        """The whole of a list or another small file, asked for again where that may help. `look` may refuse it."""

        def once() -> bytes:
            with self.ask("GET", url) as reply:
                data = bytearray()
                for chunk in reply.chunks():
                    data += chunk
                    if len(data) > MAX_LIST_BYTES:
                        raise SourceError(f"{url}: longer than {MAX_LIST_BYTES:,} bytes; expected a list of files.")
                if reply.size is not None and len(data) != reply.size:
                    raise Again(f"broke off at {len(data):,} of {reply.size:,} bytes")
                look(bytes(data))
                return bytes(data)

        return self.again(url, once)

    def size_of(self, url: str) -> int | None:
        """Bytes of a file by a HEAD request; None where the server does not say."""

        def once() -> int | None:
            with self.ask("HEAD", url) as reply:
                if reply.status != 200 or not _is_as_named(url, reply.headers):
                    return None
                linked = reply.said.get("x-linked-size", "")
                return int(linked) if re.fullmatch(r"\d{1,18}", linked) else reply.size

        return self.again(url, once)

    def again(self, what: str, action: Callable[[], T], reached: Callable[[], int] = lambda: 0, least: int = 1) -> T:
        """Do something until it succeeds, with longer and longer waits; tries count anew after `least` new bytes
        beyond the furthest that was reached: a file that begins anew and anew gets nowhere.

        Raises:
            SourceError: it did not in `TRIES` tries, or the server asks to wait too long.
        """
        tries, best = 0, reached()
        while True:
            try:
                return action()
            except Again as trouble:
                if reached() - best >= least:
                    tries, best = 0, reached()
                tries += 1
                if trouble.wait is not None and trouble.wait > MAX_WAIT:
                    text = f"the server asks to wait {trouble.wait:,.0f} s ({trouble})"
                    raise Stop(f"{what}: {text}. The same command goes on, later.") from trouble
                if tries >= (TRIES if self.answered else FIRST_TRIES):
                    text = f"given up after {tries} tries, the last one: {trouble}"
                    raise SourceError(f"{what}: {text}. The same command goes on where it stopped.") from trouble
                wait = self.pause(tries, trouble.wait)
                if trouble.full:
                    self.gate.hold(wait)
                if wait >= SAID_WAIT:
                    self.tell(f"{what}: {trouble}; asking again in {wait:.0f} s")
                self.clock.sleep(wait)

    def pause(self, tries: int, wait: float | None) -> float:
        """Seconds to wait after so many tries: 1 to 2, 2 to 4, … up to 60, or what the server asked for, if more."""
        return max(wait or 0.0, min(2.0**tries, _MAX_BACK_OFF) * (1 + self.clock.jitter()) / 2)

    def _send(self, method: str, url: str, headers: Mapping[str, str]) -> requests.Response:
        fixed = {"User-Agent": self.agent, "Accept-Encoding": "identity", "Accept": "*/*"}
        try:
            response = self._session().request(
                *(method, url),
                headers={**fixed, **headers},
                stream=True,
                allow_redirects=False,
                timeout=(_CONNECT_SECONDS, _READ_SECONDS),
            )
            self.answered = True
            return response
        except requests.exceptions.SSLError as error:
            raise SourceError(f"{shown(url)}: no safe connection ({error}).") from error
        except _NO_ANSWER as error:
            raise Again(f"no answer from {urlsplit(url).netloc} ({_reason(error)})") from error
        except (requests.RequestException, ValueError) as error:
            raise SourceError(f"{shown(url)}: cannot be asked ({type(error).__name__}: {error}).") from error

    def _session(self) -> requests.Session:
        """One of each thread's own: it keeps its connection, and takes proxies from the environment."""
        if not hasattr(self.own, "session"):
            self.own.session = requests.Session()
        session: requests.Session = self.own.session
        return session

    def _check(self, url: str, response: requests.Response) -> None:
        status = response.status_code
        if status in (200, 206, 416) or (response.request.method == "HEAD" and status in (405, 501)):
            return
        text = f"HTTP {status} {shown(response.reason or '')}".rstrip()
        if status in (404, 410):
            raise Missing(f"{url}: not there ({text}).")
        if status not in _PASSING and (status < 500 or status in _LASTING):
            raise SourceError(f"{url}: {text}.")
        raise Again(text, asked_wait(response.headers, self.clock.today()), status in _FULL_SERVER)


def asked_wait(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that `Retry-After` asks for, or None; a date is compared with the server's own clock.

    >>> asked_wait({"Retry-After": "30"}, 0.0), asked_wait({}, 0.0), asked_wait({"Retry-After": "soon"}, 0.0)
    (30.0, None, None)
    >>> asked_wait({"Retry-After": "Fri, 07 Nov 2025 10:00:30 GMT", "Date": "Fri, 07 Nov 2025 10:00:00 GMT"}, 0.0)
    30.0
    """
    value = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}", value):
        return float(value)
    try:
        then = parsedate_to_datetime(value).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        now = parsedate_to_datetime(headers.get("Date", "")).timestamp()
    return max(0.0, then - now)


def _is_as_named(url: str, headers: Mapping[str, str]) -> bool:
    """Whether a body is the file itself. Old servers call the packing that a `.gz` file has its `Content-Encoding`.

    >>> _is_as_named("https://a.example/b.gz", {"Content-Encoding": "x-gzip"})
    True
    >>> _is_as_named("https://a.example/b.json", {"Content-Encoding": "gzip"})
    False
    """
    encoding = headers.get("Content-Encoding", "").strip().lower()
    is_gz = urlsplit(url).path.endswith(".gz")
    return encoding in ("", "identity") or (encoding in ("gzip", "x-gzip") and is_gz)


def _refuse_packing(url: str, headers: Mapping[str, str]) -> None:
    """Sizes, digests and offsets are those of the file as it is, so packed for the way it is of no use."""
    if not _is_as_named(url, headers):
        encoding = shown(headers["Content-Encoding"], 40)
        raise SourceError(
            f'{url}: the server packs it for the way (Content-Encoding "{encoding}"), though asked for identity, the '
            "file as it is. A proxy may do so; ask past it, or pass --from with another mirror."
        )


def _reason(error: Exception) -> str:
    """The innermost of what an error of requests holds, as in `Connection refused`."""
    inner = getattr(error.args[0], "reason", error) if error.args else error
    return shown(str(inner).rpartition(": ")[2] or type(error).__name__, 80)


def _next(url: str, at: str, location: str) -> str:
    """Where a redirect leads; never from https to http, nor to anything else."""
    target = urljoin(at, location)
    scheme = urlsplit(target).scheme
    if not location or (scheme != "https" and scheme != urlsplit(at).scheme):
        raise SourceError(f"{url}: redirected to {shown(target)}; only https is followed from there.")
    return target


def shown(text: str, limit: int = 200) -> str:
    """What a server said, fit for one line of a message.

    >>> shown("a\\x1b[31m\\nb")
    'a [31m b'
    """
    clean = "".join(char if char.isprintable() else " " for char in text[: 4 * limit])
    return " ".join(clean.split())[:limit]


class StoppedError(CorpusmillError):
    """A file is left as it is, for the whole command stops."""
