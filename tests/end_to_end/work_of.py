"""One piece of work for each function, and what can be observed of it."""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from local.environment import LocalEnvironment
from simulator import VectorCare, new_service_request_id
from tests.end_to_end.subscriber import Subscriber, command
from tests.end_to_end.support import function_variables, webhook
from tests.support.reading import EVENTS, LIST, ONE, proxy_event
from vectorcare_bridge.dead_letters import unpublished
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks.message import Webhook, encode
from vectorcare_bridge.webhooks.spool import Spool
from verification.simulation.models import sqs_event

Observation = dict[str, Any]

HIDDEN = 3600
"""Seconds for which a received message stays hidden, unless it is returned."""


def ingest(local: LocalEnvironment, vectorcare: VectorCare) -> Observation:
    answer = vectorcare.send(webhook().body)
    return {"status": answer.status, "queued": local.stack.waiting(), "spooled": local.stack.spooled()}


def process(local: LocalEnvironment) -> Observation:
    """Hand two good messages and one poisonous one to the processor, as the event source does.

    One of the good is the first of its request and carries no data: for that the journal has to be read.
    """
    good, without_data = webhook(), webhook(data=None)
    poison = b"no JSON"
    bodies = {"good": good.body, "without data": without_data.body, "poison": poison}
    put(local, "QueueUrl", *bodies.values())
    records = [sqs_event.record(message) for message in _receive(local, "QueueUrl", hide=HIDDEN)]
    name_of = {body.decode(): name for name, body in bodies.items()}
    names = {record["messageId"]: name_of[record["body"]] for record in records}
    answer = local.stack.invoke("ProcessorFunction", {"Records": records})
    back = [message["Body"] for message in _receive(local, "QueueUrl", hide=0)]
    return {
        "returned": sorted(names[failure["itemIdentifier"]] for failure in answer["batchItemFailures"]),
        "journaled": bool(local.stack.journal(good.service_request_id)),
        "applied": local.stack.service_request(good.service_request_id) is not None,
        "begun_without_data": local.stack.service_request(without_data.service_request_id) is not None,
        "poison_is_back": poison.decode() in back,
    }


def drain(local: LocalEnvironment) -> Observation:
    Spool(local.emulator.aws.s3, local.deployment.outputs["SpoolBucket"]).store(_accepted(webhook().body))
    answer = local.stack.invoke("DrainFunction", {})
    return {"answer": answer, "queued": local.stack.waiting(), "spooled": local.stack.spooled()}


def redrive(local: LocalEnvironment, subscriber: Subscriber) -> Observation:
    """Have the redrive move one of two dead letters, return the other, and publish what the bus had refused."""
    put(local, "DeadLetterQueueUrl", b"no JSON", b"[]")
    answer = local.stack.invoke("RedriveFunction", {"reason": "not_json", "limit": 1})
    seen = {name: answer[name] for name in ("moved", "skipped", "remaining")}
    back = [message["Body"] for message in _receive(local, "DeadLetterQueueUrl", hide=0)]
    name = new_service_request_id()
    local.emulator.aws.sqs.send_message(
        QueueUrl=local.deployment.outputs["UnpublishedQueueUrl"],
        MessageBody=unpublished.write(
            "ServiceRequestAvailable",
            {
                "schema_version": "1.0",
                "service_request_id": name,
                "request_status": "AVAILABLE",
                "previous_status": None,
                "action": None,
                "last_updated": "2026-03-01T12:00:00.000000Z",
                "event_id": "event-1",
                "revision": 1,
                "changed_fields": [],
            },
        )["MessageBody"],
    )
    local.stack.invoke("RedriveFunction", {"queue": "unpublished"})
    heard = len(subscriber.heard(service_request_id=name))
    return seen | {"queued": local.stack.waiting(), "skipped_is_back": "[]" in back, "heard": heard}


def publish(local: LocalEnvironment, subscriber: Subscriber) -> Observation:
    """Hand a new service request to the publisher, as the stream does."""
    name = new_service_request_id()
    item = {
        "service_request_id": {"S": name},
        "request_status": {"S": "AVAILABLE"},
        "last_updated": {"S": "2026-03-01T12:00:00.000000Z"},
        "event_id": {"S": "event-1"},
        "revision": {"N": "1"},
    }
    answer = local.stack.invoke(
        "PublisherFunction", {"Records": [{"eventName": "INSERT", "dynamodb": {"NewImage": item}}]}
    )
    return {
        "failed": "errorMessage" in (answer or {}),
        "heard": len(subscriber.heard(service_request_id=name)),
        "unpublished": len(_receive(local, "UnpublishedQueueUrl", hide=HIDDEN)),
    }


