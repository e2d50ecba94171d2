"""The reader's answers and log lines, over tables that the processor has filled."""

import json
from typing import Any

import boto3
import pytest

from reader import page_token, request
from tests.support import faults
from tests.support.cloud import NOW, Cloud
from tests.support.reading import EVENTS, LIST, ONE, complaints, proxy_event
from tests.support.webhooks import INVENTED_NAME, body
from tests.unit.conftest import Output
from vectorcare_bridge import utc_timestamp

LONG_AGO = utc_timestamp.epoch_seconds(NOW)


def deliver(cloud: Cloud, *bodies: bytes) -> None:
    for raw in bodies:
        assert cloud.post(raw)[0] == 200
        assert cloud.process() == []


def webhook(minute: int, name: str = "VC-TEST0001", **changes: Any) -> bytes:
    """Make a webhook of a given minute of one morning; its event id says which."""
    at = f"2026-03-01T10:{minute:02}:00Z"
    return body(**{"event_id": f"e{minute:02}", "event_timestamp": at, "service_request_id": name} | changes)


def ask(cloud: Cloud, resource: str, name: str | None = None, /, **query: str | list[str]) -> tuple[int, Any]:
    """Ask; the answer has to be one that the OpenAPI document describes."""
    answer = cloud.invoke("reader", proxy_event(resource, name, **query))
    content = json.loads(answer["body"])
    assert not complaints(resource, answer["statusCode"], content)
    return answer["statusCode"], content


def pages(cloud: Cloud, resource: str, name: str | None = None, /, **query: str) -> list[list[Any]]:
    found: list[list[Any]] = []
    while True:
        status, answer = ask(cloud, resource, name, **query)
        assert status == 200
        token = answer.pop("next_token")
        found.append(*answer.values())
        if token is None:
            return found
        query["next_token"] = token


def expire(cloud: Cloud, table: str, key: dict[str, str], at: int) -> None:
    assert cloud.dynamodb  # the clients' region is set
    boto3.resource("dynamodb").Table(table).update_item(
        Key=key, UpdateExpression="SET expires_at = :at", ExpressionAttributeValues={":at": at}
    )


def test_one_service_request_is_all_that_its_item_holds(cloud: Cloud) -> None:
    # Given a request that became unavailable: its last known data stays
    deliver(cloud, webhook(0), webhook(5, request_status="UNAVAILABLE", action="BROADCAST_CANCELED", data=None))
    # When it is read
    status, answer = ask(cloud, ONE, "VC-TEST0001")
    # Then
    assert status == 200
    assert answer.pop("received_at") < answer.pop("updated_at")
    state = cloud.state()
    assert state is not None
    assert answer == {
        "service_request_id": "VC-TEST0001",
        "request_status": "UNAVAILABLE",
        "action": "BROADCAST_CANCELED",
        "last_updated": "2026-03-01T10:05:00.000000Z",
        "event_id": "e05",
        "revision": state["revision"],
        "data": {"patient_first_name": INVENTED_NAME, "patient_weight_kg": 81.5, "hospice": None},
        "data_as_of": "2026-03-01T10:00:00.000000Z",
        "data_event_id": "e00",
    }


def test_head_is_answered_as_get_is_without_a_body(cloud: Cloud) -> None:
    # Given one service request
    deliver(cloud, webhook(0))
    for event in (
        proxy_event(ONE, "VC-TEST0001"),
        proxy_event(EVENTS, "VC-TEST0001", limit="1"),
        proxy_event(LIST, status="AVAILABLE"),
        proxy_event(ONE, "VC-NEVER"),
        proxy_event(LIST, status="OPEN"),
        proxy_event("/other"),
    ):
        # When GET and HEAD ask the same, Then
        assert cloud.invoke("reader", event | {"httpMethod": "HEAD"}) == cloud.invoke("reader", event) | {"body": ""}
    # And if the tables do not answer
    with faults.failing("GetItem"):
        asked = proxy_event(ONE, "VC-TEST0001")
        assert cloud.invoke("reader", asked | {"httpMethod": "HEAD"}) == cloud.invoke("reader", asked) | {"body": ""}


def test_missing_fields_of_a_request_are_null(cloud: Cloud) -> None:
    deliver(cloud, webhook(0, request_status="UNAVAILABLE", action=..., data=None))
    answer = ask(cloud, ONE, "VC-TEST0001")[1]
    assert [answer[name] for name in ("action", "data", "data_as_of", "data_event_id")] == [None] * 4


def test_a_list_is_newest_first_and_holds_one_status(cloud: Cloud) -> None:
    # Given requests in two statuses, delivered out of order
    deliver(cloud, webhook(3, "VC-C"), webhook(1, "VC-A"), webhook(2, "VC-B"), webhook(4, "VC-D"))
    deliver(cloud, webhook(5, "VC-D", request_status="ASSIGNED"))
    # When the available ones are listed, Then
    (found,) = pages(cloud, LIST, status="AVAILABLE")
    assert [each["service_request_id"] for each in found] == ["VC-C", "VC-B", "VC-A"]
    # And each is as it is read alone
    assert found[0] == ask(cloud, ONE, "VC-C")[1]


