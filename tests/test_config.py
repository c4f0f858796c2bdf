"""Recipes are read strictly: every mistake is one line that names the key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.config import override
from corpusmill.errors import ConfigError
from corpusmill.mixtures.recipe import Recipe, load, shipped

CRAWL = "sources.commoncrawl"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        pytest.param("sead=3", 'unknown key "sead" (did you mean "seed"?)', id="unknown key"),
        pytest.param("sources.wikipdia={}", 'unknown key "wikipdia" (did you mean "wikipedia"?)', id="unknown source"),
        pytest.param("seed=one", "seed: expected int, got 'one'", id="wrong type"),
        pytest.param("seed=true", "seed: expected int, got True", id="a boolean is no number"),
        pytest.param("sources.wikipedia.languages=[no, de]", "got False (YAML takes no and yes", id="Norwegian"),
        pytest.param("sources.wikipedia.epochs=-1", "epochs must be above 0", id="negative epochs"),
        pytest.param("sources.wikipedia.epochs=null", "no epochs for wikipedia", id="no epochs and no budget"),
        pytest.param("budget_tokens=1000", "no source has one", id="a budget needs weights"),
        pytest.param("validation=0.9", "validation must lie in 0.0–0.5", id="range"),
        pytest.param("sources.wikipedia.languages=[English]", "such as en or zh-yue", id="name of a language"),
        pytest.param("sources.wikipedia.languages=[en_US]", "such as en or zh-yue", id="no code of a wiki"),
        pytest.param("sources.wikipedia.languages=[]", "at least one", id="no language"),
        pytest.param("tokenizer.vocab_size=200", "vocab_size must be at least 300", id="vocabulary"),
        pytest.param("sources.wikipedia.languages=en", "expected a list of str, as in [a, b], got 'en'", id="no list"),
        pytest.param("schema=2", "schema 2 is unknown", id="schema"),
        pytest.param("seed", "expected KEY=VALUE", id="no value"),
        pytest.param("sources=[]", "sources: expected a mapping", id="not a mapping"),
        pytest.param("ngram.prune=[1]", "the first 0 and none below", id="unigrams pruned"),
        pytest.param("ngram.prune=[0, 2, 1]", "none below the one before it; got [0, 2, 1]", id="prune falls"),
        pytest.param("ngram.prune=[0, 0, 0, 0, 1, 1]", "at most 5 thresholds", id="too many to prune by"),
        pytest.param("ngram.order=7", "order must lie in 2–6", id="order"),
        pytest.param(f"{CRAWL}.language.keep=[en, de, en]", "keep names en twice", id="a language twice"),
        pytest.param(f"{CRAWL}.perplexity.languages=[en, en]", "languages names en twice", id="a model twice"),
        pytest.param(f"{CRAWL}.cited.max_positives=4", "at least min_positives, 20, got 4", id="too few examples"),
        pytest.param(f"{CRAWL}.perplexity.keep=head", "a list of words, as in [head, middle]", id="no list of words"),
        pytest.param(f"{CRAWL}.language.model=", "model must name a file", id="no model"),
        pytest.param(f"{CRAWL}.block=[null]", "expected str, got None", id="nothing in a list"),
        pytest.param("name=[", "not a YAML value", id="broken YAML"),
    ],
)
def test_mistakes_in_settings(setting: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load("sample", [setting])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_must_sum_to_a_hundred() -> None:
    with pytest.raises(ConfigError, match=r"the weights sum to 101; expected 100"):
        load("llama1", ["sources.arxiv.weight=3.5"])


@pytest.mark.parametrize("name", sorted(shipped()))
def test_a_resolved_recipe_loads_as_itself(name: str, tmp_path) -> None:
    recipe = load(name)
    path = tmp_path / f"{name}.yaml"
    path.write_text(recipe.to_yaml())
    assert load(str(path)) == recipe
    assert load(str(path)).digest == recipe.digest


def test_table_1() -> None:
    """The numbers of the paper, typed a second time."""
    table = {
        name: (source.weight, source.paper.epochs, source.paper.disk_gb)
        for name, source in load("llama1").active.items()
    }
    assert table == {
        "commoncrawl": (67.0, 1.10, 3300),
        "c4": (15.0, 1.06, 783),
        "github": (4.5, 0.64, 328),
        "wikipedia": (4.5, 2.45, 83),
        "books": (4.5, 2.23, 85),
        "arxiv": (2.5, 1.06, 92),
        "stackexchange": (2.0, 1.03, 78),
    }
    assert load("llama1").budget_tokens == 1_400_000_000_000


def test_no_such_recipe(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r'did you mean "llama1"'):
        load("mixtures/lama1.yaml")
    (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(str(tmp_path / "bad.yaml"))


@given(st.dictionaries(st.sampled_from("abc"), st.integers()), st.sampled_from("abc"), st.integers())
def test_override_changes_one_key_and_not_the_mapping(values: dict, key: str, value: int) -> None:
    before = dict(values)
    assert override(values, f"{key}={value}") == {**before, key: value}
    assert values == before


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({}, {"a": {"b": 1}}, id="absent"),
        pytest.param({"a": None}, {"a": {"b": 1}}, id="null"),
        pytest.param({"a": {"c": 2}}, {"a": {"c": 2, "b": 1}}, id="a mapping"),
        pytest.param({"a": "skip"}, "a is 'skip', which has no settings below it", id="a word"),
        pytest.param({"a": ["b"]}, "a is ['b']", id="a list"),
        pytest.param({"a": 0}, "a is 0", id="a number"),
    ],
)
def test_override_below_what_stands_there(values: dict, expected: object) -> None:
    if isinstance(expected, dict):
        assert override(values, "a.b=1") == expected
        return
    with pytest.raises(ConfigError) as caught:
        override(values, "a.b=1")
    assert f"--set a.b=1: {expected}" in str(caught.value)


def test_a_setting_below_what_was_left_out() -> None:
    left_out = f"{CRAWL}.cited=skip"
    with pytest.raises(ConfigError, match=f"{CRAWL}.cited is 'skip'"):
        load("sample", [left_out, f"{CRAWL}.cited.min_score=0.3"])
    recipe = load("sample", [left_out, f"{CRAWL}.cited=null", f"{CRAWL}.cited.min_score=0.3"])
    assert recipe.sources.commoncrawl.cited.min_score == 0.3


@pytest.mark.parametrize("prune", ["[]", "[0]", "[0, 0, 1, 1, 1]", "[0, 2]"])
def test_thresholds_that_make_a_model(prune: str) -> None:
    load("sample", [f"ngram.prune={prune}"])


def test_changing_the_mixture_is_no_reason_to_read_dumps_again() -> None:
    from corpusmill.pipelines.extract import extract_phase
    from corpusmill.pipelines.reading import readings
    from corpusmill.pipelines.sources import SOURCES
    from corpusmill.storage import Input

    def fingerprints(*settings: str) -> list[str]:
        recipe: Recipe = load("sample", settings)
        plan = readings("wikipedia", [Input("wikipedia/enwiki.xml", __file__, 10, "identity")], recipe)
        return [item.fingerprint for item in extract_phase(SOURCES["wikipedia"], plan, {}, recipe, {}).items]

    assert fingerprints() == fingerprints("sources.wikipedia.epochs=1", "seed=7", "tokenizer.vocab_size=900")
    assert fingerprints() != fingerprints("sources.wikipedia.languages=[de]")
    assert fingerprints() != fingerprints("limit=0.5")
