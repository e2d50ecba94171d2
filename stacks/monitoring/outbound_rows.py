"""The rows of the engineer's dashboard for the outbound direction, in its order."""

from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.config.alarm_thresholds import AlarmThresholds
from stacks.monitoring import widgets
from stacks.monitoring.metrics import MAXIMUM, Metrics

Row = list[cloudwatch.IWidget]


def outbound_rows(metrics: Metrics, thresholds: AlarmThresholds) -> list[Row]:
    """Return the rows: publisher and bus, then outbound queue and sender."""
    return [
        widgets.heading("### Change events: publisher and bus"),
        _change_events(metrics, thresholds),
        widgets.heading("### Commands: outbound queue"),
        _queue(metrics, thresholds),
        widgets.heading("### Commands: sender and VectorCare"),
        _sender(metrics, thresholds),
    ]


def _change_events(metrics: Metrics, thresholds: AlarmThresholds) -> Row:
    own = metrics.own
    return [
        widgets.graph(
            "Events",
            own("Published", service="publisher", label="published"),
            own("Unpublished", service="publisher", label="not taken by the bus"),
            own("ChangeUnreadable", service="publisher", label="unreadable changes"),
            metrics.bus("InvocationAttempts", label="deliveries to subscribers"),
        ),
        widgets.graph(
            "Age of the changes that the publisher is at",
            metrics.iterator_age(label="age"),
            unit="milliseconds",
            threshold=("PublisherBehind", thresholds.publishing_seconds * 1000),
        ),
        widgets.graph(
            "Unpublished events that wait",
            metrics.parts.change_events.unpublished.metric_approximate_number_of_messages_visible(
                statistic=MAXIMUM, label="events"
            ),
            unit="events",
        ),
    ]


def _queue(metrics: Metrics, thresholds: AlarmThresholds) -> Row:
    queues = metrics.parts.commands.queues
    return [
        widgets.graph(
            "Commands in the queue",
            queues.queue.metric_approximate_number_of_messages_visible(statistic=MAXIMUM, label="visible"),
            queues.queue.metric_approximate_number_of_messages_not_visible(statistic=MAXIMUM, label="in flight"),
            unit="messages",
        ),
        widgets.graph(
            "Age of the oldest (of what was received less than three times)",
            queues.queue.metric_approximate_age_of_oldest_message(statistic=MAXIMUM, label="age"),
            unit="seconds",
            threshold=("CommandsWaiting", thresholds.command_seconds),
        ),
        widgets.graph(
            "Cannot be read",
            queues.dead_letters.metric_approximate_number_of_messages_visible(statistic=MAXIMUM, label="dead letters"),
            unit="letters",
            right=[metrics.own_by("reason", "CommandUnreadable", service="sender")],
            right_unit="in 5 minutes",
        ),
    ]


def _sender(metrics: Metrics, thresholds: AlarmThresholds) -> Row:
    own = metrics.own
    return [
        widgets.graph(
            "Ended",
            own("CommandSucceeded", service="sender", label="succeeded"),
            own("CommandExpired", service="sender", label="expired"),
            own("CommandUncertain", service="sender", label="uncertain"),
            own("CommandRepeated", service="sender", label="repeated"),
            metrics.own_by("reason", "CommandFailed", service="sender", prefix="failed: "),
        ),
        widgets.graph(
            "Given back, and why no call is made",
            own("CommandRetried", service="sender", label="to be tried again"),
            own("CircuitOpened", service="sender", label="circuit opened"),
            own("CredentialsRefused", service="sender", label="credentials refused"),
        ),
        widgets.graph(
            "Share of commands that failed, positions aside",
            own("CommandFailedPercent", service="sender", statistic=cloudwatch.Stats.AVERAGE, label="failed"),
            unit="percent",
            threshold=("CommandsFailing", thresholds.failed_commands_percent),
        ),
    ]
