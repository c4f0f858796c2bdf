"""What `corpusmill sample` writes, all of it."""

from pathlib import Path

import pytest

from corpusmill.errors import UsageError
from corpusmill.mixtures.recipe import load
from corpusmill.pipelines.finding import find
from corpusmill.samples import MARK, write_sample

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
    # A word list and a catalogue that recipes may name (real inputs in folders of these names have none), and the mark.
    named = {str(tmp_path / name) for name in ("c4/badwords_sample.txt", "books/pg_catalog.csv", MARK)}
    assert used | named == {str(path) for path in written}


def test_a_sample_writes_over_a_sample_and_over_nothing_else(tmp_path: Path) -> None:
    dump = tmp_path / "real" / "wikipedia" / "enwiki-20220620-pages-articles-multistream.xml.bz2"
    dump.parent.mkdir(parents=True)
    dump.write_bytes(b"ninety gigabytes")
    with pytest.raises(UsageError, match="no sample of ours"):
        write_sample(tmp_path / "real")
    assert [path for path in (tmp_path / "real").rglob("*") if path.is_file()] == [dump]
    once = write_sample(tmp_path / "sample", scale=0.01)
    assert write_sample(tmp_path / "sample", seed=1, scale=0.01) == once
