"""datasets: every config of the card of a run, whole and streamed, against the Parquet files themselves."""

import json
import tempfile
from importlib.metadata import version

import pyarrow.parquet as pq
from compare import ROOT
from datasets import disable_progress_bars, get_dataset_config_names, get_dataset_infos, load_dataset
from huggingface_hub import DatasetCard

disable_progress_bars()
folder = ROOT / "whole"
kept = {
    source: sum(pq.read_metadata(path).num_rows for path in (folder / "documents" / source).glob("*.parquet"))
    for source in json.loads((folder / "manifest.json").read_text())["sources"]
}
data = DatasetCard.load(folder / "README.md").data.to_dict()
assert data["license"] == "other" and data["language"]
first, *names = get_dataset_config_names(str(folder))
assert first == "default" and set(names) == {source for source, n in kept.items() if n}
infos = get_dataset_infos(str(folder))
total = 0
with tempfile.TemporaryDirectory() as cache:
    for config in ("default", *names):
        sources = names if config == "default" else [config]
        rows = [
            row
            for source in sources
            for path in sorted((folder / "documents" / source).glob("*.parquet"))
            for row in pq.read_table(path).to_pylist()
        ]
        # `default` by no name at all, as people open a folder; the sizes of the card are checked on the way.
        named = () if config == "default" else (config,)
        found = load_dataset(str(folder), *named, split="train", cache_dir=cache)
        assert list(found) == rows, f"{config}: {len(rows):,} rows expected, got {len(found):,}"
        assert list(load_dataset(str(folder), *named, split="train", streaming=True)) == rows
        assert infos[config].splits["train"].num_examples == len(rows)
        assert [json.loads(row["meta"]) for row in rows]
        total += len(rows)
print(f"datasets {version('datasets')}: {total:,} documents as written (load_dataset of the card, whole and streamed)")
