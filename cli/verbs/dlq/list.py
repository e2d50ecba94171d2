"""`bridge dlq list`."""

import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.table import Column, Table

from cli.lib import dead_letters
from cli.options import Options, pass_options
from cli.terminal.output import emit, json_option, moment, printable
from cli.verbs.dlq.queue import queue_option, reading
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue


@click.command(name="list")
@queue_option
@json_option
@pass_options
def list_(options: Options, *, queue: DeadLetterQueue, as_json: bool) -> None:
    """List dead letters, and why they are there.

    \b
    bridge dlq list
    bridge dlq list --json | jq '.by_reason'
    bridge dlq list --queue outbound

    It changes nothing; while it runs, the messages are invisible to others. The first to expire comes first. The reason
    was recorded when the message came into the queue. "If redriven now" is computed now.

    \b
    Webhooks: a redrive does not help until the code or the sender changes:
      not_json, not_an_object, missing_field, bad_timestamp, unstorable, unsupported_version
    Webhooks: a redrive helps:
      timestamp_in_future   once that time has come; "if redriven now" then says "would apply"
      exhausted             the message is fine; something else failed for hours
    \b
    Commands (--queue outbound): a redrive does not help until the sender changes:
      not_json, not_an_object, unknown_command, bad_service_request_id, bad_command_id
    Events (--queue unpublished):
      not_taken             a redrive helps, once the event bus works
      unreadable            no part of this project put it there

    Exit code 1 if there is a dead letter.
    """
    stack = options.stack()
    with reading(stack, dead_letters.queues(stack, queue)) as messages:
        # Without the bodies: there may be many.
        found = sorted((one.summary() for one in messages), key=lambda one: one["expires"])
    by_reason = dict(Counter(str(one["reason"]) for one in found).most_common())
    emit({"letters": found, "by_reason": by_reason}, as_json=as_json, table=lambda: _table(found, by_reason))
    sys.exit(1 if found else 0)


def _table(found: list[dict[str, Any]], by_reason: Mapping[str, int]) -> RenderableType:
    if not found:
        return "There is no dead letter."
    table = Table(
        # In full, so that it can be copied into `show`.
        Column("message id", no_wrap=True),
        "reason",
        "if redriven now",
        Column("service request", overflow="fold"),
        "received",
        "expires",
        "redriven",
    )
    for one in found:
        table.add_row(
            one["message_id"],
            one["reason"],
            one["if_redriven"],
            printable(one["service_request_id"] or "-"),
            moment(one["received_at"])[:16],
            moment(one["expires"])[:16],
            str(one["redriven"]),
        )
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in by_reason.items())
    return Group(table, f"{len(found):,} dead letter{'s' * (len(found) != 1)}: {reasons}. Times are UTC.")
