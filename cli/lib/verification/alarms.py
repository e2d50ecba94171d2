"""Who is notified, and what there is to be notified of."""

from collections import Counter
from collections.abc import Iterator

from cli.lib.verification.finding import Finding, failed, ok, warning
from cli.lib.verification.subject import Subject

AT_ONCE = 100
"""Alarms in one answer of DescribeAlarms at most; without a number, it gives fewer."""

_BY_THE_CLOCK = "-Silence"  # schedules switch this alarm's actions off at night
_PENDING = "PendingConfirmation"


def subscriptions(subject: Subject) -> Iterator[Finding]:
    """See that each address of the file has confirmed the topic's subscription."""
    pages = (
        subject.stack.client("sns")
        .get_paginator("list_subscriptions_by_topic")
        .paginate(TopicArn=subject.stack.outputs["AlarmTopicArn"])
    )
    found = {each["Endpoint"]: each["SubscriptionArn"] for page in pages for each in page["Subscriptions"]}
    wanted = subject.organization.alarm_emails if subject.organization else ()
    for address in sorted({*found, *wanted}):
        check = f"alarms reach {address}"
        if address not in found:
            yield warning(
                check, "It is not subscribed, or has unsubscribed.", "Deploy again, or subscribe it in the SNS console."
            )
        elif found[address] == _PENDING:
            yield warning(
                check,
                "It has not confirmed the subscription.",
                "Confirm by the link in the mail of AWS Notifications. It is valid for two days; the SNS console sends "
                "another: Request confirmation.",
            )
        else:
            yield ok(check, "The subscription is confirmed.")
    if not found and not wanted:
        yield warning(
            "alarms reach somebody", "Nobody is subscribed.", "Add alarm_emails to the organization's file, and deploy."
        )


def states(subject: Subject) -> Iterator[Finding]:
    """See that no alarm is raised, none is missing, and none is silenced."""
    names = [resource.physical_id for resource in subject.of_type("AWS::CloudWatch::Alarm")]
    client = subject.stack.client("cloudwatch")
    described = {
        alarm["AlarmName"]: alarm
        for begin in range(0, len(names), AT_ONCE)
        for alarm in client.describe_alarms(AlarmNames=names[begin : begin + AT_ONCE], MaxRecords=AT_ONCE)[
            "MetricAlarms"
        ]
    }
    for name in sorted(names):
        check, alarm = f"alarm {name.removeprefix(f'{subject.stack.name}-')}", described.get(name)
        if alarm is None:
            yield failed(
                check,
                "It is not there any more.",
                "Somebody has removed it: docs/verifying.md#what-somebody-changed-by-hand",
            )
        elif not alarm["ActionsEnabled"]:
            if not name.endswith(_BY_THE_CLOCK):
                yield warning(
                    check,
                    "Its actions are off: it notifies nobody.",
                    f"aws cloudwatch enable-alarm-actions --alarm-names {name}",
                )
        elif alarm["StateValue"] == "ALARM":
            yield warning(
                check,
                f"It is in ALARM since {alarm['StateUpdatedTimestamp']:%Y-%m-%d %H:%M} UTC.",
                alarm.get("AlarmDescription", ""),
            )
    counts = Counter(alarm["StateValue"] for alarm in described.values())
    seen = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    yield ok("alarms", f"There are {len(described)}: {seen}.")
