"""How a run shows that it moves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from local.report import Report


class LoadScreen(Report):
    """A report that has headlines, progress bars and tables too."""

    def headline(self, text: str) -> None:
        self._screen.rule(f"[bold]{text}", align="left", characters="-", style="default")

    @contextmanager
    def progress(self, doing: str, *, total: int | None) -> Iterator[Callable[[int, str], None]]:
        """Show a bar for as long as the block lasts; the block calls what it is given with a count and a text."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[found]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._screen) as bar:
            task = bar.add_task(doing, total=total, found="")
            yield lambda count, found: bar.update(task, completed=count, found=found)

    def table(self, table: Table) -> None:
        self._screen.print(table)
