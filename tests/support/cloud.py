"""The stack's resources in moto, and the real handlers beside them."""

import base64
import functools
import importlib
import itertools
import json
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from unittest import mock

import boto3
import botocore.session
from moto import mock_aws
from moto.moto_api._internal.models import moto_api_backend

from tests.support import faults, signing
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.edge.queue import queue_depth
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from verification.simulation.models import sqs_event

CUSTOMER_ID = "acme-7Jw2"
NOW = UtcTimestamp("2026-03-01T12:00:00.000000Z")
"""What the functions' clock shows at first, so that no test depends on the day it is run; it ticks at each look."""
T = TypeVar("T")
# All clients share what botocore reads from disk, as that is most of what making one takes.
_LOADER = functools.cache(botocore.session.create_loader)
FUNCTIONS = ("ingest", "processor", "drain", "redrive", "reader")
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@dataclass
class Context:
    aws_request_id: str = "11111111-2222-3333-4444-555555555555"
    remaining_ms: int = 900_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


class Cloud:
    """Queues, tables and bucket in moto; the handlers, freshly imported."""

    def __init__(self, threads: "Threads", clock: "Clock", *, public_keys: str = "") -> None:
        self._threads = threads
        self._clock = clock
        self.sqs = boto3.client("sqs")
        self.dynamodb = boto3.client("dynamodb")
        self.s3 = boto3.client("s3")
        self._fill()
        settings = {
            "QUEUE_URL": self.queue_url,
            "DEAD_LETTER_QUEUE_URL": self.dead_letter_queue_url,
            "OUTBOUND_QUEUE_URL": self.outbound_queue_url,
            "OUTBOUND_DEAD_LETTER_QUEUE_URL": self.outbound_dead_letter_queue_url,
            "UNPUBLISHED_QUEUE_URL": self.unpublished_queue_url,
            "EVENT_BUS": "bus",
            "SPOOL_BUCKET": "spool",
            "CUSTOMER_ID": CUSTOMER_ID,
            "FORMER_CUSTOMER_IDS": "",
            "DOMAIN_NAME": "",
            "PUBLIC_KEYS": public_keys or signing.encoded_public_key(),
            "EVENTS_TABLE": "events",
            "SERVICE_REQUESTS_TABLE": "service_requests",
            "STATUS_INDEX": "by_status",
            "ORDER_BY": "event_timestamp",
            "STATE_RETENTION_DAYS": "365",
            "JOURNAL_RETENTION_DAYS": "2555",
        }
        with mock.patch.dict("os.environ", settings):
            self._handlers = {name: fresh_handler(name) for name in FUNCTIONS}

    def empty(self) -> None:
        """Begin again, with the clients and handlers that are there: to make them takes most of a test's time."""
        self._threads.finish()
        self._fill()

    def invoke(self, function: str, event: Any, context: Context | None = None) -> Any:
        """Call a function's handler. One that is killed leaves no thread behind that goes on."""
        try:
            return self._handlers[function].handler(event, context or Context())
        except BaseException:
            self._threads.finish()
            raise

    def settings(self, function: str, **changes: Any) -> AbstractContextManager[Any]:
        """Change settings of a function for a while."""
        handler = self._handlers[function]
        return mock.patch.object(handler, "_settings", replace(handler._settings, **changes))

    def post(
        self, raw: bytes, /, *, signature: str | None = "", customer_id: str | None = CUSTOMER_ID, **changes: Any
    ) -> tuple[int, dict[str, str]]:
        """Send `POST /webhook`; an empty signature is replaced by the right one. Answers status and parsed body."""
        headers = {} if signature is None else {"X-VectorCare-Signature": signature or signing.sign(raw)}
        event = {
            "httpMethod": "POST",
            "resource": "/webhook",
            "headers": headers,
            "queryStringParameters": {} if customer_id is None else {"customer_id": customer_id},
            "body": base64.b64encode(raw).decode(),
            "isBase64Encoded": True,
        }
        response = self.invoke("ingest", event | changes)
        return response["statusCode"], json.loads(response["body"])

    def process(self, maximum: int = 10) -> list[str]:
        """Deliver one batch to the processor as Lambda does; answers the ids of what failed."""
        records = self.receive(maximum)
        if not records:
            return []
        failures = self.invoke("processor", {"Records": records})["batchItemFailures"]
        failed = [failure["itemIdentifier"] for failure in failures]
        for record in records:
            if record["messageId"] not in failed:
                self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=record["receiptHandle"])
        return failed

    def receive(self, maximum: int = 10) -> list[dict[str, Any]]:
        """Receive messages in the form in which Lambda hands them to a function."""
        messages = self.sqs.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=maximum,
            MessageAttributeNames=["All"],
            AttributeNames=["All"],
            VisibilityTimeout=360,
        ).get("Messages", [])
        return [sqs_event.record(message) for message in messages]

    def state(self, service_request_id: str = "VC-TEST0001") -> dict[str, Any] | None:
        key = {"service_request_id": service_request_id}
        item = boto3.resource("dynamodb").Table("service_requests").get_item(Key=key).get("Item")
        return dict(item) if item else None

    def journal(self) -> list[dict[str, Any]]:
        items = boto3.resource("dynamodb").Table("events").scan()["Items"]
        return sorted(map(dict, items), key=lambda item: (item["service_request_id"], item["event_id"]))

    def messages(self, url: str | None = None) -> int:
        """Count a queue's messages, those in flight included; the main queue's by default."""
        return queue_depth(self.sqs, url or self.queue_url).total

    def spooled(self) -> list[str]:
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket="spool").get("Contents", [])]

    def _fill(self) -> None:
        moto_api_backend.reset()
        self._clock.ticks = itertools.count()
        self.dead_letter_queue_url = self.sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
        self.queue_url = self._create_queue()
        self.outbound_queue_url, self.outbound_dead_letter_queue_url, self.unpublished_queue_url = (
            str(self.sqs.create_queue(QueueName=name)["QueueUrl"])
            for name in ("outbound", "outbound-dead-letters", "unpublished")
        )
        create_table(self.dynamodb, "events", "event_id")
        create_table(self.dynamodb, "service_requests", index=("by_status", "request_status", "last_updated"))
        self.s3.create_bucket(Bucket="spool")

    def _create_queue(self) -> str:
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.dead_letter_queue_url, AttributeNames=["QueueArn"])
        policy = {"deadLetterTargetArn": attributes["Attributes"]["QueueArn"], "maxReceiveCount": 30}
        answer = self.sqs.create_queue(QueueName="queue", Attributes={"RedrivePolicy": json.dumps(policy)})
        return str(answer["QueueUrl"])


