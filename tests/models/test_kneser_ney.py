"""N-gram models: lmplz's own numbers, a plain reference, sums of one, any memory, nothing left behind."""

from __future__ import annotations

import io
import itertools
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from math import log10
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.models import kneser_ney
from corpusmill.models.kneser_ney import FALLBACK, Estimated, discounts, estimate
from corpusmill.models.ngram_counts import Column, _cut, split_words

Model = dict[tuple[bytes, ...], tuple[float, float | None]]

MILL = b"""the mill grinds the corn
the miller carries the corn to the mill
the miller sings
the water turns the wheel
the wheel turns the mill
the mill turns the corn to flour
the miller carries the flour to the baker
the baker bakes bread
the baker sings
the baker carries the bread to the miller

the miller eats the bread
the bread is good
the flour is good
the corn is good and the water is good
the baker and the miller sing to the wheel
the wheel sings to the water
""".splitlines()

# What KenLM 0.3.0 prints: lmplz -o ORDER --discount_fallback --prune PRUNE < MILL
GOLDEN = [
    pytest.param(2, (0,), (23, 52), """
        -1.7170436	<unk>	0
        0	<s>	-1.0404153
        -0.7093019	</s>	0
        -0.9267399	the	-0.64695716
        -1.564125	miller	-0.24646851
        -1.4222853	<s> </s>
        -0.2968272	sings </s>
        -0.04592801	<s> the
        -0.13156787	carries the
        -0.9726758	the mill
        -0.105836056	is good
        """, id="computed discounts"),
    pytest.param(2, (0, 1), (23, 21), """
        -1.7170436	<unk>	0
        0	<s>	-0.95413375
        -0.9267399	the	-0.64695716
        -1.564125	miller	-0.10024349
        -0.27816987	sings </s>
        -0.04478522	<s> the
        -0.14123315	to the
        -1.118186	the bread
        """, id="computed discounts, pruned"),
    pytest.param(4, (0,), (23, 52, 78, 75), """
        0	<s>	-0.9294189
        -1.280768	<s> </s>	0
        -0.36554044	sings </s>	0
        -0.062047232	<s> the	-0.35902193
        -0.25244254	carries the	-0.30103
        -0.85657096	to the mill	-0.30103
        -0.72012544	<s> the miller	-0.30103
        -0.050709136	the miller carries the
        -0.19073242	good and the water
        -0.21901461	baker carries the bread
        """, id="fallback"),
    pytest.param(4, (0, 0, 1), (23, 52, 10, 2), """
        -0.9267399	the	-0.32033515
        -0.062047232	<s> the	-0.2498775
        -0.25244254	carries the	0
        -1.1064309	the miller	-0.045757506
        -0.19706851	is good	-0.20412
        -0.22747244	is good </s>	0
        -0.698375	<s> the miller	-0.12493875
        -0.6858202	the miller carries	-0.30103
        -0.050709136	the miller carries the
        -0.39296207	<s> the miller carries
        """, id="fallback, pruned"),
]  # fmt: skip


def lines_of(text: bytes) -> Model:
    model: Model = {}
    for line in text.split(b"\n"):
        probability, tab, rest = line.strip(b" ").partition(b"\t")
        if tab:
            words, _, backoff = rest.partition(b"\t")
            model[tuple(words.split(b" "))] = float(probability), float(backoff) if backoff else None
    return model


def arpa_of(
    sentences: list[bytes], folder: Path, order: int, prune: tuple[int, ...] = (0,), rows: int = 0
) -> tuple[bytes, Estimated]:
    """The text of a model; with `rows` as with memory for so many numbers, and lines made as few at a time."""
    written = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        if rows:
            for name in ("_MIN_ROOM", "_TEXT_ROWS", "_TEXT_BYTES"):
                patch.setattr(kneser_ney, name, rows)
        estimated = estimate(iter(sentences), written, folder, order=order, prune=prune, memory_mb=0 if rows else 10)
    return written.getvalue(), estimated


def assert_same(ours: Model, theirs: Model) -> None:
    for words, (probability, backoff) in theirs.items():
        assert ours[words][0] == pytest.approx(probability, abs=1e-6), words
        assert (ours[words][1] is None) == (backoff is None), words
        assert (ours[words][1] or 0) == pytest.approx(backoff or 0, abs=1e-6), words


