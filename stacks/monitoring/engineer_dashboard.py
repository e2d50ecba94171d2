"""The dashboard for the engineer on call: the alarms, then each part on the path of a webhook, change and command."""

from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.config.alarm_thresholds import AlarmThresholds
from stacks.monitoring import widgets
from stacks.monitoring.alarms import Alarms
from stacks.monitoring.metrics import FIVE_MINUTES, MAXIMUM, SUM, Metrics
from stacks.monitoring.widgets import Row, graph


def engineer_rows(alarms: Alarms) -> list[Row]:
    """Return the rows of the dashboard, from the top."""
    title = "Alarms (docs/runbook.md has a section for each)"
    metrics, thresholds = alarms.metrics, alarms.thresholds
    parts = {
        "API: what VectorCare sees": _api(metrics, thresholds),
        "Functions": _functions(metrics),
        "Queue and processor": _queue(metrics, thresholds),
        "Dead letters": _dead_letters(metrics),
        "Spool": _spool(metrics),
        "Tables": _tables(metrics),
        "Change events: publisher and bus": _change_events(metrics, thresholds),
        "Commands: outbound queue": _command_queue(metrics, thresholds),
        "Commands: sender and VectorCare": _sender(metrics, thresholds),
    }
    if "reconcile" in metrics.functions:
        parts["Second region"] = [
            graph("Missed, and to be carried over", *metrics.labelled("reconcile", JournalDifference="webhooks"))
        ]
    rows = [row for name, graphs in parts.items() for row in (widgets.heading(f"### {name}"), graphs)]
    return [[widgets.states(title, alarms.by_name, list(alarms.by_name), height=5)], *rows]


def _api(metrics: Metrics, thresholds: AlarmThresholds) -> Row:
    refused = metrics.labelled(
        "ingest",
        SignatureInvalid="refused: signature",
        WrongCustomer="refused: customer_id",
        TooLarge="refused: too large",
    )
    return [
        graph(
            "Answers",
            metrics.api("Count", label="requests"),
            metrics.api("4XXError", label="4xx"),
            metrics.api("5XXError", label="5xx"),
        ),
        graph(
            "Time to answer",
            metrics.api("Latency", statistic="p50", label="API p50"),
            metrics.api("Latency", statistic="p99", label="API p99"),
            metrics.own("IngestMilliseconds", service="ingest", statistic="p99", label="ingest p99"),
            unit="milliseconds",
            threshold=("SlowAnswers", thresholds.answer_milliseconds),
        ),
        graph(
            "Accepted, by key, and during a move by URL",
            metrics.own_by("key", "SignedByKey", service="ingest"),
            metrics.own_by("customer_id", "AcceptedByCustomerId", service="ingest", prefix="customer_id: "),
            metrics.own_by("domain", "AcceptedByDomain", service="ingest", prefix="domain: "),
            right=refused,
            right_unit="refused attempts",
        ),
    ]


def _functions(metrics: Metrics) -> Row:
    functions = metrics.functions.items()
    return [
        graph("Invocations", *(each.metric_invocations(period=FIVE_MINUTES, label=name) for name, each in functions)),
        graph(
            "Errors and throttles",
            *(each.metric_errors(period=FIVE_MINUTES, label=f"{name} errors") for name, each in functions),
            *(
                each.metric_throttles(period=FIVE_MINUTES, statistic=SUM, label=f"{name} throttled")
                for name, each in functions
            ),
        ),
        graph(
            "Duration p99",
            *(
                each.metric_duration(period=FIVE_MINUTES, statistic="p99", label=name)
                for name, each in functions
                if name != "redrive"
            ),
            unit="milliseconds",
        ),
    ]


def _queue(metrics: Metrics, thresholds: AlarmThresholds) -> Row:
    queue = metrics.parts.inbound.queues.queue
    misfits = metrics.labelled(
        "processor",
        Retried="to be tried again",
        Restamped="re-stamped",
        ConflictingBytes="other bytes",
        AgainstIdOrder="against id order",
    )
    return [
        graph(
            "Messages in the queue",
            queue.metric_approximate_number_of_messages_visible(statistic=MAXIMUM, label="visible"),
            queue.metric_approximate_number_of_messages_not_visible(statistic=MAXIMUM, label="in flight"),
            unit="messages",
            threshold=("MessagesWaiting, MessagesInFlight", thresholds.waiting_messages),
        ),
        graph(
            "Age of the oldest (of what failed less than three times)",
            queue.metric_approximate_age_of_oldest_message(statistic=MAXIMUM, label="age"),
            unit="seconds",
        ),
        graph("Given back, and what does not fit", *misfits),
    ]


