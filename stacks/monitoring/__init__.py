"""Who is told when something needs a person, and what that person looks at."""

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.common.storage import Storage
from stacks.config.organization import Organization
from stacks.inbound.inbound import Inbound
from stacks.monitoring.alarms import Alarms
from stacks.monitoring.business_dashboard import BusinessDashboard
from stacks.monitoring.engineer_dashboard import EngineerDashboard
from stacks.monitoring.metrics import Metrics
from stacks.monitoring.outbound_alarms import watch_change_events, watch_commands, watch_reading
from stacks.monitoring.silence import watch_silence
from stacks.monitoring.topic import AlarmTopic
from stacks.operators.redrive import Redrive
from stacks.outbound.change_events import ChangeEvents
from stacks.outbound.commands import Commands
from stacks.reading.reading_api import ReadingApi


class Monitoring(Construct):
    """The topic, the alarms that it tells of, and two dashboards: for the business, and for the engineer on call."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        organization: Organization,
        key: kms.IKey,
        inbound: Inbound,
        storage: Storage,
        change_events: ChangeEvents,
        commands: Commands,
        reading_api: ReadingApi,
        redrive: Redrive,
        rest_api: apigateway.RestApi,
    ) -> None:
        super().__init__(scope, construct_id)
        self.topic = AlarmTopic(self, "Topic", key=key, emails=organization.alarm_emails).topic
        metrics = Metrics(
            organization=organization.name,
            inbound=inbound,
            storage=storage,
            change_events=change_events,
            commands=commands,
            reading_api=reading_api,
            redrive=redrive,
            rest_api=rest_api,
        )
        alarms = Alarms(self, "Alarms", topic=self.topic, metrics=metrics, thresholds=organization.alarms)
        if organization.alarms.silence_minutes:
            watch_silence(alarms, metrics=metrics, thresholds=organization.alarms)
        watch_change_events(alarms, metrics=metrics, thresholds=organization.alarms)
        watch_commands(alarms, metrics=metrics, thresholds=organization.alarms)
        watch_reading(alarms, metrics=metrics)
        self.business_dashboard = BusinessDashboard(
            self, "Business", metrics=metrics, thresholds=organization.alarms, alarms=alarms.by_name
        ).dashboard
        self.engineer_dashboard = EngineerDashboard(
            self, "Engineer", metrics=metrics, thresholds=organization.alarms, alarms=alarms.by_name
        ).dashboard
