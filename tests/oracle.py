"""What the reference implementations gave for the shared cases. On the path of every test (setup.cfg)."""

import json

import pytest

from running import SHARED


def cases(name: str, kind: str = "") -> list[object]:
    """The cases of a file, or those of a kind, as parameters of a test; a skipped one where the file is not there."""
    path = SHARED / "cases" / f"{name}.jsonl"
    if not path.exists():
        return [pytest.param(None, id="absent", marks=pytest.mark.skip(reason="the shared samples are not here"))]
    found = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [pytest.param(case, id=case["id"]) for case in found if not kind or case["kind"] == kind]