def sizes_of(text: bytes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """How many n-grams of each order a model says that it has, and how many it has."""
    said = tuple(int(line.partition(b"=")[2]) for line in text.split(b"\n") if line.startswith(b"ngram "))
    has = Counter(map(len, lines_of(text)))
    return said, tuple(has[n] for n in range(1, len(said) + 1))


def reference(sentences: list[bytes], order: int, prune: tuple[int, ...]) -> Model:
    """The model by the definitions, with dictionaries."""
    raw: list[Counter[tuple[bytes, ...]]] = [Counter() for _ in range(order + 1)]
    for sentence in sentences:
        words = (b"<s>", *split_words(sentence), b"</s>")
        for n in range(1, order + 1):
            raw[n].update(words[i : i + n] for i in range(len(words) - n + 1))
    found: dict[tuple[bytes, ...], float] = {(): 1 / len(raw[1])}  # <unk> comes in and <s> goes out
    backoffs: dict[tuple[bytes, ...], float] = {}
    for n in range(1, order + 1):
        company = Counter(longer[1:] for longer in raw[n + 1]) if n < order else raw[n]
        counts = {gram: raw[n][gram] if gram[0] == b"<s>" else company[gram] for gram in raw[n]}
        if n == 1:
            counts |= {(b"<s>",): 0, (b"<unk>",): 0}
        seen = Counter(counts.values())
        off = (0.0, *(discounts(seen[1], seen[2], seen[3], seen[4]) or FALLBACK))
        threshold = prune[min(n, len(prune)) - 1]
        kept = {gram for gram in counts if n == 1 or raw[n][gram] > threshold}
        total: Counter[tuple[bytes, ...]] = Counter()
        free: dict[tuple[bytes, ...], float] = {}
        for gram, count in counts.items():
            total[gram[:-1]] += count
            free[gram[:-1]] = free.get(gram[:-1], 0) + (off[min(count, 3)] if gram in kept else count)
        backoffs |= {context: amount / total[context] for context, amount in free.items()}
        for gram in kept:
            own = (counts[gram] - off[min(counts[gram], 3)]) / total[gram[:-1]]
            found[gram] = own + backoffs[gram[:-1]] * found[gram[1:]]
    found[(b"<s>",)] = 1.0
    return {
        gram: (log10(found[gram]), log10(max(backoffs.get(gram, 1), 1e-99)) if len(gram) < order else None)
        for gram in found
        if gram
    }


def probability(model: Model, context: tuple[bytes, ...], word: bytes) -> float:
    """What a model gives a word, by backing off."""
    if (*context, word) in model:
        return 10 ** model[*context, word][0]
    return 10 ** (model.get(context, (0, 0))[1] or 0) * probability(model, context[1:], word)


texts = st.lists(
    st.lists(st.sampled_from([b"a", b"b", b"c", b"d", b"\xc2\xa0", b"\xff", b"<UNK>"]), max_size=9).map(b" ".join),
    min_size=1,
    max_size=30,
)
thresholds = st.sampled_from([(0,), (0, 0, 1), (0, 1), (0, 1, 2), (0, 0, 0, 1)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


@pytest.mark.parametrize(("order", "prune", "sizes", "expected"), GOLDEN)
def test_lmplz(order: int, prune: tuple[int, ...], sizes: tuple[int, ...], expected: str, folder: Path) -> None:
    text, estimated = arpa_of(MILL, folder, order, prune)
    assert_same(lines_of(text), lines_of(expected.encode()))
    assert estimated.ngrams == sizes
    assert (estimated.tokens, estimated.sentences) == (110, 17)
    assert estimated.discounts[0] == pytest.approx((0.578947, 1.13158, 1.84211), abs=1e-5)
    assert estimated.fallback == (() if order == 2 else (2, 3, 4))


@settings(deadline=None, max_examples=50)
@given(texts, st.integers(1, 5), thresholds, st.sampled_from([0, 2, 3, 7, 40]))
def test_reference(sentences: list[bytes], order: int, prune: tuple[int, ...], rows: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        text, estimated = arpa_of(sentences, Path(scratch), order, prune[:order], rows)
    ours, theirs = lines_of(text), reference(sentences, order, prune[:order])
    assert ours.keys() == theirs.keys()
    assert_same(ours, theirs)
    assert sizes_of(text) == (estimated.ngrams, estimated.ngrams)


@pytest.mark.parametrize("prune", [(0,), (0, 0, 1), (0, 1, 2)])
def test_sums_to_one(prune: tuple[int, ...], folder: Path) -> None:
    model = lines_of(arpa_of(MILL, folder, 3, prune)[0])
    words = [gram[0] for gram in model if len(gram) == 1]
    for context in [(), *((word,) for word in words), *itertools.product(words, words)]:
        sum_of_all = sum(probability(model, context, word) for word in words if word != b"<s>")
        assert sum_of_all == pytest.approx(1, abs=1e-6), context


@pytest.mark.parametrize("prune", [(0,), (0, 0, 1)])
def test_kenlm_reads_it(prune: tuple[int, ...], folder: Path, tmp_path: Path) -> None:
    kenlm = pytest.importorskip("kenlm")
    path = tmp_path / "model.arpa"
    text, _ = arpa_of(MILL, folder, 5, prune)
    path.write_bytes(text)
    model, lines = kenlm.Model(str(path)), lines_of(text)
    words = [gram[0].decode() for gram in lines if len(gram) == 1 and gram != (b"<s>",)]
    for sentence in MILL:
        state, after = kenlm.State(), kenlm.State()
        model.BeginSentenceWrite(state)
        history = (b"<s>",)
        for word in split_words(sentence):
            assert sum(10 ** model.BaseScore(state, other, after) for other in words) == pytest.approx(1, abs=1e-5)
            score = model.BaseScore(state, word.decode(), after)
            assert score == pytest.approx(log10(probability(lines, history[-4:], word)), abs=1e-5)
            state, after, history = after, kenlm.State(), (*history, word)


@pytest.mark.parametrize("sentence", [b"word", b""], ids=["one word", "no word"])
def test_smallest(sentence: bytes, folder: Path, tmp_path: Path) -> None:
    text, estimated = arpa_of([sentence], folder, 5)
    assert estimated.fallback == (1, 2, 3, 4, 5)
    assert_same(lines_of(text), reference([sentence], 5, (0,)))
    kenlm = pytest.importorskip("kenlm")
    (tmp_path / "model.arpa").write_bytes(text)
    assert kenlm.Model(str(tmp_path / "model.arpa")).score(sentence.decode()) < 0


@pytest.mark.parametrize("prune", [(0,), (0, 0, 1)])
def test_same_bytes_whatever_the_memory(prune: tuple[int, ...], folder: Path) -> None:
    rng = random.Random(0)
    words = [b"%d" % number for number in range(300)]
    weights = [1 / rank for rank in range(1, 301)]
    sentences = [b" ".join(rng.choices(words, weights, k=rng.randrange(20))) for _ in range(300)]
    expected = arpa_of(sentences, folder, 5, prune)
    assert [arpa_of(sentences, folder, 5, prune, rows) == expected for rows in (100, 1000)] == [True, True]


@given(st.lists(st.lists(st.integers(0, 99), unique=True).map(sorted), min_size=1, max_size=9), st.integers(1, 60))
@settings(deadline=None, max_examples=50)
def test_ranges_of_runs_fit(runs: list[list[int]], rows: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        columns = [Column(Path(scratch, str(number)), np.uint64) for number in range(len(runs))]
        for column, keys in zip(columns, runs, strict=True):
            column.append(np.array(keys, np.uint64))
        cuts = _cut(columns, rows)
    ranges = [
        [keys[start:stop] for keys, start, stop in zip(runs, *pair, strict=True)] for pair in itertools.pairwise(cuts)
    ]
    assert [sorted(itertools.chain(*of_run)) for of_run in zip(*ranges, strict=True)] == runs
    assert max(len(list(itertools.chain(*parts))) for parts in ranges) <= max(rows, 3 * len(runs))
    borders = [sorted(itertools.chain(*parts)) for parts in ranges if any(parts)]
    assert all(low[-1] < high[0] for low, high in itertools.pairwise(borders))


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=5))
@settings(deadline=None, max_examples=50)
def test_any_bytes(sentences: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        text, estimated = arpa_of(sentences, Path(scratch), 3)
    assert sizes_of(text) == (estimated.ngrams, estimated.ngrams)


def test_long_words(folder: Path) -> None:
    long = b"x" * 1_000_000
    text, _ = arpa_of([b"%s a %s" % (long, long)], folder, 3)
    assert_same(lines_of(text), reference([b"%s a %s" % (long, long)], 3, (0,)))


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        pytest.param(b"one two  three", [b"one", b"two", b"three"], id="spaces"),
        pytest.param(b"\tone\r\ttwo\0three\r\n", [b"one", b"two", b"three"], id="other blanks"),
        pytest.param(b"one\x0btwo \x0c three\x1cfour", [b"one\x0btwo", b"\x0c", b"three\x1cfour"], id="no blanks"),
        pytest.param(
            "a\u00a0b\u3000c\u2028d\u0085e".encode(), ["a\u00a0b\u3000c\u2028d\u0085e".encode()], id="unicode"
        ),
        pytest.param(b"<s> one </s> <unk> <S> <unk>s <UNK>", [b"one", b"<S>", b"<unk>s", b"<UNK>"], id="special"),
        pytest.param(b"\xff\xfe \x80", [b"\xff\xfe", b"\x80"], id="not UTF-8"),
        pytest.param(b" \t\0", [], id="nothing"),
    ],
)
def test_words(sentence: bytes, expected: list[bytes]) -> None:
    assert split_words(sentence) == expected


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        pytest.param((8, 4, 2, 0), (0.5, 1.25, 3.0), id="nothing four times"),
        pytest.param((4, 3, 5, 5), (0.4, 0.0, 1.4), id="no discount for two"),
        pytest.param((4, 3, 6, 5), None, id="below 0"),
        pytest.param((0, 3, 5, 5), None, id="nothing once"),
    ],
)
def test_discounts(counts: tuple[int, int, int, int], expected: tuple[float, ...] | None) -> None:
    assert discounts(*counts) == expected


