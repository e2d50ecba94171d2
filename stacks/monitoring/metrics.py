"""The metrics of one stack: those that its functions emit, and AWS's metrics of its resources."""

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_

from stacks.common.storage import STATUS_INDEX, Storage
from stacks.config.environment import METRICS_NAMESPACE
from stacks.parts import Parts

MINUTE = cdk.Duration.minutes(1)
FIVE_MINUTES = cdk.Duration.minutes(5)
SUM = cloudwatch.Stats.SUM
MAXIMUM = cloudwatch.Stats.MAXIMUM


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """What alarms watch and dashboards draw: metrics of an organization's functions, and AWS's of its resources."""

    organization: str
    storage: Storage
    parts: Parts

    @property
    def functions(self) -> dict[str, lambda_.IFunction]:
        """The functions by the name that their logs and metrics use."""
        return {name: each.function for name, each in self.parts.functions.items()}

    @property
    def tables(self) -> dict[str, dynamodb.ITable]:
        """The tables by their names in the documents."""
        return {"events": self.storage.events, "service_requests": self.storage.service_requests}

    def own(
        self,
        name: str,
        *,
        service: str,
        statistic: str = SUM,
        period: cdk.Duration = FIVE_MINUTES,
        label: str | None = None,
    ) -> cloudwatch.Metric:
        """Return a metric that a function emits.

        Parameters
        ----------
        name : str
            As in the table of docs/operations.md.
        service : str
            The function.
        label : str or None
            Its name on dashboards. An alarm has none: CDK would make metric math of it.
        """
        return cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name=name,
            dimensions_map={"organization": self.organization, "service": service},
            statistic=statistic,
            period=period,
            label=label,
        )

    def labelled(self, service: str, **labels: str) -> list[cloudwatch.Metric]:
        """Return sums that a function emits, for a dashboard: the metrics' names, each with its label."""
        return [self.own(name, service=service, label=label) for name, label in labels.items()]

    def own_by(self, dimension: str, name: str, *, service: str, prefix: str = "") -> cloudwatch.MathExpression:
        """Return a metric with one more dimension: on dashboards, a line for each of its values."""
        return cloudwatch.MathExpression(
            expression=f"SEARCH('{{{METRICS_NAMESPACE},organization,service,{dimension}}} "
            f'MetricName="{name}" organization="{self.organization}" service="{service}"\', '
            f"'{SUM}', {FIVE_MINUTES.to_seconds():.0f})",
            label=f"{prefix}${{PROP('Dim.{dimension}')}}",
            using_metrics={},
            period=FIVE_MINUTES,
        )

    def api(
        self, name: str, *, statistic: str = SUM, period: cdk.Duration = FIVE_MINUTES, label: str | None = None
    ) -> cloudwatch.Metric:
        """Return a metric that API Gateway keeps of the API."""
        return self.parts.webhook_api.rest_api.metric(name, statistic=statistic, period=period, label=label)

    def iterator_age(self, *, label: str | None = None) -> cloudwatch.Metric:
        """Return the age in milliseconds of the changes that the publisher is reading."""
        return self.functions["publisher"].metric("IteratorAge", statistic=MAXIMUM, period=FIVE_MINUTES, label=label)

    def bus(self, name: str, *, label: str) -> cloudwatch.Metric:
        """Return EventBridge's metric of the bus (EventBridge User Guide, "Monitoring Amazon EventBridge")."""
        return cloudwatch.Metric(
            namespace="AWS/Events",
            metric_name=name,
            dimensions_map={"EventBusName": self.parts.change_events.bus.event_bus_name},
            statistic=SUM,
            period=FIVE_MINUTES,
            label=label,
        )

    def table_throttles(self, table: str, *, index: str | None = None, label: str | None = None) -> cloudwatch.Metric:
        """Return the throttled writes of a table or of its index."""
        name = self.tables[table].table_name
        return cloudwatch.Metric(
            namespace="AWS/DynamoDB",
            metric_name="WriteThrottleEvents",
            dimensions_map={"TableName": name} | ({"GlobalSecondaryIndexName": index} if index else {}),
            statistic=SUM,
            period=FIVE_MINUTES,
            label=label,
        )

    def index_throttles(self, *, label: str | None = None) -> cloudwatch.Metric:
        """Return the throttled writes of the index ``by_status``: its few keys may become hot."""
        return self.table_throttles("service_requests", index=STATUS_INDEX, label=label)
