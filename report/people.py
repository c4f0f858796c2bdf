"""What a run leaves for people to read: its dataset card, Croissant's file, and its page."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..manifest import finished
from ..pipelines.lock import locked
from ..storage import absolute
from . import card, page


def write_all(output: str) -> None:
    """Write all of it.

    Raises:
        UsageError: there is no finished run, or one is at work in the folder.
    """
    with _alone(output):
        card.write(output)
        page.write(output)


def write_page(output: str) -> str:
    """Write the page. Returns its path or URL.

    Raises:
        UsageError: there is no finished run, or one is at work in the folder.
    """
    with _alone(output):
        return page.write(output)


@contextlib.contextmanager
def _alone(output: str) -> Iterator[None]:
    """Nobody else is at work in the folder: what is just being taken down must not come back with the page."""
    with locked(absolute(output), finished(output)["recipe_digest"]):
        yield
