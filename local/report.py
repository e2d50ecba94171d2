"""What the person who runs the local environment reads."""

import json
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.padding import Padding
from rich.table import Table

from cli.terminal.screen import screen
from local.stack_reader import Item


class Report:
    """Prints to standard output, wide enough for the tables where that is no terminal."""

    def __init__(self) -> None:
        self._console = screen()

    @contextmanager
    def phase(self, doing: str) -> Iterator[None]:
        """Say what is being done, and when it is done how long it took.

        A terminal shows a spinner meanwhile; elsewhere both ends are a line each, so that a log shows where it hangs.
        """
        begin = time.monotonic()
        if self._console.is_terminal:
            with self._console.status(f"{doing} ..."):
                yield
        else:
            self.say(f"{doing} ...")
            yield
        self.say(f"{doing}: done in {time.monotonic() - begin:.1f} s")

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Say on a terminal what is waited for, as long as it is; a log has a line of it."""
        if self._console.is_terminal:
            with self._console.status(f"Waiting {what} ..."):
                yield
        else:
            self.fact("waiting", what)
            yield

    def say(self, text: str = "") -> None:
        """Print a line as it is."""
        self._console.print(text, markup=False, soft_wrap=True)

    def headline(self, text: str) -> None:
        """Begin a new part."""
        self._console.print()
        self._console.rule(f"[bold]{text}", align="left", characters="-", style="default")

    def explain(self, text: str) -> None:
        """Say what the reader is looking at."""
        self._console.print(text, markup=False)

    def fact(self, name: str, text: str) -> None:
        """Print one named fact; names stand in a column."""
        self._console.print(f"  [bold]{name:<11}[/]", end="")
        self.say(text)

    def check(self, what: str, *, holds: bool, found: str = "") -> None:
        """Print what was expected and whether it came out so."""
        self._console.print(f"  {'[green]ok[/]   ' if holds else '[bold red]WRONG[/]'}      ", end="")
        self.say(what if holds else f"expected: {what}; found: {found}")

    def service_request(self, service_request_id: str, item: Item | None) -> None:
        """Print what the table service_requests holds of one service request."""
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
        """Print what the table events holds of one service request; `new` are the event ids to be marked."""
        self._table(
            f"events, {service_request_id}",
            ("event_id", "received_at", "last_updated", "what its body says", ""),
            [
                (
                    _shorten(entry["event_id"]),
                    _time_of_day(entry["received_at"]),
                    _time_of_day(entry["last_updated"]) if "last_updated" in entry else entry["reason"],
                    _what_it_says(entry["body"]),
                    "new" if entry["event_id"] in new else "",
                )
                for entry in entries
            ],
        )

    def _table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        if not rows:
            self.fact("holds", f"{name}: nothing")
            return
        self.fact("holds", name)
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
        for column in columns:
            table.add_column(column, no_wrap=True)
        for row in rows:
            table.add_row(*row)
        self._console.print(Padding(table, (0, 0, 0, 2)))


def _shorten(event_id: str) -> str:
    """Keep the end of an id, as ids of one run begin alike, and the beginning of a digest behind it."""
    name, _, digest = event_id.partition("#")
    return f"..{name[-4:]}#{digest[:4]}.." if digest else f"..{name[-4:]}"


def _time_of_day(instant: str) -> str:
    """Cut an ISO 8601 instant down to hours, minutes and seconds."""
    return instant[11:19]


def _what_it_says(body: bytes) -> str:
    content = json.loads(body)
    return f"{content['request_status']} {content['action']}"
