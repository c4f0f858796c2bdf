"""A page in headless Chromium, driven over a pipe: what it looks like, what it asks for, what it complains of."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SECONDS = 60  # that an answer may take
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-extensions", "--remote-debugging-pipe"),
)
# Of every element that is seen with a text of its own: tag and classes, and how much its colour stands out from what
# is behind it, as WCAG 2 has it.
CONTRASTS = """
(() => {
    const parse = (colour) => {
        const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
        return [r, g, b, a];
    };
    const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
    const behind = (element) => {
        const layers = [];
        for (let one = element; one; one = one.parentElement) {
            layers.push(parse(getComputedStyle(one).backgroundColor));
            if (layers.at(-1)[3] === 1) break;
        }
        return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
    };
    const light = (colour) => {
        const [r, g, b] = colour.map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found = [];
    for (const one of document.querySelectorAll("body *")) {
        const own = [...one.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
        if (!own || !one.checkVisibility() || one.closest(".hidden, script, style")) continue;
        const style = getComputedStyle(one), back = behind(one);
        const ink = parse(one.closest("svg") ? style.fill : style.color);
        const [low, high] = [light(over([...ink.slice(0, 3), ink[3] * style.opacity], back)), light(back)].sort(
            (a, b) => a - b
        );
        found.push([`${one.localName}.${one.getAttribute("class") ?? ""}`, (high + 0.05) / (low + 0.05)]);
    }
    return found;
})()
"""
# Elements that stand out of the window at either side, but for what its own box scrolls or cuts.
STANDING_OUT = """
(() => {
    const width = document.documentElement.clientWidth;
    const contained = (element) => {
        for (let one = element.parentElement; one && one !== document.body; one = one.parentElement)
            if (getComputedStyle(one).overflowX !== "visible" && one.localName !== "svg") return true;
        return false;
    };
    return [...document.querySelectorAll("body, body *")]
        .filter((one) => one.checkVisibility() && !contained(one))
        .map((one) => [one, one.getBoundingClientRect()])
        .filter(([, box]) => box.width && (box.right > width + 0.5 || box.left < -0.5))
        .map(([one, box]) => `${one.localName}.${one.getAttribute("class") ?? ""}: ${box.left} to ${box.right}`);
})()
"""


@dataclass
class Browser:
    """The protocol of its developer tools: messages of JSON, each with a NUL behind."""

    write: int
    read: int
    session: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _buffer: bytes = b""

    def call(self, method: str, **params: Any) -> Any:
        """Call a method of the protocol. What happens meanwhile is kept in `events`."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self.events.append(answer)

    def wait(self, method: str) -> None:
        """Wait until an event has come."""
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self._next())

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + SECONDS
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self.read], [], [], max(0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            data = os.read(self.read, 1 << 16)
            assert data, "the browser ended"
            self._buffer += data
        first, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(first)
        return message

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript gives, on the page."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def open(self, url: str, width: int, dark: bool, height: int = 900) -> None:
        """Show a page, in a window of a width, and wait until it is there."""
        self.events.clear()
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=url)
        self.wait("Page.loadEventFired")

    @property
    def complaints(self) -> list[str]:
        """What the console says, and exceptions."""
        names = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
        return [json.dumps(event["params"]) for event in self.events if event.get("method") in names]

    @property
    def requests(self) -> list[str]:
        """Every address that was asked for."""
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A browser of its own, with a page, that ends with the block."""
    assert CHROMIUM
    their_input, our_output = os.pipe()
    our_input, their_output = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        arguments = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        shell = f'exec "$@" 3<&{their_input} 4>&{their_output}'  # where it reads, and where it writes
        process = subprocess.Popen(
            ["bash", "-c", shell, "bash", *arguments],
            pass_fds=(their_input, their_output),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(their_input)
        os.close(their_output)
        try:
            found = Browser(write=our_output, read=our_input)
            target = found.call("Target.createTarget", url="about:blank")["targetId"]
            found.session = found.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                found.call(f"{domain}.enable")
            yield found
        finally:
            os.close(our_output)
            os.close(our_input)
            process.kill()
            process.wait()
