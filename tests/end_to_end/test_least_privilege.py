"""Rule: each role may do what its function needs; nothing of that can be left out, and nothing else is used.

The stand enforces the synthesized policies. Each control takes one action away from one role, has that function do its
work once, and sees what is missing then; a work that answers the same without the action would fail its control.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from local.stand import Stand
from local.vectorcare import VectorCare, new_service_request_id
from tests.end_to_end.subscriber import Subscriber, command, subscribed
from tests.end_to_end.support import QUIET_WITHIN, environment, webhook
from tests.infrastructure.templates import listed
from tests.security.permissions import ASSERTED, ENFORCED
from tests.support.reading import EVENTS, LIST, ONE, proxy_event
from vectorcare_bridge import unpublished
from vectorcare_bridge.message import Webhook, encode
from vectorcare_bridge.spool import Spool

Observation = dict[str, Any]

FAILED = {"failed": True}

GRANTED: dict[str, Observation] = {
    "ingest": {"status": 200, "queued": 1, "spooled": 0},
    "processor": {"given_back": ["poison"], "journaled": True, "applied": True, "poison_is_back": True},
    "drain": {"answer": {"moved": 1, "failed": 0, "stopped": "empty"}, "queued": 1, "spooled": 0},
    "redrive": {"moved": 1, "skipped": 1, "remaining": 1, "queued": 1, "skipped_is_back": True, "heard": 1},
    "publisher": {"failed": False, "heard": 1, "set_aside": 0},
    "sender": {
        "given_back": ["early"],
        "sent": True,
        "recorded": True,
        "heard": ["CommandSucceeded"],
        "dead": 1,
        "early_is_back": True,
    },
    "reader": {"one": 200, "list": 200, "events": 200},
}

UNSENT = GRANTED["sender"] | {"given_back": ["early", "good"], "sent": False, "recorded": False, "heard": []}

# What the same work comes to without the action.
WITHOUT: dict[tuple[str, str], Observation] = {
    ("ingest", "sqs:SendMessage"): {"status": 200, "queued": 0, "spooled": 1},
    ("ingest", "s3:PutObject"): {"status": 503, "queued": 0, "spooled": 0},
    ("processor", "dynamodb:PutItem"): {
        "given_back": ["good", "poison"],
        "journaled": False,
        "applied": False,
        "poison_is_back": False,  # not kept for good, so not yet given up
    },
    ("processor", "dynamodb:UpdateItem"): {
        "given_back": ["good", "poison"],
        "journaled": True,
        "applied": False,
        "poison_is_back": True,
    },
    ("processor", "sqs:ChangeMessageVisibility"): GRANTED["processor"] | {"poison_is_back": False},
    ("drain", "s3:ListBucket"): FAILED | {"queued": 0, "spooled": 1},
    ("drain", "s3:GetObject"): {
        "answer": {"moved": 0, "failed": 1, "stopped": "empty"},
        "queued": 0,
        "spooled": 1,
    },
    ("drain", "s3:DeleteObject"): {
        "answer": {"moved": 0, "failed": 1, "stopped": "empty"},
        "queued": 1,
        "spooled": 1,
    },
    ("drain", "sqs:SendMessage"): {
        "answer": {"moved": 0, "failed": 1, "stopped": "queue"},
        "queued": 0,
        "spooled": 1,
    },
    ("redrive", "sqs:ReceiveMessage"): FAILED | {"queued": 0, "skipped_is_back": True, "heard": 0},
    ("redrive", "sqs:SendMessage"): GRANTED["redrive"] | {"moved": 0, "remaining": 2, "queued": 0},
    ("redrive", "sqs:DeleteMessage"): GRANTED["redrive"] | {"remaining": 2},
    ("redrive", "sqs:ChangeMessageVisibility"): GRANTED["redrive"] | {"skipped_is_back": False},
    ("redrive", "sqs:GetQueueAttributes"): FAILED | {"queued": 1, "skipped_is_back": True, "heard": 1},
    ("redrive", "events:PutEvents"): GRANTED["redrive"] | {"heard": 0},
    ("publisher", "events:PutEvents"): {"failed": False, "heard": 0, "set_aside": 1},
    ("publisher", "sqs:SendMessage"): {"failed": True, "heard": 0, "set_aside": 0},
    ("sender", "dynamodb:GetItem"): UNSENT,
    ("sender", "dynamodb:PutItem"): UNSENT,
    ("sender", "secretsmanager:GetSecretValue"): UNSENT,
    ("sender", "events:PutEvents"): GRANTED["sender"] | {"given_back": ["early", "good"], "heard": []},
    ("sender", "sqs:SendMessage"): GRANTED["sender"] | {"given_back": ["early", "unreadable"], "dead": 0},
    ("sender", "sqs:ChangeMessageVisibility"): GRANTED["sender"] | {"early_is_back": False},
    ("reader", "dynamodb:GetItem"): GRANTED["reader"] | {"one": 503},
    ("reader", "dynamodb:Query"): GRANTED["reader"] | {"list": 503, "events": 503},
}

_TAKEN_TOO = {
    # Only where the queue refuses does ingest turn to the spool.
    ("ingest", "s3:PutObject"): ("sqs:SendMessage",),
    # Only what the bus refuses is set aside.
    ("publisher", "sqs:SendMessage"): ("events:PutEvents",),
}


@pytest.fixture
def vectorcare(guarded_stand: Stand, old_key: RSAPrivateKey) -> VectorCare:
    """Give a VectorCare that sends to the guarded stand."""
    return VectorCare(
        webhook_url=guarded_stand.deployment.webhook_url,
        private_key=old_key,
        certificate_file=guarded_stand.emulator.certificate_file,
    )


@pytest.fixture
def work(guarded_stand: Stand, vectorcare: VectorCare) -> Iterator[dict[str, Callable[[], Observation]]]:
    """Give one piece of work for each function; the queue holds still meanwhile, and all is empty before and after."""
    stand = guarded_stand
    with _event_sources_disabled(stand), subscribed(stand) as subscriber:
        _empty(stand)
        yield {
            "ingest": lambda: _ingest(stand, vectorcare),
            "processor": lambda: _process(stand),
            "drain": lambda: _drain(stand),
            "redrive": lambda: _redrive(stand, subscriber),
            "publisher": lambda: _publish(stand, subscriber),
            "sender": lambda: _send_commands(stand, subscriber),
            "reader": lambda: _read(stand),
        }
        _empty(stand)


@pytest.mark.parametrize("function", ENFORCED)
def test_with_what_is_granted_a_function_does_its_work(
    work: dict[str, Callable[[], Observation]], function: str
) -> None:
    # Given the role as the template has it, When the function works, Then all of it is done
    assert work[function]() == GRANTED[function]


@pytest.mark.parametrize(
    ("function", "action"), [(function, action) for function in ENFORCED for action in sorted(ENFORCED[function])]
)
def test_without_any_one_of_its_permissions_something_fails(
    guarded_stand: Stand, work: dict[str, Callable[[], Observation]], function: str, action: str
) -> None:
    # Given a role with one action less
    taken = (action, *_TAKEN_TOO.get((function, action), ()))
    with _without(guarded_stand, function, *taken):
        # When the function works
        seen = work[function]()
    # Then what needs the action is not done, and the rest is
    assert seen == WITHOUT[function, action]
    assert seen != GRANTED[function]


def test_the_emulator_needs_none_of_what_the_template_alone_is_tested_for(
    guarded_stand: Stand, vectorcare: VectorCare
) -> None:
    # Given roles without the actions that are said not to be enforced
    event = webhook()
    with (
        _without(guarded_stand, "ingest", *ASSERTED["ingest"]),
        _without(guarded_stand, "processor", *ASSERTED["processor"]),
        _without(guarded_stand, "drain", *ASSERTED["drain"]),
        _without(guarded_stand, "redrive", *ASSERTED["redrive"]),
        _without(guarded_stand, "publisher", *ASSERTED["publisher"]),
        _without(guarded_stand, "sender", *ASSERTED["sender"]),
        subscribed(guarded_stand) as subscriber,
        _without(guarded_stand, "reader", *ASSERTED["reader"]),
    ):
        # When a webhook and its answer go all the way, by the event sources
        answer = vectorcare.send(event.body)
        settled = guarded_stand.holdings.settle(within=QUIET_WITHIN)
        told = subscriber.heard(QUIET_WITHIN, service_request_id=event.service_request_id)
        command(guarded_stand, {"command": "accept", "service_request_id": event.service_request_id, "command_id": "a"})
        ended = subscriber.heard(QUIET_WITHIN, command_id="a")
        drained = guarded_stand.holdings.invoke("DrainFunction", {})
        redriven = guarded_stand.holdings.invoke("RedriveFunction", {"limit": 1, "dry_run": True})
        read = guarded_stand.holdings.invoke("ReaderFunction", proxy_event(ONE, event.service_request_id))
    # Then it arrives; once it does not, the emulator enforces more, and the action belongs to ENFORCED
    assert answer.status == 200
    assert settled
    assert guarded_stand.holdings.service_request(event.service_request_id) is not None
    assert (len(told), len(ended)) == (1, 1)
    assert (drained["stopped"], redriven["remaining"], read["statusCode"]) == ("empty", 0, 200)


def _ingest(stand: Stand, vectorcare: VectorCare) -> Observation:
    answer = vectorcare.send(webhook().body)
    return {"status": answer.status, "queued": stand.holdings.waiting(), "spooled": stand.holdings.spooled()}


def _process(stand: Stand) -> Observation:
    """Hand one good message and one poisonous one to the processor, as the event source does."""
    good = webhook()
    poison = b"no JSON"
    _send(stand, "QueueUrl", good.body, poison)
    records = [_record(message) for message in _receive(stand, "QueueUrl", hide=60)]
    names = {record["messageId"]: "poison" if record["body"] == poison.decode() else "good" for record in records}
    answer = stand.holdings.invoke("ProcessorFunction", {"Records": records})
    back = [message["Body"] for message in _receive(stand, "QueueUrl", hide=0)]
    return {
        "given_back": sorted(names[failure["itemIdentifier"]] for failure in answer["batchItemFailures"]),
        "journaled": bool(stand.holdings.journal(good.service_request_id)),
        "applied": stand.holdings.service_request(good.service_request_id) is not None,
        "poison_is_back": poison.decode() in back,
    }


def _drain(stand: Stand) -> Observation:
    """Have the drain empty a spool that holds one webhook."""
    Spool(stand.emulator.aws.s3, stand.deployment.outputs["SpoolBucket"]).store(_accepted(webhook().body))
    answer = stand.holdings.invoke("DrainFunction", {})
    seen = FAILED if "errorMessage" in answer else {"answer": answer}
    return seen | {"queued": stand.holdings.waiting(), "spooled": stand.holdings.spooled()}


def _redrive(stand: Stand, subscriber: Subscriber) -> Observation:
    """Have the redrive move one of two dead letters, give the other back, and publish what the bus had not taken."""
    _send(stand, "DeadLetterQueueUrl", b"no JSON", b"[]")
    answer = stand.holdings.invoke("RedriveFunction", {"reason": "not_json", "limit": 1})
    seen = FAILED if "errorMessage" in answer else {name: answer[name] for name in ("moved", "skipped", "remaining")}
    back = [message["Body"] for message in _receive(stand, "DeadLetterQueueUrl", hide=0)]
    name = new_service_request_id()
    stand.emulator.aws.sqs.send_message(
        QueueUrl=stand.deployment.outputs["UnpublishedQueueUrl"],
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
    stand.holdings.invoke("RedriveFunction", {"queue": "unpublished"})
    heard = len(subscriber.heard(service_request_id=name))
    return seen | {"queued": stand.holdings.waiting(), "skipped_is_back": "[]" in back, "heard": heard}


def _publish(stand: Stand, subscriber: Subscriber) -> Observation:
    """Hand a new service request to the publisher, as the stream does."""
    name = new_service_request_id()
    item = {
        "service_request_id": {"S": name},
        "request_status": {"S": "AVAILABLE"},
        "last_updated": {"S": "2026-03-01T12:00:00.000000Z"},
        "event_id": {"S": "event-1"},
        "revision": {"N": "1"},
    }
    answer = stand.holdings.invoke(
        "PublisherFunction", {"Records": [{"eventName": "INSERT", "dynamodb": {"NewImage": item}}]}
    )
    return {
        "failed": "errorMessage" in (answer or {}),
        "heard": len(subscriber.heard(service_request_id=name)),
        "set_aside": len(_receive(stand, "UnpublishedQueueUrl", hide=60)),
    }


def _send_commands(stand: Stand, subscriber: Subscriber) -> Observation:
    """Hand a command to the sender with one whose time has not come and one that cannot be read."""
    name, command_id = new_service_request_id(), uuid.uuid4().hex
    stand.vectorcare_api.rules.requests[name] = "AVAILABLE"
    # A new container: the old one may still have a token, and not ask for the secret.
    with environment(stand, "SenderFunction", CONTAINER=command_id):
        stand.holdings.invoke("SenderFunction", {"Records": []})  # its start shall not outlast what is soon
        soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
        state = {"command": "state_update", "service_request_id": name, "name": "en_route", "timestamp": soon}
        bodies = {
            json.dumps({"command": "accept", "service_request_id": name, "command_id": command_id}): "good",
            json.dumps(state): "early",
            "no JSON": "unreadable",
        }
        for body in bodies:
            command(stand, body)
        records = [_record(message) for message in _receive(stand, "OutboundQueueUrl", hide=60)]
        names = {record["messageId"]: bodies[record["body"]] for record in records}
        answer = stand.holdings.invoke("SenderFunction", {"Records": records})
    recorded = [item for item in stand.holdings.everything("CommandsTable") if item["command_id"] == command_id]
    return {
        "given_back": sorted(names[failure["itemIdentifier"]] for failure in answer["batchItemFailures"]),
        "sent": stand.vectorcare_api.rules.requests[name] == "ASSIGNED",
        "recorded": [item["progress"] for item in recorded] == ["ended"],
        "heard": [event["detail-type"] for event in subscriber.heard(command_id=command_id)],
        "dead": len(_receive(stand, "OutboundDeadLetterQueueUrl", hide=60)),
        "early_is_back": _is_back(stand, "early", bodies),
    }


def _is_back(stand: Stand, name: str, bodies: Mapping[str, str]) -> bool:
    """Tell whether a message is to be had again, sooner than it was hidden for when it was received."""
    deadline = time.monotonic() + 6
    while time.monotonic() < deadline:
        if name in [bodies[message["Body"]] for message in _receive(stand, "OutboundQueueUrl", hide=60)]:
            return True
        time.sleep(0.1)
    return False


def _read(stand: Stand) -> Observation:
    """Have the reader answer each of its questions about a service request that is there."""
    good = webhook()
    _send(stand, "QueueUrl", good.body)
    records = [_record(message) for message in _receive(stand, "QueueUrl", hide=60)]
    assert stand.holdings.invoke("ProcessorFunction", {"Records": records}) == {"batchItemFailures": []}
    questions = {
        "one": proxy_event(ONE, good.service_request_id),
        "list": proxy_event(LIST, status="AVAILABLE"),
        "events": proxy_event(EVENTS, good.service_request_id),
    }
    answers = {name: stand.holdings.invoke("ReaderFunction", event) for name, event in questions.items()}
    return {name: answer["statusCode"] for name, answer in answers.items()}


def _accepted(body: bytes) -> Webhook:
    return Webhook(body=body, signature="checked by ingest alone", received_at="2026-03-01T12:00:00.000000Z")


def _send(stand: Stand, queue_output: str, *bodies: bytes) -> None:
    for body in bodies:
        message = encode(_accepted(body))
        stand.emulator.aws.sqs.send_message(
            QueueUrl=stand.deployment.outputs[queue_output],
            MessageBody=message["MessageBody"],
            MessageAttributes=message["MessageAttributes"],
        )


def _receive(stand: Stand, queue_output: str, *, hide: int) -> list[Any]:
    messages: list[Any] = stand.emulator.aws.sqs.receive_message(
        QueueUrl=stand.deployment.outputs[queue_output],
        MaxNumberOfMessages=10,
        VisibilityTimeout=hide,
        AttributeNames=["All"],
        MessageAttributeNames=["All"],
    ).get("Messages", [])
    return messages


def _record(message: dict[str, Any]) -> dict[str, Any]:
    """Write a received message as Lambda hands it to a function."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {
            name: {"stringValue": attribute["StringValue"], "dataType": attribute["DataType"]}
            for name, attribute in message.get("MessageAttributes", {}).items()
        },
    }


