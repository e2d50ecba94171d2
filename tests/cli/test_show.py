"""`bridge show`."""

import boto3
import pytest

from cli.lib.stack import Stack
from tests.cli.conftest import Functions, Run, parsed, receive
from tests.support import webhooks
from tests.support.cloud import Cloud

ID = "VC-TEST0001"

pytestmark = pytest.mark.usefixtures("stack")


def event(number: int, *, minute: int, **changes: object) -> bytes:
    return webhooks.body(event_id=f"{number:032x}", event_timestamp=f"2026-03-01T10:{minute:02}:00Z", **changes)


def outcomes(run: Run) -> list[str]:
    return [step["outcome"] for step in parsed(run("show", ID, "--json"))["events"]]


def test_an_older_event_still_moves_the_data_that_a_newer_one_did_not_carry(run: Run, cloud: Cloud) -> None:
    # Given
    receive(cloud, event(3, minute=20, request_status="UNAVAILABLE", data=None))
    receive(cloud, event(2, minute=10))
    # When
    steps = parsed(run("show", ID, "--json"))["events"]
    # Then
    assert [step["registers"] for step in steps] == [["status"], ["data"]]
    assert [step["outcome"] for step in steps] == ["applied", "applied"]


def test_the_order_is_the_organization_s_own(run: Run, cloud: Cloud, stack: Stack) -> None:
    # Given
    functions: Functions = stack.client("lambda")
    functions.environment["ORDER_BY"] = "event_id"
    receive(cloud, event(2, minute=0))
    receive(cloud, event(1, minute=20))
    # When
    ended = outcomes(run)
    # Then
    assert ended == ["applied", "stale"]


def test_other_bytes_of_a_known_event_are_a_duplicate(run: Run, cloud: Cloud) -> None:
    # Given
    receive(cloud, event(1, minute=0))
    receive(cloud, event(1, minute=0, action="PROPOSAL_SUBMITTED"))
    # When
    steps = parsed(run("show", ID, "--json"))["events"]
    # Then
    assert [step["outcome"] for step in steps] == ["applied", "duplicate"]
    assert steps[1]["duplicate_of"] == steps[0]["event_id"]


def test_an_event_too_old_to_begin_with_has_expired(run: Run, cloud: Cloud) -> None:
    # Given
    receive(cloud, webhooks.body(event_timestamp="2024-03-01T10:00:00Z"))
    # When
    result = run("show", ID)
    # Then
    assert outcomes(run) == ["expired"]
    assert "No state" in result.stdout


def test_an_unreadable_webhook_of_the_service_request_is_listed_with_its_reason(run: Run, cloud: Cloud) -> None:
    # Given
    receive(cloud, event(1, minute=0))
    receive(cloud, webhooks.body(event_timestamp="yesterday"))
    receive(cloud, webhooks.body(event_timestamp="yesterday", service_request_id="VC-OTHER"))
    # When
    steps = parsed(run("show", ID, "--json"))["events"]
    # Then
    assert [(step["outcome"], step["reason"]) for step in steps] == [("applied", None), ("unreadable", "bad_timestamp")]


def test_events_are_in_the_order_of_receipt_with_changes_against_the_event_before_in_time(
    run: Run, cloud: Cloud
) -> None:
    # Given
    receive(cloud, event(1, minute=0, data={"place": {"city": "Nowhere", "zip": "0"}, "weight": 81.5, "gone": 1}))
    receive(cloud, event(3, minute=20, data={"place": {"city": "Atlantis", "zip": "0"}, "weight": 82, "new": [1]}))
    receive(cloud, event(2, minute=10, data={"place": {"city": "Atlantis", "zip": "0"}, "weight": 81.5, "gone": 1}))
    # When
    result = run("show", ID, "--json")
    # Then
    assert result.exit_code == 0, result.output
    steps = parsed(result)["events"]
    assert [(step["event_id"][-1], step["outcome"]) for step in steps] == [
        ("1", "applied"),
        ("3", "applied"),
        ("2", "stale"),
    ]
    assert (steps[2]["older_than"], steps[2]["happened_at"]) == (steps[1]["event_id"], "2026-03-01T10:10:00.000000Z")
    assert [step["changes"] for step in steps] == [
        None,
        [{"field": "weight"}, {"field": "gone"}, {"field": "new"}],
        [{"field": "place.city"}],
    ]


def test_values_are_shown_with_phi_alone(run: Run, cloud: Cloud) -> None:
    # Given
    receive(cloud, event(1, minute=0))
    receive(cloud, event(2, minute=10, data={"patient_first_name": "Ada-Quillfeather", "patient_weight_kg": 80}))
    receive(cloud, webhooks.body(event_timestamp="yesterday"))
    # When
    without = run("show", ID).output + run("show", ID, "--json").output
    shown, printed = run("show", ID, "--phi").output, parsed(run("show", ID, "--json", "--phi"))
    # Then
    assert "Quillfeather" not in without
    assert "81.5" not in without
    assert '"Zebulon-Quillfeather" -> "Ada-Quillfeather"' in shown
    assert "data.patient_weight_kg" in shown
    assert printed["state"]["data"]["patient_weight_kg"] == 80
    assert printed["events"][1]["changes"][1] == {"field": "patient_weight_kg", "before": 81.5, "after": 80}


def test_an_unknown_id_is_an_error_that_says_where_to_look(run: Run) -> None:
    # When
    result = run("show", "KP-UNKNOWN")
    # Then
    assert result.exit_code == 1
    assert "no service request KP-UNKNOWN" in result.stderr
    assert "bridge dlq list" in result.stderr


def test_a_state_that_is_not_the_journal_s_needs_a_person(run: Run, cloud: Cloud) -> None:
    # Given
    receive(cloud, event(1, minute=0))
    boto3.resource("dynamodb").Table("service_requests").update_item(
        Key={"service_request_id": ID},
        UpdateExpression="SET request_status = :status",
        ExpressionAttributeValues={":status": "COMPLETED"},
    )
    # When
    result = run("show", ID)
    # Then
    assert result.exit_code == 1
    assert "bridge replay --dry-run VC-TEST0001" in " ".join(result.stderr.split())
