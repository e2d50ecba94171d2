"""`bridge show`."""

import sys
from collections.abc import Mapping
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.lib import deployed, replay_plan, service_request
from cli.lib.replay_plan import Absent, PlannedChange
from cli.lib.timeline import Step, StepOutcome, summary, timeline
from cli.options import Options, pass_options
from cli.terminal.output import emit, json_option, moment, phi_option, printable, stderr, to_json
from vectorcare_bridge.edge import runtime
from vectorcare_bridge.edge.dynamodb_item import Item
from vectorcare_bridge.webhooks.fold import Rule

_STYLES = {StepOutcome.APPLIED: "green", StepOutcome.UNREADABLE: "red", StepOutcome.EXPIRED: "yellow"}

_MOST_NAMED = 10  # fields


@click.command()
@click.argument("service_request_id", metavar="ID")
@json_option
@phi_option
@pass_options
def show(options: Options, service_request_id: str, *, as_json: bool, phi: bool) -> None:
    """Show the state of a service request, and its webhooks.

    \b
    bridge show KP-ABCD1234
    bridge show KP-ABCD1234 --phi      with values, which are a patient's data

    It changes nothing. The timeline is in the order of receipt. Outcomes:

    \b
      applied     newer than all before it; it changed the status, the data, or both
      stale       older than an earlier webhook; it is in the journal and changed nothing
      duplicate   an event that was received before, now with other bytes; it changed nothing
      expired     too old to create a state
      unreadable  it could not be read or applied; the reason is shown

    "Changed" compares with the event before it in time, wherever that is in the list. A webhook that came again with
    the same bytes is not listed. A webhook that is missing may wait in the queue, or be a dead letter: bridge dlq list

    Exit code 1 if ID is unknown, or if the state is not what the journal says.
    """
    stack = options.stack()
    with stderr().status("Reading state and journal ..."):
        rule = deployed.rule(stack)
        found = service_request.read(stack, service_request_id)
    if not found.is_known:
        raise click.ClickException(
            f"{stack.organization} has no service request {printable(service_request_id)}. Is the id complete, and "
            "this the right stack (--organization, --profile, --region)? A webhook that could not be stored is a dead "
            "letter: ./bridge dlq list"
        )
    state, steps = found.state, timeline(found.journal, found.unreadable, rule=rule)
    doubt = _doubt(service_request_id, state, found.journal, rule=rule)
    shown = {name: value for name, value in (state or {}).items() if phi or name != "data"}
    value = {
        "service_request_id": service_request_id,
        "state": shown if state is not None else None,
        "doubt": doubt,
        "events": [summary(step, phi=phi) for step in steps],
    }
    emit(value, as_json=as_json, table=lambda: Group(_state_table(state, phi=phi), _step_table(steps, phi=phi)))
    if doubt:
        stderr().print(Text(doubt, style="red"))
        sys.exit(1)


def _doubt(service_request_id: str, state: Item | None, journal: list[Item], *, rule: Rule) -> str | None:
    plan = replay_plan.plan(service_request_id, state, journal, rule=rule, now=runtime.now())
    match plan.outcome:
        case replay_plan.ReplayOutcome.CHANGED:
            names = [printable(change.field) for change in plan.changes]
            more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
            return (
                f"The state is not what the journal says. These fields differ: {', '.join(names[:_MOST_NAMED])}{more}. "
                "A webhook may be on its way: look again in a minute. If they still differ: "
                f"./bridge replay --dry-run {printable(service_request_id)}"
            )
        case replay_plan.ReplayOutcome.REFUSED:
            return f"The state cannot be checked: {plan.why}."
        case _:
            return None


def _state_table(state: Item | None, *, phi: bool) -> RenderableType:
    if state is None:
        return Text("No state: there never was one, or it was closed and has expired.\n", style="yellow")
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="bold", no_wrap=True)
    lines.add_column(overflow="fold")
    for name in sorted(state.keys() - {"data"}):
        lines.add_row(name, printable(state[name]))
    data = state.get("data")
    if phi:
        for change in replay_plan.differences({}, data if isinstance(data, Mapping) else {"": data}):
            lines.add_row(f"data.{printable(change.field)}", _value(change.after))
    else:
        lines.add_row("data", f"{len(data)} fields; --phi shows them" if isinstance(data, Mapping) else "none")
    return Padding(lines, (0, 0, 1, 0))


def _step_table(steps: list[Step], *, phi: bool) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 1, 0), pad_edge=False)
    for title, width in (("received (UTC)", 23), ("outcome", 10)):
        table.add_column(title, width=width, no_wrap=True)
    table.add_column("event", overflow="fold")
    for step in steps:
        outcome = Text(step.outcome, style=_STYLES.get(step.outcome, "dim"))
        table.add_row(moment(step.received_at), outcome, Text("\n").join(_lines(step, phi=phi)))
    return table


def _lines(step: Step, *, phi: bool) -> list[Text]:
    event = step.event
    lines = [Text(step.reason or "", style="red")] if event is None else []
    if event is not None:
        what = f"{printable(event.action or 'no action')}, {printable(event.request_status)}"
        lines.append(Text.assemble((what, "bold"), f", happened {moment(event.last_updated)}"))
    if step.duplicate_of is None:
        lines.append(Text(f"id {printable(step.event_id)}", style="dim"))
    lines += [Text(line) for line in _explanations(step)]
    if step.changes is None:
        return lines
    if phi and step.changes:
        return [*lines, *(_change_line(change) for change in step.changes)]
    names = ", ".join(printable(change.field) for change in step.changes)
    return [*lines, Text(f"changed fields: {names}" if names else "changed no field of the data")]


def _explanations(step: Step) -> list[str]:
    lines = []
    if step.registers:
        lines.append(f"changed: {' and '.join(step.registers)}")
    if step.older_than:
        lines.append(f"older than {printable(step.older_than)}, which was received earlier")
    if step.duplicate_of:
        lines.append(f"the same event as {printable(step.duplicate_of)}, with other bytes")
    if step.changes is None and step.outcome is not StepOutcome.DUPLICATE and step.event is not None:
        fields = len(step.event.data) if isinstance(step.event.data, Mapping) else 0
        lines.append(f"the first data: {fields} fields" if step.event.carries_data else "no data")
    return lines


def _change_line(change: PlannedChange) -> Text:
    return Text.assemble(
        f"{printable(change.field)}: ", (_value(change.before), "red"), " -> ", (_value(change.after), "green")
    )


def _value(value: Any) -> str:
    return str(value) if value is Absent.ABSENT else printable(to_json(value))
