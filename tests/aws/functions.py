"""What the functions do with AWS, each call of their source once or more, on the resources of an emulator."""

import io
import json
import zipfile
from contextlib import suppress
from typing import Any
from unittest import mock

from reader.tables import Tables
from reconcile import other_region
from redrive import send_back
from redrive.redrive import Redrive
from redrive.request import RedriveRequest
from sender.circuit_state import Circuit
from sender.command_log import CommandLog
from sender.command_result import CommandResult, Outcome
from sender.pending_commands import PendingCommand, PendingCommands
from sender.vectorcare.access_token import AccessToken, NoTokenError
from start_check import versions
from tests.support.cloud import NOW, InlineExecutor, create_command_log, create_table
from tests.support.emulators import Emulator
from tests.support.wait import wait_until
from tests.support.webhooks import body
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands import command
from vectorcare_bridge.edge import queue as queues
from vectorcare_bridge.edge import runtime, start_check
from vectorcare_bridge.edge.bus import Bus, BusEntry
from vectorcare_bridge.edge.queue import Queue
from vectorcare_bridge.reconciliation import comparison
from vectorcare_bridge.webhooks import envelope, message
from vectorcare_bridge.webhooks.failure import FailureReason
from vectorcare_bridge.webhooks.fold import Fold, OrderBy, Received, Rule
from vectorcare_bridge.webhooks.journal import Journal, recorded_reason
from vectorcare_bridge.webhooks.message import Webhook
from vectorcare_bridge.webhooks.spool import Spool
from vectorcare_bridge.webhooks.state import State

LATER = utc_timestamp.later(NOW, minutes=1)
RAW = body()
WEBHOOK = Webhook(body=RAW, signature="c2ln", received_at=NOW)
EVENT = envelope.read(RAW)
COMMAND = command.read(
    '{"command": "accept", "service_request_id": "VC-TEST0001", "command_id": "c-1"}', message_id="m-1"
)


WITHOUT: dict[str, tuple[str, ...]] = {"ministack": (), "moto": ("cloudformation", "lambda")}
"""The services that an emulator is not asked about: moto runs functions in Docker only, and loads stacks slowly."""


class Resources:
    """Queues, tables, bucket, bus and secrets that the functions work on."""

    def __init__(self, emulator: Emulator) -> None:
        self.sqs, self.dynamodb = emulator.client("sqs"), emulator.client("dynamodb")
        self.s3, self.events = emulator.client("s3"), emulator.client("events")
        self.secrets = emulator.client("secretsmanager")
        self.without = WITHOUT[emulator.name]
        self.functions, self.stacks = emulator.client("lambda"), emulator.client("cloudformation")
        self.queue_url, self.dead_letters_url = (
            str(self.sqs.create_queue(QueueName=name)["QueueUrl"]) for name in ("queue", "dead-letters")
        )
        create_table(self.dynamodb, "events", "event_id")
        create_table(self.dynamodb, "service_requests", index=("by_status", "request_status", "last_updated"))
        create_command_log(self.dynamodb)
        self.s3.create_bucket(Bucket="spool")
        self.events.create_event_bus(Name="bus")
        self.secrets.create_secret(Name="vectorcare", SecretString=json.dumps({"client_id": ""}))
        self.secrets.create_secret(Name="empty")
        if not self.without:
            outputs = {name: {"Value": name} for name in ("EventsTable", "ServiceRequestsTable")}
            template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs}
            self.stacks.create_stack(StackName="twin", TemplateBody=json.dumps(template))
            wait_until(lambda: self._is_created("twin"), what="the stack is created")
            answer = f"def handler(event, context):\n    return {start_check.ANSWER!r}\n"
            self.starts = self._publish("starts", answer)
            self.does_not_start = self._publish("does-not-start", "import nothing_of_that_name\n")

    def _is_created(self, stack: str) -> bool:
        return bool(self.stacks.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")

    def _publish(self, name: str, source: str) -> str:
        """Publish a version of a function; return its ARN."""
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as file:
            file.writestr("made.py", source)
        function = self.functions.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role="arn:aws:iam::000000000000:role/function",
            Handler="made.handler",
            Code={"ZipFile": code.getvalue()},
            Timeout=60,
            Publish=True,
        )
        return f"{function['FunctionArn'].removesuffix(':1')}:{function['Version']}"


def use(resources: Resources) -> None:
    """Make every call that the functions make, with the answers and refusals that they look at."""
    with mock.patch.object(queues, "LONG_POLL_SECONDS", 0):  # moto would wait by its stopped clock
        _queues(resources)
    _spool(Spool(resources.s3, "spool"))
    _journal_and_state(resources.dynamodb)
    _bus(resources.events)
    _commands(resources.dynamodb)
    with suppress(NoTokenError), mock.patch.object(runtime, "now", return_value=NOW):
        AccessToken(mock.Mock(), resources.secrets, url="https://x.invalid", secret="vectorcare").current()  # noqa: S106 its name

    if not resources.without:
        _versions(resources)
        other_region.find_tables(resources.stacks, "twin")


