"""`bridge restore`: brings a table back from a point in time, step by step."""

import sys
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from cli.lib import restored_table
from cli.lib.journal import JournalReader
from cli.lib.restored_table import Comparison, Window
from cli.lib.stack import Stack
from cli.terminal.options import Options, pass_options
from cli.terminal.output import confirm, emit, json_option, moment, printable, stderr, yes_option
from cli.terminal.progress import bar
from cli.terminal.times import Time
from vectorcare_bridge.edge import runtime

_OUTPUTS = {"events": "EventsTable", "service_requests": "ServiceRequestsTable"}


@click.command()
@click.option("--table", type=click.Choice(list(_OUTPUTS)), help="Which table; it asks otherwise.")
@click.option("--at", type=Time(), metavar="TIME", help="As it was then; it asks otherwise.")
@click.option("--dry-run", is_flag=True, help="Show the plan; with a restored table that is there, what is missing.")
@yes_option
@json_option
@pass_options
def restore(options: Options, *, table: str | None, at: str | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Bring a table back from a point in time, and put back what is missing.

    \b
    bridge restore                                              asks for all it needs
    bridge restore --table events --at 2026-03-01T10:00Z --dry-run
    bridge restore --table events --at 2026-03-01T10:00Z

    \b
    What happens:
      1. DynamoDB writes the table as it was then into a new one beside it, TABLE-restored-TIME. The live table is
         not touched. It takes minutes, or hours for a large table; interrupt this, and call it again the same way:
         it finds the table that is being restored.
      2. events: entries that the live journal lacks are put back, each on condition that there is none. What it
         has with other content is named and left; `bridge audit` says which of the two is signed.
         service_requests: nothing is copied. The state follows from the journal: bring that back, if it lacks
         anything, and then `bridge replay --all`.
      3. You delete the new table: it holds patients' data, and nothing else does that for you.

    Before 1 and before 2 it asks. Exit code 1 if something with other content was found.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not to be wrapped
    stack = options.stack()
    dynamodb = stack.client("dynamodb")
    chosen = table or _ask_for_table()
    live = stack.outputs[_OUTPUTS[chosen]]
    open_window = restored_table.window(dynamodb, live)
    moment_wanted = _inside(at or _ask_for_time(open_window), open_window, live)
    restored = restored_table.name_of(live, moment_wanted)
    again = f"bridge restore --organization {stack.organization} --table {chosen} --at {moment_wanted}"
    try:
        is_there = _bring_back(dynamodb, live, restored, moment_wanted, dry_run=dry_run, yes=yes)
        told: dict[str, Any] = {"table": live, "restored_table": restored, "at": moment_wanted, "dry_run": dry_run}
        found = None
        if is_there and chosen == "events":
            found = _put_back(stack, live, restored, dry_run=dry_run, yes=yes)
            told |= _told(found)
    except KeyboardInterrupt:
        stderr().print(f"Interrupted. Nothing is undone by that. Go on with: {again}")
        sys.exit(130)
    emit(told, as_json=as_json, table=lambda: _summary(told, found, chosen=chosen, is_there=is_there))
    sys.exit(1 if found and found.different else 0)


def _ask_for_table() -> str:
    answer: str = click.prompt("Which table?", type=click.Choice(list(_OUTPUTS)), default="events", err=True)
    return answer


def _ask_for_time(window: Window) -> str:
    stderr().print(f"It can be brought back as it was between {window.earliest} and {window.latest} (UTC).")
    answer: str = click.prompt("As it was at", type=Time(), default=window.latest, err=True)
    return answer


def _inside(at: str, window: Window, live: str) -> str:
    # A restore is exact to the second, and its table's name says that second.
    whole = f"{at[:19]}.000000Z"
    if not window.earliest[:19] <= whole[:19] <= window.latest[:19]:
        raise click.UsageError(f"{live} can be brought back as it was between {window.earliest} and {window.latest}.")
    return whole


def _bring_back(dynamodb: Any, live: str, restored: str, at: str, *, dry_run: bool, yes: bool) -> bool:
    """Have the restored table made, unless it is; answer whether it can be read now."""
    status = restored_table.status(dynamodb, restored)
    if status is None:
        stderr().print(f"Plan: write {live}, as it was at {moment(at)} UTC, into the new table {restored}.")
        if dry_run:
            return False
        confirm("Begin? The new table costs what a table of that size costs, until you delete it.", yes=yes)
        restored_table.begin(dynamodb, live, restored, at)
    elif status != "ACTIVE" and dry_run:
        stderr().print(f"{restored} is being restored ({status}).")
        return False
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=stderr()) as progress:
        progress.add_task(f"DynamoDB restores into {restored}")
        restored_table.wait(dynamodb, restored, progress=progress.refresh)
    return True


def _put_back(stack: Stack, live: str, restored: str, *, dry_run: bool, yes: bool) -> Comparison:
    found = _compare(stack, live, restored, copy=False)
    if dry_run or not found.missing:
        return found
    confirm(f"Put {found.missing:,} entries back into the journal {live}?", yes=yes)
    return _compare(stack, live, restored, copy=True)


def _compare(stack: Stack, live: str, restored: str, *, copy: bool) -> Comparison:
    dynamodb = stack.client("dynamodb")
    with bar() as progress:
        task = progress.add_task(
            "putting back" if copy else "comparing", total=JournalReader(dynamodb, restored).about()
        )
        return restored_table.compare(
            dynamodb,
            restored,
            live,
            now=runtime.now(),
            copy=copy,
            progress=lambda compared: progress.update(task, completed=compared),
        )


def _told(found: Comparison) -> dict[str, Any]:
    return {
        "compared": found.compared,
        "same": found.same,
        "missing": found.missing,
        "copied": found.copied,
        "expired": found.expired,
        "different": found.different,
        "examples_of_different": [
            {"service_request_id": service_request_id, "event_id": event_id}
            for service_request_id, event_id in found.examples
        ],
    }


def _summary(told: dict[str, Any], found: Comparison | None, *, chosen: str, is_there: bool) -> RenderableType:
    if not is_there:
        return "Nothing was done."
    parts: list[RenderableType] = []
    if found:
        parts.append(
            f"{found.compared:,} entries compared: {found.same:,} the same, {found.missing:,} missing in the journal, "
            f"{found.expired:,} expired since, {found.different:,} with other content. {found.copied:,} put back."
        )
    if found and found.examples:
        names = (Column(name, overflow="fold") for name in ("service request", "event"))
        table = Table(*names, title="With other content; bridge audit says which is signed")
        for service_request_id, event_id in found.examples:
            table.add_row(printable(service_request_id), printable(event_id))
        parts.append(table)
    if found and found.copied:
        parts.append("Next: bridge replay --all --dry-run, and bridge replay --all, so that the state follows.")
    if chosen == "service_requests":
        parts.append(
            f"{told['restored_table']} is there to be looked at. Nothing of it is copied: the state follows from the "
            "journal. Next: bridge replay --all --dry-run, and bridge replay --all."
        )
    parts.append(f"When you are done with it: aws dynamodb delete-table --table-name {told['restored_table']}")
    return Group(*parts)
