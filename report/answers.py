"""Where answers are printed: a console on stdout whose tables stay readable on a narrow terminal and in a pipe."""

from __future__ import annotations

from typing import Any

from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from .visible import visible

UNBROKEN = 10_000  # columns of what is no terminal: whoever cuts or searches lines wants whole ones


class AnswerConsole(Console):
    """A console whose tables become blocks where they do not fit; in a pipe no line is broken, or ends in blanks.

    Strings are shown as they are, whoever wrote them: no markup in them is obeyed, and nothing that a terminal obeys.
    """

    def __init__(self) -> None:
        super().__init__()
        if not self.is_terminal and "COLUMNS" not in self._environ:
            self.width = UNBROKEN

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(visible(text), **{**options, "markup": False, "emoji": False})

    def print(self, *objects: Any, **options: Any) -> None:
        fitting = [self._fitting(one) if isinstance(one, Table) else one for one in objects]
        if self.is_terminal:
            super().print(*fitting, **options)
            return
        with self.capture() as held:
            super().print(*fitting, **options)
        self.file.write("".join(f"{line.rstrip()}\n" for line in held.get().splitlines()))

    def _fitting(self, table: Table) -> RenderableType:
        for column in table.columns:
            column.no_wrap = column.no_wrap or column.justify == "right"  # rich would cut numbers as it breaks texts
        # A cell breaks between words; narrower than its longest word, and a name or a number would be cut.
        options = self.options.update(max_width=UNBROKEN)
        least = Measurement.get(self, options, table).minimum
        for column in table.columns:
            if column.no_wrap:  # rich measures its head and cells as if they were broken
                sizes = [Measurement.get(self, options, cell) for cell in (Text(str(column.header)), *column.cells)]
                least += max(size.maximum for size in sizes) - max(size.minimum for size in sizes)
        return table if least <= self.width else blocks(table)

    def on_broken_pipe(self) -> None:
        """Whoever read has enough: the command ends as every other one does then, by its error."""
        raise


def blocks(table: Table) -> Group:
    """A table as a block for each row: the first cell, and below it the others by the names of their columns."""
    lines: list[Text] = [Text(visible(str(table.title)), style="italic")] if table.title else []
    names = [str(column.header) for column in table.columns]
    width = max(map(len, names))
    for cells in zip(*(column.cells for column in table.columns), strict=True):
        texts = [cell if isinstance(cell, Text) else Text(visible(str(cell))) for cell in cells]
        lines.append(texts[0])
        lines += [
            Text(f"  {name:<{width}}  ") + text for name, text in zip(names[1:], texts[1:], strict=True) if text.plain
        ]
    return Group(*lines)
