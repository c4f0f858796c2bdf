"""datasets: every row of load_dataset("parquet"), with its attention mask where there is padding."""

import tempfile

import numpy as np
from compare import report, same, splits
from datasets import disable_progress_bars, load_dataset

disable_progress_bars()
total = 0
with tempfile.TemporaryDirectory() as cache:
    for variant, folder, split, shards in splits():
        files = {split: str(folder / f"parquet/{split}-*.parquet")}
        found = load_dataset("parquet", data_files=files, split=split, cache_dir=f"{cache}/{variant}")
        assert found.features["input_ids"].feature.dtype == shards[0].tokens.dtype.name
        rows = [row for shard in shards for row in shard.rows]
        table = found.with_format("numpy")
        total += same(f"{variant} {split}", [row["input_ids"] for row in table], rows)
        if variant == "fit":
            filled = np.concatenate([shard.filled for shard in shards])
            masks = [np.arange(len(row)) < n for row, n in zip(rows, filled, strict=True)]
            same(f"{variant} {split}, masks", [row["attention_mask"] for row in table], masks)
report("datasets", total, "load_dataset")
