"""`bridge dlq show`."""

from collections.abc import Mapping
from typing import Any

import click
from rich.console import RenderableType
from rich.table import Table

from cli.lib import dead_letters
from cli.lib.redact import shape, value
from cli.options import Options, pass_options
from cli.terminal.output import emit, json_option, phi_option, printable, to_json
from cli.verbs.dlq.queue import queue_option, reading
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue


@click.command()
@click.argument("message_id")
@queue_option
@phi_option
@json_option
@pass_options
def show(options: Options, *, message_id: str, queue: DeadLetterQueue, phi: bool, as_json: bool) -> None:
    """Show one dead letter: its reason, and its fields.

    \b
    bridge dlq show 0f8c3c52-7d0a-4f6c-8f2e-3a5f0d7c1b11
    bridge dlq show 0f8c3c52-7d0a-4f6c-8f2e-3a5f0d7c1b11 --phi

    It shows only the names and types of the fields, and changes nothing. Exit code 1 if there is no such message.
    """
    stack = options.stack()
    with reading(stack, dead_letters.queues(stack, queue)) as found:
        message = next((one for one in found if one.message_id == message_id), None)
    if message is None:
        raise click.ClickException(
            f"There is no dead letter {printable(message_id)}. Perhaps it was redriven, which gives it another id, or "
            f"somebody else is reading the queue now. List them: ./bridge dlq list --queue {queue}"
        )
    content = value(message.body) if phi else shape(message.body)
    report = {**message.summary(), "bytes": len(message.body), "content" if phi else "shape": content}
    emit(report, as_json=as_json, table=lambda: _table(report))


def _table(report: Mapping[str, Any]) -> RenderableType:
    table = Table(show_header=False, box=None)
    for name, content in report.items():
        if isinstance(content, Mapping):
            for field, described in content.items():
                text = described if isinstance(described, str) else to_json(described)
                table.add_row(f"{name}.{printable(field)}", printable(text))
        else:
            table.add_row(name, printable("-" if content is None else content))
    return table
