"""Files of cutoffs: a run's JSON, a table like cc_net's, and everything that is neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpusmill.errors import UsageError
from corpusmill.filters.ccnet_perplexity import Cutoffs
from corpusmill.models.cutoffs import open_cutoffs

BOM = "\ufeff"
TABLE = ",en,de,none\n" + "".join(f"{row},{row * 10}.5,{row * 2},\n" for row in range(100))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        pytest.param("a", '{"en": {"head": 340, "middle": 520.5}}', {"en": Cutoffs(340, 520.5)}, id="JSON"),
        pytest.param("a.json", BOM + '{"en": {"head": 0, "middle": 0}}', {"en": Cutoffs(0, 0)}, id="JSON, BOM"),
        pytest.param("a", "{}", {}, id="no language"),
        pytest.param("a.csv", TABLE, {"en": Cutoffs(300.5, 600.5), "de": Cutoffs(60, 120)}, id="table"),
        pytest.param("a.csv", BOM + TABLE.replace("\n", "\r\n"), {"en": 0, "de": 0}, id="table, BOM"),
        pytest.param("a.csv", TABLE.replace("60,600.5,", "60,,"), {"de": Cutoffs(60, 120)}, id="table, an empty cell"),
    ],
)
def test_files(tmp_path: Path, name: str, text: str, expected: dict[str, object]) -> None:
    (tmp_path / name).write_text(text, newline="")
    found = open_cutoffs(str(tmp_path / name), 30, 60)
    assert list(found) == list(expected)
    assert found == expected or 0 in expected.values()


def test_the_rows_are_those_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TABLE)
    assert open_cutoffs(str(tmp_path / "a.csv"), 0, 99)["en"] == Cutoffs(0.5, 990.5)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        pytest.param("a", "", "Expecting value", id="empty"),
        pytest.param("a", "[1]", "a list in place of a mapping", id="a list"),
        pytest.param("a", "null", "a NoneType in place of a mapping", id="null"),
        pytest.param("a", '{"en": 340}', "no number 'head' for 'en'", id="one number"),
        pytest.param("a", '{"en": [340, 520]}', "no number 'head' for 'en'", id="a list of numbers"),
        pytest.param("a", '{"en": {"head": 340}}', "no number 'middle' for 'en'", id="a field is missing"),
        pytest.param("a", '{"en": {"head": "340", "middle": 520}}', "no number 'head'", id="a string"),
        pytest.param("a", '{"en": {"head": true, "middle": 520}}', "no number 'head'", id="a boolean"),
        pytest.param("a", '{"en": {"head": null, "middle": 520}}', "no number 'head'", id="a null"),
        pytest.param("a", '{"en": {"head": NaN, "middle": 520}}', "expected 0 <= head <= middle", id="NaN"),
        pytest.param("a", '{"en": {"head": 1, "middle": Infinity}}', "expected 0 <= head <= middle", id="infinity"),
        pytest.param("a", '{"en": {"head": -1, "middle": 520}}', "expected 0 <= head <= middle", id="below 0"),
        pytest.param("a", '{"e\\n": {"head": 2, "middle": 1}}', "got 2.0, 1.0", id="head above middle"),
        pytest.param("a", '{"en": {"head": 1, "middle": 1' + "0" * 400 + "}}", "too large", id="a huge number"),
        pytest.param("a", "[" * 100_000, "recursion", id="deep"),
        pytest.param("a", b'{"\xff": 1}', "can't decode byte 0xff", id="no UTF-8"),
        pytest.param("a.csv", "", "0 rows, and percentile 60", id="an empty table"),
        pytest.param("a.csv", TABLE[:99], "rows, and percentile 60", id="a short table"),
        pytest.param("a.csv", TABLE.replace("600.5", "many"), "could not convert", id="a word in a table"),
        pytest.param("a.csv", TABLE.replace(",600.5", ",nan"), "expected 0 <= head <= middle", id="NaN in a table"),
        pytest.param("a.csv", TABLE.replace(",600.5", ",3"), "got 300.5, 3.0", id="a table that falls"),
        pytest.param("a.csv", '"' + "x" * 200_000, "field larger than", id="an endless cell"),
        pytest.param("a.csv", '{"en": {"head": 340, "middle": 520}}', "0 rows", id="JSON by another name"),
        pytest.param("a", None, "cannot be opened", id="no file"),
    ],
)
def test_files_that_are_none(tmp_path: Path, name: str, data: str | bytes | None, reason: str) -> None:
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(UsageError, match=reason) as caught:
        open_cutoffs(str(path), 30, 60)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)
