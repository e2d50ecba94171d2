"""`bridge verify --alarms`: which alarms are raised, what their histories say, and that all are put back."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.lib.errors import BridgeError
from cli.lib.stack import Outputs, Stack
from cli.lib.verification import alarm_mails
from cli.lib.verification.end_to_end import Outcome

TOPIC = "arn:aws:sns:us-east-1:123456789012:topic"
ALARMS = {
    "DeadLetters": {"StateValue": "OK", "ActionsEnabled": True},
    "NotKept": {"StateValue": "INSUFFICIENT_DATA", "ActionsEnabled": True},
    "Freshness": {"StateValue": "ALARM", "ActionsEnabled": True},
    "Silence": {"StateValue": "OK", "ActionsEnabled": False},
}


class Aws:
    """As far as it is asked: alarms with their states, what each was set to, and their histories."""

    def __init__(
        self, *, stack_status: str = "UPDATE_COMPLETE", summary: str = f"Successfully executed action {TOPIC}"
    ) -> None:
        self.set: list[tuple[str, str]] = []
        self.fails_at = ""
        self._status, self._summary = stack_status, summary

    def describe_stacks(self, **_: object) -> dict[str, Any]:
        return {"Stacks": [{"StackStatus": self._status}]}

    def get_paginator(self, operation: str) -> "Aws":
        self._paged = operation
        return self

    def paginate(self, **_: object) -> list[dict[str, Any]]:
        if self._paged == "list_stack_resources":
            summaries = [
                {"ResourceType": "AWS::CloudWatch::Alarm", "LogicalResourceId": name, "PhysicalResourceId": full(name)}
                for name in ALARMS
            ]
            return [{"StackResourceSummaries": summaries}]
        return [{"Subscriptions": [{"Endpoint": "a@example.com", "SubscriptionArn": f"{TOPIC}:1"}]}]

    def describe_alarms(self, *, AlarmNames: list[str], **_: int) -> dict[str, Any]:  # noqa: N803 boto3's name
        return {
            "MetricAlarms": [
                {"AlarmName": full(name)} | alarm for name, alarm in ALARMS.items() if full(name) in AlarmNames
            ]
        }

    def set_alarm_state(self, *, AlarmName: str, StateValue: str, StateReason: str) -> None:  # noqa: N803 boto3's names
        assert "test" in StateReason
        if AlarmName == self.fails_at:
            self.fails_at = ""
            raise KeyboardInterrupt
        self.set.append((AlarmName.rpartition("-")[2], StateValue))

    def describe_alarm_history(self, **_: object) -> dict[str, Any]:
        return {"AlarmHistoryItems": [{"HistorySummary": self._summary, "Timestamp": datetime.now(UTC)}]}


def full(name: str) -> str:
    return f"VectorCareBridge-acme-{name}"


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.lib.verification.alarm_mails.time.sleep", lambda _: None)


def stack(aws: Aws) -> Stack:
    return Stack("acme", Outputs({"AlarmTopicArn": TOPIC}), lambda _: aws)


def raised(aws: Aws, *names: str) -> Outcome:
    return alarm_mails.raise_alarms(stack(aws), alarm_mails.plan(stack(aws), names), step=lambda _: None)


def verdicts(outcome: Outcome) -> dict[str, str]:
    return {finding.check: finding.verdict.value for finding in outcome.findings}


def test_each_alarm_that_can_send_a_mail_is_raised_and_put_back() -> None:
    # Given
    aws = Aws()
    planned = alarm_mails.plan(stack(aws), ())
    # When
    outcome = raised(aws)
    # Then
    assert planned.addresses == ["a@example.com"]
    assert aws.set == [
        ("DeadLetters", "ALARM"),
        ("NotKept", "ALARM"),
        ("DeadLetters", "OK"),
        ("NotKept", "INSUFFICIENT_DATA"),
    ]
    assert verdicts(outcome) == {
        "mails of alarms": "ok",
        f"mail of {full('Freshness')}": "not checked",
        f"mail of {full('Silence')}": "not checked",
    }


def test_an_alarm_that_may_not_use_the_topics_key_is_found() -> None:
    outcome = raised(Aws(summary=f"Failed to execute action {TOPIC}. Received error: no access to the key"), "NotKept")
    assert verdicts(outcome)[f"mail of {full('NotKept')}"] == "failed"


def test_ctrl_c_puts_back_what_was_raised() -> None:
    aws = Aws()
    aws.fails_at = full("NotKept")
    outcome = raised(aws)
    assert outcome.is_interrupted
    assert aws.set == [("DeadLetters", "ALARM"), ("DeadLetters", "OK"), ("NotKept", "INSUFFICIENT_DATA")]


def test_a_right_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Aws()
    error = ClientError({"Error": {"Code": "AccessDenied"}}, "SetAlarmState")

    def denied(**_: object) -> None:
        raise error

    monkeypatch.setattr(aws, "set_alarm_state", denied)
    outcome = raised(aws, "NotKept")
    assert (verdicts(outcome), outcome.left) == ({"alarms are raised": "not allowed to look"}, [])


@pytest.mark.parametrize(
    ("aws", "name", "message"),
    [
        (Aws(), "Deadletters", "There is no alarm Deadletters. The stack has: DeadLetters, Freshness"),
        (Aws(stack_status="UPDATE_IN_PROGRESS"), "NotKept", "A deployment of VectorCareBridge-acme is running"),
    ],
)
def test_what_cannot_begin_raises_nothing(aws: Aws, name: str, message: str) -> None:
    with pytest.raises(BridgeError, match=message):
        raised(aws, name)
    assert aws.set == []
