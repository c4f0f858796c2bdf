"""Small inputs in the published formats, generated from a seed."""

from pathlib import Path

from ..errors import UsageError
from . import arxiv, books, c4, cirrus, commoncrawl, github, languages, serbian, stackexchange, wikipedia

_WRITERS = (
    *(commoncrawl.write, commoncrawl.write_cited_urls),
    *(c4.write, github.write, github.write_tables),
    *(wikipedia.write, serbian.write, cirrus.write),
    *(books.write, arxiv.write, stackexchange.write, languages.write),
)


MARK = "SAMPLE.txt"  # in a folder whose files may be written over


def write_sample(folder: str | Path, seed: int = 0, scale: float = 1.0) -> list[Path]:
    """Write a small input of each source, and the models that they need, and return the files.

    The same seed and scale give the same records anywhere, and the same bytes where zlib packs them alike. At scale 1
    each source has a few MB; the scale multiplies its documents, but not its damaged records,
    which are there on purpose (each writer documents its own).

    Raises:
        UsageError: the folder has files, and they are no sample: some may be dumps, of the same names as ours.
    """
    refuse_others(folder)
    root = Path(folder)
    mark = root / MARK
    root.mkdir(parents=True, exist_ok=True)
    mark.write_text(f"Generated: corpusmill sample --seed {seed} --scale {scale:g}. All files here may be deleted.\n")
    return [mark, *(path for write in _WRITERS for path in write(root, seed, scale))]


def refuse_others(folder: str | Path) -> None:
    """Raise UsageError for a folder that has files, and is no sample."""
    root = Path(folder)
    if root.is_dir() and any(root.iterdir()) and not (root / MARK).exists():
        raise UsageError(
            f"{folder} has files and no {MARK}, so it is no sample of ours, or an older version's; some could be "
            "written over. Give a new folder."
        )
