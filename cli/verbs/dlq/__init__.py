"""`bridge dlq`: what died, why, and the way back."""

import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.table import Column, Table

from cli.lib import dead_letters
from cli.lib.dead_letters import Box
from cli.lib.redact import shape, value
from cli.lib.stack import Stack
from cli.terminal.options import Options, pass_options, queue_option
from cli.terminal.output import emit, json_option, moment, number_of, phi_option, printable, stderr, to_json
from cli.verbs.dlq.export import export
from cli.verbs.dlq.redrive import redrive
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue


@click.group()
def dlq() -> None:
    """Dead letters: what could not be applied, read or published.

    \b
    bridge dlq list                        what died, and why
    bridge dlq show MESSAGE_ID             one letter: the names of its fields
    bridge dlq export letters.jsonl        a copy of all, before you touch them
    bridge dlq redrive --dry-run           how many would go back
    bridge dlq redrive                     send them back, once the cause is mended

    \b
    Each looks at one of three queues:
      --queue inbound       webhooks that could not be applied; they go back to the processor
      --queue outbound      commands that could not be read; they go back to the sender
      --queue unpublished   events that the bus did not take; they go back to the bus

    SQS shows a letter only by handing it out. While list, show and export look, letters are invisible to others, the
    redrive among them; at the end, and on Ctrl-C, they are visible again. A letter lives 14 days. The journal keeps
    what a webhook said for longer.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not to be wrapped


@dlq.command(name="list")
@queue_option
@json_option
@pass_options
def list_(options: Options, *, source: DeadLetterQueue, as_json: bool) -> None:
    """List all messages with why each died and what a redrive would do now, the next to expire first.

    \b
    bridge dlq list
    bridge dlq list --json | jq '.by_reason'
    bridge dlq list --queue outbound

    \b
    The reason is what was recorded when it died, and stays; "if redriven now" is of this moment.

    \b
    Reasons that no redrive fixes until the code or the sender is another:
      not_json, not_an_object, missing_field, bad_timestamp, unstorable, unsupported_version
    Reasons that a redrive fixes:
      timestamp_in_future   once that time has come: "would apply" stands beside it
      exhausted             nothing is wrong with the message; something else failed for hours
    \b
    Of commands (--queue outbound), no redrive mends until the sender is another:
      not_json, not_an_object, unknown_command, bad_service_request_id, bad_command_id
    Of events (--queue unpublished):
      not_taken             a redrive mends it, once the bus works
      unreadable            nothing of this project put it there

    Exit code 1 if there is a letter.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not to be wrapped
    stack = options.stack()
    with _looking(stack, dead_letters.box(stack, source)) as looking:
        # Without what they say: there may be many.
        found = sorted((letter.told() for letter in looking), key=lambda letter: letter["expires"])
    by_reason = dict(Counter(str(letter["reason"]) for letter in found).most_common())
    emit({"letters": found, "by_reason": by_reason}, as_json=as_json, table=lambda: _table(found, by_reason))
    sys.exit(1 if found else 0)


@dlq.command()
@click.argument("message_id")
@queue_option
@phi_option
@json_option
@pass_options
def show(options: Options, *, message_id: str, source: DeadLetterQueue, phi: bool, as_json: bool) -> None:
    """Show one letter: why it is there, and the names and kinds of its fields.

    \b
    bridge dlq show 0f8c3c52-7d0a-4f6c-8f2e-3a5f0d7c1b11
    bridge dlq show 0f8c3c52-7d0a-4f6c-8f2e-3a5f0d7c1b11 --phi

    Exit code 1 if there is no such letter.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not to be wrapped
    stack = options.stack()
    with _looking(stack, dead_letters.box(stack, source)) as looking:
        letter = next((letter for letter in looking if letter.message_id == message_id), None)
    if letter is None:
        raise click.ClickException(
            f"There is no letter {printable(message_id)}. It may have been redriven, which gives it another id, or "
            f"somebody else is looking at it now. All there are: bridge dlq list --queue {source}"
        )
    content = value(letter.body) if phi else shape(letter.body)
    told = {**letter.told(), "bytes": len(letter.body), "content" if phi else "shape": content}
    emit(told, as_json=as_json, table=lambda: _details(told))


dlq.add_command(export)
dlq.add_command(redrive)


def _looking(stack: Stack, box: Box) -> Any:
    console = stderr()
    console.print("While this looks, letters are invisible to others. Ctrl-C gives them back.")
    return dead_letters.reading(
        stack,
        box,
        progress=lambda seen: console.print(f"{seen:,} letters seen") if seen % 1000 == 0 else None,
    )


def _table(found: list[dict[str, Any]], by_reason: Mapping[str, int]) -> RenderableType:
    if not found:
        return "There is no dead letter."
    table = Table(
        # Whole, so that it can be copied into `show`.
        Column("message id", no_wrap=True),
        "reason",
        "if redriven now",
        Column("service request", overflow="fold"),
        "received",
        "expires",
        "redriven",
    )
    for letter in found:
        table.add_row(
            letter["message_id"],
            letter["reason"],
            letter["if_redriven"],
            printable(letter["service_request_id"] or "-"),
            moment(letter["received_at"])[:16],
            moment(letter["expires"])[:16],
            str(letter["redriven"]),
        )
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in by_reason.items())
    return Group(table, f"{number_of(len(found))}: {reasons}. Times are UTC.")


def _details(told: Mapping[str, Any]) -> RenderableType:
    table = Table(show_header=False, box=None)
    for name, content in told.items():
        if isinstance(content, Mapping):
            for field, described in content.items():
                text = described if isinstance(described, str) else to_json(described)
                table.add_row(f"{name}.{printable(field)}", printable(text))
        else:
            table.add_row(name, printable("-" if content is None else content))
    return table
