"""When and how progress is shown, on stderr: what all bars and lines keep to."""

from __future__ import annotations

from rich.console import Console

LINE_EVERY = 30.0  # seconds between lines where there is no terminal, and between listings of an object store


def can_redraw(console: Console) -> bool:
    """Whether lines can be drawn over: not where colours are asked for in a file, nor on a dumb terminal."""
    return console.is_terminal and not console.is_dumb_terminal and console.file.isatty()
