"""`bridge dlq`: what died, why, and the way back."""

import sys
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.table import Column, Table

from operate import letters, redriving
from operate.export import export
from operate.letters import Letter
from operate.options import Options, pass_options
from operate.output import confirm, emit, json_option, moment, phi_option, printable, stderr, yes_option
from operate.progress import bar
from operate.redriving import Progress, Selection
from operate.shape import shape, value
from operate.stack import Stack
from vectorcare_bridge import aws
from vectorcare_bridge.failure import Reason

_SETTLE_SECONDS = 10.0
_READ_AGAIN_AT_MOST = 1000  # letters; more take too long to be worth it


@click.group()
def dlq() -> None:
    """Dead letters: webhooks that could not be applied.

    \b
    bridge dlq list                        what died, and why
    bridge dlq show MESSAGE_ID             one letter: the names of its fields
    bridge dlq export letters.jsonl        a copy of all, before you touch them
    bridge dlq redrive --dry-run           how many would go back to the queue
    bridge dlq redrive                     send them back, once the cause is mended

    SQS shows a letter only by handing it out. While list, show and export look, letters are invisible to others, the
    redrive among them; at the end, and on Ctrl-C, they are visible again. A letter lives 14 days. The journal keeps
    what it said for longer.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not to be wrapped


@dlq.command(name="list")
@json_option
@pass_options
def list_(options: Options, *, as_json: bool) -> None:
    """List all letters with the reason of each, the next to expire first.

    \b
    bridge dlq list
    bridge dlq list --json | jq '.by_reason'

    \b
    Reasons that no redrive mends until the code or the sender is another:
      not_json, not_an_object, missing_field, bad_timestamp, unstorable, unsupported_version
    Reasons that a redrive mends:
      timestamp_in_future   once that time has come
      exhausted             nothing is wrong with the letter; something else failed for hours

    Exit code 1 if there is a letter.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not to be wrapped
    stack = options.stack()
    with _looking(stack) as looking:
        # Without what they say: there may be many.
        found = sorted((letter.told() for letter in looking), key=lambda letter: letter["expires"])
    by_reason = dict(Counter(str(letter["reason"]) for letter in found).most_common())
    emit({"letters": found, "by_reason": by_reason}, as_json=as_json, table=lambda: _table(found, by_reason))
    sys.exit(1 if found else 0)


