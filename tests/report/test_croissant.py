"""Croissant's file: sound by itself, and the files that it names are those of the run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from corpusmill.report.corpus import Corpus
from corpusmill.report.croissant import json_ld, text
from running import manifest


@pytest.fixture(scope="module")
def found(finished: Path) -> dict[str, Any]:
    return json.loads((finished / "croissant.json").read_text())


def test_files_are_those_of_the_run(finished: Path, found: dict[str, Any]) -> None:
    kept = {source: of["documents.kept"] for source, of in manifest(finished)["sources"].items()}
    sets = {one["@id"]: one for one in found["distribution"] if one["@type"] == "cr:FileSet"}
    assert set(sets) == {f"files-of-{source}" for source in kept}
    for source, n in kept.items():
        paths = list(finished.glob(sets[f"files-of-{source}"]["includes"]))
        assert sum(pq.read_metadata(path).num_rows for path in paths) == n
    objects = [one for one in found["distribution"] if one["@type"] == "cr:FileObject"]
    assert [one["@id"] for one in objects] == ["manifest.json", "manifest.parquet", "recipe.yaml"]
    for one in objects:
        data = (finished / one["contentUrl"]).read_bytes()
        assert (one["sha256"], one["contentSize"]) == (hashlib.sha256(data).hexdigest(), f"{len(data)} B")


def test_fields_are_the_columns(finished: Path, found: dict[str, Any]) -> None:
    columns = pq.read_schema(next((finished / "documents/books").glob("*.parquet"))).names
    files = {one["@id"] for one in found["distribution"]}
    for record_set in found["recordSet"]:
        fields = {one["source"]["extract"]["column"]: one for one in record_set["field"]}
        assert list(fields) == columns
        assert (
            {one["source"]["fileSet"]["@id"] for one in fields.values()} == {f"files-of-{record_set['@id']}"} <= files
        )
        assert record_set["key"]["@id"] == fields["id"]["@id"]
    names = [one["@id"] for one in found["distribution"] + found["recordSet"]]
    names += [field["@id"] for one in found["recordSet"] for field in one["field"]]
    assert len(names) == len(set(names))


def test_what_is_asked_for_is_there(finished: Path, found: dict[str, Any]) -> None:
    facts = manifest(finished)
    assert found["conformsTo"][0] == "http://mlcommons.org/croissant/1.0"
    assert found["datePublished"] == facts["finished"][:10]
    assert found["version"] == f"1.0.0+{facts['corpus']['documents'][:12]}"
    assert found["license"] and len(found["license"]) == len(set(found["license"]))
    for name in ("dataCollection", "dataBiases", "dataLimitations", "personalSensitiveInformation"):
        assert found[f"rai:{name}"]
    known = set(found["@context"]) | {"@context", "@type"}
    schema = {"name", "description", "license", "version", "datePublished", "inLanguage", "keywords", "distribution"}
    assert {name for name in found if not name.startswith("rai:")} <= known | schema


def test_the_same_record_gives_the_same_file(finished: Path) -> None:
    corpus = Corpus.read(str(finished))
    assert text(corpus) == (finished / "croissant.json").read_text()
    assert json_ld(corpus) == json.loads(text(corpus))
