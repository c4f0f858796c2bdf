"""datatrove: windows of length + 1 tokens of each file, with positions from the index of documents."""

import numpy as np
from compare import report, same, splits
from datatrove.utils.dataset import DatatroveFolderDataset

LENGTH = 63
total = 0
for variant, folder, split, shards in splits():
    width = shards[0].tokens.dtype.itemsize
    found = DatatroveFolderDataset(str(folder / f"datatrove/{split}"), LENGTH, token_size=width, return_positions=True)
    windows, positions = [], []
    for shard in shards:
        of_shard = np.concatenate([np.arange(len(document)) for document in shard.documents])
        for start in range(0, len(shard.tokens) - LENGTH, LENGTH + 1):
            windows.append(shard.tokens[start : start + LENGTH + 1])
            place = of_shard[start : start + LENGTH + 1].copy()
            first = int(np.argmin(place)) if place.min() == 0 else len(place)
            place[:first] -= place[0]  # a document that began before the window counts from its start
            positions.append(place)
    rows = [found[i] for i in range(len(found))]
    total += same(f"{variant} {split}", [row["input_ids"].numpy() for row in rows], windows)
    same(f"{variant} {split}, positions", [row["positions"].numpy() for row in rows], positions)
report("datatrove", total, "DatatroveFolderDataset, with positions")
