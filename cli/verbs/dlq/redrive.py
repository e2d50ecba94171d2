"""`bridge dlq redrive`."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import click
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import RenderableType

from cli.lib import dead_letters, redriving
from cli.lib.aws_error import explain
from cli.lib.dead_letters import Queues
from cli.lib.redriving import Progress, Selection
from cli.lib.stack import Stack
from cli.options import Options, pass_options
from cli.terminal.output import confirm, emit, json_option, printable, stderr, yes_option
from cli.terminal.progress import bar
from cli.verbs.dlq.queue import queue_option
from vectorcare_bridge.dead_letters.dead_letter import REASONS, DeadLetterQueue
from vectorcare_bridge.edge import runtime
from vectorcare_bridge.edge.queue import queue_depth

T = TypeVar("T")

_SETTLE_SECONDS = 10.0
_MOST_READ_AGAIN = 1000  # messages; reading more takes too long


@click.command()
@queue_option
@click.option("--dry-run", is_flag=True, help="Count the messages; move nothing.")
@click.option(
    "--reason", metavar="REASON", help="Only messages with this reason, such as exhausted; see bridge dlq list --help."
)
@click.option("--id", "service_request_id", metavar="ID", help="Only messages of this service request.")
@click.option("--limit", type=click.IntRange(min=1), help="Move at most this many.")
@click.option(
    "--rate", type=click.FloatRange(min=0, min_open=True), metavar="MESSAGES", help="Move at most this many per second."
)
@yes_option
@json_option
@pass_options
def redrive(  # noqa: PLR0917 click gives every option as a parameter of its own
    options: Options,
    queue: DeadLetterQueue,
    dry_run: bool,
    reason: str | None,
    service_request_id: str | None,
    limit: int | None,
    rate: float | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Send dead letters back to where they came from.

    \b
    bridge dlq redrive --dry-run
    bridge dlq redrive
    bridge dlq redrive --reason exhausted --rate 20
    bridge dlq redrive --id KP-ABCD1234 --yes
    bridge dlq redrive --queue unpublished

    Fix the cause first. A redrive is safe at any time: an old event cannot overwrite a newer one, a command is not sent
    twice and not after its time, and a message is deleted only after the queue or the event bus has it. It asks before
    it moves anything. Ctrl-C stops it within seconds; run it again for the rest.

    Exit code 1 if it stopped before the end, if messages are dead letters again, or if the queue or the event bus did
    not take some.
    """
    if reason is not None and reason not in REASONS[queue]:
        raise click.BadParameter(
            f"{printable(reason)} is not a reason of this queue. Its reasons: {', '.join(REASONS[queue])}",
            param_hint="--reason",
        )
    stack = options.stack()
    queues = dead_letters.queues(stack, queue)
    invoke = redriving.invoker(stack)
    selection = Selection(queue, reason, service_request_id)
    with stderr().status("Counting ..."):
        counted = redriving.dry_run(invoke, selection, limit=limit)
    found = counted["would_move"]
    is_all = counted["stopped"] == "empty" or found == limit
    if dry_run or not found:
        report = {"dry_run": dry_run, "would_move": found, "is_all": is_all, "examined": counted["examined"]}
        emit(report, as_json=as_json, table=lambda: f"{_number_of(found, at_least=not is_all)} would be moved.")
        return
    target = "queue" if queues.source_url else "event bus"
    confirm(f"Send {_number_of(found, at_least=not is_all)} of {stack.organization} back to the {target}?", yes=yes)
    total = found if is_all else min(limit or sys.maxsize, _depth(stack, queues))
    started, done = runtime.now(), Progress()
    with bar() as progress:
        task = progress.add_task("dead letters", total=total)
        # What was done is reported, whatever happens now.
        with suppress(KeyboardInterrupt):
            redriving.redrive(
                invoke,
                selection,
                total=total,
                rate=rate,
                done=done,
                advance=lambda: progress.update(task, completed=done.moved),
            )
    died_again, remaining = None, None
    if done.stopped != "interrupted":
        died_again = _known(lambda: _died_again(stack, queues, since=started))
        remaining = _known(lambda: _depth(stack, queues))
    report = {
        "moved": done.moved,
        "stopped": done.stopped,
        "died_again": died_again,
        "remaining": remaining,
        "refused": done.refused,
    }
    emit(report, as_json=as_json, table=lambda: _text(report))
    if done.error:
        raise click.ClickException(done.error)
    if done.stopped == "interrupted":
        sys.exit(130)
    finished = done.stopped in {"empty", "limit"} and not done.refused
    sys.exit(0 if finished and not died_again and remaining is not None else 1)


def _known(ask: Callable[[], T]) -> T | None:
    """Ask AWS; None if it does not answer, or on Ctrl-C: the report matters more."""
    try:
        return ask()
    except KeyboardInterrupt:
        return None
    except (BotoCoreError, ClientError) as error:
        stderr().print(explain(error))
        return None


def _depth(stack: Stack, queues: Queues) -> int:
    return queue_depth(stack.client("sqs"), queues.url).total


def _died_again(stack: Stack, queues: Queues, *, since: str) -> Mapping[str, int] | None:
    """Wait a while for the queue to be empty, and count by reason what came back; None if that is unknown."""
    if queues.source_url is None:
        # What the event bus has taken does not come back.
        return {}
    sqs = stack.client("sqs")
    until = time.monotonic() + _SETTLE_SECONDS
    with stderr().status("Waiting until the queue is empty ..."):
        while queue_depth(sqs, queues.source_url).total and time.monotonic() < until:
            time.sleep(0.5)
        if _depth(stack, queues) > _MOST_READ_AGAIN:
            return None
        with dead_letters.reading(stack, queues, progress=lambda _: None, warn=stderr().print) as found:
            again = [one.reason for one in found if one.redriven > 0 and one.sent_at >= since]
    return dict(Counter(again).most_common())


def _number_of(messages: int, *, at_least: bool = False) -> str:
    return f"{'at least ' if at_least else ''}{messages:,} dead letter{'' if messages == 1 else 's'}"


def _text(report: Mapping[str, Any]) -> RenderableType:
    left = "it is unknown how many are left" if report["remaining"] is None else f"{report['remaining']:,} are left"
    lines = [f"{_number_of(report['moved'])} moved; {left}."]
    if report["refused"]:
        lines.append(f"Not taken, and still there: {report['refused']:,}. Why: the log of the redrive function.")
    if report["stopped"] in {"failed", "interrupted"}:
        lines.append("Some that were on their way may follow within seconds.")
    if report["stopped"] not in {"empty", "limit"}:
        lines.append(f"It stopped before the end ({report['stopped']}). Run it again for the rest.")
    if report["died_again"] is None:
        lines.append("It is unknown which of them are dead letters again: ./bridge dlq list")
    elif report["died_again"]:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in report["died_again"].items())
        lines.append(f"Dead letters again: {reasons}. Their cause is not fixed.")
    return "\n".join(lines)
