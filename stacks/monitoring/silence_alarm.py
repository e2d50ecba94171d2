"""The alarm that is raised if no webhook comes in the organization's busy hours."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from constructs import Construct

from stacks.common.acknowledgments import acknowledge
from stacks.config.alarm_thresholds import AlarmThresholds
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
    clock = _Clock(alarms, "Clock", alarm=alarm, thresholds=thresholds)
    hours = thresholds.busy_hours
    clock.call("Enable", "enableAlarmActions", at=hours.after(thresholds.silence_minutes).isoformat("minutes"))
    clock.call(
        "Reset",
        "setAlarmState",
        at=hours.after(thresholds.silence_minutes + 1).isoformat("minutes"),
        StateValue="OK",
        StateReason="The busy hours have been long enough to tell silence.",
    )
    clock.call("Disable", "disableAlarmActions", at=hours.end.isoformat("minutes"))


class _Clock(Construct):
    """Schedules that call CloudWatch about one alarm, on busy days at a local time."""

    def __init__(
        self, scope: Construct, construct_id: str, *, alarm: cloudwatch.Alarm, thresholds: AlarmThresholds
    ) -> None:
        super().__init__(scope, construct_id)
        self._alarm = alarm
        self._days = ",".join(thresholds.busy_days)
        self._time_zone = cdk.TimeZone.of(thresholds.time_zone)
        self._role = self._build_role()

    def call(self, construct_id: str, action: str, *, at: str, **parameters: str) -> None:
        """Call an action of CloudWatch each busy day at a time, ``HH:MM``."""
        hour, minute = (str(int(part)) for part in at.split(":"))
        alarm = self._alarm.alarm_name
        name = {"AlarmName": alarm} if action == "setAlarmState" else {"AlarmNames": [alarm]}
        scheduler.Schedule(
            self,
            construct_id,
            schedule=scheduler.ScheduleExpression.cron(
                minute=minute, hour=hour, week_day=self._days, time_zone=self._time_zone
            ),
            target=targets.Universal(
                service="cloudwatch",
                action=action,
                input=scheduler.ScheduleTargetInput.from_object({**name, **parameters}),
                # The role is written by hand: CDK's own would allow the action on every alarm.
                role=self._role.without_policy_updates(),
                # Later than this, the next call may be due.
                max_event_age=cdk.Duration.minutes(15),
            ),
        )

    def _build_role(self) -> iam.Role:
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            ),
            inline_policies={
                "Alarm": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(
                            actions=[
                                "cloudwatch:EnableAlarmActions",
                                "cloudwatch:DisableAlarmActions",
                                "cloudwatch:SetAlarmState",
                            ],
                            resources=[self._alarm.alarm_arn],
                        )
                    ]
                )
            },
        )
        acknowledge(
            role,
            {
                "HIPAA.Security-IAMNoInlinePolicy": "The policy belongs to the only role of the alarm's schedules, "
                "and is created and deleted with it; a managed policy could be attached to others."
            },
        )
        return role
