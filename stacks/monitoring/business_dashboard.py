"""The dashboard for the business: is all well, what came in, how did it end, how fresh are the tables."""

from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.monitoring import widgets
from stacks.monitoring.alarms import Alarms
from stacks.monitoring.metrics import MAXIMUM
from stacks.monitoring.widgets import Row

_STATES = (
    "Silence",
    "Freshness",
    "DeadLetters",
    "SignatureFailures",
    "ServerErrors",
    "UnpublishedEvents",
    "CredentialsRefused",
    "CircuitOpen",
    "CommandsExpired",
    "CommandsFailing",
)


def business_rows(alarms: Alarms) -> list[Row]:
    """Return the rows of the dashboard, from the top."""
    return [_alarm_states(alarms), *_webhooks(alarms), widgets.heading("### Commands to VectorCare"), _commands(alarms)]


def _alarm_states(alarms: Alarms) -> Row:
    text = (
        f"## Service requests of {alarms.metrics.organization}\n"
        "Red means that trips may be missing or out of date, here or at VectorCare. See docs/runbook.md."
    )
    return [
        cloudwatch.TextWidget(markdown=text, width=10, height=3),
        widgets.states("Is all well?", alarms.by_name, _STATES, width=14),
    ]


def _webhooks(alarms: Alarms) -> list[Row]:
    metrics, own, by = alarms.metrics, alarms.metrics.own, alarms.metrics.own_by
    dead_letters = metrics.parts.inbound.queues.dead_letters.metric_approximate_number_of_messages_visible
    return [
        [
            widgets.number("Webhooks received", own("Accepted", service="ingest", label="in this time")),
            widgets.number("Requests moved", own("Applied", service="processor", label="in this time")),
            widgets.number("Came again", own("Duplicate", service="processor", label="in this time")),
            widgets.number("Came too late", own("Stale", service="processor", label="in this time")),
            widgets.number("Refused: signature", own("SignatureInvalid", service="ingest", label="attempts")),
            widgets.number("Dead letters, at most", dead_letters(statistic=MAXIMUM, label="at once")),
        ],
        [
            widgets.wide_graph(
                "Webhooks by action",
                by("action", "WebhooksByAction", service="processor"),
                unit="webhooks in 5 minutes",
                stacked=True,
            ),
            widgets.wide_graph(
                "Requests by the status they moved to",
                by("status", "AppliedByStatus", service="processor"),
                unit="changes in 5 minutes",
                stacked=True,
            ),
        ],
        [
            widgets.wide_graph(
                "Freshness: age of an event when the tables have it",
                own("FreshnessSeconds", service="processor", statistic="p50", label="half are younger"),
                own("FreshnessSeconds", service="processor", statistic="p99", label="99 of 100 are younger"),
                unit="seconds",
                threshold=("Freshness", alarms.thresholds.freshness_seconds),
            ),
            widgets.wide_graph(
                "Silence: webhooks received, a gap is none at all",
                own("Accepted", service="ingest", label="received"),
                unit="webhooks in 5 minutes",
                stacked=True,
            ),
        ],
        [
            widgets.wide_graph(
                "How webhooks ended",
                *(own(name, service="processor") for name in ("Applied", "Duplicate", "Stale", "Expired")),
                unit="webhooks in 5 minutes",
                stacked=True,
            ),
            widgets.wide_graph(
                "Not taken, or not applied",
                *metrics.labelled(
                    "ingest",
                    SignatureInvalid="refused: signature (attempts)",
                    WrongCustomer="refused: not this organization's URL (attempts)",
                    NotKept="answered 503 (attempts)",
                ),
                by("reason", "Failed", service="processor", prefix="died: "),
            ),
        ],
    ]


def _commands(alarms: Alarms) -> Row:
    metrics, own = alarms.metrics, alarms.metrics.own
    return [
        widgets.wide_graph(
            "How commands ended",
            *metrics.labelled(
                "sender",
                CommandSucceeded="VectorCare took them",
                CommandExpired="expired",
                CommandUncertain="uncertain",
            ),
            metrics.own_by("reason", "CommandFailed", service="sender", prefix="refused: "),
            unit="commands in 5 minutes",
            stacked=True,
        ),
        widgets.wide_graph(
            "Lag: from a command's arrival to its end",
            own("CommandLagSeconds", service="sender", statistic="p50", label="half are faster"),
            own("CommandLagSeconds", service="sender", statistic="p99", label="99 of 100 are faster"),
            own("CommandWaitingSeconds", service="sender", statistic=MAXIMUM, label="oldest tried again"),
            unit="seconds",
            threshold=("CommandsLate", alarms.thresholds.command_seconds),
        ),
    ]
