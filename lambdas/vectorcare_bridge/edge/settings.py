"""What each function is told by its environment, read once at cold start."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from vectorcare_bridge.webhooks.fold import OrderBy


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """The ingest function's."""

    queue_url: str
    spool_bucket: str
    customer_id: str
    public_keys: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read them; a missing one is a KeyError that names it."""
        return cls(
            queue_url=environment["QUEUE_URL"],
            spool_bucket=environment["SPOOL_BUCKET"],
            customer_id=environment["CUSTOMER_ID"],
            public_keys=environment["PUBLIC_KEYS"],
        )


@dataclass(frozen=True, slots=True)
class ProcessorSettings:
    """The processor function's; retentions in days."""

    queue_url: str
    events_table: str
    service_requests_table: str
    order_by: OrderBy
    state_retention_days: int
    journal_retention_days: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read them; a missing one is a KeyError that names it."""
        return cls(
            queue_url=environment["QUEUE_URL"],
            events_table=environment["EVENTS_TABLE"],
            service_requests_table=environment["SERVICE_REQUESTS_TABLE"],
            order_by=OrderBy(environment["ORDER_BY"]),
            state_retention_days=int(environment["STATE_RETENTION_DAYS"]),
            journal_retention_days=int(environment["JOURNAL_RETENTION_DAYS"]),
        )


@dataclass(frozen=True, slots=True)
class DrainSettings:
    """The drain function's."""

    queue_url: str
    spool_bucket: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read them; a missing one is a KeyError that names it."""
        return cls(queue_url=environment["QUEUE_URL"], spool_bucket=environment["SPOOL_BUCKET"])


@dataclass(frozen=True, slots=True)
class RedriveSettings:
    """The redrive function's."""

    queue_url: str
    dead_letter_queue_url: str
    outbound_queue_url: str
    outbound_dead_letter_queue_url: str
    event_bus: str
    unpublished_queue_url: str
    events_table: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read them; a missing one is a KeyError that names it."""
        return cls(
            queue_url=environment["QUEUE_URL"],
            dead_letter_queue_url=environment["DEAD_LETTER_QUEUE_URL"],
            outbound_queue_url=environment["OUTBOUND_QUEUE_URL"],
            outbound_dead_letter_queue_url=environment["OUTBOUND_DEAD_LETTER_QUEUE_URL"],
            event_bus=environment["EVENT_BUS"],
            unpublished_queue_url=environment["UNPUBLISHED_QUEUE_URL"],
            events_table=environment["EVENTS_TABLE"],
        )


@dataclass(frozen=True, slots=True)
class PublisherSettings:
    """The publisher function's; `publish_actions` holds `*` where all are published."""

    event_bus: str
    unpublished_queue_url: str
    publish_actions: frozenset[str]
    publish_data: bool

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read them; a missing one is a KeyError that names it."""
        return cls(
            event_bus=environment["EVENT_BUS"],
            unpublished_queue_url=environment["UNPUBLISHED_QUEUE_URL"],
            publish_actions=frozenset(environment["PUBLISH_ACTIONS"].split(",")),
            publish_data=environment["PUBLISH_DATA"] == "true",
        )


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """The sender function's; the secret holds VectorCare's `client_id` and `client_secret` as JSON.

    `token_url` is empty where nobody knows it: then there is no token, and nothing is sent.
    """

    queue_url: str
    dead_letter_queue_url: str
    commands_table: str
    event_bus: str
    credentials_secret: str
    api_url: str
    token_url: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read them; a missing one is a KeyError that names it."""
        return cls(
            queue_url=environment["OUTBOUND_QUEUE_URL"],
            dead_letter_queue_url=environment["OUTBOUND_DEAD_LETTER_QUEUE_URL"],
            commands_table=environment["COMMANDS_TABLE"],
            event_bus=environment["EVENT_BUS"],
            credentials_secret=environment["CREDENTIALS_SECRET"],
            api_url=environment["VECTORCARE_API_URL"],
            token_url=environment["VECTORCARE_TOKEN_URL"],
        )


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """The reader function's; the index has service requests by status."""

    events_table: str
    service_requests_table: str
    status_index: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read them; a missing one is a KeyError that names it."""
        return cls(
            events_table=environment["EVENTS_TABLE"],
            service_requests_table=environment["SERVICE_REQUESTS_TABLE"],
            status_index=environment["STATUS_INDEX"],
        )
