from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from markov import SOURCES, write_markov

torch = pytest.importorskip("torch")

from corpusmill.errors import ShardError  # noqa: E402
from corpusmill.llama.data import Batches  # noqa: E402
from corpusmill.llama.evaluate import bytes_per_token, token_losses, validate  # noqa: E402
from corpusmill.llama.losses import LossSums  # noqa: E402
from corpusmill.llama.model import Llama, LlamaConfig  # noqa: E402
from corpusmill.llama.train import Training  # noqa: E402
from corpusmill.shards.reader import SCHEMA, ShardSet  # noqa: E402

SMALL = LlamaConfig(32, dim=32, n_layers=2, n_heads=2, max_seq_len=32, hidden_multiple=16)
#         shard, source, shard of documents, row, tokens
PLACES = [
    (0, "books", "books/a", 0, 30),
    (0, "wikipedia", "wikipedia/x", 2, 20),
    (0, "books", "books/b", 1, 50),
    (1, "wikipedia", "wikipedia/x", 0, 60),
    (1, "books", "books/a", 1, 40),
]
TEXTS = {"books/a": ["a" * 90, "b" * 7], "books/b": ["-", "ß" * 50], "wikipedia/x": ["字" * 40, "unused", "c" * 10]}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Two shards of known documents: the files have a row group a row."""
    write_markov(tmp_path, [100, 100], "val")
    for k in range(2):
        here = [place for place in PLACES if place[0] == k]
        columns = {
            "start": np.cumsum([0, *(place[4] for place in here)])[:-1],
            "length": [place[4] for place in here],
            "source": [place[1] for place in here],
            "shard": [place[2].partition("/")[2] for place in here],
            "row": [place[3] for place in here],
            "copy": [0] * len(here),
        }
        arrays = [
            pa.array(columns[field.name]).dictionary_encode().cast(field.type)
            if pa.types.is_dictionary(field.type)
            else pa.array(columns[field.name]).cast(field.type)
            for field in SCHEMA
        ]
        index = tmp_path / "shards/index" / f"val-{k:05d}-of-00002.parquet"
        pq.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA), index)
        sidecar = tmp_path / "shards/raw" / f"val-{k:05d}-of-00002.json"
        sidecar.write_text(sidecar.read_text().replace('"documents": 2', f'"documents": {len(here)}'))
    for name, texts in TEXTS.items():
        path = tmp_path / "documents" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"id": list(map(str, range(len(texts)))), "text": texts}), path, row_group_size=1)
    return tmp_path


@pytest.mark.parametrize(
    ("ranges", "books", "wikipedia"),
    [
        pytest.param([(1, 201)], (90 + 100 + 7) / 120, (10 + 120) / 80, id="all; bytes, not characters"),
        pytest.param([(1, 30)], 90 / 30, 0.0, id="one document and no more"),
        pytest.param([(1, 31)], 90 / 30, 10 / 20, id="one token of the next, which counts whole"),
        pytest.param([(29, 50)], 90 / 30, 10 / 20, id="one token of the one before"),
        pytest.param([(1, 10), (20, 25), (155, 165)], 97 / 70, 120 / 60, id="ranges with gaps; twice in one document"),
        pytest.param([(60, 110)], 100 / 50, 120 / 60, id="over the border of two shards"),
    ],
)
def test_bytes_per_token(ranges: list[tuple[int, int]], books: float, wikipedia: float, out: Path) -> None:
    ratios = bytes_per_token(str(out), ShardSet.open(out, "val"), ranges)
    assert ratios is not None
    assert dict(zip(SOURCES, ratios, strict=True)) == {"books": books, "nothing": 0.0, "wikipedia": wikipedia}


def test_bits_per_byte_are_bits_of_the_targets_over_their_bytes(out: Path) -> None:
    model = Llama(SMALL)
    loss, bits = validate(model, str(out), 4, 32)
    assert loss is not None and bits is not None
    n_books, n_wikipedia = 29 + 50 + 33, 20 + 60  # the first token is no target, the last 7 fill no window
    ratio = {"books": 197 / 120, "wikipedia": 130 / 80}
    for source, nats in loss.by_source.items():
        assert bits.by_source[source] == pytest.approx(nats / np.log(2) / ratio[source])
    whole = (n_books * loss.by_source["books"] + n_wikipedia * loss.by_source["wikipedia"]) / np.log(2)
    assert bits.mean == pytest.approx(whole / (n_books * ratio["books"] + n_wikipedia * ratio["wikipedia"]))


def test_a_uniform_guess_costs_the_bits_of_a_token(out: Path) -> None:
    sums = LossSums(np.log(32) * np.array([120.0, 0, 80]), np.array([120, 0, 80]))
    ratios = bytes_per_token(str(out), ShardSet.open(out, "val"), [(0, 200)])
    assert ratios is not None
    assert sums.bits_per_byte(ratios, SOURCES).mean == pytest.approx(5 * 200 / (197 + 130))


def test_without_documents_there_are_no_bits_per_byte(out: Path) -> None:
    (out / "documents/books/b.parquet").unlink()
    loss, bits = validate(Llama(SMALL), str(out), 4, 32)
    assert loss is not None
    assert bits is None


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-20]), "cannot be read", id="truncated"),
        pytest.param(lambda path: pq.write_table(pa.table({"text": ["a"]}), path), "got 1;", id="of another run"),
    ],
)
def test_damaged_documents_are_one_line(spoil, said: str, out: Path) -> None:
    spoil(out / "documents/books/a.parquet")
    with pytest.raises(ShardError, match=said) as error:
        validate(Llama(SMALL), str(out), 4, 32)
    assert "\n" not in str(error.value)


def test_bf16_computes_otherwise_and_near(out: Path) -> None:
    model, batch = Llama(LlamaConfig(32, max_seq_len=32)), Batches(ShardSet.open(out, "val"), 4, 32)[0]
    with torch.inference_mode():
        exact, rounded = token_losses(model, batch), token_losses(model, batch, bf16=True)
    assert rounded.dtype == torch.float32
    assert not torch.equal(rounded, exact)
    torch.testing.assert_close(rounded, exact, rtol=0, atol=0.02)


@pytest.mark.parametrize("bf16", [False, True])
def test_bf16_trains_weights_that_stay_float32(bf16: bool, tmp_path: Path) -> None:
    shards = write_markov(tmp_path, [4000])
    model = Llama(SMALL)
    reports = list(Training(model, Batches(shards, 4, 32), SOURCES, 60, 1e-2, bf16=bf16))
    assert reports[-1].loss.mean < reports[0].loss.mean - 1
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}


def test_a_compiled_model_trains_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[torch.nn.Module] = []
    whole = torch.compile

    def traced(model: torch.nn.Module) -> torch.nn.Module:
        compiled.append(model)
        return whole(model, backend="eager", fullgraph=True)  # a break of the graph is an error; no C++ is compiled

    monkeypatch.setattr(torch, "compile", traced)
    shards = write_markov(tmp_path, [1000])
    plain, other = Llama(SMALL), Llama(SMALL)
    reports = [
        list(Training(model, Batches(shards, 4, 32), SOURCES, 10, 1e-2, compiled=way))
        for model, way in ((plain, False), (other, True))
    ]
    assert compiled == [other]
    assert [report.loss.mean for report in reports[0]] == pytest.approx([report.loss.mean for report in reports[1]])
    for ours, theirs in zip(plain.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