def _dead_letters(metrics: Metrics) -> Row:
    waiting = metrics.parts.inbound.queues.dead_letters.metric_approximate_number_of_messages_visible
    return [
        graph("Dead letters", waiting(statistic=MAXIMUM, label="dead letters"), unit="dead letters"),
        graph("Died, by reason", metrics.own_by("reason", "Failed", service="processor"), stacked=True),
        graph("Redriven", *metrics.labelled("redrive", Redriven="dead letters moved")),
    ]


def _spool(metrics: Metrics) -> Row:
    left = metrics.own("SpoolObjects", service="drain", statistic=MAXIMUM, label="webhooks")
    return [
        graph("Left in the spool", left, unit="webhooks"),
        graph("Into the spool", *metrics.labelled("ingest", Spooled="spooled", NotKept="not kept: answered 503")),
        graph("Out of the spool", *metrics.labelled("drain", Drained="drained", DrainFailed="failed")),
    ]


def _tables(metrics: Metrics) -> Row:
    tables = metrics.tables.items()
    return [
        graph(
            "Writes",
            *(table.metric_consumed_write_capacity_units(label=name, period=FIVE_MINUTES) for name, table in tables),
            unit="capacity units in 5 minutes",
        ),
        graph(
            "Throttled writes",
            metrics.table_throttles("events", label="events"),
            metrics.table_throttles("service_requests", label="service_requests"),
            metrics.index_throttles(label="index by_status"),
        ),
        graph(
            "Time of a write p99",
            *(
                table.metric_successful_request_latency(
                    dimensions_map={"TableName": table.table_name, "Operation": operation},
                    statistic="p99",
                    period=FIVE_MINUTES,
                    label=f"{name} {operation}",
                )
                for (name, table), operation in zip(tables, ("PutItem", "UpdateItem"), strict=True)
            ),
            unit="milliseconds",
        ),
    ]


def _change_events(metrics: Metrics, thresholds: AlarmThresholds) -> Row:
    unpublished = metrics.parts.change_events.unpublished.metric_approximate_number_of_messages_visible
    events = metrics.labelled(
        "publisher",
        Published="published",
        Unpublished="not taken by the bus",
        ChangeUnreadable="unreadable changes",
    )
    return [
        graph("Events", *events, metrics.bus("InvocationAttempts", label="deliveries to subscribers")),
        graph(
            "Age of the changes that the publisher is at",
            metrics.iterator_age(label="age"),
            unit="milliseconds",
            threshold=("PublisherBehind", thresholds.publishing_seconds * 1000),
        ),
        graph("Unpublished events that wait", unpublished(statistic=MAXIMUM, label="events"), unit="events"),
    ]


def _command_queue(metrics: Metrics, thresholds: AlarmThresholds) -> Row:
    queues = metrics.parts.commands.queues
    return [
        graph(
            "Commands in the queue",
            queues.queue.metric_approximate_number_of_messages_visible(statistic=MAXIMUM, label="visible"),
            queues.queue.metric_approximate_number_of_messages_not_visible(statistic=MAXIMUM, label="in flight"),
            unit="messages",
        ),
        graph(
            "Age of the oldest (of what was received less than three times)",
            queues.queue.metric_approximate_age_of_oldest_message(statistic=MAXIMUM, label="age"),
            unit="seconds",
            threshold=("CommandsWaiting", thresholds.command_seconds),
        ),
        graph(
            "Cannot be read",
            queues.dead_letters.metric_approximate_number_of_messages_visible(statistic=MAXIMUM, label="dead letters"),
            unit="dead letters",
            right=[metrics.own_by("reason", "CommandUnreadable", service="sender")],
            right_unit="in 5 minutes",
        ),
    ]


def _sender(metrics: Metrics, thresholds: AlarmThresholds) -> Row:
    ended = metrics.labelled(
        "sender",
        CommandSucceeded="succeeded",
        CommandExpired="expired",
        CommandUncertain="uncertain",
        CommandRepeated="repeated",
    )
    no_call = metrics.labelled(
        "sender",
        CommandRetried="to be tried again",
        CircuitOpened="circuit opened",
        CredentialsRefused="credentials refused",
    )
    average = cloudwatch.Stats.AVERAGE
    return [
        graph("Ended", *ended, metrics.own_by("reason", "CommandFailed", service="sender", prefix="failed: ")),
        graph("Given back, and why no call is made", *no_call),
        graph(
            "Share of commands that failed, positions aside",
            metrics.own("CommandFailedPercent", service="sender", statistic=average, label="failed"),
            unit="percent",
            threshold=("CommandsFailing", thresholds.failed_commands_percent),
        ),
    ]
