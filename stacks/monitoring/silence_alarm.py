"""The alarm that is raised if no webhook comes in the organization's busy hours."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from constructs import Construct

from stacks.common.acknowledgments import acknowledge
from stacks.monitoring.alarms import Alarms
from stacks.monitoring.metrics import MINUTE


def watch_silence(alarms: Alarms) -> None:
    """Add the alarm, and the schedules that let it notify only in busy hours.

    CloudWatch has no calendar and no time zones; EventBridge Scheduler has both, with daylight saving time. So the
    alarm always has the state that the last ``silence_minutes`` give it, and its actions are enabled only while all of
    those minutes were busy ones:

    ===================================== =====================================================
    on busy days, in local time           what is called
    ===================================== =====================================================
    ``silence_minutes`` after the start   EnableAlarmActions
    a minute later                        SetAlarmState to OK
    at the end                            DisableAlarmActions
    ===================================== =====================================================

    An action follows only a change of state. An alarm that is still in ALARM from the night would not notify, so it
    is set to OK; CloudWatch evaluates it again within a minute, and notifies if the silence lasts.
    """
    metrics, thresholds = alarms.metrics, alarms.thresholds
    alarm = alarms.add(
        "Silence",
        description=f"No webhook was accepted for {thresholds.silence_minutes} minutes of busy hours. Check "
        "the webhook in VectorCare's settings. Outside busy hours this alarm may be in ALARM; "
        "ignore it then.",
        # Periods of a minute: CloudWatch looks a few periods further back before it treats data as missing.
        metric=metrics.own("Accepted", service="ingest", period=MINUTE),
        operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
        periods=thresholds.silence_minutes,
        # If nothing is accepted, nothing is counted.
        missing=cloudwatch.TreatMissingData.BREACHING,
    )
    hours, names = thresholds.busy_hours, {"AlarmNames": [alarm.alarm_name]}
    ok = {"StateValue": "OK", "StateReason": "The busy hours have been long enough to tell silence."}
    calls = {
        "Enable": ("enableAlarmActions", hours.after(thresholds.silence_minutes), names),
        "Reset": ("setAlarmState", hours.after(thresholds.silence_minutes + 1), {"AlarmName": alarm.alarm_name, **ok}),
        "Disable": ("disableAlarmActions", hours.end, names),
    }
    clock = Construct(alarms, "Clock")
    # The role is written by hand: CDK's own would allow the action on every alarm.
    role = _build_role(clock, alarm).without_policy_updates()
    for construct_id, (action, at, parameters) in calls.items():
        scheduler.Schedule(
            clock,
            construct_id,
            schedule=scheduler.ScheduleExpression.cron(
                minute=str(at.minute),
                hour=str(at.hour),
                week_day=",".join(thresholds.busy_days),
                time_zone=cdk.TimeZone.of(thresholds.time_zone),
            ),
            target=targets.Universal(
                service="cloudwatch",
                action=action,
                input=scheduler.ScheduleTargetInput.from_object(parameters),
                role=role,
                # Later than this, the next call may be due.
                max_event_age=cdk.Duration.minutes(15),
            ),
        )


def _build_role(scope: Construct, alarm: cloudwatch.Alarm) -> iam.Role:
    actions = ["EnableAlarmActions", "DisableAlarmActions", "SetAlarmState"]
    allowed = iam.PolicyStatement(actions=[f"cloudwatch:{action}" for action in actions], resources=[alarm.alarm_arn])
    role = iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal(
            "scheduler.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(scope).account}},
        ),
        inline_policies={"Alarm": iam.PolicyDocument(statements=[allowed])},
    )
    acknowledge(
        role,
        {
            "HIPAA.Security-IAMNoInlinePolicy": "The policy belongs to the only role of the alarm's schedules, "
            "and is created and deleted with it; a managed policy could be attached to others."
        },
    )
    return role
