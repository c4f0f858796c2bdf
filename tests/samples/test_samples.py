"""What `corpusmill sample` writes, all of it."""

from pathlib import Path

from corpusmill.mixtures.recipe import load
from corpusmill.pipelines.finding import find
from corpusmill.samples import write_sample

# What the recipe can be told to take instead of its own inputs.
OTHERS = {
    "published C4": ["sources.c4.form=published", "sources.c4.inputs=[c4_like/*.jsonl.gz]"],
    "three tables": ["sources.github.inputs=[github/tables/*]"],
}


def test_every_source_of_the_sample_recipe_finds_its_inputs_and_models(tmp_path: Path) -> None:
    written = write_sample(tmp_path, scale=0.05)
    used = set()
    for settings in ([], *OTHERS.values()):
        recipe = load("sample", settings)
        found = find(recipe, list(recipe.active), str(tmp_path))
        used |= {one.url for given in found.values() for one in [*given.files, *given.models.values()]}
    # A word list and a catalogue that recipes may name; real inputs in folders of these names have none.
    named = {str(tmp_path / name) for name in ("c4/badwords_sample.txt", "books/pg_catalog.csv")}
    assert used | named == {str(path) for path in written}
