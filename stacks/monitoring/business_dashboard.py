"""The dashboard for the business: what came in, what it changed, how fresh the tables are."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.monitoring import widgets
from stacks.monitoring.alarms import Alarms
from stacks.monitoring.metrics import MAXIMUM


class BusinessDashboard(Construct):
    """From the top: is all well, what came in, how did it end."""

    def __init__(self, scope: Construct, construct_id: str, alarms: Alarms) -> None:
        super().__init__(scope, construct_id)
        self._metrics = alarms.metrics
        self._thresholds = alarms.thresholds
        self._alarms = alarms.by_name
        self.dashboard = cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=f"{cdk.Stack.of(self).stack_name}-business",
            default_interval=cdk.Duration.days(1),
            widgets=[
                self._alarm_states(),
                self._totals(),
                self._webhooks(),
                self._freshness(),
                self._results(),
                widgets.heading("### Commands to VectorCare"),
                self._commands(),
            ],
        )

    def _alarm_states(self) -> list[cloudwatch.IWidget]:
        return [
            cloudwatch.TextWidget(
                markdown=f"## Service requests of {self._metrics.organization}\n"
                "Red means that trips may be missing or out of date, here or at VectorCare. See docs/runbook.md.",
                width=10,
                height=3,
            ),
            widgets.states(
                "Is all well?",
                self._alarms,
                [
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
                ],
                width=14,
            ),
        ]

    def _totals(self) -> list[cloudwatch.IWidget]:
        own = self._metrics.own
        dead_letters = self._metrics.parts.inbound.queues.dead_letters
        return [
            widgets.number("Webhooks received", own("Accepted", service="ingest", label="in this time")),
            widgets.number("Requests moved", own("Applied", service="processor", label="in this time")),
            widgets.number("Came again", own("Duplicate", service="processor", label="in this time")),
            widgets.number("Came too late", own("Stale", service="processor", label="in this time")),
            widgets.number("Refused: signature", own("SignatureInvalid", service="ingest", label="attempts")),
            widgets.number(
                "Dead letters, at most",
                dead_letters.metric_approximate_number_of_messages_visible(statistic=MAXIMUM, label="at once"),
            ),
        ]

    def _webhooks(self) -> list[cloudwatch.IWidget]:
        by = self._metrics.own_by
        return [
            widgets.graph(
                "Webhooks by action",
                by("action", "WebhooksByAction", service="processor"),
                width=12,
                unit="webhooks in 5 minutes",
                stacked=True,
            ),
            widgets.graph(
                "Requests by the status they moved to",
                by("status", "AppliedByStatus", service="processor"),
                width=12,
                unit="changes in 5 minutes",
                stacked=True,
            ),
        ]

    def _freshness(self) -> list[cloudwatch.IWidget]:
        own = self._metrics.own
        return [
            widgets.graph(
                "Freshness: age of an event when the tables have it",
                own("FreshnessSeconds", service="processor", statistic="p50", label="half are younger"),
                own("FreshnessSeconds", service="processor", statistic="p99", label="99 of 100 are younger"),
                width=12,
                unit="seconds",
                threshold=("Freshness", self._thresholds.freshness_seconds),
            ),
            widgets.graph(
                "Silence: webhooks received, a gap is none at all",
                own("Accepted", service="ingest", label="received"),
                width=12,
                unit="webhooks in 5 minutes",
                stacked=True,
            ),
        ]

    def _results(self) -> list[cloudwatch.IWidget]:
        own = self._metrics.own
        return [
            widgets.graph(
                "How webhooks ended",
                *(own(name, service="processor") for name in ("Applied", "Duplicate", "Stale", "Expired")),
                width=12,
                unit="webhooks in 5 minutes",
                stacked=True,
            ),
            widgets.graph(
                "Not taken, or not applied",
                own("SignatureInvalid", service="ingest", label="refused: signature (attempts)"),
                own("WrongCustomer", service="ingest", label="refused: not this organization's URL (attempts)"),
                own("NotKept", service="ingest", label="answered 503 (attempts)"),
                self._metrics.own_by("reason", "Failed", service="processor", prefix="died: "),
                width=12,
            ),
        ]

    def _commands(self) -> list[cloudwatch.IWidget]:
        own = self._metrics.own
        return [
            widgets.graph(
                "How commands ended",
                own("CommandSucceeded", service="sender", label="VectorCare took them"),
                own("CommandExpired", service="sender", label="expired"),
                own("CommandUncertain", service="sender", label="uncertain"),
                self._metrics.own_by("reason", "CommandFailed", service="sender", prefix="refused: "),
                width=12,
                unit="commands in 5 minutes",
                stacked=True,
            ),
            widgets.graph(
                "Lag: from a command's arrival to its end",
                own("CommandLagSeconds", service="sender", statistic="p50", label="half are faster"),
                own("CommandLagSeconds", service="sender", statistic="p99", label="99 of 100 are faster"),
                own("CommandWaitingSeconds", service="sender", statistic=MAXIMUM, label="oldest tried again"),
                width=12,
                unit="seconds",
                threshold=("CommandsLate", self._thresholds.command_seconds),
            ),
        ]
