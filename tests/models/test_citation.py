"""The classifier of cited pages: the same bytes each time, text that cannot harm it, scores and what they are worth."""

from __future__ import annotations

import hashlib
import math
import os
import random
import subprocess
import sys
from pathlib import Path

import fasttext
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.errors import UsageError
from corpusmill.models import citation
from corpusmill.models.citation import CITED, HOW_TO_GET_IT, OTHER, CitationModel, measure, open_citation_model, train
from corpusmill.samples import languages
from running import ROOT

WORDS = {
    True: ["history", "river", "century", "species", "theory", "university", "population"],
    False: ["buy", "cart", "price", "shipping", "login", "cookies", "discount"],
}
HOSTILE = (
    "\0",
    "</s>",
    "__label__cc",
    "____label__label__wiki",
    "\r\n",
    "é" * 5000,
    "x" * 70_000,
    "\ud800",
    "\x85\u2028",
)


def example(number: int) -> tuple[bool, str]:
    """A page of words of its class, common words, and now and then something hostile."""
    chance = random.Random(number)
    is_cited = number % 2 == 0
    words = chance.choices([*WORDS[is_cited], "the", "of", "and", f"name{number}"], k=30)
    if number % 7 == 0:
        words.insert(chance.randrange(20), chance.choice(HOSTILE))
    return is_cited, "\n".join([" ".join(words[:10]), " ".join(words[10:])])