def _key_schema(keys: list[str]) -> list[dict[str, str]]:
    return [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)]


@contextmanager
def running(*, public_keys: str = "") -> Iterator[Cloud]:
    """Run the functions against moto; without `public_keys` they know the one that `signing` signs with."""
    clock = Clock()
    # Moto may take longer than AWS would be given: as long as it likes.
    patience = mock.patch.multiple("ingest.enqueue_or_spool", QUEUE_SECONDS=None, SPOOL_SECONDS=None)
    loader = mock.patch("botocore.session.create_loader", _LOADER)
    threads = Threads()
    executor = mock.patch("vectorcare_bridge.edge.runtime.executor", threads.executor)
    with (
        mock.patch.dict("os.environ", CREDENTIALS),
        mock_aws(),
        mock.patch("vectorcare_bridge.edge.runtime.now", clock.now),
        patience,
        loader,
        one_call_at_a_time(),
        executor,
    ):
        try:
            yield Cloud(threads, clock, public_keys=public_keys)
        finally:
            # What still ran would make its calls in the next test's cloud.
            threads.finish()


def one_call_at_a_time() -> AbstractContextManager[None]:
    """Make calls atomic, as DynamoDB's are: moto checks a condition, then writes, and threads get between."""
    lock = threading.Lock()

    def answer(_operation: str, _parameters: dict[str, Any], call: Callable[[], Any]) -> Any:
        with lock:
            return call()

    return faults.around_calls(answer)


class Clock:
    """Time that passes when a test says so, and a microsecond at each look."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.ticks = itertools.count()

    def now(self) -> UtcTimestamp:
        return utc_timestamp.later(NOW, minutes=self.seconds / 60 + next(self.ticks) / 60_000_000)

    def epoch(self) -> float:
        return utc_timestamp.epoch_seconds(NOW) + self.seconds

    def ago(self, seconds: float) -> UtcTimestamp:
        return utc_timestamp.later(NOW, minutes=(self.seconds - seconds) / 60)


class Threads:
    """What the functions' executors have begun."""

    def __init__(self) -> None:
        self._begun: list[Future[Any]] = []

    def executor(self, threads: int) -> Executor:
        begun = self._begun

        class Recording(ThreadPoolExecutor):
            def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
                future = super().submit(fn, *args, **kwargs)
                begun.append(future)
                return future

        return Recording(max_workers=threads)

    def finish(self) -> None:
        wait(self._begun)
        self._begun.clear()


class InlineExecutor(Executor):
    """Runs each task in the thread that submits it, so that a test runs the same each time."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 as an executor's thread does
            future.set_exception(error)
        return future


def create_bus(sqs: Any, events: Any) -> str:
    """Create the bus `bus`, and a queue that takes all its events; answers the queue's URL."""
    url = str(sqs.create_queue(QueueName="all-events")["QueueUrl"])
    events.create_event_bus(Name="bus")
    events.put_rule(Name="all", EventBusName="bus", EventPattern=json.dumps({"source": ["vectorcare-bridge"]}))
    target = {"Id": "queue", "Arn": "arn:aws:sqs:us-east-1:123456789012:all-events"}
    events.put_targets(Rule="all", EventBusName="bus", Targets=[target])
    return url


def create_table(
    dynamodb: Any, name: str, sort_key: str | None = None, *, index: tuple[str, str, str] | None = None
) -> None:
    """Create a table with the key `service_request_id`, and an index of that name and keys."""
    index_name, *index_keys = index or ("",)
    keys = ["service_request_id"] + ([sort_key] if sort_key else [])
    indexes = [{"IndexName": index_name, "KeySchema": _key_schema(index_keys), "Projection": {"ProjectionType": "ALL"}}]
    dynamodb.create_table(
        TableName=name,
        KeySchema=_key_schema(keys),
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys + index_keys],
        BillingMode="PAY_PER_REQUEST",
        **({"GlobalSecondaryIndexes": indexes} if index else {}),
    )


def create_command_log(dynamodb: Any) -> None:
    """Create the table `commands`."""
    dynamodb.create_table(
        TableName="commands",
        KeySchema=_key_schema(["command_id"]),
        AttributeDefinitions=[{"AttributeName": "command_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def fresh_handler(name: str) -> Any:
    """Import a handler as a cold start does."""
    sys.modules.pop(f"{name}.handler", None)
    return importlib.import_module(f"{name}.handler")
