"""The perplexities of files on this machine or at URLs, without a run, for `corpusmill score`."""

from __future__ import annotations

import contextlib
import gzip
import json
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..errors import SourceError, UsageError
from ..filters.ccnet_perplexity import bucket_of
from ..mixtures.sources import PerplexityRecipe
from ..models.cutoffs import open_cutoffs
from ..models.ngram import PIECES, model_files, open_ngram_model
from ..records import Bucket
from ..storage import join, open_read, sizes
from .figures import UNKNOWN, number

STDIN = "-"
JSON_LINES = (".jsonl", ".jsonl.gz")
OTHER_FORMATS = (".parquet", ".wet", ".wet.gz", ".warc", ".warc.gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".tar")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Score:
    """One document: its file, the number of its line there (1 where the file is the document), and what was measured.

    The perplexity is not rounded, and None where the text has no pieces.
    """

    path: str
    number: int
    perplexity: float | None
    n_pieces: int
    n_chars: int
    bucket: Bucket | None = None  # where there are cutoffs


def score_files(
    paths: Sequence[str],
    folder: str,
    language: str,
    per_line: bool = False,
    each_line: bool = False,
    cutoffs: str | None = None,
) -> Iterator[Score]:
    """The documents of some files, in order; of a file that is `-`, of standard input.

    A `.jsonl` or `.jsonl.gz` file has a document a line, its field `text`. Any other file is one document, or with
    `each_line` a document a line. Blank lines of JSON are left out.

    Args:
        paths: files or URLs.
        folder: where the models are; that of a run that made them will do.
        language: which of them to use.
        per_line: score each line of a document as a sentence of its own.
        each_line: take each line of a text file as a document.
        cutoffs: a file of cutoffs, to say which part each document is in.

    Raises:
        UsageError: no such model, or a file that cannot be read.
    """
    in_run = join(folder, "models/ngram")
    # A run that was given its models may have made binaries of them there, and no more.
    made_here = f"{language}{PIECES}" in sizes(in_run)
    model = open_ngram_model(*model_files(in_run if made_here else folder, language))
    percentiles = PerplexityRecipe.head, PerplexityRecipe.middle  # of a table of cutoffs
    parts = open_cutoffs(cutoffs, *percentiles).get(language) if cutoffs else None
    for path in paths:
        for line, text in _documents(path, each_line):
            perplexity, n_pieces = model.measure(text, per_line)
            # As in a run, the perplexity is rounded before it is compared.
            bucket = bucket_of(perplexity and round(perplexity, 1), parts) if cutoffs else None
            yield Score(path, line, perplexity, n_pieces, len(text), bucket)


def print_scores(scores: Iterable[Score], console: Console) -> None:
    """Print scores as a table, perplexities with one decimal as CCNet keeps them.

    What came before an error is printed too, before the error goes on.
    """
    result = Table(box=box.SIMPLE_HEAD)
    result.add_column("file")
    for name in ("line", "perplexity", "pieces", "characters"):
        result.add_column(name, justify="right")
    result.add_column("")
    try:
        for score in scores:
            perplexity = UNKNOWN if score.perplexity is None else f"{score.perplexity:,.1f}"
            numbers = (number(score.number), perplexity, number(score.n_pieces), number(score.n_chars))
            result.add_row(Text(score.path), *numbers, score.bucket or "")
    finally:
        if result.row_count:
            console.print(result)


def _documents(path: str, each_line: bool) -> Iterator[tuple[int, str]]:
    """The documents of a file with their numbers."""
    if path.endswith(OTHER_FORMATS):
        raise UsageError(f"{path}: expected text or JSON lines (.jsonl, .jsonl.gz with a field text), plain or .gz.")
    is_json = path.endswith(JSON_LINES)
    n_read = 0
    try:
        with _open(path) as file:
            pieces: Iterable[bytes] = file if is_json or each_line else (file.read(),)
            for n_read, piece in enumerate(pieces, 1):
                text = (piece.removeprefix(_BOM) if n_read == 1 else piece).decode()
                if not is_json:
                    yield n_read, text.removesuffix("\n") if each_line else text
                elif text.strip():
                    yield n_read, _text_of(text)
    except UnicodeDecodeError as error:
        raise _damaged(path, max(n_read, 1), f"UTF-8, got byte 0x{error.object[error.start]:02x}") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, n_read, f"a JSON object with a field text, got {error}") from error
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{path}: cannot be read after line {n_read:,} ({type(error).__name__}: {error}).") from error
    except SourceError as error:
        raise UsageError(str(error)) from error


def _text_of(line: str) -> str:
    """The field `text` of a line of JSON. Raises ValueError where there is none."""
    record = json.loads(line)
    text = record.get("text") if isinstance(record, dict) else None
    if not isinstance(text, str):
        raise ValueError("none" if isinstance(record, dict) else f"a {type(record).__name__}")
    return text


def _damaged(path: str, line: int, what: str) -> UsageError:
    return UsageError(f"{path}, line {line:,}: expected {what}. Mend that line, or take it out.")


@contextlib.contextmanager
def _open(path: str) -> Iterator[BinaryIO]:
    if path == STDIN:
        yield sys.stdin.buffer
        return
    with open_read(path) as file:
        if path.endswith(".gz"):
            with gzip.open(file) as unpacked:
                yield cast(BinaryIO, unpacked)
        else:
            yield file