@dlq.command()
@click.argument("message_id")
@phi_option
@json_option
@pass_options
def show(options: Options, *, message_id: str, phi: bool, as_json: bool) -> None:
    """Show one letter: why it is dead, and the names and kinds of its fields.

    \b
    bridge dlq show 0f8c3c52-7d0a-4f6c-8f2e-3a5f0d7c1b11
    bridge dlq show 0f8c3c52-7d0a-4f6c-8f2e-3a5f0d7c1b11 --phi

    Exit code 1 if there is no such letter.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not to be wrapped
    with _looking(options.stack()) as looking:
        letter = next((letter for letter in looking if letter.message_id == message_id), None)
    if letter is None:
        raise click.ClickException(
            f"There is no letter {printable(message_id)}. It may have been redriven, which gives it another id, or "
            "somebody else is looking at it now. All there are: bridge dlq list"
        )
    content = value(letter.body) if phi else shape(letter.body)
    told = {**letter.told(), "bytes": len(letter.body), "content" if phi else "shape": content}
    emit(told, as_json=as_json, table=lambda: _details(told))


dlq.add_command(export)


@dlq.command()
@click.option("--dry-run", is_flag=True, help="Say how many would be moved; move nothing.")
@click.option(
    "--reason",
    metavar="REASON",
    type=click.Choice([reason.value for reason in Reason]),
    help="Only letters that are dead for it, such as exhausted.",
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
    dry_run: bool,
    reason: str | None,
    service_request_id: str | None,
    limit: int | None,
    rate: float | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Send letters back to the queue, to be processed again.

    \b
    bridge dlq redrive --dry-run
    bridge dlq redrive
    bridge dlq redrive --reason exhausted --rate 20
    bridge dlq redrive --id KP-ABCD1234 --yes

    Mend the cause first. It is safe at any time: an old event cannot overwrite a newer one, and a letter is deleted
    only when the queue has it. Interrupted, it stops within seconds; start it again for the rest.

    Exit code 1 if it stopped before the end, or if letters died again.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not to be wrapped
    stack = options.stack()
    invoke = redriving.invoker(stack)
    selection = Selection(Reason(reason) if reason else None, service_request_id)
    with stderr().status("Counting ..."):
        rehearsed = redriving.rehearse(invoke, selection, limit=limit)
    found = rehearsed["would_move"]
    is_all = rehearsed["stopped"] == "empty" or found == limit
    if dry_run or not found:
        told = {"dry_run": dry_run, "would_move": found, "is_all": is_all, "examined": rehearsed["examined"]}
        emit(told, as_json=as_json, table=lambda: f"{_letters(found, at_least=not is_all)} would be moved.")
        return
    confirm(f"Send {_letters(found, at_least=not is_all)} of {stack.organization} back to the queue?", yes=yes)
    total = found if is_all else min(limit or sys.maxsize, _dead(stack))
    started, done = aws.now(), Progress()
    with bar() as progress:
        task = progress.add_task("letters", total=total)
        try:
            redriving.redrive(
                invoke,
                selection,
                total=total,
                rate=rate,
                done=done,
                advance=lambda: progress.update(task, completed=done.moved),
            )
        except KeyboardInterrupt:
            progress.stop()
            stderr().print(
                f"Interrupted: {_letters(done.moved)} moved, and those that were under way may follow within seconds. "
                "Start it again for the rest."
            )
            sys.exit(130)
    died_again = _died_again(stack, since=started)
    finished = done.stopped in {"empty", "limit"}
    told = {
        "moved": done.moved,
        "stopped": done.stopped,
        "died_again": died_again,
        "remaining": _dead(stack),
    }
    emit(told, as_json=as_json, table=lambda: _afterwards(told))
    sys.exit(0 if finished and not died_again else 1)


def _looking(stack: Stack) -> Any:
    console = stderr()
    console.print("While this looks, letters are invisible to others. Ctrl-C gives them back.")
    return letters.reading(
        stack.client("sqs"),
        stack.outputs["DeadLetterQueueUrl"],
        progress=lambda seen: console.print(f"{seen:,} letters seen") if seen % 1000 == 0 else None,
    )


def _dead(stack: Stack) -> int:
    return letters.count(stack.client("sqs"), stack.outputs["DeadLetterQueueUrl"])


def _died_again(stack: Stack, *, since: str) -> Mapping[str, int] | None:
    """Wait until the queue is empty, a while at most, and count by reason what came back; None where it is unknown."""
    sqs = stack.client("sqs")
    until = time.monotonic() + _SETTLE_SECONDS
    with stderr().status("Waiting for the processor ..."):
        while letters.count(sqs, stack.outputs["QueueUrl"]) and time.monotonic() < until:
            time.sleep(0.5)
        if _dead(stack) > _READ_AGAIN_AT_MOST:
            return None
        with letters.reading(sqs, stack.outputs["DeadLetterQueueUrl"], progress=lambda _: None) as looking:
            again = [letter.reason.value for letter in looking if _is_back(letter, since)]
    return dict(Counter(again).most_common())


def _is_back(letter: Letter, since: str) -> bool:
    return letter.redriven > 0 and letter.sent_at >= since


def _afterwards(told: Mapping[str, Any]) -> RenderableType:
    lines = [f"{_letters(told['moved'])} moved; {told['remaining']:,} in the dead-letter queue now."]
    if told["stopped"] not in {"empty", "limit"}:
        lines.append(f"It stopped before the end ({told['stopped']}). Start it again for the rest.")
    if told["died_again"] is None:
        lines.append("There are too many left to see which of them died again: bridge dlq list")
    elif told["died_again"]:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in told["died_again"].items())
        lines.append(f"Died again: {reasons}. Their cause is not mended.")
    return "\n".join(lines)


def _table(found: list[dict[str, Any]], by_reason: Mapping[str, int]) -> RenderableType:
    if not found:
        return "There is no dead letter."
    table = Table(
        # Whole, so that it can be copied into `show`.
        Column("message id", no_wrap=True),
        "reason",
        Column("service request", overflow="fold"),
        "received",
        "expires",
        "redriven",
    )
    for letter in found:
        table.add_row(
            letter["message_id"],
            letter["reason"],
            printable(letter["service_request_id"] or "-"),
            moment(letter["received_at"])[:16],
            moment(letter["expires"])[:16],
            str(letter["redriven"]),
        )
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in by_reason.items())
    return Group(table, f"{_letters(len(found))}: {reasons}. Times are UTC.")


def _details(told: Mapping[str, Any]) -> RenderableType:
    table = Table(show_header=False, box=None)
    for name, content in told.items():
        if isinstance(content, Mapping):
            for field, described in content.items():
                table.add_row(f"{name}.{printable(field)}", printable(described))
        else:
            table.add_row(name, printable("-" if content is None else content))
    return table


def _letters(number: int, *, at_least: bool = False) -> str:
    return f"{'at least ' if at_least else ''}{number:,} letter{'' if number == 1 else 's'}"
