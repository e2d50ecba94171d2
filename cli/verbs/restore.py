"""`bridge restore`."""

import sys
from dataclasses import asdict
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.table import Column, Table

from cli.lib import restored_table
from cli.lib.journal import JournalReader
from cli.lib.restored_table import Comparison, Window
from cli.lib.stack import Stack
from cli.options import Options, pass_options
from cli.terminal.output import confirm, emit, json_option, moment, printable, stderr, yes_option
from cli.terminal.progress import bar
from cli.terminal.times import Time
from vectorcare_bridge.edge import runtime

_OUTPUTS = {"events": "EventsTable", "service_requests": "ServiceRequestsTable"}


@click.command()
@click.option("--table", type=click.Choice(list(_OUTPUTS)), help="Which table. Without it, the command asks.")
@click.option("--at", type=Time(), metavar="TIME", help="The point in time. Without it, the command asks.")
@click.option("--dry-run", is_flag=True, help="Show the plan or, if the restored table exists, what is missing.")
@yes_option
@json_option
@pass_options
def restore(options: Options, *, table: str | None, at: str | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Restore a table from a point in time, step by step.

    \b
    bridge restore                                              asks for everything
    bridge restore --table events --at 2026-03-01T10:00Z --dry-run
    bridge restore --table events --at 2026-03-01T10:00Z

    \b
    Steps:
      1. DynamoDB restores the table into a new table, TABLE-restored-TIME. The live table does not change. This
         takes minutes, or hours for a large table. If you interrupt it, run the same command again: it finds the
         new table.
      2. events: entries that are missing in the live journal are put back. An entry that is there with other
         content is named and stays as it is; `bridge audit` says which of the two is signed.
         service_requests: nothing is copied. Restore the journal if entries are missing, then rebuild the state
         with `bridge replay --all`.
      3. Delete the new table yourself: it holds patients' data.

    It asks before steps 1 and 2, and never overwrites or deletes anything. Exit code 1 if an entry has other content.
    """
    stack = options.stack()
    dynamodb = stack.client("dynamodb")
    chosen = table or _ask_for_table()
    live = stack.outputs[_OUTPUTS[chosen]]
    open_window = restored_table.window(dynamodb, live)
    second = _inside(at or _ask_for_time(open_window), open_window, live)
    restored = restored_table.name_of(live, second)
    again = f"./bridge restore --organization {stack.organization} --table {chosen} --at {second}"
    try:
        exists = _restore(dynamodb, live, restored, second, dry_run=dry_run, yes=yes)
        report: dict[str, Any] = {"table": live, "restored_table": restored, "at": second, "dry_run": dry_run}
        found = None
        if exists and chosen == "events":
            found = _put_back(stack, live, restored, dry_run=dry_run, yes=yes)
            report |= asdict(found)
    except KeyboardInterrupt:
        stderr().print(f"Interrupted. What was done stays. Continue with: {again}")
        sys.exit(130)
    emit(report, as_json=as_json, table=lambda: _text(restored, found, chosen=chosen, exists=exists))
    sys.exit(1 if found and found.different else 0)


def _ask_for_table() -> str:
    answer: str = click.prompt("Which table?", type=click.Choice(list(_OUTPUTS)), default="events", err=True)
    return answer


def _ask_for_time(window: Window) -> str:
    stderr().print(f"Choose a time between {window.earliest} and {window.latest} (UTC).")
    answer: str = click.prompt("Point in time", type=Time(), default=window.latest, err=True)
    return answer


def _inside(at: str, window: Window, live: str) -> str:
    # A restore is exact to the second, and the new table's name has that second.
    whole = f"{at[:19]}.000000Z"
    if not window.earliest[:19] <= whole[:19] <= window.latest[:19]:
        raise click.UsageError(f"{live} can be restored from a time between {window.earliest} and {window.latest}.")
    return whole


def _restore(dynamodb: Any, live: str, restored: str, at: str, *, dry_run: bool, yes: bool) -> bool:
    """Restore the table, unless that was done before; return whether the new table can be read."""
    status = restored_table.status(dynamodb, restored)
    if status is None:
        stderr().print(f"Plan: restore {live} as of {moment(at)} UTC into the new table {restored}.")
        if dry_run:
            return False
        confirm("Start? The new table costs as much as any table of its size, until you delete it.", yes=yes)
        restored_table.begin(dynamodb, live, restored, at)
    elif status != "ACTIVE" and dry_run:
        stderr().print(f"{restored} is being restored ({status}).")
        return False
    with stderr().status(f"Since {moment(runtime.now())[:16]} UTC: waiting for DynamoDB to restore {restored} ..."):
        restored_table.wait(dynamodb, restored)
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
        task = progress.add_task("writing" if copy else "comparing", total=JournalReader(dynamodb, restored).about())
        return restored_table.compare(
            dynamodb,
            restored,
            live,
            now=runtime.now(),
            copy=copy,
            progress=lambda compared: progress.update(task, completed=compared),
        )


def _text(restored: str, found: Comparison | None, *, chosen: str, exists: bool) -> RenderableType:
    if not exists:
        return "Nothing was done."
    parts: list[RenderableType] = []
    if found:
        parts.append(
            f"{found.compared:,} entries compared: {found.same:,} are the same, {found.missing:,} are missing in the "
            f"journal, {found.expired:,} have expired, {found.different:,} have other content. "
            f"{found.copied:,} were put back."
        )
    if found and found.examples_of_different:
        names = (Column(name, overflow="fold") for name in ("service request", "event"))
        table = Table(*names, title="Other content; ./bridge audit says which is signed")
        for example in found.examples_of_different:
            table.add_row(*map(printable, example.values()))
        parts.append(table)
    if chosen == "service_requests":
        parts.append(f"You can read {restored} now. Nothing is copied from it: the state is rebuilt from the journal.")
    if chosen == "service_requests" or (found and found.copied):
        parts.append("Next: ./bridge replay --all --dry-run, then ./bridge replay --all.")
    parts.append(f"When you no longer need it: aws dynamodb delete-table --table-name {restored}")
    return Group(*parts)
