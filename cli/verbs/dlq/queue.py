"""What the commands of `bridge dlq` share: the choice of the queue, and reading it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager

import click

from cli.lib import dead_letters
from cli.lib.dead_letters import DeadLetter, Queues
from cli.lib.stack import Stack
from cli.terminal.output import stderr
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue

queue_option = click.option(
    "--queue",
    "queue",
    type=click.Choice(DeadLetterQueue, case_sensitive=False),
    default=DeadLetterQueue.INBOUND,
    show_default=False,
    help="inbound (default): webhooks; outbound: commands to VectorCare; unpublished: events.",
)


def reading(stack: Stack, queues: Queues) -> AbstractContextManager[Iterator[DeadLetter]]:
    """Read all messages of a queue, with progress on standard error."""
    console = stderr()
    console.print("While this runs, the messages are invisible to others. Ctrl-C makes them visible again.")

    def progress(seen: int) -> None:
        if seen % 1000 == 0:
            console.print(f"{seen:,} messages read")

    return dead_letters.reading(stack, queues, progress=progress, warn=console.print)
