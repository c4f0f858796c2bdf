"""fastText's classifiers: only files that are whole are loaded, and text is one line to them."""

from __future__ import annotations

import contextlib
import io
import mmap
import struct
import zipfile
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..storage import local_copy

LABEL = "__label__"
"""What a label begins with."""
_MAGIC, _NEWEST_VERSION, _SUPERVISED = 793_712_314, 12, 3
_N_CENTROIDS = 256


class Classifier:
    """A fastText model with labels, loaded from a `.bin` or `.ftz` file wherever it lies."""

    def __init__(self, path: str, kind: str, how_to_get_it: str) -> None:
        """Load it, or raise a UsageError that expects `kind` and ends with `how_to_get_it`.

        A file that is cut off, or whose sizes do not agree, is an error here: fastText itself would crash on it, read
        without end, or give wrong scores. A file that was damaged or made to do harm beyond that is not noticed.
        """
        import fasttext  # here, since few processes of a run need it

        try:
            with local_copy(path) as local:
                check_file(local)
                with contextlib.redirect_stderr(io.StringIO()):  # some versions warn of what matters to nobody here
                    model = fasttext.load_model(local)
        except (OSError, zipfile.BadZipFile) as error:
            reason = f"cannot be read ({type(error).__name__}: {error})"
            raise UsageError(f"{path}: expected a {kind}, {reason}. {how_to_get_it}") from error
        except (ValueError, RuntimeError, MemoryError) as error:
            raise UsageError(f"{path}: expected a fastText model with labels, {error}. {how_to_get_it}") from error
        self.labels: list[str] = model.labels
        self._predict = model.f.predict  # the method `predict` of fastText 0.9.3 raises with NumPy 2

    def top(self, line: str) -> tuple[str, float]:
        """The likeliest label of a text without line ends, and its probability; ("", 0.0) if the model says nothing."""
        # fastText reads a single line, and scores one without its end differently.
        found = self._predict(line.encode(errors="replace") + b"\n", 1, 0.0, "strict")
        if not found:
            return "", 0.0
        score, label = found[0]
        return label, min(score, 1.0)  # fastText gives up to 1.00003


# ---- is the file whole? ----------------------------------------------------------------------------------------------


def check_file(path: str) -> None:
    """Raise ValueError with what is wrong with a model file, read by the lengths that it states."""
    with Path(path).open("rb") as file:
        if not file.read(1):
            raise ValueError("the file is empty")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            model = _ModelFile(data)
            try:
                model.check()
            except struct.error:
                raise ValueError("the file is cut off") from None


class _ModelFile:
    """A fastText model file, read from its start to its end without keeping anything."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.at = data, 0

    def check(self) -> None:
        """Raise struct.error at the end of a file that is cut off, ValueError for what else is wrong."""
        magic, version = self.take("2i")
        if magic != _MAGIC or version > _NEWEST_VERSION:
            raise ValueError("the file is of another format")
        dim, *_, kind, bucket, _, _, _, _ = self.take("12id")
        n_entries, n_words, n_labels, _, n_pruned = self.take("3i2q")
        if kind != _SUPERVISED or n_labels < 1:
            raise ValueError("the model has none")
        if n_words < 0 or n_entries != n_words + n_labels:
            raise ValueError("the sizes in the file do not agree")
        for _ in range(n_entries):
            self.skip_entry()
        self.skip(8 * max(0, n_pruned))
        is_quantized = self.take("?")[0]
        self.skip_matrix(n_words + (bucket if n_pruned < 0 else n_pruned), dim, is_quantized)
        self.skip_matrix(n_labels, dim, self.take("?")[0] and is_quantized)
        if self.at != len(self.data):
            raise ValueError("the file is longer than the model in it")

    def take(self, layout: str) -> tuple[Any, ...]:
        """The next numbers of the file."""
        values = struct.unpack_from(f"<{layout}", self.data, self.at)
        self.at += struct.calcsize(f"<{layout}")
        return values

    def skip(self, n_bytes: int) -> None:
        """Leave out bytes that must be there."""
        self.at += n_bytes
        if self.at > len(self.data):
            raise struct.error

    def skip_entry(self) -> None:
        """Leave out a word: its letters, a NUL, how often it was seen, its kind."""
        end = self.data.find(b"\0", self.at)
        if end < 0:
            raise struct.error
        self.skip(end - self.at + 1 + 8 + 1)

    def skip_matrix(self, n_rows: int, n_columns: int, is_quantized: bool) -> None:
        """Leave out a matrix that must be of this size."""
        has_norms = is_quantized and self.take("?")[0]
        if self.take("2q") != (n_rows, n_columns) or n_columns < 1:
            raise ValueError("the sizes in the file do not agree")
        if not is_quantized:
            self.skip(n_rows * n_columns * 4)
            return
        self.skip(self.take("i")[0])
        self.skip_quantizer(n_columns)
        if has_norms:
            self.skip(n_rows)
            self.skip_quantizer(1)

    def skip_quantizer(self, n_columns: int) -> None:
        """Leave out the vectors that codes stand for."""
        if self.take("4i")[0] != n_columns:
            raise ValueError("the sizes in the file do not agree")
        self.skip(n_columns * _N_CENTROIDS * 4)
