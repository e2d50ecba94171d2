"""The console of tables, progress and colours."""

import sys
from collections.abc import Iterable
from typing import IO, Any

from rich.console import Console
from rich.segment import Segment

from cli.terminal.text import printable_lines

WIDTH = 120
"""Columns without a terminal: pipes and logs have no width."""


class Screen(Console):
    """A console that escapes foreign text and keeps its own styles.

    Escape foreign text before you put it into a table all the same, so that the columns fit.
    """

    def _render_buffer(self, buffer: Iterable[Segment]) -> str:
        """Render the output; rich has no public method that all output passes."""
        return super()._render_buffer(
            segment if segment.control else Segment(printable_lines(segment.text), segment.style) for segment in buffer
        )


def screen(file: IO[str] | None = None, **more: Any) -> Screen:
    """Make the console of a stream, standard output by default; without a terminal, it is wide enough for tables."""
    # sys.stdout is read now: a test replaces it while a program runs.
    made = Screen(file=file or sys.stdout, highlight=False, **more)
    return made if made.is_terminal else Screen(file=file or sys.stdout, highlight=False, width=WIDTH, **more)
