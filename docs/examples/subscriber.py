"""A dispatch system's subscription to one organization's bus: with a queue, and over HTTPS if an endpoint is named.

    ./cdk deploy --app "python docs/examples/subscriber.py" -c bus=VectorCareBridge-acme \
        -c endpoint=https://cad.example.com/hooks/vectorcare -c api_key_secret=cad/api-key

Copy what you need of it into the stack of your own system.
"""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

CHANGES = (
    "ServiceRequestAvailable",
    "ServiceRequestAssigned",
    "ServiceRequestCompleted",
    "ServiceRequestUnavailable",
    "ServiceRequestUpdated",
)
OUTCOMES = ("CommandSucceeded", "CommandFailed", "CommandExpired", "CommandUncertain")
KEPT_DAYS = 14


class Subscription(cdk.Stack):
    """Rules on the bus, in a stack of the subscriber's own, which does not depend on the bridge's."""

    def __init__(
        self, scope: Construct, construct_id: str, *, bus: str, endpoint: str | None, api_key_secret: str | None
    ) -> None:
        super().__init__(scope, construct_id)
        self._bus = events.EventBus.from_event_bus_name(self, "Bus", bus)
        # What a target has not taken within a day.
        self._dead_letters = self._build_queue("DeadLetters")
        self._subscribe_queue()
        if endpoint and api_key_secret:
            self._subscribe_endpoint(endpoint, api_key_secret)

    def _subscribe_queue(self) -> None:
        """Send everything to a queue: nothing is lost while the dispatch system is down."""
        queue = self._build_queue("Queue", dead_letters=self._dead_letters)
        self._build_rule(
            "ToQueue", (*CHANGES, *OUTCOMES), targets.SqsQueue(queue, dead_letter_queue=self._dead_letters)
        )
        cdk.CfnOutput(self, "QueueUrl", value=queue.queue_url)

    def _subscribe_endpoint(self, endpoint: str, api_key_secret: str) -> None:
        """Post changes with an API key to an HTTPS endpoint, which has to answer within 5 seconds."""
        connection = events.Connection(
            self,
            "Connection",
            # Secrets Manager holds the key: the template only names the secret.
            authorization=events.Authorization.api_key("X-Api-Key", cdk.SecretValue.secrets_manager(api_key_secret)),
        )
        destination = events.ApiDestination(
            self, "Destination", connection=connection, endpoint=endpoint, rate_limit_per_second=10
        )
        self._build_rule(
            "ToEndpoint", CHANGES, targets.ApiDestination(destination, dead_letter_queue=self._dead_letters)
        )

    def _build_rule(self, construct_id: str, detail_types: Sequence[str], target: events.IRuleTarget) -> None:
        events.Rule(
            self,
            construct_id,
            event_bus=self._bus,
            event_pattern=events.EventPattern(source=["vectorcare-bridge"], detail_type=list(detail_types)),
            targets=[target],
        )

    def _build_queue(self, construct_id: str, *, dead_letters: sqs.Queue | None = None) -> sqs.Queue:
        return sqs.Queue(
            self,
            construct_id,
            # If you use a key of your own instead, its policy has to admit events.amazonaws.com.
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(KEPT_DAYS),
            visibility_timeout=cdk.Duration.minutes(5),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=10) if dead_letters else None,
        )


def build(app: cdk.App) -> None:
    """Add the subscription that the context asks for."""
    bus = app.node.try_get_context("bus")
    if not bus:
        raise SystemExit("Name the bus of the bridge's output EventBus: -c bus=VectorCareBridge-acme")
    Subscription(
        app,
        "VectorCareSubscription",
        bus=bus,
        endpoint=app.node.try_get_context("endpoint"),
        api_key_secret=app.node.try_get_context("api_key_secret"),
    )


if __name__ == "__main__":
    application = cdk.App()
    build(application)
    application.synth()