def _versions(resources: Resources) -> None:
    deadline = runtime.monotonic()
    assert versions.failure(resources.starts, client=resources.functions, deadline=deadline) is None
    assert versions.failure(resources.does_not_start, client=resources.functions, deadline=deadline)
    assert versions.failure(f"{resources.starts}9", client=resources.functions, deadline=deadline)


def _queues(resources: Resources) -> None:
    queue, dead_letters = (Queue(resources.sqs, url) for url in (resources.queue_url, resources.dead_letters_url))
    dead_letters.receive(maximum=1, visibility_timeout=60)
    for _ in range(2):
        dead_letters.send(message.encode(WEBHOOK))
    redrive = Redrive(
        dead_letters,
        lambda received: send_back.webhook(queue, received),
        recorded=lambda _body: None,
        executor=InlineExecutor(),
        deadline=runtime.monotonic() + 600,
    )
    assert redrive.run(RedriveRequest(limit=1)).moved == 1
    assert queue.depth().total == 1
    assert dead_letters.depth().total == 1


def _spool(spool: Spool) -> None:
    keys = [spool.store(webhook) for webhook in (WEBHOOK, Webhook(b"\xff", "c2ln", NOW))]
    assert [key for page in spool.pages(size=1) for key in page] == sorted(keys)
    assert spool.count() == 2
    assert spool.load(keys[0]) == WEBHOOK
    for key in keys:
        spool.delete(key)
    assert spool.load(keys[0]) is None
    assert list(spool.pages(size=1)) == []


def _journal_and_state(dynamodb: Any) -> None:
    journal = Journal(dynamodb, "events", retention_days=30)
    assert journal.append(EVENT, WEBHOOK).is_new
    assert not journal.append(EVENT, WEBHOOK).is_new
    journal.append_unreadable(WEBHOOK, FailureReason.NOT_JSON)
    assert recorded_reason(dynamodb, "events", RAW) == "not_json"
    assert recorded_reason(dynamodb, "events", b"another") is None
    assert [one.event for one in journal.entries(EVENT.service_request_id)] == [EVENT]
    state = State(dynamodb, "service_requests", rule=Rule(OrderBy.EVENT_TIMESTAMP, 30))
    for status, may_begin in ((None, False), (True, True), (False, True)):
        moved = state.move_forward(_fold(EVENT), may_begin=may_begin, now=LATER)
        assert (moved and moved.status) is (True if status is False else status), status  # refused by its own: taken
    older = envelope.read(body(event_id="0198", event_timestamp="2026-03-01T09:00:00Z"))
    moved = state.move_forward(_fold(older), may_begin=True, now=LATER)
    assert moved
    assert not moved.status
    tables = Tables(
        dynamodb, service_requests_table="service_requests", events_table="events", status_index="by_status"
    )
    assert tables.service_request(EVENT.service_request_id, now=NOW)
    assert tables.service_request("none", now=NOW) is None
    journal.append(older, Webhook(body(event_id="0198"), "c2ln", NOW))
    assert list(other_region.moved_since(dynamodb, "service_requests", EVENT.last_updated)) == [
        EVENT.service_request_id
    ]
    other = comparison.Journal(dynamodb, "events", retention_days=30)
    place = (EVENT.service_request_id, EVENT.event_id)
    assert [len(other.read([place, ("none", "none")], attributes=some)) for some in ((), comparison.SUMMARY)] == [1, 1]
    assert len(list(other.entries(EVENT.service_request_id))) == 2
    first = tables.events(EVENT.service_request_id, limit=1, after=None, now=NOW)
    assert first.last
    rest = tables.events(EVENT.service_request_id, limit=9, after=first.last, now=NOW)
    assert (len(rest.items), rest.last) == (1, None)
    assert len(tables.with_status("AVAILABLE", limit=9, after=None, now=NOW).items) == 1


def _fold(event: envelope.Event) -> Fold:
    return Fold(Received(event, NOW), event, since=event.last_updated)


def _bus(events: Any) -> None:
    assert Bus(events, "bus").publish([BusEntry("state_changed", {"service_request_id": "VC-TEST0001"})]) == []


def _commands(dynamodb: Any) -> None:
    log = CommandLog(dynamodb, "commands")
    claim = log.claim(COMMAND, holder="a", now=NOW, lease_until=LATER)
    assert not isinstance(claim, CommandResult)
    result = CommandResult(Outcome.SUCCEEDED, "c-1", "accept", "VC-TEST0001", reason=None, attempts=1, lag_seconds=0.5)
    log.record(claim, result, now=NOW)
    assert log.claim(COMMAND, holder="b", now=NOW, lease_until=LATER) == result
    assert log.has_ended("c-1")
    assert log.circuit() == Circuit()
    pending = PendingCommands(dynamodb, "commands")
    one = PendingCommand("c-2", order="1", kind="accept")
    assert [each.command_id for each in pending.join("VC-TEST0001", [one], now=NOW)] == ["c-2"]
    assert [each.command_id for each in pending.join("VC-TEST0001", [], now=NOW)] == ["c-2"]
    pending.leave("VC-TEST0001", ["c-2"], [], now=NOW)
