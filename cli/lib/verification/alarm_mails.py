"""Raises alarms for a moment, so that their mails really arrive."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.lib import aws_error, releases
from cli.lib.errors import BridgeError
from cli.lib.interruption import interruptible, undisturbed
from cli.lib.stack import Stack
from cli.lib.verification.alarms import AT_ONCE
from cli.lib.verification.end_to_end import Outcome
from cli.lib.verification.finding import Finding, failed, not_allowed, not_checked, ok
from cli.lib.verification.subject import Subject

_REASON = "A test by ./bridge verify --alarms. Nothing is wrong."
_OVER = "The test by ./bridge verify --alarms is over."
_CALLS_A_SECOND = 3  # of SetAlarmState ("CloudWatch service quotas")
_SECONDS = 60.0
_PAUSE_SECONDS = 1.0
_SKEW = timedelta(minutes=1)  # this machine's clock need not be AWS's
_PUBLISHED = "Successfully executed action"  # the beginning of a summary in an alarm's history


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be raised: alarms by name, with their state now; and who gets the mails."""

    states: Mapping[str, str]
    skipped: Mapping[str, str]  # by name: why no mail would come
    addresses: Sequence[str]


def plan(stack: Stack, names: Sequence[str]) -> Plan:
    """Plan to raise alarms, named as in the runbook; all of the stack if none is named.

    Raises
    ------
    BridgeError
        There is no such alarm, or a deployment is running, which the alarms would roll back.
    """
    releases.require_rest(stack)
    prefix, subject = f"{stack.name}-", Subject(stack, None)
    known = sorted(each.physical_id.removeprefix(prefix) for each in subject.of_type("AWS::CloudWatch::Alarm"))
    unknown = [name for name in names if name.removeprefix(prefix) not in known]
    if unknown:
        raise BridgeError(f"There is no alarm {unknown[0]}. The stack has: {', '.join(known)}")
    chosen = [f"{prefix}{name.removeprefix(prefix)}" for name in names or known]
    described = stack.client("cloudwatch").describe_alarms(AlarmNames=chosen, MaxRecords=AT_ONCE)["MetricAlarms"]
    skipped = {each["AlarmName"]: _no_mail(each) for each in described if _no_mail(each)}
    pages = stack.client("sns").get_paginator("list_subscriptions_by_topic")
    return Plan(
        states={each["AlarmName"]: each["StateValue"] for each in described if each["AlarmName"] not in skipped},
        skipped=skipped,
        addresses=[
            each["Endpoint"]
            for page in pages.paginate(TopicArn=stack.outputs["AlarmTopicArn"])
            for each in page["Subscriptions"]
            if each["SubscriptionArn"] != "PendingConfirmation"
        ],
    )


def raise_alarms(stack: Stack, planned: Plan, *, step: Callable[[str], None]) -> Outcome:
    """Raise the alarms, see them notify the topic, and put each back into its state, after Ctrl-C too.

    CloudWatch itself sets an alarm by its metric again at the next evaluation, which does no harm.
    """
    outcome, raised = Outcome(), dict[str, str]()
    begin = datetime.now(UTC) - _SKEW
    with interruptible():
        try:
            for name, state in planned.states.items():
                step(f"Raising {name}")
                raised[name] = state
                _set(stack, name, "ALARM", _REASON)
            outcome.findings += _published(stack, list(raised), begin, step)
        except KeyboardInterrupt:
            outcome.is_interrupted = True
        except (BotoCoreError, ClientError) as error:
            text, is_denied = aws_error.explain(error), aws_error.is_denied(error)
            outcome.findings.append(
                not_allowed("alarms are raised", text, "It needs cloudwatch:SetAlarmState and DescribeAlarmHistory.")
                if is_denied
                else failed("alarms are raised", text, "Start it again.")
            )
        with undisturbed():
            step("Putting the alarms back")
            for name, state in raised.items():
                try:
                    _set(stack, name, state, _OVER)
                except (BotoCoreError, ClientError) as error:
                    if not aws_error.is_denied(error):  # then it was not raised either
                        outcome.left.append(f"{name} is raised. CloudWatch sets it by its metric within minutes.")
    outcome.findings += [failed("alarms are put back", "One is not.", each) for each in outcome.left]
    outcome.findings += [not_checked(f"mail of {name}", why) for name, why in planned.skipped.items()]
    return outcome


def _published(stack: Stack, names: Sequence[str], begin: datetime, step: Callable[[str], None]) -> list[Finding]:
    """Read in each alarm's history whether it has notified the topic."""
    check = "mails of alarms"
    if stack.is_local:
        return [not_checked(check, f"{len(names)} were raised. The emulator notifies the topic, and keeps no record.")]
    findings, done, end = [], 0, time.monotonic() + _SECONDS
    for name in names:
        step(f"Reading the history of {name}")
        summary = _action(stack, name, begin)
        while summary is None and time.monotonic() < end:
            time.sleep(_PAUSE_SECONDS)
            summary = _action(stack, name, begin)
        if summary is None:
            findings.append(failed(f"mail of {name}", "Its history has no notification.", "Look at it in the console."))
        elif not summary.startswith(_PUBLISHED):
            findings.append(
                failed(f"mail of {name}", f"CloudWatch says: {summary}", "May CloudWatch use the topic and its key?")
            )
        else:
            done += 1
    seen = f"{done} alarms have notified the topic."
    return [*findings, ok(check, f"{seen} Look whether as many mails arrive; each says that it is a test.")]


def _action(stack: Stack, name: str, begin: datetime) -> str | None:
    items: list[dict[str, Any]] = stack.client("cloudwatch").describe_alarm_history(
        AlarmName=name, HistoryItemType="Action", StartDate=begin, EndDate=datetime.now(UTC) + _SKEW
    )["AlarmHistoryItems"]
    topic = stack.outputs["AlarmTopicArn"]
    return next((str(item["HistorySummary"]) for item in items if topic in item["HistorySummary"]), None)


def _set(stack: Stack, name: str, state: str, reason: str) -> None:
    stack.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason=reason)
    if not stack.is_local:
        time.sleep(1 / _CALLS_A_SECOND)


def _no_mail(alarm: Mapping[str, Any]) -> str:
    """Say why an alarm would send no mail; empty if it would."""
    if alarm["StateValue"] == "ALARM":
        return "It is in ALARM already: its mail has been sent."
    return "" if alarm["ActionsEnabled"] else "Its actions are off now."
