"""The loss on the validation split, in nats a token and in bits a byte."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ShardError
from ..formats.documents import read_footer, row_numbers
from ..shards.reader import ShardSet
from .data import Batch, Batches
from .losses import Loss, LossSums

_MAX_TOKENS = 65_536


def token_losses(model: nn.Module, batch: Batch, bf16: bool = False) -> Tensor:
    """Cross entropy in nats of every target, row after row: (rows · seq_len,), float32; `bf16` runs the model in it."""
    device = next(model.parameters()).device
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        logits = model(torch.from_numpy(batch.inputs).to(device))
    targets = torch.from_numpy(batch.targets).to(device)
    return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none")


def evaluate(model: nn.Module, batches: Batches, n_sources: int, bf16: bool = False) -> LossSums | None:
    """Losses on the steps that `chosen` names, without training; None where there is no batch."""
    with torch.inference_mode():
        parts = [
            LossSums.of(token_losses(model, batch, bf16).cpu().numpy(), batch, n_sources)
            for batch in map(batches.__getitem__, chosen(batches))
        ]
    return reduce(add, parts) if parts else None


def chosen(batches: Batches) -> list[int]:
    """The steps that are evaluated: all of them up to 65,536 targets or so, else as many, evenly spread."""
    n_batches = min(len(batches), -(-_MAX_TOKENS // (batches.batch_size * batches.seq_len)))
    return [k * len(batches) // n_batches for k in range(n_batches)]


def validate(
    model: nn.Module, output: str, batch_size: int, seq_len: int, bf16: bool = False
) -> tuple[Loss | None, Loss | None]:
    """Loss in nats a token and in bits a byte; None where there is no validation split, or are no documents."""
    if not any((Path(output) / "shards" / "raw").glob("val-*")):  # none is not the same as some missing
        return None, None
    shards = ShardSet.open(output, "val")
    batches = Batches(shards, batch_size, seq_len)
    losses = evaluate(model, batches, len(shards.sources), bf16)
    if losses is None:
        return None, None
    ratios = bytes_per_token(output, shards, [batches.targets_of(step) for step in chosen(batches)])
    return losses.mean(shards.sources), None if ratios is None else losses.bits_per_byte(ratios, shards.sources)


def bytes_per_token(output: str, shards: ShardSet, ranges: Sequence[tuple[int, int]]) -> npt.NDArray[np.float64] | None:
    """For each source how many bytes of text stand for one token, in the documents that ranges of the tokens touch.

    Bytes are those of the documents' text in UTF-8, as `documents/` holds it; tokens are all that stand for it in the
    shards, BOS and EOS among them. So a loss in bits a byte pays for the marks too, and two tokenizers can be compared
    by it. A document counts whole, also where a range holds a part of it. `ranges` are (start, stop), in their order,
    over the shards one after the other. None where files of documents are not there; 0.0 for a source without any.
    """
    n_bytes, n_tokens = np.zeros((2, len(shards.sources)))
    for name, rows in _touched(shards, ranges).items():
        path = Path(output) / "documents" / f"{name}.parquet"
        if not path.exists():
            return None
        source = shards.sources.index(name.partition("/")[0])
        n_bytes[source] += _text_bytes(path, list(rows))
        n_tokens[source] += sum(rows.values())
    return n_bytes / np.maximum(n_tokens, 1)


def _touched(shards: ShardSet, ranges: Sequence[tuple[int, int]]) -> dict[str, dict[int, int]]:
    """For each file of documents the rows that lie in ranges, and how many tokens each has; copies count once."""
    firsts, lasts = np.array(ranges).T
    files: dict[str, dict[int, int]] = {}
    before = 0
    for k in range(len(shards)):
        table = shards.table(k)
        starts = before + table["start"].to_numpy().astype(np.int64)
        stops = starts + table["length"].to_numpy()
        inside = np.searchsorted(lasts, starts, "right") < np.searchsorted(firsts, stops, "left")
        for row in table.filter(pa.array(inside)).to_pylist():
            files.setdefault(f"{row['source']}/{row['shard']}", {})[row["row"]] = row["length"]
        before += len(shards.tokens(k))
    return files


def _text_bytes(path: Path, rows: Sequence[int]) -> int:
    """Bytes of the texts in these rows together; of the file only their row groups are read."""
    total, found, start = 0, 0, 0
    try:
        n_rows, footer = read_footer(str(path))
        # Rows that were taken down are counted by the shards' index.
        numbers = np.array(row_numbers(n_rows, footer.get("taken_down", ())))
        wanted = np.searchsorted(numbers, rows)
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                stop = start + file.metadata.row_group(group).num_rows
                inside = wanted[(wanted >= start) & (wanted < stop)] - start
                if len(inside):
                    texts = file.read_row_group(group, columns=["text"], use_threads=False)["text"].take(inside)
                    total += int(pc.sum(pc.binary_length(texts)).as_py())
                found, start = found + len(inside), stop
    except (OSError, pa.ArrowException) as error:
        raise ShardError(f"{path}: cannot be read ({type(error).__name__}). `corpusmill check` tells more.") from error
    if found < len(rows):
        raise ShardError(f"{path}: expected {max(rows) + 1} documents or more, got {start}; it is of another run.")
    return total
