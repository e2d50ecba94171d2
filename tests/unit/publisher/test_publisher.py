"""Every change reaches the bus, or the queue of unpublished events."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from unittest import mock

import boto3
import pytest
from boto3.dynamodb.types import TypeSerializer
from moto import mock_aws

from tests.support import events, faults
from tests.support.cloud import CREDENTIALS, Context, create_bus, fresh_handler
from tests.support.patience import Patience
from tests.unit.conftest import Output
from tests.unit.publisher.test_change import NAME, item


class Subscribed:
    """A bus with one subscriber, which is a queue, and the publisher before it."""

    def __init__(self, *, publish_data: str = "false", publish_actions: str = "*") -> None:
        self.sqs = boto3.client("sqs")
        self.unpublished_url = self.sqs.create_queue(QueueName="unpublished")["QueueUrl"]
        self.url = create_bus(self.sqs, boto3.client("events"))
        environment = {
            "EVENT_BUS": "bus",
            "UNPUBLISHED_QUEUE_URL": self.unpublished_url,
            "PUBLISH_DATA": publish_data,
            "PUBLISH_ACTIONS": publish_actions,
        }
        with mock.patch.dict("os.environ", environment):
            self.handler = fresh_handler("publisher").handler

    def stream(self, *changes: tuple[dict[str, Any] | None, dict[str, Any] | None], seconds: int = 180) -> None:
        """Deliver changes of items as the table's stream does, to a function that has so many seconds."""
        records = [_record(old, new) for old, new in changes]
        self.handler({"Records": records}, Context(remaining_ms=seconds * 1000))

    def published(self) -> list[dict[str, Any]]:
        """Read what the subscriber got; each obeys its schema."""
        published = [json.loads(body, parse_float=Decimal) for body in self._bodies(self.url)]
        for event in published:
            events.check(event["detail-type"], event["detail"])
        return published

    def unpublished(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self._bodies(self.unpublished_url)]

    def _bodies(self, url: str) -> Iterator[str]:
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                yield message["Body"]


def _record(old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any]:
    images = {
        name: {key: TypeSerializer().serialize(value) for key, value in image.items()}
        for name, image in (("OldImage", old), ("NewImage", new))
        if image is not None
    }
    name = "REMOVE" if new is None else "MODIFY" if old else "INSERT"
    return {"eventName": name, "dynamodb": images}


@pytest.fixture
def moto_is_aws() -> Iterator[None]:
    with mock.patch.dict("os.environ", CREDENTIALS), mock_aws():
        yield


@pytest.fixture
def subscribed(moto_is_aws: None) -> Subscribed:  # noqa: ARG001 the bus is moto's
    return Subscribed()


def test_a_change_reaches_the_subscriber(subscribed: Subscribed) -> None:
    # When a request comes in, is assigned, and expires
    subscribed.stream((None, item()), (item(), item(request_status="ASSIGNED", event_id="event-2", revision=2)))
    subscribed.stream((item(), None))
    # Then the first two are events, without patient data, and the removal makes no event
    first, second = subscribed.published()
    assert (first["source"], first["detail-type"]) == ("vectorcare-bridge", "ServiceRequestAvailable")
    assert second["detail-type"] == "ServiceRequestAssigned"
    assert second["detail"]["revision"] == 2
    assert NAME not in json.dumps([first, second])


@pytest.mark.usefixtures("moto_is_aws")
def test_only_an_organization_that_asks_for_it_publishes_data() -> None:
    with_data = Subscribed(publish_data="true")
    with_data.stream((None, item()))
    assert with_data.published()[0]["detail"]["data"]["patient_first_name"] == NAME


@pytest.mark.usefixtures("moto_is_aws")
def test_only_the_actions_of_the_file_are_published() -> None:
    choosy = Subscribed(publish_actions="BROADCAST_ACCEPTED,BROADCAST_CANCELED")
    choosy.stream((None, item()), (None, item(service_request_id="VC-2", action="BROADCAST_ACCEPTED")))
    assert [event["detail"]["service_request_id"] for event in choosy.published()] == ["VC-2"]


@pytest.mark.usefixtures("moto_is_aws", "patience")
def test_an_event_that_the_bus_does_not_take_is_queued_without_patient_data(output: Output) -> None:
    # Given a bus that refuses, for an organization that publishes data
    with_data = Subscribed(publish_data="true")
    with faults.failing("PutEvents", error=lambda: faults.refusal("X")):
        # When a change comes
        with_data.stream((None, item()))
    # Then the finished event waits in the queue, and neither it nor the log holds a name
    [queued] = with_data.unpublished()
    assert queued["detail_type"] == "ServiceRequestAvailable"
    assert queued["detail"]["revision"] == 1
    text = output.text()
    assert '"event.unpublished"' in text
    assert NAME not in json.dumps(queued) + text


def test_an_event_is_queued_before_the_functions_time_is_over(subscribed: Subscribed, patience: Patience) -> None:
    # Given a bus that refuses, and a minute and two seconds
    with faults.failing("PutEvents", error=lambda: faults.refusal("InternalFailure")):
        subscribed.stream((None, item()), seconds=62)
    # When a change comes, Then a minute is left for queueing it
    assert len(subscribed.unpublished()) == 1
    assert 0 < sum(patience.waits) <= 2


@pytest.mark.usefixtures("patience")
def test_when_neither_bus_nor_queue_takes_it_the_stream_keeps_it(subscribed: Subscribed, output: Output) -> None:
    # Given neither bus nor queue
    with (
        faults.failing("PutEvents", "SendMessage", error=lambda: faults.refusal("X")),
        # When a change comes, Then the batch is refused as a whole, and the error says nothing
        pytest.raises(Exception, match=r"^$"),
    ):
        subscribed.stream((None, item()))
    assert NAME not in output.text()


@pytest.mark.usefixtures("moto_is_aws")
@pytest.mark.parametrize(
    "by_hand",
    [{"service_request_id": "VC-HAND", "data": "by hand"}, item(data={"note": b"no JSON"}), item(data={"tags": {"a"}})],
    ids=["no status", "bytes", "a set"],
)
def test_an_item_written_by_hand_does_not_hold_up_the_others(by_hand: dict[str, Any], output: Output) -> None:
    # Given an item that is no service request, or cannot be published, before one that is whole
    subscribed = Subscribed(publish_data="true")
    subscribed.stream((None, by_hand), (None, item()))
    # When the subscriber looks, Then it has the whole one, and the other is counted
    assert len(subscribed.published()) == 1
    assert '"ChangeUnreadable":[1.0]' in output.text().replace(" ", "")
