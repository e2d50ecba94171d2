"""Every change reaches the bus, or the queue of what the bus did not take."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from unittest import mock

import boto3
import pytest
from boto3.dynamodb.types import TypeSerializer
from botocore.client import BaseClient
from moto import mock_aws

from tests.support import events, faults
from tests.support.cloud import CREDENTIALS, Context, fresh_handler
from tests.support.patience import Patience
from tests.unit.conftest import Output
from tests.unit.publisher.test_change import NAME, item

QUEUE_OF_ALL_EVENTS = "all-events"
REFUSED = "VC-REFUSED"


class Subscribed:
    """A bus with one subscriber, which is a queue, and the publisher before it."""

    def __init__(self, *, publish_data: str = "false", publish_actions: str = "*") -> None:
        self.sqs = boto3.client("sqs")
        bridge = boto3.client("events")
        bridge.create_event_bus(Name="bus")
        self.unpublished_url = self.sqs.create_queue(QueueName="unpublished")["QueueUrl"]
        self.url = self.sqs.create_queue(QueueName=QUEUE_OF_ALL_EVENTS)["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:123456789012:{QUEUE_OF_ALL_EVENTS}"
        bridge.put_rule(Name="all", EventBusName="bus", EventPattern=json.dumps({"source": ["vectorcare-bridge"]}))
        bridge.put_targets(Rule="all", EventBusName="bus", Targets=[{"Id": "queue", "Arn": arn}])
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
        """Read what was set aside."""
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


@contextmanager
def bus_refusing(code: str, *, times: int) -> Iterator[None]:
    """Let the bus refuse the change of one service request so many times, and take what else is in the call."""
    original = BaseClient._make_api_call  # type: ignore[attr-defined]  # the one place all calls pass
    left = [True] * times

    def call(self: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        entries = parameters.get("Entries", ())
        refused = [entry for entry in entries if REFUSED in entry["Detail"]]
        if operation != "PutEvents" or not refused or not left:
            return original(self, operation, parameters)
        left.pop()
        others = [entry for entry in entries if entry not in refused]
        taken = iter(original(self, operation, {"Entries": others})["Entries"] if others else ())
        return {"Entries": [{"ErrorCode": code} if entry in refused else next(taken) for entry in entries]}

    with mock.patch.object(BaseClient, "_make_api_call", call):
        yield


@pytest.fixture
def moto_is_aws() -> Iterator[None]:
    """Let moto answer in place of AWS."""
    with mock.patch.dict("os.environ", CREDENTIALS), mock_aws():
        yield


@pytest.fixture
def subscribed(moto_is_aws: None) -> Subscribed:  # noqa: ARG001 the bus is moto's
    """Give a bus that carries no data."""
    return Subscribed()


def test_a_change_reaches_the_subscriber(subscribed: Subscribed) -> None:
    # When a request comes in, is assigned, and expires
    subscribed.stream((None, item()), (item(), item(request_status="ASSIGNED", event_id="event-2", revision=2)))
    subscribed.stream((item(), None))
    # Then the first two are events, without patient data, and the removal is none
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


def test_more_changes_than_one_call_takes_are_all_published(subscribed: Subscribed) -> None:
    subscribed.stream(*((None, item(service_request_id=f"VC-{number}")) for number in range(25)))
    assert len({event["detail"]["service_request_id"] for event in subscribed.published()}) == 25


@pytest.mark.usefixtures("moto_is_aws", "patience")
def test_what_the_bus_does_not_take_is_set_aside_without_patient_data(output: Output) -> None:
    # Given a bus that refuses, for an organization that publishes data
    with_data = Subscribed(publish_data="true")
    with faults.failing("PutEvents", error=lambda: faults.refusal("X")):
        # When a change comes
        with_data.stream((None, item()))
    # Then the finished event waits in the queue, and neither it nor the log holds a name
    [aside] = with_data.unpublished()
    assert aside["detail_type"] == "ServiceRequestAvailable"
    assert aside["detail"]["revision"] == 1
    text = output.text()
    assert '"event.unpublished"' in text
    assert NAME not in json.dumps(aside) + text


@pytest.mark.usefixtures("moto_is_aws")
def test_one_that_the_bus_refuses_does_not_keep_the_others_back() -> None:
    # Given a bus that refuses one of three changes for good
    with_data = Subscribed(publish_data="true")
    with bus_refusing("NotAuthorizedForDetailTypeException", times=99):
        # When the batch is published
        with_data.stream(
            (None, item()), (None, item(service_request_id=REFUSED)), (None, item(service_request_id="VC-3"))
        )
    # Then the others arrive, and that one waits without its data
    assert {event["detail"]["service_request_id"] for event in with_data.published()} == {"VC-TEST0001", "VC-3"}
    [aside] = with_data.unpublished()
    assert aside["detail"]["service_request_id"] == REFUSED
    assert "data" not in aside["detail"]


@pytest.mark.parametrize("code", ["InternalFailure", "ThrottlingException"])
def test_a_change_that_the_bus_refuses_once_needs_nobody(
    subscribed: Subscribed, patience: Patience, output: Output, code: str
) -> None:
    # Given a bus that refuses one of two changes once
    with bus_refusing(code, times=1):
        subscribed.stream((None, item()), (None, item(service_request_id=REFUSED)))
    # When the subscriber looks, Then it has both, after a wait, and nothing is set aside
    assert {event["detail"]["service_request_id"] for event in subscribed.published()} == {"VC-TEST0001", REFUSED}
    assert subscribed.unpublished() == []
    assert len(patience.waits) == 1
    assert '"Unpublished":[0.0]' in output.text().replace(" ", "")


def test_a_change_that_the_bus_goes_on_refusing_is_set_aside(subscribed: Subscribed, patience: Patience) -> None:
    with bus_refusing("InternalFailure", times=99):
        subscribed.stream((None, item(service_request_id=REFUSED)))
    assert [aside["detail"]["service_request_id"] for aside in subscribed.unpublished()] == [REFUSED]
    assert len(patience.waits) == 6


def test_a_change_is_set_aside_before_the_functions_time_is_over(subscribed: Subscribed, patience: Patience) -> None:
    # Given a bus that refuses, and a minute and two seconds
    with bus_refusing("InternalFailure", times=99):
        subscribed.stream((None, item(service_request_id=REFUSED)), seconds=62)
    # When a change comes, Then a minute is left for setting it aside
    assert len(subscribed.unpublished()) == 1
    assert 0 < sum(patience.waits) <= 2


@pytest.mark.usefixtures("moto_is_aws")
def test_what_is_too_large_for_an_event_is_published_without_it() -> None:
    # Given a change with more data, and one with longer names of fields, than an event may hold
    with_data = Subscribed(publish_data="true")
    large = item(service_request_id="VC-DATA", data={"note": "x" * 300_000})
    names = [{f"{letter * 30_000}{number}": 1 for number in range(4)} for letter in "\u00e9\u00fc"]
    before, after = (item(service_request_id="VC-NAMES", revision=n, data=one) for n, one in enumerate(names, 1))
    # When they are published among others
    with_data.stream((None, item()), (None, large), (before, after), (None, item(service_request_id="VC-4")))
    # Then all arrive, and nothing is set aside
    told = {event["detail"]["service_request_id"]: event["detail"] for event in with_data.published()}
    assert told.keys() == {"VC-TEST0001", "VC-DATA", "VC-NAMES", "VC-4"}
    assert with_data.unpublished() == []
    # And they say so
    assert "data" in told["VC-4"]
    assert "data" not in told["VC-DATA"] | told["VC-NAMES"]
    assert (told["VC-DATA"]["changed_fields"], told["VC-NAMES"]["changed_fields"]) == (["note"], None)


@pytest.mark.usefixtures("moto_is_aws")
def test_numbers_reach_the_subscriber_with_every_digit() -> None:
    # Given an organization that publishes data, and a bus that hands on what it is given, which moto does not
    with_data = Subscribed(publish_data="true")
    put = []

    def call(_self: BaseClient, _operation: str, parameters: dict[str, Any]) -> Any:
        put.extend(parameters["Entries"])
        return {"Entries": [{"EventId": "invented"} for _entry in parameters["Entries"]]}

    # When a number comes that a float would change
    with mock.patch.object(BaseClient, "_make_api_call", call):
        with_data.stream((None, item(data={"n": Decimal("12345678901234567.89")})))
    # Then its digits are there
    assert '"n":12345678901234567.89' in put[0]["Detail"]


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
def test_an_item_that_a_hand_has_made_does_not_hold_up_the_others(by_hand: dict[str, Any], output: Output) -> None:
    # Given an item that is no service request, or cannot be published, before one that is whole
    subscribed = Subscribed(publish_data="true")
    subscribed.stream((None, by_hand), (None, item()))
    # When the subscriber looks, Then it has the whole one, and the other is counted
    assert len(subscribed.published()) == 1
    assert '"ChangeUnreadable":[1.0]' in output.text().replace(" ", "")
