"""mlcroissant: no error and no warning in the file, and every record of every set against the Parquet files."""

import json
from importlib.metadata import version

import mlcroissant as mlc
import pyarrow.parquet as pq
from compare import ROOT

folder = ROOT / "whole"
dataset = mlc.Dataset(jsonld=folder / "croissant.json")
issues = dataset.metadata.ctx.issues
assert not issues.errors and not issues.warnings, issues.report()
written = json.loads((folder / "croissant.json").read_text())
read_back = dataset.metadata.to_json()
lost = {key for key in written if key.startswith("rai:") and read_back.get(key) != written[key]}
assert not lost, f"not understood: {lost}"
total = 0
for record_set in dataset.metadata.record_sets:
    paths = sorted((folder / "documents" / record_set.id).glob("*.parquet"))
    rows = sorted((row for path in paths for row in pq.read_table(path).to_pylist()), key=lambda row: row["id"])
    found = [
        {name.rpartition("/")[2]: value.decode() for name, value in record.items()}
        for record in dataset.records(record_set.id)
    ]
    assert sorted(found, key=lambda row: row["id"]) == rows, f"{record_set.id}: {len(rows):,} rows, got {len(found):,}"
    total += len(rows)
assert total == sum(
    of.get("documents.kept", 0) for of in json.loads((folder / "manifest.json").read_text())["sources"].values()
)
print(f"mlcroissant {version('mlcroissant')}: {total:,} documents as written (Dataset.records; no warning)")
