"""Phases run item by item in this process, without Beam. On the path of every test (setup.cfg)."""

from collections.abc import Iterable
from pathlib import Path

from corpusmill.manifest import Receipt, read_receipts
from corpusmill.pipelines.phase import Phase, perform


def make(phase: Phase, output: Path | str) -> dict[str, Receipt]:
    """Every item of a phase, and the receipts in their order."""
    for item in phase.items:
        perform(item, phase.name, str(output), phase.function)
    receipts = read_receipts(str(output), phase.name, [item.name for item in phase.items])
    return {item.name: receipts[item.name] for item in phase.items}


def record(name: str, body: str, **headers: str) -> bytes:
    """A WET record."""
    data = body.encode()
    fields = {
        "WARC-Type": "conversion",
        "WARC-Target-URI": f"https://{name}.example/",
        "WARC-Date": "2019-02-16T00:00:00Z",
        "WARC-Record-ID": f"<urn:uuid:{name}>",
        "Content-Length": str(len(data)),
        **headers,
    }
    return (
        "".join(["WARC/1.0\r\n", *(f"{k}: {v}\r\n" for k, v in fields.items()), "\r\n"]).encode() + data + b"\r\n\r\n"
    )


def write_wet(path: Path, pages: Iterable[tuple[str, str]]) -> None:
    """A plain WET file of pages: (name, body)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(record(name, body) for name, body in pages))
