"""The alarms of the outbound way: changes that do not come out or cannot be read, commands that do not go out."""

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
        description="The bus did not take events; they wait in a queue of their own, and no subscriber has them.",
        metric=unpublished.metric_approximate_number_of_messages_visible(period=MINUTE, statistic=MAXIMUM),
    )
    alarms.add(
        "UnpublishedEventsForgotten",
        description="There were unpublished events on each of the last seven days; SQS deletes them after 14 days.",
        # Not their age, which forgets what was received three times, as looking at it does.
        metric=unpublished.metric_approximate_number_of_messages_visible(
            period=cdk.Duration.days(1), statistic=MAXIMUM
        ),
        periods=7,
    )
    alarms.add(
        "PublisherErrors",
        description="Neither the bus nor the queue of unpublished events takes changes, for a quarter of an hour; the "
        "stream forgets them after 24 hours.",
        metric=metrics.functions["publisher"].metric_errors(period=FIVE_MINUTES),
        # The stream calls again by itself: only what lasts is worth a person's sleep.
        periods=3,
    )
    alarms.add(
        "PublisherBehind",
        description="Changes are published late; the stream forgets them after 24 hours.",
        metric=metrics.iterator_age(),
        threshold=cdk.Duration.seconds(thresholds.publishing_seconds).to_milliseconds(),
    )
    alarms.add(
        "ChangesUnreadable",
        description="Items of the state's table were changed to what is no service request; nothing was published.",
        metric=metrics.own("ChangeUnreadable", service="publisher"),
    )


def watch_commands(alarms: Alarms) -> None:
    """Add the alarms of outbound queue and sender.

    There is none for the sender's errors and throttles: what it does not take, CommandsWaiting tells of.
    """
    metrics = alarms.metrics
    _watch_queue(alarms)
    _watch_results(alarms)
    # Both are tried again by themselves: only what lasts is worth a person's sleep.
    alarms.add(
        "CredentialsRefused",
        description="No command is sent: VectorCare refuses the credentials, or their secret is empty.",
        metric=metrics.own("CredentialsRefused", service="sender"),
        periods=3,
        of_which=2,
    )
    alarms.add(
        "CircuitOpen",
        description="VectorCare does not answer; calls to it are stopped but for a probe each half minute.",
        metric=metrics.own("CircuitOpened", service="sender"),
        periods=3,
        of_which=2,
    )


def watch_reading(alarms: Alarms) -> None:
    """Add the alarm of the reading API."""
    alarms.add(
        "ReadingFails",
        description="The reading API has answered 5xx for a quarter of an hour: who reads sees nothing new.",
        metric=alarms.metrics.parts.reading_api.rest_api.metric_server_error(period=FIVE_MINUTES, statistic=SUM),
        # Readers are told to try again: only what lasts is worth a person's sleep.
        periods=3,
    )


def _watch_queue(alarms: Alarms) -> None:
    metrics, thresholds = alarms.metrics, alarms.thresholds
    queues = metrics.parts.commands.queues
    alarms.add(
        "CommandDeadLetters",
        description="The dispatch system sent what is no command; it waits in the outbound dead-letter queue.",
        metric=queues.dead_letters.metric_approximate_number_of_messages_visible(period=MINUTE, statistic=MAXIMUM),
    )
    alarms.add(
        "CommandsWaiting",
        description=f"A command has waited {thresholds.command_seconds} seconds in the queue: the sender does not take "
        "it.",
        metric=queues.queue.metric_approximate_age_of_oldest_message(period=MINUTE, statistic=MAXIMUM),
        threshold=thresholds.command_seconds,
    )
    alarms.add(
        "CommandsLate",
        description=f"A command is {thresholds.command_seconds} seconds old and is still tried again.",
        metric=metrics.own("CommandWaitingSeconds", service="sender", statistic=MAXIMUM),
        threshold=thresholds.command_seconds,
        # Between two attempts lie up to 20 minutes without data: the alarm shall not take itself back in them.
        periods=6,
        of_which=1,
    )


def _watch_results(alarms: Alarms) -> None:
    metrics, thresholds = alarms.metrics, alarms.thresholds
    alarms.add(
        "CommandsExpired",
        description="Commands came to their end without VectorCare having taken them.",
        metric=metrics.own("CommandExpired", service="sender"),
    )
    alarms.add(
        "CommandsUncertain",
        description="Nobody knows whether VectorCare has taken some commands.",
        metric=metrics.own("CommandUncertain", service="sender"),
    )
    alarms.add(
        "CommandsFailing",
        description=f"VectorCare refuses more than {thresholds.failed_commands_percent} % of the commands, positions "
        "aside.",
        metric=metrics.own(
            "CommandFailedPercent",
            service="sender",
            statistic=cloudwatch.Stats.AVERAGE,
            period=cdk.Duration.minutes(30),
        ),
        threshold=thresholds.failed_commands_percent,
        operator=ComparisonOperator.GREATER_THAN_THRESHOLD,
        # In a quiet half hour one command is all of them.
        periods=4,
        of_which=2,
    )
