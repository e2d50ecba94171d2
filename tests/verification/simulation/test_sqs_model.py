"""The model of SQS answers as moto and ministack do, to the same random calls.

If an emulator differs, AWS's documentation is the judge, and the model follows it:

- An old receipt handle deletes always in moto and never in ministack. "DeleteMessage": it might. The model lets chance
  decide; here all use the last one.
- Deleting what is gone is an error in both. "DeleteMessage": a deleted message's handle is no error. Here what is left
  is compared, and not the answer.
- A change of visibility of what is gone is refused by all, with different codes. The functions look at none.
- moto takes any character, no character at all, and counts characters; both count no attributes. API reference,
  SendMessage: characters outside of XML 1.0's are refused; "Message quotas": bytes, attributes included.
- The order of messages is the emulators' own; SQS promises none, so what is received is compared as a set, and never
  are there more messages than one call receives.
"""

import itertools
import json
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.emulators import Emulator
from verification.simulation.models.errors import Exceptions
from verification.simulation.models.queue import QueueModel
from verification.simulation.models.sqs import SQS

CALLS = 250
MAX_RECEIVES = 3
MOST_MESSAGES = 10
QUEUES = ("queue", "dead letters")
numbers = itertools.count()

Handles = dict[str, list[str]]


class Side:
    """One of the two, with the receipt handles that it gave for each body."""

    def __init__(self, client: Any, urls: dict[str, str]) -> None:
        self.client = client
        self.urls = urls
        self.handles: dict[str, Handles] = {name: {} for name in QUEUES}

    def send(self, body: str, attributes: dict[str, Any]) -> Any:
        """Send; answer an error's code or None."""
        return self._try("send_message", QueueUrl=self.urls["queue"], MessageBody=body, MessageAttributes=attributes)

    def receive(self, queue: str, visibility_timeout: int) -> Any:
        """Receive all that is visible; answer what it is, in the order of bodies."""
        messages = self.client.receive_message(
            QueueUrl=self.urls[queue],
            MaxNumberOfMessages=MOST_MESSAGES,
            VisibilityTimeout=visibility_timeout,
            MessageAttributeNames=["All"],
            AttributeNames=["ApproximateReceiveCount"],
        ).get("Messages", [])
        for message in messages:
            self.handles[queue].setdefault(message["Body"], []).append(message["ReceiptHandle"])
        return sorted(
            (
                message["Body"],
                message["Attributes"]["ApproximateReceiveCount"],
                sorted((name, value["StringValue"]) for name, value in message.get("MessageAttributes", {}).items()),
            )
            for message in messages
        )

    def delete(self, queue: str, body: str) -> Any:
        """Delete; answer what is left."""
        handle = self.handles[queue][body][-1]
        self._try("delete_message", QueueUrl=self.urls[queue], ReceiptHandle=handle)
        return self.counts(queue)

    def hide(self, queue: str, body: str, seconds: int) -> Any:
        """Change when a message is visible; answer whether that was refused."""
        parameters = {"QueueUrl": self.urls[queue], "ReceiptHandle": self.handles[queue][body][-1]}
        return self._try("change_message_visibility", **parameters, VisibilityTimeout=seconds) is not None

    def counts(self, queue: str) -> Any:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return self.client.get_queue_attributes(QueueUrl=self.urls[queue], AttributeNames=names)["Attributes"]

    def _try(self, operation: str, **parameters: Any) -> Any:
        try:
            getattr(self.client, operation)(**parameters)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return None


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def model(clock: Clock) -> Side:
    dead_letters = QueueModel()
    queue = QueueModel(max_receives=MAX_RECEIVES, dead_letters=dead_letters)
    sqs = SQS({"queue": queue, "dead letters": dead_letters}, clock=clock, random=Random(0))
    return Side(sqs, {name: name for name in QUEUES})


