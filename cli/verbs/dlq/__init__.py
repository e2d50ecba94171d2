"""`bridge dlq`: the dead letters."""

import click

from cli.group import BridgeGroup

_COMMANDS = {
    "Commands": {
        "list": "cli.verbs.dlq.list:list_",
        "show": "cli.verbs.dlq.show:show",
        "export": "cli.verbs.dlq.export:export",
        "redrive": "cli.verbs.dlq.redrive:redrive",
    }
}


@click.group(cls=BridgeGroup, sections=_COMMANDS)
def dlq() -> None:
    """Show, export and redrive dead letters.

    A dead letter is a message that could not be applied, read or published.

    \b
    bridge dlq list                        which messages, and why?
    bridge dlq show MESSAGE_ID             one message: the names of its fields
    bridge dlq export dead-letters.jsonl   a copy of all messages
    bridge dlq redrive --dry-run           how many would be sent back?
    bridge dlq redrive                     send them back, after the cause is fixed

    \b
    Each command works on one of three queues:
      --queue inbound       webhooks that could not be applied; they go back to the processor
      --queue outbound      commands that could not be read; they go back to the sender
      --queue unpublished   events that the event bus did not take; they go back to the bus

    SQS shows a message only by receiving it. While list, show and export run, the messages are invisible to others,
    also to a redrive. When the command ends, or on Ctrl-C, they are visible again. A dead letter is deleted after 14
    days. The journal keeps the webhook's content for longer.
    """
