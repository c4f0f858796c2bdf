"""The list of what was taken down: a fact of the output folder, which every later run there keeps to."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from ..errors import UsageError
from ..records import Document, Dropped, Reason
from ..storage import is_file, join, read_json, write_json

LIST = "takedown.json"


@dataclass(frozen=True)
class TakenDown:
    """Ids and whole URLs of documents that must not be in the corpus, nor their text in what is kept for later runs."""

    ids: frozenset[str] = frozenset()
    urls: frozenset[str] = frozenset()

    @classmethod
    def read(cls, output: str) -> TakenDown:
        """The list of an output folder, empty where there is none.

        Raises:
            UsageError: it is not readable; going on without it would bring documents back.
        """
        if not is_file(join(output, LIST)):
            return cls()
        try:
            value = read_json(join(output, LIST))
            return cls(frozenset(value["ids"]), frozenset(value["urls"]))
        except (TypeError, KeyError) as error:
            raise UsageError(f"{output}/{LIST}: expected a JSON object of ids and urls. Bring it back.") from error

    def write(self, output: str) -> None:
        write_json(join(output, LIST), {"ids": sorted(self.ids), "urls": sorted(self.urls)})

    def __or__(self, other: TakenDown) -> TakenDown:
        return TakenDown(self.ids | other.ids, self.urls | other.urls)

    def __bool__(self) -> bool:
        return bool(self.ids or self.urls)

    def holds(self, id_: str, url: object) -> bool:
        """Whether a document with this id and URL is on the list.

        >>> TakenDown(urls=frozenset({"https://example.org/"})).holds("commoncrawl:1", "https://example.org/")
        True
        """
        return id_ in self.ids or (bool(url) and url in self.urls)

    def applied(self, result: Document | Dropped) -> Document | Dropped:
        """A result of the steps as it may be written down: no text of a document that is on the list."""
        url = str(result.meta.get("url", "")) if isinstance(result, Document) else result.url
        if not self.holds(result.id, url):
            return result
        if isinstance(result, Document):
            return Dropped(result.id, Reason.TAKEN_DOWN, url=url, pieces=result.pieces)
        return dataclasses.replace(result, head="")
