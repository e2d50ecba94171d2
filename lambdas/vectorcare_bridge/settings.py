"""What each function is told by its environment, read once at cold start."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from vectorcare_bridge.fold import OrderBy


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

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read them; a missing one is a KeyError that names it."""
        return cls(queue_url=environment["QUEUE_URL"], dead_letter_queue_url=environment["DEAD_LETTER_QUEUE_URL"])
