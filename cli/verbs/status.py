"""`bridge status`."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from cli.lib import everywhere
from cli.lib import stack as stacks
from cli.lib.aws_error import explain
from cli.lib.errors import BridgeError
from cli.lib.everywhere import Found
from cli.lib.place import read_place
from cli.lib.stack import Stack
from cli.options import Options, pass_options
from cli.terminal.output import duration, emit, json_option, moment, printable, stderr, stdout
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.edge import runtime
from vectorcare_bridge.edge.queue import QueueDepth, queue_depth
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks.vocabulary import STATUSES

_NEWEST = 10  # events of each status; one that is dated ahead must not hide what came after it
_MOST_COUNTED = 1000  # objects in one answer of S3

_STACKS_AT_ONCE = 4  # each with eight figures

Figures = Mapping[str, Any]


@click.command()
@json_option
@pass_options
def status(options: Options, *, as_json: bool) -> None:
    """Show whether each stack is well, what waits and what failed.

    \b
    bridge status
    bridge status --organization acme
    bridge status --json | jq '.[].dead_letters'

    It changes nothing. Without --organization it looks at all stacks of your account and region, and of the accounts
    and regions that the files in organizations/ name. If there are several, each is one line, the worst first; in
    full with --organization, in both regions if it has two.

    \b
      last webhook   the last webhook that changed a state; duplicates and stale ones do not
      freshness      how old its event was when the state was written
      queue          webhooks that wait, are being processed or will be retried, and are delayed
      dead letters   webhooks that could not be applied
      spool          webhooks that the queue refused; counted up to 1000
      unpublished    events that the event bus did not take
      commands       commands to VectorCare, as for the queue
      dead commands  messages of the dispatch system that are not a command
      alarms         this stack's alarms in state ALARM

    If AWS refuses a figure, its line shows the reason. An account that does not answer is a line too.

    Exit code 1 if an alarm is in ALARM, if there is a dead letter or an unpublished event, or if a figure is missing.
    """
    console = stderr()
    with console.status("Asking AWS ...") as progress, ThreadPoolExecutor(_STACKS_AT_ONCE) as threads:
        found = _find(options)
        figures: list[Figures] = []
        for each in threads.map(look_at, found):
            figures.append(each)
            progress.update(f"Asking AWS: {len(figures)} of {len(found)} stacks ...")
    figures.sort(key=lambda each: (each["organization"], each["region"]))
    figures.sort(key=_badness, reverse=True)
    write = _sections if options.organization else _table
    emit(figures, as_json=as_json, table=lambda: write(figures, now=runtime.now()))
    if any(needs_a_person(each) for each in figures):
        sys.exit(1)


def _find(options: Options) -> list[Found]:
    if not options.organization:
        return everywhere.find(**options.where())
    stack = options.stack()
    found = Found(stack.organization, stack=stack)
    place = read_place(options.where()["organizations"], stack.organization)
    second = None if options.local or options.region else place.second_region
    if second is None:
        return [found]
    first = str(stack.client("cloudwatch").meta.region_name)
    return [replace(found, region=first), *([_in_region(options, second)] if second != first else [])]


def _in_region(options: Options, region: str) -> Found:
    """Find the named organization's stack in its second region, or why nothing is known of it."""
    found = Found(str(options.organization), region=region)
    try:
        return replace(found, stack=stacks.find(options.organization, **options.where(region=region)))
    except BridgeError as error:
        return replace(found, problem=str(error))
    except (BotoCoreError, ClientError) as error:
        return replace(found, problem=explain(error))


def look_at(found: Found) -> Figures:
    """Read the figures of one stack, all at the same time.

    Returns
    -------
    Figures
        By name. If AWS refuses one, it is None, and `errors` has the reason under the same name.
    """
    stack, errors = found.stack, {"stack": found.problem} if found.problem else {}
    where = {"organization": found.organization, "account": found.account, "region": found.region}
    if stack is None:
        urls = dict.fromkeys(("webhook_url", "health_url"))
        return {**where, "is_deployed": None if errors else False, **urls, **dict.fromkeys(_FIGURES), "errors": errors}
    for service in ("dynamodb", "sqs", "s3", "cloudwatch"):  # boto3 makes clients in one thread only
        stack.client(service)

    def gather(name: str) -> Any:
        try:
            return _FIGURES[name](stack)
        except (BotoCoreError, ClientError) as error:
            errors[name] = explain(error)
        except BridgeError as error:  # an earlier version's stack has not all outputs
            errors[name] = str(error)
        return None

    with ThreadPoolExecutor(len(_FIGURES)) as threads:
        figures = dict(zip(_FIGURES, threads.map(gather, _FIGURES), strict=True))
    urls = {"webhook_url": stack.outputs["WebhookUrl"], "health_url": stack.outputs["HealthUrl"]}
    return {**where, "is_deployed": True, **urls, **figures, "errors": errors}


