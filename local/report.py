"""What `make run` prints: one line for each phase and each step; with `--verbose` every detail of the scenario."""

import json
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.padding import Padding
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.terminal.screen import screen
from vectorcare_bridge.edge.dynamodb_item import Item


class Report:
    """Prints to standard output; if verbose, also what each step sends, finds and checks.

    The listener gets what is being done, for the page.
    """

    def __init__(self, *, is_verbose: bool = False, listener: Callable[[str], None] = lambda _doing: None) -> None:
        self._screen = screen()
        self._is_verbose = is_verbose
        self._listener = listener

    @contextmanager
    def phase(self, doing: str) -> Iterator[None]:
        """Print what is being done, with its seconds: a terminal counts them; elsewhere they are on a second line."""
        begin = time.monotonic()
        if not self._screen.is_terminal:
            self.say(f"{doing} ...")
        with self._counting(doing):
            yield
        self.say(f"{doing}: {time.monotonic() - begin:.1f} s")

    @contextmanager
    def step(self, number: int, title: str, meaning: str) -> Iterator[None]:
        """Print a step of the scenario and whether its result is right."""
        with self._counting(f"{number}. {title}"):
            if self._is_verbose:
                self._screen.print()
                self.say(f"{number}. {title}: {meaning}")
            try:
                yield
            except BaseException:
                self.say(f"  WRONG {number:>2}. {title}")
                raise
        if not self._is_verbose:
            self._screen.print(f"  [green]ok[/] {number:>2}. {title}: {meaning}", soft_wrap=True)

    def say(self, text: str = "") -> None:
        self._screen.print(text, markup=False, soft_wrap=True)

    def fact(self, name: str, text: str) -> None:
        self._screen.print(f"  [bold]{name:<22}[/]", end="")
        self.say(text)

    def detail(self, name: str, text: str) -> None:
        """Print a named value if details are wanted."""
        if self._is_verbose:
            self.fact(name, text)

    def check(self, what: str, *, holds: bool, found: str) -> None:
        """Print what is expected, if it does not hold or details are wanted."""
        if not holds:
            self.say(f"  WRONG expected: {what}; found: {found}")
        else:
            self.detail("ok", what)

    def service_request(self, service_request_id: str, item: Item | None) -> None:
        """Print the item of the table service_requests, if details are wanted."""
        self._table(
            f"service_requests, {service_request_id}",
            ("request_status", "action", "last_updated", "pickup", "revision"),
            [
                (
                    item["request_status"],
                    item["action"],
                    _time_of_day(item["last_updated"]),
                    _time_of_day(item["data"]["pickup_date_time"]),
                    str(item["revision"]),
                )
            ]
            if item
            else [],
        )

    def journal(self, service_request_id: str, entries: Sequence[Item], *, new: Collection[str]) -> None:
        """Print the journal's entries, if details are wanted; `new` are the event ids to mark."""
        self._table(
            f"events, {service_request_id}",
            ("event_id", "received_at", "last_updated", "body", ""),
            [
                (
                    _shorten(entry["event_id"]),
                    _time_of_day(entry["received_at"]),
                    _time_of_day(entry["last_updated"]) if "last_updated" in entry else entry["reason"],
                    _summary(entry["body"]),
                    "new" if entry["event_id"] in new else "",
                )
                for entry in entries
            ],
        )

    def _table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        if not self._is_verbose:
            return
        self.fact("table", name if rows else f"{name}: nothing")
        if rows:
            table = Table(*columns, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
            for row in rows:
                table.add_row(*row)
            self._screen.print(Padding(table, (0, 0, 0, 2)))

    @contextmanager
    def _counting(self, doing: str) -> Iterator[None]:
        """Count the seconds on a terminal while something is being done."""
        self._listener(doing)
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        with Progress(*columns, console=self._screen, transient=True, disable=not self._screen.is_terminal) as progress:
            progress.add_task(doing, total=None)
            yield


def _shorten(event_id: str) -> str:
    """Keep the end of an id, because ids of one run begin alike, and the beginning of a digest after it."""
    name, _, digest = event_id.partition("#")
    return f"..{name[-4:]}#{digest[:4]}.." if digest else f"..{name[-4:]}"


def _time_of_day(timestamp: str) -> str:
    """Cut a UTC timestamp down to hours, minutes and seconds."""
    return timestamp[11:19]


def _summary(body: bytes) -> str:
    content = json.loads(body)
    return f"{content['request_status']} {content['action']}"
