"""The alarms of the inbound direction: what each watches, its threshold, and what missing data means."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from aws_cdk.aws_cloudwatch import ComparisonOperator, TreatMissingData
from constructs import Construct

from stacks.config.alarm_thresholds import AlarmThresholds
from stacks.monitoring.metrics import FIVE_MINUTES, MAXIMUM, MINUTE, SUM, Metrics

VECTORCARE_ATTEMPTS = 3
"""How often VectorCare sends each webhook, within about 72 seconds."""

# A dead letter expires 14 days after its webhook came in, but the metric counts from when it was moved. A day is left
# for the time before: 30 failed attempts take 8 hours at most, and another alarm watches for a queue that is not read.
EXPIRING_AFTER = cdk.Duration.days(10 - 1)


class Alarms(Construct):
    """The stack's alarms, by name. Each notifies the topic and has a section in docs/runbook.md."""

    def __init__(
        self, scope: Construct, construct_id: str, *, topic: sns.ITopic, metrics: Metrics, thresholds: AlarmThresholds
    ) -> None:
        super().__init__(scope, construct_id)
        self._topic = topic
        self.metrics = metrics
        self.thresholds = thresholds
        self.by_name: dict[str, cloudwatch.Alarm] = {}
        self._watch_dead_letters()
        self._watch_queue()
        self._watch_processing()
        self._watch_answers()
        self._watch_spool()
        self._watch_throttles()

    def add(
        self,
        name: str,
        *,
        description: str,
        metric: cloudwatch.IMetric,
        threshold: float = 1,
        operator: ComparisonOperator = ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        periods: int = 1,
        of_which: int | None = None,
        missing: TreatMissingData = TreatMissingData.NOT_BREACHING,
    ) -> cloudwatch.Alarm:
        """Add an alarm; by default missing data means that nothing happened.

        Parameters
        ----------
        name : str
            The alarm's name after the stack's, and its section in the runbook.
        periods, of_which : int
            How many periods are evaluated, and how many of them have to breach the threshold: by default all.
        """
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{cdk.Stack.of(self).stack_name}-{name}",
            alarm_description=f"{description} Runbook: docs/runbook.md#{name.lower()}",
            metric=metric,
            threshold=threshold,
            comparison_operator=operator,
            evaluation_periods=periods,
            datapoints_to_alarm=of_which,
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
        self.by_name[name] = alarm
        return alarm

    def _watch_dead_letters(self) -> None:
        dead_letters = self.metrics.parts.inbound.queues.dead_letters
        self.add(
            "DeadLetters",
            description="Webhooks could not be applied and wait in the dead-letter queue. Look at them, fix the "
            "cause, then redrive: ./bridge dlq list.",
            metric=dead_letters.metric_approximate_number_of_messages_visible(period=MINUTE, statistic=MAXIMUM),
        )
        self.add(
            "DeadLettersExpiring",
            description="A dead letter is about 10 days old, and SQS deletes it 14 days after its webhook came "
            "in. Export it, then redrive it: ./bridge dlq export.",
            metric=dead_letters.metric_approximate_age_of_oldest_message(period=FIVE_MINUTES, statistic=MAXIMUM),
            threshold=EXPIRING_AFTER.to_seconds(),
        )
        self.add(
            "DeadLettersForgotten",
            description="There were dead letters on each of the last seven days. Somebody has to look at them "
            "before SQS deletes them: ./bridge dlq list.",
            # SQS leaves a message that was received three times, for instance to look at it, out of the age, and not
            # out of the number. Seven days is the longest that an alarm looks back.
            metric=dead_letters.metric_approximate_number_of_messages_visible(
                period=cdk.Duration.days(1), statistic=MAXIMUM
            ),
            periods=7,
        )

    def _watch_queue(self) -> None:
        queue = self.metrics.parts.inbound.queues.queue
        least = cloudwatch.Stats.MINIMUM
        self.add(
            "MessagesWaiting",
            description="Webhooks arrive faster than they are processed. Check whether the processor fails, then "
            "raise max_concurrency.",
            metric=queue.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES, statistic=least),
            threshold=self.thresholds.waiting_messages,
            periods=3,
        )
        self.add(
            "MessagesInFlight",
            description="Many webhooks are being processed or wait for another attempt. Check what the "
            "processor's log says about them.",
            # A failed webhook waits in flight, and the age below leaves it out after three attempts.
            metric=queue.metric_approximate_number_of_messages_not_visible(period=FIVE_MINUTES, statistic=least),
            threshold=self.thresholds.waiting_messages,
            periods=3,
        )
        self.add(
            "OldestMessage",
            description="A webhook has waited a quarter of an hour in the queue. Check whether the processor and "
            "its event source are running.",
            metric=queue.metric_approximate_age_of_oldest_message(period=MINUTE, statistic=MAXIMUM),
            threshold=cdk.Duration.minutes(15).to_seconds(),
        )

    def _watch_processing(self) -> None:
        metrics, thresholds = self.metrics, self.thresholds
        self.add(
            "Freshness",
            description="Events are applied late, so the tables are out of date. Check whether webhooks wait in "
            "the queue or arrive late.",
            metric=metrics.own("FreshnessSeconds", service="processor", statistic="p99"),
            threshold=thresholds.freshness_seconds,
            operator=ComparisonOperator.GREATER_THAN_THRESHOLD,
        )
        self.add(
            "ProcessorErrors",
            description="The processor failed or ran into its time-out. SQS delivers the webhooks again; look for "
            "the error in its log.",
            metric=metrics.functions["processor"].metric_errors(period=FIVE_MINUTES),
        )
        self.add(
            "Retrying",
            description="Webhooks have failed and been tried again for a quarter of an hour or longer. Find the "
            "cause in the processor's log.",
            metric=metrics.own("Retried", service="processor"),
            # Attempts become rarer: a single webhook that keeps failing is tried in three of its first four periods.
            periods=6,
            of_which=3,
        )
        self.add(
            "Duplicates",
            description="More webhooks came again than VectorCare's own retries explain. Check whether ingest "
            "answers in time, and ask VectorCare.",
            metric=metrics.own("Duplicate", service="processor", period=cdk.Duration.hours(1)),
            threshold=thresholds.duplicates_per_hour,
        )

    def _watch_answers(self) -> None:
        metrics, thresholds = self.metrics, self.thresholds
        self.add(
            "SignatureFailures",
            description="Webhooks with the right customer_id were refused because of their signature. Check "
            "whether VectorCare has a new key.",
            # A quarter of an hour: the three attempts of one webhook seldom fall into two periods.
            metric=metrics.own("SignatureInvalid", service="ingest", period=cdk.Duration.minutes(15)),
            threshold=VECTORCARE_ATTEMPTS * thresholds.refused_webhooks,
        )
        self.add(
            "WebhooksTooLarge",
            description="A webhook with the right customer_id was larger than 256 KiB and is lost. Find its service "
            "request in VectorCare's Webhook Call History.",
            metric=metrics.own("TooLarge", service="ingest"),
        )
        self.add(
            "NotKept",
            description="Neither the queue nor the spool took a webhook, so VectorCare was answered 503. After three "
            "such answers it is lost; look for the error in ingest's log.",
            metric=metrics.own("NotKept", service="ingest", period=MINUTE),
        )
        self.add(
            "ServerErrors",
            description="VectorCare was answered with a 5xx. After three such answers a webhook is lost; check "
            "ingest, the queue and the spool.",
            metric=metrics.api("5XXError", period=MINUTE),
        )
        self.add(
            "SlowAnswers",
            description="VectorCare waits long for its answers, and after 10 seconds it counts them as failed. "
            "Check what slows down ingest.",
            # API Gateway's own clock includes cold starts and stopped functions, which the function cannot measure.
            metric=metrics.api("Latency", statistic="p99"),
            threshold=thresholds.answer_milliseconds,
            periods=3,
            of_which=2,
        )

    def _watch_spool(self) -> None:
        drain = self.metrics.functions["drain"]
        self.add(
            "SpoolNotEmpty",
            description="Webhooks that the queue refused are still in the spool after three runs of the drain. "
            "Check the drain and the queue.",
            metric=self.metrics.own("SpoolObjects", service="drain", statistic=MAXIMUM, period=MINUTE),
            periods=3,
            # The drain did not look: the state stays as it was. DrainStopped watches whether the drain runs.
            missing=TreatMissingData.IGNORE,
        )
        self.add(
            "DrainStopped",
            description="The drain has not run for five minutes, so webhooks that the queue refused stay in the "
            "spool. Check its schedule.",
            metric=drain.metric_invocations(period=MINUTE),
            operator=ComparisonOperator.LESS_THAN_THRESHOLD,
            periods=5,
            # A function that is not even called has no metric at all.
            missing=TreatMissingData.BREACHING,
        )
        self.add(
            "DrainErrors",
            description="The drain failed or ran into its time-out, so webhooks that the queue refused stay in "
            "the spool. Look for the error in its log.",
            metric=drain.metric_errors(period=FIVE_MINUTES),
        )
        self.add(
            "DrainFailures",
            description="The drain found webhooks in the spool and could not move them to the queue. Look for the "
            "reason in its log.",
            metric=self.metrics.own("DrainFailed", service="drain"),
        )

    def _watch_throttles(self) -> None:
        metrics = self.metrics
        self.add(
            "IngestThrottled",
            description="Lambda refused to run ingest because the account runs too many functions at once. Raise "
            "the account's concurrency quota.",
            metric=metrics.functions["ingest"].metric_throttles(period=MINUTE, statistic=SUM),
        )
        # What is throttled behind the queue is tried again: only a lasting problem should wake a person.
        lasting = 3
        self.add(
            "ProcessorThrottled",
            description="Lambda has refused to run the processor for a quarter of an hour, and webhooks wait in "
            "the queue. Check the account's concurrency.",
            metric=metrics.functions["processor"].metric_throttles(period=FIVE_MINUTES, statistic=SUM),
            periods=lasting,
        )
        for name, table, metric in (
            ("EventsThrottled", "events", metrics.table_throttles("events")),
            ("ServiceRequestsThrottled", "service_requests", metrics.table_throttles("service_requests")),
            ("StatusIndexThrottled", "index by_status", metrics.index_throttles()),
        ):
            self.add(
                name,
                description=f"DynamoDB has throttled writes to {table} for a quarter of an hour. They are tried again; "
                "check on the dashboard how many writes there are a second.",
                metric=metric,
                periods=lasting,
            )
