"""The dashboard for the engineer on call: each part on the path of a webhook, a change and a command."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.monitoring import widgets
from stacks.monitoring.alarms import Alarms
from stacks.monitoring.metrics import FIVE_MINUTES, MAXIMUM, SUM
from stacks.monitoring.outbound_rows import outbound_rows


class EngineerDashboard(Construct):
    """From the top: the alarms, then the parts that they watch."""

    def __init__(self, scope: Construct, construct_id: str, alarms: Alarms) -> None:
        super().__init__(scope, construct_id)
        self._metrics = alarms.metrics
        self._thresholds = alarms.thresholds
        self.dashboard = cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=f"{cdk.Stack.of(self).stack_name}-engineer",
            default_interval=cdk.Duration.hours(3),
            widgets=[
                [
                    widgets.states(
                        "Alarms (docs/runbook.md has a section for each)",
                        alarms.by_name,
                        list(alarms.by_name),
                        height=5,
                    )
                ],
                widgets.heading("### API: what VectorCare sees"),
                self._api(),
                widgets.heading("### Functions"),
                self._functions(),
                widgets.heading("### Queue and processor"),
                self._queue(),
                widgets.heading("### Dead letters"),
                self._dead_letters(),
                widgets.heading("### Spool"),
                self._spool(),
                widgets.heading("### Tables"),
                self._tables(),
                *outbound_rows(self._metrics, self._thresholds),
            ],
        )

    def _api(self) -> list[cloudwatch.IWidget]:
        metrics = self._metrics
        return [
            widgets.graph(
                "Answers",
                metrics.api("Count", label="requests"),
                metrics.api("4XXError", label="4xx"),
                metrics.api("5XXError", label="5xx"),
            ),
            widgets.graph(
                "Time to answer",
                metrics.api("Latency", statistic="p50", label="API p50"),
                metrics.api("Latency", statistic="p99", label="API p99"),
                metrics.own("IngestMilliseconds", service="ingest", statistic="p99", label="ingest p99"),
                unit="milliseconds",
                threshold=("SlowAnswers", self._thresholds.answer_milliseconds),
            ),
            widgets.graph(
                "Accepted, by the key that signed",
                metrics.own_by("key", "SignedByKey", service="ingest"),
                right=[
                    metrics.own("SignatureInvalid", service="ingest", label="refused: signature"),
                    metrics.own("WrongCustomer", service="ingest", label="refused: customer_id"),
                    metrics.own("TooLarge", service="ingest", label="refused: too large"),
                ],
                right_unit="refused attempts",
            ),
        ]

    def _functions(self) -> list[cloudwatch.IWidget]:
        functions = self._metrics.functions
        return [
            widgets.graph(
                "Invocations",
                *(each.metric_invocations(period=FIVE_MINUTES, label=name) for name, each in functions.items()),
            ),
            widgets.graph(
                "Errors and throttles",
                *(each.metric_errors(period=FIVE_MINUTES, label=f"{name} errors") for name, each in functions.items()),
                *(
                    each.metric_throttles(period=FIVE_MINUTES, statistic=SUM, label=f"{name} throttled")
                    for name, each in functions.items()
                ),
            ),
            widgets.graph(
                "Duration p99",
                *(
                    each.metric_duration(period=FIVE_MINUTES, statistic="p99", label=name)
                    for name, each in functions.items()
                    if name != "redrive"
                ),
                unit="milliseconds",
            ),
        ]

    def _queue(self) -> list[cloudwatch.IWidget]:
        metrics, queue = self._metrics, self._metrics.parts.inbound.queues.queue
        return [
            widgets.graph(
                "Messages in the queue",
                queue.metric_approximate_number_of_messages_visible(statistic=MAXIMUM, label="visible"),
                queue.metric_approximate_number_of_messages_not_visible(statistic=MAXIMUM, label="in flight"),
                unit="messages",
                threshold=("MessagesWaiting, MessagesInFlight", self._thresholds.waiting_messages),
            ),
            widgets.graph(
                "Age of the oldest (of what failed less than three times)",
                queue.metric_approximate_age_of_oldest_message(statistic=MAXIMUM, label="age"),
                unit="seconds",
            ),
            widgets.graph(
                "Given back, and what does not fit",
                metrics.own("Retried", service="processor", label="to be tried again"),
                metrics.own("Restamped", service="processor", label="re-stamped"),
                metrics.own("ConflictingBytes", service="processor", label="other bytes"),
                metrics.own("AgainstIdOrder", service="processor", label="against id order"),
            ),
        ]

    def _dead_letters(self) -> list[cloudwatch.IWidget]:
        metrics, dead_letters = self._metrics, self._metrics.parts.inbound.queues.dead_letters
        return [
            widgets.graph(
                "Dead letters",
                dead_letters.metric_approximate_number_of_messages_visible(statistic=MAXIMUM, label="letters"),
                unit="letters",
            ),
            widgets.graph("Died, by reason", metrics.own_by("reason", "Failed", service="processor"), stacked=True),
            widgets.graph("Redriven", metrics.own("Redriven", service="redrive", label="letters moved")),
        ]

    def _spool(self) -> list[cloudwatch.IWidget]:
        own = self._metrics.own
        return [
            widgets.graph(
                "Left in the spool",
                own("SpoolObjects", service="drain", statistic=MAXIMUM, label="webhooks"),
                unit="webhooks",
            ),
            widgets.graph(
                "Into the spool",
                own("Spooled", service="ingest", label="spooled"),
                own("NotKept", service="ingest", label="not kept: answered 503"),
            ),
            widgets.graph(
                "Out of the spool",
                own("Drained", service="drain", label="drained"),
                own("DrainFailed", service="drain", label="failed"),
            ),
        ]

    def _tables(self) -> list[cloudwatch.IWidget]:
        metrics = self._metrics
        return [
            widgets.graph(
                "Writes",
                *(
                    table.metric_consumed_write_capacity_units(label=name, period=FIVE_MINUTES)
                    for name, table in metrics.tables.items()
                ),
                unit="capacity units in 5 minutes",
            ),
            widgets.graph(
                "Throttled writes",
                metrics.table_throttles("events", label="events"),
                metrics.table_throttles("service_requests", label="service_requests"),
                metrics.index_throttles(label="index by_status"),
            ),
            widgets.graph(
                "Time of a write p99",
                *(
                    table.metric_successful_request_latency(
                        dimensions_map={"TableName": table.table_name, "Operation": operation},
                        statistic="p99",
                        period=FIVE_MINUTES,
                        label=f"{name} {operation}",
                    )
                    for (name, table), operation in zip(metrics.tables.items(), ("PutItem", "UpdateItem"), strict=True)
                ),
                unit="milliseconds",
            ),
        ]
