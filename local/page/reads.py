"""What the page reads of the stack, with the AWS APIs that `./bridge --local` uses."""

import json
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from cli.lib import dead_letters as waiting
from cli.lib import deployed
from cli.lib import service_request as stored
from cli.lib.journal import JournalReader
from cli.lib.stack import Stack
from cli.lib.timeline import summary, timeline
from local.page import snapshot
from local.page.embedded_metrics import Reading, embedded
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue
from vectorcare_bridge.edge.dynamodb_item import to_item
from vectorcare_bridge.edge.queue import queue_depth
from vectorcare_bridge.webhooks import envelope
from vectorcare_bridge.webhooks.failure import PermanentError
from vectorcare_bridge.webhooks.vocabulary import STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterator

_FUNCTIONS = ("IngestFunction", "ProcessorFunction", "DrainFunction", "RedriveFunction", "PublisherFunction")
_NEWEST = 60  # service requests of each status
_OVERLAP = 30_000  # milliseconds; a line may be shown some time after others with a later time
_MOST_LINES = 10_000  # in one answer of CloudWatch
_NAMES = "service_request_id, request_status, #action, last_updated, updated_at, revision"


class MetricsLog:
    """The metrics that the functions have logged since this was made, each once."""

    def __init__(self, stack: Stack) -> None:
        client = stack.client("lambda")
        names = [stack.outputs[name] for name in (*_FUNCTIONS, "SenderFunction")]
        self._groups = [
            client.get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"] for name in names
        ]
        self._client = stack.client("logs")
        self._begin = dict.fromkeys(self._groups, _now())
        self._seen: dict[str, Counter[tuple[int, str]]] = {group: Counter() for group in self._groups}

    def new(self) -> list[Reading]:
        with ThreadPoolExecutor(len(self._groups)) as threads:
            return [reading for found in threads.map(self._of, self._groups) for reading in found]

    def _of(self, group: str) -> list[Reading]:
        began, begin = _now(), self._begin[group]
        lines = Counter(self._lines(group, begin))
        new = lines - self._seen[group]
        # The emulator cuts off a long answer: then the next look continues where this one ended.
        is_cut = lines.total() >= _MOST_LINES
        self._begin[group] = max(at for at, _ in lines) if is_cut else max(begin, began - _OVERLAP)
        self._seen[group] = Counter({line: n for line, n in lines.items() if line[0] >= self._begin[group]})
        return [reading for (_, text), number in new.items() for reading in [*embedded(text)] * number]

    def _lines(self, group: str, begin: int) -> "Iterator[tuple[int, str]]":
        request: dict[str, Any] = {"logGroupName": group, "startTime": begin, "filterPattern": '"CloudWatchMetrics"'}
        while True:
            answer = self._client.filter_log_events(**request)
            for event in answer["events"]:
                yield event["timestamp"], event["message"]
            if "nextToken" not in answer:
                return
            request["nextToken"] = answer["nextToken"]


def depths(stack: Stack) -> dict[str, int]:
    """Count what waits: messages on each queue, in flight included, and objects in the spool."""
    queues = {
        "queue": "QueueUrl",
        "dead": "DeadLetterQueueUrl",
        "unpublished": "UnpublishedQueueUrl",
        "commands": "OutboundQueueUrl",
        "dead_commands": "OutboundDeadLetterQueueUrl",
    }
    found = {name: queue_depth(stack.client("sqs"), stack.outputs[output]).total for name, output in queues.items()}
    listed = stack.client("s3").list_objects_v2(Bucket=stack.outputs["SpoolBucket"])
    return {**found, "spool": listed["KeyCount"]}


def rows(stack: Stack) -> list[dict[str, Any]]:
    """Read the newest service requests of each status, last written first."""
    found = []
    for status in STATUSES:
        answer = stack.client("dynamodb").query(
            TableName=stack.outputs["ServiceRequestsTable"],
            IndexName="by_status",
            KeyConditionExpression="request_status = :status",
            ExpressionAttributeValues={":status": {"S": status}},
            ExpressionAttributeNames={"#action": "action"},
            ProjectionExpression=_NAMES,
            ScanIndexForward=False,
            Limit=_NEWEST,
        )
        found += [
            snapshot.row({key: value for key, value in to_item(item).items() if value is not None})
            for item in answer["Items"]
        ]
    return sorted(found, key=lambda row: row["updated_at"], reverse=True)


def commands(stack: Stack) -> list[dict[str, Any]]:
    """Read the command log, newest first."""
    pages = stack.client("dynamodb").get_paginator("scan").paginate(TableName=stack.outputs["CommandsTable"])
    items = [to_item(item) for page in pages for item in page["Items"]]
    found = [snapshot.command(item) for item in items if "progress" in item]
    return sorted(found, key=lambda command: command["updated_at"], reverse=True)


def service_request(stack: Stack, service_request_id: str) -> dict[str, Any] | None:
    """Read one service request with its timeline and the values of its data; None if it is unknown."""
    found = stored.read(stack, service_request_id)
    if not found.is_known:
        return None
    steps = timeline(found.journal, found.unreadable, rule=deployed.rule(stack))
    return {
        "service_request_id": service_request_id,
        "state": found.state,
        "events": [summary(step, phi=True) for step in steps],
    }


def dead_letters(stack: Stack) -> list[dict[str, Any]]:
    """Read the dead letters with their reasons; meanwhile they are hidden from others."""
    queues = waiting.queues(stack, DeadLetterQueue.INBOUND)
    with waiting.reading(stack, queues, progress=lambda _seen: None, warn=lambda _text: None) as messages:
        found = [{**one.summary(), "event_id": _event_id(one.body)} for one in messages]
    return sorted(found, key=lambda one: str(one["received_at"]))


def journaled(stack: Stack) -> set[str]:
    """Return the ids of the events in the journal."""
    journal = JournalReader(stack.client("dynamodb"), stack.outputs["EventsTable"])
    items = (item for page in journal.pages(attributes=("service_request_id", "event_id")) for item in page.items)
    return {item["event_id"] for item in items if item["service_request_id"] != envelope.UNREADABLE}


def send(stack: Stack, message: Mapping[str, Any]) -> None:
    """Put a command on the outbound queue, as the dispatch system does."""
    stack.client("sqs").send_message(QueueUrl=stack.outputs["OutboundQueueUrl"], MessageBody=json.dumps(dict(message)))


def _now() -> int:
    """Return milliseconds since 1970, as CloudWatch Logs counts."""
    return int(time.time() * 1000)


def _event_id(body: bytes) -> str | None:
    try:
        return envelope.read(body).event_id
    except PermanentError:
        return None
