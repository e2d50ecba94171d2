"""The alarms of the outbound direction: change events, commands, the reading API."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk.aws_cloudwatch import ComparisonOperator

from stacks.monitoring.alarms import Alarms
from stacks.monitoring.metrics import FIVE_MINUTES, MAXIMUM, MINUTE, SUM


def watch_change_events(alarms: Alarms) -> None:
    """Add the alarms of publisher and bus."""
    metrics, thresholds = alarms.metrics, alarms.thresholds
    unpublished = metrics.parts.change_events.unpublished
    alarms.add(
        "UnpublishedEvents",
        description="The bus refused events, and no subscriber has them. They wait in a queue of their own; "
        "redrive them once the bus works.",
        metric=unpublished.metric_approximate_number_of_messages_visible(period=MINUTE, statistic=MAXIMUM),
    )
    alarms.add(
        "UnpublishedEventsForgotten",
        description="There were unpublished events on each of the last seven days, and SQS deletes them after "
        "14 days. Redrive them.",
        # Not their age, which leaves out what was received three times, for instance to look at it.
        metric=unpublished.metric_approximate_number_of_messages_visible(
            period=cdk.Duration.days(1), statistic=MAXIMUM
        ),
        periods=7,
    )
    alarms.add(
        "PublisherErrors",
        description="For a quarter of an hour neither the bus nor the queue of unpublished events has taken "
        "changes. Fix this within 24 hours: after that the stream deletes them.",
        metric=metrics.functions["publisher"].metric_errors(period=FIVE_MINUTES),
        # The stream calls again: only a lasting problem should wake a person.
        periods=3,
    )
    alarms.add(
        "PublisherBehind",
        description="Changes are published late. Find the cause within 24 hours: after that the stream deletes them.",
        metric=metrics.iterator_age(),
        threshold=cdk.Duration.seconds(thresholds.publishing_seconds).to_milliseconds(),
    )
    alarms.add(
        "ChangesUnreadable",
        description="Somebody changed items of the state's table to something that is not a service request, "
        "and nothing was published. Repair the items by a replay.",
        metric=metrics.own("ChangeUnreadable", service="publisher"),
    )


def watch_commands(alarms: Alarms) -> None:
    """Add the alarms of outbound queue and sender.

    There is none for the sender's errors and throttles: CommandsWaiting covers what it does not take.
    """
    metrics = alarms.metrics
    _watch_queue(alarms)
    _watch_results(alarms)
    # Both are tried again: only a lasting problem should wake a person.
    alarms.add(
        "CredentialsRefused",
        description="No command is sent: VectorCare refuses the credentials, or the secret is empty. Put the "
        "current credentials into the secret.",
        metric=metrics.own("CredentialsRefused", service="sender"),
        periods=3,
        of_which=2,
    )
    alarms.add(
        "CircuitOpen",
        description="VectorCare does not answer, so calls to it are paused except for a probe every half "
        "minute. Check VectorCare's status.",
        metric=metrics.own("CircuitOpened", service="sender"),
        periods=3,
        of_which=2,
    )


def watch_reading(alarms: Alarms) -> None:
    """Add the alarm of the reading API."""
    alarms.add(
        "ReadingFails",
        description="The reading API has answered 5xx for a quarter of an hour, and readers see nothing new. "
        "Look for the error in the reader's log.",
        metric=alarms.metrics.parts.reading_api.rest_api.metric_server_error(period=FIVE_MINUTES, statistic=SUM),
        # Readers try again: only a lasting problem should wake a person.
        periods=3,
    )


def _watch_queue(alarms: Alarms) -> None:
    metrics, thresholds = alarms.metrics, alarms.thresholds
    queues = metrics.parts.commands.queues
    alarms.add(
        "CommandDeadLetters",
        description="The dispatch system sent a message that is not a command. It waits in the outbound "
        "dead-letter queue; find out what is wrong with it.",
        metric=queues.dead_letters.metric_approximate_number_of_messages_visible(period=MINUTE, statistic=MAXIMUM),
    )
    alarms.add(
        "CommandsWaiting",
        description=f"A command has waited {thresholds.command_seconds} seconds in the queue without being "
        "taken. Check whether the sender and its event source are running.",
        metric=queues.queue.metric_approximate_age_of_oldest_message(period=MINUTE, statistic=MAXIMUM),
        threshold=thresholds.command_seconds,
    )
    alarms.add(
        "CommandsLate",
        description=f"A command is {thresholds.command_seconds} seconds old and still being tried. Check "
        "whether VectorCare answers, and what the sender's log says.",
        metric=metrics.own("CommandWaitingSeconds", service="sender", statistic=MAXIMUM),
        threshold=thresholds.command_seconds,
        # There may be 20 minutes without data between two attempts: the alarm must not end in them.
        periods=6,
        of_which=1,
    )


def _watch_results(alarms: Alarms) -> None:
    metrics, thresholds = alarms.metrics, alarms.thresholds
    alarms.add(
        "CommandsExpired",
        description="VectorCare did not take commands in time, and they are not tried any more. Check why, "
        "then send what still matters again.",
        metric=metrics.own("CommandExpired", service="sender"),
    )
    alarms.add(
        "CommandsUncertain",
        description="VectorCare's answer does not show whether some commands were carried out. Check them in "
        "VectorCare before you send them again.",
        metric=metrics.own("CommandUncertain", service="sender"),
    )
    alarms.add(
        "CommandsFailing",
        description=f"VectorCare refuses more than {thresholds.failed_commands_percent} % of the commands, "
        "positions not counted. Check the reasons on the dashboard.",
        metric=metrics.own(
            "CommandFailedPercent",
            service="sender",
            statistic=cloudwatch.Stats.AVERAGE,
            period=cdk.Duration.minutes(30),
        ),
        threshold=thresholds.failed_commands_percent,
        operator=ComparisonOperator.GREATER_THAN_THRESHOLD,
        # In a quiet half hour there may be only one command.
        periods=4,
        of_which=2,
    )
