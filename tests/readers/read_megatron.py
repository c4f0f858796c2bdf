"""megatron-core: every document through IndexedDataset, and the blend as Megatron-LM takes it."""

import json
import warnings

import numpy as np
from compare import ROOT, VARIANTS, report, same, splits

warnings.simplefilter("ignore")
from megatron.core.datasets.indexed_dataset import IndexedDataset  # noqa: E402
from megatron.core.datasets.utils import get_blend_from_list  # noqa: E402

total = 0
for variant, folder, split, shards in splits():
    for k, shard in enumerate(shards):
        found = IndexedDataset(str(folder / f"megatron/{split}-{k:05d}-of-{len(shards):05d}"), mmap=True)
        total += same(f"{variant} {split} {k}", [found[i] for i in range(len(found))], shard.documents)
        assert np.array_equal(found.document_indices, np.arange(len(found) + 1))
for variant in VARIANTS:
    blend = json.loads((ROOT / variant / "shards/megatron/blend.json").read_text())
    prefixes, weights = get_blend_from_list(blend["train"])
    assert all((ROOT / variant / f"{prefix}.idx").exists() for prefix in prefixes) and min(weights) > 0
    assert get_blend_from_list(blend["test"]) is None
report("megatron-core", total, "IndexedDataset, get_blend_from_list")