def test_pages_hold_each_request_once_in_the_order_of_the_whole_list(cloud: Cloud) -> None:
    # Given seven requests, two of them from the same time
    names = [f"VC-{number}" for number in range(7)]
    deliver(cloud, *(webhook(min(number, 5), name) for number, name in enumerate(names)))
    (whole,) = pages(cloud, LIST, status="AVAILABLE")
    assert len(whole) == 7
    for limit in (1, 3, 7, 8):
        # When they are listed by pages
        found = pages(cloud, LIST, status="AVAILABLE", limit=str(limit))
        # Then
        assert [each for page in found for each in page] == whole
        assert max(len(page) for page in found) == min(limit, 7)


def test_events_are_the_journal_by_event_id(cloud: Cloud) -> None:
    # Given three webhooks out of order, one of them twice, and one with other bytes under a known id
    raw = webhook(2, request_status="ASSIGNED", data={"miles": 3})
    deliver(cloud, webhook(5, request_status="UNAVAILABLE", data=None), raw, raw, webhook(0), webhook(0, data={}))
    # When they are read by pages of two
    found = [each for page in pages(cloud, EVENTS, "VC-TEST0001", limit="2") for each in page]
    # Then
    assert [(each["event_id"].partition("#")[0], each["redelivery_of"]) for each in found] == [
        ("e00", None),
        ("e00", "e00"),
        ("e02", None),
        ("e05", None),
    ]
    assert [each["request_status"] for each in found] == ["AVAILABLE", "AVAILABLE", "ASSIGNED", "UNAVAILABLE"]
    assert [each["data"] for each in found[1:]] == [{}, {"miles": 3}, None]
    assert found[2]["last_updated"] == "2026-03-01T10:02:00.000000Z"


def test_an_unreadable_entry_hides_no_other(cloud: Cloud) -> None:
    # Given a journal with one entry that today's rules cannot read
    deliver(cloud, webhook(0), webhook(1))
    key = {"service_request_id": "VC-TEST0001", "event_id": "e00"}
    boto3.resource("dynamodb").Table("events").update_item(
        Key=key, UpdateExpression="SET body = :b", ExpressionAttributeValues={":b": b"no JSON"}
    )
    # When
    status, answer = ask(cloud, EVENTS, "VC-TEST0001")
    # Then
    assert (status, [each["request_status"] for each in answer["events"]]) == (200, [None, "AVAILABLE"])


def test_numbers_keep_every_digit(cloud: Cloud) -> None:
    # Given numbers that a float would change
    numbers = "[12345678901234567890123456789012345678,0.1234567890123456789012345678901234567,100,-12.50,0,1e120,1E-7]"
    deliver(cloud, webhook(0, data={"n": "@"}).replace(b'"@"', numbers.encode()))
    # When they are read
    written = cloud.invoke("reader", proxy_event(ONE, "VC-TEST0001"))["body"]
    journaled = cloud.invoke("reader", proxy_event(EVENTS, "VC-TEST0001"))["body"]
    # Then they are the same numbers, whole ones in digits
    whole = "[12345678901234567890123456789012345678,0.1234567890123456789012345678901234567,100,-12.5,0,1E+120,1E-7]"
    assert f'"n":{whole}' in written
    assert f'"n":{whole}' in journaled


@pytest.mark.parametrize("resource", [ONE, EVENTS])
def test_an_answer_about_one_request_is_strongly_consistent(cloud: Cloud, resource: str) -> None:
    # Given a request that has just come in
    deliver(cloud, webhook(0))
    # When it is read right away, Then it is there
    with faults.lagging_replicas():
        assert ask(cloud, resource, "VC-TEST0001")[0] == 200


@pytest.mark.parametrize("name", ["VC-Ünïcode 1/2?x=1", 'VC-"quoted"\\ A%2FB+C'])
def test_an_id_may_be_any_text(cloud: Cloud, name: str) -> None:
    deliver(cloud, webhook(0, name))
    for resource in (ONE, EVENTS):
        assert ask(cloud, resource, name)[0] == 200
    assert ask(cloud, LIST, status="AVAILABLE")[1]["service_requests"][0]["service_request_id"] == name


@pytest.mark.parametrize("name", ["VC-NEVER", "", "unreadable"])
@pytest.mark.parametrize("resource", [ONE, EVENTS])
def test_an_unknown_service_request_is_404(cloud: Cloud, resource: str, name: str) -> None:
    # The journal keeps unreadable webhooks under `unreadable`.
    cloud.post(b"not JSON")
    cloud.process()
    assert ask(cloud, resource, name) == (404, {"error": "no such service request"})