def emulated(emulator: Emulator) -> Side:
    sqs = emulator.client("sqs")
    number = next(numbers)
    dead = sqs.create_queue(QueueName=f"dead-{number}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": str(MAX_RECEIVES)})
    url = sqs.create_queue(QueueName=f"queue-{number}", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    return Side(sqs, {"queue": url, "dead letters": dead})


def attributes(random: Random) -> dict[str, Any]:
    names = random.sample(("source", "signature", "encoding"), random.randrange(3))
    return {name: {"DataType": "String", "StringValue": random.choice(("a", "Zoë"))} for name in names}


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in (1, 2))])
def test_the_same_calls_are_answered_alike(emulator: Emulator, seed: int) -> None:
    # Given a queue with dead letters in both
    random, clock = Random(seed), Clock()
    sides = (model(clock), emulated(emulator))
    alive: set[str] = set()
    for number in range(CALLS):
        queue = random.choice(("queue", "queue", "dead letters"))
        known = sorted(sides[0].handles[queue])
        if emulator.advance:
            # moto takes what becomes visible now for hidden still.
            clock.now += 0.01
            emulator.advance(0.01)
        # When both are called alike
        match random.choice(("send", "receive", "delete", "hide", "wait", "count")):
            case "send" if len(alive) < MOST_MESSAGES:
                body, given = f"body {number}", attributes(random)
                alive.add(body)
                answers = [side.send(body, given) for side in sides]
            case "receive":
                timeout = random.choice((0, 5, 30)) if emulator.advance else random.choice((0, 600))
                answers = [side.receive(queue, timeout) for side in sides]
            case "delete" if known:
                body = random.choice(known)
                answers = [side.delete(queue, body) for side in sides]
                if queue == "dead letters" or body not in sides[0].handles["dead letters"]:
                    alive.discard(body)
            case "hide" if known:
                body = random.choice(known)
                seconds = random.choice((0, 20)) if emulator.advance else random.choice((0, 600))
                answers = [side.hide(queue, body, seconds) for side in sides]
            case "wait" if emulator.advance:
                passed = random.choice((1, 10, 40)) + 0.5
                clock.now += passed
                emulator.advance(passed)
                continue
            case "count":
                answers = [side.counts(queue) for side in sides]
            case _:
                continue
        # Then they answer alike
        assert answers[0] == answers[1], number


@pytest.mark.nightly
@pytest.mark.parametrize(
    "body",
    [
        "",
        "\u0000",
        "\u0008",
        "\ufffe",
        "\uffff",
        "\t\n\r \ud7ff\ue000\ufffd\U0010ffff",
        "x" * 1024 * 1024,
        "x" * (1024 * 1024 + 1),
        "ë" * 512 * 1024 + "x",
    ],
    ids=["empty", "NUL", "backspace", "U+FFFE", "U+FFFF", "odd", "1 MiB", "more", "more in UTF-8"],
)
def test_bodies_are_taken_and_refused_alike(ministack: Emulator, body: str) -> None:
    answers = [side.send(body, {}) is None for side in (model(Clock()), emulated(ministack))]
    assert answers[0] == answers[1]


def test_attributes_count_towards_the_size() -> None:
    attribute = {"a": {"DataType": "String", "StringValue": "x" * 10}}
    assert model(Clock()).send("x" * (1024 * 1024 - 16), attribute) == "InvalidParameterValue"
    assert model(Clock()).send("x" * (1024 * 1024 - 17), attribute) is None


def test_too_many_messages_in_flight_are_an_over_limit() -> None:
    # Given a queue whose limit is one
    sqs = SQS({"queue": QueueModel(in_flight_limit=1)}, clock=Clock(), random=Random(0))
    for _ in range(2):
        sqs.send_message(QueueUrl="queue", MessageBody="x")
    # When one is in flight, Then no other can be received
    sqs.receive_message(QueueUrl="queue")
    with pytest.raises(Exceptions.OverLimit):
        sqs.receive_message(QueueUrl="queue")
