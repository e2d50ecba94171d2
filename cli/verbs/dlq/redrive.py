"""`bridge dlq redrive`: letters sent back, and what became of them."""

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
from cli.lib.dead_letters import Box, Letter
from cli.lib.redriving import Progress, Selection
from cli.lib.stack import Stack
from cli.terminal.options import Options, pass_options, queue_option
from cli.terminal.output import confirm, emit, json_option, number_of, printable, stderr, yes_option
from cli.terminal.progress import bar
from vectorcare_bridge.dead_letters.dead_letter import REASONS, DeadLetterQueue
from vectorcare_bridge.edge import runtime

T = TypeVar("T")

_SETTLE_SECONDS = 10.0
_READ_AGAIN_AT_MOST = 1000  # letters; more take too long to be worth it


@click.command()
@queue_option
@click.option("--dry-run", is_flag=True, help="Say how many would be moved; move nothing.")
@click.option(
    "--reason",
    metavar="REASON",
    help="Only letters that are there for it, such as exhausted; see bridge dlq list --help.",
)
@click.option("--id", "service_request_id", metavar="ID", help="Only letters of this service request.")
@click.option("--limit", type=click.IntRange(min=1), help="Move so many at most.")
@click.option(
    "--rate", type=click.FloatRange(min=0, min_open=True), metavar="LETTERS", help="Move so many a second at most."
)
@yes_option
@json_option
@pass_options
def redrive(  # noqa: PLR0917 click gives every option as a parameter of its own
    options: Options,
    source: DeadLetterQueue,
    dry_run: bool,
    reason: str | None,
    service_request_id: str | None,
    limit: int | None,
    rate: float | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Send letters back to where they came from: webhooks and commands to their queue, events to the bus.

    \b
    bridge dlq redrive --dry-run
    bridge dlq redrive
    bridge dlq redrive --reason exhausted --rate 20
    bridge dlq redrive --id KP-ABCD1234 --yes
    bridge dlq redrive --queue unpublished

    Fix the cause first. It is safe at any time: an old event cannot overwrite a newer one, a command is not sent
    twice nor when its time is over, and a letter is deleted only when queue or bus has it. Interrupted, it stops
    within seconds; start it again for the rest.

    Exit code 1 if it stopped before the end, if letters died again, or if queue or bus did not take some.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not to be wrapped
    if reason is not None and reason not in REASONS[source]:
        raise click.BadParameter(
            f"{printable(reason)} is none of the queue {source}: {', '.join(REASONS[source])}", param_hint="--reason"
        )
    stack = options.stack()
    box = dead_letters.box(stack, source)
    invoke = redriving.invoker(stack)
    selection = Selection(source, reason, service_request_id)
    with stderr().status("Counting ..."):
        rehearsed = redriving.rehearse(invoke, selection, limit=limit)
    found = rehearsed["would_move"]
    is_all = rehearsed["stopped"] == "empty" or found == limit
    if dry_run or not found:
        told = {"dry_run": dry_run, "would_move": found, "is_all": is_all, "examined": rehearsed["examined"]}
        emit(told, as_json=as_json, table=lambda: f"{number_of(found, at_least=not is_all)} would be moved.")
        return
    home = "queue" if box.home_url else "bus"
    confirm(f"Send {number_of(found, at_least=not is_all)} of {stack.organization} back to the {home}?", yes=yes)
    total = found if is_all else min(limit or sys.maxsize, _dead(stack, box))
    started, done = runtime.now(), Progress()
    with bar() as progress:
        task = progress.add_task("letters", total=total)
        # Whatever happens from here on, what was done is reported.
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
        died_again = _known(lambda: _died_again(stack, box, since=started))
        remaining = _known(lambda: _dead(stack, box))
    told = {
        "moved": done.moved,
        "stopped": done.stopped,
        "died_again": died_again,
        "remaining": remaining,
        "refused": done.refused,
    }
    emit(told, as_json=as_json, table=lambda: _afterwards(told))
    if done.error:
        raise click.ClickException(done.error)
    if done.stopped == "interrupted":
        sys.exit(130)
    finished = done.stopped in {"empty", "limit"} and not done.refused
    sys.exit(0 if finished and not died_again and remaining is not None else 1)


def _known(ask: Callable[[], T]) -> T | None:
    """Ask what is not worth the report; None, and why, if AWS does not answer or somebody is tired of waiting."""
    try:
        return ask()
    except KeyboardInterrupt:
        return None
    except (BotoCoreError, ClientError) as error:
        stderr().print(explain(error).message)
        return None


def _dead(stack: Stack, box: Box) -> int:
    return dead_letters.count(stack.client("sqs"), box.url)


def _died_again(stack: Stack, box: Box, *, since: str) -> Mapping[str, int] | None:
    """Wait until the queue is empty, a while at most, and count by reason what came back; None where it is unknown."""
    if box.home_url is None:
        # What the bus has taken does not come back.
        return {}
    sqs = stack.client("sqs")
    until = time.monotonic() + _SETTLE_SECONDS
    with stderr().status("Waiting until the queue is empty ..."):
        while dead_letters.count(sqs, box.home_url) and time.monotonic() < until:
            time.sleep(0.5)
        if _dead(stack, box) > _READ_AGAIN_AT_MOST:
            return None
        with dead_letters.reading(stack, box, progress=lambda _: None) as looking:
            again = [letter.reason for letter in looking if _is_back(letter, since)]
    return dict(Counter(again).most_common())


def _is_back(letter: Letter, since: str) -> bool:
    return letter.redriven > 0 and letter.sent_at >= since


def _afterwards(told: Mapping[str, Any]) -> RenderableType:
    left = "how many are left is not known" if told["remaining"] is None else f"{told['remaining']:,} left now"
    lines = [f"{number_of(told['moved'])} moved; {left}."]
    if told["refused"]:
        lines.append(f"Not taken, and left: {number_of(told['refused'])}. Why: the log of the redrive function.")
    if told["stopped"] in {"failed", "interrupted"}:
        lines.append("Those that were under way may follow within seconds.")
    if told["stopped"] not in {"empty", "limit"}:
        lines.append(f"It stopped before the end ({told['stopped']}). Start it again for the rest.")
    if told["died_again"] is None:
        lines.append("Which of them died again was not looked at, or they are too many: bridge dlq list")
    elif told["died_again"]:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in told["died_again"].items())
        lines.append(f"Died again: {reasons}. Their cause is not fixed.")
    return "\n".join(lines)
