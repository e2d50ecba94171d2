"""The console of tables, progress and colours."""

import sys
from collections.abc import Iterable
from typing import IO, Any

from rich.console import Console
from rich.segment import Segment

from cli.terminal.text import printable_lines

NARROWEST = 120
"""Columns where there is no terminal: pipes and logs have no width of their own."""


class Screen(Console):
    """A console on which no text can move the cursor, change colours or hide; its own styles can.

    What writes a table still escapes foreign text itself, so that the columns fit.
    """

    def _render_buffer(self, buffer: Iterable[Segment]) -> str:
        """Render what is to be written; rich has no public place that all of it passes."""
        return super()._render_buffer(
            segment if segment.control else Segment(printable_lines(segment.text), segment.style) for segment in buffer
        )


def screen(file: IO[str] | None = None, **more: Any) -> Screen:
    """Make the console of a stream, standard output by default: wide enough for tables where it is no terminal."""
    # Asked for now and not by rich: who runs a program in a test has put a stream of theirs there.
    made = Screen(file=file or sys.stdout, highlight=False, **more)
    return made if made.is_terminal else Screen(file=file or sys.stdout, highlight=False, width=NARROWEST, **more)
