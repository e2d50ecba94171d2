"""The alarms of the scheduled comparison with the other region."""

from datetime import timedelta

import aws_cdk as cdk
from aws_cdk.aws_cloudwatch import TreatMissingData

from stacks.monitoring.alarms import Alarms
from stacks.monitoring.metrics import MAXIMUM, SUM

RUNS = 2
"""A first run may find a difference, and removes it."""


def watch_reconcile(alarms: Alarms, *, every: timedelta) -> None:
    """Add the alarms of a comparison that runs at this interval."""
    metrics, period = alarms.metrics, cdk.Duration.minutes(every.total_seconds() / 60)
    alarms.add(
        "JournalDifference",
        description="This region still misses webhooks that the other one has, although they should have been carried "
        "over. Look with ./bridge reconcile --dry-run.",
        metric=metrics.own("JournalDifference", service="reconcile", statistic=MAXIMUM, period=period),
        periods=RUNS,
        # No run, no news: the alarm below watches whether it runs.
        missing=TreatMissingData.IGNORE,
    )
    alarms.add(
        "ReconcileFails",
        description="The comparison with the other region has failed in two runs, so it is not known what this region "
        "has missed. Check the other region, then the log of the function reconcile.",
        metric=metrics.functions["reconcile"].metric_errors(period=period, statistic=SUM),
        periods=RUNS,
    )
