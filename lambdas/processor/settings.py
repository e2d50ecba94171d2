"""What the processor is configured with."""

from dataclasses import dataclass

from vectorcare_bridge.webhooks.fold import OrderBy


@dataclass(frozen=True, slots=True)
class ProcessorSettings:
    """Each field is the environment variable of its name; retentions are in days."""

    queue_url: str
    events_table: str
    service_requests_table: str
    order_by: OrderBy
    state_retention_days: int
    journal_retention_days: int