def needs_a_person(figures: Figures) -> bool:
    """Say whether a person has to act."""
    in_alarm = figures["alarms"]["in_alarm"] if figures["alarms"] else []
    waiting = [figures[name] for name in _QUEUE_OPTIONS]
    return bool(figures["errors"] or any(waiting) or in_alarm)


def _last_webhook(stack: Stack) -> dict[str, Any] | None:
    """Find what was received last among the newest events of each status."""
    newest = [item for status in STATUSES for item in _newest_of_status(stack, status)]
    if not newest:
        return None
    last = max(newest, key=lambda item: item["received_at"])
    return {
        "received_at": last["received_at"],
        "happened_at": last["last_updated"],
        "freshness_seconds": round(
            utc_timestamp.seconds_between(UtcTimestamp(last["last_updated"]), UtcTimestamp(last["updated_at"])), 3
        ),
    }


def _newest_of_status(stack: Stack, request_status: str) -> list[dict[str, str]]:
    answer = stack.client("dynamodb").query(
        TableName=stack.outputs["ServiceRequestsTable"],
        IndexName="by_status",
        KeyConditionExpression="request_status = :status",
        ExpressionAttributeValues={":status": {"S": request_status}},
        ProjectionExpression="last_updated, received_at, updated_at",
        ScanIndexForward=False,
        Limit=_NEWEST,
    )
    return [{name: value["S"] for name, value in item.items()} for item in answer["Items"]]


def _depth(stack: Stack, output: str) -> QueueDepth:
    return queue_depth(stack.client("sqs"), stack.outputs[output])


def _spool(stack: Stack) -> dict[str, Any]:
    answer = stack.client("s3").list_objects_v2(Bucket=stack.outputs["SpoolBucket"], MaxKeys=_MOST_COUNTED)
    return {"objects": answer["KeyCount"], "more": answer["IsTruncated"]}


def _alarms(stack: Stack) -> dict[str, Any]:
    """Find the alarms that notify the stack's topic; the prefix alone also finds acme-west's for acme."""
    pages = (
        stack.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix=f"{stack.name}-", AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    )
    alarms = [
        alarm
        for page in pages
        for alarm in [*page.get("MetricAlarms", []), *page.get("CompositeAlarms", [])]
        if stack.outputs["AlarmTopicArn"] in alarm["AlarmActions"]
    ]
    in_alarm = [
        {
            "name": alarm["AlarmName"],
            "since": utc_timestamp.of(alarm["StateUpdatedTimestamp"]),
            "description": alarm.get("AlarmDescription", ""),
        }
        for alarm in alarms
        # At night the alarm Silence may be in ALARM with its actions switched off; that means nothing.
        if alarm["StateValue"] == "ALARM" and alarm["ActionsEnabled"]
    ]
    return {"total": len(alarms), "in_alarm": in_alarm}


_FIGURES: Mapping[str, Callable[[Stack], Any]] = {
    "last_webhook": _last_webhook,
    "queue": lambda stack: asdict(_depth(stack, "QueueUrl")),
    "dead_letters": lambda stack: _depth(stack, "DeadLetterQueueUrl").total,
    "spool": _spool,
    "unpublished": lambda stack: _depth(stack, "UnpublishedQueueUrl").total,
    "commands": lambda stack: asdict(_depth(stack, "OutboundQueueUrl")),
    "dead_commands": lambda stack: _depth(stack, "OutboundDeadLetterQueueUrl").total,
    "alarms": _alarms,
}
_QUEUE_OPTIONS = {"dead_letters": "", "unpublished": " --queue unpublished", "dead_commands": " --queue outbound"}


def _badness(figures: Figures) -> tuple[bool, bool, int, bool]:
    """Order by how soon a person has to look: what is not known first, then what is wrong, then what is not there."""
    in_alarm = len(figures["alarms"]["in_alarm"]) if figures["alarms"] else 0
    return bool(figures["errors"]), needs_a_person(figures), in_alarm, not figures["is_deployed"]


