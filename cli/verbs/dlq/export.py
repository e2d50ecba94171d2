"""`bridge dlq export`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from cli.lib import dead_letters
from cli.lib.dead_letters import DeadLetter
from cli.options import Options, pass_options
from cli.terminal.output import emit, json_option, stderr, to_json
from cli.terminal.progress import bar
from cli.verbs.dlq.queue import queue_option
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue
from vectorcare_bridge.edge.queue import queue_depth

_WARNING = "The file holds patients' data. Only you can read it (mode 0600). Delete it when you no longer need it."


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@queue_option
@json_option
@pass_options
def export(options: Options, *, file: Path, queue: DeadLetterQueue, as_json: bool) -> None:
    """Copy all dead letters into a file.

    \b
    bridge dlq export dead-letters.jsonl
    bridge dlq export commands.jsonl --queue outbound
    jq -r 'select(.reason == "not_json") | .body' dead-letters.jsonl | base64 -d

    \b
    Fields: message_id, reason, if_redriven, service_request_id, received_at, expires, redriven,
      body         the bytes in base64; of a webhook, the bytes that were signed
      attributes   the message's attributes, for example its signature

    The file has one JSON object per line. It holds patients' data, so it gets mode 0600. No file is overwritten. The
    messages stay in the queue.
    """
    stack = options.stack()
    queues = dead_letters.queues(stack, queue)
    total = queue_depth(stack.client("sqs"), queues.url).total
    exported = 0
    with _created(file) as lines, bar() as progress:
        task = progress.add_task("dead letters", total=total)
        with dead_letters.reading(
            stack, queues, progress=lambda seen: progress.update(task, completed=seen), warn=progress.console.print
        ) as found:
            for one in found:
                lines.write(_line(one) + "\n")
                exported += 1
    stderr().print(_WARNING)
    emit(
        {"file": str(file), "exported": exported},
        as_json=as_json,
        table=lambda: f"{exported:,} dead letters are in {file}, and still in the queue.",
    )


@contextmanager
def _created(file: Path) -> Iterator[TextIO]:
    """Create a file, and delete it again if the block fails."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise click.ClickException(f"{file} exists already, and is not overwritten. Name another file.") from None
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as lines:
            yield lines
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def _line(one: DeadLetter) -> str:
    given = one.message.get("MessageAttributes", {})
    attributes = {name: attribute.get("StringValue") for name, attribute in given.items()}
    return to_json({**one.summary(), "body": one.body, "attributes": attributes})
