"""Note down what official readers should find in shards, by our own reader of the raw ones: `expected.py FOLDER`.

FOLDER holds outputs of runs (whole, cross, fit); a folder `wide` is added, of made-up shards with a large vocabulary,
whose ids need 32 bits. Each gets `expected/<split>-<k>.npz`: tokens, lengths of documents, and rows of sequences.
"""

import sys
from pathlib import Path

import numpy as np

from corpusmill.config import build, parse_yaml
from corpusmill.mixtures.recipe import Recipe
from corpusmill.shards.build import TABLE, Shard
from corpusmill.shards.formats import FORMATS
from corpusmill.shards.reader import ShardSet
from corpusmill.shards.sequences import lay_out, pack_rows
from corpusmill.shards.spec import ShardSpec, Written
from corpusmill.storage import read_json


def note(folder: Path) -> None:
    """Of a finished run."""
    recipe = build(Recipe, parse_yaml((folder / "recipe.yaml").read_text(), "recipe"), "recipe")
    each = read_json(str(folder / "manifest.json"))["mixture"]["sequences"]
    for split in ("train", "val"):
        shards = ShardSet.open(folder, split)
        for k in range(len(shards)):
            lengths = shards.table(k)["length"].to_numpy().astype(np.int64)
            save(folder, split, k, shards.tokens(k), lengths, recipe.shards.sequence, each.get(split, {}).get("each"))


def save(folder, split, k, tokens, lengths, sequence=None, each=None):
    extra = {}
    if sequence:
        layout = lay_out(lengths, sequence)
        layout = layout if each is None else layout.first(each)
        extra = {"rows": pack_rows(tokens, layout, sequence.pad), "filled": layout.filled}
    (folder / "expected").mkdir(exist_ok=True)
    np.savez(folder / "expected" / f"{split}-{k}.npz", tokens=tokens, lengths=lengths, **extra)


def write_wide(folder: Path) -> None:
    rng = np.random.default_rng(0)
    vocab_size, counts, pieces = 128_256, {"train": 3, "val": 1}, {}
    tokens_of = {}
    for split, n in counts.items():
        for k in range(n):
            lengths = rng.integers(1, 900, 40)
            table = np.zeros(len(lengths), TABLE)
            table["length"], table["start"] = lengths, np.cumsum(lengths) - lengths
            shard = Shard(rng.integers(0, vocab_size, lengths.sum()).astype("<u4"), table)
            spec = ShardSpec(split, k, n, vocab_size, 1, 2, "", ("books",), {"books": ("all",)})
            tokens_of[split] = (*tokens_of.get(split, ()), len(shard.tokens))
            for form, one in FORMATS.items():
                files = one.write(shard, spec)
                publish(folder / "shards" / form, files)
                pieces.setdefault(form, {}).update({p: bytes(d) for p, d in files.items() if p.endswith("index.json")})
            save(folder, split, k, shard.tokens, lengths)
    for form, one in FORMATS.items():
        publish(folder / "shards" / form, one.join(Written(tokens_of, vocab_size, 1, 2), pieces[form]))


def publish(folder, files):
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


if __name__ == "__main__":
    root = Path(sys.argv[1])
    write_wide(root / "wide")
    for variant in ("whole", "cross", "fit"):
        note(root / variant)
