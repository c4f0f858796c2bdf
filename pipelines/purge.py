"""Documents out of the files that hold their text: each is written again whole, and its receipt before it.

The receipt is first so that a kill in between does no harm: the file as it was still holds what must go, and gives the
same bytes once more. Fingerprints stay, for they are made of `File.identity`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..errors import ShardError
from ..formats.documents import (
    DOCUMENTS,
    DROPPED,
    RowWriter,
    document_of,
    dropped_row,
    numbered_rows,
    read_footer,
    read_rows,
)
from ..formats.stackexchange_parts import copy_parts
from ..manifest import File, Receipt, write_receipt
from ..records import Dropped, Reason
from ..storage import HashingFile, join, open_read, publishing, remove
from .accounts import take_kept
from .leads import LEADS
from .quality import EXAMPLES
from .taken_down import TakenDown

Row = dict[str, Any]


@dataclass
class Purge:
    """The files of one receipt, and what must go from them. A file that holds nothing of it is left alone."""

    output: str
    phase: str
    receipt: Receipt
    taken_down: TakenDown

    def documents(self, path: str, beside: str) -> None:
        """A file of documents, and that of the dropped ones: there a row without text stands for each that goes."""
        named = numbered_rows(self._url(path), ["id", "meta"])
        numbers = {number for number, row in named if self._holds(row, _url_of(row))}
        going = [(number, row) for number, row in self._numbered(path) if number in numbers] if numbers else []
        before = list(read_rows(self._url(beside)))
        seen = [row for row in before if self._holds(row, row["url"])]
        if not going and not any(row["head"] for row in seen):
            return
        there = {(row["id"], row["detail"]) for row in seen if row["reason"] == Reason.TAKEN_DOWN}
        with self._table(beside, DROPPED) as dropped:
            for row in before:
                dropped.add({**row, "head": "" if self._holds(row, row["url"]) else row["head"]})
            for number, row in going:
                if (row["id"], detail := f"row {number}") not in there:
                    gone = Dropped(row["id"], Reason.TAKEN_DOWN, detail=detail, url=_url_of(row))
                    dropped.add(dropped_row(gone))
        if going:
            with self._table(path, DOCUMENTS) as kept:
                kept.counts = accounts_without(kept.counts, [row for _, row in going])
                kept.taken_down = [*kept.taken_down, *numbers]
                for number, row in self._numbered(path):
                    if number not in numbers:
                        kept.add(row)

    def leads(self, path: str) -> None:
        """The lead sections of a dump."""
        self._rows(path, LEADS, "id", self.taken_down.ids)

    def examples(self, path: str, urls: Collection[str]) -> None:
        """Pages that the classifier learnt from, which are known by their URL."""
        self._rows(path, EXAMPLES, "url", urls)

    def _rows(self, path: str, schema: pa.Schema, column: str, going: Collection[str]) -> None:
        if any(row[column] in going for row in read_rows(self._url(path), [column])):
            with self._table(path, schema) as table:
                for row in read_rows(self._url(path)):
                    if row[column] not in going:
                        table.add(row)

    def lines(self, path: str, texts: Collection[bytes]) -> None:
        """A text file in which each text stands as whole lines, in one piece."""
        with open_read(self._url(path)) as file:
            data = before = b"\n" + file.read()
        for text in sorted(texts, key=len, reverse=True):  # one may be the beginning of another
            data = data.replace(b"\n" + text, b"\n", 1) if text else data
        if data != before:
            with self._binary(path) as target:
                target.write(data[1:])

    def posts(self, path: str, index_path: str, questions: Collection[int]) -> None:
        """Posts of a site by their questions. Where a kill left file and index apart both go, and are made again."""
        url, index_url = self._url(path), self._url(index_path)
        try:
            if questions:
                with self._binary(path) as posts, self._binary(index_path) as index:
                    copy_parts(url, index_url, posts, index, questions)
        except ShardError:
            remove(url)
            remove(index_url)

    def _url(self, path: str) -> str:
        return join(self.output, path)

    def _numbered(self, path: str) -> Iterator[tuple[int, Row]]:
        return numbered_rows(self._url(path))

    def _holds(self, row: Row, url: str) -> bool:
        return self.taken_down.holds(row["id"], url)

    @contextlib.contextmanager
    def _table(self, path: str, schema: pa.Schema) -> Iterator[RowWriter]:
        _, footer = read_footer(self._url(path))
        with publishing(self._url(path)) as file:
            with RowWriter(file, schema, footer["fingerprint"]) as writer:
                writer.counts, writer.taken_down = footer["counts"], footer.get("taken_down", ())
                yield writer
            self._note(path, file, writer.rows, writer.counts)

    @contextlib.contextmanager
    def _binary(self, path: str) -> Iterator[HashingFile]:
        with publishing(self._url(path)) as file:
            yield file
            self._note(path, file, self.receipt.files[path].rows, self.receipt.files[path].counts)

    def _note(self, path: str, file: HashingFile, rows: int, counts: Mapping[str, int]) -> None:
        new = File(file.bytes, file.published.sha256, rows, dict(counts), self.receipt.files[path].identity)
        self.receipt = dataclasses.replace(self.receipt, files={**self.receipt.files, path: new})
        write_receipt(self.output, self.phase, self.receipt)


def _url_of(row: Row) -> str:
    return str(json.loads(row["meta"]).get("url") or "")


def accounts_without(counts: Mapping[str, int], going: Collection[Row]) -> dict[str, int]:
    """The accounts of a file of documents when some of its documents are no longer kept.

    >>> row = {"id": "a", "text": "text", "source": "books", "meta": "{}"}
    >>> accounts_without({"documents.in": 1, "documents.kept": 1, "bytes.kept": 4}, [row])
    ... # doctest: +ELLIPSIS
    {'documents.in': 1, 'documents.kept': 0, 'bytes.kept': 0, 'digest.documents': ..., 'bytes.taken_down': 4}
    """
    left = Counter(counts)
    for document in map(document_of, going):
        take_kept(left, document.id, document.text, document.meta)
        left[f"documents.dropped.{Reason.TAKEN_DOWN}"] += 1
        left["bytes.taken_down"] += len(document.text.encode())
    return dict(left)
