"""Recipes are read strictly: every mistake is one line that names the key."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.config import override, words_of
from corpusmill.errors import ConfigError
from corpusmill.mixtures.recipe import Recipe, load, shipped
from running import ROOT

CRAWL = "sources.commoncrawl"
WELL = "name: r\nsources: {c4: {inputs: [a], epochs: 1}}\n"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        pytest.param("sead=3", 'unknown key "sead" (did you mean "seed"?)', id="unknown key"),
        pytest.param("sources.wikipdia={}", 'unknown key "wikipdia" (did you mean "wikipedia"?)', id="unknown source"),
        pytest.param("seed=one", "seed: expected a whole number, as in 1000 or 1e12, got 'one'", id="wrong type"),
        pytest.param("seed=true", "as in 1000 or 1e12, got True", id="a boolean is no number"),
        pytest.param("sources.wikipedia.languages=[no, de]", "got False (YAML takes no and yes", id="Norwegian"),
        pytest.param("sources.wikipedia.epochs=-1", "epochs must be above 0", id="negative epochs"),
        pytest.param("sources.wikipedia.epochs=null", "no epochs for wikipedia", id="no epochs and no budget"),
        pytest.param("budget_tokens=1000", "no source has one", id="a budget needs weights"),
        pytest.param("validation=0.9", "validation must lie in 0.0–0.5", id="range"),
        pytest.param("sources.wikipedia.languages=[English]", "such as en or zh-yue", id="name of a language"),
        pytest.param("sources.wikipedia.languages=[en_US]", "such as en or zh-yue", id="no code of a wiki"),
        pytest.param("sources.wikipedia.languages=[]", "at least one", id="no language"),
        pytest.param("tokenizer.vocab_size=200", "vocab_size must be at least 300", id="vocabulary"),
        pytest.param("sources.wikipedia.languages=en", "expected a list, as in [a, b], got 'en'", id="no list"),
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
        pytest.param(f"{CRAWL}.perplexity.keep=head", "a list, as in [head, middle]", id="no list of words"),
        pytest.param(f"{CRAWL}.language.model=", "model must name a file", id="no model"),
        pytest.param(f"{CRAWL}.block=[null]", "expected text, got None", id="nothing in a list"),
        pytest.param("name=[", "not a YAML value", id="broken YAML"),
        pytest.param("sources.own.forum=null", "sources.own.forum: no such source", id="none of one's own"),
        pytest.param("sources.own=null", "sources.own: expected a mapping, got None", id="no mapping of one's own"),
    ],
)
def test_mistakes_in_settings(setting: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load("sample", [setting])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("seed: 1\nsources: {c4: {}\n  x: [\n", ", line 3: not YAML: ", id="no YAML"),
        pytest.param("seed: [1\n", ", line 2: not YAML: ", id="the end is missing"),
        pytest.param("seed: 1\na: 2\nseed: 3\n", ', line 3: the key "seed" stands twice.', id="a key twice"),
        pytest.param(f"{WELL}sede: 2\n", ', line 3: unknown key "sede" (did you mean "seed"?)', id="a key"),
        pytest.param(f"{WELL}seed: x\n", ", line 3: seed: expected a whole number, as in", id="a type"),
        pytest.param(f"{WELL}\nlimit: 2\n", ", line 4: limit must lie in", id="a range"),
        pytest.param(
            "name: r\nsources:\n  c4:\n    inputs: [a]\n    dedup: {x: 1}\n",
            ', line 5: sources.c4: unknown key "dedup"', id="far below",
        ),
        pytest.param(
            "name: r\nsources:\n  c4:\n    epochs: 1\n", ', line 3: sources.c4: "inputs" is missing', id="a lack"
        ),
        pytest.param("seed: 1\n", ': "name" is missing.', id="a lack at the top"),
        pytest.param("", ": expected a mapping of settings, as in `seed: 1`, got nothing.", id="empty"),
        pytest.param("- a\n", ": expected a mapping of settings, as in `seed: 1`, got a list.", id="a list"),
        pytest.param("\x01", ": not YAML: ", id="no text"),
        pytest.param("[" * 5000, ": not YAML: ", id="too deep"),
    ],
)  # fmt: skip
def test_mistakes_in_files_name_the_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(str(path))
    assert str(caught.value).startswith(f"{path}{message}")
    assert "\n" not in str(caught.value)


def test_a_mistake_on_the_command_line_is_in_no_line_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(load("sample").to_yaml())
    with pytest.raises(ConfigError) as caught:
        load(str(path), ["seed=x"])
    assert str(caught.value) == "r.seed: expected a whole number, as in 1000 or 1e12, got 'x'."
    path.write_text(path.read_text().replace("seed: 1", "seed: x"))
    load(str(path), ["seed=2"])  # which mends it


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("ngram.estimator", ["auto", "own", "lmplz"]),
        ("sources.commoncrawl.unique_content", ["true", "false"]),
        ("seed", []),
        ("nothing", []),
        ("seed.nothing", []),
    ],
)
def test_words_of_settings(key: str, words: list[str]) -> None:
    assert words_of(Recipe, key) == words


def test_weights_must_sum_to_a_hundred() -> None:
    with pytest.raises(ConfigError, match=r"the weights sum to 101; expected 100"):
        load("llama1", ["sources.arxiv.weight=3.5"])


def test_a_source_that_is_taken_out_leaves_its_weight_to_the_others() -> None:
    """As the line says that a missing input ends in."""
    recipe, whole = load("llama1", ["sources.books=null", "sources.arxiv=null"]), load("llama1")
    weights = {name: one.weight for name, one in recipe.active.items()}
    assert sum(weight or 0 for weight in weights.values()) == pytest.approx(100, abs=0.01)
    left = 100 - sum(whole.active[name].weight or 0 for name in ("books", "arxiv"))
    for name, weight in weights.items():
        assert weight == pytest.approx((whole.active[name].weight or 0) * 100 / left, abs=1e-3)
    with pytest.raises(ConfigError, match=r"the weights sum to 96\.5"):  # whoever gives weights gives all of them
        load("llama1", ["sources.books=null", "sources.arxiv.weight=3.5"])


def test_a_source_of_ones_own_has_its_share_and_leaves_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs" / "examples" / "forum")
    values = yaml.safe_load((ROOT / "mixtures" / "llama1.yaml").read_text())
    values["sources"]["commoncrawl"]["weight"] -= 10
    values["sources"]["own"] = {"forum": {"code": "forum", "inputs": ["forum/*"], "weight": 10}}
    path = tmp_path / "ours.yaml"
    path.write_text(yaml.safe_dump(values))
    for gone in ("books", "own.forum"):
        left = load(str(path), [f"sources.{gone}=null"]).active
        assert gone.rpartition(".")[2] not in left
        assert len(left) == 7
        assert sum(one.weight or 0 for one in left.values()) == pytest.approx(100)


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