EXAMPLES = [example(number) for number in range(300)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return train(EXAMPLES, tmp_path_factory.mktemp("scratch"))


@pytest.fixture(scope="module")
def path(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "cited.bin"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def model(path: Path) -> CitationModel:
    return CitationModel(str(path))


# ---- training --------------------------------------------------------------------------------------------------------

TRAIN = """
import hashlib, pathlib, sys
sys.path.insert(0, sys.argv[1])
from test_citation import EXAMPLES, train
print(hashlib.sha256(train(EXAMPLES, pathlib.Path(sys.argv[2]))).hexdigest())
"""


def test_the_same_bytes_in_any_process(data: bytes, tmp_path: Path) -> None:
    # What stands in memory that nobody has written to differs: fastText leaves some of its own so.
    commands = [sys.executable, "-c", TRAIN, str(Path(__file__).parent), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    runs = [
        subprocess.Popen(
            commands,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT.parent,
            env={**environment, "MALLOC_PERTURB_": filling, "PYTHONHASHSEED": filling},
        )
        for filling in ("1", "170", "255")
    ]
    digests = {run.communicate()[0].strip() for run in runs}
    assert digests == {hashlib.sha256(data).hexdigest()}


def test_scratch_is_left_empty(tmp_path: Path) -> None:
    train(EXAMPLES[:20], tmp_path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ZeroDivisionError):
        train(((1 // (3 - n), text) for n, (_, text) in enumerate(EXAMPLES)), tmp_path)
    assert not list(tmp_path.iterdir())


def test_order_and_text_matter(data: bytes, tmp_path: Path) -> None:
    assert train(EXAMPLES[::-1], tmp_path) != data
    assert train([*EXAMPLES[:-1], (False, "other words")], tmp_path) != data


@pytest.mark.parametrize("examples", [[], EXAMPLES[::2], EXAMPLES[1::2]], ids=["none", "cited alone", "others alone"])
def test_both_classes_are_needed(examples: list[tuple[bool, str]], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"got (0|150) and (0|150)\.") as caught:
        train(examples, tmp_path)
    assert "\n" not in str(caught.value)


def test_texts_without_words(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(train([(True, ""), (False, " \n\0"), (True, "\t"), (False, "")], tmp_path))
    assert CitationModel(str(path)).score("word") == pytest.approx(0.5, abs=0.01)


def test_every_example_is_one_line_with_one_label(path: Path) -> None:
    model = fasttext.load_model(str(path))
    labels, label_counts = model.get_labels(include_freq=True)
    assert dict(zip(labels, label_counts.tolist(), strict=True)) == {CITED: 150, OTHER: 150}
    words, word_counts = model.get_words(include_freq=True)
    # Each word is counted once more with the vectors.
    assert dict(zip(words, word_counts.tolist(), strict=True))["</s>"] == 301
    assert not [word for word in words if word.startswith("__label__") or len(word.encode()) > 200]
    assert set(WORDS[True] + WORDS[False]) < set(words)


def test_the_least_frequent_words_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(citation, "MAX_WORDS", 17)
    path = tmp_path / "model"
    path.write_bytes(train(EXAMPLES, tmp_path))
    assert sorted(fasttext.load_model(str(path)).words) == sorted(
        ["</s>", "the", "of", "and", *WORDS[True], *WORDS[False]]
    )


def test_counting_has_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(citation, "_MAX_COUNTED", 60)
    path = tmp_path / "model"
    path.write_bytes(train(EXAMPLES, tmp_path))
    words = fasttext.load_model(str(path)).words
    assert len(words) <= 61
    assert set(WORDS[True] + WORDS[False]) < set(words)


# ---- scores ----------------------------------------------------------------------------------------------------------


def test_it_learns(model: CitationModel) -> None:
    new = [example(number) for number in range(1000, 1200)]
    quality = measure([model.score(text) for _, text in new], [is_cited for is_cited, _ in new], 0.25)
    assert quality.auc > 0.99
    assert quality.recall > 0.99


@pytest.mark.parametrize("text", [text for _, text in EXAMPLES[1:7]])
def test_scores_are_those_of_fasttext(path: Path, model: CitationModel, text: str) -> None:
    line = text.replace("\n", " ") + "\n"
    probabilities = {label: p for p, label in fasttext.load_model(str(path)).f.predict(line, 2, 0.0, "strict")}
    assert model.score(text) == pytest.approx(probabilities[CITED], abs=1e-4)


def test_lines_are_joined_by_spaces(model: CitationModel) -> None:
    assert model.score("history\nriver") == model.score("history river") > 0.9
    assert model.score("history\nriver") != model.score("historyriver")


@pytest.mark.parametrize(
    ("hostile", "plain"),
    [
        pytest.param("\0", "", id="NUL"),
        pytest.param("</s>", "", id="an end"),
        pytest.param("river</s>cart", "river cart", id="an end in a word"),
        pytest.param("__label__cart", "cart", id="a label"),
        pytest.param("____label__label__wiki", "__ label__wiki", id="a label in a label"),
        pytest.param("new" * 100_000, "", id="a huge word"),
    ],
)
def test_nothing_in_a_text_is_more_than_a_word(model: CitationModel, hostile: str, plain: str) -> None:
    assert model.score(f"history {hostile} cart price") == model.score(f"history {plain} cart price")


@given(st.text(st.one_of(st.characters(), st.sampled_from("\0\n\r _<>/s"))))
def test_any_text_has_a_score(model: CitationModel, text: str) -> None:
    assert 0.0 <= model.score(text) <= 1.0


def test_no_answer_is_zero(model: CitationModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model._classifier, "_predict", lambda *_: [])
    assert model.score("a") == 0.0


# ---- where it comes from ---------------------------------------------------------------------------------------------


def test_opened_once(path: Path) -> None:
    assert open_citation_model(str(path)) is open_citation_model(str(path))


def test_a_model_of_fasttexts_own_command(tmp_path: Path) -> None:
    """As RedPajama makes it: all defaults, and n-grams that scoring must not need to know of."""
    lines = [f"{CITED if is_cited else OTHER} {' '.join(text.split())}\n" for is_cited, text in EXAMPLES]
    (tmp_path / "lines").write_text("".join(lines), errors="replace")
    trained = fasttext.train_supervised(
        str(tmp_path / "lines"), epoch=100, dim=10, thread=12, minn=2, maxn=3, bucket=99, verbose=0
    )
    trained.save_model(str(tmp_path / "model.bin"))
    model = CitationModel(str(tmp_path / "model.bin"))
    assert model.score("history river species") > 0.5 > model.score("cart price login")


@pytest.mark.parametrize("labels", [["wiki"], ["wiki", "other"], ["wiki", "cc", "third"]], ids=" ".join)
def test_other_labels(labels: list[str], tmp_path: Path) -> None:
    (tmp_path / "lines").write_text("".join(f"__label__{label} word{label}\n" for label in labels) * 9)
    model = fasttext.train_supervised(str(tmp_path / "lines"), thread=12, verbose=0)
    model.save_model(str(tmp_path / "model.bin"))
    refuse(tmp_path / "model.bin", f"labels {CITED} and {OTHER}, got {len(labels)}: ")


def test_a_model_of_languages(tmp_path: Path) -> None:
    refuse(languages.write(tmp_path, 0, 1.0)[0], "labels __label__wiki and __label__cc, got 6: __label__")


def test_no_model(path: Path, tmp_path: Path) -> None:
    refuse(tmp_path / "missing", "expected a classifier of cited pages, cannot be read .FileNotFoundError")
    (tmp_path / "part").write_bytes(path.read_bytes()[:-1])
    refuse(tmp_path / "part", "cut off")


def refuse(path: Path, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        CitationModel(str(path))
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and message.endswith(HOW_TO_GET_IT) and "\n" not in message


# ---- quality ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.25, 0.5, 1.0]), st.booleans())))
def test_quality_by_its_definition(pairs: list[tuple[float, bool]]) -> None:
    high = [score for score, is_cited in pairs if is_cited]
    low = [score for score, is_cited in pairs if not is_cited]
    wins = [1.0 if h > l else 0.5 if h == l else 0.0 for h in high for l in low]  # noqa: E741
    kept = [is_cited for score, is_cited in pairs if score >= 0.25]
    quality = measure([score for score, _ in pairs], [is_cited for _, is_cited in pairs], 0.25)
    assert (quality.positives, quality.negatives, quality.min_score) == (len(high), len(low), 0.25)
    assert math.isclose(quality.auc, np.mean(wins) if wins else 0.5)
    assert math.isclose(quality.precision, np.mean(kept) if kept else 0.0)
    assert math.isclose(quality.recall, sum(kept) / len(high) if high else 0.0)