@pytest.mark.parametrize(("seconds", "is_there"), [(-86_400, False), (0, False), (1, True)])
def test_expired_items_are_hidden_while_dynamodb_still_has_them(cloud: Cloud, seconds: int, is_there: bool) -> None:
    # Given a request, its entry, and one that stays; the clock has ticked less than a second since NOW
    deliver(cloud, webhook(1), webhook(0, "VC-STAYS"))
    expire(cloud, "service_requests", {"service_request_id": "VC-TEST0001"}, LONG_AGO + seconds)
    expire(cloud, "events", {"service_request_id": "VC-TEST0001", "event_id": "e01"}, LONG_AGO + seconds)
    # When
    one, events = (ask(cloud, resource, "VC-TEST0001")[0] for resource in (ONE, EVENTS))
    listed = [each["service_request_id"] for (each,) in filter(None, pages(cloud, LIST, status="AVAILABLE", limit="1"))]
    # Then
    assert (one, events) == ((200, 200) if is_there else (404, 404))
    assert listed == (["VC-TEST0001"] if is_there else []) + ["VC-STAYS"]


def test_an_entirely_expired_page_does_not_hide_the_next_one(cloud: Cloud) -> None:
    # Given a journal whose first entry has expired
    deliver(cloud, webhook(0), webhook(1))
    expire(cloud, "events", {"service_request_id": "VC-TEST0001", "event_id": "e00"}, LONG_AGO)
    # When it is read one by one, Then the second is there
    found = pages(cloud, EVENTS, "VC-TEST0001", limit="1")
    assert [[each["event_id"] for each in page] for page in found[:2]] == [[], ["e01"]]


def test_the_page_after_the_last_event_is_empty_and_no_error(cloud: Cloud) -> None:
    # Given a journal, and a token that leads on from its only entry, as DynamoDB gives one at the end of a full page
    deliver(cloud, webhook(0))
    token = page_token.encode({"event_id": "e00"}, query=f"{request.EVENTS} VC-TEST0001")
    # When it is followed, Then nothing comes
    assert ask(cloud, EVENTS, "VC-TEST0001", next_token=token) == (200, {"events": [], "next_token": None})


@pytest.mark.parametrize(
    "error", [faults.unreachable, lambda: faults.refusal("ProvisionedThroughputExceededException")]
)
@pytest.mark.parametrize(
    ("event", "operation"),
    [
        (proxy_event(ONE, "VC-TEST0001"), "GetItem"),
        (proxy_event(EVENTS, "VC-TEST0001"), "Query"),
        (proxy_event(LIST, status="AVAILABLE"), "Query"),
    ],
)
def test_without_the_table_the_answer_says_only_when_to_try_again(
    cloud: Cloud, output: Output, event: dict[str, Any], operation: str, error: Any
) -> None:
    # Given a table that cannot be read, When it is asked
    with faults.failing(operation, error=error):
        answer = cloud.invoke("reader", event)
    # Then
    assert answer["statusCode"] == 503
    assert answer["headers"]["Retry-After"] == "5"
    assert json.loads(answer["body"]) == {"error": "try again later"}
    # And neither answer nor log holds what AWS's error text repeats
    assert INVENTED_NAME not in output.text()


def test_an_internal_error_is_500_without_details(cloud: Cloud, output: Output) -> None:
    # Given an event that API Gateway never makes, When
    answer = cloud.invoke("reader", proxy_event(LIST) | {"multiValueQueryStringParameters": INVENTED_NAME})
    # Then
    assert (answer["statusCode"], json.loads(answer["body"])) == (500, {"error": "internal error"})
    (line,) = map(json.loads, output.text().splitlines())
    assert (line["message"], line["error"]) == ("reading.failed", "AttributeError")


def test_logs_hold_the_route_the_status_and_an_id_that_the_tables_have(cloud: Cloud, output: Output) -> None:
    # Given a request
    deliver(cloud, webhook(0))
    output.text()
    # When it is read, and something else is asked for that looks like more than an id
    ask(cloud, ONE, "VC-TEST0001")
    ask(cloud, EVENTS, "VC-TEST0001", limit="5")
    ask(cloud, LIST, status="AVAILABLE")
    ask(cloud, ONE, INVENTED_NAME)
    ask(cloud, LIST, status=INVENTED_NAME)
    ask(cloud, LIST, **{"status": "AVAILABLE", INVENTED_NAME: "1"})
    text = output.text()
    # Then
    lines = [json.loads(line) for line in text.splitlines()]
    names = ("message", "route", "status_code", "service_request_id")
    assert [tuple(line.get(name) for name in names) for line in lines] == [
        ("reading.answered", f"GET {ONE}", 200, "VC-TEST0001"),
        ("reading.answered", f"GET {EVENTS}", 200, "VC-TEST0001"),
        ("reading.answered", f"GET {LIST}", 200, None),
        ("reading.refused", f"GET {ONE}", 404, None),
        ("reading.refused", f"GET {LIST}", 400, None),
        ("reading.refused", f"GET {LIST}", 400, None),
    ]
    assert INVENTED_NAME not in text