def send_commands(local: LocalEnvironment, subscriber: Subscriber, *, at: datetime) -> Observation:
    """Hand a command to the sender with one whose time has not come and one that cannot be read.

    The local clock is stopped at that time, and moved on at the end.
    """
    name, command_id = new_service_request_id(), uuid.uuid4().hex
    local.vectorcare.api.rules.requests[name] = "AVAILABLE"
    # A new container: the old one may still have a token, and not ask for the secret.
    with function_variables(local, "SenderFunction", CONTAINER=command_id):
        soon = (at + timedelta(seconds=30)).isoformat()
        state = {"command": "state_update", "service_request_id": name, "name": "en_route", "timestamp": soon}
        bodies = {
            json.dumps({"command": "accept", "service_request_id": name, "command_id": command_id}): "good",
            json.dumps(state): "early",
            "no JSON": "unreadable",
        }
        for body in bodies:
            command(local, body)
        records = [sqs_event.record(message) for message in _receive(local, "OutboundQueueUrl", hide=HIDDEN)]
        names = {record["messageId"]: bodies[record["body"]] for record in records}
        answer = local.stack.invoke("SenderFunction", {"Records": records})
    recorded = [item for item in local.stack.everything("CommandsTable") if item["command_id"] == command_id]
    return {
        "returned": sorted(names[failure["itemIdentifier"]] for failure in answer["batchItemFailures"]),
        "sent": local.vectorcare.api.rules.requests[name] == "ASSIGNED",
        "recorded": [item["progress"] for item in recorded] == ["ended"],
        "heard": [event["detail-type"] for event in subscriber.heard(command_id=command_id)],
        "dead": len(_receive(local, "OutboundDeadLetterQueueUrl", hide=HIDDEN)),
        "early_is_back": _is_back(local, "early", bodies, at=at + timedelta(seconds=HIDDEN / 2)),
    }


def _is_back(local: LocalEnvironment, name: str, bodies: Mapping[str, str], *, at: datetime) -> bool:
    """Whether a message can be received again at that time."""
    local.emulator.stop_clock(at=at)
    return name in [bodies[message["Body"]] for message in _receive(local, "OutboundQueueUrl", hide=HIDDEN)]


def read(local: LocalEnvironment) -> Observation:
    """Have the reader answer each of its questions about a service request that is there."""
    good = webhook()
    put(local, "QueueUrl", good.body)
    records = [sqs_event.record(message) for message in _receive(local, "QueueUrl", hide=HIDDEN)]
    assert local.stack.invoke("ProcessorFunction", {"Records": records}) == {"batchItemFailures": []}
    questions = {
        "one": proxy_event(ONE, good.service_request_id),
        "list": proxy_event(LIST, status="AVAILABLE"),
        "events": proxy_event(EVENTS, good.service_request_id),
    }
    answers = {name: local.stack.invoke("ReaderFunction", event) for name, event in questions.items()}
    return {name: answer["statusCode"] for name, answer in answers.items()}


def _accepted(body: bytes) -> Webhook:
    return Webhook(
        body=body, signature="checked by ingest alone", received_at=UtcTimestamp("2026-03-01T12:00:00.000000Z")
    )


def put(local: LocalEnvironment, queue_output: str, *bodies: bytes) -> None:
    """Put webhooks on a queue, as if they had been accepted, or had died."""
    for body in bodies:
        message = encode(_accepted(body))
        local.emulator.aws.sqs.send_message(
            QueueUrl=local.deployment.outputs[queue_output],
            MessageBody=message["MessageBody"],
            MessageAttributes=message["MessageAttributes"],
        )


def _receive(local: LocalEnvironment, queue_output: str, *, hide: int) -> list[Any]:
    messages: list[Any] = local.emulator.aws.sqs.receive_message(
        QueueUrl=local.deployment.outputs[queue_output],
        MaxNumberOfMessages=10,
        VisibilityTimeout=hide,
        AttributeNames=["All"],
        MessageAttributeNames=["All"],
    ).get("Messages", [])
    return messages
