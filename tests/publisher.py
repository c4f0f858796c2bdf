"""A publisher of one's own on this machine, who misbehaves on request; and a clock that waits for nothing."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from corpusmill.fetch.client import Clock, StoppedError

Behaviour = Callable[["Handler", bytes], bool]
"""Answers a request and returns True; or does nothing, and the server answers as it should."""


class FakeClock(Clock):
    """Sleeping moves the time on; so does looking at it, by `tick`. What was slept is kept."""

    def __init__(self, tick: float = 0.0) -> None:
        super().__init__()
        self.time, self.tick, self.slept = 0.0, tick, list[float]()
        self.lock = threading.Lock()

    def now(self) -> float:
        with self.lock:
            self.time += self.tick
            return self.time

    def today(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        if self.stop.is_set():
            raise StoppedError("interrupted.")
        with self.lock:
            self.time += seconds
            self.slept.append(seconds)

    def jitter(self) -> float:
        return 1.0


@dataclass
class Publisher:
    """Files by their paths; behaviours by path, one a request, after which it behaves; what was asked, and when by a
    clock; how many requests were answered at once, and over how many connections."""

    files: dict[str, bytes] = field(default_factory=dict)
    behaviours: dict[str, list[Behaviour]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    etags: dict[str, str] = field(default_factory=dict)
    url: str = ""
    clock: FakeClock | None = None
    began: list[float] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    connections: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def answering(self, port: int) -> Iterator[None]:
        """Count a request while the block answers it."""
        with self.lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self.connections.add(port)
            if self.clock:
                self.began.append(self.clock.time)
        try:
            yield
        finally:
            with self.lock:
                self.at_once -= 1

    def paths(self, method: str = "GET") -> list[str]:
        return [path for how, path, _ in self.asked if how == method]

    def etag(self, path: str) -> str:
        return self.etags.get(path, f'"{hashlib.md5(self.files[path], usedforsecurity=False).hexdigest()}"')


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    publisher: Publisher

    def do_GET(self) -> None:
        with self.publisher.answering(self.client_address[1]):
            self.answer(with_body=True)

    def do_HEAD(self) -> None:
        with self.publisher.answering(self.client_address[1]):
            self.answer(with_body=False)

    def answer(self, with_body: bool) -> None:
        path = unquote(self.path.lstrip("/"))
        self.publisher.asked.append((self.command, path, dict(self.headers)))
        data = self.publisher.files.get(path)
        queue = self.publisher.behaviours.get(path, [])
        if queue and queue.pop(0)(self, data or b""):
            return
        if data is None:
            self.give(404, b"no such file", {"Content-Type": "text/plain"})
            return
        start, etag = 0, self.publisher.etag(path)
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and self.headers.get("If-Range", etag) == etag:
            start = int(asked[1])
        if start >= len(data) and asked:
            self.give(416, b"", {"Content-Range": f"bytes */{len(data)}"})
            return
        headers = {"ETag": etag, "Accept-Ranges": "bytes"}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.give(206 if start else 200, data[start:] if with_body else b"", headers, len(data) - start)

    def give(self, status: int, body: bytes, headers: dict[str, str], length: int | None = None) -> bool:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        if length is not None and len(body) != length and self.command == "GET":
            self.close_connection = True
        return True

    def log_message(self, *_: object) -> None: ...


@contextlib.contextmanager
def serving(files: dict[str, bytes] | None = None) -> Iterator[Publisher]:
    """A publisher while the block runs."""
    publisher = Publisher(dict(files or {}))
    handler = type("Own", (Handler,), {"publisher": publisher})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that leaves is none
    publisher.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield publisher
    finally:
        server.shutdown()
        server.server_close()


# ---- ways to misbehave -----------------------------------------------------------------------------------------------


def says(status: int, body: bytes = b"", **headers: str) -> Behaviour:
    """Another status; names of headers with _ for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, _: handler.give(status, body, named)


def breaks_off(at: int) -> Behaviour:
    """Send `at` bytes of what is due, and close."""

    def behave(handler: Handler, data: bytes) -> bool:
        path = unquote(handler.path.lstrip("/"))
        start = int((re.search(r"\d+", handler.headers.get("Range", "")) or ["0"])[0])
        etag = handler.publisher.etag(path)
        headers = {"ETag": etag, **({"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {})}
        return handler.give(206 if start else 200, data[start : start + at], headers, len(data) - start)

    return behave


def lies(length: int) -> Behaviour:
    """Say that the whole is so long, and send it as it is."""
    return lambda handler, data: handler.give(200, data[:length], {"ETag": '"a"'}, length)


def ignores_range(handler: Handler, data: bytes) -> bool:
    return handler.give(200, data, {"ETag": handler.publisher.etag(unquote(handler.path.lstrip("/")))})


def sends(body: bytes, **headers: str) -> Behaviour:
    """Other bytes than those of the file, as if all were well."""
    return says(200, body, **headers)


def chunked(at: int | None = None) -> Behaviour:
    """Without a length, in chunks; or `at` bytes of it and no end."""

    def behave(handler: Handler, data: bytes) -> bool:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        body = data if at is None else data[:at]
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(body), body) + (b"0\r\n\r\n" if at is None else b""))
        handler.close_connection = True
        return True

    return behave


def unmeasured(handler: Handler, data: bytes) -> bool:
    """Neither a length nor chunks: the end of the connection is the end of the file."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(data)
    handler.close_connection = True
    return True


def dripping(handler: Handler, data: bytes) -> bool:
    """A byte at a time."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    with contextlib.suppress(OSError):
        for n in range(len(data)):
            handler.wfile.write(data[n : n + 1])
            handler.wfile.flush()
    handler.close_connection = True
    return True