def _table(found: Sequence[Figures], *, now: UtcTimestamp) -> RenderableType:
    """Write several stacks as a line each, and one in full."""
    if len(found) == 1 and found[0]["is_deployed"]:
        return _sections(found, now=now)
    # A column in which all are the same says nothing.
    places = [key for key in ("account", "region") if len({figures[key] for figures in found}) > 1]
    titles = ("organization", *places, "", "last webhook", "waiting")
    rows = [tuple(_line(figures, places, now=now)) for figures in found]
    widths = [max(map(len, column)) for column in zip(titles, *(row[:-1] for row in rows), strict=True)]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for title, width in zip(titles, widths, strict=True):
        table.add_column(title, no_wrap=True, width=width)
    # Only the last column gives way if the screen is narrow.
    left = max(stdout().width - sum(widths) - 2 * len(widths), len("why"))
    table.add_column("why", no_wrap=True, overflow="ellipsis", max_width=left)
    for row in rows:
        table.add_row(*row)
    # Cut off in the table; and the same for all, if it is the credentials.
    whys = dict.fromkeys(figures["errors"]["stack"] for figures in found if "stack" in figures["errors"])
    more = [Text(f"\n{printable(why)}", style="red") for why in whys]
    return Group(table, *more, Text("\nOne in full: ./bridge status --organization NAME"))


def _line(figures: Figures, places: Sequence[str], *, now: UtcTimestamp) -> Iterator[str | Text]:
    yield printable(figures["organization"] or "(your settings)")
    yield from (figures[key] or "-" for key in places)
    if figures["is_deployed"] is False:
        yield Text("not deployed", style="yellow")
    elif needs_a_person(figures):
        yield Text("needs a person", style="bold red")
    else:
        yield Text("well", style="green")
    last = figures["last_webhook"]
    yield f"{duration(utc_timestamp.seconds_between(last['received_at'], now))} ago" if last else "-"
    yield str(figures["queue"]["visible"]) if figures["queue"] else "-"
    yield Text("; ".join(_reasons(figures)), style="red")


def _reasons(figures: Figures) -> Iterator[str]:
    in_alarm = figures["alarms"]["in_alarm"] if figures["alarms"] else []
    if in_alarm:
        yield f"in ALARM: {', '.join(printable(alarm['name'].rpartition('-')[2]) for alarm in in_alarm)}"
    yield from (f"{figures[name]} {name.replace('_', ' ')}" for name in _QUEUE_OPTIONS if figures[name])
    for name, error in figures["errors"].items():
        yield printable(error if name == "stack" else f"{name.replace('_', ' ')}: {error}")


def _sections(found: Sequence[Figures], *, now: UtcTimestamp) -> RenderableType:
    return Group(*(_section(figures, now=now) for figures in found))


def _section(figures: Figures, *, now: UtcTimestamp) -> RenderableType:
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="bold", no_wrap=True)
    lines.add_column(overflow="fold")
    urls = []
    if figures["is_deployed"]:  # outside the table, which would break it: it is there to be copied
        urls = [Text(f"  webhook URL    {printable(figures['webhook_url'])}", no_wrap=True, overflow="ignore")]
    else:
        lines.add_row("stack", Text(figures["errors"].get("stack", "not deployed"), style="red"))
    for name in _FIGURES if figures["is_deployed"] else ():
        label, error = name.replace("_", " "), figures["errors"].get(name)
        for more, text, style in [("", error, "red")] if error else _describe(name, figures[name], now):
            lines.add_row(more or label, Text(text, style=style))
    needs = needs_a_person(figures)
    verdict = Text("needs a person", style="bold red") if needs else Text("all is well", style="green")
    where = f" in {figures['region']}" if figures["region"] else ""
    title = Text.assemble((figures["organization"], "bold"), f"{where}: ", verdict)
    return Group(Rule(title, align="left", characters="-", style="default"), *urls, Padding(lines, (0, 0, 1, 2)))


def _describe(name: str, figure: Any, now: UtcTimestamp) -> Iterator[tuple[str, str, str]]:
    """Write the lines of a figure: a label if it is not the figure's name, the text, and its style."""
    match name:
        case "last_webhook" if figure is None:
            yield "", "none yet", "yellow"
        case "last_webhook":
            ago = duration(utc_timestamp.seconds_between(figure["received_at"], now))
            happened = moment(figure["happened_at"])
            yield "", f"received {moment(figure['received_at'])} UTC, {ago} ago; happened {happened}", ""
            yield "freshness", duration(figure["freshness_seconds"]), ""
        case "queue" | "commands":
            yield "", "{visible} waiting, {in_flight} in flight, {delayed} delayed".format(**figure), ""
        case "spool":
            count = f"{'more than ' * figure['more']}{figure['objects']}"
            yield "", count, "yellow" * bool(figure["objects"])
        case "alarms":
            in_alarm = figure["in_alarm"]
            yield "", f"{len(in_alarm)} of {figure['total']} in ALARM", "red" * bool(in_alarm)
            for alarm in in_alarm:
                since = duration(utc_timestamp.seconds_between(alarm["since"], now))
                yield " ", f"{alarm['name']}, for {since}: {printable(alarm['description'])}", "red"
        case _:
            text = f"{figure}; why: ./bridge dlq list{_QUEUE_OPTIONS[name]}" if figure else "0"
            yield "", text, "red" * bool(figure)