@pytest.mark.parametrize(
    ("limit", "expected"), [pytest.param(110, (0, 0, 0, 0), id="up to it"), pytest.param(109, (0, 0, 1, 1), id="above")]
)
def test_pruned_by_size(limit: int, expected: tuple[int, ...], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kneser_ney, "PRUNE_ABOVE", limit)
    assert estimate(MILL, io.BytesIO(), folder, order=4).prune == expected
    assert estimate(MILL, io.BytesIO(), folder, order=2).prune == (0, 0)


@pytest.mark.parametrize(
    ("order", "prune", "message"),
    [
        (0, None, "order 0: at least 1"),
        (3, (), "one to 3 thresholds"),
        (3, (0, 0, 0, 1), "one to 3 thresholds"),
        (3, (1,), "must be 0"),
        (3, (0, 2, 1), "must not be below"),
    ],
)
def test_refused(order: int, prune: tuple[int, ...] | None, message: str, folder: Path) -> None:
    with pytest.raises(ValueError, match=message):
        estimate(MILL, io.BytesIO(), folder, order=order, prune=prune)


def test_no_sentence(folder: Path) -> None:
    with pytest.raises(ValueError, match="no sentence"):
        estimate([], io.BytesIO(), folder)


class FullDisk(io.BytesIO):
    def write(self, data: object) -> int:
        raise OSError("no space left on device")


def broken() -> Iterator[bytes]:
    yield from MILL
    raise RuntimeError("the text broke off")


@pytest.mark.parametrize(
    ("sentences", "arpa", "error"),
    [
        pytest.param(MILL, io.BytesIO(), None, id="well"),
        pytest.param(broken(), io.BytesIO(), RuntimeError, id="text breaks off"),
        pytest.param(MILL, FullDisk(), OSError, id="disk is full"),
    ],
)
def test_nothing_is_left(
    sentences: list[bytes], arpa: io.BytesIO, error: type[Exception] | None, tmp_path: Path
) -> None:
    (tmp_path / "ngrams").mkdir()
    (tmp_path / "ngrams/2.keys").write_bytes(b"of a process that was killed")
    if error is None:
        estimate(sentences, arpa, tmp_path)
        assert arpa.getvalue() == arpa_of(MILL, tmp_path, 5)[0]
    else:
        with pytest.raises(error):
            estimate(sentences, arpa, tmp_path)
    assert not list(tmp_path.iterdir())