@contextmanager
def _without(stand: Stand, function: str, *actions: str) -> Iterator[None]:
    """Take actions away from a function's role for as long as the block lasts; each must have been granted."""
    aws = stand.emulator.aws
    iam = aws.make("iam")
    name = stand.deployment.outputs[f"{function.capitalize()}Function"]
    role = aws.functions.get_function_configuration(FunctionName=name)["Role"].rsplit("/", 1)[-1]
    (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    granted = {action for statement in document["Statement"] for action in listed(statement["Action"])}
    assert granted >= set(actions)
    kept = [
        statement | {"Action": left}
        for statement in document["Statement"]
        if (left := [action for action in listed(statement["Action"]) if action not in actions])
    ]
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document | {"Statement": kept}))
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))


@contextmanager
def _event_sources_disabled(stand: Stand) -> Iterator[None]:
    """Keep what is on queues and stream there, for as long as the block lasts."""
    functions = stand.emulator.aws.functions
    mappings = functions.list_event_source_mappings()["EventSourceMappings"]
    assert len(mappings) == 3
    for mapping in mappings:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        for mapping in mappings:
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def _empty(stand: Stand) -> None:
    aws, outputs = stand.emulator.aws, stand.deployment.outputs
    for queue in (
        "QueueUrl",
        "DeadLetterQueueUrl",
        "UnpublishedQueueUrl",
        "OutboundQueueUrl",
        "OutboundDeadLetterQueueUrl",
    ):
        aws.sqs.purge_queue(QueueUrl=outputs[queue])
    for item in stand.holdings.everything("CommandsTable"):
        # The circuit breaker's too: what one control lacked must not keep the next from sending.
        aws.dynamodb.delete_item(TableName=outputs["CommandsTable"], Key={"command_id": {"S": str(item["command_id"])}})
    for stored in aws.s3.list_objects_v2(Bucket=outputs["SpoolBucket"]).get("Contents", []):
        aws.s3.delete_object(Bucket=outputs["SpoolBucket"], Key=stored["Key"])
