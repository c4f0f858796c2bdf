"""OLMo-core: sequences of NumpyFSLDataset, by the config that we name, and documents by the borders beside them."""

import tempfile

from compare import report, same, splits
from olmo_core.data import NumpyDatasetDType, NumpyFSLDatasetConfig, TokenizerConfig
from olmo_core.data.utils import iter_document_indices

LENGTH = 64
total = 0
with tempfile.TemporaryDirectory() as cache:
    for variant, folder, split, shards in splits():
        vocab_size = 128_256 if variant == "wide" else 800
        found = NumpyFSLDatasetConfig(
            paths=[str(folder / f"olmo/{split}-*.npy")],
            expand_glob=True,
            sequence_length=LENGTH,
            dtype=NumpyDatasetDType[shards[0].tokens.dtype.name],
            tokenizer=TokenizerConfig(vocab_size=vocab_size, eos_token_id=2, bos_token_id=1, pad_token_id=0),
            work_dir=f"{cache}/{variant}",
        ).build()
        cut = [s.tokens[i : i + LENGTH] for s in shards for i in range(0, len(s.tokens) - LENGTH + 1, LENGTH)]
        total += same(f"{variant} {split}", [found[i]["input_ids"].numpy() for i in range(len(found))], cut)
        for k, shard in enumerate(shards):
            path = folder / f"olmo/{split}-{k:05d}-of-{len(shards):05d}.npy"
            borders = iter_document_indices(path, use_array_if_local=False)
            same(f"{variant} {split} {k}", [shard.tokens[start:end] for start, end in borders], shard.documents)
report("ai2-olmo-core", total, "NumpyFSLDataset, iter_document_indices")
