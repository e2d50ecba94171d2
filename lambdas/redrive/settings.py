"""What redrive is configured with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RedriveSettings:
    """Each field is the environment variable of its name."""

    queue_url: str
    dead_letter_queue_url: str
    outbound_queue_url: str
    outbound_dead_letter_queue_url: str
    event_bus: str
    unpublished_queue_url: str
    events_table: str
