"""`bridge dlq export`: a copy of all dead letters in a file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from cli.lib import dead_letters
from cli.lib.dead_letters import Letter
from cli.terminal.options import Options, pass_options, queue_option
from cli.terminal.output import emit, json_option, stderr, to_json
from cli.terminal.progress import bar
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue

_WARNING = "Patients' data: the file is yours alone to read (mode 0600). Delete it when you are done with it."


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@queue_option
@json_option
@pass_options
def export(options: Options, *, file: Path, source: DeadLetterQueue, as_json: bool) -> None:
    """Copy all letters into FILE, one JSON object a line; they stay in the queue.

    \b
    bridge dlq export letters.jsonl
    bridge dlq export commands.jsonl --queue outbound
    jq -r 'select(.reason == "not_json") | .body' letters.jsonl | base64 -d

    \b
    Of each letter: message_id, reason, if_redriven, service_request_id, received_at, expires, redriven,
      body         the bytes, of a webhook those that were signed, in base64
      attributes   the message's own, its signature among them

    The file holds patients' data. It is made with mode 0600, and no file is ever overwritten.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not to be wrapped
    stack = options.stack()
    sqs, box = stack.client("sqs"), dead_letters.box(stack, source)
    total = dead_letters.count(sqs, box.url)
    exported = 0
    with _created(file) as lines, bar() as progress:
        task = progress.add_task("letters", total=total)
        with dead_letters.reading(stack, box, progress=lambda seen: progress.update(task, completed=seen)) as looking:
            for letter in looking:
                lines.write(_line(letter) + "\n")
                exported += 1
    stderr().print(_WARNING)
    emit(
        {"file": str(file), "exported": exported},
        as_json=as_json,
        table=lambda: f"{exported:,} letters are in {file}, and still in the queue.",
    )


@contextmanager
def _created(file: Path) -> Iterator[TextIO]:
    """Create a file, and leave none behind that is not whole."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise click.ClickException(f"{file} is there already, and is not overwritten. Name another file.") from None
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as lines:
            yield lines
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def _line(letter: Letter) -> str:
    attributes = {
        name: attribute.get("StringValue") for name, attribute in letter.message.get("MessageAttributes", {}).items()
    }
    return to_json({**letter.told(), "body": letter.body, "attributes": attributes})
