"""What the scripts beside share: what is expected, and the line that says that it was found. Needs NumPy alone."""

import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else "out/readers")
VARIANTS = ("whole", "cross", "fit", "wide")


class Expected:
    """One shard as our own reader has it."""

    def __init__(self, path: Path) -> None:
        found = np.load(path)
        self.tokens, lengths = found["tokens"], found["lengths"]
        ends = np.cumsum(lengths)
        self.documents = [self.tokens[e - n : e] for e, n in zip(ends, lengths, strict=True) if n]
        self.rows = list(found["rows"]) if "rows" in found else self.documents
        self.filled = found["filled"] if "rows" in found else None


def splits() -> Iterator[tuple[str, Path, str, list[Expected]]]:
    """Variant, its folder of shards, split, and all shards of the split in order."""
    for variant in VARIANTS:
        for split in ("train", "val"):
            folder = ROOT / variant / "expected"
            paths = sorted(folder.glob(f"{split}-*.npz"), key=lambda path: int(path.stem.split("-")[1]))
            assert paths, f"{folder}: nothing expected of {split}"
            yield variant, ROOT / variant / "shards", split, [Expected(path) for path in paths]


def same(what: str, got: list, expected: list) -> int:
    """The number of tokens that are the same, which is all of them or an AssertionError."""
    assert len(got) == len(expected), f"{what}: expected {len(expected):,} rows, got {len(got):,}"
    for number, (ours, theirs) in enumerate(zip(expected, got, strict=True)):
        assert np.array_equal(np.asarray(theirs).astype(np.int64), ours), f"{what}: row {number} differs"
    return sum(len(row) for row in expected)


def report(package: str, tokens: int, what: str) -> None:
    print(f"{package} {version(package)}: {tokens:,} tokens as written ({what})", flush=True)
