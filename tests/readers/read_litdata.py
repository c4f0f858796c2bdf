"""litdata: blocks by TokensLoader, cut within each chunk."""

from compare import report, same, splits
from litdata import StreamingDataset, TokensLoader

BLOCK = 65
total = 0
for variant, folder, split, shards in splits():
    found = StreamingDataset(
        str(folder / f"litdata/{split}"), item_loader=TokensLoader(block_size=BLOCK), shuffle=False, drop_last=False
    )
    blocks = [s.tokens[i : i + BLOCK] for s in shards for i in range(0, len(s.tokens) - BLOCK + 1, BLOCK)]
    total += same(f"{variant} {split}", [found[i] for i in range(len(found))], blocks)
report("litdata", total, "StreamingDataset with TokensLoader")
