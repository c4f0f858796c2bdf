"""What decides token files, the plan of a mixture, and the sample that a tokenizer is trained on."""

import dataclasses

from corpusmill.manifest import File, Receipt
from corpusmill.mixtures.recipe import load
from corpusmill.pipelines.tokenizer import Made, sample_phase
from corpusmill.pipelines.tokens import mixture_phase, tokens_phase

CORPUS = {
    name: {f"documents/{name}/a.parquet": File(10, name, counts={"bytes.kept": 1 << 30})} for name in ("books", "arxiv")
}
MADE = Made("tokenizer/tokenizer.json", "sha", "marks")


def test_another_tokenizer_or_other_marks_make_tokens_and_plan_anew() -> None:
    receipts = {"books/a": Receipt("books/a", "f", {"tokens/books/a.tokens": File(4, "same")}, {}, 0.0, "")}
    recipe = load("sample", [f"sources.{name}=null" for name in load("sample").active if name not in CORPUS])
    for changed in (dataclasses.replace(MADE, sha256="other"), dataclasses.replace(MADE, marks="other")):
        before, after = (
            [item.fingerprint for item in tokens_phase(CORPUS, made, recipe).items] for made in (MADE, changed)
        )
        assert not set(before) & set(after)
        plans = [mixture_phase(receipts, recipe, made).items[0].fingerprint for made in (MADE, changed)]
        assert plans[0] != plans[1], "vocabulary and marks stand in the plan"


def test_padding_is_looked_at_again_when_it_changes() -> None:
    recipes = [load("sample", [f"shards.sequence={{length: 8, documents: fit, pad: {pad}}}"]) for pad in (0, 9)]
    one, other = (mixture_phase({}, recipe, MADE).items[0].fingerprint for recipe in recipes)
    assert one != other


def test_the_sample_has_the_shares_of_the_mixture() -> None:
    """Also where one source has a weight and another its epochs alone: tokens and per cent are not of one unit."""
    others = [f"sources.{name}=null" for name in load("llama1").active if name not in CORPUS]
    mixed = ["budget_tokens=1_000_000_000", "sources.books.weight=100", "sources.arxiv.weight=null"]
    recipe = load("llama1", [*others, *mixed, "sources.arxiv.epochs=1", "tokenizer.sample_mb=100"])
    share = {item.name.partition("/")[0]: item.task.share for item in sample_phase(CORPUS, recipe).items}
    of_arxiv = (1 << 30) / 4 / 1e9
    assert share["arxiv"] / share["books"] == of_arxiv / (1 - of_arxiv)
