"""The sender and its services: SQS in simulated time, table, secret and bus in moto, VectorCare by HTTPS."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from random import Random
from typing import Any
from unittest import mock

import boto3
import pytest_socket
import requests
from botocore.config import Config
from moto import mock_aws

from simulator.api_rules import API_PATH, TOKEN_PATH
from simulator.fake_api import FakeApi
from simulator.server import serving
from tests.support import events, tls
from tests.support.cloud import (
    CREDENTIALS,
    NOW,
    Clock,
    Context,
    InlineExecutor,
    Threads,
    create_bus,
    create_command_log,
    fresh_handler,
    one_call_at_a_time,
)
from tests.support.wait import PATIENCE
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.edge import runtime
from vectorcare_bridge.edge.dynamodb_item import to_item
from verification.simulation.models import sqs_event
from verification.simulation.models.queue import QueueModel
from verification.simulation.models.sqs import SQS

TRIP = "VC-TEST0001"
CLIENT_ID, CLIENT_SECRET = "invented-client", "Zebulon-Secret-1"
QUEUE_URL = "https://sqs.invalid/outbound"
DEAD_LETTERS_URL = "https://sqs.invalid/outbound-dead-letters"
MAX_RECEIVES = 300
FUNCTION_SECONDS = 60
VISIBILITY_SECONDS = 360


class Outbound:
    """The function between its queue, in simulated time, and VectorCare by HTTPS; table, secret and bus are moto's."""

    def __init__(self, clock: Clock, vectorcare: FakeApi, url: str) -> None:
        self.clock = clock
        self.vectorcare = vectorcare
        self._url = url
        vectorcare.rules.clients[CLIENT_ID] = CLIENT_SECRET
        vectorcare.rules.requests[TRIP] = "ASSIGNED"
        self.dead_letters = QueueModel()
        self.queue = QueueModel(
            visibility_timeout=VISIBILITY_SECONDS, max_receives=MAX_RECEIVES, dead_letters=self.dead_letters
        )
        self.sqs = SQS(
            {QUEUE_URL: self.queue, DEAD_LETTERS_URL: self.dead_letters},
            clock=lambda: clock.seconds,
            random=Random(1),
            epoch=utc_timestamp.epoch_seconds(NOW),
        )
        self.secrets = _client("secretsmanager")
        self.secrets.create_secret(Name="vectorcare", SecretString=secret(CLIENT_SECRET))
        self._bus_queue = _client("sqs")
        self._bus_queue_url = create_bus(self._bus_queue, _client("events"))
        create_command_log(_client("dynamodb"))

    def restart(self) -> None:
        """Start a container; it knows nothing of what the last one kept in memory."""
        environment = {
            "OUTBOUND_QUEUE_URL": QUEUE_URL,
            "OUTBOUND_DEAD_LETTER_QUEUE_URL": DEAD_LETTERS_URL,
            "COMMANDS_TABLE": "commands",
            "EVENT_BUS": "bus",
            "CREDENTIALS_SECRET": "vectorcare",
            "VECTORCARE_API_URL": f"{self._url}{API_PATH}",
            "VECTORCARE_TOKEN_URL": f"{self._url}{TOKEN_PATH}",
        }
        with mock.patch.dict("os.environ", environment):
            self._function = fresh_handler("sender")

    def token(self) -> str:
        """Ask the container for its access token."""
        return str(self._function._token.current())

    def put(self, **command: Any) -> str:
        """Put a command on the queue, a state update unless it says otherwise; `...` leaves a field out."""
        given = {"command": "state_update", "service_request_id": TRIP} | command
        if given["command"] == "state_update":
            given = {"name": "en_route", "timestamp": self.clock.ago(10)} | given
        return self.put_body(json.dumps({name: value for name, value in given.items() if value is not ...}))

    def put_body(self, body: str, attributes: dict[str, Any] | None = None) -> str:
        """Put a message on the queue; answers its id."""
        answer = self.sqs.send_message(QueueUrl=QUEUE_URL, MessageBody=body, MessageAttributes=attributes)
        return str(answer["MessageId"])

    def receive(self, maximum: int = 1000) -> list[dict[str, Any]]:
        """Receive messages in the form in which Lambda hands them to a function."""
        records: list[dict[str, Any]] = []
        while len(records) < maximum:
            answer = self.sqs.receive_message(
                QueueUrl=QUEUE_URL, MaxNumberOfMessages=min(10, maximum - len(records)), MessageAttributeNames=["All"]
            )
            if not answer:
                break
            records += [sqs_event.record(message) for message in answer["Messages"]]
        return records

    def handle(self, records: list[dict[str, Any]], *, seconds: int = FUNCTION_SECONDS) -> list[str]:
        """Hand a batch to the function; answers the ids of what it keeps, and deletes nothing."""
        answer = self._function.handler({"Records": records}, Context(remaining_ms=seconds * 1000))
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def run(self, *, maximum: int = 1000, seconds: int = FUNCTION_SECONDS) -> list[str]:
        """Deliver one batch as Lambda does; answers the ids of what returned to the queue."""
        records = self.receive(maximum)
        kept = self.handle(records, seconds=seconds) if records else []
        for record in records:
            if record["messageId"] not in kept:
                self.sqs.delete_message(QueueUrl=QUEUE_URL, ReceiptHandle=record["receiptHandle"])
        return kept

    def run_until_empty(self, *, seconds: int = 7200) -> None:
        """Deliver batches, second by second."""
        for _second in range(seconds):
            self.run()
            if not len(self.queue):
                return
            self.clock.seconds += 1
        raise AssertionError("the queue does not get empty")

    def invisible_for(self) -> list[float]:
        """Say for how many seconds each message is invisible from now on."""
        return [message.visible_at - self.clock.seconds for message in self.queue.messages()]

    def paths(self) -> list[str]:
        """Give the paths of the calls that VectorCare got, after the base URL."""
        return [call.path.removeprefix(API_PATH) for call in self.vectorcare.calls]

    def bodies(self) -> list[Any]:
        return [json.loads(call.body) for call in self.vectorcare.calls]

    def client(self, service: str, **_options: Any) -> Any:
        return self.sqs if service == "sqs" else _client(service)

    def outcomes(self) -> list[dict[str, Any]]:
        """Read what a subscriber got since the last time; each obeys its schema."""
        details: list[dict[str, Any]] = []
        while answer := self._bus_queue.receive_message(QueueUrl=self._bus_queue_url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in answer:
                event = json.loads(message["Body"])
                events.check(event["detail-type"], event["detail"])
                details.append({"detail-type": event["detail-type"], **event["detail"]})
                self._bus_queue.delete_message(QueueUrl=self._bus_queue_url, ReceiptHandle=message["ReceiptHandle"])
        return details

    def ends(self) -> list[tuple[str, str | None]]:
        """Read outcomes and reasons since the last time."""
        return [(one["outcome"], one["reason"]) for one in self.outcomes()]

    def command_log(self) -> dict[str, dict[str, Any]]:
        items = [to_item(item) for item in _client("dynamodb").scan(TableName="commands")["Items"]]
        return {str(item["command_id"]): dict(item) for item in items}


@cache
def _client(service: str) -> Any:
    """Make a client once: that is what takes long; moto forgets what it holds from test to test."""
    return boto3.client(service, config=Config(retries={"total_max_attempts": 1}))


def secret(client_secret: str) -> str:
    return json.dumps({"client_id": CLIENT_ID, "client_secret": client_secret})


def position(timestamp: float, **changes: float) -> dict[str, float]:
    return {"lat": 1.25, "lng": -2.5, "alt": 3.0, "timestamp": timestamp} | changes


@contextmanager
def running(*, inline: bool = True) -> Iterator[Outbound]:
    """Run the sender; `inline` without threads, so that a test runs alike each time."""
    clock = Clock()
    vectorcare = FakeApi(clock.epoch)
    with ExitStack() as stack:
        stack.enter_context(loopback())
        stack.enter_context(mock.patch.dict("os.environ", CREDENTIALS))
        stack.enter_context(mock_aws())
        stack.enter_context(one_call_at_a_time())
        url = stack.enter_context(serving(vectorcare, tls=tls.server_context(tls.trusted())))
        outbound = Outbound(clock, vectorcare, url)
        stack.enter_context(mock.patch("vectorcare_bridge.edge.runtime.now", clock.now))
        # A busy machine answers later than VectorCare would.
        patient = mock.patch.multiple("sender.vectorcare.http", CONNECT_SECONDS=PATIENCE, READ_SECONDS=PATIENCE)
        stack.enter_context(patient)
        stack.enter_context(mock.patch("vectorcare_bridge.edge.runtime.client", outbound.client))
        stack.enter_context(mock.patch("vectorcare_bridge.edge.runtime.http_session", session))
        threads = Threads()
        executor = mock.Mock(return_value=InlineExecutor()) if inline else threads.executor
        stack.enter_context(mock.patch("vectorcare_bridge.edge.runtime.executor", executor))
        stack.callback(threads.finish)
        outbound.restart()
        yield outbound


_make_session = runtime.http_session


def session(*, connections: int) -> requests.Session:
    """Make the session that production has, which trusts the tests' VectorCare."""
    session = _make_session(connections=connections)
    session.verify = str(tls.trusted())
    return session


@contextmanager
def loopback() -> Iterator[None]:
    """Open the network as far as this machine itself, which may be slower than VectorCare is given time."""
    pytest_socket.enable_socket()
    patience = mock.patch.multiple("sender.vectorcare.http", CONNECT_SECONDS=60, READ_SECONDS=60)
    with mock.patch.object(socket.socket, "connect", socket.socket.connect), patience:
        pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)
        yield
    pytest_socket.disable_socket(allow_unix_socket=True)
