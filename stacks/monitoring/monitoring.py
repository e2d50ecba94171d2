"""Who is notified when something needs a person, and what that person looks at."""

from constructs import Construct

from stacks.context import StackContext
from stacks.monitoring.alarms import Alarms
from stacks.monitoring.business_dashboard import BusinessDashboard
from stacks.monitoring.engineer_dashboard import EngineerDashboard
from stacks.monitoring.metrics import Metrics
from stacks.monitoring.outbound_alarms import watch_change_events, watch_commands, watch_reading
from stacks.monitoring.silence_alarm import watch_silence
from stacks.monitoring.topic import AlarmTopic
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
        self.business_dashboard = BusinessDashboard(self, "Business", alarms).dashboard
        self.engineer_dashboard = EngineerDashboard(self, "Engineer", alarms).dashboard
