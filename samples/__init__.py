"""Small inputs in the published formats, generated from a seed."""

from pathlib import Path

from . import arxiv, books, c4, cirrus, commoncrawl, github, languages, serbian, stackexchange, wikipedia

_WRITERS = (
    *(commoncrawl.write, commoncrawl.write_cited_urls),
    *(c4.write, github.write, github.write_tables),
    *(wikipedia.write, serbian.write, cirrus.write),
    *(books.write, arxiv.write, stackexchange.write, languages.write),
)


def write_sample(folder: str | Path, seed: int = 0, scale: float = 1.0) -> list[Path]:
    """Write a small input of each source, and the models that they need, and return the files.

    The same seed and scale give the same records anywhere, and the same bytes where zlib packs them alike. At scale 1
    each source has a few MB; the scale multiplies its documents, but not its damaged records,
    which are there on purpose (each writer documents its own).
    """
    return [path for write in _WRITERS for path in write(Path(folder), seed, scale)]
