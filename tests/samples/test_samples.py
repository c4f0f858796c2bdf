"""What `corpusmill sample` writes, all of it."""

from pathlib import Path

from corpusmill.mixtures.recipe import load
from corpusmill.pipelines.finding import find
from corpusmill.samples import write_sample


def test_every_source_of_the_sample_recipe_finds_its_inputs_and_models(tmp_path: Path) -> None:
    written = write_sample(tmp_path, scale=0.05)
    recipe = load("sample")
    found = find(recipe, list(recipe.active), str(tmp_path))
    used = {one.url for given in found.values() for one in [*given.files, *given.models.values()]}
    assert used == {str(path) for path in written}
