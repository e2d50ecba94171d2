"""Who is notified when something needs a person, and what that person looks at."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.context import StackContext
from stacks.monitoring.alarms import Alarms
from stacks.monitoring.business_dashboard import business_rows
from stacks.monitoring.engineer_dashboard import engineer_rows
from stacks.monitoring.metrics import Metrics
from stacks.monitoring.outbound_alarms import watch_change_events, watch_commands, watch_reading
from stacks.monitoring.reconcile_alarms import watch_reconcile
from stacks.monitoring.silence_alarm import watch_silence
from stacks.monitoring.topic import AlarmTopic
from stacks.monitoring.widgets import Row
from stacks.parts import Parts


class Monitoring(Construct):
    """The topic, the alarms that publish to it, and two dashboards: for the business, and for the engineer on call."""

    def __init__(self, scope: Construct, construct_id: str, context: StackContext, parts: Parts) -> None:
        super().__init__(scope, construct_id)
        organization = context.organization
        self.topic = AlarmTopic(self, "Topic", key=context.encryption.key, emails=organization.alarm_emails).topic
        metrics = Metrics(organization=organization.name, storage=context.storage, parts=parts)
        alarms = Alarms(self, "Alarms", topic=self.topic, metrics=metrics, thresholds=organization.alarms)
        if organization.alarms.silence_minutes:
            watch_silence(alarms)
        watch_change_events(alarms)
        watch_commands(alarms)
        watch_reading(alarms)
        if organization.twin and organization.twin.reconcile:
            watch_reconcile(alarms, every=organization.twin.reconcile)
        # An account's dashboards are the same in all regions, so the second stack's need names of their own.
        region = f"-{organization.region}" if organization.is_second else ""
        self.business_dashboard = self._dashboard("Business", business_rows(alarms), hours=24, suffix=region)
        self.engineer_dashboard = self._dashboard("Engineer", engineer_rows(alarms), hours=3, suffix=region)

    def _dashboard(self, name: str, rows: list[Row], *, hours: int, suffix: str) -> cloudwatch.Dashboard:
        return cloudwatch.Dashboard(
            Construct(self, name),
            "Dashboard",
            dashboard_name=f"{cdk.Stack.of(self).stack_name}-{name.lower()}{suffix}",
            default_interval=cdk.Duration.hours(hours),
            widgets=rows,
        )
